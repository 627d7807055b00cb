//! Instance counts and setting values: the configuration's part of each role.

use std::collections::BTreeMap;

use crate::SettingName;
use crate::configuration::{ConfiguredRole, ConfiguredSetting, WrittenConfiguration};
use crate::definition::WrittenRole;
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::nearest::nearest;

/// Modules of the platform put their settings below this name (facts: section 2.9).
const MODULE_SETTINGS: &str = "Microsoft.WindowsAzure.Plugins.";

/// What the configuration gives to one role.
pub(super) struct Configured {
    pub(super) instance_count: u32,
    pub(super) settings: BTreeMap<SettingName, String>,
}

/// One for each role, in the same order.
pub(super) fn apply(
    roles: &[WrittenRole],
    configuration: Option<&WrittenConfiguration>,
    report: &mut Report,
) -> Vec<Configured> {
    let Some(configuration) = configuration else {
        note_no_configuration(roles, report);
        return roles.iter().map(without_configuration).collect();
    };
    let mut all = Vec::new();
    for role in roles {
        let name = role.name.value.as_str();
        all.push(match configuration.roles.iter().find(|configured| configured.name.value == name) {
            Some(configured) => apply_to_role(role, configured, &configuration.file_name, report),
            // Reported where the two files are compared.
            None => without_configuration(role),
        });
    }
    all
}

fn apply_to_role(
    role: &WrittenRole,
    configured: &ConfiguredRole,
    file_name: &str,
    report: &mut Report,
) -> Configured {
    let role_name = &role.name.value;
    for declared in &role.settings {
        let name = &declared.value;
        if configured.settings.iter().any(|setting| setting.name.value == name.as_str()) {
            continue;
        }
        let message = format!("setting `{name}` of role `{role_name}` has no value in {file_name}");
        let error = Diagnostic::at(Code::SettingWithoutValue, &declared.span, message)
            .label("declared here")
            .help(format!("add `<Setting name=\"{name}\" value=\"\" />` to the role's settings there"));
        report.push(error);
    }
    let mut settings = BTreeMap::new();
    for setting in &configured.settings {
        if !is_explained(setting, role) {
            warn_undeclared(setting, role, report);
        }
        if let (Some(name), Some(value)) = (SettingName::new(&setting.name.value), &setting.value) {
            settings.insert(name, value.clone());
        }
    }
    Configured { instance_count: configured.instance_count.unwrap_or(1), settings }
}

/// The role declares the setting, or a module that it imports does.
fn is_explained(setting: &ConfiguredSetting, role: &WrittenRole) -> bool {
    let name = setting.name.value.as_str();
    let of_module = |module: &String| {
        name.strip_prefix(MODULE_SETTINGS)
            .and_then(|rest| rest.strip_prefix(module.as_str()))
            .is_some_and(|rest| rest.starts_with('.'))
    };
    role.settings.iter().any(|declared| declared.value.as_str() == name) || role.imports.iter().any(of_module)
}

fn warn_undeclared(setting: &ConfiguredSetting, role: &WrittenRole, report: &mut Report) {
    let name = setting.name.value.as_str();
    let message = format!("role `{}` declares no setting `{name}`", role.name.value);
    let warning = Diagnostic::at(Code::UndeclaredSetting, &setting.name.span, message);
    let warning = warning.label("the role can read it all the same");
    let known = role.settings.iter().map(|declared| declared.value.as_str());
    report.push(match nearest(name, known) {
        Some(nearest) => warning.did_you_mean(Some(nearest)),
        None => warning.help(format!("declare it in the definition: `<Setting name=\"{name}\" />`")),
    });
}

fn without_configuration(role: &WrittenRole) -> Configured {
    let settings = role.settings.iter().map(|setting| (setting.value.clone(), String::new()));
    Configured { instance_count: 1, settings: settings.collect() }
}

fn note_no_configuration(roles: &[WrittenRole], report: &mut Report) {
    let mut empty = Vec::new();
    for role in roles {
        empty.extend(role.settings.iter().map(|setting| format!("{}/{}", role.name.value, setting.value)));
    }
    let note = Diagnostic::general(Code::NoConfiguration, "no configuration: each role gets one instance");
    report.push(if empty.is_empty() {
        note
    } else {
        note.help(format!("these settings are empty: {}", empty.join(", ")))
    });
}
