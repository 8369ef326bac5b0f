//! The cumulative hazard of each stratum.

use super::strata::Strata;
use crate::event_times::EventTimes;
use crate::fit::Model;
use crate::risks::Risks;
use cohort::{Estimate, NotEstimable};
use nalgebra::{DMatrix, DVector};
use numerics::elementary::exp;
use std::ops::Range;

/// The cumulative hazard of one stratum where all columns and the offset are 0; all lists have its
/// length.
#[derive(Clone, Debug, PartialEq)]
pub struct BaselineHazard {
    /// Levels of the columns of the strata; empty without strata.
    pub stratum: Vec<String>,
    /// Distinct times of the stratum, ascending, also those with censorings alone.
    pub time: Vec<f64>,
    /// Number at risk just before each time.
    pub n_at_risk: Vec<usize>,
    /// Number of events at each time.
    pub n_events: Vec<usize>,
    /// Cumulative hazard up to and including each time.
    pub cumulative_hazard: Vec<f64>,
}

/// The cumulative hazards of a model at its maximum.
///
/// ```text
/// H(t)   = Σ w̄ Σ_{l<d} 1/φ_l                 φ_l = S0 - (l/d) D0 (Efron), S0 (Breslow)
/// var    = Σ w̄ Σ_{l<d} 1/φ_l²                as if the coefficients were known
/// E(t)   = Σ w̄ Σ_{l<d} m_l/φ_l               with the means m_l of the columns
/// ```
///
/// over the event times up to `t`. A subject with the columns `z` and the relative risk `r` has the
/// cumulative hazard `r H` with the variance `r² (var + (H z - E)' V (H z - E))`, in which `V` is
/// the robust covariance of the coefficients when there is one; of a single cluster there is none.
/// Columns are standardised and risks in units of the largest one of the stratum.
///
/// Breslow (1972), J. R. Stat. Soc. B 34:216-217; Efron (1977), J. Am. Stat. Assoc. 72:557-565;
/// Tsiatis (1981), Ann. Stat. 9:93-108. Same as `survfit(fit, newdata)` of a `coxph` in R.
pub(crate) struct Hazards<'a> {
    model: &'a Model<'a>,
    covariance: DMatrix<f64>,
    /// Why a column has no coefficient.
    reasons: Vec<Option<NotEstimable>>,
    /// Where the standardised columns are 0, in the caller's unit.
    centres: Vec<f64>,
    strata: Vec<StratumHazard>,
}

/// Running sums of one stratum, one entry per tie group.
struct StratumHazard {
    groups: Range<usize>,
    /// Logarithm of the unit of the risks.
    ln_unit: f64,
    cumulative: Vec<f64>,
    variance: Vec<f64>,
    /// Columns by groups.
    mean: DMatrix<f64>,
}

/// How far a profile is from where the columns are 0.
pub(crate) struct Position {
    /// `x'beta` and the offset, counted from there.
    pub ln_risk: f64,
    /// Standardised columns.
    pub z: DVector<f64>,
}

/// The cumulative hazard of a profile with its standard error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HazardAt {
    pub cumulative: f64,
    pub standard_error: f64,
}

impl<'a> Hazards<'a> {
    /// Sums the hazards; there are none without a maximum.
    pub fn new(model: &'a Model<'a>) -> Estimate<Self> {
        if let Some(reason) = model.no_diagnosis() {
            return Err(reason);
        }
        let sets = model.sets;
        let beta = model.maximum.estimate.as_slice();
        let mut risks = Risks::new(sets);
        sets.evaluate(beta, &mut risks);
        let times = EventTimes::collect(sets, model.options.ties, &risks);
        let mut eta = vec![0.0; sets.n()];
        sets.linear_predictor(beta, &mut eta);
        let stratum = |groups: &Range<usize>| {
            let first = sets.positions(groups).start;
            let ln_unit = eta[first] - risks.eta[first];
            StratumHazard::new(groups.clone(), ln_unit, &times, &risks, sets.p())
        };
        let subject = model.data.order.order()[0] as usize;
        let centre = |(j, column): (usize, &cohort::DesignColumn)| {
            column.values[subject] - sets.scales()[j] * sets.column(j)[0]
        };
        Ok(Self {
            covariance: covariance(model),
            reasons: model.reasons(),
            centres: model.data.design.columns.iter().enumerate().map(centre).collect(),
            strata: sets.strata().iter().map(stratum).collect(),
            model,
        })
    }

    /// Stratum of each subject.
    pub fn strata_of_subjects(&self) -> Vec<usize> {
        let sets = self.model.sets;
        let mut strata = vec![0; sets.n()];
        for (stratum, hazard) in self.strata.iter().enumerate() {
            for position in sets.positions(&hazard.groups) {
                strata[self.model.data.order.order()[position] as usize] = stratum;
            }
        }
        strata
    }

    /// Covariance of the coefficients of standardised columns.
    pub fn covariance(&self) -> &DMatrix<f64> {
        &self.covariance
    }

    /// Distinct times of a stratum with the number of their events, ascending.
    pub fn times(&self, stratum: usize) -> impl Iterator<Item = (f64, usize)> {
        let groups = &self.model.sets.groups()[self.strata[stratum].groups.clone()];
        groups.iter().map(|group| (group.time, group.events.len()))
    }

    /// Number of the distinct times of a stratum that are not after `time`, which is not after all
    /// of them.
    pub fn steps_until(&self, stratum: usize, time: f64) -> Estimate<usize> {
        let groups = &self.model.sets.groups()[self.strata[stratum].groups.clone()];
        match groups.last() {
            Some(last) if time <= last.time => {
                Ok(groups.partition_point(|group| group.time <= time))
            }
            _ => Err(NotEstimable::BeyondFollowUp),
        }
    }

    /// Where a profile stands; a level that occurs in nobody is nowhere.
    pub fn locate(&self, x: &[f64], offset: f64) -> Estimate<Position> {
        let scales = self.model.sets.scales();
        let mut z = DVector::zeros(x.len());
        for (j, x) in x.iter().enumerate() {
            match self.reasons[j] {
                None => z[j] = (x - self.centres[j]) / scales[j],
                Some(NotEstimable::EmptyLevel) if *x != 0.0 => {
                    return Err(NotEstimable::EmptyLevel);
                }
                Some(_) => {}
            }
        }
        Ok(Position { ln_risk: self.model.maximum.estimate.dot(&z) + offset, z })
    }

    /// `x'beta` and the offset of a profile, counted from where all columns are 0.
    pub fn linear_predictor(&self, x: &[f64], offset: f64) -> f64 {
        let scales = self.model.sets.scales();
        let beta = &self.model.maximum.estimate;
        let products = x.iter().enumerate().map(|(j, x)| beta[j] / scales[j] * x);
        products.sum::<f64>() + offset
    }

    /// The risk of a profile in the unit of a stratum.
    pub fn risk(&self, stratum: usize, position: &Position) -> f64 {
        exp(position.ln_risk - self.strata[stratum].ln_unit)
    }

    /// The sums of a stratum after so many of its times; all 0 before the first.
    pub fn sums(&self, stratum: usize, steps: usize) -> Sums<'_> {
        Sums { stratum: &self.strata[stratum], index: steps.checked_sub(1) }
    }

    /// Cumulative hazard of a profile after so many times of a stratum; none when it is out of
    /// range.
    pub fn at(&self, stratum: usize, position: &Position, steps: usize) -> Estimate<HazardAt> {
        let sums = self.sums(stratum, steps);
        let risk = self.risk(stratum, position);
        let distance = sums.distance(position);
        let of_coefficients = (&self.covariance * &distance).dot(&distance).max(0.0);
        let at = HazardAt {
            cumulative: risk * sums.cumulative(),
            standard_error: risk * (sums.variance() + of_coefficients).sqrt(),
        };
        let is_finite = at.cumulative.is_finite() && at.standard_error.is_finite();
        if is_finite { Ok(at) } else { Err(NotEstimable::NotDefined) }
    }

    /// The cumulative hazard of every stratum where all columns and the offset are 0.
    pub fn baseline(&self, strata: &Strata) -> Estimate<Vec<BaselineHazard>> {
        let position = self.locate(&vec![0.0; self.centres.len()], 0.0)?;
        let of_stratum = |stratum: usize| {
            let (time, n_events): (Vec<f64>, Vec<usize>) = self.times(stratum).unzip();
            let cumulative = |step| Ok(self.at(stratum, &position, step)?.cumulative);
            Ok(BaselineHazard {
                stratum: strata.levels(stratum).to_vec(),
                n_at_risk: self.n_at_risk(stratum),
                cumulative_hazard: (1..=time.len()).map(cumulative).collect::<Estimate<_>>()?,
                time,
                n_events,
            })
        };
        (0..self.strata.len()).map(of_stratum).collect()
    }

    /// Subjects at risk just before each time of a stratum.
    fn n_at_risk(&self, stratum: usize) -> Vec<usize> {
        let sets = self.model.sets;
        let groups = self.strata[stratum].groups.clone();
        let mut entered = vec![0; groups.len()];
        for position in sets.positions(&groups) {
            let first = sets.first_groups().map_or(groups.start, |first| first[position] as usize);
            entered[first - groups.start] += 1;
        }
        let mut at_risk = 0;
        let mut gone = 0;
        let count = |(group, entered): (usize, usize)| {
            at_risk += entered;
            let now = at_risk - gone;
            gone += sets.groups()[group].all().len();
            now
        };
        groups.zip(entered).map(count).collect()
    }
}

/// The robust covariance, or that of the model where there is none, as of a single cluster.
fn covariance(model: &Model) -> DMatrix<f64> {
    let robust = model.robust_covariance().filter(|robust| robust.amax() > 0.0);
    robust.unwrap_or_else(|| model.maximum.covariance.clone())
}

impl StratumHazard {
    fn new(
        groups: Range<usize>,
        ln_unit: f64,
        times: &EventTimes,
        risks: &Risks,
        p: usize,
    ) -> Self {
        let mut hazard = Self {
            cumulative: Vec::with_capacity(groups.len()),
            variance: Vec::with_capacity(groups.len()),
            mean: DMatrix::zeros(p, groups.len()),
            ln_unit,
            groups: groups.clone(),
        };
        let (mut cumulative, mut variance) = (0.0, 0.0);
        for (index, group) in groups.clone().enumerate() {
            let unit = risks.carry(groups.start, group);
            cumulative += unit * times.hazard(group);
            variance += unit * unit * times.square(group);
            hazard.cumulative.push(cumulative);
            hazard.variance.push(variance);
            for j in 0..p {
                let before = if index > 0 { hazard.mean[(j, index - 1)] } else { 0.0 };
                hazard.mean[(j, index)] = before + unit * times.product(group, j);
            }
        }
        hazard
    }
}

/// The running sums of a stratum at one time.
pub(crate) struct Sums<'a> {
    stratum: &'a StratumHazard,
    /// Index of the last time; absent before the first.
    index: Option<usize>,
}

impl Sums<'_> {
    /// `H`.
    pub fn cumulative(&self) -> f64 {
        self.index.map_or(0.0, |index| self.stratum.cumulative[index])
    }

    /// Its variance, as if the coefficients were known.
    pub fn variance(&self) -> f64 {
        self.index.map_or(0.0, |index| self.stratum.variance[index])
    }

    /// `H z - E`.
    pub fn distance(&self, position: &Position) -> DVector<f64> {
        match self.index {
            None => DVector::zeros(position.z.len()),
            Some(index) => {
                &position.z * self.stratum.cumulative[index] - self.stratum.mean.column(index)
            }
        }
    }
}
