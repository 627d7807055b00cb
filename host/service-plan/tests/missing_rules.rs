//! The definition that a service lacks, written from what it did.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod services;

use std::collections::BTreeSet;

use services::{instance, plan_of};
use wasm_roles_service_plan::{Plan, explain, missing_rules};
use wasm_roles_virtual_network::policy::{
    DenyReason, HostRules, Operation, Policy, PolicyMode, Transport, Verdict,
};

const ROLES: [(&str, &str, &str); 3] = [
    ("Web", "WorkerRole", r#"<InputEndpoint name="Http" protocol="tcp" port="80" />"#),
    ("Orders", "WorkerRole", r#"<InternalEndpoint name="Api" protocol="tcp" port="8080" />"#),
    ("R&amp;D", "WorkerRole", ""),
];

const RULES: &str = r#"<NetworkTrafficRules>
  <OnlyAllowTrafficTo>
    <Destinations>
      <RoleEndpoint roleName="Orders" endpointName="Api" />
    </Destinations>
    <WhenSource matches="AnyRule" />
  </OnlyAllowTrafficTo>
</NetworkTrafficRules>"#;

/// The service with more endpoints for its roles, by name, and more at its end.
fn service(endpoints: &[(String, String)], end: &str) -> Plan {
    let role = |(name, kind, declared): &(&str, &str, &str)| {
        let unescaped = name.replace("&amp;", "&");
        let more: String =
            endpoints.iter().filter(|(role, _)| *role == unescaped).map(|(_, xml)| xml.as_str()).collect();
        format!("<WorkerRole name=\"{name}\"><Endpoints>{declared}{more}</Endpoints></WorkerRole>")
            .replace("WorkerRole", kind)
    };
    let roles: String = ROLES.iter().map(role).collect();
    plan_of(&format!("{roles}{RULES}{end}"), &[("Web", 1), ("Orders", 2), ("R&amp;D", 1)])
}

/// What log mode lets pass.
fn passed(plan: &Plan, subject: &str, operation: Operation, target: (&str, u16)) -> (String, DenyReason) {
    let policy = Policy::clone(&plan.policy).with_host_rules(&HostRules::new(PolicyMode::Log));
    let address = instance(plan, target.0).address;
    match policy.decide(instance(plan, subject).index, operation, (address, target.1).into()) {
        Verdict::AllowedByLogMode(reason) => (instance(plan, subject).role.to_string(), reason),
        other => panic!("{other:?}"),
    }
}

fn seen(plan: &Plan) -> Vec<(String, DenyReason)> {
    vec![
        passed(plan, "Web_IN_0", Operation::Connect, ("Orders_IN_0", 8080)),
        passed(plan, "Orders_IN_1", Operation::Connect, ("Orders_IN_0", 8080)),
        passed(plan, "Web_IN_0", Operation::Connect, ("R&D_IN_0", 7000)),
        passed(plan, "Orders_IN_0", Operation::Connect, ("R&D_IN_0", 7000)),
        passed(plan, "Web_IN_0", Operation::Send, ("R&D_IN_0", 7000)),
        passed(plan, "R&D_IN_0", Operation::Bind(Transport::Tcp), ("R&D_IN_0", 7000)),
        passed(plan, "R&D_IN_0", Operation::Bind(Transport::Tcp), ("R&D_IN_0", 9)),
        // Seen twice is needed once.
        passed(plan, "Web_IN_0", Operation::Connect, ("Orders_IN_1", 8080)),
    ]
}

fn pairs(seen: &[(String, DenyReason)]) -> impl Iterator<Item = (&str, &DenyReason)> {
    seen.iter().map(|(role, reason)| (role.as_str(), reason))
}

#[test]
fn what_was_seen_becomes_endpoints_and_rules() {
    let plan = service(&[], "");
    let missing = missing_rules(&plan, pairs(&seen(&plan))).unwrap();
    assert_eq!(
        missing.to_string(),
        r#"<!-- in the <Endpoints> of role R&D -->
<InternalEndpoint name="Port9" protocol="tcp" port="9" />
<InternalEndpoint name="Port7000" protocol="tcp" port="7000" />
<InternalEndpoint name="Port7000Udp" protocol="udp" port="7000" />
<!-- at the end of the definition, or its rules in the <NetworkTrafficRules> that is there -->
<NetworkTrafficRules>
  <OnlyAllowTrafficTo>
    <Destinations>
      <RoleEndpoint roleName="R&amp;D" endpointName="Port9" />
    </Destinations>
    <WhenSource matches="AnyRule">
    </WhenSource>
  </OnlyAllowTrafficTo>
  <OnlyAllowTrafficTo>
    <Destinations>
      <RoleEndpoint roleName="Orders" endpointName="Api" />
      <RoleEndpoint roleName="R&amp;D" endpointName="Port7000" />
    </Destinations>
    <WhenSource matches="AnyRule">
      <FromRole roleName="Orders" />
      <FromRole roleName="Web" />
    </WhenSource>
  </OnlyAllowTrafficTo>
  <OnlyAllowTrafficTo>
    <Destinations>
      <RoleEndpoint roleName="R&amp;D" endpointName="Port7000Udp" />
    </Destinations>
    <WhenSource matches="AnyRule">
      <FromRole roleName="Web" />
    </WhenSource>
  </OnlyAllowTrafficTo>
</NetworkTrafficRules>"#
    );
}

#[test]
fn applied_to_the_definition_they_allow_what_was_seen_and_not_more() {
    let before = service(&[], "");
    let seen = seen(&before);
    let missing = missing_rules(&before, pairs(&seen)).unwrap();
    let after = service(&missing.endpoints, &missing.rules);
    let allowed: BTreeSet<String> = ["Web", "Orders", "R&D"]
        .iter()
        .flat_map(|from| ["Orders", "R&D"].map(|to| (*from, to)))
        .flat_map(|(from, to)| {
            let explained = explain(&after, from, to, None).unwrap();
            let allowed = explained.answers.into_iter().filter(|answer| answer.allowed);
            allowed.map(|answer| format!("{from} -> {to}/{}", answer.endpoint.unwrap())).collect::<Vec<_>>()
        })
        .collect();
    let expected = [
        "Orders -> Orders/Api",
        "Web -> Orders/Api",
        "Orders -> R&D/Port7000",
        "Web -> R&D/Port7000",
        "Web -> R&D/Port7000Udp",
    ];
    assert_eq!(allowed, expected.map(str::to_owned).into());
    for (subject, operation, (to, port)) in [
        ("Web_IN_0", Operation::Connect, ("Orders_IN_1", 8080)),
        ("Orders_IN_1", Operation::Connect, ("Orders_IN_0", 8080)),
        ("Web_IN_0", Operation::Send, ("R&D_IN_0", 7000)),
        ("R&D_IN_0", Operation::Bind(Transport::Tcp), ("R&D_IN_0", 9)),
        ("R&D_IN_0", Operation::Listen, ("R&D_IN_0", 7000)),
    ] {
        let target = (instance(&after, to).address, port).into();
        let verdict = after.policy.decide(instance(&after, subject).index, operation, target);
        assert!(matches!(verdict, Verdict::Allow(_)), "{subject} {operation:?} {to}:{port}: {verdict:?}");
    }
}

#[test]
fn nothing_seen_or_nothing_that_a_rule_could_allow_needs_no_rules() {
    let plan = service(&[], "");
    assert_eq!(missing_rules(&plan, []), None);
    assert_eq!(missing_rules(&plan, [("Web", &DenyReason::Vacant), ("Web", &DenyReason::UnknownName)]), None);
}
