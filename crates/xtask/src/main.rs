//! The program `xtask`.

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use std::fs;
use xtask::validate::{SEED, Settings, Subject};

/// Tasks for those who develop the workspace.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Print how intervals and tests behave over simulated cohorts, as VALIDATION.md of the crate
    Validate {
        /// What is validated
        subject: Subject,
        /// Compute a few rows anew instead, and compare them with that file
        #[arg(long)]
        check: bool,
        /// Seed of the simulations
        #[arg(long, default_value_t = SEED, conflicts_with = "check")]
        seed: u64,
        /// Cohorts per row [default: as many as the committed report has]
        #[arg(long, conflicts_with = "check")]
        cohorts: Option<u32>,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Validate { subject, check: true, .. } => check(subject),
        Task::Validate { subject, check: false, seed, cohorts } => {
            let cohorts = cohorts.unwrap_or(subject.settings().cohorts);
            print!("{}", subject.report(&Settings { seed, cohorts }));
            Ok(())
        }
    }
}

fn check(subject: Subject) -> anyhow::Result<()> {
    let path = subject.committed();
    let committed = fs::read_to_string(path).with_context(|| format!("could not read {path}"))?;
    let missing = subject.rows_missing_from(&committed);
    if missing.is_empty() {
        println!("the rows computed anew are those of {path}");
        return Ok(());
    }
    bail!("these rows are not in {path}:\n{}", missing.join("\n"))
}
