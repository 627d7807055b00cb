//! The lines that instances write, each with its instance in front, and its start-up task if one wrote it.

use std::collections::BTreeMap;

use wasm_roles_fabric::Line;

use super::{clean::clean, color::paint};

/// How lines of guests are written.
pub struct GuestLines {
    prefixes: Option<Prefixes>,
}

struct Prefixes {
    by_instance: BTreeMap<String, String>,
    colored: bool,
}

impl GuestLines {
    /// As the guests wrote them.
    pub const fn raw() -> Self {
        Self { prefixes: None }
    }

    /// With the instance in front, and safe to look at.
    pub fn prefixed<'a>(instances: impl Iterator<Item = &'a str> + Clone, colored: bool) -> Self {
        let width = instances.clone().map(|id| id.chars().count()).max().unwrap_or_default();
        let prefix = |(number, id): (usize, &str)| {
            let padded = format!("{id:<width$} | ");
            (id.to_owned(), if colored { paint(&padded, number) } else { padded })
        };
        Self {
            prefixes: Some(Prefixes { by_instance: instances.enumerate().map(prefix).collect(), colored }),
        }
    }

    /// One line, with its end; `task` wrote it, or the role itself.
    pub fn line(&self, instance: &str, task: Option<&str>, line: &Line) -> Vec<u8> {
        match &self.prefixes {
            // A piece of a line that was too long goes on without a line end.
            None if line.cut => line.bytes.clone(),
            None => [line.bytes.as_slice(), b"\n"].concat(),
            Some(prefixes) => {
                let prefix = prefixes.by_instance.get(instance).map_or(instance, String::as_str);
                let task =
                    task.map(|task| format!("{}: ", clean(task.as_bytes(), false))).unwrap_or_default();
                format!("{prefix}{task}{}\n", clean(&line.bytes, prefixes.colored)).into_bytes()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &[u8]) -> Line {
        Line { bytes: text.to_vec(), cut: false }
    }

    #[test]
    fn prefixes_are_padded_to_the_longest_id() {
        let lines = GuestLines::prefixed(["Web_IN_0", "Worker_IN_0"].into_iter(), false);
        assert_eq!(lines.line("Web_IN_0", None, &line(b"hello")), b"Web_IN_0    | hello\n");
        assert_eq!(lines.line("Worker_IN_0", None, &line(b"hello\r")), b"Worker_IN_0 | hello\\r\n");
        let of_task = lines.line("Web_IN_0", Some("a\x1b.cmd"), &line(b"hello"));
        assert_eq!(of_task, b"Web_IN_0    | a\\u{1b}.cmd: hello\n");
    }

    #[test]
    fn raw_lines_are_the_bytes_of_the_guest() {
        let lines = GuestLines::raw();
        assert_eq!(lines.line("Web_IN_0", None, &line(b"\x1b[2J\xff")), b"\x1b[2J\xff\n");
        let piece = Line { bytes: b"half".to_vec(), cut: true };
        assert_eq!(lines.line("Web_IN_0", None, &piece), b"half");
    }
}
