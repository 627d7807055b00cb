//! Starts real incarnations: components, a fresh interface, and all that the plan gives the instance and its start-up tasks.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use wasm_roles_role_runtime::{
    Clock, End, EnvironmentView, InstanceSpec, InstanceState, Outcome, OutputPipe, Preopen, RunningInstance,
    Seed, Teller, WebSpec, start_within,
};
use wasm_roles_service_plan::{
    EndpointKind, EnvironmentVariable, Plan, PlannedInstance, PlannedRole, Protocol, StartupTask,
};
use wasm_roles_virtual_network::{Interface, MemoryBudget, Network};
use wasm_roles_web_server::AccessLog;

use crate::approot;
use crate::certificates::Provision;
use crate::change::Renewal;
use crate::entry::Entry;
use crate::limits;
use crate::narrator::TaskReporter;
use crate::storage::Stores;
use crate::supervisor::{Incarnation, Launcher};
use crate::tasks::{StartUp, TaskProgram};
use crate::usage::Meters;
use crate::variables::{DeploymentFacts, variables};
use crate::version::Version;

/// What all instances of a deployment share.
pub(crate) struct Common {
    pub(crate) deployment_id: String,
    pub(crate) network: Network,
    pub(crate) meters: Meters,
    pub(crate) clock: Clock,
    pub(crate) seed: Seed,
}

/// Starts the incarnations of one instance.
pub(crate) struct RoleLauncher {
    common: Arc<Common>,
    version: Arc<Version>,
    /// The stores are to be emptied before the next incarnation, because this generation has asked for it.
    empties_for: Option<u32>,
    plan: Arc<Plan>,
    provision: Arc<Provision>,
    environment: Arc<EnvironmentView>,
    task_reporter: TaskReporter,
}

/// The directories of the machine that an instance sees.
pub(crate) struct Directories {
    /// The role's folder, if it has one.
    pub(crate) approot: Option<PathBuf>,
    pub(crate) stores: Stores,
}

impl Directories {
    /// Makes them ready for an incarnation.
    async fn preopens(&self) -> Result<Vec<Preopen>, String> {
        let mut preopens = self.stores.preopens().await?;
        preopens.extend(self.approot.as_deref().into_iter().flat_map(approot::preopens));
        Ok(preopens)
    }
}

impl RoleLauncher {
    pub(crate) fn new(
        common: Arc<Common>,
        version: Arc<Version>,
        renewal: Renewal,
        task_reporter: TaskReporter,
    ) -> Self {
        let Renewal { plan, environment, provision, .. } = renewal;
        let provision = provision.unwrap_or_default();
        let empties_for = version.begins_empty.then_some(version.generation);
        Self { common, version, empties_for, plan, provision, environment, task_reporter }
    }

    /// What a program of the instance gets: the role's own, or that of a start-up task.
    fn spec(&self, program: Program<'_>) -> Result<InstanceSpec, String> {
        let (Self { common, environment, .. }, Version { instance, components, stop_budget, web, .. }) =
            (self, &*self.version);
        let Program { arguments, environment: declared, preopens, seed, output: (stdout, stderr) } = program;
        let deployment = DeploymentFacts {
            plan: &self.plan,
            deployment_id: &common.deployment_id,
            emulated: environment.emulated,
        };
        Ok(InstanceSpec {
            id: instance.id.as_str().to_owned(),
            environment: Arc::clone(environment),
            arguments,
            variables: variables(declared, instance, deployment).map_err(|error| error.to_string())?,
            preopens,
            limits: limits::of_programs(&instance.limits),
            web: WebSpec {
                ports: http_ports(instance, &self.provision),
                sites: Arc::clone(&components.sites),
                instances: web.instances,
                ..WebSpec::default()
            },
            stop_budget: *stop_budget,
            stdout,
            stderr,
            clock: common.clock,
            seed: common.seed.derive(&seed),
        })
    }

    /// The start-up tasks for incarnation `number`.
    fn tasks(
        &self,
        number: u32,
        role: &PlannedRole,
        preopens: &[Preopen],
        interface: &Interface,
    ) -> Result<Vec<TaskProgram>, String> {
        // A task may do on the network what the role may, but not in its place.
        let Version { instance, components, .. } = &*self.version;
        let interface = interface.companion(limits::sockets_of_tasks(&instance.limits));
        let tasks = role.startup_tasks.iter().zip(&components.tasks).enumerate();
        tasks
            .map(|(position, (task, component))| {
                let command = Arc::from(task.command.as_str());
                let spec = self.spec(Program {
                    arguments: task_command_line(task),
                    environment: &task.environment,
                    preopens: preopens.to_vec(),
                    seed: format!("{}/{number}/task {position}", instance.id),
                    output: self.task_reporter.new_run(&command),
                })?;
                Ok(TaskProgram {
                    command,
                    kind: task.kind,
                    component: component.clone(),
                    interface: interface.clone(),
                    spec,
                    reporter: self.task_reporter.clone(),
                })
            })
            .collect()
    }
}

/// What a program gets of its own.
struct Program<'a> {
    arguments: Vec<String>,
    environment: &'a [EnvironmentVariable],
    preopens: Vec<Preopen>,
    seed: String,
    output: (OutputPipe, OutputPipe),
}

impl Launcher for RoleLauncher {
    type Incarnation = RunningRole;

    fn renew(&mut self, renewal: Renewal) {
        let Renewal { plan, environment, provision, version } = renewal;
        (self.plan, self.environment) = (plan, environment);
        if let Some(provision) = provision {
            self.provision = provision;
        }
        if let Some(version) = version {
            self.empties_for = emptied_for(self.empties_for, &version);
            self.version = version;
        }
    }

    fn generation(&self) -> u32 {
        self.version.generation
    }

    async fn launch(
        &mut self,
        number: u32,
        stdout: OutputPipe,
        stderr: OutputPipe,
    ) -> Result<RunningRole, String> {
        let version = Arc::clone(&self.version);
        let Version { instance, components, directories, web, .. } = &*version;
        if self.empties_for.is_some() {
            directories.stores.empty().await?;
            self.empties_for = None;
        }
        let Self { common, .. } = &*self;
        let role = self.plan.role(&instance.role).ok_or("its role is not in the plan")?;
        let mut preopens = directories.preopens().await?;
        preopens.extend(self.provision.preopen(&instance.role));
        let budget = Arc::new(MemoryBudget::new(instance.limits.memory_bytes));
        let limits = limits::of_network(&instance.limits).with_memory(Arc::clone(&budget));
        let interface =
            common.network.attach_at_with(instance.address, limits).map_err(|error| error.to_string())?;
        let tasks = self.tasks(number, role, &preopens, &interface)?;
        let mut spec = self.spec(Program {
            arguments: command_line(role),
            environment: &role.environment,
            preopens,
            seed: format!("{}/{number}", instance.id),
            output: (stdout, stderr),
        })?;
        if !spec.web.ports.is_empty() {
            spec.web.access_log = web
                .access_log
                .map(|format| AccessLog { format, sink: Arc::new(self.task_reporter.new_access_log()) });
        }
        let running = start_within(StartUp::new(tasks), &components.role, interface.clone(), spec);
        common.meters.begins(&instance.id, running.processor_time(), budget);
        let entry = Entry::new(interface, Arc::clone(&version.ways));
        Ok(RunningRole { running, entry, _provision: Arc::clone(&self.provision) })
    }
}

/// The generation for which the stores are still to be emptied. One that was taken back before it ran has emptied nothing.
fn emptied_for(asked: Option<u32>, next: &Version) -> Option<u32> {
    let asked = asked.filter(|generation| *generation <= next.generation);
    asked.or_else(|| next.begins_empty.then_some(next.generation))
}

/// The command line of a role's instances: the role's name, then the words of its entry point.
fn command_line(role: &PlannedRole) -> Vec<String> {
    let words = approot::arguments(&role.entry).iter().cloned();
    std::iter::once(role.name.as_str().to_owned()).chain(words).collect()
}

/// The command line of a start-up task, as the definition has it.
fn task_command_line(task: &StartupTask) -> Vec<String> {
    std::iter::once(&task.command).chain(&task.arguments).cloned().collect()
}

/// The ports on which a web role's handler is served: all its endpoints that speak HTTP, without TLS or after its end.
fn http_ports(instance: &PlannedInstance, provision: &Provision) -> Vec<NonZeroU16> {
    let http = instance.endpoints.iter().filter(|endpoint| match (endpoint.protocol, endpoint.kind) {
        (Protocol::Http, EndpointKind::Input | EndpointKind::Internal) => true,
        (Protocol::Https, _) => provision.acceptor(&instance.role, &endpoint.name).is_some(),
        _ => false,
    });
    let mut ports: Vec<NonZeroU16> = http.filter_map(|endpoint| NonZeroU16::new(endpoint.port)).collect();
    // Two public ports may lead to one local port.
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// A running incarnation with its way into the network.
pub(crate) struct RunningRole {
    running: RunningInstance,
    entry: Entry,
    /// The files that it sees are there as long as it is, also while others have new ones.
    _provision: Arc<Provision>,
}

impl Incarnation for RunningRole {
    type Target = Entry;
    type Teller = Teller;

    fn target(&self) -> Entry {
        self.entry.clone()
    }

    fn teller(&self) -> Teller {
        self.running.teller()
    }

    fn state(&self) -> watch::Receiver<InstanceState> {
        self.running.state()
    }

    fn recycle(&self) {
        self.running.recycle();
    }

    fn stop(&self) {
        self.running.stop();
    }

    fn kill(&self) {
        self.running.kill();
    }

    fn stopping_outcome(&self) -> Option<Outcome<()>> {
        self.running.stopping_outcome()
    }

    async fn ended(self) -> End {
        self.running.ended().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_plans::plan_of;

    #[test]
    fn stores_are_emptied_for_a_generation_that_comes_to_run_and_not_for_one_that_was_taken_back() {
        let plan = plan_of(r#"<WorkerRole name="W" />"#, r#"<Role name="W"><Instances count="1" /></Role>"#);
        let version = |generation, begins_empty| Version {
            begins_empty,
            ..Version::of_nothing(generation, plan.instances[0].clone())
        };
        for (asked, next, expected) in [
            (None, version(2, false), None),
            (None, version(2, true), Some(2)),
            // It was taken back.
            (Some(2), version(1, false), None),
            // It stays, and another one comes; that one may be taken back, too.
            (Some(2), version(3, false), Some(2)),
            (Some(2), version(3, true), Some(2)),
            (Some(2), version(2, false), Some(2)),
        ] {
            assert_eq!(emptied_for(asked, &next), expected, "{asked:?} {}", next.generation);
        }
    }

    #[test]
    fn the_handler_is_served_on_every_plain_http_endpoint_once() {
        let plan = plan_of(
            r#"<WebRole name="W"><Endpoints>
                <InputEndpoint name="A" protocol="http" port="80" localPort="8080" />
                <InputEndpoint name="B" protocol="http" port="81" localPort="8080" />
                <InputEndpoint name="C" protocol="tcp" port="82" />
                <InputEndpoint name="F" protocol="https" port="443" certificate="Tls" />
                <InternalEndpoint name="D" protocol="http" port="9000" />
                <InternalEndpoint name="E" protocol="tcp" port="9001" />
            </Endpoints><Certificates>
                <Certificate name="Tls" storeLocation="LocalMachine" storeName="My" />
            </Certificates></WebRole>"#,
            r#"<Role name="W"><Instances count="1" /><Certificates>
                <Certificate name="Tls" thumbprint="A909502DD82AE41433E6F83886B00D4277A32A7B" thumbprintAlgorithm="sha1" />
            </Certificates></Role>"#,
        );
        let ports: Vec<u16> =
            http_ports(&plan.instances[0], &Provision::default()).into_iter().map(NonZeroU16::get).collect();
        assert_eq!(ports, [8080, 9000]);
    }

    #[test]
    fn the_words_of_the_entry_point_follow_the_name_of_the_role() {
        let plan = plan_of(
            r#"<WorkerRole name="W"><Runtime><EntryPoint>
                <ProgramEntryPoint commandLine="w.wasm a b" setReadyOnProcessStart="true" />
            </EntryPoint></Runtime></WorkerRole>"#,
            r#"<Role name="W"><Instances count="1" /></Role>"#,
        );
        assert_eq!(command_line(&plan.roles[0]), ["W", "a", "b"]);
    }
}
