//! Finished sets, as indexes of subjects.

/// A focal subject and one of its partners.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Link {
    pub focal: u32,
    pub partner: u32,
    pub distance: f64,
}

/// Pairs in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Links {
    pub pairs: Vec<Link>,
    /// Choices at which another partner would have done as well.
    pub n_ties: usize,
}

impl Links {
    /// The pairs by focal subject, each one's in the order in which they were found.
    pub(crate) fn by_focal(self, n: usize) -> Self {
        let mut next = vec![0u32; n + 1];
        for link in &self.pairs {
            next[link.focal as usize + 1] += 1;
        }
        for subject in 0..n {
            next[subject + 1] += next[subject];
        }
        let mut pairs = vec![Link::default(); self.pairs.len()];
        for link in self.pairs {
            let slot = &mut next[link.focal as usize];
            pairs[*slot as usize] = link;
            *slot += 1;
        }
        Self { pairs, n_ties: self.n_ties }
    }
}

/// The number of the set of each subject from pairs by focal subject, in which no partner is taken
/// twice; 0 = in none.
pub(crate) fn numbered(pairs: &[Link], n: usize) -> Vec<u32> {
    let mut set = vec![0; n];
    let mut n_sets = 0;
    for of_one in pairs.chunk_by(|a, b| a.focal == b.focal) {
        n_sets += 1;
        set[of_one[0].focal as usize] = n_sets;
        for link in of_one {
            set[link.partner as usize] = n_sets;
        }
    }
    set
}

/// Classes numbered from 1 in the order of their first subject; 0 stays 0.
pub(crate) fn renumbered(classes: &[u32]) -> Vec<u32> {
    let largest = classes.iter().max().map_or(0, |&largest| largest as usize);
    let mut number = vec![0u32; largest + 1];
    let mut n_classes = 0;
    let mut renumber = |&class: &u32| {
        let number = &mut number[class as usize];
        if class > 0 && *number == 0 {
            n_classes += 1;
            *number = n_classes;
        }
        *number
    };
    classes.iter().map(&mut renumber).collect()
}
