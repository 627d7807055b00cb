//! Connections and datagrams of the deployment's own instances to its public ports.
//!
//! A role that connects to the service's public side gets to whom a client outside would get: the load balancer's
//! choice among the same instances, by affinity or in turn. The connection itself is made in memory, by the network. The turn is one
//! of its own, so that what happens inside does not show in the order outside. The same holds for datagrams and their
//! [flows](crate::datagrams).
//!
//! | the port | a connection |
//! |---|---|
//! | TLS does not end here | goes to an instance as it is; when nobody takes it, it is offered again for as long as one from outside waits |
//! | TLS ends here | goes to the port's [door](crate::door), which makes the handshake: from there on it is one from outside |
//! | is not served, or not any more | is refused at once |
//!
//! One that finds nobody in its time is refused, and counted with those from outside.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use tokio::sync::mpsc::{self, error::TrySendError};
use wasm_roles_virtual_network::{InsideClient, InsideConnection, Offered, PublicPorts, TcpStream};

use crate::backends::Backends;
use crate::datagrams::{FlowTaker, InsidePort};
use crate::entry::{Entry, Leads};
use crate::events::Herald;
use crate::rotation::Turn;

/// The public ports that instances can reach.
pub(crate) struct Hairpin<T: FlowTaker> {
    ports: Mutex<BTreeMap<u16, Port<T>>>,
    /// Those of UDP. Their tasks keep them.
    datagrams: Mutex<BTreeMap<u16, Weak<InsidePort<T>>>>,
}

/// A TCP port. It is open as long as somebody hears what [`open`](Hairpin::open) gave.
struct Port<T> {
    way: Way<T>,
    gave_up: mpsc::Sender<()>,
}

/// Where the connections of a port go. A clone leads there too.
enum Way<T> {
    /// To an instance.
    Instances(Arc<Instances<T>>),
    /// To the handshake.
    Door(mpsc::Sender<TcpStream>),
}

impl<T> Clone for Way<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Instances(instances) => Self::Instances(Arc::clone(instances)),
            Self::Door(door) => Self::Door(door.clone()),
        }
    }
}

/// The instances behind a port.
struct Instances<T> {
    backends: Backends<T>,
    turn: Mutex<Turn>,
}

/// Connections that wait at a door until it has looked: the usual backlog of a listener.
const AT_DOOR: usize = 128;
/// Connections that found nobody, until the port has counted them. Those beyond are not counted.
const GAVE_UP: usize = 1024;

impl<T: FlowTaker> Hairpin<T> {
    pub(crate) const fn new() -> Self {
        Self { ports: Mutex::new(BTreeMap::new()), datagrams: Mutex::new(BTreeMap::new()) }
    }

    /// Opens a TCP port, or opens it anew. It is open as long as somebody hears who gave up.
    pub(crate) fn open(&self, backends: Backends<T>) -> mpsc::Receiver<()> {
        let port = backends.public.port.get();
        self.open_way(port, Way::Instances(Arc::new(Instances { backends, turn: Mutex::default() })))
    }

    /// The same for one whose TLS ends here: its connections wait for their handshake.
    pub(crate) fn open_door(&self, port: u16) -> (mpsc::Receiver<()>, mpsc::Receiver<TcpStream>) {
        let (door, inside) = mpsc::channel(AT_DOOR);
        (self.open_way(port, Way::Door(door)), inside)
    }

    fn open_way(&self, port: u16, way: Way<T>) -> mpsc::Receiver<()> {
        let (gave_up, heard) = mpsc::channel(GAVE_UP);
        let mut ports = self.ports();
        let mut closed: Vec<Port<T>> =
            ports.extract_if(.., |_, port| port.gave_up.is_closed()).map(|(_, port)| port).collect();
        closed.extend(ports.insert(port, Port { way, gave_up }));
        drop(ports);
        drop(closed);
        heard
    }

    /// Opens a UDP port, or opens it anew; it is open as long as somebody [serves](InsidePort::serve) it.
    pub(crate) fn open_datagrams(&self, backends: Backends<T>, herald: Herald) -> Arc<InsidePort<T>> {
        let number = backends.public.port.get();
        let port = Arc::new(InsidePort::new(backends, herald));
        let mut datagrams = self.datagrams();
        datagrams.retain(|_, port| port.strong_count() > 0);
        datagrams.insert(number, Arc::downgrade(&port));
        drop(datagrams);
        port
    }

    /// A UDP port, if it is open.
    fn datagrams_at(&self, port: u16) -> Option<Arc<InsidePort<T>>> {
        self.datagrams().get(&port)?.upgrade()
    }

    /// Where the connections of a TCP port go, if it is open.
    fn way_at(&self, port: u16) -> Option<Way<T>> {
        self.ports().get(&port).filter(|port| !port.gave_up.is_closed()).map(|port| port.way.clone())
    }

    /// Offers a connection to those who may have it until one takes it, or to the door.
    ///
    /// Whoever takes it wakes others, and observers are told, and any of them may come back here. So no lock is held then,
    /// not even that of the rotation.
    fn offer_each(
        &self,
        port: u16,
        client: IpAddr,
        take: impl FnMut(&T, NonZeroU16) -> bool,
        accept: impl FnOnce() -> Option<TcpStream>,
    ) -> Offered
    where
        T: Clone,
    {
        match self.way_at(port) {
            Some(Way::Instances(instances)) => instances.offer(client, take),
            Some(Way::Door(door)) => at_door(&door, accept),
            None => Offered::Closed,
        }
    }

    fn ports(&self) -> MutexGuard<'_, BTreeMap<u16, Port<T>>> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn datagrams(&self) -> MutexGuard<'_, BTreeMap<u16, Weak<InsidePort<T>>>> {
        self.datagrams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone + Leads> Instances<T> {
    /// Offers a connection to one after the other. No lock is held while somebody is asked.
    fn offer(&self, client: IpAddr, mut take: impl FnMut(&T, NonZeroU16) -> bool) -> Offered {
        let (order, before) = self.begin(client);
        for ordinal in &order {
            let taker = self.backends.rotation.borrow().get(*ordinal).cloned();
            // Who has left the rotation since then is not asked any more.
            let asked = taker.and_then(|taker| Some((taker.leads(&self.backends.public)?, taker)));
            if asked.is_some_and(|(local, taker)| take(&taker, local)) {
                self.end(&order, Turn::taken_by(*ordinal));
                return Offered::Taken;
            }
        }
        self.end(&order, before);
        Offered::Nobody
    }

    /// Whom to ask, in this order, and whose turn it was before. The first one's turn counts as taken at once: of connections
    /// at the same time each begins with somebody else.
    fn begin(&self, client: IpAddr) -> (Vec<u32>, Turn) {
        let mut turn = self.turn();
        let before = *turn;
        let rotation = self.backends.rotation.borrow();
        let order: Vec<u32> =
            self.backends.in_order(&rotation, client, before).map(|(ordinal, _)| ordinal).collect();
        *turn = order.first().map_or(before, |first| Turn::taken_by(*first));
        (order, before)
    }

    /// Says whose turn it was really, unless another connection has begun meanwhile.
    fn end(&self, order: &[u32], really: Turn) {
        let mut turn = self.turn();
        if order.first().is_some_and(|first| *turn == Turn::taken_by(*first)) {
            *turn = really;
        }
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts a connection, if there is a place for it at the door.
fn at_door(door: &mpsc::Sender<TcpStream>, accept: impl FnOnce() -> Option<TcpStream>) -> Offered {
    match door.try_reserve() {
        Ok(place) => match accept() {
            Some(stream) => {
                place.send(stream);
                Offered::Taken
            }
            None => Offered::Nobody,
        },
        Err(TrySendError::Full(())) => Offered::Nobody,
        Err(TrySendError::Closed(())) => Offered::Closed,
    }
}

impl PublicPorts for Hairpin<Entry> {
    fn offer(&self, port: u16, connection: &mut InsideConnection<'_>) -> Offered {
        let client = connection.client().ip();
        let connection = std::cell::RefCell::new(connection);
        let take = |entry: &Entry, port| connection.borrow_mut().connect_to(entry.interface(), port);
        self.offer_each(port, client, take, || connection.borrow_mut().accept())
    }

    fn gave_up(&self, port: u16) {
        let gave_up = self.ports().get(&port).map(|port| port.gave_up.clone());
        if let Some(gave_up) = gave_up {
            // Beyond what the port can count in time the number does not matter.
            let _ = gave_up.try_send(());
        }
    }

    fn pass_on(&self, port: u16, client: &InsideClient<'_>, data: Bytes) -> bool {
        let Some(port) = self.datagrams_at(port) else { return false };
        port.pass_on(client, &data);
        true
    }
}

#[cfg(test)]
mod tests;
