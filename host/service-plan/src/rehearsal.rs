//! The policy's grants with two instances of each role.
//!
//! A pair of roles can be asked here though one of them runs no instance, and a role can be asked about itself
//! though it runs one only: an instance always reaches itself, so the question is whether it reaches the other.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use wasm_roles_service_model::{ServiceModel, Transport};
use wasm_roles_virtual_network::policy::{InstanceIndex, Operation, Policy, PolicyError, Verdict};

use crate::policy::Compiler;

/// Answers for pairs of roles, with the decision function of the network.
#[derive(Debug)]
pub(crate) struct Rehearsal {
    policy: Arc<Policy>,
    /// For each role of the plan: an instance that asks, and the address of another one.
    roles: Vec<(InstanceIndex, Ipv4Addr)>,
}

impl Rehearsal {
    /// From a compiler that knows all endpoints and no instance.
    pub(crate) fn new(mut compiler: Compiler, model: &ServiceModel) -> Result<Self, PolicyError> {
        let mut addresses = (Ipv4Addr::new(10, 0, 0, 4).to_bits()..).map(Ipv4Addr::from_bits);
        let mut roles = Vec::with_capacity(model.roles().len());
        for (role, index) in model.roles().iter().zip(compiler.roles()) {
            let (Some(asking), Some(asked)) = (addresses.next(), addresses.next()) else { break };
            // No role is called like this: a name holds no slash.
            let subject = compiler.instance(index, &format!("{}/0", role.name), 0, asking);
            compiler.instance(index, &format!("{}/1", role.name), 1, asked);
            roles.push((subject, asked));
        }
        Ok(Rehearsal { policy: compiler.build()?, roles })
    }

    /// What the network answers an instance of the `from`-th role that wants to reach a port on another instance,
    /// of the `to`-th role. `None` when the plan has no such role.
    pub(crate) fn verdict(
        &self,
        from: usize,
        to: usize,
        transport: Transport,
        port: u16,
    ) -> Option<Verdict<'_>> {
        let (subject, _) = self.roles.get(from)?;
        let (_, address) = self.roles.get(to)?;
        let operation = match transport {
            Transport::Tcp => Operation::Connect,
            Transport::Udp => Operation::Send,
        };
        Some(self.policy.decide(*subject, operation, SocketAddr::from((*address, port))))
    }
}
