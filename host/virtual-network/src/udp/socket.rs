//! A UDP socket.

use std::fmt;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;

use super::LARGEST_DATAGRAM;
use super::inbox::{Association, Datagram, Delivery, Inbox};
use super::inside::InsideClient;
use super::outside::AnswerSink;
use super::passage::{arrivals, pass};
use super::shown::{show, show_undelivered};
use super::way_out::WayOut;
use crate::NetError;
use crate::PublicPorts;
use crate::network::{InterfaceCore, Party, Permit, Scope, Socket, State, Way};
use crate::policy::{Operation, Transport};
use crate::sync::lock;

/// A bound UDP socket, connected to a peer or not. Dropping it frees its port.
///
/// Sends never wait. One task may wait for datagrams; a second one takes its place.
pub struct UdpSocket {
    inbox: Arc<Inbox>,
    bound: SocketAddr,
    /// Made by the first datagram that goes out of the deployment.
    way_out: Mutex<Option<WayOut>>,
    socket: Socket,
}

/// Where a datagram goes that may go.
enum Route {
    /// To a socket of an instance: one that the policy lets it reach, or one that waits for the answer.
    Inbox { inbox: Arc<Inbox>, is_answer: bool },
    /// To an outside address, or a client of the public side, with an open flow.
    Outside(Arc<dyn AnswerSink>),
    /// To a public port of the deployment's own.
    PublicSide(Arc<dyn PublicPorts>),
    /// To an outside address that the policy lets the instance reach.
    WayOut,
    /// Nowhere. A connected sender hears why.
    Nowhere(NetError),
}

impl UdpSocket {
    /// The socket at a place in the table.
    pub(crate) fn new(socket: Socket, bound: SocketAddr) -> Result<Self, NetError> {
        let tally = socket.core().tally(Transport::Udp, bound);
        let inbox = Arc::new(Inbox::new(socket.core().inboxes().clone(), tally));
        socket.set_state(State::Datagrams(Arc::downgrade(&inbox)))?;
        Ok(Self { inbox, bound, way_out: Mutex::default(), socket })
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
    fn admit(&self, target: SocketAddr) -> Result<Permit<Route>, NetError> {
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
        let (inbox, _) = self.core().peer(target.ip())?.inbox(Scope::of(target.ip()), target.port())?;
        inbox.awaits(source).then_some(Route::Inbox { inbox, is_answer: true })
    }

    /// The open flow between this socket and an outside address.
    fn flow(&self, target: SocketAddr) -> Option<Arc<dyn AnswerSink>> {
        let reachable = Scope::covered_by(self.bound.ip()).contains(&Scope::Own);
        if reachable { self.core().flows().find(self.bound.port(), target) } else { None }
    }

    fn route(&self, target: SocketAddr) -> Result<Route, NetError> {
        let way = match self.admit(target)? {
            Permit::Otherwise(answer) => return Ok(answer),
            Permit::Policy(way) => way,
        };
        if self.bound.ip().is_loopback() && !target.ip().is_loopback() {
            return Err(NetError::RemoteUnreachable);
        }
        match way {
            // Who came by the public side is answered from there. A loopback is the instance's own first.
            Way::Inside => {
                if let Some(sink) = self.flow(target).filter(|_| !target.ip().is_loopback()) {
                    return Ok(Route::Outside(sink));
                }
            }
            Way::OwnElseHost => {}
            // Who asked by a flow is answered by it.
            Way::Outside => return Ok(self.flow(target).map_or(Route::WayOut, Route::Outside)),
            Way::PublicSide => {
                let nobody = Route::Nowhere(NetError::ConnectionRefused);
                return Ok(self.core().shared().public_ports().map_or(nobody, Route::PublicSide));
            }
        }
        let Some(peer) = self.core().peer(target.ip()) else {
            return Ok(Route::Nowhere(NetError::RemoteUnreachable));
        };
        let nobody =
            if way == Way::OwnElseHost { Route::WayOut } else { Route::Nowhere(NetError::ConnectionRefused) };
        Ok(match peer.inbox(Scope::of(target.ip()), target.port()) {
            // To other instances a companion has no ports, even if the policy opens all of the instance's.
            Some((inbox, party)) if party != Party::OWN && !self.may_send_to_companion(&inbox, target) => {
                Route::Nowhere(NetError::ConnectionRefused)
            }
            Some((inbox, _)) => Route::Inbox { inbox, is_answer: false },
            // A process on the host has a loopback address too.
            None if target.ip().is_loopback() => self.flow(target).map_or(nobody, Route::Outside),
            None => Route::Nowhere(NetError::ConnectionRefused),
        })
    }

    fn may_send_to_companion(&self, inbox: &Inbox, target: SocketAddr) -> bool {
        match (self.other_instance(target), self.source(target)) {
            (Some(_), SocketAddr::V4(source)) => inbox.awaits(source),
            _ => true,
        }
    }

    fn transmit(&self, data: Bytes, target: Option<SocketAddr>) -> Result<(), NetError> {
        if data.len() > LARGEST_DATAGRAM {
            return Err(NetError::DatagramTooLarge);
        }
        let target = self.inbox.start_send(target)?;
        let from = self.source(target);
        let route = self
            .route(target)
            .inspect_err(|error| show_undelivered(self.core(), from, target, &data, *error))?;
        self.inbox.tally().inspect(|tally| tally.sent(data.len()));
        match &route {
            Route::Nowhere(error) => show_undelivered(self.core(), from, target, &data, *error),
            _ => show(self.core(), from, target, &data),
        }
        match route {
            Route::Inbox { inbox, is_answer } => self.deliver(&inbox, data, target, is_answer),
            Route::Outside(sink) => sink.answer(data),
            Route::PublicSide(ports) => self.send_to_public_side(&*ports, data, target),
            Route::WayOut => self.send_out(&data, target)?,
            Route::Nowhere(error) => self.hear_back(&data, target, error),
        }
        Ok(())
    }

    /// Sends to the world outside.
    fn send_out(&self, data: &Bytes, target: SocketAddr) -> Result<(), NetError> {
        let is_open = lock(&self.way_out).is_some();
        // Outside of the lock, since a refusal is told to the observer. Who was slower than somebody else closes its own again.
        let mut opened = if is_open { None } else { Some(WayOut::open(self.core(), &self.inbox, target)?) };
        let mut way_out = lock(&self.way_out);
        if way_out.is_none() {
            *way_out = opened.take();
        }
        let sent = way_out.as_ref().map_or(Ok(()), |way_out| way_out.send(data, target));
        drop(way_out);
        drop(opened);
        if let Err(error) = sent {
            self.inbox.hear(target, error);
        }
        Ok(())
    }

    fn deliver(&self, inbox: &Inbox, data: Bytes, target: SocketAddr, is_answer: bool) {
        if !is_answer && let Some(peer) = self.other_instance(target) {
            self.inbox.ask(peer);
        }
        let datagram = Datagram { data, from: self.source(target) };
        let from = datagram.from.ip();
        pass(self.core(), from, inbox, datagram, target.ip(), |delivery| self.count(delivery, target));
    }

    /// Lets the balancer choose who gets it.
    fn send_to_public_side(&self, ports: &dyn PublicPorts, data: Bytes, target: SocketAddr) {
        let (SocketAddr::V4(public), SocketAddr::V4(address)) = (target, self.source(target)) else { return };
        let client = InsideClient { core: self.core(), inbox: &self.inbox, address, public };
        if !ports.pass_on(public.port(), &client, data) {
            self.inbox.hear(target, NetError::ConnectionRefused);
        }
    }

    /// The answer that a datagram finds nobody. It takes the same way, so a lost datagram has none.
    fn hear_back(&self, data: &Bytes, target: SocketAddr, error: NetError) {
        let arrivals = arrivals(self.core(), self.source(target).ip(), target.ip(), data.len());
        if arrivals != Some([None, None]) {
            self.inbox.hear(target, error);
        }
    }

    fn count(&self, delivery: Delivery, target: SocketAddr) {
        match delivery {
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
