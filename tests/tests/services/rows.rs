//! Rows are counted as the caller counts them, whatever the order of the ids; a row that counts
//! twice is two subjects.

use crate::harness::{Clients, clients, cohort, logistic_model, model};
use wire::pb::common::{Cohort, Selection};
use wire::pb::{matching, regression};

/// The same patients in another order, with ids that lead back.
fn shuffled() -> (Cohort, Vec<usize>) {
    let order = vec![6, 2, 7, 0, 5, 1, 3, 4];
    let mut cohort = cohort();
    for column in &mut cohort.columns {
        if column.values.is_empty() {
            column.codes = order.iter().map(|&row| column.codes[row]).collect();
        } else {
            column.values = order.iter().map(|&row| column.values[row]).collect();
        }
    }
    cohort.ids = order.iter().map(|row| row.to_string()).collect();
    (cohort, order)
}

async fn scores(clients: &mut Clients, cohort: Cohort) -> Vec<(i32, f64)> {
    let request = matching::EstimatePropensityRequest {
        cohort: Some(cohort),
        model: logistic_model("arm", "treated", &["age"]),
        ..Default::default()
    };
    let answer = clients.matching.estimate_propensity(request).await.unwrap().into_inner();
    answer.rows.into_iter().zip(answer.linear_predictors).collect()
}

async fn pairs(clients: &mut Clients, cohort: Cohort) -> Vec<[i32; 2]> {
    let request = matching::MatchPairsRequest {
        cohort: Some(cohort),
        exposure_column: "arm".into(),
        exposed_level: "treated".into(),
        distance_column: "age".into(),
        ..Default::default()
    };
    let answer = clients.matching.match_pairs(request).await.unwrap().into_inner();
    let pairs = answer.exposed_rows.into_iter().zip(answer.comparator_rows);
    pairs.map(|(exposed, comparator)| [exposed, comparator]).collect()
}

#[tokio::test]
async fn scores_and_pairs_do_not_depend_on_the_order_of_rows() {
    let mut clients = clients().await;
    let (shuffled, order) = shuffled();
    let original_row = |row: i32| order[row as usize] as i32;
    let expected = scores(&mut clients, cohort()).await;
    let mut found = scores(&mut clients, shuffled.clone()).await;
    found.iter_mut().for_each(|(row, _)| *row = original_row(*row));
    assert_eq!(found, expected, "scores have the same bits");
    let expected = pairs(&mut clients, cohort()).await;
    let found = pairs(&mut clients, shuffled).await;
    let found: Vec<_> = found.into_iter().map(|pair| pair.map(original_row)).collect();
    assert_eq!(found, expected);
    assert_eq!(found.len(), 4);
}

#[tokio::test]
async fn a_multiplicity_is_a_repeated_row() {
    let mut clients = clients().await;
    let mut fit = async |rows: Vec<i32>, multiplicities: Vec<i32>| {
        let request = regression::FitCoxRequest {
            cohort: Some(cohort()),
            selection: Some(Selection { rows, multiplicities }),
            model: model(&["age"]),
        };
        clients.regression.fit_cox(request).await.unwrap().into_inner().fit.unwrap()
    };
    let counted = fit((0..8).collect(), vec![2, 1, 0, 1, 3, 1, 1, 1]).await;
    let repeated = fit(vec![0, 0, 1, 3, 4, 4, 4, 5, 6, 7], Vec::new()).await;
    assert_eq!(counted, repeated);
    assert_eq!(counted.subject_count, 10);
}
