//! Everything of an upgrade that can be refused is tried here, and nothing is changed.

use std::sync::Arc;

use wasm_roles_service_plan::{Plan, PlannedInstance, PublicPort, in_place};
use wasm_roles_virtual_network::Policy;

use super::begun::Stage;
use super::kept::{self, Side};
use super::ports::{PortWork, Sorted};
use super::route::Route;
use super::{Begun, Pace, Upgrade, UpgradeError};
use crate::certificates::Provision;
use crate::change::{ChangeError, Turnover};
use crate::copies::Copies;
use crate::deployment::{Deployment, DeploymentOptions};
use crate::publish::{self, Bound};
use crate::start_error::StartError;
use crate::version::Generation;
use crate::{checks, components, contents, overlap, sites};

impl Deployment {
    /// What can be begun, the policy for the time until it is over, and the pace of it.
    pub(super) async fn prepare(
        &mut self,
        upgrade: Upgrade,
    ) -> Result<(Box<Begun>, Arc<Policy>, Pace), UpgradeError> {
        if !self.begun.is_empty() {
            return Err(UpgradeError::ChangeBegun);
        }
        let Upgrade { plan, approots, publication, certificates, stop_budget, web, pace, health } = upgrade;
        let changes = in_place(&self.plan, &plan).map_err(UpgradeError::NotInPlace)?;
        let turnover = Turnover::of_upgrade(self.instances.planned(), &plan).map_err(not_after)?;
        let leaving = turnover.leaving.iter().filter_map(|instance| self.instances.get(instance));
        let policy = plan.policy_between(&self.plan, leaving).map_err(UpgradeError::Policy)?;

        // One before this that was dropped may still copy.
        std::mem::replace(&mut self.copies, Copies::new()).give_up().await;
        self.last_generation = self.last_generation.saturating_add(1);
        let before = self.starter.options.clone();
        let mut options = DeploymentOptions {
            approots,
            publication: publication.clone().unwrap_or(before.publication),
            certificates: certificates.unwrap_or(before.certificates),
            stop_budget: stop_budget.unwrap_or(before.stop_budget),
            web: web.unwrap_or(before.web),
            ..before
        };
        let prepared = self.generation_of(&plan, &mut options, publication.is_some()).await;
        let rest = match prepared {
            Ok(generation) => self.provision_and_ports(&plan, &options).await.map(|rest| (generation, rest)),
            Err(error) => Err(error.into()),
        };
        let (mut generation, (provision, bound, sorted)) = match rest {
            Ok(rest) => rest,
            Err(error) => {
                let (data, number) = (&options.data_folder, self.last_generation);
                remove_folders(contents::folders(data, number, &options.approots)).await;
                return Err(error);
            }
        };
        let views = self.starter.views(&plan);
        let before = Side {
            views: &self.starter.views(&self.plan),
            generation: &self.starter.generation,
            provision: &self.starter.provision,
        };
        let after = Side { views: &views, generation: &generation, provision: &provision };
        let untouched = kept::roles(&before, &after, &turnover.staying, &changes.loses_data).await;
        untouched.iter().for_each(|role| generation.take_over(role, &self.starter.generation));
        let stays = |instance: &&PlannedInstance| turnover.staying.contains(&instance.id);
        let (kept, changing): (Vec<&PlannedInstance>, Vec<&PlannedInstance>) =
            plan.instances.iter().filter(stays).partition(|instance| untouched.contains(&instance.role));
        options.approots.clone_from(&generation.approots);
        let begun = Begun {
            generation: Arc::new(generation),
            views,
            provision: Arc::new(provision),
            provision_before: Arc::clone(&self.starter.provision),
            publication,
            options,
            health,
            loses_data: changes.loses_data.into_iter().collect(),
            route: Route::through(changing.into_iter().map(|instance| instance.update_domain)),
            kept: kept.into_iter().map(|instance| instance.id.clone()).collect(),
            led: std::collections::BTreeSet::new(),
            ports: PortWork::new(bound, sorted),
            added: Vec::new(),
            stage: Stage::Leading,
            turnover,
            plan,
        };
        Ok((Box::new(begun), policy, pace))
    }

    /// Finds and loads what the roles run.
    async fn generation_of(
        &self,
        plan: &Arc<Plan>,
        options: &mut DeploymentOptions,
        publication_is_new: bool,
    ) -> Result<Generation, StartError> {
        checks::check(plan, options, publication_is_new)?;
        overlap::check(plan, options).await?;
        let (number, copies) = (self.last_generation, &self.copies);
        contents::gather(plan, &mut options.approots, &options.data_folder, number, copies).await?;
        let sites = sites::open(plan, &options.approots).await?;
        let components =
            components::load(&self.runtime, plan, &options.approots, sites, options.clock).await?;
        Ok(Generation::new(number, plan, options, components))
    }

    /// Finds the certificates as they are now, and binds the ports that are new.
    async fn provision_and_ports(
        &mut self,
        plan: &Arc<Plan>,
        options: &DeploymentOptions,
    ) -> Result<(Provision, Bound, Sorted), UpgradeError> {
        self.edition = self.edition.next();
        let provision = checks::provide_anew(plan, options, self.edition).await;
        let provision = provision.map_err(|error| UpgradeError::Certificates(Box::new(error)))?;
        let open: Vec<PublicPort> = self.published().iter().map(|open| open.public.clone()).collect();
        if let Some(PublicPort { port, role, endpoint, .. }) =
            tls_moves(&open, &self.starter.provision, &plan.public, &provision)
        {
            let (port, role, endpoint) = (*port, role.clone(), endpoint.clone());
            return Err(UpgradeError::TlsMoves { port, role, endpoint });
        }
        let sorted = Sorted::of(open.iter(), &plan.public);
        let mut missing = Plan::clone(plan);
        missing.public.clone_from(&sorted.new);
        let bound = publish::bind(&missing, &options.publication).await.map_err(UpgradeError::Publish)?;
        Ok((provision, bound, sorted))
    }
}

/// Removes the folders of a generation that does not run. What cannot be removed stays until the next start.
pub(super) async fn remove_folders(folders: Vec<std::path::PathBuf>) {
    let removal = move || folders.iter().for_each(|folder| drop(crate::removal::remove_tree(folder)));
    // An error only when the tokio runtime shuts down.
    let _ = tokio::task::spawn_blocking(removal).await;
}

/// The first port of the new plan that is open and whose TLS ends somewhere else than now.
fn tls_moves<'a>(
    open: &[PublicPort],
    before: &Provision,
    new: &'a [PublicPort],
    after: &Provision,
) -> Option<&'a PublicPort> {
    let ends = |provision: &Provision, public: &PublicPort| {
        provision.acceptor(&public.role, &public.endpoint).is_some()
    };
    new.iter().find(|public| {
        let same = |open: &&PublicPort| (open.port, open.transport) == (public.port, public.transport);
        open.iter().find(same).is_some_and(|open| ends(before, open) != ends(after, public))
    })
}

/// Why a plan was not made after the one that runs.
fn not_after(error: ChangeError) -> UpgradeError {
    match error {
        ChangeError::Moved { instance } => UpgradeError::Moved { instance },
        ChangeError::AddressTaken { instance, owner } => UpgradeError::AddressTaken { instance, owner },
        other => UpgradeError::Certificates(Box::new(other)),
    }
}
