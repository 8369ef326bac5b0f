//! A service with one method whose behaviour each test supplies, and its client.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use prost::Message;
use prost_types::{
    DescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
    ServiceDescriptorProto,
};
use service_kit::{Endpoint, Server, Services, Settings, Stack};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::{Service, http},
    server::{NamedService, UnaryService},
    transport::Channel,
};
use tonic_prost::ProstCodec;

/// The only message: a text.
#[derive(Clone, PartialEq, Message)]
pub struct Text {
    #[prost(string, tag = "1")]
    pub text: String,
}

impl Text {
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned() }
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Text>, Status>> + Send>>;

#[derive(Clone)]
pub struct Probe(Arc<dyn Fn(Request<Text>) -> Answer + Send + Sync>);

/// Services with one probe that answers as `handler` does.
pub fn services<F>(handler: impl Fn(Request<Text>) -> F + Send + Sync + 'static) -> Services
where
    F: Future<Output = Result<Text, Status>> + Send + 'static,
{
    let probe = Probe(Arc::new(move |request| {
        let answer = handler(request);
        Box::pin(async move { answer.await.map(Response::new) })
    }));
    Services::new().with_service(probe).with_descriptors(descriptors())
}

/// A probe that answers with what it was sent.
pub fn echo() -> Services {
    services(|request| async { Ok(request.into_inner()) })
}

/// Makes one call to an endpoint that a rule has chosen.
pub async fn ask_there(
    endpoint: Endpoint,
    request: Request<Text>,
) -> Result<Response<Text>, Status> {
    ask(endpoint.channel(), request).await
}

/// Makes one call, without any of the client's rules.
pub async fn ask(channel: Channel, request: Request<Text>) -> Result<Response<Text>, Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/kit.test.v1.ProbeService/Ask");
    client.unary(request, path, ProstCodec::default()).await
}

/// A server on a free port of the loopback.
pub struct Running {
    pub address: SocketAddr,
    pub admin_address: Option<SocketAddr>,
    pub shutdown: CancellationToken,
    pub served: JoinHandle<()>,
}

impl Running {
    pub async fn start(services: Services) -> Self {
        Self::start_with(services, Settings::default()).await
    }

    pub async fn start_with(services: Services, settings: Settings) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let settings = Settings { listen, ..settings };
        let stack = Stack::new(services).await.unwrap();
        let server = Server::bind(stack, &settings).await.unwrap();
        let address = server.address().unwrap();
        let admin_address = server.admin_address();
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(server.serve(shutdown.clone()));
        Self { address, admin_address, shutdown, served }
    }

    pub fn channel(&self) -> Channel {
        service_kit::connect(&format!("http://{}", self.address)).unwrap()
    }
}

impl NamedService for Probe {
    const NAME: &'static str = "kit.test.v1.ProbeService";
}

impl Service<http::Request<Body>> for Probe {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let probe = self.clone();
        Box::pin(async move {
            let mut server = tonic::server::Grpc::new(ProstCodec::default());
            Ok(server.unary(Ask(probe), request).await)
        })
    }
}

struct Ask(Probe);

impl UnaryService<Text> for Ask {
    type Response = Text;
    type Future = Answer;

    fn call(&mut self, request: Request<Text>) -> Answer {
        (self.0.0)(request)
    }
}

fn descriptors() -> &'static [u8] {
    let method = MethodDescriptorProto {
        name: Some("Ask".to_owned()),
        input_type: Some(".kit.test.v1.Text".to_owned()),
        output_type: Some(".kit.test.v1.Text".to_owned()),
        ..Default::default()
    };
    let file = FileDescriptorProto {
        name: Some("kit/test/v1/probe.proto".to_owned()),
        package: Some("kit.test.v1".to_owned()),
        message_type: vec![DescriptorProto { name: Some("Text".to_owned()), ..Default::default() }],
        service: vec![ServiceDescriptorProto {
            name: Some("ProbeService".to_owned()),
            method: vec![method],
            ..Default::default()
        }],
        ..Default::default()
    };
    FileDescriptorSet { file: vec![file] }.encode_to_vec().leak()
}
