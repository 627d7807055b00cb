//! A service in a folder of its own, and the program run in that folder.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::spawn;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// Long enough for a loaded machine; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(120);

const NAMESPACE: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10";

/// A worker role with one public port and one internal endpoint, two instances, one setting.
pub const ROLES: &str = r#"
  <WorkerRole name="Worker">
    <ConfigurationSettings>
      <Setting name="Greeting" />
    </ConfigurationSettings>
    <Endpoints>
      <InputEndpoint name="Front" protocol="tcp" port="81" localPort="8081" />
      <InternalEndpoint name="Back" protocol="tcp" port="9000" />
    </Endpoints>
  </WorkerRole>"#;

/// The configuration for [`ROLES`].
pub const COUNTS: &str = r#"
  <Role name="Worker">
    <Instances count="2" />
    <ConfigurationSettings>
      <Setting name="Greeting" value="hello" />
    </ConfigurationSettings>
  </Role>"#;

/// The folder of a service. The program runs in it, so paths in its words are short and the same everywhere.
pub struct Service {
    folder: TempDir,
}

impl Service {
    /// A service with these role elements in its definition and its configuration.
    pub fn new(roles: &str, counts: &str) -> Self {
        let service = Self { folder: tempfile::tempdir().unwrap() };
        let definition = format!(
            "<ServiceDefinition name=\"Svc\" xmlns=\"{NAMESPACE}/ServiceDefinition\">{roles}\n</ServiceDefinition>\n"
        );
        let configuration = format!(
            "<ServiceConfiguration serviceName=\"Svc\" xmlns=\"{NAMESPACE}/ServiceConfiguration\">{counts}\n\
             </ServiceConfiguration>\n"
        );
        service.with("ServiceDefinition.csdef", definition).with("ServiceConfiguration.cscfg", configuration)
    }

    /// [`ROLES`] with this component.
    pub fn of_worker(component: &[u8]) -> Self {
        Self::new(ROLES, COUNTS).with("Worker/Worker.wasm", component)
    }

    /// The service with one more file.
    pub fn with(self, file: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
        self
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-roles"));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.path())
            .env("XDG_CACHE_HOME", self.path().join(".cache"))
            .env("TMPDIR", self.temporary())
            // No host of whoever runs the tests is found.
            .env("XDG_RUNTIME_DIR", self.path().join(".run"))
            .env_remove("COLUMNS")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn temporary(&self) -> PathBuf {
        let folder = self.path().join(".tmp");
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// What the program left in the folder for temporary files.
    pub fn left_behind(&self) -> usize {
        fs::read_dir(self.temporary()).unwrap().count()
    }

    /// The folder for temporary files.
    pub fn temporary_files(&self) -> Vec<PathBuf> {
        fs::read_dir(self.temporary()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    /// Runs the program to its end; everything that it said, with its exit code.
    pub fn transcript(&self, arguments: &str) -> String {
        let output = self.command(arguments).output().unwrap();
        transcript(arguments, output.status, &output.stdout, &output.stderr)
    }

    /// As [`transcript`](Self::transcript), with variables of the test's own.
    pub fn transcript_with(&self, arguments: &str, variables: &[(&str, &Path)]) -> String {
        let output = self.command(arguments).envs(variables.iter().copied()).output().unwrap();
        transcript(arguments, output.status, &output.stdout, &output.stderr)
    }

    /// The JSON that the program prints on its standard output.
    pub fn json(&self, arguments: &str) -> Value {
        let output = self.command(arguments).output().unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error} in:\n{}", String::from_utf8_lossy(&output.stdout)))
    }

    /// Starts the program.
    pub fn start(&self, arguments: &str) -> Running {
        let mut child = self.command(arguments).spawn().unwrap();
        let stdout = Voice::of(child.stdout.take().unwrap());
        let stderr = Voice::of(child.stderr.take().unwrap());
        Running { arguments: arguments.to_owned(), child, stdout: Some(stdout), stderr }
    }
}

/// What the program says on one of its streams, read line by line while it runs.
struct Voice {
    lines: Receiver<String>,
    heard: String,
}

impl Voice {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, lines) = channel();
        let stream = BufReader::new(stream);
        // When nobody listens any more the stream is dropped: the program's pipe breaks.
        spawn(move || stream.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { lines, heard: String::new() }
    }

    /// The next line; none when the stream has ended.
    fn line(&mut self) -> Option<String> {
        let line = match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => panic!("it said nothing more after:\n{}", self.heard),
        };
        self.heard.push_str(&line);
        self.heard.push('\n');
        Some(line)
    }

    fn until_its_end(mut self) -> String {
        while self.line().is_some() {}
        self.heard
    }
}

/// The program at work. It is killed when the test gives up on it.
pub struct Running {
    arguments: String,
    child: Child,
    stdout: Option<Voice>,
    stderr: Voice,
}

impl Running {
    /// Waits until it says something with `words` on standard error.
    pub fn says(&mut self, words: &str) {
        self.line_of(words);
    }

    /// The next line with `words` on its standard error.
    pub fn line_of(&mut self, words: &str) -> String {
        while let Some(line) = self.stderr.line() {
            if line.contains(words) {
                return line;
            }
        }
        panic!("it never said `{words}`, only:\n{}", self.stderr.heard);
    }

    /// The objects on its standard output up to the first of this kind.
    pub fn objects_until(&mut self, kind: &str) -> Vec<Value> {
        let stdout = self.stdout.as_mut().unwrap();
        let mut objects: Vec<Value> = Vec::new();
        while objects.last().is_none_or(|object| object["kind"] != kind) {
            let line = stdout.line().unwrap_or_else(|| panic!("it ended before `{kind}`: {objects:#?}"));
            objects.push(serde_json::from_str(&line).unwrap());
        }
        objects
    }

    /// The next object on its standard output.
    pub fn object(&mut self) -> Value {
        let line =
            self.stdout.as_mut().unwrap().line().unwrap_or_else(|| panic!("it ended: {}", self.stderr.heard));
        serde_json::from_str(&line).unwrap()
    }

    /// The next line with `words` on its standard output.
    pub fn line_with(&mut self, words: &str) -> String {
        let stdout = self.stdout.as_mut().unwrap();
        while let Some(line) = stdout.line() {
            if line.contains(words) {
                return line;
            }
        }
        panic!("it never said `{words}`, only:\n{}", stdout.heard);
    }

    /// Stops reading its standard output.
    pub fn stop_reading(&mut self) {
        self.stdout = None;
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&self) {
        self.signal("INT");
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Ended {
        let stderr = std::mem::replace(&mut self.stderr, Voice::of(std::io::empty())).until_its_end();
        let stdout = self.stdout.take().map(Voice::until_its_end).unwrap_or_default();
        let status = self.child.wait().unwrap();
        let transcript = transcript(&self.arguments, status, stdout.as_bytes(), stderr.as_bytes());
        Ended { code: status.code(), transcript }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program after its end.
pub struct Ended {
    pub code: Option<i32>,
    pub transcript: String,
}

fn transcript(arguments: &str, status: ExitStatus, stdout: &[u8], stderr: &[u8]) -> String {
    let code = status.code().map_or("none".to_owned(), |code| code.to_string());
    format!(
        "$ wasm-roles {arguments}\n--- exit code {code}\n--- standard output\n{}--- standard error\n{}",
        String::from_utf8_lossy(stdout),
        String::from_utf8_lossy(stderr)
    )
}
