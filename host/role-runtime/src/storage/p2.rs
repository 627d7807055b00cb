//! `wasi:filesystem` 0.2: what changes a volume goes through it, the rest to the stock implementation.

use bytes::Bytes;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream, ErrorCode,
    Filesize, Host, HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags,
    PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::contents::Position;
use super::p2_stream::FileOutput;
use super::volume::Failure;
use super::{Across, Fd, StorageView};

impl preopens::Host for StorageView<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Fd, String)>> {
        let directories = preopens::Host::get_directories(&mut self.stock)?;
        self.preopened(&directories);
        Ok(directories)
    }
}

impl Host for StorageView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        if let Some(Failure::QuotaExceeded) = self.stock.table.get(&error)?.downcast_ref() {
            return Ok(Some(ErrorCode::Quota));
        }
        self.stock.filesystem_error_code(error)
    }
}

impl HostDescriptor for StorageView<'_> {
    async fn write(&mut self, fd: Fd, buffer: Vec<u8>, offset: Filesize) -> FsResult<Filesize> {
        match self.file(&fd) {
            Some(file) => {
                let written = file.write_some(Bytes::from(buffer), Position::At(offset)).await?;
                Ok(Filesize::try_from(written).unwrap_or(Filesize::MAX))
            }
            None => self.stock.write(fd, buffer, offset).await,
        }
    }

    fn write_via_stream(&mut self, fd: Fd, offset: Filesize) -> FsResult<Resource<DynOutputStream>> {
        match self.file(&fd) {
            Some(file) => Ok(self.stock.table.push(FileOutput::boxed(file, Position::At(offset)))?),
            None => self.stock.write_via_stream(fd, offset),
        }
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        match self.file(&fd) {
            Some(file) => Ok(self.stock.table.push(FileOutput::boxed(file, Position::End))?),
            None => self.stock.append_via_stream(fd),
        }
    }

    async fn set_size(&mut self, fd: Fd, size: Filesize) -> FsResult<()> {
        match self.file(&fd) {
            Some(file) => Ok(file.set_size(size).await?),
            None => self.stock.set_size(fd, size).await,
        }
    }

    async fn open_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Fd> {
        match self.directory(&fd) {
            Some(directory) => {
                let volume = directory.volume.clone();
                let opened = directory.open(path_flags, path, open_flags, flags).await?;
                self.hand_out(volume, opened).map_err(FsError::trap)
            }
            None => self.stock.open_at(fd, path_flags, path, open_flags, flags).await,
        }
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        match self.directory(&fd) {
            Some(directory) => directory.create_directory(path).await,
            None => self.stock.create_directory_at(fd, path).await,
        }
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        match self.directory(&fd) {
            Some(directory) => directory.remove_directory(path).await,
            None => self.stock.remove_directory_at(fd, path).await,
        }
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        match self.directory(&fd) {
            Some(directory) => directory.unlink_file(path).await,
            None => self.stock.unlink_file_at(fd, path).await,
        }
    }

    async fn symlink_at(&mut self, fd: Fd, target: String, path: String) -> FsResult<()> {
        match self.directory(&fd) {
            Some(directory) => directory.symlink(target, path).await,
            None => self.stock.symlink_at(fd, target, path).await,
        }
    }

    async fn link_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        new_fd: Fd,
        new_path: String,
    ) -> FsResult<()> {
        match self.across(&fd, &new_fd) {
            Across::Stock => self.stock.link_at(fd, path_flags, path, new_fd, new_path).await,
            Across::Within(from, to) => from.link(path_flags, path, to, new_path).await,
            Across::Volumes => Err(ErrorCode::CrossDevice.into()),
        }
    }

    async fn rename_at(&mut self, fd: Fd, path: String, new_fd: Fd, new_path: String) -> FsResult<()> {
        match self.across(&fd, &new_fd) {
            Across::Stock => self.stock.rename_at(fd, path, new_fd, new_path).await,
            Across::Within(from, to) => from.rename(path, to, new_path).await,
            Across::Volumes => Err(ErrorCode::CrossDevice.into()),
        }
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        self.dropped(&fd);
        HostDescriptor::drop(&mut self.stock, fd)
    }

    // From here on nothing changes what a volume holds.

    fn read_via_stream(&mut self, fd: Fd, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        self.stock.read_via_stream(fd, offset)
    }

    async fn advise(&mut self, fd: Fd, offset: Filesize, length: Filesize, advice: Advice) -> FsResult<()> {
        self.stock.advise(fd, offset, length, advice).await
    }

    async fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        self.stock.sync_data(fd).await
    }

    async fn get_flags(&mut self, fd: Fd) -> FsResult<DescriptorFlags> {
        self.stock.get_flags(fd).await
    }

    async fn get_type(&mut self, fd: Fd) -> FsResult<DescriptorType> {
        self.stock.get_type(fd).await
    }

    async fn set_times(&mut self, fd: Fd, accessed: NewTimestamp, modified: NewTimestamp) -> FsResult<()> {
        self.stock.set_times(fd, accessed, modified).await
    }

    async fn read(&mut self, fd: Fd, length: Filesize, offset: Filesize) -> FsResult<(Vec<u8>, bool)> {
        self.stock.read(fd, length, offset).await
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<DirectoryEntryStream>> {
        self.stock.read_directory(fd).await
    }

    async fn sync(&mut self, fd: Fd) -> FsResult<()> {
        self.stock.sync(fd).await
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<DescriptorStat> {
        self.stock.stat(fd).await
    }

    async fn stat_at(&mut self, fd: Fd, path_flags: PathFlags, path: String) -> FsResult<DescriptorStat> {
        self.stock.stat_at(fd, path_flags, path).await
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        self.stock.set_times_at(fd, path_flags, path, accessed, modified).await
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        self.stock.readlink_at(fd, path).await
    }

    async fn is_same_object(&mut self, fd: Fd, other: Fd) -> wasmtime::Result<bool> {
        self.stock.is_same_object(fd, other).await
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<MetadataHashValue> {
        self.stock.metadata_hash(fd).await
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        self.stock.metadata_hash_at(fd, path_flags, path).await
    }
}

impl HostDirectoryEntryStream for StorageView<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        self.stock.read_directory_entry(stream).await
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        HostDirectoryEntryStream::drop(&mut self.stock, stream)
    }
}
