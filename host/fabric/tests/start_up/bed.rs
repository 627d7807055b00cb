//! One role with one instance, in a folder of its own, and everything that is told of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::{
    CertificateOptions, Clock, DEFAULT_STOP_BUDGET, Deployment, DeploymentOptions, EventKind, Events,
    Publication, Runtime, RuntimeOptions, Seed, StartError,
};
use wasm_roles_service_model::{Options, Source, load};
use wasm_roles_service_plan::{Plan, plan};

/// A service of one role, `W`, as its author has it in a folder.
pub struct Service {
    pub folder: TempDir,
    definition: String,
    /// Where its data is kept; none: in the folder.
    data: Option<PathBuf>,
    vmsize: &'static str,
}

/// The service, running.
pub struct Running {
    pub deployment: Deployment,
    events: Events,
    /// Everything that was told, each with the whole seconds since the start.
    pub told: Vec<String>,
    _folder: TempDir,
}

impl Service {
    /// A role with these elements. Its program is `role.wasm`, a copy of the guest of that name.
    pub fn new(guest: &str, elements: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let service = Self { folder, definition: elements.to_owned(), data: None, vmsize: "Small" };
        service.put(guest, "W/role.wasm");
        service
    }

    /// The task guest as the role's program, which does these words.
    pub fn of_words(words: &str, elements: &str) -> Self {
        let runtime = format!(
            r#"<Runtime><EntryPoint><ProgramEntryPoint commandLine="role.wasm {words}" setReadyOnProcessStart="true" />
               </EntryPoint></Runtime>"#
        );
        Self::new("task", &format!("{elements}{runtime}"))
    }

    /// A role that runs until it is asked to stop, and then stops at once.
    pub fn steady(elements: &str) -> Self {
        let runtime = r#"<Runtime><EntryPoint><NetFxEntryPoint assemblyName="role.dll" targetFrameworkVersion="v4.0" />
               </EntryPoint></Runtime>"#;
        let settings = r#"<ConfigurationSettings><Setting name="mode" /></ConfigurationSettings>"#;
        Self::new("role-misbehave", &format!("{elements}{settings}{runtime}"))
    }

    /// With its data in a folder that may have some of an earlier run.
    pub fn with_data(self, folder: &Path) -> Self {
        Self { data: Some(folder.to_owned()), ..self }
    }

    /// As a machine of this size.
    pub fn of_size(self, vmsize: &'static str) -> Self {
        Self { vmsize, ..self }
    }

    /// Puts the task guest where the role's task looks for it.
    pub fn with_task(self, name: &str) -> Self {
        self.put("task", &format!("W/{name}.wasm"));
        self
    }

    pub fn put(&self, guest: &str, file: &str) {
        let path = root().join("target/guests").join(guest).with_extension("wasm");
        assert!(path.is_file(), "{} is missing; run `cargo xtask guests` first", path.display());
        self.write(file, &fs::read(path).unwrap());
    }

    pub fn write(&self, file: &str, bytes: &[u8]) {
        let path = self.folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn plan(&self) -> Plan {
        const SCHEMA: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10";
        let definition = format!(
            "<ServiceDefinition name=\"Svc\" xmlns=\"{SCHEMA}/ServiceDefinition\">\n<WorkerRole name=\"W\" vmsize=\"{}\">\n{}\n\
             </WorkerRole></ServiceDefinition>",
            self.vmsize, self.definition
        );
        let settings = if self.definition.contains("<Setting name=\"mode\"") {
            r#"<ConfigurationSettings><Setting name="mode" value="wait" /></ConfigurationSettings>"#
        } else {
            ""
        };
        let configuration = format!(
            r#"<ServiceConfiguration serviceName="Svc" xmlns="{SCHEMA}/ServiceConfiguration">
                <Role name="W"><Instances count="1" />{settings}</Role></ServiceConfiguration>"#
        );
        let source = |name: &str, text| Source { name: name.to_owned(), text };
        let (definition, configuration) =
            (source("Svc.csdef", definition), source("Svc.cscfg", configuration));
        let outcome = load(&definition, Some(&configuration), &Options::default());
        plan(&outcome.model.unwrap_or_else(|| panic!("{:#?}", outcome.diagnostics))).unwrap()
    }

    pub async fn try_start(self) -> Result<Running, StartError> {
        let options = DeploymentOptions {
            approots: Approots::beside(self.folder.path()),
            publication: Publication::default(),
            certificates: CertificateOptions::default(),
            web: wasm_roles_fabric::WebOptions::default(),
            at_rest: std::collections::BTreeSet::new(),
            stop_budget: DEFAULT_STOP_BUDGET,
            data_folder: self.data.clone().unwrap_or_else(|| self.folder.path().join("data")),
            emulated: true,
            clock: Clock::new(SystemTime::UNIX_EPOCH),
            seed: Seed::new([7; 32]),
        };
        // Compiled guests are kept from test to test.
        let runtime = RuntimeOptions::default().cached_in(root().join("target/test-cache"));
        let runtime = Runtime::new(&runtime).unwrap();
        let (deployment, events) = Deployment::start(&runtime, Arc::new(self.plan()), options).await?;
        Ok(Running { deployment, events, told: Vec::new(), _folder: self.folder })
    }

    pub async fn start(self) -> Running {
        self.try_start().await.unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Running {
    /// Listens until something is told that ends with these words.
    pub async fn hears(&mut self, words: &str) -> String {
        loop {
            let Some(event) = self.events.next().await else {
                panic!("not heard: {words}\n{:#?}", self.told)
            };
            let Some(said) = in_words(&event.kind) else { continue };
            let said = format!("{} s: {said}", event.time.as_secs());
            self.told.push(said.clone());
            if said.ends_with(words) {
                return said;
            }
            assert!(event.time < Duration::from_secs(300), "not heard: {words}\n{:#?}", self.told);
        }
    }

    /// Why its last incarnation ended, as its status shows it.
    pub fn shown_reason(&self) -> Option<String> {
        let [status] = &self.deployment.statuses().now()[..] else { panic!("one instance") };
        status.recycled.as_ref().map(|recycled| recycled.because.clone())
    }

    /// Stops it and gives everything that was told from its start on, and the seconds that the stop took.
    pub async fn stops(mut self) -> Stopped {
        let begun = tokio::time::Instant::now();
        let summary = self.deployment.stop().await;
        let seconds = begun.elapsed().as_secs();
        while let Some(event) = self.events.next().await {
            let said = in_words(&event.kind).map(|said| format!("{} s: {said}", event.time.as_secs()));
            self.told.extend(said);
        }
        Stopped { told: self.told, seconds, cut_off: summary.cut_off().count() }
    }
}

/// What was told, and how the stop went.
pub struct Stopped {
    pub told: Vec<String>,
    pub seconds: u64,
    pub cut_off: usize,
}

impl Stopped {
    pub fn was_told(&self, words: &str) -> bool {
        was_told(&self.told, words)
    }
}

pub fn was_told(told: &[String], words: &str) -> bool {
    told.iter().any(|said| said.contains(words))
}

fn in_words(kind: &EventKind) -> Option<String> {
    Some(match kind {
        EventKind::Output { task, line, .. } => {
            format!("{}: {}", task.as_deref().unwrap_or("role"), String::from_utf8_lossy(&line.bytes))
        }
        EventKind::Denied(denied) => {
            let denial = &denied.denial;
            format!("denied {} {}: {}", denial.operation, denial.target, denial.reason)
        }
        EventKind::TaskEnded { task, end, .. } => format!("{task} {end}"),
        EventKind::StatusChanged { status, .. } => format!("is {status}"),
        EventKind::Recycling { delay, recycled, .. } => {
            format!("waits {} s because it {}", delay.as_secs(), recycled.because)
        }
        _ => return None,
    })
}

fn root() -> &'static Path {
    static ROOT: std::sync::LazyLock<PathBuf> = std::sync::LazyLock::new(|| {
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
    });
    &ROOT
}
