//! What is too large, too slow or of the wrong kind is refused, and the refusal can be read.

use std::io::Cursor;
use std::time::Duration;

use crate::bed::{deployment, raw, raw_to_socket, serve, token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wasm_roles_control_interface::{ClientError, Package, Refusal, RefusalCode, UpdateRequest};
use wasm_roles_control_server::ServerLimits;

fn code(error: ClientError) -> RefusalCode {
    error.refusal().unwrap_or_else(|| panic!("{error:?} is no refusal")).code
}

fn post(path: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn a_json_body_has_a_limit() {
    let server = serve(ServerLimits { json_bytes: 1000, ..ServerLimits::default() }).await;
    let update = |length| UpdateRequest { name: String::new(), configuration: "x".repeat(length) };
    server.client().update(&deployment("shop"), &update(900)).await.unwrap();
    let error = server.client().update(&deployment("shop"), &update(1000)).await.unwrap_err();
    assert_eq!(code(error), RefusalCode::TooLarge);
}

#[tokio::test]
async fn a_package_has_a_limit_that_it_says_or_reaches() {
    let server = serve(ServerLimits { package_bytes: 1 << 20, ..ServerLimits::default() }).await;
    let (client, shop) = (server.client(), deployment("shop"));
    let unannounced = |length| Package::new(Cursor::new(vec![0; length]));
    client.deploy(&shop, unannounced(1 << 20)).await.unwrap();
    let announced = unannounced((1 << 20) + 1).of_length((1 << 20) + 1);
    assert_eq!(code(client.deploy(&shop, announced).await.unwrap_err()), RefusalCode::TooLarge);
    // They send more than the host reads before it says no, and still can read why.
    for client in [client, server.client_of("a")] {
        let error = client.deploy(&shop, unannounced(30 << 20)).await.unwrap_err();
        assert_eq!(code(error), RefusalCode::TooLarge);
    }
    assert_eq!(server.fake.calls(), ["default deploy shop, 1048576 bytes, owner: true"]);
}

#[tokio::test]
async fn who_sends_everything_before_it_reads_can_read_why_it_was_refused() {
    let server = serve(ServerLimits { package_bytes: 1 << 20, ..ServerLimits::default() }).await;
    let (secret, package) = (token("a"), "x".repeat(8 << 20));
    let head = format!(
        "POST /v1/services/shop/staging HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/x-tar\r\n",
        secret.reveal()
    );
    let length = package.len();
    let announced = format!("{head}content-length: {length}\r\n\r\n{package}");
    let in_chunks = format!("{head}transfer-encoding: chunked\r\n\r\n{length:x}\r\n{package}\r\n0\r\n\r\n");
    for request in [announced, in_chunks] {
        let answer = raw(&server.url, &request).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }
}

#[tokio::test]
async fn a_package_that_stands_still_is_given_up() {
    let limits = ServerLimits { stall_time: Duration::from_millis(50), ..ServerLimits::default() };
    let server = serve(limits).await;
    let (_open, never_ends) = tokio::io::duplex(1);
    let package = Package::new((&[1_u8; 1000][..]).chain(never_ends));
    let error = server.client().deploy(&deployment("shop"), package).await.unwrap_err();
    assert_eq!(code(error), RefusalCode::Timeout);
}

#[tokio::test]
async fn a_head_that_does_not_come_is_given_up() {
    let limits = ServerLimits { request_time: Duration::from_millis(50), ..ServerLimits::default() };
    let server = serve(limits).await;
    // The server closes, or this would not end.
    for part in ["", "GET /v1/host HTTP/1.1\r\nhost"] {
        let answer = raw_to_socket(&server.socket, part).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
    let half = "POST /v1/services/shop/production/scale HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 9\r\n\r\n{";
    assert!(raw_to_socket(&server.socket, half).await.starts_with("HTTP/1.1 408 "));
}

#[tokio::test]
async fn an_answer_that_nobody_takes_has_the_place_of_its_request() {
    let limits = ServerLimits { requests_of_a_tenant: 1, ..ServerLimits::default() };
    let server = serve(limits).await;
    // More than a connection holds that nobody reads.
    let long = Refusal::new(RefusalCode::WrongState, "x".repeat(32 << 20));
    server.fake.refuse(long);
    let (address, secret) = (server.url.trim_start_matches("http://"), token("a"));
    let mut idle = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /v1/services/shop/production/rollback HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        secret.reveal()
    );
    idle.write_all(request.as_bytes()).await.unwrap();
    // The answer is there, and the rest of it waits.
    idle.read_exact(&mut [0; 9]).await.unwrap();
    let refused = server.client_of("a").host().await.unwrap_err();
    assert_eq!(code(refused), RefusalCode::TooMany);
    server.client_of("b").host().await.unwrap();
    drop(idle);
    let free = async {
        while server.client_of("a").host().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), free).await.expect("the place is free again");
}

#[tokio::test]
async fn more_connections_than_a_listener_has_wait_for_their_turn() {
    let server = serve(ServerLimits { connections: 1, ..ServerLimits::default() }).await;
    let first = server.client_of("a");
    let address = server.url.trim_start_matches("http://");
    let mut early = tokio::net::TcpStream::connect(address).await.unwrap();
    let (late, secret) = (server.client_of("b"), token("a"));
    let mut late = tokio::spawn(async move { late.host().await.map(drop) });
    let request =
        format!("GET /v1/services HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", secret.reveal());
    // Long enough for an answer, if it was let in.
    let waits = tokio::time::timeout(Duration::from_millis(300), &mut late).await;
    assert!(waits.is_err(), "{waits:?}");
    early.write_all(request.as_bytes()).await.unwrap();
    early.read_to_end(&mut Vec::new()).await.unwrap();
    late.await.unwrap().unwrap();
    assert_eq!(server.fake.calls(), ["a services", "b host"]);
    first.host().await.unwrap();
}

#[tokio::test]
async fn who_connects_and_says_nothing_keeps_nobody_out() {
    let server = serve(ServerLimits { silent_connections: 3, ..ServerLimits::default() }).await;
    let address = server.url.trim_start_matches("http://");
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(tokio::net::TcpStream::connect(address).await.unwrap());
    }
    server.client_of("a").host().await.unwrap();
    // The oldest were closed for the others.
    assert_eq!(silent[0].read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_with_a_reason() {
    let server = serve(ServerLimits::default()).await;
    let scale = "/v1/services/shop/production/scale";
    let json = "application/json; charset=utf-8";
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    let of_tenant = "GET /v1/host HTTP/1.1\r\nhost: x\r\nwasm-roles-tenant: ../x\r\n\r\n";
    let cases = [
        (post(scale, json, "{\"roles\":{\"Web\":2}}"), "202", "\"kind\":\"scale\""),
        (post(scale, json, "{\"rules\":{}}"), "400", "unknown field `rules`"),
        (post(scale, json, "{\"roles\":{\"Web\":-1}}"), "400", "bad-request"),
        (post(scale, json, ""), "400", "bad-request"),
        (post(scale, "text/plain", "{}"), "415", "content-type: application/json"),
        (post("/v1/services/shop/production", "application/json", "{}"), "415", "application/x-tar"),
        (get("/v1/services/shop/production?x=1"), "400", "this path has no query"),
        (get("/v1/services/shop/production/logs?after=x"), "400", "no number"),
        (get("/v1/services/shop/production/explain?from=a"), "400", "`to`"),
        (get("/v1/services/sh%20op/production"), "400", "no name of a service"),
        (get("/v1/else"), "404", "/v1/openapi.json"),
        (get(scale), "405", "allow: POST"),
        (of_tenant.to_owned(), "400", "tenant"),
        (format!("GET /v1/host HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(40_000)), "431", ""),
    ];
    for (request, status, part) in cases {
        let answer = raw_to_socket(&server.socket, &request).await;
        let head = &request[..request.len().min(80)];
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head}: {answer}");
        assert!(answer.contains(part), "{head}: {answer}");
    }
}

#[tokio::test]
async fn an_operation_that_was_begun_says_where_to_ask_for_it() {
    let server = serve(ServerLimits::default()).await;
    let request = post("/v1/services/shop/staging/recycle", "application/json", "{}");
    let answer = raw_to_socket(&server.socket, &request).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    assert!(answer.contains("location: /v1/services/shop/operations/0000000000000007\r\n"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}
