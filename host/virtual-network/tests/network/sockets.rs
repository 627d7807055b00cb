//! Binding and listening: ports, scopes, loopback.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use wasm_roles_virtual_network::{NetError, TcpStream};

use crate::bed::{Bed, CLIENT, PORT, SERVER, SERVER_1, at, read, write_all};

const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;

#[test]
fn a_port_is_taken_until_its_socket_is_dropped() {
    let Bed { server, .. } = Bed::new();
    let bound = server.bind(at(SERVER, 7000)).unwrap();
    assert_eq!(bound.local_address(), at(SERVER, 7000));
    assert_eq!(server.bind(at(SERVER, 7000)).unwrap_err(), NetError::AddressInUse);
    let listener = bound.listen(1).unwrap();
    assert_eq!(listener.local_address(), at(SERVER, 7000));
    assert_eq!(server.bind(at(SERVER, 7000)).unwrap_err(), NetError::AddressInUse);
    drop(listener);
    server.bind(at(SERVER, 7000)).unwrap();
    assert_eq!(server.socket_count(), 0);
}

#[test]
fn bind_conflicts_are_the_same_in_both_orders() {
    let Bed { server, .. } = Bed::new();
    let any6 = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let loopback6 = IpAddr::V6(Ipv6Addr::LOCALHOST);
    for (one, other, conflict) in [
        (ANY.into(), SERVER.into(), true),
        (ANY.into(), LOOPBACK.into(), true),
        (IpAddr::from(ANY), ANY.into(), true),
        (SERVER.into(), LOOPBACK.into(), false),
        (ANY.into(), any6, false),
        (any6, loopback6, true),
        (LOOPBACK.into(), loopback6, false),
        (LOOPBACK.into(), Ipv4Addr::new(127, 0, 0, 2).into(), true),
    ] {
        for (first, second) in [(one, other), (other, one)] {
            let _first = server.bind(at(first, 7000)).unwrap();
            let second = server.bind(at(second, 7000)).err();
            assert_eq!(second, conflict.then_some(NetError::AddressInUse), "{first} {one} {other}");
        }
    }
}

#[test]
fn port_0_chooses_a_free_ephemeral_port() {
    let Bed { client, .. } = Bed::new();
    let bound: Vec<_> = (0..100).map(|_| client.bind(at(ANY, 0)).unwrap()).collect();
    let mut ports: Vec<u16> = bound.iter().map(|bound| bound.local_address().port()).collect();
    assert!(ports.iter().all(|port| *port >= 49152));
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 100);
}

#[test]
fn ephemeral_ports_go_round_and_skip_those_in_use() {
    let Bed { client, .. } = Bed::new();
    let kept = client.bind(at(LOOPBACK, 0)).unwrap().local_address().port();
    let kept = client.bind(at(LOOPBACK, kept)).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 49152..=65535 {
        seen.insert(client.bind(at(LOOPBACK, 0)).unwrap().local_address().port());
    }
    assert_eq!(seen.len(), 16383, "each but the one in use");
    assert!(!seen.contains(&kept.local_address().port()));
}

#[test]
fn an_ephemeral_port_listens_on_loopback_only() {
    let Bed { server, .. } = Bed::new();
    server.bind(at(LOOPBACK, 0)).unwrap().listen(1).unwrap();
    assert_eq!(server.bind(at(SERVER, 0)).unwrap().listen(1).unwrap_err(), NetError::AccessDenied);
    assert_eq!(server.bind(at(ANY, 0)).unwrap().listen(1).unwrap_err(), NetError::AccessDenied);
    assert_eq!(server.socket_count(), 0, "a refused listen frees the address");
}

#[tokio::test]
async fn loopback_is_private_to_the_instance() {
    let bed = Bed::new();
    for loopback in [IpAddr::V4(LOOPBACK), Ipv4Addr::new(127, 3, 2, 1).into(), Ipv6Addr::LOCALHOST.into()] {
        let listener = bed.client.bind(at(loopback, 9000)).unwrap().listen(1).unwrap();
        let refused = bed.server.connect(at(loopback, 9000)).unwrap_err();
        assert_eq!(refused, NetError::ConnectionRefused, "another instance's loopback is another one");
        let one = bed.client.connect(at(loopback, 9000)).unwrap().await.unwrap();
        let other = listener.accept().await.unwrap();
        assert_eq!((one.peer_address(), other.local_address()), (at(loopback, 9000), at(loopback, 9000)));
        assert_eq!(one.local_address(), other.peer_address());
        assert!(one.local_address().ip().is_loopback());
        write_all(&one, "to myself").await.unwrap();
        assert_eq!(read(&other).await.unwrap(), "to myself");
    }
}

#[tokio::test]
async fn a_wildcard_listener_is_reached_at_the_own_address_and_at_loopback() {
    let bed = Bed::new();
    let listener = bed.server.bind(at(ANY, 7000)).unwrap().listen(4).unwrap();
    for (from, target, local) in
        [(&bed.client, SERVER, CLIENT), (&bed.server, SERVER, SERVER), (&bed.server, LOOPBACK, LOOPBACK)]
    {
        let one = from.connect(at(target, 7000)).unwrap().await.unwrap();
        let other = listener.accept().await.unwrap();
        assert_eq!(other.local_address(), at(target, 7000));
        assert_eq!(other.peer_address(), one.local_address());
        assert_eq!(one.local_address().ip(), IpAddr::from(local));
    }
}

#[tokio::test]
async fn the_ipv6_wildcard_covers_the_ipv6_loopback_alone() {
    let bed = Bed::new();
    let _listener = bed.server.bind(at(Ipv6Addr::UNSPECIFIED, 7000)).unwrap().listen(4).unwrap();
    bed.server.connect(at(Ipv6Addr::LOCALHOST, 7000)).unwrap().await.unwrap();
    assert_eq!(bed.server.connect(at(LOOPBACK, 7000)).unwrap_err(), NetError::ConnectionRefused);
    assert_eq!(bed.client.connect(at(SERVER, 7000)).unwrap_err(), NetError::ConnectionRefused);
}

#[tokio::test]
async fn a_loopback_listener_is_not_reached_from_outside() {
    let bed = Bed::new();
    let _listener = bed.server.bind(at(LOOPBACK, PORT.get())).unwrap().listen(4).unwrap();
    assert_eq!(bed.client.connect(at(SERVER, PORT.get())).unwrap_err(), NetError::ConnectionRefused);
    assert_eq!(bed.server.connect(at(SERVER, PORT.get())).unwrap_err(), NetError::ConnectionRefused);
}

#[tokio::test]
async fn a_bound_socket_connects_from_its_address() {
    let bed = Bed::new();
    let other = bed.attach(SERVER_1);
    let listener = other.bind(at(SERVER_1, 7000)).unwrap().listen(4).unwrap();
    let one = bed.server.bind(at(ANY, 7005)).unwrap().connect(at(SERVER_1, 7000)).unwrap().await.unwrap();
    assert_eq!(listener.accept().await.unwrap().peer_address(), at(SERVER, 7005));
    assert_eq!(bed.server.bind(at(SERVER, 7005)).unwrap_err(), NetError::AddressInUse);
    drop(one);
    bed.server.bind(at(SERVER, 7005)).unwrap();
    let from_loopback = bed.server.bind(at(LOOPBACK, 0)).unwrap().connect(at(SERVER_1, 7000));
    assert_eq!(from_loopback.unwrap_err(), NetError::RemoteUnreachable);
}

#[test]
fn targets_that_can_never_work_are_invalid() {
    let Bed { client, .. } = Bed::new();
    for target in [at(SERVER, 0), at(ANY, 7000), at(Ipv6Addr::UNSPECIFIED, 7000)] {
        assert_eq!(client.connect(target).unwrap_err(), NetError::InvalidArgument, "{target}");
    }
    let mixed = client.bind(at(Ipv6Addr::LOCALHOST, 0)).unwrap().connect(at(SERVER, 7000));
    assert_eq!(mixed.unwrap_err(), NetError::InvalidArgument);
}

#[test]
fn streams_can_be_shared_by_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<TcpStream>();
    shared::<wasm_roles_virtual_network::TcpListener>();
    shared::<wasm_roles_virtual_network::Interface>();
    shared::<wasm_roles_virtual_network::Connecting>();
}
