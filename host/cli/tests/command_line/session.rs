//! Services that run: what is said from start to stop, and how the program ends.

use crate::components::{IDLE_PROGRAM, SHORT_PROGRAM, SPINNING_PROGRAM};
use crate::golden::assert_golden;
use crate::service::Service;

/// The system chooses the public port, and the random numbers are always the same.
const RUN: &str = "run ServiceDefinition.csdef --publish 81=127.0.0.1:0 --seed 7";

/// Hides the port that the system chose.
fn without_port(text: &str) -> String {
    let Some((before, after)) = text.split_once("127.0.0.1:").filter(|_| !text.is_empty()) else {
        return text.to_owned();
    };
    let rest = after.trim_start_matches(|character: char| character.is_ascii_digit());
    let digits = &after[..after.len() - rest.len()];
    let shown = if digits == "0" { "0" } else { "PORT" };
    format!("{before}127.0.0.1:{shown}{}", without_port(rest))
}

#[test]
fn a_service_says_what_runs_where_and_stops_on_ctrl_c() {
    let service = Service::of_worker(IDLE_PROGRAM);
    let mut running = service.start(RUN);
    running.says("All 2 instances are Ready");
    running.interrupt();
    assert_golden("session", &without_port(&running.ended().transcript));
    assert_eq!(service.left_behind(), 0);
}

#[test]
fn the_system_asks_it_to_stop_as_ctrl_c_does() {
    let service = Service::of_worker(IDLE_PROGRAM);
    let mut running = service.start(RUN);
    running.says("All 2 instances are Ready");
    running.signal("TERM");
    let ended = running.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.transcript);
}

#[test]
fn a_second_ctrl_c_ends_it_at_once() {
    let service = Service::of_worker(SPINNING_PROGRAM);
    let mut running = service.start(RUN);
    running.says("All 2 instances are Ready");
    running.interrupt();
    running.says("Stopping");
    running.interrupt();
    let ended = running.ended();
    assert_eq!(ended.code, Some(130), "{}", ended.transcript);
    assert_eq!(service.left_behind(), 0);
}

#[test]
fn an_instance_that_hears_nothing_is_cut_off_and_named() {
    let service = Service::of_worker(SPINNING_PROGRAM);
    let mut running = service.start(RUN);
    running.says("All 2 instances are Ready");
    running.interrupt();
    running.says("Stopped; cut off, because the time to stop was over: Worker_IN_");
    assert_eq!(running.ended().code, Some(0));
}

#[test]
fn an_instance_whose_program_ends_is_said_to_start_again() {
    let service = Service::of_worker(SHORT_PROGRAM);
    let mut running = service.start(RUN);
    running.says("Worker_IN_0 * run returned; starts again in 1 s");
    running.says("recycled 2 times, because run returned; starts again in 2 s");
    running.interrupt();
    assert_eq!(running.ended().code, Some(0));
}

#[test]
fn as_json_every_line_is_an_object_with_time_and_kind() {
    let service = Service::of_worker(SHORT_PROGRAM);
    let mut running = service.start(&format!("{RUN} --log-format json"));
    let objects = running.objects_until("recycling");
    running.interrupt();
    let kinds: Vec<&str> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.first(), Some(&"started"), "{kinds:?}");
    assert!(kinds.contains(&"ended"), "{kinds:?}");
    for object in &objects {
        assert!(object["time"].as_str().unwrap().ends_with('Z'), "{object}");
    }
    let started = &objects[0];
    assert_eq!(started["instances"][1]["instance"], "Worker_IN_1");
    assert_eq!(started["public_ports"][0]["port"], 81);
    assert_eq!(running.ended().code, Some(0));
}

#[test]
fn a_reader_that_goes_away_stops_the_service() {
    // Its restarts are told of, so there is always something more to write; only a write finds the reader gone.
    let service = Service::of_worker(SHORT_PROGRAM);
    let mut running = service.start(&format!("{RUN} --log-format json"));
    running.stop_reading();
    let ended = running.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.transcript);
    assert!(!ended.transcript.contains("panicked"), "{}", ended.transcript);
}
