//! Taking an upgrade back: [`Deployment::roll_back`], and what an upgrade does that cannot be finished.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use wasm_roles_service_plan::{InstanceId, PlannedInstance, PublicPort};

use super::begun::Stage;
use super::gate::Gate;
use super::prepare::remove_folders;
use super::run::replace;
use super::{Begun, RolledBack, UpgradeError, UpgradeOutcome, UpgradeSummary};
use crate::change::Renewal;
use crate::contents;
use crate::deployment::Deployment;
use crate::progress::{DomainState, WalkPhase};
use crate::starter::spoken_by;
use crate::status_board::InstanceStatus;
use crate::view::Views;

/// How long a roll-back waits for instances to become Ready, in all domains together: what runs is what ran before, and Ready or
/// not it is tried on.
const LED_BACK: Duration = Duration::from_secs(5 * 60);

impl Deployment {
    /// Takes back an upgrade whose future was dropped: the old generation runs everywhere when this returns. One that was being
    /// taken back already is so to the end.
    ///
    /// If this future is dropped, another call goes on with it.
    ///
    /// # Errors
    ///
    /// [`UpgradeError::NothingBegun`]: there is none, or it is behind its last gate.
    pub async fn roll_back(&mut self) -> Result<UpgradeSummary, UpgradeError> {
        self.settle_upgrade().await;
        self.turn_back(RolledBack::Asked);
        self.take_back().await.ok_or(UpgradeError::NothingBegun)
    }

    /// From here on it goes back, if it was not going there before.
    pub(super) fn turn_back(&mut self, because: RolledBack) {
        if let Some(begun) = self.upgrading.as_mut().filter(|begun| begun.stage == Stage::Leading) {
            begun.stage = Stage::TakingBack(because);
        }
    }

    /// Leads everybody back to the old generation, the last domain first, and stops who has come; none when there is nothing to
    /// take back.
    pub(super) async fn take_back(&mut self) -> Option<UpgradeSummary> {
        let begun = self.upgrading.as_mut()?;
        let Stage::TakingBack(because) = &begun.stage else { return None };
        let (because, health, stop_budget) = (because.clone(), begun.health, begun.options.stop_budget);
        let domains: Vec<u32> = begun.route.entered().iter().rev().copied().collect();
        let (plan, generation) = (Arc::clone(&self.plan), Arc::clone(&self.starter.generation));
        self.progress.phase(WalkPhase::RollingBack);
        self.starter.provide(Arc::clone(&begun.provision_before));
        begun.ports.turn_back(&plan, &self.ports);
        self.open_old_ports();
        let spoken = |public: &PublicPort| spoken_by(&generation, &public.role);
        self.ports.end_tls_with(&self.starter.provision, spoken);
        self.ports.close_all_but(&plan.public).await;

        let (views, bound) = (self.starter.views(&plan), Instant::now() + LED_BACK);
        for domain in domains {
            self.progress.domain(domain, DomainState::Walking);
            let back = self.lead_back(domain, &views).await;
            let health = health.min(bound.saturating_duration_since(Instant::now()));
            let gate = Gate { instances: &back, generation: generation.number, health, stop_budget };
            // Who does not become Ready is tried on, as before the upgrade.
            let ready = |one: &InstanceStatus| self.progress.taken_back(&one.instance);
            let _ = gate.passed(self.starter.board.boards(), ready).await;
            back.iter().for_each(|instance| self.progress.taken_back(instance));
            self.progress.domain(domain, DomainState::TakenBack);
            self.open_old_ports();
        }

        let begun = self.upgrading.as_mut()?;
        begun.ports.settle((&plan, &generation), &self.starter, &mut self.ports);
        let coming: Vec<InstanceId> = begun.turnover.coming.iter().map(|one| one.id.clone()).collect();
        self.instances.ask_to_stop(&coming);
        self.instances.stopped(&mut self.departures).await;
        self.starter.common.network.set_policy(Arc::clone(&plan.policy));
        self.starter.forget_roles_but(&plan);
        let (data, new) = (&self.starter.options.data_folder, &self.upgrading.as_deref()?.generation);
        remove_folders(contents::folders(data, new.number, &new.approots)).await;
        self.let_go().await;
        let begun = self.upgrading.take()?;
        self.progress.phase(WalkPhase::RolledBack);
        Some(self.summary(UpgradeOutcome::RolledBack(because), *begun))
    }

    /// Opens ports for those of the old generation who run it.
    fn open_old_ports(&mut self) {
        let (plan, generation) = (&self.plan, &self.starter.generation);
        let Some(begun) = self.upgrading.as_deref_mut() else { return };
        let Begun { ports, led, .. } = begun;
        let instances = plan.instances.iter().filter(|instance| !led.contains(&instance.id));
        ports.open_for(instances, (plan, generation), &self.starter, &mut self.ports);
    }

    /// Tells those of a domain who were led to the new generation to run the old one, and says who of the domain stays.
    async fn lead_back(&mut self, domain: u32, views: &Views) -> BTreeSet<InstanceId> {
        let Some(begun) = &mut self.upgrading else { return BTreeSet::new() };
        let stays = |instance: &&PlannedInstance| {
            let changes = begun.turnover.staying.contains(&instance.id) && !begun.kept.contains(&instance.id);
            instance.update_domain == domain && changes
        };
        let of_domain: Vec<PlannedInstance> = views.plan().instances.iter().filter(stays).cloned().collect();
        for instance in &of_domain {
            let renewal = begun.led.contains(&instance.id).then(|| {
                let generation = &self.starter.generation;
                let data = &self.starter.options.data_folder;
                Some(Renewal {
                    plan: Arc::clone(views.plan()),
                    environment: Arc::new(views.of(&instance.id)?),
                    provision: Some(Arc::clone(&self.starter.provision)),
                    version: Some(generation.version(views.plan(), instance, data, false)?),
                })
            });
            if let Some(renewal) = renewal.flatten() {
                replace(self.instances.orders(), &instance.id, renewal).await;
                self.progress.told(&instance.id);
                begun.led.remove(&instance.id);
            }
        }
        of_domain.into_iter().map(|instance| instance.id).collect()
    }
}
