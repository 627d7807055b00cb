//! What programs get from the sockets, told by programs: every case runs over WASI 0.2, with the standard library, and over
//! WASI 0.3.

use crate::bed::{
    BOTH, Bed, Version, connect_when_it_listens, hand_over_when_it_listens, listen, run, run_with,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Commands that one guest runs on its own, and what it says.
#[tokio::test]
async fn what_a_guest_may_do_and_what_not() {
    for (command, expected) in [
        // Its own endpoint, and nothing else but its loopback.
        ("bind 0.0.0.0:7000", "0.0.0.0:7000"),
        ("bind 10.0.0.4:7000", "10.0.0.4:7000"),
        ("bind 127.0.0.1:1234", "127.0.0.1:1234"),
        ("bind [::1]:1234", "[::1]:1234"),
        ("bind 10.0.0.4:7001", "PermissionDenied"),
        ("bind 0.0.0.0:0", "PermissionDenied"),
        ("bind 10.0.0.6:8000", "AddrNotAvailable"),
        ("bind-twice 127.0.0.1:1234", "AddrInUse"),
        ("bind-twice 0.0.0.0:7000", "AddrInUse"),
        // Nobody listens, though it may ask.
        ("connect 10.0.0.6:8000", "ConnectionRefused"),
        ("connect 127.0.0.1:1234", "ConnectionRefused"),
        ("connect 10.0.0.4:1234", "ConnectionRefused"),
        // It may not ask.
        ("connect 10.0.0.6:8001", "PermissionDenied"),
        ("connect 10.0.0.6:22", "PermissionDenied"),
        ("connect 192.0.2.1:80", "PermissionDenied"),
        ("connect [2001:db8::1]:80", "PermissionDenied"),
        // Nobody is there.
        ("connect 10.0.0.5:7000", "HostUnreachable"),
        ("pair 127.0.0.1:0", "they match"),
        ("pair [::1]:0", "they match"),
        ("pair 10.0.0.4:7000", "they match"),
        ("resolve 10.0.0.6", "10.0.0.6"),
        ("resolve Peer", "10.0.0.6"),
        ("resolve subject_in_1", "10.0.0.5"),
        ("resolve 0.Peer", "10.0.0.6"),
        ("resolve Hidden", "NotFound"),
        ("resolve example.com", "NotFound"),
    ] {
        for version in BOTH {
            let bed = Bed::new();
            let _peer = bed.peer();
            assert_eq!(run(version, bed.subject(), command).await, expected, "{command}, {version:?}");
        }
    }
}

#[tokio::test]
async fn port_0_becomes_an_ephemeral_port() {
    for version in BOTH {
        let said = run(version, Bed::new().subject(), "bind 127.0.0.1:0").await;
        let port: u16 = said.strip_prefix("127.0.0.1:").unwrap().parse().unwrap();
        assert!(port >= 49152, "{port}, {version:?}");
    }
}

#[tokio::test]
async fn the_loopback_of_an_instance_is_its_own() {
    for version in BOTH {
        let bed = Bed::new();
        let peer = bed.peer();
        let _listener = listen(&peer, "127.0.0.1:1234");
        assert_eq!(
            run(version, bed.subject(), "connect 127.0.0.1:1234").await,
            "ConnectionRefused",
            "{version:?}"
        );
    }
}

#[tokio::test]
async fn the_names_of_a_role_take_turns() {
    for version in BOTH {
        let interface = Bed::new().subject();
        let first = run(version, interface.clone(), "resolve Subject").await;
        let second = run(version, interface, "resolve Subject").await;
        assert_eq!([&*first, &*second], ["10.0.0.4 10.0.0.5", "10.0.0.5 10.0.0.4"], "{version:?}");
    }
}

#[tokio::test]
async fn the_end_of_what_a_guest_sends_leaves_it_able_to_receive() {
    for version in BOTH {
        let bed = Bed::new();
        let peer = bed.peer();
        let listener = listen(&peer, "10.0.0.6:8000");
        let answer = async {
            let mut stream = listener.accept().await.unwrap();
            let mut question = String::new();
            stream.read_to_string(&mut question).await.unwrap();
            stream.write_all(format!("{question}, too").as_bytes()).await.unwrap();
        };
        let (said, ()) = tokio::join!(run(version, bed.subject(), "talk 10.0.0.6:8000 hello"), answer);
        assert_eq!(said, "hello, too", "{version:?}");
    }
}

#[tokio::test]
async fn a_guest_serves_one_connection_after_the_other() {
    for version in BOTH {
        let bed = Bed::new();
        let (subject, peer, other) = (bed.subject(), bed.peer(), bed.attach(1));
        let clients = async {
            for client in [&peer, &other] {
                let mut stream = connect_when_it_listens(client, "10.0.0.4:7000").await;
                stream.write_all(b"echo").await.unwrap();
                stream.shutdown().await.unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await.unwrap();
                assert_eq!(answer, "echo");
            }
        };
        let (said, ()) = tokio::join!(run(version, subject, "serve 0.0.0.0:7000 2"), clients);
        assert_eq!(said, "10.0.0.6\n10.0.0.5\nserved", "{version:?}");
    }
}

#[tokio::test]
async fn a_mebibyte_goes_both_ways_past_a_peer_that_waits() {
    const COUNT: usize = 1 << 20;
    for version in BOTH {
        let bed = Bed::new();
        let peer = bed.peer();
        let listener = listen(&peer, "10.0.0.6:8000");
        let echo = async {
            let mut stream = listener.accept().await.unwrap();
            // More than the network holds, so each side has to wait for the other.
            let mut data = Vec::new();
            stream.read_to_end(&mut data).await.unwrap();
            stream.write_all(&data).await.unwrap();
        };
        let command = format!("exchange 10.0.0.6:8000 {COUNT}");
        let (said, ()) = tokio::join!(run(version, bed.subject(), &command), echo);
        assert_eq!(said, format!("{COUNT} bytes, the same"), "{version:?}");
    }
}

#[tokio::test]
async fn a_connection_from_outside_is_like_any_other() {
    const COUNT: usize = 300 * 1024;
    for version in BOTH {
        let subject = Bed::new().subject();
        let outside = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = async {
            let stream = tokio::net::TcpStream::connect(outside.local_addr().unwrap()).await.unwrap();
            hand_over_when_it_listens(&subject, 7000, outside.accept().await.unwrap().0).await;
            let (mut incoming, mut outgoing) = stream.into_split();
            let send = async {
                outgoing.write_all(&vec![b'x'; COUNT]).await.unwrap();
                outgoing.shutdown().await.unwrap();
            };
            let mut echo = Vec::new();
            let (received, ()) = tokio::join!(incoming.read_to_end(&mut echo), send);
            assert_eq!(received.unwrap(), COUNT, "{version:?}");
        };
        let (said, ()) = tokio::join!(run(version, subject.clone(), "serve 0.0.0.0:7000 1"), client);
        assert_eq!(said, "127.0.0.1\nserved", "{version:?}");
    }
}

#[tokio::test]
async fn a_guest_hears_of_a_reset() {
    for (version, expected) in [
        // wasi:io says only that the read failed.
        (Version::V0_2, "I/O error (os error 29)"),
        (Version::V0_3, "ConnectionReset"),
    ] {
        let bed = Bed::new();
        let peer = bed.peer();
        let listener = listen(&peer, "10.0.0.6:8000");
        let reset = async { listener.accept().await.unwrap().reset() };
        let (said, ()) = tokio::join!(run(version, bed.subject(), "read 10.0.0.6:8000"), reset);
        assert_eq!(said, expected);
    }
}

#[tokio::test]
async fn a_failing_interface_wakes_a_guest_that_waits_for_a_connection() {
    for (version, expected) in [(Version::V0_2, "ConnectionAborted"), (Version::V0_3, "ended")] {
        let bed = Bed::new();
        let (subject, peer) = (bed.subject(), bed.peer());
        let fail = async {
            let mut stream = connect_when_it_listens(&peer, "10.0.0.4:7000").await;
            stream.shutdown().await.unwrap();
            // Its end of the first connection is gone: all that is left to the guest is to wait for the second.
            assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
            subject.fail();
        };
        let (said, ()) = tokio::join!(run(version, subject.clone(), "serve 0.0.0.0:7000 2"), fail);
        assert_eq!(said, format!("10.0.0.6\n{expected}"), "{version:?}");
    }
}

#[tokio::test]
async fn a_failing_interface_wakes_a_guest_that_waits_for_bytes() {
    for (version, expected) in
        [(Version::V0_2, "I/O error (os error 29)"), (Version::V0_3, "ConnectionReset")]
    {
        let bed = Bed::new();
        let (subject, peer) = (bed.subject(), bed.peer());
        let listener = listen(&peer, "10.0.0.6:8000");
        let fail = async {
            let mut stream = listener.accept().await.unwrap();
            stream.read_exact(&mut [0]).await.unwrap();
            subject.fail();
        };
        let (said, ()) = tokio::join!(run(version, subject.clone(), "read 10.0.0.6:8000"), fail);
        assert_eq!(said, expected);
    }
}

#[tokio::test]
async fn a_guest_on_a_failed_interface_gets_errors_that_it_survives() {
    for (command, expected) in [
        ("bind 127.0.0.1:1234", "AddrNotAvailable"),
        ("connect 10.0.0.6:8000", "ConnectionAborted"),
        ("connect 127.0.0.1:1234", "ConnectionAborted"),
    ] {
        for version in BOTH {
            let subject = Bed::new().subject();
            subject.fail();
            assert_eq!(run(version, subject, command).await, expected, "{command}, {version:?}");
        }
    }
}

#[tokio::test]
async fn a_guest_that_makes_too_many_sockets_gets_an_error() {
    for (version, expected) in [(Version::V0_2, "new-socket-limit"), (Version::V0_3, "OutOfMemory")] {
        let said = run_with(version, Bed::new().subject(), "fill", |table| table.set_max_capacity(100)).await;
        assert_eq!(said, expected);
    }
}

#[tokio::test]
async fn a_connection_that_a_guest_has_no_room_for_is_closed() {
    for (version, expected) in [(Version::V0_2, "new-socket-limit"), (Version::V0_3, "ended")] {
        let bed = Bed::new();
        let (subject, peer) = (bed.subject(), bed.peer());
        let clients = async {
            let mut first = connect_when_it_listens(&peer, "10.0.0.4:7000").await;
            assert_eq!(first.read(&mut [0]).await.unwrap(), 0, "{version:?}");
            if version == Version::V0_3 {
                // The stream of connections goes on, to the next one and to its end.
                let mut second = connect_when_it_listens(&peer, "10.0.0.4:7000").await;
                assert_eq!(second.read(&mut [0]).await.unwrap(), 0);
                subject.fail();
            }
        };
        let guest =
            run_with(version, subject.clone(), "crowd 0.0.0.0:7000", |table| table.set_max_capacity(100));
        let (said, ()) = tokio::join!(guest, clients);
        assert_eq!(said, expected);
    }
}
