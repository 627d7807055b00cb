//! One end of a connection that came from the operating system.
//!
//! Reads and writes go to the stream itself. A write that the operating system does not take at once stays as
//! a *tail* of at most [`TAIL`] bytes, so that [`write_budget`](SystemEnd::write_budget) can be a promise.
//! While there is a tail, or something that a layer has not got out yet, one task drains it, so a guest that does
//! something else meanwhile, or closes, still gets its bytes out. After a close it has [`LINGER`] for that, and as long
//! as it lasts the connection still is a socket of the instance: it counts, and ends with the interface.
//!
//! The tail, and what a layer was read ahead, count as unread bytes of the interface.

mod state;

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::ReadBuf;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

use super::account::Account;
use super::idle::{HandOverOptions, IdleClock, Timer};
use super::outside::{Carrier, OutsideStream};
use crate::NetError;
use crate::network::Socket;
use crate::sync::{WakerSlot, lock, wake};
use state::{Reader, State, Writer, is_transient};

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
