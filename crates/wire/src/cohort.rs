//! Messages by which a cohort is uploaded: read by a server, written by its caller.

use crate::Malformed;
use crate::common::{self as cells, cells_to, count, count_from};
use crate::pb::cohort::upload_cohort_request::Piece;
use crate::pb::{cohort as pb, common};
use crate::violation::Violations;
use cohort::{Cohort, CohortDigest, Column, Values};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Cells of a chunk: about half a megabyte.
const CHUNK_CELLS: usize = 1 << 16;

/// Most bytes of labels that an announcement holds; of more, all come in chunks.
const ANNOUNCED_LABEL_BYTES: usize = 1 << 20;

/// Bytes of labels after which a chunk of them ends.
const CHUNK_LABEL_BYTES: usize = 1 << 19;

/// What a caller is about to upload.
#[derive(Clone, Debug, PartialEq)]
pub struct Announcement {
    /// Digest of the whole cohort.
    pub digest: CohortDigest,
    /// Number of rows, at least 1.
    pub n_rows: usize,
    /// Whether ids come.
    pub has_ids: bool,
    /// The columns that come.
    pub columns: Vec<ColumnHeader>,
    /// The cohort that is extended.
    pub base: Option<CohortDigest>,
}

/// What a column is.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnHeader {
    /// Name, unique among those announced.
    pub name: String,
    /// Labels of categories; absent of numbers.
    pub levels: Option<Vec<String>>,
    /// Number of labels that come in chunks, all of them or none.
    pub n_later_levels: usize,
}

impl TryFrom<pb::CohortAnnouncement> for Announcement {
    type Error = Malformed;

    fn try_from(message: pb::CohortAnnouncement) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let digest = violations.check("announcement.digest", message.digest.parse());
        let n_rows = count_from(&mut violations, "announcement.row_count", message.row_count);
        if n_rows == Some(0) {
            violations.add("announcement.row_count", "must be at least 1");
        }
        let base = (!message.base_digest.is_empty()).then_some(message.base_digest);
        let base = base.map(|base| violations.check("announcement.base_digest", base.parse()));
        if base.is_some() && message.has_ids {
            violations
                .add("announcement.has_ids", "must be false: the extended cohort has the ids");
        }
        if base.is_none() && message.columns.is_empty() {
            violations.add("announcement.columns", "has no entry: announce at least one");
        }
        let columns = headers_from(&mut violations, message.columns);
        let announcement = (|| {
            let (digest, n_rows) = (digest?, n_rows?);
            let base = base.map_or(Some(None), |base| base.map(Some))?;
            Some(Self { digest, n_rows, has_ids: message.has_ids, columns, base })
        })();
        violations.finish(announcement)
    }
}

fn headers_from(violations: &mut Violations, headers: Vec<pb::ColumnHeader>) -> Vec<ColumnHeader> {
    let mut names = BTreeSet::new();
    let mut columns = Vec::with_capacity(headers.len());
    for (index, header) in headers.into_iter().enumerate() {
        let path = format!("announcement.columns[{index}]");
        if header.name.is_empty() {
            violations.add(format!("{path}.name"), "is required");
        } else if !names.insert(header.name.clone()) {
            violations.add(format!("{path}.name"), "names a column that was announced before");
        }
        let level_path = format!("{path}.level_count");
        let n_later_levels = count_from(violations, &level_path, header.level_count).unwrap_or(0);
        if n_later_levels > 0 && !header.levels.is_empty() {
            violations.add(&level_path, "must be 0 where levels are given");
        }
        let has_levels = n_later_levels > 0 || !header.levels.is_empty();
        let is_categorical = match pb::ColumnKind::try_from(header.kind) {
            Ok(pb::ColumnKind::Unspecified) => has_levels,
            Ok(kind) => kind == pb::ColumnKind::Categories,
            Err(_) => {
                violations.add(format!("{path}.kind"), "is no value of this enum");
                continue;
            }
        };
        let distinct: BTreeSet<&String> = header.levels.iter().collect();
        if distinct.len() < header.levels.len() {
            violations.add(format!("{path}.levels"), "has a level twice");
        }
        if !is_categorical && has_levels {
            violations.add(format!("{path}.levels"), "must be empty for numbers");
        }
        columns.push(ColumnHeader {
            name: header.name,
            levels: is_categorical.then_some(header.levels),
            n_later_levels,
        });
    }
    columns
}

/// The cells of a chunk of a column, whose missing rows are counted within the chunk: of categories if the
/// number of these is given. The labels are not among them.
///
/// # Errors
/// Every cell at fault, and cells of the other kind.
pub fn cells_from(chunk: pb::ColumnChunk, n_levels: Option<usize>) -> Result<Column, Malformed> {
    let mut violations = Violations::default();
    let foreign = match n_levels {
        Some(_) if !chunk.values.is_empty() => Some((
            "column.values",
            "are numbers, but the column was announced as one of categories",
        )),
        None if !chunk.codes.is_empty() => {
            Some(("column.codes", "are categories, but the column was announced as one of numbers"))
        }
        _ => None,
    };
    if let Some((path, message)) = foreign {
        violations.add(path, message);
        return violations.finish(None);
    }
    if chunk.values.is_empty() && chunk.codes.is_empty() {
        violations.add("column", "holds no cells");
    }
    let message = common::Column {
        name: chunk.name,
        values: chunk.values,
        levels: Vec::new(),
        codes: chunk.codes,
        missing_rows: chunk.missing_rows,
    };
    let cells = cells::cells_from(&mut violations, "column", message, n_levels);
    violations.finish(cells)
}

/// The announcement of a cohort and the pieces that follow it, rows numbered and without ids, as
/// [`CohortDigest::of`] names it.
///
/// Of a base, which the server holds, the digest and the names of its columns are given: they do not
/// come again.
pub fn upload(
    cohort: Arc<Cohort>,
    digest: CohortDigest,
    base: Option<(CohortDigest, &BTreeSet<String>)>,
) -> impl Iterator<Item = pb::UploadCohortRequest> + Send + use<> {
    let is_new = |name: &&str| base.is_none_or(|(_, known)| !known.contains(*name));
    let names: Vec<String> = cohort.names().filter(is_new).map(str::to_owned).collect();
    let label_bytes = |name: &String| cohort.values(name).map_or(0, Values::label_bytes);
    let are_announced = names.iter().map(label_bytes).sum::<usize>() <= ANNOUNCED_LABEL_BYTES;
    let header = |name: &String| header_to(&cohort, name, are_announced);
    let announcement = pb::CohortAnnouncement {
        digest: digest.to_string(),
        row_count: count(cohort.len()),
        has_ids: false,
        columns: names.iter().filter_map(header).collect(),
        base_digest: base.map(|(digest, _)| digest.to_string()).unwrap_or_default(),
    };
    let chunks = move |name: String| {
        let labels = if are_announced { Vec::new() } else { level_chunks(&cohort, &name) };
        let rows = (0..cohort.len()).step_by(CHUNK_CELLS);
        let cohort = Arc::clone(&cohort);
        let cells = rows.filter_map(move |first| chunk_to(&cohort, &name, first));
        labels.into_iter().map(Piece::Levels).chain(cells.map(Piece::Column))
    };
    std::iter::once(Piece::Announcement(announcement))
        .chain(names.into_iter().flat_map(chunks))
        .map(|piece| pb::UploadCohortRequest { piece: Some(piece) })
}

/// What a column is, with its labels or their number.
fn header_to(cohort: &Cohort, name: &str, with_levels: bool) -> Option<pb::ColumnHeader> {
    let values = cohort.values(name).ok()?;
    let levels = levels_of(values);
    let kind = match values {
        Values::Numeric(_) => pb::ColumnKind::Numbers,
        Values::Categorical { .. } => pb::ColumnKind::Categories,
    };
    Some(pb::ColumnHeader {
        name: name.into(),
        kind: kind.into(),
        levels: if with_levels { levels.to_vec() } else { Vec::new() },
        level_count: if with_levels { 0 } else { count(levels.len()) },
    })
}

fn levels_of(values: &Values) -> &[String] {
    match values {
        Values::Numeric(_) => &[],
        Values::Categorical { levels, .. } => levels,
    }
}

/// The labels of a column in pieces of which each fits a message.
fn level_chunks(cohort: &Cohort, name: &str) -> Vec<pb::LevelChunk> {
    let mut chunks: Vec<pb::LevelChunk> = Vec::new();
    let mut bytes = usize::MAX;
    let levels = cohort.values(name).map_or(&[][..], levels_of);
    for (at, level) in levels.iter().enumerate() {
        if bytes >= CHUNK_LABEL_BYTES {
            let (name, first_level) = (name.to_owned(), count(at));
            chunks.push(pb::LevelChunk { name, first_level, levels: Vec::new() });
            bytes = 0;
        }
        bytes += level.len() + size_of::<String>();
        chunks.iter_mut().next_back().into_iter().for_each(|last| last.levels.push(level.clone()));
    }
    chunks
}

fn chunk_to(cohort: &Cohort, name: &str, first: usize) -> Option<pb::ColumnChunk> {
    let rows = first..cohort.len().min(first + CHUNK_CELLS);
    let cells = cells_to(cohort, name, rows)?;
    Some(pb::ColumnChunk {
        name: name.into(),
        first_row: count(first),
        values: cells.values,
        codes: cells.codes,
        missing_rows: cells.missing_rows,
    })
}
