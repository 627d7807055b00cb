//! The plan of a deployment's next configuration: who stays keeps what it has.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod services;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};

use proptest::prelude::*;
use services::{address_of, instance, model_of, plan_of, zoo_model, zoo_with};
use wasm_roles_service_plan::{Plan, PlanError, PlannedInstance, PublicPort, plan_after};
use wasm_roles_virtual_network::policy::{Operation, Verdict};

const TWO_ROLES: &str = r#"
    <WorkerRole name="First">
      <Endpoints>
        <InternalEndpoint name="Rpc" protocol="tcp" />
        <InstanceInputEndpoint name="Direct" protocol="tcp" localPort="8000">
          <AllocatePublicPortFrom><FixedPortRange min="9000" max="9009" /></AllocatePublicPortFrom>
        </InstanceInputEndpoint>
      </Endpoints>
    </WorkerRole>
    <WorkerRole name="Second"><Endpoints><InternalEndpoint name="Rpc" protocol="tcp" /></Endpoints></WorkerRole>"#;

/// `TWO_ROLES` with these instance counts, one configuration after the other.
fn plans(counts: &[[u32; 2]]) -> Vec<Plan> {
    let mut plans: Vec<Plan> = Vec::new();
    for [first, second] in counts {
        let counts = [("First", *first), ("Second", *second)];
        let next = match plans.last() {
            Some(running) => plan_after(running, &model_of(TWO_ROLES, &counts)).unwrap(),
            None => plan_of(TWO_ROLES, &counts),
        };
        plans.push(next);
    }
    plans
}

/// Each instance as `<id> .<last byte of its address>`.
fn placed(plan: &Plan) -> Vec<String> {
    let place = |one: &PlannedInstance| format!("{} .{}", one.id, one.address.octets()[3]);
    plan.instances.iter().map(place).collect()
}

#[test]
fn new_instances_get_the_lowest_free_addresses_and_everybody_else_stays() {
    let plans = plans(&[[1, 2], [3, 2]]);
    assert_eq!(placed(&plans[0]), ["First_IN_0 .4", "Second_IN_0 .5", "Second_IN_1 .6"]);
    assert_eq!(
        placed(&plans[1]),
        ["First_IN_0 .4", "First_IN_1 .7", "First_IN_2 .8", "Second_IN_0 .5", "Second_IN_1 .6"]
    );
}

#[test]
fn a_role_that_gets_smaller_loses_its_highest_ordinals() {
    let plans = plans(&[[3, 1], [1, 1]]);
    assert_eq!(placed(&plans[1]), ["First_IN_0 .4", "Second_IN_0 .7"]);
}

#[test]
fn nobody_gets_the_address_of_an_instance_that_leaves_in_the_same_change() {
    let plans = plans(&[[3, 1], [1, 3], [3, 3]]);
    assert_eq!(placed(&plans[1]), ["First_IN_0 .4", "Second_IN_0 .7", "Second_IN_1 .8", "Second_IN_2 .9"]);
    let last = ["First_IN_0 .4", "First_IN_1 .5", "First_IN_2 .6"];
    assert_eq!(placed(&plans[2])[..3], last, "the change after it may have them");
}

#[test]
fn growing_and_shrinking_again_gives_the_first_plan() {
    let plans = plans(&[[2, 1], [8, 1], [2, 1]]);
    assert_eq!(plans[0].instances, plans[2].instances);
    assert_eq!(plans[0].public, plans[2].public);
}

#[test]
fn each_instance_keeps_its_own_public_port() {
    let plans = plans(&[[2, 1], [4, 1]]);
    let ports = |plan: &Plan| -> Vec<(String, u16)> {
        let of = |port: &PublicPort| (port.instance.as_ref().unwrap().to_string(), port.port.get());
        plan.public.iter().map(of).collect()
    };
    assert_eq!(ports(&plans[0])[..], ports(&plans[1])[..2]);
    assert_eq!(ports(&plans[1])[3], ("First_IN_3".to_owned(), 9003));
}

#[test]
fn an_endpoint_keeps_the_port_that_was_chosen_for_it_when_another_one_comes_before_it() {
    let endpoints = |before: &str| {
        format!(
            r#"<WorkerRole name="W"><Endpoints>{before}<InternalEndpoint name="Rpc" protocol="tcp" /></Endpoints></WorkerRole>"#
        )
    };
    let port = |plan: &Plan, endpoint| address_of(plan, "W_IN_0", endpoint).port();
    let running = plan_of(&endpoints(""), &[("W", 1)]);
    assert_eq!(port(&running, "Rpc"), 20_000);
    let cases = [
        // (what comes before it, its port, that of the other one)
        (r#"<InternalEndpoint name="Other" protocol="tcp" />"#, 20_000, 20_001),
        (r#"<InternalEndpoint name="Other" protocol="tcp" port="20000" />"#, 20_001, 20_000),
    ];
    for (before, rpc, other) in cases {
        let next = plan_after(&running, &model_of(&endpoints(before), &[("W", 1)])).unwrap();
        assert_eq!((port(&next, "Rpc"), port(&next, "Other")), (rpc, other), "{before}");
    }
}

#[test]
fn nobody_gets_the_port_that_an_endpoint_leaves_until_the_change_after_it() {
    let with = |endpoints: &[&str]| {
        let endpoint = |name: &&str| format!(r#"<InternalEndpoint name="{name}" protocol="tcp" />"#);
        let endpoints: String = endpoints.iter().map(endpoint).collect();
        format!(r#"<WorkerRole name="W"><Endpoints>{endpoints}</Endpoints></WorkerRole>"#)
    };
    let port = |plan: &Plan, endpoint| address_of(plan, "W_IN_0", endpoint).port();
    let first = plan_of(&with(&["Old", "Kept"]), &[("W", 1)]);
    assert_eq!((port(&first, "Old"), port(&first, "Kept")), (20_000, 20_001));
    // Instances of before listen at 20000, for those whom the rules of `Old` admit.
    let second = plan_after(&first, &model_of(&with(&["New", "Kept"]), &[("W", 1)])).unwrap();
    assert_eq!((port(&second, "New"), port(&second, "Kept")), (20_002, 20_001));
    let third = plan_after(&second, &model_of(&with(&["New", "Kept", "Newer"]), &[("W", 1)])).unwrap();
    assert_eq!((port(&third, "New"), port(&third, "Newer")), (20_002, 20_000));
}

#[test]
fn a_private_network_that_is_too_small_for_the_change_says_so() {
    let running = plan_of(TWO_ROLES, &[("First", 0), ("Second", 65_531)]);
    let change = |second| plan_after(&running, &model_of(TWO_ROLES, &[("First", 2), ("Second", second)]));
    let error = change(65_529).unwrap_err();
    assert!(matches!(error, PlanError::NoAddressLeft { wanted: 65_531, leaving: 2, .. }), "{error}");
    let error = change(65_531).unwrap_err();
    assert!(matches!(error, PlanError::TooManyInstances { wanted: 65_533, .. }), "{error}");
}

#[test]
fn a_number_of_instances_that_nobody_can_mean_costs_nothing() {
    let running = plan_of(TWO_ROLES, &[("First", 1), ("Second", 1)]);
    let model = model_of(TWO_ROLES, &[("First", 1), ("Second", 2_147_483_647)]);
    let begun = std::time::Instant::now();
    for error in
        [plan_after(&running, &model).unwrap_err(), wasm_roles_service_plan::plan(&model).unwrap_err()]
    {
        assert!(matches!(error, PlanError::TooManyInstances { wanted: 2_147_483_648, .. }), "{error}");
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "nothing is made for each of them");
}

#[test]
fn beside_the_next_plan_those_who_leave_keep_their_rights_until_its_own_policy_holds() {
    let plans = plans(&[[1, 2], [2, 1]]);
    let (running, next) = (&plans[0], &plans[1]);
    let leaving = instance(running, "Second_IN_1");
    let beside = next.policy_beside([leaving]).unwrap();
    let rpc = |plan: &Plan, id| address_of(plan, id, "Rpc");
    let allows = |policy: &wasm_roles_virtual_network::Policy, from: Ipv4Addr, to: SocketAddr| {
        let subject = policy.instance_at(from);
        subject.is_some_and(|subject| {
            matches!(policy.decide(subject, Operation::Connect, to), Verdict::Allow(_))
        })
    };
    let (comes, leaves) = (instance(next, "First_IN_1").address, leaving.address);
    for (from, to) in [
        (leaves, rpc(next, "First_IN_1")),
        (leaves, rpc(next, "Second_IN_0")),
        (comes, rpc(running, "Second_IN_1")),
        (comes, rpc(next, "First_IN_0")),
    ] {
        assert!(allows(&beside, from, to), "{from} to {to}");
    }
    assert!(!allows(&next.policy, leaves, rpc(next, "First_IN_0")));
    for one in &next.instances {
        assert_eq!(beside.instance_id(one.index), Some(one.id.as_str()));
    }
    assert!(next.policy_beside([instance(running, "Second_IN_0")]).is_err(), "it does not leave");
}

#[test]
fn between_two_definitions_those_of_either_may_do_what_theirs_allows() {
    let role = |name: &str, port: u16| {
        format!(
            r#"<WorkerRole name="{name}"><Endpoints>
                <InternalEndpoint name="Rpc" protocol="tcp" port="{port}" /></Endpoints></WorkerRole>"#
        )
    };
    // Kept gets another port, Gone goes, and New comes before all others.
    let old = plan_of(&[role("Kept", 1), role("Gone", 3)].concat(), &[("Kept", 2), ("Gone", 1)]);
    let new = [role("New", 4), role("Kept", 2)].concat();
    let new = plan_after(&old, &model_of(&new, &[("New", 1), ("Kept", 2)])).unwrap();
    let between = new.policy_between(&old, [instance(&old, "Gone_IN_0")]).unwrap();
    let address = |plan: &Plan, id: &str| instance(plan, id).address;
    let (kept, peer) = (address(&old, "Kept_IN_0"), address(&old, "Kept_IN_1"));
    let (gone, comes) = (address(&old, "Gone_IN_0"), address(&new, "New_IN_0"));
    for (from, to, port, old_allows, new_allows) in [
        (kept, peer, 1, true, false),
        (kept, peer, 2, false, true),
        (kept, gone, 3, true, false),
        (gone, kept, 1, true, false),
        (kept, comes, 4, false, true),
        (comes, gone, 3, false, false), // only while both are there
        (kept, peer, 9, false, false),
    ] {
        let target = SocketAddr::from((to, port));
        let allows = |policy: &wasm_roles_virtual_network::Policy| {
            let subject = policy.instance_at(from);
            subject.is_some_and(|subject| policy.decide(subject, Operation::Connect, target).is_allowed())
        };
        assert_eq!((allows(&old.policy), allows(&new.policy)), (old_allows, new_allows), "{from} {target}");
        let meanwhile = old_allows || new_allows || (from, to) == (comes, gone);
        assert_eq!(allows(&between), meanwhile, "{from} {target}");
    }
    for one in &new.instances {
        assert_eq!(between.instance_id(one.index), Some(one.id.as_str()));
    }
}

#[test]
fn between_two_definitions_a_rule_counts_by_the_names_of_its_roles() {
    let rule = |from: &str| {
        format!(
            r#"<NetworkTrafficRules><OnlyAllowTrafficTo>
                <Destinations><RoleEndpoint roleName="Back" endpointName="Rpc" /></Destinations>
                <WhenSource matches="AnyRule"><FromRole roleName="{from}" /></WhenSource>
            </OnlyAllowTrafficTo></NetworkTrafficRules>"#
        )
    };
    let back = r#"<WorkerRole name="Back"><Endpoints>
        <InternalEndpoint name="Rpc" protocol="tcp" port="1" /></Endpoints></WorkerRole>"#;
    let role = |name: &str| format!(r#"<WorkerRole name="{name}" />"#);
    let old = plan_of(
        &[back.to_owned(), role("A"), role("B"), rule("A")].concat(),
        &[("Back", 1), ("A", 1), ("B", 1)],
    );
    // The roles have other positions in the new definition.
    let new = [role("C"), role("B"), role("A"), back.to_owned(), rule("B")].concat();
    let new = plan_after(&old, &model_of(&new, &[("C", 1), ("B", 1), ("A", 1), ("Back", 1)])).unwrap();
    let between = new.policy_between(&old, []).unwrap();
    let target = address_of(&new, "Back_IN_0", "Rpc");
    for (id, allowed) in [("A_IN_0", true), ("B_IN_0", true), ("C_IN_0", false)] {
        let verdict = between.decide(instance(&new, id).index, Operation::Connect, target);
        assert_eq!(verdict.is_allowed(), allowed, "{id}");
    }
}

/// Instance counts of the four roles of the zoo. The first one has five public ports for its instances.
fn counts() -> impl Strategy<Value = [u32; 4]> {
    [0..6_u32, 0..12_u32, 0..12_u32, 0..12_u32]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn through_any_changes_who_stays_stays_the_same_and_no_address_is_taken_from_the_living(
        counts in proptest::collection::vec(counts(), 1..6)
    ) {
        let mut running = zoo_with(counts[0]);
        for counts in &counts[1..] {
            let next = plan_after(&running, &zoo_model(*counts)).unwrap();
            for one in &next.instances {
                if let Some(before) = running.instance(&one.id) {
                    let mut same = one.clone();
                    same.index = before.index; // a number in its own policy
                    prop_assert_eq!(before, &same);
                } else {
                    prop_assert!(running.instances.iter().all(|living| living.address != one.address));
                }
            }
            let addresses: BTreeSet<Ipv4Addr> = next.instances.iter().map(|one| one.address).collect();
            prop_assert_eq!(addresses.len(), next.instances.len());
            let leaving = running.instances.iter().filter(|one| next.instance(&one.id).is_none());
            prop_assert!(next.policy_beside(leaving).is_ok());
            running = next;
        }
    }

    #[test]
    fn there_and_back_again_gives_the_same_plan(first in counts(), second in counts()) {
        // Only with every role at least as large in between do all instances stay.
        let grown = [0, 1, 2, 3].map(|role| first[role].max(second[role]));
        let begin = zoo_with(first);
        let between = plan_after(&begin, &zoo_model(grown)).unwrap();
        let end = plan_after(&between, &zoo_model(first)).unwrap();
        prop_assert_eq!(begin.instances, end.instances);
        prop_assert_eq!(begin.public, end.public);
    }
}
