//! `bench-network MODE ADDRESS COUNT`: one end of a measured connection or exchange of datagrams.
//!
//! The same program runs over the virtual network and over the kernel's loopback. The listening side prints `listening`
//! when it can be reached; the connecting side prints the nanoseconds that its work took.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream, UdpSocket};
use std::time::Instant;

const CHUNK: usize = 64 * 1024;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, mode, address, count] = arguments.as_slice() else {
        return Err(Error::new(ErrorKind::InvalidInput, "usage: bench-network MODE ADDRESS COUNT"));
    };
    let count: u32 = count.parse().map_err(|_| Error::new(ErrorKind::InvalidInput, "COUNT is no number"))?;
    match mode.as_str() {
        "sink" => sink(&listen(address)?),
        "echo" => echo(&listen(address)?),
        "accept" => accept(&listen(address)?, count),
        "stream" => timed(|| stream(address, count)),
        "ping" => timed(|| ping(address, count)),
        "connect" => timed(|| connect(address, count)),
        "udp-echo" => udp_echo(address, count),
        "udp-ping" => timed(|| udp_ping(address, count)),
        _ => Err(Error::new(ErrorKind::InvalidInput, "unknown MODE")),
    }
}

fn listen(address: &str) -> Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    println!("listening");
    Ok(listener)
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    work()?;
    println!("{}", start.elapsed().as_nanos());
    Ok(())
}

fn sink(listener: &TcpListener) -> Result<()> {
    let (mut stream, _) = listener.accept()?;
    let mut buffer = vec![0; CHUNK];
    while stream.read(&mut buffer)? > 0 {}
    stream.write_all(b"k")
}

/// Sends `count` chunks and waits until the other side has read the last one.
fn stream(address: &str, count: u32) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    let chunk = vec![7; CHUNK];
    for _ in 0..count {
        stream.write_all(&chunk)?;
    }
    stream.shutdown(Shutdown::Write)?;
    stream.read_exact(&mut [0])
}

fn echo(listener: &TcpListener) -> Result<()> {
    let (mut stream, _) = listener.accept()?;
    let mut byte = [0];
    while stream.read(&mut byte)? > 0 {
        stream.write_all(&byte)?;
    }
    Ok(())
}

fn ping(address: &str, count: u32) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    let mut byte = [1];
    for _ in 0..count {
        stream.write_all(&byte)?;
        stream.read_exact(&mut byte)?;
    }
    Ok(())
}

fn accept(listener: &TcpListener, count: u32) -> Result<()> {
    for _ in 0..count {
        drop(listener.accept()?);
    }
    Ok(())
}

fn connect(address: &str, count: u32) -> Result<()> {
    for _ in 0..count {
        drop(TcpStream::connect(address)?);
    }
    Ok(())
}

/// Sends `count` datagrams back. None is lost where nobody sends more than one at a time.
fn udp_echo(address: &str, count: u32) -> Result<()> {
    let socket = UdpSocket::bind(address)?;
    println!("listening");
    let mut byte = [0];
    for _ in 0..count {
        let (length, from) = socket.recv_from(&mut byte)?;
        socket.send_to(byte.get(..length).unwrap_or_default(), from)?;
    }
    Ok(())
}

fn udp_ping(address: &str, count: u32) -> Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect(address)?;
    let mut byte = [1];
    for _ in 0..count {
        socket.send(&byte)?;
        socket.recv(&mut byte)?;
    }
    Ok(())
}
