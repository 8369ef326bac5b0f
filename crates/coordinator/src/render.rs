//! A finished study rendered again: from the pieces of its `report.json` to files.

use crate::print::{Format, Wanted};
use report::ReportFile;
use service_kit::{Cancel, Failure};
use study::StudyResult;
use tokio_stream::{Stream, StreamExt};
use tonic::Status;
use wire::failure::invalid;
use wire::pb::study as pb;

/// Largest `report.json`, in bytes.
const MOST_BYTES: usize = 1 << 28;

/// A report that is to be printed again.
#[derive(Debug)]
pub(crate) struct Again {
    wanted: Wanted,
    report_json: Vec<u8>,
}

impl Again {
    /// Joins the pieces in the order in which they come.
    pub(crate) async fn receive(
        mut pieces: impl Stream<Item = Result<pb::RenderReportRequest, Status>> + Unpin,
    ) -> Result<Self, Status> {
        let (mut wanted, mut report_json) = (Wanted::default(), Vec::new());
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            wanted.add(&piece.formats, piece.figure_dpi, "")?;
            report_json.extend(piece.report_json);
            if report_json.len() > MOST_BYTES {
                return Err(Failure::too_large(report_json.len(), MOST_BYTES).into());
            }
        }
        if report_json.is_empty() {
            return Err(invalid("report_json", "is required").into());
        }
        Ok(Self { wanted: wanted.or(&[Format::Html]), report_json })
    }

    /// The files in the order of the formats.
    pub(crate) fn print(&self, cancel: &Cancel) -> Result<Vec<ReportFile>, Failure> {
        self.wanted.print(&read(&self.report_json)?, cancel)
    }
}

/// Ids that are named when there are more that are missing.
const NAMED_IDS: usize = 3;

/// The complete result in `report.json`; what is wrong is named by its place, never by its content.
fn read(bytes: &[u8]) -> Result<StudyResult, Failure> {
    let result = StudyResult::read(bytes).map_err(|error| invalid("report_json", error))?;
    let missing = report::missing(&result);
    let Some(named) = missing.get(..missing.len().min(NAMED_IDS)).filter(|ids| !ids.is_empty())
    else {
        return Ok(result);
    };
    let rest = match missing.len() - named.len() {
        0 => String::new(),
        n_more => format!(" and {n_more} more"),
    };
    let named = named.join("`, `");
    Err(invalid("report_json", format!("lacks what its outline names: `{named}`{rest}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn receive(pieces: Vec<pb::RenderReportRequest>) -> Result<Again, Status> {
        Again::receive(tokio_stream::iter(pieces.into_iter().map(Ok))).await
    }

    fn piece(formats: &[pb::ReportFormat], bytes: &str) -> pb::RenderReportRequest {
        let formats = formats.iter().map(|&format| format.into()).collect();
        pb::RenderReportRequest { formats, report_json: bytes.into(), figure_dpi: None }
    }

    #[tokio::test]
    async fn pieces_are_joined_and_html_is_the_default() {
        let again = receive(vec![piece(&[], "{\"schema\""), piece(&[], ": 1}")]).await.unwrap();
        assert_eq!(again.wanted, Wanted::default().or(&[Format::Html]));
        assert_eq!(again.report_json, b"{\"schema\": 1}");
        assert!(read(&again.report_json).unwrap_err().message.contains("report_json"));
    }

    #[tokio::test]
    async fn what_cannot_be_rendered_is_refused() {
        use pb::ReportFormat::{Csv, Html, Unspecified};
        assert!(receive(Vec::new()).await.is_err());
        assert!(receive(vec![piece(&[Csv], "")]).await.is_err());
        assert!(receive(vec![piece(&[Html], "{"), piece(&[Unspecified], "}")]).await.is_err());
    }
}
