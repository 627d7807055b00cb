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
//! | `fill FILE KIBIBYTES` | writes whether the file could be made so long |
//! | `hold MEBIBYTES` | writes whether there was so much memory, and keeps it |
//! | `sleep MILLISECONDS` | waits |
//! | `connect ADDRESS`, `listen ADDRESS`, `bind-udp ADDRESS` | writes whether that was possible |
//! | `serve ADDRESS` | waits for one connection there, and writes who came |
//! | `answer ADDRESS` | answers every datagram there with the id of its instance, and traps when one says `trap` |
//! | `ask ADDRESS` | asks there with datagrams until somebody answers, and writes who did and from where |
//! | `reach ADDRESS` | connects, as often as it takes |
//! | `recycle` | asks for a recycle of the instance |
//! | `fail`, `trap`, `spin` | ends in that way, or not |
#![allow(clippy::panic, clippy::expect_used, reason = "a test sees how it ends")]

use std::env;
use std::fs::{self, File, OpenOptions};
use std::hint::black_box;
use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use wasm_roles_sdk::RoleEnvironment;

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
            "fill" => said("fill", fill(&word(), &word())),
            "hold" => said("hold", hold(&word())),
            "sleep" => sleep(Duration::from_millis(word().parse().expect("milliseconds"))),
            "connect" => said("connect", TcpStream::connect(word())),
            "listen" => said("listen", TcpListener::bind(word())),
            "bind-udp" => said("bind", UdpSocket::bind(word())),
            "serve" => serve(&word()),
            "answer" => answer(&word()),
            "ask" => ask(&word()),
            "reach" => reach(&word()),
            "recycle" => RoleEnvironment::request_recycle(),
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

fn fill(file: &str, kibibytes: &str) -> std::io::Result<()> {
    let length = kibibytes.parse::<usize>().expect("KiB") << 10;
    File::create(file)?.write_all(&vec![b'x'; length])
}

fn hold(mebibytes: &str) -> Result<(), std::collections::TryReserveError> {
    let mut memory: Vec<u8> = Vec::new();
    memory.try_reserve_exact(mebibytes.parse::<usize>().expect("MiB") << 20)?;
    std::mem::forget(black_box(memory));
    Ok(())
}

fn serve(address: &str) {
    let listener = TcpListener::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    let (_, from) = listener.accept().expect("a connection");
    println!("served {}", from.ip());
}

fn answer(address: &str) {
    let socket = UdpSocket::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    let name = env::var("RoleInstanceID").expect("an instance");
    let mut question = [0; 100];
    loop {
        let (length, from) = socket.recv_from(&mut question).expect("a datagram");
        assert!(question.get(..length) != Some(b"trap"), "trapping as told");
        socket.send_to(name.as_bytes(), from).expect("an answer");
    }
}

fn ask(address: &str) {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    socket.set_nonblocking(true).expect("a socket that does not block");
    let mut answer = [0; 100];
    loop {
        socket.send_to(b"who", address).unwrap_or_else(|error| panic!("{address}: {error}"));
        sleep(Duration::from_millis(50));
        if let Ok((length, from)) = socket.recv_from(&mut answer) {
            let name = String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned();
            return println!("asked {name} at {from}");
        }
    }
}

fn reach(address: &str) {
    while TcpStream::connect(address).is_err() {
        sleep(Duration::from_millis(10));
    }
    println!("reached {address}");
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

fn said<T, E>(what: &str, result: Result<T, E>) {
    match result {
        Ok(_) => println!("could {what}"),
        Err(_) => println!("could not {what}"),
    }
}
