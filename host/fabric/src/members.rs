//! The instances of a role that can be reached: which run, and which of them are Ready.
//!
//! Supervisors write it, each for the place of its instance. Balancers read it: those of most ports care for who is Ready,
//! the others, with a probe or `ignoreRoleInstanceStatus`, for who runs.

use tokio::sync::watch;

use crate::rotation::Rotation;

/// The instances of one role. A clone is another handle to the same.
pub(crate) struct Members<T> {
    running: watch::Sender<Rotation<T>>,
    ready: watch::Sender<Rotation<T>>,
}

impl<T> Members<T> {
    pub(crate) fn new() -> Self {
        Self { running: watch::Sender::new(Rotation::new()), ready: watch::Sender::new(Rotation::new()) }
    }

    /// Everybody who runs, in whatever state.
    pub(crate) fn running(&self) -> watch::Receiver<Rotation<T>> {
        self.running.subscribe()
    }

    /// Everybody who is Ready.
    pub(crate) fn ready(&self) -> watch::Receiver<Rotation<T>> {
        self.ready.subscribe()
    }

    /// The place of one instance.
    pub(crate) fn place(&self, ordinal: u32) -> Place<T> {
        Place { members: self.clone(), ordinal }
    }
}

impl<T> Clone for Members<T> {
    fn clone(&self) -> Self {
        Self { running: self.running.clone(), ready: self.ready.clone() }
    }
}

/// An instance's place among those of its role.
pub(crate) struct Place<T> {
    members: Members<T>,
    ordinal: u32,
}

impl<T> Place<T> {
    /// An incarnation runs.
    pub(crate) fn begin(&self, target: T) {
        self.members.running.send_modify(|running| running.enter(self.ordinal, target));
    }

    /// It is Ready.
    pub(crate) fn enter(&self, target: T) {
        self.members.ready.send_modify(|ready| ready.enter(self.ordinal, target));
    }

    /// It is not Ready any more. When this returns, nobody who asks for who is Ready sends it anything.
    pub(crate) fn leave(&self) {
        self.members.ready.send_if_modified(|ready| ready.leave(self.ordinal));
    }

    /// It does not run any more.
    pub(crate) fn end(&self) {
        self.members.running.send_if_modified(|running| running.leave(self.ordinal));
    }
}
