//! Names inside a package: relative, in one form, and without a way out.

use std::path::PathBuf;

/// The longest path, in bytes.
const LONGEST: usize = 1024;
/// The longest name of one file or folder, in bytes: what file systems take.
const LONGEST_NAME: usize = 255;
/// The most folders one inside the other.
const DEEPEST: usize = 32;

/// Why a path cannot be one inside a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// It starts at the root of a file system.
    #[error("it is absolute")]
    Absolute,
    /// It has `..`.
    #[error("it has `..`")]
    Parent,
    /// A character that has a meaning of its own on some system, or none that anybody can see.
    #[error("it has the character U+{:04X}", u32::from(*.0))]
    Character(char),
    /// No text.
    #[error("it is not UTF-8")]
    NoText,
    /// Longer than a path may be.
    #[error("it is longer than {LONGEST} bytes, or a name in it longer than {LONGEST_NAME}")]
    TooLong,
    /// More folders one inside the other than there may be.
    #[error("it is more than {DEEPEST} folders deep")]
    TooDeep,
}

/// The path, without `.` and without a `/` at its end.
pub(crate) fn inside(bytes: &[u8]) -> Result<PathBuf, PathError> {
    if bytes.len() > LONGEST {
        return Err(PathError::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| PathError::NoText)?;
    if text.starts_with('/') {
        return Err(PathError::Absolute);
    }
    // Definitions use a backslash as a separator, and `C:` would be a drive.
    if let Some(character) = text.chars().find(|c| c.is_control() || matches!(c, '\\' | ':')) {
        return Err(PathError::Character(character));
    }
    let mut path = PathBuf::new();
    let mut depth = 0;
    for name in text.split('/').filter(|name| !name.is_empty() && *name != ".") {
        if name == ".." {
            return Err(PathError::Parent);
        }
        if name.len() > LONGEST_NAME {
            return Err(PathError::TooLong);
        }
        depth += 1;
        path.push(name);
    }
    match depth {
        0 => Err(PathError::Empty),
        1..=DEEPEST => Ok(path),
        _ => Err(PathError::TooDeep),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_relative_path_has_one_form() {
        for text in ["service/Web/Web.wasm", "./service//Web/./Web.wasm", "service/Web/Web.wasm/"] {
            assert_eq!(inside(text.as_bytes()).as_deref(), Ok(Path::new("service/Web/Web.wasm")), "{text}");
        }
    }

    #[test]
    fn a_path_that_leads_out_or_hides_something_is_refused() {
        for (path, error) in [
            ("", PathError::Empty),
            (".", PathError::Empty),
            ("/etc/passwd", PathError::Absolute),
            ("//etc", PathError::Absolute),
            ("..", PathError::Parent),
            ("a/../../b", PathError::Parent),
            ("a/..", PathError::Parent),
            ("a\\b", PathError::Character('\\')),
            ("C:/a", PathError::Character(':')),
            ("a\0b", PathError::Character('\0')),
            ("a\nb", PathError::Character('\n')),
        ] {
            assert_eq!(inside(path.as_bytes()), Err(error), "{path:?}");
        }
        assert_eq!(inside(b"a\xff"), Err(PathError::NoText));
    }

    #[test]
    fn long_and_deep_paths_are_refused() {
        assert_eq!(inside(&[b'a'; 1025]), Err(PathError::TooLong));
        assert_eq!(inside(&[b'a'; 256]), Err(PathError::TooLong));
        assert!(inside(&[b'a'; 255]).is_ok());
        assert!(inside("a/".repeat(32).as_bytes()).is_ok());
        assert_eq!(inside("a/".repeat(33).as_bytes()), Err(PathError::TooDeep));
    }
}
