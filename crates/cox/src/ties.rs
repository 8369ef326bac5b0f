//! What tied deaths add to a partial likelihood.

use crate::Ties;
use crate::sweep::RiskSums;
use numerics::elementary::ln8;
use numerics::lanes::{F64x8, Kernel, LANES, Lanes, run};

/// Sums over the `d` deaths of one time, which stand for the powers of `1/φ`; all carry the factor
/// `w̄`, the mean weight of the deaths.
///
/// ```text
/// φ_l = S0 - (l/d) D0   (Efron)      φ_l = S0   (Breslow)      l = 0 .. d-1
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TieSums {
    /// `Σ ln (φ/S0)`.
    pub ln_shares: f64,
    /// `A = Σ 1/φ`.
    pub one: f64,
    /// `B = Σ (l/d)/φ`.
    pub share: f64,
    /// `a = Σ 1/φ²`.
    pub square: f64,
    /// `b = Σ (l/d)/φ²`.
    pub share_square: f64,
    /// `c = Σ (l/d)²/φ²`.
    pub square_square: f64,
}

/// Deaths at one time and the sums of `r` over them and over their risk set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deaths {
    /// Number of deaths, positive.
    pub d: usize,
    /// Sum of their weights.
    pub weight: f64,
    pub s0: f64,
    pub d0: f64,
}

impl TieSums {
    /// The sums for `d` deaths in a risk set.
    pub fn new(ties: Ties, d: usize, at_risk: &RiskSums) -> Self {
        let RiskSums { s0, d0, death_weight, .. } = *at_risk;
        Self::of_deaths(ties, Deaths { d, weight: death_weight, s0, d0 })
    }

    /// The sums for some deaths.
    pub fn of_deaths(ties: Ties, deaths: Deaths) -> Self {
        run(OneTime { ties, deaths })
    }

    /// The same within a kernel.
    #[inline(always)]
    pub fn of<L: Lanes>(lanes: L, ties: Ties, deaths: &Deaths) -> Self {
        if ties == Ties::Efron && deaths.d > 1 {
            return Self::of_turns(lanes, deaths);
        }
        let one = deaths.weight / deaths.s0;
        Self { one, square: one / deaths.s0, ..Self::default() }
    }

    /// Eight deaths at a time; products of shares stand for their logarithms, since each is at least
    /// `1/d` and few enough never underflow.
    #[inline(always)]
    pub fn of_turns<L: Lanes>(lanes: L, deaths: &Deaths) -> Self {
        let number = F64x8::splat(lanes, 0.0);
        let d = number.like(deaths.d as f64);
        let (s0, d0) = (number.like(deaths.s0), number.like(deaths.d0));
        let mean_weight = number.like(deaths.weight) / d;
        let mut sums = [number; 6];
        let mut product = number.like(1.0);
        let mut l = F64x8::from_array(lanes, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        for first in (0..deaths.d).step_by(LANES) {
            let share = l / d;
            let phi = share.neg_mul_add(d0, s0);
            let one = l.if_less(d, mean_weight / phi, number);
            let square = l.if_less(d, one / phi, number);
            product = product * l.if_less(d, phi / s0, number.like(1.0));
            let (shared, shared_square) = (share * one, share * square);
            let terms = [one, shared, square, shared_square, share * shared_square];
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum += term;
            }
            if first % MOST_FACTORS == MOST_FACTORS - LANES || deaths.d <= first + LANES {
                sums[5] += mean_weight * ln8(product);
                product = number.like(1.0);
            }
            l += number.like(LANES as f64);
        }
        let [a, b, c, d, e, f] = sums;
        let [one, share, square, share_square, square_square, ln_shares, ..] =
            F64x8::sums([a, b, c, d, e, f, number, number]).to_array();
        Self { ln_shares, one, share, square, share_square, square_square }
    }
}

/// The sums of eight times at once, a lane each, in the order of the fields of [`TieSums`]; none of them
/// has more than `most` deaths, which is at most [`FEW_TURNS`].
#[inline(always)]
pub(crate) fn sums_of_eight<L: Lanes>(
    most: usize,
    [d, weight, s0, d0]: [F64x8<L>; 4],
) -> [F64x8<L>; 6] {
    let (zero, unit) = (d.like(0.0), d.like(1.0));
    let per_death = unit / d.max(unit);
    let (mean_weight, per_s0) = (weight * per_death, unit / s0);
    let (mut sums, mut product, mut l) = ([zero; 6], unit, zero);
    for _ in 0..most {
        let share = l * per_death;
        let phi = l.if_less(d, share.neg_mul_add(d0, s0), s0);
        let inverse = unit / phi;
        let one = l.if_less(d, mean_weight * inverse, zero);
        let square = one * inverse;
        let (shared, shared_square) = (share * one, share * square);
        let terms = [zero, one, shared, square, shared_square, share * shared_square];
        for (sum, term) in sums.iter_mut().zip(terms) {
            *sum += term;
        }
        product = product * (phi * per_s0);
        l += unit;
    }
    sums[0] = mean_weight * ln8(product);
    sums
}

/// So many shares of a risk set multiplied, each at least one over their number, are in the range of a
/// number.
pub(crate) const FEW_TURNS: usize = 16;

/// Number of deaths of which one lane multiplies every eighth: 32 factors of at least 1e-9.
const MOST_FACTORS: usize = 32 * LANES;

struct OneTime {
    ties: Ties,
    deaths: Deaths,
}

impl Kernel for OneTime {
    type Output = TieSums;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> TieSums {
        TieSums::of(lanes, self.ties, &self.deaths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use numerics::elementary::ln;

    /// Every death by itself.
    #[test]
    fn deaths_take_turns() {
        for d in [2, 3, 8, 9, 257, 1000] {
            let deaths = Deaths { d, weight: 1.5 * d as f64, s0: 7.0, d0: 6.5 };
            let got = run(OneTime { ties: Ties::Efron, deaths });
            let share = |l: usize| l as f64 / d as f64;
            let phi = |l: usize| 7.0 - share(l) * 6.5;
            let sum = |f: &dyn Fn(usize) -> f64| 1.5 * (0..d).map(f).sum::<f64>();
            let want = [
                (got.ln_shares, sum(&|l| ln(phi(l) / 7.0))),
                (got.one, sum(&|l| 1.0 / phi(l))),
                (got.share, sum(&|l| share(l) / phi(l))),
                (got.square, sum(&|l| 1.0 / phi(l).powi(2))),
                (got.share_square, sum(&|l| share(l) / phi(l).powi(2))),
                (got.square_square, sum(&|l| (share(l) / phi(l)).powi(2))),
            ];
            for (got, want) in want {
                assert!((got - want).abs() <= 1e-13 * want.abs(), "{got} {want}");
            }
        }
    }

    struct EightTimes([[f64; LANES]; 4]);

    impl Kernel for EightTimes {
        type Output = [[f64; LANES]; 6];

        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) -> [[f64; LANES]; 6] {
            let times = self.0.map(|values| F64x8::from_array(lanes, &values));
            sums_of_eight(FEW_TURNS, times).map(F64x8::to_array)
        }
    }

    #[test]
    fn eight_times_are_as_one_by_one() {
        let d: [f64; LANES] = [1.0, 2.0, 16.0, 3.0, 1.0, 7.0, 8.0, 9.0];
        let weight = d.map(|d| 0.7 * d);
        let d0 = std::array::from_fn(|k| 2.0 + k as f64);
        let s0 = d0.map(|d0| d0 + 0.3);
        let got = run(EightTimes([d, weight, s0, d0]));
        for k in 0..LANES {
            let deaths = Deaths { d: d[k] as usize, weight: weight[k], s0: s0[k], d0: d0[k] };
            let want = run(OneTime { ties: Ties::Efron, deaths });
            let TieSums { ln_shares, one, share, square, share_square, square_square } = want;
            let want = [ln_shares, one, share, square, share_square, square_square];
            for (got, want) in got.iter().zip(want) {
                assert!((got[k] - want).abs() <= 1e-13 * (1.0 + want.abs()), "{} {want}", got[k]);
            }
        }
    }

    #[test]
    fn a_single_death_knows_no_rule() {
        let deaths = Deaths { d: 1, weight: 2.0, s0: 4.0, d0: 1.0 };
        for ties in [Ties::Efron, Ties::Breslow] {
            let TieSums { one, square, share, .. } = run(OneTime { ties, deaths });
            assert_eq!([one, square, share], [0.5, 0.125, 0.0]);
        }
    }
}
