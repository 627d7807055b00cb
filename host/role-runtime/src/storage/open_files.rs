//! Which files are open, and which of them have lost their last name.
//!
//! A file that is removed while it is open keeps its bytes until everything that uses it is gone: descriptors,
//! streams of either direction, operations under way. All of them share the handle, so nobody has to report that
//! he is done: a file is closed when its handles are dead.
//!
//! While a file is open its length is kept here, so that a write need not ask for it: whatever changes it takes its turn at
//! the books and reports the new length. A file that is opened after it was closed has to be asked again.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// The identity of a file, whatever its names are. The numbers are a hash of what the operating system goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileKey {
    pub(crate) lower: u64,
    pub(crate) upper: u64,
}

/// The smallest table that is worth clearing of closed files.
const WORTH_CLEARING: usize = 64;

#[derive(Debug)]
pub(crate) struct OpenFiles<T> {
    files: HashMap<FileKey, OpenFile<T>>,
    /// Files without a name, and their lengths.
    orphans: HashMap<FileKey, u64>,
    /// Handles since dead ones were cleared away.
    count: usize,
    clear_at: usize,
}

#[derive(Debug)]
struct OpenFile<T> {
    handles: Vec<Weak<T>>,
    /// None if it has to be asked for.
    length: Option<u64>,
}

impl<T> OpenFile<T> {
    fn is_open(&self) -> bool {
        self.handles.iter().any(is_alive)
    }
}

impl<T> OpenFiles<T> {
    pub(crate) fn new() -> Self {
        Self { files: HashMap::new(), orphans: HashMap::new(), count: 0, clear_at: WORTH_CLEARING }
    }

    /// A file was opened. Returns the bytes of an orphan that had the same identity: it must have been closed, for
    /// the operating system has given its identity away.
    pub(crate) fn opened(&mut self, key: FileKey, handle: &Arc<T>) -> u64 {
        let freed = if self.is_open(key) { 0 } else { self.orphans.remove(&key).unwrap_or(0) };
        if self.count >= self.clear_at {
            self.clear();
        }
        let file = self.files.entry(key).or_insert_with(|| OpenFile { handles: Vec::new(), length: None });
        if !file.is_open() {
            // What is known is of a time before, or of another file.
            file.length = None;
        }
        file.handles.push(Arc::downgrade(handle));
        self.count = self.count.saturating_add(1);
        freed
    }

    pub(crate) fn is_open(&self, key: FileKey) -> bool {
        self.files.get(&key).is_some_and(OpenFile::is_open)
    }

    /// The length of an open file, if it is known.
    pub(crate) fn length(&self, key: FileKey) -> Option<u64> {
        self.files.get(&key)?.length
    }

    /// The lengths of all files have to be asked for: somebody else may have changed them.
    pub(crate) fn forget_lengths(&mut self) {
        for file in self.files.values_mut() {
            file.length = None;
        }
    }

    /// An open file has lost its last name.
    pub(crate) fn orphaned(&mut self, key: FileKey, bytes: u64) {
        self.orphans.insert(key, bytes);
    }

    /// The length of an open file is now this.
    pub(crate) fn resized(&mut self, key: FileKey, bytes: u64) {
        if let Some(file) = self.files.get_mut(&key) {
            file.length = Some(bytes);
        }
        if self.orphans.is_empty() {
            return;
        }
        if let Some(orphan) = self.orphans.get_mut(&key) {
            *orphan = bytes;
        }
    }

    /// The bytes of all orphans.
    pub(crate) fn orphaned_bytes(&self) -> u64 {
        self.orphans.values().fold(0, |total, bytes| total.saturating_add(*bytes))
    }

    /// The bytes of all orphans that were closed since the last call.
    pub(crate) fn closed_orphans(&mut self) -> u64 {
        let files = &self.files;
        let mut freed: u64 = 0;
        self.orphans.retain(|key, bytes| {
            let open = files.get(key).is_some_and(OpenFile::is_open);
            if !open {
                freed = freed.saturating_add(*bytes);
            }
            open
        });
        freed
    }

    /// Forgets closed files, so that the table grows with what is open and not with what has been.
    fn clear(&mut self) {
        self.files.retain(|_, file| {
            file.handles.retain(is_alive);
            !file.handles.is_empty()
        });
        self.count = self.files.values().map(|file| file.handles.len()).sum();
        self.clear_at = self.count.saturating_mul(2).max(WORTH_CLEARING);
    }
}

fn is_alive<T>(handle: &Weak<T>) -> bool {
    handle.strong_count() > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> FileKey {
        FileKey { lower: number, upper: 0 }
    }

    #[test]
    fn a_file_is_open_until_its_last_handle_is_gone() {
        let mut files = OpenFiles::new();
        let (one, two) = (Arc::new(()), Arc::new(()));
        files.opened(key(1), &one);
        files.opened(key(1), &two);
        let stream = Arc::clone(&one);
        drop((one, two));
        assert!(files.is_open(key(1)));
        drop(stream);
        assert!(!files.is_open(key(1)));
    }

    #[test]
    fn an_orphan_gives_its_last_length_back_once_and_only_when_it_is_closed() {
        let mut files = OpenFiles::new();
        let handle = Arc::new(());
        files.opened(key(1), &handle);
        files.orphaned(key(1), 10);
        files.resized(key(1), 25);
        assert_eq!(files.closed_orphans(), 0);
        drop(handle);
        assert_eq!(files.closed_orphans(), 25);
        assert_eq!(files.closed_orphans(), 0);
    }

    #[test]
    fn a_new_file_with_the_identity_of_a_closed_orphan_is_another_file() {
        let mut files = OpenFiles::new();
        let orphan = Arc::new(());
        files.opened(key(1), &orphan);
        files.orphaned(key(1), 10);
        drop(orphan);
        let other = Arc::new(());
        assert_eq!(files.opened(key(1), &other), 10);
        files.resized(key(1), 99);
        drop(other);
        assert_eq!(files.closed_orphans(), 0);
    }

    #[test]
    fn a_length_is_known_from_the_first_report_until_the_file_is_closed() {
        let mut files = OpenFiles::new();
        let one = Arc::new(());
        files.opened(key(1), &one);
        assert_eq!(files.length(key(1)), None, "nobody has asked yet");
        files.resized(key(1), 25);
        let two = Arc::new(());
        files.opened(key(1), &two);
        drop(one);
        assert_eq!(files.length(key(1)), Some(25), "another descriptor has it open");
        drop(two);
        files.opened(key(1), &Arc::new(()));
        assert_eq!(files.length(key(1)), None, "it may have become another file meanwhile");
    }

    #[test]
    fn the_table_does_not_grow_with_files_that_were_closed() {
        let mut files = OpenFiles::new();
        let kept = Arc::new(());
        files.opened(key(0), &kept);
        for number in 1..10_000 {
            files.opened(key(number % 3), &Arc::new(()));
        }
        assert!(files.files.values().map(|file| file.handles.len()).sum::<usize>() <= WORTH_CLEARING + 1);
        assert!(files.is_open(key(0)));
    }
}
