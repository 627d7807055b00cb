//! How long a request may wait, and how many there may be.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasm_roles_virtual_network::MemoryBudget;
use wasmtime_wasi_http::{Error, RequestOptions};

/// Requests that one instance can have under way, in all its stores together, or a program beside it.
pub(super) const REQUESTS: usize = 256;

/// Bytes of the instance's memory that a request is charged for: what hyper reads ahead and holds back for writing, and two
/// parts of a body on their way.
pub(super) const REQUEST_BYTES: u64 = 256 << 10;

/// The longest head of a request or a response, in bytes.
pub(super) const HEAD_BYTES: usize = 64 << 10;

/// The most fields in a head.
pub(super) const HEAD_FIELDS: usize = 256;

/// The longest method, in bytes. The longest that is registered has 17.
pub(super) const METHOD_BYTES: usize = 64;

/// The longest authority, in bytes: a host has at most 254, and a port five digits.
pub(super) const AUTHORITY_BYTES: usize = 320;

/// The longest path, with its query, in bytes.
pub(super) const PATH_BYTES: usize = HEAD_BYTES / 2;

/// The longest that a request waits for anything, and the default.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// The time-outs of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timeouts {
    pub(super) connect: Duration,
    pub(super) first_byte: Duration,
    pub(super) between_bytes: Duration,
}

impl Timeouts {
    pub(super) fn of(options: Option<RequestOptions>) -> Self {
        let options = options.unwrap_or_default();
        let capped = |wait: Option<Duration>| wait.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
        Self {
            connect: capped(options.connect_timeout),
            first_byte: capped(options.first_byte_timeout),
            between_bytes: capped(options.between_bytes_timeout),
        }
    }
}

/// The requests that an instance can have.
pub(super) struct Turns {
    free: Arc<Semaphore>,
    memory: Arc<MemoryBudget>,
}

/// One of them; dropping it makes room.
pub(super) struct Turn {
    _permit: OwnedSemaphorePermit,
    memory: Arc<MemoryBudget>,
}

impl Turns {
    pub(super) fn new(memory: Arc<MemoryBudget>) -> Self {
        Self { free: Arc::new(Semaphore::new(REQUESTS)), memory }
    }

    /// A turn now. Who has to wait for one would wait for the guest itself, which may be the one that waits.
    pub(super) fn take(&self) -> Result<Turn, Error> {
        let permit = Arc::clone(&self.free).try_acquire_owned();
        let permit = permit.map_err(|_| Error::ConnectionLimitReached)?;
        if !self.memory.try_take(REQUEST_BYTES) {
            return Err(Error::ConnectionLimitReached);
        }
        Ok(Turn { _permit: permit, memory: Arc::clone(&self.memory) })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.memory.give_back(REQUEST_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_outs_have_a_default_and_a_longest() {
        let ms = Duration::from_millis;
        let given = |connect, first_byte| {
            let options = RequestOptions {
                connect_timeout: connect,
                first_byte_timeout: first_byte,
                between_bytes_timeout: None,
            };
            let timeouts = Timeouts::of(Some(options));
            assert_eq!(timeouts.between_bytes, LONGEST_WAIT);
            (timeouts.connect, timeouts.first_byte)
        };
        assert_eq!(given(None, Some(ms(5))), (LONGEST_WAIT, ms(5)));
        assert_eq!(given(Some(Duration::MAX), Some(ms(0))), (LONGEST_WAIT, ms(0)));
        assert_eq!(Timeouts::of(None).connect, LONGEST_WAIT);
    }

    #[test]
    fn turns_and_their_memory_are_bounded_and_come_back() {
        let memory = Arc::new(MemoryBudget::new(REQUEST_BYTES * 1000));
        let turns = Turns::new(Arc::clone(&memory));
        let mut taken: Vec<_> = (0..REQUESTS).map(|_| turns.take().unwrap()).collect();
        assert!(matches!(turns.take(), Err(Error::ConnectionLimitReached)));
        taken.pop();
        taken.push(turns.take().unwrap());
        drop(taken);
        assert_eq!(memory.used(), 0);
        let poor = Turns::new(Arc::new(MemoryBudget::new(REQUEST_BYTES)));
        let _one = poor.take().unwrap();
        assert!(matches!(poor.take(), Err(Error::ConnectionLimitReached)));
    }
}
