//! The folder of a report: complete, or not there.

use crate::problem::Problem;
use coordinator::Manifest;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Component, Path, PathBuf};

/// A report that is being written beside its final place; dropped before it is finished, it
/// vanishes.
pub(crate) struct Output {
    folder: PathBuf,
    draft: PathBuf,
    /// Folders around the draft that it brought with it, the outermost first.
    made: Vec<PathBuf>,
}

/// What only the manifest of a report says; other programs have a file of that name too.
const MARK: &str = "\"schema\": \"equipoise-manifest/";

impl Output {
    /// Makes the draft. A folder that holds anything but a report is not touched.
    pub(crate) fn begin(folder: &Path) -> Result<Self, Problem> {
        refuse_file(folder)?;
        let is_empty =
            |folder: &Path| fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
        if folder.exists() && !is_report(folder) && !is_empty(folder) {
            return Err(Problem::Input(format!(
                "{} exists and is not a report of an earlier run; choose another --out",
                folder.display()
            )));
        }
        let name = folder.file_name().ok_or_else(|| {
            Problem::Input(format!("{} cannot be the folder of a report", folder.display()))
        })?;
        let draft_name = format!(".{}.draft-{}", name.to_string_lossy(), std::process::id());
        let draft = folder.with_file_name(draft_name);
        let is_new = |parent: &&Path| !parent.as_os_str().is_empty() && !parent.exists();
        let mut made: Vec<PathBuf> =
            draft.ancestors().skip(1).take_while(is_new).map(Path::to_path_buf).collect();
        made.reverse();
        fs::create_dir_all(&draft).map_err(|error| Problem::file("make", &draft, &error))?;
        Ok(Self { folder: folder.to_path_buf(), draft, made })
    }

    /// Appends to a file of the report.
    pub(crate) fn append(&self, path: &str, bytes: &[u8]) -> Result<(), Problem> {
        let path = place(&self.draft, path)?;
        let failed =
            |error| Problem::Failed(format!("could not write {}: {error}", path.display()));
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
        file.write_all(bytes).map_err(failed)
    }

    /// Whether a file of the report has been written.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.draft.join(path).exists()
    }

    /// Puts the report in its place.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        let failed =
            |error| Problem::Failed(format!("could not write {}: {error}", self.folder.display()));
        // The earlier report steps aside first, so that at every moment one of them is complete.
        let aside = self.draft.with_extension(format!("old-{}", std::process::id()));
        if self.folder.exists() {
            fs::rename(&self.folder, &aside).map_err(failed)?;
        }
        fs::rename(&self.draft, &self.folder).map_err(failed)?;
        if aside.exists() {
            fs::remove_dir_all(&aside).map_err(failed)?;
        }
        Ok(())
    }
}

/// Whether a folder is a report.
fn is_report(folder: &Path) -> bool {
    fs::read_to_string(folder.join(Manifest::PATH)).is_ok_and(|text| text.contains(MARK))
}

/// The manifest of a folder, into which files of a result will be written; absent if it is no report.
/// What is the report of another study, or of another version of its manifest, is not touched.
pub(crate) fn manifest(folder: &Path, report_json: &[u8]) -> Result<Option<Manifest>, Problem> {
    if !is_report(folder) {
        return Ok(None);
    }
    let path = folder.join(Manifest::PATH);
    let bytes = fs::read(&path).map_err(|error| Problem::file("read", &path, &error))?;
    let refused =
        |what| Problem::Input(format!("{} is {what}; choose another --out", path.display()));
    let manifest = Manifest::read(&bytes)
        .ok_or_else(|| refused("the manifest of another version of equipoise"))?;
    match manifest.is_of(report_json) {
        true => Ok(Some(manifest)),
        false => Err(refused("that of a report of other data, or of another study file")),
    }
}

/// Makes sure that files can be written into a folder, which need not exist yet.
pub(crate) fn can_be_written(folder: &Path) -> Result<(), Problem> {
    refuse_file(folder)?;
    let here = |folder: &&Path| folder.as_os_str().is_empty() || folder.exists();
    let known = folder.ancestors().find(here).unwrap_or(folder);
    refuse_file(known)?;
    let trial = known.join(format!(".equipoise.draft-{}", std::process::id()));
    fs::write(&trial, "")
        .and_then(|()| fs::remove_file(&trial))
        .map_err(|error| Problem::Input(format!("could not write into {}: {error}", shown(known))))
}

fn refuse_file(folder: &Path) -> Result<(), Problem> {
    match folder.is_file() {
        true => Err(Problem::Input(format!("{} is a file, not a folder", folder.display()))),
        false => Ok(()),
    }
}

/// The path of a folder in words; that of the current one is empty.
fn shown(folder: &Path) -> String {
    let text = folder.display().to_string();
    if text.is_empty() { "the current folder".into() } else { text }
}

/// Writes a file of a report into a folder, complete or not at all, and says where it is.
pub(crate) fn write_into(folder: &Path, path: &str, bytes: &[u8]) -> Result<PathBuf, Problem> {
    let path = place(folder, path)?;
    let failed = |error| Problem::Failed(format!("could not write {}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.draft-{}", std::process::id()));
    fs::write(&draft, bytes).and_then(|()| fs::rename(&draft, &path)).map_err(|error| {
        // What is left of it is of no use; that it cannot be removed is no further news.
        let _ = fs::remove_file(&draft);
        failed(error)
    })?;
    Ok(path)
}

/// Where a file of a report lies. A coordinator elsewhere must not choose where on this disk it
/// writes.
fn place(folder: &Path, path: &str) -> Result<PathBuf, Problem> {
    let relative = Path::new(path);
    if relative.components().all(|part| matches!(part, Component::Normal(_))) {
        Ok(folder.join(relative))
    } else {
        Err(Problem::Failed("the coordinator sent a file outside the report".into()))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // After `finish` there is nothing left to remove.
        let _ = fs::remove_dir_all(&self.draft);
        // A folder that holds a report, or anything else by now, is not empty and stays.
        for folder in self.made.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}
