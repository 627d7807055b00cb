//! A plan that is made again from what is kept of it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod services;

use std::collections::BTreeSet;

use proptest::prelude::*;
use services::{instance, model_of, plan_of, zoo_model, zoo_with};
use wasm_roles_service_plan::{
    InstanceId, Placement, Plan, PlanError, plan_after, plan_after_removing, plan_placed,
};

const ROLES: &str = r#"
    <WorkerRole name="A"><Endpoints>
      <InternalEndpoint name="Rpc" protocol="tcp" /><InternalEndpoint name="Fixed" protocol="tcp" port="7000" />
    </Endpoints></WorkerRole>
    <WorkerRole name="B"><Endpoints>
      <InstanceInputEndpoint name="Direct" protocol="tcp" localPort="8000">
        <AllocatePublicPortFrom><FixedPortRange min="9000" max="9003" /></AllocatePublicPortFrom>
      </InstanceInputEndpoint>
    </Endpoints></WorkerRole>"#;

fn counts(a: u32, b: u32) -> [(&'static str, u32); 2] {
    [("A", a), ("B", b)]
}

fn named(plan: &Plan, ids: &[&str]) -> BTreeSet<InstanceId> {
    ids.iter().map(|id| instance(plan, id).id.clone()).collect()
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.instances.iter().map(|instance| instance.id.as_str()).collect()
}

/// Everything of a plan but the policy, which can be asked only.
fn same(one: &Plan, other: &Plan) -> bool {
    one.instances == other.instances && one.public == other.public && one.roles == other.roles
}

/// Three of each, then one of each is named to go, so that there are gaps.
fn with_gaps() -> Plan {
    let running = plan_of(ROLES, &counts(3, 3));
    let removed = named(&running, &["A_IN_0", "B_IN_1"]);
    plan_after_removing(&running, &model_of(ROLES, &counts(2, 2)), &removed).unwrap()
}

#[test]
fn an_instance_that_is_named_goes_and_the_others_stay_what_they_are() {
    let (running, next) = (plan_of(ROLES, &counts(3, 3)), with_gaps());
    assert_eq!(ids(&next), ["A_IN_1", "A_IN_2", "B_IN_0", "B_IN_2"]);
    for one in &next.instances {
        let before = instance(&running, one.id.as_str());
        let kept = (before.address, before.update_domain, before.fault_domain, &before.endpoints);
        assert_eq!((one.address, one.update_domain, one.fault_domain, &one.endpoints), kept, "{}", one.id);
    }
    let public: Vec<u16> = next.public.iter().map(|public| public.port.get()).collect();
    assert_eq!(public, [9000, 9002]);
}

#[test]
fn growth_after_that_fills_the_gap() {
    let next = plan_after(&with_gaps(), &model_of(ROLES, &counts(4, 3))).unwrap();
    assert_eq!(ids(&next), ["A_IN_0", "A_IN_1", "A_IN_2", "A_IN_3", "B_IN_0", "B_IN_1", "B_IN_2"]);
}

#[test]
fn only_what_runs_can_be_named() {
    let running = plan_of(ROLES, &counts(2, 1));
    let other = plan_of(ROLES, &counts(3, 1));
    let removed = named(&other, &["A_IN_2"]);
    let error = plan_after_removing(&running, &model_of(ROLES, &counts(1, 1)), &removed).unwrap_err();
    assert!(error.to_string().starts_with("there is no instance A_IN_2 to remove"), "{error}");
}

#[test]
fn a_number_beyond_the_range_of_public_ports_is_refused() {
    // All four ports are taken, and the one who shall come is the fifth.
    let running = plan_of(ROLES, &counts(1, 4));
    let removed = named(&running, &["B_IN_0"]);
    let error = plan_after_removing(&running, &model_of(ROLES, &counts(1, 4)), &removed).unwrap_err();
    let expected = "instance B_IN_4 would have no public port: instance input endpoint Direct has 4 of them";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[test]
fn a_plan_is_the_same_when_it_is_made_again() {
    let running = with_gaps();
    let written = serde_json::to_string(&Placement::of(&running)).unwrap();
    let expected = r#"{"roles":{"A":{"ports":{"Rpc":20000},"instances":{"1":"10.0.0.5","2":"10.0.0.6"}},"B":{"ports":{},"instances":{"0":"10.0.0.7","2":"10.0.0.9"}}}}"#;
    assert_eq!(written, expected);
    let read: Placement = serde_json::from_str(&written).unwrap();
    let again = plan_placed(&model_of(ROLES, &counts(2, 2)), &read).unwrap();
    assert!(same(&running, &again), "{again:#?}");
    let fresh = plan_of(ROLES, &counts(2, 2));
    assert!(!same(&running, &fresh), "without its placement it is another");
}

#[test]
fn a_placement_of_another_service_is_refused_and_nothing_is_chosen_anew() {
    const CASES: [(&str, &str); 8] = [
        (r#"{"roles":{}}"#, "it does not have the definition's role A"),
        (
            r#"{"roles":{"A":{"ports":{"Rpc":20000},"instances":{"0":"10.0.0.4"}},"B":{},"C":{}}}"#,
            "it has a role C, which the definition does not have",
        ),
        (
            r#"{"roles":{"A":{"ports":{"Rpc":20000},"instances":{"0":"10.0.0.4","1":"10.0.0.5"}},"B":{}}}"#,
            "it has 2 instances of role A, and the configuration has 1",
        ),
        (
            r#"{"roles":{"A":{"ports":{"Rpc":20000},"instances":{"0":"10.0.0.4"}},"B":{"instances":{"0":"10.0.0.4"}}}}"#,
            "two instances have the same address",
        ),
        (
            r#"{"roles":{"A":{"ports":{"Rpc":20000},"instances":{"0":"10.0.0.1"}},"B":{"instances":{"0":"10.0.0.4"}}}}"#,
            "an instance has the address 10.0.0.1, which is none for instances",
        ),
        (
            r#"{"roles":{"A":{"ports":{"Rpc":20000},"instances":{"0":"127.0.0.1"}},"B":{"instances":{"0":"10.0.0.4"}}}}"#,
            "an instance has the address 127.0.0.1, which is none for instances",
        ),
        (
            r#"{"roles":{"A":{"ports":{},"instances":{"0":"10.0.0.4"}},"B":{"instances":{"0":"10.0.0.5"}}}}"#,
            "the ports of role A are not those of the definition",
        ),
        (
            r#"{"roles":{"A":{"ports":{"Rpc":20000,"Old":20001},"instances":{"0":"10.0.0.4"}},"B":{"instances":{"0":"10.0.0.5"}}}}"#,
            "the ports of role A are not those of the definition",
        ),
    ];
    let model = model_of(ROLES, &counts(1, 1));
    for (written, what) in CASES {
        let placement: Placement = serde_json::from_str(written).unwrap();
        match plan_placed(&model, &placement) {
            Err(PlanError::Misplaced { what: found }) => assert_eq!(found, what, "{written}"),
            other => panic!("{written}: {other:?}"),
        }
    }
}

#[test]
fn a_number_that_cannot_be_read_is_no_placement() {
    for written in [
        r#"{"roles":{"A":{"instances":{"-1":"10.0.0.4"}}}}"#,
        r#"{"roles":{"A":{"instances":{"0":"10.0.0"}}}}"#,
        r#"{"roles":{"A":{"ports":{"Rpc":65536}}}}"#,
        r#"{"roles":{"A":{"colour":1}}}"#,
        r#"{}"#,
    ] {
        assert!(serde_json::from_str::<Placement>(written).is_err(), "{written}");
    }
}

/// Instance counts of the four roles of the zoo. The first one has five public ports for its instances.
fn zoo_counts() -> impl Strategy<Value = [u32; 4]> {
    [0..6_u32, 0..8_u32, 0..8_u32, 0..8_u32]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_a_deployment_went_through_its_plan_can_be_made_again(
        counts in proptest::collection::vec(zoo_counts(), 1..4),
        removed in proptest::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let mut running = zoo_with(counts[0]);
        let mut last = counts[0];
        for counts in &counts[1..] {
            running = plan_after(&running, &zoo_model(*counts)).unwrap();
            last = *counts;
        }
        if !running.instances.is_empty() {
            let named: BTreeSet<InstanceId> =
                removed.iter().map(|index| index.get(&running.instances).id.clone()).collect();
            let roles: Vec<&str> = running.roles.iter().map(|role| role.name.as_str()).collect();
            for id in &named {
                let role = running.instance(id).unwrap().role.as_str();
                last[roles.iter().position(|name| *name == role).unwrap()] -= 1;
            }
            running = plan_after_removing(&running, &zoo_model(last), &named).unwrap();
        }
        let again = plan_placed(&zoo_model(last), &Placement::of(&running)).unwrap();
        prop_assert!(same(&running, &again));
    }
}
