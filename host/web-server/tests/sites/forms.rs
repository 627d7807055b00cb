//! Compressed forms beside a file.

use std::fs::File;
use std::time::{Duration, SystemTime};

use crate::bed::{Bed, PORT, got, request};

fn bed() -> Bed {
    Bed::with(&[
        ("style.css", b"plain"),
        ("style.css.br", b"brotli"),
        ("style.css.gz", b"gzip!!"),
        ("alone.css", b"alone"),
        ("photo.png", b"png"),
        ("photo.png.gz", b"packed"),
        ("index.html", b"index"),
        ("index.html.gz", b"packed index"),
    ])
}

#[tokio::test]
async fn a_client_gets_the_form_that_it_takes_with_a_tag_of_its_own() {
    let bed = bed();
    let cases = [("br, gzip", "br", "brotli"), ("gzip", "gzip", "gzip!!"), ("", "", "plain")];
    let mut tags = Vec::new();
    for (accepted, encoding, text) in cases {
        let got = bed.get("/style.css", &[("accept-encoding", accepted)]).await;
        assert_eq!((got.field("content-encoding"), got.text()), (encoding, text));
        assert_eq!(got.field("vary"), "Accept-Encoding");
        assert_eq!(got.field("content-type"), "text/css; charset=utf-8");
        tags.push(got.field("etag").to_owned());
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 3);
}

#[tokio::test]
async fn not_modified_and_ranges_are_about_the_form() {
    let bed = bed();
    let gzip = ("accept-encoding", "gzip");
    let first = bed.get("/style.css", &[gzip]).await;
    let tag = ("if-none-match", first.field("etag"));
    let again = bed.get("/style.css", &[gzip, tag]).await;
    assert_eq!((again.status.as_u16(), again.field("vary")), (304, "Accept-Encoding"));
    assert_eq!(bed.get("/style.css", &[tag]).await.text(), "plain");
    let part = bed.get("/style.css", &[gzip, ("range", "bytes=4-")]).await;
    assert_eq!((part.text(), part.field("content-encoding")), ("!!", "gzip"));
}

#[tokio::test]
async fn index_files_have_forms_and_pictures_have_none() {
    let bed = bed();
    let gzip = [("accept-encoding", "gzip")];
    assert_eq!(bed.get("/", &gzip).await.text(), "packed index");
    let photo = bed.get("/photo.png", &gzip).await;
    assert_eq!((photo.text(), photo.field("vary")), ("png", ""));
    assert_eq!(bed.get("/alone.css", &gzip).await.field("vary"), "");
    // By its own name it is a file like any other.
    let own = bed.get("/style.css.gz", &gzip).await;
    assert_eq!((own.field("content-encoding"), own.field("content-type")), ("", "application/gzip"));
}

#[tokio::test]
async fn a_form_that_was_forgotten_when_the_file_changed_is_left_alone() {
    let bed = bed();
    let path = bed.content().join("style.css.br");
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(120)).unwrap();
    let accepted = [("accept-encoding", "br, gzip;q=0.5")];
    assert_eq!(bed.get("/style.css", &accepted).await.text(), "gzip!!");
    file.set_modified(SystemTime::now() - Duration::from_secs(30)).unwrap();
    assert_eq!(bed.get("/style.css", &accepted).await.text(), "brotli");
    let head = bed.sites().answer(PORT, &request("HEAD", "/style.css", &accepted)).await;
    assert_eq!(got(head).await.field("content-length"), "6");
}
