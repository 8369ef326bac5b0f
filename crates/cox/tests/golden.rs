//! Agreement with R on real data.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{Cohort, Column, EndpointColumns, Estimate, NotEstimable, Selection, Term};
use cox::{CoxFit, CoxQuery, ProportionalHazards, TestResult, TimeTransform, cox};
use serde_json::Value;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden");

/// The numeric columns of a data set without missing cells.
fn cohort(name: &str) -> Cohort {
    let mut reader = csv::Reader::from_path(format!("{GOLDEN}/data/{name}.csv")).unwrap();
    let names: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let numbers = |index: usize| -> Option<Vec<f64>> {
        records.iter().map(|record| record[index].parse().ok()).collect()
    };
    let columns = names.iter().enumerate();
    let columns =
        columns.filter_map(|(index, name)| Some(Column::numeric(name.as_str(), numbers(index)?)));
    Cohort::new(None, columns.collect()).unwrap()
}

/// A case with its tolerance.
struct Golden {
    expect: Value,
    relative: f64,
    absolute: f64,
}

impl Golden {
    fn read(case: &str) -> Self {
        let text = std::fs::read_to_string(format!("{GOLDEN}/expected/cox/{case}.json")).unwrap();
        let file: Value = serde_json::from_str(&text).unwrap();
        let tolerance = |kind: &str| file["tolerance"][kind].as_f64().unwrap();
        Self {
            relative: tolerance("rel"),
            absolute: tolerance("abs"),
            expect: file["expect"].clone(),
        }
    }

    fn check(&self, pointer: &str, got: Estimate) {
        let want = self.expect.pointer(pointer).and_then(Value::as_f64);
        let want = want.unwrap_or_else(|| panic!("{pointer} is not a number of this case"));
        let tolerance = self.absolute + self.relative * want.abs();
        let is_close = got.is_ok_and(|got| (got - want).abs() <= tolerance);
        assert!(is_close, "{pointer}: {got:?} instead of {want}");
    }

    fn check_test(&self, pointer: &str, test: &TestResult) {
        self.check(&format!("{pointer}/chisq"), test.chi_squared);
        self.check(&format!("{pointer}/df"), Ok(test.degrees_of_freedom as f64));
        self.check(&format!("{pointer}/p"), test.p_value);
    }

    fn check_fit(&self, fit: &CoxFit) {
        for (j, coefficient) in fit.coefficients.iter().enumerate() {
            self.check(&format!("/coef/{j}"), coefficient.estimate);
            self.check(&format!("/se/{j}"), coefficient.standard_error);
            self.check(&format!("/hr/{j}"), coefficient.hazard_ratio);
        }
        self.check("/loglik_null", Ok(fit.log_likelihood_null));
        self.check("/loglik", Ok(fit.log_likelihood));
        self.check_test("/test_lr", &fit.likelihood_ratio_test);
        self.check_test("/test_score", &fit.score_test);
        self.check("/aic", Ok(fit.aic));
        self.check("/bic_events", Ok(fit.bic));
        let concordance = fit.concordance.as_ref().unwrap();
        self.check("/concordance/c", concordance.value);
        // With clusters, R's only standard error of the concordance is the robust one.
        let error = concordance.robust_standard_error.unwrap_or(concordance.standard_error);
        self.check("/concordance/se", error);
        self.check("/concordance/tied_time", Ok(concordance.tied_time));
    }

    fn check_hazards(&self, transform: &str, hazards: &ProportionalHazards) {
        let tests = hazards.terms.iter().map(|tested| &tested.test).chain([&hazards.global]);
        for (row, test) in tests.enumerate() {
            let at = format!("/zph/{transform}/by_term");
            self.check(&format!("{at}/chisq/{row}"), test.chi_squared);
            self.check(&format!("{at}/p/{row}"), test.p_value);
        }
    }
}

fn query(time: &str, event: &str, terms: Vec<Term>) -> CoxQuery {
    CoxQuery {
        proportional_hazards: Some(TimeTransform::KaplanMeier),
        concordance: true,
        ..CoxQuery::new(EndpointColumns::new(time, event), terms)
    }
}

fn fit(data: &str, query: &CoxQuery) -> CoxFit {
    let cohort = cohort(data);
    cox(&cohort, &Selection::all(&cohort), query).unwrap()
}

#[test]
fn gbsg_agrees_with_r() {
    let linear = ["age", "meno", "size"].map(Term::linear).into_iter();
    let rest = ["nodes", "pgr", "er", "hormon"].map(Term::linear);
    let terms = linear.chain([Term::factor("grade")]).chain(rest).collect();
    let mut query = query("rfstime", "status", terms);
    let golden = Golden::read("gbsg_full");
    let transforms = [
        ("km", TimeTransform::KaplanMeier),
        ("rank", TimeTransform::Rank),
        ("identity", TimeTransform::Identity),
        ("log", TimeTransform::Log),
    ];
    for (name, transform) in transforms {
        query.proportional_hazards = Some(transform);
        let fit = fit("gbsg", &query);
        golden.check_fit(&fit);
        golden.check_test("/test_wald", &fit.wald_test);
        golden.check_hazards(name, &fit.proportional_hazards.unwrap());
    }
}

#[test]
fn start_and_stop_agree_with_r() {
    let terms = ["age", "year", "surgery", "transplant"].map(Term::linear).to_vec();
    let mut query = query("stop", "event", terms);
    query.endpoint.entry = Some("start".into());
    let fit = fit("heart", &query);
    let golden = Golden::read("heart_start_stop");
    golden.check_fit(&fit);
    golden.check_hazards("km", &fit.proportional_hazards.unwrap());
}

#[test]
fn pair_robust_variance_agrees_with_r() {
    let mut query = query("dtime", "death", vec![Term::linear("hormon")]);
    query.cluster = Some("pair".into());
    let fit = fit("rotterdam_matched", &query);
    let golden = Golden::read("rotterdam_matched_cluster_pair");
    golden.check_fit(&fit);
    golden.check_test("/test_wald", &fit.term_tests[0].test);
    let coefficient = &fit.coefficients[0];
    golden.check("/robust_se/0", coefficient.robust_standard_error.unwrap());
    golden.check("/p/0", coefficient.robust_p_value.unwrap());
    golden.check("/hr_upper/0", coefficient.robust_interval.unwrap().upper);
}

#[test]
fn strata_of_pairs_agree_with_r() {
    let mut query = query("dtime", "death", vec![Term::linear("hormon")]);
    query.strata = vec!["pair".into()];
    Golden::read("rotterdam_matched_strata_pair").check_fit(&fit("rotterdam_matched", &query));
}

/// `rscore` of `coxph` in R leaves an offset out, and is that of the model without one. With the offset
/// it is `(Σ u)' (Σ u u')⁻¹ (Σ u)` of `u = residuals(fit0, "score", collapse = age)`, `fit0` being the
/// model with `init = c(0, 0), control = coxph.control(iter.max = 0)`.
#[test]
fn the_robust_score_test_has_the_offset() {
    let statistic = |offset: Option<&str>| {
        let terms = ["hormon", "nodes"].map(Term::linear).to_vec();
        let query = CoxQuery {
            cluster: Some("age".into()),
            offset: offset.map(String::from),
            ..CoxQuery::new(EndpointColumns::new("rfstime", "status"), terms)
        };
        fit("gbsg", &query).robust_score_test.unwrap().chi_squared.unwrap()
    };
    assert!((statistic(None) / 30.001_617_611_5 - 1.0).abs() < 1e-10);
    assert!((statistic(Some("grade")) / 30.228_168_634_6 - 1.0).abs() < 1e-10);
}

/// The tests of `b` and of `K'b`, `b` being the coefficients of `ns(age, df)` in `coxph(Surv(rfstime,
/// status) ~ ns(age, df) + hormon + nodes)` of R with `eps = 1e-14` and `K` orthogonal to those of
/// `lm(age ~ ns(age, df))`.
#[test]
fn curves_are_tested_as_in_r() {
    let tests = |df: usize, cluster: Option<&str>| {
        let terms = vec![Term::spline("age", df), Term::linear("hormon"), Term::linear("nodes")];
        let query = CoxQuery {
            cluster: cluster.map(String::from),
            ..CoxQuery::new(EndpointColumns::new("rfstime", "status"), terms)
        };
        fit("gbsg", &query).curve_tests.remove(0)
    };
    let close = |test: TestResult, df: usize, want: f64| {
        assert_eq!(test.degrees_of_freedom, df);
        assert!((test.chi_squared.unwrap() / want - 1.0).abs() < 1e-8, "{test:?}, {want}");
    };
    let line = tests(1, None);
    close(line.overall, 1, 0.020_715_938_052_2);
    assert_eq!(line.nonlinear.p_value, Err(NotEstimable::NotDefined));
    let three = tests(3, None);
    close(three.overall, 3, 24.886_880_581_8);
    close(three.nonlinear, 2, 24.211_110_813_9);
    let four = tests(4, None);
    close(four.overall, 4, 32.314_809_342_6);
    close(four.nonlinear, 3, 30.677_378_471_2);
    let robust = tests(3, Some("pgr"));
    close(robust.overall, 3, 24.886_880_581_8);
    close(robust.robust_overall.unwrap(), 3, 23.191_768_079_3);
    close(robust.robust_nonlinear.unwrap(), 2, 22.207_894_265_9);
}
