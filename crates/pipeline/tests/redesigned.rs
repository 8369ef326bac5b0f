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
    Bootstrap, BootstrapQuery, DesignQuery, IntervalMethod, IntervalsQuery, RedesignQuery, Scope,
    ScoreQuery,
};
use propensity::{Discard, Level, Link, LogisticQuery, propensity_in_support};
use survival::{CurvesQuery, Measure, SurvivalQuantity, SurvivalStatisticQuery, curves};
use weighting::{
    Entropy, Estimand, InverseProbability, ScoreScale, Target, Truncation, WeightMethod,
    WeightsQuery, weigh,
};

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

fn query(Design { design, discard, model, .. }: &Design, n: u64) -> BootstrapQuery {
    let scale = ScoreScale::Logit;
    let score = model.clone().map(|model| ScoreQuery { model, discard: *discard, scale });
    let smd = SmdQuery {
        exposure: "arm".into(),
        exposed: "yes".into(),
        variables: vec![Variable::Numeric("x".into()), Variable::Categorical("grade".into())],
    };
    BootstrapQuery {
        survival: Some(survival_query()),
        cox: vec![cox_query()],
        smd: Some(smd),
        scope: Scope::Pipeline(Box::new(RedesignQuery { score, design: design.clone() })),
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

/// Score, design and analysis as a study has them.
fn analysed(cohort: &Cohort, Design { design, discard, model, .. }: &Design) -> Vec<Estimate> {
    let mut cohort = cohort.clone();
    let everyone = Selection::all(&cohort);
    let column = |name: &str, rows: &[usize], values: &[f64]| {
        let mut all = vec![0.0; everyone.len()];
        rows.iter().zip(values).for_each(|(&row, &value)| all[row] = value);
        Column::numeric(name, all)
    };
    let mut rows = everyone.clone();
    if let Some(model) = model {
        let scores = propensity_in_support(&cohort, &everyone, model, *discard).unwrap();
        let values = match model.options.link {
            Link::Logit => &scores.linear_predictor,
            _ => &scores.probability,
        };
        cohort.push(column("score", &scores.rows, values)).unwrap();
        rows = Selection::of(&cohort, scores.rows.iter().copied()).unwrap();
    }
    let variables = vec![Variable::Numeric("x".into()), Variable::Categorical("grade".into())];
    let balance_query = BalanceQuery::new("arm", "yes", variables);
    let smd = |cohort: &Cohort, rows: &Selection, weights: Option<String>| -> Vec<Estimate> {
        let asked = BalanceQuery { weights, ..balance_query.clone() };
        let table = balance(cohort, rows, &everyone, &asked).unwrap();
        table.rows.iter().map(|row| row.differences.standardised.pooled).collect()
    };
    let before = smd(&cohort, &everyone, None);
    let (values, sizes) = match design {
        DesignQuery::Matching(query) => {
            let sample = match_pairs(&cohort, &rows, query).unwrap();
            let n_sets = match sample.subclass.iter().max() {
                Some(&last) => last as usize,
                None => sample.pairs.chunk_by(|a, b| a.exposed == b.exposed).count(),
            };
            (sample.weights, vec![n_sets as f64])
        }
        DesignQuery::Weighting(query) => {
            let found = match weigh(&cohort, &rows, query) {
                Ok(found) => found,
                Err(error) => {
                    let nothing = |n: usize| vec![Err(error.impossibility().unwrap()); n];
                    return [nothing(3), before, nothing(4)].concat();
                }
            };
            let arms = [found.exposed, found.comparators];
            (found.weights, arms.map(|arm| arm.effective_sample_size).to_vec())
        }
    };
    cohort.push(column("weight", rows.rows(), &values)).unwrap();
    let weights = cohort.numeric("weight", &everyone).unwrap();
    let members = everyone.filter(|row| weights[row] > 0.0);
    let weight = || {
        let differ = values.iter().any(|&weight| weight != 0.0 && weight != 1.0);
        differ.then(|| WeightColumn { column: "weight".into(), kind: WeightKind::Sampling })
    };
    let asked = CurvesQuery {
        group: Some("arm".into()),
        weights: weight(),
        times: vec![6.0],
        restricted_mean_times: vec![6.0],
        ..CurvesQuery::new(EndpointColumns::new("time", "event"))
    };
    let groups = curves(&cohort, &members, &asked).unwrap().groups;
    let survival = |arm: usize| groups[arm].at_times[0].survival;
    let mean = |arm: usize| groups[arm].restricted_means[0].mean;
    let fit = cox(&cohort, &members, &CoxQuery { weights: weight(), ..cox_query() }).unwrap();
    let mut found = vec![
        survival(1).and_then(|one| Ok(one - survival(0)?)),
        mean(1).and_then(|one| Ok(one - mean(0)?)),
        fit.coefficients[0].estimate,
    ];
    found.extend(before);
    found.extend(smd(&cohort, &members, Some("weight".into())));
    found.extend(sizes.into_iter().map(Ok));
    found
}

/// Nearest neighbours by score with a caliper.
fn nearest() -> MatchQuery {
    MatchQuery {
        caliper: Some(Caliper { width: 0.2, scale: CaliperScale::StandardDeviations }),
        ..MatchQuery::nearest("arm", "yes", "score")
    }
}

/// What makes the arms comparable.
struct Design {
    name: &'static str,
    design: DesignQuery,
    discard: Discard,
    /// The model of the score, if there is a score.
    model: Option<LogisticQuery>,
}

impl Design {
    fn matched(name: &'static str, query: MatchQuery) -> Self {
        let design = DesignQuery::Matching(query);
        Self { name, design, discard: Discard::None, model: Some(model()) }
    }

    fn weighted(name: &'static str, query: WeightsQuery) -> Self {
        Self { design: DesignQuery::Weighting(query), ..Self::matched(name, nearest()) }
    }

    fn without(self, discard: Discard) -> Self {
        Self { discard, ..self }
    }

    fn scored_by(self, model: impl Into<Option<LogisticQuery>>) -> Self {
        Self { model: model.into(), ..self }
    }
}

fn matched_designs() -> Vec<Design> {
    let with = |method| MatchQuery { method, ..nearest() };
    let nearest_with = |options| with(Method::Nearest(options));
    let options = NearestOptions::default();
    let site = |rule| Some(Site { column: "site".into(), rule });
    let classes = MatchQuery {
        method: Method::Subclass(SubclassOptions::default()),
        ..MatchQuery::nearest("arm", "yes", "score")
    };
    let of = Design::matched;
    vec![
        of("nearest", nearest()),
        of("exact", MatchQuery { exact: vec!["grade".into()], ..nearest() }),
        of("site", MatchQuery { site: site(SiteRule::Exact), ..nearest() }),
        of("preferred site", MatchQuery { site: site(SiteRule::Prefer), ..nearest() }),
        of("estimated again", nearest()).without(Discard::Both),
        of("optimal", with(Method::Optimal(OptimalOptions::default()))),
        of("replacement", nearest_with(NearestOptions { replacement: true, ..options })),
        of("two partners", nearest_with(NearestOptions { ratio: Ratio::Fixed(2), ..options })),
        of("full", with(Method::Full(FullOptions::default()))),
        of("classes", classes),
        of("knots", nearest()).scored_by(curved()),
        of("knots estimated again", nearest()).without(Discard::Both).scored_by(curved()),
        of("separated", nearest()).scored_by(separated()),
        of("separated, estimated again", nearest())
            .without(Discard::Exposed)
            .scored_by(separated()),
    ]
}

fn weights(method: WeightMethod, truncation: Option<Truncation>) -> WeightsQuery {
    WeightsQuery { exposure: "arm".into(), exposed: "yes".into(), method, truncation }
}

/// Weights from the score, stabilised, cut at two quantiles, or neither.
fn by_score(estimand: Estimand, stabilised: bool, cut: bool) -> WeightsQuery {
    let scale = ScoreScale::Logit;
    let asked = InverseProbability { score: "score".into(), scale, estimand, stabilised };
    let truncation = cut.then_some(Truncation { lower: 0.05, upper: 0.9 });
    weights(WeightMethod::InverseProbability(asked), truncation)
}

fn by_entropy(target: Target, stabilised: bool) -> WeightsQuery {
    let square = Term::interaction(Term::linear("x"), Term::linear("x"));
    let terms = vec![Term::linear("x"), Term::factor("grade"), square];
    let asked = Entropy { stabilised, ..Entropy::new(terms, target) };
    weights(WeightMethod::EntropyBalancing(asked), None)
}

/// A score by another link, which has probabilities alone.
fn probit() -> LogisticQuery {
    let mut model = model();
    model.options.link = Link::Probit;
    model
}

/// Weights of that score, as an analysis has them that reads it from a column.
fn by_probability() -> WeightsQuery {
    let mut query = by_score(Estimand::Overlap, false, false);
    if let WeightMethod::InverseProbability(asked) = &mut query.method {
        asked.scale = ScoreScale::Probability;
    }
    query
}

fn weighted_designs() -> Vec<Design> {
    let of = Design::weighted;
    vec![
        of("ATE", by_score(Estimand::Ate, false, false)),
        of("ATE, stabilised", by_score(Estimand::Ate, true, false)),
        of("ATE, stabilised and cut", by_score(Estimand::Ate, true, true)),
        of("ATT", by_score(Estimand::Att, false, false)),
        of("ATC, cut", by_score(Estimand::Atc, false, true)),
        of("overlap", by_score(Estimand::Overlap, false, false)),
        of("matching weights", by_score(Estimand::Matching, false, false)),
        of("weights of knots", by_score(Estimand::Ate, true, false)).scored_by(curved()),
        of("weights in support", by_score(Estimand::Att, false, false)).without(Discard::Both),
        of("separated weights", by_score(Estimand::Overlap, false, false)).scored_by(separated()),
        of("probit", by_probability()).scored_by(probit()),
        of("entropy, ATE", by_entropy(Target::Everybody, true)).scored_by(None),
        of("entropy, ATT", by_entropy(Target::Exposed, false)).scored_by(None),
        of("entropy, ATC", by_entropy(Target::Comparators, false)).scored_by(None),
    ]
}

fn designs() -> Vec<Design> {
    matched_designs().into_iter().chain(weighted_designs()).collect()
}

/// Forty replicates of each design against a table that has a row for every copy.
#[test]
fn replicates_are_the_analysis_of_repeated_patients() {
    let cohort = patients();
    let everyone = Selection::all(&cohort);
    let n = 40;
    let mut n_unbalanced = 0;
    for design in designs() {
        let (name, query) = (design.name, query(&design, n));
        let bootstrap = Bootstrap::read(&cohort, &everyone, &query).unwrap();
        let found = bootstrap.replicates(0..n).unwrap();
        let mut n_compared = 0;
        for (rows, got) in
            drawn_rows(query.plan).iter().zip(found.answers.chunks(found.n_quantities))
        {
            let want = analysed(&laid_out(&cohort, rows), &design);
            assert_eq!(got.len(), want.len(), "{name}");
            let unbalanced = Err(NotEstimable::NoWeights);
            assert_eq!(got[0].value == unbalanced, want[0] == unbalanced, "{name}");
            n_unbalanced += usize::from(want[0] == unbalanced);
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
    // Some have means that the exposed cannot be given.
    assert!(n_unbalanced > 0);
}

/// What the analysis says that knows of no replicates: of pairs bit for bit.
#[test]
fn everybody_once_is_the_study() {
    let cohort = patients();
    let everyone = Selection::all(&cohort);
    for design in designs() {
        let (name, query) = (design.name, query(&design, 9));
        let bootstrap = Bootstrap::read(&cohort, &everyone, &query).unwrap();
        let replicates = bootstrap.replicates(0..9).unwrap();
        let intervals =
            IntervalsQuery { methods: vec![IntervalMethod::Percentile], confidence: 0.9 };
        let found = bootstrap.intervals(&replicates, &intervals).unwrap();
        let want = analysed(&cohort, &design);
        for (quantity, want) in found.iter().zip(want) {
            let (got, want) = (quantity.estimate.unwrap(), want.unwrap());
            let is_same = match design.design.has_weights() {
                true => (got - want).abs() <= 1e-13 * want.abs().max(1.0),
                false => got.to_bits() == want.to_bits(),
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
    let design = Design::matched("separated", nearest()).scored_by(separated());
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
    let weighted = Design::weighted("ATE", by_score(Estimand::Ate, true, true));
    for design in [Design::matched("nearest", nearest()), weighted] {
        accelerated(&cohort, &everyone, &design);
    }
}

fn accelerated(cohort: &Cohort, everyone: &Selection, design: &Design) {
    let whole = analysed(cohort, design);
    let others = |left_out: usize| (0..N).filter(|&row| row != left_out).collect::<Vec<_>>();
    let without: Vec<Vec<Estimate>> =
        (0..N).map(|row| analysed(&laid_out(cohort, &others(row)), design)).collect();
    let bootstrap_query = query(design, 9);
    let bootstrap = Bootstrap::read(cohort, everyone, &bootstrap_query).unwrap();
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
        let name = (design.name, &found.name);
        assert!((got - want).abs() < 1e-6, "{name:?}: {got} instead of {want}");
    }
}
