//! What a single value of the file may be. Each function reads one kind, or says what it found
//! instead.

use super::suggest::known_names;
use serde::de::{DeserializeOwned, IntoDeserializer, value::StrDeserializer};
use std::fmt;
use toml::de::{DeInteger, DeValue};
use toml::value::Datetime;

/// A value, or why it is none of the wanted kind.
pub(super) type Parsed<T> = Result<T, String>;

/// Text that is not empty.
pub(super) fn text(value: &DeValue) -> Parsed<String> {
    match value.as_str() {
        Some(text) if text.trim().is_empty() => Err("must not be empty".into()),
        Some(text) => Ok(text.into()),
        None => Err(wrong_type("text in quotes", value)),
    }
}

/// The content of a cell of the table, which may be empty; numbers are taken as they are written.
pub(super) fn cell(value: &DeValue) -> Parsed<String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(integer) => integer_value(integer).map(|integer| integer.to_string()),
        DeValue::Float(float) => Ok(float.as_str().into()),
        _ => Err(wrong_type("text or a number, as it stands in the table", value)),
    }
}

/// The content of a cell that is not empty: a level or a code.
pub(super) fn code(value: &DeValue) -> Parsed<String> {
    let code = cell(value)?;
    if code.trim().is_empty() { Err("must not be empty".into()) } else { Ok(code) }
}

/// A short name that can be a part of an id.
pub(super) fn id(value: &DeValue) -> Parsed<String> {
    let id = text(value)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if id.chars().all(is_plain) {
        Ok(id)
    } else {
        Err(format!("`{id}` cannot be part of an id: use letters, digits, `_`, `-` and `.` alone"))
    }
}

/// Characters by which the parts of an id are told apart.
const RESERVED: &str = "/@%=[]:";

/// The name of a column whose results have ids.
pub(super) fn column(value: &DeValue) -> Parsed<String> {
    let column = text(value)?;
    column_name(&column).map(|()| column)
}

/// Whether a column with this name can have results.
pub(super) fn column_name(column: &str) -> Parsed<()> {
    match column.chars().find(|&c| RESERVED.contains(c) || c.is_control()) {
        None if !column.trim().is_empty() => Ok(()),
        None => Err("a column needs a name".into()),
        Some(c) => Err(format!(
            "the name of a column becomes part of ids and cannot contain `{}`: rename the column",
            c.escape_default()
        )),
    }
}

/// A finite number.
pub(super) fn number(value: &DeValue) -> Parsed<f64> {
    let number = match value {
        DeValue::Integer(integer) => integer_value(integer)? as f64,
        DeValue::Float(float) => float.as_str().parse().map_err(|_| "is no number".to_string())?,
        _ => return Err(wrong_type("a number", value)),
    };
    if number.is_finite() { Ok(number) } else { Err("must be a finite number".into()) }
}

/// A number from 0.
pub(super) fn not_negative(value: &DeValue) -> Parsed<f64> {
    number(value).and_then(|number| within(number, number >= 0.0, "must be 0 or more"))
}

/// A number above 0.
pub(super) fn positive(value: &DeValue) -> Parsed<f64> {
    number(value).and_then(|number| within(number, number > 0.0, "must be more than 0"))
}

/// A whole number, at least 1.
pub(super) fn at_least_1(value: &DeValue) -> Parsed<usize> {
    let is_count = |number: f64| 1.0 <= number && number.fract() == 0.0;
    let message = "must be a whole number, at least 1";
    let number = number(value).and_then(|number| within(number, is_count(number), message))?;
    Ok(number as usize)
}

/// A number between 0 and 1, neither included.
pub(super) fn confidence(value: &DeValue) -> Parsed<f64> {
    let message = "must lie between 0 and 1, such as 0.95";
    number(value).and_then(|number| within(number, 0.0 < number && number < 1.0, message))
}

/// A number from 0 to 1.
pub(super) fn share(value: &DeValue) -> Parsed<f64> {
    let message = "must lie between 0 and 1";
    number(value).and_then(|number| within(number, (0.0..=1.0).contains(&number), message))
}

/// A number above 0 and at most 1.
pub(super) fn probability(value: &DeValue) -> Parsed<f64> {
    let message = "must be more than 0 and at most 1";
    number(value).and_then(|number| within(number, 0.0 < number && number <= 1.0, message))
}

/// A whole number from 0 to 2^53 - 1.
pub(super) fn seed(value: &DeValue) -> Parsed<u64> {
    let DeValue::Integer(integer) = value else { return Err(wrong_type("a whole number", value)) };
    let seed = u64::try_from(integer_value(integer)?).ok().filter(|&seed| seed < 1 << 53);
    seed.ok_or_else(|| "must lie between 0 and 2^53 - 1".into())
}

/// True or false.
pub(super) fn flag(value: &DeValue) -> Parsed<bool> {
    value.as_bool().ok_or_else(|| wrong_type("true or false", value))
}

/// A day as `YYYY-MM-DD`, from a date of TOML or from text.
pub(super) fn date(value: &DeValue) -> Parsed<String> {
    const FORM: &str = "a date such as 2022-03-01";
    let datetime = match value {
        DeValue::Datetime(datetime) => *datetime,
        DeValue::String(text) => text
            .parse::<Datetime>()
            .map_err(|_| format!("`{text}` is no day of the calendar: write {FORM}"))?,
        _ => return Err(wrong_type(FORM, value)),
    };
    match (datetime.date, datetime.time) {
        (Some(date), None) => Ok(date.to_string()),
        _ => Err(format!("write {FORM}, without a time of day")),
    }
}

/// One character that can separate cells.
pub(super) fn separator(value: &DeValue) -> Parsed<String> {
    match value.as_str() {
        None => Err(wrong_type("one character", value)),
        Some(text) if text.len() == 1 && !["\"", "\n", "\r"].contains(&text) => Ok(text.into()),
        Some(_) => Err("must be one character such as `,`, `;` or a tab (\"\\t\")".into()),
    }
}

/// A word of an enumeration, as serde spells it.
pub(super) fn word<T: DeserializeOwned>(value: &DeValue) -> Parsed<T> {
    let word = text(value)?;
    let deserializer: StrDeserializer<NotAWord> = word.as_str().into_deserializer();
    T::deserialize(deserializer)
        .map_err(|NotAWord(known)| format!("`{word}` is none of {}", known_names(&word, known)))
}

/// "expected text, found an integer".
pub(super) fn wrong_type(expected: &str, found: &DeValue) -> String {
    let found = match found {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    format!("expected {expected}, found {found}")
}

fn within(number: f64, is_within: bool, message: &str) -> Parsed<f64> {
    if is_within { Ok(number) } else { Err(message.into()) }
}

fn integer_value(integer: &DeInteger) -> Parsed<i64> {
    i64::from_str_radix(integer.as_str(), integer.radix())
        .map_err(|_| "is too large a number".to_string())
}

/// The words that an enumeration has, caught from serde when a word is none of them.
#[derive(Debug)]
struct NotAWord(&'static [&'static str]);

impl fmt::Display for NotAWord {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "none of {}", self.0.join(", "))
    }
}

impl std::error::Error for NotAWord {}

impl serde::de::Error for NotAWord {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self(known)
    }
}
