//! What a deployment tells, written into its journals.

use std::sync::Arc;

use tokio::sync::mpsc;
use wasm_roles_fabric::{Event, EventKind, Events};

use super::Unit;
use crate::words::{log_line, told};

/// Somebody else who hears every event.
pub type Tee = mpsc::Sender<Event>;

impl Unit {
    /// Writes what the deployment tells into the journals, until it tells nothing more.
    pub(crate) fn listen(self: &Arc<Self>, mut events: Events, tee: Option<Tee>) {
        let unit = Arc::clone(self);
        tokio::spawn(async move {
            let mut tee = tee;
            while let Some(event) = events.next().await {
                unit.hears(&event);
                if let Some(other) = &tee
                    && other.send(event).await.is_err()
                {
                    tee = None;
                }
            }
        });
    }

    fn hears(&self, event: &Event) {
        if let EventKind::Output { instance, task, stream, line } = &event.kind {
            self.logs.write(|sequence| {
                log_line(sequence, event.time, instance, task.as_deref(), *stream, line)
            });
        } else if let Some(told) = told(event) {
            let time = wasm_roles_control_interface::Timestamp::since_1970(event.time);
            self.events.write(|sequence| told.line(sequence, time));
        }
    }
}
