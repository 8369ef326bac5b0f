//! Writes the cohort of the benches as CSV, for R.

use anyhow::Context;
use std::io::{BufWriter, Write};

fn main() -> anyhow::Result<()> {
    let n = std::env::args().nth(1).context("usage: bench-cohort NUMBER_OF_PATIENTS")?;
    let sample = equipoise_bench::patients(n.parse().context("the number of patients")?);
    let mut out = BufWriter::new(std::io::stdout().lock());
    writeln!(out, "time,event,exposed")?;
    for ((time, event), exposed) in sample.time.iter().zip(&sample.cause).zip(sample.exposed()) {
        writeln!(out, "{time},{event},{exposed}")?;
    }
    Ok(out.flush()?)
}
