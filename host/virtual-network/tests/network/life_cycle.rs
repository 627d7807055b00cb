//! An interface from attach to detach, and what its end leaves behind.

use std::sync::Arc;

use bytes::Bytes;
use wasm_roles_virtual_network::{AttachError, HandOver, InstanceIndex, NetError, Network};

use crate::bed::{
    Bed, CLIENT, Heard, PORT, SERVER, at, index, policy, policy_with, read, read_all, write_all,
};

#[test]
fn one_incarnation_at_a_time() {
    let bed = Bed::new();
    let server = index(&bed.network, SERVER);
    assert_eq!(bed.network.attach(server).unwrap_err(), AttachError::AlreadyAttached);
    let second_handle = bed.server.clone();
    drop(bed.server);
    assert_eq!(bed.network.attach(server).unwrap_err(), AttachError::AlreadyAttached);
    drop(second_handle);
    let next = bed.network.attach(server).unwrap();
    next.detach();
    let after = bed.network.attach(server).unwrap();
    next.detach();
    assert_eq!(bed.client.connect(at(SERVER, PORT.get())).unwrap_err(), NetError::ConnectionRefused);
    drop((next, after));
    assert_eq!(bed.client.connect(at(SERVER, PORT.get())).unwrap_err(), NetError::RemoteUnreachable);
}

#[test]
fn an_index_of_another_policy_is_no_instance() {
    let large = Network::new(Arc::new(policy_with(&[("Client", 9)])), Arc::new(Heard::default()));
    let stranger: InstanceIndex = index(&large, "10.0.0.12".parse().unwrap());
    assert_eq!(Bed::new().network.attach(stranger).unwrap_err(), AttachError::UnknownInstance);
}

#[tokio::test]
async fn the_next_incarnation_starts_afresh() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    let listener = bed.listen(1);
    let waiting = bed.client.connect(at(SERVER, PORT.get())).unwrap().await.unwrap();
    bed.server.detach();
    let next = bed.attach(SERVER);
    let next_listener = next.bind(at(SERVER, PORT.get())).unwrap().listen(1).unwrap();
    for old in [&client, &server, &waiting] {
        assert_eq!(read(old).await, Err(NetError::ConnectionReset));
    }
    assert_eq!(listener.accept().await.unwrap_err(), NetError::ConnectionAborted);
    let fresh = bed.client.connect(at(SERVER, PORT.get())).unwrap().await.unwrap();
    drop((listener, server, bed.server));
    let accepted = next_listener.accept().await.unwrap();
    write_all(&accepted, "new").await.unwrap();
    assert_eq!(
        read(&fresh).await.unwrap(),
        "new",
        "the end of the old incarnation does not touch the new one"
    );
}

#[tokio::test]
async fn a_failed_interface_lets_everything_fail_and_nothing_hang() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    let listener = bed.listen(1);
    let bound = bed.server.bind(at(SERVER, 7001)).unwrap();
    write_all(&server, "goodbye").await.unwrap();
    let (accepted, received, ()) =
        tokio::join!(listener.accept(), read(&server), async { bed.server.fail() });
    assert_eq!(accepted.unwrap_err(), NetError::ConnectionAborted);
    assert_eq!(received, Err(NetError::ConnectionReset));
    assert_eq!(server.try_write(&mut Bytes::from_static(b"x")), Err(NetError::ConnectionReset));
    assert_eq!(read_all(&client).await, (b"goodbye".to_vec(), Err(NetError::ConnectionReset)));
    assert_eq!(listener.try_accept().unwrap_err(), NetError::ConnectionAborted);
    assert_eq!(bound.listen(1).unwrap_err(), NetError::ConnectionAborted);
    assert_eq!(bed.server.bind(at(SERVER, 7002)).unwrap_err(), NetError::ConnectionAborted);
    assert_eq!(bed.server.connect(at(SERVER, 7002)).unwrap_err(), NetError::ConnectionAborted);
    assert_eq!(bed.client.connect(at(SERVER, PORT.get())).unwrap_err(), NetError::ConnectionRefused);
}

#[tokio::test]
async fn a_stream_that_was_closed_before_the_interface_ends_still_delivers() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    write_all(&server, "complete answer").await.unwrap();
    drop(server);
    bed.server.detach();
    assert_eq!(read_all(&client).await, (b"complete answer".to_vec(), Ok(())));
}

#[tokio::test]
async fn a_connection_that_cannot_be_handed_over_comes_back() {
    let bed = Bed::new();
    let public = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = public.local_addr().unwrap();
    let mut outside = tokio::net::TcpStream::connect(address).await.unwrap();
    let (accepted, _) = public.accept().await.unwrap();
    let Err(HandOver::NotListening(accepted)) = bed.server.hand_over(PORT, accepted) else {
        panic!("nobody listens")
    };
    let _loopback_only = bed.server.bind(at([127, 0, 0, 1], PORT.get())).unwrap().listen(1).unwrap();
    let Err(HandOver::NotListening(accepted)) = bed.server.hand_over(PORT, accepted) else {
        panic!("loopback is private")
    };
    let listener = bed.listen(1);
    let _fills_the_backlog = bed.client.connect(at(SERVER, PORT.get())).unwrap().await.unwrap();
    let Err(refused @ HandOver::BacklogFull(_)) = bed.server.hand_over(PORT, accepted) else {
        panic!("it is full")
    };
    listener.accept().await.unwrap();
    bed.server.hand_over(PORT, refused.into_stream()).unwrap();
    let stream = listener.accept().await.unwrap();
    write_all(&stream, "hello").await.unwrap();
    let mut hello = [0; 5];
    tokio::io::AsyncReadExt::read_exact(&mut outside, &mut hello).await.unwrap();
    assert_eq!(&hello, b"hello");
    assert_eq!(bed.network.counters().handed_over, 1);
}

#[tokio::test]
async fn dropping_everything_leaves_nothing_behind() {
    let heard = Arc::new(Heard::default());
    let watch = Arc::downgrade(&heard);
    let network = Network::new(Arc::new(policy()), heard);
    let client = network.attach(index(&network, CLIENT)).unwrap();
    let server = network.attach(index(&network, SERVER)).unwrap();
    let listener = server.bind(at(SERVER, PORT.get())).unwrap().listen(2).unwrap();
    let connected = client.connect(at(SERVER, PORT.get())).unwrap().await.unwrap();
    let accepted = listener.accept().await.unwrap();
    let queued = client.connect(at(SERVER, PORT.get())).unwrap();
    let outside = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _public = tokio::net::TcpStream::connect(outside.local_addr().unwrap()).await.unwrap();
    server.hand_over(PORT, outside.accept().await.unwrap().0).unwrap();
    let waiting = client.connect(at(SERVER, PORT.get())).unwrap();
    let payload = Arc::new(());
    let tracked = Bytes::from_owner(Tracked(vec![0; 5000], payload.clone()));
    write_all(&connected, tracked).await.unwrap();
    assert_eq!(Arc::strong_count(&payload), 2);
    drop((connected, accepted, queued, waiting, listener));
    assert_eq!(Arc::strong_count(&payload), 1, "unread data goes with its connection");
    assert_eq!((client.socket_count(), server.socket_count()), (0, 0));
    assert!(watch.upgrade().is_some());
    drop((network, client, server));
    assert!(watch.upgrade().is_none(), "no part of the network is left to hold the observer");
}

struct Tracked(Vec<u8>, #[expect(dead_code, reason = "it counts who holds the data")] Arc<()>);

impl AsRef<[u8]> for Tracked {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
