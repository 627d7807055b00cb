//! What an application hears about its client.

use tokio::io::AsyncWriteExt;

use crate::bed::{Bed, everything, response};

const LIES: &str = "GET /headers HTTP/1.1\r\nhost: www.example.com\r\nx-forwarded-for: 10.0.0.4\r\n\
    forwarded: for=10.0.0.4\r\nx-forwarded-proto: ftp\r\nx-forwarded-host: admin\r\nx-real-ip: 10.0.0.4\r\n\
    x-request-id: chosen\r\nconnection: close\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn a_client_outside_is_not_believed() {
    let bed = Bed::new();
    for (secured, scheme) in [(false, "http"), (true, "https")] {
        let mut stream = bed.connect_outside(secured);
        stream.write_all(LIES.as_bytes()).await.unwrap();
        let response = everything(&mut stream).await;
        for line in [
            format!("GET {scheme}://www.example.com/headers HTTP/1.1\n"),
            format!("\nforwarded: for=203.0.113.7;proto={scheme};host=www.example.com\n"),
            "\nx-forwarded-for: 203.0.113.7\n".to_owned(),
            "\nx-forwarded-host: www.example.com\n".to_owned(),
            format!("\nx-forwarded-proto: {scheme}\n"),
        ] {
            assert!(response.contains(&line), "{line}: {response}");
        }
        assert!(!response.contains("10.0.0.4") && !response.contains("chosen"), "{response}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_inside_passes_on_what_it_was_told() {
    let bed = Bed::new();
    let response = bed.say(LIES.replace("10.0.0.4", "203.0.113.7")).await;
    assert!(response.contains("\nx-forwarded-for: 203.0.113.7, 10.0.0.4\n"), "{response}");
    let forwarded = "\nforwarded: for=203.0.113.7, for=10.0.0.4;proto=http;host=www.example.com\n";
    assert!(response.contains(forwarded), "{response}");
    assert!(response.contains("\nx-forwarded-host: admin\n"), "{response}");
    assert!(
        response.contains("x-request-id: chosen\r\n") && response.contains("\nx-request-id: chosen\n"),
        "{response}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_id_of_a_request_is_in_the_request_the_response_and_the_log() {
    let bed = Bed::new();
    let mut stream = bed.connect_outside(false);
    let mut ids = Vec::new();
    for _ in 0..2 {
        stream.write_all(b"GET /headers HTTP/1.1\r\nhost: www\r\n\r\n").await.unwrap();
        let response = response(&mut stream).await;
        let found: Vec<_> = response.lines().filter_map(|line| line.strip_prefix("x-request-id: ")).collect();
        assert!(found.len() == 2 && found[0] == found[1], "{response}");
        ids.push(found[0].to_owned());
    }
    assert_ne!(ids[0], ids[1]);
    tokio::task::yield_now().await;
    for (id, line) in ids.iter().zip(bed.lines.all()) {
        assert!(line.contains(id), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_date_is_that_of_the_clock_that_the_server_was_given() {
    let bed = Bed::new();
    let response = bed.say("GET / HTTP/1.1\r\nhost: www\r\nconnection: close\r\n\r\n").await;
    assert!(response.contains("\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), "{response}");
}
