//! The terminal that tables have to fit into.

use std::ffi::OsStr;
use std::io::IsTerminal;

/// Characters of a line of standard output: what the variable `COLUMNS` says, or else the terminal. None: as many as there are.
pub fn line_length() -> Option<usize> {
    let terminal = || {
        std::io::stdout()
            .is_terminal()
            .then(terminal_size::terminal_size)
            .flatten()
            .map(|(width, _)| width.0.into())
    };
    wanted(std::env::var_os("COLUMNS").as_deref()).or_else(terminal)
}

fn wanted(columns: Option<&OsStr>) -> Option<usize> {
    columns?.to_str()?.parse().ok().filter(|columns| *columns > 0)
}

/// Lines of the terminal that standard output is; none when it is none.
pub fn height() -> Option<usize> {
    let size = is_screen().then(terminal_size::terminal_size).flatten();
    size.map(|(_, height)| height.0.into())
}

/// Whether what is shown again and again takes the place of what was shown before.
pub fn is_screen() -> bool {
    std::io::stdout().is_terminal()
}

/// Empties the screen.
pub const CLEAR: &str = "\x1b[H\x1b[2J";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_are_no_number_say_nothing() {
        for (columns, expected) in
            [(None, None), (Some("80"), Some(80)), (Some("0"), None), (Some("wide"), None)]
        {
            assert_eq!(wanted(columns.map(OsStr::new)), expected, "{columns:?}");
        }
    }
}
