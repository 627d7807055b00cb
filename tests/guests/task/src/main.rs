//! A std program whose arguments are what it does, one after the other:
//!
//! | words | what it does |
//! |---|---|
//! | `print TEXT`, `warn TEXT` | writes a line to standard output, or standard error |
//! | `append FILE TEXT` | adds a line to a file |
//! | `copy FROM TO` | adds the first file to the second |
//! | `remove FILE` | removes a file |
//! | `await FILE` | waits until there is such a file |
//! | `env NAME` | writes the variable's value, or that there is none |
//! | `list FOLDER` | writes the names in a folder |
//! | `try-write FILE` | writes whether the file could be written |
//! | `sleep MILLISECONDS` | waits |
//! | `connect ADDRESS`, `listen ADDRESS` | writes whether that was possible |
//! | `fail`, `trap`, `spin` | ends in that way, or not |
#![allow(clippy::panic, clippy::expect_used, reason = "a test sees how it ends")]

use std::env;
use std::fs::{self, File, OpenOptions};
use std::hint::black_box;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

fn main() -> ExitCode {
    let mut words = env::args().skip(1);
    while let Some(verb) = words.next() {
        let mut word = || words.next().unwrap_or_else(|| panic!("`{verb}` of what?"));
        match verb.as_str() {
            "print" => println!("{}", word()),
            "warn" => eprintln!("{}", word()),
            "append" => append(&word(), &format!("{}\n", word())),
            "copy" => {
                let from = word();
                let text = fs::read_to_string(&from).unwrap_or_else(|error| panic!("{from}: {error}"));
                append(&word(), &text);
            }
            "remove" => fs::remove_file(word()).expect("a file to remove"),
            "await" => await_file(&word()),
            "env" => say_variable(&word()),
            "list" => list(&word()),
            "try-write" => said("write", File::create(word())),
            "sleep" => sleep(Duration::from_millis(word().parse().expect("milliseconds"))),
            "connect" => said("connect", TcpStream::connect(word())),
            "listen" => said("listen", TcpListener::bind(word())),
            "fail" => return ExitCode::FAILURE,
            "trap" => panic!("trapping as told"),
            "spin" => loop {
                black_box(());
            },
            other => panic!("no such verb: `{other}`"),
        }
    }
    ExitCode::SUCCESS
}

fn append(file: &str, text: &str) {
    let opened = OpenOptions::new().create(true).append(true).open(file);
    opened
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .unwrap_or_else(|error| panic!("{file}: {error}"));
}

fn await_file(file: &str) {
    while !Path::new(file).exists() {
        sleep(Duration::from_millis(10));
    }
}

fn say_variable(name: &str) {
    match env::var(name) {
        Ok(value) => println!("{name}={value}"),
        Err(_) => println!("{name} is not set"),
    }
}

fn list(folder: &str) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    println!("{}", names.join(" "));
}

fn said<T>(what: &str, result: std::io::Result<T>) {
    match result {
        Ok(_) => println!("could {what}"),
        Err(_) => println!("could not {what}"),
    }
}
