//! The file that says what tenants may use.
//!
//! ```toml
//! [tenants.acme]
//! deployments = 4
//! instances = 20
//! memory = "2GiB"            # of all its instances' limits together
//! public-ports = 5
//! disk = "10GiB"             # of all its local stores and packages together
//! ports = "8000-8099"        # of this machine, that its public ports may have; otherwise the operating system chooses them
//! outbound = true            # may ask for ways to the world outside, and for a policy that only logs
//!
//! [others]                   # those that are not named; what is not said is not limited
//! instances = 5
//! ```
//!
//! The tenant `default`, for whom the owner of the host acts without saying so, has no limits unless it is named.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use wasm_roles_control_interface::TenantName;
use wasm_roles_controller::{Caps, Ports, Tenants};

use crate::failure::Failure;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantFile {
    #[serde(default)]
    tenants: BTreeMap<TenantName, OfTenant>,
    #[serde(default)]
    others: OfTenant,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct OfTenant {
    deployments: Option<u32>,
    instances: Option<u32>,
    memory: Option<Bytes>,
    public_ports: Option<u32>,
    disk: Option<Bytes>,
    ports: Option<PortRange>,
    #[serde(default)]
    outbound: bool,
}

impl From<OfTenant> for Caps {
    fn from(of: OfTenant) -> Self {
        Self {
            deployments: of.deployments,
            instances: of.instances,
            memory_bytes: of.memory.map(|Bytes(bytes)| bytes),
            public_ports: of.public_ports,
            disk_bytes: of.disk.map(|Bytes(bytes)| bytes),
            outbound: of.outbound,
            ports: of.ports.map_or(Ports::Chosen, |PortRange(first, last)| Ports::Range { first, last }),
            raised_limits: false,
        }
    }
}

/// Ports of this machine, such as `8000-8099`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct PortRange(u16, u16);

impl TryFrom<String> for PortRange {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        let port = |text: &str| text.parse().ok().filter(|port| *port > 0);
        match (port(first), port(last)) {
            (Some(first), Some(last)) if first <= last => Ok(Self(first, last)),
            _ => Err(format!("`{text}` are no ports, such as \"8000-8099\"")),
        }
    }
}

/// A number of bytes, such as `512MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Bytes(u64);

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.trim_end_matches(|last: char| last.is_ascii_alphabetic());
        let shift = match text.get(digits.len()..).unwrap_or_default() {
            "" | "B" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            _ => return Err(format!("`{text}` is no number of bytes, such as \"512MiB\" or \"2GiB\"")),
        };
        let number: Option<u64> = digits.parse().ok();
        let bytes = number.and_then(|number| number.checked_mul(1 << shift));
        bytes
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no number of bytes, such as \"512MiB\" or \"2GiB\""))
    }
}

/// Reads the file; without one nobody has limits.
pub fn read(file: Option<&Path>) -> Result<Tenants, Failure> {
    let Some(file) = file else { return Ok(Tenants::unlimited()) };
    let failed = |error: String| {
        let hint = "`wasm-roles serve --help` has the form of the file";
        Failure::with_hint(format!("the tenants in {}: {error}", file.display()), hint)
    };
    let text =
        std::fs::read_to_string(file).map_err(|error| failed(format!("they cannot be read: {error}")))?;
    parse(&text).map_err(failed)
}

fn parse(text: &str) -> Result<Tenants, String> {
    let TenantFile { tenants, others } =
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    let mut named: BTreeMap<TenantName, Caps> =
        tenants.into_iter().map(|(tenant, of)| (tenant, of.into())).collect();
    named.entry(TenantName::usual()).or_insert(Caps::none());
    Ok(Tenants { named, others: others.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_have_what_the_file_says_and_the_owner_everything() {
        let tenants = parse(
            "[tenants.acme]\ndeployments = 4\ninstances = 20\nmemory = \"2GiB\"\npublic-ports = 5\ndisk = \"10GiB\"\nports = \"8000-8099\"\noutbound = true\n[others]\ninstances = 1\n",
        )
        .unwrap();
        let caps = |tenant: &str| tenants.caps(&tenant.parse().unwrap());
        let acme = Caps {
            deployments: Some(4),
            instances: Some(20),
            memory_bytes: Some(2 << 30),
            public_ports: Some(5),
            disk_bytes: Some(10 << 30),
            outbound: true,
            ports: Ports::Range { first: 8000, last: 8099 },
            raised_limits: false,
        };
        assert_eq!(caps("acme"), acme);
        assert_eq!(caps("else"), Caps { instances: Some(1), ..Caps::default() });
        assert_eq!(caps("default"), Caps::none());
        assert_eq!(read(None).unwrap().caps(&"acme".parse().unwrap()), Caps::none());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, part) in [
            ("[tenants.acme]\nmemory = \"2GB\"\n", "`2GB` is no number of bytes"),
            ("[tenants.acme]\nmemory = \"99999999999GiB\"\n", "is no number of bytes"),
            ("[tenants.acme]\nports = \"99-9\"\n", "`99-9` are no ports"),
            ("[tenants.acme]\nports = \"0-9\"\n", "`0-9` are no ports"),
            ("[tenants.acme]\nport = 1\n", "unknown field `port`"),
            ("[tenants.Acme]\n", "is no name of a tenant"),
            ("[acme]\n", "unknown field `acme`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part) && error.contains("line "), "{error}");
        }
    }
}
