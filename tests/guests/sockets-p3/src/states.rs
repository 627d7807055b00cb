//! The functions of `tcp-socket` in states and with arguments that programs rarely bring them into.
//!
//! Each line of the report is one call, and its outcome.

use std::pin::pin;
use std::task::{Context, Waker};

use wasip3::sockets::types::{IpAddressFamily, IpSocketAddress, TcpSocket};
use wasip3::wit_stream;

use crate::address::parse;
use crate::outcome::Outcome;
use crate::report::Report;

pub async fn report() -> String {
    let mut report = Report::default();
    if let Err(failure) = sockets(&mut report).await {
        report.note("unexpected", &failure.to_string());
    }
    report.text()
}

async fn sockets(report: &mut Report) -> Outcome<()> {
    let listener = TcpSocket::create(IpAddressFamily::Ipv4)?;
    unbound(report, &listener).await?;
    bound(report, &listener).await?;
    listening(report, &listener).await?;
    closed(report).await?;
    options(report, &TcpSocket::create(IpAddressFamily::Ipv6)?);
    Ok(())
}

pub fn address(text: &str) -> Outcome<IpSocketAddress> {
    parse(text).map(|parsed| parsed.address)
}

async fn unbound(report: &mut Report, socket: &TcpSocket) -> Outcome<()> {
    report.line("unbound local-address", socket.get_local_address());
    report.line("unbound remote-address", socket.get_remote_address());
    let (incoming, end) = socket.receive();
    report.note("unbound receive gives bytes", &incoming.collect().await.len().to_string());
    report.line("unbound receive", end.await);
    let (outgoing, source) = wit_stream::new();
    report.line("unbound send", socket.send(source).await);
    drop(outgoing);
    report.line("bind multicast", socket.bind(address("224.0.0.1:80")?));
    report.line("bind other family", socket.bind(address("[::1]:80")?));
    report.line("bind foreign address", socket.bind(address("192.0.2.1:80")?));
    Ok(())
}

async fn bound(report: &mut Report, socket: &TcpSocket) -> Outcome<()> {
    report.line("bind", socket.bind(address("127.0.0.1:0")?));
    report.line("bound bind", socket.bind(address("127.0.0.1:0")?));
    report.line("bound local-address", socket.get_local_address());
    report.line("connect to port 0", socket.connect(address("127.0.0.1:0")?).await);
    report.line("connect to unspecified", socket.connect(address("0.0.0.0:80")?).await);
    Ok(())
}

async fn listening(report: &mut Report, listener: &TcpSocket) -> Outcome<()> {
    report.line("backlog 0", listener.set_listen_backlog_size(0));
    report.line("backlog 1", listener.set_listen_backlog_size(1));
    report.line("hop-limit", listener.set_hop_limit(7));
    let Some(mut connections) = report.line("listen", listener.listen()) else { return Ok(()) };
    report.note("is-listening", &listener.get_is_listening().to_string());
    report.line("listening listen", listener.listen());
    report.line("backlog when listening", listener.set_listen_backlog_size(2));
    report.line("listening connect", listener.connect(address("127.0.0.1:80")?).await);

    let client = TcpSocket::create(IpAddressFamily::Ipv4)?;
    report.line("connect", client.connect(listener.get_local_address()?).await);
    report.line("connected connect", client.connect(listener.get_local_address()?).await);
    report.line("connected listen", client.listen());
    // The backlog has one place, so this one has to wait for it.
    let second = TcpSocket::create(IpAddressFamily::Ipv4)?;
    {
        let mut waits = pin!(second.connect(listener.get_local_address()?));
        let first_try = waits.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        report.note("connect waits, backlog full", &first_try.is_pending().to_string());
        let server = connections.next().await;
        report.note("inherited hop-limit", &format!("{:?}", server.map(|server| server.get_hop_limit())));
        report.line("connect, room in the backlog", waits.await);
    }
    given_up(report, listener).await?;
    once(report, &client).await;
    Ok(())
}

/// A connect that waits, as the one connection in the backlog is not accepted, and is cancelled.
async fn given_up(report: &mut Report, listener: &TcpSocket) -> Outcome<()> {
    let socket = TcpSocket::create(IpAddressFamily::Ipv4)?;
    {
        let mut waits = pin!(socket.connect(listener.get_local_address()?));
        let first_try = waits.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        report.note("connect given up waits", &first_try.is_pending().to_string());
    }
    report.line("connect given up connect", socket.connect(listener.get_local_address()?).await);
    Ok(())
}

/// Each direction of a connection can be taken once.
async fn once(report: &mut Report, client: &TcpSocket) {
    let (outgoing, source) = wit_stream::new();
    let sent = client.send(source);
    let (_unused, other_source) = wit_stream::new();
    report.line("send again", client.send(other_source).await);
    drop(outgoing);
    report.line("send", sent.await);
    let (incoming, end) = client.receive();
    let (nothing, other_end) = client.receive();
    report.note("receive again gives bytes", &nothing.collect().await.len().to_string());
    report.line("receive again", other_end.await);
    drop(incoming);
    report.line("receive, given up", end.await);
}

async fn closed(report: &mut Report) -> Outcome<()> {
    let socket = TcpSocket::create(IpAddressFamily::Ipv4)?;
    report.line("connect where nobody listens", socket.connect(address("127.0.0.1:9")?).await);
    report.line("closed bind", socket.bind(address("127.0.0.1:0")?));
    report.line("closed connect", socket.connect(address("127.0.0.1:9")?).await);
    report.line("closed listen", socket.listen());
    report.line("closed local-address", socket.get_local_address());
    Ok(())
}

fn options(report: &mut Report, socket: &TcpSocket) {
    report.line("keep-alive-idle-time 0", socket.set_keep_alive_idle_time(0));
    report.line("keep-alive-interval 0", socket.set_keep_alive_interval(0));
    report.line("keep-alive-count 0", socket.set_keep_alive_count(0));
    report.line("hop-limit 0", socket.set_hop_limit(0));
    report.line("receive-buffer-size 0", socket.set_receive_buffer_size(0));
    report.line("send-buffer-size 0", socket.set_send_buffer_size(0));
    let set = [
        socket.set_keep_alive_enabled(true),
        socket.set_keep_alive_idle_time(1),
        socket.set_keep_alive_interval(2),
        socket.set_keep_alive_count(3),
        socket.set_hop_limit(4),
        socket.set_receive_buffer_size(5),
        socket.set_send_buffer_size(6),
    ];
    report.line("set them", set.into_iter().collect::<Result<Vec<()>, _>>());
    let read = (
        socket.get_keep_alive_enabled().ok(),
        socket.get_keep_alive_idle_time().ok(),
        socket.get_keep_alive_interval().ok(),
        socket.get_keep_alive_count().ok(),
        socket.get_hop_limit().ok(),
        socket.get_receive_buffer_size().ok(),
        socket.get_send_buffer_size().ok(),
    );
    let expected = (Some(true), Some(1), Some(2), Some(3), Some(4), Some(5), Some(6));
    report.note("read them back", if read == expected { "the same" } else { "others" });
}
