//! Whole operations out of the calls that start and finish them. Every wait has an end, so that a report cannot hang.

use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::io::poll::{Pollable, poll};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress};
use wasip2::sockets::tcp::TcpSocket;
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp::{IncomingDatagram, IncomingDatagramStream, UdpSocket};
use wasip2::sockets::udp_create_socket::create_udp_socket;

use crate::address::{at, family};

pub use wasip2::sockets::network::IpAddressFamily::{Ipv4 as V4, Ipv6 as V6};

/// Far longer than anything here takes, in nanoseconds.
const PATIENCE: u64 = 5_000_000_000;

pub type Streams = (InputStream, OutputStream);

/// Waits until `pollable` is ready.
pub fn wait(pollable: &Pollable) -> Result<(), ErrorCode> {
    let end = subscribe_duration(PATIENCE);
    if poll(&[pollable, &end]).contains(&0) { Ok(()) } else { Err(ErrorCode::Timeout) }
}

/// Lets the host get on with what it does behind the guest: the stock one ends a receive that was begun only then, and traps
/// when a socket gets new streams before.
pub fn give_way() {
    subscribe_duration(1).block();
}

pub fn tcp(family: IpAddressFamily) -> Result<TcpSocket, ErrorCode> {
    create_tcp_socket(family)
}

pub fn bind(socket: &TcpSocket, address: IpSocketAddress) -> Result<(), ErrorCode> {
    socket.start_bind(&instance_network(), address)?;
    socket.finish_bind()
}

pub fn bound(address: &str) -> Result<TcpSocket, ErrorCode> {
    let address = at(address)?;
    let socket = tcp(family(address))?;
    bind(&socket, address)?;
    Ok(socket)
}

pub fn listen(socket: &TcpSocket) -> Result<(), ErrorCode> {
    socket.start_listen()?;
    socket.finish_listen()
}

pub fn listening(address: &str) -> Result<TcpSocket, ErrorCode> {
    let socket = bound(address)?;
    listen(&socket)?;
    Ok(socket)
}

pub fn connect(socket: &TcpSocket, address: IpSocketAddress) -> Result<Streams, ErrorCode> {
    socket.start_connect(&instance_network(), address)?;
    finish_connect(socket)
}

pub fn finish_connect(socket: &TcpSocket) -> Result<Streams, ErrorCode> {
    loop {
        match socket.finish_connect() {
            Err(ErrorCode::WouldBlock) => wait(&socket.subscribe())?,
            decided => return decided,
        }
    }
}

pub fn accept(listener: &TcpSocket) -> Result<(TcpSocket, InputStream, OutputStream), ErrorCode> {
    loop {
        match listener.accept() {
            Err(ErrorCode::WouldBlock) => wait(&listener.subscribe())?,
            decided => return decided,
        }
    }
}

/// One side of a connection. The streams are children of the socket and go first.
pub struct Side {
    pub input: InputStream,
    pub output: OutputStream,
    pub socket: TcpSocket,
}

/// A client, the server's side of the connection, and the listener.
pub fn pair(listener: TcpSocket) -> Result<(Side, Side, TcpSocket), ErrorCode> {
    let address = listener.local_address()?;
    let socket = tcp(family(address))?;
    let (input, output) = connect(&socket, address)?;
    let (server, server_input, server_output) = accept(&listener)?;
    let server = Side { input: server_input, output: server_output, socket: server };
    Ok((Side { input, output, socket }, server, listener))
}

/// Writes a few bytes, which fit.
pub fn write(output: &OutputStream, data: &[u8]) -> Result<&'static str, StreamError> {
    while output.check_write()? == 0 {
        if wait(&output.subscribe()).is_err() {
            return Ok("no room");
        }
    }
    output.write(data)?;
    Ok("ok")
}

/// The next bytes, as text.
pub fn read(input: &InputStream) -> Result<String, StreamError> {
    loop {
        let data = input.read(1000)?;
        if !data.is_empty() {
            return Ok(String::from_utf8_lossy(&data).into_owned());
        }
        if wait(&input.subscribe()).is_err() {
            return Ok("nothing".to_owned());
        }
    }
}

pub fn udp(family: IpAddressFamily) -> Result<UdpSocket, ErrorCode> {
    create_udp_socket(family)
}

pub fn bind_udp(socket: &UdpSocket, address: IpSocketAddress) -> Result<(), ErrorCode> {
    socket.start_bind(&instance_network(), address)?;
    socket.finish_bind()
}

pub fn bound_udp(address: &str) -> Result<UdpSocket, ErrorCode> {
    let address = at(address)?;
    let socket = udp(family(address))?;
    bind_udp(&socket, address)?;
    Ok(socket)
}

/// The next datagrams; waits for the first.
pub fn receive(stream: &IncomingDatagramStream, max: u64) -> Result<Vec<IncomingDatagram>, ErrorCode> {
    loop {
        let received = stream.receive(max)?;
        if !received.is_empty() {
            return Ok(received);
        }
        wait(&stream.subscribe())?;
    }
}
