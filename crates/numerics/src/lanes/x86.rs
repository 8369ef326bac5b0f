//! The registers of x86-64, through the safe wrappers of `pulp`.

use super::portable::Portable;
use super::{Instructions, Kernel, LANES, Lanes};
use pulp::x86::{V3, V4};
use pulp::{NullaryFnOnce, cast, f64x4, f64x8, i32x4};
use std::arch::x86_64::{__m256d, __m512d};

/// Runs a kernel on the instructions named or on the widest narrower ones there are.
#[inline]
pub(super) fn run_on<K: Kernel>(instructions: Instructions, kernel: K) -> K::Output {
    use Instructions::{Avx2, Avx512, Widest};
    let wide = matches!(instructions, Widest | Avx512);
    if let Some(lanes) = V4::try_new().filter(|_| wide) {
        return lanes.vectorize(On { lanes, kernel });
    }
    if let Some(lanes) = V3::try_new().filter(|_| wide || instructions == Avx2) {
        return lanes.vectorize(On { lanes, kernel });
    }
    kernel.run(Portable)
}

struct On<L, K> {
    lanes: L,
    kernel: K,
}

impl<L: Lanes, K: Kernel> NullaryFnOnce for On<L, K> {
    type Output = K::Output;

    #[inline(always)]
    fn call(self) -> K::Output {
        self.kernel.run(self.lanes)
    }
}

impl Lanes for V4 {
    type Values = f64x8;

    const ACCUMULATORS: usize = 16;

    #[inline(always)]
    fn load(self, values: &[f64; LANES]) -> f64x8 {
        cast(*values)
    }

    #[inline(always)]
    fn widen(self, bytes: u64) -> f64x8 {
        let whole = self.convert_u8x16_to_i32x8(cast([bytes, 0]));
        self.convert_i32x8_to_f64x8(whole)
    }

    #[inline(always)]
    fn store(self, values: f64x8, to: &mut [f64; LANES]) {
        *to = cast(values);
    }

    #[inline(always)]
    fn splat(self, value: f64) -> f64x8 {
        self.splat_f64x8(value)
    }

    #[inline(always)]
    fn add(self, a: f64x8, b: f64x8) -> f64x8 {
        self.add_f64x8(a, b)
    }

    #[inline(always)]
    fn sub(self, a: f64x8, b: f64x8) -> f64x8 {
        self.sub_f64x8(a, b)
    }

    #[inline(always)]
    fn mul(self, a: f64x8, b: f64x8) -> f64x8 {
        self.mul_f64x8(a, b)
    }

    #[inline(always)]
    fn div(self, a: f64x8, b: f64x8) -> f64x8 {
        self.div_f64x8(a, b)
    }

    #[inline(always)]
    fn mul_add(self, a: f64x8, b: f64x8, c: f64x8) -> f64x8 {
        self.mul_add_f64x8(a, b, c)
    }

    #[inline(always)]
    fn neg_mul_add(self, a: f64x8, b: f64x8, c: f64x8) -> f64x8 {
        self.negate_mul_add_f64x8(a, b, c)
    }

    #[inline(always)]
    fn max(self, a: f64x8, b: f64x8) -> f64x8 {
        self.max_f64x8(a, b)
    }

    #[inline(always)]
    fn min(self, a: f64x8, b: f64x8) -> f64x8 {
        self.min_f64x8(a, b)
    }

    #[inline(always)]
    fn if_less(self, a: f64x8, b: f64x8, yes: f64x8, no: f64x8) -> f64x8 {
        self.select_f64x8(self.cmp_lt_f64x8(a, b), yes, no)
    }

    #[inline(always)]
    fn and(self, a: f64x8, b: f64x8) -> f64x8 {
        self.and_f64x8(a, b)
    }

    #[inline(always)]
    fn or(self, a: f64x8, b: f64x8) -> f64x8 {
        self.or_f64x8(a, b)
    }

    #[inline(always)]
    fn to_exponent(self, a: f64x8) -> f64x8 {
        cast(self.shl_const_u64x8::<52>(cast(a)))
    }

    #[inline(always)]
    fn exponent_bits(self, a: f64x8) -> f64x8 {
        cast(self.shr_const_u64x8::<52>(cast(a)))
    }

    #[inline(always)]
    fn expand(self, lanes: u8, packed: f64x8, a: f64x8) -> f64x8 {
        cast(self.avx512f._mm512_mask_expand_pd(cast(a), lanes, cast(packed)))
    }

    #[inline(always)]
    fn sums(self, rows: [f64x8; LANES]) -> f64x8 {
        let [a, b, c, d, e, f, g, h] = rows.map(
            #[inline(always)]
            |row: f64x8| -> __m512d { cast(row) },
        );
        let first = neighbours(self, halves_of(self, a, c), halves_of(self, b, d));
        let second = neighbours(self, halves_of(self, e, g), halves_of(self, f, h));
        let even = self.avx512f._mm512_shuffle_f64x2::<0b10_00_10_00>(first, second);
        let odd = self.avx512f._mm512_shuffle_f64x2::<0b11_01_11_01>(first, second);
        cast(self.avx512f._mm512_add_pd(even, odd))
    }

    #[inline(always)]
    fn transpose(self, rows: [f64x8; LANES]) -> [f64x8; LANES] {
        let [a, b, c, d, e, f, g, h] = rows;
        let pairs = [(a, b), (c, d), (e, f), (g, h)];
        let low = pairs.map(
            #[inline(always)]
            |(a, b)| self.avx512f._mm512_unpacklo_pd(cast(a), cast(b)),
        );
        let high = pairs.map(
            #[inline(always)]
            |(a, b)| self.avx512f._mm512_unpackhi_pd(cast(a), cast(b)),
        );
        let [a, c, e, g] = quarters(self, low);
        let [b, d, f, h] = quarters(self, high);
        [a, b, c, d, e, f, g, h]
    }
}

/// Register `k` is made of the `k`-th quarters of all.
#[inline(always)]
fn quarters(lanes: V4, [a, b, c, d]: [__m512d; 4]) -> [f64x8; 4] {
    let avx512f = lanes.avx512f;
    let even = avx512f._mm512_shuffle_f64x2::<0b10_00_10_00>(a, b);
    let also_even = avx512f._mm512_shuffle_f64x2::<0b10_00_10_00>(c, d);
    let odd = avx512f._mm512_shuffle_f64x2::<0b11_01_11_01>(a, b);
    let also_odd = avx512f._mm512_shuffle_f64x2::<0b11_01_11_01>(c, d);
    [
        cast(avx512f._mm512_shuffle_f64x2::<0b10_00_10_00>(even, also_even)),
        cast(avx512f._mm512_shuffle_f64x2::<0b10_00_10_00>(odd, also_odd)),
        cast(avx512f._mm512_shuffle_f64x2::<0b11_01_11_01>(even, also_even)),
        cast(avx512f._mm512_shuffle_f64x2::<0b11_01_11_01>(odd, also_odd)),
    ]
}

/// The sums of the halves of `a`, then those of `b`.
#[inline(always)]
fn halves_of(lanes: V4, a: __m512d, b: __m512d) -> __m512d {
    let low = lanes.avx512f._mm512_shuffle_f64x2::<0b01_00_01_00>(a, b);
    let high = lanes.avx512f._mm512_shuffle_f64x2::<0b11_10_11_10>(a, b);
    lanes.avx512f._mm512_add_pd(low, high)
}

/// The sums of neighbouring lanes, those of `a` and `b` in turn.
#[inline(always)]
fn neighbours(lanes: V4, a: __m512d, b: __m512d) -> __m512d {
    let even = lanes.avx512f._mm512_unpacklo_pd(a, b);
    let odd = lanes.avx512f._mm512_unpackhi_pd(a, b);
    lanes.avx512f._mm512_add_pd(even, odd)
}

/// Applies an instruction to both halves.
#[inline(always)]
fn halves<const N: usize>(of: [[f64x4; 2]; N], f: impl Fn([f64x4; N]) -> f64x4) -> [f64x4; 2] {
    [f(of.map(|[low, _]| low)), f(of.map(|[_, high]| high))]
}

impl Lanes for V3 {
    type Values = [f64x4; 2];

    const ACCUMULATORS: usize = 4;

    #[inline(always)]
    fn load(self, values: &[f64; LANES]) -> [f64x4; 2] {
        cast(*values)
    }

    #[inline(always)]
    fn widen(self, bytes: u64) -> [f64x4; 2] {
        let whole = self.convert_u8x16_to_i32x8(cast([bytes, 0]));
        let [low, high]: [i32x4; 2] = cast(whole);
        [self.convert_i32x4_to_f64x4(low), self.convert_i32x4_to_f64x4(high)]
    }

    #[inline(always)]
    fn store(self, values: [f64x4; 2], to: &mut [f64; LANES]) {
        *to = cast(values);
    }

    #[inline(always)]
    fn splat(self, value: f64) -> [f64x4; 2] {
        [self.splat_f64x4(value); 2]
    }

    #[inline(always)]
    fn add(self, a: [f64x4; 2], b: [f64x4; 2]) -> [f64x4; 2] {
        halves(
            [a, b],
            #[inline(always)]
            |[a, b]| self.add_f64x4(a, b),
        )
    }

    #[inline(always)]
    fn sub(self, a: [f64x4; 2], b: [f64x4; 2]) -> [f64x4; 2] {
        halves(
            [a, b],
            #[inline(always)]
            |[a, b]| self.sub_f64x4(a, b),
        )
    }

    #[inline(always)]
    fn mul(self, a: [f64x4; 2], b: [f64x4; 2]) -> [f64x4; 2] {
        halves(
            [a, b],
            #[inline(always)]
            |[a, b]| self.mul_f64x4(a, b),
        )
    }

    #[inline(always)]
    fn div(self, a: [f64x4; 2], b: [f64x4; 2]) -> [f64x4; 2] {
        halves(
            [a, b],
            #[inline(always)]
            |[a, b]| self.div_f64x4(a, b),
        )
    }

    #[inline(always)]
    fn mul_add(self, a: [f64x4; 2], b: [f64x4; 2], c: [f64x4; 2]) -> [f64x4; 2] {
        halves(
            [a, b, c],
            #[inline(always)]
            |[a, b, c]| self.mul_add_f64x4(a, b, c),
        )
    }

    #[inline(always)]
    fn neg_mul_add(self, a: [f64x4; 2], b: [f64x4; 2], c: [f64x4; 2]) -> [f64x4; 2] {
        halves(
            [a, b, c],
            #[inline(always)]
            |[a, b, c]| self.negate_mul_add_f64x4(a, b, c),
        )
    }

    #[inline(always)]
    fn max(self, a: [f64x4; 2], b: [f64x4; 2]) -> [f64x4; 2] {
        halves(
            [a, b],
            #[inline(always)]
            |[a, b]| self.max_f64x4(a, b),
        )
    }

    #[inline(always)]
    fn min(self, a: [f64x4; 2], b: [f64x4; 2]) -> [f64x4; 2] {
        halves(
            [a, b],
            #[inline(always)]
            |[a, b]| self.min_f64x4(a, b),
        )
    }

    #[inline(always)]
    fn if_less(self, a: [f64x4; 2], b: [f64x4; 2], yes: [f64x4; 2], no: [f64x4; 2]) -> [f64x4; 2] {
        halves(
            [a, b, yes, no],
            #[inline(always)]
            |[a, b, yes, no]| self.select_f64x4(self.cmp_lt_f64x4(a, b), yes, no),
        )
    }

    #[inline(always)]
    fn and(self, a: [f64x4; 2], b: [f64x4; 2]) -> [f64x4; 2] {
        halves(
            [a, b],
            #[inline(always)]
            |[a, b]| self.and_f64x4(a, b),
        )
    }

    #[inline(always)]
    fn or(self, a: [f64x4; 2], b: [f64x4; 2]) -> [f64x4; 2] {
        halves(
            [a, b],
            #[inline(always)]
            |[a, b]| self.or_f64x4(a, b),
        )
    }

    #[inline(always)]
    fn to_exponent(self, a: [f64x4; 2]) -> [f64x4; 2] {
        halves(
            [a],
            #[inline(always)]
            |[a]| cast(self.shl_const_u64x4::<52>(cast(a))),
        )
    }

    #[inline(always)]
    fn exponent_bits(self, a: [f64x4; 2]) -> [f64x4; 2] {
        halves(
            [a],
            #[inline(always)]
            |[a]| cast(self.shr_const_u64x4::<52>(cast(a))),
        )
    }

    #[inline(always)]
    fn expand(self, lanes: u8, packed: [f64x4; 2], a: [f64x4; 2]) -> [f64x4; 2] {
        cast(Portable.expand(lanes, cast(packed), cast(a)))
    }

    #[inline(always)]
    fn sums(self, rows: [[f64x4; 2]; LANES]) -> [f64x4; 2] {
        let [a, b, c, d, e, f, g, h] = rows.map(
            #[inline(always)]
            |[low, high]| cast(self.add_f64x4(low, high)),
        );
        [sums_of_four(self, [a, b, c, d]), sums_of_four(self, [e, f, g, h])]
    }

    #[inline(always)]
    fn transpose(self, [a, b, c, d, e, f, g, h]: [[f64x4; 2]; LANES]) -> [[f64x4; 2]; LANES] {
        let of = |half: usize| {
            let upper = four_by_four(self, [a[half], b[half], c[half], d[half]]);
            let lower = four_by_four(self, [e[half], f[half], g[half], h[half]]);
            let ([a, b, c, d], [e, f, g, h]) = (upper, lower);
            [[a, e], [b, f], [c, g], [d, h]]
        };
        let ([a, b, c, d], [e, f, g, h]) = (of(0), of(1));
        [a, b, c, d, e, f, g, h]
    }
}

/// Rows become columns.
#[inline(always)]
fn four_by_four(lanes: V3, rows: [f64x4; 4]) -> [f64x4; 4] {
    let avx = lanes.avx;
    let [a, b, c, d]: [__m256d; 4] = rows.map(cast);
    let (low, also_low) = (avx._mm256_unpacklo_pd(a, b), avx._mm256_unpacklo_pd(c, d));
    let (high, also_high) = (avx._mm256_unpackhi_pd(a, b), avx._mm256_unpackhi_pd(c, d));
    [
        cast(avx._mm256_permute2f128_pd::<0x20>(low, also_low)),
        cast(avx._mm256_permute2f128_pd::<0x20>(high, also_high)),
        cast(avx._mm256_permute2f128_pd::<0x31>(low, also_low)),
        cast(avx._mm256_permute2f128_pd::<0x31>(high, also_high)),
    ]
}

/// Lane `k` is the sum of the lanes of `rows[k]`.
#[inline(always)]
fn sums_of_four(lanes: V3, [a, b, c, d]: [__m256d; 4]) -> f64x4 {
    let avx = lanes.avx;
    let first = avx._mm256_add_pd(avx._mm256_unpacklo_pd(a, b), avx._mm256_unpackhi_pd(a, b));
    let second = avx._mm256_add_pd(avx._mm256_unpacklo_pd(c, d), avx._mm256_unpackhi_pd(c, d));
    let even = avx._mm256_permute2f128_pd::<0x20>(first, second);
    let odd = avx._mm256_permute2f128_pd::<0x31>(first, second);
    cast(avx._mm256_add_pd(even, odd))
}
