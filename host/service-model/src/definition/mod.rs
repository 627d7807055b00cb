//! The definition file: elements to typed values. Names are checked for their form here, and looked up later.

mod certificates;
mod command_line;
mod contents;
mod endpoints;
mod entry_point;
mod environment;
mod imports;
pub(crate) mod modules;
mod order;
mod probes;
mod role;
mod rules;
mod sites;
mod startup;

use std::num::NonZeroU32;

pub(crate) use certificates::WrittenCertificate;
#[cfg(test)]
pub(crate) use command_line::split as split_command_line;
pub(crate) use endpoints::WrittenEndpoint;
pub(crate) use order::note as note_order;
pub(crate) use role::WrittenRole;
pub(crate) use rules::{WrittenRule, WrittenSources};
pub(crate) use sites::WrittenBinding;

use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::{self, Located};
use crate::xml::{self, DEFINITION_NAMESPACE, Element, Namespace};
use crate::{LoadBalancerProbe, RoleKind, ServiceName, Source, Span, TopologyChangeDiscovery, vocabulary};

/// The default and the documented limit of upgrade domains (facts: sections 1 and 8.1): 1 + 4, and 20.
pub(crate) const UPGRADE_DOMAINS: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);
const MOST_UPGRADE_DOMAINS: u32 = 20;

/// What the definition file says.
pub(crate) struct WrittenDefinition {
    /// `None`: reported.
    pub(crate) name: Option<Located<ServiceName>>,
    pub(crate) upgrade_domain_count: NonZeroU32,
    pub(crate) topology_change_discovery: TopologyChangeDiscovery,
    pub(crate) roles: Vec<WrittenRole>,
    /// A role is missing from `roles` since its name is wrong: a name that nobody has may be its.
    pub(crate) has_nameless_role: bool,
    pub(crate) rules: Vec<WrittenRule>,
    pub(crate) probes: Vec<LoadBalancerProbe>,
    /// A probe is missing from `probes` since something about it is wrong.
    pub(crate) has_wrong_probe: bool,
    /// The root element.
    pub(crate) span: Span,
}

/// The tree of a definition. `None`: the file is no definition at all, which was reported.
pub(crate) fn tree(source: &Source, report: &mut Report) -> Option<Element> {
    let root = xml::parse(source, report)?;
    let rule = &vocabulary::SERVICE_DEFINITION;
    if root.name == "RoleModule" && root.namespace == Namespace::Definition {
        report.push(role_module(&root));
        return None;
    }
    if root.name != rule.name || root.namespace != Namespace::Definition {
        report.push(wrong_root(&root, rule.name, DEFINITION_NAMESPACE));
        return None;
    }
    Some(root)
}

/// Reads the root of a definition.
pub(crate) fn read(root: &Element, report: &mut Report) -> WrittenDefinition {
    vocabulary::check(root, &vocabulary::SERVICE_DEFINITION, report);
    let order: &[&[&str]] = &[
        &["LoadBalancerProbes"],
        &["WebRole", "WorkerRole", "VirtualMachineRole"],
        &["NetworkTrafficRules"],
    ];
    order::note(root, order, "the schema wants probes, then roles, then traffic rules", report);

    let (probes, has_wrong_probe) = probes::read(root, report);
    let mut definition = WrittenDefinition {
        name: fields::name(root, "name", ServiceName::new, report),
        upgrade_domain_count: upgrade_domain_count(root, report),
        topology_change_discovery: topology_change_discovery(root, report),
        roles: Vec::new(),
        has_nameless_role: false,
        rules: rules::read(root, report),
        probes,
        has_wrong_probe,
        span: root.span.clone(),
    };
    for element in root.own_children() {
        let kind = match element.name.as_str() {
            "WebRole" => RoleKind::Web,
            "WorkerRole" => RoleKind::Worker,
            // What is in it is checked as in the kind of role that replaces it.
            "VirtualMachineRole" => {
                refuse_virtual_machine(element, report);
                RoleKind::Worker
            }
            _ => continue,
        };
        match role::read(element, kind, report) {
            Some(role) => definition.roles.push(role),
            None => definition.has_nameless_role = true,
        }
    }
    definition
}

/// A module adds settings, endpoints and tasks to the roles that import it, and is no service.
fn role_module(root: &Element) -> Diagnostic {
    let message = "the file is a module for roles, not a service";
    Diagnostic::at(Code::WrongRoot, &root.span, message)
        .label("has no life outside the roles that import it")
        .help("write its endpoints, settings and tasks into the roles of a service definition")
}

/// The file starts with something else than its kind does.
pub(crate) fn wrong_root(root: &Element, expected: &str, namespace: &str) -> Diagnostic {
    let message = if root.name == expected {
        format!("`{expected}` has not the namespace of the Azure schemas")
    } else {
        format!("the file starts with `{}` and not with `{expected}`", root.name)
    };
    Diagnostic::at(Code::WrongRoot, &root.span, message)
        .label("expected another element")
        .help(format!("it starts `<{expected} xmlns=\"{namespace}\" …>`"))
}

fn upgrade_domain_count(root: &Element, report: &mut Report) -> NonZeroU32 {
    let Some(attribute) = root.attribute("upgradeDomainCount") else { return UPGRADE_DOMAINS };
    let Some(count) = fields::number(attribute, NonZeroU32::MIN..=NonZeroU32::MAX, report) else {
        return UPGRADE_DOMAINS;
    };
    if count.get() > MOST_UPGRADE_DOMAINS {
        let message = format!("{count} upgrade domains are too many");
        let error = Diagnostic::at(Code::LimitExceeded, &attribute.value_span, message);
        report.push(error.label(format!("at most {MOST_UPGRADE_DOMAINS}")));
    }
    count
}

fn topology_change_discovery(root: &Element, report: &mut Report) -> TopologyChangeDiscovery {
    let words = [
        ("UpgradeDomainWalk", TopologyChangeDiscovery::UpgradeDomainWalk),
        ("Blast", TopologyChangeDiscovery::Blast),
    ];
    let attribute = root.attribute("topologyChangeDiscovery");
    let chosen = attribute.and_then(|attribute| fields::word(attribute, &words, report));
    chosen.unwrap_or_default()
}

fn refuse_virtual_machine(element: &Element, report: &mut Report) {
    let message = "a `VirtualMachineRole` cannot run here";
    let error = Diagnostic::at(Code::VirtualMachineRole, &element.span, message)
        .label("needs the disk image of a whole machine")
        .help("declare a `WorkerRole` and give it the program that the machine ran, built as a component");
    report.push(error);
}
