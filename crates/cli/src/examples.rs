//! `equipoise new`: an example study to start from.

use crate::problem::Problem;
use std::fs;
use std::path::Path;

/// The examples that come with the program.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Example {
    /// HER2-positive metastatic breast cancer with or without radiotherapy; the patients are
    /// synthetic.
    Her2,
    /// Hormonal treatment of primary breast cancer, Rotterdam tumour bank; real, published data.
    Rotterdam,
}

impl Example {
    /// Study files and table, each with its name.
    fn files(self) -> &'static [(&'static str, &'static [u8])] {
        match self {
            Self::Her2 => &[
                ("study.toml", include_bytes!("../../../tests/studies/her2/study.toml")),
                ("cohort.csv", include_bytes!("../../../tests/studies/her2/cohort.csv")),
            ],
            Self::Rotterdam => &[
                ("study.toml", include_bytes!("../../../tests/studies/rotterdam/study.toml")),
                ("overlap.toml", include_bytes!("../../../tests/studies/rotterdam/overlap.toml")),
                ("rotterdam.csv", include_bytes!("../../../tests/studies/rotterdam/rotterdam.csv")),
            ],
        }
    }
}

/// Makes a folder with the files of an example; a folder that exists is not touched.
pub(crate) fn create(folder: &Path, example: Example) -> Result<(), Problem> {
    if folder.exists() {
        return Err(Problem::Input(format!(
            "{} exists already; choose a new folder",
            folder.display()
        )));
    }
    fs::create_dir_all(folder).map_err(|error| Problem::file("make", folder, &error))?;
    for (name, content) in example.files() {
        let path = folder.join(name);
        fs::write(&path, content).map_err(|error| Problem::file("write", &path, &error))?;
    }
    println!("{0} is ready: equipoise run {0}", folder.display());
    Ok(())
}
