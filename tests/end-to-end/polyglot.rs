//! Four languages in one service: each role answers another one, and is answered by a third.
//!
//! It needs what `cargo xtask guests` builds of it. Where the tools of a language are missing it is left out, and that is said.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;

use crate::host_process::{Host, free_port, root};
use crate::http_exchange::{Response, exchange};
use crate::tools;

const ROLES: [&str; 4] = ["Web", "Words", "Ledger", "Checksum"];

fn definition() -> PathBuf {
    root().join("examples/polyglot/ServiceDefinition.csdef")
}

/// Builds what has changed, as people do. False where a tool is missing.
fn is_built() -> bool {
    static BUILT: OnceLock<bool> = OnceLock::new();
    *BUILT.get_or_init(|| tools::build(&definition()))
}

struct Polyglot {
    host: Host,
    address: SocketAddr,
}

impl Polyglot {
    fn start(arguments: &[&str]) -> Option<Self> {
        if !is_built() {
            return None;
        }
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let publish = format!("80={address}");
        let arguments = [&["--publish", publish.as_str()], arguments].concat();
        let mut host = Host::run(&definition(), &arguments);
        host.wait_for("instances are Ready");
        Some(Self { host, address })
    }

    fn get(&self, path: &str) -> Response {
        exchange(self.address, "GET", path, &[], "").expect("an answer")
    }

    fn json(&self, path: &str) -> (u16, Value) {
        let response = self.get(path);
        let value = serde_json::from_str(response.text());
        (response.status, value.unwrap_or_else(|error| panic!("{path}: {error}: {response:?}")))
    }

    fn stop(mut self) {
        self.host.signal("TERM");
        assert!(self.host.ended().success(), "{:#?}", self.host.said);
    }
}

#[test]
fn a_text_goes_through_four_languages_and_is_counted() {
    let Some(polyglot) = Polyglot::start(&[]) else { return };
    let path = "/analyse?text=To%20be%2C%20or%20not%20to%20be%3A%20that%20is%20the%20question";
    for seen in 1..=3 {
        let (status, answer) = polyglot.json(path);
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["text"], "To be, or not to be: that is the question");
        // `to`, `to` and `the` are not counted.
        assert_eq!((&answer["words"], &answer["longest"]), (&7.into(), &"question".into()), "{answer}");
        assert_eq!(answer["seen"], seen, "{answer}");
        for role in ROLES {
            let by = answer["answered_by"][role].as_str().unwrap_or_default();
            assert!(by.starts_with(&format!("{role}_IN_")), "{answer}");
        }
    }
    // CRC-32 of `123456789`, the check value that everybody names.
    assert_eq!(polyglot.json("/analyse?text=123456789").1["checksum"], "cbf43926");
    polyglot.stop();
}

#[test]
fn a_setting_of_the_service_is_heard_in_each_language() {
    let settings = ["--setting", "Web.Title=Good day", "--setting", "Words.IgnoredWords=be", "--setting"];
    let Some(polyglot) = Polyglot::start(&[settings.as_slice(), &["Checksum.Algorithm=fnv1a"]].concat())
    else {
        return;
    };
    assert!(polyglot.get("/").text().contains("Good day"));
    let (_, answer) = polyglot.json("/analyse?text=to%20be%20or%20not%20to%20be");
    assert_eq!(answer["words"], 4, "{answer}");
    // The 32-bit FNV-1a of `a`.
    assert_eq!(polyglot.json("/analyse?text=a").1["checksum"], "e40c292c");
    polyglot.stop();
}

#[test]
fn nobody_reaches_whom_the_rules_do_not_let_them_reach() {
    let Some(mut polyglot) = Polyglot::start(&[]) else { return };
    for (role, result) in [("Words", "connected"), ("Checksum", "access-denied"), ("Ledger", "access-denied")]
    {
        let (_, answer) = polyglot.json(&format!("/reach/{role}"));
        assert_eq!(answer["result"], result, "{answer}");
    }
    polyglot.host.wait_for("Web may not reach endpoint Sum of Checksum");
    polyglot.stop();
}

#[test]
fn what_is_asked_wrongly_is_answered_in_words() {
    let Some(polyglot) = Polyglot::start(&[]) else { return };
    assert_eq!(polyglot.json("/analyse").0, 400);
    assert_eq!(polyglot.get("/elsewhere").status, 404);
    let (status, answer) = polyglot.json(&format!("/analyse?text={}", "x".repeat(5000)));
    assert!(status == 400 || status == 502, "{answer}");
    assert!(answer["error"].is_string(), "{answer}");
    // All of them are there still.
    assert_eq!(polyglot.json("/analyse?text=x").0, 200);
    polyglot.stop();
}

#[test]
fn a_role_that_refuses_its_setting_says_so_in_its_language() {
    if !is_built() {
        return;
    }
    let mut host =
        Host::run(&definition(), &["--publish", "80=127.0.0.1:0", "--setting", "Checksum.Algorithm=md5"]);
    let line = host.wait_for("could not start");
    assert!(line.contains("Checksum_IN_") && line.contains("md5"), "{line}");
}

#[test]
fn the_page_of_the_example_names_what_there_is() {
    let page = fs::read_to_string(root().join("examples/polyglot/README.md")).expect("the page is there");
    for role in ROLES {
        assert!(page.contains(&format!("roles/{role}")), "{role}");
        assert!(root().join("examples/polyglot/roles").join(role).is_dir(), "{role}");
    }
}
