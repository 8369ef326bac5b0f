//! How the variables of a protocol enter models and tables.

use balance::{BalanceTest, TestChoice, Variable as BaselineVariable};
use cohort::{Brief, EndpointColumns, Term};
use study::protocol::{
    self, Exposure, MultivariableModel, PropensitySection, Protocol, Spline, Variable, VariableKind,
};
use study::result::{Label, TermOutline, VariableOutline, id};
use survival::{IntervalRule, QuantileRule};

/// The term of a name that a protocol lists: the exposure or a variable.
pub(crate) fn term(protocol: &Protocol, name: &str) -> Term {
    match protocol.variable(name) {
        Some(variable) if variable.kind == VariableKind::Continuous => Term::linear(name),
        Some(variable) => {
            Term::Factor { column: name.into(), reference: Some(reference(variable).into()) }
        }
        None => exposure_term(&protocol.exposure),
    }
}

pub(crate) fn terms(protocol: &Protocol, names: &[String]) -> Vec<Term> {
    names.iter().map(|name| term(protocol, name)).collect()
}

/// The terms of the propensity model.
pub(crate) fn of_propensity(protocol: &Protocol, section: &PropensitySection) -> Vec<Term> {
    let own = |name: &String| curve_or_term(protocol, name, section.spline(name));
    section.covariates.iter().map(own).collect()
}

/// The terms of a hazard model.
pub(crate) fn of_model(
    protocol: &Protocol,
    model: &MultivariableModel,
    names: &[String],
) -> Vec<Term> {
    let own = |name: &String| curve_or_term(protocol, name, model.spline(name));
    names.iter().map(own).collect()
}

fn curve_or_term(protocol: &Protocol, name: &str, spline: Option<&Spline>) -> Term {
    match spline {
        Some(spline) => Term::spline(name, spline.degrees_of_freedom),
        None => term(protocol, name),
    }
}

/// The exposure against its comparator.
pub(crate) fn exposure_term(exposure: &Exposure) -> Term {
    Term::Factor {
        column: exposure.column.clone(),
        reference: Some(exposure.comparator.value.clone()),
    }
}

/// The level that the others are compared with.
pub(crate) fn reference(variable: &Variable) -> &str {
    variable.reference.as_deref().or(variable.levels.first().map(String::as_str)).unwrap_or("")
}

/// What readers call a level.
pub(crate) fn level_label<'a>(variable: &'a Variable, level: &'a str) -> &'a str {
    let index = variable.levels.iter().position(|known| known == level);
    index.and_then(|index| variable.level_labels.get(index)).map_or(level, String::as_str)
}

/// The design columns of a listed name, as results call them.
pub(crate) fn term_outlines(protocol: &Protocol, name: &str) -> Vec<TermOutline> {
    let Some(variable) = protocol.variable(name) else {
        return vec![exposure_outline(&protocol.exposure)];
    };
    if variable.kind == VariableKind::Continuous {
        return vec![TermOutline {
            id: id::part(name),
            variable: name.into(),
            label: match &variable.unit {
                Some(unit) => format!("{} ({unit})", variable.label),
                None => variable.label.clone(),
            },
            reference: None,
            curve_columns: None,
        }];
    }
    let reference = reference(variable);
    let outline = |level: &String| TermOutline {
        id: id::level(name, level),
        variable: name.into(),
        label: if variable.kind == VariableKind::Binary && level == "1" {
            variable.label.clone()
        } else {
            format!("{}: {}", variable.label, level_label(variable, level))
        },
        reference: Some(level_label(variable, reference).into()),
        curve_columns: None,
    };
    variable.levels.iter().filter(|level| *level != reference).map(outline).collect()
}

/// The columns of a spline, as results call them.
pub(crate) fn spline_outlines(protocol: &Protocol, spline: &Spline) -> Vec<TermOutline> {
    let line = term_outlines(protocol, &spline.variable);
    let Some(line) = line.first() else { return Vec::new() };
    let name = Term::spline(&spline.variable, spline.degrees_of_freedom).name();
    let outline = |number| TermOutline {
        id: id::part(&format!("{name}{number}")),
        label: format!("{}, spline {number}", line.label),
        ..line.clone()
    };
    (1..=spline.degrees_of_freedom).map(outline).collect()
}

/// A spline of a hazard model as one line of its table.
pub(crate) fn curve_outline(protocol: &Protocol, spline: &Spline) -> Option<TermOutline> {
    let line = term_outlines(protocol, &spline.variable).into_iter().next()?;
    let degrees_of_freedom = spline.degrees_of_freedom;
    Some(TermOutline {
        id: id::part(&Term::spline(&spline.variable, degrees_of_freedom).name()),
        label: format!("{}, curve", line.label),
        curve_columns: Some(degrees_of_freedom),
        ..line
    })
}

fn exposure_outline(exposure: &Exposure) -> TermOutline {
    TermOutline {
        id: id::level(&exposure.column, &exposure.exposed.value),
        variable: exposure.column.clone(),
        label: exposure.exposed.label.clone(),
        reference: Some(exposure.comparator.label.clone()),
        curve_columns: None,
    }
}

/// A variable as a row of a table; `test` is the one printed with it.
pub(crate) fn variable_outline(variable: &Variable, test: Option<String>) -> VariableOutline {
    let label = |level: &String| Label {
        id: id::level(&variable.name, level),
        label: level_label(variable, level).into(),
    };
    VariableOutline {
        id: id::part(&variable.name),
        label: variable.label.clone(),
        unit: variable.unit.clone(),
        levels: variable.levels.iter().map(label).collect(),
        test,
    }
}

pub(crate) fn baseline_variable(variable: &Variable) -> BaselineVariable {
    match variable.kind {
        VariableKind::Continuous => BaselineVariable::Numeric(variable.name.clone()),
        _ => BaselineVariable::Categorical(variable.name.clone()),
    }
}

/// The columns of an endpoint in the analysed cohort.
pub(crate) fn endpoint_columns(endpoint: &protocol::EndpointSection) -> EndpointColumns {
    let (time, event) = endpoint_names(&endpoint.id);
    EndpointColumns::new(time, event)
}

/// Names of the derived columns of an endpoint: the time in the unit of the study, and the event
/// as 0 and 1. A slash keeps them apart from the columns of a table, whose names have none.
pub(crate) fn endpoint_names(endpoint: &str) -> (String, String) {
    (format!("{endpoint}/time"), format!("{endpoint}/event"))
}

/// Column of the logit of the propensity score.
pub(crate) const LOGIT: &str = "propensity/logit";

/// Column of the propensity score; no variable can have this name.
pub(crate) const PROBABILITY: &str = "propensity/probability";

/// Column of the number of the matched pair, set or class.
pub(crate) const PAIR: &str = "matching/pair";

/// Column of the weight that matching or weighting gives; without a value where it gives none.
pub(crate) const WEIGHT: &str = "design/weight";

/// Column of the time for which a patient could have been followed, to the lock of the data; absent
/// where start or lock is not known.
pub(crate) const POTENTIAL: &str = "follow-up/potential";

/// Days of a year of person-time.
pub(crate) const DAYS_PER_YEAR: f64 = 365.25;

/// Name of the derived column of the reason for censoring of an endpoint.
pub(crate) fn censoring_name(endpoint: &str) -> String {
    format!("{endpoint}/censoring")
}

/// What readers call an interval of time.
pub(crate) fn interval_label(after: f64, until: Option<f64>, unit: &str) -> String {
    let [after, until] =
        [Some(after), until].map(|time| time.map(|time| Brief((time * 100.0).round() / 100.0)));
    match (after, until) {
        (Some(after), Some(until)) if after.0 == 0.0 => format!("to {until} {unit}"),
        (Some(after), Some(until)) => format!("{after} to {until} {unit}"),
        (Some(after), None) => format!("after {after} {unit}"),
        (None, _) => String::new(),
    }
}

pub(crate) fn interval_rule(rule: protocol::IntervalRule) -> IntervalRule {
    match rule {
        protocol::IntervalRule::Plain => IntervalRule::Plain,
        protocol::IntervalRule::Log => IntervalRule::Log,
        protocol::IntervalRule::LogLog => IntervalRule::LogLog,
        protocol::IntervalRule::Logit => IntervalRule::Logit,
        protocol::IntervalRule::Arcsin => IntervalRule::Arcsin,
    }
}

pub(crate) fn quantile_rule(rule: protocol::QuantileRule) -> QuantileRule {
    match rule {
        protocol::QuantileRule::Plain => QuantileRule::Curve(IntervalRule::Plain),
        protocol::QuantileRule::Log => QuantileRule::Curve(IntervalRule::Log),
        protocol::QuantileRule::LogLog => QuantileRule::Curve(IntervalRule::LogLog),
        protocol::QuantileRule::Logit => QuantileRule::Curve(IntervalRule::Logit),
        protocol::QuantileRule::Arcsin => QuantileRule::Curve(IntervalRule::Arcsin),
        protocol::QuantileRule::Spss => QuantileRule::Spss,
    }
}

/// The part of an id that names a rule for the limits of a curve.
pub(crate) fn interval_name(rule: IntervalRule) -> &'static str {
    match rule {
        IntervalRule::Plain => "plain",
        IntervalRule::Log => "log",
        IntervalRule::LogLog => "log_log",
        IntervalRule::Logit => "logit",
        IntervalRule::Arcsin => "arcsin",
    }
}

/// The part of an id that names a rule for the limits of a quantile.
pub(crate) fn quantile_name(rule: QuantileRule) -> &'static str {
    match rule {
        QuantileRule::Curve(rule) => interval_name(rule),
        QuantileRule::Spss => "spss",
    }
}

pub(crate) fn ties(ties: protocol::Ties) -> cox::Ties {
    match ties {
        protocol::Ties::Efron => cox::Ties::Efron,
        protocol::Ties::Breslow => cox::Ties::Breslow,
    }
}

/// The rule by which terms are chosen; all tests are likelihood ratios.
pub(crate) fn selection_rule(model: &protocol::MultivariableModel) -> cox::SelectionRule {
    let (enter_below, remove_above) = (model.p_below, model.p_above);
    let test = cox::SelectionTest::LikelihoodRatio;
    match model.rule {
        protocol::SelectionRule::Listed => cox::SelectionRule::Listed,
        protocol::SelectionRule::PThreshold => cox::SelectionRule::PThreshold { enter_below, test },
        protocol::SelectionRule::Backward => cox::SelectionRule::Backward { remove_above, test },
        protocol::SelectionRule::Forward => {
            cox::SelectionRule::Forward { enter_below, remove_above, test }
        }
    }
}

pub(crate) fn time_transform(transform: protocol::TimeTransform) -> cox::TimeTransform {
    match transform {
        protocol::TimeTransform::Km => cox::TimeTransform::KaplanMeier,
        protocol::TimeTransform::Rank => cox::TimeTransform::Rank,
        protocol::TimeTransform::Identity => cox::TimeTransform::Identity,
        protocol::TimeTransform::Log => cox::TimeTransform::Log,
    }
}

/// The tests that a protocol lists, or the rule that chooses them.
pub(crate) fn balance_tests(tests: &[protocol::BalanceTest]) -> TestChoice {
    let listed: Option<Vec<BalanceTest>> = tests.iter().copied().map(balance_test).collect();
    listed.map_or(TestChoice::Auto, TestChoice::Listed)
}

/// The rule of choice is no test.
fn balance_test(test: protocol::BalanceTest) -> Option<BalanceTest> {
    Some(match test {
        protocol::BalanceTest::Auto => return None,
        protocol::BalanceTest::ChiSquared => BalanceTest::ChiSquared,
        protocol::BalanceTest::ChiSquaredYates => BalanceTest::ChiSquaredYates,
        protocol::BalanceTest::Fisher => BalanceTest::Fisher,
        protocol::BalanceTest::MannWhitney => BalanceTest::MannWhitney,
        protocol::BalanceTest::MannWhitneyContinuity => BalanceTest::MannWhitneyContinuity,
        protocol::BalanceTest::WelchT => BalanceTest::WelchT,
        protocol::BalanceTest::LikelihoodRatio => BalanceTest::LikelihoodRatio,
        protocol::BalanceTest::MannWhitneyExact => BalanceTest::MannWhitneyExact,
        protocol::BalanceTest::StudentT => BalanceTest::StudentT,
        protocol::BalanceTest::KolmogorovSmirnov => BalanceTest::KolmogorovSmirnov,
        protocol::BalanceTest::McNemar => BalanceTest::McNemarContinuity,
        protocol::BalanceTest::McNemarExact => BalanceTest::McNemarExact,
        protocol::BalanceTest::PairedT => BalanceTest::PairedT,
        protocol::BalanceTest::SignedRank => BalanceTest::SignedRankContinuity,
        protocol::BalanceTest::CochranMantelHaenszel => BalanceTest::GeneralAssociation,
        protocol::BalanceTest::VanElteren => BalanceTest::VanElteren,
    })
}

/// Stands for the test that the rule chooses in ids.
pub(crate) const AUTO: &str = "auto";

/// The part of an id that names a test, and the test in words.
pub(crate) fn test_name(test: BalanceTest) -> (&'static str, &'static str) {
    match test {
        BalanceTest::ChiSquared => ("chi_squared", "Pearson chi-squared test without correction"),
        BalanceTest::ChiSquaredYates => {
            ("chi_squared_yates", "Pearson chi-squared test with Yates's correction")
        }
        BalanceTest::Fisher => ("fisher", "Fisher's exact test, two-sided"),
        BalanceTest::MannWhitney => {
            ("mann_whitney", "Mann-Whitney U test, normal approximation without correction")
        }
        BalanceTest::MannWhitneyContinuity => (
            "mann_whitney_continuity",
            "Mann-Whitney U test, normal approximation with continuity correction",
        ),
        BalanceTest::WelchT => ("welch_t", "Welch's t test"),
        BalanceTest::MannWhitneyExact => ("mann_whitney_exact", "Mann-Whitney U test, exact"),
        BalanceTest::StudentT => ("student_t", "Student's t test"),
        other => other_test_name(other),
    }
}

fn other_test_name(test: BalanceTest) -> (&'static str, &'static str) {
    match test {
        BalanceTest::LikelihoodRatio => ("likelihood_ratio", "likelihood-ratio test (G)"),
        BalanceTest::KolmogorovSmirnov => ("kolmogorov_smirnov", "Kolmogorov-Smirnov test"),
        BalanceTest::McNemarContinuity => ("mc_nemar", "McNemar's test with correction, pairs"),
        BalanceTest::McNemarExact => ("mc_nemar_exact", "exact McNemar test, pairs"),
        BalanceTest::PairedT => ("paired_t", "paired t test"),
        BalanceTest::SignedRankContinuity => {
            ("signed_rank", "signed rank test with continuity correction, pairs")
        }
        BalanceTest::SignedRankExact => ("signed_rank_exact", "exact signed rank test, pairs"),
        BalanceTest::GeneralAssociation => (
            "cochran_mantel_haenszel",
            "Cochran-Mantel-Haenszel test of general association without correction, strata",
        ),
        BalanceTest::VanElteren => ("van_elteren", "van Elteren's rank sum test, strata"),
        _ => ("other", "a test that no study file can name"),
    }
}
