//! `wasm-roles run`: one service in the foreground, until somebody wants it to stop.

mod setup;

use std::io::Write;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{interval_at, timeout};
use wasm_roles_fabric::virtual_network::Network;
use wasm_roles_fabric::{
    Clock, Deployment, Event, Runtime, RuntimeOptions, Seed, Status, Statuses, StopSummary,
};
use wasm_roles_service_plan::{Plan, missing_rules};

use super::Ending;
use crate::arguments::{CacheArguments, LogFormat, RunArguments};
use crate::capture::Capture;
use crate::compiling;
use crate::data::Data;
use crate::failure::Failure;
use crate::host_policy::{host_rules, unread};
use crate::operated::{self, Operated};
use crate::printer::{Printed, Printer};
use crate::reading::Reading;
use crate::signals::StopSignals;
use crate::watch;
use crate::words::{self, Progress, Started, Words};

/// How often instances that still stop are named.
const REMIND: Duration = Duration::from_secs(5);
/// How long the last words may take to be read once everything has stopped.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs a service until it was asked to stop.
pub async fn run(arguments: RunArguments) -> Result<Ending> {
    let mut signals = StopSignals::listen().context("signals cannot be listened to")?;
    let reading = Reading::of(&arguments.service)?;
    let plan = Arc::new(arguments.limits.over(reading.plan()?)?);
    let watch = match arguments.watch {
        true => match setup::built(reading.files(), &arguments, &mut signals).await? {
            Some(watch) => Some(watch),
            None => return Ok(Ending::Interrupted),
        },
        false => None,
    };
    let files = reading.into_files();
    let sources = setup::sources(&arguments.service.reading, &arguments.limits, &files);
    let approots = setup::approots(&arguments, &files);
    let rules = host_rules(&arguments.outbound, &plan)?;
    let granted = rules.clone();
    let engine = engine(&arguments.cache, arguments.log_format == LogFormat::Plain)?;
    let data = Data::of(&arguments, &plan.service)?;
    let kept = arguments.data_dir.as_ref().map(|_| data.path());
    let certificates = arguments.certificates.options(SystemTime::now(), kept)?;
    let options = setup::options(&arguments, &files, certificates, data.path().to_owned());
    let clock = options.clock;
    let capture = Capture::of(&arguments, clock)?;
    let prepare = |network: &Network| {
        network.set_host_rules(rules);
        capture.watch(network);
    };
    let (hurry, hurried) = oneshot::channel();
    let given_up = async { drop(hurried.await) };
    let starting = Deployment::start_unless(&engine, Arc::clone(&plan), options, prepare, given_up);
    // No instance runs before the start has succeeded.
    let (deployment, events) = match begin(starting, &mut signals, hurry).await {
        Some(Ok(Some(started))) => started,
        Some(Ok(None)) => {
            remove(data, &mut signals).await;
            return Ok(Ending::Interrupted);
        }
        Some(Err(error)) => {
            remove(data, &mut signals).await;
            return Err(Failure::from(error).into());
        }
        None => {
            say_what_is_left(data.path(), "the start was still copying files");
            data.leave();
            return Ok(Ending::Interrupted);
        }
    };
    let network = deployment.network().clone();
    let statuses = deployment.statuses();
    let (printer, printed) = Printer::start().context("no thread can be started")?;
    let mut words = words::of(&arguments, &plan);
    let started = Started {
        time: clock.wall(),
        plan: &plan,
        deployment_id: deployment.id(),
        configuration: files.configuration.as_ref().map(|source| source.name.as_str()),
        published: deployment.published(),
        kept: data.kept(),
    };
    printer.print(words.started(&started)).await;
    let (progress, told) = mpsc::unbounded_channel();
    if let Some(file) = unread(&arguments.outbound.grants, &files.folder) {
        let _ = progress.send(Progress::HostPolicyUnread(file));
    }
    let host = operated::Host { runtime: engine, clock, seed: seed(None), rules: granted };
    let (operated, events) = Operated::begin(host, deployment, events, sources.clone()).await?;
    let watching = watch.map(|watch| {
        let (adopted, reading) = (operated.adopted(), arguments.service.reading.clone());
        let (before, progress) = (sources, progress.clone());
        let running = watch::Running { adopted, reading, approots, before, progress };
        AbortOnDrop(tokio::spawn(watch.live(running)))
    });
    let talk = tokio::spawn(talk(words, clock, printer, events, told));
    let stop_budget = Duration::from_secs(arguments.stop_timeout);
    let signals = &mut signals;
    let session = Session {
        plan,
        operated,
        network,
        statuses,
        signals,
        printed,
        progress,
        talk,
        stop_budget,
        capture: &capture,
        watching,
    };
    let Lived { ending, guests_are_gone } = session.live().await;
    let captured = tokio::task::spawn_blocking(move || capture.end());
    let (ending, captured) = tokio::select! {
        biased;
        () = signals.next() => (Ending::Interrupted, Ok(())),
        captured = captured => (ending, captured.unwrap_or(Ok(()))),
    };
    let removed = if guests_are_gone {
        remove(data, signals).await
    } else {
        say_what_is_left(data.path(), "an instance could not be waited for");
        data.leave();
        Removed::Interrupted
    };
    captured?;
    Ok(match removed {
        Removed::Done => ending,
        Removed::Interrupted => Ending::Interrupted,
    })
}

/// Waits for the start. The first signal gives it up, and then it only ends what it is about; none when there is a second
/// signal before it has.
async fn begin<T>(
    starting: impl Future<Output = T>,
    signals: &mut StopSignals,
    hurry: oneshot::Sender<()>,
) -> Option<T> {
    let mut starting = pin!(starting);
    tokio::select! {
        biased;
        () = signals.next() => drop(hurry),
        started = &mut starting => {
            // Until here nobody may think that the start was given up.
            drop(hurry);
            return Some(started);
        }
    }
    tokio::select! {
        biased;
        started = starting => Some(started),
        () = signals.next() => None,
    }
}

/// What became of the data folder.
enum Removed {
    /// It is as it should be, or the reason was told.
    Done,
    /// The user did not want to wait.
    Interrupted,
}

/// Removes what nobody needs any more, until the user does not want to wait. What is left then is named.
async fn remove(data: Data, signals: &mut StopSignals) -> Removed {
    let folder = data.path().to_owned();
    let removing = tokio::task::spawn_blocking(move || data.end());
    tokio::select! {
        biased;
        removed = removing => {
            if let Ok(Err(error)) = removed {
                say_what_is_left(&folder, &error.to_string());
            }
            Removed::Done
        }
        // The thread that removes ends with the process.
        () = signals.next() => {
            say_what_is_left(&folder, "its removal was interrupted");
            Removed::Interrupted
        }
    }
}

fn say_what_is_left(folder: &Path, because: &str) {
    let folder = folder.display();
    let words = format!(
        "warning: files of the service are left in {folder}, certificates with their private keys perhaps: {because}\n  \
         hint: remove what you do not need there\n"
    );
    // When standard error is closed nobody can be told.
    let _ = std::io::stderr().write_all(words.as_bytes());
}

/// What ends with its owner.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What runs components. Whoever reads `plain` words is told of compiling.
pub fn engine(cache: &CacheArguments, plain: bool) -> Result<Runtime, Failure> {
    let mut options = RuntimeOptions::default();
    if let Some(folder) = cache.folder() {
        options = options.cached_in(folder).with_cache_bytes(cache.cache_size);
    }
    if plain {
        options = options.telling(compiling::listener());
    }
    Ok(Runtime::new(&options)?)
}

/// Where random numbers come from: this number, or else the operating system.
pub fn seed(number: Option<u64>) -> Seed {
    let Some(number) = number else { return Seed::new(rand::random()) };
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(number.to_le_bytes()).for_each(|(byte, given)| *byte = given);
    Seed::new(bytes)
}

/// Turns events and progress into pages: until the last event is told, then what progress is left.
async fn talk(
    mut words: Box<dyn Words>,
    clock: Clock,
    printer: Printer,
    mut events: mpsc::Receiver<Event>,
    mut progress: mpsc::UnboundedReceiver<Progress>,
) {
    let mut last = Vec::new();
    loop {
        let page = tokio::select! {
            biased;
            Some(progress) = progress.recv() => match progress {
                // All of this deployment's events come before it.
                Progress::Stopped(_) | Progress::MissingRules(_) | Progress::CaptureLacks(_) => {
                    last.push(progress);
                    continue;
                }
                other => Some(words.progress(clock.wall(), &other)),
            },
            event = events.recv() => match event {
                Some(event) => words.event(&event),
                None => break,
            },
        };
        if let Some(page) = page {
            printer.print(page).await;
        }
    }
    while let Some(progress) = progress.recv().await {
        last.push(progress);
    }
    for progress in last {
        printer.print(words.progress(clock.wall(), &progress)).await;
    }
}

/// How the life of a service ended.
struct Lived {
    ending: Ending,
    /// Otherwise they may still write to the data folder.
    guests_are_gone: bool,
}

/// A running service and those who could want it to stop.
struct Session<'a> {
    plan: Arc<Plan>,
    operated: Operated,
    network: Network,
    statuses: Statuses,
    signals: &'a mut StopSignals,
    printed: Printed,
    progress: mpsc::UnboundedSender<Progress>,
    talk: JoinHandle<()>,
    stop_budget: Duration,
    capture: &'a Capture,
    /// Whoever runs what is saved.
    watching: Option<AbortOnDrop>,
}

impl Session<'_> {
    async fn live(mut self) -> Lived {
        self.until_stop_is_wanted().await;
        let Self {
            plan,
            operated,
            network,
            statuses,
            signals,
            mut printed,
            progress,
            talk,
            stop_budget,
            capture,
            watching,
        } = self;
        // What is saved from now on is for the next run.
        drop(watching);
        let (hurry, hurried) = oneshot::channel();
        let stopping = stop(operated, &statuses, &progress, stop_budget, hurried);
        match with_patience(stopping, signals, hurry).await {
            Patience::Enough => {}
            Patience::Over => return Lived { ending: Ending::Interrupted, guests_are_gone: true },
            Patience::OverTwice => return Lived { ending: Ending::Interrupted, guests_are_gone: false },
        }
        let passed = network.passed();
        let seen = passed.iter().map(|passed| (passed.role.as_str(), &passed.reason));
        if let Some(missing) = missing_rules(&plan, seen) {
            let _ = progress.send(Progress::MissingRules(missing));
        }
        if let packets @ 1.. = capture.dropped() {
            let _ = progress.send(Progress::CaptureLacks(packets));
        }
        drop(progress);
        // Whoever does not read the last words cannot keep the program from ending.
        let last_words = async {
            let _ = talk.await;
            printed.done().await;
        };
        let ending = tokio::select! {
            biased;
            () = signals.next() => Ending::Interrupted,
            _ = timeout(LAST_WORDS, last_words) => Ending::Done,
        };
        Lived { ending, guests_are_gone: true }
    }

    /// Waits for a signal, or for the reader of the output to go away.
    async fn until_stop_is_wanted(&mut self) {
        let mut statuses = self.statuses.clone();
        let instances = statuses.now().len();
        let mut all_ready = pin!(statuses.all_ready());
        let mut told = false;
        loop {
            tokio::select! {
                () = self.signals.next() => return,
                () = self.printed.reader_gone() => return,
                () = self.operated.ended() => return,
                () = &mut all_ready, if !told => {
                    told = true;
                    let _ = self.progress.send(Progress::AllReady(instances));
                }
            }
        }
    }
}

/// Whether the user has waited for the stop.
enum Patience {
    Enough,
    /// What had not stopped was cut off.
    Over,
    /// Not even that was waited for.
    OverTwice,
}

/// Waits for the stop. The first signal hurries it on, which takes a moment; the second gives it up.
async fn with_patience(
    stopping: impl Future<Output = ()>,
    signals: &mut StopSignals,
    hurry: oneshot::Sender<()>,
) -> Patience {
    let mut stopping = pin!(stopping);
    tokio::select! {
        biased;
        () = signals.next() => {}
        () = &mut stopping => return Patience::Enough,
    }
    // It has stopped already if nobody hears this.
    let _ = hurry.send(());
    tokio::select! {
        biased;
        () = signals.next() => Patience::OverTwice,
        () = stopping => Patience::Over,
    }
}

/// Stops the deployment and says what it waits for. Who is in a `hurry` has the instances cut off.
async fn stop(
    operated: Operated,
    statuses: &Statuses,
    progress: &mpsc::UnboundedSender<Progress>,
    budget: Duration,
    hurry: oneshot::Receiver<()>,
) {
    let not_stopped = || {
        statuses.with(&[
            Status::Created,
            Status::Starting,
            Status::Ready,
            Status::Busy,
            Status::Recycling,
            Status::Stopping,
        ])
    };
    // The talker is there as long as the deployment is.
    let _ = progress.send(Progress::Stopping(not_stopped(), budget));
    let (deployment, serving) = operated.release().await;
    let summary = match deployment {
        None => StopSummary { instances: Vec::new() },
        Some(deployment) => {
            // The one who could be in a hurry waits for this.
            let mut stopping = pin!(deployment.stop_unless(async { drop(hurry.await) }));
            let mut remind = interval_at(tokio::time::Instant::now() + REMIND, REMIND);
            loop {
                tokio::select! {
                    summary = &mut stopping => break summary,
                    _ = remind.tick() => {
                        let _ = progress.send(Progress::StillWaiting(not_stopped()));
                    }
                }
            }
        }
    };
    if let Some(serving) = serving {
        // It removes its socket. Whoever reads slowly cannot keep the program from ending.
        let _ = timeout(LAST_WORDS, serving.end()).await;
    }
    let _ = progress.send(Progress::Stopped(summary));
}
