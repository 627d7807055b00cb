//! Standard output of the commands that print one thing and end.

use std::io::{self, Write};

use anyhow::{Context, Result};

/// Writes to standard output. A reader that goes away has read enough, which is no failure.
pub fn print(text: impl AsRef<[u8]>) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_ref()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("standard output cannot be written")
        }
        _ => Ok(()),
    }
}

/// Writes one JSON object for programs to standard output.
pub fn print_json(document: &impl serde::Serialize) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(document).context("the answer cannot be written as JSON")?;
    text.push(b'\n');
    print(text)
}
