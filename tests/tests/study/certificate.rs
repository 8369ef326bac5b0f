//! The certificate of a match: it stands in the report, and whoever holds the pairs can check it.

use crate::harness::{Report, example};

#[test]
fn the_digest_of_the_report_is_that_of_the_pairs_of_its_folder() {
    for name in ["her2", "rotterdam"] {
        let report = Report::of(&example(name), &[]);
        let pairs = report.text("matched_pairs.csv");
        let ids = pairs.lines().skip(1).map(|line| {
            let mut cells = line.split(',').skip(1);
            (cells.next().unwrap().to_string(), cells.next().unwrap().to_string())
        });
        let certificate = &report.json()["outline"]["matching"];
        let digest = certificate["digest"].as_str().unwrap();
        assert_eq!(digest, matching::digest_of_lines(ids), "{name}");
        let algorithm = certificate["algorithm"].as_str().unwrap();
        assert_eq!(algorithm, "greedy nearest neighbour matching, version 1", "{name}");
        let html = report.text("report.html");
        for words in [digest, algorithm, certificate["estimand"].as_str().unwrap()] {
            assert!(html.contains(words), "{name}: the report does not say {words}");
        }
        assert!(report.value("study/matched/matching/all/largest_over_caliper") <= 1.0);
    }
}
