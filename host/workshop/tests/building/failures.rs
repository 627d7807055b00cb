//! What cannot be built is said, with what to do about it, and keeps nobody else from being built.

use std::fs;

use wasm_roles_workshop::{BuildError, Outcome, ToolSearch};

use crate::bench::{Bench, component, failed, is_tidy, outcome, role};

#[test]
fn a_tool_that_fails_is_quoted_and_the_others_are_built() {
    let bench = Bench::new(&["Web", "Worker"]).sources("Web", "broken").sources("Worker", "worker");
    let report = bench.build(&[]);
    assert!(!report.is_ok());
    let failed = failed(&report, "Web");
    assert_eq!(
        failed.message,
        "`cargo build --target wasm32-wasip2 --profile release --message-format json-render-diagnostics` failed: exit status: 101"
    );
    assert_eq!(failed.output, "error: it is broken\n");
    assert!(matches!(outcome(&report, "Worker"), Outcome::Built));
    assert!(!bench.service().join("Web").exists());
}

#[test]
fn a_failed_build_leaves_the_component_that_was_there_and_is_tried_again() {
    let bench = Bench::new(&["Web"]).sources("Web", "web");
    bench.build(&[]);
    bench.write("service/roles/Web/source.rs", "broken");
    assert!(!bench.build(&[]).is_ok());
    assert_eq!(bench.component("Web"), component("web"));
    bench.runs();
    assert!(!bench.build(&[]).is_ok());
    assert_eq!(bench.runs(), ["Web"], "a fault is not remembered");
    bench.write("service/roles/Web/source.rs", "web");
    assert!(
        matches!(outcome(&bench.build(&[]), "Web"), Outcome::Unchanged),
        "the one that is there is made of the same"
    );
}

#[test]
fn a_missing_tool_is_named_with_the_way_to_get_it() {
    let bench = Bench::new(&["Web"]).sources("Web", "web");
    fs::remove_file(bench.tools().join("cargo")).unwrap();
    let options = wasm_roles_workshop::BuildOptions {
        tools: ToolSearch::in_folders([bench.tools()]),
        ..wasm_roles_workshop::BuildOptions::default()
    };
    let report = bench.workshop().build(&[], &options, &|_| {}).unwrap();
    let failed = failed(&report, "Web");
    assert_eq!(failed.message, "`cargo` is not installed");
    assert_eq!(failed.hints, ["install Rust from https://rustup.rs"]);
}

#[test]
fn the_missing_target_of_rust_is_named() {
    let bench = Bench::new(&["Web"]).sources("Web", "web");
    bench.tool(
        "rustc",
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo rustc 1; else echo /nowhere/lib; fi\n",
    );
    let report = bench.build(&[]);
    assert_eq!(failed(&report, "Web").message, "Rust's target wasm32-wasip2 is not installed");
    assert_eq!(failed(&report, "Web").hints, ["run `rustup target add wasm32-wasip2`"]);
    bench.tool("rustc", "#!/bin/sh\nif [ \"$1\" = --version ]; then echo rustc 1; else echo 'unknown target' >&2; exit 1; fi\n");
    let report = bench.build(&[]);
    let message = &failed(&report, "Web").message;
    assert!(message.contains("is not known to") && message.contains("unknown target"), "{message}");
}

#[test]
fn a_tool_that_does_not_work_is_named_with_what_it_says() {
    let bench = Bench::new(&["Web"]).sources("Web", "web");
    bench.tool("cargo", "#!/bin/sh\necho no toolchain >&2; exit 4\n");
    let report = bench.build(&[]);
    let message = &failed(&report, "Web").message;
    assert!(message.contains("does not work") && message.contains("no toolchain"), "{message}");
}

#[test]
fn what_is_no_component_is_not_put_in_its_place() {
    for (source, message) in [
        ("core", "what the tool has made is a core module, and not a component"),
        ("silent", "cargo has made no component of this package"),
    ] {
        let bench = Bench::new(&["Web"]).sources("Web", source);
        let report = bench.build(&[]);
        assert_eq!(failed(&report, "Web").message, message);
        assert!(!bench.service().join("Web").exists());
    }
}

#[test]
fn a_role_without_sources_needs_a_component_or_files() {
    let sites = r#"<Sites><Site name="S" physicalDirectory="static"><Bindings>
        <Binding name="B" endpointName="E" /></Bindings></Site></Sites>
        <Endpoints><InputEndpoint name="E" protocol="http" port="80" /></Endpoints>"#;
    let bench = Bench::of(&format!(
        r#"<WebRole name="Site">{sites}</WebRole><WorkerRole name="Ready" /><WorkerRole name="Lost" />"#
    ));
    bench.write("service/Ready/Ready.wasm", component("ready"));
    let report = bench.build(&[]);
    assert!(matches!(outcome(&report, "Site"), Outcome::NotBuilt { component_is_there: false, .. }));
    assert!(matches!(outcome(&report, "Ready"), Outcome::NotBuilt { component_is_there: true, .. }));
    let failed = failed(&report, "Lost");
    assert!(failed.message.contains("roles/Lost") && failed.message.contains("Lost/Lost.wasm"), "{failed:?}");
    assert!(failed.hints[0].contains("build.toml"), "{failed:?}");
    assert!(!report.is_ok());
}

#[test]
fn sources_without_a_manifest_are_named_with_all_manifests() {
    let bench = Bench::new(&["Web"]);
    bench.write("service/roles/Web/app.py", "");
    let report = bench.build(&[]);
    let failed = failed(&report, "Web");
    assert!(failed.message.ends_with("roles/Web says no language that can be built"), "{failed:?}");
    for manifest in
        ["Cargo.toml (Rust)", "pyproject.toml (Python)", "package.json (JavaScript)", "Makefile (C)"]
    {
        assert!(failed.hints[0].contains(manifest), "{failed:?}");
    }
}

#[test]
fn a_role_that_there_is_not_is_an_error_with_the_nearest_name() {
    let bench = Bench::new(&["Web", "Worker"]).sources("Web", "web");
    let error = bench.workshop().build(&[role("Wrker")], &bench.options(), &|_| {}).unwrap_err();
    assert!(matches!(error, BuildError::UnknownRole { .. }));
    assert_eq!(
        (error.to_string().as_str(), error.hint().as_str()),
        ("there is no role Wrker", "did you mean Worker?")
    );
}

#[test]
fn a_component_that_cannot_be_written_is_an_error_and_leaves_nothing_behind() {
    let bench = Bench::new(&["Web"]).sources("Web", "web");
    // A folder is in the place of the file.
    bench.write("service/Web/Web.wasm/file", "");
    let report = bench.build(&[]);
    let message = &failed(&report, "Web").message;
    assert!(message.contains("Web/Web.wasm cannot be written"), "{message}");
    assert!(is_tidy(&bench.service().join("Web")));
}
