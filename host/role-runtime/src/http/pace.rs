//! Driving a store and its web server in one task, and letting requests in no faster than the store can clean up
//! after them.
//!
//! *One task.* A connection that becomes readable wakes the task; in the same turn the server reads the request, the store
//! answers it, and the server writes the response. No other thread has to be woken for that. The two have a waker each,
//! so that what concerns one does not make the other look for work. A guest that computes gives the thread back after a tick,
//! in the middle of its turn, and then the server has its turn too: it goes on refusing and timing out whatever the guest does.
//!
//! *No faster.* In wasmtime a guest's yield is work of low priority: one piece of it runs for each turn of the store's event
//! loop, and only when nothing else is waiting. Under a load that always keeps something waiting, finished requests are
//! never tidied away, until the store runs out of handles and traps, and every request in it is lost. So new
//! requests are admitted a few at a time, and only after the store has been driven until nothing woke it.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;
use tokio::task::coop;

use crate::cpu::Share;

/// How many requests are let in at a time.
const BATCH: u32 = 8;

/// How many turns in a row before the task gives the thread back. Who runs it may come back to it, if it has woken itself, before
/// other tasks get the thread, but only within the same tick ([`crate::cpu::spawn`]). A turn of a guest that computes takes a
/// whole tick, so this is kept small: while it lasts, the thread serves neither timers nor sockets.
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
    /// A request wanted to enter when there were no admissions.
    turned_away: AtomicBool,
    /// Turns in a row without rest.
    restless: AtomicU32,
    /// How often the store has come to rest.
    rests: AtomicU64,
    store: Arc<Side>,
    server: Arc<Side>,
    driver: Arc<Driver>,
}

/// The task in which both are driven.
#[derive(Default)]
struct Driver {
    /// It looks at what was woken itself, while this is set.
    polling: AtomicBool,
    task: AtomicWaker,
}

/// The store, or the server.
struct Side {
    woken: AtomicBool,
    driver: Arc<Driver>,
}

impl Side {
    fn new(driver: &Arc<Driver>) -> Arc<Self> {
        Arc::new(Self { woken: AtomicBool::new(true), driver: Arc::clone(driver) })
    }

    fn is_woken(&self) -> bool {
        self.woken.load(Ordering::SeqCst)
    }
}

impl Wake for Side {
    fn wake(self: Arc<Self>) {
        Self::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        if !self.driver.polling.load(Ordering::SeqCst) {
            self.driver.task.wake();
        }
    }
}

impl Pacer {
    /// For a store that computes with `share`.
    pub(crate) fn new(share: Share) -> Self {
        let driver = Arc::default();
        Self(Arc::new(Pace {
            share,
            admissions: AtomicU32::new(BATCH),
            turned_away: AtomicBool::new(false),
            restless: AtomicU32::new(0),
            rests: AtomicU64::new(0),
            store: Side::new(&driver),
            server: Side::new(&driver),
            driver,
        }))
    }

    /// Whether a request may enter now. Each yes uses up one admission.
    pub(super) fn admit(&self) -> bool {
        let left = |admissions: u32| admissions.checked_sub(1);
        let admitted = self.0.admissions.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_ok();
        if !admitted {
            self.0.turned_away.store(true, Ordering::SeqCst);
        }
        admitted
    }

    /// Gives back an admission that was not used.
    pub(super) fn unused(&self) {
        self.0.admissions.fetch_add(1, Ordering::SeqCst);
    }

    /// How often the store has come to rest so far.
    pub(super) fn rests(&self) -> u64 {
        self.0.rests.load(Ordering::Relaxed)
    }

    /// Whether the store has work to go on with.
    pub(super) fn is_busy(&self) -> bool {
        self.0.store.is_woken() || self.0.share.is_waiting()
    }

    /// Drives `store`, a future that holds the store, to its end, and `server` beside it. The server may end earlier.
    pub(crate) async fn drive<F: Future>(
        &self,
        store: F,
        server: Pin<&mut impl Future<Output = ()>>,
    ) -> F::Output {
        let pace = &self.0;
        let mut turns = Turns {
            pace,
            store: pin!(store),
            server: Some(server),
            store_waker: Waker::from(Arc::clone(&pace.store)),
            server_waker: Waker::from(Arc::clone(&pace.server)),
        };
        std::future::poll_fn(move |cx| {
            pace.driver.task.register(cx.waker());
            pace.driver.polling.store(true, Ordering::SeqCst);
            let polled = turns.take();
            pace.driver.polling.store(false, Ordering::SeqCst);
            // A wake between the last look and the store above found `polling` set and did not pass on.
            if polled.is_pending() && (pace.store.is_woken() || pace.server.is_woken()) {
                cx.waker().wake_by_ref();
            }
            polled
        })
        .await
    }
}

/// The two futures, on their way.
struct Turns<'a, Store, Server> {
    pace: &'a Pace,
    store: Pin<&'a mut Store>,
    server: Option<Pin<&'a mut Server>>,
    store_waker: Waker,
    server_waker: Waker,
}

impl<Store: Future, Server: Future> Turns<'_, Store, Server> {
    /// The server first: what it reads is answered in the same turn, and what is answered is written in the next.
    fn take(&mut self) -> Poll<Store::Output> {
        for _ in 0..TURNS {
            let served = self.serve();
            if let Poll::Ready(output) = self.compute() {
                return Poll::Ready(output);
            }
            if !self.pace.server.is_woken() {
                return Poll::Pending; // nothing was answered; a store that is still awake wakes the task for its next turn
            }
            // Streams say that they are not ready, and wake their task, once it has had its share of them.
            if served && !coop::has_budget_remaining() {
                break;
            }
        }
        Poll::Pending
    }

    /// Whether the server had something to do.
    fn serve(&mut self) -> bool {
        let woken = self.pace.server.woken.swap(false, Ordering::SeqCst);
        let Some(server) = self.server.as_mut().filter(|_| woken) else { return false };
        if server.as_mut().poll(&mut Context::from_waker(&self.server_waker)).is_ready() {
            self.server = None;
        }
        true
    }

    /// Lets the store work until it rests, if it has something to do.
    fn compute(&mut self) -> Poll<Store::Output> {
        let pace = self.pace;
        let mut cx = Context::from_waker(&self.store_waker);
        for _ in 0..TURNS {
            if !pace.store.woken.swap(false, Ordering::SeqCst) {
                return Poll::Pending;
            }
            // What the guest does must not use up the budget of the connections: it has its share.
            let polled = pin!(coop::unconstrained(self.store.as_mut())).poll(&mut cx);
            if polled.is_ready() {
                return polled;
            }
            if !pace.goes_on() {
                return Poll::Pending;
            }
        }
        pace.pass(TURNS);
        Poll::Pending
    }
}

impl Pace {
    /// After a turn of the store: whether it has another one at once.
    fn goes_on(&self) -> bool {
        if self.share.is_waiting() {
            // It is in the middle of computing, and goes on when it is its turn on the thread.
            self.pass(1);
            return false;
        }
        if self.store.is_woken() {
            // If no request has entered, it is an ordinary task, which need not rest.
            return self.admissions.load(Ordering::SeqCst) != BATCH;
        }
        self.restless.store(0, Ordering::SeqCst);
        self.rests.fetch_add(1, Ordering::Relaxed);
        self.open();
        self.store.is_woken()
    }

    /// So many turns passed without rest.
    fn pass(&self, turns: u32) {
        if self.restless.fetch_add(turns, Ordering::SeqCst) >= PATIENCE {
            self.restless.store(0, Ordering::SeqCst);
            self.open();
        }
    }

    /// Lets requests in. Who was turned away has to be told.
    fn open(&self) {
        self.admissions.store(BATCH, Ordering::SeqCst);
        if self.turned_away.swap(false, Ordering::SeqCst) {
            self.store.woken.store(true, Ordering::SeqCst);
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

    impl Pacer {
        async fn drive_alone<F: Future>(&self, store: F) -> F::Output {
            self.drive(store, pin!(std::future::ready(()))).await
        }
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
        pacer.drive_alone(store).await;
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
        pacer.drive_alone(store).await;
        assert_eq!(admitted, 24);
    }

    #[tokio::test]
    async fn a_wake_from_another_task_reaches_the_driver() {
        let pacer = pacer();
        let (tx, rx) = tokio::sync::oneshot::channel();
        let driven = tokio::spawn(async move { pacer.drive_alone(rx).await });
        tokio::task::yield_now().await;
        tx.send(7).unwrap();
        assert_eq!(driven.await.unwrap().unwrap(), 7);
    }

    /// A server that asks and a store that answers, through a queue each.
    #[tokio::test]
    async fn a_request_and_its_answer_take_one_turn_of_the_task() {
        let pacer = pacer();
        let (ask, mut asked) = tokio::sync::mpsc::channel(1);
        let (answer, mut answered) = tokio::sync::mpsc::channel(1);
        let polls = AtomicU32::new(0);
        let store = async {
            while let Some(number) = asked.recv().await {
                answer.send(number + 1).await.unwrap();
            }
        };
        let server = async move {
            for number in 0..5 {
                ask.send(number).await.unwrap();
                assert_eq!(answered.recv().await, Some(number + 1));
            }
        };
        let server = pin!(server);
        let mut driven = pin!(pacer.drive(store, server));
        std::future::poll_fn(|cx| {
            polls.fetch_add(1, Ordering::SeqCst);
            driven.as_mut().poll(cx)
        })
        .await;
        assert_eq!(polls.into_inner(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_server_goes_on_while_the_store_never_rests() {
        let pacer = pacer();
        let store = std::future::poll_fn::<(), _>(|cx| {
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        let (done, served) = tokio::sync::oneshot::channel();
        let server = async move {
            tokio::task::yield_now().await;
            done.send(()).unwrap();
        };
        let mut server = pin!(server);
        tokio::select! {
            () = pacer.drive(store, server.as_mut()) => unreachable!(),
            served = served => served.unwrap(),
        }
    }
}
