//! `bench-network MODE ADDRESS COUNT`: one end of a measured connection or exchange of datagrams.
//!
//! The same program runs over the virtual network and over the kernel's loopback. The listening side prints `listening`
//! when it can be reached; the connecting side prints the nanoseconds that its work took.
//!
//! `answer` never ends: it gives 1 KiB for every 64 bytes, one connection after the other. `crowd` is one of many that
//! hold connections to each other: its first client tells it how many to open to ADDRESS.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream, UdpSocket};
use std::time::Instant;

const CHUNK: usize = 64 * 1024;
const REQUEST: usize = 64;
const ANSWER: usize = 1024;
/// What passes through each connection of a crowd in each direction, in messages.
const MESSAGES: usize = 32;
const MESSAGE: usize = 2048;

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
        "answer" => answer(&listen(address)?),
        "crowd" => crowd(address),
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

fn answer(listener: &TcpListener) -> Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        // A client that goes away in the middle concerns nobody else.
        let _ = answer_all(stream);
    }
}

fn answer_all(mut stream: TcpStream) -> Result<()> {
    let mut request = [0; REQUEST];
    loop {
        stream.read_exact(&mut request)?;
        stream.write_all(&[7; ANSWER])?;
    }
}

/// The first client asks with a byte for so many connections more in each direction, and gets the byte back when they
/// have been used and are idle.
fn crowd(next: &str) -> Result<()> {
    let (_, port) = next.rsplit_once(':').ok_or(ErrorKind::InvalidInput)?;
    let listener = listen(&format!("0.0.0.0:{port}"))?;
    let (mut control, _) = listener.accept()?;
    let mut held = Vec::new();
    let mut more = [0];
    while control.read(&mut more)? > 0 {
        let [of_each] = more;
        let mut opened = Vec::new();
        for _ in 0..of_each {
            let mut stream = TcpStream::connect(next)?;
            send(&mut stream)?;
            opened.push(stream);
        }
        for _ in 0..of_each {
            let (mut stream, _) = listener.accept()?;
            receive(&mut stream)?;
            send(&mut stream)?;
            held.push(stream);
        }
        opened.iter_mut().try_for_each(receive)?;
        held.append(&mut opened);
        control.write_all(&more)?;
    }
    Ok(())
}

fn send(stream: &mut TcpStream) -> Result<()> {
    (0..MESSAGES).try_for_each(|_| stream.write_all(&[7; MESSAGE]))
}

fn receive(stream: &mut TcpStream) -> Result<()> {
    (0..MESSAGES).try_for_each(|_| stream.read_exact(&mut [0; MESSAGE]))
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
