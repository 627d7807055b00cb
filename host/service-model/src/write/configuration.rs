//! The configuration: how many instances of each role, the values of their settings, the network.

use super::network::network;
use super::tag::Tag;
use crate::xml::CONFIGURATION_NAMESPACE;
use crate::{Certificate, GuestSettings, Role, ServiceModel};

pub(super) fn configuration(model: &ServiceModel) -> Tag {
    let (guest, default) = (model.guest(), GuestSettings::default());
    Tag::new("ServiceConfiguration")
        .with("serviceName", model.name())
        .with("xmlns", CONFIGURATION_NAMESPACE)
        .with_some("osFamily", (guest.os_family != default.os_family).then_some(&guest.os_family))
        .with_some("osVersion", (guest.os_version != default.os_version).then_some(&guest.os_version))
        .holding(model.roles().iter().map(role))
        .holding_in("NetworkConfiguration", network(model))
        .holding(guest_agent(guest, &default))
}

fn role(role: &Role) -> Tag {
    let settings = role.settings.iter().map(|(name, value)| Tag::named("Setting", name).with("value", value));
    let is_imported = |found: &Certificate| role.imports.iter().any(|import| import.span == found.span);
    // Those of modules need no thumbprint here.
    let is_needed = |found: &&Certificate| found.thumbprint.is_some() || !is_imported(found);
    Tag::named("Role", &role.name)
        .with_some("vmName", role.vm_name.as_ref())
        .holding([Tag::new("Instances").with("count", role.instance_count)])
        .holding_in("ConfigurationSettings", settings)
        .holding_in("Certificates", role.certificates.iter().filter(is_needed).map(certificate))
}

fn certificate(certificate: &Certificate) -> Tag {
    // An open thumbprint is written as templates have it.
    let thumbprint = certificate.thumbprint.as_ref().map(ToString::to_string).unwrap_or_default();
    Tag::named("Certificate", &certificate.name)
        .with("thumbprint", thumbprint)
        .with("thumbprintAlgorithm", "sha1")
}

fn guest_agent(guest: &GuestSettings, default: &GuestSettings) -> Option<Tag> {
    let unless_default = |value: bool, default: bool| (value != default).then_some(value);
    let cleanup =
        unless_default(guest.cleanup_firewall_on_role_restart, default.cleanup_firewall_on_role_restart);
    let dumps = unless_default(guest.allow_role_process_local_dumps, default.allow_role_process_local_dumps);
    (cleanup.is_some() || dumps.is_some()).then(|| {
        Tag::new("GuestAgentSettings")
            .with_some("cleanupFirewallOnRoleRestart", cleanup)
            .with_some("allowRoleProcessLocalDumps", dumps)
    })
}
