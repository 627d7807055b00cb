//! Tenants: what each may use of the host.
//!
//! A cap counts what a tenant's deployments may have at most, whether they have it already or not: instances by the plan, memory
//! by the limits of these instances, public ports by the definition, disk by the sizes of local stores and what packages really take. While a deployment changes it counts as the larger of what it
//! was and what it becomes, in each of the three. A change that would go over a cap is refused before anything of it begins.

use std::collections::BTreeMap;
use std::fmt;

use wasm_roles_control_interface::TenantName;
use wasm_roles_service_plan::{Plan, PlannedRole};

/// What the deployments of one tenant may have together. `None`: as much as there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// Deployments: each has packages and a place in memory, also without an instance.
    pub deployments: Option<u32>,
    /// Role instances.
    pub instances: Option<u32>,
    /// Bytes of memory: the sum of the instances' limits, not what they use at a time.
    pub memory_bytes: Option<u64>,
    /// Public ports.
    pub public_ports: Option<u32>,
    /// Bytes of disk: the sizes of the instances' local stores, and what the packages have: the one that runs, the one before, and
    /// one that arrives.
    pub disk_bytes: Option<u64>,
    /// Whether its packages may ask for ways to the world outside, and for a policy that only logs.
    pub outbound: bool,
    /// Which ports of the machine its public ports may have.
    pub ports: Ports,
    /// Whether its packages may raise other limits of an instance than memory over those of its machine size.
    pub raised_limits: bool,
}

/// Ports of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ports {
    /// Those that the operating system chooses, and no others.
    #[default]
    Chosen,
    /// These too.
    Range {
        /// The first.
        first: u16,
        /// The last.
        last: u16,
    },
    /// All.
    Any,
}

impl Ports {
    /// Whether a port may be named. 0: the operating system chooses.
    #[must_use]
    pub const fn admits(self, port: u16) -> bool {
        match self {
            Self::Chosen => port == 0,
            Self::Range { first, last } => port == 0 || (first <= port && port <= last),
            Self::Any => true,
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen => f.write_str("0 (the operating system chooses)"),
            Self::Range { first, last } => {
                write!(f, "0 (the operating system chooses) and {first} to {last}")
            }
            Self::Any => f.write_str("all"),
        }
    }
}

impl Caps {
    /// No cap at all: for the tenant who owns the host.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            deployments: None,
            instances: None,
            memory_bytes: None,
            public_ports: None,
            disk_bytes: None,
            outbound: true,
            ports: Ports::Any,
            raised_limits: true,
        }
    }

    /// Whether a deployment may have `wanted` beside the tenant's `others`.
    ///
    /// # Errors
    ///
    /// The first cap that is in the way.
    pub fn admit(&self, others: Demand, wanted: Demand) -> Result<(), OverCap> {
        let count = |cap: Option<u32>, of: fn(&Demand) -> u32, what| {
            let cap = cap.map(u64::from);
            over(cap, u64::from(of(&others)), u64::from(of(&wanted)), what)
        };
        count(self.deployments, |demand| demand.deployments, Capped::Deployments)?;
        count(self.instances, |demand| demand.instances, Capped::Instances)?;
        over(self.memory_bytes, others.memory_bytes, wanted.memory_bytes, Capped::Memory)?;
        count(self.public_ports, |demand| demand.public_ports, Capped::PublicPorts)?;
        over(self.disk_bytes, others.disk_bytes, wanted.disk_bytes, Capped::Disk)
    }
}

fn over(cap: Option<u64>, others: u64, wanted: u64, what: Capped) -> Result<(), OverCap> {
    match cap {
        Some(cap) if others.saturating_add(wanted) > cap => Err(OverCap { what, cap, others, wanted }),
        _ => Ok(()),
    }
}

/// What a deployment has of the things that are capped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Deployments: 1 for one.
    pub deployments: u32,
    /// Role instances.
    pub instances: u32,
    /// Bytes of memory that they may use.
    pub memory_bytes: u64,
    /// Public ports.
    pub public_ports: u32,
    /// Bytes of the local stores that they may fill, and of packages.
    pub disk_bytes: u64,
}

impl Demand {
    /// Of a deployment that runs as `plan` says.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        Self {
            deployments: 1,
            instances: count(plan.instances.len()),
            memory_bytes: plan
                .instances
                .iter()
                .fold(0, |sum: u64, instance| sum.saturating_add(instance.limits.memory_bytes)),
            public_ports: count(plan.public.len()),
            disk_bytes: plan.instances.iter().fold(0, |sum: u64, instance| {
                let stores = plan.role(&instance.role).map_or(0, stores_of);
                sum.saturating_add(stores.min(instance.limits.disk_bytes))
            }),
        }
    }

    /// With packages of so many bytes.
    #[must_use]
    pub const fn with_packages(self, bytes: u64) -> Self {
        Self { disk_bytes: self.disk_bytes.saturating_add(bytes), ..self }
    }

    /// Both at the same time.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            deployments: self.deployments.saturating_add(other.deployments),
            instances: self.instances.saturating_add(other.instances),
            memory_bytes: self.memory_bytes.saturating_add(other.memory_bytes),
            public_ports: self.public_ports.saturating_add(other.public_ports),
            disk_bytes: self.disk_bytes.saturating_add(other.disk_bytes),
        }
    }

    /// Of a deployment of which nobody knows yet what it will be.
    #[must_use]
    pub const fn of_something() -> Self {
        Self { deployments: 1, instances: 0, memory_bytes: 0, public_ports: 0, disk_bytes: 0 }
    }

    /// One or the other, and nobody knows which: the larger of each.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            deployments: self.deployments.max(other.deployments),
            instances: self.instances.max(other.instances),
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            public_ports: self.public_ports.max(other.public_ports),
            disk_bytes: self.disk_bytes.max(other.disk_bytes),
        }
    }
}

/// Bytes of the local stores of one instance.
fn stores_of(role: &PlannedRole) -> u64 {
    let sizes = role.local_resources.iter().map(|store| u64::from(store.size_mb) << 20);
    sizes.fold(0, u64::saturating_add)
}

/// What is capped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capped {
    /// [`Caps::deployments`].
    Deployments,
    /// [`Caps::instances`].
    Instances,
    /// [`Caps::memory_bytes`].
    Memory,
    /// [`Caps::public_ports`].
    PublicPorts,
    /// [`Caps::disk_bytes`].
    Disk,
}

impl fmt::Display for Capped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Deployments => "deployments",
            Self::Instances => "instances",
            Self::Memory => "bytes of memory",
            Self::PublicPorts => "public ports",
            Self::Disk => "bytes of disk",
        })
    }
}

/// A tenant would have more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this needs {wanted} {what}; your other deployments have {others}, and {cap} are all that you may have"
)]
pub struct OverCap {
    /// Of what.
    pub what: Capped,
    /// How much the tenant may have.
    pub cap: u64,
    /// What its other deployments have.
    pub others: u64,
    /// What is asked for.
    pub wanted: u64,
}

impl OverCap {
    /// What the tenant can do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self.what {
            Capped::Deployments => "delete a deployment, or ask the host's owner for more",
            Capped::Instances => {
                "lower an instance count, delete a deployment, or ask the host's owner for more"
            }
            Capped::Memory => {
                "choose a smaller vmsize, set `memory` with a limit, delete a deployment, or ask the host's owner for more"
            }
            Capped::Disk => {
                "make a local store or the package smaller, delete a deployment, or ask the host's owner for more"
            }
            Capped::PublicPorts => {
                "remove an input endpoint, delete a deployment, or ask the host's owner for more"
            }
        }
    }
}

/// The tenants of a host.
#[derive(Clone, Debug, Default)]
pub struct Tenants {
    /// The caps of tenants that have their own.
    pub named: BTreeMap<TenantName, Caps>,
    /// The caps of all others.
    pub others: Caps,
}

impl Tenants {
    /// One owner without caps, and nobody knows of others: what a person at their own machine wants.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self { named: BTreeMap::new(), others: Caps::none() }
    }

    /// The caps of a tenant.
    #[must_use]
    pub fn caps(&self, tenant: &TenantName) -> Caps {
        self.named.get(tenant).copied().unwrap_or(self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn demand(instances: u32, memory_bytes: u64, public_ports: u32) -> Demand {
        Demand { deployments: 1, instances, memory_bytes, public_ports, disk_bytes: memory_bytes }
    }

    #[test]
    fn a_cap_counts_the_others_and_what_is_asked_for_together() {
        let caps =
            Caps { instances: Some(4), memory_bytes: Some(100), public_ports: Some(2), ..Caps::none() };
        let others = demand(1, 60, 1);
        assert_eq!(caps.admit(others, demand(3, 40, 1)), Ok(()));
        for (wanted, what, cap) in [
            (demand(4, 40, 1), Capped::Instances, 4),
            (demand(3, 41, 1), Capped::Memory, 100),
            (demand(3, 40, 2), Capped::PublicPorts, 2),
        ] {
            let over = caps.admit(others, wanted).unwrap_err();
            assert_eq!((over.what, over.cap), (what, cap));
        }
    }

    #[test]
    fn the_first_cap_in_the_way_is_named_with_all_numbers() {
        let caps = Caps { instances: Some(4), ..Caps::none() };
        let over = caps.admit(demand(3, 0, 0), demand(2, 0, 0)).unwrap_err();
        assert_eq!(
            over.to_string(),
            "this needs 2 instances; your other deployments have 3, and 4 are all that you may have"
        );
    }

    #[test]
    fn numbers_that_overflow_are_over_the_cap() {
        let caps = Caps { memory_bytes: Some(u64::MAX - 1), ..Caps::none() };
        let all = demand(u32::MAX, u64::MAX, u32::MAX);
        assert_eq!(caps.admit(all, all).unwrap_err().what, Capped::Memory);
        assert_eq!(Caps::none().admit(all, all), Ok(()));
        let both = all.with(all);
        assert_eq!((both.instances, both.memory_bytes, both.public_ports), (u32::MAX, u64::MAX, u32::MAX));
    }

    #[test]
    fn packages_count_as_disk_beside_the_stores() {
        let caps = Caps { disk_bytes: Some(100), ..Caps::none() };
        let stores = demand(1, 60, 0);
        assert_eq!(caps.admit(Demand::default(), stores.with_packages(40)), Ok(()));
        let over = caps.admit(Demand::default().with_packages(1), stores.with_packages(40)).unwrap_err();
        assert_eq!((over.what, over.others, over.wanted), (Capped::Disk, 1, 100));
    }

    #[test]
    fn what_changes_counts_as_the_larger_in_each() {
        assert_eq!(demand(2, 10, 1).or(demand(1, 20, 1)), demand(2, 20, 1));
    }

    #[test]
    fn a_tenant_without_caps_of_its_own_has_those_of_the_others() {
        let [shop, bank] = ["shop", "bank"].map(|name| name.parse::<TenantName>().unwrap());
        let own = Caps { instances: Some(7), ..Caps::none() };
        let tenants = Tenants { named: [(shop.clone(), own)].into(), others: Caps::default() };
        assert_eq!((tenants.caps(&shop), tenants.caps(&bank)), (own, Caps::default()));
    }
}
