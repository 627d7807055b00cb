//! Datagrams that are sent and received.

use wasip2::sockets::network::{ErrorCode, IpSocketAddress};
use wasip2::sockets::udp::{IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream, UdpSocket};

use crate::address::{at, text};
use crate::report::{Report, Scenario};
use crate::sockets::{bound_udp, give_way, receive, wait};

pub const SCENARIOS: &[(&str, Scenario)] = &[
    ("udp send arguments", send_arguments),
    ("udp send arguments of ipv6", send_arguments_of_ipv6),
    ("udp sizes", sizes),
    ("udp several at once", several),
    ("udp one peer", one_peer),
    ("udp a peer that is gone", peer_gone),
];

const LARGEST: usize = 65_507;

/// A socket with its streams, which are its children and go first.
struct Open {
    incoming: IncomingDatagramStream,
    outgoing: OutgoingDatagramStream,
    socket: UdpSocket,
}

fn open(address: &str, peer: Option<IpSocketAddress>) -> Result<Open, ErrorCode> {
    let socket = bound_udp(address)?;
    let (incoming, outgoing) = socket.stream(peer)?;
    Ok(Open { incoming, outgoing, socket })
}

fn to(address: IpSocketAddress, size: usize) -> OutgoingDatagram {
    OutgoingDatagram { data: vec![7; size], remote_address: Some(address) }
}

fn to_peer(size: usize) -> OutgoingDatagram {
    OutgoingDatagram { data: vec![7; size], remote_address: None }
}

/// Sends with a permit; gives how many were sent.
fn send(stream: &OutgoingDatagramStream, datagrams: &[OutgoingDatagram]) -> Result<u64, ErrorCode> {
    while stream.check_send()? == 0 {
        wait(&stream.subscribe())?;
    }
    stream.send(datagrams)
}

/// Notes whether one datagram was sent.
fn sent(report: &mut Report, call: &str, stream: &OutgoingDatagramStream, datagram: OutgoingDatagram) {
    report.says(call, send(stream, &[datagram]).map(|count| if count == 1 { "ok" } else { "not sent" }));
}

/// Notes the size of the next datagram.
fn received(report: &mut Report, call: &str, stream: &IncomingDatagramStream) {
    let size = |received: Vec<wasip2::sockets::udp::IncomingDatagram>| {
        received.first().map_or(0, |datagram| datagram.data.len())
    };
    report.says(call, receive(stream, 1).map(size));
}

fn send_arguments(report: &mut Report) -> Result<(), ErrorCode> {
    let Open { incoming, outgoing, socket } = open("127.0.0.1:0", None)?;
    let own = socket.local_address()?;
    report.line("udp receive when there is nothing", incoming.receive(16));
    report.is("udp receive: its pollable is ready when there is nothing", incoming.subscribe().ready());
    report.is("udp send: its pollable is ready", outgoing.subscribe().ready());
    report.says("udp send of no datagrams, without a permit", outgoing.send(&[]));
    report.is("udp check-send permits some", outgoing.check_send()? > 0);
    sent(report, "udp send to nobody", &outgoing, to_peer(1));
    sent(report, "udp send to the other family", &outgoing, to(at("[::1]:80")?, 1));
    sent(report, "udp send to an unspecified address", &outgoing, to(at("0.0.0.0:80")?, 1));
    sent(report, "udp send to port 0", &outgoing, to(at("127.0.0.1:0")?, 1));
    sent(report, "udp send where it may not", &outgoing, to(at("192.0.2.1:80")?, 1));
    sent(report, "udp send to the broadcast address", &outgoing, to(at("255.255.255.255:80")?, 1));
    sent(report, "udp send to a multicast address", &outgoing, to(at("224.0.0.1:80")?, 1));
    sent(report, "udp send from loopback to another instance", &outgoing, to(at("10.0.0.4:7000")?, 1));
    sent(report, "udp send where nobody receives", &outgoing, to(at("127.0.0.1:9")?, 1));
    sent(report, "udp send to itself, after all that", &outgoing, to(own, 3));
    received(report, "udp receive, after all that", &incoming);
    drop((incoming, outgoing));
    Ok(())
}

fn send_arguments_of_ipv6(report: &mut Report) -> Result<(), ErrorCode> {
    let Open { incoming, outgoing, socket } = open("[::1]:0", None)?;
    let own = socket.local_address()?;
    sent(report, "udp of ipv6 send to the other family", &outgoing, to(at("127.0.0.1:80")?, 1));
    sent(report, "udp of ipv6 send to ipv4 in disguise", &outgoing, to(at("[::ffff:127.0.0.1]:80")?, 1));
    sent(report, "udp of ipv6 send to an unspecified address", &outgoing, to(at("[::]:80")?, 1));
    sent(report, "udp of ipv6 send to port 0", &outgoing, to(at("[::1]:0")?, 1));
    sent(report, "udp of ipv6 send where it may not", &outgoing, to(at("[2001:db8::1]:80")?, 1));
    sent(report, "udp of ipv6 send to itself, after all that", &outgoing, to(own, 3));
    received(report, "udp of ipv6 receive, after all that", &incoming);
    drop((incoming, outgoing));
    Ok(())
}

fn sizes(report: &mut Report) -> Result<(), ErrorCode> {
    let Open { incoming, outgoing, socket } = open("127.0.0.1:0", None)?;
    let own = socket.local_address()?;
    sent(report, "udp send 65,508 bytes", &outgoing, to(own, LARGEST + 1));
    sent(report, "udp send 70,000 bytes", &outgoing, to(own, 70_000));
    sent(report, "udp send 65,507 bytes", &outgoing, to(own, LARGEST));
    received(report, "udp receive 65,507 bytes", &incoming);
    sent(report, "udp send 0 bytes", &outgoing, to(own, 0));
    let datagrams = receive(&incoming, 1)?;
    report
        .note("udp receive 0 bytes", &datagrams.iter().map(|one| one.data.len()).sum::<usize>().to_string());
    let from = datagrams.first().map(|datagram| text(datagram.remote_address));
    report.is("udp receive: the address is the sender's", from == Some(text(own)));
    drop((incoming, outgoing));
    Ok(())
}

fn several(report: &mut Report) -> Result<(), ErrorCode> {
    let Open { incoming, outgoing, socket } = open("127.0.0.1:0", None)?;
    let own = socket.local_address()?;
    let datagrams = [to(own, 1), to(own, 2), to(own, 3), to(own, LARGEST + 1), to(own, 4)];
    report.says("udp send five, the fourth too large", send(&outgoing, &datagrams));
    wait(&incoming.subscribe())?;
    report.says("udp receive at most 0", incoming.receive(0).map(|received| received.len()));
    report.says("udp receive at most 1", receive(&incoming, 1).map(|received| received.len()));
    let mut left = 0;
    while let Ok(more) = incoming.receive(u64::MAX)
        && !more.is_empty()
    {
        left += more.len();
    }
    report.note("udp receive the rest", &left.to_string());
    drop((incoming, outgoing));
    Ok(())
}

fn one_peer(report: &mut Report) -> Result<(), ErrorCode> {
    let peer = open("127.0.0.1:0", None)?;
    let other = open("127.0.0.1:0", None)?;
    let there = peer.socket.local_address()?;
    let socket = bound_udp("127.0.0.1:0")?;
    let own = socket.local_address()?;
    let (incoming, outgoing) = socket.stream(None)?;
    send(&other.outgoing, &[to(own, 1)])?;
    drop((incoming, outgoing));
    give_way();
    let (incoming, outgoing) = socket.stream(Some(there))?;
    sent(report, "udp connected: send to another", &outgoing, to(other.socket.local_address()?, 1));
    sent(report, "udp connected: send to the peer", &outgoing, to_peer(2));
    sent(report, "udp connected: send to the peer by address", &outgoing, to(there, 3));
    received(report, "udp connected: the peer receives", &peer.incoming);
    received(report, "udp connected: the peer receives again", &peer.incoming);
    send(&other.outgoing, &[to(own, 4)])?;
    send(&peer.outgoing, &[to(own, 5)])?;
    received(report, "udp connected: receive only from the peer", &incoming);
    report.says("udp connected: receive nothing else", incoming.receive(16).map(|received| received.len()));
    drop((incoming, outgoing));
    give_way();
    let (incoming, outgoing) = socket.stream(None)?;
    send(&other.outgoing, &[to(own, 6)])?;
    received(report, "udp disconnected: receive from anybody", &incoming);
    sent(report, "udp disconnected: send to nobody", &outgoing, to_peer(1));
    sent(report, "udp disconnected: send to anybody", &outgoing, to(other.socket.local_address()?, 7));
    received(report, "udp disconnected: they receive it", &other.incoming);
    drop((incoming, outgoing));
    Ok(())
}

/// A peer that is gone refuses, and the socket hears of it once.
fn peer_gone(report: &mut Report) -> Result<(), ErrorCode> {
    let gone = bound_udp("127.0.0.1:0")?;
    let there = gone.local_address()?;
    drop(gone);
    let Open { incoming, outgoing, socket } = open("127.0.0.1:0", Some(there))?;
    sent(report, "udp peer gone: send", &outgoing, to_peer(1));
    report.line("udp peer gone: the pollable of receive becomes ready", wait(&incoming.subscribe()));
    received(report, "udp peer gone: receive", &incoming);
    report.says("udp peer gone: receive again", incoming.receive(16).map(|received| received.len()));
    sent(report, "udp peer gone: send again", &outgoing, to_peer(1));
    sent(report, "udp peer gone: send after that", &outgoing, to_peer(1));
    report.line("udp peer gone: remote-address", socket.remote_address());
    drop((incoming, outgoing));
    Ok(())
}
