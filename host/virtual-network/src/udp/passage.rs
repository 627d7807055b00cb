//! The way of a datagram between two instances, which faults may come between.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::time::Instant;

use super::inbox::{Datagram, Delivery, Inbox};
use crate::course::Link;
use crate::network::InterfaceCore;
use crate::tcp::Side;

/// When a datagram arrives, and when its copy does, if faults hold between the two.
pub(super) fn arrivals(
    core: &Arc<InterfaceCore>,
    from: IpAddr,
    to: IpAddr,
    bytes: usize,
) -> Option<[Option<Instant>; 2]> {
    let shared = core.shared_handle();
    if !shared.faults.is_active() {
        return None;
    }
    let (from, to) = Link::new(shared, from, to)?.ends(Side::Client);
    Some(shared.datagram_passage(from, to, bytes))
}

/// Brings a datagram of the instance at `from` to an inbox at the address `to`. `outcome` hears what became of it, of each
/// copy, and nothing of one that is lost on its way.
pub(super) fn pass(
    core: &Arc<InterfaceCore>,
    from: IpAddr,
    inbox: &Inbox,
    datagram: Datagram,
    to: IpAddr,
    mut outcome: impl FnMut(Delivery),
) {
    let Some(arrivals) = arrivals(core, from, to, datagram.data.len()) else {
        return outcome(inbox.deliver(datagram, to));
    };
    let now = Instant::now();
    for due in arrivals.into_iter().flatten() {
        let datagram = datagram.clone();
        outcome(if due <= now {
            inbox.deliver(datagram, to)
        } else {
            inbox.deliver_later(datagram, to, due, core.shared_handle())
        });
    }
}
