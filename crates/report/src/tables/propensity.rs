//! The model of exposure and the matched sample.

use super::{STUDY, Source, WHOLE, late_confounders};
use crate::document::Text;
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use study::protocol::MatchEstimand;
use study::result::{Label, id};

/// Odds ratios of the propensity model.
pub(crate) fn propensity(source: &Source) -> Table {
    let ci = words::confidence_interval(&source.result.protocol);
    let columns = vec![
        Column::key("Term"),
        Column::key("Compared with"),
        Column::value("Coefficient (SE)"),
        Column::value(format!("Odds ratio ({ci})")),
        Column::value("P"),
    ];
    let mut table =
        Table::new("propensity", "Propensity score: logistic model of exposure", columns);
    for term in &source.result.outline.propensity {
        let id = |name| id::quantity(STUDY, WHOLE, "propensity", &term.id, name);
        let numbers = &source.numbers;
        let (coefficient, error) = (id("coefficient"), id("standard_error"));
        let known = source.result.protocol.variable(&term.variable);
        let mark = if known.is_some_and(|known| known.after_time_zero) { " \u{2020}" } else { "" };
        table.rows.push(Row::new(vec![
            Cell::new(format!("{}{mark}", term.label)),
            source.reference_cell(term),
            numbers.coefficient(&coefficient, &error),
            numbers.ratio(&id("odds_ratio")),
            numbers.cell(&id("p_value"), number::p_value),
        ]));
    }
    let propensity = source.result.protocol.propensity.as_ref();
    if propensity.is_some_and(|section| !section.splines.is_empty()) {
        let note = "The columns of a spline make one curve; none of them has a meaning of its own.";
        table.note(note);
    }
    let id = |name| id::quantity(STUDY, WHOLE, "propensity", WHOLE, name);
    if late_confounders(&source.result.protocol).next().is_some() {
        table.note("\u{2020} Known only after time zero: exposure may have changed it.");
    }
    let text = |name| Text::from(source.numbers.cell(&id(name), number::ratio));
    table.note(Text::fill(
        "c-statistic {}; standard deviation of the logit of the score {} (denominator n - 1).",
        ["c_statistic", "linear_predictor_sd"].map(text),
    ));
    table
}

/// Quantiles of the scores that are printed, in percent.
const QUANTILES: [&str; 7] = ["0", "5", "25", "50", "75", "95", "100"];

/// Where the scores of the arms overlap.
pub(crate) fn overlap(source: &Source) -> Table {
    let quantile = |percent: &str| match percent {
        "0" => "minimum".to_owned(),
        "50" => "median".to_owned(),
        "100" => "maximum".to_owned(),
        percent => format!("{percent}%"),
    };
    let score = |percent| Column::value(quantile(percent)).within("Propensity score");
    let mut columns = vec![Column::key("Group"), Column::value("Patients")];
    columns.extend(QUANTILES.map(score));
    columns.extend(["In the common support", "In equipoise, n (%)"].map(Column::value));
    let mut table = Table::new("overlap", "Overlap of the propensity scores", columns);
    let id = |term: &str, name: &str| id::quantity(STUDY, WHOLE, "overlap", term, name);
    if !source.numbers.has(&id(WHOLE, "share_in_equipoise")) {
        return table;
    }
    let numbers = &source.numbers;
    let row = |arm: &Label| {
        let mut cells = vec![Cell::from(&arm.label)];
        cells.push(numbers.cell(&id(&arm.id, "n"), number::count));
        cells.extend(QUANTILES.map(|percent| {
            numbers.cell(&id(&arm.id, &format!("score_quantile_{percent}")), number::ratio)
        }));
        cells.push(numbers.cell(&id(&arm.id, "n_in_common_support"), number::count));
        let (n, share) = (id(&arm.id, "n_in_equipoise"), id(&arm.id, "share_in_equipoise"));
        cells.push(numbers.pair((&n, number::count), (&share, number::percent)));
        Row::new(cells)
    };
    table.rows = source.arms().iter().map(row).collect();
    let (lower, upper) = (id(WHOLE, "common_support_lower"), id(WHOLE, "common_support_upper"));
    let support = match numbers.has(&lower) {
        true => Text::fill(
            "Common support: scores from {} to {}, which both arms have.",
            [&lower, &upper].map(|id| numbers.cell(id, number::ratio).into()),
        ),
        false => "There is no common support: the ranges of the scores do not meet.".into(),
    };
    table.notes = vec![
        support,
        Text::fill(
            "Equipoise: a preference score, which is the propensity score with the share of the \
             exposed taken out, from 0.3 to 0.7; {}% of all patients. One half of each arm is taken \
             as a sign that the arms can be compared (Walker 2013). Scores near 0 or 1, and levels \
             that occur in one arm alone, are among the caveats.",
            [numbers.cell(&id(WHOLE, "share_in_equipoise"), number::percent).into()],
        ),
    ];
    table
}

/// What the matched sample promises and keeps.
pub(crate) fn matching(source: &Source) -> Table {
    let columns = vec![Column::key("Matching"), Column::value("Value")];
    let mut table = Table::new("matching", "Matched sample", columns);
    let protocol = &source.result.protocol;
    let scales = protocol.matching.as_ref().map_or(("", ""), words::match_scales);
    let (caliper, distance) = scales;
    let rows: [(String, &str, number::Write); 12] = [
        ("Pairs".into(), "n_pairs", number::count),
        (set_word(source).into(), "n_sets", number::count),
        ("Exposed patients".into(), "n_matched_exposed", number::count),
        ("Comparators".into(), "n_matched_comparators", number::count),
        ("Exposed patients without a partner".into(), "n_unmatched_exposed", number::count),
        ("Exposed patients with a partner (%)".into(), "share_matched", number::percent),
        ("Patients set aside before matching".into(), "n_discarded", number::count),
        (format!("Caliper ({caliper})"), "caliper", number::ratio),
        ("Largest distance, % of the caliper".into(), "largest_over_caliper", number::percent),
        (format!("Largest distance within a pair ({distance})"), "largest_distance", number::ratio),
        (format!("Sum of the distances ({distance})"), "total_distance", number::ratio),
        ("Choices between equally near comparators".into(), "n_ties", number::count),
    ];
    for (label, name, write) in rows {
        let id = id::quantity(STUDY, "matched", "matching", WHOLE, name);
        // One-to-one pairs are their own sets.
        let is_repeated = name == "n_sets" && !source.has_weights("matched");
        if source.numbers.has(&id) && !is_repeated {
            let is_striking = name == "share_matched" && loses_many(source, &id);
            let cell = Cell { is_striking, ..source.numbers.cell(&id, write) };
            table.rows.push(Row::new(vec![label.as_str().into(), cell]));
        }
    }
    let share = id::quantity(STUDY, "matched", "matching", WHOLE, "share_matched");
    if loses_many(source, &share) {
        table.note(
            "Less than 80% of the exposed have a partner: the result is no longer that of the exposed as \
             a whole. The table of matched against unmatched exposed patients says whose it is.",
        );
    }
    if let Some(certificate) = &source.result.outline.matching {
        table.note(format!(
            "Certificate: {}. {} Estimand: {}. SHA-256 of the {}: {}.",
            certificate.algorithm,
            checked(source),
            certificate.estimand,
            if forms_classes(source) { "ids and their classes" } else { "pairs of ids" },
            certificate.digest,
        ));
    }
    table
}

/// Below this share of exposed patients with a partner the estimand has drifted.
const MOST: f64 = 0.8;

/// Whether so many exposed patients have no partner that the result is not theirs.
fn loses_many(source: &Source, id: &str) -> bool {
    let section = source.result.protocol.matching.as_ref();
    let speaks_for_exposed = section.is_some_and(|one| one.estimand != MatchEstimand::Atc);
    speaks_for_exposed && source.numbers.value(id).is_some_and(|share| share < MOST)
}

fn forms_classes(source: &Source) -> bool {
    source.result.protocol.matching.as_ref().is_some_and(|section| section.forms_classes())
}

/// What sets are called.
fn set_word(source: &Source) -> &'static str {
    if forms_classes(source) { "Classes" } else { "Sets" }
}

/// What was checked on the finished sets.
fn checked(source: &Source) -> &'static str {
    let Some(section) = &source.result.protocol.matching else { return "" };
    if section.is_one_to_one() {
        "Every pair was checked once more when all were found: arms, keys, calipers, nobody twice."
    } else if section.forms_classes() {
        "Every class was checked once more when all were found: both arms, keys, and the sum of the \
         weights of each arm."
    } else {
        "Every set was checked once more when all were found: arms, keys, calipers, numbers of \
         partners, and the sum of the weights of each arm."
    }
}

/// The weights of the arms; without rows when there are none.
pub(crate) fn weighting(source: &Source) -> Table {
    let titles = [
        "Patients",
        "Sum of the weights",
        "Effective sample size",
        "Smallest weight",
        "Largest weight",
        "Coefficient of variation",
    ];
    let columns = std::iter::once(Column::key("Group")).chain(titles.map(Column::value));
    let mut table = Table::new("weighting", "Weights", columns.collect());
    let id = |term: &str, name: &str| id::quantity(STUDY, "weighted", "weighting", term, name);
    let numbers: [(&str, number::Write); 6] = [
        ("n", number::count),
        ("weighted_n", number::time),
        ("effective_n", number::time),
        ("weight_minimum", number::ratio),
        ("weight_maximum", number::ratio),
        ("weight_variation", number::ratio),
    ];
    for arm in source.arms() {
        if source.numbers.has(&id(&arm.id, "n")) {
            let cells = numbers.map(|(name, write)| source.numbers.cell(&id(&arm.id, name), write));
            table.rows.push(Row::new([Cell::from(&arm.label)].into_iter().chain(cells).collect()));
        }
    }
    table.note(
        "Effective sample size: the squared sum of the weights over the sum of their squares (Kish \
         1965), the number of patients of equal weight that would tell as much.",
    );
    if source.numbers.has(&id(WHOLE, "n_truncated")) {
        let text = |name: &str, write| source.numbers.cell(&id(WHOLE, name), write).into();
        table.note(Text::fill(
            "Weights below {} and above {} were cut there: {} patients.",
            [
                text("truncation_lower", number::ratio),
                text("truncation_upper", number::ratio),
                text("n_truncated", number::count),
            ],
        ));
    }
    table
}
