//! As many connections as an instance may have.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::sleep;
use wasm_roles_virtual_network::MemoryBudget;

use crate::bed::{Bed, everything, response};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: www\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn one_more_connection_closes_the_one_that_was_idle_the_longest() {
    let bed = Bed::with(|limits| limits.connections = 3);
    let mut kept = Vec::new();
    for _ in 0..3 {
        let mut stream = bed.connect().await;
        stream.write_all(REQUEST).await.unwrap();
        response(&mut stream).await;
        kept.push(stream);
        sleep(Duration::from_millis(10)).await;
    }
    let mut newest = bed.connect().await;
    newest.write_all(REQUEST).await.unwrap();
    assert!(response(&mut newest).await.ends_with("hello"));
    assert_eq!(everything(&mut kept[0]).await, "");
    kept[1].write_all(REQUEST).await.unwrap();
    assert!(response(&mut kept[1]).await.ends_with("hello"));
}

#[tokio::test(start_paused = true)]
async fn one_more_connection_is_refused_when_all_are_busy() {
    let bed = Bed::with(|limits| limits.connections = 2);
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut stream = bed.connect().await;
        stream.write_all(b"GET /slow HTTP/1.1\r\nhost: www\r\n\r\n").await.unwrap();
        busy.push(stream);
    }
    sleep(Duration::from_millis(1)).await;
    let refused = everything(&mut bed.connect().await).await;
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("no room"), "{refused}");
    for stream in &mut busy {
        assert!(response(stream).await.ends_with("slow"));
    }
    bed.still_answers().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_the_instance_has_no_memory_for_is_refused() {
    let bed = Bed::with_memory(MemoryBudget::new(200 * 1024), |_| {});
    let mut kept = Vec::new();
    for _ in 0..3 {
        kept.push(bed.connect().await);
    }
    sleep(Duration::from_millis(1)).await;
    assert!(bed.memory.used() >= 3 * 64 * 1024);
    assert!(everything(&mut bed.connect().await).await.contains("no room"));
    kept.clear();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(bed.memory.used(), 0);
    bed.still_answers().await;
}

#[tokio::test]
async fn a_crowd_is_served_while_one_floods() {
    let bed = Bed::new();
    let mut flood = bed.connect().await;
    flood.write_all(b"GET /endless HTTP/1.1\r\nhost: www\r\n\r\n").await.unwrap();
    let reading = tokio::spawn(async move { tokio::io::copy(&mut flood, &mut tokio::io::sink()).await });
    let crowd = (0..200).map(|_| bed.still_answers());
    futures_util::future::join_all(crowd).await;
    reading.abort();
}
