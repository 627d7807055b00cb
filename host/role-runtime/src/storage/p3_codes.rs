//! The error codes and flags of `wasi:filesystem` 0.2 and 0.3, one as the other.

use wasmtime_wasi::p2::FsError;
use wasmtime_wasi::p2::bindings::filesystem::types as v2;
use wasmtime_wasi::p3::bindings::filesystem::types as v3;
use wasmtime_wasi::p3::filesystem::FilesystemError;

pub(super) fn error(error: FsError) -> FilesystemError {
    match error.downcast() {
        Ok(code) => error_code(code).into(),
        Err(trap) => FilesystemError::trap(trap),
    }
}

pub(super) fn error_code(code: v2::ErrorCode) -> v3::ErrorCode {
    use v2::ErrorCode as From;
    use v3::ErrorCode as To;
    match code {
        From::Access => To::Access,
        From::WouldBlock => To::Other(Some("would-block".to_owned())),
        From::Already => To::Already,
        From::BadDescriptor => To::BadDescriptor,
        From::Busy => To::Busy,
        From::Deadlock => To::Deadlock,
        From::Quota => To::Quota,
        From::Exist => To::Exist,
        From::FileTooLarge => To::FileTooLarge,
        From::IllegalByteSequence => To::IllegalByteSequence,
        From::InProgress => To::InProgress,
        From::Interrupted => To::Interrupted,
        From::Invalid => To::Invalid,
        From::Io => To::Io,
        From::IsDirectory => To::IsDirectory,
        From::Loop => To::Loop,
        From::TooManyLinks => To::TooManyLinks,
        From::MessageSize => To::MessageSize,
        From::NameTooLong => To::NameTooLong,
        From::NoDevice => To::NoDevice,
        From::NoEntry => To::NoEntry,
        From::NoLock => To::NoLock,
        From::InsufficientMemory => To::InsufficientMemory,
        From::InsufficientSpace => To::InsufficientSpace,
        From::NotDirectory => To::NotDirectory,
        From::NotEmpty => To::NotEmpty,
        From::NotRecoverable => To::NotRecoverable,
        From::Unsupported => To::Unsupported,
        From::NoTty => To::NoTty,
        From::NoSuchDevice => To::NoSuchDevice,
        From::Overflow => To::Overflow,
        From::NotPermitted => To::NotPermitted,
        From::Pipe => To::Pipe,
        From::ReadOnly => To::ReadOnly,
        From::InvalidSeek => To::InvalidSeek,
        From::TextFileBusy => To::TextFileBusy,
        From::CrossDevice => To::CrossDevice,
    }
}

pub(super) fn path_flags(flags: v3::PathFlags) -> v2::PathFlags {
    translated(flags, &[(v3::PathFlags::SYMLINK_FOLLOW, v2::PathFlags::SYMLINK_FOLLOW)])
}

pub(super) fn open_flags(flags: v3::OpenFlags) -> v2::OpenFlags {
    let table = [
        (v3::OpenFlags::CREATE, v2::OpenFlags::CREATE),
        (v3::OpenFlags::DIRECTORY, v2::OpenFlags::DIRECTORY),
        (v3::OpenFlags::EXCLUSIVE, v2::OpenFlags::EXCLUSIVE),
        (v3::OpenFlags::TRUNCATE, v2::OpenFlags::TRUNCATE),
    ];
    translated(flags, &table)
}

pub(super) fn descriptor_flags(flags: v3::DescriptorFlags) -> v2::DescriptorFlags {
    let table = [
        (v3::DescriptorFlags::READ, v2::DescriptorFlags::READ),
        (v3::DescriptorFlags::WRITE, v2::DescriptorFlags::WRITE),
        (v3::DescriptorFlags::FILE_INTEGRITY_SYNC, v2::DescriptorFlags::FILE_INTEGRITY_SYNC),
        (v3::DescriptorFlags::DATA_INTEGRITY_SYNC, v2::DescriptorFlags::DATA_INTEGRITY_SYNC),
        (v3::DescriptorFlags::REQUESTED_WRITE_SYNC, v2::DescriptorFlags::REQUESTED_WRITE_SYNC),
        (v3::DescriptorFlags::MUTATE_DIRECTORY, v2::DescriptorFlags::MUTATE_DIRECTORY),
    ];
    translated(flags, &table)
}

fn translated<A, B>(flags: A, table: &[(A, B)]) -> B
where
    A: Copy + PartialEq + std::ops::BitAnd<Output = A>,
    B: Copy + Default + std::ops::BitOr<Output = B>,
{
    let set = table.iter().filter(|(from, _)| flags & *from == *from);
    set.fold(B::default(), |translated, (_, to)| translated | *to)
}
