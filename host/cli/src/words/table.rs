//! The table at the start: what runs, and where it can be reached.

use std::net::SocketAddr;

use wasm_roles_service_plan::{PlannedEndpoint, PlannedInstance, Protocol, PublicPort, Transport};

use super::Started;
use super::columns::{aligned, listed};

/// The service, its instances and its public ports.
pub fn table(started: &Started<'_>) -> String {
    let plan = started.plan;
    let configuration =
        started.configuration.map_or("no configuration".to_owned(), |file| format!("configuration {file}"));
    let mut text =
        format!("Service {}, {configuration}\nDeployment {}\n", plan.service, started.deployment_id);
    if let Some(folder) = started.kept {
        text.push_str(&format!("Local storage in {}\n", folder.display()));
    }
    text.push('\n');
    let heading = ["INSTANCE", "ROLE", "ADDRESS", "ENDPOINTS"].map(str::to_owned);
    text.push_str(&aligned(heading, plan.instances.iter().map(instance_row)));
    if !started.published.is_empty() {
        text.push('\n');
        text.push_str(&public_ports(
            started.published.iter().map(|published| (&published.public, published.at)),
        ));
    }
    text.push('\n');
    text
}

/// Public ports and where they listen.
pub fn public_ports<'a>(ports: impl Iterator<Item = (&'a PublicPort, SocketAddr)>) -> String {
    let heading = ["PUBLIC PORT", "ROLE", "ENDPOINT", "LISTENS ON"].map(str::to_owned);
    aligned(heading, ports.map(|(public, at)| port_row(public, at)))
}

fn instance_row(instance: &PlannedInstance) -> [String; 4] {
    [
        instance.id.to_string(),
        instance.role.to_string(),
        instance.address.to_string(),
        listed(instance.endpoints.iter().map(endpoint)),
    ]
}

/// Such as `HttpIn http 8080`.
pub fn endpoint(endpoint: &PlannedEndpoint) -> String {
    let ports = match (endpoint.port, endpoint.port_max) {
        (0, _) => "every port".to_owned(),
        (first, Some(last)) => format!("{first}-{last}"),
        (only, None) => only.to_string(),
    };
    format!("{} {} {ports}", endpoint.name, endpoint.protocol)
}

fn port_row(public: &PublicPort, at: SocketAddr) -> [String; 4] {
    let transport = match public.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    };
    let who = public.instance.as_ref().map_or_else(|| public.role.to_string(), ToString::to_string);
    let place = match public.protocol {
        Protocol::Http => format!("http://{at}/"),
        Protocol::Https => format!("https://{at}/"),
        Protocol::Tcp | Protocol::Udp | Protocol::Any => at.to_string(),
    };
    [format!("{}/{transport}", public.port), who, public.endpoint.clone(), place]
}
