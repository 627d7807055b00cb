//! The functions of `udp-socket` in states and with arguments that programs rarely bring them into.
//!
//! Each line of the report is one call, and its outcome.

use std::pin::pin;
use std::task::{Context, Waker};

use wasip3::sockets::types::{IpAddressFamily, UdpSocket};

use crate::address::text;
use crate::outcome::{Failure, Outcome};
use crate::report::Report;
use crate::states::address;

const LARGEST: usize = 65_507;

pub async fn report() -> String {
    let mut report = Report::default();
    if let Err(failure) = sockets(&mut report).await {
        report.note("unexpected", &failure.to_string());
    }
    report.text()
}

async fn sockets(report: &mut Report) -> Outcome<()> {
    let socket = UdpSocket::create(IpAddressFamily::Ipv4)?;
    unbound(report, &socket).await?;
    bound(report, &socket).await?;
    unconnected(report, &socket).await?;
    connected(report, &socket).await?;
    implicit(report).await?;
    several(report, &socket).await?;
    options(report, &UdpSocket::create(IpAddressFamily::Ipv6)?);
    Ok(())
}

/// Receives what is there already; notes its size.
async fn receive(report: &mut Report, call: &str, socket: &UdpSocket) {
    match socket.receive().await {
        Ok((data, _)) => report.note(call, &data.len().to_string()),
        Err(code) => report.note(call, &Failure::from(code).to_string()),
    }
}

/// Whether a receive would have to wait.
fn waits(socket: &UdpSocket) -> bool {
    pin!(socket.receive()).poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

async fn unbound(report: &mut Report, socket: &UdpSocket) -> Outcome<()> {
    report.line("unbound local-address", socket.get_local_address());
    report.line("unbound remote-address", socket.get_remote_address());
    report.line("unbound disconnect", socket.disconnect());
    report.line("unbound receive", socket.receive().await);
    report.line("unbound send to nobody", socket.send(vec![7], None).await);
    report.line("unbound send to denied", socket.send(vec![7], Some(address("192.0.2.1:80")?)).await);
    report.line("unbound connect to denied", socket.connect(address("192.0.2.1:80")?));
    report.line("unbound still", socket.get_local_address());
    report.line("bind other family", socket.bind(address("[::1]:80")?));
    report.line("bind foreign address", socket.bind(address("192.0.2.1:80")?));
    report.line("bind multicast", socket.bind(address("224.0.0.1:80")?));
    report.line("bind undeclared port", socket.bind(address("0.0.0.0:80")?));
    Ok(())
}

async fn bound(report: &mut Report, socket: &UdpSocket) -> Outcome<()> {
    report.line("bind", socket.bind(address("127.0.0.1:0")?));
    report.line("bound bind", socket.bind(address("127.0.0.1:0")?));
    report.line("bound local-address", socket.get_local_address());
    report.line("bound remote-address", socket.get_remote_address());
    report.line("bound disconnect", socket.disconnect());
    let second = UdpSocket::create(IpAddressFamily::Ipv4)?;
    report.line("bind in use", second.bind(socket.get_local_address()?));
    let sixth = UdpSocket::create(IpAddressFamily::Ipv6)?;
    report.line("bind ipv4 in disguise", sixth.bind(address("[::ffff:127.0.0.1]:0")?));
    report.line("connect to other family", socket.connect(address("[::1]:80")?));
    report.line("connect to unspecified", socket.connect(address("0.0.0.0:80")?));
    report.line("connect to port 0", socket.connect(address("127.0.0.1:0")?));
    report.line("connect to denied", socket.connect(address("192.0.2.1:80")?));
    Ok(())
}

async fn unconnected(report: &mut Report, socket: &UdpSocket) -> Outcome<()> {
    let own = socket.get_local_address()?;
    report.note("receive nothing waits", &waits(socket).to_string());
    report.line("send to nobody", socket.send(vec![7], None).await);
    report.line("send to other family", socket.send(vec![7], Some(address("[::1]:80")?)).await);
    report.line("send to unspecified", socket.send(vec![7], Some(address("0.0.0.0:80")?)).await);
    report.line("send to port 0", socket.send(vec![7], Some(address("127.0.0.1:0")?)).await);
    report.line("send to denied", socket.send(vec![7], Some(address("192.0.2.1:80")?)).await);
    report.line("send from loopback", socket.send(vec![7], Some(address("10.0.0.4:7000")?)).await);
    report.line("send too much", socket.send(vec![7; LARGEST + 1], Some(own)).await);
    report.line("send where nobody receives", socket.send(vec![7], Some(address("127.0.0.1:9")?)).await);
    report.note("receive after that waits", &waits(socket).to_string());
    report.line("send nothing in a datagram", socket.send(Vec::new(), Some(own)).await);
    report.line("send the largest", socket.send(vec![7; LARGEST], Some(own)).await);
    receive(report, "receive nothing in a datagram", socket).await;
    receive(report, "receive the largest", socket).await;
    report.line("send before the connect", socket.send(vec![7], Some(own)).await);
    Ok(())
}

async fn connected(report: &mut Report, socket: &UdpSocket) -> Outcome<()> {
    let own = socket.get_local_address()?;
    let peer = UdpSocket::create(IpAddressFamily::Ipv4)?;
    peer.bind(address("127.0.0.1:0")?)?;
    let there = peer.get_local_address()?;
    report.line("connect", socket.connect(there));
    let is_peer = text(socket.get_remote_address()?) == text(there);
    report.note("remote-address", if is_peer { "the peer" } else { "another" });
    report.note("receive what came before waits", &waits(socket).to_string());
    report.line("send to another", socket.send(vec![7], Some(own)).await);
    report.line("send to the peer", socket.send(vec![7; 2], None).await);
    report.line("send to the peer by name", socket.send(vec![7; 3], Some(there)).await);
    receive(report, "the peer receives", &peer).await;
    receive(report, "the peer receives again", &peer).await;
    report.line("the peer sends", peer.send(vec![7; 4], Some(own)).await);
    receive(report, "receive from the peer", socket).await;
    drop(peer);
    report.line("send to a peer that is gone", socket.send(vec![7], None).await);
    receive(report, "receive from a peer that is gone", socket).await;
    report.note("receive again waits", &waits(socket).to_string());
    report.line("send to a peer that is gone, again", socket.send(vec![7], None).await);
    report.line("send after that", socket.send(vec![7], None).await);
    report.line("connect to port 0, with a peer", socket.connect(address("127.0.0.1:0")?));
    report.line("remote-address after that", socket.get_remote_address());
    report.line("connect to another", socket.connect(own));
    report.line("disconnect", socket.disconnect());
    report.line("disconnect again", socket.disconnect());
    report.line("remote-address without a peer", socket.get_remote_address());
    Ok(())
}

/// A send and a connect bind the socket.
async fn implicit(report: &mut Report) -> Outcome<()> {
    let sender = UdpSocket::create(IpAddressFamily::Ipv4)?;
    report.line("unbound send", sender.send(vec![7], Some(address("127.0.0.1:9")?)).await);
    report.line("local-address after a send", sender.get_local_address());
    report.line("bind after a send", sender.bind(address("127.0.0.1:0")?));
    let connected = UdpSocket::create(IpAddressFamily::Ipv6)?;
    report.line("unbound connect", connected.connect(address("[::1]:9")?));
    let local = text(connected.get_local_address()?);
    report.note("local-address after a connect", local.rsplit_once(':').map_or("", |(host, _)| host));
    Ok(())
}

/// Those who wait get the datagrams in turn.
async fn several(report: &mut Report, socket: &UdpSocket) -> Outcome<()> {
    let own = socket.get_local_address()?;
    let mut first = pin!(socket.receive());
    let mut second = pin!(socket.receive());
    let mut context = Context::from_waker(Waker::noop());
    let both =
        first.as_mut().poll(&mut context).is_pending() && second.as_mut().poll(&mut context).is_pending();
    report.note("two receives wait", &both.to_string());
    socket.send(vec![7; 1], Some(own)).await?;
    socket.send(vec![7; 2], Some(own)).await?;
    for (call, receive) in [("the second receive", second), ("the first receive", first)] {
        report.note(call, &receive.await.map_or(0, |(data, _)| data.len()).to_string());
    }
    {
        let mut given_up = pin!(socket.receive());
        report.note("a receive waits", &given_up.as_mut().poll(&mut context).is_pending().to_string());
    }
    socket.send(vec![7; 3], Some(own)).await?;
    receive(report, "receive after one that was given up", socket).await;
    Ok(())
}

fn options(report: &mut Report, socket: &UdpSocket) {
    report.line("unicast-hop-limit 0", socket.set_unicast_hop_limit(0));
    report.line("receive-buffer-size 0", socket.set_receive_buffer_size(0));
    report.line("send-buffer-size 0", socket.set_send_buffer_size(0));
    let is_ipv6 = matches!(socket.get_address_family(), IpAddressFamily::Ipv6);
    report.note("address-family", if is_ipv6 { "ipv6" } else { "ipv4" });
    let set = [
        socket.set_unicast_hop_limit(4),
        socket.set_receive_buffer_size(5),
        socket.set_send_buffer_size(u64::MAX),
    ];
    report.line("set them", set.into_iter().collect::<Result<Vec<()>, _>>());
    let read = (
        socket.get_unicast_hop_limit().ok(),
        socket.get_receive_buffer_size().ok(),
        socket.get_send_buffer_size().ok(),
    );
    report.note(
        "read them back",
        if read == (Some(4), Some(5), Some(u64::MAX)) { "the same" } else { "others" },
    );
}
