//! The network around a deployment, as the configuration has it.

use super::tag::Tag;
use crate::{
    AccessAction, AccessControl, AccessRule, DnsServer, EndpointAcl, InstanceAddress, LoadBalancer,
    NetworkConfiguration, PublicIp, ReservedIpName, SecurityGroupRef, ServiceModel,
};

/// The containers in `NetworkConfiguration`, those with something in them.
pub(super) fn network(model: &ServiceModel) -> Vec<Tag> {
    let network = model.network();
    let servers = (!network.dns_servers.is_empty())
        .then(|| Tag::new("DnsServers").holding(network.dns_servers.iter().map(dns_server)));
    let site = network.virtual_network.iter().map(|name| Tag::named("VirtualNetworkSite", name));
    let balancers = network.load_balancers.iter().map(load_balancer);
    let acls = network.endpoint_acls.iter().filter_map(|acl| endpoint_acl(acl, model));
    let groups = network.security_groups.iter().filter_map(|group| security_group(group, model));
    let parts = Tag::new("NetworkConfiguration")
        .holding_in("Dns", servers)
        .holding(site)
        .holding_in("AddressAssignments", assignments(network, model))
        .holding_in("AccessControls", network.access_controls.iter().map(access_control))
        .holding_in("EndpointAcls", acls)
        .holding_in("LoadBalancers", balancers)
        .holding_in("NetworkSecurityGroupRefs", groups);
    parts.into_children()
}

fn dns_server(server: &DnsServer) -> Tag {
    Tag::named("DnsServer", &server.name).with("IPAddress", server.address)
}

fn assignments(network: &NetworkConfiguration, model: &ServiceModel) -> Vec<Tag> {
    let reserved = |name: &ReservedIpName| Tag::new("ReservedIPs").holding([Tag::named("ReservedIP", name)]);
    let addresses = network.instance_addresses.iter();
    let addresses = addresses.filter_map(|address| instance_address(address, model));
    addresses.chain(network.reserved_ip.iter().map(reserved)).collect()
}

fn instance_address(address: &InstanceAddress, model: &ServiceModel) -> Option<Tag> {
    let subnets = address.subnets.iter().map(|name| Tag::named("Subnet", name));
    let tag = Tag::new("InstanceAddress").with("roleName", &model.role(address.role)?.name);
    Some(tag.holding_in("Subnets", subnets).holding_in("PublicIPs", address.public_ip.iter().map(public_ip)))
}

fn public_ip(address: &PublicIp) -> Tag {
    Tag::named("PublicIP", &address.name)
        .with_some("idleTimeoutInMinutes", address.idle_timeout_minutes)
        .with_some("domainNameLabel", address.domain_name_label.as_ref())
}

fn access_control(list: &AccessControl) -> Tag {
    Tag::named("AccessControl", &list.name).holding(list.rules.iter().map(access_rule))
}

fn access_rule(rule: &AccessRule) -> Tag {
    let action = match rule.action {
        AccessAction::Permit => "permit",
        AccessAction::Deny => "deny",
    };
    Tag::new("Rule")
        .with("order", rule.order)
        .with("action", action)
        .with("remoteSubnet", rule.remote_subnet)
        .with_some("description", rule.description.as_ref())
}

fn endpoint_acl(acl: &EndpointAcl, model: &ServiceModel) -> Option<Tag> {
    let (role, endpoint) = (model.role(acl.endpoint.role())?, model.endpoint(acl.endpoint)?);
    let tag = Tag::new("EndpointAcl").with("role", &role.name).with("endPoint", &endpoint.name);
    Some(tag.with("accessControl", &acl.access_control))
}

fn load_balancer(balancer: &LoadBalancer) -> Tag {
    let front = Tag::new("FrontendIPConfiguration")
        .with("type", "private")
        .with_some("subnet", balancer.subnet.as_ref())
        .with_some("staticVirtualNetworkIPAddress", balancer.address);
    Tag::named("LoadBalancer", &balancer.name).holding([front])
}

fn security_group(of_role: &SecurityGroupRef, model: &ServiceModel) -> Option<Tag> {
    let group = Tag::named("NetworkSecurityGroup", &of_role.group);
    let tag = Tag::new("NetworkSecurityGroupRef").with("roleName", &model.role(of_role.role)?.name);
    Some(tag.holding([group]))
}
