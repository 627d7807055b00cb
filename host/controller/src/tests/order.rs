//! Who asks when something else is under way, or was broken off: nothing is done to what it was not asked for, and nothing twice.

use std::sync::Arc;
use std::time::Duration;

use wasm_roles_control_interface::{
    DeploymentRef, InstanceState, OperationKind, OperationState, RefusalCode, Slot, TargetRequest,
    UpgradeQuery,
};

use super::bed::{Bed, SERVICE, Service, all_ready, killed, options, reopened, shop, staging};
use super::changes::scale;
use crate::Controller;
use crate::failpoint::Failpoint;
use crate::operations::End;
use crate::record::{Begun, DeploymentRecord};
use crate::unit::Claim;

/// An operation of a deployment that runs until the test ends it, and gives way to everything.
async fn held_up(bed: &Bed, who: &DeploymentRef) -> Claim {
    let unit = bed.controller.unit(&bed.tenant, who);
    let mut claim = unit.claim(&bed.controller.0, OperationKind::Recycle).await.unwrap();
    claim.begin();
    claim.operation.now_yields();
    claim
}

/// Waits until somebody wants the operation to give up.
async fn is_waited_for(claim: &Claim) {
    tokio::time::timeout(Duration::from_secs(60), claim.operation.given_up()).await.expect("somebody waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_that_has_waited_deletes_what_is_in_its_slot_then() {
    let bed = Bed::with(&SERVICE).await;
    bed.deploys(&staging(), &Service { depth: 9, ..SERVICE }).await;
    let ids = [shop(), staging()].map(|who| bed.status(&who).summary.id);
    let claim = held_up(&bed, &staging()).await;
    let (controller, tenant) = (bed.controller.clone(), bed.tenant.clone());
    let deleting = tokio::spawn(async move { controller.delete(&tenant, &staging()).await });
    is_waited_for(&claim).await;
    // A swap was quicker.
    bed.controller.0.service(&bed.tenant, &shop().service).unwrap().swap();
    claim.end(End::done("it was recycled"));
    bed.done(deleting.await.unwrap()).await;
    assert_eq!(bed.status(&shop()).summary.id, ids[1], "what came into production stays there");
    assert_eq!(bed.controller.status(&bed.tenant, &staging()).unwrap_err().code, RefusalCode::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_operation_that_was_broken_off_there_is_only_the_way_back() {
    let bed = Bed::with(&SERVICE).await;
    let unit = bed.controller.unit(&bed.tenant, &shop());
    let record = unit.record().unwrap();
    let begun = Begun {
        id: bed.controller.0.next_operation(),
        kind: OperationKind::Update,
        at: bed.controller.0.now(),
        target: Some(record.current.clone()),
        undoes: None,
    };
    unit.save(DeploymentRecord { begun: Some(begun), ..record }).await.unwrap();
    let everything = TargetRequest::default;
    let package = SERVICE.package();
    let refused = [
        bed.controller.scale(&bed.tenant, &shop(), scale(&[("Back", 1)])).await,
        bed.controller.recycle(&bed.tenant, &shop(), everything()).await,
        bed.controller.stop(&bed.tenant, &shop(), everything()).await,
        bed.controller.upgrade(&bed.tenant, &shop(), true, UpgradeQuery::default(), package.as_slice()).await,
    ];
    for refused in refused {
        let refusal = refused.unwrap_err();
        assert_eq!(refusal.code, RefusalCode::WrongState);
        assert!(refusal.message.contains("was broken off half-way"), "{refusal}");
        assert!(refusal.hint.unwrap().contains("rollback"));
    }
    assert!(unit.record().unwrap().begun.is_some(), "it is not forgotten");
    let back = bed.controller.rollback(&bed.tenant, &shop()).await;
    bed.done(back).await;
    assert!(unit.record().unwrap().begun.is_none());
    let scaled = bed.controller.scale(&bed.tenant, &shop(), scale(&[("Back", 1)])).await;
    bed.done(scaled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_of_what_could_not_be_brought_back_finds_that_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let deployed = data.clone();
    killed(&deployed, 1, Failpoint::default(), async |controller| {
        let tenant = wasm_roles_control_interface::TenantName::usual();
        let begun = controller.deploy(&tenant, &shop(), true, SERVICE.package().as_slice()).await.unwrap();
        controller.operation(&tenant, &shop().service, begun.id, Duration::from_secs(60)).await.unwrap();
    });
    // Its component is not there for a while.
    let component = find(&data, "Front.wasm");
    let hidden = component.with_extension("hidden");
    std::fs::rename(&component, &hidden).unwrap();
    let (controller, problems) = reopened(&data, 2).await;
    assert_eq!(problems.len(), 1, "{problems:?}");
    std::fs::rename(&hidden, &component).unwrap();
    let tenant = wasm_roles_control_interface::TenantName::usual();
    let who = shop();
    let start = || controller.start(&tenant, &who, TargetRequest::default());
    let (first, second) = tokio::join!(start(), start());
    let outcomes = [first, second];
    let begun: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    assert_eq!(begun.len(), 1, "{outcomes:?}");
    let wait = Duration::from_secs(60);
    let ended = controller.operation(&tenant, &shop().service, begun[0].id, wait).await.unwrap();
    assert_eq!(ended.state, OperationState::Done, "{ended:#?}");
    let status = all_ready(&controller, &tenant, &shop()).await;
    assert!(
        status.instances.iter().all(|row| row.state == InstanceState::Ready),
        "it runs once, and runs on"
    );
}

/// The only file of this name.
fn find(folder: &std::path::Path, name: &str) -> std::path::PathBuf {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path if path.ends_with(name) => return path,
                _ => {}
            }
        }
    }
    panic!("there is no {name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_closes_waits_for_what_has_begun_and_lets_nothing_begin() {
    let bed = Bed::with(&SERVICE).await;
    let claim = held_up(&bed, &shop()).await;
    let controller = bed.controller.clone();
    let closing = tokio::spawn(async move { controller.close(std::future::pending()).await });
    is_waited_for(&claim).await;
    let refused = bed.controller.scale(&bed.tenant, &shop(), scale(&[("Back", 1)])).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::Stopping);
    let unit = Arc::clone(&claim.unit);
    assert!(unit.alive.lock().await.is_some(), "it is not stopped under the operation");
    claim.end(End::done("it was recycled"));
    closing.await.unwrap();
    assert!(unit.alive.lock().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_an_upgrade_has_closed_opens_again_where_it_was_published_before() {
    let more = r#"<Endpoints><InputEndpoint name="More" protocol="tcp" port="10101" localPort="7001" /></Endpoints>"#;
    let options = serde_json::json!({"publish": {"10100": "127.0.0.1:0", "10101": "127.0.0.1:0"}});
    let bed = Bed::with(&Service { inside: more, options, ..SERVICE }).await;
    let package = SERVICE.package();
    let begun =
        bed.controller.upgrade(&bed.tenant, &shop(), true, UpgradeQuery::default(), package.as_slice()).await;
    bed.done(begun).await;
    assert_eq!(bed.status(&shop()).summary.addresses.len(), 1);
    // Somebody else has the number on this machine, or may not be given it.
    let _taken = std::net::TcpListener::bind(("127.0.0.1", 10_101));
    let begun = bed.controller.rollback(&bed.tenant, &shop()).await;
    bed.done(begun).await;
    let addresses = bed.status(&shop()).summary.addresses;
    let more = addresses.iter().find(|address| address.port == 10_101).unwrap();
    assert_ne!(more.at.port(), 10_101, "{more:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_brings_back_what_it_had_answers_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let tenant = wasm_roles_control_interface::TenantName::usual();
    let deployed = data.clone();
    killed(&deployed, 1, Failpoint::default(), async |controller| {
        let tenant = wasm_roles_control_interface::TenantName::usual();
        let begun = controller.deploy(&tenant, &shop(), true, SERVICE.package().as_slice()).await.unwrap();
        controller.operation(&tenant, &shop().service, begun.id, Duration::from_secs(60)).await.unwrap();
    });
    let (controller, recovery) = Controller::begin(options(&data, 2)).await.unwrap();
    assert_eq!(recovery.deployments(), 1);
    let list = controller.services(&tenant).deployments;
    assert_eq!((list.len(), list[0].deployment.slot), (1, Slot::Production));
    assert!(controller.host(&tenant).recovering);
    let other: DeploymentRef = "bank".parse().unwrap();
    for refused in [
        controller.deploy(&tenant, &other, true, SERVICE.package().as_slice()).await,
        controller.scale(&tenant, &shop(), scale(&[("Back", 1)])).await,
    ] {
        let refusal = refused.unwrap_err();
        assert_eq!((refusal.code, refusal.code.status()), (RefusalCode::Recovering, 503));
        assert!(refusal.hint.unwrap().contains("in a moment"));
    }
    assert_eq!(recovery.finish().await, []);
    assert!(!controller.host(&tenant).recovering);
    all_ready(&controller, &tenant, &shop()).await;
    let begun = controller.scale(&tenant, &shop(), scale(&[("Back", 1)])).await.unwrap();
    let wait = Duration::from_secs(60);
    let ended = controller.operation(&tenant, &shop().service, begun.id, wait).await.unwrap();
    assert_eq!(ended.state, OperationState::Done);
}
