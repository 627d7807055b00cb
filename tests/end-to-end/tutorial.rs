//! The walk through the life of a service that `docs/operating.md` shows, run as a reader would: in a shell, with the program on its path.
//!
//! Blocks with the language `console` are run: lines after `$ ` are commands, the others what they say. Times, ids and what depends
//! on the machine are not compared. `BLESS=1` writes what is said now into the page.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::spawn;
use std::time::Duration;

use crate::browser::skipped;
use crate::host_process::{free_port, guest, root};

/// Far longer than anything here takes: it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(120);

/// Says that a command is over.
const MARK: &str = "-- over --";

/// A shell in a folder of its own.
struct Shell {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    folder: tempfile::TempDir,
    /// The ports that the page names, and those of this run.
    ports: Vec<(&'static str, String)>,
}

impl Shell {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let examples = folder.path().join("examples");
        fs::create_dir(&examples).expect("a folder");
        let copied =
            Command::new("cp").arg("-r").arg(root().join("examples/guestbook")).arg(&examples).status();
        assert!(copied.expect("cp runs").success());
        let program = Path::new(env!("CARGO_BIN_EXE_wasm-roles")).parent().expect("a folder");
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
        let mut child = Command::new("bash")
            .args(["--norc", "--noprofile"])
            .current_dir(folder.path())
            .env("PATH", path)
            .env("XDG_RUNTIME_DIR", folder.path().join("run"))
            .env("XDG_CACHE_HOME", root().join("target/test-cache"))
            .env_remove("COLUMNS")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut stdin = child.stdin.take().expect("its input");
        stdin.write_all(b"exec 2>&1\n").expect("it reads");
        let stdout = BufReader::new(child.stdout.take().expect("its output"));
        let (sender, lines) = channel();
        spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let ports = ["8080", "8081"].map(|port| (port, free_port().to_string())).to_vec();
        Self { child, stdin, lines, folder, ports }
    }

    /// Runs a command. One in the background is over when it has said all that is expected.
    fn run(&mut self, command: &str, expected: &[&str]) -> Vec<String> {
        let command_here =
            self.ports.iter().fold(command.to_owned(), |text, (page, here)| text.replace(page, here));
        writeln!(self.stdin, "{command_here}\necho '{MARK}'").expect("it reads");
        let in_background = command.ends_with('&');
        let mut said = Vec::new();
        let mut is_over = false;
        while !is_over || (in_background && !all_in(expected, &said)) {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|error| panic!("{error} at `{command}`, which said {said:#?}"));
            match line.strip_suffix(MARK) {
                Some(rest) => {
                    is_over = true;
                    said.extend((!rest.is_empty()).then(|| self.as_in_page(rest)));
                }
                None if is_progress(&line) => {}
                None => said.push(self.as_in_page(&line)),
            }
        }
        said
    }

    fn as_in_page(&self, line: &str) -> String {
        let line = line.replace(&self.folder.path().join("run").display().to_string(), "/run/user/1000");
        self.ports.iter().fold(line, |line, (page, here)| line.replace(here.as_str(), page))
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // A host that a failing test leaves behind ends with its shell.
        let _ = writeln!(self.stdin, "kill -9 $(jobs -p)");
        let _ = writeln!(self.stdin, "exit");
        let _ = self.child.wait();
    }
}

/// What depends on how fast the machine is: `shop: update: …`, components that take long to compile, and what shells say about
/// processes that were killed.
fn is_progress(line: &str) -> bool {
    let kinds =
        ["deploy", "update", "scale", "upgrade", "rollback", "swap", "recycle", "stop", "start", "delete"];
    kinds.iter().any(|kind| line.contains(&format!(": {kind}: ")))
        || line.starts_with("compiling ")
        || line.starts_with("compiled ")
        || line.contains(" Killed ")
}

fn all_in(expected: &[&str], said: &[String]) -> bool {
    expected.iter().all(|line| said.iter().any(|said| without_times(said) == without_times(line)))
}

/// A line without times, ids, and the widths of columns.
fn without_times(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_id = |word: &str| word.len() >= 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_unit = |word: &str| ["s", "min", "h", "d"].contains(&word.trim_end_matches([':', ',']));
    let mut told: Vec<&str> = Vec::new();
    for (number, word) in words.iter().enumerate() {
        let before = number.checked_sub(1).and_then(|before| words.get(before)).copied().unwrap_or_default();
        let next = words.get(number + 1).copied().unwrap_or_default();
        match word {
            _ if is_number(word) && is_unit(next) || is_id(word) => told.push("…"),
            _ if is_unit(word) && is_number(before) => {}
            word => told.push(word),
        }
    }
    told.join(" ")
}

#[test]
fn the_walk_of_the_page_about_operating_services_can_be_walked() {
    // Says what to do when the example was not built.
    guest("hello-http-p2");
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        return skipped("its page uses curl: apt-get install curl");
    }
    let file = root().join("docs/operating.md");
    let page = fs::read_to_string(&file).expect("the page is there");
    let mut shell = Shell::start();
    let mut written = String::new();
    let mut commands = 0;
    let mut lines = page.lines().peekable();
    let mut is_console = false;
    let mut wrong = Vec::new();
    while let Some(line) = lines.next() {
        written.push_str(&format!("{line}\n"));
        if line.starts_with("```") {
            is_console = line == "```console";
        }
        let Some(command) = line.strip_prefix("$ ").filter(|_| is_console) else { continue };
        let mut expected = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with("$ ") && !line.starts_with("```")) {
            expected.push(line);
        }
        let said = shell.run(command, &expected);
        commands += 1;
        written.extend(said.iter().map(|line| format!("{line}\n")));
        let said: Vec<String> = said.iter().map(|line| without_times(line)).collect();
        let expected: Vec<String> = expected.iter().map(|line| without_times(line)).collect();
        if said != expected {
            wrong.push(format!(
                "$ {command}\n--- expected\n{}\n--- said\n{}",
                expected.join("\n"),
                said.join("\n")
            ));
        }
    }
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, written).expect("the page can be written");
        return;
    }
    assert!(wrong.is_empty(), "BLESS=1 accepts it\n{}", wrong.join("\n\n"));
    assert!(commands > 30, "only {commands} commands were found");
}
