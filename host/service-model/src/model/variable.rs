//! Environment variables, and the values that only an instance knows (facts: sections 2.6 and 5).

use std::fmt;

use thiserror::Error;

use super::{EndpointName, LocalResourceName, NameError, SettingName, VariableName};
use crate::Span;
use crate::nearest::nearest;

/// A variable of the environment of a role's program or of one of its start-up tasks.
///
/// The two kinds of environment do not see each other: what a task and the role both need stands in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentVariable {
    /// Unique in its environment.
    pub name: VariableName,
    /// What it is set to.
    pub value: VariableValue,
    /// Where the definition declares it.
    pub span: Span,
}

/// What a variable is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VariableValue {
    /// `Variable/@value`, perhaps empty.
    Text(String),
    /// `RoleInstanceValue`: something that differs from instance to instance.
    OfInstance(InstanceValue),
}

/// A value of the running instance: what the xpath of a `RoleInstanceValue` selects.
///
/// [`parse`](Self::parse) understands the documented paths and `@publicPort`, which the documentation leaves out
/// and real files have. [`Display`](fmt::Display) writes the path again. In a [`ServiceModel`](crate::ServiceModel)
/// the setting, store or endpoint named here exists in the role.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum InstanceValue {
    /// The id of the deployment.
    DeploymentId,
    /// Whether the service runs in an emulator: `true` or `false`.
    Emulated,
    /// The id of the instance, such as `WebRole1_IN_0`.
    InstanceId,
    /// The name of the instance's role.
    RoleName,
    /// The number of the upgrade domain, from 0.
    UpdateDomain,
    /// The number of the fault domain, from 0.
    FaultDomain,
    /// The value of a setting.
    Setting(SettingName),
    /// The directory of a local store.
    LocalResourcePath(LocalResourceName),
    /// The size of a local store in MiB.
    LocalResourceSize(LocalResourceName),
    /// The protocol of an endpoint, such as `tcp`.
    EndpointProtocol(EndpointName),
    /// The address on which the instance listens for an endpoint.
    EndpointAddress(EndpointName),
    /// The port on which the instance listens for an endpoint.
    EndpointPort(EndpointName),
    /// The port by which the outside reaches an endpoint of this instance. Never of an internal endpoint.
    EndpointPublicPort(EndpointName),
}

/// Why a text is no path to a value of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum XPathError {
    /// None of [`InstanceValue::KNOWN_PATHS`], apart from the name in it.
    #[error("no value of an instance has this path")]
    Unknown,
    /// The path is known, but what it looks for cannot exist, since it has no name.
    #[error("the path looks for something without a proper name: {0}")]
    Name(#[from] NameError),
}

impl InstanceValue {
    /// Every path that there is, `NAME` standing for the name of a setting, a local store or an endpoint.
    pub const KNOWN_PATHS: &[&str] = &[
        "/RoleEnvironment/Deployment/@id",
        "/RoleEnvironment/Deployment/@emulated",
        "/RoleEnvironment/CurrentInstance/@id",
        "/RoleEnvironment/CurrentInstance/@roleName",
        "/RoleEnvironment/CurrentInstance/@updateDomain",
        "/RoleEnvironment/CurrentInstance/@faultDomain",
        "/RoleEnvironment/CurrentInstance/ConfigurationSettings/ConfigurationSetting[@name='NAME']/@value",
        "/RoleEnvironment/CurrentInstance/LocalResources/LocalResource[@name='NAME']/@path",
        "/RoleEnvironment/CurrentInstance/LocalResources/LocalResource[@name='NAME']/@sizeInMB",
        "/RoleEnvironment/CurrentInstance/Endpoints/Endpoint[@name='NAME']/@protocol",
        "/RoleEnvironment/CurrentInstance/Endpoints/Endpoint[@name='NAME']/@address",
        "/RoleEnvironment/CurrentInstance/Endpoints/Endpoint[@name='NAME']/@port",
        "/RoleEnvironment/CurrentInstance/Endpoints/Endpoint[@name='NAME']/@publicPort",
    ];

    /// Reads a path. White space around the path and within brackets does not count, either kind of quote does.
    ///
    /// # Errors
    /// The path is none of the known ones, or it looks for a name that nothing can have.
    pub fn parse(xpath: &str) -> Result<InstanceValue, XPathError> {
        let steps = steps(xpath.trim()).ok_or(XPathError::Unknown)?;
        let below_root = match steps.as_slice() {
            [("RoleEnvironment", None), below @ ..] => below,
            _ => return Err(XPathError::Unknown),
        };
        match below_root {
            [("Deployment", None), ("@id", None)] => Ok(InstanceValue::DeploymentId),
            [("Deployment", None), ("@emulated", None)] => Ok(InstanceValue::Emulated),
            [("CurrentInstance", None), (attribute, None)] => match *attribute {
                "@id" => Ok(InstanceValue::InstanceId),
                "@roleName" => Ok(InstanceValue::RoleName),
                "@updateDomain" => Ok(InstanceValue::UpdateDomain),
                "@faultDomain" => Ok(InstanceValue::FaultDomain),
                _ => Err(XPathError::Unknown),
            },
            [("CurrentInstance", None), (container, None), (item, Some(name)), (attribute, None)] => {
                InstanceValue::of_item(container, item, name, attribute)
            }
            _ => Err(XPathError::Unknown),
        }
    }

    fn of_item(
        container: &str,
        item: &str,
        name: &str,
        attribute: &str,
    ) -> Result<InstanceValue, XPathError> {
        let store = || LocalResourceName::new(name);
        let endpoint = || EndpointName::new(name);
        Ok(match (container, item, attribute) {
            ("ConfigurationSettings", "ConfigurationSetting", "@value") => {
                InstanceValue::Setting(SettingName::new(name).ok_or(NameError::Empty)?)
            }
            ("LocalResources", "LocalResource", "@path") => InstanceValue::LocalResourcePath(store()?),
            ("LocalResources", "LocalResource", "@sizeInMB") => InstanceValue::LocalResourceSize(store()?),
            ("Endpoints", "Endpoint", "@protocol") => InstanceValue::EndpointProtocol(endpoint()?),
            ("Endpoints", "Endpoint", "@address") => InstanceValue::EndpointAddress(endpoint()?),
            ("Endpoints", "Endpoint", "@port") => InstanceValue::EndpointPort(endpoint()?),
            ("Endpoints", "Endpoint", "@publicPort") => InstanceValue::EndpointPublicPort(endpoint()?),
            _ => return Err(XPathError::Unknown),
        })
    }

    /// The known path that somebody may have meant, with the name that they gave.
    pub(crate) fn nearest_path(xpath: &str) -> Option<String> {
        let written = steps(xpath.trim())?;
        let known: Vec<String> = Self::KNOWN_PATHS.iter().filter_map(|path| essence(&steps(path)?)).collect();
        let found = nearest(&essence(&written)?, known.iter().map(String::as_str))?;
        let path = Self::KNOWN_PATHS.get(known.iter().position(|known| known == found)?)?;
        let name = written.into_iter().find_map(|(_, name)| name).filter(|name| !name.is_empty());
        Some(path.replace("NAME", name.unwrap_or("NAME")))
    }
}

/// What tells the known paths apart: `Deployment/@id`, `Endpoints/@port`. The rest of them is the same in all or
/// follows from this, and would hide what was mistyped.
fn essence(steps: &[Step<'_>]) -> Option<String> {
    match steps {
        [_, _, (container, _), .., (_, _), (attribute, _)] => Some(format!("{container}/{attribute}")),
        [_, (of, _), (attribute, _)] => Some(format!("{of}/{attribute}")),
        _ => None,
    }
}

/// A step of a path: its element or `@attribute`, and the name that it asks for in brackets.
type Step<'a> = (&'a str, Option<&'a str>);

/// The steps of an absolute path; `None` for everything else.
fn steps(text: &str) -> Option<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        rest = rest.strip_prefix('/')?;
        let end = rest.find(['/', '[']).unwrap_or(rest.len());
        let (step, after) = rest.split_at_checked(end)?;
        rest = after;
        let mut name = None;
        if let Some(inside) = after.strip_prefix('[') {
            let (found, after) = asked_name(inside)?;
            (name, rest) = (Some(found), after);
        }
        steps.push((step, name));
    }
    Some(steps)
}

/// `@name='NAME']` and what stands after it.
fn asked_name(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start().strip_prefix("@name")?;
    let text = text.trim_start().strip_prefix('=')?.trim_start();
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let (name, rest) = text.strip_prefix(quote)?.split_once(quote)?;
    Some((name, rest.trim_start().strip_prefix(']')?))
}

impl fmt::Display for InstanceValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (container, item, name, attribute) = match self {
            InstanceValue::DeploymentId => return f.pad("/RoleEnvironment/Deployment/@id"),
            InstanceValue::Emulated => return f.pad("/RoleEnvironment/Deployment/@emulated"),
            InstanceValue::InstanceId => return f.pad("/RoleEnvironment/CurrentInstance/@id"),
            InstanceValue::RoleName => return f.pad("/RoleEnvironment/CurrentInstance/@roleName"),
            InstanceValue::UpdateDomain => return f.pad("/RoleEnvironment/CurrentInstance/@updateDomain"),
            InstanceValue::FaultDomain => return f.pad("/RoleEnvironment/CurrentInstance/@faultDomain"),
            InstanceValue::Setting(name) => {
                ("ConfigurationSettings", "ConfigurationSetting", name.as_str(), "value")
            }
            InstanceValue::LocalResourcePath(name) => {
                ("LocalResources", "LocalResource", name.as_str(), "path")
            }
            InstanceValue::LocalResourceSize(name) => {
                ("LocalResources", "LocalResource", name.as_str(), "sizeInMB")
            }
            InstanceValue::EndpointProtocol(name) => ("Endpoints", "Endpoint", name.as_str(), "protocol"),
            InstanceValue::EndpointAddress(name) => ("Endpoints", "Endpoint", name.as_str(), "address"),
            InstanceValue::EndpointPort(name) => ("Endpoints", "Endpoint", name.as_str(), "port"),
            InstanceValue::EndpointPublicPort(name) => ("Endpoints", "Endpoint", name.as_str(), "publicPort"),
        };
        // Names have no quotes, except those of settings, and a path that was read has one kind at most.
        let quote = if name.contains('\'') { '"' } else { '\'' };
        write!(
            f,
            "/RoleEnvironment/CurrentInstance/{container}/{item}[@name={quote}{name}{quote}]/@{attribute}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_path_is_read_and_written_again() {
        for path in InstanceValue::KNOWN_PATHS {
            let path = path.replace("NAME", "My.Thing");
            assert_eq!(InstanceValue::parse(&path).unwrap().to_string(), path);
        }
    }

    #[test]
    fn known_paths_are_all_different_values() {
        let values: std::collections::HashSet<InstanceValue> =
            InstanceValue::KNOWN_PATHS.iter().map(|path| InstanceValue::parse(path).unwrap()).collect();
        assert_eq!(values.len(), InstanceValue::KNOWN_PATHS.len());
    }

    #[test]
    fn white_space_and_the_kind_of_quotes_do_not_count() {
        let plain = "/RoleEnvironment/CurrentInstance/Endpoints/Endpoint[@name='Http']/@port";
        let spaced = "\t/RoleEnvironment/CurrentInstance/Endpoints/Endpoint[ @name = \"Http\" ]/@port ";
        assert_eq!(InstanceValue::parse(spaced), InstanceValue::parse(plain));
        assert_eq!(
            InstanceValue::parse(plain),
            Ok(InstanceValue::EndpointPort(EndpointName::new("Http").unwrap()))
        );
    }

    #[test]
    fn names_may_hold_slashes_brackets_and_the_other_quote() {
        let path = "/RoleEnvironment/CurrentInstance/ConfigurationSettings\
                    /ConfigurationSetting[@name=\"it's/[@a]\"]/@value";
        let value = InstanceValue::parse(path).unwrap();
        assert_eq!(value, InstanceValue::Setting(SettingName::new("it's/[@a]").unwrap()));
        assert_eq!(value.to_string(), path);
    }

    #[test]
    fn other_paths_are_refused() {
        for path in [
            "",
            "/",
            "RoleEnvironment/Deployment/@id",
            "//RoleEnvironment/Deployment/@id",
            "/RoleEnvironment/Deployment",
            "/RoleEnvironment/Deployment/@id/",
            "/RoleEnvironment/Deployment/@Id",
            "/RoleEnvironment/Deployment[@name='x']/@id",
            "/RoleEnvironment/CurrentInstance/Endpoints/Endpoint/@port",
            "/RoleEnvironment/CurrentInstance/Endpoints/Endpoint[@name='x]/@port",
            "/RoleEnvironment/CurrentInstance/Endpoints/Endpoint[@name=x]/@port",
            "/RoleEnvironment/CurrentInstance/Endpoints/Endpoint[@id='x']/@port",
            "/RoleEnvironment/CurrentInstance/Endpoints/Endpoint[@name='x']/@ports",
            "/RoleEnvironment/CurrentInstance/Endpoints/LocalResource[@name='x']/@path",
        ] {
            assert_eq!(InstanceValue::parse(path), Err(XPathError::Unknown), "{path}");
        }
    }

    #[test]
    fn names_that_nothing_can_have_are_refused() {
        let of = |name: &str| {
            InstanceValue::parse(&format!(
                "/RoleEnvironment/CurrentInstance/Endpoints/Endpoint[@name='{name}']/@port"
            ))
        };
        assert_eq!(of(""), Err(XPathError::Name(NameError::Empty)));
        assert_eq!(of("a*"), Err(XPathError::Name(NameError::Character('*'))));
    }

    #[test]
    fn a_mistyped_path_has_a_nearest_one() {
        assert_eq!(
            InstanceValue::nearest_path("/RoleEnvironment/Deployment/@emulate").as_deref(),
            Some("/RoleEnvironment/Deployment/@emulated")
        );
        assert_eq!(
            InstanceValue::nearest_path(
                "/RoleEnviroment/CurrentInstance/Endpoints/Endpoint[@name='Http']/@prot"
            )
            .as_deref(),
            Some("/RoleEnvironment/CurrentInstance/Endpoints/Endpoint[@name='Http']/@port")
        );
        // What the definition calls `Setting` is a `ConfigurationSetting` here.
        assert_eq!(
            InstanceValue::nearest_path(
                "/RoleEnvironment/CurrentInstance/ConfigurationSettings/Setting[@name='A']/@value"
            )
            .as_deref(),
            Some(
                "/RoleEnvironment/CurrentInstance/ConfigurationSettings/ConfigurationSetting[@name='A']/@value"
            )
        );
        assert_eq!(
            InstanceValue::nearest_path("/RoleEnvironment/CurrentInstance/Endpoints/Endpoint/@port")
                .as_deref(),
            Some("/RoleEnvironment/CurrentInstance/Endpoints/Endpoint[@name='NAME']/@port")
        );
        for far in ["banana", "/", "/a", "/a/b/c", "/RoleEnvironment/Deployment/@id/@id/@id"] {
            assert_eq!(InstanceValue::nearest_path(far), None, "{far}");
        }
    }

    #[test]
    fn every_known_path_is_nearest_to_itself() {
        for path in InstanceValue::KNOWN_PATHS {
            assert_eq!(InstanceValue::nearest_path(path).as_deref(), Some(*path));
        }
    }
}
