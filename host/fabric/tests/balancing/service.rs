//! A service with certificates, and everything that is told of it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rcgen::CertifiedKey;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use tempfile::TempDir;
use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::change::{ChangeError, ChangeSummary};
use wasm_roles_fabric::{
    CertificateFolder, CertificateOptions, Clock, DEFAULT_STOP_BUDGET, Deployment, DeploymentOptions,
    DevelopmentCertificates, EventKind, Events, Publication, Runtime, RuntimeOptions, Seed, StartError, Tls,
    Upgrade,
};
use wasm_roles_service_model::{Options, ServiceModel, Source, load};
use wasm_roles_service_plan::{plan, plan_after};

const SCHEMA: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10";

/// What its author and its user have.
pub struct Service {
    folder: TempDir,
    pub certificates: Option<TempDir>,
    pub tls: Option<Tls>,
    pub development: Option<Arc<DevelopmentCertificates>>,
}

/// A certificate, and what the configuration says of it.
pub struct Made {
    pub certificate: String,
    pub thumbprint: String,
}

/// The service, running.
pub struct Running {
    pub deployment: Deployment,
    events: Events,
    pub told: Vec<String>,
    pub service: Service,
    definition: String,
}

impl Service {
    /// The components of roles, and of tasks as `Role/task`: each a copy of a test guest.
    pub fn of(guests: &[(&str, &str)]) -> Self {
        let service =
            Self { folder: tempfile::tempdir().unwrap(), certificates: None, tls: None, development: None };
        for (role, guest) in guests {
            let from = root().join("target/guests").join(guest).with_extension("wasm");
            assert!(from.is_file(), "{} is missing; run `cargo xtask guests` first", from.display());
            let to = service.folder.path().join(role).with_extension("wasm");
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(from, to).unwrap();
        }
        service
    }

    /// Makes a certificate for `localhost` with its key, and puts both into the folder with certificates.
    pub fn certify(&mut self, stem: &str) -> Made {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = self.certificates.get_or_insert_with(|| tempfile::tempdir().unwrap());
        let file = folder.path().join(stem).with_extension("pem");
        std::fs::write(file, cert.pem() + &signing_key.serialize_pem()).unwrap();
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, cert.der());
        let thumbprint = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Made { certificate: cert.pem(), thumbprint }
    }

    pub async fn try_start(self, definition: &str, configuration: &str) -> Result<Running, StartError> {
        let plan = plan(&model(definition, configuration)).unwrap();
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let at = plan.public.iter().map(|public| (public.port, anywhere)).collect();
        let folder = self.certificates.as_ref().map(|folder| CertificateFolder::read(folder.path()).unwrap());
        let options = DeploymentOptions {
            approots: Approots::beside(self.folder.path()),
            publication: Publication { at, ..Publication::default() },
            certificates: CertificateOptions {
                folder: folder.map(Arc::new),
                tls: self.tls,
                development: self.development.clone(),
            },
            web: wasm_roles_fabric::WebOptions::default(),
            at_rest: std::collections::BTreeSet::new(),
            stop_budget: DEFAULT_STOP_BUDGET,
            data_folder: self.data(),
            emulated: true,
            clock: Clock::new(SystemTime::UNIX_EPOCH),
            seed: Seed::new([7; 32]),
        };
        // Compiled guests are kept from test to test.
        let runtime = RuntimeOptions::default().cached_in(root().join("target/test-cache"));
        let runtime = Runtime::new(&runtime).unwrap();
        let (deployment, events) = Deployment::start(&runtime, Arc::new(plan), options).await?;
        let definition = definition.to_owned();
        Ok(Running { deployment, events, told: Vec::new(), service: self, definition })
    }

    /// Where its data is.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub async fn start(self, definition: &str, configuration: &str) -> Running {
        self.try_start(definition, configuration).await.unwrap_or_else(|error| panic!("{error}"))
    }
}

/// The service of these roles and this configuration.
fn model(roles: &str, configured: &str) -> ServiceModel {
    let definition = format!(
        r#"<ServiceDefinition name="Svc" xmlns="{SCHEMA}/ServiceDefinition">{roles}</ServiceDefinition>"#
    );
    let configuration = format!(
        r#"<ServiceConfiguration serviceName="Svc" xmlns="{SCHEMA}/ServiceConfiguration">{configured}</ServiceConfiguration>"#
    );
    let source = |name: &str, text| Source { name: name.to_owned(), text };
    let (definition, configuration) = (source("Svc.csdef", definition), source("Svc.cscfg", configuration));
    let outcome = load(&definition, Some(&configuration), &Options::default());
    outcome.model.unwrap_or_else(|| panic!("{:#?}", outcome.diagnostics))
}

impl Running {
    /// Changes the configuration; tells also what was told meanwhile.
    pub async fn change(&mut self, configuration: &str) -> Result<(ChangeSummary, Vec<String>), ChangeError> {
        let plan = plan_after(self.deployment.plan(), &model(&self.definition, configuration)).unwrap();
        let mut told = Vec::new();
        let mut changing = std::pin::pin!(self.deployment.change(Arc::new(plan)));
        let summary = loop {
            tokio::select! {
                biased;
                Some(event) = self.events.next() => told.push(in_words(&event.kind)),
                summary = &mut changing => break summary?,
            }
        };
        // What was said last may still be on its way.
        while let Some(event) = self.events.try_next() {
            told.push(in_words(&event.kind));
        }
        Ok((summary, told))
    }

    /// What upgrades to this definition and configuration, with the components that run.
    pub fn to(&self, definition: &str, configuration: &str) -> Upgrade {
        let plan = plan_after(self.deployment.plan(), &model(definition, configuration)).unwrap();
        Upgrade::new(Arc::new(plan), Approots::beside(self.service.folder.path()))
    }

    /// The component of a role is this guest from the next upgrade on.
    pub fn put(&self, role: &str, guest: &str) {
        let guest = root().join("target/guests").join(guest).with_extension("wasm");
        std::fs::copy(guest, self.service.folder.path().join(role).with_extension("wasm")).unwrap();
    }

    /// Where a public port listens.
    pub fn at(&self, port: u16) -> SocketAddr {
        let found = self.deployment.published().iter().find(|published| published.public.port.get() == port);
        found.unwrap().at
    }

    /// Waits until something is told that has these words in it.
    pub async fn hears(&mut self, words: &str) -> String {
        while let Some(event) = self.events.next().await {
            let said = in_words(&event.kind);
            self.told.push(said.clone());
            if said.contains(words) {
                return said;
            }
            assert!(event.time.as_secs() < 600, "not heard: {words}\n{:#?}", self.told);
        }
        panic!("not heard: {words}\n{:#?}", self.told);
    }
}

fn in_words(kind: &EventKind) -> String {
    match kind {
        EventKind::StatusChanged { instance, status } => format!("{instance} is {status}"),
        EventKind::Output { instance, line, .. } => {
            format!("{instance}: {}", String::from_utf8_lossy(&line.bytes))
        }
        EventKind::Certificate(notice) => notice.to_string(),
        EventKind::DatagramsLost { port, loss, .. } => format!("lost at {port}: {loss}"),
        other => format!("{other:?}"),
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}
