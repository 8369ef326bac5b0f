//! Every number of the study, flat and unrounded.

use crate::table::csv_bytes;
use cohort::NotEstimable;
use study::StudyResult;
use study::result::Quantity;

const HEADING: [&str; 10] = [
    "id",
    "value",
    "lower",
    "upper",
    "unit",
    "reason",
    "method",
    "lower_reason",
    "upper_reason",
    "caveats",
];

/// All quantities as CSV, numbers with the digits of `report.json`.
pub(crate) fn quantities(result: &StudyResult) -> Vec<u8> {
    let heading = HEADING.map(str::to_owned).into();
    csv_bytes(std::iter::once(heading).chain(result.quantities.iter().map(line)))
}

fn line(quantity: &Quantity) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let reason = |reason: Option<NotEstimable>| reason.map_or(String::new(), |r| r.to_string());
    let limits = quantity.interval;
    let caveats: Vec<&str> = quantity.caveats.iter().map(|c| c.message.as_str()).collect();
    vec![
        quantity.id.clone(),
        number(quantity.value),
        number(limits.and_then(|limits| limits.lower)),
        number(limits.and_then(|limits| limits.upper)),
        quantity.unit.clone().unwrap_or_default(),
        reason(quantity.not_estimable),
        quantity.method.clone(),
        reason(limits.and_then(|limits| limits.lower_not_estimable)),
        reason(limits.and_then(|limits| limits.upper_not_estimable)),
        caveats.join(" "),
    ]
}
