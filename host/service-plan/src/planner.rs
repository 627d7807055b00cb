//! The planner: one pass over the model.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use wasm_roles_service_model::{
    Distribution, Endpoint, EndpointKind as DeclaredKind, InputEndpoint, Port, PortRange, Role, RoleId,
    ServiceModel,
};

use crate::ordinals::ordinals;
use crate::policy::{Compiler, reach};
use crate::ports::{LocalPorts, local_ports};
use crate::rehearsal::Rehearsal;
use crate::sites::sites;
use crate::types::{
    Availability, EndpointKind, InstanceId, Plan, PlannedEndpoint, PlannedInstance, PlannedProbe,
    PlannedRole, PublicPort, RoleEndpoint,
};
use crate::{Placement, PlanError, addresses};

/// Instances with even and odd ordinals are on different machines: the platform promises two fault domains
/// (facts: section 7.6).
const FAULT_DOMAINS: u32 = 2;

/// Decides everything about a deployment of this service.
///
/// Addresses go to the roles in the order of the definition, then to ordinals, from 10.0.0.4 up. The upgrade domain
/// of an instance is its ordinal modulo `upgradeDomainCount`, the fault domain its ordinal modulo 2.
///
/// # Errors
/// The private network is too small for the instances, or a role names so many ports that none is left.
pub fn plan(model: &ServiceModel) -> Result<Plan, PlanError> {
    decide(model, &Placement::default(), &BTreeSet::new())
}

/// Decides the next configuration of a deployment that runs as `running` says. The definition may be another one; whether the
/// instances that run can be led to it is a question for [`in_place`](crate::in_place).
///
/// Instances that both have keep what they have: number, address, domains, and the ports that were chosen for endpoints that
/// name none. New ones get the lowest numbers of their role and the lowest addresses that nobody has. A role that gets smaller
/// loses its highest ordinals (facts: section 7.8). Leaving instances run on while the change is made, so nobody gets their
/// addresses.
///
/// # Errors
/// As [`plan`], and [`PlanError::NoAddressLeft`] when the instances that leave and those that come are too many together;
/// [`PlanError::NoPublicPort`] when one that stays has a number beyond a range of public ports.
pub fn plan_after(running: &Plan, model: &ServiceModel) -> Result<Plan, PlanError> {
    decide(model, &Placement::of(running), &BTreeSet::new())
}

/// As [`plan_after`], without these instances: they go, and not those with the highest ordinals. The model says how many instances
/// there shall be afterwards; when it asks for as many as before, others come in place of those that are named.
///
/// # Errors
/// As [`plan_after`], and [`PlanError::NoSuchInstance`] when one of them does not run.
pub fn plan_after_removing(
    running: &Plan,
    model: &ServiceModel,
    removed: &BTreeSet<InstanceId>,
) -> Result<Plan, PlanError> {
    if let Some(unknown) = removed.iter().find(|instance| running.instance(instance).is_none()) {
        return Err(PlanError::NoSuchInstance { instance: unknown.clone() });
    }
    decide(model, &Placement::of(running), removed)
}

/// Decides for a deployment whose instances have their places; those that are `removed` shall go.
pub(crate) fn decide(
    model: &ServiceModel,
    placed: &Placement,
    removed: &BTreeSet<InstanceId>,
) -> Result<Plan, PlanError> {
    // Before anything is made for each of them: the number may be a mistake, or hostile.
    check_capacity(model)?;
    let mut grants = Compiler::new(model);
    let mut roles = Vec::with_capacity(model.roles().len());
    let (mut public, mut ordinals) = (Vec::new(), Vec::with_capacity(model.roles().len()));
    for ((id, role), index) in model.roles_with_ids().zip(grants.roles()) {
        let ports = local_ports(role, placed)?;
        for ((endpoint_id, endpoint), ports) in role.endpoints_with_ids(id).zip(&ports) {
            grants.endpoint(index, model, endpoint_id, endpoint, ports);
        }
        let planned = plan_role(model, id, role, &ports);
        let of_role = ordinals_of(role, placed, removed);
        public.extend(public_ports(model, role, &planned, &of_role)?);
        roles.push(planned);
        ordinals.push(of_role);
    }
    public.sort_by_key(|port: &PublicPort| (port.port, port.transport));
    grants.public_side(model.name().as_str(), &public);
    let mut compiler = grants.clone();
    let instances = plan_instances(model, roles.iter().zip(ordinals), placed, &mut compiler)?;
    Ok(Plan {
        service: model.name().to_string(),
        roles,
        instances,
        public,
        topology_change_discovery: model.topology_change_discovery(),
        upgrade_domains: model.upgrade_domain_count(),
        policy: compiler.build()?,
        rehearsal: Rehearsal::new(grants.clone(), model)?.into(),
        grants: grants.into(),
    })
}

/// The numbers of a role's instances.
fn ordinals_of(role: &Role, placed: &Placement, removed: &BTreeSet<InstanceId>) -> BTreeSet<u32> {
    let running = placed.ordinals(role);
    let goes = |ordinal: &u32| removed.contains(&InstanceId::new(&role.name, *ordinal));
    let removed =
        if removed.is_empty() { BTreeSet::new() } else { running.iter().copied().filter(goes).collect() };
    ordinals(role.instance_count, &running, &removed)
}

fn plan_instances<'a>(
    model: &ServiceModel,
    planned: impl Iterator<Item = (&'a PlannedRole, BTreeSet<u32>)>,
    placed: &Placement,
    compiler: &mut Compiler,
) -> Result<Vec<PlannedInstance>, PlanError> {
    let mut addresses = addresses::addresses(placed);
    let mut instances = Vec::new();
    for ((role, (planned, ordinals)), index) in model.roles().iter().zip(planned).zip(compiler.roles()) {
        for ordinal in ordinals {
            let id = InstanceId::new(&role.name, ordinal);
            let address = addresses.of(role, ordinal).ok_or_else(|| no_address_left(model, placed))?;
            instances.push(PlannedInstance {
                index: compiler.instance(index, id.as_str(), ordinal, address),
                role: role.name.clone(),
                ordinal,
                address,
                fault_domain: ordinal % FAULT_DOMAINS,
                update_domain: ordinal % model.upgrade_domain_count(),
                endpoints: instance_endpoints(role, planned, ordinal),
                limits: role.vm_size.into(),
                id,
            });
        }
    }
    Ok(instances)
}

/// Instances of all roles together.
fn wanted(model: &ServiceModel) -> u64 {
    model.roles().iter().map(|role| u64::from(role.instance_count)).sum()
}

fn check_capacity(model: &ServiceModel) -> Result<(), PlanError> {
    let (wanted, capacity) = (wanted(model), addresses::CAPACITY);
    if wanted <= u64::from(capacity) { Ok(()) } else { Err(PlanError::TooManyInstances { wanted, capacity }) }
}

/// There are addresses for all of them, but not beside those who leave.
fn no_address_left(model: &ServiceModel, placed: &Placement) -> PlanError {
    let (wanted, capacity) = (wanted(model), addresses::CAPACITY);
    let count = |role: &Role| usize::try_from(role.instance_count).unwrap_or(usize::MAX);
    let staying: usize = model.roles().iter().map(|role| placed.ordinals(role).len().min(count(role))).sum();
    PlanError::NoAddressLeft { wanted, leaving: placed.instance_count().saturating_sub(staying), capacity }
}

fn plan_role(model: &ServiceModel, id: RoleId, role: &Role, ports: &[LocalPorts]) -> PlannedRole {
    let mut endpoints = Vec::with_capacity(ports.len());
    for ((endpoint_id, endpoint), ports) in role.endpoints_with_ids(id).zip(ports) {
        let (kind, protocol, public_port) = match &endpoint.kind {
            DeclaredKind::Input(input) => {
                (EndpointKind::Input, input.protocol.into(), Some(input.port.get()))
            }
            DeclaredKind::InstanceInput(input) => (EndpointKind::InstanceInput, input.transport.into(), None),
            DeclaredKind::Internal(internal) => (EndpointKind::Internal, internal.protocol.into(), None),
        };
        endpoints.push(RoleEndpoint {
            name: endpoint.name.to_string(),
            kind,
            protocol,
            port: ports.first(),
            port_max: ports.last(),
            ranges: ports.ascending(),
            public_port,
            reach: reach(model, endpoint_id, &endpoint.kind),
            span: endpoint.span.clone(),
        });
    }
    let settings = role.settings.iter().map(|(name, value)| (name.to_string(), value.clone()));
    PlannedRole {
        sites: sites(role, &endpoints),
        name: role.name.clone(),
        kind: role.kind,
        vm_size: role.vm_size,
        entry: role.entry_point.clone(),
        startup_tasks: role.startup_tasks.clone(),
        environment: role.environment.clone(),
        contents: role.contents.clone(),
        settings: settings.collect(),
        local_resources: role.local_resources.clone(),
        certificates: role.certificates.clone(),
        endpoints,
        discoverable: role.is_discoverable(),
        span: role.span.clone(),
    }
}

/// The role's endpoints as the instance with this ordinal has them.
fn instance_endpoints(role: &Role, planned: &PlannedRole, ordinal: u32) -> Vec<PlannedEndpoint> {
    let of_instance = |(declared, endpoint): (&Endpoint, &RoleEndpoint)| PlannedEndpoint {
        name: endpoint.name.clone(),
        kind: endpoint.kind,
        protocol: endpoint.protocol,
        port: endpoint.port,
        port_max: endpoint.port_max,
        public_port: match &declared.kind {
            DeclaredKind::InstanceInput(input) => {
                nth_port(input.public_ports.first(), ordinal).map(Port::get)
            }
            DeclaredKind::Input(_) | DeclaredKind::Internal(_) => endpoint.public_port,
        },
    };
    role.endpoints.iter().zip(&planned.endpoints).map(of_instance).collect()
}

/// The public ports of a role: one for each input endpoint, one for each instance and instance input endpoint.
fn public_ports(
    model: &ServiceModel,
    role: &Role,
    planned: &PlannedRole,
    ordinals: &BTreeSet<u32>,
) -> Result<Vec<PublicPort>, PlanError> {
    let mut public = Vec::new();
    for (declared, endpoint) in role.endpoints.iter().zip(&planned.endpoints) {
        let Some(local_port) = Port::new(endpoint.port) else { continue };
        let public_port = |port, transport| PublicPort {
            port,
            transport,
            role: role.name.clone(),
            endpoint: endpoint.name.clone(),
            protocol: endpoint.protocol,
            certificate: None,
            local_port,
            instance: None,
            availability: Availability::Ready,
            distribution: Distribution::default(),
            idle_timeout: None,
        };
        match &declared.kind {
            DeclaredKind::Internal(_) => {}
            DeclaredKind::Input(input) => public.push(PublicPort {
                certificate: input.certificate.clone(),
                availability: availability(model, input, local_port),
                distribution: input.distribution,
                idle_timeout: idle_timeout(input.idle_timeout_minutes),
                ..public_port(input.port, input.protocol.transport())
            }),
            DeclaredKind::InstanceInput(input) => {
                for ordinal in ordinals {
                    let instance = InstanceId::new(&role.name, *ordinal);
                    let port = instance_port(input.public_ports, &instance, *ordinal, endpoint)?;
                    public.push(PublicPort {
                        instance: Some(instance),
                        idle_timeout: idle_timeout(input.idle_timeout_minutes),
                        ..public_port(port, input.transport)
                    });
                }
            }
        }
    }
    Ok(public)
}

/// The port of an instance in the range of an instance input endpoint. The model has checked that the range is as long as the role
/// has instances; an instance may have a higher number than that.
fn instance_port(
    range: PortRange,
    instance: &InstanceId,
    ordinal: u32,
    endpoint: &RoleEndpoint,
) -> Result<Port, PlanError> {
    let port = nth_port(range.first(), ordinal).filter(|port| *port <= range.last());
    port.ok_or_else(|| PlanError::NoPublicPort {
        instance: instance.clone(),
        endpoint: endpoint.name.clone(),
        ports: range.width(),
    })
}

/// A probe replaces the status of the instances, so that there is nothing left to ignore.
fn availability(model: &ServiceModel, input: &InputEndpoint, local_port: Port) -> Availability {
    match input.probe.and_then(|id| model.probe(id)) {
        Some(probe) => Availability::Probed(PlannedProbe {
            name: probe.name.to_string(),
            check: probe.check.clone(),
            port: probe.port.unwrap_or(local_port),
            interval: Duration::from_secs(probe.interval_seconds.into()),
            timeout: Duration::from_secs(probe.timeout_seconds.into()),
        }),
        None if input.ignore_role_instance_status => Availability::Running,
        None => Availability::Ready,
    }
}

fn idle_timeout(minutes: Option<NonZeroU32>) -> Option<Duration> {
    minutes.map(|minutes| Duration::from_secs(u64::from(minutes.get()).saturating_mul(60)))
}

fn nth_port(first: Port, offset: u32) -> Option<Port> {
    Port::new(first.get().checked_add(u16::try_from(offset).ok()?)?)
}
