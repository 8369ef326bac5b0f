//! How a report lies on paper, for renderers that have pages: which way each page lies, how wide the
//! columns of a table are, and what becomes of one that is too wide.
//!
//! Programs are told the widths, so that a table looks the same in each: every column gets at least
//! what its longest unbreakable piece needs, and as much more as it asks for of what is left. All
//! lengths are twentieths of a point, the unit of Word.

use crate::document::{Block, Cell, Column, Section, Table};
use serde::Serialize;

/// Sides of a page of A4.
pub const SHORT_SIDE: u32 = 11_906;
/// The longer of the two.
pub const LONG_SIDE: u32 = 16_838;
/// 20 mm beside the text.
pub const SIDE_MARGIN: u32 = 1_134;
/// 23 mm above and below it.
pub const END_MARGIN: u32 = 1_304;
/// Room left and right of the text of a cell.
pub const CELL_MARGIN: u32 = 60;
/// By how much an indented row is moved.
pub const INDENT: u32 = 180;

/// Highest figure as part of the height of a page, so that its legend has room below it.
const HIGHEST: (u32, u32) = (17, 20);
/// Longest text of a column of numbers that is set flush right, in characters.
const LONGEST_VALUE: usize = 22;

/// How a page lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Orientation {
    /// Upright.
    Portrait,
    /// Across.
    Landscape,
    /// Upright, with text in columns that begins where the text before it ends.
    Columns,
}

impl Orientation {
    /// Width and height of the page.
    #[must_use]
    pub fn sides(self) -> (u32, u32) {
        match self {
            Self::Portrait | Self::Columns => (SHORT_SIDE, LONG_SIDE),
            Self::Landscape => (LONG_SIDE, SHORT_SIDE),
        }
    }

    /// Room for text from left to right.
    #[must_use]
    pub fn text_width(self) -> u32 {
        self.sides().0 - 2 * SIDE_MARGIN
    }

    /// Room for text from top to bottom.
    #[must_use]
    pub fn text_height(self) -> u32 {
        self.sides().1 - 2 * END_MARGIN
    }
}

/// Greatest height of a figure on an upright page.
#[must_use]
pub fn highest_figure() -> u32 {
    Orientation::Portrait.text_height() * HIGHEST.0 / HIGHEST.1
}

/// How the pages of a section lie.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Turns {
    /// The page with its heading.
    pub heading: Orientation,
    /// The page with each of its blocks.
    pub blocks: Vec<Orientation>,
}

/// How the pages of a section lie: headings and paragraphs as what follows them.
#[must_use]
pub fn turns(section: &Section) -> Turns {
    let mut next = Orientation::Portrait;
    let mut blocks = Vec::new();
    for block in section.blocks.iter().rev() {
        match block {
            Block::Paragraph { .. } if next == Orientation::Landscape => {}
            Block::Table(table) => next = layout(table).orientation,
            Block::Verbatim { .. } => next = Orientation::Columns,
            _ => next = Orientation::Portrait,
        }
        blocks.push(next);
    }
    blocks.reverse();
    let heading = if next == Orientation::Columns { Orientation::Portrait } else { next };
    Turns { heading, blocks }
}

/// To which side text is set.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
    /// What spans columns.
    Center,
}

/// The side of the title of a column, counted from 0.
#[must_use]
pub fn title_side(table: &Table, column: usize) -> Side {
    if has_words(table, column) { Side::Left } else { Side::Right }
}

/// The side of a cell that begins in a column, counted from 0.
#[must_use]
pub fn side(table: &Table, column: usize, cell: &Cell) -> Side {
    let is_long = cell.ids.is_empty() && LONGEST_VALUE < cell.text.chars().count();
    match cell.span {
        0 | 1 if is_long => Side::Left,
        0 | 1 => title_side(table, column),
        _ => Side::Center,
    }
}

/// Whether a column says what rows are about.
fn has_words(table: &Table, column: usize) -> bool {
    column == 0 || table.columns.get(column).is_some_and(|column| column.is_key)
}

/// Sizes of text in half points, from the usual to the smallest that can be read.
const SIZES: [usize; 6] = [17, 16, 15, 14, 13, 12];
/// Smallest size for which the page need not be turned.
const SMALLEST_UPRIGHT: usize = 14;
/// Smallest of all, for what fits nowhere.
const SMALLEST: usize = 9;
/// Words that say what a row is about are given lines of that many letters, if they are longer.
const COMFORT: f64 = 15.0;
/// Size of a mark as part of the size of the text.
const MARK: f64 = 0.65;
/// What programs differ in as they lay out a line.
const SLACK: f64 = 1.03;

/// How a table is laid out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layout {
    /// How the page lies.
    pub orientation: Orientation,
    /// Size of the text, in half points.
    pub size: usize,
    /// Widths of the columns.
    pub columns: Vec<u32>,
}

/// Whether limits may stand on a line of their own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Numbers {
    Whole,
    Broken,
}

/// What a column needs and asks for.
#[derive(Clone, Copy, Debug, Default)]
struct Need {
    least: f64,
    most: f64,
}

impl Need {
    fn with(self, other: Self) -> Self {
        Self { least: self.least.max(other.least), most: self.most.max(other.most) }
    }
}

/// The layout with the largest text: upright if that can be read well, else across.
#[must_use]
pub fn layout(table: &Table) -> Layout {
    let pages = [Orientation::Portrait, Orientation::Landscape];
    let all = pages.into_iter().flat_map(|page| {
        let may = move |size: &usize| page == Orientation::Landscape || SMALLEST_UPRIGHT <= *size;
        let sizes = SIZES.into_iter().filter(may);
        let kinds = [Numbers::Whole, Numbers::Broken];
        kinds.into_iter().flat_map(move |kind| sizes.clone().map(move |size| (page, kind, size)))
    });
    let fits = |&(page, kind, size): &(Orientation, Numbers, usize)| {
        let least: f64 = needs(table, size, kind).iter().map(|need| need.least).sum();
        least <= f64::from(page.text_width())
    };
    let smallest = (Orientation::Landscape, Numbers::Broken, SMALLEST);
    let (orientation, kind, size) = all.into_iter().find(fits).unwrap_or(smallest);
    let columns = share(&needs(table, size, kind), f64::from(orientation.text_width()));
    Layout { orientation, size, columns }
}

/// Whether a text in a size in half points is wider than the room of its cell.
#[must_use]
pub fn is_wider(text: &str, size: usize, room: u32) -> bool {
    f64::from(room) < width(text, size, true) + f64::from(2 * CELL_MARGIN)
}

/// Every column gets what it needs and a share of the rest by what it asks for beyond.
fn share(needs: &[Need], room: f64) -> Vec<u32> {
    let least: f64 = needs.iter().map(|need| need.least).sum();
    let asked: f64 = needs.iter().map(|need| need.most - need.least).sum();
    let rest = room - least;
    let one = |need: &Need| {
        let wanted = need.most - need.least;
        let wide = if rest <= 0.0 {
            need.least * room / least
        } else if rest <= asked {
            need.least + wanted * rest / asked
        } else {
            need.most * room / (least + asked)
        };
        wide.floor() as u32
    };
    needs.iter().map(one).collect()
}

fn needs(table: &Table, size: usize, numbers: Numbers) -> Vec<Need> {
    let title = |column: &Column| padded(words_need(&column.title.to_string(), size, 0.0), 0.0);
    let mut needs: Vec<Need> = table.columns.iter().map(title).collect();
    for row in &table.rows {
        let mut place = 0;
        for cell in &row.cells {
            if cell.span == 1 && place < needs.len() {
                let indent = if row.is_indented && place == 0 { f64::from(INDENT) } else { 0.0 };
                let is_words = has_words(table, place);
                needs[place] =
                    needs[place].with(cell_need(cell, size, numbers, (is_words, indent)));
            }
            place += cell.span.max(1);
        }
    }
    let mut place = 0;
    for group in &table.groups {
        widen(&mut needs, place, group.span, width(&group.title, size, true));
        place += group.span;
    }
    needs
}

/// Columns that stand under a common heading are together as wide as its longest word.
fn widen(needs: &mut [Need], from: usize, span: usize, wanted: f64) {
    let until = (from + span).min(needs.len());
    let Some(columns) = needs.get_mut(from..until) else { return };
    let have: f64 = columns.iter().map(|need| need.most).sum();
    let missing = (wanted + f64::from(2 * CELL_MARGIN) - have).max(0.0);
    let each = missing / columns.len().max(1) as f64;
    columns.iter_mut().for_each(|need| need.most += each);
}

fn cell_need(cell: &Cell, size: usize, numbers: Numbers, (is_key, indent): (bool, f64)) -> Need {
    let mark = |number: &usize| width(&format!("[{number}]"), size, false) * MARK;
    let marks: f64 = cell.caveats.iter().map(mark).sum();
    let need = match numbers {
        _ if cell.ids.is_empty() || is_key => words_need(&cell.text, size, COMFORT),
        Numbers::Broken => number_need(&cell.text, size),
        Numbers::Whole => {
            let most = number_need(&cell.text, size).most;
            Need { least: most, most }
        }
    };
    padded(need, marks + indent)
}

/// Words are broken at every space, but not into lines of fewer letters than is comfortable.
fn words_need(text: &str, size: usize, comfort: f64) -> Need {
    let most = width(text, size, true);
    let longest = text.split_whitespace().map(|word| width(word, size, true));
    Need { least: longest.fold(most.min(comfort * 0.5 * letter(size)), f64::max), most }
}

/// A number is broken before its limits alone.
fn number_need(text: &str, size: usize) -> Need {
    let most = width(text, size, true);
    let mut pieces = text.split(" (");
    let first = width(pieces.next().unwrap_or_default(), size, true);
    let limits = pieces.map(|piece| width(&format!("({piece}"), size, true));
    Need { least: limits.fold(first, f64::max), most }
}

fn padded(need: Need, more: f64) -> Need {
    let more = more + f64::from(2 * CELL_MARGIN);
    Need { least: need.least * SLACK + more, most: need.most * SLACK + more }
}

/// Size of a letter.
fn letter(size: usize) -> f64 {
    size as f64 * 10.0
}

/// Width of a line; a character that the font lacks is taken for a square.
fn width(text: &str, size: usize, is_bold: bool) -> f64 {
    let advance = |character: char| {
        let known = figures::laid_out_widths(character);
        known.map_or(1.0, |(regular, bold)| if is_bold { bold } else { regular })
    };
    text.chars().map(advance).sum::<f64>() * letter(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Row;

    /// Ten needed, forty asked for; of 30 each keeps its need and gets its share of the other 20.
    #[test]
    fn room_is_shared_by_what_is_asked_for_beyond_the_need() {
        let needs = [Need { least: 5.0, most: 5.0 }, Need { least: 5.0, most: 35.0 }];
        assert_eq!(share(&needs, 30.0), [5, 25]);
        assert_eq!(share(&needs, 80.0), [10, 70]);
        assert_eq!(share(&needs, 8.0), [4, 4]);
    }

    /// A table of 40 columns lies across, and so does what leads to it; the list before it does not.
    #[test]
    fn headings_and_paragraphs_lie_as_what_follows_them() {
        let words = || Block::paragraph("words");
        let list = Block::List { is_ordered: false, items: Vec::new() };
        let cells = vec![Cell::new("0.123 (0.045-0.678)"); 40];
        let wide = Block::Table(Table {
            id: "table-wide".into(),
            number: None,
            name: "wide".into(),
            caption: String::new(),
            groups: Vec::new(),
            columns: vec![Column::value("HR"); 40],
            rows: vec![Row::new(cells)],
            notes: Vec::new(),
        });
        let section = |blocks| Section {
            id: "s".into(),
            level: 1,
            number: "1".into(),
            heading: "Heading".into(),
            blocks,
        };
        use Orientation::{Columns, Landscape, Portrait};
        let lie = |blocks| {
            let turns = turns(&section(blocks));
            (turns.heading, turns.blocks)
        };
        let verbatim = Block::Verbatim { text: "a".into() };
        assert_eq!(lie(vec![words(), wide.clone()]), (Landscape, vec![Landscape; 2]));
        let blocks = vec![list, words(), wide, words(), verbatim.clone()];
        assert_eq!(
            lie(blocks),
            (Portrait, vec![Portrait, Landscape, Landscape, Portrait, Columns])
        );
        assert_eq!(lie(vec![verbatim]), (Portrait, vec![Columns]));
    }

    #[test]
    fn a_number_is_broken_before_its_limits_alone() {
        let need = number_need("0.62 (0.45 to 0.86)", 17);
        assert_eq!(need.least, width("(0.45 to 0.86)", 17, true));
        assert!(need.least < need.most);
        assert_eq!(words_need("0.62 (0.45", 17, 0.0).least, width("(0.45", 17, true));
    }
}
