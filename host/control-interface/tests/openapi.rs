//! The description of the interface says what the path table and the types say.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test may stop at the first surprise"
)]

mod schema;

use std::collections::BTreeSet;
use std::time::Duration;

use schema::{document, faults, missing, resolved};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wasm_roles_control_interface::query::to_query;
use wasm_roles_control_interface::*;

/// A value of every schema, with everything in it that there can be.
fn samples() -> Vec<(&'static str, Value)> {
    let of = |name, value: &dyn erased::Write| (name, value.written());
    let operation = operation();
    let summary = summary();
    let status = DeploymentStatus {
        now: Timestamp::default(),
        summary: summary.clone(),
        definition: "Shop".to_owned(),
        configuration: Some("a.cscfg".to_owned()),
        can_roll_back: true,
        instances: vec![instance()],
        operations: vec![operation.clone()],
        problems: vec![detail()],
    };
    let usage = Usage { used: 1, cap: Some(2) };
    let tenant_usage = TenantUsage {
        tenant: TenantName::usual(),
        deployments: 1,
        instances: usage,
        memory_bytes: usage,
        public_ports: usage,
    };
    let host = HostInfo {
        version: "1".to_owned(),
        now: Timestamp::default(),
        since: Timestamp::default(),
        tenant: TenantName::usual(),
        persistent: true,
        recovering: true,
        tenants: vec![tenant_usage.clone()],
        problems: vec![detail()],
    };
    let explained = ExplainedEndpoint { allowed: true, text: "x".to_owned() };
    let explanation = Explanation {
        from: "a".to_owned(),
        to: "b".to_owned(),
        allowed: true,
        answers: vec![explained.clone()],
    };
    let top = TopTable { now: Timestamp::default(), rows: vec![top_row()] };
    let scale = ScaleRequest { roles: [("Web".to_owned(), 2)].into(), remove: vec!["Web_IN_0".to_owned()] };
    let progress = operation.progress.clone().unwrap();
    vec![
        of("TenantName", &TenantName::usual()),
        of("ServiceName", &summary.deployment.service),
        of("Slot", &Slot::Staging),
        of("DeploymentRef", &summary.deployment),
        of("OperationId", &OperationId(1)),
        of("Timestamp", &Timestamp::since_1970(Duration::from_millis(1))),
        of("RefusalCode", &RefusalCode::OverCap),
        of("Place", detail().place.as_ref().unwrap()),
        of("Detail", &detail()),
        of("Refusal", operation.failure.as_ref().unwrap()),
        of("OperationKind", &OperationKind::Swap),
        of("OperationState", &OperationState::RolledBack),
        of("Generation", &Generation::Old),
        of("InstanceProgress", progress.instances.first().unwrap()),
        of("WalkProgress", &progress),
        of("Operation", &operation),
        of("RoleCount", summary.roles.first().unwrap()),
        of("PublicAddress", summary.addresses.first().unwrap()),
        of("DeploymentState", &DeploymentState::Running),
        of("DeploymentSummary", &summary),
        of(
            "DeploymentList",
            &DeploymentList { now: Timestamp::default(), deployments: vec![summary.clone()] },
        ),
        of("InstanceState", &InstanceState::Busy),
        of("EndpointRow", instance().endpoints.first().unwrap()),
        of("InstanceRow", &instance()),
        of("DeploymentStatus", &status),
        of("TopRow", &top_row()),
        of("TopTable", &top),
        of("ExplainedEndpoint", &explained),
        of("Explanation", &explanation),
        of("Usage", &usage),
        of("TenantUsage", &tenant_usage),
        of("HostInfo", &host),
        of("LogStream", &LogStream::AccessLog),
        of("LogLine", &log_line()),
        of("EventLine", &event_line()),
        of("EndOfStream", &EndOfStream::Deleted),
        of("StreamGap", &Streamed::<LogLine>::Gap { missed: 1 }),
        of("StreamEnd", &Streamed::<LogLine>::End { reason: EndOfStream::Stopping }),
        of("StreamedLogLine", &Streamed::Line(log_line())),
        of("StreamedEventLine", &Streamed::Line(event_line())),
        of("UpdateMode", &UpdateMode::Manual),
        of("UpdateRequest", &UpdateRequest { name: "x".to_owned(), configuration: "<x/>".to_owned() }),
        of("ScaleRequest", &scale),
        of("WalkRequest", &WalkRequest { domain: 1 }),
        of("TargetRequest", &TargetRequest { targets: vec!["Web".to_owned()] }),
        ("OpenApi", document()),
    ]
}

/// So that values of different types can be in one table.
mod erased {
    pub trait Write {
        fn written(&self) -> serde_json::Value;
    }

    impl<T: serde::Serialize> Write for T {
        fn written(&self) -> serde_json::Value {
            serde_json::to_value(self).unwrap()
        }
    }
}

fn detail() -> Detail {
    let text = |text: &str| Some(text.to_owned());
    Detail {
        code: text("E0001"),
        subject: text("Web"),
        message: "it is wrong".to_owned(),
        place: Some(Place { file: "a.csdef".to_owned(), line: 1, column: 2 }),
        old: text("a"),
        new: text("b"),
        hint: text("mend it"),
    }
}

fn operation() -> Operation {
    let instance = InstanceProgress {
        instance: "Web_IN_0".to_owned(),
        domain: 0,
        generation: Generation::New,
        reaction: Some("accepted".to_owned()),
    };
    Operation {
        id: OperationId(1),
        kind: OperationKind::Upgrade,
        tenant: TenantName::usual(),
        deployment: "shop/staging".parse().unwrap(),
        state: OperationState::Failed,
        begun: Timestamp::default(),
        ended: Some(Timestamp::default()),
        message: "x".to_owned(),
        progress: Some(WalkProgress { domain: Some(0), domains: 5, instances: vec![instance] }),
        failure: Some(Refusal::new(RefusalCode::NotHealthy, "x").hint("y").details([detail()])),
    }
}

fn summary() -> DeploymentSummary {
    DeploymentSummary {
        deployment: "shop".parse().unwrap(),
        tenant: TenantName::usual(),
        id: "0".repeat(32),
        state: DeploymentState::Running,
        since: Timestamp::default(),
        revision: 1,
        roles: vec![RoleCount { role: "Web".to_owned(), instances: 2, ready: 1 }],
        addresses: vec![PublicAddress {
            endpoint: "Http".to_owned(),
            role: "Web".to_owned(),
            instance: Some("Web_IN_0".to_owned()),
            protocol: "http".to_owned(),
            port: 80,
            at: "[::1]:80".parse().unwrap(),
        }],
        operation: Some(operation()),
    }
}

fn instance() -> InstanceRow {
    let endpoint = EndpointRow {
        name: "Http".to_owned(),
        kind: "input".to_owned(),
        protocol: "http".to_owned(),
        port: 80,
        port_max: Some(81),
        public_port: Some(80),
    };
    InstanceRow {
        instance: "Web_IN_0".to_owned(),
        role: "Web".to_owned(),
        state: InstanceState::Ready,
        since: Timestamp::default(),
        restarts: 1,
        reason: Some("run returned".to_owned()),
        last_words: vec!["x".to_owned()],
        update_domain: 0,
        fault_domain: 0,
        address: "10.0.0.4".parse().unwrap(),
        endpoints: vec![endpoint],
        revision: 1,
        held: false,
    }
}

fn top_row() -> TopRow {
    TopRow {
        instance: "Web_IN_0".to_owned(),
        role: "Web".to_owned(),
        state: InstanceState::Ready,
        cpu_millis: 1,
        memory_bytes: u64::MAX,
        memory_limit_bytes: 3,
        connections: 4,
        bytes_in: 5,
        bytes_out: 6,
        restarts: 7,
    }
}

fn log_line() -> LogLine {
    LogLine {
        sequence: 1,
        time: Timestamp::default(),
        instance: "Web_IN_0".to_owned(),
        role: "Web".to_owned(),
        task: Some("setup".to_owned()),
        stream: LogStream::Stdout,
        message: "x".to_owned(),
        cut: true,
    }
}

fn event_line() -> EventLine {
    EventLine {
        sequence: 1,
        time: Timestamp::default(),
        kind: "status".to_owned(),
        instance: Some("Web_IN_0".to_owned()),
        role: Some("Web".to_owned()),
        message: "x".to_owned(),
        fields: [("status".to_owned(), json!("Ready"))].into(),
    }
}

#[test]
fn every_schema_describes_its_type_and_nothing_more() {
    let samples = samples();
    let described: BTreeSet<&str> = samples.iter().map(|(name, _)| *name).collect();
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert_eq!(described, schemas.keys().map(String::as_str).collect());
    for (name, value) in &samples {
        assert_eq!(faults(name, value), [""; 0]);
        assert_eq!(missing(name, value), [""; 0], "the type has nothing of that name");
    }
}

#[test]
fn what_can_be_left_out_is_not_required() {
    let least: [(&str, Value); 5] = [
        ("Refusal", serde_json::to_value(Refusal::new(RefusalCode::Internal, "x")).unwrap()),
        ("Detail", serde_json::to_value(Detail::new("x")).unwrap()),
        ("LogLine", serde_json::to_value(LogLine { task: None, cut: false, ..log_line() }).unwrap()),
        (
            "EventLine",
            serde_json::to_value(EventLine {
                instance: None,
                role: None,
                fields: Default::default(),
                ..event_line()
            })
            .unwrap(),
        ),
        (
            "Operation",
            serde_json::to_value(Operation { ended: None, progress: None, failure: None, ..operation() })
                .unwrap(),
        ),
    ];
    for (name, value) in least {
        assert_eq!(faults(name, &value), [""; 0]);
    }
    fn reads<T: DeserializeOwned>(text: &str) {
        serde_json::from_str::<T>(text).unwrap();
    }
    reads::<ScaleRequest>("{}");
    reads::<TargetRequest>("{}");
    for name in ["ScaleRequest", "TargetRequest"] {
        assert_eq!(faults(name, &json!({})), [""; 0]);
    }
}

#[test]
fn every_name_of_a_choice_is_one_of_its_type() {
    fn names<T: DeserializeOwned + Serialize>(schema: &str, all: usize) {
        let document = document();
        let described = document["components"]["schemas"][schema]["enum"].as_array().unwrap();
        assert_eq!(described.len(), all, "{schema}");
        for name in described {
            let value: T = serde_json::from_value(name.clone()).unwrap();
            assert_eq!(&serde_json::to_value(value).unwrap(), name, "{schema}");
        }
    }
    names::<Slot>("Slot", Slot::ALL.len());
    names::<RefusalCode>("RefusalCode", RefusalCode::ALL.len());
    names::<OperationKind>("OperationKind", OperationKind::ALL.len());
    names::<OperationState>("OperationState", OperationState::ALL.len());
    names::<DeploymentState>("DeploymentState", DeploymentState::ALL.len());
    names::<InstanceState>("InstanceState", InstanceState::ALL.len());
    names::<Generation>("Generation", 2);
    names::<LogStream>("LogStream", 3);
    names::<EndOfStream>("EndOfStream", 3);
    names::<UpdateMode>("UpdateMode", 2);
}

#[test]
fn a_value_that_does_not_fit_is_found() {
    let mut value = serde_json::to_value(operation()).unwrap();
    value["state"] = json!("finished");
    value["progress"]["domains"] = json!(-1);
    value["more"] = json!(1);
    value.as_object_mut().unwrap().remove("kind");
    let found = faults("Operation", &value).join("\n");
    for part in ["kind is missing", "more is unknown", "finished", "progress"] {
        assert!(found.contains(part), "{part}: {found}");
    }
}

#[test]
fn the_paths_are_those_of_the_table() {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let methods = |item: &Value| item.as_object().unwrap().keys().filter(|key| *key != "parameters").count();
    assert_eq!(paths.values().map(methods).sum::<usize>(), Endpoint::ALL.len());
    for endpoint in Endpoint::ALL {
        let item = &paths[endpoint.template()];
        let operation = &item[endpoint.method().name().to_lowercase()];
        assert_eq!(operation["operationId"], endpoint.id(), "{endpoint}");
        assert_eq!(parameters(&document, item, "path"), placeholders(endpoint.template()), "{endpoint}");
        assert_eq!(parameters(&document, item, "header"), BTreeSet::from([TENANT_HEADER.to_owned()]));
        assert_eq!(parameters(&document, operation, "query"), query_names(*endpoint), "{endpoint}");
        let body = &operation["requestBody"];
        match endpoint.body() {
            Body::Nothing => assert!(body.is_null(), "{endpoint}"),
            Body::Json(name) => {
                assert_eq!(only_schema(&body["content"], "application/json"), name, "{endpoint}")
            }
            Body::Package => assert!(body["content"][package::MEDIA_TYPE].is_object(), "{endpoint}"),
        }
        let (status, kind, schema) = match endpoint.answer() {
            Answer::Json(name) => ("200", "application/json", name.to_owned()),
            Answer::Begun => ("202", "application/json", "Operation".to_owned()),
            Answer::Lines(name) => ("200", "application/x-ndjson", format!("Streamed{name}")),
            Answer::Text => ("200", "text/plain", String::new()),
        };
        let answers = &operation["responses"];
        assert_eq!(answers.as_object().unwrap().len(), 2, "{endpoint}");
        assert_eq!(only_schema(&answers[status]["content"], kind), schema, "{endpoint}");
        let refused = resolved(&document, answers["default"]["$ref"].as_str().unwrap());
        assert_eq!(only_schema(&refused["content"], "application/json"), "Refusal");
    }
}

fn parameters(document: &Value, of: &Value, place: &str) -> BTreeSet<String> {
    let all = of["parameters"].as_array().into_iter().flatten();
    let all = all.map(|parameter| match parameter["$ref"].as_str() {
        Some(reference) => resolved(document, reference),
        None => parameter,
    });
    let here = all.filter(|parameter| parameter["in"] == place);
    here.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
}

fn placeholders(template: &str) -> BTreeSet<String> {
    let parts = template.split('/');
    parts.filter_map(|part| Some(part.strip_prefix('{')?.strip_suffix('}')?.to_owned())).collect()
}

fn query_names(endpoint: Endpoint) -> BTreeSet<String> {
    let full = match endpoint.query() {
        None => String::new(),
        Some("UpgradeQuery") => to_query(&UpgradeQuery { mode: UpdateMode::Auto, health: Some(1) }),
        Some("WaitQuery") => to_query(&WaitQuery { wait: Some(1) }),
        Some("JournalQuery") => {
            to_query(&JournalQuery { after: Some(1), last: Some(1), follow: true, of: Some("x".to_owned()) })
        }
        Some("ExplainQuery") => to_query(&ExplainQuery {
            from: "a".to_owned(),
            to: "b".to_owned(),
            endpoint: Some("c".to_owned()),
        }),
        Some(other) => panic!("no sample of {other}"),
    };
    full.split('&').filter_map(|field| Some(field.split_once('=')?.0.to_owned())).collect()
}

/// The name of the schema of the only media type; empty: it has none of the components.
fn only_schema(content: &Value, kind: &str) -> String {
    let content = content.as_object().unwrap();
    assert_eq!(content.keys().collect::<Vec<_>>(), [kind]);
    let reference = content[kind]["schema"]["$ref"].as_str().unwrap_or_default();
    reference.trim_start_matches("#/components/schemas/").to_owned()
}
