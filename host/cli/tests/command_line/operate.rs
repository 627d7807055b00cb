//! The commands that change what runs on a host: what they ask for, and what they say.

use std::time::Duration;

use wasm_roles_control_interface::{
    DeploymentState, Detail, OperationKind, OperationState, Place, Refusal, RefusalCode,
};

use crate::answers::{ago, failed, list, operation, status, summary, unhealthy, upgrade};
use crate::components::IDLE_PROGRAM;
use crate::fake_host::{Answer, Asked, FakeHost};
use crate::golden::assert_golden;
use crate::service::{COUNTS, ROLES, Service};

/// A host beside the files of a service, with a shop.
fn shop(answer: impl Fn(usize, &Asked) -> Answer + Send + 'static) -> (Service, FakeHost) {
    let service = Service::of_worker(IDLE_PROGRAM);
    let host = FakeHost::listen(&service.path().join("host.sock"), answer);
    (service, host)
}

/// A host that begins an operation, and says that it is over when it is asked again.
fn carrying_out(kind: OperationKind, message: &'static str) -> (Service, FakeHost) {
    shop(move |number, asked| match number {
        0 => Answer::ok(&operation(kind, OperationState::Running, message)),
        _ if asked.what.contains("/operations/") => {
            Answer::ok(&operation(kind, OperationState::Done, message))
        }
        _ => Answer::ok(&status(summary("shop", DeploymentState::Running, "127.0.0.1:8080"), vec![])),
    })
}

const OF_SHOP: &str = "--control host.sock -d shop";

#[test]
fn deploy_says_what_happens_and_where_it_listens() {
    let (service, host) = carrying_out(OperationKind::Deploy, "all 3 instances are Ready");
    let said = service.transcript(&format!("deploy ServiceDefinition.csdef {OF_SHOP}"));
    assert_golden("deploy", &said);
    assert_eq!(
        host.paths(),
        [
            "POST /v1/services/shop/production",
            "GET /v1/services/shop/operations/000000000000001f?wait=1",
            "GET /v1/services/shop/production"
        ]
    );
}

#[test]
fn deploy_for_programs_is_the_operation() {
    let (service, _host) = carrying_out(OperationKind::Deploy, "all 3 instances are Ready");
    let arguments = format!("deploy ServiceDefinition.csdef {OF_SHOP} --format json");
    assert_golden("deploy_json", &service.transcript(&arguments));
}

#[test]
fn a_service_has_the_name_of_its_definition_in_the_production_slot() {
    let (service, host) = carrying_out(OperationKind::Deploy, "");
    let said = service.transcript("deploy ServiceDefinition.csdef --control host.sock --no-wait");
    assert_golden("deploy_no_wait", &said);
    assert_eq!(host.paths(), ["POST /v1/services/Svc/production"]);
}

#[test]
fn files_with_errors_are_not_sent() {
    let host_answers = |_: usize, _: &Asked| Answer::Nothing;
    let service =
        Service::new(ROLES, &COUNTS.replace("Greeting", "Greting")).with("Worker/Worker.wasm", IDLE_PROGRAM);
    let host = FakeHost::listen(&service.path().join("host.sock"), host_answers);
    assert_golden(
        "deploy_bad_files",
        &service.transcript(&format!("deploy ServiceDefinition.csdef {OF_SHOP}")),
    );
    assert_eq!(host.paths(), [""; 0]);
}

#[test]
fn a_component_that_is_missing_is_found_missing_before_anything_is_sent() {
    let service = Service::new(ROLES, COUNTS);
    let host = FakeHost::listen(&service.path().join("host.sock"), |_, _| Answer::Nothing);
    assert_golden(
        "deploy_no_component",
        &service.transcript(&format!("deploy ServiceDefinition.csdef {OF_SHOP}")),
    );
    assert_eq!(host.paths(), [""; 0]);
}

#[test]
fn every_reason_of_a_refusal_is_told() {
    let detail = Detail {
        code: Some("E0012".to_owned()),
        place: Some(Place { file: "service/ServiceDefinition.csdef".to_owned(), line: 3, column: 7 }),
        ..Detail::new("the endpoint Front has no protocol")
    };
    let refusal = Refusal::new(RefusalCode::BadConfiguration, "the definition has 2 errors")
        .hint("mend them, and deploy again")
        .details([
            detail,
            Detail::new("tenant default may have 1 public port").subject("port 81").hint("close one"),
        ]);
    let (service, _host) = shop(move |_, _| Answer::refused(&refusal));
    assert_golden(
        "deploy_refused",
        &service.transcript(&format!("deploy ServiceDefinition.csdef {OF_SHOP}")),
    );
}

#[test]
fn a_configuration_is_sent_as_it_is() {
    let (service, host) = carrying_out(OperationKind::Update, "2 of 2 instances accepted");
    let said = service.transcript("update shop --config ServiceConfiguration.cscfg --control host.sock");
    assert_golden("update", &said);
    let sent = &host.asked()[0];
    assert_eq!(sent.what, "POST /v1/services/shop/production/configuration");
    assert_eq!(sent.json()["name"], "ServiceConfiguration.cscfg");
    assert!(sent.json()["configuration"].as_str().unwrap().contains("<Instances count=\"2\" />"));
    assert_golden(
        "update_no_file",
        &service.transcript("update shop --config new.cscfg --control host.sock"),
    );
}

#[test]
fn numbers_of_instances_are_asked_for_by_role_or_by_instance() {
    let (service, host) = carrying_out(OperationKind::Scale, "Web has 4 instances, Orders has 1");
    assert_golden(
        "scale",
        &service.transcript(&format!("scale {OF_SHOP} Web=4 Orders=1 --remove Orders_IN_0")),
    );
    let sent = host.asked()[0].json();
    assert_eq!(sent, serde_json::json!({"roles": {"Web": 4, "Orders": 1}, "remove": ["Orders_IN_0"]}));
    assert_golden("scale_wrong", &service.transcript(&format!("scale {OF_SHOP} Web=many")));
}

#[test]
fn a_second_operation_is_told_which_one_runs() {
    let refusal = Refusal::new(
        RefusalCode::OperationRunning,
        "the upgrade 000000000000001f of shop runs, and a deployment has one operation at a time",
    )
    .hint("wait for it, or go back with `wasm-roles rollback shop`");
    let (service, _host) = shop(move |_, _| Answer::refused(&refusal));
    assert_golden("scale_refused", &service.transcript(&format!("scale {OF_SHOP} Web=4")));
}

#[test]
fn an_upgrade_tells_how_its_walk_goes() {
    let (service, host) = shop(|number, _| match number {
        0 | 1 => Answer::ok(&upgrade(OperationState::Running)),
        _ => {
            Answer::ok(&operation(OperationKind::Upgrade, OperationState::Done, "revision 3 runs everywhere"))
        }
    });
    let said = service.transcript(&format!("upgrade ServiceDefinition.csdef {OF_SHOP} --health 60"));
    assert_golden("upgrade", &said);
    let first = &host.asked()[0];
    assert_eq!(first.what, "POST /v1/services/shop/production/upgrade?health=60&mode=auto");
    assert!(first.body.starts_with(b"package.json\0"));
}

#[test]
fn an_upgrade_that_was_taken_back_says_why() {
    let (service, _host) = shop(|number, _| match number {
        0 => Answer::ok(&upgrade(OperationState::Running)),
        _ => Answer::ok(&failed(OperationKind::Upgrade, OperationState::RolledBack, unhealthy())),
    });
    assert_golden(
        "upgrade_taken_back",
        &service.transcript(&format!("upgrade ServiceDefinition.csdef {OF_SHOP}")),
    );
    let (service, _host) =
        shop(|_, _| Answer::ok(&failed(OperationKind::Upgrade, OperationState::RolledBack, unhealthy())));
    let said = service.transcript(&format!("upgrade ServiceDefinition.csdef {OF_SHOP} --format json"));
    assert!(said.contains("--- exit code 1") && said.contains("\"code\": \"not-healthy\""), "{said}");
}

#[test]
fn what_cannot_be_had_in_place_is_named_one_by_one() {
    let details = [
        Detail::new("the store Book would shrink").subject("Orders").instead_of("20 MB", "10 MB"),
        Detail::new("the number of upgrade domains would change").instead_of("5", "2"),
    ];
    let refusal = Refusal::new(RefusalCode::NotInPlace, "the new definition cannot be had in place")
        .hint("deploy it to shop/staging, and swap")
        .details(details);
    let (service, _host) = shop(move |_, _| Answer::refused(&refusal));
    assert_golden(
        "upgrade_not_in_place",
        &service.transcript(&format!("upgrade ServiceDefinition.csdef {OF_SHOP}")),
    );
}

#[test]
fn a_manual_upgrade_says_what_to_do_next() {
    let (service, host) = shop(|_, _| Answer::ok(&upgrade(OperationState::Waiting)));
    let manual = service.transcript(&format!("upgrade ServiceDefinition.csdef {OF_SHOP} --manual"));
    assert_golden("upgrade_manual", &manual);
    assert_golden("upgrade_walk", &service.transcript(&format!("upgrade walk {OF_SHOP} 0")));
    let asked = host.asked();
    assert_eq!(asked[0].what, "POST /v1/services/shop/production/upgrade?mode=manual");
    assert_eq!(asked[1].what, "POST /v1/services/shop/production/walk");
    assert_eq!(asked[1].json(), serde_json::json!({"domain": 0}));
    assert_golden("upgrade_walk_nothing", &service.transcript(&format!("upgrade walk {OF_SHOP}")));
}

#[test]
fn rollback_and_delete_name_a_deployment() {
    let (service, host) = carrying_out(OperationKind::Rollback, "revision 1 runs everywhere");
    assert_golden("rollback", &service.transcript("rollback shop/staging --control host.sock"));
    assert_eq!(host.paths()[0], "POST /v1/services/shop/staging/rollback");
    let (service, host) = carrying_out(OperationKind::Delete, "");
    assert_golden("delete", &service.transcript("delete shop/staging --control host.sock"));
    assert_eq!(host.paths()[0], "DELETE /v1/services/shop/staging");
    assert_golden("delete_nothing", &service.transcript("delete --control host.sock"));
    let refusal = Refusal::new(RefusalCode::WrongState, "shop has nothing to go back to")
        .hint("a roll-back needs an update or upgrade before it");
    let (service, _host) = shop(move |_, _| Answer::refused(&refusal));
    assert_golden("rollback_refused", &service.transcript("rollback shop --control host.sock"));
}

#[test]
fn a_swap_names_a_service() {
    let (service, host) =
        carrying_out(OperationKind::Swap, "production and staging have exchanged 1 public port");
    assert_golden("swap", &service.transcript("swap shop --control host.sock"));
    assert_eq!(host.paths()[0], "POST /v1/services/shop/swap");
    let refusal = Refusal::new(
        RefusalCode::EndpointsDiffer,
        "production and staging of shop have different public endpoints",
    )
    .hint("give both the same, or upgrade in place")
    .details([Detail::new("only production has it")
        .subject("port 80/tcp")
        .instead_of("Http http", "nothing")]);
    let (service, _host) = shop(move |_, _| Answer::refused(&refusal));
    assert_golden("swap_refused", &service.transcript("swap shop --control host.sock"));
}

#[test]
fn orders_go_to_roles_and_instances_or_to_all() {
    for (command, kind, golden) in [
        ("recycle", OperationKind::Recycle, "recycle"),
        ("stop", OperationKind::Stop, "stop"),
        ("start", OperationKind::Start, "start"),
    ] {
        let (service, host) = carrying_out(kind, "2 instances");
        assert_golden(golden, &service.transcript(&format!("{command} {OF_SHOP} Web Orders_IN_0")));
        assert_eq!(host.asked()[0].what, format!("POST /v1/services/shop/production/{command}"));
        assert_eq!(host.asked()[0].json(), serde_json::json!({"targets": ["Web", "Orders_IN_0"]}));
        let (service, host) = carrying_out(kind, "3 instances");
        service.transcript(&format!("{command} {OF_SHOP} --all"));
        assert_eq!(host.asked()[0].json(), serde_json::json!({"targets": []}));
    }
    let service = Service::new("", "");
    assert_golden("stop_nothing", &service.transcript(&format!("stop {OF_SHOP}")));
    let refusal = Refusal::new(RefusalCode::NotFound, "shop has no role or instance Wbe")
        .hint("there are Web, Web_IN_0, Web_IN_1, Orders and Orders_IN_0");
    let (service, _host) = shop(move |_, _| Answer::refused(&refusal));
    assert_golden("recycle_unknown", &service.transcript(&format!("recycle {OF_SHOP} Wbe")));
}

#[test]
fn the_only_deployment_needs_no_name_and_one_of_several_does() {
    let (service, host) = shop(|number, _| match number {
        0 => Answer::ok(&list(vec![summary("shop/staging", DeploymentState::Running, "127.0.0.1:8081")])),
        _ => Answer::ok(&operation(OperationKind::Scale, OperationState::Done, "Web has 4 instances")),
    });
    service.transcript("scale Web=4 --control host.sock --tenant acme");
    assert_eq!(host.paths(), ["GET /v1/services", "POST /v1/services/shop/staging/scale"]);
    assert!(host.asked().iter().all(|asked| asked.tenant.as_deref() == Some("acme")));

    let two = ["shop", "shop/staging"];
    let (service, _host) = shop(move |_, _| {
        Answer::ok(&list(two.map(|name| summary(name, DeploymentState::Running, "127.0.0.1:1")).into()))
    });
    assert_golden("several_deployments", &service.transcript("scale Web=4 --control host.sock"));
    let (service, _host) = shop(|_, _| Answer::ok(&list(vec![])));
    assert_golden("no_deployment", &service.transcript("scale Web=4 --control host.sock"));
}

#[test]
fn who_does_not_want_to_wait_is_told_that_it_goes_on() {
    let (service, host) = shop(|_, _| Answer::ok(&upgrade(OperationState::Running)));
    let mut running = service.start(&format!("recycle {OF_SHOP} --all"));
    running.says("walks upgrade domain 1 of 2");
    running.interrupt();
    let ended = running.ended();
    assert_eq!(ended.code, Some(130), "{}", ended.transcript);
    assert!(
        ended.transcript.contains("upgrade of shop goes on; see `wasm-roles status shop`"),
        "{}",
        ended.transcript
    );
    assert!(!host.paths().is_empty());
}

#[test]
fn a_host_that_goes_away_leaves_nobody_in_the_dark() {
    let (service, _host) = shop(|number, _| match number {
        0 => Answer::ok(&upgrade(OperationState::Running)),
        _ => Answer::Nothing,
    });
    let said = service.transcript(&format!("upgrade ServiceDefinition.csdef {OF_SHOP}"));
    assert!(said.contains("--- exit code 1"), "{said}");
    assert!(said.contains("error: nobody knows how upgrade of shop ended"), "{said}");
    assert!(said.contains("`wasm-roles status shop`"), "{said}");
}

#[test]
fn an_operation_that_is_over_at_once_is_not_asked_for_again() {
    let (service, host) = shop(|_, _| {
        let mut done = operation(OperationKind::Swap, OperationState::Done, "");
        done.begun = ago(1);
        done.ended = Some(wasm_roles_control_interface::Timestamp::since_1970(
            ago(1).as_duration() + Duration::from_millis(40),
        ));
        Answer::ok(&done)
    });
    let said = service.transcript("swap shop --control host.sock");
    assert!(said.contains("shop: swap done in 0.04 s\n"), "{said}");
    assert_eq!(host.paths().len(), 1);
}
