//! What instances have stored, in an upgrade.

use wasm_roles_fabric::UpgradeOutcome;

use crate::bed::{Bed, Role, role, service};

fn web(store: &str) -> Role {
    let stores = format!(
        r#"<LocalResources><LocalStorage name="Kept" cleanOnRoleRecycle="false" {store} /></LocalResources>"#
    );
    role("Web", 1).elements(stores)
}

/// A deployment of it whose instance has something stored.
async fn with_something_stored() -> Bed {
    let bed = Bed::ready(service([web(r#"sizeInMB="7""#), role("Back", 1)])).await;
    std::fs::write(bed.stored("Web_IN_0", "Kept"), "words").unwrap();
    bed
}

#[tokio::test(start_paused = true)]
async fn local_storage_is_kept_and_may_grow_and_get_a_neighbour() {
    let mut bed = with_something_stored().await;
    let more = web(r#"sizeInMB="9""#);
    let elements = more
        .elements
        .replace("</LocalResources>", r#"<LocalStorage name="New" sizeInMB="1" /></LocalResources>"#);
    bed.upgrade_to(service([more.elements(elements), role("Back", 1)])).await;
    assert_eq!(std::fs::read_to_string(bed.stored("Web_IN_0", "Kept")).unwrap(), "words");
    assert!(bed.stored("Web_IN_0", "New").parent().unwrap().is_dir());
}

#[tokio::test(start_paused = true)]
async fn another_size_of_machine_loses_what_is_stored() {
    let mut bed = with_something_stored().await;
    bed.upgrade_to(service([web(r#"sizeInMB="7""#).attributes(r#"vmsize="Large""#), role("Back", 1)])).await;
    assert!(!bed.stored("Web_IN_0", "Kept").exists());
    // Once, and not with each recycle.
    std::fs::write(bed.stored("Web_IN_0", "Kept"), "other words").unwrap();
    let instance = bed.deployment.plan().instances[0].id.clone();
    bed.deployment.recycle(&[instance]).await.unwrap();
    assert_eq!(std::fs::read_to_string(bed.stored("Web_IN_0", "Kept")).unwrap(), "other words");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_goes_takes_what_it_has_stored_with_it() {
    let mut bed = with_something_stored().await;
    bed.upgrade_to(service([role("Back", 1)])).await;
    assert!(!bed.stored("Web_IN_0", "Kept").parent().unwrap().parent().unwrap().exists());
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_outlives_an_upgrade_that_is_taken_back() {
    let mut bed = with_something_stored().await;
    let broken = web(r#"sizeInMB="9""#).mode("answer on-start");
    let summary = bed.upgrade_to(service([broken, role("Back", 1)])).await;
    assert!(matches!(summary.outcome, UpgradeOutcome::RolledBack(_)), "{summary:?}");
    assert_eq!(std::fs::read_to_string(bed.stored("Web_IN_0", "Kept")).unwrap(), "words");
}
