//! What a role can ask about itself and its deployment.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::bindings::wasm_roles::role::{environment as wit_environment, types as wit};

/// The role's view of its surroundings. Every function is cheap and answers at once.
#[derive(Debug)]
pub enum RoleEnvironment {}

impl RoleEnvironment {
    /// The id of the deployment: 32 hexadecimal digits, another for each deployment.
    #[must_use]
    pub fn deployment_id() -> String {
        wit_environment::deployment_id()
    }

    /// Whether the service runs in a test bed on a developer's machine.
    #[must_use]
    pub fn is_emulated() -> bool {
        wit_environment::is_emulated()
    }

    /// The instance that asks.
    #[must_use]
    pub fn current_instance() -> RoleInstance {
        wit_environment::current_instance().into()
    }

    /// All roles of the deployment in the order of the service definition, each with the instances that the asker may
    /// see: all of them if the role has an internal endpoint, otherwise none but the asker itself.
    #[must_use]
    pub fn roles() -> Vec<RoleInfo> {
        wit_environment::roles().into_iter().map(RoleInfo::from).collect()
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
        wit_environment::configuration_setting_value(name)
            .map_err(|error| UnknownName::new("setting", name, error))
    }

    /// A local storage directory of this instance.
    ///
    /// # Errors
    ///
    /// [`UnknownName`] if the service definition declares no such local storage for this role.
    pub fn local_resource(name: &str) -> Result<LocalResource, UnknownName> {
        wit_environment::local_resource(name)
            .map(LocalResource::from)
            .map_err(|error| UnknownName::new("local storage", name, error))
    }

    /// Asks to be stopped and started again. Returns at once; the instance leaves the rotation, then `stopping` and
    /// `on_stop` are called as for every stop.
    pub fn request_recycle() {
        wit_environment::request_recycle();
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
            .ok_or_else(|| UnknownName { what: "endpoint", name: name.to_owned() })
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
    fn new(what: &'static str, name: &str, error: wit::LookupError) -> Self {
        let wit::LookupError::UnknownName = error;
        Self { what, name: name.to_owned() }
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the service definition has no {} named `{}` for this role", self.what, self.name)
    }
}

impl std::error::Error for UnknownName {}

impl From<wit::Role> for RoleInfo {
    fn from(role: wit::Role) -> Self {
        Self { name: role.name, instances: role.instances.into_iter().map(RoleInstance::from).collect() }
    }
}

impl From<wit::RoleInstance> for RoleInstance {
    fn from(instance: wit::RoleInstance) -> Self {
        Self {
            id: instance.id,
            role: instance.role,
            fault_domain: instance.fault_domain,
            update_domain: instance.update_domain,
            endpoints: instance.endpoints.into_iter().map(Endpoint::from).collect(),
        }
    }
}

impl From<wit::Endpoint> for Endpoint {
    #[expect(clippy::panic, reason = "the contract says that it is an address: the fabric would be broken")]
    fn from(endpoint: wit::Endpoint) -> Self {
        let address = endpoint.address.parse();
        Self {
            address: address
                .unwrap_or_else(|_| panic!("the fabric gave `{}` as an address", endpoint.address)),
            name: endpoint.name,
            kind: match endpoint.kind {
                wit::EndpointKind::Input => EndpointKind::Input,
                wit::EndpointKind::InstanceInput => EndpointKind::InstanceInput,
                wit::EndpointKind::Internal => EndpointKind::Internal,
            },
            protocol: match endpoint.protocol {
                wit::Protocol::Http => Protocol::Http,
                wit::Protocol::Https => Protocol::Https,
                wit::Protocol::Tcp => Protocol::Tcp,
                wit::Protocol::Udp => Protocol::Udp,
                wit::Protocol::Any => Protocol::Any,
            },
            port: endpoint.port,
            last_port: endpoint.port_max,
            public_port: endpoint.public_port,
        }
    }
}

impl From<wit::LocalStorage> for LocalResource {
    fn from(storage: wit::LocalStorage) -> Self {
        Self {
            name: storage.name,
            path: storage.root_path.into(),
            size_in_megabytes: storage.maximum_size_in_megabytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
