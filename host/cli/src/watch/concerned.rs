//! What a save concerns: the roles whose sources it has changed, a component, the definition, the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use wasm_roles_service_plan::RoleName;
use wasm_roles_workshop::Workshop;

use super::eyes::Saved;

/// What a save concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concerned {
    /// Roles to build.
    pub roles: BTreeSet<RoleName>,
    /// A file of them that was saved, for people.
    pub because: Option<PathBuf>,
    /// Some component is another one, and this program has not made it.
    pub components: bool,
    /// The definition or the configuration was saved, or `build.toml`, which says where sources are.
    pub files: bool,
}

/// Where the files of a service are that are no sources. Without links, as they are watched.
#[derive(Clone, Debug)]
pub struct Places {
    /// The definition, the configurations that it could have, `build.toml`.
    pub files: BTreeSet<PathBuf>,
    /// The folders of components.
    pub components: BTreeSet<PathBuf>,
}

impl Concerned {
    /// What this save concerns. `components` knows which components this program has seen.
    pub fn by(saved: &Saved, workshop: &Workshop, places: &Places, components: &mut Components) -> Self {
        if saved.anything {
            let roles = workshop.roles().cloned().collect();
            return Self { roles, because: None, components: components.look_at_all(places), files: true };
        }
        let mut concerned = Self::default();
        for path in &saved.paths {
            let roles = workshop.roles_of(path);
            if !roles.is_empty() && concerned.because.is_none() {
                concerned.because = Some(path.clone());
            }
            concerned.roles.extend(roles);
            concerned.files |= places.files.contains(path);
            if path.parent().is_some_and(|folder| places.components.contains(folder)) && is_component(path) {
                concerned.components |= components.is_news(path);
            }
        }
        concerned
    }
}

fn is_component(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "wasm")
}

/// The components as they were when they were last looked at.
#[derive(Debug, Default)]
pub struct Components(BTreeMap<PathBuf, Option<Stamp>>);

type Stamp = (u64, SystemTime);

impl Components {
    /// Looks at all components that are there; says whether one of them is another one than before.
    pub fn look_at_all(&mut self, places: &Places) -> bool {
        let entries =
            places.components.iter().flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten());
        let paths: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(|path| is_component(path)).collect();
        let news: Vec<bool> = paths.iter().map(|path| self.is_news(path)).collect();
        news.contains(&true)
    }

    /// Looks at a component; says whether it is another one than before. One that is gone is none, since what runs goes on.
    pub fn is_news(&mut self, path: &Path) -> bool {
        let metadata = std::fs::metadata(path).ok();
        let stamp = metadata.and_then(|metadata| Some((metadata.len(), metadata.modified().ok()?)));
        let before = self.0.insert(path.to_owned(), stamp);
        stamp.is_some() && before.flatten() != stamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const DEFINITION: &str = r#"<ServiceDefinition name="Svc" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition">
        <WorkerRole name="Worker" /><WorkerRole name="Other" /></ServiceDefinition>"#;

    struct Service {
        folder: tempfile::TempDir,
        workshop: Workshop,
        places: Places,
        components: Components,
    }

    /// Two roles with sources in Rust, and the component of one of them.
    fn service() -> Service {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::write(root.join("S.csdef"), DEFINITION).unwrap();
        for role in ["Worker", "Other"] {
            let source = root.join("roles").join(role);
            fs::create_dir_all(source.join("src")).unwrap();
            fs::write(source.join("Cargo.toml"), format!("[package]\nname = \"{}\"\n", role.to_lowercase()))
                .unwrap();
            fs::create_dir(root.join(role)).unwrap();
        }
        fs::write(root.join("Worker/Worker.wasm"), "one").unwrap();
        let places = Places {
            files: BTreeSet::from([root.join("S.csdef")]),
            components: BTreeSet::from([root.join("Worker"), root.join("Other")]),
        };
        let mut components = Components::default();
        components.look_at_all(&places);
        let workshop = Workshop::open(&root.join("S.csdef")).unwrap();
        Service { folder, workshop, places, components }
    }

    impl Service {
        fn by(&mut self, paths: &[&str]) -> Concerned {
            let root = self.folder.path().canonicalize().unwrap();
            let paths = paths.iter().map(|path| root.join(path)).collect();
            Concerned::by(
                &Saved { paths, anything: false },
                &self.workshop,
                &self.places,
                &mut self.components,
            )
        }
    }

    fn names(concerned: &Concerned) -> Vec<&str> {
        concerned.roles.iter().map(RoleName::as_str).collect()
    }

    #[test]
    fn sources_concern_their_role_and_what_tools_make_concerns_nobody() {
        let mut service = service();
        let one = service.by(&["roles/Worker/src/lib.rs", "roles/Worker/target/debug/x"]);
        assert_eq!((names(&one), one.files, one.components), (vec!["Worker"], false, false));
        assert!(one.because.unwrap().ends_with("roles/Worker/src/lib.rs"));
        let both = service.by(&["roles/Worker/Cargo.toml", "roles/Other/src/new.rs"]);
        assert_eq!(names(&both), ["Other", "Worker"]);
        let nobody =
            service.by(&["roles/Other/target/x", "README.md", "roles/Other/.git/index", "Worker/notes.txt"]);
        assert_eq!(nobody, Concerned::default());
    }

    #[test]
    fn a_component_that_was_not_seen_yet_is_news_once() {
        let mut service = service();
        assert!(!service.by(&["Worker/Worker.wasm"]).components, "it is as it was at the start");
        fs::write(service.folder.path().join("Worker/Worker.wasm"), "another").unwrap();
        assert!(service.by(&["Worker/Worker.wasm"]).components);
        assert!(!service.by(&["Worker/Worker.wasm"]).components);
        fs::remove_file(service.folder.path().join("Worker/Worker.wasm")).unwrap();
        assert!(!service.by(&["Worker/Worker.wasm"]).components, "what runs goes on");
        fs::write(service.folder.path().join("Other/Other.wasm"), "somebody else's").unwrap();
        assert!(service.components.look_at_all(&service.places), "built by another process meanwhile");
        assert!(!service.components.look_at_all(&service.places));
    }

    #[test]
    fn the_definition_is_no_source_and_too_many_changes_concern_everything() {
        let mut service = service();
        let concerned = service.by(&["S.csdef"]);
        assert_eq!((names(&concerned).len(), concerned.files), (0, true));
        let saved = Saved { anything: true, ..Saved::default() };
        let all = Concerned::by(&saved, &service.workshop, &service.places, &mut service.components);
        assert_eq!((names(&all), all.files, all.components), (vec!["Other", "Worker"], true, false));
    }
}
