//! The gate behind each domain, and what happens when it stays closed.

use std::time::Duration;

use tokio::time::Instant;
use wasm_roles_fabric::change::Reaction;
use wasm_roles_fabric::progress::{DomainState, InstanceStep};
use wasm_roles_fabric::upgrade::CYCLING;
use wasm_roles_fabric::{DEFAULT_STOP_BUDGET, RolledBack, Status, Upgrade, UpgradeOutcome, WalkPhase};

use crate::bed::{Bed, role, service};

fn because(outcome: &UpgradeOutcome) -> String {
    match outcome {
        UpgradeOutcome::RolledBack(because) => because.to_string(),
        UpgradeOutcome::Done => "it is done".to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_generation_that_keeps_failing_is_taken_back_and_the_other_domains_never_see_it() {
    let mut bed = Bed::ready(service([role("Web", 4)])).await;
    bed.said.clear();
    let begun = Instant::now();
    let summary = bed.upgrade_to(service([role("Web", 4).depth(2).mode("answer on-start")])).await;

    let because = because(&summary.outcome);
    assert!(because.starts_with("behind upgrade domain 0 not everybody was Ready: Web_IN_"), "{because}");
    let expected = format!(" was Recycling, and recycled {CYCLING} times, because could not start: on-start");
    assert!(because.contains(&expected), "{because}");
    assert!(begun.elapsed() < Duration::from_secs(120), "it does not wait for half an hour");
    assert_eq!(summary.walked, [0]);
    let all = ["Web_IN_0 Ready 1", "Web_IN_1 Ready 1", "Web_IN_2 Ready 1", "Web_IN_3 Ready 1"];
    assert_eq!(bed.statuses(), all);
    assert_eq!(bed.deployment.generation(), 1);
    for other in ["Web_IN_1", "Web_IN_3"] {
        assert_eq!(bed.positions(&format!("{other} is")), [0_usize; 0], "{:#?}", bed.said);
    }
    bed.hears("Web_IN_0 run [] depth=1").await;
    let progress = bed.deployment.progress().borrow().clone();
    assert_eq!((progress.phase, progress.domains[0].state), (WalkPhase::RolledBack, DomainState::TakenBack));
    assert_eq!(progress.domains[1].state, DomainState::Waiting);
    assert!(progress.instances.values().all(|one| one.state == InstanceStep::Old));
}

#[tokio::test(start_paused = true)]
async fn domains_that_were_walked_are_taken_back_the_last_one_first() {
    let mut bed = Bed::ready(service([role("Web", 2), role("Back", 2)])).await;
    bed.said.clear();
    // It fails in the second domain only, which the first role is not in any more.
    let new = service([role("Web", 2).depth(2), role("Back", 2).depth(2)]);
    let upgrade = bed.to(&new);
    let plan = std::sync::Arc::clone(&upgrade.plan);
    let summary = bed
        .upgrade_by_hand(upgrade, async |orders| {
            for domain in [0, 1] {
                orders.send(domain).await.unwrap();
            }
            drop(orders);
            std::future::pending().await
        })
        .await
        .unwrap();
    assert_eq!(summary.outcome, UpgradeOutcome::Done, "both were named before nobody could");
    assert!(std::sync::Arc::ptr_eq(bed.deployment.plan(), &plan));

    bed.said.clear();
    let upgrade = bed.to(&service([role("Web", 2).depth(3), role("Back", 2).depth(3)]));
    bed.upgrade_until(upgrade, "Web_IN_1 on-start [] depth=3").await;
    let summary = bed.roll_back().await.unwrap();
    assert_eq!(summary.outcome, UpgradeOutcome::RolledBack(RolledBack::Asked));
    assert_eq!(summary.walked, [0, 1]);
    let back = |instance: &str| *bed.positions(&format!("{instance} on-start [] depth=2")).last().unwrap();
    for (last, first) in [("Web_IN_1", "Web_IN_0"), ("Back_IN_1", "Back_IN_0")] {
        assert!(back(last) < back(first), "{:#?}", bed.said);
    }
    let all = ["Web_IN_0 Ready 2", "Web_IN_1 Ready 2", "Back_IN_0 Ready 2", "Back_IN_1 Ready 2"];
    assert_eq!(bed.statuses(), all);
}

#[tokio::test(start_paused = true)]
async fn the_time_for_a_domain_begins_when_its_instances_have_stopped() {
    let mut bed = Bed::ready(service([role("Web", 2).mode("hang on-stop")])).await;
    let health = Duration::from_secs(10);
    assert!(health < DEFAULT_STOP_BUDGET);
    let upgrade = bed.to(&service([role("Web", 2)]));
    let summary = bed.upgrade(Upgrade { health, ..upgrade }).await.unwrap();
    assert_eq!(summary.outcome, UpgradeOutcome::Done);

    let upgrade = bed.to(&service([role("Web", 2).mode("hang on-start")]));
    let begun = Instant::now();
    let summary = bed.upgrade(Upgrade { health, ..upgrade }).await.unwrap();
    let because = because(&summary.outcome);
    assert_eq!(because, "behind upgrade domain 0 not everybody was Ready: Web_IN_0 was Starting");
    assert!(begun.elapsed() >= health);
    assert_eq!(bed.statuses(), ["Web_IN_0 Ready 2", "Web_IN_1 Ready 2"]);
}

#[tokio::test(start_paused = true)]
async fn new_instances_that_do_not_become_ready_end_an_upgrade_before_anybody_else_hears_of_it() {
    let mut bed = Bed::ready(service([role("Web", 1)])).await;
    bed.said.clear();
    let new = role("New", 1).mode("answer on-start");
    let summary = bed.upgrade_to(service([role("Web", 2), new])).await;
    let because = because(&summary.outcome);
    assert!(because.starts_with("the new instances were not Ready: New_IN_0 was Recycling"), "{because}");
    assert_eq!(summary.walked, [0_u32; 0]);
    let mut removed: Vec<&str> = summary.removed.iter().map(|stopped| stopped.instance.as_str()).collect();
    removed.sort_unstable();
    assert_eq!(removed, ["New_IN_0", "Web_IN_1"]);
    assert_eq!(bed.statuses(), ["Web_IN_0 Ready 1"]);
    assert_eq!(bed.positions("Web_IN_0 is"), [0_usize; 0], "{:#?}", bed.said);
}

#[tokio::test(start_paused = true)]
async fn a_domain_that_was_walked_has_to_stay_ready() {
    // Every incarnation lives a little longer than the walk of a domain takes: the gates see it Recycling.
    let mut bed = Bed::ready(service([role("Web", 2)])).await;
    let summary = bed.upgrade_to(service([role("Web", 2).mode("return run, hang stopping")])).await;
    assert!(because(&summary.outcome).contains("Web_IN_0 was Recycling"), "{summary:?}");
    assert_eq!(bed.deployment.statuses().with(&[Status::Ready]).len(), 2);
}

const PROBE: &str =
    r#"<LoadBalancerProbes><LoadBalancerProbe name="P" protocol="tcp" /></LoadBalancerProbes>"#;

/// A role that accepts connections at the port that a probe tries.
fn probed(probe: &'static str) -> crate::bed::Service {
    let endpoint = r#"<Endpoints><InputEndpoint name="In" protocol="tcp" port="81" localPort="7000"
        loadBalancerProbe="P" /></Endpoints>"#;
    let mut service = service([role("Web", 2).elements(endpoint).mode("serve run")]);
    service.before = probe;
    service
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_does_not_answer_its_own_probe_any_more_closes_the_gate() {
    const DEAF: &str = r#"<LoadBalancerProbes><LoadBalancerProbe name="P" protocol="tcp" port="7999" /></LoadBalancerProbes>"#;
    let mut bed = Bed::ready(probed(PROBE)).await;
    for instance in ["Web_IN_0", "Web_IN_1"] {
        bed.hears(&format!("{instance} answers the probe")).await;
    }
    // With a probe that they answer they pass, and nobody is out meanwhile.
    let mut next = probed(PROBE);
    next.roles[0].depth = 2;
    let summary = bed.upgrade_to(next).await;
    assert_eq!((summary.outcome, summary.kept.len()), (UpgradeOutcome::Done, 0));
    assert_eq!(bed.positions("does not answer"), [0_usize; 0], "{:#?}", bed.said);

    let upgrade = bed.to(&probed(DEAF));
    let health = Duration::from_secs(120);
    let summary = bed.upgrade(Upgrade { health, ..upgrade }).await.unwrap();
    let because = because(&summary.outcome);
    let expected =
        "behind upgrade domain 0 not everybody was Ready: Web_IN_0 was Ready, and did not answer probe P";
    assert_eq!((because.as_str(), summary.walked), (expected, vec![0]));
    assert_eq!(bed.positions("Web_IN_1 does not answer"), [0_usize; 0], "it is tried where it listens");
    bed.said.clear();
    bed.hears("Web_IN_0 answers the probe").await;
}

#[tokio::test(start_paused = true)]
async fn instances_that_answer_their_probe_again_are_recycled_and_nobody_waits_for_long() {
    let mut bed = Bed::ready(probed(PROBE)).await;
    for instance in ["Web_IN_0", "Web_IN_1"] {
        bed.hears(&format!("{instance} answers the probe")).await;
    }
    let all: Vec<_> = bed.deployment.plan().instances.iter().map(|one| one.id.clone()).collect();
    let begun = Instant::now();
    let reactions = bed.recycle(&all).await;
    assert!(reactions.iter().all(|(_, reaction)| *reaction == Reaction::Recycled), "{reactions:?}");
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_recycled_instance_that_does_not_answer_its_probe_any_more_is_not_ready_again() {
    let mut bed = Bed::ready(probed(PROBE)).await;
    bed.hears("Web_IN_0 answers the probe").await;
    let first = bed.deployment.plan().instances[0].id.clone();
    // It goes on to listen; its next incarnation does not.
    let mut deaf = probed(PROBE);
    deaf.roles[0].mode = "hang run";
    let deaf = bed.to(&deaf).plan;
    let changed = bed.change(deaf).await;
    assert!(
        changed.instances.iter().all(|(_, reaction)| matches!(reaction, Reaction::Changed { .. })),
        "{changed:?}"
    );
    let reactions = bed.recycle(&[first]).await;
    assert_eq!(reactions[0].1, Reaction::NotReadyAgain);
}
