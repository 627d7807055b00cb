//! Modules that a role imports (facts: section 2.9): what they are, and what they add to the role.

use std::collections::HashSet;

use super::WrittenEndpoint;
use super::certificates::WrittenCertificate;
use super::modules::{self, Module, ModuleEndpoint, ModuleSetting};
use super::role::WrittenRole;
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::{self, Located};
use crate::nearest::nearest;
use crate::xml::Element;
use crate::{
    CertificateName, CertificateStoreName, Distribution, EndpointKind, EndpointName, Import, InputEndpoint,
    InputProtocol, InstanceInputEndpoint, InternalEndpoint, InternalPorts, InternalProtocol, LocalPort,
    LocalResource, LocalResourceName, ModuleName, PermissionLevel, Port, PortRange, SettingName, Span,
    StoreLocation, Transport,
};

/// What a role imports.
#[derive(Default)]
pub(crate) struct WrittenImports {
    pub(crate) imports: Vec<WrittenImport>,
    /// The known ones among them.
    known: Vec<&'static Module>,
    /// The names of the others.
    unknown: HashSet<String>,
}

/// An imported module.
pub(crate) struct WrittenImport {
    pub(crate) import: Import,
    /// What it adds; `None`: nobody knows.
    pub(crate) module: Option<&'static Module>,
}

/// A setting of an imported module.
pub(crate) struct ImportedSetting {
    pub(crate) name: SettingName,
    /// The configuration must give it a value.
    pub(crate) is_required: bool,
    /// Position of the module in [`WrittenImports::imports`].
    pub(crate) import: usize,
}

impl WrittenImports {
    /// Whether an imported module gives a thing of its own this name, as far as anybody knows: it starts with the
    /// namespace of a known module, or the name of an unknown module is one of its parts.
    pub(crate) fn explain(&self, name: &str) -> bool {
        let Some((before_last, _)) = name.rsplit_once('.') else { return false };
        let namespace = name.strip_prefix(modules::NAMESPACE).and_then(|rest| rest.split('.').next());
        self.known.iter().any(|module| Some(module.namespace) == namespace)
            || self.unknown.contains(before_last)
            || before_last.split('.').any(|part| self.unknown.contains(part))
    }
}

/// Reads the imports of a role. A module that is imported twice is there once.
pub(super) fn read(role: &Element, report: &mut Report) -> WrittenImports {
    let mut found = WrittenImports::default();
    let mut seen = HashSet::new();
    for element in role.items("Imports", "Import") {
        let Some(name) = fields::name(element, "moduleName", ModuleName::new, report) else { continue };
        let module = modules::find(name.value.as_str());
        if !seen.insert(name.value.as_str().to_ascii_lowercase()) {
            let message = format!("the module `{}` is imported twice", name.value);
            report.push(Diagnostic::at(Code::RepeatedElement, &name.span, message).label("once is enough"));
            continue;
        }
        let usual = module.and_then(|module| ModuleName::new(module.name).ok());
        match module {
            Some(module) => {
                explain_known(module, &name, element, report);
                found.known.push(module);
            }
            None => {
                warn_unknown(&name, report);
                found.unknown.insert(name.value.as_str().to_owned());
            }
        }
        let import = Import { module: usual.unwrap_or(name.value), span: element.span.clone() };
        found.imports.push(WrittenImport { import, module });
    }
    found
}

fn explain_known(module: &Module, name: &Located<ModuleName>, element: &Element, report: &mut Report) {
    if let Some(attribute) = element.attribute("moduleName")
        && module.name != name.value.as_str()
    {
        fields::other_spelling(attribute, module.name, report);
    }
    let message = format!("the programs of module `{}` are not run in this version", module.name);
    let warning = Diagnostic::at(Code::NoEffect, &element.span, message);
    report.push(warning.label("understood, its settings, certificates and endpoints belong to the role"));
}

fn warn_unknown(name: &Located<ModuleName>, report: &mut Report) {
    let message = format!("nobody knows here what the module `{}` adds", name.value);
    let warning = Diagnostic::at(Code::UnknownModule, &name.span, message);
    let warning = warning.label("its settings are taken from the configuration");
    report.push(match nearest(name.value.as_str(), modules::names()) {
        Some(nearest) => warning.did_you_mean(Some(nearest)),
        None => warning.help("write its endpoints, certificates and tasks into the role"),
    });
}

/// Puts what the known modules add beside what the role declares. Where the role declares a thing of the same name
/// itself, as expanded definitions do, that one stays.
pub(super) fn add_to(role: &mut WrittenRole) {
    let modules: Vec<(usize, &Module, Span)> = role
        .imports
        .imports
        .iter()
        .enumerate()
        .filter_map(|(position, import)| Some((position, import.module?, import.import.span.clone())))
        .collect();
    for (position, module, span) in modules {
        let full = |name: &str| format!("{}{}.{name}", modules::NAMESPACE, module.namespace);
        for setting in module.settings {
            add_setting(role, &full(setting.name()), setting, position);
        }
        for certificate in module.certificates {
            add_certificate(role, &full(certificate), position, &span);
        }
        for endpoint in module.endpoints {
            add_endpoint(role, &full(endpoint.name()), endpoint, &span);
        }
        for (name, size_mb) in module.local_stores {
            add_local_store(role, &full(name), *size_mb);
        }
    }
}

fn add_setting(role: &mut WrittenRole, name: &str, setting: &ModuleSetting, import: usize) {
    if role.settings.iter().any(|declared| declared.value.as_str() == name) {
        return;
    }
    let is_required = matches!(setting, ModuleSetting::Always(_));
    let name = SettingName::new(name);
    role.imported_settings.extend(name.map(|name| ImportedSetting { name, is_required, import }));
}

fn add_certificate(role: &mut WrittenRole, name: &str, import: usize, span: &Span) {
    if role.certificates.iter().any(|declared| declared.name.value.as_str() == name) {
        return;
    }
    let Ok(name) = CertificateName::new(name) else { return };
    let store = CertificateStoreName::new("My").ok().map(|store| (StoreLocation::LocalMachine, store));
    role.certificates.push(WrittenCertificate {
        name: Located { value: name, span: span.clone() },
        store,
        permission_level: PermissionLevel::default(),
        import: Some(import),
        span: span.clone(),
    });
}

fn add_endpoint(role: &mut WrittenRole, name: &str, endpoint: &ModuleEndpoint, span: &Span) {
    if role.endpoints.iter().any(|declared| declared.name.value.as_str() == name) {
        return;
    }
    let (Ok(name), Some(kind)) = (EndpointName::new(name), endpoint_kind(endpoint)) else { return };
    role.endpoints.push(WrittenEndpoint {
        name: Located { value: name, span: span.clone() },
        public_port_span: (!matches!(kind, EndpointKind::Internal(_))).then(|| span.clone()),
        kind: Some(kind),
        certificate: None,
        load_balancer: None,
        probe: None,
        span: span.clone(),
    });
}

fn endpoint_kind(endpoint: &ModuleEndpoint) -> Option<EndpointKind> {
    Some(match *endpoint {
        ModuleEndpoint::Input { port, local_port, in_every_state, .. } => {
            EndpointKind::Input(InputEndpoint {
                protocol: InputProtocol::Tcp,
                port: Port::new(port)?,
                local_port: Port::new(local_port).map_or(LocalPort::Dynamic, LocalPort::Fixed),
                certificate: None,
                probe: None,
                idle_timeout_minutes: None,
                distribution: Distribution::default(),
                ignore_role_instance_status: in_every_state,
                load_balancer: None,
            })
        }
        ModuleEndpoint::InstanceInput { local_port, public_ports: (min, max), .. } => {
            EndpointKind::InstanceInput(InstanceInputEndpoint {
                transport: Transport::Tcp,
                local_port: Port::new(local_port)?,
                public_ports: PortRange::new(Port::new(min)?, Port::new(max)?)?,
                idle_timeout_minutes: None,
            })
        }
        ModuleEndpoint::Internal { port, .. } => EndpointKind::Internal(InternalEndpoint {
            protocol: InternalProtocol::Tcp,
            ports: Port::new(port)
                .map_or(InternalPorts::Unnamed, |port| InternalPorts::Fixed(vec![PortRange::single(port)])),
        }),
    })
}

fn add_local_store(role: &mut WrittenRole, name: &str, size_mb: u32) {
    if role.local_resources.iter().any(|declared| declared.name.as_str() == name) {
        return;
    }
    let name = LocalResourceName::new(name).ok();
    let store = |name| LocalResource { name, size_mb, clean_on_recycle: false };
    role.local_resources.extend(name.map(store));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::modules::MODULES;

    #[test]
    fn every_name_and_port_in_the_table_is_one() {
        for module in MODULES {
            assert!(ModuleName::new(module.name).is_ok());
            for setting in module.settings {
                assert!(SettingName::declared(setting.name()).is_ok());
            }
            assert!(module.certificates.iter().all(|name| CertificateName::new(name).is_ok()));
            for endpoint in module.endpoints {
                assert!(endpoint_kind(endpoint).is_some(), "{}", endpoint.name());
            }
        }
    }

    #[test]
    fn a_name_below_an_imported_module_is_explained() {
        let imports = WrittenImports {
            imports: Vec::new(),
            known: vec![modules::find("RemoteDebuggerConnector").unwrap()],
            unknown: HashSet::from(["Elastic".to_owned()]),
        };
        assert!(imports.explain("Microsoft.WindowsAzure.Plugins.RemoteDebugger.Connector.Enabled"));
        assert!(imports.explain("Elastic.Size"));
        assert!(imports.explain("Contoso.Elastic.Size"));
        for name in
            ["Elastic", "Microsoft.WindowsAzure.Plugins.RemoteAccess.Enabled", "Contoso.Elastics.Size"]
        {
            assert!(!imports.explain(name), "{name}");
        }
    }
}
