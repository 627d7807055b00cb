use super::*;
use tokio::io::AsyncWriteExt;

async fn lines(reader: &mut OutputReader) -> Vec<(String, bool)> {
    let mut all = Vec::new();
    while let Some(line) = reader.next_line().await {
        all.push((String::from_utf8(line.bytes).unwrap(), line.cut));
    }
    all
}

#[tokio::test]
async fn bytes_come_out_as_whole_lines_however_they_were_written() {
    let (mut pipe, mut reader) = OutputPipe::new(1 << 20);
    for piece in ["one\ntw", "o\r\n", "\n", "last words"] {
        pipe.write_all(piece.as_bytes()).await.unwrap();
    }
    drop(pipe);
    let expected = ["one", "two", "", "last words"].map(|line| (line.to_owned(), false));
    assert_eq!(lines(&mut reader).await, expected);
}

#[tokio::test]
async fn a_line_that_never_ends_comes_out_in_pieces() {
    let (mut pipe, mut reader) = OutputPipe::new(1 << 20);
    pipe.write_all(&vec![b'x'; 2 * OutputPipe::LONGEST_LINE + 1]).await.unwrap();
    drop(pipe);
    let lengths: Vec<_> = lines(&mut reader).await.into_iter().map(|(l, cut)| (l.len(), cut)).collect();
    assert_eq!(lengths, [(OutputPipe::LONGEST_LINE, true), (OutputPipe::LONGEST_LINE, true), (1, false)]);
}

#[tokio::test]
async fn a_writer_waits_while_the_queue_is_full_and_goes_on_when_it_is_read() {
    let (mut pipe, mut reader) = OutputPipe::new(1_000);
    let flood = tokio::spawn(async move {
        for n in 0..10_000 {
            pipe.write_all(format!("{n}\n").as_bytes()).await.unwrap();
        }
    });
    tokio::task::yield_now().await;
    assert!(!flood.is_finished());
    assert!(reader.shared.lock().queued < 1_000 + OutputPipe::LONGEST_LINE + LINE_COST);
    let all = lines(&mut reader).await;
    assert_eq!(all.len(), 10_000);
    assert_eq!(all.last().map(|(line, _)| line.as_str()), Some("9999"));
    flood.await.unwrap();
}

#[tokio::test]
async fn the_tail_remembers_the_last_lines_and_the_last_words_without_an_end() {
    let (mut pipe, mut reader) = OutputPipe::new(1 << 20);
    let tail = pipe.tail();
    pipe.write_all(b"1\n2\n3\n4\n5\n").await.unwrap();
    pipe.write_all(&[b'x'; 1_000]).await.unwrap();
    assert_eq!(tail.lines(), ["1", "2", "3", "4", "5"]);
    drop(pipe);
    lines(&mut reader).await;
    assert_eq!(tail.lines(), ["2", "3", "4", "5", &"x".repeat(256)]);
}

async fn written(reader: &mut OutputReader) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(written) = reader.next().await {
        all.push(match written {
            Written::Line(line) => String::from_utf8(line.bytes).unwrap(),
            Written::Dropped { lines } => format!("{lines} dropped"),
            Written::Limit(limit) => limit.to_string(),
        });
    }
    all
}

/// 1 KiB per second: lines of 960 bytes, which cost 1 KiB; the burst is that of the longest line.
async fn write_kibibytes(pipe: &mut OutputPipe, lines: usize) {
    for _ in 0..lines {
        pipe.write_all(&[vec![b'x'; 1024 - LINE_COST], b"\n".to_vec()].concat()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_cut_and_how_much_is_said_once() {
    let (mut pipe, mut reader) = OutputPipe::with_rate(1 << 20, 1024);
    write_kibibytes(&mut pipe, 100).await;
    // The guest goes on after the flood is over: the note stands before its line.
    tokio::time::sleep(Duration::from_secs(60)).await;
    pipe.write_all(b"hello\n").await.unwrap();
    drop(pipe);
    let all = written(&mut reader).await;
    assert_eq!(all.len(), 16 + 2);
    assert_eq!(all[16..], ["84 dropped", "hello"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_dropped_is_said_although_the_guest_writes_no_more() {
    let (mut pipe, mut reader) = OutputPipe::with_rate(1 << 20, 1024);
    let reading = tokio::spawn(async move {
        let mut lines = 0;
        loop {
            match reader.next().await {
                Some(Written::Line(_)) => lines += 1,
                Some(Written::Dropped { lines: dropped }) => return (lines, dropped),
                other => panic!("{other:?}"),
            }
        }
    });
    tokio::task::yield_now().await; // it waits for the first line
    let begun = Instant::now();
    write_kibibytes(&mut pipe, 20).await;
    assert_eq!(reading.await.unwrap(), (16, 4));
    assert!((15..=17).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    drop(pipe);
}

#[tokio::test]
async fn a_guest_that_ends_in_a_flood_leaves_the_count_behind_its_lines() {
    let (mut pipe, mut reader) = OutputPipe::with_rate(1 << 20, 1024);
    write_kibibytes(&mut pipe, 30).await;
    pipe.write_all(b"last words").await.unwrap();
    let tail = pipe.tail();
    drop(pipe);
    assert_eq!(written(&mut reader).await.last().map(String::as_str), Some("15 dropped"));
    assert_eq!(tail.lines().last().map(String::as_str), Some("last words"));
}

#[tokio::test]
async fn a_limit_that_is_reached_is_told_among_the_lines() {
    let (mut pipe, mut reader) = OutputPipe::new(1 << 20);
    pipe.write_all(b"one\n").await.unwrap();
    pipe.note(ReachedLimit::Memory { bytes: 1_792 << 20 });
    pipe.write_all(b"two\n").await.unwrap();
    drop(pipe);
    assert_eq!(written(&mut reader).await, ["one", "its memory limit (1.75 GiB)", "two"]);
}

#[tokio::test]
async fn empty_lines_fill_the_queue_too() {
    let (pipe, reader) = OutputPipe::new(10 * LINE_COST);
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(pipe.poll_write(&mut cx, &[b'\n'; 1_000]), Poll::Ready(10));
    assert_eq!(pipe.poll_write(&mut cx, &[b'\n'; 1_000]), Poll::Pending);
    drop(reader);
    assert_eq!(pipe.poll_write(&mut cx, &[b'\n'; 1_000]), Poll::Ready(1_000));
}

#[tokio::test]
async fn a_line_of_the_host_never_waits_and_never_breaks_one_of_the_guest() {
    let (mut pipe, mut reader) = OutputPipe::new(200);
    pipe.write_all(b"half a ").await.unwrap();
    for line in 0..5 {
        pipe.say(format!("request {line}").as_bytes());
    }
    let said = |text: &str| Some(Written::Line(Line { bytes: text.into(), cut: false }));
    for expected in ["request 0", "request 1", "request 2"] {
        assert_eq!(reader.next().await, said(expected));
    }
    pipe.say(b"request 5");
    pipe.write_all(b"line\n").await.unwrap();
    drop(pipe);
    assert_eq!(reader.next().await, Some(Written::Dropped { lines: 2 }));
    assert_eq!(reader.next().await, said("request 5"));
    assert_eq!(reader.next().await, said("half a line"));
    assert_eq!(reader.next().await, None);
}
