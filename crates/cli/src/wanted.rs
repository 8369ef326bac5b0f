//! Which files of a report are wanted: arguments of every command that writes one.

use clap::ValueEnum;
use wire::pb::study as pb;

/// Arguments on the files of a report.
#[derive(clap::Args)]
pub(crate) struct WantedArguments {
    /// What to write; may be given several times [default: html csv figures of `run`, html of
    /// `report`]. `run` always writes report.json.
    #[arg(long = "format", value_enum, value_name = "FORMAT", num_args = 1.., value_delimiter = ',')]
    formats: Vec<Format>,
    /// Formats of the figures. SVG is always written.
    #[arg(
        long,
        value_enum,
        value_name = "FORMATS",
        value_delimiter = ',',
        default_values_t = [FigureFormat::Svg, FigureFormat::Png, FigureFormat::Pdf]
    )]
    figures: Vec<FigureFormat>,
    /// Pixels per inch of PNG and TIFF figures at their size in print.
    #[arg(
        long,
        value_name = "DPI",
        default_value_t = 300,
        value_parser = clap::value_parser!(i32).range(72..=1200)
    )]
    figure_dpi: i32,
}

/// Ways to print a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// One page that needs no other file.
    Html,
    /// Every table, and all numbers unrounded.
    Csv,
    /// report.json in its canonical bytes.
    Json,
    /// Every figure.
    Figures,
    /// A Word document that can be edited; its figures are pictures of 300 dpi.
    Docx,
    /// A PDF document with contents, tags and links; for programs that are built with `--features pdf`.
    Pdf,
}

/// A format of figures.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum FigureFormat {
    /// Lines and text, for the web and for editing.
    Svg,
    /// Pixels, for manuscripts.
    Png,
    /// Pixels with LZW compression, for journals that ask for it.
    Tiff,
    /// Lines and text with embedded fonts, for print.
    Pdf,
}

impl WantedArguments {
    /// What a coordinator is asked for; these formats where none is named.
    pub(crate) fn message(&self, usual: &[Format]) -> pb::ReportFiles {
        let named = if self.formats.is_empty() { usual } else { &self.formats };
        let mut formats: Vec<i32> = Vec::new();
        for format in named.iter().flat_map(|&format| self.formats_of(format)) {
            if !formats.contains(&format.into()) {
                formats.push(format.into());
            }
        }
        pb::ReportFiles { formats, figure_dpi: Some(self.figure_dpi) }
    }

    fn formats_of(&self, format: Format) -> Vec<pb::ReportFormat> {
        match format {
            Format::Html => vec![pb::ReportFormat::Html],
            Format::Csv => vec![pb::ReportFormat::Csv],
            Format::Json => vec![pb::ReportFormat::Json],
            Format::Docx => vec![pb::ReportFormat::Docx],
            Format::Pdf => vec![pb::ReportFormat::Pdf],
            Format::Figures => {
                let others = self.figures.iter().filter_map(|format| match format {
                    FigureFormat::Svg => None,
                    FigureFormat::Png => Some(pb::ReportFormat::FiguresPng),
                    FigureFormat::Tiff => Some(pb::ReportFormat::FiguresTiff),
                    FigureFormat::Pdf => Some(pb::ReportFormat::FiguresPdf),
                });
                std::iter::once(pb::ReportFormat::Figures).chain(others).collect()
            }
        }
    }
}
