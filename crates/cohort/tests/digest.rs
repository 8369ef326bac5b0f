//! Laws of the digest: what it depends on, and what it does not.

use cohort::{Cohort, CohortDigest, Column, ColumnHasher, Values};
use proptest::prelude::*;

/// Some rows of numbers and categories, and which of them are missing.
fn rows() -> impl Strategy<Value = Vec<(f64, u32, bool)>> {
    let number = prop_oneof![Just(0.0), Just(-0.0), -1e6..1e6];
    prop::collection::vec((number, 0..3u32, any::<bool>()), 1..1500)
}

fn columns(rows: &[(f64, u32, bool)]) -> [Column; 2] {
    let missing: Vec<usize> = (0..rows.len()).filter(|&row| rows[row].2).collect();
    let levels = ["a", "b", "c"].map(String::from).to_vec();
    [
        Column::numeric("x", rows.iter().map(|row| row.0).collect()).with_missing(missing.clone()),
        Column::categorical("g", levels, rows.iter().map(|row| row.1).collect())
            .with_missing(missing),
    ]
}

fn digest(columns: impl IntoIterator<Item = Column>) -> CohortDigest {
    let cohort = Cohort::new(None, columns.into_iter().collect());
    CohortDigest::of(&cohort.expect("the columns fit each other"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_order_of_columns_does_not_matter(rows in rows()) {
        let [x, g] = columns(&rows);
        prop_assert_eq!(digest([x.clone(), g.clone()]), digest([g, x]));
    }

    /// Nor the sign of zero, nor what stands in a missing cell, nor the order in which missing rows
    /// are listed.
    #[test]
    fn what_no_analysis_reads_does_not_matter(rows in rows(), filler in any::<f64>(), code in 0..9u32) {
        let changed: Vec<_> = rows
            .iter()
            .map(|&(x, g, missing)| match missing {
                true => (filler, code, true),
                false => (if x == 0.0 { -x } else { x }, g, false),
            })
            .collect();
        let mut other = columns(&changed);
        other.iter_mut().for_each(|column| column.missing.reverse());
        prop_assert_eq!(digest(columns(&rows)), digest(other));
    }

    #[test]
    fn chunks_do_not_matter(rows in rows(), chunk in 1..700usize) {
        let [x, _] = columns(&rows);
        let whole = Cohort::new(None, vec![x]).expect("a column").column_digests()["x"];
        let mut hasher = ColumnHasher::new("x", None, rows.len());
        for rows in rows.chunks(chunk) {
            let values: Vec<f64> = rows.iter().map(|row| row.0).collect();
            hasher.add(&Values::Numeric(values.into()), |row| rows[row].2);
        }
        prop_assert_eq!(hasher.finish(), whole);
    }

    /// Everything else does: a value, a level, a name, that a cell is missing, the order of rows.
    #[test]
    fn whatever_an_analysis_reads_matters(rows in rows(), at in any::<prop::sample::Index>()) {
        let at = at.index(rows.len());
        let before = digest(columns(&rows));
        let mut changed = rows.clone();
        changed[at].2 = !changed[at].2;
        prop_assert_ne!(before, digest(columns(&changed)));
        let [x, g] = columns(&rows);
        prop_assert_ne!(before, digest([Column { name: "y".into(), ..x.clone() }, g.clone()]));
        let levels = ["a", "b", "d"].map(String::from).to_vec();
        let Values::Categorical { codes, .. } = &g.values else { unreachable!() };
        let relabelled = Values::Categorical { levels, codes: codes.clone() };
        prop_assert_ne!(before, digest([x.clone(), Column { values: relabelled, ..g.clone() }]));
        prop_assert_ne!(before, digest([x]));
        let mut turned = rows.clone();
        turned.reverse();
        let same = rows.iter().zip(&turned).all(|(a, b)| a.2 == b.2 && (a.2 || (a.0 == b.0 && a.1 == b.1)));
        prop_assert_eq!(before == digest(columns(&turned)), same);
    }
}
