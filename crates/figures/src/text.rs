//! How much room text takes, and how it is written into XML.

use crate::widths::BLOCKS;

/// Width of a line of regular text.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|character| advance(character, false)).sum::<f64>() * size
}

/// Width of a line of bold text.
pub(crate) fn bold_width(text: &str, size: f64) -> f64 {
    text.chars().map(|character| advance(character, true)).sum::<f64>() * size
}

/// Advance width of a character of size 1. A character that the font lacks is taken to fill a
/// square, as ideographs do.
fn advance(character: char, bold: bool) -> f64 {
    laid_out_widths(character)
        .map_or(1.0, |(regular, of_bold)| if bold { of_bold } else { regular })
}

/// The advance widths by which figures are laid out, of a character of size 1: regular and bold.
/// Absent where the table has none, and layout takes a square.
///
/// The widths are those of Liberation Sans, Arial and Helvetica.
#[must_use]
pub fn laid_out_widths(character: char) -> Option<(f64, f64)> {
    let code = u32::from(character);
    BLOCKS.iter().find_map(|block| {
        let place = code.checked_sub(block.first)? as usize;
        let (regular, bold) = (*block.regular.get(place)?, *block.bold.get(place)?);
        (0 < regular).then(|| (f64::from(regular) / 2048.0, f64::from(bold) / 2048.0))
    })
}

/// Breaks regular text at spaces into lines no wider than `room`; a word that is wider alone is
/// broken where the room ends. Words with a no-break space between them stay together. Text without
/// words has no lines.
pub(crate) fn wrap(text: &str, size: f64, room: f64) -> Vec<String> {
    wrapped(text, room, &|part| width(part, size))
}

/// Breaks bold text as [`wrap`] does regular text.
pub(crate) fn wrap_bold(text: &str, size: f64, room: f64) -> Vec<String> {
    wrapped(text, room, &|part| bold_width(part, size))
}

fn wrapped(text: &str, room: f64, width: &dyn Fn(&str) -> f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let is_gap = |character: char| character.is_whitespace() && character != '\u{a0}';
    let words = text.split(is_gap).filter(|word| !word.is_empty());
    for word in words.flat_map(|word| pieces(word, room, width)) {
        match lines.last_mut() {
            Some(line) if width(line) + width(" ") + width(&word) <= room => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// Cuts a word into pieces no wider than `room`, of one character at least.
fn pieces(word: &str, room: f64, width: &dyn Fn(&str) -> f64) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0.0;
    for character in word.chars() {
        let step = width(character.encode_utf8(&mut [0; 4]));
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

    /// "Age" in Liberation Sans: (1366 + 1139 + 1139) / 2048.
    #[test]
    fn widths_add_up() {
        assert!((width("Age", 10.0) - 36440.0 / 2048.0).abs() < 1e-9);
        assert!(width("Age", 10.0) < bold_width("Age", 10.0));
    }

    #[test]
    fn ideographs_fill_a_square() {
        assert_eq!(width("転移", 10.0), 20.0);
        assert_eq!(laid_out_widths('転'), None);
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
    fn a_no_break_space_keeps_words_together() {
        let width_of_one = width("H1\u{a0}12", 10.0);
        assert_eq!(
            wrap("H1\u{a0}12 H2\u{a0}9", 10.0, width_of_one + 1.0),
            ["H1\u{a0}12", "H2\u{a0}9"]
        );
    }

    #[test]
    fn markup_is_read_back_as_text() {
        assert_eq!(
            escape("<b a=\"1\">R&D's\u{0}\n"),
            "&lt;b a=&quot;1&quot;&gt;R&amp;D&#39;s\u{fffd} "
        );
    }
}
