//! Two programs that use nothing but the standard library, as roles.

use std::fs;

use crate::host_process::{Host, root};

#[test]
fn a_program_finds_another_role_by_its_name_and_talks_to_it() {
    let mut host = Host::run(&root().join("examples/plain-programs/ServiceDefinition.csdef"), &[]);
    host.wait_for("Client_IN_0 | Server says HELLO 1");
    host.wait_for("Server_IN_0 | listening on port 7000");
    host.signal("TERM");
    assert!(host.ended().success(), "{:#?}", host.said);
}

#[test]
fn a_capture_of_their_network_has_the_names_and_the_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traffic.pcapng");
    let definition = root().join("examples/plain-programs/ServiceDefinition.csdef");
    let mut host = Host::run(&definition, &["--capture", file.to_str().unwrap()]);
    host.wait_for("Client_IN_0 | Server says HELLO 1");
    host.signal("TERM");
    assert!(host.ended().success(), "{:#?}", host.said);
    let written = fs::read(file).unwrap();
    let holds = |text: &str| written.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(written.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]), "a section of pcapng begins");
    assert!(holds("Client_IN_0\0") && holds("Server_IN_0\0"), "addresses have names");
    let connected = ["Client_IN_0 connects to Server_IN_0", "Client_IN_0 connects to Server_IN_1"];
    assert!(connected.into_iter().any(holds), "the first answer came from one of the two");
    assert!(holds("HELLO 1"));
}
