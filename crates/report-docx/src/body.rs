//! What stands between the first page and the last: blocks to paragraphs and tables, in order.

use crate::anchors::Anchors;
use crate::{page, style, table, text};
use docx_rs::{
    BorderType, Docx, FieldCharType, InstrText, InstrToC, Paragraph, ParagraphBorder,
    ParagraphBorderPosition, ParagraphBorders, Pic, Run, Shading,
};
use report::Document;
use report::document::{Block, Definition, Figure, Item, Section, Table, Text};
use report::paper::{self, Orientation};
use std::collections::BTreeMap;

/// Units of a picture per twentieth of a point, and per pixel at 300 to the inch.
const UNITS_PER_TWENTIETH: u64 = 635;
const UNITS_PER_PIXEL: u64 = 3_048;

/// Something that stands in the body by itself.
pub(crate) enum Content {
    Paragraph(Box<Paragraph>),
    Table(Box<docx_rs::Table>),
}

/// The document with this at its end.
pub(crate) fn add(docx: Docx, content: Content) -> Docx {
    match content {
        Content::Paragraph(paragraph) => docx.add_paragraph(*paragraph),
        Content::Table(table) => docx.add_table(*table),
    }
}

/// A body that is complete.
pub(crate) struct Written {
    /// What stands in it.
    pub content: Vec<Content>,
    /// Whether each list is numbered.
    pub lists: Vec<bool>,
    /// How many rows of each table are its header.
    pub header_rows: Vec<usize>,
    /// How the last pages lie.
    pub last_orientation: Orientation,
}

/// A body as it grows.
pub(crate) struct Body<'a> {
    anchors: &'a Anchors,
    pictures: &'a BTreeMap<usize, Vec<u8>>,
    written: Written,
    /// The last number of each series of captions.
    captions: BTreeMap<String, usize>,
}

impl<'a> Body<'a> {
    pub(crate) fn new(anchors: &'a Anchors, pictures: &'a BTreeMap<usize, Vec<u8>>) -> Self {
        let written = Written {
            content: Vec::new(),
            lists: Vec::new(),
            header_rows: Vec::new(),
            last_orientation: Orientation::Portrait,
        };
        Self { anchors, pictures, written, captions: BTreeMap::new() }
    }

    pub(crate) fn finish(self) -> Written {
        self.written
    }

    /// Title, notice, what identifies the report, and the table of contents.
    pub(crate) fn cover(&mut self, document: &Document) {
        let cover = &document.cover;
        self.paragraph(Paragraph::new().style(style::TITLE).add_run(text::run(&cover.title)));
        self.paragraph(
            Paragraph::new().add_run(text::run(&format!("Study {}", cover.study)).italic()),
        );
        if let Some(notice) = &cover.notice {
            self.paragraph(in_box(Paragraph::new().add_run(text::run(notice).bold()), true));
        }
        self.definitions(&cover.facts);
        self.contents(document);
    }

    /// A field that Word fills; until then it shows the headings without pages.
    fn contents(&mut self, document: &Document) {
        let heading = text::run("Contents");
        self.paragraph(Paragraph::new().style(style::CONTENTS).keep_next(true).add_run(heading));
        let last = document.sections.len().saturating_sub(1);
        for (index, section) in document.sections.iter().enumerate() {
            let mut entry = Paragraph::new().style(&style::contents_entry(section.level));
            if index == 0 {
                let field = InstrToC::new().heading_styles_range(1, 2).hyperlink();
                entry = entry.add_run(
                    Run::new()
                        .add_field_char(FieldCharType::Begin, true)
                        .add_instr_text(InstrText::TOC(field))
                        .add_field_char(FieldCharType::Separate, false),
                );
            }
            entry = text::link(entry, text::run(&heading_of(section)), &section.id, self.anchors);
            if index == last {
                entry = entry.add_run(Run::new().add_field_char(FieldCharType::End, false));
            }
            self.paragraph(entry);
        }
    }

    /// A heading and what stands below it.
    pub(crate) fn section(&mut self, section: &Section) {
        let turns = paper::turns(section);
        self.turn(turns.heading);
        let heading = Paragraph::new().style(&style::heading(section.level)).keep_next(true);
        let heading = heading.add_run(text::run(&heading_of(section)));
        self.paragraph(text::begin_target(heading, &section.id, self.anchors));
        for (block, orientation) in section.blocks.iter().zip(turns.blocks) {
            self.turn(orientation);
            self.block(block);
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Paragraph { text } => self.words(Paragraph::new(), text),
            Block::Definitions { entries } => self.definitions(entries),
            Block::Table(table) => self.table(table),
            Block::Figure(figure) => self.figure(figure),
            Block::List { is_ordered, items } => self.list(*is_ordered, items),
            Block::Verbatim { text } => {
                for line in text.lines() {
                    let paragraph = Paragraph::new().style(style::VERBATIM);
                    self.paragraph(paragraph.add_run(text::run(line)));
                }
            }
            Block::Box { is_warning, heading, paragraphs } => {
                let heading = Paragraph::new().keep_next(true).add_run(text::run(heading).bold());
                self.paragraph(in_box(heading, *is_warning));
                for text in paragraphs {
                    self.words(in_box(Paragraph::new(), *is_warning), text);
                }
            }
        }
    }

    fn definitions(&mut self, entries: &[Definition]) {
        for entry in entries {
            let term = text::run(&format!("{}: ", entry.term)).bold();
            self.words(Paragraph::new().add_run(term), &entry.text);
        }
    }

    fn list(&mut self, is_ordered: bool, items: &[Item]) {
        let (id, level) = style::list(self.written.lists.len());
        self.written.lists.push(is_ordered);
        for item in items {
            let mut paragraph = Paragraph::new().numbering(id.clone(), level.clone());
            if let Some(id) = &item.id {
                paragraph = text::begin_target(paragraph, id, self.anchors);
            }
            self.words(paragraph, &item.text);
        }
    }

    fn table(&mut self, table: &Table) {
        let layout = paper::layout(table);
        let caption = Paragraph::new().style(style::CAPTION).keep_next(true);
        let caption = text::begin_target(caption, &table.id, self.anchors);
        let caption = match &table.number {
            Some(number) => self.label(caption, "Table", number).add_run(text::run(&table.caption)),
            None => caption.add_run(text::run(&table.caption).bold()),
        };
        self.paragraph(caption);
        let content = table::table(table, &layout, self.anchors);
        self.written.content.push(Content::Table(Box::new(content)));
        self.written.header_rows.push(table::n_header_rows(table));
        for note in &table.notes {
            self.words(Paragraph::new().style(style::NOTE), note);
        }
        self.paragraph(page::spacer());
    }

    fn figure(&mut self, figure: &Figure) {
        if let Some(png) = self.pictures.get(&figure.number) {
            let picture = Run::new().add_image(picture(figure.number, png));
            let paragraph = Paragraph::new().style(style::FIGURE).keep_next(true);
            self.paragraph(paragraph.add_run(picture));
        }
        let caption = Paragraph::new().style(style::CAPTION).keep_lines(true);
        let caption = text::begin_target(caption, &figure.id, self.anchors);
        let caption = self.label(caption, "Figure", &figure.number.to_string());
        let mut caption = text::append(caption, &figure.legend, self.anchors);
        if let Some(notice) = &figure.notice {
            caption = caption.add_run(text::run(&format!(" {notice}")).italic());
        }
        self.paragraph(caption);
    }

    /// `Table S3.`: the number is a field, so that Word counts on when an author adds a table.
    fn label(&mut self, paragraph: Paragraph, kind: &str, number: &str) -> Paragraph {
        let prefix = number.trim_end_matches(|c: char| c.is_ascii_digit());
        let Ok(count) = number[prefix.len()..].parse::<usize>() else {
            return paragraph.add_run(text::run(&format!("{kind} {number}. ")).bold());
        };
        let series = if prefix.is_empty() { kind.into() } else { format!("{kind}_{prefix}") };
        let last = self.captions.insert(series.clone(), count).unwrap_or(0);
        let restart = if count == last + 1 { String::new() } else { format!(" \\r {count}") };
        let field = text::field(&format!(" SEQ {series} \\* ARABIC{restart} "), &count.to_string());
        let before = text::run(&format!("{kind} {prefix}"));
        let parts = [before].into_iter().chain(field).chain([text::run(". ")]);
        parts.map(Run::bold).fold(paragraph, Paragraph::add_run)
    }

    fn words(&mut self, paragraph: Paragraph, text: &Text) {
        self.paragraph(text::append(paragraph, text, self.anchors));
    }

    fn paragraph(&mut self, paragraph: Paragraph) {
        self.written.content.push(Content::Paragraph(Box::new(paragraph)));
    }

    /// Lets the pages from here on lie so.
    fn turn(&mut self, orientation: Orientation) {
        if self.written.last_orientation != orientation {
            self.paragraph(page::section_end(self.written.last_orientation));
            self.written.last_orientation = orientation;
        }
    }
}

fn heading_of(section: &Section) -> String {
    format!("{} {}", section.number, section.heading)
}

/// The paragraph on a tint, with a bar before it.
fn in_box(mut paragraph: Paragraph, is_warning: bool) -> Paragraph {
    let bar = ParagraphBorder::new(ParagraphBorderPosition::Left).val(BorderType::Single);
    let bar = bar.size(24).space(6).color(if is_warning { "A33F00" } else { "0072B2" });
    let fill = style::TINTS[usize::from(is_warning)];
    paragraph.property = paragraph
        .property
        .shading(Shading::new().fill(fill))
        .set_borders(ParagraphBorders::with_empty().set(bar));
    paragraph
}

/// A picture in its size in print, or as large as an upright page allows.
fn picture(number: usize, png: &[u8]) -> Pic {
    let (columns, rows) = size(png);
    let room = |twentieths: u32| u64::from(twentieths) * UNITS_PER_TWENTIETH;
    let widest = room(Orientation::Portrait.text_width());
    let highest = room(paper::highest_figure());
    let (mut width, mut height) = (columns * UNITS_PER_PIXEL, rows * UNITS_PER_PIXEL);
    if widest < width {
        (width, height) = (widest, height * widest / width);
    }
    if highest < height {
        (width, height) = (width * highest / height, highest);
    }
    let (columns, rows) = (columns as u32, rows as u32);
    Pic::new_with_dimensions(png.to_vec(), columns, rows)
        .id(format!("rIdImage{number}"))
        .size(width as u32, height as u32)
}

/// Columns and rows of a picture: bytes 16 to 23 of every PNG.
fn size(png: &[u8]) -> (u64, u64) {
    let number = |at: usize| {
        let bytes = png.get(at..at + 4).unwrap_or_default();
        bytes.iter().fold(0, |number, byte| number * 256 + u64::from(*byte))
    };
    (number(16).max(1), number(20).max(1))
}
