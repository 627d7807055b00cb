//! What a collector of OpenTelemetry gets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::bed::until;
use crate::fake::{Fake, line};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use wasm_roles_control_interface::Streamed;
use wasm_roles_control_server::otlp::{Collector, Exporting, OtlpOptions, export};

/// A collector that gives the answers that it is told to, and 200 from then on.
struct FakeCollector {
    url: String,
    requests: mpsc::UnboundedReceiver<(String, Value)>,
}

async fn collector(answers: &'static [u16]) -> FakeCollector {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/otlp", listener.local_addr().unwrap());
    let (to, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut answers = answers.iter().copied();
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let (mut path, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                let line = line.trim_end();
                if let Some(post) = line.strip_prefix("POST ") {
                    path = post.split(' ').next().unwrap().to_owned();
                }
                if let Some(given) = line.strip_prefix("content-length: ") {
                    length = given.parse().unwrap();
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            let status = answers.next().unwrap_or(200);
            let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
            stream.write_all(answer.as_bytes()).await.unwrap();
            if status == 200 && to.send((path, serde_json::from_slice(&body).unwrap())).is_err() {
                return;
            }
        }
    });
    FakeCollector { url, requests }
}

impl FakeCollector {
    /// The next request to a path.
    async fn next(&mut self, path: &str) -> Value {
        loop {
            let next = tokio::time::timeout(Duration::from_secs(20), self.requests.recv()).await;
            let (to, body) = next.expect("a request comes").unwrap();
            if to == path {
                return body;
            }
        }
    }
}

struct Export {
    stop: oneshot::Sender<()>,
    exporting: JoinHandle<()>,
    told: Arc<Mutex<Vec<Exporting>>>,
}

fn start(fake: &Fake, url: &str) -> Export {
    let told = Arc::new(Mutex::new(Vec::new()));
    let mut options = OtlpOptions::new(Collector::parse(url).unwrap());
    options.linger = Duration::from_millis(20);
    options.every = Duration::from_millis(20);
    options.told = Arc::new({
        let told = Arc::clone(&told);
        move |exporting| told.lock().unwrap().push(exporting.clone())
    });
    let (stop, stopped) = oneshot::channel();
    let exporting = tokio::spawn(export(fake.clone(), options, async move { drop(stopped.await) }));
    Export { stop, exporting, told }
}

/// All log records of a request with the value of an attribute of their resource.
fn records(body: &Value, attribute: &str) -> Vec<(Option<String>, String)> {
    let mut records = Vec::new();
    for resource in body["resourceLogs"].as_array().unwrap() {
        let of = value(&resource["resource"]["attributes"], attribute);
        for record in resource["scopeLogs"][0]["logRecords"].as_array().unwrap() {
            records.push((of.clone(), record["body"]["stringValue"].as_str().unwrap().to_owned()));
        }
    }
    records
}

fn value(attributes: &Value, key: &str) -> Option<String> {
    let found = attributes.as_array().unwrap().iter().find(|attribute| attribute["key"] == key)?;
    Some(found["value"]["stringValue"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn lines_events_and_gaps_become_log_records_of_their_instance() {
    let (fake, mut collector) = (Fake::default(), collector(&[]).await);
    let lines = fake.log_lines(10);
    lines.try_send(Streamed::Line(Arc::new(line(1, "hello")))).unwrap();
    lines.try_send(Streamed::Gap { missed: 3 }).unwrap();
    let export = start(&fake, &collector.url);
    let mut got = Vec::new();
    while got.len() < 4 {
        let body = collector.next("/otlp/v1/logs").await;
        got.extend(records(&body, "service.instance.id"));
        let resource = &body["resourceLogs"][0]["resource"]["attributes"];
        let name = |key| value(resource, key).unwrap();
        assert_eq!([name("service.namespace"), name("service.name")], ["default", "shop"]);
        assert_eq!(name("wasm_roles.deployment.id"), "0123456789abcdef0123456789abcdef");
    }
    got.sort();
    let web = Some("Web_IN_0".to_owned());
    assert_eq!(
        got,
        [
            (None, "3 events are missing: they came faster than they were exported".to_owned()),
            (None, "3 lines are missing: they came faster than they were exported".to_owned()),
            (web.clone(), "Web_IN_0 is Ready".to_owned()),
            (web, "hello".to_owned()),
        ]
    );
    drop(export.stop);
    export.exporting.await.unwrap();
    assert_eq!(*export.told.lock().unwrap(), []);
}

#[tokio::test]
async fn an_operation_that_is_over_becomes_one_span() {
    let (fake, mut collector) = (Fake::default(), collector(&[]).await);
    let _lines = fake.log_lines(1);
    let export = start(&fake, &collector.url);
    let body = collector.next("/otlp/v1/traces").await;
    let spans = body["resourceSpans"].as_array().unwrap();
    assert_eq!(spans.len(), 1);
    let span = &spans[0]["scopeSpans"][0]["spans"][0];
    assert_eq!((span["name"].as_str(), span["status"]["code"].as_u64()), (Some("scale"), Some(2)));
    drop(export.stop);
    export.exporting.await.unwrap();
    while let Ok((path, _)) = collector.requests.try_recv() {
        assert_ne!(path, "/otlp/v1/traces", "it is sent once");
    }
}

#[tokio::test]
async fn a_collector_that_is_down_is_tried_again_and_loses_nothing_that_the_journal_keeps() {
    let (fake, mut collector) = (Fake::default(), collector(&[503, 503, 503]).await);
    let lines = fake.log_lines(10);
    lines.try_send(Streamed::Line(Arc::new(line(1, "kept")))).unwrap();
    let export = start(&fake, &collector.url);
    let mut got = Vec::new();
    while !got.iter().any(|(_, message)| message == "kept") {
        got.extend(records(&collector.next("/otlp/v1/logs").await, "service.instance.id"));
    }
    let told = || export.told.lock().unwrap().clone();
    until("the collector works again", || told().last() == Some(&Exporting::Working)).await;
    assert!(matches!(&told()[0], Exporting::Failing { reason } if reason.contains("503")), "{:?}", told());
}

#[tokio::test]
async fn what_a_collector_refuses_for_good_is_told_and_not_tried_again() {
    let (fake, mut collector) = (Fake::default(), collector(&[400, 400]).await);
    let lines = fake.log_lines(10);
    let export = start(&fake, &collector.url);
    until("both were refused", || export.told.lock().unwrap().len() >= 2).await;
    lines.send(Streamed::Line(Arc::new(line(2, "later")))).await.unwrap();
    let body = collector.next("/otlp/v1/logs").await;
    assert_eq!(records(&body, "service.instance.id"), [(Some("Web_IN_0".to_owned()), "later".to_owned())]);
    let told = export.told.lock().unwrap().clone();
    assert!(told.iter().all(|told| matches!(told, Exporting::Lost { .. })), "{told:?}");
}

#[tokio::test]
async fn the_end_sends_what_is_at_hand() {
    let (fake, mut collector) = (Fake::default(), collector(&[]).await);
    let lines = fake.log_lines(10);
    let mut export = start(&fake, &collector.url);
    collector.next("/otlp/v1/traces").await;
    lines.send(Streamed::Line(Arc::new(line(1, "last words")))).await.unwrap();
    until("the line was taken", || lines.capacity() == 10).await;
    drop(export.stop);
    (&mut export.exporting).await.unwrap();
    let mut got = Vec::new();
    while let Ok((path, body)) = collector.requests.try_recv() {
        if path == "/otlp/v1/logs" {
            got.extend(records(&body, "service.instance.id"));
        }
    }
    assert!(got.iter().any(|(_, message)| message == "last words"), "{got:?}");
}

#[tokio::test]
async fn what_is_told_after_a_swap_is_of_the_slot_where_it_is_now() {
    let (fake, mut collector) = (Fake::default(), collector(&[]).await);
    let before = fake.log_lines(10);
    let export = start(&fake, &collector.url);
    before.send(Streamed::Line(Arc::new(line(1, "before")))).await.unwrap();
    let mut slots = Vec::new();
    let mut wait_for = async |wanted: &str| loop {
        let body = collector.next("/otlp/v1/logs").await;
        let resource = &body["resourceLogs"][0]["resource"]["attributes"];
        let slot = value(resource, "deployment.environment.name").unwrap();
        let told = records(&body, "service.instance.id");
        if told.iter().any(|(_, message)| message == wanted) {
            return slots.push(slot);
        }
    };
    wait_for("before").await;
    let after = fake.log_lines(10);
    fake.calls();
    fake.swap_slots();
    after.send(Streamed::Line(Arc::new(line(2, "after")))).await.unwrap();
    wait_for("after").await;
    assert_eq!(slots, ["production", "staging"]);
    let goes_on =
        "default logs shop/staging JournalQuery { after: Some(1), last: None, follow: true, of: None }";
    assert!(fake.calls().iter().any(|call| call == goes_on));
    drop(export.stop);
    export.exporting.await.unwrap();
}

#[tokio::test]
async fn lines_of_a_deployment_that_has_come_into_the_slot_of_another_one_are_not_taken_for_its() {
    let (fake, mut collector) = (Fake::default(), collector(&[]).await);
    let wrong = fake.log_lines(10);
    wrong.send(Streamed::Line(Arc::new(line(1, "of another one")))).await.unwrap();
    fake.replace_when_asked(true);
    let export = start(&fake, &collector.url);
    let closed = tokio::time::timeout(Duration::from_secs(20), wrong.closed()).await;
    closed.expect("nobody follows it");
    fake.replace_when_asked(false);
    let right = fake.log_lines(10);
    right.send(Streamed::Line(Arc::new(line(1, "its own")))).await.unwrap();
    let mut told = Vec::new();
    while !told.iter().any(|(_, message)| message == "its own") {
        told.extend(records(&collector.next("/otlp/v1/logs").await, "service.instance.id"));
    }
    assert!(!told.iter().any(|(_, message)| message == "of another one"), "{told:?}");
    drop(export.stop);
    export.exporting.await.unwrap();
}

#[tokio::test]
async fn a_deployment_whose_follower_broke_off_is_followed_again() {
    let (fake, mut collector) = (Fake::default(), collector(&[]).await);
    // Without lines that it could give, the fake breaks off.
    let export = start(&fake, &collector.url);
    let mut calls = Vec::new();
    let asked = async {
        while !calls.iter().any(|call: &String| call.starts_with("default logs shop")) {
            calls.extend(fake.calls());
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asked).await.expect("the lines are asked for");
    let lines = fake.log_lines(10);
    lines.send(Streamed::Line(Arc::new(line(1, "all the same")))).await.unwrap();
    let mut told = Vec::new();
    while !told.iter().any(|(_, message)| message == "all the same") {
        told.extend(records(&collector.next("/otlp/v1/logs").await, "service.instance.id"));
    }
    drop(export.stop);
    export.exporting.await.unwrap();
}
