//! Hosts that are killed at every point where it matters, and what the next one finds.

use std::path::{Path, PathBuf};
use std::time::Duration;

use wasm_roles_control_interface::{
    DeploymentState, OperationKind, OperationState, Refusal, RefusalCode, TargetRequest, TenantName,
    UpdateRequest, UpgradeQuery,
};

use super::bed::{Kept, SERVICE, Service, all_ready, kept, killed, reopened, shop, staging};
use super::changes::scale;
use crate::Controller;
use crate::failpoint::Failpoint;

fn tenant() -> TenantName {
    TenantName::usual()
}

async fn deploy(controller: &Controller, service: &Service) {
    let begun = controller.deploy(&tenant(), &shop(), true, service.package().as_slice()).await.unwrap();
    controller.operation(&tenant(), &shop().service, begun.id, Duration::from_secs(60)).await.unwrap();
}

/// A host with the service deployed that is killed. What is to be the same afterwards.
fn deployed(folder: &Path, service: Service) -> Kept {
    killed(folder, 1, Failpoint::default(), async move |controller| {
        deploy(&controller, &service).await;
        kept(&controller.status(&tenant(), &shop()).unwrap())
    })
}

/// A host that is killed at this point, while it does `what`.
fn killed_at<F>(
    folder: &Path,
    life: u8,
    point: &'static str,
    what: impl FnOnce(Controller) -> F + Send + 'static,
) where
    F: Future<Output = Result<(), Refusal>> + Send + 'static,
{
    let failpoint = Failpoint::at(point);
    let reached = failpoint.clone();
    killed(folder, life, failpoint, async move |controller| {
        let doing = tokio::spawn(what(controller.clone()));
        tokio::time::timeout(Duration::from_secs(60), reached.reached()).await.expect(point);
        doing.abort();
    });
}

/// The folder with the deployment's local storage.
fn store(folder: &Path, id: &str, instance: &str) -> PathBuf {
    folder.join("tenants/default/services/shop/deployments").join(id).join("data").join(instance).join("Kept")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_host_comes_back_with_the_same_ids_places_ports_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let before = deployed(&data, SERVICE);
    let mark = store(&data, &before.id, "Back_IN_1").join("mark");
    std::fs::write(&mark, "kept").unwrap();
    let (controller, problems) = reopened(&data, 2).await;
    assert_eq!(problems, []);
    let after = all_ready(&controller, &tenant(), &shop()).await;
    assert_eq!(kept(&after), before);
    assert_eq!(std::fs::read_to_string(mark).unwrap(), "kept");
    assert_eq!(after.operations[0].kind, OperationKind::Recover);
    tokio::net::TcpStream::connect(after.summary.addresses[0].at).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_counts_and_stopped_instances_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let before = killed(&data, 1, Failpoint::default(), async |controller| {
        deploy(&controller, &Service { back: 4, ..SERVICE }).await;
        let wait = Duration::from_secs(60);
        let mut gap = scale(&[("Front", 2)]);
        gap.remove.push("Back_IN_1".to_owned());
        let begun = controller.scale(&tenant(), &shop(), gap).await.unwrap();
        controller.operation(&tenant(), &shop().service, begun.id, wait).await.unwrap();
        let rest = TargetRequest { targets: vec!["Back_IN_2".to_owned()] };
        let begun = controller.stop(&tenant(), &shop(), rest).await.unwrap();
        controller.operation(&tenant(), &shop().service, begun.id, wait).await.unwrap();
        kept(&controller.status(&tenant(), &shop()).unwrap())
    });
    assert_eq!(before.placement.len(), 5);
    let (controller, _) = reopened(&data, 2).await;
    let after = all_ready(&controller, &tenant(), &shop()).await;
    assert_eq!(kept(&after), before);
    let held: Vec<&str> =
        after.instances.iter().filter(|row| row.held).map(|row| row.instance.as_str()).collect();
    assert_eq!(held, ["Back_IN_2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_is_not_there_before_its_slot_says_so_and_is_finished_from_then_on() {
    for (point, is_there) in
        [("deploy: recorded", false), ("deploy: in its slot", true), ("deploy: started", true)]
    {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        killed_at(&data, 1, point, async |controller| {
            controller.deploy(&tenant(), &shop(), true, SERVICE.package().as_slice()).await.map(drop)
        });
        let (controller, problems) = reopened(&data, 2).await;
        assert_eq!(problems, [], "{point}");
        if is_there {
            let status = all_ready(&controller, &tenant(), &shop()).await;
            assert_eq!(status.operations[0].kind, OperationKind::Deploy, "{point}");
        } else {
            assert!(controller.services(&tenant()).deployments.is_empty(), "{point}");
            deploy(&controller, &SERVICE).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_was_begun_is_finished_and_never_half_there() {
    let new = Service { depth: 7, back: 3, front: 0, ..SERVICE };
    for point in ["change: intended", "change: made"] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let before = deployed(&data, SERVICE);
        let configuration = new.configuration();
        killed_at(&data, 2, point, async move |controller| {
            let request = UpdateRequest { name: "New.cscfg".to_owned(), configuration };
            controller.update(&tenant(), &shop(), request).await.map(drop)
        });
        let (controller, problems) = reopened(&data, 3).await;
        assert_eq!(problems, [], "{point}");
        let after = all_ready(&controller, &tenant(), &shop()).await;
        assert_eq!(
            (after.configuration.as_deref(), &after.summary.id),
            (Some("New.cscfg"), &before.id),
            "{point}"
        );
        let instances: Vec<&str> = after.instances.iter().map(|row| row.instance.as_str()).collect();
        assert_eq!(instances, ["Back_IN_0", "Back_IN_1", "Back_IN_2"], "{point}");
        let update = &after.operations[0];
        assert_eq!((update.kind, update.state), (OperationKind::Update, OperationState::Done), "{point}");
        assert!(after.can_roll_back);
        // Nobody runs with what was there before.
        let said = said(&controller).await;
        assert!(
            said.iter().filter(|line| line.starts_with("run")).all(|line| line == "run [] depth=7"),
            "{said:#?}"
        );
        assert!(
            !data
                .join("tenants/default/services/shop/deployments")
                .join(&before.id)
                .join("data/Front_IN_0")
                .exists()
        );
    }
}

async fn said(controller: &Controller) -> Vec<String> {
    use wasm_roles_control_interface::{JournalQuery, Streamed};
    let mut lines = controller.logs(&tenant(), &shop(), &JournalQuery::default()).unwrap();
    let mut said = Vec::new();
    while let Streamed::Line(line) = lines.next().await {
        said.push(line.message.clone());
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_is_taken_back_until_the_record_says_that_it_is_done() {
    for (point, is_done) in [("change: intended", false), ("upgrade: made", true)] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let before = deployed(&data, SERVICE);
        killed_at(&data, 2, point, async |controller| {
            let (how, new) = (UpgradeQuery::default(), Service { depth: 7, ..SERVICE });
            controller.upgrade(&tenant(), &shop(), true, how, new.package().as_slice()).await.map(drop)
        });
        let (controller, problems) = reopened(&data, 3).await;
        assert_eq!(problems, [], "{point}");
        let after = all_ready(&controller, &tenant(), &shop()).await;
        let revision = if is_done { 2 } else { 1 };
        assert_eq!(kept(&after), Kept { revision, ..before.clone() }, "{point}");
        let ended = if is_done { OperationState::Done } else { OperationState::RolledBack };
        let upgrade = &after.operations[0];
        assert_eq!((upgrade.kind, upgrade.state), (OperationKind::Upgrade, ended), "{point}");
        let depth = if is_done { "run [] depth=7" } else { "run [] depth=1" };
        let said = said(&controller).await;
        assert!(said.iter().filter(|line| line.starts_with("run")).all(|line| line == depth), "{said:#?}");
        let revisions =
            data.join("tenants/default/services/shop/deployments").join(&before.id).join("revisions");
        assert_eq!(std::fs::read_dir(revisions).unwrap().count(), if is_done { 2 } else { 1 });
        assert_eq!(after.can_roll_back, is_done, "{point}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_that_was_begun_is_finished() {
    for point in ["delete: intended", "delete: out of its slot"] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        deployed(&data, SERVICE);
        killed_at(&data, 2, point, async |controller| controller.delete(&tenant(), &shop()).await.map(drop));
        let (controller, problems) = reopened(&data, 3).await;
        assert_eq!(problems, [], "{point}");
        assert!(controller.services(&tenant()).deployments.is_empty(), "{point}");
        assert!(!data.join("tenants/default/services/shop").exists(), "{point}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_an_older_record_of_the_service_does_not_name_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let before = deployed(&data, SERVICE);
    let record = data.join("tenants/default/services/shop/service.json");
    let older = r#"{"format": 1, "service": "shop", "production": null, "staging": null}"#;
    std::fs::write(&record, older).unwrap();
    let (controller, problems) = reopened(&data, 2).await;
    assert!(
        problems[0].message.contains("is in no slot of its service, and was left alone"),
        "{problems:#?}"
    );
    assert!(controller.services(&tenant()).deployments.is_empty());
    assert!(store(&data, &before.id, "Back_IN_0").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_cannot_be_finished_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let before = deployed(&data, SERVICE);
    let configuration = Service { depth: 7, ..SERVICE }.configuration();
    killed_at(&data, 2, "change: intended", async move |controller| {
        let request = UpdateRequest { name: "New.cscfg".to_owned(), configuration };
        controller.update(&tenant(), &shop(), request).await.map(drop)
    });
    // What was asked for cannot be read any more.
    let record =
        data.join("tenants/default/services/shop/deployments").join(&before.id).join("deployment.json");
    let written = std::fs::read_to_string(&record).unwrap();
    std::fs::write(&record, written.replace("<ServiceConfiguration", "<ServiceConfigurati0n")).unwrap();
    let (controller, problems) = reopened(&data, 3).await;
    assert_eq!(problems, []);
    let after = all_ready(&controller, &tenant(), &shop()).await;
    assert_eq!(kept(&after), before);
    let update = &after.operations[0];
    assert_eq!(
        (update.kind, update.state),
        (OperationKind::Update, OperationState::RolledBack),
        "{update:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_given_the_same_seed_again_gives_no_id_twice() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let before = deployed(&data, SERVICE);
    let (controller, _) = reopened(&data, 1).await;
    for _ in 0..4 {
        let begun =
            controller.deploy(&tenant(), &staging(), true, SERVICE.package().as_slice()).await.unwrap();
        let wait = Duration::from_secs(60);
        let ended = controller.operation(&tenant(), &shop().service, begun.id, wait).await.unwrap();
        assert_eq!(ended.state, OperationState::Done, "{ended:#?}");
        assert_ne!(controller.status(&tenant(), &staging()).unwrap().summary.id, before.id);
        let begun = controller.delete(&tenant(), &staging()).await.unwrap();
        controller.operation(&tenant(), &shop().service, begun.id, wait).await.unwrap();
    }
    assert_eq!(kept(&all_ready(&controller, &tenant(), &shop()).await), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_is_all_done_or_not_begun() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (production, staged) = killed(&data, 1, Failpoint::default(), async |controller| {
        deploy(&controller, &SERVICE).await;
        let begun =
            controller.deploy(&tenant(), &staging(), true, SERVICE.package().as_slice()).await.unwrap();
        controller.operation(&tenant(), &shop().service, begun.id, Duration::from_secs(60)).await.unwrap();
        let of = |who| kept(&controller.status(&tenant(), who).unwrap());
        (of(&shop()), of(&staging()))
    });
    killed_at(&data, 2, "swap: recorded", async |controller| {
        controller.swap(&tenant(), &shop().service).await.map(drop)
    });
    let (controller, problems) = reopened(&data, 3).await;
    assert_eq!(problems, []);
    let after = kept(&all_ready(&controller, &tenant(), &shop()).await);
    let other = kept(&all_ready(&controller, &tenant(), &staging()).await);
    assert_eq!((&after.id, &other.id), (&staged.id, &production.id));
    assert_eq!((after.addresses, other.addresses), (production.addresses, staged.addresses));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_or_newer_is_left_alone_and_the_others_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let id = killed(&data, 1, Failpoint::default(), async |controller| {
        deploy(&controller, &SERVICE).await;
        for name in ["bank", "farm", "mill"] {
            let begun = controller
                .deploy(&tenant(), &name.parse().unwrap(), true, SERVICE.package().as_slice())
                .await;
            let begun = begun.unwrap();
            controller
                .operation(&tenant(), &name.parse().unwrap(), begun.id, Duration::from_secs(60))
                .await
                .unwrap();
        }
        controller.status(&tenant(), &"bank".parse().unwrap()).unwrap().summary.id
    });
    let services = data.join("tenants/default/services");
    let bank = services.join("bank/deployments").join(id).join("deployment.json");
    let cut = std::fs::read_to_string(&bank).unwrap();
    let cut = &cut[..cut.len() / 2];
    std::fs::write(&bank, cut).unwrap();
    let farm = services.join("farm/service.json");
    let newer = std::fs::read_to_string(&farm).unwrap().replace("\"format\": 1", "\"format\": 2");
    std::fs::write(&farm, &newer).unwrap();
    std::fs::remove_file(services.join("mill/service.json")).unwrap();
    let (controller, problems) = reopened(&data, 2).await;
    let told: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(problems.len(), 3, "{told:#?}");
    assert!(told.iter().any(|told| told.contains("deployment.json is damaged")), "{told:#?}");
    assert!(
        told.iter().any(|told| told.contains("has format 2, and this version reads format 1")),
        "{told:#?}"
    );
    assert!(told.iter().any(|told| told.contains("there is no file")), "{told:#?}");
    all_ready(&controller, &tenant(), &shop()).await;
    for name in ["bank", "farm", "mill"] {
        let who = name.parse().unwrap();
        let status = controller.status(&tenant(), &who).unwrap();
        assert_eq!((status.summary.state, status.problems.len()), (DeploymentState::Failed, 1), "{name}");
        assert_eq!(controller.delete(&tenant(), &who).await.unwrap_err().code, RefusalCode::WrongState);
        let taken = controller.deploy(&tenant(), &who, true, SERVICE.package().as_slice()).await.unwrap_err();
        assert_eq!(taken.code, RefusalCode::AlreadyExists, "{name}");
    }
    assert_eq!(std::fs::read_to_string(bank).unwrap(), cut);
    assert_eq!(std::fs::read_to_string(farm).unwrap(), newer);
    assert!(services.join("mill/deployments").read_dir().unwrap().next().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_cannot_start_again_says_why_and_can_be_started_when_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let before = deployed(&data, SERVICE);
    let taken = std::net::TcpListener::bind(&before.addresses[0].1).unwrap();
    let (controller, problems) = reopened(&data, 2).await;
    assert!(problems[0].message.contains("something else listens there"), "{problems:#?}");
    let status = controller.status(&tenant(), &shop()).unwrap();
    assert_eq!((status.summary.state, &status.summary.id), (DeploymentState::Failed, &before.id));
    let busy = controller.scale(&tenant(), &shop(), scale(&[("Back", 1)])).await.unwrap_err();
    assert_eq!(busy.code, RefusalCode::WrongState);
    drop(taken);
    let begun = controller.start(&tenant(), &shop(), TargetRequest::default()).await.unwrap();
    let ended =
        controller.operation(&tenant(), &shop().service, begun.id, Duration::from_secs(60)).await.unwrap();
    assert_eq!(ended.state, OperationState::Done, "{ended:#?}");
    assert_eq!(kept(&all_ready(&controller, &tenant(), &shop()).await), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_closed_comes_back_too() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let before = killed(&data, 1, Failpoint::default(), async |controller| {
        deploy(&controller, &SERVICE).await;
        let before = kept(&controller.status(&tenant(), &shop()).unwrap());
        controller.close(std::future::pending()).await;
        let refused = controller.deploy(&tenant(), &staging(), true, [].as_slice()).await.unwrap_err();
        assert_eq!(refused.code, RefusalCode::Stopping);
        before
    });
    let (controller, problems) = reopened(&data, 2).await;
    assert_eq!(problems, []);
    assert_eq!(kept(&all_ready(&controller, &tenant(), &shop()).await), before);
}
