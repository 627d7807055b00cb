//! `NetworkConfiguration`. Roles and endpoints are not looked up yet.

use std::net::Ipv4Addr;
use std::num::NonZeroU32;

use crate::definition::note_order;
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::{self, Located, reject_duplicates};
use crate::xml::{Attribute, Element};
use crate::{
    AccessAction, AccessControl, AccessControlName, AccessRule, DnsServer, DnsServerName, LoadBalancer,
    LoadBalancerName, PublicIp, PublicIpName, ReservedIpName, SecurityGroupName, Subnet, SubnetName,
    VirtualNetworkName,
};

/// Rules that one list can have (facts: section 8.1).
const MOST_RULES: usize = 50;

/// The network as the configuration writes it.
#[derive(Default)]
pub(crate) struct WrittenNetwork {
    pub(crate) dns_servers: Vec<DnsServer>,
    pub(crate) virtual_network: Option<VirtualNetworkName>,
    pub(crate) instance_addresses: Vec<WrittenAddress>,
    pub(crate) reserved_ip: Option<Located<ReservedIpName>>,
    pub(crate) access_controls: Vec<AccessControl>,
    pub(crate) endpoint_acls: Vec<WrittenAcl>,
    pub(crate) load_balancers: Vec<LoadBalancer>,
    /// Role and group.
    pub(crate) security_groups: Vec<(Located<String>, SecurityGroupName)>,
    /// A list or a balancer is missing since its name is wrong: a name that nobody has may be its.
    pub(crate) has_nameless: bool,
}

/// Where the instances of a role are.
pub(crate) struct WrittenAddress {
    pub(crate) role: Located<String>,
    pub(crate) subnets: Vec<SubnetName>,
    pub(crate) public_ip: Option<PublicIp>,
}

/// Which list guards which endpoint.
pub(crate) struct WrittenAcl {
    pub(crate) role: Located<String>,
    pub(crate) endpoint: Located<String>,
    pub(crate) access_control: Located<String>,
}

/// Reads the network of a configuration.
pub(super) fn read(root: &Element, report: &mut Report) -> WrittenNetwork {
    let mut network = WrittenNetwork::default();
    for element in root.children("NetworkConfiguration") {
        let order: &[&[&str]] = &[
            &["Dns"],
            &["VirtualNetworkSite"],
            &["AddressAssignments"],
            &["AccessControls"],
            &["EndpointAcls"],
            &["LoadBalancers"],
            &["NetworkSecurityGroupRefs"],
        ];
        note_order(element, order, "the schema wants them the other way round", report);
        read_dns(element, &mut network, report);
        for site in element.children("VirtualNetworkSite") {
            let name = fields::name(site, "name", VirtualNetworkName::new, report);
            network.virtual_network = name.map(|name| name.value);
        }
        for assignments in element.children("AddressAssignments") {
            read_addresses(assignments, &mut network, report);
        }
        read_access_controls(element, &mut network, report);
        read_acls(element, &mut network, report);
        read_load_balancers(element, &mut network, report);
        read_security_groups(element, &mut network, report);
    }
    network
}

fn read_dns(element: &Element, network: &mut WrittenNetwork, report: &mut Report) {
    let mut names = Vec::new();
    for servers in element.items("Dns", "DnsServers") {
        fields::required_child(servers, "DnsServer", report);
        for server in servers.children("DnsServer") {
            let name = fields::name(server, "name", DnsServerName::new, report);
            let address = fields::required(server, "IPAddress", report);
            let address = address.and_then(|address| read_address(address, report));
            let (Some(name), Some(address)) = (name, address) else { continue };
            network.dns_servers.push(DnsServer { name: name.value.clone(), address });
            names.push(name);
        }
    }
    let names = names.iter().map(|name| (name.value.as_str(), &name.span));
    reject_duplicates(names, Code::DuplicateNetworkItem, "name server", report);
}

fn read_addresses(assignments: &Element, network: &mut WrittenNetwork, report: &mut Report) {
    let order: &[&[&str]] = &[&["InstanceAddress"], &["ReservedIPs"]];
    note_order(assignments, order, "the schema wants the reserved address last", report);
    for address in assignments.children("InstanceAddress") {
        let role = fields::text(address, "roleName", report);
        let names = address.items("Subnets", "Subnet");
        let subnets = names.filter_map(|subnet| fields::name(subnet, "name", SubnetName::new, report));
        let subnets = subnets.map(|name| name.value).collect();
        let public_ip = address.items("PublicIPs", "PublicIP").next();
        let public_ip = public_ip.and_then(|public_ip| read_public_ip(public_ip, report));
        network.instance_addresses.extend(role.map(|role| WrittenAddress { role, subnets, public_ip }));
    }
    let roles = network.instance_addresses.iter().map(|found| (found.role.value.as_str(), &found.role.span));
    reject_duplicates(roles, Code::DuplicateNetworkItem, "address of role", report);
    for reserved in assignments.children("ReservedIPs") {
        let reserved = fields::required_child(reserved, "ReservedIP", report);
        network.reserved_ip =
            reserved.and_then(|reserved| fields::name(reserved, "name", ReservedIpName::new, report));
    }
}

fn read_public_ip(element: &Element, report: &mut Report) -> Option<PublicIp> {
    let name = fields::name(element, "name", PublicIpName::new, report);
    let minutes = element.attribute("idleTimeoutInMinutes");
    let idle_timeout_minutes =
        minutes.and_then(|minutes| fields::number(minutes, NonZeroU32::MIN..=NonZeroU32::MAX, report));
    let label = element.attribute("domainNameLabel");
    Some(PublicIp {
        name: name?.value,
        idle_timeout_minutes,
        domain_name_label: label.map(|label| label.value.clone()),
    })
}

fn read_access_controls(element: &Element, network: &mut WrittenNetwork, report: &mut Report) {
    let mut names = Vec::new();
    for list in element.items("AccessControls", "AccessControl") {
        let name = fields::name(list, "name", AccessControlName::new, report);
        fields::required_child(list, "Rule", report);
        let rules = read_rules(list, report);
        let Some(name) = name else {
            network.has_nameless = true;
            continue;
        };
        network.access_controls.push(AccessControl { name: name.value.clone(), rules });
        names.push(name);
    }
    let names = names.iter().map(|name| (name.value.as_str(), &name.span));
    reject_duplicates(names, Code::DuplicateNetworkItem, "access list", report);
}

/// The rules of a list in the order in which they apply.
fn read_rules(list: &Element, report: &mut Report) -> Vec<AccessRule> {
    let mut orders = Vec::new();
    let mut rules = Vec::new();
    for (position, element) in list.children("Rule").enumerate() {
        if position == MOST_RULES {
            let error = Diagnostic::at(Code::LimitExceeded, &element.span, "the list has too many rules");
            report.push(error.label(format!("this is one more than {MOST_RULES}")));
        }
        let order = fields::required(element, "order", report).and_then(|attribute| {
            let order = fields::number(attribute, 0..=u16::MAX, report)?;
            orders.push((order.to_string(), &attribute.value_span));
            Some(order)
        });
        let actions = [("permit", AccessAction::Permit), ("deny", AccessAction::Deny)];
        let action = fields::required(element, "action", report);
        let action = action.and_then(|action| fields::word(action, &actions, report));
        let subnet = fields::required(element, "remoteSubnet", report);
        let subnet = subnet.and_then(|subnet| read_subnet(subnet, report));
        let description = element.attribute("description").and_then(|text| read_description(text, report));
        let (Some(order), Some(action), Some(remote_subnet)) = (order, action, subnet) else { continue };
        rules.push(AccessRule { order, action, remote_subnet, description, span: element.span.clone() });
    }
    let orders = orders.iter().map(|(order, span)| (order.as_str(), *span));
    reject_duplicates(orders, Code::DuplicateNetworkItem, "order", report);
    rules.sort_by_key(|rule| rule.order);
    rules
}

fn read_description(attribute: &Attribute, report: &mut Report) -> Option<String> {
    const LONGEST: usize = 256;
    let length = attribute.value.chars().count();
    if length > LONGEST {
        let message = format!("the description has {length} characters");
        let error = Diagnostic::at(Code::InvalidValue, &attribute.value_span, message);
        report.push(error.label(format!("expected {LONGEST} at most")));
        return None;
    }
    Some(attribute.value.clone())
}

fn read_acls(element: &Element, network: &mut WrittenNetwork, report: &mut Report) {
    for acl in element.items("EndpointAcls", "EndpointAcl") {
        let role = fields::text(acl, "role", report);
        // The schema's spelling; the documentation has `endpoint`, which is found as well.
        let endpoint = fields::text(acl, "endPoint", report);
        let access_control = fields::text(acl, "accessControl", report);
        if let (Some(role), Some(endpoint), Some(access_control)) = (role, endpoint, access_control) {
            network.endpoint_acls.push(WrittenAcl { role, endpoint, access_control });
        }
    }
}

fn read_load_balancers(element: &Element, network: &mut WrittenNetwork, report: &mut Report) {
    let mut names = Vec::new();
    for balancers in element.children("LoadBalancers") {
        fields::required_child(balancers, "LoadBalancer", report);
        for balancer in balancers.children("LoadBalancer") {
            let name = fields::name(balancer, "name", LoadBalancerName::new, report);
            let front_end = fields::required_child(balancer, "FrontendIPConfiguration", report);
            let (subnet, address) =
                front_end.map(|element| read_front_end(element, report)).unwrap_or_default();
            let Some(name) = name else {
                network.has_nameless = true;
                continue;
            };
            network.load_balancers.push(LoadBalancer { name: name.value.clone(), subnet, address });
            names.push(name);
        }
    }
    let names = names.iter().map(|name| (name.value.as_str(), &name.span));
    reject_duplicates(names, Code::DuplicateNetworkItem, "load balancer", report);
}

fn read_front_end(element: &Element, report: &mut Report) -> (Option<SubnetName>, Option<Ipv4Addr>) {
    if let Some(kind) = fields::required(element, "type", report) {
        fields::word(kind, &[("private", ())], report);
    }
    let subnet = element.attribute("subnet");
    let subnet = subnet.and_then(|_| fields::name(element, "subnet", SubnetName::new, report));
    let address = element.attribute("staticVirtualNetworkIPAddress");
    let address = address.and_then(|address| read_address(address, report));
    (subnet.map(|name| name.value), address)
}

fn read_security_groups(element: &Element, network: &mut WrittenNetwork, report: &mut Report) {
    for reference in element.items("NetworkSecurityGroupRefs", "NetworkSecurityGroupRef") {
        let role = fields::text(reference, "roleName", report);
        let group = fields::required_child(reference, "NetworkSecurityGroup", report);
        let group = group.and_then(|group| fields::name(group, "name", SecurityGroupName::new, report));
        network.security_groups.extend(role.zip(group.map(|group| group.value)));
    }
    let roles = network.security_groups.iter().map(|(role, _)| (role.value.as_str(), &role.span));
    reject_duplicates(roles, Code::DuplicateNetworkItem, "security group of role", report);
}

fn read_address(attribute: &Attribute, report: &mut Report) -> Option<Ipv4Addr> {
    let address = attribute.value.trim().parse().ok();
    if address.is_none() {
        fields::invalid(attribute, "an address such as `10.1.0.4`", report);
    }
    address
}

fn read_subnet(attribute: &Attribute, report: &mut Report) -> Option<Subnet> {
    let subnet = attribute.value.trim().parse().ok();
    if subnet.is_none() {
        fields::invalid(attribute, "a range of addresses such as `10.1.0.0/16`", report);
    }
    subnet
}
