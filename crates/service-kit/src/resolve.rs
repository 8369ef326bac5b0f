//! Follows the addresses of a name, such as those of the pods behind a headless service.

use std::{collections::BTreeSet, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::sync::{Notify, watch};

use crate::{
    channel,
    pool::{Endpoint, Known},
};

/// Time between two look-ups. Clusters keep such names for about as long.
const INTERVAL: Duration = Duration::from_secs(5);

/// Least time between two look-ups, when an endpoint was lost or nothing is known yet.
const SHORT_INTERVAL: Duration = Duration::from_millis(500);

/// The endpoints at every address of `name:port`, followed for as long as somebody listens; `None` if
/// the text is no such name.
pub(crate) fn pool(name: &str) -> Option<watch::Receiver<Known>> {
    let (host, port) = name.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    if host.is_empty() || host.contains('/') {
        return None;
    }
    let host = host.to_owned();
    let look_up = move || {
        let host = host.clone();
        async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) }
    };
    let (sender, receiver) = watch::channel(None);
    tokio::spawn(follow(sender, look_up));
    Some(receiver)
}

/// Looks up again and again. A name without an answer keeps the addresses that it had.
async fn follow<F>(known: watch::Sender<Known>, look_up: impl Fn() -> F)
where
    F: Future<Output = io::Result<Vec<SocketAddr>>>,
{
    let lost = Arc::new(Notify::new());
    loop {
        let addresses = tokio::select! {
            addresses = look_up() => addresses,
            () = known.closed() => return,
        };
        match addresses {
            Ok(addresses) if !addresses.is_empty() => update(&known, &addresses, &lost),
            Ok(_) => tracing::warn!("the name of a service has no address"),
            Err(error) => tracing::warn!(%error, "the name of a service could not be looked up"),
        }
        let is_empty = known.send_if_modified(|known| known.get_or_insert_default().is_empty());
        tokio::select! {
            () = tokio::time::sleep(if is_empty { SHORT_INTERVAL } else { INTERVAL }) => {}
            () = async {
                tokio::time::sleep(SHORT_INTERVAL).await;
                lost.notified().await;
            } => {}
            () = known.closed() => return,
        }
    }
}

/// Takes the new addresses in; an endpoint that stays keeps its connection and its record.
fn update(known: &watch::Sender<Known>, addresses: &[SocketAddr], lost: &Arc<Notify>) {
    known.send_if_modified(|known| {
        let before = known.take().unwrap_or_default();
        let endpoint = |address: SocketAddr| {
            let uri = format!("http://{address}");
            let same = before.iter().find(|endpoint| endpoint.address() == uri);
            let channel = || channel::connect(&uri).ok();
            same.cloned().or_else(|| Some(Endpoint::new(uri.clone(), channel()?, lost.clone())))
        };
        let after: Arc<[Endpoint]> = of_one_family(addresses).filter_map(endpoint).collect();
        let is_changed = before != after;
        if is_changed {
            tracing::info!(n_endpoints = after.len(), "the addresses of a service changed");
        }
        *known = Some(after);
        is_changed
    });
}

/// The addresses in order, each once. A server with an address of either version of IP is one endpoint:
/// where there are some of version 4, they are taken.
fn of_one_family(addresses: &[SocketAddr]) -> impl Iterator<Item = SocketAddr> {
    let all: BTreeSet<SocketAddr> = addresses.iter().copied().collect();
    let has_v4 = all.iter().any(SocketAddr::is_ipv4);
    all.into_iter().filter(move |address| address.is_ipv4() == has_v4)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn known(receiver: &watch::Receiver<Known>) -> Vec<String> {
        let known = receiver.borrow();
        known.iter().flat_map(|all| all.iter()).map(|one| one.address().to_owned()).collect()
    }

    #[test]
    fn only_a_name_with_a_port_is_followed() {
        for text in ["", "host", "host:", ":50051", "host:port", "//host:50051"] {
            assert!(pool(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_server_with_two_addresses_counts_once() {
        let both = addresses(&["[::1]:1", "127.0.0.1:1", "127.0.0.1:1"]);
        assert_eq!(of_one_family(&both).collect::<Vec<_>>(), addresses(&["127.0.0.1:1"]));
        let only = addresses(&["[::2]:1", "[::1]:1"]);
        assert_eq!(of_one_family(&only).collect::<Vec<_>>(), addresses(&["[::1]:1", "[::2]:1"]));
    }

    /// Answers in turn: a name that is not known yet, two pods, none (which is ignored), and another pod
    /// in the place of the first.
    #[tokio::test(start_paused = true)]
    async fn endpoints_come_and_go_with_their_addresses() {
        let (answer, answers) = tokio::sync::mpsc::channel::<io::Result<Vec<SocketAddr>>>(1);
        let answers = tokio::sync::Mutex::new(answers);
        let (sender, mut receiver) = watch::channel::<Known>(None);
        let look_up = || async { answers.lock().await.recv().await.unwrap() };
        let test = async {
            answer.send(Err(io::ErrorKind::NotFound.into())).await.unwrap();
            receiver.changed().await.unwrap();
            assert!(known(&receiver).is_empty() && receiver.borrow().is_some());
            answer.send(Ok(addresses(&["10.0.0.2:1", "10.0.0.1:1"]))).await.unwrap();
            receiver.changed().await.unwrap();
            assert_eq!(known(&receiver), ["http://10.0.0.1:1", "http://10.0.0.2:1"]);
            let stays = receiver.borrow().as_ref().unwrap()[1].clone();
            answer.send(Ok(Vec::new())).await.unwrap();
            answer.send(Ok(addresses(&["10.0.0.2:1", "10.0.0.3:1"]))).await.unwrap();
            receiver.changed().await.unwrap();
            assert_eq!(known(&receiver), ["http://10.0.0.2:1", "http://10.0.0.3:1"]);
            assert!(receiver.borrow().as_ref().unwrap()[0] == stays);
            drop(receiver);
        };
        // The follower ends when nobody listens any more.
        tokio::join!(follow(sender, look_up), test);
    }

    /// A lost endpoint is looked for at once, not at the end of the interval.
    #[tokio::test(start_paused = true)]
    async fn a_lost_endpoint_is_looked_for() {
        let times = Mutex::new(Vec::new());
        let (sender, mut receiver) = watch::channel::<Known>(None);
        let begin = tokio::time::Instant::now();
        let look_up = || {
            let mut times = times.lock().unwrap();
            times.push(begin.elapsed());
            let address = format!("10.0.0.{}:1", times.len());
            async move { Ok(addresses(&[&address])) }
        };
        let test = async {
            receiver.changed().await.unwrap();
            let first = receiver.borrow_and_update().as_ref().unwrap()[0].clone();
            first.lease().failed(&tonic::Status::unavailable("gone"));
            receiver.changed().await.unwrap();
            drop(receiver);
        };
        tokio::join!(follow(sender, look_up), test);
        assert_eq!(*times.lock().unwrap(), [Duration::ZERO, SHORT_INTERVAL]);
    }
}
