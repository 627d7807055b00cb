//! The folder of compiled components, with an engine of its own.

use std::cell::RefCell;
use std::fs::{self, FileTimes};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use wasmtime::Config;

use super::*;

/// The preamble of a component, and a custom section of the name "n" with these bytes: the same code, other content.
fn component(content: u8) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    bytes.extend_from_slice(&[0, 3, 1, b'n', content]);
    bytes
}

struct Bed {
    engine: Engine,
    folder: TempDir,
    news: RefCell<Vec<String>>,
}

impl Bed {
    fn new() -> Self {
        let engine = Engine::new(Config::new().wasm_component_model(true)).unwrap();
        Self { engine, folder: TempDir::new().unwrap(), news: RefCell::default() }
    }

    fn cache(&self, bound: u64) -> Compiled {
        Compiled::new(self.folder.path(), bound, &self.engine).unwrap()
    }

    /// Loads a component, and says what was told meanwhile.
    fn load(&self, cache: &Compiled, content: u8) -> Vec<String> {
        let bytes = component(content);
        let source = Source { file: Path::new("a.wasm"), bytes: &bytes, digest: Digest::of(&bytes) };
        let news = |news: CompileNews<'_>| {
            self.news.borrow_mut().push(match news {
                CompileNews::Begun { .. } => "compiled".to_owned(),
                CompileNews::Ended { .. } => return,
                CompileNews::Damaged { reason, .. } => format!("damaged: {reason}"),
                CompileNews::NotKept { reason, .. } => format!("not kept: {reason}"),
            });
        };
        cache.load(&self.engine, source, &news).unwrap();
        self.news.take()
    }

    fn entry(&self, cache: &Compiled, content: u8) -> Option<Entry> {
        Entry::find(&cache.own, &Digest::of(&component(content)))
    }

    fn size(&self, cache: &Compiled, content: u8) -> u64 {
        fs::metadata(self.entry(cache, content).unwrap().path()).unwrap().len()
    }

    /// Lets it look as if it had last been used so many seconds after some time long ago.
    fn used_at(&self, cache: &Compiled, content: u8, second: u64) {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + second);
        let file = fs::File::options().write(true).open(self.entry(cache, content).unwrap().path()).unwrap();
        file.set_times(FileTimes::new().set_modified(time)).unwrap();
    }
}

#[test]
fn a_component_is_compiled_once_whoever_loads_it_from_the_folder() {
    let bed = Bed::new();
    let cache = bed.cache(DEFAULT_CACHE_BYTES);
    assert!(!cache.has(&Digest::of(&component(1))));
    assert_eq!(bed.load(&cache, 1), ["compiled"]);
    assert!(cache.has(&Digest::of(&component(1))));
    assert!(bed.load(&cache, 1).is_empty());
    assert!(bed.load(&bed.cache(DEFAULT_CACHE_BYTES), 1).is_empty(), "another host");
    assert_eq!(bed.load(&cache, 2), ["compiled"], "other content");
}

#[test]
fn an_engine_with_other_settings_has_compiled_forms_of_its_own() {
    let bed = Bed::new();
    bed.load(&bed.cache(DEFAULT_CACHE_BYTES), 1);
    let engine = Engine::new(Config::new().wasm_component_model(true).epoch_interruption(true)).unwrap();
    let other = Bed { engine, ..bed };
    assert_eq!(other.load(&other.cache(DEFAULT_CACHE_BYTES), 1), ["compiled"]);
}

#[test]
fn a_damaged_form_is_told_of_and_compiled_again() {
    let bed = Bed::new();
    let cache = bed.cache(DEFAULT_CACHE_BYTES);
    bed.load(&cache, 1);
    let path = bed.entry(&cache, 1).unwrap().path().to_owned();
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for damaged in [&flipped[..], &whole[..whole.len() / 2], b""] {
        fs::write(&path, damaged).unwrap();
        assert_eq!(bed.load(&cache, 1), ["damaged: its content is not what was written", "compiled"]);
        assert_eq!(fs::read(&path).unwrap(), whole);
        assert!(bed.load(&cache, 1).is_empty());
    }
}

#[test]
fn a_form_that_is_not_for_this_engine_is_told_of_and_compiled_again() {
    let bed = Bed::new();
    let cache = bed.cache(DEFAULT_CACHE_BYTES);
    fs::create_dir_all(&cache.own).unwrap();
    Entry::write(&cache.own, &Digest::of(&component(1)), b"something else").unwrap();
    let news = bed.load(&cache, 1);
    assert!(news[0].starts_with("damaged: ") && news[1] == "compiled", "{news:?}");
    assert!(bed.load(&cache, 1).is_empty());
}

#[test]
fn a_folder_that_cannot_be_written_keeps_nobody_from_running() {
    let bed = Bed::new();
    // A file in the place of the folder.
    fs::write(bed.folder.path().join("components"), "").unwrap();
    let news = bed.load(&bed.cache(DEFAULT_CACHE_BYTES), 1);
    assert!(news[0] == "compiled" && news[1].starts_with("not kept: "), "{news:?}");
}

#[cfg(unix)]
#[test]
fn a_folder_that_others_can_write_to_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let bed = Bed::new();
    let cache = bed.cache(DEFAULT_CACHE_BYTES);
    bed.load(&cache, 1);
    for (folder, mode) in [(bed.folder.path(), 0o777), (&*cache.components, 0o775), (&*cache.own, 0o777)] {
        let usual = fs::metadata(folder).unwrap().permissions();
        fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
        let news = bed.load(&cache, 1);
        assert!(news[0].starts_with("not kept: other users can write to "), "{news:?}");
        assert!(news[1] == "compiled" && !cache.has(&Digest::of(&component(1))), "{news:?}");
        fs::set_permissions(folder, usual).unwrap();
    }
    assert!(bed.load(&cache, 1).is_empty());
}

#[test]
fn what_was_used_least_recently_makes_room() {
    let bed = Bed::new();
    let plenty = bed.cache(DEFAULT_CACHE_BYTES);
    for (content, second) in [(1, 10), (2, 20), (3, 30)] {
        bed.load(&plenty, content);
        bed.used_at(&plenty, content, second);
    }
    // Using it makes it the newest of them.
    bed.load(&plenty, 1);
    let three = 3 * bed.size(&plenty, 1);
    let tight = bed.cache(three);
    bed.load(&tight, 4);
    let there: Vec<bool> = (1..=4).map(|content| bed.entry(&tight, content).is_some()).collect();
    assert_eq!(there, [true, false, true, true]);
    let files = fs::read_dir(&tight.own).unwrap().count();
    assert_eq!(files, 3, "nothing unfinished is left");
}

#[test]
fn one_that_is_larger_than_the_bound_is_kept_alone() {
    let bed = Bed::new();
    let tight = bed.cache(1);
    bed.load(&tight, 1);
    bed.load(&tight, 2);
    assert!(bed.entry(&tight, 1).is_none() && bed.entry(&tight, 2).is_some());
}

#[test]
fn hosts_that_compile_the_same_at_once_all_have_it() {
    let bed = Bed::new();
    let bytes = component(1);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let cache = Compiled::new(bed.folder.path(), DEFAULT_CACHE_BYTES, &bed.engine).unwrap();
                let source = Source { file: Path::new("a.wasm"), bytes: &bytes, digest: Digest::of(&bytes) };
                let news = |news: CompileNews<'_>| {
                    assert!(
                        matches!(news, CompileNews::Begun { .. } | CompileNews::Ended { .. }),
                        "{news:?}"
                    );
                };
                cache.load(&bed.engine, source, &news).unwrap();
            });
        }
    });
    assert!(bed.load(&bed.cache(DEFAULT_CACHE_BYTES), 1).is_empty());
}
