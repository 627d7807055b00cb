//! Telling a server to end.

use std::sync::Arc;

use tokio::sync::watch;

/// Tells one server to drain. A clone tells the same one.
#[derive(Clone, Debug)]
pub struct Drain(Arc<watch::Sender<Stage>>);

/// How far a server is with ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Open,
    Draining,
    Hurrying,
}

impl Drain {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Stage::Open)))
    }

    /// The server takes no new connections from now on. Requests that it has are answered, and so are those that
    /// arrive on open connections, each as the last one of its connection. Then
    /// [`Server::serve`](crate::Server::serve) returns. Calling it again changes nothing.
    pub fn begin(&self) {
        self.enter(Stage::Draining);
    }

    /// As [`begin`](Self::begin), but a connection that has no request now is closed at once: nobody is left who
    /// could answer one.
    pub fn hurry(&self) {
        self.enter(Stage::Hurrying);
    }

    fn enter(&self, stage: Stage) {
        self.0.send_if_modified(|now| {
            let later = stage > *now;
            *now = stage.max(*now);
            later
        });
    }

    pub(super) fn stage(&self) -> Stage {
        *self.0.borrow()
    }

    /// Waits until it is at least at `stage`.
    pub(super) async fn reached(&self, stage: Stage) {
        // The sender lives in self, so the channel cannot close while this waits.
        let _ = self.0.subscribe().wait_for(|now| *now >= stage).await;
    }
}
