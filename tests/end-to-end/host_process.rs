//! `wasm-roles` as a user runs it, watched line by line.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Far longer than anything here takes: it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// The root of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the package lies two folders deep")
}

/// A component that `cargo xtask guests` has built.
pub fn guest(name: &str) -> PathBuf {
    let path = root().join("target/guests").join(name).with_extension("wasm");
    assert!(path.is_file(), "{} is missing; run `cargo xtask guests` first", path.display());
    path
}

/// A running `wasm-roles run` or `serve`. It is killed when it is dropped.
pub struct Host {
    child: Child,
    lines: Receiver<String>,
    /// Everything it has said so far, standard output and standard error together.
    pub said: Vec<String>,
}

impl Host {
    /// Runs a service on free ports of the loopback, with arguments of the test's own.
    pub fn run(definition: &Path, arguments: &[&str]) -> Self {
        Self::run_with(definition, arguments, &[])
    }

    /// As [`run`](Self::run), with variables of the test's own.
    pub fn run_with(definition: &Path, arguments: &[&str], variables: &[(&str, &Path)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-roles"));
        command.arg("run").arg(definition).args(arguments).envs(variables.iter().copied());
        Self::start(command)
    }

    /// Holds services, with a socket and a data folder in `folder`.
    pub fn serve(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-roles"));
        command.arg("serve").arg("--data-dir").arg(folder.join("data")).env("XDG_RUNTIME_DIR", folder);
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        // Compiled guests are kept from test to test.
        command.arg("--cache-dir").arg(root().join("target/test-cache")).args(["--cache-size", "4GiB"]);
        command.env_remove("NO_COLOR").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the host starts");
        // Bounded: a host that floods its output has to wait for the test, as for any terminal.
        let (sender, lines) = mpsc::sync_channel(10_000);
        let streams: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
            child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
        ];
        for stream in streams.into_iter().flatten() {
            let sender = sender.clone();
            thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Self { child, lines, said: Vec::new() }
    }

    /// Reads until a line contains `text`, and returns that line.
    pub fn wait_for(&mut self, text: &str) -> String {
        if let Some(line) = self.said.iter().find(|line| line.contains(text)) {
            return line.clone();
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.said.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no line with `{text}` in {:#?}", self.said),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended without `{text}`: {:#?}", self.said),
            }
        }
    }

    /// Reads one more line, until then; false when there is none.
    pub fn hear(&mut self, until: Instant) -> bool {
        let line = self.lines.recv_timeout(until.saturating_duration_since(Instant::now()));
        line.map(|line| self.said.push(line)).is_ok()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, such as `INT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Ends it as nothing can prevent.
    pub fn kill(mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }

    /// Waits for its end and reads what it said last.
    pub fn ended(&mut self) -> ExitStatus {
        self.said.extend(self.lines.iter()); // until it closes its output
        self.child.wait().expect("it is our child")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// A response of a public endpoint: the status and the body.
pub fn get(address: SocketAddr, accept: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET / HTTP/1.0\r\nhost: {address}\r\naccept: {accept}\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let invalid = || std::io::Error::other(format!("not a response: {response:?}"));
    let (head, body) = response.split_once("\r\n\r\n").ok_or_else(invalid)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(invalid)?;
    Ok((status, body.to_owned()))
}

/// Asks until there is an instance that answers: connections wait for one to be Ready, but not for ever.
pub fn wait_until_answered(address: SocketAddr) {
    let deadline = Instant::now() + PATIENCE;
    while get(address, "*/*").is_err() {
        assert!(Instant::now() < deadline, "nobody answers on {address}");
        thread::yield_now();
    }
}
