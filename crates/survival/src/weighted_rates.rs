//! Events over person-time of subjects with weights or in clusters, with robust limits.

use crate::contrast::{INDEPENDENT, Normal, difference, finite, ratio};
use crate::{Confidence, Contrast, Rate, RateContrast};
use cohort::{Estimate, Interval, NotEstimable};
use numerics::elementary::{exp, ln};
use numerics::sum::sum;

/// Events and time at risk as sums of weights.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WeightedPersonTime {
    /// Sum of the weights of all subjects.
    pub subjects: f64,
    /// Sum of the weights of those with the event.
    pub events: f64,
    /// Time at risk, that of each subject times its weight.
    pub time: f64,
}

/// One subject of a rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct WeightedSubject {
    /// Its weight: positive.
    pub weight: f64,
    /// Whether it has the event.
    pub event: bool,
    /// Its time at risk.
    pub time: f64,
    /// Its cluster, its own number where there are none.
    pub cluster: usize,
}

/// The rate of some subjects with what each cluster has to do with it.
///
/// ```text
/// rate = D / T      D = Σ w d, T = Σ w t
/// SE² of the logarithm = Σ_c (Σ_{i in c} w_i (d_i / D - t_i / T))²      limits exp(ln rate ∓ z SE)
/// ```
///
/// `w`, `d` and `t` are weight, event (0 or 1) and time at risk of a subject, `c` the clusters; the
/// weights are taken as known. Without events the rate is 0 and has no limits; neither has that of a
/// single cluster. Liang and Zeger (1986), Biometrika 73:13-22, for a Poisson model of the rate alone.
/// Same estimate as `svyratio(~event, ~time, svydesign(~cluster, weights = ~w))` in R, whose standard
/// error of the rate is larger by `√(c / (c - 1))` for `c` clusters.
#[derive(Clone, Debug)]
pub(crate) struct WeightedRate {
    /// Sums over the subjects.
    pub person_time: WeightedPersonTime,
    /// Influence of each cluster on the logarithm of the rate, by the number of the cluster; why there
    /// is none.
    influence: Estimate<Vec<f64>>,
}

impl WeightedRate {
    /// The rate of these subjects, whose clusters are numbered below `n_clusters`.
    pub(crate) fn of(subjects: &[WeightedSubject], n_clusters: usize) -> Self {
        let total = |of: &dyn Fn(&WeightedSubject) -> f64| sum(subjects.iter().map(of));
        let person_time = WeightedPersonTime {
            subjects: total(&|one| one.weight),
            events: total(&|one| if one.event { one.weight } else { 0.0 }),
            time: total(&|one| one.weight * one.time),
        };
        Self { person_time, influence: influence(subjects, &person_time, n_clusters) }
    }

    /// The rate per `unit` of person-time.
    pub(crate) fn rate(&self, unit: f64, confidence: Confidence) -> Rate {
        let value = self.value(unit);
        let limit = |side: f64| {
            let distance = side * confidence.multiplier() * self.log_error()?;
            finite(exp(ln(value?) + distance))
        };
        Rate { rate: value, interval: Interval { lower: limit(-1.0), upper: limit(1.0) } }
    }

    fn value(&self, unit: f64) -> Estimate {
        if self.person_time.subjects == 0.0 {
            return Err(NotEstimable::NoSubjects);
        }
        finite(self.person_time.events / self.person_time.time * unit)
    }

    /// Standard error of the logarithm of the rate.
    fn log_error(&self) -> Estimate {
        error(self.influence.as_ref().map_err(|reason| *reason)?)
    }

    /// Compares the rate with that of a reference; clusters may have members in both.
    ///
    /// Ratio and difference with Wald limits, the ratio on its logarithm; the p-value is that of the
    /// ratio.
    pub(crate) fn contrast(
        &self,
        reference: &Self,
        unit: f64,
        confidence: Confidence,
    ) -> RateContrast {
        let normal = |one: &Self| {
            let value = one.value(unit);
            Normal { value, standard_error: value.and_then(|value| Ok(value * one.log_error()?)) }
        };
        let (own, other) = (normal(self), normal(reference));
        let r = self.correlation(reference);
        let difference = difference(own, other, r, confidence);
        RateContrast {
            ratio: ratio(own, other, r, confidence),
            difference: Contrast { p_value: None, ..difference },
        }
    }

    /// Correlation of two rates through the clusters with members in both.
    fn correlation(&self, other: &Self) -> f64 {
        let (Ok(own), Ok(its)) = (&self.influence, &other.influence) else {
            return INDEPENDENT;
        };
        let (Ok(a), Ok(b)) = (error(own), error(its)) else {
            return INDEPENDENT;
        };
        sum(own.iter().zip(its).map(|(x, y)| x * y)) / (a * b)
    }
}

/// What each cluster contributes to the error of the logarithm of the rate.
fn influence(
    subjects: &[WeightedSubject],
    person_time: &WeightedPersonTime,
    n_clusters: usize,
) -> Estimate<Vec<f64>> {
    let WeightedPersonTime { subjects: n, events, time } = *person_time;
    if n == 0.0 {
        return Err(NotEstimable::NoSubjects);
    }
    if events == 0.0 {
        return Err(NotEstimable::NoEvents);
    }
    if subjects.iter().all(|one| one.cluster == subjects[0].cluster) {
        return Err(NotEstimable::VarianceUndefined);
    }
    let mut influence = vec![0.0; n_clusters];
    for one in subjects {
        let event = if one.event { 1.0 } else { 0.0 };
        influence[one.cluster] += one.weight * (event / events - one.time / time);
    }
    Ok(influence)
}

/// The root of the sum of squares.
fn error(influence: &[f64]) -> Estimate {
    finite(sum(influence.iter().map(|value| value * value)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contrast::tests::confidence;

    fn subject(weight: f64, event: bool, time: f64, cluster: usize) -> WeightedSubject {
        WeightedSubject { weight, event, time, cluster }
    }

    /// Weights 2, 1, 1 with times 1, 2, 4 and an event of the first: D = 2, T = 2 + 2 + 4 = 8. Influences
    /// 2 (1/2 - 1/8) = 3/4, -2/8 and -4/8: SE² = (9 + 1 + 4) / 16.
    #[test]
    fn three_subjects_by_hand() {
        let subjects =
            [subject(2.0, true, 1.0, 0), subject(1.0, false, 2.0, 1), subject(1.0, false, 4.0, 2)];
        let rate = WeightedRate::of(&subjects, 3);
        let sums = WeightedPersonTime { subjects: 4.0, events: 2.0, time: 8.0 };
        assert_eq!(rate.person_time, sums);
        let found = rate.rate(100.0, confidence());
        assert_eq!(found.rate, Ok(25.0));
        let distance = 1.959_963_984_540_054 * (14f64 / 16.0).sqrt();
        assert!((found.interval.lower.unwrap() - 25.0 * (-distance).exp()).abs() < 1e-12);
        assert!((found.interval.upper.unwrap() - 25.0 * distance.exp()).abs() < 1e-11);
    }

    /// The last two as one cluster: SE² = (9 + 9) / 16.
    #[test]
    fn clusters_add_up_before_they_are_squared() {
        let subjects =
            [subject(2.0, true, 1.0, 0), subject(1.0, false, 2.0, 1), subject(1.0, false, 4.0, 1)];
        let error = WeightedRate::of(&subjects, 2).log_error().unwrap();
        assert!((error - (18f64 / 16.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn a_rate_without_events_or_of_one_cluster_has_no_limits() {
        let none = [subject(1.0, false, 1.0, 0), subject(1.0, false, 2.0, 1)];
        let found = WeightedRate::of(&none, 2).rate(1.0, confidence());
        assert_eq!((found.rate, found.interval), (Ok(0.0), Interval::none(NotEstimable::NoEvents)));
        let alone = [subject(2.0, true, 4.0, 0)];
        let found = WeightedRate::of(&alone, 1).rate(1.0, confidence());
        let undefined = Interval::none(NotEstimable::VarianceUndefined);
        assert_eq!((found.rate, found.interval), (Ok(0.25), undefined));
        let nobody = WeightedRate::of(&[], 0).rate(1.0, confidence());
        assert_eq!(nobody.rate, Err(NotEstimable::NoSubjects));
    }

    /// Two arms whose members are paired with themselves do not differ, and surely so.
    #[test]
    fn equal_arms_of_the_same_clusters_have_no_variance() {
        let subjects = [subject(1.0, true, 2.0, 0), subject(1.0, false, 3.0, 1)];
        let rate = WeightedRate::of(&subjects, 2);
        let contrast = rate.contrast(&rate, 1.0, confidence());
        assert_eq!(contrast.ratio.estimate, Ok(1.0));
        assert_eq!(contrast.ratio.interval, Interval::none(NotEstimable::VarianceUndefined));
    }
}
