//! Every method of the client comes to the operator as it was meant, and its answer comes back.

use std::time::Duration;

use crate::bed::{deployment, serve};
use wasm_roles_control_interface::{
    ClientError, EndOfStream, ExplainQuery, JournalQuery, OperationKind, OperationState, Package, Refusal,
    RefusalCode, ScaleRequest, Streamed, TargetRequest, UpdateMode, UpdateRequest, UpgradeQuery,
};
use wasm_roles_control_server::ServerLimits;

#[tokio::test]
async fn changes_come_to_the_operator_and_their_operations_come_back() {
    let server = serve(ServerLimits::default()).await;
    let (client, shop, staging) = (server.client(), deployment("shop"), deployment("shop/staging"));
    let update = UpdateRequest { name: "a.cscfg".to_owned(), configuration: "<x/>".to_owned() };
    let scale = ScaleRequest { roles: [("Web".to_owned(), 3)].into(), remove: vec!["Web_IN_1".to_owned()] };
    let manual = UpgradeQuery { mode: UpdateMode::Manual, health: Some(60) };
    let which = TargetRequest { targets: vec!["Web".to_owned(), "Worker_IN_1".to_owned()] };
    let package = || Package::from_bytes(vec![7; 300_000]);

    let begun = [
        client.deploy(&staging, package()).await.unwrap(),
        client.update(&shop, &update).await.unwrap(),
        client.scale(&shop, &scale).await.unwrap(),
        client.upgrade(&shop, &manual, package()).await.unwrap(),
        client.walk(&shop, 3).await.unwrap(),
        client.rollback(&staging).await.unwrap(),
        client.recycle(&shop, &which).await.unwrap(),
        client.stop(&shop, &which).await.unwrap(),
        client.start(&shop, &TargetRequest::default()).await.unwrap(),
        client.swap(&shop.service).await.unwrap(),
        client.delete(&staging).await.unwrap(),
    ];

    assert_eq!(
        server.fake.calls(),
        [
            "default deploy shop/staging, 300000 bytes, owner: true",
            "default update shop to a.cscfg: 4",
            "default scale shop to {\"Web\": 3} without [\"Web_IN_1\"]",
            "default upgrade shop Manual Some(60), 300000 bytes",
            "default walk shop 3",
            "default rollback shop/staging",
            "default recycle shop [\"Web\", \"Worker_IN_1\"]",
            "default stop shop [\"Web\", \"Worker_IN_1\"]",
            "default start shop []",
            "default swap shop",
            "default delete shop/staging",
        ]
    );
    assert_eq!((begun[0].kind, &begun[0].deployment), (OperationKind::Deploy, &staging));
    assert_eq!(begun.iter().filter(|operation| operation.state == OperationState::Running).count(), 11);
}

#[tokio::test]
async fn what_is_read_comes_back_as_the_operator_says_it() {
    let server = serve(ServerLimits::default()).await;
    let (client, shop) = (server.client(), deployment("shop"));
    assert_eq!(client.host().await.unwrap().version, "1.2.3");
    assert_eq!(client.services().await.unwrap().deployments[0].deployment, shop);
    let status = client.status(&shop).await.unwrap();
    assert_eq!((status.definition.as_str(), status.instances.len()), ("Shop", 1));
    let what =
        ExplainQuery { from: "Web".to_owned(), to: "Work & more".to_owned(), endpoint: Some("x".to_owned()) };
    assert!(client.explain(&shop, &what).await.unwrap().allowed);
    assert_eq!(client.top(&shop).await.unwrap().rows[0].connections, 9);
    assert_eq!(
        server.fake.calls(),
        [
            "default host",
            "default services",
            "default status shop",
            "default explain shop Web -> Work & more Some(\"x\")",
            "default top shop"
        ]
    );
}

#[tokio::test]
async fn an_operation_is_waited_for_until_it_is_over() {
    let server = serve(ServerLimits::default()).await;
    let (client, shop) = (server.client(), deployment("shop"));
    let begun = client.rollback(&shop).await.unwrap();
    let now = client.operation(&shop.service, begun.id, Duration::ZERO).await.unwrap();
    assert_eq!(now.state, OperationState::Running);
    let mut told = Vec::new();
    let finish = async {
        server.fake.waited_for().await;
        server.fake.set_operation(OperationState::Failed);
    };
    let finished = client.finished(&begun, |operation| told.push(operation.state));
    let (ended, ()) = tokio::join!(finished, finish);
    assert_eq!(ended.unwrap().failure.unwrap().code, RefusalCode::NotHealthy);
    assert_eq!(told, [OperationState::Failed]);
}

#[tokio::test]
async fn a_stream_has_lines_gaps_and_an_end() {
    let server = serve(ServerLimits::default()).await;
    let query = JournalQuery { after: Some(1), last: Some(5), follow: true, of: Some("Web".to_owned()) };
    let mut events = server.client().events(&deployment("shop"), &query).await.unwrap();
    assert_eq!(events.next().await.unwrap(), Some(Streamed::Gap { missed: 3 }));
    let Some(Streamed::Line(event)) = events.next().await.unwrap() else { panic!("a line") };
    assert_eq!((event.sequence, event.kind.as_str()), (4, "status"));
    assert_eq!(events.next().await.unwrap(), Some(Streamed::End { reason: EndOfStream::Complete }));
    assert_eq!(events.next().await.unwrap(), None);
    assert_eq!(server.fake.calls(), [format!("default events shop {query:?}")]);
}

#[tokio::test]
async fn a_refusal_comes_back_whole_and_the_package_is_not_sent_for_it() {
    let server = serve(ServerLimits::default()).await;
    let refusal = Refusal::new(RefusalCode::OperationRunning, "an update of shop runs (0000000000000007)")
        .hint("wait for it");
    server.fake.refuse(refusal.clone());
    let shop = deployment("shop");
    let package = Package::new(Untouchable);
    let error = server.client().deploy(&shop, package).await.unwrap_err();
    assert_eq!(error.refusal(), Some(&refusal));
    assert_eq!(error.hint(), Some("wait for it"));
    let error = server.client().status(&deployment("other")).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no deployment other");
}

/// A package that nobody may read.
struct Untouchable;

impl tokio::io::AsyncRead for Untouchable {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        panic!("the package is read although the host does not want it")
    }
}

#[tokio::test]
async fn a_package_that_cannot_be_read_here_says_so() {
    let server = serve(ServerLimits::default()).await;
    let reader = tokio::io::AsyncReadExt::chain(&[1_u8; 10][..], Broken);
    let error = server.client().deploy(&deployment("shop"), Package::new(reader)).await.unwrap_err();
    assert_eq!(error, ClientError::Package { reason: "the disk is gone".to_owned() });
}

struct Broken;

impl tokio::io::AsyncRead for Broken {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Err(std::io::Error::other("the disk is gone")))
    }
}

#[tokio::test]
async fn a_socket_without_a_host_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let client = wasm_roles_control_interface::Client::unix(folder.path().join("host.sock"));
    let error = client.host().await.unwrap_err();
    assert!(matches!(error, ClientError::NobodyThere { .. }), "{error:?}");
    assert!(error.to_string().contains("host.sock") && error.hint().unwrap().contains("serve"), "{error}");
}

#[tokio::test]
async fn who_hangs_up_leaves_no_change_half_begun() {
    let server = serve(ServerLimits::default()).await;
    let (is_in, go_on) = server.fake.hold_rollback();
    let asking = tokio::spawn({
        let client = server.client();
        async move { client.rollback(&deployment("shop")).await }
    });
    assert!(is_in.await.is_err(), "it is there");
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    // The server has noticed when it answers the next one.
    server.client().host().await.unwrap();
    go_on.send(()).unwrap();
    let went_on = tokio::time::timeout(Duration::from_secs(10), server.fake.rollback_went_on()).await;
    assert!(went_on.is_ok(), "it was dropped with its connection");
    assert_eq!(server.fake.calls(), ["default rollback shop", "default host", "the rollback is begun"]);
}
