//! Instances that rest until they are wanted again, on paused time.

use wasm_roles_role_runtime::End;

use super::Rest;
use super::bed::{Bed, Wanted, renewal};
use crate::change::{Reaction, What};
use crate::conversation::STATUS_CHECK;
use crate::lifecycle::{Status, Wish};

#[tokio::test(start_paused = true)]
async fn an_instance_at_rest_is_stopped_gracefully_and_starts_again_when_it_is_wanted() {
    let (mut bed, mut strings) = Bed::open_and_ready().await;
    bed.wish.send_replace(Wish::Rest);
    strings.wanted.wait_for(|wanted| *wanted == Wanted::Stop).await.unwrap();
    assert_eq!((bed.in_rotation(), bed.rest.borrow().clone()), (vec![], Rest::No));
    strings.end(End::Stopped { forced: false });
    bed.becomes(Status::Stopped).await;
    let ended = Rest::Yes(Some(End::Stopped { forced: false }));
    assert_eq!(*bed.rest.wait_for(|rest| *rest != Rest::No).await.unwrap(), ended);
    tokio::time::sleep(10 * STATUS_CHECK).await;
    assert_eq!(bed.statuses.with(&[Status::Stopped]).len(), 1, "nobody wants it");

    bed.wish.send_replace(Wish::Run);
    bed.next_ready().await;
    assert_eq!((bed.in_rotation(), bed.rest.borrow().clone()), (vec![1], Rest::No));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_wanted_again_while_it_stops_starts_when_it_has_stopped() {
    let (mut bed, mut strings) = Bed::open_and_ready().await;
    bed.wish.send_replace(Wish::Rest);
    strings.wanted.wait_for(|wanted| *wanted == Wanted::Stop).await.unwrap();
    bed.wish.send_replace(Wish::Run);
    tokio::task::yield_now().await;
    assert!(bed.strings.lock().unwrap().is_empty(), "the one before it has not ended");
    strings.end(End::Stopped { forced: false });
    bed.next_ready().await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_at_rest_stops_for_good_and_can_be_cut_off_before_it_rests() {
    let (mut bed, mut strings) = Bed::open_and_ready().await;
    bed.wish.send_replace(Wish::Rest);
    strings.wanted.wait_for(|wanted| *wanted == Wanted::Stop).await.unwrap();
    strings.end(End::Stopped { forced: false });
    bed.becomes(Status::Stopped).await;
    bed.wish.send_replace(Wish::Stop);
    assert_eq!(bed.supervised.await.unwrap(), None, "nothing was running");

    let (bed, mut strings) = Bed::open_and_ready().await;
    bed.wish.send_replace(Wish::Rest);
    strings.wanted.wait_for(|wanted| *wanted == Wanted::Stop).await.unwrap();
    bed.wish.send_replace(Wish::Kill);
    strings.wanted.wait_for(|wanted| *wanted == Wanted::Kill).await.unwrap();
    strings.end(End::Stopped { forced: true });
    assert_eq!(bed.supervised.await.unwrap(), Some(End::Stopped { forced: true }));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_being_started_again_does_not_rest_any_more() {
    let (mut bed, mut strings) = Bed::open_and_ready().await;
    bed.wish.send_replace(Wish::Rest);
    strings.wanted.wait_for(|wanted| *wanted == Wanted::Stop).await.unwrap();
    strings.end(End::Stopped { forced: false });
    bed.becomes(Status::Stopped).await;
    bed.stage.send_replace(false);
    bed.wish.send_replace(Wish::Run);
    bed.rest.wait_for(|rest| *rest == Rest::No).await.unwrap();
    // Whoever has asked for it asks for the contrary, while it is being launched.
    bed.wish.send_replace(Wish::Rest);
    tokio::time::sleep(10 * STATUS_CHECK).await;
    assert_eq!(*bed.rest.borrow(), Rest::No, "something of it is about to run");
    bed.stage.send_replace(true);
    bed.becomes(Status::Starting).await;
    let mut strings = bed.strings();
    strings.wanted.wait_for(|wanted| *wanted == Wanted::Stop).await.unwrap();
    strings.end(End::Stopped { forced: false });
    let ended = Rest::Yes(Some(End::Stopped { forced: false }));
    assert_eq!(*bed.rest.wait_for(|rest| *rest != Rest::No).await.unwrap(), ended);
}

#[tokio::test(start_paused = true)]
async fn an_instance_at_rest_has_a_change_when_it_starts() {
    let (mut bed, mut strings) = Bed::open_and_ready().await;
    bed.wish.send_replace(Wish::Rest);
    strings.wanted.wait_for(|wanted| *wanted == Wanted::Stop).await.unwrap();
    strings.end(End::Stopped { forced: false });
    bed.becomes(Status::Stopped).await;
    for what in [What::Change(renewal("2")), What::Recycle(renewal("3")), What::Again] {
        assert_eq!(bed.orders(what).await.await, Ok(Reaction::NotRunning));
    }
    bed.wish.send_replace(Wish::Run);
    assert_eq!(bed.next_ready().await.depth, "3");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_recycle_learns_that_the_instance_rests_instead() {
    let (bed, mut strings) = Bed::open_and_ready().await;
    let replied = bed.orders(What::Again).await;
    strings.wanted.wait_for(|wanted| *wanted == Wanted::Recycle).await.unwrap();
    bed.wish.send_replace(Wish::Rest);
    strings.wanted.wait_for(|wanted| *wanted == Wanted::Stop).await.unwrap();
    strings.end(End::Stopped { forced: false });
    assert_eq!(replied.await, Ok(Reaction::Stopped));
}
