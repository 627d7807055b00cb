//! Upgrading a deployment in place: other components, another definition, another configuration, one upgrade domain after the
//! other (facts: sections 7.6 and 7.7).
//!
//! ```text
//! Upgrade ─► prepare ─────► arrive ─► walk 0 ─► walk 1 ─► … ─► settle
//!            all that can   │         │ gate    │ gate          there is no way back
//!            be refused     ▼         ▼         ▼
//!            is tried       └─────────┴─────────┴──► take back: the walked domains, last one first
//! ```
//!
//! # The order
//!
//! 1. Everything that can be refused is tried: the [rules](wasm_roles_service_plan::in_place) of what may change in place, the
//!    folders, sites and components of all roles, the certificates, the sockets of public ports that are new. Up to here an error
//!    changes nothing.
//! 2. The network gets a policy of both definitions: what either allows is allowed until the upgrade is over. Public ports
//!    whose TLS ends here do so with the certificates of the new configuration.
//! 3. Instances that are new start, all at the same time, and must be Ready.
//! 4. The walk. The instances of a domain leave the rotation, hear `stopping` and `on-stop`, have the stop budget for it, and start
//!    again: with the new component, settings, limits, local stores and topology. They hear no other event. What they have stored
//!    stays, unless their role gets another `vmsize`.
//! 5. The gate: everybody who was walked so far is Ready at one moment, within the time that the upgrade has for a domain. That time
//!    begins when the last instance of the domain has begun to start. An instance that was recycled [`CYCLING`] times in a row
//!    closes the gate at once, since it is not starting but cycling (facts: section 7.3). Those of the domain who answered a probe
//!    of the load balancer before have to answer it again.
//! 6. Behind the last gate there is no way back. Instances that are in the new plan no more stop, public ports that are gone
//!    close, the network gets the policy of the new definition, and the stores of those who are gone are removed.
//!
//! When a gate stays closed, and when somebody says so, the walked domains are taken back to what they ran before, the last one
//! first, and instances that had come stop. That is done to the end, also when instances do not become Ready there.
//!
//! Instances of roles in which nothing has changed run on ([`kept`], facts: section 7.6). They are of the old generation until
//! there is no way back, and of the new one from then on: it is the same for them.
//!
//! A store that had grown keeps what is in it when the upgrade is taken back. If that is more than the old size, it takes nothing more
//! until it has room again; the platform refused such a roll-back (facts: section 7.5). An instance that is stopped loses what it has
//! stored for another `vmsize` when it starts again, unless the host was started anew before that.
//!
//! # Public ports
//!
//! | a port | is served |
//! |---|---|
//! | that is as before, or leads to another local port | all the time, by the instances of both generations, each where its own definition says |
//! | that is new, or that another role or instance gets | by the new one from the first gate on behind which one of its instances is; on the way back by the old one, as soon as one of its instances is led back |
//! | that is gone | by the old generation, until the upgrade is over |
//! | that has another time-out or distribution, or begins or ceases to have a probe | as before until the upgrade is over |
//! | that has another path or port in its probe | all the time; each instance is tried as its own definition says |
//!
//! Where TLS ends cannot change at a port that stays ([`UpgradeError::TlsMoves`]).
//!
//! # Unfinished
//!
//! The future of an upgrade can be dropped. The deployment runs on with instances of two generations, and [`Deployment::upgrade`]
//! with the same plan goes on where it was, [`Deployment::roll_back`] takes it back. Until then there is no change of the configuration.
//!
//! [`Deployment::upgrade`]: crate::Deployment::upgrade
//! [`Deployment::roll_back`]: crate::Deployment::roll_back

mod answered;
mod begun;
mod error;
mod gate;
mod kept;
mod ports;
mod prepare;
mod route;
mod run;
mod take_back;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use wasm_roles_service_plan::{InstanceId, Plan};

pub(crate) use answered::Answered;
pub(crate) use begun::Begun;
pub use error::UpgradeError;

use crate::approot::Approots;
use crate::certificates::CertificateOptions;
use crate::change::Arrival;
use crate::deployment::{StoppedInstance, WebOptions};
use crate::lifecycle::Status;
use crate::publish::Publication;
use crate::status_board::Recycled;

/// How long the instances of a domain may take to become Ready, unless it is said otherwise (facts: section 7.6).
pub const DEFAULT_HEALTH: Duration = Duration::from_secs(30 * 60);

/// Recycles in a row after which an instance counts as cycling. They take half a minute at least.
pub const CYCLING: u32 = 5;

/// What a deployment shall be upgraded to.
#[derive(Debug)]
pub struct Upgrade {
    /// A plan that was made [after](wasm_roles_service_plan::plan_after) the one that [runs](crate::Deployment::plan).
    pub plan: Arc<Plan>,
    /// Where the components of the new generation lie.
    pub approots: Approots,
    /// Where public ports that are new listen. None: as the deployment's own says. Ports that are open stay where they are.
    pub publication: Option<Publication>,
    /// Where certificates of the new generation are, and where TLS ends. None: as before; the folder is read again.
    pub certificates: Option<CertificateOptions>,
    /// How long instances of the new generation may take to stop. None: as before.
    pub stop_budget: Option<Duration>,
    /// How the web servers of the new generation work. None: as before.
    pub web: Option<WebOptions>,
    /// Who says when the next domain is walked.
    pub pace: Pace,
    /// How long the instances of each domain may take to become Ready.
    pub health: Duration,
}

impl Upgrade {
    /// An upgrade that walks by itself, with [`DEFAULT_HEALTH`].
    #[must_use]
    pub const fn new(plan: Arc<Plan>, approots: Approots) -> Self {
        Self {
            plan,
            approots,
            publication: None,
            certificates: None,
            stop_budget: None,
            web: None,
            pace: Pace::Auto,
            health: DEFAULT_HEALTH,
        }
    }
}

/// Who says when the next domain is walked.
#[derive(Debug)]
pub enum Pace {
    /// The next one is walked when the gate behind the one before is passed.
    Auto,
    /// Each number that comes in is a domain that is walked. Those that have no instances or are walked already are skipped. When
    /// nobody can say a number any more, the upgrade is taken back.
    Manual(mpsc::Receiver<u32>),
}

/// What came of an upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeSummary {
    /// Whether the new generation runs or the old one.
    pub outcome: UpgradeOutcome,
    /// The domains that were walked, in that order, whether they were taken back or not.
    pub walked: Vec<u32>,
    /// Instances that were new, in the order of the plan. After a roll-back they are among the `removed`.
    pub added: Vec<(InstanceId, Arrival)>,
    /// Instances that are gone, in the order in which they stopped.
    pub removed: Vec<StoppedInstance>,
    /// Instances that stay and were not touched, in the order of the plan: nothing has changed for them.
    pub kept: Vec<InstanceId>,
}

/// Which generation runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpgradeOutcome {
    /// The new one.
    Done,
    /// The old one, everywhere.
    RolledBack(RolledBack),
}

/// Why an upgrade was taken back. `Display` completes "the upgrade was taken back, because".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RolledBack {
    /// A gate stayed closed.
    Unhealthy {
        /// The domain that was walked last; none: no domain was, since the new instances did not become Ready.
        domain: Option<u32>,
        /// Those who were not Ready, at least one.
        instances: Vec<Unhealthy>,
    },
    /// Somebody wanted it so.
    Asked,
}

impl fmt::Display for RolledBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("somebody asked for it"),
            Self::Unhealthy { domain, instances } => {
                match domain {
                    Some(domain) => write!(f, "behind upgrade domain {domain} not everybody was Ready: ")?,
                    None => f.write_str("the new instances were not Ready: ")?,
                }
                let instances: Vec<String> = instances.iter().map(Unhealthy::to_string).collect();
                f.write_str(&instances.join("; "))
            }
        }
    }
}

/// An instance that was not Ready. `Display` is a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unhealthy {
    /// The instance.
    pub instance: InstanceId,
    /// Where it was instead.
    pub status: Status,
    /// Its last recycle in this generation, if there was one.
    pub recycled: Option<Recycled>,
    /// The probe of the load balancer that it did not answer, and did before.
    pub unanswered: Option<String>,
}

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { instance, status, recycled, unanswered } = self;
        if let Some(probe) = unanswered {
            return write!(f, "{instance} was {status}, and did not answer probe {probe}");
        }
        match recycled {
            Some(recycled) => write!(f, "{instance} was {status}, and {recycled}"),
            None => write!(f, "{instance} was {status}"),
        }
    }
}
