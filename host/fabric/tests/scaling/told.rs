//! Who is told of what, and when.

use wasm_roles_fabric::RoleEvent;
use wasm_roles_fabric::change::{Arrival, ChangeSummary, Missed, READY_AGAIN, Reaction};

use crate::bed::{Bed, Configured, ONE_EACH};

const FINE: Reaction = Reaction::Changed { missed: None };
/// What is around the end of an instance.
const STOP: [&str; 4] = ["is Stopping", "stopping []", "on-stop []", "is Stopped"];

fn reactions(summary: &ChangeSummary) -> Vec<(&str, Reaction)> {
    summary.instances.iter().map(|(instance, reaction)| (instance.as_str(), *reaction)).collect()
}

fn added(summary: &ChangeSummary) -> Vec<(&str, Arrival)> {
    summary.added.iter().map(|(instance, arrival)| (instance.as_str(), *arrival)).collect()
}

fn removed(summary: &ChangeSummary) -> Vec<&str> {
    summary.removed.iter().map(|stopped| stopped.instance.as_str()).collect()
}

/// What was told of these instances, without the setting.
fn told_of(instances: &[&str], told: &[String]) -> Vec<String> {
    let of = |line: &&String| instances.iter().any(|instance| line.starts_with(instance));
    told.iter().filter(of).map(|line| line.trim_end_matches(" depth=1").to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn new_instances_are_ready_before_anybody_hears_of_them() {
    let mode = "list changing, list changed";
    let mut bed = Bed::ready("", Configured { mode, ..ONE_EACH }).await;
    let (summary, told) = bed.change(Configured { back: 2, mode, ..ONE_EACH }).await;

    assert_eq!(added(&summary), [("Back_IN_1", Arrival::Ready)]);
    assert_eq!(reactions(&summary), [("Front_IN_0", FINE), ("Back_IN_0", FINE)]);
    assert_eq!(removed(&summary), [""; 0]);
    let ready = told.iter().position(|line| line == "Back_IN_1 is Ready").unwrap();
    let first = told.iter().position(|line| line.contains("changing")).unwrap();
    assert!(ready < first, "{told:#?}");
    assert_eq!(
        told_of(&["Back_IN_0"], &told),
        [
            "Back_IN_0 changing [topology:Back]",
            "Back_IN_0 changing sees Back_IN_0",
            "Back_IN_0 changed [topology:Back]",
            "Back_IN_0 changed sees Back_IN_0 Back_IN_1",
        ]
    );
    let last = told_of(&["Front_IN_0"], &told).pop();
    assert_eq!(last.unwrap(), "Front_IN_0 changed sees Front_IN_0 Back_IN_0 Back_IN_1");
    assert_eq!(bed.statuses(), ["Front_IN_0 Ready", "Back_IN_0 Ready", "Back_IN_1 Ready"]);
}

#[tokio::test(start_paused = true)]
async fn everybody_hears_of_instances_that_go_before_these_stop() {
    let mode = "list changed";
    let mut bed = Bed::ready("", Configured { back: 3, mode, ..ONE_EACH }).await;
    let (summary, told) = bed.change(Configured { mode, ..ONE_EACH }).await;

    assert_eq!(reactions(&summary), [("Front_IN_0", FINE), ("Back_IN_0", FINE)]);
    let mut gone = removed(&summary);
    gone.sort_unstable();
    assert_eq!(gone, ["Back_IN_1", "Back_IN_2"]);
    for instance in ["Back_IN_1", "Back_IN_2"] {
        let expected = STOP.map(|words| format!("{instance} {words}"));
        let mut lines = told_of(&[instance], &told);
        // Its status and its words come by different ways.
        lines.sort_by_key(|line| STOP.iter().position(|words| line.ends_with(words)));
        assert_eq!(lines, expected, "{told:#?}");
    }
    let told_last = told.iter().rposition(|line| line.contains("changed sees")).unwrap();
    let stopping = told.iter().position(|line| line.ends_with("is Stopping")).unwrap();
    assert!(told_last < stopping, "{told:#?}");
    assert!(told.contains(&"Back_IN_0 changed sees Back_IN_0".to_owned()), "{told:#?}");
    assert_eq!(bed.statuses(), ["Front_IN_0 Ready", "Back_IN_0 Ready"]);
    assert_eq!(bed.stored(), ["Back_IN_0", "Front_IN_0"], "what they had stored goes with them");
}

#[tokio::test(start_paused = true)]
async fn the_instances_of_a_role_that_nobody_sees_are_news_for_that_role_alone() {
    let mut bed = Bed::ready("", ONE_EACH).await;
    let (summary, _) = bed.change(Configured { front: 2, ..ONE_EACH }).await;
    assert_eq!(
        (added(&summary), reactions(&summary)),
        (vec![("Front_IN_1", Arrival::Ready)], vec![("Front_IN_0", FINE)])
    );
}

#[tokio::test(start_paused = true)]
async fn one_upgrade_domain_hears_of_it_after_the_other() {
    let mut bed = Bed::ready(r#"upgradeDomainCount="2""#, Configured { front: 2, ..ONE_EACH }).await;
    let (_, told) = bed.change(Configured { front: 2, back: 2, ..ONE_EACH }).await;
    let events: Vec<String> = told.into_iter().filter(|line| line.contains("[topology:")).collect();
    let position = |words: &str| events.iter().position(|line| line.starts_with(words)).unwrap();
    // Front_IN_0 and Back_IN_0 are in the first domain, Front_IN_1 is in the second.
    for first in ["Front_IN_0 changed", "Back_IN_0 changed"] {
        assert!(position(first) < position("Front_IN_1 changing"), "{events:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn under_blast_everybody_hears_of_it_at_once_and_nobody_can_refuse() {
    let mode = "answer changing, list simultaneous-changing, list simultaneous-changed";
    let configured = Configured { front: 2, mode, ..ONE_EACH };
    let mut bed = Bed::ready(r#"topologyChangeDiscovery="Blast""#, configured).await;
    for (back, sees) in [(2, "Back_IN_0 Back_IN_1"), (1, "Back_IN_0")] {
        let (summary, told) = bed.change(Configured { back, ..configured }).await;
        assert_eq!(reactions(&summary), [("Front_IN_0", FINE), ("Front_IN_1", FINE), ("Back_IN_0", FINE)]);
        let events: Vec<&String> = told.iter().filter(|line| line.contains("[topology:Back]")).collect();
        assert_eq!(events.len(), 6, "{told:#?}");
        let heard = |line: &&String, event: &str| line.contains(&format!(" {event} "));
        assert!(events[..3].iter().all(|line| heard(line, "simultaneous-changing")), "{told:#?}");
        assert!(events[3..].iter().all(|line| heard(line, "simultaneous-changed")), "{told:#?}");
        assert!(
            told.contains(&format!("Front_IN_1 simultaneous-changed sees Front_IN_1 {sees}")),
            "{told:#?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn new_instances_start_with_the_new_settings() {
    let mut bed = Bed::ready("", ONE_EACH).await;
    let (summary, told) = bed.change(Configured { back: 2, depth: 2, ..ONE_EACH }).await;
    assert_eq!(reactions(&summary), [("Front_IN_0", FINE), ("Back_IN_0", FINE)]);
    assert!(told.contains(&"Back_IN_1 on-start [] depth=2".to_owned()), "{told:#?}");
    for line in
        ["changing [setting:depth topology:Back] depth=1", "changed [setting:depth topology:Back] depth=2"]
    {
        assert!(told.contains(&format!("Back_IN_0 {line}")), "{told:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_refuses_is_recycled_and_then_sees_the_new_ones() {
    let mode = "answer changing, list run";
    let mut bed = Bed::ready("", Configured { mode, ..ONE_EACH }).await;
    let (summary, told) = bed.change(Configured { back: 2, mode, ..ONE_EACH }).await;
    assert_eq!(reactions(&summary), [("Front_IN_0", Reaction::Recycled), ("Back_IN_0", Reaction::Recycled)]);
    assert!(told.contains(&"Back_IN_0 refuses".to_owned()), "{told:#?}");
    let sees = "Back_IN_0 run sees Back_IN_0 Back_IN_1";
    // It is Ready before it says so.
    if !told.iter().any(|line| line == sees) {
        bed.hears(sees).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_does_not_return_keeps_nobody_from_coming_or_going() {
    let configured = Configured { front: 0, mode: "hang changed", ..ONE_EACH };
    let mut bed = Bed::ready("", configured).await;
    let missed = Reaction::Changed { missed: Some((RoleEvent::Changed, Missed::NotReturned)) };
    for back in [2, 1] {
        let (summary, _) = bed.change(Configured { back, ..configured }).await;
        assert_eq!(reactions(&summary), [("Back_IN_0", missed)]);
        assert_eq!(bed.statuses().len(), usize::try_from(back).unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_instance_that_does_not_become_ready_is_waited_for_half_an_hour_and_then_tried_on() {
    let mut bed = Bed::ready("", Configured { front: 0, ..ONE_EACH }).await;
    let begun = tokio::time::Instant::now();
    let (summary, _) =
        bed.change(Configured { front: 0, back: 2, mode: "answer on-start", ..ONE_EACH }).await;
    assert_eq!(added(&summary), [("Back_IN_1", Arrival::NotReadyYet)]);
    assert!(begun.elapsed() >= READY_AGAIN);
    assert_eq!(reactions(&summary), [("Back_IN_0", FINE)]);
    assert_eq!(bed.statuses().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn all_instances_of_a_role_can_go_and_come_again() {
    let mut bed = Bed::ready("", Configured { front: 2, back: 2, ..ONE_EACH }).await;
    let (summary, _) = bed.change(Configured { front: 0, back: 2, ..ONE_EACH }).await;
    assert_eq!((removed(&summary).len(), reactions(&summary)), (2, vec![]));
    // The policy numbers them anew; who is recycled finds its place all the same.
    let recycle = Configured { front: 0, back: 2, depth: 2, mode: "answer changing" };
    bed.change(Configured { depth: 1, ..recycle }).await;
    let (summary, _) = bed.change(recycle).await;
    assert_eq!(reactions(&summary), [("Back_IN_0", Reaction::Recycled), ("Back_IN_1", Reaction::Recycled)]);
    let (summary, _) = bed.change(Configured { front: 1, ..recycle }).await;
    assert_eq!(added(&summary), [("Front_IN_0", Arrival::Ready)]);
}
