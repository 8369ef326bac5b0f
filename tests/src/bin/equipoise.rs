//! The program `equipoise`, built for the tests of the whole.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
