//! Residuals by row and by event.

use super::DiagnosticsQuery;
use super::at_maximum::AtMaximum;
use super::rows::Rows;
use crate::centring::{centre, weighted_mean};
use numerics::elementary::ln;

/// What is left of a model, by subject or by event.
///
/// Without collapsing a subject is a row of the table; of start-stop data a patient has several
/// rows, whose residuals add up to those of the patient. Columns without a coefficient have none.
/// Case weights are in the hazards; residuals themselves are those of one subject, `Dfbeta` and
/// `Dfbetas` alone are times the weight. Therneau and Grambsch (2000), Modeling Survival Data,
/// chapters 4 to 7. Same as `residuals(fit, type)` in R, for the rule of ties of the fit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ResidualKind {
    /// `x'beta` and the offset, counted from where R centres the columns and from the plain mean of
    /// the offset: `fit$linear.predictors`.
    LinearPredictor,
    /// Events less what the model expects, `δ - Λ(t)`; they add up to 0 in every stratum, each
    /// times its case weight.
    Martingale,
    /// The martingale residual `m` on a scale on which it is about symmetric,
    /// `sign(m) √(-2 (m + N ln((N - m) / N)))` with the number of events `N`. R leaves out the last
    /// `N`, so that it differs for a collapsed patient with several events, or has no number.
    Deviance,
    /// Share of a subject in the first derivative of the log likelihood by each coefficient; they
    /// add up to 0, each times its case weight.
    Score,
    /// About how much each coefficient changes when a subject is left out, with the sign turned:
    /// `score V`, with `V` the model covariance.
    Dfbeta,
    /// `Dfbeta` in units of the model standard error.
    Dfbetas,
    /// For each event the column less its mean over the risk set.
    Schoenfeld,
    /// `schoenfeld V d + beta` with the number of events `d`: about the coefficient at the time of
    /// the event.
    ScaledSchoenfeld,
}

/// Residuals of one model.
#[derive(Clone, Debug, PartialEq)]
pub struct Residuals {
    /// The row of every value by subject; of collapsed ones the first row of the patient.
    pub rows: Vec<usize>,
    /// What has a value per subject or patient, in the order asked for.
    pub by_subject: Vec<ResidualSeries>,
    /// The row of every event: stratum by stratum, within it in time order.
    pub event_rows: Vec<usize>,
    /// Their times.
    pub event_times: Vec<f64>,
    /// What has a value per event, in the order asked for.
    pub by_event: Vec<ResidualSeries>,
}

/// Values of one kind, of one column where the kind has one per column.
#[derive(Clone, Debug, PartialEq)]
pub struct ResidualSeries {
    /// The kind.
    pub kind: ResidualKind,
    /// Name of the column; absent when the kind has one value for all columns.
    pub column: Option<String>,
    /// The values.
    pub values: Vec<f64>,
}

/// Lists the residuals asked for.
pub(crate) fn list(at: &AtMaximum, rows: &Rows, query: &DiagnosticsQuery) -> Residuals {
    let sets = at.model.sets;
    let mut residuals = Residuals {
        rows: rows.listed().to_vec(),
        by_subject: Vec::new(),
        event_rows: Vec::new(),
        event_times: Vec::new(),
        by_event: Vec::new(),
    };
    let is_by_event = |kind: &ResidualKind| {
        matches!(kind, ResidualKind::Schoenfeld | ResidualKind::ScaledSchoenfeld)
    };
    for &kind in &query.residuals {
        let series = match kind {
            ResidualKind::LinearPredictor => vec![(None, rows.sums(linear_predictor(at)))],
            ResidualKind::Martingale => vec![(None, rows.sums(at.martingale()))],
            ResidualKind::Deviance => vec![(None, deviance(at, rows))],
            ResidualKind::Score => scores(at, rows),
            ResidualKind::Dfbeta => dfbeta(at, rows, Unit::Caller),
            ResidualKind::Dfbetas => dfbeta(at, rows, Unit::StandardError),
            ResidualKind::Schoenfeld => schoenfeld(at),
            ResidualKind::ScaledSchoenfeld => scaled_schoenfeld(at),
        };
        let named = series.into_iter().map(|(column, values)| {
            let column = column.map(|j: usize| at.name(j).to_string());
            ResidualSeries { kind, column, values }
        });
        if is_by_event(&kind) {
            residuals.by_event.extend(named);
        } else {
            residuals.by_subject.extend(named);
        }
    }
    if query.residuals.iter().any(is_by_event) {
        for (group, position) in at.event_positions() {
            residuals.event_rows.push(rows.of_subject(at.subject(position)));
            residuals.event_times.push(sets.groups()[group].time);
        }
    }
    residuals
}

/// Values with the column they belong to.
type OfColumn = (Option<usize>, Vec<f64>);

fn linear_predictor(at: &AtMaximum) -> Vec<f64> {
    let data = at.model.data;
    let mut predictor = match data.offset {
        Some(offset) => {
            let mean = weighted_mean(offset, None);
            offset.iter().map(|offset| offset - mean).collect()
        }
        None => vec![0.0; data.endpoint.len()],
    };
    for &j in at.columns() {
        let column = &data.design.columns[j].values;
        let (beta, from) = (at.coefficient(j), centre(column, data.endpoint, data.weights));
        for (predictor, x) in predictor.iter_mut().zip(column) {
            *predictor += beta * (x - from);
        }
    }
    predictor
}

fn deviance(at: &AtMaximum, rows: &Rows) -> Vec<f64> {
    let event = at.model.data.endpoint.event();
    let events = rows.sums(event.iter().map(|&event| f64::from(u8::from(event))).collect());
    let martingale = rows.sums(at.martingale());
    martingale.into_iter().zip(events).map(|(m, events)| deviance_residual(m, events)).collect()
}

/// `sign(m) √(-2 (m + N ln((N - m) / N)))` with the number of events `N`, as many as a collapsed
/// patient has; where less than the smallest number is expected, that is.
fn deviance_residual(martingale: f64, events: f64) -> f64 {
    let expected = (events - martingale).max(f64::MIN_POSITIVE);
    let of_events = if events == 0.0 { 0.0 } else { events * ln(expected / events) };
    // Of a perfect expectation rounding may leave a number just below 0.
    let square = (-2.0 * (martingale + of_events)).max(0.0);
    if martingale == 0.0 { 0.0 } else { square.sqrt().copysign(martingale) }
}

fn scores(at: &AtMaximum, rows: &Rows) -> Vec<OfColumn> {
    let mut scores = at.weighted_scores();
    if let Some(weights) = at.model.data.weights {
        for (mut row, weight) in scores.row_iter_mut().zip(weights) {
            row /= *weight;
        }
    }
    let series = |(k, &j): (usize, &usize)| {
        // A column in another unit has the derivative by another coefficient.
        let values = scores.column(k).iter().map(|score| score * at.scale(j)).collect();
        (Some(j), rows.sums(values))
    };
    at.columns().iter().enumerate().map(series).collect()
}

/// The unit of a change of a coefficient.
#[derive(Clone, Copy)]
enum Unit {
    /// That of the coefficient.
    Caller,
    /// Its model standard error.
    StandardError,
}

fn dfbeta(at: &AtMaximum, rows: &Rows, unit: Unit) -> Vec<OfColumn> {
    let covariance = at.covariance();
    let changes = at.weighted_scores() * &covariance;
    let series = |(k, &j): (usize, &usize)| {
        let unit = match unit {
            Unit::Caller => at.scale(j),
            Unit::StandardError => covariance[(k, k)].sqrt(),
        };
        (Some(j), rows.sums(changes.column(k).iter().map(|change| change / unit).collect()))
    };
    at.columns().iter().enumerate().map(series).collect()
}

fn schoenfeld(at: &AtMaximum) -> Vec<OfColumn> {
    let residuals = at.schoenfeld();
    let series = |(k, &j): (usize, &usize)| {
        (Some(j), residuals.column(k).iter().map(|residual| residual * at.scale(j)).collect())
    };
    at.columns().iter().enumerate().map(series).collect()
}

fn scaled_schoenfeld(at: &AtMaximum) -> Vec<OfColumn> {
    let n_events = at.model.data.endpoint.n_events() as f64;
    let scaled = at.schoenfeld() * at.covariance() * n_events;
    let series = |(k, &j): (usize, &usize)| {
        let beta = at.coefficient(j);
        (Some(j), scaled.column(k).iter().map(|value| value / at.scale(j) + beta).collect())
    };
    at.columns().iter().enumerate().map(series).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of two events where 1.5 were expected it is the deviance of a Poisson count, `2 (2 ln(2/1.5) -
    /// (2 - 1.5))`, and 0 where 2 were.
    #[test]
    fn the_deviance_of_several_events_is_that_of_their_count() {
        let want = (2.0 * (2.0 * (2.0 / 1.5f64).ln() - 0.5)).sqrt();
        assert!((deviance_residual(0.5, 2.0) - want).abs() < 1e-12);
        assert_eq!(deviance_residual(0.0, 2.0), 0.0);
        assert!(deviance_residual(-1.0, 2.0) < 0.0);
    }
}
