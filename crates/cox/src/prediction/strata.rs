//! The strata of a model by the levels that make them.

use crate::CoxError;
use crate::cohort_fit::FollowUp;
use cohort::{Cohort, CohortError, Estimate, NotEstimable, Selection};

/// Levels of the columns of the strata, stratum by stratum.
pub(crate) struct Strata {
    columns: Vec<String>,
    /// All levels of each column.
    known: Vec<Vec<String>>,
    /// The levels of each stratum that occurs, one per column.
    levels: Vec<Vec<String>>,
}

impl Strata {
    pub fn read(follow_up: &FollowUp) -> Result<Self, CoxError> {
        let (cohort, selection) = (follow_up.cohort, &follow_up.weighted.selection);
        let columns = follow_up.query.strata.clone();
        let categories = columns
            .iter()
            .map(|column| cohort.categories(column, selection))
            .collect::<Result<Vec<_>, _>>()?;
        // Groups stand stratum by stratum, and in each of them is somebody.
        let somebody = follow_up.order.strata().map(|groups| {
            let position = groups.first().map_or(0, |group| group.all().start);
            follow_up.order.order()[position] as usize
        });
        let levels = somebody.map(|subject| {
            let level =
                |column: &cohort::Categories| column.levels[column.codes[subject] as usize].clone();
            categories.iter().map(level).collect()
        });
        let levels = levels.collect();
        Ok(Self {
            columns,
            known: categories.into_iter().map(|column| column.levels).collect(),
            levels,
        })
    }

    /// Number of strata.
    pub fn len(&self) -> usize {
        self.levels.len()
    }

    /// The levels of a stratum, one per column of the strata.
    pub fn levels(&self, stratum: usize) -> &[String] {
        &self.levels[stratum]
    }

    /// The stratum that each profile names; absent when the profiles have none of the columns, or
    /// there are none.
    ///
    /// A crossing of known levels that occurs in nobody is no stratum. Fails when the profiles have
    /// some of the columns but not all, and on an unknown level.
    pub fn named(&self, profiles: &Cohort) -> Result<Option<Vec<Estimate<usize>>>, CohortError> {
        if !self.columns.iter().any(|column| profiles.values(column).is_ok()) {
            return Ok(None);
        }
        let everyone = Selection::all(profiles);
        let mut names: Vec<Vec<String>> = vec![Vec::new(); profiles.len()];
        for (column, known) in self.columns.iter().zip(&self.known) {
            let categories = profiles.categories(column, &everyone)?;
            for (row, (name, &code)) in names.iter_mut().zip(&categories.codes).enumerate() {
                let level = &categories.levels[code as usize];
                if !known.contains(level) {
                    let (column, row) = (column.clone(), profiles.caller_row(row));
                    return Err(CohortError::ForeignLevel { column, row });
                }
                name.push(level.clone());
            }
        }
        let find = |name: &Vec<String>| {
            let stratum = self.levels.iter().position(|levels| levels == name);
            stratum.ok_or(NotEstimable::NoSubjects)
        };
        Ok(Some(names.iter().map(find).collect()))
    }
}
