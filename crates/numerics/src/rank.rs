//! Midranks with the size of their ties.

/// Ranks of a sample and what the ties among them do to a variance.
#[derive(Clone, Debug, PartialEq)]
pub struct Midranks {
    /// Rank of each value from 1 to n; equal values share the mean of their ranks.
    pub ranks: Vec<f64>,
    /// Sum of `t³ - t` over the groups of `t` equal values; 0 without ties.
    pub tie_term: f64,
}

/// Ranks the values; those that compare equal share a midrank.
///
/// Same as `rank(x, ties.method = "average")` in R. Values must not be NaN.
#[must_use]
pub fn midranks(values: &[f64]) -> Midranks {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut tie_term = 0.0;
    let mut smaller = 0.0;
    // Zero and minus zero are one value here, though total_cmp tells them apart.
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let size = tied.len() as f64;
        for &index in tied {
            ranks[index] = smaller + (size + 1.0) / 2.0;
        }
        tie_term += size * size * size - size;
        smaller += size;
    }
    Midranks { ranks, tie_term }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_the_mean_rank() {
        let ranked = midranks(&[3.0, 1.0, 3.0, 2.0, 3.0]);
        assert_eq!(ranked.ranks, [4.0, 1.0, 4.0, 2.0, 4.0]);
        assert_eq!(ranked.tie_term, 24.0);
    }

    #[test]
    fn signed_zeros_tie() {
        assert_eq!(midranks(&[0.0, -0.0]).ranks, [1.5, 1.5]);
    }
}
