//! Bodies in both directions: as long as they may be, streamed, with trailers, and not read further than somebody reads.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::bed::{Bed, everything, response};

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_long_is_413() {
    let bed = Bed::with(|limits| limits.body_bytes = Some(10));
    let head = "POST /read HTTP/1.1\r\nhost: www\r\n";
    let known = bed.say(format!("{head}content-length: 11\r\n\r\n")).await;
    let chunked =
        bed.say(format!("{head}transfer-encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n")).await;
    let endless = format!("{head}transfer-encoding: chunked\r\n\r\n{}", "4\r\nfour\r\n".repeat(100_000));
    for response in [known, chunked, bed.say(endless).await] {
        assert!(response.starts_with("HTTP/1.1 413 "), "{response}");
        assert!(
            response.contains("\r\nconnection: close\r\n") && response.contains("longer than 10 bytes"),
            "{response}"
        );
    }
    let fits = bed.say(format!("{head}content-length: 10\r\nconnection: close\r\n\r\n0123456789")).await;
    assert!(fits.contains("10 bytes"), "{fits}");
}

#[tokio::test(start_paused = true)]
async fn who_expects_to_be_told_to_go_on_is_told_only_when_the_body_is_wanted() {
    let bed = Bed::with(|limits| limits.body_bytes = Some(10));
    let mut stream = bed.connect().await;
    let head = "POST /read HTTP/1.1\r\nhost: www\r\nexpect: 100-continue\r\n";
    stream.write_all(format!("{head}content-length: 4\r\n\r\n").as_bytes()).await.unwrap();
    assert!(response(&mut stream).await.starts_with("http/1.1 100 continue\r\n"));
    stream.write_all(b"four").await.unwrap();
    assert!(response(&mut stream).await.contains("4 bytes"));
    stream.write_all(format!("{head}content-length: 11\r\n\r\n").as_bytes()).await.unwrap();
    assert!(everything(&mut stream).await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test(start_paused = true)]
async fn a_body_is_echoed_while_it_is_sent() {
    let bed = Bed::new();
    let mut stream = bed.connect().await;
    let head = "POST /echo HTTP/1.1\r\nhost: www\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(response(&mut stream).await.contains("transfer-encoding: chunked"));
    for text in ["one", "two"] {
        stream.write_all(format!("3\r\n{text}\r\n").as_bytes()).await.unwrap();
        let mut chunk = [0; 8];
        stream.read_exact(&mut chunk).await.unwrap();
        assert_eq!(chunk, format!("3\r\n{text}\r\n").as_bytes());
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    assert_eq!(everything(&mut stream).await, "0\r\n\r\n");
}

#[tokio::test(start_paused = true)]
async fn trailers_pass_in_both_directions() {
    let bed = Bed::new();
    let request = "POST /read HTTP/1.1\r\nhost: www\r\ntransfer-encoding: chunked\r\n\r\n4\r\nfour\r\n0\r\nchecksum: abc\r\n\r\n";
    let read = bed.say(request).await;
    let expected =
        HeaderMap::from_iter([(HeaderName::from_static("checksum"), HeaderValue::from_static("abc"))]);
    assert!(read.contains(&format!("4 bytes, trailers {expected:?}")), "{read}");
    let sent =
        bed.say("GET /trailers HTTP/1.1\r\nhost: www\r\nte: trailers\r\nconnection: close\r\n\r\n").await;
    assert!(sent.ends_with("4\r\ntext\r\n0\r\nchecksum: abc\r\n\r\n"), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_reads_stays_with_the_client() {
    let bed = Bed::new();
    let mut stream = bed.connect().await;
    let head = "POST /slow HTTP/1.1\r\nhost: www\r\ncontent-length: 20000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let flood = async {
        let mut sent = 0;
        while timeout(Duration::from_secs(1), stream.write_all(&[b'x'; 16 * 1024])).await.is_ok() {
            sent += 16 * 1024;
        }
        sent
    };
    let sent = flood.await;
    assert!(sent < 3 << 20, "{sent}");
}

#[tokio::test(start_paused = true)]
async fn a_response_that_breaks_off_is_not_taken_for_a_whole_one() {
    let bed = Bed::new();
    let mut stream = bed.connect().await;
    stream.write_all(b"GET /broken HTTP/1.1\r\nhost: www\r\n\r\n").await.unwrap();
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    let all = String::from_utf8(all).unwrap();
    assert!(!all.ends_with("0\r\n\r\n"), "{all}");
    bed.still_answers().await;
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_none_is_502() {
    let bed = Bed::new();
    for path in ["/interim", "/wrong-length"] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: www\r\nconnection: close\r\n\r\n");
        let response = bed.say(request).await;
        assert!(response.starts_with("HTTP/1.1 502 "), "{response}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_request_has_no_body_and_its_connection_goes_on() {
    let bed = Bed::new();
    let mut stream = bed.connect().await;
    stream
        .write_all(
            b"HEAD / HTTP/1.1\r\nhost: www\r\n\r\nGET / HTTP/1.1\r\nhost: www\r\nconnection: close\r\n\r\n",
        )
        .await
        .unwrap();
    let all = everything(&mut stream).await;
    assert_eq!(all.matches("HTTP/1.1 200").count(), 2);
    assert_eq!(all.matches("hello").count(), 1);
}
