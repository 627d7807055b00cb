//! What the web role asks the checker.

use crate::{Draft, line};

/// Whether a draft may go into the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Fine,
    /// It may not, for this reason, which is shown to the visitor.
    Refused(String),
}

/// The question about a draft, as a line.
#[must_use]
pub fn question(draft: &Draft) -> String {
    line::write(&["check", draft.name(), draft.text()])
}

/// The draft that a line asks about; nothing if it is something else.
#[must_use]
pub fn draft_of(text: &str) -> Option<Draft> {
    let fields = line::read(text)?;
    let [kind, name, text] = fields.as_slice() else { return None };
    if kind == "check" { Draft::new(name, text).ok() } else { None }
}

impl Verdict {
    /// The verdict as a line.
    #[must_use]
    pub fn to_line(&self) -> String {
        match self {
            Self::Fine => line::write(&["fine"]),
            Self::Refused(why) => line::write(&["refused", why]),
        }
    }

    /// The verdict in a line; nothing if it is not complete or something else.
    #[must_use]
    pub fn from_line(text: &str) -> Option<Self> {
        let fields = line::read(text.strip_suffix('\n')?)?;
        match fields.as_slice() {
            [kind] if kind == "fine" => Some(Self::Fine),
            [kind, why] if kind == "refused" => Some(Self::Refused(why.clone())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_and_its_verdict_are_read_back() {
        let draft = Draft::new("Ada", "one\n\ttwo").unwrap();
        assert_eq!(draft_of(&question(&draft)), Draft::new("Ada", "one\ntwo").ok());
        for verdict in [Verdict::Fine, Verdict::Refused("one\ttwo".to_owned())] {
            assert_eq!(Verdict::from_line(&verdict.to_line()), Some(verdict));
        }
    }

    #[test]
    fn what_is_no_verdict_lets_nothing_pass() {
        for text in ["", "fine", "fine\tvery\n", "ok\n", "refused\n"] {
            assert_eq!(Verdict::from_line(text), None, "{text:?}");
        }
    }
}
