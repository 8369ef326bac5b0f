//! The choices of a protocol in words.

use crate::number;
use study::Protocol;
use study::protocol::{
    BalanceTest, BootstrapMethod, CaliperScale, ComparisonTest, IntervalRule, MatchDistance,
    MatchOrder, MatchingSection, MissingPolicy, Population, QuantileRule, QuartileType, Ties,
    TimeTransform, Variable, VariableKind, Variance, WeightEstimand, WeightMethod,
};
use study::result::{Outline, id};

/// The part of an id that names a rule for the limits of a curve.
pub(crate) fn interval_id(rule: IntervalRule) -> &'static str {
    match rule {
        IntervalRule::Plain => "plain",
        IntervalRule::Log => "log",
        IntervalRule::LogLog => "log_log",
        IntervalRule::Logit => "logit",
        IntervalRule::Arcsin => "arcsin",
    }
}

/// A rule for the limits of a curve.
pub(crate) fn interval(rule: IntervalRule) -> &'static str {
    match rule {
        IntervalRule::Plain => "plain",
        IntervalRule::Log => "log",
        IntervalRule::LogLog => "log-log",
        IntervalRule::Logit => "logit",
        IntervalRule::Arcsin => "arcsine",
    }
}

/// The part of an id that names a rule for the limits of a quantile.
pub(crate) fn quantile_id(rule: QuantileRule) -> &'static str {
    match rule {
        QuantileRule::Plain => "plain",
        QuantileRule::Log => "log",
        QuantileRule::LogLog => "log_log",
        QuantileRule::Logit => "logit",
        QuantileRule::Arcsin => "arcsin",
        QuantileRule::Spss => "spss",
    }
}

/// A rule for the limits of a quantile.
pub(crate) fn quantile(rule: QuantileRule) -> &'static str {
    match rule {
        QuantileRule::Plain => "plain",
        QuantileRule::Log => "log",
        QuantileRule::LogLog => "log-log",
        QuantileRule::Logit => "logit",
        QuantileRule::Arcsin => "arcsine",
        QuantileRule::Spss => "SPSS",
    }
}

/// A definition of quartiles.
pub(crate) fn quartiles(kind: QuartileType) -> String {
    format!("type {}", kind.number())
}

/// Some rules for the limits of a quantile, and what they do.
pub(crate) fn quantiles(rules: &[QuantileRule]) -> String {
    let explained = rules.iter().map(|rule| match rule {
        QuantileRule::Spss => "rule SPSS (estimate \u{b1} z \u{b7} SE)".to_owned(),
        rule => {
            format!("rule {0} (where the {0} limits of the curve cross one half)", quantile(*rule))
        }
    });
    list(&explained.collect::<Vec<_>>())
}

/// A comparison of curves.
pub(crate) fn comparison(test: ComparisonTest) -> &'static str {
    match test {
        ComparisonTest::LogRank => "log-rank",
        ComparisonTest::LogRankStratifiedByPair => "log-rank stratified by matched pair",
    }
}

/// A test of the baseline table.
pub(crate) fn balance_test(test: BalanceTest) -> &'static str {
    match test {
        BalanceTest::ChiSquared => "Pearson's chi-squared test without correction",
        BalanceTest::ChiSquaredYates => "Pearson's chi-squared test with Yates's correction",
        BalanceTest::Fisher => "Fisher's exact test",
        BalanceTest::MannWhitney => "the Mann-Whitney U test without continuity correction",
        BalanceTest::MannWhitneyContinuity => "the Mann-Whitney U test with continuity correction",
        BalanceTest::WelchT => "Welch's t test",
        BalanceTest::LikelihoodRatio => "the likelihood-ratio test (G)",
        BalanceTest::MannWhitneyExact => "the exact Mann-Whitney U test",
        BalanceTest::StudentT => "Student's t test",
        BalanceTest::KolmogorovSmirnov => "the Kolmogorov-Smirnov test",
        BalanceTest::McNemar => {
            "McNemar's test with correction (Bowker's for more than two levels)"
        }
        BalanceTest::McNemarExact => "the exact McNemar test",
        BalanceTest::PairedT => "the paired t test",
        BalanceTest::SignedRank => "the signed rank test with continuity correction",
        BalanceTest::CochranMantelHaenszel => {
            "the Cochran-Mantel-Haenszel test of general association without correction"
        }
        BalanceTest::VanElteren => "van Elteren's stratified rank sum test",
        BalanceTest::Auto => {
            "a test chosen by rule: for categories Pearson's chi-squared test where all expected \
             counts are 5 or more, else Fisher's exact test; for numbers Welch's t test where each arm \
             has 30 values or more and a skewness of at most 1, else the Mann-Whitney U test; for \
             matched pairs McNemar's, the paired t or the signed rank test; with strata the \
             Cochran-Mantel-Haenszel test or van Elteren's"
        }
    }
}

/// The name of a test of the baseline table in ids.
pub(crate) fn balance_test_id(test: BalanceTest) -> Option<String> {
    let name = serde_json::to_value(test).ok()?;
    name.as_str().map(str::to_owned)
}

/// A test of the baseline table by the name that the outline gives it.
pub(crate) fn balance_test_by_id(id: &str) -> Option<&'static str> {
    let test = match id {
        "auto" => BalanceTest::Auto,
        "chi_squared" => BalanceTest::ChiSquared,
        "chi_squared_yates" => BalanceTest::ChiSquaredYates,
        "fisher" => BalanceTest::Fisher,
        "mann_whitney" => BalanceTest::MannWhitney,
        "mann_whitney_continuity" => BalanceTest::MannWhitneyContinuity,
        "welch_t" => BalanceTest::WelchT,
        "likelihood_ratio" => BalanceTest::LikelihoodRatio,
        "mann_whitney_exact" => BalanceTest::MannWhitneyExact,
        "student_t" => BalanceTest::StudentT,
        "kolmogorov_smirnov" => BalanceTest::KolmogorovSmirnov,
        "mc_nemar" => BalanceTest::McNemar,
        "mc_nemar_exact" => BalanceTest::McNemarExact,
        "paired_t" => BalanceTest::PairedT,
        "signed_rank" => BalanceTest::SignedRank,
        "cochran_mantel_haenszel" => BalanceTest::CochranMantelHaenszel,
        "van_elteren" => BalanceTest::VanElteren,
        _ => return None,
    };
    Some(balance_test(test))
}

/// Unit of a caliper.
pub(crate) fn caliper_scale(scale: CaliperScale, distance: MatchDistance) -> &'static str {
    match (scale, distance) {
        (CaliperScale::SdScore, MatchDistance::Probability) => {
            "standard deviations (denominator n - 1, all analysed patients) of the score"
        }
        (CaliperScale::SdLogit | CaliperScale::SdScore, _) => {
            "standard deviations (denominator n - 1, all analysed patients) of the logit of the score"
        }
        (CaliperScale::Raw, MatchDistance::Probability) => "on the score",
        (CaliperScale::Raw, _) => "on the logit of the score",
    }
}

/// On which scale the caliper and the distances of pairs are measured.
pub(crate) fn match_scales(section: &MatchingSection) -> (&'static str, &'static str) {
    let scale = section.caliper.map(|caliper| caliper.scale);
    match section.distance {
        MatchDistance::Logit => ("logit", "logit"),
        MatchDistance::Probability if scale == Some(CaliperScale::SdLogit) => ("logit", "score"),
        MatchDistance::Probability => ("score", "score"),
        MatchDistance::Mahalanobis | MatchDistance::RobustMahalanobis => ("logit", "Mahalanobis"),
    }
}

/// Whose standard deviations divide a standardised difference.
pub(crate) fn pooled_over(protocol: &Protocol) -> &'static str {
    match protocol.adjusted() {
        Some(Population::Weighted) => "of the unweighted patients, before and after alike",
        Some(_) => "of the patients before matching, before and after alike",
        None => "of both arms",
    }
}

/// The unit of a time of the protocol: `1 year`, `12 months`.
pub(crate) fn unit_of(protocol: &Protocol, time: f64) -> &'static str {
    let unit = protocol.study.time_unit.name();
    if time == 1.0 { unit.strip_suffix('s').unwrap_or(unit) } else { unit }
}

/// In which order the exposed choose.
pub(crate) fn match_order(order: MatchOrder) -> &'static str {
    match order {
        MatchOrder::Largest => "the largest score first",
        MatchOrder::Smallest => "the smallest score first",
        MatchOrder::Closest => "the nearest pair first",
        MatchOrder::Farthest => "whoever is farthest from a comparator first",
        MatchOrder::Random => "in a random order",
        MatchOrder::Data => "in the order of their ids",
    }
}

/// What becomes of patients with missing values.
pub(crate) fn missing(policy: MissingPolicy) -> &'static str {
    match policy {
        MissingPolicy::CompleteCase => {
            "Patients who lack a declared value are left out of every analysis and counted \
             (complete cases; default)."
        }
        MissingPolicy::Refuse => "The study is refused if a declared value is missing.",
    }
}

/// Rule for tied events.
pub(crate) fn ties(ties: Ties) -> &'static str {
    match ties {
        Ties::Efron => "Efron",
        Ties::Breslow => "Breslow",
    }
}

/// Variance of hazard ratios in the population of the design.
pub(crate) fn variance(protocol: &Protocol, variance: Variance) -> &'static str {
    match (variance, &protocol.matching) {
        (Variance::Model, _) => "model-based (inverse information)",
        (Variance::Robust, Some(section)) if section.is_one_to_one() => {
            "robust to matched pairs (sandwich, pairs as clusters)"
        }
        (Variance::Robust, Some(section)) if section.has_clusters() => {
            "robust to matched sets (sandwich, sets as clusters)"
        }
        (Variance::Robust, _) => "robust (sandwich, each patient once)",
    }
}

/// The population of the design within a sentence.
pub(crate) fn adjusted(protocol: &Protocol) -> &'static str {
    match protocol.adjusted() {
        Some(Population::Weighted) => "weighted patients",
        _ => "matched patients",
    }
}

/// Whether the patients of a population, which may be a level such as `matched[bone=1]`, have weights.
pub(crate) fn has_weights(protocol: &Protocol, population: &str) -> bool {
    let whole = population.split('[').next().unwrap_or(population);
    let known = [Population::Matched, Population::Weighted];
    let known = known.into_iter().find(|known| known.id() == whole);
    known.is_some_and(|known| protocol.has_weights(known))
}

/// Whether the patients of any population have weights.
pub(crate) fn any_weights(protocol: &Protocol) -> bool {
    protocol.adjusted().is_some_and(|population| protocol.has_weights(population))
}

/// What stands in the place of the log-rank test where patients have weights.
pub(crate) const ROBUST_SCORE: &str = "robust score test of the weighted Cox model";

/// For whom weighted arms speak.
pub(crate) fn weight_estimand(estimand: WeightEstimand) -> &'static str {
    match estimand {
        WeightEstimand::Ate => "the average effect in all patients (ATE)",
        WeightEstimand::Att => "the average effect in the exposed (ATT)",
        WeightEstimand::Atc => "the average effect in the comparators (ATC)",
        WeightEstimand::Overlap => {
            "the average effect in patients of whom it is uncertain to which arm they belong \
             (overlap weights, ATO)"
        }
        WeightEstimand::Matching => {
            "the average effect in patients such as pairs hold (matching weights, ATM)"
        }
    }
}

/// Scale of time of the test of proportional hazards.
pub(crate) fn transform(transform: TimeTransform) -> &'static str {
    match transform {
        TimeTransform::Km => "one minus the Kaplan-Meier curve",
        TimeTransform::Rank => "ranks of the times",
        TimeTransform::Identity => "time itself",
        TimeTransform::Log => "the logarithm of time",
    }
}

/// The label of a population, of which the outline knows those that are compared at baseline.
pub(crate) fn population(outline: &Outline, id: &str) -> String {
    let known = outline.populations.iter().find(|population| population.id == id);
    match (known, id) {
        (Some(known), _) => known.label.clone(),
        (None, "all") => "All patients".into(),
        (None, "matched") => "Matched patients".into(),
        (None, "weighted") => "Weighted patients".into(),
        (None, "exposed") => "Exposed patients".into(),
        (None, "comparator") => "Comparators".into(),
        (None, other) => other.into(),
    }
}

/// What readers call a level of a variable, known by its column or by its part of an id: the levels
/// of a binary variable that are plain 0 and 1 read "no" and "yes".
pub(crate) fn level<'a>(protocol: &Protocol, variable: &str, label: &'a str) -> &'a str {
    let is_meant = |known: &&Variable| known.name == variable || id::part(&known.name) == variable;
    let is_plain = protocol.variables.iter().find(is_meant).is_some_and(is_indicator);
    match label {
        "0" if is_plain => "no",
        "1" if is_plain => "yes",
        label => label,
    }
}

/// Whether a variable is binary with the levels 0 and 1, and nobody has named them.
pub(crate) fn is_indicator(variable: &Variable) -> bool {
    variable.kind == VariableKind::Binary && variable.level_labels == ["0", "1"]
}

/// A label within a sentence: with a small first letter, unless its first word is a name such as
/// `HER2` or `T`.
pub(crate) fn within(label: &str) -> String {
    let word = label.split_whitespace().next().unwrap_or("");
    let is_name = word.chars().count() == 1
        || word.chars().skip(1).any(|letter| letter.is_uppercase() || letter.is_numeric());
    let mut letters = label.chars();
    match letters.next() {
        Some(first) if !is_name => first.to_lowercase().chain(letters).collect(),
        _ => label.to_owned(),
    }
}

/// A choice in words, marked where it is the default.
pub(crate) fn marked(words: impl AsRef<str>, is_default: bool) -> String {
    let mark = if is_default { " (default)" } else { "" };
    format!("{}{mark}", words.as_ref())
}

/// A text with a capital first letter.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// A confidence such as `95% CI`.
pub(crate) fn confidence_interval(protocol: &Protocol) -> String {
    format!("{} CI", confidence(protocol))
}

/// A confidence such as `95%`.
pub(crate) fn confidence(protocol: &Protocol) -> String {
    share_of(protocol.survival.confidence)
}

/// A share such as `95%`.
pub(crate) fn share_of(share: f64) -> String {
    let text = number::percent(share);
    format!("{}%", text.strip_suffix(".0").unwrap_or(&text))
}

/// A method of making intervals from replicates.
pub(crate) fn bootstrap_method(method: BootstrapMethod) -> &'static str {
    match method {
        BootstrapMethod::Percentile => "percentile",
        BootstrapMethod::Basic => "basic",
        BootstrapMethod::Normal => "normal",
        BootstrapMethod::Studentized => "studentized",
        BootstrapMethod::Bca => "BCa",
    }
}

/// What scope outcome draws, and what its limits leave out.
pub(crate) fn of_outcome_scope(protocol: &Protocol) -> &'static str {
    let matching = protocol.matching.as_ref();
    match (matching, &protocol.weighting) {
        (Some(section), _) if section.is_one_to_one() => {
            "Scope outcome draws whole matched pairs, as they are (Austin and Small 2014, Stat. Med. \
             33:4306-4319): in their simulations its standard errors were close to the spread of the \
             estimates. Its limits are conditional on the score and on who is matched."
        }
        (Some(section), _) if section.has_clusters() => {
            "Scope outcome draws whole matched sets with their weights. Its limits are conditional on \
             the score and on who is matched."
        }
        (Some(_), _) => {
            "Scope outcome draws matched patients with their weights. Its limits are conditional on \
             the score and on who is matched, and do not know that patients share partners or classes."
        }
        (None, Some(_)) => {
            "Scope outcome draws patients with their weights, which are taken as known."
        }
        (None, None) => "Scope outcome draws patients.",
    }
}

/// What scope pipeline does again, and what is known of its limits.
pub(crate) fn of_pipeline_scope(protocol: &Protocol) -> String {
    let validity = match &protocol.matching {
        None => return of_weights_again(protocol),
        Some(section) if section.replacement => {
            "Of nearest neighbours with replacement Abadie and Imbens (2008, Econometrica 76:1537-1557) \
             show that these replicates do not in general have the distribution of the estimate, however \
             many patients there are: read its limits as a description, not as confidence limits."
        }
        Some(section) if section.is_one_to_one() => {
            "Of greedy or optimal pairs without replacement on an estimated score no theorem says that \
             its limits hold their confidence; those of Abadie and Imbens (2008, Econometrica \
             76:1537-1557) speak against it for matching with replacement. In the simulations of Austin \
             and Small (2014) it was less close to the spread of the estimates than drawing pairs was; in \
             those of Equipoise (100 to 400 patients without an effect) percentile limits of 95 % held the \
             truth in 97 to 99 % of cohorts, basic ones in 89 to 95 %, BCa ones in 89 to 92 %."
        }
        _ => {
            "Matching is no smooth function of the data, and what is known against such replicates for \
             nearest neighbours with replacement (Abadie and Imbens 2008, Econometrica 76:1537-1557) \
             calls for care here too."
        }
    };
    format!(
        "Scope pipeline draws patients, estimates the propensity score anew, matches anew, a patient who is \
         drawn twice as two, and repeats the analysis: its limits hold the uncertainty of score and \
         matching. {validity}"
    )
}

/// The same of weights, which are smooth functions of the data.
fn of_weights_again(protocol: &Protocol) -> String {
    let section = protocol.weighting.as_ref();
    let is_by_score =
        section.is_some_and(|section| section.method == WeightMethod::InverseProbability);
    let (score, source) = match is_by_score {
        true => ("estimates the propensity score anew, ", "score and weights"),
        false => ("", "the weights"),
    };
    let known = match is_by_score {
        true => {
            " In the simulations of Austin (2016, Stat. Med. 35:5642-5655) such replicates gave hazard ratios \
             about the right standard errors, unlike those that take weights as known; in those of Equipoise \
             (100 to 400 patients without an effect) percentile limits of 95 % held the truth in 92 to 97 % of \
             cohorts, BCa ones in 92 to 95 %."
        }
        false => "",
    };
    format!(
        "Scope pipeline draws patients, {score}weighs anew, a patient who is drawn twice as two, and repeats \
         the analysis: its limits hold the uncertainty of {source}.{known}"
    )
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => "none".into(),
        [only] => only.as_ref().into(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

/// A time of the protocol: its shortest digits.
pub(crate) fn plain(value: f64) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_capitals_within_a_sentence() {
        assert_eq!(within("Overall survival"), "overall survival");
        assert_eq!(within("HER2 status"), "HER2 status");
        assert_eq!(within("T stage"), "T stage");
        assert_eq!(within(""), "");
    }

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list::<&str>(&[]), "none");
    }
}
