//! `equipoise report`: the report of a finished study once more, from its `report.json`.

use crate::embed;
use crate::output::{can_be_written, manifest, write_into};
use crate::problem::Problem;
use crate::run::{chunks, runtime};
use crate::wanted::{Format, WantedArguments};
use coordinator::Manifest;
use service_kit::{Failure, Settings};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wire::pb::study as pb;

/// Arguments of `report`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder of a report, or its report.json.
    report: PathBuf,
    /// Folder to write into [default: that of report.json]. Files of the same name are replaced, all
    /// others stay; the manifest of a report is brought up to date.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Render on a deployment instead of in this process, such as http://coordinator:50051.
    #[arg(long, value_name = "URL")]
    coordinator: Option<String>,
    #[command(flatten)]
    wanted: WantedArguments,
}

pub(crate) fn report(arguments: Arguments) -> Result<(), Problem> {
    let path = match arguments.report.is_dir() {
        true => arguments.report.join("report.json"),
        false => arguments.report,
    };
    let json = fs::read(&path).map_err(|error| Problem::file("read", &path, &error))?;
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let folder = arguments.out.unwrap_or(folder);
    can_be_written(&folder)?;
    let mut manifest = manifest(&folder, &json)?;
    let wanted = arguments.wanted.message(&[Format::Html]);
    let files =
        runtime()?.block_on(render(&path, json, wanted, arguments.coordinator.as_deref()))?;
    for (path, bytes) in &files {
        println!("{}", write_into(&folder, path, bytes)?.display());
        if let Some(manifest) = &mut manifest {
            manifest.note(path, bytes);
        }
    }
    if let Some(manifest) = manifest {
        write_into(&folder, Manifest::PATH, &manifest.bytes())?;
    }
    Ok(())
}

/// The files by their paths. Faults of `report.json` name its file.
async fn render(
    source: &Path,
    json: Vec<u8>,
    wanted: pb::ReportFiles,
    coordinator: Option<&str>,
) -> Result<BTreeMap<String, Vec<u8>>, Problem> {
    let mut coordinator = embed::coordinator(coordinator, &Settings::default()).await?;
    let pb::ReportFiles { formats, figure_dpi } = wanted;
    let first = pb::RenderReportRequest { formats, figure_dpi, report_json: Vec::new() };
    let bytes = chunks(Arc::new(json));
    let rest =
        bytes.map(|report_json| pb::RenderReportRequest { report_json, ..Default::default() });
    let pieces = tokio_stream::iter(std::iter::once(first).chain(rest));
    let failed = |status: tonic::Status| {
        let failure = Failure::from(&status);
        match failure.violations.first() {
            Some(fault) if fault.field == "report_json" => {
                Problem::Input(format!("{} {}", source.display(), fault.description))
            }
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
