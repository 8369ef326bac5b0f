//! Real patients with overlap weights: every number is that of R, computed once from the published
//! table: `w` is `1 - e` for the exposed and `e` for the others, `e` the fitted values of
//! `glm(hormon ~ age + meno + size + grade + nodes + pgr + er + chemo, binomial)`.

use crate::harness::{Report, equipoise, example, with_few_replicates};
use std::sync::LazyLock;

static REPORT: LazyLock<Report> =
    LazyLock::new(|| Report::of(&example("rotterdam").join("overlap.toml"), &[]));

#[track_caller]
fn same(got: f64, want: f64) {
    assert!((got - want).abs() <= 1e-8 * want.abs().max(1.0), "{got} instead of {want}");
}

#[track_caller]
fn check(id: &str, want: f64) {
    same(REPORT.value(id), want);
}

#[track_caller]
fn check_limits(id: &str, want: [f64; 2]) {
    for (got, want) in REPORT.limits(id).into_iter().zip(want) {
        same(got.expect("it has limits"), want);
    }
}

/// `coxph(Surv(t, death) ~ hormon, weights = w, robust = TRUE)`: coefficient, robust standard error
/// and `rscore`.
#[test]
fn the_marginal_hazard_ratio_has_a_robust_variance() {
    let of = |name: &str| format!("os/weighted/cox_univariable/hormon=1/{name}");
    check(&of("coefficient"), -0.133649119537128);
    check(&of("robust_standard_error"), 0.0913275639342763);
    check("os/weighted/robust_score/hormon/chi_squared", 2.22390699491445);
    let report = REPORT.json();
    let has =
        |id: &str| report["quantities"].as_array().unwrap().iter().any(|one| one["id"] == *id);
    assert!(!has(&of("p_value_model")), "weights have no model-based variance");
    assert!(!has("os/weighted/log_rank/hormon/p_value"), "nor a log-rank test");
}

/// Scope `pipeline` weighs again in every replicate: its numbers are those of the study, with limits about them,
/// and the report says what weights leave of each arm.
#[test]
fn patients_are_weighed_again() {
    let folder = with_few_replicates("rotterdam");
    let report = Report::of(&folder.path().join("overlap.toml"), &[]);
    let (own, again) = ("os/weighted", "os/weighted/bootstrap_pipeline");
    for (number, study) in [
        ("hormon=1/hazard_ratio_percentile", "cox_univariable/hormon=1/hazard_ratio"),
        ("hormon=0/median_percentile", "survival/hormon=0/median_log"),
        ("hormon=1/survival_percentile@60", "survival/hormon=1/survival_log@60"),
        ("hormon=1/restricted_mean_percentile@120", "survival/hormon=1/restricted_mean@120"),
    ] {
        let id = format!("{again}/{number}");
        let (found, study) = (report.value(&id), report.value(&format!("{own}/{study}")));
        assert!((found - study).abs() <= 1e-10 * study, "{id}: {found} instead of {study}");
        let [lower, upper] = report.limits(&id).map(|limit| limit.expect("it has limits"));
        assert!(lower < found && found < upper, "{id}: {lower} {found} {upper}");
    }
    // Of 339 patients with hormones all are drawn, and weights only take away.
    let size = |name: &str| report.value(&format!("{again}/hormon=1/effective_n{name}"));
    assert_eq!(size(""), report.value("study/weighted/weighting/hormon=1/effective_n"));
    assert!(size("_max") <= 339.0 && size("_n_failed") == 0.0);
    let table = report.text("tables/bootstrap.csv");
    assert!(table.contains("Overall survival,pipeline"), "{table}");
    let page = report.page();
    let words =
        "estimates the propensity score anew, weighs anew, a patient who is drawn twice as two";
    assert!(page.contains(words));
    assert!(page.contains("scope pipeline, effective sample size of"));
}

/// `survfit(Surv(t, death) ~ hormon, weights = w, robust = TRUE)`.
#[test]
fn curves_have_robust_limits() {
    let of = |arm: u8, name: &str| format!("os/weighted/survival/hormon={arm}/{name}");
    check(&of(0, "survival_log@60"), 0.638817673044);
    check(&of(0, "survival_standard_error@60"), 0.01441556154547);
    check_limits(&of(0, "survival_log@60"), [0.611179397344, 0.667705785187]);
    check(&of(1, "survival_log@120"), 0.424940146919);
    check(&of(1, "survival_standard_error@120"), 0.04042167771097);
    check_limits(&of(1, "survival_log@120"), [0.352662049253, 0.512031642888]);
    check(&of(0, "median_log"), 95.2443531828);
    check_limits(&of(0, "median_log"), [84.3039014374, 106.349075975]);
    check(&of(1, "median_log"), 97.2156057495);
    check_limits(&of(1, "median_log"), [84.4024640657, 129.182751540]);
    check(&of(1, "weighted_n_events"), 116.694082006);
    check("os/weighted/followup/all/median_log", 100.63244353183);
    check_limits("os/weighted/followup/all/median_log", [97.74127310062, 105.72484599589]);
}

/// The area under the curve, and the sum of the squared `residuals(fit, type = "auc", weighted = TRUE)`.
#[test]
fn restricted_means_have_robust_errors() {
    let of = |name: &str| format!("os/weighted/survival/hormon=1/{name}");
    assert!((REPORT.value(&of("restricted_mean@120")) - 84.66053).abs() < 5e-6);
    assert!((REPORT.value(&of("restricted_mean_standard_error@120")) - 2.227207).abs() < 5e-7);
}

/// The overlap weights of a logistic model balance its covariates exactly (Li et al. 2018).
#[test]
fn the_arms_are_balanced_exactly() {
    check("study/weighted/balance/all/n_unbalanced", 0.0);
    assert!(REPORT.value("study/weighted/balance/all/largest_smd") < 1e-8);
    check("study/weighted/balance/age/hormon=1/mean", 61.8387722927);
    check("study/weighted/balance/age/hormon=0/sd", 11.4289613678);
    check("study/weighted/balance/hormon=1/weighted_n", 264.17266234);
    check("study/weighted/balance/hormon=1/effective_n", 329.719425598184);
    check("study/weighted/balance/hormon=0/effective_n", 1289.54713901419);
}

/// `(coef / robust se)^2` of the product in the weighted model; a likelihood ratio means nothing.
#[test]
fn interactions_are_tested_by_wald() {
    assert!(
        (REPORT.value("os/weighted/interaction/grade/wald_chi_squared") - 2.408425).abs() < 5e-7
    );
    assert_eq!(REPORT.estimate("os/weighted/interaction/grade/likelihood_ratio_p_value"), None);
}

#[test]
fn the_report_says_what_the_weights_are() {
    let page = REPORT.page();
    for words in [
        "1 - e for the exposed and e for comparators",
        "robust score test of the weighted Cox model",
        "take the weights as known",
        "effective sample size is 329.7 hormonal treatment and 1289.5 none",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert_eq!(REPORT.text("weights.csv").lines().count(), 1 + 2982);
}

/// Four patients whose arms do not meet: no weights give the comparators the mean of the exposed.
#[test]
fn weights_that_do_not_exist_name_the_variable() {
    let folder = tempfile::tempdir().unwrap();
    let table = "id,x,rt,death,days\n1,1,1,1,10\n2,2,1,0,20\n3,10,0,1,15\n4,11,0,0,25\n";
    std::fs::write(folder.path().join("small.csv"), table).unwrap();
    let study = r#"
schema = "equipoise/1"
study = { id = "small", title = "Small", time_unit = "days" }
data = { file = "small.csv", id = "id" }
variables = { x = { type = "continuous" } }
exposure = { column = "rt", exposed = { value = 1 }, comparator = { value = 0 } }
endpoint = [{ id = "os", event = { column = "death" }, time = { column = "days" } }]
weighting = { method = "entropy_balancing", estimand = "att", covariates = ["x"] }
"#;
    let path = folder.path().join("study.toml");
    std::fs::write(&path, study).unwrap();
    let output = equipoise(["run", path.to_str().unwrap()]);
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{words}");
    assert!(words.contains("at the step \"weighting\""), "{words}");
    assert!(words.contains("as that of x may"), "{words}");
}
