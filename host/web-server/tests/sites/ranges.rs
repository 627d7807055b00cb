//! Parts of files.

use crate::bed::Bed;

fn bed() -> Bed {
    Bed::with(&[("a.txt", b"0123456789")])
}

#[tokio::test]
async fn one_range_is_a_part_and_none_that_fits_is_an_error() {
    let bed = bed();
    let cases = [
        ("bytes=0-3", 206, "bytes 0-3/10", "0123"),
        ("bytes=8-", 206, "bytes 8-9/10", "89"),
        ("bytes=-3", 206, "bytes 7-9/10", "789"),
        ("bytes=5-100", 206, "bytes 5-9/10", "56789"),
        ("bytes=10-", 416, "bytes */10", "416 Range Not Satisfiable\n"),
        ("bytes=5-4", 200, "", "0123456789"),
        ("lines=1-2", 200, "", "0123456789"),
    ];
    for (range, status, content_range, text) in cases {
        let got = bed.get("/a.txt", &[("range", range)]).await;
        let seen = (got.status.as_u16(), got.field("content-range"), got.text());
        assert_eq!(seen, (status, content_range, text), "{range}");
        if status == 206 {
            assert_eq!(got.field("content-length"), text.len().to_string(), "{range}");
            assert_eq!(got.field("content-type"), "text/plain; charset=utf-8");
            assert!(got.headers.contains_key("etag"));
        }
    }
}

#[tokio::test]
async fn several_ranges_are_a_message_of_parts() {
    let bed = bed();
    let got = bed.get("/a.txt", &[("range", "bytes=0-1, 4-5, -1")]).await;
    assert_eq!(got.status.as_u16(), 206);
    let boundary = got.field("content-type").strip_prefix("multipart/byteranges; boundary=").unwrap();
    assert!(got.field("etag").contains(boundary.strip_prefix("part-").unwrap()));
    let part = |range: &str, text: &str| {
        format!(
            "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes {range}/10\r\n\r\n{text}\r\n"
        )
    };
    let wanted =
        [part("0-1", "01"), part("4-5", "45"), part("9-9", "9"), format!("--{boundary}--\r\n")].concat();
    assert_eq!(got.text(), wanted);
    assert_eq!(got.field("content-length"), wanted.len().to_string());
    assert_eq!(got.field("content-range"), "");
}

#[tokio::test]
async fn a_range_of_another_content_is_the_whole_file() {
    let bed = bed();
    let first = bed.get("/a.txt", &[]).await;
    let range = ("range", "bytes=0-1");
    assert_eq!(bed.get("/a.txt", &[range, ("if-range", first.field("etag"))]).await.text(), "01");
    for other in ["\"other\"", first.field("last-modified")] {
        assert_eq!(bed.get("/a.txt", &[range, ("if-range", other)]).await.text(), "0123456789", "{other}");
    }
}
