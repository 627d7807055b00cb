//! What the host grants beside the definition: mistakes in it end the program before anything runs.

use crate::components::IDLE_PROGRAM;
use crate::service::{COUNTS, ROLES, Service};

const RUN: &str = "run ServiceDefinition.csdef";

/// The transcript says all of it.
fn says(transcript: &str, parts: &[&str]) {
    for part in parts {
        assert!(transcript.contains(part), "{part} is missing:\n{transcript}");
    }
}

#[test]
fn a_rule_that_is_none() {
    let transcript =
        Service::new(ROLES, COUNTS).transcript(&format!("{RUN} --allow-outbound https://example.com"));
    says(&transcript, &["--allow-outbound", "`https://example.com` is a URL"]);
}

#[test]
fn a_file_with_a_word_that_nobody_knows() {
    let file = "[outbound]\nalow = [\"example.com\"]\n";
    let service = Service::new(ROLES, COUNTS).with("wasm-roles.toml", file);
    let transcript = service.transcript(&format!("{RUN} --host-policy wasm-roles.toml"));
    says(&transcript, &["host policy wasm-roles.toml: ", "line 2, column 1", "unknown field `alow`"]);
}

#[test]
fn a_file_with_a_role_that_the_definition_lacks() {
    let file = "[roles.Wroker.outbound]\nallow = [\"example.com\"]\n";
    let service = Service::new(ROLES, COUNTS).with("elsewhere.toml", file);
    let transcript = service.transcript(&format!("{RUN} --host-policy elsewhere.toml"));
    says(
        &transcript,
        &["host policy elsewhere.toml: `roles.Wroker`: the definition has no role Wroker; it has Worker"],
    );
}

/// A service that came with a host policy of its own. It would not be accepted if it were read.
fn with_its_own_policy() -> Service {
    Service::of_worker(IDLE_PROGRAM).with("wasm-roles.toml", "[outbound]\nalow = [\"example.com\"]\n")
}

const RUN_ANYWHERE: &str = "run ServiceDefinition.csdef --publish 81=127.0.0.1:0 --seed 7";

#[test]
fn a_file_that_came_with_the_service_grants_nothing_and_is_named() {
    let service = with_its_own_policy();
    let mut running = service.start(RUN_ANYWHERE);
    running.says("All 2 instances are Ready");
    running.interrupt();
    let transcript = running.ended().transcript;
    let notice = "wasm-roles * wasm-roles.toml was not read; to grant what it says, add `--host-policy wasm-roles.toml`\n";
    assert_eq!(transcript.matches(notice).count(), 1, "{transcript}");
}

#[test]
fn programs_are_told_of_a_file_that_is_not_read() {
    let service = with_its_own_policy();
    let mut running = service.start(&format!("{RUN_ANYWHERE} --log-format json"));
    let objects = running.objects_until("host-policy-unread");
    assert_eq!(objects.last().unwrap()["file"], "wasm-roles.toml");
    running.interrupt();
    assert_eq!(running.ended().code, Some(0));
}

#[test]
fn who_names_a_file_needs_no_word_about_another() {
    let service = with_its_own_policy().with("mine.toml", "[outbound]\nallow = [\"example.com\"]\n");
    let mut running = service.start(&format!("{RUN_ANYWHERE} --host-policy mine.toml"));
    running.says("All 2 instances are Ready");
    running.interrupt();
    let transcript = running.ended().transcript;
    assert!(!transcript.contains("was not read"), "{transcript}");
}
