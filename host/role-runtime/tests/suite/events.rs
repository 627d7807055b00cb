//! What a running instance is told and asked, and what becomes of it. Time is paused: a deadline of ten seconds takes none.

use std::sync::Arc;

use tokio::time::Instant;
use wasm_roles_role_runtime::{
    Change, EVENT_DEADLINE, End, EnvironmentView, Outcome, Phase, Readiness, RoleEvent, Verdict,
};

use crate::bed::{Bed, Started, environment};

pub fn view(mode: &str, depth: u32) -> Arc<EnvironmentView> {
    let mut view = environment(mode);
    view.settings.insert("depth".to_owned(), depth.to_string());
    Arc::new(view)
}

pub fn depth() -> Vec<Change> {
    vec![Change::ConfigurationSetting("depth".to_owned())]
}

fn topology() -> Vec<Change> {
    vec![Change::Topology("Worker".to_owned())]
}

/// A Ready `role-events` in this mode, with the setting `depth` at 1; it has printed `on-start` and `run`.
pub async fn ready(bed: &Bed, mode: &str) -> Started {
    let component = bed.load("role-events");
    let mut role = bed.start_with(&component, mode, |spec| spec.environment = view(mode, 1));
    assert_eq!(role.says().await, "on-start [] depth=1");
    assert_eq!(role.says().await, "run [] depth=1");
    role
}

#[tokio::test(start_paused = true)]
async fn changing_still_reads_the_old_values_and_changed_the_new_ones() {
    let bed = Bed::new();
    let mut role = ready(&bed, "").await;
    let teller = role.instance.teller();
    assert_eq!(teller.changing(depth()).await, Outcome::Answered(Verdict::Accept));
    assert_eq!(role.says().await, "changing [setting:depth] depth=1");
    assert_eq!(teller.changed(depth(), view("", 2)).await, Outcome::Answered(()));
    assert_eq!(role.says().await, "changed [setting:depth] depth=2");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_refuses_a_change_is_recycled_and_never_hears_changed() {
    let bed = Bed::new();
    let mut role = ready(&bed, "answer changing").await;
    assert_eq!(role.instance.teller().changing(depth()).await, Outcome::Answered(Verdict::Recycle));
    role.instance.recycle();
    for event in ["changing [setting:depth]", "stopping []", "on-stop []"] {
        assert_eq!(role.says().await, format!("{event} depth=1"));
    }
    assert_eq!(role.instance.ended().await, End::RecycleRequested { forced: false });
}

#[tokio::test(start_paused = true)]
async fn a_status_check_is_answered_beside_run() {
    for (mode, readiness) in [("", Readiness::Ready), ("answer status-check", Readiness::Busy)] {
        let bed = Bed::new();
        let role = ready(&bed, mode).await;
        assert_eq!(role.instance.teller().status_check().await, Outcome::Answered(readiness));
    }
}

#[tokio::test(start_paused = true)]
async fn a_simultaneous_change_is_told_before_and_after() {
    let bed = Bed::new();
    let mut role = ready(&bed, "").await;
    let teller = role.instance.teller();
    assert_eq!(teller.simultaneous_changing(topology()).await, Outcome::Answered(()));
    assert_eq!(role.says().await, "simultaneous-changing [topology:Worker] depth=1");
    assert_eq!(teller.simultaneous_changed(topology(), view("", 2)).await, Outcome::Answered(()));
    assert_eq!(role.says().await, "simultaneous-changed [topology:Worker] depth=2");
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_times_out_and_the_others_are_still_called() {
    let bed = Bed::new();
    let mut role = ready(&bed, "hang changing").await;
    let teller = role.instance.teller();
    let begun = Instant::now();
    assert_eq!(teller.changing(depth()).await, Outcome::TimedOut);
    assert_eq!(begun.elapsed(), EVENT_DEADLINE);
    assert_eq!(teller.changing(depth()).await, Outcome::TimedOut);
    assert_eq!(begun.elapsed(), EVENT_DEADLINE, "it is not called while it hangs");
    assert_eq!(teller.status_check().await, Outcome::Answered(Readiness::Ready));
    assert_eq!(role.says().await, "changing [setting:depth] depth=1");
    assert_eq!(role.says().await, "status-check [] depth=1");
    role.instance.stop();
    assert_eq!(role.instance.ended().await, End::Stopped { forced: false });
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_blocks_times_out_and_is_cut_off_with_its_instance() {
    let bed = Bed::new();
    let role = ready(&bed, "block changing").await;
    let teller = role.instance.teller();
    assert_eq!(teller.changing(depth()).await, Outcome::TimedOut);
    assert_eq!(teller.status_check().await, Outcome::Unavailable, "the whole instance blocks");
    role.instance.stop();
    assert_eq!(role.instance.ended().await, End::Stopped { forced: true });
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_traps_is_the_end_of_the_instance() {
    let events = [
        RoleEvent::Changing,
        RoleEvent::Changed,
        RoleEvent::StatusCheck,
        RoleEvent::SimultaneousChanging,
        RoleEvent::SimultaneousChanged,
    ];
    for event in events {
        let bed = Bed::new();
        let mode = format!("panic {event}");
        let role = ready(&bed, &mode).await;
        let (teller, after) = (role.instance.teller(), view(&mode, 2));
        let failed = match event {
            RoleEvent::Changing => teller.changing(depth()).await == Outcome::Failed,
            RoleEvent::Changed => teller.changed(depth(), after).await == Outcome::Failed,
            RoleEvent::SimultaneousChanging => {
                teller.simultaneous_changing(topology()).await == Outcome::Failed
            }
            RoleEvent::SimultaneousChanged => {
                teller.simultaneous_changed(topology(), after).await == Outcome::Failed
            }
            RoleEvent::StatusCheck | RoleEvent::Stopping => teller.status_check().await == Outcome::Failed,
        };
        assert!(failed, "{event}");
        let end = role.instance.ended().await;
        let End::Trapped { during, .. } = end else { panic!("{event}: {end:?}") };
        assert_eq!(during, Phase::Event(event));
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_that_the_end_of_the_instance_overtakes_has_failed() {
    let bed = Bed::new();
    let mut role = ready(&bed, "hang changing").await;
    let teller = role.instance.teller();
    let asked = tokio::spawn(async move { teller.changing(depth()).await });
    assert_eq!(role.says().await, "changing [setting:depth] depth=1");
    role.instance.stop();
    assert_eq!(asked.await.unwrap(), Outcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_still_starts_is_not_told() {
    let bed = Bed::new();
    let mut role = bed.start(&bed.load("role-events"), "hang on-start");
    assert_eq!(role.says().await, "on-start [] depth=");
    let teller = role.instance.teller();
    assert_eq!(teller.changing(depth()).await, Outcome::Unavailable);
    assert_eq!(teller.status_check().await, Outcome::Unavailable);
}
