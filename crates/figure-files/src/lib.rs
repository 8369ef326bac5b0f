//! Figures as files: SVG in; PNG or TIFF for a manuscript and PDF for a printer out.
//!
//! The fonts are part of the program, so that a figure looks the same on a machine without fonts:
//! Liberation Sans, by whose widths `figures` lays out, under the SIL Open Font License (its text
//! lies beside the fonts). Text in another family is set in Liberation Sans too. Nothing outside
//! the SVG is read, and the same SVG gives the same bytes.
//!
//! This crate knows no figure; what stands in one is the matter of `figures`.

use krilla::SerializeSettings;
use krilla::geom::Size;
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla_svg::{SurfaceExt, SvgSettings};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::fontdb::{Database, Source};
use resvg::usvg::{Options, Tree, roxmltree};
use std::io::Cursor;
use std::sync::Arc;
use thiserror::Error;
use tiff::encoder::colortype::RGB8;
use tiff::encoder::{Compression, Rational, TiffEncoder};
use tiff::tags::ResolutionUnit;

const FAMILY: &str = "Liberation Sans";
const REGULAR: &[u8] = include_bytes!("../fonts/LiberationSans-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../fonts/LiberationSans-Bold.ttf");

/// The fonts of the program, upright and bold, for whoever else prints.
pub const FONTS: [&[u8]; 2] = [REGULAR, BOLD];

/// Units of a figure per inch: it is drawn in typographic points.
const POINTS_PER_INCH: f32 = 72.0;
const METRES_PER_INCH: f64 = 0.0254;

/// Most pixels of a side: beyond it a figure would need gigabytes.
const MOST_PIXELS: u32 = 30_000;

/// Why a figure could not be written.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum FigureFileError {
    /// The text is no SVG.
    #[error("the figure is no SVG: {0}")]
    Svg(String),
    /// The picture has no pixels, or too many.
    #[error("a picture of {width} by {height} pixels cannot be made")]
    Size {
        /// Pixels from left to right.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
    },
    /// The file could not be encoded.
    #[error("the {format} could not be written: {reason}")]
    Encoding {
        /// Name of the format.
        format: &'static str,
        /// What its encoder says.
        reason: String,
    },
}

/// Writes figures into files; the fonts are read once.
#[derive(Clone, Debug)]
pub struct FigureWriter {
    fonts: Arc<Database>,
}

impl Default for FigureWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl FigureWriter {
    /// A writer with the fonts of the program.
    #[must_use]
    pub fn new() -> Self {
        let mut fonts = Database::new();
        for font in FONTS {
            fonts.load_font_source(Source::Binary(Arc::new(font)));
        }
        fonts.set_sans_serif_family(FAMILY);
        Self { fonts: Arc::new(fonts) }
    }

    /// A picture of `dpi` pixels per inch of the figure's final size, on white, in RGB, with the
    /// resolution written into the file.
    ///
    /// # Errors
    ///
    /// If the text is no SVG, or the picture would have no pixels or more than 30 000 on a side.
    pub fn png(&self, svg: &str, dpi: u32) -> Result<Vec<u8>, FigureFileError> {
        encode(&self.picture(svg, dpi)?, dpi)
            .map_err(|error| FigureFileError::Encoding { format: "PNG", reason: error.to_string() })
    }

    /// The same picture as a TIFF with the compression of Lempel, Ziv and Welch, which loses nothing:
    /// RGB without a channel of opacity, the resolution in pixels per inch.
    ///
    /// # Errors
    ///
    /// As [`Self::png`].
    pub fn tiff(&self, svg: &str, dpi: u32) -> Result<Vec<u8>, FigureFileError> {
        encode_tiff(&self.picture(svg, dpi)?, dpi).map_err(|error| FigureFileError::Encoding {
            format: "TIFF",
            reason: error.to_string(),
        })
    }

    /// The pixels of a figure, on white.
    fn picture(&self, svg: &str, dpi: u32) -> Result<Pixmap, FigureFileError> {
        let (_, tree) = self.read(svg)?;
        let scale = dpi as f32 / POINTS_PER_INCH;
        let pixels = |points: f32| (points * scale).round() as u32;
        let (width, height) = (pixels(tree.size().width()), pixels(tree.size().height()));
        let impossible = FigureFileError::Size { width, height };
        if MOST_PIXELS < width.max(height) {
            return Err(impossible);
        }
        let mut picture = Pixmap::new(width, height).ok_or(impossible)?;
        picture.fill(Color::WHITE);
        resvg::render(&tree, Transform::from_scale(scale, scale), &mut picture.as_mut());
        Ok(picture)
    }

    /// A page as large as the figure, with lines as lines and text as text in embedded fonts.
    ///
    /// # Errors
    ///
    /// If the text is no SVG, or has no size.
    pub fn pdf(&self, svg: &str) -> Result<Vec<u8>, FigureFileError> {
        let (title, tree) = self.read(svg)?;
        let failed = |reason: String| FigureFileError::Encoding { format: "PDF", reason };
        let (width, height) = (tree.size().width(), tree.size().height());
        let impossible = || failed("the figure has no size".to_owned());
        let settings = PageSettings::from_wh(width, height).ok_or_else(impossible)?;
        let size = Size::from_wh(width, height).ok_or_else(impossible)?;
        let mut document = krilla::Document::new_with(SerializeSettings::default());
        document.set_metadata(Metadata::new().title(title));
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        surface.draw_svg(&tree, size, SvgSettings::default()).ok_or_else(impossible)?;
        surface.finish();
        page.finish();
        document.finish().map_err(|error| failed(format!("{error:?}")))
    }

    /// The title of a figure and its drawing, laid out in the fonts of the program.
    fn read(&self, svg: &str) -> Result<(String, Tree), FigureFileError> {
        let wrong = |reason: String| FigureFileError::Svg(reason);
        let document = roxmltree::Document::parse(svg).map_err(|error| wrong(error.to_string()))?;
        let title = document.descendants().find(|node| node.has_tag_name("title"));
        let title = title.and_then(|node| node.text()).unwrap_or("Figure").to_owned();
        let options = Options {
            dpi: POINTS_PER_INCH,
            font_family: FAMILY.to_owned(),
            fontdb: Arc::clone(&self.fonts),
            ..Options::default()
        };
        let tree = Tree::from_xmltree(&document, &options);
        Ok((title, tree.map_err(|error| wrong(error.to_string()))?))
    }
}

/// The bytes of an opaque picture.
fn encode(picture: &Pixmap, dpi: u32) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let per_metre = (f64::from(dpi) / METRES_PER_INCH).round() as u32;
    let unit = png::Unit::Meter;
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: per_metre, yppu: per_metre, unit }));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb(picture))?;
    writer.finish()?;
    Ok(bytes)
}

/// The bytes of an opaque picture.
fn encode_tiff(picture: &Pixmap, dpi: u32) -> Result<Vec<u8>, tiff::TiffError> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes)?.with_compression(Compression::Lzw);
    let mut image = encoder.new_image::<RGB8>(picture.width(), picture.height())?;
    image.resolution(ResolutionUnit::Inch, Rational { n: dpi, d: 1 });
    image.write_data(&rgb(picture))?;
    Ok(bytes.into_inner())
}

/// Red, green and blue of every pixel of an opaque picture.
fn rgb(picture: &Pixmap) -> Vec<u8> {
    picture.data().chunks_exact(4).flat_map(|pixel| &pixel[..3]).copied().collect()
}
