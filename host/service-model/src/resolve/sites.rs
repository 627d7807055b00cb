//! Sites: the endpoints that their bindings name.

use std::collections::HashMap;

use super::roles::report_unknown_endpoint;
use crate::definition::{WrittenBinding, WrittenRole};
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::Located;
use crate::{Binding, EndpointId, RoleId, Site, Span};

/// The sites of the role at a position. Each endpoint is claimed once for each host, over all sites
/// (facts: section 2.8).
pub(super) fn resolve(position: usize, role: &WrittenRole, report: &mut Report) -> Vec<Site> {
    let names = role.endpoints.iter().map(|endpoint| endpoint.name.value.as_str());
    let positions: HashMap<&str, usize> =
        names.enumerate().map(|(position, name)| (name, position)).collect();
    let mut claims: HashMap<(usize, Option<String>), &Span> = HashMap::new();
    let mut sites = Vec::new();
    for site in &role.sites {
        let mut bindings = Vec::new();
        for binding in &site.bindings {
            let Located { value: name, span } = &binding.endpoint;
            let Some(&endpoint) = positions.get(name.as_str()) else {
                report_unknown_endpoint(role, name, span, report);
                continue;
            };
            let host = binding.host_header.as_ref().map(|host| host.to_ascii_lowercase());
            if let Some(first) = claims.insert((endpoint, host), span) {
                report_taken(binding, first, report);
            }
            bindings.push(Binding {
                name: binding.name.clone(),
                endpoint: EndpointId { role: RoleId(position), position: endpoint },
                host_header: binding.host_header.clone(),
            });
        }
        sites.push(Site {
            name: site.name.clone(),
            physical_directory: site.physical_directory.clone(),
            virtual_directories: site.virtual_directories.clone(),
            bindings,
            span: site.span.clone(),
        });
    }
    sites
}

fn report_taken(binding: &WrittenBinding, first: &Span, report: &mut Report) {
    let host = match &binding.host_header {
        Some(host) => format!("for host `{host}`"),
        None => "for hosts that nobody names".to_owned(),
    };
    let message = format!("two bindings claim endpoint `{}` {host}", binding.endpoint.value);
    let error = Diagnostic::at(Code::BindingTaken, &binding.endpoint.span, message);
    let error = error.label(format!("first on line {}", first.line));
    report.push(error.help("tell them apart by `hostHeader`, or give each site an endpoint of its own"));
}
