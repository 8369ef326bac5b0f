//! How many patients each step leaves in each arm and at each site.

use super::Source;
use super::flow::{optional, step_id};
use crate::table::{Cell, Column, Row, Table};
use study::result::Label;

/// Patients left and left out at each step, by arm and by site.
pub(crate) fn flow_counts(source: &Source) -> Table {
    let outline = &source.result.outline;
    let site = outline.site.as_ref();
    let levels: Vec<&Label> =
        source.arms().iter().chain(site.iter().flat_map(|site| &site.levels)).collect();
    let label = |level: &&Label| match site {
        Some(site) if site.levels.contains(*level) => {
            format!("{} {}", site.label, source.level_label(&site.id, level))
        }
        _ => level.label.clone(),
    };
    let labels: Vec<String> = levels.iter().map(label).collect();
    let mut columns = vec![Column::key("Step")];
    for group in ["Patients left", "Left out"] {
        columns.extend(labels.iter().map(|label| Column::value(label).within(group)));
    }
    let mut table = Table::new(
        "flow_counts",
        "From the table to the analysed patients, by arm and site",
        columns,
    );
    for step in &outline.flow {
        let mut cells = vec![Cell::from(&step.label)];
        for name in ["n", "n_excluded"] {
            let cell =
                |level: &&Label| optional(source, &step_id(step, &format!("{}/{name}", level.id)));
            cells.extend(levels.iter().map(cell));
        }
        table.rows.push(Row::new(cells));
    }
    table
}
