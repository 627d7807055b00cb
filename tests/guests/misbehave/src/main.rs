//! A std program whose first argument picks how it behaves.
#![allow(clippy::panic, reason = "that is what it is for")]

use std::hint::black_box;
use std::io::Write;
use std::net::TcpListener;
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
        "accept" => accept(),
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

/// Blocks in `accept` on port 7000, as a plain server does, until that fails.
fn accept() -> ExitCode {
    let served = TcpListener::bind(("0.0.0.0", 7000)).and_then(|listener| -> std::io::Result<()> {
        println!("listening");
        loop {
            drop(listener.accept()?);
        }
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("accept failed: {:?}", error.kind());
            ExitCode::FAILURE
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
