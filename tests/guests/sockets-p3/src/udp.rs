//! UDP.

use wasip3::sockets::types::{IpSocketAddress, UdpSocket};

use crate::address::{parse, text};
use crate::outcome::{Failure, Outcome};

fn bound(address: &str) -> Outcome<UdpSocket> {
    let address = parse(address)?;
    let socket = UdpSocket::create(address.family)?;
    socket.bind(address.address)?;
    Ok(socket)
}

pub fn bind(address: &str) -> Outcome<String> {
    Ok(text(bound(address)?.get_local_address()?))
}

pub fn bind_twice(address: &str) -> Outcome<String> {
    let first = bound(address)?;
    let second = bound(address);
    drop(first);
    second.map(|_| "bound".to_owned())
}

pub async fn ask(address: &str, words: &str) -> Outcome<String> {
    let address = parse(address)?;
    let socket = UdpSocket::create(address.family)?;
    socket.send(words.as_bytes().to_vec(), Some(address.address)).await?;
    said(socket.receive().await?)
}

pub async fn connect(address: &str, words: &str) -> Outcome<String> {
    let address = parse(address)?;
    let socket = UdpSocket::create(address.family)?;
    socket.connect(address.address)?;
    socket.send(words.as_bytes().to_vec(), None).await?;
    said(socket.receive().await?)
}

fn said((data, from): (Vec<u8>, IpSocketAddress)) -> Outcome<String> {
    let words = String::from_utf8(data).map_err(|_| Failure("InvalidData".to_owned()))?;
    Ok(format!("{words} from {}", text(from)))
}

pub async fn serve(address: &str, count: usize) -> Outcome<String> {
    let socket = bound(address)?;
    for _ in 0..count {
        let (data, from) = socket.receive().await?;
        println!("{}", text(from).rsplit_once(':').map_or("", |(host, _)| host));
        socket.send(data, Some(from)).await?;
    }
    Ok("served".to_owned())
}

pub async fn size(address: &str, count: usize) -> Outcome<String> {
    let socket = bound(address)?;
    let sent = vec![7; count];
    socket.send(sent.clone(), Some(socket.get_local_address()?)).await?;
    let (received, _) = socket.receive().await?;
    let same = if received == sent { "the same" } else { "others" };
    Ok(format!("{} bytes, {same}", received.len()))
}
