//! One store with a quota, as all who use it share it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::spawn_blocking;

use super::ledger::Ledger;
use super::measure::measure;

/// A store with a quota. A clone is a handle to the same store: all descriptors share one ledger.
///
/// What changes the store takes turns. A turn is kept until the operating system has done its part, even if
/// whoever asked for it has gone: so two descriptors cannot use the same bytes, and the books are right.
#[derive(Clone, Debug)]
pub(crate) struct Volume(Arc<Mutex<Ledger<File>>>);

/// The right to change a store.
pub(super) type Turn = OwnedMutexGuard<Ledger<File>>;

/// Why the store was not changed, or not as much as was wanted.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the quota of the local storage is used up")]
    QuotaExceeded,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Volume {
    /// Nothing can be done with it before it is measured.
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Ledger::new())))
    }

    pub(super) async fn turn(&self) -> Turn {
        Arc::clone(&self.0).lock_owned().await
    }

    /// The turn, if nobody has it and nobody waits for it.
    pub(super) fn turn_now(&self) -> Option<Turn> {
        Arc::clone(&self.0).try_lock_owned().ok()
    }

    /// Holds the store to `limit` bytes from now on. It is measured if it has not been, or if somebody may have
    /// changed it since.
    pub(super) async fn hold_to(&self, limit: u64, directory: &Path, again: bool) -> io::Result<()> {
        let mut turn = self.turn().await;
        if turn.is_measured() && !again {
            turn.limit(limit);
            return Ok(());
        }
        let directory: PathBuf = directory.to_owned();
        let measured = spawn_blocking(move || {
            // The turn is kept: nothing may change the store meanwhile.
            let used = measure(&directory)?;
            turn.measured(limit, used);
            Ok(())
        });
        measured.await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether anybody else has a handle to it, operations under way included.
    pub(super) fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    #[cfg(test)]
    pub(super) async fn used(&self) -> super::quota::Usage {
        self.0.lock().await.used()
    }
}
