//! Words for programs: one JSON object per line, all on standard output.
//!
//! Every object has `time` (RFC 3339, UTC) and `kind`. Guests' lines have the kind `output`, with `instance`, `stream` and
//! `message`; bytes that are no UTF-8 are replaced. `task` is the start-up task that wrote it, or null for the role. What concerns one instance has `instance`.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use wasm_roles_control_interface::Timestamp;
use wasm_roles_fabric::virtual_network::outside::HostSocketRefusal;
use wasm_roles_fabric::{Event, EventKind, Published, StopSummary};
use wasm_roles_service_plan::{InstanceId, PlannedEndpoint, PlannedInstance, TaskKind};

use super::{Progress, Started, Words, watch};
use crate::printer::Page;

/// Words for programs.
pub struct Json;

impl Words for Json {
    fn started(&mut self, started: &Started<'_>) -> Page {
        let fields = json!({
            "service": started.plan.service,
            "deployment": started.deployment_id,
            "configuration": started.configuration,
            "instances": started.plan.instances.iter().map(instance).collect::<Vec<_>>(),
            "data_dir": started.kept.map(|folder| folder.display().to_string()),
            "public_ports": started.published.iter().map(public_port).collect::<Vec<_>>(),
        });
        page(started.time, "started", fields)
    }

    fn event(&mut self, event: &Event) -> Option<Page> {
        let (kind, fields) = match &event.kind {
            EventKind::Output { instance, task, stream, line } => (
                "output",
                json!({
                    "instance": instance.as_str(),
                    "task": task.as_deref(),
                    "stream": stream.name(),
                    "message": String::from_utf8_lossy(&line.bytes),
                    "cut": line.cut,
                }),
            ),
            EventKind::StatusChanged { instance, status } => {
                ("status", json!({"instance": instance.as_str(), "status": status.to_string()}))
            }
            EventKind::Ended { instance, end } => {
                ("ended", json!({"instance": instance.as_str(), "reason": end.to_string()}))
            }
            EventKind::Recycling { instance, delay, recycled } => (
                "recycling",
                json!({
                    "instance": instance.as_str(),
                    "attempt": recycled.times,
                    "delay_seconds": delay.as_secs(),
                    "reason": recycled.because,
                    "last_words": recycled.last_words,
                }),
            ),
            EventKind::EventMissed { instance, event, missed } => (
                "event-missed",
                json!({
                    "instance": instance.as_str(),
                    "event": event.to_string(),
                    "reason": missed.to_string(),
                }),
            ),
            EventKind::ChangeRefused { instance } => {
                ("change-refused", json!({"instance": instance.as_str()}))
            }
            EventKind::CertificatesChanged { instance } => {
                ("certificates-changed", json!({"instance": instance.as_str()}))
            }
            EventKind::OutputDropped { instance, task, stream, lines } => (
                "output-dropped",
                json!({
                    "instance": instance.as_str(),
                    "task": task.as_deref(),
                    "stream": stream.name(),
                    "lines": lines,
                }),
            ),
            EventKind::LimitReached { instance, task, limit } => (
                "limit-reached",
                json!({
                    "instance": instance.as_str(),
                    "task": task.as_deref(),
                    "limit": limit.name(),
                    "value": limit.value(),
                }),
            ),
            EventKind::OutOfSockets { instance, limit } => (
                "limit-reached",
                json!({"instance": instance, "task": null, "limit": "sockets", "value": limit}),
            ),
            EventKind::OutOfHostSockets { instance, refusal } => {
                let (HostSocketRefusal::Instance { limit } | HostSocketRefusal::Process { limit }) = refusal;
                let whose = match refusal {
                    HostSocketRefusal::Instance { .. } => "instance",
                    HostSocketRefusal::Process { .. } => "process",
                };
                (
                    "limit-reached",
                    json!({"instance": instance, "task": null, "limit": "host-sockets", "value": limit, "of": whose}),
                )
            }
            EventKind::TaskEnded { instance, task, kind, end, last_words } => (
                "task-ended",
                json!({
                    "instance": instance.as_str(),
                    "task": &**task,
                    "type": task_type(*kind),
                    "success": end.is_success(),
                    "reason": end.to_string(),
                    "last_words": last_words,
                }),
            ),
            EventKind::Denied(denied) => {
                let (denial, explanation) = (&denied.denial, &denied.explanation);
                (
                    "denied",
                    json!({
                        "instance": denial.subject_id,
                        "operation": denial.operation.to_string(),
                        "target": denial.target,
                        "enforced": denial.is_enforced,
                        "reason": explanation.reason,
                        "place": explanation.place.as_ref().map(ToString::to_string),
                        "remedy": explanation.remedy,
                        "xml": explanation.xml,
                    }),
                )
            }
            EventKind::DenialsSilenced { instance } => ("denials-silenced", json!({"instance": instance})),
            EventKind::ProbeSucceeds { instance, probe, port } => {
                ("probe-succeeds", json!({"instance": instance.as_str(), "probe": probe, "port": port.get()}))
            }
            EventKind::ProbeFails { instance, probe, port, silence, failure } => (
                "probe-fails",
                json!({
                    "instance": instance.as_str(),
                    "probe": probe,
                    "port": port.get(),
                    "silence_seconds": silence.as_secs(),
                    "reason": failure.to_string(),
                }),
            ),
            EventKind::NoReadyInstance { port, role, connections } => (
                "no-ready-instance",
                json!({"port": port.get(), "role": role.as_str(), "connections": connections}),
            ),
            EventKind::HandshakesFailed { port, failure, connections } => (
                "handshakes-failed",
                json!({"port": port.get(), "reason": failure.to_string(), "connections": connections}),
            ),
            EventKind::Certificate(notice) => ("certificate", json!({"message": notice.to_string()})),
            EventKind::DatagramsLost { port, role, loss, datagrams } => (
                "datagrams-lost",
                json!({
                    "port": port.get(),
                    "role": role.as_str(),
                    "reason": loss.to_string(),
                    "datagrams": datagrams,
                }),
            ),
            EventKind::AcceptFailed { port, transport, reason } => (
                "accept-failed",
                json!({"port": port.get(), "transport": transport.to_string(), "reason": reason}),
            ),
            EventKind::LeftOut { events } => ("left-out", json!({"events": events})),
            _ => return None,
        };
        Some(page(event.time, kind, fields))
    }

    fn progress(&mut self, time: Duration, progress: &Progress) -> Page {
        match progress {
            Progress::AllReady(count) => page(time, "all-ready", json!({"instances": count})),
            Progress::Stopping(waiting, budget) => page(
                time,
                "stopping",
                json!({"waiting_for": ids(waiting), "stop_timeout_seconds": budget.as_secs()}),
            ),
            Progress::StillWaiting(waiting) => {
                page(time, "still-waiting", json!({"waiting_for": ids(waiting)}))
            }
            Progress::Stopped(summary) => page(time, "stopped", stopped(summary)),
            Progress::CaptureLacks(packets) => page(time, "capture-lacks", json!({"packets": packets})),
            Progress::Watch(news) => {
                let (kind, fields) = watch::object(news);
                page(time, kind, fields)
            }
            Progress::HostPolicyUnread(file) => {
                page(time, "host-policy-unread", json!({"file": file.display().to_string()}))
            }
            Progress::MissingRules(missing) => page(
                time,
                "missing-rules",
                json!({
                    "endpoints": missing.endpoints.iter().map(|(role, xml)| json!({"role": role, "xml": xml})).collect::<Vec<_>>(),
                    "rules": missing.rules,
                }),
            ),
        }
    }
}

fn stopped(summary: &StopSummary) -> Value {
    json!({"cut_off": summary.cut_off().map(InstanceId::as_str).collect::<Vec<_>>()})
}

fn ids(instances: &[InstanceId]) -> Vec<&str> {
    instances.iter().map(InstanceId::as_str).collect()
}

/// As definitions write it.
const fn task_type(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Simple => "simple",
        TaskKind::Foreground => "foreground",
        TaskKind::Background => "background",
    }
}

fn instance(instance: &PlannedInstance) -> Value {
    json!({
        "instance": instance.id.as_str(),
        "role": instance.role.as_str(),
        "address": instance.address.to_string(),
        "fault_domain": instance.fault_domain,
        "update_domain": instance.update_domain,
        "endpoints": instance.endpoints.iter().map(endpoint).collect::<Vec<_>>(),
    })
}

fn endpoint(endpoint: &PlannedEndpoint) -> Value {
    json!({
        "name": endpoint.name,
        "kind": endpoint.kind.to_string(),
        "protocol": endpoint.protocol.to_string(),
        "port": endpoint.port,
        "port_max": endpoint.port_max,
        "public_port": endpoint.public_port,
    })
}

fn public_port(published: &Published) -> Value {
    let public = &published.public;
    json!({
        "port": public.port.get(),
        "protocol": public.protocol.to_string(),
        "role": public.role.as_str(),
        "endpoint": public.endpoint,
        "instance": public.instance.as_ref().map(InstanceId::as_str),
        "listens_on": published.at.to_string(),
    })
}

/// One line: time and kind, then the fields.
fn page(time: Duration, kind: &str, fields: Value) -> Page {
    #[derive(Serialize)]
    struct Object<'a> {
        time: String,
        kind: &'a str,
        #[serde(flatten)]
        fields: Value,
    }
    let object = Object { time: Timestamp::since_1970(time).to_string(), kind, fields };
    // Strings, numbers and lists of them can always be written.
    let mut line = serde_json::to_vec(&object).unwrap_or_default();
    line.push(b'\n');
    Page::out(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_roles_fabric::{Line, OutputStream};
    use wasm_roles_service_plan::RoleName;

    #[test]
    fn a_hostile_line_is_one_object_on_one_line() {
        let instance = InstanceId::new(&RoleName::new("Web").unwrap(), 0);
        let line = Line { bytes: b"\"}\r{\x1b\xff".to_vec(), cut: false };
        let kind = EventKind::Output { instance, task: None, stream: OutputStream::Stderr, line };
        let page = Json.event(&Event { time: Duration::ZERO, kind }).unwrap();
        let text = String::from_utf8(page.bytes).unwrap();
        assert_eq!(text.matches('\n').count(), 1);
        let object: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(object["message"], "\"}\r{\u{1b}\u{fffd}");
        assert_eq!((&object["instance"], &object["stream"]), (&json!("Web_IN_0"), &json!("stderr")));
        assert_eq!(object["task"], Value::Null);
        assert_eq!(object["time"], "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn a_capture_that_lacks_packets_is_one_object() {
        let page = Json.progress(Duration::ZERO, &Progress::CaptureLacks(7));
        let object: Value = serde_json::from_slice(&page.bytes).unwrap();
        assert_eq!((&object["kind"], &object["packets"]), (&json!("capture-lacks"), &json!(7)));
    }
}
