//! Transports, health, reflection and shutdown.

use std::{
    future::pending,
    net::SocketAddr,
    time::{Duration, Instant},
};

use service_kit::{Settings, Stack, connect};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tonic::{Code, Request, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::probe::{Running, Text, ask, echo, services};

const PROBE: &str = "kit.test.v1.ProbeService";

/// No test waits for longer; reached only where one fails.
const FAR: Duration = Duration::from_secs(5);

fn about(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

async fn assert_serves(channel: Channel) {
    let answer = ask(channel.clone(), Request::new(Text::new("ping"))).await;
    assert_eq!(answer.unwrap().into_inner(), Text::new("ping"));
    for service in ["", PROBE] {
        let answer = HealthClient::new(channel.clone()).check(about(service)).await;
        assert_eq!(answer.unwrap().into_inner().status(), ServingStatus::Serving);
    }
}

#[tokio::test]
async fn services_answer_over_tcp() {
    assert_serves(Running::start(echo()).await.channel()).await;
}

#[tokio::test]
async fn services_answer_in_process() {
    assert_serves(Stack::new(echo()).await.unwrap().in_process()).await;
}

/// More than a pipe or a window holds at once, in both directions.
#[tokio::test]
async fn large_messages_pass_in_process() {
    let channel = Stack::new(echo()).await.unwrap().in_process();
    let text = "x".repeat(3 << 20);
    let answer = ask(channel, Request::new(Text::new(&text))).await.unwrap();
    assert_eq!(answer.into_inner().text.len(), text.len());
}

/// More than the library lets one connection hold at a time: none of them is lost, and none is repeated.
#[tokio::test]
async fn a_burst_of_small_calls_passes() {
    let channel = Running::start(echo()).await.channel();
    let mut calls = JoinSet::new();
    for _ in 0..1000 {
        calls.spawn(ask(channel.clone(), Request::new(Text::new("ping"))));
    }
    for answer in calls.join_all().await {
        assert_eq!(answer.unwrap().into_inner(), Text::new("ping"));
    }
}

#[tokio::test]
async fn an_address_must_be_a_uri_of_a_server() {
    for uri in ["", "localhost", "localhost:50051", "ftp://host:1", "http://"] {
        assert!(connect(uri).is_err(), "{uri:?}");
    }
    assert!(connect("http://localhost:50051").is_ok());
}

/// The bytes on the wire, since tonic's client would end the call by its own clock.
#[tokio::test]
async fn a_passed_deadline_is_deadline_exceeded_on_the_wire() {
    let running = Running::start(services(|_| pending())).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let request = "POST /kit.test.v1.ProbeService/Ask HTTP/1.1\r\nhost: probe\r\n\
        content-type: application/grpc\r\ngrpc-timeout: 20m\r\ncontent-length: 5\r\n\
        connection: close\r\n\r\n\0\0\0\0\0";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("grpc-status: 4\r\n"), "{answer}");
}

#[tokio::test]
async fn reflection_lists_the_services_in_v1() {
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let channel = Running::start(echo()).await.channel();
    let answers = ServerReflectionClient::new(channel)
        .server_reflection_info(tokio_stream::once(request))
        .await;
    let answer = answers.unwrap().into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}");
    };
    assert_lists_all(list.service.into_iter().map(|service| service.name).collect());
}

#[tokio::test]
async fn reflection_lists_the_services_in_v1alpha() {
    use tonic_reflection::pb::v1alpha::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let channel = Running::start(echo()).await.channel();
    let answers = ServerReflectionClient::new(channel)
        .server_reflection_info(tokio_stream::once(request))
        .await;
    let answer = answers.unwrap().into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}");
    };
    assert_lists_all(list.service.into_iter().map(|service| service.name).collect());
}

fn assert_lists_all(names: Vec<String>) {
    for name in [PROBE, "grpc.health.v1.Health"] {
        assert!(names.iter().any(|listed| listed == name), "{names:?}");
    }
}

/// A load balancer sees NOT_SERVING while calls, new connections included, still succeed.
#[tokio::test]
async fn health_turns_before_the_drain() {
    let settings = Settings { pause: Duration::from_secs(60), ..Settings::default() };
    let running = Running::start_with(echo(), settings).await;
    let mut watch =
        HealthClient::new(running.channel()).watch(about(PROBE)).await.unwrap().into_inner();
    let first = watch.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
    running.shutdown.cancel();
    let second = watch.message().await.unwrap().unwrap();
    assert_eq!(second.status(), ServingStatus::NotServing);
    ask(running.channel(), Request::new(Text::new("late"))).await.unwrap();
    running.served.abort();
}

/// One peer never speaks, one call never ends: the first must not hold up the drain and the
/// second is cut off at its end.
#[tokio::test]
async fn the_drain_is_bounded() {
    let (began, mut beginnings) = mpsc::unbounded_channel();
    let endless = services(move |_| {
        let (alive, dropped) = oneshot::channel::<()>();
        began.send(dropped).unwrap();
        async move {
            let _alive = alive;
            pending().await
        }
    });
    let drain = Duration::from_millis(200);
    let running = Running::start_with(endless, Settings { drain, ..Settings::default() }).await;
    let _silent = TcpStream::connect(running.address).await.unwrap();
    let call = tokio::spawn(ask(running.channel(), Request::new(Text::default())));
    let handler_dropped = beginnings.recv().await.unwrap();

    let start = Instant::now();
    running.shutdown.cancel();
    tokio::time::timeout(FAR, running.served).await.expect("the drain has a limit").unwrap();
    assert!(start.elapsed() >= drain, "the call had its time");
    let cut_off = async {
        call.await.unwrap().unwrap_err();
        handler_dropped.await.unwrap_err();
    };
    tokio::time::timeout(FAR, cut_off)
        .await
        .expect("both ends of the call learn that it was cut off");
    TcpStream::connect(running.address).await.unwrap_err();
}

#[tokio::test]
async fn a_silent_peer_does_not_use_up_the_drain() {
    let running = Running::start(echo()).await;
    let _silent = TcpStream::connect(running.address).await.unwrap();
    // The answer shows that the earlier connection has been accepted too.
    ask(running.channel(), Request::new(Text::default())).await.unwrap();
    running.shutdown.cancel();
    let limit = Settings::default().drain / 2;
    tokio::time::timeout(limit, running.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn calls_in_flight_finish_within_the_drain() {
    let (began, mut beginnings) = mpsc::unbounded_channel();
    let slow = services(move |request| {
        began.send(()).unwrap();
        async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(request.into_inner())
        }
    });
    let running = Running::start(slow).await;
    let call = tokio::spawn(ask(running.channel(), Request::new(Text::new("in flight"))));
    beginnings.recv().await.unwrap();
    running.shutdown.cancel();
    let answer = call.await.unwrap().unwrap();
    assert_eq!(answer.into_inner(), Text::new("in flight"));
    running.served.await.unwrap();
}

#[tokio::test]
async fn the_admin_listener_serves_health_alone() {
    let settings = Settings {
        admin_listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        ..Settings::default()
    };
    let running = Running::start_with(echo(), settings).await;
    let admin = connect(&format!("http://{}", running.admin_address.unwrap())).unwrap();
    let answer = HealthClient::new(admin.clone()).check(about(PROBE)).await;
    assert_eq!(answer.unwrap().into_inner().status(), ServingStatus::Serving);
    let status = ask(admin, Request::new(Text::default())).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    running.shutdown.cancel();
    running.served.await.unwrap();
}
