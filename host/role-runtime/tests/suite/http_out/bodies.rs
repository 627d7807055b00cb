//! Bodies in both directions, many requests, and guests that leave.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use wasm_roles_role_runtime::{ProgramEnd, Wires, run_program};
use wasm_roles_virtual_network::MemoryBudget;

use super::servers::{BIG, serve, serve_refusals};
use super::{BOTH, Bed};

#[tokio::test]
async fn large_bodies_stream_both_ways_in_bounded_memory() {
    let memory = Arc::new(MemoryBudget::new(1 << 30));
    let bed = Bed::with_memory(Arc::clone(&memory));
    let open = bed.interface(5);
    serve(&open, 8080);
    for guest in BOTH {
        let said = bed.run(guest, "length http://Open_IN_0:8080/big").await;
        assert_eq!(said, format!("200 {BIG}"), "{guest}");
        let said = bed.run(guest, "post http://Open_IN_0:8080/count 9000001").await;
        assert_eq!(said, "200 9000001", "{guest}");
    }
}

#[tokio::test]
async fn trailers_go_both_ways() {
    let bed = Bed::new();
    let open = bed.interface(5);
    serve(&open, 8080);
    for guest in BOTH {
        let said = bed.run(guest, "trailers http://Open_IN_0:8080/trailers").await;
        assert_eq!(said, "200 b yes", "{guest}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_it_said_fails_the_request() {
    let bed = Bed::new();
    let open = bed.interface(5);
    serve(&open, 8080);
    for guest in BOTH {
        let said = bed.run(guest, "short http://Open_IN_0:8080/count").await;
        assert_eq!(said, "HttpRequestBodySize failed", "{guest}");
    }
}

#[tokio::test]
async fn many_requests_at_once_are_answered_and_too_many_refused() {
    let bed = Bed::new();
    let open = bed.interface(5);
    serve(&open, 8080);
    for guest in BOTH {
        let said = bed.run(guest, "many http://Open_IN_0:8080/hello 200").await;
        assert_eq!(said, "200x 200 5", "{guest}");
        let said = bed.run(guest, "many http://Open_IN_0:8080/hello 300").await;
        assert_eq!(said, "256x 200 5, 44x ConnectionLimitReached", "{guest}");
    }
}

#[tokio::test]
async fn requests_take_memory_of_the_instance_and_give_it_back() {
    let memory = Arc::new(MemoryBudget::new(64 << 20));
    let bed = Bed::with_memory(Arc::clone(&memory));
    let open = bed.interface(5);
    serve(&open, 8080);
    for guest in BOTH {
        let taken = memory.try_take(44 << 20);
        assert!(taken);
        let said = bed.run(guest, "many http://Open_IN_0:8080/hello 100").await;
        memory.give_back(44 << 20);
        assert!(said.contains("x 200 5") && said.contains("ConnectionLimitReached"), "{guest}: {said}");
        until(|| memory.used() == 0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_leaves_in_the_middle_ends_the_connection() {
    let bed = Bed::new();
    let open = bed.interface(5);
    serve(&open, 8080);
    for guest in BOTH {
        for (command, first) in [("leave", "endless"), ("abandon", "hung")] {
            let urls = format!("http://Open_IN_0:8080/{first} http://Open_IN_0:8080/left");
            // `/left` answers when the server has seen the first connection end.
            assert_eq!(bed.run(guest, &format!("{command} {urls}")).await, "200 left", "{guest} {first}");
        }
    }
}

#[tokio::test]
async fn nothing_of_a_request_outlives_its_instance() {
    let bed = Bed::new();
    let open = bed.interface(5);
    let seen = serve(&open, 8080);
    for guest in BOTH {
        let (component, spec, _said) = bed.program(guest, "get http://Open_IN_0:8080/hung");
        let subject = bed.subject().clone();
        let running =
            tokio::spawn(async move { run_program(&component, subject, spec, &Wires::loose()).await });
        seen.arrived.notified().await;
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        seen.left.notified().await;
        until(|| open.socket_count() == 1 && bed.subject().socket_count() == 0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_no_more_of_a_spurned_request_keeps_it_for_the_longest_wait() {
    let memory = Arc::new(MemoryBudget::new(1 << 30));
    let bed = Bed::with_memory(Arc::clone(&memory));
    let open = bed.interface(5);
    let seen = serve_refusals(&open, 8080);
    let running = spurn(&bed);
    seen.arrived.notified().await;
    sleep(Duration::from_secs(599)).await;
    let before = memory.used();
    assert_eq!(bed.subject().socket_count(), 1);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(bed.subject().socket_count(), 0);
    assert!(before - memory.used() >= 256 << 10, "{before} {}", memory.used());
    assert!(!running.is_finished(), "it is still there, and nothing ended with it");
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_no_more_of_a_request_does_not_keep_it_beyond_its_instance() {
    let bed = Bed::new();
    let open = bed.interface(5);
    let seen = serve_refusals(&open, 8080);
    let running = spurn(&bed);
    seen.arrived.notified().await;
    sleep(Duration::from_secs(1)).await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    sleep(Duration::from_secs(1)).await;
    assert_eq!(bed.subject().socket_count(), 0);
}

/// A guest that posts more than anybody takes, and drops everything when it has the status.
fn spurn(bed: &Bed) -> tokio::task::JoinHandle<ProgramEnd> {
    let (component, spec, _said) = bed.program("http-out-p3", "spurn http://Open_IN_0:8080/ 99000000");
    let subject = bed.subject().clone();
    tokio::spawn(async move { run_program(&component, subject, spec, &Wires::loose()).await })
}

/// Lets the others go on until it is so.
async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}
