//! UDP through the standard library.

use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// More than a datagram can have.
const ROOM: usize = 70_000;

pub fn bind(address: &str) -> Result<String> {
    Ok(UdpSocket::bind(address)?.local_addr()?.to_string())
}

pub fn bind_twice(address: &str) -> Result<String> {
    let first = UdpSocket::bind(address)?;
    let second = UdpSocket::bind(address);
    drop(first);
    second.map(|_| "bound".to_owned())
}

/// A socket on a port that is chosen, for a conversation with `address`.
fn client(address: &str) -> Result<(UdpSocket, SocketAddr)> {
    let address: SocketAddr = address.parse().map_err(|_| Error::from(ErrorKind::InvalidInput))?;
    let local = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    Ok((UdpSocket::bind(SocketAddr::new(local, 0))?, address))
}

pub fn ask(address: &str, text: &str) -> Result<String> {
    let (socket, address) = client(address)?;
    socket.send_to(text.as_bytes(), address)?;
    let mut buffer = vec![0; ROOM];
    let (length, from) = socket.recv_from(&mut buffer)?;
    said(&buffer, length, from)
}

pub fn connect(address: &str, text: &str) -> Result<String> {
    let (socket, address) = client(address)?;
    socket.connect(address)?;
    socket.send(text.as_bytes())?;
    let mut buffer = vec![0; ROOM];
    let length = socket.recv(&mut buffer)?;
    said(&buffer, length, socket.peer_addr()?)
}

fn said(buffer: &[u8], length: usize, from: SocketAddr) -> Result<String> {
    let text = buffer.get(..length).and_then(|data| std::str::from_utf8(data).ok());
    Ok(format!("{} from {from}", text.ok_or(ErrorKind::InvalidData)?))
}

pub fn serve(address: &str, count: usize) -> Result<String> {
    let socket = UdpSocket::bind(address)?;
    let mut buffer = vec![0; ROOM];
    for _ in 0..count {
        let (length, from) = socket.recv_from(&mut buffer)?;
        println!("{}", from.ip());
        socket.send_to(buffer.get(..length).unwrap_or_default(), from)?;
    }
    Ok("served".to_owned())
}

pub fn size(address: &str, count: usize) -> Result<String> {
    let socket = UdpSocket::bind(address)?;
    let data = vec![7; count];
    socket.send_to(&data, socket.local_addr()?)?;
    let mut buffer = vec![0; ROOM];
    let length = socket.recv(&mut buffer)?;
    let same = if buffer.get(..length) == Some(&data) { "the same" } else { "others" };
    Ok(format!("{length} bytes, {same}"))
}
