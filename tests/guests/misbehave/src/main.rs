//! A std program whose first argument picks how it behaves.
#![allow(clippy::panic, reason = "that is what it is for")]

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

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
        "eat-sockets" => eat_sockets(),
        "compute" => compute(number(2)),
        "doze" => doze(number(2)),
        "accept" => accept(),
        "read" => read(),
        "serve" => serve(),
        "connect" => connect(),
        "sleep" => loop {
            std::thread::sleep(Duration::from_secs(3600));
        },
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

/// The argument at this place.
fn number(place: usize) -> u64 {
    std::env::args().nth(place).and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Computes for so many milliseconds, then says how much it has got done.
fn compute(milliseconds: u64) -> ExitCode {
    let end = Instant::now() + Duration::from_millis(milliseconds);
    let mut done: u64 = 0;
    while Instant::now() < end {
        for _ in 0..10_000 {
            done = black_box(done + 1);
        }
    }
    println!("{done}");
    ExitCode::SUCCESS
}

/// Sleeps 5 ms at a time, so often, and says in microseconds how late it woke up each time.
fn doze(times: u64) -> ExitCode {
    let nap = Duration::from_millis(5);
    for _ in 0..times {
        let begin = Instant::now();
        std::thread::sleep(nap);
        println!("{}", begin.elapsed().saturating_sub(nap).as_micros());
    }
    ExitCode::SUCCESS
}

/// Takes sockets until it gets no more.
fn eat_sockets() -> ExitCode {
    let mut eaten = Vec::new();
    loop {
        match TcpListener::bind(("127.0.0.1", 0)) {
            Ok(socket) => eaten.push(socket),
            Err(error) => panic!("no more sockets: {error}"),
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

/// Accepts one connection on port 7000 and blocks in reading from it, until that fails.
fn read() -> ExitCode {
    let served = TcpListener::bind(("0.0.0.0", 7000)).and_then(|listener| {
        println!("listening");
        let (mut stream, _) = listener.accept()?;
        println!("accepted");
        stream.read(&mut [0])
    });
    println!("read: {:?}", served.map_err(|error| error.kind()));
    ExitCode::SUCCESS
}

/// Serves one connection after the other on port 7000: reads it to its end, and takes the next one, until that fails.
fn serve() -> ExitCode {
    let served = TcpListener::bind(("0.0.0.0", 7000)).and_then(|listener| -> std::io::Result<()> {
        println!("listening");
        loop {
            let (mut stream, _) = listener.accept()?;
            println!("accepted");
            let read = stream.read_to_end(&mut Vec::new());
            println!("served: {:?}", read.map_err(|error| error.kind()));
        }
    });
    if let Err(error) = served {
        println!("accept failed: {:?}", error.kind());
    }
    ExitCode::SUCCESS
}

/// Connects to port 7000 of the other instance and blocks in waiting for its answer, until that fails.
fn connect() -> ExitCode {
    println!("connecting");
    let connected = TcpStream::connect((Ipv4Addr::new(10, 0, 0, 5), 7000)).and_then(|mut stream| {
        println!("connected");
        stream.read(&mut [0])
    });
    println!("read: {:?}", connected.map_err(|error| error.kind()));
    ExitCode::SUCCESS
}

/// Takes and touches a mebibyte at a time until there is none left.
fn eat_memory() -> ExitCode {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(black_box(vec![1; 1 << 20]));
    }
}
