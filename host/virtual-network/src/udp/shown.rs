//! Datagrams as a tap sees them.

use std::net::SocketAddr;

use bytes::Bytes;
use tokio::time::Instant;

use crate::NetError;
use crate::capture::{Content, Packet, Unreachable, Wire};
use crate::network::InterfaceCore;
use crate::policy::Operation;

/// Shows a datagram, if somebody looks.
pub(super) fn show(core: &InterfaceCore, from: SocketAddr, to: SocketAddr, data: &Bytes) {
    if let Some(tap) = core.shared().tap() {
        let wire = wire(core, from, to);
        let content = Content::Udp { data: data.clone() };
        tap.packet(Packet { at: Instant::now(), wire, from, to, content, comment: None });
    }
}

/// Shows a datagram and the answer of the network that it could not be delivered, which the sender may have heard.
pub(super) fn show_undelivered(
    core: &InterfaceCore,
    from: SocketAddr,
    to: SocketAddr,
    data: &Bytes,
    error: NetError,
) {
    let Some(tap) = core.shared().tap() else { return };
    show(core, from, to, data);
    let (why, comment) = match error {
        NetError::AccessDenied => (Unreachable::Prohibited, Some(core.denial_in_words(Operation::Send, to))),
        NetError::RemoteUnreachable => (Unreachable::Host, None),
        NetError::ConnectionRefused => (Unreachable::Port, None),
        _ => return,
    };
    let original = Box::new(Content::Udp { data: data.clone() });
    let content = Content::Unreachable { why, original };
    let comment = comment.map(String::into_boxed_str);
    tap.packet(Packet {
        at: Instant::now(),
        wire: wire(core, from, to),
        from: to,
        to: from,
        content,
        comment,
    });
}

fn wire(core: &InterfaceCore, from: SocketAddr, to: SocketAddr) -> Wire {
    if from.ip().is_loopback() { core.wire(to.ip()) } else { Wire::Network }
}
