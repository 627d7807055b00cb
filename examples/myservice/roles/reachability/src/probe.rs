//! What this instance itself reaches.

use std::net::SocketAddr;
use std::time::Duration;

use wasm_roles_sdk::net::TcpStream;
use wasm_roles_sdk::{Protocol, RoleEnvironment, RoleInfo, RoleInstance, spawn, timeout};

use crate::row::{Outcome, Row};

/// How long one attempt may take.
const PROBE_TIME: Duration = Duration::from_secs(2);

/// An internal endpoint of another instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) role: String,
    pub(crate) endpoint: String,
    pub(crate) address: SocketAddr,
}

/// The internal endpoints to try: those of the first instance of each role that is not the asking one. A role
/// that has no other instance cannot be tried.
pub(crate) fn targets(asking: &RoleInstance, roles: &[RoleInfo]) -> Vec<Target> {
    roles
        .iter()
        .filter_map(|role| role.instances.iter().find(|instance| instance.id != asking.id))
        .flat_map(|instance| {
            instance
                .internal_endpoints()
                .filter(|endpoint| endpoint.protocol != Protocol::Udp && endpoint.port != 0)
                .map(|endpoint| Target {
                    role: instance.role.clone(),
                    endpoint: endpoint.name.clone(),
                    address: endpoint.socket_address(),
                })
        })
        .collect()
}

/// Tries all internal endpoints at once; gives the targets and what came of each.
pub(crate) async fn probe_all() -> Vec<(Target, Outcome)> {
    let targets = targets(&RoleEnvironment::current_instance(), &RoleEnvironment::roles());
    let probes: Vec<_> = targets
        .into_iter()
        .map(|target| {
            let address = target.address;
            (target, spawn(probe(address)))
        })
        .collect();
    let mut results = Vec::with_capacity(probes.len());
    for (target, probe) in probes {
        // None would be a probe that was cancelled, which nobody does.
        if let Some(outcome) = probe.await {
            results.push((target, outcome));
        }
    }
    results
}

async fn probe(address: SocketAddr) -> Outcome {
    match timeout(PROBE_TIME, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Outcome::Connected,
        Ok(Err(error)) => error.into(),
        Err(elapsed) => std::io::Error::from(elapsed).into(),
    }
}

impl Target {
    pub(crate) fn into_row(self, from: &str, outcome: Outcome) -> Row {
        Row { from: from.to_owned(), to: self.role, endpoint: self.endpoint, outcome }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_roles_sdk::{Endpoint, EndpointKind};

    fn instance(role: &str, ordinal: u8, endpoints: &[(&str, EndpointKind, Protocol)]) -> RoleInstance {
        RoleInstance {
            id: format!("{role}_IN_{ordinal}"),
            role: role.to_owned(),
            fault_domain: 0,
            update_domain: 0,
            endpoints: endpoints
                .iter()
                .map(|(name, kind, protocol)| Endpoint {
                    name: (*name).to_owned(),
                    kind: *kind,
                    protocol: *protocol,
                    address: [10, 0, 0, ordinal].into(),
                    port: 20000,
                    last_port: None,
                    public_port: None,
                })
                .collect(),
        }
    }

    fn names(asking: &RoleInstance, roles: &[RoleInfo]) -> Vec<String> {
        targets(asking, roles)
            .into_iter()
            .map(|target| format!("{} {}", target.endpoint, target.address))
            .collect()
    }

    const INTERNAL: EndpointKind = EndpointKind::Internal;

    #[test]
    fn an_instance_tries_the_others_and_not_itself() {
        let web = |n| {
            instance("Web", n, &[("In", EndpointKind::Input, Protocol::Http), ("A", INTERNAL, Protocol::Tcp)])
        };
        let worker =
            |n| instance("Worker", n, &[("B", INTERNAL, Protocol::Tcp), ("C", INTERNAL, Protocol::Any)]);
        let roles = [
            RoleInfo { name: "Web".to_owned(), instances: vec![web(0), web(1)] },
            RoleInfo { name: "Worker".to_owned(), instances: vec![worker(2), worker(3)] },
        ];
        assert_eq!(names(&web(0), &roles), ["A 10.0.0.1:20000", "B 10.0.0.2:20000", "C 10.0.0.2:20000"]);
        assert_eq!(names(&worker(2), &roles), ["A 10.0.0.0:20000", "B 10.0.0.3:20000", "C 10.0.0.3:20000"]);
    }

    #[test]
    fn a_role_without_another_instance_is_left_out() {
        let alone = instance("Alone", 0, &[("A", INTERNAL, Protocol::Tcp)]);
        let roles = [RoleInfo { name: "Alone".to_owned(), instances: vec![alone.clone()] }];
        assert!(names(&alone, &roles).is_empty());
    }

    #[test]
    fn datagrams_cannot_be_connected_to() {
        let asking = instance("Web", 0, &[]);
        let roles = [RoleInfo {
            name: "Log".to_owned(),
            instances: vec![instance("Log", 1, &[("U", INTERNAL, Protocol::Udp)])],
        }];
        assert!(names(&asking, &roles).is_empty());
    }
}
