//! A package: what `deploy` and `upgrade` send.
//!
//! A package is a tar archive, not compressed, of regular files and folders only. Paths are relative, in UTF-8, with `/`, and
//! without `.` and `..`. Its first entry is the [`MANIFEST`], a JSON object ([`Manifest`]); all paths in that are paths in the archive.
//!
//! | path | what |
//! |---|---|
//! | `package.json` | the manifest |
//! | `service/…` | the definition, and all that it reaches by relative paths |
//! | `configuration/NAME.cscfg` | the configuration, if there is one |
//! | `approots/ROLE/…` | the folder of a role that does not have it where it is looked for |
//! | `certificates/FILE` | certificates, if there are any |

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// The path of the manifest in a package.
pub const MANIFEST: &str = "package.json";
/// The folder with the definition and what it reaches.
pub const SERVICE: &str = "service";
/// The folder with the configuration.
pub const CONFIGURATION: &str = "configuration";
/// The folder with the folders of roles.
pub const APPROOTS: &str = "approots";
/// The folder with certificates.
pub const CERTIFICATES: &str = "certificates";
/// The media type of a package.
pub const MEDIA_TYPE: &str = "application/x-tar";
/// The form of the manifest that this version writes, and the only one that it reads.
pub const FORMAT: u32 = 1;

/// What is in a package, and how it is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The service definition.
    pub definition: String,
    /// The service configuration; none: the defaults of the definition.
    #[serde(default)]
    pub configuration: Option<String>,
    /// The folders of roles that were named one by one.
    #[serde(default)]
    pub approots: BTreeMap<String, String>,
    /// The folder with certificates.
    #[serde(default)]
    pub certificates: Option<String>,
    /// How it is run.
    #[serde(default)]
    pub options: DeployOptions,
}

/// How a package is run: the options of `run` that make sense in a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeployOptions {
    /// Refuse what is accepted with a warning otherwise.
    pub strict: bool,
    /// What to do with a service that exceeds a limit of the platform.
    pub limits: PlatformLimits,
    /// Changes of the definition and the configuration, in order. They hold until the next upgrade.
    pub overlays: Vec<OverlayOption>,
    /// Where single public ports listen, by their number.
    pub publish: BTreeMap<u16, SocketAddr>,
    /// The address that the other public ports listen on; none: the host's default.
    pub bind: Option<IpAddr>,
    /// Places outside that roles may connect to.
    pub outbound: Vec<OutboundOption>,
    /// What to do with traffic that the definition does not allow.
    pub policy: PolicyOption,
    /// Limits of instances, as in `--limit`: `[ROLE.]NAME=VALUE`.
    pub resource_limits: Vec<String>,
    /// Where TLS of https endpoints ends; none: in the host if the certificate is there, otherwise in the role.
    pub tls: Option<TlsOption>,
    /// Self-signed certificates for https endpoints whose own are not in the package.
    pub development_certificates: bool,
    /// Which instances of its component answer the requests of a wasi:http 0.2 handler.
    pub web_instances: WebInstancesOption,
    /// How requests are logged; none: not at all.
    pub access_log: Option<AccessLogOption>,
    /// How long an instance may take to stop, in seconds; none: the host's default.
    pub stop_seconds: Option<u64>,
}

/// What to do with a service that exceeds a limit of the platform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlatformLimits {
    /// Refuse it.
    #[default]
    Enforce,
    /// Accept it with a warning.
    Warn,
}

/// A change of the definition or the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverlayOption {
    /// As in `--set`: `PATH=VALUE`.
    Set(String),
    /// As in `--setting`: `ROLE.NAME=VALUE`.
    Setting(String),
}

/// A place outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboundOption {
    /// The role that may connect to it; none: all.
    #[serde(default)]
    pub role: Option<String>,
    /// The place, as in `--allow-outbound`.
    pub allow: String,
}

/// What to do with traffic that the definition does not allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyOption {
    /// Deny it.
    #[default]
    Enforce,
    /// Let it pass, and tell of it.
    Log,
}

/// Where TLS ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsOption {
    /// In the host.
    End,
    /// In the role.
    Pass,
}

/// Which instances of its component answer the requests of a 0.2 handler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebInstancesOption {
    /// A fresh one for each request.
    #[default]
    PerRequest,
    /// One for all requests.
    Shared,
}

/// How a request is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccessLogOption {
    /// The combined format of other servers.
    Combined,
    /// A JSON object.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_needs_a_format_and_a_definition_and_has_nothing_unknown() {
        let least = r#"{"format":1,"definition":"service/ServiceDefinition.csdef"}"#;
        let manifest: Manifest = serde_json::from_str(least).unwrap();
        assert_eq!((manifest.options, manifest.configuration), (DeployOptions::default(), None));
        for wrong in ["{}", r#"{"format":1}"#, r#"{"format":1,"definition":"x","else":1}"#] {
            assert!(serde_json::from_str::<Manifest>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_manifest_comes_back_as_it_was_written() {
        let options = DeployOptions {
            overlays: vec![OverlayOption::Set("a=b".to_owned())],
            publish: [(80, "127.0.0.1:8080".parse().unwrap())].into(),
            ..DeployOptions::default()
        };
        let written = serde_json::to_string(&options).unwrap();
        assert!(
            written.contains(r#""overlays":[{"set":"a=b"}],"publish":{"80":"127.0.0.1:8080"}"#),
            "{written}"
        );
        assert_eq!(serde_json::from_str::<DeployOptions>(&written).unwrap(), options);
    }
}
