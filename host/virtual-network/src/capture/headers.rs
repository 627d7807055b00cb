//! Packets with IP, TCP, UDP and ICMP headers, from what a tap sees. Pure.
//!
//! All checksums are right. Lengths stay within what IP can say: long data of a connection becomes several
//! packets of up to [`SEGMENT`] bytes.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::tap::{Content, Packet, TcpFlags, Unreachable};

/// The most data of one packet of a connection.
pub const SEGMENT: usize = 65_000;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP_V6: u8 = 58;
/// Bytes of a packet that an ICMP message repeats, behind its IP header.
const REPEATED: usize = 8;
/// A maximum segment size and a window scale of 7, so that the window covers what a connection buffers.
const SYN_OPTIONS: [u8; 8] = [2, 4, 0xfd, 0xe8, 1, 3, 3, 7];

/// The packets, from the IP header on.
pub(super) fn packets(packet: &Packet) -> Vec<Vec<u8>> {
    let (from, to) = (packet.from, packet.to);
    match &packet.content {
        Content::Tcp { sequence, acknowledgment, flags, data } => segments(data, *sequence, *flags)
            .map(|(sequence, flags, data)| {
                ip(from, to, TCP, tcp(from, to, sequence, *acknowledgment, flags, data))
            })
            .collect(),
        Content::Udp { data } => vec![ip(from, to, UDP, udp(from, to, data))],
        Content::Unreachable { why, original } => {
            let inner = Packet { from: to, to: from, content: (**original).clone(), ..packet.clone() };
            let original = packets(&inner).into_iter().next().unwrap_or_default();
            vec![unreachable(from, to, *why, &original)]
        }
    }
}

/// The parts of long data; no data is one part. Only the last one is pushed or finishes.
fn segments(data: &Bytes, sequence: u32, flags: TcpFlags) -> impl Iterator<Item = (u32, TcpFlags, &[u8])> {
    let count = data.len().div_ceil(SEGMENT).max(1);
    (0..count).map(move |part| {
        let start = part.saturating_mul(SEGMENT);
        let end = start.saturating_add(SEGMENT).min(data.len());
        let is_last = part.saturating_add(1) == count;
        let sequence = sequence.wrapping_add(u32::try_from(start).unwrap_or(0));
        (sequence, if is_last { flags } else { TcpFlags::ACK }, data.get(start..end).unwrap_or_default())
    })
}

fn tcp(
    from: SocketAddr,
    to: SocketAddr,
    sequence: u32,
    acknowledgment: u32,
    flags: TcpFlags,
    data: &[u8],
) -> Vec<u8> {
    let options: &[u8] = if flags.has(TcpFlags::SYN) { &SYN_OPTIONS } else { &[] };
    let words: u8 = if options.is_empty() { 5 } else { 7 };
    let mut segment = Vec::with_capacity(data.len().saturating_add(28));
    segment.extend(from.port().to_be_bytes());
    segment.extend(to.port().to_be_bytes());
    segment.extend(sequence.to_be_bytes());
    segment.extend(acknowledgment.to_be_bytes());
    segment.extend([words << 4, flags.bits()]);
    segment.extend(u16::MAX.to_be_bytes());
    segment.extend([0; 4]);
    segment.extend(options);
    segment.extend(data);
    let sum = transport_checksum(from.ip(), to.ip(), TCP, &segment);
    put(&mut segment, 16, sum);
    segment
}

fn udp(from: SocketAddr, to: SocketAddr, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len().saturating_add(8)).unwrap_or(u16::MAX);
    let mut datagram = Vec::with_capacity(data.len().saturating_add(8));
    datagram.extend(from.port().to_be_bytes());
    datagram.extend(to.port().to_be_bytes());
    datagram.extend(length.to_be_bytes());
    datagram.extend([0; 2]);
    datagram.extend(data);
    // A sum of zero would mean that there is none.
    let sum = match transport_checksum(from.ip(), to.ip(), UDP, &datagram) {
        0 => u16::MAX,
        sum => sum,
    };
    put(&mut datagram, 6, sum);
    datagram
}

fn unreachable(from: SocketAddr, to: SocketAddr, why: Unreachable, original: &[u8]) -> Vec<u8> {
    let (protocol, header, kind) = if from.is_ipv4() { (ICMP, 20_usize, 3) } else { (ICMP_V6, 40, 1) };
    let code = match (why, from.is_ipv4()) {
        (Unreachable::Prohibited, true) => 13,
        (Unreachable::Prohibited, false) => 1,
        (Unreachable::Host, true) => 1,
        (Unreachable::Port, true) => 3,
        (Unreachable::Host, false) => 3,
        (Unreachable::Port, false) => 4,
    };
    let mut message = vec![kind, code, 0, 0, 0, 0, 0, 0];
    message.extend(original.iter().take(header.saturating_add(REPEATED)));
    let sum = match protocol {
        ICMP => finish(sum(0, &message)),
        _ => transport_checksum(from.ip(), to.ip(), protocol, &message),
    };
    put(&mut message, 2, sum);
    ip(from, to, protocol, message)
}

/// The IP header in front of `body`.
fn ip(from: SocketAddr, to: SocketAddr, protocol: u8, body: Vec<u8>) -> Vec<u8> {
    let length = |header: usize| u16::try_from(body.len().saturating_add(header)).unwrap_or(u16::MAX);
    let mut packet = Vec::with_capacity(body.len().saturating_add(40));
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            packet.extend([0x45, 0]);
            packet.extend(length(20).to_be_bytes());
            // Not fragmented, 64 hops, and a checksum of the header alone.
            packet.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
            packet.extend(from.octets());
            packet.extend(to.octets());
            let sum = finish(sum(0, &packet));
            put(&mut packet, 10, sum);
        }
        (from, to) => {
            packet.extend([0x60, 0, 0, 0]);
            packet.extend(length(0).to_be_bytes());
            packet.extend([protocol, 64]);
            packet.extend(in_v6(from));
            packet.extend(in_v6(to));
        }
    }
    packet.extend(body);
    packet
}

fn in_v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The checksum of a transport, which covers the addresses too.
fn transport_checksum(from: IpAddr, to: IpAddr, protocol: u8, body: &[u8]) -> u16 {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
    let addresses = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => sum(sum(0, &from.octets()), &to.octets()),
        (from, to) => sum(sum(0, &in_v6(from)), &in_v6(to)),
    };
    finish(sum(sum(sum(addresses, &length), &[0, protocol]), body))
}

/// Adds `bytes` as big-endian 16-bit words; an odd last byte is padded.
fn sum(start: u64, bytes: &[u8]) -> u64 {
    bytes.chunks(2).fold(start, |sum, pair| {
        let word = match pair {
            [high, low] => u16::from_be_bytes([*high, *low]),
            [high] => u16::from_be_bytes([*high, 0]),
            _ => 0,
        };
        sum.wrapping_add(word.into())
    })
}

fn finish(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff).wrapping_add(sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

fn put(bytes: &mut [u8], at: usize, value: u16) {
    for (place, byte) in bytes.iter_mut().skip(at).zip(value.to_be_bytes()) {
        *place = byte;
    }
}
