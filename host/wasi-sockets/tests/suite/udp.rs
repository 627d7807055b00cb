//! What programs get from UDP sockets, told by programs: every case runs over WASI 0.2, with the standard library, and over
//! WASI 0.3.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use wasm_roles_virtual_network::Undelivered;

use crate::bed::{BOTH, Bed, Version, ask_when_it_receives, bind_udp, run, run_with, trap};

/// Commands that one guest runs on its own, and what it says.
#[tokio::test]
async fn what_a_guest_may_do_and_what_not() {
    for (command, expected) in [
        // Its own endpoint, its loopback, and a port that is chosen.
        ("udp-bind 0.0.0.0:7000", "0.0.0.0:7000"),
        ("udp-bind 10.0.0.4:7000", "10.0.0.4:7000"),
        ("udp-bind 127.0.0.1:1234", "127.0.0.1:1234"),
        ("udp-bind [::1]:1234", "[::1]:1234"),
        ("udp-bind 0.0.0.0:0", "0.0.0.0:49152"),
        ("udp-bind 10.0.0.4:7001", "PermissionDenied"),
        ("udp-bind 10.0.0.6:8000", "AddrNotAvailable"),
        ("udp-bind-twice 127.0.0.1:1234", "AddrInUse"),
        ("udp-bind-twice 0.0.0.0:7000", "AddrInUse"),
        // Nobody receives, though it may send.
        ("udp-connect 10.0.0.6:8000 hello", "ConnectionRefused"),
        ("udp-connect 127.0.0.1:1234 hello", "ConnectionRefused"),
        ("udp-connect [::1]:1234 hello", "ConnectionRefused"),
        // It may not send.
        ("udp-connect 10.0.0.6:8001 hello", "PermissionDenied"),
        ("udp-ask 10.0.0.6:8001 hello", "PermissionDenied"),
        ("udp-ask 10.0.0.6:53 hello", "PermissionDenied"),
        ("udp-ask 192.0.2.1:53 hello", "PermissionDenied"),
        ("udp-ask [2001:db8::1]:53 hello", "PermissionDenied"),
        // Nobody is there.
        ("udp-connect 10.0.0.5:7000 hello", "HostUnreachable"),
        ("udp-size 127.0.0.1:0 0", "0 bytes, the same"),
        ("udp-size 10.0.0.4:7000 1", "1 bytes, the same"),
        ("udp-size [::1]:0 65507", "65507 bytes, the same"),
        ("udp-size 127.0.0.1:0 65508", "Uncategorized"),
    ] {
        for version in BOTH {
            let bed = Bed::new();
            let _peer = bed.peer();
            assert_eq!(run(version, bed.subject(), command).await, expected, "{command}, {version:?}");
        }
    }
}

#[tokio::test]
async fn a_guest_asks_and_hears_the_answer() {
    for version in BOTH {
        for command in ["udp-ask 10.0.0.6:8000 hello", "udp-connect 10.0.0.6:8000 hello"] {
            let bed = Bed::new();
            let (subject, peer) = (bed.subject(), bed.peer());
            let socket = bind_udp(&peer, "0.0.0.0:8000");
            let answer = async {
                let question = socket.receive().await.unwrap();
                assert_eq!((&*question.data, question.from.ip()), (&b"hello"[..], subject.address().into()));
                socket.send_to("hello, too".into(), question.from).unwrap();
            };
            let (said, ()) = tokio::join!(run(version, subject.clone(), command), answer);
            assert_eq!(said, "hello, too from 10.0.0.6:8000", "{command}, {version:?}");
        }
    }
}

#[tokio::test]
async fn a_guest_serves_whoever_asks() {
    for version in BOTH {
        let bed = Bed::new();
        let (subject, peer, other) = (bed.subject(), bed.peer(), bed.attach(1));
        let clients = async {
            for client in [&peer, &other] {
                assert_eq!(ask_when_it_receives(client, "10.0.0.4:7000", "echo").await, "echo");
            }
        };
        let (said, ()) = tokio::join!(run(version, subject, "udp-serve 0.0.0.0:7000 2"), clients);
        assert_eq!(said, "10.0.0.6\n10.0.0.5\nserved", "{version:?}");
    }
}

#[tokio::test]
async fn a_client_outside_is_like_any_other() {
    for version in BOTH {
        let subject = Bed::new().subject();
        let answered = Arc::new(AtomicBool::new(false));
        let sink = {
            let answered = Arc::clone(&answered);
            move |data: Bytes| answered.store(data == "echo", Ordering::Relaxed)
        };
        let outside = "127.0.0.1:4000".parse().unwrap();
        let flow = subject.open_flow(NonZeroU16::new(7000).unwrap(), outside, Arc::new(sink)).unwrap();
        let client = async {
            while flow.deliver("echo".into()) == Err(Undelivered::NotBound) {
                tokio::task::yield_now().await;
            }
        };
        let (said, ()) = tokio::join!(run(version, subject.clone(), "udp-serve 0.0.0.0:7000 1"), client);
        assert_eq!(said, "127.0.0.1\nserved", "{version:?}");
        assert!(answered.load(Ordering::Relaxed));
    }
}

#[tokio::test]
async fn the_loopback_of_an_instance_is_its_own() {
    for version in BOTH {
        let bed = Bed::new();
        let peer = bed.peer();
        let socket = bind_udp(&peer, "127.0.0.1:1234");
        let said = run(version, bed.subject(), "udp-connect 127.0.0.1:1234 hello").await;
        assert_eq!(said, "ConnectionRefused", "{version:?}");
        assert_eq!(socket.try_receive(), Ok(None));
    }
}

#[tokio::test]
async fn a_failing_interface_wakes_a_guest_that_waits_for_a_datagram() {
    for version in BOTH {
        let bed = Bed::new();
        let (subject, peer) = (bed.subject(), bed.peer());
        let fail = async {
            // With the first answer here, all that is left to the guest is to wait for the second question.
            ask_when_it_receives(&peer, "10.0.0.4:7000", "echo").await;
            subject.fail();
        };
        let (said, ()) = tokio::join!(run(version, subject.clone(), "udp-serve 0.0.0.0:7000 2"), fail);
        assert_eq!(said, "10.0.0.6\nHostUnreachable", "{version:?}");
    }
}

#[tokio::test]
async fn a_guest_on_a_failed_interface_gets_errors_that_it_survives() {
    for (command, version, expected) in [
        ("udp-bind 127.0.0.1:1234", Version::V0_2, "AddrNotAvailable"),
        ("udp-bind 127.0.0.1:1234", Version::V0_3, "AddrNotAvailable"),
        ("udp-ask 10.0.0.6:8000 x", Version::V0_2, "AddrNotAvailable"),
        ("udp-ask 10.0.0.6:8000 x", Version::V0_3, "HostUnreachable"),
        ("udp-connect 10.0.0.6:8000 x", Version::V0_2, "AddrNotAvailable"),
        ("udp-connect 10.0.0.6:8000 x", Version::V0_3, "ErrorCode::Other(Some(\"connection aborted\"))"),
    ] {
        let subject = Bed::new().subject();
        subject.fail();
        assert_eq!(run(version, subject, command).await, expected, "{command}, {version:?}");
    }
}

#[tokio::test]
async fn a_guest_that_breaks_a_rule_of_the_streams_of_0_2_is_stopped() {
    for (case, reason) in [
        ("streams", "streams of an earlier call are not dropped yet"),
        ("permit", "more datagrams than check-send has permitted"),
        ("permit-twice", "more datagrams than check-send has permitted"),
        ("no-permit", "more datagrams than check-send has permitted"),
    ] {
        let why = trap(Version::V0_2, Bed::new().subject(), &format!("udp-trap {case}")).await;
        assert!(why.contains(reason), "{case}: {why}");
    }
}

#[tokio::test]
async fn a_full_table_is_an_error_and_leaves_nothing_behind() {
    let subject = Bed::new().subject();
    let said =
        run_with(Version::V0_2, subject.clone(), "udp-crowd", |table| table.set_max_capacity(100)).await;
    assert_eq!(said, "new-socket-limit, out-of-memory, ok");
    assert_eq!(subject.socket_count(), 0);
}
