//! The walk: gives the orders of each step, and waits for what comes of them.

use std::collections::BTreeMap;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};
use wasm_roles_service_plan::InstanceId;

use super::difference::{How, News, Notice, Step};
use super::{Order, READY_AGAIN, Reaction, Renewal, What};
use crate::progress::{DomainState, Tracker};
use crate::status_board::Board;
use crate::upgrade::Answered;

/// Where the supervisors of a deployment take orders.
pub(crate) type Orders = BTreeMap<InstanceId, mpsc::Sender<Order>>;

/// What the load balancer knows of instances: which probes each of them answers now, and how they stand.
pub(crate) struct Balanced<'a, F: Fn(&InstanceId) -> Vec<Answered>> {
    pub(crate) answered: F,
    pub(crate) boards: &'a watch::Receiver<Board>,
}

impl<F: Fn(&InstanceId) -> Vec<Answered>> Balanced<'_, F> {
    /// Waits until those who were started again answer the probes that they have answered before. Who does not in time is not
    /// Ready again, as far as clients can tell.
    async fn again(&self, answered: Vec<Answered>, told: &mut [(InstanceId, Reaction)]) {
        let started = |answered: &Answered| {
            let of_instance = |(id, reaction): &(InstanceId, Reaction)| {
                id == answered.instance() && *reaction == Reaction::Recycled
            };
            told.iter().any(of_instance)
        };
        let answered = answered.into_iter().filter(started).collect();
        let silent = Answered::again(answered, READY_AGAIN, self.boards).await.err().unwrap_or_default();
        for (instance, reaction) in told {
            if silent.iter().any(|silent| silent.instance == *instance) {
                *reaction = Reaction::NotReadyAgain;
            }
        }
    }
}

/// Goes through the steps. `renewal` gives what an instance has after a step: for [`How::AtOnce`] its settings stay. `ordered`
/// hears of each order that was given.
pub(crate) async fn walk<F: Fn(&InstanceId) -> Vec<Answered>>(
    orders: &Orders,
    steps: Vec<Step>,
    renewal: impl Fn(&InstanceId, How) -> Option<Renewal>,
    mut ordered: impl FnMut(&InstanceId, How),
    progress: &Tracker,
    balanced: Balanced<'_, F>,
) -> Vec<(InstanceId, Reaction)> {
    let mut told = Vec::new();
    for Step { how, domain, notices } in steps {
        let renewed = |notice: &Notice| renewal(&notice.instance, how);
        let mut ordered = |instance: &InstanceId| {
            progress.told(instance);
            ordered(instance, how);
        };
        if let Some(domain) = domain {
            progress.domain(domain, DomainState::Walking);
        }
        let answered: Vec<Answered> =
            notices.iter().flat_map(|notice| (balanced.answered)(&notice.instance)).collect();
        let reactions = match how {
            How::InTurn => {
                let what = |notice: &Notice| match notice.news {
                    News::Told(_) => What::Change,
                    News::Recycle => What::Recycle,
                };
                let what = |notice: &Notice| renewed(notice).map(what(notice));
                let reacted = |instance: &InstanceId, reaction| progress.reacted(instance, reaction);
                tell(orders, &notices, what, &mut ordered, reacted).await
            }
            How::AtOnce => {
                let announced = tell(orders, &notices, |_| Some(What::Announce), |_| {}, |_, _| {}).await;
                let what = |notice: &Notice| renewed(notice).map(What::Announced);
                let made = tell(orders, &notices, what, &mut ordered, |_, _| {}).await;
                announced.into_iter().zip(made).map(|(first, second)| first_missed(first, second)).collect()
            }
        };
        let mut of_step: Vec<(InstanceId, Reaction)> =
            notices.into_iter().map(|notice| notice.instance).zip(reactions).collect();
        balanced.again(answered, &mut of_step).await;
        if let Some(domain) = domain {
            progress.domain(domain, DomainState::Walked);
        }
        told.extend(of_step);
    }
    told
}

/// Tells all of them at the same time.
async fn tell(
    orders: &Orders,
    notices: &[Notice],
    what: impl Fn(&Notice) -> Option<What>,
    mut ordered: impl FnMut(&InstanceId),
    reacted: impl Fn(&InstanceId, Reaction),
) -> Vec<Reaction> {
    let mut replies = Vec::with_capacity(notices.len());
    for notice in notices {
        let (reply, replied) = oneshot::channel();
        if let (Some(orders), Some(what)) = (orders.get(&notice.instance), what(notice)) {
            let changes = match &notice.news {
                News::Told(changes) => changes.clone(),
                News::Recycle => Vec::new(),
            };
            let order = Order { what, changes, reply };
            // A supervisor that is gone drops it, which says that the instance is stopped.
            let _ = orders.send(order).await;
            ordered(&notice.instance);
        }
        replies.push(replied);
    }
    let deadline = Instant::now() + READY_AGAIN;
    let mut reactions = Vec::with_capacity(replies.len());
    for (notice, reply) in notices.iter().zip(replies) {
        let reaction = match timeout_at(deadline, reply).await {
            Ok(Ok(reaction)) => reaction,
            Ok(Err(_)) => Reaction::Stopped,
            Err(_) => Reaction::NotReadyAgain,
        };
        reacted(&notice.instance, reaction);
        reactions.push(reaction);
    }
    reactions
}

/// What counts of two phases: the worse one.
fn first_missed(first: Reaction, second: Reaction) -> Reaction {
    match (first, second) {
        (Reaction::Changed { missed: Some(missed) }, Reaction::Changed { missed: None }) => {
            Reaction::Changed { missed: Some(missed) }
        }
        (_, second) => second,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::difference::Difference;
    use crate::change::{Renewals, SettingsOf};
    use crate::status_board::StatusBoard;
    use crate::test_plans::plan_with;
    use crate::view::Views;
    use std::sync::Arc;
    use tokio::sync::mpsc::Receiver;
    use wasm_roles_role_runtime::Change;
    use wasm_roles_service_plan::Plan;

    /// Two instances in two upgrade domains.
    fn plan(attributes: &str, depth: &str) -> Plan {
        plan_with(
            attributes,
            r#"<WorkerRole name="W"><ConfigurationSettings><Setting name="Depth" /></ConfigurationSettings></WorkerRole>"#,
            &format!(
                r#"<Role name="W"><Instances count="2" /><ConfigurationSettings>
                   <Setting name="Depth" value="{depth}" /></ConfigurationSettings></Role>"#
            ),
        )
    }

    struct Walked {
        orders: Vec<Receiver<Order>>,
        told: tokio::task::JoinHandle<Vec<(InstanceId, Reaction)>>,
    }

    fn walked(steps: Vec<Step>, old: &Plan, new: Plan) -> Walked {
        let (mut instances, mut orders) = (Orders::new(), Vec::new());
        for instance in &new.instances {
            let (order, ordered) = mpsc::channel(1);
            instances.insert(instance.id.clone(), order);
            orders.push(ordered);
        }
        let old = old.clone();
        let told = tokio::spawn(async move {
            let new = Views::new(Arc::new(new), "d", true);
            let provision = Arc::default();
            let ahead = SettingsOf::new();
            let renewals = Renewals::new((&Arc::new(old), &ahead), &new, ("d", true), &provision);
            let progress = Tracker::default();
            let boards = StatusBoard::new().boards();
            let balanced = Balanced { answered: |_: &InstanceId| Vec::new(), boards: &boards };
            let renewal = |instance: &InstanceId, how| renewals.of(instance, how);
            walk(&instances, steps, renewal, |_, _| {}, &progress, balanced).await
        });
        Walked { orders, told }
    }

    fn changed_settings() -> Walked {
        let (old, new) = (plan("", "1"), plan("", "2"));
        let staying = old.instances.iter().map(|instance| instance.id.clone()).collect();
        let steps = Difference::between(&old, &new).unwrap().steps(&new, &staying);
        walked(steps, &old, new)
    }

    const FINE: Reaction = Reaction::Changed { missed: None };

    fn reactions(told: &[(InstanceId, Reaction)]) -> Vec<Reaction> {
        told.iter().map(|(_, reaction)| *reaction).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn an_upgrade_domain_waits_for_the_one_before_it() {
        let mut walked = changed_settings();
        let first = walked.orders[0].recv().await.unwrap();
        assert!(matches!(&first.what, What::Change(renewal) if renewal.environment.settings["Depth"] == "2"));
        assert_eq!(first.changes, [Change::ConfigurationSetting("Depth".to_owned())]);
        tokio::time::sleep(READY_AGAIN / 2).await;
        assert!(walked.orders[1].try_recv().is_err());
        first.reply.send(Reaction::Recycled).unwrap();
        walked.orders[1].recv().await.unwrap().reply.send(FINE).unwrap();
        assert_eq!(reactions(&walked.told.await.unwrap()), [Reaction::Recycled, FINE]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_recycled_gets_the_new_certificates_and_is_waited_for() {
        let (old, new) = (plan("", "1"), plan("", "2"));
        let step = |instance: &wasm_roles_service_plan::PlannedInstance| Step {
            how: How::InTurn,
            domain: Some(instance.update_domain),
            notices: vec![Notice { instance: instance.id.clone(), news: News::Recycle }],
        };
        let mut walked = walked(new.instances.iter().map(step).collect(), &old, new);
        let first = walked.orders[0].recv().await.unwrap();
        assert!(matches!(&first.what, What::Recycle(renewal)
            if renewal.environment.settings["Depth"] == "2" && renewal.provision.is_some()));
        assert_eq!(first.changes, []);
        tokio::time::sleep(READY_AGAIN / 2).await;
        assert!(walked.orders[1].try_recv().is_err(), "the upgrade domain before it is not Ready again");
        first.reply.send(Reaction::Recycled).unwrap();
        walked.orders[1].recv().await.unwrap().reply.send(Reaction::NotRunning).unwrap();
        assert_eq!(reactions(&walked.told.await.unwrap()), [Reaction::Recycled, Reaction::NotRunning]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_walk_goes_on_without_an_instance_that_is_not_ready_again_in_time_or_that_is_stopped() {
        let mut walked = changed_settings();
        let begun = Instant::now();
        let first = walked.orders[0].recv().await.unwrap();
        drop(walked.orders[1].recv().await.unwrap());
        assert_eq!(begun.elapsed(), READY_AGAIN);
        assert_eq!(reactions(&walked.told.await.unwrap()), [Reaction::NotReadyAgain, Reaction::Stopped]);
        drop(first);
    }

    #[tokio::test(start_paused = true)]
    async fn at_once_everybody_hears_of_a_change_before_anybody_has_it_and_settings_stay() {
        let (old, new) = (plan("", "1"), plan("", "2"));
        let notice = |instance: &wasm_roles_service_plan::PlannedInstance| Notice {
            instance: instance.id.clone(),
            news: News::Told(vec![Change::Topology("W".to_owned())]),
        };
        let step =
            Step { how: How::AtOnce, domain: None, notices: new.instances.iter().map(notice).collect() };
        let mut walked = walked(vec![step], &old, new);
        let first = walked.orders[0].recv().await.unwrap();
        let second = walked.orders[1].recv().await.unwrap();
        assert!(matches!((&first.what, &second.what), (What::Announce, What::Announce)));
        first.reply.send(FINE).unwrap();
        tokio::time::sleep(READY_AGAIN / 2).await;
        assert!(walked.orders[0].try_recv().is_err(), "the other one has not heard of it");
        second.reply.send(FINE).unwrap();
        for orders in &mut walked.orders {
            let order = orders.recv().await.unwrap();
            assert!(matches!(&order.what, What::Announced(renewal)
                    if renewal.environment.settings["Depth"] == "1" && renewal.provision.is_none()));
            order.reply.send(FINE).unwrap();
        }
        assert_eq!(reactions(&walked.told.await.unwrap()), [FINE, FINE]);
    }
}
