//! Endpoints of all kinds.

use super::Shared;
use super::xml::{Choices, Xml};

/// An endpoint, with what others may ask of it.
pub struct Endpoint {
    pub name: String,
    pub is_internal: bool,
    pub is_input: bool,
    pub xml: Xml,
}

/// The endpoint of this number in its role. Its ports are of its own.
pub fn any(
    number: u32,
    instances: u32,
    certificates: &[String],
    shared: &mut Shared,
    choices: &mut Choices<'_>,
) -> Endpoint {
    let kind = choices.below(4);
    let name = choices.name("Endpoint", number);
    let local_port = 10_000 + number * 100;
    match kind {
        0 => internal(name, local_port, choices),
        1 => input(name, choices.one_of(&["tcp", "http", "udp", "TCP"]), shared, choices),
        2 => instance_input(name, local_port, instances, shared, choices),
        _ => match certificates {
            [] => input(name, "tcp", shared, choices),
            [first, ..] => {
                let endpoint = input(name, "https", shared, choices);
                Endpoint { xml: endpoint.xml.with("certificate", first), ..endpoint }
            }
        },
    }
}

pub fn input(name: String, protocol: &str, shared: &mut Shared, choices: &mut Choices<'_>) -> Endpoint {
    let port = shared.public_port;
    shared.public_port += 1;
    let mut xml = Xml::new("InputEndpoint").with("name", &name).with("protocol", protocol).with("port", port);
    match choices.below(4) {
        1 => xml = xml.with("localPort", "*"),
        2 => xml = xml.with("localPort", port),
        3 => xml = xml.with("localPort", port + 2_000),
        _ => {}
    }
    if choices.maybe() && !shared.probes.is_empty() {
        let names: Vec<&str> = shared.probes.iter().map(String::as_str).collect();
        xml = xml.with("loadBalancerProbe", choices.one_of(&names));
    }
    if choices.maybe() && !shared.balancers.is_empty() {
        let names: Vec<&str> = shared.balancers.iter().map(String::as_str).collect();
        xml = xml.with("loadBalancer", choices.one_of(&names));
    }
    if choices.maybe() {
        xml = xml.with("idleTimeoutInMinutes", 1 + choices.below(60));
    }
    if choices.maybe() {
        let words = ["none", "sourceIP", "sourceIPProtocol", "SourceIp"];
        xml = xml.with("loadBalancerDistribution", choices.one_of(&words));
    }
    if choices.maybe() {
        xml = xml.with("ignoreRoleInstanceStatus", choices.one_of(&["true", "false", "1", "0"]));
    }
    Endpoint { name, is_internal: false, is_input: true, xml }
}

fn instance_input(
    name: String,
    local_port: u32,
    instances: u32,
    shared: &mut Shared,
    choices: &mut Choices<'_>,
) -> Endpoint {
    let first = u32::from(shared.public_port);
    let last = first + instances.max(1) - 1 + choices.below(3);
    shared.public_port = u16::try_from(last + 1).unwrap();
    // The wrong way round works too.
    let (min, max) = if choices.maybe() { (last, first) } else { (first, last) };
    let mut xml = Xml::new("InstanceInputEndpoint")
        .with("name", &name)
        .with("protocol", choices.one_of(&["tcp", "udp"]))
        .with("localPort", local_port);
    if choices.maybe() {
        xml = xml.with("idleTimeoutInMinutes", 1 + choices.below(60));
    }
    let range = Xml::new("FixedPortRange").with("min", min).with("max", max);
    let xml = xml.holding_in("AllocatePublicPortFrom", [range]);
    Endpoint { name, is_internal: false, is_input: false, xml }
}

fn internal(name: String, local_port: u32, choices: &mut Choices<'_>) -> Endpoint {
    let xml = Xml::new("InternalEndpoint")
        .with("name", &name)
        .with("protocol", choices.one_of(&["tcp", "http", "udp", "any"]));
    let xml = match choices.below(4) {
        0 => xml,
        1 => xml.with("port", "*"),
        2 => xml.with("port", local_port),
        _ => xml.holding((0..1 + choices.below(3)).map(|part| {
            let port = local_port + part * 10;
            match choices.below(3) {
                0 => Xml::new("FixedPort").with("port", port),
                width => Xml::new("FixedPortRange").with("min", port).with("max", port + width - 1),
            }
        })),
    };
    Endpoint { name, is_internal: true, is_input: false, xml }
}
