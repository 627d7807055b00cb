//! Running one command of a recipe, and keeping what it says within bounds.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::step::Step;

/// How much is kept of the beginning of what a tool says, in bytes; its first error is there.
const HEAD: usize = 16 * 1024;
/// How much is kept of the end; what it gave up over is there.
const TAIL: usize = 48 * 1024;
/// How much a tool may print for programs, in bytes.
const MAX_PRINTED: usize = 64 * 1024 * 1024;
/// How long the last words of a tool that has ended may take. Whoever holds its output for longer is something else that it has left behind.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Whether it ended well; otherwise how it ended, in words.
    pub(crate) ended: Result<(), String>,
    /// What it said to people, without most of the middle if it is long.
    pub(crate) said: String,
    /// What it printed for programs, if the step wants that apart.
    pub(crate) printed: String,
}

/// Runs a command to its end, in `folder` unless the step says otherwise.
pub(crate) fn run(step: &Step, folder: &Path) -> io::Result<Ran> {
    let folder = step.folder().unwrap_or(folder);
    let (said, for_people) = io::pipe()?;
    let mut command = Command::new(step.program());
    command.args(step.arguments()).envs(step.variables()).current_dir(folder).stdin(Stdio::null());
    command.stderr(for_people.try_clone()?);
    if step.prints_for_programs() {
        command.stdout(Stdio::piped());
        drop(for_people);
    } else {
        command.stdout(for_people);
    }
    let mut child = command.spawn()?;
    // It holds the writing ends of the pipe; the one who reads would never see an end.
    drop(command);
    let printed = child.stdout.take().map(|stream| Reader::of(stream, Kept::new(MAX_PRINTED, 0)));
    let said = Reader::of(said, Kept::new(HEAD, TAIL));
    let status = child.wait()?;
    Ok(Ran {
        ended: if status.success() { Ok(()) } else { Err(status.to_string()) },
        said: said.text()?,
        printed: printed.map_or(Ok(String::new()), Reader::text)?,
    })
}

/// A thread that reads what a tool says.
struct Reader {
    kept: Arc<Mutex<Kept>>,
    ended: mpsc::Receiver<io::Result<()>>,
}

impl Reader {
    fn of(mut stream: impl Read + Send + 'static, kept: Kept) -> Self {
        let (end, ended) = mpsc::channel();
        let kept = Arc::new(Mutex::new(kept));
        let keeping = Arc::clone(&kept);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            let ended = loop {
                match stream.read(&mut buffer) {
                    Ok(count) => match buffer.get(..count) {
                        Some(bytes @ [_, ..]) => {
                            keeping.lock().unwrap_or_else(PoisonError::into_inner).add(bytes)
                        }
                        _ => break Ok(()),
                    },
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => break Err(error),
                }
            };
            // The one who waits may have given up.
            let _ = end.send(ended);
        });
        Self { kept, ended }
    }

    /// What was kept, when the tool has ended.
    fn text(self) -> io::Result<String> {
        match self.ended.recv_timeout(LAST_WORDS) {
            Ok(ended) => ended?,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        Ok(self.kept.lock().unwrap_or_else(PoisonError::into_inner).text())
    }
}

/// The beginning and the end of something long.
struct Kept {
    head: Vec<u8>,
    most_head: usize,
    tail: VecDeque<u8>,
    most_tail: usize,
    left_out: u64,
}

impl Kept {
    const fn new(most_head: usize, most_tail: usize) -> Self {
        Self { head: Vec::new(), most_head, tail: VecDeque::new(), most_tail, left_out: 0 }
    }

    fn add(&mut self, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(bytes.len().min(self.most_head.saturating_sub(self.head.len())));
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let too_many = self.tail.len().saturating_sub(self.most_tail);
        self.tail.drain(..too_many);
        self.left_out = self.left_out.saturating_add(u64::try_from(too_many).unwrap_or(u64::MAX));
    }

    fn text(&mut self) -> String {
        let mut text = String::from_utf8_lossy(&self.head).into_owned();
        if self.left_out > 0 {
            text.push_str(&format!("\n[{} bytes left out]\n", self.left_out));
        }
        text.push_str(&String::from_utf8_lossy(self.tail.make_contiguous()));
        text
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Step {
        Step::new("sh").args(["-c", script])
    }

    #[test]
    fn what_a_command_says_is_kept_in_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let ran = run(&shell("echo one; echo two >&2; echo three"), folder.path()).unwrap();
        assert_eq!((ran.said.as_str(), ran.printed.as_str()), ("one\ntwo\nthree\n", ""));
        ran.ended.unwrap();
    }

    #[test]
    fn what_is_for_programs_is_kept_apart() {
        let folder = tempfile::tempdir().unwrap();
        let ran =
            run(&shell("echo one; echo two >&2; exit 3").printing_for_programs(), folder.path()).unwrap();
        assert_eq!((ran.said.as_str(), ran.printed.as_str()), ("two\n", "one\n"));
        assert!(ran.ended.unwrap_err().contains('3'));
    }

    #[test]
    fn what_a_tool_leaves_behind_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        // It goes on with the output of the tool until the test has ended.
        let script = "echo begun; (while [ -e . ] && [ -e \"$0\" ]; do :; done) & exit 4";
        let there = folder.path().join("there");
        std::fs::write(&there, "").unwrap();
        let ran = run(&shell(script).arg(&there), folder.path()).unwrap();
        std::fs::remove_file(there).unwrap();
        assert_eq!(ran.said, "begun\n");
        assert!(ran.ended.unwrap_err().contains('4'));
    }

    #[test]
    fn of_a_flood_the_beginning_and_the_end_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let script = "echo first; i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789012345678; i=$((i+1)); done; echo last";
        let said = run(&shell(script), folder.path()).unwrap().said;
        assert!(said.starts_with("first\n") && said.ends_with("last\n"), "{said}");
        assert!(said.contains("bytes left out]"));
        assert!(said.len() < HEAD + TAIL + 100);
    }

    #[test]
    fn it_runs_in_the_folder_of_the_sources_or_in_that_of_the_step_with_nothing_to_read() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        std::fs::create_dir(folder.join("below")).unwrap();
        let script = "pwd; cat; echo $WORD";
        let said = |step: Step| run(&step.variable("WORD", "hello"), &folder).unwrap().said;
        assert_eq!(said(shell(script)), format!("{}\nhello\n", folder.display()));
        let below = folder.join("below");
        assert_eq!(said(shell(script).in_folder(&below)), format!("{}\nhello\n", below.display()));
    }
}
