//! The functions of `wasi:sockets/udp` in states and with arguments that the standard library never brings them into.
//!
//! Each line of the report is one call, and its outcome.

use wasip2::sockets::instance_network::{Network, instance_network};
use wasip2::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress, Ipv6SocketAddress};
use wasip2::sockets::udp::{IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream, UdpSocket};
use wasip2::sockets::udp_create_socket::create_udp_socket;

use crate::report::Report;
use crate::states::{LOOPBACK, fill_table, ipv4};

const LARGEST: usize = 65_507;

pub fn report() -> String {
    let mut report = Report::default();
    if let Err(code) = sockets(&mut report) {
        report.note("unexpected", code.name());
    }
    report.text()
}

fn sockets(report: &mut Report) -> Result<(), ErrorCode> {
    let network = instance_network();
    let socket = create_udp_socket(IpAddressFamily::Ipv4)?;
    unbound(report, &socket, &network);
    bound(report, &socket, &network)?;
    let own = socket.local_address()?;
    any_peer(report, &socket, own)?;
    one_peer(report, &socket, own, &network)?;
    again(report, &socket, own)?;
    options(report, &create_udp_socket(IpAddressFamily::Ipv6)?);
    Ok(())
}

fn loopback6(port: u16) -> IpSocketAddress {
    let address = (0, 0, 0, 0, 0, 0, 0, 1);
    IpSocketAddress::Ipv6(Ipv6SocketAddress { port, flow_info: 0, address, scope_id: 0 })
}

fn mapped(port: u16) -> IpSocketAddress {
    let address = (0, 0, 0, 0, 0, 0xffff, 0x7f00, 1);
    IpSocketAddress::Ipv6(Ipv6SocketAddress { port, flow_info: 0, address, scope_id: 0 })
}

fn to(address: IpSocketAddress, size: usize) -> Vec<OutgoingDatagram> {
    vec![OutgoingDatagram { data: vec![7; size], remote_address: Some(address) }]
}

fn to_peer(size: usize) -> Vec<OutgoingDatagram> {
    vec![OutgoingDatagram { data: vec![7; size], remote_address: None }]
}

/// A socket that is bound to loopback.
fn other(network: &Network) -> Result<UdpSocket, ErrorCode> {
    let socket = create_udp_socket(IpAddressFamily::Ipv4)?;
    socket.start_bind(network, ipv4(LOOPBACK, 0))?;
    socket.finish_bind()?;
    Ok(socket)
}

fn send(
    report: &mut Report,
    call: &str,
    stream: &OutgoingDatagramStream,
    datagrams: &[OutgoingDatagram],
) -> Result<(), ErrorCode> {
    stream.check_send()?;
    let sent = stream.send(datagrams);
    report.note(call, &sent.map_or_else(|code| code.name().to_owned(), |count| count.to_string()));
    Ok(())
}

/// Notes the sizes of what is received.
fn receive(report: &mut Report, call: &str, stream: &IncomingDatagramStream, max: u64) {
    let sizes = |received: Vec<wasip2::sockets::udp::IncomingDatagram>| {
        format!("{:?}", received.iter().map(|datagram| datagram.data.len()).collect::<Vec<_>>())
    };
    report.note(call, &stream.receive(max).map_or_else(|code| code.name().to_owned(), sizes));
}

fn unbound(report: &mut Report, socket: &UdpSocket, network: &Network) {
    report.line("unbound finish-bind", socket.finish_bind());
    report.line("unbound stream", socket.stream(None));
    report.line("unbound local-address", socket.local_address());
    report.line("unbound remote-address", socket.remote_address());
    report.line("bind other family", socket.start_bind(network, loopback6(80)));
    report.line("bind foreign address", socket.start_bind(network, ipv4((192, 0, 2, 1), 80)));
    report.line("bind multicast", socket.start_bind(network, ipv4((224, 0, 0, 1), 80)));
    report.line("bind undeclared port", socket.start_bind(network, ipv4((0, 0, 0, 0), 80)));
}

fn bound(report: &mut Report, socket: &UdpSocket, network: &Network) -> Result<(), ErrorCode> {
    report.line("bind", socket.start_bind(network, ipv4(LOOPBACK, 0)));
    report.line("binding start-bind", socket.start_bind(network, ipv4(LOOPBACK, 0)));
    report.line("binding stream", socket.stream(None));
    report.line("binding local-address", socket.local_address());
    report.line("finish-bind", socket.finish_bind());
    report.line("finish-bind again", socket.finish_bind());
    report.line("bound start-bind", socket.start_bind(network, ipv4(LOOPBACK, 0)));
    report.line("bound remote-address", socket.remote_address());
    let second = create_udp_socket(IpAddressFamily::Ipv4)?;
    report.line("bind in use", second.start_bind(network, socket.local_address()?));
    let sixth = create_udp_socket(IpAddressFamily::Ipv6)?;
    report.line("bind ipv4 in disguise", sixth.start_bind(network, mapped(0)));
    report.line("stream to other family", socket.stream(Some(loopback6(80))));
    report.line("stream to unspecified", socket.stream(Some(ipv4((0, 0, 0, 0), 80))));
    report.line("stream to port 0", socket.stream(Some(ipv4(LOOPBACK, 0))));
    report.line("stream to denied", socket.stream(Some(ipv4((192, 0, 2, 1), 80))));
    report.note("pollable of the socket", &socket.subscribe().ready().to_string());
    Ok(())
}

fn any_peer(report: &mut Report, socket: &UdpSocket, own: IpSocketAddress) -> Result<(), ErrorCode> {
    let Some((incoming, outgoing)) = report.line("stream", socket.stream(None)) else { return Ok(()) };
    report.line("remote-address without a peer", socket.remote_address());
    receive(report, "receive nothing", &incoming, 16);
    report.note("pollable with nothing to receive", &incoming.subscribe().ready().to_string());
    report.note("pollable of outgoing datagrams", &outgoing.subscribe().ready().to_string());
    report.line("send without check-send of nothing", outgoing.send(&[]));
    report.note("check-send permits some", &outgoing.check_send().is_ok_and(|count| count > 0).to_string());
    send(report, "send to nobody", &outgoing, &to_peer(1))?;
    send(report, "send to other family", &outgoing, &to(loopback6(80), 1))?;
    send(report, "send to unspecified", &outgoing, &to(ipv4((0, 0, 0, 0), 80), 1))?;
    send(report, "send to port 0", &outgoing, &to(ipv4(LOOPBACK, 0), 1))?;
    send(report, "send to denied", &outgoing, &to(ipv4((192, 0, 2, 1), 80), 1))?;
    send(report, "send from loopback", &outgoing, &to(ipv4((10, 0, 0, 4), 7000), 1))?;
    send(report, "send too much", &outgoing, &to(own, LARGEST + 1))?;
    send(report, "send where nobody receives", &outgoing, &to(ipv4(LOOPBACK, 9), 1))?;
    receive(report, "receive after that", &incoming, 16);

    let mut three = to(own, 1);
    three.extend(to(own, 2));
    three.extend(to(own, LARGEST + 1));
    send(report, "send three, the last one too much", &outgoing, &three)?;
    report.note("pollable with something to receive", &incoming.subscribe().ready().to_string());
    receive(report, "receive none", &incoming, 0);
    receive(report, "receive one", &incoming, 1);
    receive(report, "receive the rest", &incoming, u64::MAX);
    send(report, "send nothing in a datagram", &outgoing, &to(own, 0))?;
    send(report, "send the largest", &outgoing, &to(own, LARGEST))?;
    send(report, "send the largest again", &outgoing, &to(own, LARGEST))?;
    receive(report, "receive up to 64 KiB", &incoming, 16);
    Ok(())
}

fn one_peer(
    report: &mut Report,
    socket: &UdpSocket,
    own: IpSocketAddress,
    network: &Network,
) -> Result<(), ErrorCode> {
    let peer = other(network)?;
    let there = peer.local_address()?;
    let (from_any, to_any) = peer.stream(None)?;
    let Some((incoming, outgoing)) = report.line("stream to a peer", socket.stream(Some(there))) else {
        return Ok(());
    };
    report.note("remote-address", if same(socket.remote_address()?, there) { "the peer" } else { "another" });
    receive(report, "receive what came before", &incoming, 16);
    send(report, "send to another", &outgoing, &to(own, 1))?;
    send(report, "send to the peer", &outgoing, &to_peer(2))?;
    send(report, "send to the peer by name", &outgoing, &to(there, 3))?;
    receive(report, "the peer receives", &from_any, 16);
    send(report, "the peer sends", &to_any, &to(own, 4))?;
    receive(report, "receive from the peer", &incoming, 16);
    drop((from_any, to_any));
    drop(peer);
    send(report, "send to a peer that is gone", &outgoing, &to_peer(1))?;
    report.note("pollable with an error to receive", &incoming.subscribe().ready().to_string());
    receive(report, "receive from a peer that is gone", &incoming, 16);
    receive(report, "receive again", &incoming, 16);
    send(report, "send to a peer that is gone, again", &outgoing, &to_peer(1))?;
    send(report, "send after that", &outgoing, &to_peer(1))?;
    Ok(())
}

fn again(report: &mut Report, socket: &UdpSocket, own: IpSocketAddress) -> Result<(), ErrorCode> {
    report.line("stream to port 0, with a peer", socket.stream(Some(ipv4(LOOPBACK, 0))));
    report.line("remote-address after that", socket.remote_address());
    let Some((incoming, outgoing)) = report.line("stream to any again", socket.stream(None)) else {
        return Ok(());
    };
    report.line("remote-address with any again", socket.remote_address());
    send(report, "send to itself", &outgoing, &to(own, 5))?;
    receive(report, "receive from itself", &incoming, 16);
    Ok(())
}

fn same(one: IpSocketAddress, other: IpSocketAddress) -> bool {
    match (one, other) {
        (IpSocketAddress::Ipv4(one), IpSocketAddress::Ipv4(other)) => {
            (one.address, one.port) == (other.address, other.port)
        }
        _ => false,
    }
}

fn options(report: &mut Report, socket: &UdpSocket) {
    report.line("unicast-hop-limit 0", socket.set_unicast_hop_limit(0));
    report.line("receive-buffer-size 0", socket.set_receive_buffer_size(0));
    report.line("send-buffer-size 0", socket.set_send_buffer_size(0));
    let is_ipv6 = socket.address_family() == IpAddressFamily::Ipv6;
    report.note("address-family", if is_ipv6 { "ipv6" } else { "ipv4" });
    let set = [
        socket.set_unicast_hop_limit(4),
        socket.set_receive_buffer_size(5),
        socket.set_send_buffer_size(u64::MAX),
    ];
    report.line("set them", set.into_iter().collect::<Result<Vec<()>, _>>());
    let read = (socket.unicast_hop_limit(), socket.receive_buffer_size(), socket.send_buffer_size());
    let expected = (Ok(4), Ok(5), Ok(u64::MAX));
    report.note("read them back", if read == expected { "the same" } else { "others" });
}

/// Makes a socket and streams when there is no room for them, and streams when there is room again.
pub fn crowd() -> String {
    let outcome = |result: Result<(), ErrorCode>| result.map_or_else(|code| code.name(), |()| "ok");
    let Ok(socket) = other(&instance_network()) else { return "no socket".to_owned() };
    let (mut others, _) = fill_table();
    let no_socket = create_udp_socket(IpAddressFamily::Ipv4).map(drop);
    // Room for one stream, where there have to be two.
    drop(others.pop());
    let no_streams = socket.stream(None).map(drop);
    drop(others.pop());
    let streams = socket.stream(None).map(drop);
    [no_socket, no_streams, streams].map(outcome).join(", ")
}

/// Breaks a rule that a host answers with a trap.
pub fn trap(case: &str) -> Result<(), ErrorCode> {
    let socket = other(&instance_network())?;
    let (_incoming, outgoing) = socket.stream(None)?;
    let own = socket.local_address()?;
    let many = |count| std::iter::repeat_with(|| to(own, 1)).take(count).flatten().collect::<Vec<_>>();
    match case {
        "streams" => socket.stream(None).map(drop),
        "permit" => {
            let permit = usize::try_from(outgoing.check_send()?).unwrap_or(usize::MAX);
            outgoing.send(&many(permit.saturating_add(1))).map(drop)
        }
        "permit-twice" => {
            outgoing.check_send()?;
            outgoing.send(&many(1))?;
            outgoing.send(&many(1)).map(drop)
        }
        _ => outgoing.send(&many(1)).map(drop),
    }
}
