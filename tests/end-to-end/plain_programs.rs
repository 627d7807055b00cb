//! Two programs that use nothing but the standard library, as roles.

use crate::host_process::{Host, root};

#[test]
fn a_program_finds_another_role_by_its_name_and_talks_to_it() {
    let mut host = Host::run(&root().join("examples/plain-programs/ServiceDefinition.csdef"), &[]);
    let answer = host.wait_for("Client_IN_0 ");
    assert!(!answer.contains("denied"), "{answer}");
    host.wait_for("Server_IN_0 ");
    host.signal("TERM");
    assert!(host.ended().success(), "{:#?}", host.said);
}
