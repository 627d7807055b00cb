//! What to do with a deployment that a host has left behind. Pure.
//!
//! | what was begun | it is | because |
//! |---|---|---|
//! | nothing | brought back as it was | |
//! | deploy | finished | its package is on the disk, and whoever sent it was told so |
//! | update, scale | finished: it starts with what is new | every instance starts anew, and nothing is mixed |
//! | upgrade | taken back: it starts with what was there before | not every health gate has seen the new components |
//! | upgrade whose last gate is passed | finished: the record says that what is new runs | there was no way back |
//! | roll-back | finished: it starts with what it goes back to | |
//! | stop, start, recycle | finished: who is stopped is in the record | |
//! | swap | done or not begun | the slots are in one file |
//! | delete | finished, it is not even decided here | whoever deleted it was told so |

use wasm_roles_control_interface::{OperationId, OperationKind, OperationState, Timestamp};

use super::{DeploymentRecord, Target};

/// What becomes of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// What is started.
    pub(crate) start: Target,
    /// What a roll-back goes back to from then on.
    pub(crate) previous: Option<Target>,
    /// What becomes of the operation that was begun.
    pub(crate) ended: Option<Ended>,
}

/// How an operation ended that a host before this one had begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) id: OperationId,
    pub(crate) kind: OperationKind,
    pub(crate) begun: Timestamp,
    /// [`Done`](OperationState::Done) or [`RolledBack`](OperationState::RolledBack), if the start succeeds.
    pub(crate) state: OperationState,
}

pub(crate) fn decide(record: &DeploymentRecord) -> Decision {
    let (current, previous) = (record.current.clone(), record.previous.clone());
    let Some(begun) = &record.begun else {
        return Decision { start: current, previous, ended: None };
    };
    let ended = |state| Some(Ended { id: begun.id, kind: begun.kind, begun: begun.at, state });
    match (begun.kind, &begun.target) {
        // All upgrade domains were walked: what it leads to is what runs.
        (OperationKind::Upgrade, Some(target)) if target.revision == current.revision => {
            Decision { start: current, previous, ended: ended(OperationState::Done) }
        }
        (OperationKind::Upgrade, _) => {
            Decision { start: current, previous, ended: ended(OperationState::RolledBack) }
        }
        // There is nothing before what was back to.
        (OperationKind::Rollback, Some(target)) => {
            Decision { start: target.clone(), previous: None, ended: ended(OperationState::Done) }
        }
        (_, Some(target)) => {
            Decision { start: target.clone(), previous: Some(current), ended: ended(OperationState::Done) }
        }
        (_, None) => Decision { start: current, previous, ended: ended(OperationState::Done) },
    }
}
