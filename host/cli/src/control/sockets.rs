//! Where hosts of this user listen.
//!
//! In `$XDG_RUNTIME_DIR/wasm-roles`, or where the system has no such folder in `~/.local/state/wasm-roles/run`: both belong to the user
//! alone. `serve` is `host.sock` there, `run` is `run-<process>.sock`. A socket that nobody listens on was left behind by a
//! host that was killed; it counts for nothing.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

const ENDING: &str = "sock";

/// The folder; none when the system names neither.
fn folder() -> Option<PathBuf> {
    let named = |variable: &str| env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let runtime = named("XDG_RUNTIME_DIR").map(|folder| folder.join("wasm-roles"));
    runtime.or_else(|| Some(named("HOME")?.join(".local/state/wasm-roles/run")))
}

/// The usual socket of `serve`.
pub fn of_serve() -> Option<PathBuf> {
    Some(folder()?.join("host").with_extension(ENDING))
}

/// The socket of `run` in this process.
pub fn of_run() -> Option<PathBuf> {
    Some(folder()?.join(format!("run-{}", std::process::id())).with_extension(ENDING))
}

/// The socket of the one host that runs.
pub fn found() -> Result<PathBuf, Failure> {
    let Some(folder) = folder() else {
        return Err(Failure::with_hint(
            "neither XDG_RUNTIME_DIR nor HOME names a folder in which hosts could be found",
            "name the host's socket with `--control SOCKET`",
        ));
    };
    let mut listening = listening(&folder);
    match (listening.pop(), listening.as_slice()) {
        (Some(only), []) => Ok(only),
        (None, _) => Err(Failure::with_hint(
            format!("no host runs: nobody listens in {}", folder.display()),
            "start one with `wasm-roles serve`, or name another one with `--control SOCKET|URL`",
        )),
        (Some(last), others) => {
            let all = others.iter().chain([&last]).map(|socket| format!("`--control {}`", socket.display()));
            Err(Failure::with_hint(
                format!("{} hosts run, and none of them was named", others.len().saturating_add(1)),
                format!("name one: {}", all.collect::<Vec<_>>().join(" or ")),
            ))
        }
    }
}

/// Whether a host listens on a socket.
pub fn is_served(socket: &Path) -> bool {
    answers(socket).is_ok()
}

/// The sockets in the folder that somebody listens on, by name.
fn listening(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sockets =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|is| is == ENDING));
    let mut listening: Vec<PathBuf> = sockets.filter(|socket| answers(socket).is_ok()).collect();
    listening.sort();
    listening
}

#[cfg(unix)]
fn answers(socket: &Path) -> io::Result<()> {
    std::os::unix::net::UnixStream::connect(socket).map(drop)
}

#[cfg(not(unix))]
fn answers(_socket: &Path) -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn what_nobody_listens_on_counts_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (_host, left, _other) = (
            UnixListener::bind(at("b.sock")),
            UnixListener::bind(at("left.sock")),
            UnixListener::bind(at("a.sock")),
        );
        drop(left);
        std::fs::write(at("file.sock"), "").unwrap();
        let _elsewhere = UnixListener::bind(at("no-host")).unwrap();
        assert_eq!(listening(folder.path()), [at("a.sock"), at("b.sock")]);
        assert!(listening(&at("nowhere")).is_empty());
    }
}
