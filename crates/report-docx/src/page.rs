//! The pages: A4, upright, or across for what is too wide.

use docx_rs::{
    FooterReference, HeaderReference, LineSpacing, LineSpacingType, PageMargin,
    PageOrientationType, PageSize, Paragraph, Run, SectionProperty, SectionType,
};
use report::paper::{END_MARGIN, Orientation, SIDE_MARGIN};

const HEADER_DISTANCE: i32 = 624;
/// How many columns text in columns has.
const N_COLUMNS: usize = 3;

/// The end of a section whose pages lie so: a paragraph that takes no visible room.
pub(crate) fn section_end(orientation: Orientation) -> Paragraph {
    // The parts of the document have one header and one footer, which Word numbers from 1.
    let mut property = lying(SectionProperty::new(), orientation);
    property.header_reference = Some(HeaderReference::new("default", "rIdHeader1"));
    property.footer_reference = Some(FooterReference::new("default", "rIdFooter1"));
    spacer().section_property(property)
}

/// A paragraph one point high.
pub(crate) fn spacer() -> Paragraph {
    let spacing = LineSpacing::new().line(20).line_rule(LineSpacingType::Exact).before(0).after(0);
    Paragraph::new().line_spacing(spacing).add_run(Run::new().size(2))
}

/// The section with pages that lie so.
pub(crate) fn lying(mut section: SectionProperty, orientation: Orientation) -> SectionProperty {
    if orientation == Orientation::Columns {
        section.columns = N_COLUMNS;
        section.section_type = Some(SectionType::Continuous);
    }
    let (width, height) = orientation.sides();
    let size = PageSize::new().size(width, height);
    let size = match orientation {
        Orientation::Portrait | Orientation::Columns => size,
        Orientation::Landscape => size.orient(PageOrientationType::Landscape),
    };
    let (side, end) = (SIDE_MARGIN as i32, END_MARGIN as i32);
    let margin = PageMargin::new().top(end).bottom(end).left(side).right(side);
    let margin = margin.header(HEADER_DISTANCE).footer(HEADER_DISTANCE).gutter(0);
    section.page_size(size).page_margin(margin)
}
