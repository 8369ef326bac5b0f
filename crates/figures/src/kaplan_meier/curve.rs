//! One survival curve as paths.

use super::KaplanMeierGroup;
use crate::panel::Panel;
use crate::style::{CURVE, FADED, GroupStyle, HAIRLINE, THIN_CURVE};
use crate::svg::{Pen, Svg, number};

/// Opacity of the confidence bands of two curves; more bands are lighter, so that all curves stay
/// visible.
const BAND: f64 = 0.16;
/// Half the height of a censoring mark: 1.5 mm in all.
pub(super) const MARK: f64 = 2.1;
/// Marks nearer to each other are drawn as one, so that many do not hide the curve.
const MARK_DISTANCE: f64 = 1.2;
/// Share of the opacity of a band that is left to it where few are at risk.
const LIGHTER: f64 = 0.5;
/// With fewer at risk a curve is grey and thin.
const FEW: usize = 10;

/// A level of a curve, from one time to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    pub from: f64,
    pub to: f64,
    pub level: f64,
    /// Number at risk after `from`.
    pub n_at_risk: usize,
}

/// The levels of a curve from time 0; the last, at the last time, has no length.
pub(super) fn steps(one: &KaplanMeierGroup) -> Vec<Step> {
    let Some(&first) = one.time.first() else { return Vec::new() };
    let at_risk = |index: usize| one.n_at_risk.get(index).copied().unwrap_or(0);
    let mut steps = vec![Step { from: 0.0, to: first, level: 1.0, n_at_risk: at_risk(0) }];
    for (index, (&from, &survival)) in one.time.iter().zip(&one.survival).enumerate() {
        let to = one.time.get(index + 1).copied().unwrap_or(from);
        let level = survival.clamp(0.0, 1.0);
        steps.push(Step { from, to, level, n_at_risk: at_risk(index + 1) });
    }
    steps
}

/// Number of the first steps that have enough at risk.
fn n_firm(steps: &[Step]) -> usize {
    steps.iter().take_while(|step| FEW <= step.n_at_risk).count()
}

/// The band between the limits, one piece per run of times that have both; lighter where few are at
/// risk.
pub(super) fn draw_band(
    svg: &mut Svg,
    one: &KaplanMeierGroup,
    style: &GroupStyle,
    panel: &Panel,
    n_bands: usize,
) {
    let n_firm = n_firm(&steps(one));
    let mut paths = [String::new(), String::new()];
    let mut run = vec![(0.0, (1.0, 1.0))];
    let mut is_faded = n_firm == 0;
    for (index, &time) in one.time.iter().enumerate() {
        let lower = one.lower.get(index).copied().flatten();
        let upper = one.upper.get(index).copied().flatten();
        let limits = lower.zip(upper);
        // The step after this time is the first of the thin part.
        let is_thin_from_here = index + 1 == n_firm;
        if limits.is_none() || is_thin_from_here {
            paths[usize::from(is_faded)].push_str(&band_piece(&run, time, panel));
            run.clear();
        }
        run.extend(limits.map(|limits| (time, limits)));
        is_faded |= is_thin_from_here;
    }
    let Some(&last) = one.time.last() else { return };
    paths[usize::from(is_faded)].push_str(&band_piece(&run, last, panel));
    let opacity = BAND * 2.0 / n_bands.max(2) as f64;
    let [firm, faded] = paths;
    svg.fill(&firm, style.colour, opacity);
    svg.fill(&faded, style.colour, opacity * LIGHTER);
}

/// The area between the limits of a run that holds until `end`: along the upper limit and back
/// along the lower.
fn band_piece(run: &[(f64, (f64, f64))], end: f64, panel: &Panel) -> String {
    let Some(&(start, (_, upper))) = run.first() else { return String::new() };
    let x = |time: f64| number(panel.x.at(time));
    let y = |level: f64| number(panel.y.at(level.clamp(0.0, 1.0)));
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

/// The steps from (0, 1) to the last time, grey and thin with the same dashes where few are at risk, and
/// a mark where subjects are censored.
pub(super) fn draw_steps(svg: &mut Svg, one: &KaplanMeierGroup, style: &GroupStyle, panel: &Panel) {
    let steps = steps(one);
    let n_firm = n_firm(&steps);
    let pen = Pen::solid(style.colour, CURVE).dashed(style.dash);
    if steps[n_firm..].iter().any(|step| step.from < step.to) {
        let thin = Pen { colour: FADED, width: THIN_CURVE, ..pen };
        svg.stroke(&step_path(&steps[n_firm..], None, panel), thin);
    }
    if 0 < n_firm {
        // The last step of the firm part is followed by the fall at its end.
        let fall = steps.get(n_firm).map(|step| step.level);
        svg.stroke(&step_path(&steps[..n_firm], fall, panel), pen);
    }
    let firm_until = steps.get(n_firm).map_or(f64::INFINITY, |step| step.from);
    let [firm, faded] = marks(one, panel, firm_until);
    svg.stroke(&firm, Pen::solid(style.colour, HAIRLINE));
    svg.stroke(&faded, Pen::solid(FADED, HAIRLINE));
}

fn step_path(steps: &[Step], fall: Option<f64>, panel: &Panel) -> String {
    let Some(first) = steps.first() else { return String::new() };
    let y = |level: f64| number(panel.y.at(level));
    let mut level = y(first.level);
    let mut path = format!("M{} {level}", number(panel.x.at(first.from)));
    let mut end = first.to;
    for step in &steps[1..] {
        if y(step.level) != level {
            level = y(step.level);
            path.push_str(&format!("H{}V{level}", number(panel.x.at(step.from))));
        }
        end = step.to;
    }
    path.push_str(&format!("H{}", number(panel.x.at(end))));
    if let Some(fall) = fall.filter(|fall| y(*fall) != level) {
        path.push_str(&format!("V{}", y(fall)));
    }
    path
}

/// The marks up to a time, and those after it.
fn marks(one: &KaplanMeierGroup, panel: &Panel, firm_until: f64) -> [String; 2] {
    let mut marks = [String::new(), String::new()];
    let mut last = f64::NEG_INFINITY;
    for (index, (&time, &survival)) in one.time.iter().zip(&one.survival).enumerate() {
        let x = panel.x.at(time);
        let is_censored = one.n_censored.get(index).is_some_and(|&n| 0 < n);
        if is_censored && last + MARK_DISTANCE <= x {
            last = x;
            let y = panel.y.at(survival.clamp(0.0, 1.0));
            let mark = format!("M{} {}V{}", number(x), number(y - MARK), number(y + MARK));
            marks[usize::from(firm_until < time)].push_str(&mark);
        }
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two leave at 1, one at 2: the curve is at 1, then at 1/3, then at 0.
    #[test]
    fn steps_have_the_numbers_at_risk_after_their_beginning() {
        let one = KaplanMeierGroup {
            time: vec![1.0, 2.0],
            n_at_risk: vec![3, 1],
            survival: vec![1.0 / 3.0, 0.0],
            ..KaplanMeierGroup::default()
        };
        let step = |from, to, level, n_at_risk| Step { from, to, level, n_at_risk };
        let expected =
            [step(0.0, 1.0, 1.0, 3), step(1.0, 2.0, 1.0 / 3.0, 1), step(2.0, 2.0, 0.0, 0)];
        assert_eq!(steps(&one), expected);
        assert!(steps(&KaplanMeierGroup::default()).is_empty());
    }
}
