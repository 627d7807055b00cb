//! The output stream of a file in a volume, for WASI 0.2.

use std::mem;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::JoinHandle;
use wasmtime_wasi::p2::{DynOutputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::CHUNK;
use super::contents::{Position, StoredFile, Written, joined};
use super::volume::Failure;

pub(super) struct FileOutput {
    file: StoredFile,
    position: Position,
    state: State,
}

enum State {
    Ready,
    Writing(Task),
    /// The last write failed, and the guest has not been told.
    Failed(Failure),
    Closed,
}

/// A write in the background. What has begun goes on to its end even if the stream is gone; what waits for its turn
/// does not.
struct Task(JoinHandle<Written>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl FileOutput {
    pub(super) fn boxed(file: StoredFile, position: Position) -> DynOutputStream {
        Box::new(Self { file, position, state: State::Ready })
    }

    /// Waits for the write in the background.
    async fn settle(&mut self) {
        if let State::Writing(task) = &mut self.state {
            let written = joined((&mut task.0).await);
            self.state = self.done(written);
        }
    }

    fn done(&mut self, written: Written) -> State {
        self.position = self.position.after(written.bytes);
        match written.outcome {
            Ok(()) => State::Ready,
            Err(failure) => State::Failed(failure),
        }
    }

    /// Tells of a failure, once; the stream is closed then.
    fn checked(&mut self) -> StreamResult<()> {
        match mem::replace(&mut self.state, State::Closed) {
            State::Failed(failure) => Err(StreamError::LastOperationFailed(failure.into())),
            State::Closed => Err(StreamError::Closed),
            working => {
                self.state = working;
                Ok(())
            }
        }
    }
}

#[async_trait]
impl OutputStream for FileOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        match self.state {
            State::Ready => {}
            State::Closed => return Err(StreamError::Closed),
            State::Writing(_) | State::Failed(_) => {
                return Err(StreamError::trap("a write without a permission from check-write"));
            }
        }
        let (file, position) = (self.file.clone(), self.position);
        // Mostly nobody else is at it; then there is no need for a task that waits.
        let task = match file.volume.turn_now() {
            Some(turn) => file.begin_write(turn, bytes, position),
            None => tokio::spawn(async move { file.write_all(bytes, position).await }),
        };
        self.state = State::Writing(Task(task));
        Ok(())
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.settle().await;
        self.checked()?;
        let written = self.file.write_all(bytes, self.position).await;
        self.state = self.done(written);
        self.checked()
    }

    fn flush(&mut self) -> StreamResult<()> {
        // Nothing is kept back: what is not in the file is on its way there.
        self.checked()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.checked()?;
        Ok(if matches!(self.state, State::Ready) { CHUNK } else { 0 })
    }

    async fn cancel(&mut self) {
        // The guest waits for its writes when it drops the stream: so it has no more of them than streams.
        self.settle().await;
        self.state = State::Closed;
    }
}

#[async_trait]
impl Pollable for FileOutput {
    async fn ready(&mut self) {
        self.settle().await;
    }
}
