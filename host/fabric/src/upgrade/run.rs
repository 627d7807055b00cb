//! [`Deployment::upgrade`], step by step as the [module](super) has it.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::oneshot;
use wasm_roles_service_plan::{InstanceId, PlannedInstance, PublicPort, RoleName};

use super::answered::Answered;
use super::begun::Stage;
use super::prepare::remove_folders;
use super::{Begun, Pace, RolledBack, Unhealthy, Upgrade, UpgradeError, UpgradeOutcome, UpgradeSummary};
use crate::change::{Arrival, Order, Orders, Reaction, Renewal, What};
use crate::contents;
use crate::deployment::Deployment;
use crate::lifecycle::Status;
use crate::progress::{DomainState, WalkKind, WalkPhase};
use crate::starter::spoken_by;
use crate::status_board::InstanceStatus;

impl Deployment {
    /// Upgrades the service while it runs, to a plan of another definition, to other components, or both. The
    /// [module](crate::upgrade) has the order in full.
    ///
    /// This returns when the new generation runs everywhere, or when the old one does again: an upgrade that cannot be finished is
    /// taken back. If the future is dropped before, the deployment runs on with instances of both;
    /// [a call with the same plan](Self::upgrade) goes on with it, and [`roll_back`](Self::roll_back) takes it back.
    ///
    /// # Errors
    ///
    /// See [`UpgradeError`]. Then nothing was changed.
    pub async fn upgrade(&mut self, upgrade: Upgrade) -> Result<UpgradeSummary, UpgradeError> {
        let goes_on = self.upgrading.as_ref().is_some_and(|begun| Arc::ptr_eq(&begun.plan, &upgrade.plan));
        if goes_on {
            return self.carry_through(upgrade.pace).await;
        }
        self.settle_upgrade().await;
        if self.upgrading.is_some() {
            return Err(UpgradeError::UpgradeBegun);
        }
        // Those that somebody else has asked to stop, and has not waited for.
        self.let_go().await;
        let (begun, policy, pace) = self.prepare(upgrade).await?;
        self.starter.common.network.set_policy(policy);
        let running = Arc::clone(&self.starter.generation);
        let both = |role: &RoleName| spoken_by(&running, role).and(spoken_by(&begun.generation, role));
        self.ports.end_tls_with(&begun.provision, |public| both(&public.role));
        self.starter.provide(Arc::clone(&begun.provision));
        self.starter.know_roles(&begun.plan);
        self.starter.start(&begun.views, &begun.generation, &begun.turnover.coming, &mut self.instances);
        let domain = |instance: &PlannedInstance| (instance.id.clone(), instance.update_domain);
        self.progress.begin(WalkKind::Upgrade, begun.changing().map(domain));
        self.upgrading = Some(begun);
        self.carry_through(pace).await
    }

    /// Goes the rest of the way, in one direction or the other.
    async fn carry_through(&mut self, mut pace: Pace) -> Result<UpgradeSummary, UpgradeError> {
        if self.is_at(&Stage::Leading) {
            match self.lead(&mut pace).await {
                Ok(()) => self.turn_over(),
                Err(because) => self.turn_back(because),
            }
        }
        let summary = match self.settle_upgrade().await {
            Some(begun) => Some(self.summary(UpgradeOutcome::Done, *begun)),
            None => self.take_back().await,
        };
        summary.ok_or(UpgradeError::NothingBegun)
    }

    /// What came of it.
    pub(super) fn summary(&mut self, outcome: UpgradeOutcome, begun: Begun) -> UpgradeSummary {
        let walked = begun.route.entered().to_vec();
        let kept = begun.kept().into_iter().map(|instance| instance.id).collect();
        UpgradeSummary { outcome, walked, added: begun.added, removed: self.departures.tell(), kept }
    }

    fn is_at(&self, stage: &Stage) -> bool {
        self.upgrading.as_ref().is_some_and(|begun| begun.stage == *stage)
    }

    /// Leads everybody to the new generation, domain by domain.
    async fn lead(&mut self, pace: &mut Pace) -> Result<(), RolledBack> {
        self.arrive().await?;
        while let Some(domain) = self.next_domain(pace).await? {
            self.progress.phase(WalkPhase::Walking);
            self.progress.domain(domain, DomainState::Walking);
            let answered = self.walk(domain).await;
            if let Err(instances) = self.pass_gate(answered).await {
                self.progress.domain(domain, DomainState::Failed);
                return Err(RolledBack::Unhealthy { domain: Some(domain), instances });
            }
            self.progress.domain(domain, DomainState::Walked);
            if let Some(begun) = &mut self.upgrading {
                begun.route.pass();
            }
            self.open_ports();
        }
        Ok(())
    }

    /// Waits until the new instances are Ready, unless somebody was led already.
    async fn arrive(&mut self) -> Result<(), RolledBack> {
        if self.upgrading.as_ref().is_none_or(|begun| !begun.route.entered().is_empty()) {
            return Ok(());
        }
        self.progress.phase(WalkPhase::Arriving);
        let passed = self.pass_gate(Vec::new()).await;
        if let Some(begun) = &mut self.upgrading {
            let late: BTreeSet<&InstanceId> =
                passed.as_ref().err().into_iter().flatten().map(|one| &one.instance).collect();
            let arrival = |instance: &PlannedInstance| {
                let is_late = late.contains(&instance.id);
                (instance.id.clone(), if is_late { Arrival::NotReadyYet } else { Arrival::Ready })
            };
            begun.added = begun.turnover.coming.iter().map(arrival).collect();
        }
        passed.map_err(|instances| RolledBack::Unhealthy { domain: None, instances })?;
        self.open_ports();
        Ok(())
    }

    /// The domain that is walked next; none when all were.
    async fn next_domain(&mut self, pace: &mut Pace) -> Result<Option<u32>, RolledBack> {
        let Some(begun) = &mut self.upgrading else { return Ok(None) };
        if let Some(unfinished) = begun.route.unfinished() {
            return Ok(Some(unfinished));
        }
        let Some(lowest) = begun.route.lowest() else { return Ok(None) };
        let orders = match pace {
            Pace::Auto => {
                begun.route.enter(lowest);
                return Ok(Some(lowest));
            }
            Pace::Manual(orders) => orders,
        };
        self.progress.phase(WalkPhase::WaitingForOperator);
        loop {
            let domain = orders.recv().await.ok_or(RolledBack::Asked)?;
            if begun.route.enter(domain) {
                return Ok(Some(domain));
            }
        }
    }

    /// Tells the instances of a domain to run the new generation, and says which probes they have answered before.
    async fn walk(&mut self, domain: u32) -> Vec<Answered> {
        let (data, mut answered) = (self.starter.options.data_folder.clone(), Vec::new());
        let Some(begun) = &mut self.upgrading else { return answered };
        for instance in begun.changing_in(domain) {
            if begun.led.contains(&instance.id) {
                continue;
            }
            let Some(renewal) = begun.renewal(&instance, &data) else { continue };
            answered.extend(Answered::of(&instance, &self.ports));
            replace(self.instances.orders(), &instance.id, renewal).await;
            self.progress.told(&instance.id);
            begun.led.insert(instance.id);
        }
        answered
    }

    /// Waits until everybody of the new generation is Ready, and answers the probes that it has answered before.
    async fn pass_gate(&self, answered: Vec<Answered>) -> Result<(), Vec<Unhealthy>> {
        let Some(begun) = &self.upgrading else { return Ok(()) };
        let instances = begun.of_new_generation();
        let ready = |one: &InstanceStatus| {
            let rests = one.status == Status::Stopped;
            let reaction = if rests { Reaction::NotRunning } else { Reaction::Recycled };
            self.progress.reacted(&one.instance, reaction);
        };
        let (boards, stop_budget) = (self.starter.board.boards(), self.starter.options.stop_budget);
        begun.gate(&instances, stop_budget).passed(boards.clone(), ready).await?;
        Answered::again(answered, begun.health, &boards).await
    }

    /// Opens the new ports of those who are behind a gate.
    fn open_ports(&mut self) {
        let Some(begun) = &mut self.upgrading else { return };
        let of_new = begun.of_new_generation();
        let Begun { plan, generation, ports, .. } = &mut **begun;
        let instances = plan.instances.iter().filter(|instance| of_new.contains(&instance.id));
        ports.open_for(instances, (plan, generation), &self.starter, &mut self.ports);
    }

    /// From here on there is no way back.
    fn turn_over(&mut self) {
        let Some(begun) = &mut self.upgrading else { return };
        begun.stage = Stage::Settling;
        self.plan = Arc::clone(&begun.plan);
        let before = std::mem::replace(&mut self.starter.generation, Arc::clone(&begun.generation));
        // From now on this one is what has to be forgotten.
        begun.generation = before;
        let (options, new) = (&mut self.starter.options, &begun.options);
        options.approots.clone_from(&new.approots);
        options.certificates.clone_from(&new.certificates);
        (options.stop_budget, options.web) = (new.stop_budget, new.web.clone());
        if let Some(publication) = begun.publication.take() {
            self.starter.options.publication = publication;
        }
        self.starter.explain_by(&begun.plan);
        self.instances.replan(&begun.plan);
        self.progress.phase(WalkPhase::Finishing);
    }

    /// Does what is left behind the last gate, if an upgrade is there.
    pub(crate) async fn settle_upgrade(&mut self) -> Option<Box<Begun>> {
        if !self.is_at(&Stage::Settling) {
            return None;
        }
        let (plan, generation) = (Arc::clone(&self.plan), Arc::clone(&self.starter.generation));
        let begun = self.upgrading.as_mut()?;
        begun.ports.settle((&plan, &generation), &self.starter, &mut self.ports);
        let spoken = |public: &PublicPort| spoken_by(&generation, &public.role);
        self.ports.end_tls_with(&self.starter.provision, spoken);
        self.ports.close_all_but(&plan.public).await;
        self.instances.ask_to_stop(&begun.turnover.leaving);
        self.instances.stopped(&mut self.departures).await;
        self.starter.common.network.set_policy(Arc::clone(&plan.policy));
        self.starter.forget_roles_but(&plan);
        self.take_along().await;
        self.forget_generation().await;
        self.let_go().await;
        let begun = self.upgrading.take()?;
        self.progress.phase(WalkPhase::Done);
        Some(begun)
    }

    /// Those who go on with what they run are of the new generation from now on.
    async fn take_along(&self) {
        let Some(begun) = self.upgrading.as_deref() else { return };
        let (data, generation) = (&self.starter.options.data_folder, &self.starter.generation);
        let mut taken = Vec::new();
        for instance in begun.kept() {
            let renewal =
                begun.views.of(&instance.id).zip(generation.version(&begun.plan, &instance, data, false));
            let Some((environment, version)) = renewal else { continue };
            let what = What::Keep(Renewal {
                plan: Arc::clone(&begun.plan),
                environment: Arc::new(environment),
                provision: Some(Arc::clone(&begun.provision)),
                version: Some(version),
            });
            let (reply, told) = oneshot::channel();
            if let Some(orders) = self.instances.orders().get(&instance.id) {
                // A supervisor that is gone has nothing that runs.
                let _ = orders.send(Order { what, changes: Vec::new(), reply }).await;
                taken.push(told);
            }
        }
        for told in taken {
            // It is taken when the supervisor has heard what it waits for, which has its own deadlines.
            let _ = told.await;
        }
    }

    /// Removes the folders of the generation that the upgrade has left behind.
    async fn forget_generation(&self) {
        let Some(begun) = self.upgrading.as_deref() else { return };
        let (data, old, new) =
            (&self.starter.options.data_folder, &begun.generation, &self.starter.generation);
        let mut folders = contents::left_behind(data, old.number, &old.approots, &new.approots);
        folders.extend(contents::not_needed(data, new.number, begun.kept().into_iter().map(|one| one.role)));
        remove_folders(folders).await;
    }
}

/// Orders an instance to run something else. Its answer is seen on the board.
pub(super) async fn replace(orders: &Orders, instance: &InstanceId, renewal: Renewal) {
    let (reply, _) = oneshot::channel();
    if let Some(orders) = orders.get(instance) {
        // A supervisor that is gone has nothing that runs.
        let _ = orders.send(Order { what: What::Replace(renewal), changes: Vec::new(), reply }).await;
    }
}
