//! The command `equipoise`.
//!
//! A library with one function, so that the tests of the whole can build the same program.

mod check;
mod embed;
mod examples;
mod inputs;
mod load;
mod output;
mod problem;
mod progress;
mod report;
mod run;
mod serve;
mod wanted;

use clap::{Parser, Subcommand, ValueEnum};
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
    /// Write the report of a finished study again, also in other formats; nothing is computed.
    Report(report::Arguments),
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
    /// Print the JSON Schema of report.json, or of the report of a load test.
    Schema {
        /// Of which file.
        #[arg(value_enum, default_value_t = Schema::Report)]
        of: Schema,
    },
    /// Serve the services over gRPC.
    Serve(Box<serve::Arguments>),
    /// Send the calls of a study to running services at a chosen rate, and measure what comes of it.
    Load(Box<::load::Arguments>),
}

/// The results that have a schema.
#[derive(Clone, Copy, ValueEnum)]
enum Schema {
    /// The result of a study.
    Report,
    /// The result of a load test.
    Load,
}

impl Schema {
    fn text(self) -> String {
        match self {
            Self::Report => study::result::json_schema(),
            Self::Load => ::load::json_schema(),
        }
    }
}

/// Does what the command line of this process asks for.
#[must_use]
pub fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(arguments) => run::run(arguments),
        Command::Report(arguments) => report::report(arguments),
        Command::Check(arguments) => check::check(arguments),
        Command::New { folder, example } => examples::create(&folder, example),
        Command::Schema { of } => {
            print!("{}", of.text());
            Ok(())
        }
        Command::Load(arguments) => load::load(&arguments),
        Command::Serve(arguments) => return serve::serve(*arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => problem.report(),
    }
}
