//! Figures stand in the folder of a report in every format that was asked for.

use crate::harness::{Report, equipoise, example, with_few_replicates};
use std::path::Path;

/// A TIFF begins with the order of its bytes. The header of a PNG names its sides at 16; the chunk `pHYs` the pixels per metre, 100 per inch
/// being 3937.
#[test]
fn every_figure_has_pictures_and_a_page() {
    let folder = with_few_replicates("her2");
    let formats = ["--figures", "png,tiff,pdf", "--figure-dpi", "100"];
    let report = Report::of(&folder.path().join("study.toml"), &formats);
    let drawings = report.files("figures", "svg");
    assert!(drawings.contains(&"km-os-matched.svg".to_owned()), "{drawings:?}");
    assert!(drawings.contains(&"km-os-matched-one-column.svg".to_owned()), "{drawings:?}");
    for drawing in &drawings {
        let file = |ending: &str| {
            let name = Path::new(drawing).with_extension(ending);
            report.bytes(&format!("figures/{}", name.display()))
        };
        let picture = file("png");
        let number = |at: usize| u32::from_be_bytes(picture[at..at + 4].try_into().unwrap());
        let width = if drawing.contains("one-column") { 335 } else { 709 };
        assert_eq!(number(16), width, "{drawing}");
        let resolution = picture.windows(4).position(|bytes| bytes == b"pHYs").expect("a chunk");
        assert_eq!(number(resolution + 4), 3937, "{drawing}");
        assert!(file("tiff").starts_with(b"II*\0"), "{drawing}");
        assert!(file("pdf").starts_with(b"%PDF-"), "{drawing}");
    }
}

#[test]
fn svg_alone_makes_no_other_files() {
    let folder = with_few_replicates("her2");
    let report = Report::of(&folder.path().join("study.toml"), &["--figures", "svg"]);
    assert!(!report.files("figures", "svg").is_empty());
    assert!(report.files("figures", "png").is_empty());
    assert!(report.files("figures", "tiff").is_empty());
    assert!(report.files("figures", "pdf").is_empty());
}

#[test]
fn an_unknown_format_is_wrong_input() {
    let study = example("her2");
    let output = equipoise(["run", study.to_str().unwrap(), "--figures", "gif"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("[possible values: svg, png, tiff, pdf]")
    );
}
