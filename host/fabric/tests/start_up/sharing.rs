//! What a task has in common with the role beside it, and what not: the network, memory, and the wish for a recycle.

use crate::bed::{Service, was_told};

const FOR_EVER: &str = "sleep 1000000000";

fn startup(kind: &str, words: &str) -> String {
    format!(r#"<Startup><Task commandLine="beside.cmd {words}" taskType="{kind}" /></Startup>"#)
}

const ENDPOINT: &str = r#"<Endpoints><InternalEndpoint name="In" protocol="tcp" port="8080" />
    <InternalEndpoint name="Datagrams" protocol="udp" port="8080" /></Endpoints>"#;

#[tokio::test(start_paused = true)]
async fn a_task_cannot_bind_the_endpoints_of_its_role_and_it_is_said_why() {
    let words =
        "listen 0.0.0.0:8080 bind-udp 0.0.0.0:8080 listen 127.0.0.1:8080 bind-udp 0.0.0.0:0 print end";
    let service = Service::of_words("listen 0.0.0.0:8080 print end", &(startup("simple", words) + ENDPOINT));
    let mut running = service.with_task("beside").start().await;
    running.hears("role: end").await;
    let of = |who: &str| -> Vec<&str> {
        let said = running.told.iter().filter_map(|said| said.split_once(" s: ")?.1.strip_prefix(who));
        said.collect()
    };
    let expected = ["could not listen", "could not bind", "could listen", "could bind", "end"];
    assert_eq!(of("beside.cmd: "), expected);
    assert_eq!(of("role: "), ["could listen", "end"]);
    let why = "is for the role itself; a program beside it may listen on loopback only";
    for transport in ["tcp", "udp"] {
        let denied = format!("denied bind 0.0.0.0:8080: {transport} port 8080 {why}");
        assert!(was_told(&running.told, &denied), "{:#?}", running.told);
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_reaches_its_role_over_loopback_and_by_name() {
    for (address, from) in [("127.0.0.1:8080", "127.0.0.1"), ("W:8080", "10.0.0.4")] {
        let tasks = startup("background", &format!("reach {address} {FOR_EVER}"));
        let service = Service::of_words(&format!("serve 0.0.0.0:8080 {FOR_EVER}"), &(tasks + ENDPOINT));
        let mut running = service.with_task("beside").start().await;
        let served = running.hears(from).await;
        assert!(served.ends_with(&format!("role: served {from}")), "{served}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_and_its_tasks_share_the_memory_of_the_instance() {
    // ExtraSmall has 768 MiB.
    let words = format!("hold 500 hold 500 {FOR_EVER}");
    let service =
        Service::of_words(&format!("sleep 10 hold 300 hold 200 {FOR_EVER}"), &startup("background", &words));
    let mut running = service.of_size("ExtraSmall").with_task("beside").start().await;
    running.hears("beside.cmd: could hold").await;
    running.hears("beside.cmd: could not hold").await;
    running.hears("role: could not hold").await;
    running.hears("role: could hold").await;
}

#[tokio::test(start_paused = true)]
async fn what_a_task_held_is_free_for_the_role_when_it_has_ended() {
    let service = Service::of_words(&format!("hold 700 {FOR_EVER}"), &startup("simple", "hold 700"));
    let mut running = service.of_size("ExtraSmall").with_task("beside").start().await;
    running.hears("beside.cmd: could hold").await;
    running.hears("role: could hold").await;
}

#[tokio::test(start_paused = true)]
async fn a_task_beside_the_role_can_ask_for_a_recycle_as_the_role_can() {
    for kind in ["background", "foreground"] {
        let tasks = startup(kind, "sleep 5000 recycle sleep 1000");
        let mut running = Service::steady(&tasks).with_task("beside").start().await;
        running.hears("0 s: is Ready").await;
        running.hears("role: on-stop wait").await;
        // It is a recycle like any other: a foreground task holds it back.
        let seconds = if kind == "foreground" { 6 } else { 5 };
        let reason = "waits 1 s because it asked to be recycled";
        assert_eq!(running.hears(reason).await, format!("{seconds} s: {reason}"));
        running.hears("is Ready").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_simple_task_that_asks_for_a_recycle_may_end_and_the_role_does_not_start() {
    let tasks = startup("simple", "recycle sleep 2000 print done");
    let mut running = Service::of_words("print never", &tasks).with_task("beside").start().await;
    let reason = "waits 1 s because it asked to be recycled";
    assert_eq!(running.hears(reason).await, format!("2 s: {reason}"));
    assert!(was_told(&running.told, "beside.cmd: done"), "{:#?}", running.told);
    assert!(!was_told(&running.told, "never") && !was_told(&running.told, "Ready"), "{:#?}", running.told);
}

#[tokio::test(start_paused = true)]
async fn a_simple_task_that_asks_for_a_recycle_and_does_not_end_is_cut_off_after_the_stop_budget() {
    let tasks = startup("simple", &format!("recycle {FOR_EVER}"));
    let mut running = Service::of_words("print never", &tasks).with_task("beside").start().await;
    let waits = running.hears("is Recycling").await;
    assert_eq!(waits, "30 s: is Recycling");
}
