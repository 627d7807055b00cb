//! What changes the names in a store: opening, creating, linking, renaming, removing.
//!
//! The stock implementation does each of them, on a table of its own; here is what goes before and after it. Once the
//! operating system has been asked, an operation goes on to its end and is booked, even if the guest gives it up.

use std::future::Future;

use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::filesystem::{Descriptor, Dir, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DescriptorType, ErrorCode, HostDescriptor, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{FsError, FsResult};

use super::ledger::Entry;
use super::open_files::FileKey;
use super::quota::Usage;
use super::volume::{Failure, Turn, Volume};

/// An open directory of a store with a quota.
#[derive(Clone)]
pub(super) struct StoredDirectory {
    pub(super) volume: Volume,
    pub(super) directory: Dir,
}

/// What opening gives.
pub(super) struct Opened {
    pub(super) descriptor: Descriptor,
    /// The file's identity; none for a directory.
    pub(super) key: Option<FileKey>,
}

impl StoredDirectory {
    pub(super) async fn open(
        self,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Opened> {
        let mut work = self.begin().await?;
        to_its_end(async move {
            let truncates = open_flags.contains(OpenFlags::TRUNCATE);
            let creates = open_flags.contains(OpenFlags::CREATE);
            let before = if truncates || creates { work.look(path_flags, &path).await } else { None };
            let wanted = if creates && before.is_none() { Usage::NAME } else { Usage::default() };
            let reservation = work.turn.reserve(wanted).ok_or(ErrorCode::Quota)?;
            let directory = work.directory();
            let opened = work.stock.view().open_at(directory, path_flags, path, open_flags, flags).await;
            work.turn.settle(reservation, if opened.is_ok() { wanted } else { Usage::default() });
            let opened = opened?;
            if let (true, Some(entry)) = (truncates, before) {
                work.turn.shrunk(entry.key, entry.bytes, 0);
            }
            work.register(opened).await
        })
        .await
    }

    pub(super) async fn create_directory(self, path: String) -> FsResult<()> {
        let mut work = self.begin().await?;
        to_its_end(async move {
            let reservation = work.turn.reserve(Usage::NAME).ok_or(ErrorCode::Quota)?;
            let directory = work.directory();
            let outcome = work.stock.view().create_directory_at(directory, path).await;
            work.turn.settle(reservation, if outcome.is_ok() { Usage::NAME } else { Usage::default() });
            outcome
        })
        .await
    }

    pub(super) async fn remove_directory(self, path: String) -> FsResult<()> {
        let mut work = self.begin().await?;
        to_its_end(async move {
            let entry = work.look(PathFlags::empty(), &path).await;
            let directory = work.directory();
            work.stock.view().remove_directory_at(directory, path).await?;
            work.removed(entry);
            Ok(())
        })
        .await
    }

    pub(super) async fn unlink_file(self, path: String) -> FsResult<()> {
        let mut work = self.begin().await?;
        to_its_end(async move {
            let entry = work.look(PathFlags::empty(), &path).await;
            let directory = work.directory();
            work.stock.view().unlink_file_at(directory, path).await?;
            work.removed(entry);
            Ok(())
        })
        .await
    }

    pub(super) async fn symlink(self, target: String, path: String) -> FsResult<()> {
        let mut work = self.begin().await?;
        to_its_end(async move {
            let bytes = u64::try_from(target.len()).unwrap_or(u64::MAX);
            let wanted = Usage { bytes, ..Usage::NAME };
            let reservation = work.turn.reserve(wanted).ok_or(ErrorCode::Quota)?;
            let directory = work.directory();
            let outcome = work.stock.view().symlink_at(directory, target, path).await;
            work.turn.settle(reservation, if outcome.is_ok() { wanted } else { Usage::default() });
            outcome
        })
        .await
    }

    /// A new name, in a directory of the same store.
    pub(super) async fn link(
        self,
        path_flags: PathFlags,
        path: String,
        new_directory: Dir,
        new_path: String,
    ) -> FsResult<()> {
        let mut work = self.begin().await?;
        to_its_end(async move {
            let new_directory = work.stock.lend(new_directory)?;
            let reservation = work.turn.reserve(Usage::NAME).ok_or(ErrorCode::Quota)?;
            let directory = work.directory();
            let outcome = work
                .stock
                .view()
                .link_at(directory, path_flags, path, new_directory.handle(), new_path)
                .await;
            work.turn.settle(reservation, if outcome.is_ok() { Usage::NAME } else { Usage::default() });
            outcome
        })
        .await
    }

    /// To a directory of the same store.
    pub(super) async fn rename(self, path: String, new_directory: Dir, new_path: String) -> FsResult<()> {
        let mut work = self.begin().await?;
        to_its_end(async move {
            let new_directory = work.stock.lend(new_directory)?;
            let moved = work.look(PathFlags::empty(), &path).await;
            let replaced = work.stock.look(&new_directory, PathFlags::empty(), &new_path).await;
            let directory = work.directory();
            work.stock.view().rename_at(directory, path, new_directory.handle(), new_path).await?;
            // Between two names of one file, renaming does nothing, and both stay.
            if replaced.map(|entry| entry.key) != moved.map(|entry| entry.key) {
                work.removed(replaced);
            }
            Ok(())
        })
        .await
    }

    async fn begin(self) -> FsResult<Work> {
        let turn = self.volume.turn().await;
        let mut stock = Stock { context: WasiFilesystemCtx::default(), table: ResourceTable::new() };
        let directory = stock.lend(self.directory)?;
        Ok(Work { turn, stock, directory })
    }
}

/// Does the work whether or not the caller waits for it.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = FsResult<T>> + Send + 'static,
) -> FsResult<T> {
    tokio::spawn(work).await.unwrap_or_else(|error| Err(FsError::trap(error)))
}

/// An operation under way.
struct Work {
    turn: Turn,
    stock: Stock,
    directory: Lent,
}

impl Work {
    fn directory(&self) -> Resource<Descriptor> {
        self.directory.handle()
    }

    async fn look(&mut self, path_flags: PathFlags, path: &str) -> Option<Entry> {
        self.stock.look(&self.directory, path_flags, path).await
    }

    fn removed(&mut self, entry: Option<Entry>) {
        if let Some(entry) = entry {
            self.turn.removed(entry);
        }
    }

    /// Puts what was opened into the books.
    async fn register(mut self, opened: Resource<Descriptor>) -> FsResult<Opened> {
        let lent = Lent(opened.rep());
        let hash = self.stock.view().metadata_hash(lent.handle()).await?;
        let descriptor = self.stock.table.delete(opened)?;
        let key = match &descriptor {
            Descriptor::File(file) => {
                let key = FileKey { lower: hash.lower, upper: hash.upper };
                self.turn.opened(key, &file.file);
                Some(key)
            }
            Descriptor::Dir(_) => None,
        };
        Ok(Opened { descriptor, key })
    }
}

/// The stock implementation with a table of its own.
struct Stock {
    context: WasiFilesystemCtx,
    table: ResourceTable,
}

/// A descriptor in the table of [`Stock`].
struct Lent(u32);

impl Lent {
    fn handle(&self) -> Resource<Descriptor> {
        Resource::new_own(self.0)
    }
}

impl Stock {
    fn view(&mut self) -> WasiFilesystemCtxView<'_> {
        WasiFilesystemCtxView { ctx: &mut self.context, table: &mut self.table }
    }

    fn lend(&mut self, directory: Dir) -> FsResult<Lent> {
        Ok(Lent(self.table.push(Descriptor::Dir(directory))?.rep()))
    }

    /// What a name leads to; nothing if it cannot be told, in which case nothing can be done with it either.
    async fn look(&mut self, directory: &Lent, path_flags: PathFlags, path: &str) -> Option<Entry> {
        let stat = self.view().stat_at(directory.handle(), path_flags, path.to_owned()).await.ok()?;
        let hash =
            self.view().metadata_hash_at(directory.handle(), path_flags, path.to_owned()).await.ok()?;
        let bytes = match stat.type_ {
            DescriptorType::RegularFile | DescriptorType::SymbolicLink => stat.size,
            _ => 0,
        };
        let key = FileKey { lower: hash.lower, upper: hash.upper };
        // A directory has no other names; its links are its own.
        let links = if stat.type_ == DescriptorType::Directory { 1 } else { stat.link_count };
        Some(Entry { key, bytes, links })
    }
}

impl From<Failure> for FsError {
    fn from(failure: Failure) -> Self {
        ErrorCode::from(failure).into()
    }
}

impl From<Failure> for ErrorCode {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::QuotaExceeded => Self::Quota,
            Failure::Io(error) => Self::from(error),
        }
    }
}
