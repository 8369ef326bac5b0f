//! Whole studies of a few invented patients, their questions answered on the spot: what becomes of
//! the rarer settings of a protocol.

use cohort::{Caveat, CaveatCode, NotEstimable};
use pipeline::{Pipeline, prepare};
use std::collections::BTreeSet;
use study::StudyResult;

const STUDY: &str = r#"
schema = "equipoise/1"
[study]
id = "small"
title = "Small"
time_unit = "days"
[data]
file = "small.csv"
id = "id"
[variables]
age = { type = "continuous" }
stage = { type = "ordinal", levels = ["I", "II", "III"] }
[time_zero]
date = "begin"
[exposure]
column = "rt"
exposed = { value = 1 }
comparator = { value = 0 }
[[endpoint]]
id = "os"
event = { column = "death" }
end = "end"
[[endpoint]]
id = "again"
event = { column = "death" }
end = "end"
"#;

/// Twelve patients; both arms hold every stage.
fn table() -> String {
    let row = |id: usize| {
        let (stage, age) = (["I", "II", "III"][id % 3], 50 + id * 7 % 13);
        let (rt, death, day) = (id / 3 % 2, u8::from(!id.is_multiple_of(4)), 10 + id * 5 % 17);
        format!("{id},{age},{stage},{rt},{death},2020-01-01,2020-02-{day:02}\n")
    };
    let rows: String = (1..=12).map(row).collect();
    format!("id,age,stage,rt,death,begin,end\n{rows}")
}

#[track_caller]
fn report(study: &str, table: &str) -> StudyResult {
    let mut pipeline =
        Pipeline::new(prepare(study.as_bytes(), table.as_bytes()).expect("it is in order"));
    while !pipeline.is_done() {
        for task in pipeline.ready() {
            let answer = task.evaluate().expect("it is well put");
            pipeline.answer(&task.key, answer).expect("it fits");
        }
    }
    let result = pipeline.finish();
    let ids: BTreeSet<&str> = result.quantities.iter().map(|known| known.id.as_str()).collect();
    assert_eq!(ids.len(), result.quantities.len(), "an id occurs twice");
    result
}

#[track_caller]
fn value(result: &StudyResult, id: &str) -> Option<f64> {
    result.quantity(id).unwrap_or_else(|| panic!("there is no {id}")).value
}

/// The one patient of stage IV is the first to die: the likelihood rises for ever with its coefficient.
#[test]
fn finite_estimates_stand_beside_infinite_ones() {
    let study = STUDY.replace("\"III\"]", "\"III\", \"IV\"]");
    let first = "13,60,IV,1,1,2020-01-01,2020-01-02\n";
    let result = report(&format!("{study}[cox]\n"), &format!("{}{first}", table()));
    let place = "os/all/cox_univariable/stage=IV";
    let infinite = result.quantity(&format!("{place}/hazard_ratio")).unwrap();
    assert_eq!(infinite.estimate(), Err(NotEstimable::Monotone));
    let finite = result.quantity(&format!("{place}/firth_hazard_ratio")).unwrap();
    assert!(finite.value.is_some_and(|ratio| ratio > 1.0));
    assert!(finite.interval.unwrap().lower.is_some());
    for quantity in [infinite, finite] {
        let codes: Vec<_> = quantity.caveats.iter().map(|caveat| caveat.code).collect();
        assert_eq!(codes, [CaveatCode::PenalisedLikelihood]);
    }
    assert!(value(&result, &format!("{place}/firth_p_value")).is_some());
    assert!(result.quantity("os/all/cox_univariable/age/firth_hazard_ratio").is_none());
}

/// By each rule the way is told, the exposure stays, and a doubt names the model.
#[test]
fn terms_are_chosen_by_every_rule() {
    let model = |rule: &str, limits: &str| {
        let model = format!("[[cox.multivariable]]\nid = \"m\"\nrule = \"{rule}\"\n{limits}\n");
        report(&format!("{STUDY}[cox]\n{model}"), &table())
    };
    let steps = |result: &StudyResult| {
        let models = &result.outline.models;
        models.iter().find(|model| model.analysis == "cox_m").expect("a model").steps.clone()
    };
    let doubts = |result: &StudyResult| {
        let is_doubt = |caveat: &&Caveat| caveat.code == CaveatCode::DataDrivenSelection;
        result.caveats.iter().filter(is_doubt).cloned().collect::<Vec<_>>()
    };
    let listed = model("listed", "");
    assert!(steps(&listed).is_empty() && doubts(&listed).is_empty());

    // Everything is above a p-value of nothing.
    let nothing = model("backward", "p_above = 1e-9");
    let way = steps(&nothing);
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(way[0].terms, names(&["rt", "age", "stage"]));
    assert_eq!(way[0].removal, names(&["age", "stage"]), "the exposure stays");
    assert_eq!((way.len(), &way[2].terms), (3, &names(&["rt"])));
    let left = way[0].removed.as_ref().expect("one leaves");
    let p_value = |name: &str| {
        value(&nothing, &format!("os/all/cox_m/{name}/step_1_removal_p_value")).unwrap()
    };
    assert_eq!(p_value(left), f64::max(p_value("age"), p_value("stage")));
    assert!(nothing.quantity("os/all/cox_m/rt=1/hazard_ratio").is_some());
    assert!(nothing.quantity("os/all/cox_m/age/hazard_ratio").is_none());

    for (rule, limits) in [("forward", "p_below = 1\np_above = 1"), ("p_threshold", "p_below = 1")]
    {
        let all = model(rule, limits);
        let way = steps(&all);
        assert_eq!(way[0].entry, names(&["age", "stage"]), "{rule}");
        assert_eq!(way.last().unwrap().terms, names(&["rt", "age", "stage"]), "{rule}");
        assert!(value(&all, "os/all/cox_m/age/step_1_entry_chi_squared").is_some());
        let doubts = doubts(&all);
        assert_eq!(doubts.len(), 1, "told once for both endpoints");
        assert!(doubts[0].message.starts_with("In the model \"m\" the terms were chosen by"));
    }
}

#[test]
fn only_the_listed_levels_are_compared() {
    let subgroup = "[[subgroup]]\nid = \"stage\"\ncompare = \"stage\"\nlevels = [\"III\", \"I\"]\n";
    let result = report(&format!("{STUDY}{subgroup}"), &table());
    assert_eq!(value(&result, "os/all/log_rank/stage/df"), Some(1.0));
    assert!(result.quantity("os/all/survival/stage=II/n").is_none());
    assert!(result.quantity("os/all/log_rank/stage=II/observed").is_none());
    let outline = result.outline.subgroups[0].compare.as_ref().unwrap();
    let levels: Vec<&str> = outline.levels.iter().map(|level| level.id.as_str()).collect();
    assert_eq!(levels, ["stage=I", "stage=III"]);
}

/// Two endpoints share their dates: a column is counted once, under its own name.
#[test]
fn a_missing_date_is_counted_under_its_column() {
    let lines = table().replacen("2020-01-01", "", 2).replacen("2020-02-15", "", 1);
    let result = report(STUDY, &lines);
    assert_eq!(value(&result, "study/all/missing/begin/n_missing"), Some(2.0));
    assert_eq!(value(&result, "study/all/missing/end/n_missing"), Some(1.0));
}

/// The columns of a spline are listed as those of the model.
#[test]
fn a_score_may_bend() {
    let propensity = "[propensity]\ncovariates = [\"age\"]\nsplines.age.degrees_of_freedom = 2\n";
    let result = report(&format!("{STUDY}{propensity}"), &table());
    let listed: Vec<&str> =
        result.outline.propensity.iter().map(|column| column.id.as_str()).collect();
    assert_eq!(listed, ["intercept", "ns(age)1", "ns(age)2"]);
    for column in listed {
        value(&result, &format!("study/all/propensity/{column}/coefficient"));
    }
}

/// A curve of a hazard model is one line with two tests and no ratio.
#[test]
fn a_hazard_may_bend() {
    let cox = "[cox]\npopulations = [\"all\"]\n[[cox.multivariable]]\nid = \"main\"\n\
               terms = [\"rt\", \"age\"]\nsplines.age.degrees_of_freedom = 2\n";
    let result = report(&format!("{STUDY}{cox}"), &table());
    let model = result.outline.models.iter().find(|model| !model.is_screen).unwrap();
    let listed: Vec<_> =
        model.terms.iter().map(|term| (term.id.as_str(), term.curve_columns)).collect();
    assert_eq!(listed, [("rt=1", None), ("ns(age)", Some(2))]);
    let id = |name: &str| format!("os/all/cox_main/ns(age)/{name}");
    assert_eq!(value(&result, &id("df")), Some(2.0));
    assert_eq!(value(&result, &id("nonlinear_df")), Some(1.0));
    assert!(value(&result, &id("p_value")).is_some());
    assert!(value(&result, &id("nonlinear_p_value")).is_some());
    assert!(value(&result, "os/all/cox_main/ns(age)2/coefficient").is_some());
    assert!(result.quantity("os/all/cox_main/ns(age)2/hazard_ratio").is_none());
    assert!(value(&result, "os/all/cox_univariable/age/hazard_ratio").is_some());
}

/// No pair lies within the caliper: everything about the matched sample says that nobody is in it.
#[test]
fn an_empty_matched_sample_gives_its_reason_everywhere() {
    let matching = "[propensity]\ncovariates = [\"age\"]\n[matching]\n\
                    caliper = { width = 1e-12 }\n[cox]\n";
    let result = report(&format!("{STUDY}{matching}"), &table());
    assert_eq!(value(&result, "study/matched/matching/all/n_pairs"), Some(0.0));
    for id in [
        "os/matched/log_rank/rt/p_value",
        "os/matched/cox_univariable/rt=1/hazard_ratio",
        "os/matched/followup/all/median_log",
        "os/matched/followup/rt=1/median_log",
        "study/matched/balance/age/smd",
        "study/matched/balance/all/largest_smd",
    ] {
        let quantity = result.quantity(id).unwrap_or_else(|| panic!("there is no {id}"));
        assert_eq!(quantity.estimate(), Err(NotEstimable::NoSubjects), "{id}");
    }
}

/// Every way to form pairs is certified; who is outside the common support is counted.
#[test]
fn pairs_are_formed_in_every_way_that_a_file_can_ask_for() {
    let ways = [
        ("", "greedy nearest neighbour"),
        ("distance = \"probability\"\ncaliper = { width = 2 }", "greedy nearest neighbour"),
        ("order = \"random\"\nseed = 3", "greedy nearest neighbour"),
        ("order = \"closest\"\nanti_exact = [\"stage\"]", "greedy nearest neighbour"),
        ("order = \"farthest\"\ndiscard = \"both\"", "greedy nearest neighbour"),
        ("site = { variable = \"stage\", rule = \"prefer\" }", "greedy nearest neighbour"),
        (
            "distance = \"robust_mahalanobis\"\ncovariates = [\"age\", \"stage\"]",
            "greedy nearest neighbour",
        ),
        ("method = \"optimal\"\nexact = [\"stage\"]", "optimal pair"),
        (
            "method = \"optimal\"\ncovariate_calipers = [{ variable = \"age\", width = 8 }]",
            "optimal pair",
        ),
        ("emulate = \"spss\"\ncaliper = { width = 0.5 }", "random matching as in SPSS"),
    ];
    for (keys, algorithm) in ways {
        let study = format!("{STUDY}[propensity]\ncovariates = [\"age\"]\n[matching]\n{keys}\n");
        let result = report(&study, &table());
        let certificate = result.outline.matching.as_ref().unwrap();
        assert!(certificate.algorithm.starts_with(algorithm), "{keys}: {}", certificate.algorithm);
        assert_eq!(certificate.digest.len(), 64);
        let n_pairs = value(&result, "study/matched/matching/all/n_pairs").unwrap();
        assert!(n_pairs > 0.0, "{keys}");
        let n_alone = value(&result, "study/matched/matching/all/n_unmatched_exposed").unwrap();
        assert_eq!(n_pairs + n_alone, 6.0, "{keys}");
        if let Some(over) = result.quantity("study/matched/matching/all/largest_over_caliper") {
            assert!(over.value.unwrap() <= 1.0);
        }
    }
}

/// Stages of four patients: expected counts of 2, so Fisher's test; twelve ages are too few for means.
#[test]
fn tests_are_chosen_by_rule_and_named_by_their_method() {
    let balance = "[balance]\ntests = [\"auto\"]\nwithin = [\"stage\"]\n";
    let result = report(&format!("{STUDY}{balance}"), &table());
    let method = |id: &str| result.quantity(id).unwrap_or_else(|| panic!("no {id}")).method.clone();
    assert_eq!(method("study/all/balance/stage/auto_p_value"), "Fisher's exact test, two-sided");
    assert_eq!(method("study/all/balance/age/auto_p_value"), "Mann-Whitney U test, exact");
    assert_eq!(value(&result, "study/all/balance/age/rt=1/n_missing"), Some(0.0));
    // Each stage has two patients in each arm.
    for level in ["I", "II", "III"] {
        let place = format!("study/all/balance_within/stage={level}");
        assert_eq!(value(&result, &format!("{place}/n_exposed")), Some(2.0));
        assert!(value(&result, &format!("{place}/largest_smd")).is_some());
    }
}

/// With a caliper that some of the exposed cannot meet, those who have a partner are compared with
/// those who have none, and pairs are tested as pairs.
#[test]
fn matched_pairs_have_tests_and_distances_of_their_own() {
    let matching = "[propensity]\ncovariates = [\"age\"]\n[matching]\n\
                    caliper = { width = 0.5 }\n[balance]\ntests = [\"paired_t\", \"mc_nemar\"]\n[cox]\n";
    let result = report(&format!("{STUDY}{matching}"), &table());
    let n_pairs = value(&result, "study/matched/matching/all/n_pairs").unwrap();
    assert!((2.0..6.0).contains(&n_pairs), "{n_pairs} pairs");
    assert_eq!(value(&result, "study/matched/balance/age/paired_t_df"), Some(n_pairs - 1.0));
    assert!(value(&result, "study/matched/balance/age/pair_distance").is_some());
    let whole = "study/matched/balance_unmatched/all";
    assert_eq!(value(&result, &format!("{whole}/n_matched")), Some(n_pairs));
    assert_eq!(value(&result, &format!("{whole}/n_unmatched")), Some(6.0 - n_pairs));
    // Nobody is paired before matching.
    let before = result.quantity("study/all/balance/age/paired_t_p_value").unwrap();
    assert_eq!(before.estimate(), Err(NotEstimable::NotDefined));
}

/// Twelve patients in each of four designs with weights: the exposed count 1, nothing rests on a
/// likelihood, and each has the weights of its kind.
#[test]
fn designs_with_weights_have_robust_results_alone() {
    let designs = [
        ("[matching]\nratio = 2\nreplacement = true\n", "matched", "robust standard error"),
        ("[matching]\nmethod = \"full\"\n", "matched", "set-robust standard error"),
        ("[matching]\nmethod = \"subclass\"\nsubclasses = 2\n", "matched", "robust standard error"),
        ("[weighting]\nestimand = \"att\"\n", "weighted", "robust standard error"),
    ];
    for (design, population, words) in designs {
        let rest =
            "[cox]\nunivariable = [\"rt\"]\n[[cox.multivariable]]\nid = \"m\"\nterms = [\"age\"]\n";
        let study = format!("{STUDY}[propensity]\ncovariates = [\"age\"]\n{design}{rest}");
        let result = report(&study, &table());
        let place = format!("os/{population}/cox_univariable/rt=1");
        let error = result.quantity(&format!("{place}/robust_standard_error")).unwrap();
        assert!(error.value.is_some_and(|error| error > 0.0), "{design}");
        assert_eq!(error.method, words);
        assert!(result.quantity(&format!("{place}/standard_error")).is_none(), "{design}");
        assert!(result.quantity(&format!("os/{population}/cox_m/all/aic")).is_none(), "{design}");
        // With replacement alone a patient can be in several sets.
        let is_reused = design.contains("replacement");
        let by_both = result.quantity(&format!("{place}/standard_error_reuse"));
        assert_eq!(by_both.is_some_and(|error| error.value.is_some()), is_reused, "{design}");
        let test = format!("os/{population}/robust_score/rt/p_value");
        assert!(value(&result, &test).is_some(), "{design}");
        assert!(result.quantity(&format!("os/{population}/log_rank/rt/p_value")).is_none());
        let exposed = format!("study/{population}/balance/rt=1");
        let n = value(&result, &format!("{exposed}/n"));
        assert_eq!(value(&result, &format!("{exposed}/weighted_n")), n, "{design}");
        assert_eq!(value(&result, &format!("{exposed}/effective_n")), n, "{design}");
    }
}

/// Ages of the exposed are 52 to 62, those of the others 51 to 60, and scores ascend with them: 51, 61
/// and 62 are outside of what both have, and the second score is that of the other nine.
#[test]
fn scores_are_estimated_again_in_the_common_support() {
    let of = |again: &str| {
        let design = format!("[matching]\ndiscard = \"both\"\n{again}");
        report(&format!("{STUDY}[propensity]\ncovariates = [\"age\"]\n{design}\n"), &table())
    };
    let (once, again) = (of(""), of("reestimate = true"));
    let n = |result: &StudyResult, id: &str| value(result, &format!("study/{id}"));
    for (result, exposed, comparators) in [(&once, 6.0, 6.0), (&again, 4.0, 5.0)] {
        assert_eq!(n(result, "matched/matching/all/n_discarded"), Some(3.0));
        assert_eq!(n(result, "all/overlap/rt=1/n"), Some(exposed));
        assert_eq!(n(result, "all/overlap/rt=0/n"), Some(comparators));
        let n_matched = n(result, "matched/matching/all/n_matched_exposed").unwrap();
        let n_unmatched = n(result, "matched/matching/all/n_unmatched_exposed").unwrap();
        assert_eq!(n_matched + n_unmatched, 6.0);
        assert_eq!(n(result, "matched/overlap/rt=1/n"), Some(n_matched));
        assert_eq!(n(result, "matched/flow/rt=1/n_excluded"), Some(n_unmatched));
        for arm in ["rt=1", "rt=0"] {
            let share = |bin: usize| {
                n(result, &format!("matched/overlap/{arm}/score_share_{}", bin as f64 / 20.0))
            };
            let all: f64 = (0..20).map(|bin| share(bin).unwrap()).sum();
            assert!((all - 1.0).abs() < 1e-12, "{arm}: {all}");
        }
    }
    let sd = "all/propensity/all/linear_predictor_sd";
    assert_ne!(n(&once, sd), n(&again, sd));
}

/// Both scopes of each design: pairs and sets are drawn whole, others with their weights; what has no
/// answer says so.
#[test]
fn replicates_of_every_design() {
    let sections = [
        ("[matching]\nmethod = \"exact\"\nexact = [\"stage\"]", "matched", "patients", true),
        ("[propensity]\ncovariates = [\"age\"]\n[matching]", "matched", "matched pairs", true),
        (
            "[propensity]\ncovariates = [\"age\"]\n[matching]\nmethod = \"full\"",
            "matched",
            "matched sets",
            true,
        ),
        ("[propensity]\ncovariates = [\"age\"]\n[weighting]", "weighted", "patients", true),
        (
            "[weighting]\nmethod = \"entropy_balancing\"\ncovariates = [\"age\"]",
            "weighted",
            "patients",
            true,
        ),
        ("", "all", "patients", false),
    ];
    for (design, population, unit, has_design) in sections {
        let scopes = if has_design { "[\"outcome\", \"pipeline\"]" } else { "[\"outcome\"]" };
        let section = format!("{design}\n[bootstrap]\nreplicates = 40\nscopes = {scopes}\n");
        let result = report(&format!("{STUDY}{section}"), &table());
        let outlines = &result.outline.bootstraps;
        assert_eq!(outlines.len(), if has_design { 4 } else { 2 }, "{design}");
        assert_eq!(
            (outlines[0].population.as_str(), outlines[0].unit.as_str()),
            (population, unit)
        );
        for outline in outlines {
            for row in &outline.rows {
                for method in &row.methods {
                    let id = row.id(outline, method.name());
                    let known = result.quantity(&id).unwrap_or_else(|| panic!("there is no {id}"));
                    let reason = known.not_estimable;
                    assert_ne!(reason, Some(NotEstimable::NotDefined), "{design}, {id}");
                }
            }
        }
        let id = format!("os/{population}/bootstrap_outcome/rt=1/median_percentile");
        let median = result.quantity(&id).expect("it was asked for");
        let plain = format!("os/{population}/survival/rt=1/median_log");
        assert_eq!(median.value, result.quantity(&plain).expect("it is in every study").value);
    }
}

/// Both scopes begin at the numbers of the study; what weights leave of each arm is described over the
/// replicates, of whom those without weights are counted.
#[test]
fn replicates_of_weights_begin_at_the_study() {
    let design = "[propensity]\ncovariates = [\"age\"]\n[weighting]\nestimand = \"overlap\"\n";
    let scopes = "[bootstrap]\nreplicates = 40\nscopes = [\"outcome\", \"pipeline\"]\n";
    let cox = "[cox]\npopulations = [\"weighted\"]\nunivariable = [\"rt\"]\n";
    let result = report(&format!("{STUDY}{design}{scopes}{cox}"), &table());
    assert!(result.outline.bootstraps.iter().all(|outline| !outline.has_sets));
    let of = |id: &str| value(&result, &format!("os/weighted/{id}")).expect(id);
    let same = |got: f64, want: f64| assert!((got - want).abs() < 1e-12, "{got} not {want}");
    let ratio = of("cox_univariable/rt=1/hazard_ratio");
    same(of("bootstrap_pipeline/rt=1/hazard_ratio_percentile"), ratio);
    same(of("bootstrap_outcome/rt=1/hazard_ratio_bca"), ratio);
    for arm in ["rt=1", "rt=0"] {
        let own = value(&result, &format!("study/weighted/weighting/{arm}/effective_n")).unwrap();
        let size = |name: &str| of(&format!("bootstrap_pipeline/{arm}/effective_n{name}"));
        same(size(""), own);
        let five = ["_min", "_q1", "_median", "_q3", "_max"].map(size);
        assert!(five.is_sorted() && 0.0 < five[0] && five[4] <= 12.0, "{five:?}");
        assert!(five[0] <= size("_mean") && size("_mean") <= five[4] && size("_sd") > 0.0);
        assert!(size("_n_failed") < 40.0);
    }
}

/// Corrected intervals of scope `pipeline` match again without each patient, which so many would not wait for.
#[test]
fn a_long_jackknife_is_refused_before_it_begins() {
    let table = table();
    let rows: Vec<&str> =
        table.lines().skip(1).filter_map(|row| Some(row.split_once(',')?.1)).collect();
    let of = |n: usize| {
        let row = |id: usize| format!("{id},{}\n", rows[id % rows.len()]);
        format!("id,age,stage,rt,death,begin,end\n{}", (1..=n).map(row).collect::<String>())
    };
    let section =
        "[propensity]\ncovariates = [\"age\"]\n[matching]\n[bootstrap]\nscopes = [\"pipeline\"]\n";
    let study = |methods: &str| format!("{STUDY}{section}pipeline_methods = [{methods}]\n");
    let prepared = |methods: &str, n| prepare(study(methods).as_bytes(), of(n).as_bytes());
    assert!(prepared("\"bca\"", 5000).is_ok() && prepared("\"basic\"", 5001).is_ok());
    let violations = prepared("\"basic\", \"bca\"", 5001).unwrap_err();
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].path, "bootstrap.pipeline_methods");
    assert!(
        violations[0].message.contains("5001 units, at most 5000"),
        "{}",
        violations[0].message
    );
}

/// Patients 1 and 2 are at site B, and neither is exposed. Follow-up ends on days 40 to 56; the lock lies
/// at day 49, at which patient 12 is censored, after 4 and 8.
#[test]
fn sites_and_follow_up_are_counted() {
    let study = STUDY
        .replace("id = \"small\"", "id = \"small\"\nsite = \"site\"\ndata_lock = 2020-02-19")
        .replace(
            "[time_zero]",
            "site = { type = \"binary\", levels = [\"A\", \"B\"] }\n[time_zero]",
        );
    let mut lines: Vec<String> = table().lines().map(str::to_owned).collect();
    for (index, line) in lines.iter_mut().enumerate() {
        let site = match index {
            0 => "site",
            1 | 2 => "B",
            _ => "A",
        };
        *line = format!("{line},{site}\n");
    }
    let result = report(&format!("{study}[propensity]\ncovariates = [\"age\"]\n"), &lines.concat());
    assert_eq!(value(&result, "study/all/flow/source/site=B/n"), Some(2.0));
    assert_eq!(value(&result, "study/all/flow/complete/site=A/n_excluded"), Some(0.0));
    let empty = result.quantity("study/all/flow/rt=1/site=B/n").unwrap();
    assert_eq!((empty.value, empty.caveats[0].code), (Some(0.0), CaveatCode::Positivity));
    let n_doubts = |code| result.caveats.iter().filter(|caveat| caveat.code == code).count();
    assert_eq!(n_doubts(CaveatCode::UnadjustedConfounder), 2, "the site and the year");

    let times: Vec<usize> = (1..=12).map(|id| 40 + id * 5 % 17).collect();
    let has_event = |index: usize| !(index + 1).is_multiple_of(4);
    let observed: usize = times.iter().map(|&time| time.min(49)).sum();
    let ends = times.iter().enumerate();
    let possible: usize =
        ends.map(|(index, &time)| if has_event(index) && time <= 49 { time } else { 49 }).sum();
    let number = |name: &str| value(&result, &format!("os/all/followup/all/{name}")).unwrap();
    let years = times.iter().sum::<usize>() as f64 / 365.25;
    assert!((number("person_years") - years).abs() < 1e-12);
    assert!((number("event_rate") - 900.0 / years).abs() < 1e-9);
    assert!((number("completeness") - observed as f64 / possible as f64).abs() < 1e-12);
    assert_eq!([number("n_censored"), number("n_censored_at_lock")], [3.0, 1.0]);
    assert_eq!(number("n_censored_before_lock"), 2.0);
}

/// Without the patients of a site the primary model is that of a study whose criteria leave them out.
#[test]
fn the_primary_model_is_fitted_without_each_site() {
    let study = STUDY.replace("title =", "site = \"stage\"\ntitle =") + "[cox]\n";
    let result = report(&study, &table());
    let whole = value(&result, "os/all/cox_univariable/rt=1/hazard_ratio").unwrap();
    for stage in ["I", "II", "III"] {
        let criterion =
            format!("[[eligibility]]\nlabel = \"Others\"\nkeep = \"stage != '{stage}'\"\n");
        let others = report(&format!("{study}{criterion}"), &table());
        let id = |name: &str| format!("os/all/without_site/stage={stage}/{name}");
        let without = value(&result, &id("hazard_ratio")).unwrap();
        let expected = value(&others, "os/all/cox_univariable/rt=1/hazard_ratio").unwrap();
        assert!((without - expected).abs() < 1e-12 && without != whole, "{stage}: {without}");
        assert_eq!(value(&result, &id("n")), Some(8.0));
    }
}

/// Of six exposed and six comparators two and one lack the age: 3 of 12.
#[test]
fn missing_values_are_counted_in_each_arm() {
    let without_age = |line: &str| {
        let mut cells: Vec<&str> = line.split(',').collect();
        if ["1", "4", "5"].contains(&cells[0]) {
            cells[1] = "";
        }
        cells.join(",")
    };
    let table: Vec<String> = table().lines().map(without_age).collect();
    let result = report(STUDY, &format!("{}\n", table.join("\n")));
    let place = "study/all/missing/age";
    assert_eq!(value(&result, &format!("{place}/n_missing")), Some(3.0));
    assert_eq!(value(&result, &format!("{place}/share_missing")), Some(0.25));
    assert_eq!(value(&result, &format!("{place}/rt=1/n_missing")), Some(2.0));
    assert_eq!(value(&result, &format!("{place}/rt=0/share_missing")), Some(1.0 / 6.0));
    let often = &result.quantity(&format!("{place}/n_missing")).unwrap().caveats;
    assert!(often[0].message.contains("3 of 12 eligible patients"), "{often:?}");
}

#[test]
fn criteria_that_look_ahead_are_a_doubt() {
    let looks_at = |keep: &str| {
        let criterion = format!("[[eligibility]]\nlabel = \"Chosen\"\nkeep = \"{keep}\"\n");
        let result = report(&format!("{STUDY}{criterion}"), &table());
        let is_doubt = |caveat: &&Caveat| caveat.code == CaveatCode::MeasuredAfterTimeZero;
        result.caveats.iter().filter(is_doubt).map(|one| one.message.clone()).collect::<Vec<_>>()
    };
    assert!(looks_at("age >= 18")[..].is_empty());
    let doubts = looks_at("age >= 18 and end >= 2020-01-02");
    assert!(doubts[0].starts_with("The criterion \"Chosen\" looks at end"), "{doubts:?}");
}

/// Patients 4, 8 and 12 are censored: the exposed 4 and the comparator 8 are lost, of 12 nothing is said.
#[test]
fn reasons_for_censoring_are_counted_in_each_arm() {
    let censoring = "id = \"os\"\ncensoring = { column = \"why\", levels = [\"lost\", \"moved\"] }";
    let study = STUDY.replace("id = \"os\"", censoring);
    let why = |(index, line): (usize, &str)| {
        let why = match index {
            0 => "why",
            4 | 8 => "lost",
            _ => "",
        };
        format!("{line},{why}\n")
    };
    let lines: String = table().lines().enumerate().map(why).collect();
    let result = report(&study, &lines);
    let of = |arm: &str, name: &str| value(&result, &format!("os/all/followup/{arm}/{name}"));
    assert_eq!(of("rt=1", "why=lost/n_censored"), Some(1.0));
    assert_eq!(of("rt=0", "why=lost/n_censored"), Some(1.0));
    assert_eq!(of("all", "why=moved/n_censored"), Some(0.0));
    assert_eq!(
        [of("rt=1", "n_censored_unknown"), of("rt=0", "n_censored_unknown")],
        [Some(0.0), Some(1.0)]
    );
    assert!(result.quantity("again/all/followup/all/n_censored_unknown").is_none());
}

/// Of twenty comparators ten have no node; of twenty exposed patients everybody has one to ten, and ten
/// at the same share would be expected to have none.
#[test]
fn a_value_of_one_arm_alone_is_a_doubt() {
    let row = |id: usize| {
        let nodes = if id.is_multiple_of(2) { 1 + id % 5 } else { 1 + id % 10 };
        let nodes = if id.is_multiple_of(4) { 0 } else { nodes };
        let (rt, death, day) = (id % 2, u8::from(!id.is_multiple_of(3)), 10 + id % 17);
        format!("{id},{nodes},I,{rt},{death},2020-01-01,2020-02-{day:02}\n")
    };
    let table =
        format!("id,age,stage,rt,death,begin,end\n{}", (1..=40).map(row).collect::<String>());
    let result = report(STUDY, &table);
    let doubts = &result.quantity("study/all/balance/age/smd").unwrap().caveats;
    assert_eq!(doubts.len(), 1, "{doubts:?}");
    assert_eq!(doubts[0].code, CaveatCode::Positivity);
    assert!(doubts[0].message.starts_with("age: 10 of 20 patients"), "{doubts:?}");
    assert!(result.caveats.contains(&doubts[0]));
    assert_eq!(value(&result, "study/all/balance/all/n_unlike"), Some(1.0));
}

/// A column of years stands in the baseline table; that the score lacks it is a doubt, and so is that
/// nobody knows the years.
#[test]
fn calendar_time_is_asked_for() {
    let doubts = |study: &str| {
        let lines = table().replace('\n', ",30\n").replacen(",30\n", ",days\n", 1);
        let result = report(study, &lines);
        let is_doubt = |one: &&Caveat| one.code == CaveatCode::UnadjustedConfounder;
        let found = result.caveats.iter().filter(is_doubt).map(|one| one.message.clone());
        (found.collect::<Vec<_>>(), result)
    };
    let timed = STUDY
        .replace("[time_zero]\ndate = \"begin\"\n", "")
        .replace("end = \"end\"", "time = { column = \"days\" }");
    let score = "[propensity]\ncovariates = [\"stage\"]\n";
    let (unknown, _) = doubts(&timed);
    assert!(unknown[0].contains("calendar time is not considered"), "{unknown:?}");
    let years = timed.replace("title =", "start_year = \"age\"\ntitle =") + score;
    let (known, result) = doubts(&years);
    assert!(known.len() == 1 && known[0].starts_with("age is not in the score"), "{known:?}");
    assert!(value(&result, "study/all/balance/age/smd").is_some());
}

/// Patient 3 is followed for no time, exposure of patient 4 begins on the day before time zero, and that
/// of patient 5 behind the end of follow-up; every other exposed patient has no date.
#[test]
fn broken_rules_are_counted() {
    let study = STUDY
        .replace("id = \"small\"", "id = \"small\"\ndata_lock = 2020-02-19")
        .replace("[[endpoint]]\nid = \"os\"", "start_date = \"since\"\n[[endpoint]]\nid = \"os\"");
    let line = |(index, line): (usize, &str)| {
        let since = match index {
            0 => "since",
            4 => "2019-12-31",
            5 => "2020-03-05",
            _ => "",
        };
        match index {
            3 => format!("{},2020-01-01,{since}\n", line.rsplit_once(',').unwrap().0),
            _ => format!("{line},{since}\n"),
        }
    };
    let result = report(&study, &table().lines().enumerate().map(line).collect::<String>());
    let n = |name: &str| value(&result, name).unwrap();
    assert_eq!(n("study/all/quality/all/n_exposure_before_time_zero"), 1.0);
    assert_eq!(n("study/all/quality/all/n_exposed_without_start"), 4.0);
    assert_eq!(n("study/all/quality/all/n_comparator_with_start"), 0.0);
    assert_eq!(n("study/all/quality/all/n_duplicate_id"), 0.0);
    assert_eq!(n("os/all/quality/all/n_no_time"), 1.0);
    assert_eq!(n("os/all/quality/all/n_exposure_after_end"), 1.0);
    assert!(n("os/all/quality/all/n_followed_beyond_lock") > 0.0);
    assert_eq!(n("study/all/missing/stage/rt=1/n_missing"), 0.0);
}

/// The year is not in the score: that concerns the whole study, and its mark stands at the primary ratio.
#[test]
fn doubts_about_the_study_are_marked_on_the_primary_result() {
    let study = format!("{STUDY}[propensity]\ncovariates = [\"stage\"]\n[cox]\n");
    let marked = |primary: &str, id: &str| {
        let result = report(&format!("{study}{primary}"), &table());
        let caveats = &result.quantity(id).unwrap().caveats;
        caveats.iter().any(|known| {
            known.code == CaveatCode::UnadjustedConfounder && result.caveats.contains(known)
        })
    };
    let ratio = |endpoint: &str| format!("{endpoint}/all/cox_univariable/rt=1/hazard_ratio");
    let primary = "[report]\nprimary = { endpoint = \"again\", model = \"univariable\" }\n";
    assert!(marked(primary, &ratio("again")) && !marked(primary, &ratio("os")));
}

/// Everybody of the comparators dies: their curve ends on an event, in words of the protocol.
#[test]
fn caveats_speak_in_words_of_the_protocol() {
    let study = STUDY.replace("value = 0", "value = 0, label = \"drug alone\"");
    let lines = table().replace(",0,0,2020", ",0,1,2020");
    let result = report(&study, &lines);
    let is_end = |known: &&Caveat| known.code == CaveatCode::CurveEndsOnEvent;
    let median = result.quantity("os/all/survival/rt=0/median_log").unwrap();
    let message = &median.caveats.iter().find(is_end).unwrap().message;
    assert!(message.starts_with("The curve of the arm \"drug alone\" falls to 0"), "{message}");
    assert!(message.contains(" days because"), "{message}");
    let n = result.quantity("os/all/survival/rt=0/n").unwrap();
    assert!(!n.caveats.iter().any(|known| is_end(&known)));
}
