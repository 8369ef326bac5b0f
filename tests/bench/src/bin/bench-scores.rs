//! Writes the patients of the benches of matching as CSV, for other programs.
//!
//! `bench-scores 10000 > scores.csv`; `bench-scores 10000 apart` for scores that lie apart.

use anyhow::Context;
use equipoise_bench::{apart, scores};
use std::io::{BufWriter, Write};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let n = arguments.next().context("how many patients?")?.parse()?;
    let is_apart = arguments.next().is_some_and(|kind| kind == "apart");
    let (score, exposed) = if is_apart { apart(n) } else { scores(n) };
    let mut out = BufWriter::new(std::io::stdout().lock());
    writeln!(out, "exposed,score")?;
    for (score, exposed) in score.iter().zip(exposed) {
        writeln!(out, "{},{score}", u8::from(exposed))?;
    }
    Ok(out.flush()?)
}
