//! Web sites, and what stands below them (facts: section 2.8).

use super::order;
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::{self, Located};
use crate::xml::Element;
use crate::{BindingName, SiteName, Span, VirtualDirectory, VirtualDirectoryKind, VirtualDirectoryName};

/// A site whose bindings are not looked up yet.
pub(crate) struct WrittenSite {
    pub(crate) name: SiteName,
    pub(crate) physical_directory: Option<String>,
    pub(crate) virtual_directories: Vec<VirtualDirectory>,
    pub(crate) bindings: Vec<WrittenBinding>,
    pub(crate) span: Span,
}

/// A binding whose endpoint is not looked up yet.
pub(crate) struct WrittenBinding {
    pub(crate) name: BindingName,
    pub(crate) endpoint: Located<String>,
    pub(crate) host_header: Option<String>,
}

/// The sites of a web role.
pub(super) fn read(role: &Element, report: &mut Report) -> Vec<WrittenSite> {
    match role.child("Sites") {
        Some(container) => {
            fields::required_child(container, "Site", report);
        }
        None => {
            let note = Diagnostic::at(Code::LegacyForm, &role.span, "the web role has no `Sites`");
            let help = "it is taken as a role of the oldest form, one site on all its HTTP endpoints";
            report.push(note.help(help));
        }
    }
    let mut names: Vec<Located<SiteName>> = Vec::new();
    let mut sites = Vec::new();
    for site in role.items("Sites", "Site") {
        let wanted = "the schema wants virtual directories and applications before `Bindings`";
        order::note(site, &[&["VirtualDirectory", "VirtualApplication"], &["Bindings"]], wanted, report);
        let name = fields::name(site, "name", SiteName::new, report);
        let virtual_directories = virtual_directories(site, report);
        let bindings = bindings(site, report);
        let Some(name) = name else { continue };
        names.push(name.clone());
        sites.push(WrittenSite {
            name: name.value,
            physical_directory: physical_directory(site),
            virtual_directories,
            bindings,
            span: site.span.clone(),
        });
    }
    let names = names.iter().map(|name| (name.value.as_str(), &name.span));
    fields::reject_folded_duplicates(names, Code::DuplicateSite, "site", report);
    sites
}

/// The depth of a file is limited, so this ends.
fn virtual_directories(parent: &Element, report: &mut Report) -> Vec<VirtualDirectory> {
    let mut names: Vec<Located<VirtualDirectoryName>> = Vec::new();
    let mut directories = Vec::new();
    for element in parent.own_children() {
        let kind = match element.name.as_str() {
            "VirtualDirectory" => VirtualDirectoryKind::Directory,
            "VirtualApplication" => VirtualDirectoryKind::Application,
            _ => continue,
        };
        let name = fields::name(element, "name", VirtualDirectoryName::new, report);
        let children = virtual_directories(element, report);
        let Some(name) = name else { continue };
        names.push(name.clone());
        directories.push(VirtualDirectory {
            kind,
            name: name.value,
            physical_directory: physical_directory(element),
            children,
            span: element.span.clone(),
        });
    }
    let names = names.iter().map(|name| (name.value.as_str(), &name.span));
    fields::reject_folded_duplicates(names, Code::DuplicateSite, "virtual directory", report);
    directories
}

fn bindings(site: &Element, report: &mut Report) -> Vec<WrittenBinding> {
    let Some(container) = fields::required_child(site, "Bindings", report) else { return Vec::new() };
    fields::required_child(container, "Binding", report);
    let mut bindings = Vec::new();
    for binding in container.children("Binding") {
        let name = fields::name(binding, "name", BindingName::new, report);
        let endpoint = fields::text(binding, "endpointName", report);
        let host_header = binding.attribute("hostHeader").map(|host| host.value.trim().to_owned());
        let host_header = host_header.filter(|host| !host.is_empty());
        if let (Some(name), Some(endpoint)) = (name, endpoint) {
            bindings.push(WrittenBinding { name: name.value, endpoint, host_header });
        }
    }
    bindings
}

fn physical_directory(element: &Element) -> Option<String> {
    element.attribute("physicalDirectory").map(|path| path.value.clone())
}
