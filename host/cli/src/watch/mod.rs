//! `run --watch`: what is saved runs at once.
//!
//! | saved is | what happens |
//! |---|---|
//! | a source of a role | the role is built, and its instances are led to the new component; all other roles run on |
//! | a component, by somebody else | as if it had been built |
//! | the configuration | it is applied, as `update` would |
//! | the definition | the roles are built, and the deployment is upgraded to it, where that is possible in place |
//!
//! Whatever cannot be done leaves what runs as it is, and says why. A save while an upgrade is not through, because its instances do
//! not become Ready, takes that one back first.

mod concerned;
mod debounce;
mod eyes;
mod news;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use wasm_roles_control_interface::{Operation, OperationState, Refusal, RefusalCode};
use wasm_roles_controller::{Adopted, Renewal, Sources};
use wasm_roles_fabric::approot::Approots;
use wasm_roles_service_plan::RoleName;
use wasm_roles_workshop::{BuildOptions, BuildReport, Progress as Building, Workshop};

use self::concerned::{Components, Concerned, Places};
use self::eyes::{Eyes, Saved};
pub use self::news::{News, What};
use crate::arguments::ReadingArguments;
use crate::failure::Failure;
use crate::output::tell;
use crate::reading::Reading;
use crate::service_files::{CONFIGURATIONS, ServiceFiles};
use crate::words::{Progress, building, colored_diagnostics};

/// How long what a build has written takes to be seen.
const ECHO: Duration = Duration::from_millis(200);

/// Where sources are, beside the definition.
const LAYOUT: &str = "build.toml";

/// The service whose sources are watched, before it runs.
pub struct Watch {
    eyes: Eyes,
    workshop: Arc<Workshop>,
    places: Places,
    components: Components,
    definition: PathBuf,
    /// What the files said when they were last looked at.
    read: Read,
}

/// The two files as they were last read.
#[derive(Clone, PartialEq, Eq)]
struct Read {
    definition: String,
    configuration: Option<(String, String)>,
}

impl Read {
    fn of(files: &ServiceFiles) -> Self {
        Self {
            definition: files.definition.text.clone(),
            configuration: files
                .configuration
                .as_ref()
                .map(|source| (source.name.clone(), source.text.clone())),
        }
    }
}

/// How the service runs whose sources are watched.
pub struct Running {
    pub adopted: Adopted,
    pub reading: ReadingArguments,
    pub approots: Approots,
    /// What the first plan was made from.
    pub before: Sources,
    pub progress: UnboundedSender<Progress>,
}

impl Watch {
    /// Begins to look.
    pub fn open(
        files: &ServiceFiles,
        reading: &ReadingArguments,
        named: &[(RoleName, PathBuf)],
    ) -> Result<Self, Failure> {
        let cannot = |error: notify::Error| {
            Failure::with_hint(
                format!("changes of files cannot be watched: {error}"),
                "a higher limit of watches may help (`sysctl fs.inotify.max_user_watches`); or run without --watch",
            )
        };
        let workshop = Workshop::open(&files.definition_file)?;
        let places = places(&workshop, files, reading, named);
        let mut watch = Self {
            eyes: Eyes::open().map_err(cannot)?,
            workshop: Arc::new(workshop),
            places,
            components: Components::default(),
            definition: files.definition_file.clone(),
            read: Read::of(files),
        };
        watch.eyes.watch_all(&folders(&watch.workshop, &watch.places)).map_err(cannot)?;
        Ok(watch)
    }

    /// Builds all roles before the first start. What cannot be built is told; its component may be there all the same.
    pub async fn build_all(&mut self) -> Result<(), Failure> {
        let report = self.build_telling().await?;
        let mut failures = building::failures(&report);
        if report.built().next().is_some() {
            // What the tools have written themselves, such as a lock file, is no save. What was saved meanwhile is built now.
            let _ = timeout(ECHO, self.eyes.saved()).await;
            failures = building::failures(&self.build_telling().await?);
        }
        tell(failures);
        let folders: Vec<PathBuf> = self.places.components.iter().cloned().collect();
        // What cannot be watched is told when the service runs.
        let _ = self.eyes.watch_all(&folders);
        self.components.look_at_all(&self.places);
        Ok(())
    }

    async fn build_telling(&self) -> Result<BuildReport, Failure> {
        let workshop = Arc::clone(&self.workshop);
        let told = |progress: Building<'_>| {
            if matches!(progress, Building::Waiting | Building::Runs { .. }) {
                tell(building::line(&building::Happened::from(progress)));
            }
        };
        Ok(blocking(move || workshop.build(&[], &BuildOptions::default(), &told)).await??)
    }

    /// Looks at all folders that there are now.
    async fn look(&mut self) -> notify::Result<()> {
        let (workshop, places) = (Arc::clone(&self.workshop), self.places.clone());
        // An error only when the process ends.
        let folders = blocking(move || folders(&workshop, &places)).await.unwrap_or_default();
        self.eyes.watch_all(&folders)
    }

    /// Looks at folders that have come with a save.
    async fn look_after(&mut self, saved: &Saved, running: &Running) {
        let is_of_a_folder = |path: &PathBuf| self.eyes.watches(path) || path.is_dir();
        if saved.anything || saved.paths.iter().any(is_of_a_folder) {
            // What has its name now may be another one.
            self.eyes.forget(saved);
            self.look_telling(running).await;
        }
    }

    async fn look_telling(&mut self, running: &Running) {
        if let Err(error) = self.look().await {
            running.say(News::CannotWatch { reason: error.to_string() });
        }
    }

    /// Watches until the service ends.
    pub async fn live(mut self, running: Running) {
        running.say(News::Watching { roles: self.workshop.roles().cloned().collect() });
        let mut renewing: Option<JoinHandle<()>> = None;
        loop {
            let saved = self.eyes.saved().await;
            let since = Instant::now();
            let concerned = Concerned::by(&saved, &self.workshop, &self.places, &mut self.components);
            self.look_after(&saved, &running).await;
            let steps = self.steps(concerned, &running).await;
            if steps.is_empty() {
                continue;
            }
            if let Some(renewing) = renewing.take() {
                running.give_way(renewing).await;
            }
            let adopted = running.adopted.clone();
            let progress = running.progress.clone();
            renewing = Some(tokio::spawn(carry_out(adopted, steps, since, progress)));
        }
    }

    /// What is to be done with what runs, after roles were built.
    async fn steps(&mut self, concerned: Concerned, running: &Running) -> Vec<Step> {
        let Concerned { mut roles, because, mut components, files } = concerned;
        let new = if files { self.read_again(running).await } else { None };
        let (mut definition, mut configuration) = (None, None);
        match new {
            Some(New::Definition(sources)) => {
                roles.extend(self.workshop.roles().cloned());
                definition = Some(sources);
            }
            Some(New::Configuration(name, text)) => configuration = Some((name, text)),
            Some(New::Layout) => roles.extend(self.workshop.roles().cloned()),
            None => {}
        }
        let mut built = Vec::new();
        let mut took = None;
        if !roles.is_empty() {
            let begin = Instant::now();
            built = self.build(&roles, because.as_deref(), running).await;
            took = Some(begin.elapsed());
            // The folder of a first component is new.
            let folders: Vec<PathBuf> = self.places.components.iter().cloned().collect();
            if let Err(error) = self.eyes.watch_all(&folders) {
                running.say(News::CannotWatch { reason: error.to_string() });
            }
            // Somebody else may have built them while this waited.
            components |= self.components.look_at_all(&self.places);
        }
        components |= !built.is_empty();
        let mut steps = Vec::new();
        let approots = || running.approots.clone();
        if let Some(sources) = definition {
            let what = What::Definition(sources.definition.name.clone());
            let renewal = Renewal { sources: Some(*sources), approots: approots(), certificates: None };
            steps.push(Step { what, building: took, order: Order::Renew(Box::new(renewal)) });
        } else if components {
            let renewal = Renewal { sources: None, approots: approots(), certificates: None };
            steps.push(Step {
                what: What::Components(built),
                building: took,
                order: Order::Renew(Box::new(renewal)),
            });
        }
        if let Some((name, text)) = configuration {
            let what = What::Configuration(name.clone());
            steps.push(Step { what, building: None, order: Order::Update(name, text) });
        }
        steps
    }

    /// Builds roles, and gives those that have a new component.
    async fn build(
        &self,
        roles: &BTreeSet<RoleName>,
        because: Option<&Path>,
        running: &Running,
    ) -> Vec<RoleName> {
        let because =
            because.map(|path| path.strip_prefix(self.workshop.service()).unwrap_or(path).to_owned());
        let (workshop, progress) = (Arc::clone(&self.workshop), running.progress.clone());
        // One that the definition had until a moment ago is none any more.
        let wanted: Vec<RoleName> =
            self.workshop.roles().filter(|role| roles.contains(*role)).cloned().collect();
        let told = move |building: Building<'_>| {
            let news = match building {
                Building::Runs { roles, .. } => {
                    News::Builds { roles: roles.to_vec(), because: because.clone() }
                }
                Building::Waiting => News::Waits,
                _ => return,
            };
            let _ = progress.send(Progress::Watch(news));
        };
        let built = blocking(move || workshop.build(&wanted, &BuildOptions::default(), &told)).await;
        match built {
            Ok(Ok(report)) => {
                if !report.is_ok() {
                    running.say(News::NotBuilt { report: failures_of(&report) });
                }
                report.built().cloned().collect()
            }
            Ok(Err(error)) => {
                running.say(News::CannotBuild { reason: error.to_string(), hint: error.hint() });
                Vec::new()
            }
            Err(failure) => {
                running.say(News::CannotBuild { reason: failure.to_string(), hint: String::new() });
                Vec::new()
            }
        }
    }

    /// Reads the files of the service again; none when there is nothing new that could be had.
    async fn read_again(&mut self, running: &Running) -> Option<New> {
        let name = self.definition.display().to_string();
        let refused = |failure: &Failure| News::Unreadable { file: name.clone(), why: failure.to_string() };
        let reading = match Reading::of_file(&self.definition, &running.reading) {
            Ok(reading) => reading,
            Err(failure) => {
                running.say(refused(&failure));
                return None;
            }
        };
        let read = Read::of(reading.files());
        let before = std::mem::replace(&mut self.read, read.clone());
        match reading.quiet_plan() {
            Ok(Some(_)) => {}
            Ok(None) => {
                if before != read {
                    running.say(News::Wrong { problems: reading.rendered(colored_diagnostics()) });
                }
                return None;
            }
            Err(failure) => {
                if before != read {
                    running.say(refused(&failure));
                }
                return None;
            }
        }
        let is_laid_out = self.reopen(reading.files(), running).await;
        if before.definition != read.definition {
            let ServiceFiles { definition, configuration, .. } = reading.into_files();
            let sources = Sources { definition, configuration, ..running.before.clone() };
            return Some(New::Definition(Box::new(sources)));
        }
        if before.configuration != read.configuration
            && let Some((name, text)) = read.configuration
        {
            return Some(New::Configuration(name, text));
        }
        is_laid_out.then_some(New::Layout)
    }

    /// Finds the sources again; says whether they can be found.
    async fn reopen(&mut self, files: &ServiceFiles, running: &Running) -> bool {
        match Workshop::open(&self.definition) {
            Ok(workshop) => {
                // Folders that the user has named stay among them.
                let places = places(&workshop, files, &running.reading, &[]);
                self.places.components.extend(places.components);
                self.places.files = places.files;
                self.workshop = Arc::new(workshop);
                self.look_telling(running).await;
                true
            }
            Err(error) => {
                running.say(News::CannotBuild { reason: error.to_string(), hint: error.hint() });
                false
            }
        }
    }
}

/// What is new in the files of the service.
enum New {
    Definition(Box<Sources>),
    Configuration(String, String),
    /// Where sources are, perhaps.
    Layout,
}

impl Running {
    fn say(&self, news: News) {
        // When nobody tells it any more, the service ends.
        let _ = self.progress.send(Progress::Watch(news));
    }

    /// Something newer is there than what is being carried out.
    async fn give_way(&self, renewing: JoinHandle<()>) {
        if !renewing.is_finished()
            && let Err(refusal) = self.adopted.take_back().await
        {
            self.say(News::NotApplied { what: What::Before, refusal: Box::new(refusal) });
        }
        let _ = renewing.await;
    }
}

/// Something to do with what runs.
struct Step {
    what: What,
    /// How long the building has taken that came before it.
    building: Option<Duration>,
    order: Order,
}

enum Order {
    Renew(Box<Renewal>),
    Update(String, String),
}

async fn carry_out(adopted: Adopted, steps: Vec<Step>, since: Instant, progress: UnboundedSender<Progress>) {
    for Step { what, building, order } in steps {
        let ended = match order {
            Order::Renew(renewal) => adopted.renew(*renewal).await,
            Order::Update(name, text) => adopted.update(name, text).await,
        };
        let took = since.elapsed().saturating_sub(building.unwrap_or_default());
        let Some(news) = outcome(what, building, took, ended) else { return };
        let _ = progress.send(Progress::Watch(news));
    }
}

/// What is said of the end of an operation; nothing when something newer has ended it.
fn outcome(
    what: What,
    building: Option<Duration>,
    took: Duration,
    ended: Result<Operation, Refusal>,
) -> Option<News> {
    let refusal = match ended {
        Ok(operation) => match operation.state {
            OperationState::Done => {
                return Some(News::Applied { what, building, took, message: operation.message });
            }
            _ => operation.failure?,
        },
        Err(refusal) => refusal,
    };
    let is_over = matches!(refusal.code, RefusalCode::Interrupted | RefusalCode::Stopping);
    (!is_over).then(|| News::NotApplied { what, refusal: Box::new(refusal) })
}

/// The roles that could not be built, and nothing else.
fn failures_of(report: &BuildReport) -> BuildReport {
    let failed = |role: &&wasm_roles_workshop::RoleReport| {
        matches!(role.outcome, wasm_roles_workshop::Outcome::Failed(_))
    };
    BuildReport { roles: report.roles.iter().filter(failed).cloned().collect() }
}

/// Where the files are that are no sources.
fn places(
    workshop: &Workshop,
    files: &ServiceFiles,
    reading: &ReadingArguments,
    named: &[(RoleName, PathBuf)],
) -> Places {
    let service = workshop.service();
    let without_links = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut all: BTreeSet<PathBuf> = CONFIGURATIONS.iter().map(|name| service.join(name)).collect();
    all.insert(service.join(LAYOUT));
    all.insert(without_links(&files.definition_file));
    all.extend(reading.config.as_deref().map(without_links));
    let folder = |role: &RoleName| match named.iter().find(|(name, _)| name == role) {
        Some((_, folder)) => without_links(folder),
        None => service.join(role.as_str()),
    };
    let mut components: BTreeSet<PathBuf> = workshop.all_roles().iter().map(folder).collect();
    components.insert(service.to_owned());
    Places { files: all, components }
}

/// The folders where something can change that matters.
fn folders(workshop: &Workshop, places: &Places) -> Vec<PathBuf> {
    let mut folders: BTreeSet<PathBuf> = places.components.clone();
    folders.extend(places.files.iter().filter_map(|file| file.parent().map(Path::to_owned)));
    let watched: BTreeSet<PathBuf> = workshop.roles().flat_map(|role| workshop.watched(role)).collect();
    for place in watched {
        match place.parent() {
            Some(folder) if !place.is_dir() => drop(folders.insert(folder.to_owned())),
            _ => folders.extend(below(&place, workshop)),
        }
    }
    folders.into_iter().collect()
}

/// The folder and those in it that may hold sources.
fn below(folder: &Path, workshop: &Workshop) -> Vec<PathBuf> {
    let (mut found, mut look) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = look.pop() {
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        look.extend(folders.map(|entry| entry.path()).filter(|path| !workshop.roles_of(path).is_empty()));
        found.push(folder);
    }
    found
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::new(format!("the roles cannot be built: {error}")))
}
