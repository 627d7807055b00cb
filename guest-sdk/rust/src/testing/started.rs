//! A role that runs under test, and what the fabric does with it.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::HttpRequest;
use super::environment::Double;
use super::tasks::JoinHandle;
use crate::http::{HttpHandler, Response};
use crate::role::reason;
use crate::{Change, Role, Status, Verdict};

/// How long the handler of an event has: later, the fabric goes on without it, so a test fails.
pub const EVENT_DEADLINE: Duration = Duration::from_secs(10);

/// How long `on_stop` has (facts: section 7.2): later, the fabric cuts the instance off, so a test fails.
pub const STOP_BUDGET: Duration = Duration::from_secs(30);

/// The longest that a test waits for `on_start`: the fabric waits for ever.
const START: Duration = Duration::from_secs(24 * 60 * 60);

/// A role whose `on_start` has succeeded and whose `run` is under way, or has returned.
///
/// What the fabric would call, a test calls here. Each call gives `run` and all other tasks their turns, and time passes as far
/// as the call waits for it. A panic of the role is a panic of the test.
pub struct StartedRole<R: Role> {
    double: Rc<Double>,
    role: &'static R,
    run: RefCell<Run>,
}

enum Run {
    UnderWay(JoinHandle<Result<(), String>>),
    Returned(Result<(), String>),
}

impl<R: Role> StartedRole<R> {
    #[track_caller]
    pub(super) fn start(double: Rc<Double>) -> Result<Self, String> {
        let role: &'static R = Box::leak(Box::default());
        let on_start = async move { role.on_start().await.map_err(|error| reason(error.as_ref())) };
        double.call(on_start, START, "on_start")?;
        let run = async move { role.run().await.map_err(|error| reason(error.as_ref())) };
        let run = RefCell::new(Run::UnderWay(double.executor.spawn(run)));
        let started = Self { double, role, run };
        // Time does not pass: it gets to where it first waits.
        started.double.executor.run(started.double.executor.now(), || false);
        Ok(started)
    }

    /// The role itself.
    #[must_use]
    pub const fn role(&self) -> &'static R {
        self.role
    }

    /// What `run` has returned, if it has: the fabric would recycle the instance, and show the error as the reason.
    #[must_use]
    pub fn run_result(&self) -> Option<Result<(), String>> {
        let mut run = self.run.borrow_mut();
        if let Run::UnderWay(task) = &mut *run
            && let Some(result) = task.take()
        {
            *run = Run::Returned(result);
        }
        match &*run {
            Run::UnderWay(_) => None,
            Run::Returned(result) => Some(result.clone()),
        }
    }

    /// Gives settings other values, as a new configuration does (facts: section 7.5): `changing` while the old ones can still
    /// be read, then the change, then `changed`. If the role answers [`Verdict::Recycle`], it hears no `changed`; the
    /// fabric would then stop this instance, and start it again with the new values. Of settings that have these values already it
    /// hears nothing; if all have, the answer is [`Verdict::Accept`].
    ///
    /// # Panics
    ///
    /// If the role has no such setting, or if a handler does not return within [`EVENT_DEADLINE`].
    #[track_caller]
    pub fn change_settings(&self, settings: &[(&str, &str)]) -> Verdict {
        let differs = |(name, value): &&(&str, &str)| self.double.view.borrow().differs(name, value);
        let settings: Vec<&(&str, &str)> = settings.iter().filter(differs).collect();
        if settings.is_empty() {
            return Verdict::Accept;
        }
        let changes = settings.iter().map(|(name, _)| Change::ConfigurationSetting((*name).to_owned()));
        let changes: Vec<Change> = changes.collect();
        let verdict = self.changing(changes.clone());
        for (name, value) in settings {
            self.double.view.borrow_mut().set(name, value);
        }
        if verdict == Verdict::Accept {
            self.changed(changes);
        }
        verdict
    }

    /// Gives a role another number of instances. The role under test is told as of a change of settings if that is its
    /// own role, or one that it can see; otherwise nobody asks it, and the answer is [`Verdict::Accept`]. So it is if the role
    /// has this number already.
    ///
    /// # Panics
    ///
    /// If the deployment has no such role, if the instance under test would be gone (the fabric stops it:
    /// [`stop`](Self::stop)), or if a handler does not return within [`EVENT_DEADLINE`].
    #[track_caller]
    pub fn change_instances(&self, role: &str, count: u32) -> Verdict {
        if !self.double.view.borrow().differs_in_size(role, count) {
            return Verdict::Accept;
        }
        let changes = vec![Change::Topology(role.to_owned())];
        let told = self.double.view.borrow().hears_of(role);
        let verdict = if told { self.changing(changes.clone()) } else { Verdict::Accept };
        self.double.view.borrow_mut().resize(role, count);
        if told && verdict == Verdict::Accept {
            self.changed(changes);
        }
        verdict
    }

    /// As [`change_instances`](Self::change_instances), told to all instances at once, which a role cannot refuse: what the
    /// fabric does where the definition says `topologyChangeDiscovery="Blast"`.
    ///
    /// # Panics
    ///
    /// As [`change_instances`](Self::change_instances).
    #[track_caller]
    pub fn change_instances_at_once(&self, role: &str, count: u32) {
        if !self.double.view.borrow().differs_in_size(role, count) {
            return;
        }
        let changes = vec![Change::Topology(role.to_owned())];
        let told = self.double.view.borrow().hears_of(role);
        if told {
            let before = self.role.simultaneous_changing(changes.clone());
            self.double.call(before, EVENT_DEADLINE, "simultaneous_changing");
        }
        self.double.view.borrow_mut().resize(role, count);
        if told {
            let after = self.role.simultaneous_changed(changes);
            self.double.call(after, EVENT_DEADLINE, "simultaneous_changed");
        }
    }

    /// Asks the role about changes that are about to be made. Nothing is changed.
    ///
    /// # Panics
    ///
    /// If the handler does not return within [`EVENT_DEADLINE`].
    #[track_caller]
    pub fn changing(&self, changes: Vec<Change>) -> Verdict {
        self.double.call(self.role.changing(changes), EVENT_DEADLINE, "changing")
    }

    /// Tells the role of changes that have been made.
    ///
    /// # Panics
    ///
    /// As [`changing`](Self::changing).
    #[track_caller]
    pub fn changed(&self, changes: Vec<Change>) {
        self.double.call(self.role.changed(changes), EVENT_DEADLINE, "changed");
    }

    /// Asks the role for its status, as the fabric does every 15 seconds.
    ///
    /// # Panics
    ///
    /// As [`changing`](Self::changing).
    #[track_caller]
    #[must_use]
    pub fn status_check(&self) -> Status {
        self.double.call(self.role.status_check(), EVENT_DEADLINE, "status_check")
    }

    /// Stops the role: `stopping`, then `on_stop`, while `run` goes on. Then nothing of it does.
    ///
    /// # Panics
    ///
    /// If `stopping` does not return within [`EVENT_DEADLINE`], or `on_stop` within [`STOP_BUDGET`].
    #[track_caller]
    pub fn stop(self) {
        self.double.call(self.role.stopping(), EVENT_DEADLINE, "stopping");
        self.double.call(self.role.on_stop(), STOP_BUDGET, "on_stop");
        self.double.executor.clear();
    }
}

impl<R: HttpHandler> StartedRole<R> {
    /// Lets the web role answer a request.
    ///
    /// # Panics
    ///
    /// If the answer waits for something that never comes.
    #[track_caller]
    pub fn handle(&self, request: HttpRequest) -> Response {
        self.double.call(self.role.handle(request.into()), START, "handle")
    }
}

impl<R: Role> fmt::Debug for StartedRole<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartedRole").field("run_result", &self.run_result()).finish_non_exhaustive()
    }
}
