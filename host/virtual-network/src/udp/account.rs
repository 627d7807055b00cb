//! What the sockets of one interface have received and the guest has not read yet.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Bytes that the queue of one socket holds: what Linux gives to a socket that does not ask for more.
pub const RECEIVE_BUFFER: usize = 208 * 1024;

/// Bytes that each datagram costs beside its data, so that a flood of empty ones has an end too.
pub const OVERHEAD: usize = 256;

/// Unread bytes of one interface above which its sockets hold less.
const PRESSURE: usize = 32 * 1024 * 1024;

/// Bytes that one queue holds under pressure.
const UNDER_PRESSURE: usize = 16 * 1024;

/// The datagrams that wait in all queues of an interface, and those that found no room.
#[derive(Debug, Default)]
pub(crate) struct Account {
    unread: AtomicUsize,
    dropped: AtomicU64,
}

impl Account {
    /// Bytes that the queue of one socket may hold now.
    pub(super) fn capacity(&self) -> usize {
        if self.unread.load(Ordering::Relaxed) < PRESSURE { RECEIVE_BUFFER } else { UNDER_PRESSURE }
    }

    pub(super) fn received(&self, bytes: usize) {
        self.unread.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes that were read or thrown away; never more than were received.
    pub(super) fn settled(&self, bytes: usize) {
        self.unread.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn count_drop(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Datagrams that found no room so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
