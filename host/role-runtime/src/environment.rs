//! What a role can ask about itself: the host side of `wasm-roles:role/environment`.
//!
//! The answers come from an [`EnvironmentView`] that whoever starts the instance has prepared, with the
//! visibility rule already applied: what is not in the view cannot be found out.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use wasmtime::component::{HasData, Linker};

use crate::control::Control;

mod bindings {
    #![allow(missing_docs, reason = "generated from wit/role.wit, which documents every item")]
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "package wasm-roles:host; world role-host {
            import wasm-roles:role/types@0.1.0;
            import wasm-roles:role/environment@0.1.0;
        }",
        world: "wasm-roles:host/role-host",
    });
}

use bindings::wasm_roles::role::{environment, types};

/// The types of the contract.
pub(crate) mod wit {
    pub(crate) use super::types::{Change, Status, Verdict};
}

/// All that one instance can see of its deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentView {
    /// The id of the deployment.
    pub deployment_id: String,
    /// Whether the deployment runs in a test bed.
    pub emulated: bool,
    /// The instance itself.
    pub current: InstanceView,
    /// All roles in the order of the definition, with the instances that this one may see.
    pub roles: Vec<RoleView>,
    /// The settings of the instance's role.
    pub settings: BTreeMap<String, String>,
    /// The local storage of this instance.
    pub local_resources: Vec<LocalResourceView>,
}

/// A role as one instance sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleView {
    /// Its name.
    pub name: String,
    /// Its visible instances, by index. Shared, since most instances of a deployment see the same ones.
    pub instances: Arc<[InstanceView]>,
}

/// An instance as another one sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceView {
    /// Its id, such as `WebRole1_IN_0`.
    pub id: String,
    /// The name of its role.
    pub role: String,
    /// Its fault domain, counted from 0.
    pub fault_domain: u32,
    /// Its upgrade domain, counted from 0.
    pub update_domain: u32,
    /// Its endpoints in the order of the definition.
    pub endpoints: Vec<EndpointView>,
}

/// An endpoint of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointView {
    /// Its name, unique within the role.
    pub name: String,
    /// Who can reach it.
    pub kind: EndpointKind,
    /// Its protocol.
    pub protocol: Protocol,
    /// The address of the instance.
    pub address: Ipv4Addr,
    /// The port to listen on; 0 for an endpoint of protocol `any` without a port.
    pub port: u16,
    /// The last port of a range.
    pub port_max: Option<u16>,
    /// The port seen from outside.
    pub public_port: Option<u16>,
}

/// Who can reach an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointKind {
    /// Public and balanced.
    Input,
    /// Public, one port for each instance.
    InstanceInput,
    /// Between instances.
    Internal,
}

/// The protocol of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP over TCP.
    Http,
    /// HTTP over TLS.
    Https,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// All of them.
    Any,
}

/// A directory of the instance's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalResourceView {
    /// Its name.
    pub name: String,
    /// Where the guest finds it, such as `/local/cache`.
    pub root_path: String,
    /// Its size in units of 1,048,576 bytes.
    pub size_mb: u64,
}

/// The environment of one instance: what it can see, and the wire on which it asks for a recycle.
pub(crate) struct Environment {
    /// As it was when the incarnation was started; the wires have a newer one if there is one.
    pub(crate) view: Arc<EnvironmentView>,
    pub(crate) control: Arc<Control>,
}

impl Environment {
    fn view(&self) -> Arc<EnvironmentView> {
        self.control.renewed().unwrap_or_else(|| Arc::clone(&self.view))
    }
}

struct HasEnvironment;

impl HasData for HasEnvironment {
    type Data<'a> = &'a mut Environment;
}

pub(crate) fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    environment: fn(&mut T) -> &mut Environment,
) -> wasmtime::Result<()> {
    types::add_to_linker::<T, HasEnvironment>(linker, environment)?;
    environment::add_to_linker::<T, HasEnvironment>(linker, environment)
}

impl types::Host for Environment {}

impl environment::Host for Environment {
    fn deployment_id(&mut self) -> String {
        self.view().deployment_id.clone()
    }

    fn is_emulated(&mut self) -> bool {
        self.view().emulated
    }

    fn current_instance(&mut self) -> types::RoleInstance {
        (&self.view().current).into()
    }

    fn roles(&mut self) -> Vec<types::Role> {
        self.view()
            .roles
            .iter()
            .map(|role| types::Role {
                name: role.name.clone(),
                instances: role.instances.iter().map(Into::into).collect(),
            })
            .collect()
    }

    fn configuration_setting_value(&mut self, name: String) -> Result<String, types::LookupError> {
        self.view().settings.get(&name).cloned().ok_or(types::LookupError::UnknownName)
    }

    fn local_resource(&mut self, name: String) -> Result<types::LocalStorage, types::LookupError> {
        let view = self.view();
        let found = view.local_resources.iter().find(|resource| resource.name == name);
        found.map(Into::into).ok_or(types::LookupError::UnknownName)
    }

    fn request_recycle(&mut self) {
        self.control.request_recycle();
    }
}

impl From<&InstanceView> for types::RoleInstance {
    fn from(view: &InstanceView) -> Self {
        Self {
            id: view.id.clone(),
            role: view.role.clone(),
            fault_domain: view.fault_domain,
            update_domain: view.update_domain,
            endpoints: view.endpoints.iter().map(Into::into).collect(),
        }
    }
}

impl From<&EndpointView> for types::Endpoint {
    fn from(view: &EndpointView) -> Self {
        Self {
            name: view.name.clone(),
            kind: match view.kind {
                EndpointKind::Input => types::EndpointKind::Input,
                EndpointKind::InstanceInput => types::EndpointKind::InstanceInput,
                EndpointKind::Internal => types::EndpointKind::Internal,
            },
            protocol: match view.protocol {
                Protocol::Http => types::Protocol::Http,
                Protocol::Https => types::Protocol::Https,
                Protocol::Tcp => types::Protocol::Tcp,
                Protocol::Udp => types::Protocol::Udp,
                Protocol::Any => types::Protocol::Any,
            },
            address: view.address.to_string(),
            port: view.port,
            port_max: view.port_max,
            public_port: view.public_port,
        }
    }
}

impl From<&LocalResourceView> for types::LocalStorage {
    fn from(view: &LocalResourceView) -> Self {
        Self {
            name: view.name.clone(),
            root_path: view.root_path.clone(),
            maximum_size_in_megabytes: view.size_mb,
        }
    }
}
