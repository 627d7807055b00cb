//! The name of a new service, which becomes part of the names of its packages.

use std::fmt;

/// The longest name: packages get a role's name behind it, and some registries take no more than 64 characters.
const LONGEST: usize = 40;

/// What a new service can be called: 1 to 40 letters from A to Z, digits and hyphens, a letter first, and neither a hyphen at the end
/// nor two of them together. So it is a name of a service definition, and with a role's name behind it one of a package in
/// every language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewName(String);

/// Why a text cannot be the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is nothing.
    #[error("a name cannot be empty")]
    Empty,
    /// It is too long.
    #[error("a name has {LONGEST} characters at most, since packages are called after it")]
    TooLong,
    /// It does not begin with a letter.
    #[error("a name begins with a letter from A to Z, not with `{0}`")]
    First(char),
    /// It has something else in it.
    #[error("a name has letters from A to Z, digits and hyphens, not `{0}`")]
    Character(char),
    /// It has a hyphen where none can be.
    #[error("a name has neither a hyphen at its end nor two together")]
    Hyphen,
}

impl NewName {
    /// Checks a text.
    ///
    /// # Errors
    ///
    /// The rule that it breaks.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let first = text.chars().next().ok_or(NameError::Empty)?;
        if !first.is_ascii_alphabetic() {
            return Err(NameError::First(first));
        }
        if let Some(other) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || *c == '-')) {
            return Err(NameError::Character(other));
        }
        if text.ends_with('-') || text.contains("--") {
            return Err(NameError::Hyphen);
        }
        if text.len() > LONGEST { Err(NameError::TooLong) } else { Ok(Self(text.to_owned())) }
    }

    /// The name as it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For packages: in small letters.
    #[must_use]
    pub fn package(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// For modules: in small letters, with underscores for hyphens.
    #[must_use]
    pub fn module(&self) -> String {
        self.package().replace('-', "_")
    }
}

impl fmt::Display for NewName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_of_packages_too() {
        let name = NewName::new("Corner-Shop2").unwrap();
        assert_eq!(
            (name.as_str(), name.package().as_str(), name.module().as_str()),
            ("Corner-Shop2", "corner-shop2", "corner_shop2")
        );
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_rule_that_it_breaks() {
        let long = "a".repeat(41);
        for (text, error) in [
            ("", NameError::Empty),
            ("2shop", NameError::First('2')),
            ("-shop", NameError::First('-')),
            ("../shop", NameError::First('.')),
            ("my shop", NameError::Character(' ')),
            ("shop_1", NameError::Character('_')),
            ("Müller", NameError::Character('ü')),
            ("shop/..", NameError::Character('/')),
            ("shop-", NameError::Hyphen),
            ("my--shop", NameError::Hyphen),
            (long.as_str(), NameError::TooLong),
        ] {
            assert_eq!(NewName::new(text), Err(error), "{text}");
        }
    }
}
