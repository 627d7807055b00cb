//! The traffic of a plan as a drawing: who may talk to whom.
//!
//! Nodes are the roles and the world outside; edges are the endpoints that a role or the world may reach. A graph has
//! no instances, so its size does not depend on their number. The same plan gives the same text in every format.

mod dot;
mod mermaid;
mod svg;

use std::collections::BTreeMap;

use wasm_roles_service_model::RoleName;

use crate::{EndpointKind, Plan, PlannedRole, Protocol, RoleEndpoint};

/// The traffic graph of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    service: String,
    /// In the order of the definition.
    roles: Vec<Role>,
    /// By target, endpoint and source.
    edges: Vec<Edge>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Role {
    name: String,
    instances: usize,
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Endpoint {
    name: String,
    /// Protocol and ports, e.g. `tcp 20000` or `http 80`: those that the source of an edge has to know.
    speaks: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Internet,
    /// The position of a role.
    Role(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edge {
    from: Node,
    /// The position of the target.
    to: usize,
    /// The position of the endpoint in the target.
    endpoint: usize,
}

/// The traffic graph of a plan: an edge for every entry of [`Plan::traffic`] that is allowed, and one from `Internet`
/// for every input and instance input endpoint.
pub fn graph(plan: &Plan) -> Graph {
    let mut instances: BTreeMap<&RoleName, usize> = BTreeMap::new();
    for instance in &plan.instances {
        let count = instances.entry(&instance.role).or_default();
        *count = count.saturating_add(1);
    }
    let count = |role: &PlannedRole| instances.get(&role.name).copied().unwrap_or_default();
    Graph {
        service: plan.service.clone(),
        roles: plan.roles.iter().map(|role| drawn_role(plan, role, count(role))).collect(),
        edges: edges(plan),
    }
}

impl Graph {
    fn role(&self, position: usize) -> Option<&Role> {
        self.roles.get(position)
    }

    /// The edges between the same two nodes as one, with the endpoints.
    fn bundles(&self) -> BTreeMap<(Node, usize), Vec<&Endpoint>> {
        let mut bundles: BTreeMap<(Node, usize), Vec<&Endpoint>> = BTreeMap::new();
        for edge in &self.edges {
            let endpoint = self.role(edge.to).and_then(|role| role.endpoints.get(edge.endpoint));
            bundles.entry((edge.from, edge.to)).or_default().extend(endpoint);
        }
        bundles
    }
}

impl Role {
    fn count(&self) -> String {
        match self.instances {
            1 => "1 instance".to_owned(),
            number => format!("{number} instances"),
        }
    }
}

fn edges(plan: &Plan) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (to, role) in plan.roles.iter().enumerate() {
        for (endpoint, declared) in role.endpoints.iter().enumerate() {
            if declared.kind == EndpointKind::Internal {
                let entries = plan.entries(to, role, declared).enumerate();
                let allowed = entries.filter(|(_, entry)| entry.allowed);
                edges.extend(allowed.map(|(from, _)| Edge { from: Node::Role(from), to, endpoint }));
            } else {
                edges.push(Edge { from: Node::Internet, to, endpoint });
            }
        }
    }
    edges
}

fn drawn_role(plan: &Plan, role: &PlannedRole, instances: usize) -> Role {
    let drawn = |endpoint: &RoleEndpoint| Endpoint {
        name: endpoint.name.clone(),
        speaks: format!("{} {}", endpoint.protocol, ports(plan, role, endpoint)).trim_end().to_owned(),
    };
    Role { name: role.name.to_string(), instances, endpoints: role.endpoints.iter().map(drawn).collect() }
}

fn ports(plan: &Plan, role: &PlannedRole, endpoint: &RoleEndpoint) -> String {
    /// More ranges than these make a label that nobody reads.
    const SHOWN: usize = 3;
    match (endpoint.kind, endpoint.public_port) {
        (EndpointKind::InstanceInput, _) => public_ports(plan, role, endpoint),
        (_, Some(port)) => port.to_string(),
        _ if endpoint.protocol == Protocol::Any && endpoint.port == 0 => String::new(),
        _ => {
            let mut shown: Vec<String> =
                endpoint.ranges.iter().take(SHOWN).map(ToString::to_string).collect();
            if endpoint.ranges.len() > SHOWN {
                shown.push("...".to_owned());
            }
            shown.join(", ")
        }
    }
}

/// The public ports that an instance input endpoint has in use: one for each instance, in a row.
fn public_ports(plan: &Plan, role: &PlannedRole, endpoint: &RoleEndpoint) -> String {
    let is_its = |public: &&crate::PublicPort| public.role == role.name && public.endpoint == endpoint.name;
    let mut ports = plan.public.iter().filter(is_its).map(|public| public.port);
    match (ports.next(), ports.next_back()) {
        (None, _) => String::new(),
        (Some(only), None) => only.to_string(),
        (Some(first), Some(last)) => format!("{first}-{last}"),
    }
}
