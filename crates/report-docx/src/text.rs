//! Running text: spans to runs.

use crate::anchors::Anchors;
use crate::style;
use docx_rs::{
    FieldCharType, Hyperlink, HyperlinkType, InstrText, Paragraph, Run, RunProperty, VertAlignType,
};
use report::document::{Span, Text};

/// Text without characters that XML cannot hold; line breaks and tabs become spaces.
pub(crate) fn clean(text: &str) -> String {
    let is_unfit = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if is_unfit(c) { ' ' } else { c }).collect()
}

/// A run of words.
pub(crate) fn run(words: &str) -> Run {
    Run::new().add_text(clean(words))
}

/// A field that Word computes, with what it shows until then: each part in a run of its own, since
/// programs take the looks of the result from its run.
pub(crate) fn field(instruction: &str, shown: &str) -> [Run; 5] {
    let sign = |kind| Run::new().add_field_char(kind, false);
    [
        sign(FieldCharType::Begin),
        Run::new().add_instr_text(InstrText::Unsupported(instruction.into())),
        sign(FieldCharType::Separate),
        run(shown),
        sign(FieldCharType::End),
    ]
}

/// The paragraph with a text at its end.
pub(crate) fn append(paragraph: Paragraph, text: &Text, anchors: &Anchors) -> Paragraph {
    text.spans.iter().fold(paragraph, |paragraph, span| match span {
        Span::Plain { text } => paragraph.add_run(run(text)),
        Span::Strong { text } => paragraph.add_run(run(text).bold()),
        Span::Code { text } => {
            paragraph.add_run(run(text).fonts(style::fixed_width()).size(style::CODE_SIZE))
        }
        Span::Number { text, caveats, .. } => marks(paragraph.add_run(run(text)), caveats, anchors),
        Span::Reference { text, target } => link(paragraph, run(text), target, anchors),
    })
}

/// The marks of caveats, each a link to what it says.
pub(crate) fn marks(paragraph: Paragraph, caveats: &[usize], anchors: &Anchors) -> Paragraph {
    caveats.iter().fold(paragraph, |paragraph, number| {
        let mut mark = run(&format!("[{number}]"));
        mark.run_property = RunProperty::new().vert_align(VertAlignType::SuperScript);
        link(paragraph, mark, &format!("caveat-{number}"), anchors)
    })
}

/// A run that leads to a target, or the run alone if there is no such target.
pub(crate) fn link(paragraph: Paragraph, run: Run, target: &str, anchors: &Anchors) -> Paragraph {
    match anchors.find(target) {
        Some((_, name)) => {
            paragraph.add_hyperlink(Hyperlink::new(name, HyperlinkType::Anchor).add_run(run))
        }
        None => paragraph.add_run(run),
    }
}

/// The paragraph as the place that links to an id lead to.
pub(crate) fn begin_target(paragraph: Paragraph, id: &str, anchors: &Anchors) -> Paragraph {
    match anchors.find(id) {
        Some((number, name)) => paragraph.add_bookmark_start(number, name).add_bookmark_end(number),
        None => paragraph,
    }
}
