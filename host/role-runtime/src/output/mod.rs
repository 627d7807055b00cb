//! What an instance writes to its standard output and standard error, line by line.
//!
//! An [`OutputPipe`] is the guest's end: it cuts the bytes into lines and queues whole lines. An [`OutputReader`]
//! is the host's end. The queue is bounded: when the reader is slow, the guest that writes waits and nobody
//! else does. A line longer than [`OutputPipe::LONGEST_LINE`] comes out in pieces, each marked as cut, so
//! that a guest that never ends its line holds a bounded amount of memory.
//!
//! A pipe may have a rate in bytes per second. What exceeds it, after a burst, is dropped and counted; the count comes out once for
//! each flood, as [`Written::Dropped`].

mod rate;

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::time::{Instant, Sleep, sleep};
use wasm_roles_web_server::AccessLogSink;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

use crate::limits::ReachedLimit;
use rate::{Gate, Verdict};

/// One line of a guest's output, without its line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The bytes as the guest wrote them; they need not be UTF-8.
    pub bytes: Vec<u8>,
    /// True when the line goes on in the next one, because it was too long.
    pub cut: bool,
}

/// What comes out of a pipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// The guest wrote a line.
    Line(Line),
    /// The guest wrote faster than it may.
    Dropped {
        /// Lines that did not get through, here in the order of the others.
        lines: u64,
    },
    /// The guest was refused something, because it has as much of it as it may have. Told once for each limit.
    Limit(ReachedLimit),
}

#[derive(Default)]
struct Queue {
    written: VecDeque<Written>,
    /// Bytes in `written`, each line counted with [`LINE_COST`] on top.
    queued: usize,
    /// What holds the guest to its rate.
    gate: Option<Gate>,
    partial: Vec<u8>,
    /// Lines of the host that there was no room for, and nobody knows yet.
    unheard: u64,
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
    begun: Instant,
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
pub struct OutputReader {
    shared: Arc<Shared>,
    /// Set while lines are dropped: the guest may never write again, and then nobody else says how many they were.
    flood_over: Option<Pin<Box<Sleep>>>,
}

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
        Self::with_gate(capacity, None)
    }

    /// A pipe that drops what is more than `bytes_per_second`, after a burst of four seconds' worth. Each line counts with
    /// 64 bytes on top, so that empty lines count too.
    #[must_use]
    pub fn with_rate(capacity: usize, bytes_per_second: u64) -> (Self, OutputReader) {
        let largest = Self::LONGEST_LINE.saturating_add(LINE_COST);
        let largest = u64::try_from(largest).unwrap_or(u64::MAX);
        Self::with_gate(capacity, Some(Gate::new(bytes_per_second, largest, Duration::ZERO)))
    }

    fn with_gate(capacity: usize, gate: Option<Gate>) -> (Self, OutputReader) {
        let queue = Mutex::new(Queue { writers: 1, gate, ..Queue::default() });
        let shared = Arc::new(Shared { capacity: capacity.max(1), begun: Instant::now(), queue });
        (Self(Arc::clone(&shared)), OutputReader { shared, flood_over: None })
    }

    /// Says among the guest's lines that it has reached a limit.
    pub(crate) fn note(&self, limit: ReachedLimit) {
        let mut queue = self.0.lock();
        if queue.reader_gone {
            return;
        }
        queue.push(Written::Limit(limit), 0);
        let reader = queue.reader.take();
        drop(queue);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Writes a line for the host, between those of the guest, without waiting: it counts like the guest's own, and what there
    /// is no room for is dropped and counted. More than [`LONGEST_LINE`](Self::LONGEST_LINE) is cut off.
    pub fn say(&self, line: &[u8]) {
        let mut queue = self.0.lock();
        if queue.reader_gone {
            return;
        }
        let now = self.0.begun.elapsed();
        let bytes = line.get(..Self::LONGEST_LINE).unwrap_or(line);
        if queue.queued >= self.0.capacity {
            queue.unheard = queue.unheard.saturating_add(1);
            return;
        }
        if queue.unheard > 0 {
            let lines = std::mem::take(&mut queue.unheard);
            queue.push(Written::Dropped { lines }, 0);
        }
        let partial = std::mem::replace(&mut queue.partial, bytes.to_vec());
        queue.end_line(false, now);
        queue.partial = partial;
        let reader = queue.reader.take();
        drop(queue);
        if let Some(reader) = reader {
            reader.wake();
        }
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
        let flooded = queue.floods();
        let now = self.0.begun.elapsed();
        let taken = queue.take(bytes, self.0.capacity, now);
        let news = !queue.written.is_empty() || (queue.floods() && !flooded);
        let reader = if news { queue.reader.take() } else { None };
        drop(queue);
        if let Some(reader) = reader {
            reader.wake();
        }
        Poll::Ready(taken)
    }
}

impl Queue {
    /// Takes lines from `bytes` until the capacity is reached; returns how many bytes that were.
    fn take(&mut self, bytes: &[u8], capacity: usize, now: Duration) -> usize {
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
                    self.end_line(false, now);
                    rest = after.get(1..).unwrap_or_default();
                }
                None => {
                    self.partial.extend_from_slice(window);
                    rest = rest.get(window.len()..).unwrap_or_default();
                    if self.partial.len() >= OutputPipe::LONGEST_LINE {
                        self.end_line(true, now);
                    }
                }
            }
        }
        bytes.len().saturating_sub(rest.len())
    }

    fn end_line(&mut self, cut: bool, now: Duration) {
        let bytes = std::mem::take(&mut self.partial);
        if self.tail.len() >= TAIL.0 {
            self.tail.pop_front();
        }
        self.tail.push_back(bytes.iter().take(TAIL.1).copied().collect());
        let cost = u64::try_from(bytes.len().saturating_add(LINE_COST)).unwrap_or(u64::MAX);
        match self.gate.as_mut().map_or(Verdict::Keep, |gate| gate.judge(cost, now)) {
            Verdict::Keep => {}
            Verdict::KeepAfter { dropped } => self.push(Written::Dropped { lines: dropped }, 0),
            Verdict::Drop => return,
        }
        let length = bytes.len();
        self.push(Written::Line(Line { bytes, cut }), length);
    }

    fn push(&mut self, written: Written, bytes: usize) {
        self.queued = self.queued.saturating_add(bytes).saturating_add(LINE_COST);
        self.written.push_back(written);
    }

    fn pop(&mut self) -> Option<Written> {
        let written = self.written.pop_front()?;
        let bytes = match &written {
            Written::Line(line) => line.bytes.len(),
            Written::Dropped { .. } | Written::Limit(_) => 0,
        };
        self.queued = self.queued.saturating_sub(bytes.saturating_add(LINE_COST));
        Some(written)
    }

    /// Whether lines are being dropped.
    fn floods(&self) -> bool {
        self.gate.as_ref().is_some_and(Gate::floods)
    }
}

impl AccessLogSink for OutputPipe {
    fn line(&self, line: String) {
        self.say(line.as_bytes());
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
            queue.end_line(false, self.0.begun.elapsed()); // the last words of a guest that crashed often have no line end
        }
        if let Some(lines) = queue.gate.as_mut().and_then(Gate::end) {
            queue.push(Written::Dropped { lines }, 0);
        }
        let reader = queue.reader.take();
        drop(queue);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl OutputReader {
    /// The next line; none when every guest end is gone and all lines are read. Notes about lines that were dropped and about
    /// limits are passed over.
    pub async fn next_line(&mut self) -> Option<Line> {
        loop {
            match self.next().await? {
                Written::Line(line) => return Some(line),
                Written::Dropped { .. } | Written::Limit(_) => {}
            }
        }
    }

    /// What comes out next; none when every guest end is gone and everything is read.
    pub async fn next(&mut self) -> Option<Written> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Self::next), to be polled.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Written>> {
        let shared = Arc::clone(&self.shared);
        let mut queue = shared.lock();
        loop {
            if let Some(written) = queue.pop() {
                // Half empty, not merely one line free: waking the guest for every line costs more than the line.
                let waiting = if queue.queued.saturating_mul(2) <= shared.capacity {
                    std::mem::take(&mut queue.waiting)
                } else {
                    Vec::new()
                };
                drop(queue);
                waiting.into_iter().for_each(Waker::wake);
                return Poll::Ready(Some(written));
            }
            if queue.writers == 0 {
                return Poll::Ready(None);
            }
            if !queue.floods() || self.poll_flood_over(&mut queue, cx).is_pending() {
                queue.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
    }

    /// Waits for the end of a flood; when it is over, its note is in the queue.
    fn poll_flood_over(&mut self, queue: &mut Queue, cx: &mut Context<'_>) -> Poll<()> {
        let begun = self.shared.begun;
        loop {
            let Some(gate) = &mut queue.gate else { return Poll::Pending };
            let now = begun.elapsed();
            if let Some(lines) = gate.flood_over(now) {
                self.flood_over = None;
                queue.push(Written::Dropped { lines }, 0);
                return Poll::Ready(());
            }
            let remaining = gate.remaining(now).max(Duration::from_millis(1));
            let timer = self.flood_over.get_or_insert_with(|| Box::pin(sleep(remaining)));
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.flood_over = None;
        }
    }
}

impl Drop for OutputReader {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.reader_gone = true;
        queue.written.clear();
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
mod tests;
