//! The table of the kinds of start-up task (facts: section 2.7), row by row and column by column.

use crate::bed::{Service, was_told};

fn task(kind: &str, command_line: &str) -> String {
    format!(r#"<Task commandLine="{command_line}" taskType="{kind}" />"#)
}

fn startup(tasks: &[String]) -> String {
    format!("<Startup>{}</Startup>", tasks.concat())
}

const FOR_EVER: &str = "sleep 1000000000";

#[tokio::test(start_paused = true)]
async fn simple_starts_in_file_order_one_at_a_time_and_is_waited_for_by_the_next_task_and_the_role() {
    let tasks = startup(&[
        task("simple", "one.cmd sleep 2000 print 'first task'"),
        task("simple", r"one.wasm print second"),
    ]);
    let service = Service::of_words(&format!("print role {FOR_EVER}"), &tasks).with_task("one");
    let mut running = service.start().await;
    running.hears("role: role").await;
    let expected = [
        "0 s: is Starting",
        "2 s: one.cmd: first task",
        "2 s: one.cmd ended with status 0",
        "2 s: one.wasm: second",
        "2 s: one.wasm ended with status 0",
        "2 s: is Ready",
        "2 s: role: role",
    ];
    assert_eq!(running.told, expected);
}

#[tokio::test(start_paused = true)]
async fn simple_with_a_non_zero_exit_blocks_the_start_and_is_tried_again_with_its_reason_shown() {
    let tasks = startup(&[
        task("simple", "one.cmd warn 'no database' fail"),
        task("simple", "two.cmd print 'never run'"),
    ]);
    let service = Service::of_words("print 'never run'", &tasks).with_task("one").with_task("two");
    let mut running = service.start().await;
    let reason =
        "because it could not start: start-up task one.cmd ended with status 1; it said: no database";
    for waits in ["0 s: waits 1 s", "1 s: waits 2 s", "3 s: waits 4 s", "7 s: waits 8 s"] {
        assert_eq!(running.hears(reason).await, format!("{waits} {reason}"));
        assert!(was_told(&running.told, "one.cmd: no database"));
        assert_eq!(format!("because it {}", running.shown_reason().unwrap()), reason);
    }
    let stopped = running.stops().await;
    assert!(!stopped.was_told("never run") && !stopped.was_told("Ready"), "{:#?}", stopped.told);
    assert_eq!((stopped.seconds, stopped.cut_off), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn simple_that_traps_blocks_the_start_too() {
    let tasks = startup(&[task("simple", "one.cmd trap")]);
    let mut running = Service::of_words("print x", &tasks).with_task("one").start().await;
    // The task's own words come first.
    running.hears("one.cmd: trapping as told").await;
    running.hears("one.cmd trapped: wasm trap: wasm `unreachable` instruction executed").await;
    running.hears("is Recycling").await;
    assert!(!was_told(&running.told, "Ready"), "{:#?}", running.told);
}

#[tokio::test(start_paused = true)]
async fn simple_is_cut_off_when_the_instance_shall_stop_before_its_end() {
    for words in [FOR_EVER, "spin"] {
        let tasks = startup(&[task("simple", &format!("one.cmd print begun {words}"))]);
        let mut running = Service::of_words("print x", &tasks).with_task("one").start().await;
        running.hears("one.cmd: begun").await;
        let stopped = running.stops().await;
        assert_eq!((stopped.seconds, stopped.cut_off), (0, 0), "{words}");
        assert!(!stopped.was_told("Ready"), "{:#?}", stopped.told);
    }
}

#[tokio::test(start_paused = true)]
async fn background_is_launched_and_not_awaited_and_ends_with_the_role() {
    let tasks =
        startup(&[task("background", "back.cmd sleep 1000 print begun sleep 60000 print 'too long'")]);
    let mut running = Service::of_words("sleep 5000", &tasks).with_task("back").start().await;
    for start in ["0", "6", "13"] {
        // It is launched again with each incarnation, and the next one does not wait for it.
        assert_eq!(running.hears("is Starting").await, format!("{start} s: is Starting"));
        assert_eq!(running.hears("is Ready").await, format!("{start} s: is Ready"));
        running.hears("back.cmd: begun").await;
    }
    assert!(!was_told(&running.told, "too long"), "{:#?}", running.told);
}

#[tokio::test(start_paused = true)]
async fn background_does_not_hold_a_stop_back() {
    let tasks = startup(&[task("background", &format!("back.cmd print begun {FOR_EVER}"))]);
    let mut running = Service::steady(&tasks).with_task("back").start().await;
    running.hears("back.cmd: begun").await;
    let stopped = running.stops().await;
    assert_eq!((stopped.seconds, stopped.cut_off), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn background_or_foreground_with_a_non_zero_exit_is_told_and_does_not_touch_the_role() {
    for kind in ["background", "foreground"] {
        let tasks = startup(&[task(kind, "x.cmd sleep 1000 fail")]);
        let mut running = Service::steady(&tasks).with_task("x").start().await;
        running.hears("0 s: is Ready").await;
        assert_eq!(running.hears("x.cmd ended with status 1").await, "1 s: x.cmd ended with status 1");
        let stopped = running.stops().await;
        assert!(!stopped.was_told("Recycling"), "{kind}: {:#?}", stopped.told);
        assert!(stopped.was_told("role: on-stop"), "{kind}: {:#?}", stopped.told);
    }
}

#[tokio::test(start_paused = true)]
async fn foreground_is_launched_and_not_awaited_and_the_role_does_not_recycle_until_it_ends() {
    let tasks = startup(&[task("foreground", "fore.cmd sleep 20000 print done")]);
    let mut running = Service::of_words("sleep 5000", &tasks).with_task("fore").start().await;
    running.hears("is Starting").await;
    for expected in [
        "0 s: is Ready",
        "5 s: is Recycling",
        "20 s: fore.cmd: done",
        "20 s: fore.cmd ended with status 0",
        "20 s: waits 1 s because it run returned",
        "21 s: is Starting",
    ] {
        let (_, words) = expected.split_once(": ").unwrap();
        assert_eq!(running.hears(words).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn foreground_holds_a_shut_down_back_until_it_ends() {
    let tasks = startup(&[task("foreground", "fore.cmd sleep 20000 print done")]);
    let mut running = Service::steady(&tasks).with_task("fore").start().await;
    running.hears("is Ready").await;
    let stopped = running.stops().await;
    assert_eq!((stopped.seconds, stopped.cut_off), (20, 0));
    // The role hears of it at once all the same.
    assert!(stopped.was_told("0 s: role: on-stop"), "{:#?}", stopped.told);
    assert_eq!(stopped.told.last().unwrap(), "20 s: is Stopped");
}

#[tokio::test(start_paused = true)]
async fn foreground_cannot_hold_a_shut_down_back_beyond_the_stop_budget() {
    let tasks = startup(&[task("foreground", &format!("fore.cmd print begun {FOR_EVER}"))]);
    let mut running = Service::steady(&tasks).with_task("fore").start().await;
    running.hears("fore.cmd: begun").await;
    let stopped = running.stops().await;
    assert_eq!((stopped.seconds, stopped.cut_off), (30, 1));
    assert!(stopped.was_told("0 s: role: on-stop"), "{:#?}", stopped.told);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_comes_while_foreground_holds_a_recycle_back_has_its_whole_budget() {
    let tasks = startup(&[task("foreground", &format!("fore.cmd {FOR_EVER}"))]);
    let mut running = Service::of_words("sleep 5000", &tasks).with_task("fore").start().await;
    running.hears("5 s: is Recycling").await;
    let stopped = running.stops().await;
    assert_eq!((stopped.seconds, stopped.cut_off), (30, 1));
    assert_eq!(stopped.told.last().unwrap(), "35 s: is Stopped");
}
