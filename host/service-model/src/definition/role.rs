//! Web roles and worker roles.

use super::certificates::{self, WrittenCertificate};
use super::endpoints::{self, WrittenEndpoint};
use super::imports::{self, ImportedSetting, WrittenImports};
use super::sites::{self, WrittenSite};
use super::{contents, entry_point, environment, startup};
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::{self, Located};
use crate::nearest::nearest;
use crate::xml::Element;
use crate::{
    Content, EntryPoint, EnvironmentVariable, InstanceValue, LocalResource, LocalResourceName, RoleKind,
    RoleName, SettingName, Span, StartupTask, VmSize,
};

/// Default size of a local store: the documentation's, not the schema's 1000 (facts: section 2.3).
const LOCAL_STORAGE_MB: u32 = 100;

/// A role as the definition writes it.
pub(crate) struct WrittenRole {
    pub(crate) name: Located<RoleName>,
    pub(crate) kind: RoleKind,
    pub(crate) vm_size: VmSize,
    /// Modules that the role imports.
    pub(crate) imports: WrittenImports,
    pub(crate) settings: Vec<Located<SettingName>>,
    /// The settings of its modules that it does not declare itself.
    pub(crate) imported_settings: Vec<ImportedSetting>,
    pub(crate) local_resources: Vec<LocalResource>,
    pub(crate) endpoints: Vec<WrittenEndpoint>,
    /// An endpoint is missing from `endpoints` since its name is wrong: a name that nobody has may be its.
    pub(crate) has_nameless_endpoint: bool,
    pub(crate) certificates: Vec<WrittenCertificate>,
    /// A certificate is missing from `certificates` since its name is wrong.
    pub(crate) has_nameless_certificate: bool,
    pub(crate) entry_point: EntryPoint,
    pub(crate) startup_tasks: Vec<StartupTask>,
    pub(crate) environment: Vec<EnvironmentVariable>,
    /// The values of the instance that its variables and those of its tasks take.
    pub(crate) instance_values: Vec<Located<InstanceValue>>,
    pub(crate) contents: Vec<Content>,
    pub(crate) sites: Vec<WrittenSite>,
    pub(crate) span: Span,
}

/// Reads a role; `None` when it has no name, after everything in it was checked all the same.
pub(super) fn read(element: &Element, kind: RoleKind, report: &mut Report) -> Option<WrittenRole> {
    let name = fields::name(element, "name", RoleName::new, report);
    if let Some(native) = element.attribute("enableNativeCodeExecution") {
        fields::boolean(native, report);
    }
    let (endpoints, has_nameless_endpoint) = endpoints::read(element, kind, report);
    let mut instance_values = Vec::new();
    let startup_tasks = startup::read(element, &mut instance_values, report);
    let runtimes = element.children("Runtime");
    let environment =
        runtimes.flat_map(|runtime| environment::read(runtime, &mut instance_values, report)).collect();
    let (certificates, has_nameless_certificate) = certificates::read(element, report);
    let mut role = WrittenRole {
        kind,
        vm_size: vm_size(element, report),
        imports: imports::read(element, report),
        settings: settings(element, report),
        imported_settings: Vec::new(),
        local_resources: local_resources(element, report),
        endpoints,
        has_nameless_endpoint,
        certificates,
        has_nameless_certificate,
        entry_point: entry_point::read(element, kind, report),
        startup_tasks,
        environment,
        instance_values,
        contents: contents::read(element, report),
        sites: if kind == RoleKind::Web { sites::read(element, report) } else { Vec::new() },
        span: element.span.clone(),
        // The last, so that a role without a name is checked to its end.
        name: name?,
    };
    imports::add_to(&mut role);
    Some(role)
}

fn vm_size(element: &Element, report: &mut Report) -> VmSize {
    let Some(attribute) = element.attribute("vmsize") else { return VmSize::SMALL };
    let written = attribute.value.trim();
    match VmSize::named(written) {
        Some(size) => {
            if let Some(word) = VmSize::known_names().find(|name| name.eq_ignore_ascii_case(written))
                && word != written
            {
                fields::other_spelling(attribute, word, report);
            }
            size
        }
        None => {
            let message = format!("`{written}` is no size in the table of machine sizes");
            let warning = Diagnostic::at(Code::UnknownVmSize, &attribute.value_span, message);
            let warning = warning.label("the limits of `Small` are used");
            report.push(warning.did_you_mean(nearest(written, VmSize::known_names())));
            VmSize::SMALL
        }
    }
}

fn settings(element: &Element, report: &mut Report) -> Vec<Located<SettingName>> {
    let elements = element.items("ConfigurationSettings", "Setting");
    let settings: Vec<Located<SettingName>> =
        elements.filter_map(|setting| fields::name(setting, "name", SettingName::declared, report)).collect();
    let names = settings.iter().map(|setting| (setting.value.as_str(), &setting.span));
    fields::reject_duplicates(names, Code::DuplicateSetting, "setting", report);
    settings
}

fn local_resources(element: &Element, report: &mut Report) -> Vec<LocalResource> {
    for legacy in element.children("LocalStorage") {
        let note =
            Diagnostic::at(Code::LegacyForm, &legacy.span, "`LocalStorage` stands directly in the role");
        report.push(note.help("newer definitions put it into `<LocalResources>`"));
    }
    let elements = element.children("LocalStorage").chain(element.items("LocalResources", "LocalStorage"));
    let mut names = Vec::new();
    let mut resources = Vec::new();
    for store in elements {
        let size = store.attribute("sizeInMB").map(|size| fields::number(size, 1..=u32::MAX, report));
        let clean = store.attribute("cleanOnRoleRecycle").map(|clean| fields::boolean(clean, report));
        let Some(name) = fields::name(store, "name", LocalResourceName::new, report) else { continue };
        names.push(name.clone());
        resources.push(LocalResource {
            name: name.value,
            size_mb: size.flatten().unwrap_or(LOCAL_STORAGE_MB),
            clean_on_recycle: clean.flatten().unwrap_or(true),
        });
    }
    let names = names.iter().map(|name| (name.value.as_str(), &name.span));
    fields::reject_duplicates(names, Code::DuplicateLocalResource, "local store", report);
    resources
}
