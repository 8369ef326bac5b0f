//! The report as a document that belongs to no format: sections of blocks, in reading order.
//!
//! Renderers walk it and decide on looks alone: the HTML page of this crate, and whatever else
//! prints reports. Words, rounding, order and numbering are settled here. Every number that is
//! printed carries the ids of the quantities that it was read from, and [`Document::numbers`] says
//! of each what it is and how it was computed.

mod text;

pub use text::{Span, Text};

use serde::Serialize;
use std::collections::BTreeMap;

/// A whole report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Document {
    /// What stands before the first section.
    pub cover: Cover,
    /// The sections, each directly followed by those within it. None is empty.
    pub sections: Vec<Section>,
    /// What is known of each number that the document prints, by id.
    pub numbers: BTreeMap<String, Explanation>,
}

/// The front page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cover {
    /// Title of the study.
    pub title: String,
    /// Short name of the study.
    pub study: String,
    /// A sentence that must be seen wherever results are, such as that patients are synthetic.
    pub notice: Option<String>,
    /// Day on which the data were closed, YYYY-MM-DD.
    pub date: Option<String>,
    /// What identifies input and program: date of the data, digests, seeds, versions.
    pub facts: Vec<Definition>,
}

/// A heading and what stands below it, up to the next section.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Section {
    /// Name by which links find it, unique within the document: lower-case letters, digits, `-`.
    pub id: String,
    /// 1 for a main section, 2 for one within the last main section.
    pub level: u8,
    /// Its number, such as `4` or `4.2`.
    pub number: String,
    /// Heading without the number.
    pub heading: String,
    /// Content; empty only where sections of level 2 follow.
    pub blocks: Vec<Block>,
}

/// A part of a section.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Block {
    /// A paragraph.
    Paragraph {
        /// Its sentences.
        text: Text,
    },
    /// Terms with what is said of each, such as the parts of a structured abstract.
    Definitions {
        /// The entries, in order.
        entries: Vec<Definition>,
    },
    /// A numbered table.
    Table(Table),
    /// A numbered figure.
    Figure(Figure),
    /// A list.
    List {
        /// Whether its items are numbered, from 1.
        is_ordered: bool,
        /// The items.
        items: Vec<Item>,
    },
    /// Text whose line breaks and spaces count, in letters of one width.
    Verbatim {
        /// Its lines.
        text: String,
    },
    /// Something that must catch the eye.
    Box {
        /// Whether it warns rather than sums up.
        is_warning: bool,
        /// Its heading.
        heading: String,
        /// Its paragraphs.
        paragraphs: Vec<Text>,
    },
}

/// A term and what is said of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Definition {
    /// The term.
    pub term: String,
    /// What is said of it.
    pub text: Text,
}

/// An item of a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Item {
    /// Name by which links find it, such as `caveat-3`; absent where nothing refers to it.
    pub id: Option<String>,
    /// What it says.
    pub text: Text,
}

/// A table as it is printed.
///
/// The cells of a row, each counted with its span, fill the columns from the left.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// Name by which links find it: `table-` and the name.
    pub id: String,
    /// What it is called by: `1` and `2` for the baseline table and the table of hazard models, as in
    /// a paper, `S1` onwards for all others; absent for the table of the main results.
    pub number: Option<String>,
    /// Name of its file of comma-separated values, without folder and ending.
    pub name: String,
    /// What it shows, without the number.
    pub caption: String,
    /// Headings over adjacent columns; empty when there are none, else they fill all columns. A
    /// column without such a heading stands under a group without text.
    pub groups: Vec<ColumnGroup>,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
    /// Sentences below the table.
    pub notes: Vec<Text>,
}

/// A heading over adjacent columns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnGroup {
    /// The heading; empty without one.
    pub title: String,
    /// How many columns stand under it.
    pub span: usize,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Column {
    /// Heading shared with the columns beside it; empty without one.
    pub group: String,
    /// Heading.
    pub title: Text,
    /// Whether it says what the row is about: text, set flush left; others hold numbers.
    pub is_key: bool,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Cells; those that span columns count once.
    pub cells: Vec<Cell>,
    /// Whether the row stands within the one above it.
    pub is_indented: bool,
}

/// A cell.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// Ids of the quantities whose rounded values it prints, in the order of the text; empty when it
    /// prints none.
    pub ids: Vec<String>,
    /// Numbers of the caveats that it carries; they refer to the items `caveat-<number>`.
    pub caveats: Vec<usize>,
    /// How many columns it takes.
    pub span: usize,
    /// Whether it should catch the eye.
    pub is_striking: bool,
    /// Whether the cell above says the same of the same rows, so that it need not be seen again.
    pub is_repeated: bool,
    /// Name of the section, table or figure that it refers to.
    pub target: Option<String>,
}

/// A figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Name by which links find it: `figure-` and the name.
    pub id: String,
    /// Number within the report, from 1.
    pub number: usize,
    /// Name of its file, without folder and ending.
    pub name: String,
    /// The drawing, an SVG document on a white ground.
    pub svg: String,
    /// What it shows, to be printed below it.
    pub legend: Text,
    /// The same for those who cannot see it.
    pub alternative: String,
    /// The notice of the study, to be printed with the legend.
    pub notice: Option<String>,
}

/// What is known of a number.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Explanation {
    /// What kind of number it is.
    pub definition: String,
    /// How it was computed.
    pub method: String,
}

impl Document {
    /// What a reader is told who asks behind a number: definition, method and id of each of its
    /// quantities.
    #[must_use]
    pub fn explain(&self, ids: &[String]) -> String {
        let one = |id: &String| match self.numbers.get(id) {
            Some(known) if known.method == "count" => format!("{} [{id}]", known.definition),
            Some(known) => format!("{} Method: {}. [{id}]", known.definition, known.method),
            None => format!("[{id}]"),
        };
        ids.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    /// Every table, in order.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.blocks().filter_map(|block| match block {
            Block::Table(table) => Some(table),
            _ => None,
        })
    }

    /// Every figure, in order.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.blocks().filter_map(|block| match block {
            Block::Figure(figure) => Some(figure),
            _ => None,
        })
    }

    /// Names by which links find sections, then tables, figures and items.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        let sections = self.sections.iter().map(|section| section.id.as_str());
        let blocks = self.blocks().flat_map(|block| match block {
            Block::Table(table) => vec![table.id.as_str()],
            Block::Figure(figure) => vec![figure.id.as_str()],
            Block::List { items, .. } => {
                items.iter().filter_map(|item| item.id.as_deref()).collect()
            }
            _ => Vec::new(),
        });
        sections.chain(blocks)
    }

    /// Every block, in order.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.sections.iter().flat_map(|section| &section.blocks)
    }
}

impl Block {
    /// A paragraph.
    pub fn paragraph(text: impl Into<Text>) -> Self {
        Self::Paragraph { text: text.into() }
    }

    /// The running text of a block other than a table.
    pub fn texts(&self) -> Vec<&Text> {
        match self {
            Self::Paragraph { text } => vec![text],
            Self::Definitions { entries } => entries.iter().map(|entry| &entry.text).collect(),
            Self::Table(table) => {
                let titles = table.columns.iter().map(|column| &column.title);
                titles.chain(&table.notes).collect()
            }
            Self::Figure(figure) => vec![&figure.legend],
            Self::List { items, .. } => items.iter().map(|item| &item.text).collect(),
            Self::Verbatim { .. } => Vec::new(),
            Self::Box { paragraphs, .. } => paragraphs.iter().collect(),
        }
    }

    /// The ids of every number that the block prints.
    pub fn ids(&self) -> Vec<&String> {
        let mut ids: Vec<&String> = self.texts().into_iter().flat_map(Text::ids).collect();
        if let Self::Table(table) = self {
            let cells = table.rows.iter().flat_map(|row| &row.cells);
            ids.extend(cells.flat_map(|cell| &cell.ids));
        }
        ids
    }
}

impl Definition {
    /// A term and what is said of it.
    pub fn new(term: impl Into<String>, text: impl Into<Text>) -> Self {
        Self { term: term.into(), text: text.into() }
    }
}

impl Cell {
    /// A cell of one column.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), span: 1, ..Self::default() }
    }

    /// The same over several columns.
    #[must_use]
    pub fn spanning(self, span: usize) -> Self {
        Self { span, ..self }
    }

    /// A cell that refers to a section, table or figure.
    pub fn reference(text: impl Into<String>, target: impl Into<String>) -> Self {
        Self { target: Some(target.into()), ..Self::new(text) }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::new(text)
    }
}

impl Column {
    /// A column that says what a row is about.
    pub fn key(title: impl Into<Text>) -> Self {
        Self { group: String::new(), title: title.into(), is_key: true }
    }

    /// A column of values.
    pub fn value(title: impl Into<Text>) -> Self {
        Self { group: String::new(), title: title.into(), is_key: false }
    }

    /// The same below a shared heading.
    #[must_use]
    pub fn within(self, group: impl Into<String>) -> Self {
        Self { group: group.into(), ..self }
    }
}

impl Row {
    /// A row of cells.
    #[must_use]
    pub fn new(cells: Vec<Cell>) -> Self {
        Self { cells, is_indented: false }
    }

    /// A row within the one above it.
    #[must_use]
    pub fn indented(cells: Vec<Cell>) -> Self {
        Self { cells, is_indented: true }
    }
}
