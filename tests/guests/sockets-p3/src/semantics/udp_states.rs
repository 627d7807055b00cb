//! What a UDP socket answers in each of its states, its addresses and its options.

use wasip3::sockets::types::UdpSocket;

use crate::address::{at, port, shown, text};
use crate::outcome::Outcome;
use crate::report::Report;
use crate::sockets::{V4, V6, bound_udp};

pub async fn report(report: &mut Report) {
    report.part("udp unbound", unbound).await;
    report.part("udp is bound", async |report| is_bound(report)).await;
    report.part("udp bind arguments", async |report| bind_arguments(report)).await;
    report.part("udp connect arguments", async |report| connect_arguments(report)).await;
    report.part("udp peers", async |report| peers(report)).await;
    report.part("udp implicit binds", implicit).await;
    report.part("udp addresses in use", async |report| in_use(report)).await;
    report.part("udp zero", async |report| zero(report)).await;
    report.part("udp options", async |report| options(report)).await;
}

fn addresses(report: &mut Report, state: &str, socket: &UdpSocket) {
    report.says(&format!("udp {state}: local-address"), socket.get_local_address().map(shown));
    report.says(&format!("udp {state}: remote-address"), socket.get_remote_address().map(shown));
}

async fn unbound(report: &mut Report) -> Outcome<()> {
    let socket = UdpSocket::create(V4)?;
    report.is("udp of ipv4: address-family is ipv4", matches!(socket.get_address_family(), V4));
    let family = UdpSocket::create(V6)?.get_address_family();
    report.is("udp of ipv6: address-family is ipv6", matches!(family, V6));
    addresses(report, "unbound", &socket);
    report.line("udp unbound: disconnect", socket.disconnect());
    report.line("udp unbound: receive", socket.receive().await);
    report.line("udp unbound: send to nobody", socket.send(vec![7], None).await);
    report.line("udp unbound: send where it may not", socket.send(vec![7], Some(at("192.0.2.1:80")?)).await);
    report.line("udp unbound: connect where it may not", socket.connect(at("192.0.2.1:80")?));
    report.line("udp unbound, after all that: local-address", socket.get_local_address());
    Ok(())
}

fn is_bound(report: &mut Report) -> Outcome<()> {
    let socket = bound_udp("127.0.0.1:0")?;
    addresses(report, "bound", &socket);
    report.line("udp bound: disconnect", socket.disconnect());
    report.line("udp bound: bind", socket.bind(at("127.0.0.1:0")?));
    let local = bound_udp("0.0.0.0:0")?.get_local_address().map(shown);
    report.says("udp bound to unspecified, port 0: local-address", local);
    let local = bound_udp("[::1]:0")?.get_local_address().map(shown);
    report.says("udp bound to loopback of ipv6, port 0: local-address", local);
    Ok(())
}

fn bind_arguments(report: &mut Report) -> Outcome<()> {
    let socket = UdpSocket::create(V4)?;
    report.line("udp bind to the other family", socket.bind(at("[::1]:0")?));
    report.line("udp bind to a foreign address", socket.bind(at("192.0.2.1:80")?));
    report.line("udp bind, after binds that failed", socket.bind(at("127.0.0.1:0")?));
    let socket = UdpSocket::create(V6)?;
    report.line("udp of ipv6 bind to the other family", socket.bind(at("127.0.0.1:0")?));
    report.line("udp of ipv6 bind to ipv4 in disguise", socket.bind(at("[::ffff:127.0.0.1]:0")?));
    report.line("udp of ipv6 bind, after binds that failed", socket.bind(at("[::1]:0")?));
    Ok(())
}

fn connect_arguments(report: &mut Report) -> Outcome<()> {
    let socket = bound_udp("127.0.0.1:0")?;
    for (case, target) in [
        ("the other family", "[::1]:80"),
        ("an unspecified address", "0.0.0.0:80"),
        ("port 0", "127.0.0.1:0"),
        ("where it may not", "192.0.2.1:80"),
    ] {
        report.line(&format!("udp connect to {case}"), socket.connect(at(target)?));
    }
    report.line("udp connect that failed: remote-address", socket.get_remote_address());
    let socket = bound_udp("[::1]:0")?;
    for (case, target) in [
        ("the other family", "127.0.0.1:80"),
        ("ipv4 in disguise", "[::ffff:127.0.0.1]:80"),
        ("an unspecified address", "[::]:80"),
        ("port 0", "[::1]:0"),
        ("where it may not", "[2001:db8::1]:80"),
    ] {
        report.line(&format!("udp of ipv6 connect to {case}"), socket.connect(at(target)?));
    }
    report.line("udp of ipv6 connect that failed: remote-address", socket.get_remote_address());
    Ok(())
}

/// Associations come and go.
fn peers(report: &mut Report) -> Outcome<()> {
    let (first, second) = (bound_udp("127.0.0.1:0")?, bound_udp("127.0.0.1:0")?);
    let socket = bound_udp("0.0.0.0:0")?;
    let chosen = port(socket.get_local_address()?);
    report.line("udp connect", socket.connect(first.get_local_address()?));
    let is = |one: &UdpSocket| -> Outcome<bool> {
        Ok(text(socket.get_remote_address()?) == text(one.get_local_address()?))
    };
    report.is("udp connected: remote-address is the peer's", is(&first)?);
    report.says("udp connected: local-address", socket.get_local_address().map(shown));
    report.is("udp connected: the port is the same", port(socket.get_local_address()?) == chosen);
    report.line("udp connected: bind", socket.bind(at("127.0.0.1:0")?));
    report.line("udp connect to another peer", socket.connect(second.get_local_address()?));
    report.is("udp connected again: remote-address is the other peer's", is(&second)?);
    report.line("udp connected: connect to port 0", socket.connect(at("127.0.0.1:0")?));
    report.is("udp connected, after a connect that failed: remote-address is the peer's", is(&second)?);
    report.line("udp disconnect", socket.disconnect());
    report.line("udp disconnected: disconnect", socket.disconnect());
    report.line("udp disconnected: remote-address", socket.get_remote_address());
    report.says("udp disconnected: local-address", socket.get_local_address().map(shown));
    Ok(())
}

/// A send and a connect bind the socket.
async fn implicit(report: &mut Report) -> Outcome<()> {
    let sender = UdpSocket::create(V4)?;
    report.line("udp unbound: send", sender.send(vec![7], Some(at("127.0.0.1:9")?)).await);
    report.says("udp bound by a send: local-address", sender.get_local_address().map(shown));
    report.line("udp bound by a send: bind", sender.bind(at("127.0.0.1:0")?));
    let connected = UdpSocket::create(V4)?;
    report.line("udp unbound: connect", connected.connect(at("127.0.0.1:9")?));
    report.says("udp bound by a connect: local-address", connected.get_local_address().map(shown));
    let connected = UdpSocket::create(V6)?;
    report.line("udp unbound of ipv6: connect", connected.connect(at("[::1]:9")?));
    report.says("udp of ipv6 bound by a connect: local-address", connected.get_local_address().map(shown));
    Ok(())
}

fn in_use(report: &mut Report) -> Outcome<()> {
    let first = bound_udp("127.0.0.1:0")?;
    let here = first.get_local_address()?;
    let second = UdpSocket::create(V4)?;
    report.line("udp bind to an address that is bound", second.bind(here));
    let other = UdpSocket::create(V6)?.bind(at(&format!("[::1]:{}", port(here)))?);
    report.line("udp bind to the same port of the other family", other);
    drop(first);
    report.line("udp bind to an address that was bound", second.bind(here));
    for (case, first, second) in [("loopback", "[::1]:", "[::]:"), ("unspecified", "[::]:", "[::1]:")] {
        let bound = bound_udp(&format!("{first}0"))?;
        let other = at(&format!("{second}{}", port(bound.get_local_address()?)))?;
        report.line(&format!("udp of ipv6 bind, bound at {case}"), UdpSocket::create(V6)?.bind(other));
    }
    let first = bound_udp("0.0.0.0:0")?;
    let other = at(&format!("127.0.0.1:{}", port(first.get_local_address()?)))?;
    report.line("udp bind, bound at unspecified", UdpSocket::create(V4)?.bind(other));
    Ok(())
}

fn zero(report: &mut Report) -> Outcome<()> {
    for (name, family) in [("udp", V4), ("udp of ipv6", V6)] {
        let socket = UdpSocket::create(family)?;
        report.line(&format!("{name} set-unicast-hop-limit 0"), socket.set_unicast_hop_limit(0));
        report.line(&format!("{name} set-receive-buffer-size 0"), socket.set_receive_buffer_size(0));
        report.line(&format!("{name} set-send-buffer-size 0"), socket.set_send_buffer_size(0));
    }
    Ok(())
}

fn options(report: &mut Report) -> Outcome<()> {
    for (name, family) in [("udp", V4), ("udp of ipv6", V6)] {
        let socket = UdpSocket::create(family)?;
        report.says(&format!("{name} at first: unicast-hop-limit"), socket.get_unicast_hop_limit());
        let sizes = socket.get_receive_buffer_size()? > 0 && socket.get_send_buffer_size()? > 0;
        report.is(&format!("{name} at first: there are buffers"), sizes);
        report.line(&format!("{name} set-unicast-hop-limit"), socket.set_unicast_hop_limit(42));
        report.says(&format!("{name} set: unicast-hop-limit"), socket.get_unicast_hop_limit());
        report.line(&format!("{name} set-receive-buffer-size"), socket.set_receive_buffer_size(32_768));
        report.says(&format!("{name} set: receive-buffer-size"), socket.get_receive_buffer_size());
        report.line(&format!("{name} set-send-buffer-size"), socket.set_send_buffer_size(16_384));
        report.says(&format!("{name} set: send-buffer-size"), socket.get_send_buffer_size());
        report.line(&format!("{name} set-send-buffer-size 1"), socket.set_send_buffer_size(1));
        report.is(&format!("{name} set to 1: there is a buffer"), socket.get_send_buffer_size()? > 0);
        report.line(
            &format!("{name} set-receive-buffer-size highest"),
            socket.set_receive_buffer_size(u64::MAX),
        );
        let clamped = socket.get_receive_buffer_size()? < u64::MAX;
        report.is(&format!("{name} set to highest: receive-buffer-size is clamped"), clamped);
    }
    Ok(())
}
