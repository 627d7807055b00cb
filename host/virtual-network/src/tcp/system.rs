//! One end of a connection that came from the operating system.
//!
//! Reads and writes go to the stream itself. A write that the operating system does not take at once stays as
//! a *tail* of at most [`TAIL`] bytes, so that [`write_budget`](SystemEnd::write_budget) can be a promise.
//! While there is a tail, or something that a layer has not got out yet, one task drains it, so a guest that does
//! something else meanwhile, or closes, still gets its bytes out. After a close it has [`LINGER`] for that, and as long
//! as it lasts the connection still is a socket of the instance: it counts, and ends with the interface.
//!
//! The tail, and what a layer was read ahead, count as unread bytes of the interface.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::ReadBuf;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

use super::account::Account;
use super::idle::{HandOverOptions, IdleClock, Timer};
use super::outside::{Carrier, OutsideStream};
use crate::NetError;
use crate::network::Socket;
use crate::sync::{WakerSlot, lock, wake};

/// Bytes that wait for the operating system.
const TAIL: usize = 64 * 1024;
/// The most that one read asks for.
const READ: usize = 64 * 1024;
/// How long the tail of a closed stream may take, when the client reads slowly or not at all.
const LINGER: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct SystemEnd {
    /// The runtime that drives the stream, for the tasks that drain the tail and wait for it to be idle.
    runtime: Option<Handle>,
    options: HandOverOptions,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` once this side aborted or closed the connection.
    stream: Option<Carrier>,
    tail: BytesMut,
    /// There is a tail, or something that the stream keeps: a task sends it, and nobody else writes meanwhile.
    draining: bool,
    writer: Writer,
    reader: Reader,
    waiting_reader: WakerSlot,
    waiting_writer: WakerSlot,
    waiting_drainer: WakerSlot,
    /// Only with an idle time-out.
    idle: Option<IdleClock>,
    /// The place in the table, once the guest has closed and there is something to drain.
    socket: Option<Socket>,
    account: Arc<Account>,
    /// Bytes that are on the account.
    charged: usize,
}

impl Drop for State {
    fn drop(&mut self) {
        self.account.settled(self.charged);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    Open,
    /// No more comes, after the tail.
    Finished,
    /// The guest has closed; the stream goes after the tail.
    Closing,
    /// The operating system reported this.
    Failed(NetError),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Open,
    /// The client sent its end, or the guest wants no more.
    Ended,
    /// The operating system reported this.
    Failed(NetError),
}

impl State {
    fn write_budget(&self) -> Result<usize, NetError> {
        if self.stream.is_none() {
            return Err(NetError::ConnectionReset);
        }
        match self.writer {
            Writer::Open => Ok(TAIL.min(self.account.capacity()).saturating_sub(self.tail.len())),
            Writer::Finished | Writer::Closing => Err(NetError::ConnectionBroken),
            Writer::Failed(error) => Err(error),
        }
    }

    /// Brings the account up to date. Call it wherever the tail or the stream was touched.
    fn charge(&mut self) {
        let ahead = self.stream.as_ref().map_or(0, Carrier::read_ahead);
        let held = self.tail.len().saturating_add(ahead);
        let before = std::mem::replace(&mut self.charged, held);
        if held > before {
            self.account.sent(held.saturating_sub(before));
        } else {
            self.account.settled(before.saturating_sub(held));
        }
    }

    /// Offers `data` to the operating system, and says how much it took.
    fn send(&mut self, data: &[u8]) -> Result<usize, NetError> {
        let Some(stream) = &mut self.stream else { return Err(NetError::ConnectionReset) };
        match stream.try_write(data) {
            Ok(taken) => {
                self.moved(taken);
                Ok(taken)
            }
            Err(error) if is_transient(&error) => Ok(0),
            Err(error) => Err(self.fail(&error)),
        }
    }

    /// Nothing can be written any more.
    fn fail(&mut self, error: &io::Error) -> NetError {
        let error = from_system(error);
        self.writer = Writer::Failed(error);
        self.tail = BytesMut::new();
        error
    }

    /// So many bytes passed.
    fn moved(&mut self, bytes: usize) {
        if let Some(idle) = self.idle.as_mut().filter(|_| bytes > 0) {
            idle.moved();
        }
    }

    /// Sends the tail and what the stream keeps as far as it goes, and the end after it if no more comes. Ready when
    /// all is gone, or the connection is.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.tail.is_empty() {
            let Some(stream) = &mut self.stream else { break };
            match ready!(stream.poll_write(cx, &self.tail)) {
                Ok(0) => {
                    self.fail(&io::ErrorKind::WriteZero.into());
                }
                Ok(sent) => {
                    self.tail.advance(sent);
                    self.moved(sent);
                }
                Err(error) => {
                    self.fail(&error);
                }
            }
        }
        self.tail = BytesMut::new();
        self.poll_settled(cx)
    }

    /// The part after the tail.
    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(()) };
        match self.writer {
            Writer::Open => {
                if let Err(error) = ready!(stream.poll_flush(cx)) {
                    self.fail(&error);
                }
            }
            // It fails only when the connection is over anyway.
            Writer::Finished => drop(ready!(stream.poll_shutdown(cx))),
            Writer::Closing => ready!(stream.poll_farewell(cx)),
            Writer::Failed(_) => {}
        }
        Poll::Ready(())
    }

    /// Does what can be done at once; true when a task has to do the rest.
    fn begin_draining(&mut self) -> bool {
        if self.draining {
            return false;
        }
        self.draining =
            !self.tail.is_empty() || self.poll_settled(&mut Context::from_waker(Waker::noop())).is_pending();
        self.draining
    }

    fn waiting(&mut self) -> [Option<Waker>; 3] {
        [self.waiting_reader.take(), self.waiting_writer.take(), self.waiting_drainer.take()]
    }
}

impl State {
    /// What every further read gives, once there is nothing more to read.
    fn reading_is_over(&self) -> Option<Result<(), NetError>> {
        match self.reader {
            Reader::Open => None,
            Reader::Ended => Some(Ok(())),
            Reader::Failed(error) => Some(Err(error)),
        }
    }

    /// So many bytes have been read; none of them is the end.
    fn has_read(&mut self, length: usize) {
        match length {
            0 => self.reader = Reader::Ended,
            length => self.moved(length),
        }
    }

    fn reading_failed(&mut self, error: &io::Error) -> NetError {
        let error = from_system(error);
        self.reader = Reader::Failed(error);
        error
    }
}

impl SystemEnd {
    pub(super) fn new(stream: OutsideStream, options: HandOverOptions, account: Arc<Account>) -> Self {
        let stream = stream.into_carrier();
        stream.prefer_latency();
        let state = State {
            stream: Some(stream),
            tail: BytesMut::new(),
            draining: false,
            writer: Writer::Open,
            reader: Reader::Open,
            waiting_reader: WakerSlot::default(),
            waiting_writer: WakerSlot::default(),
            waiting_drainer: WakerSlot::default(),
            idle: options.idle_timeout.map(|_| IdleClock::new()),
            socket: None,
            account,
            charged: 0,
        };
        Self { runtime: Handle::try_current().ok(), options, state: Mutex::new(state) }
    }

    /// Begins to watch for the idle time-out, if there is one. It needs a runtime, as everything here.
    pub(super) fn watch_idle(self: &Arc<Self>) {
        if let (Some(timeout), Some(runtime)) = (self.options.idle_timeout, &self.runtime) {
            let timer = Timer::start(runtime, Arc::downgrade(self), timeout);
            if let Some(idle) = &mut lock(&self.state).idle {
                idle.keep(timer);
            }
        }
    }

    pub(super) fn is_secured(&self) -> bool {
        self.options.secured
    }

    /// When the last byte passed; `None` once the connection is over.
    pub(super) fn moved_at(&self) -> Option<Instant> {
        let state = lock(&self.state);
        state.stream.as_ref()?;
        state.idle.as_ref().map(IdleClock::moved_at)
    }

    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.reader != Reader::Open {
            return Poll::Ready(());
        }
        let Some(stream) = &mut state.stream else { return Poll::Ready(()) };
        if stream.poll_readable(cx).is_ready() {
            state.charge();
            return Poll::Ready(());
        }
        // An abort takes the stream away, and its wakers with it.
        let replaced = state.waiting_reader.register(cx);
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    pub(super) fn read(&self, max: usize) -> Result<Option<Bytes>, NetError> {
        let mut state = lock(&self.state);
        if let Some(over) = state.reading_is_over() {
            return over.map(|()| Some(Bytes::new()));
        }
        let Some(stream) = &mut state.stream else { return Err(NetError::ConnectionReset) };
        if max == 0 {
            return Ok(None);
        }
        let read = stream.read(max.min(READ));
        state.charge();
        match read {
            Ok(bytes) => {
                state.has_read(bytes.len());
                Ok(Some(bytes))
            }
            Err(error) if is_transient(&error) => Ok(None),
            Err(error) => Err(state.reading_failed(&error)),
        }
    }

    /// Reads into `buffer`, which has room.
    pub(super) fn poll_read_into(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<(), NetError>> {
        let mut state = lock(&self.state);
        loop {
            if let Some(over) = state.reading_is_over() {
                return Poll::Ready(over);
            }
            let Some(stream) = &mut state.stream else { return Poll::Ready(Err(NetError::ConnectionReset)) };
            let read = stream.poll_read_into(cx, buffer);
            state.charge();
            match read {
                Poll::Ready(Ok(length)) => {
                    state.has_read(length);
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Err(error)) if is_transient(&error) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(state.reading_failed(&error))),
                Poll::Pending => {
                    // An abort takes the stream away, and its wakers with it.
                    let replaced = state.waiting_reader.register(cx);
                    drop(state);
                    drop(replaced);
                    return Poll::Pending;
                }
            }
        }
    }

    pub(super) fn write_budget(&self) -> Result<usize, NetError> {
        lock(&self.state).write_budget()
    }

    /// Ready while there is budget. Who finds none wakes up when the tail is gone and the whole budget is
    /// back.
    pub(super) fn poll_writable(&self, cx: &Context<'_>) -> Poll<()> {
        self.poll_until(cx, |state| state.write_budget() != Ok(0))
    }

    pub(super) fn poll_flushed(&self, cx: &Context<'_>) -> Poll<()> {
        self.poll_until(cx, |state| !state.draining || state.stream.is_none())
    }

    fn poll_until(&self, cx: &Context<'_>, done: impl FnOnce(&State) -> bool) -> Poll<()> {
        let mut state = lock(&self.state);
        if done(&state) {
            return Poll::Ready(());
        }
        let replaced = state.waiting_writer.register(cx);
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    /// Takes bytes from the front of `data`, and says how many.
    pub(super) fn write(self: &Arc<Self>, data: &[u8]) -> Result<usize, NetError> {
        let mut state = lock(&self.state);
        state.write_budget()?;
        if data.is_empty() {
            return Ok(0);
        }
        let sent = if state.draining { 0 } else { state.send(data)? };
        let rest = data.get(sent..).unwrap_or_default();
        // All that there is room for: an earlier budget may have promised more than one that is tight now.
        let room = TAIL.saturating_sub(state.tail.len());
        let kept = rest.get(..room.min(rest.len())).unwrap_or_default();
        state.tail.extend_from_slice(kept);
        state.charge();
        let taken = sent.saturating_add(kept.len());
        let start_draining = state.begin_draining();
        drop(state);
        if start_draining {
            self.spawn_drain();
        }
        Ok(taken)
    }

    pub(super) fn shutdown_write(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        let mut start_draining = false;
        if state.writer == Writer::Open {
            state.writer = Writer::Finished;
            start_draining = state.begin_draining();
        }
        let waiting = state.waiting_writer.take();
        drop(state);
        if start_draining {
            self.spawn_drain();
        }
        wake(waiting);
    }

    pub(super) fn shutdown_read(&self) {
        let mut state = lock(&self.state);
        if state.reader == Reader::Open {
            state.reader = Reader::Ended;
        }
        let waiting = state.waiting_reader.take();
        drop(state);
        wake(waiting);
    }

    /// Ends the connection at once; the client sees a reset.
    pub(super) fn abort(&self) {
        let mut state = lock(&self.state);
        let (stream, socket) = (state.stream.take(), state.socket.take());
        state.reader = Reader::Failed(NetError::ConnectionReset);
        state.tail = BytesMut::new();
        state.charge();
        let waiting = state.waiting();
        drop(state);
        if let Some(stream) = stream {
            stream.reset();
        }
        drop(socket);
        wake(waiting.into_iter().flatten());
    }

    /// Takes the stream out, if nobody has read of it or written to it. This end is over then.
    pub(super) fn take_untouched(&self) -> Option<Carrier> {
        let mut state = lock(&self.state);
        let untouched = state.reader == Reader::Open && state.writer == Writer::Open && !state.draining;
        let stream = if untouched { state.stream.take() } else { None };
        state.charge();
        let waiting = state.waiting();
        drop(state);
        wake(waiting.into_iter().flatten());
        stream
    }

    /// The guest has closed. What it wrote still goes out, and `socket` goes when the stream goes.
    pub(super) fn close(self: &Arc<Self>, socket: Option<Socket>) {
        let mut state = lock(&self.state);
        state.writer = Writer::Closing;
        let start_draining = state.begin_draining();
        // The operating system sends a reset itself when there is unread data.
        let stream = if state.draining { None } else { state.stream.take() };
        let lasts = state.stream.is_some();
        let gone = if lasts { std::mem::replace(&mut state.socket, socket) } else { socket };
        state.charge();
        let drainer = state.waiting_drainer.take();
        drop(state);
        drop(stream);
        drop(gone);
        if start_draining {
            self.spawn_drain();
        }
        wake(drainer);
    }

    fn spawn_drain(self: &Arc<Self>) {
        let runtime = self.runtime.clone().or_else(|| Handle::try_current().ok());
        match runtime {
            Some(runtime) => drop(runtime.spawn(drain(self.clone()))),
            // Nobody could ever send the rest, so the client must not believe that it was all.
            None => self.abort(),
        }
    }

    /// One step of the drain task. Ready(true): everything is sent; Ready(false): the guest has closed, so
    /// time counts from now.
    fn poll_drained(&self, cx: &mut Context<'_>, closing_is_news: bool) -> Poll<bool> {
        let mut state = lock(&self.state);
        if closing_is_news && state.writer == Writer::Closing {
            return Poll::Ready(false);
        }
        let drained = state.poll_drain(cx);
        state.charge();
        if drained.is_pending() {
            let replaced = state.waiting_drainer.register(cx);
            drop(state);
            drop(replaced);
            return Poll::Pending;
        }
        state.draining = false;
        let is_closed = state.writer == Writer::Closing;
        let stream = if is_closed { state.stream.take() } else { None };
        let socket = if is_closed { state.socket.take() } else { None };
        state.charge();
        let waiting = state.waiting();
        drop(state);
        drop(stream);
        drop(socket);
        wake(waiting.into_iter().flatten());
        Poll::Ready(true)
    }
}

/// Sends the tail, however long the client takes; once the guest has closed, for [`LINGER`].
async fn drain(end: Arc<SystemEnd>) {
    if poll_fn(|cx| end.poll_drained(cx, true)).await {
        return;
    }
    if timeout(LINGER, poll_fn(|cx| end.poll_drained(cx, false))).await.is_err() {
        end.abort();
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn from_system(error: &io::Error) -> NetError {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected => NetError::ConnectionBroken,
        io::ErrorKind::ConnectionAborted => NetError::ConnectionAborted,
        io::ErrorKind::TimedOut => NetError::Timeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => NetError::RemoteUnreachable,
        _ => NetError::ConnectionReset,
    }
}
