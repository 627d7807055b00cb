//! The network of the configuration: its roles, endpoints, lists and balancers looked up.

use std::collections::{HashMap, HashSet};

use super::index::Index;
use super::report_unknown_role;
use super::roles::report_unknown_endpoint;
use crate::configuration::{WrittenConfiguration, WrittenNetwork};
use crate::definition::{WrittenDefinition, WrittenEndpoint};
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::{Located, duplicate};
use crate::{
    AccessControlName, EndpointAcl, EndpointId, EndpointKind, InstanceAddress, NetworkConfiguration,
    SecurityGroupRef, Span,
};

/// The network of the model; nothing without a configuration.
pub(super) fn resolve(
    index: &Index<'_>,
    configuration: Option<&WrittenConfiguration>,
    report: &mut Report,
) -> NetworkConfiguration {
    let Some(configuration) = configuration else { return NetworkConfiguration::default() };
    let (written, definition) = (&configuration.network, index.definition);
    if configuration.is_whole {
        check_load_balancers(definition, configuration, report);
    }
    check_reserved_ip(definition, written, report);
    let role_id = |name: &Located<String>, report: &mut Report| {
        let found = index.role(&name.value);
        if found.is_none() {
            report_unknown_role(definition, name, report);
        }
        found.map(|(id, _)| id)
    };
    let mut instance_addresses = Vec::new();
    for address in &written.instance_addresses {
        let (subnets, public_ip) = (address.subnets.clone(), address.public_ip.clone());
        let role = role_id(&address.role, report);
        instance_addresses.extend(role.map(|role| InstanceAddress { role, subnets, public_ip }));
    }
    let mut security_groups = Vec::new();
    for (role, group) in &written.security_groups {
        let role = role_id(role, report);
        security_groups.extend(role.map(|role| SecurityGroupRef { role, group: group.clone() }));
    }
    NetworkConfiguration {
        dns_servers: written.dns_servers.clone(),
        virtual_network: written.virtual_network.clone(),
        instance_addresses,
        reserved_ip: written.reserved_ip.as_ref().map(|reserved| reserved.value.clone()),
        access_controls: written.access_controls.clone(),
        endpoint_acls: resolve_acls(index, written, report),
        load_balancers: written.load_balancers.clone(),
        security_groups,
    }
}

fn is_public(endpoint: &WrittenEndpoint) -> bool {
    !matches!(endpoint.kind, Some(EndpointKind::Internal(_)))
}

/// The platform could not hold an address that leads to nothing (facts: section 6).
fn check_reserved_ip(definition: &WrittenDefinition, written: &WrittenNetwork, report: &mut Report) {
    let mut roles = definition.roles.iter();
    let is_reachable = definition.has_nameless_role
        || roles.any(|role| role.has_nameless_endpoint || role.endpoints.iter().any(is_public));
    if let (Some(reserved), false) = (&written.reserved_ip, is_reachable) {
        let message = format!("nothing can be reached on the reserved address `{}`", reserved.value);
        let error = Diagnostic::at(Code::ReservedIpWithoutEndpoint, &reserved.span, message);
        report.push(
            error.label("no endpoint is open to the outside").help("declare an `InputEndpoint` in some role"),
        );
    }
}

/// Input endpoints may choose a balancer that the configuration declares.
fn check_load_balancers(
    definition: &WrittenDefinition,
    configuration: &WrittenConfiguration,
    report: &mut Report,
) {
    let written = &configuration.network;
    let balancers = || written.load_balancers.iter().map(|balancer| balancer.name.as_str());
    let known: HashSet<&str> = balancers().collect();
    let endpoints = definition.roles.iter().flat_map(|role| &role.endpoints);
    for name in endpoints.filter_map(|endpoint| endpoint.load_balancer.as_ref()) {
        if written.has_nameless || known.contains(name.value.as_str()) {
            continue;
        }
        let message = format!("{} has no load balancer `{}`", configuration.file_name, name.value);
        let error = Diagnostic::at(Code::UnknownNetworkItem, &name.span, message);
        let nearest = report.nearest(&name.value, balancers());
        report.push(error.did_you_mean(nearest).or_help("add it to the `<LoadBalancers>` of its network"));
    }
}

fn resolve_acls(index: &Index<'_>, written: &WrittenNetwork, report: &mut Report) -> Vec<EndpointAcl> {
    let lists: HashSet<&str> = written.access_controls.iter().map(|list| list.name.as_str()).collect();
    let mut guarded: HashMap<EndpointId, &Span> = HashMap::new();
    let mut acls = Vec::new();
    for acl in &written.endpoint_acls {
        let list = &acl.access_control;
        if !lists.contains(list.value.as_str()) && !written.has_nameless {
            report_unknown_list(written, list, report);
        }
        let Some((role_id, role)) = index.role(&acl.role.value) else {
            report_unknown_role(index.definition, &acl.role, report);
            continue;
        };
        let Some((id, endpoint)) = index.endpoint(role_id, &acl.endpoint.value) else {
            report_unknown_endpoint(role, &acl.endpoint.value, &acl.endpoint.span, report);
            continue;
        };
        if !is_public(endpoint) {
            let message = format!("`{}` is an internal endpoint", acl.endpoint.value);
            let error = Diagnostic::at(Code::NotPublic, &acl.endpoint.span, message);
            report.push(
                error
                    .label("not open to the outside")
                    .help("say who may reach it in the `NetworkTrafficRules` of the definition"),
            );
        }
        if let Some(first) = guarded.insert(id, &acl.endpoint.span) {
            let (name, span) = (&acl.endpoint.value, &acl.endpoint.span);
            report.push(duplicate(Code::DuplicateNetworkItem, "access list of endpoint", name, span, first));
        }
        let list = AccessControlName::new(&list.value).ok();
        acls.extend(list.map(|access_control| EndpointAcl { endpoint: id, access_control }));
    }
    acls
}

fn report_unknown_list(written: &WrittenNetwork, name: &Located<String>, report: &mut Report) {
    let message = format!("the configuration has no access list `{}`", name.value);
    let error = Diagnostic::at(Code::UnknownNetworkItem, &name.span, message);
    let known = written.access_controls.iter().map(|list| list.name.as_str());
    let nearest = report.nearest(&name.value, known);
    report.push(error.did_you_mean(nearest).or_help("add it to the `<AccessControls>` of the network"));
}
