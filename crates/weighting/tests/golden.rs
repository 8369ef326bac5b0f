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

fn weights(terms: Vec<Term>, target: Target) -> Weights {
    let cohort = gbsg();
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
    let terms = vec![
        Term::linear("age"),
        Term::factor("meno"),
        Term::linear("size"),
        Term::linear("nodes"),
        Term::factor("grade"),
    ];
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
    for case in cases {
        agrees(&terms, case);
    }
}

/// Second moments of three numbers, the third of age and a product. The dual was minimised in R 4.2.2 by
/// `optim` and polished by Newton steps until means agreed to 5e-16.
#[test]
fn higher_moments_agree_with_r() {
    let product = |a: Term, b: &str| Term::Interaction(Box::new(a), Box::new(Term::linear(b)));
    let square = |name: &str| product(Term::linear(name), name);
    let terms = vec![
        Term::linear("age"),
        Term::linear("size"),
        Term::linear("nodes"),
        square("age"),
        square("size"),
        square("nodes"),
        product(square("age"), "age"),
        product(Term::linear("age"), "nodes"),
    ];
    let cases = [
        (
            Target::Everybody,
            [1.427_041_544_389_12, 1.732_884_328_901_12, 1.617_689_312_628_11, 1.264_929_942_948],
            [7.125_921_049_701_62, 210.523_781_919_313_6, 420.247_678_674_384_9],
        ),
        (
            Target::Exposed,
            [
                0.406_482_502_023_887,
                0.772_470_458_010_185,
                0.582_199_145_100_067,
                0.275_484_773_697_703,
            ],
            [1.872_407_494_353_695, 246.0, 320.121_353_802_327_06],
        ),
        (Target::Comparators, [1.0; 4], [6.261_502_418_545_65, 173.959_713_673_114_86, 440.0]),
    ];
    for case in cases {
        agrees(&terms, case);
    }
}

/// A target with the first four weights, the largest, and the effective sizes of the arms.
fn agrees(terms: &[Term], case: (Target, [f64; 4], [f64; 3])) {
    let (target, first, others) = case;
    let found = weights(terms.to_vec(), target);
    let maximum = found.exposed.maximum.max(found.comparators.maximum);
    let sizes = [&found.exposed, &found.comparators].map(|arm| arm.effective_sample_size);
    let got = found.weights[..4].iter().chain([&maximum, &sizes[0], &sizes[1]]);
    for (got, want) in got.zip(first.iter().chain(&others)) {
        assert!((got - want).abs() <= 1e-12 * want, "{target:?}: {got} instead of {want}");
    }
    for mean in &found.means {
        let tolerance = 1e-13 * mean.target.abs().max(1.0);
        assert!((mean.exposed - mean.target).abs() <= tolerance, "{mean:?}");
        assert!((mean.comparators - mean.target).abs() <= tolerance, "{mean:?}");
    }
}
