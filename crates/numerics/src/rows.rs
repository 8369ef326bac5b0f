//! A matrix of many rows and few columns, row after row, and the sums over rows that models need.

use crate::lanes::{F64x8, Kernel, LANES, Lanes, run};
use std::ops::Range;

/// `n` rows of `p` numbers.
///
/// Kernels read whole blocks of eight numbers, which may reach beyond the end of a row; what comes
/// after it never enters a result.
#[derive(Clone, Debug)]
pub struct Rows {
    n: usize,
    p: usize,
    /// Numbers from one row to the next.
    stride: usize,
    /// Where the first row begins: at the beginning of a line of the cache.
    first: usize,
    /// The rows, and zeros where blocks reach beyond the last of them.
    values: Vec<f64>,
}

/// Rows begin at multiples of so many numbers, so that blocks seldom lie across two lines of the cache.
const ALIGNED: usize = 4;

/// Bytes in a line of the cache.
const LINE: usize = 64;

impl Rows {
    /// Rows of zeros.
    #[must_use]
    pub fn zeros(n: usize, p: usize) -> Self {
        Self::with_stride(n, p, p.next_multiple_of(ALIGNED))
    }

    /// The same with rows of whole blocks, none of which lies across two lines of the cache: for rows
    /// that stay there.
    #[must_use]
    pub fn in_blocks(n: usize, p: usize) -> Self {
        Self::with_stride(n, p, p.next_multiple_of(LANES))
    }

    fn with_stride(n: usize, p: usize, stride: usize) -> Self {
        let values = vec![0.0; (n + LANES) * stride + 2 * LANES];
        let first = values.as_ptr().align_offset(LINE).min(LANES);
        Self { n, p, stride, first, values }
    }

    /// Where row `i` begins.
    #[inline(always)]
    fn start(&self, i: usize) -> usize {
        self.first + i * self.stride
    }

    /// Writes eight columns of row `i` from column `j` on, as far as there are so many.
    #[inline(always)]
    pub fn set_block<L: Lanes>(&mut self, i: usize, j: usize, values: F64x8<L>) {
        // What is between the last column and the next row belongs to nobody.
        let room = &mut self.values[self.first + i * self.stride + j..];
        if self.stride - j < LANES {
            let (half, _) = room.split_first_chunk_mut().expect("rows are followed by zeros");
            *half = values.first_half();
        } else {
            values.store(&mut room[..LANES]);
        }
    }

    /// The numbers of the first `n` rows, and how many lie between them.
    #[inline(always)]
    pub(crate) fn first_rows_mut(&mut self, n: usize) -> (&mut [f64], usize) {
        (&mut self.values[self.first..][..n * self.stride], self.stride)
    }

    /// Number of rows.
    #[inline(always)]
    #[must_use]
    pub fn n(&self) -> usize {
        self.n
    }

    /// Number of columns.
    #[inline(always)]
    #[must_use]
    pub fn p(&self) -> usize {
        self.p
    }

    /// A row.
    #[inline(always)]
    #[must_use]
    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[self.start(i)..self.start(i) + self.p]
    }

    /// A row to write to.
    #[inline(always)]
    pub fn row_mut(&mut self, i: usize) -> &mut [f64] {
        let start = self.start(i);
        &mut self.values[start..start + self.p]
    }

    /// Overwrites row `i` by row `k` of other rows with as many columns, laid out alike.
    #[inline(always)]
    pub(crate) fn copy_row(&mut self, i: usize, from: &Self, k: usize) {
        let (start, own) = (self.start(i), from.start(k));
        let to = self.values[start..start + self.stride].as_chunks_mut::<ALIGNED>().0;
        let row = from.values[own..own + self.stride].as_chunks::<ALIGNED>().0;
        // Rows are short: a call for each would take as long as the copy.
        to.iter_mut().zip(row).for_each(|(to, x)| *to = *x);
    }

    /// Column `j` from the first row to the last.
    pub fn column(&self, j: usize) -> impl Iterator<Item = f64> {
        (0..self.n).map(move |i| self.values[self.start(i) + j])
    }

    /// Eight numbers of row `i` from column `j` on; those beyond the end of the row mean nothing.
    #[inline(always)]
    pub fn block<L: Lanes>(&self, lanes: L, i: usize, j: usize) -> F64x8<L> {
        F64x8::load(lanes, &self.values[self.start(i) + j..])
    }

    /// Adds `x'beta` of each row in a range to what is there; rows with equal bits get equal bits.
    pub fn add_products(&self, range: Range<usize>, beta: &Padded, to: &mut [f64]) {
        // A search begins at zero.
        if !beta.is_zero() {
            run(Products { rows: self, range, beta, to });
        }
    }

    /// Adds the rows in a range, each times its factor, to a total of `p` numbers. It may be longer,
    /// up to whole blocks of eight, which is faster; what is then beyond `p` means nothing.
    pub fn add_sum(&self, range: Range<usize>, factors: &[f64], total: &mut [f64]) {
        run(WeightedSum { rows: self, range, factors, total });
    }
}

/// A vector with zeros behind its end, up to a multiple of eight.
#[derive(Clone, Debug)]
pub struct Padded {
    p: usize,
    values: Vec<f64>,
}

impl Padded {
    /// A vector of `p` zeros.
    #[must_use]
    pub fn zeros(p: usize) -> Self {
        Self { p, values: vec![0.0; n_blocks(p) * LANES] }
    }

    /// Overwrites the vector.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn set(&mut self, values: &[f64]) {
        self.values[..self.p].copy_from_slice(values);
    }

    /// Whether it is the zero vector.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.values.iter().all(|value| *value == 0.0)
    }

    /// The vector and the zeros behind it.
    #[inline(always)]
    fn blocks(&self) -> &[[f64; LANES]] {
        self.values.as_chunks().0
    }
}

/// Number of blocks of eight that hold `p` numbers.
#[inline(always)]
pub(crate) fn n_blocks(p: usize) -> usize {
    p.div_ceil(LANES)
}

struct Products<'a> {
    rows: &'a Rows,
    range: Range<usize>,
    beta: &'a Padded,
    to: &'a mut [f64],
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let stride = self.rows.stride;
        for (first, to) in self.range.step_by(LANES).zip(self.to.chunks_mut(LANES)) {
            let mut sums = [F64x8::splat(lanes, 0.0); LANES];
            for (block, beta) in self.beta.blocks().iter().enumerate() {
                let beta = F64x8::from_array(lanes, beta);
                let values = &self.rows.values[self.rows.start(first) + block * LANES..];
                for (k, sum) in sums.iter_mut().enumerate() {
                    *sum = F64x8::load(lanes, &values[k * stride..]).mul_add(beta, *sum);
                }
            }
            (F64x8::load_part(lanes, to) + F64x8::sums(sums)).store(to);
        }
    }
}

struct WeightedSum<'a> {
    rows: &'a Rows,
    range: Range<usize>,
    factors: &'a [f64],
    total: &'a mut [f64],
}

impl Kernel for WeightedSum<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        for first in (0..n_blocks(self.total.len())).step_by(4) {
            match n_blocks(self.total.len()) - first {
                1 => self.add_blocks::<L, 1>(lanes, first),
                2 => self.add_blocks::<L, 2>(lanes, first),
                3 => self.add_blocks::<L, 3>(lanes, first),
                _ => self.add_blocks::<L, 4>(lanes, first),
            }
        }
    }
}

impl WeightedSum<'_> {
    /// Several blocks at a time, since each addition waits for the one before.
    #[inline(always)]
    fn add_blocks<L: Lanes, const N: usize>(&mut self, lanes: L, first: usize) {
        let totals = &mut self.total[first * LANES..];
        let end = totals.len().min(N * LANES);
        let mut sums = [F64x8::splat(lanes, 0.0); N];
        // Loops of a fixed length alone leave the sums in registers.
        for (k, sum) in sums.iter_mut().enumerate() {
            *sum = F64x8::load_part(lanes, &totals[k * LANES..end.min((k + 1) * LANES)]);
        }
        for (i, factor) in self.range.clone().zip(self.factors) {
            let factor = F64x8::splat(lanes, *factor);
            for (k, sum) in sums.iter_mut().enumerate() {
                let x = self.rows.block(lanes, i, (first + k) * LANES);
                *sum = x.mul_add(factor, *sum);
            }
        }
        for (k, sum) in sums.iter().enumerate() {
            sum.store(&mut totals[k * LANES..end.min((k + 1) * LANES)]);
        }
    }
}
