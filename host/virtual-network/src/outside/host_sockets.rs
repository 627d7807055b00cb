//! The places for sockets of the host that instances open to the world outside.
//!
//! Each of them is a descriptor, and all tenants share the process's. So each instance may have some, and all of them
//! together [`HOST_SOCKETS`]. A place is held until its descriptor is closed, not only until the guest lets go of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::HOST_SOCKETS;
use crate::NetError;

/// The places of the process.
static OF_THE_PROCESS: Semaphore = Semaphore::const_new(HOST_SOCKETS);

/// The places of one instance.
#[derive(Debug)]
pub(crate) struct HostSockets {
    limit: usize,
    taken: AtomicUsize,
    of_the_process: &'static Semaphore,
}

impl HostSockets {
    /// So many places, of those that the process has.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, taken: AtomicUsize::new(0), of_the_process: &OF_THE_PROCESS }
    }

    /// Takes a place.
    ///
    /// # Errors
    ///
    /// `TooManySockets`: the instance has all of its places, or the process has none left.
    pub(crate) fn take(self: &Arc<Self>) -> Result<HostSocket, NetError> {
        let place = self.of_the_process.try_acquire().map_err(|_| NetError::TooManySockets)?;
        let one_more = |taken: usize| (taken < self.limit).then(|| taken.saturating_add(1));
        let taken = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.map_err(|_| NetError::TooManySockets)?;
        Ok(HostSocket { of: self.clone(), _place: place })
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

    static THREE: Semaphore = Semaphore::const_new(3);

    fn instance(limit: usize) -> Arc<HostSockets> {
        Arc::new(HostSockets { limit, taken: AtomicUsize::new(0), of_the_process: &THREE })
    }

    #[test]
    fn an_instance_has_its_own_limit_and_all_share_that_of_the_process() {
        let (small, large) = (instance(2), instance(100));
        let first = [small.take().unwrap(), small.take().unwrap()];
        assert_eq!(small.take().unwrap_err(), NetError::TooManySockets);
        let other = large.take().unwrap();
        assert_eq!(large.take().unwrap_err(), NetError::TooManySockets, "the process has three");
        drop(first);
        let again = [large.take().unwrap(), large.take().unwrap()];
        assert_eq!(small.take().unwrap_err(), NetError::TooManySockets);
        drop((again, other));
        assert_eq!((THREE.available_permits(), small.taken.load(Ordering::Relaxed)), (3, 0));
    }
}
