//! Options of TCP sockets: what they accept, what they give back, and who inherits them.

use wasip2::sockets::network::ErrorCode;
use wasip2::sockets::tcp::TcpSocket;

use crate::report::{Report, Scenario};
use crate::sockets::{V4, V6, bound, listen, pair, tcp};

pub const SCENARIOS: &[(&str, Scenario)] = &[
    ("tcp zero", zero),
    ("tcp defaults", defaults),
    ("tcp read back", read_back),
    ("tcp extremes", extremes),
    ("tcp inherited", inherited),
];

const SECOND: u64 = 1_000_000_000;

fn zero(report: &mut Report) -> Result<(), ErrorCode> {
    for (name, family) in [("tcp", V4), ("tcp of ipv6", V6)] {
        let socket = tcp(family)?;
        report.line(&format!("{name} set-listen-backlog-size 0"), socket.set_listen_backlog_size(0));
        report.line(&format!("{name} set-keep-alive-idle-time 0"), socket.set_keep_alive_idle_time(0));
        report.line(&format!("{name} set-keep-alive-interval 0"), socket.set_keep_alive_interval(0));
        report.line(&format!("{name} set-keep-alive-count 0"), socket.set_keep_alive_count(0));
        report.line(&format!("{name} set-hop-limit 0"), socket.set_hop_limit(0));
        report.line(&format!("{name} set-receive-buffer-size 0"), socket.set_receive_buffer_size(0));
        report.line(&format!("{name} set-send-buffer-size 0"), socket.set_send_buffer_size(0));
    }
    Ok(())
}

/// Reads all of them.
fn read(report: &mut Report, name: &str, socket: &TcpSocket) {
    report.says(&format!("{name} keep-alive-enabled"), socket.keep_alive_enabled());
    report.says(&format!("{name} keep-alive-idle-time"), socket.keep_alive_idle_time());
    report.says(&format!("{name} keep-alive-interval"), socket.keep_alive_interval());
    report.says(&format!("{name} keep-alive-count"), socket.keep_alive_count());
    report.says(&format!("{name} hop-limit"), socket.hop_limit());
}

fn read_sizes(report: &mut Report, name: &str, socket: &TcpSocket) {
    report.says(&format!("{name} receive-buffer-size"), socket.receive_buffer_size());
    report.says(&format!("{name} send-buffer-size"), socket.send_buffer_size());
}

fn defaults(report: &mut Report) -> Result<(), ErrorCode> {
    let socket = tcp(V4)?;
    read(report, "tcp at first:", &socket);
    let sizes = socket.receive_buffer_size()? > 0 && socket.send_buffer_size()? > 0;
    report.is("tcp at first: there are buffers", sizes);
    report.says("tcp of ipv6 at first: hop-limit", tcp(V6)?.hop_limit());
    Ok(())
}

/// Values that every implementation can take.
fn set(socket: &TcpSocket) -> Result<(), ErrorCode> {
    socket.set_keep_alive_idle_time(90 * SECOND)?;
    socket.set_keep_alive_interval(30 * SECOND)?;
    socket.set_keep_alive_count(5)?;
    socket.set_keep_alive_enabled(true)?;
    socket.set_hop_limit(42)?;
    socket.set_receive_buffer_size(32_768)?;
    socket.set_send_buffer_size(16_384)
}

fn read_back(report: &mut Report) -> Result<(), ErrorCode> {
    for (name, family) in [("tcp", V4), ("tcp of ipv6", V6)] {
        let socket = tcp(family)?;
        report.line(&format!("{name} options set"), set(&socket));
        read(report, &format!("{name} set:"), &socket);
        read_sizes(report, &format!("{name} set:"), &socket);
    }
    Ok(())
}

/// All of these are accepted, and may be read back as other values.
fn extremes(report: &mut Report) -> Result<(), ErrorCode> {
    let socket = tcp(V4)?;
    report.line("tcp set-keep-alive-idle-time 1", socket.set_keep_alive_idle_time(1));
    report.is("tcp set to 1: keep-alive-idle-time is more than 0", socket.keep_alive_idle_time()? > 0);
    report.line("tcp set-keep-alive-idle-time highest", socket.set_keep_alive_idle_time(u64::MAX));
    report.line("tcp set-keep-alive-interval 1", socket.set_keep_alive_interval(1));
    report.line("tcp set-keep-alive-interval highest", socket.set_keep_alive_interval(u64::MAX));
    report.line("tcp set-keep-alive-count highest", socket.set_keep_alive_count(u32::MAX));
    report.line("tcp set-hop-limit 1", socket.set_hop_limit(1));
    report.line("tcp set-hop-limit highest", socket.set_hop_limit(u8::MAX));
    report.says("tcp set to highest: hop-limit", socket.hop_limit());
    report.line("tcp set-listen-backlog-size highest", socket.set_listen_backlog_size(u64::MAX));
    report.line("tcp set-receive-buffer-size 1", socket.set_receive_buffer_size(1));
    report.is("tcp set to 1: receive-buffer-size is more than 0", socket.receive_buffer_size()? > 0);
    report.line("tcp set-send-buffer-size highest", socket.set_send_buffer_size(u64::MAX));
    report.is("tcp set to highest: send-buffer-size is clamped", socket.send_buffer_size()? < u64::MAX);
    report.line("tcp set-receive-buffer-size highest", socket.set_receive_buffer_size(u64::MAX));
    report.is("tcp set to highest: receive-buffer-size is clamped", socket.receive_buffer_size()? < u64::MAX);
    Ok(())
}

fn inherited(report: &mut Report) -> Result<(), ErrorCode> {
    let listener = bound("127.0.0.1:0")?;
    set(&listener)?;
    listen(&listener)?;
    report.line("tcp listening: set-keep-alive-count", listener.set_keep_alive_count(6));
    report.line("tcp listening: set-listen-backlog-size 0", listener.set_listen_backlog_size(0));
    report.line("tcp listening: set-listen-backlog-size", listener.set_listen_backlog_size(2));
    let (client, server, _listener) = pair(listener)?;
    read(report, "tcp accepted:", &server.socket);
    read_sizes(report, "tcp accepted:", &server.socket);
    report.line("tcp connected: set-hop-limit", client.socket.set_hop_limit(9));
    report.says("tcp connected: hop-limit", client.socket.hop_limit());
    Ok(())
}
