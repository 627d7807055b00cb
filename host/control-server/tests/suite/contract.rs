//! What comes over the wire is what the description of the interface says.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::bed::{Running, raw_to_socket, serve};
use crate::fake::line;
use crate::schema;
use serde_json::{Value, json};
use wasm_roles_control_interface::query::to_query;
use wasm_roles_control_interface::{
    Answer, Body, EndOfStream, Endpoint, ExplainQuery, Names, OperationId, Refusal, RefusalCode, Slot,
    Streamed, UpdateMode, UpgradeQuery,
};
use wasm_roles_control_server::ServerLimits;

/// A request that the endpoint understands.
fn request(endpoint: Endpoint) -> String {
    let names = Names {
        service: Some("shop".parse().unwrap()),
        slot: Some(Slot::Production),
        operation: Some(OperationId(7)),
    };
    let query = match endpoint.query() {
        Some("ExplainQuery") => {
            to_query(&ExplainQuery { from: "a".to_owned(), to: "b".to_owned(), endpoint: None })
        }
        Some("UpgradeQuery") => to_query(&UpgradeQuery { mode: UpdateMode::Manual, health: None }),
        _ => String::new(),
    };
    let (kind, body) = match endpoint.body() {
        Body::Nothing => ("", String::new()),
        Body::Package => ("application/x-tar", "a package".to_owned()),
        Body::Json(name) => ("application/json", example(name).to_string()),
    };
    let (method, path, length) = (endpoint.method().name(), endpoint.path(&names), body.len());
    format!(
        "{method} {path}?{query} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// A body that fits its schema.
fn example(name: &str) -> Value {
    let example = match name {
        "UpdateRequest" => json!({"name": "a.cscfg", "configuration": "<x/>"}),
        "ScaleRequest" => json!({"roles": {"Web": 2}, "remove": ["Web_IN_0"]}),
        "WalkRequest" => json!({"domain": 1}),
        "TargetRequest" => json!({"targets": ["Web"]}),
        other => panic!("no example of {other}"),
    };
    assert_eq!(schema::faults(name, &example), [""; 0]);
    example
}

struct Answered {
    status: String,
    headers: BTreeMap<String, String>,
    body: String,
}

async fn ask(server: &Running, request: &str) -> Answered {
    let answer = raw_to_socket(&server.socket, request).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers: BTreeMap<String, String> = lines.filter_map(header).collect();
    let chunked = headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked");
    let body = if chunked { unchunked(body) } else { body.to_owned() };
    Answered { status, headers, body }
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        whole.push_str(&rest[..length]);
        body = rest[length..].trim_start_matches("\r\n");
    }
    whole
}

#[tokio::test]
async fn every_answer_has_the_status_the_media_type_and_the_form_that_are_described() {
    let server = serve(ServerLimits::default()).await;
    for endpoint in Endpoint::ALL {
        if *endpoint == Endpoint::Logs {
            let lines = server.fake.log_lines(3);
            lines.try_send(Streamed::Gap { missed: 2 }).unwrap();
            lines.try_send(Streamed::Line(Arc::new(line(1, "x")))).unwrap();
            lines.try_send(Streamed::End { reason: EndOfStream::Complete }).unwrap();
        }
        let answered = ask(&server, &request(*endpoint)).await;
        let kind = answered.headers["content-type"].as_str();
        let fits = |name: &str, text: &str| {
            let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(schema::faults(name, &value), [""; 0], "{endpoint}");
        };
        let expected = match endpoint.answer() {
            Answer::Json(name) => {
                fits(name, &answered.body);
                ("200", "application/json")
            }
            Answer::Begun => {
                fits("Operation", &answered.body);
                assert!(answered.headers["location"].ends_with("/operations/0000000000000007"));
                ("202", "application/json")
            }
            Answer::Lines(name) => {
                assert_eq!(answered.body.lines().count(), 3, "{endpoint}: {}", answered.body);
                answered.body.lines().for_each(|line| fits(&format!("Streamed{name}"), line));
                ("200", "application/x-ndjson")
            }
            Answer::Text => ("200", "text/plain; version=0.0.4; charset=utf-8"),
        };
        assert_eq!((answered.status.as_str(), kind), expected, "{endpoint}: {}", answered.body);
        assert_eq!(answered.headers["cache-control"], "no-store", "{endpoint}");
    }
}

#[tokio::test]
async fn every_refusal_has_its_status_and_the_form_that_is_described() {
    let server = serve(ServerLimits::default()).await;
    let ask_for = request(Endpoint::Rollback);
    for code in RefusalCode::ALL {
        server.fake.refuse(Refusal::new(*code, "no").hint("do something else"));
        let answered = ask(&server, &ask_for).await;
        assert_eq!(answered.status, code.status().to_string(), "{code}");
        let value = serde_json::from_str(&answered.body).unwrap();
        assert_eq!(schema::faults("Refusal", &value), [""; 0], "{code}");
    }
    for wrong in ["GET /else HTTP/1.1\r\nhost: x\r\n\r\n", "PUT /v1/host HTTP/1.1\r\nhost: x\r\n\r\n"] {
        let answered = ask(&server, wrong).await;
        let value = serde_json::from_str(&answered.body).unwrap();
        assert_eq!(schema::faults("Refusal", &value), [""; 0]);
    }
}
