//! The commands that are about components: inspect and compile.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::components::{CORE_MODULE, IDLE_PROGRAM, NO_ROLE, SHORT_PROGRAM};
use crate::golden::assert_golden;
use crate::service::Service;

fn with(file: &str, bytes: &[u8]) -> Service {
    Service::new("", "").with(file, bytes)
}

/// A component that imports an interface with one function, and is a program besides.
fn importing(interface: &str) -> Vec<u8> {
    let sized = |id: u8, content: &[u8]| [&[id, u8::try_from(content.len()).unwrap()], content].concat();
    let name = |text: &str| [&[0, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    // The type of an instance with a function `get` of nothing; an import of one.
    let instance = [&[1, 0x42, 2, 1, 0x40, 0, 1, 0, 4][..], &name("get"), &[1, 0]].concat();
    let import = [&[1][..], &name(interface), &[5, 0]].concat();
    [b"\0asm\x0d\0\x01\0".as_slice(), &sized(7, &instance), &sized(10, &import)].concat()
}

#[test]
fn inspect_says_what_kind_of_role_a_component_is() {
    assert_golden("inspect_program", &with("idle.wasm", IDLE_PROGRAM).transcript("inspect idle.wasm"));
}

#[test]
fn inspect_says_whether_the_compiled_form_was_kept() {
    let service = with("idle.wasm", IDLE_PROGRAM);
    let first = service.json("inspect idle.wasm --format json --cache-dir cache");
    assert_eq!((&first["runs"], &first["compiled"]), (&Value::Bool(true), &Value::Bool(false)), "{first}");
    let second = service.json("inspect idle.wasm --format json --cache-dir cache");
    assert_eq!(second["compiled"], true, "{second}");
}

#[test]
fn inspect_says_what_it_would_refuse_and_why() {
    for (golden, interface) in [
        ("inspect_refused", "wasi:keyvalue/store@0.2.0"),
        ("inspect_draft", "wasi:clocks/monotonic-clock@0.3.0-rc-2025-09-16"),
        // The interface is given, the function is not there.
        ("inspect_no_role", "wasi:clocks/monotonic-clock@0.2.0"),
    ] {
        assert_golden(
            golden,
            &with("strange.wasm", &importing(interface)).transcript("inspect strange.wasm"),
        );
    }
}

#[test]
fn inspect_calls_other_files_by_their_name() {
    let service = Service::new("", "")
        .with("module.wasm", CORE_MODULE)
        .with("nothing.wasm", NO_ROLE)
        .with("cut.wasm", &IDLE_PROGRAM[..100])
        .with("broken.wasm", [&IDLE_PROGRAM[..8], &[0xee; 20]].concat())
        .with("empty.wasm", b"")
        .with("text.wat", b"(component)")
        .with("picture.gif", b"GIF89a")
        .with("program", b"\x7fELF\x02\x01\x01");
    let files = [
        "module.wasm",
        "nothing.wasm",
        "cut.wasm",
        "broken.wasm",
        "empty.wasm",
        "text.wat",
        "picture.gif",
        "program",
        "missing",
    ];
    let transcripts: String =
        files.iter().map(|file| service.transcript(&format!("inspect {file}"))).collect();
    assert_golden("inspect_others", &transcripts);
}

#[test]
fn inspect_for_programs_is_one_object_whatever_the_file_is() {
    let service =
        with("idle.wasm", IDLE_PROGRAM).with("strange.wasm", importing("wasi:keyvalue/store@0.2.0"));
    let transcripts: String = ["idle.wasm", "strange.wasm", "missing"]
        .iter()
        .map(|file| service.transcript(&format!("inspect {file} --format json")))
        .collect();
    assert_golden("inspect_json", &transcripts);
}

#[test]
fn a_file_that_is_larger_than_any_component_is_not_read() {
    let service = Service::new("", "");
    let huge = fs::File::create(service.path().join("huge.wasm")).unwrap();
    huge.set_len(10 << 30).unwrap();
    let transcript = service.transcript("inspect huge.wasm");
    assert!(
        transcript.contains("error: huge.wasm is larger than the 512 MiB that a component may have"),
        "{transcript}"
    );
}

#[cfg(unix)]
#[test]
fn a_component_can_come_through_a_pipe() {
    let service = with("idle.wasm", IDLE_PROGRAM);
    let made = std::process::Command::new("mkfifo").arg(service.path().join("pipe")).status().unwrap();
    assert!(made.success());
    let pipe = service.path().join("pipe");
    let writes = std::thread::spawn(move || fs::write(pipe, IDLE_PROGRAM).unwrap());
    let transcript = service.transcript("inspect pipe");
    writes.join().unwrap();
    assert!(transcript.contains("--- exit code 0") && transcript.contains("It runs here."), "{transcript}");
}

#[test]
fn what_was_compiled_ahead_is_there_for_the_next_start() {
    let service = with("a.wasm", IDLE_PROGRAM).with("b.wasm", SHORT_PROGRAM);
    let compiled = service.transcript("compile a.wasm b.wasm --cache-dir cache");
    assert!(compiled.contains("--- exit code 0") && compiled.contains("a.wasm: compiled in "), "{compiled}");
    let again = service.transcript("compile a.wasm b.wasm --cache-dir cache");
    assert!(again.contains("a.wasm: compiled already\nb.wasm: compiled already\n"), "{again}");
    assert_eq!(service.json("inspect a.wasm --cache-dir cache --format json")["compiled"], true);
}

#[test]
fn the_components_of_a_service_are_compiled_with_one_word() {
    let service = Service::of_worker(IDLE_PROGRAM);
    let compiled = service.transcript("compile ServiceDefinition.csdef --cache-dir cache");
    assert!(compiled.contains("--- exit code 0") && compiled.contains(".wasm: compiled in "), "{compiled}");
    let unnamed = service.transcript("compile --cache-dir cache");
    assert!(unnamed.contains(".wasm: compiled already"), "{unnamed}");
}

#[test]
fn what_cannot_be_compiled_is_told_and_the_others_are_compiled() {
    let service = with("a.wasm", CORE_MODULE).with("b.wasm", IDLE_PROGRAM);
    let transcript = service.transcript("compile a.wasm b.wasm --cache-dir cache");
    assert!(
        transcript.contains("--- exit code 1") && transcript.contains("b.wasm: compiled in "),
        "{transcript}"
    );
    assert!(
        transcript.contains("error: a.wasm is a core WebAssembly module, not a component"),
        "{transcript}"
    );
}

/// The files of compiled code below a folder.
fn kept(folder: &Path) -> Vec<std::path::PathBuf> {
    let engines = fs::read_dir(folder.join("components")).unwrap().map(|entry| entry.unwrap().path());
    engines.flat_map(|engine| fs::read_dir(engine).unwrap().map(|entry| entry.unwrap().path())).collect()
}

#[test]
fn a_damaged_compiled_form_is_told_of_and_replaced() {
    let service = with("a.wasm", IDLE_PROGRAM);
    service.transcript("compile a.wasm --cache-dir cache");
    let [file] = kept(&service.path().join("cache")).try_into().unwrap();
    fs::write(&file, "no code").unwrap();
    let transcript = service.transcript("inspect a.wasm --cache-dir cache");
    assert!(
        transcript.contains("warning: the compiled form of a.wasm in the cache is damaged"),
        "{transcript}"
    );
    assert!(transcript.contains("--- exit code 0"), "{transcript}");
    assert!(!service.transcript("inspect a.wasm --cache-dir cache").contains("warning"));
}

#[test]
fn a_cache_is_kept_within_its_size() {
    let service = with("a.wasm", IDLE_PROGRAM).with("b.wasm", SHORT_PROGRAM);
    service.transcript("compile a.wasm --cache-dir cache --cache-size 1KiB");
    service.transcript("compile b.wasm --cache-dir cache --cache-size 1KiB");
    assert_eq!(kept(&service.path().join("cache")).len(), 1);
    let both = service.transcript("compile a.wasm b.wasm --cache-dir cache --cache-size 1KiB");
    assert!(both.contains("error: the compiled form of a.wasm is not kept"), "{both}");
    assert!(both.contains("--- exit code 1") && !both.contains("form of b.wasm"), "{both}");
    let wrong = service.transcript("compile a.wasm --cache-size much");
    assert!(wrong.contains("--- exit code 2") && wrong.contains("it is bytes, such as"), "{wrong}");
}

#[test]
fn both_commands_have_help_with_an_example() {
    let service = Service::new("", "");
    for command in ["inspect", "compile"] {
        let help = service.transcript(&format!("{command} --help"));
        assert!(help.contains(&format!("  wasm-roles {command} ")), "{help}");
        assert_golden(&format!("help_{command}"), &help);
    }
}
