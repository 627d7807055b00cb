//! The example that prints every event of its life.

use crate::host_process::{Host, root};

#[test]
fn every_event_of_a_life_is_printed_as_it_comes() {
    let mut host = Host::run(&root().join("examples/lifecycle/ServiceDefinition.csdef"), &[]);
    for instance in ["Worker_IN_0", "Worker_IN_1"] {
        host.wait_for(&format!("on-start: I am {instance}"));
    }
    host.wait_for("instances are Ready");
    host.signal("INT");
    assert_eq!(host.ended().code(), Some(0), "{:#?}", host.said);
    let told = |instance: &str| -> Vec<String> {
        let lines = host.said.iter().filter_map(|line| line.strip_prefix(&format!("{instance} | ")));
        lines.filter_map(|line| line.split(':').next()).map(str::to_owned).collect()
    };
    for instance in ["Worker_IN_0", "Worker_IN_1"] {
        assert_eq!(
            told(instance),
            ["on-start", "on-start", "run", "stopping", "on-stop"],
            "{:#?}",
            host.said
        );
    }
}

/// Its tutorial shows these lines; those of the other scenarios are checked where time can be paused, in the fabric's tests.
#[test]
fn a_start_that_fails_says_how_often_and_why_as_its_tutorial_shows() {
    let example = root().join("examples/lifecycle");
    let readme = std::fs::read_to_string(example.join("README.md")).expect("the tutorial is there");
    let folder = tempfile::tempdir().expect("a folder");
    let definition = folder.path().join("ServiceDefinition.csdef");
    std::fs::copy(example.join("ServiceDefinition.csdef"), &definition).expect("a copy");
    let configuration =
        std::fs::read_to_string(example.join("ServiceConfiguration.cscfg")).expect("it is there");
    let many = configuration.replace(r#""Capacity" value="10""#, r#""Capacity" value="many""#);
    assert_ne!(configuration, many);
    std::fs::write(folder.path().join("ServiceConfiguration.cscfg"), many).expect("a configuration");
    let approot = format!("Worker={}", example.join("Worker").display());
    let mut host = Host::run(&definition, &["--approot", &approot]);
    for words in ["Worker_IN_0 * could not start: ", "Worker_IN_0 * recycled 2 times, because "] {
        let line = host.wait_for(words);
        assert!(readme.contains(&line), "{line}");
    }
    host.signal("INT");
    assert_eq!(host.ended().code(), Some(0), "{:#?}", host.said);
    let called = |event: &str| host.said.iter().any(|line| line.contains(event));
    assert!(!called("| stopping") && !called("| on-stop"), "{:#?}", host.said);
}
