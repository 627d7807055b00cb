//! Datagrams that are sent and received.

use std::pin::pin;

use wasip3::sockets::types::UdpSocket;

use crate::address::{at, text};
use crate::outcome::Outcome;
use crate::report::Report;
use crate::sockets::{bound_udp, is_pending, waits, within};

const LARGEST: usize = 65_507;

pub async fn report(report: &mut Report) {
    report.part("udp send arguments", send_arguments).await;
    report.part("udp send arguments of ipv6", send_arguments_of_ipv6).await;
    report.part("udp sizes", sizes).await;
    report.part("udp one peer", one_peer).await;
    report.part("udp a peer that is gone", peer_gone).await;
    report.part("udp several receivers", several).await;
}

/// Notes the size of the next datagram.
async fn received(report: &mut Report, call: &str, socket: &UdpSocket) {
    let Some(outcome) = within(socket.receive()).await else { return report.note(call, "nothing") };
    report.says(call, outcome.map(|(data, _)| data.len()));
}

async fn send_arguments(report: &mut Report) -> Outcome<()> {
    let socket = bound_udp("127.0.0.1:0")?;
    let own = socket.get_local_address()?;
    report.is("udp receive waits when there is nothing", waits(socket.receive()).await);
    report.line("udp send to nobody", socket.send(vec![7], None).await);
    for (case, target) in [
        ("send to the other family", "[::1]:80"),
        ("send to an unspecified address", "0.0.0.0:80"),
        ("send to port 0", "127.0.0.1:0"),
        ("send where it may not", "192.0.2.1:80"),
        ("send to the broadcast address", "255.255.255.255:80"),
        ("send to a multicast address", "224.0.0.1:80"),
        ("send from loopback to another instance", "10.0.0.4:7000"),
        ("send where nobody receives", "127.0.0.1:9"),
    ] {
        report.line(&format!("udp {case}"), socket.send(vec![7], Some(at(target)?)).await);
    }
    report.line("udp send to itself, after all that", socket.send(vec![7; 3], Some(own)).await);
    received(report, "udp receive, after all that", &socket).await;
    Ok(())
}

async fn send_arguments_of_ipv6(report: &mut Report) -> Outcome<()> {
    let socket = bound_udp("[::1]:0")?;
    let own = socket.get_local_address()?;
    for (case, target) in [
        ("send to the other family", "127.0.0.1:80"),
        ("send to ipv4 in disguise", "[::ffff:127.0.0.1]:80"),
        ("send to an unspecified address", "[::]:80"),
        ("send to port 0", "[::1]:0"),
        ("send where it may not", "[2001:db8::1]:80"),
    ] {
        report.line(&format!("udp of ipv6 {case}"), socket.send(vec![7], Some(at(target)?)).await);
    }
    report.line("udp of ipv6 send to itself, after all that", socket.send(vec![7; 3], Some(own)).await);
    received(report, "udp of ipv6 receive, after all that", &socket).await;
    Ok(())
}

async fn sizes(report: &mut Report) -> Outcome<()> {
    let socket = bound_udp("127.0.0.1:0")?;
    let own = socket.get_local_address()?;
    report.line("udp send 65,508 bytes", socket.send(vec![7; LARGEST + 1], Some(own)).await);
    report.line("udp send 65,507 bytes", socket.send(vec![7; LARGEST], Some(own)).await);
    received(report, "udp receive 65,507 bytes", &socket).await;
    report.line("udp send 0 bytes", socket.send(Vec::new(), Some(own)).await);
    let (data, from) = socket.receive().await?;
    report.note("udp receive 0 bytes", &data.len().to_string());
    report.is("udp receive: the address is the sender's", text(from) == text(own));
    Ok(())
}

async fn one_peer(report: &mut Report) -> Outcome<()> {
    let (peer, other) = (bound_udp("127.0.0.1:0")?, bound_udp("127.0.0.1:0")?);
    let (there, others) = (peer.get_local_address()?, other.get_local_address()?);
    let socket = bound_udp("127.0.0.1:0")?;
    let own = socket.get_local_address()?;
    socket.connect(there)?;
    report.line("udp connected: send to another", socket.send(vec![7], Some(others)).await);
    report.line("udp connected: send to the peer", socket.send(vec![7; 2], None).await);
    report.line("udp connected: send to the peer by address", socket.send(vec![7; 3], Some(there)).await);
    received(report, "udp connected: the peer receives", &peer).await;
    received(report, "udp connected: the peer receives again", &peer).await;
    other.send(vec![7; 4], Some(own)).await?;
    peer.send(vec![7; 5], Some(own)).await?;
    received(report, "udp connected: receive only from the peer", &socket).await;
    report.is("udp connected: receive nothing else", waits(socket.receive()).await);
    socket.disconnect()?;
    other.send(vec![7; 6], Some(own)).await?;
    received(report, "udp disconnected: receive from anybody", &socket).await;
    report.line("udp disconnected: send to nobody", socket.send(vec![7], None).await);
    report.line("udp disconnected: send to anybody", socket.send(vec![7; 7], Some(others)).await);
    received(report, "udp disconnected: they receive it", &other).await;
    Ok(())
}

/// A peer that is gone refuses, and the socket hears of it once.
async fn peer_gone(report: &mut Report) -> Outcome<()> {
    let gone = bound_udp("127.0.0.1:0")?;
    let there = gone.get_local_address()?;
    drop(gone);
    let socket = bound_udp("127.0.0.1:0")?;
    socket.connect(there)?;
    report.line("udp peer gone: send", socket.send(vec![7], None).await);
    received(report, "udp peer gone: receive", &socket).await;
    report.is("udp peer gone: receive again waits", waits(socket.receive()).await);
    report.line("udp peer gone: send again", socket.send(vec![7], None).await);
    report.line("udp peer gone: send after that", socket.send(vec![7], None).await);
    report.line("udp peer gone: remote-address", socket.get_remote_address());
    Ok(())
}

/// Those who wait get the datagrams in turn, and who gives up takes none.
async fn several(report: &mut Report) -> Outcome<()> {
    let socket = bound_udp("127.0.0.1:0")?;
    let own = socket.get_local_address()?;
    let mut first = pin!(socket.receive());
    let mut second = pin!(socket.receive());
    let both = is_pending(first.as_mut()).await && is_pending(second.as_mut()).await;
    report.is("udp two receives wait", both);
    socket.send(vec![7; 1], Some(own)).await?;
    socket.send(vec![7; 2], Some(own)).await?;
    let sizes = [second.await, first.await].map(|one| one.map_or(0, |(data, _)| data.len()));
    report.is("udp two receives get one datagram each", sizes.contains(&1) && sizes.contains(&2));
    report.is("udp a receive that is given up waits", waits(socket.receive()).await);
    socket.send(vec![7; 3], Some(own)).await?;
    received(report, "udp receive after one that was given up", &socket).await;
    Ok(())
}
