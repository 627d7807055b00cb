//! The host policy: what the one who runs a service grants beside its definition.
//!
//! Flags and a file say the same things; what both say holds together. The file is read only when it is named: one that
//! came with the service would let the service grant itself the way out. The file:
//!
//! ```toml
//! [outbound]                          # every role
//! allow = ["example.com:443"]
//!
//! [roles.WorkerRole1.outbound]        # one role
//! allow = ["10.20.0.0/16:5432"]
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use wasm_roles_fabric::virtual_network::{HostRules, OutboundRule, OutboundRuleError, PolicyMode};
use wasm_roles_service_plan::Plan;

use crate::arguments::{GrantArguments, OutboundArguments};
use crate::failure::Failure;

/// The file's usual name. One of this name that is not read is worth a word.
const FILE: &str = "wasm-roles.toml";

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct HostPolicy {
    #[serde(default)]
    outbound: Outbound,
    #[serde(default)]
    roles: BTreeMap<String, OfRole>,
}

/// What is said about one role.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfRole {
    #[serde(default)]
    outbound: Outbound,
}

/// The way out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outbound {
    #[serde(default)]
    allow: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Rule(OutboundRule);

impl TryFrom<String> for Rule {
    type Error = OutboundRuleError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

/// What the arguments and the file that they name grant.
pub fn host_rules(arguments: &OutboundArguments, plan: &Plan) -> Result<HostRules, Failure> {
    let mut rules = granted(&arguments.grants, plan)?;
    rules.mode = PolicyMode::from(arguments.policy);
    Ok(rules)
}

/// The same for commands that run nothing, and so enforce nothing.
pub fn granted(arguments: &GrantArguments, plan: &Plan) -> Result<HostRules, Failure> {
    let mut rules = HostRules::default();
    arguments.allow_outbound.iter().for_each(|rule| rules.allow(rule.clone()));
    if let Some(file) = &arguments.host_policy {
        let text = std::fs::read_to_string(file).map_err(|error| {
            Failure::new(format!("host policy {} cannot be read: {error}", file.display()))
        })?;
        add(&text, plan, &mut rules)
            .map_err(|error| Failure::new(format!("host policy {}: {error}", file.display())))?;
    }
    Ok(rules)
}

/// A host policy beside the definition that is not read, since no file is named. `folder` is that of the definition.
pub fn unread(arguments: &GrantArguments, folder: &Path) -> Option<PathBuf> {
    let beside = folder.join(FILE);
    (arguments.host_policy.is_none() && beside.is_file()).then_some(beside)
}

/// Adds what the file says. The error names the place.
fn add(text: &str, plan: &Plan, rules: &mut HostRules) -> Result<(), String> {
    let HostPolicy { outbound, roles } =
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    outbound.allow.into_iter().for_each(|Rule(rule)| rules.allow(rule));
    for (role, OfRole { outbound }) in roles {
        if plan.roles.iter().all(|known| known.name.as_str() != role) {
            let known: Vec<&str> = plan.roles.iter().map(|role| role.name.as_str()).collect();
            return Err(format!(
                "`roles.{role}`: the definition has no role {role}; it has {}",
                known.join(", ")
            ));
        }
        outbound.allow.into_iter().for_each(|Rule(rule)| rules.allow_role(&role, rule));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_roles_service_model::{Options, Source, load_with};

    fn plan() -> Plan {
        let definition = r#"<ServiceDefinition name="Shop" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition">
            <WorkerRole name="Web" /><WorkerRole name="Orders" /></ServiceDefinition>"#;
        let source = Source::decode("shop.csdef", definition.as_bytes()).unwrap();
        let outcome = load_with(&source, None, &[], &Options::default());
        wasm_roles_service_plan::plan(&outcome.model.unwrap()).unwrap()
    }

    fn read(text: &str) -> Result<HostRules, String> {
        let mut rules = HostRules::default();
        add(text, &plan(), &mut rules).map(|()| rules)
    }

    #[test]
    fn rules_for_everyone_and_for_one_role_are_read() {
        let rules = read(
            "[outbound]\nallow = [\"example.com:443\"]\n[roles.Orders.outbound]\nallow = [\"10.20.0.0/16:5432\", \"localhost\"]\n",
        )
        .unwrap();
        let of = |role| rules.of_role(role).map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(of("Web"), ["example.com:443"]);
        assert_eq!(of("Orders"), ["example.com:443", "10.20.0.0/16:5432", "localhost"]);
        assert!(read("").unwrap().is_default());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, place, says) in [
            ("[outbound]\nalow = []\n", "line 2, column 1", "unknown field `alow`, expected `allow`"),
            ("[out]\n", "line 1, column 2", "unknown field `out`"),
            ("[roles.Web]\nallow = []\n", "line 2, column 1", "unknown field `allow`"),
            (
                "[outbound]\nallow = [\"example.com:99999\"]\n",
                "line 2, column 9",
                "`99999` in `example.com:99999` is no port",
            ),
            ("[outbound]\nallow = \"example.com\"\n", "line 2, column 9", "expected a sequence"),
            ("[outbound\n", "line 1", ""),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(place) && error.contains(says), "{text}: {error}");
        }
        let error = read("[roles.Order.outbound]\nallow = []\n").unwrap_err();
        assert_eq!(error, "`roles.Order`: the definition has no role Order; it has Web, Orders");
    }
}
