//! Who computes next: start-time fair queueing over the instances that are CPU-bound now. Pure; time is counted in ticks.
//!
//! There are as many slots as threads. Whoever has a slot computes for a tick and then waits in line again, behind
//! those that have had less for their weight:
//!
//! - Each member has a *tag*: the virtual time up to which it has been served. A tick moves it by `TICK_OF_WEIGHT_1 / weight`, so
//!   equal tags mean shares by weight. The lowest tag is served first, and among equal ones who has waited longest.
//! - The queue's virtual time is the highest tag that was served. Who comes back from rest starts there: resting earns nothing.
//!   What it has had too much stays on its account.
//! - Nobody is owed more than [`LONGEST_LAG`] ticks of its own weight. A member whose share is more than one thread
//!   never catches up; without the bound it would shut out newcomers for as long as it had been alone.
//! - Nobody starves: of those who wait, every tag but the lowest stands still, and the served ones move past it.
//! - A slot is never free while somebody waits.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

/// What one tick of a member of weight 1 moves its tag by. Large, so that shares of heavy members do not suffer from
/// rounding; small enough for 35,000 years of ticks.
const TICK_OF_WEIGHT_1: u64 = 1 << 24;

/// Ticks that a member can be owed.
const LONGEST_LAG: u64 = 20;

/// A member of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Member(u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It computes without a slot, or not at all.
    Resting,
    /// In line since its ticket was drawn.
    Waiting { ticket: u64 },
    /// It has a slot.
    Served,
}

#[derive(Debug)]
struct Account {
    weight: u32,
    tag: u64,
    state: State,
}

impl Account {
    fn cost(&self, ticks: u64) -> u64 {
        ticks.saturating_mul(TICK_OF_WEIGHT_1 / u64::from(self.weight))
    }
}

/// The line and the slots.
#[derive(Debug)]
pub(crate) struct FairQueue {
    slots: usize,
    served: usize,
    accounts: BTreeMap<Member, Account>,
    /// Tag, ticket, member: the first is next.
    line: BTreeSet<(u64, u64, Member)>,
    virtual_time: u64,
    next_member: u64,
    next_ticket: u64,
}

impl FairQueue {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            slots: slots.max(1),
            served: 0,
            accounts: BTreeMap::new(),
            line: BTreeSet::new(),
            virtual_time: 0,
            next_member: 0,
            next_ticket: 0,
        }
    }

    /// There are at least so many slots from now on.
    pub(crate) fn grow(&mut self, slots: usize) {
        self.slots = self.slots.max(slots);
    }

    /// A new member, at rest.
    pub(crate) fn join(&mut self, weight: NonZeroU32) -> Member {
        let member = Member(self.next_member);
        self.next_member = self.next_member.saturating_add(1);
        let account = Account { weight: weight.get(), tag: self.virtual_time, state: State::Resting };
        self.accounts.insert(member, account);
        member
    }

    /// The member is gone, wherever it was.
    pub(crate) fn leave(&mut self, member: Member) {
        self.rest(member);
        self.accounts.remove(&member);
    }

    /// The member has computed for so long. What a resting member uses counts from now, not from when it was last heard of.
    pub(crate) fn charge(&mut self, member: Member, ticks: u64) {
        let now = self.virtual_time;
        if let Some(account) = self.accounts.get_mut(&member) {
            let from = if account.state == State::Resting { account.tag.max(now) } else { account.tag };
            // In line the tag stands still; it is not charged there.
            if !matches!(account.state, State::Waiting { .. }) {
                account.tag = from.saturating_add(account.cost(ticks));
            }
        }
    }

    /// Whether the member has had more than its share, as seen from the last one served.
    pub(crate) fn is_ahead(&self, member: Member) -> bool {
        self.accounts.get(&member).is_some_and(|account| account.tag > self.virtual_time)
    }

    /// Gives back the member's slot, if it has one, and puts it in line.
    pub(crate) fn wait(&mut self, member: Member) {
        let (now, ticket) = (self.virtual_time, self.next_ticket);
        let Some(account) = self.accounts.get_mut(&member) else { return };
        let earliest = match account.state {
            State::Waiting { .. } => return,
            State::Resting => now,
            State::Served => {
                self.served = self.served.saturating_sub(1);
                now.saturating_sub(account.cost(LONGEST_LAG))
            }
        };
        account.tag = account.tag.max(earliest);
        account.state = State::Waiting { ticket };
        self.next_ticket = ticket.saturating_add(1);
        self.line.insert((account.tag, ticket, member));
    }

    /// The member stops computing: it leaves the line or gives back its slot.
    pub(crate) fn rest(&mut self, member: Member) {
        let Some(account) = self.accounts.get_mut(&member) else { return };
        match account.state {
            State::Resting => {}
            State::Waiting { ticket } => {
                self.line.remove(&(account.tag, ticket, member));
            }
            State::Served => self.served = self.served.saturating_sub(1),
        }
        account.state = State::Resting;
    }

    /// Gives a free slot to the next in line, if there are both. Call it until there are not.
    pub(crate) fn serve_next(&mut self) -> Option<Member> {
        if self.served >= self.slots {
            return None;
        }
        let (tag, _, member) = self.line.pop_first()?;
        let account = self.accounts.get_mut(&member)?;
        account.state = State::Served;
        self.served = self.served.saturating_add(1);
        self.virtual_time = self.virtual_time.max(tag);
        Some(member)
    }

    /// Whether the member has a slot.
    pub(crate) fn is_served(&self, member: Member) -> bool {
        self.accounts.get(&member).is_some_and(|account| account.state == State::Served)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn weight(weight: u32) -> NonZeroU32 {
        NonZeroU32::new(weight).unwrap()
    }

    /// Threads that compute in step: each tick, all who are served use it up and wait again.
    struct Machine {
        queue: FairQueue,
        served: BTreeMap<Member, u64>,
    }

    impl Machine {
        fn new(slots: usize) -> Self {
            Self { queue: FairQueue::new(slots), served: BTreeMap::new() }
        }

        /// A member that computes from now on without end.
        fn spinner(&mut self, of_weight: u32) -> Member {
            let member = self.queue.join(weight(of_weight));
            self.queue.wait(member);
            self.served.insert(member, 0);
            member
        }

        fn tick(&mut self) {
            while self.queue.serve_next().is_some() {}
            let busy: Vec<Member> =
                self.served.keys().copied().filter(|member| self.queue.is_served(*member)).collect();
            for member in busy {
                *self.served.get_mut(&member).unwrap() += 1;
                self.queue.charge(member, 1);
                self.queue.wait(member);
            }
        }

        fn ticks(&mut self, ticks: u32) {
            for _ in 0..ticks {
                self.tick();
            }
        }
    }

    /// Weights, slots, and the share of one slot that each gets, in percent.
    #[test]
    fn cpu_bound_instances_share_the_threads_by_weight() {
        let cases: [(&[u32], usize, &[u64]); 7] = [
            (&[100], 1, &[100]),
            (&[100], 4, &[100]),
            (&[100, 100], 1, &[50, 50]),
            (&[50, 100, 100, 200], 1, &[11, 22, 22, 44]),
            (&[1, 1, 2, 4], 2, &[25, 25, 50, 100]),
            (&[1, 1, 1], 2, &[66, 66, 66]),
            // Nobody can use more than one thread: the rest shares what it leaves.
            (&[1600, 100, 100], 2, &[100, 50, 50]),
        ];
        for (weights, slots, percent) in cases {
            let mut machine = Machine::new(slots);
            for of_weight in weights {
                machine.spinner(*of_weight);
            }
            machine.ticks(10_000);
            for (served, expected) in machine.served.values().zip(percent) {
                let got = served / 100;
                assert!(got.abs_diff(*expected) <= 1, "{weights:?} on {slots}: {:?}", machine.served);
            }
        }
    }

    #[test]
    fn rest_earns_nothing() {
        let mut machine = Machine::new(1);
        let (resting, other) = (machine.spinner(100), machine.spinner(100));
        machine.ticks(10);
        machine.queue.rest(resting);
        machine.ticks(1_000);
        let before = machine.served[&resting];
        machine.queue.wait(resting);
        machine.ticks(100);
        let gained = machine.served[&resting] - before;
        assert!((49..=51).contains(&gained), "{gained} of 100 ticks");
        assert!(machine.served[&other] >= 1_000);
    }

    #[test]
    fn rest_does_not_forgive_a_debt() {
        let mut machine = Machine::new(1);
        let (greedy, _other) = (machine.spinner(100), machine.spinner(100));
        machine.ticks(10);
        machine.queue.rest(greedy);
        machine.queue.charge(greedy, 50); // it computed for 50 ticks without a slot
        assert!(machine.queue.is_ahead(greedy));
        machine.queue.wait(greedy);
        let before = machine.served[&greedy];
        machine.ticks(48);
        assert_eq!(machine.served[&greedy], before);
        machine.ticks(10);
        assert!(machine.served[&greedy] > before);
        assert!(!machine.queue.is_ahead(greedy) || machine.served[&greedy] > before);
    }

    #[test]
    fn who_was_alone_for_long_does_not_shut_out_newcomers() {
        let mut machine = Machine::new(2);
        // Together they cannot use what weight they have: each of them lags without end.
        let heavy = machine.spinner(10_000);
        machine.spinner(1);
        machine.ticks(100_000);
        let newcomers = [machine.spinner(10_000), machine.spinner(10_000), machine.spinner(10_000)];
        let before = machine.served[&heavy];
        machine.ticks(1_000);
        let gained = machine.served[&heavy] - before;
        assert!((480..=520).contains(&gained), "{gained}");
        for newcomer in newcomers {
            assert!(machine.served[&newcomer] >= 480, "{:?}", machine.served);
        }
    }

    #[test]
    fn who_leaves_with_a_slot_gives_it_back() {
        let mut queue = FairQueue::new(1);
        let (first, second) = (queue.join(weight(1)), queue.join(weight(1)));
        queue.wait(first);
        queue.wait(second);
        assert_eq!((queue.serve_next(), queue.serve_next()), (Some(first), None));
        queue.leave(first);
        assert_eq!(queue.serve_next(), Some(second));
        queue.leave(second);
        assert!(queue.accounts.is_empty() && queue.line.is_empty() && queue.served == 0);
        queue.wait(second); // gone is gone
        assert_eq!(queue.serve_next(), None);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Join(u32),
        Wait(usize),
        Rest(usize),
        Leave(usize),
        Charge(usize, u64),
        Serve,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (1..=10_000_u32).prop_map(Step::Join),
            (0..8_usize).prop_map(Step::Wait),
            (0..8_usize).prop_map(Step::Rest),
            (0..8_usize).prop_map(Step::Leave),
            ((0..8_usize), any::<u64>()).prop_map(|(member, ticks)| Step::Charge(member, ticks)),
            Just(Step::Serve),
        ]
    }

    proptest! {
        /// Whatever happens in whatever order: slots are never given out twice, never lost, and never idle while
        /// somebody waits.
        #[test]
        fn slots_are_conserved(slots in 1..4_usize, steps in prop::collection::vec(step(), 0..200)) {
            let mut queue = FairQueue::new(slots);
            let mut members: Vec<Member> = Vec::new();
            for step in steps {
                let at = |index: usize| members.get(index % members.len().max(1)).copied();
                match step {
                    Step::Join(of_weight) => members.push(queue.join(weight(of_weight))),
                    Step::Wait(index) => at(index).into_iter().for_each(|member| queue.wait(member)),
                    Step::Rest(index) => at(index).into_iter().for_each(|member| queue.rest(member)),
                    Step::Leave(index) => at(index).into_iter().for_each(|member| queue.leave(member)),
                    Step::Charge(index, ticks) => {
                        at(index).into_iter().for_each(|member| queue.charge(member, ticks));
                    }
                    Step::Serve => {
                        let waiting = !queue.line.is_empty();
                        let free = queue.served < slots;
                        prop_assert_eq!(queue.serve_next().is_some(), waiting && free);
                    }
                }
                let served = queue.accounts.values().filter(|account| account.state == State::Served).count();
                prop_assert_eq!(served, queue.served);
                prop_assert!(served <= slots);
                let waiting = |account: &&Account| matches!(account.state, State::Waiting { .. });
                prop_assert_eq!(queue.accounts.values().filter(waiting).count(), queue.line.len());
            }
        }

        /// Everybody gets at least nine tenths of the share that its weight is worth, as far as one thread allows.
        #[test]
        fn nobody_gets_less_than_its_share(slots in 1..4_usize, weights in prop::collection::vec(1..=16_u32, 1..8)) {
            let mut machine = Machine::new(slots);
            for of_weight in &weights {
                machine.spinner(*of_weight);
            }
            machine.ticks(2_000);
            let total: u32 = weights.iter().sum();
            for (served, of_weight) in machine.served.values().zip(&weights) {
                let fair = f64::from(*of_weight) * slots as f64 / f64::from(total);
                let got = *served as f64 / 2_000.0;
                prop_assert!(got >= fair.min(1.0) * 0.9, "{weights:?} on {slots}: {:?}", machine.served);
            }
        }
    }
}
