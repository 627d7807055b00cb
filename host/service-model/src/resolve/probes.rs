//! Probes: the ones that endpoints name.

use std::collections::HashMap;

use crate::definition::WrittenDefinition;
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::{EndpointKind, ProbeId};

/// Gives each endpoint that names a probe the probe's id. A name that is nobody's is reported.
pub(super) fn resolve(definition: &mut WrittenDefinition, report: &mut Report) {
    let known = || definition.probes.iter().map(|probe| probe.name.as_str());
    let positions: HashMap<&str, usize> =
        known().enumerate().map(|(position, name)| (name, position)).collect();
    for endpoint in definition.roles.iter_mut().flat_map(|role| &mut role.endpoints) {
        let Some(name) = &endpoint.probe else { continue };
        let found = positions.get(name.value.as_str());
        if found.is_none() && !definition.has_wrong_probe {
            let message = format!("the definition has no probe `{}`", name.value);
            let nearest = report.nearest(&name.value, known());
            report.push(Diagnostic::at(Code::UnknownProbe, &name.span, message).did_you_mean(nearest));
        }
        if let Some(EndpointKind::Input(input)) = &mut endpoint.kind {
            input.probe = found.copied().map(ProbeId);
        }
    }
}
