//! One direction of a connection in memory: a queue of chunks with a budget of bytes.
//!
//! A chunk that is written goes to the reader as it is, without a copy ([`Chunks`]). The writer wakes up when half of the
//! budget is free: fewer wake-ups, larger writes.
//!
//! While faults disturb the way, a [`Transit`] says how much of the queue the reader sees, and which side knows of
//! the other's end. It is there from the first disturbed write or end until everything has arrived.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;

use tokio::time::Instant;

use super::account::{Account, CAPACITY};
use super::chunks::Chunks;
use super::memory::Side;
use super::transit::Transit;
use crate::NetError;
use crate::course::Course;
use crate::faults::{Passage, Wait};
use crate::sync::{WakerSlot, lock, wake};

/// What arrives at once where bandwidth is limited.
const PIECE: usize = 16 * 1024;

#[derive(Debug)]
pub(crate) struct Pipe {
    /// The writer's.
    account: Arc<Account>,
    course: Arc<Course>,
    /// Who writes.
    side: Side,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queue: Chunks,
    writer: Writer,
    reader: Reader,
    waiting_reader: WakerSlot,
    waiting_writer: WakerSlot,
    /// Only while faults keep something from arriving.
    transit: Option<Box<Transit>>,
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
        match (self.writer, self.reader_as_seen()) {
            (Writer::Finished | Writer::Broken, _) => Err(NetError::ConnectionBroken),
            (Writer::Aborted, _) | (Writer::Open, Reader::Aborted) => Err(NetError::ConnectionReset),
            (Writer::Open, Reader::Discarding | Reader::Closed) => Ok(capacity),
            (Writer::Open, Reader::Open) => {
                Ok(capacity.saturating_sub(self.queue.bytes()).saturating_sub(self.lost()))
            }
        }
    }

    /// The writer's end as far as the reader knows of it.
    fn writer_as_seen(&self) -> Writer {
        match &self.transit {
            Some(transit) if transit.hides_writer_end() => Writer::Open,
            _ => self.writer,
        }
    }

    /// The reader's end as far as the writer knows of it.
    fn reader_as_seen(&self) -> Reader {
        match &self.transit {
            Some(transit) if transit.hides_reader_end() => Reader::Open,
            _ => self.reader,
        }
    }

    /// Bytes that the reader can have.
    fn arrived(&self) -> usize {
        let under_way = self.transit.as_ref().map_or(0, |transit| transit.under_way());
        self.queue.bytes().saturating_sub(under_way)
    }

    fn lost(&self) -> usize {
        self.transit.as_ref().map_or(0, |transit| transit.lost())
    }

    fn is_readable(&self) -> bool {
        self.arrived() > 0 || self.writer_as_seen() != Writer::Open || self.reader != Reader::Open
    }

    /// Takes out what is queued, to be dropped after the lock.
    fn clear(&mut self, account: &Account) -> Chunks {
        let queue = std::mem::take(&mut self.queue);
        account.settled(queue.bytes());
        queue
    }

    fn waiting(&mut self) -> [Option<Waker>; 2] {
        [self.waiting_reader.take(), self.waiting_writer.take()]
    }
}

impl Pipe {
    /// The direction in which `side` writes, on its account.
    pub(super) fn new(account: Arc<Account>, course: Arc<Course>, side: Side) -> Self {
        Self { account, course, side, state: Mutex::default() }
    }

    pub(super) fn course(&self) -> &Course {
        &self.course
    }

    /// Bytes that a write takes for sure now; 0 means wait for [`poll_writable`](Self::poll_writable).
    pub(super) fn write_budget(&self) -> Result<usize, NetError> {
        let mut state = lock(&self.state);
        let over = self.move_on(&mut state);
        let room = state.room(self.account.capacity());
        drop(state);
        drop(over);
        room
    }

    /// Lets arrive what is due, if anything is under way. Gives what is over, to be dropped after the lock.
    fn move_on(&self, state: &mut State) -> Option<Box<Transit>> {
        let transit = state.transit.as_mut()?;
        // Without faults nothing is held back any more.
        let now = Instant::now();
        let passage = |side, bytes| self.course.passage(side, bytes).unwrap_or(Passage::At(now));
        transit.settle(now, |bytes| passage(self.side, bytes), || passage(self.side.other(), 0));
        if transit.is_over() { state.transit.take() } else { None }
    }

    /// Waits for what is under way to one of the sides; ready when it should look again.
    fn poll_transit(
        &self,
        cx: &mut Context<'_>,
        kept: fn(&mut Transit) -> (&mut Option<Wait>, Option<Instant>),
    ) -> Poll<()> {
        let Some(link) = self.course.link() else { return Poll::Pending };
        let seen = link.generation();
        let mut state = lock(&self.state);
        let over = self.move_on(&mut state);
        let Some(transit) = &mut state.transit else {
            drop(state);
            drop(over);
            return Poll::Ready(());
        };
        let (wait, due) = kept(transit);
        let mut wait = wait.take().unwrap_or_else(|| link.wait());
        drop(state);
        let looks_again = wait.poll(due, seen, cx);
        let mut state = lock(&self.state);
        let replaced = match &mut state.transit {
            Some(transit) => kept(transit).0.replace(wait),
            None => Some(wait),
        };
        let is_over = state.transit.is_none();
        drop(state);
        drop(replaced);
        if is_over { Poll::Ready(()) } else { looks_again }
    }

    /// Ready when a write would not find the pipe full.
    pub(super) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut state = lock(&self.state);
            let over = self.move_on(&mut state);
            if state.room(self.account.capacity()) != Ok(0) {
                drop(state);
                drop(over);
                return Poll::Ready(());
            }
            let replaced = state.waiting_writer.register(cx);
            let is_disturbed = state.transit.is_some();
            drop(state);
            drop((replaced, over));
            if !is_disturbed {
                return Poll::Pending;
            }
            ready!(self.poll_transit(cx, |transit| {
                let due = transit.next_for_writer();
                (&mut transit.writer_wait, due)
            }));
        }
    }

    /// Takes as much of `data` as there is room for, and says how much. A budget that was given out before the
    /// account came under pressure still holds.
    pub(super) fn write(&self, data: &mut Bytes) -> Result<usize, NetError> {
        let mut state = lock(&self.state);
        let over = self.move_on(&mut state);
        let budget = match state.room(CAPACITY) {
            Ok(budget) if !data.is_empty() => budget,
            other => {
                drop(state);
                drop(over);
                return other.map(|_| 0);
            }
        };
        let taken = data.split_to(budget.min(data.len()));
        let size = taken.len();
        if size > 0 {
            self.course.sent(self.side, &taken);
        }
        let reader = match state.reader {
            // The writer does not know yet that the reader has ended.
            reader if reader != state.reader_as_seen() => {
                if let Some(transit) = &mut state.transit {
                    transit.lose(size);
                }
                None
            }
            Reader::Closed => {
                state.writer = Writer::Broken;
                self.course.reset(self.side.other());
                state.waiting_reader.take()
            }
            Reader::Open if size > 0 => {
                self.account.sent(size);
                state.queue.push(taken);
                self.disturb(&mut state, size);
                state.waiting_reader.take()
            }
            _ => None,
        };
        drop(state);
        drop(over);
        wake(reader);
        Ok(size)
    }

    /// Keeps the last `size` bytes from arriving at once, if faults do so.
    fn disturb(&self, state: &mut State, size: usize) {
        let mut left = size;
        while left > 0 {
            let piece = left.min(PIECE);
            let Some(passage) = self.course.passage(self.side, piece) else {
                // What comes after something that is under way waits for it.
                if let Some(transit) = &mut state.transit {
                    transit.send(left, Passage::At(Instant::now()));
                }
                return;
            };
            state.transit.get_or_insert_default().send(piece, passage);
            left = left.saturating_sub(piece);
        }
    }

    /// Ready when a read would find data, the end or an error.
    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut state = lock(&self.state);
            let over = self.move_on(&mut state);
            if state.is_readable() {
                drop(state);
                drop(over);
                return Poll::Ready(());
            }
            let replaced = state.waiting_reader.register(cx);
            let is_disturbed = state.transit.is_some();
            drop(state);
            drop((replaced, over));
            if !is_disturbed {
                return Poll::Pending;
            }
            ready!(self.poll_transit(cx, |transit| {
                let due = transit.next_for_reader();
                (&mut transit.reader_wait, due)
            }));
        }
    }

    /// Up to `max` bytes; `None` when there is nothing now, empty at the end.
    pub(super) fn read(&self, max: usize) -> Result<Option<Bytes>, NetError> {
        let mut state = lock(&self.state);
        let over = self.move_on(&mut state);
        let (read, writer) = self.take(&mut state, max);
        drop(state);
        drop(over);
        wake(writer);
        read
    }

    /// What a read finds, and the writer if it has room now.
    fn take(&self, state: &mut State, max: usize) -> (Result<Option<Bytes>, NetError>, Option<Waker>) {
        let arrived = state.arrived();
        let nothing = match (state.reader, state.writer_as_seen()) {
            (Reader::Discarding | Reader::Closed, _) => Some(Ok(Some(Bytes::new()))),
            (Reader::Aborted, _) => Some(Err(NetError::ConnectionReset)),
            (Reader::Open, _) if arrived > 0 => (max == 0).then_some(Ok(None)),
            (Reader::Open, Writer::Open) => Some(Ok(None)),
            (Reader::Open, Writer::Finished | Writer::Broken) => Some(Ok(Some(Bytes::new()))),
            (Reader::Open, Writer::Aborted) => Some(Err(NetError::ConnectionReset)),
        };
        if let Some(nothing) = nothing {
            return (nothing, None);
        }
        let chunk = state.queue.pop(max.min(arrived));
        self.account.settled(chunk.len());
        let has_room = state.queue.bytes() <= self.account.capacity() / 2;
        let writer = if has_room { state.waiting_writer.take() } else { None };
        (Ok(Some(chunk)), writer)
    }

    /// The writer says that no more comes.
    pub(super) fn finish(&self) {
        self.end(|state| {
            if state.writer == Writer::Open {
                state.writer = Writer::Finished;
                self.course.finished(self.side);
                self.disturb_writer_end(state);
            }
        });
    }

    /// The writer aborts. What it sent before can still be read.
    pub(super) fn abort_writer(&self) {
        self.end(|state| {
            if matches!(state.writer, Writer::Open | Writer::Broken) {
                state.writer = Writer::Aborted;
                self.course.reset(self.side);
                self.disturb_writer_end(state);
            }
        });
    }

    fn disturb_writer_end(&self, state: &mut State) {
        if let Some(passage) = self.course.passage(self.side, 0) {
            state.transit.get_or_insert_default().end_writer(passage);
        }
    }

    /// A fault aborts both ends, and both know it.
    pub(super) fn break_up(&self) {
        let (transit, unread) = self.end(|state| {
            if matches!(state.writer, Writer::Open | Writer::Broken) {
                state.writer = Writer::Aborted;
                self.course.reset(self.side);
            }
            state.reader = Reader::Aborted;
            (state.transit.take(), state.clear(&self.account))
        });
        drop((transit, unread));
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
            let unread = state.queue.bytes() > 0;
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
        let (result, unread) = self.end(|state| {
            let before = state.reader;
            let result = change(state);
            if state.reader != before
                && state.reader != Reader::Discarding
                && let Some(passage) = self.course.passage(self.side.other(), 0)
            {
                state.transit.get_or_insert_default().end_reader(passage);
            }
            (result, state.clear(&self.account))
        });
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
