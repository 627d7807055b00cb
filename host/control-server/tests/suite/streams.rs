//! Streams of lines, and the end of the server.

use std::sync::Arc;
use std::time::Duration;

use crate::bed::{deployment, serve};
use crate::fake::line;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use wasm_roles_control_interface::{
    ClientError, EndOfStream, JournalQuery, LogLine, OperationState, Streamed,
};
use wasm_roles_control_server::ServerLimits;

fn told(sequence: u64, message: &str) -> Streamed<Arc<LogLine>> {
    Streamed::Line(Arc::new(line(sequence, message)))
}

#[tokio::test]
async fn lines_come_when_they_are_there() {
    let server = serve(ServerLimits::default()).await;
    let lines = server.fake.log_lines(10);
    let mut stream = server.client().logs(&deployment("shop"), &JournalQuery::default()).await.unwrap();
    for (sequence, message) in [(1, "one"), (2, "two\n\u{1b}[0m"), (3, "")] {
        lines.send(told(sequence, message)).await.unwrap();
        assert_eq!(stream.next().await.unwrap(), Some(Streamed::Line(line(sequence, message))));
    }
    drop(lines);
    // Without a last line it was cut, as far as the reader knows.
    assert!(matches!(stream.next().await, Err(ClientError::BrokenOff { .. })));
}

#[tokio::test]
async fn who_does_not_read_holds_back_its_own_stream_and_ends_it_by_going() {
    let server = serve(ServerLimits::default()).await;
    let lines = server.fake.log_lines(1);
    let stream = server.client().logs(&deployment("shop"), &JournalQuery::default()).await.unwrap();
    let long = "x".repeat(100_000);
    // At some line nobody takes another one: neither the server nor the connection has room without end.
    let mut sent = 0;
    while tokio::time::timeout(Duration::from_millis(300), lines.send(told(sent, &long))).await.is_ok() {
        sent += 1;
        assert!(sent < 1000, "100 MB are somewhere");
    }
    drop(stream);
    server.fake.stream_dropped().await;
}

#[tokio::test]
async fn who_takes_nothing_for_too_long_is_cut_off() {
    let limits = ServerLimits { stall_time: Duration::from_millis(50), ..ServerLimits::default() };
    let server = serve(limits).await;
    let lines = server.fake.log_lines(1);
    let _stream = server.client().logs(&deployment("shop"), &JournalQuery::default()).await.unwrap();
    let long = "x".repeat(100_000);
    let cut_off = async {
        while lines.send(told(1, &long)).await.is_ok() {}
        server.fake.stream_dropped().await;
    };
    tokio::time::timeout(Duration::from_secs(60), cut_off).await.expect("the stream is cut off");
}

#[tokio::test]
async fn a_stream_that_is_silent_ends_when_its_reader_goes() {
    let limits = ServerLimits { beat: Duration::from_secs(3600), ..ServerLimits::default() };
    let server = serve(limits).await;
    let _lines = server.fake.log_lines(1);
    let stream = server.client().logs(&deployment("shop"), &JournalQuery::default()).await.unwrap();
    drop(stream);
    let dropped = tokio::time::timeout(Duration::from_secs(10), server.fake.stream_dropped()).await;
    assert!(dropped.is_ok(), "somebody still waits for lines that nobody will read");
}

#[tokio::test]
async fn a_stream_that_has_nothing_to_say_says_an_empty_line() {
    let limits = ServerLimits { beat: Duration::from_millis(10), ..ServerLimits::default() };
    let server = serve(limits).await;
    let lines = server.fake.log_lines(1);
    let stream = tokio::net::UnixStream::connect(&server.socket).await.unwrap();
    let mut stream = BufReader::new(stream);
    let request = "GET /v1/services/shop/production/logs?follow=true HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut read = String::new();
    // The head, then chunks of one empty line each.
    while !read.ends_with("\r\n\r\n1\r\n\n\r\n1\r\n\n\r\n") {
        assert!(stream.read_line(&mut read).await.unwrap() > 0, "{read}");
    }
    drop(stream);
    server.fake.stream_dropped().await;
    drop(lines);
}

#[tokio::test]
async fn a_server_that_stops_tells_its_streams_and_answers_who_waits() {
    let mut server = serve(ServerLimits::default()).await;
    let (client, shop) = (server.client(), deployment("shop"));
    let _lines = server.fake.log_lines(1);
    let mut stream = client.logs(&shop, &JournalQuery::default()).await.unwrap();
    let begun = client.rollback(&shop).await.unwrap();
    let waiting = tokio::spawn({
        let (client, service) = (client.clone(), shop.service.clone());
        async move { client.operation(&service, begun.id, Duration::from_secs(50)).await }
    });
    server.fake.waited_for().await;
    server.stop().await;
    assert_eq!(stream.next().await.unwrap(), Some(Streamed::End { reason: EndOfStream::Stopping }));
    assert_eq!(waiting.await.unwrap().unwrap().state, OperationState::Running);
    assert!(!server.socket.exists());
    assert!(matches!(client.host().await, Err(ClientError::NobodyThere { .. })));
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_who_does_not_read() {
    let limits = ServerLimits { stop_time: Duration::from_millis(50), ..ServerLimits::default() };
    let mut server = serve(limits).await;
    let lines = server.fake.log_lines(1);
    let _stream = server.client().logs(&deployment("shop"), &JournalQuery::default()).await.unwrap();
    let long = "x".repeat(100_000);
    while tokio::time::timeout(Duration::from_millis(100), lines.send(told(1, &long))).await.is_ok() {}
    // The usual time is five seconds, and the end of a server without one is that of its reader.
    tokio::time::timeout(Duration::from_secs(4), server.stop())
        .await
        .expect("it waits for who does not read");
}
