//! The owner's side: puts a question and waits for what becomes of it, but not for ever.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::hear::Handlers;
use super::{Change, DEADLINE, HEARING, Outcome, Readiness, RoleEvent, Verdict};
use crate::control::{Control, InstanceState};
use crate::environment::EnvironmentView;

/// Questions that wait for a guest to hear them. More have to wait outside, within the same time-out.
const PLACES: usize = 8;

/// Tells one incarnation of an instance what happens, and asks it. A clone is another handle. It does not keep the
/// instance alive.
///
/// One call of each event is under way at a time: a handler that never returns is not called a second time.
#[derive(Clone)]
pub struct Teller {
    handlers: Handlers,
    control: Arc<Control>,
    questions: mpsc::Sender<Box<Question>>,
    under_way: UnderWay,
}

/// The guest's end of the line.
pub(crate) struct Listener(mpsc::Receiver<Box<Question>>);

/// A line to an instance that has these handlers.
pub(crate) fn line(handlers: Handlers, control: Arc<Control>) -> (Teller, Listener) {
    let (questions, asked) = mpsc::channel(PLACES);
    (Teller { handlers, control, questions, under_way: UnderWay::default() }, Listener(asked))
}

/// A question on its way to the guest, with what its answer goes into.
pub(super) enum Question {
    Changing(Vec<Change>, Answering<Verdict>),
    Changed(Vec<Change>, Answering<()>),
    StatusCheck(Answering<Readiness>),
    SimultaneousChanging(Vec<Change>, Answering<()>),
    SimultaneousChanged(Vec<Change>, Answering<()>),
}

impl Teller {
    /// A change is about to be made. The guest still reads the old values.
    pub async fn changing(&self, changes: Vec<Change>) -> Outcome<Verdict> {
        self.ask(RoleEvent::Changing, |answering| Question::Changing(changes, answering)).await
    }

    /// Makes the change, whatever the outcome is: from now on the guest reads `view`. Then tells it.
    pub async fn changed(&self, changes: Vec<Change>, view: Arc<EnvironmentView>) -> Outcome<()> {
        self.control.renew(view);
        self.ask(RoleEvent::Changed, |answering| Question::Changed(changes, answering)).await
    }

    /// Whether the instance can take traffic.
    pub async fn status_check(&self) -> Outcome<Readiness> {
        self.ask(RoleEvent::StatusCheck, Question::StatusCheck).await
    }

    /// As [`changing`](Self::changing), for a change of topology that everybody is told of at once. It cannot be refused.
    pub async fn simultaneous_changing(&self, changes: Vec<Change>) -> Outcome<()> {
        let event = RoleEvent::SimultaneousChanging;
        self.ask(event, |answering| Question::SimultaneousChanging(changes, answering)).await
    }

    /// As [`changed`](Self::changed), after [`simultaneous_changing`](Self::simultaneous_changing).
    pub async fn simultaneous_changed(
        &self,
        changes: Vec<Change>,
        view: Arc<EnvironmentView>,
    ) -> Outcome<()> {
        self.control.renew(view);
        let event = RoleEvent::SimultaneousChanged;
        self.ask(event, |answering| Question::SimultaneousChanged(changes, answering)).await
    }

    async fn ask<T>(&self, event: RoleEvent, question: impl FnOnce(Answering<T>) -> Question) -> Outcome<T> {
        if !self.handlers.has(event) {
            return Outcome::NoHandler;
        }
        if *self.control.state().borrow() != InstanceState::Ready {
            return Outcome::Unavailable;
        }
        if self.under_way.has(event) {
            return Outcome::TimedOut; // of an earlier call
        }
        let (begun, begins) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        let call = Call { event, under_way: self.under_way.clone(), begun: false };
        let question = Box::new(question(Answering { call, begin: Some(begun), answer }));
        let delivered = async { self.questions.send(question).await.is_ok() && begins.await.is_ok() };
        // When this time is over, `begins` is gone, and the guest passes over the question.
        if !timeout(HEARING, delivered).await.unwrap_or(false) {
            return Outcome::Unavailable;
        }
        match timeout(DEADLINE, answered).await {
            Ok(Ok(answer)) => Outcome::Answered(answer),
            Ok(Err(_)) => Outcome::Failed,
            Err(_) => Outcome::TimedOut,
        }
    }
}

impl Listener {
    pub(super) async fn next(&mut self) -> Question {
        match self.0.recv().await {
            Some(question) => *question,
            None => std::future::pending().await,
        }
    }
}

/// The calls that have begun and have not returned.
#[derive(Clone, Default)]
struct UnderWay(Arc<Mutex<BTreeSet<RoleEvent>>>);

impl UnderWay {
    fn has(&self, event: RoleEvent) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&event)
    }

    /// Says whether it was not under way before.
    fn begin(&self, event: RoleEvent) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(event)
    }

    fn end(&self, event: RoleEvent) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&event);
    }
}

/// Marks a call as under way from its beginning until this is dropped.
struct Call {
    event: RoleEvent,
    under_way: UnderWay,
    begun: bool,
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.begun {
            self.under_way.end(self.event);
        }
    }
}

/// What the guest's side answers with.
pub(super) struct Answering<T> {
    call: Call,
    begin: Option<oneshot::Sender<()>>,
    answer: oneshot::Sender<T>,
}

impl<T> Answering<T> {
    pub(super) fn event(&self) -> RoleEvent {
        self.call.event
    }

    /// The handler is about to be called. False when nobody waits for it any more, or when it has not returned from its
    /// last call: then it must not be called.
    pub(super) fn begin(&mut self) -> bool {
        if self.answer.is_closed() || !self.call.under_way.begin(self.call.event) {
            return false;
        }
        self.call.begun = true;
        self.begin.take().is_some_and(|begin| begin.send(()).is_ok())
    }

    pub(super) fn answer(self, answer: T) {
        // Whoever asked may have stopped waiting.
        let _ = self.answer.send(answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::time::Duration;
    use tokio::time::{Instant, sleep};

    fn view() -> Arc<EnvironmentView> {
        let current = crate::InstanceView {
            id: "W_IN_0".to_owned(),
            role: "W".to_owned(),
            fault_domain: 0,
            update_domain: 0,
            endpoints: Vec::new(),
        };
        Arc::new(EnvironmentView {
            deployment_id: "d".to_owned(),
            emulated: true,
            current,
            roles: Vec::new(),
            settings: BTreeMap::new(),
            local_resources: Vec::new(),
        })
    }

    fn line_of(handlers: Handlers, state: InstanceState) -> (Teller, Listener, Arc<Control>) {
        let control = Arc::new(Control::new());
        control.enter(state);
        let (teller, listener) = line(handlers, Arc::clone(&control));
        (teller, listener, control)
    }

    #[tokio::test(start_paused = true)]
    async fn a_role_without_handlers_is_not_waited_for_and_its_settings_change_all_the_same() {
        let (teller, _listener, control) = line_of(Handlers::none(), InstanceState::Ready);
        let begun = Instant::now();
        assert_eq!(teller.changing(Vec::new()).await, Outcome::NoHandler);
        assert_eq!(teller.changed(Vec::new(), view()).await, Outcome::NoHandler);
        assert_eq!(teller.status_check().await, Outcome::NoHandler);
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert!(control.renewed().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_that_is_not_ready_is_not_told() {
        for state in [InstanceState::Starting, InstanceState::Stopping, InstanceState::Ended] {
            let (teller, _listener, control) = line_of(Handlers::all(), state);
            assert_eq!(teller.changing(Vec::new()).await, Outcome::Unavailable, "{state:?}");
            assert_eq!(teller.changed(Vec::new(), view()).await, Outcome::Unavailable, "{state:?}");
            assert!(control.renewed().is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_guest_that_does_not_listen_is_unavailable_and_a_late_one_passes_over_the_question() {
        let (teller, mut listener, _control) = line_of(Handlers::all(), InstanceState::Ready);
        let begun = Instant::now();
        assert_eq!(teller.status_check().await, Outcome::Unavailable);
        assert_eq!(begun.elapsed(), HEARING);
        let Question::StatusCheck(mut late) = listener.next().await else { panic!("another question") };
        assert!(!late.begin());
        drop(late);
        let (outcome, ()) = tokio::join!(teller.status_check(), async {
            let Question::StatusCheck(mut asked) = listener.next().await else { panic!("another question") };
            assert!(asked.begin());
            asked.answer(Readiness::Busy);
        });
        assert_eq!(outcome, Outcome::Answered(Readiness::Busy));
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_hangs_has_a_deadline_and_is_not_called_again_until_it_has_returned() {
        let (teller, mut listener, _control) = line_of(Handlers::all(), InstanceState::Ready);
        let begun = Instant::now();
        let (outcome, held) = tokio::join!(teller.status_check(), async {
            let Question::StatusCheck(mut asked) = listener.next().await else { panic!("another question") };
            assert!(asked.begin());
            asked
        });
        assert_eq!((outcome, begun.elapsed()), (Outcome::TimedOut, DEADLINE));
        assert_eq!(teller.status_check().await, Outcome::TimedOut);
        assert_eq!(begun.elapsed(), DEADLINE, "the second one was not waited for");
        held.answer(Readiness::Ready);
        let next = tokio::join!(teller.status_check(), async {
            let Question::StatusCheck(mut asked) = listener.next().await else { panic!("another question") };
            assert!(asked.begin());
            asked.answer(Readiness::Ready);
        });
        assert_eq!(next.0, Outcome::Answered(Readiness::Ready));
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_ends_without_an_answer_has_failed() {
        let (teller, mut listener, _control) = line_of(Handlers::all(), InstanceState::Ready);
        let (outcome, ()) = tokio::join!(teller.changing(Vec::new()), async {
            let Question::Changing(_, mut asked) = listener.next().await else { panic!("another question") };
            assert!(asked.begin());
            sleep(Duration::from_secs(1)).await;
        });
        assert_eq!(outcome, Outcome::Failed);
    }
}
