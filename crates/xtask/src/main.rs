//! The program `xtask`.

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use std::fs;
use xtask::validate::{self, Settings};

/// Tasks for those who develop the workspace.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Print how intervals and tests behave over simulated cohorts, as crates/survival/VALIDATION.md
    Validate {
        /// Compute a few rows anew instead, and compare them with that file
        #[arg(long)]
        check: bool,
        /// Seed of the simulations
        #[arg(long, default_value_t = Settings::default().seed, conflicts_with = "check")]
        seed: u64,
        /// Cohorts per row
        #[arg(long, default_value_t = Settings::default().cohorts, conflicts_with = "check")]
        cohorts: u32,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Validate { check: true, .. } => check(),
        Task::Validate { check: false, seed, cohorts } => {
            print!("{}", validate::report(&Settings { seed, cohorts }));
            Ok(())
        }
    }
}

fn check() -> anyhow::Result<()> {
    let committed = fs::read_to_string(validate::COMMITTED)
        .with_context(|| format!("could not read {}", validate::COMMITTED))?;
    let missing = validate::rows_missing_from(&committed);
    if missing.is_empty() {
        println!("the rows computed anew are those of {}", validate::COMMITTED);
        return Ok(());
    }
    bail!("these rows are not in {}:\n{}", validate::COMMITTED, missing.join("\n"))
}
