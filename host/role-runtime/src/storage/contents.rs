//! What changes the length of a file: writes, and setting its size.
//!
//! A write that does not fit writes what fits, as on a disk that becomes full. Each operation is one piece of work on a
//! thread that may block, and holds its turn to the end of it.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use super::open_files::FileKey;
use super::quota::Usage;
use super::volume::{Failure, Turn, Volume};

/// An open file of a store with a quota.
#[derive(Clone)]
pub(super) struct StoredFile {
    pub(super) volume: Volume,
    pub(super) key: FileKey,
    pub(super) file: Arc<File>,
}

/// Where a write begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    At(u64),
    End,
}

impl Position {
    /// Where the next write begins when this many bytes were written.
    pub(super) fn after(self, written: usize) -> Self {
        match self {
            Self::At(offset) => Self::At(offset.saturating_add(as_u64(written))),
            Self::End => Self::End,
        }
    }
}

/// What became of a write.
pub(super) struct Written {
    /// The bytes that are in the file, even if it failed.
    pub(super) bytes: usize,
    pub(super) outcome: Result<(), Failure>,
}

impl StoredFile {
    /// Writes as many of the bytes as fit, and says how many.
    pub(super) async fn write_some(&self, bytes: Bytes, position: Position) -> Result<usize, Failure> {
        let turn = self.volume.turn().await;
        let Written { bytes: written, outcome } = joined(self.begin_write(turn, bytes, position).await);
        if written > 0 { Ok(written) } else { outcome.map(|()| 0) }
    }

    /// Writes all of the bytes.
    pub(super) async fn write_all(&self, bytes: Bytes, position: Position) -> Written {
        let turn = self.volume.turn().await;
        joined(self.begin_write(turn, bytes, position).await)
    }

    /// Begins to write all of the bytes.
    pub(super) fn begin_write(
        &self,
        mut turn: Turn,
        bytes: Bytes,
        position: Position,
    ) -> JoinHandle<Written> {
        let Self { key, file, .. } = self.clone();
        spawn_blocking(move || write_all(&mut turn, key, &file, &bytes, position))
    }

    pub(super) async fn set_size(&self, size: u64) -> Result<(), Failure> {
        let mut turn = self.volume.turn().await;
        let Self { key, file, .. } = self.clone();
        match spawn_blocking(move || set_size(&mut turn, key, &file, size)).await {
            Ok(outcome) => outcome,
            Err(error) => Err(io::Error::other(error).into()),
        }
    }
}

/// The result of work that was not aborted.
pub(super) fn joined(written: Result<Written, tokio::task::JoinError>) -> Written {
    written.unwrap_or_else(|error| failed(0, io::Error::other(error).into()))
}

fn failed(bytes: usize, failure: Failure) -> Written {
    Written { bytes, outcome: Err(failure) }
}

fn write_all(turn: &mut Turn, key: FileKey, file: &File, bytes: &[u8], position: Position) -> Written {
    let mut written = 0;
    let mut rest = bytes;
    while !rest.is_empty() {
        let count = match write_once(turn, key, file, rest, position.after(written)) {
            Ok(0) => return failed(written, io::Error::from(io::ErrorKind::WriteZero).into()),
            Ok(count) => count,
            Err(Failure::Io(error)) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(failure) => return failed(written, failure),
        };
        written += count;
        rest = rest.get(count..).unwrap_or_default();
    }
    Written { bytes: written, outcome: Ok(()) }
}

fn write_once(
    turn: &mut Turn,
    key: FileKey,
    file: &File,
    bytes: &[u8],
    position: Position,
) -> Result<usize, Failure> {
    let (length, offset) = match position {
        Position::At(offset) => (length(turn, key, file)?, offset),
        // Where the end is decides what is overwritten, not only what is booked: so nobody but the system says it.
        Position::End => {
            let length = file.metadata()?.len();
            (length, length)
        }
    };
    let growth = offset.saturating_add(as_u64(bytes.len())).saturating_sub(length);
    let reservation = turn.reserve_bytes_up_to(growth);
    let missing = usize::try_from(growth - reservation.bytes()).unwrap_or(usize::MAX);
    let fitting = bytes.get(..bytes.len().saturating_sub(missing)).unwrap_or_default();
    let outcome = if fitting.is_empty() {
        Err(Failure::QuotaExceeded)
    } else {
        write_at(file, fitting, offset).map_err(Failure::Io)
    };
    let end = match outcome {
        Ok(count) if count > 0 => offset.saturating_add(as_u64(count)).max(length),
        _ => length,
    };
    turn.grown(key, reservation, end - length, end);
    outcome
}

/// The length of a file, which is asked for only where the books do not have it.
fn length(turn: &Turn, key: FileKey, file: &File) -> io::Result<u64> {
    turn.length(key).map_or_else(|| Ok(file.metadata()?.len()), Ok)
}

fn set_size(turn: &mut Turn, key: FileKey, file: &File, size: u64) -> Result<(), Failure> {
    let length = length(turn, key, file)?;
    let Some(reservation) = turn.reserve(Usage::bytes(size.saturating_sub(length))) else {
        return Err(Failure::QuotaExceeded);
    };
    let outcome = file.set_len(size);
    let now = if outcome.is_ok() { size } else { length };
    turn.grown(key, reservation, now.saturating_sub(length), now);
    turn.shrunk(key, length.saturating_sub(now), now);
    Ok(outcome?)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, offset)
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const KEY: FileKey = FileKey { lower: 1, upper: 1 };

    struct Store {
        folder: tempfile::TempDir,
        volume: Volume,
    }

    impl Store {
        async fn of(quota: u64) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let volume = Volume::new();
            volume.hold_to(quota, folder.path(), true).await.unwrap();
            Self { folder, volume }
        }

        fn create(&self) -> StoredFile {
            let file = File::create(self.folder.path().join("file")).unwrap();
            StoredFile { volume: self.volume.clone(), key: KEY, file: Arc::new(file) }
        }

        async fn used(&self) -> u64 {
            self.volume.used().await.bytes
        }
    }

    fn ones(count: usize) -> Bytes {
        Bytes::from(vec![1; count])
    }

    #[tokio::test]
    async fn writes_fill_the_quota_to_the_last_byte() {
        /// What is in the file, what is written where, and what is in it then.
        const CASES: [(u64, usize, Position, Option<usize>, u64); 10] = [
            (0, 100, Position::At(0), Some(100), 100),
            (0, 101, Position::At(0), Some(100), 100),
            (0, 10, Position::At(95), Some(5), 100),
            (0, 10, Position::At(100), None, 0),
            (0, 10, Position::At(u64::MAX), None, 0),
            (100, 100, Position::At(0), Some(100), 100),
            (100, 10, Position::At(95), Some(5), 100),
            (100, 1, Position::End, None, 100),
            (90, 20, Position::End, Some(10), 100),
            (90, 0, Position::At(1000), Some(0), 90),
        ];
        for (before, count, position, outcome, after) in CASES {
            let store = Store::of(100).await;
            let file = store.create();
            file.set_size(before).await.unwrap();
            let case = format!("{before} bytes, {count} more at {position:?}");
            assert_eq!(file.write_some(ones(count), position).await.ok(), outcome, "{case}");
            assert_eq!(file.file.metadata().unwrap().len(), after, "{case}");
            assert_eq!(store.used().await, after, "{case}");
        }
    }

    #[tokio::test]
    async fn sizes_are_set_within_the_quota() {
        for (before, size, fits) in
            [(0, 100, true), (0, 101, false), (0, u64::MAX, false), (100, 0, true), (40, 100, true)]
        {
            let store = Store::of(100).await;
            let file = store.create();
            file.set_size(before).await.unwrap();
            assert_eq!(file.set_size(size).await.is_ok(), fits, "{before} to {size}");
            let length = file.file.metadata().unwrap().len();
            assert_eq!(length, if fits { size } else { before });
            assert_eq!(store.used().await, length);
        }
    }

    #[tokio::test]
    async fn a_write_that_fails_uses_nothing() {
        let store = Store::of(100).await;
        store.create();
        let read_only = File::open(store.folder.path().join("file")).unwrap();
        let file = StoredFile { volume: store.volume.clone(), key: KEY, file: Arc::new(read_only) };
        assert!(matches!(file.write_some(ones(10), Position::End).await, Err(Failure::Io(_))));
        assert!(matches!(file.set_size(10).await, Err(Failure::Io(_))));
        assert_eq!(store.used().await, 0);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn descriptors_that_race_get_the_quota_together_and_not_each() {
        let store = Store::of(100_000).await;
        let writers: Vec<_> = (0..8)
            .map(|number| {
                let file = File::create(store.folder.path().join(number.to_string())).unwrap();
                let key = FileKey { lower: number, upper: 0 };
                let file = StoredFile { volume: store.volume.clone(), key, file: Arc::new(file) };
                tokio::spawn(async move {
                    while file.write_all(ones(777), Position::End).await.outcome.is_ok() {}
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let lengths = std::fs::read_dir(store.folder.path()).unwrap();
        let total: u64 = lengths.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
        assert_eq!((total, store.used().await), (100_000, 100_000));
    }
}
