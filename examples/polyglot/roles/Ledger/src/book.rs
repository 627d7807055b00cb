//! The book: a file of lines `<sum> <times>`, of which the last for a sum counts, and all of it in memory.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Sums that the book has room for: with all of them the file stays below 5 MB.
const MAX_SUMS: usize = 50_000;
/// Lines for each sum, before the file is written anew.
const LINES_FOR_EACH: usize = 4;

/// How often each sum was counted.
#[derive(Debug)]
pub(crate) struct Book {
    folder: PathBuf,
    file: File,
    lines: usize,
    times: BTreeMap<String, u64>,
}

impl Book {
    /// Opens the book in a folder, an empty one if there is none. A line that was not written to its end is left out.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let written = match fs::read_to_string(path(folder)) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut times = BTreeMap::new();
        for line in written.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            if let Some((sum, Ok(count))) = line.split_once(' ').map(|(sum, count)| (sum, count.parse())) {
                times.insert(sum.to_owned(), count);
            }
        }
        write_anew(folder, &times)?;
        Ok(Self { folder: folder.to_owned(), file: append(folder)?, lines: times.len(), times })
    }

    /// Counts a sum, and says how often it was counted. It is in the file when this returns.
    pub(crate) fn count(&mut self, sum: &str) -> io::Result<u64> {
        if self.times.len() >= MAX_SUMS && !self.times.contains_key(sum) {
            return Err(io::Error::other("the book is full"));
        }
        if self.lines >= MAX_SUMS.saturating_mul(LINES_FOR_EACH) {
            write_anew(&self.folder, &self.times)?;
            self.file = append(&self.folder)?;
            self.lines = self.times.len();
        }
        let times = self.times.get(sum).map_or(1, |times| times.saturating_add(1));
        self.file.write_all(format!("{sum} {times}\n").as_bytes())?;
        self.lines = self.lines.saturating_add(1);
        self.times.insert(sum.to_owned(), times);
        Ok(times)
    }
}

/// Writes a file with one line for each sum, then puts it in the place of the old one.
fn write_anew(folder: &Path, times: &BTreeMap<String, u64>) -> io::Result<()> {
    let new = folder.join("book.new");
    let lines: String = times.iter().map(|(sum, times)| format!("{sum} {times}\n")).collect();
    fs::write(&new, lines)?;
    fs::rename(&new, path(folder))
}

fn path(folder: &Path) -> PathBuf {
    folder.join("book")
}

fn append(folder: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sum_is_counted_for_itself() {
        let folder = tempfile::tempdir().unwrap();
        let mut book = Book::open(folder.path()).unwrap();
        let counted = ["aa", "bb", "aa", "aa"].map(|sum| book.count(sum).unwrap());
        assert_eq!(counted, [1, 1, 2, 3]);
    }

    #[test]
    fn a_book_that_is_opened_again_goes_on_also_after_half_a_line() {
        let folder = tempfile::tempdir().unwrap();
        Book::open(folder.path()).unwrap().count("aa").unwrap();
        append(folder.path()).unwrap().write_all(b"aa 99").unwrap();
        let mut book = Book::open(folder.path()).unwrap();
        assert_eq!(book.count("aa").unwrap(), 2);
        assert_eq!(Book::open(folder.path()).unwrap().count("aa").unwrap(), 3);
    }
}
