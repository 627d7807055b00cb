//! What is written about a request.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use crate::bed::{Bed, everything};

#[tokio::test(start_paused = true)]
async fn a_request_is_one_line_whatever_it_says() {
    let bed = Bed::new();
    let mut stream = bed.connect_outside(false);
    let request = "GET /%0a?q=' HTTP/1.1\r\nhost: www\r\nuser-agent: \t\" 200 1 \u{1b}[2J\r\nreferer: http://x/\r\n\
        connection: close\r\n\r\n";
    stream.write_all(request.replace('\u{1b}', "\u{e9}").as_bytes()).await.unwrap();
    everything(&mut stream).await;
    let lines = bed.lines.all();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let start = "203.0.113.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /%0a?q=' HTTP/1.1\" 200 5 \"http://x/\" \
        \"\\x22 200 1 \\xC3\\xA9[2J\" \"";
    assert!(lines[0].starts_with(start) && lines[0].ends_with(" 0.000000"), "{}", lines[0]);
}

#[tokio::test(start_paused = true)]
async fn the_line_says_how_long_it_took_and_how_much_was_sent() {
    let bed = Bed::new();
    bed.say("GET /slow HTTP/1.1\r\nhost: www\r\nconnection: close\r\n\r\n").await;
    let lines = bed.lines.all();
    assert!(lines[0].contains(" 200 4 ") && lines[0].ends_with(" 5.000000"), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn who_goes_before_there_is_an_answer_is_logged_too() {
    let bed = Bed::new();
    let mut stream = bed.connect().await;
    stream.write_all(b"GET /never HTTP/1.1\r\nhost: www\r\n\r\n").await.unwrap();
    sleep(Duration::from_secs(1)).await;
    stream.reset();
    sleep(Duration::from_secs(1)).await;
    let lines = bed.lines.all();
    assert!(lines.len() == 1 && lines[0].contains(" 499 0 "), "{lines:?}");
}
