//! Which rules of plausible data were checked, and how many patients break each.

use super::{STUDY, Source, WHOLE};
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use study::result::id;

/// Rules by the names of their counts in ids, in the order of the table.
const RULES: [(&str, &str); 11] = [
    ("n_duplicate_id", "The id of another patient"),
    ("n_unreadable", "A cell that is no value of its column"),
    ("n_time_zero_after_lock", "Time zero after the data lock"),
    ("n_exposure_before_time_zero", "Exposure begins before time zero"),
    ("n_exposed_without_start", "Exposed without a date at which exposure begins"),
    ("n_comparator_with_start", "Comparator with a date at which exposure begins"),
    ("n_negative_time", "Follow-up ends before it begins"),
    ("n_unknown_code", "A code that is neither event nor censoring"),
    ("n_no_time", "Followed for no time at all"),
    ("n_followed_beyond_lock", "Followed beyond the data lock"),
    ("n_exposure_after_end", "Exposure begins after the end of follow-up"),
];

/// One row per rule that the columns of the study let the program check.
pub(crate) fn quality(source: &Source) -> Table {
    let columns = vec![Column::key("Data"), Column::key("Rule broken"), Column::value("Patients")];
    let mut table =
        Table::new("data_quality", "Rules of plausible data that were checked", columns);
    let endpoints = source.endpoints().iter().map(|one| (one.id.as_str(), one.label.as_str()));
    for (place, label) in std::iter::once((STUDY, "Patient table")).chain(endpoints) {
        for (name, rule) in RULES {
            let id = id::quantity(place, WHOLE, "quality", WHOLE, name);
            if source.numbers.has(&id) {
                let n = source.numbers.cell(&id, number::count);
                table.rows.push(Row::new(vec![Cell::new(label), Cell::new(rule), n]));
            }
        }
    }
    table.note(
        "Analysed patients. A table with an id that occurs twice, an unreadable cell, an unknown code or \
         follow-up that ends before it begins is refused, so that there are none of these here.",
    );
    table
}
