//! What cannot be had as it was asked for goes on as it was before, with all that it had.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use wasm_roles_control_interface::{
    OperationKind, OperationState, RefusalCode, TargetRequest, TenantName, UpgradeQuery,
};

use super::bed::{Bed, Kept, SERVICE, Service, all_ready, kept, killed, reopened, shop, staging};
use super::changes::scale;
use crate::Controller;
use crate::failpoint::Failpoint;

const WAIT: Duration = Duration::from_secs(60);

fn tenant() -> TenantName {
    TenantName::usual()
}

/// Ports of single instances, which begin at this one.
fn direct_ports(first: u16) -> &'static str {
    let last = first + 9;
    format!(
        r#"<Endpoints><InstanceInputEndpoint name="Direct" protocol="tcp" localPort="7000">
            <AllocatePublicPortFrom><FixedPortRange min="{first}" max="{last}" /></AllocatePublicPortFrom>
        </InstanceInputEndpoint></Endpoints>"#
    )
    .leak()
}

/// A port that is free, and a listener at the next one.
fn free_beside_taken() -> (u16, TcpListener) {
    loop {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let before = taken.local_addr().unwrap().port() - 1;
        if before < 65_500 && TcpListener::bind((Ipv4Addr::LOCALHOST, before)).is_ok() {
            return (before, taken);
        }
    }
}

async fn deploy(controller: &Controller, service: &Service) {
    let package = service.package();
    let begun = controller.deploy(&tenant(), &shop(), true, package.as_slice()).await.unwrap();
    let ended = controller.operation(&tenant(), &shop().service, begun.id, WAIT).await.unwrap();
    assert_eq!(ended.state, OperationState::Done, "{ended:#?}");
}

fn deployed(data: &Path, service: Service) -> Kept {
    killed(data, 1, Failpoint::default(), async move |controller| {
        deploy(&controller, &service).await;
        kept(&controller.status(&tenant(), &shop()).unwrap())
    })
}

fn folder(data: &Path, id: &str) -> PathBuf {
    data.join("tenants/default/services/shop/deployments").join(id)
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_go_on_after_a_scale_that_could_not_be_finished_have_their_stores() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let (first, _taken) = free_beside_taken();
    let before = deployed(&data, Service { back: 4, inside: direct_ports(first), ..SERVICE });
    let mark = folder(&data, &before.id).join("data/Back_IN_3/Kept/mark");
    std::fs::write(&mark, "kept").unwrap();
    // A second Front needs the port that somebody else has.
    let point = Failpoint::at("change: intended");
    killed(&data, 2, point.clone(), async move |controller| {
        let scaling = tokio::spawn(async move {
            drop(controller.scale(&tenant(), &shop(), scale(&[("Front", 2), ("Back", 2)])).await);
        });
        tokio::time::timeout(WAIT, point.reached()).await.unwrap();
        scaling.abort();
    });
    let (controller, problems) = reopened(&data, 3).await;
    assert_eq!(problems, []);
    let after = all_ready(&controller, &tenant(), &shop()).await;
    assert_eq!(kept(&after), before);
    let scale = &after.operations[0];
    assert_eq!((scale.kind, scale.state), (OperationKind::Scale, OperationState::RolledBack), "{scale:#?}");
    assert_eq!(std::fs::read_to_string(mark).unwrap(), "kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_stopped_and_is_gone_is_not_stopped_when_one_of_that_name_comes() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let point = Failpoint::at("change: intended");
    let reached = point.clone();
    deployed(&data, Service { back: 3, ..SERVICE });
    killed(&data, 2, Failpoint::default(), async |controller| {
        let rest = TargetRequest { targets: vec!["Back_IN_2".to_owned()] };
        let begun = controller.stop(&tenant(), &shop(), rest).await.unwrap();
        controller.operation(&tenant(), &shop().service, begun.id, WAIT).await.unwrap();
    });
    killed(&data, 3, point, async move |controller| {
        let scaling = tokio::spawn(async move {
            drop(controller.scale(&tenant(), &shop(), scale(&[("Back", 2)])).await);
        });
        tokio::time::timeout(WAIT, reached.reached()).await.unwrap();
        scaling.abort();
    });
    let (controller, _) = reopened(&data, 4).await;
    let begun = controller.scale(&tenant(), &shop(), scale(&[("Back", 3)])).await.unwrap();
    controller.operation(&tenant(), &shop().service, begun.id, WAIT).await.unwrap();
    let status = all_ready(&controller, &tenant(), &shop()).await;
    assert_eq!(status.instances.len(), 4);
    assert!(status.instances.iter().all(|row| !row.held), "{status:#?}");
    let again = TargetRequest { targets: vec!["Back_IN_2".to_owned()] };
    let refused = controller.start(&tenant(), &shop(), again).await.unwrap_err();
    assert_eq!(refused.message, "none of them is stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_record_that_was_put_back_costs_no_package() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let (id, older) = killed(&data, 1, Failpoint::default(), {
        let data = data.clone();
        async move |controller| {
            deploy(&controller, &SERVICE).await;
            let id = controller.status(&tenant(), &shop()).unwrap().summary.id;
            let older = std::fs::read_to_string(folder(&data, &id).join("deployment.json")).unwrap();
            for depth in [2, 3] {
                let package = Service { depth, ..SERVICE }.package();
                let how = UpgradeQuery::default();
                let begun =
                    controller.upgrade(&tenant(), &shop(), true, how, package.as_slice()).await.unwrap();
                controller.operation(&tenant(), &shop().service, begun.id, WAIT).await.unwrap();
            }
            (id, older)
        }
    });
    let (record, revisions) =
        (folder(&data, &id).join("deployment.json"), folder(&data, &id).join("revisions"));
    let newer = std::fs::read_to_string(&record).unwrap();
    let kept = std::fs::read_dir(&revisions).unwrap().count();
    // It names a package that is gone.
    std::fs::write(&record, older).unwrap();
    let problems = killed(&data, 2, Failpoint::default(), async |controller| {
        controller.host_of_owner(&tenant()).problems
    });
    assert!(!problems.is_empty());
    assert_eq!(std::fs::read_dir(&revisions).unwrap().count(), kept);
    std::fs::write(&record, newer).unwrap();
    let (controller, problems) = reopened(&data, 3).await;
    assert_eq!(problems, []);
    assert_eq!(all_ready(&controller, &tenant(), &shop()).await.summary.revision, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scale_that_is_taken_back_half_way_opens_its_ports_where_they_were() {
    // In staging the ports of the definition are somebody else's.
    let options = serde_json::json!({"stop_seconds": 2});
    let (first, _taken) = free_beside_taken();
    let slow = Service { front: 2, mode: "hang on-stop", inside: direct_ports(first), options, ..SERVICE };
    let bed = Bed::open().await;
    bed.deploys(&staging(), &slow).await;
    let before = kept(&bed.status(&staging()));
    let mut walk = bed.controller.unit(&bed.tenant, &staging()).seen().unwrap().walk;
    let shrinking = bed.controller.scale(&bed.tenant, &staging(), scale(&[("Front", 1)])).await.unwrap();
    let finishing = wasm_roles_fabric::progress::WalkPhase::Finishing;
    walk.wait_for(|walk| walk.phase == finishing).await.unwrap();
    bed.hears(&staging(), "on-stop").await;
    let back = bed.controller.rollback(&bed.tenant, &staging()).await;
    assert_eq!(bed.over(Ok(shrinking)).await.failure.unwrap().code, RefusalCode::Interrupted);
    bed.done(back).await;
    let after = all_ready(&bed.controller, &bed.tenant, &staging()).await;
    assert_eq!(kept(&after), before);
}
