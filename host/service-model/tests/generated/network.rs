//! What only the configuration says: the network around a deployment, and the machines.

use super::Known;
use super::xml::{Choices, Xml};

/// The containers of `NetworkConfiguration`.
pub fn network(balancers: &[String], roles: &[Known], choices: &mut Choices<'_>) -> Vec<Xml> {
    let mut parts = Vec::new();
    if choices.maybe() {
        let server =
            |name: &str, address: &str| Xml::new("DnsServer").with("name", name).with("IPAddress", address);
        let servers = Xml::new("DnsServers").holding([server("a & b", "10.1.0.4"), server("2", "8.8.8.8")]);
        parts.push(Xml::new("Dns").holding([servers]));
    }
    if choices.maybe() {
        parts.push(Xml::new("VirtualNetworkSite").with("name", choices.filled_text()));
    }
    let mut assignments: Vec<Xml> = roles.iter().filter_map(|role| assignment(role, choices)).collect();
    if choices.maybe() && roles.iter().any(|role| !role.public_endpoints.is_empty()) {
        assignments.push(Xml::new("ReservedIPs").holding([Xml::new("ReservedIP").with("name", "Front")]));
    }
    if !assignments.is_empty() {
        parts.push(Xml::new("AddressAssignments").holding(assignments));
    }
    parts.extend(access_controls(roles, choices));
    if !balancers.is_empty() {
        let balancers = balancers.iter().map(|name| balancer(name, choices));
        parts.push(Xml::new("LoadBalancers").holding(balancers.collect::<Vec<Xml>>()));
    }
    let groups: Vec<Xml> = roles.iter().filter(|_| choices.maybe()).map(security_group).collect();
    if !groups.is_empty() {
        parts.push(Xml::new("NetworkSecurityGroupRefs").holding(groups));
    }
    parts
}

fn assignment(role: &Known, choices: &mut Choices<'_>) -> Option<Xml> {
    let subnets = choices.names("Subnet", 3).into_iter().map(|name| Xml::new("Subnet").with("name", name));
    let subnets = Xml::new("InstanceAddress").with("roleName", &role.name).holding_in("Subnets", subnets);
    match choices.below(4) {
        0 => None,
        1 => Some(subnets),
        with_label => {
            let address = Xml::new("PublicIP").with("name", "public").with("idleTimeoutInMinutes", 5);
            let address = if with_label == 2 { address } else { address.with("domainNameLabel", "shop") };
            Some(subnets.holding_in("PublicIPs", [address]))
        }
    }
}

/// Two lists, and for some public endpoints one of them.
fn access_controls(roles: &[Known], choices: &mut Choices<'_>) -> Vec<Xml> {
    if !choices.maybe() {
        return Vec::new();
    }
    let lists = ["First", "Second.x"];
    let list = |name: &&str| {
        // The order of the numbers counts, not that of the text.
        let rules =
            [rule(300, "permit", "10.0.0.0/8"), rule(5, "deny", "10.1.2.3/16").with("description", "x < y")];
        Xml::new("AccessControl").with("name", name).holding(rules)
    };
    let mut acls = Vec::new();
    for role in roles {
        for endpoint in role.public_endpoints.iter().filter(|_| choices.maybe()).collect::<Vec<_>>() {
            let acl = Xml::new("EndpointAcl")
                .with("role", &role.name)
                .with(choices.one_of(&["endPoint", "endpoint"]), endpoint)
                .with("accessControl", choices.one_of(&lists));
            acls.push(acl);
        }
    }
    let mut parts = vec![Xml::new("AccessControls").holding(lists.iter().map(list))];
    if !acls.is_empty() {
        parts.push(Xml::new("EndpointAcls").holding(acls));
    }
    parts
}

fn rule(order: u16, action: &str, subnet: &str) -> Xml {
    Xml::new("Rule").with("order", order).with("action", action).with("remoteSubnet", subnet)
}

fn balancer(name: &str, choices: &mut Choices<'_>) -> Xml {
    let mut front = Xml::new("FrontendIPConfiguration").with("type", "private");
    if choices.maybe() {
        front = front.with("subnet", "Subnet 1").with("staticVirtualNetworkIPAddress", "10.1.0.9");
    }
    Xml::new("LoadBalancer").with("name", name).holding([front])
}

fn security_group(role: &Known) -> Xml {
    let group = Xml::new("NetworkSecurityGroup").with("name", "a group");
    Xml::new("NetworkSecurityGroupRef").with("roleName", &role.name).holding([group])
}

/// The configuration with what it says about the machines.
pub fn with_guest(configuration: Xml, choices: &mut Choices<'_>) -> Xml {
    let mut configuration = configuration;
    if choices.maybe() {
        configuration = configuration.with("osFamily", choices.one_of(&["1", "7"])).with("osVersion", "*");
    }
    if choices.maybe() {
        let settings = Xml::new("GuestAgentSettings")
            .with("cleanupFirewallOnRoleRestart", choices.one_of(&["true", "false"]))
            .with("allowRoleProcessLocalDumps", choices.one_of(&["true", "0"]));
        configuration = configuration.holding([settings]);
    }
    configuration
}
