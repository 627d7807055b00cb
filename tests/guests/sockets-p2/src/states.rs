//! The functions of `wasi:sockets/tcp` in states and with arguments that the standard library never brings them into.
//!
//! Each line of the report is one call, and its outcome.

use wasip2::sockets::instance_network::{Network, instance_network};
use wasip2::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};
use wasip2::sockets::tcp::{ShutdownType, TcpSocket};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;

use crate::report::Report;

pub const LOOPBACK: (u8, u8, u8, u8) = (127, 0, 0, 1);

/// Makes sockets until that fails; gives the error.
pub fn fill() -> &'static str {
    fill_table().1.name()
}

/// Makes sockets until that fails; gives them and the error.
pub fn fill_table() -> (Vec<TcpSocket>, ErrorCode) {
    let mut sockets = Vec::new();
    loop {
        match create_tcp_socket(IpAddressFamily::Ipv4) {
            Ok(socket) => sockets.push(socket),
            Err(code) => return (sockets, code),
        }
    }
}

/// Waits for a connection with as many sockets as there can be; gives the error of the accept.
pub fn crowd(port: u16) -> &'static str {
    match crowded_accept(port) {
        Ok(()) => "accepted",
        Err(code) => code.name(),
    }
}

fn crowded_accept(port: u16) -> Result<(), ErrorCode> {
    let listener = create_tcp_socket(IpAddressFamily::Ipv4)?;
    listener.start_bind(&instance_network(), ipv4((0, 0, 0, 0), port))?;
    listener.finish_bind()?;
    let ready = listener.subscribe();
    let others = fill_table();
    listener.start_listen()?;
    listener.finish_listen()?;
    ready.block();
    let accepted = listener.accept().map(drop);
    drop((ready, others));
    accepted
}

pub fn report() -> String {
    let mut report = Report::default();
    if let Err(code) = sockets(&mut report) {
        report.note("unexpected", code.name());
    }
    report.text()
}

fn sockets(report: &mut Report) -> Result<(), ErrorCode> {
    let network = instance_network();
    let listener = create_tcp_socket(IpAddressFamily::Ipv4)?;
    unbound(report, &listener, &network);
    bound(report, &listener, &network);
    let IpSocketAddress::Ipv4(address) = listener.local_address()? else { return Err(ErrorCode::Unknown) };
    listening(report, &listener);
    connected(report, &listener, &network, address.port)?;
    closed(report, &network)?;
    options(report, &create_tcp_socket(IpAddressFamily::Ipv6)?);
    Ok(())
}

pub fn ipv4(address: (u8, u8, u8, u8), port: u16) -> IpSocketAddress {
    IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address })
}

fn unbound(report: &mut Report, socket: &TcpSocket, network: &Network) {
    report.line("unbound finish-bind", socket.finish_bind());
    report.line("unbound finish-connect", socket.finish_connect());
    report.line("unbound finish-listen", socket.finish_listen());
    report.line("unbound start-listen", socket.start_listen());
    report.line("unbound accept", socket.accept());
    report.line("unbound shutdown", socket.shutdown(ShutdownType::Both));
    report.line("unbound local-address", socket.local_address());
    report.line("unbound remote-address", socket.remote_address());
    report.line("bind multicast", socket.start_bind(network, ipv4((224, 0, 0, 1), 80)));
    let ipv6 = Ipv6SocketAddress { port: 80, flow_info: 0, address: (0, 0, 0, 0, 0, 0, 0, 1), scope_id: 0 };
    report.line("bind other family", socket.start_bind(network, IpSocketAddress::Ipv6(ipv6)));
    report.line("bind foreign address", socket.start_bind(network, ipv4((192, 0, 2, 1), 80)));
}

fn bound(report: &mut Report, socket: &TcpSocket, network: &Network) {
    report.line("bind", socket.start_bind(network, ipv4(LOOPBACK, 0)));
    report.line("binding start-bind", socket.start_bind(network, ipv4(LOOPBACK, 0)));
    report.line("binding start-connect", socket.start_connect(network, ipv4(LOOPBACK, 80)));
    report.line("binding start-listen", socket.start_listen());
    report.line("binding local-address", socket.local_address());
    report.line("finish-bind", socket.finish_bind());
    report.line("finish-bind again", socket.finish_bind());
    report.line("bound start-bind", socket.start_bind(network, ipv4(LOOPBACK, 0)));
    report.line("connect to port 0", socket.start_connect(network, ipv4(LOOPBACK, 0)));
    report.line("connect to unspecified", socket.start_connect(network, ipv4((0, 0, 0, 0), 80)));
}

fn listening(report: &mut Report, socket: &TcpSocket) {
    report.line("backlog 0", socket.set_listen_backlog_size(0));
    report.line("backlog 1", socket.set_listen_backlog_size(1));
    report.line("start-listen", socket.start_listen());
    report.note("is-listening before finish", &socket.is_listening().to_string());
    report.line("finish-listen", socket.finish_listen());
    report.note("is-listening", &socket.is_listening().to_string());
    report.line("listening start-listen", socket.start_listen());
    report.line("backlog when listening", socket.set_listen_backlog_size(2));
    report.line("accept nothing", socket.accept());
    report.note("pollable with nothing to accept", &socket.subscribe().ready().to_string());
}

fn connected(
    report: &mut Report,
    listener: &TcpSocket,
    network: &Network,
    port: u16,
) -> Result<(), ErrorCode> {
    let client = create_tcp_socket(IpAddressFamily::Ipv4)?;
    report.line("connect", client.start_connect(network, ipv4(LOOPBACK, port)));
    report.line("connecting start-connect", client.start_connect(network, ipv4(LOOPBACK, port)));
    let streams = report.line("finish-connect", client.finish_connect());
    report.line("connected start-connect", client.start_connect(network, ipv4(LOOPBACK, port)));
    report.line("connected start-listen", client.start_listen());

    // The backlog has one place, so this one has to wait for it.
    let second = create_tcp_socket(IpAddressFamily::Ipv4)?;
    second.start_connect(network, ipv4(LOOPBACK, port))?;
    report.line("finish-connect, backlog full", second.finish_connect());
    report.note("pollable, backlog full", &second.subscribe().ready().to_string());
    report.note("pollable with one to accept", &listener.subscribe().ready().to_string());
    let accepted = report.line("accept", listener.accept());
    report.note("pollable, room in the backlog", &second.subscribe().ready().to_string());
    let second_streams = report.line("finish-connect, room in the backlog", second.finish_connect());

    report.line("shutdown send", client.shutdown(ShutdownType::Send));
    report.line("shutdown send again", client.shutdown(ShutdownType::Send));
    if let Some((input, output)) = &streams {
        report.stream_line("check-write after shutdown", output.check_write());
        report.stream_line("read with nothing to read", input.read(16));
        report.note("pollable with nothing to read", &input.subscribe().ready().to_string());
    }
    if let Some((_, input, output)) = &accepted {
        report.stream_line("read at the end", input.read(16));
        report.stream_line("write without check-write of nothing", output.write(b""));
        report.stream_line("check-write", output.check_write());
        report.stream_line("write", output.write(b"x"));
        report.stream_line("flush", output.flush());
    }
    // Streams are children of their socket and have to go first.
    drop((streams, second_streams));
    if let Some((socket, input, output)) = accepted {
        drop((input, output));
        drop(socket);
    }
    Ok(())
}

fn closed(report: &mut Report, network: &Network) -> Result<(), ErrorCode> {
    let socket = create_tcp_socket(IpAddressFamily::Ipv4)?;
    report.line("connect where nobody listens", socket.start_connect(network, ipv4(LOOPBACK, 9)));
    report.line("closed start-bind", socket.start_bind(network, ipv4(LOOPBACK, 0)));
    report.line("closed finish-connect", socket.finish_connect());
    report.line("closed local-address", socket.local_address());
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
        socket.keep_alive_enabled(),
        socket.keep_alive_idle_time(),
        socket.keep_alive_interval(),
        socket.keep_alive_count(),
        socket.hop_limit(),
        socket.receive_buffer_size(),
        socket.send_buffer_size(),
    );
    let expected = (Ok(true), Ok(1), Ok(2), Ok(3), Ok(4), Ok(5), Ok(6));
    report.note("read them back", if read == expected { "the same" } else { "others" });
}
