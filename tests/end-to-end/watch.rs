//! `run --watch`: what is saved runs at once, and what cannot run leaves alone what does.
//!
//! The service is the template in Rust. Where cargo cannot build it, that is said and the tests are left out.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::host_process::{Host, free_port, root};
use crate::http_exchange::exchange;
use crate::tools;

#[test]
fn a_source_that_is_saved_runs_in_its_role_and_the_other_role_runs_on() {
    let Some(made) = Made::new("watched", "service") else { return };
    let (mut host, address) = made.run();
    let first = answered(address);
    assert!(first.starts_with("Hello from watched, says Web_IN_0\n"), "{first}");
    let worker = host.wait_for_line("Worker_IN_0", "listening on");

    // What does not compile is told with the compiler's words, and changes nothing.
    let source = made.source("Web");
    let good = fs::read_to_string(&source).unwrap();
    fs::write(&source, good.replace("use ", "use no_such_crate::")).unwrap();
    let told = host.wait_for_kind("watch-not-built");
    let failed = &told["roles"][0];
    assert_eq!(failed["role"], "Web");
    assert!(failed["output"].as_str().unwrap().contains("no_such_crate"), "{failed}");
    assert_eq!(answered(address).lines().next(), first.lines().next());

    // What does, runs.
    fs::write(&source, good.replace(", says ", ", says at once ")).unwrap();
    let told = host.wait_for_kind("watch-applied");
    assert_eq!((&told["what"], &told["roles"][0]), (&Value::from("components"), &Value::from("Web")));
    assert!(told["build_seconds"].as_f64().unwrap() > 0.0, "{told}");
    assert!(told["seconds"].as_f64().unwrap() > 0.0, "{told}");
    assert!(answered(address).starts_with("Hello from watched, says at once Web_IN_0\n"));
    assert_eq!(host.starts_of("Worker_IN_0"), 1, "nothing of it has changed: {worker}");
    assert_eq!(host.starts_of("Web_IN_0"), 2);
    host.stop();
}

#[test]
fn a_configuration_that_is_saved_is_applied_and_so_is_a_definition_where_that_is_possible() {
    let Some(made) = Made::new("saved", "service") else { return };
    let (mut host, address) = made.run();
    assert!(answered(address).starts_with("Hello from saved, "));

    let configuration = made.file("ServiceConfiguration.cscfg");
    let good = fs::read_to_string(&configuration).unwrap();
    fs::write(&configuration, good.replace("Hello from saved", "Good morning")).unwrap();
    let told = host.wait_for_kind("watch-applied");
    assert_eq!(told["what"], "configuration");
    assert!(answered(address).starts_with("Good morning, "), "{told}");
    assert_eq!(host.starts_of("Web_IN_0"), 1, "it was told, and not started again");

    fs::write(&configuration, good.replace("</ServiceConfiguration>", "")).unwrap();
    let told = host.wait_for_kind("watch-wrong");
    assert!(told["message"].as_str().unwrap().contains("ServiceConfiguration.cscfg"), "{told}");
    assert!(answered(address).starts_with("Good morning, "));
    fs::write(&configuration, good.replace("Hello from saved", "Good evening")).unwrap();
    host.wait_for_another("watch-applied", 2);

    // Nobody may ask the worker any more: that concerns no instance, and holds at once.
    let definition = made.file("ServiceDefinition.csdef");
    let text = fs::read_to_string(&definition).unwrap();
    fs::write(
        &definition,
        text.replace(r#"<FromRole roleName="Web" />"#, r#"<FromRole roleName="Worker" />"#),
    )
    .unwrap();
    let told = host.wait_for_another("watch-applied", 3);
    assert_eq!(told["what"], "definition");
    let answer = answered(address);
    assert!(
        answer.starts_with("Good evening, ") && answer.contains("\nWorker does not answer: "),
        "{answer}"
    );
    assert_eq!((host.starts_of("Web_IN_0"), host.starts_of("Worker_IN_0")), (1, 1));

    // What cannot change in place is said, with what to do.
    fs::write(
        &definition,
        text.replace("<ServiceDefinition ", r#"<ServiceDefinition upgradeDomainCount="2" "#),
    )
    .unwrap();
    let told = host.wait_for_kind("watch-not-applied");
    assert_eq!(
        (&told["what"], &told["refusal"]["code"]),
        (&Value::from("definition"), &Value::from("not-in-place"))
    );
    assert!(told["refusal"]["details"][0]["hint"].as_str().unwrap().contains("upgradeDomainCount"), "{told}");
    assert!(answered(address).starts_with("Good evening, "));
    host.stop();
}

#[test]
fn a_component_that_somebody_else_makes_runs_too() {
    let Some(made) = Made::new("elsewhere", "worker") else { return };
    let (mut host, _) = made.run();
    host.wait_for_line("Worker_IN_0", "tick 1");
    let source = made.source("Worker");
    let text = fs::read_to_string(&source).unwrap();
    // Hidden from the watch: it is built under another name, and put there as a whole.
    let component = made.file("Worker/Worker.wasm");
    let other = root().join("target/guests/sdk-ticker.wasm");
    assert!(other.is_file(), "{} is missing; run `cargo xtask guests` first", other.display());
    let beside = made.file("Worker/.next");
    fs::copy(&other, &beside).unwrap();
    fs::rename(&beside, &component).unwrap();
    let told = host.wait_for_any(&["watch-applied", "watch-not-applied"]);
    assert_eq!(told["what"], "components", "{told}");
    assert_eq!(told["roles"].as_array().unwrap().len(), 0, "nobody here has built it");
    assert_eq!(fs::read_to_string(&source).unwrap(), text);
    host.stop();
}

/// A service that `wasm-roles new` has made.
struct Made {
    folder: TempDir,
    name: &'static str,
}

impl Made {
    /// None when Rust cannot build roles here. The name is that of its packages, which share a folder with others.
    fn new(name: &'static str, template: &str) -> Option<Self> {
        let rust =
            Command::new("rustc").args(["--print", "target-libdir", "--target", "wasm32-wasip2"]).output();
        let folder = rust.ok().filter(|printed| printed.status.success());
        let folder = folder.map(|printed| PathBuf::from(String::from_utf8_lossy(&printed.stdout).trim()));
        if !folder.is_some_and(|folder| folder.is_dir()) {
            tools::skipped("Rust's target wasm32-wasip2 is not installed");
            return None;
        }
        let made = Self { folder: tempfile::tempdir().unwrap(), name };
        let mut new = Command::new(env!("CARGO_BIN_EXE_wasm-roles"));
        new.args(["new", name, "--lang", "rust", "--template", template]).current_dir(made.folder.path());
        let said = new.output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        // The versions that everything else here is built with.
        fs::copy(root().join("Cargo.lock"), made.file("Cargo.lock")).unwrap();
        Some(made)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(self.name).join(name)
    }

    fn source(&self, role: &str) -> PathBuf {
        self.file("roles").join(role).join("src/lib.rs")
    }

    /// Runs it and watches; when this returns, everything is Ready.
    fn run(&self) -> (Watched, SocketAddr) {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let publish: Vec<String> = if self.source("Web").is_file() {
            vec![format!("8080={address}")]
        } else {
            [10_100, 10_101].map(|port| format!("{port}=127.0.0.1:{}", free_port())).to_vec()
        };
        let mut arguments = vec!["--watch", "--log-format", "json"];
        publish.iter().for_each(|publish| arguments.extend(["--publish", publish]));
        let target: OsString = root().join("target/templates").into();
        let path = tools::path();
        let variables = [("PATH", Path::new(&path)), ("CARGO_TARGET_DIR", Path::new(&target))];
        let host = Host::run_with(&self.file("ServiceDefinition.csdef"), &arguments, &variables);
        let mut watched = Watched { host };
        watched.wait_for_kind("watching");
        watched.wait_for_kind("all-ready");
        (watched, address)
    }
}

/// A run that is watched, line by line.
struct Watched {
    host: Host,
}

/// A build of a service's dependencies may come before the first line.
const PATIENCE: Duration = Duration::from_secs(300);

impl Watched {
    /// The first object of this kind.
    fn wait_for_kind(&mut self, kind: &str) -> Value {
        self.wait_for_another(kind, 1)
    }

    fn wait_for_any(&mut self, kinds: &[&str]) -> Value {
        self.wait(|object| kinds.iter().any(|kind| object["kind"] == **kind), 1)
    }

    /// The object of this kind that is this many-th.
    fn wait_for_another(&mut self, kind: &str, number: usize) -> Value {
        self.wait(|object| object["kind"] == kind, number)
    }

    /// The first line of an instance with these words.
    fn wait_for_line(&mut self, instance: &str, words: &str) -> Value {
        self.wait(|object| object["instance"] == instance && contains(&object["message"], words), 1)
    }

    fn wait(&mut self, is_it: impl Fn(&Value) -> bool, number: usize) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = objects(&self.host.said).filter(|object| is_it(object)).nth(number - 1);
            if let Some(found) = found {
                return found;
            }
            assert!(self.host.hear(deadline), "it is not said: {:#?}", self.host.said);
        }
    }

    /// How often an instance has been started so far.
    fn starts_of(&self, instance: &str) -> usize {
        let is_start = |object: &Value| {
            object["kind"] == "status" && object["instance"] == instance && object["status"] == "Starting"
        };
        objects(&self.host.said).filter(is_start).count()
    }

    fn stop(mut self) {
        self.host.signal("INT");
        assert!(self.host.ended().success(), "{:#?}", self.host.said);
    }
}

fn objects(said: &[String]) -> impl Iterator<Item = Value> {
    said.iter().filter_map(|line| serde_json::from_str(line).ok())
}

fn contains(text: &Value, words: &str) -> bool {
    text.as_str().is_some_and(|text| text.contains(words))
}

fn answered(address: SocketAddr) -> String {
    let response = exchange(address, "GET", "/", &[], "").unwrap();
    assert_eq!(response.status, 200, "{response:?}");
    response.text().to_owned()
}
