//! A host behind its server: what it really answers is what the description of the interface says.

#[path = "../../../control-interface/tests/schema/mod.rs"]
mod schema;

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wasm_roles_control_interface::{
    Answer, Client, Endpoint, ExplainQuery, Names, OperationId, OperationState, Package, RefusalCode,
    ScaleRequest, TargetRequest, UpdateRequest, query::to_query,
};
use wasm_roles_control_server::{Server, ServerLimits};

use super::bed::{Bed, SERVICE, shop, staging};

struct Served {
    bed: Bed,
    client: Client,
    socket: PathBuf,
    _stop: oneshot::Sender<()>,
    _serving: JoinHandle<()>,
}

async fn serve() -> Served {
    let bed = Bed::open().await;
    let socket = bed.data().with_file_name("control").join("host.sock");
    let mut server = Server::new(bed.controller.clone(), ServerLimits::default());
    server.unix(&socket).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async move { drop(stopped.await) }));
    Served { bed, client: Client::unix(&socket), socket, _stop: stop, _serving: serving }
}

impl Served {
    async fn deploys(&self) -> OperationId {
        let begun = self.client.deploy(&shop(), Package::from_bytes(SERVICE.package())).await.unwrap();
        let ended = self.client.finished(&begun, |_| {}).await.unwrap();
        assert_eq!(ended.state, OperationState::Done, "{ended:#?}");
        ended.id
    }
}

/// The status and the body of an answer, as they come.
async fn ask(socket: &Path, method: &str, target: &str) -> (String, String) {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    // Of version 1.0, so that streams come without chunks.
    stream.write_all(format!("{method} {target} HTTP/1.0\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
}

#[track_caller]
fn fits(name: &str, text: &str) {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(schema::faults(name, &value), [""; 0], "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_can_be_read_of_a_real_service_is_as_described() {
    let served = serve().await;
    let operation = served.deploys().await;
    served.bed.hears(&shop(), "").await;
    let names = Names { service: Some(shop().service), slot: Some(shop().slot), operation: Some(operation) };
    let front_to_back = ExplainQuery { from: "Front".to_owned(), to: "Back".to_owned(), endpoint: None };
    for endpoint in Endpoint::ALL.iter().filter(|endpoint| endpoint.method().name() == "GET") {
        let mut target = endpoint.path(&names);
        if *endpoint == Endpoint::Explain {
            target = format!("{target}?{}", to_query(&front_to_back));
        }
        let (status, body) = ask(&served.socket, "GET", &target).await;
        assert_eq!(status, "200", "{endpoint}: {body}");
        match endpoint.answer() {
            Answer::Json(name) => fits(name, &body),
            Answer::Lines(name) => {
                assert!(body.lines().count() > 1, "{endpoint}: {body}");
                body.lines().for_each(|line| fits(&format!("Streamed{name}"), line));
            }
            Answer::Begun | Answer::Text => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_service_is_measured() {
    let served = serve().await;
    served.deploys().await;
    let text = served.client.metrics().await.unwrap();
    let id = served.bed.status(&shop()).summary.id;
    let of_shop = format!(r#"tenant="default",service="shop",slot="production",deployment="{id}""#);
    for line in [
        r#"wasm_roles_tenant_instances{tenant="default"} 3"#,
        &format!(r#"wasm_roles_instances{{{of_shop},role="Back",state="Ready"}} 2"#),
        &format!(r#"wasm_roles_deployment_state{{{of_shop},state="running"}} 1"#),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    let memory =
        format!(r#"wasm_roles_instance_memory_bytes{{{of_shop},role="Front",instance="Front_IN_0"}} "#);
    let used = text.lines().find_map(|line| line.strip_prefix(&memory)).unwrap();
    assert!(used.parse::<u64>().unwrap() > 0, "a guest that runs has memory");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_and_refusals_come_over_the_wire() {
    let served = serve().await;
    served.deploys().await;
    let client = &served.client;
    let scaled = ScaleRequest { roles: [("Back".to_owned(), 3)].into(), remove: Vec::new() };
    let begun = client.scale(&shop(), &scaled).await.unwrap();
    assert_eq!(client.finished(&begun, |_| {}).await.unwrap().state, OperationState::Done);
    assert_eq!(client.status(&shop()).await.unwrap().instances.len(), 4);

    let broken = UpdateRequest { name: "a.cscfg".to_owned(), configuration: "<x>".to_owned() };
    let code = |error: wasm_roles_control_interface::ClientError| error.refusal().unwrap().code;
    let refused = client.update(&shop(), &broken).await.unwrap_err();
    assert!(!refused.refusal().unwrap().details.is_empty(), "{refused:?}");
    assert_eq!(code(refused), RefusalCode::BadConfiguration);
    let nobody = TargetRequest { targets: vec!["Nobody".to_owned()] };
    assert_eq!(code(client.recycle(&shop(), &nobody).await.unwrap_err()), RefusalCode::NotFound);
    assert_eq!(code(client.walk(&shop(), 0).await.unwrap_err()), RefusalCode::WrongState);
    assert_eq!(code(client.status(&staging()).await.unwrap_err()), RefusalCode::NotFound);
    let again = client.deploy(&shop(), Package::from_bytes(SERVICE.package())).await.unwrap_err();
    assert_eq!(code(again), RefusalCode::AlreadyExists);
    let other = client.clone().for_tenant("other".parse().unwrap());
    assert_eq!(code(other.status(&shop()).await.unwrap_err()), RefusalCode::NotFound);
    for (method, target) in [
        ("GET", "/v1/services/shop/staging"),
        ("GET", "/v1/services/shop/production/logs?of=Nobody"),
        ("POST", "/v1/services/shop/swap"),
    ] {
        let (status, body) = ask(&served.socket, method, target).await;
        assert!(status.starts_with('4'), "{target}: {status}");
        fits("Refusal", &body);
    }

    let begun = client.delete(&shop()).await.unwrap();
    assert_eq!(client.finished(&begun, |_| {}).await.unwrap().state, OperationState::Done);
    assert_eq!(code(client.status(&shop()).await.unwrap_err()), RefusalCode::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_names_no_place_of_the_host() {
    let served = serve().await;
    let files: [(&str, &[u8]); 4] = [
        (
            "package.json",
            br#"{"format":1,"definition":"service/Svc.csdef","configuration":"configuration/Svc.cscfg"}"#,
        ),
        ("service/Svc.csdef", SERVICE.definition().leak().as_bytes()),
        ("service/Front/Front.wasm", b"no component"),
        ("configuration/Svc.cscfg", SERVICE.configuration().leak().as_bytes()),
    ];
    let package = Package::from_bytes(super::bed::archive(&files));
    let begun = served.client.deploy(&shop(), package).await.unwrap();
    let ended = served.client.finished(&begun, |_| {}).await.unwrap();
    let failure = serde_json::to_string(&ended.failure.unwrap()).unwrap();
    assert!(failure.contains("neither service/Back/Back.wasm nor"), "{failure}");
    assert!(
        !failure.contains("/tenants/") && !failure.contains(served.bed.data().to_str().unwrap()),
        "{failure}"
    );
}
