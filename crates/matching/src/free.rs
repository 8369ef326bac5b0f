//! The partners that are still free, found at once.

/// Positions `0..n`, some of them free; the nearest free one on either side of any position.
///
/// A bit per position says whether it is free, a bit per word of these whether any of the word is, and
/// so on up to a single word. A search climbs past used words and down again: four levels for ten
/// million positions, whose bits together take less than two megabytes.
///
/// The tree of van Emde Boas (1977), Math. Syst. Theory 10:99-127, with words as its clusters.
#[derive(Clone, Debug)]
pub(crate) struct FreePositions {
    n: u32,
    /// The bits, the lowest level first; the last level is one word.
    levels: Vec<Vec<u64>>,
}

impl FreePositions {
    /// `n` positions, all of them free.
    pub(crate) fn new(n: usize) -> Self {
        let mut levels = Vec::new();
        let mut n_bits = n;
        loop {
            // Every level has a bit to spare, so that its end is a bit as well.
            let mut words = vec![u64::MAX; n_bits / 64 + 1];
            words[n_bits / 64] = (1 << (n_bits % 64)) - 1;
            levels.push(words);
            if n_bits < 64 {
                return Self { n: n as u32, levels };
            }
            n_bits = n_bits.div_ceil(64);
        }
    }

    /// The nearest free position that is not below `position`; the number of positions when there
    /// is none.
    pub(crate) fn at_or_above(&self, position: u32) -> u32 {
        let mut index = position as usize;
        for (height, words) in self.levels.iter().enumerate() {
            let word = words.get(index / 64).map_or(0, |word| word & (u64::MAX << (index % 64)));
            if word != 0 {
                let bit = (index & !63) + word.trailing_zeros() as usize;
                return self.descend(bit, height, |word| word.trailing_zeros());
            }
            index = index / 64 + 1;
        }
        self.n
    }

    /// One more than the nearest free position below `position`; 0 when there is none.
    pub(crate) fn end_below(&self, position: u32) -> u32 {
        let mut end = position as usize;
        for (height, words) in self.levels.iter().enumerate() {
            // The bits below a multiple of 64 are those of the words before.
            let word = match end % 64 {
                0 => 0,
                n_bits => words[end / 64] & ((1 << n_bits) - 1),
            };
            if word != 0 {
                let bit = (end & !63) + word.ilog2() as usize;
                return self.descend(bit, height, u64::ilog2) + 1;
            }
            end /= 64;
        }
        0
    }

    /// The position under a bit of a level, by the bit that `choose` takes of each word below.
    fn descend(&self, bit: usize, height: usize, choose: impl Fn(u64) -> u32) -> u32 {
        let down = |bit: usize, words: &Vec<u64>| bit * 64 + choose(words[bit]) as usize;
        self.levels[..height].iter().rev().fold(bit, down) as u32
    }

    /// Marks a position as no longer free.
    pub(crate) fn take(&mut self, position: u32) {
        let mut index = position as usize;
        for words in &mut self.levels {
            let word = &mut words[index / 64];
            *word &= !(1 << (index % 64));
            if *word != 0 {
                return;
            }
            index /= 64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_positions_are_passed_over() {
        let mut free = FreePositions::new(5);
        free.take(1);
        free.take(4);
        assert_eq!(free.at_or_above(1), 2);
        assert_eq!(free.end_below(2), 1);
        free.take(2);
        assert_eq!(free.at_or_above(1), 3);
        assert_eq!(free.end_below(3), 1);
        free.take(0);
        free.take(3);
        assert_eq!(free.at_or_above(0), 5);
        assert_eq!(free.end_below(5), 0);
        assert_eq!(FreePositions::new(0).at_or_above(0), 0);
        assert_eq!(FreePositions::new(0).end_below(0), 0);
    }

    /// Every third position stays free until runs longer than words are taken.
    #[test]
    fn searches_agree_with_a_walk() {
        for n in [63, 64, 65, 4096, 5000] {
            let mut free = FreePositions::new(n as usize);
            let mut is_free = vec![true; n as usize];
            let taken = (0..n).filter(|k| k % 3 != 0).chain((n / 7..n - n / 7).step_by(3));
            for position in taken.chain(n / 3..n / 2) {
                free.take(position);
                is_free[position as usize] = false;
            }
            for position in 0..=n {
                let above = (position..n).find(|&k| is_free[k as usize]).unwrap_or(n);
                let below = (0..position).rev().find(|&k| is_free[k as usize]);
                assert_eq!(free.at_or_above(position), above);
                assert_eq!(free.end_below(position), below.map_or(0, |k| k + 1));
            }
        }
    }
}
