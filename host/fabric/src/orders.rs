//! Orders to single instances of a deployment that runs: recycle, stop, start.
//!
//! | order | to | what happens | done when |
//! |---|---|---|---|
//! | recycle | instances that run | each leaves the rotation, hears `stopping` and `on-stop`, and starts again; one upgrade domain after the other | it is Ready again, and answers the probes again that it answered before |
//! | stop | instances that run | each leaves the rotation, hears `stopping` and `on-stop`, and stays [`Stopped`](crate::Status::Stopped); all at the same time | it is Stopped |
//! | start | instances that were stopped | all at the same time, with the configuration of now | it is Ready |
//!
//! Nobody else hears of any of it: the topology stays. An instance that is stopped keeps its address, its ports and its local
//! stores; a change of the configuration reaches it when it starts again, and a change that does not have it any more removes
//! it like all others.
//!
//! An order is checked whole before any of it is carried out. Dropping the future of one does not take it back: whoever was told is
//! told. Upgrade domains whose turn had not come are not recycled then.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use wasm_roles_service_plan::InstanceId;

use crate::change::{Arrival, Order, READY_AGAIN, Reaction, What};
use crate::deployment::{Deployment, StoppedInstance};
use crate::upgrade::Answered;

/// An order cannot be given. Nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// The deployment does not have these instances.
    #[error("the deployment has no {}", either(instances))]
    Unknown {
        /// At least one.
        instances: Vec<InstanceId>,
        /// Those that it has.
        known: Vec<InstanceId>,
    },
    /// These instances are stopped.
    #[error("{} stopped already", is_or_are(instances))]
    Stopped {
        /// At least one.
        instances: Vec<InstanceId>,
    },
    /// These instances are not stopped.
    #[error("{} not stopped", is_or_are(instances))]
    Running {
        /// At least one.
        instances: Vec<InstanceId>,
    },
}

impl OrderError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { known, .. } if known.is_empty() => "it has no instances at all".to_owned(),
            Self::Unknown { known, .. } => format!("it has {}", list(known, " and ")),
            Self::Stopped { .. } => "start an instance that is stopped".to_owned(),
            Self::Running { .. } => "recycle an instance that runs, or stop it first".to_owned(),
        }
    }
}

fn list(instances: &[InstanceId], last: &str) -> String {
    match instances {
        [] => String::new(),
        [only] => only.to_string(),
        [first @ .., final_one] => {
            let first: Vec<&str> = first.iter().map(InstanceId::as_str).collect();
            format!("{}{last}{final_one}", first.join(", "))
        }
    }
}

fn either(instances: &[InstanceId]) -> String {
    list(instances, " or ")
}

fn is_or_are(instances: &[InstanceId]) -> String {
    let verb = if instances.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", list(instances, " and "))
}

impl Deployment {
    /// Recycles these instances gracefully, one upgrade domain after the other, and waits until each is Ready again, at most
    /// [`READY_AGAIN`] for each domain. One that waits for its next try starts at once.
    ///
    /// # Errors
    ///
    /// [`OrderError::Unknown`] and [`OrderError::Stopped`]. Then nobody is recycled.
    pub async fn recycle(
        &mut self,
        instances: &[InstanceId],
    ) -> Result<Vec<(InstanceId, Reaction)>, OrderError> {
        let instances = self.known(instances)?;
        self.refuse(&instances, true, |instances| OrderError::Stopped { instances })?;
        let mut domains: BTreeMap<u32, Vec<InstanceId>> = BTreeMap::new();
        for instance in instances {
            let domain = self.instances.get(&instance).map(|planned| planned.update_domain);
            domains.entry(domain.unwrap_or_default()).or_default().push(instance);
        }
        let mut reactions = Vec::new();
        for domain in domains.into_values() {
            let mut replies = Vec::with_capacity(domain.len());
            let planned = domain.iter().filter_map(|instance| self.instances.get(instance));
            let answered: Vec<Answered> =
                planned.flat_map(|planned| Answered::of(planned, &self.ports)).collect();
            for instance in &domain {
                let (reply, replied) = oneshot::channel();
                if let Some(orders) = self.instances.orders().get(instance) {
                    // A supervisor that is gone drops it, which says that the instance is stopped.
                    let _ = orders.send(Order { what: What::Again, changes: Vec::new(), reply }).await;
                }
                replies.push(replied);
            }
            let deadline = Instant::now() + READY_AGAIN;
            for (instance, replied) in domain.into_iter().zip(replies) {
                let reaction = match timeout_at(deadline, replied).await {
                    Ok(replied) => replied.unwrap_or(Reaction::Stopped),
                    Err(_) => Reaction::NotReadyAgain,
                };
                reactions.push((instance, reaction));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let answered = Answered::again(answered, left, &self.starter.board.boards()).await;
            for silent in answered.err().unwrap_or_default() {
                let of_silent = reactions.iter_mut().filter(|(instance, _)| *instance == silent.instance);
                of_silent.for_each(|(_, reaction)| *reaction = Reaction::NotReadyAgain);
            }
        }
        Ok(reactions)
    }

    /// Stops these instances, all at the same time: each leaves the rotation, is asked to stop, and is cut off when its stop
    /// budget is over. They stay stopped until they are [started](Self::start_instances).
    ///
    /// # Errors
    ///
    /// [`OrderError::Unknown`] and [`OrderError::Stopped`]. Then nobody is stopped.
    pub async fn stop_instances(
        &mut self,
        instances: &[InstanceId],
    ) -> Result<Vec<StoppedInstance>, OrderError> {
        let instances = self.known(instances)?;
        self.refuse(&instances, true, |instances| OrderError::Stopped { instances })?;
        self.instances.ask_to_rest(&instances);
        let mut stopped = Vec::with_capacity(instances.len());
        for instance in instances {
            let end = self.instances.rested(&instance).await;
            stopped.push(StoppedInstance { instance, end });
        }
        Ok(stopped)
    }

    /// Starts instances that were [stopped](Self::stop_instances), all at the same time, and waits until each is Ready, at
    /// most [`READY_AGAIN`].
    ///
    /// # Errors
    ///
    /// [`OrderError::Unknown`] and [`OrderError::Running`]. Then nobody is started.
    pub async fn start_instances(
        &mut self,
        instances: &[InstanceId],
    ) -> Result<Vec<(InstanceId, Arrival)>, OrderError> {
        let instances = self.known(instances)?;
        self.refuse(&instances, false, |instances| OrderError::Running { instances })?;
        self.instances.want_again(&instances);
        let deadline = Instant::now() + READY_AGAIN;
        let mut arrivals = Vec::with_capacity(instances.len());
        for instance in instances {
            let came_up = timeout_at(deadline, self.instances.came_up(&instance)).await;
            arrivals.push((instance, came_up.map_or(Arrival::NotReadyYet, |()| Arrival::Ready)));
        }
        Ok(arrivals)
    }

    /// The instances that are stopped until they are [started](Self::start_instances), or are stopping for that.
    #[must_use]
    pub fn at_rest(&self) -> BTreeSet<InstanceId> {
        self.instances.at_rest().cloned().collect()
    }

    /// Each of them once, in their own order.
    fn known(&self, instances: &[InstanceId]) -> Result<Vec<InstanceId>, OrderError> {
        let asked: BTreeSet<&InstanceId> = instances.iter().collect();
        let (known, unknown): (Vec<_>, Vec<_>) =
            asked.into_iter().cloned().partition(|instance| self.instances.get(instance).is_some());
        if unknown.is_empty() {
            return Ok(known);
        }
        let known = self.instances.planned().map(|planned| planned.id.clone()).collect();
        Err(OrderError::Unknown { instances: unknown, known })
    }

    /// An error when some of them rest, or do not.
    fn refuse(
        &self,
        instances: &[InstanceId],
        who_rest: bool,
        error: impl FnOnce(Vec<InstanceId>) -> OrderError,
    ) -> Result<(), OrderError> {
        let at_rest = self.at_rest();
        let wrong = instances.iter().filter(|instance| at_rest.contains(*instance) == who_rest);
        let wrong: Vec<InstanceId> = wrong.cloned().collect();
        if wrong.is_empty() { Ok(()) } else { Err(error(wrong)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_roles_service_plan::RoleName;

    fn ids(ordinals: &[u32]) -> Vec<InstanceId> {
        ordinals.iter().map(|ordinal| InstanceId::new(&RoleName::new("Web").unwrap(), *ordinal)).collect()
    }

    #[test]
    fn an_order_that_is_refused_says_for_whom_and_what_can_be_done() {
        let cases = [
            (
                OrderError::Unknown { instances: ids(&[7]), known: ids(&[0, 1, 2]) },
                "the deployment has no Web_IN_7",
                "it has Web_IN_0, Web_IN_1 and Web_IN_2",
            ),
            (
                OrderError::Unknown { instances: ids(&[7, 8]), known: vec![] },
                "the deployment has no Web_IN_7 or Web_IN_8",
                "it has no instances at all",
            ),
            (
                OrderError::Stopped { instances: ids(&[1]) },
                "Web_IN_1 is stopped already",
                "start an instance that is stopped",
            ),
            (
                OrderError::Running { instances: ids(&[0, 1, 2]) },
                "Web_IN_0, Web_IN_1 and Web_IN_2 are not stopped",
                "recycle an instance that runs, or stop it first",
            ),
        ];
        for (error, sentence, hint) in cases {
            assert_eq!((error.to_string().as_str(), error.hint().as_str()), (sentence, hint));
        }
    }
}
