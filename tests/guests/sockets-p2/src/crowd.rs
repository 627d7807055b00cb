//! What happens when the guest has as many resources as it may.

use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::network::{ErrorCode, IpAddressFamily};
use wasip2::sockets::tcp::TcpSocket;
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp_create_socket::create_udp_socket;

use crate::address::at;
use crate::sockets::bound_udp;

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
    listener.start_bind(&instance_network(), at(&format!("0.0.0.0:{port}"))?)?;
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

/// Makes a UDP socket and streams when there is no room for them, and streams when there is room again.
pub fn crowd_udp() -> String {
    let outcome = |result: Result<(), ErrorCode>| result.map_or_else(|code| code.name(), |()| "ok");
    let Ok(socket) = bound_udp("127.0.0.1:0") else { return "no socket".to_owned() };
    let (mut others, _) = fill_table();
    let no_socket = create_udp_socket(IpAddressFamily::Ipv4).map(drop);
    // Room for one stream, where there have to be two.
    drop(others.pop());
    let no_streams = socket.stream(None).map(drop);
    drop(others.pop());
    let streams = socket.stream(None).map(drop);
    [no_socket, no_streams, streams].map(outcome).join(", ")
}
