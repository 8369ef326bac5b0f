//! Rules that plausible data keep, and how many of the analysed patients break each.
//!
//! A table that breaks one of the first kind is refused, so that its count is 0 in every report.

use cohort::{Column, Values};
use intake::Table;
use study::Protocol;

/// A rule and who breaks it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RuleCount {
    /// Endpoint of the follow-up that the rule speaks of; absent for rules about the table.
    pub endpoint: Option<String>,
    /// Name of the count in ids.
    pub name: &'static str,
    /// Number of patients.
    pub count: usize,
    /// Whether a table with such a patient is refused.
    pub is_refused: bool,
}

/// Times are rounded to whole days somewhere: what lies closer together is one day.
const SAME_DAY: f64 = 0.5;

/// Every rule that the columns of the study let one ask; `times` are those of the endpoints.
pub(super) fn rules(
    protocol: &Protocol,
    table: &Table,
    rows: &[usize],
    times: &[Column],
) -> Vec<RuleCount> {
    let mut rules = Vec::new();
    for name in ["n_duplicate_id", "n_unreadable"] {
        rules.push(RuleCount { endpoint: None, name, count: 0, is_refused: true });
    }
    let dates = Dates::read(protocol, table);
    rules.extend(dates.of_study(protocol, table, rows));
    for (endpoint, column) in protocol.endpoints.iter().zip(times) {
        let Values::Numeric(times) = &column.values else { continue };
        let days: Vec<f64> =
            times.iter().map(|time| time * protocol.study.time_unit.days()).collect();
        let id = Some(endpoint.id.clone());
        for name in ["n_negative_time", "n_unknown_code"] {
            rules.push(RuleCount { endpoint: id.clone(), name, count: 0, is_refused: true });
        }
        let n_no_time = days.iter().filter(|&&time| time == 0.0).count();
        let counted =
            |name, count| RuleCount { endpoint: id.clone(), name, count, is_refused: false };
        rules.push(counted("n_no_time", n_no_time));
        rules.extend(dates.of_end(rows, &days).map(|(name, count)| counted(name, count)));
    }
    rules
}

/// Days from the first day of all; absent columns, dates and locks are not asked for.
struct Dates<'a> {
    time_zero: Option<&'a [Option<intake::Day>]>,
    exposure: Option<&'a [Option<intake::Day>]>,
    lock: Option<intake::Day>,
}

impl<'a> Dates<'a> {
    fn read(protocol: &Protocol, table: &'a Table) -> Self {
        let date = |column: Option<&String>| column.and_then(|name| table.date(name).ok());
        Self {
            time_zero: date(protocol.time_zero.as_ref().map(|zero| &zero.date)),
            exposure: date(protocol.exposure.start_date.as_ref()),
            lock: protocol.study.data_lock.as_ref().and_then(|text| intake::day(text)),
        }
    }

    /// What is odd about time zero and the begin of exposure.
    fn of_study(&self, protocol: &Protocol, table: &Table, rows: &[usize]) -> Vec<RuleCount> {
        let counted = |name, count| RuleCount { endpoint: None, name, count, is_refused: false };
        let mut rules = Vec::new();
        if let Some((zero, lock)) = self.time_zero.zip(self.lock) {
            let is_late = |&&row: &&usize| zero[row].is_some_and(|day| day > lock);
            rules.push(counted("n_time_zero_after_lock", rows.iter().filter(is_late).count()));
        }
        let Some((zero, begin)) = self.time_zero.zip(self.exposure) else { return rules };
        let is_early = |&&row: &&usize| begin[row].zip(zero[row]).is_some_and(|(b, z)| b < z);
        rules.push(counted("n_exposure_before_time_zero", rows.iter().filter(is_early).count()));
        let exposure = &protocol.exposure;
        let Ok((levels, codes)) = table.category(&exposure.column) else { return rules };
        let is_exposed = |row: usize| {
            codes[row].is_some_and(|code| levels[code as usize] == exposure.exposed.value)
        };
        let is_without = |&&row: &&usize| is_exposed(row) && begin[row].is_none();
        rules.push(counted("n_exposed_without_start", rows.iter().filter(is_without).count()));
        let is_with = |&&row: &&usize| !is_exposed(row) && begin[row].is_some();
        rules.push(counted("n_comparator_with_start", rows.iter().filter(is_with).count()));
        rules
    }

    /// What lies behind the end of follow-up, which comes so many days after time zero.
    fn of_end(
        &self,
        rows: &[usize],
        days: &[f64],
    ) -> impl Iterator<Item = (&'static str, usize)> + use<> {
        let lasts_beyond = |until: &dyn Fn(usize) -> Option<f64>| {
            let pairs = rows.iter().zip(days);
            pairs
                .filter(|&(&row, &time)| until(row).is_some_and(|end| time > end + SAME_DAY))
                .count()
        };
        let beyond_lock = self.time_zero.zip(self.lock).map(|(zero, lock)| {
            let until = |row: usize| zero[row].map(|day| f64::from(lock - day));
            ("n_followed_beyond_lock", lasts_beyond(&until))
        });
        let late = self.time_zero.zip(self.exposure).map(|(zero, begin)| {
            let delay = |row: usize| begin[row].zip(zero[row]).map(|(b, z)| f64::from(b - z));
            let pairs = rows.iter().zip(days);
            let is_late = |&(&row, &time): &(&usize, &f64)| {
                delay(row).is_some_and(|delay| delay > time + SAME_DAY)
            };
            ("n_exposure_after_end", pairs.filter(is_late).count())
        });
        beyond_lock.into_iter().chain(late)
    }
}
