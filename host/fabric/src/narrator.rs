//! Tells the events of one instance in their order: its lines of output, and what happens to it.
//!
//! Each instance has one narrator, and a narrator waits for its place in the event channel with one event at a time. Waiting
//! places are given in the order of asking, so the most that a flood does to another instance is to make its next
//! line wait for one line of each flooding instance. Meanwhile the flooding guest waits too, because its pipe is full.
//!
//! The supervisor never waits for its narrator. What it reports is queued without a bound; the back-off between
//! incarnations keeps that to a few reports a minute.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc;
use wasm_roles_role_runtime::{Clock, End, OutputPipe, OutputReader, ProgramEnd, RoleEvent, Written};
use wasm_roles_service_plan::{InstanceId, TaskKind};

use crate::change::Missed;
use crate::events::{Event, EventKind, OutputStream};
use crate::lifecycle::Status;
use crate::status_board::Recycled;

/// Bytes of output of each stream that wait to be told before the guest has to.
const PIPE_CAPACITY: usize = 64 << 10;

/// What a supervisor reports about its instance.
enum Report {
    NewOutput(Output),
    TaskEnded { time: Duration, task: Arc<str>, kind: TaskKind, end: ProgramEnd, last_words: Vec<String> },
    Status(Duration, Status),
    Ended(Duration, End),
    Recycling { time: Duration, delay: Duration, recycled: Recycled },
    Missed { time: Duration, event: RoleEvent, missed: Missed },
    Refused(Duration),
    Renewed(Duration),
}

/// The supervisor's side.
#[derive(Clone)]
pub(crate) struct Reporter {
    reports: mpsc::UnboundedSender<Report>,
    clock: Clock,
    /// Bytes per second of each stream; 0: as fast as it is read. All clones have the same.
    log_rate: Arc<AtomicU64>,
}

impl Reporter {
    /// A reporter for `instance` and the narrator's task, which ends when the reporter is gone and all is told.
    pub(crate) fn new(
        instance: InstanceId,
        clock: Clock,
        events: mpsc::Sender<Event>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (reports, queue) = mpsc::unbounded_channel();
        let narrator = Narrator { instance, clock, events, outputs: Vec::new() };
        (Self { reports, clock, log_rate: Arc::default() }, narrator.narrate(queue))
    }

    /// What the instance and its start-up tasks write is held to so many bytes per second, each stream of each program that
    /// begins from now on.
    pub(crate) fn set_log_rate(&self, bytes_per_second: u64) {
        self.log_rate.store(bytes_per_second, Ordering::Relaxed);
    }

    /// The same for the instance's start-up tasks.
    pub(crate) fn for_tasks(&self) -> TaskReporter {
        TaskReporter(self.clone())
    }

    /// Standard output and standard error for the next incarnation.
    pub(crate) fn new_incarnation(&self) -> (OutputPipe, OutputPipe) {
        self.new_output(None)
    }

    fn pipe(&self) -> (OutputPipe, OutputReader) {
        match self.log_rate.load(Ordering::Relaxed) {
            0 => OutputPipe::new(PIPE_CAPACITY),
            rate => OutputPipe::with_rate(PIPE_CAPACITY, rate),
        }
    }

    fn new_output(&self, task: Option<Arc<str>>) -> (OutputPipe, OutputPipe) {
        let ((stdout, stdout_lines), (stderr, stderr_lines)) = (self.pipe(), self.pipe());
        let (stdout_lines, stderr_lines) = (Some(stdout_lines), Some(stderr_lines));
        self.report(Report::NewOutput(Output {
            task,
            stdout: stdout_lines,
            stderr: stderr_lines,
            last: OutputStream::Stderr,
            is_access_log: false,
        }));
        (stdout, stderr)
    }

    pub(crate) fn status(&self, status: Status) {
        self.report(Report::Status(self.clock.wall(), status));
    }

    pub(crate) fn ended(&self, end: End) {
        self.report(Report::Ended(self.clock.wall(), end));
    }

    pub(crate) fn recycling(&self, delay: Duration, recycled: Recycled) {
        self.report(Report::Recycling { time: self.clock.wall(), delay, recycled });
    }

    /// A handler was not heard.
    pub(crate) fn missed(&self, event: RoleEvent, missed: Missed) {
        self.report(Report::Missed { time: self.clock.wall(), event, missed });
    }

    /// The instance refused a change.
    pub(crate) fn refused(&self) {
        self.report(Report::Refused(self.clock.wall()));
    }

    /// The instance is recycled, because its role has other certificates.
    pub(crate) fn renewed(&self) {
        self.report(Report::Renewed(self.clock.wall()));
    }

    fn report(&self, report: Report) {
        // The narrator is gone when nobody listens any more; then there is nobody to tell.
        let _ = self.reports.send(report);
    }
}

/// What start-up tasks report through.
#[derive(Clone)]
pub(crate) struct TaskReporter(Reporter);

impl TaskReporter {
    /// The access log of the next incarnation. It has the log rate for itself: what clients do does not silence the role.
    pub(crate) fn new_access_log(&self) -> OutputPipe {
        let (log, lines) = self.0.pipe();
        self.0.report(Report::NewOutput(Output {
            task: None,
            stdout: Some(lines),
            stderr: None,
            last: OutputStream::Stderr,
            is_access_log: true,
        }));
        log
    }

    /// Standard output and standard error for one run of `task`. The run is known by this very `Arc`.
    pub(crate) fn new_run(&self, task: &Arc<str>) -> (OutputPipe, OutputPipe) {
        self.0.new_output(Some(Arc::clone(task)))
    }

    pub(crate) fn task_ended(
        &self,
        task: Arc<str>,
        kind: TaskKind,
        end: ProgramEnd,
        last_words: Vec<String>,
    ) {
        self.0.report(Report::TaskEnded { time: self.0.clock.wall(), task, kind, end, last_words });
    }
}

/// The output of one incarnation, or of one run of a start-up task. The streams take turns, so that neither can hide
/// the other.
struct Output {
    /// The task; none for the role.
    task: Option<Arc<str>>,
    stdout: Option<OutputReader>,
    stderr: Option<OutputReader>,
    last: OutputStream,
    /// What is in the place of standard output is the access log.
    is_access_log: bool,
}

/// What came out of a pipe, and who wrote it.
struct Said {
    task: Option<Arc<str>>,
    stream: OutputStream,
    written: Written,
}

impl Output {
    /// The next line, or note between lines; none when both streams have ended.
    fn poll_said(&mut self, cx: &mut Context<'_>) -> Poll<Option<Said>> {
        let order = match self.last {
            OutputStream::Stderr => [OutputStream::Stdout, OutputStream::Stderr],
            OutputStream::Stdout | OutputStream::AccessLog => [OutputStream::Stderr, OutputStream::Stdout],
        };
        for stream in order {
            let reader = match stream {
                OutputStream::Stdout | OutputStream::AccessLog => &mut self.stdout,
                OutputStream::Stderr => &mut self.stderr,
            };
            match reader.as_mut().map(|reader| reader.poll_next(cx)) {
                Some(Poll::Ready(Some(written))) => {
                    self.last = stream;
                    let stream = if self.is_access_log { OutputStream::AccessLog } else { stream };
                    return Poll::Ready(Some(Said { task: self.task.clone(), stream, written }));
                }
                Some(Poll::Ready(None)) => *reader = None,
                Some(Poll::Pending) | None => {}
            }
        }
        if self.stdout.is_none() && self.stderr.is_none() { Poll::Ready(None) } else { Poll::Pending }
    }
}

/// What is said next in all outputs; none when all have ended. They take turns: the one that had its turn goes to the end.
fn poll_outputs(outputs: &mut Vec<Output>, cx: &mut Context<'_>) -> Poll<Option<Said>> {
    let mut position = 0;
    while let Some(output) = outputs.get_mut(position) {
        match output.poll_said(cx) {
            Poll::Ready(Some(said)) => {
                let output = outputs.remove(position);
                outputs.push(output);
                return Poll::Ready(Some(said));
            }
            Poll::Ready(None) => drop(outputs.remove(position)),
            Poll::Pending => position = position.saturating_add(1),
        }
    }
    if outputs.is_empty() { Poll::Ready(None) } else { Poll::Pending }
}

async fn next_said(outputs: &mut Vec<Output>) -> Option<Said> {
    poll_fn(|cx| poll_outputs(outputs, cx)).await
}

/// Nobody listens to events any more.
struct Unheard;

struct Narrator {
    instance: InstanceId,
    clock: Clock,
    events: mpsc::Sender<Event>,
    /// What is still being written.
    outputs: Vec<Output>,
}

impl Narrator {
    async fn narrate(mut self, mut reports: mpsc::UnboundedReceiver<Report>) {
        loop {
            let told = tokio::select! {
                biased;
                report = reports.recv() => match report {
                    Some(report) => self.tell_report(report).await,
                    None => break,
                },
                Some(said) = next_said(&mut self.outputs) => self.tell_said(said).await,
            };
            if told.is_err() {
                return;
            }
        }
        let _ = self.tell_rest().await;
    }

    async fn tell_report(&mut self, report: Report) -> Result<(), Unheard> {
        let instance = self.instance.clone();
        match report {
            Report::NewOutput(output) => {
                self.outputs.push(output);
                Ok(())
            }
            Report::TaskEnded { time, task, kind, end, last_words } => {
                self.tell_rest_of(&task).await?;
                self.tell(time, EventKind::TaskEnded { instance, task, kind, end, last_words }).await
            }
            Report::Status(time, status) => {
                self.tell(time, EventKind::StatusChanged { instance, status }).await
            }
            Report::Ended(time, end) => {
                // The last words come before the news of the death.
                self.tell_rest().await?;
                self.tell(time, EventKind::Ended { instance, end }).await
            }
            Report::Recycling { time, delay, recycled } => {
                self.tell(time, EventKind::Recycling { instance, delay, recycled }).await
            }
            Report::Missed { time, event, missed } => {
                self.tell(time, EventKind::EventMissed { instance, event, missed }).await
            }
            Report::Refused(time) => self.tell(time, EventKind::ChangeRefused { instance }).await,
            Report::Renewed(time) => self.tell(time, EventKind::CertificatesChanged { instance }).await,
        }
    }

    /// Tells what the incarnation has written until its pipes are closed.
    async fn tell_rest(&mut self) -> Result<(), Unheard> {
        while let Some(said) = next_said(&mut self.outputs).await {
            self.tell_said(said).await?;
        }
        Ok(())
    }

    /// The same of one run of a task. Others of the same name may still be going on.
    async fn tell_rest_of(&mut self, task: &Arc<str>) -> Result<(), Unheard> {
        let is_of_run = |output: &Output| output.task.as_ref().is_some_and(|other| Arc::ptr_eq(other, task));
        let (mut ended, others) = std::mem::take(&mut self.outputs).into_iter().partition(is_of_run);
        self.outputs = others;
        while let Some(said) = next_said(&mut ended).await {
            self.tell_said(said).await?;
        }
        Ok(())
    }

    async fn tell_said(&mut self, said: Said) -> Result<(), Unheard> {
        let (instance, Said { task, stream, written }) = (self.instance.clone(), said);
        let kind = match written {
            Written::Line(line) => EventKind::Output { instance, task, stream, line },
            Written::Dropped { lines } => EventKind::OutputDropped { instance, task, stream, lines },
            Written::Limit(limit) => EventKind::LimitReached { instance, task, limit },
        };
        self.tell(self.clock.wall(), kind).await
    }

    async fn tell(&mut self, time: Duration, kind: EventKind) -> Result<(), Unheard> {
        self.events.send(Event { time, kind }).await.map_err(|_| Unheard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Events;
    use std::time::SystemTime;
    use tokio::io::AsyncWriteExt;
    use wasm_roles_service_plan::RoleName;

    fn reporter(ordinal: u32, events: &mpsc::Sender<Event>) -> Reporter {
        let id = InstanceId::new(&RoleName::new("W").unwrap(), ordinal);
        let (reporter, narrator) = Reporter::new(id, Clock::new(SystemTime::UNIX_EPOCH), events.clone());
        tokio::spawn(narrator);
        reporter
    }

    fn in_words(event: &Event) -> String {
        match &event.kind {
            EventKind::Output { instance, task, stream, line } => {
                let writer = task.as_ref().map_or_else(|| instance.to_string(), ToString::to_string);
                format!("{writer} {}: {}", stream.name(), String::from_utf8_lossy(&line.bytes))
            }
            EventKind::TaskEnded { task, end, .. } => format!("{task} {end}"),
            EventKind::Ended { instance, end } => format!("{instance} {end}"),
            other => format!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_last_words_of_an_incarnation_come_before_its_end() {
        let (sender, mut events) = Events::channel();
        let reporter = reporter(0, &sender);
        drop(sender);
        let (mut stdout, mut stderr) = reporter.new_incarnation();
        stdout.write_all(b"one\n").await.unwrap();
        stderr.write_all(b"panicked").await.unwrap();
        drop((stdout, stderr));
        reporter.ended(End::RunReturned { result: Ok(()) });
        drop(reporter);
        let mut told = Vec::new();
        while let Some(event) = events.next().await {
            told.push(in_words(&event));
        }
        assert_eq!(told, ["W_IN_0 stdout: one", "W_IN_0 stderr: panicked", "W_IN_0 run returned"]);
    }

    #[tokio::test]
    async fn the_output_of_a_task_has_its_name_and_comes_before_its_end() {
        let (sender, mut events) = Events::channel();
        let reporter = reporter(0, &sender);
        drop(sender);
        let tasks = reporter.for_tasks();
        // Two runs of one name: the end of one does not wait for the other.
        let (other, setup): (Arc<str>, Arc<str>) = ("setup.cmd".into(), "setup.cmd".into());
        let (_other_stdout, other_stderr) = tasks.new_run(&other);
        let (mut stdout, stderr) = tasks.new_run(&setup);
        let (mut role_stdout, role_stderr) = reporter.new_incarnation();
        stdout.write_all(b"one\ntwo").await.unwrap();
        drop((stdout, stderr, other_stderr));
        let end = ProgramEnd::Exited { status: 3 };
        tasks.task_ended(setup, TaskKind::Background, end, Vec::new());
        let mut told = Vec::new();
        for _ in 0..3 {
            told.push(in_words(&events.next().await.unwrap()));
        }
        assert_eq!(told, ["setup.cmd stdout: one", "setup.cmd stdout: two", "setup.cmd ended with status 3"]);
        role_stdout.write_all(b"hello\n").await.unwrap();
        assert_eq!(in_words(&events.next().await.unwrap()), "W_IN_0 stdout: hello");
        drop(role_stderr);
    }

    #[tokio::test]
    async fn the_access_log_is_heard_beside_the_roles_own_words_and_before_its_end() {
        let (sender, mut events) = Events::channel();
        let reporter = reporter(0, &sender);
        let (stdout, stderr) = reporter.new_incarnation();
        let log = reporter.for_tasks().new_access_log();
        log.say(b"GET / 200");
        drop((stdout, stderr, log));
        reporter.ended(End::Stopped { forced: false });
        let EventKind::Output { stream, line, task, .. } = events.next().await.unwrap().kind else {
            panic!()
        };
        assert_eq!(
            (stream.name(), line.bytes.as_slice(), task),
            ("access-log", b"GET / 200".as_slice(), None)
        );
        assert!(matches!(events.next().await.unwrap().kind, EventKind::Ended { .. }));
    }

    #[tokio::test]
    async fn a_flooding_instance_does_not_keep_another_one_from_being_heard() {
        let (sender, mut events) = Events::channel();
        let (loud, quiet) = (reporter(0, &sender), reporter(1, &sender));
        let (mut flood, _loud_stderr) = loud.new_incarnation();
        tokio::spawn(async move { while flood.write_all(b"noise\n").await.is_ok() {} });
        let (mut stdout, _quiet_stderr) = quiet.new_incarnation();
        for _ in 0..1_000 {
            events.next().await.unwrap(); // the flood has the channel for itself
        }
        for round in 0..20 {
            stdout.write_all(b"a word\n").await.unwrap();
            let mut waited = 0;
            while !in_words(&events.next().await.unwrap()).starts_with("W_IN_1") {
                waited += 1;
            }
            assert!(waited <= 200, "round {round}: the line waited for {waited} others");
        }
    }

    #[tokio::test]
    async fn a_guest_that_floods_both_streams_hides_neither() {
        let (sender, mut events) = Events::channel();
        let reporter = reporter(0, &sender);
        let (stdout, stderr) = reporter.new_incarnation();
        for mut pipe in [stdout, stderr] {
            tokio::spawn(async move { while pipe.write_all(b"noise\n").await.is_ok() {} });
        }
        let mut heard = [0, 0];
        for _ in 0..1_000 {
            match events.next().await.unwrap().kind {
                EventKind::Output { stream: OutputStream::Stdout, .. } => heard[0] += 1,
                EventKind::Output { stream: OutputStream::Stderr, .. } => heard[1] += 1,
                other => panic!("{other:?}"),
            }
        }
        assert!(heard.iter().all(|lines| *lines >= 400), "{heard:?}");
    }

    #[tokio::test]
    async fn when_nobody_listens_output_is_thrown_away_and_the_guest_goes_on() {
        let (sender, events) = Events::channel();
        let reporter = reporter(0, &sender);
        drop(events);
        let (mut stdout, _stderr) = reporter.new_incarnation();
        let written = tokio::spawn(async move { stdout.write_all(&[b'\n'; 10 * PIPE_CAPACITY]).await });
        written.await.unwrap().unwrap();
    }
}
