//! Weighted sums of the products of all pairs of columns, where models spend their time.

use crate::lanes::{Block, F64x8, Kernel, LANES, Lanes, run};
use crate::rows::Rows;
use nalgebra::DMatrix;
use std::ops::Range;

/// `X' W X` over the rows added so far, `W` a diagonal of weights of either sign.
///
/// Rows of the result are computed in tiles that stay in registers while rows of `X` go by, a
/// chunk of them at a time so that those stay in the first cache. Every sum adds its rows in order.
#[derive(Clone, Debug)]
pub struct Gram {
    p: usize,
    /// Row after row of the lower triangle, each in whole blocks: what is above the diagonal in the
    /// last block of a row means nothing.
    sums: Vec<Block>,
}

/// Number of rows that are added at a time; so many of 20 columns take a third of the first cache.
pub const CHUNK: usize = 64;

impl Gram {
    /// The matrix of no rows with `p` columns.
    #[must_use]
    pub fn new(p: usize) -> Self {
        Self { p, sums: vec![Block::default(); first_block(p)] }
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.sums.fill(Block::default());
    }

    /// Adds the rows in a range, each with its weight. They may have more columns than the matrix,
    /// which are then left out.
    pub fn add(&mut self, rows: &Rows, range: Range<usize>, weights: &[f64]) {
        if self.p > 0 {
            run(Add { gram: self, sum: None, rows, range, weights });
        }
    }

    /// The same, and adds the weighted rows themselves to a sum. It has whole blocks of eight numbers,
    /// of which those beyond the columns mean nothing.
    pub fn add_with_sum(
        &mut self,
        rows: &Rows,
        range: Range<usize>,
        weights: &[f64],
        sum: &mut [f64],
    ) {
        if self.p > 0 {
            run(Add { gram: self, sum: Some(sum), rows, range, weights });
        }
    }

    /// Multiplies all sums.
    pub fn scale(&mut self, factor: f64) {
        for block in &mut self.sums {
            block.0.iter_mut().for_each(|sum| *sum *= factor);
        }
    }

    /// Adds `a` times this matrix to another one.
    pub fn add_to(&self, a: f64, total: &mut Self) {
        run(AddTo { sums: &self.sums, a, total: &mut total.sums });
    }

    /// Adds the rows of `other` to those of this matrix, and `a` times the outcome less `b` times
    /// `other` to `total`.
    pub fn take_in(&mut self, other: &Self, factors: [f64; 2], total: &mut Self) {
        let (sums, other) = (&mut self.sums, &other.sums);
        run(TakeIn { sums, other, factors, total: &mut total.sums });
    }

    /// The element in row `i` and column `j`.
    #[must_use]
    pub fn at(&self, i: usize, j: usize) -> f64 {
        let (i, j) = (i.max(j), i.min(j));
        self.sums[first_block(i) + j / LANES].0[j % LANES]
    }

    /// The whole matrix.
    #[must_use]
    pub fn matrix(&self) -> DMatrix<f64> {
        let mut matrix = DMatrix::zeros(self.p, self.p);
        self.copy_to(&mut matrix);
        matrix
    }

    /// Overwrites a matrix of `p` rows and columns by the whole matrix.
    pub fn copy_to(&self, matrix: &mut DMatrix<f64>) {
        for i in 0..self.p {
            let row = self.sums[first_block(i)..].iter().flat_map(|block| block.0);
            for (j, sum) in row.take(i + 1).enumerate() {
                matrix[(i, j)] = sum;
                matrix[(j, i)] = sum;
            }
        }
    }
}

/// Number of blocks before row `i` of the lower triangle: one more in a row for each eight rows.
#[inline(always)]
fn first_block(i: usize) -> usize {
    let (eights, rest) = (i / LANES, i % LANES);
    LANES * eights * (eights + 1) / 2 + rest * (eights + 1)
}

struct AddTo<'a> {
    sums: &'a [Block],
    a: f64,
    total: &'a mut [Block],
}

impl Kernel for AddTo<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let a = F64x8::splat(lanes, self.a);
        for (total, sum) in self.total.iter_mut().zip(self.sums) {
            let sum = F64x8::from_block(lanes, sum);
            *total = sum.mul_add(a, F64x8::from_block(lanes, total)).to_block();
        }
    }
}

struct TakeIn<'a> {
    sums: &'a mut [Block],
    other: &'a [Block],
    factors: [f64; 2],
    total: &'a mut [Block],
}

impl Kernel for TakeIn<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let [a, b] = self.factors.map(
            #[inline(always)]
            |factor| F64x8::splat(lanes, factor),
        );
        let sums = self.sums.iter_mut().zip(self.other);
        for (total, (sum, other)) in self.total.iter_mut().zip(sums) {
            let other = F64x8::from_block(lanes, other);
            let both = F64x8::from_block(lanes, sum) + other;
            *sum = both.to_block();
            let less = other.neg_mul_add(b, F64x8::from_block(lanes, total));
            *total = both.mul_add(a, less).to_block();
        }
    }
}

struct Add<'a> {
    gram: &'a mut Gram,
    /// Sum of the weighted rows, if asked for.
    sum: Option<&'a mut [f64]>,
    rows: &'a Rows,
    range: Range<usize>,
    weights: &'a [f64],
}

impl Kernel for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        for (start, weights) in self.range.clone().step_by(CHUNK).zip(self.weights.chunks(CHUNK)) {
            self.add_chunk(lanes, start, weights);
        }
    }
}

impl Add<'_> {
    /// Tiles do not cross a multiple of eight, so that all of their rows have the same blocks.
    #[inline(always)]
    fn add_chunk<L: Lanes>(&mut self, lanes: L, start: usize, weights: &[f64]) {
        let mut i = 0;
        while i < self.gram.p {
            let most = L::ACCUMULATORS.min(self.gram.p - i).min(LANES);
            i += match most {
                8.. => self.add_tiles::<L, 8>(lanes, start, weights, i),
                4.. => self.add_tiles::<L, 4>(lanes, start, weights, i),
                2.. => self.add_tiles::<L, 2>(lanes, start, weights, i),
                _ => self.add_tiles::<L, 1>(lanes, start, weights, i),
            };
        }
    }

    /// Adds sums of weighted rows from block `block` on.
    #[inline(always)]
    fn add_to_sum<L: Lanes, const M: usize>(&mut self, block: usize, sums: [F64x8<L>; M]) {
        let totals = self.sum.as_deref_mut().map(|sum| &mut sum[block * LANES..]);
        for (total, sum) in totals.into_iter().flat_map(|sum| sum.chunks_mut(LANES)).zip(sums) {
            (F64x8::load_part(sum.lanes(), total) + sum).store(total);
        }
    }

    /// All blocks of `N` rows of the result, from row `i` on, several at a time: the processor can
    /// load no more numbers than it can multiply.
    #[inline(always)]
    fn add_tiles<L: Lanes, const N: usize>(
        &mut self,
        lanes: L,
        start: usize,
        weights: &[f64],
        i: usize,
    ) -> usize {
        let blocks = i / LANES + 1;
        let mut block = 0;
        while block < blocks {
            block += match (L::ACCUMULATORS / N).min(blocks - block) {
                3.. if N < 8 => self.add_tile::<L, N, 3>(lanes, start, weights, i, block),
                2.. => self.add_tile::<L, N, 2>(lanes, start, weights, i, block),
                _ => self.add_tile::<L, N, 1>(lanes, start, weights, i, block),
            };
        }
        N
    }

    /// `M` blocks of the columns of `N` rows of the result, from row `i` and block `block` on.
    #[inline(always)]
    fn add_tile<L: Lanes, const N: usize, const M: usize>(
        &mut self,
        lanes: L,
        start: usize,
        weights: &[f64],
        i: usize,
        block: usize,
    ) -> usize {
        let mut sums = [[F64x8::splat(lanes, 0.0); M]; N];
        let mut weighted_rows = [F64x8::splat(lanes, 0.0); M];
        for (row, weight) in (start..).zip(weights) {
            let weight = F64x8::splat(lanes, *weight);
            let mut weighted = [weight; M];
            for (k, weighted) in weighted.iter_mut().enumerate() {
                *weighted = self.rows.block(lanes, row, (block + k) * LANES) * weight;
                weighted_rows[k] += *weighted;
            }
            let x = self.rows.row(row)[i..].first_chunk::<N>().expect("a tile ends with its row");
            for (sums, x) in sums.iter_mut().zip(x) {
                let x = F64x8::splat(lanes, *x);
                for (sum, weighted) in sums.iter_mut().zip(weighted) {
                    *sum = x.mul_add(weighted, *sum);
                }
            }
        }
        // The last row of the matrix goes over all blocks.
        if i + N == self.gram.p {
            self.add_to_sum(block, weighted_rows);
        }
        for (k, sums) in sums.into_iter().enumerate() {
            let totals = &mut self.gram.sums[first_block(i + k) + block..];
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total = (F64x8::from_block(lanes, total) + sum).to_block();
            }
        }
        M
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::{Instructions, restricted_to};
    use crate::rows::Padded;

    fn rows(n: usize, p: usize) -> Rows {
        let mut rows = Rows::zeros(n, p);
        for i in 0..n {
            for (j, x) in rows.row_mut(i).iter_mut().enumerate() {
                *x = ((i * p + j) as f64 * 0.618_033_988_749_894_9).fract() - 0.4;
            }
        }
        rows
    }

    /// Two rows, worked by hand: `2 (1 2)'(1 2) - (3 -1)'(3 -1)`.
    #[test]
    fn weights_may_be_negative() {
        let mut rows = Rows::zeros(2, 2);
        rows.row_mut(0).copy_from_slice(&[1.0, 2.0]);
        rows.row_mut(1).copy_from_slice(&[3.0, -1.0]);
        let mut gram = Gram::new(2);
        gram.add(&rows, 0..2, &[2.0, -1.0]);
        assert_eq!(gram.matrix(), DMatrix::from_row_slice(2, 2, &[-7.0, 7.0, 7.0, 7.0]));
    }

    #[test]
    fn sums_are_those_of_the_definition_on_all_instructions() {
        for p in [0, 1, 2, 3, 7, 8, 9, 12, 20, 35] {
            let rows = rows(200, p);
            let weights: Vec<f64> = (0..150).map(|i| f64::from(i) / 100.0 - 0.5).collect();
            let computed = |set| {
                restricted_to(set, || {
                    let (mut gram, mut total) = (Gram::new(p), vec![0.0; p]);
                    gram.add(&rows, 30..180, &weights);
                    rows.add_sum(30..180, &weights, &mut total);
                    let mut sum = vec![1.0; p.next_multiple_of(LANES)];
                    Gram::new(p).add_with_sum(&rows, 30..180, &weights, &mut sum);
                    assert!(sum.iter().zip(&total).all(|(a, b)| (a - 1.0 - b).abs() < 1e-12));
                    let (mut beta, mut products) = (Padded::zeros(p), vec![1.0; 150]);
                    beta.set(&total);
                    rows.add_products(30..180, &beta, &mut products);
                    (gram.matrix(), total, products)
                })
            };
            let (gram, total, products) = computed(Instructions::Widest);
            let weighted = |f: &dyn Fn(usize) -> f64| -> f64 {
                (30..180).map(|i| weights[i - 30] * f(i)).sum()
            };
            for j in 0..p {
                assert!((total[j] - weighted(&|i| rows.row(i)[j])).abs() < 1e-12);
                for k in 0..p {
                    let want = weighted(&|i| rows.row(i)[j] * rows.row(i)[k]);
                    assert!((gram[(j, k)] - want).abs() < 1e-12);
                }
            }
            for (i, product) in products.iter().enumerate() {
                let dot: f64 = rows.row(i + 30).iter().zip(&total).map(|(x, t)| x * t).sum();
                assert!((product - 1.0 - dot).abs() < 1e-11);
            }
            for set in [Instructions::Avx512, Instructions::Avx2, Instructions::Portable] {
                assert_eq!(computed(set), (gram.clone(), total.clone(), products.clone()));
            }
        }
    }

    #[test]
    fn equal_rows_have_equal_products_wherever_they_stand() {
        let mut rows = Rows::zeros(13, 5);
        (0..13).for_each(|i| rows.row_mut(i).copy_from_slice(&[0.1, 0.7, -0.3, 2.1, 1e-3]));
        let mut beta = Padded::zeros(5);
        beta.set(&[0.3, -1.7, 0.9, 0.2, 11.0]);
        let mut products = [0.0; 13];
        rows.add_products(0..13, &beta, &mut products);
        assert!(products.iter().all(|product| product.to_bits() == products[0].to_bits()));
    }
}
