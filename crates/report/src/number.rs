//! How numbers are written.
//!
//! A number is rounded half away from zero on the decimal digits of its shortest representation,
//! the digits with which it stands in `report.json`: 0.0765 gives 0.077 although the nearest
//! binary number lies below it. What a reader rounds by hand agrees with what is printed.

/// How a kind of number is written.
pub(crate) type Write = fn(f64) -> String;

/// A number with a fixed number of decimals. A result of zero has no sign.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    shifted(value, 0, decimals)
}

/// A share in per cent with one decimal, without the sign.
pub(crate) fn percent(share: f64) -> String {
    shifted(share, 2, 1)
}

/// A count.
pub(crate) fn count(value: f64) -> String {
    fixed(value, 0)
}

/// A hazard or odds ratio.
pub(crate) fn ratio(value: f64) -> String {
    fixed(value, 3)
}

/// Ways to write a ratio, from the usual three decimals to the finest.
pub(crate) const RATIOS: [Write; 4] =
    [ratio, |value| fixed(value, 4), |value| fixed(value, 5), |value| fixed(value, 6)];

/// The statistic of a test.
pub(crate) fn statistic(value: f64) -> String {
    fixed(value, 2)
}

/// The largest positive number of which something holds, with two decimals. What lies beyond them is
/// cut off, so that it holds of what is printed too.
pub(crate) fn largest(value: f64) -> String {
    written(value, 0, 2, |_| false)
}

/// A time, such as a median.
pub(crate) fn time(value: f64) -> String {
    fixed(value, 1)
}

/// Degrees of freedom: whole where they are, else with one decimal.
pub(crate) fn degrees_of_freedom(value: f64) -> String {
    if value.fract() == 0.0 { count(value) } else { fixed(value, 1) }
}

/// A p-value: below 0.0001 and above 0.999 as a bound, below 0.01 with two significant digits, else
/// with three decimals.
pub(crate) fn p_value(value: f64) -> String {
    if value < 0.0001 {
        return "<0.0001".into();
    }
    // Two significant digits, as far as rounding does not reach the next power of ten.
    let finer = [(5, "0.00100"), (4, "0.0100")];
    let close = finer.into_iter().map(|(decimals, next)| (fixed(value, decimals), next));
    let fine = close.into_iter().find(|(text, next)| text.as_str() < *next);
    match fine.map_or_else(|| fixed(value, 3), |(text, _)| text).as_str() {
        "1.000" => ">0.999".into(),
        text => text.into(),
    }
}

/// A p-value in a sentence: `P = 0.021`, `P <0.0001`.
pub(crate) fn p_clause(text: &str) -> String {
    if text.starts_with(['<', '>']) { format!("P {text}") } else { format!("P = {text}") }
}

/// Two limits with what stands between them: a hyphen, or a word where a hyphen could be taken for
/// a sign.
pub(crate) fn limits(lower: &str, upper: &str) -> String {
    if lower.starts_with('-') || upper.starts_with('-') || upper.contains(' ') {
        format!("{lower} to {upper}")
    } else {
        format!("{lower}-{upper}")
    }
}

/// `value` times ten to the `shift`, with `decimals` decimals.
fn shifted(value: f64, shift: usize, decimals: usize) -> String {
    written(value, shift, decimals, |next| next >= b'5')
}

/// The same, where the digit behind the last says whether that goes up.
fn written(value: f64, shift: usize, decimals: usize, goes_up: fn(u8) -> bool) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    // The shortest representation, without exponent.
    let text = value.abs().to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let padded = format!("{fraction:0<width$}", width = shift + decimals + 1);
    let kept = &padded[..shift + decimals];
    let round_up = goes_up(padded.as_bytes()[shift + decimals]);
    let digits = increment(format!("{whole}{kept}"), round_up);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let sign = if value < 0.0 && digits.bytes().any(|digit| digit != b'0') { "-" } else { "" };
    if decimals == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Adds one to the last of some decimal digits.
fn increment(digits: String, really: bool) -> String {
    if !really {
        return digits;
    }
    let mut digits = digits.into_bytes();
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return digits.into_iter().map(char::from).collect();
        }
        *digit = b'0';
    }
    std::iter::once('1').chain(digits.into_iter().map(char::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_zero_in_decimal_digits() {
        assert_eq!(fixed(0.0765, 3), "0.077");
        assert_eq!(fixed(-0.0765, 3), "-0.077");
        assert_eq!(fixed(2.675, 2), "2.68", "2.67499999999999982 in binary");
        assert_eq!(fixed(0.5, 0), "1");
        assert_eq!(fixed(2.4999, 0), "2");
    }

    #[test]
    fn carries_reach_the_front_and_zero_has_no_sign() {
        assert_eq!(fixed(99.96, 1), "100.0");
        assert_eq!(fixed(0.9996, 3), "1.000");
        assert_eq!(fixed(-0.0004, 3), "0.000");
        assert_eq!(fixed(0.0, 1), "0.0");
        assert_eq!(fixed(1e21, 0), "1000000000000000000000");
        assert_eq!(fixed(1e-20, 3), "0.000");
    }

    #[test]
    fn what_holds_up_to_a_number_holds_of_what_is_printed() {
        assert_eq!(
            [1.3065, 1.309_999, 1.31, 1.0, 12.5].map(largest),
            ["1.30", "1.30", "1.31", "1.00", "12.50"]
        );
    }

    /// 0.9465 is 94.64999999999999 when multiplied in binary.
    #[test]
    fn percentages_move_the_point() {
        assert_eq!(percent(0.9465), "94.7");
        assert_eq!(percent(0.946), "94.6");
        assert_eq!(percent(1.0), "100.0");
        assert_eq!(percent(0.0), "0.0");
        assert_eq!(percent(0.0004), "0.0");
    }

    #[test]
    fn p_values_follow_the_rules_of_the_report() {
        let small = [3.15e-9, 0.000_099_9, 0.000_1, 0.000_869, 0.000_999_6].map(p_value);
        assert_eq!(small, ["<0.0001", "<0.0001", "0.00010", "0.00087", "0.0010"]);
        let middle = [0.001, 0.0012, 0.009_949, 0.009_96, 0.01, 0.0207].map(p_value);
        assert_eq!(middle, ["0.0010", "0.0012", "0.0099", "0.010", "0.010", "0.021"]);
        let large = [0.0764, 0.9994, 0.9995, 1.0].map(p_value);
        assert_eq!(large, ["0.076", "0.999", ">0.999", ">0.999"]);
        let clauses = ["<0.0001", "0.021", ">0.999"].map(p_clause);
        assert_eq!(clauses, ["P <0.0001", "P = 0.021", "P >0.999"]);
    }

    #[test]
    fn limits_are_not_mistaken_for_signs() {
        assert_eq!(limits("0.361", "0.650"), "0.361-0.650");
        assert_eq!(limits("-0.100", "0.100"), "-0.100 to 0.100");
        assert_eq!(limits("97.2", "not reached"), "97.2 to not reached");
    }
}
