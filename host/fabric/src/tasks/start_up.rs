//! Runs the tasks of one incarnation by the rules. It knows a task only as a [`Task`], so that order, waiting and cutting off
//! are tested without WebAssembly and on paused time.

use tokio::task::{JoinError, JoinSet};
use wasm_roles_role_runtime::{Surroundings, Wires};
use wasm_roles_service_plan::TaskKind;

use super::rule::{Failure, RoleEnd, Start, rule};

/// A task that can be run, once.
pub(crate) trait Task: Send + 'static {
    fn kind(&self) -> TaskKind;

    /// Runs it to its end, beside the incarnation with these wires, and tells people how it ended. Dropping the future cuts
    /// it off.
    fn run(self, wires: Wires) -> impl Future<Output = Outcome> + Send;
}

/// How a task ended; an error is a sentence about it.
pub(crate) type Outcome = Result<(), String>;

/// The tasks of one incarnation. Dropping it cuts all of them off, without waiting until they are gone.
pub(crate) struct StartUp<T> {
    waiting: std::vec::IntoIter<T>,
    /// The one that the role waits for, if there is one. It is here, and not where it is waited for: who gives the start up
    /// can still wait until it is gone.
    awaited: JoinSet<Outcome>,
    held_back_by: JoinSet<()>,
    cut_off_with_the_role: JoinSet<()>,
}

impl<T: Task> StartUp<T> {
    /// `tasks` in the order of the definition.
    pub(crate) fn new(tasks: Vec<T>) -> Self {
        Self {
            waiting: tasks.into_iter(),
            awaited: JoinSet::new(),
            held_back_by: JoinSet::new(),
            cut_off_with_the_role: JoinSet::new(),
        }
    }
}

impl<T: Task> Surroundings for StartUp<T> {
    async fn before(&mut self, wires: &Wires) -> Result<(), String> {
        while let Some(task) = self.waiting.next() {
            if wires.shall_end() {
                break;
            }
            let wires = wires.clone();
            let rule = rule(task.kind());
            match rule.start {
                Start::Awaited => {
                    let outcome = self.await_end_of(task, wires).await;
                    if rule.failure == Failure::KeepsBusy {
                        outcome?;
                    }
                }
                Start::Alongside => {
                    let tasks = match rule.role_end {
                        RoleEnd::HeldBack => &mut self.held_back_by,
                        RoleEnd::CutOff | RoleEnd::Over => &mut self.cut_off_with_the_role,
                    };
                    // It tells people itself how it ended.
                    tasks.spawn(async move { task.run(wires).await.unwrap_or_default() });
                }
            }
        }
        Ok(())
    }

    async fn after(&mut self) {
        self.awaited.shutdown().await;
        self.cut_off_with_the_role.shutdown().await;
        while self.held_back_by.join_next().await.is_some() {}
    }

    async fn cut_off(self) {
        let Self { waiting: _, mut awaited, mut cut_off_with_the_role, mut held_back_by } = self;
        awaited.shutdown().await;
        cut_off_with_the_role.shutdown().await;
        held_back_by.shutdown().await;
    }
}

impl<T: Task> StartUp<T> {
    /// Runs a task away from its incarnation, whose own task has to be able to cut it off while it computes.
    async fn await_end_of(&mut self, task: T, wires: Wires) -> Outcome {
        self.awaited.spawn(task.run(wires));
        let failed = |error: JoinError| Err(format!("the host failed: {error}"));
        self.awaited.join_next().await.map_or(Ok(()), |ended| ended.unwrap_or_else(failed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;
    use tokio::time::{Instant, sleep};

    /// A task that takes some seconds, and writes down when it begins and when it is over.
    struct Puppet {
        name: &'static str,
        kind: TaskKind,
        seconds: u64,
        outcome: Outcome,
        diary: Diary,
    }

    #[derive(Clone)]
    struct Diary {
        begun: Instant,
        entries: Arc<Mutex<Vec<String>>>,
    }

    impl Diary {
        fn note(&self, what: &str, name: &str) {
            let entry = format!("{} s: {name} {what}", self.begun.elapsed().as_secs());
            self.entries.lock().unwrap().push(entry);
        }
    }

    struct Running<'a>(&'a Puppet);

    impl Drop for Running<'_> {
        fn drop(&mut self) {
            self.0.diary.note("ends", self.0.name);
        }
    }

    impl Task for Puppet {
        fn kind(&self) -> TaskKind {
            self.kind
        }

        async fn run(self, wires: Wires) -> Outcome {
            self.diary.note("begins", self.name);
            let _running = Running(&self);
            sleep(Duration::from_secs(self.seconds)).await;
            if self.name == "asks" {
                wires.request_recycle();
            }
            self.outcome.clone()
        }
    }

    struct Stage(Diary, Vec<Puppet>);

    impl Stage {
        fn new() -> Self {
            Self(Diary { begun: Instant::now(), entries: Arc::default() }, Vec::new())
        }

        fn with(mut self, name: &'static str, kind: TaskKind, seconds: u64, outcome: Outcome) -> Self {
            self.1.push(Puppet { name, kind, seconds, outcome, diary: self.0.clone() });
            self
        }

        /// Lets the role run for ten seconds if it is started.
        async fn play(self) -> (Outcome, Vec<String>) {
            let Self(diary, tasks) = self;
            let mut start_up = StartUp::new(tasks);
            let before = start_up.before(&Wires::loose()).await;
            if before.is_ok() {
                diary.note("begins", "role");
                sleep(Duration::from_secs(10)).await;
                diary.note("ends", "role");
            }
            start_up.after().await;
            start_up.cut_off().await;
            diary.note("ends", "incarnation");
            let entries = diary.entries.lock().unwrap().clone();
            (before, entries)
        }
    }

    const SIMPLE: TaskKind = TaskKind::Simple;
    const FOREGROUND: TaskKind = TaskKind::Foreground;
    const BACKGROUND: TaskKind = TaskKind::Background;

    #[tokio::test(start_paused = true)]
    async fn simple_tasks_run_in_order_one_at_a_time_and_the_role_after_them() {
        let stage = Stage::new().with("one", SIMPLE, 2, Ok(())).with("two", SIMPLE, 1, Ok(()));
        let (before, diary) = stage.play().await;
        assert_eq!(before, Ok(()));
        let expected = ["0 s: one begins", "2 s: one ends", "2 s: two begins", "3 s: two ends"];
        assert_eq!(diary[..4], expected);
        assert_eq!(diary[4..], ["3 s: role begins", "13 s: role ends", "13 s: incarnation ends"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_simple_task_that_fails_keeps_later_tasks_and_the_role_from_starting() {
        let stage = Stage::new().with("one", SIMPLE, 2, Err("one failed".to_owned())).with(
            "two",
            BACKGROUND,
            1,
            Ok(()),
        );
        let (before, diary) = stage.play().await;
        assert_eq!(before, Err("one failed".to_owned()));
        assert_eq!(diary, ["0 s: one begins", "2 s: one ends", "2 s: incarnation ends"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_background_task_is_not_waited_for_and_is_cut_off_with_the_role() {
        let (before, diary) = Stage::new().with("back", BACKGROUND, 100, Ok(())).play().await;
        assert_eq!(before, Ok(()));
        let expected = ["0 s: role begins", "0 s: back begins", "10 s: role ends", "10 s: back ends"];
        assert_eq!(diary[..4], expected);
        assert_eq!(diary[4], "10 s: incarnation ends");
    }

    #[tokio::test(start_paused = true)]
    async fn a_foreground_task_is_not_waited_for_and_holds_the_end_back() {
        let (before, diary) = Stage::new().with("fore", FOREGROUND, 100, Ok(())).play().await;
        assert_eq!(before, Ok(()));
        let expected = ["0 s: role begins", "0 s: fore begins", "10 s: role ends", "100 s: fore ends"];
        assert_eq!(diary[..4], expected);
        assert_eq!(diary[4], "100 s: incarnation ends");
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_nobody_waits_for_may_fail() {
        for kind in [FOREGROUND, BACKGROUND] {
            let (before, diary) = Stage::new().with("x", kind, 1, Err("failed".to_owned())).play().await;
            assert_eq!(before, Ok(()));
            assert_eq!(diary.last().unwrap(), "10 s: incarnation ends", "{kind:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_start_waits_for_foreground_tasks_and_cuts_background_tasks_off() {
        let stage = Stage::new()
            .with("fore", FOREGROUND, 5, Ok(()))
            .with("back", BACKGROUND, 9, Ok(()))
            .with("one", SIMPLE, 1, Err("failed".to_owned()));
        let (before, diary) = stage.play().await;
        assert!(before.is_err());
        assert_eq!(
            diary[3..],
            ["1 s: one ends", "1 s: back ends", "5 s: fore ends", "5 s: incarnation ends"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_task_has_asked_for_a_recycle_no_other_one_begins() {
        let stage = Stage::new().with("asks", SIMPLE, 2, Ok(())).with("two", SIMPLE, 1, Ok(()));
        let Stage(diary, tasks) = stage;
        let mut start_up = StartUp::new(tasks);
        assert_eq!(start_up.before(&Wires::loose()).await, Ok(()));
        assert_eq!(*diary.entries.lock().unwrap(), ["0 s: asks begins", "2 s: asks ends"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_that_is_given_up_cuts_its_simple_task_off() {
        let Stage(diary, tasks) = Stage::new().with("one", SIMPLE, 60, Ok(()));
        let mut start_up = StartUp::new(tasks);
        let given_up = tokio::time::timeout(Duration::from_secs(1), start_up.before(&Wires::loose())).await;
        assert!(given_up.is_err());
        start_up.after().await;
        assert_eq!(*diary.entries.lock().unwrap(), ["0 s: one begins", "1 s: one ends"]);
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_runs_when_everything_is_cut_off_is_gone_when_that_is_over() {
        let stage = Stage::new().with("fore", FOREGROUND, 60, Ok(())).with("back", BACKGROUND, 60, Ok(()));
        let Stage(diary, tasks) = stage.with("one", SIMPLE, 60, Ok(()));
        let mut start_up = StartUp::new(tasks);
        let given_up = tokio::time::timeout(Duration::from_secs(1), start_up.before(&Wires::loose())).await;
        assert!(given_up.is_err());
        // Foreground tasks hold the end back until somebody has no time any more.
        assert!(tokio::time::timeout(Duration::from_secs(1), start_up.after()).await.is_err());
        start_up.cut_off().await;
        let mut entries = diary.entries.lock().unwrap().clone();
        entries.retain(|entry| entry.ends_with("ends"));
        assert_eq!(entries, ["1 s: one ends", "1 s: back ends", "2 s: fore ends"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_off_waits_for_a_task_that_is_given_up_without_what_comes_after() {
        let Stage(diary, tasks) =
            Stage::new().with("fore", FOREGROUND, 60, Ok(())).with("one", SIMPLE, 60, Ok(()));
        let mut start_up = StartUp::new(tasks);
        let given_up = tokio::time::timeout(Duration::from_secs(1), start_up.before(&Wires::loose())).await;
        assert!(given_up.is_err());
        start_up.cut_off().await;
        let mut ended = diary.entries.lock().unwrap().clone();
        ended.retain(|entry| entry.ends_with("ends"));
        assert_eq!(ended, ["1 s: one ends", "1 s: fore ends"]);
    }
}
