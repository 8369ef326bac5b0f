//! Agreement with R on real data.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{Cohort, Column, Estimate, Selection, SplineKnots, Term, WeightColumn, WeightKind};
use propensity::{
    Discard, Level, Link, LogisticExtras, LogisticFit, LogisticOptions, LogisticQuery,
    PropensityScores, logistic, propensity, propensity_in_support,
};
use serde_json::Value;
use std::collections::BTreeSet;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden");

/// A data set without missing cells; what is not a number is a category.
fn cohort(name: &str) -> Cohort {
    let mut reader = csv::Reader::from_path(format!("{GOLDEN}/data/{name}.csv")).unwrap();
    let names: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let column = |(index, name): (usize, &String)| {
        let cells = || records.iter().map(|record| &record[index]);
        if let Ok(numbers) = cells().map(str::parse).collect() {
            return Column::numeric(name, numbers);
        }
        let levels: Vec<String> =
            cells().collect::<BTreeSet<_>>().into_iter().map(String::from).collect();
        let code = |cell| levels.iter().position(|level| level == cell).unwrap() as u32;
        let codes = cells().map(code).collect();
        Column::categorical(name, levels, codes)
    };
    Cohort::new(None, names.iter().enumerate().map(column).collect()).unwrap()
}

struct Golden(Value);

impl Golden {
    fn read(case: &str) -> Self {
        let path = format!("{GOLDEN}/expected/logistic/{case}.json");
        Self(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    }

    fn check(&self, what: &str, got: Estimate) {
        let number = |pointer: &str| self.0.pointer(pointer).and_then(Value::as_f64);
        let want = number(&format!("/expect/{what}"))
            .unwrap_or_else(|| panic!("{what} is not a number of this case"));
        let (absolute, relative) = (number("/tolerance/abs"), number("/tolerance/rel"));
        let tolerance = absolute.unwrap() + relative.unwrap() * want.abs();
        let is_close = got.is_ok_and(|got| (got - want).abs() <= tolerance);
        assert!(is_close, "{what}: {got:?} instead of {want}");
    }

    fn check_scores(&self, scores: &PropensityScores) {
        for (j, coefficient) in scores.fit.coefficients.iter().enumerate() {
            self.check(&format!("coef/{j}"), coefficient.estimate);
            self.check(&format!("se/{j}"), coefficient.standard_error);
            self.check(&format!("or_lower/{j}"), coefficient.interval.lower);
            self.check(&format!("p/{j}"), coefficient.p_value);
        }
        self.check("deviance", Ok(scores.fit.deviance));
        self.check("null_deviance", Ok(scores.fit.null_deviance));
        self.check("auc", scores.c_statistic);
    }
}

fn scores(data: &str, outcome: &str, terms: Vec<Term>) -> PropensityScores {
    let cohort = cohort(data);
    let outcome = Level { column: outcome.into(), level: "1".into() };
    let query = LogisticQuery::new(outcome, terms);
    propensity(&cohort, &Selection::all(&cohort), &query).unwrap()
}

fn factor(column: &str, reference: &str) -> Term {
    Term::Factor { column: column.into(), reference: Some(reference.into()) }
}

/// The propensity model of the rotterdam study, whose 43 repeated scores decide ties in matching.
#[test]
fn rotterdam_agrees_with_r() {
    let terms = vec![
        Term::linear("age"),
        factor("meno", "0"),
        factor("size", "<=20"),
        factor("grade", "2"),
        Term::linear("nodes"),
        Term::linear("pgr"),
        Term::linear("er"),
        factor("chemo", "0"),
    ];
    let scores = scores("rotterdam", "hormon", terms);
    let golden = Golden::read("rotterdam_hormon_ps");
    golden.check_scores(&scores);
    for (row, &eta) in scores.linear_predictor.iter().enumerate() {
        golden.check(&format!("linear_predictor/{row}"), Ok(eta));
        golden.check(&format!("fitted/{row}"), Ok(scores.probability[row]));
    }
    let distinct: BTreeSet<u64> = scores.linear_predictor.iter().map(|eta| eta.to_bits()).collect();
    assert_eq!(scores.linear_predictor.len() - distinct.len(), 43);
}

/// `glm` in R 4.2.2 on the data `lalonde`, again without those outside of the range of the other arm's
/// linear predictors, as `matchit(discard = ..., reestimate = TRUE)` does: how many are set aside, how
/// many of them are exposed, and of those left the first linear predictor, mean, standard deviation
/// and the coefficient of age.
#[test]
fn scores_in_the_common_support_agree_with_r() {
    let cohort = cohort("lalonde");
    let mut terms = vec![Term::linear("age"), Term::linear("educ"), Term::factor("race")];
    terms.extend(["married", "nodegree", "re74", "re75"].map(Term::linear));
    let query = LogisticQuery::new(Level { column: "treat".into(), level: "1".into() }, terms);
    let fit =
        |rule| propensity_in_support(&cohort, &Selection::all(&cohort), &query, rule).unwrap();
    let cases = [
        (
            Discard::Both,
            (65, 8),
            [
                0.503_995_716_322_192_4,
                -1.160_303_582_657_342_7,
                1.578_445_837_835_656,
                0.011_735_674_185_535_3,
            ],
        ),
        (
            Discard::Comparators,
            (57, 0),
            [
                0.578_423_460_131_890_3,
                -1.117_869_628_760_792_3,
                1.628_177_934_004_578_3,
                0.015_609_131_191_203_1,
            ],
        ),
        (
            Discard::Exposed,
            (8, 8),
            [
                0.497_628_649_245_240_3,
                -1.459_952_724_829_760_4,
                1.749_754_404_024_419_2,
                0.012_055_074_178_742_7,
            ],
        ),
    ];
    for (rule, counts, expected) in cases {
        let found = fit(rule);
        // The exposed are the first 185 rows.
        let n_exposed = found.discarded.iter().filter(|&&row| row < 185).count();
        assert_eq!((found.discarded.len(), n_exposed), counts);
        assert_eq!(found.rows.len() + found.discarded.len(), 614);
        let eta = &found.linear_predictor;
        let mean = eta.iter().sum::<f64>() / eta.len() as f64;
        let age = found.fit.coefficients[1].estimate.unwrap();
        let got = [eta[0], mean, found.linear_predictor_sd.unwrap(), age];
        for (got, want) in got.iter().zip(expected) {
            assert!((got - want).abs() < 1e-10, "{rule:?}: {got} instead of {want}");
        }
    }
    let everybody = propensity(&cohort, &Selection::all(&cohort), &query).unwrap();
    assert_eq!(fit(Discard::None), everybody);
}

#[test]
fn interactions_agree_with_r() {
    let (hormon, grade) = (Term::factor("hormon"), Term::factor("grade"));
    let interaction = Term::interaction(hormon.clone(), grade.clone());
    let terms = vec![hormon, grade, Term::linear("nodes"), interaction];
    Golden::read("gbsg_interaction").check_scores(&scores("gbsg", "status", terms));
}

/// `glm(hormon ~ ns(age, df = 3) + ns(nodes, knots = c(3, 7)) + meno, binomial, gbsg)`, with the
/// standard errors at the maximum.
#[test]
fn splines_agree_with_r() {
    let knots = SplineKnots::At(vec![3.0, 7.0]);
    let nodes = Term::Spline { column: "nodes".into(), knots, boundary: None };
    let scores =
        scores("gbsg", "hormon", vec![Term::spline("age", 3), nodes, Term::linear("meno")]);
    let want = [
        ("intercept", -1.657_914_111_753_117_3, 0.875_750_683_621_814),
        ("ns(age)1", 0.787_307_796_936_562_7, 0.672_781_821_632_136),
        ("ns(age)2", 1.054_278_254_766_663_8, 1.913_760_241_744_77),
        ("ns(age)3", 1.269_131_149_311_825_6, 0.748_961_315_419_796),
        ("ns(nodes)1", 0.141_619_017_415_393_2, 0.669_654_504_994_419),
        ("ns(nodes)2", -0.078_280_356_101_789_5, 0.822_224_816_530_774),
        ("ns(nodes)3", -0.802_047_940_856_090_2, 1.617_734_909_837_04),
        ("meno", 0.787_209_115_006_834, 0.302_446_287_983_056),
    ];
    for (own, (name, coefficient, error)) in scores.fit.coefficients.iter().zip(want) {
        assert_eq!(own.name, name);
        for (got, want) in [(own.estimate, coefficient), (own.standard_error, error)] {
            let got = got.unwrap();
            assert!((got - want).abs() <= 1e-8 * want.abs(), "{name}: {got} instead of {want}");
        }
    }
    assert!((scores.fit.deviance - 834.420_737_129_452).abs() < 1e-8);
}

fn fit(data: &str, query: &LogisticQuery) -> LogisticFit {
    let cohort = cohort(data);
    logistic(&cohort, &Selection::all(&cohort), query).unwrap()
}

fn assert_near(got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() <= tolerance, "{got} instead of {want}");
    }
}

/// R's scoring approaches the maximum of a probit linearly, and `glm(epsilon = 1e-14)` stops 1.3e-9
/// short of it. The values here are those of the same scoring in R 4.2.2 run for 60 steps.
#[test]
fn a_probit_agrees_with_the_scoring_of_r_run_to_its_end() {
    let terms = ["age", "educ", "married"].map(Term::linear).to_vec();
    let outcome = Level { column: "treat".into(), level: "1".into() };
    let query = LogisticQuery {
        options: LogisticOptions { link: Link::Probit, ..LogisticOptions::default() },
        ..LogisticQuery::new(outcome, terms)
    };
    let fit = fit("lalonde", &query);
    let part = |part: fn(&propensity::LogisticCoefficient) -> Estimate| -> Vec<f64> {
        fit.coefficients.iter().map(|coefficient| part(coefficient).unwrap()).collect()
    };
    let coefficients = [
        -0.193_499_024_090_483_7,
        0.000_905_374_586_361_229_9,
        -0.003_433_475_107_820_919,
        -0.893_267_775_804_468_7,
    ];
    let errors = [
        0.287_749_501_843_958_53,
        0.006_092_578_957_031_385,
        0.021_609_934_986_435_73,
        0.127_552_422_918_618_32,
    ];
    assert_near(&part(|coefficient| coefficient.estimate), &coefficients, 1e-12);
    assert_near(&part(|coefficient| coefficient.standard_error), &errors, 1e-12);
    let golden = Golden::read("lalonde_probit");
    let of_r: Vec<f64> = (0..4).filter_map(|j| golden.0["expect"]["coef"][j].as_f64()).collect();
    assert_near(&part(|coefficient| coefficient.estimate), &of_r, 2e-9);
}

/// `hatvalues` in R has the weights of the last step but one, here 1e-9 away from the maximum.
#[test]
fn weighted_leverages_agree_with_r_to_its_last_step() {
    let outcome = Level { column: "event".into(), level: "1".into() };
    let terms = vec![Term::linear("age"), factor("sex", "1")];
    let query = LogisticQuery {
        weights: Some(WeightColumn { column: "w".into(), kind: WeightKind::Sampling }),
        extras: LogisticExtras { subjects: true, ..LogisticExtras::default() },
        ..LogisticQuery::new(outcome, terms)
    };
    let influence = fit("lung", &query).subjects.unwrap().influence.unwrap();
    let golden = Golden::read("lung_weighted");
    let of_r = golden.0["expect"]["leverage"].as_array().unwrap();
    let of_r: Vec<f64> = of_r.iter().filter_map(Value::as_f64).collect();
    assert_near(&influence.leverage, &of_r, 1.1e-9);
    // Leverages add up to the number of coefficients.
    assert!((influence.leverage.iter().sum::<f64>() - 3.0).abs() < 1e-12);
}
