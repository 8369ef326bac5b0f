//! The file itself, with what its writer leaves out: headers of tables that repeat on each page,
//! alternatives of pictures, and the properties of the document.

use crate::DocxError;
use crate::text::clean;
use docx_rs::Docx;
use report::Document;
use report::document::Cover;
use std::io::Cursor;

/// The properties of a picture as they are written.
const PICTURE: &str = r#"<wp:docPr id="1" name="Figure" />"#;
const TABLE: &str = "<w:tbl>";
const ROW_PROPERTIES: &str = "<w:trPr>";

/// The bytes of the file.
pub(crate) fn finish(
    docx: Docx,
    document: &Document,
    header_rows: &[usize],
) -> Result<Vec<u8>, DocxError> {
    let mut parts = docx.build();
    let failed = |reason: String| DocxError::Package(reason);
    let body = String::from_utf8(parts.document).map_err(|error| failed(error.to_string()))?;
    let body = repeat_headers(&body, header_rows)?;
    let alternatives: Vec<&str> =
        document.figures().map(|figure| figure.alternative.as_str()).collect();
    parts.document = describe_pictures(&body, &alternatives)?.into_bytes();
    parts.doc_props.core = properties(&document.cover).into_bytes();
    let mut file = Cursor::new(Vec::new());
    parts.pack(&mut file).map_err(|error| failed(error.to_string()))?;
    Ok(file.into_inner())
}

/// Marks the first rows of each table as its header.
fn repeat_headers(body: &str, header_rows: &[usize]) -> Result<String, DocxError> {
    let marked = format!("{ROW_PROPERTIES}<w:tblHeader />");
    replace(body, TABLE, header_rows, |count, rest| {
        format!("{TABLE}{}", rest.replacen(ROW_PROPERTIES, &marked, *count))
    })
}

/// Says of each picture what can be seen on it, and gives it a number of its own.
fn describe_pictures(body: &str, alternatives: &[&str]) -> Result<String, DocxError> {
    let numbered: Vec<(usize, &&str)> = (1..).zip(alternatives).collect();
    replace(body, PICTURE, &numbered, |(number, words), rest| {
        let words = escaped(words);
        let name = format!(r#"id="{number}" name="Figure {number}""#);
        format!(r#"<wp:docPr {name} descr="{words}" />{rest}"#)
    })
}

/// Replaces each sign and what follows it up to the next, one for each item.
fn replace<T>(
    body: &str,
    sign: &str,
    items: &[T],
    one: impl Fn(&T, &str) -> String,
) -> Result<String, DocxError> {
    let mut parts = body.split(sign);
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    let parts: Vec<&str> = parts.collect();
    if parts.len() != items.len() {
        let (found, wanted) = (parts.len(), items.len());
        return Err(DocxError::Package(format!("{found} of {wanted} parts begin with {sign}")));
    }
    for (item, rest) in items.iter().zip(parts) {
        replaced.push_str(&one(item, rest));
    }
    Ok(replaced)
}

/// Title, author and dates of the file. A file without a date has none, not that of its making.
fn properties(cover: &Cover) -> String {
    let date = |name: &str| match &cover.date {
        Some(day) => {
            let instant = format!("{}T00:00:00Z", escaped(day));
            format!(r#"<dcterms:{name} xsi:type="dcterms:W3CDTF">{instant}</dcterms:{name}>"#)
        }
        None => String::new(),
    };
    [
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
        r#"<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties""#,
        r#" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/""#,
        r#" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">"#,
        &format!("<dc:title>{}</dc:title>", escaped(&cover.title)),
        &format!("<dc:subject>{}</dc:subject>", escaped(&cover.study)),
        "<dc:creator>Equipoise</dc:creator><dc:language>en-GB</dc:language>",
        &date("created"),
        &date("modified"),
        "</cp:coreProperties>",
    ]
    .concat()
}

/// Text as XML holds it, also within quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in clean(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_rows_of_a_table_are_its_header() {
        let row = "<w:tr><w:trPr><w:cantSplit /></w:trPr></w:tr>";
        let body = format!("<w:p /><w:tbl>{row}{row}{row}</w:tbl><w:tbl>{row}</w:tbl>");
        let marked = repeat_headers(&body, &[2, 1]).unwrap();
        let count = |text: &str| text.matches("<w:tblHeader />").count();
        let (first, second) = marked.split_once("</w:tbl>").unwrap();
        assert_eq!((count(first), count(second)), (2, 1));
        assert_eq!(marked.replace("<w:tblHeader />", ""), body);
        assert!(repeat_headers(&body, &[2]).is_err());
    }

    #[test]
    fn words_are_escaped() {
        assert_eq!(escaped("a < \"b\" & c\u{1}"), "a &lt; &quot;b&quot; &amp; c ");
    }
}
