//! Roles in C: the SDK's own tests, and what only a running component shows.

mod web;
mod worker;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::host_process::{Host, root};
use crate::tools;

/// What make says when something is missing that this project does not install.
const MISSING: [&str; 3] = ["no C compiler for WebAssembly", "no wasm-component-ld", "cc: not found"];

/// Runs make in a folder of this repository. None, with a line that says so, where a tool is missing.
fn make(folder: &str, arguments: &[&str]) -> Option<Output> {
    make_in(&root().join(folder), &root().join("target/c").join(folder), arguments)
}

/// Runs make in a folder; what it builds goes to another.
fn make_in(folder: &Path, build: &Path, arguments: &[&str]) -> Option<Output> {
    fs::create_dir_all(build).unwrap();
    // One after the other: tests share what is built.
    let lock = fs::File::create(build.join("lock")).unwrap();
    lock.lock().unwrap();
    let mut make = Command::new("make");
    make.current_dir(folder).env("PATH", tools::path());
    make.arg("--no-print-directory").arg(format!("BUILD={}", build.display())).args(arguments);
    let Ok(output) = make.output() else {
        tools::skipped("make is not installed");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    if MISSING.iter().any(|missing| said.contains(missing)) {
        tools::skipped(&said);
        return None;
    }
    Some(output)
}

/// The component of a test role of `tests/languages/c`; none when its tools are missing.
fn component(name: &str) -> Option<PathBuf> {
    let folder = format!("tests/languages/c/{name}");
    let component = root().join("target/c").join(&folder).join("role.wasm");
    let made = make(&folder, &[&format!("OUT={}", component.display())])?;
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(component)
}

/// A service with one such role, running. `definition` names it `Role`.
struct Service {
    host: Host,
    _folder: tempfile::TempDir,
}

impl Service {
    fn start(name: &str, definition: &str, arguments: &[&str]) -> Option<Self> {
        let component = component(name)?;
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let of_service = |kind: &str, content: &str| {
            let namespace = format!("http://schemas.microsoft.com/ServiceHosting/2008/10/{kind}");
            let name = if kind == "ServiceDefinition" { "name" } else { "serviceName" };
            format!(r#"<{kind} {name}="Test" xmlns="{namespace}">{content}</{kind}>"#)
        };
        let instances = r#"<Role name="Role"><Instances count="1" /></Role>"#;
        fs::write(place("ServiceDefinition.csdef"), of_service("ServiceDefinition", definition)).unwrap();
        fs::write(place("ServiceConfiguration.cscfg"), of_service("ServiceConfiguration", instances))
            .unwrap();
        fs::create_dir(place("Role")).unwrap();
        fs::copy(component, place("Role/Role.wasm")).unwrap();
        let host = Host::run(&place("ServiceDefinition.csdef"), arguments);
        Some(Self { host, _folder: folder })
    }

    fn stops(&mut self) {
        self.host.signal("INT");
        assert_eq!(self.host.ended().code(), Some(0), "{:#?}", self.host.said);
    }
}

fn passes(folder: &str) {
    let Some(output) = make(folder, &["test"]) else { return };
    let said =
        [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(output.status.success(), "{said}");
    assert!(said.contains(" passed, 0 failed"), "{said}");
}

#[test]
fn the_c_sdk_passes_its_own_tests() {
    passes("guest-sdk/c/tests");
}

#[test]
fn the_checksum_role_of_the_polyglot_example_passes_its_own_tests() {
    passes("examples/polyglot/roles/Checksum");
}

#[test]
fn the_first_role_of_the_c_sdks_page_builds_and_passes_its_test() {
    let page = fs::read_to_string(root().join("guest-sdk/c/README.md")).unwrap();
    let blocks: Vec<&str> = page.split("```").skip(1).step_by(2).collect();
    let block = |number: usize, language: &str| blocks[number].strip_prefix(language).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (place, content) in [
        ("Makefile", block(0, "make\n")),
        ("src/greeter.c", block(1, "c\n")),
        ("tests/greeter_test.c", block(2, "c\n")),
    ] {
        let place = folder.path().join(place);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, content).unwrap();
    }
    let sdk = format!("WASM_ROLES_SDK={}", root().join("guest-sdk/c").display());
    for goal in ["test", "component"] {
        let arguments = [goal, &sdk, "CFLAGS=-Werror"];
        let Some(output) = make_in(folder.path(), &folder.path().join("build"), &arguments) else { return };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(fs::read(folder.path().join("build/role.wasm")).unwrap().starts_with(b"\0asm\x0d"));
}
