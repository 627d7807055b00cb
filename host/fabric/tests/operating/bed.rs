//! A service with a web role `Web`, whose guest is hello-http-p3, at public port 80, and a worker role `Streams`, whose guest is
//! role-streams, at public ports 7000 and, for each instance, 7100 and up.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::upgrade::Pace;
use wasm_roles_fabric::{
    CertificateOptions, Clock, Deployment, DeploymentOptions, DevelopmentCertificates, Events, Publication,
    Runtime, RuntimeOptions, Seed, Status, Upgrade, UpgradeOutcome, WebOptions,
};
use wasm_roles_service_model::{Options, ServiceModel, Source, load};
use wasm_roles_service_plan::{InstanceId, Plan, RoleName, plan, plan_after, plan_after_removing};

/// The certificates that clients have to trust, in the folder of a bed.
const TRUSTED: &str = "trusted.pem";

/// How long an instance of a bed may take to stop.
pub const BUDGET: Duration = Duration::from_millis(300);

/// A deployment of the service.
#[derive(Clone, Debug)]
pub struct Setup {
    pub web: u32,
    pub streams: u32,
    /// The setting `depth` of `Web`.
    pub depth: u32,
    /// Instances that do not start.
    pub at_rest: &'static [&'static str],
    /// More of `Web`'s endpoints.
    pub more: &'static str,
    /// `Web` answers over TLS as well, at public port 443, with a certificate for development.
    pub https: bool,
}

/// Two instances of each role.
pub const TWO_EACH: Setup = Setup { web: 2, streams: 2, depth: 1, at_rest: &[], more: "", https: false };

pub struct Bed {
    pub deployment: Deployment,
    pub events: Events,
    setup: Setup,
    folder: TempDir,
}

pub fn ids(names: &[&str]) -> Vec<InstanceId> {
    let id = |name: &&str| {
        let (role, ordinal) = name.split_once("_IN_").unwrap();
        InstanceId::new(&RoleName::new(role).unwrap(), ordinal.parse().unwrap())
    };
    names.iter().map(id).collect()
}

impl Bed {
    /// The service; all instances that shall run are Ready.
    pub async fn ready(setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (role, guest) in [("Web", "hello-http-p3"), ("Streams", "role-streams")] {
            let guest = root().join("target/guests").join(guest).with_extension("wasm");
            assert!(guest.is_file(), "{} is missing; run `cargo xtask guests` first", guest.display());
            std::fs::copy(guest, folder.path().join(role).with_extension("wasm")).unwrap();
        }
        let development = setup.https.then(|| {
            let trusted = Some(folder.path().join(TRUSTED));
            Arc::new(DevelopmentCertificates::new(SystemTime::now()).shown_in(trusted))
        });
        let certificates = CertificateOptions { development, ..CertificateOptions::default() };
        let plan = plan(&model(&setup)).unwrap();
        let publication = anywhere(&plan);
        let options = DeploymentOptions {
            approots: Approots::beside(folder.path()),
            publication,
            certificates,
            web: WebOptions::default(),
            at_rest: ids(setup.at_rest).into_iter().collect::<BTreeSet<_>>(),
            stop_budget: BUDGET,
            data_folder: folder.path().join("data"),
            emulated: true,
            clock: Clock::new(SystemTime::UNIX_EPOCH),
            seed: Seed::new([7; 32]),
        };
        // Compiled guests are kept from test to test.
        let runtime = RuntimeOptions::default().cached_in(root().join("target/test-cache"));
        let runtime = Runtime::new(&runtime).unwrap();
        let (mut deployment, events) = Deployment::start(&runtime, Arc::new(plan), options).await.unwrap();
        // Also those of instances that are still to come.
        let most = wasm_roles_service_plan::plan(&model(&Setup { web: 1, streams: 10, ..setup.clone() }));
        deployment.set_publication(anywhere(&most.unwrap()));
        deployment.statuses().all_ready().await;
        Self { deployment, events, setup, folder }
    }

    /// The plan of this setup after the one that runs.
    pub fn next(&self, web: u32, streams: u32, depth: u32) -> Arc<Plan> {
        let setup = Setup { web, streams, depth, ..self.setup.clone() };
        Arc::new(plan_after(self.deployment.plan(), &model(&setup)).unwrap())
    }

    /// The plan without this instance.
    pub fn without(&self, name: &str) -> Arc<Plan> {
        let (web, streams) = (self.count("Web") - 1, self.count("Streams"));
        let model = model(&Setup { web, streams, ..self.setup.clone() });
        let removed = ids(&[name]).into_iter().collect();
        Arc::new(plan_after_removing(self.deployment.plan(), &model, &removed).unwrap())
    }

    /// The file with the certificates that clients have to trust.
    pub fn trusted(&self) -> PathBuf {
        self.folder.path().join(TRUSTED)
    }

    /// Upgrades it to another definition, in which `Web` has one more endpoint.
    pub async fn upgrade(&mut self) -> UpgradeOutcome {
        self.upgrade_at(Pace::Auto).await
    }

    /// The same, when nobody orders more than these domains: it is taken back behind them.
    pub async fn upgrade_only(&mut self, domains: &[u32]) -> UpgradeOutcome {
        let (orders, ordered) = mpsc::channel(domains.len());
        domains.iter().for_each(|domain| orders.try_send(*domain).unwrap());
        drop(orders);
        self.upgrade_at(Pace::Manual(ordered)).await
    }

    async fn upgrade_at(&mut self, pace: Pace) -> UpgradeOutcome {
        let more = r#"<InternalEndpoint name="Admin" protocol="http" port="9000" />"#;
        let (web, streams) = (self.count("Web"), self.count("Streams"));
        let new = model(&Setup { more, web, streams, ..self.setup.clone() });
        let plan = Arc::new(plan_after(self.deployment.plan(), &new).unwrap());
        let approots = Approots::beside(self.folder.path());
        let upgrade = Upgrade { pace, ..Upgrade::new(plan, approots) };
        self.deployment.upgrade(upgrade).await.unwrap().outcome
    }

    /// How many instances a role has.
    fn count(&self, role: &str) -> u32 {
        let instances = &self.deployment.plan().instances;
        instances.iter().filter(|instance| instance.role.as_str() == role).count().try_into().unwrap()
    }

    /// Where a public port listens.
    pub fn at(&self, port: u16) -> SocketAddr {
        let published = self.deployment.published();
        published.iter().find(|published| published.public.port.get() == port).unwrap().at
    }

    /// Each instance of the status board with its status.
    pub fn statuses(&self) -> Vec<String> {
        let now = self.deployment.statuses().now();
        now.iter().map(|one| format!("{} {}", one.instance, one.status)).collect()
    }

    pub fn with(&self, status: Status) -> Vec<String> {
        self.deployment.statuses().with(&[status]).iter().map(ToString::to_string).collect()
    }
}

/// All public ports of the plan, wherever there is room.
fn anywhere(plan: &Plan) -> Publication {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let at = plan.public.iter().map(|public| (public.port, anywhere)).collect();
    Publication { at, ..Publication::default() }
}

/// The body of the answer there.
pub async fn get(at: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(at).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or_else(|| std::io::Error::other(answer.clone()))?;
    Ok(body.to_owned())
}

/// A stream with an instance of `Streams`.
pub struct EchoStream {
    stream: BufReader<TcpStream>,
    pub instance: String,
}

impl EchoStream {
    pub async fn connect(at: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(at).await?;
        stream.set_nodelay(true)?;
        let (mut stream, mut instance) = (BufReader::new(stream), String::new());
        stream.read_line(&mut instance).await?;
        Ok(Self { stream, instance: instance.trim_end().to_owned() })
    }

    /// Sends a word and waits until it is back.
    pub async fn echo(&mut self) -> std::io::Result<()> {
        self.stream.get_mut().write_all(b"again").await?;
        let mut back = [0; 5];
        self.stream.read_exact(&mut back).await?;
        assert_eq!(&back, b"again");
        Ok(())
    }
}

/// The endpoint, the certificate's declaration and its thumbprint: one that nobody has.
const OVER_TLS: (&str, &str, &str) = (
    r#"<InputEndpoint name="Https" protocol="https" port="443" localPort="8443" certificate="Tls" />"#,
    r#"<Certificates><Certificate name="Tls" storeLocation="LocalMachine" storeName="My" /></Certificates>"#,
    r#"<Certificates><Certificate name="Tls" thumbprint="A909502DD82AE41433E6F83886B00D4277A32A7B" thumbprintAlgorithm="sha1" /></Certificates>"#,
);

fn model(setup: &Setup) -> ServiceModel {
    const SCHEMA: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10";
    let Setup { web, streams, depth, more, .. } = setup;
    let (https, declared, configured) = if setup.https { OVER_TLS } else { ("", "", "") };
    let definition = format!(
        r#"<ServiceDefinition name="Svc" xmlns="{SCHEMA}/ServiceDefinition">
        <WebRole name="Web">
            <ConfigurationSettings><Setting name="depth" /></ConfigurationSettings>
            <Endpoints><InputEndpoint name="Http" protocol="http" port="80" localPort="8080" />{more}{https}</Endpoints>{declared}
        </WebRole>
        <WorkerRole name="Streams"><Endpoints>
            <InputEndpoint name="Echo" protocol="tcp" port="7000" />
            <InstanceInputEndpoint name="Direct" protocol="tcp" localPort="7000">
                <AllocatePublicPortFrom><FixedPortRange min="7100" max="7109" /></AllocatePublicPortFrom>
            </InstanceInputEndpoint>
        </Endpoints></WorkerRole></ServiceDefinition>"#
    );
    let configuration = format!(
        r#"<ServiceConfiguration serviceName="Svc" xmlns="{SCHEMA}/ServiceConfiguration">
            <Role name="Web"><Instances count="{web}" /><ConfigurationSettings>
                <Setting name="depth" value="{depth}" /></ConfigurationSettings>{configured}</Role>
            <Role name="Streams"><Instances count="{streams}" /></Role>
        </ServiceConfiguration>"#
    );
    let source = |name: &str, text| Source { name: name.to_owned(), text };
    let outcome = load(
        &source("Svc.csdef", definition),
        Some(&source("Svc.cscfg", configuration)),
        &Options::default(),
    );
    outcome.model.unwrap_or_else(|| panic!("{:#?}", outcome.diagnostics))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}
