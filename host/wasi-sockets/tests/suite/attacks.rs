//! Hostile instances: what they try comes to nothing, and what they hold up is themselves. The attacks are in the guest.

use std::time::Duration;

use wasm_roles_virtual_network::Interface;

use crate::bed::{Bed, Running, Version, bind_udp, listen, run, start};

async fn attack(interface: &Interface, kind: &str) -> String {
    run(Version::V0_2, interface.clone(), &format!("attack {kind}")).await
}

/// Kinds of attacks, and how often each outcome comes.
#[tokio::test]
async fn scans_and_tricks_find_only_what_was_granted() {
    let mut surprises = Vec::new();
    for (kind, expected) in [
        // 60 addresses, 12 ports each. Two endpoints admit the subject and are listened on; another one does not admit it.
        // What is refused or unreachable are endpoints without a listener, and every port of its own address.
        ("scan-instances", "PermissionDenied 705, ConnectionRefused 12, connected 2, HostUnreachable 1"),
        ("scan-instances-udp", "PermissionDenied 705, sent 15"),
        ("scan-loopback", "ConnectionRefused 65535"),
        ("scan-host", "PermissionDenied 14, InvalidInput 2"),
        ("scan-host-udp", "PermissionDenied 14, InvalidInput 2"),
        ("names", "nothing 20, LOCALHOST is 127.0.0.1 and ::1 1"),
        ("bind-foreign", "AddrNotAvailable 7, bound 1"),
    ] {
        let bed = Bed::new();
        let (subject, peer, hidden) = (bed.subject(), bed.peer(), bed.attach(3));
        let listeners = [
            listen(&peer, "10.0.0.6:8000"),
            listen(&peer, "10.0.0.6:8001"),
            listen(&hidden, "10.0.0.7:9000"),
        ];
        let found = attack(&subject, kind).await;
        if found != expected {
            surprises.push(format!("{kind}: {found}, not {expected}"));
        }
        drop(listeners);
        assert_eq!(subject.socket_count(), 0, "{kind} leaves nothing behind");
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

#[tokio::test]
async fn ten_thousand_sockets_are_too_many() {
    let bed = Bed::new();
    for kind in ["hoard", "hoard-udp"] {
        let subject = bed.subject();
        assert_eq!(attack(&subject, kind).await, "out-of-memory 5904, bound 4096", "{kind}");
        assert_eq!(subject.socket_count(), 0, "{kind} leaves nothing behind");
    }
}

#[tokio::test]
async fn connects_that_are_never_finished_cost_the_attacker_only() {
    let bed = Bed::new();
    let (attacker, victim) = (bed.attach(1), bed.peer());
    let listener = listen(&victim, "10.0.0.6:8000");
    assert_eq!(
        attack(&attacker, "half-open 10.0.0.6:8000 10000").await,
        "out-of-memory 5904, started 4096",
        "the attacker's own sockets are its limit"
    );
    assert!(victim.socket_count() <= 17, "the backlog is the victim's: {}", victim.socket_count());
    drop(listener);
    assert_eq!(victim.socket_count(), 0);
}

/// Round trips of a conversation: enough to see that it goes on.
const ROUNDS: usize = 100;

/// An echo server, and its client, which is connected to it.
async fn conversation(server: &Interface, client: &Interface) -> (Running, Running) {
    let serving = start(Version::V0_2, server.clone(), "serve 0.0.0.0:7000 1");
    loop {
        let talking = start(Version::V0_2, client.clone(), &format!("rounds 10.0.0.4:7000 {ROUNDS}"));
        // Until the server listens, it refuses.
        if talking.says("connected").await {
            return (serving, talking);
        }
    }
}

/// The victims: an echo server of one instance, and its client on another. The attackers: the rest. On one thread
/// everybody takes turns, and whoever takes too long is a starvation here before it is one anywhere else.
#[tokio::test]
async fn a_conversation_goes_on_while_everybody_around_attacks() {
    let bed = Bed::new();
    let (server, client, attacker, other) = (bed.subject(), bed.peer(), bed.attach(1), bed.attach(3));
    // Attackers aim at the server's endpoint, whose backlog they fill, and at a socket of the client that nobody reads.
    let _unread = bind_udp(&client, "0.0.0.0:8000");
    let (serving, talking) = conversation(&server, &client).await;
    let attackers = [
        start(Version::V0_2, attacker.clone(), "attack storm 10.0.0.4:7000 forever"),
        start(Version::V0_2, attacker.clone(), "attack datagrams 10.0.0.6:8000 forever"),
        start(Version::V0_2, other.clone(), "attack half-open 10.0.0.4:7000 forever"),
        start(Version::V0_2, other.clone(), "attack storm 10.0.0.6:22 forever"),
    ];
    assert_eq!(talking.end(Duration::from_secs(50)).await, format!("connected\n{ROUNDS} rounds"));
    assert_eq!(serving.end(Duration::from_secs(50)).await, "10.0.0.6\nserved");
    let counters = bed.counters();
    assert!(counters.denials > 0, "one of the attackers asks for what it may not: {counters:?}");
    assert!(client.dropped_datagrams() > 0, "what nobody reads is dropped");
    assert!(attackers.iter().all(|attacker| attacker.is_running()), "they were at it all the time");
    for attacker in attackers {
        attacker.stop().await;
    }
    assert_eq!((attacker.socket_count(), other.socket_count()), (0, 0), "they leave nothing behind");
    assert_eq!(server.socket_count(), 0, "nor do they at the victim's");
}

#[tokio::test]
async fn readers_that_never_read_hold_a_bounded_number_of_bytes_and_nobody_else() {
    let bed = Bed::new();
    let (server, client, attacker) = (bed.subject(), bed.peer(), bed.attach(1));
    let _never_accepts = listen(&client, "10.0.0.6:8000");
    let (serving, talking) = conversation(&server, &client).await;
    let slow = start(Version::V0_2, attacker.clone(), "attack slow-reader 10.0.0.6:8000 16");
    assert_eq!(slow.end(Duration::from_secs(50)).await, "16 connections");
    assert_eq!(talking.end(Duration::from_secs(50)).await, format!("connected\n{ROUNDS} rounds"));
    assert_eq!(serving.end(Duration::from_secs(50)).await, "10.0.0.6\nserved");
}

#[tokio::test(start_paused = true)]
async fn a_connect_is_refused_denied_or_times_out_and_says_which() {
    for version in crate::bed::BOTH {
        let bed = Bed::new();
        let (subject, peer) = (bed.subject(), bed.peer());
        let full = peer.bind("10.0.0.6:8000".parse().unwrap()).unwrap().listen(1).unwrap();
        let _first = subject.connect("10.0.0.6:8000".parse().unwrap()).unwrap().await.unwrap();
        for (target, expected) in [
            ("10.0.0.6:8000", "TimedOut"),
            ("127.0.0.1:8000", "ConnectionRefused"),
            ("10.0.0.6:8001", "PermissionDenied"),
            ("10.0.0.5:7000", "HostUnreachable"),
        ] {
            let said = run(version, subject.clone(), &format!("connect {target}")).await;
            assert_eq!(said, expected, "{target}, {version:?}");
        }
        drop(full);
    }
}
