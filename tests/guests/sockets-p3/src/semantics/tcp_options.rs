//! Options of TCP sockets: what they accept, what they give back, and who inherits them.

use wasip3::sockets::types::{ErrorCode, TcpSocket};

use crate::outcome::Outcome;
use crate::report::Report;
use crate::sockets::{V4, V6, bound, pair_with};

pub async fn report(report: &mut Report) {
    report.part("tcp zero", async |report| zero(report)).await;
    report.part("tcp defaults", async |report| defaults(report)).await;
    report.part("tcp read back", async |report| read_back(report)).await;
    report.part("tcp extremes", async |report| extremes(report)).await;
    report.part("tcp inherited", inherited).await;
}

const SECOND: u64 = 1_000_000_000;

fn zero(report: &mut Report) -> Outcome<()> {
    for (name, family) in [("tcp", V4), ("tcp of ipv6", V6)] {
        let socket = TcpSocket::create(family)?;
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
    report.says(&format!("{name} keep-alive-enabled"), socket.get_keep_alive_enabled());
    report.says(&format!("{name} keep-alive-idle-time"), socket.get_keep_alive_idle_time());
    report.says(&format!("{name} keep-alive-interval"), socket.get_keep_alive_interval());
    report.says(&format!("{name} keep-alive-count"), socket.get_keep_alive_count());
    report.says(&format!("{name} hop-limit"), socket.get_hop_limit());
}

fn read_sizes(report: &mut Report, name: &str, socket: &TcpSocket) {
    report.says(&format!("{name} receive-buffer-size"), socket.get_receive_buffer_size());
    report.says(&format!("{name} send-buffer-size"), socket.get_send_buffer_size());
}

fn defaults(report: &mut Report) -> Outcome<()> {
    let socket = TcpSocket::create(V4)?;
    read(report, "tcp at first:", &socket);
    let sizes = socket.get_receive_buffer_size()? > 0 && socket.get_send_buffer_size()? > 0;
    report.is("tcp at first: there are buffers", sizes);
    report.says("tcp of ipv6 at first: hop-limit", TcpSocket::create(V6)?.get_hop_limit());
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

fn read_back(report: &mut Report) -> Outcome<()> {
    for (name, family) in [("tcp", V4), ("tcp of ipv6", V6)] {
        let socket = TcpSocket::create(family)?;
        report.line(&format!("{name} options set"), set(&socket));
        read(report, &format!("{name} set:"), &socket);
        read_sizes(report, &format!("{name} set:"), &socket);
    }
    Ok(())
}

/// All of these are accepted, and may be read back as other values.
fn extremes(report: &mut Report) -> Outcome<()> {
    let socket = TcpSocket::create(V4)?;
    report.line("tcp set-keep-alive-idle-time 1", socket.set_keep_alive_idle_time(1));
    report.is("tcp set to 1: keep-alive-idle-time is more than 0", socket.get_keep_alive_idle_time()? > 0);
    report.line("tcp set-keep-alive-idle-time highest", socket.set_keep_alive_idle_time(u64::MAX));
    report.line("tcp set-keep-alive-interval 1", socket.set_keep_alive_interval(1));
    report.line("tcp set-keep-alive-interval highest", socket.set_keep_alive_interval(u64::MAX));
    report.line("tcp set-keep-alive-count highest", socket.set_keep_alive_count(u32::MAX));
    report.line("tcp set-hop-limit 1", socket.set_hop_limit(1));
    report.line("tcp set-hop-limit highest", socket.set_hop_limit(u8::MAX));
    report.says("tcp set to highest: hop-limit", socket.get_hop_limit());
    report.line("tcp set-listen-backlog-size highest", socket.set_listen_backlog_size(u64::MAX));
    report.line("tcp set-receive-buffer-size 1", socket.set_receive_buffer_size(1));
    report.is("tcp set to 1: receive-buffer-size is more than 0", socket.get_receive_buffer_size()? > 0);
    report.line("tcp set-send-buffer-size highest", socket.set_send_buffer_size(u64::MAX));
    report.is("tcp set to highest: send-buffer-size is clamped", socket.get_send_buffer_size()? < u64::MAX);
    report.line("tcp set-receive-buffer-size highest", socket.set_receive_buffer_size(u64::MAX));
    let clamped = socket.get_receive_buffer_size()? < u64::MAX;
    report.is("tcp set to highest: receive-buffer-size is clamped", clamped);
    Ok(())
}

async fn inherited(report: &mut Report) -> Outcome<()> {
    let listener = bound("127.0.0.1:0")?;
    set(&listener)?;
    let connections = listener.listen()?;
    report.line("tcp listening: set-keep-alive-count", listener.set_keep_alive_count(6));
    report.line("tcp listening: set-listen-backlog-size 0", listener.set_listen_backlog_size(0));
    report.line("tcp listening: set-listen-backlog-size", listener.set_listen_backlog_size(2));
    let (client, server, _listener) = pair_with(listener, connections).await?;
    read(report, "tcp accepted:", &server);
    read_sizes(report, "tcp accepted:", &server);
    report.line("tcp connected: set-hop-limit", client.set_hop_limit(9));
    report.says("tcp connected: hop-limit", client.get_hop_limit());
    Ok(())
}
