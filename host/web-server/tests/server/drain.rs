//! A server that ends: nobody loses a request by it.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};
use wasm_roles_virtual_network::NetError;

use crate::bed::{Bed, PORT, SERVER, everything, response};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: www\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn running_requests_are_answered_and_nothing_new_comes_in() {
    let bed = Bed::new();
    let mut running = bed.connect().await;
    running.write_all(b"GET /slow HTTP/1.1\r\nhost: www\r\n\r\n").await.unwrap();
    sleep(Duration::from_secs(1)).await;
    bed.drain.begin();
    sleep(Duration::from_millis(1)).await;
    let refused = bed.client.connect((SERVER, PORT.get()).into());
    assert_eq!(refused.map(|_| ()), Err(NetError::ConnectionRefused));
    let response = everything(&mut running).await;
    assert!(response.contains("\r\nconnection: close\r\n") && response.ends_with("slow"), "{response}");
    drop(running);
    bed.serving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_while_the_server_drains_is_answered_as_the_last_one() {
    let bed = Bed::new();
    let mut kept = bed.connect().await;
    kept.write_all(REQUEST).await.unwrap();
    response(&mut kept).await;
    let waiting = bed.client.connect((SERVER, PORT.get()).into()).unwrap();
    bed.drain.begin();
    sleep(Duration::from_millis(900)).await;
    kept.write_all(REQUEST).await.unwrap();
    let last = everything(&mut kept).await;
    assert!(last.contains("\r\nconnection: close\r\n") && last.ends_with("hello"), "{last}");
    drop(kept);
    // This one was in the queue of the port when the server began to drain.
    let mut waiting = waiting.await.unwrap();
    if waiting.write_all(REQUEST).await.is_ok() {
        let _ = everything(&mut waiting).await;
    }
    drop(waiting);
    bed.serving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_stays_idle_is_closed_in_order_after_a_moment() {
    let bed = Bed::new();
    let mut kept = bed.connect().await;
    kept.write_all(REQUEST).await.unwrap();
    response(&mut kept).await;
    let begun = Instant::now();
    bed.drain.begin();
    assert_eq!(everything(&mut kept).await, "");
    assert!((1_000..1_500).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    drop(kept);
    bed.serving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_in_a_hurry_waits_for_no_idle_connection() {
    let bed = Bed::new();
    let mut kept = bed.connect().await;
    kept.write_all(REQUEST).await.unwrap();
    response(&mut kept).await;
    let begun = Instant::now();
    bed.drain.hurry();
    assert_eq!(everything(&mut kept).await, "");
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
}

/// Clients that keep their connections and open another one when they are told to: none of their requests fails, at whatever moment
/// the server drains.
#[tokio::test(start_paused = true)]
async fn no_request_fails_at_whatever_moment_the_server_drains() {
    for moment in 0..40 {
        let bed = Bed::new();
        let mut stream = bed.connect().await;
        let drain = bed.drain.clone();
        tokio::spawn(async move {
            for _ in 0..moment {
                tokio::task::yield_now().await;
            }
            drain.begin();
        });
        loop {
            stream.write_all(REQUEST).await.unwrap();
            let response = response(&mut stream).await;
            assert!(response.ends_with("hello"), "{moment}: {response}");
            if response.contains("connection: close") {
                break;
            }
        }
        drop(stream);
        bed.serving.await.unwrap();
    }
}
