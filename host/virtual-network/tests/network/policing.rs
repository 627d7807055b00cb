//! Every operation asks the policy, denials are heard of once, and names show what discovery shows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use wasm_roles_virtual_network::{NetError, Policy};

use crate::bed::{Bed, CLIENT, PORT, SERVER, SERVER_1, at, policy, policy_with, read, resolve, write_all};

#[test]
fn what_is_denied_fails_and_says_why() {
    let bed = Bed::new();
    let denied = NetError::AccessDenied;
    assert_eq!(bed.client.bind(at(CLIENT, 80)).unwrap_err(), denied);
    assert_eq!(bed.client.bind(at(SERVER, 80)).unwrap_err(), NetError::AddressNotBindable);
    assert_eq!(bed.client.connect(at(SERVER, 8000)).unwrap_err(), denied);
    assert_eq!(bed.client.connect(at(SERVER, 22)).unwrap_err(), denied);
    assert_eq!(bed.client.connect(at([192, 168, 0, 1], 22)).unwrap_err(), denied);
    assert_eq!(bed.client.connect(at(Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 1), 22)).unwrap_err(), denied);
    assert_eq!(resolve(&bed.client, "example.com").unwrap_err(), NetError::NameUnresolvable);
    assert_eq!(
        bed.heard.lines(),
        [
            "Client_IN_0 bind 10.0.0.4:80: role Client declares no tcp endpoint on port 80",
            "Client_IN_0 bind 10.0.0.5:80: the address is not this instance's own",
            "Client_IN_0 connect 10.0.0.5:8000: endpoint Ruled of role Server admits only the roles that rules:1 lists, \
             and Client is not one of them",
            "Client_IN_0 connect 10.0.0.5:22: role Server has no tcp endpoint on port 22",
            "Client_IN_0 connect 192.168.0.1:22: the address is outside the deployment",
            "Client_IN_0 connect [2001::1]:22: the address is outside the deployment",
            "Client_IN_0 name look-up example.com: the name is outside the deployment",
        ]
    );
    assert_eq!(bed.client.socket_count(), 0);
}

#[test]
fn a_denial_is_counted_always_and_heard_of_once() {
    let bed = Bed::new();
    for _ in 0..10 {
        bed.client.connect(at(SERVER, 22)).unwrap_err();
        bed.client.connect(at(SERVER, 23)).unwrap_err();
        bed.client.bind(at(CLIENT, 23)).unwrap_err();
        resolve(&bed.client, "example.com").unwrap_err();
    }
    assert_eq!(bed.network.counters().denials, 40);
    assert_eq!(bed.heard.lines().len(), 4);
    bed.network.set_policy(Arc::new(policy()));
    bed.client.connect(at(SERVER, 22)).unwrap_err();
    assert_eq!(bed.heard.lines().len(), 5, "a new policy gives new answers");
}

#[test]
fn a_name_is_reported_in_printable_form() {
    let bed = Bed::new();
    resolve(&bed.client, "näme\u{202e}").unwrap_err();
    assert_eq!(bed.heard.denials.lock().unwrap()[0].target, r"n\u{e4}me\u{202e}");
    resolve(&bed.client, &"é".repeat(100_000)).unwrap_err();
    assert!(bed.heard.denials.lock().unwrap()[1].target.len() <= 253);
}

#[tokio::test]
async fn a_new_policy_holds_for_what_comes_and_leaves_what_is_open() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    let listener = bed.listen(4);
    let mut nothing = Policy::builder();
    for (role, id, address) in [("Client", "Client_IN_0", CLIENT), ("Server", "Server_IN_0", SERVER)] {
        let role = nothing.role(role);
        nothing.instance(role, id, 0, address);
    }
    bed.network.set_policy(Arc::new(nothing.build().unwrap()));
    assert_eq!(bed.client.connect(at(SERVER, PORT.get())).unwrap_err(), NetError::AccessDenied);
    assert_eq!(bed.server.bind(at(SERVER, 7001)).unwrap_err(), NetError::AccessDenied);
    assert_eq!(resolve(&bed.client, "Server").unwrap_err(), NetError::NameUnresolvable);
    write_all(&client, "open").await.unwrap();
    assert_eq!(read(&server).await.unwrap(), "open");
    bed.network.set_policy(Arc::new(policy()));
    bed.client.connect(at(SERVER, PORT.get())).unwrap().await.unwrap();
    listener.accept().await.unwrap();
}

#[tokio::test]
async fn a_new_policy_may_number_the_instances_anew() {
    let bed = Bed::new();
    let _listener = bed.listen(4);
    let mut reordered = Policy::builder();
    let (server, client) = (reordered.role("Server"), reordered.role("Client"));
    reordered.instance(server, "Server_IN_0", 0, SERVER);
    reordered.instance(client, "Client_IN_0", 0, CLIENT);
    bed.network.set_policy(Arc::new(reordered.build().unwrap()));
    bed.client.connect(at(SERVER, 7000)).unwrap_err();
    assert_eq!(
        bed.heard.lines(),
        ["Client_IN_0 connect 10.0.0.5:7000: role Server has no tcp endpoint on port 7000"]
    );
}

#[test]
fn an_instance_that_a_policy_gives_away_may_nothing() {
    let bed = Bed::new();
    // Now 10.0.0.4 is another instance's address.
    bed.network.set_policy(Arc::new(policy_with(&[("Server", 2)])));
    let reason = "the instance is not part of the deployment any more";
    assert_eq!(bed.client.bind(at([127, 0, 0, 1], 0)).unwrap_err(), NetError::AccessDenied);
    assert_eq!(resolve(&bed.client, "Server").unwrap_err(), NetError::NameUnresolvable);
    assert!(bed.heard.lines().iter().all(|line| line.ends_with(reason)), "{:?}", bed.heard.lines());
}

#[test]
fn what_one_who_leaves_is_denied_is_not_taken_for_what_a_newcomer_is_denied() {
    let bed = Bed::new();
    bed.client.detach();
    // The server has the number that the client had.
    bed.network.set_policy(Arc::new(policy_with(&[("Server", 2)])));
    let newcomer = bed.attach(CLIENT);
    let stranger = at([192, 168, 0, 1], 22);
    for interface in [&bed.client, &newcomer, &bed.client, &newcomer] {
        assert_eq!(interface.connect(stranger).unwrap_err(), NetError::AccessDenied);
    }
    let heard = bed.heard.denials.lock().unwrap();
    let who: Vec<&str> = heard.iter().map(|denial| denial.subject_id.as_str()).collect();
    assert!(who.contains(&"Client_IN_0") && who.contains(&"Server_IN_0"), "{who:?}");
}

#[test]
fn answers_of_a_role_start_with_another_instance_each_time() {
    let bed = Bed::new();
    let both = [IpAddr::from(SERVER), SERVER_1.into()];
    let first = resolve(&bed.client, "Server").unwrap();
    let second = resolve(&bed.client, "server").unwrap();
    assert_ne!(first[0], second[0]);
    for answer in [first, second] {
        assert_eq!(answer.len(), 2);
        assert!(both.iter().all(|address| answer.contains(address)));
    }
    assert_eq!(resolve(&bed.client, "1.Server").unwrap(), [SERVER_1]);
    assert_eq!(resolve(&bed.client, "Server_IN_0").unwrap(), [SERVER]);
}

#[test]
fn literals_stand_for_themselves_and_localhost_for_loopback() {
    let Bed { client, heard, .. } = Bed::new();
    for (name, expected) in [
        ("10.1.2.3", IpAddr::from([10, 1, 2, 3])),
        ("0.0.0.0", Ipv4Addr::UNSPECIFIED.into()),
        ("::1", Ipv6Addr::LOCALHOST.into()),
        ("[::1]", Ipv6Addr::LOCALHOST.into()),
    ] {
        assert_eq!(resolve(&client, name).unwrap(), [expected], "{name}");
    }
    let loopbacks = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    assert_eq!(resolve(&client, "LocalHost").unwrap(), loopbacks);
    for name in
        ["", " ", "a b", "[::", "::1]:80", "[::1]:80", "127.0.0.1:80", "http://Server/", "a.b<&>", "x\0"]
    {
        assert_eq!(resolve(&client, name).unwrap_err(), NetError::InvalidArgument, "{name:?}");
    }
    assert!(heard.lines().is_empty());
}
