//! The partners that are still free, found in nearly constant time.

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
    up: Vec<u32>,
    /// Parent of each position plus one in the downward forest; 0 is its last root.
    down: Vec<u32>,
}

impl FreePositions {
    /// `n` positions, all of them free.
    pub(crate) fn new(n: usize) -> Self {
        let roots: Vec<u32> = (0..=n as u32).collect();
        Self { up: roots.clone(), down: roots }
    }

    /// The nearest free position that is not below `position`; the number of positions when there
    /// is none.
    pub(crate) fn at_or_above(&mut self, position: u32) -> u32 {
        root(&mut self.up, position)
    }

    /// One more than the nearest free position below `position`; 0 when there is none.
    pub(crate) fn end_below(&mut self, position: u32) -> u32 {
        root(&mut self.down, position)
    }

    /// Marks a position as no longer free.
    pub(crate) fn take(&mut self, position: u32) {
        self.up[position as usize] = position + 1;
        self.down[position as usize + 1] = position;
    }
}

/// The root of a position, halving the path to it.
fn root(parents: &mut [u32], mut position: u32) -> u32 {
    loop {
        let parent = parents[position as usize];
        if parent == position {
            return position;
        }
        let grandparent = parents[parent as usize];
        parents[position as usize] = grandparent;
        position = grandparent;
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
    }
}
