//! Who computes next: start-time fair queueing over the instances that are CPU-bound now. Pure; time is counted in ticks.
//!
//! There are as many slots as threads. Whoever has a slot computes for a tick and then waits in line again, behind
//! those that have had less for their weight:
//!
//! - Each member has an *account*, alone or with others: the programs of one instance. What one of them computes moves
//!   the tag of all, so together they have one weight.
//! - Each account has a *tag*: the virtual time up to which it has been served. A tick moves it by `TICK_OF_WEIGHT_1 / weight`, so
//!   equal tags mean shares by weight. The lowest tag is served first, and among equal ones who has waited longest.
//! - The queue's virtual time is the highest tag that was served. Who comes back from rest starts there: resting earns nothing.
//!   What it has had too much stays on its account.
//! - Nobody is owed more than [`LONGEST_LAG`] ticks of its own weight. An account whose share is more than one thread
//!   never catches up; without the bound it would shut out newcomers for as long as it had been alone.
//! - Nobody starves: the tag of who waits stands still unless its own account computes, and the served ones move past
//!   it.
//! - A slot is never free while somebody waits.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

/// What one tick of a member of weight 1 moves its tag by. Large, so that shares of heavy members do not suffer from
/// rounding; small enough for 35,000 years of ticks.
const TICK_OF_WEIGHT_1: u64 = 1 << 24;

/// Ticks that an account can be owed.
const LONGEST_LAG: u64 = 20;

/// Somebody who computes. Members with one account have one weight together, however many of them compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Member {
    account: u64,
    seat: u64,
}

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
    /// By seat. Never empty.
    members: BTreeMap<u64, State>,
}

impl Account {
    fn cost(&self, ticks: u64) -> u64 {
        ticks.saturating_mul(TICK_OF_WEIGHT_1 / u64::from(self.weight))
    }

    fn rests(&self) -> bool {
        self.members.values().all(|state| *state == State::Resting)
    }
}

/// The line and the slots.
#[derive(Debug)]
pub(crate) struct FairQueue {
    slots: usize,
    served: usize,
    accounts: BTreeMap<u64, Account>,
    /// Tag of its account, ticket, member: the first is next.
    line: BTreeSet<(u64, u64, Member)>,
    virtual_time: u64,
    next_number: u64,
}

impl FairQueue {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            slots: slots.max(1),
            served: 0,
            accounts: BTreeMap::new(),
            line: BTreeSet::new(),
            virtual_time: 0,
            next_number: 0,
        }
    }

    /// There are at least so many slots from now on.
    pub(crate) fn grow(&mut self, slots: usize) {
        self.slots = self.slots.max(slots);
    }

    /// A new member with an account of its own, at rest.
    pub(crate) fn join(&mut self, weight: NonZeroU32) -> Member {
        let (account, seat) = (self.number(), self.number());
        let members = BTreeMap::from([(seat, State::Resting)]);
        self.accounts.insert(account, Account { weight: weight.get(), tag: self.virtual_time, members });
        Member { account, seat }
    }

    /// A new member on the account of `member`, at rest; none if that one is gone.
    pub(crate) fn join_beside(&mut self, member: Member) -> Option<Member> {
        let seat = self.number();
        let account = self.accounts.get_mut(&member.account)?;
        account.members.insert(seat, State::Resting);
        Some(Member { seat, ..member })
    }

    /// The member is gone, wherever it was. Its account goes with the last one.
    pub(crate) fn leave(&mut self, member: Member) {
        self.enter(member, State::Resting);
        let Some(account) = self.accounts.get_mut(&member.account) else { return };
        account.members.remove(&member.seat);
        if account.members.is_empty() {
            self.accounts.remove(&member.account);
        }
    }

    /// The member has computed for so long. What an account at rest uses counts from now, not from when it was last heard
    /// of.
    pub(crate) fn charge(&mut self, member: Member, ticks: u64) {
        let Some(account) = self.accounts.get(&member.account) else { return };
        // Who is in line does not compute.
        if let Some(State::Resting | State::Served) = account.members.get(&member.seat) {
            let from = if account.rests() { account.tag.max(self.virtual_time) } else { account.tag };
            self.move_to(member.account, from.saturating_add(account.cost(ticks)));
        }
    }

    /// Whether the member's account has had more than its share, as seen from the last one served.
    pub(crate) fn is_ahead(&self, member: Member) -> bool {
        self.accounts.get(&member.account).is_some_and(|account| account.tag > self.virtual_time)
    }

    /// Gives back the member's slot, if it has one, and puts it in line.
    pub(crate) fn wait(&mut self, member: Member) {
        let Some(account) = self.accounts.get(&member.account) else { return };
        if !matches!(account.members.get(&member.seat), Some(State::Resting | State::Served)) {
            return;
        }
        let owed = if account.rests() { 0 } else { account.cost(LONGEST_LAG) };
        self.move_to(member.account, account.tag.max(self.virtual_time.saturating_sub(owed)));
        let ticket = self.number();
        self.enter(member, State::Waiting { ticket });
    }

    /// The member stops computing: it leaves the line or gives back its slot.
    pub(crate) fn rest(&mut self, member: Member) {
        self.enter(member, State::Resting);
    }

    /// Gives a free slot to the next in line, if there are both. Call it until there are not.
    pub(crate) fn serve_next(&mut self) -> Option<Member> {
        if self.served >= self.slots {
            return None;
        }
        let (tag, _, member) = *self.line.first()?;
        self.enter(member, State::Served);
        self.virtual_time = self.virtual_time.max(tag);
        Some(member)
    }

    /// Whether the member has a slot.
    pub(crate) fn is_served(&self, member: Member) -> bool {
        let account = self.accounts.get(&member.account);
        account.and_then(|account| account.members.get(&member.seat)) == Some(&State::Served)
    }

    /// Changes a member's state, and with it the line and the slots.
    fn enter(&mut self, member: Member, state: State) {
        let Some(account) = self.accounts.get_mut(&member.account) else { return };
        let tag = account.tag;
        let Some(now) = account.members.get_mut(&member.seat) else { return };
        match std::mem::replace(now, state) {
            State::Resting => {}
            State::Waiting { ticket } => {
                self.line.remove(&(tag, ticket, member));
            }
            State::Served => self.served = self.served.saturating_sub(1),
        }
        match state {
            State::Resting => {}
            State::Waiting { ticket } => {
                self.line.insert((tag, ticket, member));
            }
            State::Served => self.served = self.served.saturating_add(1),
        }
    }

    /// Sets an account's tag. Those of its members who wait do so behind it; among them who came first stays first.
    fn move_to(&mut self, number: u64, tag: u64) {
        let Some(account) = self.accounts.get_mut(&number) else { return };
        let before = std::mem::replace(&mut account.tag, tag);
        if before == tag {
            return;
        }
        for (seat, state) in &account.members {
            if let State::Waiting { ticket } = *state {
                let member = Member { account: number, seat: *seat };
                self.line.remove(&(before, ticket, member));
                self.line.insert((tag, ticket, member));
            }
        }
    }

    /// A number that was not given out before: of an account, a seat, or a place in line.
    fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number = number.saturating_add(1);
        number
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
            self.spins(member)
        }

        /// Another one, on the account of `member`.
        fn spinner_beside(&mut self, member: Member) -> Member {
            let beside = self.queue.join_beside(member).unwrap();
            self.spins(beside)
        }

        fn spins(&mut self, member: Member) -> Member {
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

    /// Programs of the first of three instances with equal weights, slots, and the percentage of one slot that each of
    /// its programs gets.
    #[test]
    fn the_programs_of_an_instance_have_one_weight_together() {
        let cases: [(usize, usize, u64); 5] = [(1, 1, 33), (2, 1, 16), (3, 1, 11), (2, 2, 33), (4, 2, 16)];
        for (programs, slots, percent) in cases {
            let mut machine = Machine::new(slots);
            let role = machine.spinner(100);
            let tasks: Vec<Member> = (1..programs).map(|_| machine.spinner_beside(role)).collect();
            machine.spinner(100);
            machine.spinner(100);
            machine.ticks(10_000);
            for member in tasks.into_iter().chain([role]) {
                let got = machine.served[&member] / 100;
                assert!(got.abs_diff(percent) <= 1, "{programs} on {slots}: {:?}", machine.served);
            }
        }
    }

    #[test]
    fn what_a_program_computes_without_a_slot_is_a_debt_of_the_whole_instance() {
        let mut machine = Machine::new(1);
        let (role, other) = (machine.spinner(100), machine.spinner(100));
        let task = machine.queue.join_beside(role).unwrap();
        machine.ticks(10);
        machine.queue.charge(task, 50);
        let before = (machine.served[&role], machine.served[&other]);
        machine.ticks(48);
        assert_eq!((machine.served[&role], machine.served[&other]), (before.0, before.1 + 48));
    }

    #[test]
    fn an_account_is_there_until_its_last_member_has_left() {
        let mut queue = FairQueue::new(1);
        let role = queue.join(weight(1));
        let task = queue.join_beside(role).unwrap();
        queue.leave(role);
        queue.wait(task);
        assert_eq!(queue.serve_next(), Some(task));
        queue.leave(task);
        assert!(queue.accounts.is_empty() && queue.line.is_empty() && queue.served == 0);
        assert_eq!(queue.join_beside(task), None);
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
        JoinBeside(usize),
        Wait(usize),
        Rest(usize),
        Leave(usize),
        Charge(usize, u64),
        Serve,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (1..=10_000_u32).prop_map(Step::Join),
            (0..8_usize).prop_map(Step::JoinBeside),
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
                    Step::JoinBeside(index) => {
                        let beside = at(index).and_then(|member| queue.join_beside(member));
                        members.extend(beside);
                    }
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
                let states = || queue.accounts.values().flat_map(|account| account.members.values());
                let served = states().filter(|state| **state == State::Served).count();
                prop_assert_eq!(served, queue.served);
                prop_assert!(served <= slots);
                let waiting = states().filter(|state| matches!(state, State::Waiting { .. })).count();
                prop_assert_eq!(waiting, queue.line.len());
                for (tag, _, member) in &queue.line {
                    prop_assert_eq!(*tag, queue.accounts[&member.account].tag);
                }
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
