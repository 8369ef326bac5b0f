//! `equipoise run`: a study from its files to the folder of its report.

use crate::embed::{self, Coordinator};
use crate::inputs::Inputs;
use crate::output::Output;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::wanted::{Format, WantedArguments};
use service_kit::{Failure, Settings};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Runtime;
use wire::pb::study as pb;
use wire::pb::study::run_study_request::Piece;
use wire::pb::study::run_study_response::Piece as Answer;

/// Bytes of a piece of a file on its way to the coordinator.
const CHUNK_BYTES: usize = 1 << 20;

/// What is written beside report.json unless something else is asked for.
const USUAL_FORMATS: [Format; 3] = [Format::Html, Format::Csv, Format::Figures];

/// What a person opens.
const PAGE: &str = "report.html";

/// Arguments of `run`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The study file, or the folder in which it is called study.toml.
    study: PathBuf,
    /// Folder of the report [default: out/ and the id of the study]. A report that is there is
    /// replaced as a whole, once the new one is complete.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Run on a deployment instead of in this process, such as http://coordinator:50051.
    #[arg(long, value_name = "URL")]
    coordinator: Option<String>,
    /// Threads for computations in this process; the report does not depend on it [default: the
    /// CPUs that this process may use].
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    #[command(flatten)]
    wanted: WantedArguments,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Problem> {
    let inputs = Inputs::read(&arguments.study)?;
    let folder =
        arguments.out.unwrap_or_else(|| PathBuf::from("out").join(&inputs.protocol.study.id));
    let mut output = Output::begin(&folder)?;
    let settings = Settings { threads: arguments.threads, ..Settings::default() };
    let wanted = arguments.wanted.message(&USUAL_FORMATS);
    runtime()?.block_on(async {
        let coordinator = embed::coordinator(arguments.coordinator.as_deref(), &settings).await?;
        // Waiting for the signal keeps it from ending the process before the draft is removed.
        tokio::select! {
            outcome = receive(coordinator, &inputs, wanted, &mut output) => outcome,
            _ = tokio::signal::ctrl_c() => {
                Err(Problem::Failed("interrupted; nothing was written".into()))
            }
        }
    })?;
    let page = if output.has(PAGE) { folder.join(PAGE) } else { folder };
    output.finish()?;
    println!("{}", page.display());
    Ok(())
}

/// Sends the study and writes what comes back.
async fn receive(
    mut coordinator: Coordinator,
    inputs: &Inputs,
    wanted: pb::ReportFiles,
    output: &mut Output,
) -> Result<(), Problem> {
    let failed = |status: tonic::Status| {
        Problem::of_call(Failure::from(&status), &inputs.path, &inputs.text)
    };
    let study_file = chunks(Arc::new(inputs.text.clone().into_bytes())).map(Piece::StudyFile);
    let table = chunks(Arc::clone(&inputs.table)).map(Piece::Table);
    let pieces = std::iter::once(Piece::Files(wanted)).chain(study_file).chain(table);
    let pieces = pieces.map(|piece| pb::RunStudyRequest { piece: Some(piece) });
    let mut progress = Progress::new();
    let mut answers =
        coordinator.run_study(tokio_stream::iter(pieces)).await.map_err(failed)?.into_inner();
    let mut is_complete = false;
    while let Some(answer) = answers.message().await.map_err(failed)? {
        match answer.piece {
            Some(Answer::Progress(step)) => progress.show(&step),
            Some(Answer::File(chunk)) => output.append(&chunk.path, &chunk.data)?,
            Some(Answer::Summary(_)) => is_complete = true,
            None => {}
        }
    }
    progress.finish();
    if is_complete {
        Ok(())
    } else {
        Err(Problem::Failed(
            "the coordinator ended the study before its report was complete".into(),
        ))
    }
}

/// The pieces in which bytes are sent, each made when its turn comes.
pub(crate) fn chunks(bytes: Arc<Vec<u8>>) -> impl Iterator<Item = Vec<u8>> + Send + 'static {
    (0..bytes.len()).step_by(CHUNK_BYTES).map(move |begin| {
        let end = bytes.len().min(begin + CHUNK_BYTES);
        bytes[begin..end].to_vec()
    })
}

pub(crate) fn runtime() -> Result<Runtime, Problem> {
    service_kit::quiet_panics();
    Runtime::new().map_err(|error| Problem::Failed(format!("could not start: {error}")))
}
