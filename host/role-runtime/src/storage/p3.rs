//! `wasi:filesystem` 0.3: what changes a volume goes through it, the rest to the stock implementation.

use tokio::sync::oneshot;
use wasmtime::AsContextMut;
use wasmtime::component::{Access, Accessor, FutureReader, StreamReader};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p3::bindings::filesystem::preopens;
use wasmtime_wasi::p3::bindings::filesystem::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode, Filesize, Host,
    HostDescriptor, HostDescriptorWithStore, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p3::filesystem::{FilesystemError, FilesystemResult};

use super::contents::{Position, StoredFile};
use super::names::StoredDirectory;
use super::p3_stream::{FileInput, Outcome};
use super::{Across, Fd, HasStorage, StorageView, p3_codes};
use crate::sandbox::Sandbox;

impl preopens::Host for StorageView<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Fd, String)>> {
        let directories = preopens::Host::get_directories(&mut self.stock)?;
        self.preopened(&directories);
        Ok(directories)
    }
}

impl Host for StorageView<'_> {
    fn convert_error_code(&mut self, error: FilesystemError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }
}

impl HostDescriptor for StorageView<'_> {
    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        self.dropped(&fd);
        HostDescriptor::drop(&mut self.stock, fd)
    }
}

type Store = Accessor<Sandbox, HasStorage>;
type StoreNow<'a> = Access<'a, Sandbox, HasStorage>;
type End = FutureReader<Result<(), ErrorCode>>;

fn stock(store: &Store) -> Accessor<Sandbox, WasiFilesystem> {
    store.with_getter(|sandbox| sandbox.filesystem())
}

fn stock_now<'a>(store: &'a mut StoreNow<'_>) -> Access<'a, Sandbox, WasiFilesystem> {
    Access::new(store.as_context_mut(), |sandbox| sandbox.filesystem())
}

fn directory(store: &Store, fd: &Fd) -> Option<StoredDirectory> {
    store.with(|mut store| store.get().directory(fd))
}

fn file(store: &Store, fd: &Fd) -> Option<StoredFile> {
    store.with(|mut store| store.get().file(fd))
}

fn across(store: &Store, from: &Fd, to: &Fd) -> Across {
    store.with(|mut store| store.get().across(from, to))
}

fn booked<T>(outcome: FsResult<T>) -> FilesystemResult<T> {
    outcome.map_err(p3_codes::error)
}

/// Pipes what the guest writes into the file.
fn pipe(
    mut store: StoreNow<'_>,
    file: StoredFile,
    data: StreamReader<u8>,
    position: Position,
) -> wasmtime::Result<End> {
    let (sender, outcome) = oneshot::channel::<Outcome>();
    data.pipe(&mut store, FileInput::new(file, position, sender))?;
    FutureReader::new(&mut store, outcome)
}

impl HostDescriptorWithStore<Sandbox> for HasStorage {
    fn write_via_stream(
        mut store: StoreNow<'_>,
        fd: Fd,
        data: StreamReader<u8>,
        offset: Filesize,
    ) -> wasmtime::Result<End> {
        match store.get().file(&fd) {
            Some(file) => pipe(store, file, data, Position::At(offset)),
            None => WasiFilesystem::write_via_stream(stock_now(&mut store), fd, data, offset),
        }
    }

    fn append_via_stream(mut store: StoreNow<'_>, fd: Fd, data: StreamReader<u8>) -> wasmtime::Result<End> {
        match store.get().file(&fd) {
            Some(file) => pipe(store, file, data, Position::End),
            None => WasiFilesystem::append_via_stream(stock_now(&mut store), fd, data),
        }
    }

    async fn set_size(store: &Store, fd: Fd, size: Filesize) -> FilesystemResult<()> {
        match file(store, &fd) {
            Some(file) => booked(file.set_size(size).await.map_err(Into::into)),
            None => WasiFilesystem::set_size(&stock(store), fd, size).await,
        }
    }

    async fn open_at(
        store: &Store,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FilesystemResult<Fd> {
        let Some(directory) = directory(store, &fd) else {
            return WasiFilesystem::open_at(&stock(store), fd, path_flags, path, open_flags, flags).await;
        };
        let volume = directory.volume.clone();
        let (path_flags, open_flags) = (p3_codes::path_flags(path_flags), p3_codes::open_flags(open_flags));
        let flags = p3_codes::descriptor_flags(flags);
        let opened = booked(directory.open(path_flags, path, open_flags, flags).await)?;
        store.with(|mut store| store.get().hand_out(volume, opened)).map_err(FilesystemError::trap)
    }

    async fn create_directory_at(store: &Store, fd: Fd, path: String) -> FilesystemResult<()> {
        match directory(store, &fd) {
            Some(directory) => booked(directory.create_directory(path).await),
            None => WasiFilesystem::create_directory_at(&stock(store), fd, path).await,
        }
    }

    async fn remove_directory_at(store: &Store, fd: Fd, path: String) -> FilesystemResult<()> {
        match directory(store, &fd) {
            Some(directory) => booked(directory.remove_directory(path).await),
            None => WasiFilesystem::remove_directory_at(&stock(store), fd, path).await,
        }
    }

    async fn unlink_file_at(store: &Store, fd: Fd, path: String) -> FilesystemResult<()> {
        match directory(store, &fd) {
            Some(directory) => booked(directory.unlink_file(path).await),
            None => WasiFilesystem::unlink_file_at(&stock(store), fd, path).await,
        }
    }

    async fn symlink_at(store: &Store, fd: Fd, target: String, path: String) -> FilesystemResult<()> {
        match directory(store, &fd) {
            Some(directory) => booked(directory.symlink(target, path).await),
            None => WasiFilesystem::symlink_at(&stock(store), fd, target, path).await,
        }
    }

    async fn link_at(
        store: &Store,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        new_fd: Fd,
        new_path: String,
    ) -> FilesystemResult<()> {
        match across(store, &fd, &new_fd) {
            Across::Stock => {
                WasiFilesystem::link_at(&stock(store), fd, path_flags, path, new_fd, new_path).await
            }
            Across::Within(from, to) => {
                booked(from.link(p3_codes::path_flags(path_flags), path, to, new_path).await)
            }
            Across::Volumes => Err(ErrorCode::CrossDevice.into()),
        }
    }

    async fn rename_at(
        store: &Store,
        fd: Fd,
        path: String,
        new_fd: Fd,
        new_path: String,
    ) -> FilesystemResult<()> {
        match across(store, &fd, &new_fd) {
            Across::Stock => WasiFilesystem::rename_at(&stock(store), fd, path, new_fd, new_path).await,
            Across::Within(from, to) => booked(from.rename(path, to, new_path).await),
            Across::Volumes => Err(ErrorCode::CrossDevice.into()),
        }
    }

    // From here on nothing changes what a volume holds.

    fn read_via_stream(
        mut store: StoreNow<'_>,
        fd: Fd,
        offset: Filesize,
    ) -> wasmtime::Result<(StreamReader<u8>, End)> {
        WasiFilesystem::read_via_stream(stock_now(&mut store), fd, offset)
    }

    fn read_directory(
        mut store: StoreNow<'_>,
        fd: Fd,
    ) -> wasmtime::Result<(StreamReader<DirectoryEntry>, End)> {
        WasiFilesystem::read_directory(stock_now(&mut store), fd)
    }

    async fn advise(
        store: &Store,
        fd: Fd,
        offset: Filesize,
        length: Filesize,
        advice: Advice,
    ) -> FilesystemResult<()> {
        WasiFilesystem::advise(&stock(store), fd, offset, length, advice).await
    }

    async fn sync_data(store: &Store, fd: Fd) -> FilesystemResult<()> {
        WasiFilesystem::sync_data(&stock(store), fd).await
    }

    async fn get_flags(store: &Store, fd: Fd) -> FilesystemResult<DescriptorFlags> {
        WasiFilesystem::get_flags(&stock(store), fd).await
    }

    async fn get_type(store: &Store, fd: Fd) -> FilesystemResult<DescriptorType> {
        WasiFilesystem::get_type(&stock(store), fd).await
    }

    async fn set_times(
        store: &Store,
        fd: Fd,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FilesystemResult<()> {
        WasiFilesystem::set_times(&stock(store), fd, accessed, modified).await
    }

    async fn sync(store: &Store, fd: Fd) -> FilesystemResult<()> {
        WasiFilesystem::sync(&stock(store), fd).await
    }

    async fn stat(store: &Store, fd: Fd) -> FilesystemResult<DescriptorStat> {
        WasiFilesystem::stat(&stock(store), fd).await
    }

    async fn stat_at(
        store: &Store,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
    ) -> FilesystemResult<DescriptorStat> {
        WasiFilesystem::stat_at(&stock(store), fd, path_flags, path).await
    }

    async fn set_times_at(
        store: &Store,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FilesystemResult<()> {
        WasiFilesystem::set_times_at(&stock(store), fd, path_flags, path, accessed, modified).await
    }

    async fn readlink_at(store: &Store, fd: Fd, path: String) -> FilesystemResult<String> {
        WasiFilesystem::readlink_at(&stock(store), fd, path).await
    }

    async fn is_same_object(store: &Store, fd: Fd, other: Fd) -> wasmtime::Result<bool> {
        WasiFilesystem::is_same_object(&stock(store), fd, other).await
    }

    async fn metadata_hash(store: &Store, fd: Fd) -> FilesystemResult<MetadataHashValue> {
        WasiFilesystem::metadata_hash(&stock(store), fd).await
    }

    async fn metadata_hash_at(
        store: &Store,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
    ) -> FilesystemResult<MetadataHashValue> {
        WasiFilesystem::metadata_hash_at(&stock(store), fd, path_flags, path).await
    }
}
