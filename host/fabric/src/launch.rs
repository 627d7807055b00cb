//! Starts real incarnations: a component, a fresh interface, and all that the plan gives the instance.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use wasm_roles_role_runtime::{
    Clock, End, EnvironmentView, InstanceSpec, InstanceState, Limits, OutputPipe, RoleComponent,
    RunningInstance, Seed, start,
};
use wasm_roles_service_plan::{EndpointKind, Plan, PlannedInstance, PlannedRole, Protocol};
use wasm_roles_virtual_network::{Interface, Network};

use crate::approot;
use crate::storage::Stores;
use crate::supervisor::{Incarnation, Launcher};

/// What all instances of a deployment share.
pub(crate) struct Common {
    pub(crate) deployment_id: String,
    pub(crate) network: Network,
    pub(crate) stop_budget: Duration,
    pub(crate) clock: Clock,
    pub(crate) seed: Seed,
}

/// Starts the incarnations of one instance.
pub(crate) struct RoleLauncher {
    component: RoleComponent,
    common: Arc<Common>,
    plan: Arc<Plan>,
    instance: PlannedInstance,
    environment: Arc<EnvironmentView>,
    stores: Stores,
}

impl RoleLauncher {
    pub(crate) fn new(
        component: RoleComponent,
        common: Arc<Common>,
        plan: Arc<Plan>,
        instance: PlannedInstance,
        environment: EnvironmentView,
        stores: Stores,
    ) -> Self {
        Self { component, common, plan, instance, environment: Arc::new(environment), stores }
    }
}

impl Launcher for RoleLauncher {
    type Incarnation = RunningRole;

    async fn launch(
        &mut self,
        number: u32,
        stdout: OutputPipe,
        stderr: OutputPipe,
    ) -> Result<RunningRole, String> {
        let Self { common, instance, .. } = self;
        let role = self.plan.role(&instance.role).ok_or("its role is not in the plan")?;
        let preopens = self.stores.preopens(number > 0).await?;
        let interface = common.network.attach(instance.index).map_err(|error| error.to_string())?;
        let spec = InstanceSpec {
            id: instance.id.as_str().to_owned(),
            environment: Arc::clone(&self.environment),
            arguments: command_line(role),
            variables: variables(instance, &common.deployment_id),
            preopens,
            limits: Limits { memory_bytes: role.memory_bytes, ..Limits::default() },
            http_ports: http_ports(instance),
            stop_budget: common.stop_budget,
            stdout,
            stderr,
            clock: common.clock,
            seed: common.seed.derive(&format!("{}/{number}", instance.id)),
        };
        let running = start(&self.component, interface.clone(), spec);
        Ok(RunningRole { running, interface })
    }
}

/// The command line of a role's instances: the role's name, then the words of its entry point.
fn command_line(role: &PlannedRole) -> Vec<String> {
    let words = approot::arguments(&role.entry).iter().cloned();
    std::iter::once(role.name.as_str().to_owned()).chain(words).collect()
}

/// The environment of a role's process (facts: life cycle, "Environment of a role process").
fn variables(instance: &PlannedInstance, deployment_id: &str) -> Vec<(String, String)> {
    let variables = [
        ("RoleName", instance.role.as_str()),
        ("RoleInstanceID", instance.id.as_str()),
        ("RoleDeploymentID", deployment_id),
    ];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// The ports on which a web role's handler is served: all its endpoints that speak HTTP without TLS.
fn http_ports(instance: &PlannedInstance) -> Vec<NonZeroU16> {
    let http = instance.endpoints.iter().filter(|endpoint| {
        endpoint.protocol == Protocol::Http
            && matches!(endpoint.kind, EndpointKind::Input | EndpointKind::Internal)
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
    interface: Interface,
}

impl Incarnation for RunningRole {
    type Target = Interface;

    fn target(&self) -> Interface {
        self.interface.clone()
    }

    fn state(&self) -> watch::Receiver<InstanceState> {
        self.running.state()
    }

    fn stop(&self) {
        self.running.stop();
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
    fn the_handler_is_served_on_every_plain_http_endpoint_once() {
        let plan = plan_of(
            r#"<WebRole name="W"><Endpoints>
                <InputEndpoint name="A" protocol="http" port="80" localPort="8080" />
                <InputEndpoint name="B" protocol="http" port="81" localPort="8080" />
                <InputEndpoint name="C" protocol="tcp" port="82" />
                <InternalEndpoint name="D" protocol="http" port="9000" />
                <InternalEndpoint name="E" protocol="tcp" port="9001" />
            </Endpoints></WebRole>"#,
            r#"<Role name="W"><Instances count="1" /></Role>"#,
        );
        let ports: Vec<u16> = http_ports(&plan.instances[0]).into_iter().map(NonZeroU16::get).collect();
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
