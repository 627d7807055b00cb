//! What a connection passes on its way: the tally of its endpoint, the tap, and the faults between its two instances.
//!
//! All of it is found when the connection is made. What is not there costs a look at an empty option.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;

use crate::NetError;
use crate::capture::{Conversation, Unreachable};
use crate::counters::Tally;
use crate::faults::{Passage, Wait};
use crate::network::{InterfaceCore, Shared};
use crate::policy::Operation;
use crate::tcp::Side;

/// The way between the two ends of one connection.
#[derive(Debug, Default)]
pub(crate) struct Course {
    /// Of the endpoint that listens.
    tally: Option<Arc<Tally>>,
    conversation: Option<Box<Conversation>>,
    link: Option<Link>,
}

/// Two instances, which faults may come between.
#[derive(Clone)]
pub(crate) struct Link {
    shared: Arc<Shared>,
    client: Ipv4Addr,
    server: Ipv4Addr,
}

impl Course {
    /// The way of a connection from `core` at `client` to `server`.
    pub(crate) fn between(
        core: &Arc<InterfaceCore>,
        client: SocketAddr,
        server: SocketAddr,
        tally: Option<Arc<Tally>>,
    ) -> Self {
        let shared = core.shared();
        let conversation = shared.tap().map(|tap| {
            let server_name = match server.ip() {
                ip if ip.is_loopback() => "itself".to_owned(),
                ip => shared.name_of(ip).unwrap_or_else(|| ip.to_string()),
            };
            let comment = format!("{} connects to {server_name}", core.id());
            let wire = core.wire(server.ip());
            Box::new(Conversation::new(tap, shared.next_conversation(), wire, client, server, comment))
        });
        let link = Link::new(core.shared_handle(), client.ip(), server.ip());
        Self { tally: tally.filter(|_| !server.ip().is_loopback()), conversation, link }
    }

    /// The way of a connection from outside.
    pub(crate) fn from_outside(
        core: &Arc<InterfaceCore>,
        client: SocketAddr,
        server: SocketAddr,
        tally: Option<Arc<Tally>>,
    ) -> Self {
        let shared = core.shared();
        let client = SocketAddr::new(client.ip().to_canonical(), client.port());
        let conversation = shared.tap().filter(|_| client.is_ipv4() == server.is_ipv4()).map(|tap| {
            let comment = format!("a client outside connects to {}", core.id());
            let wire = core.wire(server.ip());
            Box::new(Conversation::new(tap, shared.next_conversation(), wire, client, server, comment))
        });
        Self { tally, conversation, link: None }
    }

    /// Whether somebody counts or looks.
    pub(crate) fn is_watched(&self) -> bool {
        self.tally.is_some() || self.conversation.is_some()
    }

    pub(crate) fn established(&self) {
        if let Some(tally) = &self.tally {
            tally.connected();
        }
        if let Some(conversation) = &self.conversation {
            conversation.opened();
        }
    }

    pub(crate) fn refused(&self) {
        self.count_drop();
        if let Some(conversation) = &self.conversation {
            conversation.refused();
        }
    }

    pub(crate) fn timed_out(&self) {
        self.count_drop();
        if let Some(conversation) = &self.conversation {
            conversation.unanswered();
        }
    }

    fn count_drop(&self) {
        if let Some(tally) = &self.tally {
            tally.dropped();
        }
    }

    /// What could never begin: `comment` says why.
    pub(crate) fn unreachable(&self, why: Unreachable, comment: String) {
        if let Some(conversation) = &self.conversation {
            conversation.unreachable(why, comment);
        }
    }

    /// `side` sends `data`.
    pub(crate) fn sent(&self, side: Side, data: &Bytes) {
        self.count(side, data.len());
        if let Some(conversation) = &self.conversation {
            conversation.data(side, data.clone());
        }
    }

    /// As [`sent`](Self::sent), with borrowed bytes.
    pub(crate) fn sent_slice(&self, side: Side, data: &[u8]) {
        self.count(side, data.len());
        if let Some(conversation) = &self.conversation {
            conversation.data(side, Bytes::copy_from_slice(data));
        }
    }

    fn count(&self, side: Side, bytes: usize) {
        match (&self.tally, side) {
            (None, _) => {}
            (Some(tally), Side::Client) => tally.came_in(bytes),
            (Some(tally), Side::Server) => tally.went_out(bytes),
        }
    }

    /// `side` sends no more.
    pub(crate) fn finished(&self, side: Side) {
        if let Some(conversation) = &self.conversation {
            conversation.finished(side);
        }
    }

    /// `side` aborts.
    pub(crate) fn reset(&self, side: Side) {
        if let Some(conversation) = &self.conversation {
            conversation.reset(side);
        }
    }

    /// When so many bytes of `side`, or its end, arrive. `None`: at once, nothing disturbs them.
    pub(crate) fn passage(&self, side: Side, bytes: usize) -> Option<Passage> {
        let link = self.link.as_ref().filter(|link| link.shared.faults.is_active())?;
        Some(link.passage(side, bytes))
    }

    /// Whether a fault resets the connection at this write of `side`.
    pub(crate) fn resets(&self, side: Side) -> bool {
        let link = self.link.as_ref().filter(|link| link.shared.faults.is_active());
        link.is_some_and(|link| {
            let (from, to) = link.ends(side);
            link.shared.write_resets(from, to)
        })
    }

    pub(crate) fn link(&self) -> Option<&Link> {
        self.link.as_ref()
    }
}

impl Link {
    /// The link between two addresses, unless they are one instance's.
    pub(crate) fn new(shared: &Arc<Shared>, client: IpAddr, server: IpAddr) -> Option<Self> {
        match (client, server) {
            (IpAddr::V4(client), IpAddr::V4(server)) if client != server && !server.is_loopback() => {
                Some(Self { shared: shared.clone(), client, server })
            }
            _ => None,
        }
    }

    /// The addresses of the sender and of the receiver when `side` sends.
    pub(crate) fn ends(&self, side: Side) -> (Ipv4Addr, Ipv4Addr) {
        match side {
            Side::Client => (self.client, self.server),
            Side::Server => (self.server, self.client),
        }
    }

    /// When so many bytes of `side` arrive, under the faults of now.
    pub(crate) fn passage(&self, side: Side, bytes: usize) -> Passage {
        let (from, to) = self.ends(side);
        self.shared.stream_passage(from, to, bytes)
    }

    /// The generation of the faults.
    pub(crate) fn generation(&self) -> u64 {
        self.shared.faults.generation()
    }

    pub(crate) fn wait(&self) -> Wait {
        Wait::new(self.shared.clone())
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("client", &self.client)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// Shows the tap a connect that ended before it began.
pub(crate) fn show_failed_connect(
    core: &Arc<InterfaceCore>,
    client: SocketAddr,
    server: SocketAddr,
    error: NetError,
) {
    if core.shared().tap().is_none() {
        return;
    }
    let course = Course::between(core, client, server, None);
    match error {
        NetError::AccessDenied => {
            course.unreachable(Unreachable::Prohibited, core.denial_in_words(Operation::Connect, server));
        }
        NetError::RemoteUnreachable => {
            course.unreachable(Unreachable::Host, "no instance is attached at the address".to_owned());
        }
        _ => course.refused(),
    }
}
