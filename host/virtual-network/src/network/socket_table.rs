//! The sockets and ports of one instance.
//!
//! Every bound port, listener and connection end of an instance has one entry. The entry lives as long as its
//! [`Socket`], which the public types own; so nothing leaks when a guest drops what it has.
//!
//! An interface and its companions are [parties](Party) to one table: no two of them have the same port, the number of
//! entries is capped for each and for all together, and each has an end of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, Weak};

use crate::NetError;
use crate::network::interface::InterfaceCore;
use crate::outside::HostSocket;
use crate::policy::Transport;
use crate::sync::lock;
use crate::tcp::{Attempt, Connection, Dialed, ListenQueue, Pipes, Side};
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

/// Whose a socket is: the instance's own interface's, or a companion's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Party(u64);

impl Party {
    /// The instance's own interface.
    pub(crate) const OWN: Self = Self(0);
}

/// What a party that has not ended may have, and has.
#[derive(Debug)]
struct Quota {
    limit: usize,
    sockets: usize,
    /// It was refused a socket, and that was told.
    refused: bool,
}

/// What a socket is at the moment. All references are weak: the table never keeps anything alive.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// It only holds its place, and its port if it has one.
    Idle,
    Listening(Weak<ListenQueue>),
    Connecting(Weak<Attempt>),
    Dialing(Weak<Dialed>),
    Connected(Connection),
    Datagrams(Weak<Inbox>),
}

impl State {
    /// The connection, if this is the end that opened it.
    fn opened_connection(&self) -> Option<Arc<Pipes>> {
        match self {
            Self::Connected(Connection::Memory(pipes, Side::Client)) => pipes.upgrade(),
            _ => None,
        }
    }

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
            Self::Dialing(dialed) => {
                if let Some(dialed) = dialed.upgrade() {
                    dialed.settle(Err(NetError::ConnectionAborted));
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
    party: Party,
    /// The ports that go back when the socket goes. Accepted connections have none, they share the
    /// listener's.
    ports: Option<Ports>,
    state: State,
}

#[derive(Debug)]
pub(crate) struct SocketTable {
    /// Of all parties together.
    limit: usize,
    /// The parties that have not ended.
    parties: BTreeMap<Party, Quota>,
    /// Parties that there ever were.
    joined: u64,
    /// Whether somebody can still join; once false, always false.
    open: bool,
    sockets: BTreeMap<u64, Entry>,
    ports: BTreeMap<(Transport, Scope, u16), u64>,
    next_id: u64,
    next_ephemeral: u16,
}

impl SocketTable {
    /// The table of an instance that may have `limit` sockets.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            parties: BTreeMap::from([(Party::OWN, Quota { limit, sockets: 0, refused: false })]),
            joined: 1,
            open: true,
            sockets: BTreeMap::new(),
            ports: BTreeMap::new(),
            next_id: 0,
            next_ephemeral: *EPHEMERAL.start(),
        }
    }

    /// A new party, which may have `limit` sockets of the instance's; when the instance is off the network it has ended already.
    pub(crate) fn join(&mut self, limit: usize) -> Party {
        let party = Party(self.joined);
        self.joined = self.joined.wrapping_add(1);
        if self.open {
            self.parties.insert(party, Quota { limit, sockets: 0, refused: false });
        }
        party
    }

    /// Sockets of a party that has not ended.
    pub(crate) fn len(&self, party: Party) -> usize {
        self.parties.get(&party).map_or(0, |quota| quota.sockets)
    }

    /// What the party may have, if it was refused more and that is news.
    fn first_refusal(&mut self, party: Party) -> Option<usize> {
        let quota = self.parties.get_mut(&party)?;
        let news = !std::mem::replace(&mut quota.refused, true);
        news.then_some(quota.limit)
    }

    /// What the party may have, if it was refused more.
    pub(crate) fn refused(&self, party: Party) -> Option<usize> {
        self.parties.get(&party).filter(|quota| quota.refused).map(|quota| quota.limit)
    }

    /// Reserves `address`, with an ephemeral port for port 0, one that is not `shunned` as long as there is one. Gives
    /// the id of the socket and its port.
    pub(crate) fn bind(
        &mut self,
        party: Party,
        transport: Transport,
        address: SocketAddr,
        shunned: impl Fn(u16) -> bool,
    ) -> Result<(u64, u16), NetError> {
        self.check_room(party)?;
        let asked = Ports { transport, scopes: Scope::covered_by(address.ip()), port: address.port() };
        let ports = match address.port() {
            0 => self.free_ephemeral(asked, shunned).ok_or(NetError::AddressInUse)?,
            _ if self.is_free(asked) => asked,
            _ => return Err(NetError::AddressInUse),
        };
        let id = self.insert(Entry { party, ports: Some(ports), state: State::Idle });
        self.ports.extend(ports.keys().map(|key| (key, id)));
        Ok((id, ports.port))
    }

    /// Adds a socket for a connection that shares the port of its listener.
    pub(crate) fn accept(&mut self, party: Party) -> Result<u64, NetError> {
        self.check_room(party)?;
        Ok(self.insert(Entry { party, ports: None, state: State::Idle }))
    }

    /// Says what the socket is from now on; fails when its party has ended.
    pub(crate) fn set_state(&mut self, id: u64, state: State) -> Result<(), NetError> {
        let Some(entry) = self.sockets.get_mut(&id) else { return Ok(()) };
        if !self.parties.contains_key(&entry.party) {
            return Err(NetError::ConnectionAborted);
        }
        entry.state = state;
        Ok(())
    }

    /// The listener at a port.
    pub(crate) fn listener(&self, scope: Scope, port: u16) -> Option<Arc<ListenQueue>> {
        match &self.at(Transport::Tcp, scope, port)?.state {
            State::Listening(queue) => queue.upgrade(),
            State::Idle
            | State::Connecting(_)
            | State::Dialing(_)
            | State::Connected(_)
            | State::Datagrams(_) => None,
        }
    }

    /// The connections that the instance has opened.
    pub(crate) fn opened_connections(&self) -> Vec<Arc<Pipes>> {
        self.sockets.values().filter_map(|entry| entry.state.opened_connection()).collect()
    }

    /// The listeners of a party.
    fn listeners(&self, party: Party) -> Vec<Arc<ListenQueue>> {
        let of_party = self.sockets.values().filter(|entry| entry.party == party);
        let listening = of_party.filter_map(|entry| match &entry.state {
            State::Listening(queue) => queue.upgrade(),
            _ => None,
        });
        listening.collect()
    }

    /// Whether a party has a connection that has come to one of its listeners.
    pub(crate) fn serves(&self, party: Party) -> bool {
        self.sockets.values().any(|entry| {
            entry.party == party && entry.ports.is_none() && matches!(entry.state, State::Connected(_))
        })
    }

    /// The inbox of the UDP socket at a port, and whose it is.
    pub(crate) fn inbox(&self, scope: Scope, port: u16) -> Option<(Arc<Inbox>, Party)> {
        let entry = self.at(Transport::Udp, scope, port)?;
        match &entry.state {
            State::Datagrams(inbox) => Some((inbox.upgrade()?, entry.party)),
            State::Idle
            | State::Listening(_)
            | State::Connecting(_)
            | State::Dialing(_)
            | State::Connected(_) => None,
        }
    }

    fn at(&self, transport: Transport, scope: Scope, port: u16) -> Option<&Entry> {
        let id = self.ports.get(&(transport, scope, port))?;
        self.sockets.get(id).filter(|entry| self.parties.contains_key(&entry.party))
    }

    /// Ends a party: nothing new is possible, and what it has comes back in the order of its making.
    fn close(&mut self, party: Party) -> Vec<State> {
        self.parties.remove(&party);
        let ended = self.sockets.values().filter(|entry| entry.party == party);
        ended.map(|entry| entry.state.clone()).collect()
    }

    /// Ends all parties, and nobody can join any more.
    fn close_all(&mut self) -> Vec<State> {
        self.open = false;
        self.parties.clear();
        self.sockets.values().map(|entry| entry.state.clone()).collect()
    }

    /// Says whether it was a connection that had come to a listener.
    fn remove(&mut self, id: u64) -> bool {
        let Some(entry) = self.sockets.remove(&id) else { return false };
        if let Some(quota) = self.parties.get_mut(&entry.party) {
            quota.sockets = quota.sockets.saturating_sub(1);
        }
        let had_come = entry.ports.is_none();
        for key in entry.ports.into_iter().flat_map(Ports::keys) {
            self.ports.remove(&key);
        }
        had_come
    }

    fn check_room(&self, party: Party) -> Result<(), NetError> {
        let quota = self.parties.get(&party).ok_or(NetError::ConnectionAborted)?;
        let room = quota.sockets < quota.limit && self.sockets.len() < self.limit;
        if room { Ok(()) } else { Err(NetError::TooManySockets) }
    }

    fn insert(&mut self, entry: Entry) -> u64 {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        if let Some(quota) = self.parties.get_mut(&entry.party) {
            quota.sockets = quota.sockets.saturating_add(1);
        }
        self.sockets.insert(id, entry);
        id
    }

    fn is_free(&self, ports: Ports) -> bool {
        ports.keys().all(|key| !self.ports.contains_key(&key))
    }

    /// The next free ephemeral port. They go round, so that one that was just closed is the last to come
    /// again.
    fn free_ephemeral(&mut self, asked: Ports, shunned: impl Fn(u16) -> bool) -> Option<Ports> {
        let from_next = self.next_ephemeral..=*EPHEMERAL.end();
        let before = *EPHEMERAL.start()..self.next_ephemeral;
        let free = || {
            let all = from_next.clone().chain(before.clone()).map(|port| Ports { port, ..asked });
            all.filter(|ports| self.is_free(*ports))
        };
        let ports = free().find(|ports| !shunned(ports.port)).or_else(|| free().next())?;
        self.next_ephemeral =
            if ports.port == *EPHEMERAL.end() { *EPHEMERAL.start() } else { ports.port.saturating_add(1) };
        Some(ports)
    }
}

/// Lets nobody in any more: who has come in and is not accepted goes back, if there is a way.
pub(crate) fn send_back(table: &Mutex<SocketTable>, party: Party) {
    let listeners = lock(table).listeners(party);
    listeners.iter().for_each(|queue| queue.send_back());
}

/// Ends every socket of a party; those that wait wake up.
pub(crate) fn end(table: &Mutex<SocketTable>, party: Party) {
    let states = lock(table).close(party);
    states.iter().for_each(State::end);
}

/// As [`end`], for all parties.
pub(crate) fn end_all(table: &Mutex<SocketTable>) {
    let states = lock(table).close_all();
    states.iter().for_each(State::end);
}

/// The right to one entry of the table; dropping it takes the entry out and frees its port.
pub(crate) struct Socket {
    core: Arc<InterfaceCore>,
    id: u64,
    /// If there is one of the host behind it.
    host: Option<HostSocket>,
}

impl Socket {
    /// A new socket at `address`, and the address with the port that it got.
    pub(crate) fn bind(
        core: &Arc<InterfaceCore>,
        transport: Transport,
        address: SocketAddr,
    ) -> Result<(Self, SocketAddr), NetError> {
        let shunned = core.shunned(transport, address.ip());
        let made = core.sockets().bind(core.party(), transport, address, shunned);
        let (id, port) = Self::telling(core, made)?;
        Ok((Self { core: core.clone(), id, host: None }, SocketAddr::new(address.ip(), port)))
    }

    /// A new socket beside those that the guest has bound.
    pub(crate) fn accept(core: &Arc<InterfaceCore>) -> Result<Self, NetError> {
        Self::telling(core, Self::accept_untold(core))
    }

    /// The same for a connection that arrives at a listener, whose lock is held: who is refused has it
    /// [told](Self::tell_refusal) later.
    pub(crate) fn accept_untold(core: &Arc<InterfaceCore>) -> Result<Self, NetError> {
        let id = core.sockets().accept(core.party())?;
        Ok(Self { core: core.clone(), id, host: None })
    }

    /// Tells the observer when a socket was refused for the first time, outside of the table's lock.
    fn telling<T>(core: &InterfaceCore, made: Result<T, NetError>) -> Result<T, NetError> {
        if matches!(made, Err(NetError::TooManySockets)) {
            Self::tell_refusal(core);
        }
        made
    }

    /// Tells the observer that a socket was refused, for the first time. No lock is held.
    pub(crate) fn tell_refusal(core: &InterfaceCore) {
        let news = core.sockets().first_refusal(core.party());
        if let Some(limit) = news {
            core.shared().observer.out_of_sockets(core.id(), limit);
        }
    }

    /// The same with the right to a socket of the host, which ends with it.
    pub(crate) fn with_host(mut self, host: HostSocket) -> Self {
        self.host = Some(host);
        self
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
        let had_come = self.core.sockets().remove(self.id);
        if had_come {
            self.core.connection_gone();
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("id", &self.id).finish_non_exhaustive()
    }
}
