//! Places in a source text, as people count them.

use std::fmt;
use std::sync::Arc;

/// A piece of one line of a source text.
///
/// Line and column count from 1, columns and lengths in characters (a tab is one character). A byte order mark
/// has no column. A piece that would cross the end of its line is cut there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Span {
    /// The name of the source, as its [`crate::Source`] has it.
    pub source: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column of the first character, from 1.
    pub column: u32,
    /// Characters on this line; 0 for a place between two characters.
    pub len: u32,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source, self.line, self.column)
    }
}

/// Turns byte offsets of one text into [`Span`]s.
///
/// It remembers the last place, so a reader that asks in ascending order, as an XML reader does, pays for each
/// character once, however long the lines are.
pub(crate) struct Locator<'a> {
    source: Arc<str>,
    text: &'a str,
    offset: usize,
    line: u32,
    column: u32,
}

impl<'a> Locator<'a> {
    pub(crate) fn new(source: &str, text: &'a str) -> Self {
        Locator { source: Arc::from(source), text, offset: 0, line: 1, column: 1 }
    }

    /// The span of `len` bytes from byte `start`. Offsets outside the text mean its end.
    pub(crate) fn span(&mut self, start: usize, len: usize) -> Span {
        let start = self.text.floor_char_boundary(start);
        if start < self.offset {
            (self.offset, self.line, self.column) = (0, 1, 1);
        }
        for character in self.text.get(self.offset..start).unwrap_or_default().chars() {
            if character == '\n' {
                self.line = self.line.saturating_add(1);
                self.column = 1;
            } else {
                self.column = self.column.saturating_add(1);
            }
        }
        self.offset = start;
        let end = self.text.floor_char_boundary(start.saturating_add(len));
        let piece = self.text.get(start..end).unwrap_or_default();
        let on_this_line = piece.split(['\r', '\n']).next().unwrap_or_default();
        let len = u32::try_from(on_this_line.chars().count()).unwrap_or(u32::MAX);
        Span { source: Arc::clone(&self.source), line: self.line, column: self.column, len }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_not_bytes() {
        let mut locator = Locator::new("a.csdef", "<é a='1'/>");
        let span = locator.span(4, 1);
        assert_eq!((span.line, span.column, span.len), (1, 4, 1));
    }

    #[test]
    fn a_windows_line_end_ends_the_piece_before_it() {
        let mut locator = Locator::new("a.csdef", "one\r\ntwo\r\n");
        assert_eq!(locator.span(0, 10).len, 3);
        let second = locator.span(5, 2);
        assert_eq!((second.line, second.column, second.len), (2, 1, 2));
    }

    #[test]
    fn places_may_be_asked_for_in_any_order() {
        let mut locator = Locator::new("a.csdef", "a\nb\nc");
        assert_eq!(locator.span(4, 1).line, 3);
        assert_eq!(locator.span(2, 1).line, 2);
        assert_eq!(locator.span(99, 1).line, 3);
    }
}
