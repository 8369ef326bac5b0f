//! Standardised differences at baseline.

use super::{Drawing, LoveFigure, LoveRow, Plot, Source, caption, id, number, words};
use crate::tables::STUDY;
use study::result::{Label, VariableOutline};

/// With more rows than this the levels of categories are left out.
const MOST_ROWS: usize = 45;

/// Standardised differences; absent without variables.
pub(crate) fn love(source: &Source) -> Option<Plot> {
    let compared = Compared::of(source)?;
    let variables = &source.result.outline.variables;
    let n_levels: usize = variables.iter().map(|variable| levels(variable).len()).sum();
    let with_levels = variables.len() + n_levels <= MOST_ROWS;
    let rows: Vec<LoveRow> =
        variables.iter().map(|variable| compared.variable(variable, with_levels)).collect();
    let has_ratios = rows.iter().any(|row| !row.variance_ratio.is_empty());
    let threshold = source.result.protocol.balance.threshold;
    let (before, after) = (compared.before, compared.after);
    let ratio = if after.is_some() { "Variance ratio after" } else { "Variance ratio" };
    let figure = LoveFigure {
        caption: caption(
            "love",
            "Balance at baseline",
            description(threshold, (0 < n_levels).then_some(with_levels), has_ratios),
        ),
        axis: "Absolute standardised mean difference".into(),
        before: if after.is_some() { "Before".into() } else { before.label.clone() },
        after: if after.is_some() { "After".into() } else { String::new() },
        before_note: largest(rows.iter().map(|row| row.before)),
        after_note: largest(rows.iter().map(|row| row.after)),
        variance_ratio: if has_ratios { ratio.into() } else { String::new() },
        threshold,
        rows,
    };
    (!figure.rows.is_empty()).then(|| Plot::new(Drawing::Love(figure)))
}

/// What the figure shows; `with_levels` is absent where no category has levels to show.
fn description(threshold: f64, with_levels: Option<bool>, has_ratios: bool) -> String {
    let mut description = format!(
        "Absolute standardised mean differences of the baseline variables; the dashed line stands \
         at {}. Numbers at the right carry their sign, exposed minus comparator.",
        words::plain(threshold)
    );
    description.push_str(match with_levels {
        Some(true) => {
            " Small circles: each level of a category; that of the category is over all its levels."
        }
        Some(false) => {
            " The levels of the categories are too many to be drawn; report.json has them."
        }
        None => "",
    });
    if has_ratios {
        description.push_str(" Variance ratio: exposed over comparators, of numbers alone.");
    }
    description
}

/// The levels of a category that has more than two; those of another say what the variable says.
fn levels(variable: &VariableOutline) -> &[Label] {
    if 2 < variable.levels.len() { &variable.levels } else { &[] }
}

/// The populations before and after.
struct Compared<'a> {
    source: &'a Source<'a>,
    before: &'a Label,
    after: Option<&'a Label>,
}

impl<'a> Compared<'a> {
    fn of(source: &'a Source) -> Option<Self> {
        let (before, after) = match source.populations() {
            [] => return None,
            [only] => (only, None),
            [before, after, ..] => (before, Some(after)),
        };
        Some(Self { source, before, after })
    }

    fn variable(&self, variable: &VariableOutline, with_levels: bool) -> LoveRow {
        let levels = if with_levels { levels(variable) } else { &[] };
        let level = |level: &Label| {
            self.row(&level.id, self.source.level_label(&variable.id, level).to_owned())
        };
        let row = self.row(&variable.id, variable.label.clone());
        LoveRow { levels: levels.iter().map(level).collect(), ..row }
    }

    fn row(&self, term: &str, label: String) -> LoveRow {
        let numbers = &self.source.numbers;
        let id = |population: &Label, name: &str| {
            id::quantity(STUDY, &population.id, "balance", term, name)
        };
        let text = |population: &Label, name: &str| {
            let id = id(population, name);
            if numbers.has(&id) { numbers.cell(&id, number::ratio).text } else { String::new() }
        };
        let smd = |population: &Label| numbers.value(&id(population, "smd"));
        LoveRow {
            label,
            before: smd(self.before),
            after: self.after.and_then(smd),
            before_text: text(self.before, "smd"),
            after_text: self.after.map_or(String::new(), |after| text(after, "smd")),
            variance_ratio: text(self.after.unwrap_or(self.before), "variance_ratio"),
            levels: Vec::new(),
        }
    }
}

/// The largest of some differences in words; empty where there is none.
fn largest(differences: impl Iterator<Item = Option<f64>>) -> String {
    let largest = differences.flatten().map(f64::abs).max_by(f64::total_cmp);
    largest.map_or(String::new(), |value| format!("largest {}", number::ratio(value)))
}
