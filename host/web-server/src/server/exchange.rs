//! One request and its response, as the server's clock sees them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use super::limits::WebLimits;
use super::patience::Patience;

/// One request and its response. Shared by what answers it, by its bodies, and by its connection.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) began: Instant,
    queue: Arc<AtomicUsize>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    stage: Stage,
    verdict: Option<Verdict>,
    answer: Option<Waker>,
    body: Option<Waker>,
    receiving: Patience,
    sending: Patience,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// The server looks at it itself.
    #[default]
    Ours,
    /// It is in the application's queue.
    Queued,
    /// The application has begun with it.
    Begun,
    /// The head of the response is known.
    Responding,
    /// Nobody waits for anything of it any more.
    Over,
}

/// Why the server gives up on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The application did not begin with it in time.
    Queued,
    /// The application did not answer in time.
    Unanswered,
    /// Its body is too long.
    TooLong,
    /// Its body comes too slowly.
    TooSlow,
}

impl Exchange {
    pub(super) fn new(queue: &Arc<AtomicUsize>) -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), queue: Arc::clone(queue), state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, state: &mut State, stage: Stage) {
        if state.stage == Stage::Queued && stage != Stage::Queued {
            self.queue.fetch_sub(1, Ordering::Relaxed);
        }
        state.stage = stage;
    }

    /// Takes a place in the application's queue, of so many. False: there is none.
    pub(super) fn queue(&self, places: usize) -> bool {
        let one_more = |queued: usize| (queued < places).then_some(queued.saturating_add(1));
        let found = self.queue.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok();
        if found {
            self.state().stage = Stage::Queued;
        }
        found
    }

    /// The application begins with it. False: it is too late for that.
    pub(super) fn begin(&self) -> bool {
        let mut state = self.state();
        if state.verdict.is_some() {
            return false; // the client gets another answer, if it does not have it already
        }
        match state.stage {
            Stage::Queued => self.enter(&mut state, Stage::Begun),
            Stage::Over | Stage::Responding => return false,
            Stage::Ours | Stage::Begun => {}
        }
        true
    }

    /// The head of the response is known.
    pub(super) fn respond(&self) {
        self.enter(&mut self.state(), Stage::Responding);
    }

    /// It is over, one way or the other.
    pub(super) fn end(&self) {
        self.enter(&mut self.state(), Stage::Over);
    }

    /// Ready when the server gives up on it before it was answered.
    pub(super) fn poll_verdict(&self, cx: &Context<'_>) -> Poll<Verdict> {
        let mut state = self.state();
        if let Some(verdict) = state.verdict {
            return Poll::Ready(verdict);
        }
        remember(&mut state.answer, cx);
        Poll::Pending
    }

    /// The server gives up on it. The first reason counts.
    pub(super) fn give_up(&self, verdict: Verdict) {
        let mut state = self.state();
        state.verdict.get_or_insert(verdict);
        let wakers = [state.answer.take(), state.body.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// The application wants more of the request's body, and it is the client's turn. Some: the server has given up.
    pub(super) fn wait_for_body(&self, cx: &Context<'_>) -> Option<Verdict> {
        let mut state = self.state();
        state.receiving.wait(Instant::now());
        remember(&mut state.body, cx);
        state.verdict
    }

    /// The client sent so much of the request's body.
    pub(super) fn received(&self, bytes: u64) {
        self.state().receiving.went_on(bytes, Instant::now());
    }

    /// It is the client's turn to take what it got of the response's body.
    pub(super) fn hand_out(&self) {
        self.state().sending.wait(Instant::now());
    }

    /// The client has taken so much.
    pub(super) fn taken(&self, bytes: u64) {
        self.state().sending.went_on(bytes, Instant::now());
    }

    /// Looks at the clock. False: the client does not take the response.
    pub(super) fn look(&self, limits: &WebLimits, now: Instant) -> bool {
        let state = self.state();
        let age = now.saturating_duration_since(self.began);
        let verdict = match state.stage {
            Stage::Queued if age >= limits.queue_time => Some(Verdict::Queued),
            Stage::Queued | Stage::Begun if age >= limits.response_time => Some(Verdict::Unanswered),
            // Once it is being answered, a request may be a conversation: then the client need not hurry.
            Stage::Queued | Stage::Begun if state.receiving.is_over(limits.slowest, now) => {
                Some(Verdict::TooSlow)
            }
            _ => None,
        };
        let taken = !state.sending.is_over(limits.slowest, now);
        drop(state);
        if let Some(verdict) = verdict {
            self.give_up(verdict);
        }
        taken
    }
}

fn remember(waker: &mut Option<Waker>, cx: &Context<'_>) {
    match waker {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *waker = Some(cx.waker().clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_the_server_has_given_up_on_is_not_begun() {
        let queued = Arc::default();
        let (given_up, waiting) = (Exchange::new(&queued), Exchange::new(&queued));
        assert!(given_up.queue(2) && waiting.queue(2));
        given_up.give_up(Verdict::Queued);
        assert!(!given_up.begin() && waiting.begin());
        given_up.respond();
        assert_eq!(queued.load(Ordering::Relaxed), 0);
    }
}
