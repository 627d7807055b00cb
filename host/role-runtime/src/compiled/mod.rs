//! Compiled components, kept on the disk, so that a component is compiled once for each content and each version of the host.
//!
//! ```text
//! <folder>/components/<engine>/<digest of the component>-<digest of its compiled form>
//! ```
//!
//! The engine's part of the path changes with everything that compiled code depends on: the version of wasmtime, its settings,
//! the processor's features. What lies there is mapped into memory as it is, so that the hosts of a machine share it, and
//! only what is touched is read.
//!
//! - A file is complete or not there: it is written under another name first. Hosts that share the folder need no lock.
//! - A file whose content is not what its name says was damaged. It is removed, and compiled again.
//! - When the folder is over its bound, what was used least recently goes, whichever engine it was for.
//!
//! Whoever can write to the folder decides what code runs in this process. So one that others can write to is not used.

mod entry;
mod owner;
mod room;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

pub use entry::Digest;
use entry::{Damage, Entry};

/// How much is kept unless it is said otherwise: 1 GiB.
pub const DEFAULT_CACHE_BYTES: u64 = 1 << 30;

/// What happens while components are compiled and kept, for whoever shows it to people.
#[derive(Clone, Copy, Debug)]
pub enum CompileNews<'a> {
    /// A component was not kept yet: it is being compiled.
    Begun {
        /// Its file.
        file: &'a Path,
        /// Its size in bytes.
        bytes: usize,
    },
    /// The compilation has ended, well or not.
    Ended {
        /// Its file.
        file: &'a Path,
    },
    /// The compiled form that was kept is not what was written. It was removed, and is compiled again.
    Damaged {
        /// The component's file.
        file: &'a Path,
        /// The compiled form.
        kept: &'a Path,
        /// How that was seen.
        reason: &'a str,
    },
    /// The compiled form could not be kept. The component runs all the same.
    NotKept {
        /// The component's file.
        file: &'a Path,
        /// The folder for compiled components.
        folder: &'a Path,
        /// Why.
        reason: &'a str,
    },
}

/// The folder of compiled components, as one engine uses it.
#[derive(Debug)]
pub(crate) struct Compiled {
    folder: PathBuf,
    /// Of all engines.
    components: PathBuf,
    /// Of this engine.
    own: PathBuf,
    bound: u64,
}

impl Compiled {
    pub(crate) fn new(folder: &Path, bound: u64, engine: &Engine) -> io::Result<Self> {
        let folder = std::path::absolute(folder)?;
        let components = folder.join("components");
        // No secret and no key: two engines with one name would find that out when they load.
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let own = components.join(format!("{}-{:016x}", env!("CARGO_PKG_VERSION"), hasher.finish()));
        Ok(Self { folder, components, own, bound })
    }

    /// Whether a component is kept; not whether what is kept is whole.
    pub(crate) fn has(&self, component: &Digest) -> bool {
        self.is_ours().is_ok() && Entry::find(&self.own, component).is_some()
    }

    /// The component from its compiled form, or else compiled now.
    ///
    /// # Errors
    ///
    /// What the engine says of a component that it cannot compile.
    pub(crate) fn load(
        &self,
        engine: &Engine,
        source: Source<'_>,
        news: &dyn Fn(CompileNews<'_>),
    ) -> wasmtime::Result<Component> {
        let file = source.file;
        if let Err(reason) = self.is_ours() {
            news(CompileNews::NotKept { file, folder: &self.folder, reason: &reason });
            news(CompileNews::Begun { file, bytes: source.bytes.len() });
            let component = Component::from_binary(engine, source.bytes);
            news(CompileNews::Ended { file });
            return component;
        }
        if let Some(entry) = Entry::find(&self.own, &source.digest) {
            match self.kept(engine, &entry) {
                Ok(component) => {
                    entry.used();
                    return Ok(component);
                }
                Err(reason) => {
                    news(CompileNews::Damaged { file, kept: entry.path(), reason: &reason });
                    entry.remove();
                }
            }
        }
        news(CompileNews::Begun { file, bytes: source.bytes.len() });
        let compiled = engine.precompile_component(source.bytes);
        news(CompileNews::Ended { file });
        let compiled = compiled?;
        let kept = self.keep(&source.digest, &compiled).and_then(|entry| {
            self.mapped(engine, &entry).map_err(|error| io::Error::other(format!("{error:#}")))
        });
        match kept {
            Ok(component) => Ok(component),
            Err(error) => {
                let (folder, reason) = (self.components.as_path(), error.to_string());
                news(CompileNews::NotKept { file, folder, reason: &reason });
                from_memory(engine, &compiled)
            }
        }
    }

    /// Whether nobody else decides what is in the folder, as far as its parts are there.
    fn is_ours(&self) -> Result<(), String> {
        owner::check(&self.folder, owner::Writable::ByGroup)?;
        owner::check(&self.components, owner::Writable::ByOwner)?;
        owner::check(&self.own, owner::Writable::ByOwner)
    }

    fn kept(&self, engine: &Engine, entry: &Entry) -> Result<Component, String> {
        entry.verify().map_err(|damage| match damage {
            Damage::Unreadable(error) => format!("it cannot be read: {error}"),
            Damage::Changed => "its content is not what was written".to_owned(),
        })?;
        self.mapped(engine, entry).map_err(|error| crate::component::one_line(&error))
    }

    fn keep(&self, component: &Digest, compiled: &[u8]) -> io::Result<Entry> {
        owner::create(&self.own)?;
        let entry = Entry::write(&self.own, component, compiled)?;
        room::make(&self.components, self.bound, entry.path());
        Ok(entry)
    }

    /// # Errors
    ///
    /// When the file is not for this engine.
    #[allow(
        unsafe_code,
        reason = "the engine cannot know who has written the file; the comment says why we do"
    )]
    fn mapped(&self, engine: &Engine, entry: &Entry) -> wasmtime::Result<Component> {
        // SAFETY: the file must be what `Engine::precompile_component` has made, and must not change while it is mapped. Only
        // `keep` gives files names in this folder, and those are verified: the name has the digest of the content, which was
        // written, or has been read again, before it comes here. Nobody writes to such a file: it is made under another name, it is
        // replaced by a rename, and it is removed. Who else can write to the folder (`is_ours`) is this user, who could as well
        // replace this program. That it was compiled with other settings, or for another processor, is found by the engine.
        unsafe { Component::deserialize_file(engine, entry.path()) }
    }
}

/// A component that is to be loaded.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) file: &'a Path,
    pub(crate) bytes: &'a [u8],
    pub(crate) digest: Digest,
}

#[allow(unsafe_code, reason = "the bytes come from the engine itself")]
fn from_memory(engine: &Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `compiled` is what this engine's `precompile_component` has returned; nobody has had it since.
    unsafe { Component::deserialize(engine, compiled) }
}

#[cfg(test)]
mod tests;
