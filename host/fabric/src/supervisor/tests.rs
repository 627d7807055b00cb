//! Back-off, rotation, status checks, changes and stopping, on paused time.

use std::time::Duration;

use tokio::time::Instant;
use wasm_roles_role_runtime::{End, InstanceState, Outcome, Phase, Readiness, RoleEvent, Verdict};

use super::bed::{Bed, Wanted, next_generation, renewal};
use crate::change::{Missed, Reaction, What};
use crate::conversation::STATUS_CHECK;
use crate::events::EventKind;
use crate::lifecycle::{Status, Wish};

fn returned() -> End {
    End::RunReturned { result: Ok(()) }
}

#[tokio::test(start_paused = true)]
async fn an_instance_takes_traffic_from_ready_until_it_is_asked_to_stop() {
    let mut bed = Bed::open(0);
    bed.becomes(Status::Starting).await;
    let mut strings = bed.strings();
    assert_eq!((bed.in_rotation(), bed.running()), (vec![], vec![0]));
    strings.enter(InstanceState::Ready);
    bed.becomes(Status::Ready).await;
    assert_eq!((bed.in_rotation(), bed.running()), (vec![0], vec![0]));

    bed.wish.send_replace(Wish::Stop);
    strings.wanted.wait_for(|wanted| *wanted == Wanted::Stop).await.unwrap();
    assert_eq!(bed.in_rotation(), [], "it was asked to stop while it was in the rotation");
    assert_eq!(bed.running(), [0]);
    strings.end(End::Stopped { forced: false });
    bed.becomes(Status::Stopped).await;
    assert_eq!(bed.running(), []);
    assert_eq!(bed.supervised.await.unwrap(), Some(End::Stopped { forced: false }));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_shall_be_gone_is_cut_off_and_waited_for_however_far_it_is() {
    for (state, asked_before) in [
        (InstanceState::Starting, false),
        (InstanceState::Ready, false),
        (InstanceState::Ready, true),
        (InstanceState::Stopping, false),
    ] {
        let mut bed = Bed::open(0);
        bed.becomes(Status::Starting).await;
        let mut strings = bed.strings();
        strings.enter(state);
        if asked_before {
            bed.wish.send_replace(Wish::Stop);
            strings.wanted.wait_for(|wanted| *wanted == Wanted::Stop).await.unwrap();
        }
        bed.wish.send_replace(Wish::Kill);
        strings.wanted.wait_for(|wanted| *wanted == Wanted::Kill).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!bed.supervised.is_finished(), "{state:?}: it has not ended yet");
        strings.end(End::Stopped { forced: true });
        assert_eq!(bed.supervised.await.unwrap(), Some(End::Stopped { forced: true }), "{state:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_ends_is_started_again_after_one_two_and_four_seconds() {
    let mut bed = Bed::open(0);
    let mut ended = Duration::ZERO;
    for seconds in [0, 1, 2, 4] {
        let started = bed.becomes(Status::Starting).await.time;
        assert_eq!(started - ended, Duration::from_secs(seconds));
        let mut strings = bed.strings();
        strings.enter(InstanceState::Ready);
        bed.becomes(Status::Ready).await;
        strings.end(returned());
        ended = bed.hears(|kind| matches!(kind, EventKind::Ended { .. })).await.time;
        assert_eq!(bed.in_rotation(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn an_incarnation_that_leaves_by_itself_is_out_of_the_rotation_before_it_has_ended() {
    let mut bed = Bed::open(0);
    bed.becomes(Status::Starting).await;
    let strings = bed.strings();
    strings.enter(InstanceState::Ready);
    bed.becomes(Status::Ready).await;
    strings.enter(InstanceState::Stopping);
    bed.becomes(Status::Recycling).await;
    assert_eq!(bed.in_rotation(), []);
    assert_eq!(*strings.wanted.borrow(), Wanted::Nothing);
}

#[tokio::test(start_paused = true)]
async fn an_incarnation_that_cannot_be_launched_is_tried_again() {
    let mut bed = Bed::open(2);
    for attempt in 1..=2 {
        let recycling = bed.hears(|kind| matches!(kind, EventKind::Recycling { .. })).await;
        let EventKind::Recycling { recycled, .. } = recycling.kind else { panic!("{recycling:?}") };
        assert_eq!((recycled.times, recycled.because.as_str()), (attempt, "could not start: no room"));
    }
    bed.becomes(Status::Starting).await;
    bed.strings().enter(InstanceState::Ready);
    bed.becomes(Status::Ready).await;
    assert_eq!(bed.in_rotation(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_the_back_off_does_not_wait_for_it() {
    let mut bed = Bed::open(1);
    let begun = bed.hears(|kind| matches!(kind, EventKind::Recycling { .. })).await.time;
    bed.wish.send_replace(Wish::Stop);
    let stopped = bed.becomes(Status::Stopped).await.time;
    assert_eq!(stopped, begun);
    assert_eq!(bed.supervised.await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_whose_owner_is_gone_stops_its_instance() {
    let Bed { wish, strings, supervised, mut events, .. } = Bed::open(0);
    events.next().await.unwrap();
    let mut puppet = strings.lock().unwrap().pop_front().unwrap();
    drop(wish);
    puppet.wanted.wait_for(|wanted| *wanted == Wanted::Stop).await.unwrap();
    puppet.end(End::Stopped { forced: true });
    assert_eq!(supervised.await.unwrap(), Some(End::Stopped { forced: true }));
}

/// Everything in the table of ends (facts: section 7.1) that is not asked for by the owner.
#[tokio::test(start_paused = true)]
async fn whatever_ends_an_incarnation_another_one_follows() {
    let trapped = |during| End::Trapped { during, reason: "unreachable".to_owned() };
    let ends = [
        End::StartFailed { reason: "on-start returned an error: no".to_owned() },
        trapped(Phase::OnStart),
        trapped(Phase::Run),
        trapped(Phase::OnStop),
        trapped(Phase::Event(RoleEvent::Changing)),
        returned(),
        End::RunReturned { result: Err("it exited with status 1".to_owned()) },
        End::CutOffAfterRun { result: Ok(()) },
        End::RecycleRequested { forced: false },
        End::RecycleRequested { forced: true },
    ];
    for end in ends {
        let mut bed = Bed::open(0);
        bed.becomes(Status::Starting).await;
        bed.strings().end(end.clone());
        let ended = bed.becomes(Status::Recycling).await.time;
        let again = bed.becomes(Status::Starting).await.time;
        assert_eq!(again - ended, Duration::from_secs(1), "{end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_recycle_says_how_often_and_why_and_gives_the_last_words() {
    let mut bed = Bed::open(0);
    for times in 1..=3 {
        bed.becomes(Status::Starting).await;
        let mut strings = bed.strings();
        strings.complains(&format!("no table\nattempt {times}")).await;
        strings.end(End::RunReturned { result: Err("no route".to_owned()) });
        bed.hears(|kind| matches!(kind, EventKind::Recycling { recycled, .. } if recycled.times == times))
            .await;
    }
    let status = bed.statuses.now().remove(0);
    assert_eq!(status.status, Status::Recycling);
    let recycled = status.recycled.unwrap();
    assert_eq!(recycled.to_string(), "recycled 3 times, because run returned an error: no route");
    assert_eq!(recycled.last_words, ["no table", "attempt 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_busy_instance_is_out_of_the_rotation_until_the_next_status_check_says_ready() {
    let (mut bed, strings) = Bed::open_and_ready().await;
    let ready = Instant::now();
    strings.script.lock().unwrap().readiness = Outcome::Answered(Readiness::Busy);
    bed.becomes(Status::Busy).await;
    assert_eq!((ready.elapsed(), bed.in_rotation()), (STATUS_CHECK, vec![]));
    strings.script.lock().unwrap().readiness = Outcome::Answered(Readiness::Ready);
    bed.becomes(Status::Ready).await;
    assert_eq!((ready.elapsed(), bed.in_rotation()), (2 * STATUS_CHECK, vec![0]));
    assert_eq!(strings.told(), ["status-check"; 2]);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_blocks_stays_in_the_rotation_and_one_that_does_not_answer_leaves_it() {
    let (mut bed, strings) = Bed::open_and_ready().await;
    strings.script.lock().unwrap().readiness = Outcome::Unavailable;
    tokio::time::sleep(3 * STATUS_CHECK + Duration::from_secs(1)).await;
    assert_eq!((strings.told().len(), bed.in_rotation()), (3, vec![0]));
    strings.script.lock().unwrap().readiness = Outcome::TimedOut;
    let missed = bed.hears(|kind| matches!(kind, EventKind::EventMissed { .. })).await;
    let EventKind::EventMissed { event, missed, .. } = missed.kind else { panic!("{missed:?}") };
    assert_eq!((event, missed), (RoleEvent::StatusCheck, Missed::NotReturned));
    bed.becomes(Status::Busy).await;
    assert_eq!(bed.in_rotation(), []);
    strings.script.lock().unwrap().readiness = Outcome::Unavailable;
    tokio::time::sleep(3 * STATUS_CHECK).await;
    assert_eq!(bed.in_rotation(), [], "it could not be asked again");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_not_ready_is_not_checked() {
    let mut bed = Bed::open(0);
    bed.becomes(Status::Starting).await;
    let strings = bed.strings();
    tokio::time::sleep(10 * STATUS_CHECK).await;
    assert_eq!(strings.told(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_before_and_after_and_later_incarnations_have_it() {
    let (mut bed, mut strings) = Bed::open_and_ready().await;
    let replied = bed.orders(What::Change(renewal("2"))).await;
    assert_eq!(replied.await, Ok(Reaction::Changed { missed: None }));
    assert_eq!(strings.told(), ["changing", "changed to 2"]);
    assert_eq!((strings.depth.as_str(), bed.in_rotation()), ("1", vec![0]));
    strings.end(returned());
    assert_eq!(bed.next_ready().await.depth, "2");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_refuses_a_change_is_recycled_gracefully_and_starts_with_it_at_once() {
    let (mut bed, mut strings) = Bed::open_and_ready().await;
    strings.script.lock().unwrap().verdict = Outcome::Answered(Verdict::Recycle);
    let begun = Instant::now();
    let mut replied = bed.orders(What::Change(renewal("2"))).await;
    bed.hears(|kind| matches!(kind, EventKind::ChangeRefused { .. })).await;
    strings.wanted.wait_for(|wanted| *wanted == Wanted::Recycle).await.unwrap();
    assert_eq!((strings.told(), bed.in_rotation()), (vec!["changing".to_owned()], vec![]));
    assert!(replied.try_recv().is_err(), "it is not Ready again");
    strings.end(End::RecycleRequested { forced: false });
    assert_eq!(bed.next_ready().await.depth, "2");
    assert_eq!(replied.await, Ok(Reaction::Recycled));
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_instance_with_other_certificates_hears_nothing_is_recycled_gracefully_and_starts_with_them_at_once()
 {
    let (mut bed, mut strings) = Bed::open_and_ready().await;
    let begun = Instant::now();
    let mut replied = bed.orders(What::Recycle(renewal("2"))).await;
    bed.hears(|kind| matches!(kind, EventKind::CertificatesChanged { .. })).await;
    strings.wanted.wait_for(|wanted| *wanted == Wanted::Recycle).await.unwrap();
    assert_eq!((strings.told(), bed.in_rotation()), (vec![], vec![]));
    assert!(replied.try_recv().is_err(), "it is not Ready again");
    strings.end(End::RecycleRequested { forced: false });
    assert_eq!(bed.next_ready().await.depth, "2");
    assert_eq!(replied.await, Ok(Reaction::Recycled));
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_still_starts_is_recycled_for_other_certificates_too() {
    let mut bed = Bed::open(0);
    bed.becomes(Status::Starting).await;
    let mut strings = bed.strings();
    let mut replied = bed.orders(What::Recycle(renewal("2"))).await;
    strings.wanted.wait_for(|wanted| *wanted == Wanted::Recycle).await.unwrap();
    // It may get as far as this all the same. That is not the one that is waited for.
    strings.enter(InstanceState::Ready);
    bed.becomes(Status::Recycling).await;
    assert!(replied.try_recv().is_err() && bed.in_rotation().is_empty());
    strings.end(End::RecycleRequested { forced: false });
    assert_eq!(bed.next_ready().await.depth, "2");
    assert_eq!(replied.await, Ok(Reaction::Recycled));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_waits_for_its_next_incarnation_has_other_certificates_then() {
    let mut bed = Bed::open(1);
    bed.hears(|kind| matches!(kind, EventKind::Recycling { .. })).await;
    assert_eq!(bed.orders(What::Recycle(renewal("2"))).await.await, Ok(Reaction::NotRunning));
    assert_eq!(bed.next_ready().await.depth, "2");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_fails_over_a_change_has_it_when_it_is_ready_again() {
    let (mut bed, mut strings) = Bed::open_and_ready().await;
    strings.script.lock().unwrap().verdict = Outcome::Failed;
    let replied = bed.orders(What::Change(renewal("2"))).await;
    while strings.told().is_empty() {
        tokio::task::yield_now().await;
    }
    strings.end(End::Trapped { during: Phase::Event(RoleEvent::Changing), reason: "unreachable".to_owned() });
    assert_eq!(bed.next_ready().await.depth, "2");
    assert_eq!(replied.await, Ok(Reaction::Recycled));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_not_heard_stands_for_yes_and_people_learn_of_it() {
    for (verdict, why) in
        [(Outcome::Unavailable, Missed::NotCalled), (Outcome::TimedOut, Missed::NotReturned)]
    {
        let (mut bed, strings) = Bed::open_and_ready().await;
        strings.script.lock().unwrap().verdict = verdict;
        let replied = bed.orders(What::Change(renewal("2"))).await;
        let missed = Some((RoleEvent::Changing, why));
        assert_eq!(replied.await, Ok(Reaction::Changed { missed }));
        assert_eq!(strings.told(), ["changing", "changed to 2"]);
        bed.hears(|kind| matches!(kind, EventKind::EventMissed { missed, .. } if *missed == why)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_does_not_run_has_the_change_when_it_starts() {
    let mut bed = Bed::open(1);
    bed.becomes(Status::Recycling).await;
    let replied = bed.orders(What::Change(renewal("2"))).await;
    assert_eq!(replied.await, Ok(Reaction::NotRunning));
    assert_eq!(bed.next_ready().await.depth, "2");
}

#[tokio::test(start_paused = true)]
async fn a_simultaneous_change_is_announced_and_then_made() {
    let (bed, strings) = Bed::open_and_ready().await;
    strings.script.lock().unwrap().verdict = Outcome::Answered(Verdict::Recycle);
    let heard = Ok(Reaction::Changed { missed: None });
    assert_eq!(bed.orders(What::Announce).await.await, heard);
    assert_eq!(bed.orders(What::Announced(renewal("2"))).await.await, heard);
    assert_eq!(strings.told(), ["simultaneous-changing", "simultaneous-changed to 2"]);
}

#[tokio::test(start_paused = true)]
async fn who_orders_a_change_of_an_instance_that_stops_is_not_left_waiting() {
    let (bed, mut strings) = Bed::open_and_ready().await;
    strings.script.lock().unwrap().verdict = Outcome::Answered(Verdict::Recycle);
    let replied = bed.orders(What::Change(renewal("2"))).await;
    strings.wanted.wait_for(|wanted| *wanted == Wanted::Recycle).await.unwrap();
    bed.wish.send_replace(Wish::Stop);
    strings.wanted.wait_for(|wanted| *wanted == Wanted::Stop).await.unwrap();
    strings.end(End::Stopped { forced: false });
    assert!(replied.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn people_learn_of_a_stopping_handler_that_did_not_return() {
    let (mut bed, mut strings) = Bed::open_and_ready().await;
    strings.script.lock().unwrap().stopping = Some(Outcome::TimedOut);
    strings.end(returned());
    bed.hears(|kind| matches!(kind, EventKind::EventMissed { event: RoleEvent::Stopping, .. })).await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_goes_on_in_the_next_generation_notices_nothing_and_starts_again_as_one_of_it() {
    let (mut bed, mut strings) = Bed::open_and_ready().await;
    assert_eq!(bed.orders(What::Keep(next_generation("2"))).await.await, Ok(Reaction::Untouched));
    assert_eq!((strings.told(), *strings.wanted.borrow()), (vec![], Wanted::Nothing));
    assert_eq!((bed.in_rotation(), bed.statuses.now()[0].generation), (vec![0], 2));
    strings.end(returned());
    let next = bed.next_ready().await;
    assert_eq!((next.depth.as_str(), bed.statuses.now()[0].generation), ("2", 2));

    bed.wish.send_replace(Wish::Rest);
    bed.becomes(Status::Stopping).await;
    assert_eq!(
        bed.orders(What::Keep(renewal("3"))).await.await,
        Ok(Reaction::Untouched),
        "also one that stops"
    );
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_recycled_by_order_and_is_in_the_rotation_when_that_is_said() {
    let (mut bed, mut strings) = Bed::open_and_ready().await;
    let mut replied = bed.orders(What::Again).await;
    strings.wanted.wait_for(|wanted| *wanted == Wanted::Recycle).await.unwrap();
    assert_eq!((strings.told(), bed.in_rotation()), (vec![], vec![]));
    assert!(replied.try_recv().is_err(), "it is not Ready again");
    strings.end(End::RecycleRequested { forced: false });
    bed.becomes(Status::Starting).await;
    bed.strings().enter(InstanceState::Ready);
    assert_eq!(replied.await, Ok(Reaction::Recycled));
    assert_eq!(bed.in_rotation(), [1]);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_waits_for_its_next_try_is_tried_at_once_by_order() {
    let mut bed = Bed::open(3);
    for _ in 0..3 {
        bed.hears(|kind| matches!(kind, EventKind::Recycling { .. })).await;
    }
    let begun = Instant::now();
    let replied = bed.orders(What::Again).await;
    bed.next_ready().await;
    assert_eq!((replied.await, begun.elapsed()), (Ok(Reaction::Recycled), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_replaced_runs_the_new_generation_from_its_next_incarnation_on() {
    let (mut bed, mut strings) = Bed::open_and_ready().await;
    let replied = bed.orders(What::Replace(next_generation("2"))).await;
    strings.wanted.wait_for(|wanted| *wanted == Wanted::Recycle).await.unwrap();
    assert_eq!(
        (strings.told(), bed.in_rotation()),
        (vec![], vec![]),
        "it leaves the rotation and hears nothing"
    );
    assert_eq!(bed.statuses.now()[0].generation, 1);
    strings.end(End::RecycleRequested { forced: false });
    assert_eq!(bed.next_ready().await.depth, "2");
    assert_eq!((replied.await, bed.statuses.now()[0].generation), (Ok(Reaction::Recycled), 2));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_waits_for_its_next_try_runs_the_new_generation_at_once_and_its_failures_are_forgotten()
 {
    let mut bed = Bed::open(3);
    for _ in 0..3 {
        bed.hears(|kind| matches!(kind, EventKind::Recycling { .. })).await;
    }
    let begun = Instant::now();
    let replied = bed.orders(What::Replace(next_generation("2"))).await;
    let mut strings = bed.next_ready().await;
    assert_eq!((replied.await, begun.elapsed()), (Ok(Reaction::Recycled), Duration::ZERO));
    assert_eq!(bed.statuses.now()[0].recycled, None, "they are the other generation's");
    strings.end(returned());
    bed.hears(|kind| matches!(kind, EventKind::Recycling { recycled, .. } if recycled.times == 1)).await;
}
