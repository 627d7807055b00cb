//! A deployment that somebody else has started.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::mpsc;
use wasm_roles_control_interface::{OperationState, RefusalCode, TargetRequest, TenantName, UpgradeQuery};
use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::virtual_network::HostRules;
use wasm_roles_fabric::{
    CertificateOptions, Clock, Deployment, DeploymentOptions, Event, Publication, Seed, WebOptions,
};
use wasm_roles_service_model::{Options, Source};

use super::bed::{SERVICE, all_ready, options, shop};
use super::changes::scale;
use crate::{Adopted, Adoption, Controller, Sources};

struct Foreground {
    controller: Controller,
    adopted: Adopted,
    told: mpsc::Receiver<Event>,
    id: String,
    folder: tempfile::TempDir,
}

async fn adopted() -> Foreground {
    let folder = tempfile::tempdir().unwrap();
    for role in ["Front", "Back"] {
        let package = SERVICE.package();
        let mut archive = tar::Archive::new(package.as_slice());
        let mut entries = archive.entries().unwrap().map(Result::unwrap);
        let mut guest =
            entries.find(|entry| entry.path().unwrap().ends_with(format!("{role}.wasm"))).unwrap();
        guest.unpack(folder.path().join(role).with_extension("wasm")).unwrap();
    }
    let source = |name: &str, text| Source { name: name.to_owned(), text };
    let sources = Sources {
        definition: source("Svc.csdef", SERVICE.definition()),
        configuration: Some(source("Svc.cscfg", SERVICE.configuration())),
        overlays: Vec::new(),
        options: Options::default(),
        limits: Vec::new(),
        confined_to: None,
    };
    let (model, _) = sources.model(None, &Default::default()).unwrap();
    let plan = Arc::new(sources.plan(&model).unwrap());
    let mut host = options(folder.path(), 1);
    host.data_dir = None;
    let at = [(wasm_roles_service_plan::Port::new(10_100).unwrap(), "127.0.0.1:0".parse().unwrap())].into();
    let running = DeploymentOptions {
        approots: Approots::beside(folder.path()),
        publication: Publication { at, ..Publication::default() },
        certificates: CertificateOptions::default(),
        stop_budget: wasm_roles_fabric::DEFAULT_STOP_BUDGET,
        web: WebOptions::default(),
        data_folder: folder.path().join("data"),
        at_rest: Default::default(),
        emulated: true,
        clock: Clock::new(SystemTime::UNIX_EPOCH),
        seed: Seed::new([9; 32]),
    };
    let (deployment, events) = Deployment::start(&host.runtime, plan, running).await.unwrap();
    let id = deployment.id().to_owned();
    let (controller, _) = Controller::open(host).await.unwrap();
    let (tee, told) = mpsc::channel(10_000);
    let adoption = Adoption {
        tenant: TenantName::usual(),
        who: shop(),
        deployment,
        events,
        tee: Some(tee),
        sources,
        rules: HostRules::default(),
    };
    let adopted = controller.adopt(adoption).await.unwrap();
    Foreground { controller, adopted, told, id, folder }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_operated_like_any_other_and_given_back() {
    let Foreground { controller, adopted, mut told, id, folder } = adopted().await;
    let tenant = TenantName::usual();
    let status = all_ready(&controller, &tenant, &shop()).await;
    assert_eq!((status.summary.id, status.summary.revision), (id.clone(), 1));
    let begun = controller.scale(&tenant, &shop(), scale(&[("Back", 3)])).await.unwrap();
    let wait = std::time::Duration::from_secs(60);
    let ended = controller.operation(&tenant, &shop().service, begun.id, wait).await.unwrap();
    assert_eq!(ended.state, OperationState::Done, "{ended:#?}");
    let begun = controller.rollback(&tenant, &shop()).await.unwrap();
    let ended = controller.operation(&tenant, &shop().service, begun.id, wait).await.unwrap();
    assert_eq!(ended.state, OperationState::Done, "{ended:#?}");
    let package = SERVICE.package();
    let upgrade =
        controller.upgrade(&tenant, &shop(), true, UpgradeQuery::default(), package.as_slice()).await;
    assert_eq!(upgrade.unwrap_err().code, RefusalCode::NotSupported);
    let deploy = controller.deploy(&tenant, &"bank".parse().unwrap(), true, package.as_slice()).await;
    assert_eq!(deploy.unwrap_err().code, RefusalCode::NotSupported);
    let deployment = adopted.release().await.expect("nobody has deleted it");
    assert_eq!((deployment.id(), deployment.statuses().now().len()), (id.as_str(), 3));
    assert_eq!(controller.status(&tenant, &shop()).unwrap_err().code, RefusalCode::NotFound);
    let stop = controller.stop(&tenant, &shop(), TargetRequest::default()).await;
    assert_eq!(stop.unwrap_err().code, RefusalCode::NotFound);
    deployment.kill().await;
    assert!(told.recv().await.is_some(), "whoever has started it hears of everything too");
    drop(folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_started_it_learns_that_it_was_deleted() {
    let Foreground { controller, adopted, .. } = adopted().await;
    controller.delete(&TenantName::usual(), &shop()).await.unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(60), adopted.ended()).await.unwrap();
    assert!(adopted.release().await.is_none());
}
