//! `wasm-roles run`: one service in the foreground, until somebody wants it to stop.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{interval_at, timeout};
use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::{
    Clock, Deployment, DeploymentOptions, Events, Runtime, RuntimeOptions, Seed, Status, remove_tree,
};

use super::Ending;
use crate::arguments::RunArguments;
use crate::cache_folder;
use crate::failure::Failure;
use crate::printer::{Printed, Printer};
use crate::reading::Reading;
use crate::service_files::ServiceFiles;
use crate::signals::StopSignals;
use crate::words::{self, Progress, Started, Words};

/// How often instances that still stop are named.
const REMIND: Duration = Duration::from_secs(5);
/// How long the last words may take to be read once everything has stopped.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs a service until it was asked to stop.
pub async fn run(arguments: RunArguments) -> Result<Ending> {
    let mut signals = StopSignals::listen().context("signals cannot be listened to")?;
    let reading = Reading::of(&arguments.service)?;
    let plan = Arc::new(reading.plan()?);
    let files = reading.into_files();
    let engine = engine(&arguments)?;
    let data =
        tempfile::Builder::new().prefix("wasm-roles-").tempdir().context("no folder for local storage")?;
    let options = options(&arguments, &files, data.path().to_owned());
    let clock = options.clock;
    let (deployment, events) = tokio::select! {
        biased;
        () = signals.next() => return Ok(Ending::Interrupted),
        started = Deployment::start(&engine, Arc::clone(&plan), options) => started.map_err(Failure::from)?,
    };
    let (printer, printed) = Printer::start().context("no thread can be started")?;
    let mut words = words::of(&arguments, &plan);
    let started = Started {
        time: clock.wall(),
        plan: &plan,
        deployment_id: deployment.id(),
        configuration: files.configuration.as_ref().map(|source| source.name.as_str()),
        published: deployment.published(),
    };
    printer.print(words.started(&started)).await;
    let (progress, told) = mpsc::unbounded_channel();
    let talk = tokio::spawn(talk(words, clock, printer, events, told));
    let stop_budget = Duration::from_secs(arguments.stop_timeout);
    let session = Session { deployment, signals, printed, progress, talk, stop_budget };
    let ending = session.live().await;
    // A failure leaves files in the folder for temporary ones, which is no reason to fail. What guests have nested
    // deeply must not be removed by recursion.
    let data = data.keep();
    let _ = tokio::task::spawn_blocking(move || remove_tree(&data)).await;
    Ok(ending)
}

fn engine(arguments: &RunArguments) -> Result<Runtime, Failure> {
    let cache_dir = arguments.cache_dir.clone().or_else(cache_folder::of_user);
    Ok(Runtime::new(&RuntimeOptions { cache_dir })?)
}

fn options(
    arguments: &RunArguments,
    files: &ServiceFiles,
    data_folder: std::path::PathBuf,
) -> DeploymentOptions {
    let mut approots = Approots::beside(&files.folder);
    for (role, folder) in &arguments.approot {
        approots.name(role.clone(), folder);
    }
    DeploymentOptions {
        approots,
        publication: arguments.publication.publication(),
        stop_budget: Duration::from_secs(arguments.stop_timeout),
        data_folder,
        emulated: true,
        clock: Clock::new(SystemTime::now()),
        seed: seed(arguments.seed),
    }
}

fn seed(number: Option<u64>) -> Seed {
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
    mut events: Events,
    mut progress: mpsc::UnboundedReceiver<Progress>,
) {
    let mut stopped = None;
    loop {
        let page = tokio::select! {
            biased;
            Some(progress) = progress.recv() => match progress {
                // All of this deployment's events come before it.
                Progress::Stopped(_) => {
                    stopped = Some(progress);
                    continue;
                }
                other => Some(words.progress(clock.wall(), &other)),
            },
            event = events.next() => match event {
                Some(event) => words.event(&event),
                None => break,
            },
        };
        if let Some(page) = page {
            printer.print(page).await;
        }
    }
    if stopped.is_none() {
        stopped = progress.recv().await;
    }
    if let Some(stopped) = stopped {
        printer.print(words.progress(clock.wall(), &stopped)).await;
    }
}

/// A running service and those who could want it to stop.
struct Session {
    deployment: Deployment,
    signals: StopSignals,
    printed: Printed,
    progress: mpsc::UnboundedSender<Progress>,
    talk: JoinHandle<()>,
    stop_budget: Duration,
}

impl Session {
    async fn live(mut self) -> Ending {
        self.until_stop_is_wanted().await;
        let Self { deployment, mut signals, mut printed, progress, talk, stop_budget } = self;
        tokio::select! {
            biased;
            () = signals.next() => return Ending::Interrupted,
            () = stop(deployment, &progress, stop_budget) => {}
        }
        drop(progress);
        // Whoever does not read the last words cannot keep the program from ending.
        let last_words = async {
            let _ = talk.await;
            printed.done().await;
        };
        tokio::select! {
            biased;
            () = signals.next() => Ending::Interrupted,
            _ = timeout(LAST_WORDS, last_words) => Ending::Done,
        }
    }

    /// Waits for a signal, or for the reader of the output to go away.
    async fn until_stop_is_wanted(&mut self) {
        let mut statuses = self.deployment.statuses();
        let instances = statuses.now().len();
        let mut all_ready = pin!(statuses.all_ready());
        let mut told = false;
        loop {
            tokio::select! {
                () = self.signals.next() => return,
                () = self.printed.reader_gone() => return,
                () = &mut all_ready, if !told => {
                    told = true;
                    let _ = self.progress.send(Progress::AllReady(instances));
                }
            }
        }
    }
}

/// Stops the deployment and says what it waits for.
async fn stop(deployment: Deployment, progress: &mpsc::UnboundedSender<Progress>, budget: Duration) {
    let statuses = deployment.statuses();
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
    let mut stopping = pin!(deployment.stop());
    let mut remind = interval_at(tokio::time::Instant::now() + REMIND, REMIND);
    let summary = loop {
        tokio::select! {
            summary = &mut stopping => break summary,
            _ = remind.tick() => {
                let _ = progress.send(Progress::StillWaiting(not_stopped()));
            }
        }
    };
    let _ = progress.send(Progress::Stopped(summary));
}
