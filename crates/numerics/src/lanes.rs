//! Eight numbers at once, with the same bits on every processor.
//!
//! A kernel is written once, over any [`Lanes`], and [`run`] hands it the widest instructions that
//! the processor has. All of them compute with eight logical lanes, fuse multiplications with
//! additions and sum lanes in one order, so that a kernel gives the same bits on all of them.
//!
//! Functions that take lanes are `#[inline(always)]`: instructions reach only what is compiled into
//! the kernel.

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::cell::Cell;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// Number of lanes.
pub const LANES: usize = 8;

/// Eight numbers in memory, where a register takes them in one go.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub struct Block(pub [f64; LANES]);

/// Instructions that compute with eight numbers at once.
///
/// Kernels use them through [`F64x8`].
pub trait Lanes: Copy + Debug + Send + Sync + 'static {
    /// Eight numbers in registers.
    type Values: Copy + Debug;

    /// How many [`F64x8`] a register tile may accumulate at a time.
    const ACCUMULATORS: usize;

    /// From memory.
    fn load(self, values: &[f64; LANES]) -> Self::Values;
    /// The bytes of a word as numbers, from the least to the most significant one.
    fn widen(self, bytes: u64) -> Self::Values;
    /// To memory.
    fn store(self, values: Self::Values, to: &mut [f64; LANES]);
    /// The same number in all lanes.
    fn splat(self, value: f64) -> Self::Values;
    /// `a + b`.
    fn add(self, a: Self::Values, b: Self::Values) -> Self::Values;
    /// `a - b`.
    fn sub(self, a: Self::Values, b: Self::Values) -> Self::Values;
    /// `a b`.
    fn mul(self, a: Self::Values, b: Self::Values) -> Self::Values;
    /// `a / b`.
    fn div(self, a: Self::Values, b: Self::Values) -> Self::Values;
    /// `a b + c`, rounded once.
    fn mul_add(self, a: Self::Values, b: Self::Values, c: Self::Values) -> Self::Values;
    /// `c - a b`, rounded once.
    fn neg_mul_add(self, a: Self::Values, b: Self::Values, c: Self::Values) -> Self::Values;
    /// The larger of two numbers that are not NaN.
    fn max(self, a: Self::Values, b: Self::Values) -> Self::Values;
    /// The smaller of two numbers that are not NaN.
    fn min(self, a: Self::Values, b: Self::Values) -> Self::Values;
    /// Per lane `yes` where `a < b`, else `no`.
    fn if_less(
        self,
        a: Self::Values,
        b: Self::Values,
        yes: Self::Values,
        no: Self::Values,
    ) -> Self::Values;
    /// The bits that are set in both.
    fn and(self, a: Self::Values, b: Self::Values) -> Self::Values;
    /// The bits that are set in either.
    fn or(self, a: Self::Values, b: Self::Values) -> Self::Values;
    /// The bits moved from the mantissa to where the exponent is.
    fn to_exponent(self, a: Self::Values) -> Self::Values;
    /// The bits of the exponent and the sign moved to the end of the mantissa.
    fn exponent_bits(self, a: Self::Values) -> Self::Values;
    /// The first lanes of `packed` in the lanes whose bits are set, in order; the others are those of `a`.
    fn expand(self, lanes: u8, packed: Self::Values, a: Self::Values) -> Self::Values;
    /// Lane `k` is the sum of the lanes of `rows[k]`, in the order of [`F64x8::sum`].
    fn sums(self, rows: [Self::Values; LANES]) -> Self::Values;
    /// Lane `i` of row `k` is lane `k` of `rows[i]`.
    fn transpose(self, rows: [Self::Values; LANES]) -> [Self::Values; LANES];
}

/// A computation that is written once for all lanes.
pub trait Kernel {
    /// What it computes.
    type Output;

    /// Runs it; to be `#[inline(always)]`, as everything it calls with lanes.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// Instructions that a processor may have.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Instructions {
    /// The widest that this processor has.
    #[default]
    Widest,
    /// AVX-512: eight numbers in one register.
    Avx512,
    /// AVX2 with fused multiply-add: two registers of four.
    Avx2,
    /// Whatever the compiler makes of plain arithmetic.
    Portable,
}

thread_local! {
    static IN_USE: Cell<Instructions> = const { Cell::new(Instructions::Widest) };
}

/// Runs a kernel on the widest instructions of this processor.
#[inline]
pub fn run<K: Kernel>(kernel: K) -> K::Output {
    let instructions = IN_USE.get();
    #[cfg(target_arch = "x86_64")]
    return x86::run_on(instructions, kernel);
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = instructions;
        kernel.run(portable::Portable)
    }
}

/// Lets all kernels that `work` runs on its own thread use the instructions named, or the widest
/// narrower ones that this processor has.
///
/// Nothing but time depends on it; it is how a test shows that.
pub fn restricted_to<T>(instructions: Instructions, work: impl FnOnce() -> T) -> T {
    struct Restore(Instructions);
    impl Drop for Restore {
        fn drop(&mut self) {
            IN_USE.set(self.0);
        }
    }
    let _restore = Restore(IN_USE.replace(instructions));
    work()
}

/// Eight numbers.
#[derive(Clone, Copy, Debug)]
pub struct F64x8<L: Lanes> {
    lanes: L,
    values: L::Values,
}

impl<L: Lanes> F64x8<L> {
    /// The same number in all lanes.
    #[inline(always)]
    pub fn splat(lanes: L, value: f64) -> Self {
        Self { lanes, values: lanes.splat(value) }
    }

    /// The first eight numbers of a slice.
    ///
    /// # Panics
    /// When there are fewer.
    #[inline(always)]
    pub fn load(lanes: L, slice: &[f64]) -> Self {
        let values = slice.first_chunk().expect("a slice to load from has eight numbers");
        Self { lanes, values: lanes.load(values) }
    }

    /// From memory.
    #[inline(always)]
    pub fn from_block(lanes: L, block: &Block) -> Self {
        Self::from_array(lanes, &block.0)
    }

    /// To memory.
    #[inline(always)]
    pub fn to_block(self) -> Block {
        Block(self.to_array())
    }

    /// The numbers of an array.
    #[inline(always)]
    pub fn from_array(lanes: L, values: &[f64; LANES]) -> Self {
        Self { lanes, values: lanes.load(values) }
    }

    /// The bytes of a word as numbers, from the least to the most significant one.
    #[inline(always)]
    pub fn from_bytes(lanes: L, bytes: u64) -> Self {
        Self { lanes, values: lanes.widen(bytes) }
    }

    /// The instructions of this one.
    #[inline(always)]
    pub(crate) fn lanes(self) -> L {
        self.lanes
    }

    /// The same number in all lanes, on the instructions of this one.
    #[inline(always)]
    pub fn like(self, value: f64) -> Self {
        Self::splat(self.lanes, value)
    }

    /// The lanes in order.
    #[inline(always)]
    pub fn to_array(self) -> [f64; LANES] {
        let mut array = [0.0; LANES];
        self.lanes.store(self.values, &mut array);
        array
    }

    /// The first four lanes.
    #[inline(always)]
    pub fn first_half(self) -> [f64; LANES / 2] {
        let [a, b, c, d, ..] = self.to_array();
        [a, b, c, d]
    }

    /// The first eight numbers of a slice, and zeros where there are fewer.
    #[inline(always)]
    pub fn load_part(lanes: L, slice: &[f64]) -> Self {
        match slice.first_chunk() {
            Some(values) => Self::from_array(lanes, values),
            None => {
                let mut values = [0.0; LANES];
                values[..slice.len()].copy_from_slice(slice);
                Self::from_array(lanes, &values)
            }
        }
    }

    /// Writes as many lanes as the slice has room for.
    #[inline(always)]
    pub fn store(self, to: &mut [f64]) {
        match to.first_chunk_mut() {
            Some(chunk) => self.lanes.store(self.values, chunk),
            None => to.copy_from_slice(&self.to_array()[..to.len()]),
        }
    }

    /// `self * factor + term`, rounded once.
    #[inline(always)]
    #[must_use]
    pub fn mul_add(self, factor: Self, term: Self) -> Self {
        let values = self.lanes.mul_add(self.values, factor.values, term.values);
        Self { values, ..self }
    }

    /// `term - self * factor`, rounded once.
    #[inline(always)]
    #[must_use]
    pub fn neg_mul_add(self, factor: Self, term: Self) -> Self {
        let values = self.lanes.neg_mul_add(self.values, factor.values, term.values);
        Self { values, ..self }
    }

    /// The larger of two numbers that are not NaN.
    #[inline(always)]
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { values: self.lanes.max(self.values, other.values), ..self }
    }

    /// The smaller of two numbers that are not NaN.
    #[inline(always)]
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self { values: self.lanes.min(self.values, other.values), ..self }
    }

    /// Per lane `yes` where this is less than `limit`, else `no`.
    #[inline(always)]
    #[must_use]
    pub fn if_less(self, limit: Self, yes: Self, no: Self) -> Self {
        let values = self.lanes.if_less(self.values, limit.values, yes.values, no.values);
        Self { values, ..self }
    }

    /// Absolute values.
    #[inline(always)]
    #[must_use]
    pub fn abs(self) -> Self {
        self.and_bits(!SIGN)
    }

    /// Only these bits of each number.
    #[inline(always)]
    pub(crate) fn and_bits(self, bits: u64) -> Self {
        let bits = self.lanes.splat(f64::from_bits(bits));
        Self { values: self.lanes.and(self.values, bits), ..self }
    }

    /// Each number with these bits set.
    #[inline(always)]
    pub(crate) fn or_bits(self, bits: u64) -> Self {
        let bits = self.lanes.splat(f64::from_bits(bits));
        Self { values: self.lanes.or(self.values, bits), ..self }
    }

    /// The first lanes of `packed` in the lanes whose bits are set, in order; the others stay.
    #[inline(always)]
    #[must_use]
    pub fn expand(self, lanes: u8, packed: Self) -> Self {
        Self { values: self.lanes.expand(lanes, packed.values, self.values), ..self }
    }

    /// The bits moved from the mantissa to where the exponent is.
    #[inline(always)]
    pub(crate) fn to_exponent(self) -> Self {
        Self { values: self.lanes.to_exponent(self.values), ..self }
    }

    /// The bits of the exponent moved to the end of the mantissa.
    #[inline(always)]
    pub(crate) fn exponent_bits(self) -> Self {
        Self { values: self.lanes.exponent_bits(self.values), ..self }
    }

    /// `((0 + 4) + (1 + 5)) + ((2 + 6) + (3 + 7))` over the lanes.
    #[inline(always)]
    pub fn sum(self) -> f64 {
        sum(&self.to_array())
    }

    /// Lane `k` is the sum of the lanes of `rows[k]`, with the bits of [`F64x8::sum`].
    #[inline(always)]
    #[must_use]
    pub fn sums(rows: [Self; LANES]) -> Self {
        let lanes = rows[0].lanes;
        Self { lanes, values: lanes.sums(rows.map(|row| row.values)) }
    }

    /// Rows become columns.
    #[inline(always)]
    #[must_use]
    pub fn transpose(rows: [Self; LANES]) -> [Self; LANES] {
        let lanes = rows[0].lanes;
        lanes.transpose(rows.map(|row| row.values)).map(
            #[inline(always)]
            |values| Self { lanes, values },
        )
    }
}

/// The bit of the sign.
const SIGN: u64 = 1 << 63;

/// The sum of eight numbers, in the order in which halves of registers fold.
#[inline(always)]
fn sum(a: &[f64; LANES]) -> f64 {
    ((a[0] + a[4]) + (a[1] + a[5])) + ((a[2] + a[6]) + (a[3] + a[7]))
}

macro_rules! operators {
    ($($operator:ident $method:ident)*) => {$(
        impl<L: Lanes> $operator for F64x8<L> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self { values: self.lanes.$method(self.values, other.values), ..self }
            }
        }
    )*};
}
operators! { Add add Sub sub Mul mul Div div }

impl<L: Lanes> AddAssign for F64x8<L> {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl<L: Lanes> Neg for F64x8<L> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self::splat(self.lanes, -0.0) - self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Instructions; 3] =
        [Instructions::Avx512, Instructions::Avx2, Instructions::Portable];

    /// Every operation on eight rows of eight numbers.
    struct Everything([[f64; LANES]; LANES]);

    impl Kernel for Everything {
        type Output = Vec<[f64; LANES]>;

        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) -> Vec<[f64; LANES]> {
            let rows = self.0.map(|row| F64x8::from_array(lanes, &row));
            let [a, b, c, ..] = rows;
            let results = [
                a + b,
                a - b,
                a * b,
                a / b,
                -a,
                a.mul_add(b, c),
                a.neg_mul_add(b, c),
                a.max(b),
                a.min(b),
                a.abs(),
                a.if_less(b, c, a),
                a.and_bits(0xffff_0000_ffff_0000),
                a.or_bits(0x0000_1010_0000_0101),
                a.to_exponent(),
                a.exponent_bits(),
                F64x8::sums(rows),
                F64x8::load_part(lanes, &self.0[0][..3]),
                a.like(a.sum()),
                F64x8::from_bytes(lanes, 0xfffe_c880_7f02_0100),
                a.expand(0b1011_0010, b),
            ];
            results.into_iter().chain(F64x8::transpose(rows)).map(F64x8::to_array).collect()
        }
    }

    fn rows() -> [[f64; LANES]; LANES] {
        std::array::from_fn(|i| {
            std::array::from_fn(|k| ((8 * i + k) as f64 * 0.618_033_988_749_894_9).fract() - 0.4)
        })
    }

    #[test]
    fn all_instructions_compute_the_same() {
        let bits = |set| {
            let results = restricted_to(set, || run(Everything(rows())));
            results.iter().map(|lanes| lanes.map(f64::to_bits)).collect::<Vec<_>>()
        };
        for set in ALL {
            assert_eq!(bits(set), bits(Instructions::Widest), "{set:?}");
        }
    }

    #[test]
    fn portable_lanes_are_plain_arithmetic() {
        let [a, b, c, ..] = rows();
        let results = restricted_to(Instructions::Portable, || run(Everything(rows())));
        for k in 0..LANES {
            assert_eq!(results[3][k], a[k] / b[k]);
            assert_eq!(results[5][k], a[k].mul_add(b[k], c[k]));
            assert_eq!(results[6][k], (-a[k]).mul_add(b[k], c[k]));
            assert_eq!(results[7][k], a[k].max(b[k]));
            assert_eq!(results[10][k], if a[k] < b[k] { c[k] } else { a[k] });
            assert!((results[15][k] - rows()[k].iter().sum::<f64>()).abs() < 1e-15);
        }
        assert_eq!(results[16], [a[0], a[1], a[2], 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(results[19], [a[0], b[0], a[2], a[3], b[1], b[2], a[6], b[3]]);
        assert_eq!(results[20], rows().map(|row| row[0]));
        assert_eq!(results[27], rows().map(|row| row[7]));
        assert_eq!(results[18], [0.0, 1.0, 2.0, 127.0, 128.0, 200.0, 254.0, 255.0]);
    }
}
