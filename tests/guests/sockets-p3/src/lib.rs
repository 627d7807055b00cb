//! `sockets-p3 COMMAND ARGUMENT…`: the commands of `sockets-p2` over WASI 0.3, with the same words for the same outcomes.
//!
//! Two are different: `serve` and `crowd` say `ended` when the stream of connections ends, which is what 0.3 has in place of an error; and
//! `semantics` has the functions of 0.3, in which no rule of UDP ends in a trap.

mod address;
mod denied;
mod outcome;
mod report;
mod semantics;
mod sockets;
mod udp;

use wasip3::cli::environment::get_arguments;
use wasip3::sockets::ip_name_lookup::resolve_addresses;
use wasip3::sockets::types::{IpAddressFamily, TcpSocket};
use wasip3::wit_stream;

use address::{Parsed, host, parse, text};
use outcome::{Failure, Outcome};

struct Program;

wasip3::cli::command::export!(Program);

impl wasip3::exports::cli::run::Guest for Program {
    async fn run() -> Result<(), ()> {
        let arguments = get_arguments();
        let arguments: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
        match run(&arguments).await {
            Ok(said) => println!("{said}"),
            Err(failure) => println!("{failure}"),
        }
        Ok(())
    }
}

async fn run(arguments: &[&str]) -> Outcome<String> {
    match *arguments {
        ["bind", address] => {
            let socket = bound(parse(address)?)?;
            let _connections = socket.listen()?;
            Ok(text(socket.get_local_address()?))
        }
        ["bind-twice", address] => {
            let first = bound(parse(address)?)?;
            let second = bound(parse(address)?);
            drop(first);
            second.map(|_| "bound".to_owned())
        }
        ["connect", address] => connected(address).await.map(|_| "connected".to_owned()),
        ["serve", address, count] => serve(address, number(count)?).await,
        ["talk", address, text] => {
            let answer = exchange(address, text.as_bytes().to_vec()).await?;
            String::from_utf8(answer).map_err(|_| Failure("InvalidData".to_owned()))
        }
        ["exchange", address, count] => {
            let sent: Vec<u8> = (0..=250).cycle().take(number(count)?).collect();
            let received = exchange(address, sent.clone()).await?;
            let same = if received == sent { "the same" } else { "others" };
            Ok(format!("{} bytes, {same}", received.len()))
        }
        ["read", address] => {
            let socket = connected(address).await?;
            // So that the peer can know that this side has its connection.
            let (mut outgoing, source) = wit_stream::new();
            let sent = socket.send(source);
            outgoing.write_all(vec![b'?']).await;
            drop(outgoing);
            sent.await?;
            let (mut incoming, end) = socket.receive();
            let (_, data) = incoming.read(Vec::with_capacity(16)).await;
            if data.is_empty() {
                end.await?;
            }
            Ok(format!("{} bytes", data.len()))
        }
        ["pair", address] => pair(parse(address)?).await,
        ["resolve", name] => {
            let addresses: Vec<String> =
                resolve_addresses(name.to_owned()).await?.into_iter().map(host).collect();
            Ok(addresses.join(" "))
        }
        ["udp-bind", address] => udp::bind(address),
        ["udp-bind-twice", address] => udp::bind_twice(address),
        ["udp-ask", address, text] => udp::ask(address, text).await,
        ["udp-connect", address, text] => udp::connect(address, text).await,
        ["udp-serve", address, count] => udp::serve(address, number(count)?).await,
        ["udp-size", address, count] => udp::size(address, number(count)?).await,
        ["fill"] => Err(fill().1),
        ["crowd", address] => {
            let listener = bound(parse(address)?)?;
            let mut connections = listener.listen()?;
            let _others = fill();
            let said = if connections.next().await.is_some() { "accepted" } else { "ended" };
            Ok(said.to_owned())
        }
        ["denied", address] => {
            denied::report(address).await;
            Ok(String::new())
        }
        ["semantics", port] => {
            let port = port.parse().map_err(|_| Failure("InvalidInput".to_owned()))?;
            semantics::report(port).await;
            Ok(String::new())
        }
        _ => Err(Failure("InvalidInput".to_owned())),
    }
}

/// Makes sockets until that fails.
fn fill() -> (Vec<TcpSocket>, Failure) {
    let mut sockets = Vec::new();
    loop {
        match TcpSocket::create(IpAddressFamily::Ipv4) {
            Ok(socket) => sockets.push(socket),
            Err(code) => return (sockets, code.into()),
        }
    }
}

fn number(text: &str) -> Outcome<usize> {
    text.parse().map_err(|_| Failure("InvalidInput".to_owned()))
}

fn bound(address: Parsed) -> Outcome<TcpSocket> {
    let socket = TcpSocket::create(address.family)?;
    socket.bind(address.address)?;
    Ok(socket)
}

async fn connected(address: &str) -> Outcome<TcpSocket> {
    let address = parse(address)?;
    let socket = TcpSocket::create(address.family)?;
    socket.connect(address.address).await?;
    Ok(socket)
}

async fn serve(address: &str, count: usize) -> Outcome<String> {
    let listener = bound(parse(address)?)?;
    let mut connections = listener.listen()?;
    for _ in 0..count {
        let Some(socket) = connections.next().await else { return Err(Failure("ended".to_owned())) };
        println!("{}", text(socket.get_remote_address()?).rsplit_once(':').map_or("", |(host, _)| host));
        // The bytes never enter this program: what is received is what is sent.
        let (incoming, end) = socket.receive();
        socket.send(incoming).await?;
        end.await?;
    }
    Ok("served".to_owned())
}

/// Sends everything and its end, then reads to the end.
async fn exchange(address: &str, data: Vec<u8>) -> Outcome<Vec<u8>> {
    let socket = connected(address).await?;
    let (mut outgoing, source) = wit_stream::new();
    let sent = socket.send(source);
    let left = outgoing.write_all(data).await;
    drop(outgoing);
    sent.await?;
    if !left.is_empty() {
        return Err(Failure("WriteZero".to_owned()));
    }
    let (incoming, end) = socket.receive();
    let received = incoming.collect().await;
    end.await?;
    Ok(received)
}

async fn pair(address: Parsed) -> Outcome<String> {
    let family = address.family;
    let listener = bound(address)?;
    let mut connections = listener.listen()?;
    let there = text(listener.get_local_address()?);
    let client = TcpSocket::create(family)?;
    client.connect(listener.get_local_address()?).await?;
    let Some(server) = connections.next().await else { return Err(Failure("ended".to_owned())) };
    let here = text(client.get_local_address()?);
    let matches = text(client.get_remote_address()?) == there
        && text(server.get_local_address()?) == there
        && text(server.get_remote_address()?) == here;
    Ok(if matches { "they match" } else { "they differ" }.to_owned())
}
