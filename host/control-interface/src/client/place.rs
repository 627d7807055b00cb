//! Where a host is, and what opens it.

use std::fmt;
#[cfg(unix)]
use std::path::PathBuf;

use http::StatusCode;

use super::ClientError;
use crate::plain_url::{PlainUrl, authority};

/// The port of a URL that has none.
const USUAL_PORT: u16 = 80;

/// A secret that stands for a tenant. It is not in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The shortest token, in characters.
    pub const SHORTEST: usize = 32;
    /// The longest token, in characters.
    pub const LONGEST: usize = 512;

    /// A token: 32 to 512 visible ASCII characters.
    ///
    /// # Errors
    ///
    /// [`ClientError::Address`] for anything else. The message does not have the token.
    pub fn new(token: impl Into<String>) -> Result<Self, ClientError> {
        let token = token.into();
        let long_enough = (Self::SHORTEST..=Self::LONGEST).contains(&token.len());
        if long_enough && token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(token));
        }
        let reason = format!(
            "this is no token: it has {} to {} visible ASCII characters and no blanks",
            Self::SHORTEST,
            Self::LONGEST
        );
        Err(ClientError::Address { reason })
    }

    /// The token itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub(super) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Where a host is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// A socket in the file system.
    #[cfg(unix)]
    Unix(PathBuf),
    /// An address, as people write it, its parts, and what opens it.
    Tcp { url: String, host: String, port: u16, token: Token },
}

impl Place {
    #[cfg(unix)]
    pub(super) const fn unix(path: PathBuf) -> Self {
        Self::Unix(path)
    }

    pub(super) fn tcp(url: &str, token: Token) -> Result<Self, ClientError> {
        let wrong = || {
            let shown = PlainUrl::shown(url);
            let reason = format!("`{shown}` is no address of a host; it has the form http://ADDRESS:PORT");
            ClientError::Address { reason }
        };
        let PlainUrl { host, port, path } = PlainUrl::parse(url).ok_or_else(wrong)?;
        if !path.is_empty() {
            return Err(wrong());
        }
        Ok(Self::Tcp { url: url.to_owned(), host, port: port.unwrap_or(USUAL_PORT), token })
    }

    /// For the `host` header.
    pub(super) fn authority(&self) -> String {
        match self {
            #[cfg(unix)]
            Self::Unix(_) => "localhost".to_owned(),
            Self::Tcp { host, port, .. } => authority(host, *port),
        }
    }

    pub(super) const fn token(&self) -> Option<&Token> {
        match self {
            #[cfg(unix)]
            Self::Unix(_) => None,
            Self::Tcp { token, .. } => Some(token),
        }
    }

    pub(super) fn nobody_there(&self, reason: impl fmt::Display) -> ClientError {
        ClientError::NobodyThere { place: self.to_string(), reason: reason.to_string() }
    }

    pub(super) fn broken_off(&self, reason: impl Into<String>) -> ClientError {
        ClientError::BrokenOff { place: self.to_string(), reason: reason.into() }
    }

    pub(super) fn not_understood(&self, reason: impl Into<String>) -> ClientError {
        ClientError::NotUnderstood { place: self.to_string(), reason: reason.into() }
    }

    /// A refusal without the words of one.
    pub(super) fn strange_status(&self, status: StatusCode) -> ClientError {
        self.not_understood(format!("it has the status {status} and no reason"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(unix)]
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp { url, .. } => f.write_str(url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token::new("x".repeat(32)).unwrap()
    }

    #[test]
    fn a_url_has_an_address_and_perhaps_a_port_and_nothing_else() {
        for (url, authority) in [
            ("http://127.0.0.1:8443", "127.0.0.1:8443"),
            ("http://localhost/", "localhost:80"),
            ("http://[::1]:9", "[::1]:9"),
        ] {
            assert_eq!(Place::tcp(url, token()).unwrap().authority(), authority);
        }
        for wrong in [
            "",
            "127.0.0.1:80",
            "https://a:1",
            "http://",
            "http://a/b",
            "http://a:x",
            "http://a:70000",
            "http://a?b",
            "http://u:p@a",
        ] {
            let error = Place::tcp(wrong, token()).unwrap_err();
            assert!(error.to_string().contains("http://ADDRESS:PORT"), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_token_is_long_enough_to_be_a_secret_and_is_not_shown() {
        for wrong in ["", "short", &"ä".repeat(40), &format!("{} x", "y".repeat(40)), &"z".repeat(513)] {
            let error = Token::new(wrong).unwrap_err().to_string();
            assert!(wrong.is_empty() || !error.contains(wrong), "{error}");
        }
        assert!(!format!("{:?}", token()).contains('x'));
    }
}
