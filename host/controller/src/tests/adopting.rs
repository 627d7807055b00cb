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

use super::bed::{SERVICE, Service, all_ready, options, shop};
use super::changes::scale;
use crate::{Adopted, Adoption, Controller, Renewal, Sources};

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

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_its_folders_now_runs_in_the_roles_that_have_changed() {
    let Foreground { controller, adopted, folder, .. } = adopted().await;
    let tenant = TenantName::usual();
    all_ready(&controller, &tenant, &shop()).await;
    let launches = || {
        let statuses = controller.unit(&tenant, &shop()).seen().unwrap().statuses.now();
        statuses.iter().map(|one| (one.instance.to_string(), one.launches)).collect::<Vec<_>>()
    };
    let renewal = || Renewal { sources: None, approots: Approots::beside(folder.path()), certificates: None };
    let nothing = adopted.renew(renewal()).await.unwrap();
    assert_eq!(nothing.state, OperationState::Done, "{nothing:#?}");
    assert!(nothing.message.contains("3 instances run on"), "{}", nothing.message);

    let guest = |name: &str| {
        let guests = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .unwrap()
            .join("target/guests");
        guests.join(name).with_extension("wasm")
    };
    std::fs::copy(guest("role-misbehave"), folder.path().join("Front.wasm")).unwrap();
    let renewed = adopted.renew(renewal()).await.unwrap();
    assert_eq!(renewed.state, OperationState::Done, "{renewed:#?}");
    let of = |name: &str| (name.to_owned(), if name == "Front_IN_0" { 2 } else { 1 });
    assert_eq!(launches(), ["Front_IN_0", "Back_IN_0", "Back_IN_1"].map(of));

    std::fs::write(folder.path().join("Front.wasm"), "no component").unwrap();
    let refused = adopted.renew(renewal()).await.unwrap();
    assert_eq!(refused.state, OperationState::Failed);
    let failure = refused.failure.unwrap();
    assert_eq!((failure.code, failure.details.len()), (RefusalCode::CannotStart, 1));
    assert_eq!(launches(), ["Front_IN_0", "Back_IN_0", "Back_IN_1"].map(of), "what ran runs on");

    let updated =
        adopted.update("Svc.cscfg".to_owned(), Service { depth: 7, ..SERVICE }.configuration()).await;
    assert_eq!(updated.unwrap().state, OperationState::Done);
    assert_eq!(adopted.take_back().await, Ok(None), "nothing is under way");
    let wrong = adopted.update("Svc.cscfg".to_owned(), "<nothing>".to_owned()).await.unwrap_err();
    assert_eq!(wrong.code, RefusalCode::BadConfiguration);
    adopted.release().await.unwrap().kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_hangs_is_taken_back_for_what_is_newer() {
    let Foreground { controller, adopted, folder, .. } = adopted().await;
    all_ready(&controller, &TenantName::usual(), &shop()).await;
    let sources = |mode: &'static str| {
        let service = Service { mode, ..SERVICE };
        let source = |name: &str, text| Source { name: name.to_owned(), text };
        Sources {
            definition: source("Svc.csdef", service.definition()),
            configuration: Some(source("Svc.cscfg", service.configuration())),
            overlays: Vec::new(),
            options: Options::default(),
            limits: Vec::new(),
            confined_to: None,
        }
    };
    let renewal = |mode| {
        let approots = Approots::beside(folder.path());
        Renewal { sources: Some(sources(mode)), approots, certificates: None }
    };
    let (hanging, handle) = (renewal("hang on-start"), adopted.clone());
    let renewing = tokio::spawn(async move { handle.renew(hanging).await });
    let mut walk = controller.unit(&TenantName::usual(), &shop()).seen().unwrap().walk;
    let is_walking = |walk: &wasm_roles_fabric::WalkProgress| walk.domain.is_some();
    tokio::time::timeout(std::time::Duration::from_secs(60), walk.wait_for(is_walking))
        .await
        .unwrap()
        .unwrap();
    let back = adopted.take_back().await.unwrap().expect("it was under way");
    assert_eq!(back.state, OperationState::Done, "{back:#?}");
    let interrupted = renewing.await.unwrap().unwrap();
    assert_eq!(interrupted.failure.unwrap().code, RefusalCode::Interrupted);
    let newer = adopted.renew(renewal("list run")).await.unwrap();
    assert_eq!(newer.state, OperationState::Done, "{newer:#?}");
    adopted.release().await.unwrap().kill().await;
}
