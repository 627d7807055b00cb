//! A look-up of a name under way.

use std::fmt;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::interface::{Interface, InterfaceCore};
use crate::NetError;
use crate::outside::{LOOK_UP_TIMEOUT, LOOK_UPS, NameAnswer};
use crate::policy::{HostName, Resolved};
use crate::sync::Outcome;

/// What a look-up gives: addresses, never none.
type Found = Result<Vec<IpAddr>, NoAddress>;

/// Why a look-up gave no address. Sockets have fewer words for it, see [`NetError`]; protocols that have more, such as HTTP,
/// ask with [`LookUp::explained`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum NoAddress {
    /// No name can look like this.
    #[error("malformed name")]
    Malformed,
    /// The name stands for nothing that the instance can discover, or for nothing in the world outside.
    #[error("unknown name")]
    Unknown,
    /// The name may be one of the world outside, and no rule of the host's lets the role look it up.
    #[error("the name is outside the deployment")]
    Denied,
    /// The name leads only where a name must not lead: into the deployment, to the host or to a private network.
    #[error("the name leads to addresses that are not for names outside")]
    Prohibited,
    /// The world outside gave no answer within [`LOOK_UP_TIMEOUT`].
    #[error("name resolution timed out")]
    TimedOut,
    /// There is no answer now.
    #[error("temporary failure of name resolution")]
    Failed,
    /// The outcome was taken already.
    #[error("the outcome was taken already")]
    Taken,
}

impl From<NoAddress> for NetError {
    fn from(reason: NoAddress) -> Self {
        match reason {
            NoAddress::Malformed => Self::InvalidArgument,
            NoAddress::Unknown | NoAddress::Denied | NoAddress::Prohibited => Self::NameUnresolvable,
            NoAddress::TimedOut | NoAddress::Failed => Self::NameFailure,
            NoAddress::Taken => Self::InvalidState,
        }
    }
}

/// A look-up under way; as a future it ends with the addresses. It waits only for names of the world outside, so
/// [`try_finish`](Self::try_finish) is worth asking first. Dropping it gives up; what has begun outside counts until it is
/// over.
#[must_use = "a look-up that is dropped is given up"]
pub struct LookUp {
    stage: Stage,
}

enum Stage {
    Settled(Found),
    Asking(Arc<Outcome<Found>>),
    Taken,
}

impl Interface {
    /// Looks up the addresses that a name stands for. An IP literal stands for itself, `localhost` and names below it for the
    /// instance's own loopbacks; other names are up to [`Policy::resolve`](crate::Policy::resolve), and successive answers
    /// start with another instance each. A name outside that a rule of the host's has is asked for
    /// [outside](crate::outside), and its answer is filtered.
    ///
    /// It ends with `InvalidArgument` for what no name can look like, `NameUnresolvable` for every name that stands for
    /// nothing or must not be looked up, and `NameFailure` when the world outside gives no answer now.
    pub fn look_up(&self, name: &str) -> LookUp {
        LookUp { stage: self.begin(name).unwrap_or_else(|error| Stage::Settled(Err(error))) }
    }

    fn begin(&self, name: &str) -> Result<Stage, NoAddress> {
        if let Some(literal) = literal(name) {
            return Ok(Stage::Settled(Ok(vec![literal])));
        }
        if name.is_empty()
            || name.chars().any(|c| c.is_ascii() && !c.is_ascii_alphanumeric() && !"-_.".contains(c))
        {
            return Err(NoAddress::Malformed);
        }
        if is_localhost(name) {
            return Ok(Stage::Settled(Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])));
        }
        match self.core().resolve(name)? {
            Resolved::Inside(addresses) => {
                Ok(Stage::Settled(Ok(addresses.into_iter().map(IpAddr::V4).collect())))
            }
            Resolved::Outside(name) => ask_outside(self.core(), name),
        }
    }
}

/// An address that is written as one.
fn literal(name: &str) -> Option<IpAddr> {
    let bracketed = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bracketed {
        Some(address) => address.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => name.parse().ok(),
    }
}

/// Names that mean the own loopback everywhere (RFC 6761, section 6.3).
fn is_localhost(name: &str) -> bool {
    let last = name.strip_suffix('.').unwrap_or(name).rsplit('.').next();
    last.is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
}

fn ask_outside(core: &Arc<InterfaceCore>, name: HostName) -> Result<Stage, NoAddress> {
    let turn = Turn::take(core)?;
    let runtime = Handle::try_current().map_err(|_| NoAddress::Failed)?;
    let outcome = Arc::new(Outcome::new());
    runtime.spawn(ask(turn, name, outcome.clone()));
    Ok(Stage::Asking(outcome))
}

/// Gets the answer. A name server that is slow occupies a thread of the host whether somebody waits or not, so the turn ends
/// with the answer, and not before. Who has not been asked yet when the time is over is not asked any more.
async fn ask(turn: Turn, name: HostName, outcome: Arc<Outcome<Found>>) {
    let until = Instant::now() + LOOK_UP_TIMEOUT;
    let core = turn.core.clone();
    let Ok(place) = timeout_at(until, core.resolver()).await else {
        return outcome.settle(Err(NoAddress::TimedOut));
    };
    let mut answer = turn.core.shared().outside().look_up(name.clone());
    let Ok(answered) = timeout_at(until, answer.as_mut()).await else {
        outcome.settle(Err(NoAddress::TimedOut));
        // It is too late to be believed.
        drop(answer.await);
        return drop((place, turn));
    };
    let found = match answered {
        Ok(answer) => turn.core.learn(&name, &answer),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(NoAddress::Unknown),
        Err(_) => Err(NoAddress::Failed),
    };
    drop((place, turn));
    outcome.settle(found);
}

/// One of the look-ups that an interface can have under way.
struct Turn {
    core: Arc<InterfaceCore>,
}

impl Turn {
    fn take(core: &Arc<InterfaceCore>) -> Result<Self, NoAddress> {
        let count = |asking: usize| (asking < LOOK_UPS).then(|| asking.saturating_add(1));
        match core.look_ups().fetch_update(Ordering::Relaxed, Ordering::Relaxed, count) {
            Ok(_) => Ok(Self { core: core.clone() }),
            Err(_) => Err(NoAddress::Failed),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.core.look_ups().fetch_sub(1, Ordering::Relaxed);
    }
}

/// The places of a look-up in the resolver: its instance's and its deployment's.
struct Resolver<'a> {
    _of_instance: Option<SemaphorePermit<'a>>,
    _of_network: Option<SemaphorePermit<'a>>,
}

impl InterfaceCore {
    /// Waits for a place in the resolver. Everybody takes the two in the same order, so that nobody waits for ever.
    async fn resolver(&self) -> Resolver<'_> {
        // They are never closed.
        let of_instance = self.resolvers().acquire().await.ok();
        let of_network = self.shared().resolvers.acquire().await.ok();
        Resolver { _of_instance: of_instance, _of_network: of_network }
    }

    /// Remembers the part of an answer that may be believed, and gives it.
    fn learn(&self, name: &HostName, answer: &NameAnswer) -> Found {
        let mut addresses = self.trusted_answers(&answer.addresses);
        addresses.truncate(MOST_ADDRESSES);
        if addresses.is_empty() {
            return Err(if answer.addresses.is_empty() { NoAddress::Unknown } else { NoAddress::Prohibited });
        }
        self.known_names().learn(name, &addresses, answer.time_to_live, Instant::now());
        Ok(addresses)
    }
}

/// Addresses of one answer that are kept.
const MOST_ADDRESSES: usize = 16;

impl LookUp {
    /// The outcome, if there is one now.
    ///
    /// # Errors
    ///
    /// Inside: as [`Interface::look_up`] says, and `InvalidState` once the outcome was taken.
    pub fn try_finish(&mut self) -> Option<Result<Vec<IpAddr>, NetError>> {
        Some(self.finish()?.map_err(NetError::from))
    }

    /// Waits for the outcome, with the reason when there is no address.
    ///
    /// # Errors
    ///
    /// [`NoAddress`].
    pub async fn explained(mut self) -> Result<Vec<IpAddr>, NoAddress> {
        poll_fn(|cx| {
            std::task::ready!(self.poll_ready(cx));
            self.finish().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    fn finish(&mut self) -> Option<Found> {
        let found = match std::mem::replace(&mut self.stage, Stage::Taken) {
            Stage::Settled(found) => found,
            Stage::Taken => Err(NoAddress::Taken),
            Stage::Asking(outcome) => match outcome.take() {
                Some(found) => found,
                None => {
                    self.stage = Stage::Asking(outcome);
                    return None;
                }
            },
        };
        Some(found)
    }

    /// Ready when [`try_finish`](Self::try_finish) has an outcome.
    pub fn poll_ready(&self, cx: &Context<'_>) -> Poll<()> {
        match &self.stage {
            Stage::Asking(outcome) => outcome.poll_settled(cx),
            Stage::Settled(_) | Stage::Taken => Poll::Ready(()),
        }
    }
}

impl Future for LookUp {
    type Output = Result<Vec<IpAddr>, NetError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        std::task::ready!(self.poll_ready(cx));
        self.try_finish().map_or(Poll::Pending, Poll::Ready)
    }
}

impl fmt::Debug for LookUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LookUp").field("waits", &matches!(self.stage, Stage::Asking(..))).finish()
    }
}
