//! Guests that block in WASI 0.2, as std programs do: they hear no events, see new values when they next ask, and are stopped by
//! their sockets failing, once nobody is served any more; what waits for no socket is cut off.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use wasm_roles_role_runtime::{EVENT_HEARING, End, InstanceState, Outcome};
use wasm_roles_virtual_network::NetError;

use crate::bed::{Bed, PORT, Started, address};
use crate::events::{depth, ready, view};

#[tokio::test(start_paused = true)]
async fn a_role_that_blocks_in_accept_hears_nothing_sees_new_values_and_still_gets_its_on_stop() {
    let bed = Bed::new();
    let mut role = ready(&bed, "accept run").await;
    assert_eq!(role.says().await, "listening");
    let teller = role.instance.teller();
    let begun = Instant::now();
    assert_eq!(teller.changing(depth()).await, Outcome::Unavailable);
    assert_eq!(begun.elapsed(), EVENT_HEARING);
    assert_eq!(teller.changed(depth(), view("accept run", 2)).await, Outcome::Unavailable);
    assert_eq!(teller.status_check().await, Outcome::Unavailable);

    let other = bed.interface(1);
    let connecting = other.connect(SocketAddr::from((address(0), PORT.get()))).unwrap();
    assert_eq!(role.says().await, "accepted, depth=2");
    drop(connecting);

    let stopping = Instant::now();
    role.instance.stop();
    assert_eq!(role.says().await, "stopping [] depth=2");
    assert_eq!(role.says().await, "on-stop [] depth=2");
    assert_eq!(role.instance.ended().await, End::Stopped { forced: false });
    assert!(
        stopping.elapsed() < Duration::from_secs(1),
        "its sockets failed long before its budget was over"
    );
}

#[tokio::test(start_paused = true)]
async fn a_std_program_that_blocks_in_accept_hears_nothing_and_is_stopped_by_its_sockets_failing() {
    let bed = Bed::new();
    let mut program = bed.start(&bed.load("misbehave"), "accept");
    assert_eq!(program.says().await, "mode accept");
    assert_eq!(program.says().await, "listening");
    program.reached(InstanceState::Ready).await;
    let teller = program.instance.teller();
    assert_eq!(teller.changing(depth()).await, Outcome::NoHandler);
    assert_eq!(teller.changed(depth(), view("", 2)).await, Outcome::NoHandler);
    assert_eq!(teller.status_check().await, Outcome::NoHandler);
    program.instance.stop();
    assert_eq!(program.says().await, "accept failed: ConnectionAborted");
    assert_eq!(program.instance.ended().await, End::Stopped { forced: false });
}

/// A `misbehave` in this mode that has said these words.
async fn blocked(bed: &Bed, mode: &str, words: &[&str]) -> Started {
    let mut program = bed.start(&bed.load("misbehave"), mode);
    assert_eq!(program.says().await, format!("mode {mode}"));
    program.reached(InstanceState::Ready).await;
    for word in words {
        assert_eq!(program.says().await, *word);
    }
    program
}

#[tokio::test(start_paused = true)]
async fn a_connection_to_a_std_program_that_blocks_in_read_lives_to_the_end_of_the_stop_budget() {
    let bed = Bed::new();
    let mut program = blocked(&bed, "read", &["listening"]).await;
    let other = bed.interface(1);
    let _stream = other.connect(SocketAddr::from((address(0), PORT.get()))).unwrap().await.unwrap();
    assert_eq!(program.says().await, "accepted");
    assert_eq!(program.instance.teller().changing(depth()).await, Outcome::NoHandler);
    let begun = Instant::now();
    program.instance.stop();
    let failed = program.says().await;
    assert!(failed.starts_with("read: Err("), "{failed}");
    assert_eq!(begun.elapsed(), Duration::from_secs(29), "the last second is for its last words");
    assert_eq!(program.instance.ended().await, End::Stopped { forced: false });
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_served_while_the_instance_stops_is_served_to_its_end_and_nobody_else_comes_in()
{
    let bed = Bed::new();
    let mut program = blocked(&bed, "read", &["listening"]).await;
    let other = bed.interface(1);
    let connect = || other.connect(SocketAddr::from((address(0), PORT.get()))).unwrap();
    let stream = connect().await.unwrap();
    assert_eq!(program.says().await, "accepted");
    let begun = Instant::now();
    program.instance.stop();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(connect().await.unwrap_err(), NetError::ConnectionRefused);
    stream.try_write(&mut Bytes::from_static(b"x")).unwrap();
    assert_eq!(program.says().await, "read: Ok(1)");
    assert_eq!(program.instance.ended().await, End::Stopped { forced: false });
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn once_nobody_is_served_any_more_the_sockets_of_one_that_does_not_hear_fail_at_once() {
    let bed = Bed::new();
    let mut program = blocked(&bed, "serve", &["listening"]).await;
    let other = bed.interface(1);
    let stream = other.connect(SocketAddr::from((address(0), PORT.get()))).unwrap().await.unwrap();
    assert_eq!(program.says().await, "accepted");
    let begun = Instant::now();
    program.instance.stop();
    tokio::time::sleep(Duration::from_secs(10)).await;
    drop(stream);
    assert_eq!(program.says().await, "served: Ok(0)");
    assert_eq!(program.says().await, "accept failed: ConnectionAborted");
    assert_eq!(program.instance.ended().await, End::Stopped { forced: false });
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_std_program_that_waits_for_the_answer_of_another_instance_is_stopped_by_its_sockets_failing() {
    let bed = Bed::new();
    let other = bed.interface(1);
    let listener = other.bind(SocketAddr::from((address(1), PORT.get()))).unwrap().listen(1).unwrap();
    let mut program = blocked(&bed, "connect", &["connecting"]).await;
    let _stream = listener.accept().await.unwrap();
    assert_eq!(program.says().await, "connected");
    program.instance.stop();
    let failed = program.says().await;
    assert!(failed.starts_with("read: Err("), "{failed}");
    assert_eq!(program.instance.ended().await, End::Stopped { forced: false });
}

/// It has no `on-stop` to wait for, so it does not get the whole budget.
#[tokio::test(start_paused = true)]
async fn a_std_program_that_sleeps_is_cut_off_after_a_second() {
    let bed = Bed::new();
    let program = blocked(&bed, "sleep", &[]).await;
    let begun = Instant::now();
    program.instance.stop();
    assert_eq!(program.instance.ended().await, End::Stopped { forced: true });
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_role_that_sleeps_in_run_hears_nothing_of_a_stop_and_is_cut_off_when_its_budget_is_over() {
    let bed = Bed::new();
    let mut role = bed.start(&bed.load("role-misbehave"), "block");
    assert_eq!(role.says().await, "on-start block");
    assert_eq!(role.says().await, "run block");
    let begun = Instant::now();
    role.instance.stop();
    assert_eq!(role.instance.ended().await, End::Stopped { forced: true });
    assert_eq!(begun.elapsed(), Duration::from_secs(30));
    assert_eq!(role.stdout.next_line().await, None, "neither stopping nor on-stop was called");
}
