//! An instance as public ports see it: its way into the network, and where on it each of them leads.
//!
//! While a deployment is upgraded, instances of two generations stand behind one public port. Each of them knows itself where
//! the port leads on it, since its own definition says so: to another local port than on its neighbour, or nowhere.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::sync::Arc;

use wasm_roles_service_plan::{
    Availability, EndpointKind, Plan, PlannedProbe, Port, ProbeCheck, PublicPort, RoleName, Transport,
};
use wasm_roles_virtual_network::Interface;

/// What public ports lead to.
pub(crate) trait Leads {
    /// The local port that the public port leads to here; none when it does not lead here.
    fn leads(&self, public: &PublicPort) -> Option<NonZeroU16> {
        Some(NonZeroU16::from(public.local_port))
    }

    /// What is tried here where the port asks for this probe.
    fn tried(&self, _public: &PublicPort, asked: &PlannedProbe) -> PlannedProbe {
        asked.clone()
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
    balanced: BTreeMap<(Port, Transport), Way>,
    /// Ports of single instances, by endpoint: they come and go with the instances.
    single: BTreeMap<String, Port>,
}

/// Where a port of all instances leads.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Way {
    local: Port,
    probe: Option<PlannedProbe>,
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

    fn tried(&self, public: &PublicPort, asked: &PlannedProbe) -> PlannedProbe {
        self.ways.tried(public, asked)
    }
}

impl Way {
    fn of(public: &PublicPort) -> Self {
        let probe = match &public.availability {
            Availability::Probed(probe) => Some(probe.clone()),
            Availability::Ready | Availability::Running => None,
        };
        Self { local: public.local_port, probe }
    }
}

impl Ways {
    pub(crate) fn of(plan: &Plan, role: &RoleName) -> Self {
        let mut ways = Self::default();
        for public in plan.public.iter().filter(|public| public.role == *role) {
            match &public.instance {
                None => drop(ways.balanced.insert((public.port, public.transport), Way::of(public))),
                Some(_) => drop(ways.single.insert(public.endpoint.clone(), public.local_port)),
            }
        }
        // A role whose instances are all to come has none of these ports yet.
        for endpoint in plan.role(role).into_iter().flat_map(|role| &role.endpoints) {
            if let (EndpointKind::InstanceInput, Some(port)) = (endpoint.kind, Port::new(endpoint.port)) {
                ways.single.insert(endpoint.name.clone(), port);
            }
        }
        ways
    }

    fn leads(&self, public: &PublicPort) -> Option<NonZeroU16> {
        let local = match &public.instance {
            None => self.balanced.get(&(public.port, public.transport)).map(|way| way.local),
            Some(_) => self.single.get(&public.endpoint).copied(),
        };
        local.map(NonZeroU16::from)
    }

    /// The probe of its own definition; one that has none there answers when it listens.
    fn tried(&self, public: &PublicPort, asked: &PlannedProbe) -> PlannedProbe {
        match self.balanced.get(&(public.port, public.transport)) {
            Some(Way { probe: Some(own), .. }) => own.clone(),
            Some(Way { local, probe: None }) => {
                let mut listens = asked.clone();
                (listens.check, listens.port) = (ProbeCheck::Tcp, *local);
                listens
            }
            None => asked.clone(),
        }
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

    #[test]
    fn an_instance_is_tried_as_its_own_definition_says() {
        let plan = |probe: &str, endpoint: &str| {
            plan_of(
                &format!(
                    r#"<LoadBalancerProbes><LoadBalancerProbe name="P" {probe} /></LoadBalancerProbes>
                    <WorkerRole name="W"><Endpoints>
                        <InputEndpoint name="A" protocol="tcp" port="80" {endpoint} /></Endpoints></WorkerRole>"#
                ),
                r#"<Role name="W"><Instances count="1" /></Role>"#,
            )
        };
        const HTTP: &str = r#"protocol="http" path="/a""#;
        let asking = plan(HTTP, r#"localPort="8080" loadBalancerProbe="P""#);
        let public = &asking.public[0];
        let Availability::Probed(asked) = &public.availability else { panic!("it has a probe") };
        for (probe, endpoint, port, check) in [
            (HTTP, r#"localPort="8081" loadBalancerProbe="P""#, 8081, "/a"),
            (r#"protocol="http" path="/b" port="7""#, r#"localPort="8080" loadBalancerProbe="P""#, 7, "/b"),
            (HTTP, r#"localPort="8082""#, 8082, "listens"),
        ] {
            let plan = plan(probe, endpoint);
            let tried = Ways::of(&plan, &plan.roles[0].name).tried(public, asked);
            let found = match &tried.check {
                ProbeCheck::Tcp => "listens",
                ProbeCheck::Http { path } => path,
            };
            assert_eq!((tried.port.get(), found), (port, check), "{probe} {endpoint}");
        }
    }
}
