//! Numbers read as categories, and categories crossed with each other.

use numerics::{parallel, radix};

/// A column with no more distinct numbers than this is compared with each of them.
const FEW: usize = 8;

/// Numbers that are looked through together.
const BLOCK: usize = 256;

/// The distinct numbers in ascending order, and which of them each number is; minus zero is zero.
pub(crate) fn factor(values: &[f64]) -> (Vec<f64>, Vec<u32>) {
    if let Some(distinct) = few_distinct(values) {
        let (codes, _) = parallel::filled(values, |values, codes| {
            for &level in distinct.iter().rev().skip(1) {
                let pairs = codes.iter_mut().zip(values);
                pairs.for_each(|(code, &value)| *code += u32::from(value > level));
            }
        });
        return (distinct, codes);
    }
    let (firsts, codes) = ranks(values.len(), |index| sortable(values[index] + 0.0));
    (firsts.into_iter().map(|first| values[first as usize] + 0.0).collect(), codes)
}

/// The distinct numbers in ascending order when there are few, so that no sort is needed.
pub(crate) fn few_distinct(values: &[f64]) -> Option<Vec<f64>> {
    let mut distinct: Vec<f64> = Vec::new();
    for block in values.chunks(BLOCK) {
        let count = |level: &f64| block.iter().filter(|&value| value == level).count();
        if distinct.iter().map(count).sum::<usize>() == block.len() {
            continue;
        }
        for value in block {
            if !distinct.contains(value) {
                distinct.push(value + 0.0);
            }
            if distinct.len() > FEW {
                return None;
            }
        }
    }
    distinct.sort_by(f64::total_cmp);
    Some(distinct)
}

/// Crosses two lists of codes: subjects share a code when they share both of theirs, and the first
/// list decides the order before the second. Codes that do not occur have no number.
pub(crate) fn crossed(first: &[u32], second: &[u32]) -> Vec<u32> {
    let size = |codes: &[u32]| codes.iter().fold(0, |size, &code| size.max(code as usize + 1));
    let width = size(second);
    let n_keys = size(first).saturating_mul(width);
    if n_keys > first.len() {
        let key = |index: usize| u64::from(first[index]) << u32::BITS | u64::from(second[index]);
        return ranks(first.len(), key).1;
    }
    let keys = || first.iter().zip(second).map(|(&a, &b)| a as usize * width + b as usize);
    let mut numbers = vec![0; n_keys];
    keys().for_each(|key| numbers[key] = 1);
    let mut n_before = 0;
    for number in &mut numbers {
        n_before += std::mem::replace(number, n_before);
    }
    keys().map(|key| numbers[key]).collect()
}

/// The first index of each distinct key in ascending order of the keys, and the rank of each key
/// among the distinct ones.
fn ranks(n: usize, key: impl Fn(usize) -> u64) -> (Vec<u32>, Vec<u32>) {
    let order = radix::order_by_key(n, &key);
    let (mut firsts, mut codes) = (Vec::new(), vec![0; n]);
    for tied in order.chunk_by(|&a, &b| key(a as usize) == key(b as usize)) {
        for &index in tied {
            codes[index as usize] = firsts.len() as u32;
        }
        firsts.push(tied[0]);
    }
    (firsts, codes)
}

/// Bits that ascend as the numbers do.
fn sortable(value: f64) -> u64 {
    let bits = value.to_bits();
    if value.is_sign_negative() { !bits } else { bits | 1 << 63 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_factors_in_ascending_order() {
        assert_eq!(factor(&[2.0, 1.0, 2.0]), (vec![1.0, 2.0], vec![1, 0, 1]));
        assert_eq!(factor(&[0.0, -0.0]), (vec![0.0], vec![0, 0]));
        assert_eq!(factor(&[]), (vec![], vec![]));
    }

    /// Twenty numbers, each twice, of both signs.
    #[test]
    fn many_numbers_are_ranked_as_few_are() {
        let values: Vec<f64> = (0..40).map(|index| f64::from(index * 7 % 20) - 9.5).collect();
        let (distinct, codes) = factor(&values);
        assert!(distinct.iter().copied().eq((0..20).map(|level| f64::from(level) - 9.5)));
        assert!(codes.iter().enumerate().all(|(index, &code)| code as usize == index * 7 % 20));
        assert_eq!(few_distinct(&values), None);
    }

    #[test]
    fn codes_are_crossed_in_the_order_of_the_first() {
        assert_eq!(crossed(&[0, 0, 1, 1], &[7, 8, 7, 7]), [0, 1, 2, 2]);
        assert_eq!(crossed(&[0, 2, 2, 0, 0, 2], &[1, 0, 1, 1, 0, 1]), [1, 2, 3, 1, 0, 3]);
    }
}
