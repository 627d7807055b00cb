//! `sockets-p2 COMMAND ARGUMENT…`: one use of a socket, and what came of it. `sockets-p3` has the same commands and says the
//! same words.
//!
//! | command | prints |
//! |---|---|
//! | `bind ADDRESS` | the address that it listens on |
//! | `bind-twice ADDRESS` | the outcome of the second bind |
//! | `connect ADDRESS` | the outcome |
//! | `serve ADDRESS COUNT` | the peer of each connection, whose bytes it echoes |
//! | `talk ADDRESS TEXT` | what the peer answers to the text and its end |
//! | `exchange ADDRESS COUNT` | how many bytes came back of those that it sent, and whether they are the same |
//! | `read ADDRESS` | the outcome of one read |
//! | `pair ADDRESS` | whether a connection to itself has the addresses that it should have |
//! | `resolve NAME` | the addresses |
//! | `udp-bind ADDRESS` | the address that its UDP socket has |
//! | `udp-bind-twice ADDRESS` | the outcome of the second bind |
//! | `udp-ask ADDRESS TEXT` | what comes back for the text, and from where |
//! | `udp-connect ADDRESS TEXT` | the same, with a connected socket |
//! | `udp-serve ADDRESS COUNT` | who sent each datagram, which it sends back |
//! | `udp-size ADDRESS COUNT` | the size of the datagram that it received from itself |
//! | `fill` | the outcome of making sockets until that fails |
//! | `crowd ADDRESS` | the outcome of an accept when there is no room for a socket |
//! | `semantics PORT` | what the calls of the interfaces answer, a line each, see the module |
//! | `denied ADDRESS` | what each call answers once everything is denied, see the module |
//! | `rounds ADDRESS COUNT` | how often a byte went there and came back |
//! | `attack KIND …` | what came of it, see the module |
//! | `udp-crowd` | the outcomes of a UDP socket, of streams, and of streams with room again, in a full table |
//! | `udp-trap CASE` | nothing, as it breaks a rule: `streams`, `permit`, `no-permit` or `permit-twice` |

mod address;
mod attacks;
mod crowd;
mod denied;
mod report;
mod semantics;
mod sockets;
mod traps;
mod udp;

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(said) => println!("{said}"),
        Err(error) => println!("{:?}", error.kind()),
    }
}

fn run(arguments: &[&str]) -> Result<String> {
    match *arguments {
        ["bind", address] => Ok(TcpListener::bind(address)?.local_addr()?.to_string()),
        ["bind-twice", address] => {
            let first = TcpListener::bind(address)?;
            let second = TcpListener::bind(address);
            drop(first);
            second.map(|_| "bound".to_owned())
        }
        ["connect", address] => TcpStream::connect(address).map(|_| "connected".to_owned()),
        ["serve", address, count] => serve(address, number(count)?),
        ["talk", address, text] => {
            String::from_utf8(exchange(address, text.as_bytes())?).map_err(|_| ErrorKind::InvalidData.into())
        }
        ["exchange", address, count] => {
            let sent: Vec<u8> = (0..=250).cycle().take(number(count)?).collect();
            let received = exchange(address, &sent)?;
            let same = if received == sent { "the same" } else { "others" };
            Ok(format!("{} bytes, {same}", received.len()))
        }
        ["read", address] => {
            let mut stream = TcpStream::connect(address)?;
            // So that the peer can know that this side has its connection.
            stream.write_all(b"?")?;
            let read = stream.read(&mut [0; 16]);
            Ok(read.map_or_else(|error| error.to_string(), |count| format!("{count} bytes")))
        }
        ["pair", address] => pair(address),
        ["resolve", name] => resolve(name),
        ["udp-bind", address] => udp::bind(address),
        ["udp-bind-twice", address] => udp::bind_twice(address),
        ["udp-ask", address, text] => udp::ask(address, text),
        ["udp-connect", address, text] => udp::connect(address, text),
        ["udp-serve", address, count] => udp::serve(address, number(count)?),
        ["udp-size", address, count] => udp::size(address, number(count)?),
        ["fill"] => Ok(crowd::fill().to_owned()),
        ["crowd", address] => {
            let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
            Ok(crowd::crowd(port.ok_or(ErrorKind::InvalidInput)?).to_owned())
        }
        ["semantics", port] => {
            semantics::report(port.parse().map_err(|_| Error::from(ErrorKind::InvalidInput))?);
            Ok(String::new())
        }
        ["denied", address] => denied::report(address).map(|()| String::new()),
        ["rounds", address, count] => rounds(address, number(count)?),
        ["attack", ..] => attacks::run(arguments.get(1..).unwrap_or_default()),
        ["udp-crowd"] => Ok(crowd::crowd_udp()),
        ["udp-trap", case] => {
            Ok(traps::trap(case).map_or_else(|code| code.name(), |()| "no trap").to_owned())
        }
        _ => Err(ErrorKind::InvalidInput.into()),
    }
}

fn number(text: &str) -> Result<usize> {
    text.parse().map_err(|_| Error::from(ErrorKind::InvalidInput))
}

fn serve(address: &str, count: usize) -> Result<String> {
    let listener = TcpListener::bind(address)?;
    for _ in 0..count {
        let (mut stream, peer) = listener.accept()?;
        println!("{}", peer.ip());
        let mut buffer = [0; 4096];
        loop {
            match stream.read(&mut buffer)? {
                0 => break,
                length => stream.write_all(buffer.get(..length).unwrap_or_default())?,
            }
        }
    }
    Ok("served".to_owned())
}

/// Sends everything and its end, then reads to the end.
fn exchange(address: &str, data: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(data)?;
    stream.shutdown(Shutdown::Write)?;
    let mut received = Vec::new();
    stream.read_to_end(&mut received)?;
    Ok(received)
}

/// One byte there and back, over and over.
fn rounds(address: &str, count: usize) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    println!("connected");
    for _ in 0..count {
        stream.write_all(b"x")?;
        stream.read_exact(&mut [0])?;
    }
    Ok(format!("{count} rounds"))
}

fn pair(address: &str) -> Result<String> {
    let listener = TcpListener::bind(address)?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, peer) = listener.accept()?;
    let matches = client.peer_addr()? == listener.local_addr()?
        && server.local_addr()? == listener.local_addr()?
        && client.local_addr()? == peer
        && server.peer_addr()? == peer;
    Ok(if matches { "they match" } else { "they differ" }.to_owned())
}

fn resolve(name: &str) -> Result<String> {
    // The library has no kind for this error, only words.
    let Ok(found) = (name, 0).to_socket_addrs() else { return Err(ErrorKind::NotFound.into()) };
    let addresses: Vec<String> = found.map(|address| address.ip().to_string()).collect();
    Ok(addresses.join(" "))
}
