//! The states of a TCP socket, as `wasi:sockets` 0.3 documents them; the module above has the table.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use wasm_roles_virtual_network::{BoundTcp, Connecting, Interface, TcpListener, TcpStream};

use super::bindings::wasi::sockets::types::ErrorCode;
use super::errors;
use crate::DEFAULT_BACKLOG;
use crate::address::Family;
use crate::options::TcpOptions;

/// A TCP socket of a guest.
pub struct TcpSocket {
    family: Family,
    state: State,
    backlog: usize,
    pub(super) options: SharedOptions,
}

/// The options of a socket. A listener shares them with its stream of connections, which inherit what they are when a
/// connection is accepted.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedOptions(Arc<Mutex<TcpOptions>>);

impl SharedOptions {
    pub(super) fn lock(&self) -> MutexGuard<'_, TcpOptions> {
        // Nothing panics while it holds the lock, and any value is a good one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Options of their own, with the same values.
    pub(super) fn inherited(&self) -> Self {
        Self(Arc::new(Mutex::new(self.lock().clone())))
    }
}

enum State {
    Unbound,
    Bound(BoundTcp),
    Listening(Arc<TcpListener>),
    Connecting {
        attempt: Connecting,
        /// The address of an explicit bind.
        bound: Option<SocketAddr>,
    },
    Connected {
        stream: Arc<TcpStream>,
        /// `send` was called.
        sends: bool,
        /// `receive` was called.
        receives: bool,
    },
    Closed,
}

impl TcpSocket {
    pub(super) fn new(family: Family) -> Self {
        Self { family, state: State::Unbound, backlog: DEFAULT_BACKLOG, options: SharedOptions::default() }
    }

    /// The socket of a connection that came in, with the listener's options.
    pub(super) fn accepted(family: Family, options: SharedOptions, stream: TcpStream) -> Self {
        Self { family, state: State::connected(stream), backlog: DEFAULT_BACKLOG, options }
    }

    pub(super) fn bind(&mut self, interface: &Interface, address: SocketAddr) -> Result<(), ErrorCode> {
        if !matches!(self.state, State::Unbound) {
            return Err(ErrorCode::InvalidState);
        }
        if !self.family.may_bind(address) {
            return Err(ErrorCode::InvalidArgument);
        }
        self.state = State::Bound(interface.bind(address).map_err(errors::bind)?);
        Ok(())
    }

    pub(super) fn start_connect(
        &mut self,
        interface: &Interface,
        address: SocketAddr,
    ) -> Result<(), ErrorCode> {
        if !matches!(self.state, State::Unbound | State::Bound(_)) {
            return Err(ErrorCode::InvalidState);
        }
        if !self.family.may_connect(address) {
            return Err(ErrorCode::InvalidArgument);
        }
        // From here on a failure leaves the socket closed.
        let (bound, attempt) = match std::mem::replace(&mut self.state, State::Closed) {
            State::Bound(bound) => (Some(bound.local_address()), bound.connect(address)),
            _ => (None, interface.connect(address)),
        };
        self.state = State::Connecting { attempt: attempt.map_err(errors::connect)?, bound };
        Ok(())
    }

    /// The rest of a connect. The attempt is part of the socket, so that it ends with the socket when the guest cancels the
    /// call.
    pub(super) fn poll_connected(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ErrorCode>> {
        let State::Connecting { attempt, .. } = &mut self.state else {
            return Poll::Ready(Err(ErrorCode::InvalidState));
        };
        let outcome = ready!(std::pin::Pin::new(attempt).poll(cx));
        self.state = State::Closed;
        self.state = State::connected(outcome.map_err(errors::connect)?);
        Poll::Ready(Ok(()))
    }

    pub(super) fn listen(&mut self, interface: &Interface) -> Result<Arc<TcpListener>, ErrorCode> {
        let bound = match std::mem::replace(&mut self.state, State::Closed) {
            State::Bound(bound) => bound,
            State::Unbound => interface.bind(self.family.unspecified()).map_err(errors::listen)?,
            other => {
                self.state = other;
                return Err(ErrorCode::InvalidState);
            }
        };
        let listener = Arc::new(bound.listen(self.backlog).map_err(errors::listen)?);
        self.state = State::Listening(Arc::clone(&listener));
        Ok(listener)
    }

    /// The connection, for the one call of `send`.
    pub(super) fn take_sending(&mut self) -> Result<Arc<TcpStream>, ErrorCode> {
        match &mut self.state {
            State::Connected { stream, sends, .. } if !*sends => {
                *sends = true;
                Ok(Arc::clone(stream))
            }
            _ => Err(ErrorCode::InvalidState),
        }
    }

    /// The connection, for the one call of `receive`.
    pub(super) fn take_receiving(&mut self) -> Result<Arc<TcpStream>, ErrorCode> {
        match &mut self.state {
            State::Connected { stream, receives, .. } if !*receives => {
                *receives = true;
                Ok(Arc::clone(stream))
            }
            _ => Err(ErrorCode::InvalidState),
        }
    }

    pub(super) fn local_address(&self) -> Result<SocketAddr, ErrorCode> {
        match &self.state {
            State::Bound(bound) => Ok(bound.local_address()),
            State::Listening(listener) => Ok(listener.local_address()),
            State::Connecting { bound, .. } => bound.ok_or(ErrorCode::InvalidState),
            State::Connected { stream, .. } => Ok(stream.local_address()),
            State::Unbound | State::Closed => Err(ErrorCode::InvalidState),
        }
    }

    pub(super) fn remote_address(&self) -> Result<SocketAddr, ErrorCode> {
        match &self.state {
            State::Connected { stream, .. } => Ok(stream.peer_address()),
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
            State::Unbound | State::Bound(_) => {
                self.backlog = usize::try_from(size).unwrap_or(usize::MAX);
                Ok(())
            }
            State::Listening(_) => Err(ErrorCode::NotSupported),
            State::Connecting { .. } | State::Connected { .. } | State::Closed => {
                Err(ErrorCode::InvalidState)
            }
        }
    }
}

impl State {
    fn connected(stream: TcpStream) -> Self {
        Self::Connected { stream: Arc::new(stream), sends: false, receives: false }
    }
}
