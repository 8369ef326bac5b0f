//! Running text that knows which of its parts are numbers.

use super::Cell;
use serde::Serialize;
use std::fmt;

/// Sentences, as a row of spans without anything between them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Text {
    /// The spans, in order.
    pub spans: Vec<Span>,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Span {
    /// Words.
    Plain {
        /// The words.
        text: String,
    },
    /// Words that catch the eye.
    Strong {
        /// The words.
        text: String,
    },
    /// An id, a file name or a digest, in letters of one width.
    Code {
        /// It.
        text: String,
    },
    /// A rounded number, with its limits if it is printed with them.
    Number {
        /// As it is printed.
        text: String,
        /// The quantities that it was read from.
        ids: Vec<String>,
        /// Numbers of its caveats.
        caveats: Vec<usize>,
    },
    /// A link within the document.
    Reference {
        /// The words.
        text: String,
        /// Name of a section, table, figure or item.
        target: String,
    },
}

impl Span {
    /// What is printed.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Plain { text }
            | Self::Strong { text }
            | Self::Code { text }
            | Self::Number { text, .. }
            | Self::Reference { text, .. } => text,
        }
    }

    /// The quantities that it was read from.
    #[must_use]
    pub fn ids(&self) -> &[String] {
        match self {
            Self::Number { ids, .. } => ids,
            _ => &[],
        }
    }
}

impl Text {
    /// A template with a text in the place of each `{}`, in order. Places without a text vanish;
    /// texts without a place are left out.
    ///
    /// So a sentence is written in one piece, and the numbers in it keep their ids.
    pub fn fill(template: &str, parts: impl IntoIterator<Item = Text>) -> Self {
        let mut parts = parts.into_iter();
        let mut text = Self::default();
        for (index, words) in template.split("{}").enumerate() {
            if index > 0 {
                text.push(parts.next().unwrap_or_default());
            }
            text.push(words);
        }
        text
    }

    /// Words that catch the eye.
    pub fn strong(words: impl Into<String>) -> Self {
        Self { spans: vec![Span::Strong { text: words.into() }] }
    }

    /// An id, a file name or a digest.
    pub fn code(text: impl Into<String>) -> Self {
        Self { spans: vec![Span::Code { text: text.into() }] }
    }

    /// A link to a section, table, figure or item.
    pub fn reference(words: impl Into<String>, target: impl Into<String>) -> Self {
        Self { spans: vec![Span::Reference { text: words.into(), target: target.into() }] }
    }

    /// Texts one after the other, with words between two of them.
    pub fn join(texts: impl IntoIterator<Item = Text>, between: &str) -> Self {
        let mut joined = Self::default();
        for text in texts {
            if !joined.is_empty() {
                joined.push(between);
            }
            joined.push(text);
        }
        joined
    }

    /// `a`, `a and b`, `a, b and c`.
    pub fn list(texts: impl IntoIterator<Item = Text>) -> Self {
        let mut texts: Vec<Text> = texts.into_iter().collect();
        match texts.pop() {
            None => Self::default(),
            Some(last) if texts.is_empty() => last,
            Some(last) => Self::join([Self::join(texts, ", "), last], " and "),
        }
    }

    /// Adds a text at the end.
    pub fn push(&mut self, text: impl Into<Text>) {
        for span in text.into().spans {
            match (self.spans.last_mut(), span) {
                (Some(Span::Plain { text: last }), Span::Plain { text }) => last.push_str(&text),
                (_, span) => self.spans.push(span),
            }
        }
    }

    /// Adds a sentence at the end, after a space where there is something before it.
    pub fn say(&mut self, sentence: impl Into<Text>) {
        let sentence = sentence.into();
        if !self.is_empty() && !sentence.is_empty() {
            self.push(" ");
        }
        self.push(sentence);
    }

    /// Whether there is nothing to print.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.iter().all(|span| span.text().is_empty())
    }

    /// The ids of its numbers.
    pub fn ids(&self) -> impl Iterator<Item = &String> {
        self.spans.iter().flat_map(Span::ids)
    }
}

/// The words alone, without links and ids.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.spans.iter().try_for_each(|span| f.write_str(span.text()))
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, words: &str) -> bool {
        let mut rest = Some(words);
        for span in &self.spans {
            rest = rest.and_then(|rest| rest.strip_prefix(span.text()));
        }
        rest == Some("")
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        let spans = if text.is_empty() { Vec::new() } else { vec![Span::Plain { text }] };
        Self { spans }
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// A cell within a sentence: a number keeps its ids and caveats.
impl From<Cell> for Text {
    fn from(cell: Cell) -> Self {
        let Cell { text, ids, caveats, target, .. } = cell;
        match target {
            Some(target) => Self { spans: vec![Span::Reference { text, target }] },
            None if ids.is_empty() => text.into(),
            None => Self { spans: vec![Span::Number { text, ids, caveats }] },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str, id: &str) -> Text {
        Cell { ids: vec![id.into()], ..Cell::new(text) }.into()
    }

    #[test]
    fn a_filled_sentence_keeps_the_ids_of_its_numbers() {
        let text = Text::fill("{} of {} patients.", [number("3", "a/n"), number("7", "b/n")]);
        assert_eq!(text.to_string(), "3 of 7 patients.");
        assert_eq!(text.ids().collect::<Vec<_>>(), ["a/n", "b/n"]);
        assert_eq!(Text::fill("{}{}.", ["one".into()]).to_string(), "one.");
    }

    #[test]
    fn lists_and_sentences_are_joined() {
        let list = |words: &[&str]| Text::list(words.iter().map(|&word| word.into())).to_string();
        assert_eq!([list(&[]), list(&["a"])], ["", "a"]);
        assert_eq!([list(&["a", "b"]), list(&["a", "b", "c"])], ["a and b", "a, b and c"]);
        let mut text = Text::default();
        text.say("One.");
        text.say("");
        text.say("Two.");
        assert_eq!(text.to_string(), "One. Two.");
        assert_eq!(text.spans.len(), 1);
    }
}
