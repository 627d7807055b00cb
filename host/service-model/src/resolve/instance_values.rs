//! Values of the instance: the settings, stores and endpoints that variables ask for.

use std::collections::{HashMap, HashSet};

use super::settings;
use crate::definition::WrittenRole;
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::Located;
use crate::{EndpointKind, InstanceValue, Span};

/// Reports every value of an instance that the role does not have.
pub(super) fn check(role: &WrittenRole, report: &mut Report) {
    if role.instance_values.is_empty() {
        return;
    }
    let names = Names::of(role);
    for Located { value, span } in &role.instance_values {
        match value {
            InstanceValue::DeploymentId
            | InstanceValue::Emulated
            | InstanceValue::InstanceId
            | InstanceValue::RoleName
            | InstanceValue::UpdateDomain
            | InstanceValue::FaultDomain => {}
            InstanceValue::Setting(name) => names.check_setting(name.as_str(), span, report),
            InstanceValue::LocalResourcePath(name) | InstanceValue::LocalResourceSize(name) => {
                names.check_store(name.as_str(), span, report);
            }
            InstanceValue::EndpointProtocol(name)
            | InstanceValue::EndpointAddress(name)
            | InstanceValue::EndpointPort(name) => names.check_endpoint(name.as_str(), false, span, report),
            InstanceValue::EndpointPublicPort(name) => {
                names.check_endpoint(name.as_str(), true, span, report);
            }
        }
    }
}

/// What a role has, by name.
struct Names<'a> {
    role: &'a WrittenRole,
    settings: HashSet<&'a str>,
    stores: HashSet<&'a str>,
    endpoints: HashMap<&'a str, Option<&'a EndpointKind>>,
}

impl<'a> Names<'a> {
    fn of(role: &'a WrittenRole) -> Self {
        let endpoints = role.endpoints.iter();
        Names {
            role,
            settings: settings::declared(role).collect(),
            stores: role.local_resources.iter().map(|store| store.name.as_str()).collect(),
            endpoints: endpoints.map(|found| (found.name.value.as_str(), found.kind.as_ref())).collect(),
        }
    }

    fn check_setting(&self, name: &str, span: &Span, report: &mut Report) {
        if self.settings.contains(name) || self.role.imports.explain(name) {
            return;
        }
        let known = settings::declared(self.role);
        self.report(("setting", Code::UnknownInstanceItem), name, known, span, report);
    }

    fn check_store(&self, name: &str, span: &Span, report: &mut Report) {
        if !self.stores.contains(name) && !self.role.imports.explain(name) {
            let known = self.role.local_resources.iter().map(|store| store.name.as_str());
            self.report(("local store", Code::UnknownInstanceItem), name, known, span, report);
        }
    }

    fn check_endpoint(&self, name: &str, public_port: bool, span: &Span, report: &mut Report) {
        match self.endpoints.get(name) {
            Some(Some(EndpointKind::Internal(_))) if public_port => {
                let message = format!("the internal endpoint `{name}` has no public port");
                let error = Diagnostic::at(Code::UnknownInstanceItem, span, message);
                report.push(error.help("ask for its `@port`, or declare an `InstanceInputEndpoint`"));
            }
            Some(_) => {}
            None if self.role.has_nameless_endpoint || self.role.imports.explain(name) => {}
            None => {
                let known = self.role.endpoints.iter().map(|endpoint| endpoint.name.value.as_str());
                self.report(("endpoint", Code::UnknownEndpoint), name, known, span, report);
            }
        }
    }

    fn report<'b>(
        &self,
        (what, code): (&str, Code),
        name: &str,
        known: impl Iterator<Item = &'b str>,
        span: &Span,
        report: &mut Report,
    ) {
        let message = format!("role `{}` has no {what} `{name}`", self.role.name.value);
        let nearest = report.nearest(name, known);
        report.push(Diagnostic::at(code, span, message).did_you_mean(nearest));
    }
}
