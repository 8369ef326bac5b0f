//! A number that enters a hazard model as a curve, from the study file to the printed table.

use crate::harness::{Report, example};
use tempfile::TempDir;

/// The study of the Rotterdam patients with three columns for age in its first model.
fn bent() -> Report {
    let folder = TempDir::new().unwrap();
    let study = std::fs::read_to_string(example("rotterdam").join("study.toml")).unwrap();
    let label = "label = \"All variables\"\n";
    assert!(study.contains(label));
    let study = study.replace(label, &format!("{label}splines.age.degrees_of_freedom = 3\n"));
    std::fs::write(folder.path().join("study.toml"), study).unwrap();
    let table = std::fs::read(example("rotterdam").join("rotterdam.csv")).unwrap();
    std::fs::write(folder.path().join("rotterdam.csv"), table).unwrap();
    Report::of(folder.path(), &[])
}

/// `coxph(Surv(dtime / 30.4375, death) ~ hormon + ns(age, 3) + meno + size + grade + nodes + pgr + er +
/// chemo)` in R with the Wald test of the columns of `ns(age, 3)`, and of their contrasts orthogonal
/// to the coefficients of `lm(age ~ ns(age, 3))`.
#[test]
fn a_curve_is_one_row_with_two_tests() {
    let report = bent();
    let close = |name: &str, want: f64| {
        let id = format!("os/all/cox_adjusted/{name}");
        let got = report.estimate(&id).unwrap();
        assert!((got / want - 1.0).abs() < 1e-7, "{id}: {got} instead of {want}");
    };
    close("ns(age)/chi_squared", 74.168_292_353_3);
    close("ns(age)/nonlinear_chi_squared", 56.883_083_666_2);
    close("hormon=1/hazard_ratio", 0.967_157_737_195);
    // `cox.zph(fit)`
    close("ns(age)/proportional_hazards_df", 3.0);
    let table = report.text("tables/cox_os_all.csv");
    let row = table.lines().find(|line| line.contains("curve, nonlinear P")).unwrap();
    assert!(row.starts_with("\"Age at surgery (years), curve\""), "{row}");
    let page = report.text("report.html");
    assert!(page.contains("as natural cubic splines"), "the methods say so");
    assert!(page.contains("has no single hazard ratio"), "the table says so");
    // Robust to pairs in the matched sample, as the protocol asks.
    let matched = |suffix: &str| {
        report.estimate(&format!("os/matched/cox_adjusted/ns(age)/chi_squared{suffix}")).unwrap()
    };
    assert_eq!(matched(""), matched("_robust"));
    assert!(matched("_robust") != matched("_model"));
}
