//! What `serve` says: words for people on standard error, or objects for programs on standard output.
//!
//! With `--log-format json` everything is one stream of objects, a line each, with `time` (RFC 3339, UTC) and `kind`. What the host
//! itself has to say has the kind `host`, a `level` and a `message`. Whatever is about a deployment has `tenant`, `service`, `slot` and
//! `deployment` (its id), and `instance` and `role` where it is about one: events have their own kind, a `message` and `fields`; a
//! guest's line has the kind `output`; what came faster than it was written has the kind `missing`.

use std::fmt::Display;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use wasm_roles_control_interface::{DeploymentSummary, Timestamp};
use wasm_roles_control_server::follow::{Entry, Over, Pace, Sink, follow_all};
use wasm_roles_controller::Controller;

use crate::arguments::HostLogFormat;
use crate::output::{print_to_reader, tell};

/// How everything is said.
#[derive(Clone, Copy, Debug)]
pub struct Log(pub HostLogFormat);

impl Log {
    /// Something that is as it should be.
    pub fn info(self, message: impl Display) {
        match self.0 {
            HostLogFormat::Plain => tell(format!("{message}\n")),
            HostLogFormat::Json => host("info", &message, None),
        }
    }

    /// Something that somebody should look at.
    pub fn warning(self, message: impl Display, hint: Option<&str>) {
        match (self.0, hint) {
            (HostLogFormat::Plain, None) => tell(format!("warning: {message}\n")),
            (HostLogFormat::Plain, Some(hint)) => tell(format!("warning: {message}\n  hint: {hint}\n")),
            (HostLogFormat::Json, hint) => host("warning", &message, hint),
        }
    }
}

fn host(level: &str, message: &dyn Display, hint: Option<&str>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let object = json!({
        "time": Timestamp::since_1970(now),
        "kind": "host",
        "level": level,
        "message": message.to_string(),
        "hint": hint,
    });
    write(&[object]);
}

/// It blocks. Nobody is told when nobody reads.
fn write(objects: &[Value]) {
    let lines: String = objects.iter().map(|object| format!("{object}\n")).collect();
    let _ = print_to_reader(lines);
}

/// Writes what happens in all deployments, and what their instances write.
pub struct Following {
    stop: oneshot::Sender<()>,
    following: JoinHandle<()>,
}

impl Following {
    /// From now on; none when words for people are wanted: these ask with `logs` and `events`.
    pub fn begin(log: Log, controller: &Controller) -> Option<Self> {
        let Log(HostLogFormat::Json) = log else { return None };
        let pace = Pace {
            every: Duration::from_secs(1),
            linger: Duration::from_millis(50),
            stop_time: Duration::from_secs(3),
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let following = follow_all(controller.clone(), Objects, pace, async { drop(stopped.await) });
        Some(Self { stop, following: tokio::spawn(following) })
    }

    /// What is at hand is written.
    pub async fn end(self) {
        drop(self.stop);
        let _ = self.following.await;
    }
}

/// Writes objects.
struct Objects;

impl Sink for Objects {
    async fn entries(&self, of: &DeploymentSummary, entries: Vec<Entry>, _: &mut watch::Receiver<bool>) {
        let objects: Vec<Value> = entries.iter().map(|entry| object(of, entry)).collect();
        // Whoever reads slowly holds up this stream and nothing else.
        let _ = spawn_blocking(move || write(&objects)).await;
    }

    async fn operations(&self, _: Vec<Over>, _: &mut watch::Receiver<bool>) {
        // They are among the events.
    }
}

fn object(of: &DeploymentSummary, entry: &Entry) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| drop(object.insert(name.to_owned(), value));
    put("tenant", of.tenant.as_str().into());
    put("service", of.deployment.service.as_str().into());
    put("slot", of.deployment.slot.name().into());
    put("deployment", of.id.as_str().into());
    match entry {
        Entry::Line(line) => {
            put("time", line.time.to_string().into());
            put("kind", "output".into());
            put("instance", line.instance.as_str().into());
            put("role", line.role.as_str().into());
            put("task", line.task.as_deref().into());
            put("stream", line.stream.name().into());
            put("message", line.message.as_str().into());
            put("cut", line.cut.into());
        }
        Entry::Event(event) => {
            put("time", event.time.to_string().into());
            put("kind", event.kind.as_str().into());
            put("instance", event.instance.as_deref().into());
            put("role", event.role.as_deref().into());
            put("message", event.message.as_str().into());
            put("fields", Value::Object(event.fields.clone().into_iter().collect()));
        }
        Entry::Missing { what, missed, after } => {
            put("time", after.to_string().into());
            put("kind", "missing".into());
            put(
                "message",
                format!("{missed} {what} are missing: they came faster than they were written").into(),
            );
        }
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wasm_roles_control_interface::{DeploymentState, LogLine, LogStream};

    use super::*;

    #[test]
    fn an_object_says_whose_it_is() {
        let of = DeploymentSummary {
            deployment: "shop/staging".parse().unwrap(),
            tenant: "acme".parse().unwrap(),
            id: "0".repeat(32),
            state: DeploymentState::Running,
            since: Timestamp::default(),
            revision: 1,
            roles: Vec::new(),
            addresses: Vec::new(),
            operation: None,
        };
        let line = LogLine {
            sequence: 1,
            time: Timestamp::default(),
            instance: "Web_IN_0".to_owned(),
            role: "Web".to_owned(),
            task: None,
            stream: LogStream::Stderr,
            message: "\u{1b}[31mred\n".to_owned(),
            cut: false,
        };
        let object = object(&of, &Entry::Line(Arc::new(line))).to_string();
        assert_eq!(
            object,
            format!(
                r#"{{"cut":false,"deployment":"{}","instance":"Web_IN_0","kind":"output","message":"\u001b[31mred\n","role":"Web","service":"shop","slot":"staging","stream":"stderr","task":null,"tenant":"acme","time":"1970-01-01T00:00:00.000000Z"}}"#,
                "0".repeat(32)
            )
        );
    }
}
