//! Nothing is lost while a deployment is operated under load.

use tokio::time::Instant;
use wasm_roles_fabric::UpgradeOutcome;

use crate::bed::{Bed, Setup, TWO_EACH, ids};
use crate::load::Load;

#[tokio::test]
async fn a_recycle_of_everything_loses_no_request_and_streams_have_their_time() {
    let mut bed = Bed::ready(TWO_EACH).await;
    let load = Load::on(bed.at(80), bed.at(7000));
    load.goes_on(20).await;
    let begun = Instant::now();
    bed.deployment.recycle(&ids(&["Web_IN_0", "Web_IN_1", "Streams_IN_1"])).await.unwrap();
    load.goes_on(20).await;
    let heard = load.ends().await;
    heard.lost_nothing_but_streams_of(&["Streams_IN_1"]);
    heard.streams_had_their_time(begun);
}

/// Nobody else is there: new connections wait until it is back.
#[tokio::test]
async fn a_recycle_of_the_only_instance_loses_no_request() {
    let mut bed = Bed::ready(Setup { web: 1, ..TWO_EACH }).await;
    let load = Load::on(bed.at(80), bed.at(7000));
    for _ in 0..3 {
        load.goes_on(20).await;
        bed.deployment.recycle(&ids(&["Web_IN_0"])).await.unwrap();
    }
    load.goes_on(20).await;
    load.ends().await.lost_nothing_but_streams_of(&[]);
}

#[tokio::test]
async fn growing_and_shrinking_loses_no_request() {
    let mut bed = Bed::ready(TWO_EACH).await;
    let load = Load::on(bed.at(80), bed.at(7000));
    for (web, streams) in [(8, 4), (2, 2), (8, 4), (1, 1)] {
        let next = bed.next(web, streams, 1);
        bed.deployment.change(next).await.unwrap();
        load.goes_on(50).await;
    }
    load.ends().await.lost_nothing_but_streams_of(&["Streams_IN_1", "Streams_IN_2", "Streams_IN_3"]);
}

#[tokio::test]
async fn a_change_of_settings_loses_no_request_and_no_stream() {
    let mut bed = Bed::ready(TWO_EACH).await;
    let load = Load::on(bed.at(80), bed.at(7000));
    for depth in 2..8 {
        let next = bed.next(2, 2, depth);
        bed.deployment.change(next).await.unwrap();
        load.goes_on(20).await;
    }
    load.ends().await.lost_nothing_but_streams_of(&[]);
}

#[tokio::test]
async fn stopping_and_starting_instances_loses_no_request() {
    let mut bed = Bed::ready(TWO_EACH).await;
    let load = Load::on(bed.at(80), bed.at(7000));
    for name in ["Web_IN_0", "Web_IN_1", "Web_IN_0"] {
        bed.deployment.stop_instances(&ids(&[name])).await.unwrap();
        load.goes_on(20).await;
        bed.deployment.start_instances(&ids(&[name])).await.unwrap();
        load.goes_on(20).await;
    }
    load.ends().await.lost_nothing_but_streams_of(&[]);
}

#[tokio::test]
async fn an_upgrade_loses_no_request_and_streams_have_their_time() {
    let mut bed = Bed::ready(TWO_EACH).await;
    let load = Load::on(bed.at(80), bed.at(7000));
    load.goes_on(20).await;
    let begun = Instant::now();
    assert_eq!(bed.upgrade().await, UpgradeOutcome::Done);
    load.goes_on(20).await;
    let heard = load.ends().await;
    heard.lost_nothing_but_streams_of(&["Streams_IN_0", "Streams_IN_1"]);
    heard.streams_had_their_time(begun);
}

#[tokio::test]
async fn an_upgrade_that_is_taken_back_in_the_middle_of_five_domains_loses_no_request() {
    let mut bed = Bed::ready(Setup { web: 5, streams: 1, ..TWO_EACH }).await;
    let load = Load::on(bed.at(80), bed.at(7000));
    load.goes_on(20).await;
    let outcome = bed.upgrade_only(&[0, 1]).await;
    assert!(matches!(outcome, UpgradeOutcome::RolledBack(_)), "{outcome:?}");
    load.goes_on(20).await;
    assert_eq!(bed.upgrade().await, UpgradeOutcome::Done);
    load.goes_on(20).await;
    load.ends().await.lost_nothing_but_streams_of(&["Streams_IN_0"]);
}
