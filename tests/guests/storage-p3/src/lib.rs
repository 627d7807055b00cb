//! `storage-p3 COMMAND ARGUMENT… [; COMMAND ARGUMENT…]…`: the commands of `storage-p2` over WASI 0.3, with the same words for
//! the same outcomes. Its `race` writes to both files at the same time.

use std::collections::BTreeSet;

use wasip3::cli::environment::get_arguments;
use wasip3::clocks::monotonic_clock;
use wasip3::filesystem::preopens::get_directories;
use wasip3::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};
use wasip3::wit_bindgen::rt::async_support::StreamReader;
use wasip3::wit_stream;

struct Program;

wasip3::cli::command::export!(Program);

impl wasip3::exports::cli::run::Guest for Program {
    async fn run() -> Result<(), ()> {
        let arguments = get_arguments();
        let mut disk = Disk { directories: get_directories(), held: None };
        for command in arguments.get(1..).unwrap_or_default().split(|argument| argument == ";") {
            let command: Vec<&str> = command.iter().map(String::as_str).collect();
            println!("{}", disk.answer(&command).await);
        }
        Ok(())
    }
}

type Outcome = Result<String, ErrorCode>;

/// Where a write begins.
enum Position {
    At(u64),
    End,
}

/// A file that is kept open.
struct Held {
    file: Descriptor,
    /// Keeps the file open as well.
    _data: Option<StreamReader<u8>>,
}

struct Disk {
    directories: Vec<(Descriptor, String)>,
    held: Option<Held>,
}

const WRITE: DescriptorFlags = DescriptorFlags::WRITE;
const ANEW: OpenFlags = OpenFlags::CREATE.union(OpenFlags::TRUNCATE);
const DIRECTORY: OpenFlags = OpenFlags::DIRECTORY;
const NEW: OpenFlags = OpenFlags::CREATE.union(OpenFlags::EXCLUSIVE);

impl Disk {
    async fn answer(&mut self, command: &[&str]) -> String {
        let (times, command) = match command {
            ["again", times, command @ ..] => (times.parse().unwrap_or(0_u32), command),
            command => (1, command),
        };
        let mut answers = BTreeSet::new();
        for _ in 0..times {
            answers.insert(self.run(command).await.unwrap_or_else(word));
        }
        answers.into_iter().collect::<Vec<_>>().join(" | ")
    }

    async fn run(&mut self, command: &[&str]) -> Outcome {
        match *command {
            ["write", path, count] => {
                write(&self.open(path, ANEW, WRITE).await?, Position::At(0), number(count)?).await
            }
            ["append", path, count] => {
                write(&self.open(path, OpenFlags::empty(), WRITE).await?, Position::End, number(count)?).await
            }
            ["write-at", path, offset, count] => {
                let offset = offset.parse().map_err(|_| ErrorCode::Invalid)?;
                let file = self.open(path, OpenFlags::empty(), WRITE).await?;
                write(&file, Position::At(offset), number(count)?).await
            }
            ["create", path] => self.open(path, NEW, WRITE).await.map(ok),
            ["truncate", path] => length("ok", &self.open(path, OpenFlags::TRUNCATE, WRITE).await?).await,
            ["set-size", path, size] => {
                let file = self.open(path, OpenFlags::empty(), WRITE).await?;
                let outcome = file.set_size(size.parse().map_err(|_| ErrorCode::Invalid)?).await;
                length(outcome.map_or_else(word, ok).as_str(), &file).await
            }
            ["hold", path] => {
                let file = self.open(path, OpenFlags::empty(), WRITE).await?;
                self.held = Some(Held { file, _data: None });
                Ok(ok(()))
            }
            ["hold-to-read", path] => {
                let file = self.open(path, OpenFlags::empty(), DescriptorFlags::READ).await?;
                let (data, _) = file.read_via_stream(0);
                self.held = Some(Held { file, _data: Some(data) });
                Ok(ok(()))
            }
            ["held-write", count] => {
                let held = self.held.as_ref().ok_or(ErrorCode::NoEntry)?;
                write(&held.file, Position::At(0), number(count)?).await
            }
            ["release"] => Ok(ok(self.held.take())),
            ["names", prefix, count] => {
                for number in 0..number(count)? {
                    self.open(&format!("{prefix}{number}"), NEW, WRITE).await?;
                }
                Ok(ok(()))
            }
            ["race", one, two] => {
                let (one, two) = (self.open(one, ANEW, WRITE).await?, self.open(two, ANEW, WRITE).await?);
                race(&one, &two).await
            }
            ["tangle", path] => {
                let file = self.open(path, ANEW, WRITE).await?;
                tangle(&file, &self.open(path, OpenFlags::empty(), WRITE).await?).await
            }
            ["list", path] => {
                let (names, end) = self.open(path, DIRECTORY, DescriptorFlags::READ).await?.read_directory();
                let names: Vec<String> = names.collect().await.into_iter().map(|entry| entry.name).collect();
                end.await.map(|()| names.join(" "))
            }
            ["pace", path, count] => pace(&self.open(path, ANEW, WRITE).await?, number(count)?).await,
            ["read", path] => {
                let (data, end) =
                    self.open(path, OpenFlags::empty(), DescriptorFlags::READ).await?.read_via_stream(0);
                let bytes = data.collect().await;
                end.await?;
                String::from_utf8(bytes).map_err(|_| ErrorCode::IllegalByteSequence)
            }
            _ => self.change_names(command).await,
        }
    }

    async fn change_names(&self, command: &[&str]) -> Outcome {
        match *command {
            ["remove", path] => {
                let (directory, name) = self.find(path)?;
                directory.unlink_file_at(name).await.map(ok)
            }
            ["rename", from, to] => {
                let ((from, old), (to, new)) = (self.find(from)?, self.find(to)?);
                from.rename_at(old, to, new).await.map(ok)
            }
            ["link", from, to] => {
                let ((from, old), (to, new)) = (self.find(from)?, self.find(to)?);
                from.link_at(PathFlags::empty(), old, to, new).await.map(ok)
            }
            ["symlink", target, path] => {
                let (directory, name) = self.find(path)?;
                directory.symlink_at(target.to_owned(), name).await.map(ok)
            }
            ["swap", target, path] => {
                let (directory, name) = self.find(path)?;
                let aside = format!("{name}.aside");
                directory.rename_at(name.clone(), directory, aside.clone()).await?;
                let linked = directory.symlink_at(target.to_owned(), name.clone()).await;
                let removed = directory.unlink_file_at(name.clone()).await;
                directory.rename_at(aside, directory, name).await?;
                removed.and(linked).map(ok)
            }
            ["mkdir", path] => {
                let (directory, name) = self.find(path)?;
                directory.create_directory_at(name).await.map(ok)
            }
            ["rmdir", path] => {
                let (directory, name) = self.find(path)?;
                directory.remove_directory_at(name).await.map(ok)
            }
            _ => Err(ErrorCode::Unsupported),
        }
    }

    async fn open(
        &self,
        path: &str,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> Result<Descriptor, ErrorCode> {
        let (directory, name) = self.find(path)?;
        directory.open_at(PathFlags::SYMLINK_FOLLOW, name, open_flags, flags).await
    }

    /// The preopen that the path begins with, and the rest. A path that begins with none is tried in the first.
    fn find(&self, path: &str) -> Result<(&Descriptor, String), ErrorCode> {
        let inside = |name: &str| path.strip_prefix(name)?.strip_prefix('/').map(str::to_owned);
        let found = self.directories.iter().find_map(|(fd, name)| Some((fd, inside(name)?)));
        let first = self.directories.first().map(|(fd, _)| (fd, path.to_owned()));
        found.or(first).ok_or(ErrorCode::NoEntry)
    }
}

fn number(text: &str) -> Result<usize, ErrorCode> {
    text.parse().map_err(|_| ErrorCode::Invalid)
}

/// The code in the words of WASI.
fn word(code: ErrorCode) -> String {
    let word = match code {
        ErrorCode::Access => "access",
        ErrorCode::Quota => "quota",
        ErrorCode::Exist => "exist",
        ErrorCode::NoEntry => "no-entry",
        ErrorCode::InsufficientSpace => "insufficient-space",
        ErrorCode::NotEmpty => "not-empty",
        ErrorCode::NotPermitted => "not-permitted",
        ErrorCode::CrossDevice => "cross-device",
        other => return format!("{other:?}"),
    };
    word.to_owned()
}

fn ok<T>(_: T) -> String {
    "ok".to_owned()
}

async fn length(said: &str, file: &Descriptor) -> Outcome {
    Ok(format!("{said} {}", file.stat().await?.size))
}

async fn write(file: &Descriptor, position: Position, count: usize) -> Outcome {
    let outcome = stream(file, position, count).await;
    length(outcome.map_or_else(word, ok).as_str(), file).await
}

async fn stream(file: &Descriptor, position: Position, count: usize) -> Result<(), ErrorCode> {
    let (mut outgoing, source) = wit_stream::new();
    let written = match position {
        Position::At(offset) => file.write_via_stream(source, offset),
        Position::End => file.append_via_stream(source),
    };
    outgoing.write_all(vec![b'x'; count]).await;
    drop(outgoing);
    written.await
}

async fn pace(file: &Descriptor, count: usize) -> Outcome {
    let (mut outgoing, source) = wit_stream::new();
    let begin = monotonic_clock::now();
    let written = file.write_via_stream(source, 0);
    for _ in 0..count {
        outgoing.write_all(vec![b'x'; 4096]).await;
    }
    drop(outgoing);
    written.await?;
    Ok((monotonic_clock::now() - begin).to_string())
}

/// Two descriptors of one file: what one does changes what the other has to book.
async fn tangle(one: &Descriptor, two: &Descriptor) -> Outcome {
    for round in 0_u64.. {
        let wrote = stream(one, Position::At(round * 550), 700).await;
        if wrote.is_err() || stream(two, Position::End, 300).await.is_err() {
            break;
        }
        one.set_size(round * 500).await?;
        let _ = two.set_size(round * 600).await;
    }
    length("tangled", one).await
}

/// Both streams are under way before the first is waited for.
async fn race(one: &Descriptor, two: &Descriptor) -> Outcome {
    let (to_one, source_one) = wit_stream::new();
    let (to_two, source_two) = wit_stream::new();
    let (end_one, end_two) = (one.write_via_stream(source_one, 0), two.append_via_stream(source_two));
    let mut streams = [Some(to_one), Some(to_two)];
    while streams.iter().any(Option::is_some) {
        for stream in &mut streams {
            if let Some(outgoing) = stream
                && !outgoing.write_all(vec![b'x'; 777]).await.is_empty()
            {
                *stream = None;
            }
        }
    }
    if end_one.await.is_ok() || end_two.await.is_ok() {
        return Err(ErrorCode::Io);
    }
    Ok(format!("{} together", one.stat().await?.size + two.stat().await?.size))
}
