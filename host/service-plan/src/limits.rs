//! What an instance may use: from its machine size, and from what somebody put over that.
//!
//! Memory, share of the processors and disk come from the role's `vmsize` (facts: section 8.2). The platform gave a
//! role a machine of its own and had no other limits; those that a shared process needs besides have fixed defaults, which no
//! ordinary role comes near. Each of them can be set with an override, `[ROLE.]NAME=VALUE`:
//!
//! | name | value | default |
//! |---|---|---|
//! | `memory` | bytes of linear memory, at least 64 KiB | of the size |
//! | `cpu` | weight, 1 to 10000 | of the size: 100 for each core, 50 for a shared one |
//! | `disk` | bytes of all local stores together | of the size |
//! | `sockets` | sockets, ports and connections at a time | 4096 |
//! | `host-sockets` | how many of them may lead to the world outside | 256 |
//! | `resources` | handles of the host (files, streams, requests, sockets …) at a time, at least 64 | 32768 |
//! | `tables` | elements of all tables (mostly function pointers), at least 1 | 1048576 |
//! | `log-rate` | bytes per second of each stream, standard output and standard error, of each program; at least 1 KiB | 1 MiB |
//!
//! The programs of an instance are its role and its start-up tasks: with two background tasks it may write six times the log
//! rate.
//!
//! Bytes are a plain number or one with `KiB`, `MiB`, `GiB` or `TiB`, which may have a decimal point: `1.75GiB`.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use thiserror::Error;
use wasm_roles_service_model::{RoleName, VmSize, nearest};

use crate::types::{Plan, PlannedRole};

/// Units of bytes, smallest first.
const UNITS: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// What an instance may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Linear memory in bytes.
    pub memory_bytes: u64,
    /// Share of the processors, in relation to the other instances, at least 1: [`VmSize::cpu_weight`].
    pub cpu_weight: u32,
    /// Disk for all local stores together, in bytes.
    pub disk_bytes: u64,
    /// Bound ports, listeners, connections and UDP sockets at one time.
    pub sockets: u32,
    /// How many of them may be sockets of the host, to the world outside.
    pub host_sockets: u32,
    /// Handles of the host at one time: files, streams, requests, sockets.
    pub resources: u32,
    /// Elements of all WebAssembly tables together.
    pub table_elements: u32,
    /// Output in bytes per second: of standard output and of standard error each, and of each program, which are the role
    /// and its start-up tasks.
    pub log_bytes_per_second: u64,
}

impl From<VmSize> for Limits {
    fn from(size: VmSize) -> Self {
        Limits {
            memory_bytes: size.memory_bytes(),
            cpu_weight: size.cpu_weight(),
            disk_bytes: size.disk_bytes(),
            sockets: 4096,
            host_sockets: 256,
            resources: 32 << 10,
            table_elements: 1 << 20,
            log_bytes_per_second: 1 << 20,
        }
    }
}

/// The limits by their names on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitName {
    /// [`Limits::memory_bytes`].
    Memory,
    /// [`Limits::cpu_weight`].
    Cpu,
    /// [`Limits::disk_bytes`].
    Disk,
    /// [`Limits::sockets`].
    Sockets,
    /// [`Limits::host_sockets`].
    HostSockets,
    /// [`Limits::resources`].
    Resources,
    /// [`Limits::table_elements`].
    Tables,
    /// [`Limits::log_bytes_per_second`].
    LogRate,
}

impl LimitName {
    /// All of them, in the order in which they are shown.
    pub const ALL: [LimitName; 8] = [
        LimitName::Memory,
        LimitName::Cpu,
        LimitName::Disk,
        LimitName::Sockets,
        LimitName::HostSockets,
        LimitName::Resources,
        LimitName::Tables,
        LimitName::LogRate,
    ];

    /// As the command line has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            LimitName::Memory => "memory",
            LimitName::Cpu => "cpu",
            LimitName::Disk => "disk",
            LimitName::Sockets => "sockets",
            LimitName::HostSockets => "host-sockets",
            LimitName::Resources => "resources",
            LimitName::Tables => "tables",
            LimitName::LogRate => "log-rate",
        }
    }

    const fn is_bytes(self) -> bool {
        matches!(self, LimitName::Memory | LimitName::Disk | LimitName::LogRate)
    }

    /// The values that make sense. A page of memory is 64 KiB; below some handles no program can say that it fails.
    const fn range(self) -> RangeInclusive<u64> {
        match self {
            LimitName::Memory => 64 << 10..=1 << 50,
            LimitName::Cpu => 1..=10_000,
            LimitName::Disk => 0..=1 << 50,
            LimitName::Sockets | LimitName::HostSockets => 0..=1_000_000,
            LimitName::Resources => 64..=10_000_000,
            LimitName::Tables => 1..=100_000_000,
            LimitName::LogRate => 1 << 10..=1 << 40,
        }
    }

    /// A value for people: `1.75 GiB`, `4096`, `1 MiB/s`.
    pub fn in_words(self, value: u64) -> String {
        match self {
            LimitName::LogRate => format!("{}/s", bytes_in_words(value)),
            name if name.is_bytes() => bytes_in_words(value),
            _ => value.to_string(),
        }
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Limits {
    /// The limit of this name.
    pub fn get(&self, name: LimitName) -> u64 {
        match name {
            LimitName::Memory => self.memory_bytes,
            LimitName::Cpu => self.cpu_weight.into(),
            LimitName::Disk => self.disk_bytes,
            LimitName::Sockets => self.sockets.into(),
            LimitName::HostSockets => self.host_sockets.into(),
            LimitName::Resources => self.resources.into(),
            LimitName::Tables => self.table_elements.into(),
            LimitName::LogRate => self.log_bytes_per_second,
        }
    }

    fn set(&mut self, name: LimitName, value: u64) {
        // The ranges of the counts end far below.
        let count = u32::try_from(value).unwrap_or(u32::MAX);
        match name {
            LimitName::Memory => self.memory_bytes = value,
            LimitName::Cpu => self.cpu_weight = count,
            LimitName::Disk => self.disk_bytes = value,
            LimitName::Sockets => self.sockets = count,
            LimitName::HostSockets => self.host_sockets = count,
            LimitName::Resources => self.resources = count,
            LimitName::Tables => self.table_elements = count,
            LimitName::LogRate => self.log_bytes_per_second = value,
        }
    }
}

/// A limit put over the one that the machine size gives: of one role, or of all. Read from `[ROLE.]NAME=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitOverride {
    role: Option<RoleName>,
    name: LimitName,
    value: u64,
}

/// Why a limit cannot be set, or a role does not fit into its limits.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LimitError {
    /// The text is no override at all.
    #[error("it has the form [ROLE.]NAME=VALUE, as in memory=512MiB or WorkerRole1.sockets=100")]
    Form,
    /// There is no limit of this name.
    #[error("there is no limit `{name}`; {}", did_you_mean(.nearest.as_deref()))]
    UnknownLimit {
        /// The name.
        name: String,
        /// The most similar one, if one is similar.
        nearest: Option<String>,
    },
    /// The name before the dot cannot be a role's.
    #[error("`{name}` is no name of a role")]
    RoleName {
        /// The name.
        name: String,
    },
    /// The value is not a number, or not with a unit that there is.
    #[error("`{value}` is no value for {limit}: {expected}", expected = expected(*.limit))]
    Value {
        /// The limit.
        limit: LimitName,
        /// The value.
        value: String,
    },
    /// The value is a number that makes no sense.
    #[error("{limit} is from {} to {}, not {value}", .limit.in_words(*.limit.range().start()), .limit.in_words(*.limit.range().end()))]
    OutOfRange {
        /// The limit.
        limit: LimitName,
        /// The value.
        value: String,
    },
    /// The definition has no such role.
    #[error("--limit {role}.{limit}: the definition has no role {role}{}", did_you_mean_role(.nearest.as_deref(), .known))]
    UnknownRole {
        /// The limit.
        limit: LimitName,
        /// The name.
        role: String,
        /// The role with the most similar name.
        nearest: Option<String>,
        /// All roles.
        known: Vec<String>,
    },
    /// The local stores of an instance do not fit on its disk.
    #[error(
        "the local stores of role {role} need {}, but an instance has {} of disk; make the stores smaller, take a larger \
         vmsize, or give it more with --limit {role}.disk={}",
        bytes_in_words(*.wanted), bytes_in_words(*.disk), compact(*.wanted)
    )]
    Disk {
        /// The role.
        role: String,
        /// Bytes that its stores need.
        wanted: u64,
        /// Bytes that it has.
        disk: u64,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => format!("the limits are {}", LimitName::ALL.map(LimitName::as_str).join(", ")),
    }
}

fn did_you_mean_role(nearest: Option<&str>, known: &[String]) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean {nearest}?"),
        None => format!("; it has {}", known.join(", ")),
    }
}

const fn expected(limit: LimitName) -> &'static str {
    match limit {
        LimitName::LogRate => "it is bytes per second, such as 65536, 64KiB or 1.5MiB",
        name if name.is_bytes() => "it is bytes, such as 65536, 512MiB or 1.75GiB",
        _ => "it is a whole number",
    }
}

impl FromStr for LimitOverride {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let (target, value) = text.split_once('=').ok_or(LimitError::Form)?;
        let (role, name) = match target.rsplit_once('.') {
            Some((role, name)) => (Some(role), name),
            None => (None, target),
        };
        let role =
            role.map(|role| RoleName::new(role).map_err(|_| LimitError::RoleName { name: role.to_owned() }));
        let role = role.transpose()?;
        let name = limit_name(name)?;
        let parsed = if name.is_bytes() { parse_bytes(name, value) } else { value.parse().ok() };
        let parsed = parsed.ok_or_else(|| LimitError::Value { limit: name, value: value.to_owned() })?;
        if !name.range().contains(&parsed) {
            return Err(LimitError::OutOfRange { limit: name, value: value.to_owned() });
        }
        Ok(LimitOverride { role, name, value: parsed })
    }
}

fn limit_name(text: &str) -> Result<LimitName, LimitError> {
    if text.is_empty() {
        return Err(LimitError::Form);
    }
    LimitName::ALL.into_iter().find(|name| name.as_str() == text).ok_or_else(|| LimitError::UnknownLimit {
        name: text.to_owned(),
        nearest: nearest(text, LimitName::ALL.iter().map(|name| name.as_str())).map(str::to_owned),
    })
}

/// A number of bytes as people type it: `65536`, `512MiB`, `1.75GiB`. None when it is no such number.
#[must_use]
pub fn bytes_from_words(text: &str) -> Option<u64> {
    parse_bytes(LimitName::Memory, text)
}

/// A number of bytes with or without a unit; a rate may end in `/s`. Fractions of a byte are cut off.
fn parse_bytes(name: LimitName, text: &str) -> Option<u64> {
    let text = if name == LimitName::LogRate { text.strip_suffix("/s").unwrap_or(text) } else { text };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let unit = unit.trim_start();
    if unit.is_empty() {
        return number.parse().ok();
    }
    let (_, bytes) = UNITS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole: u64 = whole.parse().ok()?;
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 6)?;
    let part: u64 = fraction.parse().ok()?;
    let part = part.checked_mul(bytes)?.checked_div(10_u64.checked_pow(digits)?)?;
    whole.checked_mul(bytes)?.checked_add(part)
}

/// A number of bytes for people: the largest unit with at most two decimals, rounded down, as in `1.75 GiB`.
#[must_use]
pub fn bytes_in_words(bytes: u64) -> String {
    let Some((unit, size)) = UNITS.into_iter().rev().find(|(_, size)| bytes >= *size) else {
        return format!("{bytes} bytes");
    };
    let hundredths = u128::from(bytes).saturating_mul(100) / u128::from(size);
    let (whole, fraction) = (hundredths / 100, hundredths % 100);
    let decimals = format!("{whole}.{fraction:02}");
    format!("{} {unit}", decimals.trim_end_matches('0').trim_end_matches('.'))
}

/// The smallest whole number of mebibytes that is at least so much, as the command line takes it.
fn compact(bytes: u64) -> String {
    format!("{}MiB", bytes.div_ceil(1 << 20))
}

impl Plan {
    /// The plan with these limits put over those of the machine sizes. Of two for one limit the one that names the role
    /// counts, then the later one.
    ///
    /// # Errors
    ///
    /// An override names a role that the plan does not have, or a role's local stores need more than its disk: that is
    /// found without any override too.
    pub fn with_limits(mut self, overrides: &[LimitOverride]) -> Result<Plan, LimitError> {
        for unknown in overrides.iter().filter_map(|limit| Some((limit.role.as_ref()?, limit.name))) {
            self.check_role(unknown.0, unknown.1)?;
        }
        let of_all = overrides.iter().filter(|limit| limit.role.is_none());
        let of_roles = overrides.iter().filter(|limit| limit.role.is_some());
        for limit in of_all.chain(of_roles) {
            let concerned = self.instances.iter_mut().filter(|instance| match &limit.role {
                Some(role) => instance.role == *role,
                None => true,
            });
            concerned.for_each(|instance| instance.limits.set(limit.name, limit.value));
        }
        for role in &self.roles {
            let limits = self.instances.iter().find(|instance| instance.role == role.name);
            if let Some(instance) = limits {
                check_disk(role, instance.limits.disk_bytes)?;
            }
        }
        Ok(self)
    }

    fn check_role(&self, role: &RoleName, limit: LimitName) -> Result<(), LimitError> {
        if self.role(role).is_some() {
            return Ok(());
        }
        let known: Vec<String> = self.roles.iter().map(|role| role.name.to_string()).collect();
        let nearest = nearest(role.as_str(), known.iter().map(String::as_str)).map(str::to_owned);
        Err(LimitError::UnknownRole { limit, role: role.to_string(), nearest, known })
    }
}

/// The upper bound of the local stores is the local disk of the machine (facts: section 2.3).
fn check_disk(role: &PlannedRole, disk: u64) -> Result<(), LimitError> {
    // `sizeInMB` counts units of 1,048,576 bytes.
    let sizes = role.local_resources.iter().map(|store| u64::from(store.size_mb).saturating_mul(1 << 20));
    let wanted = sizes.fold(0, u64::saturating_add);
    if wanted <= disk { Ok(()) } else { Err(LimitError::Disk { role: role.name.to_string(), wanted, disk }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Option<String>, LimitName, u64), String> {
        let read = text.parse::<LimitOverride>().map_err(|error| error.to_string())?;
        Ok((read.role.map(|role| role.to_string()), read.name, read.value))
    }

    #[test]
    fn overrides_are_read() {
        let cases = [
            ("memory=512MiB", None, LimitName::Memory, 512 << 20),
            ("memory=1.75GiB", None, LimitName::Memory, 1_792 << 20),
            ("memory=1.5 gib", None, LimitName::Memory, 1_536 << 20),
            ("memory=65536", None, LimitName::Memory, 65_536),
            ("Web.memory=2GiB", Some("Web"), LimitName::Memory, 2 << 30),
            ("cpu=250", None, LimitName::Cpu, 250),
            ("disk=0", None, LimitName::Disk, 0),
            ("Web.sockets=0", Some("Web"), LimitName::Sockets, 0),
            ("resources=100", None, LimitName::Resources, 100),
            ("tables=7", None, LimitName::Tables, 7),
            ("log-rate=64KiB/s", None, LimitName::LogRate, 64 << 10),
            ("log-rate=2048", None, LimitName::LogRate, 2048),
        ];
        for (text, role, name, value) in cases {
            assert_eq!(read(text), Ok((role.map(str::to_owned), name, value)), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_what_it_should_be() {
        let form = "it has the form [ROLE.]NAME=VALUE, as in memory=512MiB or WorkerRole1.sockets=100";
        let bytes = "it is bytes, such as 65536, 512MiB or 1.75GiB";
        let cases = [
            ("memory", form.to_owned()),
            ("=1", form.to_owned()),
            ("Web.=1", form.to_owned()),
            ("memry=1GiB", "there is no limit `memry`; did you mean memory?".to_owned()),
            (
                "x=1",
                "there is no limit `x`; the limits are memory, cpu, disk, sockets, host-sockets, resources, tables, log-rate"
                    .to_owned(),
            ),
            ("memory=", format!("`` is no value for memory: {bytes}")),
            ("memory=many", format!("`many` is no value for memory: {bytes}")),
            ("memory=512MB", format!("`512MB` is no value for memory: {bytes}")),
            ("memory=-1", format!("`-1` is no value for memory: {bytes}")),
            ("memory=1.2.3GiB", format!("`1.2.3GiB` is no value for memory: {bytes}")),
            ("memory=99999999999999GiB", format!("`99999999999999GiB` is no value for memory: {bytes}")),
            ("memory=1.5", format!("`1.5` is no value for memory: {bytes}")),
            ("sockets=1KiB", "`1KiB` is no value for sockets: it is a whole number".to_owned()),
            ("memory=1KiB", "memory is from 64 KiB to 1024 TiB, not 1KiB".to_owned()),
            ("cpu=0", "cpu is from 1 to 10000, not 0".to_owned()),
            ("log-rate=1", "log-rate is from 1 KiB/s to 1 TiB/s, not 1".to_owned()),
            ("../x.memory=1GiB", "`../x` is no name of a role".to_owned()),
        ];
        for (text, error) in cases {
            assert_eq!(read(text), Err(error), "{text}");
        }
    }

    #[test]
    fn bytes_are_said_in_the_unit_that_people_use() {
        let cases = [
            (0, "0 bytes"),
            (1_023, "1023 bytes"),
            (1_024, "1 KiB"),
            (1_792 << 20, "1.75 GiB"),
            (768 << 20, "768 MiB"),
            (100 << 30, "100 GiB"),
            ((1 << 30) - 1, "1023.99 MiB"),
            (u64::MAX, "16777215.99 TiB"),
        ];
        for (bytes, words) in cases {
            assert_eq!(bytes_in_words(bytes), words);
        }
        assert_eq!(LimitName::LogRate.in_words(1 << 20), "1 MiB/s");
        assert_eq!(LimitName::Sockets.in_words(4096), "4096");
    }
}
