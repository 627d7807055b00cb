//! Lives of instances, as tables of inputs and what each of them leads to.

use super::*;
use Action::{EnterRotation, Launch, LeaveRotation, RecycleIncarnation, StopIncarnation};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn wait(attempt: u32, seconds: u64) -> Action {
    Action::Wait { attempt, delay: secs(seconds) }
}

/// Goes through the inputs and gives what each of them led to.
fn live(inputs: &[Input]) -> Vec<(Status, Vec<Action>)> {
    let mut life = Lifecycle::new();
    let step = |input: &Input| {
        let (next, actions) = life.step(*input);
        life = next;
        (next.status(), actions)
    };
    inputs.iter().map(step).collect()
}

const START: Input = Input::Start;
const STOP: Input = Input::Stop;
const OVER: Input = Input::BackOffOver;

const fn ready(at: u64) -> Input {
    Input::Ready { at: secs(at) }
}

const fn leaving(at: u64) -> Input {
    Input::Leaving { at: secs(at) }
}

const fn ended(at: u64) -> Input {
    Input::Ended { at: secs(at) }
}

#[test]
fn a_long_life_goes_from_created_to_stopped() {
    let expected = vec![
        (Status::Starting, vec![Launch]),
        (Status::Ready, vec![EnterRotation]),
        (Status::Stopping, vec![LeaveRotation, StopIncarnation]),
        (Status::Stopped, vec![]),
    ];
    assert_eq!(live(&[START, ready(1), STOP, ended(2)]), expected);
}

const BUSY: Input = Input::Checked(Readiness::Busy);
const CAN: Input = Input::Checked(Readiness::Ready);

const fn renew(at: u64) -> Input {
    Input::Renew { at: secs(at) }
}

#[test]
fn a_busy_instance_is_out_of_the_rotation_until_a_check_says_that_it_is_ready() {
    let steps = live(&[START, ready(1), CAN, BUSY, BUSY, CAN]);
    let expected = [
        (Status::Ready, vec![]),
        (Status::Busy, vec![LeaveRotation]),
        (Status::Busy, vec![]),
        (Status::Ready, vec![EnterRotation]),
    ];
    assert_eq!(steps[2..], expected);
}

#[test]
fn an_instance_that_refuses_a_change_is_started_again_without_a_wait() {
    for before in [CAN, BUSY] {
        let steps = live(&[START, ready(1), before, renew(2), leaving(3), ended(4)]);
        let expected = [
            (Status::Recycling, vec![LeaveRotation, RecycleIncarnation]),
            (Status::Recycling, vec![]),
            (Status::Starting, vec![Launch]),
        ];
        assert_eq!(steps[3..], expected, "{before:?}");
    }
    // It is no failure, and no proof of health either.
    let next = live(&[START, ended(0), OVER, ready(1), renew(2), ended(3), ended(4)]).pop().unwrap();
    assert_eq!(next.1, [wait(2, 2)]);
}

#[test]
fn an_instance_that_is_still_starting_is_recycled_for_a_change_before_it_takes_traffic() {
    let steps = live(&[START, renew(1), ready(2), leaving(3), ended(4), ready(5)]);
    let expected = [
        (Status::Recycling, vec![RecycleIncarnation]),
        (Status::Recycling, vec![]),
        (Status::Recycling, vec![]),
        (Status::Starting, vec![Launch]),
        (Status::Ready, vec![EnterRotation]),
    ];
    assert_eq!(steps[1..], expected);
}

#[test]
fn every_stage_can_be_stopped() {
    let cases: &[(&[Input], Status, &[Action])] = &[
        (&[STOP], Status::Stopped, &[]),
        (&[START, STOP], Status::Stopping, &[StopIncarnation]),
        (&[START, ready(1), STOP], Status::Stopping, &[LeaveRotation, StopIncarnation]),
        (&[START, ready(1), leaving(2), STOP], Status::Stopping, &[StopIncarnation]),
        (&[START, ready(1), BUSY, STOP], Status::Stopping, &[LeaveRotation, StopIncarnation]),
        (&[START, ready(1), renew(2), STOP], Status::Stopping, &[StopIncarnation]),
        (&[START, renew(1), STOP], Status::Stopping, &[StopIncarnation]),
        (&[START, ended(1), STOP], Status::Stopped, &[]),
        (&[START, STOP, STOP], Status::Stopping, &[]),
    ];
    for (inputs, status, actions) in cases {
        let (last_status, last_actions) = live(inputs).pop().unwrap();
        assert_eq!((last_status, last_actions.as_slice()), (*status, *actions), "{inputs:?}");
    }
}

const REST: Input = Input::Rest;

#[test]
fn every_stage_can_be_put_to_rest_and_started_again_and_stopped_for_good() {
    let cases: &[(&[Input], &[Action])] = &[
        (&[START, REST], &[StopIncarnation]),
        (&[START, ready(1), REST], &[LeaveRotation, StopIncarnation]),
        (&[START, ready(1), BUSY, REST], &[LeaveRotation, StopIncarnation]),
        (&[START, ready(1), leaving(2), REST], &[StopIncarnation]),
        (&[START, ready(1), renew(2), REST], &[StopIncarnation]),
    ];
    for (inputs, actions) in cases {
        let asked = live(inputs).pop().unwrap();
        assert_eq!(asked, (Status::Stopping, actions.to_vec()), "{inputs:?}");
        let then = |more: &[Input]| live(&[inputs, more].concat()).split_off(inputs.len());
        let started = then(&[ended(3), START]);
        assert_eq!(started, [(Status::Stopped, vec![]), (Status::Starting, vec![Launch])], "{inputs:?}");
        // It need not be asked once more.
        let stopped = then(&[STOP, ended(3), START]);
        let for_good = [Status::Stopping, Status::Stopped, Status::Stopped].map(|status| (status, vec![]));
        assert_eq!(stopped, for_good, "{inputs:?}");
    }
    for inputs in [&[REST][..], &[START, ended(1), REST]] {
        assert_eq!(live(inputs).pop().unwrap(), (Status::Stopped, vec![]), "{inputs:?}");
        assert_eq!(live(&[inputs, &[STOP, START]].concat()).pop().unwrap(), (Status::Stopped, vec![]));
    }
}

#[test]
fn a_start_after_a_rest_is_a_new_beginning() {
    let inputs = [START, ended(0), OVER, ended(0), REST, START, ended(0)];
    assert_eq!(live(&inputs).pop().unwrap().1, [wait(1, 1)]);
}

#[test]
fn whatever_happens_to_one_that_rests_or_settles_it_is_not_started_by_it() {
    for inputs in [&[START, ready(1), REST][..], &[START, ready(1), REST, ended(2)]] {
        for late in [OVER, ready(3), leaving(3), renew(3), CAN, BUSY, REST] {
            let all = [inputs, &[late]].concat();
            assert_eq!(live(&all).pop().unwrap().1, [], "{all:?}");
            let (before, after) = (live(inputs).pop().unwrap().0, live(&all).pop().unwrap().0);
            assert_eq!(before, after, "{all:?}");
        }
    }
}

#[test]
fn a_wish_comes_to_an_input_until_it_is_fulfilled() {
    use Wish::{Kill, Rest, Run, Stop};
    let cases: &[(&[Input], [Option<Input>; 4])] = &[
        // What it comes to: Run, Rest, Stop, Kill.
        (&[], [Some(START), Some(REST), Some(STOP), Some(STOP)]),
        (&[START], [None, Some(REST), Some(STOP), Some(STOP)]),
        (&[START, ready(1)], [None, Some(REST), Some(STOP), Some(STOP)]),
        (&[START, ended(1)], [None, Some(REST), Some(STOP), Some(STOP)]),
        (&[START, REST], [None, None, Some(STOP), Some(STOP)]),
        (&[START, REST, ended(1)], [Some(START), None, Some(STOP), Some(STOP)]),
        (&[START, STOP], [None; 4]),
        (&[STOP], [None; 4]),
    ];
    for (inputs, expected) in cases {
        let life = inputs.iter().fold(Lifecycle::new(), |life, input| life.step(*input).0);
        assert_eq!([Run, Rest, Stop, Kill].map(|wish| life.input_of(wish)), *expected, "{inputs:?}");
    }
}

#[test]
fn one_that_leaves_or_backs_off_is_started_without_a_wait_when_somebody_wants_it() {
    let leaves = live(&[START, ready(1), leaving(2), renew(3), ended(4)]);
    assert_eq!(leaves[3..], [(Status::Recycling, vec![]), (Status::Starting, vec![Launch])]);
    let waits = live(&[START, ended(1), renew(2), OVER]);
    assert_eq!(waits[2..], [(Status::Starting, vec![Launch]), (Status::Starting, vec![])]);
}

#[test]
fn an_end_that_nobody_asked_for_is_a_recycle_wherever_it_comes() {
    let cases: &[(&[Input], &[Action])] = &[
        (&[START, ended(1)], &[wait(1, 1)]),
        (&[START, ready(1), ended(2)], &[LeaveRotation, wait(1, 1)]),
        (&[START, ready(1), leaving(2), ended(3)], &[wait(1, 1)]),
        (&[START, leaving(2), ended(3)], &[wait(1, 1)]),
        (&[START, ready(1), BUSY, ended(2)], &[LeaveRotation, wait(1, 1)]),
        (&[START, ready(1), BUSY, leaving(2), ended(3)], &[wait(1, 1)]),
    ];
    for (inputs, actions) in cases {
        let (status, last) = live(inputs).pop().unwrap();
        assert_eq!((status, last.as_slice()), (Status::Recycling, *actions), "{inputs:?}");
    }
}

#[test]
fn an_instance_that_ends_by_itself_leaves_the_rotation_at_once() {
    let (status, actions) = live(&[START, ready(1), leaving(2)]).pop().unwrap();
    assert_eq!((status, actions), (Status::Recycling, vec![LeaveRotation]));
}

#[test]
fn back_off_doubles_up_to_a_minute() {
    let inputs: Vec<Input> = std::iter::once(START).chain((0..9).flat_map(|n| [ended(n), OVER])).collect();
    let waits: Vec<Action> = live(&inputs).into_iter().flat_map(|(_, actions)| actions).collect();
    let waits: Vec<Action> = waits.into_iter().filter(|action| *action != Launch).collect();
    let seconds = [1, 2, 4, 8, 16, 32, 60, 60, 60];
    let expected: Vec<Action> = (1..).zip(seconds).map(|(attempt, seconds)| wait(attempt, seconds)).collect();
    assert_eq!(waits, expected);
    assert_eq!(back_off(u32::MAX), secs(60));
}

#[test]
fn five_minutes_of_ready_reset_the_back_off_and_a_second_less_does_not() {
    let twice_failed = [START, ended(0), OVER, ended(0), OVER];
    let next_wait = |end: &[Input]| {
        let inputs: Vec<Input> = twice_failed.iter().chain(end).copied().collect();
        live(&inputs).pop().unwrap().1.pop().unwrap()
    };
    assert_eq!(next_wait(&[ready(10), ended(10 + 299)]), wait(3, 4));
    assert_eq!(next_wait(&[ready(10), ended(10 + 300)]), wait(1, 1));
    // What counts is the time that it was Ready, not the time that it took to leave.
    assert_eq!(next_wait(&[ready(10), leaving(20), ended(400)]), wait(3, 4));
    assert_eq!(next_wait(&[ready(10), leaving(310), ended(311)]), wait(1, 1));
    assert_eq!(next_wait(&[ready(10), BUSY, ended(310)]), wait(1, 1));
}

#[test]
fn late_inputs_of_an_instance_that_has_stopped_change_nothing() {
    for late in [START, REST, ready(1), leaving(1), ended(1), OVER, STOP, BUSY, CAN, renew(1)] {
        assert_eq!(live(&[STOP, late]).pop().unwrap(), (Status::Stopped, vec![]), "{late:?}");
    }
}

#[test]
fn what_runs_something_else_begins_anew_however_often_the_one_before_has_failed() {
    const fn replace(at: u64) -> Input {
        Input::Replace { at: secs(at) }
    }
    let failed = [START, ended(0), OVER, ended(1), OVER];
    let cases: &[(&[Input], &[Action])] = &[
        // It waits for its next try.
        (&[ended(2), replace(3)], &[Launch]),
        (&[ready(2), replace(3)], &[LeaveRotation, RecycleIncarnation]),
        (&[replace(3)], &[RecycleIncarnation]),
        (&[ready(2), leaving(3), replace(4)], &[]),
    ];
    for (inputs, actions) in cases {
        let inputs = [&failed[..], inputs].concat();
        assert_eq!(live(&inputs).pop().unwrap().1, *actions, "{inputs:?}");
        let starts = live(&inputs).pop().unwrap().0 == Status::Starting;
        let rest: &[Input] = if starts { &[ended(5)] } else { &[ended(5), ended(6)] };
        let next = live(&[&inputs[..], rest].concat()).pop().unwrap();
        assert_eq!(next.1, [wait(1, 1)], "{inputs:?}");
    }
}
