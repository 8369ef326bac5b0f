//! Looks numbers up by their ids and writes them into cells.
//!
//! No other module touches a quantity, so that what is not estimable prints its reason everywhere,
//! what is missing prints a dash everywhere, and every caveat leaves its mark.

use crate::number;
use crate::table::Cell;
use cohort::{Caveat, NotEstimable};
use serde::Serialize;
use std::collections::BTreeMap;
use study::StudyResult;
use study::result::Quantity;

/// What stands where an id has no quantity.
const MISSING: &str = "\u{2014}";

/// The numbers of a result, by id.
pub(crate) struct Numbers<'a> {
    quantities: BTreeMap<&'a str, &'a Quantity>,
    caveats: BTreeMap<&'a Caveat, usize>,
}

/// A caveat of the collected list.
#[derive(Debug, Serialize)]
pub(crate) struct CollectedCaveat {
    /// Number of its marks.
    pub number: usize,
    /// Kind of the doubt in words.
    pub kind: String,
    /// The doubt.
    pub message: String,
    /// Ids of the first numbers that carry it.
    pub ids: Vec<String>,
    /// How many further numbers carry it.
    pub n_more_ids: usize,
}

/// Ids that are listed beside a collected caveat.
const LISTED_IDS: usize = 3;

impl<'a> Numbers<'a> {
    /// Caveats are numbered in the order in which a reader meets them: those of the study, then
    /// those of the numbers.
    pub fn of(result: &'a StudyResult) -> Self {
        let mut quantities = BTreeMap::new();
        let mut caveats = BTreeMap::new();
        for quantity in &result.quantities {
            quantities.entry(quantity.id.as_str()).or_insert(quantity);
        }
        let of_numbers = result.quantities.iter().flat_map(|quantity| &quantity.caveats);
        for caveat in result.caveats.iter().chain(of_numbers) {
            let next = caveats.len() + 1;
            caveats.entry(caveat).or_insert(next);
        }
        Self { quantities, caveats }
    }

    /// Every caveat once, by number.
    pub fn collected_caveats(&self, result: &StudyResult) -> Vec<CollectedCaveat> {
        let mut collected: Vec<CollectedCaveat> = self
            .caveats
            .iter()
            .map(|(caveat, number)| collected_caveat(caveat, *number, result))
            .collect();
        collected.sort_by_key(|caveat| caveat.number);
        collected
    }

    /// Whether the result has this id.
    pub fn has(&self, id: &str) -> bool {
        self.quantities.contains_key(id)
    }

    /// Whether the result has this id, and not to say that such a number makes no sense.
    pub fn is_defined(&self, id: &str) -> bool {
        let quantity = self.quantities.get(id);
        quantity.is_some_and(|known| known.not_estimable != Some(NotEstimable::NotDefined))
    }

    /// The value of an id that has one.
    pub fn value(&self, id: &str) -> Option<f64> {
        self.quantities.get(id).and_then(|quantity| quantity.value)
    }

    /// How the number of an id was computed.
    pub fn method(&self, id: &str) -> Option<&'a str> {
        self.quantities.get(id).map(|quantity| quantity.method.as_str())
    }

    /// Both limits of an id, as far as they exist.
    pub fn limits(&self, id: &str) -> (Option<f64>, Option<f64>) {
        let interval = self.quantities.get(id).and_then(|quantity| quantity.interval);
        interval.map_or((None, None), |limits| (limits.lower, limits.upper))
    }

    /// A value.
    pub fn cell(&self, id: &str, write: number::Write) -> Cell {
        self.written(id, |quantity| value_text(quantity, write))
    }

    /// A value with its limits in brackets.
    pub fn with_limits(&self, id: &str, write: number::Write) -> Cell {
        self.written(id, |quantity| match limits_text(quantity, write) {
            Some(limits) if quantity.value.is_some() => {
                format!("{} ({limits})", value_text(quantity, write))
            }
            _ => value_text(quantity, write),
        })
    }

    /// A hazard or odds ratio with its limits, all of them with as many decimals as
    /// [`Numbers::ratio_write`] says.
    pub fn ratio(&self, id: &str) -> Cell {
        self.with_limits(id, self.ratio_write(&[id.to_owned()]))
    }

    /// How some ratios are written that are read against each other: with three decimals, or as many
    /// more as keep each apart from its limits, and every limit but 1 itself apart from 1. The ratio of
    /// one unit of a fine scale lies close to 1 and so do its limits.
    pub fn ratio_write(&self, ids: &[String]) -> number::Write {
        let is_apart = |id: &String, write: &number::Write| {
            let value = self.value(id).map(write);
            let (lower, upper) = self.limits(id);
            let is_clear = |limit: f64| {
                let text = write(limit);
                value.as_ref() != Some(&text) && (limit == 1.0 || text != write(1.0))
            };
            [lower, upper].into_iter().flatten().all(is_clear)
        };
        let is_fine = |write: &number::Write| ids.iter().all(|id| is_apart(id, write));
        number::RATIOS.into_iter().find(is_fine).unwrap_or(number::ratio)
    }

    /// A coefficient with its standard error in brackets: three decimals, or as many more as show
    /// that the error is not zero.
    pub fn coefficient(&self, coefficient: &str, error: &str) -> Cell {
        let size = self.value(error);
        let is_shown = |write: &number::Write| size.is_some_and(|error| write(error) != write(0.0));
        let write = number::RATIOS.into_iter().find(is_shown).unwrap_or(number::ratio);
        self.pair((coefficient, write), (error, write))
    }

    /// Two values, the second in brackets: `n (%)`, `mean (SD)`.
    pub fn pair(&self, first: (&str, number::Write), second: (&str, number::Write)) -> Cell {
        let mut cell = self.cell(first.0, first.1);
        let second = self.cell(second.0, second.1);
        if self.value(first.0).is_some() {
            cell.text = format!("{} ({})", cell.text, second.text);
        }
        cell.caveats.extend(second.caveats);
        cell.ids.extend(second.ids);
        cell
    }

    /// Limits alone, such as the quartiles behind a median.
    pub fn range(&self, value: &str, ends: [&str; 2], write: number::Write) -> Cell {
        let mut cell = self.cell(value, write);
        if self.value(value).is_some() {
            let [lower, upper] = ends.map(|id| self.cell(id, write));
            cell.text = format!("{} ({})", cell.text, number::limits(&lower.text, &upper.text));
            cell.ids.extend(lower.ids.into_iter().chain(upper.ids));
        }
        cell
    }

    fn written(&self, id: &str, write: impl Fn(&Quantity) -> String) -> Cell {
        let ids = vec![id.to_owned()];
        let Some(quantity) = self.quantities.get(id) else {
            return Cell { ids, ..Cell::new(MISSING) };
        };
        let marks = quantity.caveats.iter().filter_map(|caveat| self.caveats.get(caveat).copied());
        Cell { caveats: marks.collect(), ids, ..Cell::new(write(quantity)) }
    }
}

fn collected_caveat(caveat: &Caveat, number: usize, result: &StudyResult) -> CollectedCaveat {
    let carriers = result.quantities.iter().filter(|quantity| quantity.caveats.contains(caveat));
    let mut ids: Vec<String> = carriers.map(|quantity| quantity.id.clone()).collect();
    let n_more_ids = ids.len().saturating_sub(LISTED_IDS);
    ids.truncate(LISTED_IDS);
    let message = sentence(&caveat.message);
    CollectedCaveat { number, kind: kind_words(caveat), message, ids, n_more_ids }
}

/// The code of a caveat as words: `few_at_risk` is "Few at risk".
fn kind_words(caveat: &Caveat) -> String {
    let Ok(serde_json::Value::String(code)) = serde_json::to_value(caveat.code) else {
        return String::new();
    };
    let words = code.replace("non_", "non-").replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// A message as a sentence, whether its author wrote a fragment or not.
fn sentence(message: &str) -> String {
    let end = if message.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{message}{end}")
}

fn value_text(quantity: &Quantity, write: number::Write) -> String {
    value_or_reason(quantity.value, quantity.not_estimable, write)
}

fn limits_text(quantity: &Quantity, write: number::Write) -> Option<String> {
    let limits = quantity.interval?;
    let lower = value_or_reason(limits.lower, limits.lower_not_estimable, write);
    let upper = value_or_reason(limits.upper, limits.upper_not_estimable, write);
    Some(if lower == upper && limits.lower.is_none() {
        lower
    } else {
        number::limits(&lower, &upper)
    })
}

fn value_or_reason(
    value: Option<f64>,
    reason: Option<NotEstimable>,
    write: number::Write,
) -> String {
    value.map_or_else(|| reason.unwrap_or(NotEstimable::NotDefined).to_string(), write)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{CaveatCode, Interval};

    fn quantity(interval: Interval) -> Quantity {
        Quantity::new("a", Ok(57.24), "Kaplan-Meier").with_interval(interval, 0.95)
    }

    fn text(quantity: Quantity) -> String {
        limits_text(&quantity, number::time).unwrap()
    }

    #[test]
    fn limits_that_do_not_exist_say_why() {
        let reason = Err(NotEstimable::NotReached);
        assert_eq!(text(quantity(Interval { lower: Ok(44.5), upper: Ok(69.84) })), "44.5-69.8");
        let open = quantity(Interval { lower: Ok(44.5), upper: reason });
        assert_eq!(text(open), "44.5 to not reached");
        let none = quantity(Interval { lower: reason, upper: reason });
        assert_eq!(text(none), "not reached");
    }

    #[test]
    fn limits_other_than_1_do_not_print_as_1() {
        let ratio = |lower, value, upper| {
            let quantity = Quantity::new("a", Ok(value), "Cox");
            let quantity =
                quantity.with_interval(Interval { lower: Ok(lower), upper: Ok(upper) }, 0.95);
            let quantities = BTreeMap::from([("a", &quantity)]);
            Numbers { quantities, caveats: BTreeMap::new() }.ratio("a").text
        };
        assert_eq!(ratio(0.9972, 0.9984, 0.99992), "0.9984 (0.9972-0.9999)");
        assert_eq!(ratio(0.9972, 0.9984, 0.99996), "0.99840 (0.99720-0.99996)");
        assert_eq!(ratio(0.9972, 0.9984, 1.0), "0.998 (0.997-1.000)");
        assert_eq!(ratio(0.361, 0.48, 0.65), "0.480 (0.361-0.650)");
        assert_eq!(ratio(0.9, 0.9999, 1.1), "1.000 (0.900-1.100)");
    }

    #[test]
    fn codes_of_caveats_are_words() {
        assert_eq!(kind_words(&Caveat::new(CaveatCode::FewAtRisk, "")), "Few at risk");
        let code = CaveatCode::NonProportionalHazards;
        assert_eq!(kind_words(&Caveat::new(code, "")), "Non-proportional hazards");
        assert_eq!(sentence("of no effect"), "of no effect.");
    }
}
