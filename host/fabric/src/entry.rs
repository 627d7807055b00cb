//! An instance as public ports see it: its way into the network, and where on it each of them leads.
//!
//! While a deployment is upgraded, instances of two generations stand behind one public port. Each of them knows itself where
//! the port leads on it, since its own definition says so: to another local port than on its neighbour, or nowhere.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::sync::Arc;

use wasm_roles_service_plan::{Plan, Port, PublicPort, RoleName, Transport};
use wasm_roles_virtual_network::Interface;

/// What public ports lead to.
pub(crate) trait Leads {
    /// The local port that the public port leads to here; none when it does not lead here.
    fn leads(&self, public: &PublicPort) -> Option<NonZeroU16> {
        Some(NonZeroU16::from(public.local_port))
    }
}

/// An instance, as long as one incarnation of it runs.
#[derive(Clone)]
pub(crate) struct Entry {
    interface: Interface,
    ways: Arc<Ways>,
}

/// Where the public ports of a role lead, as one definition has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ways {
    /// Ports of all instances.
    balanced: BTreeMap<(Port, Transport), Port>,
    /// Ports of single instances, by endpoint: they come and go with the instances.
    single: BTreeMap<String, Port>,
}

impl Entry {
    pub(crate) const fn new(interface: Interface, ways: Arc<Ways>) -> Self {
        Self { interface, ways }
    }

    pub(crate) const fn interface(&self) -> &Interface {
        &self.interface
    }
}

impl Leads for Entry {
    fn leads(&self, public: &PublicPort) -> Option<NonZeroU16> {
        self.ways.leads(public)
    }
}

impl Ways {
    pub(crate) fn of(plan: &Plan, role: &RoleName) -> Self {
        let mut ways = Self::default();
        for public in plan.public.iter().filter(|public| public.role == *role) {
            match &public.instance {
                None => drop(ways.balanced.insert((public.port, public.transport), public.local_port)),
                Some(_) => drop(ways.single.insert(public.endpoint.clone(), public.local_port)),
            }
        }
        // A role whose instances are all to come has none of these ports yet.
        for endpoint in plan.role(role).into_iter().flat_map(|role| &role.endpoints) {
            if let (wasm_roles_service_plan::EndpointKind::InstanceInput, Some(port)) =
                (endpoint.kind, Port::new(endpoint.port))
            {
                ways.single.insert(endpoint.name.clone(), port);
            }
        }
        ways
    }

    fn leads(&self, public: &PublicPort) -> Option<NonZeroU16> {
        let local = match &public.instance {
            None => self.balanced.get(&(public.port, public.transport)),
            Some(_) => self.single.get(&public.endpoint),
        };
        local.copied().map(NonZeroU16::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_plans::plan_of;

    fn plan(endpoints: &str) -> Plan {
        let role = format!(r#"<WorkerRole name="W"><Endpoints>{endpoints}</Endpoints></WorkerRole>"#);
        plan_of(&role, r#"<Role name="W"><Instances count="2" /></Role>"#)
    }

    #[test]
    fn a_port_leads_where_the_definition_of_the_instance_says_and_nowhere_when_it_says_nothing() {
        let direct = |name: &str, local: u16| {
            format!(
                r#"<InstanceInputEndpoint name="{name}" protocol="tcp" localPort="{local}">
                    <AllocatePublicPortFrom><FixedPortRange min="9000" max="9001" /></AllocatePublicPortFrom>
                </InstanceInputEndpoint>"#
            )
        };
        let old = r#"<InputEndpoint name="A" protocol="tcp" port="80" localPort="8080" />
            <InputEndpoint name="B" protocol="tcp" port="81" />"#;
        // A is called C and listens elsewhere, B is gone, and D is new.
        let new = r#"<InputEndpoint name="C" protocol="tcp" port="80" localPort="8081" />
            <InputEndpoint name="D" protocol="udp" port="81" localPort="7" />"#;
        let (old, new) =
            (plan(&(old.to_owned() + &direct("E", 7000))), plan(&(new.to_owned() + &direct("E", 7001))));
        let role = old.roles[0].name.clone();
        let on_new = Ways::of(&new, &role);
        let leads: Vec<Option<u16>> =
            old.public.iter().map(|public| on_new.leads(public).map(NonZeroU16::get)).collect();
        assert_eq!(leads, [Some(8081), None, Some(7001), Some(7001)]);
        let on_old = Ways::of(&old, &role);
        let leads: Vec<Option<u16>> =
            new.public.iter().map(|public| on_old.leads(public).map(NonZeroU16::get)).collect();
        assert_eq!(leads, [Some(8080), None, Some(7000), Some(7000)]);
    }
}
