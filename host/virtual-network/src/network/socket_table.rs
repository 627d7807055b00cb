//! The sockets and ports of one interface.
//!
//! Every bound port, listener and connection end of an instance has one entry, and the number of entries is
//! capped. The entry lives as long as its [`Socket`], which the public types own; so nothing leaks when a
//! guest drops what it has.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, Weak};

use crate::NetError;
use crate::network::interface::InterfaceCore;
use crate::policy::Transport;
use crate::sync::lock;
use crate::tcp::{Attempt, Connection, ListenQueue};
use crate::udp::Inbox;

/// The ports that port 0 chooses from: the dynamic ports of the IANA registry.
const EPHEMERAL: RangeInclusive<u16> = 49152..=65535;

/// An address space that ports belong to. All of 127.0.0.0/8 is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// The instance's own address.
    Own,
    /// 127.0.0.0/8.
    LoopbackV4,
    /// ::1.
    LoopbackV6,
}

impl Scope {
    /// The scopes that a socket covers that is bound to `address`, which is the instance's own, loopback or
    /// unspecified.
    pub(crate) fn covered_by(address: IpAddr) -> &'static [Self] {
        match address {
            IpAddr::V4(address) if address.is_unspecified() => &[Self::Own, Self::LoopbackV4],
            _ => std::slice::from_ref(match Self::of(address) {
                Self::Own => &Self::Own,
                Self::LoopbackV4 => &Self::LoopbackV4,
                Self::LoopbackV6 => &Self::LoopbackV6,
            }),
        }
    }

    /// The scope of one concrete address of the instance.
    pub(crate) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V6(_) => Self::LoopbackV6,
            IpAddr::V4(address) if address.is_loopback() => Self::LoopbackV4,
            IpAddr::V4(_) => Self::Own,
        }
    }
}

/// What a socket is at the moment. All references are weak: the table never keeps anything alive.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// It only holds its place, and its port if it has one.
    Idle,
    Listening(Weak<ListenQueue>),
    Connecting(Weak<Attempt>),
    Connected(Connection),
    Datagrams(Weak<Inbox>),
}

impl State {
    /// Ends the socket because its interface ends. Call it outside of the table's lock.
    fn end(&self) {
        match self {
            Self::Idle => {}
            Self::Listening(queue) => {
                if let Some(queue) = queue.upgrade() {
                    queue.close();
                }
            }
            Self::Connecting(attempt) => {
                if let Some(attempt) = attempt.upgrade() {
                    attempt.abort();
                }
            }
            Self::Connected(connection) => connection.abort(),
            Self::Datagrams(inbox) => {
                if let Some(inbox) = inbox.upgrade() {
                    inbox.end();
                }
            }
        }
    }
}

/// A port in one or more address spaces. Each transport has its own.
#[derive(Clone, Copy, Debug)]
struct Ports {
    transport: Transport,
    scopes: &'static [Scope],
    port: u16,
}

impl Ports {
    fn keys(self) -> impl Iterator<Item = (Transport, Scope, u16)> {
        self.scopes.iter().map(move |scope| (self.transport, *scope, self.port))
    }
}

#[derive(Debug)]
struct Entry {
    /// The ports that go back when the socket goes. Accepted connections have none, they share the
    /// listener's.
    ports: Option<Ports>,
    state: State,
}

#[derive(Debug)]
pub(crate) struct SocketTable {
    limit: usize,
    /// Whether the interface still works; once false, always false.
    open: bool,
    sockets: BTreeMap<u64, Entry>,
    ports: BTreeMap<(Transport, Scope, u16), u64>,
    next_id: u64,
    next_ephemeral: u16,
}

impl SocketTable {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            open: true,
            sockets: BTreeMap::new(),
            ports: BTreeMap::new(),
            next_id: 0,
            next_ephemeral: *EPHEMERAL.start(),
        }
    }

    /// Sockets that exist.
    pub(crate) fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Reserves `address`, with an ephemeral port for port 0. Gives the id of the socket and its port.
    pub(crate) fn bind(&mut self, transport: Transport, address: SocketAddr) -> Result<(u64, u16), NetError> {
        self.check_room()?;
        let asked = Ports { transport, scopes: Scope::covered_by(address.ip()), port: address.port() };
        let ports = match address.port() {
            0 => self.free_ephemeral(asked).ok_or(NetError::AddressInUse)?,
            _ if self.is_free(asked) => asked,
            _ => return Err(NetError::AddressInUse),
        };
        let id = self.insert(Entry { ports: Some(ports), state: State::Idle });
        self.ports.extend(ports.keys().map(|key| (key, id)));
        Ok((id, ports.port))
    }

    /// Adds a socket for a connection that shares the port of its listener.
    pub(crate) fn accept(&mut self) -> Result<u64, NetError> {
        self.check_room()?;
        Ok(self.insert(Entry { ports: None, state: State::Idle }))
    }

    /// Says what the socket is from now on; fails when the interface has ended.
    pub(crate) fn set_state(&mut self, id: u64, state: State) -> Result<(), NetError> {
        self.check_open()?;
        if let Some(entry) = self.sockets.get_mut(&id) {
            entry.state = state;
        }
        Ok(())
    }

    /// The listener at a port.
    pub(crate) fn listener(&self, scope: Scope, port: u16) -> Option<Arc<ListenQueue>> {
        match self.at(Transport::Tcp, scope, port)? {
            State::Listening(queue) => queue.upgrade(),
            State::Idle | State::Connecting(_) | State::Connected(_) | State::Datagrams(_) => None,
        }
    }

    /// The inbox of the UDP socket at a port.
    pub(crate) fn inbox(&self, scope: Scope, port: u16) -> Option<Arc<Inbox>> {
        match self.at(Transport::Udp, scope, port)? {
            State::Datagrams(inbox) => inbox.upgrade(),
            State::Idle | State::Listening(_) | State::Connecting(_) | State::Connected(_) => None,
        }
    }

    fn at(&self, transport: Transport, scope: Scope, port: u16) -> Option<&State> {
        self.check_open().ok()?;
        let id = self.ports.get(&(transport, scope, port))?;
        self.sockets.get(id).map(|entry| &entry.state)
    }

    /// Ends the interface: nothing new is possible, and what there is comes back in the order of its making.
    fn close(&mut self) -> Vec<State> {
        self.open = false;
        self.sockets.values().map(|entry| entry.state.clone()).collect()
    }

    fn remove(&mut self, id: u64) {
        let Some(entry) = self.sockets.remove(&id) else { return };
        for key in entry.ports.into_iter().flat_map(Ports::keys) {
            self.ports.remove(&key);
        }
    }

    fn check_open(&self) -> Result<(), NetError> {
        if self.open { Ok(()) } else { Err(NetError::ConnectionAborted) }
    }

    fn check_room(&self) -> Result<(), NetError> {
        self.check_open()?;
        if self.sockets.len() < self.limit { Ok(()) } else { Err(NetError::TooManySockets) }
    }

    fn insert(&mut self, entry: Entry) -> u64 {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        self.sockets.insert(id, entry);
        id
    }

    fn is_free(&self, ports: Ports) -> bool {
        ports.keys().all(|key| !self.ports.contains_key(&key))
    }

    /// The next free ephemeral port. They go round, so that one that was just closed is the last to come
    /// again.
    fn free_ephemeral(&mut self, asked: Ports) -> Option<Ports> {
        let from_next = self.next_ephemeral..=*EPHEMERAL.end();
        let before = *EPHEMERAL.start()..self.next_ephemeral;
        let mut candidates = from_next.chain(before).map(|port| Ports { port, ..asked });
        let ports = candidates.find(|ports| self.is_free(*ports))?;
        self.next_ephemeral =
            if ports.port == *EPHEMERAL.end() { *EPHEMERAL.start() } else { ports.port.saturating_add(1) };
        Some(ports)
    }
}

/// Ends every socket of an interface; those that wait wake up.
pub(crate) fn end_all(table: &Mutex<SocketTable>) {
    let states = lock(table).close();
    states.iter().for_each(State::end);
}

/// The right to one entry of the table; dropping it takes the entry out and frees its port.
pub(crate) struct Socket {
    core: Arc<InterfaceCore>,
    id: u64,
}

impl Socket {
    /// A new socket at `address`, and the address with the port that it got.
    pub(crate) fn bind(
        core: &Arc<InterfaceCore>,
        transport: Transport,
        address: SocketAddr,
    ) -> Result<(Self, SocketAddr), NetError> {
        let (id, port) = core.sockets().bind(transport, address)?;
        Ok((Self { core: core.clone(), id }, SocketAddr::new(address.ip(), port)))
    }

    /// A new socket for a connection that arrives at a listener.
    pub(crate) fn accept(core: &Arc<InterfaceCore>) -> Result<Self, NetError> {
        let id = core.sockets().accept()?;
        Ok(Self { core: core.clone(), id })
    }

    pub(crate) fn core(&self) -> &Arc<InterfaceCore> {
        &self.core
    }

    /// Says what the socket is from now on.
    ///
    /// # Errors
    ///
    /// `ConnectionAborted` when the interface has ended; the caller ends what it was about to add.
    pub(crate) fn set_state(&self, state: State) -> Result<(), NetError> {
        self.core.sockets().set_state(self.id, state)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.core.sockets().remove(self.id);
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("id", &self.id).finish_non_exhaustive()
    }
}
