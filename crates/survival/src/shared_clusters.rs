//! How the estimates of two groups go together when clusters have members in both.

use crate::curves::Estimated;
use crate::jackknife::Influence;
use crate::robust::RobustCurve;

/// The influence of each cluster on what is contrasted of one group, item by item.
pub(crate) struct Influences {
    means: Vec<Influence>,
    at_times: Vec<Influence>,
    /// On the survival at each quantile, which moves with it; none where there is no quantile.
    quantiles: Vec<Option<Influence>>,
}

/// Correlations between the estimates of two groups, item by item.
#[derive(Clone, Debug, Default)]
pub(crate) struct Correlations {
    pub(crate) means: Vec<f64>,
    pub(crate) at_times: Vec<f64>,
    pub(crate) quantiles: Vec<f64>,
}

impl Influences {
    /// On the restricted means up to `taus` and on what was read off the curve; nothing for a curve
    /// without a robust variance.
    pub(crate) fn of(estimated: &Estimated, taus: &[f64]) -> Option<Self> {
        let group = &estimated.group;
        let robust = RobustCurve { curve: &group.curve, jackknife: estimated.jackknife.as_ref()? };
        let until = |time: f64| group.curve.time.partition_point(|&other| other <= time);
        let quantile = |value: f64| robust.on_survival(until(value));
        let quantiles = group.quantiles.iter().map(|one| one.value.ok().map(quantile));
        Some(Self {
            means: taus.iter().map(|&tau| robust.on_restricted_mean(tau)).collect(),
            at_times: group.at_times.iter().map(|at| robust.on_survival(until(at.time))).collect(),
            quantiles: quantiles.collect(),
        })
    }

    /// With the estimates of another group.
    pub(crate) fn correlations(&self, other: &Self) -> Correlations {
        let correlations = |these: &[Influence], others: &[Influence]| {
            these.iter().zip(others).map(|(one, other)| one.correlation(other)).collect()
        };
        let quantiles = self.quantiles.iter().zip(&other.quantiles);
        let quantile = |(one, other): (&Option<Influence>, &Option<Influence>)| {
            one.as_ref().zip(other.as_ref()).map_or(0.0, |(one, other)| one.correlation(other))
        };
        Correlations {
            means: correlations(&self.means, &other.means),
            at_times: correlations(&self.at_times, &other.at_times),
            quantiles: quantiles.map(quantile).collect(),
        }
    }
}
