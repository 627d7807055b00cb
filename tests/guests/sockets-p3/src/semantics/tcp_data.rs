//! The two directions of a connection, their ends, and its reset.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use wasip3::sockets::types::TcpSocket;
use wasip3::wit_stream;

use crate::outcome::Outcome;
use crate::report::Report;
use crate::sockets::{Side, bound, connection, pair, waits};

pub async fn report(report: &mut Report) {
    report.part("tcp bytes", bytes).await;
    report.part("tcp pressure", pressure).await;
    report.part("tcp each direction once", once).await;
    report.part("tcp shutdown send", shutdown_send).await;
    report.part("tcp shutdown receive", shutdown_receive).await;
    report.part("tcp peer goes", peer_goes).await;
    report.part("tcp reset", reset).await;
    report.part("tcp reset seen by a writer", reset_seen_by_a_writer).await;
}

async fn bytes(report: &mut Report) -> Outcome<()> {
    let (mut client, mut server) = connection().await?;
    report.is("tcp read waits when there is nothing", waits(client.input.read(Vec::with_capacity(16))).await);
    report.note("tcp write", client.write(b"hello").await);
    report.note("tcp write again", client.write(b", world").await);
    let mut read = String::new();
    while read.len() < "hello, world".len() {
        read.push_str(&server.read().await);
    }
    report.note("tcp read", &read);
    report.note("tcp the other direction: write", server.write(b"hello, too").await);
    report.note("tcp the other direction: read", &client.read().await);
    Ok(())
}

/// What nobody reads is bounded.
async fn pressure(report: &mut Report) -> Outcome<()> {
    const MUCH: usize = 1 << 26;
    let (mut client, mut server) = connection().await?;
    let data = vec![7; 1 << 20];
    let mut written = 0;
    let bounded = loop {
        let mut write = pin!(client.output.write(data.clone()));
        match poll_fn(|cx| Poll::Ready(write.as_mut().poll(cx))).await {
            Poll::Ready((_, left)) => written += data.len() - left.remaining(),
            Poll::Pending => {
                let (_, left) = write.cancel();
                written += data.len() - left.remaining();
                break true;
            }
        }
        if written > MUCH {
            break false;
        }
    };
    report.is("tcp write to a peer that does not read: it is taken up to a bound", bounded);
    let mut left = written;
    while left > 0 {
        let (_, data) = server.input.read(Vec::with_capacity(1 << 16)).await;
        if data.is_empty() {
            break;
        }
        left = left.saturating_sub(data.len());
    }
    report.note("tcp read after that: bytes left", &left.to_string());
    report.note("tcp write after that", client.write(b"x").await);
    Ok(())
}

/// Each direction of a connection can be taken once.
async fn once(report: &mut Report) -> Outcome<()> {
    let (client, _server, _listener): (TcpSocket, _, _) = pair(bound("127.0.0.1:0")?).await?;
    let (outgoing, source) = wit_stream::new();
    let sent = client.send(source);
    let (_unused, other_source) = wit_stream::new();
    report.line("tcp send again", client.send(other_source).await);
    drop(outgoing);
    report.line("tcp send of nothing", sent.await);
    let (incoming, end) = client.receive();
    let (nothing, other_end) = client.receive();
    report.note("tcp receive again, bytes", &nothing.collect().await.len().to_string());
    report.line("tcp receive again", other_end.await);
    drop(incoming);
    report.line("tcp receive, stream dropped", end.await);
    Ok(())
}

async fn shutdown_send(report: &mut Report) -> Outcome<()> {
    let (mut client, mut server) = connection().await?;
    client.write(b"last words").await;
    drop(client.output);
    report.line("tcp shutdown send", client.sent.await);
    report.note("tcp shutdown send: the peer reads what was sent", &server.read().await);
    report.note("tcp shutdown send: the peer reads the end", &server.read().await);
    report.note("tcp shutdown send: the peer writes", server.write(b"still here").await);
    report.line("tcp shutdown send: the peer's receive", server.end.await);
    let (_, data) = client.input.read(Vec::with_capacity(1000)).await;
    report.note("tcp shutdown send: read", &String::from_utf8_lossy(&data));
    report.line("tcp shutdown send: remote-address", client.socket.get_remote_address());
    Ok(())
}

async fn shutdown_receive(report: &mut Report) -> Outcome<()> {
    let (mut client, mut server) = connection().await?;
    server.write(b"unread").await;
    drop(client.input);
    report.line("tcp shutdown receive", client.end.await);
    report.note("tcp shutdown receive: the peer writes", server.write(b"more").await);
    let left = client.output.write_all(b"still here".to_vec()).await;
    report.note("tcp shutdown receive: write", if left.is_empty() { "ok" } else { "closed" });
    report.note("tcp shutdown receive: the peer reads", &server.read().await);
    report.line("tcp shutdown receive: local-address", client.socket.get_local_address());
    Ok(())
}

/// Writes until it fails.
async fn write_on(side: &mut Side) -> &'static str {
    for _ in 0..100 {
        if side.write(b"into the void").await == "closed" {
            return "closed";
        }
    }
    "ok"
}

/// The peer is gone, and has read everything.
async fn peer_goes(report: &mut Report) -> Outcome<()> {
    let (mut client, server) = connection().await?;
    drop(server);
    report.note("tcp peer gone: read", &client.read().await);
    report.note("tcp peer gone: the first write", client.write(b"into the void").await);
    report.note("tcp peer gone: a later write", write_on(&mut client).await);
    report.line("tcp peer gone: receive", client.end.await);
    report.line("tcp peer gone: send", client.sent.await);
    Ok(())
}

/// A client that has sent something, and a peer that is gone without a read.
async fn unread() -> Outcome<Side> {
    let (client, server, _listener) = pair(bound("127.0.0.1:0")?).await?;
    let mut client = Side::of(client);
    client.write(b"unread").await;
    drop(server);
    Ok(client)
}

async fn reset(report: &mut Report) -> Outcome<()> {
    let mut client = unread().await?;
    report.note("tcp reset: read", &client.read().await);
    report.line("tcp reset: receive", client.end.await);
    report.line("tcp reset: local-address", client.socket.get_local_address());
    Ok(())
}

async fn reset_seen_by_a_writer(report: &mut Report) -> Outcome<()> {
    let mut client = unread().await?;
    report.note("tcp reset: write", write_on(&mut client).await);
    report.line("tcp reset: send", client.sent.await);
    Ok(())
}
