//! Exchanging the public sides of two deployments: what one had in production the other has now, at once.
//!
//! The platform does it at its balancer: two addresses change places, nothing restarts, and open connections live on (facts:
//! section 7.7). Here the two deployments exchange the sockets of the operating system that their public ports listen on.
//!
//! | | after the exchange |
//! |---|---|
//! | a connection that begins | goes to the deployment that has the socket now |
//! | one that nobody had accepted yet | the same: it waits at the socket |
//! | one that was accepted: it is open, shakes hands, or [waits](crate::CONNECTION_WAIT) for an instance | stays where it is |
//! | a flow of UDP | ends. The client's next datagram begins one at the other deployment |
//! | TLS, certificates, probes, load balancing | stay the deployment's own |
//! | what a deployment's own instances send to its public ports | stays inside that deployment |
//!
//! There is no time at which a port does not listen, and none at which one port of a deployment is exchanged and another is not.
//!
//! Both must have the same public ports: the same numbers, transports and protocols (facts: table 7.7). Their roles and endpoints
//! may have other names. Public ports of single instances count, so both need as many of those.

use std::fmt;
use std::net::SocketAddr;

use wasm_roles_service_plan::{Port, Protocol, PublicPort, RoleName, Transport};

use crate::deployment::Deployment;
use crate::publish::{Publication, Published};

/// What an exchange has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwapSummary {
    /// Every public port, by number and transport.
    pub ports: Vec<SwappedPort>,
}

/// A public port that both deployments have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwappedPort {
    /// Its number in the definitions.
    pub port: Port,
    /// Its transport.
    pub transport: Transport,
    /// Where the first deployment listens now.
    pub first: SocketAddr,
    /// Where the second deployment listens now.
    pub second: SocketAddr,
}

/// Two deployments cannot exchange their public sides. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SwapError {
    /// One of them is in the middle of an upgrade that was begun and not finished.
    #[error("deployment {deployment} is in the middle of an upgrade")]
    Upgrading {
        /// Its id.
        deployment: String,
    },
    /// They have different public ports.
    #[error("the two deployments have different public ports: {}", sentences(differences))]
    EndpointsDiffer {
        /// At least one, by number and transport.
        differences: Vec<EndpointDifference>,
    },
}

impl SwapError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        let differences = match self {
            Self::Upgrading { .. } => return "finish the upgrade, or roll it back".to_owned(),
            Self::EndpointsDiffer { differences } => differences,
        };
        if differences.iter().all(EndpointDifference::is_of_instances) {
            "these are ports of single instances: scale both deployments to the same number of instances first".to_owned()
        } else {
            "give both definitions the same input endpoints, or upgrade the deployment in place instead"
                .to_owned()
        }
    }
}

/// A public port that is not the same in both deployments. `Display` says it in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointDifference {
    /// Its number.
    pub port: Port,
    /// Its transport.
    pub transport: Transport,
    /// What the first deployment has there.
    pub first: Option<EndpointSide>,
    /// What the second deployment has there.
    pub second: Option<EndpointSide>,
}

/// What a deployment has at a public port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSide {
    /// The role.
    pub role: RoleName,
    /// Its endpoint.
    pub endpoint: String,
    /// What is spoken there.
    pub protocol: Protocol,
    /// It leads to one instance.
    pub of_instance: bool,
}

impl EndpointDifference {
    /// Whether it goes away when both have as many instances.
    fn is_of_instances(&self) -> bool {
        let sides = [self.first.as_ref(), self.second.as_ref()];
        self.first.is_some() != self.second.is_some()
            && sides.into_iter().flatten().all(|side| side.of_instance)
    }
}

impl fmt::Display for EndpointSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (endpoint {} of role {})", self.protocol, self.endpoint, self.role)
    }
}

impl fmt::Display for EndpointDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { port, transport, first, second } = self;
        let words = |side: &Option<EndpointSide>| {
            side.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string)
        };
        write!(
            f,
            "at port {port} ({transport}) the first has {}, and the second {}",
            words(first),
            words(second)
        )
    }
}

fn sentences(differences: &[EndpointDifference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Exchanges the public sides of two deployments. When this returns, every connection that begins goes to the other one.
///
/// What their [`Publication`](crate::Publication)s say is exchanged with them: a public port that a deployment opens later is
/// opened where its new side is.
///
/// # Errors
///
/// See [`SwapError`]. Then nothing has changed.
pub fn swap(first: &mut Deployment, second: &mut Deployment) -> Result<SwapSummary, SwapError> {
    Ok(Exchange::between(first, second)?.make())
}

/// An exchange that can be made: for those who have to write it down before.
pub struct Exchange<'a> {
    first: &'a mut Deployment,
    second: &'a mut Deployment,
}

impl<'a> Exchange<'a> {
    /// The exchange of two deployments, if they can. Nothing has changed yet.
    ///
    /// # Errors
    ///
    /// As of [`swap`].
    pub fn between(first: &'a mut Deployment, second: &'a mut Deployment) -> Result<Self, SwapError> {
        can_swap(first, second).map(|()| Self { first, second })
    }

    /// Makes it, as [`swap`] does.
    #[must_use]
    pub fn make(self) -> SwapSummary {
        let Self { first, second } = self;
        first.exchange_public_side(second);
        summary(first, second)
    }
}

fn summary(first: &Deployment, second: &Deployment) -> SwapSummary {
    let swapped = |(ours, theirs): (&Published, &Published)| SwappedPort {
        port: ours.public.port,
        transport: ours.public.transport,
        first: ours.at,
        second: theirs.at,
    };
    SwapSummary { ports: first.published().iter().zip(second.published()).map(swapped).collect() }
}

/// Whether the two deployments could exchange their public sides now.
fn can_swap(first: &Deployment, second: &Deployment) -> Result<(), SwapError> {
    if let Some(upgrading) = [first, second].into_iter().find(|deployment| deployment.upgrading.is_some()) {
        return Err(SwapError::Upgrading { deployment: upgrading.id().to_owned() });
    }
    let public = |deployment: &Deployment| -> Vec<PublicPort> {
        deployment.published().iter().map(|published| published.public.clone()).collect()
    };
    let differences = differences(&public(first), &public(second));
    if differences.is_empty() { Ok(()) } else { Err(SwapError::EndpointsDiffer { differences }) }
}

impl Deployment {
    /// Where public ports listen that are opened from now on. Those that are open stay where they are.
    pub fn set_publication(&mut self, publication: Publication) {
        self.starter.options.publication = publication;
    }

    fn exchange_public_side(&mut self, other: &mut Self) {
        self.ports.exchange(&mut other.ports);
        std::mem::swap(&mut self.starter.options.publication, &mut other.starter.options.publication);
    }
}

fn differences(first: &[PublicPort], second: &[PublicPort]) -> Vec<EndpointDifference> {
    let mut keys: Vec<(Port, Transport)> = first.iter().chain(second).map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    let difference = |key: (Port, Transport)| {
        let (first, second) = (side(first, key), side(second, key));
        let protocol = |side: &Option<EndpointSide>| side.as_ref().map(|side| side.protocol);
        let (port, transport) = key;
        (protocol(&first) != protocol(&second)).then_some(EndpointDifference {
            port,
            transport,
            first,
            second,
        })
    };
    keys.into_iter().filter_map(difference).collect()
}

fn key(public: &PublicPort) -> (Port, Transport) {
    (public.port, public.transport)
}

fn side(public: &[PublicPort], at: (Port, Transport)) -> Option<EndpointSide> {
    let public = public.iter().find(|public| key(public) == at)?;
    Some(EndpointSide {
        role: public.role.clone(),
        endpoint: public.endpoint.clone(),
        protocol: public.protocol,
        of_instance: public.instance.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_plans::plan_of;

    /// The public ports of a role `W` with these endpoints.
    fn public(endpoints: &str, instances: u32) -> Vec<PublicPort> {
        let roles = format!(r#"<WorkerRole name="W"><Endpoints>{endpoints}</Endpoints></WorkerRole>"#);
        plan_of(&roles, &format!(r#"<Role name="W"><Instances count="{instances}" /></Role>"#)).public
    }

    fn input(name: &str, protocol: &str, port: u16) -> String {
        format!(r#"<InputEndpoint name="{name}" protocol="{protocol}" port="{port}" localPort="8{port}" />"#)
    }

    const DIRECT: &str = r#"<InstanceInputEndpoint name="Direct" protocol="tcp" localPort="8000">
        <AllocatePublicPortFrom><FixedPortRange min="9000" max="9004" /></AllocatePublicPortFrom></InstanceInputEndpoint>"#;

    fn told(first: &[PublicPort], second: &[PublicPort]) -> Vec<String> {
        differences(first, second).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn other_names_of_roles_and_endpoints_and_other_local_ports_make_no_difference() {
        let roles = r#"<WorkerRole name="V"><Endpoints>
            <InputEndpoint name="X" protocol="tcp" port="81" localPort="7" /></Endpoints></WorkerRole>"#;
        let other = plan_of(roles, r#"<Role name="V"><Instances count="3" /></Role>"#).public;
        assert_eq!(told(&public(&input("A", "tcp", 81), 1), &other), [""; 0]);
    }

    #[test]
    fn every_port_that_only_one_has_or_that_speaks_something_else_is_named() {
        let first =
            public(&[input("A", "tcp", 80), input("B", "http", 81), input("C", "udp", 82)].concat(), 1);
        let second =
            public(&[input("A", "tcp", 80), input("D", "tcp", 81), input("C", "tcp", 82)].concat(), 1);
        assert_eq!(
            told(&first, &second),
            [
                "at port 81 (TCP) the first has http (endpoint B of role W), and the second tcp (endpoint D of role W)",
                "at port 82 (TCP) the first has nothing, and the second tcp (endpoint C of role W)",
                "at port 82 (UDP) the first has udp (endpoint C of role W), and the second nothing",
            ]
        );
        let differences = differences(&first, &second);
        let error = SwapError::EndpointsDiffer { differences };
        assert!(
            error.hint().starts_with("give both definitions the same input endpoints"),
            "{}",
            error.hint()
        );
    }

    #[test]
    fn ports_of_single_instances_that_one_has_more_of_are_put_right_by_scaling() {
        let differences = differences(&public(DIRECT, 2), &public(DIRECT, 3));
        let error = SwapError::EndpointsDiffer { differences };
        assert_eq!(
            error.to_string(),
            "the two deployments have different public ports: at port 9002 (TCP) the first has nothing, and the second tcp \
             (endpoint Direct of role W)"
        );
        assert!(error.hint().contains("scale both deployments"), "{}", error.hint());
    }
}
