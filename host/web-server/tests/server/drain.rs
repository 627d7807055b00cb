//! A server that ends: nobody loses a request by it.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};
use wasm_roles_virtual_network::NetError;

use crate::bed::{Bed, LARGE, PORT, SERVER, everything, response};

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

#[tokio::test(start_paused = true)]
async fn a_request_whose_body_is_kept_and_not_read_does_not_keep_the_server() {
    let bed = Bed::new();
    let mut stream = bed.connect().await;
    let head = b"POST /keeps HTTP/1.1\r\nhost: www\r\ncontent-length: 1000\r\n\r\na part";
    stream.write_all(head).await.unwrap();
    assert!(response(&mut stream).await.ends_with("kept"));
    bed.drain.begin();
    assert_eq!(everything(&mut stream).await, "");
    tokio::time::timeout(Duration::from_secs(60), bed.serving).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_reads_slowly_gets_its_whole_response_also_from_a_server_that_drains() {
    let bed = Bed::new();
    let mut stream = bed.connect().await;
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: www\r\n\r\n").await.unwrap();
    sleep(Duration::from_secs(1)).await;
    bed.drain.begin();
    sleep(Duration::from_secs(15)).await;
    let (mut all, mut piece) = (0, vec![0; 64 * 1024]);
    loop {
        sleep(Duration::from_millis(50)).await;
        match stream.read(&mut piece).await.unwrap() {
            0 => break,
            read => all += read,
        }
    }
    assert!(all > LARGE, "{all} bytes");
    drop(stream);
    bed.serving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_at_the_port_when_the_server_begins_to_drain_are_answered() {
    let bed = Bed::new();
    let connect = || bed.client.connect((SERVER, PORT.get()).into()).unwrap();
    let mut waiting = Vec::new();
    for connecting in std::iter::repeat_with(connect).take(300).collect::<Vec<_>>() {
        let stream = connecting.now_or_never().expect("nothing is in the way");
        waiting.push(stream.unwrap());
    }
    bed.drain.begin();
    for mut stream in waiting {
        stream.write_all(REQUEST).await.unwrap();
        let last = everything(&mut stream).await;
        assert!(last.ends_with("hello"), "{last}");
    }
    bed.serving.await.unwrap();
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

/// Whoever has a connection to the server, also one that it has not seen yet, gets an answer: who connects in the middle of its
/// last turn is refused, and can go to somebody else.
#[tokio::test(start_paused = true)]
async fn nobody_is_let_in_and_then_forgotten_at_whatever_moment_the_server_drains() {
    let mut answered = 0;
    for moment in 0..40 {
        let bed = Bed::new();
        let drain = bed.drain.clone();
        tokio::spawn(async move {
            for _ in 0..moment {
                tokio::task::yield_now().await;
            }
            drain.begin();
        });
        while let Ok(connecting) = bed.client.connect((SERVER, PORT.get()).into()) {
            let Some(Ok(mut stream)) = connecting.now_or_never() else { break };
            stream.write_all(REQUEST).await.unwrap();
            let last = response(&mut stream).await;
            assert!(last.ends_with("hello"), "{moment}: {last}");
            answered += 1;
        }
        bed.serving.await.unwrap();
    }
    assert!(answered > 40, "{answered}");
}
