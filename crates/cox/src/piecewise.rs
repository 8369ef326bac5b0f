//! Hazard ratios by intervals of time, for when hazards are not proportional.

use crate::cohort_fit::FollowUp;
use crate::curve_tests::contrast_test;
use crate::fit::{CoxData, CoxExtras, Model, fit_and};
use crate::likelihood_ratio::likelihood_ratio;
use crate::{Coefficient, CoxError, CoxFit, CoxQuery, TermTest, TestResult};
use cohort::{
    Cohort, CohortError, Design, DesignColumn, Estimate, NotEstimable, RiskOrder, Selection,
    SplitEndpoint, Term,
};
use nalgebra::DMatrix;

/// A model some of whose hazard ratios change at given times.
#[derive(Clone, Debug, PartialEq)]
pub struct PiecewiseQuery {
    /// The model.
    pub model: CoxQuery,
    /// Where the ratios change: ascending, positive, in the unit of the endpoint.
    pub cuts: Vec<f64>,
    /// Names of the terms whose ratios change; empty = all.
    pub terms: Vec<String>,
}

/// Hazard ratios by intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct Piecewise {
    /// The model whose ratios do not change.
    pub constant: CoxFit,
    /// The model whose ratios change: coefficients are named by column and interval. It has
    /// likelihood-ratio limits for the parts of those coefficients that have them in the constant
    /// model, and likelihood-ratio tests of terms as that has; neither a concordance nor tests of
    /// proportional hazards.
    pub changing: CoxFit,
    /// One entry per interval.
    pub intervals: Vec<PiecewiseInterval>,
    /// Wald tests that a term has the same ratios in all intervals with events; with the robust
    /// variance when there is one.
    pub equality_tests: Vec<TermTest>,
    /// Likelihood-ratio test of the changing model against the constant one; a penalty leaves none.
    pub likelihood_ratio_test: TestResult,
}

/// What was found in one interval.
#[derive(Clone, Debug, PartialEq)]
pub struct PiecewiseInterval {
    /// The interval begins after this time.
    pub after: f64,
    /// It ends with this time; absent for the last one.
    pub until: Option<f64>,
    /// Number of subjects who are at risk in it.
    pub n: usize,
    /// Number of events in it.
    pub n_events: usize,
    /// Coefficients of the columns of the changing terms; none without events.
    pub coefficients: Estimate<Vec<Coefficient>>,
}

/// Fits a model whose hazard ratios are constant within intervals of time.
///
/// ```text
/// h(t | x) = h0(t) exp(Σ_k 1[t in interval k] x'beta_k + z'gamma)
/// ```
///
/// An event at a cut point belongs to the interval that ends there. The rows of one subject are one
/// cluster of the robust variance unless a column of clusters says otherwise. An interval without
/// events has no ratio. The equality of the `beta_k` is tested over the other intervals.
///
/// Therneau and Grambsch (2000), Modeling Survival Data, section 6.5. Same as `coxph` on the rows
/// of `survSplit` with `x:strata(interval)` in R. Fails as [`crate::cox`] does, on cut points that
/// make no intervals and on an unknown term.
pub fn piecewise(
    cohort: &Cohort,
    selection: &Selection,
    query: &PiecewiseQuery,
) -> Result<Piecewise, CoxError> {
    let is_ascending = query.cuts.windows(2).all(|pair| pair[0] < pair[1]);
    let is_positive = query.cuts.iter().all(|cut| cut.is_finite() && *cut > 0.0);
    if query.cuts.is_empty() || !is_ascending || !is_positive {
        return Err(CoxError::InvalidCuts);
    }
    let terms = changing_terms(query)?;
    let follow_up = FollowUp::read(cohort, selection, &query.model)?;
    let design = follow_up.model_design()?;
    let (constant, ()) =
        follow_up.fit_and(&query.model.terms, &design, follow_up.extras(), |_| ())?;
    let cuts = follow_up.endpoint.settled(&query.cuts);
    let pieces = Pieces::new(&follow_up, &design, &cuts, &terms)?;
    pieces.fit(constant, query)
}

/// Whether each term of the model changes.
fn changing_terms(query: &PiecewiseQuery) -> Result<Vec<bool>, CoxError> {
    let names: Vec<String> = query.model.terms.iter().map(Term::name).collect();
    match query.terms.iter().find(|term| !names.contains(term)) {
        Some(term) => Err(CoxError::UnknownTerm { term: term.clone() }),
        None => {
            let changes = |name| query.terms.is_empty() || query.terms.contains(name);
            Ok(names.iter().map(changes).collect())
        }
    }
}

/// Rows and columns of the changing model.
struct Pieces<'a> {
    follow_up: &'a FollowUp<'a>,
    split: SplitEndpoint,
    n_intervals: usize,
    n_events: Vec<usize>,
    /// The columns of the model without changes.
    constant: &'a Design,
    design: Design,
    /// Where the columns of the design come from.
    origins: Vec<Origin>,
}

/// A column of the model without changes, and the interval in which it is the one of the design;
/// absent = all.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Origin {
    column: usize,
    interval: Option<usize>,
}

impl<'a> Pieces<'a> {
    fn new(
        follow_up: &'a FollowUp<'a>,
        constant: &'a Design,
        cuts: &[f64],
        changes: &[bool],
    ) -> Result<Self, CoxError> {
        let split = follow_up.endpoint.split(cuts);
        let n_intervals = cuts.len() + 1;
        let mut n_events = vec![0; n_intervals];
        for (&interval, &event) in split.intervals.iter().zip(split.endpoint.event()) {
            n_events[interval] += usize::from(event);
        }
        let mut origins = Vec::new();
        for (column, own) in constant.columns.iter().enumerate() {
            if changes[own.term] {
                let with_events = (0..n_intervals).filter(|&interval| n_events[interval] > 0);
                origins.extend(
                    with_events.map(|interval| Origin { column, interval: Some(interval) }),
                );
            } else {
                origins.push(Origin { column, interval: None });
            }
        }
        if let Some(first) = origins.get(Design::MOST_COLUMNS) {
            return Err(CoxError::Cohort(CohortError::TooManyColumns {
                term: constant.terms[constant.columns[first.column].term].clone(),
                columns: origins.len(),
                most: Design::MOST_COLUMNS,
            }));
        }
        let columns = origins.iter().map(|&origin| piece(constant, cuts, &split, origin)).collect();
        let design = Design { terms: constant.terms.clone(), columns };
        Ok(Self { follow_up, split, n_intervals, n_events, constant, design, origins })
    }

    fn fit(self, constant: CoxFit, query: &PiecewiseQuery) -> Result<Piecewise, CoxError> {
        let subjects = &self.split.subjects;
        let order = RiskOrder::new(&self.split.endpoint, &self.strata());
        let weights = self.follow_up.weighted.weights.as_deref().map(|all| spread(all, subjects));
        let offset = self.follow_up.offset.as_deref().map(|all| spread(all, subjects));
        let clusters = self.follow_up.clusters.as_deref().map(|all| spread(all, subjects));
        let data = CoxData {
            endpoint: &self.split.endpoint,
            order: &order,
            terms: &query.model.terms,
            design: &self.design,
            clusters: clusters.as_deref(),
            weights: weights.as_deref(),
            offset: offset.as_deref(),
        };
        let options = &query.model.options;
        let look = |model: &Model| self.equality_tests(model);
        let extras = CoxExtras {
            profile_limits: query.model.profile_limits.of_parts(|name| self.pieces_of(name)),
            term_likelihood_ratios: query.model.term_likelihood_ratios,
            ..CoxExtras::default()
        };
        let (changing, equality_tests) = fit_and(&data, options, extras, look)?;
        let mut changing = CoxFit { n: self.follow_up.endpoint.len(), ..changing };
        changing.caveats.extend(self.follow_up.left_out());
        Ok(Piecewise {
            intervals: self.intervals(&changing, query),
            likelihood_ratio_test: likelihood_ratio(&changing, &constant),
            equality_tests,
            constant,
            changing,
        })
    }

    /// Names of the columns of the changing model that a column of the constant one becomes.
    fn pieces_of(&self, name: &str) -> Vec<String> {
        let constant = &self.constant.columns;
        let pieces = self.origins.iter().zip(&self.design.columns);
        let own = pieces.filter(|(origin, _)| constant[origin.column].name == name);
        own.map(|(_, piece)| piece.name.clone()).collect()
    }

    /// The strata of the rows: those of the subjects, crossed with the intervals.
    fn strata(&self) -> Vec<u32> {
        let mut by_subject = vec![0; self.follow_up.endpoint.len()];
        for (stratum, groups) in self.follow_up.order.strata().enumerate() {
            for position in groups.iter().flat_map(cohort::TieGroup::all) {
                by_subject[self.follow_up.order.order()[position] as usize] = stratum;
            }
        }
        let crossed = self.split.subjects.iter().zip(&self.split.intervals);
        crossed
            .map(|(&subject, &interval)| (by_subject[subject] * self.n_intervals + interval) as u32)
            .collect()
    }

    fn intervals(&self, changing: &CoxFit, query: &PiecewiseQuery) -> Vec<PiecewiseInterval> {
        let interval = |interval: usize| {
            let own = self.origins.iter().zip(&changing.coefficients);
            let own = own.filter(|(origin, _)| origin.interval == Some(interval));
            let coefficients: Vec<Coefficient> = own.map(|(_, own)| own.clone()).collect();
            let n_events = self.n_events[interval];
            PiecewiseInterval {
                after: interval.checked_sub(1).map_or(0.0, |before| query.cuts[before]),
                until: query.cuts.get(interval).copied(),
                n: self.split.intervals.iter().filter(|&&other| other == interval).count(),
                n_events,
                coefficients: if n_events > 0 {
                    Ok(coefficients)
                } else {
                    Err(NotEstimable::NoEvents)
                },
            }
        };
        (0..self.n_intervals).map(interval).collect()
    }

    /// A test per changing term that its coefficients are the same in all intervals with events.
    fn equality_tests(&self, model: &Model) -> Vec<TermTest> {
        let reasons = model.reasons();
        let covariance =
            model.robust_covariance().unwrap_or_else(|| model.maximum.covariance.clone());
        let test = |(term, name): (usize, &String)| {
            let columns: Vec<usize> = (0..self.origins.len())
                .filter(|&j| self.design.columns[j].term == term)
                .filter(|&j| self.origins[j].interval.is_some())
                .collect();
            if columns.is_empty() {
                return None;
            }
            let contrasts = self.contrasts(&columns, model.sets.scales(), &reasons);
            let reason = columns.iter().filter_map(|&j| reasons[j]).find(|reason| {
                matches!(reason, NotEstimable::NotConverged | NotEstimable::Monotone)
            });
            let test = match reason {
                Some(reason) => TestResult::none(reason, contrasts.nrows()),
                None => contrast_test(&contrasts, &model.maximum.estimate, &covariance),
            };
            Some(TermTest { term: name.clone(), test })
        };
        self.design.terms.iter().enumerate().filter_map(test).collect()
    }

    /// Differences between each coefficient and that of the same column in its first interval, as
    /// rows over the coefficients of standardised columns.
    fn contrasts(
        &self,
        columns: &[usize],
        scales: &[f64],
        reasons: &[Option<NotEstimable>],
    ) -> DMatrix<f64> {
        let estimable: Vec<usize> =
            columns.iter().copied().filter(|&j| reasons[j].is_none()).collect();
        let first = |j: usize| {
            let same = |other: &&usize| self.origins[**other].column == self.origins[j].column;
            estimable.iter().find(same).copied().unwrap_or(j)
        };
        let pairs: Vec<(usize, usize)> =
            estimable.iter().map(|&j| (j, first(j))).filter(|(own, first)| own != first).collect();
        DMatrix::from_fn(pairs.len(), self.origins.len(), |row, column| {
            let (own, first) = pairs[row];
            // In a common unit of the column, so that rows are of comparable size.
            if column == own {
                scales[first] / scales[own]
            } else if column == first {
                -1.0
            } else {
                0.0
            }
        })
    }
}

/// A column of the changing model.
fn piece(design: &Design, cuts: &[f64], split: &SplitEndpoint, origin: Origin) -> DesignColumn {
    let column = &design.columns[origin.column];
    let rows = split.subjects.iter().zip(&split.intervals);
    let value = |(&subject, interval): (&usize, &usize)| {
        let is_on = origin.interval.is_none_or(|own| own == *interval);
        if is_on { column.values[subject] } else { 0.0 }
    };
    let name = match origin.interval {
        None => column.name.clone(),
        Some(interval) => match (interval.checked_sub(1), cuts.get(interval)) {
            (None, Some(until)) => format!("{} until {until}", column.name),
            (Some(before), Some(until)) => {
                format!("{} after {} until {until}", column.name, cuts[before])
            }
            (before, None) => {
                let after = before.map_or(0.0, |before| cuts[before]);
                format!("{} after {after}", column.name)
            }
        },
    };
    DesignColumn { name, term: column.term, values: rows.map(value).collect() }
}

/// One value per row of those by subject.
fn spread<T: Copy>(by_subject: &[T], subjects: &[usize]) -> Vec<T> {
    subjects.iter().map(|&subject| by_subject[subject]).collect()
}
