//! How much room text takes, and how it is written into XML.
//!
//! Layout cannot ask a font, so widths come from the metrics of Helvetica, which Arial and
//! Liberation Sans share.

/// Advance widths of the characters from space to tilde, in thousandths of the size.
const HELVETICA: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278,
    278, // space to /
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, // 0 to ?
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, // @ to O
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, // P to _
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, // ` to o
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584, // p to ~
];

/// What bold text needs more than regular text, at most.
pub(crate) const BOLD: f64 = 1.09;

/// Width of a line of regular text.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size
}

/// Width of a line of bold text.
pub(crate) fn bold_width(text: &str, size: f64) -> f64 {
    width(text, size) * BOLD
}

/// Advance width of a character of size 1. Characters outside ASCII are taken as wide as they may
/// be: ideographs fill a square.
fn advance(character: char) -> f64 {
    let code = u32::from(character);
    match code {
        0x20..=0x7e => f64::from(HELVETICA[code as usize - 0x20]) / 1000.0,
        0x2e80.. => 1.0,
        _ => 0.67,
    }
}

/// Breaks text at spaces into lines no wider than `room`; a word that is wider alone is broken
/// where the room ends. Text without words has no lines.
pub(crate) fn wrap(text: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace().flat_map(|word| pieces(word, size, room)) {
        match lines.last_mut() {
            Some(line) if width(line, size) + width(" ", size) + width(&word, size) <= room => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// Cuts a word into pieces no wider than `room`, of one character at least.
fn pieces(word: &str, size: f64, room: f64) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0.0;
    for character in word.chars() {
        let step = advance(character) * size;
        if room < used + step && 0.0 < used {
            pieces.push(String::new());
            used = 0.0;
        }
        used += step;
        if let Some(piece) = pieces.last_mut() {
            piece.push(character);
        }
    }
    pieces
}

/// Shortens text to `room`, with an ellipsis where something is left out.
pub(crate) fn shorten(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = advance('…') * size;
    for character in text.chars() {
        used += advance(character) * size;
        if room < used {
            break;
        }
        kept.push(character);
    }
    format!("{}…", kept.trim_end())
}

/// Writes text so that XML reads it back as text; characters that XML forbids become U+FFFD.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "Age" in Helvetica: 667 + 556 + 556 thousandths.
    #[test]
    fn widths_add_up() {
        assert!((width("Age", 10.0) - 17.79).abs() < 1e-9);
    }

    #[test]
    fn wrapped_lines_fit_and_keep_every_character() {
        let text = "hormone receptor positive or antidisestablishmentarianism 転移性乳癌の患者";
        for room in [20.0, 60.0, 200.0] {
            let lines = wrap(text, 12.0, room);
            assert!(lines.iter().all(|line| width(line, 12.0) <= room), "{lines:?}");
            let squeezed: String = lines.concat().split_whitespace().collect();
            assert_eq!(squeezed, text.split_whitespace().collect::<String>());
        }
    }

    #[test]
    fn shortened_text_fits() {
        assert_eq!(shorten("short", 12.0, 100.0), "short");
        let cut = shorten("a label that is much too long", 12.0, 100.0);
        assert!(cut.ends_with('…') && width(&cut, 12.0) <= 100.0, "{cut}");
    }

    #[test]
    fn markup_is_read_back_as_text() {
        assert_eq!(
            escape("<b a=\"1\">R&D's\u{0}\n"),
            "&lt;b a=&quot;1&quot;&gt;R&amp;D&#39;s\u{fffd} "
        );
    }
}
