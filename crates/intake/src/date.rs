//! Days of the calendar.

use jiff::civil::Date;

/// A day, counted from 1970-01-01, which is 0.
pub type Day = i32;

/// The day of a text `YYYY-MM-DD`; `None` for any other form and for days that no calendar has.
#[must_use]
pub fn day(text: &str) -> Option<Day> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let part = |range: std::ops::Range<usize>| {
        let digits = &text.as_bytes()[range];
        let value = |number: i16, digit: &u8| number * 10 + i16::from(digit - b'0');
        digits.iter().all(u8::is_ascii_digit).then(|| digits.iter().fold(0, value))
    };
    let month = i8::try_from(part(5..7)?).ok()?;
    let date = Date::new(part(0..4)?, month, i8::try_from(part(8..10)?).ok()?).ok()?;
    let epoch = Date::constant(1970, 1, 1);
    date.since(epoch).ok().map(|span| span.get_days())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 365 days in 1970; 30 years with 7 leap days to 2000; 2000 itself is a leap year.
    #[test]
    fn days_are_counted_from_1970() {
        assert_eq!(day("1970-01-01"), Some(0));
        assert_eq!(day("1969-12-31"), Some(-1));
        assert_eq!(day("1971-01-01"), Some(365));
        assert_eq!(day("2000-01-01"), Some(30 * 365 + 7));
        assert_eq!(day("2000-03-01"), Some(30 * 365 + 7 + 31 + 29));
    }

    #[test]
    fn only_days_of_the_calendar_in_one_form_are_days() {
        for text in [
            "2021-02-29",
            "2021-13-01",
            "2021-1-01",
            "01-02-2021",
            "2021-01-01T00",
            "",
            "2021-01-0é",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
