//! What a visitor writes, before it is an entry.

use std::fmt;

/// The longest name, in characters.
pub const MAX_NAME: usize = 40;

/// The longest text, in characters.
pub const MAX_TEXT: usize = 500;

/// A name and a text that the guestbook could take. Neither is empty or too long, and there are no control characters in them
/// but the line feeds of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    name: String,
    text: String,
}

impl Draft {
    /// Takes what a visitor typed, without the spaces around it, and without what cannot be seen.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks.
    pub fn new(name: &str, text: &str) -> Result<Self, DraftError> {
        let name: String = name.chars().filter(|character| !character.is_control()).collect();
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let text: String =
            text.chars().filter(|character| *character == '\n' || !character.is_control()).collect();
        let (name, text) = (name.trim().to_owned(), text.trim().to_owned());
        if name.is_empty() {
            return Err(DraftError::NoName);
        }
        if name.chars().count() > MAX_NAME {
            return Err(DraftError::LongName);
        }
        if text.is_empty() {
            return Err(DraftError::NoText);
        }
        if text.chars().count() > MAX_TEXT {
            return Err(DraftError::LongText);
        }
        Ok(Self { name, text })
    }

    /// Who wrote it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was written; lines end with line feeds.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A rule that a draft breaks, in the words for its visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftError {
    /// There is no name.
    NoName,
    /// The name is longer than [`MAX_NAME`].
    LongName,
    /// There is no text.
    NoText,
    /// The text is longer than [`MAX_TEXT`].
    LongText,
}

impl fmt::Display for DraftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoName => f.write_str("Please say who you are."),
            Self::LongName => write!(f, "A name can have {MAX_NAME} characters at most."),
            Self::NoText => f.write_str("Please write something."),
            Self::LongText => write!(f, "A text can have {MAX_TEXT} characters at most."),
        }
    }
}

impl std::error::Error for DraftError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_what_was_typed_without_what_cannot_be_seen() {
        let draft = Draft::new(" Ada\u{7} \n", "\r\nfirst\r\nsecond\u{0}\n ").unwrap();
        assert_eq!((draft.name(), draft.text()), ("Ada", "first\nsecond"));
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        let (name, text) = ("ž".repeat(MAX_NAME), "\u{1f980}".repeat(MAX_TEXT));
        assert!(Draft::new(&name, &text).is_ok());
        assert_eq!(Draft::new(&(name.clone() + "x"), &text), Err(DraftError::LongName));
        assert_eq!(Draft::new(&name, &(text + "x")), Err(DraftError::LongText));
    }

    #[test]
    fn nothing_is_no_draft() {
        assert_eq!(Draft::new(" \n", "hello"), Err(DraftError::NoName));
        assert_eq!(Draft::new("Ada", "\u{1b}\n"), Err(DraftError::NoText));
    }
}
