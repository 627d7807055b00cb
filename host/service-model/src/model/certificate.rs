//! Certificates of a role: where the platform put them, and which ones they are.

use std::fmt;

use thiserror::Error;

use super::{CertificateName, CertificateStoreName};
use crate::Span;

/// A certificate that a role declares, or that a module which it imports adds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Certificate {
    /// Unique in its role.
    pub name: CertificateName,
    /// Whose store it is in.
    pub store_location: StoreLocation,
    /// The store it is in: `My`, another well-known one, or one of the service's own.
    pub store_name: CertificateStoreName,
    /// Who may use its private key. Default: everybody in the role.
    pub permission_level: PermissionLevel,
    /// Which certificate it is. `None`: there is no configuration, or it leaves that open, which was reported.
    pub thumbprint: Option<Thumbprint>,
    /// Where the definition declares it, or imports the module that adds it.
    pub span: Span,
}

/// `storeLocation`: whose stores a certificate is put into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreLocation {
    /// The user's that the role runs as.
    CurrentUser,
    /// The machine's.
    LocalMachine,
}

/// `permissionLevel`: who may use the private key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum PermissionLevel {
    /// Every process of the role. The default.
    #[default]
    LimitedOrElevated,
    /// Only processes with elevated rights.
    Elevated,
}

/// The SHA-1 digest of a certificate: 40 hexadecimal digits, in capitals.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint(String);

/// Why a text is no thumbprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ThumbprintError {
    /// A character that is neither a hexadecimal digit nor white space.
    #[error("`{0}` is no hexadecimal digit")]
    NoDigit(char),
    /// Another number of digits than a SHA-1 digest has.
    #[error("it has {0} digits, a SHA-1 digest has {digits}", digits = Thumbprint::DIGITS)]
    Length(usize),
}

impl Thumbprint {
    const DIGITS: usize = 40;

    /// Reads a thumbprint as certificate tools show it: white space between the digits and their case do not count.
    ///
    /// # Errors
    /// The text is no SHA-1 digest.
    pub fn parse(text: &str) -> Result<Self, ThumbprintError> {
        // Tools of the platform copy an invisible mark of direction in front of the digits.
        let is_digit = |c: &char| !c.is_whitespace() && *c != '\u{200E}';
        let digits: String = text.chars().filter(is_digit).collect();
        match digits.chars().find(|c| !c.is_ascii_hexdigit()) {
            Some(character) => Err(ThumbprintError::NoDigit(character)),
            None if digits.len() != Self::DIGITS => Err(ThumbprintError::Length(digits.len())),
            None => Ok(Thumbprint(digits.to_ascii_uppercase())),
        }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_case_and_the_mark_that_tools_copy_do_not_count() {
        let digits = "A909502DD82AE41433E6F83886B00D4277A32A7B";
        let spaced = "\u{200E}a9 09 50 2d d8 2a e4 14 33 e6 f8 38 86 b0 0d 42 77 a3 2a 7b\t";
        assert_eq!(Thumbprint::parse(spaced).unwrap().as_str(), digits);
    }

    #[test]
    fn what_is_no_digest_is_refused_with_the_reason() {
        assert_eq!(Thumbprint::parse(""), Err(ThumbprintError::Length(0)));
        assert_eq!(Thumbprint::parse("A9"), Err(ThumbprintError::Length(2)));
        assert_eq!(Thumbprint::parse("A9 0G"), Err(ThumbprintError::NoDigit('G')));
        let error = Thumbprint::parse(&"0".repeat(64)).unwrap_err();
        assert_eq!(error.to_string(), "it has 64 digits, a SHA-1 digest has 40");
    }
}
