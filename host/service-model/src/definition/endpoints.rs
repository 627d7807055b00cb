//! Endpoints of a role (facts: section 2.4).

use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::{self, Located};
use crate::xml::Element;
use crate::{
    EndpointKind, EndpointName, InputEndpoint, InputProtocol, InstanceInputEndpoint, InternalEndpoint,
    InternalPorts, InternalProtocol, LocalPort, Port, PortRange, Span, Transport,
};

/// An endpoint as the definition writes it.
pub(crate) struct WrittenEndpoint {
    pub(crate) name: Located<EndpointName>,
    /// `None`: something about it is wrong, which was reported.
    pub(crate) kind: Option<EndpointKind>,
    /// Where its public ports are written, for endpoints that have any.
    pub(crate) public_port_span: Option<Span>,
    pub(crate) span: Span,
}

/// The endpoints of a role, and whether one of them has no name.
pub(super) fn read(role: &Element, report: &mut Report) -> (Vec<WrittenEndpoint>, bool) {
    for legacy in role.children("InputEndpoints").chain(role.children("InternalEndpoint")) {
        let message = format!("`{}` stands directly in the role", legacy.name);
        let note = Diagnostic::at(Code::LegacyForm, &legacy.span, message);
        report.push(note.help("newer definitions put every endpoint into `<Endpoints>`"));
    }
    let legacy_input = role.items("InputEndpoints", "InputEndpoint");
    let declared = role.children("Endpoints").flat_map(|container| &container.children);
    let elements = legacy_input.chain(role.children("InternalEndpoint")).chain(declared);

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
        if let Some(kind) = &kind {
            warn_not_served(kind, element, report);
        }
        let public_port_span = public_port_span(element);
        endpoints.push(WrittenEndpoint { name, kind, public_port_span, span: element.span.clone() });
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
    let certificate = element.attribute("certificate").map(|certificate| certificate.value.clone());
    let (protocol, port, local_port) = (protocol?, port?, local_port?);
    Some(EndpointKind::Input(InputEndpoint { protocol, port, local_port, certificate }))
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
    let (transport, local_port, public_ports) = (transport?, local_port?, public_ports?);
    Some(EndpointKind::InstanceInput(InstanceInputEndpoint { transport, local_port, public_ports }))
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
    for child in &element.children {
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

/// What this version leaves closed, or half open.
fn warn_not_served(kind: &EndpointKind, element: &Element, report: &mut Report) {
    let name = element.attribute("name").map_or("", |name| &name.value);
    let (what, label) = match kind {
        EndpointKind::Input(input) if input.protocol == InputProtocol::Https => {
            ("https input endpoints", "its public port stays closed")
        }
        EndpointKind::Input(input) if input.protocol == InputProtocol::Udp => {
            ("udp input endpoints", "its public port stays closed")
        }
        EndpointKind::InstanceInput(_) => ("instance input endpoints", "its public ports stay closed"),
        EndpointKind::Internal(internal) if internal.protocol == InternalProtocol::Udp => {
            ("udp endpoints", "nothing can be sent to it")
        }
        EndpointKind::Internal(internal) if internal.protocol == InternalProtocol::Any => {
            ("the udp half of endpoints for `any`", "it is open for tcp")
        }
        EndpointKind::Input(_) | EndpointKind::Internal(_) => return,
    };
    let message = format!("endpoint `{name}`: this version does not open {what}");
    report.push(Diagnostic::at(Code::NotServed, &element.span, message).label(label));
}

fn public_port_span(element: &Element) -> Option<Span> {
    match element.name.as_str() {
        "InputEndpoint" => element.attribute("port").map(|port| port.value_span.clone()),
        "InstanceInputEndpoint" => Some(element.span.clone()),
        _ => None,
    }
}
