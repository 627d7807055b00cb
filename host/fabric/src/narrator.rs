//! Tells the events of one instance in their order: its lines of output, and what happens to it.
//!
//! Each instance has one narrator, and a narrator waits for its place in the event channel with one event at a time. Waiting
//! places are given in the order of asking, so the most that a flood does to another instance is to make its next
//! line wait for one line of each flooding instance. Meanwhile the flooding guest waits too, because its pipe is full.
//!
//! The supervisor never waits for its narrator. What it reports is queued without a bound; the back-off between
//! incarnations keeps that to a few reports a minute.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc;
use wasm_roles_role_runtime::{Clock, End, Line, OutputPipe, OutputReader};
use wasm_roles_service_plan::InstanceId;

use crate::events::{Event, EventKind, OutputStream};
use crate::lifecycle::Status;

/// Bytes of output of each stream that wait to be told before the guest has to.
const PIPE_CAPACITY: usize = 64 << 10;

/// What a supervisor reports about its instance.
enum Report {
    NewIncarnation(Output),
    Status(Duration, Status),
    Ended(Duration, End),
    Recycling { time: Duration, attempt: u32, delay: Duration, reason: String },
}

/// The supervisor's side.
pub(crate) struct Reporter {
    reports: mpsc::UnboundedSender<Report>,
    clock: Clock,
}

impl Reporter {
    /// A reporter for `instance` and the narrator's task, which ends when the reporter is gone and all is told.
    pub(crate) fn new(
        instance: InstanceId,
        clock: Clock,
        events: mpsc::Sender<Event>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (reports, queue) = mpsc::unbounded_channel();
        let narrator = Narrator { instance, clock, events, output: Output::default() };
        (Self { reports, clock }, narrator.narrate(queue))
    }

    /// Standard output and standard error for the next incarnation.
    pub(crate) fn new_incarnation(&self) -> (OutputPipe, OutputPipe) {
        let (stdout, stdout_lines) = OutputPipe::new(PIPE_CAPACITY);
        let (stderr, stderr_lines) = OutputPipe::new(PIPE_CAPACITY);
        let output =
            Output { stdout: Some(stdout_lines), stderr: Some(stderr_lines), last: OutputStream::Stderr };
        self.report(Report::NewIncarnation(output));
        (stdout, stderr)
    }

    pub(crate) fn status(&self, status: Status) {
        self.report(Report::Status(self.clock.wall(), status));
    }

    pub(crate) fn ended(&self, end: End) {
        self.report(Report::Ended(self.clock.wall(), end));
    }

    pub(crate) fn recycling(&self, attempt: u32, delay: Duration, reason: String) {
        self.report(Report::Recycling { time: self.clock.wall(), attempt, delay, reason });
    }

    fn report(&self, report: Report) {
        // The narrator is gone when nobody listens any more; then there is nobody to tell.
        let _ = self.reports.send(report);
    }
}

/// The output of one incarnation. The streams take turns, so that neither can hide the other.
struct Output {
    stdout: Option<OutputReader>,
    stderr: Option<OutputReader>,
    last: OutputStream,
}

impl Default for Output {
    fn default() -> Self {
        Self { stdout: None, stderr: None, last: OutputStream::Stderr }
    }
}

impl Output {
    /// The next line; none when both streams have ended.
    async fn next_line(&mut self) -> Option<(OutputStream, Line)> {
        poll_fn(|cx| self.poll_line(cx)).await
    }

    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Option<(OutputStream, Line)>> {
        let order = match self.last {
            OutputStream::Stderr => [OutputStream::Stdout, OutputStream::Stderr],
            OutputStream::Stdout => [OutputStream::Stderr, OutputStream::Stdout],
        };
        for stream in order {
            let reader = match stream {
                OutputStream::Stdout => &mut self.stdout,
                OutputStream::Stderr => &mut self.stderr,
            };
            match reader.as_mut().map(|reader| reader.poll_line(cx)) {
                Some(Poll::Ready(Some(line))) => {
                    self.last = stream;
                    return Poll::Ready(Some((stream, line)));
                }
                Some(Poll::Ready(None)) => *reader = None,
                Some(Poll::Pending) | None => {}
            }
        }
        if self.stdout.is_none() && self.stderr.is_none() { Poll::Ready(None) } else { Poll::Pending }
    }

    fn is_over(&self) -> bool {
        self.stdout.is_none() && self.stderr.is_none()
    }
}

/// Nobody listens to events any more.
struct Unheard;

struct Narrator {
    instance: InstanceId,
    clock: Clock,
    events: mpsc::Sender<Event>,
    output: Output,
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
                Some((stream, line)) = self.output.next_line(), if !self.output.is_over() => {
                    self.tell_line(stream, line).await
                }
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
            Report::NewIncarnation(output) => {
                self.output = output;
                Ok(())
            }
            Report::Status(time, status) => {
                self.tell(time, EventKind::StatusChanged { instance, status }).await
            }
            Report::Ended(time, end) => {
                // The last words come before the news of the death.
                self.tell_rest().await?;
                self.tell(time, EventKind::Ended { instance, end }).await
            }
            Report::Recycling { time, attempt, delay, reason } => {
                self.tell(time, EventKind::Recycling { instance, attempt, delay, reason }).await
            }
        }
    }

    /// Tells what the incarnation has written until its pipes are closed.
    async fn tell_rest(&mut self) -> Result<(), Unheard> {
        while let Some((stream, line)) = self.output.next_line().await {
            self.tell_line(stream, line).await?;
        }
        Ok(())
    }

    async fn tell_line(&mut self, stream: OutputStream, line: Line) -> Result<(), Unheard> {
        let instance = self.instance.clone();
        self.tell(self.clock.wall(), EventKind::Output { instance, stream, line }).await
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
            EventKind::Output { instance, stream, line } => {
                format!("{instance} {}: {}", stream.name(), String::from_utf8_lossy(&line.bytes))
            }
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
