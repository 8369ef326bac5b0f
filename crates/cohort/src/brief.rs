//! Numbers in messages.

use std::fmt::{Display, Formatter, Result};

/// A number as a reader of a message wants it: at most six significant digits, but a whole part of up
/// to nine digits in full, and in exponent form from `1e9` on and below `1e-4`.
///
/// Messages name numbers that somebody has asked for, or observed times; an exact number stands in a
/// field of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Brief(pub f64);

/// Significant digits but for the first.
const FURTHER_DIGITS: usize = 5;

impl Display for Brief {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let Self(number) = *self;
        if number == 0.0 || !number.is_finite() {
            // A zero has no sign here.
            return write!(formatter, "{}", number + 0.0);
        }
        let scientific = format!("{number:.FURTHER_DIGITS$e}");
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        if !(1e-4..1e9).contains(&number.abs()) {
            return write!(formatter, "{}e{exponent}", without_zeros(mantissa));
        }
        let exponent: i32 = exponent.parse().unwrap_or_default();
        let decimals = usize::try_from(FURTHER_DIGITS as i32 - exponent).unwrap_or_default();
        write!(formatter, "{}", without_zeros(&format!("{number:.decimals$}")))
    }
}

/// Decimals without zeros at their end.
fn without_zeros(digits: &str) -> &str {
    match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.'),
        false => digits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let written = [
            (0.0, "0"),
            (-0.0, "0"),
            (0.05, "0.05"),
            (1000.0, "1000"),
            (-12.5, "-12.5"),
            (33.839_835_728_952_77, "33.8398"),
            (1_234_567.89, "1234568"),
            (0.999_999_99, "1"),
            (1e300, "1e300"),
            (-2.5e11, "-2.5e11"),
            (1.234_567_89e-7, "1.23457e-7"),
            (f64::INFINITY, "inf"),
        ];
        for (number, text) in written {
            assert_eq!(Brief(number).to_string(), text);
        }
    }
}
