//! Who may ask, and for whom.

use crate::bed::{deployment, raw, serve, token, write_private};
use crate::fake::line;
use std::sync::Arc;
use wasm_roles_control_interface::{
    Client, ClientError, JournalQuery, RefusalCode, Streamed, TenantName, Token,
};
use wasm_roles_control_server::{ServerLimits, token_line};

fn code(error: &ClientError) -> RefusalCode {
    error.refusal().unwrap_or_else(|| panic!("{error:?} is no refusal")).code
}

#[tokio::test]
async fn a_token_stands_for_its_tenant_and_for_no_other() {
    let server = serve(ServerLimits::default()).await;
    assert_eq!(server.client_of("a").host().await.unwrap().tenant.as_str(), "a");
    assert_eq!(server.client_of("b").host().await.unwrap().tenant.as_str(), "b");
    let same = server.client_of("a").for_tenant("a".parse().unwrap());
    assert_eq!(same.host().await.unwrap().tenant.as_str(), "a");
    let other = server.client_of("a").for_tenant("b".parse().unwrap());
    assert_eq!(code(&other.host().await.unwrap_err()), RefusalCode::Forbidden);
    let package = wasm_roles_control_interface::Package::from_bytes("x");
    server.client_of("a").deploy(&deployment("shop"), package).await.unwrap();
    assert_eq!(server.fake.calls(), ["a host", "b host", "a host", "a deploy shop, 1 bytes, owner: false"]);
}

#[tokio::test]
async fn without_a_token_of_the_host_nothing_is_told_over_tcp() {
    let server = serve(ServerLimits::default()).await;
    let stranger = Client::tcp(&server.url, Token::new("x".repeat(40)).unwrap()).unwrap();
    for error in [stranger.host().await.unwrap_err(), stranger.metrics().await.unwrap_err()] {
        assert_eq!(code(&error), RefusalCode::NotAuthorized);
    }
    // Not even which paths there are.
    let answer = raw(&server.url, "GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("www-authenticate: Bearer"), "{answer}");
    let twice =
        "GET /v1/host HTTP/1.1\r\nhost: x\r\nauthorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n";
    assert!(raw(&server.url, twice).await.starts_with("HTTP/1.1 401 "));
    assert!(server.fake.calls().is_empty());
}

#[tokio::test]
async fn a_token_that_is_taken_back_opens_nothing_any_more() {
    let server = serve(ServerLimits::default()).await;
    let (first, second) = (server.client_of("a"), server.client_of("b"));
    first.host().await.unwrap();
    let b: TenantName = "b".parse().unwrap();
    write_private(&server.tokens, &token_line(&b, token("b").reveal()));
    assert_eq!(code(&first.host().await.unwrap_err()), RefusalCode::NotAuthorized);
    second.host().await.unwrap();
    std::fs::remove_file(&server.tokens).unwrap();
    let error = second.host().await.unwrap_err();
    assert_eq!(code(&error), RefusalCode::Internal);
    assert!(!error.to_string().contains(server.tokens.to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn a_stream_ends_soon_after_its_token_was_taken_back() {
    let limits = ServerLimits { beat: std::time::Duration::from_millis(10), ..ServerLimits::default() };
    let server = serve(limits).await;
    let _lines = server.fake.log_lines(1);
    let query = JournalQuery { follow: true, ..JournalQuery::default() };
    let mut stream = server.client_of("a").logs(&deployment("shop"), &query).await.unwrap();
    write_private(&server.tokens, "");
    assert!(matches!(stream.next().await, Err(ClientError::BrokenOff { .. })));
    server.fake.stream_dropped().await;
}

#[tokio::test]
async fn the_owner_of_the_socket_acts_for_whom_it_names() {
    let server = serve(ServerLimits::default()).await;
    assert_eq!(server.client().host().await.unwrap().tenant, TenantName::usual());
    let acme = server.client().for_tenant("acme".parse().unwrap());
    assert_eq!(acme.host().await.unwrap().tenant.as_str(), "acme");
}

#[tokio::test]
async fn a_tenant_with_too_many_streams_takes_nobody_elses_place() {
    let limits = ServerLimits { requests_of_a_tenant: 1, ..ServerLimits::default() };
    let server = serve(limits).await;
    let (a, b, shop) = (server.client_of("a"), server.client_of("b"), deployment("shop"));
    let lines = server.fake.log_lines(1);
    lines.send(Streamed::Line(Arc::new(line(1, "x")))).await.unwrap();
    let mut stream = a.logs(&shop, &JournalQuery::default()).await.unwrap();
    stream.next().await.unwrap().unwrap();
    assert_eq!(code(&a.host().await.unwrap_err()), RefusalCode::TooMany);
    b.host().await.unwrap();
    drop(stream);
    server.fake.stream_dropped().await;
    while let Err(error) = a.host().await {
        assert_eq!(code(&error), RefusalCode::TooMany);
        tokio::task::yield_now().await;
    }
}
