//! What must hold for any data.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{CaveatCode, Cohort, Column, Selection, Term};
use propensity::{Level, LogisticQuery, propensity};
use proptest::prelude::*;
use weighting::{
    Entropy, Estimand, InverseProbability, ScoreScale, Target, Truncation, WeightMethod,
    WeightingError, Weights, WeightsQuery, weigh,
};

/// Exposure and two covariates of one subject.
type Subject = (bool, f64, f64);

fn subjects() -> impl Strategy<Value = Vec<Subject>> {
    let x = (-20..20i32).prop_map(|x| f64::from(x) / 10.0);
    let both = |subjects: &Vec<Subject>| {
        subjects.iter().any(|subject| subject.0) && !subjects.iter().all(|subject| subject.0)
    };
    proptest::collection::vec((any::<bool>(), x.clone(), x), 12..60)
        .prop_filter("both arms are needed", both)
}

/// The subjects with their numbers as ids, so that their order is that of the ids.
fn cohort(subjects: &[Subject], order: &[usize]) -> Cohort {
    let column = |name: &str, value: fn(&Subject) -> f64| {
        Column::numeric(name, order.iter().map(|&index| value(&subjects[index])).collect())
    };
    let columns = vec![
        column("t", |subject| f64::from(u8::from(subject.0))),
        column("x", |subject| subject.1),
        column("z", |subject| subject.2),
    ];
    let ids = order.iter().map(ToString::to_string).collect();
    Cohort::new(Some(ids), columns).unwrap()
}

fn plain(subjects: &[Subject]) -> Cohort {
    cohort(subjects, &(0..subjects.len()).collect::<Vec<_>>())
}

fn terms() -> Vec<Term> {
    vec![Term::linear("x"), Term::linear("z")]
}

fn query(method: WeightMethod) -> WeightsQuery {
    WeightsQuery { exposure: "t".into(), exposed: "1".into(), method, truncation: None }
}

fn entropy(target: Target) -> WeightsQuery {
    query(WeightMethod::EntropyBalancing(Entropy::new(terms(), target)))
}

fn by_score(estimand: Estimand) -> WeightsQuery {
    query(WeightMethod::InverseProbability(InverseProbability {
        score: "logit".into(),
        scale: ScoreScale::Logit,
        estimand,
        stabilised: false,
    }))
}

/// The cohort with the logits of a model of both covariates; none where the arms are separated.
fn scored(mut cohort: Cohort) -> Option<Cohort> {
    let level = Level { column: "t".into(), level: "1".into() };
    let query = LogisticQuery::new(level, terms());
    let scores = propensity(&cohort, &Selection::all(&cohort), &query).unwrap();
    let doubts = [CaveatCode::Separation, CaveatCode::NotConverged];
    if scores.fit.caveats.iter().any(|caveat| doubts.contains(&caveat.code)) {
        return None;
    }
    let mut logits = vec![0.0; cohort.len()];
    for (row, logit) in scores.linear_predictor.iter().enumerate() {
        logits[cohort.caller_row(row)] = *logit;
    }
    cohort.push(Column::numeric("logit", logits)).unwrap();
    Some(cohort)
}

fn weights_of(cohort: &Cohort, query: &WeightsQuery) -> Result<Weights, WeightingError> {
    weigh(cohort, &Selection::all(cohort), query)
}

/// Weighted mean of one arm; subjects stand in the order of their ids.
fn mean(subjects: &[Subject], weights: &[f64], arm: bool, value: fn(&Subject) -> f64) -> f64 {
    let own = || subjects.iter().zip(weights).filter(|(subject, _)| subject.0 == arm);
    let total: f64 = own().map(|(_, weight)| weight).sum();
    own().map(|(subject, weight)| weight * value(subject)).sum::<f64>() / total
}

const COVARIATES: [fn(&Subject) -> f64; 2] = [|subject| subject.1, |subject| subject.2];

proptest! {
    /// Li, Morgan and Zaslavsky (2018), theorem 3.
    #[test]
    fn overlap_weights_of_a_logistic_model_balance_its_covariates(subjects in subjects()) {
        let Some(cohort) = scored(plain(&subjects)) else { return Ok(()) };
        let found = weights_of(&cohort, &by_score(Estimand::Overlap)).unwrap();
        prop_assert!((found.exposed.sum - found.comparators.sum).abs() < 1e-9);
        for value in COVARIATES {
            let [exposed, comparators] =
                [true, false].map(|arm| mean(&subjects, &found.weights, arm, value));
            prop_assert!((exposed - comparators).abs() < 1e-9, "{exposed} and {comparators}");
        }
    }

    #[test]
    fn entropy_balancing_brings_the_means_asked_for(subjects in subjects(), target in 0..3usize) {
        let target = [Target::Everybody, Target::Exposed, Target::Comparators][target];
        let found = match weights_of(&plain(&subjects), &entropy(target)) {
            Err(error) => {
                prop_assert!(matches!(error, WeightingError::Unreachable { .. }), "{error}");
                return Ok(());
            }
            Ok(found) => found,
        };
        for (mean_of, value) in found.means.iter().zip(COVARIATES) {
            for arm in [true, false] {
                let got = mean(&subjects, &found.weights, arm, value);
                prop_assert!((got - mean_of.target).abs() < 1e-7, "{got} of {mean_of:?}");
            }
        }
        let n = match target {
            Target::Everybody => subjects.len(),
            Target::Exposed => found.exposed.n,
            Target::Comparators => found.comparators.n,
        };
        for arm in [&found.exposed, &found.comparators] {
            prop_assert!((arm.sum - n as f64).abs() < 1e-9 * n as f64);
            prop_assert!(arm.effective_sample_size <= arm.n as f64 * (1.0 + 1e-12));
        }
    }

    /// Terms times themselves balance moments, terms times others products.
    #[test]
    fn entropy_balancing_brings_higher_moments(
        subjects in proptest::collection::vec((any::<bool>(), -20..20i32, -20..20i32), 30..120),
        target in 0..3usize,
    ) {
        let mut subjects: Vec<Subject> = subjects
            .into_iter()
            .map(|(arm, x, z)| (arm, f64::from(x) / 10.0, f64::from(z) / 10.0))
            .collect();
        (subjects[0].0, subjects[1].0) = (true, false);
        let product = |a: Term, b: &str| Term::Interaction(Box::new(a), Box::new(Term::linear(b)));
        let square = |name: &str| product(Term::linear(name), name);
        let mut asked = terms();
        asked.extend([square("x"), square("z"), product(Term::linear("x"), "z")]);
        asked.push(product(square("x"), "x"));
        let target = [Target::Everybody, Target::Exposed, Target::Comparators][target];
        let asked = query(WeightMethod::EntropyBalancing(Entropy::new(asked, target)));
        let found = match weights_of(&plain(&subjects), &asked) {
            Err(error) => {
                prop_assert!(matches!(error, WeightingError::Unreachable { .. }), "{error}");
                return Ok(());
            }
            Ok(found) => found,
        };
        let moments: [fn(&Subject) -> f64; 6] = [
            |s| s.1, |s| s.2, |s| s.1 * s.1, |s| s.2 * s.2, |s| s.1 * s.2, |s| s.1 * s.1 * s.1,
        ];
        for (mean_of, value) in found.means.iter().zip(moments) {
            for arm in [true, false] {
                let got = mean(&subjects, &found.weights, arm, value);
                prop_assert!((got - mean_of.target).abs() < 1e-6, "{got} of {mean_of:?}");
            }
        }
        let spread = |arm: bool| {
            let mean = |value| mean(&subjects, &found.weights, arm, value);
            mean(|s| s.1 * s.1) - mean(|s| s.1) * mean(|s| s.1)
        };
        prop_assert!((spread(true) - spread(false)).abs() < 1e-6);
    }

    #[test]
    fn the_order_of_the_rows_changes_no_bit(
        (subjects, order) in subjects().prop_flat_map(|subjects| {
            let order: Vec<usize> = (0..subjects.len()).collect();
            (Just(subjects), Just(order).prop_shuffle())
        }),
        estimand in 0..5usize,
    ) {
        let (sorted, shuffled) = (plain(&subjects), cohort(&subjects, &order));
        let balanced = entropy(Target::Everybody);
        prop_assert_eq!(weights_of(&sorted, &balanced), weights_of(&shuffled, &balanced));
        let (Some(sorted), Some(shuffled)) = (scored(sorted), scored(shuffled)) else {
            return Ok(());
        };
        use Estimand::{Atc, Ate, Att, Matching, Overlap};
        let query = WeightsQuery {
            truncation: Some(Truncation { lower: 0.05, upper: 0.9 }),
            ..by_score([Ate, Att, Atc, Overlap, Matching][estimand])
        };
        prop_assert_eq!(weights_of(&sorted, &query), weights_of(&shuffled, &query));
    }

    #[test]
    fn exchanged_arms_exchange_the_estimands(subjects in subjects()) {
        let exchanged: Vec<Subject> =
            subjects.iter().map(|&(exposed, x, z)| (!exposed, x, z)).collect();
        let (Some(one), Some(other)) = (scored(plain(&subjects)), scored(plain(&exchanged))) else {
            return Ok(());
        };
        use Estimand::{Atc, Ate, Att, Matching, Overlap};
        for (estimand, mirrored) in
            [(Ate, Ate), (Att, Atc), (Overlap, Overlap), (Matching, Matching)]
        {
            let weights = weights_of(&one, &by_score(estimand)).unwrap().weights;
            let mirror = weights_of(&other, &by_score(mirrored)).unwrap().weights;
            for (weight, mirror) in weights.iter().zip(mirror) {
                prop_assert!((weight - mirror).abs() <= 1e-8 * weight.max(1.0));
            }
        }
    }

    /// Weights of the average effect in everybody are those of both arms added up.
    #[test]
    fn estimands_are_made_of_each_other(subjects in subjects()) {
        let Some(cohort) = scored(plain(&subjects)) else { return Ok(()) };
        let weights = |estimand| weights_of(&cohort, &by_score(estimand)).unwrap().weights;
        let both = weights(Estimand::Att).into_iter().zip(weights(Estimand::Atc));
        for (weight, (exposed, comparators)) in weights(Estimand::Ate).iter().zip(both) {
            prop_assert!((weight - exposed - comparators).abs() <= 1e-12 * weight);
        }
    }
}

/// Two of three exposed and one of three others at `x = 1`: the scores are shares, 2/3 and 1/3.
fn six() -> Vec<Subject> {
    [(true, 1.0), (true, 1.0), (true, 0.0), (false, 1.0), (false, 0.0), (false, 0.0)]
        .map(|(exposed, x)| (exposed, x, 0.0))
        .to_vec()
}

#[test]
fn six_subjects_by_hand() {
    let cohort = scored(plain(&six())).unwrap();
    let found = weights_of(&cohort, &by_score(Estimand::Ate)).unwrap();
    for (got, want) in found.weights.iter().zip([1.5, 1.5, 3.0, 3.0, 1.5, 1.5]) {
        assert!((got - want).abs() < 1e-12, "{got} instead of {want}");
    }
    // 6² / (1.5² + 1.5² + 3²)
    assert!((found.exposed.effective_sample_size - 36.0 / 13.5).abs() < 1e-12);
    let overlap = found.overlap.unwrap();
    assert_eq!(overlap.share_in_equipoise(), Ok(1.0));
    let balanced = weights_of(&cohort, &entropy(Target::Exposed)).unwrap();
    for (got, want) in balanced.weights.iter().zip([1.0, 1.0, 1.0, 2.0, 0.5, 0.5]) {
        assert!((got - want).abs() < 1e-12, "{got} instead of {want}");
    }
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let mut cohort = plain(&six());
    cohort.push(Column::numeric("score", vec![0.5, 0.5, 0.0, 0.5, 1.0, 0.5])).unwrap();
    cohort.push(Column::numeric("wide", vec![0.5, 0.5, 0.5, 1.5, 0.5, 0.5])).unwrap();
    cohort.push(Column::numeric("certain", vec![1.0, 1.0, 1.0, 0.5, 0.5, 0.5])).unwrap();
    let ask = |score: &str, estimand, stabilised| {
        let score = score.to_string();
        let scale = ScoreScale::Probability;
        let asked = InverseProbability { score, scale, estimand, stabilised };
        weights_of(&cohort, &query(WeightMethod::InverseProbability(asked)))
    };
    let infinite = WeightingError::InfiniteWeight { column: "score".into(), row: 2, n: 2 };
    assert_eq!(ask("score", Estimand::Ate, false), Err(infinite));
    assert_eq!(ask("score", Estimand::Overlap, false).unwrap().weights[2], 1.0);
    let outside = WeightingError::NotAProbability { column: "wide".into(), row: 3 };
    assert_eq!(ask("wide", Estimand::Att, false), Err(outside));
    let nobody = WeightingError::ArmWithoutWeight { subjects: 3 };
    assert_eq!(ask("certain", Estimand::Overlap, false), Err(nobody));
    let subgroup = Err(WeightingError::StabilisedSubgroup);
    assert_eq!(ask("score", Estimand::Att, true), subgroup);
}
