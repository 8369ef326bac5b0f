//! Comparison of curves.

use crate::common::{
    caveats_from, caveats_to, columns_from, correction_from, correction_to, count, count_from,
    endpoint_columns, endpoint_from, endpoint_to, enum_conversion, estimate_from, estimate_to,
    matrix_from, matrix_to, required_column, weights_from, weights_to,
};
use crate::pb::{common, survival as pb};
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use cohort::Selection;
use survival::{
    AdjustedPValue, Alternative, ComparedGroup, Comparison, ComparisonOptions, ComparisonQuery,
    FlemingHarrington, MaxCombo, MaxComboComponent, MaxComboQuery, PairTest, PairsWithin,
    PairwiseQuery, ScoreTest, TestVariance, TestWeights, Trend, TrendQuery,
};

enum_conversion!(
    variance_to,
    variance_from,
    TestVariance,
    pb::TestVariance,
    Some(TestVariance::default()),
    [Hypergeometric, Design]
);

enum_conversion!(
    within_to,
    within_from,
    PairsWithin,
    pb::PairsWithin,
    Some(PairsWithin::default()),
    [Pair, AllGroups]
);

enum_conversion!(
    alternative_to,
    alternative_from,
    Alternative,
    pb::Alternative,
    Some(Alternative::default()),
    [TwoSided, HigherHazard, LowerHazard]
);

/// Asks for a comparison.
#[must_use]
pub fn comparison_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &ComparisonQuery,
) -> pb::CompareCurvesRequest {
    let columns = endpoint_columns(&query.endpoint)
        .chain([query.group.as_str()])
        .chain(query.strata.iter().map(String::as_str))
        .chain(query.weights.iter().map(|weights| weights.column.as_str()));
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::CompareCurvesRequest {
        cohort,
        selection,
        endpoint: Some(endpoint_to(&query.endpoint)),
        group_column: query.group.clone(),
        strata_columns: query.strata.clone(),
        options: Some(options_to(&query.options)),
        case_weights: query.weights.as_ref().map(weights_to),
    }
}

pub(super) fn options_to(options: &ComparisonOptions) -> pb::ComparisonOptions {
    let (weights, early_power, late_power) = match options.weights {
        TestWeights::LogRank => (pb::TestWeights::LogRank, 0.0, 0.0),
        TestWeights::GehanBreslow => (pb::TestWeights::GehanBreslow, 0.0, 0.0),
        TestWeights::TaroneWare => (pb::TestWeights::TaroneWare, 0.0, 0.0),
        TestWeights::PetoPeto => (pb::TestWeights::PetoPeto, 0.0, 0.0),
        TestWeights::ModifiedPetoPeto => (pb::TestWeights::ModifiedPetoPeto, 0.0, 0.0),
        TestWeights::FlemingHarrington { p, q } => (pb::TestWeights::FlemingHarrington, p, q),
    };
    let trend = |trend: &TrendQuery| pb::TrendOptions { scores: trend.scores.clone() };
    let pairwise = |pairwise: &PairwiseQuery| pb::PairwiseOptions {
        within: within_to(pairwise.within),
        corrections: pairwise.corrections.iter().copied().map(correction_to).collect(),
    };
    let max_combo = |max_combo: &MaxComboQuery| pb::MaxComboOptions {
        weights: max_combo.weights.iter().copied().map(powers_to).collect(),
        alternative: alternative_to(max_combo.alternative),
    };
    pb::ComparisonOptions {
        weights: weights as i32,
        early_power,
        late_power,
        variance: variance_to(options.variance),
        trend: options.trend.as_ref().map(trend),
        pairwise: options.pairwise.as_ref().map(pairwise),
        max_combo: options.max_combo.as_ref().map(max_combo),
    }
}

fn powers_to(FlemingHarrington { p, q }: FlemingHarrington) -> pb::FlemingHarrington {
    pb::FlemingHarrington { early_power: p, late_power: q }
}

/// The options as they stand under `options`.
pub(super) fn options_from(
    violations: &mut Violations,
    options: pb::ComparisonOptions,
) -> Option<ComparisonOptions> {
    let weights = test_weights_from(violations, &options);
    let variance = variance_from(options.variance);
    let variance = violations.require_known("options.variance", variance);
    let pairwise = options.pairwise.map(|pairwise| pairwise_from(violations, &pairwise));
    let max_combo = options.max_combo.map(|max_combo| max_combo_from(violations, max_combo));
    Some(ComparisonOptions {
        weights: weights?,
        variance: variance?,
        trend: options.trend.map(|trend| TrendQuery { scores: trend.scores }),
        pairwise: all_or_none(pairwise)?,
        max_combo: all_or_none(max_combo)?,
    })
}

/// What was asked for; nothing at all when it could not be read.
fn all_or_none<T>(asked: Option<Option<T>>) -> Option<Option<T>> {
    match asked {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

fn test_weights_from(
    violations: &mut Violations,
    options: &pb::ComparisonOptions,
) -> Option<TestWeights> {
    let weights = pb::TestWeights::try_from(options.weights).ok();
    Some(match violations.require_known("options.weights", weights)? {
        pb::TestWeights::Unspecified | pb::TestWeights::LogRank => TestWeights::LogRank,
        pb::TestWeights::GehanBreslow => TestWeights::GehanBreslow,
        pb::TestWeights::TaroneWare => TestWeights::TaroneWare,
        pb::TestWeights::PetoPeto => TestWeights::PetoPeto,
        pb::TestWeights::ModifiedPetoPeto => TestWeights::ModifiedPetoPeto,
        pb::TestWeights::FlemingHarrington => {
            let (early_power, late_power) = (options.early_power, options.late_power);
            let powers = pb::FlemingHarrington { early_power, late_power };
            powers_from(violations, "options", powers)?.into()
        }
    })
}

fn powers_from(
    violations: &mut Violations,
    path: &str,
    powers: pb::FlemingHarrington,
) -> Option<FlemingHarrington> {
    let (p, q) = (powers.early_power, powers.late_power);
    let mut are_powers = true;
    for (name, power) in [("early_power", p), ("late_power", q)] {
        if !(power.is_finite() && power >= 0.0) {
            violations.add(format!("{path}.{name}"), "must be finite and not negative");
            are_powers = false;
        }
    }
    are_powers.then_some(FlemingHarrington { p, q })
}

fn pairwise_from(
    violations: &mut Violations,
    pairwise: &pb::PairwiseOptions,
) -> Option<PairwiseQuery> {
    let within = within_from(pairwise.within);
    let within = violations.require_known("options.pairwise.within", within);
    let mut corrections = Vec::new();
    for (index, &number) in pairwise.corrections.iter().enumerate() {
        let path = format!("options.pairwise.corrections[{index}]");
        corrections.extend(violations.require_known(path, correction_from(number)));
    }
    Some(PairwiseQuery { within: within?, corrections })
}

/// The weights asked for, or the default ones.
fn max_combo_from(
    violations: &mut Violations,
    max_combo: pb::MaxComboOptions,
) -> Option<MaxComboQuery> {
    let alternative = alternative_from(max_combo.alternative);
    let alternative = violations.require_known("options.max_combo.alternative", alternative);
    let read = |(index, powers)| {
        powers_from(violations, &format!("options.max_combo.weights[{index}]"), powers)
    };
    let weights: Option<Vec<_>> = max_combo.weights.into_iter().enumerate().map(read).collect();
    let weights = match weights? {
        none if none.is_empty() => MaxComboQuery::default().weights,
        weights => weights,
    };
    Some(MaxComboQuery { weights, alternative: alternative? })
}

impl CohortRequest for pb::CompareCurvesRequest {
    type Query = ComparisonQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<ComparisonQuery>, Unreadable> {
        let pb::CompareCurvesRequest { cohort, selection, endpoint, group_column, .. } = self;
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            let endpoint = endpoint_from(violations, endpoint, cohort);
            let group = required_column(violations, "group_column", group_column, cohort);
            let case_weights = self.case_weights;
            let case_weights = weights_from(violations, "case_weights", case_weights, cohort);
            let strata = self.strata_columns;
            let strata = columns_from(violations, "strata_columns", strata, cohort);
            let options = options_from(violations, self.options.unwrap_or_default());
            Some(ComparisonQuery {
                endpoint: endpoint?,
                group: group?,
                strata,
                weights: case_weights?,
                options: options?,
            })
        })
    }
}

/// Answers with a comparison and the options in force.
#[must_use]
pub fn comparison_response(
    comparison: Comparison,
    query: &ComparisonQuery,
) -> pb::CompareCurvesResponse {
    pb::CompareCurvesResponse {
        groups: comparison.groups.into_iter().map(group_to).collect(),
        variance: Some(matrix_to(&comparison.variance)),
        test: Some(common::ChiSquaredTest {
            chi_squared: Some(estimate_to(comparison.chi_squared)),
            degrees_of_freedom: count(comparison.degrees_of_freedom),
            p_value: Some(estimate_to(comparison.p_value)),
        }),
        ln_p_value: Some(estimate_to(comparison.ln_p_value)),
        caveats: caveats_to(comparison.caveats),
        options: Some(options_to(&query.options)),
        trend: comparison.trend.map(|trend| pb::TrendTest {
            scores: trend.scores,
            test: Some(score_test_to(trend.test)),
        }),
        pairwise: comparison.pairwise.into_iter().map(pair_to).collect(),
        max_combo: comparison.max_combo.map(max_combo_to),
        case_weights: query.weights.as_ref().map(weights_to),
    }
}

fn group_to(group: ComparedGroup) -> pb::ComparedGroup {
    pb::ComparedGroup {
        group: group.group,
        subject_count: count(group.n),
        observed: group.observed,
        expected: group.expected,
        event_count: count(group.n_events),
    }
}

fn score_test_to(test: ScoreTest) -> pb::ScoreTest {
    pb::ScoreTest {
        score: test.score,
        variance: test.variance,
        z: Some(estimate_to(test.z)),
        p_value: Some(estimate_to(test.p_value)),
        ln_p_value: Some(estimate_to(test.ln_p_value)),
    }
}

fn pair_to(pair: PairTest) -> pb::PairTest {
    let adjusted = |adjusted: AdjustedPValue| pb::AdjustedPValue {
        correction: correction_to(adjusted.correction),
        p_value: Some(estimate_to(adjusted.p_value)),
    };
    pb::PairTest {
        first: Some(group_to(pair.first)),
        second: Some(group_to(pair.second)),
        test: Some(score_test_to(pair.test)),
        adjusted: pair.adjusted.into_iter().map(adjusted).collect(),
    }
}

fn max_combo_to(max_combo: MaxCombo) -> pb::MaxComboTest {
    let component = |component: MaxComboComponent| pb::MaxComboComponent {
        weights: Some(powers_to(component.weights)),
        observed: component.observed,
        expected: component.expected,
        test: Some(score_test_to(component.test)),
    };
    pb::MaxComboTest {
        components: max_combo.components.into_iter().map(component).collect(),
        covariance: Some(matrix_to(&max_combo.covariance)),
        statistic: Some(estimate_to(max_combo.statistic)),
        p_value: Some(estimate_to(max_combo.p_value)),
        ln_p_value: Some(estimate_to(max_combo.ln_p_value)),
        p_value_error: Some(estimate_to(max_combo.p_value_error)),
    }
}

impl TryFrom<pb::CompareCurvesResponse> for Comparison {
    type Error = Malformed;

    fn try_from(response: pb::CompareCurvesResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let comparison = comparison_from(&mut violations, response);
        violations.finish(comparison)
    }
}

pub(crate) fn comparison_from(
    violations: &mut Violations,
    response: pb::CompareCurvesResponse,
) -> Option<Comparison> {
    let groups = response.groups.into_iter();
    let groups: Option<Vec<_>> =
        groups.map(|group| group_from(violations, "groups", group)).collect();
    let test = violations.require("test", response.test)?;
    let trend = response.trend.map(|trend| trend_from(violations, trend));
    let pairs = response.pairwise.into_iter().enumerate();
    let pairwise: Option<Vec<_>> = pairs
        .map(|(index, pair)| pair_from(violations, &format!("pairwise[{index}]"), pair))
        .collect();
    let max_combo = response.max_combo.map(|tested| max_combo_test_from(violations, tested));
    Some(Comparison {
        groups: groups?,
        variance: matrix_from(violations, "variance", response.variance.unwrap_or_default())?,
        chi_squared: estimate_from(test.chi_squared),
        degrees_of_freedom: count_from(violations, "test", test.degrees_of_freedom)?,
        p_value: estimate_from(test.p_value),
        ln_p_value: estimate_from(response.ln_p_value),
        trend: all_or_none(trend)?,
        pairwise: pairwise?,
        max_combo: all_or_none(max_combo)?,
        caveats: caveats_from(violations, "caveats", response.caveats),
    })
}

fn group_from(
    violations: &mut Violations,
    path: &str,
    group: pb::ComparedGroup,
) -> Option<ComparedGroup> {
    Some(ComparedGroup {
        group: group.group,
        n: count_from(violations, path, group.subject_count)?,
        n_events: count_from(violations, path, group.event_count)?,
        observed: group.observed,
        expected: group.expected,
    })
}

fn score_test_from(
    violations: &mut Violations,
    path: &str,
    test: Option<pb::ScoreTest>,
) -> Option<ScoreTest> {
    let test = violations.require(path, test)?;
    Some(ScoreTest {
        score: test.score,
        variance: test.variance,
        z: estimate_from(test.z),
        p_value: estimate_from(test.p_value),
        ln_p_value: estimate_from(test.ln_p_value),
    })
}

fn trend_from(violations: &mut Violations, trend: pb::TrendTest) -> Option<Trend> {
    let test = score_test_from(violations, "trend.test", trend.test)?;
    Some(Trend { scores: trend.scores, test })
}

fn pair_from(violations: &mut Violations, path: &str, pair: pb::PairTest) -> Option<PairTest> {
    let mut group = |name: &str, group: Option<pb::ComparedGroup>| {
        let path = format!("{path}.{name}");
        let group = violations.require(&path, group)?;
        group_from(violations, &path, group)
    };
    let (first, second) = (group("first", pair.first), group("second", pair.second));
    let test = score_test_from(violations, &format!("{path}.test"), pair.test);
    let adjusted = |adjusted: pb::AdjustedPValue| {
        let correction = correction_from(adjusted.correction);
        let correction = violations.require_known(format!("{path}.adjusted"), correction)?;
        Some(AdjustedPValue { correction, p_value: estimate_from(adjusted.p_value) })
    };
    let adjusted: Option<Vec<_>> = pair.adjusted.into_iter().map(adjusted).collect();
    Some(PairTest { first: first?, second: second?, test: test?, adjusted: adjusted? })
}

fn max_combo_test_from(violations: &mut Violations, tested: pb::MaxComboTest) -> Option<MaxCombo> {
    let component = |(index, component): (usize, pb::MaxComboComponent)| {
        let path = format!("max_combo.components[{index}]");
        let powers = violations.require(format!("{path}.weights"), component.weights)?;
        Some(MaxComboComponent {
            weights: FlemingHarrington { p: powers.early_power, q: powers.late_power },
            observed: component.observed,
            expected: component.expected,
            test: score_test_from(violations, &format!("{path}.test"), component.test)?,
        })
    };
    let components: Option<Vec<_>> =
        tested.components.into_iter().enumerate().map(component).collect();
    let covariance = tested.covariance.unwrap_or_default();
    Some(MaxCombo {
        components: components?,
        covariance: matrix_from(violations, "max_combo.covariance", covariance)?,
        statistic: estimate_from(tested.statistic),
        p_value: estimate_from(tested.p_value),
        ln_p_value: estimate_from(tested.ln_p_value),
        p_value_error: estimate_from(tested.p_value_error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{
        Caveat, CaveatCode, Cohort, Column, EndpointColumns, NotEstimable, WeightColumn, WeightKind,
    };
    use numerics::multiplicity::Correction;

    fn cohort() -> Cohort {
        let names = ["time", "event", "arm", "pair", "weight", "other"];
        let columns = names.map(|name| Column::numeric(name, vec![1.0, 0.0])).to_vec();
        Cohort::new(None, columns).unwrap()
    }

    fn query() -> ComparisonQuery {
        let weights = vec![FlemingHarrington { p: 0.5, q: 2.0 }];
        ComparisonQuery {
            endpoint: EndpointColumns::new("time", "event"),
            group: "arm".into(),
            strata: vec!["pair".into()],
            weights: Some(WeightColumn { column: "weight".into(), kind: WeightKind::Sampling }),
            options: ComparisonOptions {
                weights: TestWeights::FlemingHarrington { p: 1.0, q: 2.0 },
                variance: TestVariance::Design,
                trend: Some(TrendQuery { scores: vec![0.0, 2.5] }),
                pairwise: Some(PairwiseQuery {
                    within: PairsWithin::AllGroups,
                    corrections: vec![Correction::Hochberg, Correction::BenjaminiHochberg],
                }),
                max_combo: Some(MaxComboQuery { weights, alternative: Alternative::LowerHazard }),
            },
        }
    }

    fn request(options: pb::ComparisonOptions) -> pb::CompareCurvesRequest {
        let cohort = cohort();
        let request = comparison_request(&cohort, &Selection::all(&cohort), &query());
        pb::CompareCurvesRequest { options: Some(options), ..request }
    }

    /// The question that arrives is the one that was asked, with its columns alone.
    #[test]
    fn questions_come_back() {
        let cohort = cohort();
        let request = comparison_request(&cohort, &Selection::all(&cohort), &query());
        let asked = request.asked(&()).unwrap();
        assert_eq!(asked.query, query());
        assert!(asked.cohort.values("weight").is_ok() && asked.cohort.values("other").is_err());
    }

    #[test]
    fn what_is_not_said_is_the_default() {
        let asked = request(pb::ComparisonOptions::default()).asked(&()).unwrap();
        assert_eq!(asked.query.options, ComparisonOptions::default());
        let options = pb::ComparisonOptions {
            trend: Some(pb::TrendOptions::default()),
            pairwise: Some(pb::PairwiseOptions::default()),
            max_combo: Some(pb::MaxComboOptions::default()),
            ..pb::ComparisonOptions::default()
        };
        let asked = request(options).asked(&()).unwrap();
        let options = asked.query.options;
        assert_eq!(options.trend, Some(TrendQuery::default()));
        assert_eq!(options.pairwise, Some(PairwiseQuery::default()));
        assert_eq!(options.max_combo, Some(MaxComboQuery::default()));
    }

    #[test]
    fn each_bad_field_is_named() {
        let powers = pb::FlemingHarrington { early_power: f64::NAN, late_power: 0.0 };
        let options = pb::ComparisonOptions {
            weights: 99,
            variance: 99,
            pairwise: Some(pb::PairwiseOptions { within: 99, corrections: vec![0, 99] }),
            max_combo: Some(pb::MaxComboOptions {
                weights: vec![pb::FlemingHarrington::default(), powers],
                alternative: 99,
            }),
            ..pb::ComparisonOptions::default()
        };
        let Err(Unreadable::Malformed(malformed)) = request(options).asked(&()) else { panic!() };
        let paths: Vec<_> = malformed.0.iter().map(|field| field.path.as_str()).collect();
        let want = [
            "options.weights",
            "options.variance",
            "options.pairwise.within",
            "options.pairwise.corrections[1]",
            "options.max_combo.alternative",
            "options.max_combo.weights[1].early_power",
        ];
        assert_eq!(paths, want);
    }

    #[test]
    fn answers_come_back() {
        let test = |z| ScoreTest { score: 1.0, variance: 4.0, z, p_value: z, ln_p_value: z };
        let group = |name: &str| ComparedGroup {
            group: name.into(),
            n: 3,
            n_events: 2,
            observed: 1.5,
            expected: 0.5,
        };
        let correction = Correction::Bonferroni;
        let component = MaxComboComponent {
            weights: FlemingHarrington { p: 0.0, q: 1.0 },
            observed: 3.0,
            expected: 2.0,
            test: test(Err(NotEstimable::VarianceUndefined)),
        };
        let comparison = Comparison {
            groups: vec![group("a"), group("b")],
            variance: vec![vec![1.0, -1.0], vec![-1.0, 1.0]],
            chi_squared: Ok(2.0),
            degrees_of_freedom: 1,
            p_value: Ok(0.2),
            ln_p_value: Ok(-1.6),
            trend: Some(Trend { scores: vec![1.0, 2.0], test: test(Ok(0.5)) }),
            pairwise: vec![PairTest {
                first: group("a"),
                second: group("b"),
                test: test(Ok(0.5)),
                adjusted: vec![AdjustedPValue { correction, p_value: Ok(0.7) }],
            }],
            max_combo: Some(MaxCombo {
                components: vec![component],
                covariance: vec![vec![0.0]],
                statistic: Err(NotEstimable::VarianceUndefined),
                p_value: Err(NotEstimable::VarianceUndefined),
                ln_p_value: Err(NotEstimable::VarianceUndefined),
                p_value_error: Err(NotEstimable::VarianceUndefined),
            }),
            caveats: vec![Caveat::new(CaveatCode::FewEvents, "few")],
        };
        let answer = comparison_response(comparison.clone(), &query());
        assert_eq!(
            answer.case_weights.as_ref().map(|weights| weights.column.as_str()),
            Some("weight")
        );
        assert_eq!(Comparison::try_from(answer), Ok(comparison));
    }
}
