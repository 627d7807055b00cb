//! Sending large files: in pieces, to their end, and never as something that they are not.

use std::fs::File;
use std::time::Duration;

use http_body::Body;
use http_body_util::BodyExt;
use wasm_roles_web_server::files::FileError;

use crate::bed::{Bed, PORT, request, response};

/// Longer than several pieces, and not a multiple of one.
const LENGTH: usize = 3 * 1024 * 1024 + 12_345;

fn content() -> Vec<u8> {
    (0..LENGTH).map(|position| (position / 7 % 251) as u8).collect()
}

#[tokio::test]
async fn a_large_file_arrives_whole_and_so_do_its_parts() {
    let content = content();
    let bed = Bed::with(&[("large.bin", &content)]);
    let got = bed.get("/large.bin", &[]).await;
    assert!(got.body == content);
    assert_eq!(got.field("content-length"), LENGTH.to_string());
    let part = bed.get("/large.bin", &[("range", "bytes=300000-2000000")]).await;
    assert!(part.body == content[300_000..=2_000_000]);
    let parts = bed.get("/large.bin", &[("range", "bytes=2000000-2999999,0-999999")]).await;
    assert_eq!(parts.field("content-length"), parts.body.len().to_string());
    for part in [&content[2_000_000..3_000_000], &content[..1_000_000]] {
        assert!(parts.body.windows(64).any(|window| window == &part[..64]));
    }
    let first = parts.body.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert!(parts.body[first..first + 1_000_000] == content[2_000_000..3_000_000]);
}

#[tokio::test]
async fn nobody_gets_more_of_a_file_at_once_than_a_connection_has_room_for() {
    let bed = Bed::with(&[("large.bin", &content())]);
    let mut body = response(bed.sites().answer(PORT, &request("GET", "/large.bin", &[])).await).into_body();
    let mut sent = Vec::new();
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        assert!((1..=32 * 1024).contains(&data.len()), "{}", data.len());
        sent.extend_from_slice(&data);
        assert_eq!(body.size_hint().exact(), Some((LENGTH - sent.len()) as u64));
        assert_eq!(body.is_end_stream(), sent.len() == LENGTH);
    }
    assert!(sent == content());
}

/// Sends the beginning of a file, does something to the file, and sends the rest.
async fn sent_while(change: impl FnOnce(&File), later: Duration) -> Result<usize, FileError> {
    let bed = Bed::with(&[("large.bin", &content())]);
    let sites = bed.sites_with(false, later);
    let mut body = response(sites.answer(PORT, &request("GET", "/large.bin", &[])).await).into_body();
    let mut length = body.frame().await.unwrap()?.into_data().unwrap().len();
    let file = File::options().append(true).open(bed.content().join("large.bin")).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    change(&file);
    // The clock of the file system has ticked.
    file.set_modified(modified + Duration::from_millis(10)).unwrap();
    while let Some(frame) = body.frame().await {
        length += frame?.into_data().unwrap().len();
    }
    Ok(length)
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_file_that_is_cut_short_ends_in_an_error() {
    for later in [HOUR, Duration::ZERO] {
        let sent = sent_while(|file| file.set_len(1_000_000).unwrap(), later).await;
        assert!(matches!(sent, Err(FileError::Changed)), "{sent:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_written_to_ends_in_an_error_when_its_tag_promised_one_content() {
    let append = |mut file: &File| std::io::Write::write_all(&mut file, b"more").unwrap();
    let sent = sent_while(append, HOUR).await;
    assert!(matches!(sent, Err(FileError::Changed)), "{sent:?}");
    // With a weak tag, as a log file has that somebody writes, it is sent as long as it was.
    assert_eq!(sent_while(append, Duration::ZERO).await.unwrap(), LENGTH);
}

#[tokio::test]
async fn a_file_that_is_replaced_while_it_is_sent_is_sent_as_it_was() {
    let bed = Bed::with(&[("large.bin", &content())]);
    let mut body = response(bed.sites().answer(PORT, &request("GET", "/large.bin", &[])).await).into_body();
    let mut sent = body.frame().await.unwrap().unwrap().into_data().unwrap().to_vec();
    bed.write("new.bin", b"new");
    std::fs::rename(bed.content().join("new.bin"), bed.content().join("large.bin")).unwrap();
    sent.extend_from_slice(&body.collect().await.unwrap().to_bytes());
    assert!(sent == content());
    assert_eq!(bed.get("/large.bin", &[]).await.text(), "new");
}
