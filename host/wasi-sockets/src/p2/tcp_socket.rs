//! The states of a TCP socket, as `wasi:sockets` 0.2 documents them; the module above has the table.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use wasm_roles_virtual_network::{BoundTcp, Connecting, Interface, TcpListener, TcpStream};
use wasmtime_wasi::p2::Pollable;

use super::bindings::wasi::sockets::network::ErrorCode;
use super::bindings::wasi::sockets::tcp::ShutdownType;
use super::errors;
use crate::DEFAULT_BACKLOG;
use crate::address::Family;
use crate::options::TcpOptions;

/// A TCP socket of a guest.
pub struct TcpSocket {
    family: Family,
    state: State,
    backlog: usize,
    pub(super) options: TcpOptions,
}

enum State {
    Unbound,
    BindInProgress(BoundTcp),
    Bound(BoundTcp),
    ListenInProgress(TcpListener),
    Listening(TcpListener),
    ConnectInProgress {
        /// Larger than all else that a socket can be, and soon over.
        attempt: Box<Connecting>,
        /// The address of an explicit bind.
        bound: Option<SocketAddr>,
    },
    Connected(Arc<TcpStream>),
    Closed,
}

impl TcpSocket {
    pub(super) fn new(family: Family) -> Self {
        Self { family, state: State::Unbound, backlog: DEFAULT_BACKLOG, options: TcpOptions::default() }
    }

    pub(super) fn start_bind(&mut self, interface: &Interface, address: SocketAddr) -> Result<(), ErrorCode> {
        self.check_nothing_in_progress()?;
        if !matches!(self.state, State::Unbound) {
            return Err(ErrorCode::InvalidState);
        }
        if !self.family.may_bind(address) {
            return Err(ErrorCode::InvalidArgument);
        }
        self.state = State::BindInProgress(interface.bind(address).map_err(errors::bind)?);
        Ok(())
    }

    pub(super) fn finish_bind(&mut self) -> Result<(), ErrorCode> {
        match self.take_state() {
            State::BindInProgress(bound) => {
                self.state = State::Bound(bound);
                Ok(())
            }
            other => self.put_back(other, ErrorCode::NotInProgress),
        }
    }

    pub(super) fn start_connect(
        &mut self,
        interface: &Interface,
        address: SocketAddr,
    ) -> Result<(), ErrorCode> {
        self.check_nothing_in_progress()?;
        if !matches!(self.state, State::Unbound | State::Bound(_)) {
            return Err(ErrorCode::InvalidState);
        }
        if !self.family.may_connect(address) {
            return Err(ErrorCode::InvalidArgument);
        }
        // From here on a failure leaves the socket closed.
        let (bound, attempt) = match self.take_state() {
            State::Bound(bound) => (Some(bound.local_address()), bound.connect(address)),
            _ => (None, interface.connect(address)),
        };
        self.state = State::ConnectInProgress { attempt: Box::new(attempt.map_err(errors::connect)?), bound };
        Ok(())
    }

    pub(super) fn finish_connect(&mut self) -> Result<Arc<TcpStream>, ErrorCode> {
        let State::ConnectInProgress { attempt, .. } = &mut self.state else {
            return Err(ErrorCode::NotInProgress);
        };
        let outcome = attempt.try_finish().ok_or(ErrorCode::WouldBlock)?;
        self.state = State::Closed;
        let stream = Arc::new(outcome.map_err(errors::connect)?);
        self.state = State::Connected(Arc::clone(&stream));
        Ok(stream)
    }

    /// Gives up what the socket has.
    pub(super) fn close(&mut self) {
        self.state = State::Closed;
    }

    pub(super) fn start_listen(&mut self) -> Result<(), ErrorCode> {
        self.check_nothing_in_progress()?;
        match self.take_state() {
            State::Bound(bound) => {
                self.state = State::ListenInProgress(bound.listen(self.backlog).map_err(errors::listen)?);
                Ok(())
            }
            other => self.put_back(other, ErrorCode::InvalidState),
        }
    }

    pub(super) fn finish_listen(&mut self) -> Result<(), ErrorCode> {
        match self.take_state() {
            State::ListenInProgress(listener) => {
                self.state = State::Listening(listener);
                Ok(())
            }
            other => self.put_back(other, ErrorCode::NotInProgress),
        }
    }

    /// A connection that came in, and its socket, which has the listener's options.
    pub(super) fn accept(&self) -> Result<(Self, Arc<TcpStream>), ErrorCode> {
        let State::Listening(listener) = &self.state else { return Err(ErrorCode::InvalidState) };
        let stream = listener.try_accept().map_err(errors::accept)?.ok_or(ErrorCode::WouldBlock)?;
        let stream = Arc::new(stream);
        let socket = Self {
            family: self.family,
            state: State::Connected(Arc::clone(&stream)),
            backlog: DEFAULT_BACKLOG,
            options: self.options.clone(),
        };
        Ok((socket, stream))
    }

    pub(super) fn shutdown(&self, direction: ShutdownType) -> Result<(), ErrorCode> {
        let State::Connected(stream) = &self.state else { return Err(ErrorCode::InvalidState) };
        match direction {
            ShutdownType::Receive => stream.shutdown_read(),
            ShutdownType::Send => stream.shutdown_write(),
            ShutdownType::Both => {
                stream.shutdown_read();
                stream.shutdown_write();
            }
        }
        Ok(())
    }

    pub(super) fn local_address(&self) -> Result<SocketAddr, ErrorCode> {
        match &self.state {
            State::Bound(bound) => Ok(bound.local_address()),
            State::ListenInProgress(listener) | State::Listening(listener) => Ok(listener.local_address()),
            State::ConnectInProgress { bound, .. } => bound.ok_or(ErrorCode::InvalidState),
            State::Connected(stream) => Ok(stream.local_address()),
            State::Unbound | State::BindInProgress(_) | State::Closed => Err(ErrorCode::InvalidState),
        }
    }

    pub(super) fn remote_address(&self) -> Result<SocketAddr, ErrorCode> {
        match &self.state {
            State::Connected(stream) => Ok(stream.peer_address()),
            _ => Err(ErrorCode::InvalidState),
        }
    }

    pub(super) fn is_listening(&self) -> bool {
        matches!(self.state, State::Listening(_))
    }

    pub(super) fn family(&self) -> Family {
        self.family
    }

    /// A hint: the network has its own highest value.
    pub(super) fn set_backlog(&mut self, size: u64) -> Result<(), ErrorCode> {
        if size == 0 {
            return Err(ErrorCode::InvalidArgument);
        }
        match self.state {
            State::Unbound | State::BindInProgress(_) | State::Bound(_) => {
                self.backlog = usize::try_from(size).unwrap_or(usize::MAX);
                Ok(())
            }
            State::ListenInProgress(_) | State::Listening(_) => Err(ErrorCode::NotSupported),
            State::ConnectInProgress { .. } | State::Connected(_) | State::Closed => {
                Err(ErrorCode::InvalidState)
            }
        }
    }

    fn check_nothing_in_progress(&self) -> Result<(), ErrorCode> {
        match self.state {
            State::BindInProgress(_) | State::ListenInProgress(_) | State::ConnectInProgress { .. } => {
                Err(ErrorCode::ConcurrencyConflict)
            }
            State::Unbound | State::Bound(_) | State::Listening(_) | State::Connected(_) | State::Closed => {
                Ok(())
            }
        }
    }

    /// Takes the state out to turn it into the next one; the socket is closed until then.
    fn take_state(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Closed)
    }

    fn put_back(&mut self, state: State, code: ErrorCode) -> Result<(), ErrorCode> {
        self.state = state;
        Err(code)
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.state {
            State::Listening(listener) => listener.poll_ready(cx),
            State::ConnectInProgress { attempt, .. } => attempt.poll_ready(cx),
            _ => Poll::Ready(()),
        }
    }
}

#[async_trait]
impl Pollable for TcpSocket {
    async fn ready(&mut self) {
        poll_fn(|cx| self.poll_ready(cx)).await;
    }
}
