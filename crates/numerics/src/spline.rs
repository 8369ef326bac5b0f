//! Natural cubic splines: smooth curves that run on as straight lines beyond their boundary knots.

use crate::sum::quantile_type_7;

/// Order of a cubic B-spline: degree 3 and one.
const ORDER: usize = 4;

/// A basis of the natural cubic splines with given knots.
///
/// A natural cubic spline is a cubic polynomial between neighbouring knots with two continuous
/// derivatives, and a straight line beyond the boundary. With `k` interior knots such curves have
/// `k + 2` dimensions; without the intercept, which a model may have elsewhere, `k + 1`: the curves
/// that are 0 at the lower boundary.
///
/// The basis is made of cubic B-splines, rotated so that two of them carry the second derivatives
/// at the boundary and are left out. Same columns as `splines::ns(x, knots, intercept,
/// Boundary.knots)` in R. Hastie, Tibshirani and Friedman (2009), The Elements of Statistical
/// Learning, section 5.2.1; de Boor (1978), A Practical Guide to Splines, chapter 10.
#[derive(Clone, Debug, PartialEq)]
pub struct NaturalSpline {
    /// Interior knots and the boundary knots four times each, ascending.
    knots: Vec<f64>,
    /// B-splines that are left out at the lower end: 1 without intercept.
    n_without: usize,
    /// Householder vectors that rotate the second derivatives at the boundary into the first two
    /// coordinates; each begins with zeros.
    reflectors: [Vec<f64>; 2],
}

impl NaturalSpline {
    /// The splines with these knots; there are none unless the boundary ascends and every interior
    /// knot lies strictly within it.
    ///
    /// Each time an interior knot is repeated, the curves have a continuous derivative less there: a
    /// knot that stands three times is a kink.
    #[must_use]
    pub fn new(interior: &[f64], boundary: [f64; 2], intercept: bool) -> Option<Self> {
        let mut interior = interior.to_vec();
        interior.sort_by(f64::total_cmp);
        let is_within = |knot: &f64| boundary[0] < *knot && *knot < boundary[1];
        let is_finite = boundary.iter().all(|knot| knot.is_finite());
        if !(is_finite && boundary[0] < boundary[1] && interior.iter().all(is_within)) {
            return None;
        }
        let [lower, upper] = boundary.map(|knot| [knot; ORDER]);
        let knots = [lower.as_slice(), &interior, &upper].concat();
        let n_without = usize::from(!intercept);
        let mut spline = Self { knots, n_without, reflectors: Default::default() };
        spline.reflectors = reflectors(boundary.map(|knot| spline.b_splines(knot, 2)));
        Some(spline)
    }

    /// The splines of a sample, with interior knots at its quantiles of equal steps (type 7) and
    /// the boundary at its extremes.
    ///
    /// With `dimension` columns, as `splines::ns(x, df = dimension, intercept)`. There are no more
    /// columns than distinct values can tell apart, and quantiles that coincide with each other or
    /// with the boundary are one knot, so that there can be fewer. There are no splines when all
    /// values are equal.
    #[must_use]
    pub fn of_sample(values: &[f64], dimension: usize, intercept: bool) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let boundary = [*sorted.first()?, *sorted.last()?];
        let n_distinct = sorted.chunk_by(|a, b| a == b).count();
        let n_knots =
            dimension.saturating_sub(1 + usize::from(intercept)).min(n_distinct.saturating_sub(2));
        let knot = |index: usize| quantile_type_7(&sorted, index as f64 / (n_knots + 1) as f64);
        let mut interior: Vec<f64> = (1..=n_knots).filter_map(knot).collect();
        interior.dedup();
        interior.retain(|&knot| boundary[0] < knot && knot < boundary[1]);
        Self::new(&interior, boundary, intercept)
    }

    /// Number of columns of the basis.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.knots.len() - ORDER - self.n_without - 2
    }

    /// The columns at one point; beyond the boundary each runs on as a straight line.
    #[must_use]
    pub fn basis(&self, x: f64) -> Vec<f64> {
        let inside = x.clamp(self.knots[0], self.knots[self.knots.len() - 1]);
        let mut row = self.b_splines(inside, 0);
        if x != inside {
            let slope = self.b_splines(inside, 1);
            row.iter_mut().zip(slope).for_each(|(value, slope)| *value += (x - inside) * slope);
        }
        for reflector in &self.reflectors {
            reflect(reflector, &mut row);
        }
        row.split_off(2)
    }

    /// All B-splines that are kept, or their first or second derivatives, at a point within the
    /// boundary.
    fn b_splines(&self, x: f64, derivative: usize) -> Vec<f64> {
        let knots = &self.knots;
        // The last interval is closed, so that the upper boundary belongs to it.
        let last = knots.len() - ORDER - 1;
        let interval = (knots.partition_point(|&knot| knot <= x) - 1).min(last);
        let mut row = vec![0.0; knots.len() - 1];
        row[interval] = 1.0;
        for order in 2..=ORDER {
            let is_derived = order > ORDER - derivative;
            let first = interval + 1 - order;
            for i in first..=interval {
                let (left, right) = (row[i], row.get(i + 1).copied().unwrap_or(0.0));
                let left_width = knots[i + order - 1] - knots[i];
                let right_width = knots[i + order] - knots[i + 1];
                row[i] = if is_derived {
                    (order - 1) as f64 * (share(left, left_width) - share(right, right_width))
                } else {
                    share((x - knots[i]) * left, left_width)
                        + share((knots[i + order] - x) * right, right_width)
                };
            }
        }
        row.truncate(knots.len() - ORDER);
        row.split_off(self.n_without)
    }
}

/// A quotient that is 0 where the knots coincide.
fn share(value: f64, width: f64) -> f64 {
    if width > 0.0 { value / width } else { 0.0 }
}

/// Householder vectors of the QR decomposition of two columns, in the convention of LINPACK: the
/// leading element carries the sign, so that the basis has the signs of R.
fn reflectors([mut first, mut second]: [Vec<f64>; 2]) -> [Vec<f64>; 2] {
    normalise(&mut first, 0);
    reflect(&first, &mut second);
    second[0] = 0.0;
    normalise(&mut second, 1);
    [first, second]
}

/// The Householder vector of what stands from `leading` on.
fn normalise(column: &mut [f64], leading: usize) {
    let norm = column[leading..].iter().map(|value| value * value).sum::<f64>().sqrt();
    let norm = norm.copysign(column[leading]);
    column[leading..].iter_mut().for_each(|value| *value /= norm);
    column[leading] += 1.0;
}

fn reflect(reflector: &[f64], row: &mut [f64]) {
    let leading = reflector.iter().find(|value| **value != 0.0).copied().unwrap_or(1.0);
    let product: f64 = reflector.iter().zip(&*row).map(|(a, b)| a * b).sum();
    row.iter_mut().zip(reflector).for_each(|(value, a)| *value -= product / leading * a);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_row(spline: &NaturalSpline, x: f64, want: &[f64]) {
        let got = spline.basis(x);
        assert_eq!(got.len(), want.len());
        for (got, want) in got.iter().zip(want) {
            assert!((got - want).abs() < 1e-14, "at {x}: {got} instead of {want}");
        }
    }

    const SAMPLE: [f64; 8] = [1.0, 2.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0];

    /// `predict(ns(x, df = 4), at)` in R: knots at the quartiles 2, 4 and 9.25.
    #[test]
    fn the_basis_is_that_of_r() {
        let spline = NaturalSpline::of_sample(&SAMPLE, 4, false).unwrap();
        let want =
            [0.0, 0.241_463_136_973_049_77, -0.590_814_058_551_079_2, 0.349_350_921_578_029_4];
        assert_row(&spline, 0.0, &want);
        assert_row(&spline, 1.0, &[0.0; 4]);
        let want = [
            0.568_294_545_448_383_4,
            0.350_454_657_605_477_95,
            0.122_557_732_386_716_86,
            -0.047_526_769_246_618_88,
        ];
        assert_row(&spline, 8.0, &want);
        let want =
            [0.0, -0.159_337_920_031_907_5, 0.389_869_378_801_475_76, 0.769_468_541_230_431_7];
        assert_row(&spline, 21.0, &want);
        let want = [0.0, -1.144_680_426_762_389_4, 0.502_941_469_737_761, 1.641_738_957_024_628_4];
        assert_row(&spline, 30.0, &want);
    }

    /// `predict(ns(x, df = 4, intercept = TRUE), at)` in R: knots at 7/3 and 7.
    #[test]
    fn so_it_is_with_an_intercept() {
        let spline = NaturalSpline::of_sample(&SAMPLE, 4, true).unwrap();
        let want = [
            0.466_928_221_191_134_6,
            -0.112_374_250_323_917_46,
            0.311_328_531_975_438_14,
            -0.177_900_391_345_398_2,
        ];
        assert_row(&spline, 2.5, &want);
        let want = [0.0, -1.022_200_772_200_772, 0.456_563_706_563_706_5, 1.565_637_065_637_065_3];
        assert_row(&spline, 30.0, &want);
    }

    /// Where all quartiles lie on the boundary, a straight line is all there is.
    #[test]
    fn coinciding_quantiles_are_one_knot() {
        let spline = NaturalSpline::of_sample(&[0.0, 0.0, 0.0, 0.0, 1.0], 4, false).unwrap();
        assert_eq!(spline.dimension(), 1);
        let two = NaturalSpline::of_sample(&[0.0, 0.0, 1.0, 1.0, 1.0], 4, true).unwrap();
        assert_eq!(two.dimension(), 2);
        let [at_0, at_half, at_1] = [0.0, 0.5, 1.0].map(|x| spline.basis(x)[0]);
        assert!((at_half - 0.5 * (at_0 + at_1)).abs() < 1e-15);
        assert_eq!(NaturalSpline::of_sample(&[2.0; 3], 4, true), None);
        assert_eq!(NaturalSpline::new(&[1.0, 2.0], [0.0, 2.0], true), None);
        assert_eq!(NaturalSpline::new(&[f64::NAN], [0.0, 2.0], true), None);
    }

    /// `predict(ns(0:3, knots = c(1, 1, 1), Boundary.knots = c(0, 3)), at)` in R.
    #[test]
    fn a_knot_can_be_repeated() {
        let spline = NaturalSpline::new(&[1.0; 3], [0.0, 3.0], false).unwrap();
        let curve = -0.205_395_959_064_437_28;
        assert_row(&spline, 0.5, &[0.125, curve, -2.0 * curve, curve]);
        assert_row(&spline, 1.0, &[1.0, 0.0, 0.0, 0.0]);
        assert_row(&spline, 2.0, &[0.125, 5.0 / 12.0, 7.0 / 24.0, 1.0 / 6.0]);
        assert_row(&spline, 4.0, &[0.0, -11.0 / 12.0, 1.0 / 3.0, 19.0 / 12.0]);
    }
}
