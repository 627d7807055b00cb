//! What people are told while components are compiled: nothing as long as it is quick.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use wasm_roles_fabric::{CompileListener, CompileNews};
use wasm_roles_service_plan::bytes_in_words;

use crate::output::tell;
use crate::words::clean;

/// Who is compiled for longer is named.
const PATIENCE: Duration = Duration::from_secs(1);

/// Somebody who tells on standard error what takes long, and what is wrong with the cache.
pub fn listener() -> CompileListener {
    let watches = Mutex::new(HashMap::<PathBuf, mpsc::Sender<()>>::new());
    Arc::new(move |news| {
        let mut watches = watches.lock().unwrap_or_else(PoisonError::into_inner);
        match news {
            CompileNews::Begun { file, bytes } => {
                watches.extend(watch(file, bytes).map(|watch| (file.to_owned(), watch)));
            }
            // The watch ends when nobody can tell it anything any more.
            CompileNews::Ended { file } => drop(watches.remove(file)),
            CompileNews::Damaged { file, kept, reason } => tell(format!(
                "warning: the compiled form of {} in the cache is damaged: {}: {}; it is compiled again\n",
                shown(file),
                shown(kept),
                clean(reason.as_bytes(), false),
            )),
            CompileNews::NotKept { file, folder, reason } => tell(format!(
                "warning: the compiled form of {} cannot be kept in {}: {}; it is compiled at each start\n  \
                 hint: name a folder that is yours alone with `--cache-dir DIR`\n",
                shown(file),
                shown(folder),
                clean(reason.as_bytes(), false),
            )),
        }
    })
}

/// Waits beside a compilation, and tells when it takes long. None when there is no thread for it.
fn watch(file: &Path, bytes: usize) -> Option<mpsc::Sender<()>> {
    let (compiling, ended) = mpsc::channel();
    let (file, size) = (shown(file), bytes_in_words(u64::try_from(bytes).unwrap_or(u64::MAX)));
    let waits = move || {
        let begun = Instant::now();
        if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            tell(format!("compiling {file} ({size}) for this machine\n"));
            // It ends by an error: nobody says anything.
            let _ = ended.recv();
            tell(format!("compiled {file} in {:.1} s\n", begun.elapsed().as_secs_f64()));
        }
    };
    thread::Builder::new().name("wasm-roles-compiling".to_owned()).spawn(waits).ok()?;
    Some(compiling)
}

fn shown(path: &Path) -> String {
    clean(path.display().to_string().as_bytes(), false)
}
