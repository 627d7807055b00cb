//! Where a host keeps its files is told to its owner and to nobody else.

use std::time::Duration;

use serde::Serialize;
use wasm_roles_control_interface::{EventLine, JournalQuery, Streamed, TenantName};
use wasm_roles_control_server::{Caller, LineSource, Operator};

use super::bed::{SERVICE, archive, killed, options, shop, staging};
use crate::Controller;
use crate::failpoint::Failpoint;

#[track_caller]
fn names_no_place(told: &impl Serialize, data: &str) -> String {
    let told = serde_json::to_string(told).unwrap();
    assert!(!told.contains("/tenants/") && !told.contains(data), "{told}");
    told
}

async fn events(controller: &Controller, tenant: &TenantName) -> Vec<EventLine> {
    let all = JournalQuery::default();
    let mut stream = Operator::events(controller, tenant, &shop(), all).await.unwrap();
    let mut events = Vec::new();
    while let Some(Streamed::Line(event)) = LineSource::next(&mut stream).await {
        events.push((*event).clone());
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_tenant_is_told_names_a_place_of_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let services = data.join("tenants/default/services/shop/deployments");
    killed(&data, 1, Failpoint::default(), async |controller| {
        let tenant = TenantName::usual();
        let begun = controller.deploy(&tenant, &shop(), true, SERVICE.package().as_slice()).await.unwrap();
        controller.operation(&tenant, &shop().service, begun.id, Duration::from_secs(60)).await.unwrap();
    });
    // It cannot be brought back, and the words of that have the name of the file.
    let deployment = services.read_dir().unwrap().next().unwrap().unwrap().path();
    let component = deployment.join("revisions/1/service/Back/Back.wasm");
    std::fs::write(&component, "no component").unwrap();
    let (controller, problems) = Controller::open(options(&data, 2)).await.unwrap();
    let data = data.to_str().unwrap();
    let caller = Caller { tenant: TenantName::usual(), owner: false };
    let tenant = &caller.tenant;
    let host = names_no_place(&Operator::host(&controller, &caller).await, data);
    assert!(host.contains("service/Back/Back.wasm"), "{host}");
    let status = Operator::status(&controller, tenant, &shop()).await.unwrap();
    let told = names_no_place(&status, data);
    assert!(told.contains("service/Back/Back.wasm"), "{told}");
    names_no_place(&Operator::services(&controller, tenant).await, data);
    let operation = status.operations[0].id;
    let ended = Operator::operation(&controller, tenant, &shop().service, operation, Duration::ZERO).await;
    let ended = ended.unwrap();
    assert!(ended.message.contains("service/Back/Back.wasm"), "{ended:#?}");
    names_no_place(&ended, data);
    let events = events(&controller, tenant).await;
    assert!(names_no_place(&events, data).contains("service/Back/Back.wasm"));
    // Its owner has to find it.
    let owner = Caller { owner: true, ..caller.clone() };
    let host = serde_json::to_string(&Operator::host(&controller, &owner).await).unwrap();
    assert!(host.contains(data), "{host}");
    assert!(!problems.is_empty());
    // Nor what a deploy is told that fails.
    let files: [(&str, &[u8]); 3] = [
        ("package.json", br#"{"format":1,"definition":"service/Svc.csdef"}"#),
        ("service/Svc.csdef", SERVICE.definition().leak().as_bytes()),
        ("service/Front/Front.wasm", b"no component"),
    ];
    let package = archive(&files);
    let begun =
        Operator::deploy(&controller, &owner, staging(), std::io::Cursor::new(package)).await.unwrap();
    let wait = Duration::from_secs(60);
    let ended = Operator::operation(&controller, tenant, &begun.deployment.service, begun.id, wait).await;
    names_no_place(&ended.unwrap(), data);
}
