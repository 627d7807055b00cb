//! The public ports of a deployment that are open. Those of single instances come and go with them.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use wasm_roles_service_plan::{Availability, Port, PublicPort, RoleName, Transport};

use crate::certificates::Provision;
use crate::probe::prober::Healthy;
use crate::public_socket::{self, PublicSocket};
use crate::publish::Published;
use crate::tls::{Spoken, for_speaker};

/// What tells public ports apart.
type Key = (Port, Transport);

/// The public ports, and what serves each of them.
#[derive(Default)]
pub(crate) struct PublicPorts {
    /// By number, then transport.
    published: Vec<Published>,
    serving: BTreeMap<Key, Serving>,
    /// What has served ports before, and finishes what it has.
    displaced: Vec<(Key, JoinSet<()>)>,
}

/// What serves a port.
pub(crate) struct Serving {
    socket: PublicSocket,
    /// What uses the socket. It ends by itself when somebody else does.
    pub(crate) doors: JoinSet<()>,
    /// What is beside it.
    pub(crate) tasks: JoinSet<()>,
    /// How TLS ends, if it ends here.
    pub(crate) tls: Option<Ending>,
    /// Whose incarnation of now has answered the port's probe, if it has one.
    pub(crate) proved: Option<watch::Receiver<Healthy>>,
}

impl Serving {
    /// A port with this socket that nobody serves yet.
    pub(crate) fn of(socket: PublicSocket) -> Self {
        Self { socket, doors: JoinSet::new(), tasks: JoinSet::new(), tls: None, proved: None }
    }
}

/// What new connections find that ends their TLS.
pub(crate) struct Ending {
    acceptor: watch::Sender<TlsAcceptor>,
    spoken: Spoken,
}

impl Ending {
    /// With what the connections of a port see of it.
    pub(crate) fn new(acceptor: &TlsAcceptor, spoken: Spoken) -> (Self, watch::Receiver<TlsAcceptor>) {
        let (acceptor, seen) = watch::channel(for_speaker(acceptor, spoken));
        (Self { acceptor, spoken }, seen)
    }
}

impl PublicPorts {
    pub(crate) fn published(&self) -> &[Published] {
        &self.published
    }

    /// A port, and what serves it. What served a port that is open before finishes what has come in there.
    pub(crate) fn open(&mut self, published: Published, serving: Serving) {
        let key = key(&published.public);
        self.published.retain(|other| self::key(&other.public) != key);
        let place = self.published.partition_point(|other| self::key(&other.public) < key);
        self.published.insert(place, published);
        self.displaced.retain_mut(|(_, doors)| {
            while doors.try_join_next().is_some() {}
            !doors.is_empty()
        });
        if let Some(before) = self.serving.insert(key, serving) {
            self.displaced.push((key, before.doors));
        }
    }

    /// The probes of the ports that a role serves, and who has answered them since it was started last.
    pub(crate) fn probed(&self, role: &RoleName) -> impl Iterator<Item = (String, watch::Receiver<Healthy>)> {
        let of_role = self.published.iter().filter(move |published| published.public.role == *role);
        of_role.filter_map(|published| {
            let Availability::Probed(probe) = &published.public.availability else { return None };
            let proved = self.serving.get(&key(&published.public))?.proved.clone()?;
            Some((probe.name.clone(), proved))
        })
    }

    /// The port that is open where `public` is, as `public` has it, with its socket.
    pub(crate) fn reopened(&self, public: &PublicPort) -> Option<(Published, PublicSocket)> {
        let key = key(public);
        let at = self.published.iter().find(|published| self::key(&published.public) == key)?.at;
        let socket = self.serving.get(&key)?.socket.clone();
        Some((Published { public: public.clone(), at }, socket))
    }

    /// The port that is open where `public` is becomes `public`; what serves it stays.
    pub(crate) fn rename(&mut self, public: &PublicPort) {
        let same = |published: &&mut Published| key(&published.public) == key(public);
        if let Some(published) = self.published.iter_mut().find(same) {
            published.public = public.clone();
        }
    }

    /// Those of `public` that are not open.
    pub(crate) fn missing<'a>(&'a self, public: &'a [PublicPort]) -> impl Iterator<Item = &'a PublicPort> {
        public.iter().filter(|public| !self.serving.contains_key(&key(public)))
    }

    /// TLS of new connections ends with what `provision` has for it. Where it ends stays as it is.
    ///
    /// What is spoken behind it is agreed on with clients that ask.
    pub(crate) fn end_tls_with(&mut self, provision: &Provision, spoken: impl Fn(&PublicPort) -> Spoken) {
        for Published { public, .. } in &self.published {
            let tls = self.serving.get_mut(&key(public)).and_then(|serving| serving.tls.as_mut());
            if let (Some(tls), Some(acceptor)) = (tls, provision.acceptor(&public.role, &public.endpoint)) {
                tls.spoken = spoken(public);
                tls.acceptor.send_replace(for_speaker(acceptor, tls.spoken));
            }
        }
    }

    /// Exchanges the sockets with those of the same ports of another deployment, all at the same moment.
    ///
    /// Who serves a port goes on with the other socket. What it has accepted already is its own: what waits in line, and what
    /// shakes hands. The flows of UDP end.
    pub(crate) fn exchange(&mut self, other: &mut Self) {
        let pairs = self.serving.iter().filter_map(|(key, serving)| {
            let theirs = other.serving.get(key)?;
            Some((&serving.socket, &theirs.socket))
        });
        public_socket::exchange(pairs);
        for ours in &mut self.published {
            let same = |theirs: &&mut Published| key(&theirs.public) == key(&ours.public);
            if let Some(theirs) = other.published.iter_mut().find(same) {
                std::mem::swap(&mut ours.at, &mut theirs.at);
            }
        }
    }

    /// Closes all ports but these. When this returns nobody can connect to them any more.
    pub(crate) async fn close_all_but(&mut self, public: &[PublicPort]) {
        let kept: BTreeSet<Key> = public.iter().map(key).collect();
        self.published.retain(|published| kept.contains(&key(&published.public)));
        let mut closing = Vec::new();
        self.serving.retain(|port, serving| {
            let stays = kept.contains(port);
            if !stays {
                closing.extend([std::mem::take(&mut serving.doors), std::mem::take(&mut serving.tasks)]);
            }
            stays
        });
        closing
            .extend(self.displaced.extract_if(.., |(port, _)| !kept.contains(port)).map(|(_, doors)| doors));
        for mut tasks in closing {
            tasks.shutdown().await;
        }
    }
}

fn key(public: &PublicPort) -> Key {
    (public.port, public.transport)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::public_socket::Slot;
    use crate::test_plans::plan_of;
    use std::net::SocketAddr;
    use std::sync::Arc;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc;

    fn ports(instances: u32) -> Vec<PublicPort> {
        let roles = r#"<WorkerRole name="W"><Endpoints>
            <InputEndpoint name="In" protocol="tcp" port="9005" />
            <InstanceInputEndpoint name="Direct" protocol="tcp" localPort="8000">
                <AllocatePublicPortFrom><FixedPortRange min="9000" max="9004" /></AllocatePublicPortFrom>
            </InstanceInputEndpoint>
        </Endpoints></WorkerRole>"#;
        plan_of(roles, &format!(r#"<Role name="W"><Instances count="{instances}" /></Role>"#)).public
    }

    /// Opens those that are missing. Who accepts a connection says so with the port's number.
    async fn open(all: &mut PublicPorts, public: &[PublicPort], accepted: &mpsc::Sender<u16>) -> Vec<u16> {
        let missing: Vec<PublicPort> = all.missing(public).cloned().collect();
        let numbers = missing.iter().map(|public| public.port.get()).collect();
        for public in missing {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let (at, slot, accepted) =
                (listener.local_addr().unwrap(), Slot::new(listener), accepted.clone());
            let mut serving = Serving::of(PublicSocket::Tcp(Arc::clone(&slot)));
            let (number, used) = (public.port.get(), slot.begin_use());
            serving.doors.spawn(async move {
                while let Some(Ok(_)) = used.accept().await {
                    accepted.send(number).await.unwrap();
                }
            });
            all.open(Published { public, at }, serving);
        }
        numbers
    }

    fn nobody() -> mpsc::Sender<u16> {
        mpsc::channel(1).0
    }

    fn numbers(all: &PublicPorts) -> Vec<u16> {
        all.published().iter().map(|published| published.public.port.get()).collect()
    }

    #[tokio::test]
    async fn ports_are_opened_once_and_listed_in_the_order_of_the_plan() {
        let mut all = PublicPorts::default();
        assert_eq!(open(&mut all, &ports(1), &nobody()).await, [9000, 9005]);
        assert_eq!(open(&mut all, &ports(3), &nobody()).await, [9001, 9002]);
        assert_eq!(numbers(&all), [9000, 9001, 9002, 9005]);
    }

    #[tokio::test]
    async fn closing_ends_what_serves_a_port_and_nothing_else() {
        let mut all = PublicPorts::default();
        open(&mut all, &ports(3), &nobody()).await;
        all.close_all_but(&ports(1)).await;
        assert_eq!(numbers(&all), [9000, 9005]);
        assert!(all.serving.values().all(|serving| serving.doors.len() == 1));
        let at: Vec<SocketAddr> = all.published().iter().map(|published| published.at).collect();
        TcpStream::connect(at[0]).await.unwrap();
        all.close_all_but(&[]).await;
        assert!(numbers(&all).is_empty() && all.serving.is_empty());
        for at in at {
            assert!(TcpStream::connect(at).await.is_err(), "{at} is open");
        }
    }

    #[tokio::test]
    async fn a_connection_that_begins_after_an_exchange_is_the_others_and_one_of_before_is_not() {
        let (mut first, mut second) = (PublicPorts::default(), PublicPorts::default());
        let (accepts_first, mut at_first) = mpsc::channel(10);
        let (accepts_second, mut at_second) = mpsc::channel(10);
        open(&mut first, &ports(1), &accepts_first).await;
        open(&mut second, &ports(1), &accepts_second).await;
        let before: Vec<SocketAddr> = first.published().iter().map(|published| published.at).collect();
        // It is in the backlog, since nobody has had a turn to accept it.
        let _early = std::net::TcpStream::connect(before[0]).unwrap();
        first.exchange(&mut second);
        assert_eq!(at_second.recv().await, Some(9000), "what nobody had accepted goes with the socket");
        for at in &before {
            TcpStream::connect(at).await.unwrap();
        }
        assert_eq!((at_second.recv().await, at_second.recv().await), (Some(9000), Some(9005)));
        assert!(at_first.try_recv().is_err());
        let after: Vec<SocketAddr> = second.published().iter().map(|published| published.at).collect();
        assert_eq!(after, before, "the addresses go with the sockets");
        second.exchange(&mut first);
        TcpStream::connect(before[1]).await.unwrap();
        assert_eq!(at_first.recv().await, Some(9005));
    }
}
