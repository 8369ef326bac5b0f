//! What every figure must hold when it is set in the real font: no text touches another, and
//! nothing leaves the figure.

mod cases;

use cases::Case;
use figures::laid_out_widths;
use resvg::usvg::{Group, Node, Options, Rect, Tree, fontdb::Database};
use std::sync::{Arc, LazyLock};

const REGULAR: &[u8] = include_bytes!("../fonts/LiberationSans-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../fonts/LiberationSans-Bold.ttf");

/// How far two texts may overlap, in points: the rounding of coordinates.
const TOLERANCE: f32 = 0.05;

static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(REGULAR.to_vec());
    fonts.load_font_data(BOLD.to_vec());
    Arc::new(fonts)
});

static CASES: LazyLock<Vec<Case>> = LazyLock::new(cases::all);

fn tree(svg: &str) -> Tree {
    let options = Options { dpi: 72.0, fontdb: Arc::clone(&FONTS), ..Options::default() };
    Tree::from_str(svg, &options).expect("figures are SVG")
}

/// The boxes around the glyphs of every text.
fn texts(group: &Group, found: &mut Vec<(String, Rect)>) {
    for node in group.children() {
        match node {
            Node::Group(inner) => texts(inner, found),
            Node::Text(text) => {
                let words: Vec<&str> = text.chunks().iter().map(|chunk| chunk.text()).collect();
                // The glyphs of turned text lie in its own, unturned coordinates.
                let place = text.flattened().bounding_box().transform(text.abs_transform());
                found.push((words.concat(), place.expect("text has a place")));
            }
            _ => {}
        }
    }
}

/// The boxes around everything that is drawn, but text.
fn shapes(group: &Group, found: &mut Vec<Rect>) {
    for node in group.children() {
        match node {
            Node::Group(inner) => shapes(inner, found),
            Node::Path(path) => found.push(path.abs_stroke_bounding_box()),
            _ => {}
        }
    }
}

fn is_within(inner: &Rect, (width, height): (f32, f32)) -> bool {
    -TOLERANCE <= inner.left()
        && -TOLERANCE <= inner.top()
        && inner.right() <= width + TOLERANCE
        && inner.bottom() <= height + TOLERANCE
}

fn overlap(one: &Rect, other: &Rect) -> bool {
    one.left() + TOLERANCE < other.right()
        && other.left() + TOLERANCE < one.right()
        && one.top() + TOLERANCE < other.bottom()
        && other.top() + TOLERANCE < one.bottom()
}

fn faults(svg: &str) -> Vec<String> {
    let tree = tree(svg);
    let size = (tree.size().width(), tree.size().height());
    let (mut written, mut drawn) = (Vec::new(), Vec::new());
    texts(tree.root(), &mut written);
    shapes(tree.root(), &mut drawn);
    let mut faults = Vec::new();
    for (index, (text, place)) in written.iter().enumerate() {
        if !is_within(place, size) {
            faults.push(format!("“{text}” leaves the figure: {place:?}"));
        }
        for (other, beside) in &written[index + 1..] {
            if overlap(place, beside) {
                faults.push(format!("“{text}” touches “{other}”: {place:?}, {beside:?}"));
            }
        }
    }
    let outside = drawn.iter().filter(|place| !is_within(place, size));
    faults.extend(outside.map(|place| format!("a shape leaves the figure: {place:?}")));
    faults
}

#[test]
fn no_text_touches_another_and_nothing_leaves_the_figure() {
    let mut all = Vec::new();
    for case in CASES.iter() {
        all.extend(faults(&case.svg).into_iter().map(|fault| format!("{}: {fault}", case.name)));
    }
    assert!(all.is_empty(), "{} faults\n{}", all.len(), all.join("\n"));
}

#[test]
fn the_check_finds_what_is_wrong() {
    let svg = |x: f64| {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100pt\" height=\"20pt\" \
             viewBox=\"0 0 100 20\" font-family=\"Liberation Sans\" font-size=\"8\">\
             <text x=\"2\" y=\"10\">one</text><text x=\"{x}\" y=\"10\">two</text></svg>"
        )
    };
    assert!(faults(&svg(40.0)).is_empty());
    assert_eq!(faults(&svg(8.0)).len(), 1, "they touch");
    assert_eq!(faults(&svg(95.0)).len(), 1, "one leaves");
}

/// Text in a flow diagram stays within its box.
#[test]
fn text_of_a_flow_diagram_lies_within_its_boxes() {
    for case in CASES.iter().filter(|case| case.name.starts_with("flow-")) {
        let tree = tree(&case.svg);
        let (mut written, mut drawn) = (Vec::new(), Vec::new());
        texts(tree.root(), &mut written);
        shapes(tree.root(), &mut drawn);
        // The first shape is the paper.
        let boxes = &drawn[1.min(drawn.len())..];
        let is_inside = |place: &Rect| {
            let holds = |shape: &Rect| {
                shape.left() <= place.left()
                    && place.right() <= shape.right()
                    && shape.top() <= place.top()
                    && place.bottom() <= shape.bottom()
            };
            boxes.iter().any(holds)
        };
        let outside = written.iter().filter(|(text, place)| {
            !text.contains("invented") && !text.contains("evidence") && !is_inside(place)
        });
        let outside: Vec<&String> = outside.map(|(text, _)| text).collect();
        assert!(outside.is_empty(), "{}: {outside:?}", case.name);
    }
}

/// The table of `figures` has the advance widths of the fonts.
#[test]
fn figures_are_laid_out_by_the_widths_of_the_fonts() {
    let mut n_checked = 0;
    for character in ('\u{20}'..='\u{2fff}').filter(|character| !character.is_control()) {
        let Some(laid_out) = laid_out_widths(character) else { continue };
        let widths: Vec<f64> = FONTS.faces().map(|face| advance(face.id, character)).collect();
        assert_eq!(vec![laid_out.0, laid_out.1], widths, "{character}");
        n_checked += 1;
    }
    assert!(500 < n_checked, "{n_checked} characters");
}

fn advance(id: resvg::usvg::fontdb::ID, character: char) -> f64 {
    let advance = FONTS.with_face_data(id, |data, index| {
        let face = ttf_parser::Face::parse(data, index).expect("the font is whole");
        let glyph =
            face.glyph_index(character).expect("the table has characters of the font alone");
        let advance = face.glyph_hor_advance(glyph).expect("a glyph has a width");
        f64::from(advance) / f64::from(face.units_per_em())
    });
    advance.expect("the face is in the database")
}

#[test]
fn ids_within_a_figure_are_unique_and_named() {
    for case in CASES.iter() {
        let ids: Vec<&str> =
            case.svg.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let distinct: std::collections::BTreeSet<&&str> = ids.iter().collect();
        assert_eq!(ids.len(), distinct.len(), "{}", case.name);
        let named = format!("aria-labelledby=\"{}\"", ids.join(" "));
        assert!(case.svg.contains("role=\"img\"") && case.svg.contains(&named), "{}", case.name);
    }
}
