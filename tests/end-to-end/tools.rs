//! The tools of the languages that roles are written in, as `cargo xtask tools` has installed them.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::host_process::root;

/// The `PATH` of this process with the folders of those tools before it.
pub fn path() -> OsString {
    let installed = ["target/tools/python/bin", "target/tools/npm/node_modules/.bin"];
    let installed = installed.iter().map(|folder| root().join(folder)).filter(|folder| folder.is_dir());
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(installed.chain(std::env::split_paths(&path)))
        .expect("no folder has a colon in its name")
}

/// Compiles the components of a service into the cache of the tests, however long that takes: those of Python take longer than a test
/// waits for anything that runs.
pub fn compile(definition: &Path) {
    let mut compile = Command::new(env!("CARGO_BIN_EXE_wasm-roles"));
    compile.arg("compile").arg(definition).arg("--cache-dir").arg(root().join("target/test-cache"));
    compile.args(["--cache-size", "4GiB"]);
    let output = compile.output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Says why a test is left out. Where the tools have to be there (`WASM_ROLES_TOOLS=required`, as in CI), it fails.
pub fn skipped(reason: &str) {
    let required = std::env::var_os("WASM_ROLES_TOOLS").is_some_and(|value| value == "required");
    assert!(!required, "the tools of all languages have to be there: {reason}");
    println!("skipped: {reason}");
}

/// Builds a service with `wasm-roles build`, and compiles it. False, with a line that says why, where nothing but tools is missing.
pub fn build(definition: &Path) -> bool {
    let mut build = Command::new(env!("CARGO_BIN_EXE_wasm-roles"));
    build.arg("build").arg(definition).args(["--format", "json"]);
    build.env("PATH", path()).env("CARGO_TARGET_DIR", root().join("target"));
    let output = build.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let report: serde_json::Value =
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    if !output.status.success() {
        let failed = report["roles"].as_array().into_iter().flatten();
        let failed: Vec<&serde_json::Value> = failed.filter(|role| role["outcome"] == "failed").collect();
        let message = |role: &serde_json::Value| role["message"].as_str().unwrap_or_default().to_owned();
        let is_missing = |role: &&serde_json::Value| message(role).ends_with("is not installed");
        assert!(!failed.is_empty() && failed.iter().all(is_missing), "{said}");
        skipped(&failed.into_iter().map(message).collect::<Vec<_>>().join("; "));
        return false;
    }
    compile(definition);
    true
}
