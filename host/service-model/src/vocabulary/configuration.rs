//! The vocabulary of `.cscfg` files (facts: section 6).

use super::{ElementRule, element, later, meaningless, often, once, pending_once, read};

pub(crate) static SERVICE_CONFIGURATION: ElementRule = element(
    "ServiceConfiguration",
    &[
        read("serviceName"),
        meaningless("osFamily", "a component runs on no guest operating system"),
        meaningless("osVersion", "a component runs on no guest operating system"),
        // As in the definition.
        read("schemaVersion"),
    ],
    &[
        often(&ROLE),
        pending_once(&NETWORK_CONFIGURATION, "every deployment has a private network of its own"),
        pending_once(&GUEST_AGENT_SETTINGS, "there is no guest agent"),
    ],
);

static ROLE: ElementRule = element(
    "Role",
    &[read("name"), later("vmName", "instances are named after their role")],
    &[
        once(&INSTANCES),
        once(&CONFIGURATION_SETTINGS),
        once(&CERTIFICATES),
        pending_once(&OS_IMAGE, "there are no virtual machine roles"),
    ],
);
static INSTANCES: ElementRule = element("Instances", &[read("count")], &[]);
static CONFIGURATION_SETTINGS: ElementRule = element("ConfigurationSettings", &[], &[often(&SETTING)]);
static SETTING: ElementRule = element("Setting", &[read("name"), read("value")], &[]);
static CERTIFICATES: ElementRule = element("Certificates", &[], &[often(&CERTIFICATE)]);
static CERTIFICATE: ElementRule =
    element("Certificate", &[read("name"), read("thumbprint"), read("thumbprintAlgorithm")], &[]);
static OS_IMAGE: ElementRule = element("OsImage", &[read("href")], &[]);

static GUEST_AGENT_SETTINGS: ElementRule = element(
    "GuestAgentSettings",
    &[read("cleanupFirewallOnRoleRestart"), read("allowRoleProcessLocalDumps")],
    &[],
);

static NETWORK_CONFIGURATION: ElementRule = element(
    "NetworkConfiguration",
    &[],
    &[
        once(&DNS),
        once(&VIRTUAL_NETWORK_SITE),
        once(&ADDRESS_ASSIGNMENTS),
        once(&ACCESS_CONTROLS),
        once(&ENDPOINT_ACLS),
        once(&LOAD_BALANCERS),
        once(&NETWORK_SECURITY_GROUP_REFS),
    ],
);

static DNS: ElementRule = element("Dns", &[], &[once(&DNS_SERVERS)]);
static DNS_SERVERS: ElementRule = element("DnsServers", &[], &[often(&DNS_SERVER)]);
static DNS_SERVER: ElementRule = element("DnsServer", &[read("name"), read("IPAddress")], &[]);

static VIRTUAL_NETWORK_SITE: ElementRule = element("VirtualNetworkSite", NAME, &[]);

static ADDRESS_ASSIGNMENTS: ElementRule =
    element("AddressAssignments", &[], &[often(&INSTANCE_ADDRESS), once(&RESERVED_IPS)]);
static INSTANCE_ADDRESS: ElementRule =
    element("InstanceAddress", &[read("roleName")], &[once(&SUBNETS), once(&PUBLIC_IPS)]);
static SUBNETS: ElementRule = element("Subnets", &[], &[often(&SUBNET)]);
static SUBNET: ElementRule = element("Subnet", NAME, &[]);
static PUBLIC_IPS: ElementRule = element("PublicIPs", &[], &[once(&PUBLIC_IP)]);
static PUBLIC_IP: ElementRule =
    // The label came with the schema of SDK 2.6.
    element("PublicIP", &[read("name"), read("idleTimeoutInMinutes"), read("domainNameLabel")], &[]);
static RESERVED_IPS: ElementRule = element("ReservedIPs", &[], &[once(&RESERVED_IP)]);
static RESERVED_IP: ElementRule = element("ReservedIP", NAME, &[]);

static ACCESS_CONTROLS: ElementRule = element("AccessControls", &[], &[often(&ACCESS_CONTROL)]);
static ACCESS_CONTROL: ElementRule = element("AccessControl", NAME, &[often(&RULE)]);
static RULE: ElementRule =
    element("Rule", &[read("order"), read("action"), read("remoteSubnet"), read("description")], &[]);

static ENDPOINT_ACLS: ElementRule = element("EndpointAcls", &[], &[often(&ENDPOINT_ACL)]);
static ENDPOINT_ACL: ElementRule =
    element("EndpointAcl", &[read("role"), read("endPoint"), read("accessControl")], &[]);

static LOAD_BALANCERS: ElementRule = element("LoadBalancers", &[], &[often(&LOAD_BALANCER)]);
static LOAD_BALANCER: ElementRule = element("LoadBalancer", NAME, &[once(&FRONTEND_IP_CONFIGURATION)]);
static FRONTEND_IP_CONFIGURATION: ElementRule = element(
    "FrontendIPConfiguration",
    &[read("type"), read("subnet"), read("staticVirtualNetworkIPAddress")],
    &[],
);

static NETWORK_SECURITY_GROUP_REFS: ElementRule =
    element("NetworkSecurityGroupRefs", &[], &[often(&NETWORK_SECURITY_GROUP_REF)]);
static NETWORK_SECURITY_GROUP_REF: ElementRule =
    element("NetworkSecurityGroupRef", &[read("roleName")], &[once(&NETWORK_SECURITY_GROUP)]);
static NETWORK_SECURITY_GROUP: ElementRule = element("NetworkSecurityGroup", NAME, &[]);

const NAME: &[super::AttributeRule] = &[read("name")];
