//! A division of subjects into groups.

use crate::{Categories, Cells};

/// To which of several groups, or strata, each subject belongs.
#[derive(Clone, Debug, PartialEq)]
pub struct Groups {
    n_groups: usize,
    codes: Option<Cells<u32>>,
}

impl Groups {
    /// Everybody in one group.
    #[must_use]
    pub fn one() -> Self {
        Self { n_groups: 1, codes: None }
    }

    /// `codes` holds an index below `n_groups` for every subject.
    ///
    /// # Panics
    ///
    /// When an index is not below `n_groups`.
    #[must_use]
    pub fn new(codes: impl Into<Cells<u32>>, n_groups: usize) -> Self {
        let numbered = Self::numbered(codes);
        assert!(numbered.n_groups <= n_groups, "every subject has a group");
        Self { n_groups, ..numbered }
    }

    /// A group for every index up to the largest one.
    #[must_use]
    pub fn numbered(codes: impl Into<Cells<u32>>) -> Self {
        let codes = codes.into();
        let n_groups = codes.iter().fold(0, |n, &code| n.max(code as usize + 1));
        Self { n_groups, codes: Some(codes) }
    }

    /// Number of groups, also those that hold nobody.
    #[must_use]
    pub fn n_groups(&self) -> usize {
        self.n_groups
    }

    /// Index of the group of each subject; absent when everybody is in one.
    #[must_use]
    pub fn codes(&self) -> Option<&[u32]> {
        self.codes.as_deref()
    }
}

/// A group for each level.
impl From<&Categories> for Groups {
    fn from(categories: &Categories) -> Self {
        Self { n_groups: categories.levels.len(), codes: Some(categories.codes.clone()) }
    }
}
