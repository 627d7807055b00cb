//! Ctrl-C, at good moments and at bad ones.

use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use crate::host_process::{Host, free_port, get, guest, root};
use crate::misbehaving::Service;

#[test]
fn ctrl_c_stops_every_instance_and_the_exit_code_is_0() {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let definition = root().join("examples/myservice/ServiceDefinition.csdef");
    let mut host = Host::run(&definition, &["--publish", &format!("80={address}")]);
    host.wait_for("Ready");
    assert_eq!(get(address, "application/json").unwrap().0, 200);
    host.signal("INT");
    let status = host.ended();
    assert_eq!(status.code(), Some(0), "{status:?} {:#?}", host.said);
    assert!(get(address, "*/*").is_err(), "nothing is left that answers");
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let service = Service::of(&guest("role-misbehave"), "Worker", Some("slow-stop"));
    let mut host = Host::run(&service.definition(), &["--stop-timeout", "3600"]);
    host.wait_for("run slow-stop");
    host.signal("INT");
    host.wait_for("on-stop slow-stop");
    host.signal("INT");
    let status = host.ended();
    assert_eq!(status.code(), Some(130), "{status:?} (signal {:?}) {:#?}", status.signal(), host.said);
}

#[test]
fn a_role_that_does_not_stop_is_cut_off_when_its_budget_is_over() {
    let service = Service::of(&guest("role-misbehave"), "Worker", Some("slow-stop"));
    let mut host = Host::run(&service.definition(), &["--stop-timeout", "1"]);
    host.wait_for("run slow-stop");
    host.signal("INT");
    assert_eq!(host.ended().code(), Some(0), "{:#?}", host.said);
    assert!(host.said.iter().any(|line| line.contains("cut off")), "{:#?}", host.said);
}

#[test]
fn ctrl_c_while_instances_start_ends_too() {
    let service = Service::of(&guest("role-misbehave"), "Worker", Some("slow-start"));
    let mut host = Host::run(&service.definition(), &["--stop-timeout", "1"]);
    host.wait_for("on-start slow-start");
    host.signal("INT");
    assert_eq!(host.ended().code(), Some(0), "{:#?}", host.said);
}

#[test]
fn a_hang_up_and_a_quit_are_stops_like_any_other_and_leave_nothing_behind() {
    for signal in ["HUP", "QUIT"] {
        let temporary = tempfile::tempdir().unwrap();
        let service = Service::of(&guest("role-misbehave"), "Worker", Some("wait"));
        let mut host = Host::run_with(&service.definition(), &[], &[("TMPDIR", temporary.path())]);
        host.wait_for("run wait");
        assert_eq!(ours(temporary.path()), 1, "there is a folder of its own");
        host.signal(signal);
        assert_eq!(host.ended().code(), Some(0), "{signal}: {:#?}", host.said);
        assert_eq!(ours(temporary.path()), 0, "{signal}");
    }
}

#[test]
fn nothing_is_left_behind_when_instances_that_do_not_stop_are_cut_off() {
    let temporary = tempfile::tempdir().unwrap();
    let service = Service::of(&guest("role-misbehave"), "Worker", Some("slow-stop"));
    let arguments = ["--stop-timeout", "3600"];
    let mut host = Host::run_with(&service.definition(), &arguments, &[("TMPDIR", temporary.path())]);
    host.wait_for("run slow-stop");
    host.signal("INT");
    host.wait_for("on-stop slow-stop");
    host.signal("INT");
    assert_eq!(host.ended().code(), Some(130), "{:#?}", host.said);
    assert_eq!(ours(temporary.path()), 0);
}

/// The folders of runs in a folder for temporary files.
fn ours(temporary: &Path) -> usize {
    let names = std::fs::read_dir(temporary).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("wasm-roles-")).count()
}
