//! Clients that take their time.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use crate::bed::{Bed, LARGE, everything, response};

fn about(begun: Instant, seconds: u64) {
    let elapsed = begun.elapsed().as_secs();
    assert!((seconds..=seconds + 12).contains(&elapsed), "after {elapsed} s instead of {seconds}");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_in_is_408() {
    let bed = Bed::new();
    let mut stream = bed.connect().await;
    let begun = Instant::now();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: www\r\n").await.unwrap();
    let trickle = async {
        loop {
            sleep(Duration::from_secs(5)).await;
            if stream.write_all(b"x: y\r\n").await.is_err() {
                return;
            }
            let mut all = Vec::new();
            if tokio::time::timeout(Duration::from_millis(1), stream.read_to_end(&mut all)).await.is_ok() {
                assert!(all.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&all));
                return;
            }
            assert!(all.is_empty() || all.starts_with(b"HTTP/1.1 408 "));
            if !all.is_empty() {
                return;
            }
        }
    };
    trickle.await;
    about(begun, 30);
    bed.still_answers().await;
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_sent_away() {
    let bed = Bed::new();
    let mut fresh = bed.connect().await;
    let begun = Instant::now();
    assert!(everything(&mut fresh).await.starts_with("HTTP/1.1 408 "));
    about(begun, 30);
    let mut kept = bed.connect().await;
    kept.write_all(b"GET / HTTP/1.1\r\nhost: www\r\n\r\n").await.unwrap();
    response(&mut kept).await;
    let begun = Instant::now();
    assert_eq!(everything(&mut kept).await, "", "an idle connection is closed without a word");
    about(begun, 120);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_in_is_408_and_one_that_is_quick_enough_is_not() {
    let bed = Bed::new();
    let head = "POST /read HTTP/1.1\r\nhost: www\r\ncontent-length: 20000\r\n\r\n";
    let mut slow = bed.connect().await;
    slow.write_all(head.as_bytes()).await.unwrap();
    let begun = Instant::now();
    let mut all = String::new();
    let (mut read, mut write) = tokio::io::split(slow);
    let trickle = async {
        while write.write_all(b"x").await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = trickle => {}
        read = read.read_to_string(&mut all) => { read.unwrap(); }
    }
    assert!(all.starts_with("HTTP/1.1 408 "), "{all}");
    about(begun, 20);
    let mut quick = bed.connect().await;
    quick.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..40 {
        sleep(Duration::from_secs(1)).await;
        quick.write_all(&[b'x'; 500]).await.unwrap();
    }
    assert!(response(&mut quick).await.contains("20000 bytes"));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_its_response_is_cut_off() {
    let bed = Bed::new();
    let mut stream = bed.connect().await;
    stream.write_all(b"GET /endless HTTP/1.1\r\nhost: www\r\n\r\n").await.unwrap();
    let begun = Instant::now();
    while bed.lines.all().is_empty() {
        sleep(Duration::from_secs(1)).await;
    }
    about(begun, 20);
    let mut all = Vec::new();
    assert!(stream.read_to_end(&mut all).await.is_err(), "it is not taken for the whole");
    bed.still_answers().await;
}

#[tokio::test(start_paused = true)]
async fn who_reads_slowly_but_reads_is_served() {
    let bed = Bed::new();
    let mut stream = bed.connect().await;
    stream.write_all(b"GET /endless HTTP/1.1\r\nhost: www\r\n\r\n").await.unwrap();
    let mut piece = [0; 16 * 1024];
    for _ in 0..60 {
        sleep(Duration::from_secs(10)).await;
        stream.read_exact(&mut piece).await.unwrap();
    }
}

const LARGE_REQUEST: &[u8] = b"GET /large HTTP/1.1\r\nhost: www\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn who_does_not_read_the_end_of_its_response_is_cut_off() {
    let bed = Bed::new();
    let mut stream = bed.connect().await;
    stream.write_all(LARGE_REQUEST).await.unwrap();
    sleep(Duration::from_secs(45)).await;
    assert_eq!(bed.lines.all().len(), 1, "for the application it has been over long ago");
    assert!(stream.read_to_end(&mut Vec::new()).await.is_err());
    bed.still_answers().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_of_the_server_comes_into_a_response_that_is_read_slowly() {
    let bed = Bed::new();
    let mut stream = bed.connect().await;
    stream.write_all(LARGE_REQUEST).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    // The beginning of the next request comes, and its rest when the response is read.
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let mut piece = vec![0; 64 * 1024];
    for number in 0..LARGE / piece.len() {
        sleep(Duration::from_secs(1)).await;
        stream.read_exact(&mut piece).await.unwrap();
        assert!(piece.iter().all(|byte| *byte == b'x'), "{number}: {}", String::from_utf8_lossy(&piece));
    }
    stream.write_all(b"host: www\r\n\r\n").await.unwrap();
    assert!(response(&mut stream).await.ends_with("hello"));
}

#[tokio::test(start_paused = true)]
async fn who_still_reads_a_response_makes_no_room_for_others() {
    let bed = Bed::with(|limits| limits.connections = 1);
    let mut reading = bed.connect().await;
    reading.write_all(LARGE_REQUEST).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let refused = everything(&mut bed.connect().await).await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(response(&mut reading).await.ends_with('x'));
}

#[tokio::test(start_paused = true)]
async fn an_application_that_does_not_answer_is_504() {
    let bed = Bed::new();
    let begun = Instant::now();
    let response = bed.say("GET /never HTTP/1.1\r\nhost: www\r\n\r\n").await;
    assert!(
        response.starts_with("HTTP/1.1 504 ") && response.contains("has not answered in 230 seconds"),
        "{response}"
    );
    about(begun, 230);
}
