//! Regression models on the patients of the benches, one task at a time as it is told:
//!   bench-models N P write FOLDER      writes the columns as numbers of eight bytes
//!   bench-models N P                   reads tasks, one a line: the name and how often to repeat it
//! Answers a line: CPU seconds of one repetition, then the estimates and standard errors.

use anyhow::{Context, bail};
use cox::{CoxExtras, CoxOptions, PreparedCox};
use equipoise_bench::models::{Patients, Study};
use rustix::time::{ClockId, clock_gettime};
use std::path::Path;
use std::{fs, io};

/// That of the programs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = "usage: bench-models N P [write FOLDER]";
    let [n, p, rest @ ..] = arguments.as_slice() else { bail!(usage) };
    let patients = Patients::draw(n.parse().context("N")?, p.parse().context("P")?);
    match rest {
        [] => rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()?
            .install(|| serve(&Study::new(patients))),
        [verb, folder] if verb == "write" => write(&patients, Path::new(folder)),
        _ => bail!(usage),
    }
}

fn write(patients: &Patients, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let column = |name: &str, values: &mut dyn Iterator<Item = f64>| {
        let bytes: Vec<u8> = values.flat_map(f64::to_le_bytes).collect();
        fs::write(folder.join(name), bytes)
    };
    let number = |bit: &bool| f64::from(u8::from(*bit));
    column("entry", &mut patients.entry.iter().copied())?;
    column("time", &mut patients.time.iter().copied())?;
    column("event", &mut patients.event.iter().map(number))?;
    column("treated", &mut patients.treated.iter().map(number))?;
    column("x", &mut patients.x.iter().flatten().copied())?;
    Ok(())
}

fn serve(study: &Study) -> anyhow::Result<()> {
    let prepared = [false, true].map(|is_late| study.prepared(is_late));
    for line in io::stdin().lines() {
        let line = line?;
        let (task, repetitions) = line.rsplit_once(' ').context("a task and its repetitions")?;
        let repetitions: u32 = repetitions.parse()?;
        let begin = cpu_seconds();
        let mut answers = Vec::new();
        for _ in 0..repetitions {
            answers = answer(study, &prepared, task)?;
        }
        let seconds = (cpu_seconds() - begin) / f64::from(repetitions);
        let answers: Vec<String> = answers.iter().map(f64::to_string).collect();
        println!("{seconds} {}", answers.join(" "));
    }
    Ok(())
}

fn answer(study: &Study, prepared: &[PreparedCox; 2], task: &str) -> anyhow::Result<Vec<f64>> {
    let cox = |fit: &cox::CoxFit| -> Vec<f64> {
        let estimates = fit.coefficients.iter().map(|line| line.estimate);
        let errors = fit.coefficients.iter().map(|line| line.standard_error);
        estimates.chain(errors).flatten().collect()
    };
    let again = |prepared: &PreparedCox| {
        cox(&prepared
            .fit(&CoxOptions::default(), CoxExtras::default())
            .expect("some have the event"))
    };
    Ok(match task {
        "cox cold" => cox(&study.cox(false)),
        "cox sorted" => cox(&study.cox_sorted(false)),
        "cox prepared" => again(&prepared[0]),
        "start-stop prepared" => again(&prepared[1]),
        "cox query" => cox(&study.ask_cox(false)),
        "start-stop cold" => cox(&study.cox(true)),
        "start-stop sorted" => cox(&study.cox_sorted(true)),
        "start-stop query" => cox(&study.ask_cox(true)),
        "screen query" => study.screen().iter().flat_map(cox).collect(),
        "replicates cold" => study.replicates(false),
        "replicates late" => study.replicates(true),
        "logistic cold" => {
            let fit = study.logistic();
            let estimates = fit.coefficients.iter().map(|line| line.estimate);
            let errors = fit.coefficients.iter().map(|line| line.standard_error);
            estimates.chain(errors).flatten().collect()
        }
        _ => bail!("no task {task}"),
    })
}

/// Time that this thread has spent on a processor, so that other work on the machine counts little.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
