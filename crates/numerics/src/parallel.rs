//! Passes over many subjects on all threads at hand, with the same result on any number of them.

use rayon::prelude::*;
use std::ops::Range;

/// Subjects that one thread works on at a time; fewer are not worth a second thread.
const PART: usize = 1 << 16;

/// Fills a list from another of the same length, part by part: `work` is given a part of `from` and
/// the same part of the new list. Its results are in the order of the parts.
pub fn filled<T, U, R>(from: &[T], work: impl Fn(&[T], &mut [U]) -> R + Sync) -> (Vec<U>, Vec<R>)
where
    T: Sync,
    U: Clone + Default + Send,
    R: Send,
{
    let mut into = vec![U::default(); from.len()];
    let results = if from.len() <= PART {
        vec![work(from, &mut into)]
    } else {
        let parts = from.par_chunks(PART).zip(into.par_chunks_mut(PART));
        parts.map(|(from, into)| work(from, into)).collect()
    };
    (into, results)
}

/// Up to so many cells, eight counts of each fit the first cache of the processor.
const FEW_CELLS: usize = 1 << 10;

/// Up to so many cells, two counts of each fit its second cache.
const MANY_CELLS: usize = 1 << 16;

/// With fewer subjects to a cell, more counts of each cost more than they save.
const MANY_PER_CELL: usize = 8;

/// How many of the subjects `0..n` lie in each of `n_cells` cells; `cells` gives the cell of each
/// subject of a range.
///
/// Each thread has counts of its own, which are added up; sums of whole numbers are the same in any
/// order. A cell hit twice in a row would wait for its first count to be stored, so that neighbours
/// are counted apart.
///
/// # Panics
///
/// When a cell is not below `n_cells`.
pub fn counted<I>(n: usize, n_cells: usize, cells: impl Fn(Range<usize>) -> I + Sync) -> Vec<u32>
where
    I: Iterator<Item = usize>,
{
    let is_small = n < MANY_PER_CELL * n_cells;
    if n_cells <= FEW_CELLS && !is_small {
        counted_apart::<8, I>(n, n_cells, cells)
    } else if n_cells <= MANY_CELLS && !is_small {
        counted_apart::<2, I>(n, n_cells, cells)
    } else {
        counted_apart::<1, I>(n, n_cells, cells)
    }
}

fn counted_apart<const LANES: usize, I>(
    n: usize,
    n_cells: usize,
    cells: impl Fn(Range<usize>) -> I + Sync,
) -> Vec<u32>
where
    I: Iterator<Item = usize>,
{
    let n_parts = n.div_ceil(PART);
    let n_threads = n_parts.min(rayon::current_num_threads());
    let add = |mut counts: Vec<[u32; LANES]>, range| {
        for (subject, cell) in cells(range).enumerate() {
            counts[cell][subject % LANES] += 1;
        }
        counts
    };
    let none = || vec![[0; LANES]; n_cells];
    let counts = if n_threads < 2 || n_cells > n / n_threads {
        add(none(), 0..n)
    } else {
        let part = |part: usize| part * PART..n.min((part + 1) * PART);
        let parts = (0..n_parts).into_par_iter().with_min_len(n_parts.div_ceil(n_threads));
        let counts = parts.fold(none, |counts, index| add(counts, part(index)));
        counts.reduce(none, |mut counts, others| {
            let lanes = counts.as_flattened_mut().iter_mut().zip(others.as_flattened());
            lanes.for_each(|(count, other)| *count += other);
            counts
        })
    };
    match LANES {
        1 => counts.into_flattened(),
        _ => counts.iter().map(|lanes| lanes.iter().sum()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_put_together_in_order() {
        for n in [0, 1, PART, 3 * PART + 7] {
            let from: Vec<u64> = (0..n as u64).collect();
            let (doubled, lengths) = filled(&from, |from, into: &mut [u64]| {
                from.iter().zip(into).for_each(|(from, into)| *into = 2 * from);
                from.len()
            });
            assert!((0..n as u64).map(|value| 2 * value).eq(doubled));
            assert_eq!(lengths.iter().sum::<usize>(), n);
        }
    }

    #[test]
    fn counts_do_not_depend_on_threads() {
        let n = 5 * PART + 3;
        let work = |n_cells| counted(n, n_cells, |range| range.map(|subject| subject % 10));
        for n_threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            for n_cells in [10, FEW_CELLS + 1, MANY_CELLS + 1] {
                let counts = pool.install(|| work(n_cells));
                let expected = |cell| n / 10 + usize::from(cell < n % 10);
                assert!((0..10).all(|cell| counts[cell] as usize == expected(cell)));
                assert!(counts[10..].iter().all(|&count| count == 0));
            }
        }
    }
}
