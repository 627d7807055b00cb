//! From what the two files say to the model: names looked up, limits applied, the files compared.
//!
//! Every check reports all that it finds. What a wrong value left out earlier is not reported a second time here.

mod certificates;
mod index;
mod instance_values;
mod limits;
mod network;
mod probes;
mod roles;
mod settings;
mod sites;
mod traffic;

use std::collections::HashSet;

use crate::configuration::WrittenConfiguration;
use crate::definition::WrittenDefinition;
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::Located;
use crate::{Role, ServiceModel, Source};
use index::Index;

/// Builds the model. When something was reported as an error, now or before, what it returns may lack parts, and
/// [`crate::load`] throws it away.
pub(crate) fn resolve(
    mut definition: WrittenDefinition,
    configuration: Option<&WrittenConfiguration>,
    definition_source: &Source,
    report: &mut Report,
) -> Option<ServiceModel> {
    if definition.roles.is_empty() && !definition.has_nameless_role {
        let error = Diagnostic::at(Code::NoRoles, &definition.span, "the definition has no role");
        report.push(error.help("a service needs at least one `<WebRole>` or `<WorkerRole>`"));
    }
    roles::check_names(&definition.roles, report);
    roles::check_public_ports(&definition.roles, report);
    limits::check(&definition, report);
    probes::resolve(&mut definition, report);
    certificates::resolve(&mut definition, report);
    for role in &definition.roles {
        instance_values::check(role, report);
    }
    let index = Index::of(&definition);
    let rules = traffic::resolve(&index, report);
    if let Some(configuration) = configuration {
        compare(&definition, configuration, definition_source, report);
    }
    let network = network::resolve(&index, configuration, report);
    let guest = configuration.map(|configuration| configuration.guest.clone()).unwrap_or_default();
    let configured = settings::apply(&definition.roles, configuration, report);

    let WrittenDefinition { name, upgrade_domain_count, topology_change_discovery, roles, probes, .. } =
        definition;
    let roles: Vec<Role> = roles
        .into_iter()
        .zip(configured)
        .enumerate()
        .map(|(position, (written, configured))| roles::resolve(position, written, configured, report))
        .collect();
    Some(ServiceModel {
        name: name?.value,
        upgrade_domain_count,
        topology_change_discovery,
        roles,
        rules,
        probes,
        network,
        guest,
    })
}

/// What must be the same in both files.
fn compare(
    definition: &WrittenDefinition,
    configuration: &WrittenConfiguration,
    definition_source: &Source,
    report: &mut Report,
) {
    if let (Some(declared), Some(configured)) = (&definition.name, &configuration.service_name)
        && declared.value.as_str() != configured.value
    {
        let message = format!("this is the configuration of `{}`", configured.value);
        let error = Diagnostic::at(Code::ServiceNameMismatch, &configured.span, message);
        let label = format!("{} defines `{}`", definition_source.file_name(), declared.value);
        report.push(error.label(label));
    }
    let known: HashSet<&str> = definition.roles.iter().map(|role| role.name.value.as_str()).collect();
    for role in &configuration.roles {
        if !known.contains(role.name.value.as_str()) {
            report_unknown_role(definition, &role.name, report);
        }
    }
    let configured: HashSet<&str> = configuration.roles.iter().map(|role| role.name.value.as_str()).collect();
    for role in definition.roles.iter().filter(|_| configuration.is_whole) {
        let name = &role.name.value;
        if configured.contains(name.as_str()) {
            continue;
        }
        let message = format!("{} says nothing about role `{name}`", configuration.file_name);
        let error = Diagnostic::at(Code::RoleNotConfigured, &role.name.span, message)
            .label("how many instances?")
            .help(format!("add `<Role name=\"{name}\"><Instances count=\"1\" /></Role>` to it"));
        report.push(error);
    }
}

/// Reports a role of the configuration that the definition does not have.
fn report_unknown_role(definition: &WrittenDefinition, name: &Located<String>, report: &mut Report) {
    if definition.has_nameless_role {
        return;
    }
    let message = format!("the definition has no role `{}`", name.value);
    let error = Diagnostic::at(Code::UnknownConfiguredRole, &name.span, message);
    let known = definition.roles.iter().map(|role| role.name.value.as_str());
    let nearest = report.nearest(&name.value, known);
    report.push(error.did_you_mean(nearest));
}
