//! What the host grants beside the definition: mistakes in it end the program before anything runs.

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
    let transcript = Service::new(ROLES, COUNTS).with("wasm-roles.toml", file).transcript(RUN);
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
