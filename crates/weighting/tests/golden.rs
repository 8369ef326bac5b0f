//! Agreement with R on real data; the weights from scores are compared in `tests/golden`.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{Cohort, Column, Selection, Term};
use weighting::{Entropy, Target, WeightMethod, Weights, WeightsQuery, weigh};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden");

/// The data set `gbsg`, which holds numbers alone.
fn gbsg() -> Cohort {
    let mut reader = csv::Reader::from_path(format!("{GOLDEN}/data/gbsg.csv")).unwrap();
    let names: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let column = |(index, name): (usize, &String)| {
        let numbers = records.iter().map(|record| record[index].parse().unwrap());
        Column::numeric(name, numbers.collect())
    };
    Cohort::new(None, names.iter().enumerate().map(column).collect()).unwrap()
}

fn weights(target: Target) -> Weights {
    let cohort = gbsg();
    let terms = vec![
        Term::linear("age"),
        Term::factor("meno"),
        Term::linear("size"),
        Term::linear("nodes"),
        Term::factor("grade"),
    ];
    let query = WeightsQuery {
        exposure: "hormon".into(),
        exposed: "1".into(),
        method: WeightMethod::EntropyBalancing(Entropy::new(terms, target)),
        truncation: None,
    };
    weigh(&cohort, &Selection::all(&cohort), &query).unwrap()
}

/// The balance equations solved by `nleqslv` in R 4.2.2 to 1e-15, the weights scaled as here. The
/// numbers are the first four weights, the largest, and the effective sizes of exposed and comparators.
#[test]
fn entropy_balancing_agrees_with_r() {
    let cases = [
        (
            Target::Everybody,
            [
                1.346_947_155_730_21,
                1.784_111_378_537_01,
                1.710_287_754_276_07,
                1.207_702_702_979_79,
            ],
            [6.853_256_616_638_61, 204.120_452_459_412, 419.617_583_568_16],
        ),
        (
            Target::Exposed,
            [
                0.307_620_351_299_205,
                0.722_843_887_972_983,
                0.661_652_959_275_664,
                0.225_256_800_141_648,
            ],
            [1.689_422_760_634_72, 246.0, 315.959_949_022_765],
        ),
        (Target::Comparators, [1.0; 4], [6.438_960_481_775_14, 162.855_364_553_31, 440.0]),
    ];
    for (target, first, [largest, exposed, comparators]) in cases {
        let found = weights(target);
        let maximum = found.exposed.maximum.max(found.comparators.maximum);
        let sizes = [&found.exposed, &found.comparators].map(|arm| arm.effective_sample_size);
        let got = found.weights[..4].iter().chain([&maximum, &sizes[0], &sizes[1]]);
        for (got, want) in got.zip(first.iter().chain(&[largest, exposed, comparators])) {
            assert!((got - want).abs() <= 1e-12 * want, "{target:?}: {got} instead of {want}");
        }
        for mean in &found.means {
            let tolerance = 1e-13 * mean.target.abs().max(1.0);
            assert!((mean.exposed - mean.target).abs() <= tolerance, "{mean:?}");
            assert!((mean.comparators - mean.target).abs() <= tolerance, "{mean:?}");
        }
    }
}
