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
