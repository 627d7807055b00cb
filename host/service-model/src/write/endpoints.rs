//! Endpoints.

use super::tag::Tag;
use crate::{
    Distribution, Endpoint, EndpointKind, InputEndpoint, InputProtocol, InstanceInputEndpoint,
    InternalEndpoint, InternalPorts, InternalProtocol, LocalPort, PortRange, ServiceModel, Transport,
};

pub(super) fn endpoint(endpoint: &Endpoint, model: &ServiceModel) -> Tag {
    let name = &endpoint.name;
    match &endpoint.kind {
        EndpointKind::Input(input) => complete_input(Tag::named("InputEndpoint", name), input, model),
        EndpointKind::InstanceInput(input) => {
            complete_instance_input(Tag::named("InstanceInputEndpoint", name), input)
        }
        EndpointKind::Internal(internal) => complete_internal(Tag::named("InternalEndpoint", name), internal),
    }
}

fn complete_input(tag: Tag, input: &InputEndpoint, model: &ServiceModel) -> Tag {
    let protocol = match input.protocol {
        InputProtocol::Http => "http",
        InputProtocol::Https => "https",
        InputProtocol::Tcp => "tcp",
        InputProtocol::Udp => "udp",
    };
    let local_port = match input.local_port {
        LocalPort::Fixed(port) if port == input.port => None,
        LocalPort::Fixed(port) => Some(port.to_string()),
        LocalPort::Dynamic => Some("*".to_owned()),
    };
    let distribution = match input.distribution {
        Distribution::FiveTuple => None,
        Distribution::SourceIp => Some("sourceIP"),
        Distribution::SourceIpProtocol => Some("sourceIPProtocol"),
    };
    let probe = input.probe.and_then(|id| model.probe(id)).map(|probe| &probe.name);
    tag.with("protocol", protocol)
        .with("port", input.port)
        .with_some("localPort", local_port)
        .with_some("certificate", input.certificate.as_ref())
        .with_some("ignoreRoleInstanceStatus", input.ignore_role_instance_status.then_some(true))
        .with_some("loadBalancerProbe", probe)
        .with_some("loadBalancer", input.load_balancer.as_ref())
        .with_some("idleTimeoutInMinutes", input.idle_timeout_minutes)
        .with_some("loadBalancerDistribution", distribution)
}

fn complete_instance_input(tag: Tag, input: &InstanceInputEndpoint) -> Tag {
    let protocol = match input.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    };
    tag.with("protocol", protocol)
        .with("localPort", input.local_port)
        .with_some("idleTimeoutInMinutes", input.idle_timeout_minutes)
        .holding_in("AllocatePublicPortFrom", [fixed_range(input.public_ports)])
}

fn complete_internal(tag: Tag, internal: &InternalEndpoint) -> Tag {
    let protocol = match internal.protocol {
        InternalProtocol::Http => "http",
        InternalProtocol::Tcp => "tcp",
        InternalProtocol::Udp => "udp",
        InternalProtocol::Any => "any",
    };
    let ports = match &internal.ports {
        InternalPorts::Unnamed => &[],
        InternalPorts::Fixed(ranges) => ranges.as_slice(),
    };
    tag.with("protocol", protocol).holding(ports.iter().copied().map(fixed_ports))
}

fn fixed_ports(range: PortRange) -> Tag {
    if range.first() == range.last() {
        Tag::new("FixedPort").with("port", range.first())
    } else {
        fixed_range(range)
    }
}

fn fixed_range(range: PortRange) -> Tag {
    Tag::new("FixedPortRange").with("min", range.first()).with("max", range.last())
}
