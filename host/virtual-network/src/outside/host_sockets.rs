//! The places for sockets of the host that instances open to the world outside.
//!
//! Each of them is a descriptor, and all tenants share the process's. So each instance may have some, and all of them
//! together [`host_sockets`]. A place is held until its descriptor is closed, not only until the guest lets go of it.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use thiserror::Error;
use tokio::sync::{Semaphore, SemaphorePermit};

/// What a process gets that may have many descriptors, or few.
const BOUNDS: RangeInclusive<u64> = 64..=65_536;
/// What a process gets that does not know how many it may have.
const UNKNOWN: usize = 512;

/// The places of the process.
static OF_THE_PROCESS: LazyLock<Places> = LazyLock::new(|| Places::new(share(descriptors())));

/// Sockets of the host to the world outside that all instances of the process can have together: half of the descriptors
/// that the process may have open (`ulimit -n`) when this is first asked for. The other half is for public connections and
/// files.
#[must_use]
pub fn host_sockets() -> usize {
    OF_THE_PROCESS.limit
}

/// Half of the descriptors, within bounds.
fn share(descriptors: Option<u64>) -> usize {
    let half = descriptors.map(|descriptors| (descriptors / 2).clamp(*BOUNDS.start(), *BOUNDS.end()));
    half.and_then(|half| usize::try_from(half).ok()).unwrap_or(UNKNOWN)
}

/// How many descriptors the process may have open.
#[cfg(unix)]
fn descriptors() -> Option<u64> {
    rlimit::Resource::NOFILE.get_soft().ok()
}

#[cfg(not(unix))]
fn descriptors() -> Option<u64> {
    None
}

/// A number of places.
#[derive(Debug)]
struct Places {
    limit: usize,
    free: Semaphore,
}

impl Places {
    const fn new(limit: usize) -> Self {
        Self { limit, free: Semaphore::const_new(limit) }
    }
}

/// Why an instance was refused a socket of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum HostSocketRefusal {
    /// It has as many as it may.
    #[error("it has {limit} sockets to the world outside, which is its limit")]
    Instance {
        /// How many that are.
        limit: usize,
    },
    /// All instances of the process together have as many as they may.
    #[error(
        "all instances together have {limit} sockets to the world outside, half of the open files that the process may have"
    )]
    Process {
        /// How many that are.
        limit: usize,
    },
}

/// The places of one instance.
#[derive(Debug)]
pub(crate) struct HostSockets {
    limit: usize,
    taken: AtomicUsize,
    /// It was refused one.
    refused: AtomicBool,
    of_the_process: &'static Places,
}

impl HostSockets {
    /// So many places, of those that the process has.
    pub(crate) fn new(limit: usize) -> Self {
        Self::of(limit, &OF_THE_PROCESS)
    }

    const fn of(limit: usize, of_the_process: &'static Places) -> Self {
        Self { limit, taken: AtomicUsize::new(0), refused: AtomicBool::new(false), of_the_process }
    }

    /// Takes a place.
    ///
    /// # Errors
    ///
    /// The instance has all of its places, or the process has none left.
    pub(crate) fn take(self: &Arc<Self>) -> Result<HostSocket, HostSocketRefusal> {
        let Places { limit, free } = self.of_the_process;
        let place = free.try_acquire().map_err(|_| HostSocketRefusal::Process { limit: *limit })?;
        let one_more = |taken: usize| (taken < self.limit).then(|| taken.saturating_add(1));
        let taken = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.map_err(|_| HostSocketRefusal::Instance { limit: self.limit })?;
        Ok(HostSocket { of: self.clone(), _place: place })
    }

    /// Whether a refusal is news; true once.
    pub(crate) fn is_first_refusal(&self) -> bool {
        !self.refused.swap(true, Ordering::Relaxed)
    }
}

/// The right to one socket of the host. Drop it after the socket.
#[derive(Debug)]
pub(crate) struct HostSocket {
    of: Arc<HostSockets>,
    _place: SemaphorePermit<'static>,
}

impl Drop for HostSocket {
    fn drop(&mut self) {
        self.of.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static THREE: Places = Places::new(3);

    fn instance(limit: usize) -> Arc<HostSockets> {
        Arc::new(HostSockets::of(limit, &THREE))
    }

    #[test]
    fn half_of_the_descriptors_are_for_the_world_outside() {
        for (descriptors, share) in
            [(Some(1024), 512), (Some(20), 64), (Some(4096), 2048), (Some(u64::MAX), 65_536), (None, 512)]
        {
            assert_eq!(super::share(descriptors), share, "{descriptors:?}");
        }
    }

    #[test]
    fn an_instance_has_its_own_limit_and_all_share_that_of_the_process() {
        let (small, large) = (instance(2), instance(100));
        let first = [small.take().unwrap(), small.take().unwrap()];
        assert_eq!(small.take().unwrap_err(), HostSocketRefusal::Instance { limit: 2 });
        assert!(small.is_first_refusal() && !small.is_first_refusal());
        let other = large.take().unwrap();
        assert_eq!(large.take().unwrap_err(), HostSocketRefusal::Process { limit: 3 });
        drop(first);
        let again = [large.take().unwrap(), large.take().unwrap()];
        assert_eq!(small.take().unwrap_err(), HostSocketRefusal::Process { limit: 3 });
        drop((again, other));
        assert_eq!((THREE.free.available_permits(), small.taken.load(Ordering::Relaxed)), (3, 0));
    }
}
