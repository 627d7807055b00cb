//! Web roles and worker roles.

use super::endpoints::{self, WrittenEndpoint};
use super::entry_point;
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::{self, Located};
use crate::nearest::nearest;
use crate::xml::Element;
use crate::{
    BindingName, EntryPoint, LocalResource, LocalResourceName, RoleKind, RoleName, SettingName, SiteName,
    Span, VmSize,
};

/// Default size of a local store: the documentation's, not the schema's 1000 (facts: section 2.3).
const LOCAL_STORAGE_MB: u32 = 100;

/// A role as the definition writes it.
pub(crate) struct WrittenRole {
    pub(crate) name: Located<RoleName>,
    pub(crate) kind: RoleKind,
    pub(crate) vm_size: VmSize,
    /// Modules that the role imports; each may add settings.
    pub(crate) imports: Vec<String>,
    pub(crate) settings: Vec<Located<SettingName>>,
    pub(crate) local_resources: Vec<LocalResource>,
    pub(crate) endpoints: Vec<WrittenEndpoint>,
    /// An endpoint is missing from `endpoints` since its name is wrong: a name that nobody has may be its.
    pub(crate) has_nameless_endpoint: bool,
    pub(crate) entry_point: EntryPoint,
    pub(crate) sites: Vec<WrittenSite>,
    pub(crate) span: Span,
}

/// A site whose bindings are not looked up yet.
pub(crate) struct WrittenSite {
    pub(crate) name: SiteName,
    pub(crate) physical_directory: Option<String>,
    pub(crate) bindings: Vec<WrittenBinding>,
}

/// A binding whose endpoint is not looked up yet.
pub(crate) struct WrittenBinding {
    pub(crate) name: BindingName,
    pub(crate) endpoint: Located<String>,
    pub(crate) host_header: Option<String>,
}

/// Reads a role; `None` when it has no name, after everything in it was checked all the same.
pub(super) fn read(element: &Element, kind: RoleKind, report: &mut Report) -> Option<WrittenRole> {
    let name = fields::name(element, "name", RoleName::new, report);
    let (endpoints, has_nameless_endpoint) = endpoints::read(element, report);
    let role = WrittenRole {
        name: name?,
        kind,
        vm_size: vm_size(element, report),
        imports: imports(element, report),
        settings: settings(element, report),
        local_resources: local_resources(element, report),
        endpoints,
        has_nameless_endpoint,
        entry_point: entry_point::read(element, kind, report),
        sites: if kind == RoleKind::Web { sites(element, report) } else { Vec::new() },
        span: element.span.clone(),
    };
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

fn imports(element: &Element, report: &mut Report) -> Vec<String> {
    let mut modules = Vec::new();
    for import in element.items("Imports", "Import") {
        let Some(module) = fields::text(import, "moduleName", report) else { continue };
        let message = format!("module `{}` is not imported in this version", module.value);
        let warning = Diagnostic::at(Code::NoEffect, &import.span, message);
        report.push(warning.label("understood, has no effect").help(
            "its settings are taken from the configuration, its endpoints, certificates and tasks are left out",
        ));
        modules.push(module.value);
    }
    modules
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

fn sites(element: &Element, report: &mut Report) -> Vec<WrittenSite> {
    if element.child("Sites").is_none() {
        let note = Diagnostic::at(Code::LegacyForm, &element.span, "the web role has no `Sites`");
        report
            .push(note.help("it is taken as a role of the oldest form, one site on all its HTTP endpoints"));
    }
    let mut sites = Vec::new();
    for site in element.items("Sites", "Site") {
        let name = fields::name(site, "name", SiteName::new, report);
        let bindings = bindings(site, report);
        let physical_directory = site.attribute("physicalDirectory").map(|path| path.value.clone());
        if let Some(Located { value: name, .. }) = name {
            sites.push(WrittenSite { name, physical_directory, bindings });
        }
    }
    sites
}

fn bindings(site: &Element, report: &mut Report) -> Vec<WrittenBinding> {
    let Some(container) = fields::required_child(site, "Bindings", report) else { return Vec::new() };
    fields::required_child(container, "Binding", report);
    let mut bindings = Vec::new();
    for binding in container.children("Binding") {
        let name = fields::name(binding, "name", BindingName::new, report);
        let endpoint = fields::text(binding, "endpointName", report);
        let host_header = binding.attribute("hostHeader").map(|host| host.value.clone());
        if let (Some(name), Some(endpoint)) = (name, endpoint) {
            bindings.push(WrittenBinding { name: name.value, endpoint, host_header });
        }
    }
    bindings
}
