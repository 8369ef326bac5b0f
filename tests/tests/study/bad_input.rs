//! What is wrong with a study is said once, clearly, at its place; nothing is written, and no
//! patient's value appears.

use crate::harness::{Report, equipoise, example};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A copy of the her2 study that a test may spoil.
struct Study {
    folder: TempDir,
}

impl Study {
    fn copy() -> Self {
        Self::of("her2", "cohort.csv")
    }

    fn of(name: &str, table: &str) -> Self {
        let folder = TempDir::new().unwrap();
        for file in ["study.toml", table] {
            fs::copy(example(name).join(file), folder.path().join(file)).unwrap();
        }
        Self { folder }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Replaces text in a file; the text must be there.
    fn replace(self, file: &str, from: &str, to: &str) -> Self {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        fs::write(self.path(file), text.replacen(from, to, 1)).unwrap();
        self
    }

    /// Changes the cell of a column in a line of the table; line 1 holds the names.
    fn cell(self, line: usize, column: &str, value: &str) -> Self {
        let text = fs::read_to_string(self.path("cohort.csv")).unwrap();
        let mut lines: Vec<String> = text.lines().map(String::from).collect();
        let position = lines[0].split(',').position(|name| name == column).unwrap();
        let mut cells: Vec<&str> = lines[line - 1].split(',').collect();
        cells[position] = value;
        lines[line - 1] = cells.join(",");
        fs::write(self.path("cohort.csv"), lines.join("\n") + "\n").unwrap();
        self
    }

    /// What the program says of the study; `run` and `check` say the same, and neither leaves
    /// anything behind.
    fn refused(&self) -> String {
        let study = self.path("study.toml");
        let out = self.folder.path().join("results/report");
        let study = study.to_str().unwrap();
        let run = equipoise(["run", study, "--out", out.to_str().unwrap()]);
        let words = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(2), "{words}");
        assert!(!self.path("results").exists(), "something was left behind");
        let check = equipoise(["check", study]);
        assert_eq!(check.status.code(), Some(2));
        let last_lines = |text: &str| text.lines().filter(|line| !line.starts_with('[')).count();
        let check_words = String::from_utf8(check.stderr).unwrap();
        assert_eq!(last_lines(&check_words), last_lines(&words), "{check_words}");
        words
    }

    /// Asserts that the message has all these words and the place in the study file.
    fn is_refused_with(&self, words: &[&str]) {
        // A terminal folds long lines; here every white space is one.
        let said = self.refused().replace('│', " ");
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
    }
}

#[test]
fn an_unknown_key_is_an_error_with_a_suggestion_and_a_place() {
    let study = Study::copy().replace("study.toml", "data_lock", "data_lok");
    study.is_refused_with(&["data_lok", "did you mean", "data_lock", "study.toml:"]);
}

#[test]
fn a_study_file_that_is_no_toml() {
    let study = Study::copy().replace("study.toml", "[study]", "[study");
    study.is_refused_with(&["study.toml:"]);
}

#[test]
fn a_missing_column() {
    let study = Study::copy().replace("cohort.csv", "ki67", "ki_67");
    study.is_refused_with(&["no column ki67", "did you mean ki_67", "variables.ki67"]);
}

#[test]
fn an_unknown_level() {
    let study = Study::copy().cell(5, "tstage", "SECRET");
    study.is_refused_with(&["column tstage", "line 5", "T1, T2, T3, T4, Tx"]);
    assert!(!study.refused().contains("SECRET"), "a patient's value is printed");
}

#[test]
fn text_in_a_number() {
    let study = Study::copy().cell(7, "age", "SECRET");
    study.is_refused_with(&["column age", "line 7", "text where a number is needed"]);
    assert!(!study.refused().contains("SECRET"), "a patient's value is printed");
}

#[test]
fn a_negative_time() {
    let study = Study::copy()
        .replace(
            "study.toml",
            "end = \"end_date\"",
            "time = { column = \"days\", unit = \"days\" }",
        )
        .cell(9, "days", "-3");
    study.is_refused_with(&["column days", "line 9", "negative time", "endpoint[0]"]);
}

#[test]
fn an_end_before_its_start() {
    let study = Study::copy().cell(4, "end_date", "1999-01-01");
    study.is_refused_with(&["column end_date", "line 4", "before", "start_date"]);
    assert!(!study.refused().contains("1999"), "a patient's value is printed");
}

#[test]
fn a_duplicate_id() {
    let study = Study::copy().cell(3, "id", "1");
    study.is_refused_with(&["column id", "lines 2 and 3", "same id"]);
}

#[test]
fn an_empty_arm() {
    let study = Study::copy().replace("study.toml", "age <= 80", "age <= 80 and rt == 0");
    study.is_refused_with(&["none of the 281 analysed patients", "rt = 1", "exposure.exposed"]);
}

#[test]
fn all_rows_excluded() {
    let study = Study::copy().replace("study.toml", "age >= 18", "age >= 180");
    study.is_refused_with(&["Age 18 to 80 years", "no patients", "eligibility[0]"]);
}

#[test]
fn an_unreadable_table() {
    let study = Study::copy().replace("study.toml", "cohort.csv", "elsewhere.csv");
    study.is_refused_with(&["could not read the patient table", "elsewhere.csv", "data.file"]);
    fs::write(study.path("elsewhere.csv"), [0xff, 0xfe, b'\n', 0x00]).unwrap();
    study.is_refused_with(&["UTF-8"]);
    fs::write(study.path("elsewhere.csv"), "").unwrap();
    study.is_refused_with(&["the file is empty"]);
}

#[test]
fn an_unreadable_study_file() {
    let output = equipoise(["run", "no/such/study.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("could not read no/such/study.toml"), "{words}");
}

#[test]
fn a_condition_that_cannot_be_read() {
    let study = Study::copy().replace("study.toml", "age >= 18", "age => 18");
    study.is_refused_with(&["at character 5", "eligibility[0].keep"]);
}

#[test]
fn several_faults_are_all_said() {
    let study = Study::copy().cell(7, "age", "SECRET").cell(5, "tstage", "SECRET");
    study.is_refused_with(&["column age", "column tstage", "2 problems found"]);
}

/// Time and covariate alike: whoever lacks a value is left out and counted.
#[test]
fn missing_values_follow_the_policy() {
    let study = Study::copy()
        .cell(2, "ki67", "")
        .cell(3, "end_date", "")
        .cell(4, "ki67", "NA")
        .cell(5, "age", "")
        .cell(6, "modality", "");
    let report = Report::of(&study.path("study.toml"), &[]);
    // Who lacks an age meets no criterion that asks for it.
    assert_eq!(report.value("study/all/flow/criterion_1/n_missing"), 1.0);
    assert_eq!(report.value("study/all/flow/complete/n"), 484.0);
    assert_eq!(report.value("study/all/flow/complete/n_missing"), 3.0);
    assert_eq!(report.value("study/all/missing/ki67/n_missing"), 2.0);
    // A modality that is not known leaves its patient out of the comparison of modalities alone.
    assert_eq!(report.value("study/all/missing/modality/n_missing"), 1.0);
    assert!(report.caveats().iter().any(|code| code == "missing_data"));
    let study = study.replace("study.toml", "complete_case", "refuse");
    study.is_refused_with(&["end_date", "missing.policy"]);
}

/// A folder that is no report is never touched; a report is replaced as a whole.
#[test]
fn the_folder_of_a_report() {
    let study = Study::copy();
    let out = study.path("report");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("letter.txt"), "mine").unwrap();
    fs::write(out.join("manifest.json"), "{\"name\": \"of another program\"}").unwrap();
    let run = || {
        let study = study.path("study.toml");
        let (study, out) = (study.to_str().unwrap(), out.to_str().unwrap());
        equipoise(["run", study, "--out", out, "--figures", "svg"])
    };
    let refused = run();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("not a report"));
    assert_eq!(fs::read_to_string(out.join("letter.txt")).unwrap(), "mine");
    fs::remove_dir_all(&out).unwrap();
    assert!(run().status.success());
    fs::write(out.join("figures/old.svg"), "").unwrap();
    assert!(run().status.success());
    assert!(!out.join("figures/old.svg").exists(), "an old file stayed");
}

#[test]
fn a_new_example_can_be_checked_and_run() {
    let folder = TempDir::new().unwrap();
    for name in ["her2", "rotterdam"] {
        let study = folder.path().join(name);
        let study = study.to_str().unwrap();
        assert!(equipoise(["new", study, "--example", name]).status.success());
        let check = equipoise(["check", study]);
        assert!(check.status.success());
        let words = String::from_utf8(check.stdout).unwrap();
        assert!(words.contains("the study can be run"), "{words}");
    }
    let weighted = folder.path().join("rotterdam/overlap.toml");
    assert!(equipoise(["check", weighted.to_str().unwrap()]).status.success());
}
