//! Upgrades in place, manual walks, and the ways back.

use std::time::Duration;

use wasm_roles_control_interface::{
    OperationKind, OperationState, RefusalCode, UpdateMode, UpgradeQuery, WalkRequest,
};

use wasm_roles_fabric::virtual_network::PolicyMode;

use super::bed::{Bed, SERVICE, Service, shop, until};

const QUICK: UpgradeQuery = UpgradeQuery { mode: UpdateMode::Auto, health: Some(30) };
const MANUAL: UpgradeQuery = UpgradeQuery { mode: UpdateMode::Manual, health: Some(30) };

async fn upgrade(
    bed: &Bed,
    how: UpgradeQuery,
    to: &Service,
) -> Result<wasm_roles_control_interface::Operation, wasm_roles_control_interface::Refusal> {
    bed.controller.upgrade(&bed.tenant, &shop(), true, how, to.package().as_slice()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_brings_another_package_domain_by_domain() {
    let bed = Bed::with(&SERVICE).await;
    let (id, placement) = (bed.status(&shop()).summary.id, bed.placement(&shop()));
    let begun = upgrade(&bed, QUICK, &Service { depth: 5, store: 2, ..SERVICE }).await;
    let ended = bed.done(begun).await;
    assert_eq!(ended.progress.unwrap().walked(), 3);
    let status = bed.status(&shop());
    assert_eq!((status.summary.revision, &status.summary.id), (2, &id));
    assert!(status.instances.iter().all(|row| row.revision == 2));
    assert_eq!(bed.placement(&shop()), placement);
    assert!(bed.lines(&shop(), "Back_IN_1").await.contains(&"run [] depth=5".to_owned()));
    // And back to the package before.
    let begun = bed.controller.rollback(&bed.tenant, &shop()).await;
    let refused = begun.unwrap_err();
    assert_eq!(refused.code, RefusalCode::NotInPlace, "the store has grown, and cannot shrink");
    let begun = upgrade(&bed, QUICK, &Service { depth: 6, store: 2, ..SERVICE }).await;
    bed.done(begun).await;
    let begun = bed.controller.rollback(&bed.tenant, &shop()).await;
    bed.done(begun).await;
    let status = bed.status(&shop());
    assert!(status.instances.iter().all(|row| row.revision == 2), "{status:#?}");
    assert_eq!(
        bed.lines(&shop(), "Back_IN_1").await.iter().filter(|line| *line == "run [] depth=5").count(),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_change_in_place_is_refused_with_every_difference() {
    let bed = Bed::with(&Service { store: 5, ..SERVICE }).await;
    let new = Service { store: 2, attributes: r#"upgradeDomainCount="2""#, ..SERVICE };
    let refused = upgrade(&bed, QUICK, &new).await.unwrap_err();
    assert_eq!((refused.code, refused.details.len()), (RefusalCode::NotInPlace, 2), "{refused:#?}");
    let store = refused.details.iter().find(|detail| detail.subject.as_deref() == Some("Back/Kept")).unwrap();
    assert_eq!((store.old.as_deref(), store.new.as_deref()), (Some("5 MB"), Some("2 MB")));
    assert_eq!(bed.status(&shop()).summary.revision, 1);
    let revisions = std::fs::read_dir(bed.folder(&shop()).join("revisions")).unwrap();
    assert_eq!(revisions.count(), 1, "what was refused is not kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_does_not_become_ready_is_taken_back() {
    let bed = Bed::with(&SERVICE).await;
    let broken = Service { mode: "answer on-start", ..SERVICE };
    let begun = upgrade(&bed, UpgradeQuery { health: Some(1), ..QUICK }, &broken).await;
    let ended = bed.over(begun).await;
    assert_eq!(ended.state, OperationState::RolledBack);
    let failure = ended.failure.unwrap();
    assert_eq!(failure.code, RefusalCode::NotHealthy, "{failure:#?}");
    let status = bed.status(&shop());
    assert_eq!(status.summary.revision, 1);
    assert!(status.instances.iter().all(|row| row.revision == 1), "{status:#?}");
    super::bed::all_ready(&bed.controller, &bed.tenant, &shop()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manual_upgrade_waits_for_somebody_to_walk_each_domain() {
    let bed = Bed::with(&SERVICE).await;
    let none = bed.controller.walk(&bed.tenant, &shop(), WalkRequest { domain: 0 }).await.unwrap_err();
    assert_eq!(none.code, RefusalCode::WrongState);
    let begun = upgrade(&bed, MANUAL, &Service { depth: 5, ..SERVICE }).await.unwrap();
    let waiting = || async {
        let wait = Duration::from_secs(60);
        bed.controller.operation(&bed.tenant, &shop().service, begun.id, wait).await.unwrap()
    };
    let now = waiting().await;
    assert_eq!((now.state, now.progress.unwrap().domain), (OperationState::Waiting, Some(0)));
    let walked = bed.controller.walk(&bed.tenant, &shop(), WalkRequest { domain: 0 }).await.unwrap();
    assert!(walked.state == OperationState::Running || walked.progress.unwrap().domain == Some(1));
    bed.hears(&shop(), "run [] depth=5").await;
    let now = until("two instances are walked", async || {
        Some(waiting().await)
            .filter(|now| now.progress.as_ref().is_some_and(|progress| progress.walked() == 2))
    });
    let now = now.await;
    assert_eq!(now.progress.unwrap().domain, Some(1));
    let walked = bed.controller.walk(&bed.tenant, &shop(), WalkRequest { domain: 0 }).await.unwrap_err();
    assert_eq!(walked.code, RefusalCode::WrongState);
    let back = bed.controller.rollback(&bed.tenant, &shop()).await;
    bed.done(back).await;
    assert_eq!(bed.over(Ok(begun.clone())).await.state, OperationState::RolledBack);
    let status = super::bed::all_ready(&bed.controller, &bed.tenant, &shop()).await;
    assert_eq!(status.summary.revision, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_to_walk_counts_as_soon_as_the_upgrade_was_answered() {
    let bed = Bed::with(&SERVICE).await;
    // What is asked for is not judged by the walk before.
    let begun = upgrade(&bed, QUICK, &Service { depth: 4, ..SERVICE }).await;
    bed.done(begun).await;
    let begun = upgrade(&bed, MANUAL, &Service { depth: 5, ..SERVICE }).await.unwrap();
    let unknown = bed.controller.walk(&bed.tenant, &shop(), WalkRequest { domain: 77 }).await.unwrap_err();
    assert_eq!(unknown.code, RefusalCode::WrongState);
    for domain in [0, 1] {
        bed.controller.walk(&bed.tenant, &shop(), WalkRequest { domain }).await.unwrap();
    }
    // Both were ordered: nobody is waited for but for moments.
    let over = async || {
        let wait = Duration::from_secs(60);
        let now = bed.controller.operation(&bed.tenant, &shop().service, begun.id, wait).await.unwrap();
        now.state.is_over().then_some(now)
    };
    assert_eq!(until("all domains are walked", over).await.state, OperationState::Done);
    assert_eq!(bed.status(&shop()).summary.revision, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_ends_behind_its_last_domain_leaves_nothing_that_only_the_package_before_may() {
    let options = serde_json::json!({"stop_seconds": 2, "policy": "log"});
    let slow = Service { back: 3, mode: "hang on-stop", options, ..SERVICE };
    let bed = Bed::with(&slow).await;
    let closed = Service { back: 1, mode: "", options: serde_json::json!({"stop_seconds": 2}), ..slow };
    let begun = upgrade(&bed, QUICK, &closed).await.unwrap();
    let unit = bed.controller.unit(&bed.tenant, &shop());
    let mut walk = unit.seen().unwrap().walk;
    let finishing = wasm_roles_fabric::progress::WalkPhase::Finishing;
    walk.wait_for(|walk| walk.phase == finishing).await.unwrap();
    // Somebody has looked a moment before there was no way back.
    let operation = unit.operation().unwrap();
    operation.give_up(crate::operations::GiveUp::For(OperationKind::Rollback));
    operation.over().await;
    let back = bed.controller.rollback(&bed.tenant, &shop()).await;
    assert_eq!(bed.over(back).await.state, OperationState::Failed);
    bed.over(Ok(begun)).await;
    assert_eq!(bed.status(&shop()).summary.revision, 2);
    let alive = unit.alive.lock().await;
    let network = alive.as_ref().unwrap().deployment.network();
    assert_eq!(network.policy().mode(), PolicyMode::Enforce);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_of_an_upgrade_whose_package_still_arrives_undoes_nothing_else() {
    let bed = Bed::with(&SERVICE).await;
    let begun = bed.controller.scale(&bed.tenant, &shop(), super::changes::scale(&[("Back", 3)])).await;
    bed.done(begun).await;
    // Somebody who never sends the package.
    let (_client, package) = tokio::io::duplex(64);
    let (controller, tenant) = (bed.controller.clone(), bed.tenant.clone());
    let upgrade =
        tokio::spawn(async move { controller.upgrade(&tenant, &shop(), true, QUICK, package).await });
    until("the upgrade has begun", async || bed.controller.unit(&bed.tenant, &shop()).operation()).await;
    let back = bed.controller.rollback(&bed.tenant, &shop()).await;
    assert_eq!(bed.done(back).await.message, "it had changed nothing yet");
    assert_eq!(upgrade.await.unwrap().unwrap_err().code, RefusalCode::Interrupted);
    let status = bed.status(&shop());
    assert_eq!((status.instances.len(), status.can_roll_back), (4, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_health_time_that_no_clock_has_is_refused() {
    let bed = Bed::with(&SERVICE).await;
    for health in [u64::MAX, 24 * 60 * 60 + 1] {
        let how = UpgradeQuery { health: Some(health), ..QUICK };
        let refused = upgrade(&bed, how, &SERVICE).await.unwrap_err();
        assert_eq!(refused.code, RefusalCode::BadRequest);
    }
    let begun = upgrade(&bed, UpgradeQuery { health: Some(24 * 60 * 60), ..QUICK }, &SERVICE).await;
    bed.done(begun).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_the_last_domain_an_upgrade_is_not_taken_back() {
    // An instance that goes with the upgrade, and takes its time.
    let options = serde_json::json!({"stop_seconds": 2});
    let slow = Service { back: 3, mode: "hang on-stop", options, ..SERVICE };
    let bed = Bed::with(&slow).await;
    let begun = upgrade(&bed, QUICK, &Service { back: 1, mode: "", ..slow }).await.unwrap();
    let mut walk = bed.controller.unit(&bed.tenant, &shop()).seen().unwrap().walk;
    let finishing = wasm_roles_fabric::progress::WalkPhase::Finishing;
    walk.wait_for(|walk| walk.phase == finishing).await.unwrap();
    let refused = bed.controller.rollback(&bed.tenant, &shop()).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::OperationRunning);
    bed.done(Ok(begun)).await;
    let status = bed.status(&shop());
    assert_eq!((status.summary.revision, status.instances.len()), (2, 2));
    assert!(bed.folder(&shop()).join("revisions/2").is_dir());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_not_forgotten_and_nothing_else_begins() {
    use std::sync::atomic::Ordering;
    let bed = Bed::with(&SERVICE).await;
    let begun = upgrade(&bed, MANUAL, &Service { depth: 5, ..SERVICE }).await.unwrap();
    let wait = Duration::from_secs(60);
    bed.controller.operation(&bed.tenant, &shop().service, begun.id, wait).await.unwrap();
    let unit = bed.controller.unit(&bed.tenant, &shop());
    unit.disk_is_full.store(true, Ordering::SeqCst);
    for domain in [0, 1] {
        let walk = async || bed.controller.walk(&bed.tenant, &shop(), WalkRequest { domain }).await.ok();
        until("the domain waits", walk).await;
    }
    bed.done(Ok(begun)).await;
    let status = bed.status(&shop());
    assert_eq!(status.summary.revision, 2);
    assert!(!status.problems.is_empty());
    // The disk still says that what ran before runs: its package stays until that has changed.
    assert!(bed.folder(&shop()).join("revisions/1").is_dir());
    let refused = bed.controller.rollback(&bed.tenant, &shop()).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::Internal);
    assert!(bed.folder(&shop()).join("revisions/2").is_dir());
    unit.disk_is_full.store(false, Ordering::SeqCst);
    let begun = bed.controller.rollback(&bed.tenant, &shop()).await;
    bed.done(begun).await;
    let status = super::bed::all_ready(&bed.controller, &bed.tenant, &shop()).await;
    assert_eq!(status.summary.revision, 1);
}
