//! What the web role asks the role that keeps the entries.

use crate::{Draft, line};

/// The most entries in one answer.
pub const MAX_LISTED: usize = 50;

/// The last line of a list: without it, a part was lost.
const END: &str = "end";

/// An entry of the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counted from 1 in the order in which they were added.
    pub number: u64,
    /// When it was added, in seconds since 1970.
    pub seconds: u64,
    /// Who wrote what.
    pub draft: Draft,
}

impl Entry {
    /// The entry as a line, as it is sent and as it is kept.
    #[must_use]
    pub fn to_line(&self) -> String {
        let (number, seconds) = (self.number.to_string(), self.seconds.to_string());
        line::write(&["entry", &number, &seconds, self.draft.name(), self.draft.text()])
    }

    /// The entry in a line; nothing if it is something else.
    #[must_use]
    pub fn from_line(text: &str) -> Option<Self> {
        let fields = line::read(text)?;
        let [kind, number, seconds, name, text] = fields.as_slice() else { return None };
        let draft = Draft::new(name, text).ok()?;
        (kind == "entry").then_some(Self {
            number: number.parse().ok()?,
            seconds: seconds.parse().ok()?,
            draft,
        })
    }
}

/// A question about the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Add this.
    Add(Draft),
    /// The newest entries with numbers up to `newest`, the newest first.
    List {
        /// The highest number to show.
        newest: u64,
        /// How many; at most [`MAX_LISTED`].
        count: usize,
    },
}

impl Question {
    /// The question as a line.
    #[must_use]
    pub fn to_line(&self) -> String {
        match self {
            Self::Add(draft) => line::write(&["add", draft.name(), draft.text()]),
            Self::List { newest, count } => line::write(&["list", &newest.to_string(), &count.to_string()]),
        }
    }

    /// The question in a line; nothing if it is something else.
    #[must_use]
    pub fn from_line(text: &str) -> Option<Self> {
        let fields = line::read(text)?;
        let [kind, first, second] = fields.as_slice() else { return None };
        match kind.as_str() {
            "add" => Some(Self::Add(Draft::new(first, second).ok()?)),
            "list" => {
                let count: usize = second.parse().ok()?;
                Some(Self::List { newest: first.parse().ok()?, count: count.min(MAX_LISTED) })
            }
            _ => None,
        }
    }
}

/// The answer of the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has been added, under this number.
    Added(u64),
    /// The entries that were asked for.
    Entries(Vec<Entry>),
    /// It cannot be done, and why.
    Refused(String),
}

impl Answer {
    /// The answer as lines.
    #[must_use]
    pub fn to_lines(&self) -> String {
        match self {
            Self::Added(number) => line::write(&["added", &number.to_string()]),
            Self::Refused(why) => line::write(&["refused", why]),
            Self::Entries(entries) => {
                let mut lines: String = entries.iter().map(Entry::to_line).collect();
                lines.push_str(&line::write(&[END]));
                lines
            }
        }
    }

    /// The answer in lines; nothing if it is not complete or something else.
    #[must_use]
    pub fn from_lines(text: &str) -> Option<Self> {
        let text = text.strip_suffix('\n')?;
        if let Some(entries) = text.strip_suffix(END).filter(|head| head.is_empty() || head.ends_with('\n')) {
            return entries.lines().map(Entry::from_line).collect::<Option<_>>().map(Self::Entries);
        }
        let fields = line::read(text)?;
        match fields.as_slice() {
            [kind, number] if kind == "added" => number.parse().ok().map(Self::Added),
            [kind, why] if kind == "refused" => Some(Self::Refused(why.clone())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MAX_ANSWER, MAX_NAME, MAX_QUESTION, MAX_TEXT};

    fn draft(name: &str, text: &str) -> Draft {
        Draft::new(name, text).unwrap()
    }

    #[test]
    fn questions_and_answers_are_read_back() {
        for question in
            [Question::Add(draft("Ada", "one\ntwo\\")), Question::List { newest: u64::MAX, count: 20 }]
        {
            assert_eq!(Question::from_line(&question.to_line()), Some(question));
        }
        let entry = |number| Entry { number, seconds: 1_800_000_000, draft: draft("end", "end\n\nend") };
        for answer in [
            Answer::Added(17),
            Answer::Refused("the disk is full".to_owned()),
            Answer::Entries(vec![]),
            Answer::Entries(vec![entry(2), entry(1)]),
        ] {
            assert_eq!(Answer::from_lines(&answer.to_lines()), Some(answer));
        }
    }

    #[test]
    fn what_is_no_question_is_not_answered() {
        let long = format!("add\tAda\t{}\n", "x".repeat(MAX_TEXT + 1));
        for line in ["", "\n", "add\tAda\n", "list\t-1\t5\n", "list\t1\n", "GET / HTTP/1.1\r\n", &long] {
            assert_eq!(Question::from_line(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_list_cannot_be_longer_than_a_page() {
        let question = Question::from_line("list\t9\t1000000\n");
        assert_eq!(question, Some(Question::List { newest: 9, count: MAX_LISTED }));
    }

    #[test]
    fn half_an_answer_is_none() {
        for text in ["", "added\t1", "entry\t1\t2\tAda\thello\n", "entry\t1\t2\tAda\thello\nend", "xend\n"] {
            assert_eq!(Answer::from_lines(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_longest_draft_fits_a_question_and_a_page_of_them_an_answer() {
        let draft = draft(&"\\".repeat(MAX_NAME), &"\u{1f980}".repeat(MAX_TEXT));
        assert!(Question::Add(draft.clone()).to_line().len() <= MAX_QUESTION);
        let entry = Entry { number: u64::MAX, seconds: u64::MAX, draft };
        assert!(Answer::Entries(vec![entry; MAX_LISTED]).to_lines().len() <= MAX_ANSWER);
    }
}
