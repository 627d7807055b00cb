//! Mistakes of users: one clear message each, with a hint, and nothing left running.

use std::net::TcpListener;

use crate::components::{CORE_MODULE, IDLE_PROGRAM, NO_ROLE};
use crate::golden::assert_golden;
use crate::service::{COUNTS, ROLES, Service};

const RUN: &str = "run ServiceDefinition.csdef";

#[test]
fn bad_xml() {
    let service = Service::new(ROLES, COUNTS)
        .with("ServiceDefinition.csdef", "<ServiceDefinition name=\"Svc\">\n  <Role>\n");
    assert_golden("bad_xml", &service.transcript(RUN));
}

#[test]
fn a_role_of_the_configuration_that_the_definition_lacks() {
    let counts = format!("{COUNTS}\n  <Role name=\"Wroker\">\n    <Instances count=\"1\" />\n  </Role>");
    assert_golden("unknown_role", &Service::new(ROLES, &counts).transcript(RUN));
}

#[test]
fn a_setting_without_a_value() {
    let counts = "\n  <Role name=\"Worker\">\n    <Instances count=\"2\" />\n  </Role>";
    assert_golden("missing_setting", &Service::new(ROLES, counts).transcript(RUN));
}

#[test]
fn no_such_definition() {
    assert_golden("no_definition", &Service::new(ROLES, COUNTS).transcript("run Nothing.csdef"));
}

#[test]
fn a_folder_instead_of_a_definition() {
    assert_golden("folder", &Service::new(ROLES, COUNTS).transcript("run ."));
}

#[test]
fn a_definition_that_is_no_text() {
    let service = Service::new(ROLES, COUNTS).with("ServiceDefinition.csdef", b"<Service\xff");
    assert_golden("no_text", &service.transcript(RUN));
}

#[test]
fn a_role_without_a_component() {
    assert_golden("missing_component", &Service::new(ROLES, COUNTS).transcript(RUN));
}

#[test]
fn a_site_whose_directory_is_missing() {
    let roles = "\n  <WebRole name=\"Web\">\n    <Sites>\n      \
                 <Site name=\"Web\" physicalDirectory=\"..\\no-such-folder\">\n        \
                 <Bindings><Binding name=\"A\" endpointName=\"HttpIn\" /></Bindings>\n      </Site>\n    </Sites>\n    \
                 <Endpoints><InputEndpoint name=\"HttpIn\" protocol=\"http\" port=\"80\" /></Endpoints>\n  </WebRole>";
    let counts = "\n  <Role name=\"Web\">\n    <Instances count=\"1\" />\n  </Role>";
    assert_golden("missing_site_directory", &Service::new(roles, counts).transcript(RUN));
}

#[test]
fn a_native_program_without_a_component_of_its_stem() {
    let roles = "\n  <WorkerRole name=\"Worker\">\n    <Runtime>\n      <EntryPoint>\n        \
                 <ProgramEntryPoint commandLine=\"worker.exe --fast\" setReadyOnProcessStart=\"true\" />\n      \
                 </EntryPoint>\n    </Runtime>\n  </WorkerRole>";
    let counts = "\n  <Role name=\"Worker\">\n    <Instances count=\"1\" />\n  </Role>";
    let service = Service::new(roles, counts);
    assert_golden("native_program", &service.transcript("run ServiceDefinition.csdef --approot Worker=bin"));
}

#[test]
fn a_component_that_is_no_role() {
    assert_golden("no_role", &Service::of_worker(NO_ROLE).transcript(RUN));
}

#[test]
fn a_core_module() {
    assert_golden("core_module", &Service::of_worker(CORE_MODULE).transcript(RUN));
}

#[test]
fn a_file_that_is_no_component() {
    let transcript = Service::of_worker(b"#!/bin/sh").transcript(RUN);
    assert!(transcript.contains("--- exit code 1"), "{transcript}");
    assert!(transcript.contains("Worker/Worker.wasm is not a valid WebAssembly component"), "{transcript}");
}

#[test]
fn a_port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let service = Service::of_worker(IDLE_PROGRAM);
    let transcript = service.transcript(&format!("{RUN} --publish 81={at}"));
    assert_golden("port_in_use", &transcript.replace(&at, "127.0.0.1:PORT"));
    assert_eq!(service.left_behind(), 0);
}

#[test]
fn places_for_roles_and_ports_that_are_not_there() {
    let service = Service::of_worker(IDLE_PROGRAM);
    let arguments = format!("{RUN} --approot Wroker=bin --publish 80=127.0.0.1:8080");
    assert_golden("unknown_places", &service.transcript(&arguments));
}

#[test]
fn wrong_arguments() {
    assert_golden(
        "wrong_arguments",
        &Service::new(ROLES, COUNTS).transcript("run S.csdef --publish 80=8080"),
    );
}

#[test]
fn help() {
    assert_golden("help", &Service::new(ROLES, COUNTS).transcript("run --help"));
}
