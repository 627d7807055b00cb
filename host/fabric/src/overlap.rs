//! Folders that no role may see: the data folder, with what other instances keep, and the folder with private keys.
//!
//! A role sees its own folder, and what `Contents` copies into it ([`approot`](crate::approot), [`contents`](crate::contents)).
//! Both are compared with the folders that are nobody's to see, after symbolic links were followed:
//!
//! | | is the other folder | lies in the other folder | has the other folder in it |
//! |---|---|---|---|
//! | data folder, role's folder | refused | refused | refused |
//! | data folder, source of a content | refused | the copy leaves it out | refused |
//! | certificates, either | refused | refused | allowed: only files in the folder itself are certificates |
//!
//! The role's folder counts before it is there: the data folder is made later and may have its name. The definition's folder
//! does not count, since it is never shown.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use wasm_roles_service_plan::{Plan, RoleName, Span};

use crate::contents;
use crate::deployment::DeploymentOptions;
use crate::start_error::{Problem, StartError};

/// A role would see a folder that is not for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("role {role} could read {secret} {}: {}", folder.display(), because(*relation, seen, seen_at))]
pub struct FolderShown {
    /// The role.
    pub role: RoleName,
    /// What is in the folder.
    pub secret: Secret,
    /// The folder that is not for the role, as it was named.
    pub folder: PathBuf,
    /// How the role would see it.
    pub seen: Seen,
    /// The folder of the role, or the source of its content.
    pub seen_at: PathBuf,
    /// How the folders lie.
    pub relation: Relation,
}

/// A folder that is nobody's to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret {
    /// What all instances keep.
    Data,
    /// Private keys of all roles.
    Certificates,
}

/// By way of what a role sees a folder of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Its own folder.
    Approot,
    /// A copy, which the definition asks for here.
    Content(Span),
}

/// How a folder that is not for a role lies to one that the role sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// They are one folder.
    Same,
    /// It lies in the one that the role sees.
    Inside,
    /// The one that the role sees lies in it.
    Around,
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Data => "the data folder",
            Self::Certificates => "the folder with certificates",
        })
    }
}

fn because(relation: Relation, seen: &Seen, seen_at: &Path) -> String {
    let seen = match seen {
        Seen::Approot => format!("the role's folder {}", seen_at.display()),
        Seen::Content(span) => format!("the source of the role's content at {span}, {}", seen_at.display()),
    };
    match relation {
        Relation::Same => format!("it is {seen}"),
        Relation::Inside => format!("it lies in {seen}"),
        Relation::Around => format!("in it lies {seen}"),
    }
}

impl FolderShown {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        let flag = match self.secret {
            Secret::Data => "--data-dir",
            Secret::Certificates => "--certificates",
        };
        let other_way = match &self.seen {
            Seen::Approot => format!("give role {} a folder with nothing but its own files", self.role),
            Seen::Content(_) => "name a source with nothing but the content".to_owned(),
        };
        format!("name a folder elsewhere with `{flag} DIR`, or {other_way}")
    }
}

/// How `secret` lies to `seen` when the role must not see it so. Both paths are canonical.
fn forbidden(kind: Secret, secret: &Path, seen_as: &Seen, seen: &Path) -> Option<Relation> {
    let relation = match (secret.starts_with(seen), seen.starts_with(secret)) {
        (true, true) => Relation::Same,
        (true, false) => Relation::Inside,
        (false, true) => Relation::Around,
        (false, false) => return None,
    };
    match (kind, relation, seen_as) {
        (Secret::Data, Relation::Inside, Seen::Content(_)) | (Secret::Certificates, Relation::Around, _) => {
            None
        }
        _ => Some(relation),
    }
}

/// Whether no role sees what it should not.
///
/// # Errors
///
/// A [`FolderShown`] for each role, each folder and each way.
pub(crate) async fn check(plan: &Arc<Plan>, options: &DeploymentOptions) -> Result<(), StartError> {
    let (plan, options) = (Arc::clone(plan), options.clone());
    let checking = tokio::task::spawn_blocking(move || shown(&plan, &options));
    // An error only when the tokio runtime shuts down.
    let shown = checking.await.unwrap_or_default();
    if shown.is_empty() { Ok(()) } else { Err(StartError::new(shown.into_iter().map(Problem::FolderShown))) }
}

fn shown(plan: &Plan, options: &DeploymentOptions) -> Vec<FolderShown> {
    let certificates = options.certificates.folder.as_ref().map(|folder| folder.path());
    let secrets: Vec<_> = std::iter::once((Secret::Data, options.data_folder.as_path()))
        .chain(certificates.map(|folder| (Secret::Certificates, folder)))
        .map(|(secret, folder)| (secret, folder, canonical(folder)))
        .collect();
    let mut found = Vec::new();
    for role in &plan.roles {
        let own = (Seen::Approot, options.approots.own_folder(&role.name));
        let contents = contents::sources(role, options.approots.definition_folder());
        let contents = contents.map(|(span, source)| (Seen::Content(span), source));
        for (seen, seen_at) in std::iter::once(own).chain(contents) {
            let seen_canonical = canonical(&seen_at);
            found.extend(secrets.iter().filter_map(|(secret, folder, canonical)| {
                let relation = forbidden(*secret, canonical, &seen, &seen_canonical)?;
                Some(FolderShown {
                    role: role.name.clone(),
                    secret: *secret,
                    folder: (*folder).to_owned(),
                    seen: seen.clone(),
                    seen_at: seen_at.clone(),
                    relation,
                })
            }));
        }
    }
    found
}

/// `path` without symbolic links and `..`. What is not there yet will be made of folders, not of links.
fn canonical(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = path.ancestors().find_map(|there| Some((there, there.canonicalize().ok()?)));
    let Some((there, mut canonical)) = there else { return path };
    for part in path.strip_prefix(there).unwrap_or(Path::new("")).components() {
        match part {
            Component::ParentDir => {
                canonical.pop();
            }
            Component::Normal(name) => canonical.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    canonical
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Seen {
        Seen::Content(Span { source: "Svc.csdef".into(), line: 3, column: 5, len: 1 })
    }

    #[test]
    fn folders_that_a_role_sees_are_apart_from_those_that_it_must_not_see() {
        use Relation::{Around, Inside, Same};
        use Secret::{Certificates, Data};
        let cases = [
            // secret, where it is, what the role sees: as its folder, as a content
            (Data, "/svc/Web", "/svc/Web", Some(Same), Some(Same)),
            (Data, "/svc/Web/data", "/svc/Web", Some(Inside), None),
            (Data, "/svc/data", "/svc/data/Web_IN_0/Store", Some(Around), Some(Around)),
            (Data, "/svc/var/data", "/svc/Web", None, None),
            (Data, "/svc/Web2", "/svc/Web", None, None),
            (Certificates, "/svc/Web", "/svc/Web", Some(Same), Some(Same)),
            (Certificates, "/svc/Web/a/certs", "/svc/Web", Some(Inside), Some(Inside)),
            (Certificates, "/svc", "/svc/Web", None, None),
            (Certificates, "/svc/certs", "/svc/Web", None, None),
        ];
        for (kind, secret, seen, as_folder, as_content) in cases {
            let relation = |way| forbidden(kind, Path::new(secret), &way, Path::new(seen));
            assert_eq!(relation(Seen::Approot), as_folder, "{kind:?} {secret} {seen}");
            assert_eq!(relation(content()), as_content, "{kind:?} {secret} {seen} as content");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_what_is_not_there_counts_too() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("Web/deep")).unwrap();
        std::os::unix::fs::symlink("Web", root.join("link")).unwrap();
        for (path, meant) in [
            ("Web/deep", "Web/deep"),
            ("link/deep", "Web/deep"),
            ("link/new/data", "Web/new/data"),
            ("Web/deep/../x", "Web/x"),
            ("new/../Web/data", "Web/data"),
        ] {
            assert_eq!(canonical(&root.join(path)), root.join(meant), "{path}");
        }
    }
}
