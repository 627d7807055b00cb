//! The example service `examples/lifecycle`, from start to stop, through status checks and changes of its configuration. Time
//! is paused: a quarter of a minute between two checks takes none.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test may stop at the first surprise")]

#[path = "lifecycle/readme.rs"]
mod readme;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::change::{ChangeError, ChangeSummary, Reaction};
use wasm_roles_fabric::{
    CertificateOptions, Clock, DEFAULT_STOP_BUDGET, Deployment, DeploymentOptions, EventKind, Events,
    Publication, Runtime, RuntimeOptions, Seed, Status,
};
use wasm_roles_service_model::{Options, Source, load};
use wasm_roles_service_plan::{Plan, plan};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

fn folder() -> PathBuf {
    root().join("examples/lifecycle")
}

/// The plan of the example, with its configuration as it is after `edit`.
fn planned(edit: impl Fn(String) -> String) -> Arc<Plan> {
    planned_of(|definition| definition, edit)
}

/// The plan of the example, with both files edited.
fn planned_of(define: impl Fn(String) -> String, edit: impl Fn(String) -> String) -> Arc<Plan> {
    let read = |name: &str| std::fs::read_to_string(folder().join(name)).unwrap();
    let source = |name: &str, text| Source { name: name.to_owned(), text };
    let definition = source("ServiceDefinition.csdef", define(read("ServiceDefinition.csdef")));
    let configuration = source("ServiceConfiguration.cscfg", edit(read("ServiceConfiguration.cscfg")));
    let model = load(&definition, Some(&configuration), &Options::default()).model.unwrap();
    Arc::new(plan(&model).unwrap())
}

struct Running {
    deployment: Deployment,
    events: Events,
    _data: tempfile::TempDir,
}

impl Running {
    async fn start() -> Self {
        let mut this = Self::start_with(planned(|configuration| configuration)).await;
        for _ in 0..2 {
            this.tells("run: I am Ready. Greeting is `hello`").await;
        }
        this
    }

    async fn start_with(plan: Arc<Plan>) -> Self {
        let component = folder().join("Worker/Worker.wasm");
        assert!(component.is_file(), "{} is missing; run `cargo xtask guests` first", component.display());
        let data = tempfile::tempdir().unwrap();
        let options = DeploymentOptions {
            approots: Approots::beside(folder()),
            publication: Publication::default(),
            certificates: CertificateOptions::default(),
            web: wasm_roles_fabric::WebOptions::default(),
            at_rest: std::collections::BTreeSet::new(),
            stop_budget: DEFAULT_STOP_BUDGET,
            data_folder: data.path().to_owned(),
            emulated: true,
            clock: Clock::new(SystemTime::UNIX_EPOCH),
            seed: Seed::new([7; 32]),
        };
        let cached = RuntimeOptions::default().cached_in(root().join("target/test-cache"));
        let runtime = Runtime::new(&cached).unwrap();
        let (deployment, events) = Deployment::start(&runtime, plan, options).await.unwrap();
        Self { deployment, events, _data: data }
    }

    /// Waits for something that an instance prints or becomes; gives the instance, and when it was.
    async fn tells(&mut self, wanted: &str) -> (String, Duration) {
        loop {
            let event = self.events.next().await.unwrap_or_else(|| panic!("it ended without `{wanted}`"));
            let told = match event.kind {
                EventKind::Output { instance, line, .. } => {
                    (instance, String::from_utf8(line.bytes).unwrap())
                }
                EventKind::StatusChanged { instance, status } => (instance, status.to_string()),
                _ => continue,
            };
            if told.1 == wanted {
                return (told.0.to_string(), event.time);
            }
        }
    }

    /// Changes the configuration while somebody listens.
    async fn changes(&mut self, old: &str, new: &str) -> Result<(ChangeSummary, Vec<String>), ChangeError> {
        let plan = planned(|configuration| {
            assert!(configuration.contains(old));
            configuration.replace(old, new)
        });
        let mut lines = Vec::new();
        let mut changing = std::pin::pin!(self.deployment.change(plan));
        let summary = loop {
            tokio::select! {
                biased;
                Some(event) = self.events.next() => {
                    if let EventKind::Output { instance, line, .. } = event.kind {
                        lines.push(format!("{instance} {}", String::from_utf8(line.bytes).unwrap()));
                    }
                }
                summary = &mut changing => break summary?,
            }
        };
        Ok((summary, lines))
    }
}

const GREETING: (&str, &str) = (r#"name="Greeting" value="hello""#, r#"name="Greeting" value="good day""#);
const CAPACITY: (&str, &str) = (r#"name="Capacity" value="10""#, r#"name="Capacity" value="20""#);

fn reactions(summary: &ChangeSummary) -> Vec<(&str, Reaction)> {
    summary.instances.iter().map(|(instance, reaction)| (instance.as_str(), *reaction)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_setting_changes_one_upgrade_domain_after_the_other() {
    let mut running = Running::start().await;
    let (summary, lines) = running.changes(GREETING.0, GREETING.1).await.unwrap();
    let fine = Reaction::Changed { missed: None };
    assert_eq!(reactions(&summary), [("Worker_IN_0", fine), ("Worker_IN_1", fine)]);
    assert_eq!(
        lines,
        [
            "Worker_IN_0 changing: Greeting is `hello`",
            "Worker_IN_0 changing: I go on with it",
            "Worker_IN_0 changed: Greeting is `good day`",
            "Worker_IN_1 changing: Greeting is `hello`",
            "Worker_IN_1 changing: I go on with it",
            "Worker_IN_1 changed: Greeting is `good day`",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_the_role_cannot_change_while_it_runs_recycles_it() {
    let mut running = Running::start().await;
    let (summary, lines) = running.changes(CAPACITY.0, CAPACITY.1).await.unwrap();
    let recycled = Reaction::Recycled;
    assert_eq!(reactions(&summary), [("Worker_IN_0", recycled), ("Worker_IN_1", recycled)]);
    assert_eq!(
        lines[..8],
        [
            "Worker_IN_0 changing: Capacity is `10`",
            "Worker_IN_0 changing: I want to be recycled for it",
            "Worker_IN_0 stopping: I get no new traffic",
            "Worker_IN_0 on-stop: good bye",
            "Worker_IN_0 on-start: I am Worker_IN_0, and Starting",
            "Worker_IN_0 on-start: my capacity is 20",
            "Worker_IN_0 run: I am Ready. Greeting is `hello`",
            "Worker_IN_1 changing: Capacity is `10`",
        ]
    );
    assert_eq!(running.deployment.statuses().with(&[Status::Ready]).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_says_busy_is_busy_until_the_next_status_check() {
    let mut running = Running::start().await;
    let (instance, busy) = running.tells("Busy").await;
    let ready = loop {
        let (other, ready) = running.tells("Ready").await;
        if other == instance {
            break ready;
        }
    };
    assert_eq!((ready - busy).as_secs(), 15);
}
