//! The configuration file: instance counts, values of settings, certificates and the network (facts: section 6).

mod network;
mod role;

pub(crate) use network::WrittenNetwork;
pub(crate) use role::{ConfiguredRole, ConfiguredSetting};

use crate::diagnostic::{Code, Report};
use crate::fields::{self, Located};
use crate::xml::{self, CONFIGURATION_NAMESPACE, Element, Namespace};
use crate::{GuestSettings, Source, definition, vocabulary};

/// What the configuration file says.
pub(crate) struct WrittenConfiguration {
    /// `None`: reported.
    pub(crate) service_name: Option<Located<String>>,
    pub(crate) roles: Vec<ConfiguredRole>,
    pub(crate) network: WrittenNetwork,
    pub(crate) guest: GuestSettings,
    /// The file's name, for sentences.
    pub(crate) file_name: String,
    /// Whether it should say everything. One that overlays made says only what they changed; the rest is as without
    /// a configuration.
    pub(crate) is_whole: bool,
}

/// The tree of a configuration. `None`: the file is no configuration at all, which was reported.
pub(crate) fn tree(source: &Source, report: &mut Report) -> Option<Element> {
    let root = xml::parse(source, report)?;
    let rule = &vocabulary::SERVICE_CONFIGURATION;
    if root.name != rule.name || root.namespace != Namespace::Configuration {
        report.push(definition::wrong_root(&root, rule.name, CONFIGURATION_NAMESPACE));
        return None;
    }
    Some(root)
}

/// Reads the root of a configuration. `source` is its file; without one, overlays made it.
pub(crate) fn read(root: &Element, source: Option<&Source>, report: &mut Report) -> WrittenConfiguration {
    vocabulary::check(root, &vocabulary::SERVICE_CONFIGURATION, report);
    let order: &[&[&str]] = &[&["Role"], &["NetworkConfiguration"], &["GuestAgentSettings"]];
    definition::note_order(root, order, "the schema wants roles, then the network, then the agent", report);
    let service_name = fields::text(root, "serviceName", report);
    let roles: Vec<_> = root.children("Role").filter_map(|role| role::read(role, report)).collect();
    let names = roles.iter().map(|role| (role.name.value.as_str(), &role.name.span));
    fields::reject_duplicates(names, Code::DuplicateRole, "role", report);
    WrittenConfiguration {
        service_name,
        roles,
        network: network::read(root, report),
        guest: guest(root, report),
        file_name: source.map(|source| source.file_name().into_owned()).unwrap_or_default(),
        is_whole: source.is_some(),
    }
}

fn guest(root: &Element, report: &mut Report) -> GuestSettings {
    let mut guest = GuestSettings::default();
    if let Some(family) = root.attribute("osFamily") {
        guest.os_family.clone_from(&family.value);
    }
    if let Some(version) = root.attribute("osVersion") {
        guest.os_version.clone_from(&version.value);
    }
    for agent in root.children("GuestAgentSettings") {
        let mut read = |name, value: &mut bool| {
            let written = agent.attribute(name).and_then(|written| fields::boolean(written, report));
            *value = written.unwrap_or(*value);
        };
        read("cleanupFirewallOnRoleRestart", &mut guest.cleanup_firewall_on_role_restart);
        read("allowRoleProcessLocalDumps", &mut guest.allow_role_process_local_dumps);
    }
    guest
}
