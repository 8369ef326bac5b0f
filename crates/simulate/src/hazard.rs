//! Hazards, cumulative hazards and the times at which these reach a value.

use crate::{Arm, Baseline, Cause};
use numerics::elementary::pow;

impl Baseline {
    /// Whether the cumulative hazard grows without bound, so that everybody has the event at last.
    pub(crate) fn comes_at_last(&self) -> bool {
        match self {
            Self::Exponential { .. } | Self::Weibull { .. } => true,
            Self::Piecewise(rates) => rates.last() > 0.0,
        }
    }

    fn hazard(&self, time: f64) -> f64 {
        match self {
            Self::Exponential { rate } => *rate,
            Self::Weibull { shape, scale } => shape / scale * pow(time / scale, shape - 1.0),
            Self::Piecewise(rates) => rates.at(time),
        }
    }

    fn cumulative(&self, time: f64) -> f64 {
        match self {
            Self::Exponential { rate } => rate * time,
            Self::Weibull { shape, scale } => pow(time / scale, *shape),
            Self::Piecewise(rates) => rates
                .spans()
                .take_while(|(piece, _)| piece.start < time)
                .map(|(piece, end)| piece.value * (time.min(end) - piece.start))
                .sum(),
        }
    }

    /// The time at which the cumulative hazard reaches a value; infinite when it never does.
    fn time_of(&self, cumulative: f64) -> f64 {
        match self {
            Self::Exponential { rate } => cumulative / rate,
            Self::Weibull { shape, scale } => scale * pow(cumulative, 1.0 / shape),
            Self::Piecewise(rates) => {
                let mut missing = cumulative;
                for (rate, end) in rates.spans() {
                    let time = rate.start + missing / rate.value;
                    if time <= end {
                        return time;
                    }
                    missing -= rate.value * (end - rate.start);
                }
                f64::INFINITY
            }
        }
    }

    fn starts(&self) -> Vec<f64> {
        match self {
            Self::Exponential { .. } | Self::Weibull { .. } => Vec::new(),
            Self::Piecewise(rates) => rates.starts().collect(),
        }
    }
}

impl Cause {
    /// Hazard of an arm at score 0.
    pub(crate) fn hazard(&self, arm: Arm, time: f64) -> f64 {
        match arm {
            Arm::Comparator => self.baseline.hazard(time),
            Arm::Exposed => self.baseline.hazard(time) * self.hazard_ratio.at(time),
        }
    }

    /// Cumulative hazard of an arm at score 0.
    pub(crate) fn cumulative(&self, arm: Arm, time: f64) -> f64 {
        let gained = |(ratio, end): (crate::steps::Piece, f64)| {
            let gain = self.baseline.cumulative(time.min(end));
            ratio.value * (gain - self.baseline.cumulative(ratio.start))
        };
        let begun = self.hazard_ratio.spans().take_while(|(ratio, _)| ratio.start < time);
        match arm {
            Arm::Comparator => self.baseline.cumulative(time),
            Arm::Exposed => begun.map(gained).sum(),
        }
    }

    /// The time at which the cumulative hazard of an arm at score 0 reaches a positive value;
    /// infinite when it never does.
    pub(crate) fn time_of(&self, arm: Arm, cumulative: f64) -> f64 {
        if arm == Arm::Comparator {
            return self.baseline.time_of(cumulative);
        }
        let mut missing = cumulative;
        for (ratio, end) in self.hazard_ratio.spans() {
            let before = self.baseline.cumulative(ratio.start);
            let time = self.baseline.time_of(before + missing / ratio.value);
            if time <= end {
                return time;
            }
            missing -= ratio.value * (self.baseline.cumulative(end) - before);
        }
        f64::INFINITY
    }

    /// Times at which the hazard steps.
    pub(crate) fn starts(&self) -> Vec<f64> {
        self.hazard_ratio.starts().chain(self.baseline.starts()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Steps;

    fn cause(baseline: Baseline, hazard_ratio: &[(f64, f64)]) -> Cause {
        Cause { baseline, hazard_ratio: Steps::new(hazard_ratio).unwrap(), score_weight: 1.0 }
    }

    /// Rate 2 for one unit, then none for one unit, then 1; the effect halves hazards from 0.5 on.
    #[test]
    fn a_delayed_effect_by_hand() {
        let rates = Steps::new(&[(0.0, 2.0), (1.0, 0.0), (2.0, 1.0)]).unwrap();
        let cause = cause(Baseline::Piecewise(rates), &[(0.0, 1.0), (0.5, 0.5)]);
        let [comparator, exposed] = [Arm::Comparator, Arm::Exposed]
            .map(|arm| [0.5, 1.5, 4.0].map(|t| cause.cumulative(arm, t)));
        assert_eq!(comparator, [1.0, 2.0, 4.0]);
        assert_eq!(exposed, [1.0, 1.5, 2.5]);
        assert_eq!([1.0, 1.25, 2.5].map(|h| cause.time_of(Arm::Exposed, h)), [0.5, 0.75, 4.0]);
        assert_eq!([0.2, 0.7, 3.0].map(|t| cause.hazard(Arm::Exposed, t)), [2.0, 1.0, 0.5]);
    }

    #[test]
    fn whoever_is_cured_waits_for_ever() {
        let rates = Steps::new(&[(0.0, 1.0), (1.0, 0.0)]).unwrap();
        let cured = cause(Baseline::Piecewise(rates), &[(0.0, 1.0)]);
        assert_eq!(cured.time_of(Arm::Comparator, 1.5), f64::INFINITY);
        assert_eq!(cured.time_of(Arm::Exposed, 1.5), f64::INFINITY);
        let stopped = cause(Baseline::Exponential { rate: 1.0 }, &[(0.0, 1.0), (1.0, 0.0)]);
        assert_eq!(stopped.time_of(Arm::Exposed, 1.5), f64::INFINITY);
        assert_eq!(stopped.time_of(Arm::Comparator, 1.5), 1.5);
    }

    #[test]
    fn times_and_cumulative_hazards_are_inverse() {
        let crossing = [(0.0, 1.5), (6.0, 0.4)];
        for baseline in
            [Baseline::Exponential { rate: 0.1 }, Baseline::Weibull { shape: 0.7, scale: 9.0 }]
        {
            let cause = cause(baseline, &crossing);
            for time in [0.01, 5.0, 6.0, 40.0] {
                for arm in [Arm::Comparator, Arm::Exposed] {
                    let back = cause.time_of(arm, cause.cumulative(arm, time));
                    assert!((back - time).abs() < 1e-12 * time, "{back} instead of {time}");
                }
            }
        }
    }
}
