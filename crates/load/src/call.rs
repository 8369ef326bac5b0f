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
}

impl<'a> Reader<'a> {
    fn new(payload: &'a Payload, with_digest: bool) -> Self {
        let digest = with_digest.then(Sha256::new);
        Self { payload, n_replicates: 0, is_complete: false, digest }
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
        self.n_replicates += u64::try_from(piece.replicate_count).unwrap_or(0);
        self.is_complete = self.n_replicates == self.payload.n_replicates;
        for (value, variance) in piece.values.iter().zip(&piece.variances) {
            self.digest(&value.to_le_bytes());
            self.digest(&variance.to_le_bytes());
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
