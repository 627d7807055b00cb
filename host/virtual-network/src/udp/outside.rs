//! Datagrams from and to addresses outside of the network.
//!
//! Who holds the public port, a load balancer, opens a flow for each client and instance, and closes it when it
//! was idle for long enough. Nothing else lets a guest send to an outside address. A socket of the deployment's own that
//! sends to the [public side](super::InsideClient) is a client too.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::num::NonZeroU16;
use std::sync::{Arc, Weak};

use bytes::Bytes;

use super::LARGEST_DATAGRAM;
use super::inbox::{Datagram, Delivery, Inbox};
use super::passage::pass;
use super::shown::show;
use crate::network::{InterfaceCore, Scope};
use crate::{FlowError, Interface, Undelivered};

/// Where the answers to an outside address go. A closure is one.
pub trait AnswerSink: Send + Sync + 'static {
    /// The instance sends `data` to the outside address. It is called in the task of the guest, so it must not
    /// block; what cannot go out at once is to be dropped, as UDP does.
    fn answer(&self, data: Bytes);
}

impl<F: Fn(Bytes) + Send + Sync + 'static> AnswerSink for F {
    fn answer(&self, data: Bytes) {
        self(data);
    }
}

/// The open flows of one interface: by local port and outside address.
#[derive(Default)]
pub(crate) struct FlowTable(BTreeMap<(u16, SocketAddr), Arc<dyn AnswerSink>>);

impl FlowTable {
    pub(crate) fn find(&self, port: u16, outside: SocketAddr) -> Option<Arc<dyn AnswerSink>> {
        self.0.get(&(port, outside)).cloned()
    }

    fn insert(&mut self, port: u16, outside: SocketAddr, sink: Arc<dyn AnswerSink>) -> Result<(), FlowError> {
        match self.0.entry((port, outside)) {
            Entry::Occupied(_) => Err(FlowError::Taken),
            Entry::Vacant(place) => {
                place.insert(sink);
                Ok(())
            }
        }
    }

    fn remove(&mut self, port: u16, outside: SocketAddr) -> Option<Arc<dyn AnswerSink>> {
        self.0.remove(&(port, outside))
    }
}

/// A conversation between a port of an instance and one outside address. Dropping it closes it: the instance
/// cannot send to the address any more.
///
/// It does not depend on a socket: it may be opened before the guest binds, and outlives a socket that the guest
/// closes and makes anew.
pub struct OutsideFlow {
    core: Arc<InterfaceCore>,
    port: NonZeroU16,
    outside: SocketAddr,
    /// The socket, if the client is one of the deployment's own.
    instance_client: Option<Weak<Inbox>>,
}

impl OutsideFlow {
    pub(crate) fn open(
        core: &Arc<InterfaceCore>,
        port: NonZeroU16,
        outside: SocketAddr,
        sink: Arc<dyn AnswerSink>,
    ) -> Result<Self, FlowError> {
        let outside = SocketAddr::new(outside.ip().to_canonical(), outside.port());
        match outside.ip() {
            IpAddr::V4(ip) if core.is_instance(ip) => return Err(FlowError::NotOutside),
            IpAddr::V4(ip) if outside.port() == 0 || ip.is_unspecified() || ip.is_multicast() => {
                return Err(FlowError::NotOutside);
            }
            IpAddr::V4(_) => {}
            IpAddr::V6(_) => return Err(FlowError::NotIpv4),
        }
        Self::insert(core, port, outside, None, sink)
    }

    /// A flow with a socket of an instance that has sent to the public side.
    pub(super) fn of_instance(
        core: &Arc<InterfaceCore>,
        port: NonZeroU16,
        client: SocketAddrV4,
        inbox: Weak<Inbox>,
        sink: Arc<dyn AnswerSink>,
    ) -> Result<Self, FlowError> {
        Self::insert(core, port, client.into(), Some(inbox), sink)
    }

    fn insert(
        core: &Arc<InterfaceCore>,
        port: NonZeroU16,
        outside: SocketAddr,
        instance_client: Option<Weak<Inbox>>,
        sink: Arc<dyn AnswerSink>,
    ) -> Result<Self, FlowError> {
        // A sink that is refused is dropped after the lock.
        core.flows().insert(port.get(), outside, sink.clone())?;
        Ok(Self { core: core.clone(), port, outside, instance_client })
    }

    /// The socket, if the client is one of the deployment's own.
    pub(super) fn instance_client(&self) -> Option<&Weak<Inbox>> {
        self.instance_client.as_ref()
    }

    /// The port of the instance.
    #[must_use]
    pub fn port(&self) -> NonZeroU16 {
        self.port
    }

    /// The address outside, or that of the client inside.
    #[must_use]
    pub fn outside(&self) -> SocketAddr {
        self.outside
    }

    /// Whether it is one of this very incarnation, and not of an earlier or later one of the same instance.
    #[must_use]
    pub fn is_of(&self, interface: &Interface) -> bool {
        Arc::ptr_eq(&self.core, interface.core())
    }

    /// Gives a datagram from that address to the socket at the instance's own address and the port.
    ///
    /// The policy is not asked: it let the instance bind, and public traffic has no rules.
    ///
    /// # Errors
    ///
    /// [`Undelivered`] says why it is lost.
    pub fn deliver(&self, data: Bytes) -> Result<(), Undelivered> {
        if data.len() > LARGEST_DATAGRAM {
            return Err(Undelivered::TooLarge);
        }
        // A process on the host must not be taken for a socket on the instance's own loopback.
        if self.outside.ip().is_loopback()
            && self.core.inbox(Scope::LoopbackV4, self.outside.port()).is_some()
        {
            return Err(Undelivered::NotBound);
        }
        let at_port = self.core.inbox(Scope::Own, self.port.get());
        let (inbox, _) =
            at_port.filter(|(_, party)| *party == self.core.party()).ok_or(Undelivered::NotBound)?;
        show(&self.core, self.outside, SocketAddr::new(self.core.address().into(), self.port.get()), &data);
        let datagram = Datagram { data, from: self.outside };
        let own = self.core.address().into();
        let mut outcome = Ok(());
        let mut arrived = |delivery| outcome = self.count(delivery);
        match &self.instance_client {
            Some(_) => pass(&self.core, self.outside.ip(), &inbox, datagram, own, arrived),
            None => arrived(inbox.deliver(datagram, own)),
        }
        outcome
    }

    fn count(&self, delivery: Delivery) -> Result<(), Undelivered> {
        match delivery {
            Delivery::Queued => {
                self.core.shared().count_datagram();
                Ok(())
            }
            Delivery::Full => {
                self.core.shared().count_dropped_datagram();
                Err(Undelivered::Full)
            }
            Delivery::Refused => Err(Undelivered::NotBound),
        }
    }
}

impl Drop for OutsideFlow {
    fn drop(&mut self) {
        let sink = self.core.flows().remove(self.port.get(), self.outside);
        drop(sink);
    }
}

impl fmt::Debug for OutsideFlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutsideFlow")
            .field("port", &self.port)
            .field("outside", &self.outside)
            .finish_non_exhaustive()
    }
}
