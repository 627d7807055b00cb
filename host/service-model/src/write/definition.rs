//! The definition: the root, its probes and its traffic rules.

use super::role::role;
use super::tag::Tag;
use crate::definition::UPGRADE_DOMAINS;
use crate::xml::DEFINITION_NAMESPACE;
use crate::{
    EndpointId, LoadBalancerProbe, ProbeCheck, RoleId, ServiceModel, Sources, TopologyChangeDiscovery,
    TrafficRule,
};

pub(super) fn definition(model: &ServiceModel) -> Tag {
    let domains = model.upgrade_domain_count();
    let discovery = match model.topology_change_discovery() {
        TopologyChangeDiscovery::UpgradeDomainWalk => None,
        TopologyChangeDiscovery::Blast => Some("Blast"),
    };
    Tag::named("ServiceDefinition", model.name())
        .with("xmlns", DEFINITION_NAMESPACE)
        .with_some("upgradeDomainCount", (domains != UPGRADE_DOMAINS).then_some(domains))
        .with_some("topologyChangeDiscovery", discovery)
        .holding_in("LoadBalancerProbes", model.probes().iter().map(probe))
        .holding(model.roles().iter().map(|declared| role(declared, model)))
        .holding_in("NetworkTrafficRules", model.rules().iter().map(|rule| traffic_rule(rule, model)))
}

fn probe(probe: &LoadBalancerProbe) -> Tag {
    let tag = Tag::named("LoadBalancerProbe", &probe.name);
    let tag = match &probe.check {
        ProbeCheck::Tcp => tag.with("protocol", "tcp"),
        ProbeCheck::Http { path } => tag.with("protocol", "http").with("path", path),
    };
    tag.with_some("port", probe.port)
        .with("intervalInSeconds", probe.interval_seconds)
        .with("timeoutInSeconds", probe.timeout_seconds)
}

fn traffic_rule(rule: &TrafficRule, model: &ServiceModel) -> Tag {
    let destinations = rule.destinations.iter().filter_map(|id| destination(*id, model));
    let sources = match &rule.sources {
        Sources::AllRoles => Tag::new("AllowAllTraffic"),
        Sources::Roles(roles) => Tag::new("WhenSource")
            .with("matches", "AnyRule")
            .holding(roles.iter().filter_map(|id| source(*id, model))),
    };
    Tag::new("OnlyAllowTrafficTo").holding_in("Destinations", destinations).holding([sources])
}

fn destination(id: EndpointId, model: &ServiceModel) -> Option<Tag> {
    let (role, endpoint) = (model.role(id.role())?, model.endpoint(id)?);
    Some(Tag::new("RoleEndpoint").with("endpointName", &endpoint.name).with("roleName", &role.name))
}

fn source(id: RoleId, model: &ServiceModel) -> Option<Tag> {
    Some(Tag::new("FromRole").with("roleName", &model.role(id)?.name))
}
