//! Events over person-time, with exact limits.

use crate::contrast::{INDEPENDENT, Normal, difference, finite};
use crate::{Confidence, Contrast};
use cohort::{Estimate, Interval, NotEstimable};
use numerics::tails::{Tail, beta_odds_quantile, binomial_two_sided, gamma_quantile};

/// Events and the time at risk in which they were observed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PersonTime {
    /// Number of events.
    pub n_events: usize,
    /// Time at risk of all subjects together: finite and not negative.
    pub time: f64,
}

/// Events per unit of person-time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// The rate; there is none without person-time.
    pub rate: Estimate,
    /// Its limits.
    pub interval: Interval,
}

/// How the rate of one group differs from that of another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateContrast {
    /// The ratio with exact limits and test; it has no standard error.
    pub ratio: Contrast,
    /// The difference with Wald limits; the test is that of the ratio.
    pub difference: Contrast,
}

/// Estimates the rate of a Poisson process per `unit` of person-time, which is finite and positive.
///
/// ```text
/// rate = d / T      limits qgamma(α/2, d) / T  and  qgamma(1 - α/2, d + 1) / T
/// ```
///
/// `d` events in the person-time `T`; without events the lower limit is 0. The limits hold their
/// confidence at least, for any number of events, if the rate is constant.
///
/// Garwood (1936), Biometrika 28:437-442. Same as `poisson.test(d, T)` in R.
#[must_use]
pub fn rate(observed: PersonTime, unit: f64, confidence: Confidence) -> Rate {
    if observed.time <= 0.0 {
        let reason = NotEstimable::NotDefined;
        return Rate { rate: Err(reason), interval: Interval::none(reason) };
    }
    let events = observed.n_events as f64;
    let lower = if observed.n_events == 0 {
        0.0
    } else {
        gamma_quantile(Tail::Lower(confidence.tail()), events)
    };
    let upper = gamma_quantile(Tail::Upper(confidence.tail()), events + 1.0);
    let per_unit = |count: f64| finite(count / observed.time * unit);
    let interval = Interval { lower: per_unit(lower), upper: per_unit(upper) };
    Rate { rate: per_unit(events), interval }
}

/// Compares two rates; the difference is per `unit` of person-time.
///
/// Given the number of events of both, those of the group are binomial, and the odds of their share
/// are the rate ratio times `T1 / T0`: limits by Clopper and Pearson (1934), Biometrika 26:404-413,
/// and the exact p-value that sums all outcomes no more probable than the one observed. Without
/// events in the reference the ratio and its upper limit are infinite; without events in either
/// group nothing is known of it. Same as `poisson.test(c(d1, d0), c(T1, T0))` in R.
///
/// ```text
/// difference  d1 / T1 - d0 / T0      SE² = d1 / T1² + d0 / T0²
/// ```
///
/// Rothman, Greenland and Lash (2008), Modern Epidemiology, chapter 14; the Wald limits of the
/// difference are rough with few events.
#[must_use]
pub fn rate_contrast(
    group: PersonTime,
    reference: PersonTime,
    unit: f64,
    confidence: Confidence,
) -> RateContrast {
    let normal = |one: PersonTime| {
        // Without person-time this is no number either.
        let per_unit = |count: f64| finite(count / one.time * unit);
        let events = one.n_events as f64;
        Normal { value: per_unit(events), standard_error: per_unit(events.sqrt()) }
    };
    let difference = difference(normal(group), normal(reference), INDEPENDENT, confidence);
    RateContrast {
        ratio: rate_ratio(group, reference, confidence),
        difference: Contrast { p_value: None, ..difference },
    }
}

fn rate_ratio(group: PersonTime, reference: PersonTime, confidence: Confidence) -> Contrast {
    let contrast = |estimate, lower, upper, p_value| Contrast {
        estimate,
        standard_error: None,
        interval: Interval { lower, upper },
        p_value: Some(p_value),
    };
    let none = |reason| contrast(Err(reason), Err(reason), Err(reason), Err(reason));
    let times = group.time / reference.time;
    if !times.is_normal() {
        return none(NotEstimable::NotDefined);
    }
    let (d1, d0) = (group.n_events, reference.n_events);
    if d1 + d0 == 0 {
        return none(NotEstimable::NoEvents);
    }
    let (a, b, tail) = (d1 as f64, d0 as f64, confidence.tail());
    let lower = if d1 == 0 {
        Ok(0.0)
    } else {
        finite(beta_odds_quantile(Tail::Lower(tail), a, b + 1.0) / times)
    };
    let p_value = Ok(binomial_two_sided(d1, d1 + d0, times));
    if d0 == 0 {
        let infinite = Err(NotEstimable::NoEvents);
        return contrast(infinite, lower, infinite, p_value);
    }
    let upper = beta_odds_quantile(Tail::Upper(tail), a + 1.0, b) / times;
    contrast(finite(a / b / times), lower, finite(upper), p_value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contrast::tests::confidence;

    fn observed(n_events: usize, time: f64) -> PersonTime {
        PersonTime { n_events, time }
    }

    fn assert_close(got: Estimate, want: f64) {
        let got = got.unwrap();
        assert!((got - want).abs() <= 1e-12 * want.abs(), "{got} instead of {want}");
    }

    /// Without events the upper limit is -ln(0.025) / T; 10 events have the limits 4.7954 and
    /// 18.3904 of every table (`poisson.test(10)` in R).
    #[test]
    fn limits_of_a_count() {
        let none = rate(observed(0, 50.0), 100.0, confidence());
        assert_eq!((none.rate, none.interval.lower), (Ok(0.0), Ok(0.0)));
        assert_close(none.interval.upper, -2.0 * 0.025f64.ln());
        let ten = rate(observed(10, 1.0), 1.0, confidence());
        assert_close(ten.interval.lower, 4.795_388_696_132_434);
        assert_close(ten.interval.upper, 18.390_356_042_017_78);
        assert_eq!(rate(observed(0, 0.0), 1.0, confidence()).rate, Err(NotEstimable::NotDefined));
    }

    /// Values of `poisson.test(c(11, 21), c(800, 3011))` and of the larger counts in R.
    #[test]
    fn ratios_agree_with_r() {
        let few = rate_contrast(observed(11, 800.0), observed(21, 3011.0), 1.0, confidence());
        assert_close(few.ratio.estimate, 1.971_488_095_238_095_3);
        assert_close(few.ratio.interval.lower, 0.858_426_403_391_639_2);
        assert_close(few.ratio.interval.upper, 4.277_265_943_654_071);
        assert_close(few.ratio.p_value.unwrap(), 0.079_668_633_033_329_52);
        let many =
            rate_contrast(observed(350, 12_034.5), observed(287, 15_002.25), 1.0, confidence());
        assert_close(many.ratio.interval.lower, 1.296_831_423_197_498_4);
        assert_close(many.ratio.interval.upper, 1.783_301_255_497_158_6);
        assert_close(many.ratio.p_value.unwrap(), 1.316_725_665_419_372_4e-7);
    }

    #[test]
    fn a_group_without_events_leaves_one_side_open() {
        let contrast = rate_contrast(observed(0, 10.0), observed(5, 10.0), 1.0, confidence());
        assert_eq!((contrast.ratio.estimate, contrast.ratio.interval.lower), (Ok(0.0), Ok(0.0)));
        assert_close(contrast.ratio.p_value.unwrap(), 2.0 / 32.0);
        let turned = rate_contrast(observed(5, 10.0), observed(0, 10.0), 1.0, confidence());
        assert_eq!(turned.ratio.estimate, Err(NotEstimable::NoEvents));
        assert_eq!(turned.ratio.interval.upper, Err(NotEstimable::NoEvents));
        assert_close(turned.ratio.interval.lower, 1.0 / contrast.ratio.interval.upper.unwrap());
        assert_close(turned.difference.estimate, 0.5);
        assert_close(turned.difference.standard_error.unwrap(), 0.05f64.sqrt());
    }
}
