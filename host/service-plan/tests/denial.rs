//! What people read when something is denied.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod services;

use std::net::SocketAddr;

use services::{address_of, instance, plan_of, scenario};
use wasm_roles_service_plan::{Explanation, Plan, explain_denial};
use wasm_roles_virtual_network::policy::{DenyReason, HostRules, Operation, Policy, Transport, Verdict};

fn explain(plan: &Plan, subject: &str, operation: Operation, target: SocketAddr) -> Explanation {
    match plan.policy.decide(instance(plan, subject).index, operation, target) {
        Verdict::Deny(reason) => explain_denial(plan, &reason),
        allowed => panic!("allowed: {allowed:?}"),
    }
}

#[test]
fn a_traffic_rule_is_named_with_its_line_and_the_element_that_would_open_it() {
    let plan = scenario(4);
    let target = address_of(&plan, "WorkerRole2_IN_0", "InternalTCP4");
    let explanation = explain(&plan, "WorkerRole1_IN_0", Operation::Connect, target);
    assert_eq!(
        explanation.to_string(),
        "WorkerRole1 may not reach endpoint InternalTCP4 of WorkerRole2: the traffic rule at \
         scenario-4.csdef:49:5 admits only WebRole1; to allow it, add `<FromRole roleName=\"WorkerRole1\" />` to \
         the `<WhenSource>` of that rule"
    );
    assert_eq!(explanation.place.unwrap().line, 49);
    assert_eq!(explanation.xml.unwrap(), "<FromRole roleName=\"WorkerRole1\" />");
}

#[test]
fn the_same_role_needs_listing_too() {
    let plan = scenario(1);
    let target = address_of(&plan, "WorkerRole1_IN_1", "InternalTCP2");
    let explanation = explain(&plan, "WorkerRole1_IN_0", Operation::Connect, target);
    assert_eq!(explanation.xml.unwrap(), "<FromRole roleName=\"WorkerRole1\" />");
}

#[test]
fn a_port_that_the_target_lacks_is_answered_with_the_endpoint_to_declare() {
    let plan = scenario(4);
    let target = SocketAddr::new(instance(&plan, "WorkerRole2_IN_1").address.into(), 8999);
    let explanation = explain(&plan, "WebRole1_IN_0", Operation::Connect, target);
    assert_eq!(
        explanation.xml.unwrap(),
        "<InternalEndpoint name=\"Port8999\" protocol=\"tcp\" port=\"8999\" />"
    );
    let place = explanation.place.unwrap();
    assert_eq!(place, plan.roles[2].span);
    assert!(
        explanation.remedy.contains("role WorkerRole2 at scenario-4.csdef:20:3"),
        "{}",
        explanation.remedy
    );
}

#[test]
fn a_port_that_the_role_itself_lacks_is_answered_likewise() {
    let plan = plan_of(
        r#"<WorkerRole name="A"><Endpoints><InternalEndpoint name="Port53" protocol="tcp" port="54" /></Endpoints></WorkerRole>"#,
        &[("A", 1)],
    );
    let own = SocketAddr::new(instance(&plan, "A_IN_0").address.into(), 53);
    let explanation = explain(&plan, "A_IN_0", Operation::Bind(Transport::Udp), own);
    assert_eq!(
        explanation.xml.unwrap(),
        "<InternalEndpoint name=\"Port53_\" protocol=\"udp\" port=\"53\" />"
    );
}

#[test]
fn an_address_outside_is_answered_with_the_flag_that_would_let_it_out() {
    let plan = scenario(4);
    for (target, says) in [
        (
            "93.184.216.34:443",
            "to allow it, run with `--allow-outbound 93.184.216.34:443`, or add \"93.184.216.34:443\" to `allow` in the file of `--host-policy`",
        ),
        (
            "[2001:db8::1]:443",
            "to allow it, run with `--allow-outbound [2001:db8::1]:443`, or add \"[2001:db8::1]:443\" to `allow` in the file of `--host-policy`",
        ),
        ("224.0.0.1:443", "no rule leads to an address of this kind, or to port 0"),
        ("[::ffff:127.0.0.1]:443", "no rule leads to an address of this kind, or to port 0"),
        ("93.184.216.34:0", "no rule leads to an address of this kind, or to port 0"),
    ] {
        let explanation = explain(&plan, "WebRole1_IN_0", Operation::Connect, target.parse().unwrap());
        assert_eq!((&explanation.place, &explanation.xml), (&None, &None), "{target}");
        assert_eq!(explanation.reason, "the address is outside the deployment", "{target}");
        assert_eq!(explanation.remedy, says, "{target}");
    }
}

#[test]
fn the_rule_that_a_denial_proposes_allows_it() {
    let plan = scenario(4);
    let subject = instance(&plan, "WebRole1_IN_0").index;
    for target in ["93.184.216.34:443", "[2001:db8::1]:443", "192.168.0.1:22", "169.254.169.254:80"] {
        let target = target.parse().unwrap();
        let remedy = explain(&plan, "WebRole1_IN_0", Operation::Connect, target).remedy;
        let rule = remedy.split('`').nth(1).unwrap().strip_prefix("--allow-outbound ").unwrap();
        let mut rules = HostRules::default();
        rules.allow(rule.parse().unwrap());
        let policy = Policy::clone(&plan.policy).with_host_rules(&rules);
        assert!(policy.decide(subject, Operation::Connect, target).is_allowed(), "{rule}");
    }
}

#[test]
fn a_name_outside_is_answered_with_its_flag_and_a_public_port_with_the_definition() {
    let plan = scenario(4);
    let reason = plan.policy.resolve(instance(&plan, "WebRole1_IN_0").index, "Www.Example.com").unwrap_err();
    let explanation = explain_denial(&plan, &reason);
    assert!(
        explanation.remedy.starts_with("to allow it, run with `--allow-outbound www.example.com`"),
        "{explanation}"
    );
    let public = plan.policy.public_side().unwrap();
    let explanation = explain(&plan, "WebRole1_IN_0", Operation::Connect, (public.address, 1).into());
    assert_eq!(
        explanation.to_string(),
        "the service has no public tcp port 1; its public ports are those of the `<InputEndpoint>` elements in the definition"
    );
}

#[test]
fn a_role_that_nobody_may_reach_says_so() {
    let plan = plan_of(
        r#"<WorkerRole name="R&amp;D"><Endpoints><InternalEndpoint name="In" protocol="tcp" port="54" /></Endpoints></WorkerRole>
           <NetworkTrafficRules><OnlyAllowTrafficTo>
             <Destinations><RoleEndpoint roleName="R&amp;D" endpointName="In" /></Destinations>
             <WhenSource matches="AnyRule" />
           </OnlyAllowTrafficTo></NetworkTrafficRules>"#,
        &[("R&amp;D", 2)],
    );
    let explanation = explain(&plan, "R&D_IN_0", Operation::Connect, address_of(&plan, "R&D_IN_1", "In"));
    assert!(explanation.reason.ends_with("admits nobody"), "{explanation}");
    assert_eq!(explanation.xml.unwrap(), "<FromRole roleName=\"R&amp;D\" />");
}

#[test]
fn every_reason_has_an_explanation() {
    let plan = scenario(4);
    for reason in [
        DenyReason::ForeignAddress,
        DenyReason::Outside { target: "93.184.216.34:443".parse().unwrap() },
        DenyReason::Vacant,
        DenyReason::NoPublicPort { transport: Transport::Tcp, port: 1 },
        DenyReason::UnknownName,
        DenyReason::UnknownSubject,
    ] {
        let explanation = explain_denial(&plan, &reason);
        assert_eq!(explanation.reason, reason.to_string());
        assert!(!explanation.remedy.is_empty());
    }
}
