//! Draws every edge case of the tests into a folder, to be looked at:
//! `cargo run -p figure-files --example gallery -- FOLDER`.

#[path = "../tests/cases/mod.rs"]
mod cases;

use figure_files::FigureWriter;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name a folder")?);
    fs::create_dir_all(&folder)?;
    let writer = FigureWriter::new();
    for case in cases::all() {
        fs::write(folder.join(format!("{}.svg", case.name)), &case.svg)?;
        fs::write(folder.join(format!("{}.png", case.name)), writer.png(&case.svg, 200)?)?;
    }
    Ok(())
}
