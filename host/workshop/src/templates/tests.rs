//! Every template of every language.

use super::*;
use wasm_roles_service_model::{Options, Severity, Source, load};

fn new(language: Language, template: Template) -> NewService {
    NewService { name: NewName::new("Corner-Shop").unwrap(), language, template }
}

fn all() -> impl Iterator<Item = NewService> {
    Language::ALL.into_iter().flat_map(|language| Template::ALL.map(|template| new(language, template)))
}

fn text(files: &BTreeMap<String, Vec<u8>>, place: &str) -> String {
    let contents = files.get(place).unwrap_or_else(|| panic!("{place} is not among {:?}", files.keys()));
    String::from_utf8(contents.clone()).unwrap()
}

#[test]
fn everything_that_an_sdk_is_made_of_is_there() {
    assert_eq!(MISSING, [""; 0]);
}

#[test]
fn definition_and_configuration_are_without_a_problem() {
    for service in all() {
        let files = service.files();
        let source = |place: &str| Source { name: place.to_owned(), text: text(&files, place) };
        let outcome = load(
            &source("ServiceDefinition.csdef"),
            Some(&source("ServiceConfiguration.cscfg")),
            &Options { strict: true, ..Options::default() },
        );
        let said: Vec<_> = outcome.diagnostics.iter().filter(|one| one.severity != Severity::Note).collect();
        assert!(said.is_empty(), "{service:?}: {said:?}");
        let model = outcome.model.unwrap();
        let roles: Vec<&str> = model.roles().iter().map(|role| role.name.as_str()).collect();
        assert_eq!(roles, service.template.roles(), "{service:?}");
    }
}

#[test]
fn every_role_has_sources_of_the_language() {
    for service in all() {
        let files = service.files();
        for role in service.template.roles() {
            let manifests = service.language.recipe().manifests();
            assert!(
                manifests.iter().any(|manifest| files.contains_key(&format!("roles/{role}/{manifest}"))),
                "{service:?} has no manifest of {role} among {:?}",
                files.keys()
            );
        }
        let others = files.keys().filter_map(|place| place.strip_prefix("roles/")?.split_once('/'));
        let others: Vec<&str> = others.map(|(role, _)| role).collect();
        assert!(others.iter().all(|role| service.template.roles().contains(role)), "{service:?}: {others:?}");
    }
}

#[test]
fn no_placeholder_is_left_and_no_file_of_the_template_itself() {
    for service in all() {
        for (place, contents) in service.files() {
            assert!(!place.contains("dot-") && !place.ends_with("sdk.files"), "{place}");
            if place.starts_with("sdk/") {
                continue;
            }
            let text = String::from_utf8(contents).unwrap();
            for placeholder in ["name", "package", "module", "language", "about", "left-out"] {
                assert!(
                    !text.contains(&format!("{{{{{placeholder}}}}}")),
                    "{placeholder} in {place} of {service:?}"
                );
            }
        }
    }
}

#[test]
fn the_readme_says_how_to_begin_and_what_the_language_needs() {
    for service in all() {
        let files = service.files();
        let readme = text(&files, "README.md");
        assert!(readme.starts_with("# Corner-Shop\n"), "{readme}");
        for words in ["wasm-roles build", "wasm-roles run", "### Tests", "### The SDK"] {
            assert!(readme.contains(words), "{words} is not in the README of {service:?}");
        }
        let sdk = format!("sdk/{}/", service.language.name());
        assert!(files.keys().any(|place| place.starts_with(&sdk)), "{service:?} has no SDK");
        let ignored = text(&files, ".gitignore");
        assert!(ignored.contains("/*/*.wasm"));
        for left_out in service.language.recipe().left_out() {
            assert!(ignored.lines().any(|line| line == *left_out), "{left_out} is not in {ignored}");
        }
    }
}

#[test]
fn the_manifest_of_the_rust_sdk_is_that_of_the_crate() {
    let files = new(Language::Rust, Template::Worker).files();
    let written: toml::Table = text(&files, "sdk/rust/Cargo.toml").parse().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap().parse::<toml::Table>().unwrap();
    let (crates, workspace) = (read("guest-sdk/rust/Cargo.toml"), read("Cargo.toml"));
    let workspace = workspace["workspace"].as_table().unwrap();
    for key in ["features", "example"] {
        assert_eq!(written[key], crates[key], "{key}");
    }
    for (name, value) in crates["dependencies"].as_table().unwrap() {
        assert_eq!(value.get("workspace"), Some(&toml::Value::Boolean(true)), "{name}");
        assert_eq!(written["dependencies"][name], workspace["dependencies"][name], "{name}");
    }
    assert_eq!(
        written["dependencies"].as_table().unwrap().len(),
        crates["dependencies"].as_table().unwrap().len()
    );
    for (key, value) in workspace["package"].as_table().unwrap() {
        assert_eq!(written["package"][key], *value, "{key}");
    }
}

#[test]
fn nothing_is_overwritten_and_nothing_half_made_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let service = new(Language::Rust, Template::Web);
    let there = folder.path().join("there");
    fs::create_dir(&there).unwrap();
    assert!(matches!(service.make(&there), Err(NewError::Exists { .. })));
    assert_eq!(fs::read_dir(&there).unwrap().count(), 0);
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    assert!(matches!(service.make(&file), Err(NewError::Exists { .. })));
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    let deep = folder.path().join("a/b");
    assert!(matches!(service.make(&deep), Err(NewError::NoFolder { folder }) if folder.ends_with("a")));

    let made = folder.path().join("made");
    service.make(&made).unwrap();
    assert!(made.join(".gitignore").is_file() && made.join("roles/Web/src/lib.rs").is_file());
}
