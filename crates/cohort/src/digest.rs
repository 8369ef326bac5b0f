//! The digest by which a cohort is named where its columns are not sent again.
//!
//! Version 1, for callers in any language. Lengths and numbers of rows, columns and levels are 8
//! bytes, little-endian; a text is the number of its bytes and its bytes in UTF-8.
//!
//! ```text
//! column = SHA-256( "equipoise column 1" | name | kind | rows | cells )
//!     numbers      kind is the byte 0; a cell is 8 bytes, an IEEE 754 double, little-endian;
//!                  -0 is written as 0, and a missing cell as the NaN 0x7ff8000000000000
//!     categories   kind is the byte 1, the number of levels and each level as a text; a cell is 4
//!                  bytes, the code as a signed integer, little-endian; -1 where it is missing
//! ids    = SHA-256( "equipoise ids 1" | rows | each id as a text )
//! cohort = SHA-256( "equipoise cohort 1" | rows | 0 or 1 and the digest of the ids
//!                   | number of columns | digests of the columns, by the bytes of their names )
//! ```
//!
//! The 0 or 1 is a byte that says whether the rows have ids; without them nothing follows it. The
//! digest of a cohort is written `v1:` and 64 hexadecimal digits in lower case. It depends neither on
//! the order of the columns nor on what stands in a missing cell, but it does on the order of rows.

use crate::{Cohort, Values};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

const PREFIX: &str = "v1:";

/// The NaN that stands for a missing number.
const MISSING_NUMBER: u64 = 0x7ff8_0000_0000_0000;

/// Cells that are written and hashed together, while they are in the cache of the processor.
const BLOCK: usize = 512;

/// The digest of a whole cohort.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CohortDigest([u8; 32]);

/// The digest of one column with its name.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ColumnDigest([u8; 32]);

/// The digest of the ids of the rows, in the order of the rows.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct IdsDigest([u8; 32]);

/// A text that is no digest.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[error("is no digest: it is written v1: and 64 hexadecimal digits in lower case")]
pub struct InvalidDigest;

impl CohortDigest {
    /// The digest of columns over so many rows, by name; `ids` is absent where the row numbers are
    /// the ids.
    #[must_use]
    pub fn new(
        n_rows: usize,
        ids: Option<IdsDigest>,
        columns: &BTreeMap<String, ColumnDigest>,
    ) -> Self {
        let mut hasher = Hasher::new("equipoise cohort 1");
        hasher.count(n_rows);
        match ids {
            None => hasher.0.update([0]),
            Some(IdsDigest(ids)) => {
                hasher.0.update([1]);
                hasher.0.update(ids);
            }
        }
        hasher.count(columns.len());
        columns.values().for_each(|ColumnDigest(column)| hasher.0.update(column));
        Self(hasher.finish())
    }

    /// The digest of [`Cohort::numbered`].
    #[must_use]
    pub fn of(cohort: &Cohort) -> Self {
        let digests = cohort.column_digests();
        Self::new(cohort.len(), None, &digests)
    }
}

impl fmt::Display for CohortDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for CohortDigest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let digits = text.strip_prefix(PREFIX).ok_or(InvalidDigest)?.as_bytes();
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let byte = |pair: &[u8]| Some(value(pair[0])? << 4 | value(pair[1])?);
        let bytes: Option<Vec<u8>> = digits.chunks_exact(2).map(byte).collect();
        let bytes = bytes.filter(|_| digits.len() == 64).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(InvalidDigest)
    }
}

impl IdsDigest {
    /// The digest of the ids of all rows.
    #[must_use]
    pub fn new(ids: &[String]) -> Self {
        let mut hasher = Hasher::new("equipoise ids 1");
        hasher.count(ids.len());
        ids.iter().for_each(|id| hasher.text(id));
        Self(hasher.finish())
    }
}

/// Takes the cells of a column as they come.
#[derive(Clone, Debug)]
pub struct ColumnHasher(Hasher);

impl ColumnHasher {
    /// A column of so many rows: of categories with these levels, or of numbers.
    #[must_use]
    pub fn new(name: &str, levels: Option<&[String]>, n_rows: usize) -> Self {
        let mut hasher = Hasher::new("equipoise column 1");
        hasher.text(name);
        match levels {
            None => hasher.0.update([0]),
            Some(levels) => {
                hasher.0.update([1]);
                hasher.count(levels.len());
                levels.iter().for_each(|level| hasher.text(level));
            }
        }
        hasher.count(n_rows);
        Self(hasher)
    }

    /// The next cells; `is_missing` says of each of these, counted from 0, whether it has no value.
    pub fn add(&mut self, cells: &Values, is_missing: impl Fn(usize) -> bool) {
        match cells {
            Values::Numeric(values) => self.0.cells(values, |index, &value| {
                let bits = if is_missing(index) { MISSING_NUMBER } else { (value + 0.0).to_bits() };
                bits.to_le_bytes()
            }),
            Values::Categorical { codes, .. } => self.0.cells(codes, |index, &code| {
                let code = if is_missing(index) { u32::MAX } else { code };
                code.to_le_bytes()
            }),
        }
    }

    /// The digest of the cells that were added.
    #[must_use]
    pub fn finish(self) -> ColumnDigest {
        ColumnDigest(self.0.finish())
    }
}

/// SHA-256 over the parts of a digest.
#[derive(Clone, Debug)]
struct Hasher(Sha256);

impl Hasher {
    fn new(kind: &str) -> Self {
        Self(Sha256::new_with_prefix(kind))
    }

    fn count(&mut self, count: usize) {
        self.0.update((count as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text);
    }

    fn cells<T, const BYTES: usize>(
        &mut self,
        cells: &[T],
        written: impl Fn(usize, &T) -> [u8; BYTES],
    ) {
        let mut block = [[0; BYTES]; BLOCK];
        for (number, cells) in cells.chunks(BLOCK).enumerate() {
            let first = number * BLOCK;
            for (offset, (cell, bytes)) in cells.iter().zip(&mut block).enumerate() {
                *bytes = written(first + offset, cell);
            }
            self.0.update(block[..cells.len()].as_flattened());
        }
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Column;

    /// The cohort of the Python client check, which computes the digest with `hashlib`.
    fn cohort() -> Cohort {
        let levels = ["control", "behandelt ü"].map(String::from).to_vec();
        let columns = vec![
            Column::numeric("time", vec![1.5, -0.0, 7.25]).with_missing(vec![2]),
            Column::categorical("arm", levels, vec![0, 1, 1]).with_missing(vec![0]),
        ];
        Cohort::new(None, columns).unwrap()
    }

    #[test]
    fn agrees_with_python() {
        let digest = CohortDigest::of(&cohort());
        assert_eq!(
            digest.to_string(),
            "v1:6db5d62f1d84652af99e1bc0d145f59d6bb7ddd27a89185372a81fbf29660bf2"
        );
        let ids = ["b", "a", "10"].map(String::from);
        let with_ids = CohortDigest::new(3, Some(IdsDigest::new(&ids)), &cohort().column_digests());
        assert_eq!(
            with_ids.to_string(),
            "v1:b7522d29306d9cbcb1bc34bae247573f12afdcb949078a8d641a654016e9d8b9"
        );
    }

    #[test]
    fn is_written_and_read() {
        let digest = CohortDigest::of(&cohort());
        assert_eq!(digest.to_string().parse(), Ok(digest));
        let text = digest.to_string();
        let (short, upper) = (&text[..text.len() - 1], text.to_uppercase());
        for text in [short, &upper, "", "v1:", &format!("{text}0"), &text.replace("v1", "v2")] {
            assert_eq!(text.parse::<CohortDigest>(), Err(InvalidDigest), "{text:?}");
        }
    }

    #[test]
    fn a_column_is_hashed_once() {
        let mut cohort = cohort();
        let before = cohort.column_digests();
        cohort.push(Column::numeric("score", vec![0.5; 3])).unwrap();
        let after = cohort.column_digests();
        assert!(before.iter().all(|(name, digest)| after[name] == *digest));
        assert_ne!(CohortDigest::new(3, None, &before), CohortDigest::of(&cohort));
    }
}
