//! The table of ends (facts: life cycle, section 7.1) and the stop sequence (7.2): which end calls `stopping` and
//! `on-stop`. One test for each row, with the row's words in its name. That an instance is started again after each of them
//! is the fabric's affair. A change of certificates, the last row, is none of a running instance's yet.

use std::time::Duration;

use wasm_roles_role_runtime::{EVENT_DEADLINE, End, InstanceState, Outcome, Phase, RoleEvent, Verdict};

use crate::bed::{Bed, Started};

/// Every event that the role has printed, in order, by name, and its end.
async fn told(mut role: Started) -> (Vec<String>, End) {
    let mut events = Vec::new();
    while let Some(line) = role.stdout.next_line().await {
        let line = String::from_utf8(line.bytes).unwrap();
        events.push(line.split(' ').next().unwrap_or_default().to_owned());
    }
    (events, role.instance.ended().await)
}

async fn told_in_mode(mode: &str) -> (Vec<String>, End) {
    let bed = Bed::new();
    told(bed.start(&bed.load("role-events"), mode)).await
}

const GRACEFUL: [&str; 4] = ["on-start", "run", "stopping", "on-stop"];

#[tokio::test(start_paused = true)]
async fn on_start_returns_false_neither_stopping_nor_on_stop() {
    let (events, end) = told_in_mode("answer on-start").await;
    assert_eq!(events, ["on-start"]);
    assert!(matches!(end, End::StartFailed { .. }), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn exception_in_on_start_neither_stopping_nor_on_stop() {
    let (events, end) = told_in_mode("panic on-start").await;
    assert_eq!(events, ["on-start"]);
    assert!(matches!(end, End::Trapped { during: Phase::OnStart, .. }), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn exception_in_run_neither_stopping_nor_on_stop() {
    let (events, end) = told_in_mode("panic run").await;
    assert_eq!(events, ["on-start", "run"]);
    assert!(matches!(end, End::Trapped { during: Phase::Run, .. }), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn exception_in_on_stop_is_the_end() {
    let (events, end) = told_in_mode("return run, panic on-stop").await;
    assert_eq!(events, GRACEFUL);
    assert!(matches!(end, End::Trapped { during: Phase::OnStop, .. }), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn exception_in_a_program_is_the_end() {
    let bed = Bed::new();
    let (lines, end) = told(bed.start(&bed.load("misbehave"), "panic")).await;
    assert_eq!(lines, ["mode"]);
    assert!(matches!(end, End::Trapped { during: Phase::Run, .. }), "{end:?}");
}

/// An exception in the handler of a request is in `web.rs`, in those of the other events in `events.rs`.
#[tokio::test(start_paused = true)]
async fn exception_in_a_changing_handler_neither_stopping_nor_on_stop() {
    let bed = Bed::new();
    let mut role = bed.start(&bed.load("role-events"), "panic changing");
    for _ in ["on-start", "run"] {
        role.says().await;
    }
    assert_eq!(role.instance.teller().changing(Vec::new()).await, Outcome::Failed);
    let (events, end) = told(role).await;
    assert_eq!(events, ["changing"]);
    assert!(matches!(end, End::Trapped { during: Phase::Event(RoleEvent::Changing), .. }), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn exception_in_stopping_means_that_on_stop_is_not_called() {
    let (events, end) = told_in_mode("return run, panic stopping").await;
    assert_eq!(events, ["on-start", "run", "stopping"]);
    assert!(matches!(end, End::Trapped { during: Phase::Stopping, .. }), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn run_returns_stopping_and_on_stop() {
    assert_eq!(
        told_in_mode("return run").await,
        (GRACEFUL.map(str::to_owned).into(), End::RunReturned { result: Ok(()) })
    );
    let (events, end) = told_in_mode("answer run").await;
    assert_eq!(events, GRACEFUL);
    assert_eq!(end, End::RunReturned { result: Err("failing in run as told".to_owned()) });
}

#[tokio::test(start_paused = true)]
async fn program_entry_point_exits_and_there_is_nothing_else_to_call() {
    let bed = Bed::new();
    let component = bed.load("misbehave");
    let exited = "the program reported a failure".to_owned();
    for (mode, result) in [("return", Ok(())), ("exit-error", Err(exited))] {
        let (lines, end) = told(bed.start(&component, mode)).await;
        assert_eq!((lines, end), (vec!["mode".to_owned()], End::RunReturned { result }));
    }
}

/// The `run` of a role that does not write one.
#[tokio::test(start_paused = true)]
async fn default_run_sleeps_for_ever() {
    let bed = Bed::new();
    let role = bed.start(&bed.load("sdk-hello-web"), "");
    role.reached(InstanceState::Ready).await;
    tokio::time::sleep(Duration::from_secs(10 * 24 * 3600)).await;
    assert_eq!(*role.instance.state().borrow(), InstanceState::Ready);
}

#[tokio::test(start_paused = true)]
async fn request_recycle_stopping_and_on_stop() {
    let (events, end) = told_in_mode("recycle run").await;
    assert_eq!(events, GRACEFUL);
    assert_eq!(end, End::RecycleRequested { forced: false });
}

#[tokio::test(start_paused = true)]
async fn changing_with_cancel_stopping_and_on_stop() {
    let bed = Bed::new();
    let mut role = bed.start(&bed.load("role-events"), "answer changing");
    for _ in ["on-start", "run"] {
        role.says().await;
    }
    assert_eq!(role.instance.teller().changing(Vec::new()).await, Outcome::Answered(Verdict::Recycle));
    role.instance.recycle();
    let (events, end) = told(role).await;
    assert_eq!(events, ["changing", "stopping", "on-stop"]);
    assert_eq!(end, End::RecycleRequested { forced: false });
}

#[tokio::test(start_paused = true)]
async fn stop_stopping_and_on_stop() {
    let bed = Bed::new();
    let mut role = bed.start(&bed.load("role-events"), "");
    for _ in ["on-start", "run"] {
        role.says().await;
    }
    role.instance.stop();
    let (events, end) = told(role).await;
    assert_eq!(events, ["stopping", "on-stop"]);
    assert_eq!(end, End::Stopped { forced: false });
}

/// Facts: section 7.2; the default of `--stop-timeout` is the seed's 30 s.
#[tokio::test(start_paused = true)]
async fn on_stop_has_thirty_seconds_and_not_one_more() {
    for (mode, forced, seconds) in [("wait", false, 0), ("slow-stop", true, 30)] {
        let bed = Bed::new();
        let mut role = bed.start(&bed.load("role-misbehave"), mode);
        role.says().await;
        role.reached(InstanceState::Ready).await;
        let begun = tokio::time::Instant::now();
        role.instance.stop();
        assert_eq!(role.instance.ended().await, End::Stopped { forced }, "{mode}");
        assert_eq!(begun.elapsed().as_secs(), seconds, "{mode}");
    }
}

/// A recycle that the instance asks for has no more time than a stop.
#[tokio::test(start_paused = true)]
async fn on_stop_that_outlives_its_budget_in_a_recycle_is_killed() {
    let (events, end) = told_in_mode("recycle run, hang on-stop").await;
    assert_eq!(events, GRACEFUL);
    assert_eq!(end, End::RecycleRequested { forced: true });
}

#[tokio::test(start_paused = true)]
async fn on_stop_that_outlives_its_budget_is_killed() {
    let bed = Bed::new();
    let component = bed.load("role-events");
    let budget = |spec: &mut wasm_roles_role_runtime::InstanceSpec| spec.stop_budget = Duration::from_secs(5);
    let mut role = bed.start_with(&component, "hang on-stop", budget);
    for _ in ["on-start", "run"] {
        role.says().await;
    }
    role.instance.stop();
    let (events, end) = told(role).await;
    assert_eq!(events, ["stopping", "on-stop"]);
    assert_eq!(end, End::Stopped { forced: true });
}

#[tokio::test(start_paused = true)]
async fn on_stop_that_outlives_its_budget_after_run_returned_says_so() {
    let (events, end) = told_in_mode("answer run, hang on-stop").await;
    assert_eq!(events, GRACEFUL);
    assert_eq!(end, End::CutOffAfterRun { result: Err("failing in run as told".to_owned()) });
    assert_eq!(
        end.to_string(),
        "run returned an error: failing in run as told; it was cut off when its stop budget was over"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stopping_handler_that_hangs_leaves_on_stop_its_time() {
    let bed = Bed::new();
    let mut role = bed.start(&bed.load("role-events"), "return run, hang stopping");
    let begun = tokio::time::Instant::now();
    for event in GRACEFUL {
        assert!(role.says().await.starts_with(event), "{event}");
    }
    assert!(begun.elapsed() >= EVENT_DEADLINE);
    assert_eq!(role.instance.stopping_outcome(), Some(Outcome::TimedOut));
    assert_eq!(role.instance.ended().await, End::RunReturned { result: Ok(()) });
}
