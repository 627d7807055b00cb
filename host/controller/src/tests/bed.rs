//! A host in a folder of its own, and packages for it. The guest of all roles is role-events, which prints every event as it comes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::json;
use tempfile::TempDir;
use wasm_roles_control_interface::{
    DeploymentRef, DeploymentStatus, InstanceState, Operation, OperationState, Refusal, TenantName,
};
use wasm_roles_fabric::{Clock, Runtime, RuntimeOptions, Seed};

use crate::failpoint::Failpoint;
use crate::{Controller, HostOptions};

/// A service: two roles, one of them with a public port of the service and one for each instance.
#[derive(Clone, Debug)]
pub struct Service {
    pub front: u32,
    pub back: u32,
    /// The setting `depth` of both.
    pub depth: u32,
    /// The setting `mode` of both.
    pub mode: &'static str,
    /// What stands in the definition's root, such as `upgradeDomainCount="2"`.
    pub attributes: &'static str,
    /// Size of the local store of Back in MB.
    pub store: u32,
    /// Where `Site` or `Contents` of Front stand.
    pub inside: &'static str,
    /// Options of the package.
    pub options: serde_json::Value,
}

pub const SERVICE: Service = Service {
    front: 1,
    back: 2,
    depth: 1,
    mode: "",
    attributes: "",
    store: 1,
    inside: "",
    options: serde_json::Value::Null,
};

const SCHEMA: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10";

impl Service {
    pub fn definition(&self) -> String {
        let Self { attributes, store, inside, .. } = self;
        let settings = r#"<ConfigurationSettings><Setting name="depth" /><Setting name="mode" /></ConfigurationSettings>"#;
        format!(
            r#"<ServiceDefinition name="Svc" {attributes} xmlns="{SCHEMA}/ServiceDefinition">
            <WorkerRole name="Front" vmsize="ExtraSmall">{settings}{inside}</WorkerRole>
            <WorkerRole name="Back" vmsize="ExtraSmall">{settings}
                <Endpoints><InputEndpoint name="Tcp" protocol="tcp" port="10100" localPort="7000" /></Endpoints>
                <LocalResources>
                    <LocalStorage name="Kept" sizeInMB="{store}" cleanOnRoleRecycle="false" />
                </LocalResources>
            </WorkerRole></ServiceDefinition>"#
        )
    }

    pub fn configuration(&self) -> String {
        let Self { front, back, depth, mode, .. } = self;
        let role = |(name, count): (&str, &u32)| {
            format!(
                r#"<Role name="{name}"><Instances count="{count}" /><ConfigurationSettings>
                    <Setting name="depth" value="{depth}" /><Setting name="mode" value="{mode}" />
                </ConfigurationSettings></Role>"#
            )
        };
        let roles: String = [("Front", front), ("Back", back)].into_iter().map(role).collect();
        format!(
            r#"<ServiceConfiguration serviceName="Svc" xmlns="{SCHEMA}/ServiceConfiguration">{roles}</ServiceConfiguration>"#
        )
    }

    /// The package of it. Public ports are chosen by the operating system.
    pub fn package(&self) -> Vec<u8> {
        let mut options = json!({"publish": {"10100": "127.0.0.1:0"}});
        if let Some(given) = self.options.as_object() {
            options.as_object_mut().unwrap().extend(given.clone());
        }
        let manifest = json!({
            "format": 1,
            "definition": "service/Svc.csdef",
            "configuration": "configuration/Svc.cscfg",
            "options": options,
        });
        let guest = std::fs::read(guest()).unwrap();
        let (definition, configuration) = (self.definition(), self.configuration());
        let files: [(&str, &[u8]); 5] = [
            ("package.json", &serde_json::to_vec(&manifest).unwrap()),
            ("service/Svc.csdef", definition.as_bytes()),
            ("service/Front/Front.wasm", &guest),
            ("service/Back/Back.wasm", &guest),
            ("configuration/Svc.cscfg", configuration.as_bytes()),
        ];
        archive(&files)
    }
}

/// A tar of regular files.
pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

fn guest() -> PathBuf {
    let guest = root().join("target/guests/role-events.wasm");
    assert!(guest.is_file(), "{} is missing; run `cargo xtask guests` first", guest.display());
    guest
}

/// The options of a host in this folder, in its life of this number.
pub fn options(folder: &Path, life: u8) -> HostOptions {
    // Compiled guests are kept from test to test.
    let runtime = RuntimeOptions::default().cached_in(root().join("target/test-cache"));
    let runtime = Runtime::new(&runtime).unwrap();
    HostOptions::new(runtime, Clock::new(SystemTime::UNIX_EPOCH), Seed::new([life; 32])).kept_in(folder)
}

/// A host.
pub struct Bed {
    pub controller: Controller,
    pub tenant: TenantName,
    home: TempDir,
}

pub fn shop() -> DeploymentRef {
    "shop".parse().unwrap()
}

pub fn staging() -> DeploymentRef {
    "shop/staging".parse().unwrap()
}

impl Bed {
    pub async fn open() -> Self {
        Self::open_with(|options| options).await
    }

    pub async fn open_with(change: impl FnOnce(HostOptions) -> HostOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = change(options(&folder.path().join("data"), 1));
        let (controller, problems) = Controller::open(options).await.unwrap();
        assert_eq!(problems, []);
        Self { controller, tenant: TenantName::usual(), home: folder }
    }

    /// A host with the service deployed, and all instances Ready.
    pub async fn with(service: &Service) -> Self {
        let bed = Self::open().await;
        bed.deploys(&shop(), service).await;
        bed
    }

    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// The folder of a deployment.
    pub fn folder(&self, who: &DeploymentRef) -> PathBuf {
        let (services, id) = (self.data().join("tenants/default/services"), self.status(who).summary.id);
        services.join(who.service.folder()).join("deployments").join(id)
    }

    pub async fn deploy(&self, who: &DeploymentRef, service: &Service) -> Result<Operation, Refusal> {
        self.controller.deploy(&self.tenant, who, true, service.package().as_slice()).await
    }

    pub async fn deploys(&self, who: &DeploymentRef, service: &Service) -> Operation {
        let begun = self.deploy(who, service).await;
        self.done(begun).await
    }

    /// Waits until the operation is over, and it was done.
    pub async fn done(&self, begun: Result<Operation, Refusal>) -> Operation {
        let ended = self.over(begun).await;
        assert_eq!(ended.state, OperationState::Done, "{ended:#?}");
        ended
    }

    /// Waits until the operation is over.
    pub async fn over(&self, begun: Result<Operation, Refusal>) -> Operation {
        let begun = begun.unwrap();
        let (tenant, service) = (&begun.tenant, &begun.deployment.service);
        let wait = Duration::from_secs(60);
        let ended = self.controller.operation(tenant, service, begun.id, wait).await.unwrap();
        assert!(
            ended.state.is_over(),
            "{ended:#?}\n{:#?}",
            self.controller.status(tenant, &begun.deployment)
        );
        ended
    }

    pub fn status(&self, who: &DeploymentRef) -> DeploymentStatus {
        self.controller.status(&self.tenant, who).unwrap()
    }

    /// Each instance with its address.
    pub fn placement(&self, who: &DeploymentRef) -> BTreeMap<String, String> {
        placement(&self.status(who))
    }

    /// The lines that an instance wrote.
    pub async fn lines(&self, who: &DeploymentRef, of: &str) -> Vec<String> {
        use wasm_roles_control_interface::{JournalQuery, Streamed};
        let query = JournalQuery { of: Some(of.to_owned()), ..JournalQuery::default() };
        let mut lines = self.controller.logs(&self.tenant, who, &query).unwrap();
        let mut all = Vec::new();
        while let Streamed::Line(line) = lines.next().await {
            all.push(line.message.clone());
        }
        all
    }

    /// Follows the lines of the deployment until one has these words.
    pub async fn hears(&self, who: &DeploymentRef, words: &str) -> String {
        use wasm_roles_control_interface::{JournalQuery, Streamed};
        let query = JournalQuery { follow: true, ..JournalQuery::default() };
        let mut lines = self.controller.logs(&self.tenant, who, &query).unwrap();
        let hearing = async {
            loop {
                match lines.next().await {
                    Streamed::Line(line) if line.message.contains(words) => return line.message.clone(),
                    Streamed::End { .. } => panic!("nobody says {words}"),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), hearing).await.expect(words)
    }
}

pub fn placement(status: &DeploymentStatus) -> BTreeMap<String, String> {
    status.instances.iter().map(|row| (row.instance.clone(), row.address.to_string())).collect()
}

/// Looks until there is something, for a minute at most.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), looking).await.expect(what)
}

/// What must be the same after the host was started again.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub id: String,
    pub placement: BTreeMap<String, String>,
    pub addresses: Vec<(u16, String)>,
    pub revision: u64,
    pub configuration: Option<String>,
}

pub fn kept(status: &DeploymentStatus) -> Kept {
    let summary = &status.summary;
    Kept {
        id: summary.id.clone(),
        placement: placement(status),
        addresses: summary.addresses.iter().map(|address| (address.port, address.at.to_string())).collect(),
        revision: summary.revision,
        configuration: status.configuration.clone(),
    }
}

/// A life of a host that ends as if the process had been killed: nothing of it runs any more when this returns, and nothing was
/// said to it.
pub fn killed<T: Send + 'static>(
    folder: &Path,
    life: u8,
    failpoint: Failpoint,
    living: impl AsyncFnOnce(Controller) -> T + Send + 'static,
) -> T {
    let folder = folder.to_owned();
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let result = runtime.block_on(async {
            let (controller, _) = Controller::open_with(options(&folder, life), failpoint).await.unwrap();
            living(controller).await
        });
        runtime.shutdown_timeout(Duration::from_secs(30));
        result
    })
    .join()
    .unwrap()
}

/// A host in a folder where another one was.
pub async fn reopened(folder: &Path, life: u8) -> (Controller, Vec<wasm_roles_control_interface::Detail>) {
    Controller::open(options(folder, life)).await.unwrap()
}

/// Waits until all instances are Ready.
pub async fn all_ready(
    controller: &Controller,
    tenant: &TenantName,
    who: &DeploymentRef,
) -> DeploymentStatus {
    let unit = controller.unit(tenant, who);
    let mut statuses = unit.seen().expect("it runs").statuses;
    tokio::time::timeout(Duration::from_secs(60), statuses.all_ready()).await.expect("all are Ready");
    let status = controller.status(tenant, who).unwrap();
    assert!(status.instances.iter().all(|row| row.held || row.state == InstanceState::Ready), "{status:#?}");
    status
}
