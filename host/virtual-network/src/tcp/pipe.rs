//! One direction of a connection in memory: a queue of chunks with a budget of bytes.
//!
//! A chunk that is written goes to the reader as it is, without a copy. Only small writes that meet unread
//! data are collected, so that a flood of tiny writes costs bytes and not chunks. The writer wakes up when
//! half of the budget is free: fewer wake-ups, larger writes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};

use super::account::{Account, CAPACITY};
use crate::NetError;
use crate::sync::{WakerSlot, lock, wake};

/// Writes below this size are collected when there is unread data before them.
const SMALL: usize = 1024;
/// Collected writes become a chunk at this size.
const COLLECTED: usize = 8 * 1024;

#[derive(Debug)]
pub(crate) struct Pipe {
    /// The writer's.
    account: Arc<Account>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    chunks: VecDeque<Bytes>,
    /// Small writes; they come after all chunks.
    small: BytesMut,
    /// Bytes in `chunks` and `small`.
    queued: usize,
    writer: Writer,
    reader: Reader,
    waiting_reader: WakerSlot,
    waiting_writer: WakerSlot,
}

/// How the writing side ended, if it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Writer {
    #[default]
    Open,
    /// It said that no more comes.
    Finished,
    /// It wrote to a reader that had closed.
    Broken,
    /// It aborted the connection.
    Aborted,
}

/// How the reading side ended, if it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reader {
    #[default]
    Open,
    /// It does not want more, but the connection stays.
    Discarding,
    /// It closed after it had read everything.
    Closed,
    /// It aborted the connection, or closed with unread data.
    Aborted,
}

impl State {
    /// Bytes that a direction which holds `capacity` has room for.
    fn room(&self, capacity: usize) -> Result<usize, NetError> {
        match (self.writer, self.reader) {
            (Writer::Finished | Writer::Broken, _) => Err(NetError::ConnectionBroken),
            (Writer::Aborted, _) | (Writer::Open, Reader::Aborted) => Err(NetError::ConnectionReset),
            (Writer::Open, Reader::Discarding | Reader::Closed) => Ok(capacity),
            (Writer::Open, Reader::Open) => Ok(capacity.saturating_sub(self.queued)),
        }
    }

    fn push(&mut self, chunk: Bytes) {
        self.queued = self.queued.saturating_add(chunk.len());
        let follows_data = !self.chunks.is_empty() || !self.small.is_empty();
        if chunk.len() < SMALL && follows_data {
            self.small.extend_from_slice(&chunk);
            if self.small.len() >= COLLECTED {
                self.chunks.push_back(std::mem::take(&mut self.small).freeze());
            }
            return;
        }
        if !self.small.is_empty() {
            self.chunks.push_back(std::mem::take(&mut self.small).freeze());
        }
        self.chunks.push_back(chunk);
    }

    fn pop(&mut self, max: usize) -> Option<Bytes> {
        if self.chunks.is_empty() && !self.small.is_empty() {
            self.chunks.push_back(std::mem::take(&mut self.small).freeze());
        }
        let front = self.chunks.front_mut()?;
        let chunk = if front.len() > max { front.split_to(max) } else { self.chunks.pop_front()? };
        self.queued = self.queued.saturating_sub(chunk.len());
        Some(chunk)
    }

    /// Takes out what is queued, to be dropped after the lock.
    fn clear(&mut self, account: &Account) -> (VecDeque<Bytes>, BytesMut) {
        account.settled(std::mem::take(&mut self.queued));
        (std::mem::take(&mut self.chunks), std::mem::take(&mut self.small))
    }

    fn waiting(&mut self) -> [Option<Waker>; 2] {
        [self.waiting_reader.take(), self.waiting_writer.take()]
    }
}

impl Pipe {
    /// A direction whose writer has this account.
    pub(super) fn new(account: Arc<Account>) -> Self {
        Self { account, state: Mutex::default() }
    }

    /// Bytes that a write takes for sure now; 0 means wait for [`poll_writable`](Self::poll_writable).
    pub(super) fn write_budget(&self) -> Result<usize, NetError> {
        lock(&self.state).room(self.account.capacity())
    }

    /// Ready when a write would not find the pipe full.
    pub(super) fn poll_writable(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.room(self.account.capacity()) != Ok(0) {
            return Poll::Ready(());
        }
        let replaced = state.waiting_writer.register(cx);
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    /// Takes as much of `data` as there is room for, and says how much. A budget that was given out before the
    /// account came under pressure still holds.
    pub(super) fn write(&self, data: &mut Bytes) -> Result<usize, NetError> {
        let mut state = lock(&self.state);
        let budget = state.room(CAPACITY)?;
        if data.is_empty() {
            return Ok(0);
        }
        let taken = data.split_to(budget.min(data.len()));
        let size = taken.len();
        let reader = match state.reader {
            Reader::Closed => {
                state.writer = Writer::Broken;
                state.waiting_reader.take()
            }
            Reader::Open if size > 0 => {
                self.account.sent(size);
                state.push(taken);
                state.waiting_reader.take()
            }
            _ => None,
        };
        drop(state);
        wake(reader);
        Ok(size)
    }

    /// Ready when a read would find data, the end or an error.
    pub(super) fn poll_readable(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.queued > 0 || state.writer != Writer::Open || state.reader != Reader::Open {
            return Poll::Ready(());
        }
        let replaced = state.waiting_reader.register(cx);
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    /// Up to `max` bytes; `None` when there is nothing now, empty at the end.
    pub(super) fn read(&self, max: usize) -> Result<Option<Bytes>, NetError> {
        let mut state = lock(&self.state);
        match state.reader {
            Reader::Open => {}
            Reader::Discarding | Reader::Closed => return Ok(Some(Bytes::new())),
            Reader::Aborted => return Err(NetError::ConnectionReset),
        }
        if state.queued == 0 {
            return match state.writer {
                Writer::Open => Ok(None),
                Writer::Finished | Writer::Broken => Ok(Some(Bytes::new())),
                Writer::Aborted => Err(NetError::ConnectionReset),
            };
        }
        if max == 0 {
            return Ok(None);
        }
        let chunk = state.pop(max);
        self.account.settled(chunk.as_ref().map_or(0, Bytes::len));
        let has_room = state.queued <= self.account.capacity() / 2;
        let writer = if has_room { state.waiting_writer.take() } else { None };
        drop(state);
        wake(writer);
        Ok(chunk)
    }

    /// The writer says that no more comes.
    pub(super) fn finish(&self) {
        self.end(|state| {
            if state.writer == Writer::Open {
                state.writer = Writer::Finished;
            }
        });
    }

    /// The writer aborts. What it sent before can still be read.
    pub(super) fn abort_writer(&self) {
        self.end(|state| {
            if matches!(state.writer, Writer::Open | Writer::Broken) {
                state.writer = Writer::Aborted;
            }
        });
    }

    /// The reader wants no more, but the connection stays.
    pub(super) fn discard(&self) {
        self.end_reader(|state| {
            if state.reader == Reader::Open {
                state.reader = Reader::Discarding;
            }
        });
    }

    /// The reader closes. False when that threw away unread data, and so aborted the connection.
    pub(super) fn close_reader(&self) -> bool {
        self.end_reader(|state| {
            let unread = state.queued > 0;
            if state.reader != Reader::Aborted {
                state.reader = if unread { Reader::Aborted } else { Reader::Closed };
            }
            !unread
        })
    }

    /// The reader aborts.
    pub(super) fn abort_reader(&self) {
        self.end_reader(|state| state.reader = Reader::Aborted);
    }

    fn end_reader<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let (result, unread) = self.end(|state| (change(state), state.clear(&self.account)));
        drop(unread);
        result
    }

    fn end<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = lock(&self.state);
        let result = change(&mut state);
        let waiting = state.waiting();
        drop(state);
        wake(waiting.into_iter().flatten());
        result
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        drop(lock(&self.state).clear(&self.account));
    }
}
