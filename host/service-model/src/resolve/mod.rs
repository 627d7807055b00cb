//! From what the two files say to the model: names looked up, limits applied, the files compared.
//!
//! Every check reports all that it finds. What a wrong value left out earlier is not reported a second time here.

mod limits;
mod roles;
mod settings;
mod traffic;

use crate::configuration::WrittenConfiguration;
use crate::definition::WrittenDefinition;
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::nearest::nearest;
use crate::{Role, ServiceModel, Source};

/// Builds the model. When something was reported as an error, now or before, what it returns may lack parts, and
/// [`crate::load`] throws it away.
pub(crate) fn resolve(
    definition: WrittenDefinition,
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
    let rules = traffic::resolve(&definition, report);
    if let Some(configuration) = configuration {
        compare(&definition, configuration, definition_source, report);
    }
    let configured = settings::apply(&definition.roles, configuration, report);

    let WrittenDefinition { name, upgrade_domain_count, topology_change_discovery, roles, .. } = definition;
    let roles: Vec<Role> = roles
        .into_iter()
        .zip(configured)
        .enumerate()
        .map(|(position, (written, configured))| roles::resolve(position, written, configured, report))
        .collect();
    Some(ServiceModel { name: name?.value, upgrade_domain_count, topology_change_discovery, roles, rules })
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
    let known = || definition.roles.iter().map(|role| role.name.value.as_str());
    for role in &configuration.roles {
        let name = role.name.value.as_str();
        if definition.has_nameless_role || known().any(|known| known == name) {
            continue;
        }
        let message = format!("the definition has no role `{name}`");
        let error = Diagnostic::at(Code::UnknownConfiguredRole, &role.name.span, message);
        report.push(error.did_you_mean(nearest(name, known())));
    }
    for role in &definition.roles {
        let name = &role.name.value;
        if configuration.roles.iter().any(|configured| configured.name.value == name.as_str()) {
            continue;
        }
        let message = format!("{} says nothing about role `{name}`", configuration.file_name);
        let error = Diagnostic::at(Code::RoleNotConfigured, &role.name.span, message)
            .label("how many instances?")
            .help(format!("add `<Role name=\"{name}\"><Instances count=\"1\" /></Role>` to it"));
        report.push(error);
    }
}
