use super::*;
use proptest::prelude::*;

fn spec() -> TableSpec {
    let column = |name: &str, kind| ColumnSpec { name: name.into(), kind, missing: Vec::new() };
    let levels = ["1", "2", "T3"].map(String::from).to_vec();
    TableSpec {
        id: "id".into(),
        separator: b',',
        missing: vec![String::new(), "NA".into()],
        columns: vec![
            ColumnSpec { missing: vec!["-9".into()], ..column("age", ColumnKind::Number) },
            column("stage", ColumnKind::Category { levels }),
            column("site", ColumnKind::Text),
            column("begin", ColumnKind::Date),
        ],
    }
}

fn read_text(text: &str) -> Result<Table, Vec<IntakeError>> {
    read(text.as_bytes(), &spec())
}

/// The messages of everything that is wrong.
#[track_caller]
fn messages(text: &str) -> Vec<String> {
    read_text(text).unwrap_err().iter().map(ToString::to_string).collect()
}

const HEADER: &str = "id,age,stage,site,begin,note";

#[test]
fn cells_are_typed_and_rows_stand_in_id_order() {
    let rows = "10,50.5,1.0,B,2020-02-29,x\n9, -9.0 ,T3,\"a,b\",NA,\n2,NA,2,,1970-01-02,y\n";
    for text in
        [format!("{HEADER}\n{rows}"), format!("\u{feff}{HEADER}\r\n{}", rows.replace('\n', "\r\n"))]
    {
        let table = read_text(&text).unwrap();
        assert_eq!(table.ids(), ["2", "9", "10"]);
        assert_eq!((0..3).map(|row| table.line(row)).collect::<Vec<_>>(), [4, 3, 2]);
        assert_eq!(table.number("age").unwrap(), [None, None, Some(50.5)]);
        assert_eq!(table.category("stage").unwrap().1, [Some(1), Some(2), Some(0)]);
        let (levels, codes) = table.category("site").unwrap();
        assert_eq!(
            (levels, codes),
            (["B", "a,b"].map(String::from).as_slice(), [None, Some(1), Some(0)].as_slice())
        );
        assert_eq!(table.date("begin").unwrap(), [Some(1), None, Some(18_321)]);
    }
}

#[test]
fn selected_rows_become_columns_of_a_cohort() {
    let table =
        read_text(&format!("{HEADER}\n1,50,1,a,1970-01-03,\n2,,NA,b,,\n3,60,T3,a,1970-01-01,\n"))
            .unwrap();
    let age = cohort::Column::numeric("age", vec![0.0, 60.0]).with_missing(vec![0]);
    assert_eq!(table.column("age", &[1, 2]).unwrap(), age);
    let stage = table.column("stage", &[0, 1, 2]).unwrap();
    assert_eq!(stage.missing, [1]);
    let cohort::Values::Categorical { levels, codes } = stage.values else { panic!() };
    assert_eq!((levels.len(), codes[2]), (3, 2));
    let begin = cohort::Column::numeric("begin", vec![2.0, 0.0]);
    assert_eq!(table.column("begin", &[0, 2]).unwrap(), begin);
    assert_eq!(table.ids_of(&[0, 2]), ["1", "3"]);
}

#[test]
fn a_column_is_what_it_was_read_as() {
    let table = read_text(&format!("{HEADER}\n1,50,1,a,,\n")).unwrap();
    assert_eq!(table.kind("age"), Some(&ColumnKind::Number));
    assert_eq!(table.kind("note"), None);
    let error = table.date("age").unwrap_err();
    assert_eq!(error.to_string(), "column age holds numbers where dates are needed");
    assert_eq!(
        table.number("note").unwrap_err().to_string(),
        "column note was not read from the file"
    );
}

#[test]
fn a_file_that_is_no_table_is_refused() {
    assert_eq!(messages(""), [IntakeError::Empty.to_string()]);
    assert_eq!(messages("\u{feff}\n\n"), [IntakeError::Empty.to_string()]);
    assert_eq!(messages(HEADER), [IntakeError::NoRows.to_string()]);
    let bytes = [HEADER.as_bytes(), b"\n1,2,3,\xff"].concat();
    assert_eq!(read(&bytes, &spec()), Err(vec![IntakeError::NotUtf8 { line: 2 }]));
    assert!(messages("7;52;T1\n8;60;T3\n")[0].contains("is `,` its separator?"));
}

#[test]
fn columns_are_looked_for_by_name() {
    let text = "id,Age,stage,stage,begin\n1,50,1,1,\n";
    assert_eq!(
        messages(text),
        [
            "there is no column age, did you mean Age?; the table has id, Age, stage, stage, begin",
            "column stage occurs 2 times in the first line; rename or remove the others",
            "there is no column site; the table has id, Age, stage, stage, begin",
        ]
    );
}

#[test]
fn every_bad_cell_is_reported_by_line_and_class() {
    let text = format!(
        "{HEADER}\n1,old,1,a,2020-02-30,\n\n2,\"1,5\",9,a,,\n3,inf,8,a,01.02.2020,\n4,old,1,a,,\n5,1,1\n"
    );
    assert_eq!(
        messages(&text),
        [
            "line 7 has not 6 cells as the first line has",
            "column age: lines 2 and 6 hold text where a number is needed; \
             if it means a missing value, list it under `missing`",
            "column age: line 4 holds a number with a comma; write the decimals after a point",
            "column age: line 5 holds a number that is infinite, undefined or too large to compute with; \
             if it means a missing value, list it under `missing`",
            "column stage: lines 4 and 5 hold a value that is no level; declared are 1, 2, T3",
            "column begin: lines 2 and 5 hold no date of the form YYYY-MM-DD",
        ]
    );
}

#[test]
fn an_empty_cell_is_missing_only_when_that_is_declared() {
    let spec = TableSpec { missing: vec!["NA".into()], ..spec() };
    let text = format!("{HEADER}\n1,,1,NA,NA,\n");
    let errors = read(text.as_bytes(), &spec).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].column(), Some("age"));
    assert!(errors[0].to_string().contains("line 2 holds an empty cell"));
}

#[test]
fn every_patient_has_one_id() {
    let row = |id: &str| format!("{id},50,1,a,,\n");
    let file =
        |ids: &[&str]| format!("{HEADER}\n{}", ids.iter().map(|id| row(id)).collect::<String>());
    assert_eq!(messages(&file(&["7", "", "07", "NA"]))[0], "column id: lines 3 and 5 have no id");
    assert_eq!(
        messages(&file(&["7", "3", "07", "7"])),
        [
            "column id: lines 2 and 4 have the same id, as have 1 further lines; every patient has one row"
        ]
    );
    assert!(read_text(&file(&["7", "07", "b"])).is_ok());
}

#[test]
fn no_message_holds_the_content_of_a_cell() {
    let text = format!(
        "{HEADER}\nsecret1,secret2,secret3,secret4,secret5,\nsecret1,1,1\n,,,,secret6,\nsecret1,1,1,,,\n"
    );
    let errors = read_text(&text).unwrap_err();
    assert_eq!(errors.len(), 6);
    assert!(!format!("{errors:?}").contains("secret"));
}

proptest! {
    /// Rows that change places change nothing but their lines.
    #[test]
    fn the_order_of_rows_does_not_matter(rows in row_strategy()) {
        let (rows, shuffled) = rows;
        let table = |rows: &[String]| read_text(&format!("{HEADER}\n{}", rows.concat()));
        let (first, second) = (table(&rows).unwrap(), table(&shuffled).unwrap());
        prop_assert_eq!(first.ids(), second.ids());
        for name in ["age", "stage", "site", "begin"] {
            prop_assert_eq!(first.cells(name), second.cells(name));
        }
    }
}

/// Rows with distinct ids, and the same in another order.
fn row_strategy() -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
    let row = ("(NA|-9|[0-9]{2})", "(1|2\\.0|T3|)", "[a-c]?", "2020-0[1-9]-1[0-9]");
    prop::collection::btree_map("[0-9]{1,3}|[a-b]", row, 1..20).prop_flat_map(|rows| {
        let rows: Vec<String> = distinct_ids(rows)
            .map(|(id, (age, stage, site, begin))| format!("{id},{age},{stage},{site},{begin},\n"))
            .collect();
        (Just(rows.clone()), Just(rows).prop_shuffle())
    })
}

/// Leaves out ids that are equal as numbers.
fn distinct_ids<T>(rows: BTreeMap<String, T>) -> impl Iterator<Item = (String, T)> {
    let mut seen = BTreeSet::new();
    rows.into_iter().filter(move |(id, _)| seen.insert(id.parse().unwrap_or(-1)))
}
