//! The program `equipoise`.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
