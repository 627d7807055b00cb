//! `NetworkConfiguration`: what the configuration says about the network around a deployment (facts: section 6).
//!
//! Roles and endpoints are looked up; what belongs to the subscription of a user (networks, subnets, reserved
//! addresses, security groups) is known by name only.

use std::net::Ipv4Addr;
use std::num::NonZeroU32;

use super::{
    AccessControlName, DnsServerName, EndpointId, LoadBalancerName, PublicIpName, ReservedIpName, RoleId,
    SecurityGroupName, Subnet, SubnetName, VirtualNetworkName,
};
use crate::Span;

/// The network of a deployment. Nothing of it when the configuration says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetworkConfiguration {
    /// Name servers in the order of the configuration.
    pub dns_servers: Vec<DnsServer>,
    /// The existing network that the deployment joins.
    pub virtual_network: Option<VirtualNetworkName>,
    /// Addresses of the instances of single roles, at most one entry for each role.
    pub instance_addresses: Vec<InstanceAddress>,
    /// The address that the deployment keeps over its life. Then there is an endpoint that is open to the outside.
    pub reserved_ip: Option<ReservedIpName>,
    /// Lists of who may reach an endpoint, by unique names.
    pub access_controls: Vec<AccessControl>,
    /// Which list guards which endpoint, at most one for each endpoint.
    pub endpoint_acls: Vec<EndpointAcl>,
    /// Balancers inside the private network, by unique names.
    pub load_balancers: Vec<LoadBalancer>,
    /// Security groups of roles, at most one for each role.
    pub security_groups: Vec<SecurityGroupRef>,
}

impl NetworkConfiguration {
    /// The list that guards an endpoint; `None`: everybody may reach it.
    pub fn access_control_of(&self, endpoint: EndpointId) -> Option<&AccessControl> {
        let acl = self.endpoint_acls.iter().find(|acl| acl.endpoint == endpoint)?;
        self.access_controls.iter().find(|list| list.name == acl.access_control)
    }
}

/// `DnsServer`: a name server for the instances.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DnsServer {
    /// Unique among the name servers.
    pub name: DnsServerName,
    /// Its address.
    pub address: Ipv4Addr,
}

/// `InstanceAddress`: where the instances of a role are in the network.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstanceAddress {
    /// The role.
    pub role: RoleId,
    /// Subnets of the network, in the order of the configuration.
    pub subnets: Vec<SubnetName>,
    /// A public address for each instance.
    pub public_ip: Option<PublicIp>,
}

/// `PublicIP`: a public address for each instance of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublicIp {
    /// Its name.
    pub name: PublicIpName,
    /// Minutes after which an idle connection is dropped; `None`: the platform's default.
    pub idle_timeout_minutes: Option<NonZeroU32>,
    /// The first part of the host names of the addresses.
    pub domain_name_label: Option<String>,
}

/// `AccessControl`: a list of rules about source addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessControl {
    /// Unique among the lists.
    pub name: AccessControlName,
    /// In the order in which they apply: ascending, no two alike. At least one.
    pub rules: Vec<AccessRule>,
}

impl AccessControl {
    /// Whether the list lets an address in. The first rule that has the address decides; where none has, the address
    /// is let in exactly when no rule of the list permits anything (facts: open question 31).
    pub fn permits(&self, address: Ipv4Addr) -> bool {
        let decided = self.rules.iter().find(|rule| rule.remote_subnet.contains(address));
        match decided {
            Some(rule) => rule.action == AccessAction::Permit,
            None => self.rules.iter().all(|rule| rule.action == AccessAction::Deny),
        }
    }
}

/// `Rule` of an access control list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessRule {
    /// Its place in the order: lower numbers apply first.
    pub order: u16,
    /// What happens to connections from the addresses.
    pub action: AccessAction,
    /// The addresses.
    pub remote_subnet: Subnet,
    /// What it is for; up to 256 characters.
    pub description: Option<String>,
    /// Where the configuration has it.
    pub span: Span,
}

/// What a rule does with connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccessAction {
    /// Lets them in.
    Permit,
    /// Keeps them out.
    Deny,
}

/// `EndpointAcl`: a list that guards an endpoint which is open to the outside.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointAcl {
    /// An input or instance input endpoint.
    pub endpoint: EndpointId,
    /// A list of the same configuration.
    pub access_control: AccessControlName,
}

/// `LoadBalancer`: a balancer inside the private network. Its front end has `type="private"`, the only one there is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadBalancer {
    /// Unique among the balancers. Input endpoints choose it by this name.
    pub name: LoadBalancerName,
    /// The subnet that it has its address in.
    pub subnet: Option<SubnetName>,
    /// Its address; `None`: the platform picks one.
    pub address: Option<Ipv4Addr>,
}

/// `NetworkSecurityGroupRef`: the security group of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecurityGroupRef {
    /// The role.
    pub role: RoleId,
    /// The group.
    pub group: SecurityGroupName,
}
