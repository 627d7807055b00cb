//! What one incarnation of an instance can do on the network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::Shared;
use super::denial::Target;
use super::socket_table::{self, Scope, Socket, SocketTable};
use crate::policy::{DenyReason, InstanceIndex, Operation, Policy, Transport, Verdict};
use crate::sync::lock;
use crate::tcp::{Account, BoundTcp, Connecting, HandOverOptions, ListenQueue};
use crate::udp::{self, AnswerSink, FlowTable, Inbox, OutsideFlow, UdpSocket};
use crate::{FlowError, HandOver, NetError};

/// What an interface may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InterfaceLimits {
    /// Bound ports, listeners, connections and UDP sockets together, those included that wait in a backlog.
    /// Default: 4096.
    pub sockets: usize,
}

impl Default for InterfaceLimits {
    fn default() -> Self {
        Self { sockets: 4096 }
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
    /// The number of the instance when it was attached; a later policy may number it anew.
    instance: InstanceIndex,
    id: Box<str>,
    address: Ipv4Addr,
    sockets: Mutex<SocketTable>,
    account: Arc<Account>,
    inboxes: Arc<udp::Account>,
    flows: Mutex<FlowTable>,
    /// Where the next answer of a look-up starts.
    rotation: AtomicUsize,
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

    /// Sockets that exist now, of those that [`InterfaceLimits::sockets`] caps.
    #[must_use]
    pub fn socket_count(&self) -> usize {
        self.core().sockets().len()
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
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            IpAddr::V4(address) if address.is_loopback() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V4(_) => IpAddr::V4(self.address()),
        };
        self.bind(SocketAddr::new(local, 0))?.connect(target)
    }

    /// The addresses that a name stands for, never none. An IP literal stands for itself, `localhost` for the
    /// instance's own loopbacks; names of the deployment are up to [`Policy::resolve`], and successive
    /// answers start with another instance each.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for what no name can look like, `NameUnresolvable` for every other name.
    pub fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, NetError> {
        let literal = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Some(address) = literal.and_then(|literal| literal.parse::<Ipv6Addr>().ok()) {
            return Ok(vec![address.into()]);
        }
        if let Ok(address) = name.parse::<IpAddr>() {
            return Ok(vec![address]);
        }
        if name.is_empty()
            || name.chars().any(|c| c.is_ascii() && !c.is_ascii_alphanumeric() && !"-_.".contains(c))
        {
            return Err(NetError::InvalidArgument);
        }
        if name.eq_ignore_ascii_case("localhost") {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        self.core().look_up(name)
    }

    /// Gives a connection that was accepted from the operating system to the listener at the instance's own
    /// address and `port`. The instance sees the client's address as the peer. Nothing is relayed: the stream
    /// itself changes hands.
    ///
    /// The policy is not asked: it let the instance listen, and public traffic has no rules.
    ///
    /// # Errors
    ///
    /// [`HandOver`] gives the connection back.
    pub fn hand_over(&self, port: NonZeroU16, stream: tokio::net::TcpStream) -> Result<(), HandOver> {
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
        stream: tokio::net::TcpStream,
        options: HandOverOptions,
    ) -> Result<(), HandOver> {
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

    fn core(&self) -> &Arc<InterfaceCore> {
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
    pub(super) fn new(
        shared: Arc<Shared>,
        instance: InstanceIndex,
        id: &str,
        address: Ipv4Addr,
        limits: InterfaceLimits,
    ) -> Self {
        let sockets = Mutex::new(SocketTable::new(limits.sockets));
        Self {
            shared,
            instance,
            id: id.into(),
            address,
            sockets,
            account: Arc::default(),
            inboxes: Arc::default(),
            flows: Mutex::default(),
            rotation: AtomicUsize::new(0),
        }
    }

    pub(crate) fn address(&self) -> Ipv4Addr {
        self.address
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
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

    pub(crate) fn inbox(&self, scope: Scope, port: u16) -> Option<Arc<Inbox>> {
        self.sockets().inbox(scope, port)
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
            (_, IpAddr::V6(_)) => IpAddr::V6(Ipv6Addr::LOCALHOST),
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

    /// Asks the policy, and records a denial.
    pub(crate) fn check(&self, operation: Operation, target: SocketAddr) -> Result<(), NetError> {
        self.check_or(operation, target, || None::<()>).map(drop)
    }

    /// Asks the policy. What it denies may be admitted by `otherwise`; if not, the denial is recorded. An
    /// instance that the policy does not have may do nothing.
    pub(crate) fn check_or<T>(
        &self,
        operation: Operation,
        target: SocketAddr,
        otherwise: impl FnOnce() -> Option<T>,
    ) -> Result<Option<T>, NetError> {
        let policy = self.shared.policy();
        let subject = self.subject(&policy);
        let verdict = match subject {
            Some(subject) => policy.decide(subject, operation, target),
            None => Verdict::Deny(DenyReason::UnknownSubject),
        };
        let Verdict::Deny(reason) = verdict else { return Ok(None) };
        if subject.is_some()
            && let Some(admitted) = otherwise()
        {
            return Ok(Some(admitted));
        }
        self.record(subject, Target::Address(operation, target), &reason);
        Err(match reason {
            DenyReason::ForeignAddress => NetError::AddressNotBindable,
            _ => NetError::AccessDenied,
        })
    }

    fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, NetError> {
        let policy = self.shared.policy();
        let subject = self.subject(&policy);
        let found = match subject {
            Some(subject) => policy.resolve(subject, name),
            None => Err(DenyReason::UnknownSubject),
        };
        let mut addresses = match found {
            Ok(addresses) => addresses,
            Err(reason) => {
                self.record(subject, Target::name(name), &reason);
                return Err(NetError::NameUnresolvable);
            }
        };
        let start = self.rotation.fetch_add(1, Ordering::Relaxed);
        let shift = start.checked_rem(addresses.len()).unwrap_or(0);
        addresses.rotate_left(shift);
        Ok(addresses.into_iter().map(IpAddr::V4).collect())
    }

    /// This instance's number in `policy`.
    fn subject(&self, policy: &Policy) -> Option<InstanceIndex> {
        policy.instance_at(self.address).filter(|index| policy.instance_id(*index) == Some(&self.id))
    }

    fn record(&self, subject: Option<InstanceIndex>, target: Target, reason: &DenyReason) {
        let subject = subject.unwrap_or(self.instance);
        self.shared.denials.record(&*self.shared.observer, (subject, &self.id), target, reason);
    }

    fn detach(&self) {
        self.shared.remove(self);
        self.end_sockets();
    }

    fn end_sockets(&self) {
        socket_table::end_all(&self.sockets);
    }
}
