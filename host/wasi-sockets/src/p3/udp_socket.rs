//! The states of a UDP socket, as `wasi:sockets` 0.3 documents them; the module above has the table.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Mutex;
use wasm_roles_virtual_network::{Datagram, Interface, NetError, UdpSocket as NetworkSocket};

use super::bindings::wasi::sockets::types::ErrorCode;
use super::errors;
use crate::address::Family;
use crate::options::SocketOptions;

/// A UDP socket of a guest.
pub struct UdpSocket {
    family: Family,
    /// `None` until it is bound.
    bound: Option<Arc<Bound>>,
    pub(super) options: SocketOptions,
}

/// A socket of the network, and the queue of those who wait for its datagrams. The network knows one waiting task, but a
/// guest may have any number of them.
pub(super) struct Bound {
    socket: NetworkSocket,
    turn: Mutex<()>,
}

impl Bound {
    fn new(interface: &Interface, address: SocketAddr) -> Result<Self, NetError> {
        Ok(Self { socket: interface.bind_udp(address)?, turn: Mutex::default() })
    }

    pub(super) async fn receive(&self) -> Result<Datagram, ErrorCode> {
        let _turn = self.turn.lock().await;
        self.socket.receive().await.map_err(errors::receive_datagram)
    }
}

impl UdpSocket {
    pub(super) fn new(family: Family) -> Self {
        Self { family, bound: None, options: SocketOptions::udp() }
    }

    pub(super) fn bind(&mut self, interface: &Interface, address: SocketAddr) -> Result<(), ErrorCode> {
        if self.bound.is_some() {
            return Err(ErrorCode::InvalidState);
        }
        if !self.family.has(address) {
            return Err(ErrorCode::InvalidArgument);
        }
        self.bound = Some(Arc::new(Bound::new(interface, address).map_err(errors::bind)?));
        Ok(())
    }

    pub(super) fn connect(&mut self, interface: &Interface, peer: SocketAddr) -> Result<(), ErrorCode> {
        if !self.family.may_send_to(peer) {
            return Err(ErrorCode::InvalidArgument);
        }
        self.with_bound(interface, |socket| socket.connect(peer)).map_err(errors::connect_datagrams)
    }

    pub(super) fn disconnect(&self) -> Result<(), ErrorCode> {
        let bound = self.bound()?;
        bound.socket.disconnect().map_err(|_| ErrorCode::InvalidState)
    }

    pub(super) fn send(
        &mut self,
        interface: &Interface,
        data: Bytes,
        target: Option<SocketAddr>,
    ) -> Result<(), ErrorCode> {
        if target.is_some_and(|target| !self.family.may_send_to(target)) {
            return Err(ErrorCode::InvalidArgument);
        }
        let send = |socket: &NetworkSocket| match target {
            Some(target) => socket.send_to(data, target),
            None => socket.send(data),
        };
        self.with_bound(interface, send).map_err(errors::send_datagram)
    }

    /// What a `receive` waits on.
    pub(super) fn bound(&self) -> Result<&Arc<Bound>, ErrorCode> {
        self.bound.as_ref().ok_or(ErrorCode::InvalidState)
    }

    pub(super) fn local_address(&self) -> Result<SocketAddr, ErrorCode> {
        Ok(self.bound()?.socket.local_address())
    }

    pub(super) fn remote_address(&self) -> Result<SocketAddr, ErrorCode> {
        self.bound()?.socket.peer_address().ok_or(ErrorCode::InvalidState)
    }

    pub(super) fn family(&self) -> Family {
        self.family
    }

    /// Does something with the socket of the network. One that was made for it stays when that succeeds.
    fn with_bound(
        &mut self,
        interface: &Interface,
        operation: impl FnOnce(&NetworkSocket) -> Result<(), NetError>,
    ) -> Result<(), NetError> {
        if let Some(bound) = &self.bound {
            return operation(&bound.socket);
        }
        let bound = Bound::new(interface, self.family.unspecified())?;
        operation(&bound.socket)?;
        self.bound = Some(Arc::new(bound));
        Ok(())
    }
}
