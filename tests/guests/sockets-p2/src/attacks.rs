//! What a hostile instance tries, so that tests can see that it gets nowhere and that nobody else suffers.
//!
//! Scans and tricks print how often each outcome came, most frequent first. What is meant to wear out others takes `forever`
//! for the count: it goes on until its store is dropped.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Result};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::network::{ErrorCode, IpSocketAddress};
use wasip2::sockets::tcp::TcpSocket;

use crate::address::at;
use crate::sockets::{Streams, V4, bound, bound_udp, connect, tcp};

/// Ports that somebody who scans tries first, and those of the deployment.
const PORTS: [u16; 12] = [1, 22, 53, 80, 443, 3389, 7000, 8000, 8001, 9000, 49_152, 65_535];

pub fn run(arguments: &[&str]) -> Result<String> {
    Ok(match *arguments {
        ["scan-instances"] => tally(instances().map(|target| connected(TcpStream::connect(target)))),
        ["scan-instances-udp"] => tally(instances().map(sent)),
        ["scan-loopback"] => {
            tally((1..=u16::MAX).map(|port| connected(TcpStream::connect(("127.0.0.1", port)))))
        }
        ["scan-host"] => tally(HOSTS.iter().map(|target| connected(TcpStream::connect(target)))),
        ["scan-host-udp"] => tally(HOSTS.iter().filter_map(|target| Some(sent(target.parse().ok()?)))),
        ["names"] => names(),
        ["bind-foreign"] => {
            tally(FOREIGN.iter().map(|address| named(TcpListener::bind(address).map(drop), "bound")))
        }
        ["hoard"] => hoard(),
        ["hoard-udp"] => hoard_udp(),
        ["storm", target, count] => storm(target, count)?,
        ["half-open", target, count] => half_open(target, count)?,
        ["slow-reader", target, count] => slow_reader(target, count)?,
        ["datagrams", target, count] => datagrams(target, count)?,
        _ => return Err(ErrorKind::InvalidInput.into()),
    })
}

/// Addresses of the machine, of its neighbours and of the platform, in every way of writing them.
const HOSTS: [&str; 16] = [
    "168.63.129.16:80",
    "169.254.169.254:80",
    "169.254.1.1:80",
    "172.17.0.1:2375",
    "192.168.0.1:80",
    "10.0.0.1:22",
    "10.0.0.255:80",
    "0.0.0.1:80",
    "100.64.0.1:80",
    "[::ffff:127.0.0.1]:80",
    "[::ffff:169.254.169.254]:80",
    "[::127.0.0.1]:80",
    "[64:ff9b::7f00:1]:80",
    "[2002:7f00:1::]:80",
    "[fe80::1]:80",
    "[fd00::1]:80",
];

const FOREIGN: [&str; 8] = [
    "10.0.0.4:7000",
    "10.0.0.6:8000",
    "10.0.0.1:80",
    "168.63.129.16:80",
    "192.0.2.1:80",
    "10.0.0.255:80",
    "[2001:db8::1]:80",
    "[fe80::1]:80",
];

/// Names that must lead nowhere, or to the guest itself.
const NAMES: [&str; 20] = [
    "example.com",
    "Hidden",
    "hidden_in_0",
    "0.Hidden",
    "Hidden.",
    "metadata.google.internal",
    "169.254.169.254.nip.io",
    "127.1",
    "0177.0.0.1",
    "0x7f.1",
    "2130706433",
    "10.0.0.7.",
    "host.docker.internal",
    "localhost.localdomain",
    "LOCALHOST",
    "*",
    "..",
    "-",
    "Peer/../Hidden",
    "H\u{131}dden",
];

fn tally<T: Ord + AsRef<str>>(outcomes: impl Iterator<Item = T>) -> String {
    let mut counts: BTreeMap<T, u32> = BTreeMap::new();
    for outcome in outcomes {
        let count = counts.entry(outcome).or_default();
        *count = count.saturating_add(1);
    }
    let mut counts: Vec<(T, u32)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let words: Vec<String> =
        counts.iter().map(|(outcome, count)| format!("{} {count}", outcome.as_ref())).collect();
    words.join(", ")
}

fn named(outcome: Result<()>, success: &str) -> String {
    outcome.map_or_else(|error| format!("{:?}", error.kind()), |()| success.to_owned())
}

fn connected(outcome: Result<TcpStream>) -> String {
    named(outcome.map(drop), "connected")
}

fn sent(target: SocketAddr) -> String {
    let local = if target.is_ipv4() { "0.0.0.0:0" } else { "[::1]:0" };
    named(UdpSocket::bind(local).and_then(|socket| socket.send_to(b"x", target)).map(drop), "sent")
}

/// A part of the subnet, and each port of it that is worth a try.
fn instances() -> impl Iterator<Item = SocketAddr> {
    (1..=60).flat_map(|host| PORTS.map(|port| SocketAddr::from((Ipv4Addr::new(10, 0, 0, host), port))))
}

fn names() -> String {
    let long = "a".repeat(300);
    tally(NAMES.into_iter().chain([&*long]).map(|name| match (name, 80).to_socket_addrs() {
        Ok(found) => {
            let addresses: Vec<String> = found.map(|address| address.ip().to_string()).collect();
            format!("{name} is {}", addresses.join(" and "))
        }
        Err(_) => "nothing".to_owned(),
    }))
}

/// Ten thousand sockets, all kept.
fn hoard() -> String {
    let sockets: Vec<_> = (0..10_000).map(|_| bound("127.0.0.1:0")).collect();
    tally(sockets.iter().map(|socket| socket.as_ref().map_or_else(|code| code.name(), |_| "bound")))
}

fn hoard_udp() -> String {
    let sockets: Vec<_> = (0..10_000).map(|_| bound_udp("127.0.0.1:0")).collect();
    tally(sockets.iter().map(|socket| socket.as_ref().map_or_else(|code| code.name(), |_| "bound")))
}

/// How often; `forever` is more often than anybody counts.
fn times(count: &str) -> Result<u64> {
    if count == "forever" { Ok(u64::MAX) } else { count.parse().map_err(|_| ErrorKind::InvalidInput.into()) }
}

fn target(text: &str) -> Result<IpSocketAddress> {
    at(text).map_err(|_| ErrorKind::InvalidInput.into())
}

fn start(address: IpSocketAddress) -> std::result::Result<TcpSocket, ErrorCode> {
    let socket = tcp(V4)?;
    socket.start_connect(&instance_network(), address)?;
    Ok(socket)
}

/// Connects and goes at once, over and over.
fn storm(address: &str, count: &str) -> Result<String> {
    let address = target(address)?;
    Ok(tally((0..times(count)?).map(|_| start(address).map_or_else(|code| code.name(), |_| "started"))))
}

/// Connects that are never finished, all kept; of the last ones only as long as the next ones take.
fn half_open(address: &str, count: &str) -> Result<String> {
    let address = target(address)?;
    let mut kept = Vec::new();
    Ok(tally((0..times(count)?).map(|_| match start(address) {
        Ok(socket) => {
            kept.push(socket);
            "started"
        }
        Err(code) => code.name(),
    })))
}

/// Connections that are written to as far as they take it, and never read.
fn slow_reader(address: &str, count: &str) -> Result<String> {
    let address = target(address)?;
    let mut kept: Vec<(Streams, TcpSocket)> = Vec::new();
    for _ in 0..times(count)? {
        let Ok(socket) = tcp(V4) else { break };
        // A full backlog lets it wait; the others are written to meanwhile.
        if kept.len() < 64
            && let Ok(streams) = connect(&socket, address)
        {
            kept.push((streams, socket));
        }
        for ((_, output), _) in &kept {
            while let Ok(permit @ 1..) = output.check_write() {
                let size = usize::try_from(permit).unwrap_or(usize::MAX).min(65_536);
                if output.write(&vec![7; size]).is_err() {
                    break;
                }
            }
        }
    }
    Ok(format!("{} connections", kept.len()))
}

/// Datagrams as fast as they are taken.
fn datagrams(address: &str, count: &str) -> Result<String> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    let data = [7; 1000];
    Ok(tally((0..times(count)?).map(|_| named(socket.send_to(&data, address).map(drop), "sent"))))
}
