//! Ports, and what an endpoint says about them.

use std::fmt;
use std::num::NonZeroU16;

/// A port of TCP or UDP, 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(NonZeroU16);

impl Port {
    /// `None` for 0, which means "any port" to socket calls and is never a declared one.
    pub fn new(number: u16) -> Option<Self> {
        NonZeroU16::new(number).map(Port)
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0.get()
    }
}

impl From<NonZeroU16> for Port {
    fn from(number: NonZeroU16) -> Self {
        Port(number)
    }
}

impl From<Port> for NonZeroU16 {
    fn from(port: Port) -> Self {
        port.0
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `localPort` of an input endpoint: where the instance itself listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalPort {
    /// A port that the definition names; the default is the public port.
    Fixed(Port),
    /// `*`: the planner picks one, and the role asks its environment for it.
    Dynamic,
}

/// The ports from a first to a last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    first: Port,
    last: Port,
}

impl PortRange {
    /// `None` when the first port is above the last.
    pub fn new(first: Port, last: Port) -> Option<Self> {
        (first <= last).then_some(PortRange { first, last })
    }

    /// A range of one port.
    pub fn single(port: Port) -> Self {
        PortRange { first: port, last: port }
    }

    /// The lowest port.
    pub fn first(self) -> Port {
        self.first
    }

    /// The highest port.
    pub fn last(self) -> Port {
        self.last
    }

    /// Number of ports, at least 1.
    pub fn width(self) -> u32 {
        u32::from(self.last.get()).saturating_sub(u32::from(self.first.get())).saturating_add(1)
    }

    /// Whether the two ranges share a port.
    pub fn overlaps(self, other: PortRange) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}
