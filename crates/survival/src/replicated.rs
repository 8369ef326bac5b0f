//! Quantities of survival in samples whose subjects count several times or not at all.

mod arm;

use crate::log_rank::{LogRank, Pooled};
use crate::sample::{CurveSample, SampleColumns};
use crate::{Recount, Recounted, SurvivalError, TestWeights};
use arm::{Arm, CountedArm};
use cohort::{
    Cohort, Counting, Drawn, EndpointColumns, Estimate, NotEstimable, Replicated, RiskOrder,
    Selection, Statistic, TieGroup,
};

/// What is computed of each sample.
#[derive(Clone, Debug, PartialEq)]
pub struct SurvivalStatisticQuery {
    /// Follow-up.
    pub endpoint: EndpointColumns,
    /// Column of the groups; absent = everybody is in one.
    pub group: Option<String>,
    /// The quantities, in the order of the answers.
    pub quantities: Vec<SurvivalQuantity>,
}

/// A quantity of one sample.
#[derive(Clone, Debug, PartialEq)]
pub enum SurvivalQuantity {
    /// Of one group.
    Of {
        /// What is measured.
        measure: Measure,
        /// Level of the group; absent when there are no groups.
        group: Option<String>,
    },
    /// Of one group less that of another.
    Difference {
        /// What is measured.
        measure: Measure,
        /// Level of the first.
        group: String,
        /// Level of the one that is taken off.
        reference: String,
    },
    /// Chi-squared of the log-rank test of all groups.
    LogRank,
}

impl SurvivalQuantity {
    /// What it is in words, such as `survival at 12 of b`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Of { measure, group: None } => measure.name(),
            Self::Of { measure, group: Some(group) } => format!("{} of {group}", measure.name()),
            Self::Difference { measure, group, reference } => {
                format!("{} of {group} less that of {reference}", measure.name())
            }
            Self::LogRank => "log-rank chi-squared".into(),
        }
    }
}

/// What is measured of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// The time by which a share has had the event, as [`crate::quantile`] finds it on the curve; it is
    /// infinite where the curve does not fall so far.
    Quantile {
        /// The share, between 0 and 1.
        probability: f64,
    },
    /// Survival at a time, as [`crate::survival_at`] reads it.
    SurvivalAt {
        /// The time.
        time: f64,
    },
    /// The mean time up to a horizon, as [`crate::restricted_mean`] has it.
    RestrictedMean {
        /// The horizon.
        tau: f64,
    },
}

impl Measure {
    fn name(self) -> String {
        match self {
            Self::Quantile { probability: 0.5 } => "median".into(),
            Self::Quantile { probability } => format!("quantile {probability}"),
            Self::SurvivalAt { time } => format!("survival at {time}"),
            Self::RestrictedMean { tau } => format!("restricted mean to {tau}"),
        }
    }

    /// Refuses a time or probability that is none.
    ///
    /// # Errors
    ///
    /// [`SurvivalError::Probability`] or [`SurvivalError::Time`].
    pub fn check(self) -> Result<(), SurvivalError> {
        match self {
            Self::Quantile { probability } if !(0.0 < probability && probability < 1.0) => {
                Err(SurvivalError::Probability { probability })
            }
            Self::SurvivalAt { time } | Self::RestrictedMean { tau: time }
                if !(time.is_finite() && time >= 0.0) =>
            {
                Err(SurvivalError::Time { time })
            }
            _ => Ok(()),
        }
    }
}

/// Where the levels of a quantity stand among the arms.
#[derive(Clone, Copy, Debug)]
enum Place {
    Of { measure: Measure, arm: usize },
    Difference { measure: Measure, arm: usize, reference: usize },
    LogRank,
}

/// Quantities of survival of a sample, prepared so that they are computed again and again.
///
/// Every quantity is that of the same estimator on repeated rows. Greenwood's variance comes with
/// survival and restricted means where counts are subjects; weights have none here.
pub struct SurvivalStatistic {
    n_subjects: usize,
    arms: Vec<Arm>,
    /// The arms with a row for every time of any of them, where they are compared.
    compared: Vec<Recount>,
    names: Vec<String>,
    places: Vec<Place>,
}

/// Memory of a [`SurvivalStatistic`]: the arms counted anew.
pub struct CountedArms {
    arms: Vec<CountedArm>,
    compared: Vec<Recounted>,
}

impl SurvivalStatistic {
    /// Reads the columns for the selected rows.
    ///
    /// # Errors
    ///
    /// A column that cannot be read, nobody selected, an impossible time or probability, or a level that
    /// the group does not have.
    pub fn read(
        cohort: &Cohort,
        selection: &Selection,
        query: &SurvivalStatisticQuery,
    ) -> Result<Self, SurvivalError> {
        let columns = SampleColumns {
            endpoint: &query.endpoint,
            group: query.group.as_deref(),
            weights: None,
            cluster: None,
            variance: None,
        };
        let sample = CurveSample::read(cohort, selection, columns)?;
        let place = |quantity| place(quantity, &sample.levels, query.group.as_deref());
        let places = query.quantities.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        let n_subjects = sample.endpoint.len();
        let one = vec![0; n_subjects];
        let order = RiskOrder::new(&sample.endpoint, sample.groups.codes().unwrap_or(&one));
        let mut strata: Vec<&[TieGroup]> = vec![&[]; sample.levels.len()];
        order.strata().for_each(|stratum| strata[stratum[0].stratum as usize] = stratum);
        let endpoint = &sample.endpoint;
        let arms = strata.iter().map(|stratum| Arm::new(endpoint, &order, stratum)).collect();
        let is_compared = places.iter().any(|place| matches!(place, Place::LogRank));
        let times = endpoint.time_codes().times();
        let compared = strata.iter().filter(|_| is_compared);
        let compared =
            compared.map(|stratum| Recount::new(times, endpoint, &order, stratum)).collect();
        let names = query.quantities.iter().map(SurvivalQuantity::name).collect();
        Ok(Self { n_subjects, arms, compared, names, places })
    }

    /// Names of the quantities, in the order of the answers.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    fn measured(
        &self,
        counted: &CountedArms,
        place: Place,
        replicate: usize,
        counting: Counting,
    ) -> Replicated {
        let of =
            |measure, arm: usize| self.arms[arm].measure(&counted.arms[arm], measure, replicate);
        let found = match place {
            Place::Of { measure, arm } => of(measure, arm),
            Place::Difference { measure, arm, reference } => {
                difference(of(measure, arm), of(measure, reference))
            }
            Place::LogRank => Replicated::value(self.log_rank(&counted.compared, replicate)),
        };
        match counting {
            Counting::Subjects => found,
            Counting::Weights => Replicated { variance: None, ..found },
        }
    }

    /// Chi-squared of the log-rank test.
    fn log_rank(&self, counted: &[Recounted], replicate: usize) -> Estimate {
        let mut sums = LogRank::of_groups(counted.len());
        let mut pooled = Pooled::default();
        let (mut at_risk, mut events) = (vec![0.0; counted.len()], vec![0.0; counted.len()]);
        for row in 0..self.compared.first().map_or(0, Recount::len) {
            for (arm, counted) in counted.iter().enumerate() {
                (at_risk[arm], events[arm]) = counted.at(row, replicate);
            }
            sums.add(&at_risk, &events, TestWeights::LogRank, &mut pooled);
        }
        sums.chi_squared().0
    }
}

fn place(
    quantity: &SurvivalQuantity,
    levels: &[Option<String>],
    column: Option<&str>,
) -> Result<Place, SurvivalError> {
    let arm = |level: Option<&String>| {
        levels.iter().position(|other| other.as_ref() == level).ok_or_else(|| {
            SurvivalError::UnknownGroup {
                column: column.unwrap_or_default().into(),
                level: level.cloned().unwrap_or_default(),
            }
        })
    };
    Ok(match quantity {
        SurvivalQuantity::Of { measure, group } => {
            measure.check()?;
            Place::Of { measure: *measure, arm: arm(group.as_ref())? }
        }
        SurvivalQuantity::Difference { measure, group, reference } => {
            measure.check()?;
            Place::Difference {
                measure: *measure,
                arm: arm(Some(group))?,
                reference: arm(Some(reference))?,
            }
        }
        SurvivalQuantity::LogRank => Place::LogRank,
    })
}

/// Two infinite times have no difference.
fn difference(first: Replicated, second: Replicated) -> Replicated {
    let value = first.value.and_then(|first| {
        let difference = first - second.value?;
        if difference.is_nan() { Err(NotEstimable::NotReached) } else { Ok(difference) }
    });
    let variance = first.variance.zip(second.variance).map(|(first, second)| first + second);
    Replicated { value, variance }
}

impl Statistic for SurvivalStatistic {
    type Scratch = CountedArms;

    fn n_subjects(&self) -> usize {
        self.n_subjects
    }

    fn n_quantities(&self) -> usize {
        self.places.len()
    }

    fn scratch(&self) -> CountedArms {
        CountedArms {
            arms: self.arms.iter().map(Arm::scratch).collect(),
            compared: self.compared.iter().map(Recount::scratch).collect(),
        }
    }

    fn evaluate(&self, drawn: &Drawn, counted: &mut CountedArms, answers: &mut [Replicated]) {
        for (arm, counted) in self.arms.iter().zip(&mut counted.arms) {
            arm.count(drawn, counted);
        }
        for (recount, counted) in self.compared.iter().zip(&mut counted.compared) {
            recount.count(drawn, counted);
        }
        for (replicate, answers) in answers.chunks_mut(self.places.len()).enumerate() {
            for (answer, &place) in answers.iter_mut().zip(&self.places) {
                *answer = self.measured(counted, place, replicate, drawn.counting);
            }
        }
    }
}
