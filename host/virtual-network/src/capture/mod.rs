//! Seeing the traffic: what a [`Tap`] is told, and a tap that writes it to a file for Wireshark.
//!
//! The network has no packets, so they are made up from what happens: a handshake when a connection is established,
//! data with the right sequence numbers and its acknowledgment, FIN and RST, datagrams; a connect that nobody takes is
//! answered with RST, and one that the policy denies with the ICMP message "administratively prohibited". A packet
//! appears when it is sent. Under [faults](crate::Faults) it may arrive later, or not at all.
//!
//! Who is outside is seen as far as the instance sees it: the bytes that the guest reads and writes. What datagrams an
//! instance gets in answer to those that it sent out by a rule of the host is not shown yet.
//!
//! Without a tap a connection carries an empty pointer, and that is all.

mod conversation;
mod file;
mod headers;
mod pcapng;
mod tap;
#[cfg(test)]
mod tests;

pub(crate) use conversation::Conversation;
pub use file::CaptureFile;
pub use headers::SEGMENT;
pub use tap::{Content, Packet, Tap, TcpFlags, Unreachable, Wire};
