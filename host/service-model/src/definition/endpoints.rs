//! Endpoints of a role (facts: section 2.4).

use std::num::NonZeroU32;

use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::{self, Located};
use crate::xml::Element;
use crate::{
    Distribution, EndpointKind, EndpointName, InputEndpoint, InputProtocol, InstanceInputEndpoint,
    InternalEndpoint, InternalPorts, InternalProtocol, LoadBalancerName, LocalPort, Port, PortRange,
    RoleKind, Span, Transport,
};

/// An endpoint as the definition writes it.
pub(crate) struct WrittenEndpoint {
    pub(crate) name: Located<EndpointName>,
    /// `None`: something about it is wrong, which was reported.
    pub(crate) kind: Option<EndpointKind>,
    /// The certificate that it names, not looked up yet.
    pub(crate) certificate: Option<Located<String>>,
    /// The balancer of the configuration that it names, not looked up yet.
    pub(crate) load_balancer: Option<Located<String>>,
    /// The probe of the load balancer that it names, not looked up yet.
    pub(crate) probe: Option<Located<String>>,
    /// Where its public ports are written, for endpoints that have any.
    pub(crate) public_port_span: Option<Span>,
    pub(crate) span: Span,
}

/// The endpoints of a role, and whether one of them has no name.
pub(super) fn read(role: &Element, kind: RoleKind, report: &mut Report) -> (Vec<WrittenEndpoint>, bool) {
    // Only web roles had these forms; elsewhere they are reported as unknown.
    let legacy_of = |name| role.children(name).filter(move |_| kind == RoleKind::Web);
    for legacy in legacy_of("InputEndpoints").chain(legacy_of("InternalEndpoint")) {
        let message = format!("`{}` stands directly in the role", legacy.name);
        let note = Diagnostic::at(Code::LegacyForm, &legacy.span, message);
        report.push(note.help("newer definitions put every endpoint into `<Endpoints>`"));
    }
    let legacy_input = legacy_of("InputEndpoints").flat_map(|legacy| legacy.children("InputEndpoint"));
    let declared = role.children("Endpoints").flat_map(Element::own_children);
    let elements = legacy_input.chain(legacy_of("InternalEndpoint")).chain(declared);

    let mut endpoints = Vec::new();
    let mut has_nameless = false;
    for element in elements {
        let read_kind: fn(&Element, &mut Report) -> Option<EndpointKind> = match element.name.as_str() {
            "InputEndpoint" => input,
            "InternalEndpoint" => internal,
            "InstanceInputEndpoint" => instance_input,
            _ => continue,
        };
        let name = fields::name(element, "name", EndpointName::new, report);
        let kind = read_kind(element, report);
        let Some(name) = name else {
            has_nameless = true;
            continue;
        };
        let public_port_span = public_port_span(element);
        let of_input = |name| attribute_of_input(element, name);
        endpoints.push(WrittenEndpoint {
            name,
            kind,
            certificate: of_input("certificate"),
            load_balancer: of_input("loadBalancer"),
            probe: of_input("loadBalancerProbe"),
            public_port_span,
            span: element.span.clone(),
        });
    }
    let names = endpoints.iter().map(|endpoint| (endpoint.name.value.as_str(), &endpoint.name.span));
    fields::reject_duplicates(names, Code::DuplicateEndpoint, "endpoint", report);
    (endpoints, has_nameless)
}

fn input(element: &Element, report: &mut Report) -> Option<EndpointKind> {
    let protocols = [
        ("http", InputProtocol::Http),
        ("https", InputProtocol::Https),
        ("tcp", InputProtocol::Tcp),
        ("udp", InputProtocol::Udp),
    ];
    let protocol = fields::required(element, "protocol", report);
    let protocol = protocol.and_then(|protocol| fields::word(protocol, &protocols, report));
    let port = fields::required(element, "port", report).and_then(|port| fields::port(port, report));
    let local_port = match element.attribute("localPort") {
        Some(local_port) => fields::port_or_any(local_port, report),
        None => port.map(LocalPort::Fixed),
    };
    let ignore_status = element.attribute("ignoreRoleInstanceStatus");
    let ignore_status = ignore_status.and_then(|ignore| fields::boolean(ignore, report));
    let load_balancer = element.attribute("loadBalancer");
    let load_balancer =
        load_balancer.and_then(|_| fields::name(element, "loadBalancer", LoadBalancerName::new, report));
    let idle_timeout_minutes = idle_timeout(element, report);
    let distribution = distribution(element, report);
    let (protocol, port, local_port) = (protocol?, port?, local_port?);
    Some(EndpointKind::Input(InputEndpoint {
        protocol,
        port,
        local_port,
        certificate: None,
        probe: None,
        idle_timeout_minutes,
        distribution,
        ignore_role_instance_status: ignore_status.unwrap_or(false),
        load_balancer: load_balancer.map(|name| name.value),
    }))
}

fn idle_timeout(element: &Element, report: &mut Report) -> Option<NonZeroU32> {
    let minutes = element.attribute("idleTimeoutInMinutes")?;
    fields::number(minutes, NonZeroU32::MIN..=NonZeroU32::MAX, report)
}

fn distribution(element: &Element, report: &mut Report) -> Distribution {
    let words = [
        ("none", Distribution::FiveTuple),
        ("sourceIP", Distribution::SourceIp),
        ("sourceIPProtocol", Distribution::SourceIpProtocol),
    ];
    let written = element.attribute("loadBalancerDistribution");
    written.and_then(|written| fields::word(written, &words, report)).unwrap_or_default()
}

fn attribute_of_input(element: &Element, name: &str) -> Option<Located<String>> {
    let attribute = element.attribute(name).filter(|_| element.name == "InputEndpoint")?;
    Some(Located { value: attribute.value.clone(), span: attribute.value_span.clone() })
}

fn instance_input(element: &Element, report: &mut Report) -> Option<EndpointKind> {
    let protocols = [("tcp", Transport::Tcp), ("udp", Transport::Udp)];
    let transport = fields::required(element, "protocol", report);
    let transport = transport.and_then(|protocol| fields::word(protocol, &protocols, report));
    let local_port =
        fields::required(element, "localPort", report).and_then(|port| fields::port(port, report));
    let public_ports = fields::required_child(element, "AllocatePublicPortFrom", report)
        .and_then(|from| fields::required_child(from, "FixedPortRange", report))
        .and_then(|range| port_range(range, report));
    let idle_timeout_minutes = idle_timeout(element, report);
    let (transport, local_port, public_ports) = (transport?, local_port?, public_ports?);
    let endpoint = InstanceInputEndpoint { transport, local_port, public_ports, idle_timeout_minutes };
    Some(EndpointKind::InstanceInput(endpoint))
}

fn internal(element: &Element, report: &mut Report) -> Option<EndpointKind> {
    let protocols = [
        ("http", InternalProtocol::Http),
        ("tcp", InternalProtocol::Tcp),
        ("udp", InternalProtocol::Udp),
        ("any", InternalProtocol::Any),
    ];
    let protocol = fields::required(element, "protocol", report);
    let protocol = protocol.and_then(|protocol| fields::word(protocol, &protocols, report));
    let ports = internal_ports(element, report);
    let (protocol, ports) = (protocol?, ports?);
    Some(EndpointKind::Internal(InternalEndpoint { protocol, ports }))
}

fn internal_ports(element: &Element, report: &mut Report) -> Option<InternalPorts> {
    let mut ranges = Vec::new();
    let mut complete = true;
    for child in element.own_children() {
        let range = match child.name.as_str() {
            "FixedPort" => fields::required(child, "port", report)
                .and_then(|port| fields::port(port, report))
                .map(PortRange::single),
            "FixedPortRange" => port_range(child, report),
            _ => continue,
        };
        match range {
            Some(range) => ranges.push(range),
            None => complete = false,
        }
    }
    let Some(attribute) = element.attribute("port") else {
        let ports = if ranges.is_empty() { InternalPorts::Unnamed } else { InternalPorts::Fixed(ranges) };
        return complete.then_some(ports);
    };
    if !ranges.is_empty() {
        let message = "the endpoint has `port` and fixed ports as elements";
        let error = Diagnostic::at(Code::ConflictingForms, &attribute.name_span, message);
        report.push(error.help("write each port as `<FixedPort port=\"…\" />`, without the attribute"));
        return None;
    }
    let ports = match fields::port_or_any(attribute, report)? {
        LocalPort::Dynamic => InternalPorts::Unnamed,
        LocalPort::Fixed(port) => InternalPorts::Fixed(vec![PortRange::single(port)]),
    };
    complete.then_some(ports)
}

fn port_range(element: &Element, report: &mut Report) -> Option<PortRange> {
    let mut end = |name| fields::required(element, name, report).and_then(|end| fields::port(end, report));
    let (min, max): (Option<Port>, Option<Port>) = (end("min"), end("max"));
    let (min, max) = (min?, max?);
    PortRange::new(min, max).or_else(|| {
        let message = format!("the port range has its higher end first: min {min}, max {max}");
        let warning = Diagnostic::at(Code::ReversedRange, &element.span, message);
        report.push(warning.label(format!("read as {max} to {min}")));
        PortRange::new(max, min)
    })
}

fn public_port_span(element: &Element) -> Option<Span> {
    match element.name.as_str() {
        "InputEndpoint" => element.attribute("port").map(|port| port.value_span.clone()),
        "InstanceInputEndpoint" => Some(element.span.clone()),
        _ => None,
    }
}
