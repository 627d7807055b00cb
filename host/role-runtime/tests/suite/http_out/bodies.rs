//! Bodies in both directions, many requests, and guests that leave.

use std::sync::Arc;

use wasm_roles_role_runtime::{Wires, run_program};
use wasm_roles_virtual_network::MemoryBudget;

use super::servers::{BIG, serve};
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

/// Lets the others go on until it is so.
async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}
