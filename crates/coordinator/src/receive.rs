//! Puts the two files of a study together from their pieces, and hears what is wanted of it.

use crate::print::{Format, Wanted};
use service_kit::Failure;
use tokio_stream::{Stream, StreamExt};
use tonic::Status;
use wire::failure::invalid;
use wire::pb::study as pb;

/// Largest study file and table together, in bytes: some millions of patients.
const MOST_BYTES: usize = 1 << 30;

/// The input of a study.
#[derive(Debug, Default)]
pub(crate) struct StudyFiles {
    /// The protocol, as TOML.
    pub study_file: Vec<u8>,
    /// The patient table, as CSV.
    pub table: Vec<u8>,
    /// What the report is printed as.
    pub wanted: Wanted,
}

/// What is printed unless something else is asked for.
const USUAL_FORMATS: [Format; 3] = [Format::Html, Format::Csv, Format::FiguresSvg];

/// A piece of one of the two files, or what is wanted.
pub(crate) enum Piece {
    StudyFile(Vec<u8>),
    Table(Vec<u8>),
    Wanted(pb::ReportFiles),
}

pub(crate) fn run_piece(request: pb::RunStudyRequest) -> Option<Piece> {
    use pb::run_study_request::Piece as Sent;
    request.piece.map(|piece| match piece {
        Sent::StudyFile(bytes) => Piece::StudyFile(bytes),
        Sent::Table(bytes) => Piece::Table(bytes),
        Sent::Files(files) => Piece::Wanted(files),
    })
}

pub(crate) fn check_piece(request: pb::CheckStudyRequest) -> Option<Piece> {
    use pb::check_study_request::Piece as Sent;
    request.piece.map(|piece| match piece {
        Sent::StudyFile(bytes) => Piece::StudyFile(bytes),
        Sent::Table(bytes) => Piece::Table(bytes),
    })
}

impl StudyFiles {
    /// Joins the pieces in the order in which they come.
    pub(crate) async fn receive(
        mut pieces: impl Stream<Item = Result<Option<Piece>, Status>> + Unpin,
    ) -> Result<Self, Status> {
        let mut files = Self::default();
        while let Some(piece) = pieces.next().await {
            match piece? {
                Some(Piece::StudyFile(bytes)) => files.study_file.extend(bytes),
                Some(Piece::Table(bytes)) => files.table.extend(bytes),
                Some(Piece::Wanted(more)) => {
                    files.wanted.add(&more.formats, more.figure_dpi, "files.")?;
                }
                None => return Err(invalid("piece", "is neither study file nor table").into()),
            }
            let bytes = files.study_file.len() + files.table.len();
            if bytes > MOST_BYTES {
                return Err(Failure::too_large(bytes, MOST_BYTES).into());
            }
        }
        if files.study_file.is_empty() {
            return Err(invalid("study_file", "is required").into());
        }
        // The digest of the study is that of its first file.
        files.wanted = files.wanted.or(&USUAL_FORMATS).after(Format::Json);
        Ok(files)
    }
}
