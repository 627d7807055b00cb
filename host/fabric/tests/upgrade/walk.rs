//! The walk through the upgrade domains.

use std::time::Duration;

use tokio::time::Instant;
use wasm_roles_fabric::change::Arrival;
use wasm_roles_fabric::progress::{DomainState, InstanceStep};
use wasm_roles_fabric::{Status, Upgrade, UpgradeOutcome, WalkKind, WalkPhase};

use crate::bed::{Bed, role, service};

#[tokio::test(start_paused = true)]
async fn one_domain_after_the_other_stops_and_starts_with_what_is_new() {
    let mut bed = Bed::ready(service([role("Web", 3), role("Back", 1)])).await;
    bed.said.clear();
    let summary = bed.upgrade_to(service([role("Web", 3).depth(2), role("Back", 1).depth(2)])).await;

    assert_eq!(summary.outcome, UpgradeOutcome::Done);
    assert_eq!((summary.walked, summary.added, summary.removed), (vec![0, 1], vec![], vec![]));
    assert_eq!(
        bed.statuses(),
        ["Web_IN_0 Ready 2", "Web_IN_1 Ready 2", "Web_IN_2 Ready 2", "Back_IN_0 Ready 2"]
    );
    assert_eq!(bed.deployment.generation(), 2);
    // Web_IN_1 alone is in the second domain.
    let begins = bed.positions("Web_IN_1 is Recycling")[0];
    for first in ["Web_IN_0", "Web_IN_2", "Back_IN_0"] {
        assert!(bed.positions(&format!("{first} is Ready"))[0] < begins, "{:#?}", bed.said);
        for words in ["stopping [] depth=1", "on-stop [] depth=1", "on-start [] depth=2"] {
            assert_eq!(bed.positions(&format!("{first} {words}")).len(), 1, "{words}: {:#?}", bed.said);
        }
    }
    assert_eq!(bed.positions("chang"), [0_usize; 0], "nobody hears of a change: {:#?}", bed.said);
}

#[tokio::test(start_paused = true)]
async fn the_new_component_runs_afterwards() {
    let mut bed = Bed::ready(service([role("Web", 1)])).await;
    bed.said.clear();
    bed.upgrade_to(service([role("Web", 1).guest("role-misbehave").mode("in peace")])).await;
    // The first one has no words for its mode.
    bed.hears("in peace").await;
    assert_eq!(bed.statuses(), ["Web_IN_0 Ready 2"]);
    // And once more, back to where it came from.
    bed.said.clear();
    bed.upgrade_to(service([role("Web", 1)])).await;
    bed.hears("Web_IN_0 run []").await;
    assert_eq!(bed.statuses(), ["Web_IN_0 Ready 3"]);
}

#[tokio::test(start_paused = true)]
async fn roles_and_instances_come_before_the_walk_and_go_after_it() {
    let seen = r#"<Endpoints><InternalEndpoint name="Rpc" protocol="tcp" /></Endpoints>"#;
    let rear = || role("Rear", 1).elements(seen);
    let mut bed = Bed::ready(service([role("Web", 1), role("Back", 1), rear()])).await;
    let addresses = |bed: &Bed| {
        let kept = |id: &str| {
            bed.deployment.plan().instances.iter().find(|one| one.id.as_str() == id).unwrap().address
        };
        [kept("Web_IN_0"), kept("Rear_IN_0")]
    };
    let before = addresses(&bed);
    bed.said.clear();
    let new = role("New", 2).elements(seen).mode("list run");
    let summary = bed.upgrade_to(service([new, role("Web", 2).mode("list run"), rear()])).await;

    let added: Vec<(&str, Arrival)> =
        summary.added.iter().map(|(instance, arrival)| (instance.as_str(), *arrival)).collect();
    let ready = ["New_IN_0", "New_IN_1", "Web_IN_1"].map(|instance| (instance, Arrival::Ready));
    assert_eq!(added, ready);
    let removed: Vec<&str> = summary.removed.iter().map(|stopped| stopped.instance.as_str()).collect();
    assert_eq!(removed, ["Back_IN_0"]);
    let position = |words: &str| bed.positions(words)[0];
    for comes in ["New_IN_0 is Ready", "New_IN_1 is Ready", "Web_IN_1 is Ready"] {
        assert!(position(comes) < position("Web_IN_0 is Recycling"), "{:#?}", bed.said);
    }
    assert!(position("Web_IN_0 is Ready") < position("Back_IN_0 is Stopping"), "{:#?}", bed.said);
    assert_eq!(addresses(&bed), before, "who stays has its address");
    bed.hears("Web_IN_0 run sees New_IN_0 New_IN_1 Web_IN_0 Rear_IN_0").await;
    let expected =
        ["Web_IN_0 Ready 2", "Web_IN_1 Ready 2", "Rear_IN_0 Ready 2", "New_IN_0 Ready 2", "New_IN_1 Ready 2"];
    assert_eq!(bed.statuses(), expected);
}

#[tokio::test(start_paused = true)]
async fn an_operator_names_the_domains_in_any_order_and_progress_shows_where_it_is() {
    let mut bed = Bed::ready(service([role("Web", 2)])).await;
    let mut progress = bed.deployment.progress();
    assert_eq!((progress.borrow().kind, progress.borrow().phase), (None, WalkPhase::Idle));
    let upgrade = bed.to(&service([role("Web", 2).depth(2)]));
    let summary = bed
        .upgrade_by_hand(upgrade, async |orders| {
            let waits = progress.wait_for(|progress| progress.phase == WalkPhase::WaitingForOperator).await;
            let (kind, states) = {
                let now = waits.unwrap();
                (now.kind, now.domains.iter().map(|domain| domain.state).collect::<Vec<_>>())
            };
            assert_eq!((kind, states), (Some(WalkKind::Upgrade), vec![DomainState::Waiting; 2]));
            for no_domain in [7, 1] {
                orders.send(no_domain).await.unwrap();
            }
            let walked = progress
                .wait_for(|progress| {
                    progress.phase == WalkPhase::WaitingForOperator
                        && progress.domains[1].state == DomainState::Walked
                })
                .await
                .unwrap()
                .clone();
            assert_eq!((walked.domain, walked.domains[0].state), (None, DomainState::Waiting));
            let steps: Vec<InstanceStep> = walked.instances.values().map(|one| one.state).collect();
            assert_eq!(steps, [InstanceStep::Old, InstanceStep::New]);
            for again in [1, 0] {
                orders.send(again).await.unwrap();
            }
            std::future::pending().await
        })
        .await;
    assert_eq!(summary.unwrap().walked, [1, 0]);
    assert_eq!(bed.statuses(), ["Web_IN_0 Ready 2", "Web_IN_1 Ready 2"]);
    let progress = bed.deployment.progress();
    assert_eq!(progress.borrow().phase, WalkPhase::Done);
    assert!(progress.borrow().instances.values().all(|one| one.state == InstanceStep::New));
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_nobody_leads_any_more_is_taken_back() {
    let mut bed = Bed::ready(service([role("Web", 2)])).await;
    let upgrade = bed.to(&service([role("Web", 2).depth(2)]));
    let summary = bed
        .upgrade_by_hand(upgrade, async |orders| {
            orders.send(0).await.unwrap();
            drop(orders);
            std::future::pending().await
        })
        .await
        .unwrap();
    let expected = UpgradeOutcome::RolledBack(wasm_roles_fabric::RolledBack::Asked);
    assert_eq!((summary.outcome, summary.walked), (expected, vec![0]));
    assert_eq!(bed.statuses(), ["Web_IN_0 Ready 1", "Web_IN_1 Ready 1"]);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_stopped_stays_so_and_starts_as_one_of_the_new_generation() {
    let mut bed = Bed::ready(service([role("Web", 2)])).await;
    let stopped = bed.deployment.plan().instances[0].id.clone();
    bed.deployment.stop_instances(std::slice::from_ref(&stopped)).await.unwrap();
    bed.said.clear();
    let summary = bed.upgrade_to(service([role("Web", 2).depth(2)])).await;
    assert_eq!(summary.outcome, UpgradeOutcome::Done);
    assert_eq!(bed.deployment.statuses().with(&[Status::Stopped]), std::slice::from_ref(&stopped));
    bed.deployment.start_instances(&[stopped]).await.unwrap();
    assert_eq!(bed.statuses(), ["Web_IN_0 Ready 2", "Web_IN_1 Ready 2"]);
    bed.hears("Web_IN_0 on-start [] depth=2").await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_cannot_run_gets_the_new_generation_without_a_wait() {
    let mut bed = Bed::start(service([role("Web", 1).mode("answer on-start")])).await;
    let mut statuses = bed.deployment.statuses();
    bed.hear_while(async {
        while statuses.now()[0].recycled.as_ref().is_none_or(|recycled| recycled.times < 6) {
            statuses.changed().await;
        }
    })
    .await;
    let begun = Instant::now();
    let summary = bed.upgrade_to(service([role("Web", 1)])).await;
    assert_eq!((summary.outcome, begun.elapsed().as_secs()), (UpgradeOutcome::Done, 0));
    let now = bed.deployment.statuses().now();
    assert_eq!((now[0].status, now[0].generation, &now[0].recycled), (Status::Ready, 2, &None));
}

#[tokio::test(start_paused = true)]
async fn after_an_upgrade_the_configuration_changes_as_before() {
    let mut bed = Bed::ready(service([role("Web", 1)])).await;
    bed.upgrade_to(service([role("Web", 1).depth(2), role("New", 1)])).await;
    let next = bed.to(&service([role("Web", 2).depth(3), role("New", 1)])).plan;
    bed.said.clear();
    let Bed { deployment, .. } = &mut bed;
    let summary = deployment.change(next).await.unwrap();
    assert_eq!((summary.added.len(), summary.instances.len()), (1, 1));
    bed.hears("Web_IN_0 changed [setting:depth topology:Web] depth=3").await;
    bed.hears("Web_IN_1 on-start [] depth=3").await;
    assert_eq!(bed.statuses(), ["Web_IN_0 Ready 2", "Web_IN_1 Ready 2", "New_IN_0 Ready 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_stop_budget_is_that_of_the_new_generation() {
    let mut bed = Bed::ready(service([role("Web", 1)])).await;
    let budget = Duration::from_secs(3);
    let upgrade = bed.to(&service([role("Web", 1).mode("hang on-stop")]));
    bed.upgrade(Upgrade { stop_budget: Some(budget), ..upgrade }).await.unwrap();
    for depth in [2, 3] {
        let begun = Instant::now();
        bed.upgrade_to(service([role("Web", 1).depth(depth).mode("hang on-stop")])).await;
        assert!((budget..2 * budget).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn progress_shows_a_change_of_the_configuration_too() {
    let mut bed = Bed::ready(service([role("Web", 2).mode("hang changed"), role("Back", 1)])).await;
    let next = bed.to(&service([role("Web", 2).mode("hang changed").depth(2), role("Back", 1)])).plan;
    let mut progress = bed.deployment.progress();
    let Bed { deployment, .. } = &mut bed;
    {
        let mut changing = std::pin::pin!(deployment.change(std::sync::Arc::clone(&next)));
        tokio::select! {
            biased;
            _ = &mut changing => panic!("the handlers hang"),
            _ = progress.wait_for(|progress| progress.domain == Some(1)) => {}
        }
        let now = progress.borrow().clone();
        assert_eq!((now.kind, now.phase), (Some(WalkKind::Change), WalkPhase::Walking));
        let domains: Vec<DomainState> = now.domains.iter().map(|domain| domain.state).collect();
        assert_eq!(domains, [DomainState::Walked, DomainState::Walking]);
        // The other role is not concerned.
        let instances: Vec<(&str, InstanceStep)> =
            now.instances.iter().map(|(instance, one)| (instance.as_str(), one.state)).collect();
        assert_eq!(instances[0], ("Web_IN_0", InstanceStep::New));
        assert_eq!((instances.len(), instances[1].0), (2, "Web_IN_1"));
        assert!(now.instances.values().next().unwrap().reaction.is_some());
        changing.await.unwrap();
    }
    assert!(progress.borrow().instances.values().all(|one| one.state == InstanceStep::New));
    assert_eq!(progress.borrow().phase, WalkPhase::Done);
}
