//! Roles and what belongs to one role alone.

use std::collections::BTreeMap;

use super::{
    Certificate, Content, Endpoint, EndpointId, EndpointKind, EnvironmentVariable, Import, LocalResourceName,
    RoleId, RoleName, SettingName, Site, StartupTask, VmNamePrefix, VmSize,
};
use crate::Span;

/// What a role is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoleKind {
    /// `WebRole`: answers HTTP on at least one input endpoint.
    Web,
    /// `WorkerRole`: runs a program.
    Worker,
}

/// A role: one program, some instances of it, and what they may use.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Role {
    /// Unique in the service without regard to ASCII case.
    pub name: RoleName,
    /// Web or worker.
    pub kind: RoleKind,
    /// The machine size, which becomes the limits of each instance. Default: Small.
    pub vm_size: VmSize,
    /// Instances to run; 0 keeps the role with nothing running. Without a configuration: 1.
    pub instance_count: u32,
    /// Every declared setting with its value, and what the configuration sets beyond them.
    pub settings: BTreeMap<SettingName, String>,
    /// Local stores in the order of the definition.
    pub local_resources: Vec<LocalResource>,
    /// Endpoints of all kinds in the order of the definition.
    pub endpoints: Vec<Endpoint>,
    /// What an instance runs.
    pub entry_point: EntryPoint,
    /// What runs before, in the order of the definition.
    pub startup_tasks: Vec<StartupTask>,
    /// `Runtime/Environment`: the variables of the role's program, in the order of the definition.
    pub environment: Vec<EnvironmentVariable>,
    /// What is copied into the role's folder, in the order of the definition.
    pub contents: Vec<Content>,
    /// Web sites; empty for worker roles and for web roles of the oldest form.
    pub sites: Vec<Site>,
    /// Certificates in the order of the definition, then those of modules.
    pub certificates: Vec<Certificate>,
    /// Modules in the order of the definition, each once. What they add stands among the settings, endpoints,
    /// certificates and local stores, after what the role declares.
    pub imports: Vec<Import>,
    /// What the names of its machines start with; `None`: the configuration does not say.
    pub vm_name: Option<VmNamePrefix>,
    /// Where the definition declares the role.
    pub span: Span,
}

impl Role {
    /// The endpoints with the ids that rules and bindings use for them. `id` is this role's own.
    pub fn endpoints_with_ids(&self, id: RoleId) -> impl Iterator<Item = (EndpointId, &Endpoint)> {
        let with_id = move |(position, endpoint)| (EndpointId { role: id, position }, endpoint);
        self.endpoints.iter().enumerate().map(with_id)
    }

    /// Whether other instances see this role's instances: it has an internal endpoint
    /// (facts: communication document, "Using the SDK to access an endpoint").
    pub fn is_discoverable(&self) -> bool {
        self.endpoints.iter().any(|endpoint| matches!(endpoint.kind, EndpointKind::Internal(_)))
    }
}

/// A local store: a directory of the instance with a size limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalResource {
    /// Unique in its role.
    pub name: LocalResourceName,
    /// Size limit in MiB, at least 1. Default 100, as the documentation has it (the schema says 1000).
    pub size_mb: u32,
    /// Whether a recycle empties it. Default: true.
    pub clean_on_recycle: bool,
}

/// What an instance of a role runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum EntryPoint {
    /// The role says nothing: the component is called like the role.
    #[default]
    Default,
    /// `NetFxEntryPoint`: an assembly of the old platform, which stands for the component of the same stem.
    Assembly {
        /// `assemblyName` as written, e.g. `MyWorker.dll`.
        name: String,
    },
    /// `ProgramEntryPoint`: a command line, split into words.
    Program {
        /// The first word: the program's file.
        command: String,
        /// The other words.
        arguments: Vec<String>,
    },
}
