//! Runs the program and reads what it wrote.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_equipoise-under-test");

/// The folder of an example study.
pub fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("studies").join(name)
}

/// What examples without a bootstrap get.
const BOOTSTRAP: &str =
    "\n[bootstrap]\nscopes = [\"outcome\", \"pipeline\"]\nreplicates = 60\nstrata = [\"hormon\"]\n";

/// A copy of an example with a bootstrap of few replicates, for tests of what does not depend on their number.
pub fn with_few_replicates(name: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    for entry in std::fs::read_dir(example(name)).unwrap() {
        let path = entry.unwrap().path();
        let copy = folder.path().join(path.file_name().unwrap());
        if path.extension().is_some_and(|ending| ending == "toml") {
            let study = std::fs::read_to_string(&path).unwrap();
            let mut study = study.replace("replicates = 2000", "replicates = 60");
            if !study.contains("[bootstrap]") {
                study.push_str(BOOTSTRAP);
            }
            std::fs::write(copy, study).unwrap();
        } else {
            std::fs::copy(&path, copy).unwrap();
        }
    }
    folder
}

/// Runs the program.
pub fn equipoise<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    Command::new(PROGRAM).args(arguments).output().expect("the program starts")
}

/// A report that was written into a folder of its own.
pub struct Report {
    folder: TempDir,
    quantities: BTreeMap<String, Value>,
}

impl Report {
    /// Runs a study with further arguments; fails the test with the program's own words.
    pub fn of(study: &Path, arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let out = folder.path().join("report");
        let mut all = vec!["run", study.to_str().unwrap(), "--out", out.to_str().unwrap()];
        all.extend(arguments);
        // Pictures take seconds in a program that is not optimised.
        if !arguments.contains(&"--figures") {
            all.extend(["--figures", "svg"]);
        }
        let output = equipoise(all);
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words}");
        let mut report = Self { folder, quantities: BTreeMap::new() };
        for quantity in report.json()["quantities"].as_array().unwrap() {
            let id = quantity["id"].as_str().unwrap().to_string();
            assert!(report.quantities.insert(id, quantity.clone()).is_none(), "{}", quantity["id"]);
        }
        report
    }

    /// Where it lies.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("report")
    }

    /// A file of the report.
    pub fn bytes(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.folder().join(path)).expect(path)
    }

    /// The words of the page, without its markup.
    pub fn page(&self) -> String {
        let html = self.text("report.html");
        html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect()
    }

    /// A file of the report as text.
    pub fn text(&self, path: &str) -> String {
        String::from_utf8(self.bytes(path)).expect(path)
    }

    /// Names of the files of a folder of the report that have an ending.
    pub fn files(&self, folder: &str, ending: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder().join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(&format!(".{ending}"))).collect()
    }

    /// `report.json`.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes("report.json")).unwrap()
    }

    fn quantity(&self, id: &str) -> &Value {
        self.quantities.get(id).unwrap_or_else(|| panic!("there is no quantity {id}"))
    }

    /// The number of a quantity.
    pub fn value(&self, id: &str) -> f64 {
        let quantity = self.quantity(id);
        quantity["value"].as_f64().unwrap_or_else(|| panic!("{id} has no value: {quantity}"))
    }

    /// The number of a quantity, or nothing if it is not estimable.
    pub fn estimate(&self, id: &str) -> Option<f64> {
        self.quantity(id)["value"].as_f64()
    }

    /// The limits of a quantity, as far as they exist.
    pub fn limits(&self, id: &str) -> [Option<f64>; 2] {
        let interval = &self.quantity(id)["interval"];
        assert!(interval.is_object(), "{id} has no interval");
        [interval["lower"].as_f64(), interval["upper"].as_f64()]
    }

    /// A number with its limits, rounded as a paper prints them: `51.7 (48.8-63.8)`.
    pub fn printed(&self, id: &str, decimals: usize) -> String {
        let [lower, upper] = self.limits(id).map(|limit| limit.expect(id));
        format!("{:.decimals$} ({lower:.decimals$}-{upper:.decimals$})", self.value(id))
    }

    /// Codes of the doubts about the study as a whole.
    pub fn caveats(&self) -> Vec<String> {
        let json = self.json();
        let caveats = json["caveats"].as_array().unwrap().iter();
        caveats.map(|caveat| caveat["code"].as_str().unwrap().to_string()).collect()
    }
}
