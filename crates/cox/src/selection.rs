//! Which terms a model has: chosen by the protocol, by univariable p-values, or step by step.

use crate::cohort_fit::FollowUp;
use crate::likelihood_ratio::likelihood_ratio;
use crate::{
    CoxError, CoxFit, CoxOptions, CoxQuery, OnMonotone, Penalty, ProfileLimits, ScreenedTerm,
    TermTest, TestResult,
};
use cohort::{Brief, Caveat, CaveatCode, Cohort, Design, Estimate, NotEstimable, Selection, Term};

/// A model and the terms from which a rule chooses.
#[derive(Clone, Debug, PartialEq)]
pub struct CoxSelectionQuery {
    /// The model; its terms are in every model of several terms.
    pub model: CoxQuery,
    /// The terms from which the rule chooses, in the order of the table.
    pub candidates: Vec<Term>,
    /// The rule.
    pub rule: SelectionRule,
}

/// How terms are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum SelectionRule {
    /// All candidates.
    #[default]
    Listed,
    /// The candidates with a small p-value in a model of their own, without any other term.
    PThreshold {
        /// A p-value below this is small.
        enter_below: f64,
        /// The p-value.
        test: SelectionTest,
    },
    /// All candidates at first; the one with the largest p-value leaves, until all are small.
    Backward {
        /// A p-value above this is large.
        remove_above: f64,
        /// The test of each term in the presence of the others.
        test: SelectionTest,
    },
    /// None at first; the candidate with the smallest p-value enters, and after each entry those whose
    /// p-value has become large leave again, the largest first.
    Forward {
        /// A p-value below this is small enough to enter.
        enter_below: f64,
        /// A p-value above this is too large to stay; 1: nobody leaves. Not below `enter_below`.
        remove_above: f64,
        /// The test of each term in the presence of the others.
        test: SelectionTest,
    },
}

/// The test by which a term enters or leaves.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SelectionTest {
    /// Of the models with and without the term. Clusters play no part in it, and sampling weights
    /// give it no known distribution: they need the test of Wald.
    #[default]
    LikelihoodRatio,
    /// Of the coefficients of the term, with the robust variance when there is one.
    Wald,
}

impl SelectionRule {
    /// `method = BSTEP(LR)` of COXREG in SPSS, whose removal is at 0.10.
    pub const BACKWARD: Self =
        Self::Backward { remove_above: 0.10, test: SelectionTest::LikelihoodRatio };

    /// Entry at 0.05 and removal at 0.10, the limits of `FSTEP(LR)` in SPSS. There a term enters by
    /// its score test, here by the likelihood ratio by which it would leave.
    pub const FORWARD: Self = Self::Forward {
        enter_below: 0.05,
        remove_above: 0.10,
        test: SelectionTest::LikelihoodRatio,
    };

    /// Univariable likelihood ratio below 0.05.
    pub const P_THRESHOLD: Self =
        Self::PThreshold { enter_below: 0.05, test: SelectionTest::LikelihoodRatio };

    fn test(self) -> Option<SelectionTest> {
        match self {
            Self::Listed => None,
            Self::PThreshold { test, .. }
            | Self::Backward { test, .. }
            | Self::Forward { test, .. } => Some(test),
        }
    }

    /// What a reader must know of the choice.
    fn caveat(self) -> Option<Caveat> {
        let how = match self {
            Self::Listed => return None,
            Self::PThreshold { enter_below, .. } => {
                format!("by their univariable p-values (below {})", Brief(enter_below))
            }
            Self::Backward { remove_above, .. } => {
                format!("by backward elimination (those above {} left)", Brief(remove_above))
            }
            Self::Forward { enter_below, remove_above, .. } => format!(
                "by forward selection (those below {} entered, those above {} left)",
                Brief(enter_below),
                Brief(remove_above)
            ),
        };
        let message = format!(
            "the terms were chosen {how}: p-values and intervals do not allow for that choice"
        );
        Some(Caveat::new(CaveatCode::DataDrivenSelection, message))
    }
}

/// The chosen model and how it was reached.
#[derive(Clone, Debug, PartialEq)]
pub struct CoxSelection {
    /// The models on the way, the last one being the chosen one.
    pub steps: Vec<SelectionStep>,
    /// The chosen model, with everything that the query asks for.
    pub fit: CoxFit,
}

/// One model on the way, its tests and what came of them.
#[derive(Clone, Debug, PartialEq)]
pub struct SelectionStep {
    /// Names of its terms: those of the model, then the candidates in their order.
    pub terms: Vec<String>,
    /// Its log partial likelihood.
    pub log_likelihood: f64,
    /// Tests of the terms that may leave. One that is part of a product in the model may not.
    pub removal_tests: Vec<TermTest>,
    /// Tests of the candidates that may enter: univariable ones for [`SelectionRule::PThreshold`],
    /// else in the presence of the terms of this model. A product may not enter before its parts.
    pub entry_tests: Vec<TermTest>,
    /// The term that left, as the tests of removal say.
    pub removed: Option<String>,
    /// The terms that entered, as the tests of entry say: at most one in stepwise selection.
    pub entered: Vec<String>,
}

impl ScreenedTerm {
    /// The p-value of the candidate in a screen without further terms.
    pub fn p_value(&self, test: SelectionTest) -> Estimate {
        self.test(test)?.p_value
    }

    fn test(&self, test: SelectionTest) -> Estimate<TestResult> {
        let fit = self.fit.as_ref().map_err(|reason| *reason)?;
        Ok(match test {
            SelectionTest::LikelihoodRatio => fit.likelihood_ratio_test,
            SelectionTest::Wald => wald_test(fit, &self.term),
        })
    }
}

/// Chooses the terms of a model by a rule and fits it.
///
/// All models are of the same subjects: rows that lack a value of any candidate are refused, whether
/// it is chosen or not. Of equal p-values the candidate that is listed first leaves or enters. A
/// test that cannot be made keeps a term where it is, except that a term whose columns depend on
/// those of the others leaves at once. A step that would lead back to a model of an earlier one is
/// not taken.
///
/// Choosing and testing on the same data makes p-values too small, intervals too short and estimates
/// too large, which a caveat says. Copas (1983), J. R. Stat. Soc. B 45:311-354; Harrell (2015),
/// Regression Modeling Strategies, section 4.3.
///
/// Backward elimination is `drop1(fit, test = "Chisq")` of R over and over. Fails as
/// [`crate::cox`] does, on a name that occurs twice, on a product without its parts, on limits that
/// are no probabilities, with a penalty, and on likelihood ratios of sampling weights.
pub fn select(
    cohort: &Cohort,
    selection: &Selection,
    query: &CoxSelectionQuery,
) -> Result<CoxSelection, CoxError> {
    check(query)?;
    let bare = bare(&query.model);
    let follow_up = FollowUp::read(cohort, selection, &bare)?;
    let by_ratio = query.rule.test() == Some(SelectionTest::LikelihoodRatio);
    if by_ratio && follow_up.has_sampling_weights() {
        return Err(CoxError::LikelihoodRatioOfWeights);
    }
    for candidate in &query.candidates {
        Design::new(cohort, follow_up.selection(), std::slice::from_ref(candidate))?;
    }
    let whole = FollowUp::read(cohort, selection, &query.model)?;
    whole.check_named(query.model.terms.iter().chain(&query.candidates))?;
    let mut walk = Walk { query, follow_up: &follow_up, steps: Vec::new() };
    let chosen = walk.follow()?;
    let steps = walk.steps;
    let mut fit = whole.fit(&model_terms(query, &chosen))?;
    fit.caveats.extend(query.rule.caveat());
    Ok(CoxSelection { steps, fit })
}

/// The model with nothing beside its likelihood and Wald tests.
fn bare(model: &CoxQuery) -> CoxQuery {
    CoxQuery {
        options: CoxOptions { on_monotone: OnMonotone::Report, ..model.options.clone() },
        proportional_hazards: None,
        concordance: false,
        profile_limits: ProfileLimits::None,
        term_likelihood_ratios: false,
        ..model.clone()
    }
}

fn check(query: &CoxSelectionQuery) -> Result<(), CoxError> {
    let is_probability = |limit: f64| (0.0..=1.0).contains(&limit);
    let limits_are_right = match query.rule {
        SelectionRule::Listed => true,
        SelectionRule::PThreshold { enter_below, .. } => is_probability(enter_below),
        SelectionRule::Backward { remove_above, .. } => is_probability(remove_above),
        SelectionRule::Forward { enter_below, remove_above, .. } => {
            is_probability(enter_below)
                && is_probability(remove_above)
                && enter_below <= remove_above
        }
    };
    if !limits_are_right {
        return Err(CoxError::InvalidLimit);
    }
    if query.model.options.penalty != Penalty::None {
        return Err(CoxError::PenalisedSelection);
    }
    let forced = &query.model.terms;
    let all: Vec<&Term> = forced.iter().chain(&query.candidates).collect();
    for (index, term) in all.iter().enumerate() {
        let name = term.name();
        if all[..index].iter().any(|other| other.name() == name) {
            return Err(CoxError::DuplicateTerm { term: name });
        }
        // What is in the model from the start has its parts there from the start.
        let there: &[&Term] = if index < forced.len() { &all[..forced.len()] } else { &all };
        if let Some(part) = term.missing_part(there) {
            return Err(CoxError::MissingPart { term: name, part });
        }
        let is_screened = matches!(query.rule, SelectionRule::PThreshold { .. });
        if is_screened && index >= forced.len() && matches!(term, Term::Interaction(..)) {
            return Err(CoxError::ScreenedProduct { term: name });
        }
    }
    Ok(())
}

/// The terms of the model, then the chosen candidates.
fn model_terms(query: &CoxSelectionQuery, chosen: &[usize]) -> Vec<Term> {
    let chosen = chosen.iter().map(|&index| &query.candidates[index]);
    query.model.terms.iter().chain(chosen).cloned().collect()
}

/// A rule at work. Models are lists of candidates by their index, ascending.
struct Walk<'a> {
    query: &'a CoxSelectionQuery,
    follow_up: &'a FollowUp<'a>,
    steps: Vec<SelectionStep>,
}

/// The tests of some candidates.
type Tests = Vec<(usize, TestResult)>;

impl Walk<'_> {
    /// Walks to the chosen model.
    fn follow(&mut self) -> Result<Vec<usize>, CoxError> {
        let all: Vec<usize> = (0..self.query.candidates.len()).collect();
        match self.query.rule {
            SelectionRule::Listed => {
                let fit = self.fit(&all)?;
                self.record(&all, &fit, &Tests::new(), &Tests::new());
                Ok(all)
            }
            SelectionRule::PThreshold { enter_below, test } => self.screen(enter_below, test),
            SelectionRule::Backward { remove_above, test } => {
                self.stepwise(all, None, remove_above, test)
            }
            SelectionRule::Forward { enter_below, remove_above, test } => {
                self.stepwise(Vec::new(), Some(enter_below), remove_above, test)
            }
        }
    }

    fn screen(&mut self, enter_below: f64, test: SelectionTest) -> Result<Vec<usize>, CoxError> {
        let lines = self.follow_up.screen(&[], &self.query.candidates)?;
        let none = |reason| TestResult::none(reason, 0);
        let tests: Tests =
            lines.iter().map(|line| line.test(test).unwrap_or_else(none)).enumerate().collect();
        let is_small = |test: &TestResult| test.p_value.is_ok_and(|p_value| p_value < enter_below);
        let chosen: Vec<usize> =
            tests.iter().filter(|(_, test)| is_small(test)).map(|&(index, _)| index).collect();
        let forced = self.fit(&[])?;
        let entered = self.names(&chosen);
        self.record(&[], &forced, &Tests::new(), &tests).entered = entered;
        let fit = self.fit(&chosen)?;
        self.record(&chosen, &fit, &Tests::new(), &Tests::new());
        Ok(chosen)
    }

    /// From one model to the next until nobody leaves and nobody enters.
    fn stepwise(
        &mut self,
        mut model: Vec<usize>,
        enter_below: Option<f64>,
        remove_above: f64,
        test: SelectionTest,
    ) -> Result<Vec<usize>, CoxError> {
        let mut seen = vec![model.clone()];
        loop {
            let fit = self.fit(&model)?;
            let removal = self.removal_tests(&model, &fit, test)?;
            let leaves = largest(&removal).filter(|&(_, p_value)| p_value > remove_above);
            let mut entry = Tests::new();
            let next = match (leaves, enter_below) {
                (Some((index, _)), _) => without(&model, index),
                (None, None) => model.clone(),
                (None, Some(enter_below)) => {
                    entry = self.entry_tests(&model, &fit, test)?;
                    let enters = smallest(&entry).filter(|&(_, p_value)| p_value < enter_below);
                    enters.map_or_else(|| model.clone(), |(index, _)| with(&model, index))
                }
            };
            let is_new = !seen.contains(&next);
            let removed = leaves.filter(|_| is_new).map(|(index, _)| self.name(index));
            let entered: Vec<usize> =
                next.iter().filter(|&index| is_new && !model.contains(index)).copied().collect();
            let entered = self.names(&entered);
            let step = self.record(&model, &fit, &removal, &entry);
            (step.removed, step.entered) = (removed, entered);
            if !is_new {
                return Ok(model);
            }
            seen.push(next.clone());
            model = next;
        }
    }

    fn removal_tests(
        &self,
        model: &[usize],
        fit: &CoxFit,
        test: SelectionTest,
    ) -> Result<Tests, CoxError> {
        let terms = model_terms(self.query, model);
        let is_part =
            |index: usize| terms.iter().any(|term| term.has_part(&self.query.candidates[index]));
        let test_of = |&index: &usize| {
            Ok((
                index,
                match test {
                    SelectionTest::Wald => wald_test(fit, &self.name(index)),
                    SelectionTest::LikelihoodRatio => {
                        likelihood_ratio(fit, &self.fit(&without(model, index))?)
                    }
                },
            ))
        };
        model.iter().filter(|&&index| !is_part(index)).map(test_of).collect()
    }

    fn entry_tests(
        &self,
        model: &[usize],
        fit: &CoxFit,
        test: SelectionTest,
    ) -> Result<Tests, CoxError> {
        let terms = model_terms(self.query, model);
        let there: Vec<&Term> = terms.iter().collect();
        let candidates = &self.query.candidates;
        let may_enter = |index: &usize| {
            !model.contains(index) && candidates[*index].missing_part(&there).is_none()
        };
        let test_of = |index: usize| {
            let larger = self.fit(&with(model, index))?;
            Ok((
                index,
                match test {
                    SelectionTest::Wald => wald_test(&larger, &self.name(index)),
                    SelectionTest::LikelihoodRatio => likelihood_ratio(&larger, fit),
                },
            ))
        };
        (0..candidates.len()).filter(may_enter).map(test_of).collect()
    }

    fn fit(&self, model: &[usize]) -> Result<CoxFit, CoxError> {
        self.follow_up.fit(&model_terms(self.query, model))
    }

    fn record(
        &mut self,
        model: &[usize],
        fit: &CoxFit,
        removal: &Tests,
        entry: &Tests,
    ) -> &mut SelectionStep {
        let named = |tests: &Tests| {
            let name =
                |&(index, test): &(usize, TestResult)| TermTest { term: self.name(index), test };
            tests.iter().map(name).collect()
        };
        let step = SelectionStep {
            terms: model_terms(self.query, model).iter().map(Term::name).collect(),
            log_likelihood: fit.log_likelihood,
            removal_tests: named(removal),
            entry_tests: named(entry),
            removed: None,
            entered: Vec::new(),
        };
        self.steps.push(step);
        self.steps.last_mut().expect("a step has just been pushed")
    }

    fn name(&self, index: usize) -> String {
        self.query.candidates[index].name()
    }

    fn names(&self, indexes: &[usize]) -> Vec<String> {
        indexes.iter().map(|&index| self.name(index)).collect()
    }
}

fn with(model: &[usize], index: usize) -> Vec<usize> {
    let mut larger = [model, &[index]].concat();
    larger.sort_unstable();
    larger
}

fn without(model: &[usize], index: usize) -> Vec<usize> {
    model.iter().copied().filter(|&other| other != index).collect()
}

/// The first candidate with the largest p-value. One that adds no column to the others has the
/// p-value 1.
fn largest(tests: &Tests) -> Option<(usize, f64)> {
    let p_value = |&(index, test): &(usize, TestResult)| match test.p_value {
        Ok(p_value) => Some((index, p_value)),
        Err(_) if test.degrees_of_freedom == 0 => Some((index, 1.0)),
        Err(_) => None,
    };
    tests.iter().filter_map(p_value).reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// The first candidate with the smallest p-value.
fn smallest(tests: &Tests) -> Option<(usize, f64)> {
    let p_value = |&(index, test): &(usize, TestResult)| Some((index, test.p_value.ok()?));
    tests.iter().filter_map(p_value).reduce(|best, next| if next.1 < best.1 { next } else { best })
}

fn wald_test(fit: &CoxFit, term: &str) -> TestResult {
    let found = fit.term_tests.iter().find(|tested| tested.term == term);
    found.map_or(TestResult::none(NotEstimable::NotDefined, 0), |tested| tested.test)
}
