//! The right to change a deployment: one operation at a time has it.

use std::sync::Arc;

use wasm_roles_control_interface::{Operation, OperationId, OperationKind, Refusal, RefusalCode, Timestamp};

use super::{Phase, Unit};
use crate::host::{Host, internal};
use crate::operations::{About, End, GiveUp, Running};
use crate::words::Told;

/// An operation that has a deployment for itself. Dropped before it has begun, it was refused and nobody hears of it.
pub(crate) struct Claim {
    pub(crate) host: Arc<Host>,
    pub(crate) unit: Arc<Unit>,
    pub(crate) operation: Arc<Running>,
    begun: bool,
    ended: bool,
}

/// Whether `wanted` may end what runs.
fn may_interrupt(wanted: OperationKind, running: &Running) -> bool {
    use OperationKind::{
        Delete, Deploy, Recover, Recycle, Rollback, Scale, Start, Stop, Swap, Update, Upgrade,
    };
    match (wanted, running.kind) {
        // They are over in a moment, or final.
        (_, Swap | Delete) => false,
        (Rollback, Upgrade) => !running.is_past_return(),
        (Rollback, Update | Scale) => true,
        (Delete, Deploy | Update | Scale | Upgrade | Rollback | Recycle | Stop | Start | Recover) => true,
        _ => running.yields(),
    }
}

impl Unit {
    /// Claims it for an operation. A delete and a roll-back end what runs, and everything ends what has only its result to wait
    /// for.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::OperationRunning`], and [`RefusalCode::WrongState`] when it does not run.
    pub(crate) async fn claim(
        self: &Arc<Self>,
        host: &Arc<Host>,
        kind: OperationKind,
    ) -> Result<Claim, Refusal> {
        self.claim_with(host, kind, None).await
    }

    /// Claims it for an operation that has claimed another deployment already, or that was begun before the host was started.
    pub(crate) async fn claim_for(
        self: &Arc<Self>,
        host: &Arc<Host>,
        same: &Arc<Running>,
    ) -> Result<Claim, Refusal> {
        self.claim_with(host, same.kind, Some(same)).await
    }

    async fn claim_with(
        self: &Arc<Self>,
        host: &Arc<Host>,
        kind: OperationKind,
        same: Option<&Arc<Running>>,
    ) -> Result<Claim, Refusal> {
        loop {
            let running = match self.try_claim(host, kind, same)? {
                Ok(claim) => {
                    // Whoever deletes it makes room.
                    if kind != OperationKind::Delete {
                        self.catch_up().await?;
                    }
                    return Ok(claim);
                }
                Err(running) => running,
            };
            if !may_interrupt(kind, &running) {
                return Err(running.in_the_way());
            }
            running.give_up(GiveUp::For(kind));
            running.over().await;
        }
    }

    fn try_claim(
        self: &Arc<Self>,
        host: &Arc<Host>,
        kind: OperationKind,
        same: Option<&Arc<Running>>,
    ) -> Result<Result<Claim, Arc<Running>>, Refusal> {
        let (id, who, now) = (host.next_operation(), self.who(), self.now());
        let mut state = self.state();
        // Under the lock: a host that closes looks at what runs after it has said so.
        host.still_open()?;
        // Only what brings it back, and its end.
        if !matches!(kind, OperationKind::Recover | OperationKind::Delete) && same.is_none() {
            host.has_recovered()?;
        }
        if let Some(running) = &state.operation {
            return Ok(Err(Arc::clone(running)));
        }
        // What a host before this one had begun is brought to an end by the start itself.
        if same.is_none() || !matches!(state.phase, Phase::Starting) {
            refuse_in(&state.phase, kind, &who.to_string())?;
        }
        let operation = same.cloned().unwrap_or_else(|| {
            let (tenant, deployment) = (self.tenant.clone(), self.id.clone());
            Arc::new(Running::new(About { id, kind, tenant, who, deployment, begun: now }, "begins"))
        });
        state.operation = Some(Arc::clone(&operation));
        state.since = now;
        drop(state);
        let (host, unit) = (Arc::clone(host), Arc::clone(self));
        Ok(Ok(Claim { host, unit, operation, begun: false, ended: false }))
    }

    /// An operation that a host before this one had begun, as one of this host.
    pub(crate) fn resumed(&self, id: OperationId, kind: OperationKind, begun: Timestamp) -> Arc<Running> {
        let (tenant, who, deployment) = (self.tenant.clone(), self.who(), self.id.clone());
        Arc::new(Running::new(About { id, kind, tenant, who, deployment, begun }, "is brought to an end"))
    }
}

/// What cannot be done to a deployment in this phase.
fn refuse_in(phase: &Phase, kind: OperationKind, who: &str) -> Result<(), Refusal> {
    use OperationKind::{Delete, Deploy, Recover};
    let refusal = match (phase, kind) {
        (Phase::Starting, Deploy | Recover | Delete) | (Phase::Running, _) => return Ok(()),
        (Phase::Failed { untouchable: false, .. }, Delete | Recover | OperationKind::Start) => return Ok(()),
        (Phase::Starting, _) => wrong_state(format!("{who} is not there yet"), "wait until it has started"),
        (Phase::Deleting, _) => wrong_state(format!("{who} is being deleted"), "wait until it is gone"),
        (Phase::Failed { why, untouchable }, _) => {
            let hint = match (untouchable, &why.hint) {
                (true, Some(hint)) => hint.clone(),
                (true, None) => "mend what is on the disk, and start the host again".to_owned(),
                (false, _) => "mend the cause and `start` it, or `delete` it".to_owned(),
            };
            wrong_state(format!("{who} does not run: {}", why.message), hint)
        }
    };
    Err(refusal)
}

fn wrong_state(message: String, hint: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::WrongState, message).hint(hint)
}

impl Claim {
    /// Nothing can be refused any more: from now on the operation is known.
    pub(crate) fn begin(&mut self) -> Operation {
        self.begun = true;
        self.host.operations.add(&self.operation);
        let kind = self.operation.kind;
        let told = Told::new("operation", format!("{kind} begins"));
        self.unit.tells(self.named(told).with("state", "running"));
        self.operation.now()
    }

    /// It is over.
    pub(crate) fn end(mut self, end: End) {
        self.ends(end);
    }

    fn ends(&mut self, end: End) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let kind = self.operation.kind;
        let told = Told::new("operation", format!("{kind} is {}: {}", end.state, end.message));
        self.unit.tells(self.named(told).with("state", end.state.name()));
        self.free();
        self.operation.ends(self.unit.now(), end);
    }

    /// The claim of a second deployment of the same operation.
    pub(crate) fn release(mut self) {
        self.ended = true;
        self.free();
    }

    fn named(&self, told: Told) -> Told {
        told.with("operation", self.operation.id.to_string())
            .with("operation_kind", self.operation.kind.name())
    }

    fn free(&self) {
        let now = self.unit.now();
        let mut state = self.unit.state();
        let ours = state.operation.as_ref().is_some_and(|running| Arc::ptr_eq(running, &self.operation));
        if ours {
            state.operation = None;
            state.since = now;
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if self.begun {
            let why = internal("the operation broke off", &"its task is gone");
            self.ends(End::failed(why));
        } else {
            self.ended = true;
            self.free();
            self.host.operations.forget(&self.operation);
            // Others may wait for its end.
            let refused = Refusal::new(RefusalCode::Interrupted, "it was refused");
            self.operation.ends(self.unit.now(), End::failed(refused));
        }
    }
}
