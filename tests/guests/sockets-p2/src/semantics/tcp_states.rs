//! What a TCP socket answers in each of its states.

use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::network::ErrorCode;
use wasip2::sockets::tcp::{ShutdownType, TcpSocket};

use crate::address::{at, shown, text};
use crate::report::{Report, Scenario};
use crate::sockets::{V4, V6, accept, bind, bound, connect, finish_connect, listening, pair, tcp};

pub const SCENARIOS: &[(&str, Scenario)] = &[
    ("tcp unbound", unbound),
    ("tcp binding", binding),
    ("tcp is bound", is_bound),
    ("tcp starts to listen", starts_to_listen),
    ("tcp listens", listens),
    ("tcp connecting", connecting),
    ("tcp connected", connected),
    ("tcp closed", closed),
];

const SOMEWHERE: &str = "127.0.0.1:0";

fn addresses(report: &mut Report, state: &str, socket: &TcpSocket) {
    report.says(&format!("tcp {state}: local-address"), socket.local_address().map(shown));
    report.says(&format!("tcp {state}: remote-address"), socket.remote_address().map(shown));
    report.is(&format!("tcp {state}: is-listening"), socket.is_listening());
}

fn finishes(report: &mut Report, state: &str, socket: &TcpSocket) {
    report.line(&format!("tcp {state}: finish-bind"), socket.finish_bind());
    report.line(&format!("tcp {state}: finish-connect"), socket.finish_connect());
    report.line(&format!("tcp {state}: finish-listen"), socket.finish_listen());
}

/// What belongs to other states.
fn accepts(report: &mut Report, state: &str, socket: &TcpSocket) {
    report.line(&format!("tcp {state}: accept"), socket.accept());
    report.line(&format!("tcp {state}: shutdown"), socket.shutdown(ShutdownType::Both));
}

fn starts(report: &mut Report, state: &str, socket: &TcpSocket) -> Result<(), ErrorCode> {
    let network = instance_network();
    report.line(&format!("tcp {state}: bind"), socket.start_bind(&network, at(SOMEWHERE)?));
    report.line(&format!("tcp {state}: connect"), socket.start_connect(&network, at("127.0.0.1:9")?));
    report.line(&format!("tcp {state}: listen"), socket.start_listen());
    Ok(())
}

fn unbound(report: &mut Report) -> Result<(), ErrorCode> {
    let socket = tcp(V4)?;
    report.is("tcp of ipv4: address-family is ipv4", socket.address_family() == V4);
    report.is("tcp of ipv6: address-family is ipv6", tcp(V6)?.address_family() == V6);
    addresses(report, "unbound", &socket);
    finishes(report, "unbound", &socket);
    accepts(report, "unbound", &socket);
    report.line("tcp unbound: listen", socket.start_listen());
    report.line("tcp unbound of ipv6: listen", tcp(V6)?.start_listen());
    report.is("tcp unbound: its pollable is ready", socket.subscribe().ready());
    report.line("tcp unbound: bind, after all that", bind(&socket, at(SOMEWHERE)?));
    Ok(())
}

fn binding(report: &mut Report) -> Result<(), ErrorCode> {
    let socket = tcp(V4)?;
    report.line("tcp unbound: start-bind", socket.start_bind(&instance_network(), at(SOMEWHERE)?));
    starts(report, "bind-in-progress", &socket)?;
    addresses(report, "bind-in-progress", &socket);
    accepts(report, "bind-in-progress", &socket);
    report.line("tcp bind-in-progress: finish-connect", socket.finish_connect());
    report.line("tcp bind-in-progress: finish-bind", socket.finish_bind());
    Ok(())
}

fn is_bound(report: &mut Report) -> Result<(), ErrorCode> {
    let socket = bound(SOMEWHERE)?;
    addresses(report, "bound", &socket);
    finishes(report, "bound", &socket);
    accepts(report, "bound", &socket);
    report.line("tcp bound: bind", socket.start_bind(&instance_network(), at(SOMEWHERE)?));
    report.line("tcp bound: listen, after all that", crate::sockets::listen(&socket));
    Ok(())
}

fn starts_to_listen(report: &mut Report) -> Result<(), ErrorCode> {
    let socket = bound(SOMEWHERE)?;
    report.line("tcp bound: start-listen", socket.start_listen());
    starts(report, "listen-in-progress", &socket)?;
    addresses(report, "listen-in-progress", &socket);
    report.line("tcp listen-in-progress: finish-bind", socket.finish_bind());
    report.line("tcp listen-in-progress: shutdown", socket.shutdown(ShutdownType::Both));
    report.line("tcp listen-in-progress: finish-listen", socket.finish_listen());
    Ok(())
}

fn listens(report: &mut Report) -> Result<(), ErrorCode> {
    let socket = listening(SOMEWHERE)?;
    starts(report, "listening", &socket)?;
    addresses(report, "listening", &socket);
    finishes(report, "listening", &socket);
    report.line("tcp listening: shutdown", socket.shutdown(ShutdownType::Both));
    report.line("tcp listening: accept when there is nothing", socket.accept());
    let pollable = socket.subscribe();
    report.is("tcp listening: its pollable is ready when there is nothing", pollable.ready());
    let client = tcp(V4)?;
    let _streams = connect(&client, socket.local_address()?)?;
    report.line("tcp listening: its pollable becomes ready", crate::sockets::wait(&pollable));
    // The streams are children of their socket and have to go first.
    let accepted = socket.accept().map(|(accepted, input, output)| drop(((input, output), accepted)));
    report.line("tcp listening: accept", accepted);
    Ok(())
}

fn connecting(report: &mut Report) -> Result<(), ErrorCode> {
    let listener = bound(SOMEWHERE)?;
    listener.set_listen_backlog_size(1)?;
    crate::sockets::listen(&listener)?;
    let here = listener.local_address()?;
    let first = tcp(V4)?;
    let first_streams = connect(&first, here)?;
    // The backlog has one place, and Linux gives one more: these two have to wait for it on the one and on the other.
    let second = tcp(V4)?;
    second.start_connect(&instance_network(), here)?;
    let second_attempt = second.finish_connect();
    let socket = bound(SOMEWHERE)?;
    report.line("tcp bound: start-connect", socket.start_connect(&instance_network(), here));
    report.line("tcp connect-in-progress: finish-connect, backlog full", socket.finish_connect());
    let pollable = socket.subscribe();
    report.is("tcp connect-in-progress: its pollable is ready, backlog full", pollable.ready());
    starts(report, "connect-in-progress", &socket)?;
    addresses(report, "connecting", &socket);
    report.line("tcp connecting: set-listen-backlog-size", socket.set_listen_backlog_size(2));
    report.line("tcp connecting: keep-alive-enabled", socket.keep_alive_enabled());
    report.line("tcp connecting: set-hop-limit", socket.set_hop_limit(7));
    accepts(report, "connect-in-progress", &socket);
    report.line("tcp connect-in-progress: finish-bind", socket.finish_bind());
    let accepted = [accept(&listener)?, accept(&listener)?];
    let streams = finish_connect(&socket);
    let streams = report.line("tcp connecting: connected when there is room", streams);
    report.line("tcp connected: finish-connect", socket.finish_connect());
    drop((streams, first_streams, second_attempt));
    for (server, input, output) in accepted {
        drop((input, output));
        drop(server);
    }
    Ok(())
}

fn connected(report: &mut Report) -> Result<(), ErrorCode> {
    let (client, server, listener) = pair(listening(SOMEWHERE)?)?;
    let (socket, peer) = (&client.socket, &server.socket);
    addresses(report, "connected", socket);
    let there = text(listener.local_address()?);
    report.is("tcp connected: remote-address is the listener's", text(socket.remote_address()?) == there);
    let here = text(socket.local_address()?);
    report.is("tcp accepted: remote-address is the client's", text(peer.remote_address()?) == here);
    report.is("tcp accepted: local-address is the listener's", text(peer.local_address()?) == there);
    report.is("tcp accepted: is-listening", peer.is_listening());
    report.is("tcp accepted: address-family is the listener's", peer.address_family() == V4);
    starts(report, "connected", socket)?;
    starts(report, "accepted", peer)?;
    report.line("tcp connected: finish-listen", socket.finish_listen());
    report.line("tcp connected: accept", socket.accept());
    report.line("tcp connected: set-listen-backlog-size", socket.set_listen_backlog_size(2));
    report.is("tcp connected: its pollable is ready", socket.subscribe().ready());
    Ok(())
}

/// A connect that fails leaves the socket closed.
fn closed(report: &mut Report) -> Result<(), ErrorCode> {
    let socket = tcp(V4)?;
    report.line("tcp unbound: connect where nobody listens", connect(&socket, at("127.0.0.1:9")?));
    starts(report, "closed", &socket)?;
    addresses(report, "closed", &socket);
    finishes(report, "closed", &socket);
    accepts(report, "closed", &socket);
    report.line("tcp closed: set-listen-backlog-size", socket.set_listen_backlog_size(2));
    report.line("tcp closed: keep-alive-enabled", socket.keep_alive_enabled());
    report.is("tcp closed: its pollable is ready", socket.subscribe().ready());
    report.is("tcp closed: address-family is ipv4", socket.address_family() == V4);
    report.line("tcp unbound: connect where it may not", connect(&tcp(V4)?, at("192.0.2.1:80")?));
    report.line("tcp unbound of ipv6: connect where it may not", connect(&tcp(V6)?, at("[2001:db8::1]:80")?));
    Ok(())
}
