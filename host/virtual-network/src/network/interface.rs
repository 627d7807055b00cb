//! What one incarnation of an instance can do on the network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::num::NonZeroU16;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Notify, Semaphore};

use super::Shared;
use super::socket_table::{self, Party, Scope, Socket, SocketTable};
use crate::capture::Wire;
use crate::counters::Tally;
use crate::outside::{HostSocket, HostSockets, KnownNames, RESOLVERS_OF_INSTANCE};
use crate::policy::{Admission, Operation, Transport, Verdict};
use crate::sync::lock;
use crate::tcp::{Account, BoundTcp, Connecting, HandOverOptions, ListenQueue, OutsideStream};
use crate::udp::{self, AnswerSink, FlowTable, Inbox, OutsideFlow, UdpSocket};
use crate::{FlowError, HandOver, MemoryBudget, NetError};

/// What an interface may use.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InterfaceLimits {
    /// Bound ports, listeners, connections and UDP sockets together, those included that wait in a backlog.
    /// Default: 4096.
    pub sockets: usize,
    /// How many of them may be sockets of the host, to the [world outside](crate::outside). Default: 256. The process has
    /// [`host_sockets`](crate::outside::host_sockets) for all instances.
    pub host_sockets: usize,
    /// What the network queues for the instance is taken from this budget; when it is used up, senders wait and
    /// datagrams are dropped. What a [layer](crate::tcp::Layer) and the operating system keep is not. Default: unlimited.
    pub memory: Arc<MemoryBudget>,
}

impl InterfaceLimits {
    /// These limits with so many sockets.
    #[must_use]
    pub fn with_sockets(self, sockets: usize) -> Self {
        Self { sockets, ..self }
    }

    /// These limits with so many sockets of the host.
    #[must_use]
    pub fn with_host_sockets(self, host_sockets: usize) -> Self {
        Self { host_sockets, ..self }
    }

    /// These limits with this budget of memory.
    #[must_use]
    pub fn with_memory(self, memory: Arc<MemoryBudget>) -> Self {
        Self { memory, ..self }
    }
}

impl Default for InterfaceLimits {
    fn default() -> Self {
        Self { sockets: 4096, host_sockets: 256, memory: Arc::default() }
    }
}

/// The place of one incarnation of an instance on the network. A clone is another handle to the same
/// interface.
///
/// When the last handle is dropped the interface is [detached](Self::detach). Sockets do not count as
/// handles.
#[derive(Clone)]
pub struct Interface {
    handle: Arc<Handle>,
}

/// Detaches when the last clone of the interface is gone.
struct Handle {
    core: Arc<InterfaceCore>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.core.detach();
    }
}

/// What the sockets of an interface share. It outlives the interface as long as a socket of it does.
pub(crate) struct InterfaceCore {
    shared: Arc<Shared>,
    id: Box<str>,
    address: Ipv4Addr,
    /// Shared with companions.
    sockets: Arc<Mutex<SocketTable>>,
    party: Party,
    memory: Arc<MemoryBudget>,
    account: Arc<Account>,
    inboxes: Arc<udp::Account>,
    flows: Mutex<FlowTable>,
    /// Where the next answer of a look-up starts.
    pub(super) rotation: AtomicUsize,
    /// What look-ups outside have said; shared with companions.
    known_names: Arc<Mutex<KnownNames>>,
    /// Look-ups outside that are under way; shared with companions.
    look_ups: Arc<AtomicUsize>,
    /// The places that they have in the resolver; shared with companions.
    resolvers: Arc<Semaphore>,
    /// Shared with companions.
    host_sockets: Arc<HostSockets>,
    /// A connection that had come to a listener is gone.
    connection_gone: Notify,
}

impl Interface {
    pub(super) fn new(core: Arc<InterfaceCore>) -> Self {
        Self { handle: Arc::new(Handle { core }) }
    }

    /// The address of the instance.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.core().address
    }

    /// The id of the instance.
    #[must_use]
    pub fn instance_id(&self) -> &str {
        &self.core().id
    }

    /// The budget that the network's buffers for this instance are taken from.
    #[must_use]
    pub fn memory(&self) -> &Arc<MemoryBudget> {
        &self.core().memory
    }

    /// Sockets that exist now, of those that [`InterfaceLimits::sockets`] caps.
    #[must_use]
    pub fn socket_count(&self) -> usize {
        self.core().sockets().len(self.core().party)
    }

    /// How many sockets the interface may have, if it was refused more than that.
    #[must_use]
    pub fn refused_sockets(&self) -> Option<usize> {
        let core = self.core();
        core.sockets().refused(core.party())
    }

    /// Takes the instance off the network: what [`fail`](Self::fail) does, and the address is free for the
    /// next incarnation.
    pub fn detach(&self) {
        self.core().detach();
    }

    /// Makes every socket fail, so that a guest that blocks on one comes back: reads and writes with
    /// `ConnectionReset`, everything of UDP, accept, connect and everything new with `ConnectionAborted`. Peers
    /// can still read
    /// what the instance sent before; then they see a reset. The address stays taken; who connects to it now
    /// is refused.
    pub fn fail(&self) {
        self.core().end_sockets();
    }

    /// Lets nobody in any more, and lets those who are in go on: who connects from now on is refused, a connection that was not
    /// accepted goes back to whoever has handed it over, if he takes it, and one that cannot go back can still be accepted. An
    /// accept that waits goes on waiting.
    pub fn refuse_new(&self) {
        socket_table::send_back(&self.core().sockets, self.core().party);
    }

    /// Waits until no connection is left that has come to a listener of the instance. For that nobody may be let in:
    /// [`refuse_new`](Self::refuse_new).
    pub async fn served(&self) {
        let core = self.core();
        loop {
            let gone = core.connection_gone.notified();
            if !core.sockets().serves(core.party) {
                return;
            }
            gone.await;
        }
    }

    /// Reserves a local TCP address; port 0 chooses a free one of 49152 to 65535. `0.0.0.0` covers the own
    /// address and 127.0.0.0/8, `::` covers `::1`.
    ///
    /// # Errors
    ///
    /// `AccessDenied` or `AddressNotBindable` by the policy, `AddressInUse`, `TooManySockets`, `ConnectionAborted`.
    pub fn bind(&self, address: SocketAddr) -> Result<BoundTcp, NetError> {
        self.core().check(Operation::Bind(Transport::Tcp), address)?;
        let (socket, local) = Socket::bind(self.core(), Transport::Tcp, address)?;
        Ok(BoundTcp::new(socket, local))
    }

    /// Makes a UDP socket at a local address, as [`bind`](Self::bind) does for TCP. The ports of the two have
    /// nothing to do with each other.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub fn bind_udp(&self, address: SocketAddr) -> Result<UdpSocket, NetError> {
        self.core().check(Operation::Bind(Transport::Udp), address)?;
        let (socket, local) = Socket::bind(self.core(), Transport::Udp, address)?;
        UdpSocket::new(socket, local)
    }

    /// Opens a flow of datagrams between the instance's own address and `port` on one side and an outside
    /// address on the other. What the instance sends from the port to that address goes to `sink`.
    ///
    /// An IPv4 address in IPv6 form stands for the IPv4 address.
    ///
    /// # Errors
    ///
    /// [`FlowError`].
    pub fn open_flow(
        &self,
        port: NonZeroU16,
        outside: SocketAddr,
        sink: Arc<dyn AnswerSink>,
    ) -> Result<OutsideFlow, FlowError> {
        OutsideFlow::open(self.core(), port, outside, sink)
    }

    /// Datagrams for UDP sockets of the instance that found no room in their queues.
    #[must_use]
    pub fn dropped_datagrams(&self) -> u64 {
        self.core().inboxes.dropped()
    }

    /// Opens a connection from an ephemeral port.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind) and [`BoundTcp::connect`].
    pub fn connect(&self, target: SocketAddr) -> Result<Connecting, NetError> {
        let local = match target.ip() {
            IpAddr::V6(address) if address.is_loopback() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            // The instance has no address of the family; only the world outside can be meant.
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            IpAddr::V4(address) if address.is_loopback() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V4(_) => IpAddr::V4(self.address()),
        };
        self.bind(SocketAddr::new(local, 0))?.connect(target)
    }

    /// Gives a connection that was accepted from the operating system to the listener at the instance's own
    /// address and `port`. The instance sees the client's address as the peer. Nothing is relayed: the stream
    /// itself changes hands, with whatever [layer](crate::tcp::Layer) somebody has put on it.
    ///
    /// The policy is not asked: it let the instance listen, and public traffic has no rules.
    ///
    /// # Errors
    ///
    /// [`HandOver`] gives the connection back.
    pub fn hand_over(&self, port: NonZeroU16, stream: impl Into<OutsideStream>) -> Result<(), HandOver> {
        self.hand_over_with(port, stream, HandOverOptions::default())
    }

    /// As [`hand_over`](Self::hand_over), with options.
    ///
    /// # Errors
    ///
    /// As [`hand_over`](Self::hand_over).
    pub fn hand_over_with(
        &self,
        port: NonZeroU16,
        stream: impl Into<OutsideStream>,
        options: HandOverOptions,
    ) -> Result<(), HandOver> {
        let stream = stream.into();
        let Some(queue) = self.core().listener(Scope::Own, port.get()) else {
            return Err(HandOver::NotListening(stream));
        };
        queue.hand_over(SocketAddr::new(self.address().into(), port.get()), stream, options)?;
        self.core().shared.count_hand_over();
        Ok(())
    }

    /// Opens a connection in memory from `from`, somebody outside of the network such as a load balancer that looks after
    /// the instance, to the listener at the instance's own address and `port`. The instance sees `from` as the peer.
    ///
    /// The policy is not asked, and no guest can do this: it is the host that calls. The connection counts among the
    /// sockets of the instance, and not as one between instances.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when `from` is no address of the outside, `ConnectionRefused` when nobody listens. The
    /// rest as [`Connecting`] says.
    pub fn connect_from_outside(&self, from: SocketAddrV4, port: NonZeroU16) -> Result<Connecting, NetError> {
        let (core, ip) = (self.core(), *from.ip());
        if ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || core.is_instance(ip) {
            return Err(NetError::InvalidArgument);
        }
        let queue = core.listener(Scope::Own, port.get()).ok_or(NetError::ConnectionRefused)?;
        let server = SocketAddr::new(self.address().into(), port.get());
        Ok(Connecting::from_outside(from.into(), server, queue))
    }

    pub(crate) fn core(&self) -> &Arc<InterfaceCore> {
        &self.handle.core
    }
}

impl fmt::Debug for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interface")
            .field("instance", &self.core().id)
            .field("address", &self.address())
            .finish()
    }
}

impl InterfaceCore {
    pub(super) fn new(shared: Arc<Shared>, id: &str, address: Ipv4Addr, limits: InterfaceLimits) -> Self {
        let sockets = Arc::new(Mutex::new(SocketTable::new(limits.sockets)));
        Self {
            shared,
            id: id.into(),
            address,
            sockets,
            party: Party::OWN,
            account: Arc::new(Account::new(limits.memory.clone())),
            inboxes: Arc::new(udp::Account::new(limits.memory.clone())),
            memory: limits.memory,
            flows: Mutex::default(),
            rotation: AtomicUsize::new(0),
            known_names: Arc::default(),
            look_ups: Arc::default(),
            resolvers: Arc::new(Semaphore::new(RESOLVERS_OF_INSTANCE)),
            host_sockets: Arc::new(HostSockets::new(limits.host_sockets)),
            connection_gone: Notify::new(),
        }
    }

    /// The core of a companion that may have `sockets` sockets.
    pub(super) fn beside(&self, sockets: usize) -> Self {
        let party = self.sockets().join(sockets);
        Self {
            shared: self.shared.clone(),
            id: self.id.clone(),
            address: self.address,
            sockets: self.sockets.clone(),
            party,
            memory: self.memory.clone(),
            account: self.account.clone(),
            inboxes: self.inboxes.clone(),
            flows: Mutex::default(),
            rotation: AtomicUsize::new(0),
            known_names: self.known_names.clone(),
            look_ups: self.look_ups.clone(),
            resolvers: self.resolvers.clone(),
            host_sockets: self.host_sockets.clone(),
            connection_gone: Notify::new(),
        }
    }

    pub(crate) fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Whose sockets in the table are this interface's.
    pub(crate) fn party(&self) -> Party {
        self.party
    }

    /// The id of the instance.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// What look-ups outside have said.
    pub(super) fn known_names(&self) -> MutexGuard<'_, KnownNames> {
        lock(&self.known_names)
    }

    /// Look-ups outside that are under way.
    pub(super) fn look_ups(&self) -> &AtomicUsize {
        &self.look_ups
    }

    /// The places of the instance in the host's resolver.
    pub(super) fn resolvers(&self) -> &Semaphore {
        &self.resolvers
    }

    /// A place for a socket of the host. The first refusal is told.
    ///
    /// # Errors
    ///
    /// `TooManySockets`.
    pub(crate) fn host_socket(&self) -> Result<HostSocket, NetError> {
        self.host_sockets.take().map_err(|refusal| {
            if self.host_sockets.is_first_refusal() {
                self.shared.observer.out_of_host_sockets(self.id(), refusal);
            }
            NetError::TooManySockets
        })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn shared_handle(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Where a packet to `target` passes.
    pub(crate) fn wire(&self, target: IpAddr) -> Wire {
        if target.is_loopback() { Wire::Loopback(self.id().into()) } else { Wire::Network }
    }

    /// The tally of the endpoint that a socket bound to `local` serves.
    pub(crate) fn tally(&self, transport: Transport, local: SocketAddr) -> Option<Arc<Tally>> {
        let policy = self.shared.policy();
        let own = SocketAddr::new(self.address.into(), local.port());
        if local.ip().is_loopback() || local.port() == 0 {
            return None;
        }
        match policy.decide(self.subject(&policy)?, Operation::Bind(transport), own) {
            Verdict::Allow(Admission::Endpoint { endpoint, .. }) => {
                Some(self.shared.tallies.of(self.id(), endpoint, transport))
            }
            _ => None,
        }
    }

    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    pub(crate) fn sockets(&self) -> MutexGuard<'_, SocketTable> {
        lock(&self.sockets)
    }

    pub(crate) fn listener(&self, scope: Scope, port: u16) -> Option<Arc<ListenQueue>> {
        self.sockets().listener(scope, port)
    }

    /// The inbox at a port of the instance, and whose it is.
    pub(crate) fn inbox(&self, scope: Scope, port: u16) -> Option<(Arc<Inbox>, Party)> {
        self.sockets().inbox(scope, port)
    }

    /// A connection that had come to a listener is gone.
    pub(crate) fn connection_gone(&self) {
        self.connection_gone.notify_waiters();
    }

    /// What the UDP sockets have received.
    pub(crate) fn inboxes(&self) -> &Arc<udp::Account> {
        &self.inboxes
    }

    pub(crate) fn flows(&self) -> MutexGuard<'_, FlowTable> {
        lock(&self.flows)
    }

    /// Whether `address` is that of an instance of the deployment.
    pub(crate) fn is_instance(&self, address: Ipv4Addr) -> bool {
        address == self.address || self.shared.policy().instance_at(address).is_some()
    }

    /// The local address of a socket that is bound to `local`, as `target` sees it.
    pub(crate) fn source(&self, local: SocketAddr, target: IpAddr) -> SocketAddr {
        let address = match (local.ip(), target) {
            (address, _) if !address.is_unspecified() => address,
            (_, IpAddr::V4(target)) if !target.is_loopback() => IpAddr::V4(self.address),
            (_, IpAddr::V4(_)) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            (_, IpAddr::V6(target)) if target.is_loopback() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            // The instance has no address that the world outside could see.
            (_, IpAddr::V6(_)) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        SocketAddr::new(address, local.port())
    }

    /// The interface that has `address`, as this one sees it.
    pub(crate) fn peer(self: &Arc<Self>, address: IpAddr) -> Option<Arc<Self>> {
        match address {
            address if address.is_loopback() => Some(self.clone()),
            IpAddr::V4(address) if address == self.address => Some(self.clone()),
            IpAddr::V4(address) => self.shared.at(address),
            IpAddr::V6(_) => None,
        }
    }

    fn detach(&self) {
        if self.is_companion() {
            return self.end_sockets();
        }
        self.shared.remove(self);
        socket_table::end_all(&self.sockets);
    }

    fn end_sockets(&self) {
        socket_table::end(&self.sockets, self.party);
    }
}
