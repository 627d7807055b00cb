//! The questions of an interface to the policy. Nothing else in the network asks it for a guest.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::denial::Target;
use super::interface::InterfaceCore;
use super::look_up::NoAddress;
use crate::NetError;
use crate::policy::{Admission, DenyReason, InstanceIndex, Operation, Policy, Resolved, Verdict};

/// Where an operation leads that the policy admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To an instance, the own one included.
    Inside,
    /// To a public port of the deployment's own.
    PublicSide,
    /// Out of the deployment.
    Outside,
    /// To the instance's own loopback, or else the host's.
    OwnElseHost,
}

/// What lets an operation pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permit<T> {
    /// The policy.
    Policy(Way),
    /// Something that the policy does not know.
    Otherwise(T),
}

impl From<Admission<'_>> for Way {
    fn from(admission: Admission<'_>) -> Self {
        match admission {
            Admission::Own | Admission::Ephemeral | Admission::Endpoint { .. } => Self::Inside,
            Admission::PublicSide => Self::PublicSide,
            Admission::Outside { .. } => Self::Outside,
            Admission::OwnElseHost { .. } => Self::OwnElseHost,
        }
    }
}

impl InterfaceCore {
    /// Asks the policy, and records a denial.
    pub(crate) fn check(&self, operation: Operation, target: SocketAddr) -> Result<Way, NetError> {
        match self.check_or(operation, target, || None::<Way>)? {
            Permit::Policy(way) | Permit::Otherwise(way) => Ok(way),
        }
    }

    /// Asks the policy. What it denies may be admitted by `otherwise`; if not, the denial is recorded. An
    /// instance that the policy does not have may do nothing.
    pub(crate) fn check_or<T>(
        &self,
        operation: Operation,
        target: SocketAddr,
        otherwise: impl FnOnce() -> Option<T>,
    ) -> Result<Permit<T>, NetError> {
        let policy = self.shared().policy();
        let subject = self.subject(&policy);
        let verdict = match subject {
            Some(subject) => match self.withheld(operation, target) {
                Some(reason) => Verdict::Deny(reason),
                None => policy.decide_knowing(subject, operation, target, |address| {
                    self.known_names().names_of(address, Instant::now())
                }),
            },
            None => Verdict::Deny(DenyReason::UnknownSubject),
        };
        let (reason, is_enforced) = match verdict {
            Verdict::Allow(admission) => {
                // A conversation of datagrams has no other sign that it goes on; a connection needs none once it is made.
                if operation == Operation::Send
                    && let Some(names) = admission.by_name()
                {
                    self.known_names().renew(target.ip(), names, Instant::now());
                }
                return Ok(Permit::Policy(admission.into()));
            }
            Verdict::AllowedByLogMode(reason) => (reason, false),
            Verdict::Deny(reason) => (reason, true),
        };
        if subject.is_some()
            && let Some(admitted) = otherwise()
        {
            return Ok(Permit::Otherwise(admitted));
        }
        self.record(&policy, subject, Target::Address(operation, target), &reason, is_enforced);
        match reason {
            _ if !is_enforced => Ok(Permit::Policy(Way::Inside)),
            DenyReason::ForeignAddress => Err(NetError::AddressNotBindable),
            _ => Err(NetError::AccessDenied),
        }
    }

    /// What a name stands for. Successive answers start with another instance each.
    pub(super) fn resolve(&self, name: &str) -> Result<Resolved, NoAddress> {
        let policy = self.shared().policy();
        let subject = self.subject(&policy);
        let found = match subject {
            Some(subject) => policy.resolve(subject, name),
            None => Err(DenyReason::UnknownSubject),
        };
        match found {
            Ok(Resolved::Inside(mut addresses)) => {
                let withheld = self.shared().withhold_names(self.address(), &mut addresses);
                withheld.map_err(|_| NoAddress::Failed)?;
                let start = self.rotation.fetch_add(1, Ordering::Relaxed);
                let shift = start.checked_rem(addresses.len()).unwrap_or(0);
                addresses.rotate_left(shift);
                Ok(Resolved::Inside(addresses))
            }
            Ok(outside) => Ok(outside),
            Err(reason) => {
                self.record(&policy, subject, Target::name(name), &reason, true);
                let is_outside = matches!(reason, DenyReason::OutsideName { .. });
                Err(if is_outside { NoAddress::Denied } else { NoAddress::Unknown })
            }
        }
    }

    /// Those of the answers of a look-up outside that lead where they may.
    pub(super) fn trusted_answers(&self, answers: &[IpAddr]) -> Vec<IpAddr> {
        let policy = self.shared().policy();
        let subject = self.subject(&policy);
        subject.map(|subject| policy.trusted_answers(subject, answers)).unwrap_or_default()
    }

    /// This instance's number in `policy`.
    pub(crate) fn subject(&self, policy: &Policy) -> Option<InstanceIndex> {
        policy.instance_at(self.address()).filter(|index| policy.instance_id(*index) == Some(self.id()))
    }

    fn record(
        &self,
        policy: &Policy,
        subject: Option<InstanceIndex>,
        target: Target,
        reason: &DenyReason,
        is_enforced: bool,
    ) {
        let role = subject.and_then(|subject| policy.role_name(policy.instance_role(subject)?));
        if let Some(role) = role.filter(|_| !is_enforced) {
            self.shared().passed.record(role, reason);
        }
        if let Target::Address(operation, address) = &target {
            self.shared().count_denial(policy, *operation, *address, reason);
        }
        self.shared().denials.record(&*self.shared().observer, self.id(), target, reason, is_enforced);
    }

    /// Why the policy denies an operation, for people.
    pub(crate) fn denial_in_words(&self, operation: Operation, target: SocketAddr) -> String {
        let policy = self.shared().policy();
        let verdict = self.subject(&policy).map(|subject| policy.decide(subject, operation, target));
        match verdict {
            Some(Verdict::Deny(reason)) => format!("denied by the policy: {reason}"),
            _ => "denied by the policy".to_owned(),
        }
    }
}
