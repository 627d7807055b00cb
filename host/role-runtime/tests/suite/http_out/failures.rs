//! Hostile requests, and servers that fail.

use super::servers::{serve, serve_bytes};
use super::{BOTH, Bed};

#[tokio::test]
async fn a_url_that_leads_nowhere_is_refused_before_anything_is_sent() {
    let bed = Bed::new();
    let open = bed.interface(5);
    serve(&open, 8080);
    for guest in BOTH {
        for (url, said) in [
            ("http://user@Open:8080/hello", "HttpRequestUriInvalid"),
            ("http://user:secret@Open:8080/hello", "HttpRequestUriInvalid"),
            ("http://Open:0/hello", "HttpRequestUriInvalid"),
            ("http://a$b/hello", "HttpRequestUriInvalid"),
            ("http://0.0.0.0:8080/hello", "HttpRequestUriInvalid"),
            ("http://[2001:db8::1]:8080/hello", "HttpRequestDenied"),
            ("http://[::1]:8080/hello", "ConnectionRefused"),
            ("http://localhost:8080/hello", "ConnectionRefused"),
            ("ftp://Open:8080/hello", "HttpProtocolError"),
            (r"http://Open:8080/hello\r\nx:y", "InvalidPath"),
            ("http://Open:8080/\\nhello", "InvalidPath"),
        ] {
            assert_eq!(bed.run(guest, &format!("get {url}")).await, said, "{guest} {url}");
        }
        let long = format!("get http://Open:8080/{}", "p".repeat(40 << 10));
        assert_eq!(bed.run(guest, &long).await, "InvalidPath", "{guest}");
    }
}

#[tokio::test]
async fn no_part_of_a_request_is_taken_at_any_length() {
    let bed = Bed::new();
    let open = bed.interface(5);
    serve(&open, 8080);
    let longest = "M".repeat(64);
    for guest in BOTH {
        assert_eq!(bed.run(guest, &format!("method {longest}")).await, "set", "{guest}");
        assert_eq!(bed.run(guest, &format!("method {longest}M")).await, "InvalidMethod", "{guest}");
        let (authority, path) = ("a".repeat(321), "p".repeat(32 << 10));
        let said = bed.run(guest, &format!("get http://{authority}/")).await;
        assert_eq!(said, "InvalidAuthority", "{guest}");
        let said = bed.run(guest, &format!("get http://{}/", &authority[1..])).await;
        assert_eq!(said, "HttpRequestUriInvalid", "{guest}");
        let said = bed.run(guest, &format!("get http://Open:8080/{path}")).await;
        assert_eq!(said, "InvalidPath", "{guest}");
        let said = bed.run(guest, &format!("get http://Open_IN_0:8080/{}", &path[1..])).await;
        assert_eq!(said, "200 what?", "{guest}");
    }
}

#[tokio::test]
async fn headers_of_the_connection_are_not_the_guests() {
    let bed = Bed::new();
    for guest in BOTH {
        for name in ["host", "Connection", "transfer-encoding", "upgrade", "proxy-authorization"] {
            let said = bed.run(guest, &format!("header {name}")).await;
            assert!(said.contains("Forbidden"), "{guest} {name}: {said}");
        }
        assert_eq!(bed.run(guest, "header x-own").await, "added", "{guest}");
    }
}

#[tokio::test]
async fn a_server_that_breaks_off_or_talks_nonsense_gives_its_own_error() {
    const LONG: &[u8] = &[b'x'; 70 << 10];
    let bed = Bed::new();
    let open = bed.interface(5);
    let answers: [(&[u8], &str); 6] = [
        (b"", "ConnectionTerminated"),
        (b"HTTP/1.1 200 OK\r\ncontent-le", "HttpResponseIncomplete"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", "200 then HttpResponseIncomplete"),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "200 then HttpResponseIncomplete",
        ),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "HttpProtocolError"),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            "HttpUpgradeFailed",
        ),
    ];
    for (port, (answer, _)) in (8080..).zip(answers) {
        serve_bytes(&open, port, answer);
    }
    serve_bytes(&open, 8089, LONG);
    for guest in BOTH {
        for (port, (_, said)) in (8080..).zip(answers) {
            assert_eq!(bed.run(guest, &format!("get http://Open_IN_0:{port}/")).await, said, "{guest}");
        }
        let said = bed.run(guest, "get http://Open_IN_0:8089/").await;
        assert!(matches!(said.as_str(), "HttpProtocolError" | "HttpResponseHeaderSectionSize"), "{said}");
    }
}
