//! The traffic table says what the network does.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod services;

use std::net::SocketAddr;

use services::{instance, plan_of, scenario, zoo, zoo_with};
use wasm_roles_service_plan::{Because, Plan, Protocol, Way};
use wasm_roles_virtual_network::policy::{Operation, Verdict};

/// Whether instance 0 of one role reaches every port of an endpoint on instance 1 of another, by asking every port.
fn network_allows(plan: &Plan, from: &str, to: &str, endpoint: &str) -> bool {
    let subject = instance(plan, &format!("{from}_IN_0")).index;
    let address = instance(plan, &format!("{to}_IN_1")).address;
    let role = plan.roles.iter().find(|role| role.name.as_str() == to).unwrap();
    let endpoint = role.endpoints.iter().find(|known| known.name == endpoint).unwrap();
    let operations: &[Operation] = match endpoint.protocol {
        Protocol::Udp => &[Operation::Send],
        Protocol::Any => &[Operation::Connect, Operation::Send],
        _ => &[Operation::Connect],
    };
    let mut ports = endpoint.ranges.iter().flat_map(|range| range.first().get()..=range.last().get());
    ports.all(|port| {
        let target = SocketAddr::from((address, port));
        let allows = |operation: &Operation| {
            matches!(plan.policy.decide(subject, *operation, target), Verdict::Allow(_))
        };
        operations.iter().all(allows)
    })
}

fn because<'a>(plan: &'a Plan, from: &str, endpoint: &str) -> (bool, Because<'a>, Option<u32>) {
    let asked = |entry: &wasm_roles_service_plan::TrafficEntry<'_>| {
        entry.from.as_str() == from && entry.endpoint.name == endpoint
    };
    let entry = plan.traffic().find(asked).unwrap();
    (entry.allowed, entry.because.clone(), entry.line())
}

#[test]
fn every_entry_is_what_the_network_decides_between_two_instances() {
    let zoo = zoo_with([2; 4]);
    for plan in [zoo, scenario(1), scenario(2), scenario(3), scenario(4)] {
        let mut entries = 0;
        for entry in plan.traffic() {
            let (from, to, endpoint) = (entry.from.as_str(), entry.to.as_str(), entry.endpoint.name.as_str());
            let decided = network_allows(&plan, from, to, endpoint);
            assert_eq!(entry.allowed, decided, "{from} to {to} {endpoint}: {}", entry.because);
            entries += 1;
        }
        let internal = plan.roles.iter().flat_map(|role| &role.endpoints);
        let internal =
            internal.filter(|endpoint| endpoint.public_port.is_none() && endpoint.name != "Direct");
        assert_eq!(entries, internal.count() * plan.roles.len());
    }
}

#[test]
fn entries_come_by_target_then_endpoint_then_source() {
    let plan = zoo();
    let found: Vec<(&str, &str, &str)> = plan
        .traffic()
        .map(|entry| (entry.to.as_str(), entry.endpoint.name.as_str(), entry.from.as_str()))
        .take(5)
        .collect();
    let expected = [
        ("Front", "Peers", "Front"),
        ("Front", "Peers", "Back"),
        ("Front", "Peers", "R&D"),
        ("Front", "Peers", "Silent"),
        ("Back", "Listed", "Front"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn every_reason_there_is() {
    let plan = zoo();
    assert!(matches!(because(&plan, "Back", "Peers"), (true, Because::NoRule, None)));
    assert!(matches!(because(&plan, "Front", "Listed"), (true, Because::Listed { .. }, Some(_))));
    let (allowed, reason, line) = because(&plan, "Silent", "Listed");
    assert_eq!(
        (allowed, reason.to_string().as_str()),
        (false, "the endpoint's traffic rules admit only Front and R&D")
    );
    assert_eq!(line, because(&plan, "Front", "Listed").2);
    assert!(matches!(because(&plan, "Silent", "Open"), (true, Because::AllTraffic { .. }, Some(_))));
    let (allowed, reason, _) = because(&plan, "Back", "Nobody");
    assert_eq!((allowed, reason.to_string().as_str()), (false, "the endpoint's traffic rules admit nobody"));
}

#[test]
fn a_rule_cannot_close_ports_that_another_endpoint_opens() {
    let plan = zoo();
    let (allowed, reason, line) = because(&plan, "Back", "Secret");
    assert_eq!((allowed, line), (true, None));
    let through = Way { endpoint: "Everything", port: 9_000 };
    assert_eq!(reason, Because::SharedPorts { through });
    assert!(!because(&plan, "Silent", "Secret").0);
}

#[test]
fn one_open_port_does_not_open_an_endpoint_but_is_told() {
    let plan = zoo();
    let (allowed, reason, _) = because(&plan, "Front", "Everything");
    assert!(!allowed, "one port of all");
    assert_eq!(
        reason.to_string(),
        "the endpoint's traffic rules admit only Back; endpoint Secret opens port 9000 of it all the same"
    );
}

#[test]
fn several_endpoints_together_may_open_another_one() {
    let body = |last: u16| {
        format!(
            r#"<WorkerRole name="A"><Endpoints>
                 <InternalEndpoint name="Closed" protocol="tcp"><FixedPortRange min="10" max="30" /></InternalEndpoint>
                 <InternalEndpoint name="Low" protocol="tcp"><FixedPortRange min="1" max="20" /></InternalEndpoint>
                 <InternalEndpoint name="High" protocol="tcp"><FixedPortRange min="21" max="{last}" /></InternalEndpoint>
               </Endpoints></WorkerRole>
               <NetworkTrafficRules><OnlyAllowTrafficTo>
                 <Destinations><RoleEndpoint roleName="A" endpointName="Closed" /></Destinations>
                 <WhenSource matches="AnyRule" />
               </OnlyAllowTrafficTo></NetworkTrafficRules>"#
        )
    };
    let closed = |last: u16| because(&plan_of(&body(last), &[("A", 1)]), "A", "Closed").0;
    assert!(closed(30) && closed(99));
    assert!(!closed(29), "port 30 is not open");
}

#[test]
fn a_role_is_asked_about_itself_with_a_single_instance_or_none() {
    for count in [0, 1] {
        let plan = zoo_with([1, count, 1, 1]);
        assert!(!because(&plan, "Back", "Listed").0);
        assert!(because(&plan, "R&D", "Secret").0);
    }
}
