//! What a guest for WASI 0.3 writes to a file of a volume.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wasmtime::StoreContextMut;
use wasmtime::component::{Source, StreamConsumer, StreamResult};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode as Code;
use wasmtime_wasi::p3::bindings::filesystem::types::ErrorCode;

use super::CHUNK;
use super::contents::{Position, StoredFile, Written, joined};
use super::p3_codes;
use super::volume::Turn;

type Consumed = Poll<wasmtime::Result<StreamResult>>;
/// How the whole stream ended; it resolves the future that the guest got.
pub(super) type Outcome = Result<(), ErrorCode>;

/// The longest chunk, in bytes, whose memory is kept for the next one: the length of an ordinary buffered write.
const KEPT: usize = 8 * 1024;

pub(super) struct FileInput {
    file: StoredFile,
    position: Position,
    step: Step,
    /// What the last chunk was copied to, if it was a short one.
    memory: BytesMut,
    outcome: Option<oneshot::Sender<Outcome>>,
}

/// How far the write under way is.
enum Step {
    Idle,
    /// It can still be given up.
    Queued(BoxFuture<'static, Turn>),
    /// It goes on to its end.
    Writing(JoinHandle<Written>),
}

impl FileInput {
    pub(super) fn new(file: StoredFile, position: Position, outcome: oneshot::Sender<Outcome>) -> Self {
        Self { file, position, step: Step::Idle, memory: BytesMut::new(), outcome: Some(outcome) }
    }

    /// Writes the chunk; ready when it is written, as far as it is. The chunk must be the same until then.
    fn poll_write(&mut self, cx: &mut Context<'_>, chunk: &[u8]) -> Poll<Written> {
        loop {
            match &mut self.step {
                Step::Idle => match self.file.volume.turn_now() {
                    Some(turn) => self.begin(turn, chunk),
                    None => {
                        let volume = self.file.volume.clone();
                        self.step = Step::Queued(async move { volume.turn().await }.boxed());
                    }
                },
                Step::Queued(turn) => {
                    let turn = ready!(turn.as_mut().poll(cx));
                    self.begin(turn, chunk);
                }
                Step::Writing(task) => {
                    let written = joined(ready!(Pin::new(task).poll(cx)));
                    self.step = Step::Idle;
                    self.position = self.position.after(written.bytes);
                    return Poll::Ready(written);
                }
            }
        }
    }

    fn begin(&mut self, turn: Turn, chunk: &[u8]) {
        let bytes = self.copied(chunk);
        self.step = Step::Writing(self.file.begin_write(turn, bytes, self.position));
    }

    fn copied(&mut self, chunk: &[u8]) -> Bytes {
        if chunk.len() > KEPT {
            return Bytes::copy_from_slice(chunk);
        }
        // The chunk before is written and gone, so this takes its memory again.
        self.memory.extend_from_slice(chunk);
        self.memory.split().freeze()
    }

    fn tell(&mut self, outcome: Outcome) {
        if let Some(sender) = self.outcome.take() {
            // The guest may have dropped the future.
            let _ = sender.send(outcome);
        }
    }
}

impl<T> StreamConsumer<T> for FileInput {
    type Item = u8;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'_, T>,
        source: Source<'_, u8>,
        give_up: bool,
    ) -> Consumed {
        let mut source = source.as_direct(store);
        let offered = source.remaining();
        if offered.is_empty() {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let chunk = offered.get(..offered.len().min(CHUNK)).unwrap_or_default();
        match self.poll_write(cx, chunk) {
            Poll::Ready(written) => {
                source.mark_read(written.bytes);
                match written.outcome {
                    Ok(()) => Poll::Ready(Ok(StreamResult::Completed)),
                    Err(failure) => {
                        self.tell(Err(p3_codes::error_code(Code::from(failure))));
                        Poll::Ready(Ok(StreamResult::Dropped))
                    }
                }
            }
            Poll::Pending if give_up && matches!(self.step, Step::Queued(_)) => {
                self.step = Step::Idle;
                Poll::Ready(Ok(StreamResult::Cancelled))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for FileInput {
    /// The guest has closed its stream.
    fn drop(&mut self) {
        self.tell(Ok(()));
    }
}
