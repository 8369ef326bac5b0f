//! `equipoise load`: a load test with the calls of a study.

use crate::inputs::Inputs;
use crate::problem::Problem;
use crate::run::runtime;
use load::{Arguments, LoadPlan, LoadReport, Requests, RequestsError};
use service_kit::Violation;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) fn load(arguments: &Arguments) -> Result<(), Problem> {
    let inputs = Inputs::read(&arguments.study)?;
    let requests =
        Requests::of_study(inputs.text.as_bytes(), &inputs.table, arguments.replicates())
            .map_err(|error| problem(error, &inputs))?;
    if let Some(folder) = &arguments.write_requests {
        return write(&requests, folder);
    }
    let report = runtime()?.block_on(measure(&arguments.plan(), &requests))?;
    show(&report, arguments.json.as_deref())?;
    if !report.has_answers() {
        return Err(Problem::Failed("no call was answered, or answers differ".into()));
    }
    if !report.is_complete {
        return Err(Problem::Failed("interrupted".into()));
    }
    if arguments.require_sustained && !report.is_sustained() {
        return Err(Problem::Failed("not every step was sustained".into()));
    }
    Ok(())
}

/// Runs the steps, each of which is told on standard error when it is over.
async fn measure(plan: &LoadPlan, requests: &Requests) -> Result<LoadReport, Problem> {
    let stop = Arc::new(AtomicBool::new(false));
    let on_signal = Arc::clone(&stop);
    tokio::spawn(async move {
        // Without signals the test runs to its end.
        if tokio::signal::ctrl_c().await.is_ok() {
            on_signal.store(true, Ordering::Relaxed);
        }
    });
    let progress = |step: &load::StepReport| eprint!("{}", load::line(step));
    let report = load::run(plan, requests, stop, progress).await;
    report.map_err(|error| Problem::Input(error.to_string()))
}

fn show(report: &LoadReport, json: Option<&Path>) -> Result<(), Problem> {
    match json {
        Some(path) if path == Path::new("-") => print!("{}", report.json()),
        Some(path) => {
            fs::write(path, report.json()).map_err(|error| Problem::file("write", path, &error))?;
            print!("{}", load::text(report));
        }
        None => print!("{}", load::text(report)),
    }
    Ok(())
}

fn write(requests: &Requests, folder: &Path) -> Result<(), Problem> {
    if folder.exists() {
        let folder = folder.display();
        return Err(Problem::Input(format!("{folder} exists already; choose a new folder")));
    }
    load::write_requests(requests, folder)
        .map_err(|error| Problem::file("write", folder, &error))?;
    println!("{} requests are in {}", requests.all().count(), folder.display());
    Ok(())
}

fn problem(error: RequestsError, inputs: &Inputs) -> Problem {
    match error {
        RequestsError::Study(violations) => Problem::Study {
            path: inputs.path.clone(),
            text: inputs.text.clone(),
            n_omitted: 0,
            violations: violations
                .into_iter()
                .map(|one| Violation { field: one.path, description: one.message })
                .collect(),
        },
        error => Problem::Input(error.to_string()),
    }
}
