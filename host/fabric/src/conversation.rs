//! What a supervisor and its incarnation have to say to each other while it runs: status checks, and changes.
//!
//! One thing after the other: an instance never hears two of them at the same time. A change waits for a status check
//! that is under way, which has a deadline.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use wasm_roles_role_runtime::{Change, EnvironmentView, Outcome, Readiness, RoleEvent, Teller, Verdict};

use crate::change::{Missed, Order, Reaction, What};

/// How often an instance is asked whether it can take traffic (facts: section 7.4).
pub(crate) const STATUS_CHECK: Duration = Duration::from_secs(15);

/// Tells one incarnation of events, and asks it.
pub(crate) trait Tell: Clone + Send + Sync + 'static {
    fn status_check(&self) -> impl Future<Output = Outcome<Readiness>> + Send;
    fn changing(&self, changes: Vec<Change>) -> impl Future<Output = Outcome<Verdict>> + Send;
    /// The incarnation sees `view` from now on, whatever the outcome is.
    fn changed(
        &self,
        changes: Vec<Change>,
        view: Arc<EnvironmentView>,
    ) -> impl Future<Output = Outcome<()>> + Send;
    fn simultaneous_changing(&self, changes: Vec<Change>) -> impl Future<Output = Outcome<()>> + Send;
    /// As [`changed`](Self::changed).
    fn simultaneous_changed(
        &self,
        changes: Vec<Change>,
        view: Arc<EnvironmentView>,
    ) -> impl Future<Output = Outcome<()>> + Send;
}

impl Tell for Teller {
    async fn status_check(&self) -> Outcome<Readiness> {
        self.status_check().await
    }

    async fn changing(&self, changes: Vec<Change>) -> Outcome<Verdict> {
        self.changing(changes).await
    }

    async fn changed(&self, changes: Vec<Change>, view: Arc<EnvironmentView>) -> Outcome<()> {
        self.changed(changes, view).await
    }

    async fn simultaneous_changing(&self, changes: Vec<Change>) -> Outcome<()> {
        self.simultaneous_changing(changes).await
    }

    async fn simultaneous_changed(&self, changes: Vec<Change>, view: Arc<EnvironmentView>) -> Outcome<()> {
        self.simultaneous_changed(changes, view).await
    }
}

/// What came out of an exchange.
pub(crate) enum Said {
    /// An answer to a status check.
    Checked(Outcome<Readiness>),
    /// The change is made. Here is the first handler that was not heard, and who wants to know.
    Changed(Option<(RoleEvent, Missed)>, oneshot::Sender<Reaction>),
    /// It refuses the change.
    Refused(oneshot::Sender<Reaction>),
    /// It was not told: there is something that it cannot have and the next incarnation has.
    Outdated(oneshot::Sender<Reaction>),
    /// It ended over the change.
    Failed(oneshot::Sender<Reaction>),
}

/// At most one exchange, and the time of the next status check.
pub(crate) struct Conversation {
    exchange: Option<Pin<Box<dyn Future<Output = Said> + Send>>>,
    next_check: Instant,
}

impl Conversation {
    pub(crate) fn new() -> Self {
        Self { exchange: None, next_check: Instant::now() }
    }

    /// Whether something else can be said.
    pub(crate) fn is_idle(&self) -> bool {
        self.exchange.is_none()
    }

    /// An incarnation has become Ready: the first check is due one interval later.
    pub(crate) fn begin(&mut self) {
        self.next_check = Instant::now() + STATUS_CHECK;
    }

    /// When the next check is due.
    pub(crate) fn next_check(&self) -> Instant {
        self.next_check
    }

    pub(crate) fn check(&mut self, teller: impl Tell) {
        self.begin();
        self.exchange = Some(Box::pin(async move { Said::Checked(teller.status_check().await) }));
    }

    /// Tells an incarnation, or finds that there is nothing to tell it.
    pub(crate) fn tell(&mut self, teller: impl Tell, order: Order) {
        self.exchange = Some(Box::pin(tell(teller, order)));
    }

    /// What comes out of the exchange that is under way; nothing, for ever, when there is none.
    pub(crate) async fn said(&mut self) -> Said {
        let Some(exchange) = &mut self.exchange else { return std::future::pending().await };
        let said = exchange.await;
        self.exchange = None;
        said
    }
}

async fn tell(teller: impl Tell, order: Order) -> Said {
    let Order { what, changes, reply } = order;
    let (before, event, after) = match what {
        What::Change(renewal) => {
            let changing = teller.changing(changes.clone()).await;
            match changing {
                Outcome::Answered(Verdict::Recycle) => return Said::Refused(reply),
                Outcome::Failed => return Said::Failed(reply),
                Outcome::Answered(Verdict::Accept)
                | Outcome::NoHandler
                | Outcome::Unavailable
                | Outcome::TimedOut => {}
            }
            let changed = teller.changed(changes, renewal.environment).await;
            (missed(RoleEvent::Changing, &changing), RoleEvent::Changed, changed)
        }
        What::Recycle(_) | What::Again | What::Replace(_) => return Said::Outdated(reply),
        // There is nothing to tell.
        What::Keep(_) => return Said::Changed(None, reply),
        What::Announce => {
            let event = RoleEvent::SimultaneousChanging;
            (None, event, teller.simultaneous_changing(changes).await)
        }
        What::Announced(renewal) => {
            let changed = teller.simultaneous_changed(changes, renewal.environment).await;
            (None, RoleEvent::SimultaneousChanged, changed)
        }
    };
    if after == Outcome::Failed {
        return Said::Failed(reply);
    }
    Said::Changed(before.or(missed(event, &after)), reply)
}

fn missed<T>(event: RoleEvent, outcome: &Outcome<T>) -> Option<(RoleEvent, Missed)> {
    Missed::of(outcome).map(|missed| (event, missed))
}
