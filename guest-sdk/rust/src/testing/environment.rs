//! What a role under test can ask, and the double that answers.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use super::StartedRole;
use super::definition::{DefinedRole, Layout};
use super::executor::Executor;
use crate::{LocalResource, Role, RoleInfo, RoleInstance};

/// The longest that a test waits for something, in the time of the double.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Says what the role under test finds when it asks. It answers nobody before [`install`](Self::install).
#[derive(Clone, Debug)]
#[must_use = "it answers nobody before `install`"]
pub struct TestEnvironment {
    /// In the definition's order.
    roles: Vec<DefinedRole>,
    view: View,
}

/// All that the double knows.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) deployment_id: String,
    pub(super) emulated: bool,
    layout: Layout,
    /// The position of the role under test among the roles.
    own: usize,
    /// Which of its instances it is.
    number: u32,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) local_resources: Vec<LocalResource>,
}

impl TestEnvironment {
    /// Instance 0 of this role, alone in its deployment, without settings and local storage.
    pub fn new(role: DefinedRole) -> Self {
        let view = View {
            deployment_id: "0123456789abcdef0123456789abcdef".to_owned(),
            emulated: true,
            layout: Layout::of(&[]),
            own: 0,
            number: 0,
            settings: BTreeMap::new(),
            local_resources: Vec::new(),
        };
        Self { roles: vec![role], view }
    }

    /// The same with another role in the deployment. The definition declares it after those that are there already.
    pub fn role(mut self, role: DefinedRole) -> Self {
        self.roles.push(role);
        self
    }

    /// The same with another role that the definition declares before the role under test, and after those that were
    /// given so earlier: [`RoleEnvironment::roles`](crate::RoleEnvironment::roles) and the addresses have the definition's order.
    pub fn role_before(mut self, role: DefinedRole) -> Self {
        self.roles.insert(self.view.own, role);
        self.view.own = self.view.own.saturating_add(1);
        self
    }

    /// The same as another instance of the role, counted from 0.
    pub fn as_instance(mut self, number: u32) -> Self {
        self.view.number = number;
        self
    }

    /// The same with a setting.
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.view.settings.insert(name.into(), value.into());
        self
    }

    /// The same with local storage: a directory that the test has made, and the size that the definition declares, in
    /// units of 1,048,576 bytes. The double does not enforce the size.
    pub fn local_resource(
        mut self,
        name: impl Into<String>,
        directory: impl Into<PathBuf>,
        size_in_megabytes: u64,
    ) -> Self {
        let resource = LocalResource { name: name.into(), path: directory.into(), size_in_megabytes };
        self.view.local_resources.push(resource);
        self
    }

    /// The same with another deployment id.
    pub fn deployment_id(mut self, id: impl Into<String>) -> Self {
        self.view.deployment_id = id.into();
        self
    }

    /// The same with another answer to [`is_emulated`](crate::RoleEnvironment::is_emulated); true without this.
    pub const fn emulated(mut self, emulated: bool) -> Self {
        self.view.emulated = emulated;
        self
    }

    /// Answers `RoleEnvironment` on this thread, until what this returns is dropped. A double that was installed before has its
    /// turn again then.
    pub fn install(self) -> Installed {
        let view = View { layout: Layout::of(&self.roles), ..self.view };
        let double = Rc::new(Double {
            view: RefCell::new(view),
            recycle_requests: Cell::new(0),
            executor: Executor::default(),
        });
        INSTALLED.with_borrow_mut(|installed| installed.push(Rc::clone(&double)));
        Installed { double }
    }
}

impl View {
    pub(super) fn current(&self) -> RoleInstance {
        let own = self.layout.roles().nth(self.own);
        let mut instances = own.map(|(role, _)| role.instances).unwrap_or_default().into_iter();
        let number = usize::try_from(self.number).unwrap_or(usize::MAX);
        let Some(instance) = instances.nth(number) else {
            mistake(&format!("the test is instance {} of a role that has no such instance", self.number));
        };
        instance
    }

    /// What the instance may see: roles with an internal endpoint, and itself (facts: section 8.4).
    pub(super) fn visible(&self) -> Vec<RoleInfo> {
        let current = self.current();
        let seen = self.layout.roles().map(|(mut role, visible)| {
            role.instances.retain(|instance| visible || instance.id == current.id);
            role
        });
        seen.collect()
    }

    /// Whether a setting has another value than this.
    #[track_caller]
    pub(super) fn differs(&self, name: &str, value: &str) -> bool {
        match self.settings.get(name) {
            Some(setting) => setting != value,
            None => mistake(&format!("the test changes the setting `{name}`, which the role does not have")),
        }
    }

    /// Gives a setting another value.
    #[track_caller]
    pub(super) fn set(&mut self, name: &str, value: &str) {
        match self.settings.get_mut(name) {
            Some(setting) => value.clone_into(setting),
            None => mistake(&format!("the test changes the setting `{name}`, which the role does not have")),
        }
    }

    /// Whether a role has another number of instances than this. The instance under test has to be one of them.
    #[track_caller]
    pub(super) fn differs_in_size(&self, name: &str, instances: u32) -> bool {
        let Some((n, role)) =
            self.layout.roles().map(|(role, _)| role).enumerate().find(|(_, role)| role.name == name)
        else {
            mistake(&format!("the test changes the role `{name}`, which the deployment does not have"));
        };
        if n == self.own && instances <= self.number {
            mistake(&format!(
                "the test leaves the role `{name}` {instances} instances, so number {} under test is gone: the fabric stops \
                 such an instance and tells it of no change; call `stop`",
                self.number
            ));
        }
        u32::try_from(role.instances.len()) != Ok(instances)
    }

    /// Gives a role another number of instances.
    #[track_caller]
    pub(super) fn resize(&mut self, name: &str, instances: u32) {
        if !self.layout.resize(name, instances) {
            mistake(&format!("the test changes the role `{name}`, which the deployment does not have"));
        }
    }

    /// Whether the instance is told when instances of this role come and go: those of its own role, and those that it can
    /// see (facts: section 13, number 18).
    pub(super) fn hears_of(&self, name: &str) -> bool {
        self.layout
            .roles()
            .enumerate()
            .any(|(n, (role, visible))| role.name == name && (visible || n == self.own))
    }
}

/// The test itself is wrong.
#[track_caller]
#[expect(clippy::panic, reason = "it stops the test that made the mistake")]
pub(super) fn mistake(what: &str) -> ! {
    panic!("{what}")
}

pub(crate) struct Double {
    pub(super) view: RefCell<View>,
    pub(super) recycle_requests: Cell<u32>,
    pub(super) executor: Executor,
}

thread_local! {
    /// The last one answers.
    static INSTALLED: RefCell<Vec<Rc<Double>>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn is_installed() -> bool {
    INSTALLED.with_borrow(|installed| !installed.is_empty())
}

/// The double that answers on this thread. `asked` is what somebody has called.
#[track_caller]
pub(super) fn current(asked: &str) -> Rc<Double> {
    match INSTALLED.with_borrow(|installed| installed.last().cloned()) {
        Some(double) => double,
        None => mistake(&format!(
            "`{asked}` was called outside a component: there is no fabric to answer. In a unit test, install a test double \
             on this thread first, and keep it: `let environment = TestEnvironment::new(DefinedRole::new(\"Worker\")).install();` \
             (see the module `wasm_roles_sdk::testing`)"
        )),
    }
}

/// A double that answers, on the thread that installed it, until this is dropped.
#[must_use = "it answers until it is dropped"]
pub struct Installed {
    double: Rc<Double>,
}

impl Installed {
    /// Calls `on_start` of a new value of the role; if it succeeds, begins `run`, up to the first thing that it waits for.
    ///
    /// # Errors
    ///
    /// The reason that the fabric would show, if `on_start` returns an error.
    ///
    /// # Panics
    ///
    /// If `on_start` waits for something that never comes, or for longer than a day.
    #[track_caller]
    pub fn start<R: Role>(&self) -> Result<StartedRole<R>, String> {
        StartedRole::start(Rc::clone(&self.double))
    }

    /// Lets time pass, and the role do what it does in that time.
    pub fn pass(&self, time: Duration) {
        let end = self.now().saturating_add(time);
        let _ = self.double.executor.run(end, || false);
        self.double.executor.skip_to(end);
    }

    /// The time since the double was installed.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.double.executor.now()
    }

    /// How often [`request_recycle`](crate::RoleEnvironment::request_recycle) was called.
    #[must_use]
    pub fn recycle_requests(&self) -> u32 {
        self.double.recycle_requests.get()
    }

    /// Gives a setting another value without telling the role, as a role that blocks finds it.
    /// [`StartedRole::change_settings`] tells it.
    ///
    /// # Panics
    ///
    /// If there is no such setting.
    #[track_caller]
    pub fn set(&self, name: &str, value: &str) {
        self.double.view.borrow_mut().set(name, value);
    }

    /// Runs a future, and the role beside it, to the future's end; lets time pass when both wait.
    ///
    /// # Panics
    ///
    /// If the future waits for something that never comes, or for longer than a day.
    #[track_caller]
    pub fn block_on<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> T {
        self.double.call(future, PATIENCE, "the future")
    }
}

impl Double {
    /// Calls a function of the role, which has this long to return.
    #[track_caller]
    pub(super) fn call<T: 'static>(
        &self,
        call: impl Future<Output = T> + 'static,
        limit: Duration,
        what: &str,
    ) -> T {
        let mut task = self.executor.spawn(call);
        let end = self.executor.now().saturating_add(limit);
        if !self.executor.run(end, || task.is_finished()) {
            mistake(&format!(
                "{what} waits for something that does not come within {} seconds of the test's time",
                limit.as_secs()
            ));
        }
        match task.take() {
            Some(result) => result,
            None => mistake(&format!("{what} was cancelled")),
        }
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        // Nothing of the role goes on. What is dropped here may still ask.
        self.double.executor.clear();
        // A thread that ends may have forgotten the list.
        let _ = INSTALLED.try_with(|installed| {
            installed.borrow_mut().retain(|double| !Rc::ptr_eq(double, &self.double));
        });
    }
}

impl std::fmt::Debug for Installed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Installed").field("now", &self.now()).finish_non_exhaustive()
    }
}
