//! What a fault is: whom it concerns, and what it does.

use std::num::NonZeroU64;
use std::time::Duration;

/// One end of what a fault concerns. Names compare without ASCII case, as those of the policy do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Whom {
    /// Every instance.
    Anyone,
    /// Every instance of the role with this name.
    Role(String),
    /// The instance with this id.
    Instance(String),
}

impl Whom {
    /// Every instance of a role.
    #[must_use]
    pub fn role(name: &str) -> Self {
        Self::Role(name.to_owned())
    }

    /// One instance.
    #[must_use]
    pub fn instance(id: &str) -> Self {
        Self::Instance(id.to_owned())
    }

    fn is(&self, who: Who<'_>) -> bool {
        match self {
            Self::Anyone => true,
            Self::Role(name) => name.eq_ignore_ascii_case(who.role),
            Self::Instance(id) => id.eq_ignore_ascii_case(who.instance),
        }
    }
}

/// An instance, as the policy knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who<'a> {
    pub(crate) instance: &'a str,
    pub(crate) role: &'a str,
}

/// How often something happens: of a million times, on average.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chance(u32);

impl Chance {
    /// Always.
    pub const ALWAYS: Self = Self(1_000_000);

    /// `number` of a hundred times; 100 and more: always.
    #[must_use]
    pub const fn percent(number: u8) -> Self {
        // At most 100, so the product fits.
        Self(if number > 100 { 1_000_000 } else { number as u32 * 10_000 })
    }

    /// `number` of a million times; 1,000,000 and more: always.
    #[must_use]
    pub const fn per_million(number: u32) -> Self {
        Self(if number > 1_000_000 { 1_000_000 } else { number })
    }

    pub(super) fn per_million_times(self) -> u64 {
        self.0.into()
    }

    pub(super) fn larger(self, other: Self) -> Self {
        self.max(other)
    }
}

/// What a fault does to the traffic that it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Nothing arrives. Of TCP it arrives when the fault is lifted, as it would with a real TCP that sends again;
    /// connects wait for that too, up to [`CONNECT_TIMEOUT`](crate::tcp::CONNECT_TIMEOUT). Datagrams are lost.
    Partition,
    /// Everything arrives later: by `fixed`, and by up to `jitter` more. Of TCP the order stays, and a connect takes the
    /// delays there and back; datagrams may overtake each other. Several delays add up.
    Delay {
        /// What it is late by at least.
        fixed: Duration,
        /// What it is late by beyond that, at most; each value is as likely.
        jitter: Duration,
    },
    /// So many bytes a second pass from one instance to the other, connections and datagrams together. The lowest
    /// of several holds.
    Bandwidth(NonZeroU64),
    /// With this chance for each write to a connection, the connection is reset: both sides see it.
    Reset(Chance),
    /// Connects are refused at once, as if nobody listened.
    RefuseConnects,
    /// Connects hear nothing, until they time out or the fault is lifted. Connections that are open go on.
    SwallowConnects,
    /// Datagrams are lost with this chance.
    Lose(Chance),
    /// Datagrams arrive twice with this chance.
    Duplicate(Chance),
    /// Datagrams arrive [`REORDERED_BY`](super::REORDERED_BY) late with this chance, so that later ones overtake them.
    Reorder(Chance),
    /// Whoever is on the `from` side cannot resolve names of the `to` side: the look-up fails, as when no server answers.
    FailNames,
}

/// A disturbance of the traffic between two parties. What an instance does with itself is never disturbed, and
/// neither is traffic with the outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    from: Whom,
    to: Whom,
    both_ways: bool,
    effect: Effect,
}

impl Fault {
    /// A fault of what `from` sends to `to`, and not of what comes back. For connects and names `from` is the side that
    /// asks.
    #[must_use]
    pub const fn one_way(from: Whom, to: Whom, effect: Effect) -> Self {
        Self { from, to, both_ways: false, effect }
    }

    /// A fault in both directions.
    #[must_use]
    pub const fn between(one: Whom, other: Whom, effect: Effect) -> Self {
        Self { from: one, to: other, both_ways: true, effect }
    }

    fn concerns(&self, from: Who<'_>, to: Who<'_>) -> bool {
        (self.from.is(from) && self.to.is(to)) || (self.both_ways && self.from.is(to) && self.to.is(from))
    }
}

/// All effects on what passes from one instance to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    pub(super) cut: bool,
    pub(super) fixed: Duration,
    pub(super) jitter: Duration,
    pub(super) bandwidth: Option<NonZeroU64>,
    pub(super) reset: Chance,
    pub(super) refuse: bool,
    pub(super) swallow: bool,
    pub(super) lose: Chance,
    pub(super) duplicate: Chance,
    pub(super) reorder: Chance,
    pub(super) fail_names: bool,
}

impl Conditions {
    pub(super) fn of<'a>(faults: impl Iterator<Item = &'a Fault>, from: Who<'_>, to: Who<'_>) -> Self {
        let concerning = faults.filter(|fault| fault.concerns(from, to));
        concerning.fold(Self::default(), |conditions, fault| conditions.with(fault.effect))
    }

    fn with(mut self, effect: Effect) -> Self {
        match effect {
            Effect::Partition => self.cut = true,
            Effect::Delay { fixed, jitter } => {
                self.fixed = self.fixed.saturating_add(fixed);
                self.jitter = self.jitter.saturating_add(jitter);
            }
            Effect::Bandwidth(bytes) => {
                self.bandwidth = self.bandwidth.map_or(Some(bytes), |b| Some(b.min(bytes)))
            }
            Effect::Reset(chance) => self.reset = self.reset.larger(chance),
            Effect::RefuseConnects => self.refuse = true,
            Effect::SwallowConnects => self.swallow = true,
            Effect::Lose(chance) => self.lose = self.lose.larger(chance),
            Effect::Duplicate(chance) => self.duplicate = self.duplicate.larger(chance),
            Effect::Reorder(chance) => self.reorder = self.reorder.larger(chance),
            Effect::FailNames => self.fail_names = true,
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: Who<'_> = Who { instance: "Web_IN_0", role: "Web" };
    const WORKER: Who<'_> = Who { instance: "Worker_IN_1", role: "Worker" };

    fn cut(fault: &Fault, from: Who<'_>, to: Who<'_>) -> bool {
        Conditions::of([fault].into_iter(), from, to).cut
    }

    #[test]
    fn a_fault_concerns_its_parties_and_its_direction() {
        let (web, worker) = (Whom::role("web"), Whom::instance("WORKER_IN_1"));
        for (fault, there, back) in [
            (Fault::one_way(web.clone(), worker.clone(), Effect::Partition), true, false),
            (Fault::one_way(worker.clone(), web.clone(), Effect::Partition), false, true),
            (Fault::between(web.clone(), worker.clone(), Effect::Partition), true, true),
            (Fault::between(worker, web.clone(), Effect::Partition), true, true),
            (Fault::one_way(Whom::Anyone, web.clone(), Effect::Partition), false, true),
            (Fault::between(web.clone(), Whom::Anyone, Effect::Partition), true, true),
            (Fault::between(web.clone(), web, Effect::Partition), false, false),
            (Fault::between(Whom::Anyone, Whom::instance("Worker"), Effect::Partition), false, false),
        ] {
            assert_eq!((cut(&fault, WEB, WORKER), cut(&fault, WORKER, WEB)), (there, back), "{fault:?}");
        }
    }

    #[test]
    fn several_faults_add_up() {
        let all = |effect| Fault::between(Whom::Anyone, Whom::Anyone, effect);
        let ms = Duration::from_millis;
        let faults = [
            all(Effect::Delay { fixed: ms(10), jitter: ms(1) }),
            all(Effect::Delay { fixed: ms(5), jitter: ms(0) }),
            all(Effect::Bandwidth(NonZeroU64::new(1000).unwrap())),
            all(Effect::Bandwidth(NonZeroU64::new(500).unwrap())),
            all(Effect::Lose(Chance::percent(10))),
            all(Effect::Lose(Chance::percent(5))),
        ];
        let conditions = Conditions::of(faults.iter(), WEB, WORKER);
        assert_eq!((conditions.fixed, conditions.jitter), (ms(15), ms(1)));
        assert_eq!(conditions.bandwidth, NonZeroU64::new(500));
        assert_eq!(conditions.lose, Chance::percent(10));
        assert!(!conditions.cut);
    }
}
