//! What a deployment tells, written into its journals.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use wasm_roles_fabric::{Event, EventKind, Events};

use super::Unit;
use crate::words::{log_line, told};

/// How long the last that a deployment has told may take to be written. Only another listener that is slow takes time.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Somebody else who hears every event.
pub type Tee = mpsc::Sender<Event>;

impl Unit {
    /// Writes what the deployment tells into the journals, until it tells nothing more.
    pub(crate) fn listen(self: &Arc<Self>, mut events: Events, tee: Option<Tee>) {
        let unit = Arc::clone(self);
        let hearing = tokio::spawn(async move {
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
        *self.hearing.lock().unwrap_or_else(PoisonError::into_inner) = Some(hearing);
    }

    /// Waits until everything is in the journals that the deployment has told, which has stopped.
    pub(crate) async fn hears_the_rest(&self) {
        let hearing = self.hearing.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(hearing) = hearing {
            // Whatever is missing then is not worth more time.
            let _ = timeout(LAST_WORDS, hearing).await;
        }
    }

    /// The same for a deployment that has not stopped yet.
    pub(crate) async fn hears_the_end(&self) {
        let hearing = self.hearing.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(hearing) = hearing {
            let _ = hearing.await;
        }
    }

    fn hears(&self, event: &Event) {
        if let EventKind::Output { instance, task, stream, line } = &event.kind {
            self.logs
                .write(|sequence| log_line(sequence, event.time, instance, task.as_deref(), *stream, line));
        } else if let Some(told) = told(event) {
            let time = wasm_roles_control_interface::Timestamp::since_1970(event.time);
            self.told_at(told, time);
        }
    }
}
