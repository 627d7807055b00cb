//! The instances of a deployment, each under a supervisor of its own. They come and go while it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use wasm_roles_role_runtime::End;
use wasm_roles_service_plan::{InstanceId, Plan, PlannedInstance};

use crate::change::Orders;
use crate::departures::Departures;
use crate::deployment::StoppedInstance;
use crate::lifecycle::Wish;
use crate::status_board::{Seat, StatusBoard};
use crate::supervisor::{Launcher, Reins, Rest, Supervisor};

/// Orders that wait for a supervisor. There is one change at a time, so two are many.
const ORDERS: usize = 2;

/// The instances that live: from their start until they have stopped.
pub(crate) struct Instances {
    living: BTreeMap<InstanceId, Living>,
    orders: Orders,
    board: StatusBoard,
    supervisors: JoinSet<StoppedInstance>,
}

struct Living {
    planned: PlannedInstance,
    seat: Seat,
    wish: watch::Sender<Wish>,
    rest: watch::Receiver<Rest>,
    task: Id,
}

impl Instances {
    /// None yet.
    pub(crate) fn new(board: StatusBoard) -> Self {
        Self { living: BTreeMap::new(), orders: Orders::new(), board, supervisors: JoinSet::new() }
    }

    /// Puts an instance under the supervisor that `supervisor` makes, with this wish. The generation is that of what it runs; `since` is the time
    /// now, for the board.
    pub(crate) fn start<L: Launcher>(
        &mut self,
        planned: &PlannedInstance,
        (seat, since): (Seat, Duration),
        (generation, wish): (u32, Wish),
        supervisor: impl FnOnce(Reins) -> Supervisor<L>,
    ) {
        let (wish, wished) = watch::channel(wish);
        let (order, orders) = mpsc::channel(ORDERS);
        let (rests, rest) = watch::channel(Rest::No);
        self.board.enter(seat, planned.id.clone(), generation, since);
        let reins = Reins { wish: wished, orders, rest: rests };
        let (instance, supervisor) = (planned.id.clone(), supervisor(reins));
        let supervised = async move { StoppedInstance { instance, end: supervisor.supervise().await } };
        let task = self.supervisors.spawn(supervised).id();
        self.orders.insert(planned.id.clone(), order);
        self.living.insert(planned.id.clone(), Living { planned: planned.clone(), seat, wish, rest, task });
    }

    pub(crate) fn planned(&self) -> impl Iterator<Item = &PlannedInstance> {
        self.living.values().map(|living| &living.planned)
    }

    pub(crate) fn get(&self, instance: &InstanceId) -> Option<&PlannedInstance> {
        self.living.get(instance).map(|living| &living.planned)
    }

    /// Those who live are what this plan says from now on.
    pub(crate) fn replan(&mut self, plan: &Plan) {
        for planned in &plan.instances {
            if let Some(living) = self.living.get_mut(&planned.id) {
                living.planned = planned.clone();
            }
        }
    }

    pub(crate) const fn orders(&self) -> &Orders {
        &self.orders
    }

    /// Waits until the instance was Ready once; for ever when it does not live.
    pub(crate) async fn came_up(&self, instance: &InstanceId) {
        match self.living.get(instance) {
            Some(living) => self.board.came_up(living.seat).await,
            None => std::future::pending().await,
        }
    }

    /// Asks these instances to stop: each leaves the rotation, is asked to stop, and is cut off when its stop budget is over.
    pub(crate) fn ask_to_stop<'a>(&self, instances: impl IntoIterator<Item = &'a InstanceId>) {
        for living in instances.into_iter().filter_map(|instance| self.living.get(instance)) {
            living.wish.send_replace(Wish::Stop);
        }
    }

    /// Those who rest, or will when they have stopped.
    pub(crate) fn at_rest(&self) -> impl Iterator<Item = &InstanceId> {
        let at_rest = self.living.iter().filter(|(_, living)| *living.wish.borrow() == Wish::Rest);
        at_rest.map(|(instance, _)| instance)
    }

    /// Asks these instances to stop until they are wanted again. Those that stop for good do so.
    pub(crate) fn ask_to_rest<'a>(&self, instances: impl IntoIterator<Item = &'a InstanceId>) {
        self.wish_instead(instances, Wish::Run, Wish::Rest);
    }

    /// Wants these instances again.
    pub(crate) fn want_again<'a>(&self, instances: impl IntoIterator<Item = &'a InstanceId>) {
        self.wish_instead(instances, Wish::Rest, Wish::Run);
    }

    fn wish_instead<'a>(
        &self,
        instances: impl IntoIterator<Item = &'a InstanceId>,
        before: Wish,
        after: Wish,
    ) {
        for living in instances.into_iter().filter_map(|instance| self.living.get(instance)) {
            living.wish.send_if_modified(|wish| {
                let modified = *wish == before;
                if modified {
                    *wish = after;
                }
                modified
            });
        }
    }

    /// Waits until an instance that was asked to rest does so, and gives the end of the incarnation that was running; none when
    /// there was none, or when it is gone.
    pub(crate) async fn rested(&self, instance: &InstanceId) -> Option<End> {
        let mut rest = self.living.get(instance)?.rest.clone();
        match rest.wait_for(|rest| *rest != Rest::No).await.ok()?.clone() {
            Rest::Yes(end) => end,
            Rest::No => None,
        }
    }

    /// Waits for all that were asked to stop, and takes them off the status board. Dropping the future loses nobody: who has
    /// stopped is among the departures at once, and for the others it can be called again.
    pub(crate) async fn stopped(&mut self, departures: &mut Departures) {
        let asked = |living: &&Living| matches!(*living.wish.borrow(), Wish::Stop | Wish::Kill);
        let mut asked: BTreeSet<InstanceId> =
            self.living.values().filter(asked).map(|living| living.planned.id.clone()).collect();
        while !asked.is_empty() {
            let Some(next) = self.next_stopped().await else { break };
            if let Some(living) = self.living.remove(&next.instance) {
                self.board.leave(living.seat);
            }
            self.orders.remove(&next.instance);
            asked.remove(&next.instance);
            departures.add(next);
        }
    }

    /// Stops everybody, and cuts off those who have not stopped when `impatience` is over. Nothing of theirs runs when this
    /// returns. The status board keeps them.
    pub(crate) async fn stop_all(mut self, impatience: impl Future<Output = ()>) -> Vec<StoppedInstance> {
        self.ask_to_stop(self.living.keys());
        let mut impatience = pin!(impatience);
        let mut patient = true;
        let mut stopped = Vec::with_capacity(self.living.len());
        loop {
            tokio::select! {
                biased;
                () = &mut impatience, if patient => {
                    patient = false;
                    for living in self.living.values() {
                        living.wish.send_replace(Wish::Kill);
                    }
                }
                next = self.next_stopped() => match next {
                    Some(next) => stopped.push(next),
                    None => return stopped,
                },
            }
        }
    }

    /// The next one whose supervisor has ended.
    async fn next_stopped(&mut self) -> Option<StoppedInstance> {
        loop {
            match self.supervisors.join_next().await? {
                Ok(stopped) => return Some(stopped),
                // A supervisor that failed has dropped its instance, which is as good as stopped.
                Err(failed) => {
                    let living = self.living.values().find(|living| living.task == failed.id());
                    if let Some(living) = living {
                        return Some(StoppedInstance { instance: living.planned.id.clone(), end: None });
                    }
                }
            }
        }
    }
}
