//! Requests that wait for the application.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};

use crate::bed::{Bed, everything};

const QUEUED: &str = "GET /queued HTTP/1.1\r\nhost: www\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn one_more_request_than_the_queue_holds_is_503_at_once() {
    let bed = Bed::with(|limits| limits.queue = 2);
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut stream = bed.connect().await;
        stream.write_all(QUEUED.as_bytes()).await.unwrap();
        waiting.push(stream);
    }
    sleep(Duration::from_millis(1)).await;
    let response = bed.say("GET / HTTP/1.1\r\nhost: www\r\nconnection: close\r\n\r\n").await;
    assert!(
        response.starts_with("HTTP/1.1 503 ") && response.contains("\r\nretry-after: 1\r\n"),
        "{response}"
    );
    // Whoever goes makes room.
    waiting.pop().unwrap().reset();
    sleep(Duration::from_millis(1)).await;
    bed.still_answers().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_too_long_is_503() {
    let bed = Bed::new();
    let begun = Instant::now();
    let mut stream = bed.connect().await;
    stream.write_all(QUEUED.as_bytes()).await.unwrap();
    let response = everything(&mut stream).await;
    assert!(
        response.starts_with("HTTP/1.1 503 ") && response.contains("\r\nretry-after: 30\r\n"),
        "{response}"
    );
    assert!((30..=40).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}
