//! The modules of the platform that are known here, and what each adds to the roles that import it
//! (facts: section 2.9; compiled service models in public projects for the names that it leaves out).

/// What the names of a known module's things start with, before the module's own namespace.
pub(crate) const NAMESPACE: &str = "Microsoft.WindowsAzure.Plugins.";

/// A module.
pub(crate) struct Module {
    /// What `Import/@moduleName` calls it.
    pub(crate) name: &'static str,
    /// What its names start with, between [`NAMESPACE`] and a dot.
    pub(crate) namespace: &'static str,
    pub(crate) settings: &'static [ModuleSetting],
    /// They go into the store `My` of the machine.
    pub(crate) certificates: &'static [&'static str],
    pub(crate) endpoints: &'static [ModuleEndpoint],
    /// Name and size in MiB; a recycle keeps them.
    pub(crate) local_stores: &'static [(&'static str, u32)],
}

/// A setting of a module.
pub(crate) enum ModuleSetting {
    /// Every version of the module has it, so a configuration gives it a value.
    Always(&'static str),
    /// Some versions of the module have it.
    Sometimes(&'static str),
}

impl ModuleSetting {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            ModuleSetting::Always(name) | ModuleSetting::Sometimes(name) => name,
        }
    }
}

/// An endpoint of a module; all speak TCP.
pub(crate) enum ModuleEndpoint {
    /// Public; `local_port` 0 is any free one.
    Input { name: &'static str, port: u16, local_port: u16, in_every_state: bool },
    /// Public, one port for each instance.
    InstanceInput { name: &'static str, local_port: u16, public_ports: (u16, u16) },
    /// `port` 0 is any free one.
    Internal { name: &'static str, port: u16 },
}

impl ModuleEndpoint {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            ModuleEndpoint::Input { name, .. }
            | ModuleEndpoint::InstanceInput { name, .. }
            | ModuleEndpoint::Internal { name, .. } => name,
        }
    }
}

/// The module of this name; ASCII case does not count, since modules were folders of a Windows machine.
pub(crate) fn find(name: &str) -> Option<&'static Module> {
    MODULES.iter().find(|module| module.name.eq_ignore_ascii_case(name))
}

/// All names, for "did you mean".
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|module| module.name)
}

use ModuleSetting::{Always, Sometimes};

/// A module with nothing in it.
const fn module(name: &'static str) -> Module {
    Module { name, namespace: name, settings: &[], certificates: &[], endpoints: &[], local_stores: &[] }
}

pub(crate) static MODULES: &[Module] = &[
    Module { settings: &[Always("ConnectionString")], ..module("Diagnostics") },
    Module {
        settings: &[
            Always("Enabled"),
            Always("AccountUsername"),
            Always("AccountEncryptedPassword"),
            Always("AccountExpiration"),
        ],
        certificates: &["PasswordEncryption"],
        endpoints: &[ModuleEndpoint::Internal { name: "Rdp", port: 3389 }],
        ..module("RemoteAccess")
    },
    Module {
        settings: &[Always("Enabled")],
        endpoints: &[ModuleEndpoint::Input {
            name: "RdpInput",
            port: 3389,
            local_port: 0,
            in_every_state: true,
        }],
        ..module("RemoteForwarder")
    },
    Module {
        settings: &[
            Always("ActivationToken"),
            Sometimes("Refresh"),
            Sometimes("WaitForConnectivity"),
            Sometimes("Upgrade"),
            Sometimes("EnableDomainJoin"),
            Sometimes("DomainFQDN"),
            Sometimes("DomainControllerFQDN"),
            Sometimes("DomainAccountName"),
            Sometimes("DomainPassword"),
            Sometimes("DomainOU"),
            Sometimes("Administrators"),
            Sometimes("DomainSiteName"),
        ],
        ..module("Connect")
    },
    Module {
        namespace: "RemoteDebugger",
        settings: &[
            Always("Connector.Enabled"),
            Sometimes("Connector.Version"),
            Sometimes("ClientThumbprint"),
            Sometimes("ServerThumbprint"),
            Sometimes("CertificateThumbprint"),
        ],
        certificates: &["TransportValidation"],
        endpoints: &[
            ModuleEndpoint::InstanceInput {
                name: "Connector",
                local_port: 30398,
                public_ports: (30400, 30424),
            },
            ModuleEndpoint::InstanceInput {
                name: "Forwarder",
                local_port: 31398,
                public_ports: (31400, 31424),
            },
        ],
        ..module("RemoteDebuggerConnector")
    },
    Module {
        endpoints: &[ModuleEndpoint::Input {
            name: "InputEndpoint",
            port: 8172,
            local_port: 8172,
            in_every_state: false,
        }],
        ..module("WebDeploy")
    },
    Module {
        settings: &[
            Always("NamedCaches"),
            Always("CacheSizePercentage"),
            Always("ConfigStoreConnectionString"),
            Sometimes("DiagnosticLevel"),
            Sometimes("Loglevel"),
            Sometimes("ClientDiagnosticLevel"),
        ],
        endpoints: &[
            ModuleEndpoint::Internal { name: "cacheArbitrationPort", port: 0 },
            ModuleEndpoint::Internal { name: "cacheClusterPort", port: 0 },
            ModuleEndpoint::Internal { name: "cacheReplicationPort", port: 0 },
            ModuleEndpoint::Internal { name: "cacheServicePortInternal", port: 0 },
            ModuleEndpoint::Internal { name: "cacheSocketPort", port: 0 },
        ],
        local_stores: &[("FileStore", 1000)],
        ..module("Caching")
    },
    // What it adds is in no file that we know; its settings are taken from the configuration.
    module("WindowsFabric"),
];
