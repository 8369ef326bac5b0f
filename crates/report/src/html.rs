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
    environment
        .render_str(TEMPLATE, Serde(document))
        .expect("the template is part of the program and rendered by its tests")
}
