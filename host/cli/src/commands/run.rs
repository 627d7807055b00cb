//! `wasm-roles run`: one service in the foreground, until somebody wants it to stop.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{interval_at, timeout};
use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::virtual_network::Network;
use wasm_roles_fabric::{
    CertificateOptions, Clock, Deployment, DeploymentOptions, Events, Runtime, RuntimeOptions, Seed, Status,
};
use wasm_roles_service_plan::{Plan, missing_rules};

use super::Ending;
use crate::arguments::RunArguments;
use crate::cache_folder;
use crate::capture::Capture;
use crate::data::Data;
use crate::failure::Failure;
use crate::host_policy::host_rules;
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
    let plan = Arc::new(arguments.limits.over(reading.plan()?)?);
    let files = reading.into_files();
    let rules = host_rules(&arguments.outbound, &files.folder, &plan)?;
    let engine = engine(&arguments)?;
    let data = Data::of(&arguments)?;
    let certificates = arguments.certificates.options()?;
    let options = options(&arguments, &files, certificates, data.path().to_owned());
    let clock = options.clock;
    let capture = Capture::of(&arguments, clock)?;
    let prepare = |network: &Network| {
        network.set_host_rules(rules);
        capture.watch(network);
    };
    let (deployment, events) = tokio::select! {
        biased;
        () = signals.next() => return Ok(Ending::Interrupted),
        started = Deployment::start_with(&engine, Arc::clone(&plan), options, prepare) => {
            started.map_err(Failure::from)?
        }
    };
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
    let talk = tokio::spawn(talk(words, clock, printer, events, told));
    let stop_budget = Duration::from_secs(arguments.stop_timeout);
    let session = Session { plan, deployment, signals, printed, progress, talk, stop_budget };
    let ending = session.live().await;
    let ended = tokio::task::spawn_blocking(move || {
        data.end();
        capture.end()
    });
    ended.await.unwrap_or(Ok(()))?;
    Ok(ending)
}

fn engine(arguments: &RunArguments) -> Result<Runtime, Failure> {
    let cache_dir = arguments.cache_dir.clone().or_else(cache_folder::of_user);
    Ok(Runtime::new(&RuntimeOptions { cache_dir })?)
}

fn options(
    arguments: &RunArguments,
    files: &ServiceFiles,
    certificates: CertificateOptions,
    data_folder: std::path::PathBuf,
) -> DeploymentOptions {
    let mut approots = Approots::beside(&files.folder);
    for (role, folder) in &arguments.approot {
        approots.name(role.clone(), folder);
    }
    DeploymentOptions {
        approots,
        publication: arguments.publication.publication(),
        certificates,
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
    let mut last = Vec::new();
    loop {
        let page = tokio::select! {
            biased;
            Some(progress) = progress.recv() => match progress {
                // All of this deployment's events come before it.
                Progress::Stopped(_) | Progress::MissingRules(_) => {
                    last.push(progress);
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
    while let Some(progress) = progress.recv().await {
        last.push(progress);
    }
    for progress in last {
        printer.print(words.progress(clock.wall(), &progress)).await;
    }
}

/// A running service and those who could want it to stop.
struct Session {
    plan: Arc<Plan>,
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
        let Self { plan, deployment, mut signals, mut printed, progress, talk, stop_budget } = self;
        let network = deployment.network().clone();
        tokio::select! {
            biased;
            () = signals.next() => return Ending::Interrupted,
            () = stop(deployment, &progress, stop_budget) => {}
        }
        let passed = network.passed();
        let seen = passed.iter().map(|passed| (passed.role.as_str(), &passed.reason));
        if let Some(missing) = missing_rules(&plan, seen) {
            let _ = progress.send(Progress::MissingRules(missing));
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
