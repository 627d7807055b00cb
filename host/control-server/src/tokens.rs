//! Tokens: who may ask over TCP.
//!
//! A token file has a line for each token: the tenant, a blank, and the SHA-256 of the token in 64 hexadecimal digits. Empty lines
//! and lines that begin with `#` say nothing. The tokens themselves are in no file of the host. A tenant can have several, so that
//! one can be replaced while it is used.
//!
//! ```text
//! # made on 2026-11-21
//! acme  9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//! ```
//!
//! The file is read again for each request: a token whose line is gone opens nothing any more.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use tokio::sync::Semaphore;
use wasm_roles_control_interface::TenantName;

/// The longest token file that is read, in bytes.
const LONGEST_FILE: u64 = 1 << 20;

type Hash = [u8; SHA256_OUTPUT_LEN];

/// Tokens cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The file cannot be read.
    #[error("the token file {} cannot be read: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Others than its owner may read or write it.
    #[error("others may read or write the token file {}; allow it to its owner only (mode 0600)", file.display())]
    Open {
        /// The file.
        file: PathBuf,
    },
    /// A line is none.
    #[error("{}:{line}: {reason}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// Why.
        reason: String,
    },
}

/// Readings of the file at the same time. Whoever asks is not known before that, and shall not take the threads of those who are.
const READINGS: usize = 4;

impl TokenError {
    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable { file, .. } => {
                format!("make {} with a line for each token, and let the host's user read it", file.display())
            }
            Self::Open { file } => format!("chmod 600 {}", file.display()),
            Self::Line { .. } => {
                "write the tenant, a blank, and the SHA-256 of the token in hexadecimal digits".to_owned()
            }
        }
    }
}

/// A token file.
#[derive(Clone, Debug)]
pub struct TokenFile {
    path: PathBuf,
    readings: Arc<Semaphore>,
}

impl TokenFile {
    /// A token file, which is read once to see that it can be.
    ///
    /// # Errors
    ///
    /// See [`TokenError`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, TokenError> {
        let file = Self { path: path.into(), readings: Arc::new(Semaphore::new(READINGS)) };
        file.read()?;
        Ok(file)
    }

    /// Whose token this is by the file as it is now. The error says why nobody knows.
    pub(crate) async fn tenant_of(&self, token: String) -> Result<Option<TenantName>, String> {
        // It is never closed.
        let place = Arc::clone(&self.readings).acquire_owned().await.map_err(|error| error.to_string())?;
        let file = self.clone();
        let looking = tokio::task::spawn_blocking(move || {
            // Also when nobody waits for it any more.
            let _place = place;
            file.read().map(|tokens| tokens.tenant_of(&token).cloned()).map_err(|error| error.to_string())
        });
        looking.await.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// The tokens that are in the file now. It blocks for as long as the file system does.
    pub(crate) fn read(&self) -> Result<Tokens, TokenError> {
        let file = || self.path.clone();
        let text = read(&self.path).map_err(|source| TokenError::Unreadable { file: file(), source })?;
        let text = text.ok_or_else(|| TokenError::Open { file: file() })?;
        Tokens::parse(&text).map_err(|(line, reason)| TokenError::Line { file: file(), line, reason })
    }
}

/// The text of the file; none when it is open to others.
fn read(path: &Path) -> io::Result<Option<String>> {
    use std::io::Read;

    let file = std::fs::File::open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;

        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            return Ok(None);
        }
    }
    let mut text = String::new();
    file.take(LONGEST_FILE + 1).read_to_string(&mut text)?;
    if u64::try_from(text.len()).map_or(true, |length| length > LONGEST_FILE) {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
    }
    Ok(Some(text))
}

/// The line of a token file for a token.
#[must_use]
pub fn token_line(tenant: &TenantName, token: &str) -> String {
    let mut line = format!("{tenant} ");
    for byte in hash(token) {
        // Writing to a string does not fail.
        let _ = write!(line, "{byte:02x}");
    }
    line
}

fn hash(token: &str) -> Hash {
    let mut hash = [0; SHA256_OUTPUT_LEN];
    for (to, from) in hash.iter_mut().zip(digest(&SHA256, token.as_bytes()).as_ref()) {
        *to = *from;
    }
    hash
}

/// The hashes of all tokens.
#[derive(Debug, Default)]
pub(crate) struct Tokens(Vec<(Hash, TenantName)>);

impl Tokens {
    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut tokens = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let at = |reason: String| (number + 1, reason);
            let mut words = line.split_ascii_whitespace();
            let (Some(tenant), Some(hash), None) = (words.next(), words.next(), words.next()) else {
                return Err(at("it has not the form TENANT SHA256".to_owned()));
            };
            let tenant = tenant.parse().map_err(|error| at(format!("{error}")))?;
            let hash = hash_from(hash).ok_or_else(|| {
                at("the second word is not the SHA-256 of a token: 64 hexadecimal digits".to_owned())
            })?;
            tokens.push((hash, tenant));
        }
        Ok(Self(tokens))
    }

    /// Whose token this is. It takes the same time for every token of the same length, whether it is one or not.
    pub(crate) fn tenant_of(&self, token: &str) -> Option<&TenantName> {
        let given = hash(token);
        let (mut found, mut place) = (Choice::from(0), 0);
        for (number, (hash, _)) in (0_u64..).zip(&self.0) {
            let same = given.ct_eq(hash);
            place.conditional_assign(&number, same);
            found |= same;
        }
        let place = usize::try_from(place).ok().filter(|_| bool::from(found))?;
        self.0.get(place).map(|(_, tenant)| tenant)
    }
}

fn hash_from(text: &str) -> Option<Hash> {
    let mut hash = [0; SHA256_OUTPUT_LEN];
    let digits = text.len() == hash.len() * 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    for (number, byte) in hash.iter_mut().enumerate().filter(|_| digits) {
        *byte = u8::from_str_radix(text.get(number * 2..number * 2 + 2)?, 16).ok()?;
    }
    digits.then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantName {
        name.parse().unwrap()
    }

    #[test]
    fn the_hash_is_that_of_everybody_else() {
        let line = token_line(&tenant("acme"), "test");
        assert_eq!(line, "acme 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    }

    #[test]
    fn a_token_opens_its_tenant_and_no_other() {
        let lines = [
            token_line(&tenant("a"), "one"),
            token_line(&tenant("b"), "two"),
            token_line(&tenant("a"), "three"),
        ];
        let tokens = Tokens::parse(&format!("# tokens\n\n{}\n", lines.join("\n"))).unwrap();
        let of = |token: &str| tokens.tenant_of(token).map(TenantName::as_str);
        assert_eq!([of("one"), of("two"), of("three")], [Some("a"), Some("b"), Some("a")]);
        assert_eq!([of("four"), of(""), of("one ")], [None; 3]);
        assert_eq!(Tokens::default().tenant_of("one"), None);
    }

    #[test]
    fn a_wrong_line_is_named_and_its_words_are_not_shown() {
        let hash = "0".repeat(64);
        for (text, line) in [
            ("acme", 1),
            ("\nacme 123", 2),
            (&format!("acme {hash} more"), 1),
            (&format!("Acme {hash}"), 1),
            (&format!("acme {}", "ä".repeat(32)), 1),
        ] {
            let (at, reason) = Tokens::parse(text).unwrap_err();
            assert_eq!(at, line, "{text}");
            assert!(!reason.contains("123") && !reason.contains(&hash), "{reason}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        std::fs::write(&path, token_line(&tenant("a"), "one")).unwrap();
        let mode = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        mode(0o640);
        assert!(matches!(TokenFile::open(&path), Err(TokenError::Open { .. })));
        mode(0o600);
        let file = TokenFile::open(&path).unwrap();
        assert!(file.read().unwrap().tenant_of("one").is_some());
        std::fs::write(&path, "").unwrap();
        assert!(file.read().unwrap().tenant_of("one").is_none(), "it is read again");
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(file.read(), Err(TokenError::Unreadable { .. })));
    }
}
