//! The public side of a deployment, as its own instances see it: one virtual address with the public ports.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::{Admission, DenyReason, Transport, Verdict};

/// The address, the name and the ports. Traffic rules are not about them: every role may reach them, as everybody may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicSide {
    /// No instance has it, and it means nothing outside.
    pub address: Ipv4Addr,
    /// What every instance can look up.
    pub name: String,
    /// The public ports.
    pub ports: BTreeSet<(Transport, u16)>,
}

impl PublicSide {
    pub(super) fn decide(&self, transport: Transport, port: u16) -> Verdict<'_> {
        if self.ports.contains(&(transport, port)) {
            Verdict::Allow(Admission::PublicSide)
        } else {
            Verdict::Deny(DenyReason::NoPublicPort { transport, port })
        }
    }
}
