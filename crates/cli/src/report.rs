//! `equipoise report`: the report of a finished study once more, from its `report.json`.

use crate::embed;
use crate::figures::{self, FigureArguments};
use crate::output::write_into;
use crate::problem::Problem;
use crate::run::{chunks, runtime};
use clap::ValueEnum;
use report::ReportFile;
use service_kit::{Failure, Settings};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use study::StudyResult;
use wire::pb::study as pb;

/// Arguments of `report`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder of a report, or its report.json.
    report: PathBuf,
    /// What to write; may be given several times.
    #[arg(long = "format", value_enum, value_name = "FORMAT", num_args = 1.., default_value = "html")]
    formats: Vec<Format>,
    /// Folder to write into [default: that of report.json]. Files of the same name are replaced, all
    /// others stay.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Render on a deployment instead of in this process, such as http://coordinator:50051.
    #[arg(long, value_name = "URL")]
    coordinator: Option<String>,
    #[command(flatten)]
    figures: FigureArguments,
}

/// Ways to print a report.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
enum Format {
    /// One page that needs no other file.
    Html,
    /// Every table, and all numbers unrounded.
    Csv,
    /// report.json in its canonical bytes.
    Json,
    /// Every figure.
    Figures,
    /// A Word document that can be edited; figures are pictures of 300 dpi. Made in this process.
    Docx,
}

impl Format {
    /// What the coordinator is asked for. It has neither fonts nor a rasteriser, so that a Word
    /// document is made here of the report.json that it has checked.
    fn message(self) -> pb::ReportFormat {
        match self {
            Self::Html => pb::ReportFormat::Html,
            Self::Csv => pb::ReportFormat::Csv,
            Self::Json | Self::Docx => pb::ReportFormat::Json,
            Self::Figures => pb::ReportFormat::Figures,
        }
    }
}

pub(crate) fn report(arguments: Arguments) -> Result<(), Problem> {
    let path = match arguments.report.is_dir() {
        true => arguments.report.join("report.json"),
        false => arguments.report,
    };
    let json = fs::read(&path).map_err(|error| Problem::file("read", &path, &error))?;
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let folder = arguments.out.unwrap_or(folder);
    let mut formats = arguments.formats;
    formats.sort_unstable();
    formats.dedup();
    let coordinator = arguments.coordinator.as_deref();
    let mut files = runtime()?.block_on(render(json, &formats, coordinator))?;
    if formats.contains(&Format::Docx) {
        let file = docx(files.get("report.json").map_or(&[], Vec::as_slice))?;
        files.insert(file.path, file.bytes);
    }
    if !formats.contains(&Format::Json) {
        files.remove("report.json");
    }
    let mut drawings = Vec::new();
    for (path, bytes) in &files {
        let written = write_into(&folder, path, bytes)?;
        println!("{}", written.display());
        drawings.extend(path.ends_with(".svg").then_some(written));
    }
    figures::write(&arguments.figures, None, &drawings)
}

/// The Word document of a result.
fn docx(json: &[u8]) -> Result<ReportFile, Problem> {
    let result: StudyResult = serde_json::from_slice(json)
        .map_err(|error| Problem::Failed(format!("could not read report.json: {error}")))?;
    report_docx::file(&report::document(&result))
        .map_err(|error| Problem::Failed(format!("could not write report.docx: {error}")))
}

/// The files by their paths.
async fn render(
    json: Vec<u8>,
    formats: &[Format],
    coordinator: Option<&str>,
) -> Result<BTreeMap<String, Vec<u8>>, Problem> {
    let mut coordinator = embed::coordinator(coordinator, &Settings::default()).await?;
    let mut formats: Vec<i32> = formats.iter().map(|format| format.message().into()).collect();
    formats.sort_unstable();
    formats.dedup();
    let first = pb::RenderReportRequest { formats, report_json: Vec::new() };
    let bytes = chunks(Arc::new(json));
    let rest =
        bytes.map(|report_json| pb::RenderReportRequest { report_json, ..Default::default() });
    let pieces = tokio_stream::iter(std::iter::once(first).chain(rest));
    let failed = |status: tonic::Status| {
        let failure = Failure::from(&status);
        match failure.violations.first() {
            Some(fault) => Problem::Input(format!("{} {}", fault.field, fault.description)),
            None => Problem::of_call(failure, "", ""),
        }
    };
    let answers = coordinator.render_report(pieces).await.map_err(failed)?;
    let mut answers = answers.into_inner();
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    while let Some(answer) = answers.message().await.map_err(failed)? {
        if let Some(chunk) = answer.file {
            files.entry(chunk.path).or_default().extend(chunk.data);
        }
    }
    Ok(files)
}
