//! The two directions of a connection, their ends, and its reset.

use wasip2::sockets::network::ErrorCode;
use wasip2::sockets::tcp::ShutdownType;

use crate::report::{Report, Scenario};
use crate::sockets::{Side, listening, pair, read, wait, write};

pub const SCENARIOS: &[(&str, Scenario)] = &[
    ("tcp bytes", bytes),
    ("tcp pressure", pressure),
    ("tcp shutdown send", shutdown_send),
    ("tcp shutdown receive", shutdown_receive),
    ("tcp shutdown both", shutdown_both),
    ("tcp peer goes", peer_goes),
    ("tcp reset", reset),
    ("tcp reset seen by a writer", reset_seen_by_a_writer),
];

fn connection() -> Result<(Side, Side), ErrorCode> {
    let (client, server, _listener) = pair(listening("127.0.0.1:0")?)?;
    Ok((client, server))
}

fn bytes(report: &mut Report) -> Result<(), ErrorCode> {
    let (client, server) = connection()?;
    let count = |data: Vec<u8>| data.len();
    report.stream("tcp read when there is nothing", client.input.read(16).map(count));
    report.is("tcp read: its pollable is ready when there is nothing", client.input.subscribe().ready());
    report.is("tcp write: its pollable is ready", client.output.subscribe().ready());
    report.stream("tcp write", write(&client.output, b"hello"));
    report.stream("tcp flush", client.output.flush().map(|()| "ok"));
    report.stream("tcp write after a flush", write(&client.output, b", world"));
    wait(&server.input.subscribe())?;
    report.stream("tcp read 0 bytes", server.input.read(0).map(count));
    let mut read_so_far = String::new();
    while read_so_far.len() < "hello, world".len() {
        read_so_far.push_str(&read(&server.input).map_err(|_| ErrorCode::Unknown)?);
    }
    report.note("tcp read", &read_so_far);
    report.stream("tcp the other direction: write", write(&server.output, b"hello, too"));
    report.stream("tcp the other direction: read", read(&client.input));
    report.stream("tcp write of nothing", client.output.write(b"").map(|()| "ok"));
    Ok(())
}

/// What nobody reads is bounded.
fn pressure(report: &mut Report) -> Result<(), ErrorCode> {
    let (client, server) = connection()?;
    let fill = || -> Result<u64, wasip2::io::streams::StreamError> {
        let mut written = 0_u64;
        loop {
            let permitted = client.output.check_write()?.min(65_536);
            if permitted == 0 || written > 1 << 26 {
                return Ok(written);
            }
            client.output.write(&vec![7; usize::try_from(permitted).unwrap_or_default()])?;
            written = written.saturating_add(permitted);
        }
    };
    let written = fill().unwrap_or(u64::MAX);
    report.is("tcp write to a peer that does not read: it is taken up to a bound", written < 1 << 26);
    report.is(
        "tcp write to a peer that does not read: its pollable is ready",
        client.output.subscribe().ready(),
    );
    let mut left = written;
    while left > 0 {
        let Ok(data) = server.input.blocking_read(left) else { break };
        left = left.saturating_sub(data.len() as u64);
    }
    report.note("tcp read after that: bytes left", &left.to_string());
    report.line("tcp write after that: its pollable becomes ready", wait(&client.output.subscribe()));
    report.stream("tcp write after that", write(&client.output, b"x"));
    Ok(())
}

fn shutdown_send(report: &mut Report) -> Result<(), ErrorCode> {
    let (client, server) = connection()?;
    let _ = write(&client.output, b"last words");
    report.line("tcp shutdown send", client.socket.shutdown(ShutdownType::Send));
    report.line("tcp shutdown send again", client.socket.shutdown(ShutdownType::Send));
    report.stream("tcp shutdown send: check-write", client.output.check_write());
    report.stream("tcp shutdown send: write", client.output.write(b"more").map(|()| "ok"));
    report.stream("tcp shutdown send: the peer reads what was sent", read(&server.input));
    report.stream("tcp shutdown send: the peer reads the end", read(&server.input));
    report.stream("tcp shutdown send: the peer reads the end again", read(&server.input));
    report.stream("tcp shutdown send: the peer writes", write(&server.output, b"still here"));
    report.stream("tcp shutdown send: read", read(&client.input));
    report.line("tcp shutdown send: remote-address", client.socket.remote_address());
    report.line("tcp shutdown send: shutdown receive", client.socket.shutdown(ShutdownType::Receive));
    Ok(())
}

fn shutdown_receive(report: &mut Report) -> Result<(), ErrorCode> {
    let (client, server) = connection()?;
    let _ = write(&server.output, b"unread");
    wait(&client.input.subscribe())?;
    report.line("tcp shutdown receive", client.socket.shutdown(ShutdownType::Receive));
    report.line("tcp shutdown receive again", client.socket.shutdown(ShutdownType::Receive));
    report.stream("tcp shutdown receive: read what came before", read(&client.input));
    report.stream("tcp shutdown receive: the peer writes", write(&server.output, b"more"));
    report.stream("tcp shutdown receive: read what came after", read(&client.input));
    report.stream("tcp shutdown receive: write", write(&client.output, b"still here"));
    report.stream("tcp shutdown receive: the peer reads", read(&server.input));
    Ok(())
}

fn shutdown_both(report: &mut Report) -> Result<(), ErrorCode> {
    let (client, server) = connection()?;
    report.line("tcp shutdown both", client.socket.shutdown(ShutdownType::Both));
    report.line("tcp shutdown both again", client.socket.shutdown(ShutdownType::Both));
    report.stream("tcp shutdown both: read", read(&client.input));
    report.stream("tcp shutdown both: check-write", client.output.check_write());
    report.stream("tcp shutdown both: the peer reads", read(&server.input));
    report.line("tcp shutdown both: local-address", client.socket.local_address());
    Ok(())
}

/// The peer is gone, and has read everything.
fn peer_goes(report: &mut Report) -> Result<(), ErrorCode> {
    let (client, server) = connection()?;
    drop(server);
    report.stream("tcp peer gone: read", read(&client.input));
    report.stream("tcp peer gone: the first write", write(&client.output, b"into the void"));
    let mut later = Ok("ok");
    for _ in 0..100 {
        later = write(&client.output, b"into the void");
        if later.is_err() {
            break;
        }
    }
    report.stream("tcp peer gone: a later write", later);
    Ok(())
}

/// The peer is gone, and has left something unread.
fn reset(report: &mut Report) -> Result<(), ErrorCode> {
    let (client, server) = connection()?;
    let _ = write(&client.output, b"unread");
    wait(&server.input.subscribe())?;
    drop(server);
    report.stream("tcp reset: read", read(&client.input));
    report.stream("tcp reset: read again", read(&client.input));
    report.line("tcp reset: local-address", client.socket.local_address());
    Ok(())
}

fn reset_seen_by_a_writer(report: &mut Report) -> Result<(), ErrorCode> {
    let (client, server) = connection()?;
    let _ = write(&client.output, b"unread");
    wait(&server.input.subscribe())?;
    drop(server);
    report.stream("tcp reset: write", write(&client.output, b"x"));
    report.stream("tcp reset: write again", write(&client.output, b"x"));
    Ok(())
}
