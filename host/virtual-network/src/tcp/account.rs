//! What one interface has sent and nobody has read yet, over all of its connections.
//!
//! Those bytes are the host's memory, not the guest's, so they have a bound. A guest with few connections never
//! notices it: each direction holds up to [`CAPACITY`]. Above [`PRESSURE`] in sum every direction of the interface
//! holds [`UNDER_PRESSURE`] only, as the kernel's TCP does when memory is short. Nobody ever waits for room in
//! another connection, so a connection whose peer reads always goes on.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that one direction of a connection holds.
///
/// The kernel's buffers on loopback are of this order. Less means a wake-up every few chunks of 64 KiB, which
/// halves the speed of a stream (BENCHMARKS.md, "Guest to guest").
pub const CAPACITY: usize = 1024 * 1024;

/// Unread bytes of one interface above which its connections hold less.
pub(super) const PRESSURE: usize = 32 * 1024 * 1024;

/// Bytes that one direction holds under pressure.
pub(super) const UNDER_PRESSURE: usize = 16 * 1024;

/// Unread bytes that an interface has sent.
#[derive(Debug, Default)]
pub(crate) struct Account {
    unread: AtomicUsize,
}

impl Account {
    /// Bytes that one direction of a connection of this interface may hold now.
    pub(super) fn capacity(&self) -> usize {
        if self.unread.load(Ordering::Relaxed) < PRESSURE { CAPACITY } else { UNDER_PRESSURE }
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.unread.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes that were read or thrown away; never more than were sent.
    pub(super) fn settled(&self, bytes: usize) {
        self.unread.fetch_sub(bytes, Ordering::Relaxed);
    }
}
