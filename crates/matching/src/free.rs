//! The comparators that are still free, found in nearly constant time.

/// Positions `0..n`, some of them free; the nearest free one on either side of any position.
///
/// Two disjoint-set forests, one per direction: a position that is not free points onwards, and
/// every search shortens the chains it walks. `n` searches and takings cost `O(n log n)` at worst
/// and `O(n)` in practice, where a walk over the used neighbours would cost `O(n²)`.
///
/// Gabow and Tarjan (1985), J. Comput. Syst. Sci. 30:209-221.
#[derive(Clone, Debug)]
pub(crate) struct FreePositions {
    /// Parent of each position in the upward forest; `n` is its last root: none is free.
    up: Vec<usize>,
    /// Parent of each position plus one in the downward forest; 0 is its last root.
    down: Vec<usize>,
}

impl FreePositions {
    pub(crate) fn new(is_free: impl ExactSizeIterator<Item = bool>) -> Self {
        let n = is_free.len();
        let mut free = Self { up: (0..=n).collect(), down: (0..=n).collect() };
        for (position, is_free) in is_free.enumerate() {
            if !is_free {
                free.take(position);
            }
        }
        free
    }

    /// The nearest free position that is not below `position`.
    pub(crate) fn at_or_above(&mut self, position: usize) -> Option<usize> {
        let found = root(&mut self.up, position);
        (found + 1 < self.up.len()).then_some(found)
    }

    /// The nearest free position below `position`.
    pub(crate) fn below(&mut self, position: usize) -> Option<usize> {
        root(&mut self.down, position).checked_sub(1)
    }

    /// Marks a position as no longer free.
    pub(crate) fn take(&mut self, position: usize) {
        self.up[position] = position + 1;
        self.down[position + 1] = position;
    }
}

/// The root of a position, halving the path to it.
fn root(parents: &mut [usize], mut position: usize) -> usize {
    while parents[position] != position {
        parents[position] = parents[parents[position]];
        position = parents[position];
    }
    position
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_positions_are_passed_over() {
        let mut free = FreePositions::new([true, false, true, true, false].into_iter());
        assert_eq!(free.at_or_above(1), Some(2));
        assert_eq!(free.below(1), Some(0));
        free.take(2);
        assert_eq!(free.at_or_above(1), Some(3));
        assert_eq!(free.below(3), Some(0));
        free.take(0);
        free.take(3);
        assert_eq!(free.at_or_above(0), None);
        assert_eq!(free.below(5), None);
    }
}
