//! A deployment that somebody else has started gets other files: what lies in its folders now, and another definition if there is
//! one. There is no package, so nothing is kept: whoever has started it has the files, and a finished renewal cannot be rolled back.

use std::sync::Arc;

use tokio::sync::oneshot;
use wasm_roles_control_interface::{Operation, OperationKind, Refusal};
use wasm_roles_fabric::CertificateOptions;
use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::upgrade::Upgrade;
use wasm_roles_service_plan::{Placement, in_place};

use super::adopt::Adopted;
use super::update::{self, Wanted, admit, intend, running};
use super::upgrade::{self, Step, not_in_place};
use super::{apart, blocking, rollback};
use crate::operations::Running;
use crate::record::{Configuration, Target};
use crate::sources::Sources;
use crate::unit::{Claim, Unit};

/// What a deployment is renewed with.
#[derive(Debug)]
pub struct Renewal {
    /// Another definition with its configuration. None: those that run, as they were last changed.
    pub sources: Option<Sources>,
    /// Where the components lie. They are read anew.
    pub approots: Approots,
    /// Where certificates are. None: as before; the folder is read again.
    pub certificates: Option<CertificateOptions>,
}

impl Adopted {
    /// Leads the instances whose roles have changed to what lies in their folders now, one upgrade domain after the other, and waits
    /// until that is over. Others run on. Dropping the future does not end the operation.
    ///
    /// # Errors
    ///
    /// What cannot be begun: another operation runs, a definition with errors, changes that are not possible in place, a component
    /// that cannot be loaded. Then nothing has changed. What becomes of one that has begun is in the operation.
    pub async fn renew(&self, renewal: Renewal) -> Result<Operation, Refusal> {
        let claim = self.claim(OperationKind::Upgrade);
        self.carry_out(async move { begin(claim.await?, renewal).await }).await
    }

    /// Gives the instances another configuration, as [`update`](super::Controller::update) does, and waits until that is over.
    ///
    /// # Errors
    ///
    /// As [`renew`](Self::renew).
    pub async fn update(&self, name: String, text: String) -> Result<Operation, Refusal> {
        let (claim, wanted) = (self.claim(OperationKind::Update), Configuration { name, text });
        self.carry_out(async move { update::begin(claim.await?, Wanted::Configuration(wanted)).await }).await
    }

    /// Takes back what is under way or was broken off, and waits until that is over; none when there is nothing to take back.
    ///
    /// # Errors
    ///
    /// Another operation runs that cannot be ended.
    pub async fn take_back(&self) -> Result<Option<Operation>, Refusal> {
        let is_begun = |unit: &Unit| unit.record().is_some_and(|record| record.begun.is_some());
        if self.unit().operation().is_none() && !is_begun(self.unit()) {
            return Ok(None);
        }
        let claim = self.claim(OperationKind::Rollback);
        let (tell, told) = oneshot::channel();
        let taken_back = self.carry_out(async move {
            let claim = claim.await?;
            if !is_begun(&claim.unit) {
                // It has come to its end meanwhile. What was done before it is not to be undone.
                let _ = tell.send(());
                return Ok(claim.operation.now());
            }
            rollback::begin(claim, None).await
        });
        let taken_back = taken_back.await?;
        Ok(told.await.is_err().then_some(taken_back))
    }

    fn claim(&self, kind: OperationKind) -> impl Future<Output = Result<Claim, Refusal>> + Send + use<> {
        let (host, unit) = (Arc::clone(self.host()), Arc::clone(self.unit()));
        async move { unit.claim(&host, kind).await }
    }

    /// Begins an operation, and waits for its end.
    async fn carry_out(
        &self,
        begin: impl Future<Output = Result<Operation, Refusal>> + Send + 'static,
    ) -> Result<Operation, Refusal> {
        let begun = apart(begin).await?;
        let unit = self.unit();
        let known = self.host().operations.find(&unit.tenant, &unit.service, begun.id);
        let Some(known) = known else { return Ok(begun) };
        known.over().await;
        Ok(Running::now(&known))
    }
}

async fn begin(mut claim: Claim, renewal: Renewal) -> Result<Operation, Refusal> {
    let (seen, record) = running(&claim)?;
    let before = record.current.clone();
    let step = blocking("the service cannot be read", move || {
        let Renewal { sources, approots, certificates } = renewal;
        let (sources, configuration, counts) = match sources {
            Some(sources) => (Arc::new(sources), None, Default::default()),
            None => (Arc::clone(&seen.sources), before.configuration, before.counts),
        };
        let (model, _) = sources.model(configuration.as_ref(), &counts)?;
        let plan = Arc::new(sources.plan_after(&seen.plan, &model)?);
        in_place(&seen.plan, &plan).map_err(|against| not_in_place(&against))?;
        let upgrade = Upgrade { certificates, ..Upgrade::new(Arc::clone(&plan), approots) };
        let revision = before.revision.saturating_add(1);
        let target = Target { revision, configuration, counts, placement: Placement::of(&plan) };
        Ok(Step { target, plan, sources, upgrade, rules: seen.rules, options: seen.options, previous: None })
    })
    .await?;
    admit(&claim, &step.plan)?;
    intend(&claim, &record, Some(step.target.clone())).await?;
    let begun = claim.begin();
    tokio::spawn(upgrade::run(claim, step));
    Ok(begun)
}
