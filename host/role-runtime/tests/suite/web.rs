//! Web roles of both generations behind the host's web server, seen by a client in the same network.

use crate::bed::{Bed, PORT, address};
use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wasm_roles_role_runtime::{End, InstanceSpec, InstanceState, Phase, WasiVersion, WebInstances};
use wasm_roles_virtual_network::{Interface, TcpStream};

const HANDLERS: [(&str, WasiVersion); 2] =
    [("hello-http-p2", WasiVersion::V0_2), ("hello-http-p3", WasiVersion::V0_3)];

pub(crate) async fn connect(client: &Interface) -> TcpStream {
    client.connect((address(0), PORT.get()).into()).unwrap().await.unwrap()
}

/// Sends a request on its own connection and returns the status and the body.
pub(crate) async fn ask(client: &Interface, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let stream = connect(client).await;
    send(stream, path, body).await
}

async fn send(mut stream: TcpStream, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let head = format!("POST {path} HTTP/1.0\r\nhost: test\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await.unwrap();
    let head_end = response.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let body = response.split_off(head_end);
    let head = String::from_utf8(response).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body)
}

#[tokio::test]
async fn a_handler_of_either_generation_answers_requests_and_keeps_its_state() {
    let bed = Bed::new();
    for (guest, version) in HANDLERS {
        let component = bed.load(guest);
        assert_eq!(component.shape().http, Some(version));
        let role = bed.start_with(&component, "wait", shared);
        role.reached(InstanceState::Ready).await;
        let client = bed.interface(1);
        assert_eq!(ask(&client, "/", b"").await, (200, b"Hello, world!".to_vec()), "{guest}");
        assert_eq!(ask(&client, "/count", b"").await, (200, b"2".to_vec()), "{guest}");
        assert_eq!(ask(&client, "/nowhere", b"").await.0, 404, "{guest}");
        let large = vec![b'y'; 1 << 20];
        assert_eq!(ask(&client, "/echo", &large).await, (200, large.clone()), "{guest}");
        role.instance.stop();
        assert_eq!(role.instance.ended().await, End::Stopped { forced: false }, "{guest}");
    }
}

/// One instance for all requests of a 0.2 handler.
fn shared(spec: &mut InstanceSpec) {
    spec.web.instances = WebInstances::Shared;
}

/// One for each.
fn per_request(spec: &mut InstanceSpec) {
    spec.web.instances = WebInstances::PerRequest;
}

#[tokio::test]
async fn a_handler_that_traps_answers_502_and_ends_its_instance() {
    let bed = Bed::new();
    for (guest, _) in HANDLERS {
        let role = bed.start_with(&bed.load(guest), "wait", shared);
        role.reached(InstanceState::Ready).await;
        let client = bed.interface(1);
        assert_eq!(ask(&client, "/panic", b"").await.0, 502, "{guest}");
        let end = role.instance.ended().await;
        assert!(matches!(end, End::Trapped { during: Phase::Run, .. }), "{guest}: {end:?}");
    }
}

#[tokio::test]
async fn a_fresh_instance_for_each_request_remembers_nothing() {
    let bed = Bed::new();
    let role = bed.start_with(&bed.load("hello-http-p2"), "wait", per_request);
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    for _ in 0..3 {
        assert_eq!(ask(&client, "/count", b"").await, (200, b"1".to_vec()));
    }
    let large = vec![b'y'; 1 << 20];
    assert_eq!(ask(&client, "/echo", &large).await, (200, large));
    role.instance.stop();
    assert_eq!(role.instance.ended().await, End::Stopped { forced: false });
}

#[tokio::test]
async fn a_trap_in_a_fresh_instance_takes_its_own_request_only_and_is_said() {
    let bed = Bed::new();
    let mut role = bed.start_with(&bed.load("hello-http-p2"), "wait", per_request);
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    assert_eq!(ask(&client, "/panic", b"").await.0, 502);
    assert_eq!(ask(&client, "/", b"").await.0, 200);
    let said = loop {
        let line = String::from_utf8(role.stderr.next_line().await.unwrap().bytes).unwrap();
        if line.starts_with("a request was lost") {
            break line;
        }
    };
    assert!(said.contains("it trapped"), "{said}");
    role.instance.stop();
    assert_eq!(role.instance.ended().await, End::Stopped { forced: false });
}

#[tokio::test]
async fn a_fresh_instance_shares_nothing_with_the_entry_point() {
    let bed = Bed::new();
    let mut role = bed.start_with(&bed.load("role-with-http-p2"), "wait", per_request);
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    assert_eq!(ask(&client, "/", b"").await, (200, Vec::new()), "no stage was reached in this one");
    role.instance.stop();
    assert_eq!(role.says().await, "on-stop");
    assert_eq!(role.instance.ended().await, End::Stopped { forced: false });
}

#[tokio::test(start_paused = true)]
async fn fifty_requests_that_wait_are_answered_in_the_time_of_one() {
    let bed = Bed::new();
    let role = bed.start(&bed.load("hello-http-p3"), "wait");
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    let begun = tokio::time::Instant::now();
    let all = (0..50).map(|_| ask(&client, "/slow", b""));
    for (status, body) in futures_util::future::join_all(all).await {
        assert_eq!((status, body.as_slice()), (200, b"slow".as_slice()));
    }
    // Each waits for half a second; in turn they would take 25.
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    role.instance.kill();
    role.instance.ended().await;
}

/// The tables of a store have places for 100,000 handles, and these a few hundred resources: what a request leaves behind
/// would soon be too much.
#[tokio::test]
async fn requests_at_saturation_leave_nothing_in_the_tables() {
    let bed = Bed::new();
    let few = |spec: &mut InstanceSpec| spec.limits.resources = 2_000;
    let role = bed.start_with(&bed.load("hello-http-p3"), "wait", few);
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    let clients = (0..32).map(|_| async {
        let mut stream = connect(&client).await;
        for _ in 0..250 {
            let answer = keep_asking(&mut stream).await;
            assert!(answer.ends_with("Hello, world!"), "{answer}");
        }
    });
    futures_util::future::join_all(clients).await;
    assert_eq!(ask(&client, "/count", b"").await, (200, b"8001".to_vec()));
    role.instance.stop();
    assert_eq!(role.instance.ended().await, End::Stopped { forced: false });
}

/// One request on a connection that stays open.
async fn keep_asking(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"Hello, world!") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "closed after {answer:?}");
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_trap_in_a_body_breaks_the_response_and_does_not_end_it() {
    let bed = Bed::new();
    let role = bed.start(&bed.load("hello-http-stock"), "wait");
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    let mut stream = connect(&client).await;
    stream.write_all(b"GET /half HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    let mut response = Vec::new();
    // A reset or an end, but no last chunk.
    let _ = stream.read_to_end(&mut response).await;
    let response = String::from_utf8(response).unwrap();
    assert!(!response.ends_with("0\r\n\r\n"), "{response}");
    let end = role.instance.ended().await;
    assert!(matches!(end, End::Trapped { during: Phase::Run, .. }), "{end:?}");
}

#[tokio::test]
async fn a_client_that_leaves_a_stream_does_not_end_the_instance() {
    let bed = Bed::new();
    let role = bed.start(&bed.load("hello-http-stock"), "wait");
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    for _ in 0..3 {
        let mut stream = connect(&client).await;
        stream.write_all(b"GET /stream HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
        let mut some = vec![0; 64 * 1024];
        stream.read_exact(&mut some).await.unwrap();
    }
    assert_eq!(ask(&client, "/", b"").await, (200, b"Hello, world!".to_vec()));
    role.instance.stop();
    assert_eq!(role.instance.ended().await, End::Stopped { forced: false });
}

/// Its own requests wait; the web server goes on, others go on, and whoever stops it can.
#[tokio::test]
async fn a_handler_that_never_yields_stops_neither_the_server_nor_others() {
    let bed = Bed::new();
    let component = bed.load("hello-http-stock");
    let quick = |spec: &mut InstanceSpec| spec.stop_budget = std::time::Duration::from_millis(200);
    let spinning = bed.start_with(&component, "wait", quick);
    spinning.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    let mut spin = connect(&client).await;
    spin.write_all(b"GET /spin HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    // The server is polled between the turns of the guest: what is no request is refused.
    let mut bad = connect(&client).await;
    bad.write_all(b"nonsense\r\n\r\n").await.unwrap();
    let mut refusal = String::new();
    bad.read_to_string(&mut refusal).await.unwrap();
    assert!(refusal.starts_with("HTTP/1.1 400 "), "{refusal}");
    spinning.instance.stop();
    assert_eq!(spinning.instance.ended().await, End::Stopped { forced: true });
}

/// Nobody asks it to: only another incarnation can answer anything.
#[tokio::test]
async fn an_instance_whose_handler_never_yields_is_recycled_when_nobody_got_an_answer_in_time() {
    let bed = Bed::new();
    let quick = |spec: &mut InstanceSpec| {
        spec.stop_budget = std::time::Duration::from_millis(200);
        spec.web.limits.response_time = std::time::Duration::from_millis(200);
    };
    let mut role = bed.start_with(&bed.load("hello-http-stock"), "wait", quick);
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    assert_eq!(ask(&client, "/spin", b"").await.0, 504);
    let said = String::from_utf8(role.stderr.next_line().await.unwrap().bytes).unwrap();
    assert!(said.ends_with("answered no request: the instance is recycled"), "{said}");
    assert_eq!(role.instance.ended().await, End::RecycleRequested { forced: true });
}

#[tokio::test(start_paused = true)]
async fn an_instance_whose_handler_waits_for_longer_than_a_response_may_take_goes_on() {
    let bed = Bed::new();
    let quick =
        |spec: &mut InstanceSpec| spec.web.limits.response_time = std::time::Duration::from_millis(20);
    let role = bed.start_with(&bed.load("hello-http-p3"), "wait", quick);
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    for _ in 0..3 {
        assert_eq!(ask(&client, "/slow", b"").await.0, 504);
    }
    assert_eq!(ask(&client, "/", b"").await.0, 200);
    role.instance.stop();
    assert_eq!(role.instance.ended().await, End::Stopped { forced: false });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_store_of_a_request_is_left_when_its_instance_has_ended() {
    let bed = Bed::new();
    let mut role = bed.start_with(&bed.load("hello-http-p2"), "wait", per_request);
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    let mut spin = connect(&client).await;
    spin.write_all(b"GET /spin HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    // The handler says so before it begins.
    while role.stdout.next_line().now_or_never().is_none() {
        tokio::task::yield_now().await;
    }
    role.instance.kill();
    role.instance.ended().await;
    // Each store holds the writing end.
    let end = role.stdout.next_line().now_or_never();
    assert!(matches!(end, Some(None)), "a store still runs");
}

#[tokio::test]
async fn an_entry_point_runs_beside_a_handler_of_0_2_in_the_same_instance() {
    let bed = Bed::new();
    let component = bed.load("role-with-http-p2");
    assert!(component.shape().entry_point);
    assert_eq!(component.shape().http, Some(WasiVersion::V0_2));
    let mut role = bed.start_with(&component, "wait", shared);
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    // The instance is Ready when `run` is called; that it got somewhere is seen a moment later.
    loop {
        let (status, stages) = ask(&client, "/", b"").await;
        assert_eq!(status, 200);
        match stages.as_slice() {
            b"on-start" => {}
            stages => break assert_eq!(stages, b"on-start run"),
        }
    }
    role.instance.stop();
    assert_eq!(role.says().await, "on-stop");
    assert_eq!(role.instance.ended().await, End::Stopped { forced: false });
}

#[tokio::test]
async fn requests_under_way_are_finished_before_the_instance_stops() {
    let bed = Bed::new();
    let role = bed.start(&bed.load("hello-http-p3"), "wait");
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    let slow = tokio::spawn(send(connect(&client).await, "/slow", b""));
    for asked in 1_u64.. {
        // The guest counts what it is asked: one more than we asked here means that the slow request is in it.
        let (_, count) = ask(&client, "/count", b"").await;
        if count == (asked + 1).to_string().as_bytes() {
            break;
        }
    }
    role.instance.stop();
    assert_eq!(slow.await.unwrap(), (200, b"slow".to_vec()));
    assert_eq!(role.instance.ended().await, End::Stopped { forced: false });
}

#[tokio::test]
async fn requests_of_a_0_3_handler_run_at_the_same_time() {
    let bed = Bed::new();
    let role = bed.start(&bed.load("hello-http-p3"), "wait");
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    let mut slow = std::pin::pin!(ask(&client, "/slow", b""));
    let quick = async {
        for _ in 0..20 {
            assert_eq!(ask(&client, "/", b"").await.0, 200);
        }
    };
    tokio::select! {
        _ = &mut slow => panic!("quick requests wait for a slow one"),
        () = quick => {}
    }
    assert_eq!(slow.await.0, 200);
    role.instance.kill();
    role.instance.ended().await;
}

#[tokio::test]
async fn a_request_that_names_no_host_is_a_bad_one() {
    let bed = Bed::new();
    let role = bed.start(&bed.load("hello-http-p3"), "wait");
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    let mut stream = connect(&client).await;
    stream.write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
    role.instance.kill();
    role.instance.ended().await;
}
