//! The role, without a host: `cargo test -p lifecycle-worker`.

use std::time::Duration;

use wasm_roles_sdk::testing::{DefinedRole, Installed, TestEnvironment};
use wasm_roles_sdk::{Change, Protocol, RoleEnvironment, Status, Verdict};

use super::{Worker, described};

/// The environment that the service's own files describe, with some settings different.
fn environment(settings: &[(&str, &str)]) -> Installed {
    let configured =
        [("Greeting", "hello"), ("Capacity", "10"), ("BusyChecks", "1"), ("RecycleAfterSeconds", "0")];
    let worker = DefinedRole::new("Worker").instances(2).internal_endpoint("Peers", Protocol::Tcp, 20000);
    let environment = TestEnvironment::new(worker);
    let settings = configured.iter().chain(settings);
    settings.fold(environment, |environment, (name, value)| environment.setting(*name, *value)).install()
}

#[test]
fn it_works_for_ever() {
    let environment = environment(&[]);
    let worker = environment.start::<Worker>().unwrap();
    environment.pass(Duration::from_secs(30 * 24 * 3600));
    assert_eq!(worker.run_result(), None);
    assert_eq!(environment.recycle_requests(), 0);
    worker.stop();
}

#[test]
fn it_asks_for_a_recycle_when_its_time_has_come() {
    let environment = environment(&[("RecycleAfterSeconds", "5")]);
    let worker = environment.start::<Worker>().unwrap();
    environment.pass(Duration::from_secs(4));
    assert_eq!(environment.recycle_requests(), 0);
    environment.pass(Duration::from_secs(1));
    assert_eq!(environment.recycle_requests(), 1);
    worker.stop();
}

#[test]
fn without_a_capacity_it_does_not_start() {
    let environment = environment(&[("Capacity", "many")]);
    assert_eq!(environment.start::<Worker>().unwrap_err(), "invalid digit found in string");
}

#[test]
fn it_is_busy_as_often_as_it_is_told_to_and_then_ready() {
    let environment = environment(&[("BusyChecks", "2")]);
    let worker = environment.start::<Worker>().unwrap();
    let answers = [(); 4].map(|()| worker.status_check());
    assert_eq!(answers, [Status::Busy, Status::Busy, Status::Ready, Status::Ready]);
}

#[test]
fn a_greeting_changes_while_it_runs_and_a_capacity_needs_a_recycle() {
    let environment = environment(&[]);
    let worker = environment.start::<Worker>().unwrap();
    assert_eq!(worker.change_settings(&[("Greeting", "good day")]), Verdict::Accept);
    assert_eq!(worker.change_settings(&[("Capacity", "20"), ("Greeting", "good night")]), Verdict::Recycle);
    assert_eq!(worker.change_instances("Worker", 3), Verdict::Accept);
    worker.change_instances_at_once("Worker", 2);
}

#[test]
fn a_change_is_described_with_the_value_of_the_moment() {
    let environment = environment(&[]);
    let greeting = Change::ConfigurationSetting("Greeting".to_owned());
    assert_eq!(described(&greeting), "Greeting is `hello`");
    environment.set("Greeting", "good day");
    assert_eq!(described(&greeting), "Greeting is `good day`");
    assert_eq!(described(&Change::Topology("Worker".to_owned())), "I see 2 instances of Worker");
    assert_eq!(RoleEnvironment::current_instance().id, "Worker_IN_0");
}
