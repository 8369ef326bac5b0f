//! The files of a report in the formats that are asked for.

use figure_files::{FigureFileError, FigureWriter};
use rayon::prelude::*;
use report::{Document, ReportFile};
use service_kit::{Cancel, Failure};
use std::cell::LazyCell;
use std::fmt::Display;
use std::ops::RangeInclusive;
use study::StudyResult;
use wire::failure::invalid;
use wire::pb::study as pb;

/// Resolutions of pictures, in pixels per inch.
const RESOLUTIONS: RangeInclusive<u32> = 72..=1200;
const USUAL_RESOLUTION: u32 = 300;

/// Up to here a picture takes some 60 MB while it is drawn, and several are drawn at a time.
const MOST_AT_A_TIME: u32 = 600;

/// Whether the typesetter is part of the program.
const HAS_PDF: bool = cfg!(feature = "pdf");

/// A kind of files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    Html,
    Csv,
    Json,
    Docx,
    Pdf,
    FiguresSvg,
    FiguresPng,
    FiguresTiff,
    FiguresPdf,
}

/// Which files are wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Wanted {
    formats: Vec<Format>,
    resolution: u32,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { formats: Vec::new(), resolution: USUAL_RESOLUTION }
    }
}

impl Wanted {
    /// Adds what a piece of a request asks for, in fields below `path`.
    pub(crate) fn add(
        &mut self,
        formats: &[i32],
        figure_dpi: Option<i32>,
        path: &str,
    ) -> Result<(), Failure> {
        for &format in formats {
            let format = pb::ReportFormat::try_from(format).map(Format::from).map_err(|_| {
                invalid(format!("{path}formats"), "holds a format that is not known")
            })?;
            if format == Format::Pdf && !HAS_PDF {
                return Err(without_pdf());
            }
            if self.formats.contains(&format) {
                return Err(invalid(format!("{path}formats"), "names a format twice"));
            }
            self.formats.push(format);
        }
        if let Some(dpi) = figure_dpi {
            let known = u32::try_from(dpi).ok().filter(|dpi| RESOLUTIONS.contains(dpi));
            let (least, most) = (RESOLUTIONS.start(), RESOLUTIONS.end());
            let refused =
                || invalid(format!("{path}figure_dpi"), format!("must be {least} to {most}"));
            self.resolution = known.ok_or_else(refused)?;
        }
        Ok(())
    }

    /// The same, or these formats where none was named.
    pub(crate) fn or(mut self, formats: &[Format]) -> Self {
        if self.formats.is_empty() {
            self.formats = formats.to_vec();
        }
        self
    }

    /// The same with a format before all others.
    pub(crate) fn after(mut self, first: Format) -> Self {
        self.formats.retain(|&format| format != first);
        self.formats.insert(0, first);
        self
    }

    /// The files in the order of the formats.
    pub(crate) fn print(
        &self,
        result: &StudyResult,
        cancel: &Cancel,
    ) -> Result<Vec<ReportFile>, Failure> {
        let document = LazyCell::new(|| report::document(result));
        let figures = LazyCell::new(|| report::figures(result));
        let mut files = Vec::new();
        for format in &self.formats {
            cancel.check()?;
            match format {
                Format::Html => files.push(report::page(&document)),
                Format::Csv => files.extend(report::tables(result)),
                Format::Json => {
                    let bytes = report::json(result);
                    files.push(ReportFile { path: "report.json".into(), bytes });
                }
                Format::Docx => files.push(docx(&document)?),
                Format::Pdf => files.push(pdf(&document)?),
                Format::FiguresSvg => files.extend(figures.iter().cloned()),
                Format::FiguresPng => files.extend(self.pictures(&figures, "png", cancel)?),
                Format::FiguresTiff => files.extend(self.pictures(&figures, "tiff", cancel)?),
                Format::FiguresPdf => {
                    files.extend(drawn(&figures, "pdf", cancel, FigureWriter::pdf)?)
                }
            }
        }
        Ok(files)
    }

    /// The figures as pixels; the ending of the files says in which format.
    fn pictures(
        &self,
        figures: &[ReportFile],
        ending: &str,
        cancel: &Cancel,
    ) -> Result<Vec<ReportFile>, Failure> {
        let n_at_a_time = if self.resolution <= MOST_AT_A_TIME { figures.len() } else { 1 };
        let draw = |writer: &FigureWriter, svg: &str| match ending {
            "tiff" => writer.tiff(svg, self.resolution),
            _ => writer.png(svg, self.resolution),
        };
        let some = figures.chunks(n_at_a_time.max(1));
        let drawn: Result<Vec<_>, _> = some.map(|some| drawn(some, ending, cancel, draw)).collect();
        Ok(drawn?.concat())
    }
}

impl From<pb::ReportFormat> for Format {
    fn from(format: pb::ReportFormat) -> Self {
        match format {
            pb::ReportFormat::Unspecified | pb::ReportFormat::Html => Self::Html,
            pb::ReportFormat::Csv => Self::Csv,
            pb::ReportFormat::Json => Self::Json,
            pb::ReportFormat::Docx => Self::Docx,
            pb::ReportFormat::Pdf => Self::Pdf,
            pb::ReportFormat::Figures => Self::FiguresSvg,
            pb::ReportFormat::FiguresPng => Self::FiguresPng,
            pb::ReportFormat::FiguresTiff => Self::FiguresTiff,
            pb::ReportFormat::FiguresPdf => Self::FiguresPdf,
        }
    }
}

fn docx(document: &Document) -> Result<ReportFile, Failure> {
    report_docx::file(document).map_err(|error| unprintable("report.docx", error))
}

#[cfg(feature = "pdf")]
fn pdf(document: &Document) -> Result<ReportFile, Failure> {
    report_pdf::file(document).map_err(|error| unprintable("report.pdf", error))
}

#[cfg(not(feature = "pdf"))]
fn pdf(_: &Document) -> Result<ReportFile, Failure> {
    Err(without_pdf())
}

fn without_pdf() -> Failure {
    Failure::precondition(
        "PDF_NOT_BUILT",
        "this program was built without PDF documents; `cargo build --release --features pdf` makes one \
         with them, and the format docx needs none",
    )
}

fn unprintable(path: &str, error: impl Display) -> Failure {
    Failure::internal("UNPRINTABLE", format!("{path}: {error}"))
}

/// The figures in another format, several at a time.
fn drawn(
    figures: &[ReportFile],
    ending: &str,
    cancel: &Cancel,
    draw: impl Fn(&FigureWriter, &str) -> Result<Vec<u8>, FigureFileError> + Sync,
) -> Result<Vec<ReportFile>, Failure> {
    let writer = FigureWriter::new();
    let one = |figure: &ReportFile| {
        cancel.check()?;
        let path = format!("{}.{ending}", figure.path.trim_end_matches(".svg"));
        let failed = |reason: String| Failure::internal("UNPRINTABLE", format!("{path}: {reason}"));
        let svg = std::str::from_utf8(&figure.bytes).map_err(|error| failed(error.to_string()))?;
        let bytes = draw(&writer, svg).map_err(|error| failed(error.to_string()))?;
        Ok(ReportFile { path, bytes })
    };
    figures.par_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pb::ReportFormat::{Csv, FiguresPng, Html, Unspecified};

    fn wanted(formats: &[pb::ReportFormat], dpi: Option<i32>) -> Result<Wanted, Failure> {
        let formats: Vec<i32> = formats.iter().map(|&format| format.into()).collect();
        let mut wanted = Wanted::default();
        wanted.add(&formats, dpi, "files.").map(|()| wanted)
    }

    #[test]
    fn formats_are_read_and_those_that_are_not_named_are_the_usual_ones() {
        let none = wanted(&[], None).unwrap();
        assert_eq!(none.clone().or(&[Format::Html]).formats, [Format::Html]);
        let some = wanted(&[Csv, FiguresPng], Some(72)).unwrap().or(&[Format::Html]);
        assert_eq!(some, Wanted { formats: vec![Format::Csv, Format::FiguresPng], resolution: 72 });
        assert_eq!(none.after(Format::Json).formats, [Format::Json]);
        assert_eq!(some.after(Format::FiguresPng).formats, [Format::FiguresPng, Format::Csv]);
    }

    #[test]
    fn what_cannot_be_printed_is_refused_at_its_field() {
        let field =
            |wanted: Result<Wanted, Failure>| wanted.unwrap_err().violations[0].field.clone();
        assert_eq!(field(wanted(&[Html, Unspecified], None)), "files.formats");
        assert_eq!(
            field(Wanted::default().add(&[99], None, "").map(|()| Wanted::default())),
            "formats"
        );
        for dpi in [-1, 0, 71, 1201] {
            assert_eq!(field(wanted(&[], Some(dpi))), "files.figure_dpi");
        }
    }
}
