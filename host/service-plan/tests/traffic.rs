//! Who may reach whom: the four scenarios of the communication document and the readings around them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod services;

use std::net::SocketAddr;

use services::{address_of, instance, plan_of, scenario};
use wasm_roles_service_plan::Plan;
use wasm_roles_virtual_network::policy::{Operation, Resolved, Verdict};

const ROLES: [&str; 3] = ["WebRole1", "WorkerRole1", "WorkerRole2"];

/// Each internal endpoint with its role.
const ENDPOINTS: [(&str, &str); 4] = [
    ("WebRole1", "InternalTCP1"),
    ("WorkerRole1", "InternalTCP2"),
    ("WorkerRole2", "InternalTCP3"),
    ("WorkerRole2", "InternalTCP4"),
];

fn may_connect(plan: &Plan, subject: &str, target: SocketAddr) -> bool {
    let subject = instance(plan, subject).index;
    matches!(plan.policy.decide(subject, Operation::Connect, target), Verdict::Allow(_))
}

/// The roles that reach each endpoint: from instance 0 of a role to instance 1, so that nobody asks itself.
fn matrix(plan: &Plan) -> Vec<Vec<&'static str>> {
    let reaching = |(role, endpoint): &(&str, &str)| {
        let target = address_of(plan, &format!("{role}_IN_1"), endpoint);
        let reaches = |subject: &&str| may_connect(plan, &format!("{subject}_IN_0"), target);
        ROLES.into_iter().filter(reaches).collect()
    };
    ENDPOINTS.iter().map(reaching).collect()
}

#[test]
fn scenario_1_admits_only_web_role_1_to_worker_role_1() {
    assert_eq!(matrix(&scenario(1)), [&ROLES[..], &["WebRole1"], &ROLES, &ROLES]);
}

#[test]
fn scenario_2_admits_only_web_role_1_to_both_workers() {
    assert_eq!(matrix(&scenario(2)), [&ROLES[..], &["WebRole1"], &["WebRole1"], &ROLES]);
}

#[test]
fn scenario_3_admits_a_chain() {
    assert_eq!(matrix(&scenario(3)), [&ROLES[..], &["WebRole1"], &["WorkerRole1"], &ROLES]);
}

#[test]
fn scenario_4_admits_a_chain_and_the_web_role_to_its_end() {
    assert_eq!(matrix(&scenario(4)), [&ROLES[..], &["WebRole1"], &["WorkerRole1"], &["WebRole1"]]);
}

#[test]
fn an_instance_reaches_itself_whatever_the_rules_say() {
    let plan = scenario(4);
    for (role, endpoint) in ENDPOINTS {
        let own = format!("{role}_IN_0");
        assert!(may_connect(&plan, &own, address_of(&plan, &own, endpoint)), "{own} {endpoint}");
    }
}

#[test]
fn input_endpoints_are_open_to_every_role() {
    let plan = scenario(4);
    for role in ROLES {
        assert!(may_connect(&plan, &format!("{role}_IN_0"), address_of(&plan, "WebRole1_IN_1", "HttpIn")));
    }
}

#[test]
fn rules_on_one_endpoint_add_up_and_allow_all_opens_it_again() {
    let rule = |target: &str, source: &str| {
        format!(
            "<OnlyAllowTrafficTo><Destinations><RoleEndpoint roleName=\"{target}\" endpointName=\"In\" /></Destinations>{source}</OnlyAllowTrafficTo>"
        )
    };
    let from =
        |role: &str| format!("<WhenSource matches=\"AnyRule\"><FromRole roleName=\"{role}\" /></WhenSource>");
    let role = |name: &str| {
        format!(
            "<WorkerRole name=\"{name}\"><Endpoints><InternalEndpoint name=\"In\" protocol=\"tcp\" /></Endpoints></WorkerRole>"
        )
    };
    let body = [
        role("A"),
        role("B"),
        role("C"),
        "<NetworkTrafficRules>".to_owned(),
        rule("A", &from("B")),
        rule("A", &from("C")),
        rule("B", &from("A")),
        rule("B", "<AllowAllTraffic />"),
        rule("C", "<WhenSource matches=\"AnyRule\" />"),
        "</NetworkTrafficRules>".to_owned(),
    ];
    let plan = plan_of(&body.concat(), &[("A", 2), ("B", 2), ("C", 2)]);
    let reaching = |target: &str| {
        let address = address_of(&plan, &format!("{target}_IN_1"), "In");
        let reaches = |role: &&str| may_connect(&plan, &format!("{role}_IN_0"), address);
        ["A", "B", "C"].into_iter().filter(reaches).collect::<Vec<_>>()
    };
    assert_eq!(reaching("A"), ["B", "C"], "the union, without A itself");
    assert_eq!(reaching("B"), ["A", "B", "C"], "AllowAllTraffic");
    assert_eq!(reaching("C"), [""; 0], "WhenSource without a role admits nobody");
}

#[test]
fn every_range_of_an_endpoint_is_open_and_nothing_between_them() {
    let plan = plan_of(
        r#"<WorkerRole name="A"><Endpoints>
             <InternalEndpoint name="Ranges" protocol="tcp">
               <FixedPort port="7000" /><FixedPortRange min="7100" max="7101" />
             </InternalEndpoint>
           </Endpoints></WorkerRole>
           <WorkerRole name="B"><Endpoints><InternalEndpoint name="All" protocol="any" /></Endpoints></WorkerRole>"#,
        &[("A", 2), ("B", 1)],
    );
    let reaches = |id: &str, port: u16| {
        may_connect(&plan, "A_IN_0", SocketAddr::new(instance(&plan, id).address.into(), port))
    };
    let open: Vec<u16> = (6_999..7_200).filter(|port| reaches("A_IN_1", *port)).collect();
    assert_eq!(open, [7_000, 7_100, 7_101]);
    assert!(reaches("B_IN_0", 1) && reaches("B_IN_0", u16::MAX), "`any` without a port is every port");
}

#[test]
fn udp_endpoints_admit_datagrams_and_no_connections() {
    let plan = plan_of(
        r#"<WorkerRole name="A"><Endpoints><InternalEndpoint name="In" protocol="udp" port="53" /></Endpoints></WorkerRole>"#,
        &[("A", 2)],
    );
    let (subject, target) = (instance(&plan, "A_IN_0").index, address_of(&plan, "A_IN_1", "In"));
    assert!(matches!(plan.policy.decide(subject, Operation::Send, target), Verdict::Allow(_)));
    assert!(matches!(plan.policy.decide(subject, Operation::Connect, target), Verdict::Deny(_)));
}

#[test]
fn roles_and_instances_have_names_when_discovery_shows_them() {
    let plan = plan_of(
        r#"<WorkerRole name="my worker-1.x"><Endpoints><InternalEndpoint name="In" protocol="tcp" /></Endpoints></WorkerRole>
           <WorkerRole name="Hidden"><Endpoints><InputEndpoint name="In" protocol="tcp" port="80" /></Endpoints></WorkerRole>"#,
        &[("my worker-1.x", 3), ("Hidden", 2)],
    );
    let resolve = |subject: &str, name: &str| {
        let resolved = plan.policy.resolve(instance(&plan, subject).index, name).ok()?;
        let Resolved::Inside(mut found) = resolved else { panic!("{name} is outside") };
        found.sort();
        Some(found)
    };
    let address = |id: &str| instance(&plan, id).address;
    let workers: Vec<_> = (0..3).map(|n| address(&format!("my worker-1.x_IN_{n}"))).collect();
    assert_eq!(resolve("Hidden_IN_0", "my worker-1.x"), Some(workers.clone()));
    assert_eq!(resolve("Hidden_IN_0", "MY WORKER-1.X"), Some(workers.clone()));
    assert_eq!(resolve("Hidden_IN_0", "my worker-1.x_IN_2"), Some(vec![workers[2]]));
    assert_eq!(resolve("Hidden_IN_0", "1.my worker-1.x"), Some(vec![workers[1]]));
    assert_eq!(resolve("Hidden_IN_0", "Hidden_IN_0"), Some(vec![address("Hidden_IN_0")]));
    assert_eq!(resolve("Hidden_IN_0", "Hidden_IN_1"), None);
    assert_eq!(resolve("Hidden_IN_0", "elsewhere.example.com"), None);
    // The service's own public side: the plan's name, and the address that no instance has.
    let public = plan.policy.public_side().unwrap();
    assert_eq!(public.name, format!("{}.cloudapp.net", plan.service));
    assert_eq!(resolve("Hidden_IN_0", &public.name.to_uppercase()), Some(vec![public.address]));
    assert_eq!(public.ports.iter().map(|(_, port)| *port).collect::<Vec<_>>(), [80]);
}
