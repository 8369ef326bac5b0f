//! The document that renderers are given: numbers with their ids, links that lead somewhere.

mod fixture;

use report::Document;
use report::document::{Block, Cell, Span, Text};
use std::collections::BTreeSet;
use study::StudyResult;
use study::result::Quantity;

fn texts(document: &Document) -> Vec<&Text> {
    document.blocks().flat_map(Block::texts).collect()
}

fn cells(document: &Document) -> impl Iterator<Item = &Cell> {
    document.tables().flat_map(|table| &table.rows).flat_map(|row| &row.cells)
}

/// Every printed number with its ids.
fn printed(document: &Document) -> Vec<(String, Vec<String>)> {
    let spans = texts(document).into_iter().flat_map(|text| &text.spans);
    let of_text = spans.filter_map(|span| match span {
        Span::Number { text, ids, .. } => Some((text.clone(), ids.clone())),
        _ => None,
    });
    let of_cells = cells(document).filter(|cell| !cell.ids.is_empty());
    of_text.chain(of_cells.map(|cell| (cell.text.clone(), cell.ids.clone()))).collect()
}

/// Whether digits that were printed are a value, or a hundred times a value, rounded.
fn is_rounded(digits: &str, value: f64) -> bool {
    let (Ok(printed), decimals) = (digits.parse::<f64>(), digits.split_once('.')) else {
        return false;
    };
    let decimals = decimals.map_or(0, |(_, fraction)| fraction.len());
    let half = (0..decimals).fold(0.5, |half, _| half / 10.0);
    [value, 100.0 * value].iter().any(|value| (printed - value).abs() <= half * (1.0 + 1e-9))
}

/// The first number of a text, digits with their point and sign.
fn first_number(text: &str) -> &str {
    let from = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
    let from = if text[..from].ends_with('-') { from - 1 } else { from };
    let rest = &text[from..];
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let until = rest.char_indices().skip(1).find(|(_, c)| !is_part(*c));
    &rest[..until.map_or(rest.len(), |(at, _)| at)]
}

fn agrees(text: &str, quantity: &Quantity) -> bool {
    match quantity.value {
        None => quantity.not_estimable.is_some_and(|reason| text.contains(&reason.to_string())),
        Some(value) if text.contains('<') => value < 0.0001,
        Some(value) if text.contains('>') => 0.999 < value,
        Some(value) => is_rounded(first_number(text), value),
    }
}

fn all_numbers_are_read_back(result: &StudyResult) {
    let document = report::document(result);
    let printed = printed(&document);
    assert!(printed.len() > 300, "{}", printed.len());
    for (text, ids) in printed {
        let quantity = result.quantity(&ids[0]).expect("the id is that of a quantity");
        assert!(agrees(&text, quantity), "{text} is printed for {:?} {}", quantity.value, ids[0]);
        assert!(ids.iter().all(|id| document.numbers.contains_key(id)), "{ids:?}");
    }
}

#[test]
fn every_printed_number_is_the_rounded_quantity_of_its_id() {
    all_numbers_are_read_back(&fixture::rotterdam());
}

#[test]
fn what_is_known_of_a_number_names_definition_method_and_id() {
    let document = report::document(&fixture::rotterdam());
    let id = "os/all/survival/hormon=1/median_log".to_owned();
    let words = document.explain(std::slice::from_ref(&id));
    assert!(words.starts_with("Median: the time at which the curve falls to one half"), "{words}");
    assert!(words.ends_with(&format!("Method: golden. [{id}]")), "{words}");
}

#[test]
fn links_lead_somewhere_and_names_are_unique() {
    let document = report::document(&fixture::rotterdam());
    let names: Vec<&str> = document.targets().collect();
    let known: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(known.len(), names.len());
    for text in texts(&document) {
        for span in &text.spans {
            if let Span::Reference { target, .. } = span {
                assert!(known.contains(target.as_str()), "{target}");
            }
        }
    }
    let targets = cells(&document).filter_map(|cell| cell.target.as_deref());
    for target in targets {
        assert!(known.contains(target), "{target}");
    }
}

#[test]
fn rows_fill_their_columns() {
    for table in report::document(&fixture::rotterdam()).tables() {
        for row in &table.rows {
            let n: usize = row.cells.iter().map(|cell| cell.span).sum();
            assert_eq!(n, table.columns.len(), "{}", table.caption);
        }
        let n: usize = table.groups.iter().map(|group| group.span).sum();
        assert!(table.groups.is_empty() || n == table.columns.len(), "{}", table.caption);
    }
}

#[test]
fn nothing_is_printed_empty() {
    let document = report::document(&fixture::rotterdam());
    assert!(document.sections.iter().all(|section| !section.blocks.is_empty()));
    assert!(document.tables().all(|table| !table.rows.is_empty()));
    assert!(document.sections.iter().all(|section| section.id != "bootstrap"));
}

#[test]
fn table_1_and_table_2_are_those_of_a_paper() {
    let document = report::document(&fixture::rotterdam());
    let named = |number: &str| {
        let mut tables = document.tables().filter(|table| table.number.as_deref() == Some(number));
        tables.next().map(|table| table.name.clone())
    };
    assert_eq!(named("1").as_deref(), Some("baseline"));
    assert_eq!(named("2").as_deref(), Some("cox_os_matched"));
}
