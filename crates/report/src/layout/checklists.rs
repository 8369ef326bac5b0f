//! Which item of the reporting guidelines is answered where, and which only the authors can answer.

use crate::document::{Cell, Column, Row, Section};
use crate::table::Table;

/// An item: its number, what it asks for, and the sections in which it may be answered, the best
/// first; none where only the authors know.
type Item = (&'static str, &'static str, &'static [&'static str]);

/// What stands beside an item that no section answers.
const AUTHORS: &str = "authors";

/// STROBE for cohort studies (von Elm and others 2007, Lancet 370:1453-1457), in short.
const STROBE: &[Item] = &[
    ("1a", "The design is named in title or abstract", &["abstract"]),
    ("1b", "The abstract sums up what was done and found", &["abstract"]),
    ("2", "Background and reasons", &["abstract"]),
    ("3", "Objectives and hypotheses", &["question"]),
    ("4", "Design, early in the paper", &["question"]),
    ("5", "Places and dates", &["methods"]),
    ("6a", "Criteria of eligibility, sources, follow-up", &["methods"]),
    ("6b", "Criteria of matching and number of matched patients", &["propensity"]),
    ("7", "Outcomes, exposures, confounders, effect modifiers are defined", &["methods"]),
    ("8", "Sources of data and how each variable was measured", &[]),
    ("9", "What was done against bias", &["question"]),
    ("10", "How the size of the study came about", &["flow"]),
    ("11", "How numbers were handled, and which groups were formed", &["methods"]),
    ("12a", "All statistical methods, confounding among them", &["methods"]),
    ("12b", "Methods for subgroups and interactions", &["subgroups", "methods"]),
    ("12c", "How missing values were handled", &["data", "methods"]),
    ("12d", "How loss to follow-up was handled", &["follow-up"]),
    ("12e", "Sensitivity analyses", &["sensitivity", "bootstrap"]),
    ("13", "Numbers at each stage, reasons, a flow diagram", &["flow"]),
    ("14a", "Characteristics of the patients", &["baseline"]),
    ("14b", "Missing values of each variable", &["data"]),
    ("14c", "Length of follow-up", &["follow-up"]),
    ("15", "Events over time", &["survival"]),
    (
        "16a",
        "Unadjusted and adjusted estimates with their precision, and for what they are adjusted",
        &["hazard", "survival"],
    ),
    ("16b", "Limits of categories made of numbers", &[]),
    ("16c", "Absolute beside relative effects", &["survival"]),
    ("17", "Other analyses", &["subgroups", "comparisons", "sensitivity", "bootstrap"]),
    ("18", "Key results", &["abstract"]),
    ("19", "Limitations, direction and size of bias", &["caveats"]),
    ("20", "Careful interpretation in view of other evidence", &[]),
    ("21", "To whom the results apply", &[]),
    ("22", "Funding and its role", &[]),
];

/// What reviewers of propensity scores ask for (Yao and others 2017, J. Natl. Cancer Inst.
/// 109:djw323), in short.
const PROPENSITY: &[Item] = &[
    ("1", "The method is named in title or abstract", &["abstract"]),
    ("2", "Why these covariates are in the score", &[]),
    ("3", "The model of the score and its terms", &["propensity"]),
    ("4", "Covariates are known before exposure, or those that are not are named", &["question"]),
    ("5", "Algorithm, metric, caliper and its scale, ratio, replacement, order", &["methods"]),
    ("6", "The program and its version", &["reproduction"]),
    ("7", "Overlap of the scores", &["propensity"]),
    ("8", "Balance before and after by standardised differences of every covariate", &["baseline"]),
    ("9", "Patients before and after in each arm", &["flow"]),
    ("10", "Exposed patients without a partner beside those with one", &["baseline"]),
    ("11", "Missing values of the covariates", &["data", "methods"]),
    ("12", "The analysis respects the pairs, sets or weights", &["methods"]),
    ("13", "For whom the estimate speaks", &["question"]),
    ("14", "How strong hidden confounding would have to be", &["sensitivity"]),
];

/// The checklists, of which that of propensity scores is for studies with a score.
pub(super) fn checklists(sections: &[Section], has_score: bool) -> Vec<Table> {
    let strobe = checklist("strobe", "STROBE, items for cohort studies", STROBE, sections);
    let score = checklist("checklist_propensity", "Propensity scores", PROPENSITY, sections);
    std::iter::once(strobe).chain(has_score.then_some(score)).collect()
}

fn checklist(name: &str, title: &str, items: &[Item], sections: &[Section]) -> Table {
    let columns = ["Item", "What is asked for", "Where"].map(Column::key).to_vec();
    let mut table = Table::new(name, title, columns);
    for (number, asked, places) in items {
        let place = places.iter().find_map(|place| sections.iter().find(|one| one.id == **place));
        let place = match place {
            Some(one) => Cell::reference(format!("{} {}", one.number, one.heading), &one.id),
            None => Cell { is_striking: true, ..Cell::new(AUTHORS) },
        };
        table.rows.push(Row::new(vec![(*number).into(), (*asked).into(), place]));
    }
    table.note(
        "Items in short. \"authors\": what this report cannot know or does not hold, to be written by \
         hand. Where a section is named, its text is a start and not a judgement that the item is met.",
    );
    table
}
