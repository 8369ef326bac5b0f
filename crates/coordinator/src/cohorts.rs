//! How cohorts reach the services: along with each question when they are small, else once, to be
//! named by digest from then on.

use cohort::{Cohort, CohortDigest, ColumnDigest, Values};
use cohort_store::CohortStore;
use service_kit::{Compute, Deadline, Endpoint, Failure, Settings};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tonic::{Code, Request, Response, Status};
use wire::CohortRef;
use wire::failure::COHORT_NOT_FOUND;
use wire::pb::cohort::cohort_service_client::CohortServiceClient;

/// Times a cohort is uploaded for one call: a service that is short of memory may lose it again
/// before the call comes.
const MOST_UPLOADS: usize = 4;

/// Cohorts that are remembered as those of which a later one may be an extension.
const MOST_KNOWN: usize = 16;

/// Sends cohorts to services; clones share what is known of them.
#[derive(Clone, Debug)]
pub(crate) struct Cohorts {
    inline_bytes: usize,
    /// Where the services of this process find cohorts.
    local: Option<CohortStore>,
    known: Arc<Mutex<VecDeque<Known>>>,
}

/// A cohort that some service holds, or held.
#[derive(Clone, Debug)]
struct Known {
    digest: CohortDigest,
    n_rows: usize,
    columns: BTreeMap<String, ColumnDigest>,
}

/// A cohort, with its digest when that is how questions name it.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    cohort: Arc<Cohort>,
    digest: Option<CohortDigest>,
}

impl Named {
    /// How a request speaks of the cohort.
    pub(crate) fn reference(&self) -> CohortRef<'_> {
        self.digest.map_or(CohortRef::Inline(&self.cohort), CohortRef::Digest)
    }
}

impl Cohorts {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { inline_bytes: settings.inline_bytes, local: None, known: Arc::default() }
    }

    /// The same, for services of this process that find their cohorts here.
    pub(crate) fn within(self, local: &CohortStore) -> Self {
        Self { local: Some(local.clone()), ..self }
    }

    /// How to speak of a cohort. The digest of a large one is computed on the pool, once.
    pub(crate) async fn name(
        &self,
        cohort: &Arc<Cohort>,
        compute: &Compute,
        deadline: Deadline,
    ) -> Result<Named, Status> {
        let cohort = Arc::clone(cohort);
        let label_bytes = |name: &str| cohort.values(name).map_or(0, Values::label_bytes);
        let labels: usize = cohort.names().map(label_bytes).sum();
        let cells = cohort.len() * cohort.names().count() * size_of::<f64>();
        if cells + labels <= self.inline_bytes {
            return Ok(Named { cohort, digest: None });
        }
        let hash = move |_: &_| {
            let digest = Some(CohortDigest::of(&cohort));
            Ok::<_, Failure>(Named { cohort, digest })
        };
        compute.run(deadline, hash).await
    }

    /// Makes a call that may miss its cohort at this endpoint: sends the cohort to the same endpoint
    /// then, and makes the call again.
    pub(crate) async fn call<Q, A, F>(
        &self,
        endpoint: Endpoint,
        named: &Named,
        request: Request<Q>,
        mut call: impl FnMut(Request<Q>) -> F,
    ) -> Result<Response<A>, Status>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let Some(digest) = named.digest else { return call(request).await };
        let (metadata, extensions, message) = request.into_parts();
        let again = || Request::from_parts(metadata.clone(), extensions.clone(), message.clone());
        let mut answer = call(again()).await;
        for _ in 0..MOST_UPLOADS {
            match &answer {
                Err(status) if is_not_held(status) => {
                    self.send(&endpoint, &named.cohort, digest, &again()).await?;
                    answer = call(again()).await;
                }
                _ => break,
            }
        }
        answer
    }

    /// Puts a cohort where an endpoint finds it.
    async fn send<Q>(
        &self,
        endpoint: &Endpoint,
        cohort: &Arc<Cohort>,
        digest: CohortDigest,
        of: &Request<Q>,
    ) -> Result<(), Status> {
        if let Some(local) = &self.local {
            local.hold(cohort)?;
            return Ok(());
        }
        loop {
            let Err(status) = self.send_in_turn(endpoint, cohort, digest, of).await else {
                return Ok(());
            };
            match Failure::from(&status).retry_after {
                // Whoever makes the call ends it at its deadline, and this with it.
                Some(delay) => tokio::time::sleep(delay).await,
                None => return Err(status),
            }
        }
    }

    /// Uploads a cohort, to an endpoint one at a time: calls that miss it at the same moment do not all
    /// send it, and who comes later is told at once that it is there.
    async fn send_in_turn<Q>(
        &self,
        endpoint: &Endpoint,
        cohort: &Arc<Cohort>,
        digest: CohortDigest,
        of: &Request<Q>,
    ) -> Result<(), Status> {
        let _turn = endpoint.turn().await;
        let columns = cohort.column_digests();
        let base = self.base(cohort.len(), digest, &columns);
        let is_extended = match base {
            Some(base) => {
                let names: BTreeSet<String> = base.columns.into_keys().collect();
                match upload(endpoint, cohort, digest, Some((base.digest, &names)), of).await {
                    Ok(()) => true,
                    Err(status) if is_not_held(&status) => false,
                    Err(status) => return Err(status),
                }
            }
            None => false,
        };
        if !is_extended {
            upload(endpoint, cohort, digest, None, of).await?;
        }
        self.remember(Known { digest, n_rows: cohort.len(), columns });
        Ok(())
    }

    /// The largest known cohort of which this one is an extension.
    fn base(
        &self,
        n_rows: usize,
        digest: CohortDigest,
        columns: &BTreeMap<String, ColumnDigest>,
    ) -> Option<Known> {
        let is_base = |known: &&Known| {
            known.n_rows == n_rows
                && known.digest != digest
                && known.columns.iter().all(|(name, digest)| columns.get(name) == Some(digest))
        };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().filter(is_base).max_by_key(|known| known.columns.len()).cloned()
    }

    fn remember(&self, new: Known) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|known| known.digest != new.digest);
        known.push_back(new);
        if known.len() > MOST_KNOWN {
            known.pop_front();
        }
    }
}

/// Sends a cohort, or the columns that a base lacks, with the deadline of the call that needs it.
async fn upload<Q>(
    endpoint: &Endpoint,
    cohort: &Arc<Cohort>,
    digest: CohortDigest,
    base: Option<(CohortDigest, &BTreeSet<String>)>,
    of: &Request<Q>,
) -> Result<(), Status> {
    let pieces = wire::cohort::upload(Arc::clone(cohort), digest, base);
    let mut request = Request::new(tokio_stream::iter(pieces));
    *request.metadata_mut() = of.metadata().clone();
    CohortServiceClient::new(endpoint.channel()).upload_cohort(request).await.map(|_| ())
}

fn is_not_held(status: &Status) -> bool {
    status.code() == Code::NotFound && Failure::from(status).reason == COHORT_NOT_FOUND
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{CohortError, Column};

    fn known(cohort: &Cohort) -> Known {
        let (digest, columns) = (CohortDigest::of(cohort), cohort.column_digests());
        Known { digest, n_rows: cohort.len(), columns }
    }

    /// Of the cohorts before it, the one that lacks the fewest columns; none with other cells.
    #[test]
    fn a_cohort_that_gains_columns_has_a_base() -> Result<(), CohortError> {
        let cohorts = Cohorts::new(&Settings::default());
        let mut cohort = Cohort::new(None, vec![Column::numeric("age", vec![50.0, 60.0])])?;
        let first = known(&cohort);
        cohort.push(Column::numeric("score", vec![0.5, 0.25]))?;
        let second = known(&cohort);
        cohort.push(Column::numeric("pair", vec![1.0, 1.0]))?;
        let third = known(&cohort);
        let base = |of: &Known| cohorts.base(of.n_rows, of.digest, &of.columns);
        assert!(base(&third).is_none());
        cohorts.remember(first.clone());
        assert_eq!(base(&third).map(|base| base.digest), Some(first.digest));
        cohorts.remember(second.clone());
        assert_eq!(base(&third).map(|base| base.digest), Some(second.digest));
        assert_eq!(base(&second).map(|base| base.digest), Some(first.digest));
        let other = Cohort::new(None, vec![Column::numeric("age", vec![50.0, 61.0])])?;
        assert!(base(&known(&other)).is_none());
        Ok(())
    }

    /// What is small comes along, what is large is named.
    #[tokio::test]
    async fn large_cohorts_are_named() -> Result<(), Box<dyn std::error::Error>> {
        let compute = Compute::new(None, 1)?;
        let cohort = Arc::new(Cohort::new(None, vec![Column::numeric("age", vec![50.0; 4])])?);
        for (inline_bytes, is_named) in [(32, false), (31, true)] {
            let settings = Settings { inline_bytes, ..Settings::default() };
            let named = Cohorts::new(&settings).name(&cohort, &compute, Deadline::NONE).await?;
            assert_eq!(matches!(named.reference(), CohortRef::Digest(_)), is_named);
        }
        Ok(())
    }
}
