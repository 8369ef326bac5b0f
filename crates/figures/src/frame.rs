//! What every figure has around it: its name for screen readers, its paper and its notice.

use crate::style::{GREY, LINE, PAPER, SMALL};
use crate::svg::{Svg, Text, number};
use crate::text::{escape, wrap};

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

/// Closes a drawing of the given width and height: adds the notice and the outer element.
pub(crate) fn finish(mut svg: Svg, (width, height): (f64, f64), caption: &Caption) -> String {
    let height = draw_notice(&mut svg, (width, height), caption);
    let id = escape(&caption.id);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" \
         aria-labelledby=\"{id}-title {id}-description\" \
         width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"Arial, Helvetica, &#39;Liberation Sans&#39;, sans-serif\">\n\
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
fn draw_notice(svg: &mut Svg, (width, height): (f64, f64), caption: &Caption) -> f64 {
    let Some(notice) = &caption.notice else { return height };
    let lines = wrap(notice, SMALL, width - 24.0);
    for (index, line) in lines.iter().enumerate() {
        let y = height + LINE * (0.6 + index as f64);
        let text = Text::new(12.0, y, line);
        svg.text(&Text { size: SMALL, colour: GREY, italic: true, ..text });
    }
    height + LINE * lines.len() as f64 + 4.0
}
