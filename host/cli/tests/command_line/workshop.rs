//! New services, and building their roles, with tools that are small shell scripts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use crate::golden::assert_golden;
use crate::service::Service;

const ROLES: &str =
    "\n  <WorkerRole name=\"Orders\" />\n  <WorkerRole name=\"Mail\" />\n  <WorkerRole name=\"Old\" />";

/// A cargo that makes a component, unless the source says otherwise.
const CARGO: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo "cargo 1.2.3"; exit; fi
if grep -q mistake source.rs; then
  printf 'error[E0425]: cannot find value `x`\n --> source.rs:1:1\n\033[2Jsorry\n' >&2
  exit 101
fi
mkdir -p target
printf '\000asm\015\000\001\000' > target/made.wasm
echo "{\"reason\":\"compiler-artifact\",\"manifest_path\":\"$PWD/Cargo.toml\",\"filenames\":[\"$PWD/target/made.wasm\"]}"
"#;

const RUSTC: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo "rustc 1.2.3"; else echo "${0%/*}"; fi
"#;

/// Two roles with sources, the second of which has a mistake, and one that has a component only.
fn service() -> Service {
    let service = Service::new(ROLES, "")
        .with("roles/Orders/Cargo.toml", "")
        .with("roles/Orders/source.rs", "fine")
        .with("roles/Mail/Cargo.toml", "")
        .with("roles/Mail/source.rs", "mistake")
        .with("Old/Old.wasm", b"\0asm\x0d\0\x01\0")
        .with("tools/cargo", CARGO)
        .with("tools/rustc", RUSTC);
    for tool in ["cargo", "rustc"] {
        let tool = service.path().join("tools").join(tool);
        fs::set_permissions(tool, fs::Permissions::from_mode(0o755)).unwrap();
    }
    service
}

/// Runs it with the scripts for tools, and with what they need themselves.
fn with_tools(service: &Service, arguments: &str) -> String {
    let path = format!("{}:/usr/bin:/bin", service.path().join("tools").display());
    service.transcript_with(arguments, &[("PATH", Path::new(&path))])
}

/// Runs it where no tool is installed.
fn without_tools(service: &Service, arguments: &str) -> String {
    service.transcript_with(arguments, &[("PATH", Path::new("/nowhere"))])
}

#[test]
fn each_role_is_built_and_a_mistake_in_one_is_shown_with_the_tools_words() {
    let service = service();
    assert_golden("build_mistake", &with_tools(&service, "build --role Mail --role Old"));
    assert_golden("build_one", &with_tools(&service, "build ServiceDefinition.csdef --role Orders"));
    assert_golden("build_unchanged", &with_tools(&service, "build --role Orders"));
}

#[test]
fn a_missing_tool_is_named_with_the_way_to_get_it() {
    assert_golden("build_no_tool", &without_tools(&service(), "build --role Orders --role Old"));
}

#[test]
fn what_cannot_be_built_is_said_before_anything_is() {
    let service = service();
    assert_golden("build_unknown_role", &with_tools(&service, "build --role Order"));
    assert_golden("build_no_definition", &with_tools(&service, "build elsewhere.csdef"));
    let service = service.with("build.toml", "[roles.Orders]\nsauce = \"x\"\n");
    assert_golden("build_wrong_layout", &with_tools(&service, "build"));
}

#[test]
fn programs_get_one_object() {
    let service = service();
    let path = format!("{}:/usr/bin:/bin", service.path().join("tools").display());
    let answer = |arguments: &str| {
        let said = service.transcript_with(arguments, &[("PATH", Path::new(&path))]);
        let (_, said) = said.split_once("--- standard output\n").unwrap();
        let (object, errors) = said.split_once("--- standard error\n").unwrap();
        assert_eq!(errors, "");
        serde_json::from_str::<serde_json::Value>(object).unwrap()
    };
    let built = answer("build --format json");
    assert_eq!(built["ok"], false);
    assert_eq!(built["error"], json!(null));
    let orders = json!({
        "role": "Orders", "language": "rust", "outcome": "built", "component": "Orders/Orders.wasm",
        "message": null, "hints": [], "output": "",
    });
    assert_eq!(built["roles"][0], orders);
    assert_eq!(built["roles"][1]["outcome"], "failed");
    let output = built["roles"][1]["output"].as_str().unwrap();
    assert!(output.starts_with("error[E0425]: cannot find value"), "{output}");
    assert_eq!(built["roles"][2]["outcome"], "no-sources");
    assert_eq!(answer("build --format json --role Orders")["roles"][0]["outcome"], "unchanged");
    let nothing = answer("build nothing.csdef --format json");
    assert_eq!((&nothing["ok"], &nothing["roles"]), (&json!(false), &json!([])));
    assert_eq!(
        nothing["error"]["message"],
        "nothing.csdef cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn a_new_service_is_listed_with_what_to_do_next() {
    let service = Service::new("", "");
    assert_golden("new_worker", &without_tools(&service, "new shop --lang rust --template worker"));
    assert_golden("new_again", &without_tools(&service, "new shop --lang python"));
    assert_golden("new_in_folder", &without_tools(&service, "new Shop --lang rust --folder a/b"));
    assert_golden("new_wrong_name", &without_tools(&service, "new 2shop --lang rust"));
    let said = without_tools(&service, "new Shop --lang rust --folder elsewhere");
    assert!(said.contains("Shop is made in elsewhere: roles Web and Worker in Rust\n"), "{said}");
    assert!(said.contains("\n  cd elsewhere\n"), "{said}");
    let definition = fs::read_to_string(service.path().join("elsewhere/ServiceDefinition.csdef")).unwrap();
    assert!(definition.contains("name=\"Shop\""), "{definition}");
}

#[test]
fn without_a_name_the_only_definition_of_the_folder_is_meant() {
    let counts: String = ["Orders", "Mail", "Old"]
        .map(|role| format!("\n  <Role name=\"{role}\"><Instances count=\"1\" /></Role>"))
        .concat();
    let service = Service::new(ROLES, &counts);
    for command in ["check", "graph"] {
        let said = without_tools(&service, command);
        assert!(said.contains("--- exit code 0"), "{said}");
    }
    let service = service.with("Other.csdef", "");
    assert_golden("several_definitions", &without_tools(&service, "check"));
    for definition in ["Other.csdef", "ServiceDefinition.csdef"] {
        fs::remove_file(service.path().join(definition)).unwrap();
    }
    for (command, name) in [
        ("run", "no_definition_to_run"),
        ("plan", "no_definition_to_plan"),
        ("deploy", "no_definition_to_deploy"),
    ] {
        assert_golden(name, &without_tools(&service, command));
    }
}
