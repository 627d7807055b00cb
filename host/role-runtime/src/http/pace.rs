//! Letting requests into a store no faster than it can clean up after them.
//!
//! In wasmtime a guest's yield is work of low priority: one piece of it runs for each turn of the store's event loop,
//! and only when nothing else is waiting. Under a load that always keeps something waiting, finished requests are
//! never tidied away, until the store runs out of handles and traps, and every request in it is lost. So new
//! requests are admitted a few at a time, and only after the store has been driven until nothing woke it.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

use crate::cpu::Share;

/// How many requests are let in at a time.
const BATCH: u32 = 8;

/// How many turns in a row before other tasks get the thread. A turn of a guest that computes takes a whole tick, so this is
/// kept small: while it lasts, the thread serves neither timers nor sockets.
const TURNS: u32 = 16;

/// How many turns in a row may pass before requests are let in although the store has not come to rest: a guest that never
/// does must not lock the door for ever.
const PATIENCE: u32 = 256;

/// Drives a store and says when requests may enter it. A clone is the same pacer.
#[derive(Clone)]
pub(crate) struct Pacer(Arc<Pace>);

struct Pace {
    share: Share,
    /// How many more requests may enter before the store has to be idle again.
    admissions: AtomicU32,
    /// Turns in a row without rest.
    restless: AtomicU32,
    woken: AtomicBool,
    polling: AtomicBool,
    outer: AtomicWaker,
}

impl Wake for Pace {
    fn wake(self: Arc<Self>) {
        Self::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        // While it is being polled, the loop in `drive` looks at `woken` itself.
        if !self.polling.load(Ordering::SeqCst) {
            self.outer.wake();
        }
    }
}

impl Pacer {
    /// For a store that computes with `share`.
    pub(crate) fn new(share: Share) -> Self {
        Self(Arc::new(Pace {
            share,
            admissions: AtomicU32::new(BATCH),
            restless: AtomicU32::new(0),
            woken: AtomicBool::new(false),
            polling: AtomicBool::new(false),
            outer: AtomicWaker::new(),
        }))
    }

    /// Whether a request may enter now. Each yes uses up one admission.
    pub(super) fn admit(&self) -> bool {
        let left = |admissions: u32| admissions.checked_sub(1);
        self.0.admissions.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_ok()
    }

    /// Gives back an admission that was not used.
    pub(super) fn unused(&self) {
        self.0.admissions.fetch_add(1, Ordering::SeqCst);
    }

    /// Drives `future`, which holds the store, to its end.
    pub(crate) async fn drive<F: Future>(&self, future: F) -> F::Output {
        let pace = &self.0;
        let mut future = pin!(future);
        let waker = Waker::from(Arc::clone(pace));
        std::future::poll_fn(move |cx| {
            pace.outer.register(cx.waker());
            pace.polling.store(true, Ordering::SeqCst);
            let polled = pace.turn(future.as_mut(), &waker);
            pace.polling.store(false, Ordering::SeqCst);
            // A wake between the last look and the store above found `polling` set and did not pass on.
            if polled.is_pending() && pace.woken.load(Ordering::SeqCst) {
                cx.waker().wake_by_ref();
            }
            polled
        })
        .await
    }
}

impl Pace {
    fn turn<F: Future>(&self, mut future: std::pin::Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
        let mut cx = Context::from_waker(waker);
        for _ in 0..TURNS {
            self.woken.store(false, Ordering::SeqCst);
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return Poll::Ready(output);
            }
            if self.share.is_waiting() {
                // It is in the middle of computing, and goes on when it is its turn on the thread.
                self.pass(1);
                return Poll::Pending;
            }
            if self.woken.load(Ordering::SeqCst) {
                if self.admissions.load(Ordering::SeqCst) == BATCH {
                    return Poll::Pending; // no request has entered: an ordinary task, which need not rest
                }
            } else {
                self.restless.store(0, Ordering::SeqCst);
                if self.admissions.swap(BATCH, Ordering::SeqCst) == BATCH {
                    return Poll::Pending; // idle, and nothing entered since it was idle last
                }
            }
        }
        self.pass(TURNS);
        self.woken.store(true, Ordering::SeqCst);
        Poll::Pending
    }

    /// So many turns passed without rest.
    fn pass(&self, turns: u32) {
        if self.restless.fetch_add(turns, Ordering::SeqCst) >= PATIENCE {
            self.restless.store(0, Ordering::SeqCst);
            self.admissions.store(BATCH, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Processors;

    fn pacer() -> Pacer {
        Pacer::new(Processors::new().share(std::num::NonZeroU32::MIN))
    }

    /// A future that wants `restless` turns before it rests, and then lets in as many as it may.
    #[tokio::test]
    async fn requests_enter_in_batches_and_only_when_the_store_is_idle() {
        let pacer = pacer();
        let mut restless = 3;
        let mut batches = Vec::new();
        let store = std::future::poll_fn(|cx| {
            if restless > 0 {
                restless -= 1;
                cx.waker().wake_by_ref();
            }
            let mut batch = 0;
            while pacer.admit() {
                batch += 1;
            }
            batches.push(batch);
            if batches.len() == 8 { Poll::Ready(()) } else { Poll::Pending }
        });
        pacer.drive(store).await;
        assert_eq!(batches, [8, 0, 0, 0, 8, 8, 8, 8]);
    }

    #[tokio::test]
    async fn a_store_that_never_rests_still_gets_requests_and_lets_other_tasks_run() {
        let pacer = pacer();
        let mut admitted = 0;
        let store = std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            while pacer.admit() {
                admitted += 1;
            }
            if admitted > 20 { Poll::Ready(()) } else { Poll::Pending }
        });
        pacer.drive(store).await;
        assert_eq!(admitted, 24);
    }

    #[tokio::test]
    async fn a_wake_from_another_task_reaches_the_driver() {
        let pacer = pacer();
        let (tx, rx) = tokio::sync::oneshot::channel();
        let driven = tokio::spawn(async move { pacer.drive(rx).await });
        tokio::task::yield_now().await;
        tx.send(7).unwrap();
        assert_eq!(driven.await.unwrap().unwrap(), 7);
    }
}
