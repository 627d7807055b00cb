//! Building one component, for one role or for several.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;
use wasm_roles_service_model::RoleName;

use super::report::{Failed, Outcome, Progress, RoleReport};
use crate::fingerprint::{Contents, Digest};
use crate::language::{Language, Recipe};
use crate::process;
use crate::project::Project;
use crate::record::{Entry, Record};
use crate::tool::{ToolSearch, Tools};
use crate::workshop::{Place, RoleSources, Workshop};

/// How a component begins: the magic number, and the version and layer of components.
const COMPONENT: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
/// How a core module begins.
const CORE_MODULE: [u8; 8] = [0, b'a', b's', b'm', 1, 0, 0, 0];

/// What all jobs share.
pub(super) struct Shop<'a> {
    pub(super) workshop: &'a Workshop,
    pub(super) tools: &'a ToolSearch,
    /// Whether everything is built, also what has not changed.
    pub(super) fresh: bool,
    pub(super) record: Mutex<Record>,
    pub(super) told: &'a (dyn Fn(Progress<'_>) + Sync),
}

/// One component that is to be made.
pub(super) struct Job<'a> {
    project: &'a Project,
    language: Language,
    /// The roles that get it; at least one.
    roles: Vec<&'a RoleSources>,
}

/// What a component is to be made of.
struct Inputs {
    before: Contents,
    made_with: Vec<String>,
}

impl<'a> Job<'a> {
    /// One for each component that the roles need, in their order.
    pub(super) fn all(roles: &[&'a RoleSources]) -> VecDeque<Self> {
        let mut jobs: VecDeque<Self> = VecDeque::new();
        for sources in roles {
            let Place::Here(project, language) = &sources.place else { continue };
            let same = |job: &&mut Self| {
                job.project.source() == project.source() && job.project.profile() == project.profile()
            };
            match jobs.iter_mut().find(same) {
                Some(job) => job.roles.push(sources),
                None => jobs.push_back(Self { project, language: *language, roles: vec![sources] }),
            }
        }
        jobs
    }

    /// Makes the component, unless it is there.
    pub(super) fn perform(&self, shop: &Shop<'_>) -> Vec<RoleReport> {
        let outcome = self.outcome(shop).unwrap_or_else(Outcome::Failed);
        let report = |sources: &&RoleSources| RoleReport {
            role: sources.role.name.clone(),
            language: Some(self.language),
            component: shop.workshop.shown(&component_of(shop, sources)),
            outcome: outcome.clone(),
        };
        let reports: Vec<RoleReport> = self.roles.iter().map(report).collect();
        reports.iter().for_each(|report| (shop.told)(Progress::Ended(report)));
        reports
    }

    fn recipe(&self) -> &'static dyn Recipe {
        self.language.recipe()
    }

    fn outcome(&self, shop: &Shop<'_>) -> Result<Outcome, Failed> {
        let tools =
            self.recipe().tools(self.project, shop.tools).map_err(|missing| Failed::missing(&missing))?;
        let inputs = self.inputs(shop, &tools)?;
        if !shop.fresh && self.is_fresh(shop, &self.made_of(shop, &inputs, &self.known(shop))?) {
            return Ok(Outcome::Unchanged);
        }
        let folder = self.own_folder()?;
        let made = self.make(shop, &tools, &folder.path().join("component.wasm"))?;
        let read = self.read(shop, &made);
        // What tools have written by now, such as a lock file, belongs to what the next build will find.
        let made_of = self.made_of(shop, &inputs, &read)?;
        for sources in &self.roles {
            self.deliver(shop, &made, sources, &made_of, &read)?;
        }
        Ok(Outcome::Built)
    }

    /// A folder for this build and no other one: a tool of a build that was ended may still be at work.
    fn own_folder(&self) -> Result<TempDir, Failed> {
        let work = self.project.work();
        let made = fs::create_dir_all(&work)
            .and_then(|()| tempfile::Builder::new().prefix("build-").tempdir_in(&work));
        made.map_err(|error| unwritable(&work, &error))
    }

    /// What the last build of these roles has read beside what is known without it.
    fn known(&self, shop: &Shop<'_>) -> Vec<PathBuf> {
        let record = shop.record.lock().unwrap_or_else(PoisonError::into_inner);
        let of_roles = self.roles.iter().flat_map(|sources| record.read_for(&sources.role.name));
        of_roles.map(|path| self.project.service().join(path)).collect()
    }

    /// What this build has read beside what is known without it. What it made itself is not what it was made of.
    fn read(&self, shop: &Shop<'_>, made: &Path) -> Vec<PathBuf> {
        let (recipe, project) = (self.recipe(), self.project);
        let places = shop.workshop.made_of(project, self.language);
        let work = project.work();
        let read = recipe.also_read(project, made).into_iter();
        let read = read.filter_map(|path| project.source().join(path).canonicalize().ok());
        let is_news =
            |path: &PathBuf| !path.starts_with(&work) && !places.iter().any(|place| path.starts_with(place));
        read.filter(is_news).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn inputs(&self, shop: &Shop<'_>, tools: &Tools) -> Result<Inputs, Failed> {
        let recipe = self.recipe();
        let mut made_with = vec![
            self.language.name().to_owned(),
            recipe.revision().to_string(),
            self.project.profile().unwrap_or_default().to_owned(),
        ];
        made_with.extend(tools.iter().map(|(name, tool)| format!("{name} {}", tool.version)));
        Ok(Inputs { before: self.contents(shop, |name| !is_settled(recipe, name))?, made_with })
    }

    /// What the component is made of, with the files that tools write and those that they have `read` as they are now.
    fn made_of(&self, shop: &Shop<'_>, inputs: &Inputs, read: &[PathBuf]) -> Result<Digest, Failed> {
        let settled = self.contents(shop, |name| is_settled(self.recipe(), name))?;
        let read = Contents::read(read.iter().cloned()).map_err(unreadable)?;
        let all = inputs.before.clone().with(settled).with(read);
        Ok(all.fingerprint(self.project.service(), &inputs.made_with))
    }

    /// The sources whose names are admitted.
    fn contents(&self, shop: &Shop<'_>, admits: impl Fn(&Path) -> bool) -> Result<Contents, Failed> {
        let left_out = shop.workshop.left_out(self.language);
        let mut files = Vec::new();
        for place in shop.workshop.made_of(self.project, self.language) {
            let found = left_out.files(&place).map_err(|error| Failed {
                hints: vec!["what tools download and make does not belong among the sources".to_owned()],
                ..Failed::new(format!("the sources cannot be listed: {error}"))
            })?;
            files.extend(found.into_iter().filter(|file| admits(file)));
        }
        Contents::read(files).map_err(unreadable)
    }

    fn is_fresh(&self, shop: &Shop<'_>, made_of: &Digest) -> bool {
        let record = shop.record.lock().unwrap_or_else(PoisonError::into_inner);
        self.roles
            .iter()
            .all(|sources| record.is_fresh(&sources.role.name, made_of, &component_of(shop, sources)))
    }

    /// Runs the tools. The component lies where they have put it, which is `wanted` if they are told.
    fn make(&self, shop: &Shop<'_>, tools: &Tools, wanted: &Path) -> Result<PathBuf, Failed> {
        let steps = self.recipe().build(self.project, tools, wanted).map_err(|words| failed_with(&words))?;
        let roles: Vec<RoleName> = self.roles.iter().map(|sources| sources.role.name.clone()).collect();
        let mut printed = String::new();
        let mut said = String::new();
        for step in &steps {
            let typed = step.typed();
            (shop.told)(Progress::Runs { roles: &roles, language: self.language, command: &typed });
            if let Some(folder) = step.folder() {
                fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
            }
            let ran = process::run(step, self.project.source());
            let ran = ran.map_err(|error| Failed::new(format!("`{typed}` cannot be run: {error}")))?;
            ran.ended.map_err(|how| Failed {
                output: ran.said.clone(),
                ..Failed::new(format!("`{typed}` failed: {how}"))
            })?;
            (printed, said) = (ran.printed, ran.said);
        }
        let made = self.recipe().component(self.project, &printed, wanted);
        let made = made.and_then(|made| is_component(&made).map(|()| made));
        made.map_err(|words| Failed { output: said, ..failed_with(&words) })
    }

    /// Puts a copy where `run` looks for it, so that nobody ever sees a part of it.
    fn deliver(
        &self,
        shop: &Shop<'_>,
        made: &Path,
        sources: &RoleSources,
        made_of: &Digest,
        read: &[PathBuf],
    ) -> Result<(), Failed> {
        let place = component_of(shop, sources);
        let delivered = copy(made, &place).and_then(|()| {
            // Below the service by their places there, so that it can be moved.
            let service = self.project.service();
            let read = read.iter().map(|path| path.strip_prefix(service).unwrap_or(path).to_owned());
            let component = Digest::of_file(&place)?;
            let entry = Entry { made_of: made_of.clone(), component, read: read.collect() };
            let mut record = shop.record.lock().unwrap_or_else(PoisonError::into_inner);
            record.keep(&sources.role.name, entry)
        });
        delivered.map_err(|error| {
            Failed::new(format!("{} cannot be written: {error}", shop.workshop.shown(&place).display()))
        })
    }
}

fn is_settled(recipe: &dyn Recipe, path: &Path) -> bool {
    path.file_name().is_some_and(|name| recipe.settled().iter().any(|settled| name == *settled))
}

fn unreadable((file, error): (PathBuf, io::Error)) -> Failed {
    Failed::new(format!("{} cannot be read: {error}", file.display()))
}

fn unwritable(folder: &Path, error: &io::Error) -> Failed {
    Failed::new(format!("{} cannot be written: {error}", folder.display()))
}

fn component_of(shop: &Shop<'_>, sources: &RoleSources) -> PathBuf {
    shop.workshop.service().join(&sources.role.component)
}

/// What a recipe says: a sentence, and hints in lines of their own.
fn failed_with(words: &str) -> Failed {
    let mut lines = words.lines();
    let message = lines.next().unwrap_or_default().to_owned();
    Failed { hints: lines.map(|line| line.trim().to_owned()).collect(), ..Failed::new(message) }
}

/// Whether the file is a component, as far as its first bytes tell.
fn is_component(path: &Path) -> Result<(), String> {
    let mut begin = [0; 8];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut begin));
    match read {
        Ok(()) if begin == COMPONENT => Ok(()),
        Ok(()) if begin == CORE_MODULE => {
            Err("what the tool has made is a core module, and not a component".to_owned())
        }
        Ok(()) => Err("what the tool has made is no WebAssembly".to_owned()),
        Err(error) => Err(format!("the tool has made no component: {}: {error}", path.display())),
    }
}

fn copy(made: &Path, place: &Path) -> io::Result<()> {
    let folder = place.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".component-").tempfile_in(folder)?;
    io::copy(&mut File::open(made)?, &mut file)?;
    let readable = File::open(made)?.metadata()?.permissions();
    file.as_file().set_permissions(readable)?;
    file.persist(place)?;
    Ok(())
}
