//! Instances that talk to each other run one after the other on one thread.
//!
//! To wake another thread takes longer than what most guests do with a message, and it moves their memory from one core's
//! caches to the other's. tokio keeps a woken task on the thread that wakes it, but only three times in a row; then
//! it wakes another thread, which steals the task. Here it is more often: when an instance has woken another one and
//! then waits, the thread goes on with the one that it has woken last, and so on, for up to [`TURNS`] turns and not
//! longer than a tick. Then, and for all others that were woken, tokio decides as it always does. One that wakes itself while it
//! runs has its next turn the same way, and not first after the other tasks of the thread.
//!
//! So an instance is a future that more than one task can poll: the tokio task that it belongs to, and those of the
//! instances that wake it. Its [`State`] says that only one of them does.

use std::any::Any;
use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::task::JoinHandle;
use tokio::task::coop::has_budget_remaining;

use super::Processors;

/// How many turns there are in a row before tokio looks at its queues, timers and sockets. One of guests that exchange
/// small messages takes a few microseconds.
const TURNS: u32 = 32;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Spawns a future on the current tokio runtime, as `tokio::spawn` does, that goes on on the thread of another one which
/// wakes it. It ends with its task: an abort, while another thread is just polling it, waits for the end of that turn.
pub(crate) fn spawn<F>(processors: Processors, future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let outcome = Arc::new(Mutex::new(None));
    let told = Arc::clone(&outcome);
    let work = Box::pin(async move {
        let output = future.await;
        *lock(&told) = Some(output);
    });
    let runner = Runner {
        processors,
        state: AtomicU8::new(State::WOKEN),
        work: Mutex::new(Some(work)),
        panic: Mutex::new(None),
        task: OnceLock::new(),
    };
    tokio::spawn(Task { runner: Arc::new(runner), outcome })
}

/// What tokio polls.
struct Task<T> {
    runner: Arc<Runner>,
    outcome: Arc<Mutex<Option<T>>>,
}

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        // A task has one waker as long as it lives.
        self.runner.task.get_or_init(|| cx.waker().clone());
        run(Arc::clone(&self.runner));
        if let Some(panic) = lock(&self.runner.panic).take() {
            resume_unwind(panic);
        }
        lock(&self.outcome).take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        let work = lock(&self.runner.work).take();
        drop(work);
    }
}

/// Runs `first`, and then those that are woken, each by the one before it. Who has been woken while it ran comes after the
/// one that it has woken.
fn run(first: Arc<Runner>) {
    let processors = first.processors.clone();
    processors.beat();
    let began = processors.now();
    // Most wake nobody, and then the line takes no memory.
    let (mut first, mut line) = (Some(first), VecDeque::new());
    let mut turn = 0;
    while let Some(next) = first.take().or_else(|| line.pop_front()) {
        turn += 1;
        if !next.begin() {
            continue; // its own task was faster
        }
        let (woken, again) = Successor::of(|| next.turn());
        line.extend(woken);
        if again {
            line.push_back(next);
        }
        if turn >= TURNS || processors.now() != began || !has_budget_remaining() {
            break;
        }
    }
    line.iter().for_each(|runner| runner.tell_tokio());
}

thread_local! {
    static SUCCESSOR: Cell<Successor> = const { Cell::new(Successor::NotAskedFor) };
}

/// Whom this thread goes on with.
#[derive(Default)]
enum Successor {
    /// Nobody runs here who would hand on the thread.
    #[default]
    NotAskedFor,
    None,
    Some(Arc<Runner>),
}

impl Successor {
    /// The last one that was woken by `turn`, and what that gave.
    fn of<R>(turn: impl FnOnce() -> R) -> (Option<Arc<Runner>>, R) {
        let outer = SUCCESSOR.replace(Self::None);
        let result = turn();
        match SUCCESSOR.replace(outer) {
            Self::Some(runner) => (Some(runner), result),
            Self::None | Self::NotAskedFor => (None, result),
        }
    }

    /// Someone has been woken on this thread. Gives back who is for tokio.
    fn woken(runner: Arc<Runner>) -> Option<Arc<Runner>> {
        let before = SUCCESSOR.try_with(Cell::take).unwrap_or_default();
        match before {
            Self::NotAskedFor => Some(runner),
            Self::None => {
                SUCCESSOR.set(Self::Some(runner));
                None
            }
            Self::Some(before) => {
                SUCCESSOR.set(Self::Some(runner));
                Some(before)
            }
        }
    }
}

/// A future and who polls it.
struct Runner {
    processors: Processors,
    /// One of [`State`].
    state: AtomicU8,
    /// None when it is over.
    work: Mutex<Option<Work>>,
    /// What it ended with, if it did so in a panic.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// The tokio task that it belongs to. Set when it is polled for the first time.
    task: OnceLock<Waker>,
}

/// Where a future is.
struct State;

impl State {
    /// It waits.
    const RESTS: u8 = 0;
    /// It has been woken, and somebody knows it.
    const WOKEN: u8 = 1;
    /// Somebody polls it.
    const RUNS: u8 = 2;
    /// It has been woken while somebody polls it.
    const RUNS_AGAIN: u8 = 3;
}

impl Runner {
    /// Whether the caller has to poll it: it was woken, and nobody else has begun.
    fn begin(&self) -> bool {
        self.state.compare_exchange(State::WOKEN, State::RUNS, AcqRel, Acquire).is_ok()
    }

    /// Polls it once. Says whether it has been woken meanwhile, and has to be polled again.
    fn turn(self: &Arc<Self>) -> bool {
        let mut work = lock(&self.work);
        let Some(future) = work.as_mut() else { return false };
        let waker = Waker::from(Arc::clone(self));
        let mut cx = Context::from_waker(&waker);
        // A panic belongs to this instance and not to the one that has woken it.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx))) {
            Ok(Poll::Pending) => {
                drop(work);
                return self.rest();
            }
            Ok(Poll::Ready(())) => {
                let over = work.take();
                drop(work);
                drop(over);
            }
            // What a panic has left behind is dropped by the task itself.
            Err(panic) => *lock(&self.panic) = Some(panic),
        }
        self.tell_tokio();
        false
    }

    /// It has been polled and waits, unless it has been woken meanwhile.
    fn rest(&self) -> bool {
        let rests = self.state.compare_exchange(State::RUNS, State::RESTS, AcqRel, Acquire).is_ok();
        if !rests {
            self.state.store(State::WOKEN, Release);
        }
        !rests
    }

    fn tell_tokio(&self) {
        if let Some(task) = self.task.get() {
            task.wake_by_ref();
        }
    }
}

impl Wake for Runner {
    fn wake(self: Arc<Self>) {
        Self::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let woken = self.state.fetch_update(AcqRel, Acquire, |state| match state {
            State::RESTS => Some(State::WOKEN),
            State::RUNS => Some(State::RUNS_AGAIN),
            _ => None,
        });
        if woken == Ok(State::RESTS)
            && let Some(runner) = Successor::woken(Arc::clone(self))
        {
            runner.tell_tokio();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, poll_fn};
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

    use tokio::sync::mpsc;
    use tokio::task::yield_now;

    /// Lets those run that are ready. tokio's own yield lets them run more than once.
    async fn get_in_line() {
        let mut first = true;
        poll_fn(|cx| {
            if std::mem::take(&mut first) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Two that send a number to and fro, and count it up, until `rounds`.
    fn players(processors: &Processors, rounds: u32, played: &Arc<AtomicU32>) -> [JoinHandle<()>; 2] {
        let (to_one, one) = mpsc::unbounded_channel();
        let (to_other, other) = mpsc::unbounded_channel();
        to_one.send(0).unwrap();
        [(one, to_other), (other, to_one)].map(|(mut mine, theirs)| {
            let played = Arc::clone(played);
            spawn(processors.clone(), async move {
                while let Some(number) = mine.recv().await {
                    played.store(number, SeqCst);
                    if number == rounds || theirs.send(number + 1).is_err() {
                        return;
                    }
                }
            })
        })
    }

    #[tokio::test]
    async fn what_a_future_gives_arrives() {
        assert_eq!(spawn(Processors::new(), async { 7 }).await.unwrap(), 7);
        let waits = spawn(Processors::new(), async {
            yield_now().await;
            tokio::task::spawn_blocking(|| 8).await.unwrap()
        });
        assert_eq!(waits.await.unwrap(), 8);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn no_wake_up_is_lost_between_threads() {
        let processors = Processors::new();
        let played = Arc::default();
        let games: Vec<_> = (0..8).flat_map(|_| players(&processors, 10_000, &played)).collect();
        for player in games {
            player.await.unwrap();
        }
        assert_eq!(played.load(SeqCst), 10_000);
    }

    #[tokio::test]
    async fn who_is_woken_goes_on_before_others_but_not_for_ever() {
        let played = Arc::default();
        let _players = players(&Processors::new(), u32::MAX, &played);
        let bystander = tokio::spawn(async move {
            let mut longest = 0;
            for _ in 0..100 {
                let before = played.load(SeqCst);
                get_in_line().await;
                longest = longest.max(played.load(SeqCst) - before);
            }
            longest
        });
        let longest = bystander.await.unwrap();
        assert!((TURNS / 2..=4 * TURNS).contains(&longest), "{longest} turns in a row");
    }

    /// Whether somebody who is woken while a tick passes, or does not, runs before a bystander.
    async fn is_woken_before_a_bystander(a_tick_passes: bool) -> bool {
        let processors = Processors::new();
        let (to, from) = tokio::sync::oneshot::channel();
        let ran = Arc::new(AtomicBool::new(false));
        let (tells, looks) = (Arc::clone(&ran), Arc::clone(&ran));
        let woken = spawn(processors.clone(), async move {
            from.await.unwrap();
            tells.store(true, SeqCst);
        });
        yield_now().await;
        let wakes = spawn(processors.clone(), async move {
            to.send(()).unwrap();
            if a_tick_passes {
                processors.tick();
            }
        });
        let bystander = tokio::spawn(async move { looks.load(SeqCst) });
        wakes.await.unwrap();
        woken.await.unwrap();
        bystander.await.unwrap()
    }

    #[tokio::test]
    async fn a_tick_ends_the_turns_on_one_thread() {
        assert!(is_woken_before_a_bystander(false).await);
        assert!(!is_woken_before_a_bystander(true).await);
    }

    #[tokio::test]
    async fn a_panic_belongs_to_who_panics_and_not_to_who_has_woken_it() {
        let (to, from) = tokio::sync::oneshot::channel();
        let panics = spawn(Processors::new(), async move {
            from.await.unwrap();
            panic!("it is this one's");
        });
        yield_now().await;
        let wakes = spawn(Processors::new(), async move {
            to.send(()).unwrap();
            yield_now().await;
            7
        });
        assert_eq!(wakes.await.unwrap(), 7);
        let told = panics.await.unwrap_err().into_panic();
        assert_eq!(told.downcast_ref(), Some(&"it is this one's"));
    }

    #[tokio::test]
    async fn an_abort_drops_the_future_and_later_wakes_mean_nothing() {
        struct Dropped(Arc<AtomicBool>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.store(true, SeqCst);
            }
        }
        let dropped = Arc::new(AtomicBool::new(false));
        let kept = Arc::new(Mutex::new(None));
        let (inside, keeps) = (Dropped(Arc::clone(&dropped)), Arc::clone(&kept));
        let task = spawn(Processors::new(), async move {
            let _inside = inside;
            poll_fn(|cx| {
                *lock(&keeps) = Some(cx.waker().clone());
                Poll::Ready(())
            })
            .await;
            pending::<()>().await;
        });
        yield_now().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(dropped.load(SeqCst));
        let waker: Waker = lock(&kept).take().unwrap();
        waker.wake();
    }
}
