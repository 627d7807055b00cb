//! Programs that run once to their end, and roles that have to wait for something.

use std::time::Duration;

use crate::bed::Bed;
use wasm_roles_role_runtime::{
    End, InstanceState, Limits, OutputReader, ProgramEnd, Surroundings, Wires, run_program, start_within,
};
use wasm_roles_virtual_network::Interface;

async fn ends(bed: &Bed, interface: &Interface, guest: &str, words: &str) -> (ProgramEnd, OutputReader) {
    let (mut spec, _stdout, stderr) = Bed::spec(words);
    spec.limits = Limits { memory_bytes: 32 << 20, ..Limits::default() };
    (run_program(&bed.load(guest), interface.clone(), spec, &Wires::loose()).await, stderr)
}

#[tokio::test]
async fn a_program_runs_to_its_end_and_tells_its_status() {
    let bed = Bed::new();
    let interface = bed.interface(0);
    for (words, status) in [("print hello", 0), ("print hello fail", 1)] {
        let (end, _) = ends(&bed, &interface, "task", words).await;
        assert_eq!(end, ProgramEnd::Exited { status }, "{words}");
        assert_eq!(end.is_success(), status == 0);
    }
}

#[tokio::test]
async fn a_program_that_traps_says_why_and_the_next_one_can_run_on_the_same_interface() {
    let bed = Bed::new();
    let interface = bed.interface(0);
    for (guest, words, why) in [("task", "trap", "unreachable"), ("misbehave", "eat-memory", "memory limit")]
    {
        let (end, _) = ends(&bed, &interface, guest, words).await;
        let ProgramEnd::Trapped { reason } = end else { panic!("{words}: {end:?}") };
        assert!(reason.contains(why), "{reason}");
    }
    let (end, _) = ends(&bed, &interface, "task", "listen 127.0.0.1:7000").await;
    assert!(end.is_success());
}

#[tokio::test]
async fn a_component_without_a_program_is_not_started() {
    let bed = Bed::new();
    let (end, _) = ends(&bed, &bed.interface(0), "role-misbehave", "").await;
    assert_eq!(end, ProgramEnd::NotStarted { reason: "it exports no wasi:cli/run".to_owned() });
}

#[tokio::test]
async fn a_program_whose_future_is_dropped_is_cut_off_wherever_it_is() {
    let bed = Bed::new();
    let component = bed.load("task");
    let interface = bed.interface(0);
    for words in ["print begun sleep 1000000000", "print begun spin"] {
        let (spec, mut stdout, _stderr) = Bed::spec(words);
        let (component, interface) = (component.clone(), interface.clone());
        let program =
            tokio::spawn(async move { run_program(&component, interface, spec, &Wires::loose()).await });
        assert_eq!(stdout.next_line().await.unwrap().bytes, b"begun");
        program.abort();
        assert!(program.await.unwrap_err().is_cancelled());
        assert_eq!(stdout.next_line().await, None, "its output is closed: {words}");
    }
}

/// Lets a role start, or not, and holds its end back for a while.
struct Gate {
    before: Result<(), String>,
    seconds_after: u64,
    seconds_to_go: u64,
}

impl Surroundings for Gate {
    async fn before(&mut self, _wires: &Wires) -> Result<(), String> {
        self.before.clone()
    }

    async fn after(&mut self) {
        tokio::time::sleep(Duration::from_secs(self.seconds_after)).await;
    }

    async fn cut_off(self) {
        tokio::time::sleep(Duration::from_secs(self.seconds_to_go)).await;
    }
}

#[tokio::test]
async fn a_role_whose_start_is_refused_does_not_begin() {
    let bed = Bed::new();
    let (spec, mut stdout, _stderr) = Bed::spec("wait");
    let gate = Gate { before: Err("not today".to_owned()), seconds_after: 0, seconds_to_go: 0 };
    let instance = start_within(gate, &bed.load("role-misbehave"), bed.interface(0), spec);
    assert_eq!(instance.ended().await, End::StartFailed { reason: "not today".to_owned() });
    assert_eq!(stdout.next_line().await, None);
}

#[tokio::test(start_paused = true)]
async fn an_incarnation_is_stopping_until_what_comes_after_the_role_is_over() {
    let bed = Bed::new();
    let component = bed.load("role-misbehave");
    for (mode, seconds_after, seconds_to_go, held, end) in [
        ("return", 100, 0, 100, End::RunReturned { result: Ok(()) }),
        ("wait", 20, 0, 20, End::Stopped { forced: false }),
        // The budget of the bed is 30 s.
        ("wait", 100, 0, 30, End::Stopped { forced: true }),
        // What was cut off is waited for.
        ("wait", 100, 5, 35, End::Stopped { forced: true }),
    ] {
        let (spec, mut stdout, _stderr) = Bed::spec(mode);
        let gate = Gate { before: Ok(()), seconds_after, seconds_to_go };
        let instance = start_within(gate, &component, bed.interface(0), spec);
        let mut state = instance.state();
        state.wait_for(|state| *state >= InstanceState::Ready).await.unwrap();
        let begun = tokio::time::Instant::now();
        if mode == "wait" {
            instance.stop();
        }
        let last_words = format!("on-stop {mode}");
        while stdout.next_line().await.unwrap().bytes != last_words.as_bytes() {}
        let now = *state.wait_for(|state| *state >= InstanceState::Stopping).await.unwrap();
        assert_eq!(now, InstanceState::Stopping);
        assert_eq!(instance.ended().await, end);
        assert_eq!(begun.elapsed().as_secs(), held, "{mode}");
    }
}
