//! [`Deployment::change`], step by step as the [module](super) has it.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};
use wasm_roles_service_plan::{InstanceId, Plan, PlannedInstance, PublicPort};
use wasm_roles_virtual_network::Policy;

use super::{
    Arrival, Balanced, ChangeError, ChangeSummary, Difference, How, READY_AGAIN, Renewals, Turnover, walk,
};
use crate::certificates::Provision;
use crate::checks;
use crate::deployment::Deployment;
use crate::progress::{WalkKind, WalkPhase};
use crate::publish::{self, Bound};
use crate::starter::spoken_by;
use crate::upgrade::Answered;

impl Deployment {
    /// Changes the configuration while the service runs, to that of `new`: a plan of the same service definition, made
    /// [after](wasm_roles_service_plan::plan_after) the one that [runs](Self::plan).
    ///
    /// New instances start first. Then each instance that stays and that the change concerns hears `changing` and `changed`,
    /// one upgrade domain after the other; those that refuse are recycled (facts: section 7.5), and so are those whose role
    /// has other certificates, which hear nothing of it (facts: section 7.1). Under
    /// `topologyChangeDiscovery="Blast"` all hear of instances that come and go at the same time, and cannot refuse. Last,
    /// the instances that `new` does not have are stopped, and their local stores removed. The
    /// [module](crate::change) has the order in full.
    ///
    /// This returns when all have reacted; an instance that is started or recycled is waited for until it is Ready, at
    /// most [`READY_AGAIN`]. If the future is dropped before, the deployment is somewhere between the two
    /// configurations and runs on; another call, with this plan or with the one before, finishes the change or takes it back.
    /// Nothing is forgotten meanwhile: instances that had stopped already are in the summary of that call, or of the stop.
    ///
    /// # Errors
    ///
    /// See [`ChangeError`]. Then nothing was changed.
    pub async fn change(&mut self, new: Arc<Plan>) -> Result<ChangeSummary, ChangeError> {
        // Those that a change before this one has asked to stop, and has not waited for.
        self.settle_upgrade().await;
        if self.upgrading.is_some() {
            return Err(ChangeError::UpgradeBegun);
        }
        self.let_go().await;
        let turnover = Turnover::between(self.instances.planned(), &new)?;
        let difference = self.difference(&new)?;
        let steps = difference.steps(&new, &turnover.staying);
        let provision = if difference.has_certificates() { Some(self.provide(&new).await?) } else { None };
        let beside = self.policy_beside(&new, &turnover)?;
        let bound = self.bind_missing(&new).await?;

        let of_steps = steps.iter().flat_map(|step| step.notices.iter().map(|notice| &notice.instance));
        let domain = |instance: &InstanceId| Some((instance.clone(), new.instance(instance)?.update_domain));
        self.progress.begin(WalkKind::Change, of_steps.filter_map(domain));
        self.begun.push(Arc::clone(&new));
        if let Some(beside) = beside {
            self.starter.common.network.set_policy(beside);
            self.beside = true;
        }
        if let Some(provision) = provision {
            let generation = Arc::clone(&self.starter.generation);
            self.ports.end_tls_with(&provision, |public| spoken_by(&generation, &public.role));
            self.starter.provide(Arc::new(provision));
        }
        let (views, generation) = (self.starter.views(&new), Arc::clone(&self.starter.generation));
        self.starter.start(&views, &generation, &turnover.coming, &mut self.instances);
        let coming = turnover.coming.iter().map(|instance| (instance.id.clone(), Arc::clone(&new)));
        self.ahead.extend(coming);
        self.starter.open(&new, &generation, bound, &mut self.ports);
        let added = self.arrivals(&turnover.coming).await;
        let told_of_it = (self.starter.common.deployment_id.as_str(), self.starter.options.emulated);
        let renewals = Renewals::new((&self.plan, &self.ahead), &views, told_of_it, &self.starter.provision);
        let (orders, ahead) = (self.instances.orders(), &mut self.ahead);
        let ordered = |instance: &InstanceId, how| {
            if how == How::InTurn {
                ahead.insert(instance.clone(), Arc::clone(&new));
            }
        };
        self.progress.phase(WalkPhase::Walking);
        let renewal = |instance: &InstanceId, how| renewals.of(instance, how);
        let boards = self.starter.board.boards();
        let answered = |id: &InstanceId| {
            new.instance(id).map(|instance| Answered::of(instance, &self.ports)).unwrap_or_default()
        };
        let balanced = Balanced { answered, boards: &boards };
        let told = walk(orders, steps, renewal, ordered, &self.progress, balanced).await;
        self.progress.phase(WalkPhase::Finishing);
        self.ports.close_all_but(&new.public).await;
        self.instances.ask_to_stop(&turnover.leaving);
        self.instances.stopped(&mut self.departures).await;
        if std::mem::take(&mut self.beside) {
            self.starter.common.network.set_policy(Arc::clone(&new.policy));
        }
        self.plan = new;
        self.begun.clear();
        self.ahead.clear();
        self.let_go().await;
        self.progress.phase(WalkPhase::Done);
        Ok(ChangeSummary { instances: told, added, removed: self.departures.tell() })
    }

    /// Waits for all that were asked to stop, and removes what they have stored.
    pub(crate) async fn let_go(&mut self) {
        self.instances.stopped(&mut self.departures).await;
        self.departures.remove_stores(&self.starter.options.data_folder).await;
    }

    /// What could be news for somebody.
    fn difference(&self, new: &Plan) -> Result<Difference, ChangeError> {
        let mut difference = Difference::between(&self.plan, new)?;
        for begun in &self.begun {
            difference = difference.and(Difference::between(begun, new)?);
        }
        Ok(difference)
    }

    /// Finds the certificates that the plan wants, in the folder as it is now.
    async fn provide(&mut self, new: &Arc<Plan>) -> Result<Provision, ChangeError> {
        self.edition = self.edition.next();
        let provision = checks::provide_anew(new, &self.starter.options, self.edition).await?;
        match provision.moves_tls(&self.starter.provision, &new.public) {
            Some(PublicPort { port, role, endpoint, .. }) => {
                let (port, role, endpoint) = (*port, role.clone(), endpoint.clone());
                Err(ChangeError::TlsMoves { port, role, endpoint })
            }
            None => Ok(provision),
        }
    }

    /// The policy for those who come and those who go; none when everybody stays, since the policy stays too.
    fn policy_beside(&self, new: &Plan, turnover: &Turnover) -> Result<Option<Arc<Policy>>, ChangeError> {
        if turnover.is_empty() {
            return Ok(None);
        }
        let leaving = turnover.leaving.iter().filter_map(|instance| self.instances.get(instance));
        new.policy_beside(leaving).map(Some).map_err(ChangeError::Policy)
    }

    /// Binds the public ports that are not open yet.
    async fn bind_missing(&self, new: &Plan) -> Result<Bound, ChangeError> {
        let mut missing = Plan::clone(new);
        missing.public = self.ports.missing(&new.public).cloned().collect();
        let bound = publish::bind(&missing, &self.starter.options.publication).await;
        bound.map_err(|errors| ChangeError::Publish { errors })
    }

    /// Waits until new instances were Ready once.
    async fn arrivals(&self, coming: &[PlannedInstance]) -> Vec<(InstanceId, Arrival)> {
        let deadline = Instant::now() + READY_AGAIN;
        let mut arrivals = Vec::with_capacity(coming.len());
        for instance in coming {
            let came_up = timeout_at(deadline, self.instances.came_up(&instance.id)).await;
            let arrival = came_up.map_or(Arrival::NotReadyYet, |()| Arrival::Ready);
            arrivals.push((instance.id.clone(), arrival));
        }
        arrivals
    }
}
