//! Upgrades in place, manual walks, and the ways back.

use std::time::Duration;

use wasm_roles_control_interface::{
    OperationState, RefusalCode, UpdateMode, UpgradeQuery, WalkRequest,
};

use super::bed::{Bed, SERVICE, Service, shop};

const QUICK: UpgradeQuery = UpgradeQuery { mode: UpdateMode::Auto, health: Some(30) };
const MANUAL: UpgradeQuery = UpgradeQuery { mode: UpdateMode::Manual, health: Some(30) };

async fn upgrade(bed: &Bed, how: UpgradeQuery, to: &Service) -> Result<wasm_roles_control_interface::Operation, wasm_roles_control_interface::Refusal> {
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
    assert_eq!(bed.lines(&shop(), "Back_IN_1").await.iter().filter(|line| *line == "run [] depth=5").count(), 2);
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
    bed.controller.walk(&bed.tenant, &shop(), WalkRequest { domain: 0 }).await.unwrap();
    bed.hears(&shop(), "run [] depth=5").await;
    let now = loop {
        let now = waiting().await;
        if now.progress.as_ref().is_some_and(|progress| progress.walked() == 2) {
            break now;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(now.progress.unwrap().domain, Some(1));
    let walked = bed.controller.walk(&bed.tenant, &shop(), WalkRequest { domain: 0 }).await.unwrap_err();
    assert_eq!(walked.code, RefusalCode::WrongState);
    let back = bed.controller.rollback(&bed.tenant, &shop()).await;
    bed.done(back).await;
    assert_eq!(bed.over(Ok(begun.clone())).await.state, OperationState::RolledBack);
    let status = super::bed::all_ready(&bed.controller, &bed.tenant, &shop()).await;
    assert_eq!(status.summary.revision, 1);
}
