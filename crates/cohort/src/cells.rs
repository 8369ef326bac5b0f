//! Cells of a column that are shared, not copied.

use std::ops::Deref;
use std::sync::Arc;

/// The cells of a column or of what was read from it; a clone is the same cells, not a copy of them.
///
/// A column of ten million numbers takes 80 megabytes, so an endpoint of everybody shares the times
/// with the cohort it was read from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cells<T>(Arc<Vec<T>>);

impl<T: Clone> Cells<T> {
    /// The cells to be changed, copied first if somebody else holds them.
    pub(crate) fn make_mut(&mut self) -> &mut [T] {
        Arc::<Vec<T>>::make_mut(&mut self.0)
    }
}

impl<T> Cells<T> {
    /// Where the cells are in memory, and their bytes.
    pub(crate) fn list(&self) -> (usize, usize) {
        (self.as_ptr().addr(), size_of_val::<[T]>(self))
    }
}

impl<T> Deref for Cells<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> From<Vec<T>> for Cells<T> {
    fn from(cells: Vec<T>) -> Self {
        Self(Arc::new(cells))
    }
}

impl<T> FromIterator<T> for Cells<T> {
    fn from_iter<I: IntoIterator<Item = T>>(cells: I) -> Self {
        Self::from(Vec::from_iter(cells))
    }
}

impl<'a, T> IntoIterator for &'a Cells<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
