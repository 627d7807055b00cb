//! Changes that are refused, and changes that are not finished.

use std::net::TcpListener;
use std::sync::Arc;

use wasm_roles_fabric::Status;
use wasm_roles_fabric::change::{ChangeError, Reaction};

use crate::bed::{Bed, Configured, ONE_EACH};

#[tokio::test(start_paused = true)]
async fn a_plan_that_moves_instances_changes_nothing() {
    let mut bed = Bed::ready("", ONE_EACH).await;
    // Planned for itself, and not after the one that runs: Back_IN_0 would have the address of Front_IN_1.
    let elsewhere = Bed::ready("", Configured { front: 2, ..ONE_EACH }).await;
    let mut plan = wasm_roles_service_plan::Plan::clone(elsewhere.deployment.plan());
    plan.public = bed.deployment.plan().public.clone();
    let (before, runs) = (bed.statuses(), Arc::clone(bed.deployment.plan()));
    let refused = bed.change_to(Arc::new(plan)).await.unwrap_err();
    assert!(matches!(&refused, ChangeError::Definition | ChangeError::Moved { .. }), "{refused}");
    assert_eq!((bed.statuses(), Arc::ptr_eq(&runs, bed.deployment.plan())), (before, true));
}

#[tokio::test(start_paused = true)]
async fn a_public_port_that_cannot_be_opened_changes_nothing() {
    let mut bed = Bed::ready("", ONE_EACH).await;
    let taken = TcpListener::bind(("127.0.0.1", bed.direct + 1)).unwrap();
    let (statuses, published) = (bed.statuses(), bed.published());
    let plan = bed.next(Configured { back: 3, ..ONE_EACH });
    let refused = bed.change_to(Arc::clone(&plan)).await.unwrap_err();
    let expected = format!(
        "public port {0} (endpoint Direct of role Back) cannot listen on 127.0.0.1:{0}: something else listens there",
        bed.direct + 1
    );
    assert_eq!(refused.to_string(), expected);
    assert_eq!((bed.statuses(), bed.published()), (statuses, published));
    drop(taken);
    assert_eq!(bed.change_to(plan).await.unwrap().0.added.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_dropped_can_be_finished() {
    let mut bed = Bed::ready("", ONE_EACH).await;
    let grown = Configured { front: 2, back: 2, depth: 2, ..ONE_EACH };
    bed.change_until(grown, "Front_IN_0 changed").await;
    let plan = Arc::clone(bed.deployment.plan());
    let (summary, _) = bed.change_to(plan).await.unwrap();
    assert_eq!(summary.added, [], "they came before");
    assert_eq!(bed.statuses().len(), 4);
    assert_eq!(bed.deployment.statuses().with(&[Status::Ready]).len(), 4);
    let (summary, _) = bed.change(grown).await;
    assert_eq!(summary, Default::default(), "nothing is left to do");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_dropped_can_be_taken_back() {
    let mut bed = Bed::ready("", ONE_EACH).await;
    let before = Arc::clone(bed.deployment.plan());
    bed.change_until(Configured { back: 2, depth: 2, ..ONE_EACH }, "Front_IN_0 changed").await;
    let (summary, told) = bed.change_to(before).await.unwrap();
    let removed: Vec<&str> = summary.removed.iter().map(|stopped| stopped.instance.as_str()).collect();
    assert_eq!(removed, ["Back_IN_1"]);
    assert!(
        told.iter().any(|line| line.starts_with("Front_IN_0 changed") && line.ends_with("depth=1")),
        "{told:#?}"
    );
    assert_eq!(bed.statuses(), ["Front_IN_0 Ready", "Back_IN_0 Ready"]);
    assert_eq!(bed.published(), [bed.direct]);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_was_asked_to_go_by_a_change_that_is_taken_back_starts_again() {
    let two = Configured { front: 0, back: 2, mode: "hang on-stop", ..ONE_EACH };
    let mut bed = Bed::ready("", two).await;
    let before = Arc::clone(bed.deployment.plan());
    bed.change_until(Configured { back: 1, ..two }, "Back_IN_1 on-stop").await;
    let (summary, _) = bed.change_to(before).await.unwrap();
    let added: Vec<&str> = summary.added.iter().map(|(instance, _)| instance.as_str()).collect();
    assert_eq!(added, ["Back_IN_1"]);
    assert_eq!(bed.statuses(), ["Back_IN_0 Ready", "Back_IN_1 Ready"]);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_can_be_stopped_in_the_middle_of_a_change() {
    for (configured, words) in [
        (Configured { back: 2, mode: "hang on-start", ..ONE_EACH }, "Back_IN_1 on-start"),
        (Configured { back: 2, ..ONE_EACH }, "Back_IN_0 changing"),
        (Configured { back: 0, ..ONE_EACH }, "Back_IN_0 stopping"),
    ] {
        let mut bed = Bed::ready("", ONE_EACH).await;
        bed.change_until(configured, words).await;
        let (statuses, living) = (bed.deployment.statuses(), bed.statuses().len());
        let summary = bed.deployment.stop().await;
        assert_eq!(summary.instances.len(), living, "{words}");
        assert!(statuses.now().iter().all(|one| one.status == Status::Stopped), "{words}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_goes_is_cut_off_when_its_stop_budget_is_over() {
    let two = Configured { front: 0, back: 2, mode: "hang on-stop", ..ONE_EACH };
    let mut bed = Bed::ready("", two).await;
    let (summary, _) = bed.change(Configured { back: 1, ..two }).await;
    assert_eq!(summary.instances.len(), 1);
    assert!(matches!(summary.instances[0].1, Reaction::Changed { missed: None }));
    let end = summary.removed[0].end.as_ref().map(ToString::to_string).unwrap_or_default();
    assert_eq!(summary.removed[0].end, Some(wasm_roles_fabric::End::Stopped { forced: true }), "{end}");
}

/// Two of three instances of `Back` go, and the change is dropped when one of them has stopped.
async fn dropped_when_one_has_stopped() -> Bed {
    let mut bed = Bed::ready("", Configured { back: 3, ..ONE_EACH }).await;
    bed.change_until(ONE_EACH, "Back_IN_1 is Stopped").await;
    bed
}

#[tokio::test(start_paused = true)]
async fn who_stopped_for_a_change_that_was_dropped_is_in_the_next_summary_and_leaves_nothing_behind() {
    let mut bed = dropped_when_one_has_stopped().await;
    let plan = Arc::clone(bed.deployment.plan());
    let (summary, _) = bed.change_to(plan).await.unwrap();
    let mut removed: Vec<&str> = summary.removed.iter().map(|stopped| stopped.instance.as_str()).collect();
    removed.sort_unstable();
    assert_eq!(removed, ["Back_IN_1", "Back_IN_2"]);
    assert_eq!(bed.stored(), ["Back_IN_0", "Front_IN_0"]);
}

#[tokio::test(start_paused = true)]
async fn who_stopped_for_a_change_that_was_dropped_is_in_the_summary_of_the_stop() {
    let bed = dropped_when_one_has_stopped().await;
    let summary = bed.deployment.stop().await;
    let mut stopped: Vec<&str> = summary.instances.iter().map(|stopped| stopped.instance.as_str()).collect();
    stopped.sort_unstable();
    assert_eq!(stopped, ["Back_IN_0", "Back_IN_1", "Back_IN_2", "Front_IN_0"]);
}

#[tokio::test(start_paused = true)]
async fn the_policy_for_both_goes_with_the_change_that_finishes_a_dropped_one() {
    let mut bed = Bed::ready("", ONE_EACH).await;
    // New instances are there; those who stay are being told.
    bed.change_until(Configured { back: 2, ..ONE_EACH }, "Front_IN_0 changing").await;
    let plan = Arc::clone(bed.deployment.plan());
    assert!(!Arc::ptr_eq(&bed.deployment.network().policy(), &plan.policy));
    bed.change_to(Arc::clone(&plan)).await.unwrap();
    assert!(Arc::ptr_eq(&bed.deployment.network().policy(), &plan.policy));
}

#[tokio::test(start_paused = true)]
async fn under_blast_nobody_who_had_new_settings_sees_old_ones_again() {
    let mut bed = Bed::ready(r#"topologyChangeDiscovery="Blast" upgradeDomainCount="1""#, ONE_EACH).await;
    bed.change_until(Configured { depth: 2, mode: "hang stopping", ..ONE_EACH }, "Front_IN_0 changed").await;
    let (_, told) = bed.change(Configured { depth: 2, back: 2, mode: "hang stopping", ..ONE_EACH }).await;
    let at_once: Vec<&String> =
        told.iter().filter(|line| line.contains("Front_IN_0 simultaneous-changed [")).collect();
    assert!(!at_once.is_empty() && at_once.iter().all(|line| line.ends_with("depth=2")), "{told:#?}");
}
