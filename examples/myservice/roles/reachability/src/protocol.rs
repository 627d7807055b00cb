//! The question and its answer, as lines of text.
//!
//! ```text
//! ask      reachability 6000|WebRole1|WorkerRole1     milliseconds that the asker waits, then the visited roles
//! answer   WorkerRole2|WebRole1|InternalTCP1|connected
//!          WorkerRole2|WorkerRole1|InternalTCP2|access-denied
//!          end
//! ```
//!
//! `|` cannot be part of a role's or an endpoint's name (facts: names in a service definition).

use std::fmt::Write;
use std::time::Duration;

use crate::row::{Outcome, Row};

/// The longest question, in bytes: 25 roles with long names fit.
pub const MAX_QUESTION: usize = 4 * 1024;

/// The longest answer, in bytes: 25 roles that each try 25 endpoints fit.
pub const MAX_ANSWER: usize = 256 * 1024;

/// The longest that any asker waits.
pub const MAX_WAIT: Duration = Duration::from_secs(10);

const MAX_ROLES: usize = 100;
const LAST_LINE: &str = "end";

/// What an instance is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// How long the asker waits for the answer.
    pub wait: Duration,
    /// The roles that have been asked already.
    pub visited: Vec<String>,
}

impl Question {
    /// The question as a line.
    #[must_use]
    pub fn to_line(&self) -> String {
        let mut line = format!("reachability {}", self.wait.as_millis());
        for role in &self.visited {
            line.push('|');
            line.push_str(role);
        }
        line.push('\n');
        line
    }

    /// The question in a line; nothing if it is something else. A wait beyond [`MAX_WAIT`] is cut to it.
    #[must_use]
    pub fn from_line(line: &str) -> Option<Self> {
        let mut parts = line.strip_prefix("reachability ")?.trim_end_matches(['\r', '\n']).split('|');
        let wait = Duration::from_millis(parts.next()?.parse().ok()?).min(MAX_WAIT);
        let visited: Vec<_> = parts.take(MAX_ROLES + 1).map(str::to_owned).collect();
        (visited.len() <= MAX_ROLES).then_some(Self { wait, visited })
    }
}

/// The answer as lines.
#[must_use]
pub fn to_lines(rows: &[Row]) -> String {
    let mut lines = String::new();
    for Row { from, to, endpoint, outcome } in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{from}|{to}|{endpoint}|{outcome}");
    }
    lines.push_str(LAST_LINE);
    lines.push('\n');
    lines
}

/// The rows of an answer; nothing if it is not complete or not an answer.
#[must_use]
pub fn from_lines(text: &str) -> Option<Vec<Row>> {
    let body = text.strip_suffix('\n')?.strip_suffix(LAST_LINE)?;
    body.lines().map(row_from_line).collect()
}

fn row_from_line(line: &str) -> Option<Row> {
    let mut parts = line.split('|');
    let row = Row {
        from: parts.next()?.to_owned(),
        to: parts.next()?.to_owned(),
        endpoint: parts.next()?.to_owned(),
        outcome: Outcome::from(parts.next()?),
    };
    parts.next().is_none().then_some(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(visited: &[&str]) -> Question {
        Question {
            wait: Duration::from_millis(1500),
            visited: visited.iter().copied().map(str::to_owned).collect(),
        }
    }

    #[test]
    fn a_question_is_one_line() {
        let question = question(&["WebRole1", "Worker Role"]);
        assert_eq!(question.to_line(), "reachability 1500|WebRole1|Worker Role\n");
        assert_eq!(Question::from_line(&question.to_line()), Some(question));
    }

    #[test]
    fn the_first_question_names_nobody() {
        assert_eq!(Question::from_line("reachability 1500\r\n"), Some(question(&[])));
    }

    #[test]
    fn what_is_no_question_is_not_answered() {
        for line in ["", "GET / HTTP/1.1\r\n", "reachability \n", "reachability -1|A\n", "reachability|A\n"] {
            assert_eq!(Question::from_line(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_question_cannot_hold_an_instance_for_long() {
        let question = Question::from_line("reachability 99999999\n").unwrap();
        assert_eq!(question.wait, MAX_WAIT);
    }

    #[test]
    fn a_question_with_too_many_roles_is_not_answered() {
        let line = |roles: usize| format!("reachability 1{}\n", "|R".repeat(roles));
        assert!(Question::from_line(&line(MAX_ROLES)).is_some());
        assert_eq!(Question::from_line(&line(MAX_ROLES + 1)), None);
    }

    #[test]
    fn an_answer_is_read_back() {
        let rows = vec![Row {
            from: "WorkerRole2".to_owned(),
            to: "WebRole1".to_owned(),
            endpoint: "InternalTCP1".to_owned(),
            outcome: Outcome::AccessDenied,
        }];
        assert_eq!(to_lines(&rows), "WorkerRole2|WebRole1|InternalTCP1|access-denied\nend\n");
        assert_eq!(from_lines(&to_lines(&rows)), Some(rows));
        assert_eq!(from_lines(&to_lines(&[])), Some(vec![]));
    }

    #[test]
    fn half_an_answer_is_none() {
        for text in
            ["", "A|B|C|connected\n", "A|B|C|connected\nend", "A|B|connected\nend\n", "A|B|C|D|E\nend\n"]
        {
            assert_eq!(from_lines(text), None, "{text:?}");
        }
    }
}
