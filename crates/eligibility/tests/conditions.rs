//! Conditions and attrition on tables that are small enough to be checked by eye.

use eligibility::{Criterion, Step, Window, attrition};
use intake::{ColumnKind, ColumnSpec, FollowUp, Table, TableSpec, read};
use proptest::prelude::*;

const HEADER: &str = "id,age,stage,bone,site,start\n";

fn table(rows: &str) -> Table {
    let column = |name: &str, kind| ColumnSpec { name: name.into(), kind, missing: Vec::new() };
    let category = |levels: &[&str]| ColumnKind::Category {
        levels: levels.iter().map(ToString::to_string).collect(),
    };
    let spec = TableSpec {
        id: "id".into(),
        separator: b',',
        missing: vec![String::new()],
        columns: vec![
            column("age", ColumnKind::Number),
            column("stage", category(&["T1", "T2", "T3"])),
            column("bone", category(&["0", "1"])),
            column("site", ColumnKind::Text),
            column("start", ColumnKind::Date),
        ],
    };
    read(format!("{HEADER}{rows}").as_bytes(), &spec).expect("the table is in order")
}

/// Three patients: complete, complete, nothing known.
fn three() -> Table {
    table("1,17,T1,0,H1,2006-03-01\n2,60.5,T3,1,H3,2021-10-01\n3,,,,,\n")
}

fn window() -> Option<Window> {
    Window::parse("2006-03-01", "2021-09-30")
}

fn criterion(text: &str) -> Criterion {
    Criterion::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// One letter per row: t, f or ? for unknown.
fn truth(text: &str) -> String {
    let table = three();
    let condition = criterion(text).bind(&table, window()).expect("the types agree");
    let letter = |row| condition.evaluate(row).map_or('?', |holds| if holds { 't' } else { 'f' });
    (0..table.len()).map(letter).collect()
}

#[test]
fn comparisons_follow_the_type_of_the_column() {
    let cases = [
        ("age >= 18", "ft?"),
        ("age < 17", "ff?"),
        ("age <= 17.0", "tf?"),
        ("age in [17, 18]", "tf?"),
        ("stage == \"T1\"", "tf?"),
        ("stage in [\"T1\", 'T3']", "tt?"),
        ("stage not in [\"T1\"]", "ft?"),
        ("bone == 1", "ft?"),
        ("bone != 1.0", "tf?"),
        ("site != \"H3\"", "tf?"),
        ("site == \"H9\"", "ff?"),
        ("start >= 2006-03-02", "ft?"),
        ("start == 2006-03-01", "tf?"),
        ("start in window", "tf?"),
        ("age is missing", "fft"),
        ("start is not missing", "ttf"),
    ];
    for (text, expected) in cases {
        assert_eq!(truth(text), expected, "{text}");
    }
}

/// The tables of Kleene: what is false decides an `and`, what is true an `or`.
#[test]
fn unknown_values_decide_nothing() {
    let cases = [
        ("age is missing and age > 1", "ff?"),
        ("age > 1 and age is not missing", "ttf"),
        ("age > 99 or age is missing", "fft"),
        ("age > 99 or age is not missing", "tt?"),
        ("not age > 99", "tt?"),
        ("not (bone == 1 or stage == \"T1\")", "ff?"),
        ("bone == 1 or stage == 'T1' and age > 18", "ft?"),
        ("(bone == 1 or stage == 'T1') and age > 18", "ft?"),
    ];
    for (text, expected) in cases {
        assert_eq!(truth(text), expected, "{text}");
    }
}

#[test]
fn type_errors_say_what_is_expected() {
    let table = three();
    let cases = [
        ("agee > 3", 0, "no column `agee`"),
        ("age == \"old\"", 7, "a number such as 18"),
        ("start > 3", 8, "a date such as 2006-03-01"),
        ("start == \"2006-03-01\"", 9, "without quotes"),
        ("stage == \"T4\"", 9, "its levels are T1, T2, T3"),
        ("stage in ['T1', 'T9']", 16, "its levels are"),
        ("stage >= \"T2\"", 6, "no order"),
        ("site > \"H1\"", 5, "no order"),
        ("age in window", 4, "only dates"),
    ];
    for (text, at, message) in cases {
        let error = criterion(text).bind(&table, window()).unwrap_err();
        assert_eq!(error.at, at, "{text}: {error}");
        assert!(error.message.contains(message), "{text}: {error}");
    }
    let error = criterion("start in window").bind(&table, None).unwrap_err();
    assert!(error.message.contains("[time_zero]"));
}

#[test]
fn every_mistake_of_a_condition_is_found() {
    let table = three();
    let errors = criterion("age == 'x' or nobody == 1 or bone == 2")
        .check(|name| table.kind(name), true)
        .unwrap_err();
    assert_eq!(errors.iter().map(|error| error.at).collect::<Vec<_>>(), [7, 14, 37]);
}

#[test]
fn attrition_counts_whom_each_criterion_leaves_out() {
    let rows = "1,17,T1,0,H1,2010-01-01\n2,30,T1,0,H1,2000-01-01\n3,,T1,0,H1,2010-01-01\n\
                4,40,T1,0,H1,\n5,50,T1,0,H1,2010-01-01\n10,,,,,\n";
    let criteria = [("Adult", "age >= 18"), ("Period", "start in window")]
        .map(|(label, text)| (label.to_string(), criterion(text)));
    let attrition = attrition(&table(rows), &criteria, window()).unwrap();
    let step = |label: &str, excluded: &[usize], n_missing, n_left| Step {
        label: label.into(),
        excluded: excluded.to_vec(),
        n_missing,
        n_left,
    };
    assert_eq!(attrition.n_rows, 6);
    assert_eq!(attrition.steps, [step("Adult", &[0, 2, 5], 2, 3), step("Period", &[1, 3], 1, 1)]);
    assert_eq!(attrition.rows, [4]);
}

#[test]
fn a_criterion_that_does_not_fit_is_named() {
    let criteria = ["age > 1", "age == 'x'"].map(|text| (String::new(), criterion(text)));
    let error = attrition(&three(), &criteria, None).unwrap_err();
    assert_eq!((error.index, error.source.at), (1, 7));
}

#[test]
fn without_criteria_everybody_stays() {
    let attrition = attrition(&three(), &[], None).unwrap();
    assert_eq!((attrition.n_rows, attrition.rows.len(), attrition.steps.len()), (3, 3, 0));
}

/// The synthetic cohort of the first example study: the paper keeps all 488 patients, and the
/// column `days` was written as the days between its dates.
#[test]
fn the_example_keeps_its_patients_and_their_days() {
    let bytes = include_bytes!("../../../tests/studies/her2/cohort.csv");
    let column = |(name, kind): (&str, ColumnKind)| ColumnSpec {
        name: name.into(),
        kind,
        missing: Vec::new(),
    };
    let columns = [
        ("age", ColumnKind::Number),
        ("days", ColumnKind::Number),
        ("start_date", ColumnKind::Date),
        ("end_date", ColumnKind::Date),
        ("modality", ColumnKind::Text),
        ("rt", ColumnKind::Category { levels: vec!["0".into(), "1".into()] }),
    ];
    let spec = TableSpec {
        id: "id".into(),
        separator: b',',
        missing: vec![String::new()],
        columns: columns.map(column).to_vec(),
    };
    let table = read(bytes, &spec).unwrap();
    let criteria = ["age >= 18 and age <= 80", "start_date in window"]
        .map(|text| (text.to_string(), criterion(text)));
    let attrition = attrition(&table, &criteria, window()).unwrap();
    assert_eq!((attrition.n_rows, attrition.rows.len()), (488, 488));

    let dates = FollowUp::Dates { start: "start_date".into(), end: "end_date".into() };
    let days = FollowUp::Time { column: "days".into(), days_per_unit: 1.0 };
    let months = |source| table.follow_up("os", source, 30.4375, &attrition.rows).unwrap();
    assert_eq!(months(&dates), months(&days));

    let among = criterion("rt == 1").bind(&table, None).unwrap();
    let n_treated = attrition.rows.iter().filter(|&&row| among.evaluate(row) == Some(true)).count();
    let has_modality = criterion("modality is not missing").bind(&table, None).unwrap();
    assert!(attrition.rows.iter().all(|&row| has_modality.evaluate(row) == among.evaluate(row)));
    assert_eq!(n_treated, 207);
}

proptest! {
    /// Any text is a condition or has its mistake at one of its characters.
    #[test]
    fn any_text_is_answered(text in r#"([a-c0-9 ()\[\],<>=!"'`.é+-]|and|or|not|in|is|window|2006-03-01){0,20}"#) {
        if let Err(error) = Criterion::parse(&text) {
            prop_assert!(text.is_char_boundary(error.at), "{} in {text}", error.at);
        }
    }

    /// Steps count patients, and patients do not depend on where they stand in the file.
    #[test]
    fn the_order_of_rows_does_not_matter(
        (rows, shuffled) in prop::collection::vec("[0-9]{0,2},(T1|T2|),[01]?,H[1-3],20(05|10)-01-01\n", 1..20)
            .prop_map(|rows| rows.iter().enumerate().map(|(id, row)| format!("{id},{row}")).collect::<Vec<_>>())
            .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle()))
    ) {
        let texts = ["age >= 18 or bone == 1", "start in window", "not stage == 'T2'"];
        let criteria = texts.map(|text| (text.to_string(), criterion(text)));
        let attrition = |rows: &[String]| attrition(&table(&rows.concat()), &criteria, window()).unwrap();
        let first = attrition(&rows);
        prop_assert_eq!(&first, &attrition(&shuffled));
        let mut n_left = first.n_rows;
        for step in &first.steps {
            let n_excluded = step.excluded.len();
            prop_assert!(step.n_missing <= n_excluded);
            prop_assert_eq!(n_left - n_excluded, step.n_left);
            n_left = step.n_left;
        }
        prop_assert_eq!(n_left, first.rows.len());
    }
}
