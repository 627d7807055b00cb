//! Where sources lie, and what belongs to whom.

use wasm_roles_workshop::{Language, OpenError, Outcome, Workshop};

use crate::bench::{Bench, component, outcome, role};

#[test]
fn two_roles_of_the_same_sources_are_built_once() {
    let bench =
        Bench::new(&["One", "Two", "Three"]).sources_in("sources/worker", "both").sources("Three", "three");
    bench.write(
        "service/build.toml",
        "[roles.One]\nsource = \"sources/worker\"\n[roles.Two]\nsource = \"sources/worker\"\n",
    );
    assert!(bench.build(&[]).is_ok());
    assert_eq!(bench.runs(), ["Three", "worker"]);
    assert_eq!(bench.component("One"), component("both"));
    assert_eq!(bench.component("Two"), component("both"));
    bench.build(&[]);
    assert_eq!(bench.runs(), [""; 0]);
    assert_eq!(
        bench.workshop().roles_of(&bench.service().join("sources/worker/new.rs")),
        [role("One"), role("Two")]
    );
}

#[test]
fn the_profile_goes_to_cargo_and_another_one_is_another_component() {
    let bench = Bench::new(&["One"]).sources("One", "one");
    bench.build(&[]);
    bench.write("service/build.toml", "[roles.One]\nprofile = \"guest\"\n");
    assert!(matches!(outcome(&bench.build(&[]), "One"), Outcome::Built));
    let arguments = std::fs::read_to_string(bench.tools().join("arguments")).unwrap();
    assert!(arguments.lines().last().unwrap().contains("--profile guest"), "{arguments}");
}

#[test]
fn an_entry_point_names_the_file_of_the_component() {
    let bench = Bench::of(
        r#"<WorkerRole name="W"><Runtime><EntryPoint>
            <ProgramEntryPoint commandLine="bin\worker.exe 7000" setReadyOnProcessStart="true" />
        </EntryPoint></Runtime></WorkerRole>"#,
    )
    .sources("W", "w");
    assert!(bench.build(&[]).is_ok());
    assert_eq!(std::fs::read(bench.service().join("W/bin/worker.wasm")).unwrap(), component("w"));
}

#[test]
fn a_changed_file_concerns_the_roles_that_are_made_of_it() {
    let bench = Bench::new(&["Web", "Worker", "None"]).sources("Web", "web").sources("Worker", "worker");
    let workshop = bench.workshop();
    assert_eq!(workshop.roles().collect::<Vec<_>>(), [&role("Web"), &role("Worker")]);
    assert_eq!(workshop.project(&role("Web")).unwrap().1, Language::Rust);
    for (file, roles) in [
        ("roles/Web/source.rs", vec![role("Web")]),
        ("roles/Worker/deep/new.rs", vec![role("Worker")]),
        ("roles/Web/target/release/x", vec![]),
        ("roles/Web/.source.rs.swp", vec![]),
        ("Web/Web.wasm", vec![]),
        (".wasm-roles/build.json", vec![]),
        ("S.csdef", vec![]),
    ] {
        assert_eq!(workshop.roles_of(&bench.service().join(file)), roles, "{file}");
    }
}

#[test]
fn a_service_without_sources_needs_no_folder_of_its_own() {
    let bench = Bench::new(&["Web"]);
    bench.write("service/Web/Web.wasm", component("web"));
    assert!(bench.build(&[]).is_ok());
    assert!(!bench.service().join(".wasm-roles").exists());
}

#[test]
fn a_definition_that_is_wrong_or_not_there_is_an_error_with_what_to_do() {
    let bench = Bench::of("<WorkerRole name=\"Web\" /><WorkerRole name=\"web\" />");
    let open = |file: &str| Workshop::open(&bench.service().join(file)).unwrap_err();
    let wrong = open("S.csdef");
    assert!(
        matches!(&wrong, OpenError::WrongDefinition { problems, .. } if problems.contains("error[E")),
        "{wrong}"
    );
    assert!(matches!(open("T.csdef"), OpenError::Unreadable { .. }));
    assert!(!open("T.csdef").hint().is_empty());
}

#[test]
fn a_layout_that_names_another_role_is_an_error() {
    let bench = Bench::new(&["Web"]);
    bench.write("service/build.toml", "[roles.Wen]\nsource = \"x\"\n");
    let error = Workshop::open(&bench.service().join("S.csdef")).unwrap_err();
    assert!(
        error.to_string().ends_with("build.toml has a role Wen, which the definition does not have"),
        "{error}"
    );
    assert_eq!(error.hint(), "its roles are Web");
}
