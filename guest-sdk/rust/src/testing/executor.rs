//! One thread, many tasks, and a time that passes when there is nothing else to do.
//!
//! As in a component: tasks take turns, and each goes on until it waits. When all wait, the clock jumps to the next alarm. The
//! order is that of spawning and of the alarms, so a test that passes once always does.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::environment::mistake;
use super::tasks::JoinHandle;

/// Turns that tasks may take while no time passes. Whoever needs more does not wait at all.
const TURNS_AT_ONCE: u32 = 1_000_000;

/// When an alarm rings; those of one moment in the order in which they were set.
pub(super) type AlarmKey = (Duration, u64);

#[derive(Default)]
pub(crate) struct Executor {
    now: Cell<Duration>,
    tasks: RefCell<Vec<Rc<Spawned>>>,
    alarms: RefCell<BTreeMap<AlarmKey, Waker>>,
    alarms_set: Cell<u64>,
}

/// A task.
pub(super) struct Spawned {
    /// None while it has its turn, and when it is done.
    future: RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>,
    done: Cell<bool>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Spawned {
    pub(super) fn cancel(&self) {
        self.done.set(true);
        // Dropped after the borrow has ended: what is dropped may spawn and cancel.
        let future = self.future.borrow_mut().take();
        drop(future);
    }

    /// Gives the task its turn, if it was woken.
    fn turn(&self) -> bool {
        if self.done.get() || !self.woken.0.swap(false, Ordering::Relaxed) {
            return false;
        }
        let future = self.future.borrow_mut().take();
        let Some(mut future) = future else { return false };
        let waker = Waker::from(Arc::clone(&self.woken));
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(()) => self.done.set(true),
            Poll::Pending if self.done.get() => {}
            Poll::Pending => *self.future.borrow_mut() = Some(future),
        }
        true
    }
}

impl Executor {
    pub(super) fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
        let (outcome, handle) = JoinHandle::of(future);
        let spawned = Rc::new(Spawned {
            future: RefCell::new(Some(Box::pin(outcome))),
            done: Cell::new(false),
            woken: Arc::new(Woken(AtomicBool::new(true))),
        });
        self.tasks.borrow_mut().push(Rc::clone(&spawned));
        handle.for_task(spawned)
    }

    pub(super) fn now(&self) -> Duration {
        self.now.get()
    }

    pub(super) fn skip_to(&self, time: Duration) {
        self.now.set(self.now().max(time));
    }

    /// Runs everything until `done`, and says whether it came to that: not if the time `end` is over first, or if everybody
    /// waits for what nobody does.
    #[track_caller]
    pub(super) fn run(&self, end: Duration, done: impl Fn() -> bool) -> bool {
        let mut turns = 0;
        loop {
            self.settle(&mut turns, &done);
            if done() {
                return true;
            }
            let next = self.alarms.borrow().keys().next().copied();
            match next {
                Some((at, _)) if at <= end => {
                    // Who sleeps for no time at all lets none pass.
                    if at > self.now() {
                        turns = 0;
                    }
                    self.ring(at);
                }
                _ => return false,
            }
        }
    }

    /// Gives turns until everybody waits, and counts them.
    #[track_caller]
    fn settle(&self, turns: &mut u32, done: impl Fn() -> bool) {
        loop {
            let tasks = self.tasks.borrow().clone();
            let mut idle = true;
            for task in tasks {
                let had_turn = task.turn();
                idle &= !had_turn;
                *turns = turns.saturating_add(had_turn.into());
            }
            self.tasks.borrow_mut().retain(|task| !task.done.get());
            if done() {
                return;
            }
            if *turns > TURNS_AT_ONCE {
                mistake("the role goes on for ever without waiting for anything: no time passes");
            }
            if idle {
                return;
            }
        }
    }

    /// It is this late; wakes whoever waits for that.
    fn ring(&self, at: Duration) {
        self.skip_to(at);
        let later = self.alarms.borrow_mut().split_off(&(at, u64::MAX));
        let ringing = self.alarms.replace(later);
        for waker in ringing.into_values() {
            waker.wake();
        }
    }

    pub(super) fn set_alarm(&self, at: Duration, waker: Waker) -> AlarmKey {
        let key = (at, self.alarms_set.get());
        self.alarms_set.set(key.1.saturating_add(1));
        self.alarms.borrow_mut().insert(key, waker);
        key
    }

    /// Whether the alarm had not rung yet.
    pub(super) fn drop_alarm(&self, key: AlarmKey) -> bool {
        let waker = self.alarms.borrow_mut().remove(&key);
        waker.is_some()
    }

    /// Ends all tasks.
    pub(super) fn clear(&self) {
        let tasks = self.tasks.take();
        for task in &tasks {
            task.cancel();
        }
    }
}
