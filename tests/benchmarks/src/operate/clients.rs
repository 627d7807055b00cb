//! Clients that never stop asking. Each is a thread with sockets of the operating system, as a client outside is.

use std::io::{self, BufRead, BufReader, Error, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Clients that keep their connection, and the time between two requests of one.
const KEEPERS: usize = 8;
const KEEPERS_PAUSE: Duration = Duration::from_millis(4);
/// Clients that connect for each request.
const NEWCOMERS: usize = 8;
const NEWCOMERS_PAUSE: Duration = Duration::from_millis(8);
/// Clients with streams, and how many words they exchange before they begin another one.
const STREAMS: usize = 8;
const STREAMS_PAUSE: Duration = Duration::from_millis(4);
const WORDS: u32 = 100;
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(12);

/// The clients of one deployment.
pub struct Clients {
    threads: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    over: AtomicBool,
    heard: Mutex<Heard>,
}

/// What clients have met with.
#[derive(Default)]
pub struct Heard {
    pub answers: u64,
    pub failures: Vec<String>,
    /// The instances whose streams have ended, and when.
    pub ended: Vec<(String, Instant)>,
}

impl Heard {
    pub fn and(mut self, other: Self) -> Self {
        self.answers += other.answers;
        self.failures.extend(other.failures);
        self.ended.extend(other.ended);
        self
    }
}

impl Clients {
    pub fn of(web: SocketAddr, echo: SocketAddr) -> Self {
        let shared = Arc::<Shared>::default();
        let kinds = std::iter::repeat_n((web, keep as fn(SocketAddr, &Shared)), KEEPERS)
            .chain(std::iter::repeat_n((web, come_anew as fn(SocketAddr, &Shared)), NEWCOMERS))
            .chain(std::iter::repeat_n((echo, stream as fn(SocketAddr, &Shared)), STREAMS));
        let client = |(at, goes_on): (SocketAddr, fn(SocketAddr, &Shared))| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                while !shared.over.load(Ordering::Relaxed) {
                    goes_on(at, &shared);
                }
            })
        };
        Self { threads: kinds.map(client).collect(), shared }
    }

    /// What they have met with since this was last asked.
    pub fn take(&self) -> Heard {
        std::mem::take(&mut *self.shared.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn stop(self) {
        self.shared.over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn note(&self, note: impl FnOnce(&mut Heard)) {
        note(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn outcome(&self, who: &str, outcome: io::Result<()>) -> bool {
        let good = outcome.is_ok();
        self.note(|heard| match outcome {
            Ok(()) => heard.answers += 1,
            Err(error) => heard.failures.push(format!("{who}: {error}")),
        });
        good
    }
}

fn connect(at: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(at)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Asks on one connection until the server says that an answer is its last.
fn keep(at: SocketAddr, shared: &Shared) {
    let mut connection = match connect(at) {
        Ok(stream) => BufReader::new(stream),
        Err(error) => {
            shared.outcome("connect", Err(error));
            return;
        }
    };
    while !shared.over.load(Ordering::Relaxed) {
        let answer = ask(&mut connection);
        let last = !matches!(answer, Ok(false));
        if !shared.outcome("a connection that stays open", answer.map(drop)) || last {
            return;
        }
        std::thread::sleep(KEEPERS_PAUSE);
    }
}

/// Whether the answer was the last one of the connection.
fn ask(connection: &mut BufReader<TcpStream>) -> io::Result<bool> {
    connection.get_mut().write_all(b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n")?;
    let (mut status, mut last, mut length) = (String::new(), false, 0);
    if connection.read_line(&mut status)? == 0 {
        return Err(Error::other("it was closed without an answer"));
    }
    if !status.starts_with("HTTP/1.1 200 ") {
        return Err(Error::other(status));
    }
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line)? == 0 {
            return Err(Error::other("it was cut off in the head"));
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        last |= line == "connection: close";
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().map_err(Error::other)?;
        }
    }
    connection.read_exact(&mut vec![0; length])?;
    Ok(last)
}

/// One request on a connection of its own.
fn come_anew(at: SocketAddr, shared: &Shared) {
    let answer = || -> io::Result<()> {
        let mut stream = connect(at)?;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let whole = answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("Hello, world!");
        if whole { Ok(()) } else { Err(Error::other(format!("{answer:?}"))) }
    };
    shared.outcome("a new connection", answer());
    std::thread::sleep(NEWCOMERS_PAUSE);
}

/// One stream, until it has exchanged its words or is ended.
fn stream(at: SocketAddr, shared: &Shared) {
    let begin = || -> io::Result<(BufReader<TcpStream>, String)> {
        let (mut stream, mut instance) = (BufReader::new(connect(at)?), String::new());
        stream.read_line(&mut instance)?;
        if instance.is_empty() {
            return Err(Error::other("it ended without a word"));
        }
        Ok((stream, instance.trim_end().to_owned()))
    };
    let (mut stream, instance) = match begin() {
        Ok(begun) => begun,
        Err(error) => {
            shared.outcome("a new stream", Err(error));
            return;
        }
    };
    for _ in 0..WORDS {
        if shared.over.load(Ordering::Relaxed) {
            return;
        }
        let mut back = [0; 4];
        let echoed = stream.get_mut().write_all(b"word").and_then(|()| stream.read_exact(&mut back));
        if echoed.is_err() {
            return shared.note(|heard| heard.ended.push((instance, Instant::now())));
        }
        std::thread::sleep(STREAMS_PAUSE);
    }
}
