//! What an instance can find out about its deployment.
//!
//! The rule is the documentation's (facts: RoleEnvironment, "Visibility"): an instance always sees itself; it sees
//! the instances of a role, its own role included, when that role has an internal endpoint. Traffic rules do not change
//! what is visible, and neither does whether an instance is running.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasm_roles_role_runtime::{
    EndpointKind, EndpointView, EnvironmentView, InstanceView, LocalResourceView, Protocol, RoleView,
};
use wasm_roles_service_plan::{self as plan, InstanceId, Plan, PlannedInstance, PlannedRole};

/// Where the guest finds a local store.
pub(crate) fn local_path(store: &str) -> String {
    format!("/local/{store}")
}

/// The views of all instances of a plan. What they see alike is there once: a thousand instances do not hold a thousand
/// views of each other.
pub struct Views {
    plan: Arc<Plan>,
    deployment_id: String,
    emulated: bool,
    /// As an instance of no role sees them.
    roles: Vec<RoleView>,
    positions: BTreeMap<InstanceId, usize>,
}

impl Views {
    /// The views of the instances of `plan`.
    #[must_use]
    pub fn new(plan: Arc<Plan>, deployment_id: &str, emulated: bool) -> Self {
        let roles = plan.roles.iter().map(|role| role_view(&plan, role)).collect();
        let positions = plan.instances.iter().enumerate();
        let positions = positions.map(|(position, instance)| (instance.id.clone(), position)).collect();
        Self { plan, deployment_id: deployment_id.to_owned(), emulated, roles, positions }
    }

    /// The plan whose instances see this.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The view of one instance; none when the plan does not have it.
    #[must_use]
    pub fn of(&self, instance: &InstanceId) -> Option<EnvironmentView> {
        let subject = self.plan.instances.get(*self.positions.get(instance)?)?;
        let role = self.plan.role(&subject.role)?;
        let current = instance_view(subject);
        let mut roles = self.roles.clone();
        let own = roles.iter_mut().find(|view| view.name == role.name.as_str());
        if let Some(own) = own.filter(|_| !role.discoverable) {
            own.instances = Arc::from([current.clone()]);
        }
        Some(EnvironmentView {
            deployment_id: self.deployment_id.clone(),
            emulated: self.emulated,
            current,
            roles,
            settings: role.settings.clone(),
            local_resources: local_resources(role),
        })
    }
}

/// A role as others see it.
fn role_view(plan: &Plan, role: &PlannedRole) -> RoleView {
    let visible = plan.instances.iter().filter(|instance| role.discoverable && instance.role == role.name);
    RoleView { name: role.name.as_str().to_owned(), instances: visible.map(instance_view).collect() }
}

fn instance_view(instance: &PlannedInstance) -> InstanceView {
    let endpoint = |endpoint: &plan::PlannedEndpoint| EndpointView {
        name: endpoint.name.clone(),
        kind: match endpoint.kind {
            plan::EndpointKind::Input => EndpointKind::Input,
            plan::EndpointKind::InstanceInput => EndpointKind::InstanceInput,
            plan::EndpointKind::Internal => EndpointKind::Internal,
        },
        protocol: match endpoint.protocol {
            plan::Protocol::Http => Protocol::Http,
            plan::Protocol::Https => Protocol::Https,
            plan::Protocol::Tcp => Protocol::Tcp,
            plan::Protocol::Udp => Protocol::Udp,
            plan::Protocol::Any => Protocol::Any,
        },
        address: instance.address,
        port: endpoint.port,
        port_max: endpoint.port_max,
        public_port: endpoint.public_port,
    };
    InstanceView {
        id: instance.id.as_str().to_owned(),
        role: instance.role.as_str().to_owned(),
        fault_domain: instance.fault_domain,
        update_domain: instance.update_domain,
        endpoints: instance.endpoints.iter().map(endpoint).collect(),
    }
}

fn local_resources(role: &PlannedRole) -> Vec<LocalResourceView> {
    let view = |store: &plan::LocalResource| LocalResourceView {
        name: store.name.as_str().to_owned(),
        root_path: local_path(store.name.as_str()),
        size_mb: u64::from(store.size_mb),
    };
    role.local_resources.iter().map(view).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_plans::plan_of;

    const ROLES: &str = r#"
        <WebRole name="Web"><Endpoints>
            <InputEndpoint name="In" protocol="http" port="80" localPort="8080" />
        </Endpoints></WebRole>
        <WorkerRole name="Worker">
            <ConfigurationSettings><Setting name="Depth" /></ConfigurationSettings>
            <LocalResources><LocalStorage name="Cache" sizeInMB="7" /></LocalResources>
            <Endpoints><InternalEndpoint name="Rpc" protocol="tcp" port="1000" /></Endpoints>
        </WorkerRole>"#;
    const COUNTS: &str = r#"
        <Role name="Web"><Instances count="2" /></Role>
        <Role name="Worker"><Instances count="2" />
            <ConfigurationSettings><Setting name="Depth" value="3" /></ConfigurationSettings></Role>"#;

    fn seen_by(id: &str) -> EnvironmentView {
        let plan = plan_of(ROLES, COUNTS);
        let subject = plan.instances.iter().find(|instance| instance.id.as_str() == id).unwrap().id.clone();
        Views::new(plan.into(), "d", true).of(&subject).unwrap()
    }

    fn visible(view: &EnvironmentView) -> Vec<(String, Vec<String>)> {
        let ids = |role: &RoleView| role.instances.iter().map(|instance| instance.id.clone()).collect();
        view.roles.iter().map(|role| (role.name.clone(), ids(role))).collect()
    }

    #[test]
    fn instances_of_a_role_without_internal_endpoint_see_only_themselves_of_it() {
        let workers = vec!["Worker_IN_0".to_owned(), "Worker_IN_1".to_owned()];
        let expected = [("Web".to_owned(), vec!["Web_IN_1".to_owned()]), ("Worker".to_owned(), workers)];
        assert_eq!(visible(&seen_by("Web_IN_1")), expected);
    }

    #[test]
    fn a_role_without_internal_endpoint_is_named_but_empty_for_others() {
        let workers = vec!["Worker_IN_0".to_owned(), "Worker_IN_1".to_owned()];
        let expected = [("Web".to_owned(), vec![]), ("Worker".to_owned(), workers)];
        assert_eq!(visible(&seen_by("Worker_IN_0")), expected);
    }

    #[test]
    fn what_two_instances_see_alike_is_there_once() {
        let views = Views::new(plan_of(ROLES, COUNTS).into(), "d", true);
        let [one, other] = ["Worker_IN_0", "Web_IN_1"].map(|id| {
            let instance = views.plan().instances.iter().find(|instance| instance.id.as_str() == id);
            views.of(&instance.unwrap().id).unwrap()
        });
        assert!(Arc::ptr_eq(&one.roles[1].instances, &other.roles[1].instances));
    }

    #[test]
    fn settings_stores_and_endpoints_are_those_of_the_own_role() {
        let worker = seen_by("Worker_IN_1");
        assert_eq!(worker.settings.get("Depth").map(String::as_str), Some("3"));
        let store = &worker.local_resources[0];
        assert_eq!((store.root_path.as_str(), store.size_mb), ("/local/Cache", 7));
        let web = seen_by("Web_IN_0");
        assert!(web.settings.is_empty() && web.local_resources.is_empty());
        let input = &web.current.endpoints[0];
        assert_eq!((input.port, input.public_port, input.kind), (8080, Some(80), EndpointKind::Input));
    }
}
