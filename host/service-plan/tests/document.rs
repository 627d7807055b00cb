//! The plan as programs read it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod services;

use std::net::SocketAddr;

use serde_json::Value;
use services::{assert_golden, model_of, scenario, zoo};
use wasm_roles_service_model::{Options, Overlay, Source, load_with};
use wasm_roles_service_plan::{Plan, PublicPort, document, granted_document, plan};
use wasm_roles_virtual_network::policy::{HostRules, PolicyMode};

/// Where `run` puts public ports.
fn publish(public: &PublicPort) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], public.port.get()))
}

fn text(plan: &Plan) -> String {
    serde_json::to_string_pretty(&document(plan, &publish, &[])).unwrap()
}

fn json(plan: &Plan) -> Value {
    serde_json::from_str(&text(plan)).unwrap()
}

/// The roles that reach each internal endpoint, as the document has it.
fn matrix(plan: &Plan) -> Vec<(String, Vec<String>)> {
    let mut matrix: Vec<(String, Vec<String>)> = Vec::new();
    for entry in json(plan)["traffic"].as_array().unwrap() {
        let text = |key: &str| entry[key].as_str().unwrap().to_owned();
        if matrix.last().is_none_or(|(endpoint, _)| *endpoint != text("endpoint")) {
            matrix.push((text("endpoint"), Vec::new()));
        }
        if entry["allowed"].as_bool().unwrap() {
            matrix.last_mut().unwrap().1.push(text("from"));
        }
    }
    matrix
}

#[test]
fn the_four_scenarios_have_the_documented_matrix() {
    const ALL: &[&str] = &["WebRole1", "WorkerRole1", "WorkerRole2"];
    const WEB: &[&str] = &["WebRole1"];
    const WORKER: &[&str] = &["WorkerRole1"];
    let documented = [
        (1, [ALL, WEB, ALL, ALL]),
        (2, [ALL, WEB, WEB, ALL]),
        (3, [ALL, WEB, WORKER, ALL]),
        (4, [ALL, WEB, WORKER, WEB]),
    ];
    for (number, reaching) in documented {
        let endpoints = ["InternalTCP1", "InternalTCP2", "InternalTCP3", "InternalTCP4"];
        let expected: Vec<(String, Vec<String>)> = endpoints
            .iter()
            .zip(reaching)
            .map(|(endpoint, roles)| {
                ((*endpoint).to_owned(), roles.iter().map(|role| (*role).to_owned()).collect())
            })
            .collect();
        assert_eq!(matrix(&scenario(number)), expected, "scenario {number}");
    }
}

#[test]
fn the_document_of_every_kind_of_endpoint_and_rule() {
    assert_golden("zoo.json", &text(&zoo()));
}

#[test]
fn a_rule_gives_its_line_and_no_rule_gives_none() {
    let document = json(&scenario(4));
    let entries = document["traffic"].as_array().unwrap();
    let line = |from: &str, endpoint: &str| {
        let found =
            entries.iter().find(|entry| entry["from"] == from && entry["endpoint"] == endpoint).unwrap();
        (found["allowed"].clone(), found.get("line").cloned())
    };
    assert_eq!(line("WebRole1", "InternalTCP4"), (Value::from(true), Some(Value::from(49))));
    assert_eq!(line("WorkerRole1", "InternalTCP4"), (Value::from(false), Some(Value::from(49))));
    assert_eq!(line("WorkerRole1", "InternalTCP1"), (Value::from(true), None));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert_eq!(text(&zoo()), text(&zoo()));
}

#[test]
fn what_the_traffic_table_costs_does_not_depend_on_the_instances() {
    let role = |n: u32| {
        format!(
            "<WorkerRole name=\"R{n}\"><Endpoints><InternalEndpoint name=\"In\" protocol=\"tcp\" /></Endpoints></WorkerRole>"
        )
    };
    let body: String = (0..25).map(role).collect();
    let names: Vec<String> = (0..25).map(|n| format!("R{n}")).collect();
    let plan_with = |count: u32| {
        let counts: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), count)).collect();
        plan(&model_of(&body, &counts)).unwrap()
    };
    let many = json(&plan_with(400));
    assert_eq!(many["instances"].as_array().unwrap().len(), 10_000);
    assert_eq!(many["traffic"].as_array().unwrap().len(), 25 * 25);
    assert_eq!(many["traffic"], json(&plan_with(0))["traffic"]);
}

#[test]
fn overlays_say_what_came_from_where() {
    let definition = Source {
        name: "laptop.csdef".to_owned(),
        text: r#"<ServiceDefinition name="Shop" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition">
  <WorkerRole name="Orders" vmsize="Large" />
</ServiceDefinition>"#
            .to_owned(),
    };
    let overlays =
        [Overlay::set("Orders/@vmsize=Small").unwrap(), Overlay::set("Orders/Instances/@count=3").unwrap()];
    let outcome = load_with(&definition, None, &overlays, &Options::default());
    let plan = plan(&outcome.model.unwrap()).unwrap();
    let text = serde_json::to_string_pretty(&document(&plan, &publish, &outcome.overlays)).unwrap();
    assert_golden("overlays.json", &text);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["instances"].as_array().unwrap().len(), 3);
    assert_eq!(document["overlays"][0]["replaced"], "laptop.csdef:2:37");
}

#[test]
fn what_the_host_grants_is_there_when_it_grants_something() {
    let plan = scenario(1);
    let written =
        |rules: &HostRules| serde_json::to_value(granted_document(&plan, &publish, &[], rules)).unwrap();
    assert_eq!(written(&HostRules::default()), json(&plan));
    let mut rules = HostRules::new(PolicyMode::Log);
    rules.allow("example.com:443".parse().unwrap());
    rules.allow_role("WorkerRole2", "localhost".parse().unwrap());
    let document = written(&rules);
    let rule = |role: &str, allow: &str| serde_json::json!({"role": role, "allow": allow});
    let expected = [
        rule("WebRole1", "example.com:443"),
        rule("WorkerRole1", "example.com:443"),
        rule("WorkerRole2", "example.com:443"),
        rule("WorkerRole2", "localhost"),
    ];
    assert_eq!(
        (&document["outbound"], &document["policy"]),
        (&Value::from(expected.to_vec()), &Value::from("log"))
    );
}
