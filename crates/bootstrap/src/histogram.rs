//! The replicates of a quantity in classes, to be drawn.

use numerics::elementary::pow;
use numerics::sum::quantile_type_7;

/// Most classes of a histogram.
const MOST_BINS: usize = 60;

/// Finite replicates in classes of one width.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Limits of the classes, ascending, one more than there are classes. A value on a limit belongs
    /// to the class above it, the largest value to the last class.
    pub edges: Vec<f64>,
    /// Number of replicates in each class.
    pub counts: Vec<usize>,
}

impl Histogram {
    /// Puts the finite values into classes from the smallest to the largest.
    ///
    /// ```text
    /// width = 2 IQR n^(-1/3)
    /// ```
    ///
    /// rounded down so that a whole number of classes, at most 60, fills the range; the rule of
    /// Sturges, `1 + log2 n` classes, where the quartiles are equal, and one class of the width 0 where
    /// all values are. Absent without finite values. Infinite values are not in it.
    ///
    /// Freedman and Diaconis (1981), Z. Wahrscheinlichkeitstheorie 57:453-476. As many classes as
    /// `nclass.FD` in R says where the quartiles differ.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> =
            values.iter().copied().filter(|value| value.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (first, last) = (*sorted.first()?, *sorted.last()?);
        let n_bins = n_bins(&sorted, last - first);
        let width = (last - first) / n_bins as f64;
        let edge = |bin: usize| if bin == n_bins { last } else { first + bin as f64 * width };
        let edges: Vec<f64> = (0..=n_bins).map(edge).collect();
        let below = |edge: f64| sorted.partition_point(|&value| value < edge);
        let ends: Vec<usize> = (1..=n_bins)
            .map(|bin| if bin == n_bins { sorted.len() } else { below(edges[bin]) })
            .collect();
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let counts = ends.iter().zip(starts).map(|(end, start)| end - start).collect();
        Some(Self { edges, counts })
    }
}

fn n_bins(sorted: &[f64], range: f64) -> usize {
    if range <= 0.0 {
        return 1;
    }
    let n = sorted.len() as f64;
    let quartile = |level: f64| quantile_type_7(sorted, level).unwrap_or(0.0);
    let spread = quartile(0.75) - quartile(0.25);
    let bins = if spread > 0.0 {
        (range / (2.0 * spread) * pow(n, 1.0 / 3.0)).ceil()
    } else {
        sorted.len().ilog2() as f64 + 1.0
    };
    (bins as usize).clamp(1, MOST_BINS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 0 to 7 the quartiles are 1.75 and 5.25: width 3.5, two classes of 7 in 3.5 each.
    #[test]
    fn eight_values_by_hand() {
        let values = [7.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, f64::INFINITY];
        let histogram = Histogram::of(&values).unwrap();
        assert_eq!(histogram.edges, [0.0, 3.5, 7.0]);
        assert_eq!(histogram.counts, [4, 4]);
    }

    #[test]
    fn equal_values_are_one_class() {
        let histogram = Histogram::of(&[2.0; 5]).unwrap();
        assert_eq!((histogram.edges, histogram.counts), (vec![2.0, 2.0], vec![5]));
        assert_eq!(Histogram::of(&[f64::INFINITY]), None);
    }

    /// The quartiles are equal: 1 + floor(log2 9) = 4 classes.
    #[test]
    fn without_spread_the_number_of_values_decides() {
        let histogram = Histogram::of(&[0.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 8.0]).unwrap();
        assert_eq!(histogram.counts, [1, 0, 7, 1]);
        let far: Vec<f64> = (0..1000).map(|k| f64::from(k % 3)).chain([1e9]).collect();
        assert_eq!(Histogram::of(&far).unwrap().counts.len(), MOST_BINS);
    }
}
