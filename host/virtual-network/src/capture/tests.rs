//! What is written is read back by a reader that knows the formats and nothing of the writer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::CaptureFile;
use super::tap::{Content, Packet, Tap, TcpFlags, Unreachable, Wire};
use super::{SEGMENT, headers, pcapng};

fn packet(from: SocketAddr, to: SocketAddr, content: Content) -> Packet {
    Packet { at: Instant::now(), wire: Wire::Network, from, to, content, comment: None }
}

fn v4(last: u8, port: u16) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::new(10, 0, 0, last).into(), port)
}

fn v6(port: u16) -> SocketAddr {
    SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port)
}

fn tcp(flags: TcpFlags, data: impl Into<Bytes>) -> Content {
    Content::Tcp { sequence: u32::MAX - 1, acknowledgment: 7, flags, data: data.into() }
}

/// The ones' complement sum of 16-bit words; 0xffff over a part that holds its own right checksum.
fn ones_sum(parts: &[&[u8]]) -> u16 {
    let mut bytes = parts.concat();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes.chunks(2).fold(0_u16, |sum, word| {
        let (sum, carry) = sum.overflowing_add(u16::from_be_bytes([word[0], word[1]]));
        sum + u16::from(carry)
    })
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// Checks the IP header and the checksums, and gives the protocol with what it carries.
fn open_ip(packet: &[u8]) -> (u8, Vec<u8>) {
    let (protocol, header, addresses) = match packet[0] >> 4 {
        4 => {
            assert_eq!(packet[0], 0x45);
            assert_eq!(number(&packet[2..4]), packet.len(), "total length");
            assert_eq!(ones_sum(&[&packet[..20]]), 0xffff, "header checksum");
            (packet[9], 20, &packet[12..20])
        }
        6 => {
            assert_eq!(number(&packet[4..6]), packet.len() - 40, "payload length");
            (packet[6], 40, &packet[8..40])
        }
        version => panic!("IP version {version}"),
    };
    let body = &packet[header..];
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let sum = match protocol {
        1 => ones_sum(&[body]),
        _ => ones_sum(&[addresses, &length, &[0, 0, 0, protocol], body]),
    };
    assert_eq!(sum, 0xffff, "checksum of protocol {protocol}");
    (protocol, body.to_vec())
}

#[test]
fn every_kind_of_packet_has_right_lengths_and_checksums() {
    let odd = Bytes::from_static(b"odd");
    for (from, to) in [(v4(4, 50_000), v4(5, 7000)), (v6(50_000), v6(7000))] {
        let contents = [
            tcp(TcpFlags::SYN, ""),
            tcp(TcpFlags::ACK.and(TcpFlags::PSH), odd.clone()),
            tcp(TcpFlags::RST.and(TcpFlags::ACK), ""),
            Content::Udp { data: odd.clone() },
            Content::Udp { data: Bytes::new() },
            Content::Udp { data: Bytes::from(vec![0xff; 65_507]) },
        ];
        for content in contents {
            let made = headers::packets(&packet(from, to, content.clone()));
            let [made] = made.as_slice() else { panic!("one packet") };
            let (protocol, body) = open_ip(made);
            assert_eq!((number(&body[..2]), number(&body[2..4])), (50_000, 7000), "ports");
            match content {
                Content::Tcp { data, .. } => {
                    assert_eq!(protocol, 6);
                    assert_eq!((number(&body[4..8]), number(&body[8..12])), (0xffff_fffe, 7));
                    assert_eq!(&body[usize::from(body[12] >> 4) * 4..], &data);
                }
                Content::Udp { data } => {
                    assert_eq!((protocol, number(&body[4..6])), (17, body.len()));
                    assert_eq!(&body[8..], &data);
                }
                Content::Unreachable { .. } => panic!("not made here"),
            }
        }
    }
}

#[test]
fn a_checksum_of_zero_is_written_as_its_other_form() {
    // Zeros in UDP mean that there is no checksum, which IPv6 does not allow.
    let all = (0..=u16::MAX).map(|n| Content::Udp { data: Bytes::copy_from_slice(&n.to_be_bytes()) });
    let bodies = all.map(|content| open_ip(&headers::packets(&packet(v6(1), v6(2), content))[0]).1);
    assert!(bodies.into_iter().all(|body| body[6..8] != [0, 0]));
}

#[test]
fn long_data_becomes_several_segments_that_follow_each_other() {
    let data: Vec<u8> = (0..SEGMENT * 2 + 9).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let flags = TcpFlags::PSH.and(TcpFlags::ACK);
    let made = headers::packets(&packet(v4(4, 1), v4(5, 2), tcp(flags, data.clone())));
    let mut next = 0xffff_fffe_u32;
    let mut collected = Vec::new();
    for (position, segment) in made.iter().enumerate() {
        let body = open_ip(segment).1;
        assert_eq!(number(&body[4..8]), usize::try_from(next).unwrap());
        assert_eq!(body[13] & 0x08 != 0, position == 2, "the last one is pushed");
        next = next.wrapping_add(u32::try_from(body.len() - 20).unwrap());
        collected.extend_from_slice(&body[20..]);
    }
    assert_eq!(made.len(), 3);
    assert!(collected == data);
}

#[test]
fn what_cannot_be_delivered_comes_back_in_part() {
    for (from, to, kind, code) in [(v4(4, 50_000), v4(5, 7000), 3, 13), (v6(50_000), v6(7000), 1, 1)] {
        let original = tcp(TcpFlags::SYN, "");
        let sent = headers::packets(&packet(from, to, original.clone())).remove(0);
        let content = Content::Unreachable { why: Unreachable::Prohibited, original: Box::new(original) };
        let (_, body) = open_ip(&headers::packets(&packet(to, from, content))[0]);
        let header = if from.is_ipv4() { 20 } else { 40 };
        assert_eq!(body[..2], [kind, code]);
        assert_eq!(body[8..], sent[..header + 8]);
    }
}

/// The blocks of a file: their types and bodies.
fn blocks(mut file: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let word = |bytes: &[u8]| u32::from_le_bytes(bytes[..4].try_into().unwrap());
    let mut blocks = Vec::new();
    while !file.is_empty() {
        let length = usize::try_from(word(&file[4..])).unwrap();
        assert_eq!(length % 4, 0);
        assert_eq!(word(&file[length - 4..]), word(&file[4..]), "both lengths");
        blocks.push((word(file), file[8..length - 4].to_vec()));
        file = &file[length..];
    }
    blocks
}

/// The options from an offset on: code and value.
fn options(mut body: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let half = |bytes: &[u8]| u16::from_le_bytes(bytes[..2].try_into().unwrap());
    let mut options = Vec::new();
    while !body.is_empty() {
        let (code, length) = (half(body), usize::from(half(&body[2..])));
        if code == 0 {
            assert_eq!(body.len(), 4, "nothing follows the end of options");
            break;
        }
        options.push((code, body[4..4 + length].to_vec()));
        body = &body[4 + length.next_multiple_of(4)..];
    }
    options
}

#[test]
fn blocks_are_built_as_the_format_says() {
    let time = Duration::new(1_700_000_000, 123_456_789);
    let file = [
        pcapng::section_header("wasm-roles"),
        pcapng::interface("loopback Web_IN_0"),
        pcapng::name(Ipv4Addr::new(10, 0, 0, 4), "Web_IN_0"),
        pcapng::packet(1, time, b"12345", Some("hello")),
        pcapng::packet(0, time, b"1234", None),
        pcapng::statistics(0, time, 17, 4),
    ]
    .concat();
    let blocks = blocks(&file);
    assert_eq!(blocks.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [0x0a0d_0d0a, 1, 4, 6, 6, 5]);
    assert_eq!(blocks[0].1[..8], [0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0]);
    assert_eq!(options(&blocks[0].1[16..]), [(4, b"wasm-roles".to_vec())]);
    assert_eq!(blocks[1].1[..8], [101, 0, 0, 0, 0, 0, 0, 0], "raw IP, whole packets");
    assert_eq!(options(&blocks[1].1[8..]), [(2, b"loopback Web_IN_0".to_vec()), (9, vec![9])]);
    assert_eq!(blocks[2].1, b"\x01\0\x0d\0\x0a\0\0\x04Web_IN_0\0\0\0\0\0\0\0\0");
    let nanoseconds = 1_700_000_000_123_456_789_u64;
    let halves = [nanoseconds >> 32, nanoseconds & 0xffff_ffff].map(|half| u32::try_from(half).unwrap());
    let halves = halves.map(u32::to_le_bytes).concat();
    assert_eq!(blocks[3].1[..20], [&[1, 0, 0, 0], halves.as_slice(), &[5, 0, 0, 0, 5, 0, 0, 0]].concat());
    assert_eq!(blocks[3].1[20..28], *b"12345\0\0\0");
    assert_eq!(options(&blocks[3].1[28..]), [(1, b"hello".to_vec())]);
    assert_eq!(blocks[4].1.len(), 24);
    let counts = [(4, 17_u64.to_le_bytes().to_vec()), (5, 4_u64.to_le_bytes().to_vec())];
    assert_eq!(options(&blocks[5].1[12..]), counts);
}

#[test]
fn an_address_of_one_family_to_one_of_the_other_still_makes_a_packet() {
    let mixed = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
    let made = headers::packets(&packet(mixed, v6(2), Content::Udp { data: Bytes::new() }));
    assert_eq!(open_ip(&made[0]).0, 17);
}

/// A disk that takes the head of a file, and the rest only when its other end is gone.
struct Stuck {
    taken: usize,
    gone: std::sync::mpsc::Receiver<()>,
}

impl std::io::Write for Stuck {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.taken += 1;
        if self.taken > 2 {
            let _ = self.gone.recv();
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_could_not_be_delivered_counts_with_all_its_bytes_while_it_waits_for_the_disk() {
    let (disk, gone) = std::sync::mpsc::channel();
    let file = CaptureFile::start(Stuck { taken: 0, gone }, Duration::ZERO).unwrap();
    let data = Bytes::from(vec![0; 65_507]);
    for _ in 0..1_000 {
        let original = Box::new(Content::Udp { data: data.clone() });
        let why = Unreachable::Prohibited;
        file.packet(packet(v4(5, 7000), v4(4, 50_000), Content::Unreachable { why, original }));
    }
    assert!(file.dropped() > 400, "64 MB do not fit into 32 MiB: {}", file.dropped());
    drop(disk);
    file.finish().unwrap();
}
