//! The HTML page of a document: one file that needs no other.

use crate::document::Document;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};

const TEMPLATE: &str = include_str!("../templates/report.html");

/// The page of a document. It refers to no other file, needs no script to be read, and is the same
/// for the same document.
#[must_use]
pub fn html(document: &Document) -> String {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let mut syntax = SyntaxConfig::builder();
    let syntax = syntax.trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("the delimiters are those of the library"));
    let known = document.clone();
    environment.add_filter("explain", move |ids: Vec<String>| known.explain(&ids));
    environment.add_filter("css", |text: String| css(&text));
    environment
        .render_str(TEMPLATE, Serde(document))
        .expect("the template is part of the program and rendered by its tests")
}

/// Text within quotes of a style sheet: whatever is no plain letter, digit or space is its code point.
fn css(text: &str) -> String {
    let mut written = String::new();
    for character in text.chars() {
        if character.is_ascii_alphanumeric() || character == ' ' {
            written.push(character);
        } else {
            written.push_str(&format!("\\{:x} ", u32::from(character)));
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_the_quotes_of_a_style_sheet() {
        assert_eq!(css("a \"b\"</style>"), "a \\22 b\\22 \\3c \\2f style\\3e ");
        assert_eq!(css("\\ \u{e9}"), "\\5c  \\e9 ");
    }
}
