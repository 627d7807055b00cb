//! What the sockets of one interface have received and the guest has not read yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::budget::{Charge, MemoryBudget};

/// Bytes that the queue of one socket holds: what Linux gives to a socket that does not ask for more.
pub const RECEIVE_BUFFER: usize = 208 * 1024;

/// Bytes that each datagram costs beside its data, so that a flood of empty ones has an end too.
pub const OVERHEAD: usize = 256;

/// Unread bytes of one interface above which its sockets hold less.
const PRESSURE: usize = 32 * 1024 * 1024;

/// Bytes that one queue holds under pressure, or when the instance's memory is used up.
const UNDER_PRESSURE: usize = 16 * 1024;

/// The datagrams that wait in all queues of an interface, charged to the instance's [`MemoryBudget`], and those that found
/// no room.
#[derive(Debug)]
pub(crate) struct Account {
    unread: Charge,
    dropped: AtomicU64,
}

impl Account {
    pub(crate) fn new(budget: Arc<MemoryBudget>) -> Self {
        Self { unread: Charge::new(budget), dropped: AtomicU64::new(0) }
    }

    /// Bytes that the queue of one socket may hold now.
    pub(super) fn capacity(&self) -> usize {
        if self.unread.bytes() < PRESSURE && !self.unread.is_tight() {
            RECEIVE_BUFFER
        } else {
            UNDER_PRESSURE
        }
    }

    pub(super) fn received(&self, bytes: usize) {
        self.unread.add(bytes);
    }

    /// Bytes that were read or thrown away; never more than were received.
    pub(super) fn settled(&self, bytes: usize) {
        self.unread.subtract(bytes);
    }

    pub(super) fn count_drop(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Datagrams that found no room so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
