//! The lists against the linker, the words about single files, and the whole against what is loaded.

use std::fs;
use std::path::{Path, PathBuf};

use wasmtime::component::Component;

use super::*;
use crate::engine::{Runtime, RuntimeOptions};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn runtime() -> Runtime {
    Runtime::new(&RuntimeOptions::default().cached_in(root().join("target/test-cache"))).unwrap()
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id, u8::try_from(content.len()).unwrap()], content].concat()
}

fn name(text: &str) -> Vec<u8> {
    [&[0, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

/// Something that an interface has.
#[derive(Clone, Copy)]
enum Part {
    Function(&'static str),
    Resource(&'static str),
}

/// A component that imports an interface with this in it. A function has no parameters and no results.
fn importing(interface: &str, part: Part) -> Vec<u8> {
    let (part, declarations) = match part {
        // A type and an export; the type of a function without anything; a function of this type.
        Part::Function(part) => (part, (&[0x42, 2, 1, 0x40, 0, 1, 0, 4][..], &[1, 0][..])),
        // An export; a resource.
        Part::Resource(part) => (part, (&[0x42, 1, 4][..], &[3, 1][..])),
    };
    let instance = [&[1], declarations.0, &name(part), declarations.1].concat();
    let import = [&[1][..], &name(interface), &[5, 0]].concat();
    [b"\0asm\x0d\0\x01\0".as_slice(), &section(7, &instance), &section(10, &import)].concat()
}

/// What the linker says of an interface with this in it.
fn linked(runtime: &Runtime, interface: &str, part: Part) -> String {
    let component = Component::from_binary(&runtime.engine, &importing(interface, part)).unwrap();
    runtime.linker.instantiate_pre(&component).map_or_else(|error| format!("{error:?}"), |_| String::new())
}

/// Something that the interface has. None for one of types alone.
fn part_of(interface: &str, version: &str) -> Option<Part> {
    Some(match interface.split_once('/').unwrap().1 {
        "environment" => Part::Function("get-environment"),
        "exit" => Part::Function("exit"),
        "stdin" if version == "0.3.0" => Part::Function("read-via-stream"),
        "stdout" | "stderr" if version == "0.3.0" => Part::Function("write-via-stream"),
        "stdin" => Part::Function("get-stdin"),
        "stdout" => Part::Function("get-stdout"),
        "stderr" => Part::Function("get-stderr"),
        "terminal-input" => Part::Resource("terminal-input"),
        "terminal-output" => Part::Resource("terminal-output"),
        "terminal-stdin" => Part::Function("get-terminal-stdin"),
        "terminal-stdout" => Part::Function("get-terminal-stdout"),
        "terminal-stderr" => Part::Function("get-terminal-stderr"),
        "monotonic-clock" | "wall-clock" | "system-clock" => Part::Function("now"),
        "preopens" => Part::Function("get-directories"),
        "outgoing-handler" => Part::Function("handle"),
        "client" => Part::Function("send"),
        "error" => Part::Resource("error"),
        "poll" => Part::Resource("pollable"),
        "streams" => Part::Resource("input-stream"),
        "random" => Part::Function("get-random-bytes"),
        "insecure" => Part::Function("get-insecure-random-bytes"),
        "insecure-seed" if version == "0.3.0" => Part::Function("get-insecure-seed"),
        "insecure-seed" => Part::Function("insecure-seed"),
        "network" => Part::Resource("network"),
        "instance-network" => Part::Function("instance-network"),
        "ip-name-lookup" => Part::Function("resolve-addresses"),
        "tcp" => Part::Resource("tcp-socket"),
        "udp" => Part::Resource("udp-socket"),
        "tcp-create-socket" => Part::Function("create-tcp-socket"),
        "udp-create-socket" => Part::Function("create-udp-socket"),
        "types" => match interface {
            "wasi:filesystem/types" => Part::Resource("descriptor"),
            "wasi:http/types" => Part::Resource("fields"),
            "wasi:sockets/types" => Part::Resource("tcp-socket"),
            _ => return None,
        },
        other => panic!("nothing is known of {other}"),
    })
}

#[test]
fn what_is_said_to_be_given_is_given() {
    let runtime = runtime();
    let mut checked = 0;
    for (interface, _) in given::all_given() {
        let (unversioned, version) = interface.split_once('@').unwrap();
        let Some(part) = part_of(unversioned, version) else { continue };
        let words = linked(&runtime, &interface, part);
        // It may be there with another type, which no other test of names would tell either.
        assert!(!words.contains("is missing"), "{interface}: {words}");
        assert_eq!(given::refusal(&interface), None, "{interface}");
        checked += 1;
    }
    assert_eq!(checked, 50);
    let environment = "wasm-roles:role/environment@0.1.0";
    let words = linked(&runtime, environment, Part::Function("deployment-id"));
    assert!(!words.contains("is missing"), "{words}");
}

#[test]
fn what_is_refused_is_not_there_and_the_reason_is_told() {
    let runtime = runtime();
    for (interface, why) in [
        ("wasi:keyvalue/store@0.2.0", "does not get this part of WASI"),
        ("wasi:cli/environment@0.3.0-rc-2025-09-16", "is a draft of WASI"),
        ("wasi:cli/environment@0.4.0", "no version of WASI that this host has"),
        ("wasi:http/incoming-handler@0.2.0", "it is a middleware"),
        ("wasi:http/handler@0.3.0", "it is a middleware"),
        ("fermyon:spin/key-value@2.0.0", "of the package fermyon:spin"),
        ("wasm-roles:role/environment@0.2.0", "version 0.2.0 of the contract, and this host has 0.1.0"),
        ("wasm-roles:role/entry-point@0.1.0", "a role exports it"),
    ] {
        let words = linked(&runtime, interface, Part::Function("f"));
        assert!(words.contains("is missing"), "{interface}: {words}");
        let inspection = Inspection::of(&importing(interface, Part::Function("f")));
        let refusal = inspection.imports[0].refused.clone().unwrap();
        assert!(refusal.why.contains(why) && !refusal.hint.is_empty(), "{interface}: {refusal:?}");
    }
}

#[test]
fn the_guests_are_what_they_are_when_they_are_loaded() {
    let runtime = runtime();
    let mut guests = 0;
    for entry in fs::read_dir(root().join("target/guests")).unwrap() {
        let path = entry.unwrap().path();
        let inspection = Inspection::of(&fs::read(&path).unwrap());
        assert_eq!(inspection.form, Form::Component, "{}", path.display());
        let refused: Vec<&Import> =
            inspection.imports.iter().filter(|import| import.refused.is_some()).collect();
        assert!(refused.is_empty(), "{}: {refused:?}", path.display());
        assert_eq!(inspection.shape(), *runtime.load(&path).unwrap().shape(), "{}", path.display());
        assert!(
            inspection.made_with.iter().any(|maker| maker.starts_with("wit-component ")),
            "{inspection:?}"
        );
        guests += 1;
    }
    assert!(guests > 10, "{guests}");
}

#[test]
fn the_functions_of_a_role_are_listed_with_their_kind() {
    let inspection = Inspection::of(&fs::read(root().join("target/guests/role-events.wasm")).unwrap());
    let entry_point = inspection.exports.iter().find(|export| export.used == Some(Use::EntryPoint)).unwrap();
    let functions: Vec<(&str, bool)> = entry_point
        .functions
        .iter()
        .map(|function| (function.name.as_str(), function.asynchronous))
        .collect();
    assert_eq!(functions, [("on-start", true), ("run", true), ("on-stop", true)]);
}

#[test]
fn what_is_no_component_is_called_by_its_name() {
    let module = b"\0asm\x01\0\0\0";
    // One import: a function `fd_write` of a type without anything.
    let wasi = [
        module.as_slice(),
        &section(1, &[1, 0x60, 0, 0]),
        &section(2, &[&[1, 22], b"wasi_snapshot_preview1".as_slice(), &[8], b"fd_write", &[0, 0]].concat()),
    ]
    .concat();
    for (bytes, form) in [
        (module.as_slice(), Form::CoreModule),
        (&wasi, Form::Wasi01Module),
        (b"", Form::Empty),
        (b" (component)", Form::Text),
        (b"\x7fELF\x02\x01\x01", Form::NativeProgram),
        (b"GIF89a", Form::Unknown),
    ] {
        assert_eq!(Inspection::of(bytes).form, form);
    }
    assert_eq!(Inspection::of(&wasi).wasi_versions(), ["0.1"]);
    let engine = wasmtime::Engine::default();
    let compiled = engine.precompile_component(b"\0asm\x0d\0\x01\0").unwrap();
    assert_eq!(Inspection::of(&compiled).form, Form::Compiled);
}

#[test]
fn a_file_that_is_cut_off_or_damaged_says_where() {
    let whole = fs::read(root().join("target/guests/task.wasm")).unwrap();
    for length in [4, 9, whole.len() / 2, whole.len() - 1] {
        let Form::Broken(broken) = Inspection::of(&whole[..length]).form else { panic!("{length}") };
        assert!(broken.cut_off && broken.offset <= length, "{length}: {broken:?}");
    }
    let mut damaged = whole;
    damaged[8] = 0xee;
    let Form::Broken(broken) = Inspection::of(&damaged).form else { panic!() };
    assert!(!broken.cut_off, "{broken:?}");
}
