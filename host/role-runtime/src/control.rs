//! The wires between a running instance, its owner, and the guest that may ask to be recycled.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use tokio::sync::watch;

use crate::environment::EnvironmentView;
use crate::events::Outcome;

/// Where an incarnation of an instance is in its life. It only moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstanceState {
    /// Being instantiated, or in `on-start`. It must not get traffic.
    Starting,
    /// `run` is under way. It may get traffic.
    Ready,
    /// It finishes what it has begun, then `stopping` and `on-stop` are called. It must not get new traffic.
    Stopping,
    /// Its store is gone.
    Ended,
}

/// What somebody wants of the instance. A stronger wish replaces a weaker one, never the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wish {
    /// Go on.
    Live,
    /// The guest asked to be recycled.
    Recycle,
    /// The owner wants it to stop.
    Stop,
    /// The owner wants it to be gone, now.
    Kill,
}

pub(crate) struct Control {
    state: watch::Sender<InstanceState>,
    wish: watch::Sender<Wish>,
    /// True once the guest's side has seen the wish: from then on it is in nobody's way.
    heard: watch::Sender<bool>,
    /// What the guest can see of its deployment, when that has changed since it was started.
    view: RwLock<Option<Arc<EnvironmentView>>>,
    /// What `run` returned, if it did before anybody wanted the instance to stop.
    run: OnceLock<Result<(), String>>,
    /// What became of `stopping`.
    stopping: OnceLock<Outcome<()>>,
}

impl Control {
    pub(crate) fn new() -> Self {
        Self {
            state: watch::Sender::new(InstanceState::Starting),
            wish: watch::Sender::new(Wish::Live),
            heard: watch::Sender::new(false),
            view: RwLock::new(None),
            run: OnceLock::new(),
            stopping: OnceLock::new(),
        }
    }

    pub(crate) fn state(&self) -> watch::Receiver<InstanceState> {
        self.state.subscribe()
    }

    pub(crate) fn enter(&self, state: InstanceState) {
        self.state.send_if_modified(|now| {
            let later = state > *now;
            if later {
                *now = state;
            }
            later
        });
    }

    pub(crate) fn request_recycle(&self) {
        self.raise(Wish::Recycle);
    }

    pub(crate) fn raise(&self, wish: Wish) {
        self.wish.send_if_modified(|now| {
            let stronger = wish > *now;
            if stronger {
                *now = wish;
            }
            stronger
        });
    }

    pub(crate) fn wish(&self) -> Wish {
        *self.wish.borrow()
    }

    /// Waits until somebody wants at least `wish`.
    pub(crate) async fn wished(&self, wish: Wish) -> Wish {
        // The sender lives in self, so the channel cannot close while this waits.
        self.wish.subscribe().wait_for(|now| *now >= wish).await.map_or(Wish::Kill, |now| *now)
    }

    /// The guest sees this from now on.
    pub(crate) fn renew(&self, view: Arc<EnvironmentView>) {
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Some(view);
    }

    /// What the guest sees, if that was renewed.
    pub(crate) fn renewed(&self) -> Option<Arc<EnvironmentView>> {
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `run` returned by itself.
    pub(crate) fn run_returned(&self, result: Result<(), String>) {
        // It does so once.
        let _ = self.run.set(result);
    }

    pub(crate) fn run_result(&self) -> Option<Result<(), String>> {
        self.run.get().cloned()
    }

    /// `stopping` was called, or there is no such handler.
    pub(crate) fn stopping_told(&self, outcome: Outcome<()>) {
        // There is only one stop, and the first word counts.
        let _ = self.stopping.set(outcome);
    }

    pub(crate) fn stopping_outcome(&self) -> Option<Outcome<()>> {
        self.stopping.get().copied()
    }

    /// The instance begins to stop, for whatever reason.
    pub(crate) fn begin_stop(&self) {
        self.enter(InstanceState::Stopping);
        self.heard.send_replace(true);
    }

    /// Waits until the instance has begun to stop.
    pub(crate) async fn heard(&self) {
        // As above: it cannot close.
        let _ = self.heard.subscribe().wait_for(|heard| *heard).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_only_move_forward() {
        let control = Control::new();
        let state = control.state();
        control.enter(InstanceState::Stopping);
        control.enter(InstanceState::Ready);
        assert_eq!(*state.borrow(), InstanceState::Stopping);
    }

    #[tokio::test]
    async fn a_stop_overrides_a_recycle_but_not_the_other_way_round() {
        let control = Control::new();
        control.request_recycle();
        assert_eq!(control.wished(Wish::Recycle).await, Wish::Recycle);
        control.raise(Wish::Stop);
        control.request_recycle();
        assert_eq!(control.wished(Wish::Recycle).await, Wish::Stop);
    }
}
