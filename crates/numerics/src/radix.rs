//! Orders of many keys without comparisons.

/// Below this many keys a sort by comparison is as fast as passes with their counters.
const FEW: usize = 512;

/// Bits that one pass sorts by: its counters fit the first cache of the processor.
const DIGIT_BITS: u32 = 11;

/// The indexes `0..n` in ascending order of their keys; equal keys keep the order of the indexes.
///
/// A word holds an index and, above it, as many of the leading bits in which keys differ as there is
/// room for: 40 for ten million keys. Words are sorted digit by digit from the last, but for digits
/// that all keys share, and then by comparison where their keys differ in later bits alone. Time is
/// linear unless very many keys do so. Takes 16 bytes a key while it works.
///
/// Knuth (1998), The Art of Computer Programming 3, section 5.2.5.
///
/// # Panics
///
/// When there are 2^32 keys or more.
#[must_use]
pub fn order_by_key(n: usize, key: impl Fn(usize) -> u64) -> Vec<u32> {
    assert!(u32::try_from(n).is_ok(), "an index has 32 bits");
    let (min, max) = (0..n).fold((u64::MAX, 0), |(min, max), index| {
        let key = key(index);
        (key.min(min), key.max(max))
    });
    if min >= max {
        return (0..n as u32).collect();
    }
    let index_bits = u64::BITS - (n as u64 - 1).leading_zeros();
    let key_bits = u64::BITS - (max - min).leading_zeros();
    let dropped = (key_bits + index_bits).saturating_sub(u64::BITS);
    let index_of = |word: u64| (word & ((1 << index_bits) - 1)) as usize;
    let pack = |index: usize| ((key(index) - min) >> dropped) << index_bits | index as u64;
    let mut words: Vec<u64> = (0..n).map(pack).collect();
    if n < FEW {
        // The index is part of the word, so that no two are equal.
        words.sort_unstable();
    } else {
        words = sorted_by_digits(words, index_bits, key_bits - dropped);
    }
    if dropped > 0 {
        let full = |&word: &u64| (key(index_of(word)), word);
        for tied in words.chunk_by_mut(|a, b| a >> index_bits == b >> index_bits) {
            if tied.len() > 1 && !tied.is_sorted_by_key(full) {
                tied.sort_unstable_by_key(full);
            }
        }
    }
    words.into_iter().map(|word| index_of(word) as u32).collect()
}

/// A key in the order of numbers that are not NaN; zeros of both signs have the same.
#[must_use]
pub fn key_of(number: f64) -> u64 {
    const SIGN: u64 = 1 << 63;
    // Minus zero becomes zero.
    let bits = (number + 0.0).to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// Sorts words by `bits` of them from the bit `first` on, the last digit first.
fn sorted_by_digits(mut words: Vec<u64>, first: u32, bits: u32) -> Vec<u64> {
    let n_passes = bits.div_ceil(DIGIT_BITS);
    let width = bits.div_ceil(n_passes);
    let mask = (1usize << width) - 1;
    let digit = |word: u64, pass: u32| (word >> (first + pass * width)) as usize & mask;
    let mut counts = vec![vec![0u32; mask + 1]; n_passes as usize];
    for &word in &words {
        for (pass, counts) in counts.iter_mut().enumerate() {
            counts[digit(word, pass as u32)] += 1;
        }
    }
    let mut sorted = vec![0; words.len()];
    for (pass, counts) in counts.into_iter().enumerate() {
        if counts.iter().any(|&count| count as usize == words.len()) {
            continue;
        }
        let mut next = starts(counts);
        for &word in &words {
            let position = &mut next[digit(word, pass as u32)];
            sorted[*position as usize] = word;
            *position += 1;
        }
        std::mem::swap(&mut words, &mut sorted);
    }
    words
}

/// Where each digit begins when all are laid out in ascending order.
fn starts(mut counts: Vec<u32>) -> Vec<u32> {
    let mut total = 0;
    for count in &mut counts {
        total += std::mem::replace(count, total);
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key streams of Marsaglia's xorshift.
    fn keys(n: usize, shape: impl Fn(u64) -> u64) -> Vec<u64> {
        let mut state = 88_172_645_463_325_252u64;
        let mut draw = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        (0..n).map(|_| shape(draw())).collect()
    }

    fn agrees(keys: &[u64]) {
        let mut expected: Vec<u32> = (0..keys.len() as u32).collect();
        expected.sort_by_key(|&index| keys[index as usize]);
        assert_eq!(order_by_key(keys.len(), |index| keys[index]), expected);
    }

    #[test]
    fn equal_keys_keep_their_order() {
        let keys = [3, 1, 3, 0, 1];
        assert_eq!(order_by_key(5, |index| keys[index]), [3, 1, 4, 0, 2]);
    }

    #[test]
    fn agrees_with_a_stable_sort() {
        let shapes: [fn(u64) -> u64; 8] = [
            |key| key,
            |key| key % 5,
            |key| key % 4381,
            |key| (1 << 40) | (key % 100),
            |key| ((key % 3) << 50) | (key >> 40),
            |key| ((key % 3) << 40) | (key % 7),
            |key| (f64::from(key as u32) * 1e-7).to_bits(),
            |key| (key & 1) * ((1 << 63) | (key % 4)),
        ];
        for shape in shapes {
            for n in [0, 1, 2, 100, FEW, 5000] {
                agrees(&keys(n, shape));
            }
        }
        agrees(&[0; 1000]);
        agrees(&[u64::MAX, 0, u64::MAX, 1]);
    }

    #[test]
    fn keys_are_in_the_order_of_the_numbers() {
        let numbers = [f64::NEG_INFINITY, -2.0, -1e-300, 0.0, 5e-324, 1.0, f64::INFINITY];
        assert!(numbers.map(key_of).is_sorted_by(|a, b| a < b));
        assert_eq!(key_of(-0.0), key_of(0.0));
    }
}
