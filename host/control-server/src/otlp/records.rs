//! What is sent, in the JSON form of OTLP. Numbers of 64 bits are text there, ids are hexadecimal.

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};
use wasm_roles_control_interface::{
    DeploymentRef, DeploymentSummary, EventLine, LogLine, LogStream, Operation, OperationState, TenantName,
    Timestamp,
};

use crate::follow::{Entry, Over};

const INFO: u8 = 9;
const WARN: u8 = 13;
/// The kind of a span that is no request.
const INTERNAL: u8 = 1;
const OK: u8 = 1;
const ERROR: u8 = 2;

/// An instance and its role; none: the host, about the deployment.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Writer(Option<(String, String)>);

/// The body of a request with entries of one deployment, by who has written them.
pub(super) fn logs(of: &DeploymentSummary, entries: &[Entry]) -> Value {
    let mut by_writer = BTreeMap::<Writer, Vec<Value>>::new();
    for entry in entries {
        let (writer, record) = match entry {
            Entry::Line(line) => of_line(line),
            Entry::Event(event) => of_event(event),
            Entry::Missing { what, missed, after } => {
                let message =
                    format!("{missed} {what} are missing: they came faster than they were exported");
                (Writer(None), record(*after, WARN, &message, vec![]))
            }
        };
        by_writer.entry(writer).or_default().push(record);
    }
    let resources = by_writer.into_iter().map(|(writer, records)| {
        json!({
            "resource": {"attributes": resource(&of.tenant, &of.deployment, &of.id, writer.0)},
            "scopeLogs": [{"scope": scope(), "logRecords": records}],
        })
    });
    json!({"resourceLogs": resources.collect::<Vec<_>>()})
}

fn of_line(line: &LogLine) -> (Writer, Value) {
    let stream = match line.stream {
        LogStream::AccessLog => text("wasm_roles.stream", line.stream.name()),
        LogStream::Stdout | LogStream::Stderr => text("log.iostream", line.stream.name()),
    };
    let task = line.task.as_ref().map(|task| text("wasm_roles.task", task));
    let cut = line.cut.then(|| json!({"key": "wasm_roles.cut", "value": {"boolValue": true}}));
    let attributes: Vec<Value> = [Some(stream), task, cut].into_iter().flatten().collect();
    let writer = Writer(Some((line.instance.clone(), line.role.clone())));
    (writer, record(line.time, INFO, &line.message, attributes))
}

fn of_event(event: &EventLine) -> (Writer, Value) {
    let mut attributes = vec![text("event.name", &format!("wasm_roles.{}", event.kind))];
    for (name, value) in &event.fields {
        attributes.push(json!({"key": format!("wasm_roles.{name}"), "value": any(value)}));
    }
    let role = event.role.clone().unwrap_or_default();
    let writer = Writer(event.instance.clone().map(|instance| (instance, role)));
    (writer, record(event.time, INFO, &event.message, attributes))
}

/// The body of a request with operations that are over.
pub(super) fn spans(over: &[Over]) -> Value {
    let spans = over.iter().map(|Over { operation, deployment }| {
        json!({
            "resource": {"attributes": resource(&operation.tenant, &operation.deployment, deployment, None)},
            "scopeSpans": [{"scope": scope(), "spans": [span(operation)]}],
        })
    });
    json!({"resourceSpans": spans.collect::<Vec<_>>()})
}

fn span(operation: &Operation) -> Value {
    let attributes = [
        text("wasm_roles.operation.id", &operation.id.to_string()),
        text("wasm_roles.operation.state", operation.state.name()),
        text("wasm_roles.operation.message", &operation.message),
    ];
    let failure = operation.failure.as_ref().map(|failure| failure.message.clone());
    let code = if operation.state == OperationState::Done { OK } else { ERROR };
    json!({
        "traceId": trace_id(operation),
        "spanId": operation.id.to_string(),
        "name": operation.kind.name(),
        "kind": INTERNAL,
        "startTimeUnixNano": nanos(operation.begun),
        "endTimeUnixNano": nanos(operation.ended.unwrap_or(operation.begun)),
        "attributes": attributes,
        "status": {"code": code, "message": failure.unwrap_or_default()},
    })
}

/// 16 bytes that no other operation has, of no other host either.
fn trace_id(operation: &Operation) -> String {
    let unique =
        format!("{}/{}/{}/{}", operation.tenant, operation.deployment, operation.id, operation.begun);
    let hash = digest(&SHA256, unique.as_bytes());
    hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn record(time: Timestamp, severity: u8, message: &str, attributes: Vec<Value>) -> Value {
    json!({
        "timeUnixNano": nanos(time),
        "observedTimeUnixNano": nanos(time),
        "severityNumber": severity,
        "severityText": if severity == INFO { "INFO" } else { "WARN" },
        "body": {"stringValue": message},
        "attributes": attributes,
    })
}

fn resource(
    tenant: &TenantName,
    deployment: &DeploymentRef,
    id: &str,
    instance: Option<(String, String)>,
) -> Vec<Value> {
    let mut attributes = vec![
        text("service.namespace", tenant.as_str()),
        text("service.name", deployment.service.as_str()),
        text("deployment.environment.name", deployment.slot.name()),
        text("wasm_roles.deployment.id", id),
    ];
    if let Some((instance, role)) = instance {
        attributes.push(text("service.instance.id", &instance));
        attributes.push(text("wasm_roles.role", &role));
    }
    attributes
}

fn scope() -> Value {
    json!({"name": "wasm-roles", "version": env!("CARGO_PKG_VERSION")})
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// A value of any kind.
fn any(value: &Value) -> Value {
    match value {
        Value::Null => Value::Object(Map::new()),
        Value::Bool(value) => json!({"boolValue": value}),
        Value::Number(number) => match number.as_i64() {
            Some(number) => json!({"intValue": number.to_string()}),
            None => json!({"doubleValue": number.as_f64()}),
        },
        Value::String(text) => json!({"stringValue": text}),
        Value::Array(values) => json!({"arrayValue": {"values": values.iter().map(any).collect::<Vec<_>>()}}),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| json!({"key": key, "value": any(value)}));
            json!({"kvlistValue": {"values": fields.collect::<Vec<_>>()}})
        }
    }
}

fn nanos(time: Timestamp) -> String {
    time.as_duration().as_nanos().to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use wasm_roles_control_interface::{OperationId, OperationKind, Refusal, RefusalCode};

    #[test]
    fn values_keep_their_kind() {
        let value = json!({"a": [1, -2, 1.5, true, null, "x"], "b": {"c": "d"}});
        let written = any(&value).to_string();
        let expected = r#"{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{"intValue":"1"},{"intValue":"-2"},{"doubleValue":1.5},{"boolValue":true},{},{"stringValue":"x"}]}}},{"key":"b","value":{"kvlistValue":{"values":[{"key":"c","value":{"stringValue":"d"}}]}}}]}}"#;
        assert_eq!(written, expected);
    }

    #[test]
    fn an_operation_is_a_span_of_a_trace_of_its_own() {
        let time = |seconds| Timestamp::since_1970(Duration::from_secs(seconds));
        let operation = Operation {
            id: OperationId(7),
            kind: OperationKind::Upgrade,
            tenant: TenantName::usual(),
            deployment: "shop".parse().unwrap(),
            state: OperationState::RolledBack,
            begun: time(1),
            ended: Some(time(3)),
            message: "taken back".to_owned(),
            progress: None,
            failure: Some(Refusal::new(RefusalCode::NotHealthy, "Web_IN_0 was not Ready")),
        };
        let span = span(&operation);
        let expected = json!({"code": 2, "message": "Web_IN_0 was not Ready"});
        assert_eq!((&span["status"], &span["name"]), (&expected, &json!("upgrade")));
        assert_eq!(
            (&span["spanId"], &span["startTimeUnixNano"], &span["endTimeUnixNano"]),
            (&json!("0000000000000007"), &json!("1000000000"), &json!("3000000000"))
        );
        assert_eq!(span["traceId"].as_str().unwrap().len(), 32);
        assert_eq!(super::span(&operation)["traceId"], span["traceId"]);
        let of_another_host = Operation { begun: time(2), ..operation };
        assert_ne!(super::span(&of_another_host)["traceId"], span["traceId"]);
    }
}
