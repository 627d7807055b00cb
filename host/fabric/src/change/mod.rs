//! Changing the configuration of a deployment that runs: settings, certificates, and how many instances its roles have.
//!
//! ```text
//! living instances, new Plan ─► Turnover: who comes, stays, goes
//! old Plan, new Plan ─────────► Difference ─► steps ─► for each step: an order to each supervisor, then wait for all
//! ```
//!
//! An instance hears `changing` with the old values, then `changed` with the new ones; if it refuses, it is recycled and
//! starts with the new ones (facts: section 7.5). The walk goes on when every instance of an upgrade domain has
//! reacted; one that is being recycled has [`READY_AGAIN`] for it (facts: section 7.6), and has to answer the probes of the load
//! balancer again that it answered before.
//!
//! # Certificates
//!
//! Another thumbprint in the configuration, a new one, or one that is gone recycles the instances of the role: each leaves
//! the rotation, hears `stopping` and `on-stop`, and starts again with the new files; it hears neither `changing` nor
//! `changed`, and cannot refuse (facts: section 7.1). They take their turn in the same walk. When settings or topology
//! change with it, that one recycle serves all of it: they hear nothing of these either, and find the new values in
//! `on-start`. Only what `Blast` tells to everybody at once they hear as well.
//!
//! The folder with certificates is read again at such a change, and at no other: it is thumbprints that change, not files. An
//! instance that runs keeps the files that it has until its own recycle, and so does an incarnation that follows one that
//! failed before its turn.
//!
//! Where TLS ends does not change while a deployment runs: a public port could not say which instance of those that
//! are recycled one after the other ends it. What would move it is refused ([`ChangeError::TlsMoves`]).
//!
//! # The order
//!
//! 1. Everything that can be refused is tried: the plan is checked, the certificates are found and copied, the public ports of
//!    new instances are bound. Up to here an error changes nothing.
//! 2. The network gets a policy that has those who come and those who go. Public ports whose TLS ends here do so with
//!    the new certificates: handshakes that begin from now on. Connections that are there stay.
//! 3. New instances start, with the new settings and topology, all at the same time, and their public ports open. The change
//!    waits until each was Ready once, at most [`READY_AGAIN`]: who is told of an instance can connect to it.
//! 4. The walk. Those who stay are told or recycled, and see the new topology from `changed` on: nobody is left who would look for an
//!    instance that stops.
//! 5. Those who go stop, all at the same time: their public ports close, they leave the rotation, hear `stopping` and
//!    `on-stop`, and have the stop budget for it. They hear nothing of the change.
//! 6. The network gets the new policy, and the local stores of those who are gone are removed.
//!
//! A change that was begun and not finished, because its future was dropped, leaves a deployment that runs and can be
//! stopped. The next change finishes it or takes it back: it looks at who lives, and tells everybody what
//! could be news. Nothing of it is forgotten: who had stopped already is in the next summary and its stores are removed, the
//! policy becomes that of the next plan, and who had new settings keeps them until it gets others.

mod difference;
mod order;
mod run;
mod turnover;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wasm_roles_service_plan::{InstanceId, Plan, PlanError, Port, RoleName};

pub(crate) use difference::{Difference, How};
pub use order::{Missed, Reaction};
pub(crate) use order::{Order, Renewal, What};
pub(crate) use turnover::Turnover;
pub(crate) use walk::{Balanced, Orders, walk};

use crate::certificates::{CertificateError, FolderError, NotProvided, Provision};
use crate::deployment::StoppedInstance;
use crate::publish::PublishError;
use crate::view::Views;

/// How long a change waits for an instance that is started or recycled, before it goes on without it (facts: section 7.6).
pub const READY_AGAIN: Duration = Duration::from_secs(30 * 60);

/// A configuration cannot be changed while the deployment runs. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// More than the configuration is different: the two plans come from different definitions.
    #[error("the new configuration is for another service definition")]
    Definition,
    /// The plan was not made for this deployment.
    #[error(
        "{instance} runs at another address than in the new plan; finish the change that was begun before, if there is one, and \
         plan this one after it, with `plan_after`"
    )]
    Moved {
        /// The first one that would move.
        instance: InstanceId,
    },
    /// What a machine of its size has does not change while it runs.
    #[error(
        "{instance} runs with other limits than in the new plan; override the new plan's as those of the one that runs"
    )]
    Limits {
        /// The first one that would have other limits.
        instance: InstanceId,
    },
    /// The plan was made after another one than what runs, for example after a change that was not finished.
    #[error(
        "{instance} would get the address of {owner}, which still runs; finish the change that was begun before, and plan \
         this one after it"
    )]
    AddressTaken {
        /// A new instance.
        instance: InstanceId,
        /// Who has its address and leaves.
        owner: InstanceId,
    },
    /// The instances of before and after have no traffic policy together.
    #[error("the traffic policy for the time of the change cannot be made")]
    Policy(#[source] PlanError),
    /// Public ports of new instances cannot listen.
    #[error("{}", sentences(errors))]
    Publish {
        /// At least one.
        errors: Vec<PublishError>,
    },
    /// The folder with certificates, which was read again, cannot be used.
    #[error(transparent)]
    CertificateFolder(#[from] FolderError),
    /// Certificates that the new configuration needs are not there.
    #[error("{}", sentences(errors))]
    Certificates {
        /// At least one. Each says what can be done about it.
        errors: Vec<CertificateError>,
    },
    /// The copies of certificates that roles see cannot be made.
    #[error("certificates cannot be shown to roles: {}: {reason}", file.display())]
    CertificatesNotShown {
        /// The file or folder.
        file: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// An upgrade was begun and not finished.
    #[error("an upgrade was begun and not finished; finish it, or roll it back")]
    UpgradeBegun,
    /// TLS of a public port would end in the host instead of in the role, or the other way round.
    #[error(
        "TLS at public port {port} (https endpoint {endpoint} of role {role}) would end somewhere else, because its \
         certificate is added or removed; stop the service and start it with the new configuration"
    )]
    TlsMoves {
        /// The public port.
        port: Port,
        /// The role.
        role: RoleName,
        /// The endpoint.
        endpoint: String,
    },
}

impl From<NotProvided> for ChangeError {
    fn from(error: NotProvided) -> Self {
        match error {
            NotProvided::Missing(errors) => Self::Certificates { errors },
            NotProvided::NotShown(file, error) => {
                Self::CertificatesNotShown { file, reason: error.to_string() }
            }
        }
    }
}

fn sentences(errors: &[impl ToString]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The plan whose settings an instance has.
pub(crate) type SettingsOf = BTreeMap<InstanceId, Arc<Plan>>;

/// What each instance has after a step of the walk.
pub(crate) struct Renewals<'a> {
    /// The new instances with settings of before.
    between: Vec<Between>,
    new: &'a Views,
    provision: &'a Arc<Provision>,
}

/// The new instances, as those see them who have the settings of an earlier plan.
struct Between {
    settings: Arc<Plan>,
    /// Who has them; the first are also of all others.
    instances: BTreeSet<InstanceId>,
    views: Views,
}

impl<'a> Renewals<'a> {
    /// Everybody has the settings of `old`, but for those who are `ahead`: of them, a change that was not finished has made the
    /// settings new. The last pair is what instances are told of the deployment: its id, and whether it is emulated.
    pub(crate) fn new(
        (old, ahead): (&Arc<Plan>, &SettingsOf),
        new: &'a Views,
        (deployment_id, emulated): (&str, bool),
        provision: &'a Arc<Provision>,
    ) -> Self {
        let view = |settings: &Arc<Plan>| Between {
            settings: Arc::clone(settings),
            instances: BTreeSet::new(),
            views: Views::new(Arc::new(with_settings(new.plan(), settings)), deployment_id, emulated),
        };
        let mut between = vec![view(old)];
        for (instance, settings) in ahead {
            if !between.iter().any(|known| Arc::ptr_eq(&known.settings, settings)) {
                between.push(view(settings));
            }
            if let Some(known) = between.iter_mut().find(|known| Arc::ptr_eq(&known.settings, settings)) {
                known.instances.insert(instance.clone());
            }
        }
        Self { between, new, provision }
    }

    pub(crate) fn of(&self, instance: &InstanceId, how: How) -> Option<Renewal> {
        let has = |between: &&Between| between.instances.contains(instance);
        let (views, provision) = match how {
            How::InTurn => (self.new, Some(Arc::clone(self.provision))),
            How::AtOnce => {
                let between = self.between.iter().find(has).or_else(|| self.between.first())?;
                (&between.views, None)
            }
        };
        let environment = Arc::new(views.of(instance)?);
        Some(Renewal { plan: Arc::clone(views.plan()), environment, provision, version: None })
    }
}

/// The instances of `new` with the settings of another plan.
fn with_settings(new: &Plan, settings: &Plan) -> Plan {
    let mut plan = Plan::clone(new);
    for role in &mut plan.roles {
        role.settings = settings.role(&role.name).map(|role| role.settings.clone()).unwrap_or_default();
    }
    plan
}

/// How the instances took a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSummary {
    /// Instances that were told or recycled, in that order. Those that it does not concern are missing.
    pub instances: Vec<(InstanceId, Reaction)>,
    /// Instances that are new, in the order of the plan.
    pub added: Vec<(InstanceId, Arrival)>,
    /// Instances that are gone, in the order in which they stopped; also those that stopped for a change before this one that was
    /// begun and not finished.
    pub removed: Vec<StoppedInstance>,
}

/// How a new instance started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It was Ready before anybody else was told of it.
    Ready,
    /// It was not Ready in time. It is still being tried.
    NotReadyYet,
}
