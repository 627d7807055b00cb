//! The book: a file of lines, one for each entry, and the newest of them in memory.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use guestbook_wire::Draft;
use guestbook_wire::book::Entry;

/// Lines in the file for each entry that is kept, before it is written anew without what is forgotten.
const LINES_FOR_EACH: usize = 2;

/// The entries of the guestbook.
#[derive(Debug)]
pub(crate) struct Book {
    folder: PathBuf,
    file: File,
    /// Bytes and lines in the file.
    length: u64,
    lines: usize,
    /// How many entries are kept.
    kept: usize,
    /// The oldest first.
    entries: VecDeque<Entry>,
}

impl Book {
    /// Opens the book in a folder, an empty one if there is none. Gives also the number of lines that mean nothing: a
    /// machine that loses power in the middle of an entry leaves such a line. The newest `kept` entries are kept.
    pub(crate) fn open(folder: &Path, kept: usize) -> io::Result<(Self, usize)> {
        let written = match fs::read_to_string(path(folder)) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut entries: VecDeque<Entry> = written
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .filter_map(Entry::from_line)
            .collect();
        let lines = written.split_inclusive('\n').count();
        let lost = lines.saturating_sub(entries.len());
        entries.drain(..entries.len().saturating_sub(kept));
        let file = append(folder)?;
        let mut book =
            Self { folder: folder.to_owned(), length: file.metadata()?.len(), file, lines, kept, entries };
        if lost > 0 || book.lines >= book.max_lines() {
            book.write_anew()?;
        }
        Ok((book, lost))
    }

    const fn max_lines(&self) -> usize {
        self.kept.saturating_mul(LINES_FOR_EACH)
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds an entry and gives its number. It is in the file when this returns.
    pub(crate) fn add(&mut self, draft: Draft, seconds: u64) -> io::Result<u64> {
        if self.lines >= self.max_lines() {
            self.write_anew()?;
        }
        let number = self.entries.back().map_or(1, |last| last.number.saturating_add(1));
        let entry = Entry { number, seconds, draft };
        let line = entry.to_line();
        if let Err(error) = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data()) {
            // Half a line would spoil the next one.
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length = self.length.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        self.lines = self.lines.saturating_add(1);
        self.entries.push_back(entry);
        if self.entries.len() > self.kept {
            self.entries.pop_front();
        }
        Ok(number)
    }

    /// The newest entries with numbers up to this one, the newest first.
    pub(crate) fn list(&self, newest: u64, count: usize) -> Vec<Entry> {
        let wanted = self.entries.iter().rev().skip_while(|entry| entry.number > newest);
        wanted.take(count).cloned().collect()
    }

    /// Writes a file without what is forgotten, then puts it in the place of the old one.
    fn write_anew(&mut self) -> io::Result<()> {
        let new = self.folder.join("entries.new");
        let lines: String = self.entries.iter().map(Entry::to_line).collect();
        let mut file = File::create(&new)?;
        file.write_all(lines.as_bytes())?;
        file.sync_data()?;
        drop(file);
        fs::rename(&new, path(&self.folder))?;
        self.file = append(&self.folder)?;
        self.length = self.file.metadata()?.len();
        self.lines = self.entries.len();
        Ok(())
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("entries")
}

fn append(folder: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(text: &str) -> Draft {
        Draft::new("Ada", text).unwrap()
    }

    fn texts(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.draft.text()).collect()
    }

    #[test]
    fn the_newest_come_first_and_older_ones_page_by_page() {
        let folder = tempfile::tempdir().unwrap();
        let (mut book, _) = Book::open(folder.path(), 10).unwrap();
        assert_eq!(["a", "b", "c"].map(|text| book.add(draft(text), 7).unwrap()), [1, 2, 3]);
        assert_eq!(texts(&book.list(u64::MAX, 2)), ["c", "b"]);
        assert_eq!(texts(&book.list(1, 2)), ["a"]);
        assert_eq!(texts(&book.list(0, 2)), [""; 0]);
    }

    #[test]
    fn a_book_that_is_opened_again_is_the_same_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (mut book, _) = Book::open(folder.path(), 10).unwrap();
        book.add(draft("one\ntwo"), 7).unwrap();
        let before = book.list(9, 9);
        let (mut book, lost) = Book::open(folder.path(), 10).unwrap();
        assert_eq!((book.list(9, 9), lost), (before, 0));
        assert_eq!(book.add(draft("three"), 8).unwrap(), 2);
    }

    #[test]
    fn half_a_line_is_left_out_and_does_not_spoil_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let (mut book, _) = Book::open(folder.path(), 10).unwrap();
        book.add(draft("whole"), 7).unwrap();
        append(folder.path()).unwrap().write_all(b"entry\t2\t8\tAda\tha").unwrap();
        let (mut book, lost) = Book::open(folder.path(), 10).unwrap();
        assert_eq!(lost, 1);
        book.add(draft("next"), 9).unwrap();
        let (book, lost) = Book::open(folder.path(), 10).unwrap();
        assert_eq!((texts(&book.list(9, 9)), lost), (vec!["next", "whole"], 0));
    }

    #[test]
    fn a_book_forgets_the_oldest_and_its_file_stays_small() {
        let folder = tempfile::tempdir().unwrap();
        let (mut book, _) = Book::open(folder.path(), 10).unwrap();
        for number in 1..=45 {
            book.add(draft(&number.to_string()), 7).unwrap();
        }
        assert_eq!(book.len(), 10);
        let lines = fs::read_to_string(path(folder.path())).unwrap().lines().count();
        assert!(lines <= 20, "{lines}");
        let (again, _) = Book::open(folder.path(), 10).unwrap();
        assert_eq!(again.list(u64::MAX, usize::MAX), book.list(u64::MAX, usize::MAX));
    }
}
