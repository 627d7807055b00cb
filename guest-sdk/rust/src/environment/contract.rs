//! The answers of the fabric, and its types in ours.

use super::{Endpoint, EndpointKind, LocalResource, Protocol, RoleInfo, RoleInstance};
use crate::bindings::wasm_roles::role::types as wit;

/// What the fabric says. The double for tests has the same functions.
#[cfg(target_family = "wasm")]
pub(super) mod answers {
    use super::{LocalResource, RoleInfo, RoleInstance, wit};
    use crate::bindings::wasm_roles::role::environment;

    pub(in super::super) const fn is_available() -> bool {
        true
    }

    pub(in super::super) fn deployment_id() -> String {
        environment::deployment_id()
    }

    pub(in super::super) fn is_emulated() -> bool {
        environment::is_emulated()
    }

    pub(in super::super) fn current_instance() -> RoleInstance {
        environment::current_instance().into()
    }

    pub(in super::super) fn roles() -> Vec<RoleInfo> {
        environment::roles().into_iter().map(RoleInfo::from).collect()
    }

    pub(in super::super) fn setting(name: &str) -> Option<String> {
        known(environment::configuration_setting_value(name))
    }

    pub(in super::super) fn local_resource(name: &str) -> Option<LocalResource> {
        known(environment::local_resource(name)).map(LocalResource::from)
    }

    pub(in super::super) fn request_recycle() {
        environment::request_recycle();
    }

    fn known<T>(answer: Result<T, wit::LookupError>) -> Option<T> {
        // There is one error, and the caller knows what it asked for.
        answer.map_err(|wit::LookupError::UnknownName| ()).ok()
    }
}

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
