//! Standard output of the commands that print what they were asked for.

use std::io::{self, Write};

use anyhow::{Context, Result};

/// Whether somebody reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    There,
    /// It has closed standard output: it has read enough, which is no failure.
    Gone,
}

/// Writes to standard output, whoever reads it.
pub fn print(text: impl AsRef<[u8]>) -> Result<()> {
    print_to_reader(text).map(drop)
}

/// Writes to standard output, and says whether more is worth writing.
pub fn print_to_reader(text: impl AsRef<[u8]>) -> Result<Reader> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_ref()).and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(error).context("standard output cannot be written"),
    }
}

/// Writes one JSON object for programs to standard output.
pub fn print_json(document: &impl serde::Serialize) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(document).context("the answer cannot be written as JSON")?;
    text.push(b'\n');
    print(text)
}

/// One JSON object as one line.
pub fn json_line(document: &impl serde::Serialize) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec(document).context("the answer cannot be written as JSON")?;
    text.push(b'\n');
    Ok(text)
}

/// Writes to standard error.
pub fn tell(text: impl AsRef<[u8]>) {
    // When standard error is closed, nobody wants to read it.
    let _ = io::stderr().write_all(text.as_ref());
}
