//! Upgrades whose future is dropped.

use std::sync::Arc;

use wasm_roles_fabric::change::ChangeError;
use wasm_roles_fabric::{RolledBack, Status, SwapError, Upgrade, UpgradeError, UpgradeOutcome, swap};

use crate::bed::{Bed, role, service};

/// An upgrade to these counts that was dropped when an instance said this, and its plan.
async fn dropped(words: &str) -> (Bed, Upgrade) {
    let mut bed = Bed::ready(service([role("Web", 2), role("Back", 1)])).await;
    bed.said.clear();
    let upgrade = bed.to(&service([role("Web", 3).depth(2), role("New", 1).depth(2)]));
    let again = Upgrade::new(Arc::clone(&upgrade.plan), upgrade.approots.clone());
    bed.upgrade_until(upgrade, words).await;
    (bed, again)
}

/// Where an upgrade can be left: while new ones start, in each domain, and while those who go stop.
const MOMENTS: [&str; 4] =
    ["New_IN_0 on-start", "Web_IN_0 stopping", "Web_IN_0 on-start [] depth=2", "Web_IN_1 stopping"];

#[tokio::test(start_paused = true)]
async fn one_that_is_dropped_can_be_finished() {
    for words in MOMENTS {
        let (mut bed, again) = dropped(words).await;
        let summary = bed.upgrade(again).await.unwrap();
        assert_eq!((summary.outcome, summary.walked), (UpgradeOutcome::Done, vec![0, 1]), "{words}");
        let all = ["Web_IN_0 Ready 2", "Web_IN_1 Ready 2", "Web_IN_2 Ready 2", "New_IN_0 Ready 2"];
        assert_eq!(bed.statuses(), all, "{words}");
        for once in ["Web_IN_0 on-start [] depth=2", "Web_IN_1 on-start [] depth=2"] {
            assert_eq!(bed.positions(once).len(), 1, "{words}: {:#?}", bed.said);
        }
        let policy = Arc::clone(&bed.deployment.plan().policy);
        assert!(Arc::ptr_eq(&bed.deployment.network().policy(), &policy), "{words}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_dropped_can_be_taken_back() {
    for words in MOMENTS {
        let (mut bed, _) = dropped(words).await;
        let policy = Arc::clone(&bed.deployment.plan().policy);
        let summary = bed.roll_back().await.unwrap();
        assert_eq!(summary.outcome, UpgradeOutcome::RolledBack(RolledBack::Asked), "{words}");
        let all = ["Web_IN_0 Ready 1", "Web_IN_1 Ready 1", "Back_IN_0 Ready 1"];
        assert_eq!(bed.statuses(), all, "{words}");
        assert!(Arc::ptr_eq(&bed.deployment.network().policy(), &policy), "{words}");
        // And nothing of it is left that would be in the way of the next one.
        let summary = bed.upgrade_to(service([role("Web", 3).depth(3), role("New", 1)])).await;
        assert_eq!(summary.outcome, UpgradeOutcome::Done, "{words}");
        let all = ["Web_IN_0 Ready 3", "Web_IN_1 Ready 3", "Web_IN_2 Ready 3", "New_IN_0 Ready 3"];
        assert_eq!(bed.statuses(), all, "{words}");
    }
}

#[tokio::test(start_paused = true)]
async fn behind_its_last_gate_one_can_be_finished_only() {
    let mut bed = Bed::ready(service([role("Web", 1), role("Back", 1).mode("hang on-stop")])).await;
    let upgrade = bed.to(&service([role("Web", 1).depth(2)]));
    let plan = Arc::clone(&upgrade.plan);
    bed.upgrade_until(upgrade, "Back_IN_0 on-stop").await;
    assert!(Arc::ptr_eq(bed.deployment.plan(), &plan), "there is no way back");
    assert!(matches!(bed.roll_back().await, Err(UpgradeError::NothingBegun)));
    assert_eq!(bed.statuses(), ["Web_IN_0 Ready 2"], "all the same it is finished");
    // Who stopped for it is in the next summary.
    let next = bed.to(&service([role("Web", 1).depth(2)])).plan;
    let summary = bed.deployment.change(next).await.unwrap();
    let removed: Vec<&str> = summary.removed.iter().map(|stopped| stopped.instance.as_str()).collect();
    assert_eq!(removed, ["Back_IN_0"]);
}

#[tokio::test(start_paused = true)]
async fn until_it_is_finished_or_taken_back_nothing_else_is_begun() {
    let (mut bed, _) = dropped("Web_IN_0 stopping").await;
    let before = Arc::clone(bed.deployment.plan());
    let other = bed.to(&service([role("Web", 2), role("Back", 1)]));
    let plan = Arc::clone(&other.plan);
    assert!(matches!(bed.upgrade(other).await, Err(UpgradeError::UpgradeBegun)));
    assert!(matches!(bed.deployment.change(plan).await, Err(ChangeError::UpgradeBegun)));
    assert!(Arc::ptr_eq(bed.deployment.plan(), &before), "what runs is what was there before");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_was_begun_has_to_be_finished_first() {
    let mut bed = Bed::ready(service([role("Web", 1).mode("hang changed")])).await;
    let next = bed.to(&service([role("Web", 1).depth(2).mode("hang changed")])).plan;
    tokio::select! {
        biased;
        _ = bed.deployment.change(next) => panic!("the handler hangs"),
        () = tokio::task::yield_now() => {}
    }
    let upgrade = bed.to(&service([role("Web", 1)]));
    assert!(matches!(bed.upgrade(upgrade).await, Err(UpgradeError::ChangeBegun)));
}

#[tokio::test(start_paused = true)]
async fn a_deployment_can_be_stopped_in_the_middle_of_it() {
    for words in MOMENTS {
        let (bed, _) = dropped(words).await;
        let (statuses, living) = (bed.deployment.statuses(), bed.statuses().len());
        let summary = bed.deployment.stop().await;
        assert_eq!(summary.instances.len(), living, "{words}");
        assert!(statuses.now().iter().all(|one| one.status == Status::Stopped), "{words}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_exchanges_the_public_side_of_a_deployment_that_is_being_upgraded() {
    let (mut bed, again) = dropped("Web_IN_0 stopping").await;
    let mut other = Bed::ready(service([role("Web", 2)])).await;
    let refused = swap(&mut bed.deployment, &mut other.deployment).unwrap_err();
    assert!(matches!(&refused, SwapError::Upgrading { deployment } if *deployment == bed.deployment.id()));
    assert_eq!(refused.hint(), "finish the upgrade, or roll it back");
    bed.upgrade(again).await.unwrap();
    swap(&mut bed.deployment, &mut other.deployment).unwrap();
}
