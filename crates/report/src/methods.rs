//! The methods in short, generated from the protocol: every choice in force is printed, also those
//! that are defaults.

mod matching;
mod weighting;

use crate::tables::late_confounders;
use crate::words;
use serde::Serialize;
use study::Protocol;
use study::protocol::{
    BootstrapMethod, BootstrapScope, ComparisonTest, CoxSection, EndpointSection,
    MultivariableModel, Population, Profile, SelectionRule, Spline, Subgroup, TimeTransform,
    VariableKind, Variance,
};
use study::result::Outline;

/// A paragraph of the methods.
#[derive(Debug, Serialize)]
pub(crate) struct Paragraph {
    /// What it is about.
    pub heading: &'static str,
    /// Its sentences.
    pub text: String,
}

/// The paragraphs, in the order of the analysis.
pub(crate) fn methods(protocol: &Protocol, outline: &Outline) -> Vec<Paragraph> {
    let paragraphs = [
        ("Conventions", conventions(protocol)),
        ("Patients", patients(protocol)),
        ("Exposure", exposure(protocol)),
        ("Endpoints", endpoints(protocol)),
        ("Missing values", words::missing(protocol.missing.policy).to_owned()),
        ("Baseline", baseline(protocol)),
        ("Propensity score", propensity(protocol)),
        design(protocol),
        ("Survival", survival(protocol)),
        (
            "Hazard models",
            protocol.cox.as_ref().map_or(no_models(), |section| cox(protocol, section, outline)),
        ),
        ("Subgroups", subgroups(protocol, outline)),
        ("Sensitivity", sensitivity(protocol)),
        ("Bootstrap", bootstrap(protocol, outline)),
    ];
    paragraphs.map(|(heading, text)| Paragraph { heading, text }).into()
}

/// Whose conventions hold where the study file is silent, and what the marks mean.
fn conventions(protocol: &Protocol) -> String {
    let profile = protocol.study.emulate;
    let tests = profile.balance_tests().map(words::balance_test);
    format!(
        "The defaults are those of {}: ties by {}; limits of survival by rule {}, of medians by rule {}; \
         quartiles of {}; {}. What would hold without a word in the study file is marked (default), also where \
         the file says it. Computed with Equipoise {}.",
        words::marked(profile.name(), profile == Profile::default()),
        words::ties(profile.ties()),
        words::interval(profile.interval()),
        words::quantile(profile.median_ci()),
        words::quartiles(profile.quartiles()),
        words::list(&tests),
        env!("CARGO_PKG_VERSION")
    )
}

fn patients(protocol: &Protocol) -> String {
    let mut text = format!(
        "Table {}, one row per patient, patients in the order of the column {}; a cell is missing \
         when it is {}.",
        protocol.data.file,
        protocol.data.id,
        words::list(&protocol.data.missing.iter().map(|cell| quoted(cell)).collect::<Vec<_>>())
            .replace(" and ", " or "),
    );
    for (index, criterion) in protocol.eligibility.iter().enumerate() {
        text.push_str(&format!(
            " Criterion {}: {} ({}).",
            index + 1,
            criterion.label,
            criterion.keep
        ));
    }
    if protocol.eligibility.is_empty() {
        text.push_str(" Every patient of the table is eligible.");
    }
    if let Some(zero) = &protocol.time_zero {
        let meaning = zero.meaning.as_ref().map_or(String::new(), |text| format!(", {text}"));
        text.push_str(&format!(" Time zero: {}{meaning}.", zero.date));
        if zero.meaning.is_none() {
            text.push_str(" The study file does not say what happens then.");
        }
        if let Some(window) = &zero.window {
            text.push_str(&format!(" Study period: {} to {}.", window.from, window.to));
        }
    } else {
        text.push_str(
            " Time zero: where the recorded follow-up begins; the study file does not say when.",
        );
    }
    text
}

fn quoted(cell: &str) -> String {
    if cell.is_empty() { "empty".into() } else { format!("\"{cell}\"") }
}

fn exposure(protocol: &Protocol) -> String {
    let exposure = &protocol.exposure;
    let mut text = format!(
        "{} ({} = {}) against {} ({} = {}).",
        exposure.exposed.label,
        exposure.column,
        exposure.exposed.value,
        exposure.comparator.label,
        exposure.column,
        exposure.comparator.value
    );
    match &exposure.start_date {
        Some(date) => text.push_str(&format!(
            " Exposure begins at {date}; whether that is after time zero is checked."
        )),
        None => text.push_str(" No date of the beginning of exposure is given."),
    }
    text
}

fn endpoints(protocol: &Protocol) -> String {
    let unit = protocol.study.time_unit;
    let one = |endpoint: &EndpointSection| {
        let time = match (&endpoint.time, &endpoint.end) {
            (Some(time), _) => format!("time {} in {}", time.column, time.unit.name()),
            (None, Some(end)) => format!("from time zero to {end}"),
            (None, None) => "time not given".to_owned(),
        };
        let event = &endpoint.event;
        format!(
            "{}: {time}; event {} = {}, censored {}.",
            endpoint.label, event.column, event.value, event.censored
        )
    };
    let endpoints: Vec<String> = protocol.endpoints.iter().map(one).collect();
    let scale = match unit.days() {
        1.0 => String::new(),
        days => format!(" of {} days", words::plain(days)),
    };
    format!("{} Times are reported in {}{scale}.", endpoints.join(" "), unit.name())
}

/// The default of the threshold of balance.
const THRESHOLD: f64 = 0.1;

fn baseline(protocol: &Protocol) -> String {
    let tests = protocol.balance.tests.iter().map(|test| words::balance_test(*test));
    format!(
        "Categories as n (%), numbers as mean (SD) and median (first to third quartile, {}). Tests: \
         {}; the table prints the first that applies to a variable. They compare the arms and are no \
         evidence of balance: that is judged by standardised mean differences, which use the pooled SD \
         {}; above {} a variable counts as unbalanced.",
        quartiles(protocol),
        words::marked(
            words::list(&tests.collect::<Vec<_>>()),
            protocol.balance.tests == protocol.study.emulate.balance_tests()
        ),
        words::pooled_over(protocol),
        words::marked(
            words::plain(protocol.balance.threshold),
            protocol.balance.threshold == THRESHOLD
        )
    )
}

/// The definition of the quartiles within brackets.
fn quartiles(protocol: &Protocol) -> String {
    let kind = protocol.balance.quartiles;
    let is_default = kind == protocol.study.emulate.quartiles();
    let mark = if is_default { "; default" } else { "" };
    format!("{}{mark}", words::quartiles(kind))
}

fn propensity(protocol: &Protocol) -> String {
    let Some(section) = &protocol.propensity else { return "No propensity score.".into() };
    let name = |column: &String| label(protocol, column);
    let is_number = |column: &&String| {
        protocol.variable(column).is_some_and(|known| known.kind == VariableKind::Continuous)
    };
    let is_linear = |column: &&String| is_number(column) && section.spline(column).is_none();
    let linear: Vec<String> = section.covariates.iter().filter(is_linear).map(name).collect();
    let others: Vec<String> =
        section.covariates.iter().filter(|column| !is_number(column)).map(name).collect();
    let curve = |spline: &Spline| {
        let df = spline.degrees_of_freedom;
        format!("{} ({df} degrees of freedom)", label(protocol, &spline.variable))
    };
    let curves = section.splines.iter().map(curve).collect();
    let effects =
        [("linear in", linear), ("natural cubic splines of", curves), ("indicators for", others)];
    let effects: Vec<String> = effects
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{what} {}", words::list(&names)))
        .collect();
    let late: Vec<String> =
        late_confounders(protocol).map(|variable| variable.label.clone()).collect();
    let late = match late.as_slice() {
        [] => " None is marked in the study file as known only after time zero.".to_owned(),
        late => format!(" Known only after time zero: {}.", words::list(late)),
    };
    format!(
        "Logistic regression of exposure by maximum likelihood, main effects: {}.{late}",
        effects.join("; ")
    )
}

/// How the arms are made comparable.
fn design(protocol: &Protocol) -> (&'static str, String) {
    match (&protocol.matching, &protocol.weighting) {
        (Some(section), _) => ("Matching", matching::matching(protocol, section)),
        (None, Some(section)) => ("Weighting", weighting::weighting(protocol, section)),
        (None, None) => ("Matching", "No matching and no weights.".into()),
    }
}

fn survival(protocol: &Protocol) -> String {
    let section = &protocol.survival;
    let intervals: Vec<String> =
        section.interval.iter().map(|rule| format!("rule {}", words::interval(*rule))).collect();
    let bands = if section.interval.len() == 1 { "it also" } else { "the first also" };
    let tests: Vec<&str> = section.tests.iter().map(|test| words::comparison(*test)).collect();
    let means = match section.restricted_mean.as_slice() {
        [] => String::new(),
        horizons => format!(
            " Restricted means up to {} {}, mean \u{b1} z \u{b7} SE.",
            words::list(&horizons.iter().map(|tau| words::plain(*tau)).collect::<Vec<_>>()),
            protocol.study.time_unit.name()
        ),
    };
    let profile = protocol.study.emulate;
    let follow_up = match section.followup_ci == section.median_ci {
        true => words::marked("the same rules", true),
        false => words::quantiles(&section.followup_ci),
    };
    format!(
        "Kaplan-Meier. Intervals have {} confidence. Survival at fixed times: {}; {bands} draws the \
         bands. Medians: {}. Median follow-up by reverse Kaplan-Meier: {follow_up}.{means} \
         Comparisons: {}. Differences of the arms in these rates and means{}; those in medians have the \
         limits that follow from the limits of both.{}",
        words::marked(words::confidence(protocol), section.confidence == 0.95),
        words::marked(words::list(&intervals), section.interval == [profile.interval()]),
        words::marked(
            words::quantiles(&section.median_ci),
            section.median_ci == [profile.median_ci()]
        ),
        words::marked(words::list(&tests), section.tests == [ComparisonTest::default()]),
        variance_of_differences(protocol),
        weighted_survival(protocol)
    )
}

/// How the differences of the arms allow for the design.
fn variance_of_differences(protocol: &Protocol) -> &'static str {
    let has_clusters = protocol.matching.as_ref().is_some_and(|section| section.has_clusters());
    match (protocol.adjusted(), has_clusters) {
        (None, _) => " have limits by Greenwood's variance",
        (Some(_), true) => {
            " have limits that allow for matched pairs or sets (infinitesimal jackknife over them)"
        }
        (Some(_), false) => " have robust limits where patients have weights",
    }
}

/// What becomes of curves and their comparison where patients have weights.
fn weighted_survival(protocol: &Protocol) -> String {
    if !words::any_weights(protocol) {
        return String::new();
    }
    let has_clusters = protocol.matching.as_ref().is_some_and(|section| section.has_clusters());
    let clusters = if has_clusters { "matched sets" } else { "patients" };
    format!(
        " In {} the curves, and all that is read off them, are weighted; their variance is that of \
         the infinitesimal jackknife over {clusters}, which takes the weights as known. The {} stands \
         in the place of the log-rank test, whose variance does not hold under weights.",
        words::adjusted(protocol),
        words::ROBUST_SCORE
    )
}

fn cox(protocol: &Protocol, section: &CoxSection, outline: &Outline) -> String {
    let names = |populations: &[Population]| {
        let labels: Vec<String> = populations
            .iter()
            .map(|population| words::within(&words::population(outline, population.id())))
            .collect();
        words::list(&labels)
    };
    let labels = |columns: &[String]| {
        words::list(&columns.iter().map(|column| label(protocol, column)).collect::<Vec<_>>())
    };
    let variance = variance_of_design(protocol, section.variance);
    let model = |model: &MultivariableModel| {
        let rule = match model.rule {
            SelectionRule::Listed => labels(&model.terms),
            SelectionRule::PThreshold => format!(
                "the exposure and those of {} with a univariable likelihood-ratio P below {}",
                labels(&model.terms),
                words::plain(model.p_below)
            ),
            SelectionRule::Backward => format!(
                "the exposure and those of {} that backward elimination leaves (likelihood-ratio P \
                 above {} leaves)",
                labels(&model.terms),
                words::plain(model.p_above)
            ),
            SelectionRule::Forward => format!(
                "the exposure and those of {} that forward selection chooses (likelihood-ratio P \
                 below {} enters, above {} leaves)",
                labels(&model.terms),
                words::plain(model.p_below),
                words::plain(model.p_above)
            ),
        };
        let curves = curves(protocol, &model.splines);
        format!(" Model \"{}\": {rule}{curves}; {}.", model.label, names(&model.populations))
    };
    let models: String = section.multivariable.iter().map(model).collect();
    format!(
        "Cox models of {}. Ties by {}. {variance} Univariable: {}.{models} Proportional hazards are \
         tested against {}; scaled Schoenfeld residuals and their smooth curve are drawn on that scale.{}{}{}",
        names(&section.populations),
        words::marked(words::ties(section.ties), section.ties == protocol.study.emulate.ties()),
        labels(&section.univariable),
        words::marked(
            words::transform(section.ph_test),
            section.ph_test == TimeTransform::default()
        ),
        intervals_of_time(section),
        further_models(protocol, outline),
        weighted_models(protocol)
    )
}

/// The hazard ratios by intervals of time, where the study asks for them.
fn intervals_of_time(section: &CoxSection) -> String {
    let cuts: Vec<String> = section.piecewise_cuts.iter().map(|cut| words::plain(*cut)).collect();
    match cuts.as_slice() {
        [] => String::new(),
        cuts => format!(
            " Hazard ratios by intervals of time, which end at {}, come from one model with a term for \
             each.",
            words::list(cuts)
        ),
    }
}

/// The models that the study file does not list: what the design has left unbalanced, and the sites.
fn further_models(protocol: &Protocol, outline: &Outline) -> String {
    let mut text = String::new();
    let residual = outline.models.iter().find(|model| model.analysis == RESIDUAL_IMBALANCE);
    if let Some(model) = residual {
        let exposure = &protocol.exposure.column;
        let mut left: Vec<String> = Vec::new();
        for term in model.terms.iter().filter(|term| term.variable != *exposure) {
            let name = label(protocol, &term.variable);
            if !left.contains(&name) {
                left.push(name);
            }
        }
        text.push_str(&format!(
            " Model \"{}\", in {}: the exposure and every covariate whose standardised difference is \
             still above {} there: {}.",
            model.label,
            words::adjusted(protocol),
            words::plain(protocol.balance.threshold),
            words::list(&left)
        ));
        let late: Vec<String> = left_late(protocol, &left);
        if !late.is_empty() {
            text.push_str(&format!(" Known only after time zero: {}.", words::list(&late)));
        }
    }
    if let Some(site) = &outline.site {
        text.push_str(&format!(
            " The exposure alone at each level of {}, pooled with weights of inverse variance, with fixed \
             and with random effects (DerSimonian and Laird), and the primary model without each.",
            site.label
        ));
    }
    text
}

/// The analysis of the model of what the design has left unbalanced.
const RESIDUAL_IMBALANCE: &str = "cox_residual_imbalance";

/// Which of some labels are those of variables known only after time zero.
fn left_late(protocol: &Protocol, labels: &[String]) -> Vec<String> {
    let late = |label: &&String| {
        let mut known = protocol.variables.iter();
        known.any(|variable| variable.after_time_zero && variable.label == **label)
    };
    labels.iter().filter(late).cloned().collect()
}

/// The variance of hazard models, in the population of the design and elsewhere.
fn variance_of_design(protocol: &Protocol, variance: Variance) -> String {
    let by_model = words::variance(protocol, Variance::Model);
    match (protocol.adjusted(), variance) {
        (None, _) => format!("The variance is {by_model}."),
        (Some(_), Variance::Robust) => format!(
            "In {} the variance is {}; elsewhere it is {by_model}.",
            words::adjusted(protocol),
            words::marked(words::variance(protocol, Variance::Robust), true),
        ),
        (Some(_), Variance::Model) => {
            format!("The variance is {by_model}, in the matched sample too.")
        }
    }
}

/// What becomes of hazard models where patients have weights.
fn weighted_models(protocol: &Protocol) -> String {
    match words::any_weights(protocol) {
        true => format!(
            " In {} the models are weighted; the univariable hazard ratio of the exposure is the \
             marginal one. Tests are those of Wald with the robust variance; there is no likelihood \
             ratio and no test of proportional hazards.",
            words::adjusted(protocol)
        ),
        false => String::new(),
    }
}

/// Which numbers enter a hazard model as curves, and how those are tested.
fn curves(protocol: &Protocol, splines: &[Spline]) -> String {
    let curve = |spline: &Spline| {
        let df = spline.degrees_of_freedom;
        format!("{} ({df} df)", label(protocol, &spline.variable))
    };
    match splines {
        [] => String::new(),
        splines => format!(
            "; as natural cubic splines with knots at quantiles, tested as a whole and for departure \
             from a straight line by Wald tests: {}",
            words::list(&splines.iter().map(curve).collect::<Vec<_>>())
        ),
    }
}

fn no_models() -> String {
    "No hazard models.".into()
}

fn subgroups(protocol: &Protocol, outline: &Outline) -> String {
    if protocol.subgroups.is_empty() {
        return "No subgroups.".into();
    }
    let one = |subgroup: &Subgroup| {
        let population = words::within(&words::population(outline, subgroup.population.id()));
        let what = match &subgroup.compare {
            Some(column) => {
                format!("levels of {} compared with each other", label(protocol, column))
            }
            None => {
                let variables: Vec<String> =
                    subgroup.variables.iter().map(|column| label(protocol, column)).collect();
                let levels = match subgroup.levels.as_slice() {
                    [] => "every level".to_owned(),
                    levels => {
                        format!("level {}", words::list(&level_words(protocol, subgroup, levels)))
                    }
                };
                format!("arms within {levels} of {}", words::list(&variables))
            }
        };
        format!("{}: {what}; {population}; ties by {}.", subgroup.label, words::ties(subgroup.ties))
    };
    let mut sentences: Vec<String> = protocol.subgroups.iter().map(one).collect();
    if protocol.subgroups.iter().any(|subgroup| subgroup.compare.is_none()) {
        sentences.push(
            "Whether an effect differs between levels is tested by the interaction of level and exposure in \
             one model of all levels."
                .to_owned(),
        );
    }
    sentences.join(" ")
}

/// The chosen levels of a subgroup analysis, each once, as tables call them.
fn level_words<'a>(protocol: &Protocol, subgroup: &Subgroup, levels: &'a [String]) -> Vec<&'a str> {
    let mut named = Vec::new();
    for level in levels {
        for variable in &subgroup.variables {
            let name = words::level(protocol, variable, level);
            if !named.contains(&name) {
                named.push(name);
            }
        }
    }
    named
}

fn sensitivity(protocol: &Protocol) -> String {
    let section = &protocol.sensitivity;
    let e_values = section
        .e_value
        .then(|| "E-values of the univariable hazard ratio of the exposure.".to_owned());
    let bounds = section.hidden_bias.as_ref().map(|asked| {
        let factors: Vec<String> =
            asked.gammas.iter().map(|factor| words::plain(*factor)).collect();
        format!(
            "Rosenbaum bounds of the sign test on who of a matched pair has the event first, for \
             hidden bias of the factors {}.",
            words::list(&factors)
        )
    });
    let sentences: Vec<String> = e_values.into_iter().chain(bounds).collect();
    match sentences.as_slice() {
        [] => "No analysis of unmeasured confounding.".into(),
        sentences => sentences.join(" "),
    }
}

fn bootstrap(protocol: &Protocol, outline: &Outline) -> String {
    let Some(section) = &protocol.bootstrap else { return "No intervals from replicates.".into() };
    let mut text = format!(
        "Intervals from {} replicates (seed {}), {} confidence.",
        words::marked(section.replicates.to_string(), section.replicates == 2000),
        section.seed,
        words::share_of(section.confidence)
    );
    let mut say = |sentence: String| {
        text.push(' ');
        text.push_str(&sentence);
    };
    if section.scopes.contains(&BootstrapScope::Outcome) {
        say(words::of_outcome_scope(protocol).to_owned());
        let kinds = [
            ("hazard ratios", &section.methods.hazard_ratio),
            ("medians", &section.methods.median),
            ("survival", &section.methods.survival),
            ("restricted means", &section.methods.restricted_mean),
        ];
        let kinds = kinds.map(|(kind, methods)| format!("{kind} {}", listed_methods(methods)));
        say(format!("Its intervals: {}.", kinds.join("; ")));
    }
    if section.scopes.contains(&BootstrapScope::Pipeline) {
        say(words::of_pipeline_scope(protocol));
        say(format!("Its intervals: {}.", listed_methods(&section.pipeline_methods)));
    }
    // Every endpoint is drawn in the same way.
    let first = outline.bootstraps.first().map(|known| &known.endpoint);
    let of_first = outline.bootstraps.iter().filter(|known| Some(&known.endpoint) == first);
    for drawn in of_first.filter(|known| !known.strata.is_empty()) {
        let strata: Vec<String> =
            drawn.strata.iter().map(|column| label(protocol, column)).collect();
        let (unit, scope, strata) = (&drawn.unit, drawn.scope.name(), words::list(&strata));
        say(format!("In scope {scope} as many {unit} are drawn as there are within {strata}."));
    }
    text
}

fn listed_methods(methods: &[BootstrapMethod]) -> String {
    let names: Vec<&str> = methods.iter().map(|&method| words::bootstrap_method(method)).collect();
    words::list(&names)
}

/// What tables call a column of the protocol.
fn label(protocol: &Protocol, column: &str) -> String {
    match protocol.variable(column) {
        Some(known) => known.label.clone(),
        None if column == protocol.exposure.column => protocol.exposure.exposed.label.clone(),
        None => column.to_owned(),
    }
}
