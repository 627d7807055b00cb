//! The file that `--capture` writes.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::Arc;

use wasm_roles_fabric::Clock;
use wasm_roles_fabric::virtual_network::{CaptureFile, Network};

use crate::arguments::RunArguments;
use crate::failure::Failure;

/// Bytes that are collected before the file is written to; less when nothing more comes.
const COLLECTED: usize = 256 * 1024;

/// A capture that is written, if one is wanted.
pub struct Capture(Option<(Arc<CaptureFile>, PathBuf)>);

impl Capture {
    /// Makes the file that the arguments ask for. One that is there is overwritten.
    pub fn of(arguments: &RunArguments, clock: Clock) -> Result<Self, Failure> {
        let Some(path) = arguments.capture.clone() else { return Ok(Self(None)) };
        let started = File::create(&path)
            .and_then(|file| CaptureFile::start(BufWriter::with_capacity(COLLECTED, file), clock.wall()));
        let file = started.map_err(|error| {
            Failure::with_hint(
                format!("the capture cannot be written to {}: {error}", path.display()),
                "name a file in a folder that you may write to with `--capture FILE.pcapng`",
            )
        })?;
        Ok(Self(Some((Arc::new(file), path))))
    }

    /// Lets the capture see the network.
    pub fn watch(&self, network: &Network) {
        if let Some((file, _)) = &self.0 {
            network.set_tap(file.clone());
        }
    }

    /// Packets that are not in the file so far, since the disk was too slow for them.
    pub fn dropped(&self) -> u64 {
        self.0.as_ref().map_or(0, |(file, _)| file.dropped())
    }

    /// Completes the file. It blocks.
    pub fn end(self) -> Result<(), Failure> {
        let Some((file, path)) = self.0 else { return Ok(()) };
        file.finish().map_err(|error| {
            let path = path.display();
            Failure::with_hint(
                format!("the capture in {path} is not complete: {error}"),
                "what was written before is in the file; make room on the disk, or name another one",
            )
        })
    }
}
