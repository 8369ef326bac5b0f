//! One survival curve as paths.

use super::KaplanMeierGroup;
use super::layout::Layout;
use crate::style::GroupStyle;
use crate::svg::{Svg, number};

/// Opacity of a confidence band: light enough that two bands and both curves stay visible.
const BAND: f64 = 0.17;
/// Half the height of a censoring mark.
const MARK: f64 = 3.5;
/// Marks nearer to each other are drawn as one, so that many do not hide the curve.
const MARK_DISTANCE: f64 = 2.5;

/// The band between the limits, one piece per run of times that have both.
pub(super) fn draw_band(
    svg: &mut Svg,
    one: &KaplanMeierGroup,
    style: &GroupStyle,
    layout: &Layout,
) {
    let mut path = String::new();
    let mut run = vec![(0.0, (1.0, 1.0))];
    for (index, &time) in one.time.iter().enumerate() {
        let lower = one.lower.get(index).copied().flatten();
        let upper = one.upper.get(index).copied().flatten();
        match lower.zip(upper) {
            Some(limits) => run.push((time, limits)),
            None => {
                path.push_str(&band_piece(&run, time, layout));
                run.clear();
            }
        }
    }
    if let Some(&last) = one.time.last() {
        path.push_str(&band_piece(&run, last, layout));
        svg.fill(&path, style.colour, BAND);
    }
}

/// The area between the limits of a run that holds until `end`: along the upper limit and back
/// along the lower.
fn band_piece(run: &[(f64, (f64, f64))], end: f64, layout: &Layout) -> String {
    let Some(&(start, (_, upper))) = run.first() else { return String::new() };
    let x = |time: f64| number(layout.x.at(time));
    let y = |level: f64| number(layout.y.at(level.clamp(0.0, 1.0)));
    let mut path = format!("M{} {}", x(start), y(upper));
    for (time, (_, upper)) in &run[1..] {
        path.push_str(&format!("H{}V{}", x(*time), y(*upper)));
    }
    path.push_str(&format!("H{}", x(end)));
    for (time, (lower, _)) in run.iter().rev() {
        path.push_str(&format!("V{}H{}", y(*lower), x(*time)));
    }
    path.push('Z');
    path
}

/// The steps from (0, 1) to the last time, and a mark where subjects are censored.
pub(super) fn draw_steps(
    svg: &mut Svg,
    one: &KaplanMeierGroup,
    style: &GroupStyle,
    layout: &Layout,
) {
    if one.time.is_empty() {
        return;
    }
    let mut level = number(layout.y.at(1.0));
    let mut path = format!("M{} {level}", number(layout.x.at(0.0)));
    let mut marks = String::new();
    let mut last_mark = f64::NEG_INFINITY;
    for (index, (&time, &survival)) in one.time.iter().zip(&one.survival).enumerate() {
        let x = number(layout.x.at(time));
        let y = layout.y.at(survival.clamp(0.0, 1.0));
        let next = number(y);
        let is_last = index + 1 == one.time.len();
        if next != level || is_last {
            path.push_str(&format!("H{x}"));
        }
        if next != level {
            path.push_str(&format!("V{next}"));
            level = next;
        }
        let is_censored = one.n_censored.get(index).is_some_and(|&n| 0 < n);
        if is_censored && last_mark + MARK_DISTANCE <= layout.x.at(time) {
            last_mark = layout.x.at(time);
            marks.push_str(&format!("M{x} {}V{}", number(y - MARK), number(y + MARK)));
        }
    }
    svg.stroke(&path, style.colour, 1.8, style.dash);
    if !marks.is_empty() {
        svg.stroke(&marks, style.colour, 0.9, "");
    }
}
