//! Ctrl-C, at good moments and at bad ones.

use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;

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
