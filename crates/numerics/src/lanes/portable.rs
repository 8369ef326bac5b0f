//! Plain arithmetic, for processors without wide registers and as the definition of the others.

use super::{LANES, Lanes};
use std::array::from_fn;

/// Eight numbers one by one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable;

type Values = [f64; LANES];

#[inline(always)]
fn bitwise(a: Values, b: Values, f: impl Fn(u64, u64) -> u64) -> Values {
    from_fn(|k| f64::from_bits(f(a[k].to_bits(), b[k].to_bits())))
}

impl Lanes for Portable {
    type Values = Values;

    const ACCUMULATORS: usize = 4;

    #[inline(always)]
    fn load(self, values: &Values) -> Values {
        *values
    }

    #[inline(always)]
    fn widen(self, bytes: u64) -> Values {
        bytes.to_le_bytes().map(f64::from)
    }

    #[inline(always)]
    fn store(self, values: Values, to: &mut Values) {
        *to = values;
    }

    #[inline(always)]
    fn splat(self, value: f64) -> Values {
        [value; LANES]
    }

    #[inline(always)]
    fn add(self, a: Values, b: Values) -> Values {
        from_fn(|k| a[k] + b[k])
    }

    #[inline(always)]
    fn sub(self, a: Values, b: Values) -> Values {
        from_fn(|k| a[k] - b[k])
    }

    #[inline(always)]
    fn mul(self, a: Values, b: Values) -> Values {
        from_fn(|k| a[k] * b[k])
    }

    #[inline(always)]
    fn div(self, a: Values, b: Values) -> Values {
        from_fn(|k| a[k] / b[k])
    }

    #[inline(always)]
    fn mul_add(self, a: Values, b: Values, c: Values) -> Values {
        from_fn(|k| a[k].mul_add(b[k], c[k]))
    }

    #[inline(always)]
    fn neg_mul_add(self, a: Values, b: Values, c: Values) -> Values {
        from_fn(|k| (-a[k]).mul_add(b[k], c[k]))
    }

    #[inline(always)]
    fn max(self, a: Values, b: Values) -> Values {
        self.if_less(b, a, a, b)
    }

    #[inline(always)]
    fn min(self, a: Values, b: Values) -> Values {
        self.if_less(a, b, a, b)
    }

    #[inline(always)]
    fn if_less(self, a: Values, b: Values, yes: Values, no: Values) -> Values {
        from_fn(|k| if a[k] < b[k] { yes[k] } else { no[k] })
    }

    #[inline(always)]
    fn and(self, a: Values, b: Values) -> Values {
        bitwise(a, b, |a, b| a & b)
    }

    #[inline(always)]
    fn or(self, a: Values, b: Values) -> Values {
        bitwise(a, b, |a, b| a | b)
    }

    #[inline(always)]
    fn to_exponent(self, a: Values) -> Values {
        a.map(|a| f64::from_bits(a.to_bits() << 52))
    }

    #[inline(always)]
    fn exponent_bits(self, a: Values) -> Values {
        a.map(|a| f64::from_bits(a.to_bits() >> 52))
    }

    #[inline(always)]
    fn expand(self, lanes: u8, packed: Values, mut a: Values) -> Values {
        let mut packed = packed.into_iter();
        for (k, a) in a.iter_mut().enumerate() {
            if lanes >> k & 1 == 1 {
                *a = packed.next().unwrap_or(*a);
            }
        }
        a
    }

    #[inline(always)]
    fn sums(self, rows: [Values; LANES]) -> Values {
        from_fn(|k| super::sum(&rows[k]))
    }

    #[inline(always)]
    fn transpose(self, rows: [Values; LANES]) -> [Values; LANES] {
        from_fn(|k| from_fn(|i| rows[i][k]))
    }
}
