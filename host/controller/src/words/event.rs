//! Events of the fabric, for people and for programs.
//!
//! Kinds and fields are those of the objects that `wasm-roles run --log-format json` prints.

use std::collections::BTreeMap;
use std::mem::size_of;

use serde_json::{Value, json};
use wasm_roles_control_interface::{EventLine, Timestamp};
use wasm_roles_fabric::virtual_network::outside::HostSocketRefusal;
use wasm_roles_fabric::{Event, EventKind};
use wasm_roles_service_plan::TaskKind;

use super::line::role_of;
use super::places::Places;

/// An event in words, without its number and time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Told {
    pub(crate) kind: &'static str,
    pub(crate) instance: Option<String>,
    pub(crate) role: Option<String>,
    pub(crate) message: String,
    pub(crate) fields: BTreeMap<String, Value>,
}

impl Told {
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), ..Self::default() }
    }

    fn of(mut self, instance: impl ToString) -> Self {
        let instance = instance.to_string();
        self.role = Some(role_of(&instance).to_owned());
        self.instance = Some(instance);
        self
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// Without places of the host.
    pub(crate) fn hiding(mut self, places: &Places) -> Self {
        places.hidden_in(&mut self.message);
        self.fields.values_mut().for_each(|value| places.hidden_in_value(value));
        self
    }

    /// As a line of the journal, and how many bytes it takes.
    pub(crate) fn line(self, sequence: u64, time: Timestamp) -> (EventLine, usize) {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let fields: usize = self.fields.iter().map(|(name, value)| name.len() + weight(value)).sum();
        let size =
            size_of::<EventLine>() + self.message.len() + text(&self.instance) + text(&self.role) + fields;
        let Self { kind, instance, role, message, fields } = self;
        (EventLine { sequence, time, kind: kind.to_owned(), instance, role, message, fields }, size)
    }
}

/// About how many bytes a value takes.
fn weight(value: &Value) -> usize {
    let inside = match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(weight).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + weight(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    size_of::<Value>().saturating_add(inside)
}

/// What an event says; none for a line of output, which is no event here, and for what this version does not know.
pub(crate) fn told(event: &Event) -> Option<Told> {
    of_instance(&event.kind).or_else(|| of_limits(&event.kind)).or_else(|| of_ports(&event.kind))
}

/// What happens to an instance.
fn of_instance(kind: &EventKind) -> Option<Told> {
    Some(match kind {
        EventKind::StatusChanged { instance, status } => {
            Told::new("status", format!("{instance} is {status}"))
                .of(instance)
                .with("status", status.to_string())
        }
        EventKind::Ended { instance, end } => Told::new("ended", format!("{instance} has ended: {end}"))
            .of(instance)
            .with("reason", end.to_string()),
        EventKind::Recycling { instance, delay, recycled } => {
            let seconds = delay.as_secs();
            Told::new("recycling", format!("{instance} was {recycled}; it starts again in {seconds} s"))
                .of(instance)
                .with("attempt", recycled.times)
                .with("delay_seconds", seconds)
                .with("reason", recycled.because.clone())
                .with("last_words", recycled.last_words.clone())
        }
        EventKind::EventMissed { instance, event, missed } => {
            Told::new("event-missed", format!("{instance}: its handler of {event} {missed}"))
                .of(instance)
                .with("event", event.to_string())
                .with("reason", missed.to_string())
        }
        EventKind::ChangeRefused { instance } => {
            let message =
                format!("{instance} refuses the change, and is recycled with the new configuration");
            Told::new("change-refused", message).of(instance)
        }
        EventKind::CertificatesChanged { instance } => {
            let message = format!("{instance} has other certificates, and is recycled with them");
            Told::new("certificates-changed", message).of(instance)
        }
        EventKind::TaskEnded { instance, task, kind, end, last_words } => {
            Told::new("task-ended", format!("{instance}: start-up task {task} has ended: {end}"))
                .of(instance)
                .with("task", &**task)
                .with("type", task_type(*kind))
                .with("success", end.is_success())
                .with("reason", end.to_string())
                .with("last_words", last_words.clone())
        }
        EventKind::Denied(denied) => {
            let (denial, explanation) = (&denied.denial, &denied.explanation);
            let (subject, target) = (&denial.subject_id, &denial.target);
            let verdict = if denial.is_enforced { "was denied" } else { "would be denied" };
            let message =
                format!("{subject} {verdict}: {} {target}; {}", denial.operation, explanation.reason);
            Told::new("denied", message)
                .of(subject)
                .with("operation", denial.operation.to_string())
                .with("target", target.clone())
                .with("enforced", denial.is_enforced)
                .with("reason", explanation.reason.clone())
                .with("place", explanation.place.as_ref().map(ToString::to_string))
                .with("remedy", json!(explanation.remedy))
                .with("xml", json!(explanation.xml))
        }
        EventKind::DenialsSilenced { instance } => {
            let message = format!("{instance} was denied so much that further denials are only counted");
            Told::new("denials-silenced", message).of(instance)
        }
        _ => return None,
    })
}

/// What an instance cannot have.
fn of_limits(kind: &EventKind) -> Option<Told> {
    Some(match kind {
        EventKind::OutputDropped { instance, task, stream, lines } => {
            let message =
                format!("{instance} wrote too fast: {lines} lines of {} are not kept", stream.name());
            Told::new("output-dropped", message)
                .of(instance)
                .with("task", task.as_deref())
                .with("stream", stream.name())
                .with("lines", *lines)
        }
        EventKind::LimitReached { instance, task, limit } => {
            let message = format!("{instance} has reached its limit of {} ({})", limit.name(), limit.value());
            Told::new("limit-reached", message)
                .of(instance)
                .with("task", task.as_deref())
                .with("limit", limit.name())
                .with("value", limit.value())
        }
        EventKind::OutOfSockets { instance, limit } => {
            let message = format!("{instance} has reached its limit of sockets ({limit})");
            Told::new("limit-reached", message).of(instance).with("limit", "sockets").with("value", *limit)
        }
        EventKind::OutOfHostSockets { instance, refusal } => {
            let (whose, limit) = match refusal {
                HostSocketRefusal::Instance { limit } => ("instance", limit),
                HostSocketRefusal::Process { limit } => ("process", limit),
            };
            let message = format!(
                "{instance} was refused a socket to the world outside: the limit of the {whose} is {limit}"
            );
            Told::new("limit-reached", message)
                .of(instance)
                .with("limit", "host-sockets")
                .with("value", json!(limit))
                .with("of", whose)
        }
        EventKind::LeftOut { events } => {
            let message =
                format!("{events} events were left out, because they came faster than they were read");
            Told::new("left-out", message).with("events", *events)
        }
        _ => return None,
    })
}

/// What happens at public ports.
fn of_ports(kind: &EventKind) -> Option<Told> {
    Some(match kind {
        EventKind::ProbeSucceeds { instance, probe, port } => {
            let message = format!("{instance} answers the probe {probe}: it gets connections of port {port}");
            Told::new("probe-succeeds", message)
                .of(instance)
                .with("probe", probe.clone())
                .with("port", port.get())
        }
        EventKind::ProbeFails { instance, probe, port, silence, failure } => {
            let seconds = silence.as_secs();
            let message = format!(
                "{instance} has not answered the probe {probe} for {seconds} s ({failure}): it gets no connections of port {port}"
            );
            Told::new("probe-fails", message)
                .of(instance)
                .with("probe", probe.clone())
                .with("port", port.get())
                .with("silence_seconds", seconds)
                .with("reason", failure.to_string())
        }
        EventKind::NoReadyInstance { port, role, connections } => {
            let message = format!(
                "no instance of {role} was ready for {connections} connections at public port {port}"
            );
            let mut told = Told::new("no-ready-instance", message)
                .with("port", port.get())
                .with("role", role.as_str())
                .with("connections", *connections);
            told.role = Some(role.to_string());
            told
        }
        EventKind::HandshakesFailed { port, failure, connections } => {
            let message =
                format!("{connections} TLS handshakes have failed at public port {port}: {failure}");
            Told::new("handshakes-failed", message)
                .with("port", port.get())
                .with("reason", failure.to_string())
                .with("connections", *connections)
        }
        EventKind::Certificate(notice) => {
            Told::new("certificate", notice.to_string()).with("message", notice.to_string())
        }
        EventKind::DatagramsLost { port, role, loss, datagrams } => {
            let message = format!("{datagrams} datagrams were lost at public port {port}: {loss}");
            let mut told = Told::new("datagrams-lost", message)
                .with("port", port.get())
                .with("role", role.as_str())
                .with("reason", loss.to_string())
                .with("datagrams", *datagrams);
            told.role = Some(role.to_string());
            told
        }
        EventKind::AcceptFailed { port, transport, reason } => {
            let message =
                format!("public port {port}/{transport} gets nothing from the operating system: {reason}");
            Told::new("accept-failed", message)
                .with("port", port.get())
                .with("transport", transport.to_string())
                .with("reason", reason.clone())
        }
        _ => return None,
    })
}

/// As definitions write it.
const fn task_type(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Simple => "simple",
        TaskKind::Foreground => "foreground",
        TaskKind::Background => "background",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use wasm_roles_fabric::{Recycled, Status};
    use wasm_roles_service_plan::{InstanceId, RoleName};

    fn told_of(kind: EventKind) -> Told {
        told(&Event { time: Duration::ZERO, kind }).unwrap()
    }

    #[test]
    fn an_event_of_an_instance_has_its_role_a_sentence_and_fields() {
        let instance = InstanceId::new(&RoleName::new("Web").unwrap(), 1);
        let status = told_of(EventKind::StatusChanged { instance: instance.clone(), status: Status::Ready });
        assert_eq!((status.kind, status.message.as_str()), ("status", "Web_IN_1 is Ready"));
        assert_eq!((status.instance.as_deref(), status.role.as_deref()), (Some("Web_IN_1"), Some("Web")));
        let recycled =
            Recycled { times: 3, because: "run returned".to_owned(), last_words: vec!["x".to_owned()] };
        let recycling = told_of(EventKind::Recycling { instance, delay: Duration::from_secs(4), recycled });
        assert_eq!(
            recycling.message,
            "Web_IN_1 was recycled 3 times, because run returned; it starts again in 4 s"
        );
        assert_eq!(recycling.fields["last_words"], json!(["x"]));
    }

    #[test]
    fn a_line_counts_the_text_in_its_fields() {
        let line = |text: String| Told::new("status", "").with("text", text).line(1, Timestamp::default()).1;
        assert_eq!(line("x".repeat(1000)) - line(String::new()), 1000);
    }
}
