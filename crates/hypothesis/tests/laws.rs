//! What must hold for any data.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::Estimate;
use hypothesis::*;
use proptest::prelude::*;

fn config() -> ProptestConfig {
    ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() }
}

fn tables(rows: usize) -> impl Strategy<Value = Vec<Vec<usize>>> {
    (2..5usize).prop_flat_map(move |columns| {
        prop::collection::vec(prop::collection::vec(0..5usize, columns), rows)
    })
}

fn values(sizes: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((-6..6i32).prop_map(|value| f64::from(value) * 0.5), sizes)
}

fn pairs() -> impl Strategy<Value = Vec<(f64, f64)>> {
    (values(2..12), values(12..13)).prop_map(|(one, other)| one.into_iter().zip(other).collect())
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-11 * (a.abs() + b.abs()) + 1e-14
}

fn same(a: Estimate, b: Estimate) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => close(a, b),
        (a, b) => a == b,
    }
}

/// Every way to choose the first group among the pooled values.
fn by_choosing(first: &[f64], second: &[f64], extreme: impl Fn(&[f64], &[f64]) -> bool) -> f64 {
    let pooled: Vec<f64> = first.iter().chain(second).copied().collect();
    let (mut n, mut n_extreme) = (0.0, 0.0);
    for chosen in 0..1u32 << pooled.len() {
        if chosen.count_ones() as usize != first.len() {
            continue;
        }
        let is_chosen = |index: usize| chosen >> index & 1 == 1;
        let part = |wanted: bool| -> Vec<f64> {
            (0..pooled.len()).filter(|&i| is_chosen(i) == wanted).map(|i| pooled[i]).collect()
        };
        n += 1.0;
        n_extreme += f64::from(u8::from(extreme(&part(true), &part(false))));
    }
    n_extreme / n
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_order_of_levels_does_not_matter(counts in tables(3)) {
        let Ok(table) = ContingencyTable::new(&counts) else { return Ok(()) };
        let turned: Vec<Vec<usize>> =
            counts.iter().rev().map(|row| row.iter().rev().copied().collect()).collect();
        let turned = ContingencyTable::new(&turned).unwrap();
        prop_assert!(close(chi_squared(&table).statistic, chi_squared(&turned).statistic));
        prop_assert!(close(g_test(&table).statistic, g_test(&turned).statistic));
        prop_assert!(same(fisher_exact(&table), fisher_exact(&turned)));
    }

    #[test]
    fn twice_the_subjects_have_twice_the_statistic(counts in tables(3)) {
        let Ok(table) = ContingencyTable::new(&counts) else { return Ok(()) };
        let twice: Vec<Vec<usize>> =
            counts.iter().map(|row| row.iter().map(|n| 2 * n).collect()).collect();
        let twice = ContingencyTable::new(&twice).unwrap();
        prop_assert!(close(2.0 * chi_squared(&table).statistic, chi_squared(&twice).statistic));
        prop_assert!(close(2.0 * g_test(&table).statistic, g_test(&twice).statistic));
        prop_assert!(close(cramers_v(&table), cramers_v(&twice)));
    }

    #[test]
    fn swapped_rows_have_the_inverse_odds_ratio(counts in tables(2)) {
        let counts: Vec<Vec<usize>> = counts.iter().map(|row| row[..2].to_vec()).collect();
        let Ok(table) = ContingencyTable::new(&counts) else { return Ok(()) };
        let swapped = ContingencyTable::new(&[counts[1].clone(), counts[0].clone()]).unwrap();
        let of = |table| fisher_two_by_two(table, 0.9).unwrap();
        let (one, other) = (of(&table), of(&swapped));
        prop_assert!(close(one.p_value, other.p_value));
        prop_assert!(close(one.p_less, other.p_greater));
        if let (Ok(ratio), Ok(inverse)) = (one.odds_ratio, other.odds_ratio) {
            prop_assert!(close(ratio * inverse, 1.0));
        }
        if let (Ok(lower), Ok(upper)) = (one.interval.lower, other.interval.upper) {
            prop_assert!(close(lower * upper, 1.0));
        }
    }

    #[test]
    fn exact_ranks_are_what_choosing_finds(first in values(1..5), second in values(1..6)) {
        let n = (first.len() + second.len()) as f64;
        let pooled: Vec<f64> = first.iter().chain(&second).copied().collect();
        let rank = |value: f64| {
            let below = pooled.iter().filter(|&&other| other < value).count() as f64;
            let tied = pooled.iter().filter(|&&other| other == value).count() as f64;
            below + (tied + 1.0) / 2.0
        };
        let far = |group: &[f64]| {
            let sum: f64 = group.iter().map(|&value| rank(value)).sum();
            (sum - group.len() as f64 * (n + 1.0) / 2.0).abs()
        };
        let counted = by_choosing(&first, &second, |group, _| far(group) >= far(&first) - 1e-9);
        if let Ok(p_value) = mann_whitney_exact(&first, &second) {
            prop_assert!(close(p_value, counted), "{} instead of {}", p_value, counted);
        }
    }

    #[test]
    fn exact_distances_are_what_choosing_finds(first in values(1..5), second in values(1..6)) {
        let d = |one: &[f64], other: &[f64]| {
            let share = |group: &[f64], x: f64| {
                group.iter().filter(|&&value| value <= x).count() as f64 / group.len() as f64
            };
            one.iter().chain(other).map(|&x| (share(one, x) - share(other, x)).abs()).fold(0.0, f64::max)
        };
        let observed = d(&first, &second);
        let counted = by_choosing(&first, &second, |one, other| d(one, other) >= observed - 1e-9);
        let test = kolmogorov_smirnov(&first, &second).unwrap();
        prop_assert!(close(test.d, observed));
        prop_assert!(close(test.p_value, counted), "{} instead of {}", test.p_value, counted);
    }

    #[test]
    fn units_do_not_matter(first in values(2..9), second in values(2..9)) {
        let scaled = |values: &[f64]| values.iter().map(|v| 4.0 * v + 8.0).collect::<Vec<f64>>();
        let (a, b) = (scaled(&first), scaled(&second));
        let t = |x: &[f64], y: &[f64]| welch_t(x, y, 0.95).map(|test| test.t);
        prop_assert!(same(t(&first, &second), t(&a, &b)));
        let w = |x: &[f64], y: &[f64]| mann_whitney(x, y, Continuity::Corrected).map(|test| test.z);
        prop_assert!(same(w(&first, &second), w(&a, &b)));
        let f = |x: &[f64], y: &[f64]| variance_ratio(x, y, 0.95).map(|test| test.p_value);
        prop_assert!(same(f(&first, &second), f(&a, &b)));
        let s = |x: &[f64]| shapiro_wilk(x).map(|test| test.w);
        prop_assert!(same(s(&first), s(&a)));
    }

    #[test]
    fn swapped_groups_turn_the_sign(first in values(2..9), second in values(2..9)) {
        let z = |x: &[f64], y: &[f64]| mann_whitney(x, y, Continuity::Corrected).map(|test| test.z);
        prop_assert!(same(z(&first, &second), z(&second, &first).map(|z| -z)));
        prop_assert!(same(mann_whitney_exact(&first, &second), mann_whitney_exact(&second, &first)));
        let t = |x: &[f64], y: &[f64]| student_t(x, y, 0.95).map(|test| test.t);
        prop_assert!(same(t(&first, &second), t(&second, &first).map(|t| -t)));
        let d = |x: &[f64], y: &[f64]| kolmogorov_smirnov(x, y).map(|test| test.p_value);
        prop_assert!(same(d(&first, &second), d(&second, &first)));
    }

    /// Two groups: analysis of variance is Student's test squared, Kruskal-Wallis is the rank sum test
    /// squared, and Welch's analysis his t squared.
    #[test]
    fn tests_of_several_groups_are_those_of_two(first in values(2..9), second in values(2..9)) {
        let groups = [first.clone(), second.clone()];
        let square = |t: Estimate<MeanDifference>| t.map(|test| test.t * test.t);
        prop_assert!(same(anova(&groups).map(|test| test.f), square(student_t(&first, &second, 0.95))));
        if let (Ok(several), Ok(two)) = (welch_anova(&groups), welch_t(&first, &second, 0.95)) {
            prop_assert!(close(several.f, two.t * two.t) && close(several.df2, two.degrees_of_freedom));
            prop_assert!(close(several.p_value, two.p_value));
        }
        let h = kruskal_wallis(&groups).map(|test| test.statistic);
        let z = mann_whitney(&first, &second, Continuity::Uncorrected).map(|test| test.z * test.z);
        prop_assert!(same(h, z));
    }

    #[test]
    fn signs_are_what_flipping_finds(pairs in pairs()) {
        let Ok(p_value) = signed_rank_exact(&pairs) else { return Ok(()) };
        let observed = signed_rank(&pairs, Continuity::Uncorrected).unwrap();
        let differing: Vec<(f64, f64)> =
            pairs.iter().copied().filter(|(one, other)| one != other).collect();
        let ways = 1u32 << differing.len();
        let far = |flips: u32| {
            let flip = |(index, &(one, other)): (usize, &(f64, f64))| {
                let (low, high) = if one < other { (one, other) } else { (other, one) };
                if flips >> index & 1 == 1 { (high, low) } else { (low, high) }
            };
            let flipped: Vec<(f64, f64)> = differing.iter().enumerate().map(flip).collect();
            let test = signed_rank(&flipped, Continuity::Uncorrected).unwrap();
            (test.v - test.mean).abs() >= (observed.v - observed.mean).abs() - 1e-9
        };
        let counted = (0..ways).filter(|&flips| far(flips)).count() as f64 / f64::from(ways);
        prop_assert!(close(p_value, counted), "{} instead of {}", p_value, counted);
    }

    #[test]
    fn bounds_widen_with_hidden_bias(successes in 0..30usize, failures in 1..30usize) {
        let n = successes + failures;
        let of = |gamma| sign_bounds(successes, n, gamma).unwrap();
        for (near, far) in [(1.0, 1.5), (1.5, 4.0)] {
            prop_assert!(of(near).p_upper <= of(far).p_upper * (1.0 + 1e-12));
            prop_assert!(of(far).p_lower <= of(near).p_lower * (1.0 + 1e-12));
        }
        if let Ok(gamma) = largest_sign_bias(successes, n, 0.05) {
            prop_assert!(close(of(gamma).p_upper, 0.05));
        }
    }
}
