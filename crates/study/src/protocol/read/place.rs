//! Paths of fields, and the places in the text that they name.

use super::Violation;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where the field of a path stands in the text, as a range of bytes.
///
/// `endpoint[0].event.column` gives `column = "death"`, the path of a table its header, the path of
/// an item of a list the item. What is not in the text gives its nearest parent that is: a missing
/// key, the header of its section. An empty path gives the place of the syntax error, if there is
/// one. `None` when not even a parent is in the text.
#[must_use]
pub fn locate(text: &str, path: &str) -> Option<Range<usize>> {
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => return error.span().map(|span| visible(text, span)),
    };
    let mut steps = steps(path).into_iter();
    let Some(Step::Key(first)) = steps.next() else { return None };
    let (key, mut value) = document.get_ref().get_key_value(first.as_str())?;
    let mut place = entry(text, key.span(), value);
    for step in steps {
        let next = match (&step, value.get_ref()) {
            (Step::Key(name), DeValue::Table(table)) => table
                .get_key_value(name.as_str())
                .map(|(key, value)| (entry(text, key.span(), value), value)),
            (Step::Item(index), DeValue::Array(items)) => {
                items.get(*index).map(|item| (item.span(), item))
            }
            _ => None,
        };
        let Some(next) = next else { break };
        (place, value) = next;
    }
    Some(visible(text, place))
}

/// The path of a key within a table.
pub(super) fn join(path: &str, key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let key = match !key.is_empty() && key.chars().all(is_bare) {
        true => key.to_string(),
        false => format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\"")),
    };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// The violation that a text is no TOML.
pub(super) fn syntax(text: &str, error: &toml::de::Error) -> Violation {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let before = &text.as_bytes()[..start];
    let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|&&byte| byte != b'\n').count();
    let message = format!("line {line}, column {column} is not TOML: {}", error.message());
    Violation { path: String::new(), message }
}

/// One step of a path.
enum Step {
    Key(String),
    Item(usize),
}

/// The steps of a path; what does not parse ends it.
fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let step = if let Some(quoted) = rest.strip_prefix('"') {
            quoted_key(quoted).map(|(key, rest)| (Step::Key(key), rest))
        } else if let Some(item) = rest.strip_prefix('[') {
            item.split_once(']')
                .and_then(|(index, rest)| Some((Step::Item(index.parse().ok()?), rest)))
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            Some((Step::Key(rest[..end].into()), &rest[end..]))
        };
        let Some((step, after)) = step else { break };
        steps.push(step);
        rest = after.strip_prefix('.').unwrap_or(after);
    }
    steps
}

/// The key up to its closing quote, and what follows.
fn quoted_key(text: &str) -> Option<(String, &str)> {
    let mut key = String::new();
    let mut chars = text.char_indices();
    while let Some((index, c)) = chars.next() {
        match c {
            '"' => return Some((key, &text[index + 1..])),
            '\\' => key.push(chars.next()?.1),
            _ => key.push(c),
        }
    }
    None
}

/// The place of `key = value` when it stands on one line, else that of the key; of a table under
/// its own header, the header.
fn entry(text: &str, key: Range<usize>, value: &Spanned<DeValue>) -> Range<usize> {
    let span = value.span();
    let whole = key.start..span.end;
    let is_assignment = key.end <= span.start;
    match text.get(whole.clone()) {
        Some(entry) if is_assignment && !entry.contains('\n') => whole,
        Some(_) if is_assignment => key,
        _ => span,
    }
}

/// A range within the text that is at least one character wide where there is one.
fn visible(text: &str, span: Range<usize>) -> Range<usize> {
    let start = span.start.min(text.len());
    let next = text[start..].chars().next().map_or(0, char::len_utf8);
    start..span.end.clamp(start + next, text.len())
}
