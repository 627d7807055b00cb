//! What a UDP socket answers in each of its states, its addresses and its options.

use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::network::ErrorCode;
use wasip2::sockets::udp::UdpSocket;

use crate::address::{at, port, shown, text};
use crate::report::{Report, Scenario};
use crate::sockets::{V4, V6, bind_udp, bound_udp, udp};

pub const SCENARIOS: &[(&str, Scenario)] = &[
    ("udp unbound", unbound),
    ("udp binding", binding),
    ("udp is bound", is_bound),
    ("udp bind arguments", bind_arguments),
    ("udp stream arguments", stream_arguments),
    ("udp peers", peers),
    ("udp addresses in use", in_use),
    ("udp zero", zero),
    ("udp options", options),
];

fn addresses(report: &mut Report, state: &str, socket: &UdpSocket) {
    report.says(&format!("udp {state}: local-address"), socket.local_address().map(shown));
    report.says(&format!("udp {state}: remote-address"), socket.remote_address().map(shown));
}

fn unbound(report: &mut Report) -> Result<(), ErrorCode> {
    let socket = udp(V4)?;
    report.is("udp of ipv4: address-family is ipv4", socket.address_family() == V4);
    report.is("udp of ipv6: address-family is ipv6", udp(V6)?.address_family() == V6);
    addresses(report, "unbound", &socket);
    report.line("udp unbound: finish-bind", socket.finish_bind());
    report.line("udp unbound: stream", socket.stream(None));
    report.line("udp unbound: connect", socket.stream(Some(at("127.0.0.1:9")?)));
    report.is("udp unbound: its pollable is ready", socket.subscribe().ready());
    Ok(())
}

fn binding(report: &mut Report) -> Result<(), ErrorCode> {
    let socket = udp(V4)?;
    let network = instance_network();
    report.line("udp unbound: start-bind", socket.start_bind(&network, at("127.0.0.1:0")?));
    report.line("udp bind-in-progress: start-bind", socket.start_bind(&network, at("127.0.0.1:0")?));
    report.line("udp bind-in-progress: stream", socket.stream(None).map(drop));
    addresses(report, "bind-in-progress", &socket);
    report.line("udp bind-in-progress: finish-bind", socket.finish_bind());
    report.line("udp bound: finish-bind", socket.finish_bind());
    Ok(())
}

fn is_bound(report: &mut Report) -> Result<(), ErrorCode> {
    let socket = bound_udp("127.0.0.1:0")?;
    addresses(report, "bound", &socket);
    report.line("udp bound: bind", bind_udp(&socket, at("127.0.0.1:0")?));
    let socket = bound_udp("0.0.0.0:0")?;
    report.says("udp bound to unspecified, port 0: local-address", socket.local_address().map(shown));
    let socket = bound_udp("[::1]:0")?;
    report.says("udp bound to loopback of ipv6, port 0: local-address", socket.local_address().map(shown));
    Ok(())
}

fn bind_arguments(report: &mut Report) -> Result<(), ErrorCode> {
    let socket = udp(V4)?;
    report.line("udp bind to the other family", bind_udp(&socket, at("[::1]:0")?));
    report.line("udp bind to a foreign address", bind_udp(&socket, at("192.0.2.1:80")?));
    report.line("udp bind, after binds that failed", bind_udp(&socket, at("127.0.0.1:0")?));
    let socket = udp(V6)?;
    report.line("udp of ipv6 bind to the other family", bind_udp(&socket, at("127.0.0.1:0")?));
    report.line("udp of ipv6 bind to ipv4 in disguise", bind_udp(&socket, at("[::ffff:127.0.0.1]:0")?));
    report.line("udp of ipv6 bind, after binds that failed", bind_udp(&socket, at("[::1]:0")?));
    Ok(())
}

fn stream_arguments(report: &mut Report) -> Result<(), ErrorCode> {
    for (name, address) in [("udp", "127.0.0.1:0"), ("udp of ipv6", "[::1]:0")] {
        let socket = bound_udp(address)?;
        let mut connect = |case: &str, target: &str| -> Result<(), ErrorCode> {
            report.line(&format!("{name} connect to {case}"), socket.stream(Some(at(target)?)).map(drop));
            Ok(())
        };
        if name == "udp" {
            connect("the other family", "[::1]:80")?;
            connect("an unspecified address", "0.0.0.0:80")?;
            connect("port 0", "127.0.0.1:0")?;
            connect("where it may not", "192.0.2.1:80")?;
        } else {
            connect("the other family", "127.0.0.1:80")?;
            connect("ipv4 in disguise", "[::ffff:127.0.0.1]:80")?;
            connect("an unspecified address", "[::]:80")?;
            connect("port 0", "[::1]:0")?;
            connect("where it may not", "[2001:db8::1]:80")?;
        }
        report.line(&format!("{name} connect that failed: remote-address"), socket.remote_address());
    }
    Ok(())
}

/// Associations come and go.
fn peers(report: &mut Report) -> Result<(), ErrorCode> {
    let (first, second) = (bound_udp("127.0.0.1:0")?, bound_udp("127.0.0.1:0")?);
    let socket = bound_udp("0.0.0.0:0")?;
    let chosen = port(socket.local_address()?);
    report.line("udp stream", socket.stream(None).map(drop));
    report.line("udp stream: remote-address", socket.remote_address());
    report.line("udp connect", socket.stream(Some(first.local_address()?)).map(drop));
    let is = |one: &UdpSocket| Ok(text(socket.remote_address()?) == text(one.local_address()?));
    report.is("udp connected: remote-address is the peer's", is(&first)?);
    report.says("udp connected: local-address", socket.local_address().map(shown));
    report.is("udp connected: the port is the same", port(socket.local_address()?) == chosen);
    report.line("udp connect to another peer", socket.stream(Some(second.local_address()?)).map(drop));
    report.is("udp connected again: remote-address is the other peer's", is(&second)?);
    report.line("udp connected: connect to port 0", socket.stream(Some(at("127.0.0.1:0")?)).map(drop));
    report.is("udp connected, after a connect that failed: remote-address is the peer's", is(&second)?);
    report.line("udp disconnect", socket.stream(None).map(drop));
    report.line("udp disconnected: remote-address", socket.remote_address());
    report.says("udp disconnected: local-address", socket.local_address().map(shown));
    Ok(())
}

fn in_use(report: &mut Report) -> Result<(), ErrorCode> {
    let first = bound_udp("127.0.0.1:0")?;
    let here = first.local_address()?;
    let second = udp(V4)?;
    report.line("udp bind to an address that is bound", bind_udp(&second, here));
    let other = at(&format!("[::1]:{}", port(here)))?;
    report.line("udp bind to the same port of the other family", bind_udp(&udp(V6)?, other));
    drop(first);
    report.line("udp bind to an address that was bound", bind_udp(&second, here));
    for (case, first, second) in [("loopback", "[::1]:", "[::]:"), ("unspecified", "[::]:", "[::1]:")] {
        let bound = bound_udp(&format!("{first}0"))?;
        let other = at(&format!("{second}{}", port(bound.local_address()?)))?;
        report.line(&format!("udp of ipv6 bind, bound at {case}"), bind_udp(&udp(V6)?, other));
    }
    let first = bound_udp("0.0.0.0:0")?;
    let other = at(&format!("127.0.0.1:{}", port(first.local_address()?)))?;
    report.line("udp bind, bound at unspecified", bind_udp(&udp(V4)?, other));
    Ok(())
}

fn zero(report: &mut Report) -> Result<(), ErrorCode> {
    for (name, family) in [("udp", V4), ("udp of ipv6", V6)] {
        let socket = udp(family)?;
        report.line(&format!("{name} set-unicast-hop-limit 0"), socket.set_unicast_hop_limit(0));
        report.line(&format!("{name} set-receive-buffer-size 0"), socket.set_receive_buffer_size(0));
        report.line(&format!("{name} set-send-buffer-size 0"), socket.set_send_buffer_size(0));
    }
    Ok(())
}

fn options(report: &mut Report) -> Result<(), ErrorCode> {
    for (name, family) in [("udp", V4), ("udp of ipv6", V6)] {
        let socket = udp(family)?;
        report.says(&format!("{name} at first: unicast-hop-limit"), socket.unicast_hop_limit());
        let sizes = socket.receive_buffer_size()? > 0 && socket.send_buffer_size()? > 0;
        report.is(&format!("{name} at first: there are buffers"), sizes);
        report.line(&format!("{name} set-unicast-hop-limit"), socket.set_unicast_hop_limit(42));
        report.says(&format!("{name} set: unicast-hop-limit"), socket.unicast_hop_limit());
        report.line(&format!("{name} set-receive-buffer-size"), socket.set_receive_buffer_size(32_768));
        report.says(&format!("{name} set: receive-buffer-size"), socket.receive_buffer_size());
        report.line(&format!("{name} set-send-buffer-size"), socket.set_send_buffer_size(16_384));
        report.says(&format!("{name} set: send-buffer-size"), socket.send_buffer_size());
        report.line(&format!("{name} set-send-buffer-size 1"), socket.set_send_buffer_size(1));
        report.is(&format!("{name} set to 1: there is a buffer"), socket.send_buffer_size()? > 0);
        report.line(
            &format!("{name} set-receive-buffer-size highest"),
            socket.set_receive_buffer_size(u64::MAX),
        );
        let clamped = socket.receive_buffer_size()? < u64::MAX;
        report.is(&format!("{name} set to highest: receive-buffer-size is clamped"), clamped);
    }
    Ok(())
}
