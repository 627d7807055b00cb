//! When the ticker ticks: each [`TICK`] as long as somebody computes, and now and then while nobody does, so that a host
//! whose instances all wait leaves the machine alone.
//!
//! Whoever begins to compute says so, which is one load of a flag that is set already for most of them. The first one after
//! a rest wakes the ticker.

use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::engine::TICK;

/// Ticks in which nobody computed, before the ticker rests.
const QUIET: u32 = 3;

/// How long a rest lasts at most. Somebody whose word was lost, because the flag was just being taken back, computes for so long
/// before the first tick.
const REST: Duration = Duration::from_millis(50);

/// What the ticker and those who compute know of each other.
pub(super) struct Pulse {
    /// Somebody has computed since the last tick.
    felt: AtomicBool,
    resting: AtomicBool,
    rest: Duration,
    ticker: OnceLock<Thread>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self::with_rest(REST)
    }
}

impl Pulse {
    fn with_rest(rest: Duration) -> Self {
        Self { felt: AtomicBool::default(), resting: AtomicBool::default(), rest, ticker: OnceLock::new() }
    }

    /// Somebody computes.
    pub(super) fn beat(&self) {
        if self.felt.load(Relaxed) {
            return;
        }
        // In this order, while the ticker looks after it has said that it rests: one of the two sees the other.
        self.felt.store(true, SeqCst);
        if self.resting.load(SeqCst)
            && self.resting.swap(false, SeqCst)
            && let Some(ticker) = self.ticker.get()
        {
            ticker.unpark();
        }
    }

    /// Calls `tick` from this thread until it says that it is over.
    pub(super) fn drive(&self, mut tick: impl FnMut() -> bool) {
        self.ticker.get_or_init(thread::current);
        let mut quiet = 0;
        loop {
            if quiet < QUIET {
                thread::park_timeout(TICK);
            } else {
                self.rest();
            }
            quiet = if self.felt.swap(false, SeqCst) { 0 } else { QUIET.min(quiet + 1) };
            if !tick() {
                return;
            }
        }
    }

    fn rest(&self) {
        self.resting.store(true, SeqCst);
        if !self.felt.load(SeqCst) {
            thread::park_timeout(self.rest);
        }
        self.resting.store(false, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc::{RecvTimeoutError, sync_channel};

    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn the_ticker_rests_while_nobody_computes_until_somebody_begins() {
        let pulse = Arc::new(Pulse::with_rest(2 * PATIENCE));
        let (told, ticks) = sync_channel(0);
        let ticker = thread::spawn({
            let pulse = Arc::clone(&pulse);
            move || pulse.drive(|| told.send(()).is_ok())
        });
        let until_it_rests = || {
            while !pulse.resting.load(SeqCst) {
                // It waits for this thread at each tick.
                assert_ne!(ticks.recv_timeout(TICK), Err(RecvTimeoutError::Disconnected));
            }
        };
        for _ in 0..3 {
            until_it_rests();
            pulse.beat();
            ticks.recv_timeout(PATIENCE).unwrap();
        }
        until_it_rests();
        drop(ticks);
        pulse.beat();
        ticker.join().unwrap();
    }

    #[test]
    fn one_who_computes_at_each_tick_keeps_it_awake() {
        let pulse = Pulse::default();
        let mut ticks = 0;
        pulse.drive(|| {
            assert!(!pulse.resting.load(SeqCst));
            pulse.beat();
            ticks += 1;
            ticks < 20
        });
        assert_eq!(ticks, 20);
    }
}
