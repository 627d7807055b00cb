//! The traffic policy: roles, endpoints and instances as the virtual network wants to know them.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use wasm_roles_service_model::{
    Admission, Endpoint, EndpointId, EndpointKind, InternalProtocol, PortRange as DeclaredRange, RoleId,
    RoleName, ServiceModel, Sources, Span, TrafficRule, Transport,
};
use wasm_roles_virtual_network::policy::{
    Audience, EndpointGrant, InstanceIndex, Origin, Policy, PolicyBuilder, PolicyError, PortRange, RoleIndex,
    Transports,
};

use crate::ports::LocalPorts;
use crate::public_side;
use crate::{PublicPort, Reach, ReachRule};

/// A policy in the making.
#[derive(Debug, Clone)]
pub(crate) struct Compiler {
    builder: PolicyBuilder,
    /// The name and index of each role, in the order of the model.
    roles: Vec<(String, RoleIndex)>,
    /// All grants so far.
    grants: Vec<(RoleIndex, EndpointGrant)>,
    /// The service's name and its public ports, as they are known so far.
    public: Option<(String, Vec<PublicPort>)>,
}

impl Compiler {
    /// All roles without endpoints. They come first, since rules name roles that are declared further down.
    pub(crate) fn new(model: &ServiceModel) -> Self {
        let mut builder = Policy::builder();
        let role = |name: &str| (name.to_owned(), builder.role(name));
        let roles = model.roles().iter().map(|role| role.name.as_str()).map(role).collect();
        Compiler { builder, roles, grants: Vec::new(), public: None }
    }

    /// An endpoint on the ports that were chosen for it: one grant for each range.
    pub(crate) fn endpoint(
        &mut self,
        owner: RoleIndex,
        model: &ServiceModel,
        id: EndpointId,
        endpoint: &Endpoint,
        ports: &LocalPorts,
    ) {
        let audience = self.audience(model, id, &endpoint.kind);
        let transports = transports(&endpoint.kind);
        for ports in ports.ascending().into_iter().filter_map(granted_range) {
            let grant = EndpointGrant {
                name: endpoint.name.to_string(),
                transports,
                ports,
                audience: audience.clone(),
            };
            self.grant(owner, grant);
        }
    }

    fn grant(&mut self, owner: RoleIndex, grant: EndpointGrant) {
        self.grants.push((owner, grant.clone()));
        self.builder.endpoint(owner, grant);
    }

    /// What either of two definitions grants. The indexes are those of this one.
    pub(crate) fn joined_with(&self, other: &Self) -> Self {
        let mut joined = self.clone();
        for (name, _) in &other.roles {
            if joined.role(name).is_none() {
                let index = joined.builder.role(name);
                joined.roles.push((name.clone(), index));
            }
        }
        for (owner, grant) in &other.grants {
            let Some(owner) = joined.same_role(other, *owner) else { continue };
            let audience = match &grant.audience {
                Audience::Only { roles, origin } => Audience::Only {
                    roles: roles.iter().filter_map(|role| joined.same_role(other, *role)).collect(),
                    origin: origin.clone(),
                },
                everyone => everyone.clone(),
            };
            let grant = EndpointGrant { audience, ..grant.clone() };
            if !joined.grants.contains(&(owner, grant.clone())) {
                joined.grant(owner, grant);
            }
        }
        if let Some((service, ports)) = &other.public {
            let mut all = joined.public.take().map(|(_, ports)| ports).unwrap_or_default();
            all.extend(ports.iter().cloned());
            joined.public_side(service, &all);
        }
        joined
    }

    /// The role that has the same name as one of another compiler.
    fn same_role(&self, other: &Self, index: RoleIndex) -> Option<RoleIndex> {
        let (name, _) = other.roles.iter().find(|(_, known)| *known == index)?;
        self.role(name)
    }

    /// The role of this name.
    pub(crate) fn role(&self, name: &str) -> Option<RoleIndex> {
        self.roles.iter().find(|(known, _)| known == name).map(|(_, index)| *index)
    }

    /// An instance of a role.
    pub(crate) fn instance(
        &mut self,
        role: RoleIndex,
        id: &str,
        ordinal: u32,
        address: Ipv4Addr,
    ) -> InstanceIndex {
        self.builder.instance(role, id, ordinal, address)
    }

    /// The public side of the deployment, as its instances see it.
    pub(crate) fn public_side(&mut self, service: &str, ports: &[PublicPort]) {
        self.builder.subnet(public_side::subnet());
        self.public = Some((service.to_owned(), ports.to_vec()));
        if let Some(public_side) = public_side::public_side(service, ports) {
            self.builder.public_side(public_side);
        }
    }

    /// The finished policy.
    pub(crate) fn build(self) -> Result<Arc<Policy>, PolicyError> {
        self.builder.build().map(Arc::new)
    }

    /// The index of each role, in the order of the model.
    pub(crate) fn roles(&self) -> Vec<RoleIndex> {
        self.roles.iter().map(|(_, index)| *index).collect()
    }

    fn audience(&self, model: &ServiceModel, id: EndpointId, kind: &EndpointKind) -> Audience {
        if !matches!(kind, EndpointKind::Internal(_)) {
            return Audience::Public;
        }
        match model.admission(id) {
            Admission::Everyone => Audience::Deployment,
            Admission::Only { roles, rules } => Audience::Only {
                roles: roles.iter().filter_map(|role| Some(self.roles.get(role.position())?.1)).collect(),
                origin: origin(rules.iter().map(|rule| &rule.span)),
            },
        }
    }
}

/// Who may reach an endpoint, as people read it.
pub(crate) fn reach(model: &ServiceModel, id: EndpointId, kind: &EndpointKind) -> Reach {
    if !matches!(kind, EndpointKind::Internal(_)) {
        return Reach::Public;
    }
    match model.admission(id) {
        Admission::Everyone => {
            let opens =
                |rule: &&TrafficRule| rule.sources == Sources::AllRoles && rule.destinations.contains(&id);
            Reach::Deployment { rule: model.rules().iter().find(opens).map(|rule| rule.span.clone()) }
        }
        Admission::Only { roles, rules } => Reach::Only {
            roles: names(model, &roles),
            rules: rules.into_iter().map(|rule| reach_rule(model, rule)).collect(),
        },
    }
}

fn reach_rule(model: &ServiceModel, rule: &TrafficRule) -> ReachRule {
    let roles = match &rule.sources {
        Sources::Roles(roles) => names(model, roles),
        Sources::AllRoles => model.roles().iter().map(|role| role.name.clone()).collect(),
    };
    let other_endpoints = rule.destinations.len().saturating_sub(1);
    ReachRule { roles, other_endpoints, span: rule.span.clone() }
}

fn names(model: &ServiceModel, roles: &BTreeSet<RoleId>) -> Vec<RoleName> {
    roles.iter().filter_map(|role| Some(model.role(*role)?.name.clone())).collect()
}

/// The places of the rules, as the network prints them.
fn origin<'a>(rules: impl Iterator<Item = &'a Span>) -> Origin {
    let places: Vec<String> = rules.map(Span::to_string).collect();
    Origin::new(&places.join(", "))
}

fn granted_range(range: DeclaredRange) -> Option<PortRange> {
    PortRange::new(range.first().into(), range.last().into())
}

fn transports(kind: &EndpointKind) -> Transports {
    let of_transport = |transport| match transport {
        Transport::Tcp => Transports::Tcp,
        Transport::Udp => Transports::Udp,
    };
    match kind {
        EndpointKind::Input(input) => of_transport(input.protocol.transport()),
        EndpointKind::InstanceInput(input) => of_transport(input.transport),
        EndpointKind::Internal(internal) => match internal.protocol {
            InternalProtocol::Http | InternalProtocol::Tcp => Transports::Tcp,
            InternalProtocol::Udp => Transports::Udp,
            InternalProtocol::Any => Transports::Any,
        },
    }
}
