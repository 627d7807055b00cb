//! A std program whose first argument picks how it behaves.
#![allow(clippy::panic, reason = "that is what it is for")]

use std::hint::black_box;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mode = std::env::args().nth(1).unwrap_or_default();
    println!("mode {mode}");
    match mode.as_str() {
        "return" => ExitCode::SUCCESS,
        "exit-error" => ExitCode::FAILURE,
        "panic" => panic!("panicking as told"),
        "spin" => loop {
            black_box(());
        },
        "flood" => flood(),
        "eat-memory" => eat_memory(),
        other => panic!("no such mode: `{other}`"),
    }
}

/// Lines without end, as fast as they are taken.
fn flood() -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    loop {
        if stdout.write_all(b"a line of a flood of lines that nobody wants to read\n").is_err() {
            return ExitCode::FAILURE;
        }
    }
}

/// Takes and touches a mebibyte at a time until there is none left.
fn eat_memory() -> ExitCode {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(black_box(vec![1; 1 << 20]));
    }
}
