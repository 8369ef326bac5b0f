//! The study that Equipoise came from prints the published numbers, on its synthetic cohort.

use crate::harness::{Report, example};
use std::sync::LazyLock;

pub(crate) static REPORT: LazyLock<Report> = LazyLock::new(|| Report::of(&example("her2"), &[]));

#[test]
fn patients_arms_deaths_and_pairs() {
    let report = &*REPORT;
    assert_eq!(report.value("study/all/flow/source/n"), 488.0);
    assert_eq!(report.value("study/all/flow/complete/n"), 488.0);
    assert_eq!(report.value("study/all/flow/rt=1/n"), 207.0);
    assert_eq!(report.value("study/all/flow/rt=0/n"), 281.0);
    assert_eq!(report.value("study/matched/matching/all/n_pairs"), 135.0);
    let deaths = |population: &str| -> f64 {
        let events = |arm| report.value(&format!("os/{population}/survival/{arm}/n_events"));
        events("rt=1") + events("rt=0")
    };
    assert_eq!(deaths("all"), 344.0);
    assert_eq!(deaths("matched"), 188.0);
}

/// Recomputed by the authors of the cohort: SD 1.401711, caliper 0.2803423.
#[test]
fn the_score_has_its_published_spread() {
    let report = &*REPORT;
    let sd = report.value("study/all/propensity/all/linear_predictor_sd");
    assert!((sd - 1.401711).abs() < 5e-7, "{sd}");
    let caliper = report.value("study/matched/matching/all/caliper");
    assert!((caliper - 0.280_342_3).abs() < 5e-8, "{caliper}");
    assert_eq!(report.value("study/matched/matching/all/n_ties"), 0.0);
}

/// The pairs are those that came with the cohort, where they are never read.
#[test]
fn the_pairs_are_the_expected_ones() {
    let path = example("her2").join("cohort.csv");
    let mut expected = std::collections::BTreeMap::<u32, Vec<u32>>::new();
    for row in csv::Reader::from_path(path).unwrap().deserialize() {
        let row: std::collections::BTreeMap<String, String> = row.unwrap();
        if !row["pair"].is_empty() {
            let members = expected.entry(row["pair"].parse().unwrap()).or_default();
            members.push(row["id"].parse().unwrap());
        }
    }
    let mut expected: Vec<Vec<u32>> = expected.into_values().collect();
    let mut found = Vec::new();
    for row in csv::Reader::from_reader(&*REPORT.bytes("matched_pairs.csv")).deserialize() {
        let (_, exposed, comparator): (u32, u32, u32) = row.unwrap();
        found.push(vec![exposed, comparator]);
    }
    for pairs in [&mut expected, &mut found] {
        pairs.iter_mut().for_each(|pair| pair.sort_unstable());
        pairs.sort_unstable();
    }
    assert_eq!(found, expected);
}

#[test]
fn medians_by_the_rules_of_the_paper() {
    let median = |population: &str, arm: &str, rule: &str| {
        REPORT.printed(&format!("os/{population}/survival/{arm}/median_{rule}"), 1)
    };
    assert_eq!(median("all", "rt=1", "log"), "51.7 (48.8-63.8)");
    assert_eq!(median("all", "rt=0", "spss"), "33.9 (27.9-39.9)");
    assert_eq!(median("matched", "rt=1", "spss"), "57.2 (44.5-69.8)");
    assert_eq!(median("matched", "rt=0", "spss"), "34.1 (27.5-40.6)");
    // The other rule on the same data.
    assert_eq!(median("all", "rt=1", "spss"), "51.7 (45.5-58.0)");
    assert_eq!(median("all", "rt=0", "log"), "33.9 (26.8-38.7)");
    assert_eq!(median("matched", "rt=1", "log"), "57.2 (48.6-65.4)");
    assert_eq!(median("matched", "rt=0", "log"), "34.1 (27.0-43.4)");
}

#[test]
fn rates_at_one_three_and_five_years() {
    let rates = |population: &str, arm: &str| {
        [12, 36, 60].map(|time| {
            let id = format!("os/{population}/survival/{arm}/survival_log@{time}");
            format!("{:.1}", 100.0 * REPORT.value(&id))
        })
    };
    assert_eq!(rates("all", "rt=1"), ["94.6", "70.8", "43.3"]);
    assert_eq!(rates("all", "rt=0"), ["83.9", "45.5", "25.0"]);
    assert_eq!(rates("matched", "rt=1"), ["93.2", "71.5", "46.9"]);
    assert_eq!(rates("matched", "rt=0"), ["89.4", "45.8", "22.2"]);
}

#[test]
fn follow_up_by_reverse_kaplan_meier() {
    let median = |population: &str, rule: &str| {
        REPORT.printed(&format!("os/{population}/followup/all/median_{rule}"), 1)
    };
    assert_eq!(median("all", "spss"), "64.9 (62.9-67.0)");
    assert_eq!(median("matched", "spss"), "72.1 (67.7-76.6)");
    assert_eq!(median("all", "log"), "64.9 (64.3-72.4)");
    assert_eq!(median("matched", "log"), "72.1 (66.5-82.4)");
}

#[test]
fn log_rank_tests_before_and_after_matching() {
    let p_value = |population: &str| REPORT.value(&format!("os/{population}/log_rank/rt/p_value"));
    assert!(p_value("all") < 1e-4 && p_value("matched") < 1e-4);
    assert_eq!(format!("{:.2e}", p_value("all")), "3.15e-9");
    assert_eq!(format!("{:.2e}", p_value("matched")), "8.45e-7");
}

#[test]
fn baseline_tests_before_and_after_matching() {
    let report = &*REPORT;
    let p_value = |population: &str, variable: &str| {
        let test = if ["age", "ki67"].contains(&variable) { "mann_whitney" } else { "chi_squared" };
        report.value(&format!("study/{population}/balance/{variable}/{test}_p_value"))
    };
    for variable in ["bone", "brain", "lung"] {
        assert!(p_value("all", variable) < 0.001, "{variable}");
    }
    assert_eq!(format!("{:.3}", p_value("all", "chemo")), "0.021");
    let variables =
        ["age", "path", "hr", "ki67", "tstage", "nstage", "liver", "hormone", "targeted"];
    for variable in variables {
        let p_value = p_value("all", variable);
        // Printed: 0.085 to 0.715.
        assert!((0.0845..0.7155).contains(&p_value), "{variable}: {p_value}");
    }
    for variable in variables.iter().chain(&["bone", "brain", "lung", "chemo"]) {
        let p_value = p_value("matched", variable);
        assert!(p_value >= 0.30, "{variable}: {p_value}");
    }
}

/// Breslow ties and model-based variance, as SPSS has them.
#[test]
fn hazard_ratios_after_matching() {
    let ratio = |analysis: &str, term: &str| {
        REPORT.printed(&format!("os/matched/{analysis}/{term}/hazard_ratio"), 3)
    };
    assert_eq!(ratio("cox_univariable", "rt=1"), "0.484 (0.361-0.650)");
    assert_eq!(ratio("cox_univariable", "brain=1"), "1.647 (1.217-2.229)");
    assert_eq!(ratio("cox_univariable", "liver=1"), "1.329 (0.992-1.780)");
    assert_eq!(ratio("cox_adjusted", "rt=1"), "0.478 (0.355-0.643)");
    assert_eq!(ratio("cox_adjusted", "brain=1"), "1.575 (1.163-2.132)");
    assert_eq!(ratio("cox_adjusted", "liver=1"), "1.401 (1.044-1.879)");
    let p_value = |id: &str| format!("{:.3}", REPORT.value(id));
    assert_eq!(p_value("os/matched/cox_univariable/liver=1/p_value"), "0.057");
    assert_eq!(p_value("os/matched/cox_adjusted/liver=1/p_value"), "0.025");
}

#[test]
fn subgroups_by_site_of_metastasis() {
    let median = |site: &str, arm: &str| {
        let id = format!("os/all[{site}=1]/survival/{arm}/median_spss");
        format!("{:.1}", REPORT.value(&id))
    };
    for (site, exposed, comparator) in [
        ("bone", "52.9", "32.3"),
        ("brain", "44.0", "20.8"),
        ("liver", "54.7", "31.7"),
        ("lung", "50.4", "34.0"),
    ] {
        assert_eq!([median(site, "rt=1"), median(site, "rt=0")], [exposed, comparator], "{site}");
    }
    let p_value = REPORT.value("os/all[brain=1]/log_rank/rt/p_value");
    assert_eq!(format!("{p_value:.5}"), "0.00087");
    for (site, expected) in
        [("bone", "0.736"), ("brain", "0.546"), ("liver", "0.849"), ("lung", "0.707")]
    {
        let id = format!("os/all/interaction/{site}/likelihood_ratio_p_value");
        assert_eq!(format!("{:.3}", REPORT.value(&id)), expected, "{site}");
    }
}

#[test]
fn radiotherapy_modalities_among_the_treated() {
    let medians = ["3D-CRT", "IMRT", "SBRT"].map(|modality| {
        let id = format!("os/exposed/survival/modality={modality}/median_spss");
        format!("{:.1}", REPORT.value(&id))
    });
    assert_eq!(medians, ["43.8", "54.7", "57.2"]);
    assert_eq!(REPORT.value("os/exposed/log_rank/modality/df"), 2.0);
    let p_value = REPORT.value("os/exposed/log_rank/modality/p_value");
    assert_eq!(format!("{p_value:.3}"), "0.076");
}

/// What a reader must know: nobody may take these patients for real ones, nor the comparison for
/// one without immortal time.
#[test]
fn the_caveats_are_said() {
    let caveats = REPORT.caveats();
    for code in ["synthetic_data", "immortal_time", "unmatched_exposed", "pairs_ignored"] {
        assert!(caveats.iter().any(|found| found == code), "{code} is not among {caveats:?}");
    }
    let page = REPORT.page();
    assert!(page.contains("synthetic"));
    assert!(page.contains("51.7 (48.8") && page.contains("0.484 (0.361"));
}

/// The comparator dies first in 68 of the 102 pairs that tell: `pbinom(67, 102, gamma / (1 + gamma),
/// lower.tail = FALSE)` and its root at 0.025.
#[test]
fn bounds_under_hidden_bias() {
    let value = |name: &str| REPORT.value(&format!("os/matched/hidden_bias/rt=1/{name}"));
    assert_eq!((value("n_exposed_first"), value("n_comparator_first")), (34.0, 68.0));
    for (name, want) in [
        ("p_upper_1", 0.0004932684),
        ("p_upper_1.25", 0.01464983),
        ("p_upper_1.5", 0.1005635),
        ("p_lower_1.25", 5.024969e-06),
    ] {
        assert!((value(name) - want).abs() <= 1e-6 * want, "{name}: {}", value(name));
    }
    assert!((value("largest_gamma") - 1.3065).abs() < 5e-5);
}

/// `mantelhaen.test(table(rt, chemo, site), correct = FALSE)`, and van Elteren's statistic with
/// the weights `1 / (n + 1)` of the hospitals.
#[test]
fn arms_are_compared_within_hospitals() {
    let value = |id: &str| REPORT.value(&format!("study/all/balance/{id}"));
    assert!((value("chemo/cochran_mantel_haenszel_statistic") - 11.9087).abs() < 5e-5);
    assert!((value("bone/cochran_mantel_haenszel_statistic") - 54.09263).abs() < 5e-6);
    assert!((value("age/van_elteren_statistic") - 0.3652354).abs() < 5e-8);
    assert!((value("ki67/van_elteren_statistic") + 0.7040222).abs() < 5e-8);
    let within = |level: &str| REPORT.value(&format!("study/all/balance_within/{level}/n_exposed"));
    assert_eq!(["H1", "H2", "H3"].map(|one| within(&format!("site={one}"))), [112.0, 54.0, 41.0]);
}

/// Scores of both arms stand beside each other, and the shares of the bins are those of all patients.
#[test]
fn scores_overlap() {
    let value = |id: &str| REPORT.value(&format!("study/all/overlap/{id}"));
    let (lower, upper) = (value("all/common_support_lower"), value("all/common_support_upper"));
    assert_eq!(lower, value("rt=1/score_quantile_0"));
    assert_eq!(upper, value("rt=0/score_quantile_100"));
    for arm in ["rt=1", "rt=0"] {
        let share = |bin| value(&format!("{arm}/score_share_{}", f64::from(bin) / 20.0));
        let total: f64 = (0..20).map(share).sum();
        assert!((total - 1.0).abs() < 1e-12, "{arm}");
    }
}

/// Replicates of both scopes are of the numbers of the study, bit for bit, and drawing pairs gives about the
/// limits that the robust variance gives.
#[test]
fn replicates_are_of_the_same_numbers() {
    let value = |id: &str| REPORT.value(&format!("os/matched/{id}"));
    for (scope, ratio, survival) in
        [("outcome", "bca", "bca"), ("pipeline", "percentile", "percentile")]
    {
        let place = format!("bootstrap_{scope}");
        let found = [
            (format!("{place}/rt=1/hazard_ratio_{ratio}"), "cox_univariable/rt=1/hazard_ratio"),
            (
                format!("{place}_adjusted/rt=1/hazard_ratio_{ratio}"),
                "cox_adjusted/rt=1/hazard_ratio",
            ),
            (format!("{place}/rt=1/median_percentile"), "survival/rt=1/median_log"),
            (format!("{place}/rt=0/survival_{survival}@36"), "survival/rt=0/survival_log@36"),
        ];
        for (replicated, plain) in found {
            assert_eq!(value(&replicated), value(plain), "{replicated}");
            let [lower, upper] =
                REPORT.limits(&format!("os/matched/{replicated}")).map(Option::unwrap);
            assert!(
                lower < value(plain) && value(plain) < upper,
                "{replicated}: {lower} to {upper}"
            );
        }
        assert_eq!(value(&format!("{place}/rt=1/hazard_ratio_n_failed")), 0.0);
    }
    let width = |id: &str| {
        let [lower, upper] = REPORT.limits(&format!("os/matched/{id}")).map(Option::unwrap);
        (upper / lower).ln()
    };
    let robust = width("cox_univariable/rt=1/hazard_ratio_robust");
    let share = width("bootstrap_outcome/rt=1/hazard_ratio_bca") / robust;
    assert!((0.9..1.1).contains(&share), "{share}");
    let sets = |name: &str| value(&format!("bootstrap_pipeline/all/n_sets{name}"));
    assert_eq!(sets(""), 135.0);
    assert!(sets("_min") <= sets("_q1") && sets("_q3") <= sets("_max"));
    assert!(sets("_max") < 207.0 && sets("_n_failed") == 0.0);
}
