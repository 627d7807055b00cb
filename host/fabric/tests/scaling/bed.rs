//! Two roles whose guest is role-events, which prints every event as it comes: `Front`, which nobody else sees, and `Back`,
//! which everybody sees and whose instances have a public port each.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::change::{ChangeError, ChangeSummary};
use wasm_roles_fabric::{
    CertificateOptions, Clock, DEFAULT_STOP_BUDGET, Deployment, DeploymentOptions, EventKind, Events,
    Publication, Runtime, RuntimeOptions, Seed,
};
use wasm_roles_service_model::{Options, ServiceModel, Source, load};
use wasm_roles_service_plan::{Plan, plan, plan_after};

/// A configuration.
#[derive(Clone, Copy)]
pub struct Configured {
    pub front: u32,
    pub back: u32,
    /// The setting `depth` of both roles.
    pub depth: u32,
    /// What both roles do: the setting `mode`.
    pub mode: &'static str,
}

/// One instance of each role.
pub const ONE_EACH: Configured = Configured { front: 1, back: 1, depth: 1, mode: "" };

pub struct Bed {
    pub deployment: Deployment,
    events: Events,
    folder: TempDir,
    attributes: &'static str,
    /// The first public port of the instances of `Back`; there are three.
    pub direct: u16,
}

impl Bed {
    /// The service with these attributes of its definition; all instances are Ready and have said that they run.
    pub async fn ready(attributes: &'static str, configured: Configured) -> Self {
        let mut bed = Self::start(attributes, configured).await;
        for _ in 0..configured.front + configured.back {
            bed.hears("run []").await;
        }
        bed
    }

    async fn start(attributes: &'static str, configured: Configured) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let guest = root().join("target/guests/role-events.wasm");
        assert!(guest.is_file(), "{} is missing; run `cargo xtask guests` first", guest.display());
        for role in ["Front", "Back"] {
            std::fs::copy(&guest, folder.path().join(role).with_extension("wasm")).unwrap();
        }
        let direct = three_free_ports();
        let plan = plan(&model(attributes, direct, configured)).unwrap();
        let options = DeploymentOptions {
            approots: Approots::beside(folder.path()),
            publication: Publication::default(),
            certificates: CertificateOptions::default(),
            web: wasm_roles_fabric::WebOptions::default(),
            at_rest: std::collections::BTreeSet::new(),
            stop_budget: DEFAULT_STOP_BUDGET,
            data_folder: folder.path().join("data"),
            emulated: true,
            clock: Clock::new(SystemTime::UNIX_EPOCH),
            seed: Seed::new([7; 32]),
        };
        // Compiled guests are kept from test to test.
        let runtime = RuntimeOptions::default().cached_in(root().join("target/test-cache"));
        let runtime = Runtime::new(&runtime).unwrap();
        let (deployment, events) = Deployment::start(&runtime, Arc::new(plan), options).await.unwrap();
        Self { deployment, events, folder, attributes, direct }
    }

    /// The plan of this configuration after the one that runs.
    pub fn next(&self, configured: Configured) -> Arc<Plan> {
        let model = model(self.attributes, self.direct, configured);
        Arc::new(plan_after(self.deployment.plan(), &model).unwrap())
    }

    /// Changes the configuration; tells also what the instances said and became meanwhile.
    pub async fn change(&mut self, configured: Configured) -> (ChangeSummary, Vec<String>) {
        let plan = self.next(configured);
        self.change_to(plan).await.unwrap()
    }

    pub async fn change_to(&mut self, plan: Arc<Plan>) -> Result<(ChangeSummary, Vec<String>), ChangeError> {
        let mut told = Vec::new();
        let mut changing = std::pin::pin!(self.deployment.change(plan));
        let summary = loop {
            tokio::select! {
                biased;
                Some(event) = self.events.next() => told.extend(in_words(&event.kind)),
                summary = &mut changing => break summary?,
            }
        };
        // What was said last may still be on its way.
        while let Some(event) = self.events.try_next() {
            told.extend(in_words(&event.kind));
        }
        Ok((summary, told))
    }

    /// Begins a change and drops it when an instance says or becomes this.
    pub async fn change_until(&mut self, configured: Configured, words: &str) {
        let plan = self.next(configured);
        let mut changing = std::pin::pin!(self.deployment.change(plan));
        loop {
            tokio::select! {
                biased;
                Some(event) = self.events.next() => {
                    if in_words(&event.kind).is_some_and(|told| told.contains(words)) {
                        return;
                    }
                }
                _ = &mut changing => panic!("the change was finished without `{words}`"),
            }
        }
    }

    /// Waits until an instance says or becomes this.
    pub async fn hears(&mut self, words: &str) -> String {
        let mut all = Vec::new();
        while let Some(event) = self.events.next().await {
            let Some(told) = in_words(&event.kind) else { continue };
            if told.contains(words) {
                return told;
            }
            all.push(told);
            // Status checks go on for ever.
            assert!(event.time < Duration::from_secs(7_200), "not heard: {words}\n{all:#?}");
        }
        panic!("not heard: {words}\n{all:#?}");
    }

    /// Each instance of the status board with its status.
    pub fn statuses(&self) -> Vec<String> {
        let now = self.deployment.statuses().now();
        now.iter().map(|one| format!("{} {}", one.instance, one.status)).collect()
    }

    pub fn published(&self) -> Vec<u16> {
        self.deployment.published().iter().map(|published| published.public.port.get()).collect()
    }

    /// Instances that have something stored.
    pub fn stored(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join("data/wasm-roles-temp")).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn model(attributes: &str, direct: u16, configured: Configured) -> ServiceModel {
    const SCHEMA: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10";
    let settings =
        r#"<ConfigurationSettings><Setting name="depth" /><Setting name="mode" /></ConfigurationSettings>"#;
    let definition = format!(
        r#"<ServiceDefinition name="Svc" {attributes} xmlns="{SCHEMA}/ServiceDefinition">
        <WorkerRole name="Front">{settings}</WorkerRole>
        <WorkerRole name="Back">{settings}<Endpoints>
            <InternalEndpoint name="Rpc" protocol="tcp" />
            <InstanceInputEndpoint name="Direct" protocol="tcp" localPort="7000">
                <AllocatePublicPortFrom><FixedPortRange min="{direct}" max="{}" /></AllocatePublicPortFrom>
            </InstanceInputEndpoint>
        </Endpoints></WorkerRole></ServiceDefinition>"#,
        direct + 2
    );
    let Configured { front, back, depth, mode } = configured;
    let role = |(name, count): (&str, u32)| {
        format!(
            r#"<Role name="{name}"><Instances count="{count}" /><ConfigurationSettings>
                <Setting name="depth" value="{depth}" /><Setting name="mode" value="{mode}" />
            </ConfigurationSettings></Role>"#
        )
    };
    let roles: String = [("Front", front), ("Back", back)].into_iter().map(role).collect();
    let configuration = format!(
        r#"<ServiceConfiguration serviceName="Svc" xmlns="{SCHEMA}/ServiceConfiguration">{roles}</ServiceConfiguration>"#
    );
    let source = |name: &str, text| Source { name: name.to_owned(), text };
    let outcome = load(
        &source("Svc.csdef", definition),
        Some(&source("Svc.cscfg", configuration)),
        &Options::default(),
    );
    outcome.model.unwrap_or_else(|| panic!("{:#?}", outcome.diagnostics))
}

/// The first of three ports in a row that nobody listens on now.
fn three_free_ports() -> u16 {
    let bind = |port| TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    loop {
        let first = bind(0).unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX - 2 && bind(port + 1).is_ok() && bind(port + 2).is_ok() {
            return port;
        }
    }
}

fn in_words(kind: &EventKind) -> Option<String> {
    Some(match kind {
        EventKind::Output { instance, line, .. } => {
            format!("{instance} {}", String::from_utf8_lossy(&line.bytes))
        }
        EventKind::StatusChanged { instance, status } => format!("{instance} is {status}"),
        EventKind::ChangeRefused { instance } => format!("{instance} refuses"),
        _ => return None,
    })
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}
