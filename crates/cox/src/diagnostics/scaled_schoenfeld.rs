//! Each coefficient over time: scaled Schoenfeld residuals and the curve through them.

use super::at_maximum::AtMaximum;
use super::rows::Rows;
use super::smooth::{LeastSquares, Smooth, SmoothOptions, grid};
use crate::TimeTransform;
use crate::derivatives::PartialLikelihood;
use crate::proportionality::transformed;
use cohort::{Estimate, NotEstimable};
use nalgebra::{DMatrix, DVector};
use numerics::cholesky::Cholesky;
use numerics::elementary::exp;
use numerics::spline::NaturalSpline;
use numerics::tails::two_sided_multiplier;
use std::collections::BTreeMap;

/// How one coefficient changes with time.
#[derive(Clone, Debug, PartialEq)]
pub struct CoefficientOverTime {
    /// Name of the column.
    pub column: String,
    /// The scale of time.
    pub transform: TimeTransform,
    /// The row of every event of the strata in which the column varies: stratum by stratum, within
    /// it in time order.
    pub event_rows: Vec<usize>,
    /// Their times.
    pub event_times: Vec<f64>,
    /// Their times on the scale of time.
    pub event_scale: Vec<f64>,
    /// Scaled Schoenfeld residuals: about the coefficient at the time of each event.
    pub values: Vec<f64>,
    /// The curve through them over the scale of time; none when too few distinct times tell its
    /// shape.
    pub smooth: Estimate<Smooth>,
    /// The times of the points of the curve, interpolated between events where the scale of time
    /// depends on the data.
    pub smooth_times: Vec<f64>,
}

/// Draws every coefficient over time.
///
/// ```text
/// y = v⁻¹ s + beta      v = I / d
/// ```
///
/// with the Schoenfeld residuals `s` of an event, the information `I` and `d` events. A stratum in
/// which a column does not vary says nothing of it: such events have no `y` of that column, and an
/// element of `I` is divided by the events of the strata in which both its columns vary. The curve
/// is a natural spline fitted by least squares, its knots at the quantiles of events and points
/// together, with the variance `v⁻¹` of one value. Levels of a factor have a curve each.
///
/// Grambsch and Therneau (1994), Biometrika 81:515-526. Same values as `cox.zph(fit, transform,
/// terms = FALSE)` in R and same curve as its `plot`, whose band has two standard errors.
pub(crate) fn over_time(
    at: &AtMaximum,
    rows: &Rows,
    transform: TimeTransform,
    options: &SmoothOptions,
) -> Estimate<Vec<CoefficientOverTime>> {
    let sets = at.model.sets;
    let endpoint = at.model.data.endpoint;
    let by_subject = transformed(endpoint, transform);
    let events: Vec<Event> = at
        .event_positions()
        .map(|(group, position)| Event {
            subject: at.subject(position),
            time: sets.groups()[group].time,
            scale: by_subject[at.subject(position)],
        })
        .collect();
    let scale: Vec<f64> = events.iter().map(|event| event.scale).collect();
    if scale.iter().any(|scale| !scale.is_finite()) {
        // The logarithm of an event at time 0.
        return Err(NotEstimable::NotDefined);
    }
    let values = Values::new(at);
    let curve = grid(&scale, options).and_then(|points| {
        let spline =
            NaturalSpline::of_sample(&[&points[..], &scale].concat(), options.dimension, true);
        Ok((spline.ok_or(NotEstimable::AllValuesEqual)?, points))
    });
    let smooth_times = match &curve {
        Ok((_, points)) => times_of(points, &events, transform),
        Err(_) => Vec::new(),
    };
    let multiplier = two_sided_multiplier(at.model.options.confidence);
    let draw = |(k, &j): (usize, &usize)| {
        let known = |event: &usize| values.is_known[(*event, k)];
        let kept: Vec<usize> = (0..events.len()).filter(known).collect();
        let event_scale: Vec<f64> = kept.iter().map(|&event| scale[event]).collect();
        let unit = at.scale(j);
        let y: Vec<f64> = kept.iter().map(|&event| values.y[(event, k)] / unit).collect();
        let smooth = curve.as_ref().map_err(|&reason| reason).and_then(|(spline, points)| {
            let fit = LeastSquares::fit(spline, &event_scale, &y, None)?;
            Ok(fit.draw(points.clone(), values.variance[k] / (unit * unit), multiplier))
        });
        CoefficientOverTime {
            column: at.name(j).to_string(),
            transform,
            event_rows: kept.iter().map(|&event| rows.of_subject(events[event].subject)).collect(),
            event_times: kept.iter().map(|&event| events[event].time).collect(),
            event_scale,
            values: y,
            smooth,
            smooth_times: smooth_times.clone(),
        }
    };
    Ok(at.columns().iter().enumerate().map(draw).collect())
}

struct Event {
    subject: usize,
    time: f64,
    scale: f64,
}

/// The values of standardised columns, events by columns.
struct Values {
    y: DMatrix<f64>,
    is_known: DMatrix<bool>,
    /// Diagonal of `v⁻¹`.
    variance: Vec<f64>,
}

impl Values {
    fn new(at: &AtMaximum) -> Self {
        let (model, columns) = (at.model, at.columns());
        let used = Used::count(at);
        let beta = model.maximum.estimate.select_rows(columns);
        let derivatives = PartialLikelihood::new(model.sets, model.options.ties)
            .derivatives(model.maximum.estimate.as_slice(), |_| 1.0);
        let mean_information = derivatives
            .information
            .select_rows(columns)
            .select_columns(columns)
            .zip_map(&used.n_events, |information, n| information / n.max(1.0));
        let schoenfeld = at.schoenfeld();
        let mut y = DMatrix::zeros(schoenfeld.nrows(), columns.len());
        let mut is_known = DMatrix::from_element(schoenfeld.nrows(), columns.len(), false);
        let mut factors: BTreeMap<&[usize], Cholesky> = BTreeMap::new();
        let mut event = 0;
        for (kept, &n_events) in used.columns.iter().zip(&used.events) {
            let factor = factors.entry(kept.as_slice()).or_insert_with(|| {
                let block = mean_information.select_rows(kept).select_columns(kept);
                Cholesky::rank_revealing(&block)
            });
            for event in event..event + n_events {
                let own = DVector::from_fn(kept.len(), |k, _| schoenfeld[(event, kept[k])]);
                for (&k, value) in kept.iter().zip(&factor.solve(&own)) {
                    y[(event, k)] = value + beta[k];
                    is_known[(event, k)] = true;
                }
            }
            event += n_events;
        }
        let variance = Cholesky::rank_revealing(&mean_information).inverse();
        Self { y, is_known, variance: variance.diagonal().iter().copied().collect() }
    }
}

/// Which columns vary in which strata.
struct Used {
    /// For each stratum the columns that vary in it, as indexes of those with a coefficient.
    columns: Vec<Vec<usize>>,
    /// For each stratum its events.
    events: Vec<usize>,
    /// For each two columns the events of the strata in which both vary.
    n_events: DMatrix<f64>,
}

impl Used {
    fn count(at: &AtMaximum) -> Self {
        let sets = at.model.sets;
        let p = at.columns().len();
        let mut used =
            Self { columns: Vec::new(), events: Vec::new(), n_events: DMatrix::zeros(p, p) };
        for stratum in sets.strata() {
            let positions = sets.positions(stratum);
            let varies = |k: &usize| {
                let column = &sets.column(at.columns()[*k])[positions.clone()];
                column.iter().any(|value| *value != column[0])
            };
            let columns: Vec<usize> = (0..p).filter(varies).collect();
            let n_events = sets.groups()[stratum.clone()].iter().map(|group| group.events.len());
            let n_events = n_events.sum::<usize>();
            for &j in &columns {
                for &k in &columns {
                    used.n_events[(j, k)] += n_events as f64;
                }
            }
            used.columns.push(columns);
            used.events.push(n_events);
        }
        used
    }
}

/// Times of points on the scale of time.
fn times_of(points: &[f64], events: &[Event], transform: TimeTransform) -> Vec<f64> {
    match transform {
        TimeTransform::Identity => points.to_vec(),
        TimeTransform::Log => points.iter().map(|&point| exp(point)).collect(),
        TimeTransform::KaplanMeier | TimeTransform::Rank => {
            let mut known: Vec<(f64, f64)> =
                events.iter().map(|event| (event.scale, event.time)).collect();
            known.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
            known.dedup_by_key(|(scale, _)| *scale);
            points.iter().map(|&point| interpolated(&known, point)).collect()
        }
    }
}

/// Linear between the known points, which ascend; constant beyond them.
fn interpolated(known: &[(f64, f64)], x: f64) -> f64 {
    let above = known.partition_point(|(scale, _)| *scale < x).min(known.len() - 1);
    let below = above.saturating_sub(1);
    let ((x0, y0), (x1, y1)) = (known[below], known[above]);
    if x1 > x0 { y0 + (y1 - y0) * ((x - x0) / (x1 - x0)).clamp(0.0, 1.0) } else { y1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_lie_between_those_of_the_events() {
        let known = [(0.0, 1.0), (0.5, 3.0), (1.0, 7.0)];
        let times = [-1.0, 0.0, 0.25, 0.75, 1.0, 2.0].map(|x| interpolated(&known, x));
        assert_eq!(times, [1.0, 1.0, 2.0, 5.0, 7.0, 7.0]);
    }
}
