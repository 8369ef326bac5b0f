//! P-values of several tests at once, adjusted so that their number does not make chance findings.

/// What the adjusted p-values guard against. The default is that of `p.adjust` in R.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Correction {
    /// Any false rejection, by the number of tests: `m p`. Dunn (1961), J. Am. Stat. Assoc.
    /// 56:52-64.
    Bonferroni,
    /// Any false rejection, step by step from the smallest: `(m - i + 1) p` for the `i`-th
    /// smallest. Never weaker than Bonferroni's. Holm (1979), Scand. J. Stat. 6:65-70.
    #[default]
    Holm,
    /// Any false rejection, step by step from the largest, with Holm's factors; for tests that are
    /// independent or positively dependent. Hochberg (1988), Biometrika 75:800-802.
    Hochberg,
    /// The share of false ones among the rejections: `m p / i`; for tests that are independent or
    /// positively dependent. Benjamini and Hochberg (1995), J. R. Stat. Soc. B 57:289-300.
    BenjaminiHochberg,
}

/// The adjusted p-values, in the order of the p-values, none above 1.
///
/// Adjusted values never change the order: in the rules that go step by step a value that would be
/// out of order takes that of its neighbour. Tests that gave no p-value are left out before, as `NA`
/// is in R. Same as `p.adjust(p, method)` with `bonferroni`, `holm`, `hochberg` and `BH` in R.
#[must_use]
pub fn adjusted(p_values: &[f64], correction: Correction) -> Vec<f64> {
    let m = p_values.len();
    let mut order: Vec<usize> = (0..m).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let factor = |position: usize| match correction {
        Correction::Bonferroni => m as f64,
        Correction::Holm | Correction::Hochberg => (m - position) as f64,
        Correction::BenjaminiHochberg => m as f64 / (position + 1) as f64,
    };
    let mut values: Vec<f64> = order
        .iter()
        .enumerate()
        .map(|(at, &test)| (factor(at) * p_values[test]).min(1.0))
        .collect();
    match correction {
        Correction::Bonferroni => {}
        Correction::Holm => {
            (1..m).for_each(|at| values[at] = values[at].max(values[at - 1]));
        }
        Correction::Hochberg | Correction::BenjaminiHochberg => {
            (1..m).rev().for_each(|at| values[at - 1] = values[at - 1].min(values[at]));
        }
    }
    let mut adjusted = vec![0.0; m];
    order.iter().zip(values).for_each(|(&test, value)| adjusted[test] = value);
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sorted 0.01, 0.02, 0.03, 0.5. Holm and Hochberg: 4 · 0.01, 3 · 0.02, 2 · 0.03, 0.5.
    /// Benjamini and Hochberg: 4 · 0.01, 2 · 0.02, 4/3 · 0.03, 0.5.
    #[test]
    fn four_tests_by_hand() {
        let p_values = [0.02, 0.5, 0.01, 0.03];
        for (correction, want) in [
            (Correction::Bonferroni, [0.08, 1.0, 0.04, 0.12]),
            (Correction::Holm, [0.06, 0.5, 0.04, 0.06]),
            (Correction::Hochberg, [0.06, 0.5, 0.04, 0.06]),
            (Correction::BenjaminiHochberg, [0.04, 0.5, 0.04, 0.04]),
        ] {
            for (got, want) in adjusted(&p_values, correction).into_iter().zip(want) {
                assert!((got - want).abs() < 1e-15, "{correction:?}: {got} instead of {want}");
            }
        }
    }

    /// Two p-values of 0.04 and 0.045: Holm's second is lifted to 0.08, Hochberg's first lowered to
    /// 0.045.
    #[test]
    fn steps_go_down_or_up() {
        assert_eq!(adjusted(&[0.04, 0.045], Correction::Holm), [0.08, 0.08]);
        assert_eq!(adjusted(&[0.04, 0.045], Correction::Hochberg), [0.045, 0.045]);
        assert_eq!(adjusted(&[], Correction::Holm), [0.0; 0]);
    }
}
