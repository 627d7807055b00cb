//! The rules of the module's documentation, row by row.

mod beside;

use std::num::NonZeroU16;

use super::*;

const TCP: Transport = Transport::Tcp;
const UDP: Transport = Transport::Udp;

fn ports(first: u16, last: u16) -> PortRange {
    PortRange::new(NonZeroU16::new(first).unwrap(), NonZeroU16::new(last).unwrap()).unwrap()
}

fn grant(name: &str, transports: Transports, ports: PortRange, audience: Audience) -> EndpointGrant {
    EndpointGrant { name: name.to_owned(), transports, ports, audience }
}

fn only(roles: &[RoleIndex], origin: &str) -> Audience {
    Audience::Only { roles: roles.to_vec(), origin: origin.into() }
}

/// Front (10.0.0.4 and .5): public 80. Back (.6 and .7): internal endpoints of every kind. Wide (.8): `any`
/// on every port.
struct Service {
    policy: Policy,
    front: InstanceIndex,
    back: InstanceIndex,
    wide: InstanceIndex,
}

fn service() -> Service {
    let mut builder = Policy::builder();
    let front = builder.role("Front");
    let back = builder.role("Back");
    let wide = builder.role("Wide");
    builder.endpoint(front, grant("Web", Transports::Tcp, ports(80, 80), Audience::Public));
    for (name, transports, ports, audience) in [
        ("Open", Transports::Tcp, ports(1000, 1000), Audience::Deployment),
        ("Ruled", Transports::Tcp, ports(1001, 1001), only(&[front], "rule-1")),
        ("Datagrams", Transports::Udp, ports(1002, 1002), Audience::Deployment),
        ("Both", Transports::Any, ports(2000, 2009), only(&[back], "rule-2")),
        ("Closed", Transports::Tcp, ports(1003, 1003), only(&[], "rule-3")),
        ("Narrow", Transports::Tcp, ports(3000, 3000), only(&[wide], "rule-4")),
        ("Overlapping", Transports::Tcp, ports(3000, 3010), only(&[front], "rule-5")),
    ] {
        builder.endpoint(back, grant(name, transports, ports, audience));
    }
    builder.endpoint(wide, grant("Everything", Transports::Any, PortRange::all(), Audience::Deployment));
    let mut next = 4;
    let mut instance = |role, id: &str, ordinal| {
        let index = builder.instance(role, id, ordinal, Ipv4Addr::new(10, 0, 0, next));
        next += 1;
        index
    };
    let (front, _) = (instance(front, "Front_IN_0", 0), instance(front, "Front_IN_1", 1));
    let (back, _) = (instance(back, "Back_IN_0", 0), instance(back, "Back_IN_1", 1));
    let wide = instance(wide, "Wide_IN_0", 0);
    Service { policy: builder.build().unwrap(), front, back, wide }
}

/// The verdict in one word or sentence.
fn says(policy: &Policy, subject: InstanceIndex, operation: Operation, target: &str) -> String {
    match policy.decide(subject, operation, target.parse().unwrap()) {
        Verdict::Allow(Admission::Own) => "own".to_owned(),
        Verdict::Allow(Admission::Ephemeral) => "ephemeral".to_owned(),
        Verdict::Allow(Admission::PublicSide) => "public side".to_owned(),
        Verdict::Allow(Admission::Outside { rule }) => format!("out by {rule}"),
        Verdict::Allow(Admission::OwnElseHost { rule }) => format!("own, else host by {rule}"),
        Verdict::AllowedByLogMode(reason) => format!("logged: {reason}"),
        Verdict::Allow(Admission::Endpoint { role, endpoint }) => {
            format!("{}/{endpoint}", policy.role_name(role).unwrap())
        }
        Verdict::Deny(reason) => reason.to_string(),
    }
}

const FOREIGN: &str = "the address is not this instance's own";
const OUTSIDE: &str = "the address is outside the deployment";

#[test]
fn bind_is_for_own_addresses_and_declared_ports() {
    let Service { policy, front, back, wide } = service();
    let undeclared = |role: &str, transport: &str, port: u16| {
        format!("role {role} declares no {transport} endpoint on port {port}")
    };
    for (subject, transport, target, expected) in [
        (front, TCP, "127.0.0.1:5", "own".to_owned()),
        (front, TCP, "127.8.9.10:0", "own".to_owned()),
        (front, UDP, "[::1]:5", "own".to_owned()),
        (front, TCP, "[::]:5", "own".to_owned()),
        (front, TCP, "10.0.0.4:0", "ephemeral".to_owned()),
        (front, UDP, "0.0.0.0:0", "ephemeral".to_owned()),
        (front, TCP, "10.0.0.4:80", "Front/Web".to_owned()),
        (front, TCP, "0.0.0.0:80", "Front/Web".to_owned()),
        (front, UDP, "0.0.0.0:80", undeclared("Front", "udp", 80)),
        (front, TCP, "0.0.0.0:81", undeclared("Front", "tcp", 81)),
        (front, TCP, "10.0.0.4:1000", undeclared("Front", "tcp", 1000)),
        (front, TCP, "10.0.0.4:49152", undeclared("Front", "tcp", 49152)),
        (back, TCP, "0.0.0.0:1001", "Back/Ruled".to_owned()),
        (back, TCP, "0.0.0.0:1003", "Back/Closed".to_owned()),
        (back, UDP, "0.0.0.0:1002", "Back/Datagrams".to_owned()),
        (back, TCP, "0.0.0.0:1002", undeclared("Back", "tcp", 1002)),
        (back, TCP, "0.0.0.0:2009", "Back/Both".to_owned()),
        (back, UDP, "0.0.0.0:2000", "Back/Both".to_owned()),
        (back, UDP, "0.0.0.0:2010", undeclared("Back", "udp", 2010)),
        (wide, UDP, "10.0.0.8:65535", "Wide/Everything".to_owned()),
        (wide, TCP, "0.0.0.0:1", "Wide/Everything".to_owned()),
        (front, TCP, "10.0.0.5:80", FOREIGN.to_owned()),
        (front, TCP, "10.0.0.6:0", FOREIGN.to_owned()),
        (front, TCP, "192.168.0.1:80", FOREIGN.to_owned()),
        (front, TCP, "[::ffff:10.0.0.4]:80", FOREIGN.to_owned()),
        (front, TCP, "[2001:db8::1]:80", FOREIGN.to_owned()),
        (front, UDP, "224.0.0.1:80", FOREIGN.to_owned()),
        (front, UDP, "255.255.255.255:80", FOREIGN.to_owned()),
    ] {
        assert_eq!(
            says(&policy, subject, Operation::Bind(transport), target),
            expected,
            "{transport} {target}"
        );
    }
}

#[test]
fn listen_is_for_loopback_and_declared_ports_never_for_ephemeral_ones() {
    let Service { policy, front, back, wide } = service();
    for (subject, target, expected) in [
        (front, "127.0.0.1:49152", "own"),
        (front, "[::1]:49152", "own"),
        (front, "[::]:1", "own"),
        (front, "0.0.0.0:80", "Front/Web"),
        (front, "10.0.0.4:80", "Front/Web"),
        (front, "10.0.0.4:49152", "role Front declares no tcp endpoint on port 49152"),
        (front, "0.0.0.0:0", "role Front declares no tcp endpoint on port 0"),
        (back, "0.0.0.0:1002", "role Back declares no tcp endpoint on port 1002"),
        (wide, "0.0.0.0:49152", "Wide/Everything"),
        (front, "10.0.0.5:80", FOREIGN),
    ] {
        assert_eq!(says(&policy, subject, Operation::Listen, target), expected, "{target}");
    }
}

#[test]
fn connect_and_send_follow_endpoints_and_traffic_rules() {
    let Service { policy, front, back, wide } = service();
    let refused = |endpoint: &str, origin: &str, from: &str| {
        format!(
            "endpoint {endpoint} of role Back admits only the roles that {origin} lists, and {from} is not one of them"
        )
    };
    let missing = |role: &str, transport: &str, port: u16| {
        format!("role {role} has no {transport} endpoint on port {port}")
    };
    for (subject, transport, target, expected) in [
        // One's own, whatever the rules say.
        (front, TCP, "127.0.0.1:1", "own".to_owned()),
        (front, UDP, "127.255.0.1:1", "own".to_owned()),
        (front, TCP, "[::1]:9", "own".to_owned()),
        (front, TCP, "10.0.0.4:9", "own".to_owned()),
        (back, TCP, "10.0.0.6:1003", "own".to_owned()),
        // Public and unruled endpoints.
        (back, TCP, "10.0.0.4:80", "Front/Web".to_owned()),
        (front, TCP, "10.0.0.5:80", "Front/Web".to_owned()),
        (front, TCP, "10.0.0.6:1000", "Back/Open".to_owned()),
        (back, TCP, "10.0.0.7:1000", "Back/Open".to_owned()),
        (front, UDP, "10.0.0.7:1002", "Back/Datagrams".to_owned()),
        (back, UDP, "10.0.0.8:65535", "Wide/Everything".to_owned()),
        // Ruled endpoints: the listed, the unlisted, and the own role, which needs listing too.
        (front, TCP, "10.0.0.6:1001", "Back/Ruled".to_owned()),
        (wide, TCP, "10.0.0.6:1001", refused("Ruled", "rule-1", "Wide")),
        (back, TCP, "10.0.0.7:1001", refused("Ruled", "rule-1", "Back")),
        (back, TCP, "10.0.0.7:2000", "Back/Both".to_owned()),
        (back, UDP, "10.0.0.7:2009", "Back/Both".to_owned()),
        (front, UDP, "10.0.0.7:2009", refused("Both", "rule-2", "Front")),
        (front, TCP, "10.0.0.7:1003", refused("Closed", "rule-3", "Front")),
        // Overlapping endpoints: one that admits is enough, the first one explains.
        (wide, TCP, "10.0.0.6:3000", "Back/Narrow".to_owned()),
        (front, TCP, "10.0.0.6:3000", "Back/Overlapping".to_owned()),
        (back, TCP, "10.0.0.7:3000", refused("Narrow", "rule-4", "Back")),
        (wide, TCP, "10.0.0.6:3001", refused("Overlapping", "rule-5", "Wide")),
        // No endpoint.
        (front, TCP, "10.0.0.6:999", missing("Back", "tcp", 999)),
        (front, TCP, "10.0.0.6:1002", missing("Back", "tcp", 1002)),
        (front, UDP, "10.0.0.6:1000", missing("Back", "udp", 1000)),
        (front, TCP, "10.0.0.5:0", missing("Front", "tcp", 0)),
        (front, TCP, "10.0.0.8:0", missing("Wide", "tcp", 0)),
        // Not of this deployment.
        (front, TCP, "10.0.0.3:80", OUTSIDE.to_owned()),
        (front, TCP, "10.0.0.9:80", OUTSIDE.to_owned()),
        (front, TCP, "192.168.0.1:80", OUTSIDE.to_owned()),
        (front, TCP, "169.254.169.254:80", OUTSIDE.to_owned()),
        (front, TCP, "0.0.0.0:80", OUTSIDE.to_owned()),
        (front, UDP, "255.255.255.255:1002", OUTSIDE.to_owned()),
        (front, UDP, "224.0.0.1:1002", OUTSIDE.to_owned()),
        (front, TCP, "[::]:80", OUTSIDE.to_owned()),
        (front, TCP, "[::ffff:10.0.0.6]:1000", OUTSIDE.to_owned()),
        (front, TCP, "[::ffff:127.0.0.1]:80", OUTSIDE.to_owned()),
        (front, TCP, "[2001:db8::1]:80", OUTSIDE.to_owned()),
    ] {
        let operation = if transport == TCP { Operation::Connect } else { Operation::Send };
        assert_eq!(says(&policy, subject, operation, target), expected, "{transport} {target}");
    }
}

#[test]
fn a_refusal_by_a_rule_carries_everything_that_a_message_needs() {
    let Service { policy, wide, .. } = service();
    let verdict = policy.decide(wide, Operation::Connect, "10.0.0.6:1001".parse().unwrap());
    let reason = DenyReason::TrafficRule {
        from: "Wide".into(),
        role: "Back".into(),
        endpoint: "Ruled".into(),
        origin: "rule-1".into(),
    };
    assert_eq!(verdict, Verdict::Deny(reason));
}

#[test]
fn an_instance_of_another_policy_may_nothing() {
    let Service { policy, .. } = service();
    let stranger = InstanceIndex(u32::MAX);
    for operation in
        [Operation::Bind(TCP), Operation::Bind(UDP), Operation::Listen, Operation::Connect, Operation::Send]
    {
        for target in ["127.0.0.1:80", "10.0.0.4:80"] {
            let verdict = policy.decide(stranger, operation, target.parse().unwrap());
            assert_eq!(verdict, Verdict::Deny(DenyReason::UnknownSubject));
        }
    }
    assert_eq!(policy.resolve(stranger, "Back"), Err(DenyReason::UnknownSubject));
}

#[test]
fn names_show_what_discovery_shows() {
    let Service { policy, front, back, .. } = service();
    let hosts = |subject, name: &str| {
        let hosts =
            |found: Vec<Ipv4Addr>| found.iter().map(|address| address.octets()[3]).collect::<Vec<_>>();
        policy.resolve(subject, name).map(|resolved| match resolved {
            Resolved::Inside(addresses) => hosts(addresses),
            Resolved::Outside(name) => panic!("{name} may be looked up outside"),
        })
    };
    for (subject, name, expected) in [
        (front, "Back", &[6, 7][..]),
        (front, "bAcK", &[6, 7]),
        (front, "Back_IN_1", &[7]),
        (front, "back_in_0", &[6]),
        (front, "1.Back", &[7]),
        (front, "0.BACK", &[6]),
        (front, "Back.", &[6, 7]),
        (front, "Back_IN_1.", &[7]),
        (front, "1.Back.", &[7]),
        (front, "Wide", &[8]),
        // Front has no internal endpoint: each instance finds itself and nobody else does.
        (front, "Front", &[4]),
        (front, "Front_IN_0", &[4]),
        (front, "0.front", &[4]),
    ] {
        assert_eq!(hosts(subject, name).unwrap(), expected, "{name}");
    }
    let (long, longest) = ("x".repeat(100_000), "x".repeat(253));
    for (subject, name) in [
        (back, "Front"),
        (back, "Front_IN_0"),
        (front, "Front_IN_1"),
        (front, "1.Front"),
        (front, "2.Back"),
        (front, "01.Back"),
        (front, "Back_IN_2"),
        (front, "Back.."),
        (back, "Front."),
        (front, ""),
        (front, "."),
        (front, "10.0.0.6"),
        (front, "Bäck"),
        (front, &long),
        (front, &longest),
    ] {
        assert_eq!(hosts(subject, name), Err(DenyReason::UnknownName), "{name}");
    }
}

#[test]
fn the_policy_tells_what_it_was_built_from() {
    let Service { policy, back, .. } = service();
    assert_eq!(policy.instance_id(back), Some("Back_IN_0"));
    assert_eq!(policy.instance_address(back), Some(Ipv4Addr::new(10, 0, 0, 6)));
    assert_eq!(policy.instance_role(back).and_then(|role| policy.role_name(role)), Some("Back"));
    assert_eq!(policy.instance_at(Ipv4Addr::new(10, 0, 0, 6)), Some(back));
    assert_eq!(policy.instances().len(), 5);
    assert!(policy.instances().all(|index| policy.instance_id(index).is_some()));
    assert_eq!(policy.instance_id(InstanceIndex(5)), None);
    assert_eq!(policy.role_name(RoleIndex(3)), None);
}

#[test]
fn contradictions_are_errors() {
    type Change = fn(&mut PolicyBuilder, RoleIndex);
    let duplicate = |name: &str| PolicyError::DuplicateName { name: name.to_owned() };
    let cases: [(Change, PolicyError); 9] = [
        (|b, _| _ = b.role("WEB"), duplicate("WEB")),
        (|b, _| _ = b.role("web_in_0"), duplicate("Web_IN_0")),
        (|b, _| _ = b.role("0.Web"), duplicate("0.Web")),
        (|b, role| _ = b.instance(role, "Web_in_0", 1, Ipv4Addr::new(10, 0, 0, 5)), duplicate("Web_in_0")),
        (|b, role| _ = b.instance(role, "Web_IN_1", 0, Ipv4Addr::new(10, 0, 0, 5)), duplicate("0.Web")),
        (
            |b, role| _ = b.instance(role, "Web_IN_1", 1, Ipv4Addr::new(10, 0, 0, 4)),
            PolicyError::DuplicateAddress { address: Ipv4Addr::new(10, 0, 0, 4) },
        ),
        (
            |b, role| _ = b.instance(role, "Web_IN_1", 1, Ipv4Addr::LOCALHOST),
            PolicyError::UnusableAddress { id: "Web_IN_1".to_owned(), address: Ipv4Addr::LOCALHOST },
        ),
        (
            |b, role| {
                b.endpoint(role, grant("E", Transports::Tcp, PortRange::all(), only(&[RoleIndex(7)], "r")))
            },
            PolicyError::UnknownRole { by: "endpoint E".to_owned() },
        ),
        (
            |b, _| _ = b.instance(RoleIndex(7), "X", 0, Ipv4Addr::new(10, 0, 0, 9)),
            PolicyError::UnknownRole { by: "instance X".to_owned() },
        ),
    ];
    for (change, expected) in cases {
        let mut builder = Policy::builder();
        let role = builder.role("Web");
        builder.instance(role, "Web_IN_0", 0, Ipv4Addr::new(10, 0, 0, 4));
        change(&mut builder, role);
        assert_eq!(builder.build().unwrap_err(), expected);
    }
}

#[test]
fn a_policy_that_grants_nothing_leaves_the_instance_itself_alone() {
    let mut builder = Policy::builder();
    let role = builder.role("Alone");
    let alone = builder.instance(role, "Alone_IN_0", 0, Ipv4Addr::new(10, 0, 0, 4));
    builder.instance(role, "Alone_IN_1", 1, Ipv4Addr::new(10, 0, 0, 5));
    let policy = builder.build().unwrap();
    for port in 0..=u16::MAX {
        let other = (Ipv4Addr::new(10, 0, 0, 5), port).into();
        assert!(!policy.decide(alone, Operation::Connect, other).is_allowed());
        assert!(!policy.decide(alone, Operation::Send, other).is_allowed());
        let own = (Ipv4Addr::new(10, 0, 0, 4), port).into();
        assert!(policy.decide(alone, Operation::Connect, own).is_allowed());
        assert!(!policy.decide(alone, Operation::Listen, own).is_allowed());
        assert_eq!(policy.decide(alone, Operation::Bind(TCP), own).is_allowed(), port == 0);
    }
}
