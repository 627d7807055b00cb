//! Upgrades that are refused change nothing.

use std::collections::BTreeMap;

use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::{Publication, Upgrade, UpgradeError, WalkPhase};
use wasm_roles_service_plan::Port;

use crate::bed::{Bed, Role, role, service, taken};

const INPUT: &str = r#"<Endpoints><InputEndpoint name="In" protocol="tcp" port="81" /></Endpoints>"#;
const STORE: &str = r#"<LocalResources><LocalStorage name="Kept" sizeInMB="7" /></LocalResources>"#;

fn web() -> Role {
    role("Web", 1).elements(STORE)
}

/// Tries it; says why not, and what can be done.
async fn refused(bed: &mut Bed, upgrade: Upgrade) -> (String, String) {
    let before = (bed.statuses(), bed.published(), bed.deployment.generation());
    let policy = bed.deployment.network().policy();
    let error = bed.upgrade(upgrade).await.unwrap_err();
    assert_eq!((bed.statuses(), bed.published(), bed.deployment.generation()), before);
    assert!(std::sync::Arc::ptr_eq(&policy, &bed.deployment.network().policy()));
    assert_eq!(bed.deployment.progress().borrow().phase, WalkPhase::Idle);
    (error.to_string(), error.hints().join("; "))
}

#[tokio::test(start_paused = true)]
async fn what_cannot_change_in_place_is_named_with_a_way_out() {
    let mut bed = Bed::ready(service([web()])).await;
    let smaller = web().elements(STORE.replace('7', "6"));
    let upgrade = bed.to(&service([smaller]));
    let (error, hint) = refused(&mut bed, upgrade).await;
    assert_eq!(error, "local storage Kept of role Web would shrink from 7 to 6 MB, and it may hold more");
    assert!(hint.starts_with("give Kept 7 MB or more; else deploy it to the other slot and swap"), "{hint}");
}

#[tokio::test(start_paused = true)]
async fn a_component_that_is_not_there_or_cannot_run_changes_nothing() {
    let mut bed = Bed::ready(service([web()])).await;
    let upgrade = bed.to(&service([web(), role("New", 1)]));
    let empty = tempfile::tempdir().unwrap();
    let nowhere = Upgrade { approots: Approots::beside(empty.path()), ..upgrade };
    let (error, hint) = refused(&mut bed, nowhere).await;
    for role in ["Web", "New"] {
        assert!(error.contains(&format!("role {role} has no component")), "{error}");
    }
    assert!(hint.contains("--approot"), "{hint}");

    let upgrade = bed.to(&service([web()]));
    std::fs::write(empty.path().join("Web.wasm"), "no component").unwrap();
    let broken = Upgrade { approots: Approots::beside(empty.path()), ..upgrade };
    let (error, _) = refused(&mut bed, broken).await;
    assert!(error.starts_with("role Web cannot be loaded"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_new_public_port_that_cannot_listen_changes_nothing() {
    let mut bed = Bed::ready(service([web()])).await;
    let upgrade = bed.to(&service([web().elements(format!("{STORE}{INPUT}"))]));
    let somebody = taken();
    let at: BTreeMap<Port, _> = [(Port::new(81).unwrap(), somebody.local_addr().unwrap())].into();
    let publication = Some(Publication { at, ..Publication::default() });
    let (error, hint) = refused(&mut bed, Upgrade { publication, ..upgrade }).await;
    assert!(
        error.starts_with("public port 81 (endpoint In of role Web) cannot listen on 127.0.0.1:"),
        "{error}"
    );
    assert!(hint.contains("--publish 81="), "{hint}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_was_made_for_another_deployment_changes_nothing() {
    let mut bed = Bed::ready(service([web(), role("Back", 1)])).await;
    let mut elsewhere = Bed::ready(service([role("Back", 1), web()])).await;
    let upgrade = elsewhere.to(&service([role("Back", 1), web()]));
    let (error, _) = refused(&mut bed, upgrade).await;
    assert!(error.contains("runs at another address than in the new plan"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn there_is_nothing_to_take_back_where_nothing_was_begun_or_all_is_done() {
    let mut bed = Bed::ready(service([web()])).await;
    assert!(matches!(bed.roll_back().await, Err(UpgradeError::NothingBegun)));
    bed.upgrade_to(service([web()])).await;
    assert!(matches!(bed.roll_back().await, Err(UpgradeError::NothingBegun)));
    assert_eq!(bed.statuses(), ["Web_IN_0 Ready 2"]);
}
