//! Which interfaces the host gives, which it uses, and why it refuses others. The linker decides in the end; a test compares it with
//! these lists.

use std::fmt;

use super::Use;
use crate::component::WasiVersion;

/// Why the host does not give an import, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub why: String,
    /// What to do about it.
    pub hint: String,
}

/// A name such as `wasi:cli/run@0.2.0`.
pub(super) struct Name<'a> {
    package: &'a str,
    interface: &'a str,
    version: &'a str,
}

/// The contract's package.
const CONTRACT: &str = "wasm-roles:role";
const CONTRACT_VERSION: &str = "0.1.0";

/// The interfaces of WASI 0.2 that a role gets, by package.
const WASI_0_2: &[(&str, &[&str])] = &[
    (
        "wasi:cli",
        &[
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"]),
    ("wasi:filesystem", &["types", "preopens"]),
    ("wasi:http", &["types", "outgoing-handler"]),
    ("wasi:io", &["error", "poll", "streams"]),
    ("wasi:random", &["random", "insecure", "insecure-seed"]),
    (
        "wasi:sockets",
        &[
            "network",
            "instance-network",
            "ip-name-lookup",
            "tcp",
            "tcp-create-socket",
            "udp",
            "udp-create-socket",
        ],
    ),
];

/// The interfaces of WASI 0.3 that a role gets, by package.
const WASI_0_3: &[(&str, &[&str])] = &[
    (
        "wasi:cli",
        &[
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "types",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    ("wasi:clocks", &["monotonic-clock", "system-clock", "types"]),
    ("wasi:filesystem", &["types", "preopens"]),
    ("wasi:http", &["types", "client"]),
    ("wasi:random", &["random", "insecure", "insecure-seed"]),
    ("wasi:sockets", &["types", "ip-name-lookup"]),
];

const GIVEN: &str = "a role may import WASI 0.2 and 0.3, with wasi:http, and wasm-roles:role/environment";

impl<'a> Name<'a> {
    /// None for a name without an interface: a function of the world itself.
    pub(super) fn of(name: &'a str) -> Option<Self> {
        let (name, version) = name.split_once('@').unwrap_or((name, ""));
        let (package, interface) = name.split_once('/')?;
        Some(Self { package, interface, version })
    }

    /// The generation of WASI whose versions are compatible with this one. None for drafts and other packages.
    fn generation(&self) -> Option<WasiVersion> {
        if !self.is_wasi() || self.is_draft() {
            return None;
        }
        let mut parts = self.version.split('.');
        match (parts.next(), parts.next()) {
            (Some("0"), Some("2")) => Some(WasiVersion::V0_2),
            (Some("0"), Some("3")) => Some(WasiVersion::V0_3),
            _ => None,
        }
    }

    fn is_wasi(&self) -> bool {
        self.package.starts_with("wasi:")
    }

    fn is_draft(&self) -> bool {
        self.version.contains('-')
    }
}

/// Whether the host gives an interface with functions, and why not.
pub(super) fn refusal(name: &str) -> Option<Refusal> {
    let refused = |why: String, hint: &str| Some(Refusal { why, hint: hint.to_owned() });
    let Some(parts) = Name::of(name) else {
        return refused("it is no interface, but a part of the component's own world".to_owned(), GIVEN);
    };
    if parts.package == CONTRACT {
        return match (parts.interface, parts.version) {
            ("environment" | "types", CONTRACT_VERSION) => None,
            ("environment" | "types", other) => refused(
                format!("it is version {other} of the contract, and this host has {CONTRACT_VERSION}"),
                "build it with the SDK of this version of wasm-roles",
            ),
            _ => refused("a role exports it; the host does not".to_owned(), GIVEN),
        };
    }
    if !parts.is_wasi() {
        return refused(
            format!("it is of the package {}, which this host does not know", parts.package),
            "compose it with a component that exports it (`wac plug`), or build it without",
        );
    }
    let listed = |interfaces: &[(&str, &[&str])]| {
        interfaces
            .iter()
            .any(|(package, names)| *package == parts.package && names.contains(&parts.interface))
    };
    match parts.generation() {
        Some(WasiVersion::V0_2) if listed(WASI_0_2) => None,
        Some(WasiVersion::V0_3) if listed(WASI_0_3) => None,
        None if parts.is_draft() && (listed(WASI_0_2) || listed(WASI_0_3)) => refused(
            format!("{} is a draft of WASI, and this host has what came of it", parts.version),
            "build it with tools that know WASI 0.3.0, or for WASI 0.2",
        ),
        None if listed(WASI_0_2) || listed(WASI_0_3) => refused(
            format!("`{}` is no version of WASI that this host has: it has 0.2 and 0.3", parts.version),
            "build it for WASI 0.2 or 0.3",
        ),
        _ if (parts.package, parts.interface) == ("wasi:http", "handler")
            || (parts.package, parts.interface) == ("wasi:http", "incoming-handler") =>
        {
            refused(
                "it is a middleware: it hands requests on to another handler".to_owned(),
                "compose it with the component that is behind it (`wac plug`)",
            )
        }
        _ => refused(
            "a role does not get this part of WASI".to_owned(),
            "compose it with a component that exports it (`wac plug`), or build it without; settings come from \
             wasm-roles:role/environment, files from local storage",
        ),
    }
}

/// What the host does with an export.
pub(super) fn usage(name: &str) -> Option<Use> {
    let parts = Name::of(name)?;
    match (parts.package, parts.interface) {
        (CONTRACT, "entry-point") if parts.version == CONTRACT_VERSION => Some(Use::EntryPoint),
        (CONTRACT, "events") if parts.version == CONTRACT_VERSION => Some(Use::Events),
        ("wasi:cli", "run") => parts.generation().map(Use::Program),
        ("wasi:http", "incoming-handler") if parts.generation() == Some(WasiVersion::V0_2) => {
            Some(Use::Http(WasiVersion::V0_2))
        }
        ("wasi:http", "handler") if parts.generation() == Some(WasiVersion::V0_3) => {
            Some(Use::Http(WasiVersion::V0_3))
        }
        _ => None,
    }
}

/// The version of WASI that a name belongs to, for people: `0.2`, or all of it for a draft.
pub(super) fn wasi_version(name: &str) -> Option<String> {
    if name.starts_with("wasi_snapshot_preview1") || name.starts_with("wasi_unstable") {
        return Some("0.1".to_owned());
    }
    let parts = Name::of(name).filter(Name::is_wasi)?;
    match parts.generation() {
        Some(version) => Some(version.to_string()),
        None => Some(parts.version.to_owned()),
    }
}

impl fmt::Display for WasiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::V0_2 => "0.2",
            Self::V0_3 => "0.3",
        })
    }
}

#[cfg(test)]
pub(super) fn all_given() -> impl Iterator<Item = (String, &'static str)> {
    let of = |version: &'static str, interfaces: &'static [(&'static str, &'static [&'static str])]| {
        interfaces.iter().flat_map(move |(package, names)| {
            names.iter().map(move |name| (format!("{package}/{name}@{version}"), *name))
        })
    };
    of("0.2.0", WASI_0_2).chain(of("0.3.0", WASI_0_3))
}
