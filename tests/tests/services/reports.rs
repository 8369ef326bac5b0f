//! The files of a report in every format, from the run and from its `report.json` alone.

use cohort_store::Desk;
use coordinator::Statistics;
use service_kit::{Compute, Failure, Pool, Services, Settings, Stack};
use std::collections::BTreeMap;
use tonic::transport::Channel;
use tonic::{Code, Status};
use wire::pb::study::ReportFormat as Format;
use wire::pb::study::run_study_request::Piece;
use wire::pb::study::run_study_response::Piece as Answer;
use wire::pb::study::study_service_client::StudyServiceClient;
use wire::pb::study::{RenderReportRequest, ReportFiles, RunStudyRequest};

const STUDY: &str = r#"
schema = "equipoise/1"
[study]
id = "small"
title = "Small"
time_unit = "days"
[data]
file = "small.csv"
id = "id"
[time_zero]
date = "begin"
[exposure]
column = "rt"
exposed = { value = 1 }
comparator = { value = 0 }
[[endpoint]]
id = "os"
event = { column = "death" }
end = "end"
"#;

/// Eight patients of two arms, who die one by one.
const TABLE: &str = "id,rt,death,begin,end\n\
                     1,0,1,2020-01-01,2020-01-03\n2,1,1,2020-01-01,2020-01-04\n\
                     3,0,1,2020-01-01,2020-01-05\n4,1,1,2020-01-01,2020-01-06\n\
                     5,1,1,2020-01-01,2020-01-07\n6,0,1,2020-01-01,2020-01-08\n\
                     7,0,1,2020-01-01,2020-01-09\n8,1,0,2020-01-01,2020-01-10\n";

type Files = BTreeMap<String, Vec<u8>>;

/// A coordinator and the services that it asks, in this process.
async fn client() -> StudyServiceClient<Channel> {
    let settings = Settings::default();
    let compute = Compute::with_settings(&settings).unwrap();
    let desk = Desk::new(&compute, &settings);
    let services = matching_service::add(Services::new(), &desk, &settings);
    let services = survival_service::add(services, &desk, &settings);
    let services = regression_service::add(services, &desk, &settings);
    let pool = Pool::new([Stack::new(services).await.unwrap().in_process()]);
    let all = || pool.clone();
    let statistics = Statistics::new(all(), all(), all(), all(), &settings);
    let services = coordinator::add(Services::new(), &compute, &settings, statistics);
    StudyServiceClient::new(Stack::new(services).await.unwrap().in_process())
}

fn numbers(formats: &[Format]) -> Vec<i32> {
    formats.iter().map(|&format| format.into()).collect()
}

/// Runs the study; files come in chunks that follow each other.
async fn run(files: Option<ReportFiles>) -> Result<Files, Status> {
    let inputs = [Piece::StudyFile(STUDY.into()), Piece::Table(TABLE.into())];
    let pieces = files.map(Piece::Files).into_iter().chain(inputs);
    let requests: Vec<_> = pieces.map(|piece| RunStudyRequest { piece: Some(piece) }).collect();
    let mut answers = client().await.run_study(tokio_stream::iter(requests)).await?.into_inner();
    let mut files = Files::new();
    while let Some(answer) = answers.message().await? {
        if let Some(Answer::File(chunk)) = answer.piece {
            files.entry(chunk.path).or_default().extend(chunk.data);
        }
    }
    Ok(files)
}

async fn render(json: &[u8], formats: &[Format], figure_dpi: Option<i32>) -> Result<Files, Status> {
    let formats = numbers(formats);
    let request = RenderReportRequest { formats, report_json: json.into(), figure_dpi };
    let answers = client().await.render_report(tokio_stream::iter([request])).await?;
    let mut answers = answers.into_inner();
    let mut files = Files::new();
    while let Some(answer) = answers.message().await? {
        let chunk = answer.file.unwrap();
        files.entry(chunk.path).or_default().extend(chunk.data);
    }
    Ok(files)
}

fn endings(files: &Files) -> Vec<&str> {
    let mut endings: Vec<&str> = files.keys().filter_map(|path| path.rsplit('.').next()).collect();
    endings.sort_unstable();
    endings.dedup();
    endings
}

/// A Word document is a zip. Bytes 16 to 19 of a PNG are its width: 180 mm of 72 pixels per inch are
/// 510 pixels.
#[tokio::test]
async fn a_run_and_its_report_json_give_the_same_files_in_every_format() {
    use Format::{Docx, Figures, FiguresPdf, FiguresPng, FiguresTiff};
    let formats = [Docx, FiguresPng, FiguresTiff, FiguresPdf, Figures];
    let wanted = ReportFiles { formats: numbers(&formats), figure_dpi: Some(72) };
    let mut from_the_run = run(Some(wanted)).await.unwrap();
    let json = from_the_run.remove("report.json").unwrap();
    from_the_run.remove("manifest.json").unwrap();
    assert_eq!(endings(&from_the_run), ["docx", "pdf", "png", "svg", "tiff"]);
    assert!(from_the_run["report.docx"].starts_with(b"PK"));
    assert!(from_the_run["figures/flow.tiff"].starts_with(b"II*\0"));
    assert!(from_the_run["figures/flow.pdf"].starts_with(b"%PDF-"));
    let picture = &from_the_run["figures/flow.png"];
    assert_eq!(u32::from_be_bytes(picture[16..20].try_into().unwrap()), 510);
    let again = render(&json, &formats, Some(72)).await.unwrap();
    assert!(again == from_the_run);
}

#[tokio::test]
async fn without_a_wish_a_run_writes_page_tables_and_drawings() {
    let files = run(None).await.unwrap();
    assert_eq!(endings(&files), ["csv", "html", "json", "svg"]);
    let again = render(&files["report.json"], &[], None).await.unwrap();
    assert_eq!(again.keys().collect::<Vec<_>>(), ["report.html"]);
    assert!(again["report.html"] == files["report.html"]);
}

/// A study is refused before it is computed, not when its report is printed.
#[tokio::test]
async fn a_program_without_a_typesetter_says_so() {
    let wanted = ReportFiles { formats: numbers(&[Format::Pdf]), figure_dpi: None };
    for status in [
        run(Some(wanted)).await.unwrap_err(),
        render(b"{}", &[Format::Pdf], None).await.unwrap_err(),
    ] {
        let failure = Failure::from(&status);
        assert_eq!(
            (failure.code, failure.reason.as_str()),
            (Code::FailedPrecondition, "PDF_NOT_BUILT")
        );
        assert!(failure.message.contains("--features pdf"));
    }
}

#[tokio::test]
async fn what_cannot_be_printed_is_refused_at_its_field() {
    let refused = |status: Status, field: &str| {
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(Failure::from(&status).violations[0].field, field);
    };
    let twice = ReportFiles { formats: numbers(&[Format::Docx; 2]), figure_dpi: None };
    refused(run(Some(twice)).await.unwrap_err(), "files.formats");
    let huge = ReportFiles { formats: Vec::new(), figure_dpi: Some(100_000) };
    refused(run(Some(huge)).await.unwrap_err(), "files.figure_dpi");
    refused(render(b"{}", &[Format::FiguresPng], Some(0)).await.unwrap_err(), "figure_dpi");
    refused(render(b"{}", &[Format::Docx], None).await.unwrap_err(), "report_json");
}
