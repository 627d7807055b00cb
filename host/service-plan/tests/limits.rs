//! Limits put over those of the machine sizes, on whole plans.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    dead_code,
    reason = "a panic in a test is its report, also in the functions that tests share; not every test uses all of those"
)]

mod services;

use services::{instance, plan_of};
use wasm_roles_service_plan::{LimitName, Plan};

fn plan() -> Plan {
    let roles = r#"<WorkerRole name="A" vmsize="ExtraSmall">
            <LocalResources><LocalStorage name="S" sizeInMB="19000" /></LocalResources>
        </WorkerRole><WorkerRole name="B" />"#;
    plan_of(roles, &[("A", 2), ("B", 1)])
}

fn with(limits: &[&str]) -> Result<Plan, String> {
    let limits: Vec<_> = limits.iter().map(|text| text.parse().unwrap()).collect();
    plan().with_limits(&limits).map_err(|error| error.to_string())
}

fn of(plan: &Plan, id: &str, name: LimitName) -> u64 {
    instance(plan, id).limits.get(name)
}

#[test]
fn without_overrides_the_machine_size_decides() {
    let plan = with(&[]).unwrap();
    let all = |id| LimitName::ALL.map(|name| of(&plan, id, name));
    assert_eq!(all("A_IN_1"), [768 << 20, 50, 19 << 30, 4096, 256, 32_768, 1 << 20, 1 << 20]);
    assert_eq!(all("B_IN_0"), [1_792 << 20, 100, 224 << 30, 4096, 256, 32_768, 1 << 20, 1 << 20]);
}

#[test]
fn an_override_is_for_all_instances_or_for_those_of_one_role() {
    let plan = with(&["sockets=7", "B.cpu=300"]).unwrap();
    let both = |id| (of(&plan, id, LimitName::Sockets), of(&plan, id, LimitName::Cpu));
    assert_eq!((both("A_IN_0"), both("A_IN_1"), both("B_IN_0")), ((7, 50), (7, 50), (7, 300)));
}

#[test]
fn the_override_that_names_the_role_counts_and_then_the_later_one() {
    let plan = with(&["A.memory=1MiB", "A.memory=2MiB", "memory=3MiB", "memory=4MiB"]).unwrap();
    let mebibytes = |id| of(&plan, id, LimitName::Memory) >> 20;
    assert_eq!((mebibytes("A_IN_0"), mebibytes("B_IN_0")), (2, 4));
}

#[test]
fn a_role_that_is_not_there_is_an_error_with_the_nearest_one() {
    let plan = plan_of(r#"<WorkerRole name="Worker1" />"#, &[("Worker1", 1)]);
    let error = plan.with_limits(&["Worker2.cpu=1".parse().unwrap()]).unwrap_err().to_string();
    assert_eq!(error, "--limit Worker2.cpu: the definition has no role Worker2; did you mean Worker1?");
}

#[test]
fn local_stores_have_to_fit_on_the_disk() {
    assert!(with(&["disk=19000MiB"]).is_ok());
    let error = with(&["A.disk=18GiB"]).unwrap_err();
    let expected = "the local stores of role A need 18.55 GiB, but an instance has 18 GiB of disk; make the stores \
                    smaller, take a larger vmsize, or give it more with --limit A.disk=19000MiB";
    assert_eq!(error, expected);
    assert!(with(&["A.disk=18GiB", "A.disk=19GiB"]).is_ok());
}
