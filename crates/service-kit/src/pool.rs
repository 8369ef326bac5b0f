//! The endpoints of one service, and which of them takes the next call.
//!
//! Of two endpoints drawn at random the one with fewer calls under way is taken (Mitzenmacher 2001, IEEE
//! Trans. Parallel Distrib. Syst. 12:1094-1104), among those that did not fail a moment ago: a dead endpoint
//! fails fast, looks idle and would draw all calls to itself. The choice moves waiting time alone, never a
//! result.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{MutexGuard, Notify, watch},
    time::Instant,
};
use tonic::{Code, Status, transport::Channel};

use crate::{
    Deadline, Failure, StartError,
    budget::Budget,
    call::{is_lost, random_fraction},
    channel, resolve,
};

/// How long an endpoint that failed is left alone while there are others.
pub const PENALTY: Duration = Duration::from_secs(2);

/// Begins an address whose every IP address is an endpoint, as names of gRPC do.
const DNS: &str = "dns:///";

/// The endpoints of one service; clones share them.
#[derive(Clone, Debug)]
pub struct Pool {
    endpoints: watch::Receiver<Known>,
    /// What the calls of all clones may repeat quickly.
    budget: Arc<Budget>,
}

/// The endpoints as far as they are known: none before the first look-up has ended, an empty list when
/// the name is not known.
pub(crate) type Known = Option<Arc<[Endpoint]>>;

impl Pool {
    /// A pool of the endpoints behind these channels; one for services within this process.
    pub fn new(channels: impl IntoIterator<Item = Channel>) -> Self {
        let endpoint = |channel| Endpoint::new("in process".to_owned(), channel, Arc::default());
        Self::fixed(channels.into_iter().map(endpoint).collect())
    }

    /// A pool of the endpoints at an address: `http://host:50051`, several of these with commas
    /// between them, or `dns:///name:50051` for every address of a name, which is looked up again
    /// every few seconds. They connect at their first call. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`StartError::Uri`] if the text is no such address.
    pub fn connect(address: &str) -> Result<Self, StartError> {
        match address.strip_prefix(DNS) {
            Some(name) => resolve::pool(name)
                .map(|endpoints| Self { endpoints, budget: Arc::default() })
                .ok_or_else(|| StartError::Uri { uri: address.to_owned() }),
            None => {
                let endpoint = |uri: &str| -> Result<Endpoint, StartError> {
                    let channel = channel::connect(uri.trim())?;
                    Ok(Endpoint::new(uri.trim().to_owned(), channel, Arc::default()))
                };
                Ok(Self::fixed(address.split(',').map(endpoint).collect::<Result<_, _>>()?))
            }
        }
    }

    fn fixed(endpoints: Arc<[Endpoint]>) -> Self {
        // The list outlives its sender.
        Self { endpoints: watch::channel(Some(endpoints)).1, budget: Arc::default() }
    }

    /// The endpoint for the next call. It waits for the first look-up of the name alone.
    ///
    /// # Errors
    /// UNAVAILABLE if no endpoint is known; DEADLINE_EXCEEDED.
    pub async fn pick(&self, deadline: Deadline) -> Result<Lease, Failure> {
        let all = self.known(deadline).await?;
        let ready: Vec<&Endpoint> = all.iter().filter(|endpoint| endpoint.is_ready()).collect();
        let chosen = match ready.as_slice() {
            // The one that will be ready first.
            [] => all.iter().min_by_key(|endpoint| endpoint.away_until()),
            [only] => Some(*only),
            several => {
                let first = random_below(several.len());
                let other = random_below(several.len() - 1);
                let second = if other < first { other } else { other + 1 };
                let (first, second) = (several[first], several[second]);
                Some(if second.n_pending() < first.n_pending() { second } else { first })
            }
        };
        chosen.map(Endpoint::lease).ok_or_else(no_endpoint)
    }

    /// The endpoints that did not fail a moment ago. It waits as [`Pool::pick`] does.
    ///
    /// # Errors
    /// UNAVAILABLE if no endpoint is known; DEADLINE_EXCEEDED.
    pub async fn ready(&self, deadline: Deadline) -> Result<Vec<Endpoint>, Failure> {
        let all = self.known(deadline).await?;
        if all.is_empty() {
            return Err(no_endpoint());
        }
        Ok(all.iter().filter(|endpoint| endpoint.is_ready()).cloned().collect())
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Whether a call could go out now to an endpoint that did not fail a moment ago.
    pub(crate) fn has_ready(&self) -> bool {
        let known = self.endpoints.borrow();
        known.iter().flat_map(|all| all.iter()).any(Endpoint::is_ready)
    }

    async fn known(&self, deadline: Deadline) -> Result<Arc<[Endpoint]>, Failure> {
        let mut endpoints = self.endpoints.clone();
        // An error means that the look-ups have ended, with the runtime.
        let known = deadline.limit(endpoints.wait_for(Option::is_some)).await?;
        Ok(known.ok().and_then(|known| known.clone()).unwrap_or_default())
    }
}

/// One server of a service; clones share what is known of it. Two are equal if they are the same.
#[derive(Clone, Debug)]
pub struct Endpoint(Arc<State>);

#[derive(Debug)]
struct State {
    address: String,
    channel: Channel,
    n_pending: AtomicUsize,
    away_until: Mutex<Option<Instant>>,
    turn: tokio::sync::Mutex<()>,
    /// Told when the endpoint cannot be reached: the name may have other addresses by now.
    lost: Arc<Notify>,
}

impl Endpoint {
    pub(crate) fn new(address: String, channel: Channel, lost: Arc<Notify>) -> Self {
        Self(Arc::new(State {
            address,
            channel,
            n_pending: AtomicUsize::new(0),
            away_until: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            lost,
        }))
    }

    /// Its address, for logs.
    pub fn address(&self) -> &str {
        &self.0.address
    }

    /// Whether it did not fail a moment ago.
    pub fn is_ready(&self) -> bool {
        self.away_until().is_none_or(|until| until <= Instant::now())
    }

    /// Calls under way.
    pub fn n_pending(&self) -> usize {
        self.0.n_pending.load(Ordering::Relaxed)
    }

    /// A channel to this endpoint and no other.
    pub fn channel(&self) -> Channel {
        self.0.channel.clone()
    }

    /// Waits until nobody else has the turn of this endpoint: for what calls would otherwise do there all
    /// at once, though once is enough. Others may have it as soon as the guard is dropped.
    pub async fn turn(&self) -> MutexGuard<'_, ()> {
        self.0.turn.lock().await
    }

    /// Takes the endpoint for a call, which counts as under way until the lease is dropped.
    pub fn lease(&self) -> Lease {
        self.0.n_pending.fetch_add(1, Ordering::Relaxed);
        Lease(self.clone())
    }

    /// Leaves the endpoint alone for a while, because it does not answer.
    pub fn set_aside(&self) {
        self.set_aside_for(PENALTY);
    }

    fn set_aside_for(&self, duration: Duration) {
        let until = Instant::now().checked_add(duration);
        let mut away = self.0.away_until.lock().unwrap_or_else(PoisonError::into_inner);
        *away = (*away).max(until);
    }

    fn away_until(&self) -> Option<Instant> {
        *self.0.away_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// An endpoint that has a call under way for as long as this is held.
#[derive(Debug)]
pub struct Lease(Endpoint);

impl Lease {
    /// The endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0
    }

    /// Learns from a call that failed: an endpoint that could not be reached, or is busy and says for
    /// how long, is left alone for a while.
    pub fn failed(&self, status: &Status) {
        if is_lost(status) {
            self.0.set_aside();
            self.0.0.lost.notify_one();
        } else if status.code() == Code::ResourceExhausted
            && let Some(delay) = Failure::from(status).retry_after
        {
            self.0.set_aside_for(delay);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.0.n_pending.fetch_sub(1, Ordering::Relaxed);
    }
}

fn no_endpoint() -> Failure {
    Failure::new(Code::Unavailable, "NO_ENDPOINT", "the name of the service has no address")
}

fn random_below(n: usize) -> usize {
    ((random_fraction() * n as f64) as usize).min(n - 1)
}
