//! How many patients each step leaves in each arm and at each site.

use intake::Table;
use study::Protocol;

/// Patients at a level of a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LevelCount {
    /// The column.
    pub column: String,
    /// The level; absent for patients in whom it is not known.
    pub level: Option<String>,
    /// Patients left.
    pub n_left: usize,
    /// Patients left out by the step.
    pub n_excluded: usize,
}

/// The levels of every patient of the table, and how many are left of each.
pub(super) struct Levels<'a> {
    /// Codes of arm and site; the last count of each is that of patients without a level.
    codes: Vec<&'a [Option<u32>]>,
    counts: Vec<Vec<LevelCount>>,
}

impl<'a> Levels<'a> {
    /// Everybody is left.
    pub(super) fn read(protocol: &Protocol, table: &'a Table) -> Self {
        let site = protocol.site().map(|site| site.name.as_str());
        let mut all = Self { codes: Vec::new(), counts: Vec::new() };
        for column in [Some(protocol.exposure.column.as_str()), site].into_iter().flatten() {
            // A column that cannot be read has been refused with the table.
            let Ok((levels, codes)) = table.category(column) else { continue };
            let mut counts: Vec<LevelCount> = levels
                .iter()
                .map(Some)
                .chain([None])
                .map(|level| LevelCount {
                    column: column.into(),
                    level: level.cloned(),
                    n_left: 0,
                    n_excluded: 0,
                })
                .collect();
            codes.iter().for_each(|&code| counts[position(code, levels.len())].n_left += 1);
            all.codes.push(codes);
            all.counts.push(counts);
        }
        all
    }

    /// The counts after some rows have left.
    pub(super) fn without(&mut self, excluded: &[usize]) -> Vec<LevelCount> {
        for (codes, counts) in self.codes.iter().zip(&mut self.counts) {
            let unknown = counts.len() - 1;
            counts.iter_mut().for_each(|count| count.n_excluded = 0);
            for &row in excluded {
                let count = &mut counts[position(codes[row], unknown)];
                count.n_left -= 1;
                count.n_excluded += 1;
            }
        }
        self.counts.concat()
    }

    /// The counts of those who are left.
    pub(super) fn into_counts(self) -> Vec<LevelCount> {
        self.counts.concat()
    }
}

fn position(code: Option<u32>, unknown: usize) -> usize {
    code.map_or(unknown, |code| code as usize)
}
