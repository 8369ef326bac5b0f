//! Where the ticks of an axis stand.

use numerics::elementary::ln;
use std::f64::consts::LN_10;

/// A linear map from values to coordinates.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    /// Values at both ends.
    pub domain: (f64, f64),
    /// Coordinates of both ends.
    pub range: (f64, f64),
}

impl Scale {
    /// The coordinate of a value; an empty domain maps to the first end.
    pub fn at(&self, value: f64) -> f64 {
        let span = self.domain.1 - self.domain.0;
        if span <= 0.0 {
            return self.range.0;
        }
        self.range.0 + (value - self.domain.0) / span * (self.range.1 - self.range.0)
    }
}

/// The smallest round step that cuts `span` into at most `most` parts.
///
/// With a `period` (12 for months) the steps are shares and multiples of it; without, and for a
/// span below a sixth of it, they are 1, 2 and 5 times a power of ten. A span that is empty or endless has the step 1.
pub(crate) fn step(span: f64, most: f64, period: Option<f64>) -> f64 {
    // What is no span must not be looked for step by step.
    if !(span.is_finite() && span > 0.0) {
        return period.unwrap_or(1.0);
    }
    // A span below a sixth of a period is read in the unit of the axis alone.
    if let Some(period) = period.filter(|period| period / 6.0 < span) {
        let shares = [1.0 / 12.0, 1.0 / 6.0, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0];
        let fitting = shares.iter().map(|share| share * period).find(|step| span <= step * most);
        return fitting.unwrap_or_else(|| period * step(span / period, most, None));
    }
    let mut decade = 1.0;
    while span <= decade * most {
        decade /= 10.0;
    }
    loop {
        for factor in [1.0, 2.0, 5.0] {
            if span <= decade * factor * most {
                return decade * factor;
            }
        }
        decade *= 10.0;
    }
}

/// Multiples of `step` from 0 up to the first that is not below `end`.
pub(crate) fn ticks(step: f64, end: f64) -> Vec<f64> {
    // A share of a step is forgiven, so that 0.1 + 0.2 does not ask for a further tick.
    let n = (end / step - 1e-9).ceil().max(1.0) as usize;
    (0..=n).map(|index| index as f64 * step).collect()
}

/// Round ticks that cut the span from `low` to `high` into some `most` parts: the first is not
/// above `low`, the last not below `high`.
pub(crate) fn round_ticks(low: f64, high: f64, most: f64) -> Vec<f64> {
    let step = step(high - low, most, None);
    let first = (low / step + 1e-9).floor();
    let last = (high / step - 1e-9).ceil().max(first + 1.0);
    // The parts are few; what is no span must not become many.
    let n = (last - first).clamp(1.0, 2.0 * most + 2.0) as usize;
    (0..=n).map(|index| (first + index as f64) * step).collect()
}

/// Ends of a logarithmic axis that are nearer to each other than this factor have ticks at equal
/// distances.
const NARROW: f64 = 4.0;

/// Some `most` round ticks of a logarithmic axis from `low` to `high`, both positive: at equal
/// distances where the ends are near to each other, else at 1, 2 and 5 times powers of ten, and at
/// some of these powers where that would be many.
pub(crate) fn log_ticks(low: f64, high: f64, most: f64) -> Vec<f64> {
    // A tick just beyond an end is worth its room.
    let inside = |tick: &f64| 0.95 * low <= *tick && *tick <= 1.05 * high;
    if high < NARROW * low {
        return round_ticks(low, high, most).into_iter().filter(inside).collect();
    }
    // A power of ten must not lie a rounding error beside itself.
    let first = (log10(low) + 1e-9).floor() as i32;
    let last = (log10(high) - 1e-9).ceil() as i32;
    let of = |factors: &[f64], stride: usize| -> Vec<f64> {
        let powers = (first..=last).step_by(stride).map(|exponent| 10f64.powi(exponent));
        let all = powers.flat_map(|power| factors.iter().map(move |factor| factor * power));
        all.filter(inside).collect()
    };
    let fine = [&[1.0, 2.0, 5.0][..], &[1.0, 3.0]].map(|factors| of(factors, 1));
    let fits = |ticks: &Vec<f64>| ticks.len() as f64 <= most + 1.0;
    let decades = f64::from(last - first);
    let coarse = || of(&[1.0], (decades / most).ceil().max(1.0) as usize);
    fine.into_iter().find(fits).unwrap_or_else(coarse)
}

/// The decimal logarithm, which has the same bits on every platform.
pub(crate) fn log10(value: f64) -> f64 {
    ln(value) / LN_10
}

/// A tick of a logarithmic axis in words.
pub(crate) fn log_tick_text(value: f64) -> String {
    if (1e-4..1e7).contains(&value) { tick_text(value) } else { format!("{value:e}") }
}

/// A tick in words: up to six decimals, no trailing zeros.
pub(crate) fn tick_text(value: f64) -> String {
    let text = format!("{:.6}", value.abs());
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if value < 0.0 && text != "0" { format!("\u{2212}{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_cut_into_years() {
        assert_eq!(step(180.0, 16.0, Some(12.0)), 12.0);
        assert_eq!(step(232.0, 16.0, Some(12.0)), 24.0);
        assert_eq!(step(10.0, 16.0, Some(12.0)), 1.0);
        assert_eq!(step(1900.0, 16.0, Some(12.0)), 120.0);
        assert_eq!(step(0.9, 16.0, Some(12.0)), 0.1);
    }

    #[test]
    fn other_axes_are_cut_into_round_parts() {
        assert_eq!(step(7000.0, 10.0, None), 1000.0);
        assert_eq!(step(0.9, 6.0, None), 0.2);
        assert_eq!(step(0.0, 6.0, None), 1.0);
        assert_eq!(step(f64::NAN, 6.0, None), 1.0);
    }

    #[test]
    fn ticks_reach_the_end_and_no_further() {
        assert_eq!(ticks(12.0, 36.0), [0.0, 12.0, 24.0, 36.0]);
        assert_eq!(ticks(12.0, 36.5).last(), Some(&48.0));
        assert_eq!(ticks(0.1, 0.1 + 0.2).len(), 4);
        assert_eq!(ticks(12.0, 0.0), [0.0, 12.0]);
    }

    #[test]
    fn round_ticks_enclose_the_span() {
        assert_eq!(round_ticks(-0.7, 1.1, 5.0), [-1.0, -0.5, 0.0, 0.5, 1.0, 1.5]);
        assert_eq!(round_ticks(3.0, 3.0, 5.0), [3.0, 4.0]);
        assert_eq!(tick_text(-0.5), "\u{2212}0.5");
    }

    /// From 0.3 to 0.9 there is a factor of 3; from 0.02 to 50 more than three decades.
    #[test]
    fn ticks_of_a_logarithmic_axis_are_round() {
        let names = |low, high, most| -> Vec<String> {
            log_ticks(low, high, most).into_iter().map(log_tick_text).collect()
        };
        assert_eq!(names(0.3, 0.9, 5.0), ["0.4", "0.6", "0.8"]);
        assert_eq!(names(0.02, 50.0, 10.0), names(0.02, 50.0, 12.0));
        assert_eq!(names(0.02, 50.0, 8.0), ["0.03", "0.1", "0.3", "1", "3", "10", "30"]);
        assert_eq!(names(0.02, 50.0, 4.0), ["0.1", "1", "10"]);
        assert_eq!(names(1e-9, 1e9, 4.0), ["1e-9", "0.0001", "10", "1000000"]);
    }

    #[test]
    fn ticks_have_no_trailing_zeros() {
        let texts = [0.0, 0.25, 12.0, 0.1 + 0.2].map(tick_text);
        assert_eq!(texts, ["0", "0.25", "12", "0.3"]);
    }
}
