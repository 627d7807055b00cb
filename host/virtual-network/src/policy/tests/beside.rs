//! What is there beside the definition: the public side, the ways out, and log mode.

use super::*;

/// The service with a public side at 10.0.0.1, a subnet, and what the host grants.
fn hosted(mode: PolicyMode, everyone: &[&str], front: &[&str]) -> Service {
    let Service { mut policy, front: front_instance, back, wide } = service();
    assert!(policy.names.add("shop.cloudapp.net", Named::PublicSide));
    let policy = Policy {
        public_side: Some(PublicSide {
            address: Ipv4Addr::new(10, 0, 0, 1),
            name: "shop.cloudapp.net".to_owned(),
            ports: [(TCP, 80), (UDP, 53)].into(),
        }),
        subnet: AddressRange::new(Ipv4Addr::new(10, 0, 0, 0).into(), 16),
        ..policy
    };
    let mut rules = HostRules::new(mode);
    everyone.iter().for_each(|rule| rules.allow(rule.parse().unwrap()));
    front.iter().for_each(|rule| rules.allow_role("Front", rule.parse().unwrap()));
    Service { policy: policy.with_host_rules(&rules), front: front_instance, back, wide }
}

#[test]
fn the_public_side_is_open_on_its_ports_and_the_rest_of_the_subnet_is_nobodys() {
    let Service { policy, front, back, .. } = hosted(PolicyMode::Enforce, &["0.0.0.0/0", "10.0.0.0/8"], &[]);
    const VACANT: &str = "no instance of the deployment has the address";
    for (subject, transport, target, expected) in [
        (front, TCP, "10.0.0.1:80", "public side"),
        (back, TCP, "10.0.0.1:80", "public side"),
        (back, UDP, "10.0.0.1:53", "public side"),
        (back, UDP, "10.0.0.1:80", "the service has no public udp port 80"),
        (back, TCP, "10.0.0.1:81", "the service has no public tcp port 81"),
        (back, TCP, "10.0.0.1:0", "the service has no public tcp port 0"),
        (back, TCP, "10.0.0.2:80", VACANT),
        (back, TCP, "10.0.255.255:80", VACANT),
        (back, TCP, "10.1.0.1:80", "out by 0.0.0.0/0"),
        // A way out is no way in.
        (front, TCP, "10.0.0.6:999", "role Back has no tcp endpoint on port 999"),
        (
            front,
            TCP,
            "10.0.0.7:1003",
            "endpoint Closed of role Back admits only the roles that rule-3 lists, and Front is not one of them",
        ),
    ] {
        let operation = if transport == TCP { Operation::Connect } else { Operation::Send };
        assert_eq!(says(&policy, subject, operation, target), expected, "{transport} {target}");
    }
    assert_eq!(says(&policy, front, Operation::Bind(TCP), "10.0.0.1:80"), FOREIGN);
}

#[test]
fn the_way_out_is_closed_but_for_rules_of_the_role_or_of_everyone() {
    let Service { policy, front, back, .. } =
        hosted(PolicyMode::Enforce, &["93.184.216.34:443"], &["localhost:5432", "198.51.100.0/24"]);
    for (subject, target, expected) in [
        (front, "93.184.216.34:443", "out by 93.184.216.34:443"),
        (back, "93.184.216.34:443", "out by 93.184.216.34:443"),
        (back, "93.184.216.34:80", OUTSIDE),
        (front, "198.51.100.7:1", "out by 198.51.100.0/24"),
        (back, "198.51.100.7:1", OUTSIDE),
        (front, "169.254.169.254:80", OUTSIDE),
        (front, "[2001:db8::1]:443", OUTSIDE),
        (front, "[::ffff:93.184.216.34]:443", OUTSIDE),
        // The own loopback comes first; the host's is behind it where a rule says so.
        (front, "127.0.0.1:5432", "own, else host by localhost:5432"),
        (front, "[::1]:5432", "own, else host by localhost:5432"),
        (front, "127.0.0.1:5433", "own"),
        (back, "127.0.0.1:5432", "own"),
    ] {
        for operation in [Operation::Connect, Operation::Send] {
            assert_eq!(says(&policy, subject, operation, target), expected, "{target}");
        }
    }
}

#[test]
fn log_mode_lets_pass_what_is_inside_and_nothing_else() {
    let Service { policy, front, back, wide } = hosted(PolicyMode::Log, &[], &[]);
    for (subject, operation, target, expected) in [
        (front, Operation::Connect, "10.0.0.6:1000", "Back/Open"),
        (front, Operation::Connect, "10.0.0.6:999", "logged: role Back has no tcp endpoint on port 999"),
        (
            wide,
            Operation::Connect,
            "10.0.0.6:1001",
            "logged: endpoint Ruled of role Back admits only the roles that rule-1 lists, and Wide is not one of them",
        ),
        (back, Operation::Bind(TCP), "0.0.0.0:7", "logged: role Back declares no tcp endpoint on port 7"),
        (back, Operation::Listen, "0.0.0.0:7", "logged: role Back declares no tcp endpoint on port 7"),
        (back, Operation::Bind(TCP), "10.0.0.4:7", FOREIGN),
        (back, Operation::Connect, "93.184.216.34:443", OUTSIDE),
        (back, Operation::Connect, "10.0.0.1:81", "the service has no public tcp port 81"),
        (back, Operation::Connect, "10.0.0.9:80", "no instance of the deployment has the address"),
    ] {
        assert_eq!(says(&policy, subject, operation, target), expected, "{target}");
    }
    let stranger =
        policy.decide(InstanceIndex(u32::MAX), Operation::Connect, "10.0.0.6:999".parse().unwrap());
    assert!(!stranger.is_allowed());
    assert_eq!(policy.resolve(back, "Front"), Err(DenyReason::UnknownName));
}

#[test]
fn names_outside_are_looked_up_by_rule_and_never_shadow_a_name_inside() {
    let Service { policy, front, back, .. } =
        hosted(PolicyMode::Enforce, &["example.com:443"], &["*.example.com", "db", "Wide"]);
    let outside = |name: &str| Ok(Resolved::Outside(HostName::new(name).unwrap()));
    let inside = |last: u8| Ok(Resolved::Inside(vec![Ipv4Addr::new(10, 0, 0, last)]));
    let closed = |name: &str| Err(DenyReason::OutsideName { name: HostName::new(name).unwrap() });
    for (subject, name, expected) in [
        (front, "example.com", outside("example.com")),
        (back, "EXAMPLE.com", outside("example.com")),
        (front, "www.example.com", outside("www.example.com")),
        (back, "www.example.com", closed("www.example.com")),
        (front, "db", outside("db")),
        (back, "db", Err(DenyReason::UnknownName)),
        (front, "Wide", inside(8)),
        (front, "shop.cloudapp.net", inside(1)),
        (back, "Shop.CloudApp.NET", inside(1)),
        (front, "shop.cloudapp.net.", inside(1)),
        (front, "db.", outside("db")),
        (front, "Wide.", inside(8)),
        (front, "9.Wide", Err(DenyReason::UnknownName)),
        (back, "0.Front", Err(DenyReason::UnknownName)),
        (front, "127.1", Err(DenyReason::UnknownName)),
        (front, "exa mple.com", Err(DenyReason::UnknownName)),
    ] {
        assert_eq!(policy.resolve(subject, name), expected, "{name}");
    }
}

#[test]
fn an_answer_from_outside_leads_neither_inside_nor_to_the_host() {
    let Service { policy, front, back, .. } =
        hosted(PolicyMode::Enforce, &["example.com"], &["192.168.7.0/24:5432"]);
    let answers: Vec<IpAddr> = [
        "93.184.216.34",
        "10.0.0.6",
        "10.0.0.99",
        "10.0.0.1",
        "192.168.7.1",
        "192.168.8.1",
        "127.0.0.1",
        "::1",
        "169.254.169.254",
        "::ffff:93.184.216.34",
        "64:ff9b::7f00:1",
        "2606:2800:220:1::1",
    ]
    .map(|address| address.parse().unwrap())
    .into();
    let trusted = |subject| -> Vec<String> {
        policy.trusted_answers(subject, &answers).iter().map(ToString::to_string).collect()
    };
    assert_eq!(trusted(back), ["93.184.216.34", "2606:2800:220:1::1"]);
    assert_eq!(trusted(front), ["93.184.216.34", "192.168.7.1", "2606:2800:220:1::1"]);
    assert_eq!(trusted(InstanceIndex(99)), [""; 0]);
}
