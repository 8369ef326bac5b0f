//! Hazard models: the screens, and the models of several terms.

use super::worded::{endpoint_label, population_label, term_label};
use super::{Assembly, Place, WHOLE, selection};
use crate::plan::{MATCHING_LEFT, NON_PROPORTIONAL_BELOW, UNIVARIABLE, key};
use crate::question::Answer;
use crate::terms::{curve_outline, exposure_term, term_outlines};
use ::cox::{
    Coefficient, CoxFit, CurveTest, ProfileLikelihood, ScreenedTerm, SelectionStep, TestResult,
};
use cohort::{Caveat, CaveatCode, Estimate, Interval, NotEstimable};
use study::protocol::{
    CoxSection, MultivariableModel, Population, Protocol, SelectionRule, Variance,
};
use study::result::{ModelOutline, TermOutline, id};

pub(super) fn assemble(assembly: &mut Assembly) {
    let Some(section) = assembly.pipeline.protocol().cox.clone() else { return };
    let endpoints = assembly.pipeline.protocol().endpoints.clone();
    for endpoint in &endpoints {
        for &population in &section.populations {
            screen(assembly, &endpoint.id, population, &section);
        }
        for model in &section.multivariable {
            for &population in &model.populations {
                multivariable(assembly, &endpoint.id, population, &section, model);
            }
        }
        residual_imbalance(assembly, &endpoint.id, &section);
    }
    pairs_ignored(assembly, &section);
}

fn pairs_ignored(assembly: &mut Assembly, section: &CoxSection) {
    if section.variance == Variance::Model && section.populations.contains(&Population::Matched) {
        let message = "In the matched sample intervals and p-values of the hazard models treat the \
                       two members of a pair as independent (model-based variance), as the protocol \
                       asks; the pair-robust values stand beside them.";
        assembly.caveats.push(Caveat::new(CaveatCode::PairsIgnored, message));
    }
}

fn screen(assembly: &mut Assembly, endpoint: &str, population: Population, section: &CoxSection) {
    let place = Place::new(endpoint, population.id(), "cox_univariable");
    let key = key::cox(endpoint, population.id(), UNIVARIABLE);
    let lines: Estimate<Vec<ScreenedTerm>> = match assembly.answer(&key) {
        Ok(Answer::Screen(lines)) => Ok(lines.clone()),
        Ok(_) => Err(NotEstimable::NotDefined),
        Err(reason) => Err(reason),
    };
    let mut outlines = Vec::new();
    for name in &section.univariable {
        let columns = term_outlines(assembly.pipeline.protocol(), name);
        match fit_of(&lines, name) {
            Ok(fit) => {
                let reader = Reader::new(assembly, &place, variance(section, population), fit);
                reader.columns(assembly);
                reader.whole_model(assembly, &id::part(name));
                reader.term_proportionality(assembly, name);
                if *name == assembly.pipeline.protocol().exposure.column {
                    e_value(assembly, endpoint, population, fit, reader.variance);
                }
            }
            Err(reason) => without_fit(assembly, &place, &columns, reason),
        }
        outlines.extend(columns);
    }
    assembly.outline.models.push(ModelOutline {
        endpoint: endpoint.into(),
        population: population.id().into(),
        analysis: place.analysis.clone(),
        label: "Univariable".into(),
        is_screen: true,
        terms: outlines,
        steps: Vec::new(),
    });
}

/// The model of one term of a screen, or why there is none.
fn fit_of<'a>(lines: &'a Estimate<Vec<ScreenedTerm>>, term: &str) -> Estimate<&'a CoxFit> {
    let lines = lines.as_ref().map_err(|reason| *reason)?;
    let line = lines.iter().find(|line| line.term == term).ok_or(NotEstimable::NotDefined)?;
    line.fit.as_ref().map_err(|reason| *reason)
}

fn multivariable(
    assembly: &mut Assembly,
    endpoint: &str,
    population: Population,
    section: &CoxSection,
    model: &MultivariableModel,
) {
    let place = Place::new(endpoint, population.id(), format!("cox_{}", model.id));
    let (fit, steps) = match assembly.answer(&key::cox(endpoint, population.id(), &model.id)) {
        Ok(Answer::Cox(fit)) => (Ok(fit.as_ref().clone()), Vec::new()),
        Ok(Answer::Select(chosen)) => (Ok(chosen.fit.clone()), chosen.steps.clone()),
        Ok(_) => (Err(NotEstimable::NotDefined), Vec::new()),
        Err(reason) => (Err(reason), Vec::new()),
    };
    let protocol = assembly.pipeline.protocol();
    let names = terms_of(protocol, model, &steps);
    let outlines = |name: &String| match model.spline(name) {
        Some(spline) => curve_outline(protocol, spline).into_iter().collect(),
        None => term_outlines(protocol, name),
    };
    let columns: Vec<TermOutline> = names.iter().flat_map(outlines).collect();
    match fit {
        Ok(mut fit) => {
            selection::caveat(assembly, &mut fit, &model.label);
            let reader = Reader::new(assembly, &place, variance(section, population), &fit);
            reader.columns(assembly);
            reader.whole_model(assembly, WHOLE);
            reader.events_per_coefficient(assembly);
            reader.proportional_hazards(assembly, &model.label);
        }
        Err(reason) => without_fit(assembly, &place, &columns, reason),
    }
    let steps = selection::path(assembly, &place, &steps);
    assembly.outline.models.push(ModelOutline {
        endpoint: endpoint.into(),
        population: population.id().into(),
        analysis: place.analysis,
        label: model.label.clone(),
        is_screen: false,
        terms: columns,
        steps,
    });
}

/// The exposure adjusted for what the design has left unbalanced; not fitted where that is nothing.
fn residual_imbalance(assembly: &mut Assembly, endpoint: &str, section: &CoxSection) {
    let pipeline = assembly.pipeline;
    let protocol = pipeline.protocol();
    let Some(population) = protocol.adjusted() else { return };
    let Some(left) = pipeline.left_unbalanced() else { return };
    if !section.populations.contains(&population) {
        return;
    }
    let place = Place::new(endpoint, population.id(), format!("cox_{MATCHING_LEFT}"));
    let n = place.count(WHOLE, "n_unbalanced", left.len());
    assembly.push(n);
    if left.is_empty() {
        return;
    }
    let columns: Vec<TermOutline> = std::iter::once(&protocol.exposure.column)
        .chain(&left)
        .flat_map(|name| term_outlines(protocol, name))
        .collect();
    let label = "Adjusted for residual imbalance";
    match assembly.answer(&key::cox(endpoint, population.id(), MATCHING_LEFT)) {
        Ok(Answer::Cox(fit)) => {
            let fit = fit.as_ref().clone();
            let reader = Reader::new(assembly, &place, variance(section, population), &fit);
            reader.columns(assembly);
            reader.whole_model(assembly, WHOLE);
            reader.events_per_coefficient(assembly);
            reader.proportional_hazards(assembly, label);
        }
        Ok(_) => without_fit(assembly, &place, &columns, NotEstimable::NotDefined),
        Err(reason) => without_fit(assembly, &place, &columns, reason),
    }
    assembly.outline.models.push(ModelOutline {
        endpoint: endpoint.into(),
        population: population.id().into(),
        analysis: place.analysis,
        label: label.into(),
        is_screen: false,
        terms: columns,
        steps: Vec::new(),
    });
}

/// The terms of a model as the protocol names them; of one that could not be chosen the exposure.
fn terms_of(
    protocol: &Protocol,
    model: &MultivariableModel,
    steps: &[SelectionStep],
) -> Vec<String> {
    match (steps.last(), model.rule) {
        (Some(chosen), _) => chosen.terms.clone(),
        (None, SelectionRule::Listed) => model.terms.clone(),
        (None, _) => vec![protocol.exposure.column.clone()],
    }
}

/// The variance behind intervals: there is a robust one in the matched and weighted patients alone.
fn variance(section: &CoxSection, population: Population) -> Variance {
    match population {
        Population::Matched | Population::Weighted => section.variance,
        Population::All | Population::Exposed | Population::Comparator => Variance::Model,
    }
}

fn without_fit(
    assembly: &mut Assembly,
    place: &Place,
    columns: &[TermOutline],
    reason: NotEstimable,
) {
    for column in columns {
        let names = match column.curve_columns {
            Some(_) => ["nonlinear_p_value", "p_value"],
            None => ["hazard_ratio", "p_value"],
        };
        for name in names {
            assembly.push(place.quantity(&column.id, name, Err(reason), METHOD));
        }
    }
}

const METHOD: &str = "Cox proportional hazards model";
const FIRTH: &str = "Cox proportional hazards model with Firth's penalty";

/// Writes a fitted model into the result.
pub(super) struct Reader<'a> {
    /// Where its ids stand.
    place: &'a Place,
    /// The variance behind the intervals.
    variance: Variance,
    /// The robust variance in a word.
    robust: &'static str,
    /// Whether patients have weights: the model-based variance and likelihood ratios then mean
    /// nothing.
    has_weights: bool,
    /// The model.
    fit: &'a CoxFit,
}

impl<'a> Reader<'a> {
    /// Reads a model whose ids stand at a place.
    pub(super) fn new(
        assembly: &Assembly,
        place: &'a Place,
        variance: Variance,
        fit: &'a CoxFit,
    ) -> Self {
        let has_weights = assembly.has_weights(&place.population);
        let variance = if has_weights { Variance::Robust } else { variance };
        Self { place, variance, robust: assembly.robust(&place.population), has_weights, fit }
    }

    /// Hazard ratios and p-values of every column, with those by Firth's penalty beside infinite ones,
    /// and the tests of every curve.
    pub(super) fn columns(&self, assembly: &mut Assembly) {
        for coefficient in &self.fit.coefficients {
            if !self.is_of_curve(coefficient) {
                self.column(assembly, coefficient);
            }
            self.errors(assembly, coefficient);
        }
        for coefficient in self.fit.firth.iter().flat_map(|firth| &firth.coefficients) {
            if !self.is_of_curve(coefficient) {
                self.firth(assembly, coefficient);
            }
        }
        for test in &self.fit.curve_tests {
            self.curve(assembly, test);
        }
    }

    /// A column of a curve has no meaning of its own, and so no ratio.
    fn is_of_curve(&self, coefficient: &Coefficient) -> bool {
        self.fit.curve_tests.iter().any(|test| test.term == coefficient.term)
    }

    /// That a curve is flat, and that it is a straight line.
    fn curve(&self, assembly: &mut Assembly, test: &CurveTest) {
        let term = id::part(&test.term);
        let model = (test.overall, test.nonlinear);
        let robust = test.robust_overall.zip(test.robust_nonlinear);
        let (chosen, words) = match (self.variance, robust) {
            (Variance::Robust, Some(robust)) => (robust, self.robust),
            _ => (model, MODEL_BASED),
        };
        let mut push =
            |suffix: &str, (overall, nonlinear): (TestResult, TestResult), words: &str| {
                let tests = [
                    ("", overall, "the curve is flat"),
                    ("nonlinear_", nonlinear, "the curve is a straight line"),
                ];
                for (name, test, hypothesis) in tests {
                    let method = format!("Wald test that {hypothesis}, {words} variance");
                    let df = Ok(test.degrees_of_freedom as f64);
                    let parts =
                        [("p_value", test.p_value), ("chi_squared", test.chi_squared), ("df", df)];
                    for (part, estimate) in parts {
                        let name = format!("{name}{part}{suffix}");
                        assembly.push(self.place.quantity(&term, &name, estimate, &method));
                    }
                }
            };
        push("", chosen, words);
        if !self.has_weights {
            push("_model", model, MODEL_BASED);
        }
        if let Some(robust) = robust {
            push("_robust", robust, self.robust);
        }
    }

    /// Finite estimates of a column of a model whose likelihood is monotone.
    fn firth(&self, assembly: &mut Assembly, coefficient: &Coefficient) {
        let term = id::part(&coefficient.name);
        let confidence = assembly.pipeline.confidence();
        let profile = coefficient.profile.unwrap_or(ProfileLikelihood {
            interval: Interval::none(NotEstimable::NotDefined),
            test: TestResult::none(NotEstimable::NotDefined, 0),
        });
        let method = format!("{FIRTH}, limits by the penalised likelihood ratio");
        let ratio =
            self.place.quantity(&term, "firth_hazard_ratio", coefficient.hazard_ratio, &method);
        let ratio = ratio.with_interval(profile.interval, confidence);
        assembly.push(ratio.with_caveats(self.beside_infinite()));
        for (name, estimate, method) in [
            ("firth_p_value", profile.test.p_value, "penalised likelihood-ratio test"),
            ("firth_coefficient", coefficient.estimate, "log hazard ratio, Firth's penalty"),
            ("firth_standard_error", coefficient.standard_error, "model-based standard error"),
        ] {
            assembly.push(self.place.quantity(&term, name, estimate, method));
        }
    }

    /// That finite estimates stand beside infinite ones.
    fn beside_infinite(&self) -> Vec<Caveat> {
        let is_about_firth = |caveat: &&Caveat| caveat.code == CaveatCode::PenalisedLikelihood;
        self.fit.caveats.iter().filter(is_about_firth).cloned().collect()
    }

    fn column(&self, assembly: &mut Assembly, coefficient: &Coefficient) {
        let term = id::part(&coefficient.name);
        let confidence = assembly.pipeline.confidence();
        let model = (coefficient.interval, coefficient.p_value);
        let robust = coefficient.robust_interval.zip(coefficient.robust_p_value);
        let (chosen, words) = match (self.variance, robust) {
            (Variance::Robust, Some(robust)) => (robust, self.robust),
            _ => (model, MODEL_BASED),
        };
        let mut push = |suffix: &str, (interval, p_value), words: &str| {
            let method = format!("{METHOD}, Wald limits, {words} variance");
            let name = format!("hazard_ratio{suffix}");
            let ratio = self.place.quantity(&term, &name, coefficient.hazard_ratio, &method);
            let is_infinite = coefficient.hazard_ratio == Err(NotEstimable::Monotone);
            let caveats = if is_infinite { self.beside_infinite() } else { Vec::new() };
            assembly.push(ratio.with_interval(interval, confidence).with_caveats(caveats));
            let method = format!("Wald test, {words} variance");
            let name = format!("p_value{suffix}");
            assembly.push(self.place.quantity(&term, &name, p_value, &method));
        };
        push("", chosen, words);
        if !self.has_weights {
            push("_model", model, MODEL_BASED);
        }
        if let Some(robust) = robust {
            push("_robust", robust, self.robust);
        }
    }

    /// The coefficient of a column and its standard errors.
    fn errors(&self, assembly: &mut Assembly, coefficient: &Coefficient) {
        let term = id::part(&coefficient.name);
        let of_model = |estimate| (!self.has_weights).then_some(estimate);
        let robust = format!("{} standard error", self.robust);
        let errors = [
            ("coefficient", Some(coefficient.estimate), "log hazard ratio"),
            ("standard_error", of_model(coefficient.standard_error), "model-based standard error"),
            ("z", of_model(coefficient.z), "Wald statistic, model-based variance"),
            ("robust_standard_error", coefficient.robust_standard_error, &robust),
        ];
        for (name, estimate, method) in errors {
            if let Some(estimate) = estimate {
                assembly.push(self.place.quantity(&term, name, estimate, method));
            }
        }
    }

    /// Numbers of the model as a whole, under the term that stands for it.
    pub(super) fn whole_model(&self, assembly: &mut Assembly, term: &str) {
        let (place, fit) = (self.place, self.fit);
        assembly.push(place.count(term, "n", fit.n).with_caveats(fit.caveats.clone()));
        assembly.push(place.count(term, "n_events", fit.n_events));
        if self.has_weights {
            self.robust_tests(assembly, term);
        } else {
            self.likelihoods(assembly, term);
        }
        if let Some(concordance) = &fit.concordance {
            let method = "Harrell's concordance";
            assembly.push(place.quantity(term, "concordance", concordance.value, method));
            let error = concordance.standard_error;
            let method = "infinitesimal-jackknife standard error of the concordance";
            assembly.push(place.quantity(term, "concordance_standard_error", error, method));
            if let Some(error) = concordance.robust_standard_error {
                let method = "the same with the variance of the design";
                let name = "concordance_robust_standard_error";
                assembly.push(place.quantity(term, name, error, method));
            }
        }
    }

    /// How many events there are for each coefficient; fewer than ten are few.
    fn events_per_coefficient(&self, assembly: &mut Assembly) {
        let n = self.fit.coefficients.len();
        let share = self.fit.n_events as f64 / n as f64;
        let share = if n == 0 { Err(NotEstimable::NotDefined) } else { Ok(share) };
        let method = "events over coefficients";
        assembly.push(self.place.quantity(WHOLE, "events_per_coefficient", share, method));
    }

    /// What rests on a likelihood, which there is none of where patients have weights.
    fn likelihoods(&self, assembly: &mut Assembly, term: &str) {
        let fit = self.fit;
        for (name, value, method) in [
            ("log_likelihood_null", fit.log_likelihood_null, "log partial likelihood at 0"),
            ("log_likelihood", fit.log_likelihood, "log partial likelihood at the maximum"),
            ("aic", fit.aic, "Akaike's criterion"),
            ("bic", fit.bic, "Schwarz's criterion with the number of events"),
        ] {
            assembly.push(self.place.quantity(term, name, Ok(value), method));
        }
        for (name, test) in [
            ("likelihood_ratio", fit.likelihood_ratio_test),
            ("wald", fit.wald_test),
            ("score", fit.score_test),
        ] {
            self.test(assembly, term, name, test);
        }
    }

    /// Tests of all coefficients by the robust variance.
    fn robust_tests(&self, assembly: &mut Assembly, term: &str) {
        let tests = [
            ("robust_wald", self.fit.robust_wald_test),
            ("robust_score", self.fit.robust_score_test),
        ];
        for (name, test) in tests {
            let none = TestResult::none(NotEstimable::NotDefined, 0);
            self.test(assembly, term, name, test.unwrap_or(none));
        }
    }

    fn test(&self, assembly: &mut Assembly, term: &str, name: &str, test: TestResult) {
        let method = format!("{} test", name.replace('_', "-"));
        let df = Ok(test.degrees_of_freedom as f64);
        let parts = [("chi_squared", test.chi_squared), ("df", df), ("p_value", test.p_value)];
        for (part, estimate) in parts {
            let name = format!("{name}_{part}");
            assembly.push(self.place.quantity(term, &name, estimate, &method));
        }
    }

    /// The test of the one term of a model; of the exposure it may leave a doubt.
    fn term_proportionality(&self, assembly: &mut Assembly, name: &str) {
        let Some(tests) = &self.fit.proportional_hazards else { return };
        let Some(test) = tests.terms.first() else { return };
        self.test(assembly, &id::part(name), "proportional_hazards", test.test);
        let is_exposure = *name == assembly.pipeline.protocol().exposure.column;
        if is_exposure && test.test.p_value.is_ok_and(|p| p < NON_PROPORTIONAL_BELOW) {
            let message = format!(
                "Proportional hazards are in doubt in the model of the exposure alone: {}, {} \
                 (test below {NON_PROPORTIONAL_BELOW}). The hazard ratio is then an \
                 average over time; ratios by intervals stand beside it.",
                endpoint_label(assembly.pipeline.protocol(), &self.place.endpoint),
                population_label(&self.place.population)
            );
            self.non_proportional(assembly, message);
        }
    }

    fn proportional_hazards(&self, assembly: &mut Assembly, label: &str) {
        let Some(tests) = &self.fit.proportional_hazards else { return };
        let global = [(WHOLE, tests.global)];
        let terms = tests.terms.iter().map(|test| (test.term.as_str(), test.test));
        for (term, test) in terms.chain(global) {
            self.test(assembly, &id::part(term), "proportional_hazards", test);
        }
        let in_doubt = |p_value: Estimate| p_value.is_ok_and(|p| p < NON_PROPORTIONAL_BELOW);
        if in_doubt(tests.global.p_value) {
            let protocol = assembly.pipeline.protocol();
            let terms = tests.terms.iter().filter(|test| in_doubt(test.test.p_value));
            let terms: Vec<String> = terms.map(|test| term_label(protocol, &test.term)).collect();
            let terms =
                if terms.is_empty() { "no single term".to_string() } else { terms.join(", ") };
            let message = format!(
                "Proportional hazards are in doubt in the model \"{label}\": {}, {} \
                 (global test below {NON_PROPORTIONAL_BELOW}; in doubt: {terms}). A hazard \
                 ratio is then an average over time.",
                endpoint_label(protocol, &self.place.endpoint),
                population_label(&self.place.population)
            );
            self.non_proportional(assembly, message);
        }
    }

    /// A doubt about proportional hazards, marked on the ratio of the exposure.
    fn non_proportional(&self, assembly: &mut Assembly, message: String) {
        let caveat = Caveat::new(CaveatCode::NonProportionalHazards, message);
        let exposure = &assembly.pipeline.protocol().exposure;
        let term = id::level(&exposure.column, &exposure.exposed.value);
        assembly.mark(&self.place.id(&term, "hazard_ratio"), &caveat);
        assembly.caveats.push(caveat);
    }
}

const MODEL_BASED: &str = "model-based";

/// E-values of the exposure in the population that the study rests on.
fn e_value(
    assembly: &mut Assembly,
    endpoint: &str,
    population: Population,
    fit: &CoxFit,
    variance: Variance,
) {
    let protocol = assembly.pipeline.protocol();
    if !protocol.sensitivity.e_value
        || assembly.pipeline.main_populations().last() != Some(&population)
    {
        return;
    }
    let term = id::level(&protocol.exposure.column, &protocol.exposure.exposed.value);
    let Some(coefficient) = fit.coefficients.first() else { return };
    debug_assert_eq!(exposure_term(&protocol.exposure).name(), coefficient.term);
    let robust = coefficient.robust_interval;
    let chosen = match variance {
        Variance::Robust => robust.unwrap_or(coefficient.interval),
        Variance::Model => coefficient.interval,
    };
    let place = Place::new(endpoint, population.id(), "sensitivity");
    for (name, outcome, words) in [
        ("e_value_common", ::cox::Outcome::Common, "outcome in more than 15 % of patients"),
        ("e_value_rare", ::cox::Outcome::Rare, "rare outcome"),
    ] {
        let value = |interval: Interval| {
            let ratio = coefficient.hazard_ratio?;
            Ok(::cox::e_value(ratio, interval.lower.ok(), interval.upper.ok(), outcome))
        };
        let method = format!("E-value of the hazard ratio, {words}");
        let estimate = value(chosen).map(|value| value.estimate);
        assembly.push(place.quantity(&term, name, estimate, &method));
        let by_model = ("_model", coefficient.interval, MODEL_BASED);
        let by_model = Some(by_model).filter(|_| !assembly.has_weights(&place.population));
        let by_protocol = ("", chosen, "variance of the protocol");
        for (suffix, interval, variance) in [by_protocol].into_iter().chain(by_model) {
            let method =
                format!("E-value of the confidence limit nearest to 1, {variance}, {words}");
            let limit = value(interval)
                .and_then(|value| value.limit.ok_or(NotEstimable::VarianceUndefined));
            let name = format!("{name}_limit{suffix}");
            assembly.push(place.quantity(&term, &name, limit, &method));
        }
    }
}
