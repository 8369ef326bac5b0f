//! The sections that say what is done with the data. They refer to variables, the exposure and
//! populations, which are resolved here.

use super::data::Ids;
use super::section::Section;
use super::suggest::known_names;
use super::value::{
    Parsed, at_least_1, code, confidence, flag, number, positive, probability, text, word,
};
use crate::protocol::{
    BalanceSection, BalanceTest, ComparisonTest, CoxSection, HiddenBiasSection, MultivariableModel,
    Population, Profile, PropensitySection, SelectionRule, SensitivitySection, Spline, Subgroup,
    SurvivalSection, Ties, Variable, VariableKind, Variance,
};
use std::cell::RefCell;
use toml::de::DeValue;

/// What analyses can refer to.
pub(super) struct Declared<'a> {
    /// Whose conventions are the defaults.
    pub(super) profile: Profile,
    pub(super) variables: &'a [Variable],
    pub(super) exposure: &'a str,
    pub(super) has_matching: bool,
    pub(super) has_weighting: bool,
    /// Whether patients are matched one to one, nobody twice.
    pub(super) has_pairs: bool,
}

impl Declared<'_> {
    /// The population in which the arms are made comparable, or everyone.
    pub(super) fn main_population(&self) -> Population {
        match (self.has_matching, self.has_weighting) {
            (true, _) => Population::Matched,
            (false, true) => Population::Weighted,
            (false, false) => Population::All,
        }
    }

    /// Whether the patients of a population have weights.
    fn has_weights(&self, population: Population) -> bool {
        match population {
            Population::Matched => !self.has_pairs,
            Population::Weighted => true,
            Population::All | Population::Exposed | Population::Comparator => false,
        }
    }

    /// A variable by its name.
    fn variable(&self, value: &DeValue) -> Parsed<&Variable> {
        let name = text(value)?;
        self.find(&name).ok_or_else(|| {
            let known: Vec<&str> = self.variables.iter().map(|known| known.name.as_str()).collect();
            format!("there is no variable `{name}`; declared are {}", known_names(&name, &known))
        })
    }

    /// A variable with levels that every patient can have.
    fn category(&self, value: &DeValue) -> Parsed<String> {
        match self.variable(value)?.kind {
            VariableKind::Continuous => {
                Err(format!("`{}` has no levels to compare within", text(value)?))
            }
            _ => self.covariate(value),
        }
    }

    /// The exposure, or a variable with levels that every patient can have.
    pub(super) fn stratum(&self, value: &DeValue) -> Parsed<String> {
        if value.as_str() == Some(self.exposure) {
            return Ok(self.exposure.into());
        }
        self.category(value)
    }

    /// A variable that every patient can have.
    fn covariate(&self, value: &DeValue) -> Parsed<String> {
        let variable = self.variable(value)?;
        match &variable.among {
            None => Ok(variable.name.clone()),
            Some(condition) => Err(format!(
                "`{}` has values only among `{condition}`; a model of all patients cannot use it",
                variable.name
            )),
        }
    }

    /// A covariate of the propensity model.
    pub(super) fn confounder(&self, value: &DeValue) -> Parsed<String> {
        if value.as_str() == Some(self.exposure) {
            return Err("the exposure cannot explain itself; list other variables".into());
        }
        self.covariate(value)
    }

    /// A covariate or the exposure.
    fn term(&self, value: &DeValue) -> Parsed<String> {
        if value.as_str() == Some(self.exposure) {
            return Ok(self.exposure.into());
        }
        self.covariate(value).map_err(|message| {
            format!("{message} (the exposure `{}` may stand here too)", self.exposure)
        })
    }

    /// The exposure and all variables that every patient can have.
    fn all_terms(&self) -> Vec<String> {
        let covariates = self.variables.iter().filter(|variable| variable.among.is_none());
        std::iter::once(self.exposure.to_string())
            .chain(covariates.map(|variable| variable.name.clone()))
            .collect()
    }

    /// A variable with levels.
    fn factor(&self, value: &DeValue) -> Parsed<String> {
        let variable = self.variable(value)?;
        if variable.kind == VariableKind::Continuous {
            return Err(format!("`{}` is continuous and has no levels", variable.name));
        }
        Ok(variable.name.clone())
    }

    fn population(&self, value: &DeValue) -> Parsed<Population> {
        match word(value)? {
            Population::Matched if !self.has_matching => {
                Err("there is no matched sample without `[matching]`".into())
            }
            Population::Weighted if !self.has_weighting => {
                Err("there are no weighted patients without `[weighting]`".into())
            }
            population => Ok(population),
        }
    }

    /// A population in which the exposure varies.
    fn population_of_both_arms(&self, value: &DeValue) -> Parsed<Population> {
        match self.population(value)? {
            one_arm @ (Population::Exposed | Population::Comparator) => Err(format!(
                "the exposure does not vary among `{}`; choose `all`, `matched` or `weighted`",
                one_arm.id()
            )),
            population => Ok(population),
        }
    }

    fn balance_test(&self, value: &DeValue) -> Parsed<BalanceTest> {
        let test: BalanceTest = word(value)?;
        if test.is_paired() && !self.has_pairs {
            return Err("a test of pairs needs one-to-one `[matching]` without replacement".into());
        }
        Ok(test)
    }

    fn comparison(&self, value: &DeValue) -> Parsed<ComparisonTest> {
        match word(value)? {
            ComparisonTest::LogRankStratifiedByPair if !self.has_matching => {
                Err("there are no pairs without `[matching]`".into())
            }
            ComparisonTest::LogRankStratifiedByPair if !self.has_pairs => {
                Err("pairs are those of one-to-one matching without replacement".into())
            }
            test => Ok(test),
        }
    }

    fn find(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|variable| variable.name == name)
    }

    /// The kind of a variable.
    pub(super) fn kind(&self, name: &str) -> Option<VariableKind> {
        self.find(name).map(|variable| variable.kind)
    }

    fn levels(&self, name: &str) -> &[String] {
        self.find(name).map_or(&[], |variable| &variable.levels)
    }
}

pub(super) fn propensity(section: &Section, declared: &Declared) -> PropensitySection {
    if !section.has("covariates") {
        section.refuse("covariates", "`covariates` is missing");
    }
    let covariates = section.filled_list("covariates", |value| declared.confounder(value));
    let covariates = covariates.unwrap_or_default();
    let splines = splines(section, declared, &covariates, "covariates");
    PropensitySection { covariates, splines }
}

/// `splines`: numbers among those of the list that enter a model as curves.
fn splines(section: &Section, declared: &Declared, names: &[String], list: &str) -> Vec<Spline> {
    section.entries("splines", |name, section| {
        let is_number = |known: &Variable| known.kind == VariableKind::Continuous;
        if !names.iter().any(|known| known == name) {
            section.refuse_self(format!("`{name}` is not among the {list}"));
        } else if !declared.find(name).is_some_and(is_number) {
            section.refuse_self(format!("`{name}` has levels, and only numbers have splines"));
        }
        let degrees_of_freedom = section.needed("degrees_of_freedom", at_least_1);
        let degrees_of_freedom = degrees_of_freedom.unwrap_or(1);
        Spline { variable: name.into(), degrees_of_freedom }
    })
}

pub(super) fn balance(section: &Section, declared: &Declared) -> BalanceSection {
    let tests = section.list("tests", |value| declared.balance_test(value));
    if tests.as_ref().is_some_and(|tests| tests.len() > 1 && tests.contains(&BalanceTest::Auto)) {
        section.refuse("tests", "`auto` chooses the tests and must stand alone");
    }
    let strata = section.list("strata", |value| declared.category(value)).unwrap_or_default();
    strata_fit(section, tests.as_deref().unwrap_or_default(), &strata);
    BalanceSection {
        tests: tests.unwrap_or_else(|| declared.profile.balance_tests().to_vec()),
        threshold: section.optional("threshold", positive).unwrap_or(0.1),
        within: section.list("within", |value| declared.category(value)).unwrap_or_default(),
        strata,
        quartiles: section
            .optional("quartiles", word)
            .unwrap_or_else(|| declared.profile.quartiles()),
    }
}

/// Stratified tests need strata, and strata a test that uses them.
fn strata_fit(section: &Section, tests: &[BalanceTest], strata: &[String]) {
    let uses = |test: &BalanceTest| test.is_stratified() || *test == BalanceTest::Auto;
    if strata.is_empty() && tests.iter().any(|test| test.is_stratified()) {
        section.refuse("tests", "a stratified test needs `strata`, such as `strata = [\"site\"]`");
    }
    if !strata.is_empty() && !tests.iter().any(uses) {
        let message =
            "has no effect: list `cochran_mantel_haenszel` or `van_elteren` under `tests`";
        section.refuse("strata", message);
    }
}

pub(super) fn survival(section: &Section, declared: &Declared) -> SurvivalSection {
    let median_ci = section
        .filled_list("median_ci", word)
        .unwrap_or_else(|| vec![declared.profile.median_ci()]);
    let tests = section.list("tests", |value| declared.comparison(value));
    if tests.as_ref().is_some_and(|tests| !tests.contains(&ComparisonTest::LogRank)) {
        section.refuse("tests", "`log_rank` must be among them: summary and figures print it");
    }
    SurvivalSection {
        interval: section
            .filled_list("interval", word)
            .unwrap_or_else(|| vec![declared.profile.interval()]),
        followup_ci: section.filled_list("followup_ci", word).unwrap_or_else(|| median_ci.clone()),
        median_ci,
        restricted_mean: section.list("restricted_mean", positive).unwrap_or_default(),
        tests: tests.unwrap_or_else(|| {
            let by_pair = declared.has_pairs.then_some(ComparisonTest::LogRankStratifiedByPair);
            std::iter::once(ComparisonTest::LogRank).chain(by_pair).collect()
        }),
        confidence: section.optional("confidence", confidence).unwrap_or(0.95),
    }
}

pub(super) fn cox(section: &Section, declared: &Declared) -> CoxSection {
    let populations =
        populations(section, declared).unwrap_or_else(|| vec![declared.main_population()]);
    let univariable = section.list("univariable", |value| declared.term(value));
    let univariable = univariable.unwrap_or_else(|| declared.all_terms());
    let ids = Ids::new(&["univariable", "residual_imbalance"]);
    let mut cuts = section.list("piecewise_cuts", positive).unwrap_or_default();
    cuts.sort_by(f64::total_cmp);
    let variance = section.optional("variance", word).unwrap_or_default();
    if variance == Variance::Model && declared.has_weights(declared.main_population()) {
        let message = "patients with weights need the robust variance; leave it out";
        section.refuse("variance", message);
    }
    CoxSection {
        ties: section.optional("ties", word).unwrap_or_else(|| declared.profile.ties()),
        variance,
        multivariable: section.tables("multivariable", |section| {
            let model = model(section, declared, &ids, &populations);
            if model.rule == SelectionRule::PThreshold {
                check_screened(section, &model, declared, &univariable, &populations);
            }
            model
        }),
        ph_test: section.optional("ph_test", word).unwrap_or_default(),
        piecewise_cuts: cuts,
        univariable,
        populations,
    }
}

/// `ties`: the rule for ties of `[cox]`.
pub(super) fn subgroups(file: &Section, declared: &Declared, ties: Ties) -> Vec<Subgroup> {
    let ids = Ids::new(&[]);
    let analysed = RefCell::default();
    file.tables("subgroup", |section| {
        let id = ids.needed(section);
        let factor = |value: &DeValue| declared.factor(value);
        let subgroup = Subgroup {
            label: section.optional("label", text).unwrap_or_else(|| id.clone()),
            id,
            variables: section.filled_list("variables", factor).unwrap_or_default(),
            levels: section.filled_list("levels", code).unwrap_or_default(),
            compare: section.optional("compare", factor),
            population: section
                .optional("population", |value| declared.population(value))
                .unwrap_or_default(),
            ties: section.optional("ties", word).unwrap_or(ties),
        };
        check_subgroup(section, &subgroup);
        check_subgroup_levels(section, &subgroup, declared);
        check_analysed_once(section, &subgroup, &analysed);
        subgroup
    })
}

pub(super) fn sensitivity(
    section: &Section,
    declared: &Declared,
    cox: Option<&CoxSection>,
) -> SensitivitySection {
    let e_value = section.optional("e_value", flag).unwrap_or(false);
    let population = declared.main_population();
    let has_hazard_ratio = cox.is_some_and(|cox| {
        cox.populations.contains(&population)
            && cox.univariable.iter().any(|term| term == declared.exposure)
    });
    if e_value && !has_hazard_ratio {
        section.refuse(
            "e_value",
            format!(
                "needs the univariable hazard ratio of the exposure in the population `{}`: list \
                 them under `populations` and `univariable` of `[cox]`",
                population.id()
            ),
        );
    }
    if section.has("hidden_bias") && !declared.has_pairs {
        let message = "bounds of pairs need one-to-one `[matching]` without replacement";
        section.refuse("hidden_bias", message);
    }
    SensitivitySection { e_value, hidden_bias: section.table("hidden_bias", hidden_bias) }
}

fn hidden_bias(section: &Section) -> HiddenBiasSection {
    HiddenBiasSection {
        gammas: section
            .filled_list("gammas", factor_of_bias)
            .unwrap_or_else(|| vec![1.0, 1.25, 1.5, 2.0, 3.0]),
        level: section.optional("level", confidence).unwrap_or(0.025),
    }
}

fn factor_of_bias(value: &DeValue) -> Parsed<f64> {
    match number(value)? {
        factor if factor >= 1.0 => Ok(factor),
        _ => Err("a factor of hidden bias is 1 or more".into()),
    }
}

fn populations(section: &Section, declared: &Declared) -> Option<Vec<Population>> {
    section.filled_list("populations", |value| declared.population_of_both_arms(value))
}

fn model(
    section: &Section,
    declared: &Declared,
    ids: &Ids,
    default_populations: &[Population],
) -> MultivariableModel {
    let id = ids.needed(section);
    let rule = section.optional("rule", word).unwrap_or_default();
    let (p_below, p_above) = selection_limits(section, rule);
    let terms = section.filled_list("terms", |value| declared.term(value));
    let terms = terms.map_or_else(|| declared.all_terms(), |terms| with_exposure(terms, declared));
    let splines = splines(section, declared, &terms, "terms");
    if rule != SelectionRule::Listed && !splines.is_empty() {
        let message =
            "belong to `rule = \"listed\"`: a term that is chosen by tests is a line or levels";
        section.refuse("splines", message);
    }
    let populations =
        populations(section, declared).unwrap_or_else(|| default_populations.to_vec());
    let weighted = populations.iter().find(|&&population| declared.has_weights(population));
    if let Some(weighted) = weighted.filter(|_| rule != SelectionRule::Listed) {
        let message = format!(
            "terms are chosen by likelihood-ratio tests, which the weights of `{}` do not allow: list \
             the terms, or choose `populations = [\"all\"]`",
            weighted.id()
        );
        section.refuse("rule", message);
    }
    MultivariableModel {
        label: section.optional("label", text).unwrap_or_else(|| id.clone()),
        id,
        terms,
        splines,
        rule,
        p_below,
        p_above,
        populations,
    }
}

/// The p-values below which a term enters a model and above which it leaves.
fn selection_limits(section: &Section, rule: SelectionRule) -> (f64, f64) {
    let limit = |key: &'static str, default: f64, rules: [(SelectionRule, &str); 2]| {
        let limit = section.optional(key, probability);
        if limit.is_some() && rules.iter().all(|(known, _)| *known != rule) {
            let [one, other] = rules.map(|(_, name)| name);
            let message = format!("has no effect unless `rule` is \"{one}\" or \"{other}\"");
            section.refuse(key, message);
        }
        limit.unwrap_or(default)
    };
    let forward = (SelectionRule::Forward, "forward");
    let p_below = limit("p_below", 0.05, [(SelectionRule::PThreshold, "p_threshold"), forward]);
    let p_above = limit("p_above", 0.1, [(SelectionRule::Backward, "backward"), forward]);
    if rule == SelectionRule::Forward && p_below > p_above {
        let key = if section.has("p_below") { "p_below" } else { "p_above" };
        let message = "terms would enter and leave again: `p_below` must not be above `p_above`";
        section.refuse(key, message);
    }
    (p_below, p_above)
}

/// A term that is chosen by its univariable p-value needs one, in every population of the model.
fn check_screened(
    section: &Section,
    model: &MultivariableModel,
    declared: &Declared,
    univariable: &[String],
    populations: &[Population],
) {
    let is_unscreened = |term: &&String| *term != declared.exposure && !univariable.contains(term);
    if let Some(term) = model.terms.iter().find(is_unscreened) {
        let key = if section.has("terms") { "terms" } else { "rule" };
        section.refuse(
            key,
            format!("`{term}` has no univariable p-value: list it under `univariable` too"),
        );
    }
    if let Some(population) = model.populations.iter().find(|known| !populations.contains(known)) {
        let message = format!(
            "there are no univariable p-values in `{}`: list it under `populations` of `[cox]` too",
            population.id()
        );
        section.refuse("populations", message);
    }
}

/// The exposure is always in the model, in front unless the file puts it elsewhere.
fn with_exposure(mut terms: Vec<String>, declared: &Declared) -> Vec<String> {
    if !terms.iter().any(|term| term == declared.exposure) {
        terms.insert(0, declared.exposure.into());
    }
    terms
}

/// Either the arms within levels, or levels with each other.
fn check_subgroup(section: &Section, subgroup: &Subgroup) {
    match (section.has("variables"), section.has("compare")) {
        (true, true) => {
            section.refuse("compare", "a subgroup has either `variables` or `compare`, not both");
        }
        (false, false) => section.refuse_self(
            "give `variables` (arms within levels) or `compare` (levels with each other)",
        ),
        (true, false)
            if matches!(subgroup.population, Population::Exposed | Population::Comparator) =>
        {
            section.refuse(
                "population",
                format!(
                    "there is one arm alone among `{}`: nothing to compare",
                    subgroup.population.id()
                ),
            );
        }
        _ => {}
    }
}

/// The ids of a subgroup's numbers hold population and variable, so a second analysis of the same
/// would give two numbers one id.
fn check_analysed_once(
    section: &Section,
    subgroup: &Subgroup,
    analysed: &RefCell<Vec<(Population, &'static str, String)>>,
) {
    let within = subgroup.variables.iter().map(|name| ("variables", name));
    for (key, name) in within.chain(subgroup.compare.iter().map(|name| ("compare", name))) {
        let analysis = (subgroup.population, key, name.clone());
        if analysed.borrow().contains(&analysis) {
            let population = subgroup.population.id();
            section.refuse(
                key,
                format!("`{name}` is analysed in `{population}` by an earlier subgroup already"),
            );
        } else {
            analysed.borrow_mut().push(analysis);
        }
    }
}

/// Every listed level belongs to a variable, and every variable has a level that is listed.
fn check_subgroup_levels(section: &Section, subgroup: &Subgroup, declared: &Declared) {
    if subgroup.levels.is_empty() {
        return;
    }
    let names: Vec<&String> = subgroup.variables.iter().chain(&subgroup.compare).collect();
    let is_of = |level: &String, name: &String| declared.levels(name).contains(level);
    for level in &subgroup.levels {
        if !names.is_empty() && !names.iter().any(|name| is_of(level, name)) {
            let known: Vec<&str> =
                names.iter().flat_map(|name| declared.levels(name)).map(String::as_str).collect();
            let known = known_names(level, &known);
            section.refuse(
                "levels",
                format!("no variable has the level `{level}`; there are {known}"),
            );
        }
    }
    for name in &subgroup.variables {
        if !subgroup.levels.iter().any(|level| is_of(level, name)) {
            section.refuse("levels", format!("none of them is a level of `{name}`"));
        }
    }
    if subgroup.compare.is_some() && section.list_len("levels") == Some(1) {
        section.refuse("levels", "one level cannot be compared with itself; list at least two");
    }
}
