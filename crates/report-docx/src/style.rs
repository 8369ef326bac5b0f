//! The styles, by which an author changes the looks of all headings, captions or notes at once.

use docx_rs::{
    AbstractNumbering, Docx, IndentLevel, Level, LevelJc, LevelText, LineSpacing, LineSpacingType,
    NumberFormat, Numbering, NumberingId, RunFonts, SpecialIndentType, Start, Style, StyleType,
};

/// Font of all text; by its widths columns are laid out.
pub(crate) const FAMILY: &str = "Arial";
const FIXED_WIDTH: &str = "Courier New";

/// Half points.
pub(crate) const BODY_SIZE: usize = 20;
/// Half points.
pub(crate) const CODE_SIZE: usize = 16;
const SMALL_SIZE: usize = 16;
const VERBATIM_SIZE: usize = 12;

pub(crate) const TITLE: &str = "Title";
pub(crate) const CAPTION: &str = "Caption";
pub(crate) const CELL: &str = "TableCell";
pub(crate) const NOTE: &str = "TableNote";
pub(crate) const FIGURE: &str = "Figure";
pub(crate) const VERBATIM: &str = "Verbatim";
pub(crate) const HEADER: &str = "Header";
pub(crate) const FOOTER: &str = "Footer";
pub(crate) const CONTENTS: &str = "ContentsHeading";

const GREY: &str = "565D64";
const ACCENT: &str = "00599A";
/// Of a box that sums up, and of one that warns.
pub(crate) const TINTS: [&str; 2] = ["F2F6F9", "FFF4EC"];

/// A heading of a level, from 1; Word knows it by its name.
pub(crate) fn heading(level: u8) -> String {
    format!("Heading{level}")
}

/// An entry of the table of contents.
pub(crate) fn contents_entry(level: u8) -> String {
    format!("TOC{level}")
}

/// One font for whatever script.
pub(crate) fn fonts(family: &str) -> RunFonts {
    RunFonts::new().ascii(family).hi_ansi(family).cs(family).east_asia(family)
}

/// The font of ids and digests.
pub(crate) fn fixed_width() -> RunFonts {
    fonts(FIXED_WIDTH)
}

/// Lines of 1.1, and 6 points after a paragraph.
pub(crate) fn body_spacing() -> LineSpacing {
    LineSpacing::new().line(264).line_rule(LineSpacingType::Auto).after(120)
}

/// Every style but the default.
pub(crate) fn all() -> Vec<Style> {
    let paragraph = |id: &str, name: &str| {
        Style::new(id, StyleType::Paragraph).name(name).based_on("Normal").q_format(true)
    };
    let spacing = |before, after| LineSpacing::new().before(before).after(after);
    let close = |after| spacing(0, after).line(240).line_rule(LineSpacingType::Auto);
    let head = |level: u8, size, before| {
        let style = paragraph(&heading(level), &format!("heading {level}")).next("Normal");
        let style = style.size(size).bold().color(ACCENT).line_spacing(spacing(before, 120));
        style.outline_lvl(usize::from(level) - 1)
    };
    let entry = |level: u8| {
        let indent = Some(i32::from(level - 1) * 284);
        let style = paragraph(&contents_entry(level), &format!("toc {level}"));
        style.indent(indent, None, None, None).line_spacing(close(40))
    };
    vec![
        Style::new("Normal", StyleType::Paragraph).name("Normal").q_format(true),
        paragraph(TITLE, "Title").size(40).bold().line_spacing(spacing(0, 120)),
        head(1, 30, 360),
        head(2, 24, 240),
        entry(1),
        entry(2),
        paragraph(CONTENTS, "Contents Heading").size(24).bold().line_spacing(spacing(240, 80)),
        paragraph(CAPTION, "caption").size(18).line_spacing(close(80).before(160)),
        paragraph(CELL, "Table Cell").line_spacing(close(0)),
        paragraph(NOTE, "Table Note")
            .size(SMALL_SIZE)
            .color(GREY)
            .line_spacing(close(60).before(40)),
        paragraph(FIGURE, "Figure").line_spacing(close(60).before(160)),
        paragraph(VERBATIM, "Verbatim")
            .fonts(fixed_width())
            .size(VERBATIM_SIZE)
            .line_spacing(close(0)),
        paragraph(HEADER, "header").size(SMALL_SIZE).italic().color(GREY),
        paragraph(FOOTER, "footer").size(SMALL_SIZE).color(GREY),
    ]
}

/// Whether the items of each list are numbered; each list begins anew at 1.
pub(crate) fn numberings(docx: Docx, lists: &[bool]) -> Docx {
    let add = |docx: Docx, (index, is_ordered): (usize, &bool)| {
        let (format, sign) = if *is_ordered { ("decimal", "%1.") } else { ("bullet", "\u{2022}") };
        let parts = (NumberFormat::new(format), LevelText::new(sign), LevelJc::new("left"));
        let level = Level::new(0, Start::new(1), parts.0, parts.1, parts.2).indent(
            Some(454),
            Some(SpecialIndentType::Hanging(454)),
            None,
            None,
        );
        let (id, _) = list(index);
        docx.add_abstract_numbering(AbstractNumbering::new(id.id).add_level(level))
            .add_numbering(Numbering::new(id.id, id.id))
    };
    lists.iter().enumerate().fold(docx, add)
}

/// The numbering of a list, counted from 0. The writer keeps the first numbers for itself.
pub(crate) fn list(index: usize) -> (NumberingId, IndentLevel) {
    (NumberingId::new(index + 2), IndentLevel::new(0))
}
