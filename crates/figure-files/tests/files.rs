//! What the files hold that a journal checks.

use figure_files::{FigureFileError, FigureWriter};
use figures::{KaplanMeierFigure, KaplanMeierGroup, Page, kaplan_meier};
use tiff::decoder::ifd::Value;
use tiff::tags::Tag;

fn figure() -> String {
    let group = KaplanMeierGroup {
        label: "Größe ≤ 20 mm".into(),
        time: vec![12.0, 30.0],
        n_at_risk: vec![20, 10],
        n_events: vec![10, 0],
        n_censored: vec![0, 10],
        survival: vec![0.5, 0.5],
        lower: vec![Some(0.3), Some(0.3)],
        upper: vec![Some(0.7), Some(0.7)],
        ..KaplanMeierGroup::default()
    };
    let figure = KaplanMeierFigure { groups: vec![group], ..KaplanMeierFigure::default() };
    kaplan_meier(&figure, Page::ONE_COLUMN)
}

/// 85 mm at 300 pixels per inch are 1004 pixels; 300 per inch are 11 811 per metre.
#[test]
fn a_picture_says_its_resolution() {
    let picture = FigureWriter::new().png(&figure(), 300).unwrap();
    let reader = png::Decoder::new(std::io::Cursor::new(&picture)).read_info().unwrap();
    let info = reader.info();
    assert_eq!(info.width, 1004);
    let dots = info.pixel_dims.unwrap();
    assert_eq!((dots.xppu, dots.yppu, dots.unit), (11_811, 11_811, png::Unit::Meter));
    assert_eq!(info.color_type, png::ColorType::Rgb);
    let twice = FigureWriter::new().png(&figure(), 600).unwrap();
    let reader = png::Decoder::new(std::io::Cursor::new(&twice)).read_info().unwrap();
    assert_eq!(reader.info().width, 2008);
    assert_eq!(reader.info().pixel_dims.unwrap().xppu, 23_622);
}

/// The pixels are those of the PNG, in RGB without opacity; LZW is compression 5, and 600 per inch are
/// the ratio of 600 and 1 in inches, which are unit 2.
#[test]
fn a_tiff_holds_the_same_picture() {
    let (writer, figure) = (FigureWriter::new(), figure());
    let file = writer.tiff(&figure, 600).unwrap();
    let mut decoder = tiff::decoder::Decoder::new(std::io::Cursor::new(&file)).unwrap();
    assert_eq!(decoder.colortype().unwrap(), tiff::ColorType::RGB(8));
    let mut tag = |tag| decoder.get_tag(tag).unwrap();
    assert_eq!(tag(Tag::Compression).into_u16().unwrap(), 5);
    assert_eq!(tag(Tag::ResolutionUnit).into_u16().unwrap(), 2);
    for resolution in [Tag::XResolution, Tag::YResolution] {
        assert_eq!(tag(resolution), Value::Rational(600, 1));
    }
    assert!(decoder.find_tag(Tag::ExtraSamples).unwrap().is_none(), "no opacity");
    let png = writer.png(&figure, 600).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(&png)).read_info().unwrap();
    let mut expected = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut expected).unwrap();
    let found = decoder.read_image().unwrap();
    assert!(matches!(found, tiff::decoder::DecodingResult::U8(found) if found == expected));
}

/// Text is drawn although no font of the machine is looked at: the name of the group and its row
/// in blue, axes in ink.
#[test]
fn text_needs_no_font_of_the_machine() {
    let n_dark = |svg: &str| {
        let picture = FigureWriter::new().png(svg, 100).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&picture)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut bytes).unwrap();
        bytes.chunks(3).filter(|pixel| pixel.iter().all(|part| *part < 120)).count()
    };
    let (whole, figure) = (n_dark(&figure()), figure());
    let without: String = figure.lines().filter(|line| !line.starts_with("<text")).collect();
    assert!(n_dark(&without) + 200 < whole, "{whole}");
}

/// The page has the size of the figure, 240.94 points wide, and text is text in embedded fonts.
#[test]
fn a_page_is_as_large_as_its_figure() {
    let page = FigureWriter::new().pdf(&figure()).unwrap();
    let text = String::from_utf8_lossy(&page);
    assert!(text.starts_with("%PDF-"));
    assert!(text.contains("240.94"), "the width stands in the media box");
    assert!(text.contains("LiberationSans") && text.contains("FontFile2"), "the font is embedded");
    assert!(!text.contains("CreationDate"), "no clock is read");
}

#[test]
fn the_same_figure_gives_the_same_bytes() {
    let (one, other) = (FigureWriter::new(), FigureWriter::new());
    assert_eq!(one.png(&figure(), 300), other.png(&figure(), 300));
    assert_eq!(one.tiff(&figure(), 300), other.tiff(&figure(), 300));
    assert_eq!(one.pdf(&figure()), other.pdf(&figure()));
}

#[test]
fn what_is_no_figure_is_refused() {
    let writer = FigureWriter::new();
    assert!(matches!(writer.png("no figure", 300), Err(FigureFileError::Svg(_))));
    assert!(matches!(writer.pdf("<svg"), Err(FigureFileError::Svg(_))));
    let size = FigureFileError::Size { width: 1, height: 1 };
    assert_eq!(size.to_string(), "a picture of 1 by 1 pixels cannot be made");
    assert!(matches!(writer.png(&figure(), 0), Err(FigureFileError::Size { .. })));
    assert!(matches!(writer.png(&figure(), 60_000), Err(FigureFileError::Size { .. })));
    assert!(matches!(writer.tiff(&figure(), 0), Err(FigureFileError::Size { .. })));
}
