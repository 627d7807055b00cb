//! Services that are upgraded. Their guest is role-events, which prints every event as it comes with the value of its setting
//! `depth`, and does in each what its setting `mode` says.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use tokio::sync::mpsc;
use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::change::{ChangeSummary, Reaction};
use wasm_roles_fabric::{
    CertificateOptions, Clock, DEFAULT_STOP_BUDGET, Deployment, DeploymentOptions, EventKind, Events, Pace,
    Publication, Runtime, RuntimeOptions, Seed, Upgrade, UpgradeError, UpgradeSummary, WebOptions,
};
use wasm_roles_service_model::{Options, ServiceModel, Source, load};
use wasm_roles_service_plan::{InstanceId, Plan, plan, plan_after};

/// A definition and its configuration.
#[derive(Clone)]
pub struct Service {
    pub attributes: &'static str,
    /// What stands before the roles.
    pub before: &'static str,
    pub roles: Vec<Role>,
}

/// A role of it.
#[derive(Clone)]
pub struct Role {
    pub name: &'static str,
    pub count: u32,
    pub attributes: &'static str,
    /// What stands in the element beside the settings.
    pub elements: String,
    pub depth: u32,
    pub mode: &'static str,
    /// The guest that the role runs.
    pub guest: &'static str,
}

/// A role with this many instances.
pub fn role(name: &'static str, count: u32) -> Role {
    let (attributes, mode, guest) = ("", "", "role-events");
    Role { name, count, attributes, elements: String::new(), depth: 1, mode, guest }
}

impl Role {
    pub fn depth(self, depth: u32) -> Self {
        Self { depth, ..self }
    }

    pub fn mode(self, mode: &'static str) -> Self {
        Self { mode, ..self }
    }

    pub fn elements(self, elements: impl Into<String>) -> Self {
        Self { elements: elements.into(), ..self }
    }

    pub fn attributes(self, attributes: &'static str) -> Self {
        Self { attributes, ..self }
    }

    pub fn guest(self, guest: &'static str) -> Self {
        Self { guest, ..self }
    }
}

/// Two upgrade domains and these roles.
pub fn service(roles: impl IntoIterator<Item = Role>) -> Service {
    Service { attributes: r#"upgradeDomainCount="2""#, before: "", roles: roles.into_iter().collect() }
}

impl Service {
    fn model(&self) -> ServiceModel {
        const SCHEMA: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10";
        let settings = r#"<ConfigurationSettings><Setting name="depth" /><Setting name="mode" /></ConfigurationSettings>"#;
        let declared = |role: &Role| {
            let Role { name, attributes, elements, .. } = role;
            format!(r#"<WorkerRole name="{name}" {attributes}>{settings}{elements}</WorkerRole>"#)
        };
        let configured = |role: &Role| {
            let Role { name, count, depth, mode, .. } = role;
            format!(
                r#"<Role name="{name}"><Instances count="{count}" /><ConfigurationSettings>
                    <Setting name="depth" value="{depth}" /><Setting name="mode" value="{mode}" />
                </ConfigurationSettings></Role>"#
            )
        };
        let declared: String = self.roles.iter().map(declared).collect();
        let configured: String = self.roles.iter().map(configured).collect();
        let Self { attributes, before, .. } = self;
        let definition = format!(
            r#"<ServiceDefinition name="Svc" {attributes} xmlns="{SCHEMA}/ServiceDefinition">{before}{declared}</ServiceDefinition>"#
        );
        let configuration = format!(
            r#"<ServiceConfiguration serviceName="Svc" xmlns="{SCHEMA}/ServiceConfiguration">{configured}</ServiceConfiguration>"#
        );
        let source = |name: &str, text| Source { name: name.to_owned(), text };
        let outcome = load(
            &source("Svc.csdef", definition),
            Some(&source("Svc.cscfg", configuration)),
            &Options::default(),
        );
        outcome.model.unwrap_or_else(|| panic!("{:#?}", outcome.diagnostics))
    }

    /// Puts the components of the roles into a folder, and a folder `shared` beside them that tells packages apart.
    fn pack(&self, folder: &Path) {
        std::fs::create_dir_all(folder.join("shared")).unwrap();
        std::fs::write(folder.join("shared/depth"), self.roles[0].depth.to_string()).unwrap();
        for role in &self.roles {
            let guest = root().join("target/guests").join(role.guest).with_extension("wasm");
            assert!(guest.is_file(), "{} is missing; run `cargo xtask guests` first", guest.display());
            std::fs::copy(&guest, folder.join(role.name).with_extension("wasm")).unwrap();
        }
    }
}

pub struct Bed {
    pub deployment: Deployment,
    events: Events,
    folder: TempDir,
    packages: u32,
    /// All that was said, as far as it was heard.
    pub said: Vec<String>,
}

impl Bed {
    /// The service, when all of its instances are Ready.
    pub async fn ready(service: Service) -> Self {
        let mut bed = Self::start(service).await;
        let mut statuses = bed.deployment.statuses();
        bed.hear_while(async move { statuses.all_ready().await }).await;
        bed
    }

    pub async fn start(service: Service) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("package-0");
        service.pack(&package);
        let plan = plan(&service.model()).unwrap();
        let options = DeploymentOptions {
            approots: Approots::beside(package),
            publication: anywhere(&plan),
            at_rest: Default::default(),
            certificates: CertificateOptions::default(),
            web: WebOptions::default(),
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
        Self { deployment, events, folder, packages: 0, said: Vec::new() }
    }

    /// What upgrades to this service.
    pub fn to(&mut self, service: &Service) -> Upgrade {
        self.packages += 1;
        let package = self.folder.path().join(format!("package-{}", self.packages));
        service.pack(&package);
        let plan = Arc::new(plan_after(self.deployment.plan(), &service.model()).unwrap());
        let publication = Some(anywhere(&plan));
        Upgrade { publication, ..Upgrade::new(plan, Approots::beside(package)) }
    }

    /// Upgrades; what is said meanwhile is heard.
    pub async fn upgrade(&mut self, upgrade: Upgrade) -> Result<UpgradeSummary, UpgradeError> {
        let Self { deployment, events, said, .. } = self;
        let summary = heard(events, said, deployment.upgrade(upgrade)).await;
        self.hear_rest();
        summary
    }

    pub async fn upgrade_to(&mut self, service: Service) -> UpgradeSummary {
        let upgrade = self.to(&service);
        self.upgrade(upgrade).await.unwrap()
    }

    /// Begins an upgrade and drops it when an instance says or becomes this.
    pub async fn upgrade_until(&mut self, upgrade: Upgrade, words: &str) {
        let mut upgrading = std::pin::pin!(self.deployment.upgrade(upgrade));
        loop {
            tokio::select! {
                biased;
                Some(event) = self.events.next() => {
                    let Some(told) = in_words(&event.kind) else { continue };
                    let is_it = told.contains(words);
                    self.said.push(told);
                    if is_it {
                        return;
                    }
                }
                summary = &mut upgrading => panic!("it was finished without `{words}`: {summary:?}\n{:#?}", self.said),
            }
        }
    }

    /// Begins an upgrade whose domains are walked when the test says so, drops it when the test is through with it.
    pub async fn upgrade_by_hand<F: Future<Output = ()>>(
        &mut self,
        mut upgrade: Upgrade,
        hand: impl FnOnce(mpsc::Sender<u32>) -> F,
    ) -> Option<UpgradeSummary> {
        let (orders, ordered) = mpsc::channel(10);
        upgrade.pace = Pace::Manual(ordered);
        let Self { deployment, events, said, .. } = self;
        let hand = hand(orders);
        let upgrading = async {
            tokio::select! {
                summary = deployment.upgrade(upgrade) => Some(summary.unwrap()),
                () = hand => None,
            }
        };
        heard(events, said, upgrading).await
    }

    pub async fn roll_back(&mut self) -> Result<UpgradeSummary, UpgradeError> {
        let Self { deployment, events, said, .. } = self;
        let summary = heard(events, said, deployment.roll_back()).await;
        self.hear_rest();
        summary
    }

    /// Recycles instances; what is said meanwhile is heard.
    pub async fn recycle(&mut self, instances: &[InstanceId]) -> Vec<(InstanceId, Reaction)> {
        let Self { deployment, events, said, .. } = self;
        let reactions = heard(events, said, deployment.recycle(instances)).await.unwrap();
        self.hear_rest();
        reactions
    }

    /// Changes the configuration; what is said meanwhile is heard.
    pub async fn change(&mut self, plan: Arc<Plan>) -> ChangeSummary {
        let Self { deployment, events, said, .. } = self;
        let summary = heard(events, said, deployment.change(plan)).await.unwrap();
        self.hear_rest();
        summary
    }

    /// Listens until `what` has happened.
    pub async fn hear_while<T>(&mut self, what: impl Future<Output = T>) -> T {
        let result = heard(&mut self.events, &mut self.said, what).await;
        self.hear_rest();
        result
    }

    /// Listens until an instance has said or become this.
    pub async fn hears(&mut self, words: &str) {
        if self.said.iter().any(|told| told.contains(words)) {
            return;
        }
        while let Some(event) = self.events.next().await {
            let Some(told) = in_words(&event.kind) else { continue };
            let is_it = told.contains(words);
            self.said.push(told);
            if is_it {
                return;
            }
            // Status checks go on for ever.
            assert!(event.time < Duration::from_secs(7_200), "not heard: {words}\n{:#?}", self.said);
        }
    }

    /// What was said last may still be on its way.
    fn hear_rest(&mut self) {
        while let Some(event) = self.events.try_next() {
            self.said.extend(in_words(&event.kind));
        }
    }

    /// Each instance with its status and generation.
    pub fn statuses(&self) -> Vec<String> {
        let now = self.deployment.statuses().now();
        now.iter().map(|one| format!("{} {} {}", one.instance, one.status, one.generation)).collect()
    }

    pub fn published(&self) -> Vec<u16> {
        self.deployment.published().iter().map(|published| published.public.port.get()).collect()
    }

    /// Where a public port listens.
    pub fn at(&self, port: u16) -> SocketAddr {
        let published = self.deployment.published().iter();
        published.clone().find(|published| published.public.port.get() == port).unwrap().at
    }

    /// A file in a local store, on the host.
    pub fn stored(&self, instance: &str, store: &str) -> PathBuf {
        self.data().join(instance).join(store).join("file")
    }

    /// The deployment's data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The places where something with these words was said.
    pub fn positions(&self, words: &str) -> Vec<usize> {
        let told = self.said.iter().enumerate();
        told.filter(|(_, told)| told.contains(words)).map(|(position, _)| position).collect()
    }
}

async fn heard<T>(events: &mut Events, said: &mut Vec<String>, what: impl Future<Output = T>) -> T {
    let mut what = std::pin::pin!(what);
    loop {
        tokio::select! {
            biased;
            Some(event) = events.next() => said.extend(in_words(&event.kind)),
            result = &mut what => return result,
        }
    }
}

/// Every public port of the plan listens where the operating system likes.
pub fn anywhere(plan: &Plan) -> Publication {
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let at: BTreeMap<_, _> = plan.public.iter().map(|public| (public.port, anywhere)).collect();
    Publication { at, ..Publication::default() }
}

/// A port that somebody else listens on.
pub fn taken() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

fn in_words(kind: &EventKind) -> Option<String> {
    Some(match kind {
        EventKind::Output { instance, line, .. } => {
            format!("{instance} {}", String::from_utf8_lossy(&line.bytes))
        }
        EventKind::StatusChanged { instance, status } => format!("{instance} is {status}"),
        EventKind::ProbeSucceeds { instance, .. } => format!("{instance} answers the probe"),
        EventKind::ProbeFails { instance, .. } => format!("{instance} does not answer the probe"),
        _ => return None,
    })
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}
