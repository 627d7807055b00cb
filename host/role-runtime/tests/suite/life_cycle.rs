//! From `on-start` to the end, with guests that do as they should and guests that do not.

use std::time::Duration;

use crate::bed::Bed;
use wasm_roles_role_runtime::{End, InstanceState, Limits, LoadError, Phase, WasiVersion};

#[tokio::test]
async fn a_role_goes_from_on_start_to_ready_and_hears_stopping_and_on_stop() {
    let bed = Bed::new();
    let mut role = bed.start(&bed.load("role-misbehave"), "wait");
    assert_eq!(role.says().await, "on-start wait");
    role.reached(InstanceState::Ready).await;
    assert_eq!(role.says().await, "run wait");
    role.instance.stop();
    assert_eq!(role.says().await, "stopping wait");
    assert_eq!(role.says().await, "on-stop wait");
    assert_eq!(role.instance.ended().await, End::Stopped { forced: false });
}

#[tokio::test]
async fn a_role_whose_run_returns_hears_on_stop_too() {
    let bed = Bed::new();
    let mut role = bed.start(&bed.load("role-misbehave"), "return");
    for phase in ["on-start", "run", "stopping", "on-stop"] {
        assert_eq!(role.says().await, format!("{phase} return"));
    }
    assert_eq!(role.instance.ended().await, End::RunReturned { result: Ok(()) });
}

#[tokio::test]
async fn an_error_of_on_start_keeps_the_role_from_running() {
    let bed = Bed::new();
    let mut role = bed.start(&bed.load("role-misbehave"), "fail-start");
    let End::StartFailed { reason } = role.instance.ended().await else { panic!("it started") };
    assert!(reason.contains("on-start returned an error"), "{reason}");
    assert_eq!(role.stdout.next_line().await.unwrap().bytes, b"on-start fail-start");
    assert_eq!(role.stdout.next_line().await, None, "neither run nor on-stop is called");
}

#[tokio::test]
async fn a_panic_ends_the_instance_and_tells_where_it_was() {
    let bed = Bed::new();
    let component = bed.load("role-misbehave");
    for (mode, phase) in [("panic-in-start", Phase::OnStart), ("panic-in-run", Phase::Run)] {
        let mut role = bed.start(&component, mode);
        let end = role.instance.ended().await;
        let End::Trapped { during, reason } = end else { panic!("{mode}: {end:?}") };
        assert_eq!(during, phase, "{mode}");
        assert!(reason.contains("unreachable"), "{reason}");
        let mut words = String::new();
        while let Some(line) = role.stderr.next_line().await {
            words.push_str(&String::from_utf8(line.bytes).unwrap());
        }
        assert!(words.contains("panicked") && words.contains("as told"), "{mode}: {words}");
    }
}

#[tokio::test]
async fn a_role_that_asks_for_a_recycle_leaves_gracefully() {
    let bed = Bed::new();
    let mut role = bed.start(&bed.load("role-misbehave"), "request-recycle");
    for phase in ["on-start", "run", "stopping", "on-stop"] {
        assert_eq!(role.says().await, format!("{phase} request-recycle"));
    }
    assert_eq!(role.instance.ended().await, End::RecycleRequested { forced: false });
}

#[tokio::test]
async fn a_guest_that_spins_is_cut_off_when_its_budget_is_over() {
    let bed = Bed::new();
    let component = bed.load("role-misbehave");
    let role = bed.start_with(&component, "spin", |spec| spec.stop_budget = Duration::from_millis(300));
    role.reached(InstanceState::Ready).await;
    role.instance.stop();
    assert_eq!(role.instance.ended().await, End::Stopped { forced: true });
}

#[tokio::test]
async fn a_guest_that_spins_does_not_stop_others_on_the_same_thread() {
    let bed = Bed::new();
    let spinning = bed.start(&bed.load("misbehave"), "spin");
    spinning.reached(InstanceState::Ready).await;
    let mut other = bed.start_as(1, &bed.load("role-misbehave"), "return");
    assert_eq!(other.says().await, "on-start return");
    assert_eq!(other.instance.ended().await, End::RunReturned { result: Ok(()) });
    spinning.instance.kill();
    assert_eq!(spinning.instance.ended().await, End::Stopped { forced: true });
}

#[tokio::test]
async fn a_guest_that_eats_memory_hits_its_limit_and_nothing_else() {
    let bed = Bed::new();
    let component = bed.load("misbehave");
    let limits = Limits { memory_bytes: 16 << 20, ..Limits::default() };
    let guest = bed.start_with(&component, "eat-memory", |spec| spec.limits = limits);
    let End::Trapped { during: Phase::Run, reason } = guest.instance.ended().await else {
        panic!("it went on")
    };
    assert!(reason.contains("it had hit its memory limit (16 MiB)"), "{reason}");
}

#[tokio::test]
async fn a_guest_that_floods_its_output_waits_for_the_reader() {
    let bed = Bed::new();
    let mut guest = bed.start(&bed.load("misbehave"), "flood");
    for _ in 0..1_000 {
        guest.says().await;
    }
    guest.instance.kill();
    assert_eq!(guest.instance.ended().await, End::Stopped { forced: true });
}

#[tokio::test]
async fn a_program_is_a_role_whose_run_it_is() {
    let bed = Bed::new();
    let component = bed.load("misbehave");
    assert_eq!(component.shape().program, Some(WasiVersion::V0_2));
    let returned = bed.start(&component, "return").instance.ended().await;
    assert_eq!(returned, End::RunReturned { result: Ok(()) });
    let failed = bed.start(&component, "exit-error").instance.ended().await;
    assert!(matches!(failed, End::RunReturned { result: Err(_) }), "{failed:?}");
}

#[tokio::test]
async fn a_0_3_program_is_a_role_too() {
    let bed = Bed::new();
    let component = bed.load("sockets-p3");
    assert_eq!(component.shape().program, Some(WasiVersion::V0_3));
    let mut program = bed.start(&component, "resolve Worker_IN_0");
    assert_eq!(program.says().await, "10.0.0.4");
    assert_eq!(program.instance.ended().await, End::RunReturned { result: Ok(()) });
}

#[tokio::test]
async fn a_file_that_is_no_role_is_refused_with_a_reason() {
    let bed = Bed::new();
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let refused = |path: &std::path::Path| match bed.runtime.load(path) {
        Ok(_) => panic!("{} was loaded", path.display()),
        Err(error) => error,
    };
    assert!(matches!(refused(&directory.path().join("missing.wasm")), LoadError::Unreadable { .. }));
    let module = file("module.wasm", b"\0asm\x01\0\0\0");
    assert!(matches!(refused(&module), LoadError::CoreModule { .. }));
    let rubbish = file("rubbish.wasm", b"not wasm at all");
    assert!(matches!(refused(&rubbish), LoadError::Invalid { .. }));
    let empty = file("empty.wasm", b"\0asm\x0d\0\x01\0");
    assert!(matches!(refused(&empty), LoadError::NoRole { .. }));
}
