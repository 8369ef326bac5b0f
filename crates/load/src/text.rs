//! The report of a load test for people.

use crate::report::{Latency, LoadReport, StepReport};
use std::fmt::Write;

/// Titles of the table of steps, each as wide as its column.
const TITLES: [&str; 13] = [
    "   rate/s",
    "    due",
    "answered",
    "refused",
    " failed",
    "not sent",
    "answers/s",
    "replicates/s",
    "   p50 ms",
    "   p90 ms",
    "   p99 ms",
    " p99.9 ms",
    "   max ms",
];

/// A table with a line for each step, then errors, kinds and the knee. Its times are the waits of all
/// calls, those without an answer included.
#[must_use]
pub fn text(report: &LoadReport) -> String {
    let mut text = TITLES.join(" ") + "\n";
    for step in &report.steps {
        text.push_str(&line(step));
    }
    for step in &report.steps {
        details(&mut text, step, report.settings.mix.len() > 1);
    }
    text.push('\n');
    text.push_str(&conclusion(report));
    text
}

/// The line of one step, with a mark where it was not sustained.
#[must_use]
pub fn line(step: &StepReport) -> String {
    let waits = match &step.wait {
        Some(wait) => numbers(wait),
        None => std::array::from_fn(|_| "-".to_owned()),
    };
    let cells = [
        format!("{:.1}", step.rate_per_second),
        step.scheduled.to_string(),
        step.answered.to_string(),
        step.refused.to_string(),
        (step.failed + step.different).to_string(),
        step.not_sent.to_string(),
        format!("{:.1}", step.answered_per_second),
        format!("{:.0}", step.replicates_per_second),
    ];
    let cells = cells.into_iter().chain(waits).zip(TITLES);
    let cells: Vec<String> =
        cells.map(|(cell, title)| format!("{cell:>width$}", width = title.len())).collect();
    let mark = if step.is_sustained { "" } else { "  not sustained" };
    format!("{}{mark}\n", cells.join(" "))
}

fn numbers(latency: &Latency) -> [String; 5] {
    [latency.p50_ms, latency.p90_ms, latency.p99_ms, latency.p999_ms, latency.max_ms]
        .map(|number| format!("{number:.2}"))
}

/// What a line has no room for: kinds where there are several, and what went wrong.
fn details(text: &mut String, step: &StepReport, has_kinds: bool) {
    let mut add = |line: String| {
        // Writing to text does not fail.
        let _ = writeln!(text, "{line}");
    };
    let has_delays = step.late > 0;
    if !has_kinds && step.errors.is_empty() && !has_delays {
        return;
    }
    add(format!("\nat {:.1} calls/s", step.rate_per_second));
    if has_kinds {
        for kind in &step.kinds {
            let waits = kind.wait.as_ref().map_or_else(String::new, |wait| {
                format!(", p50 {:.2} ms, p99 {:.2} ms", wait.p50_ms, wait.p99_ms)
            });
            let name = kind.kind.name();
            add(format!("  {name}: {} of {} answered{waits}", kind.answered, kind.scheduled));
        }
    }
    for error in &step.errors {
        let reason =
            if error.reason.is_empty() { String::new() } else { format!(" {}", error.reason) };
        add(format!("  {} times {}{reason}", error.count, error.code));
    }
    if let Some(latency) = step.latency.filter(|latency| latency.count < step.scheduled) {
        add(format!(
            "  answers took {:.2} ms (p50), {:.2} ms (p99); the table counts the other calls with all \
             the time that they had",
            latency.p50_ms, latency.p99_ms
        ));
    }
    if let Some(latency) = &step.refusal_latency {
        add(format!(
            "  refusals took {:.2} ms (p50), {:.2} ms (p99)",
            latency.p50_ms, latency.p99_ms
        ));
    }
    if has_delays {
        let delay = step.largest_delay_ms;
        add(format!("  {} calls left more than 5 ms late, at most {delay:.1} ms", step.late));
    }
}

fn conclusion(report: &LoadReport) -> String {
    let incomplete = if report.is_complete { "" } else { "interrupted: not every step was run\n" };
    let knee = match &report.knee {
        None => "the lowest rate was not sustained".to_owned(),
        Some(knee) => match knee.exceeded_per_second {
            Some(exceeded) => format!(
                "sustained up to {:.1} calls/s, not at {exceeded:.1}",
                knee.sustained_per_second
            ),
            None => {
                format!("sustained at every rate, up to {:.1} calls/s", knee.sustained_per_second)
            }
        },
    };
    format!("{incomplete}{knee}\n")
}
