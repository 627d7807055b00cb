//! What a TCP socket answers in each of its states.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use wasip3::sockets::types::TcpSocket;
use wasip3::wit_stream;

use crate::address::{at, shown, text};
use crate::outcome::Outcome;
use crate::report::Report;
use crate::sockets::{V4, V6, accept, bound, is_pending, listening, pair, waits};

const SOMEWHERE: &str = "127.0.0.1:0";

pub async fn report(report: &mut Report) {
    report.part("tcp unbound", unbound).await;
    report.part("tcp is bound", is_bound).await;
    report.part("tcp listens", listens).await;
    report.part("tcp connecting", connecting).await;
    report.part("tcp given up", given_up).await;
    report.part("tcp connected", connected).await;
    report.part("tcp closed", closed).await;
    report.part("tcp shared ownership", shared).await;
}

fn addresses(report: &mut Report, state: &str, socket: &TcpSocket) {
    report.says(&format!("tcp {state}: local-address"), socket.get_local_address().map(shown));
    report.says(&format!("tcp {state}: remote-address"), socket.get_remote_address().map(shown));
    report.is(&format!("tcp {state}: is-listening"), socket.get_is_listening());
}

/// The two directions, in a state that has none.
async fn directions(report: &mut Report, state: &str, socket: &TcpSocket) {
    let (incoming, end) = socket.receive();
    report.note(&format!("tcp {state}: receive, bytes"), &incoming.collect().await.len().to_string());
    report.line(&format!("tcp {state}: receive"), end.await);
    let (outgoing, source) = wit_stream::new();
    report.line(&format!("tcp {state}: send"), socket.send(source).await);
    drop(outgoing);
}

async fn starts(report: &mut Report, state: &str, socket: &TcpSocket) -> Outcome<()> {
    report.line(&format!("tcp {state}: bind"), socket.bind(at(SOMEWHERE)?));
    report.line(&format!("tcp {state}: connect"), socket.connect(at("127.0.0.1:9")?).await);
    report.line(&format!("tcp {state}: listen"), socket.listen());
    Ok(())
}

async fn unbound(report: &mut Report) -> Outcome<()> {
    let socket = TcpSocket::create(V4)?;
    report.is("tcp of ipv4: address-family is ipv4", matches!(socket.get_address_family(), V4));
    let sixth = TcpSocket::create(V6)?;
    report.is("tcp of ipv6: address-family is ipv6", matches!(sixth.get_address_family(), V6));
    addresses(report, "unbound", &socket);
    directions(report, "unbound", &socket).await;
    report.line("tcp unbound: bind, after all that", socket.bind(at(SOMEWHERE)?));
    report.line("tcp unbound: listen", TcpSocket::create(V4)?.listen());
    let connections = report.line("tcp unbound of ipv6: listen", sixth.listen());
    let local = sixth.get_local_address().map(shown);
    report.says("tcp of ipv6 listening without a bind: local-address", local);
    drop(connections);
    Ok(())
}

async fn is_bound(report: &mut Report) -> Outcome<()> {
    let socket = bound(SOMEWHERE)?;
    addresses(report, "bound", &socket);
    directions(report, "bound", &socket).await;
    report.line("tcp bound: bind", socket.bind(at(SOMEWHERE)?));
    report.line("tcp bound: listen, after all that", socket.listen());
    Ok(())
}

async fn listens(report: &mut Report) -> Outcome<()> {
    let (socket, here, mut connections) = listening(SOMEWHERE)?;
    starts(report, "listening", &socket).await?;
    addresses(report, "listening", &socket);
    directions(report, "listening", &socket).await;
    let client = TcpSocket::create(V4)?;
    report.line("tcp listening: a client connects", client.connect(here).await);
    let accepted = accept(&mut connections).await;
    report.note("tcp listening: accept", if accepted.is_ok() { "ok" } else { "ended" });
    Ok(())
}

async fn connecting(report: &mut Report) -> Outcome<()> {
    let listener = bound(SOMEWHERE)?;
    listener.set_listen_backlog_size(1)?;
    let mut connections = listener.listen()?;
    let here = listener.get_local_address()?;
    let first = TcpSocket::create(V4)?;
    first.connect(here).await?;
    // The backlog has one place, so this one has to wait for it.
    let socket = bound(SOMEWHERE)?;
    let mut attempt = pin!(socket.connect(here));
    report.is("tcp connecting: connect waits, backlog full", is_pending(attempt.as_mut()).await);
    starts(report, "connecting", &socket).await?;
    addresses(report, "connecting", &socket);
    report.line("tcp connecting: set-listen-backlog-size", socket.set_listen_backlog_size(2));
    report.line("tcp connecting: keep-alive-enabled", socket.get_keep_alive_enabled());
    report.line("tcp connecting: set-hop-limit", socket.set_hop_limit(7));
    let (outcome, _accepted) = both(attempt, pin!(accept(&mut connections))).await;
    report.line("tcp connecting: connected when there is room", outcome);
    Ok(())
}

/// Waits for two things at once.
async fn both<A, B>(
    mut first: Pin<&mut impl Future<Output = A>>,
    mut second: Pin<&mut impl Future<Output = B>>,
) -> (A, B) {
    let (mut one, mut other) = (None, None);
    poll_fn(|cx| {
        if one.is_none() {
            one = ready(first.as_mut().poll(cx));
        }
        if other.is_none() {
            other = ready(second.as_mut().poll(cx));
        }
        match (one.take(), other.take()) {
            (Some(one), Some(other)) => Poll::Ready((one, other)),
            unfinished => {
                (one, other) = unfinished;
                Poll::Pending
            }
        }
    })
    .await
}

fn ready<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// A connect that waits, and is cancelled.
async fn given_up(report: &mut Report) -> Outcome<()> {
    let listener = bound(SOMEWHERE)?;
    listener.set_listen_backlog_size(1)?;
    let _connections = listener.listen()?;
    let here = listener.get_local_address()?;
    let first = TcpSocket::create(V4)?;
    first.connect(here).await?;
    let socket = TcpSocket::create(V4)?;
    report.is("tcp connecting: given up", waits(socket.connect(here)).await);
    report.line("tcp given up: connect", socket.connect(here).await);
    Ok(())
}

async fn connected(report: &mut Report) -> Outcome<()> {
    let (socket, peer, listener) = pair(bound(SOMEWHERE)?).await?;
    addresses(report, "connected", &socket);
    let there = text(listener.get_local_address()?);
    let remote = text(socket.get_remote_address()?);
    report.is("tcp connected: remote-address is the listener's", remote == there);
    let here = text(socket.get_local_address()?);
    let remote = text(peer.get_remote_address()?);
    report.is("tcp accepted: remote-address is the client's", remote == here);
    let local = text(peer.get_local_address()?);
    report.is("tcp accepted: local-address is the listener's", local == there);
    report.is("tcp accepted: is-listening", peer.get_is_listening());
    let family = peer.get_address_family();
    report.is("tcp accepted: address-family is the listener's", matches!(family, V4));
    starts(report, "connected", &socket).await?;
    starts(report, "accepted", &peer).await?;
    report.line("tcp connected: set-listen-backlog-size", socket.set_listen_backlog_size(2));
    Ok(())
}

/// A connect that fails leaves the socket closed.
async fn closed(report: &mut Report) -> Outcome<()> {
    let socket = TcpSocket::create(V4)?;
    let outcome = socket.connect(at("127.0.0.1:9")?).await;
    report.line("tcp unbound: connect where nobody listens", outcome);
    starts(report, "closed", &socket).await?;
    addresses(report, "closed", &socket);
    directions(report, "closed", &socket).await;
    report.line("tcp closed: set-listen-backlog-size", socket.set_listen_backlog_size(2));
    report.line("tcp closed: keep-alive-enabled", socket.get_keep_alive_enabled());
    report.is("tcp closed: address-family is ipv4", matches!(socket.get_address_family(), V4));
    let outcome = TcpSocket::create(V4)?.connect(at("192.0.2.1:80")?).await;
    report.line("tcp unbound: connect where it may not", outcome);
    let outcome = TcpSocket::create(V6)?.connect(at("[2001:db8::1]:80")?).await;
    report.line("tcp unbound of ipv6: connect where it may not", outcome);
    Ok(())
}

/// Streams work on without their socket, and who was accepted keeps no listener alive.
async fn shared(report: &mut Report) -> Outcome<()> {
    let (listener, here, mut connections) = listening(SOMEWHERE)?;
    drop(listener);
    let client = TcpSocket::create(V4)?;
    report.line("tcp listener dropped, its stream not: connect", client.connect(here).await);
    let server = accept(&mut connections).await?;
    let again = TcpSocket::create(V4)?;
    report.line("tcp listener dropped, its stream not: bind there", again.bind(here));
    drop(connections);
    let again = TcpSocket::create(V4)?;
    report.line("tcp listener and stream dropped, a connection not: bind there", again.bind(here));
    let (mut outgoing, source) = wit_stream::new();
    let sent = client.send(source);
    drop(client);
    report.is("tcp socket dropped: write", outgoing.write_all(vec![7; 5]).await.is_empty());
    drop(outgoing);
    report.line("tcp socket dropped: send", sent.await);
    let (incoming, end) = server.receive();
    drop(server);
    report.note("tcp socket dropped: receive, bytes", &incoming.collect().await.len().to_string());
    report.line("tcp socket dropped: receive", end.await);
    Ok(())
}
