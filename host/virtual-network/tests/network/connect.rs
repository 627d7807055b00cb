//! From a connect to an accept: refusal, the backlog, and who waits for whom.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::time::{Duration, Instant};
use wasm_roles_virtual_network::tcp::CONNECT_TIMEOUT;
use wasm_roles_virtual_network::{Connecting, NetError, TcpStream};

use crate::bed::{Bed, CLIENT, PORT, SERVER, SERVER_1, at, read, write_all};

fn connect(bed: &Bed) -> Connecting {
    bed.client.connect(at(SERVER, PORT.get())).unwrap()
}

fn poll(connecting: &mut Connecting) -> Poll<Result<TcpStream, NetError>> {
    Pin::new(connecting).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn nobody_listening_is_refused_and_nobody_attached_is_unreachable() {
    let bed = Bed::new();
    assert_eq!(bed.client.connect(at(SERVER, 7001)).unwrap_err(), NetError::ConnectionRefused);
    let _bound_only = bed.server.bind(at(SERVER, 7001)).unwrap();
    assert_eq!(bed.client.connect(at(SERVER, 7001)).unwrap_err(), NetError::ConnectionRefused);
    assert_eq!(bed.client.connect(at(SERVER_1, 7001)).unwrap_err(), NetError::RemoteUnreachable);
    assert_eq!(bed.client.socket_count(), 0, "a failed connect frees its port");
}

#[tokio::test]
async fn a_connect_is_established_before_it_is_accepted() {
    let bed = Bed::new();
    let listener = bed.listen(1);
    let client = connect(&bed).try_finish().unwrap().unwrap();
    assert_eq!(client.peer_address(), at(SERVER, PORT.get()));
    write_all(&client, "early").await.unwrap();
    let server = listener.try_accept().unwrap().unwrap();
    assert_eq!(server.peer_address(), client.local_address());
    assert_eq!(client.local_address().ip(), CLIENT);
    assert!(client.local_address().port() >= 49152);
    assert_eq!(read(&server).await.unwrap(), "early");
    assert!(listener.try_accept().unwrap().is_none());
    assert_eq!(bed.network.counters().connections, 1);
}

#[tokio::test(start_paused = true)]
async fn a_full_backlog_lets_connects_wait_in_order() {
    let bed = Bed::new();
    let listener = bed.listen(2);
    let _established = [connect(&bed).await.unwrap(), connect(&bed).await.unwrap()];
    let (mut third, mut fourth) = (connect(&bed), connect(&bed));
    assert!(poll(&mut third).is_pending() && poll(&mut fourth).is_pending());
    listener.accept().await.unwrap();
    assert!(poll(&mut fourth).is_pending(), "who came first is first");
    third.await.unwrap();
    listener.accept().await.unwrap();
    fourth.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_waiting_connect_that_is_dropped_makes_way() {
    let bed = Bed::new();
    let listener = bed.listen(1);
    let _established = connect(&bed).await.unwrap();
    let (dropped, patient) = (connect(&bed), connect(&bed));
    drop(dropped);
    assert_eq!(bed.client.socket_count(), 2, "the dropped one gave its socket back");
    listener.accept().await.unwrap();
    patient.await.unwrap();
    listener.accept().await.unwrap();
    assert!(listener.try_accept().unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_waiting_connect_wakes_up_when_there_is_room() {
    let bed = Bed::new();
    let listener = bed.listen(1);
    let _established = connect(&bed).await.unwrap();
    let waiting = tokio::spawn(connect(&bed));
    tokio::task::yield_now().await;
    let before = Instant::now();
    listener.accept().await.unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(Instant::now(), before);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_connect_is_refused_when_the_listener_closes() {
    let bed = Bed::new();
    let listener = bed.listen(1);
    let established = connect(&bed).await.unwrap();
    let mut waiting = connect(&bed);
    assert!(poll(&mut waiting).is_pending());
    drop(listener);
    assert_eq!(waiting.await.unwrap_err(), NetError::ConnectionRefused);
    assert_eq!(read(&established).await, Err(NetError::ConnectionReset), "it was never accepted");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_connect_times_out() {
    let bed = Bed::new();
    let listener = bed.listen(1);
    let _established = connect(&bed).await.unwrap();
    let before = Instant::now();
    let mut waiting = connect(&bed);
    tokio::time::sleep(CONNECT_TIMEOUT - Duration::from_secs(1)).await;
    assert!(waiting.try_finish().is_none());
    assert_eq!((&mut waiting).await.unwrap_err(), NetError::Timeout);
    assert_eq!(Instant::now() - before, CONNECT_TIMEOUT);
    assert_eq!(
        waiting.try_finish().unwrap().unwrap_err(),
        NetError::InvalidState,
        "an outcome is taken once"
    );
    listener.accept().await.unwrap();
    assert!(listener.try_accept().unwrap().is_none(), "who timed out is not there any more");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_connect_is_aborted_when_its_own_interface_fails() {
    let bed = Bed::new();
    let listener = bed.listen(1);
    let established = connect(&bed).await.unwrap();
    let waiting = connect(&bed);
    let (outcome, ()) = tokio::join!(waiting, async { bed.client.fail() });
    assert_eq!(outcome.unwrap_err(), NetError::ConnectionAborted);
    assert_eq!(read(&established).await, Err(NetError::ConnectionReset));
    let accepted = listener.accept().await.unwrap();
    assert_eq!(read(&accepted).await, Err(NetError::ConnectionReset));
    assert!(listener.try_accept().unwrap().is_none(), "no ghost of the aborted connect");
}

#[tokio::test]
async fn a_connect_that_is_given_up_is_a_reset_for_who_accepted_it() {
    let bed = Bed::new();
    let listener = bed.listen(1);
    drop(connect(&bed));
    let accepted = listener.accept().await.unwrap();
    assert_eq!(read(&accepted).await, Err(NetError::ConnectionReset));
}

#[tokio::test]
async fn accept_waits_for_a_connect() {
    let bed = Bed::new();
    let listener = bed.listen(1);
    let (accepted, client) = tokio::join!(listener.accept(), connect(&bed));
    assert_eq!(accepted.unwrap().peer_address(), client.unwrap().local_address());
}

#[test]
fn a_backlog_is_never_empty_nor_endless() {
    let bed = Bed::with_sockets(10_000);
    for (asked, real) in [(0, 1), (1, 1), (3, 3)] {
        let listener = bed.listen(asked);
        let mut attempts: Vec<_> = (0..real + 1).map(|_| connect(&bed)).collect();
        let outcomes: Vec<bool> = attempts.iter_mut().map(|attempt| attempt.try_finish().is_some()).collect();
        assert_eq!(outcomes.iter().filter(|settled| **settled).count(), real, "backlog {asked}");
        drop(listener);
    }
    let listener = bed.listen(usize::MAX);
    let attempts: Vec<_> = (0..4096).map(|_| connect(&bed)).collect();
    assert_eq!(bed.client.connect(at(SERVER, PORT.get())).unwrap_err(), NetError::TooManySockets);
    assert_eq!(bed.server.socket_count(), 4097);
    drop((listener, attempts));
}

#[tokio::test]
async fn a_port_can_be_bound_again_while_accepted_connections_live() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    let listener = bed.listen(1);
    connect(&bed).await.unwrap();
    drop(listener);
    write_all(&client, "still here").await.unwrap();
    assert_eq!(read(&server).await.unwrap(), "still here");
}
