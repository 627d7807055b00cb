//! `wasi:filesystem` 0.2 and 0.3 with quotas: the stock implementation, with books kept around what changes a store.
//!
//! A preopen with a quota is a [`Volume`]. Its descriptors, and all that are opened through them, are known to
//! [`Storage`]; what they read goes straight to the stock implementation, what they change goes through the
//! volume. Descriptors of other preopens have nothing to do with any of this.
//!
//! # What counts
//!
//! - The lengths of files, holes included: a sparse file counts with what it says, not with the blocks that it has.
//! - Each file once, however many hard links it has. The targets of symbolic links.
//! - A file without a name until the last descriptor and the last stream of it are closed.
//! - Names, against a limit of their own (one for 4 KiB of the quota, but at least 1024): an empty file
//!   has no length, and a directory full of them still needs the disk.
//!
//! What directories need for themselves does not count. What counts is measured when the first user (a role, or a
//! start-up task that is there before it) attaches the volume, and booked from then on; if somebody else changes the
//! directory meanwhile, that is found out when it is measured the next time.
//!
//! # What the guest sees
//!
//! `quota` (`EDQUOT`) from whatever would grow beyond the quota. A write writes first what fits. Links and renames
//! from one volume to another, or between a volume and another preopen, are `cross-device`: volumes are file systems of
//! their own. What is freed can be used at once.
//!
//! # What a guest can do to it
//!
//! Paths are resolved by the stock implementation, here as there: no path leads out of a preopen. Operations of one
//! volume take turns, so two descriptors cannot pass the quota together. An operation that the guest gives up is done
//! and booked to its end. The memory for the books is bounded by the descriptors that the guest may hold.

mod attach;
mod contents;
mod ledger;
mod measure;
mod names;
mod open_files;
mod p2;
mod p2_stream;
mod p3;
mod p3_codes;
mod p3_stream;
mod quota;
mod volume;

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::filesystem::{Descriptor, Dir, WasiFilesystemCtxView};
use wasmtime_wasi::{p2 as wasi_p2, p3 as wasi_p3};

use crate::sandbox::Sandbox;
pub(crate) use attach::{VolumeRegistry, Volumes};
use contents::StoredFile;
use names::StoredDirectory;
use open_files::FileKey;
use volume::Volume;

/// The most that one write takes, in bytes, as with the stock streams: this much is copied out of the guest.
const CHUNK: usize = 64 * 1024;

/// Links `wasi:filesystem` 0.2 and 0.3.
pub(crate) fn add_to_linker(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    use wasi_p2::bindings::filesystem as p2;
    use wasi_p3::bindings::filesystem as p3;
    p2::preopens::add_to_linker::<Sandbox, HasStorage>(linker, Sandbox::storage)?;
    p2::types::add_to_linker::<Sandbox, HasStorage>(linker, Sandbox::storage)?;
    p3::preopens::add_to_linker::<Sandbox, HasStorage>(linker, Sandbox::storage)?;
    p3::types::add_to_linker::<Sandbox, HasStorage>(linker, Sandbox::storage)
}

/// What an instance has open of its volumes.
pub(crate) struct Storage {
    /// By the number of the descriptor in the resource table.
    open: HashMap<u32, Open>,
    // Dropped after the handles to them.
    volumes: Volumes,
}

/// A descriptor of a volume.
#[derive(Clone)]
struct Open {
    volume: Volume,
    /// Which file it is; none for a directory.
    key: Option<FileKey>,
}

impl Storage {
    pub(crate) fn new(volumes: Volumes) -> Self {
        Self { volumes, open: HashMap::new() }
    }
}

/// What the file system of one store needs of its data.
pub(crate) struct StorageView<'a> {
    pub(crate) stock: WasiFilesystemCtxView<'a>,
    pub(crate) storage: &'a mut Storage,
}

/// Says to the generated code what it gets out of the store's data.
pub(crate) struct HasStorage;

impl HasData for HasStorage {
    type Data<'a> = StorageView<'a>;
}

type Fd = Resource<Descriptor>;

/// Between two directories.
enum Across {
    /// Neither is in a volume, or one of them is no directory: the stock implementation knows what to do.
    Stock,
    /// Both are in the same volume.
    Within(StoredDirectory, Dir),
    /// They are in different ones.
    Volumes,
}

impl StorageView<'_> {
    /// The descriptor as a directory of a volume, if it is one.
    fn directory(&self, fd: &Fd) -> Option<StoredDirectory> {
        let volume = self.storage.open.get(&fd.rep())?.volume.clone();
        Some(StoredDirectory { volume, directory: self.any_directory(fd)? })
    }

    /// The descriptor as a file of a volume, if it is one.
    fn file(&self, fd: &Fd) -> Option<StoredFile> {
        let Open { volume, key } = self.storage.open.get(&fd.rep())?.clone();
        match self.stock.table.get(fd) {
            Ok(Descriptor::File(file)) => {
                Some(StoredFile { volume, key: key?, file: Arc::clone(&file.file) })
            }
            _ => None,
        }
    }

    fn any_directory(&self, fd: &Fd) -> Option<Dir> {
        match self.stock.table.get(fd) {
            Ok(Descriptor::Dir(directory)) => Some(directory.clone()),
            _ => None,
        }
    }

    fn across(&self, from: &Fd, to: &Fd) -> Across {
        let (Some(_), Some(to_directory)) = (self.any_directory(from), self.any_directory(to)) else {
            return Across::Stock;
        };
        match (self.directory(from), self.directory(to)) {
            (None, None) => Across::Stock,
            (Some(from), Some(to)) if from.volume.is(&to.volume) => Across::Within(from, to_directory),
            _ => Across::Volumes,
        }
    }

    /// Gives the guest a descriptor.
    fn hand_out(&mut self, volume: Volume, opened: names::Opened) -> wasmtime::Result<Fd> {
        let fd = self.stock.table.push(opened.descriptor)?;
        self.storage.open.insert(fd.rep(), Open { volume, key: opened.key });
        Ok(fd)
    }

    /// The preopens were given to the guest as these descriptors.
    fn preopened(&mut self, directories: &[(Fd, String)]) {
        for ((fd, _), volume) in directories.iter().zip(self.storage.volumes.iter()) {
            if let Some(volume) = volume {
                let open = Open { volume: volume.clone(), key: None };
                self.storage.open.insert(fd.rep(), open);
            }
        }
    }

    /// The guest drops a descriptor.
    fn dropped(&mut self, fd: &Fd) {
        self.storage.open.remove(&fd.rep());
    }
}
