use super::*;
use crate::protocol::{
    BalanceTest, BootstrapMethod, BootstrapScope, CaliperScale, CoarseningRule, IntervalRule,
    MatchDistance, MatchMethod, MatchOrder, MatchRatio, Population, PrimarySection, QuantileRule,
    QuartileType, SelectionRule, SiteRule, Ties, TimeUnit, TrialComponent, Variance,
};

macro_rules! example {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/studies/",
            $name,
            "/study.toml"
        ))
    };
}

const HER2: &str = example!("her2");
const ROTTERDAM: &str = example!("rotterdam");

/// A study of few lines in which everything else has its default.
const SMALL: &str = r#"
schema = "equipoise/1"
[study]
id = "small"
title = "Small"
[data]
file = "small.csv"
id = "id"
[variables]
age   = { type = "continuous" }
sex   = { type = "binary" }
stage = { type = "ordinal", levels = ["I", "II", "III"] }
site  = { type = "categorical", levels = ["a", "b"], among = "rt == 1" }
[exposure]
column = "rt"
exposed = { value = 1 }
comparator = { value = 0 }
[[endpoint]]
id = "os"
event = { column = "death" }
time = { column = "months" }
[propensity]
covariates = ["age", "sex"]
[matching]
"#;

/// `SMALL` with its first `from` replaced; without it, `to` is appended.
fn small_with(from: &str, to: &str) -> String {
    if from.is_empty() {
        return format!("{SMALL}{to}\n");
    }
    assert!(SMALL.contains(from), "{from} is not in the small study");
    SMALL.replacen(from, to, 1)
}

#[track_caller]
fn violations(text: &str) -> Vec<Violation> {
    read(text).expect_err("a violation is expected")
}

/// Exactly one violation, at this path, whose message holds these words.
#[track_caller]
fn assert_refused(text: &str, path: &str, message: &str) {
    let violations = violations(text);
    let [violation] = violations.as_slice() else { panic!("{violations:#?}") };
    assert_eq!(violation.path, path, "{violation}");
    assert!(violation.message.contains(message), "{violation}");
    assert!(locate(text, path).is_some() || path.is_empty(), "{path} has no place");
}

#[test]
fn the_examples_read() {
    let her2 = read(HER2).unwrap();
    assert_eq!(her2.variables.len(), 15);
    assert_eq!(her2.variables[1].name, "age");
    assert_eq!(her2.baseline_variables().count(), 14);
    assert_eq!(her2.study.data_lock.as_deref(), Some("2022-03-01"));
    let window = her2.time_zero.as_ref().unwrap().window.as_ref().unwrap();
    assert_eq!((window.from.as_str(), window.to.as_str()), ("2006-03-01", "2021-09-30"));
    assert_eq!(her2.survival.followup_ci, [QuantileRule::Log, QuantileRule::Spss]);
    let cox = her2.cox.as_ref().unwrap();
    assert_eq!((cox.ties, cox.variance), (Ties::Breslow, Variance::Model));
    assert_eq!(cox.multivariable[0].populations, [Population::Matched]);
    assert_eq!((her2.subgroups[0].ties, her2.subgroups[1].ties), (Ties::Efron, Ties::Breslow));

    let rotterdam = read(ROTTERDAM).unwrap();
    assert_eq!(rotterdam.variable("grade").unwrap().levels, ["2", "3"]);
    assert_eq!(rotterdam.endpoints[0].time.as_ref().unwrap().unit, TimeUnit::Days);
    let cox = rotterdam.cox.as_ref().unwrap();
    let terms = ["hormon", "age", "meno", "size", "grade", "nodes", "pgr", "er", "chemo"];
    assert_eq!(cox.univariable, terms);
    assert_eq!(cox.multivariable[0].terms, terms);
    assert_eq!(cox.multivariable[1].rule, SelectionRule::PThreshold);
}

#[test]
fn a_protocol_survives_json() {
    for text in [HER2, ROTTERDAM, SMALL] {
        let protocol = read(text).unwrap();
        let json = serde_json::to_string(&protocol).unwrap();
        assert_eq!(serde_json::from_str::<Protocol>(&json).unwrap(), protocol);
    }
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let text = small_with("", "[cox]\n[[cox.multivariable]]\nid = \"m\"\nterms = [\"age\"]");
    let protocol = read(&text).unwrap();
    assert_eq!(protocol.study.time_unit, TimeUnit::Months);
    assert_eq!(protocol.data.missing, ["", "NA"]);
    assert_eq!(protocol.data.separator, ",");
    let sex = protocol.variable("sex").unwrap();
    assert_eq!(
        (sex.levels.as_slice(), sex.label.as_str()),
        (["0", "1"].map(String::from).as_slice(), "sex")
    );
    assert_eq!(
        (sex.level_labels.as_slice(), sex.reference.as_deref()),
        (sex.levels.as_slice(), Some("0"))
    );
    assert_eq!(protocol.variable("age").unwrap().reference, None);
    assert_eq!(protocol.exposure.exposed.label, "rt = 1");
    let endpoint = &protocol.endpoints[0];
    assert_eq!((endpoint.event.value.as_str(), endpoint.event.censored.as_str()), ("1", "0"));
    assert_eq!(endpoint.time.as_ref().unwrap().unit, TimeUnit::Months);
    assert_eq!(protocol.balance.tests, [BalanceTest::ChiSquared, BalanceTest::MannWhitney]);
    assert_eq!(protocol.balance.threshold, 0.1);
    assert_eq!(protocol.survival.interval, [IntervalRule::Log]);
    assert_eq!(protocol.survival.confidence, 0.95);
    assert_eq!(protocol.matching.as_ref().unwrap().order, MatchOrder::Largest);
    let cox = protocol.cox.as_ref().unwrap();
    assert_eq!(cox.populations, [Population::Matched]);
    assert_eq!(cox.univariable, ["rt", "age", "sex", "stage"]);
    assert_eq!(cox.multivariable[0].terms, ["rt", "age"]);
    assert_eq!(cox.multivariable[0].p_below, 0.05);
}

#[test]
fn keys_and_words_are_held_against_what_is_known() {
    let cases = [
        ("[matching]", "[matching]\nordr = \"data\"", "matching.ordr", "did you mean `order`?"),
        ("[matching]", "[matchng]", "matchng", "did you mean `matching`?"),
        ("title = \"Small\"", "", "study.title", "`title` is missing"),
        (
            "title = \"Small\"",
            "title = 3",
            "study.title",
            "expected text in quotes, found an integer",
        ),
        ("title = \"Small\"", "title = \" \"", "study.title", "must not be empty"),
        ("\"binary\"", "\"binery\"", "variables.sex.type", "did you mean `binary`?"),
        (
            "[matching]",
            "[matching]\norder = \"sideways\"",
            "matching.order",
            "`largest`, `smallest`, `closest`",
        ),
        ("[matching]", "[matching]\nexact = \"sex\"", "matching.exact", "expected a list"),
        ("{ type = \"binary\" }", "\"binary\"", "variables.sex", "expected a table, found text"),
        ("\"equipoise/1\"", "\"equipoise/2\"", "schema", "`equipoise/1`"),
        ("[[endpoint]]", "[endpoint]", "endpoint", "`[[endpoint]]`"),
    ];
    for (from, to, path, message) in cases {
        assert_refused(&small_with(from, to), path, message);
    }
    assert_refused("schema = \n", "", "line 1, column 10");
}

#[test]
fn values_are_held_against_their_range() {
    let lock = "title = \"Small\"\ndata_lock = \"2022-02-30\"";
    let separator = "file = \"small.csv\"\nseparator = \"::\"";
    let cases = [
        ("title = \"Small\"", lock, "study.data_lock", "no day of the calendar"),
        ("file = \"small.csv\"", separator, "data.separator", "one character"),
        ("id = \"os\"", "id = \"overall survival\"", "endpoint[0].id", "letters, digits"),
        ("id = \"os\"", "id = \"study\"", "endpoint[0].id", "taken"),
        ("stage =", "\"a/b\" =", "variables.\"a/b\"", "cannot contain `/`"),
        ("id = \"os\"", "id = \"os\"\ntimes = [12, -1]", "endpoint[0].times[1]", "0 or more"),
        ("id = \"os\"", "id = \"os\"\ntimes = [12, 12.0]", "endpoint[0].times[1]", "occurs twice"),
        ("id = \"os\"", "id = \"os\"\ntimes = [inf]", "endpoint[0].times[0]", "finite"),
        ("", "caliper = { width = 0 }", "matching.caliper.width", "more than 0"),
        ("", "[survival]\nconfidence = 95", "survival.confidence", "between 0 and 1"),
        ("", "[survival]\ninterval = []", "survival.interval", "must not be empty"),
        ("", "[survival]\nrestricted_mean = [0]", "survival.restricted_mean[0]", "more than 0"),
        ("", "[balance]\nthreshold = 0", "balance.threshold", "more than 0"),
        ("", "[balance]\ntests = [\"auto\", \"fisher\"]", "balance.tests", "stand alone"),
        ("", "[balance]\nwithin = [\"age\"]", "balance.within[0]", "no levels"),
        ("", "[balance]\nwithin = [\"site\"]", "balance.within[0]", "only among"),
    ];
    for (from, to, path, message) in cases {
        assert_refused(&small_with(from, to), path, message);
    }
}

#[test]
fn levels_belong_to_their_variable() {
    let stage = "levels = [\"I\", \"II\", \"III\"]";
    let cases = [
        ("\"continuous\"", "\"continuous\", levels = [1, 2]", "variables.age.levels", "continuous"),
        (
            "\"binary\"",
            "\"binary\", levels = [1, 2, 3]",
            "variables.sex.levels",
            "two levels, not 3",
        ),
        ("\"binary\"", "\"binary\", reference = 2", "variables.sex.reference", "no level"),
        (stage, "levels = [\"I\", \"I\", \"II\"]", "variables.stage.levels[1]", "occurs twice"),
        (stage, "levels = [\"I\"]", "variables.stage.levels", "at least two"),
        (stage, "levels = [\"I\", \"NA\"]", "variables.stage.levels[1]", "means \"missing\""),
        (stage, "label = \"Stage\"", "variables.stage.levels", "is missing"),
        (
            stage,
            "levels = [\"I\", \"II\"], level_labels = [\"one\"]",
            "variables.stage.level_labels",
            "1 labels for 2",
        ),
        (stage, "levels = [\"I\", true]", "variables.stage.levels[1]", "as it stands in the table"),
        ("exposed = { value = 1 }", "exposed = { value = 0 }", "exposure.comparator", "same value"),
        (
            "column = \"death\"",
            "column = \"death\", value = 0",
            "endpoint[0].event.value",
            "give both",
        ),
    ];
    for (from, to, path, message) in cases {
        assert_refused(&small_with(from, to), path, message);
    }
}

#[test]
fn references_resolve() {
    let covariates = "covariates = [\"age\", \"sex\"]";
    let cases = [
        (
            covariates,
            "covariates = [\"age\", \"sxe\"]",
            "propensity.covariates[1]",
            "did you mean `sex`?",
        ),
        (covariates, "covariates = [\"rt\"]", "propensity.covariates[0]", "cannot explain itself"),
        (covariates, "covariates = [\"site\"]", "propensity.covariates[0]", "only among `rt == 1`"),
        (covariates, "", "propensity.covariates", "is missing"),
        ("", "exact = [\"stge\"]", "matching.exact[0]", "did you mean `stage`?"),
        (
            "",
            "[cox]\nunivariable = [\"ag\"]",
            "cox.univariable[0]",
            "the exposure `rt` may stand here too",
        ),
        ("", "[cox]\npopulations = [\"exposed\"]", "cox.populations[0]", "does not vary"),
        ("", "[[cox.multivariable]]\nid = \"univariable\"", "cox.multivariable[0].id", "taken"),
        (
            "",
            "[[cox.multivariable]]\nid = \"m\"\np_below = 0.1",
            "cox.multivariable[0].p_below",
            "no effect",
        ),
        (
            "",
            "[[cox.multivariable]]\nid = \"m\"\nrule = \"p_threshold\"\np_below = 2",
            "cox.multivariable[0].p_below",
            "at most 1",
        ),
        (
            "",
            "[[cox.multivariable]]\nid = \"m\"\nrule = \"p_threshold\"\np_above = 0.1",
            "cox.multivariable[0].p_above",
            "no effect",
        ),
        (
            "",
            "[[cox.multivariable]]\nid = \"m\"\nrule = \"backward\"\np_below = 0.1",
            "cox.multivariable[0].p_below",
            "no effect",
        ),
        (
            "",
            "[[cox.multivariable]]\nid = \"m\"\nrule = \"forward\"\np_below = 0.2",
            "cox.multivariable[0].p_below",
            "enter and leave again",
        ),
        (
            "",
            "[[cox.multivariable]]\nid = \"m\"\n[[cox.multivariable]]\nid = \"m\"",
            "cox.multivariable[1].id",
            "taken",
        ),
    ];
    for (from, to, path, message) in cases {
        assert_refused(&small_with(from, to), path, message);
    }
}

/// Without its univariable p-value a term would silently stay out of the model.
#[test]
fn chosen_terms_are_screened() {
    let model = "[[cox.multivariable]]\nid = \"m\"\nrule = \"p_threshold\"";
    let path = |key: &str| format!("cox.multivariable[0].{key}");
    let screen = "[cox]\nunivariable = [\"age\"]\n";
    let terms = "\nterms = [\"age\", \"sex\"]";
    let refused = |lines: String, key: &str, message: &str| {
        assert_refused(&small_with("", &lines), &path(key), message);
    };
    refused(format!("{screen}{model}{terms}"), "terms", "`sex` has no univariable p-value");
    refused(format!("{screen}{model}"), "rule", "`sex` has no univariable p-value");
    refused(format!("{model}\npopulations = [\"all\"]"), "populations", "p-values in `all`");
    let listed = small_with("", &format!("{screen}{model}\nterms = [\"rt\", \"age\"]"));
    assert!(read(&listed).is_ok());
}

/// A second analysis of a variable in one population would have the ids of the first.
#[test]
fn subgroups_do_not_share_ids() {
    let subgroup = |id: &str, lines: &str| format!("[[subgroup]]\nid = \"{id}\"\n{lines}\n");
    let two = |first, second| small_with("", &(subgroup("s", first) + &subgroup("t", second)));
    let within = "variables = [\"sex\"]";
    let message = "`sex` is analysed in `all` by an earlier subgroup";
    assert_refused(&two(within, within), "subgroup[1].variables", message);
    let compare = "compare = \"sex\"";
    assert_refused(&two(compare, compare), "subgroup[1].compare", message);
    assert!(read(&two(within, compare)).is_ok());
    assert!(read(&two(within, &format!("{within}\npopulation = \"matched\""))).is_ok());
}

#[test]
fn subgroups_can_be_analysed() {
    let cases = [
        ("variables = [\"age\"]", "subgroup[0].variables[0]", "continuous"),
        ("variables = [\"sex\"]\ncompare = \"stage\"", "subgroup[0].compare", "not both"),
        ("", "subgroup[0]", "give `variables`"),
        ("variables = [\"sex\"]\npopulation = \"exposed\"", "subgroup[0].population", "one arm"),
        (
            "variables = [\"sex\"]\nlevels = [0, 2]",
            "subgroup[0].levels",
            "no variable has the level `2`",
        ),
        (
            "variables = [\"sex\", \"stage\"]\nlevels = [0]",
            "subgroup[0].levels",
            "level of `stage`",
        ),
        ("compare = \"stage\"\nlevels = [\"I\"]", "subgroup[0].levels", "at least two"),
    ];
    for (lines, path, message) in cases {
        assert_refused(
            &small_with("", &format!("[[subgroup]]\nid = \"s\"\n{lines}")),
            path,
            message,
        );
    }
}

#[test]
fn only_listed_numbers_have_splines() {
    let covariates = "covariates = [\"age\", \"sex\"]";
    let with = |splines: &str| small_with(covariates, &format!("{covariates}\n{splines}"));
    let protocol = read(&with("splines.age.degrees_of_freedom = 3")).unwrap();
    let spline = protocol.propensity.unwrap().spline("age").cloned().unwrap();
    assert_eq!((spline.variable.as_str(), spline.degrees_of_freedom), ("age", 3));
    let cases = [
        ("splines.stage.degrees_of_freedom = 3", "propensity.splines.stage", "not among"),
        ("splines.sex.degrees_of_freedom = 3", "propensity.splines.sex", "has levels"),
        ("splines.age = {}", "propensity.splines.age.degrees_of_freedom", "is missing"),
        (
            "splines.age.degrees_of_freedom = 0",
            "propensity.splines.age.degrees_of_freedom",
            "at least 1",
        ),
        (
            "splines.age.degrees_of_freedom = 2.5",
            "propensity.splines.age.degrees_of_freedom",
            "whole number",
        ),
    ];
    for (splines, path, message) in cases {
        assert_refused(&with(splines), path, message);
    }
}

#[test]
fn sections_need_each_other() {
    let end = "end = \"last_seen\"";
    let time = "time = { column = \"months\" }";
    let dates = "[time_zero]\ndate = \"begin\"\nwindow = { from = 2020-01-01, to = 2019-01-01 }";
    let cases = [
        (time, end, "endpoint[0].end", "needs `[time_zero]`"),
        (time, "", "endpoint[0]", "follow-up is missing"),
        (time, &format!("{time}\n{end}"), "endpoint[0].end", "not both"),
        (
            "column = \"rt\"",
            "column = \"rt\"\nstart_date = \"begin\"",
            "exposure.start_date",
            "[time_zero]",
        ),
        ("[propensity]\ncovariates = [\"age\", \"sex\"]", "", "matching", "needs `[propensity]`"),
        (
            "[matching]",
            "[cox]\npopulations = [\"matched\"]",
            "cox.populations[0]",
            "without `[matching]`",
        ),
        (
            "[matching]",
            "[survival]\ntests = [\"log_rank\", \"log_rank_stratified_by_pair\"]",
            "survival.tests[1]",
            "without `[matching]`",
        ),
        ("", "[survival]\ntests = []", "survival.tests", "`log_rank` must be among them"),
        ("", "[sensitivity]\ne_value = true", "sensitivity.e_value", "`[cox]`"),
        (
            "",
            "[cox]\npopulations = [\"all\"]\n[sensitivity]\ne_value = true",
            "sensitivity.e_value",
            "in the population `matched`",
        ),
        (
            "",
            "[cox]\nunivariable = [\"age\"]\n[sensitivity]\ne_value = true",
            "sensitivity.e_value",
            "hazard ratio of the exposure",
        ),
        ("", dates, "time_zero.window.to", "ends before it begins"),
        ("column = \"rt\"", "column = \"stage\"", "variables.stage", "the exposure already"),
        ("id = \"id\"", "id = \"death\"", "endpoint[0].event.column", "cannot also be an event"),
    ];
    for (from, to, path, message) in cases {
        assert_refused(&small_with(from, to), path, message);
    }
}

#[test]
fn every_mistake_is_reported_at_once() {
    let paths: Vec<String> = violations("").into_iter().map(|violation| violation.path).collect();
    assert_eq!(paths, ["schema", "data", "study", "exposure", "endpoint"]);
    let text =
        small_with("title = \"Small\"", "titel = \"Small\"").replace("\"binary\"", "\"bin\"");
    let paths: Vec<String> =
        violations(&text).into_iter().map(|violation| violation.path).collect();
    assert_eq!(paths, ["variables.sex.type", "study.title", "study.titel"]);
}

#[track_caller]
fn assert_place(text: &str, path: &str, expected: &str) {
    let place = locate(text, path).map(|place| &text[place]);
    assert_eq!(place, Some(expected), "{path}");
}

#[test]
fn paths_have_places() {
    assert_place(HER2, "endpoint[0].event.column", "column = \"death\"");
    assert_place(HER2, "endpoint[0].times[1]", "36");
    assert_place(HER2, "variables.hr.label", "label = \"Hormone receptor positive\"");
    assert_place(HER2, "cox.multivariable[0].id", "id = \"adjusted\"");
    assert_place(HER2, "subgroup[1].compare", "compare = \"modality\"");
    assert_place(HER2, "study.data_lock", "data_lock = 2022-03-01");
    assert_place(HER2, "subgroup[1]", "[[subgroup]]");
    assert_place(HER2, "study", "[study]");
    assert_place("a = [\n  1,\n]\n\"b/c\" = 2", "a", "a");
    assert_place("a = [\n  1,\n]\n\"b/c\" = 2", "\"b/c\"", "\"b/c\" = 2");
}

#[test]
fn a_path_that_is_not_there_has_the_place_of_its_parent() {
    assert_place(HER2, "study.language", "[study]");
    assert_place(HER2, "endpoint[0].event.censored", "event = { column = \"death\", value = 1 }");
    assert_place(HER2, "endpoint[0].times[9]", "times = [12, 36, 60]");
    assert_eq!(locate(HER2, "weighting.estimand"), None);
    assert_place("schema = \n[study]", "", "\n");
}

#[test]
fn pairs_are_formed_as_the_file_asks() {
    let matching = |keys: &str| {
        let protocol = read(&small_with("[matching]", &format!("[matching]\n{keys}"))).unwrap();
        protocol.matching.unwrap()
    };
    let plain = matching("");
    assert_eq!((plain.order, plain.distance), (MatchOrder::Largest, MatchDistance::Logit));
    let spss = matching("emulate = \"spss\"\nseed = 7\ncaliper = { width = 0.02 }");
    assert_eq!((spss.order, spss.seed), (MatchOrder::Random, 7));
    assert_eq!(spss.distance, MatchDistance::Probability);
    assert_eq!(spss.caliper.unwrap().scale, CaliperScale::Raw);
    let keys = "method = \"optimal\"\ndistance = \"mahalanobis\"\ncovariates = [\"age\"]\n\
                anti_exact = [\"sex\"]\ndiscard = \"both\"\nsite = { variable = \"stage\" }\n\
                covariate_calipers = [{ variable = \"age\", width = 5 }]";
    let optimal = matching(keys);
    assert_eq!(optimal.method, MatchMethod::Optimal);
    assert_eq!(optimal.covariate_calipers[0].width, 5.0);
    assert_eq!(optimal.site.unwrap().rule, SiteRule::Exact);
}

#[test]
fn settings_of_matching_that_contradict_each_other_are_refused() {
    let cases = [
        ("distance = \"mahalanobis\"", "matching.covariates", "needs `covariates`"),
        ("covariates = [\"age\"]", "matching.covariates", "belong to a Mahalanobis distance"),
        ("method = \"optimal\"\norder = \"data\"", "matching.order", "has no effect on the method"),
        ("emulate = \"spss\"", "matching.caliper", "match tolerance"),
        ("order = \"random\"\nseed = -1", "matching.seed", "between 0 and 2^53 - 1"),
        ("order = \"random\"\nseed = 1.5", "matching.seed", "a whole number"),
        ("seed = 1", "matching.seed", "has no effect unless"),
        ("order = \"closest\"\nseed = 1", "matching.seed", "has no effect unless"),
        (
            "method = \"optimal\"\nsite = { variable = \"stage\", rule = \"prefer\" }",
            "matching.site",
            "nearest neighbours",
        ),
        (
            "emulate = \"spss\"\nmethod = \"nearest\"\ncaliper = { width = 0.1 }",
            "matching.method",
            "leave it out",
        ),
        (
            "covariate_calipers = [{ variable = \"sex\", width = 1 }]",
            "matching.covariate_calipers[0].variable",
            "not numeric",
        ),
    ];
    for (keys, path, message) in cases {
        let text = small_with("[matching]", &format!("[matching]\n{keys}"));
        assert_refused(&text, path, message);
    }
}

/// Every method with the keys that belong to it.
#[test]
fn matching_with_weights_is_read() {
    let read = |keys: &str| {
        let text = small_with("[matching]", &format!("[matching]\n{keys}"));
        read(&text).expect("it is in order").matching.expect("it has a section")
    };
    let variable = read("ratio = { mean = 2, max = 4 }");
    assert_eq!(variable.ratio, MatchRatio::Variable { mean: 2.0, min: 1, max: 4 });
    assert!(!variable.is_one_to_one() && variable.has_clusters());
    let again = read("ratio = 2\nreplacement = true\nestimand = \"atc\"");
    assert_eq!((again.ratio, again.order), (MatchRatio::Fixed(2), MatchOrder::Data));
    assert!(!again.has_clusters() && !again.forms_classes());
    assert_eq!(read("estimand = \"atc\"").order, MatchOrder::Smallest);
    let full = read("method = \"full\"\nestimand = \"ate\"");
    assert!(full.has_clusters() && !full.is_one_to_one());
    let classes = read("method = \"subclass\"\nsubclasses = 5\nleast_per_arm = 2");
    assert_eq!((classes.subclasses, classes.least_per_arm), (5, 2));
    let coarsened = read(
        "method = \"coarsened\"\ncovariates = [\"age\", \"sex\"]\ncoarsening.age.cuts = [50, 60]",
    );
    assert_eq!(coarsened.coarsening[0].rule, CoarseningRule::Cuts(vec![50.0, 60.0]));
    assert!(read("method = \"exact\"\nexact = [\"sex\"]").forms_classes());
}

#[test]
fn what_a_design_does_not_know_is_refused() {
    let matching = [
        ("method = \"full\"\nratio = 2", "matching.ratio", "no effect on the method \"full\""),
        ("method = \"subclass\"\ndistance = \"logit\"", "matching.distance", "no effect"),
        ("max_ratio = 3", "matching.max_ratio", "no effect on the method \"nearest\""),
        ("reestimate = true", "matching.reestimate", "unless `discard`"),
        ("exact_first = false", "matching.exact_first", "has no effect"),
        ("subclasses = 4", "matching.subclasses", "no effect on the method \"nearest\""),
        ("estimand = \"ate\"", "matching.estimand", "choose `att` or `atc`"),
        ("ratio = { mean = 5, max = 4 }", "matching.ratio.mean", "below the largest"),
        ("ratio = 0", "matching.ratio", "at least 1"),
        ("replacement = true\norder = \"closest\"", "matching.order", "with replacement"),
        ("method = \"exact\"", "matching.exact", "variables to agree on"),
        (
            "method = \"coarsened\"\ncovariates = [\"age\"]\ncoarsening.sex.bins = 2",
            "matching.coarsening.sex",
            "not among the covariates",
        ),
        (
            "method = \"coarsened\"\ncovariates = [\"age\"]\ncoarsening.age = {}",
            "matching.coarsening.age",
            "give one of",
        ),
        ("ratio = 2\n[cox]\nvariance = \"model\"", "cox.variance", "robust variance"),
        (
            "ratio = 2\n[survival]\ntests = [\"log_rank\", \"log_rank_stratified_by_pair\"]",
            "survival.tests[1]",
            "one-to-one",
        ),
        ("ratio = 2\n[balance]\ntests = [\"mc_nemar\"]", "balance.tests[0]", "one-to-one"),
        ("ratio = 2\n[sensitivity]\nhidden_bias = {}", "sensitivity.hidden_bias", "one-to-one"),
    ];
    for (keys, path, message) in matching {
        let text = small_with("[matching]", &format!("[matching]\n{keys}"));
        assert_refused(&text, path, message);
    }
    let weighting = [
        ("estimand = \"everybody\"", "weighting.estimand", "is none of"),
        ("estimand = \"att\"\nstabilised = true", "weighting.stabilised", "only weights for `ate`"),
        ("truncate = { lower = 0.5, upper = 0.5 }", "weighting.truncate.upper", "above `lower`"),
        ("covariates = [\"age\"]", "weighting.covariates", "entropy_balancing"),
        (
            "method = \"entropy_balancing\"\nestimand = \"overlap\"",
            "weighting.estimand",
            "`ate`, `att` or `atc`",
        ),
        ("[matching]", "weighting", "one design"),
        ("[cox]\npopulations = [\"matched\"]", "cox.populations[0]", "no matched sample"),
        (
            "[cox]\n[[cox.multivariable]]\nid = \"m\"\nrule = \"backward\"",
            "cox.multivariable[0].rule",
            "likelihood-ratio tests",
        ),
    ];
    for (keys, path, message) in weighting {
        let text = small_with("[matching]", &format!("[weighting]\n{keys}"));
        assert_refused(&text, path, message);
    }
    let strata = small_with("", "[balance]\ntests = [\"van_elteren\"]");
    assert_refused(&strata, "balance.tests", "needs `strata`");
    let unused = small_with("", "[balance]\nstrata = [\"stage\"]");
    assert_refused(&unused, "balance.strata", "has no effect");
    let small = small_with("", "[sensitivity]\nhidden_bias = { gammas = [0.5] }");
    assert_refused(&small, "sensitivity.hidden_bias.gammas[0]", "1 or more");
}

/// Entropy balancing takes the variables of the score, and needs none where it has its own.
#[test]
fn weights_are_read() {
    let weighted = |keys: &str| {
        let text = small_with("[matching]", &format!("[weighting]\n{keys}"));
        read(&text).expect("it is in order")
    };
    let plain = weighted("[cox]");
    assert_eq!(plain.adjusted(), Some(Population::Weighted));
    assert_eq!(plain.cox.unwrap().populations, [Population::Weighted]);
    let entropy = weighted("method = \"entropy_balancing\"\nmoments = 2").weighting.unwrap();
    assert_eq!(entropy.covariates, ["age", "sex"]);
    let cut = weighted("truncate = { upper = 0.99 }").weighting.unwrap().truncate.unwrap();
    assert_eq!((cut.lower, cut.upper), (0.0, 0.99));
    let without_score = small_with(
        "[propensity]\ncovariates = [\"age\", \"sex\"]\n[matching]",
        "[weighting]\nmethod = \"entropy_balancing\"\ncovariates = [\"age\"]",
    );
    assert!(read(&without_score).is_ok());
    assert_refused(
        &without_score.replace("method = \"entropy_balancing\"\ncovariates = [\"age\"]", ""),
        "weighting",
        "need `[propensity]`",
    );
}

#[test]
fn every_beginning_of_a_file_is_answered() {
    for (end, _) in HER2.char_indices() {
        let text = &HER2[..end];
        for violation in read(text).err().unwrap_or_default() {
            if let Some(place) = locate(text, &violation.path) {
                assert!(text.get(place).is_some(), "{violation}");
            }
        }
    }
}

#[test]
fn only_listed_numbers_of_a_listed_model_are_curves() {
    let with = |keys: &str| {
        let model = format!("[[cox.multivariable]]\nid = \"main\"\n{keys}");
        small_with("", &format!("[cox]\n{model}"))
    };
    let protocol = read(&with("splines.age.degrees_of_freedom = 4")).unwrap();
    let model = &protocol.cox.unwrap().multivariable[0];
    assert_eq!(model.spline("age").unwrap().degrees_of_freedom, 4);
    assert!(model.spline("sex").is_none());
    let path = "cox.multivariable[0].splines";
    let sex = with("splines.sex.degrees_of_freedom = 3");
    assert_refused(&sex, &format!("{path}.sex"), "has levels");
    let nobody = with("terms = [\"sex\"]\nsplines.age.degrees_of_freedom = 3");
    assert_refused(&nobody, &format!("{path}.age"), "not among the terms");
    let chosen = with("rule = \"backward\"\nsplines.age.degrees_of_freedom = 3");
    assert_refused(&chosen, path, "listed");
}

#[test]
fn replicates_have_defaults() {
    assert_eq!(read(SMALL).unwrap().bootstrap, None);
    let text = small_with(
        "",
        "[survival]\nconfidence = 0.9\n[bootstrap]\nscopes = [\"outcome\", \"pipeline\"]",
    );
    let section = read(&text).unwrap().bootstrap.unwrap();
    assert_eq!((section.seed, section.replicates, section.confidence), (0, 2000, 0.9));
    assert_eq!(section.scopes, [BootstrapScope::Outcome, BootstrapScope::Pipeline]);
    assert_eq!(section.methods.hazard_ratio, [BootstrapMethod::Bca]);
    assert_eq!(section.methods.median, [BootstrapMethod::Percentile]);
    assert_eq!(section.pipeline_methods, [BootstrapMethod::Percentile]);
    let plain = read(&small_with("", "[bootstrap]")).unwrap().bootstrap.unwrap();
    assert_eq!(plain.scopes, [BootstrapScope::Outcome]);
}

#[test]
fn replicates_that_make_no_sense_are_refused() {
    let cases = [
        ("scopes = [\"pipelin\"]", "bootstrap.scopes[0]", "pipeline"),
        ("scopes = []", "bootstrap.scopes", "must not be empty"),
        ("replicates = 0", "bootstrap.replicates", "at least 1"),
        ("replicates = 10000001", "bootstrap.replicates", "at most"),
        ("strata = [\"age\"]", "bootstrap.strata[0]", "no levels"),
        ("strata = [\"stag\"]", "bootstrap.strata[0]", "stage"),
        ("confidence = 95", "bootstrap.confidence", "between 0 and 1"),
        ("methods.median = [\"studentized\"]", "bootstrap.methods.median[0]", "percentile"),
        ("methods.medians = [\"basic\"]", "bootstrap.methods.medians", "median"),
        ("pipeline_methods = [\"basic\"]", "bootstrap.pipeline_methods", "has no effect"),
        (
            "scopes = [\"pipeline\"]\npipeline_methods = [\"normal\"]",
            "bootstrap.pipeline_methods[0]",
            "percentile",
        ),
    ];
    for (keys, path, message) in cases {
        assert_refused(&small_with("", &format!("[bootstrap]\n{keys}")), path, message);
    }
    let pipeline = "[bootstrap]\nscopes = [\"pipeline\"]";
    assert_refused(&small_with("[matching]", pipeline), "bootstrap.scopes[0]", "`[weighting]`");
    let weighed = small_with("[matching]", &format!("[weighting]\n{pipeline}"));
    assert_eq!(read(&weighed).unwrap().bootstrap.unwrap().scopes, [BootstrapScope::Pipeline]);
}

/// The defaults of a program are in force where the study file is silent, and nowhere else.
#[test]
fn a_profile_decides_the_defaults() {
    let with = |profile: &str, rest: &str| {
        let study = small_with("title = \"Small\"", &format!("title = \"Small\"\n{profile}"));
        read(&format!("{study}[cox]\n{rest}\n")).unwrap()
    };
    let r = with("", "");
    assert_eq!(r, with("emulate = \"r\"", ""));
    assert_eq!(r.cox.unwrap().ties, Ties::Efron);
    let spss = with("emulate = \"spss\"", "");
    assert_eq!(spss.survival.interval, [IntervalRule::Plain]);
    assert_eq!(spss.survival.median_ci, [QuantileRule::Spss]);
    assert_eq!(spss.survival.followup_ci, [QuantileRule::Spss]);
    assert_eq!(spss.cox.unwrap().ties, Ties::Breslow);
    assert_eq!(spss.balance.quartiles, QuartileType::Type6);
    let sas = with("emulate = \"sas\"", "ties = \"efron\"");
    assert_eq!(sas.survival.median_ci, [QuantileRule::LogLog]);
    assert_eq!(sas.balance.tests, [BalanceTest::ChiSquared, BalanceTest::MannWhitneyContinuity]);
    assert_eq!(sas.cox.unwrap().ties, Ties::Efron);
    assert_eq!(
        [r.balance.quartiles, sas.balance.quartiles],
        [QuartileType::Type7, QuartileType::Type2]
    );
    let own = small_with("title = \"Small\"", "title = \"Small\"\nemulate = \"spss\"");
    let own = read(&format!("{own}[balance]\nquartiles = \"type_7\"\n")).unwrap();
    assert_eq!(own.balance.quartiles, QuartileType::Type7);
}

/// With a design the marginal hazard ratio, without one the first adjusted one, without models the
/// comparison of the curves.
#[test]
fn the_primary_analysis_has_a_default() {
    let primary = |text: &str| read(text).unwrap().report.primary;
    let named = |population, model: Option<&str>| PrimarySection {
        endpoint: "os".into(),
        population,
        model: model.map(str::to_owned),
    };
    assert_eq!(primary(SMALL), named(Population::Matched, None));
    let cox = "[cox]\npopulations = [\"all\", \"matched\"]\n[[cox.multivariable]]\nid = \"full\"\n";
    let with_models = small_with("", cox);
    assert_eq!(primary(&with_models), named(Population::Matched, Some("univariable")));
    let chosen = format!("{with_models}[report]\nprimary = {{ population = \"all\" }}\n");
    assert_eq!(primary(&chosen), named(Population::All, Some("full")));
    let chosen = format!("{with_models}[report]\nprimary = {{ model = \"full\" }}\n");
    assert_eq!(primary(&chosen), named(Population::Matched, Some("full")));
}

#[test]
fn what_a_report_cannot_rest_on_is_refused() {
    for (report, path, words) in [
        ("primary = { endpoint = \"oss\" }", "report.primary.endpoint", "there is no endpoint"),
        ("primary = { population = \"exposed\" }", "report.primary.population", "not compared"),
        ("primary = { model = \"full\" }", "report.primary.model", "no model `full`"),
        ("target_trial = { outcom = {} }", "report.target_trial.outcom", "unknown key"),
        ("figures = \"lancett\"", "report.figures", "`lancett` is none of"),
    ] {
        let found = violations(&small_with("", &format!("[report]\n{report}")));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].path, path);
        assert!(found[0].message.contains(words), "{}", found[0].message);
    }
}

#[test]
fn words_of_the_authors_are_kept() {
    let study = small_with(
        "",
        "[report]\nbackground = \"Why.\"\nfigures = \"nature\"\n[report.target_trial.outcome]\ngap = \"None.\"",
    );
    let report = read(&study).unwrap().report;
    assert_eq!(report.background.as_deref(), Some("Why."));
    assert_eq!(report.figures.widths_mm(), [89.0, 183.0]);
    let [outcome] = report.target_trial.as_slice() else { panic!("one row") };
    assert_eq!(
        (outcome.component, outcome.gap.as_deref()),
        (TrialComponent::Outcome, Some("None."))
    );
    let study = small_with("type = \"binary\"", "type = \"binary\", after_time_zero = true");
    assert!(read(&study).unwrap().variable("sex").unwrap().after_time_zero);
}
