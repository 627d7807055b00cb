//! Instances that compute share the worker threads by weight, and do not keep those waiting that only compute a little.
//!
//! The engine calls a guest that computes back at each tick. One that has just begun goes on: most have nothing more to do than that, and
//! an instance that waits for something most of its time never gets to know this module. One that has computed for a tick gives
//! the thread back, waits in the [`FairQueue`] until it is served, and lets everybody who is ready go first. So an instance that
//! wakes up waits for the rest of a tick, however many others compute. While nobody computes there are hardly any ticks: see [`pulse`].
//!
//! The role and the start-up tasks of an instance are several stores, which compute at the same time: each has a
//! [`Share`], and all are on one [`Account`] with the weight of the instance.
//!
//! Time is counted in ticks of the engine's ticker, as they fall: a turn that ends before the next tick costs nothing, one that a tick falls
//! into costs a tick. On average that is right where turns begin at any time, and it costs a guest that does not compute two memory
//! accesses for each time that it is polled. It is not right for who always rests just before a tick: its turns are free, so it takes
//! turns with all the others together, whatever its weight. It starves nobody, but only measured time would charge it.
//!
//! Instances that talk to each other stay on one thread for a while: see [`relay`].

mod fair_queue;
mod pulse;
mod relay;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use wasmtime::UpdateDeadline;

use crate::engine::TICK;
use fair_queue::{FairQueue, Member};
use pulse::Pulse;
pub(crate) use relay::spawn;

/// How long an instance computes before it is called back.
const SLICE: u64 = 1;

/// The worker threads, as those see them who compute. A clone is a handle to the same ones.
#[derive(Clone)]
pub(crate) struct Processors(Arc<Shared>);

struct Shared {
    ticks: AtomicU64,
    pulse: Pulse,
    line: Mutex<Line>,
}

struct Line {
    queue: FairQueue,
    /// Of those who wait.
    wakers: BTreeMap<Member, Waker>,
}

impl Line {
    /// Gives out the slots that are free. To be woken, when the lock is gone: who got them.
    fn serve(&mut self) -> Vec<Waker> {
        let mut woken = Vec::new();
        while let Some(member) = self.queue.serve_next() {
            woken.extend(self.wakers.remove(&member));
        }
        woken
    }
}

impl Processors {
    pub(crate) fn new() -> Self {
        let line = Line { queue: FairQueue::new(1), wakers: BTreeMap::new() };
        Self(Arc::new(Shared { ticks: AtomicU64::new(0), pulse: Pulse::default(), line: Mutex::new(line) }))
    }

    /// Ticks from this thread until `ticked`, which is called after each tick, says that it is over.
    pub(crate) fn drive_ticks(&self, mut ticked: impl FnMut() -> bool) {
        self.0.pulse.drive(|| {
            self.tick();
            ticked()
        });
    }

    /// A tick is over.
    fn tick(&self) {
        self.0.ticks.fetch_add(1, Relaxed);
    }

    /// Somebody computes, so there have to be ticks.
    fn beat(&self) {
        self.0.pulse.beat();
    }

    /// A weight on the threads of the current tokio runtime.
    pub(crate) fn account(&self, weight: NonZeroU32) -> Account {
        let mut line = self.lock();
        line.queue.grow(threads());
        let member = line.queue.join(weight);
        Account(Arc::new(Seat { processors: self.clone(), member, time: ProcessorTime::default() }))
    }

    /// A share with a weight of its own.
    pub(crate) fn share(&self, weight: NonZeroU32) -> Share {
        self.account(weight).share()
    }

    fn share_of(&self, member: Member, time: ProcessorTime) -> Share {
        let now = self.now();
        Share(Arc::new(ShareState {
            processors: self.clone(),
            member,
            time,
            turn_began: AtomicU64::new(now),
            charged_to: AtomicU64::new(now),
            served: AtomicBool::new(false),
            waiting: AtomicBool::new(false),
        }))
    }

    fn now(&self) -> u64 {
        self.0.ticks.load(Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.0.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the line and wakes whom that gives a slot.
    fn change(&self, change: impl FnOnce(&mut FairQueue)) {
        let mut line = self.lock();
        change(&mut line.queue);
        let woken = line.serve();
        drop(line);
        woken.into_iter().for_each(Waker::wake);
    }
}

/// Threads that really compute at the same time. Outside of a tokio runtime nobody computes, so any number does.
fn threads() -> usize {
    let workers = tokio::runtime::Handle::try_current().map_or(1, |handle| handle.metrics().num_workers());
    std::thread::available_parallelism().map_or(workers, |cores| cores.get().min(workers))
}

/// One weight for all programs of an instance: each has a [`Share`] of its own, and what one computes counts for all. A
/// clone is the same account. Debts are remembered as long as the account or one of its shares is there.
#[derive(Clone)]
pub(crate) struct Account(Arc<Seat>);

/// A member that never computes: it keeps the account while none of its programs runs.
struct Seat {
    processors: Processors,
    member: Member,
    time: ProcessorTime,
}

/// The processor time of one incarnation, its start-up tasks included. A clone shows the same.
///
/// It is counted in the engine's ticks, of a millisecond each, as they fall: turns that are shorter than a tick count as a
/// whole one or not at all, and are right on average.
#[derive(Clone, Debug, Default)]
pub struct ProcessorTime(Arc<AtomicU64>);

impl ProcessorTime {
    /// So much was used until now.
    #[must_use]
    pub fn used(&self) -> Duration {
        TICK.saturating_mul(u32::try_from(self.0.load(Relaxed)).unwrap_or(u32::MAX))
    }

    fn spend(&self, ticks: u64) {
        self.0.fetch_add(ticks, Relaxed);
    }
}

impl Account {
    /// A share for one more store.
    pub(crate) fn share(&self) -> Share {
        let Seat { processors, member, time } = &*self.0;
        // The seat is taken until this is dropped, so there is an account to join.
        let beside = processors.lock().queue.join_beside(*member);
        processors.share_of(beside.unwrap_or(*member), time.clone())
    }

    /// What its programs have used together.
    pub(crate) fn time(&self) -> ProcessorTime {
        self.0.time.clone()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.processors.lock().queue.leave(self.member);
    }
}

/// One store's share. A clone is the same share. It belongs to one task, so nothing here is contended but the line.
#[derive(Clone)]
pub(crate) struct Share(Arc<ShareState>);

struct ShareState {
    processors: Processors,
    member: Member,
    time: ProcessorTime,
    /// The tick at which it began to compute.
    turn_began: AtomicU64,
    /// The tick up to which it is charged for what it computes.
    charged_to: AtomicU64,
    /// It computes with a slot.
    served: AtomicBool,
    /// It waits for its turn in the middle of computing.
    waiting: AtomicBool,
}

impl Share {
    /// Drives `future`, which computes with this share. When it is dropped, the share is gone.
    pub(crate) fn of<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        // In a box, because an argument of a future stays in it beside what becomes of it. The share goes after the future.
        let mut work = (Box::pin(future), Leaving(self));
        poll_fn(move |cx| {
            let (future, share) = &mut work;
            share.0.begin_turn();
            let polled = future.as_mut().poll(cx);
            share.0.end_turn();
            polled
        })
    }

    /// Whether it is in the middle of computing and waits for its turn: then nothing is at rest.
    pub(crate) fn is_waiting(&self) -> bool {
        self.0.waiting.load(Relaxed)
    }

    /// The guest computes and its deadline has passed: whether it goes on.
    pub(crate) fn tick_over(&self) -> UpdateDeadline {
        let Self(state) = self;
        state.processors.beat();
        let now = state.processors.now();
        let used = now.saturating_sub(state.charged_to.swap(now, Relaxed));
        if used == 0 {
            return UpdateDeadline::Continue(SLICE); // the deadline was an old one; it has just woken up
        }
        state.time.spend(used);
        let served = state.served.swap(false, Relaxed);
        let begun = now.saturating_sub(state.turn_began.load(Relaxed)) <= 1;
        let goes_on = {
            let mut line = state.processors.lock();
            let ahead = line.queue.is_ahead(state.member);
            line.queue.charge(state.member, used);
            begun && !served && !ahead
        };
        if goes_on {
            return UpdateDeadline::Continue(SLICE);
        }
        UpdateDeadline::YieldCustom(SLICE, Box::pin(self.clone().next_turn()))
    }

    /// Waits in line.
    async fn next_turn(self) {
        let Self(state) = &self;
        let mut in_line = InLine::enter(state);
        poll_fn(|cx| {
            let mut line = state.processors.lock();
            if line.queue.is_served(state.member) {
                return Poll::Ready(());
            }
            line.wakers.insert(state.member, cx.waker().clone());
            Poll::Pending
        })
        .await;
        // Whoever is ready goes first, and tokio looks at its timers and sockets: being woken by somebody who has
        // just computed would jump that queue.
        tokio::task::yield_now().await;
        in_line.gave_up = false;
        state.served.store(true, Relaxed);
        state.begin(state.processors.now());
    }

    fn begin_turn(&self) {
        if !self.is_waiting() {
            self.0.begin(self.0.processors.now());
        }
    }

    fn end_turn(&self) {
        let Self(state) = self;
        if self.is_waiting() {
            return; // it is in the line, and charged
        }
        let now = state.processors.now();
        let used = now.saturating_sub(state.charged_to.load(Relaxed));
        let served = state.served.swap(false, Relaxed);
        if used > 0 || served {
            state.time.spend(used);
            state.processors.change(|queue| {
                queue.charge(state.member, used);
                queue.rest(state.member);
            });
        }
    }
}

impl ShareState {
    fn begin(&self, now: u64) {
        self.turn_began.store(now, Relaxed);
        self.charged_to.store(now, Relaxed);
    }
}

/// In line, or about to use the slot. A guest that is cut off there must not keep the slot.
struct InLine<'a> {
    state: &'a ShareState,
    gave_up: bool,
}

impl<'a> InLine<'a> {
    fn enter(state: &'a ShareState) -> Self {
        state.waiting.store(true, Relaxed);
        state.processors.change(|queue| queue.wait(state.member));
        Self { state, gave_up: true }
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.state.waiting.store(false, Relaxed);
        if self.gave_up {
            self.state.processors.lock().wakers.remove(&self.state.member);
            self.state.processors.change(|queue| queue.rest(self.state.member));
        }
    }
}

/// Leaves the line when what it was for is gone.
struct Leaving(Share);

impl Drop for Leaving {
    fn drop(&mut self) {
        let Share(state) = &self.0;
        state.processors.lock().wakers.remove(&state.member);
        state.processors.change(|queue| queue.leave(state.member));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;
    use tokio::task::yield_now;

    fn weight(weight: u32) -> NonZeroU32 {
        NonZeroU32::new(weight).unwrap()
    }

    async fn spin(processors: Processors, of_weight: u32, computed: Arc<AtomicU32>) {
        let share = processors.share(weight(of_weight));
        spin_with(share, processors, computed).await;
    }

    /// Computes for a tick at a time, for ever, as an engine with an instance does.
    async fn spin_with(share: Share, processors: Processors, computed: Arc<AtomicU32>) {
        let work = share.clone();
        share
            .of(async move {
                loop {
                    processors.tick();
                    computed.fetch_add(1, Relaxed);
                    if let UpdateDeadline::YieldCustom(_, turn) = work.tick_over() {
                        turn.await;
                    }
                }
            })
            .await
    }

    #[tokio::test]
    async fn one_thread_is_shared_by_weight() {
        let processors = Processors::new();
        let counts: [Arc<AtomicU32>; 3] = std::array::from_fn(|_| Arc::default());
        for (of_weight, count) in [50, 100, 200].into_iter().zip(&counts) {
            tokio::spawn(spin(processors.clone(), of_weight, Arc::clone(count)));
        }
        let now = || counts.iter().map(|count| count.load(Relaxed)).collect::<Vec<u32>>();
        while now().iter().sum::<u32>() < 7_000 {
            yield_now().await;
        }
        for (count, fair) in now().iter().zip([1_000, 2_000, 4_000]) {
            assert!(count.abs_diff(fair) <= fair / 50, "{:?}", now());
        }
    }

    #[tokio::test]
    async fn a_role_and_its_tasks_have_the_weight_of_one_instance() {
        let processors = Processors::new();
        let instance = processors.account(weight(100));
        let shares = [instance.share(), instance.share(), instance.share(), processors.share(weight(100))];
        drop(instance);
        let counts: [Arc<AtomicU32>; 4] = std::array::from_fn(|_| Arc::default());
        for (share, count) in shares.into_iter().zip(&counts) {
            tokio::spawn(spin_with(share, processors.clone(), Arc::clone(count)));
        }
        let now = || counts.iter().map(|count| count.load(Relaxed)).collect::<Vec<u32>>();
        while now().iter().sum::<u32>() < 6_000 {
            yield_now().await;
        }
        for (count, fair) in now().iter().zip([1_000, 1_000, 1_000, 3_000]) {
            assert!(count.abs_diff(fair) <= fair / 50, "{:?}", now());
        }
    }

    #[tokio::test]
    async fn who_is_ready_waits_for_no_more_than_two_ticks_of_others() {
        let processors = Processors::new();
        for _ in 0..8 {
            tokio::spawn(spin(processors.clone(), 100, Arc::default()));
        }
        yield_now().await; // each of them may begin
        for _ in 0..100 {
            let before = processors.now();
            yield_now().await;
            let waited = processors.now() - before;
            assert!((1..=2).contains(&waited), "{waited} ticks");
        }
    }

    #[tokio::test]
    async fn programs_of_one_instance_have_one_processor_time() {
        let processors = Processors::new();
        let instance = processors.account(weight(100));
        let (time, shares) = (instance.time(), [instance.share(), instance.share()]);
        drop(instance);
        for share in &shares {
            share.begin_turn();
            share.end_turn();
        }
        assert_eq!(time.used(), Duration::ZERO, "no tick fell into a turn");
        for share in &shares {
            share.begin_turn();
            processors.tick();
            let _ = share.tick_over();
            processors.tick();
            share.end_turn();
        }
        processors.tick();
        assert_eq!(time.used(), 4 * TICK);
    }

    #[tokio::test]
    async fn a_short_computation_is_never_held_up() {
        let processors = Processors::new();
        let share = processors.share(weight(100));
        let other = processors.share(weight(100));
        // Somebody computes without end.
        processors.tick();
        processors.tick();
        let UpdateDeadline::YieldCustom(_, turn) = other.tick_over() else { panic!("it computes") };
        turn.await;
        share.begin_turn();
        assert!(matches!(share.tick_over(), UpdateDeadline::Continue(_)), "an old deadline means nothing");
        processors.tick();
        assert!(matches!(share.tick_over(), UpdateDeadline::Continue(_)), "a tick fell into it");
        share.end_turn();
    }

    #[tokio::test]
    async fn a_turn_that_is_given_up_leaves_its_slot_to_the_next() {
        let processors = Processors::new();
        let shares = [processors.share(weight(1)), processors.share(weight(1))];
        let mut turns = Vec::new();
        for share in &shares {
            processors.tick();
            processors.tick();
            let UpdateDeadline::YieldCustom(_, mut turn) = share.tick_over() else { panic!("it computes") };
            let mut cx = std::task::Context::from_waker(Waker::noop());
            assert!(turn.as_mut().poll(&mut cx).is_pending()); // the first has the slot, the second waits
            turns.push(turn);
        }
        drop(turns.remove(0));
        assert!(!shares[0].is_waiting());
        turns.remove(0).await;
    }

    #[tokio::test]
    async fn an_instance_that_is_gone_leaves_its_slot_to_the_next() {
        let processors = Processors::new();
        let shares = [processors.share(weight(1)), processors.share(weight(1))];
        let mut turns = Vec::new();
        for share in &shares {
            processors.tick();
            processors.tick();
            let UpdateDeadline::YieldCustom(_, turn) = share.tick_over() else { panic!("it computes") };
            turns.push(turn);
        }
        let [first, second] = shares;
        let mut turns = turns.into_iter();
        turns.next().unwrap().await;
        let waiting = tokio::spawn(turns.next().unwrap());
        yield_now().await;
        assert!(!waiting.is_finished());
        drop(Leaving(first));
        waiting.await.unwrap();
        assert!(!second.is_waiting());
    }
}
