//! What the configuration says beyond instance counts and settings, and the limits of the platform.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

use std::net::Ipv4Addr;

use wasm_roles_service_model::{
    Code, LimitsMode, Options, Outcome, ServiceModel, Severity, Source, load, render,
};

const NAMESPACES: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10/";

fn definition(inside: &str) -> Source {
    let text = format!(
        "<ServiceDefinition name='A' xmlns='{NAMESPACES}ServiceDefinition'>{inside}</ServiceDefinition>"
    );
    Source { name: "a.csdef".to_owned(), text }
}

fn configuration(inside: &str) -> Source {
    let text = format!(
        "<ServiceConfiguration serviceName='A' xmlns='{NAMESPACES}ServiceConfiguration'>{inside}</ServiceConfiguration>"
    );
    Source { name: "a.cscfg".to_owned(), text }
}

fn read(inside: &str, configured: &str, options: Options) -> Outcome {
    load(&definition(inside), Some(&configuration(configured)), &options)
}

/// The model of files without an error.
fn model(inside: &str, configured: &str) -> ServiceModel {
    let (definition, configuration) = (definition(inside), configuration(configured));
    let outcome = load(&definition, Some(&configuration), &Options::default());
    let text = render(&outcome.diagnostics, &[&definition, &configuration], false);
    outcome.model.unwrap_or_else(|| panic!("{text}"))
}

fn count(outcome: &Outcome, code: Code, severity: Severity) -> usize {
    outcome.diagnostics.iter().filter(|found| found.code == code && found.severity == severity).count()
}

const WARN: Options = Options { strict: false, limits: LimitsMode::Warn };

/// A role with as many of something as one wants.
fn many(number: usize, item: impl Fn(usize) -> String) -> String {
    (0..number).map(item).collect()
}

#[test]
fn limits_are_errors_unless_asked_to_warn() {
    let endpoints = many(6, |n| format!("<InternalEndpoint name='E{n}' protocol='tcp'/>"));
    let inside = format!("<WorkerRole name='W'><Endpoints>{endpoints}</Endpoints></WorkerRole>");
    let configured = "<Role name='W'><Instances count='1'/></Role>";

    let enforced = read(&inside, configured, Options::default());
    assert!(enforced.model.is_none());
    assert_eq!(count(&enforced, Code::LimitExceeded, Severity::Error), 1);

    let warned = read(&inside, configured, WARN);
    assert_eq!(warned.model.unwrap().roles()[0].endpoints.len(), 6);
    let strict = read(&inside, configured, Options { strict: true, ..WARN });
    assert!(strict.model.is_some(), "a strict reading leaves the limits to their own option");
    assert_eq!(count(&strict, Code::LimitExceeded, Severity::Warning), 1);
}

#[test]
fn the_last_allowed_certificate_and_rule_are_allowed() {
    let check = |certificates: usize, rules: usize| {
        let declared = many(certificates, |n| {
            format!("<Certificate name='C{n}' storeLocation='LocalMachine' storeName='My'/>")
        });
        let thumbprints = many(certificates, |n| {
            format!("<Certificate name='C{n}' thumbprint='{n:040}' thumbprintAlgorithm='sha1'/>")
        });
        let rules = many(rules, |n| format!("<Rule order='{n}' action='permit' remoteSubnet='10.0.0.0/8'/>"));
        let outcome = read(
            &format!("<WorkerRole name='W'><Certificates>{declared}</Certificates></WorkerRole>"),
            &format!(
                "<Role name='W'><Instances count='1'/><Certificates>{thumbprints}</Certificates></Role>\
                 <NetworkConfiguration><AccessControls><AccessControl name='L'>{rules}</AccessControl>\
                 </AccessControls></NetworkConfiguration>"
            ),
            Options::default(),
        );
        let errors = outcome.diagnostics.iter().filter(|found| found.severity == Severity::Error);
        errors.map(|error| error.code).collect::<Vec<_>>()
    };
    assert_eq!(check(199, 50), []);
    assert_eq!(check(200, 50), [Code::LimitExceeded]);
    assert_eq!(check(199, 51), [Code::LimitExceeded]);
}

#[test]
fn endpoints_of_modules_do_not_count() {
    let endpoints = many(5, |n| format!("<InternalEndpoint name='E{n}' protocol='tcp'/>"));
    let inside = format!(
        "<WorkerRole name='W'><Imports><Import moduleName='Caching'/></Imports>\
         <Endpoints>{endpoints}</Endpoints></WorkerRole>"
    );
    let model = model(&inside, "<Role name='W'><Instances count='1'/></Role>");
    assert_eq!(model.roles()[0].endpoints.len(), 10);
}

const OPEN: &str = "<WorkerRole name='W'><Endpoints><InputEndpoint name='E' protocol='tcp' port='80'/></Endpoints></WorkerRole>";

/// Whether each address is let in by a list of these rules, which guards the endpoint of [`OPEN`].
fn admitted(rules: &str, addresses: [[u8; 4]; 3]) -> [bool; 3] {
    let model = model(
        OPEN,
        &format!(
            "<Role name='W'><Instances count='1'/></Role><NetworkConfiguration>\
             <AccessControls><AccessControl name='L'>{rules}</AccessControl></AccessControls>\
             <EndpointAcls><EndpointAcl role='W' endPoint='E' accessControl='L'/></EndpointAcls>\
             </NetworkConfiguration>"
        ),
    );
    let (id, role) = model.roles_with_ids().next().unwrap();
    let (endpoint, _) = role.endpoints_with_ids(id).next().unwrap();
    let list = model.network().access_control_of(endpoint).unwrap();
    addresses.map(|address| list.permits(Ipv4Addr::from(address)))
}

#[test]
fn the_rule_with_the_lowest_order_decides() {
    let rules = "<Rule order='2' action='permit' remoteSubnet='10.0.0.0/8'/>\
                 <Rule order='1' action='deny' remoteSubnet='10.1.0.0/16'/>";
    assert_eq!(admitted(rules, [[10, 1, 2, 3], [10, 2, 2, 3], [11, 0, 0, 0]]), [false, true, false]);
}

#[test]
fn a_list_that_only_denies_lets_everybody_else_in() {
    let rules = "<Rule order='1' action='deny' remoteSubnet='10.1.0.0/16'/>";
    assert_eq!(admitted(rules, [[10, 1, 2, 3], [10, 2, 2, 3], [11, 0, 0, 0]]), [false, true, true]);
}

#[test]
fn an_endpoint_without_a_list_is_guarded_by_none() {
    let model = model(OPEN, "<Role name='W'><Instances count='1'/></Role>");
    let (id, role) = model.roles_with_ids().next().unwrap();
    let (endpoint, _) = role.endpoints_with_ids(id).next().unwrap();
    assert!(model.network().access_control_of(endpoint).is_none());
}

#[test]
fn a_public_port_inside_of_a_claimed_range_is_taken() {
    let range = |name: &str, min: u16, max: u16| {
        format!(
            "<InstanceInputEndpoint name='{name}' protocol='tcp' localPort='1'><AllocatePublicPortFrom>\
             <FixedPortRange min='{min}' max='{max}'/></AllocatePublicPortFrom></InstanceInputEndpoint>"
        )
    };
    let taken = |endpoints: String| {
        let inside = format!("<WorkerRole name='W'><Endpoints>{endpoints}</Endpoints></WorkerRole>");
        let outcome = read(&inside, "<Role name='W'><Instances count='1'/></Role>", Options::default());
        count(&outcome, Code::PublicPortTaken, Severity::Error)
    };
    let input = |port: u16, protocol: &str| {
        format!("<InputEndpoint name='{protocol}{port}' protocol='{protocol}' port='{port}'/>")
    };
    assert_eq!(taken(range("A", 100, 199) + &input(99, "tcp") + &input(200, "tcp")), 0);
    assert_eq!(taken(range("A", 100, 199) + &input(150, "udp")), 0);
    assert_eq!(taken(range("A", 100, 199) + &input(100, "tcp") + &input(199, "tcp")), 2);
    assert_eq!(taken(input(150, "tcp") + &range("A", 100, 199)), 1);
    assert_eq!(taken(range("A", 100, 110) + &range("B", 130, 140) + &range("C", 105, 135)), 1);
}

/// Each of these has thousands of things and the same mistake in each; all together take a fraction of a second.
#[test]
fn thousands_of_mistakes_in_the_network_are_found_soon() {
    const MANY: usize = 5_000;
    let roles = many(MANY, |n| format!("<WorkerRole name='A_role_{n}'/>"));
    let configured = many(MANY, |n| format!("<Role name='A_role_{n}'><Instances count='1'/></Role>"));
    let addresses = many(MANY, |n| format!("<InstanceAddress roleName='A-role-{n}'/>"));
    let acls =
        many(MANY, |n| format!("<EndpointAcl role='A_role_{n}' endPoint='E{n}' accessControl='L-{n}'/>"));
    let lists = many(MANY, |n| {
        format!(
            "<AccessControl name='L_{n}'><Rule order='1' action='deny' remoteSubnet='10.0.0.0/8'/></AccessControl>"
        )
    });
    let start = std::time::Instant::now();
    let outcome = read(
        &roles,
        &format!(
            "{configured}<NetworkConfiguration><AddressAssignments>{addresses}</AddressAssignments>\
             <AccessControls>{lists}</AccessControls><EndpointAcls>{acls}</EndpointAcls></NetworkConfiguration>"
        ),
        Options::default(),
    );
    assert_eq!(count(&outcome, Code::UnknownConfiguredRole, Severity::Error), MANY);
    assert_eq!(count(&outcome, Code::UnknownNetworkItem, Severity::Error), MANY);
    assert_eq!(count(&outcome, Code::UnknownEndpoint, Severity::Error), MANY);
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn thousands_of_imports_and_certificates_are_looked_up_soon() {
    const MANY: usize = 5_000;
    let imports = many(MANY, |n| format!("<Import moduleName='Module_{n}'/>"));
    let endpoints = many(MANY, |n| {
        format!("<InputEndpoint name='Module_{n}.E' protocol='https' port='{}' certificate='C-{n}'/>", n + 1)
    });
    let certificates =
        many(MANY, |n| format!("<Certificate name='C_{n}' storeLocation='LocalMachine' storeName='My'/>"));
    let start = std::time::Instant::now();
    let outcome = read(
        &format!(
            "<WorkerRole name='W'><Imports>{imports}</Imports><Endpoints>{endpoints}</Endpoints>\
             <Certificates>{certificates}</Certificates></WorkerRole>"
        ),
        "<Role name='W'><Instances count='1'/></Role>",
        Options::default(),
    );
    assert_eq!(count(&outcome, Code::UnknownModule, Severity::Warning), MANY);
    assert_eq!(count(&outcome, Code::UnknownCertificate, Severity::Error), MANY);
    assert_eq!(count(&outcome, Code::CertificateWithoutThumbprint, Severity::Error), MANY);
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}
