//! `equipoise check`: what a run would find wrong, without running.

use crate::embed::{self, Coordinator};
use crate::inputs::Inputs;
use crate::problem::Problem;
use crate::run::{chunks, runtime};
use service_kit::{Failure, Settings};
use std::path::PathBuf;
use std::sync::Arc;
use wire::pb::study as pb;
use wire::pb::study::check_study_request::Piece;

/// Arguments of `check`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The study file, or the folder in which it is called study.toml.
    study: PathBuf,
    /// Check on a deployment instead of in this process, such as http://coordinator:50051.
    #[arg(long, value_name = "URL")]
    coordinator: Option<String>,
}

pub(crate) fn check(arguments: Arguments) -> Result<(), Problem> {
    let inputs = Inputs::read(&arguments.study)?;
    let settings = Settings::default();
    let answer = runtime()?.block_on(async {
        let coordinator = embed::coordinator(arguments.coordinator.as_deref(), &settings).await?;
        ask(coordinator, &inputs).await
    })?;
    println!("{}: the study can be run.", inputs.path);
    println!("{:>8}  patients in {}", answer.row_count, inputs.protocol.data.file);
    for step in &answer.steps {
        let missing = match step.missing_count {
            0 => String::new(),
            count => format!(", {count} of them for want of a value"),
        };
        println!(
            "{:>8}  {} ({} left out{missing})",
            step.left_count, step.label, step.excluded_count
        );
    }
    let exposure = &inputs.protocol.exposure;
    println!("{:>8}  {}", answer.exposed_count, exposure.exposed.label);
    println!("{:>8}  {}", answer.comparator_count, exposure.comparator.label);
    Ok(())
}

async fn ask(
    mut coordinator: Coordinator,
    inputs: &Inputs,
) -> Result<pb::CheckStudyResponse, Problem> {
    let study_file = chunks(Arc::new(inputs.text.clone().into_bytes())).map(Piece::StudyFile);
    let table = chunks(Arc::clone(&inputs.table)).map(Piece::Table);
    let pieces = study_file.chain(table).map(|piece| pb::CheckStudyRequest { piece: Some(piece) });
    let answer = coordinator.check_study(tokio_stream::iter(pieces)).await;
    answer
        .map(tonic::Response::into_inner)
        .map_err(|status| Problem::of_call(Failure::from(&status), &inputs.path, &inputs.text))
}
