//! What a deployment tells its owner.
//!
//! [`Events`] is one ordered stream. Its channel is small and bounded, and everybody who has something to say waits in line
//! for a place in it, one event at a time. So a reader that is slow slows the guests that write, never the supervision
//! of instances; and an instance that floods its output gets one place in turn with everybody else.
//!
//! What is said by somebody who must not wait (a guest's task that was denied something, the balancer) goes through a
//! [`Herald`]: it has a queue of its own, and when that is full, events are counted instead of kept.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use wasm_roles_role_runtime::{Clock, End, Line, ProgramEnd, ReachedLimit, RoleEvent};
use wasm_roles_service_plan::{
    Explanation, InstanceId, Plan, Port, RoleName, TaskKind, Transport, explain_denial,
};
use wasm_roles_virtual_network::outside::HostSocketRefusal;
use wasm_roles_virtual_network::{Denial, Observer};

use crate::certificates::CertificateNotice;
use crate::change::Missed;
use crate::datagrams::DatagramLoss;
use crate::lifecycle::Status;
use crate::probe::ProbeFailure;
use crate::status_board::Recycled;
use crate::tls::HandshakeFailure;

/// Places in the channel. Few: each is a line that another instance's line has to wait for.
const PLACES: usize = 64;
/// What a herald keeps before it only counts.
const HERALD_PLACES: usize = 1024;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// When, as time since 1970-01-01T00:00:00Z on the deployment's clock.
    pub time: Duration,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// An instance has another status.
    StatusChanged {
        /// The instance.
        instance: InstanceId,
        /// Its status from now on.
        status: Status,
    },
    /// Nothing is left of an incarnation. All of its output came before this.
    Ended {
        /// The instance.
        instance: InstanceId,
        /// Why.
        end: End,
    },
    /// An instance waits for its next incarnation.
    Recycling {
        /// The instance.
        instance: InstanceId,
        /// The wait.
        delay: Duration,
        /// How often, and why.
        recycled: Recycled,
    },
    /// An instance was asked or told something and has not answered.
    EventMissed {
        /// The instance.
        instance: InstanceId,
        /// What it was asked or told.
        event: RoleEvent,
        /// Why there is no answer.
        missed: Missed,
    },
    /// An instance refused a change while it runs: it is recycled, and has it from its next incarnation on.
    ChangeRefused {
        /// The instance.
        instance: InstanceId,
    },
    /// The role of an instance has other certificates: it is recycled, and sees them from its next incarnation on.
    CertificatesChanged {
        /// The instance.
        instance: InstanceId,
    },
    /// A guest wrote a line.
    Output {
        /// The instance.
        instance: InstanceId,
        /// The start-up task that wrote it, by the first word of its command line; none: the role itself.
        task: Option<Arc<str>>,
        /// Where to.
        stream: OutputStream,
        /// The guest's bytes: hostile, and not always text.
        line: Line,
    },
    /// A guest wrote faster than its limit allows: these lines are not there. Told once for each flood, when it is over, at the
    /// place where the lines would be.
    OutputDropped {
        /// The instance.
        instance: InstanceId,
        /// As [`EventKind::Output::task`].
        task: Option<Arc<str>>,
        /// Where to.
        stream: OutputStream,
        /// How many.
        lines: u64,
    },
    /// A guest was refused something, because it has as much of it as it may have. Told once for each limit and incarnation.
    LimitReached {
        /// The instance.
        instance: InstanceId,
        /// The start-up task; none: the role itself.
        task: Option<Arc<str>>,
        /// The limit.
        limit: ReachedLimit,
    },
    /// An instance, or its start-up tasks, was refused a socket, because it has as many as it may. Told once for each
    /// incarnation.
    OutOfSockets {
        /// The instance.
        instance: String,
        /// How many it may have.
        limit: usize,
    },
    /// An instance, or its start-up tasks, was refused a socket to the world outside. Told once for each incarnation.
    OutOfHostSockets {
        /// The instance.
        instance: String,
        /// Whose limit it is, and how high.
        refusal: HostSocketRefusal,
    },
    /// A start-up task has ended by itself. All of its output came before this.
    TaskEnded {
        /// The instance.
        instance: InstanceId,
        /// The first word of the task's command line.
        task: Arc<str>,
        /// Who waited for it.
        kind: TaskKind,
        /// How. Everything but status 0 is a failure.
        end: ProgramEnd,
        /// The last lines of its standard error: hostile text.
        last_words: Vec<String>,
    },
    /// The network denied something to an instance; told once for each operation and target.
    Denied(Box<DeniedEvent>),
    /// An instance was denied so many different things that further ones are only counted.
    DenialsSilenced {
        /// The instance.
        instance: String,
    },
    /// A probe of the load balancer is answered by an instance that did not answer before: it gets connections.
    ProbeSucceeds {
        /// The instance.
        instance: InstanceId,
        /// The probe's name.
        probe: String,
        /// The public port whose connections it gets.
        port: Port,
    },
    /// An instance has not answered a probe of the load balancer for the probe's time-out: it gets no connections.
    ProbeFails {
        /// The instance.
        instance: InstanceId,
        /// The probe's name.
        probe: String,
        /// The public port whose connections it does not get.
        port: Port,
        /// The time without an answer.
        silence: Duration,
        /// How the last try failed.
        failure: ProbeFailure,
    },
    /// Public connections were refused, because no instance could take them for as long as they could wait:
    /// [`CONNECTION_WAIT`](crate::CONNECTION_WAIT).
    NoReadyInstance {
        /// The public port.
        port: Port,
        /// The role that should answer.
        role: RoleName,
        /// Connections since this was last told.
        connections: u64,
    },
    /// Handshakes of TLS have failed at a public port whose TLS ends here. Each kind of failure is told at once when it comes
    /// for the first time, and from then on at most once a minute.
    HandshakesFailed {
        /// The public port.
        port: Port,
        /// Why.
        failure: HandshakeFailure,
        /// Connections since this was last told of this kind of failure.
        connections: u64,
    },
    /// A certificate is not there, and nothing needs it so much that the deployment could not start.
    Certificate(CertificateNotice),
    /// Datagrams at a public port were lost.
    DatagramsLost {
        /// The public port.
        port: Port,
        /// The role that should have them, or whose answers they are.
        role: RoleName,
        /// Why.
        loss: DatagramLoss,
        /// Datagrams since this was last told of this kind of loss.
        datagrams: u64,
    },
    /// The operating system gives no connections, or no datagrams, to a public port; it is tried again.
    AcceptFailed {
        /// The public port.
        port: Port,
        /// Whether it is connections or datagrams.
        transport: Transport,
        /// What the operating system says.
        reason: String,
    },
    /// Events were left out, because they came faster than they were read.
    LeftOut {
        /// How many.
        events: u64,
    },
}

/// Something that the network denied.
#[derive(Clone, Debug)]
pub struct DeniedEvent {
    /// Who, what and why.
    pub denial: Denial,
    /// The rule, its line, and what would allow it.
    pub explanation: Explanation,
}

/// A stream of lines of one program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// What the web server of an instance says about its requests.
    AccessLog,
}

impl OutputStream {
    /// `stdout`, `stderr` or `access-log`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::AccessLog => "access-log",
        }
    }
}

/// The events of a deployment, in order. Dropping it means that nobody listens: output is thrown away.
#[derive(Debug)]
pub struct Events(mpsc::Receiver<Event>);

impl Events {
    pub(crate) fn channel() -> (mpsc::Sender<Event>, Self) {
        let (sender, receiver) = mpsc::channel(PLACES);
        (sender, Self(receiver))
    }

    /// The next event; none when the deployment has stopped and everything was told.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }

    /// As [`next`](Self::next), but only what is there now.
    pub fn try_next(&mut self) -> Option<Event> {
        self.0.try_recv().ok()
    }
}

/// Tells events without waiting.
#[derive(Clone)]
pub(crate) struct Herald {
    queue: mpsc::Sender<(Duration, News)>,
    left_out: Arc<AtomicU64>,
    clock: Clock,
    plan: watch::Sender<Arc<Plan>>,
}

enum News {
    Event(EventKind),
    /// Explained later, out of the way of the guest that was denied.
    Denied(Box<Denial>),
}

impl Herald {
    /// A herald and the task that carries its news to `events`. The task ends when all is told and `alive`'s sender is
    /// gone; a connection that outlives its instance may still hold a herald then.
    pub(crate) fn new(
        plan: Arc<Plan>,
        clock: Clock,
        events: mpsc::Sender<Event>,
        alive: oneshot::Receiver<Infallible>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (queue, news) = mpsc::channel(HERALD_PLACES);
        let left_out = Arc::new(AtomicU64::new(0));
        let (plans, plan) = watch::channel(plan);
        let herald = Self { queue, left_out: Arc::clone(&left_out), clock, plan: plans };
        (herald, carry(plan, news, left_out, events, alive))
    }

    /// Denials are explained by this plan from now on.
    pub(crate) fn explain_by(&self, plan: Arc<Plan>) {
        self.plan.send_replace(plan);
    }

    pub(crate) fn tell(&self, kind: EventKind) {
        self.tell_news(News::Event(kind));
    }

    fn tell_news(&self, news: News) {
        if self.queue.try_send((self.clock.wall(), news)).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn carry(
    plan: watch::Receiver<Arc<Plan>>,
    mut news: mpsc::Receiver<(Duration, News)>,
    left_out: Arc<AtomicU64>,
    events: mpsc::Sender<Event>,
    mut alive: oneshot::Receiver<Infallible>,
) {
    let mut closed = false;
    loop {
        let (time, news) = tokio::select! {
            biased;
            news = news.recv() => match news {
                Some(news) => news,
                None => return,
            },
            _ = &mut alive, if !closed => {
                closed = true;
                news.close();
                continue;
            }
        };
        let kind = match news {
            News::Event(kind) => kind,
            News::Denied(denial) => {
                let plan = Arc::clone(&plan.borrow());
                let explanation = explain_denial(&plan, &denial.reason);
                EventKind::Denied(Box::new(DeniedEvent { denial: *denial, explanation }))
            }
        };
        let missed = left_out.swap(0, Ordering::Relaxed);
        let missed = (missed > 0).then_some(EventKind::LeftOut { events: missed });
        for kind in std::iter::once(kind).chain(missed) {
            if events.send(Event { time, kind }).await.is_err() {
                return;
            }
        }
    }
}

impl Observer for Herald {
    fn denied(&self, denial: &Denial) {
        self.tell_news(News::Denied(Box::new(denial.clone())));
    }

    fn silenced(&self, subject_id: &str) {
        self.tell(EventKind::DenialsSilenced { instance: subject_id.to_owned() });
    }

    fn out_of_sockets(&self, subject_id: &str, limit: usize) {
        self.tell(EventKind::OutOfSockets { instance: subject_id.to_owned(), limit });
    }

    fn out_of_host_sockets(&self, subject_id: &str, refusal: HostSocketRefusal) {
        self.tell(EventKind::OutOfHostSockets { instance: subject_id.to_owned(), refusal });
    }
}
