//! Every function of the interfaces that lets the network decide, after the network has begun to deny everything.

use std::io::{Read, Result};
use std::net::TcpStream;

use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::resolve_addresses;
use wasip2::sockets::network::{ErrorCode, IpSocketAddress};
use wasip2::sockets::udp::{OutgoingDatagram, OutgoingDatagramStream};

use crate::address::at;
use crate::report::Report;
use crate::sockets::{V4, V6, bound, bound_udp, tcp, udp};

/// Brings sockets into every state, connects to `address` and waits for the end of that connection, which is the sign that
/// everything is denied from now on. Then each line is a function, what it was called for, and what it said.
pub fn report(address: &str) -> Result<()> {
    let mut sign = None;
    Report::of(|report| {
        report.part("denied", |report| calls(report, || sign = Some(wait_for_sign(address))));
    });
    sign.unwrap_or(Ok(()))
}

fn wait_for_sign(address: &str) -> Result<()> {
    TcpStream::connect(address)?.read_to_end(&mut Vec::new()).map(drop)
}

fn send(
    stream: &OutgoingDatagramStream,
    target: Option<IpSocketAddress>,
) -> std::result::Result<u64, ErrorCode> {
    stream.check_send()?;
    stream.send(&[OutgoingDatagram { data: vec![7], remote_address: target }])
}

fn calls(report: &mut Report, wait: impl FnOnce()) -> std::result::Result<(), ErrorCode> {
    let network = instance_network();
    let (listens, listens_of_ipv6, connects) =
        (bound("127.0.0.1:0")?, bound("[::1]:0")?, bound("127.0.0.1:0")?);
    let (receiver, free) = (bound_udp("127.0.0.1:0")?, bound_udp("127.0.0.1:0")?);
    let (any, one) = (bound_udp("0.0.0.0:0")?, bound_udp("127.0.0.1:0")?);
    let there = receiver.local_address()?;
    let (any_in, any_out) = any.stream(None)?;
    let (one_in, one_out) = one.stream(Some(there))?;
    wait();

    for (case, address) in
        [("loopback", "127.0.0.1:0"), ("unspecified", "0.0.0.0:0"), ("its endpoint", "0.0.0.0:7000")]
    {
        report.line(
            &format!("tcp/tcp-socket.start-bind at {case}"),
            tcp(V4)?.start_bind(&network, at(address)?),
        );
        report.line(
            &format!("udp/udp-socket.start-bind at {case}"),
            udp(V4)?.start_bind(&network, at(address)?),
        );
    }
    report.line("tcp/tcp-socket.start-bind of ipv6", tcp(V6)?.start_bind(&network, at("[::1]:0")?));
    report.line("udp/udp-socket.start-bind of ipv6", udp(V6)?.start_bind(&network, at("[::]:0")?));
    report.line("tcp/tcp-socket.start-listen", listens.start_listen());
    report.line("tcp/tcp-socket.start-listen of ipv6", listens_of_ipv6.start_listen());
    report.line("tcp/tcp-socket.start-connect", tcp(V4)?.start_connect(&network, at("10.0.0.6:8000")?));
    report.line(
        "tcp/tcp-socket.start-connect to itself",
        tcp(V4)?.start_connect(&network, at("10.0.0.4:7000")?),
    );
    report.line("tcp/tcp-socket.start-connect of ipv6", tcp(V6)?.start_connect(&network, at("[::1]:80")?));
    report.line(
        "tcp/tcp-socket.start-connect, bound before",
        connects.start_connect(&network, at("127.0.0.1:80")?),
    );
    report.line("udp/udp-socket.stream to a peer, bound before", free.stream(Some(there)).map(drop));
    report
        .line("udp/outgoing-datagram-stream.send, bound before", send(&any_out, Some(at("10.0.0.6:8000")?)));
    report.line("udp/outgoing-datagram-stream.send to itself", send(&any_out, Some(there)));
    report.line("udp/outgoing-datagram-stream.send, connected before", send(&one_out, None));
    for name in ["Subject", "Peer", "peer_in_0", "0.Peer", "example.com"] {
        let first = resolve_addresses(&network, name).and_then(|stream| stream.resolve_next_address());
        report.line(&format!("ip-name-lookup/resolve-addresses of {name}"), first);
    }
    drop((any_in, any_out, one_in, one_out));
    Ok(())
}
