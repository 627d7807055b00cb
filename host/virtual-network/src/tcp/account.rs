//! What one interface has sent and nobody has read yet, over all of its connections.
//!
//! Those bytes are the host's memory, so they have a bound, and they are charged to the instance's
//! [`MemoryBudget`]. A guest with few connections never
//! notices it: each direction holds up to [`CAPACITY`]. Above [`PRESSURE`] in sum every direction of the interface
//! holds [`UNDER_PRESSURE`] only, as the kernel's TCP does when memory is short, and [`AT_LEAST`] when the budget is
//! tight. Nobody ever waits for room in another connection, so a connection whose peer reads always goes on.

use std::sync::Arc;

use crate::budget::{Charge, MemoryBudget};

/// Bytes that one direction of a connection holds.
///
/// The kernel's buffers on loopback are of this order. Less means a wake-up every few chunks of 64 KiB, which
/// halves the speed of a stream (BENCHMARKS.md, "Guest to guest").
pub const CAPACITY: usize = 1024 * 1024;

/// Unread bytes of one interface above which its connections hold less.
pub(super) const PRESSURE: usize = 32 * 1024 * 1024;

/// Bytes that one direction holds under pressure.
pub(super) const UNDER_PRESSURE: usize = 16 * 1024;

/// Bytes that one direction holds when the instance's memory is used up.
pub(super) const AT_LEAST: usize = 4 * 1024;

/// Unread bytes that an interface has sent.
#[derive(Debug)]
pub(crate) struct Account {
    unread: Charge,
}

impl Account {
    pub(crate) fn new(budget: Arc<MemoryBudget>) -> Self {
        Self { unread: Charge::new(budget) }
    }

    /// Bytes that one direction of a connection of this interface may hold now.
    pub(super) fn capacity(&self) -> usize {
        if self.unread.is_tight() {
            AT_LEAST
        } else if self.unread.bytes() < PRESSURE {
            CAPACITY
        } else {
            UNDER_PRESSURE
        }
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.unread.add(bytes);
    }

    /// Bytes that were read or thrown away; never more than were sent.
    pub(super) fn settled(&self, bytes: usize) {
        if bytes > 0 {
            self.unread.subtract(bytes);
        }
    }
}

impl Default for Account {
    /// An account of somebody who has no budget.
    fn default() -> Self {
        Self::new(Arc::default())
    }
}
