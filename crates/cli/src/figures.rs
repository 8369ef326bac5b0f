//! The figures of a report in the formats that journals and printers take.
//!
//! The coordinator writes SVG alone; pictures and pages are made here, where the report is
//! wanted, so that a deployment needs neither fonts nor a rasteriser.

use crate::problem::Problem;
use clap::ValueEnum;
use figure_files::FigureWriter;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, thread};

/// Arguments on figures, of every command that writes a report.
#[derive(clap::Args)]
pub(crate) struct FigureArguments {
    /// Formats of the figures. SVG, from which the others are made, is always written.
    #[arg(
        long,
        value_enum,
        value_name = "FORMATS",
        value_delimiter = ',',
        default_values_t = [Format::Svg, Format::Png, Format::Pdf]
    )]
    figures: Vec<Format>,
    /// Pixels per inch of PNG and TIFF figures at their size in print.
    #[arg(
        long,
        value_name = "DPI",
        default_value_t = 300,
        value_parser = clap::value_parser!(u32).range(72..=1200)
    )]
    figure_dpi: u32,
}

/// A format of figures.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// Lines and text, for the web and for editing.
    Svg,
    /// Pixels, for manuscripts.
    Png,
    /// Pixels with LZW compression, for journals that ask for it.
    Tiff,
    /// Lines and text with embedded fonts, for print.
    Pdf,
}

/// Writes each figure beside its SVG, on some threads.
pub(crate) fn write(
    arguments: &FigureArguments,
    threads: Option<NonZeroUsize>,
    drawings: &[PathBuf],
) -> Result<(), Problem> {
    let formats = [Format::Png, Format::Tiff, Format::Pdf];
    let wanted: Vec<Format> =
        formats.into_iter().filter(|format| arguments.figures.contains(format)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let writer = FigureWriter::new();
    let threads = threads.or_else(|| thread::available_parallelism().ok());
    let n_threads = threads.map_or(1, NonZeroUsize::get).min(drawings.len().max(1));
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(drawing) = drawings.get(next.fetch_add(1, Ordering::Relaxed)) {
            convert(&writer, drawing, &wanted, arguments.figure_dpi)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..n_threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().map_err(|_| Problem::Failed("a figure could not be drawn".into()))?
        })
    })
}

fn convert(
    writer: &FigureWriter,
    drawing: &Path,
    formats: &[Format],
    dpi: u32,
) -> Result<(), Problem> {
    let failed = |path: &PathBuf, error: &dyn std::fmt::Display| {
        Problem::Failed(format!("could not write {}: {error}", path.display()))
    };
    let drawing = drawing.to_path_buf();
    let svg = fs::read_to_string(&drawing).map_err(|error| failed(&drawing, &error))?;
    for format in formats {
        let (ending, bytes) = match format {
            Format::Svg => continue,
            Format::Png => ("png", writer.png(&svg, dpi)),
            Format::Tiff => ("tiff", writer.tiff(&svg, dpi)),
            Format::Pdf => ("pdf", writer.pdf(&svg)),
        };
        let path = drawing.with_extension(ending);
        let bytes = bytes.map_err(|error| failed(&path, &error))?;
        fs::write(&path, bytes).map_err(|error| failed(&path, &error))?;
    }
    Ok(())
}
