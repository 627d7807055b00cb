//! Why a deployment is not upgraded.

use wasm_roles_service_plan::{InstanceId, NotInPlace, PlanError, Port, RoleName};

use crate::change::ChangeError;
use crate::publish::PublishError;
use crate::start_error::{Problem, StartError};

/// Why a deployment is not upgraded. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpgradeError {
    /// The new definition changes what cannot change in place.
    #[error("{}", sentences(.0))]
    NotInPlace(Vec<NotInPlace>),
    /// The plan was not made for this deployment.
    #[error(
        "{instance} runs at another address than in the new plan; finish the change that was begun before, if there is one, and \
         plan this one after it, with `plan_after`"
    )]
    Moved {
        /// The first one that would move.
        instance: InstanceId,
    },
    /// The plan was made after another one than what runs.
    #[error("{instance} would get the address of {owner}, which still runs; plan it after the one that runs")]
    AddressTaken {
        /// A new instance.
        instance: InstanceId,
        /// Who has its address.
        owner: InstanceId,
    },
    /// The new generation cannot be started: files, components, variables, names.
    #[error(transparent)]
    CannotStart(#[from] StartError),
    /// The certificates that the new configuration needs are not there.
    #[error(transparent)]
    Certificates(Box<ChangeError>),
    /// Public ports that are new cannot listen.
    #[error("{}", sentences(.0))]
    Publish(Vec<PublishError>),
    /// TLS of a public port that stays would end in the host instead of in the role, or the other way round.
    #[error(
        "TLS at public port {port} (endpoint {endpoint} of role {role}) would end somewhere else than now, and during the \
         walk nobody could say where; give the endpoint another public port, or deploy it to the other slot and swap"
    )]
    TlsMoves {
        /// The public port.
        port: Port,
        /// The role.
        role: RoleName,
        /// The endpoint.
        endpoint: String,
    },
    /// The instances of before and after have no traffic policy together.
    #[error("the traffic policy for the time of the upgrade cannot be made")]
    Policy(#[source] PlanError),
    /// A change of the configuration was begun and not finished.
    #[error("a change of the configuration was begun and not finished; finish it first, or take it back")]
    ChangeBegun,
    /// Another upgrade was begun and not finished.
    #[error("another upgrade was begun and not finished; finish it first, or roll it back")]
    UpgradeBegun,
    /// There is nothing to take back.
    #[error(
        "no upgrade was begun that could be rolled back; to go back after a finished one, upgrade to what ran before"
    )]
    NothingBegun,
}

impl UpgradeError {
    /// What the user can do about it, one hint for each of its sentences that has one.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NotInPlace(against) => against.iter().map(NotInPlace::hint).collect(),
            Self::CannotStart(error) => error.problems().iter().filter_map(Problem::hint).collect(),
            Self::Publish(errors) => errors.iter().map(PublishError::hint).collect(),
            _ => Vec::new(),
        }
    }
}

fn sentences(errors: &[impl ToString]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
