//! A connection of an instance to one of the deployment's own public ports, as who serves the port sees it.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use super::connecting::Attempt;
use super::memory::{MemoryEnd, Pipes, Side};
use super::stream::TcpStream;
use crate::NetError;
use crate::course::Course;
use crate::network::{Interface, InterfaceCore, Offered, Scope};

/// A connection of an instance that [who serves the public ports](crate::PublicPorts) is offered: it goes to one of the
/// instances, or it is accepted here.
pub struct InsideConnection<'a> {
    offer: &'a InsideOffer,
    reached: Option<Unclaimed>,
}

impl InsideConnection<'_> {
    /// The address of the instance's socket.
    #[must_use]
    pub const fn client(&self) -> SocketAddr {
        self.offer.client
    }

    /// Connects it to who listens at `port` of `interface`, if there is a place for one more; says whether there was. It never
    /// waits. A connection that has an end already gets no other one.
    pub fn connect_to(&mut self, interface: &Interface, port: NonZeroU16) -> bool {
        if self.reached.is_none() {
            self.reached = self.offer.take(interface, port);
            return self.reached.is_some();
        }
        false
    }

    /// Accepts it: the other end, as a client outside would find it. None when it has an end already.
    ///
    /// What is written there and not read yet is charged to the instance that connects, since it asked for it.
    pub fn accept(&mut self) -> Option<TcpStream> {
        if self.reached.is_some() {
            return None;
        }
        let (client_end, stream) = self.offer.accept();
        self.reached = Some(client_end);
        Some(stream)
    }
}

/// The client's end of a connection that nobody has yet: the server's sees a reset when nobody claims it.
#[derive(Debug)]
pub(crate) struct Unclaimed(Option<MemoryEnd>);

impl Unclaimed {
    fn client_of(pipes: &Arc<Pipes>) -> Self {
        Self(Some(MemoryEnd::new(Arc::clone(pipes), Side::Client)))
    }

    pub(super) fn claim(mut self) -> Option<MemoryEnd> {
        self.0.take()
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end.abort();
        }
    }
}

/// A connect of the deployment's own to one of its public ports.
pub(super) struct InsideOffer {
    from: Arc<InterfaceCore>,
    client: SocketAddr,
    /// The port at the public address.
    server: SocketAddr,
}

impl InsideOffer {
    pub(super) const fn new(from: Arc<InterfaceCore>, client: SocketAddr, server: SocketAddr) -> Self {
        Self { from, client, server }
    }

    /// Offers it once. `None`: nobody can take it now.
    pub(super) fn try_once(&self) -> Option<Result<Unclaimed, NetError>> {
        const REFUSED: Option<Result<Unclaimed, NetError>> = Some(Err(NetError::ConnectionRefused));
        let Some(ports) = self.from.shared().public_ports() else { return REFUSED };
        let mut connection = InsideConnection { offer: self, reached: None };
        match ports.offer(self.server.port(), &mut connection) {
            Offered::Taken => connection.reached.map(Ok),
            Offered::Nobody => None,
            Offered::Closed => REFUSED,
        }
    }

    /// Nobody has taken it in its time.
    pub(super) fn give_up(&self) -> NetError {
        if let Some(ports) = self.from.shared().public_ports() {
            ports.gave_up(self.server.port());
        }
        NetError::ConnectionRefused
    }

    /// Connects to `interface`, if it has a place for one more.
    fn take(&self, interface: &Interface, port: NonZeroU16) -> Option<Unclaimed> {
        let queue = interface.core().listener(Scope::Own, port.get())?;
        let server = SocketAddr::new(interface.address().into(), port.get());
        let course = Course::between(&self.from, self.client, server, queue.tally());
        let pipes = Pipes::new(self.from.account(), queue.account(), course);
        let attempt = Attempt::new(pipes, self.client, server);
        let is_taken = queue.take(&attempt);
        is_taken.then(|| Unclaimed::client_of(&attempt.pipes))
    }

    /// Both ends of a connection that somebody outside of the network holds the other end of.
    fn accept(&self) -> (Unclaimed, TcpStream) {
        let (account, course) =
            (self.from.account(), Course::between(&self.from, self.client, self.server, None));
        let pipes = Arc::new(Pipes::new(account, account, course));
        pipes.course().established();
        let end = MemoryEnd::new(Arc::clone(&pipes), Side::Server);
        (Unclaimed::client_of(&pipes), TcpStream::outside(end, self.server, self.client))
    }
}
