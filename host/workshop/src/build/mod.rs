//! Building roles: only what has changed, several at once, each with the tool of its language.
//!
//! What a component was made of is kept beside the service ([`record`](crate::record)): the same files, tools and recipe make the
//! same component, so nothing is run for it. Roles with the same sources are built once. A role that cannot be built keeps
//! no other one from being built.

mod job;
mod report;

use std::collections::VecDeque;
use std::fs::{self, File, TryLockError};
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use wasm_roles_service_model::{RoleName, nearest};

use crate::record::Record;
use crate::tool::ToolSearch;
use crate::workshop::{Place, RoleSources, Workshop, names};
use job::{Job, Shop};
pub use report::{BuildReport, Failed, Outcome, Progress, RoleReport};

/// How roles are built.
#[derive(Debug)]
pub struct BuildOptions {
    /// How many tools run at the same time. Default: as many as there are processors.
    pub at_once: NonZeroUsize,
    /// Builds also what has not changed. Default: no.
    pub fresh: bool,
    /// Where tools are. Default: where the variables of this process say.
    pub tools: ToolSearch,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            at_once: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            fresh: false,
            tools: ToolSearch::of_process(),
        }
    }
}

/// Why nothing is built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There is no such role.
    #[error("there is no role {role}")]
    UnknownRole {
        /// The role.
        role: RoleName,
        /// The roles of the definition.
        known: Vec<RoleName>,
    },
    /// The folder that remembers what was built cannot be used.
    #[error("{} cannot be written: {error}", folder.display())]
    OwnFolder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl BuildError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownRole { role, known } => {
                match nearest(role.as_str(), known.iter().map(RoleName::as_str)) {
                    Some(meant) => format!("did you mean {meant}?"),
                    None => format!("the roles are {}", names(known)),
                }
            }
            Self::OwnFolder { .. } => {
                "what was built from what is remembered there; make it writable".to_owned()
            }
        }
    }
}

impl Workshop {
    /// Builds these roles, or all of them when none is named. Returns when everything has ended; what happens meanwhile is told.
    ///
    /// Calls of this function for one service, in other processes too, wait for each other.
    ///
    /// # Errors
    ///
    /// See [`BuildError`]. That a role cannot be built is no error here but in the report.
    pub fn build(
        &self,
        roles: &[RoleName],
        options: &BuildOptions,
        told: &(dyn Fn(Progress<'_>) + Sync),
    ) -> Result<BuildReport, BuildError> {
        let wanted = self.wanted(roles)?;
        let (jobs, without): (Vec<&RoleSources>, Vec<&RoleSources>) =
            wanted.iter().partition(|sources| matches!(sources.place, Place::Here(..)));
        let mut reports: Vec<RoleReport> =
            without.into_iter().filter_map(|sources| self.without_sources(sources)).collect();
        reports.iter().for_each(|report| told(Progress::Ended(report)));
        if !jobs.is_empty() {
            let folder = self.own_folder();
            let cannot = |error| BuildError::OwnFolder { folder: self.shown(&folder), error };
            own_folder(&folder).map_err(cannot)?;
            // Given back when it goes out of scope.
            let _lock = lock(&folder, told).map_err(cannot)?;
            let shop = Shop {
                workshop: self,
                tools: &options.tools,
                fresh: options.fresh,
                record: Mutex::new(Record::read(&folder)),
                told,
            };
            reports.extend(at_once(&shop, Job::all(&jobs), options.at_once));
        }
        let order = |report: &RoleReport| wanted.iter().position(|one| one.role.name == report.role);
        reports.sort_by_key(order);
        Ok(BuildReport { roles: reports })
    }

    fn wanted(&self, roles: &[RoleName]) -> Result<Vec<&RoleSources>, BuildError> {
        let find = |role: &RoleName| self.roles.iter().find(|sources| sources.role.name == *role);
        if let Some(unknown) = roles.iter().find(|role| find(role).is_none()) {
            return Err(BuildError::UnknownRole { role: unknown.clone(), known: self.all_roles() });
        }
        let is_wanted = |sources: &&RoleSources| roles.is_empty() || roles.contains(&sources.role.name);
        Ok(self.roles.iter().filter(is_wanted).collect())
    }

    /// What there is to say about a role without sources; none when there are some.
    fn without_sources(&self, sources: &RoleSources) -> Option<RoleReport> {
        let component = self.shown(&self.service().join(&sources.role.component));
        let outcome = match &sources.place {
            Place::Here(..) => return None,
            Place::Nowhere(looked_in) => {
                let there = component.is_file();
                let looked_in = self.shown(looked_in);
                if there || sources.role.is_site {
                    Outcome::NotBuilt { looked_in, component_is_there: there }
                } else {
                    Outcome::Failed(Failed::no_sources(&looked_in, &component))
                }
            }
            Place::NoManifest(folder) => Outcome::Failed(Failed::no_manifest(&self.shown(folder))),
        };
        Some(RoleReport { role: sources.role.name.clone(), language: None, component, outcome })
    }
}

/// Makes the folder, which git is to ignore.
fn own_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let ignored = folder.join(".gitignore");
    if ignored.exists() { Ok(()) } else { fs::write(ignored, "*\n") }
}

/// Waits until nobody else builds this service.
fn lock(folder: &Path, told: &(dyn Fn(Progress<'_>) + Sync)) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(folder.join("lock"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            told(Progress::Waiting);
            file.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    Ok(file)
}

/// Does the jobs, so many at the same time.
fn at_once(shop: &Shop<'_>, jobs: VecDeque<Job<'_>>, most: NonZeroUsize) -> Vec<RoleReport> {
    let threads = jobs.len().min(most.get());
    let waiting = Mutex::new(jobs);
    let reports = Mutex::new(Vec::new());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(job) = next() {
                    let done = job.perform(shop);
                    reports.lock().unwrap_or_else(PoisonError::into_inner).extend(done);
                }
            });
        }
    });
    reports.into_inner().unwrap_or_else(PoisonError::into_inner)
}
