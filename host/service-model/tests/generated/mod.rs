//! Services that nobody wrote: valid pairs of files with everything in them that the model has a place for.
//!
//! What is written follows from a list of numbers, the choices. An empty list gives the smallest service, and
//! smaller numbers give plainer ones, so that a test which fails ends with a small example.

mod endpoints;
mod network;
mod role;
mod xml;

use xml::{Choices, Xml};

/// A service as text.
pub struct Service {
    pub definition: String,
    pub configuration: String,
}

/// What is known of a role that others refer to.
struct Known {
    name: String,
    internal_endpoints: Vec<String>,
    /// Input and instance input endpoints.
    public_endpoints: Vec<String>,
}

/// What the roles of one service share.
struct Shared {
    /// The next public port that nobody has.
    public_port: u16,
    probes: Vec<String>,
    /// Modules with public ports of their own, which one role of a service can import: not imported yet.
    modules: Vec<&'static str>,
    /// Balancers of the configuration.
    balancers: Vec<String>,
}

/// The service that follows from the choices.
pub fn service(choices: &[u32]) -> Service {
    let mut choices = Choices::new(choices);
    let name = choices.name("Service", 0);
    let mut shared = Shared {
        public_port: 80,
        probes: choices.names("Probe", 3),
        modules: vec!["RemoteForwarder", "RemoteDebuggerConnector", "webdeploy"],
        balancers: choices.names("Balancer", 3),
    };
    let probes: Vec<Xml> = shared.probes.iter().map(|name| probe(name, &mut choices)).collect();

    let (mut declared, mut configured, mut known) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..=choices.below(4) {
        let role = role::role(number, &mut shared, &mut choices);
        declared.push(role.definition);
        configured.push(role.configuration);
        known.push(role.known);
    }
    let rules: Vec<Xml> = (0..choices.below(4)).filter_map(|_| rule(&known, &mut choices)).collect();
    let mut definition = Xml::new("ServiceDefinition")
        .with("xmlns", "http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition")
        .with("name", &name);
    if choices.maybe() {
        definition = definition.with("upgradeDomainCount", 1 + choices.below(20));
    }
    if choices.maybe() {
        definition = definition
            .with("topologyChangeDiscovery", choices.one_of(&["UpgradeDomainWalk", "Blast", "blast"]));
    }
    let definition = definition
        .holding_in("LoadBalancerProbes", probes)
        .holding(declared)
        .holding_in("NetworkTrafficRules", rules);
    // In another order, if at all: the files need not agree about that.
    if choices.maybe() {
        configured.reverse();
    }
    let configuration = Xml::new("ServiceConfiguration")
        .with("xmlns", "http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration")
        .with("serviceName", &name)
        .holding(configured)
        .holding_in("NetworkConfiguration", network::network(&shared.balancers, &known, &mut choices));
    let configuration = network::with_guest(configuration, &mut choices);
    Service {
        definition: definition.document(&mut choices),
        configuration: configuration.document(&mut choices),
    }
}

fn probe(name: &str, choices: &mut Choices<'_>) -> Xml {
    let mut probe = Xml::new("LoadBalancerProbe").with("name", name);
    probe = if choices.maybe() {
        probe.with("protocol", "http").with("path", choices.one_of(&["/", "", "health?a=b&c", " /x/y z"]))
    } else {
        probe.with("protocol", "tcp")
    };
    if choices.maybe() {
        probe = probe.with("port", 1 + choices.below(65_535));
    }
    if choices.maybe() {
        probe = probe.with("intervalInSeconds", 5 + choices.below(100));
    }
    if choices.maybe() {
        probe = probe.with("timeoutInSeconds", 11 + choices.below(100));
    }
    probe
}

/// A rule about some internal endpoints; `None` when there are none.
fn rule(roles: &[Known], choices: &mut Choices<'_>) -> Option<Xml> {
    let mut all =
        roles.iter().flat_map(|role| role.internal_endpoints.iter().map(move |name| (&role.name, name)));
    let mut destinations = Vec::from_iter(all.next());
    destinations.extend(all.filter(|_| choices.maybe()));
    let destination = |(role, endpoint): (&String, &String)| {
        Xml::new("RoleEndpoint").with("roleName", role).with("endpointName", endpoint)
    };
    if destinations.is_empty() {
        return None;
    }
    let sources = if choices.maybe() {
        let admitted: Vec<&Known> = roles.iter().filter(|_| choices.maybe()).collect();
        let sources = admitted.into_iter().map(|role| Xml::new("FromRole").with("roleName", &role.name));
        Xml::new("WhenSource").with("matches", "AnyRule").holding(sources)
    } else {
        Xml::new("AllowAllTraffic")
    };
    let destinations = destinations.into_iter().map(destination);
    Some(Xml::new("OnlyAllowTrafficTo").holding_in("Destinations", destinations).holding([sources]))
}
