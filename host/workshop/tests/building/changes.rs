//! Only what has changed is built.

use std::fs;

use wasm_roles_workshop::{BuildOptions, Outcome};

use crate::bench::{Bench, component, is_tidy, outcome, role};

fn two() -> Bench {
    Bench::new(&["Web", "Worker"]).sources("Web", "web").sources("Worker", "worker")
}

#[test]
fn components_lie_where_run_looks_for_them() {
    let bench = two();
    let report = bench.build(&[]);
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(report.built().collect::<Vec<_>>(), [&role("Web"), &role("Worker")]);
    assert_eq!(bench.component("Web"), component("web"));
    assert_eq!(bench.component("Worker"), component("worker"));
    assert!(is_tidy(&bench.service().join("Web")));
}

#[test]
fn what_has_not_changed_is_not_built_again() {
    let bench = two();
    bench.build(&[]);
    bench.runs();
    let report = bench.build(&[]);
    assert!(matches!(outcome(&report, "Web"), Outcome::Unchanged), "{report:?}");
    assert_eq!(bench.runs(), [""; 0], "the lock file that cargo wrote is no change");

    bench.write("service/roles/Worker/source.rs", "worker 2");
    let report = bench.build(&[]);
    assert!(matches!(outcome(&report, "Web"), Outcome::Unchanged));
    assert_eq!(bench.runs(), ["Worker"]);
    assert_eq!(bench.component("Worker"), component("worker 2"));
}

#[test]
fn every_file_of_the_sources_counts_and_what_tools_make_does_not() {
    let bench = two();
    bench.build(&[]);
    bench.runs();
    for (file, counts) in [
        ("roles/Web/page.html", true),
        ("roles/Web/deep/er/file", true),
        ("roles/Web/Cargo.lock", true),
        ("roles/Web/target/other", false),
        ("roles/Web/.editor/state", false),
        ("Web/notes.txt", false),
        ("README.md", false),
    ] {
        bench.write(&format!("service/{file}"), file);
        bench.build(&[]);
        assert_eq!(bench.runs(), if counts { vec!["Web"] } else { vec![] }, "{file}");
    }
    fs::remove_file(bench.service().join("roles/Web/page.html")).unwrap();
    bench.build(&[]);
    assert_eq!(bench.runs(), ["Web"], "a file that is gone");
}

#[test]
fn a_component_that_is_gone_or_is_another_one_is_built_again() {
    let bench = two();
    bench.build(&[]);
    bench.runs();
    fs::remove_file(bench.service().join("Web/Web.wasm")).unwrap();
    bench.write("service/Worker/Worker.wasm", "somebody's");
    bench.build(&[]);
    assert_eq!(bench.runs(), ["Web", "Worker"]);
    assert_eq!(bench.component("Worker"), component("worker"));
}

#[test]
fn nothing_that_a_build_needed_on_its_way_is_left() {
    let bench = two();
    bench.build(&[]);
    for role in ["Web", "Worker"] {
        let work = bench.service().join(".wasm-roles/work").join(role);
        assert_eq!(fs::read_dir(work).unwrap().count(), 0);
    }
}

#[test]
fn another_version_of_a_tool_builds_everything_again() {
    let bench = two();
    bench.build(&[]);
    bench.runs();
    bench.tool(
        "rustc",
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo rustc 2; else echo \"${0%/*}\"; fi\n",
    );
    bench.build(&[]);
    assert_eq!(bench.runs(), ["Web", "Worker"]);
}

#[test]
fn a_record_that_is_damaged_or_gone_is_no_trouble() {
    let bench = two();
    bench.build(&[]);
    bench.runs();
    let record = bench.service().join(".wasm-roles/build.json");
    for damage in [Some("{\"format\": 1, \"roles\": 3}"), Some("\0"), None] {
        match damage {
            Some(text) => fs::write(&record, text).unwrap(),
            None => fs::remove_file(&record).unwrap(),
        }
        assert!(bench.build(&[]).is_ok());
        assert_eq!(bench.runs(), ["Web", "Worker"], "{damage:?}");
        bench.build(&[]);
        assert_eq!(bench.runs(), [""; 0]);
    }
}

#[test]
fn a_service_that_was_moved_is_not_built_again() {
    let bench = two();
    bench.build(&[]);
    bench.runs();
    let (from, aside) = (bench.service(), bench.service().with_file_name("moved"));
    fs::rename(&from, &aside).unwrap();
    let workshop = wasm_roles_workshop::Workshop::open(&aside.join("S.csdef")).unwrap();
    let report = workshop.build(&[], &bench.options(), &|_| {}).unwrap();
    assert!(matches!(outcome(&report, "Web"), Outcome::Unchanged), "{report:?}");
}

#[test]
fn packages_that_are_depended_on_by_path_count_too() {
    let bench = two();
    bench.write(
        "shared/Cargo.toml",
        "[package]\nname = \"shared\"\n[dependencies]\nmore = { path = \"../more\" }\n",
    );
    bench.write("more/Cargo.toml", "[package]\nname = \"more\"\n");
    bench.write("more/src/lib.rs", "1");
    bench.write(
        "service/Cargo.toml",
        "[workspace]\nmembers = [\"roles/*\"]\n[workspace.dependencies]\nshared = { path = \"../shared\" }\n",
    );
    bench.write(
        "service/roles/Web/Cargo.toml",
        "[package]\nname = \"web\"\n[dependencies]\nshared.workspace = true\n",
    );
    bench.build(&[]);
    bench.runs();
    bench.write("more/src/lib.rs", "2");
    bench.build(&[]);
    assert_eq!(bench.runs(), ["Web"]);
    let watched = bench.workshop().watched(&role("Web"));
    for place in ["shared", "more", "service/roles/Web", "service/Cargo.toml"] {
        assert!(watched.iter().any(|path| path.ends_with(place)), "{place} is not among {watched:?}");
    }
}

#[test]
fn files_that_the_tool_has_read_elsewhere_count_from_the_first_build_on() {
    let bench = Bench::new(&["Web", "Worker"])
        .sources("Web", "reads:../../shared/page.html")
        .sources("Worker", "worker");
    bench.write("service/shared/page.html", "1");
    bench.build(&[]);
    bench.runs();
    bench.build(&[]);
    assert_eq!(bench.runs(), [""; 0]);
    for change in ["2", ""] {
        bench.write("service/shared/page.html", change);
        bench.build(&[]);
        assert_eq!(bench.runs(), ["Web"], "{change}");
    }
    fs::remove_file(bench.service().join("shared/page.html")).unwrap();
    bench.build(&[]);
    assert_eq!(bench.runs(), ["Web"], "it is gone");
}

#[test]
fn what_the_service_says_that_a_role_is_made_of_counts_too() {
    let bench = two();
    bench.write("service/build.toml", "[roles.Web]\nalso = [\"shared\"]\n");
    bench.write("service/shared/a", "1");
    bench.build(&[]);
    bench.runs();
    bench.write("service/shared/a", "2");
    bench.build(&[]);
    assert_eq!(bench.runs(), ["Web"]);
    let shared = bench.service().join("shared/b");
    assert_eq!(bench.workshop().watching().roles_of(&shared), [role("Web")]);
}

#[test]
fn who_wants_it_fresh_gets_it_fresh() {
    let bench = two();
    bench.build(&[]);
    bench.runs();
    let options = BuildOptions { fresh: true, ..bench.options() };
    let report = bench.workshop().build(&[role("Web")], &options, &|_| {}).unwrap();
    assert!(matches!(outcome(&report, "Web"), Outcome::Built));
    assert_eq!(bench.runs(), ["Web"]);
}

#[test]
fn only_the_roles_that_are_named_are_built() {
    let bench = two();
    let report = bench.build(&["Worker"]);
    assert_eq!(report.roles.len(), 1);
    assert_eq!(bench.runs(), ["Worker"]);
    assert!(!bench.service().join("Web").exists());
}

#[test]
fn what_happens_is_told_role_by_role() {
    let bench = two();
    bench.build(&["Web"]);
    assert_eq!(bench.heard(), ["Web cargo", "Web ended"]);
    bench.build(&["Web"]);
    assert_eq!(bench.heard(), ["Web ended"]);
}

#[test]
fn as_many_tools_run_at_once_as_are_wanted_and_no_more() {
    // Each waits until it has seen the other, which two can only do together.
    let meeting = r#"#!/bin/sh
if [ "$1" = --version ]; then echo cargo 1; exit; fi
here="${0%/*}"
touch "$here/here-${PWD##*/}"
until [ -e "$here/here-Web" ] && [ -e "$here/here-Worker" ] || [ -e "$here/alone" ]; do :; done
exit 7
"#;
    let bench = two();
    bench.tool("cargo", meeting);
    let options = BuildOptions { at_once: 2.try_into().unwrap(), ..bench.options() };
    let report = bench.workshop().build(&[], &options, &|_| {}).unwrap();
    assert_eq!(report.roles.len(), 2, "both came to an end");

    fs::remove_file(bench.tools().join("here-Worker")).unwrap();
    fs::remove_file(bench.tools().join("here-Web")).unwrap();
    bench.write("tools/alone", "");
    let options = BuildOptions { at_once: 1.try_into().unwrap(), ..bench.options() };
    let running = std::sync::atomic::AtomicUsize::new(0);
    bench
        .workshop()
        .build(&[], &options, &|progress| match progress {
            wasm_roles_workshop::Progress::Runs { .. } => {
                assert_eq!(running.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
            }
            _ => drop(running.fetch_sub(1, std::sync::atomic::Ordering::SeqCst)),
        })
        .unwrap();
}

#[test]
fn builds_of_one_service_wait_for_each_other() {
    let bench = two();
    let lock = {
        bench.build(&["Web"]);
        fs::File::open(bench.service().join(".wasm-roles/lock")).unwrap()
    };
    lock.lock().unwrap();
    bench.heard();
    std::thread::scope(|scope| {
        let building = scope.spawn(|| {
            let told = |progress: wasm_roles_workshop::Progress<'_>| {
                if matches!(progress, wasm_roles_workshop::Progress::Waiting) {
                    lock.unlock().unwrap();
                }
            };
            bench.workshop().build(&[], &bench.options(), &told).unwrap()
        });
        assert!(building.join().unwrap().is_ok());
    });
}
