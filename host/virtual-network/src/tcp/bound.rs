//! A bound address, before it becomes a listener or a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use super::connecting::{Connecting, listener};
use super::dial::Dial;
use super::listener::TcpListener;
use super::queue::ListenQueue;
use crate::NetError;
use crate::course::show_failed_connect;
use crate::network::{Socket, State, Way};
use crate::policy::{Operation, Transport};

/// A reserved local address. Its port is free again when it is dropped, or what it became.
#[derive(Debug)]
pub struct BoundTcp {
    socket: Socket,
    local: SocketAddr,
}

impl BoundTcp {
    pub(crate) fn new(socket: Socket, local: SocketAddr) -> Self {
        Self { socket, local }
    }

    /// The address that was asked for, with the port that was chosen for port 0.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Waits for connections; up to `backlog` (1 to 4096, others are clamped) may be established before they
    /// are accepted.
    ///
    /// # Errors
    ///
    /// `AccessDenied` by the policy, `ConnectionAborted` when the interface has ended. The address is free again.
    pub fn listen(self, backlog: usize) -> Result<TcpListener, NetError> {
        let core = self.socket.core();
        core.check(Operation::Listen, self.local)?;
        let tally = core.tally(Transport::Tcp, self.local);
        let queue = Arc::new(ListenQueue::new(core.clone(), backlog, tally));
        self.socket.set_state(State::Listening(Arc::downgrade(&queue)))?;
        Ok(TcpListener::new(queue, self.local, self.socket))
    }

    /// Opens a connection from this address.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for port 0, an unspecified target or another address family; `AccessDenied` by the policy;
    /// `RemoteUnreachable` when nobody is attached at the target, or it cannot be reached from loopback;
    /// `ConnectionRefused` when nobody listens there; `ConnectionAborted`. The address is free again.
    pub fn connect(self, target: SocketAddr) -> Result<Connecting, NetError> {
        if target.port() == 0 || target.ip().is_unspecified() || target.is_ipv4() != self.local.is_ipv4() {
            return Err(NetError::InvalidArgument);
        }
        let core = self.socket.core();
        let local = core.source(self.local, target.ip());
        let way = core
            .check(Operation::Connect, target)
            .inspect_err(|error| show_failed_connect(core, local, target, *error))?;
        if self.local.ip().is_loopback() && !target.ip().is_loopback() {
            return Err(NetError::RemoteUnreachable);
        }
        match way {
            Way::PublicSide => Dial::public_side(self.socket, local, target).map(Connecting::dialing),
            Way::Outside => Dial::outside(self.socket, local, target).map(Connecting::dialing),
            Way::OwnElseHost if listener(core, target).is_err() => {
                Dial::outside(self.socket, local, target).map(Connecting::dialing)
            }
            Way::Inside | Way::OwnElseHost => Connecting::start(self.socket, local, target),
        }
    }
}
