//! Blocking work on files: so much at once, and with so much memory.
//!
//! Threads: at most [`AT_ONCE`] jobs of one role; the others wait. Memory: pieces of [`LARGE`] bytes make a stream fast, but a client that
//! reads slowly holds them. So there are at most [`LARGE_PIECES`] of them; whoever finds none left reads in pieces of [`SMALL`] bytes.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Blocking jobs at once.
const AT_ONCE: usize = 16;
/// Bytes in a large piece.
pub(crate) const LARGE: usize = 256 << 10;
/// Large pieces in memory at once: 32 MiB.
const LARGE_PIECES: usize = 128;
/// Bytes in a small piece, which anybody gets.
pub(crate) const SMALL: usize = 32 << 10;
/// Large buffers kept for the next reader.
const KEPT: usize = 16;

/// The means by which files of a role are read. A clone is the same means.
#[derive(Clone, Debug)]
pub(crate) struct Readers {
    jobs: Arc<Semaphore>,
    buffers: Arc<Buffers>,
}

impl Readers {
    pub(crate) fn new() -> Self {
        let buffers = Buffers { large: Arc::new(Semaphore::new(LARGE_PIECES)), kept: Mutex::default() };
        Self { jobs: Arc::new(Semaphore::new(AT_ONCE)), buffers: Arc::new(buffers) }
    }

    /// Does something that blocks, away from the caller's thread. It goes on when nobody waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        job: impl FnOnce(&Arc<Buffers>) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        // Nobody closes the semaphore.
        let permit = self.jobs.acquire_owned().await.map_err(io::Error::other)?;
        let buffers = self.buffers;
        let done = tokio::task::spawn_blocking(move || {
            let done = job(&buffers);
            drop(permit);
            done
        });
        done.await.map_err(io::Error::other)?
    }
}

/// Where pieces of files get their memory.
#[derive(Debug)]
pub(crate) struct Buffers {
    large: Arc<Semaphore>,
    kept: Mutex<Vec<Vec<u8>>>,
}

impl Buffers {
    /// Reads the next piece of a file, at most `wanted` bytes. Empty only at the end of the file.
    pub(crate) fn read(self: &Arc<Self>, file: &mut File, wanted: u64) -> io::Result<Bytes> {
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        if wanted > SMALL
            && let Ok(permit) = Arc::clone(&self.large).try_acquire_owned()
        {
            let mut piece = Piece { memory: self.take(), length: 0, home: Arc::clone(self), _permit: permit };
            piece.length = fill(file, piece.memory.get_mut(..wanted.min(LARGE)).unwrap_or_default())?;
            return Ok(Bytes::from_owner(piece));
        }
        let mut memory = vec![0; wanted.min(SMALL)];
        let length = fill(file, &mut memory)?;
        memory.truncate(length);
        Ok(memory.into())
    }

    fn take(&self) -> Vec<u8> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| vec![0; LARGE])
    }

    fn give_back(&self, memory: Vec<u8>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(memory);
        }
    }
}

/// Fills the memory as far as the file goes.
fn fill(file: &mut File, mut memory: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while !memory.is_empty() {
        match file.read(memory) {
            Ok(0) => break,
            Ok(read) => {
                length += read;
                memory = memory.get_mut(read..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// A large piece of a file. Its memory goes back when the last handle to it is dropped.
struct Piece {
    memory: Vec<u8>,
    length: usize,
    home: Arc<Buffers>,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        self.memory.get(..self.length).unwrap_or_default()
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.home.give_back(std::mem::take(&mut self.memory));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    fn file(length: usize) -> File {
        let mut file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..length).map(|position| u8::try_from(position % 251).unwrap()).collect();
        file.write_all(&content).unwrap();
        file.rewind().unwrap();
        file
    }

    #[test]
    fn when_the_large_pieces_are_all_out_the_small_ones_remain() {
        let buffers = Readers::new().buffers;
        let mut pieces = Vec::new();
        for _ in 0..LARGE_PIECES {
            pieces.push(buffers.read(&mut file(LARGE + 1), u64::MAX).unwrap());
        }
        assert!(pieces.iter().all(|piece| piece.len() == LARGE));
        assert_eq!(buffers.read(&mut file(LARGE), u64::MAX).unwrap().len(), SMALL);
        drop(pieces);
        assert_eq!(buffers.read(&mut file(LARGE), u64::MAX).unwrap().len(), LARGE);
        assert_eq!(buffers.kept.lock().unwrap().len(), KEPT);
    }

    #[test]
    fn a_piece_in_used_memory_has_only_what_was_read() {
        let buffers = Readers::new().buffers;
        drop(buffers.read(&mut file(LARGE), u64::MAX).unwrap());
        let piece = buffers.read(&mut file(SMALL + 7), u64::MAX).unwrap();
        assert_eq!(piece.len(), SMALL + 7);
        assert_eq!(piece[250..253], [250, 0, 1]);
        assert!(buffers.read(&mut file(0), 5).unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_jobs_at_once_and_no_more() {
        let readers = Readers::new();
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let stuck: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let held = Arc::clone(&held);
                tokio::spawn(readers.clone().run(move |_| Ok(held.lock().unwrap().recv().is_err())))
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(readers.jobs.available_permits(), 0);
        let mut next = Box::pin(readers.clone().run(|_| Ok(())));
        let waker = std::task::Waker::noop();
        assert!(next.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
        drop(hold);
        for job in stuck {
            assert!(job.await.unwrap().unwrap());
        }
        next.await.unwrap();
    }
}
