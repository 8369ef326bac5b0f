//! The command `equipoise`.
//!
//! A library with one function, so that the tests of the whole can build the same program.

mod check;
mod embed;
mod examples;
mod inputs;
mod output;
mod problem;
mod progress;
mod run;
mod serve;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// From a patient table to the study report.
#[derive(Parser)]
#[command(
    name = "equipoise",
    version,
    after_help = "Exit codes: 0 done; 1 something failed that is not your input (a service, a disk); \
                  2 wrong input: the command line, the study file or the patient table."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a study and write its report.
    Run(run::Arguments),
    /// Hold a study file against its patient table without running anything.
    Check(check::Arguments),
    /// Make a folder with an example study to start from.
    New {
        /// Folder to make.
        folder: PathBuf,
        /// Which example.
        #[arg(long, value_enum, default_value_t = examples::Example::Her2)]
        example: examples::Example,
    },
    /// Print the JSON Schema of report.json.
    Schema,
    /// Serve the services over gRPC.
    Serve(Box<serve::Arguments>),
}

/// Does what the command line of this process asks for.
#[must_use]
pub fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(arguments) => run::run(arguments),
        Command::Check(arguments) => check::check(arguments),
        Command::New { folder, example } => examples::create(&folder, example),
        Command::Schema => {
            print!("{}", study::result::json_schema());
            Ok(())
        }
        Command::Serve(arguments) => return serve::serve(*arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => problem.report(),
    }
}
