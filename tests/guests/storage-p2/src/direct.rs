//! What the standard library cannot do or does not tell: asked of WASI itself.

use std::io;

use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{
    Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags, filesystem_error_code,
};
use wasip2::io::streams::StreamError;

type Outcome = io::Result<String>;

fn said(outcome: Result<(), ErrorCode>) -> String {
    outcome.map_or_else(|code| code.name().to_owned(), |()| "ok".to_owned())
}

/// The standard library has no stable way to make a symbolic link.
pub fn symlink(target: &str, path: &str) -> Outcome {
    let (directory, name) = find(path)?;
    Ok(said(directory.symlink_at(target, &name)))
}

/// One write without a stream, which may be a short one.
pub fn plain(path: &str, count: usize) -> Outcome {
    let file = open(path)?;
    let length = file.stat().map_err(io::Error::other)?.size;
    let written = file.write(&vec![b'x'; count], length);
    Ok(written.map_or_else(|code| code.name().to_owned(), |written| format!("{written} written")))
}

/// Through a stream, without blocking calls. wasi-libc makes an I/O error of whatever happens to a stream; WASI knows more.
pub fn stream(path: &str, count: usize) -> Outcome {
    let file = open(path)?;
    let outcome = stream_to(&file, count).map_err(|error| match error {
        StreamError::Closed => ErrorCode::Pipe,
        StreamError::LastOperationFailed(error) => filesystem_error_code(&error).unwrap_or(ErrorCode::Io),
    });
    Ok(format!("{} {}", said(outcome), file.stat().map_err(io::Error::other)?.size))
}

fn stream_to(file: &Descriptor, count: usize) -> Result<(), StreamError> {
    let Ok(stream) = file.append_via_stream() else { return Err(StreamError::Closed) };
    let ready = stream.subscribe();
    let mut left = count;
    while left > 0 {
        ready.block();
        let room = usize::try_from(stream.check_write()?).unwrap_or(usize::MAX).min(left);
        stream.write(&vec![b'x'; room])?;
        left -= room;
    }
    stream.flush()?;
    ready.block();
    stream.check_write().map(|_| ())
}

fn open(path: &str) -> io::Result<Descriptor> {
    let (directory, name) = find(path)?;
    let opened = directory.open_at(PathFlags::empty(), &name, OpenFlags::empty(), DescriptorFlags::WRITE);
    opened.map_err(io::Error::other)
}

fn find(path: &str) -> io::Result<(Descriptor, String)> {
    let inside = |name: &str| path.strip_prefix(name)?.strip_prefix('/').map(str::to_owned);
    let mut directories = get_directories().into_iter();
    let found = directories.find_map(|(directory, name)| Some((directory, inside(&name)?)));
    found.ok_or_else(|| io::ErrorKind::NotFound.into())
}
