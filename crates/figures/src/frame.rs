//! What every figure has around it: its name for screen readers, its paper and its notice.

use crate::page::Page;
use crate::style::{EDGE, GREY, PAPER};
use crate::svg::{Svg, Text, number};
use crate::text::escape;

/// What a figure is called, in the words of the caller.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caption {
    /// A name that is unique in the document, of letters, digits and hyphens.
    pub id: String,
    /// A short title; read aloud, not drawn.
    pub title: String,
    /// What the figure shows, in sentences; read aloud, not drawn.
    pub description: String,
    /// A sentence that is printed below the figure, such as that the data are synthetic.
    pub notice: Option<String>,
}

/// The font by which figures are laid out, then those with the same widths.
const FONTS: &str = "&#39;Liberation Sans&#39;, Arial, Helvetica, sans-serif";

/// Closes a drawing of the given height: adds the notice and the outer element, which says the
/// size in print.
pub(crate) fn finish(mut svg: Svg, page: Page, height: f64, caption: &Caption) -> String {
    let height = draw_notice(&mut svg, page, height, caption);
    let id = escape(&caption.id);
    let width = page.width();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" \
         aria-labelledby=\"{id}-title {id}-description\" \
         width=\"{width}pt\" height=\"{height}pt\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"{FONTS}\">\n\
         <title id=\"{id}-title\">{title}</title>\n\
         <desc id=\"{id}-description\">{description}</desc>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"{PAPER}\"/>\n\
         {body}</svg>\n",
        width = number(width),
        height = number(height),
        title = escape(&caption.title),
        description = escape(&caption.description),
        body = svg.into_body(),
    )
}

/// Writes the notice below the drawing; the new height.
fn draw_notice(svg: &mut Svg, page: Page, height: f64, caption: &Caption) -> f64 {
    let Some(notice) = &caption.notice else { return height };
    let lines = page.wrap(notice, page.width() - 2.0 * EDGE);
    let mut y = height + page.line() * 0.4;
    for line in &lines {
        y += page.line();
        svg.text(Text { colour: GREY, ..page.text(EDGE, y - page.descent(), line) });
    }
    y + EDGE
}
