//! A UDP socket.

use std::fmt;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::LARGEST_DATAGRAM;
use super::inbox::{Association, Datagram, Delivery, Inbox};
use super::outside::AnswerSink;
use crate::NetError;
use crate::network::{InterfaceCore, Scope, Socket, State};
use crate::policy::Operation;

/// A bound UDP socket, connected to a peer or not. Dropping it frees its port.
///
/// Sends never wait. One task may wait for datagrams; a second one takes its place.
pub struct UdpSocket {
    inbox: Arc<Inbox>,
    bound: SocketAddr,
    socket: Socket,
}

/// Where a datagram goes that may go.
enum Route {
    /// To a socket of an instance: one that the policy lets it reach, or one that waits for the answer.
    Inbox { inbox: Arc<Inbox>, is_answer: bool },
    /// To an outside address with an open flow.
    Outside(Arc<dyn AnswerSink>),
    /// Nowhere. A connected sender hears why.
    Nowhere(NetError),
}

impl UdpSocket {
    /// The socket at a place in the table.
    pub(crate) fn new(socket: Socket, bound: SocketAddr) -> Result<Self, NetError> {
        let inbox = Arc::new(Inbox::new(socket.core().inboxes().clone()));
        socket.set_state(State::Datagrams(Arc::downgrade(&inbox)))?;
        Ok(Self { inbox, bound, socket })
    }

    /// The address as it was bound, with the port that was chosen for port 0; of a connected socket the address
    /// that the peer sees.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.inbox.association().map_or(self.bound, |association| association.local)
    }

    /// The address that the socket is connected to.
    #[must_use]
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.inbox.association().map(|association| association.peer)
    }

    /// Datagrams for this socket that found no room.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.inbox.dropped()
    }

    /// Limits the socket to one peer: others are not received any more, nor what they have sent before. It may
    /// be called again. A failure changes nothing.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for port 0, an unspecified target or another address family; `AccessDenied` by the
    /// policy; `ConnectionAborted` when the interface has ended.
    pub fn connect(&self, target: SocketAddr) -> Result<(), NetError> {
        self.check_target(target)?;
        self.admit(target)?;
        self.inbox.associate(Association { local: self.source(target), peer: target })
    }

    /// Takes the limit away.
    ///
    /// # Errors
    ///
    /// `InvalidState` when the socket is not connected.
    pub fn disconnect(&self) -> Result<(), NetError> {
        self.inbox.dissociate()
    }

    /// Sends to the peer of a connected socket.
    ///
    /// # Errors
    ///
    /// `InvalidState` when the socket is not connected, and as [`send_to`](Self::send_to).
    pub fn send(&self, data: Bytes) -> Result<(), NetError> {
        self.transmit(data, None)
    }

    /// Sends to `target`. Success means that it may go there, not that it arrives.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` as for [`connect`](Self::connect), and for another target than the peer of a connected
    /// socket; `DatagramTooLarge` above [`LARGEST_DATAGRAM`]; `AccessDenied` by the policy;
    /// `RemoteUnreachable` when it cannot be reached from loopback; `ConnectionAborted` when the interface has
    /// ended. Of a connected socket also what it heard of an earlier send: `ConnectionRefused` or
    /// `RemoteUnreachable`; nothing is sent then.
    pub fn send_to(&self, data: Bytes, target: SocketAddr) -> Result<(), NetError> {
        self.check_target(target)?;
        self.transmit(data, Some(target))
    }

    /// The oldest datagram; `None` when there is none now.
    ///
    /// # Errors
    ///
    /// Of a connected socket what it heard of an earlier send, once: `ConnectionRefused` or
    /// `RemoteUnreachable`. `ConnectionAborted` when the interface has ended.
    pub fn try_receive(&self) -> Result<Option<Datagram>, NetError> {
        self.inbox.receive()
    }

    /// Ready when [`try_receive`](Self::try_receive) would give a datagram or an error.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.inbox.poll_readable(cx)
    }

    /// Waits for a datagram.
    ///
    /// # Errors
    ///
    /// As [`try_receive`](Self::try_receive).
    pub fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<Result<Datagram, NetError>> {
        loop {
            if let Some(datagram) = self.try_receive().transpose() {
                return Poll::Ready(datagram);
            }
            std::task::ready!(self.poll_readable(cx));
        }
    }

    /// Waits for a datagram.
    ///
    /// # Errors
    ///
    /// As [`try_receive`](Self::try_receive).
    pub async fn receive(&self) -> Result<Datagram, NetError> {
        poll_fn(|cx| self.poll_receive(cx)).await
    }

    fn core(&self) -> &Arc<InterfaceCore> {
        self.socket.core()
    }

    fn check_target(&self, target: SocketAddr) -> Result<(), NetError> {
        if target.port() == 0 || target.ip().is_unspecified() || target.is_ipv4() != self.bound.is_ipv4() {
            return Err(NetError::InvalidArgument);
        }
        Ok(())
    }

    /// The local address as `target` sees it.
    fn source(&self, target: SocketAddr) -> SocketAddr {
        self.core().source(self.bound, target.ip())
    }

    /// Asks the policy whether the socket may send to `target`, and gives the way of an answer.
    fn admit(&self, target: SocketAddr) -> Result<Option<Route>, NetError> {
        self.core().check_or(Operation::Send, target, || self.answer(target))
    }

    /// The way to `target` when it waits for an answer of this socket.
    fn answer(&self, target: SocketAddr) -> Option<Route> {
        if let Some(sink) = self.flow(target) {
            return Some(Route::Outside(sink));
        }
        let SocketAddr::V4(source) = self.source(target) else { return None };
        if source.ip().is_loopback() {
            return None;
        }
        let inbox = self.core().peer(target.ip())?.inbox(Scope::of(target.ip()), target.port())?;
        inbox.awaits(source).then_some(Route::Inbox { inbox, is_answer: true })
    }

    /// The open flow between this socket and an outside address.
    fn flow(&self, target: SocketAddr) -> Option<Arc<dyn AnswerSink>> {
        let reachable = Scope::covered_by(self.bound.ip()).contains(&Scope::Own);
        if reachable { self.core().flows().find(self.bound.port(), target) } else { None }
    }

    fn route(&self, target: SocketAddr) -> Result<Route, NetError> {
        if let Some(answer) = self.admit(target)? {
            return Ok(answer);
        }
        if self.bound.ip().is_loopback() && !target.ip().is_loopback() {
            return Err(NetError::RemoteUnreachable);
        }
        let Some(peer) = self.core().peer(target.ip()) else {
            return Ok(Route::Nowhere(NetError::RemoteUnreachable));
        };
        Ok(match peer.inbox(Scope::of(target.ip()), target.port()) {
            Some(inbox) => Route::Inbox { inbox, is_answer: false },
            // A process on the host has a loopback address too.
            None if target.ip().is_loopback() => {
                self.flow(target).map_or(Route::Nowhere(NetError::ConnectionRefused), Route::Outside)
            }
            None => Route::Nowhere(NetError::ConnectionRefused),
        })
    }

    fn transmit(&self, data: Bytes, target: Option<SocketAddr>) -> Result<(), NetError> {
        if data.len() > LARGEST_DATAGRAM {
            return Err(NetError::DatagramTooLarge);
        }
        let target = self.inbox.start_send(target)?;
        match self.route(target)? {
            Route::Inbox { inbox, is_answer } => self.deliver(&inbox, data, target, is_answer),
            Route::Outside(sink) => sink.answer(data),
            Route::Nowhere(error) => self.inbox.hear(target, error),
        }
        Ok(())
    }

    fn deliver(&self, inbox: &Inbox, data: Bytes, target: SocketAddr, is_answer: bool) {
        if !is_answer && let Some(peer) = self.other_instance(target) {
            self.inbox.ask(peer);
        }
        match inbox.deliver(Datagram { data, from: self.source(target) }, target.ip()) {
            Delivery::Queued => self.core().shared().count_datagram(),
            Delivery::Full => self.core().shared().count_dropped_datagram(),
            Delivery::Refused => self.inbox.hear(target, NetError::ConnectionRefused),
        }
    }

    /// `target`, if another instance has it: only those need a permit to answer.
    fn other_instance(&self, target: SocketAddr) -> Option<SocketAddrV4> {
        match target {
            SocketAddr::V4(target)
                if !target.ip().is_loopback() && IpAddr::V4(*target.ip()) != self.core().address() =>
            {
                Some(target)
            }
            _ => None,
        }
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpSocket")
            .field("local", &self.local_address())
            .field("peer", &self.peer_address())
            .finish_non_exhaustive()
    }
}
