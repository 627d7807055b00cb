//! A fresh instance of the component for each request of a 0.2 handler.
//!
//! Each request gets a store of its own, with the same environment, directories and outputs as the role and random
//! numbers of its own, and is a task of its own, so that requests use all processors. All stores together have the CPU
//! weight, the memory and the outgoing requests of one instance. A trap takes its own request with it and nothing else;
//! it is said on the standard error of the instance.
//!
//! A store ends with its request: when the client has its response or is gone, what the handler still does has
//! [`AFTERWARDS`], and then it is cut off, so that handlers which never return cannot use up the places.

use std::convert::Infallible;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::sleep;
use wasm_roles_virtual_network::Interface;

use super::answer::call_0_2;
use super::body::Lost;
use super::reply::Reply;
use super::{Job, Outgoing};
use crate::component::RoleComponent;
use crate::control::Control;
use crate::cpu::{Account, Share};
use crate::instance::{InstanceSpec, reason_of};
use crate::sandbox;

/// How many requests are answered at the same time. More wait in the queue.
const AT_ONCE: usize = 64;

/// How long a handler may go on when nobody waits for anything from it any more.
pub(super) const AFTERWARDS: Duration = Duration::from_secs(10);

/// What the instances of one incarnation have in common.
pub(crate) struct Nursery {
    pub(crate) component: RoleComponent,
    pub(crate) interface: Interface,
    pub(crate) outgoing: Arc<Outgoing>,
    pub(crate) spec: InstanceSpec,
    pub(crate) control: Arc<Control>,
    pub(crate) account: Account,
    /// Dropped with the last store.
    pub(crate) _alive: mpsc::Sender<Infallible>,
}

/// The other end of it closes, or is dropped, when nobody waits for the response or its body any more.
pub(super) type Waiting = oneshot::Receiver<Infallible>;

/// Answers requests until the queue is closed and all of them are answered. Dropping it cuts them off.
pub(crate) async fn answer_each_in_its_own(nursery: Nursery, mut jobs: mpsc::Receiver<Job>) {
    let nursery = Arc::new(nursery);
    let mut running = JoinSet::new();
    let mut number = NonZeroU64::MIN;
    loop {
        tokio::select! {
            biased;
            Some(_) = running.join_next() => {}
            job = jobs.recv(), if running.len() < AT_ONCE => match job {
                Some(job) => {
                    number = number.saturating_add(1);
                    if job.ticket.begin() {
                        running.spawn(Arc::clone(&nursery).answer(job, number));
                    }
                }
                None => break,
            },
        }
    }
    while running.join_next().await.is_some() {}
}

impl Nursery {
    async fn answer(self: Arc<Self>, mut job: Job, number: NonZeroU64) {
        let waiting = job.waiting.take();
        let overdue = async {
            if let Some(waiting) = waiting {
                let _ = waiting.await;
            }
            sleep(AFTERWARDS).await;
        };
        let share = self.account.share();
        let answered = share.clone().of(self.call(job, number, share));
        let ended = tokio::select! {
            biased;
            answered = answered => answered,
            () = overdue => Err(format!("it did not end within {} s after its response", AFTERWARDS.as_secs())),
        };
        if let Err(reason) = ended {
            self.spec.stderr.say(format!("a request was lost: {reason}").as_bytes());
        }
    }

    async fn call(&self, job: Job, number: NonZeroU64, share: Share) -> Result<(), String> {
        let inner = self.component.inner();
        let spec = self.spec.of_request(number);
        let (interface, outgoing) = (self.interface.clone(), Arc::clone(&self.outgoing));
        let store =
            sandbox::store(&inner.runtime, interface, outgoing, &spec, Arc::clone(&self.control), share);
        let mut store = store.await?;
        // Declared after the store, so that it goes first wherever this is dropped.
        let unfinished = Unfinished(Some(Lost::default()));
        let instance = inner.pre.instantiate_async(&mut store).await;
        let handle = instance.and_then(|instance| inner.exports.handle_0_2(&mut store, &instance));
        let ended = match handle {
            Ok(None) => Ok(()),
            Ok(Some(handle)) => {
                let reply = Reply::new(job.reply, unfinished.lost());
                let called = store
                    .run_concurrent(async |accessor| call_0_2(accessor, &handle, job.request, reply).await)
                    .await;
                called.and_then(|called| called)
            }
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) => {
                unfinished.finished();
                Ok(())
            }
            Err(error) => {
                Err(format!("it trapped: {}{}", reason_of(&error), store.data_mut().limits_reached(&error)))
            }
        }
    }
}

/// A request whose handler has not returned: as long as it has not, the end of its body is not its end.
struct Unfinished(Option<Lost>);

impl Unfinished {
    fn lost(&self) -> Lost {
        self.0.clone().unwrap_or_default()
    }

    fn finished(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(lost) = &self.0 {
            lost.set();
        }
    }
}
