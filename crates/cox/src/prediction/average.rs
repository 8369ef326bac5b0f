//! Survival averaged over the cohort, as if everybody had one level of a factor.

use super::PredictionQuery;
use super::baseline::{Hazards, Position};
use crate::CoxError;
use crate::cohort_fit::FollowUp;
use cohort::{Cohort, Column, Design, Estimate, Interval, NotEstimable, Term, Values, finite};
use nalgebra::DVector;
use numerics::elementary::exp;
use numerics::tails::two_sided_multiplier;
use survival::{IntervalRule, limits};

/// Average survival with one level of the factor.
#[derive(Clone, Debug, PartialEq)]
pub struct AverageCurve {
    /// The level that everybody has.
    pub level: String,
    /// Survival at the times asked for.
    pub at_times: Vec<AverageAt>,
}

/// Average survival at a chosen time; beyond the last time of any stratum there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AverageAt {
    /// The time asked for.
    pub time: f64,
    /// Average survival just after it.
    pub survival: Estimate,
    /// Its standard error.
    pub standard_error: Estimate,
    /// Its limits.
    pub interval: Interval,
    /// The average less that of the first level; 0 for the first level itself.
    pub difference: Estimate,
    /// Standard error of the difference.
    pub difference_standard_error: Estimate,
    /// Limits of the difference, symmetric about it.
    pub difference_interval: Interval,
}

/// Fails when the model has no such factor.
pub(crate) fn check(query: &PredictionQuery) -> Result<(), CoxError> {
    match &query.average_over {
        Some(factor) if !query.model.terms.iter().any(|term| has_factor(term, factor)) => {
            Err(CoxError::NoFactor { column: factor.clone() })
        }
        _ => Ok(()),
    }
}

/// Averages the predicted survival over the subjects, level by level.
///
/// ```text
/// S(t) = Σ w_i exp(-r_i H(t)) / Σ w_i      r_i = exp(x_i'beta) with the level in x_i
/// ```
///
/// each subject in its own stratum, `w_i` its case weight. This is the survival that the model
/// expects had everybody had the level: the parametric g-formula. The standard error takes
/// coefficients and hazards for uncertain and the covariates for given, by the delta method:
///
/// ```text
/// dS/dH = -Σ w S r / Σ w       dS/dbeta = -Σ w S r (H z - E) / Σ w
/// ```
///
/// with the letters of [`Hazards`]. Every row is a subject, so the average is one of patients when
/// each has one row. Chang, Gelman and Pagano (1982), J. Chronic Dis. 35:669-674; Ozenne et al.
/// (2020), Biom. J. 62:742-763.
pub(crate) fn curves(
    hazards: &Hazards,
    follow_up: &FollowUp,
    factor: &str,
    query: &PredictionQuery,
    times: &[f64],
) -> Result<Vec<AverageCurve>, CoxError> {
    let levels = follow_up.cohort.categories(factor, &follow_up.weighted.selection)?.levels;
    let strata = hazards.strata_of_subjects();
    let weights = follow_up.weighted.weights.as_deref();
    let multiplier = two_sided_multiplier(query.model.options.confidence);
    let mut first: Option<Vec<Estimate<Average>>> = None;
    let mut curves = Vec::with_capacity(levels.len());
    for level in levels {
        let positions = positions(hazards, follow_up, &assign(follow_up, factor, &level)?);
        let at = |&time: &f64| {
            let positions = positions.as_ref().map_err(|&reason| reason)?;
            Average::new(hazards, &strata, positions, weights, time)
        };
        let averages: Vec<Estimate<Average>> = times.iter().map(at).collect();
        let first = first.get_or_insert_with(|| averages.clone());
        let at_times = averages.iter().zip(&*first).zip(&query.times);
        let at_times = at_times.map(|((own, first), &time)| {
            AverageAt::new(hazards, time, own, first, query.interval, multiplier)
        });
        curves.push(AverageCurve { level, at_times: at_times.collect() });
    }
    Ok(curves)
}

fn has_factor(term: &Term, factor: &str) -> bool {
    match term {
        Term::Factor { column, .. } => column == factor,
        Term::Interaction(left, right) => has_factor(left, factor) || has_factor(right, factor),
        Term::Linear { .. } | Term::Spline { .. } => false,
    }
}

/// The columns of the model with one level for all subjects and everything else as it is.
fn assign(follow_up: &FollowUp, factor: &str, level: &str) -> Result<Design, CoxError> {
    let (cohort, rows) = (follow_up.cohort, follow_up.weighted.selection.rows());
    let terms = &follow_up.query.terms;
    let mut names: Vec<&str> = terms.iter().flat_map(Term::columns).collect();
    names.sort_unstable();
    names.dedup();
    let column = |name: &str| -> Result<Column, CoxError> {
        if name == factor {
            return Ok(Column::categorical(name, vec![level.into()], vec![0; rows.len()]));
        }
        Ok(match cohort.values(name)? {
            Values::Numeric(values) => {
                Column::numeric(name, rows.iter().map(|&row| values[row]).collect())
            }
            Values::Categorical { levels, codes } => Column::categorical(
                name,
                levels.clone(),
                rows.iter().map(|&row| codes[row]).collect(),
            ),
        })
    };
    let columns = names.into_iter().map(column).collect::<Result<_, _>>()?;
    let everybody = Cohort::new(None, columns)?;
    Ok(Design::of_profiles(cohort, &follow_up.weighted.selection, terms, &everybody)?)
}

/// Where the subjects stand with the columns of a design.
fn positions(hazards: &Hazards, follow_up: &FollowUp, design: &Design) -> Estimate<Vec<Position>> {
    let offset = follow_up.offset.as_deref();
    let position = |subject: usize| {
        let x: Vec<f64> = design.columns.iter().map(|column| column.values[subject]).collect();
        hazards.locate(&x, offset.map_or(0.0, |offset| offset[subject]))
    };
    (0..follow_up.endpoint.len()).map(position).collect()
}

/// An average and its derivatives.
#[derive(Clone, Debug)]
struct Average {
    survival: f64,
    /// By the hazard of each stratum, times the standard error of that hazard.
    by_hazard: Vec<f64>,
    /// By the coefficients of standardised columns.
    by_coefficient: DVector<f64>,
}

impl Average {
    fn new(
        hazards: &Hazards,
        strata: &[usize],
        positions: &[Position],
        weights: Option<&[f64]>,
        time: f64,
    ) -> Estimate<Self> {
        let n_strata = strata.iter().max().map_or(0, |&last| last + 1);
        let steps = (0..n_strata)
            .map(|stratum| hazards.steps_until(stratum, time))
            .collect::<Estimate<Vec<_>>>()?;
        let mut average = Self {
            survival: 0.0,
            by_hazard: vec![0.0; n_strata],
            by_coefficient: DVector::zeros(hazards.covariance().nrows()),
        };
        let mut total = 0.0;
        for (subject, (position, &stratum)) in positions.iter().zip(strata).enumerate() {
            let weight = weights.map_or(1.0, |weights| weights[subject]);
            let sums = hazards.sums(stratum, steps[stratum]);
            let risk = hazards.risk(stratum, position);
            let survival = exp(-risk * sums.cumulative());
            // Where survival has come to 0, so have its derivatives.
            let slope = if survival > 0.0 { weight * survival * risk } else { 0.0 };
            total += weight;
            average.survival += weight * survival;
            average.by_hazard[stratum] -= slope * sums.variance().sqrt();
            average.by_coefficient.axpy(-slope, &sums.distance(position), 1.0);
        }
        average.survival /= total;
        average.by_hazard.iter_mut().for_each(|by_hazard| *by_hazard /= total);
        average.by_coefficient /= total;
        Ok(average)
    }

    /// Standard error of the average less another one.
    fn standard_error(&self, hazards: &Hazards, other: Option<&Self>) -> f64 {
        let mut by_hazard = self.by_hazard.clone();
        let mut by_coefficient = self.by_coefficient.clone();
        if let Some(other) = other {
            by_hazard.iter_mut().zip(&other.by_hazard).for_each(|(own, other)| *own -= other);
            by_coefficient -= &other.by_coefficient;
        }
        let of_hazards: f64 = by_hazard.iter().map(|slope| slope * slope).sum();
        let of_coefficients = (hazards.covariance() * &by_coefficient).dot(&by_coefficient);
        (of_hazards + of_coefficients.max(0.0)).sqrt()
    }
}

impl AverageAt {
    fn new(
        hazards: &Hazards,
        time: f64,
        own: &Estimate<Average>,
        first: &Estimate<Average>,
        rule: IntervalRule,
        multiplier: f64,
    ) -> Self {
        let known = |average: &Estimate<Average>| match average {
            Ok(average) => finite(average.survival),
            Err(reason) => Err(*reason),
        };
        let error = |other: Option<&Estimate<Average>>| {
            let own = own.as_ref().map_err(|&reason| reason)?;
            let other = match other {
                Some(other) => Some(other.as_ref().map_err(|&reason| reason)?),
                None => None,
            };
            finite(own.standard_error(hazards, other))
        };
        let (survival, standard_error) = (known(own), error(None));
        let difference = known(own).and_then(|own| Ok(own - known(first)?));
        let difference_standard_error = error(Some(first));
        let interval = match (survival, standard_error) {
            (Ok(survival), Ok(error)) if survival > 0.0 => {
                limits(rule, survival, error / survival, multiplier)
            }
            (Ok(_), Ok(_)) => Interval::none(NotEstimable::VarianceUndefined),
            (Err(reason), _) | (_, Err(reason)) => Interval::none(reason),
        };
        let limit = |side: f64| Ok(difference? + side * multiplier * difference_standard_error?);
        Self {
            time,
            survival,
            standard_error,
            interval,
            difference,
            difference_standard_error,
            difference_interval: Interval { lower: limit(-1.0), upper: limit(1.0) },
        }
    }
}
