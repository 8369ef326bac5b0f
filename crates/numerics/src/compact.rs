//! Standardised columns as rows in few bytes: whole numbers of a small range take one byte each.

use crate::lanes::{Block, F64x8, Kernel, LANES, Lanes, run};
use crate::rows::{Rows, n_blocks};
use crate::standard::{Extent, Scale, standardise_into};
use std::hint::black_box;
use std::ops::Range;

/// `n` rows of `p` columns at mean 0 and standard deviation 1, kept as the caller's numbers where those
/// are whole and take a byte: indicators, counts, ages in years. Most columns of patients are, and
/// a walk over many rows waits for memory.
///
/// A walk widens some rows at a time into a [`Window`] that stays in the first cache of the processor.
/// They have the bits that the standardised columns themselves have. Few rows are widened once.
#[derive(Clone, Debug)]
pub struct CompactRows {
    n: usize,
    p: usize,
    /// The columns that do not fit a byte.
    wide: Vec<usize>,
    /// What takes the codes of eight columns to standardised numbers; empty when all columns are wide.
    codes: Vec<CodesOfEight>,
    /// Row after row the bits of the wide columns, standardised, and then the codes of eight columns
    /// at a time, 0 in place of a wide one; after the last row so many more as a block reads.
    words: Vec<u64>,
    /// All rows, where they are few.
    all: Option<Rows>,
}

/// Some successive rows, for one walk at a time.
#[derive(Clone, Debug)]
pub struct Window {
    rows: Rows,
    start: usize,
}

impl Window {
    /// Which of [`CompactRows::rows`] is the first.
    #[inline(always)]
    #[must_use]
    pub fn start(&self) -> usize {
        self.start
    }
}

/// So many numbers are near enough to a processor that rows need not be compact.
const FEW: usize = 1 << 18;

/// `x = (code + lowest - centre) / scale`
#[derive(Clone, Copy, Debug, Default)]
struct CodesOfEight {
    lowest: Block,
    centre: Block,
    per_scale: Block,
    /// How many of the wide columns stand before the eight, and which of the eight are wide.
    n_wide_before: usize,
    wide: u8,
}

/// Words in a line of the cache.
const WORDS_PER_LINE: usize = 8;

/// Number of distant rows that are fetched at once.
const AT_ONCE: usize = 32;

/// A code is a byte.
const LARGEST_CODE: f64 = 255.0;

/// Whole numbers up to this size have whole neighbours, so that codes are exact differences.
const LARGEST_WHOLE: f64 = (1u64 << 50) as f64;

impl CompactRows {
    /// The columns, of which row `i` has the numbers of the subject `order[i]`, with what takes them back
    /// to the caller's unit. The order holds every subject once.
    ///
    /// # Panics
    ///
    /// When a column has not as many numbers as there are rows.
    #[must_use]
    pub fn new(columns: &[&[f64]], order: &[u32]) -> (Self, Vec<Scale>) {
        let n = order.len();
        assert!(columns.iter().all(|column| column.len() == n), "a number for every row");
        let extents: Vec<Extent> = columns.iter().map(|column| Extent::of(column)).collect();
        let scales: Vec<Scale> = columns.iter().zip(&extents).map(Scale::within).collect();
        if n * columns.len() <= FEW {
            return (Self::few(columns, order, &scales), scales);
        }
        let is_wide = |j: &usize| !has_codes(&extents[*j]);
        let wide: Vec<usize> = (0..columns.len()).filter(is_wide).collect();
        let n_codes = if wide.len() < columns.len() { n_blocks(columns.len()) } else { 0 };
        let mut rows = Self {
            n,
            p: columns.len(),
            codes: (0..n_codes).map(|block| codes_of(block, &extents, &scales, &wide)).collect(),
            words: vec![0; n * (wide.len() + n_codes)],
            wide,
            all: None,
        };
        run(Write { columns, scales: &scales, rows: &mut rows });
        rows.words = rows.in_order(order);
        (rows, scales)
    }

    /// Rows that are widened once.
    fn few(columns: &[&[f64]], order: &[u32], scales: &[Scale]) -> Self {
        let (n, p) = (order.len(), columns.len());
        let mut row_of = vec![0; n];
        order.iter().zip(0..).for_each(|(&subject, row)| row_of[subject as usize] = row);
        let mut all = Rows::in_blocks(n, p);
        standardise_into(columns, scales, |subject| row_of[subject], &mut all);
        Self { n, p, wide: Vec::new(), codes: Vec::new(), words: Vec::new(), all: Some(all) }
    }

    /// Overwrites the rows by some of those of `from`, of which these are a copy or were one.
    ///
    /// # Panics
    ///
    /// When there are more of them than there were rows at first.
    pub fn take_rows(&mut self, from: &Self, rows: impl ExactSizeIterator<Item = usize>) {
        self.n = rows.len();
        match (&mut self.all, &from.all) {
            (Some(all), Some(from)) => rows.enumerate().for_each(|(i, k)| all.copy_row(i, from, k)),
            _ => {
                self.words.clear();
                rows.for_each(|i| self.words.extend_from_slice(from.row(i)));
                self.words.extend([0; LANES]);
            }
        }
    }

    /// Words from one row to the next.
    #[inline(always)]
    fn stride(&self) -> usize {
        self.wide.len() + self.codes.len()
    }

    /// A window that holds so many rows without growing.
    #[must_use]
    pub fn window(&self, n: usize) -> Window {
        let n = if self.all.is_some() { 0 } else { n };
        Window { rows: Rows::in_blocks(n, self.p), start: 0 }
    }

    /// Widens the rows of a range into a window, which grows if it must.
    pub fn widen(&self, range: Range<usize>, window: &mut Window) {
        if self.all.is_some() {
            window.start = range.start;
            return;
        }
        if window.rows.n() < range.len() {
            *window = self.window(range.len());
        }
        run(Widen { rows: self, range, to: &mut window.rows });
    }

    /// Where the rows of a window are, from [`Window::start`] on.
    #[inline(always)]
    #[must_use]
    pub fn rows<'a>(&'a self, window: &'a Window) -> &'a Rows {
        self.all.as_ref().unwrap_or(&window.rows)
    }

    /// Brings distant rows to the first cache before [`CompactRows::block`] reads one after the other.
    pub fn fetch(&self, rows: impl Iterator<Item = usize>) {
        if self.all.is_none() {
            rows.for_each(|i| fetch(self.row(i)));
        }
    }

    /// Eight numbers of row `i` from column `8 block` on; those beyond the end of the row mean nothing.
    #[inline(always)]
    pub fn block<L: Lanes>(&self, lanes: L, i: usize, block: usize) -> F64x8<L> {
        if let Some(all) = &self.all {
            return all.block(lanes, i, block * LANES);
        }
        let words = &self.words[i * self.stride()..];
        match self.codes.get(block) {
            None => numbers(lanes, &words[block * LANES..]),
            Some(of_eight) => of_eight.decoder(lanes).decode_row(words, self.wide.len() + block),
        }
    }

    /// The words in the order of the rows. A processor fetches many distant rows at once, but writes
    /// them one by one: hence not while they are written first.
    fn in_order(&self, order: &[u32]) -> Vec<u64> {
        let mut words = Vec::with_capacity(self.words.len() + LANES);
        for subjects in order.chunks(AT_ONCE) {
            subjects.iter().for_each(|&subject| fetch(self.row(subject as usize)));
            for &subject in subjects {
                words.extend_from_slice(self.row(subject as usize));
            }
        }
        words.extend([0; LANES]);
        words
    }

    #[inline(always)]
    fn row(&self, i: usize) -> &[u64] {
        &self.words[i * self.stride()..][..self.stride()]
    }
}

/// Brings words to the first cache, many at once: work on each in turn would wait for each in turn.
#[inline(always)]
fn fetch(words: &[u64]) {
    for word in words.iter().step_by(WORDS_PER_LINE) {
        black_box(*word);
    }
}

/// Whether the numbers of a column are whole and fit a byte.
fn has_codes(extent: &Extent) -> bool {
    let Extent { smallest, largest, is_whole, .. } = *extent;
    is_whole && largest - smallest <= LARGEST_CODE && smallest.abs().max(largest) <= LARGEST_WHOLE
}

fn codes_of(block: usize, extents: &[Extent], scales: &[Scale], wide: &[usize]) -> CodesOfEight {
    let first = block * LANES;
    let among = wide.iter().filter(|&&j| (first..first + LANES).contains(&j));
    let mut of_eight = CodesOfEight {
        n_wide_before: wide.partition_point(|&j| j < first),
        wide: among.fold(0, |bits, j| bits | 1 << (j - first)),
        ..CodesOfEight::default()
    };
    for (lane, (extent, scale)) in extents.iter().zip(scales).skip(first).take(LANES).enumerate() {
        of_eight.lowest.0[lane] = extent.smallest;
        of_eight.centre.0[lane] = scale.centre;
        of_eight.per_scale.0[lane] = 1.0 / scale.scale;
    }
    of_eight
}

impl CodesOfEight {
    #[inline(always)]
    fn decoder<L: Lanes>(&self, lanes: L) -> Decoder<L> {
        let [lowest, centre, per_scale] = [&self.lowest, &self.centre, &self.per_scale].map(
            #[inline(always)]
            |block| F64x8::from_block(lanes, block),
        );
        let (wide, n_wide_before) = (self.wide, self.n_wide_before);
        Decoder { lanes, lowest, centre, per_scale, wide, n_wide_before }
    }
}

/// What takes the codes of eight columns to standardised numbers.
struct Decoder<L: Lanes> {
    lanes: L,
    lowest: F64x8<L>,
    centre: F64x8<L>,
    per_scale: F64x8<L>,
    wide: u8,
    n_wide_before: usize,
}

/// Eight numbers from their bits.
#[inline(always)]
fn numbers<L: Lanes>(lanes: L, words: &[u64]) -> F64x8<L> {
    let words = words.first_chunk::<LANES>().expect("rows are followed by more words");
    F64x8::from_array(lanes, &words.map(f64::from_bits))
}

impl<L: Lanes> Decoder<L> {
    /// The eight columns of a row that begins with these words, its codes at `at`.
    #[inline(always)]
    fn decode_row(&self, words: &[u64], at: usize) -> F64x8<L> {
        let values = self.decode(words[at]);
        if self.wide == 0 {
            return values;
        }
        values.expand(self.wide, numbers(self.lanes, &words[self.n_wide_before..]))
    }

    #[inline(always)]
    fn decode(&self, codes: u64) -> F64x8<L> {
        let x = F64x8::from_bytes(self.lanes, codes) + self.lowest;
        (x - self.centre) * self.per_scale
    }
}

struct Widen<'a> {
    rows: &'a CompactRows,
    range: Range<usize>,
    to: &'a mut Rows,
}

impl Kernel for Widen<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { rows, range, to } = self;
        let (stride, n_wide, n) = (rows.stride(), rows.wide.len(), range.len());
        let words = &rows.words[range.start * stride..];
        fetch(&words[..n * stride]);
        let (to, width) = to.first_rows_mut(n);
        for block in 0..n_blocks(rows.p) {
            let blocks = to.chunks_exact_mut(width).map(
                #[inline(always)]
                |row| &mut row[block * LANES..][..LANES],
            );
            match rows.codes.get(block) {
                None => {
                    for (i, to) in blocks.enumerate() {
                        numbers(lanes, &words[i * stride + block * LANES..]).store(to);
                    }
                }
                Some(of_eight) => {
                    let decoder = of_eight.decoder(lanes);
                    for (i, to) in blocks.enumerate() {
                        decoder.decode_row(&words[i * stride..], n_wide + block).store(to);
                    }
                }
            }
        }
    }
}

/// Writes the rows in the order of the subjects.
struct Write<'a> {
    columns: &'a [&'a [f64]],
    scales: &'a [Scale],
    rows: &'a mut CompactRows,
}

impl Kernel for Write<'_> {
    type Output = ();

    /// Eight columns of eight subjects at a time.
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let (n, stride, n_wide) = (self.rows.n, self.rows.stride(), self.rows.wide.len());
        for first in (0..n).step_by(LANES) {
            let subjects = first..n.min(first + LANES);
            for from in (0..n_wide).step_by(LANES) {
                let numbers = self.numbers(lanes, from, subjects.clone());
                let width = (n_wide - from).min(LANES);
                for (subject, numbers) in subjects.clone().zip(numbers) {
                    let words = &mut self.rows.words[subject * stride + from..][..width];
                    words.iter_mut().zip(numbers).for_each(|(word, x)| *word = x.to_bits());
                }
            }
            for block in 0..self.rows.codes.len() {
                let words = self.codes(lanes, block, subjects.clone());
                for (subject, word) in subjects.clone().zip(words) {
                    self.rows.words[subject * stride + n_wide + block] = word;
                }
            }
        }
    }
}

impl Write<'_> {
    /// Of each subject the standardised numbers of eight wide columns, those from the `first` of them on.
    #[inline(always)]
    fn numbers<L: Lanes>(
        &self,
        lanes: L,
        first: usize,
        subjects: Range<usize>,
    ) -> [[f64; LANES]; LANES] {
        let mut numbers = [F64x8::splat(lanes, 0.0); LANES];
        for (numbers, &j) in numbers.iter_mut().zip(&self.rows.wide[first..]) {
            let Scale { centre, scale } = self.scales[j];
            let values = F64x8::load_part(lanes, &self.columns[j][subjects.clone()]);
            *numbers = (values - values.like(centre)) * values.like(1.0 / scale);
        }
        F64x8::transpose(numbers).map(
            #[inline(always)]
            |row| row.to_array(),
        )
    }

    /// Of each subject the codes of eight columns in one word. Four codes are the digits of a whole
    /// number below 2^32.
    #[inline(always)]
    fn codes<L: Lanes>(&self, lanes: L, block: usize, subjects: Range<usize>) -> [u64; LANES] {
        /// Numbers this large have no fraction, and those below 2^52 stand in their trailing bits.
        const WHOLE: f64 = (1u64 << 52) as f64;
        let of_eight = &self.rows.codes[block];
        let mut halves = [F64x8::splat(lanes, WHOLE); 2];
        let eight = self.columns.iter().skip(block * LANES).take(LANES);
        for (lane, column) in eight.enumerate() {
            if of_eight.wide >> lane & 1 == 1 {
                continue;
            }
            let values = F64x8::load_part(lanes, &column[subjects.clone()]);
            let codes = values - values.like(of_eight.lowest.0[lane]);
            let digit = f64::from(1u32 << (8 * (lane % 4)));
            let half = &mut halves[lane / 4];
            *half = codes.mul_add(codes.like(digit), *half);
        }
        let [low, high] = halves.map(
            #[inline(always)]
            |half| half.to_array(),
        );
        std::array::from_fn(|i| {
            let [low, high] = [low[i], high[i]].map(|half| half.to_bits() as u32);
            u64::from(low) | u64::from(high) << 32
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::{Instructions, restricted_to};
    use crate::standard::standardise;

    /// Of every kind of column: indicators, ages, differences, measurements, a constant, large codes.
    fn column(j: usize, n: usize) -> Vec<f64> {
        let of = |i: usize| match j % 6 {
            0 => f64::from(u8::from((i * i + j).is_multiple_of(3))),
            1 => 20.0 + ((i * 7 + j) % 80) as f64,
            2 => ((i * 31 + j) as f64 * 0.618_033_988_749_894_9).fract() * 1e8,
            3 => -100.0 - ((i * 11 + j) % 256) as f64,
            4 => 7.0,
            _ => ((i * 11 + j) % 257) as f64,
        };
        (0..n).map(of).collect()
    }

    #[test]
    fn rows_have_the_bits_of_standardised_columns_on_all_instructions() {
        for p in [1, 2, 3, 6, 8, 13, 24, 30] {
            let most = FEW / p.max(1);
            for n in [99, most + 1] {
                for set in [Instructions::Avx512, Instructions::Avx2, Instructions::Portable] {
                    restricted_to(set, || assert_standardised(n, p));
                }
            }
        }
    }

    /// The subject of a row: a permutation of many cycles.
    fn place(i: u32, n: usize) -> u32 {
        let n = n as u32;
        if i < n / 3 { (i + 7) % (n / 3) } else { n - 1 - (i - n / 3) }
    }

    fn assert_standardised(n: usize, p: usize) {
        let columns: Vec<Vec<f64>> = (0..p).map(|j| column(j, n)).collect();
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let (compact, scales) =
            CompactRows::new(&columns, &(0..n as u32).map(|i| place(i, n)).collect::<Vec<_>>());
        let range = n - 90..n - 1;
        let mut window = compact.window(0);
        compact.widen(range.clone(), &mut window);
        let rows = compact.rows(&window);
        for (j, column) in columns.iter().enumerate() {
            let want = standardise(column);
            assert_eq!(scales[j], Scale { centre: want.centre, scale: want.scale });
            for (k, i) in range.clone().enumerate() {
                let (got, block) = (rows.row(window.start() + k)[j], run(At(&compact, i, j)));
                let want = want.values[place(i as u32, n) as usize].to_bits();
                assert_eq!([got, block].map(f64::to_bits), [want; 2], "{j} of {p}");
            }
        }
    }

    /// A number by its block.
    struct At<'a>(&'a CompactRows, usize, usize);

    impl Kernel for At<'_> {
        type Output = f64;

        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) -> f64 {
            let Self(rows, i, j) = self;
            rows.block(lanes, i, j / LANES).to_array()[j % LANES]
        }
    }

    #[test]
    fn whole_numbers_of_a_small_range_take_a_byte() {
        let n = FEW / 6 + 1;
        let columns: Vec<Vec<f64>> = (0..6).map(|j| column(j, n)).collect();
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let (rows, _) = CompactRows::new(&columns, &(0..n as u32).collect::<Vec<_>>());
        assert_eq!(rows.wide, [2, 5]);
        assert_eq!(rows.words.len(), 3 * n + LANES);
    }
}
