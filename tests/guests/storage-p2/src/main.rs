//! `storage-p2 COMMAND ARGUMENT… [; COMMAND ARGUMENT…]…`: does each command with files and says in a line what came of it:
//! `ok`, or the error in the words of WASI; after a command that changes contents also the length of the file.
//!
//! | command | |
//! |---|---|
//! | `write PATH COUNT` | creates or truncates, and writes so many bytes |
//! | `append PATH COUNT`, `write-at PATH OFFSET COUNT` | to a file that is there |
//! | `create PATH`, `truncate PATH`, `set-size PATH SIZE` | |
//! | `hold PATH`, `hold-to-read PATH`, `held-write COUNT`, `release` | keeps a file open |
//! | `remove PATH`, `rename FROM TO`, `link FROM TO`, `symlink TARGET PATH`, `mkdir PATH`, `rmdir PATH` | |
//! | `names PREFIX COUNT` | creates so many empty files |
//! | `stream PATH COUNT`, `plain PATH COUNT` | as `append`, but asks WASI itself, with a stream or without |
//! | `race ONE TWO` | writes to two files in turns until both are refused |
//! | `tangle PATH` | writes to one file through two descriptors in turns, and sets its size up and down, until there is no room |
//! | `read PATH` | says what is in it |
//! | `list PATH` | says the names in a directory |
//! | `swap TARGET PATH` | puts a symbolic link in the place of a directory, and the directory back |
//! | `again TIMES COMMAND ARGUMENT…` | the command so many times, and each different answer once |
//! | `pace PATH COUNT` | creates a file, writes 4 KiB to it so many times, and says how many nanoseconds that took |

mod direct;

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::Instant;

type Outcome = io::Result<String>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut held = None;
    for command in arguments.split(|argument| argument == ";") {
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        println!("{}", answer(&command, &mut held));
    }
}

fn answer(command: &[&str], held: &mut Option<File>) -> String {
    if let ["again", times, command @ ..] = command {
        let times = times.parse().unwrap_or(0_u32);
        let answers: BTreeSet<String> = (0..times).map(|_| answer(command, held)).collect();
        return answers.into_iter().collect::<Vec<_>>().join(" | ");
    }
    run(command, held).unwrap_or_else(|error| word(&error))
}

fn run(command: &[&str], held: &mut Option<File>) -> Outcome {
    match *command {
        ["write", path, count] => write(&mut File::create(path)?, number(count)?),
        ["append", path, count] => write(&mut OpenOptions::new().append(true).open(path)?, number(count)?),
        ["write-at", path, offset, count] => {
            let mut file = OpenOptions::new().write(true).open(path)?;
            file.seek(SeekFrom::Start(offset.parse().map_err(io::Error::other)?))?;
            write(&mut file, number(count)?)
        }
        ["create", path] => File::create_new(path).map(ok),
        ["truncate", path] => length("ok", &OpenOptions::new().write(true).truncate(true).open(path)?),
        ["set-size", path, size] => {
            let file = OpenOptions::new().write(true).open(path)?;
            let outcome = file.set_len(size.parse().map_err(io::Error::other)?);
            length(&outcome.map_or_else(|error| word(&error), ok), &file)
        }
        ["hold", path] => {
            *held = Some(OpenOptions::new().write(true).open(path)?);
            Ok(ok(()))
        }
        ["hold-to-read", path] => {
            let mut file = File::open(path)?;
            // So that there is a stream, too.
            file.read_exact(&mut [0])?;
            *held = Some(file);
            Ok(ok(()))
        }
        ["held-write", count] => match held {
            Some(file) => write(file, number(count)?),
            None => Err(io::ErrorKind::NotFound.into()),
        },
        ["release"] => Ok(ok(held.take())),
        ["remove", path] => fs::remove_file(path).map(ok),
        ["rename", from, to] => fs::rename(from, to).map(ok),
        ["link", from, to] => fs::hard_link(from, to).map(ok),
        ["symlink", target, path] => direct::symlink(target, path),
        ["mkdir", path] => fs::create_dir(path).map(ok),
        ["rmdir", path] => fs::remove_dir(path).map(ok),
        ["names", prefix, count] => {
            for number in 0..number(count)? {
                File::create_new(format!("{prefix}{number}"))?;
            }
            Ok(ok(()))
        }
        ["stream", path, count] => direct::stream(path, number(count)?),
        ["plain", path, count] => direct::plain(path, number(count)?),
        ["race", one, two] => race(File::create(one)?, File::create(two)?),
        ["pace", path, count] => pace(&mut File::create(path)?, number(count)?),
        ["tangle", path] => tangle(path),
        ["read", path] => fs::read_to_string(path),
        ["list", path] => {
            let names: io::Result<Vec<String>> = fs::read_dir(path)?
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                .collect();
            names.map(|names| names.join(" "))
        }
        ["swap", target, path] => {
            let aside = format!("{path}.aside");
            fs::rename(path, &aside)?;
            let linked = direct::symlink(target, path);
            let removed = fs::remove_file(path);
            fs::rename(&aside, path)?;
            removed.and(linked)
        }
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn number(text: &str) -> io::Result<usize> {
    text.parse().map_err(io::Error::other)
}

fn ok<T>(_: T) -> String {
    "ok".to_owned()
}

fn length(said: &str, file: &File) -> Outcome {
    Ok(format!("{said} {}", file.metadata()?.len()))
}

fn write(file: &mut File, count: usize) -> Outcome {
    let outcome = file.write_all(&vec![b'x'; count]);
    length(&outcome.map_or_else(|error| word(&error), ok), file)
}

fn race(one: File, two: File) -> Outcome {
    let mut files = [(one, false), (two, false)];
    while files.iter().any(|(_, refused)| !refused) {
        for (file, refused) in &mut files {
            *refused = file.write_all(&[b'x'; 777]).is_err();
        }
    }
    let [(one, _), (two, _)] = files;
    Ok(format!("{} together", one.metadata()?.len() + two.metadata()?.len()))
}

/// Two descriptors of one file: what one does changes what the other has to book.
fn tangle(path: &str) -> Outcome {
    let (mut one, two) = (File::create(path)?, OpenOptions::new().append(true).open(path)?);
    let mut two_writes = &two;
    for round in 0_u64.. {
        let wrote = one.write_all(&[b'x'; 700]);
        if wrote.is_err() || two_writes.write_all(&[b'y'; 300]).is_err() {
            break;
        }
        one.set_len(round * 500)?;
        let _ = two.set_len(round * 600);
        one.seek(SeekFrom::Start(round * 550))?;
    }
    length("tangled", &one)
}

fn pace(file: &mut File, count: usize) -> Outcome {
    let (block, begin) = ([b'x'; 4096], Instant::now());
    for _ in 0..count {
        file.write_all(&block)?;
    }
    Ok(begin.elapsed().as_nanos().to_string())
}

/// The error in the words of WASI, by the numbers of wasi-libc.
fn word(error: &io::Error) -> String {
    let word = match error.raw_os_error() {
        Some(2) => "access",
        Some(19) => "quota",
        Some(20) => "exist",
        Some(29) => "io",
        Some(44) => "no-entry",
        Some(51) => "insufficient-space",
        Some(55) => "not-empty",
        Some(63 | 76) => "not-permitted",
        Some(75) => "cross-device",
        _ => return format!("{error:?}"),
    };
    word.to_owned()
}
