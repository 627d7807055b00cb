//! Three instances of the web role `W`, whose guest is hello-http-p3, with every kind of public TCP port.
//!
//! | port | local | goes to |
//! |---|---|---|
//! | 80 | 8080 | the Ready ones in turn |
//! | 81 | any | the Ready ones, each client to its own |
//! | 82 | 8080 | all that run |
//! | 83 | 8080 | those whose `/probe` says 200 |
//! | 84 | 8080 | those that listen at port 8080 |
//! | 85 | 8080 | those that listen at port 9, which nobody does |
//! | 86 | 8080 | the Ready ones in turn; idle connections end after 3 minutes |
//! | 10100 to 10102 | 8080 | one instance each |

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::{
    CertificateOptions, Clock, DEFAULT_STOP_BUDGET, Deployment, DeploymentOptions, EventKind, Events,
    Publication, Runtime, RuntimeOptions, Seed,
};
use wasm_roles_service_model::{Options, Source, load};
use wasm_roles_service_plan::{Plan, plan};

const DEFINITION: &str = r#"
    <LoadBalancerProbes>
      <LoadBalancerProbe name="Page" protocol="http" path="probe" intervalInSeconds="5" timeoutInSeconds="11" />
      <LoadBalancerProbe name="Connection" protocol="tcp" />
      <LoadBalancerProbe name="Nobody" protocol="tcp" port="9" />
    </LoadBalancerProbes>
    <WebRole name="W"><Endpoints>
      <InputEndpoint name="Turns" protocol="http" port="80" localPort="8080" />
      <InputEndpoint name="Affine" protocol="http" port="81" localPort="*" loadBalancerDistribution="sourceIP" />
      <InputEndpoint name="Anyway" protocol="tcp" port="82" localPort="8080" ignoreRoleInstanceStatus="true" />
      <InputEndpoint name="Page" protocol="tcp" port="83" localPort="8080" loadBalancerProbe="Page" />
      <InputEndpoint name="Listening" protocol="tcp" port="84" localPort="8080" loadBalancerProbe="Connection" />
      <InputEndpoint name="Dead" protocol="tcp" port="85" localPort="8080" loadBalancerProbe="Nobody" />
      <InstanceInputEndpoint name="Direct" protocol="tcp" localPort="8080">
        <AllocatePublicPortFrom><FixedPortRange min="10100" max="10109" /></AllocatePublicPortFrom>
      </InstanceInputEndpoint>
    </Endpoints></WebRole>"#;

pub struct Bed {
    deployment: Deployment,
    events: Events,
    _folder: TempDir,
}

impl Bed {
    /// The service; its instances are being started.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let guest = root().join("target/guests/hello-http-p3.wasm");
        assert!(guest.is_file(), "{} is missing; run `cargo xtask guests` first", guest.display());
        std::fs::copy(guest, folder.path().join("W.wasm")).unwrap();
        let plan = three_instances();
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let at = plan.public.iter().map(|public| (public.port, anywhere)).collect();
        let options = DeploymentOptions {
            approots: Approots::beside(folder.path()),
            publication: Publication { at, ..Publication::default() },
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
        Self { deployment, events, _folder: folder }
    }

    /// The service; all instances are Ready.
    pub async fn ready() -> Self {
        let bed = Self::start().await;
        bed.deployment.statuses().all_ready().await;
        bed
    }

    pub async fn connect(&self, port: u16) -> TcpStream {
        let published = self.deployment.published();
        let found = published.iter().find(|published| published.public.port.get() == port).unwrap();
        TcpStream::connect(found.at).await.unwrap()
    }

    /// The body of the answer at a public port.
    pub async fn try_get(&self, port: u16, path: &str) -> io::Result<String> {
        let mut stream = self.connect(port).await;
        let request = format!("GET {path} HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or_else(|| io::Error::other(answer.clone()))?;
        Ok(body.to_owned())
    }

    pub async fn get(&self, port: u16, path: &str) -> String {
        self.try_get(port, path).await.unwrap()
    }

    /// Who answers so many requests in a row.
    pub async fn names(&self, port: u16, times: u32) -> Vec<String> {
        let mut names = Vec::new();
        for _ in 0..times {
            names.push(self.get(port, "/name").await);
        }
        names
    }

    /// The different ones of those who answer a dozen requests, in order.
    pub async fn who_answers(&self, port: u16) -> Vec<String> {
        let mut names = self.names(port, 12).await;
        names.sort();
        names.dedup();
        names
    }

    /// Waits until this is told.
    pub async fn hears(&mut self, words: &str) {
        let mut told = Vec::new();
        while let Some(event) = self.events.next().await {
            let said = in_words(&event.kind);
            if said == words {
                return;
            }
            told.push(format!("{} s: {said}", event.time.as_secs()));
            assert!(event.time.as_secs() < 600, "not heard: {words}\n{told:#?}");
        }
        panic!("not heard: {words}\n{told:#?}");
    }
}

fn in_words(kind: &EventKind) -> String {
    match kind {
        EventKind::StatusChanged { instance, status } => format!("{instance} is {status}"),
        EventKind::ProbeSucceeds { instance, probe, port } => format!("{instance} answers {probe} of {port}"),
        EventKind::ProbeFails { instance, probe, port, failure, .. } => {
            format!("{instance} does not answer {probe} of {port}: {failure}")
        }
        EventKind::NoReadyInstance { port, connections, .. } => format!("{connections} refused at {port}"),
        other => format!("{other:?}"),
    }
}

fn three_instances() -> Plan {
    const SCHEMA: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10";
    let definition = format!(
        r#"<ServiceDefinition name="Svc" xmlns="{SCHEMA}/ServiceDefinition">{DEFINITION}</ServiceDefinition>"#
    );
    let configuration = format!(
        r#"<ServiceConfiguration serviceName="Svc" xmlns="{SCHEMA}/ServiceConfiguration">
            <Role name="W"><Instances count="3" /></Role></ServiceConfiguration>"#
    );
    let source = |name: &str, text| Source { name: name.to_owned(), text };
    let (definition, configuration) = (source("Svc.csdef", definition), source("Svc.cscfg", configuration));
    let outcome = load(&definition, Some(&configuration), &Options::default());
    plan(&outcome.model.unwrap_or_else(|| panic!("{:#?}", outcome.diagnostics))).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}
