//! What one end of a connection of the operating system is at, behind its lock.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, BytesMut};

use super::TAIL;
use crate::NetError;
use crate::network::Socket;
use crate::sync::WakerSlot;
use crate::tcp::account::Account;
use crate::tcp::idle::IdleClock;
use crate::tcp::outside::Carrier;

#[derive(Debug)]
pub(super) struct State {
    /// `None` once this side aborted or closed the connection.
    pub(super) stream: Option<Carrier>,
    pub(super) tail: BytesMut,
    /// There is a tail, or something that the stream keeps: a task sends it, and nobody else writes meanwhile.
    pub(super) draining: bool,
    pub(super) writer: Writer,
    pub(super) reader: Reader,
    pub(super) waiting_reader: WakerSlot,
    pub(super) waiting_writer: WakerSlot,
    pub(super) waiting_drainer: WakerSlot,
    /// Only with an idle time-out.
    pub(super) idle: Option<IdleClock>,
    /// The place in the table, once the guest has closed and there is something to drain.
    pub(super) socket: Option<Socket>,
    pub(super) account: Arc<Account>,
    /// Bytes that are on the account.
    pub(super) charged: usize,
}

impl Drop for State {
    fn drop(&mut self) {
        self.account.settled(self.charged);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    Open,
    /// No more comes, after the tail.
    Finished,
    /// The guest has closed; the stream goes after the tail.
    Closing,
    /// The operating system reported this.
    Failed(NetError),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    Open,
    /// The client sent its end, or the guest wants no more.
    Ended,
    /// The operating system reported this.
    Failed(NetError),
}

impl State {
    pub(super) fn write_budget(&self) -> Result<usize, NetError> {
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
    pub(super) fn charge(&mut self) {
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
    pub(super) fn send(&mut self, data: &[u8]) -> Result<usize, NetError> {
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
    pub(super) fn fail(&mut self, error: &io::Error) -> NetError {
        let error = from_system(error);
        self.writer = Writer::Failed(error);
        self.tail = BytesMut::new();
        error
    }

    /// So many bytes passed.
    pub(super) fn moved(&mut self, bytes: usize) {
        if let Some(idle) = self.idle.as_mut().filter(|_| bytes > 0) {
            idle.moved();
        }
    }

    /// Sends the tail and what the stream keeps as far as it goes, and the end after it if no more comes. Ready when
    /// all is gone, or the connection is.
    pub(super) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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
    pub(super) fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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
    pub(super) fn begin_draining(&mut self) -> bool {
        if self.draining {
            return false;
        }
        self.draining =
            !self.tail.is_empty() || self.poll_settled(&mut Context::from_waker(Waker::noop())).is_pending();
        self.draining
    }

    pub(super) fn waiting(&mut self) -> [Option<Waker>; 3] {
        [self.waiting_reader.take(), self.waiting_writer.take(), self.waiting_drainer.take()]
    }
}

impl State {
    /// What every further read gives, once there is nothing more to read.
    pub(super) fn reading_is_over(&self) -> Option<Result<(), NetError>> {
        match self.reader {
            Reader::Open => None,
            Reader::Ended => Some(Ok(())),
            Reader::Failed(error) => Some(Err(error)),
        }
    }

    /// So many bytes have been read; none of them is the end.
    pub(super) fn has_read(&mut self, length: usize) {
        match length {
            0 => self.reader = Reader::Ended,
            length => self.moved(length),
        }
    }

    pub(super) fn reading_failed(&mut self, error: &io::Error) -> NetError {
        let error = from_system(error);
        self.reader = Reader::Failed(error);
        error
    }
}

pub(super) fn is_transient(error: &io::Error) -> bool {
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
