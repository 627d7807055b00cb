//! Names on the wire: tenants, services, slots, and what the command line calls a deployment.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest name of a tenant or service, in characters: that of a DNS label.
pub const LONGEST_NAME: usize = 63;

/// Text is no name of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no name of a {what}: {rule}")]
pub struct NameError {
    /// The beginning of what was given, without control characters.
    pub text: String,
    /// `tenant`, `service`, `slot`, `deployment` or `operation`.
    pub what: &'static str,
    /// What such a name looks like.
    pub rule: &'static str,
}

impl NameError {
    pub(crate) fn new(text: &str, what: &'static str, rule: &'static str) -> Self {
        let shown = text.chars().take(LONGEST_NAME).map(|c| if c.is_control() { '\u{fffd}' } else { c });
        Self { text: shown.collect(), what, rule }
    }
}

/// A type of text that is parsed, printed, and on the wire a string.
macro_rules! on_the_wire_as_text {
    ($type:ty) => {
        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.to_string()
            }
        }
    };
}
pub(crate) use on_the_wire_as_text;

/// Who owns services. A tenant sees nothing of another's.
///
/// 1 to 63 lower-case ASCII letters, digits and `-`, the first and the last no `-`: it is the name of a folder too, on every file
/// system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantName(Arc<str>);

impl TenantName {
    /// The tenant of those who name none.
    #[must_use]
    pub fn usual() -> Self {
        Self(Arc::from("default"))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let rule = "1 to 63 lower-case letters, digits and `-`, the first and the last no `-`";
        let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let ends_well = !text.starts_with('-') && !text.ends_with('-');
        if is_short(text) && text.bytes().all(inside) && ends_well {
            Ok(Self(Arc::from(text)))
        } else {
            Err(NameError::new(text, "tenant", rule))
        }
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

on_the_wire_as_text!(TenantName);

/// The name of a service, chosen when it is deployed. Usual: that of its definition.
///
/// 1 to 63 ASCII letters, digits, `-`, `_` and `.`, the first a letter or digit and the last no `.`. Two names that differ in
/// case only are two services; [`folder`](Self::folder) is different for both on every file system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceName(Arc<str>);

impl ServiceName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name for its folder: each capital letter has a `+` in front of it and is small.
    #[must_use]
    pub fn folder(&self) -> String {
        let mut folder = String::with_capacity(self.0.len());
        for letter in self.0.chars() {
            if letter.is_ascii_uppercase() {
                folder.push('+');
            }
            folder.push(letter.to_ascii_lowercase());
        }
        folder
    }
}

impl FromStr for ServiceName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let rule = "1 to 63 letters, digits, `-`, `_` and `.`, the first a letter or digit, the last no `.`";
        let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let begins_well = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        if is_short(text) && begins_well && !text.ends_with('.') && text.bytes().all(inside) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(NameError::new(text, "service", rule))
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

on_the_wire_as_text!(ServiceName);

fn is_short(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len())
}

/// One of the two places of a service (facts: section 7.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// What the service's clients use.
    #[default]
    Production,
    /// Where a version is tried before it is swapped.
    Staging,
}

impl Slot {
    /// Both, in the order of tables.
    pub const ALL: [Self; 2] = [Self::Production, Self::Staging];

    /// `production` or `staging`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Staging => "staging",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Production => Self::Staging,
            Self::Staging => Self::Production,
        }
    }
}

impl FromStr for Slot {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let found = Self::ALL.into_iter().find(|slot| slot.name() == text);
        found.ok_or_else(|| NameError::new(text, "slot", "it is `production` or `staging`"))
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A deployment of a tenant, by its place: `shop` is the production slot of the service shop, `shop/staging` the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeploymentRef {
    /// The service.
    pub service: ServiceName,
    /// Which of its slots.
    pub slot: Slot,
}

impl DeploymentRef {
    /// A slot of a service.
    #[must_use]
    pub const fn new(service: ServiceName, slot: Slot) -> Self {
        Self { service, slot }
    }
}

impl FromStr for DeploymentRef {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = |_| {
            let rule = "it has the form SERVICE or SERVICE/SLOT, as in `shop` and `shop/staging`";
            NameError::new(text, "deployment", rule)
        };
        let (service, slot) = text.split_once('/').unwrap_or((text, Slot::Production.name()));
        Ok(Self { service: service.parse().map_err(wrong)?, slot: slot.parse().map_err(wrong)? })
    }
}

impl fmt::Display for DeploymentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.slot {
            Slot::Production => self.service.fmt(f),
            Slot::Staging => f.pad(&format!("{}/{}", self.service, self.slot)),
        }
    }
}

on_the_wire_as_text!(DeploymentRef);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_a_service_and_perhaps_a_slot() {
        for (text, service, slot, shown) in [
            ("shop", "shop", Slot::Production, "shop"),
            ("shop/production", "shop", Slot::Production, "shop"),
            ("shop/staging", "shop", Slot::Staging, "shop/staging"),
        ] {
            let deployment: DeploymentRef = text.parse().unwrap();
            assert_eq!((deployment.service.as_str(), deployment.slot), (service, slot));
            assert_eq!(deployment.to_string(), shown);
            assert_eq!(serde_json::to_string(&deployment).unwrap(), format!("\"{shown}\""));
        }
        for wrong in
            ["", "/", "shop/", "/staging", "shop/Staging", "shop/test", "a/b/staging", "shop staging"]
        {
            let error = wrong.parse::<DeploymentRef>().unwrap_err();
            assert!(error.to_string().contains("SERVICE/SLOT"), "{error}");
        }
    }

    #[test]
    fn names_lead_out_of_no_folder() {
        for wrong in ["", ".", "..", "a/b", "a\\b", "a.", ".a", "-a", "a\0", "ä", "a:b", &"x".repeat(64)] {
            assert!(wrong.parse::<ServiceName>().is_err(), "{wrong}");
            assert!(wrong.parse::<TenantName>().is_err(), "{wrong}");
        }
        for tenant in ["Acme", "a_b", "a-", "a.b"] {
            assert!(tenant.parse::<TenantName>().is_err(), "{tenant}");
        }
        assert!("My_Service-1.v2".parse::<ServiceName>().is_ok());
        assert!("acme-2".parse::<TenantName>().is_ok());
        assert_eq!(TenantName::usual().as_str().parse::<TenantName>().unwrap(), TenantName::usual());
    }

    #[test]
    fn folders_of_services_differ_where_case_does_not_count() {
        let folder = |name: &str| name.parse::<ServiceName>().unwrap().folder();
        assert_eq!([folder("shop"), folder("Shop"), folder("SHOP")], ["shop", "+shop", "+s+h+o+p"]);
    }

    #[test]
    fn a_wrong_name_is_no_value_of_the_wire() {
        assert!(serde_json::from_str::<TenantName>("\"../x\"").is_err());
        assert!(serde_json::from_str::<ServiceName>("\"\"").is_err());
    }

    #[test]
    fn errors_show_no_control_characters_and_no_endless_text() {
        let error = format!("\u{1b}[2J{}", "x".repeat(1000)).parse::<ServiceName>().unwrap_err();
        assert!(!error.to_string().contains('\u{1b}'));
        assert!(error.to_string().len() < 300, "{error}");
    }
}
