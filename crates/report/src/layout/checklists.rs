//! Which item of the reporting guidelines is answered where, and which only the authors can answer.

use crate::document::{Block, Cell, Column, Row, Section};
use crate::table::Table;
use crate::tables::{STUDY, Source, WHOLE};
use study::protocol::Variance;
use study::result::id;

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
    ("12e", "Sensitivity analyses", &["sensitivity", "bootstrap", "sites", "hazard"]),
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
    ("17", "Other analyses", &["subgroups", "comparisons", "sites", "sensitivity", "bootstrap"]),
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
    ("4", "Covariates are known before exposure, or those that are not are named", &["methods"]),
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

/// What else there is to say of an item than where it is answered.
enum Answer {
    /// Where the section is named.
    Found,
    Authors,
    /// It asks for something that the study has not.
    NotApplicable,
    /// It asks for something that was not done, as a caveat says.
    NotDone,
}

/// The checklists, of which that of propensity scores is for studies with a score.
pub(super) fn checklists(sections: &[Section], source: &Source) -> Vec<Table> {
    let strobe = |number: &str| strobe_answer(number, source);
    let strobe =
        checklist(("strobe", "STROBE, items for cohort studies"), STROBE, sections, strobe);
    let score = source.result.protocol.propensity.is_some().then(|| {
        let answer = |number: &str| propensity_answer(number, source, sections);
        checklist(("checklist_propensity", "Propensity scores"), PROPENSITY, sections, answer)
    });
    std::iter::once(strobe).chain(score).collect()
}

/// Places and dates are known from a study period alone.
fn strobe_answer(number: &str, source: &Source) -> Answer {
    let zero = source.result.protocol.time_zero.as_ref();
    match number {
        "5" if zero.is_none_or(|zero| zero.window.is_none()) => Answer::Authors,
        _ => Answer::Found,
    }
}

fn propensity_answer(number: &str, source: &Source, sections: &[Section]) -> Answer {
    let protocol = &source.result.protocol;
    let has_table = |name: &str| {
        let mut blocks = sections.iter().flat_map(|section| &section.blocks);
        blocks.any(|block| matches!(block, Block::Table(table) if table.name == name))
    };
    let n_exposed = id::quantity(STUDY, "matched", "matching", WHOLE, "share_matched");
    let all_matched = source.numbers.value(&n_exposed) == Some(1.0);
    let ignores_sets = protocol.matching.is_some()
        && protocol.cox.as_ref().is_some_and(|section| section.variance == Variance::Model);
    match number {
        "10" if protocol.matching.is_none() || all_matched => Answer::NotApplicable,
        "10" if !has_table("balance_unmatched") => Answer::Authors,
        "12" if ignores_sets => Answer::NotDone,
        _ => Answer::Found,
    }
}

fn checklist(
    (name, title): (&str, &str),
    items: &[Item],
    sections: &[Section],
    answer: impl Fn(&str) -> Answer,
) -> Table {
    let columns = ["Item", "What is asked for", "Where"].map(Column::key).to_vec();
    let mut table = Table::new(name, title, columns);
    let striking = |text: &str| Cell { is_striking: true, ..Cell::new(text) };
    for (number, asked, places) in items {
        let place = match answer(number) {
            Answer::Found => found(places, sections).unwrap_or_else(|| striking(AUTHORS)),
            Answer::Authors => striking(AUTHORS),
            Answer::NotApplicable => Cell::new("not applicable"),
            Answer::NotDone => {
                let caveats = found(&["caveats"], sections);
                caveats.map_or_else(
                    || striking("not done"),
                    |cell| Cell { text: format!("not done: {}", cell.text), ..cell },
                )
            }
        };
        table.rows.push(Row::new(vec![(*number).into(), (*asked).into(), place]));
    }
    table.note(
        "Items in short. \"authors\": what this report cannot know or does not hold, to be written by \
         hand. Where a section is named, its text is a start and not a judgement that the item is met.",
    );
    table
}

/// The first of the places that there are, with the numbers of the others.
fn found(places: &[&str], sections: &[Section]) -> Option<Cell> {
    let mut known = places.iter().filter_map(|place| sections.iter().find(|one| one.id == **place));
    let first = known.next()?;
    let others: Vec<String> = known.map(|one| one.number.to_string()).collect();
    let also = match others.as_slice() {
        [] => String::new(),
        others => format!(" (also {})", others.join(", ")),
    };
    Some(Cell::reference(format!("{} {}{also}", first.number, first.heading), &first.id))
}
