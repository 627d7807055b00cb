//! Roles in which nothing has changed run on.

use std::net::SocketAddr;

use wasm_roles_fabric::{UpgradeOutcome, WalkPhase};

use crate::bed::{Bed, Service, role, service};

fn ids(kept: &[wasm_roles_service_plan::InstanceId]) -> Vec<&str> {
    kept.iter().map(wasm_roles_service_plan::InstanceId::as_str).collect()
}

/// What of these instances was said to be Recycling.
fn recycled(bed: &Bed) -> Vec<&String> {
    bed.said.iter().filter(|told| told.ends_with(" is Recycling")).collect()
}

#[tokio::test(start_paused = true)]
async fn only_the_role_that_has_changed_is_restarted_and_all_are_of_the_new_generation() {
    let mut bed = Bed::ready(service([role("Web", 2), role("Back", 2)])).await;
    let launches =
        |bed: &Bed| -> Vec<u64> { bed.deployment.statuses().now().iter().map(|one| one.launches).collect() };
    bed.said.clear();
    let summary = bed.upgrade_to(service([role("Web", 2), role("Back", 2).depth(2)])).await;
    assert_eq!((summary.outcome, summary.walked), (UpgradeOutcome::Done, vec![0, 1]));
    assert_eq!(ids(&summary.kept), ["Web_IN_0", "Web_IN_1"]);
    assert_eq!(recycled(&bed), ["Back_IN_0 is Recycling", "Back_IN_1 is Recycling"]);
    assert_eq!(launches(&bed), [1, 1, 2, 2]);
    assert_eq!(
        bed.statuses(),
        ["Web_IN_0 Ready 2", "Web_IN_1 Ready 2", "Back_IN_0 Ready 2", "Back_IN_1 Ready 2"]
    );
    // They are led like all others when something of theirs changes.
    let summary =
        bed.upgrade_to(service([role("Web", 2).guest("role-misbehave"), role("Back", 2).depth(2)])).await;
    assert_eq!(ids(&summary.kept), ["Back_IN_0", "Back_IN_1"]);
    assert_eq!(launches(&bed), [2, 2, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn the_same_package_once_more_restarts_nobody() {
    let mut bed = Bed::ready(service([role("Web", 2)])).await;
    bed.said.clear();
    let summary = bed.upgrade_to(service([role("Web", 2)])).await;
    assert_eq!((summary.outcome, summary.walked.len(), summary.kept.len()), (UpgradeOutcome::Done, 0, 2));
    assert_eq!(recycled(&bed), [""; 0]);
    assert_eq!((bed.deployment.generation(), bed.deployment.progress().borrow().phase), (2, WalkPhase::Done));
}

const OPEN: &str = r#"<Endpoints><InternalEndpoint name="Rpc" protocol="tcp" port="7000" /></Endpoints>"#;

/// Two roles of which one has an endpoint that a rule opens to nobody or to everybody.
fn ruled(rule: &'static str) -> Service {
    Service { before: rule, ..service([role("Web", 1), role("Back", 1).elements(OPEN)]) }
}

#[tokio::test(start_paused = true)]
async fn another_traffic_rule_alone_restarts_nobody_and_holds() {
    const RULE: &str = r#"<NetworkTrafficRules><OnlyAllowTrafficTo><Destinations>
        <RoleEndpoint endpointName="Rpc" roleName="Back" /></Destinations>
        <WhenSource matches="AnyRule"><FromRole roleName="Back" /></WhenSource>
        </OnlyAllowTrafficTo></NetworkTrafficRules>"#;
    let mut bed = Bed::ready(ruled("")).await;
    let may_reach = |bed: &Bed| {
        let (policy, plan) = (bed.deployment.network().policy(), bed.deployment.plan());
        let (web, back) = (&plan.instances[0], &plan.instances[1]);
        let target = SocketAddr::from((back.address, 7000));
        let web = policy.instance_at(web.address).unwrap();
        let connect = wasm_roles_fabric::virtual_network::policy::Operation::Connect;
        matches!(
            policy.decide(web, connect, target),
            wasm_roles_fabric::virtual_network::policy::Verdict::Allow(_)
        )
    };
    assert!(may_reach(&bed));
    bed.said.clear();
    let summary = bed.upgrade_to(ruled(RULE)).await;
    assert_eq!(summary.kept.len(), 2);
    assert_eq!(recycled(&bed), [""; 0]);
    assert!(!may_reach(&bed));
}

#[tokio::test(start_paused = true)]
async fn what_an_instance_sees_of_others_is_part_of_what_it_runs() {
    let seen = |count| service([role("Web", 1), role("Back", count).elements(OPEN)]);
    let mut bed = Bed::ready(seen(1)).await;
    let summary = bed.upgrade_to(seen(2)).await;
    assert_eq!(ids(&summary.kept), [""; 0], "both see the new instance");
    let hidden = |count| service([role("Web", 1), role("Back", 2).elements(OPEN), role("Hidden", count)]);
    bed.upgrade_to(hidden(1)).await;
    let summary = bed.upgrade_to(hidden(2)).await;
    assert_eq!(
        ids(&summary.kept),
        ["Web_IN_0", "Back_IN_0", "Back_IN_1", "Hidden_IN_0"],
        "nobody sees that one"
    );
}

#[tokio::test(start_paused = true)]
async fn a_role_keeps_the_folder_that_it_reads_until_it_changes_itself() {
    let contents = r#"<Contents><Content destination="shared">
        <SourceDirectory path="shared" /></Content></Contents>"#;
    // `shared/depth` tells packages apart by the first role's depth.
    let packed = |first: u32, second: u32| {
        service([role("Web", 1).depth(first), role("Back", 1).depth(second).elements(contents)])
    };
    let mut bed = Bed::ready(packed(1, 1)).await;
    let built =
        |bed: &Bed, generation: &str| bed.data().join("wasm-roles-approot").join(generation).join("Back");
    assert!(built(&bed, "").is_dir());
    // The contents are the same files of another package.
    let mut other = service([role("Web", 1), role("Back", 1).elements(contents)]);
    other.roles[0].mode = "list run";
    let summary = bed.upgrade_to(other.clone()).await;
    assert_eq!(ids(&summary.kept), ["Back_IN_0"]);
    assert!(built(&bed, "").is_dir() && !built(&bed, "2").exists(), "it reads the folder that it has");
    assert!(bed.deployment.reads(&built(&bed, "")));
    let summary = bed.upgrade_to(packed(2, 1)).await;
    assert_eq!(ids(&summary.kept), [""; 0], "its contents are others");
    assert!(!built(&bed, "").exists() && built(&bed, "3").is_dir());
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_fails_on_its_own_closes_no_gate_of_others() {
    let sick = || role("Sick", 1).mode("answer on-start");
    let mut bed = Bed::start(service([role("Web", 1), sick()])).await;
    bed.hears("Web_IN_0 is Ready").await;
    let summary = bed.upgrade_to(service([role("Web", 1).depth(2), sick()])).await;
    assert_eq!((summary.outcome, ids(&summary.kept)), (UpgradeOutcome::Done, vec!["Sick_IN_0"]));
}

#[tokio::test(start_paused = true)]
async fn one_that_was_taken_back_leaves_those_alone_that_it_had_not_touched() {
    let mut bed = Bed::ready(service([role("Web", 1), role("Back", 1)])).await;
    bed.said.clear();
    let summary = bed.upgrade_to(service([role("Web", 1), role("Back", 1).mode("answer on-start")])).await;
    assert!(matches!(summary.outcome, UpgradeOutcome::RolledBack(_)), "{summary:?}");
    assert_eq!(bed.statuses(), ["Web_IN_0 Ready 1", "Back_IN_0 Ready 1"]);
    assert!(!bed.said.iter().any(|told| told == "Web_IN_0 is Recycling"), "{:#?}", bed.said);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_left_alone_starts_again_as_one_of_the_new_generation() {
    let mut bed = Bed::ready(service([role("Web", 1), role("Back", 1)])).await;
    bed.upgrade_to(service([role("Web", 1), role("Back", 1).depth(2)])).await;
    bed.said.clear();
    let web = bed.deployment.plan().instances[0].id.clone();
    bed.deployment.recycle(std::slice::from_ref(&web)).await.unwrap();
    bed.hears("Web_IN_0 on-start [] depth=1").await;
    assert_eq!(bed.statuses(), ["Web_IN_0 Ready 2", "Back_IN_0 Ready 2"]);
}
