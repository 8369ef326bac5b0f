//! Figures at the edges of what they are made for: none, few and many patients, short and long
//! labels and follow-up, at one and two columns. The patients are invented.

use figures::{
    Caption, FlowBox, FlowFigure, ForestFigure, ForestRow, ForestValue, HistogramFigure,
    KaplanMeierFigure, KaplanMeierGroup, LogLogCurve, LogLogFigure, LoveFigure, LoveRow, Mark,
    MarkKind, OverlapArm, OverlapFigure, OverlapPanel, Page, ResidualFigure, ResidualPanel,
    SmoothPoint,
};

/// A drawn figure and what it is a case of.
pub struct Case {
    pub name: String,
    pub svg: String,
}

const LONG: &str = "neoadjuvant trastuzumab, pertuzumab and docetaxel followed by surgery and \
                    adjuvant trastuzumab emtansine";

/// All cases.
pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    let narrow = Page::of_width(75.0);
    let dense = Page::of_width(183.0).with_text(7.0);
    let pages =
        [("75", narrow), ("85", Page::ONE_COLUMN), ("180", Page::TWO_COLUMNS), ("183", dense)];
    for (suffix, page) in pages {
        let mut add = |name: &str, svg: String| {
            cases.push(Case { name: format!("{name}-{suffix}"), svg });
        };
        for (name, figure) in curves() {
            add(name, figures::kaplan_meier(&figure, page));
        }
        for (name, figure) in loves() {
            add(name, figures::love_plot(&figure, page));
        }
        for (name, n_panels) in [("overlap-one", 1), ("overlap-two", 2)] {
            add(name, figures::overlap_plot(&overlap(n_panels), page));
        }
        for (name, figure) in flows() {
            add(name, figures::flow_diagram(&figure, page));
        }
        for (name, figure) in all_residuals() {
            add(name, figures::residual_plot(&figure, page));
        }
        for (name, scale) in [("log-log-days", 30.0), ("log-log-years", 0.1)] {
            add(name, figures::log_log_plot(&log_log(scale), page));
        }
        for (name, figure) in histograms() {
            add(name, figures::histogram(&figure, page));
        }
        for (name, figure) in forests() {
            add(name, figures::forest_plot(&figure, page));
        }
    }
    for (name, figure) in forests() {
        let svg = figures::forest_plot(&figure, Page::of_width(132.0).with_text(8.0));
        cases.push(Case { name: format!("{name}-132"), svg });
        let svg = figures::forest_plot(&figure, Page::of_width(154.0));
        cases.push(Case { name: format!("{name}-154"), svg });
    }
    cases
}

fn caption(id: &str) -> Caption {
    Caption {
        id: id.into(),
        title: "A figure".into(),
        description: "What it shows.".into(),
        notice: Some(
            "The patients of this figure are invented; its results are no evidence.".into(),
        ),
    }
}

/// A curve of `n` patients who leave evenly until `end`, each `censored`-th without event; of many
/// several leave at a time.
fn group(label: &str, n: usize, end: f64, censored: usize, pace: f64) -> KaplanMeierGroup {
    let mut one = KaplanMeierGroup {
        label: label.into(),
        detail: format!("n = {n}"),
        ..KaplanMeierGroup::default()
    };
    let (mut survival, mut variance) = (1.0, 0.0);
    let together = n.div_ceil(400).max(1);
    for (turn, index) in (0..n).step_by(together).enumerate() {
        let share = (index + 1) as f64 / n as f64;
        let at_risk = n - index;
        let n_leave = together.min(at_risk);
        let is_event = (turn + 1) % censored != 0;
        if is_event {
            survival *= 1.0 - n_leave as f64 / at_risk as f64;
            if n_leave < at_risk {
                variance += n_leave as f64 / (at_risk as f64 * (at_risk - n_leave) as f64);
            }
        }
        let half: f64 = 1.96 * survival * f64::sqrt(variance);
        one.time.push(end * share.powf(pace));
        one.n_at_risk.push(at_risk);
        one.n_events.push(if is_event { n_leave } else { 0 });
        one.n_censored.push(if is_event { 0 } else { n_leave });
        one.survival.push(survival);
        one.lower.push((0.0 < survival).then_some((survival - half).max(0.0)));
        one.upper.push((0.0 < survival).then_some((survival + half).min(1.0)));
        if one.median.is_none() && survival <= 0.5 {
            one.median = one.time.last().copied();
            one.median_text = format!("{:.1}", one.time[turn]);
        }
    }
    one
}

fn km(groups: Vec<KaplanMeierGroup>, text: &[&str]) -> KaplanMeierFigure {
    KaplanMeierFigure {
        caption: caption("km"),
        time_axis: "Months since diagnosis".into(),
        survival_axis: "Overall survival (%)".into(),
        period: Some(12.0),
        groups,
        text: text.iter().map(ToString::to_string).collect(),
    }
}

const TEXT: [&str; 2] = ["HR 0.484 (95% CI 0.361-0.650)", "Log-rank P <0.0001"];

fn curves() -> Vec<(&'static str, KaplanMeierFigure)> {
    let four = |label: [&str; 4]| {
        let paces = [1.0, 1.3, 0.7, 0.9];
        let groups = label.iter().zip(paces).enumerate();
        groups.map(|(k, (label, pace))| group(label, 60 + 20 * k, 120.0, 3, pace)).collect()
    };
    let two = |end: f64, censored: [usize; 2]| {
        let first = group("Surgery", 159, end, censored[0], 1.2);
        vec![first, group("No surgery", 320, end * 0.8, censored[1], 0.7)]
    };
    let long = vec![group(LONG, 80, 90.0, 2, 1.0), group("chemotherapy alone", 90, 80.0, 5, 0.8)];
    let mut twins = two(90.0, [4, 4]);
    twins[1] = KaplanMeierGroup { label: "No surgery".into(), ..twins[0].clone() };
    let far = KaplanMeierFigure { period: None, ..km(two(7305.0, [3, 5]), &TEXT) };
    let far = KaplanMeierFigure { time_axis: "Time (days)".into(), ..far };
    let wide = vec![group("Exposed", 25_000, 130.0, 2, 1.0), group("Not", 18_000, 130.0, 3, 0.8)];
    vec![
        ("km-none", km(Vec::new(), &[])),
        ("km-one", km(vec![group("All patients", 120, 84.0, 4, 0.9)], &[])),
        ("km-two", km(two(180.0, [3, 6]), &TEXT)),
        ("km-not-reached", km(two(60.0, [2, 2]).into_iter().map(rare).collect(), &TEXT)),
        ("km-four", km(four(["I", "II", "III", "IV"]), &["Log-rank P = 0.021"])),
        (
            "km-four-names",
            km(four(["whole breast", "chest wall", "regional nodes", "no radiotherapy"]), &TEXT),
        ),
        ("km-long", km(long, &TEXT)),
        ("km-twins", km(twins, &TEXT)),
        ("km-short", km(two(0.4, [3, 4]), &TEXT)),
        ("km-far", far),
        ("km-large", km(wide, &TEXT)),
        ("km-three", km(vec![group("A", 2, 14.0, 9, 1.0), group("B", 1, 9.0, 1, 1.0)], &TEXT)),
        ("km-empty-arm", km(vec![group("A", 30, 50.0, 3, 1.0), group("B", 0, 1.0, 2, 1.0)], &TEXT)),
        (
            "km-foreign",
            km(
                vec![group("Größe ≤ 20 mm", 40, 50.0, 3, 1.0), group("手術なし", 30, 40.0, 4, 1.2)],
                &["P = 0.5"],
            ),
        ),
    ]
}

/// The same patients, but a tenth of the events.
fn rare(mut one: KaplanMeierGroup) -> KaplanMeierGroup {
    let level = |survival: f64| 1.0 - (1.0 - survival) * 0.1;
    one.survival.iter_mut().for_each(|survival| *survival = level(*survival));
    for limits in [&mut one.lower, &mut one.upper] {
        limits.iter_mut().flatten().for_each(|limit| *limit = level(*limit));
    }
    one.median = None;
    one.median_text.clear();
    one
}

fn loves() -> Vec<(&'static str, LoveFigure)> {
    let row = |index: usize| {
        let before = 0.7 / (1.0 + index as f64) - 0.1;
        LoveRow {
            label: if index == 3 { LONG.into() } else { format!("Variable {index} (mg/dl)") },
            before: Some(before),
            after: (index != 2).then_some(before / 9.0),
            before_text: format!("{before:.3}"),
            after_text: format!("{:.3}", before / 9.0),
            variance_ratio: if index.is_multiple_of(2) { "1.07".into() } else { String::new() },
            levels: Vec::new(),
        }
    };
    let with_levels = |index: usize| LoveRow {
        levels: (0..if index % 3 == 1 { 4 } else { 0 })
            .map(|level| LoveRow { label: format!("Level {level}"), ..row(level + index) })
            .collect(),
        ..row(index)
    };
    let figure = |n: usize| LoveFigure {
        caption: caption("love"),
        axis: "Absolute standardised mean difference".into(),
        before: "All patients".into(),
        after: "Matched patients".into(),
        before_note: "largest 0.600".into(),
        after_note: "largest 0.067".into(),
        variance_ratio: "Variance ratio after".into(),
        threshold: 0.1,
        rows: (0..n).map(row).collect(),
    };
    let alone = LoveFigure {
        after: String::new(),
        after_note: String::new(),
        variance_ratio: String::new(),
        ..figure(2)
    };
    let levels = LoveFigure { rows: (0..8).map(with_levels).collect(), ..figure(0) };
    vec![
        ("love-none", figure(0)),
        ("love-before", alone),
        ("love-many", figure(14)),
        ("love-levels", levels),
    ]
}

fn overlap(n_panels: usize) -> OverlapFigure {
    let arm = |shift: usize| {
        let share = |bin: usize| (9 - (bin + shift).abs_diff(10).min(9)) as f64 / 100.0;
        OverlapArm { shares: (0..20).map(share).collect() }
    };
    let titles = ["All patients", "Matched patients"];
    let panel = |title: &&str| OverlapPanel {
        title: (*title).into(),
        arms: [arm(0), arm(4)],
        support: Some([0.1, 0.85]),
    };
    OverlapFigure {
        caption: caption("overlap"),
        axis: "Propensity score".into(),
        share_axis: "Share of the arm (%)".into(),
        arms: [LONG.into(), "chemotherapy alone".into()],
        panels: titles.iter().take(n_panels).map(panel).collect(),
    }
}

/// Counts of eight sites; a name stays together with its count.
fn by_site(what: &str) -> String {
    let site =
        |site: usize| format!("Hospital {site} {what}: {}", 1 + site * 17).replace(' ', "\u{a0}");
    (1..9).map(site).collect::<Vec<_>>().join("; ")
}

fn flows() -> Vec<(&'static str, FlowFigure)> {
    let step = |label: &str, n: usize, excluded: Option<&str>| FlowBox {
        label: label.into(),
        count: format!("n = {n}"),
        excluded: excluded.map(Into::into),
        excluded_details: excluded.iter().map(|_| by_site("left out")).collect(),
        ..FlowBox::default()
    };
    let sites =
        |one: FlowBox| FlowBox { details: vec!["A: 120; B: 98".into(), by_site("n")], ..one };
    let steps = vec![
        step("Rows of the table", 1481, None),
        sites(step(
            "Human epidermal growth factor receptor 2 positive",
            1200,
            Some("Left out: 281 (of these 12 for a missing value)"),
        )),
        step(LONG, 900, Some("Left out: 300")),
    ];
    let arms = |n: usize| -> Vec<Vec<FlowBox>> {
        let one = |k: usize| {
            let label = if k == 0 { LONG } else { "chemotherapy alone" };
            vec![sites(step(label, 450, None)), step("Matched", 300, Some("Unmatched: 150"))]
        };
        (0..n).map(one).collect()
    };
    let figure = |steps: Vec<FlowBox>, n_arms: usize| FlowFigure {
        caption: caption("flow"),
        steps,
        arms: arms(n_arms),
    };
    vec![
        ("flow-none", figure(Vec::new(), 0)),
        ("flow-plain", figure(steps[..1].to_vec(), 2)),
        ("flow-two", figure(steps.clone(), 2)),
        ("flow-four", figure(steps, 4)),
    ]
}

fn forests() -> Vec<(&'static str, ForestFigure)> {
    let value = |ratio: f64, width: f64, weight: f64| ForestValue {
        ratio,
        lower: Some(ratio / width),
        upper: Some(ratio * width),
        weight,
    };
    let row = |label: &str, value: Option<ForestValue>, note: &str| ForestRow {
        label: label.into(),
        cells: vec!["112/1159".into(), "1160/2320".into()],
        ratio: match value {
            Some(_) => "0.484 (0.361-0.650)".into(),
            None => "too few events".into(),
        },
        value,
        note: note.into(),
        ..ForestRow::default()
    };
    let heading = |label: &str| ForestRow {
        label: label.into(),
        is_heading: true,
        note: "0.021".into(),
        ..ForestRow::default()
    };
    let overall = ForestRow {
        is_heading: true,
        is_overall: true,
        ..row("Matched patients", Some(value(0.6, 1.2, 300.0)), "")
    };
    let rows = vec![
        overall,
        heading("Age"),
        row("< 50 years", Some(value(0.5, 1.5, 80.0)), ""),
        row("50 years or older", Some(value(0.8, 1.3, 220.0)), ""),
        heading(LONG),
        row(LONG, Some(value(0.9, 30.0, 4.0)), ""),
        row("none", None, ""),
        row("Chemotherapy", Some(ForestValue { lower: None, ..value(7.0, 2.0, 12.0) }), "0.72"),
    ];
    let figure = |arms: [&str; 2], rows: Vec<ForestRow>| ForestFigure {
        caption: caption("forest"),
        axis: "Hazard ratio".into(),
        favours_below: format!("favours {}", arms[0]),
        favours_above: format!("favours {}", arms[1]),
        columns_heading: "Events / patients".into(),
        columns: arms.map(Into::into).into(),
        ratio_heading: "HR (95% CI)".into(),
        note_heading: "Interaction P".into(),
        rows,
    };
    vec![
        ("forest-none", figure(["A", "B"], Vec::new())),
        ("forest-short", figure(["surgery", "no surgery"], rows.clone())),
        ("forest-long", figure([LONG, "chemotherapy alone"], rows)),
    ]
}

fn all_residuals() -> Vec<(&'static str, ResidualFigure)> {
    let raw = |scale: f64, period: Option<f64>| {
        let mut figure = ResidualFigure { period, ..residuals(6) };
        for panel in &mut figure.panels {
            panel.ticks.clear();
            panel.points.iter_mut().for_each(|point| point.0 *= scale);
            panel.smooth.iter_mut().for_each(|point| point.at *= scale);
        }
        figure
    };
    let few = |mut figure: ResidualFigure| {
        for panel in &mut figure.panels {
            panel.points.truncate(3);
            panel.smooth.clear();
        }
        figure
    };
    vec![
        ("residuals-1", residuals(1)),
        ("residuals-3", residuals(3)),
        ("residuals-6-months", raw(180.0, Some(12.0))),
        ("residuals-days", raw(7305.0, None)),
        ("residuals-short", raw(0.4, Some(12.0))),
        ("residuals-few", few(raw(60.0, Some(12.0)))),
    ]
}

fn residuals(n_panels: usize) -> ResidualFigure {
    let wave = |index: usize| ((index * 37) % 101) as f64 / 50.0 - 1.0;
    let panel = |k: usize| ResidualPanel {
        title: format!("{}: P = 0.0{k}1", if k == 1 { LONG } else { "Age (years)" }),
        axis: "Log hazard ratio".into(),
        points: (0..120)
            .map(|index| (index as f64 / 120.0, wave(index) * (k + 1) as f64))
            .collect(),
        smooth: (0..30)
            .map(|index| {
                let at = index as f64 / 30.0;
                let fit = 0.5 * at - 0.2;
                SmoothPoint { at, fit, limits: Some((fit - 0.4, fit + 0.4)) }
            })
            .collect(),
        coefficient: Some(0.1),
        ticks: [(0.05, "3.4"), (0.3, "12"), (0.32, "13"), (0.6, "31"), (0.95, "120")]
            .map(|(at, name)| (at, name.to_owned()))
            .into(),
    };
    ResidualFigure {
        caption: caption("residuals"),
        time_axis: "Months (Kaplan-Meier scale)".into(),
        period: None,
        panels: (0..n_panels).map(panel).collect(),
    }
}

fn log_log(scale: f64) -> LogLogFigure {
    let curve = |label: &str, power: f64| LogLogCurve {
        label: label.into(),
        time: (1..60).map(|index| index as f64 * scale).collect(),
        survival: (1..60).map(|index| (1.0 - index as f64 / 61.0).powf(power)).collect(),
    };
    LogLogFigure {
        caption: caption("log-log"),
        time_axis: "Time (days, logarithmic scale)".into(),
        axis: "log(−log survival)".into(),
        curves: vec![curve(LONG, 1.0), curve("chemotherapy alone", 1.6)],
    }
}

fn histograms() -> Vec<(&'static str, HistogramFigure)> {
    let ratios = HistogramFigure {
        is_logarithmic: true,
        notes: vec![
            "2000 replicates, of which 3 without an answer and 12 infinite are in no bar.".into(),
        ],
        ..histogram()
    };
    let wide = HistogramFigure {
        edges: vec![1e-7, 1e-5, 1e-3, 0.1, 10.0],
        counts: vec![2, 0, 30, 968],
        ..ratios.clone()
    };
    let equal = HistogramFigure {
        edges: vec![0.5, 0.5],
        counts: vec![3],
        marks: Vec::new(),
        ..ratios.clone()
    };
    let none = HistogramFigure { edges: Vec::new(), counts: Vec::new(), ..equal.clone() };
    vec![
        ("histogram", histogram()),
        ("histogram-ratios", ratios),
        ("histogram-wide", wide),
        ("histogram-equal", equal),
        ("histogram-none", none),
    ]
}

fn histogram() -> HistogramFigure {
    let values: Vec<f64> = (0..1000)
        .map(|index| {
            0.3 + ((index * 7919) % 1009) as f64 / 2500.0 * ((index * 31) % 17) as f64 / 17.0
        })
        .collect();
    let (edges, counts) = figures::histogram_bins(&values);
    let mark = |value, label: &str, kind| Mark { value, label: label.into(), kind };
    HistogramFigure {
        caption: caption("histogram"),
        axis: "Hazard ratio".into(),
        is_logarithmic: false,
        count_axis: "Replicates".into(),
        edges,
        counts,
        marks: vec![
            mark(0.484, "Estimate 0.484", MarkKind::Estimate),
            mark(0.361, "95% limits, BCa: 0.361-0.650", MarkKind::Limit(0)),
            mark(0.650, "", MarkKind::Limit(0)),
            mark(0.355, "95% limits, percentile: 0.355-0.643", MarkKind::Limit(1)),
            mark(0.643, "", MarkKind::Limit(1)),
            mark(1.0, "No effect", MarkKind::Null),
        ],
        notes: Vec::new(),
    }
}
