//! Which replicates have arrived, which are under way and where, and how many to ask for next.
//!
//! It knows neither clock nor network: times come with what it is told. Its guesses at the time of a
//! replicate decide who computes what, never a result.

use super::ranges::Ranges;
use bootstrap::{Plan, Replicates};
use cohort::{NotEstimable, REPLICATES_AT_ONCE, Replicated};
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;
use tokio::time::Instant;

/// How long a request should take: long enough for its own cost not to count, short enough for workers
/// to finish together.
const SPAN: Duration = Duration::from_millis(35);

/// Length of the last requests, so that nobody waits long for the last one.
const SHORTEST_SPAN: Duration = Duration::from_millis(4);

/// A request takes at least so many times what preparing the patients takes.
const SPANS_PER_OVERHEAD: u32 = 16;

/// A request takes no longer, however long its first piece took: it may have waited in a queue.
const LONGEST_SPAN: Duration = Duration::from_secs(2);

/// Replicates that take no longer stay with the worker that has them: others would not be much faster.
const NOT_WORTH_SPREADING: Duration = Duration::from_millis(100);

/// Shortest time over which the pace of a worker is measured.
const MEASURED: Duration = Duration::from_millis(1);

/// A first piece that took so long says enough of the pace by itself.
const SLOW_PIECE: Duration = Duration::from_millis(20);

/// How long a worker may be silent while nothing is known of the pace.
const PATIENCE_AT_FIRST: Duration = Duration::from_secs(2);

/// How long a worker may be silent at least.
const PATIENCE: Duration = Duration::from_millis(500);

/// Requests that take together what a silent worker is given.
const PATIENCE_IN_SPANS: u32 = 8;

/// A worker in the order in which it was first met.
pub(super) type Worker = usize;

/// A request under way.
pub(super) type FlightId = u64;

/// The replicates of one bootstrap on their way.
#[derive(Debug)]
pub(super) struct Ledger {
    n_replicates: u64,
    n_quantities: Option<usize>,
    answers: Vec<Replicated>,
    /// Replicates that have not arrived.
    missing: Ranges,
    /// Those of them that nobody computes, as far as is known.
    unasked: Ranges,
    flights: BTreeMap<FlightId, Flight>,
    n_flights: u64,
    paces: BTreeMap<Worker, Duration>,
    /// The latest pace of any worker.
    pace: Option<Duration>,
    /// What a request takes besides its replicates, from when it was accepted; the smallest that was seen.
    overhead: Option<Duration>,
}

/// A request under way.
#[derive(Debug)]
struct Flight {
    worker: Worker,
    /// What is still wanted of it and has not arrived.
    range: Range<u64>,
    /// Where it ends as it was asked for.
    asked_end: u64,
    /// When it was accepted; before that, when it was sent.
    accepted: Instant,
    /// Number of replicates of the first piece, and when it came.
    first_piece: Option<(u64, Instant)>,
    n_arrived: u64,
    heard: Instant,
    is_silent: bool,
}

impl Flight {
    /// Whether the worker computes it: before that it is on its way there, waits for its cohort or in a
    /// queue.
    fn has_begun(&self) -> bool {
        self.first_piece.is_some()
    }
}

/// A piece that was not asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Unexpected;

impl Ledger {
    pub(super) fn new(n_replicates: u64) -> Self {
        Self {
            n_replicates,
            n_quantities: None,
            answers: Vec::new(),
            missing: Ranges::of(0..n_replicates),
            unasked: Ranges::of(0..n_replicates),
            flights: BTreeMap::new(),
            n_flights: 0,
            paces: BTreeMap::new(),
            pace: None,
            overhead: None,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// The replicates in order, once all have arrived.
    pub(super) fn finish(self) -> Replicates {
        Replicates { first: 0, n_quantities: self.n_quantities.unwrap_or(0), answers: self.answers }
    }

    /// The worker that has a request.
    pub(super) fn worker_of(&self, id: FlightId) -> Option<Worker> {
        self.flights.get(&id).map(|flight| flight.worker)
    }

    /// Requests at a worker that are not finished.
    pub(super) fn n_flights_of(&self, worker: Worker) -> usize {
        self.flights_of(worker).filter(|flight| !flight.range.is_empty()).count()
    }

    /// Whether a worker has requests and nothing is heard of any.
    pub(super) fn is_silent(&self, worker: Worker) -> bool {
        let mut flights = self.flights_of(worker).peekable();
        flights.peek().is_some() && flights.all(|flight| flight.is_silent)
    }

    fn flights_of(&self, worker: Worker) -> impl Iterator<Item = &Flight> {
        self.flights.values().filter(move |flight| flight.worker == worker)
    }

    /// The next request for a worker, of `n_slots` that all workers have together; `None` if there is
    /// nothing to ask. The first worker gets everything, until the pace is known.
    pub(super) fn hand_out(
        &mut self,
        worker: Worker,
        n_slots: usize,
        now: Instant,
    ) -> Option<(FlightId, Range<u64>)> {
        let most = match self.pace_of(worker) {
            Some(pace) => self.size(pace, self.unasked.len(), n_slots),
            None => self.n_replicates,
        };
        let range = self.unasked.take_first(most)?;
        let flight = Flight {
            worker,
            range: range.clone(),
            asked_end: range.end,
            accepted: now,
            first_piece: None,
            n_arrived: 0,
            heard: now,
            is_silent: false,
        };
        let id = self.n_flights;
        self.n_flights += 1;
        self.flights.insert(id, flight);
        Some((id, range))
    }

    /// A worker has accepted a request: only from now on does it owe an answer.
    pub(super) fn accepted(&mut self, id: FlightId, now: Instant) {
        if let Some(flight) = self.flights.get_mut(&id) {
            (flight.accepted, flight.heard, flight.is_silent) = (now, now, false);
        }
    }

    /// Takes a piece in. What its request would still take too long for goes back to the others.
    pub(super) fn arrived(
        &mut self,
        id: FlightId,
        piece: &Replicates,
        n_slots: usize,
        now: Instant,
    ) -> Result<(), Unexpected> {
        // Pieces of a request that is no longer wanted may be on their way.
        let Some(flight) = self.flights.get_mut(&id) else { return Ok(()) };
        let n = (piece.answers.len() / piece.n_quantities.max(1)) as u64;
        let range = piece.first..piece.first + n;
        let n_quantities = self.n_quantities.unwrap_or(piece.n_quantities);
        let is_expected =
            n_quantities == piece.n_quantities && range.start == flight.range.start && n > 0;
        // A worker refuses more values than are kept; one of another version may not.
        let n_values = self.n_replicates.saturating_mul(n_quantities as u64);
        if !is_expected || n_values > Plan::MOST_VALUES {
            return Err(Unexpected);
        }
        self.n_quantities = Some(n_quantities);
        // The end of a request may have been given to others.
        let end = range.end.min(self.n_replicates);
        flight.range.start = end.min(flight.range.end);
        (flight.heard, flight.is_silent) = (now, false);
        flight.n_arrived += n;
        flight.first_piece.get_or_insert((n, now));
        self.answers.resize(
            self.n_replicates as usize * n_quantities,
            Replicated::value(Err(NotEstimable::NotDefined)),
        );
        let places = range.start as usize * n_quantities..end as usize * n_quantities;
        let n_places = places.len();
        self.answers[places].copy_from_slice(&piece.answers[..n_places]);
        self.missing.remove(&(range.start..end));
        // What the worker goes on with need not be asked of others.
        self.unasked.remove(&(range.start..flight.range.end.max(end)));
        self.measure(id, now);
        self.cut(id, n_slots);
        Ok(())
    }

    /// A request has ended; whether all of it had arrived.
    pub(super) fn ended(&mut self, id: FlightId) -> bool {
        let Some(flight) = self.flights.remove(&id) else { return true };
        self.give_back(&flight.range);
        flight.range.is_empty()
    }

    /// Lets others compute what was asked of workers that have been silent for too long, and what could
    /// not begin in that time.
    pub(super) fn notice_silence(&mut self, now: Instant) {
        let patience = self.patience();
        let mut given_back = Vec::new();
        for flight in self.flights.values_mut() {
            if !flight.is_silent && now.duration_since(flight.heard) > patience {
                flight.is_silent = true;
                given_back.push(flight.range.clone());
            }
        }
        for range in given_back {
            self.give_back(&range);
        }
    }

    /// Forgets the requests of which nothing is wanted any more; with each its worker, and whether it was
    /// silent. One that has not begun keeps its place in a queue, and its upload goes on: once it begins,
    /// its worker is there for what is wanted then.
    pub(super) fn drop_needless(&mut self) -> Vec<(FlightId, Worker, bool)> {
        let missing = &self.missing;
        // One of which everything has come is about to end by itself.
        let is_needless = |flight: &Flight| {
            flight.has_begun()
                && flight.range.start < flight.asked_end
                && missing.within(&flight.range).is_empty()
        };
        let needless = self.flights.extract_if(.., |_, flight| is_needless(flight));
        needless.map(|(id, flight)| (id, flight.worker, flight.is_silent)).collect()
    }

    /// Lets others be asked for what is missing of a range and not under way elsewhere.
    fn give_back(&mut self, range: &Range<u64>) {
        let mut parts = self.missing.within(range);
        for flight in self.flights.values().filter(|flight| !flight.is_silent) {
            parts.remove(&flight.range);
        }
        for part in parts.iter() {
            self.unasked.insert(part);
        }
    }

    fn pace_of(&self, worker: Worker) -> Option<Duration> {
        self.paces.get(&worker).copied().or(self.pace)
    }

    /// How many replicates to ask of a worker of this pace when so many are left: as many as a request
    /// should last, and fewer towards the end.
    fn size(&self, pace: Duration, n_left: u64, n_slots: usize) -> u64 {
        let span = self.span();
        let shortest = (SHORTEST_SPAN + self.overhead.unwrap_or_default() * 4).min(span);
        let share = n_left as f64 * pace.as_secs_f64() / (2 * n_slots.max(1)) as f64;
        let time = share.clamp(shortest.as_secs_f64(), span.as_secs_f64());
        let n = (time / pace.as_secs_f64().max(1e-9)) as u64;
        n.next_multiple_of(REPLICATES_AT_ONCE as u64).max(REPLICATES_AT_ONCE as u64)
    }

    fn span(&self) -> Duration {
        let overhead = self.overhead.unwrap_or_default().min(LONGEST_SPAN);
        (overhead * SPANS_PER_OVERHEAD).clamp(SPAN, LONGEST_SPAN)
    }

    fn patience(&self) -> Duration {
        let Some(pace) = self.pace else { return PATIENCE_AT_FIRST };
        let at_once = pace * REPLICATES_AT_ONCE as u32;
        PATIENCE.max((self.span() + at_once) * PATIENCE_IN_SPANS)
    }

    /// Learns from a piece that has just arrived how long replicates take.
    fn measure(&mut self, id: FlightId, now: Instant) {
        let Some(flight) = self.flights.get(&id) else { return };
        let Some((n_first, at)) = flight.first_piece else { return };
        let (since, delay) = (now.duration_since(at), at.duration_since(flight.accepted));
        let n_since = flight.n_arrived - n_first;
        let pace = if n_since > 0 && since >= MEASURED {
            let pace = since.div_f64(n_since as f64);
            let overhead = delay.saturating_sub(pace.mul_f64(n_first as f64));
            self.overhead = Some(self.overhead.map_or(overhead, |least| least.min(overhead)));
            pace
        } else if self.pace.is_none() && delay >= SLOW_PIECE {
            // How much of it was overhead shows with the next piece.
            delay.div_f64(n_first as f64)
        } else {
            return;
        };
        self.paces.insert(flight.worker, pace);
        self.pace = Some(pace);
    }

    /// Gives the end of a request back that would last far longer than one should.
    fn cut(&mut self, id: FlightId, n_slots: usize) {
        let Some(pace) = self.pace else { return };
        if pace.mul_f64(self.missing.len() as f64) <= NOT_WORTH_SPREADING {
            return;
        }
        let Some(flight) = self.flights.get(&id) else { return };
        let Range { start, end } = flight.range;
        let size = self.size(pace, self.unasked.len() + end - start, n_slots);
        if end - start > 2 * size {
            let rest = start + size..end;
            self.flights.entry(id).and_modify(|flight| flight.range.end = rest.start);
            self.give_back(&rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICROSECOND: Duration = Duration::from_micros(1);

    /// A ledger, and a clock that the test moves.
    struct Desk {
        ledger: Ledger,
        now: Instant,
        n_slots: usize,
    }

    impl Desk {
        fn new(n_replicates: u64) -> Self {
            Self { ledger: Ledger::new(n_replicates), now: Instant::now(), n_slots: 2 }
        }

        fn hand_out(&mut self, worker: Worker) -> Option<(FlightId, Range<u64>)> {
            self.ledger.hand_out(worker, self.n_slots, self.now)
        }

        /// The replicates of a range arrive after this time; each has its own number.
        fn arrives(&mut self, id: FlightId, range: Range<u64>, after: Duration) {
            self.now += after;
            let answer = |number: u64| Replicated::value(Ok(number as f64));
            let piece = Replicates {
                first: range.start,
                n_quantities: 1,
                answers: range.map(answer).collect(),
            };
            self.ledger.arrived(id, &piece, self.n_slots, self.now).unwrap();
        }

        /// The first worker has everything and shows a pace of 0.1 ms.
        fn begin(&mut self) -> FlightId {
            let (id, _) = self.hand_out(0).unwrap();
            self.arrives(id, 0..8, Duration::from_millis(2));
            self.arrives(id, 8..72, MICROSECOND * 6400);
            id
        }
    }

    #[test]
    fn a_short_job_stays_with_one_worker() {
        let mut desk = Desk::new(20_000);
        let (id, range) = desk.hand_out(0).unwrap();
        assert_eq!((range, desk.hand_out(1)), (0..20_000, None));
        desk.arrives(id, 0..8, Duration::from_millis(3));
        desk.arrives(id, 8..4104, MICROSECOND * 4096);
        assert_eq!(desk.hand_out(1), None);
        desk.arrives(id, 4104..20_000, MICROSECOND * 15_896);
        assert!(desk.ledger.is_complete() && desk.ledger.ended(id));
        let replicates = desk.ledger.finish();
        assert!(replicates.answers.iter().enumerate().all(|(k, one)| one.value == Ok(k as f64)));
    }

    /// At 0.1 ms a replicate, 35 ms are 350, and 352 are whole groups of eight. The delay of the first
    /// piece was 2 ms, of which 0.8 ms were replicates: a sixteenth of 19 ms.
    #[test]
    fn a_long_job_is_shared() {
        let mut desk = Desk::new(20_000);
        let first = desk.begin();
        assert_eq!(desk.hand_out(1).unwrap().1, 424..776);
        assert_eq!(desk.hand_out(0).unwrap().1, 776..1128);
        // The first request ends where the second begins, though more may still come of it.
        desk.arrives(first, 72..584, Duration::from_millis(51));
        assert_eq!(desk.ledger.drop_needless(), [(first, 0, false)]);
    }

    #[test]
    fn requests_become_shorter_towards_the_end() {
        let mut desk = Desk::new(2_000);
        desk.begin();
        let mut sizes = Vec::new();
        while let Some((_, range)) = desk.hand_out(1) {
            sizes.push(range.end - range.start);
        }
        assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
        // A tenth of what is left of 1576 in two slots, then 4 + 4 * 1.2 ms.
        assert_eq!((sizes[0], sizes.last().is_some_and(|&last| last <= 88)), (352, true));
    }

    #[test]
    fn what_is_lost_goes_to_others() {
        let mut desk = Desk::new(20_000);
        let first = desk.begin();
        desk.arrives(first, 72..80, MICROSECOND * 800);
        assert!(!desk.ledger.ended(first));
        assert_eq!(desk.hand_out(1).unwrap().1, 80..432);
    }

    #[test]
    fn what_a_silent_worker_has_is_asked_of_others() {
        let mut desk = Desk::new(1_000_000);
        let first = desk.begin();
        let (second, range) = desk.hand_out(1).unwrap();
        desk.now += PATIENCE + MICROSECOND;
        desk.arrives(second, range.clone(), MICROSECOND);
        desk.ledger.notice_silence(desk.now);
        assert!(desk.ledger.is_silent(0) && !desk.ledger.is_silent(1));
        let (third, again) = desk.hand_out(1).unwrap();
        assert_eq!(again, 72..424);
        desk.arrives(third, again, MICROSECOND);
        assert_eq!(desk.ledger.drop_needless(), [(first, 0, true)]);
    }

    /// A cohort that takes seconds to upload says nothing of the worker: others compute what it was asked
    /// for, and its request stays, so that the upload ends.
    #[test]
    fn a_request_that_cannot_begin_is_kept() {
        let mut desk = Desk::new(1_000_000);
        desk.begin();
        let (waiting, range) = desk.hand_out(1).unwrap();
        desk.now += PATIENCE + MICROSECOND;
        desk.ledger.notice_silence(desk.now);
        assert!(desk.ledger.is_silent(1));
        let (again, same) = desk.hand_out(2).unwrap();
        assert_eq!(same.start, 72);
        desk.arrives(again, 72..range.end, MICROSECOND);
        assert_eq!(desk.ledger.drop_needless(), [(0, 0, true)]);
        desk.ledger.accepted(waiting, desk.now);
        assert!(!desk.ledger.is_silent(1));
        desk.arrives(waiting, range.start..range.start + 8, MICROSECOND);
        assert_eq!(desk.ledger.drop_needless(), [(waiting, 1, false)]);
    }

    /// The first request waits three seconds for its cohort; later ones are no longer for that.
    #[test]
    fn an_upload_is_no_overhead() {
        let mut desk = Desk::new(1_000_000);
        let (id, _) = desk.hand_out(0).unwrap();
        desk.now += Duration::from_secs(3);
        desk.ledger.accepted(id, desk.now);
        desk.arrives(id, 0..8, Duration::from_millis(2));
        desk.arrives(id, 8..72, MICROSECOND * 6400);
        // 35 ms of 0.1 ms each.
        assert_eq!(desk.hand_out(1).unwrap().1, 424..776);
    }

    /// What looks like half a minute of preparation was a wait in a queue: two seconds of 0.1 ms each.
    #[test]
    fn no_request_is_far_too_long() {
        let mut desk = Desk::new(1_000_000);
        let (id, _) = desk.hand_out(0).unwrap();
        desk.arrives(id, 0..8, Duration::from_secs(30));
        desk.arrives(id, 8..72, MICROSECOND * 6400);
        let (_, range) = desk.hand_out(1).unwrap();
        assert_eq!(range.end - range.start, 20_000);
        assert!(desk.ledger.patience() < Duration::from_secs(20));
    }

    /// One of its requests waits in a queue behind those of others, but the worker does what it can.
    #[test]
    fn a_worker_that_answers_something_is_not_silent() {
        let mut desk = Desk::new(1_000_000);
        let first = desk.begin();
        desk.hand_out(0).unwrap();
        desk.now += PATIENCE + MICROSECOND;
        desk.ledger.notice_silence(desk.now);
        assert!(desk.ledger.is_silent(0));
        desk.arrives(first, 72..80, MICROSECOND);
        assert!(!desk.ledger.is_silent(0));
    }

    /// What comes of a worker after all counts, and it keeps what it has.
    #[test]
    fn a_silent_worker_may_go_on() {
        let mut desk = Desk::new(1_000_000);
        let first = desk.begin();
        desk.now += PATIENCE + MICROSECOND;
        desk.ledger.notice_silence(desk.now);
        desk.arrives(first, 72..400, MICROSECOND);
        assert!(!desk.ledger.is_silent(0));
        assert_eq!(desk.hand_out(1).unwrap().1.start, 424);
    }

    #[test]
    fn a_first_worker_that_never_answers_is_not_waited_for() {
        let mut desk = Desk::new(100);
        desk.hand_out(0).unwrap();
        desk.now += PATIENCE_AT_FIRST + MICROSECOND;
        desk.ledger.notice_silence(desk.now);
        assert_eq!(desk.hand_out(1).unwrap().1, 0..100);
    }

    #[test]
    fn replicates_that_nobody_asked_for_are_refused() {
        let mut desk = Desk::new(100);
        let (id, _) = desk.hand_out(0).unwrap();
        let piece = |first, n_quantities, n| Replicates {
            first,
            n_quantities,
            answers: vec![Replicated::value(Ok(1.0)); n],
        };
        let now = desk.now;
        assert_eq!(desk.ledger.arrived(id, &piece(8, 1, 8), 2, now), Err(Unexpected));
        assert_eq!(desk.ledger.arrived(id, &piece(0, 2, 16), 2, now), Ok(()));
        assert_eq!(desk.ledger.arrived(id, &piece(8, 1, 8), 2, now), Err(Unexpected));
        assert_eq!(desk.ledger.arrived(id, &piece(8, 2, 0), 2, now), Err(Unexpected));
        let other = &mut Ledger::new(Plan::MOST_VALUES / 2);
        let (other_id, _) = other.hand_out(0, 2, now).unwrap();
        assert_eq!(other.arrived(other_id, &piece(0, 3, 24), 2, now), Err(Unexpected));
        // More than the plan has.
        assert_eq!(desk.ledger.arrived(id, &piece(8, 2, 400), 2, now), Ok(()));
        assert!(desk.ledger.is_complete());
    }
}
