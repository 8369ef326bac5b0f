//! The words of a condition.

use crate::ParseError;
use intake::{Day, day};

/// A word and the byte at which it begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) at: usize,
    pub(crate) word: Word,
}

/// What a word is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Word {
    /// A bare word: a column, or a word of the grammar.
    Name(String),
    /// A column between backticks.
    Quoted(String),
    Text(String),
    Number(f64),
    Date(Day),
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

/// Longer signs stand before their beginnings.
const SIGNS: [&str; 11] = ["==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ","];

/// The words of a text, the last of which is its end.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, ParseError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (word, length) = word(&text[at..], first, at)?;
        tokens.push(Token { at, word });
        at += length;
    }
    tokens.push(Token { at: text.len(), word: Word::End });
    Ok(tokens)
}

/// The word at the beginning of a text, and its length in bytes. Minus zero is zero, as in a table.
fn word(text: &str, first: char, at: usize) -> Result<(Word, usize), ParseError> {
    if let Some(sign) = SIGNS.into_iter().find(|sign| text.starts_with(sign)) {
        return Ok((Word::Sign(sign), sign.len()));
    }
    match first {
        '"' | '\'' | '`' => quoted(text, first, at),
        '0'..='9' | '+' | '-' | '.' => number_or_date(text, at),
        '=' => Err(ParseError::new(at, "write `==` to compare")),
        '&' | '|' | '!' => Err(ParseError::new(at, "write `and`, `or`, `not` as words")),
        _ if is_of_name(first) => {
            let length = text.find(|c: char| !is_of_name(c)).unwrap_or(text.len());
            Ok((Word::Name(text[..length].into()), length))
        }
        _ => Err(ParseError::new(at, format!("`{first}` has no meaning in a condition"))),
    }
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.'
}

fn quoted(text: &str, quote: char, at: usize) -> Result<(Word, usize), ParseError> {
    let Some(length) = text[1..].find(quote) else {
        return Err(ParseError::new(at, format!("the closing `{quote}` is missing")));
    };
    let content = text[1..=length].to_string();
    let word = if quote == '`' { Word::Quoted(content) } else { Word::Text(content) };
    Ok((word, length + 2))
}

fn number_or_date(text: &str, at: usize) -> Result<(Word, usize), ParseError> {
    let is_of_exponent = |index: usize| index > 0 && "eE".contains(&text[index - 1..index]);
    let is_of_date = |index: usize| text.as_bytes().get(4) == Some(&b'-') && index > 0;
    let is_part = |(index, c): (usize, char)| {
        c.is_ascii_alphanumeric()
            || c == '.'
            || ("+-".contains(c) && (index == 0 || is_of_exponent(index) || is_of_date(index)))
    };
    let length = text.char_indices().find(|&part| !is_part(part)).map_or(text.len(), |(i, _)| i);
    let word = &text[..length];
    if let Some(day) = day(word) {
        return Ok((Word::Date(day), length));
    }
    match word.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok((Word::Number(number + 0.0), length)),
        _ => Err(ParseError::new(
            at,
            format!("`{word}` is neither a number nor a date such as 2006-03-01"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart() {
        let words: Vec<Word> = tokens("age>=-1.5e-3 `T stage` in[\"T1\", 'é'] 1970-01-02")
            .unwrap()
            .into_iter()
            .map(|token| token.word)
            .collect();
        let expected = [
            Word::Name("age".into()),
            Word::Sign(">="),
            Word::Number(-0.0015),
            Word::Quoted("T stage".into()),
            Word::Name("in".into()),
            Word::Sign("["),
            Word::Text("T1".into()),
            Word::Sign(","),
            Word::Text("é".into()),
            Word::Sign("]"),
            Word::Date(1),
            Word::End,
        ];
        assert_eq!(words, expected);
    }
}
