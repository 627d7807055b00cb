//! Update, scale, stop, start, recycle, roll back.

use std::collections::BTreeMap;

use wasm_roles_control_interface::{
    DeploymentState, Generation, InstanceState, OperationKind, OperationState, RefusalCode, ScaleRequest,
    TargetRequest, UpdateRequest,
};

use super::bed::{Bed, SERVICE, Service, shop};

fn update(service: &Service) -> UpdateRequest {
    UpdateRequest { name: "New.cscfg".to_owned(), configuration: service.configuration() }
}

pub fn scale(roles: &[(&str, u32)]) -> ScaleRequest {
    let roles = roles.iter().map(|(role, count)| ((*role).to_owned(), *count)).collect();
    ScaleRequest { roles, remove: Vec::new() }
}

fn targets(names: &[&str]) -> TargetRequest {
    TargetRequest { targets: names.iter().map(ToString::to_string).collect() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_changes_settings_while_instances_run_on() {
    let bed = Bed::with(&SERVICE).await;
    let begun = bed.controller.update(&bed.tenant, &shop(), update(&Service { depth: 2, ..SERVICE })).await;
    let ended = bed.done(begun).await;
    assert_eq!(ended.message, "instances: 3 changed");
    let progress = ended.progress.unwrap();
    assert_eq!((progress.instances.len(), progress.walked()), (3, 3));
    assert!(progress.instances.iter().all(|instance| instance.reaction.as_deref() == Some("accepted")));
    assert!(progress.instances.iter().all(|instance| instance.generation == Generation::New));
    bed.hears(&shop(), "changed [setting:depth] depth=2").await;
    let status = bed.status(&shop());
    assert_eq!(status.configuration.as_deref(), Some("New.cscfg"));
    assert!(status.instances.iter().all(|row| row.restarts == 0), "{status:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_veto_recycles_that_instance() {
    let bed = Bed::with(&Service { mode: "answer changing", ..SERVICE }).await;
    let new = Service { depth: 2, mode: "answer changing", ..SERVICE };
    let begun = bed.controller.update(&bed.tenant, &shop(), update(&new)).await;
    let ended = bed.done(begun).await;
    assert_eq!(ended.message, "instances: 3 recycled");
    assert!(bed.lines(&shop(), "Front").await.contains(&"run [] depth=2".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_changes_nothing_and_says_why() {
    let bed = Bed::with(&SERVICE).await;
    let before = bed.status(&shop());
    let mut wrong = update(&Service { depth: 2, ..SERVICE });
    wrong.configuration = wrong.configuration.replace(r#"<Role name="Back">"#, r#"<Role name="Bank">"#);
    let refused = bed.controller.update(&bed.tenant, &shop(), wrong).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::BadConfiguration);
    assert!(refused.details.iter().any(|detail| detail.message.contains("Bank")), "{refused:#?}");
    let after = bed.status(&shop());
    assert_eq!(after.configuration, before.configuration);
    assert_eq!(after.operations.len(), before.operations.len(), "nobody hears of what was refused");
    assert!(!bed.lines(&shop(), "Front").await.iter().any(|line| line.contains("changing")));
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_grow_and_shrink_and_a_named_instance_goes_first() {
    let bed = Bed::with(&SERVICE).await;
    let begun = bed.controller.scale(&bed.tenant, &shop(), scale(&[("Back", 4)])).await;
    assert_eq!(bed.done(begun).await.message, "instances: 2 changed, 2 added");
    let before = bed.placement(&shop());
    let named = ScaleRequest { roles: BTreeMap::new(), remove: vec!["Back_IN_1".to_owned()] };
    let begun = bed.controller.scale(&bed.tenant, &shop(), named).await;
    assert_eq!(bed.done(begun).await.message, "instances: 3 changed, 1 removed");
    let mut expected = before.clone();
    expected.remove("Back_IN_1");
    assert_eq!(bed.placement(&shop()), expected);
    // An update of the settings alone brings the counts of its file.
    let begun = bed.controller.update(&bed.tenant, &shop(), update(&Service { depth: 3, ..SERVICE })).await;
    bed.done(begun).await;
    assert_eq!(bed.placement(&shop()).len(), 3);
    let unknown = bed.controller.scale(&bed.tenant, &shop(), scale(&[("Bank", 4)])).await.unwrap_err();
    assert_eq!(unknown.code, RefusalCode::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_undoes_what_was_done_last_and_only_once() {
    let bed = Bed::with(&SERVICE).await;
    assert!(!bed.status(&shop()).can_roll_back);
    let begun =
        bed.controller.update(&bed.tenant, &shop(), update(&Service { depth: 2, back: 3, ..SERVICE })).await;
    bed.done(begun).await;
    assert!(bed.status(&shop()).can_roll_back);
    let begun = bed.controller.rollback(&bed.tenant, &shop()).await;
    bed.done(begun).await;
    assert_eq!(bed.placement(&shop()).len(), 3);
    bed.hears(&shop(), "changed [setting:depth topology:Back] depth=1").await;
    let refused = bed.controller.rollback(&bed.tenant, &shop()).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::WrongState);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_operation_is_refused_and_a_roll_back_ends_the_first() {
    // An instance that hangs while it starts has little time to stop.
    let options = serde_json::json!({"stop_seconds": 1});
    let bed = Bed::with(&Service { options, ..SERVICE }).await;
    let new = Service { depth: 2, back: 3, mode: "hang on-start", ..SERVICE };
    let hangs = bed.controller.update(&bed.tenant, &shop(), update(&new)).await.unwrap();
    bed.hears(&shop(), "on-start [] depth=2").await;
    assert_eq!(bed.status(&shop()).summary.state, DeploymentState::Changing);
    let refused = bed.controller.scale(&bed.tenant, &shop(), scale(&[("Back", 4)])).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::OperationRunning);
    assert!(refused.message.contains(&format!("the update {} runs", hangs.id)), "{refused}");
    let back = bed.controller.rollback(&bed.tenant, &shop()).await;
    let ended = bed.over(Ok(hangs)).await;
    assert_eq!(ended.state, OperationState::RolledBack);
    assert_eq!(bed.done(back).await.kind, OperationKind::Rollback);
    assert_eq!(bed.placement(&shop()).len(), 3);
    assert_eq!(bed.status(&shop()).configuration.as_deref(), Some("Svc.cscfg"));
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_are_stopped_until_they_are_started_and_recycled_by_order() {
    let bed = Bed::with(&SERVICE).await;
    let stopped = bed.controller.stop(&bed.tenant, &shop(), targets(&["Back_IN_1"])).await;
    assert_eq!(bed.done(stopped).await.message, "instances: 1 stopped");
    let status = bed.status(&shop());
    let row = status.instances.iter().find(|row| row.instance == "Back_IN_1").unwrap();
    assert_eq!((row.state, row.held), (InstanceState::Stopped, true));
    assert_eq!(status.summary.state, DeploymentState::Running);
    let recycled = bed.controller.recycle(&bed.tenant, &shop(), targets(&["Back"])).await;
    assert_eq!(bed.done(recycled).await.message, "instances: 1 recycled");
    let again = bed.controller.stop(&bed.tenant, &shop(), targets(&["Back_IN_1"])).await.unwrap_err();
    assert_eq!(again.code, RefusalCode::WrongState);
    let all = bed.controller.stop(&bed.tenant, &shop(), targets(&[])).await;
    bed.done(all).await;
    assert_eq!(bed.status(&shop()).summary.state, DeploymentState::Stopped);
    let started = bed.controller.start(&bed.tenant, &shop(), targets(&[])).await;
    assert_eq!(bed.done(started).await.message, "instances: 3 started");
    assert!(bed.status(&shop()).instances.iter().all(|row| row.state == InstanceState::Ready && !row.held));
    let unknown = bed.controller.stop(&bed.tenant, &shop(), targets(&["Back_IN_7"])).await.unwrap_err();
    assert_eq!(unknown.code, RefusalCode::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_with_more_errors_than_anybody_reads_is_refused_in_few_words() {
    let bed = Bed::with(&SERVICE).await;
    let mut wrong = update(&SERVICE);
    let roles: String = (0..50_000).map(|number| format!(r#"<Role name="x{number}" />"#)).collect();
    wrong.configuration =
        wrong.configuration.replace("</ServiceConfiguration>", &format!("{roles}</ServiceConfiguration>"));
    let long = UpdateRequest { name: "x".repeat(4 << 20), ..wrong.clone() };
    for name in [long.name.as_str(), "two\nlines"] {
        let request = UpdateRequest { name: name.to_owned(), ..wrong.clone() };
        let refused = bed.controller.update(&bed.tenant, &shop(), request).await.unwrap_err();
        assert_eq!((refused.code, refused.details.len()), (RefusalCode::BadRequest, 0));
    }
    let refused = bed.controller.update(&bed.tenant, &shop(), wrong).await.unwrap_err();
    assert_eq!((refused.code, refused.details.len()), (RefusalCode::BadConfiguration, 100));
    assert!(refused.message.contains("at least 20000 errors"), "{refused}");
    assert!(serde_json::to_string(&refused).unwrap().len() < 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_names_than_a_service_has_are_refused_in_few_words() {
    let bed = Bed::with(&SERVICE).await;
    let (controller, tenant) = (&bed.controller, &bed.tenant);
    let names = |count: u32| -> Vec<String> { (0..count).map(|number| format!("x{number}")).collect() };
    let removing = |remove| ScaleRequest { roles: BTreeMap::new(), remove };
    let many =
        controller.recycle(tenant, &shop(), TargetRequest { targets: names(1_001) }).await.unwrap_err();
    let few = controller.recycle(tenant, &shop(), TargetRequest { targets: names(1_000) }).await.unwrap_err();
    assert_eq!((many.code, few.code), (RefusalCode::BadRequest, RefusalCode::NotFound));
    assert_eq!(few.details.len(), 20);
    assert!(few.hint.unwrap().contains("the roles are Back, Front"));
    let many = controller.scale(tenant, &shop(), removing(names(1_001))).await.unwrap_err();
    let few = controller.scale(tenant, &shop(), removing(names(1_000))).await.unwrap_err();
    assert_eq!((many.code, few.code), (RefusalCode::BadRequest, RefusalCode::NotFound));
    assert_eq!(few.details.len(), 20);
    let long = controller.stop(tenant, &shop(), TargetRequest { targets: vec!["x".repeat(1 << 20)] }).await;
    assert!(serde_json::to_string(&long.unwrap_err()).unwrap().len() < 1_000);
    // The same name twice is one.
    let twice = vec!["Back_IN_0".to_owned(); 1_000];
    let begun = controller.recycle(tenant, &shop(), TargetRequest { targets: twice }).await;
    assert_eq!(bed.done(begun).await.message, "instances: 1 recycled");
}
