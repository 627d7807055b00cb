//! Services for tests: from text to plan.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::net::{SocketAddr, SocketAddrV4};
use std::path::Path;

use wasm_roles_service_model::{Options, ServiceModel, Source, load, render};
use wasm_roles_service_plan::{Plan, PlannedInstance, plan};

/// The plan of a definition's body with these instance counts.
pub fn plan_of(body: &str, counts: &[(&str, u32)]) -> Plan {
    plan(&model_of(body, counts)).unwrap()
}

/// The model of a definition's body with these instance counts.
pub fn model_of(body: &str, counts: &[(&str, u32)]) -> ServiceModel {
    let namespace = "http://schemas.microsoft.com/ServiceHosting/2008/10";
    let definition = format!(
        "<ServiceDefinition name=\"Test\" xmlns=\"{namespace}/ServiceDefinition\">\n{body}\n</ServiceDefinition>"
    );
    let roles: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("<Role name=\"{name}\"><Instances count=\"{count}\" /></Role>"))
        .collect();
    let configuration = format!(
        "<ServiceConfiguration serviceName=\"Test\" xmlns=\"{namespace}/ServiceConfiguration\">{}</ServiceConfiguration>",
        roles.concat()
    );
    model(&source("test.csdef", definition), &source("test.cscfg", configuration))
}

/// The plan of scenario 1 to 4 of the communication document, two instances of each role.
pub fn scenario(number: u32) -> Plan {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../service-model/tests/ok");
    let read = |extension: &str| {
        let name = format!("scenario-{number}.{extension}");
        source(&name, fs::read_to_string(folder.join(&name)).unwrap())
    };
    plan(&model(&read("csdef"), &read("cscfg"))).unwrap()
}

/// The instance with this id.
pub fn instance<'a>(plan: &'a Plan, id: &str) -> &'a PlannedInstance {
    plan.instances.iter().find(|instance| instance.id.as_str() == id).unwrap()
}

/// Where an endpoint of an instance listens.
pub fn address_of(plan: &Plan, id: &str, endpoint: &str) -> SocketAddr {
    let instance = instance(plan, id);
    let endpoint = instance.endpoints.iter().find(|known| known.name == endpoint).unwrap();
    SocketAddrV4::new(instance.address, endpoint.port).into()
}

fn source(name: &str, text: String) -> Source {
    Source { name: name.to_owned(), text }
}

fn model(definition: &Source, configuration: &Source) -> ServiceModel {
    let outcome = load(definition, Some(configuration), &Options::default());
    let report = render(&outcome.diagnostics, &[definition, configuration], false);
    outcome.model.unwrap_or_else(|| panic!("{report}"))
}
