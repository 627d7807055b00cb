//! What an instance writes to its standard output and standard error, line by line.
//!
//! An [`OutputPipe`] is the guest's end: it cuts the bytes into lines and queues whole lines. An [`OutputReader`]
//! is the host's end. The queue is bounded: when the reader is slow, the guest that writes waits and nobody
//! else does. A line longer than [`OutputPipe::LONGEST_LINE`] comes out in pieces, each marked as cut, so
//! that a guest that never ends its line holds a bounded amount of memory.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// One line of a guest's output, without its line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The bytes as the guest wrote them; they need not be UTF-8.
    pub bytes: Vec<u8>,
    /// True when the line goes on in the next one, because it was too long.
    pub cut: bool,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Line>,
    /// Bytes in `lines`, each line counted with [`LINE_COST`] on top.
    queued: usize,
    partial: Vec<u8>,
    /// The starts of the last lines.
    tail: VecDeque<Vec<u8>>,
    writers: usize,
    reader_gone: bool,
    reader: Option<Waker>,
    waiting: Vec<Waker>,
}

/// Lines that an [`OutputTail`] remembers, and bytes of each of them.
const TAIL: (usize, usize) = (5, 256);

/// What an empty line costs of the capacity: otherwise empty lines would be free and the queue unbounded.
const LINE_COST: usize = 64;

struct Shared {
    capacity: usize,
    queue: Mutex<Queue>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The guest's end. A clone writes to the same lines.
pub struct OutputPipe(Arc<Shared>);

/// The host's end.
pub struct OutputReader(Arc<Shared>);

/// The last lines that were written, for who wants to say why a guest has ended. It keeps no pipe open.
#[derive(Clone)]
pub struct OutputTail(Arc<Shared>);

impl OutputTail {
    /// The last five lines at most, each cut after 256 bytes, oldest first. The guest's words: hostile, and what is not
    /// UTF-8 is replaced. A line without an end is among them once its writer is gone.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().tail.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }
}

impl OutputPipe {
    /// The longest line, in bytes, that comes out in one piece.
    pub const LONGEST_LINE: usize = 16 * 1024;

    /// A pipe that holds about `capacity` bytes of lines before the guest has to wait.
    #[must_use]
    pub fn new(capacity: usize) -> (Self, OutputReader) {
        let queue = Mutex::new(Queue { writers: 1, ..Queue::default() });
        let shared = Arc::new(Shared { capacity: capacity.max(1), queue });
        (Self(Arc::clone(&shared)), OutputReader(shared))
    }

    /// What remembers the last lines of this pipe.
    #[must_use]
    pub fn tail(&self) -> OutputTail {
        OutputTail(Arc::clone(&self.0))
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<usize> {
        let mut queue = self.0.lock();
        if queue.reader_gone {
            return Poll::Ready(bytes.len());
        }
        if queue.queued >= self.0.capacity {
            queue.waiting.push(cx.waker().clone());
            return Poll::Pending;
        }
        let taken = queue.take(bytes, self.0.capacity);
        let reader = if queue.lines.is_empty() { None } else { queue.reader.take() };
        drop(queue);
        if let Some(reader) = reader {
            reader.wake();
        }
        Poll::Ready(taken)
    }
}

impl Queue {
    /// Takes lines from `bytes` until the capacity is reached; returns how many bytes that were.
    fn take(&mut self, bytes: &[u8], capacity: usize) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() && self.queued < capacity {
            let room = OutputPipe::LONGEST_LINE.saturating_sub(self.partial.len());
            let (window, _) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            match window.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
                    self.partial.extend_from_slice(line);
                    if self.partial.last() == Some(&b'\r') {
                        self.partial.pop();
                    }
                    self.end_line(false);
                    rest = after.get(1..).unwrap_or_default();
                }
                None => {
                    self.partial.extend_from_slice(window);
                    rest = rest.get(window.len()..).unwrap_or_default();
                    if self.partial.len() >= OutputPipe::LONGEST_LINE {
                        self.end_line(true);
                    }
                }
            }
        }
        bytes.len().saturating_sub(rest.len())
    }

    fn end_line(&mut self, cut: bool) {
        let bytes = std::mem::take(&mut self.partial);
        if self.tail.len() >= TAIL.0 {
            self.tail.pop_front();
        }
        self.tail.push_back(bytes.iter().take(TAIL.1).copied().collect());
        self.queued = self.queued.saturating_add(bytes.len()).saturating_add(LINE_COST);
        self.lines.push_back(Line { bytes, cut });
    }
}

impl Clone for OutputPipe {
    fn clone(&self) -> Self {
        self.0.lock().writers += 1;
        Self(Arc::clone(&self.0))
    }
}

impl Drop for OutputPipe {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.writers = queue.writers.saturating_sub(1);
        if queue.writers > 0 {
            return;
        }
        if !queue.partial.is_empty() {
            queue.end_line(false); // the last words of a guest that crashed often have no line end
        }
        let reader = queue.reader.take();
        drop(queue);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl OutputReader {
    /// The next line; none when every guest end is gone and all lines are read.
    pub async fn next_line(&mut self) -> Option<Line> {
        std::future::poll_fn(|cx| self.poll_line(cx)).await
    }

    /// As [`next_line`](Self::next_line), to be polled.
    pub fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Option<Line>> {
        let mut queue = self.0.lock();
        let Some(line) = queue.lines.pop_front() else {
            if queue.writers == 0 {
                return Poll::Ready(None);
            }
            queue.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        queue.queued = queue.queued.saturating_sub(line.bytes.len().saturating_add(LINE_COST));
        // Half empty, not merely one line free: waking the guest for every line costs more than the line.
        let waiting = if queue.queued.saturating_mul(2) <= self.0.capacity {
            std::mem::take(&mut queue.waiting)
        } else {
            Vec::new()
        };
        drop(queue);
        waiting.into_iter().for_each(Waker::wake);
        Poll::Ready(Some(line))
    }
}

impl Drop for OutputReader {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.reader_gone = true;
        queue.lines.clear();
        queue.queued = 0;
        let waiting = std::mem::take(&mut queue.waiting);
        drop(queue);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl AsyncWrite for OutputPipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Self::poll_write(&self, cx, bytes).map(Ok)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl IsTerminal for OutputPipe {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for OutputPipe {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    async fn lines(reader: &mut OutputReader) -> Vec<(String, bool)> {
        let mut all = Vec::new();
        while let Some(line) = reader.next_line().await {
            all.push((String::from_utf8(line.bytes).unwrap(), line.cut));
        }
        all
    }

    #[tokio::test]
    async fn bytes_come_out_as_whole_lines_however_they_were_written() {
        let (mut pipe, mut reader) = OutputPipe::new(1 << 20);
        for piece in ["one\ntw", "o\r\n", "\n", "last words"] {
            pipe.write_all(piece.as_bytes()).await.unwrap();
        }
        drop(pipe);
        let expected = ["one", "two", "", "last words"].map(|line| (line.to_owned(), false));
        assert_eq!(lines(&mut reader).await, expected);
    }

    #[tokio::test]
    async fn a_line_that_never_ends_comes_out_in_pieces() {
        let (mut pipe, mut reader) = OutputPipe::new(1 << 20);
        pipe.write_all(&vec![b'x'; 2 * OutputPipe::LONGEST_LINE + 1]).await.unwrap();
        drop(pipe);
        let lengths: Vec<_> = lines(&mut reader).await.into_iter().map(|(l, cut)| (l.len(), cut)).collect();
        assert_eq!(lengths, [(OutputPipe::LONGEST_LINE, true), (OutputPipe::LONGEST_LINE, true), (1, false)]);
    }

    #[tokio::test]
    async fn a_writer_waits_while_the_queue_is_full_and_goes_on_when_it_is_read() {
        let (mut pipe, mut reader) = OutputPipe::new(1_000);
        let flood = tokio::spawn(async move {
            for n in 0..10_000 {
                pipe.write_all(format!("{n}\n").as_bytes()).await.unwrap();
            }
        });
        tokio::task::yield_now().await;
        assert!(!flood.is_finished());
        assert!(reader.0.lock().queued < 1_000 + OutputPipe::LONGEST_LINE + LINE_COST);
        let all = lines(&mut reader).await;
        assert_eq!(all.len(), 10_000);
        assert_eq!(all.last().map(|(line, _)| line.as_str()), Some("9999"));
        flood.await.unwrap();
    }

    #[tokio::test]
    async fn the_tail_remembers_the_last_lines_and_the_last_words_without_an_end() {
        let (mut pipe, mut reader) = OutputPipe::new(1 << 20);
        let tail = pipe.tail();
        pipe.write_all(b"1\n2\n3\n4\n5\n").await.unwrap();
        pipe.write_all(&[b'x'; 1_000]).await.unwrap();
        assert_eq!(tail.lines(), ["1", "2", "3", "4", "5"]);
        drop(pipe);
        lines(&mut reader).await;
        assert_eq!(tail.lines(), ["2", "3", "4", "5", &"x".repeat(256)]);
    }

    #[tokio::test]
    async fn empty_lines_fill_the_queue_too() {
        let (pipe, reader) = OutputPipe::new(10 * LINE_COST);
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(pipe.poll_write(&mut cx, &[b'\n'; 1_000]), Poll::Ready(10));
        assert_eq!(pipe.poll_write(&mut cx, &[b'\n'; 1_000]), Poll::Pending);
        drop(reader);
        assert_eq!(pipe.poll_write(&mut cx, &[b'\n'; 1_000]), Poll::Ready(1_000));
    }
}
