//! The program `equipoise`.

use std::process::ExitCode;

/// Keeps memory between calls where the system's would give it back and fetch it anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
