//! The service that is operated, and what is done with it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;
use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::{
    CertificateOptions, Clock, Deployment, DeploymentOptions, EventKind, Events, Publication, Runtime,
    RuntimeOptions, Seed, Status, Upgrade, UpgradeOutcome, WebOptions,
};
use wasm_roles_service_model::{Options, ServiceModel, Source, load};
use wasm_roles_service_plan::{InstanceId, plan, plan_after};
use wasmtime::Result;
use wasmtime::error::{Context, ensure};

use crate::guests::guest;

/// How long an instance may take to stop.
pub const BUDGET: Duration = Duration::from_millis(400);

/// What is done.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    RecycleAll,
    Scale(u32),
    ChangeSetting,
    StopOne,
    StartOne,
    /// To a definition with this many internal endpoints.
    Upgrade(u16),
}

pub const OPERATIONS: &[Operation] = &[
    Operation::RecycleAll,
    Operation::Scale(8),
    Operation::Scale(2),
    Operation::ChangeSetting,
    Operation::StopOne,
    Operation::StartOne,
    Operation::Upgrade(1),
    Operation::Scale(5),
    Operation::Upgrade(2),
];

impl Operation {
    pub fn name(self) -> &'static str {
        match self {
            Self::RecycleAll => "recycle of all instances, by upgrade domain",
            Self::Scale(8) => "both roles from 2 to 8 instances",
            Self::Scale(5) => "both roles to 5 instances",
            Self::Scale(_) => "both roles back to 2",
            Self::ChangeSetting => "another value of a setting",
            Self::StopOne => "stop of one of two instances of each role",
            Self::StartOne => "start of them",
            Self::Upgrade(1) => "upgrade of two instances of each role in two domains",
            Self::Upgrade(_) => "upgrade of five instances of each role in five domains",
        }
    }
}

/// One deployment of the service.
pub struct Service {
    pub deployment: Deployment,
    /// When each instance was last told to stop.
    told_to_stop: Arc<Mutex<BTreeMap<InstanceId, Instant>>>,
    wanted: Wanted,
    folder: TempDir,
}

/// What is written in the service's files.
#[derive(Clone, Copy)]
struct Wanted {
    /// Instances of each role.
    count: u32,
    /// The value of the setting.
    depth: u32,
    /// Internal endpoints.
    endpoints: u16,
}

impl Service {
    /// Two Ready instances of each role.
    pub async fn start(name: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        for (role, component) in [("Web", "hello-http-p3"), ("Streams", "role-streams")] {
            std::fs::copy(guest(component)?, folder.path().join(role).with_extension("wasm"))?;
        }
        let wanted = Wanted { count: 2, depth: 1, endpoints: 0 };
        let plan = plan(&model(wanted)?)?;
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let at = plan.public.iter().map(|public| (public.port, anywhere)).collect();
        let options = DeploymentOptions {
            approots: Approots::beside(folder.path()),
            publication: Publication { at, ..Publication::default() },
            certificates: CertificateOptions::default(),
            web: WebOptions::default(),
            at_rest: BTreeSet::new(),
            stop_budget: BUDGET,
            data_folder: folder.path().join("data"),
            emulated: true,
            clock: Clock::new(SystemTime::now()),
            seed: Seed::new([1; 32]).derive(name),
        };
        let runtime = Runtime::new(&RuntimeOptions::default())?;
        let (deployment, events) = Deployment::start(&runtime, Arc::new(plan), options).await?;
        let told_to_stop = Arc::default();
        tokio::spawn(hear(events, Arc::clone(&told_to_stop)));
        deployment.statuses().all_ready().await;
        Ok(Self { deployment, told_to_stop, wanted, folder })
    }

    fn at(&self, endpoint: &str) -> SocketAddr {
        let published = self.deployment.published();
        let found = published.iter().find(|published| published.public.endpoint == endpoint);
        found.map_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)), |published| published.at)
    }

    pub fn web(&self) -> SocketAddr {
        self.at("Http")
    }

    pub fn echo(&self) -> SocketAddr {
        self.at("Echo")
    }

    pub async fn operate(&mut self, operation: Operation) -> Result<()> {
        let now = self.deployment.statuses().now();
        let (all, second): (Vec<InstanceId>, Vec<InstanceId>) = (
            now.iter().map(|one| one.instance.clone()).collect(),
            now.iter()
                .map(|one| one.instance.clone())
                .filter(|one| one.as_str().ends_with("_IN_1"))
                .collect(),
        );
        match operation {
            Operation::RecycleAll => drop(self.deployment.recycle(&all).await?),
            Operation::StopOne => drop(self.deployment.stop_instances(&second).await?),
            Operation::StartOne => drop(self.deployment.start_instances(&second).await?),
            Operation::Scale(count) => {
                self.wanted.count = count;
                self.change().await?;
            }
            Operation::ChangeSetting => {
                self.wanted.depth += 1;
                self.change().await?;
            }
            Operation::Upgrade(endpoints) => {
                self.wanted.endpoints = endpoints;
                let plan = Arc::new(plan_after(self.deployment.plan(), &model(self.wanted)?)?);
                let upgrade = Upgrade::new(plan, Approots::beside(self.folder.path()));
                let outcome = self.deployment.upgrade(upgrade).await?.outcome;
                ensure!(outcome == UpgradeOutcome::Done, "{outcome:?}");
            }
        }
        Ok(())
    }

    async fn change(&mut self) -> Result<()> {
        let next = plan_after(self.deployment.plan(), &model(self.wanted)?)?;
        self.deployment.change(Arc::new(next)).await?;
        Ok(())
    }

    /// How many of these streams have ended before the stop budget of their instance was over.
    pub fn ended_early(&self, ended: &[(String, Instant)], tolerance: Duration) -> usize {
        let told = self.told_to_stop.lock().unwrap_or_else(PoisonError::into_inner);
        let early = |(instance, ended): &&(String, Instant)| {
            let told = told.iter().find(|(told, _)| told.as_str() == instance).map(|(_, at)| *at);
            told.is_none_or(|told| ended.duration_since(told) + tolerance < BUDGET)
        };
        ended.iter().filter(early).count()
    }
}

async fn hear(mut events: Events, told_to_stop: Arc<Mutex<BTreeMap<InstanceId, Instant>>>) {
    while let Some(event) = events.next().await {
        if let EventKind::StatusChanged { instance, status: Status::Recycling | Status::Stopping } =
            event.kind
        {
            told_to_stop.lock().unwrap_or_else(PoisonError::into_inner).insert(instance, Instant::now());
        }
    }
}

fn model(wanted: Wanted) -> Result<ServiceModel> {
    let Wanted { count, depth, endpoints } = wanted;
    const SCHEMA: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10";
    let internal =
        |number| format!(r#"<InternalEndpoint name="E{number}" protocol="tcp" port="{}" />"#, 9000 + number);
    let endpoints: String = (0..endpoints).map(internal).collect();
    let definition = format!(
        r#"<ServiceDefinition name="Bench" xmlns="{SCHEMA}/ServiceDefinition">
            <WebRole name="Web">
                <ConfigurationSettings><Setting name="depth" /></ConfigurationSettings>
                <Endpoints><InputEndpoint name="Http" protocol="http" port="80" localPort="8080" />
                    {endpoints}</Endpoints>
            </WebRole>
            <WorkerRole name="Streams">
                <Endpoints><InputEndpoint name="Echo" protocol="tcp" port="7000" />{endpoints}</Endpoints>
            </WorkerRole></ServiceDefinition>"#
    );
    let configuration = format!(
        r#"<ServiceConfiguration serviceName="Bench" xmlns="{SCHEMA}/ServiceConfiguration">
            <Role name="Web"><Instances count="{count}" /><ConfigurationSettings>
                <Setting name="depth" value="{depth}" /></ConfigurationSettings></Role>
            <Role name="Streams"><Instances count="{count}" /></Role></ServiceConfiguration>"#
    );
    let source = |name: &str, text| Source { name: name.to_owned(), text };
    let (definition, configuration) = (source("b.csdef", definition), source("b.cscfg", configuration));
    load(&definition, Some(&configuration), &Options::default()).model.context("the service is not valid")
}
