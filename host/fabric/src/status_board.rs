//! The status of every instance of a deployment, for whoever wants to watch.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use wasm_roles_service_plan::InstanceId;

use crate::lifecycle::Status;

/// How an instance stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceStatus {
    /// The instance.
    pub instance: InstanceId,
    /// Where it is in its life.
    pub status: Status,
    /// Since when, as time since 1970-01-01T00:00:00Z on the deployment's clock.
    pub since: Duration,
    /// How many incarnations of it were started.
    pub launches: u64,
    /// The generation of the deployment that its incarnation is of, or the last one was: 1 until there was an
    /// [upgrade](crate::Deployment::upgrade).
    pub generation: u32,
    /// Its last recycle; none when it was not recycled yet.
    pub recycled: Option<Recycled>,
}

/// A recycle that nobody asked for. `Display` gives a sentence without subject, such as "recycled 3 times, because run
/// returned an error: no route".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recycled {
    /// The how many-th in a row this is, from 1: without five minutes of Ready in between.
    pub times: u32,
    /// How the incarnation ended, as a sentence without subject. It may hold a guest's words.
    pub because: String,
    /// The last lines of its standard error, five at most: a guest's words.
    pub last_words: Vec<String>,
}

impl fmt::Display for Recycled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.times {
            1 => write!(f, "recycled, because {}", self.because),
            times => write!(f, "recycled {times} times, because {}", self.because),
        }
    }
}

/// The place of an instance on the board: the position of its role, and its ordinal. Places in their order are the order of
/// the plan, whoever comes and goes; roles that come with an upgrade come after those that were there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seat {
    pub(crate) role: usize,
    pub(crate) ordinal: u32,
}

/// Everybody by seat.
pub(crate) type Board = BTreeMap<Seat, InstanceStatus>;

/// Where supervisors write.
#[derive(Clone)]
pub(crate) struct StatusBoard(Arc<watch::Sender<Board>>);

impl StatusBoard {
    /// A board with nobody on it.
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Board::new())))
    }

    /// An instance is there, and will be started.
    pub(crate) fn enter(&self, seat: Seat, instance: InstanceId, generation: u32, at: Duration) {
        let status = Status::Created;
        let created = InstanceStatus { instance, status, since: at, launches: 0, generation, recycled: None };
        self.0.send_modify(|board| drop(board.insert(seat, created)));
    }

    /// An instance is not there any more.
    pub(crate) fn leave(&self, seat: Seat) {
        self.0.send_modify(|board| drop(board.remove(&seat)));
    }

    /// The instance has another status from now on.
    pub(crate) fn set(&self, seat: Seat, status: Status, at: Duration) {
        self.write(seat, |written| {
            (written.status, written.since) = (status, at);
            if status == Status::Starting {
                written.launches = written.launches.saturating_add(1);
            }
        });
    }

    /// An incarnation of this generation is started. What became of those of another one says nothing of it.
    pub(crate) fn launches(&self, seat: Seat, generation: u32) {
        self.write(seat, |written| {
            if written.generation != generation {
                (written.generation, written.recycled) = (generation, None);
            }
        });
    }

    /// The incarnation that it has counts as one of this generation, in which it is the same.
    pub(crate) fn carries(&self, seat: Seat, generation: u32) {
        self.write(seat, |written| written.generation = generation);
    }

    /// The instance is recycled.
    pub(crate) fn recycled(&self, seat: Seat, recycled: Recycled) {
        self.write(seat, |written| written.recycled = Some(recycled));
    }

    fn write(&self, seat: Seat, change: impl FnOnce(&mut InstanceStatus)) {
        self.0.send_modify(|board| {
            if let Some(written) = board.get_mut(&seat) {
                change(written);
            }
        });
    }

    /// Waits until the instance is Ready, or Busy, which it only becomes after that. For ever when it is not there.
    pub(crate) async fn came_up(&self, seat: Seat) {
        let up = |board: &Board| {
            board.get(&seat).is_some_and(|written| matches!(written.status, Status::Ready | Status::Busy))
        };
        // The sender is here, so that waiting does not fail.
        let _ = self.0.subscribe().wait_for(up).await;
    }

    /// All statuses by seat, now and from now on.
    pub(crate) fn boards(&self) -> watch::Receiver<Board> {
        self.0.subscribe()
    }

    pub(crate) fn watch(&self) -> Statuses {
        Statuses(self.0.subscribe())
    }
}

/// The status of every instance, now and from now on. It outlives the deployment and then shows the last statuses. An
/// instance that has left with a change of the configuration is not there any more.
#[derive(Clone, Debug)]
pub struct Statuses(watch::Receiver<Board>);

impl Statuses {
    /// All instances in the order of the plan; those of roles that came with an upgrade after all others.
    #[must_use]
    pub fn now(&self) -> Vec<InstanceStatus> {
        self.0.borrow().values().cloned().collect()
    }

    /// The instances that have one of these statuses now.
    #[must_use]
    pub fn with(&self, statuses: &[Status]) -> Vec<InstanceId> {
        let board = self.0.borrow();
        let found = board.values().filter(|written| statuses.contains(&written.status));
        found.map(|written| written.instance.clone()).collect()
    }

    /// Waits until something on the board is different from when it was last looked at here or waited for. For ever when the
    /// deployment has ended.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// Waits until all instances are Ready at one time, but for those that are [stopped](crate::Deployment::stop_instances). It
    /// never returns if all are, or if the deployment ends before that.
    pub async fn all_ready(&mut self) {
        let ready = |board: &Board| {
            let mut running = board.values().filter(|written| written.status != Status::Stopped).peekable();
            let some = running.peek().is_some() || board.is_empty();
            some && running.all(|written| written.status == Status::Ready)
        };
        if self.0.wait_for(ready).await.is_err() {
            std::future::pending().await
        }
    }
}
