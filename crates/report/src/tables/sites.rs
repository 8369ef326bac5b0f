//! The exposure at each site, and the sites together.

use super::{ENDPOINT, Source, WHOLE};
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use study::result::{EndpointOutline, Label, id};

/// The hazard ratio at each site and without it; without rows where the study has one site.
pub(crate) fn sites(source: &Source) -> Table {
    let ci = words::confidence_interval(&source.result.protocol);
    let outline = &source.result.outline;
    let site = outline.site.as_ref().map_or("Site", |site| site.label.as_str());
    let mut columns = [ENDPOINT, "Population"].map(Column::key).to_vec();
    columns.push(Column::key(site));
    columns.extend(["Patients", "Events"].map(Column::value));
    columns.push(Column::value(format!("HR ({ci})")));
    columns.extend(["P", "Share (%)"].map(Column::value));
    columns.push(Column::value(format!("Pooled HR of the other sites ({ci})")));
    let mut table = Table::new("sites", "Hazard ratio of the exposure by site", columns);
    let (Some(site), Some(population)) = (&outline.site, outline.populations.last()) else {
        return table;
    };
    for endpoint in source.endpoints() {
        let id = |term: &str, name: &str| {
            id::quantity(&endpoint.id, &population.id, "sites", term, name)
        };
        if !source.numbers.has(&id(WHOLE, "n_sites")) {
            continue;
        }
        let names = [&endpoint.label, &population.label].map(Cell::from);
        for level in &site.levels {
            let of = |name: &str| id(&level.id, name);
            let optional = |name: &str, cell: fn(&Source, &str) -> Cell| {
                if source.numbers.has(&of(name)) { cell(source, &of(name)) } else { Cell::new("") }
            };
            let mut cells = names.clone().to_vec();
            cells.extend([
                Cell::from(source.level_label(&site.id, level)),
                source.numbers.cell(&of("n"), number::count),
                source.numbers.cell(&of("n_events"), number::count),
                source.numbers.ratio(&of("hazard_ratio")),
                source.numbers.cell(&of("p_value"), number::p_value),
                optional("share", |source, id| source.numbers.cell(id, number::percent)),
                optional("left_out_hazard_ratio", |source, id| source.numbers.ratio(id)),
            ]);
            table.rows.push(Row::new(cells));
        }
        for (name, label) in
            [("pooled", "All, inverse variance"), ("random", "All, random effects")]
        {
            let mut cells = names.clone().to_vec();
            cells.extend([Cell::new(label), Cell::new(""), Cell::new("")]);
            cells.push(source.numbers.ratio(&id(WHOLE, &format!("{name}_hazard_ratio"))));
            let p_value = id(WHOLE, &format!("{name}_p_value"));
            cells.push(source.numbers.cell(&p_value, number::p_value));
            cells.extend([Cell::new(""), Cell::new("")]);
            table.rows.push(Row::new(cells));
        }
        table.note(heterogeneity(source, endpoint, &id));
    }
    table.note(
        "A Cox model of the exposure alone at each site. The last column is the mean of the other sites, \
         weighted by inverse variance; the model without a site stands in the table of its own. With \
         few sites heterogeneity is hardly detected, and I\u{b2} is imprecise.",
    );
    table
}

/// The primary model fitted again without each site; without rows where the study has one site, or
/// where the primary analysis is no model.
pub(crate) fn without_sites(source: &Source) -> Table {
    let ci = words::confidence_interval(&source.result.protocol);
    let mut columns = [ENDPOINT, "Population", "Left out"].map(Column::key).to_vec();
    columns.extend(["Patients", "Events"].map(Column::value));
    columns.extend([Column::value(format!("HR ({ci})")), Column::value("P")]);
    let title = "Primary model without each site";
    let mut table = Table::new("without_site", title, columns);
    for endpoint in source.endpoints() {
        table.rows.extend(refits(source, endpoint));
    }
    table.note(
        "The model of the primary analysis, fitted again on the patients of the other sites. Who is in \
         the sample, scores and weights stay as they are; the partner elsewhere of a patient who is \
         left out remains.",
    );
    table
}

/// The row of the primary model, and one per site that it is fitted without.
fn refits(source: &Source, endpoint: &EndpointOutline) -> Vec<Row> {
    let (outline, primary) = (&source.result.outline, &source.result.protocol.report.primary);
    let population = outline.populations.iter().find(|one| one.id == primary.population.id());
    let (Some(site), Some(population), Some(model), Some(exposed)) =
        (&outline.site, population, &primary.model, source.arms().first())
    else {
        return Vec::new();
    };
    let exposure = id::part(&source.result.protocol.exposure.column);
    let of_model = if model == "univariable" { exposure.as_str() } else { WHOLE };
    let whole = format!("cox_{model}");
    let row = |label: &str, analysis: &str, [of_counts, of_ratio]: [&str; 2]| {
        let id = |term, name| id::quantity(&endpoint.id, &population.id, analysis, term, name);
        let mut cells = [&endpoint.label, &population.label].map(Cell::from).to_vec();
        cells.push(Cell::new(label));
        cells.extend(
            ["n", "n_events"].map(|name| source.numbers.cell(&id(of_counts, name), number::count)),
        );
        cells.push(source.numbers.ratio(&id(of_ratio, "hazard_ratio")));
        cells.push(source.numbers.cell(&id(of_ratio, "p_value"), number::p_value));
        Row::new(cells)
    };
    let is_there = |level: &&Label| {
        let analysis = "without_site";
        let (endpoint, population) = (&endpoint.id, &population.id);
        source.numbers.has(&id::quantity(endpoint, population, analysis, &level.id, "hazard_ratio"))
    };
    let mut rows = vec![row("no site", &whole, [of_model, &exposed.id])];
    let levels = site.levels.iter().filter(is_there);
    rows.extend(levels.map(|level| {
        row(source.level_label(&site.id, level), "without_site", [&level.id, &level.id])
    }));
    if rows.len() > 1 { rows } else { Vec::new() }
}

/// How much the sites differ.
fn heterogeneity(
    source: &Source,
    endpoint: &EndpointOutline,
    id: &dyn Fn(&str, &str) -> String,
) -> String {
    let text = |name: &str, write: number::Write| source.numbers.cell(&id(WHOLE, name), write).text;
    format!(
        "{}: Cochran's Q {} on {} degrees of freedom (P {}), I\u{b2} {} %, tau\u{b2} {}.",
        endpoint.label,
        text("q", number::statistic),
        text("q_df", number::count),
        text("q_p_value", number::p_value),
        text("i_squared", number::percent),
        text("tau_squared", number::ratio),
    )
}
