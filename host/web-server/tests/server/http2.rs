//! HTTP/2, found by its preface.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

use crate::bed::{Bed, everything};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

async fn client<B>(bed: &Bed) -> SendRequest<B>
where
    B: http_body::Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (sender, connection) =
        handshake(TokioExecutor::new(), TokioIo::new(bed.connect().await)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn get(path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("http://www{path}")).body(Empty::new()).unwrap()
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

#[tokio::test(start_paused = true)]
async fn many_requests_are_answered_at_the_same_time_in_one_form() {
    let bed = Bed::new();
    let mut client = client(&bed).await;
    let slow = client.send_request(get("/slow"));
    let response = client.send_request(get("/headers")).await.unwrap();
    assert!(response.headers().contains_key("x-request-id") && response.headers().contains_key("date"));
    let text = String::from_utf8(response.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    assert!(
        text.starts_with("GET http://www/headers HTTP/2.0\n") && text.contains("\nhost: www\n"),
        "{text}"
    );
    assert!(text.contains("\nx-forwarded-for: 10.0.0.4\n"), "{text}");
    assert_eq!(slow.await.unwrap().collect().await.unwrap().to_bytes(), "slow");
}

#[tokio::test(start_paused = true)]
async fn bodies_and_trailers_stream_in_both_directions() {
    let bed = Bed::new();
    let trailers =
        HeaderMap::from_iter([(http::HeaderName::from_static("checksum"), HeaderValue::from_static("abc"))]);
    let frames = [
        Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from_static(b"four"))),
        Ok(Frame::trailers(trailers.clone())),
    ];
    let mut client = client(&bed).await;
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let request = Request::post("http://www/echo").body(body).unwrap();
    let echoed = client.send_request(request).await.unwrap().collect().await.unwrap();
    assert_eq!(echoed.trailers(), Some(&trailers));
    assert_eq!(echoed.to_bytes(), "four");
}

#[tokio::test(start_paused = true)]
async fn the_limits_hold_here_too() {
    let bed = Bed::with(|limits| {
        limits.body_bytes = Some(10);
        limits.response_time = Duration::from_secs(60);
    });
    let mut client = client(&bed).await;
    let long = Request::post("http://www/read").body(Full::new(Bytes::from_static(b"hello world"))).unwrap();
    assert_eq!(client.send_request(long).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    let never = Request::get("http://www/never").body(Full::default()).unwrap();
    assert_eq!(client.send_request(never).await.unwrap().status(), StatusCode::GATEWAY_TIMEOUT);
    let hosts = Request::get("http://www/").header("host", "other").body(Full::default()).unwrap();
    assert_eq!(client.send_request(hosts).await.unwrap().status(), StatusCode::BAD_REQUEST);
    let good = Request::get("http://www/").body(Full::default()).unwrap();
    assert_eq!(client.send_request(good).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_authority_is_a_bad_one() {
    let bed = Bed::new();
    let mut stream = bed.connect().await;
    // :method GET, :scheme http, :path /, all from the static table.
    let headers = frame(1, 5, 1, &[0x82, 0x86, 0x84]);
    stream.write_all(&[PREFACE, &SETTINGS, &headers].concat()).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    assert!(bed.lines.all()[0].contains("\"GET / HTTP/2.0\" 400 "), "{:?}", bed.lines.all());
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_streams_that_are_reset_at_once_ends_the_connection() {
    let bed = Bed::new();
    let mut stream = bed.connect().await;
    let mut flood = [PREFACE, &SETTINGS].concat();
    for number in 0..10_000_u32 {
        let id = 2 * number + 1;
        flood.extend(frame(1, 5, id, &[0x82, 0x86, 0x84, 0x41, 3, b'w', b'w', b'w']));
        flood.extend(frame(3, 0, id, &[0, 0, 0, 8]));
    }
    let (mut read, mut write) = tokio::io::split(&mut stream);
    let mut all = Vec::new();
    let both = async { tokio::join!(write.write_all(&flood), read.read_to_end(&mut all)) };
    // Either side may be cut off in the middle.
    let _ = timeout(Duration::from_secs(10), both).await.expect("the server ends it");
    assert!(bed.lines.all().len() < 10_000);
    bed.still_answers().await;
}

#[tokio::test(start_paused = true)]
async fn floods_of_settings_and_pings_are_not_kept() {
    let bed = Bed::new();
    for flood in [frame(4, 0, 0, &[]), frame(6, 0, 0, &[0; 8])] {
        let mut stream = bed.connect().await;
        let flood = [PREFACE, &SETTINGS, &flood.repeat(1_000_000)].concat();
        // The answers are not read: the server must stop reading then, or end the connection.
        let sent = timeout(Duration::from_secs(60), stream.write_all(&flood)).await;
        assert!(!matches!(sent, Ok(Ok(()))), "all of it was taken");
    }
    bed.still_answers().await;
}

#[tokio::test(start_paused = true)]
async fn what_only_begins_as_http_2_is_no_request() {
    let bed = Bed::new();
    let response = bed.say("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n").await;
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
    let mut half = bed.connect().await;
    half.write_all(&PREFACE[..10]).await.unwrap();
    assert!(everything(&mut half).await.starts_with("HTTP/1.1 408 "));
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_asked_for_a_sign_of_life() {
    let bed = Bed::new();
    let mut stream = bed.connect().await;
    stream.write_all(&[PREFACE, &SETTINGS].concat()).await.unwrap();
    let mut all = Vec::new();
    timeout(Duration::from_secs(150), stream.read_to_end(&mut all)).await.unwrap().unwrap();
    let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0];
    assert!(all.windows(ping.len()).any(|window| window == ping));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_drains_finishes_its_streams_and_says_goodbye() {
    let bed = Bed::new();
    let mut client = client(&bed).await;
    let slow = tokio::spawn(client.send_request(get("/slow")));
    sleep(Duration::from_secs(1)).await;
    bed.drain.begin();
    let slow = slow.await.unwrap().unwrap();
    assert_eq!(slow.collect().await.unwrap().to_bytes(), "slow");
    assert!(client.send_request(get("/")).await.is_err());
    drop(client);
    timeout(Duration::from_secs(5), bed.serving).await.unwrap().unwrap();
}

/// A client that has one answer and then says nothing any more, but keeps its connection.
async fn mute(bed: &Bed) -> wasm_roles_virtual_network::TcpStream {
    let mut stream = bed.connect().await;
    // :method GET, :scheme http, :path /, :authority www.
    let headers = frame(1, 5, 1, &[0x82, 0x86, 0x84, 0x41, 3, b'w', b'w', b'w']);
    stream.write_all(&[PREFACE, &SETTINGS, &headers].concat()).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    assert_eq!(bed.lines.all().len(), 1);
    stream
}

#[tokio::test(start_paused = true)]
async fn who_does_not_confirm_the_goodbye_does_not_keep_the_server() {
    let bed = Bed::new();
    let mut stream = mute(&bed).await;
    let begun = Instant::now();
    bed.drain.begin();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    assert!((5..8).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    drop(stream);
    timeout(Duration::from_secs(5), bed.serving).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_in_a_hurry_waits_for_no_confirmation() {
    for begins_first in [false, true] {
        let bed = Bed::new();
        let mut stream = mute(&bed).await;
        if begins_first {
            bed.drain.begin();
            sleep(Duration::from_millis(500)).await;
        }
        let begun = Instant::now();
        bed.drain.hurry();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
        let goodbye = [0, 0, 8, 7, 0, 0, 0, 0, 0];
        assert!(all.windows(goodbye.len()).any(|window| window == goodbye), "it is told");
    }
}

#[tokio::test(start_paused = true)]
async fn cookies_that_come_one_by_one_are_one_header() {
    let bed = Bed::new();
    let mut client = client(&bed).await;
    let request = Request::get("http://www/headers").header("cookie", "a=1").header("cookie", "b=2");
    let response = client.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
    let text = String::from_utf8(response.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    assert!(text.contains("\ncookie: a=1; b=2\n"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_came_before_it_was_wanted_counts_as_well() {
    let bed = Bed::new();
    let mut client = client(&bed).await;
    let frames = futures_util::stream::unfold(0, |number| async move {
        if number == 1 {
            sleep(Duration::from_secs(40)).await;
        }
        let frame = Frame::data(Bytes::from_static(&[b'x'; 50_000]));
        (number < 2).then_some((Ok::<_, std::convert::Infallible>(frame), number + 1))
    });
    let request = Request::post("http://www/late").body(StreamBody::new(Box::pin(frames))).unwrap();
    let response = client.send_request(request).await.unwrap();
    assert_eq!(response.collect().await.unwrap().to_bytes(), "Ok(100000)");
}
