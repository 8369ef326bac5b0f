//! A finished study rendered again: from the pieces of its `report.json` to files.

use report::{Format, ReportFile};
use service_kit::Failure;
use study::StudyResult;
use study::result::SCHEMA;
use tokio_stream::{Stream, StreamExt};
use tonic::Status;
use wire::failure::invalid;
use wire::pb::study as pb;

/// Largest `report.json`, in bytes.
const MOST_BYTES: usize = 1 << 28;

/// What is to be rendered.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    formats: Vec<Format>,
    report_json: Vec<u8>,
}

impl Wanted {
    /// Joins the pieces in the order in which they come.
    pub(crate) async fn receive(
        mut pieces: impl Stream<Item = Result<pb::RenderReportRequest, Status>> + Unpin,
    ) -> Result<Self, Status> {
        let mut wanted = Self::default();
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            for &format in &piece.formats {
                let format = self::format(format)?;
                if wanted.formats.contains(&format) {
                    return Err(invalid("formats", "names a format twice").into());
                }
                wanted.formats.push(format);
            }
            wanted.report_json.extend(piece.report_json);
            if wanted.report_json.len() > MOST_BYTES {
                return Err(Failure::too_large(wanted.report_json.len(), MOST_BYTES).into());
            }
        }
        if wanted.report_json.is_empty() {
            return Err(invalid("report_json", "is required").into());
        }
        if wanted.formats.is_empty() {
            wanted.formats.push(Format::Html);
        }
        Ok(wanted)
    }

    /// The files in the order of the formats.
    pub(crate) fn render(&self) -> Result<Vec<ReportFile>, Failure> {
        let result = read(&self.report_json)?;
        Ok(self.formats.iter().flat_map(|&format| report::render_as(&result, format)).collect())
    }
}

fn format(format: i32) -> Result<Format, Failure> {
    match pb::ReportFormat::try_from(format) {
        Ok(pb::ReportFormat::Unspecified | pb::ReportFormat::Html) => Ok(Format::Html),
        Ok(pb::ReportFormat::Csv) => Ok(Format::Csv),
        Ok(pb::ReportFormat::Json) => Ok(Format::Json),
        Ok(pb::ReportFormat::Figures) => Ok(Format::Figures),
        Err(_) => Err(invalid("formats", "holds a format that is not known")),
    }
}

/// The result in `report.json`; what is wrong is named by its place, never by its content.
fn read(bytes: &[u8]) -> Result<StudyResult, Failure> {
    let result: StudyResult = serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        invalid("report_json", format!("is no report: line {line}, column {column}"))
    })?;
    if result.schema == SCHEMA {
        Ok(result)
    } else {
        Err(invalid("report_json", format!("is not of the format `{SCHEMA}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn receive(pieces: Vec<pb::RenderReportRequest>) -> Result<Wanted, Status> {
        Wanted::receive(tokio_stream::iter(pieces.into_iter().map(Ok))).await
    }

    fn piece(formats: &[pb::ReportFormat], bytes: &str) -> pb::RenderReportRequest {
        let formats = formats.iter().map(|&format| format.into()).collect();
        pb::RenderReportRequest { formats, report_json: bytes.into() }
    }

    #[tokio::test]
    async fn pieces_are_joined_and_html_is_the_default() {
        let wanted = receive(vec![piece(&[], "{\"schema\""), piece(&[], ": 1}")]).await.unwrap();
        assert_eq!(wanted.formats, [Format::Html]);
        assert_eq!(wanted.report_json, b"{\"schema\": 1}");
        assert!(wanted.render().unwrap_err().message.contains("report_json"));
    }

    #[tokio::test]
    async fn what_cannot_be_rendered_is_refused() {
        use pb::ReportFormat::{Csv, Html, Unspecified};
        assert!(receive(Vec::new()).await.is_err());
        assert!(receive(vec![piece(&[Csv], "")]).await.is_err());
        assert!(receive(vec![piece(&[Html, Unspecified], "{}")]).await.is_err());
        let unknown = pb::RenderReportRequest { formats: vec![99], report_json: b"{}".into() };
        assert!(receive(vec![unknown]).await.is_err());
    }
}
