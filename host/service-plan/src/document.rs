//! The plan as a document for programs: what `plan --format json` prints.
//!
//! The keys and their order are a promise to programs that read them: they are added to, never renamed. What is not
//! there is left out. Everything stands in the order of the plan, so that the same plan gives the same bytes.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{Ipv4Addr, SocketAddr};

use serde::{Serialize, Serializer};
use wasm_roles_service_model::{
    AppliedOverlay, Distribution, LocalResource, PortRange, Transport, VirtualDirectoryKind,
};

use wasm_roles_virtual_network::policy::{HostRules, OutboundRule, PolicyMode};

use crate::{
    Availability, InstanceId, Limits, Plan, PlannedBinding, PlannedEndpoint, PlannedInstance, PlannedPlace,
    PlannedRole, PlannedSite, PublicPort, RoleEndpoint, TrafficEntry,
};

/// Where public ports listen: the address for each.
pub type Publish<'a> = dyn Fn(&PublicPort) -> SocketAddr + 'a;

/// The plan as a document, to be written by any serializer.
///
/// `overlays` are the changes from the command line that the model behind the plan was read with: they tell what came
/// from where.
pub fn document<'a>(
    plan: &'a Plan,
    publish: &'a Publish<'a>,
    overlays: &'a [AppliedOverlay],
) -> impl Serialize + use<'a> {
    granted_document(plan, publish, overlays, &HostRules::default())
}

/// As [`document()`], with what the host grants beside the definition.
pub fn granted_document<'a>(
    plan: &'a Plan,
    publish: &'a Publish<'a>,
    overlays: &'a [AppliedOverlay],
    rules: &HostRules,
) -> impl Serialize + use<'a> {
    let outbound = plan.roles.iter().flat_map(|role| {
        let document =
            |rule: &OutboundRule| OutboundDocument { role: role.name.as_str(), allow: rule.to_string() };
        rules.of_role(role.name.as_str()).map(document).collect::<Vec<_>>()
    });
    Document {
        service: &plan.service,
        instances: Instances(plan),
        public: Published { plan, publish },
        sites: plan
            .roles
            .iter()
            .flat_map(|role| role.sites.iter().map(|site| SiteDocument::new(role, site)))
            .collect(),
        traffic: Traffic(plan),
        outbound: outbound.collect(),
        policy: (rules.mode == PolicyMode::Log).then_some("log"),
        overlays: overlays.iter().map(OverlayDocument::from).collect(),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    service: &'a str,
    instances: Instances<'a>,
    public: Published<'a>,
    sites: Vec<SiteDocument<'a>>,
    traffic: Traffic<'a>,
    /// Where the host lets roles out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    outbound: Vec<OutboundDocument<'a>>,
    /// How denials between roles are taken, if they are not enforced.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'static str>,
    overlays: Vec<OverlayDocument<'a>>,
}

/// Written one by one, since a plan may have tens of thousands.
struct Instances<'a>(&'a Plan);

impl Serialize for Instances<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let roles: BTreeMap<&str, &PlannedRole> =
            self.0.roles.iter().map(|role| (role.name.as_str(), role)).collect();
        let document = |instance| InstanceDocument::new(instance, roles.get(role_name(instance)).copied());
        serializer.collect_seq(self.0.instances.iter().map(document))
    }
}

fn role_name(instance: &PlannedInstance) -> &str {
    instance.role.as_str()
}

#[derive(Serialize)]
struct InstanceDocument<'a> {
    id: &'a str,
    role: &'a str,
    address: Ipv4Addr,
    fault_domain: u32,
    update_domain: u32,
    endpoints: Vec<EndpointDocument<'a>>,
    local_resources: Vec<LocalResourceDocument<'a>>,
    limits: LimitsDocument,
}

impl<'a> InstanceDocument<'a> {
    fn new(instance: &'a PlannedInstance, role: Option<&'a PlannedRole>) -> Self {
        let of_role = role.map(|role| role.endpoints.as_slice()).unwrap_or_default();
        let stores = role.map(|role| role.local_resources.as_slice()).unwrap_or_default();
        let endpoints = instance.endpoints.iter().zip(of_role);
        InstanceDocument {
            id: instance.id.as_str(),
            role: instance.role.as_str(),
            address: instance.address,
            fault_domain: instance.fault_domain,
            update_domain: instance.update_domain,
            endpoints: endpoints.map(|(own, of_role)| EndpointDocument::new(own, of_role)).collect(),
            local_resources: stores.iter().map(LocalResourceDocument::from).collect(),
            limits: instance.limits.into(),
        }
    }
}

#[derive(Serialize)]
struct EndpointDocument<'a> {
    name: &'a str,
    #[serde(serialize_with = "display")]
    kind: crate::EndpointKind,
    #[serde(serialize_with = "display")]
    protocol: crate::Protocol,
    /// 0 for every port.
    port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    port_max: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_port: Option<u16>,
    /// All ports, when one range does not say it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ranges: Vec<RangeDocument>,
}

impl<'a> EndpointDocument<'a> {
    fn new(own: &'a PlannedEndpoint, of_role: &'a RoleEndpoint) -> Self {
        let ranges = if of_role.ranges.len() > 1 { of_role.ranges.as_slice() } else { &[] };
        EndpointDocument {
            name: &own.name,
            kind: own.kind,
            protocol: own.protocol,
            port: own.port,
            port_max: own.port_max,
            public_port: own.public_port,
            ranges: ranges.iter().map(RangeDocument::from).collect(),
        }
    }
}

#[derive(Serialize)]
struct RangeDocument {
    min: u16,
    max: u16,
}

impl From<&PortRange> for RangeDocument {
    fn from(range: &PortRange) -> Self {
        RangeDocument { min: range.first().get(), max: range.last().get() }
    }
}

#[derive(Serialize)]
struct LocalResourceDocument<'a> {
    name: &'a str,
    size_mb: u32,
    clean_on_recycle: bool,
}

impl<'a> From<&'a LocalResource> for LocalResourceDocument<'a> {
    fn from(store: &'a LocalResource) -> Self {
        LocalResourceDocument {
            name: store.name.as_str(),
            size_mb: store.size_mb,
            clean_on_recycle: store.clean_on_recycle,
        }
    }
}

#[derive(Serialize)]
struct LimitsDocument {
    memory_bytes: u64,
    cpu_weight: u32,
    disk_bytes: u64,
    sockets: u32,
    host_sockets: u32,
    resources: u32,
    table_elements: u32,
    log_bytes_per_second: u64,
}

impl From<Limits> for LimitsDocument {
    fn from(limits: Limits) -> Self {
        LimitsDocument {
            memory_bytes: limits.memory_bytes,
            cpu_weight: limits.cpu_weight,
            disk_bytes: limits.disk_bytes,
            sockets: limits.sockets,
            host_sockets: limits.host_sockets,
            resources: limits.resources,
            table_elements: limits.table_elements,
            log_bytes_per_second: limits.log_bytes_per_second,
        }
    }
}

struct Published<'a> {
    plan: &'a Plan,
    publish: &'a Publish<'a>,
}

impl Serialize for Published<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let document = |public| PublicDocument::new(public, (self.publish)(public));
        serializer.collect_seq(self.plan.public.iter().map(document))
    }
}

#[derive(Serialize)]
struct PublicDocument<'a> {
    port: u16,
    transport: &'static str,
    role: &'a str,
    endpoint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    listen: SocketAddr,
    /// The name of the probe that decides which instances answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<&'a str>,
    /// Whether instances answer in every state.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ignore_status: bool,
    /// What keeps connections with one instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    distribution: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_timeout_seconds: Option<u64>,
}

impl<'a> PublicDocument<'a> {
    fn new(public: &'a PublicPort, listen: SocketAddr) -> Self {
        PublicDocument {
            port: public.port.get(),
            transport: match public.transport {
                Transport::Tcp => "tcp",
                Transport::Udp => "udp",
            },
            role: public.role.as_str(),
            endpoint: &public.endpoint,
            instance: public.instance.as_ref().map(InstanceId::as_str),
            listen,
            probe: match &public.availability {
                Availability::Probed(probe) => Some(&probe.name),
                Availability::Ready | Availability::Running => None,
            },
            ignore_status: public.availability == Availability::Running,
            distribution: match public.distribution {
                Distribution::FiveTuple => None,
                Distribution::SourceIp => Some("sourceIP"),
                Distribution::SourceIpProtocol => Some("sourceIPProtocol"),
            },
            idle_timeout_seconds: public.idle_timeout.map(|timeout| timeout.as_secs()),
        }
    }
}

#[derive(Serialize)]
struct SiteDocument<'a> {
    role: &'a str,
    name: &'a str,
    bindings: Vec<BindingDocument<'a>>,
    /// The root first.
    places: Vec<PlaceDocument<'a>>,
}

#[derive(Serialize)]
struct BindingDocument<'a> {
    endpoint: &'a str,
    port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
}

#[derive(Serialize)]
struct PlaceDocument<'a> {
    path: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    physical_directory: Option<&'a str>,
}

impl<'a> SiteDocument<'a> {
    fn new(role: &'a PlannedRole, site: &'a PlannedSite) -> Self {
        let binding = |binding: &'a PlannedBinding| BindingDocument {
            endpoint: &binding.endpoint,
            port: binding.port,
            host: binding.host.as_deref(),
        };
        let place = |(path, place): (String, &'a PlannedPlace)| PlaceDocument {
            path,
            kind: match place.kind {
                VirtualDirectoryKind::Directory => "directory",
                VirtualDirectoryKind::Application => "application",
            },
            physical_directory: place.physical_directory.as_deref(),
        };
        SiteDocument {
            role: role.name.as_str(),
            name: &site.name,
            bindings: site.bindings.iter().map(binding).collect(),
            places: site.root.all().into_iter().map(place).collect(),
        }
    }
}

struct Traffic<'a>(&'a Plan);

impl Serialize for Traffic<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.traffic().map(TrafficDocument::from))
    }
}

#[derive(Serialize)]
struct TrafficDocument<'a> {
    from: &'a str,
    to: &'a str,
    endpoint: &'a str,
    allowed: bool,
    #[serde(serialize_with = "display")]
    because: crate::Because<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
}

impl<'a> From<TrafficEntry<'a>> for TrafficDocument<'a> {
    fn from(entry: TrafficEntry<'a>) -> Self {
        TrafficDocument {
            from: entry.from.as_str(),
            to: entry.to.as_str(),
            endpoint: &entry.endpoint.name,
            allowed: entry.allowed,
            line: entry.line(),
            because: entry.because,
        }
    }
}

#[derive(Serialize)]
struct OutboundDocument<'a> {
    role: &'a str,
    allow: String,
}

#[derive(Serialize)]
struct OverlayDocument<'a> {
    target: &'a str,
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    was: Option<&'a str>,
    given_as: &'a str,
    /// Where the value before stands, as `file:line:column`.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<String>,
}

impl<'a> From<&'a AppliedOverlay> for OverlayDocument<'a> {
    fn from(overlay: &'a AppliedOverlay) -> Self {
        OverlayDocument {
            target: &overlay.target,
            value: &overlay.value,
            was: overlay.was.as_deref(),
            given_as: &overlay.given_as,
            replaced: overlay.replaced.as_ref().map(ToString::to_string),
        }
    }
}

fn display<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
