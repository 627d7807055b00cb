//! What is said about roles that are built: lines as it happens, one line for each role on a terminal, and the end of it.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;
use wasm_roles_service_plan::RoleName;
use wasm_roles_workshop::{BuildReport, Failed, Language, Outcome, Progress, RoleReport};

use super::clean;
use crate::failure::Failure;

/// A [`Progress`] that can be kept.
#[derive(Clone, Debug)]
pub enum Happened {
    Waiting,
    Runs {
        roles: Vec<RoleName>,
        command: String,
    },
    Ended(Box<RoleReport>),
    /// Something that this program does not know.
    Other,
}

impl From<Progress<'_>> for Happened {
    fn from(progress: Progress<'_>) -> Self {
        match progress {
            Progress::Waiting => Self::Waiting,
            Progress::Runs { roles, command, .. } => {
                Self::Runs { roles: roles.to_vec(), command: command.to_owned() }
            }
            Progress::Ended(report) => Self::Ended(Box::new(report.clone())),
            _ => Self::Other,
        }
    }
}

const WAITING: &str = "somebody else builds this service; waiting for the end of that";

/// One line about what has happened, or nothing.
pub fn line(happened: &Happened) -> String {
    match happened {
        Happened::Waiting => format!("{WAITING}\n"),
        Happened::Runs { roles, command } => format!("{}: {}\n", names(roles), brief(command)),
        Happened::Ended(report) => format!("{}: {}\n", report.role, ended(report)),
        Happened::Other => String::new(),
    }
}

fn names(roles: &[RoleName]) -> String {
    roles.iter().map(RoleName::as_str).collect::<Vec<_>>().join(", ")
}

/// A command that goes well need not be shown whole: the paths in it are long.
fn brief(command: &str) -> String {
    const LONGEST: usize = 60;
    let command = shown(command);
    match command.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", command.get(..end).unwrap_or_default()),
        None => command,
    }
}

/// What comes from tools and file names, safe for a terminal.
fn shown(text: &str) -> String {
    clean(text.as_bytes(), false)
}

fn ended(report: &RoleReport) -> String {
    let component = shown(&report.component.display().to_string());
    match &report.outcome {
        Outcome::Built => format!("built {component}"),
        Outcome::Unchanged => "unchanged".to_owned(),
        Outcome::NotBuilt { looked_in, component_is_there } => {
            let looked_in = shown(&looked_in.display().to_string());
            if *component_is_there {
                format!("no sources in {looked_in}; its component is {component}")
            } else {
                format!("no sources in {looked_in}; its sites are files")
            }
        }
        Outcome::Failed(_) => "failed".to_owned(),
    }
}

/// How many roles came out how.
pub fn summary(report: &BuildReport) -> String {
    let count = |is: fn(&Outcome) -> bool| report.roles.iter().filter(|role| is(&role.outcome)).count();
    let counts = [
        (count(|outcome| matches!(outcome, Outcome::Built)), "built"),
        (count(|outcome| matches!(outcome, Outcome::Unchanged)), "unchanged"),
        (count(|outcome| matches!(outcome, Outcome::NotBuilt { .. })), "without sources"),
        (count(|outcome| matches!(outcome, Outcome::Failed(_))), "failed"),
    ];
    let words = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    format!("{}\n", words.collect::<Vec<_>>().join(", "))
}

/// What is wrong with the roles that could not be built; roles that have the same fault share the words.
pub fn failures(report: &BuildReport) -> String {
    let mut told: Vec<(Vec<&RoleReport>, &Failed)> = Vec::new();
    for role in &report.roles {
        let Outcome::Failed(failed) = &role.outcome else { continue };
        match told.iter_mut().find(|(_, other)| *other == failed) {
            Some((roles, _)) => roles.push(role),
            None => told.push((vec![role], failed)),
        }
    }
    told.iter().map(|(roles, failed)| failure(roles, failed)).collect()
}

fn failure(roles: &[&RoleReport], failed: &Failed) -> String {
    let names: Vec<&str> = roles.iter().map(|report| report.role.as_str()).collect();
    let (plural, are) = if names.len() == 1 { ("role", "is") } else { ("roles", "are") };
    let mut text =
        format!("error: {plural} {} {are} not built: {}\n", names.join(", "), shown(&failed.message));
    for line in failed.output.lines() {
        let _ = writeln!(text, "  | {}", shown(line));
    }
    for hint in &failed.hints {
        let _ = writeln!(text, "  hint: {}", shown(hint));
    }
    text
}

/// One line for each role on a terminal.
pub struct Board {
    rows: Vec<Row>,
    /// Said above the rows, once.
    notes: String,
    /// How many lines are on the screen.
    drawn: usize,
}

struct Row {
    role: RoleName,
    state: State,
}

enum State {
    /// Nothing has happened yet.
    Silent,
    Runs {
        command: String,
        since: Duration,
    },
    Ended {
        words: String,
        took: Option<Duration>,
    },
}

impl Board {
    /// For these roles, with nothing said about any.
    pub fn of(roles: &[RoleName]) -> Self {
        let row = |role: &RoleName| Row { role: role.clone(), state: State::Silent };
        Self { rows: roles.iter().map(row).collect(), notes: String::new(), drawn: 0 }
    }

    /// Something has happened, so long after the beginning.
    pub fn hears(&mut self, happened: Happened, now: Duration) {
        match happened {
            Happened::Other => {}
            Happened::Waiting => self.notes = format!("{WAITING}\n"),
            Happened::Runs { roles, command } => {
                for row in self.rows.iter_mut().filter(|row| roles.contains(&row.role)) {
                    let since = match row.state {
                        State::Runs { since, .. } => since,
                        State::Silent | State::Ended { .. } => now,
                    };
                    row.state = State::Runs { command: brief(&command), since };
                }
            }
            Happened::Ended(report) => {
                for row in self.rows.iter_mut().filter(|row| row.role == report.role) {
                    let took = match row.state {
                        State::Runs { since, .. } => Some(now.saturating_sub(since)),
                        State::Silent | State::Ended { .. } => None,
                    };
                    row.state = State::Ended { words: ended(&report), took };
                }
            }
        }
    }

    /// The text that puts the present state in the place of what it drew before. Lines are cut to `width`: of a longer one the
    /// terminal would make two.
    pub fn redrawn(&mut self, width: Option<usize>, now: Duration) -> String {
        let mut text = String::new();
        if self.drawn > 0 {
            let _ = write!(text, "\x1b[{}A", self.drawn);
        }
        let mut put = |line: &str| {
            let cut: String = line.chars().take(width.unwrap_or(usize::MAX)).collect();
            let _ = writeln!(text, "{cut}\x1b[K");
        };
        std::mem::take(&mut self.notes).lines().for_each(&mut put);
        let longest = self.rows.iter().map(|row| row.role.as_str().len()).max().unwrap_or_default();
        let mut drawn = 0_usize;
        for row in &self.rows {
            let words = match &row.state {
                State::Silent => continue,
                State::Runs { command, since } => {
                    format!("{} {command}", seconds(now.saturating_sub(*since)))
                }
                State::Ended { words, took: Some(took) } => format!("{} {words}", seconds(*took)),
                State::Ended { words, took: None } => format!("{:7} {words}", ""),
            };
            put(&format!("{:longest$} {words}", row.role));
            drawn = drawn.saturating_add(1);
        }
        self.drawn = drawn;
        text
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:5.1} s", duration.as_secs_f64())
}

/// The same for programs.
#[derive(Serialize)]
pub struct Document<'a> {
    ok: bool,
    error: Option<Wrong<'a>>,
    roles: Vec<Role<'a>>,
}

#[derive(Serialize)]
struct Wrong<'a> {
    message: &'a str,
    hints: Vec<&'a str>,
}

#[derive(Serialize)]
struct Role<'a> {
    role: &'a str,
    language: Option<Language>,
    outcome: &'static str,
    component: String,
    message: Option<&'a str>,
    hints: &'a [String],
    output: &'a str,
}

impl<'a> Document<'a> {
    /// About a build, or about why there was none.
    pub fn of(report: Result<&'a BuildReport, &'a Failure>) -> Self {
        let error = report.err().and_then(|failure| failure.reasons().first()).map(|reason| Wrong {
            message: &reason.message,
            hints: reason.hint.as_deref().into_iter().collect(),
        });
        let reports = report.map(|report| report.roles.as_slice()).unwrap_or_default();
        Self {
            ok: report.is_ok_and(BuildReport::is_ok),
            error,
            roles: reports.iter().map(Role::of).collect(),
        }
    }

    /// Whether every role has what it needs.
    pub const fn is_ok(&self) -> bool {
        self.ok
    }
}

impl<'a> Role<'a> {
    fn of(report: &'a RoleReport) -> Self {
        let failed = match &report.outcome {
            Outcome::Failed(failed) => Some(failed),
            Outcome::Built | Outcome::Unchanged | Outcome::NotBuilt { .. } => None,
        };
        Self {
            role: report.role.as_str(),
            language: report.language,
            outcome: match &report.outcome {
                Outcome::Built => "built",
                Outcome::Unchanged => "unchanged",
                Outcome::NotBuilt { .. } => "no-sources",
                Outcome::Failed(_) => "failed",
            },
            component: report.component.display().to_string(),
            message: failed.map(|failed| failed.message.as_str()),
            hints: failed.map(|failed| failed.hints.as_slice()).unwrap_or_default(),
            output: failed.map(|failed| failed.output.as_str()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str) -> RoleName {
        RoleName::new(name).unwrap()
    }

    fn runs(name: &str, command: &str) -> Happened {
        Happened::Runs { roles: vec![role(name)], command: command.to_owned() }
    }

    fn ended(name: &str, outcome: Outcome) -> Happened {
        let component = format!("{name}/{name}.wasm").into();
        Happened::Ended(Box::new(RoleReport { role: role(name), language: None, component, outcome }))
    }

    #[test]
    fn on_a_terminal_each_role_has_a_line_of_its_own() {
        let mut board = Board::of(&[role("Web"), role("Worker")]);
        let at = Duration::from_millis;
        board.hears(runs("Worker", "cargo build"), at(0));
        assert_eq!(board.redrawn(None, at(200)), "Worker   0.2 s cargo build\x1b[K\n");
        board.hears(ended("Web", Outcome::Unchanged), at(300));
        assert_eq!(
            board.redrawn(Some(20), at(1500)),
            "\x1b[1AWeb            uncha\x1b[K\nWorker   1.5 s cargo\x1b[K\n"
        );
        board.hears(ended("Worker", Outcome::Built), at(12_340));
        assert_eq!(
            board.redrawn(None, at(20_000)),
            "\x1b[2AWeb            unchanged\x1b[K\nWorker  12.3 s built Worker/Worker.wasm\x1b[K\n"
        );
    }

    #[test]
    fn roles_with_the_same_fault_share_the_words() {
        let failed = |message: &str| {
            Outcome::Failed(Failed { message: message.to_owned(), hints: Vec::new(), output: String::new() })
        };
        let report = |name: &str, outcome| RoleReport {
            role: role(name),
            language: None,
            component: name.into(),
            outcome,
        };
        let roles = vec![
            report("A", failed("no cargo")),
            report("B", Outcome::Built),
            report("C", failed("no cargo")),
        ];
        let report = BuildReport { roles };
        assert_eq!(failures(&report), "error: roles A, C are not built: no cargo\n");
        assert_eq!(summary(&report), "1 built, 2 failed\n");
    }

    #[test]
    fn of_a_long_command_the_beginning_is_shown() {
        let command = format!("make {}", "ü".repeat(100));
        assert_eq!(line(&runs("Web", &command)), format!("Web: make {}…\n", "ü".repeat(55)));
    }

    #[test]
    fn words_of_a_tool_cannot_draw_on_the_terminal() {
        assert_eq!(line(&runs("Web", "cargo \x1b[2J")), "Web: cargo \\u{1b}[2J\n");
        let failed = Failed {
            message: "it \x07failed".to_owned(),
            hints: vec!["wait\r".to_owned()],
            output: "one\x1b]0;x\x07\ntwo".to_owned(),
        };
        let component = "Web/Web.wasm".into();
        let report =
            RoleReport { role: role("Web"), language: None, component, outcome: Outcome::Failed(failed) };
        assert_eq!(
            failures(&BuildReport { roles: vec![report] }),
            "error: role Web is not built: it \\u{7}failed\n  | one\\u{1b}]0;x\\u{7}\n  | two\n  hint: wait\\r\n"
        );
    }
}
