//! Names: of services, roles, endpoints, settings and stores.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// Why a text is no name (facts: simple types of the schema, "name string").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing there.
    #[error("a name cannot be empty")]
    Empty,
    /// The first character is neither a letter of A to Z nor `_`.
    #[error("a name starts with a letter from A to Z or `_`, not with `{0}`")]
    FirstCharacter(char),
    /// A character that file names and addresses cannot carry.
    #[error("a name cannot contain `{0}`")]
    Character(char),
    /// A dot or white space at the end.
    #[error("a name cannot end in a dot or white space")]
    LastCharacter,
}

fn check(text: &str) -> Result<(), NameError> {
    let first = text.chars().next().ok_or(NameError::Empty)?;
    if !(first.is_ascii_alphabetic() || first == '_') {
        return Err(NameError::FirstCharacter(first));
    }
    let forbidden = |c: char| r#"\/:*?"<>|`'^"#.contains(c) || c.is_control();
    if let Some(character) = text.chars().find(|c| forbidden(*c)) {
        return Err(NameError::Character(character));
    }
    if text.ends_with(|c: char| c == '.' || c.is_whitespace()) {
        return Err(NameError::LastCharacter);
    }
    Ok(())
}

macro_rules! names {
    ($($(#[$meaning:meta])* $name:ident;)*) => { $(
        $(#[$meaning])*
        ///
        /// Starts with a letter or `_`; dots, spaces and hyphens inside are legal. Cheap to clone.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks a text.
            ///
            /// # Errors
            /// The text is no name; the error says which rule it breaks.
            pub fn new(text: &str) -> Result<Self, NameError> {
                check(text).map(|()| $name(Arc::from(text)))
            }

            /// The name as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )* };
}

names! {
    /// The name of a service: `ServiceDefinition/@name`.
    ServiceName;
    /// The name of a role, unique in its service without regard to ASCII case.
    RoleName;
    /// The name of an endpoint, unique in its role.
    EndpointName;
    /// The name of a local store, unique in its role; it becomes a directory name.
    LocalResourceName;
    /// The name of a web site of a web role.
    SiteName;
    /// The name of a site's binding.
    BindingName;
}

/// The name of a configuration setting, unique in its role.
///
/// Any text that is not empty: the definition's schema asks for the form of a name, the configuration's does not,
/// and settings may come from modules that only the configuration shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SettingName(Arc<str>);

impl SettingName {
    /// Checks a text; `None` when it is empty.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| SettingName(Arc::from(text)))
    }

    /// Checks a text that a definition declares: it must have the form of a name.
    pub(crate) fn declared(text: &str) -> Result<Self, NameError> {
        check(text).map(|()| SettingName(Arc::from(text)))
    }

    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SettingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Borrow<str> for SettingName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_real_services_are_names() {
        for name in ["WebRole1", "_x", "Microsoft.WindowsAzure.Plugins.RemoteAccess.Rdp", "my role-2"] {
            assert_eq!(RoleName::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn each_rule_of_the_schema_has_its_error() {
        let cases = [
            ("", NameError::Empty),
            ("1Role", NameError::FirstCharacter('1')),
            ("Role/..", NameError::Character('/')),
            ("Role\u{0}", NameError::Character('\u{0}')),
            ("Role.", NameError::LastCharacter),
            ("Role ", NameError::LastCharacter),
        ];
        for (text, error) in cases {
            assert_eq!(RoleName::new(text), Err(error), "{text:?}");
        }
    }
}
