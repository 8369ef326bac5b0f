//! Text within the plot: names at the curves, values at the medians, and the caller's text, each
//! where it touches nothing.

use super::KaplanMeierFigure;
use super::curve::{MARK, Step, steps};
use crate::page::Page;
use crate::panel::Panel;
use crate::place::Rect;
use crate::style::{INK, group};
use crate::svg::{Svg, Text};

/// Distance of a name from its curve: beyond the marks of the censored.
const GAP: f64 = MARK + 0.9;
/// Distance of a name from what it must not touch: a little less than its distance from the marks of
/// its own curve.
const NEAR: f64 = GAP - MARK - 0.05;
/// Distance of text from what it must not touch.
const AWAY: f64 = 1.8;
/// Share of the plot's width that a name or the text may take.
const SHARE: f64 = 0.62;
/// Share of the width of a name that the longer of two lines may take.
const HALF: f64 = 0.62;
/// Lines into which a name may be broken.
const MOST_LINES: usize = 2;
/// Places that are tried along a curve.
const N_PLACES: usize = 24;

/// A block of text in its place.
pub(super) struct Label {
    lines: Vec<String>,
    place: Rect,
    colour: &'static str,
    is_bold: bool,
}

/// What found its place in the plot; absent where it must stand above.
pub(super) struct Labels {
    pub names: Option<Vec<Label>>,
    pub text: Option<Label>,
    pub medians: Vec<Label>,
}

/// Finds places in a plot.
pub(super) fn labels(figure: &KaplanMeierFigure, page: Page, panel: &Panel) -> Labels {
    let room =
        Rect { left: panel.left + 2.0, top: panel.top, right: panel.right, bottom: panel.bottom };
    let curves: Vec<Vec<Step>> = figure.groups.iter().map(steps).collect();
    let mut taken: Vec<Rect> = curves.iter().flat_map(|curve| curve_rects(curve, panel)).collect();
    taken.extend(median_rects(figure, panel));
    let medians = median_labels(figure, page, panel, &room, &mut taken);
    let names = names(figure, page, (panel, &room), &curves, &mut taken);
    let text = text_label(figure, page, &room, &taken);
    Labels { names, text, medians }
}

impl Label {
    pub fn draw(&self, svg: &mut Svg, page: Page, shift: f64) {
        for (index, line) in self.lines.iter().enumerate() {
            let y = self.place.top + shift + page.ascent() + page.line() * index as f64;
            let text = page.text(self.place.left, y, line);
            svg.text(Text { colour: self.colour, bold: self.is_bold, ..text });
        }
    }
}

/// Height of some lines.
fn height(page: Page, n_lines: usize) -> f64 {
    page.line() * (n_lines.max(1) - 1) as f64 + page.ascent() + page.descent()
}

/// The room of the pieces of a curve, with its marks.
fn curve_rects(curve: &[Step], panel: &Panel) -> Vec<Rect> {
    let mut rects = Vec::new();
    for (index, step) in curve.iter().enumerate() {
        let (left, right) = (panel.x.at(step.from), panel.x.at(step.to));
        let y = panel.y.at(step.level);
        rects.push(Rect { left, top: y - MARK, right, bottom: y + MARK });
        if let Some(next) = curve.get(index + 1) {
            let bottom = panel.y.at(next.level);
            rects.push(Rect { left: right, top: y, right, bottom });
        }
    }
    rects
}

/// The room of the dotted lines.
fn median_rects(figure: &KaplanMeierFigure, panel: &Panel) -> Vec<Rect> {
    let half = panel.y.at(0.5);
    let mut rects = Vec::new();
    for (_, median) in super::drawn_medians(figure, panel) {
        let x = panel.x.at(median);
        rects.push(Rect { left: x, top: half, right: x, bottom: panel.bottom });
        rects.push(Rect { left: panel.left, top: half, right: x, bottom: half });
    }
    rects
}

/// Values at the feet of the dotted lines, the smallest to the left of its line. One that finds no
/// place there stands to the right of all lines with the name of its group, or is left out.
fn median_labels(
    figure: &KaplanMeierFigure,
    page: Page,
    panel: &Panel,
    room: &Rect,
    taken: &mut Vec<Rect>,
) -> Vec<Label> {
    let mut medians = super::drawn_medians(figure, panel);
    medians.sort_by(|a, b| a.1.total_cmp(&b.1));
    let last = medians.last().map_or(0.0, |(_, median)| panel.x.at(*median));
    let foot = (page, panel.bottom);
    let mut labels = Vec::new();
    let mut displaced = Vec::new();
    for (rank, (index, median)) in medians.iter().enumerate() {
        let text = &figure.groups[*index].median_text;
        let (x, width) = (panel.x.at(*median), page.measure(text));
        let is_left = rank == 0 && 1 < medians.len();
        let left = feet(foot, x - width - BESIDE, width);
        let right = feet(foot, x + BESIDE, width);
        let places = left.zip(right).flat_map(
            |(left, right)| {
                if is_left { [left, right] } else { [right, left] }
            },
        );
        match room.first_free(places, taken, 0.8) {
            _ if text.is_empty() => {}
            Some(place) => labels.push(median_label(text.clone(), place, *index, taken)),
            None => displaced.push(*index),
        }
    }
    for index in displaced {
        let group = &figure.groups[index];
        let text = format!("{} {}", group.label, group.median_text);
        let places = feet(foot, last + BESIDE, page.measure(&text));
        if let Some(place) = room.first_free(places, taken, 0.8) {
            labels.push(median_label(text, place, index, taken));
        }
    }
    labels
}

/// Distance of a value from its line.
const BESIDE: f64 = 2.2;

/// Places above the axis, one above the other.
fn feet((page, bottom): (Page, f64), left: f64, width: f64) -> impl Iterator<Item = Rect> {
    (0..4).map(move |level| {
        let bottom = bottom - 1.5 - page.line() * f64::from(level);
        Rect { left, top: bottom - height(page, 1), right: left + width, bottom }
    })
}

fn median_label(text: String, place: Rect, index: usize, taken: &mut Vec<Rect>) -> Label {
    taken.push(place);
    Label { lines: vec![text], place, colour: group(index).colour, is_bold: false }
}

/// The name of every group at its curve; absent when one finds no place.
fn names(
    figure: &KaplanMeierFigure,
    page: Page,
    (panel, room): (&Panel, &Rect),
    curves: &[Vec<Step>],
    taken: &mut Vec<Rect>,
) -> Option<Vec<Label>> {
    let most = SHARE * (panel.right - panel.left);
    let mut labels = Vec::new();
    let mut all_taken = taken.clone();
    for (index, (one, curve)) in figure.groups.iter().zip(curves).enumerate() {
        if curve.is_empty() {
            return None;
        }
        let above = is_upper(index, curves);
        let find = |lines: Vec<String>| {
            let width = lines.iter().map(|line| page.measure_bold(line)).fold(0.0, f64::max);
            let size = (width, height(page, lines.len()));
            let places = places_along(curve, size, panel, above);
            Some((room.first_free(places.into_iter(), &all_taken, NEAR)?, lines))
        };
        let (place, lines) = broken(&one.label, page, most).into_iter().find_map(find)?;
        all_taken.push(place);
        labels.push(Label { lines, place, colour: group(index).colour, is_bold: true });
    }
    *taken = all_taken;
    Some(labels)
}

/// The ways in which a name may stand at its curve: in as few lines as it needs, then in more and
/// shorter ones that break no word.
fn broken(label: &str, page: Page, most: f64) -> Vec<Vec<String>> {
    let whole = page.wrap_bold(label, most);
    let short = page.wrap_bold(label, HALF * page.measure_bold(label));
    let breaks_no_word = whole.len() < short.len() && short.join(" ") == whole.join(" ");
    let mut ways = vec![whole];
    ways.extend(breaks_no_word.then_some(short));
    ways.retain(|lines| (1..=MOST_LINES).contains(&lines.len()));
    ways
}

/// Whether a curve ends above the middle of all.
fn is_upper(index: usize, curves: &[Vec<Step>]) -> bool {
    let end = |curve: &Vec<Step>| curve.last().map_or(0.0, |step| step.level);
    let n_below = curves.iter().filter(|other| end(other) < end(&curves[index])).count();
    2 * n_below >= curves.len().saturating_sub(1)
}

/// Places of a name: behind the end of its curve, then above and below it, from its end back.
fn places_along(
    curve: &[Step],
    (width, height): (f64, f64),
    panel: &Panel,
    above_first: bool,
) -> Vec<Rect> {
    let last = curve.last().map_or((0.0, 0.0), |step| (step.to, step.level));
    let (end, level) = (panel.x.at(last.0), panel.y.at(last.1));
    let top = level - height / 2.0;
    let behind = Rect { left: end + GAP, top, right: end + GAP + width, bottom: top + height };
    let mut places = vec![behind];
    for index in 0..N_PLACES {
        let right = end - (panel.right - panel.left) * 0.04 * index as f64;
        let left = right - width;
        // Steps just beside the name count too: a curve of many has one there wherever the name is.
        let bottom = panel.y.at(level_at(curve, left - NEAR, panel)) - GAP;
        let top = panel.y.at(level_at(curve, right + NEAR, panel)) + GAP;
        let above = Rect { left, top: bottom - height, right, bottom };
        let below = Rect { left, top, right, bottom: top + height };
        places.extend(if above_first { [above, below] } else { [below, above] });
    }
    places
}

/// The level of a curve at a coordinate.
fn level_at(curve: &[Step], x: f64, panel: &Panel) -> f64 {
    let after = curve.partition_point(|step| panel.x.at(step.from) <= x);
    curve.get(after.saturating_sub(1)).map_or(1.0, |step| step.level)
}

/// The caller's text: top right, bottom left, or where else it touches nothing.
fn text_label(
    figure: &KaplanMeierFigure,
    page: Page,
    room: &Rect,
    taken: &[Rect],
) -> Option<Label> {
    let lines = figure.text.clone();
    let width = lines.iter().map(|line| page.measure(line)).fold(0.0, f64::max);
    let height = height(page, lines.len());
    if SHARE * (room.right - room.left) < width {
        return None;
    }
    let place = |left: f64, top: f64| Rect { left, top, right: left + width, bottom: top + height };
    let span = room.bottom - room.top - height - 4.0;
    let at_right =
        (0..4).map(|k| place(room.right - width - 1.0, room.top + span * 0.12 * f64::from(k)));
    let at_left = (0..5)
        .map(|k| place(room.left + 3.0, room.bottom - 3.0 - height - span * 0.1 * f64::from(k)));
    let place = room.first_free(at_right.chain(at_left), taken, AWAY)?;
    Some(Label { lines, place, colour: INK, is_bold: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_broken_between_words_only() {
        let page = Page::ONE_COLUMN;
        let ways = |label: &str| broken(label, page, 120.0);
        let name = "hormonal treatment";
        assert_eq!(ways(name), [vec![name], vec!["hormonal", "treatment"]]);
        assert_eq!(ways("none"), [["none"]]);
        assert!(ways(&"a very long name of a group ".repeat(9)).is_empty());
        assert!(ways("").is_empty());
    }

    /// A curve that falls at every time has a step just beside its name wherever that is tried; the name
    /// stands at it nevertheless.
    #[test]
    fn the_name_of_a_dense_curve_stands_at_it() {
        let n = 400;
        let group = super::super::KaplanMeierGroup {
            label: "hormonal treatment".into(),
            time: (1..=n).map(|at| at as f64).collect(),
            n_at_risk: (1..=n).rev().collect(),
            n_events: vec![1; n],
            n_censored: vec![0; n],
            survival: (1..=n).map(|at| 1.0 - at as f64 / n as f64).collect(),
            ..Default::default()
        };
        let figure = KaplanMeierFigure { groups: vec![group], ..Default::default() };
        let page = Page::ONE_COLUMN;
        let panel = super::super::Layout::of(&figure, page, Default::default()).panel;
        assert!(labels(&figure, page, &panel).names.is_some());
    }
}
