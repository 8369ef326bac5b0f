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

/// Counts over `0..n` in `n_cells` cells: `count` adds a range of subjects to counts that may hold
/// others already.
///
/// Each thread has counts of its own, which are added up; sums of whole numbers are the same in any
/// order.
pub fn counted(
    n: usize,
    n_cells: usize,
    count: impl Fn(Range<usize>, &mut [u32]) + Sync,
) -> Vec<u32> {
    let n_parts = n.div_ceil(PART);
    let mut counts = vec![0; n_cells];
    if n_parts < 2 || n_cells > n / n_parts.min(rayon::current_num_threads()) {
        count(0..n, &mut counts);
        return counts;
    }
    let part = |part: usize| part * PART..n.min((part + 1) * PART);
    let added = (0..n_parts)
        .into_par_iter()
        .with_min_len(n_parts.div_ceil(rayon::current_num_threads()))
        .fold(
            || vec![0; n_cells],
            |mut counts, index| {
                count(part(index), &mut counts);
                counts
            },
        )
        .reduce_with(|mut counts, others| {
            counts.iter_mut().zip(others).for_each(|(count, other)| *count += other);
            counts
        });
    added.unwrap_or(counts)
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
        let work =
            || counted(n, 10, |range, counts| range.for_each(|subject| counts[subject % 10] += 1));
        for n_threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let counts = pool.install(work);
            assert!(
                counts.iter().enumerate().all(|(digit, &count)| {
                    count as usize == n / 10 + usize::from(digit < n % 10)
                })
            );
        }
    }
}
