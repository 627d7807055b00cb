//! Who follows the lines of a service hears its last ones too.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::host_process::{Host, root};

fn wasm_roles(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-roles"));
    command.args(arguments).env("XDG_RUNTIME_DIR", folder).stdin(Stdio::null());
    command
}

fn done(folder: &Path, arguments: &[&str]) {
    let output = wasm_roles(folder, arguments).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
}

/// What somebody hears who follows the lines until they end. They end when the first one was heard.
fn heard(folder: &Path, end: impl FnOnce()) -> String {
    let mut following = wasm_roles(folder, &["logs", "-f"]).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut lines = BufReader::new(following.stdout.take().expect("its output"));
    let mut heard = String::new();
    lines.read_line(&mut heard).expect("a line");
    end();
    lines.read_to_string(&mut heard).expect("lines");
    let status = following.wait().expect("it is our child");
    assert!(status.success(), "{status}: {heard}");
    heard
}

fn has_last_words(heard: &str) {
    for instance in ["Worker_IN_0", "Worker_IN_1"] {
        let last = format!("{instance} | on-stop");
        assert!(heard.contains(&last), "{last} was not heard:\n{heard}");
    }
}

#[test]
fn the_last_lines_are_heard_when_a_deployment_is_deleted_and_when_its_host_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let example = root().join("examples/lifecycle/ServiceDefinition.csdef").display().to_string();
    let folder = folder.path();
    let mut host = Host::serve(folder);
    host.wait_for("Ready on ");
    done(folder, &["deploy", &example, "-d", "life"]);
    has_last_words(&heard(folder, || done(folder, &["delete", "life"])));
    done(folder, &["deploy", &example, "-d", "life"]);
    has_last_words(&heard(folder, || host.signal("TERM")));
    assert!(host.ended().success(), "{:#?}", host.said);
}
