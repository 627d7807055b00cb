//! `Contents`: what is copied into a role's folder before the deployment starts (facts: section 2.8).
//!
//! A role with `Contents` gets a folder of its own in the deployment's data folder, `wasm-roles-approot/<RoleName>`: first a copy of the
//! role's folder, then each content in the order of the definition, a later file in place of an earlier one. It is made
//! afresh for each deployment and is the role's folder from then on. Nobody's own folder is written to. An upgrade makes folders of its
//! own in `wasm-roles-approot/<generation>`, since instances of both generations read theirs: no role has a number for a name.
//!
//! | the definition says | it means |
//! |---|---|
//! | `destination="tools"` | `tools` in the role's folder; it cannot lead out of it |
//! | `SourceDirectory path="files"` | `files` beside the definition; it cannot lead out of the definition's folder, neither by `..` nor by a symbolic link |
//! | an absolute path | that folder: who writes one means it. Symbolic links in it cannot lead out of it |
//!
//! Definitions come from elsewhere and should not be able to show a role what its author could not name. So what leads out is
//! refused, with the place in the definition; links to folders are refused too, since they can go round in circles. In the
//! copy of the role's own folder such links are left out: a role could not follow them in the folder itself.
//! Variables of the machine (`%NAME%`) are not replaced: the path has to be written out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wasm_roles_service_plan::{Content, Plan, PlannedRole, RoleName, Span, path_inside};

use crate::approot::Approots;
use crate::copies::{Copies, Copying};
use crate::removal::remove_tree;
use crate::start_error::StartError;
use crate::version;

/// Where the folders are put together, below the data folder. What is there is replaced, so nobody else's folder should
/// have this name.
pub(crate) const FOLDER: &str = "wasm-roles-approot";

/// A content of a role cannot be copied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{span}: the content of role {role} cannot be copied: {problem}")]
pub struct ContentError {
    /// The role.
    pub role: RoleName,
    /// Where the definition declares the content, or the role when its own folder cannot be copied.
    pub span: Span,
    /// Why.
    pub problem: ContentProblem,
}

/// Why a content cannot be copied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentProblem {
    /// `destination` is absolute or has `..`.
    #[error("its destination `{0}` leads out of the role's folder")]
    DestinationOutside(String),
    /// The relative path of the source leads out of the definition's folder.
    #[error("its source `{0}` leads out of the definition's folder")]
    SourceOutside(String),
    /// The source names a variable of the machine.
    #[error("its source `{0}` names a variable, and variables are not replaced")]
    Variable(String),
    /// A symbolic link leads out of the source, or to a folder.
    #[error("{} is a symbolic link that leads out of the source or to a folder", .0.display())]
    Link(PathBuf),
    /// Something is neither a file nor a folder.
    #[error("{} is neither a file nor a folder", .0.display())]
    Special(PathBuf),
    /// The file system refuses something.
    #[error("{}: {reason}", path.display())]
    Io {
        /// With which file or folder.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
}

impl ContentError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match &self.problem {
            ContentProblem::DestinationOutside(_) => Some("name a folder relative to the role's folder"),
            ContentProblem::SourceOutside(_) => {
                Some("name a folder beside the definition or below it, or give an absolute path")
            }
            ContentProblem::Variable(_) => Some("write the path out"),
            ContentProblem::Link(_) => Some("put the files themselves there"),
            ContentProblem::Special(_) | ContentProblem::Io { .. } => None,
        }
    }
}

/// Puts together the folders of all roles with contents, below `data_folder`.
///
/// # Errors
///
/// The first problem of each role.
pub(crate) async fn gather(
    plan: &Plan,
    approots: &mut Approots,
    data_folder: &Path,
    generation: u32,
    copies: &Copies,
) -> Result<(), StartError> {
    let folder = data_folder.join(FOLDER);
    let folder = if generation == version::FIRST {
        // An error only when the tokio runtime shuts down.
        drop(copies.spawn(move |_| forget_generations(&folder)).await);
        data_folder.join(FOLDER)
    } else {
        folder.join(generation.to_string())
    };
    let gathering: Vec<_> = plan
        .roles
        .iter()
        .filter(|role| !role.contents.is_empty())
        .map(|role| {
            let building = Building {
                role: role.clone(),
                own: approots.folder(&role.name, Path::is_dir),
                definition: approots.definition_folder().to_owned(),
                data: data_folder.to_owned(),
                folder: folder.join(role.name.as_str()),
            };
            copies.spawn(move |copying| building.build(copying))
        })
        .collect();
    let mut problems = Vec::new();
    for gathered in gathering {
        match gathered.await {
            Ok(Ok((role, folder))) => approots.build(role, folder),
            Ok(Err(error)) => problems.push(error),
            // Only when the tokio runtime shuts down.
            Err(_) => {}
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(StartError::new(problems)) }
}

/// The folders that were put together for a generation, or begun to be.
pub(crate) fn folders(data_folder: &Path, generation: u32, approots: &Approots) -> Vec<PathBuf> {
    if generation == version::FIRST {
        approots.built().map(Path::to_owned).collect()
    } else {
        vec![data_folder.join(FOLDER).join(generation.to_string())]
    }
}

/// The folders that were put together for a generation and that the one after it does not use.
pub(crate) fn left_behind(
    data_folder: &Path,
    generation: u32,
    approots: &Approots,
    next: &Approots,
) -> Vec<PathBuf> {
    let ours = data_folder.join(FOLDER);
    let is_used = |folder: &Path| next.built().any(|used| used.starts_with(folder));
    let built = approots.built().filter(|folder| folder.starts_with(&ours)).map(Path::to_owned);
    let whole =
        if generation == version::FIRST { Vec::new() } else { folders(data_folder, generation, approots) };
    built.chain(whole).filter(|folder| !is_used(folder)).collect()
}

/// The folders that were put together for a generation, and that it does not use: its roles go on with those that they had.
pub(crate) fn not_needed(
    data_folder: &Path,
    generation: u32,
    kept: impl Iterator<Item = RoleName>,
) -> Vec<PathBuf> {
    let folder = data_folder.join(FOLDER).join(generation.to_string());
    kept.map(|role| folder.join(role.as_str())).collect()
}

/// Removes what upgrades of an earlier run have left in this folder. What cannot be removed stays.
fn forget_generations(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_number = |name: &std::ffi::OsStr| name.to_str().is_some_and(|name| name.parse::<u32>().is_ok());
    for entry in entries.filter(|entry| is_number(&entry.file_name())) {
        let _ = remove_tree(&entry.path());
    }
}

/// The folder of one role, to be put together. All of it blocks.
struct Building {
    role: PlannedRole,
    own: Option<PathBuf>,
    definition: PathBuf,
    /// The deployment's data folder: what it keeps for instances is not part of anybody's content.
    data: PathBuf,
    folder: PathBuf,
}

impl Building {
    fn build(self, copying: &Copying) -> Result<(RoleName, PathBuf), ContentError> {
        let problem = |span: &Span| {
            let (role, span) = (self.role.name.clone(), span.clone());
            move |problem| ContentError { role, span, problem }
        };
        self.begin(copying).map_err(problem(&self.role.span))?;
        for content in &self.role.contents {
            self.add(content, copying).map_err(problem(&content.span))?;
        }
        Ok((self.role.name, self.folder))
    }

    fn begin(&self, copying: &Copying) -> Result<(), ContentProblem> {
        remove_tree(&self.folder).map_err(|error| refused(&self.folder, &error))?;
        fs::create_dir_all(&self.folder).map_err(|error| refused(&self.folder, &error))?;
        let Some(own) = &self.own else { return Ok(()) };
        let own = canonical(own)?;
        self.copy(&own, &own, &self.folder, Links::LeaveOut, copying)
    }

    fn add(&self, content: &Content, copying: &Copying) -> Result<(), ContentProblem> {
        let outside = || ContentProblem::DestinationOutside(content.destination.clone());
        let target = self.folder.join(path_inside(&content.destination).ok_or_else(outside)?);
        let source = source(&content.source_directory)?;
        let (from, root) = match source {
            Source::Absolute(path) => {
                let path = canonical(&path)?;
                (path.clone(), path)
            }
            Source::BesideDefinition(path) => {
                (canonical(&self.definition.join(path))?, canonical(&self.definition)?)
            }
        };
        if !from.starts_with(&root) {
            return Err(ContentProblem::SourceOutside(content.source_directory.clone()));
        }
        self.copy(&from, &root, &target, Links::Refuse, copying)
    }

    /// Copies what is in the folder `from`, until nobody wants it any more. Symbolic links to files in `root` are copied as those
    /// files.
    fn copy(
        &self,
        from: &Path,
        root: &Path,
        to: &Path,
        links: Links,
        copying: &Copying,
    ) -> Result<(), ContentProblem> {
        let data = canonical(&self.data)?;
        let mut folders = vec![(from.to_owned(), to.to_owned())];
        while let Some((from, to)) = folders.pop() {
            fs::create_dir_all(&to).map_err(|error| refused(&to, &error))?;
            for entry in fs::read_dir(&from).map_err(|error| refused(&from, &error))? {
                if copying.is_given_up() {
                    return Ok(());
                }
                let entry = entry.map_err(|error| refused(&from, &error))?;
                let (path, target) = (entry.path(), to.join(entry.file_name()));
                let kind = entry.file_type().map_err(|error| refused(&path, &error))?;
                if kind.is_dir() {
                    if path != data {
                        folders.push((path, target));
                    }
                } else if kind.is_file() {
                    copy_file(&path, &target)?;
                } else if kind.is_symlink() {
                    match followed(&path, root) {
                        Some(file) => copy_file(&file, &target)?,
                        None if links == Links::LeaveOut => {}
                        None => return Err(ContentProblem::Link(path)),
                    }
                } else if links == Links::Refuse {
                    return Err(ContentProblem::Special(path));
                }
            }
        }
        Ok(())
    }
}

/// What to do with a symbolic link that cannot be copied as a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    LeaveOut,
    Refuse,
}

/// The folders that the contents of a role are copied from, with the place of each content. `definition` is the
/// definition's folder. Sources that cannot be used are left out: [`gather`] tells of them.
pub(crate) fn sources(role: &PlannedRole, definition: &Path) -> impl Iterator<Item = (Span, PathBuf)> {
    role.contents.iter().filter_map(move |content| {
        let folder = match source(&content.source_directory).ok()? {
            Source::Absolute(path) => path,
            Source::BesideDefinition(path) => definition.join(path),
        };
        Some((content.span.clone(), folder))
    })
}

/// A source directory, as the definition means it.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    Absolute(PathBuf),
    BesideDefinition(PathBuf),
}

fn source(text: &str) -> Result<Source, ContentProblem> {
    if text.split('%').count() > 2 {
        return Err(ContentProblem::Variable(text.to_owned()));
    }
    if Path::new(text).is_absolute() {
        return Ok(Source::Absolute(text.into()));
    }
    let inside = path_inside(text).ok_or_else(|| ContentProblem::SourceOutside(text.to_owned()))?;
    Ok(Source::BesideDefinition(inside))
}

/// The file that a link leads to, when it is one in `root`.
fn followed(link: &Path, root: &Path) -> Option<PathBuf> {
    fs::canonicalize(link).ok().filter(|file| file.starts_with(root) && file.is_file())
}

fn copy_file(from: &Path, to: &Path) -> Result<(), ContentProblem> {
    // An earlier file may be read-only, since copies keep that.
    match fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(refused(to, &error)),
        _ => {}
    }
    fs::copy(from, to).map(drop).map_err(|error| refused(from, &error))
}

fn canonical(path: &Path) -> Result<PathBuf, ContentProblem> {
    fs::canonicalize(path).map_err(|error| refused(path, &error))
}

fn refused(path: &Path, error: &io::Error) -> ContentProblem {
    ContentProblem::Io { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_plans::plan_of;
    use std::collections::BTreeMap;

    /// Gathers these `Content` elements for role W of the definition in `folder`.
    async fn gathered(folder: &Path, contents: &str) -> Result<BTreeMap<String, String>, String> {
        let plan = plan_of(
            &format!(r#"<WorkerRole name="W"><Contents>{contents}</Contents></WorkerRole>"#),
            r#"<Role name="W"><Instances count="1" /></Role>"#,
        );
        let mut approots = Approots::beside(folder);
        gather(&plan, &mut approots, &folder.join("data"), version::FIRST, &Copies::new())
            .await
            .map_err(|error| error.to_string())?;
        let built = approots.folder(&plan.roles[0].name, Path::is_dir).unwrap();
        assert_eq!(built, folder.join("data").join(FOLDER).join("W"));
        let mut files = BTreeMap::new();
        let mut folders = vec![built.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&built).unwrap().to_string_lossy().into_owned();
                    files.insert(name, fs::read_to_string(&path).unwrap());
                }
            }
        }
        Ok(files)
    }

    fn content(destination: &str, source: &str) -> String {
        format!(r#"<Content destination="{destination}"><SourceDirectory path="{source}" /></Content>"#)
    }

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn files(expected: &[(&str, &str)]) -> Result<BTreeMap<String, String>, String> {
        Ok(expected.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }

    #[tokio::test]
    async fn contents_are_copied_over_the_roles_own_folder_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let svc = folder.path();
        write(&svc.join("W/own.txt"), "own");
        write(&svc.join("W/tools/a.txt"), "of the role");
        write(&svc.join("one/a.txt"), "of one");
        write(&svc.join("one/deep/er/b.txt"), "deep");
        write(&svc.join("two/deep/er/b.txt"), "of two");
        let contents =
            content("tools", "one") + &content(r".\tools", r"two") + &content("flat", r"one\deep\er");
        let expected = files(&[
            ("own.txt", "own"),
            ("tools/a.txt", "of one"),
            ("tools/deep/er/b.txt", "of two"),
            ("flat/b.txt", "deep"),
        ]);
        assert_eq!(gathered(svc, &contents).await, expected);
        // What an earlier deployment left there is not part of the next one.
        write(&svc.join("data").join(FOLDER).join("W/old.txt"), "old");
        assert_eq!(gathered(svc, &contents).await, expected);
        assert_eq!(fs::read_to_string(svc.join("W/tools/a.txt")).unwrap(), "of the role");
    }

    #[tokio::test]
    async fn the_definitions_folder_can_be_a_source_without_the_copies_in_it() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("a.txt"), "a");
        write(&folder.path().join("data").join(FOLDER).join("W/old.txt"), "old");
        assert_eq!(gathered(folder.path(), &content("all", ".")).await, files(&[("all/a.txt", "a")]));
    }

    #[tokio::test]
    async fn an_absolute_source_is_taken_at_its_word() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(&elsewhere.path().join("a.txt"), "a");
        let contents = content("x", &elsewhere.path().display().to_string());
        assert_eq!(gathered(folder.path(), &contents).await, files(&[("x/a.txt", "a")]));
    }

    #[tokio::test]
    async fn what_leads_out_is_refused_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let svc = folder.path().join("svc");
        write(&folder.path().join("secret/key"), "secret");
        write(&svc.join("files/a.txt"), "a");
        let cases = [
            (content("x", "../secret"), "its source `../secret` leads out of the definition's folder"),
            (content("x", r"files\..\..\secret"), r"leads out of the definition's folder"),
            (content("../x", "files"), "its destination `../x` leads out of the role's folder"),
            (content("/x", "files"), "its destination `/x` leads out of the role's folder"),
            (content(r"C:\x", "files"), r"its destination `C:\x` leads out of the role's folder"),
            (content("x", r"%SRC%\files"), r"its source `%SRC%\files` names a variable"),
            (content("x", "nowhere"), "nowhere: No such file"),
        ];
        for (contents, words) in cases {
            let error = gathered(&svc, &contents).await.unwrap_err();
            assert!(error.starts_with("Svc.csdef:1:"), "{error}");
            assert!(error.contains(words), "{error}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_symbolic_link_is_copied_as_its_file_and_cannot_lead_out() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let svc = folder.path().join("svc");
        write(&folder.path().join("secret/key"), "secret");
        write(&svc.join("files/a.txt"), "a");
        symlink("a.txt", svc.join("files/b.txt")).unwrap();
        let good = files(&[("x/a.txt", "a"), ("x/b.txt", "a")]);
        assert_eq!(gathered(&svc, &content("x", "files")).await, good);

        symlink("../secret", svc.join("out")).unwrap();
        let error = gathered(&svc, &content("x", "out")).await.unwrap_err();
        assert!(error.contains("leads out of the definition's folder"), "{error}");
        for (name, target) in [("link", "../../secret/key"), ("round", ".")] {
            symlink(target, svc.join("files").join(name)).unwrap();
            let error = gathered(&svc, &content("x", "files")).await.unwrap_err();
            assert!(error.contains("is a symbolic link that leads out"), "{error}");
            fs::remove_file(svc.join("files").join(name)).unwrap();
        }
        // In the role's own folder it is as if they were not there.
        symlink("../../secret/key", svc.join("files/link")).unwrap();
        fs::rename(svc.join("files"), svc.join("W")).unwrap();
        fs::create_dir(svc.join("files")).unwrap();
        let own = files(&[("a.txt", "a"), ("b.txt", "a")]);
        assert_eq!(gathered(&svc, &content("x", "files")).await, own);
    }
}
