//! UDP between instances: who receives what, what is lost, and what a sender hears of it.

use std::future::{Future, poll_fn};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use wasm_roles_virtual_network::udp::{ANSWER_TIME, LARGEST_DATAGRAM, OVERHEAD, RECEIVE_BUFFER};
use wasm_roles_virtual_network::{NetError, Policy, UdpSocket};

use crate::bed::{Bed, CLIENT, PORT, SERVER, SERVER_1, at, received};

const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SERVICE: std::net::SocketAddr = std::net::SocketAddr::new(IpAddr::V4(SERVER), 7000);

fn nothing() -> Bytes {
    Bytes::new()
}

#[tokio::test]
async fn a_question_arrives_whole_and_its_answer_comes_back() {
    let bed = Bed::new();
    let (server, client) = (bed.receiver(), bed.client.bind_udp(at(ANY, 0)).unwrap());
    let port = client.local_address().port();
    assert!(port >= 49152);
    client.send_to("one".into(), SERVICE).unwrap();
    client.send_to(nothing(), SERVICE).unwrap();
    client.send_to("three".into(), SERVICE).unwrap();
    for expected in ["one", "", "three"] {
        let question = server.receive().await.unwrap();
        assert_eq!((&*question.data, question.from), (expected.as_bytes(), at(CLIENT, port)));
    }
    server.send_to("answer".into(), at(CLIENT, port)).unwrap();
    assert_eq!(received(&client), Ok(Some(("answer".into(), SERVICE))));
    assert_eq!(bed.network.counters().datagrams, 4);
    assert!(bed.heard.lines().is_empty());
}

#[test]
fn ports_are_as_those_of_tcp_and_apart_from_them() {
    let Bed { server, .. } = Bed::new();
    let any6 = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    for (one, other, conflict) in [
        (ANY, SERVER.into(), true),
        (ANY, LOOPBACK, true),
        (SERVER.into(), LOOPBACK, false),
        (ANY, any6, false),
        (any6, Ipv6Addr::LOCALHOST.into(), true),
    ] {
        for (first, second) in [(one, other), (other, one)] {
            let _tcp = server.bind(at(first, 7000)).unwrap();
            let _first = server.bind_udp(at(first, 7000)).unwrap();
            let second = server.bind_udp(at(second, 7000)).err();
            assert_eq!(second, conflict.then_some(NetError::AddressInUse), "{first} {one} {other}");
        }
    }
    assert_eq!(server.socket_count(), 0, "all are free again");
}

#[test]
fn sockets_of_both_transports_share_the_limit() {
    let bed = Bed::with_sockets(2);
    let _tcp = bed.server.bind(at(SERVER, 7000)).unwrap();
    let udp = bed.server.bind_udp(at(SERVER, 7000)).unwrap();
    assert_eq!(bed.server.bind_udp(at(SERVER, 7001)).unwrap_err(), NetError::TooManySockets);
    drop(udp);
    bed.server.bind_udp(at(SERVER, 7001)).unwrap();
}

#[test]
fn a_wildcard_socket_receives_at_the_own_address_and_at_loopback() {
    let bed = Bed::new();
    let server = bed.server.bind_udp(at(ANY, 7000)).unwrap();
    for (from, target, source) in [
        (&bed.client, IpAddr::from(SERVER), IpAddr::from(CLIENT)),
        (&bed.server, SERVER.into(), SERVER.into()),
        (&bed.server, LOOPBACK, LOOPBACK),
        (&bed.server, Ipv4Addr::new(127, 9, 9, 9).into(), LOOPBACK),
    ] {
        let sender = from.bind_udp(at(ANY, 0)).unwrap();
        sender.send_to("x".into(), at(target, 7000)).unwrap();
        let source = at(source, sender.local_address().port());
        assert_eq!(received(&server), Ok(Some(("x".into(), source))), "{target}");
    }
}

#[test]
fn loopback_is_private_to_the_instance() {
    let bed = Bed::new();
    for loopback in [LOOPBACK, Ipv6Addr::LOCALHOST.into()] {
        let [own, others] =
            [&bed.client, &bed.server].map(|interface| interface.bind_udp(at(loopback, 9000)).unwrap());
        let sender = bed.client.bind_udp(at(loopback, 0)).unwrap();
        sender.send_to("to myself".into(), at(loopback, 9000)).unwrap();
        assert_eq!(received(&own), Ok(Some(("to myself".into(), sender.local_address()))));
        assert_eq!(received(&others), Ok(None));
    }
    let stuck = bed.client.bind_udp(at(LOOPBACK, 0)).unwrap();
    assert_eq!(stuck.send_to(nothing(), SERVICE), Err(NetError::RemoteUnreachable));
}

#[test]
fn a_connected_socket_hears_its_peer_alone() {
    let bed = Bed::new();
    let other = bed.attach(SERVER_1);
    let client = bed.client.bind_udp(at(ANY, 0)).unwrap();
    let (server, stranger) = (bed.receiver(), other.bind_udp(at(SERVER_1, 7000)).unwrap());
    client.send_to("?".into(), SERVICE).unwrap();
    client.send_to("?".into(), at(SERVER_1, 7000)).unwrap();
    let port = client.local_address().port();
    let answer = |from: &UdpSocket, text: &'static str| from.send_to(text.into(), at(CLIENT, port)).unwrap();

    answer(&stranger, "before");
    answer(&server, "before too");
    client.connect(SERVICE).unwrap();
    assert_eq!((client.local_address(), client.peer_address()), (at(CLIENT, port), Some(SERVICE)));
    answer(&stranger, "meanwhile");
    assert_eq!(received(&client), Ok(Some(("before too".into(), SERVICE))));
    assert_eq!(received(&client), Ok(None));
    assert_eq!(client.send_to(nothing(), at(SERVER_1, 7000)), Err(NetError::InvalidArgument));
    client.send_to("to the peer".into(), SERVICE).unwrap();
    client.send("again".into()).unwrap();

    client.connect(at(SERVER_1, 7000)).unwrap();
    answer(&stranger, "now");
    assert_eq!(received(&client), Ok(Some(("now".into(), at(SERVER_1, 7000)))));

    client.disconnect().unwrap();
    assert_eq!(client.disconnect(), Err(NetError::InvalidState));
    assert_eq!(client.send(nothing()), Err(NetError::InvalidState));
    assert_eq!((client.local_address(), client.peer_address()), (at(ANY, port), None));
    answer(&server, "free");
    assert_eq!(received(&client), Ok(Some(("free".into(), SERVICE))));
}

#[test]
fn only_a_connected_sender_hears_that_nobody_is_there_and_once() {
    let bed = Bed::new();
    for (target, error) in
        [(SERVICE, NetError::ConnectionRefused), (at(SERVER_1, 7000), NetError::RemoteUnreachable)]
    {
        let client = bed.client.bind_udp(at(ANY, 0)).unwrap();
        client.send_to(nothing(), target).unwrap();
        assert_eq!(received(&client), Ok(None), "not connected");
        client.connect(target).unwrap();
        client.send(nothing()).unwrap();
        assert_eq!(client.send(nothing()), Err(error), "the next send tells it");
        client.send(nothing()).unwrap();
        assert_eq!(received(&client), Err(error), "or the next receive");
        assert_eq!(received(&client), Ok(None));
        client.send(nothing()).unwrap();
        client.connect(target).unwrap();
        assert_eq!(received(&client), Ok(None), "a new connect forgets it");
    }
}

#[test]
fn a_peer_that_is_connected_to_somebody_else_refuses() {
    let bed = Bed::new();
    let server = bed.receiver();
    server.connect(at(SERVER, 7005)).unwrap();
    let client = bed.client.bind_udp(at(ANY, 0)).unwrap();
    client.connect(SERVICE).unwrap();
    client.send("x".into()).unwrap();
    assert_eq!(received(&client), Err(NetError::ConnectionRefused));
    assert_eq!(received(&server), Ok(None));
}

#[test]
fn a_connected_socket_has_one_local_address() {
    let bed = Bed::new();
    let (socket, peer) =
        (bed.server.bind_udp(at(ANY, 7000)).unwrap(), bed.server.bind_udp(at(SERVER, 7005)).unwrap());
    socket.connect(peer.local_address()).unwrap();
    assert_eq!(socket.local_address(), SERVICE);
    peer.send_to("to loopback".into(), at(LOOPBACK, 7000)).unwrap();
    assert_eq!(received(&socket), Ok(None));
    peer.send_to("to the address".into(), SERVICE).unwrap();
    assert_eq!(received(&socket).unwrap().unwrap().0, "to the address");
}

#[tokio::test]
async fn who_waits_wakes_up_for_a_datagram_and_for_a_refusal() {
    let bed = Bed::new();
    let (server, client) = (bed.receiver(), bed.client.bind_udp(at(ANY, 0)).unwrap());
    let (datagram, sent) = tokio::join!(server.receive(), async { client.send_to("x".into(), SERVICE) });
    assert_eq!((&*datagram.unwrap().data, sent), (&b"x"[..], Ok(())));
    drop(server);
    client.connect(SERVICE).unwrap();
    let (refused, sent) = tokio::join!(client.receive(), async { client.send("x".into()) });
    assert_eq!((refused, sent), (Err(NetError::ConnectionRefused), Ok(())));
}

#[test]
fn a_datagram_has_a_largest_size() {
    let bed = Bed::new();
    let (server, client) = (bed.receiver(), bed.client.bind_udp(at(ANY, 0)).unwrap());
    let too_large = Bytes::from(vec![1; LARGEST_DATAGRAM + 1]);
    assert_eq!(client.send_to(too_large.clone(), SERVICE), Err(NetError::DatagramTooLarge));
    client.send_to(too_large.slice(1..), SERVICE).unwrap();
    assert_eq!(server.try_receive().unwrap().unwrap().data.len(), 65_507);
    assert_eq!(server.try_receive(), Ok(None));
}

#[test]
fn what_finds_a_full_queue_is_lost_and_counted() {
    let bed = Bed::new();
    let (server, client) = (bed.receiver(), bed.client.bind_udp(at(ANY, 0)).unwrap());
    client.connect(SERVICE).unwrap();
    for (size, room) in
        [(0, RECEIVE_BUFFER / OVERHEAD), (LARGEST_DATAGRAM, RECEIVE_BUFFER / (LARGEST_DATAGRAM + OVERHEAD))]
    {
        let before = server.dropped();
        for _ in 0..room + 10 {
            client.send(vec![0; size].into()).unwrap();
        }
        assert_eq!(server.dropped() - before, 10, "{size} bytes");
        let mut kept = 0;
        while server.try_receive().unwrap().is_some() {
            kept += 1;
        }
        assert_eq!(kept, room);
        assert_eq!(received(&client), Ok(None), "the sender hears nothing of it");
    }
    assert_eq!((bed.server.dropped_datagrams(), bed.network.counters().dropped_datagrams), (20, 20));
}

#[test]
fn all_queues_of_an_instance_together_are_bounded_and_none_is_starved() {
    let bed = Bed::new();
    let sockets: Vec<_> = (0..400).map(|_| bed.server.bind_udp(at(LOOPBACK, 0)).unwrap()).collect();
    let sender = bed.server.bind_udp(at(LOOPBACK, 0)).unwrap();
    let large = Bytes::from(vec![0; LARGEST_DATAGRAM]);
    for socket in &sockets {
        for _ in 0..4 {
            sender.send_to(large.clone(), socket.local_address()).unwrap();
        }
        sender.send_to("small".into(), socket.local_address()).unwrap();
    }
    let mut unread = 0;
    for socket in &sockets {
        let mut last = None;
        while let Some(datagram) = socket.try_receive().unwrap() {
            unread += datagram.data.len();
            last = Some(datagram.data);
        }
        assert!(last.is_some(), "each received something");
    }
    assert!(unread < 33 * 1024 * 1024, "{unread}");
    sender.send_to(large.clone(), sockets[399].local_address()).unwrap();
    assert!(sockets[399].try_receive().unwrap().is_some(), "what was read counts no more");
}

#[test]
fn what_is_unread_when_a_socket_goes_counts_no_more() {
    let bed = Bed::new();
    let sender = bed.server.bind_udp(at(LOOPBACK, 0)).unwrap();
    let large = Bytes::from(vec![0; LARGEST_DATAGRAM]);
    for _ in 0..600 {
        let socket = bed.server.bind_udp(at(LOOPBACK, 0)).unwrap();
        sender.send_to(large.clone(), socket.local_address()).unwrap();
        // What others have sent goes when the socket is connected, too.
        socket.connect(at(LOOPBACK, 9)).unwrap();
        assert_eq!(socket.try_receive(), Ok(None));
        socket.disconnect().unwrap();
        sender.send_to(large.clone(), socket.local_address()).unwrap();
        assert_eq!(socket.dropped(), 0);
    }
    assert_eq!(bed.server.dropped_datagrams(), 0);
}

#[test]
fn every_bind_send_and_connect_asks_the_policy() {
    let bed = Bed::new();
    let denied = NetError::AccessDenied;
    assert_eq!(bed.client.bind_udp(at(CLIENT, 80)).unwrap_err(), denied);
    assert_eq!(bed.client.bind_udp(at(SERVER, 80)).unwrap_err(), NetError::AddressNotBindable);
    let client = bed.client.bind_udp(at(ANY, 0)).unwrap();
    assert_eq!(client.send_to(nothing(), at(SERVER, 8000)), Err(denied));
    assert_eq!(client.connect(at(SERVER, 22)), Err(denied));
    assert_eq!(client.send_to(nothing(), at([192, 0, 2, 1], 53)), Err(denied));
    assert_eq!(client.send_to(nothing(), at([224, 0, 0, 1], 53)), Err(denied));
    assert_eq!(client.send_to(nothing(), at([255, 255, 255, 255], 53)), Err(denied));
    let v6 = bed.client.bind_udp(at(Ipv6Addr::UNSPECIFIED, 0)).unwrap();
    assert_eq!(v6.send_to(nothing(), at(Ipv4Addr::new(10, 0, 0, 5).to_ipv6_mapped(), 7000)), Err(denied));
    assert_eq!(
        bed.heard.lines(),
        [
            "Client_IN_0 bind 10.0.0.4:80: role Client declares no udp endpoint on port 80",
            "Client_IN_0 bind 10.0.0.5:80: the address is not this instance's own",
            "Client_IN_0 send 10.0.0.5:8000: endpoint Ruled of role Server admits only the roles that rules:1 lists, \
             and Client is not one of them",
            "Client_IN_0 send 10.0.0.5:22: role Server has no udp endpoint on port 22",
            "Client_IN_0 send 192.0.2.1:53: the address is outside the deployment",
            "Client_IN_0 send 224.0.0.1:53: the address is outside the deployment",
            "Client_IN_0 send 255.255.255.255:53: the address is outside the deployment",
            "Client_IN_0 send [::ffff:10.0.0.5]:7000: the address is outside the deployment",
        ]
    );
    client.connect(SERVICE).unwrap();
    bed.network.set_policy(Arc::new(Policy::builder().build().unwrap()));
    assert_eq!(client.send(nothing()), Err(denied), "also of a socket that was connected before");
    assert_eq!(client.send_to(nothing(), SERVICE), Err(denied));
    assert_eq!(bed.client.bind_udp(at(LOOPBACK, 0)).unwrap_err(), denied);
}

#[test]
fn targets_that_can_never_work_are_invalid() {
    let Bed { client, .. } = Bed::new();
    let socket = client.bind_udp(at(ANY, 0)).unwrap();
    for target in [at(SERVER, 0), at(ANY, 7000), at(Ipv6Addr::LOCALHOST, 7000)] {
        assert_eq!(socket.send_to(nothing(), target), Err(NetError::InvalidArgument), "{target}");
        assert_eq!(socket.connect(target), Err(NetError::InvalidArgument), "{target}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_who_was_asked_may_answer_and_for_a_while() {
    let bed = Bed::new();
    let (server, client) = (bed.receiver(), bed.client.bind_udp(at(ANY, 0)).unwrap());
    let target = at(CLIENT, client.local_address().port());
    let denied = Err(NetError::AccessDenied);
    assert_eq!(server.send_to("unasked".into(), target), denied);
    client.send_to("?".into(), SERVICE).unwrap();
    let other_port = bed.server.bind_udp(at(SERVER, 7001)).unwrap();
    assert_eq!(other_port.send_to("another socket".into(), target), denied);
    for _ in 0..3 {
        tokio::time::sleep(ANSWER_TIME - Duration::from_secs(1)).await;
        server.send_to("news".into(), target).unwrap();
    }
    tokio::time::sleep(ANSWER_TIME + Duration::from_secs(1)).await;
    assert_eq!(server.send_to("too late".into(), target), denied);
    server.connect(target).unwrap_err();

    client.connect(SERVICE).unwrap();
    tokio::time::sleep(ANSWER_TIME * 10).await;
    server.connect(target).unwrap();
    server.send("to one that is connected to it".into()).unwrap();
    drop(client);
    assert_eq!(server.send("gone".into()), denied);
}

#[tokio::test]
async fn a_failed_interface_wakes_its_sockets_and_refuses_its_peers() {
    let bed = Bed::new();
    let (server, client) = (bed.receiver(), bed.client.bind_udp(at(ANY, 0)).unwrap());
    let (failed, ()) = tokio::join!(server.receive(), async { bed.server.fail() });
    let aborted = NetError::ConnectionAborted;
    assert_eq!(failed, Err(aborted));
    assert_eq!(server.send_to(nothing(), at(SERVER, 7001)), Err(aborted));
    assert_eq!(server.connect(at(SERVER, 7001)), Err(aborted));
    assert_eq!(bed.server.bind_udp(at(SERVER, 7001)).unwrap_err(), aborted);
    client.connect(SERVICE).unwrap();
    client.send(nothing()).unwrap();
    assert_eq!(received(&client), Err(NetError::ConnectionRefused));
    bed.server.detach();
    client.send(nothing()).unwrap();
    assert_eq!(received(&client), Err(NetError::RemoteUnreachable));
    let next = bed.attach(SERVER);
    let fresh = next.bind_udp(SERVICE).unwrap();
    client.send("new".into()).unwrap();
    assert_eq!(received(&fresh).unwrap().unwrap().0, "new");
    assert_eq!(received(&server), Err(aborted), "the old incarnation does not hear of it");
}

#[test]
fn nothing_to_receive_is_none_and_nobody_is_woken() {
    let bed = Bed::new();
    let server = bed.receiver();
    assert_eq!(server.try_receive(), Ok(None));
    let mut readable: Pin<Box<dyn Future<Output = ()>>> = Box::pin(poll_fn(|cx| server.poll_readable(cx)));
    assert!(readable.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(server.local_address(), at(SERVER, PORT.get()));
}

#[test]
fn threads_that_send_to_each_other_at_once_lose_nothing_uncounted() {
    const EACH: usize = 20_000;
    let bed = Bed::new();
    let sockets: Vec<_> = (0..4).map(|_| bed.client.bind_udp(at(LOOPBACK, 0)).unwrap()).collect();
    let addresses: Vec<_> = sockets.iter().map(UdpSocket::local_address).collect();
    let work = |socket: &UdpSocket| {
        let mut received = 0;
        for n in 0..EACH {
            socket.send_to(vec![0; 1000].into(), addresses[n % addresses.len()]).unwrap();
            if n % 3 == 0 {
                received += u64::from(socket.try_receive().unwrap().is_some());
            }
        }
        received
    };
    let early: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = sockets.iter().map(|socket| scope.spawn(move || work(socket))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let rest = |socket: &UdpSocket| std::iter::from_fn(|| socket.try_receive().unwrap()).count();
    let late: u64 = sockets.iter().map(|socket| u64::try_from(rest(socket)).unwrap()).sum();
    let counters = bed.network.counters();
    assert_eq!(early + late, counters.datagrams);
    assert_eq!(counters.datagrams + counters.dropped_datagrams, u64::try_from(4 * EACH).unwrap());
    assert_eq!(sockets.iter().map(UdpSocket::dropped).sum::<u64>(), counters.dropped_datagrams);
}

#[test]
fn sockets_can_be_shared_by_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<UdpSocket>();
    shared::<wasm_roles_virtual_network::OutsideFlow>();
}
