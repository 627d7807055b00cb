//! The instances behind a public port: who can be chosen, and in which order.

use std::future::pending;
use std::net::IpAddr;

use tokio::sync::watch;
use wasm_roles_service_plan::PublicPort;

use crate::affinity::Affinity;
use crate::probe::prober::Healthy;
use crate::rotation::{Rotation, Turn};

/// What a public port leads to.
pub(crate) struct Backends<T> {
    pub(crate) public: PublicPort,
    /// The one instance that answers, for an instance input endpoint.
    pub(crate) only: Option<u32>,
    pub(crate) rotation: watch::Receiver<Rotation<T>>,
    /// Those of the rotation that answer the port's probe, if it has one.
    pub(crate) healthy: Option<watch::Receiver<Healthy>>,
}

impl<T> Clone for Backends<T> {
    fn clone(&self) -> Self {
        let Self { public, only, rotation, healthy } = self;
        Self { public: public.clone(), only: *only, rotation: rotation.clone(), healthy: healthy.clone() }
    }
}

impl<T> Backends<T> {
    /// Wakes up when somebody else can be chosen, or not any more.
    pub(crate) fn changes(&self) -> Changes<T> {
        Changes { rotation: self.rotation.clone(), healthy: self.healthy.clone() }
    }

    /// Everybody who can be chosen, by affinity or else beginning with whose turn it is.
    pub(crate) fn in_order<'a>(
        &'a self,
        rotation: &'a Rotation<T>,
        client: IpAddr,
        turn: Turn,
    ) -> impl Iterator<Item = (u32, &'a T)> {
        let PublicPort { distribution, transport, .. } = &self.public;
        let affinity = Affinity::of(*distribution, *transport, client);
        let drawn = affinity.map(|affinity| rotation.by_affinity(affinity)).into_iter().flatten();
        let in_turn = affinity.is_none().then(|| rotation.from_turn(turn)).into_iter().flatten();
        drawn.chain(in_turn).filter(|(ordinal, _)| self.admits(*ordinal))
    }

    /// Who is at a place of that order now, counted from 0. The rotation is not locked when this returns.
    pub(crate) fn nth(&self, place: usize, client: IpAddr, turn: Turn) -> Option<(u32, T)>
    where
        T: Clone,
    {
        let rotation = self.rotation.borrow();
        let found = self.in_order(&rotation, client, turn).nth(place);
        found.map(|(ordinal, taker)| (ordinal, taker.clone()))
    }

    /// Whether an instance that is in the rotation can be chosen.
    pub(crate) fn admits(&self, ordinal: u32) -> bool {
        self.only.is_none_or(|only| only == ordinal)
            && self.healthy.as_ref().is_none_or(|healthy| healthy.borrow().contains(&ordinal))
    }
}

/// Who comes into the choice of a public port and who leaves it.
pub(crate) struct Changes<T> {
    rotation: watch::Receiver<Rotation<T>>,
    healthy: Option<watch::Receiver<Healthy>>,
}

impl<T> Changes<T> {
    /// The next change; waits for ever when nobody makes one any more. Dropping the future loses none.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            Ok(()) = self.rotation.changed() => {}
            Ok(()) = changed(self.healthy.as_mut()) => {}
            else => pending().await,
        }
    }
}

async fn changed(healthy: Option<&mut watch::Receiver<Healthy>>) -> Result<(), watch::error::RecvError> {
    match healthy {
        Some(healthy) => healthy.changed().await,
        None => pending().await,
    }
}
