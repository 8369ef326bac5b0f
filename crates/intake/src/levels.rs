//! Cells held against a list of words: levels of a category, or codes that mean "missing".

/// The position of a level for the content of a cell.
///
/// Text must be equal; numbers only in value, so that a cell `1.0` has the level `1`.
#[must_use]
pub fn level_position(levels: &[String], cell: &str) -> Option<usize> {
    Words::new(levels).position(cell)
}

/// Words with their numeric values, for many look-ups.
pub(crate) struct Words<'a> {
    words: Vec<(&'a str, Option<f64>)>,
}

impl<'a> Words<'a> {
    pub(crate) fn new(words: impl IntoIterator<Item = &'a String>) -> Self {
        Self { words: words.into_iter().map(|word| (word.as_str(), number(word))).collect() }
    }

    pub(crate) fn position(&self, cell: &str) -> Option<usize> {
        self.words.iter().position(|&(word, _)| word == cell).or_else(|| {
            let number = number(cell)?;
            self.words.iter().position(|&(_, value)| value == Some(number))
        })
    }

    pub(crate) fn contains(&self, cell: &str) -> bool {
        self.position(cell).is_some()
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_match_by_value_and_text_by_letter() {
        let levels = ["2", "1", "T1", "NaN"].map(String::from);
        assert_eq!(level_position(&levels, "1.0"), Some(1));
        assert_eq!(level_position(&levels, "02"), Some(0));
        assert_eq!(level_position(&levels, "T1"), Some(2));
        assert_eq!(level_position(&levels, "t1"), None);
        assert_eq!(level_position(&levels, "nan"), None);
        assert_eq!(level_position(&levels, ""), None);
    }
}
