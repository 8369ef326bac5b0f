//! What it costs to spread replicates over worker processes: their time on processors, and how long they
//! had nothing to do.

use anyhow::{Context, Result, bail, ensure};
use bootstrap::{Plan, Replicates, Resampling};
use cohort::{Cohort, Column, EndpointColumns, Selection, Term};
use coordinator::Statistics;
use cox::CoxQuery;
use equipoise_bench::models::Patients;
use matching::{Caliper, CaliperScale, MatchQuery};
use pipeline::{BootstrapQuery, DesignQuery, RedesignQuery, Scope, ScoreQuery};
use propensity::{Discard, Level, LogisticQuery};
use service_kit::{Compute, Deadline, Pool, Settings};
use std::fs;
use std::io::{BufRead, BufReader};
use std::num::NonZeroUsize;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use weighting::ScoreScale;

const N_PATIENTS: usize = 488;
const N_COVARIATES: usize = 12;
const N_REPLICATES: u64 = 20_000;

/// Runs of each number of workers, in turn; the median of each time is printed.
const N_ROUNDS: usize = 9;

#[tokio::main]
async fn main() -> Result<()> {
    let program = std::env::args().nth(1).context("usage: bench-workers BOOTSTRAP-SERVICE")?;
    let (cohort, names) = patients();
    let workers = [Worker::start(&program)?, Worker::start(&program)?];
    let tasks = [("Cox model", cox_model(&names)), ("scope pipeline", whole_pipeline(&names))];
    println!("{N_COVARIATES} covariates, n = {N_PATIENTS}, B = {N_REPLICATES}");
    println!("| | workers | wall, ms | summed CPU, ms | idle, % |");
    println!("| --- | --- | --- | --- | --- |");
    for (name, query) in tasks {
        compare(name, &workers, &cohort, &query).await?;
    }
    Ok(())
}

/// Runs a bootstrap on one worker and on two, in turn.
async fn compare(
    name: &str,
    workers: &[Worker],
    cohort: &Arc<Cohort>,
    query: &BootstrapQuery,
) -> Result<()> {
    let mut runs = [Vec::new(), Vec::new()];
    let mut answers: Vec<Replicates> = Vec::new();
    // The first round warms up.
    for round in 0..=N_ROUNDS {
        for (n_workers, runs) in (1..).zip(&mut runs) {
            let (run, replicates) = measure(&workers[..n_workers], cohort, query).await?;
            if round > 0 {
                runs.push(run);
            }
            answers.push(replicates);
        }
    }
    ensure!(answers.windows(2).all(|pair| pair[0] == pair[1]), "the replicates differ");
    for (n_workers, runs) in (1..).zip(&runs) {
        let of = |value: fn(&Run) -> f64| median(runs.iter().map(value).collect());
        let (wall, cpu, idle) = (of(|run| run.wall), of(|run| run.cpu), of(|run| run.idle));
        println!("| {name} | {n_workers} | {wall:.0} | {cpu:.0} | {idle:.1} |");
    }
    let [one, two] = &runs;
    let ratios = one.iter().zip(two).map(|(one, two)| two.cpu / one.cpu).collect();
    println!("| | 2 / 1 | | {:.3} | |", median(ratios));
    Ok(())
}

/// One bootstrap. Times are in milliseconds.
struct Run {
    wall: f64,
    /// Time of all workers on processors.
    cpu: f64,
    /// Time in which the threads that compute had nothing to do, in per cent of this and the time that
    /// they ran. Time in which they waited for a processor is left aside.
    idle: f64,
}

async fn measure(
    workers: &[Worker],
    cohort: &Arc<Cohort>,
    query: &BootstrapQuery,
) -> Result<(Run, Replicates)> {
    let uris: Vec<&str> = workers.iter().map(|worker| worker.uri.as_str()).collect();
    let pool = Pool::connect(&uris.join(","))?;
    let all = || pool.clone();
    let statistics = Statistics::new(all(), all(), all(), all(), &Settings::default());
    let compute = Compute::new(NonZeroUsize::new(1), 1)?;
    let everybody = Selection::all(cohort);
    let times = || workers.iter().map(Worker::times).collect::<Result<Vec<Times>>>();
    let (before, begin) = (times()?, Instant::now());
    let asked = statistics.replicates(cohort, &everybody, query, &compute, Deadline::NONE).await?;
    let (wall, after) = (begin.elapsed(), times()?);
    let sum = |of: fn(&Times) -> Duration| -> f64 {
        let spent = before.iter().zip(&after).map(|(before, after)| of(after) - of(before));
        1000.0 * spent.sum::<Duration>().as_secs_f64()
    };
    let wall = 1000.0 * wall.as_secs_f64();
    let ran = sum(|times| times.compute);
    let had_nothing = wall * workers.len() as f64 - ran - sum(|times| times.compute_waits);
    let idle = 100.0 * had_nothing / (had_nothing + ran);
    Ok((Run { wall, cpu: sum(|times| times.all), idle }, asked))
}

/// A worker with one thread for computations.
struct Worker {
    process: Child,
    uri: String,
}

/// Times of a process so far.
struct Times {
    /// All threads on processors.
    all: Duration,
    /// The thread that computes, on a processor.
    compute: Duration,
    /// The same, ready but without a processor.
    compute_waits: Duration,
}

impl Worker {
    fn start(program: &str) -> Result<Self> {
        let mut process = Command::new(program)
            .args(["--threads", "1", "--listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {program}"))?;
        let stderr = process.stderr.take().context("the log of a worker")?;
        for line in BufReader::new(stderr).lines() {
            let line = line?;
            if let Some((_, rest)) = line.split_once("address=") {
                let address = rest.split_whitespace().next().unwrap_or(rest);
                return Ok(Self { process, uri: format!("http://{address}") });
            }
        }
        bail!("{program} does not say where it listens")
    }

    /// Reads `schedstat` of every thread: nanoseconds on a processor, and waiting for one.
    fn times(&self) -> Result<Times> {
        let mut times = [Duration::ZERO; 3];
        for thread in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let thread = thread?.path();
            let text = fs::read_to_string(thread.join("schedstat"))?;
            let spent: Vec<Duration> = text
                .split_whitespace()
                .map(|part| part.parse().map(Duration::from_nanos))
                .collect::<Result<_, _>>()?;
            times[0] += spent[0];
            if fs::read_to_string(thread.join("comm"))?.starts_with("compute") {
                times[1] += spent[0];
                times[2] += spent[1];
            }
        }
        let [all, compute, compute_waits] = times;
        Ok(Times { all, compute, compute_waits })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Patients with a treatment, and the covariates of both its score and the model.
fn patients() -> (Arc<Cohort>, Vec<String>) {
    let patients = Patients::draw(N_PATIENTS, N_COVARIATES);
    let flags =
        |flags: Vec<bool>| flags.into_iter().map(|flag| f64::from(u8::from(flag))).collect();
    let names: Vec<String> = (0..N_COVARIATES).map(|at| format!("x{at}")).collect();
    let treated = patients.treated.iter().map(|&treated| u32::from(treated)).collect();
    let mut columns = vec![
        Column::numeric("time", patients.time),
        Column::numeric("event", flags(patients.event)),
        Column::categorical("arm", ["control", "treated"].map(String::from).to_vec(), treated),
    ];
    columns.extend(names.iter().zip(patients.x).map(|(name, x)| Column::numeric(name, x)));
    (Arc::new(Cohort::new(None, columns).expect("the columns are valid")), names)
}

fn plan() -> Plan {
    Plan::new(1, N_REPLICATES, Resampling::WithReplacement).expect("a valid number")
}

/// A model of all covariates.
fn cox_model(names: &[String]) -> BootstrapQuery {
    let terms = names.iter().map(Term::linear).collect();
    let model = CoxQuery::new(EndpointColumns::new("time", "event"), terms);
    BootstrapQuery { cox: vec![model], ..BootstrapQuery::new(plan()) }
}

/// Score, matching, and the hazard ratio of the arms in those who are matched.
fn whole_pipeline(names: &[String]) -> BootstrapQuery {
    let outcome = Level { column: "arm".into(), level: "treated".into() };
    let score = ScoreQuery {
        model: LogisticQuery::new(outcome, names.iter().map(Term::linear).collect()),
        discard: Discard::None,
        scale: ScoreScale::Logit,
    };
    let design = DesignQuery::Matching(MatchQuery {
        caliper: Some(Caliper { width: 0.2, scale: CaliperScale::StandardDeviations }),
        ..MatchQuery::nearest("arm", "treated", "score")
    });
    let model = CoxQuery::new(EndpointColumns::new("time", "event"), vec![Term::factor("arm")]);
    BootstrapQuery {
        cox: vec![model],
        scope: Scope::Pipeline(Box::new(RedesignQuery { score: Some(score), design })),
        ..BootstrapQuery::new(plan())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
