//! What no client of good will sends. For each: the answer, that the connection is closed where nothing after the request can
//! be trusted, and that the next connection works.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::bed::{Bed, response};

/// A second request, which must not be answered after one that was bad.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nhost: www\r\n\r\n";

/// What is sent, followed by a smuggled request: there is one answer with this status, and the connection is closed.
async fn one_answer(bed: &Bed, request: &str, status: &str) {
    let response = bed.say(format!("{request}{SMUGGLED}")).await;
    assert!(response.starts_with(&format!("HTTP/1.1 {status}")), "{request:?}: {response}");
    assert_eq!(response.matches("HTTP/1.").count(), 1, "{request:?}: {response}");
    assert!(!bed.lines.all().iter().any(|line| line.contains("/smuggled")), "{request:?}");
    bed.still_answers().await;
}

#[tokio::test(start_paused = true)]
async fn requests_whose_end_is_ambiguous_are_refused() {
    let bed = Bed::new();
    let bodies = [
        "content-length: 1\r\ncontent-length: 2\r\n\r\nx",
        "content-length: 1, 2\r\n\r\nx",
        "content-length: +1\r\n\r\nx",
        "content-length: -1\r\n\r\nx",
        "content-length: 0x1\r\n\r\nx",
        "content-length: 99999999999999999999\r\n\r\nx",
        "content-length: \r\n\r\nx",
        "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: identity\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        " transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "x: y\r\n transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "x: y\r\n\tz\r\n\r\n",
        "x: a\rb\r\n\r\n",
        "x: a\0b\r\n\r\n",
        "x\0: a\r\n\r\n",
        "x y: a\r\n\r\n",
        ": a\r\n\r\n",
        "no colon\r\n\r\n",
    ];
    for body in bodies {
        one_answer(&bed, &format!("POST /read HTTP/1.1\r\nhost: www\r\n{body}"), "400").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_length_beside_chunks_is_not_believed_and_ends_the_connection() {
    let bed = Bed::new();
    for headers in
        ["content-length: 3\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 3"]
    {
        let request = format!("POST /read HTTP/1.1\r\nhost: www\r\n{headers}\r\n\r\n4\r\nfour\r\n0\r\n\r\n");
        one_answer(&bed, &request, "200").await;
    }
    let repeated = "POST /read HTTP/1.1\r\nhost: www\r\ncontent-length: 4\r\ncontent-length: 4\r\n\
        connection: close\r\n\r\nfour";
    one_answer(&bed, repeated, "200").await;
}

#[tokio::test(start_paused = true)]
async fn chunks_that_are_none_break_the_request_off() {
    let bed = Bed::new();
    let endless = format!("1;{}", "x".repeat(100_000));
    let chunks = [
        "fffffffffffffffff\r\nx",
        "10000000000000000\r\nx",
        "-1\r\nx",
        "0x4\r\nfour\r\n0\r\n\r\n",
        "4 4\r\nfour\r\n0\r\n\r\n",
        "4\nfour\n0\n\n",
        "4\rfour",
        "4;a\nb\r\nfour\r\n0\r\n\r\n",
        "4\r\nfourX\r\n0\r\n\r\n",
        "\r\nfour",
        &endless,
    ];
    for chunk in chunks {
        let head = "POST /read HTTP/1.1\r\nhost: www\r\ntransfer-encoding: chunked\r\n\r\n";
        let response = bed.say(format!("{head}{chunk}{SMUGGLED}")).await;
        // The application has begun with it, and hears that its body is none.
        let refused = response.starts_with("HTTP/1.1 400") || response.contains("no body: ");
        assert!(refused && response.matches("HTTP/1.").count() == 1, "{chunk:?}: {response}");
        assert!(!bed.lines.all().iter().any(|line| line.contains("/smuggled")), "{chunk:?}");
        bed.still_answers().await;
    }
}

#[tokio::test(start_paused = true)]
async fn heads_that_are_too_large_are_431() {
    let bed = Bed::new();
    let long = format!("GET / HTTP/1.1\r\nhost: www\r\nx: {}\r\n\r\n", "y".repeat(40_000));
    let many = format!("GET / HTTP/1.1\r\nhost: www\r\n{}\r\n", "x: y\r\n".repeat(101));
    let endless = format!("GET / HTTP/1.1\r\nhost: www\r\n{}", "x: y\r\n".repeat(100_000));
    for request in [long, many, endless] {
        let mut stream = bed.connect().await;
        let (mut read, mut write) = tokio::io::split(&mut stream);
        let mut all = String::new();
        let (_, answered) = tokio::join!(write.write_all(request.as_bytes()), read.read_to_string(&mut all));
        answered.unwrap();
        assert!(all.starts_with("HTTP/1.1 431 "), "{all}");
        bed.still_answers().await;
    }
    let target = format!("GET /{} HTTP/1.1\r\nhost: www\r\n\r\n", "y".repeat(70_000));
    let response = bed.say(target).await;
    assert!(response.starts_with("HTTP/1.1 414 ") || response.starts_with("HTTP/1.1 431 "), "{response}");
}

#[tokio::test(start_paused = true)]
async fn a_request_has_one_host() {
    let bed = Bed::new();
    let requests = [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: \r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: user@a\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a/b\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a:port\r\n\r\n",
        "GET http://user@a/ HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\n\r\n",
    ];
    for request in requests {
        one_answer(&bed, request, "400").await;
    }
    let response =
        bed.say("GET http://real/headers HTTP/1.1\r\nhost: other\r\nconnection: close\r\n\r\n").await;
    assert!(response.contains("GET http://real/headers HTTP/1.1\n"), "{response}");
    assert!(response.contains("\nhost: real\n") && !response.contains("other"), "{response}");
}

#[tokio::test(start_paused = true)]
async fn request_lines_that_are_none_are_refused() {
    let bed = Bed::new();
    let host = "host: www\r\n\r\n";
    let lines = [
        "GET  / HTTP/1.1\r\n",
        "GET / HTTP/1.1 \r\n",
        "GET / HTTP/2.0\r\n",
        "GET / HTTP/1.2\r\n",
        "GET / http/1.1\r\n",
        "GET / FTP/1.1\r\n",
        "G\0ET / HTTP/1.1\r\n",
        "G(T / HTTP/1.1\r\n",
        " / HTTP/1.1\r\n",
        "GET /a b HTTP/1.1\r\n",
        "GET /a\0 HTTP/1.1\r\n",
        "GET nothing HTTP/1.1\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\r\n",
    ];
    for line in lines {
        one_answer(&bed, &format!("{line}{host}"), "400").await;
    }
    one_answer(&bed, "CONNECT www:443 HTTP/1.1\r\nhost: www:443\r\n\r\n", "501").await;
    // HTTP/0.9 has no head at all.
    let response = bed.say("GET /\r\n\r\n").await;
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
    bed.still_answers().await;
}

#[tokio::test(start_paused = true)]
async fn methods_that_nobody_knows_are_the_applications_affair() {
    let bed = Bed::new();
    for method in ["BREW", "get", "TRACE", "PROPFIND"] {
        let response =
            bed.say(format!("{method} /headers HTTP/1.1\r\nhost: www\r\nconnection: close\r\n\r\n")).await;
        assert!(response.contains(&format!("{method} http://www/headers")), "{response}");
    }
    let response = bed.say("OPTIONS * HTTP/1.1\r\nhost: www\r\nconnection: close\r\n\r\n").await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
}

#[tokio::test(start_paused = true)]
async fn old_clients_are_answered_and_their_connections_closed() {
    let bed = Bed::new();
    let response = bed.say("GET / HTTP/1.0\r\nhost: www\r\n\r\n").await;
    assert!(response.starts_with("HTTP/1.0 200 ") && response.ends_with("hello"), "{response}");
    let response =
        bed.say("POST /read HTTP/1.0\r\nhost: www\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n").await;
    assert!(response.contains(" 400 "), "{response}");
    // They need not say which host they mean.
    let response = bed.say("GET /headers HTTP/1.0\r\n\r\n").await;
    assert!(response.starts_with("HTTP/1.0 200 "), "{response}");
    assert!(response.contains("GET http://10.0.0.5:7000/headers HTTP/1.0\n"), "{response}");
    assert!(response.contains("\nhost: 10.0.0.5:7000\n"), "{response}");
}

#[tokio::test(start_paused = true)]
async fn pipelined_requests_are_answered_in_their_order() {
    let bed = Bed::new();
    let mut stream = bed.connect().await;
    let request = |path| format!("GET {path} HTTP/1.1\r\nhost: www\r\n\r\n");
    let requests = [request("/slow"), request("/"), request("/slow")].concat();
    stream.write_all(requests.as_bytes()).await.unwrap();
    for expected in ["slow", "hello", "slow"] {
        let response = response(&mut stream).await;
        assert!(response.ends_with(expected), "{response}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wish_for_another_protocol_is_passed_over() {
    let bed = Bed::new();
    for upgrade in ["websocket", "h2c"] {
        let mut stream = bed.connect().await;
        let request = format!(
            "GET /headers HTTP/1.1\r\nhost: www\r\nconnection: upgrade\r\nupgrade: {upgrade}\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = response(&mut stream).await;
        assert!(
            answer.starts_with("http/1.1 200 ok\r\n") && answer.contains("GET http://www/headers"),
            "{answer}"
        );
        // It stays a connection of HTTP/1.1.
        stream.write_all(b"GET / HTTP/1.1\r\nhost: www\r\n\r\n").await.unwrap();
        assert!(response(&mut stream).await.ends_with("hello"));
    }
}
