//! The books of one store: its quota, and the files that it has open.
//!
//! | what happens | bytes | names |
//! |---|---|---|
//! | a file grows, by writing behind its end or by its size being set | + the growth of its length, holes included | |
//! | a file shrinks, or is truncated when it is opened | − what it has lost | |
//! | a file is created, a directory, a hard link | | + 1 |
//! | a symbolic link is made | + the length of its target | + 1 |
//! | a name is removed, or replaced by renaming | see below | − 1 |
//!
//! A file counts once, however many names it has. With its last name its bytes are given back; if it is still
//! open, when it is closed.

use std::sync::Arc;

use super::open_files::{FileKey, OpenFiles};
use super::quota::{Quota, Reservation, Usage};

/// What a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: FileKey,
    /// Its length; 0 for what has none that counts.
    pub(crate) bytes: u64,
    /// How many names it has.
    pub(crate) links: u64,
}

#[derive(Debug)]
pub(crate) struct Ledger<T> {
    quota: Quota,
    open: OpenFiles<T>,
    measured: bool,
}

impl<T> Ledger<T> {
    /// Books without anything in them, which grant nothing until the store is measured.
    pub(crate) fn new() -> Self {
        Self { quota: Quota::new(0, Usage::default()), open: OpenFiles::new(), measured: false }
    }

    pub(crate) fn is_measured(&self) -> bool {
        self.measured
    }

    /// The store holds `used`, and may hold `limit` bytes. Removed files that are still open come on top.
    pub(crate) fn measured(&mut self, limit: u64, used: Usage) {
        let _ = self.open.closed_orphans();
        self.open.forget_lengths();
        let bytes = used.bytes.saturating_add(self.open.orphaned_bytes());
        self.quota = Quota::new(limit, Usage { bytes, ..used });
        self.measured = true;
    }

    /// The store may hold this many bytes from now on.
    pub(crate) fn limit(&mut self, bytes: u64) {
        self.quota.limit_to(bytes);
    }

    /// Promises all that is wanted, or nothing.
    pub(crate) fn reserve(&mut self, wanted: Usage) -> Option<Reservation> {
        if let Some(reservation) = self.quota.reserve(wanted) {
            return Some(reservation);
        }
        self.collect();
        self.quota.reserve(wanted)
    }

    /// Promises as many of the bytes that are wanted as there are.
    pub(crate) fn reserve_bytes_up_to(&mut self, wanted: u64) -> Reservation {
        match self.quota.reserve(Usage::bytes(wanted)) {
            Some(reservation) => reservation,
            None => {
                self.collect();
                self.quota.reserve_bytes_up_to(wanted)
            }
        }
    }

    pub(crate) fn settle(&mut self, reservation: Reservation, real: Usage) {
        self.quota.settle(reservation, real);
    }

    /// A file was opened.
    pub(crate) fn opened(&mut self, key: FileKey, handle: &Arc<T>) {
        let freed = self.open.opened(key, handle);
        self.quota.give_back(Usage::bytes(freed));
    }

    /// How long an open file is, if that is in the books.
    pub(crate) fn length(&self, key: FileKey) -> Option<u64> {
        self.open.length(key)
    }

    /// A file has grown within what was reserved.
    pub(crate) fn grown(&mut self, key: FileKey, reservation: Reservation, growth: u64, length: u64) {
        self.quota.settle(reservation, Usage::bytes(growth));
        self.open.resized(key, length);
    }

    /// A file has become shorter.
    pub(crate) fn shrunk(&mut self, key: FileKey, loss: u64, length: u64) {
        self.quota.give_back(Usage::bytes(loss));
        self.open.resized(key, length);
    }

    /// A name is gone. `entry` is what it led to before.
    pub(crate) fn removed(&mut self, entry: Entry) {
        self.quota.give_back(Usage::NAME);
        if entry.links > 1 {
            return;
        }
        if self.open.is_open(entry.key) {
            self.open.orphaned(entry.key, entry.bytes);
        } else {
            self.quota.give_back(Usage::bytes(entry.bytes));
        }
    }

    fn collect(&mut self) {
        let freed = self.open.closed_orphans();
        self.quota.give_back(Usage::bytes(freed));
    }

    #[cfg(test)]
    pub(crate) fn used(&mut self) -> Usage {
        self.collect();
        self.quota.used()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: FileKey = FileKey { lower: 1, upper: 2 };

    fn ledger(bytes: u64, names: u64) -> Ledger<()> {
        let mut ledger = Ledger::new();
        ledger.measured(100, Usage { bytes, names });
        ledger
    }

    fn entry(bytes: u64, links: u64) -> Entry {
        Entry { key: KEY, bytes, links }
    }

    #[test]
    fn a_file_is_given_back_with_its_last_name() {
        let mut ledger = ledger(40, 2);
        ledger.removed(entry(40, 2));
        assert_eq!(ledger.used(), Usage { bytes: 40, names: 1 });
        ledger.removed(entry(40, 1));
        assert_eq!(ledger.used(), Usage::default());
    }

    #[test]
    fn a_removed_file_counts_until_it_is_closed_with_what_it_became_meanwhile() {
        let mut ledger = ledger(40, 1);
        let handle = Arc::new(());
        ledger.opened(KEY, &handle);
        ledger.removed(entry(40, 1));
        assert_eq!(ledger.used(), Usage::bytes(40));
        let more = ledger.reserve_bytes_up_to(1000);
        assert_eq!(more.bytes(), 60);
        ledger.grown(KEY, more, 60, 100);
        assert!(ledger.reserve(Usage::bytes(1)).is_none());
        drop(handle);
        assert!(ledger.reserve(Usage::bytes(100)).is_some(), "freed space counts at once");
    }

    #[test]
    fn an_empty_file_that_grows_after_its_removal_counts_until_it_is_closed() {
        let mut ledger = ledger(0, 1);
        let handle = Arc::new(());
        ledger.opened(KEY, &handle);
        ledger.removed(entry(0, 1));
        let growth = ledger.reserve_bytes_up_to(70);
        ledger.grown(KEY, growth, 70, 70);
        assert_eq!(ledger.used(), Usage::bytes(70));
        drop(handle);
        assert_eq!(ledger.used(), Usage::default());
    }

    #[test]
    fn a_store_that_is_not_measured_grants_nothing() {
        let mut ledger = Ledger::<()>::new();
        assert!(!ledger.is_measured());
        assert_eq!(ledger.reserve_bytes_up_to(1).bytes(), 0);
    }

    #[test]
    fn a_store_that_is_measured_again_still_has_its_removed_files() {
        let mut ledger = ledger(40, 1);
        let handle = Arc::new(());
        ledger.opened(KEY, &handle);
        ledger.removed(entry(40, 1));
        ledger.measured(100, Usage { bytes: 7, names: 1 });
        assert_eq!(ledger.used(), Usage { bytes: 47, names: 1 });
        drop(handle);
        assert_eq!(ledger.used(), Usage { bytes: 7, names: 1 });
    }

    #[test]
    fn a_removed_file_can_shrink() {
        let mut ledger = ledger(40, 1);
        let handle = Arc::new(());
        ledger.opened(KEY, &handle);
        ledger.removed(entry(40, 1));
        ledger.shrunk(KEY, 30, 10);
        assert_eq!(ledger.used(), Usage::bytes(10));
        drop(handle);
        assert_eq!(ledger.used(), Usage::default());
    }
}
