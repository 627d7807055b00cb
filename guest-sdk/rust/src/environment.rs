//! What a role can ask about itself and its deployment.
//!
//! In a component the fabric answers; in a role's unit tests on the developer's machine, the test double does
//! ([`testing`](crate::testing)).

mod contract;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

#[cfg(not(target_family = "wasm"))]
use crate::testing::answers;
#[cfg(target_family = "wasm")]
use contract::answers;

/// The role's view of its surroundings. Every function is cheap and answers at once.
#[derive(Debug)]
pub enum RoleEnvironment {}

impl RoleEnvironment {
    /// Whether there is anybody to answer: true in a component, and in a test with a [double](crate::testing). Elsewhere the
    /// other functions panic.
    #[must_use]
    pub fn is_available() -> bool {
        answers::is_available()
    }

    /// The id of the deployment: 32 hexadecimal digits, another for each deployment.
    #[must_use]
    pub fn deployment_id() -> String {
        answers::deployment_id()
    }

    /// Whether the service runs in a test bed on a developer's machine.
    #[must_use]
    pub fn is_emulated() -> bool {
        answers::is_emulated()
    }

    /// The instance that asks.
    #[must_use]
    pub fn current_instance() -> RoleInstance {
        answers::current_instance()
    }

    /// All roles of the deployment in the order of the service definition, each with the instances that the asker may
    /// see: all of them if the role has an internal endpoint, otherwise none but the asker itself.
    #[must_use]
    pub fn roles() -> Vec<RoleInfo> {
        answers::roles()
    }

    /// The role of this name, if the service definition has one.
    #[must_use]
    pub fn role(name: &str) -> Option<RoleInfo> {
        Self::roles().into_iter().find(|role| role.name == name)
    }

    /// The value of a setting, as the service configuration has it now.
    ///
    /// # Errors
    ///
    /// [`UnknownName`] if the service definition declares no such setting for this role.
    pub fn setting(name: &str) -> Result<String, UnknownName> {
        answers::setting(name).ok_or_else(|| UnknownName::new("setting", name))
    }

    /// A local storage directory of this instance.
    ///
    /// # Errors
    ///
    /// [`UnknownName`] if the service definition declares no such local storage for this role.
    pub fn local_resource(name: &str) -> Result<LocalResource, UnknownName> {
        answers::local_resource(name).ok_or_else(|| UnknownName::new("local storage", name))
    }

    /// Asks to be stopped and started again. Returns at once; the instance leaves the rotation, then `stopping` and
    /// `on_stop` are called as for every stop.
    pub fn request_recycle() {
        answers::request_recycle();
    }
}

/// A role, as the asking instance may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleInfo {
    /// The name in the service definition.
    pub name: String,
    /// The instances that the asker may see, by index.
    pub instances: Vec<RoleInstance>,
}

/// One running copy of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleInstance {
    /// `<role>_IN_<n>`, n counted from 0; unique within the deployment.
    pub id: String,
    /// The name of its role.
    pub role: String,
    /// The fault domain, counted from 0.
    pub fault_domain: u32,
    /// The upgrade domain, counted from 0.
    pub update_domain: u32,
    /// Its endpoints, in the order of the service definition.
    pub endpoints: Vec<Endpoint>,
}

impl RoleInstance {
    /// The endpoint of this name.
    ///
    /// # Errors
    ///
    /// [`UnknownName`] if the role has no such endpoint.
    pub fn endpoint(&self, name: &str) -> Result<&Endpoint, UnknownName> {
        self.endpoints
            .iter()
            .find(|endpoint| endpoint.name == name)
            .ok_or_else(|| UnknownName::new("endpoint", name))
    }

    /// The endpoints for traffic between the instances of the deployment.
    pub fn internal_endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.iter().filter(|endpoint| endpoint.kind == EndpointKind::Internal)
    }
}

/// One endpoint of one role instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The name in the service definition, unique within the role.
    pub name: String,
    /// Who can reach it.
    pub kind: EndpointKind,
    /// Its protocol.
    pub protocol: Protocol,
    /// The instance's own address.
    pub address: IpAddr,
    /// The port to listen on; the first one if the endpoint is a range; 0 for an endpoint of protocol `any` without a port.
    pub port: u16,
    /// The last port, if the endpoint is a range of ports.
    pub last_port: Option<u16>,
    /// The port seen from outside; none for an internal endpoint.
    pub public_port: Option<u16>,
}

impl Endpoint {
    /// Where the instance listens, and where others connect to.
    #[must_use]
    pub const fn socket_address(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

/// Who can reach an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointKind {
    /// The public, balanced over the ready instances of the role.
    Input,
    /// The public, one port for each instance.
    InstanceInput,
    /// The instances of the deployment, as the traffic rules allow.
    Internal,
}

/// The protocol that the service definition names for an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP without TLS, over TCP.
    Http,
    /// HTTP with TLS, over TCP.
    Https,
    /// A TCP stream.
    Tcp,
    /// UDP datagrams.
    Udp,
    /// Every protocol and every port, between the roles of one deployment.
    Any,
}

/// A directory of the instance's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalResource {
    /// The name in the service definition.
    pub name: String,
    /// The directory, for use with `std::fs`.
    pub path: PathBuf,
    /// Its size, in units of 1,048,576 bytes.
    pub size_in_megabytes: u64,
}

/// The service definition has nothing of this name for this role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    what: &'static str,
    name: String,
}

impl UnknownName {
    fn new(what: &'static str, name: &str) -> Self {
        Self { what, name: name.to_owned() }
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the service definition has no {} named `{}` for this role", self.what, self.name)
    }
}

impl std::error::Error for UnknownName {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::wasm_roles::role::types as wit;

    fn instance() -> RoleInstance {
        let endpoint = |name: &str, kind, port| wit::Endpoint {
            name: name.to_owned(),
            kind,
            protocol: wit::Protocol::Tcp,
            address: "10.0.0.4".to_owned(),
            port,
            port_max: None,
            public_port: None,
        };
        wit::RoleInstance {
            id: "Shop_IN_0".to_owned(),
            role: "Shop".to_owned(),
            fault_domain: 0,
            update_domain: 0,
            endpoints: vec![
                endpoint("Public", wit::EndpointKind::Input, 80),
                endpoint("Orders", wit::EndpointKind::Internal, 20000),
            ],
        }
        .into()
    }

    #[test]
    fn an_endpoint_is_found_by_its_name() {
        let address = instance().endpoint("Orders").unwrap().socket_address();
        assert_eq!(address, "10.0.0.4:20000".parse().unwrap());
    }

    #[test]
    fn an_endpoint_that_is_not_there_is_an_error_that_names_it() {
        let error = instance().endpoint("Order").unwrap_err();
        assert_eq!(error.to_string(), "the service definition has no endpoint named `Order` for this role");
    }

    #[test]
    fn input_endpoints_are_not_internal() {
        let instance = instance();
        let names: Vec<_> = instance.internal_endpoints().map(|endpoint| endpoint.name.as_str()).collect();
        assert_eq!(names, ["Orders"]);
    }
}
