//! The configuration file: instance counts and setting values (facts: section 6).

use crate::diagnostic::{Code, Report};
use crate::fields::{self, Located};
use crate::xml::{self, CONFIGURATION_NAMESPACE, Element, Namespace};
use crate::{Source, definition, vocabulary};

/// What the configuration file says.
pub(crate) struct WrittenConfiguration {
    /// `None`: reported.
    pub(crate) service_name: Option<Located<String>>,
    pub(crate) roles: Vec<ConfiguredRole>,
    /// The file's name, for sentences.
    pub(crate) file_name: String,
}

/// A role as the configuration writes it.
pub(crate) struct ConfiguredRole {
    pub(crate) name: Located<String>,
    /// `None`: reported.
    pub(crate) instance_count: Option<u32>,
    pub(crate) settings: Vec<ConfiguredSetting>,
}

/// A setting with its value.
pub(crate) struct ConfiguredSetting {
    pub(crate) name: Located<String>,
    /// `None`: reported.
    pub(crate) value: Option<String>,
}

/// Reads a configuration. `None`: the file is no configuration at all, which was reported.
pub(crate) fn read(source: &Source, report: &mut Report) -> Option<WrittenConfiguration> {
    let root = xml::parse(source, report)?;
    let rule = &vocabulary::SERVICE_CONFIGURATION;
    if root.name != rule.name || root.namespace != Namespace::Configuration {
        report.push(definition::wrong_root(&root, rule.name, CONFIGURATION_NAMESPACE));
        return None;
    }
    vocabulary::check(&root, rule, report);
    let service_name = fields::text(&root, "serviceName", report);
    let roles: Vec<_> = root.children("Role").filter_map(|role| read_role(role, report)).collect();
    let names = roles.iter().map(|role| (role.name.value.as_str(), &role.name.span));
    fields::reject_duplicates(names, Code::DuplicateRole, "role", report);
    Some(WrittenConfiguration { service_name, roles, file_name: source.file_name().into_owned() })
}

fn read_role(element: &Element, report: &mut Report) -> Option<ConfiguredRole> {
    let name = fields::text(element, "name", report);
    let instance_count = fields::required_child(element, "Instances", report)
        .and_then(|instances| fields::required(instances, "count", report))
        // The schema has a signed number; a negative count never had a meaning.
        .and_then(|count| fields::number(count, 0..=i32::MAX.cast_unsigned(), report));
    let mut settings = Vec::new();
    for setting in element.items("ConfigurationSettings", "Setting") {
        let name = fields::text(setting, "name", report);
        let value = fields::required(setting, "value", report).map(|value| value.value.clone());
        settings.extend(name.map(|name| ConfiguredSetting { name, value }));
    }
    let names = settings.iter().map(|setting| (setting.name.value.as_str(), &setting.name.span));
    fields::reject_duplicates(names, Code::DuplicateSetting, "setting", report);
    Some(ConfiguredRole { name: name?, instance_count, settings })
}
