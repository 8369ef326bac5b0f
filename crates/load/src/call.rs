//! One call: bytes out, bytes back, and what became of it.
//!
//! Requests are encoded once and answers read no further than counting needs, so that the generator
//! takes little of the processor that it shares with what it measures. On the wire a call with one
//! message each way is a stream of one message each way, so all methods go the same way.

use crate::requests::Payload;
use crate::{Kind, Service};
use prost::Message;
use prost::bytes::{Buf, BufMut, Bytes};
use service_kit::{Deadline, Failure, StartError};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use thiserror::Error;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use wire::pb::bootstrap::RunReplicatesResponse;
use wire::pb::study::{RunStudyResponse, run_study_response::Piece};

/// The address of a server, and which service is meant by it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// The service; absent = every one that has no target of its own.
    pub service: Option<Service>,
    /// Its address, such as `http://127.0.0.1:50051`.
    pub address: String,
}

/// Why a call cannot be sent anywhere.
#[derive(Debug, Error)]
pub enum TargetError {
    /// An address is none.
    #[error(transparent)]
    Address(#[from] StartError),
    /// Nobody is there for a kind of call.
    #[error("calls of the kind {kind} have no target: give one to {service} or one for all")]
    Missing {
        /// The kind.
        kind: String,
        /// Its service, as targets name it.
        service: String,
    },
}

/// Connections to the servers; calls to a service take them in turn.
#[derive(Debug)]
pub(crate) struct Channels {
    of_service: BTreeMap<Option<Service>, Vec<Channel>>,
    next: AtomicUsize,
    message_limit_bytes: usize,
}

impl Channels {
    /// Channels that connect at their first call, `n_connections` to each target.
    pub(crate) fn new(
        targets: &[Target],
        n_connections: usize,
        message_limit_bytes: usize,
    ) -> Result<Self, TargetError> {
        let mut of_service: BTreeMap<_, Vec<_>> = BTreeMap::new();
        // Turn by turn over the targets first, so that few calls at a time reach them all.
        for _ in 0..n_connections.max(1) {
            for target in targets {
                let channel = service_kit::connect(&target.address)?;
                of_service.entry(target.service).or_default().push(channel);
            }
        }
        Ok(Self { of_service, next: AtomicUsize::new(0), message_limit_bytes })
    }

    /// Whether there is somebody for each of these kinds.
    pub(crate) fn check(&self, kinds: impl Iterator<Item = Kind>) -> Result<(), TargetError> {
        for kind in kinds {
            if self.of(kind.service()).is_none() {
                return Err(TargetError::Missing {
                    kind: kind.name(),
                    service: format!("{:?}", kind.service()).to_lowercase(),
                });
            }
        }
        Ok(())
    }

    fn of(&self, service: Service) -> Option<&[Channel]> {
        let own = self.of_service.get(&Some(service));
        own.or_else(|| self.of_service.get(&None)).map(Vec::as_slice)
    }

    /// The next connection to a service.
    fn next(&self, service: Service) -> Option<Channel> {
        let channels = self.of(service)?;
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        channels.get(turn % channels.len()).cloned()
    }
}

/// What was answered, as far as it is looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    /// Replicates of the answer.
    pub n_replicates: u64,
    /// Digest of what must be the same in every answer to this request; only when it is asked for.
    pub digest: Option<[u8; 32]>,
}

/// Makes a call and reads its whole answer, at most until the deadline.
pub(crate) async fn make(
    channels: &Channels,
    payload: &Payload,
    deadline: Deadline,
    with_digest: bool,
) -> Result<Answer, Failure> {
    let answer = deadline.limit(answer(channels, payload, deadline, with_digest)).await?;
    answer.map_err(|status| match status.code() {
        // This is how the transport reports a deadline that it notices by itself.
        Code::Cancelled if deadline.has_passed() => Failure::deadline_exceeded(),
        _ => Failure::from(&status),
    })
}

async fn answer(
    channels: &Channels,
    payload: &Payload,
    deadline: Deadline,
    with_digest: bool,
) -> Result<Answer, Status> {
    let channel = channels
        .next(payload.kind.service())
        .ok_or_else(|| Status::unavailable("the service has no target"))?;
    let limit = channels.message_limit_bytes;
    let mut client =
        Grpc::new(channel).max_decoding_message_size(limit).max_encoding_message_size(limit);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let mut request = Request::new(tokio_stream::iter(payload.messages.clone()));
    if let Some(left) = deadline.remaining() {
        request.set_timeout(left.max(Duration::from_millis(1)));
    }
    let path = PathAndQuery::from_static(payload.kind.path());
    let mut pieces = client.streaming(request, path, Raw).await?.into_inner();
    let mut reader = Reader::new(payload, with_digest);
    while let Some(piece) = pieces.message().await? {
        reader.read(&piece)?;
    }
    reader.finish()
}

/// Reads the pieces of an answer.
struct Reader<'a> {
    payload: &'a Payload,
    n_replicates: u64,
    is_complete: bool,
    digest: Option<Sha256>,
    /// Names of the quantities and the first replicate, once they have come and are compared.
    replicates: Option<(Vec<String>, i64)>,
}

impl<'a> Reader<'a> {
    fn new(payload: &'a Payload, with_digest: bool) -> Self {
        let digest = with_digest.then(Sha256::new);
        Self { payload, n_replicates: 0, is_complete: false, digest, replicates: None }
    }

    fn read(&mut self, piece: &Bytes) -> Result<(), Status> {
        match self.payload.kind {
            Kind::ReplicatesRatio
            | Kind::ReplicatesMedian
            | Kind::ReplicatesModel
            | Kind::ReplicatesOutcome
            | Kind::ReplicatesPipeline => self.read_replicates(piece),
            Kind::Study => self.read_study(piece),
            _ => {
                self.is_complete = true;
                self.n_replicates = self.payload.n_replicates;
                self.digest(piece);
                Ok(())
            }
        }
    }

    /// Where a stream of replicates is cut depends on the clock; what is in it does not.
    fn read_replicates(&mut self, piece: &Bytes) -> Result<(), Status> {
        let piece = RunReplicatesResponse::decode(piece.as_ref()).map_err(unreadable)?;
        let n = u64::try_from(piece.replicate_count).unwrap_or(0);
        if self.digest.is_some() {
            self.digest_replicates(&piece)?;
        }
        self.n_replicates += n;
        self.is_complete = self.n_replicates == self.payload.n_replicates;
        Ok(())
    }

    /// The names of the quantities and the number of the first replicate come with the first piece; each
    /// piece after it goes on where the one before has ended.
    fn digest_replicates(&mut self, piece: &RunReplicatesResponse) -> Result<(), Status> {
        let (names, first) = (&piece.quantity_names, i64::from(piece.first_replicate));
        let n_before = self.n_replicates as i64;
        match &self.replicates {
            None => {
                self.digest(&first.to_le_bytes());
                for name in names {
                    self.digest(&(name.len() as u64).to_le_bytes());
                    self.digest(name.as_bytes());
                }
                self.replicates = Some((names.clone(), first));
            }
            Some((same, begin)) if same == names && first == begin + n_before => {}
            Some(_) => return Err(inconsistent("a piece does not go on where the last one ended")),
        }
        let n = usize::try_from(piece.replicate_count).unwrap_or(0) * names.len();
        if piece.values.len() != n || piece.variances.len() != n {
            return Err(inconsistent("the lists of a piece have different lengths"));
        }
        let mut reasons = vec![None; n];
        for missing in &piece.missing {
            let place = usize::try_from(missing.index).ok().and_then(|at| reasons.get_mut(at));
            *place.ok_or_else(|| inconsistent("a missing value has no place"))? =
                Some(missing.reason);
        }
        for ((value, variance), reason) in piece.values.iter().zip(&piece.variances).zip(reasons) {
            self.digest(&value.to_le_bytes());
            self.digest(&variance.to_le_bytes());
            self.digest(&[u8::from(reason.is_some())]);
            self.digest(&reason.unwrap_or_default().to_le_bytes());
        }
        Ok(())
    }

    /// Progress and manifest differ between two runs; the summary has the digest of the report.
    fn read_study(&mut self, piece: &Bytes) -> Result<(), Status> {
        let answer = RunStudyResponse::decode(piece.as_ref()).map_err(unreadable)?;
        if let Some(Piece::Summary(_)) = answer.piece {
            self.is_complete = true;
            self.digest(piece);
        }
        Ok(())
    }

    fn digest(&mut self, bytes: &[u8]) {
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
    }

    fn finish(self) -> Result<Answer, Status> {
        if !self.is_complete {
            return Err(Failure::internal("INCOMPLETE_ANSWER", "the answer ended early").into());
        }
        let digest = self.digest.map(|digest| digest.finalize().into());
        Ok(Answer { n_replicates: self.n_replicates, digest })
    }
}

/// Pieces that do not make one answer.
fn inconsistent(message: &str) -> Status {
    Failure::internal("INCONSISTENT_ANSWER", message).into()
}

fn unreadable(error: prost::DecodeError) -> Status {
    Failure::internal("UNREADABLE_ANSWER", error.to_string()).into()
}

/// Messages as they are on the wire.
#[derive(Clone, Copy, Debug)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// The first answer to each request, with which later ones are compared.
#[derive(Debug, Default)]
pub(crate) struct FirstAnswers(Mutex<BTreeMap<(Kind, usize), [u8; 32]>>);

impl FirstAnswers {
    /// Whether an answer is that which came first to the same request.
    pub(crate) fn agree(&self, request: (Kind, usize), answer: &Answer) -> bool {
        let Some(digest) = answer.digest else { return true };
        // A thread that panicked while it held the map has not left it half changed.
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *first.entry(request).or_insert(digest) == digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::pb::bootstrap::MissingValue;

    /// Six replicates of two quantities, of which one lacks a value; cut where it is said.
    fn pieces(cuts: &[usize]) -> Vec<RunReplicatesResponse> {
        let piece = |(&from, &to): (&usize, &usize)| RunReplicatesResponse {
            first_replicate: 10 + from as i32,
            replicate_count: (to - from) as i32,
            quantity_names: vec!["a".into(), "b".into()],
            values: (2 * from..2 * to).map(|value| value as f64).collect(),
            variances: vec![0.5; 2 * (to - from)],
            missing: (from..to)
                .filter(|&at| at == 3)
                .map(|at| MissingValue { index: 2 * (at - from) as i32, reason: 1 })
                .collect(),
            // These differ between two answers.
            finished_count: to as i32,
            thread_count: from as i32,
        };
        cuts.iter().zip(&cuts[1..]).map(piece).collect()
    }

    fn digest(pieces: &[RunReplicatesResponse]) -> Result<Option<[u8; 32]>, String> {
        let kind = Kind::ReplicatesModel;
        let payload = Payload { kind, name: String::new(), messages: Vec::new(), n_replicates: 6 };
        let mut reader = Reader::new(&payload, true);
        let reason = |status: Status| Failure::from(&status).reason;
        for piece in pieces {
            reader.read(&piece.encode_to_vec().into()).map_err(reason)?;
        }
        reader.finish().map(|answer| answer.digest).map_err(reason)
    }

    #[test]
    fn answers_are_compared_wherever_they_are_cut() {
        let whole = digest(&pieces(&[0, 6])).unwrap();
        assert!(whole.is_some());
        assert_eq!(digest(&pieces(&[0, 1, 4, 6])), Ok(whole));
    }

    /// A variance, a reason, the place of a missing value, a name, the first replicate.
    #[test]
    fn whatever_differs_is_noticed() {
        let whole = digest(&pieces(&[0, 6]));
        let changes: [fn(&mut RunReplicatesResponse); 5] = [
            |piece| piece.variances[11] = 0.25,
            |piece| piece.missing[0].reason = 2,
            |piece| piece.missing[0].index = 7,
            |piece| piece.quantity_names[1] = "c".into(),
            |piece| piece.first_replicate = 11,
        ];
        for (at, change) in changes.iter().enumerate() {
            let mut changed = pieces(&[0, 6]);
            change(&mut changed[0]);
            let changed = digest(&changed);
            assert!(changed.is_ok() && changed != whole, "{at}");
        }
    }

    #[test]
    fn pieces_that_do_not_fit_are_no_answer() {
        let changes: [fn(&mut RunReplicatesResponse); 4] = [
            |piece| piece.first_replicate += 1,
            |piece| piece.quantity_names[0] = "c".into(),
            |piece| piece.variances.truncate(1),
            |piece| piece.missing.push(MissingValue { index: 6, reason: 1 }),
        ];
        for (at, change) in changes.iter().enumerate() {
            let mut changed = pieces(&[0, 4, 6]);
            change(&mut changed[1]);
            assert_eq!(digest(&changed), Err("INCONSISTENT_ANSWER".into()), "{at}");
        }
    }
}
