//! A look-up of a name under way.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

use super::interface::{Interface, InterfaceCore};
use crate::NetError;
use crate::outside::{LOOK_UP_TIMEOUT, LOOK_UPS, NameAnswer, Soon};
use crate::policy::{HostName, Resolved};
use crate::sync::Outcome;

/// What a look-up gives: addresses, never none.
type Found = Result<Vec<IpAddr>, NetError>;

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

    fn begin(&self, name: &str) -> Result<Stage, NetError> {
        if let Some(literal) = literal(name) {
            return Ok(Stage::Settled(Ok(vec![literal])));
        }
        if name.is_empty()
            || name.chars().any(|c| c.is_ascii() && !c.is_ascii_alphanumeric() && !"-_.".contains(c))
        {
            return Err(NetError::InvalidArgument);
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

fn ask_outside(core: &Arc<InterfaceCore>, name: HostName) -> Result<Stage, NetError> {
    let turn = Turn::take(core)?;
    let runtime = Handle::try_current().map_err(|_| NetError::NameFailure)?;
    let answer = core.shared().outside().look_up(name.clone());
    let outcome = Arc::new(Outcome::new());
    runtime.spawn(ask(turn, name, answer, outcome.clone()));
    Ok(Stage::Asking(outcome))
}

/// Gets the answer. A name server that is slow occupies a thread of the host whether somebody waits or not, so the turn ends
/// with the answer, and not before.
async fn ask(turn: Turn, name: HostName, mut answer: Soon<NameAnswer>, outcome: Arc<Outcome<Found>>) {
    let Ok(answered) = timeout(LOOK_UP_TIMEOUT, answer.as_mut()).await else {
        outcome.settle(Err(NetError::NameFailure));
        // It is too late to be believed.
        drop(answer.await);
        return drop(turn);
    };
    let found = match answered {
        Ok(answer) => turn.core.learn(&name, &answer),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(NetError::NameUnresolvable),
        Err(_) => Err(NetError::NameFailure),
    };
    drop(turn);
    outcome.settle(found);
}

/// One of the look-ups that an interface can have under way.
struct Turn {
    core: Arc<InterfaceCore>,
}

impl Turn {
    fn take(core: &Arc<InterfaceCore>) -> Result<Self, NetError> {
        let count = |asking: usize| (asking < LOOK_UPS).then(|| asking.saturating_add(1));
        match core.look_ups().fetch_update(Ordering::Relaxed, Ordering::Relaxed, count) {
            Ok(_) => Ok(Self { core: core.clone() }),
            Err(_) => Err(NetError::NameFailure),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.core.look_ups().fetch_sub(1, Ordering::Relaxed);
    }
}

impl InterfaceCore {
    /// Remembers the part of an answer that may be believed, and gives it.
    fn learn(&self, name: &HostName, answer: &NameAnswer) -> Found {
        let mut addresses = self.trusted_answers(&answer.addresses);
        addresses.truncate(MOST_ADDRESSES);
        if addresses.is_empty() {
            return Err(NetError::NameUnresolvable);
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
    pub fn try_finish(&mut self) -> Option<Found> {
        let found = match std::mem::replace(&mut self.stage, Stage::Taken) {
            Stage::Settled(found) => found,
            Stage::Taken => Err(NetError::InvalidState),
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
    type Output = Found;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Found> {
        std::task::ready!(self.poll_ready(cx));
        self.try_finish().map_or(Poll::Pending, Poll::Ready)
    }
}

impl fmt::Debug for LookUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LookUp").field("waits", &matches!(self.stage, Stage::Asking(..))).finish()
    }
}
