//! The cohorts that are held, within a budget of bytes.

use cohort::{Cohort, CohortDigest, ColumnDigest, IdsDigest};
use service_kit::Failure;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tonic::Code;
use wire::Cohorts;
use wire::cohort::Announcement;
use wire::pb::cohort as pb;

/// How long a caller is asked to wait for whom there is no room beside the uploads under way: about
/// the time of one of a hundred megabytes.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Cohorts by digest; clones are the same store.
///
/// The cohorts that are held and what has come of those being uploaded take at most the budget; who
/// needs room takes it from the cohort that was asked for least recently. A list of cells that
/// several cohorts share counts once. A cohort that a computation still uses when it goes lives on
/// until that has ended.
#[derive(Clone, Debug)]
pub struct CohortStore {
    held: Arc<Mutex<Held>>,
    budget: usize,
}

/// What a cohort takes besides its cells and labels: names, digests.
const ENTRY_BYTES: usize = 4096;

#[derive(Debug, Default)]
struct Held {
    cohorts: BTreeMap<CohortDigest, Entry>,
    /// The lists of all cohorts by their address, with their bytes and in how many cohorts they are.
    lists: BTreeMap<usize, (usize, usize)>,
    /// Bytes of the cohorts, what they share once.
    bytes: usize,
    /// Bytes that uploads have reserved.
    reserved: usize,
    /// Counts how often a cohort was asked for.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    known: Known,
    last_used: u64,
}

/// A cohort with the digests that its own is made of.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub cohort: Arc<Cohort>,
    pub ids: Option<IdsDigest>,
    pub columns: BTreeMap<String, ColumnDigest>,
}

impl Known {
    fn digest(&self) -> CohortDigest {
        CohortDigest::new(self.cohort.len(), self.ids, &self.columns)
    }
}

impl CohortStore {
    /// A store of at most so many bytes.
    #[must_use]
    pub fn new(budget: usize) -> Self {
        Self { held: Arc::default(), budget }
    }

    /// Holds the cohort as services see it, [`Cohort::numbered`], and gives its digest. For a caller
    /// within the process: the cells are shared with the caller.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED if the cohort does not fit.
    pub fn hold(&self, cohort: &Cohort) -> Result<CohortDigest, Failure> {
        let digest = CohortDigest::of(cohort);
        if self.held(digest).is_none() {
            let known = Known {
                cohort: Arc::new(cohort.numbered()),
                ids: None,
                columns: cohort.column_digests(),
            };
            self.insert(known, &mut self.reservation())?;
        }
        Ok(digest)
    }

    /// The answer about a cohort that is announced although it is held.
    pub(crate) fn described(
        &self,
        announcement: &Announcement,
    ) -> Option<pb::UploadCohortResponse> {
        let known = self.known(announcement.digest)?;
        Some(described(&known))
    }

    /// A cohort with its digests.
    pub(crate) fn known(&self, digest: CohortDigest) -> Option<Known> {
        let mut held = self.lock();
        held.clock += 1;
        let clock = held.clock;
        let entry = held.cohorts.get_mut(&digest)?;
        entry.last_used = clock;
        Some(entry.known.clone())
    }

    /// Holds a cohort in place of what was reserved for it.
    pub(crate) fn insert(
        &self,
        known: Known,
        reservation: &mut Reservation,
    ) -> Result<pb::UploadCohortResponse, Failure> {
        let bytes = bytes_of(&known.cohort);
        if bytes > self.budget {
            return Err(self.too_large(bytes));
        }
        let response = described(&known);
        let digest = known.digest();
        let mut held = self.lock();
        held.reserved -= std::mem::take(&mut reservation.bytes);
        held.remove(digest);
        held.add(digest, known);
        if held.make_room(self.budget, Some(digest)) {
            return Ok(response);
        }
        held.remove(digest);
        Err(Failure::busy(RETRY_AFTER))
    }

    /// Room for an upload, none of it taken yet.
    pub(crate) fn reservation(&self) -> Reservation {
        Reservation { store: self.clone(), bytes: 0 }
    }

    fn too_large(&self, bytes: usize) -> Failure {
        let budget = self.budget;
        let message = format!(
            "the cohort takes {bytes} bytes, {budget} are there for all cohorts: upload only the \
             columns that are asked about, or have the service started with more EQUIPOISE_COHORT_BYTES"
        );
        Failure::new(Code::ResourceExhausted, "COHORT_TOO_LARGE", message)
            .with("bytes", bytes)
            .with("limit", budget)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // Whoever panicked left the map whole.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cohorts for CohortStore {
    fn held(&self, digest: CohortDigest) -> Option<Arc<Cohort>> {
        self.known(digest).map(|known| known.cohort)
    }
}

impl Held {
    fn add(&mut self, digest: CohortDigest, known: Known) {
        self.bytes += ENTRY_BYTES;
        for (address, bytes) in known.cohort.lists() {
            let (_, n_users) = self.lists.entry(address).or_insert((bytes, 0));
            if *n_users == 0 {
                self.bytes += bytes;
            }
            *n_users += 1;
        }
        self.clock += 1;
        self.cohorts.insert(digest, Entry { known, last_used: self.clock });
    }

    fn remove(&mut self, digest: CohortDigest) {
        let Some(entry) = self.cohorts.remove(&digest) else { return };
        self.bytes -= ENTRY_BYTES;
        for (address, _) in entry.known.cohort.lists() {
            let Some((bytes, n_users)) = self.lists.get_mut(&address) else { continue };
            *n_users -= 1;
            if *n_users == 0 {
                self.bytes -= *bytes;
                self.lists.remove(&address);
            }
        }
    }

    /// Lets cohorts go, the least recently used first, but not the one to be kept, until all that is
    /// left fits; whether it does.
    fn make_room(&mut self, budget: usize, kept: Option<CohortDigest>) -> bool {
        while self.reserved + self.bytes > budget {
            let others = self.cohorts.iter().filter(|(digest, _)| Some(**digest) != kept);
            match others.min_by_key(|(_, entry)| entry.last_used).map(|(digest, _)| *digest) {
                Some(oldest) => self.remove(oldest),
                None => return false,
            }
        }
        true
    }
}

/// Bytes that an upload keeps from others; they are free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    store: CohortStore,
    bytes: usize,
}

impl Reservation {
    /// Reserves more, for which cohorts may have to go.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Failure> {
        let total = self.bytes.saturating_add(bytes);
        if total > self.store.budget {
            return Err(self.store.too_large(total));
        }
        let mut held = self.store.lock();
        if held.reserved.saturating_add(bytes) > self.store.budget {
            return Err(Failure::busy(RETRY_AFTER));
        }
        held.reserved += bytes;
        self.bytes = total;
        // Reservations alone fit, so that there is room once enough cohorts have gone.
        held.make_room(self.store.budget, None);
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.store.lock().reserved -= self.bytes;
    }
}

fn bytes_of(cohort: &Cohort) -> usize {
    ENTRY_BYTES + cohort.lists().iter().map(|(_, bytes)| bytes).sum::<usize>()
}

fn described(known: &Known) -> pb::UploadCohortResponse {
    // Rows and columns came in messages that count them so.
    pb::UploadCohortResponse {
        digest: known.digest().to_string(),
        row_count: known.cohort.len() as i32,
        column_count: known.columns.len() as i32,
        byte_count: bytes_of(&known.cohort) as i64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{CohortError, Column};

    /// Ten thousand numbers take 80 kB, their codes 40 kB: the second cohort fits beside the first
    /// because it shares the numbers, and a third does not.
    #[test]
    fn what_cohorts_share_counts_once() -> Result<(), CohortError> {
        let store = CohortStore::new(150_000);
        let numbers = |value| Column::numeric("x", vec![value; 10_000]);
        let mut cohort = Cohort::new(None, vec![numbers(1.0)])?;
        let first = store.hold(&cohort);
        cohort.push(Column::categorical("g", vec!["a".into()], vec![0; 10_000]))?;
        let second = store.hold(&cohort);
        let are_held = |digests: [&Result<CohortDigest, Failure>; 2]| {
            digests.map(|digest| digest.as_ref().is_ok_and(|digest| store.held(*digest).is_some()))
        };
        assert_eq!(are_held([&first, &second]), [true, true]);
        let third = store.hold(&Cohort::new(None, vec![numbers(2.0)])?);
        assert_eq!(are_held([&first, &second]), [false, false]);
        assert_eq!(are_held([&third, &third]), [true, true]);
        Ok(())
    }

    /// Ten thousand labels of 32 bytes are 320 kB and 24 bytes more for each, beside 40 kB of codes.
    #[test]
    fn labels_count() -> Result<(), CohortError> {
        let labels = (0..10_000).map(|at| format!("{at:032}")).collect();
        let codes = (0..10_000).collect();
        let cohort = Cohort::new(None, vec![Column::categorical("g", labels, codes)])?;
        let reason = |budget| CohortStore::new(budget).hold(&cohort).map_err(|full| full.reason);
        assert_eq!(reason(600_000), Err("COHORT_TOO_LARGE".into()));
        assert!(reason(620_000).is_ok());
        Ok(())
    }

    /// Reservations come first, within the budget, and end with their owner.
    #[test]
    fn uploads_take_room_from_what_is_held() -> Result<(), CohortError> {
        let store = CohortStore::new(100_000);
        let cohort = Cohort::new(None, vec![Column::numeric("x", vec![1.0; 5_000])])?;
        let digest = store.hold(&cohort);
        let is_held = || digest.as_ref().is_ok_and(|digest| store.held(*digest).is_some());
        let mut upload = store.reservation();
        assert_eq!((upload.grow(40_000), is_held()), (Ok(()), true));
        assert_eq!((upload.grow(40_000), is_held()), (Ok(()), false));
        let busy = store.reservation().grow(40_000).map_err(|failure| failure.reason);
        assert_eq!(busy, Err("BUSY".into()));
        let too_large = upload.grow(40_000).map_err(|failure| failure.reason);
        assert_eq!(too_large, Err("COHORT_TOO_LARGE".into()));
        drop(upload);
        assert_eq!(store.reservation().grow(90_000), Ok(()));
        Ok(())
    }
}
