//! The states of a UDP socket, as `wasi:sockets` 0.2 documents them, and its two streams; the module above has the table.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use wasm_roles_virtual_network::{Datagram, Interface, UdpSocket as NetworkSocket};
use wasmtime_wasi::p2::Pollable;

use super::bindings::wasi::sockets::network::ErrorCode;
use super::{SocketError, SocketResult, errors};
use crate::CHUNK;
use crate::address::Family;
use crate::options::SocketOptions;

/// Datagrams that one call moves at the most.
const AT_ONCE: usize = 16;

/// A UDP socket of a guest.
pub struct UdpSocket {
    family: Family,
    state: State,
    pub(super) options: SocketOptions,
}

enum State {
    Unbound,
    BindInProgress(NetworkSocket),
    Bound(Arc<NetworkSocket>),
}

impl UdpSocket {
    pub(super) fn new(family: Family) -> Self {
        Self { family, state: State::Unbound, options: SocketOptions::udp() }
    }

    pub(super) fn start_bind(&mut self, interface: &Interface, address: SocketAddr) -> Result<(), ErrorCode> {
        match self.state {
            State::Unbound => {}
            State::BindInProgress(_) => return Err(ErrorCode::ConcurrencyConflict),
            State::Bound(_) => return Err(ErrorCode::InvalidState),
        }
        if !self.family.has(address) {
            return Err(ErrorCode::InvalidArgument);
        }
        self.state = State::BindInProgress(interface.bind_udp(address).map_err(errors::bind)?);
        Ok(())
    }

    pub(super) fn finish_bind(&mut self) -> Result<(), ErrorCode> {
        match std::mem::replace(&mut self.state, State::Unbound) {
            State::BindInProgress(socket) => {
                self.state = State::Bound(Arc::new(socket));
                Ok(())
            }
            other => {
                self.state = other;
                Err(ErrorCode::NotInProgress)
            }
        }
    }

    /// The two streams, before [`set_peer`](Self::set_peer).
    pub(super) fn streams(&self) -> Result<(IncomingDatagramStream, OutgoingDatagramStream), ErrorCode> {
        match &self.state {
            State::Unbound => Err(ErrorCode::InvalidState),
            State::BindInProgress(_) => Err(ErrorCode::ConcurrencyConflict),
            State::Bound(socket) => Ok((
                IncomingDatagramStream { socket: Arc::clone(socket) },
                OutgoingDatagramStream { socket: Arc::clone(socket), family: self.family, permit: 0 },
            )),
        }
    }

    /// Limits the socket to one peer, or takes the limit away.
    pub(super) fn set_peer(&self, peer: Option<SocketAddr>) -> Result<(), ErrorCode> {
        let State::Bound(socket) = &self.state else { return Err(ErrorCode::InvalidState) };
        match peer {
            Some(peer) if !self.family.may_send_to(peer) => Err(ErrorCode::InvalidArgument),
            Some(peer) => socket.connect(peer).map_err(errors::datagram_streams),
            None => {
                // It fails when there was no limit, which is what is wanted.
                let _ = socket.disconnect();
                Ok(())
            }
        }
    }

    pub(super) fn local_address(&self) -> Result<SocketAddr, ErrorCode> {
        match &self.state {
            State::Bound(socket) => Ok(socket.local_address()),
            State::Unbound | State::BindInProgress(_) => Err(ErrorCode::InvalidState),
        }
    }

    pub(super) fn remote_address(&self) -> Result<SocketAddr, ErrorCode> {
        match &self.state {
            State::Bound(socket) => socket.peer_address().ok_or(ErrorCode::InvalidState),
            State::Unbound | State::BindInProgress(_) => Err(ErrorCode::InvalidState),
        }
    }

    pub(super) fn family(&self) -> Family {
        self.family
    }
}

#[async_trait]
impl Pollable for UdpSocket {
    async fn ready(&mut self) {}
}

/// What the guest receives.
pub struct IncomingDatagramStream {
    socket: Arc<NetworkSocket>,
}

impl IncomingDatagramStream {
    /// Up to `max` datagrams. An error is told when there is none before it.
    pub(super) fn receive(&self, max: u64) -> Result<Vec<Datagram>, ErrorCode> {
        let max = usize::try_from(max).unwrap_or(usize::MAX).min(AT_ONCE);
        let mut datagrams: Vec<Datagram> = Vec::new();
        let mut bytes = 0_usize;
        while datagrams.len() < max && bytes < CHUNK {
            match self.socket.try_receive() {
                Ok(Some(datagram)) => {
                    bytes = bytes.saturating_add(datagram.data.len());
                    datagrams.push(datagram);
                }
                Err(error) if datagrams.is_empty() => return Err(errors::receive(error)),
                Ok(None) | Err(_) => break,
            }
        }
        Ok(datagrams)
    }
}

#[async_trait]
impl Pollable for IncomingDatagramStream {
    async fn ready(&mut self) {
        poll_fn(|cx| self.socket.poll_readable(cx)).await;
    }
}

/// What the guest sends.
pub struct OutgoingDatagramStream {
    socket: Arc<NetworkSocket>,
    family: Family,
    /// Datagrams that the next send may have.
    permit: usize,
}

impl OutgoingDatagramStream {
    pub(super) fn check_send(&mut self) -> usize {
        self.permit = AT_ONCE;
        self.permit
    }

    /// Sends until the first error, which is told when nothing was sent before it. Gives how many were sent.
    pub(super) fn send(
        &mut self,
        datagrams: impl ExactSizeIterator<Item = (Vec<u8>, Option<SocketAddr>)>,
    ) -> SocketResult<u64> {
        if datagrams.len() == 0 {
            return Ok(0);
        }
        if datagrams.len() > std::mem::take(&mut self.permit) {
            return Err(SocketError::trap(wasmtime::Error::msg(
                "a send of more datagrams than check-send has permitted",
            )));
        }
        let mut sent = 0_u64;
        for (data, target) in datagrams {
            match self.send_one(data.into(), target) {
                Ok(()) => sent = sent.saturating_add(1),
                Err(code) if sent == 0 => return Err(code.into()),
                Err(_) => break,
            }
        }
        Ok(sent)
    }

    fn send_one(&self, data: Bytes, target: Option<SocketAddr>) -> Result<(), ErrorCode> {
        let outcome = match target {
            Some(target) if !self.family.may_send_to(target) => return Err(ErrorCode::InvalidArgument),
            Some(target) => self.socket.send_to(data, target),
            None => self.socket.send(data),
        };
        outcome.map_err(errors::send)
    }
}

#[async_trait]
impl Pollable for OutgoingDatagramStream {
    async fn ready(&mut self) {}
}
