//! How calls are spread over the endpoints of a service.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use service_kit::{CallPolicy, Deadline, Endpoint, Failure, Pool, Stack, call, call_at};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tonic::{Code, transport::Channel};

use crate::probe::{Running, Text, ask_there, services};

/// No test waits for longer; reached only where one fails.
const FAR: Duration = Duration::from_secs(5);

fn named(name: &'static str) -> service_kit::Services {
    services(move |_| async move { Ok(Text::new(name)) })
}

async fn in_process(services: service_kit::Services) -> Channel {
    Stack::new(services).await.unwrap().in_process()
}

fn nobody() -> Channel {
    service_kit::connect("http://127.0.0.1:1").unwrap()
}

async fn endpoints(pool: &Pool) -> Vec<Endpoint> {
    pool.ready(Deadline::NONE).await.unwrap()
}

/// What the endpoint that the pool picks answers.
async fn ask_pool(pool: &Pool) -> String {
    let policy = CallPolicy { first_delay: Duration::from_millis(1), ..CallPolicy::default() };
    let answer = call(&policy, Deadline::after(FAR), pool, &Text::default(), ask_there).await;
    answer.unwrap().text
}

#[tokio::test]
async fn the_endpoint_with_fewer_calls_is_taken() {
    let pool = Pool::new([in_process(named("a")).await, in_process(named("b")).await]);
    let [first, second] = endpoints(&pool).await.try_into().unwrap();
    let held = (first.lease(), first.lease(), second.lease());
    for _ in 0..20 {
        // Of two endpoints both are always drawn.
        assert!(*pool.pick(Deadline::NONE).await.unwrap().endpoint() == second);
    }
    drop(held);
    assert_eq!((first.n_pending(), second.n_pending()), (0, 0));
}

#[tokio::test]
async fn all_endpoints_are_used() {
    let channels = [in_process(named("a")).await, in_process(named("b")).await];
    let pool = Pool::new(channels);
    let mut answers = Vec::new();
    while !(answers.contains(&"a".to_owned()) && answers.contains(&"b".to_owned())) {
        assert!(answers.len() < 200, "one endpoint is never picked");
        answers.push(ask_pool(&pool).await);
    }
}

/// One of three is dead and fails at once: no call is lost, and after the first failure nobody goes there.
#[tokio::test]
async fn a_dead_endpoint_is_left_alone() {
    let (a, b) = (in_process(named("a")).await, in_process(named("b")).await);
    let pool = Pool::new([a, nobody(), b]);
    let dead = endpoints(&pool).await.swap_remove(1);
    while dead.is_ready() {
        ask_pool(&pool).await;
    }
    assert_eq!(endpoints(&pool).await.len(), 2);
    for _ in 0..50 {
        assert!(*pool.pick(Deadline::NONE).await.unwrap().endpoint() != dead);
    }
}

/// The penalty ends: the endpoint gets calls again. With nobody else it gets them before.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_failed_comes_back() {
    let pool = Pool::new([in_process(named("a")).await]);
    let [only] = endpoints(&pool).await.try_into().unwrap();
    let begin = Instant::now();
    only.lease().failed(&tonic::Status::unavailable("away"));
    assert!(!only.is_ready() && endpoints(&pool).await.is_empty());
    assert!(*pool.pick(Deadline::NONE).await.unwrap().endpoint() == only);
    while !only.is_ready() {
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(begin.elapsed().as_secs(), 2);
}

/// A busy endpoint is left alone for as long as it says, whoever else is asked.
#[tokio::test]
async fn a_busy_endpoint_is_not_waited_for_where_another_is_ready() {
    let busy = services(|_| async { Err(Failure::busy(Duration::from_secs(3600)).into()) });
    let pool = Pool::new([in_process(busy).await, in_process(named("b")).await]);
    let first = endpoints(&pool).await.swap_remove(0);
    while first.is_ready() {
        assert_eq!(ask_pool(&pool).await, "b");
    }
    assert_eq!(ask_pool(&pool).await, "b");
}

/// Failures that are the caller's own are no fault of the endpoint.
#[tokio::test]
async fn a_refusal_sets_nobody_aside() {
    let refusing = services(|_| async { Err(Failure::precondition("EMPTY", "nobody").into()) });
    let pool = Pool::new([in_process(refusing).await]);
    let lease = pool.pick(Deadline::NONE).await.unwrap();
    let policy = CallPolicy::default();
    let answer = call_at(&policy, Deadline::NONE, &lease, Text::default(), ask_there).await;
    assert_eq!(answer.unwrap_err().code(), Code::FailedPrecondition);
    assert!(lease.endpoint().is_ready());
}

/// What follows a call over its channel reaches the same endpoint: here it knows only what it was
/// given before.
#[tokio::test]
async fn a_call_at_an_endpoint_stays_there() {
    let counting = || {
        let n_calls = Arc::new(AtomicU32::new(0));
        services(move |_| {
            let n_calls = n_calls.fetch_add(1, Ordering::SeqCst);
            async move { Ok(Text::new(&n_calls.to_string())) }
        })
    };
    let pool = Pool::new([in_process(counting()).await, in_process(counting()).await]);
    let lease = pool.pick(Deadline::NONE).await.unwrap();
    let policy = CallPolicy::default();
    for expected in 0..5 {
        let answer = call_at(&policy, Deadline::NONE, &lease, Text::default(), ask_there).await;
        assert_eq!(answer.unwrap().text, expected.to_string());
    }
}

/// The servers of a list share 200 calls; none fails while one of them leaves in good order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_lost_when_a_server_leaves() {
    let servers = [Running::start(named("a")).await, Running::start(named("b")).await];
    let [first, second] = servers.each_ref().map(|server| format!("http://{}", server.address));
    let pool = Pool::connect(&format!("{first}, {second}")).unwrap();
    let mut calls = JoinSet::new();
    for index in 0..200 {
        let pool = pool.clone();
        calls.spawn(async move { ask_pool(&pool).await });
        if index == 100 {
            servers[0].shutdown.cancel();
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(calls.join_all().await.len(), 200);
    assert_eq!(ask_pool(&pool).await, "b");
}

#[tokio::test]
async fn addresses_are_uris_lists_or_names() {
    for address in ["", "host:1", "http://a:1,", "http://a:1,b:2", "dns:///host", "dns://host:1"] {
        assert!(Pool::connect(address).is_err(), "{address:?}");
    }
    let list = Pool::connect("http://a:1, http://b:2").unwrap();
    let names: Vec<String> =
        endpoints(&list).await.iter().map(|one| one.address().to_owned()).collect();
    assert_eq!(names, ["http://a:1", "http://b:2"]);
}

/// `localhost` is a name that every machine knows.
#[tokio::test]
async fn a_name_is_looked_up() {
    let server = Running::start(named("a")).await;
    let address = format!("dns:///localhost:{}", server.address.port());
    let pool = Pool::connect(&address).unwrap();
    assert_eq!(ask_pool(&pool).await, "a");
    assert_eq!(endpoints(&pool).await[0].address(), format!("http://{}", server.address));
}

#[tokio::test]
async fn a_name_without_an_address_is_unavailable() {
    let pool = Pool::connect("dns:///nowhere.invalid:1").unwrap();
    let failure = pool.pick(Deadline::after(FAR)).await.unwrap_err();
    assert!(matches!(failure.code, Code::Unavailable | Code::DeadlineExceeded), "{failure:?}");
}
