//! Cohorts that requests name by digest: the same answers, and what is refused.

use crate::every_call::{self, Answers, Patients};
use crate::harness::{Clients, categories, clients, clients_of, cohort, failure, numbers};
use cohort::{CohortDigest, ColumnHasher, IdsDigest, Values};
use service_kit::{Failure, Settings};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tonic::{Code, Status};
use wire::pb::cohort::upload_cohort_request::Piece;
use wire::pb::cohort::{
    CohortAnnouncement, ColumnChunk, ColumnHeader, IdChunk, UploadCohortRequest,
    UploadCohortResponse,
};
use wire::pb::common::{Cohort, Column};

/// The patients of the other tests, with what every call needs, a column that holds nothing in some
/// rows, and ids in another order than the rows.
fn patients() -> Cohort {
    let mut cohort = cohort();
    cohort.ids = ["12", "3", "7", "1", "20", "5", "4", "9"].map(String::from).to_vec();
    cohort.columns.push(numbers("pair", &[1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]));
    cohort.columns.push(numbers("score", &[0.1, 0.8, 0.4, 0.6, 0.7, 0.2, 0.3, 0.5]));
    cohort.columns.push(categories("outcome", &["0", "1"], &[0, 1, 0, 1, 0, 1, 0, 1]));
    let mut marker = numbers("marker", &[-0.0, 1.0, 77.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    marker.missing_rows = vec![2];
    cohort.columns.push(marker);
    cohort
}

fn digest_of(cohort: &Cohort) -> CohortDigest {
    let n_rows = n_rows(cohort);
    let digest = |column: &Column| {
        let is_categorical = !column.levels.is_empty();
        let mut hasher =
            ColumnHasher::new(&column.name, is_categorical.then_some(&*column.levels), n_rows);
        let cells = match is_categorical {
            true => Values::Categorical {
                levels: column.levels.clone(),
                codes: column.codes.iter().map(|&code| code as u32).collect(),
            },
            false => Values::Numeric(column.values.clone().into()),
        };
        hasher.add(&cells, |row| column.missing_rows.contains(&(row as i32)));
        (column.name.clone(), hasher.finish())
    };
    let columns: BTreeMap<_, _> = cohort.columns.iter().map(digest).collect();
    let ids = (!cohort.ids.is_empty()).then(|| IdsDigest::new(&cohort.ids));
    CohortDigest::new(n_rows, ids, &columns)
}

fn n_rows(cohort: &Cohort) -> usize {
    let first = &cohort.columns[0];
    first.values.len().max(first.codes.len())
}

/// The pieces of a cohort, with so many rows in a chunk.
fn pieces(cohort: &Cohort, chunk_rows: usize) -> Vec<Piece> {
    let n_rows = n_rows(cohort);
    let header = |column: &Column| ColumnHeader {
        name: column.name.clone(),
        levels: column.levels.clone(),
        ..Default::default()
    };
    let mut pieces = vec![Piece::Announcement(CohortAnnouncement {
        digest: digest_of(cohort).to_string(),
        row_count: n_rows as i32,
        has_ids: !cohort.ids.is_empty(),
        columns: cohort.columns.iter().map(header).collect(),
        base_digest: String::new(),
    })];
    for first in (0..n_rows).step_by(chunk_rows) {
        let rows = first..n_rows.min(first + chunk_rows);
        if !cohort.ids.is_empty() {
            let ids = cohort.ids[rows.clone()].to_vec();
            pieces.push(Piece::Ids(IdChunk { first_row: first as i32, ids }));
        }
        pieces.extend(cohort.columns.iter().map(|column| {
            let missing = column.missing_rows.iter().map(|&row| row as usize);
            Piece::Column(ColumnChunk {
                name: column.name.clone(),
                first_row: first as i32,
                values: column.values.get(rows.clone()).unwrap_or_default().to_vec(),
                codes: column.codes.get(rows.clone()).unwrap_or_default().to_vec(),
                missing_rows: missing
                    .filter(|row| rows.contains(row))
                    .map(|row| (row - first) as i32)
                    .collect(),
            })
        }));
    }
    pieces
}

async fn upload(clients: &mut Clients, pieces: Vec<Piece>) -> Result<UploadCohortResponse, Status> {
    let pieces = pieces.into_iter().map(|piece| UploadCohortRequest { piece: Some(piece) });
    let pieces: Vec<_> = pieces.collect();
    clients.cohorts.upload_cohort(tokio_stream::iter(pieces)).await.map(|held| held.into_inner())
}

fn by_digest(cohort: &Cohort) -> Patients {
    let digest = digest_of(cohort).to_string();
    (Some(Cohort { digest, ..Cohort::default() }), None)
}

async fn ask_all(clients: &mut Clients, patients: &Patients) -> Answers {
    let mut answers = every_call::ask_survival(clients, patients).await;
    answers.extend(every_call::ask_models(clients, patients).await);
    answers.extend(every_call::ask_matching(clients, patients).await);
    answers.extend(every_call::ask_others(clients, patients).await);
    answers
}

fn reason(failure: &Failure) -> (Code, &str) {
    (failure.code, failure.reason.as_str())
}

/// Whatever the chunks and the order of the columns, an answer has the same bits as that to the
/// cohort that comes along.
#[tokio::test]
async fn every_call_answers_alike_by_digest() {
    let mut clients = clients().await;
    let cohort = patients();
    let inline = ask_all(&mut clients, &(Some(cohort.clone()), None)).await;
    assert_eq!(inline.len(), 27);
    for (call, answer) in ask_all(&mut clients, &by_digest(&cohort)).await {
        let refused = failure(answer);
        assert_eq!(reason(&refused), (Code::NotFound, "COHORT_NOT_FOUND"), "{call}");
    }
    let mut turned = cohort.clone();
    turned.columns.reverse();
    let held = upload(&mut clients, pieces(&turned, 3)).await.unwrap();
    assert_eq!(held.digest, digest_of(&cohort).to_string());
    assert_eq!((held.row_count, held.column_count), (8, 8));
    let named = ask_all(&mut clients, &by_digest(&cohort)).await;
    for ((call, inline), (_, named)) in inline.into_iter().zip(named) {
        assert_eq!(inline.unwrap(), named.unwrap(), "{call}");
    }
    let again = upload(&mut clients, pieces(&cohort, 8)).await.unwrap();
    assert_eq!(again, held);
}

/// A cohort that gains a column sends that column alone.
#[tokio::test]
async fn a_cohort_is_extended() {
    let mut clients = clients().await;
    let cohort = patients();
    let base = Cohort { columns: cohort.columns[..4].to_vec(), ..cohort.clone() };
    let first = upload(&mut clients, pieces(&base, 5)).await.unwrap();
    let extension = Cohort { columns: cohort.columns[4..].to_vec(), ..Cohort::default() };
    let mut pieces = pieces(&extension, 8);
    let Piece::Announcement(announcement) = &mut pieces[0] else { panic!() };
    announcement.digest = digest_of(&cohort).to_string();
    announcement.base_digest = "v1:".to_owned() + &"0".repeat(64);
    let refused = failure(upload(&mut clients, pieces.clone()).await);
    assert_eq!(reason(&refused), (Code::NotFound, "COHORT_NOT_FOUND"), "{refused:?}");
    let Piece::Announcement(announcement) = &mut pieces[0] else { panic!() };
    announcement.base_digest = first.digest;
    let held = upload(&mut clients, pieces).await.unwrap();
    assert_eq!(held.column_count, 8);
    let inline = every_call::ask_others(&mut clients, &(Some(cohort.clone()), None)).await;
    let named = every_call::ask_others(&mut clients, &by_digest(&cohort)).await;
    for ((call, inline), (_, named)) in inline.into_iter().zip(named) {
        assert_eq!(inline.unwrap(), named.unwrap(), "{call}");
    }
}

/// Every fault of an upload comes back with its field, and nothing is held.
#[tokio::test]
async fn bad_uploads_are_refused() {
    let mut clients = clients().await;
    let good = patients();
    let mut cases: Vec<(Vec<Piece>, &[&str])> = Vec::new();
    let mut with = |fields: &'static [&'static str], change: &dyn Fn(&mut Vec<Piece>)| {
        let mut pieces = pieces(&good, 5);
        change(&mut pieces);
        cases.push((pieces, fields));
    };
    fn announced(pieces: &mut [Piece]) -> &mut CohortAnnouncement {
        let Piece::Announcement(announcement) = &mut pieces[0] else { panic!() };
        announcement
    }
    fn chunk(pieces: &mut [Piece], index: usize) -> &mut ColumnChunk {
        let Piece::Column(chunk) = &mut pieces[index] else { panic!() };
        chunk
    }
    with(&["announcement"], &|pieces| pieces.clear());
    with(&["announcement"], &|pieces| pieces.rotate_left(1));
    with(&["announcement"], &|pieces| pieces.push(pieces[0].clone()));
    with(&["announcement.digest", "announcement.row_count"], &|pieces| {
        let announcement = announced(pieces);
        (announcement.digest, announcement.row_count) = ("v1:0".into(), 0);
    });
    with(&["announcement.columns[1].name", "announcement.columns[2].levels"], &|pieces| {
        let announcement = announced(pieces);
        announcement.columns[1].name = "time".into();
        announcement.columns[2].levels = vec!["a".into(), "a".into()];
    });
    with(&["announcement.digest"], &|pieces| chunk(pieces, 2).values[1] = 2.5);
    with(&["announcement.columns[0]", "announcement.has_ids"], &|pieces| {
        pieces.remove(11);
        pieces.remove(10);
    });
    with(&["column.values[3]"], &|pieces| chunk(pieces, 2).values[3] = f64::NAN);
    with(&["column.codes[1]"], &|pieces| chunk(pieces, 4).codes[1] = 2);
    with(&["column.missing_rows[0]"], &|pieces| chunk(pieces, 2).missing_rows = vec![5]);
    with(&["column.values"], &|pieces| chunk(pieces, 4).values = vec![1.0]);
    with(&["column.name"], &|pieces| chunk(pieces, 2).name = "nobody".into());
    with(&["column.first_row"], &|pieces| chunk(pieces, 2).first_row = 1);
    with(&["column"], &|pieces| chunk(pieces, 11).values.push(1.0));
    for (index, (pieces, fields)) in cases.into_iter().enumerate() {
        let refused = failure(upload(&mut clients, pieces).await);
        let found: Vec<_> = refused.violations.iter().map(|one| one.field.as_str()).collect();
        assert_eq!((refused.code, &*found), (Code::InvalidArgument, fields), "case {index}");
    }
    for (_, answer) in every_call::ask_others(&mut clients, &by_digest(&good)).await {
        assert_eq!(failure(answer).code, Code::NotFound);
    }
}

/// The budget is kept: what was asked for least recently goes, and what never fits is refused.
#[tokio::test]
async fn the_least_recently_used_cohort_goes() {
    let table = |name: &str, n: usize| Cohort {
        columns: vec![numbers(name, &vec![1.0; n])],
        ..Cohort::default()
    };
    // A cohort of n rows takes 9 n bytes and a little.
    let settings = Settings { cohort_bytes: 3 * 95_000, ..Settings::default() };
    let mut clients = clients_of(settings).await;
    let cohorts = ["a", "b", "c", "d"].map(|name| table(name, 10_000));
    for cohort in &cohorts[..3] {
        upload(&mut clients, pieces(cohort, 4000)).await.unwrap();
    }
    let mut held = BTreeSet::new();
    let mut look = async |clients: &mut Clients| {
        held.clear();
        for cohort in &cohorts {
            let request = wire::pb::survival::EstimateCurvesRequest {
                cohort: by_digest(cohort).0,
                ..Default::default()
            };
            let refused = failure(clients.survival.estimate_curves(request).await);
            if refused.code != Code::NotFound {
                held.insert(cohort.columns[0].name.clone());
            }
        }
        held.iter().cloned().collect::<Vec<_>>().concat()
    };
    assert_eq!(look(&mut clients).await, "abc");
    // The first is announced again, which is to ask for it.
    upload(&mut clients, pieces(&cohorts[0], 4000)).await.unwrap();
    upload(&mut clients, pieces(&cohorts[3], 4000)).await.unwrap();
    assert_eq!(look(&mut clients).await, "acd");
    let refused = failure(upload(&mut clients, pieces(&table("e", 40_000), 4000)).await);
    assert_eq!(reason(&refused), (Code::ResourceExhausted, "COHORT_TOO_LARGE"));
    assert_eq!(refused.retry_after, None);
    assert_eq!(look(&mut clients).await, "acd");
}

/// What is being uploaded counts, and is free again when its caller goes away.
#[tokio::test]
async fn an_upload_that_is_given_up_leaves_nothing() {
    let table =
        |name: &str| Cohort { columns: vec![numbers(name, &[1.0; 10_000])], ..Cohort::default() };
    let settings = Settings { cohort_bytes: 150_000, ..Settings::default() };
    let mut clients = clients_of(settings).await;
    let (sender, receiver) = tokio::sync::mpsc::channel(16);
    let mut client = clients.cohorts.clone();
    let slow = tokio::spawn(async move {
        client.upload_cohort(tokio_stream::wrappers::ReceiverStream::new(receiver)).await
    });
    for piece in pieces(&table("slow"), 4000).into_iter().take(2) {
        sender.send(UploadCohortRequest { piece: Some(piece) }).await.unwrap();
    }
    // Two uploads that meet would refuse each other, so that this one waits until the first has begun.
    while sender.capacity() < sender.max_capacity() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let refused = failure(upload(&mut clients, pieces(&table("other"), 4000)).await);
    assert_eq!(reason(&refused), (Code::ResourceExhausted, "BUSY"));
    assert!(refused.retry_after.is_some());
    slow.abort();
    drop(sender);
    let mut answer = upload(&mut clients, pieces(&table("other"), 4000)).await;
    for _ in 0..200 {
        if answer.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        answer = upload(&mut clients, pieces(&table("other"), 4000)).await;
    }
    assert!(answer.is_ok(), "{answer:?}");
}

/// A digest stands in place of columns, and only what is one.
#[tokio::test]
async fn a_digest_that_is_none_is_a_mistake() {
    let mut clients = clients().await;
    let cohort = patients();
    let digest = digest_of(&cohort).to_string();
    for wrong in
        [Cohort { digest, ..cohort }, Cohort { digest: "v1:7".into(), ..Cohort::default() }]
    {
        for (call, answer) in
            every_call::ask_models(&mut clients, &(Some(wrong.clone()), None)).await
        {
            let refused = failure(answer);
            let both = wrong.columns.len() > 1;
            // Of a digest that could be one, whether it is held is said first.
            let expected = if both { Code::NotFound } else { Code::InvalidArgument };
            assert_eq!(refused.code, expected, "{call}");
        }
    }
}
