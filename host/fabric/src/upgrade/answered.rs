//! The probes that instances have answered before they were started again in a walk, and have to answer again: otherwise the next
//! upgrade domain could stop while nobody of this one gets connections.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use wasm_roles_service_plan::{InstanceId, PlannedInstance};

use super::Unhealthy;
use super::gate::after;
use crate::lifecycle::Status;
use crate::probe::prober::Healthy;
use crate::public_ports::PublicPorts;
use crate::status_board::Board;

/// A probe of one public port that an instance has answered.
pub(crate) struct Answered {
    instance: InstanceId,
    ordinal: u32,
    probe: String,
    proved: watch::Receiver<Healthy>,
}

impl Answered {
    /// The probes that an instance answers now.
    pub(crate) fn of(instance: &PlannedInstance, ports: &PublicPorts) -> Vec<Self> {
        let probed = ports.probed(&instance.role);
        let answers = probed.filter(|(_, proved)| proved.borrow().contains(&instance.ordinal));
        let answered = |(probe, proved): (String, watch::Receiver<Healthy>)| Self {
            instance: instance.id.clone(),
            ordinal: instance.ordinal,
            probe,
            proved,
        };
        answers.map(answered).collect()
    }

    /// Whose it is.
    pub(crate) const fn instance(&self) -> &InstanceId {
        &self.instance
    }

    /// Waits until each of them is answered again. Who was stopped meanwhile answers nothing.
    ///
    /// # Errors
    ///
    /// Who does not answer within `health`.
    pub(crate) async fn again(
        answered: Vec<Self>,
        health: Duration,
        boards: &watch::Receiver<Board>,
    ) -> Result<(), Vec<Unhealthy>> {
        let deadline: Instant = after(health);
        let mut silent = Vec::new();
        for Self { instance, ordinal, probe, mut proved } in answered {
            let status = boards.borrow().values().find(|one| one.instance == instance).map(|one| one.status);
            let Some(status) = status.filter(|status| *status != Status::Stopped) else { continue };
            let answers = proved.wait_for(|proved| proved.contains(&ordinal));
            // A port that is not tried any more is gone, or another role's.
            if timeout_at(deadline, answers).await.is_err() {
                silent.push(Unhealthy { instance, status, recycled: None, unanswered: Some(probe) });
            }
        }
        if silent.is_empty() { Ok(()) } else { Err(silent) }
    }
}
