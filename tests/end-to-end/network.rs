//! What the network does for a service that runs: rules that are only logged, and the way to the own public side.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::host_process::{Host, free_port, get, root};

#[test]
fn a_logged_policy_lets_everything_pass_and_prints_the_rules_that_would_allow_it() {
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
    let publish = format!("80={address}");
    let definition = root().join("examples/myservice/ServiceDefinition.csdef");
    let mut host = Host::run(&definition, &["--publish", &publish, "--policy", "log"]);
    host.wait_for("instances are Ready");
    let (_, page) = get(address, "application/json").unwrap();
    assert!(page.contains("connected") && !page.contains("access-denied"), "{page}");
    host.signal("INT");
    assert!(host.ended().success());

    let text = host.said.join("\n");
    assert!(text.contains("would be denied: connect"), "{text}");
    let end = text.split("The policy was logged and not enforced.").nth(1);
    let rules = end.unwrap_or_else(|| panic!("no rules at the end:\n{text}"));
    // WorkerRole2 is on no list for InternalTCP2 of the definition.
    for part in ["<NetworkTrafficRules>", "<WhenSource", "WorkerRole2", "InternalTCP2"] {
        assert!(rules.contains(part), "{part} is missing:\n{rules}");
    }
}

/// The programs of examples/plain-programs; the server has a public port and no internal one, so the client has to go
/// to the service's public name.
const HAIRPIN: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ServiceDefinition name="Hairpin" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition">
  <WorkerRole name="Server">
    <Runtime><EntryPoint>
      <ProgramEntryPoint commandLine="server.wasm 7000" setReadyOnProcessStart="true" />
    </EntryPoint></Runtime>
    <Endpoints><InputEndpoint name="Lines" protocol="tcp" port="7100" localPort="7000" /></Endpoints>
  </WorkerRole>
  <WorkerRole name="Client">
    <Runtime><EntryPoint>
      <ProgramEntryPoint commandLine="client.wasm hairpin.cloudapp.net 7100" setReadyOnProcessStart="true" />
    </EntryPoint></Runtime>
  </WorkerRole>
</ServiceDefinition>
"#;

/// The service of [`HAIRPIN`] in a folder of its own.
fn hairpin(folder: &std::path::Path) -> std::path::PathBuf {
    let definition = folder.join("ServiceDefinition.csdef");
    fs::write(&definition, HAIRPIN).unwrap();
    for program in ["Server/server.wasm", "Client/client.wasm"] {
        let to = folder.join(program);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(root().join("examples/plain-programs").join(program), to).unwrap();
    }
    definition
}

/// Who speaks WebSocket reads its handshake itself, from a `tcp` endpoint: nothing on the way knows HTTP.
#[test]
fn the_handshake_of_a_web_socket_reaches_a_role_with_a_tcp_endpoint_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut host = Host::run(&hairpin(folder.path()), &["--publish", &format!("7100={address}")]);
    host.wait_for("Server_IN_0 | listening on port 7000");
    let handshake = "GET /chat HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(handshake.as_bytes()).unwrap();
    // The role answers each line in capitals.
    let mut answer = vec![0; handshake.len()];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), handshake.to_uppercase());
    drop(client);
    host.signal("TERM");
    assert!(host.ended().success(), "{:#?}", host.said);
}

#[test]
fn a_role_reaches_another_one_by_the_public_name_and_port_of_its_own_service() {
    let folder = tempfile::tempdir().unwrap();
    let mut host = Host::run(&hairpin(folder.path()), &["--publish", "7100=127.0.0.1:0"]);
    let answer = host.wait_for("says HELLO");
    assert!(answer.contains("Client_IN_0") && answer.contains("hairpin.cloudapp.net says HELLO"), "{answer}");
    host.signal("TERM");
    assert!(host.ended().success(), "{:#?}", host.said);
    let text = host.said.join("\n");
    assert!(!text.contains("denied"), "{text}");
}
