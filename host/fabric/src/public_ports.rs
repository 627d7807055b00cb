//! The public ports of a deployment that are open. Those of single instances come and go with them.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use wasm_roles_service_plan::{Port, PublicPort, Transport};

use crate::certificates::Provision;
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
}

/// What serves a port.
#[derive(Default)]
pub(crate) struct Serving {
    pub(crate) tasks: JoinSet<()>,
    /// How TLS ends, if it ends here.
    pub(crate) tls: Option<Ending>,
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

    /// A port, and what serves it.
    pub(crate) fn open(&mut self, published: Published, serving: Serving) {
        let key = key(&published.public);
        let place = self.published.partition_point(|other| self::key(&other.public) < key);
        self.published.insert(place, published);
        self.serving.insert(key, serving);
    }

    /// Those of `public` that are not open.
    pub(crate) fn missing<'a>(&'a self, public: &'a [PublicPort]) -> impl Iterator<Item = &'a PublicPort> {
        public.iter().filter(|public| !self.serving.contains_key(&key(public)))
    }

    /// TLS of new connections ends with what `provision` has for it. Where it ends stays as it is.
    pub(crate) fn end_tls_with(&self, provision: &Provision) {
        for Published { public, .. } in &self.published {
            let tls = self.serving.get(&key(public)).and_then(|serving| serving.tls.as_ref());
            if let (Some(tls), Some(acceptor)) = (tls, provision.acceptor(&public.role, &public.endpoint)) {
                tls.acceptor.send_replace(for_speaker(acceptor, tls.spoken));
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
                closing.push(std::mem::take(&mut serving.tasks));
            }
            stays
        });
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
    use crate::test_plans::plan_of;

    fn ports(instances: u32) -> Vec<PublicPort> {
        let roles = r#"<WorkerRole name="W"><Endpoints>
            <InputEndpoint name="In" protocol="tcp" port="9005" />
            <InstanceInputEndpoint name="Direct" protocol="tcp" localPort="8000">
                <AllocatePublicPortFrom><FixedPortRange min="9000" max="9004" /></AllocatePublicPortFrom>
            </InstanceInputEndpoint>
        </Endpoints></WorkerRole>"#;
        plan_of(roles, &format!(r#"<Role name="W"><Instances count="{instances}" /></Role>"#)).public
    }

    fn open(all: &mut PublicPorts, public: &[PublicPort]) -> Vec<u16> {
        let missing: Vec<PublicPort> = all.missing(public).cloned().collect();
        let numbers = missing.iter().map(|public| public.port.get()).collect();
        for public in missing {
            let mut serving = Serving::default();
            serving.tasks.spawn(std::future::pending());
            all.open(Published { public, at: ([127, 0, 0, 1], 0).into() }, serving);
        }
        numbers
    }

    fn numbers(all: &PublicPorts) -> Vec<u16> {
        all.published().iter().map(|published| published.public.port.get()).collect()
    }

    #[tokio::test]
    async fn ports_are_opened_once_and_listed_in_the_order_of_the_plan() {
        let mut all = PublicPorts::default();
        assert_eq!(open(&mut all, &ports(1)), [9000, 9005]);
        assert_eq!(open(&mut all, &ports(3)), [9001, 9002]);
        assert_eq!(numbers(&all), [9000, 9001, 9002, 9005]);
    }

    #[tokio::test]
    async fn closing_ends_what_serves_a_port_and_nothing_else() {
        let mut all = PublicPorts::default();
        open(&mut all, &ports(3));
        all.close_all_but(&ports(1)).await;
        assert_eq!(numbers(&all), [9000, 9005]);
        assert!(all.serving.values().all(|serving| serving.tasks.len() == 1));
        all.close_all_but(&[]).await;
        assert!(numbers(&all).is_empty() && all.serving.is_empty());
    }
}
