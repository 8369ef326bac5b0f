//! A replicate of scope pipeline is the analysis of repeated patients.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use balance::{BalanceQuery, SmdQuery, Variable, balance};
use bootstrap::{Plan, Resampling, Units, replicate};
use cohort::{
    Cohort, Column, Counting, Drawn, EndpointColumns, Estimate, NotEstimable, Replicated,
    Selection, Statistic, Term, WeightColumn, WeightKind,
};
use cox::{CoxQuery, cox};
use matching::{
    Caliper, CaliperScale, FullOptions, MatchQuery, Method, NearestOptions, OptimalOptions, Ratio,
    Site, SiteRule, SubclassOptions, match_pairs,
};
use numerics::streams::Streams;
use pipeline::{
    Bootstrap, BootstrapQuery, IntervalMethod, IntervalsQuery, RematchQuery, Scope, ScoreQuery,
};
use propensity::{Discard, Level, LogisticQuery, propensity_in_support};
use survival::{CurvesQuery, Measure, SurvivalQuantity, SurvivalStatisticQuery, curves};
use weighting::ScoreScale;

const N: usize = 160;

/// Patients whose exposure and survival depend on two covariates; survival in whole months. Covariates are no
/// round numbers: of partners equally far above and below, rounding would choose.
fn patients() -> Cohort {
    let mut stream = Streams::new(5, "patients").stream(0);
    let mut uniform = || (stream.below(1_000_000) as f64 + 0.5) / 1e6;
    let (mut x, mut grade, mut site, mut arm) = (vec![], vec![], vec![], vec![]);
    let (mut time, mut event) = (vec![], vec![]);
    for _ in 0..N {
        let covariate = 2.0 * uniform() - 1.0;
        let level = (3.0 * uniform()) as u32;
        let exposed = uniform() < 1.0 / (1.0 + (1.2 - covariate - 0.4 * f64::from(level)).exp());
        let death = -uniform().ln() * 20.0 * (-0.5 * covariate).exp();
        let end = 36.0 * uniform();
        x.push(covariate);
        grade.push(level);
        site.push((2.0 * uniform()) as u32);
        arm.push(u32::from(exposed));
        time.push(death.min(end).ceil());
        event.push(f64::from(u8::from(death <= end)));
    }
    let levels = |n: u32| (0..n).map(|level| format!("g{level}")).collect();
    let sign = arm.iter().enumerate().map(|(row, &arm)| f64::from(arm) * f64::from(row % 3 == 0));
    let columns = vec![
        Column::numeric("sign", sign.collect()),
        Column::numeric("x", x),
        Column::categorical("grade", levels(3), grade),
        Column::categorical("site", levels(2), site),
        Column::categorical("arm", vec!["no".into(), "yes".into()], arm),
        Column::numeric("time", time),
        Column::numeric("event", event),
    ];
    Cohort::new(None, columns).unwrap()
}

fn model() -> LogisticQuery {
    let outcome = Level { column: "arm".into(), level: "yes".into() };
    LogisticQuery::new(outcome, vec![Term::linear("x"), Term::factor("grade")])
}

fn survival_query() -> SurvivalStatisticQuery {
    let of = |measure| SurvivalQuantity::Difference {
        measure,
        group: "yes".into(),
        reference: "no".into(),
    };
    SurvivalStatisticQuery {
        endpoint: EndpointColumns::new("time", "event"),
        group: Some("arm".into()),
        quantities: vec![
            of(Measure::SurvivalAt { time: 6.0 }),
            of(Measure::RestrictedMean { tau: 6.0 }),
        ],
    }
}

fn cox_query() -> CoxQuery {
    CoxQuery::new(EndpointColumns::new("time", "event"), vec![Term::factor("arm")])
}

/// The same with a curve, whose knots stand at the tertiles of whoever is there.
fn curved() -> LogisticQuery {
    LogisticQuery { terms: vec![Term::spline("x", 3), Term::factor("grade")], ..model() }
}

/// The same with a sign that some of the exposed have and none of the others.
fn separated() -> LogisticQuery {
    let terms = vec![Term::linear("x"), Term::factor("grade"), Term::linear("sign")];
    LogisticQuery { terms, ..model() }
}

fn query((_, matching, discard, model): &Design, n: u64) -> BootstrapQuery {
    let (matching, discard, model) = (matching.clone(), *discard, model.clone());
    let scale = ScoreScale::Logit;
    let smd = SmdQuery {
        exposure: "arm".into(),
        exposed: "yes".into(),
        variables: vec![Variable::Numeric("x".into()), Variable::Categorical("grade".into())],
    };
    BootstrapQuery {
        survival: Some(survival_query()),
        cox: vec![cox_query()],
        smd: Some(smd),
        scope: Scope::Pipeline(Box::new(RematchQuery {
            score: Some(ScoreQuery { model, discard, scale }),
            matching,
        })),
        ..BootstrapQuery::new(Plan::new(3, n, Resampling::WithReplacement).unwrap())
    }
}

/// Gives how often each subject was drawn.
struct Counted(usize);

impl Statistic for Counted {
    type Scratch = ();

    fn n_subjects(&self) -> usize {
        self.0
    }

    fn n_quantities(&self) -> usize {
        self.0
    }

    fn scratch(&self) {}

    fn evaluate(&self, drawn: &Drawn, (): &mut (), answers: &mut [Replicated]) {
        assert_eq!(drawn.counting, Counting::Subjects);
        for (replicate, answers) in answers.chunks_mut(self.0).enumerate() {
            for (answer, count) in answers.iter_mut().zip(drawn.replicate(replicate)) {
                *answer = Replicated::value(Ok(count));
            }
        }
    }
}

/// The rows of each replicate, repeated.
fn drawn_rows(plan: Plan) -> Vec<Vec<usize>> {
    let counts = replicate(&Counted(N), &Units::subjects(N), plan, 0..plan.n_replicates()).unwrap();
    let rows = |counts: &[Replicated]| {
        let row = |(row, count): (usize, &Replicated)| {
            std::iter::repeat_n(row, count.value.unwrap() as usize)
        };
        counts.iter().enumerate().flat_map(row).collect()
    };
    counts.answers.chunks(N).map(rows).collect()
}

/// A table with a row of its own for every copy, so that nothing knows of multiplicities.
fn laid_out(cohort: &Cohort, rows: &[usize]) -> Cohort {
    let everyone = Selection::all(cohort);
    let number = |name: &str| {
        let values = cohort.numeric(name, &everyone).unwrap();
        Column::numeric(name, rows.iter().map(|&row| values[row]).collect())
    };
    let category = |name: &str| {
        let categories = cohort.categories(name, &everyone).unwrap();
        let codes = rows.iter().map(|&row| categories.codes[row]).collect();
        Column::categorical(name, categories.levels, codes)
    };
    let mut columns: Vec<Column> = ["x", "sign", "time", "event"].map(number).to_vec();
    columns.extend(["grade", "site", "arm"].map(category));
    Cohort::new(None, columns).unwrap()
}

/// Score, matching and analysis as a study has them.
fn analysed(cohort: &Cohort, (_, query, discard, model): &Design) -> Vec<Estimate> {
    let mut cohort = cohort.clone();
    let everyone = Selection::all(&cohort);
    let scores = propensity_in_support(&cohort, &everyone, model, *discard).unwrap();
    let column = |name: &str, rows: &[usize], values: &[f64]| {
        let mut all = vec![0.0; everyone.len()];
        rows.iter().zip(values).for_each(|(&row, &value)| all[row] = value);
        Column::numeric(name, all)
    };
    cohort.push(column("score", &scores.rows, &scores.linear_predictor)).unwrap();
    let rows = Selection::of(&cohort, scores.rows.iter().copied()).unwrap();
    let sample = match_pairs(&cohort, &rows, query).unwrap();
    cohort.push(column("weight", rows.rows(), &sample.weights)).unwrap();
    let weights = cohort.numeric("weight", &everyone).unwrap();
    let matched = everyone.filter(|row| weights[row] > 0.0);
    let weight = || {
        let differ = sample.weights.iter().any(|&weight| weight != 0.0 && weight != 1.0);
        differ.then(|| WeightColumn { column: "weight".into(), kind: WeightKind::Sampling })
    };
    let asked = CurvesQuery {
        group: Some("arm".into()),
        weights: weight(),
        times: vec![6.0],
        restricted_mean_times: vec![6.0],
        ..CurvesQuery::new(EndpointColumns::new("time", "event"))
    };
    let groups = curves(&cohort, &matched, &asked).unwrap().groups;
    let survival = |arm: usize| groups[arm].at_times[0].survival;
    let mean = |arm: usize| groups[arm].restricted_means[0].mean;
    let fit = cox(&cohort, &matched, &CoxQuery { weights: weight(), ..cox_query() }).unwrap();
    let variables = vec![Variable::Numeric("x".into()), Variable::Categorical("grade".into())];
    let balance_query = BalanceQuery::new("arm", "yes", variables);
    let smd = |rows: &Selection, weights: Option<String>| -> Vec<Estimate> {
        let asked = BalanceQuery { weights, ..balance_query.clone() };
        let table = balance(&cohort, rows, &everyone, &asked).unwrap();
        table.rows.iter().map(|row| row.differences.standardised.pooled).collect()
    };
    let mut found = vec![
        survival(1).and_then(|one| Ok(one - survival(0)?)),
        mean(1).and_then(|one| Ok(one - mean(0)?)),
        fit.coefficients[0].estimate,
    ];
    found.extend(smd(&everyone, None));
    found.extend(smd(&matched, Some("weight".into())));
    let n_sets = match sample.subclass.iter().max() {
        Some(&last) => last as usize,
        None => sample.pairs.chunk_by(|a, b| a.exposed == b.exposed).count(),
    };
    found.push(Ok(n_sets as f64));
    found
}

/// Nearest neighbours by score with a caliper.
fn nearest() -> MatchQuery {
    MatchQuery {
        caliper: Some(Caliper { width: 0.2, scale: CaliperScale::StandardDeviations }),
        ..MatchQuery::nearest("arm", "yes", "score")
    }
}

/// A name, matching, who is set aside, and the model of the score.
type Design = (&'static str, MatchQuery, Discard, LogisticQuery);

fn designs() -> Vec<Design> {
    let with = |method| MatchQuery { method, ..nearest() };
    let options = NearestOptions::default();
    let site = |rule| Some(Site { column: "site".into(), rule });
    let designs = vec![
        ("nearest", nearest(), Discard::None),
        ("exact", MatchQuery { exact: vec!["grade".into()], ..nearest() }, Discard::None),
        ("site", MatchQuery { site: site(SiteRule::Exact), ..nearest() }, Discard::None),
        ("preferred site", MatchQuery { site: site(SiteRule::Prefer), ..nearest() }, Discard::None),
        ("estimated again", nearest(), Discard::Both),
        ("optimal", with(Method::Optimal(OptimalOptions::default())), Discard::None),
        (
            "replacement",
            with(Method::Nearest(NearestOptions { replacement: true, ..options })),
            Discard::None,
        ),
        (
            "two partners",
            with(Method::Nearest(NearestOptions { ratio: Ratio::Fixed(2), ..options })),
            Discard::None,
        ),
        ("full", with(Method::Full(FullOptions::default())), Discard::None),
        (
            "classes",
            MatchQuery {
                method: Method::Subclass(SubclassOptions::default()),
                ..MatchQuery::nearest("arm", "yes", "score")
            },
            Discard::None,
        ),
    ];
    let with_model = |(name, matching, discard)| (name, matching, discard, model());
    let mut designs: Vec<Design> = designs.into_iter().map(with_model).collect();
    designs.push(("knots", nearest(), Discard::None, curved()));
    designs.push(("knots estimated again", nearest(), Discard::Both, curved()));
    designs.push(("separated", nearest(), Discard::None, separated()));
    designs.push(("separated, estimated again", nearest(), Discard::Exposed, separated()));
    designs
}

/// Forty replicates of each design against a table that has a row for every copy.
#[test]
fn replicates_are_the_analysis_of_repeated_patients() {
    let cohort = patients();
    let everyone = Selection::all(&cohort);
    let n = 40;
    for design in designs() {
        let (name, query) = (design.0, query(&design, n));
        let bootstrap = Bootstrap::read(&cohort, &everyone, &query).unwrap();
        let found = bootstrap.replicates(0..n).unwrap();
        let mut n_compared = 0;
        for (rows, got) in
            drawn_rows(query.plan).iter().zip(found.answers.chunks(found.n_quantities))
        {
            let want = analysed(&laid_out(&cohort, rows), &design);
            assert_eq!(got.len(), want.len(), "{name}");
            for (quantity, (got, want)) in got.iter().zip(&want).enumerate() {
                match (got.value, want) {
                    (Ok(got), Ok(want)) => {
                        let is_close = (got - want).abs() < 1e-7;
                        assert!(is_close, "{name}, quantity {quantity}: {got} instead of {want}");
                        n_compared += 1;
                    }
                    (got, want) => {
                        assert_eq!(
                            got.is_err(),
                            want.is_err(),
                            "{name}, {quantity}: {got:?} {want:?}"
                        )
                    }
                }
            }
        }
        assert!(n_compared > 200, "{name}: {n_compared}");
    }
}

/// What the analysis says that knows of no replicates: of pairs bit for bit.
#[test]
fn everybody_once_is_the_study() {
    let cohort = patients();
    let everyone = Selection::all(&cohort);
    for design in designs() {
        let (name, query) = (design.0, query(&design, 9));
        let bootstrap = Bootstrap::read(&cohort, &everyone, &query).unwrap();
        let replicates = bootstrap.replicates(0..9).unwrap();
        let intervals =
            IntervalsQuery { methods: vec![IntervalMethod::Percentile], confidence: 0.9 };
        let found = bootstrap.intervals(&replicates, &intervals).unwrap();
        let want = analysed(&cohort, &design);
        for (quantity, want) in found.iter().zip(want) {
            let (got, want) = (quantity.estimate.unwrap(), want.unwrap());
            let is_same = match design.1.is_one_to_one() {
                true => got.to_bits() == want.to_bits(),
                false => (got - want).abs() < 1e-13,
            };
            assert!(is_same, "{name}, {}: {got} instead of {want}", quantity.name);
        }
    }
}

/// Where nobody is drawn who has one of the numbers that are read as levels, the others keep their names.
#[test]
fn numbers_as_levels_keep_their_names() {
    let mut cohort = patients();
    let everyone = Selection::all(&cohort);
    // Levels 1 and 2 are rare.
    let level = |row: usize| match row % 40 {
        7 => 1.0,
        18 => 2.0,
        _ => 3.0 + (row % 2) as f64,
    };
    let levels: Vec<f64> = (0..N).map(level).collect();
    cohort.push(Column::numeric("level", levels.clone())).unwrap();
    for wanted in [1.0, 2.0, 4.0] {
        let is_wanted = levels.iter().map(|&level| f64::from(u8::from(level == wanted)));
        cohort.push(Column::numeric(format!("level {wanted}"), is_wanted.collect())).unwrap();
    }
    let n = 60;
    let design = designs().swap_remove(0);
    let with = |terms| BootstrapQuery {
        survival: None,
        cox: vec![CoxQuery { terms, ..cox_query() }],
        ..query(&design, n)
    };
    let reference = Some("3".to_string());
    let by_level = vec![Term::factor("arm"), Term::Factor { column: "level".into(), reference }];
    let indicators = ["level 1", "level 2", "level 4"].map(Term::linear);
    let by_indicator = [vec![Term::factor("arm")], indicators.to_vec()].concat();
    let answers = |terms| {
        let query = with(terms);
        let bootstrap = Bootstrap::read(&cohort, &everyone, &query).unwrap();
        (bootstrap.names(), bootstrap.replicates(0..n).unwrap())
    };
    let ((names, by_level), (_, by_indicator)) = (answers(by_level), answers(by_indicator));
    let names: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[..4], ["arm=yes", "level=1", "level=2", "level=4"]);
    let mut n_missing = 0;
    for (got, want) in by_level.answers.iter().zip(&by_indicator.answers) {
        match (got.value, want.value) {
            (Ok(got), Ok(want)) => assert!((got - want).abs() < 1e-7, "{got} instead of {want}"),
            (got, want) => {
                assert!(got.is_err() && want.is_err(), "{got:?} instead of {want:?}");
                n_missing += usize::from(got == Err(NotEstimable::EmptyLevel));
            }
        }
    }
    assert!(n_missing > 0);
}

/// Some of the exposed have a sign that nobody else has: the study goes on with scores that are nearly 1, and
/// so does every replicate.
#[test]
fn a_separated_score_is_that_of_the_study() {
    let cohort = patients();
    let everyone = Selection::all(&cohort);
    let scores = propensity_in_support(&cohort, &everyone, &separated(), Discard::None).unwrap();
    let is_separated = |estimate: Estimate| estimate == Err(NotEstimable::Separation);
    assert!(scores.fit.coefficients.iter().any(|coefficient| is_separated(coefficient.estimate)));
    let design = ("separated", nearest(), Discard::None, separated());
    let bootstrap_query = query(&design, 16);
    let bootstrap = Bootstrap::read(&cohort, &everyone, &bootstrap_query).unwrap();
    let replicates = bootstrap.replicates(0..16).unwrap();
    let intervals = IntervalsQuery { methods: vec![IntervalMethod::Basic], confidence: 0.9 };
    let found = bootstrap.intervals(&replicates, &intervals).unwrap();
    let ratio = &found[2];
    assert_eq!((ratio.name.as_str(), ratio.estimate), ("arm=yes", analysed(&cohort, &design)[2]));
    assert_eq!(ratio.summary.n_failed(), 0);
}

/// The acceleration is that of analyses without each patient in turn: `Σ l³ / (6 (Σ l²)^1.5)` of the influences
/// `l = (n - 1)(θ - θ_(i))`.
#[test]
fn acceleration_is_that_of_everybody_but_one() {
    let cohort = patients();
    let everyone = Selection::all(&cohort);
    let design = designs().swap_remove(0);
    let whole = analysed(&cohort, &design);
    let others = |left_out: usize| (0..N).filter(|&row| row != left_out).collect::<Vec<_>>();
    let without: Vec<Vec<Estimate>> =
        (0..N).map(|row| analysed(&laid_out(&cohort, &others(row)), &design)).collect();
    let bootstrap_query = query(&design, 9);
    let bootstrap = Bootstrap::read(&cohort, &everyone, &bootstrap_query).unwrap();
    let replicates = bootstrap.replicates(0..9).unwrap();
    let intervals = IntervalsQuery { methods: vec![IntervalMethod::Bca], confidence: 0.9 };
    let found = bootstrap.intervals(&replicates, &intervals).unwrap();
    for (quantity, found) in found.iter().enumerate() {
        let influence = |without: &Vec<Estimate>| {
            (N as f64 - 1.0) * (whole[quantity].unwrap() - without[quantity].unwrap())
        };
        let power = |k: i32| without.iter().map(|one| influence(one).powi(k)).sum::<f64>();
        let want = power(3) / (6.0 * power(2).powf(1.5));
        let got = found.acceleration.unwrap().unwrap();
        assert!((got - want).abs() < 1e-6, "{}: {got} instead of {want}", found.name);
    }
}
