//! Orders to single instances.

use wasm_roles_fabric::change::{Arrival, Reaction};
use wasm_roles_fabric::{End, EventKind, OrderError, Status, UpgradeOutcome};

use crate::bed::{Bed, Setup, TWO_EACH, get, ids};

#[tokio::test(start_paused = true)]
async fn an_instance_that_was_stopped_gets_nothing_until_it_is_started() {
    let mut bed = Bed::ready(TWO_EACH).await;
    let stopped = bed.deployment.stop_instances(&ids(&["Web_IN_0"])).await.unwrap();
    assert_eq!(stopped[0].end, Some(End::Stopped { forced: false }));
    assert_eq!(bed.with(Status::Stopped), ["Web_IN_0"]);
    for _ in 0..4 {
        assert_eq!(get(bed.at(80), "/name").await.unwrap(), "Web_IN_1");
    }
    let started = bed.deployment.start_instances(&ids(&["Web_IN_0"])).await.unwrap();
    assert_eq!(started, [(ids(&["Web_IN_0"])[0].clone(), Arrival::Ready)]);
    let mut names = [get(bed.at(80), "/name").await.unwrap(), get(bed.at(80), "/name").await.unwrap()];
    names.sort();
    assert_eq!(names, ["Web_IN_0", "Web_IN_1"]);
}

#[tokio::test(start_paused = true)]
async fn an_instance_stays_stopped_over_a_change_and_has_it_when_it_starts() {
    let mut bed = Bed::ready(TWO_EACH).await;
    bed.deployment.stop_instances(&ids(&["Web_IN_1", "Streams_IN_0"])).await.unwrap();
    let next = bed.next(3, 2, 2);
    let summary = bed.deployment.change(next).await.unwrap();
    let reactions: Vec<String> =
        summary.instances.iter().map(|(instance, reaction)| format!("{instance} {reaction:?}")).collect();
    assert_eq!(reactions, ["Web_IN_0 Changed { missed: None }", "Web_IN_1 NotRunning"]);
    assert_eq!(bed.with(Status::Stopped), ["Web_IN_1", "Streams_IN_0"]);
    assert_eq!(bed.deployment.at_rest(), ids(&["Web_IN_1", "Streams_IN_0"]).into_iter().collect());
    bed.deployment.statuses().all_ready().await;
    bed.deployment.start_instances(&ids(&["Web_IN_1"])).await.unwrap();
    assert_eq!(bed.with(Status::Stopped), ["Streams_IN_0"]);
    assert_eq!(bed.with(Status::Ready).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_stopped_goes_like_any_other_and_its_name_comes_again_running() {
    let mut bed = Bed::ready(Setup { at_rest: &["Web_IN_1"], ..TWO_EACH }).await;
    assert_eq!(bed.with(Status::Stopped), ["Web_IN_1"], "it did not start with the deployment");
    let fewer = bed.next(1, 2, 1);
    let summary = bed.deployment.change(fewer).await.unwrap();
    assert_eq!(summary.removed.len(), 1);
    assert_eq!(summary.removed[0].end, None, "nothing of it was running");
    let more = bed.next(2, 2, 1);
    bed.deployment.change(more).await.unwrap();
    assert_eq!(bed.with(Status::Ready).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_instance_stays_stopped_over_an_upgrade_and_starts_with_it() {
    let mut bed = Bed::ready(TWO_EACH).await;
    bed.deployment.stop_instances(&ids(&["Web_IN_0"])).await.unwrap();
    assert_eq!(bed.upgrade().await, UpgradeOutcome::Done);
    assert_eq!(bed.with(Status::Stopped), ["Web_IN_0"]);
    bed.deployment.start_instances(&ids(&["Web_IN_0"])).await.unwrap();
    let now = bed.deployment.statuses().now();
    let generations: Vec<u32> = now.iter().map(|one| one.generation).collect();
    assert_eq!(generations, [2, 2, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_recycle_goes_from_one_upgrade_domain_to_the_next() {
    let mut bed = Bed::ready(TWO_EACH).await;
    let all = ids(&["Web_IN_1", "Streams_IN_0", "Web_IN_0"]);
    let reactions = bed.deployment.recycle(&all).await.unwrap();
    let order: Vec<String> = reactions.iter().map(|(instance, _)| instance.to_string()).collect();
    assert_eq!(order, ["Streams_IN_0", "Web_IN_0", "Web_IN_1"]);
    assert!(reactions.iter().all(|(_, reaction)| *reaction == Reaction::Recycled), "{reactions:?}");
    let now = bed.deployment.statuses().now();
    let launches: Vec<u64> = now.iter().map(|one| one.launches).collect();
    assert_eq!(launches, [2, 2, 2, 1]);
    let mut told = Vec::new();
    while let Some(event) = bed.events.try_next() {
        match event.kind {
            EventKind::StatusChanged { instance, status } if instance.as_str().starts_with("Web") => {
                told.push(format!("{instance} {status}"));
            }
            _ => {}
        }
    }
    let second = told.iter().position(|told| told == "Web_IN_1 Recycling").unwrap();
    assert!(told[..second].ends_with(&["Web_IN_0 Ready".to_owned()]), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn an_order_for_an_instance_that_is_not_there_or_not_so_is_refused_whole() {
    let mut bed = Bed::ready(Setup { at_rest: &["Web_IN_1"], ..TWO_EACH }).await;
    let before = bed.statuses();
    let unknown = bed.deployment.stop_instances(&ids(&["Web_IN_0", "Web_IN_7"])).await.unwrap_err();
    assert!(matches!(&unknown, OrderError::Unknown { instances, .. } if *instances == ids(&["Web_IN_7"])));
    let both = ids(&["Web_IN_0", "Web_IN_1"]);
    let stopped = Err(OrderError::Stopped { instances: ids(&["Web_IN_1"]) });
    assert_eq!(bed.deployment.stop_instances(&both).await.map(drop), stopped);
    assert_eq!(bed.deployment.recycle(&both).await.map(drop), stopped);
    let running = Err(OrderError::Running { instances: ids(&["Web_IN_0"]) });
    assert_eq!(bed.deployment.start_instances(&both).await.map(drop), running);
    assert_eq!(bed.statuses(), before);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_nobody_waits_for_is_carried_out_and_the_deployment_stops_as_ever() {
    let mut bed = Bed::ready(TWO_EACH).await;
    {
        let web = ids(&["Web_IN_0"]);
        let stopping = bed.deployment.stop_instances(&web);
        assert!(futures_now(stopping).is_none(), "it takes a while");
    }
    let mut statuses = bed.deployment.statuses();
    while bed.with(Status::Stopped) != ["Web_IN_0"] {
        statuses.changed().await;
    }
    let summary = bed.deployment.stop().await;
    let ends: Vec<String> = summary
        .instances
        .iter()
        .filter(|one| one.end.is_none())
        .map(|one| one.instance.to_string())
        .collect();
    assert_eq!(ends, ["Web_IN_0"], "it was stopped before");
}

/// What a future gives at once.
fn futures_now<F: Future>(future: F) -> Option<F::Output> {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut cx) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}
