//! Names: of services, roles and all that belongs to them.

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
    /// More characters than this kind of name can have.
    #[error("a name of this kind has {0} characters at most")]
    TooLong(usize),
    /// No start of a machine's name.
    #[error(
        "the start of a machine's name is 1 to 10 letters, digits and hyphens, with no hyphen at either end"
    )]
    NoMachineName,
}

/// The usual form of a name.
fn check(text: &str) -> Result<(), NameError> {
    check_form(text, r#"\/:*?"<>|`'^"#)
}

/// The form of a name that becomes a part of a path in an address.
fn check_path_part(text: &str) -> Result<(), NameError> {
    check_form(text, r#"\/?;:@&=+$,|"<>`'^"#)
}

fn check_form(text: &str, forbidden: &str) -> Result<(), NameError> {
    let first = text.chars().next().ok_or(NameError::Empty)?;
    if !(first.is_ascii_alphabetic() || first == '_') {
        return Err(NameError::FirstCharacter(first));
    }
    let is_forbidden = |c: char| forbidden.contains(c) || c.is_control();
    if let Some(character) = text.chars().find(|c| is_forbidden(*c)) {
        return Err(NameError::Character(character));
    }
    if text.ends_with(|c: char| c == '.' || c.is_whitespace()) {
        return Err(NameError::LastCharacter);
    }
    Ok(())
}

/// What no variable of an environment can be called: nothing, or something with the `=` that ends its name.
fn check_variable(text: &str) -> Result<(), NameError> {
    const LONGEST: usize = 256;
    check_any(text)?;
    if let Some(character) = text.chars().find(|c| *c == '=' || c.is_control()) {
        return Err(NameError::Character(character));
    }
    if text.chars().nth(LONGEST).is_some() { Err(NameError::TooLong(LONGEST)) } else { Ok(()) }
}

/// A name of 1 to 256 characters.
fn check_bounded(text: &str) -> Result<(), NameError> {
    const LONGEST: usize = 256;
    check_any(text)?;
    if text.chars().nth(LONGEST).is_some() { Err(NameError::TooLong(LONGEST)) } else { Ok(()) }
}

fn check_vm_name(text: &str) -> Result<(), NameError> {
    const LONGEST: usize = 10;
    let has_form = (1..=LONGEST).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    if has_form { Ok(()) } else { Err(NameError::NoMachineName) }
}

fn check_any(text: &str) -> Result<(), NameError> {
    if text.is_empty() { Err(NameError::Empty) } else { Ok(()) }
}

macro_rules! names {
    ($($(#[$meaning:meta])* $name:ident by $check:ident;)*) => { $(
        $(#[$meaning])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks a text.
            ///
            /// # Errors
            /// The text is no name; the error says which rule it breaks.
            pub fn new(text: &str) -> Result<Self, NameError> {
                $check(text).map(|()| $name(Arc::from(text)))
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

// Most start with a letter or `_` and have dots, spaces and hyphens inside as they like. All are cheap to clone.
names! {
    /// The name of a service: `ServiceDefinition/@name`.
    ServiceName by check;
    /// The name of a role, unique in its service without regard to ASCII case.
    RoleName by check;
    /// The name of an endpoint, unique in its role.
    EndpointName by check;
    /// The name of a local store, unique in its role; it becomes a directory name.
    LocalResourceName by check;
    /// The name of a web site of a web role.
    SiteName by check_path_part;
    /// The name of a virtual directory or application: its part of the path in an address.
    VirtualDirectoryName by check_path_part;
    /// The name of a site's binding.
    BindingName by check;
    /// The name of a load balancer that the configuration declares.
    LoadBalancerName by check;
    /// The name of a probe, unique in its service. Any text that is not empty, as the schema has it.
    ProbeName by check_any;
    /// The name of a certificate, unique in its role.
    CertificateName by check;
    /// The name of a certificate store: a well-known one such as `My`, or any other of 1 to 256 characters.
    CertificateStoreName by check_bounded;
    /// The name of a module that roles import.
    ModuleName by check;
    /// `vmName`: what the names of a role's machines start with; 1 to 10 letters, digits and hyphens.
    VmNamePrefix by check_vm_name;
    /// The name of a list of access rules.
    AccessControlName by check;
    /// The name of an address that the user's subscription reserves.
    ReservedIpName by check;
    /// The name of a network of the user's subscription. Any text that is not empty, as are the next four.
    VirtualNetworkName by check_any;
    /// The name of a subnet of a network.
    SubnetName by check_any;
    /// The name of the public addresses of a role's instances.
    PublicIpName by check_any;
    /// The name of a name server.
    DnsServerName by check_any;
    /// The name of a network security group of the user's subscription.
    SecurityGroupName by check_any;
    /// The name of an environment variable: 1 to 256 characters, none of them `=` or a control character.
    VariableName by check_variable;
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

    #[test]
    fn machine_names_start_with_few_letters_digits_and_inner_hyphens() {
        for name in ["w", "web-1", "0123456789"] {
            assert_eq!(VmNamePrefix::new(name).unwrap().as_str(), name);
        }
        for name in ["", "-w", "w-", "01234567890", "we_b", "wéb"] {
            assert_eq!(VmNamePrefix::new(name), Err(NameError::NoMachineName), "{name}");
        }
    }

    #[test]
    fn parts_of_paths_have_a_rule_of_their_own() {
        assert_eq!(VirtualDirectoryName::new("my*files").unwrap().as_str(), "my*files");
        for character in r#"\/?;:@&=+$,|"<>'^`"#.chars() {
            let text = format!("a{character}b");
            assert_eq!(VirtualDirectoryName::new(&text), Err(NameError::Character(character)), "{text}");
            assert_eq!(SiteName::new(&text), Err(NameError::Character(character)), "{text}");
        }
    }

    #[test]
    fn variables_are_called_anything_that_an_environment_can_hold() {
        for name in ["PATH", "ProgramFiles(x86)", "1", "a.b c", "ö"] {
            assert_eq!(VariableName::new(name).unwrap().as_str(), name);
        }
        assert_eq!(VariableName::new(""), Err(NameError::Empty));
        assert_eq!(VariableName::new("A=B"), Err(NameError::Character('=')));
        assert!(VariableName::new(&"ö".repeat(256)).is_ok());
        assert_eq!(VariableName::new(&"ö".repeat(257)), Err(NameError::TooLong(256)));
    }
}
