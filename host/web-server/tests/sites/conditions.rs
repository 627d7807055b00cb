//! Validators and conditional requests.

use std::fs::File;
use std::time::{Duration, SystemTime};

use crate::bed::{Bed, PORT, got, request};

#[tokio::test]
async fn a_file_has_a_strong_tag_a_date_and_a_type_that_nobody_may_guess() {
    let bed = Bed::with(&[("a.txt", b"words")]);
    let got = bed.get("/a.txt", &[]).await;
    assert_eq!((got.status.as_u16(), got.text(), got.field("content-length")), (200, "words", "5"));
    assert!(got.field("etag").starts_with('"'), "{got:?}");
    assert!(got.field("last-modified").ends_with(" GMT"), "{got:?}");
    assert_eq!(got.field("content-type"), "text/plain; charset=utf-8");
    assert_eq!(got.field("x-content-type-options"), "nosniff");
    assert_eq!(got.field("accept-ranges"), "bytes");
    assert_eq!(got.field("vary"), "");
}

#[tokio::test]
async fn types_come_from_extensions_and_texts_are_utf_8() {
    let cases = [
        ("a.html", "text/html; charset=utf-8"),
        ("a.CSS", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.json", "application/json; charset=utf-8"),
        ("a.svg", "image/svg+xml; charset=utf-8"),
        ("a.png", "image/png"),
        ("a.wasm", "application/wasm"),
        ("a.woff2", "font/woff2"),
        ("a", "application/octet-stream"),
        ("a.no-such-type", "application/octet-stream"),
    ];
    let files: Vec<(&str, &[u8])> = cases.iter().map(|(name, _)| (*name, b"".as_slice())).collect();
    let bed = Bed::with(&files);
    for (name, kind) in cases {
        assert_eq!(bed.get(&format!("/{name}"), &[]).await.field("content-type"), kind, "{name}");
    }
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let bed = Bed::with(&[("a.txt", b"words")]);
    let first = bed.get("/a.txt", &[]).await;
    let (tag, date) = (first.field("etag"), first.field("last-modified"));
    let weak = format!("W/{tag}, \"other\"");
    for field in [("if-none-match", tag), ("if-none-match", &weak), ("if-modified-since", date)] {
        let again = bed.get("/a.txt", &[field, ("range", "bytes=0-1")]).await;
        assert_eq!((again.status.as_u16(), again.text()), (304, ""), "{field:?}");
        assert_eq!((again.field("etag"), again.field("last-modified")), (tag, date));
        assert_eq!((again.field("content-length"), again.field("content-type")), ("", ""));
    }
    let other = bed.get("/a.txt", &[("if-match", "\"other\"")]).await;
    assert_eq!((other.status.as_u16(), other.field("etag")), (412, ""));
    assert_eq!(bed.get("/a.txt", &[("if-match", tag), ("if-none-match", "\"other\"")]).await.text(), "words");
}

#[tokio::test]
async fn a_changed_file_has_another_tag_even_when_its_length_and_its_date_are_the_same() {
    let bed = Bed::with(&[("a.txt", b"words")]);
    let file = File::options().write(true).open(bed.content().join("a.txt")).unwrap();
    let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    file.set_modified(second).unwrap();
    let before = bed.get("/a.txt", &[]).await;
    bed.write("a.txt", b"WORDS");
    file.set_modified(second + Duration::from_nanos(100)).unwrap();
    let after = bed.get("/a.txt", &[("if-none-match", before.field("etag"))]).await;
    assert_eq!((after.status.as_u16(), after.text()), (200, "WORDS"));
    assert_eq!(after.field("last-modified"), before.field("last-modified"));
}

#[tokio::test]
async fn a_file_that_was_just_written_has_a_weak_tag() {
    let bed = Bed::with(&[("a.txt", b"words")]);
    let sites = bed.sites_with(false, Duration::ZERO);
    let fresh = got(sites.answer(PORT, &request("GET", "/a.txt", &[])).await).await;
    assert!(fresh.field("etag").starts_with("W/\""), "{fresh:?}");
    let mut fields = vec![("range", "bytes=0-1"), ("if-range", fresh.field("etag"))];
    let whole = got(sites.answer(PORT, &request("GET", "/a.txt", &fields)).await).await;
    assert_eq!((whole.status.as_u16(), whole.text()), (200, "words"));
    fields.pop();
    assert_eq!(got(sites.answer(PORT, &request("GET", "/a.txt", &fields)).await).await.text(), "wo");
}

#[tokio::test]
async fn a_date_in_the_future_is_not_told() {
    let bed = Bed::with(&[("a.txt", b"words")]);
    let file = File::options().write(true).open(bed.content().join("a.txt")).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(7200)).unwrap();
    assert_eq!(bed.get("/a.txt", &[]).await.field("last-modified"), "");
}

#[tokio::test]
async fn head_says_what_get_would_and_sends_nothing() {
    let bed = Bed::with(&[("a.txt", b"words"), ("empty.txt", b"")]);
    let get = bed.get("/a.txt", &[]).await;
    let head =
        got(bed.sites().answer(PORT, &request("HEAD", "/a.txt", &[("range", "bytes=0-1")])).await).await;
    assert_eq!((head.status, head.text()), (get.status, ""));
    assert_eq!(head.headers, get.headers);
    let empty = bed.get("/empty.txt", &[]).await;
    assert_eq!((empty.status.as_u16(), empty.field("content-length"), empty.text()), (200, "0", ""));
}
