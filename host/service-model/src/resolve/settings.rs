//! Instance counts and setting values: the configuration's part of each role.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::certificates;
use crate::configuration::{ConfiguredRole, ConfiguredSetting, WrittenConfiguration};
use crate::definition::{WrittenCertificate, WrittenRole};
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::Located;
use crate::{SettingName, Thumbprint, VmNamePrefix};

/// What the configuration gives to one role.
pub(super) struct Configured {
    pub(super) instance_count: u32,
    pub(super) settings: BTreeMap<SettingName, String>,
    /// By the names of certificates.
    pub(super) thumbprints: HashMap<String, Thumbprint>,
    pub(super) vm_name: Option<VmNamePrefix>,
}

/// One for each role, in the same order.
pub(super) fn apply(
    roles: &[WrittenRole],
    configuration: Option<&WrittenConfiguration>,
    report: &mut Report,
) -> Vec<Configured> {
    if configuration.is_none_or(|configuration| !configuration.is_whole) {
        note_no_configuration(roles, configuration, report);
    }
    let Some(configuration) = configuration else {
        return roles.iter().map(without_configuration).collect();
    };
    let named = configuration.roles.iter().rev().map(|role| (role.name.value.as_str(), role));
    // Of two with one name, which was reported, the first.
    let configured: HashMap<&str, &ConfiguredRole> = named.collect();
    let mut all = Vec::new();
    for role in roles {
        all.push(match configured.get(role.name.value.as_str()) {
            Some(configured) => apply_to_role(role, configured, configuration, report),
            // Reported where the two files are compared.
            None => without_configuration(role),
        });
    }
    all
}

fn apply_to_role(
    role: &WrittenRole,
    configured: &ConfiguredRole,
    configuration: &WrittenConfiguration,
    report: &mut Report,
) -> Configured {
    let given: HashSet<&str> = configured.settings.iter().map(|found| found.name.value.as_str()).collect();
    let mut settings = BTreeMap::new();
    for declared in role.settings.iter().filter(|declared| !given.contains(declared.value.as_str())) {
        settings.insert(declared.value.clone(), String::new());
        if configuration.is_whole {
            report_without_value(role, declared, configuration, report);
        }
    }
    settings.extend(role.imported_settings.iter().map(|imported| (imported.name.clone(), String::new())));
    let (thumbprints, without) = certificates::apply(role, configured, configuration, report);
    if configuration.is_whole {
        warn_modules(role, &given, &without, configuration, report);
    }

    let declared: HashSet<&str> = declared(role).collect();
    for setting in &configured.settings {
        let name = setting.name.value.as_str();
        if !declared.contains(name) && !role.imports.explain(name) {
            warn_undeclared(setting, role, report);
        }
        if let (Some(name), Some(value)) = (SettingName::new(name), &setting.value) {
            settings.insert(name, value.clone());
        }
    }
    let (instance_count, vm_name) = (configured.instance_count.unwrap_or(1), configured.vm_name.clone());
    Configured { instance_count, settings, thumbprints, vm_name }
}

fn report_without_value(
    role: &WrittenRole,
    declared: &Located<SettingName>,
    configuration: &WrittenConfiguration,
    report: &mut Report,
) {
    let (role, name, file) = (&role.name.value, &declared.value, &configuration.file_name);
    let message = format!("setting `{name}` of role `{role}` has no value in {file}");
    let error = Diagnostic::at(Code::SettingWithoutValue, &declared.span, message)
        .label("declared here")
        .help(format!("add `<Setting name=\"{name}\" value=\"\" />` to the role's settings there"));
    report.push(error);
}

/// One warning for each module of which something is missing. `given` are the names of settings with a value,
/// `without` the modules' certificates without a thumbprint.
fn warn_modules(
    role: &WrittenRole,
    given: &HashSet<&str>,
    without: &[&WrittenCertificate],
    configuration: &WrittenConfiguration,
    report: &mut Report,
) {
    let required = role.imported_settings.iter().filter(|imported| imported.is_required);
    let settings = required.filter(|imported| !given.contains(imported.name.as_str()));
    let settings = settings.map(|imported| (imported.import, format!("setting `{}`", imported.name)));
    let certificates = without.iter().filter_map(|certificate| {
        Some((certificate.import?, format!("certificate `{}`", certificate.name.value)))
    });
    let mut missing: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (import, what) in settings.chain(certificates) {
        missing.entry(import).or_default().push(what);
    }
    for (import, missing) in missing {
        let Some(found) = role.imports.imports.get(import) else { continue };
        let message = format!(
            "{} says nothing about what module `{}` wants of role `{}`",
            configuration.file_name, found.import.module, role.name.value
        );
        let warning = Diagnostic::at(Code::ModuleNotConfigured, &found.import.span, message);
        let warning = warning.label("its programs are not run, so nobody misses it");
        report.push(warning.help(format!("there is no {}", missing.join(", no "))));
    }
}

/// The settings that the role and its modules declare.
pub(super) fn declared(role: &WrittenRole) -> impl Iterator<Item = &str> {
    let imported = role.imported_settings.iter().map(|imported| imported.name.as_str());
    role.settings.iter().map(|declared| declared.value.as_str()).chain(imported)
}

fn warn_undeclared(setting: &ConfiguredSetting, role: &WrittenRole, report: &mut Report) {
    let name = setting.name.value.as_str();
    let message = format!("role `{}` declares no setting `{name}`", role.name.value);
    let warning = Diagnostic::at(Code::UndeclaredSetting, &setting.name.span, message);
    let warning = warning.label("the role can read it all the same");
    let nearest = report.nearest(name, declared(role));
    report.push(match nearest {
        Some(nearest) => warning.did_you_mean(Some(nearest)),
        None => warning.help(format!("declare it in the definition: `<Setting name=\"{name}\" />`")),
    });
}

fn without_configuration(role: &WrittenRole) -> Configured {
    let settings = declared(role).filter_map(SettingName::new).map(|name| (name, String::new()));
    Configured { instance_count: 1, settings: settings.collect(), thumbprints: HashMap::new(), vm_name: None }
}

fn note_no_configuration(
    roles: &[WrittenRole],
    overlaid: Option<&WrittenConfiguration>,
    report: &mut Report,
) {
    let mut empty = Vec::new();
    for role in roles {
        let overlaid: BTreeSet<&str> = overlaid
            .iter()
            .flat_map(|configuration| &configuration.roles)
            .filter(|configured| configured.name.value == role.name.value.as_str())
            .flat_map(|configured| &configured.settings)
            .map(|setting| setting.name.value.as_str())
            .collect();
        let without_value =
            role.settings.iter().filter(|declared| !overlaid.contains(declared.value.as_str()));
        empty.extend(without_value.map(|setting| format!("{}/{}", role.name.value, setting.value)));
    }
    let message = if overlaid.is_some() {
        "no configuration: each role that no overlay counts gets one instance"
    } else {
        "no configuration: each role gets one instance"
    };
    let note = Diagnostic::general(Code::NoConfiguration, message);
    report.push(if empty.is_empty() {
        note
    } else {
        note.help(format!("these settings are empty: {}", empty.join(", ")))
    });
}
