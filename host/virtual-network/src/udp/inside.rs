//! Datagrams of instances to the deployment's own public side.
//!
//! The balancer chooses who gets them, and everything stays in memory. As with a connection, the chosen instance sees the
//! address of the socket that sends. Since an answer to that address could also be meant for the socket itself, the flow
//! decides: as long as it is open, what the instance sends from its port to the socket comes from the public address, which
//! is where the socket has sent to. It is what a router does that translates addresses.

use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::num::NonZeroU16;
use std::sync::{Arc, Weak};

use bytes::Bytes;

use super::inbox::{Datagram, Delivery, Inbox};
use super::outside::{AnswerSink, OutsideFlow};
use super::passage::pass;
use super::shown::show;
use crate::network::InterfaceCore;
use crate::{FlowError, Interface};

/// A UDP socket of an instance that sends to the public side, with the policy's consent. It can be had by nobody else than
/// [`PublicPorts`](crate::PublicPorts), for one datagram.
#[derive(Clone, Copy)]
pub struct InsideClient<'a> {
    pub(super) core: &'a Arc<InterfaceCore>,
    pub(super) inbox: &'a Arc<Inbox>,
    pub(super) address: SocketAddrV4,
    pub(super) public: SocketAddrV4,
}

impl InsideClient<'_> {
    /// The address of the socket, as the chosen instance sees it.
    #[must_use]
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Opens a flow between the socket and `port` of the instance that `to` is the interface of, its own included. What that
    /// sends from the port to the socket arrives there from the public address, and `answered` is called; it must not block.
    ///
    /// The flow belongs to this very socket: it does not keep it, and another one that gets its address has nothing of it.
    ///
    /// # Errors
    ///
    /// [`FlowError::Taken`].
    pub fn open_flow(
        &self,
        to: &Interface,
        port: NonZeroU16,
        answered: impl Fn() + Send + Sync + 'static,
    ) -> Result<OutsideFlow, FlowError> {
        let answers = Answers {
            core: Arc::downgrade(self.core),
            inbox: Arc::downgrade(self.inbox),
            client: self.address.into(),
            public: self.public.into(),
            server: to.address().into(),
            answered,
        };
        OutsideFlow::of_instance(to.core(), port, self.address, Arc::downgrade(self.inbox), Arc::new(answers))
    }

    /// Whether the flow is one of this very socket.
    #[must_use]
    pub fn has(&self, flow: &OutsideFlow) -> bool {
        flow.instance_client().is_some_and(|inbox| std::ptr::eq(inbox.as_ptr(), Arc::as_ptr(self.inbox)))
    }
}

impl fmt::Debug for InsideClient<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InsideClient")
            .field("address", &self.address)
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// The way back to the socket. It keeps nothing of the client alive.
struct Answers<F> {
    core: Weak<InterfaceCore>,
    inbox: Weak<Inbox>,
    client: SocketAddr,
    public: SocketAddr,
    server: IpAddr,
    answered: F,
}

impl<F: Fn() + Send + Sync + 'static> AnswerSink for Answers<F> {
    fn answer(&self, data: Bytes) {
        let (Some(core), Some(inbox)) = (self.core.upgrade(), self.inbox.upgrade()) else { return };
        show(&core, self.public, self.client, &data);
        let datagram = Datagram { data, from: self.public };
        let shared = core.shared();
        pass(&core, self.server, &inbox, datagram, self.client.ip(), |delivery| match delivery {
            Delivery::Queued => shared.count_datagram(),
            Delivery::Full => shared.count_dropped_datagram(),
            Delivery::Refused => {}
        });
        (self.answered)();
    }
}
