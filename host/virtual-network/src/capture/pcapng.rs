//! Blocks of a pcapng file (draft-ietf-opsawg-pcapng). Pure: bytes out of values.
//!
//! All numbers are little-endian. The times count nanoseconds since 1970.

use std::net::Ipv4Addr;
use std::time::Duration;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const NAME_RESOLUTION: u32 = 4;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// Packets begin with an IPv4 or IPv6 header.
const LINK_TYPE_RAW: u16 = 101;

/// Options, by block.
const COMMENT: u16 = 1;
const USER_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const TIME_RESOLUTION: u16 = 9;
const RECEIVED: u16 = 4;
const DROPPED: u16 = 5;

/// The longest comment and name that is written.
const LONGEST_TEXT: usize = 1024;

/// The block that begins a file.
pub(super) fn section_header(application: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(0x1a2b_3c4d_u32.to_le_bytes());
    body.extend(1_u16.to_le_bytes());
    body.extend(0_u16.to_le_bytes());
    // The length of the section is not known.
    body.extend(u64::MAX.to_le_bytes());
    option(&mut body, USER_APPLICATION, application.as_bytes());
    end_of_options(&mut body);
    block(SECTION_HEADER, &body)
}

/// An interface; the first one has the number 0.
pub(super) fn interface(name: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(LINK_TYPE_RAW.to_le_bytes());
    body.extend(0_u16.to_le_bytes());
    // No limit to the length of packets.
    body.extend(0_u32.to_le_bytes());
    option(&mut body, INTERFACE_NAME, text(name));
    option(&mut body, TIME_RESOLUTION, &[9]);
    end_of_options(&mut body);
    block(INTERFACE_DESCRIPTION, &body)
}

/// The name of an address.
pub(super) fn name(address: Ipv4Addr, name: &str) -> Vec<u8> {
    let name = text(name);
    let mut body = Vec::new();
    body.extend(1_u16.to_le_bytes());
    body.extend(length16(name.len().saturating_add(5)).to_le_bytes());
    body.extend(address.octets());
    body.extend(name);
    body.push(0);
    pad(&mut body);
    // The end of the records; no options.
    body.extend([0; 4]);
    block(NAME_RESOLUTION, &body)
}

/// A packet.
pub(super) fn packet(interface: u32, since_1970: Duration, data: &[u8], comment: Option<&str>) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut body = Vec::with_capacity(data.len().saturating_add(64));
    body.extend(interface.to_le_bytes());
    body.extend(time(since_1970));
    body.extend(length);
    body.extend(length);
    body.extend(data);
    pad(&mut body);
    if let Some(comment) = comment {
        option(&mut body, COMMENT, text(comment));
        end_of_options(&mut body);
    }
    block(ENHANCED_PACKET, &body)
}

/// What an interface has seen in all, and what of it is not in the file.
pub(super) fn statistics(interface: u32, since_1970: Duration, received: u64, dropped: u64) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(interface.to_le_bytes());
    body.extend(time(since_1970));
    option(&mut body, RECEIVED, &received.to_le_bytes());
    option(&mut body, DROPPED, &dropped.to_le_bytes());
    end_of_options(&mut body);
    block(INTERFACE_STATISTICS, &body)
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len().saturating_add(12)).unwrap_or(u32::MAX).to_le_bytes();
    let mut block = Vec::with_capacity(body.len().saturating_add(12));
    block.extend(kind.to_le_bytes());
    block.extend(length);
    block.extend(body);
    block.extend(length);
    block
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend(length16(value.len()).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

/// The upper half of the time, then the lower one.
fn time(since_1970: Duration) -> [u8; 8] {
    let nanoseconds = u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX);
    nanoseconds.rotate_left(32).to_le_bytes()
}

fn text(text: &str) -> &[u8] {
    let end = text.floor_char_boundary(LONGEST_TEXT);
    text.as_bytes().get(..end).unwrap_or_default()
}

fn length16(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}
