//! How a package is run: the options of its deployment.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use wasm_roles_control_interface::package::{
    AccessLogOption, DeployOptions, PolicyOption, TlsOption, WebInstancesOption,
};
use wasm_roles_control_interface::{Detail, Refusal, RefusalCode, Slot};
use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::certificates::development;
use wasm_roles_fabric::upgrade::Upgrade;
use wasm_roles_fabric::virtual_network::{HostRules, PolicyMode};
use wasm_roles_fabric::{
    AccessLogFormat, CertificateFolder, CertificateOptions, Clock, DeploymentOptions,
    DevelopmentCertificates, Problem, Publication, Seed, StartError, Tls, WebInstances, WebOptions,
};
use wasm_roles_service_plan::{InstanceId, Limits, Plan, Port, PublicPort, RoleName, Transport};

use crate::package::Package;
use crate::record::Places;
use crate::tenants::{Caps, Ports};

/// What packages do not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// The address that public ports listen on. Default: 127.0.0.1.
    pub bind: IpAddr,
    /// How long an instance may take to stop. Default: 30 seconds.
    pub stop_budget: Duration,
    /// The longest that a package may ask for. Default: an hour.
    pub longest_stop_budget: Duration,
    /// Which ports of the machine public ports get that their definition names and nobody else. Default: all; for those that are
    /// not among them the operating system chooses.
    pub ports: Ports,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            bind: Publication::default().bind,
            stop_budget: wasm_roles_fabric::DEFAULT_STOP_BUDGET,
            longest_stop_budget: Duration::from_secs(60 * 60),
            ports: Ports::Any,
        }
    }
}

/// What is the deployment's own, whatever its package says.
pub(crate) struct Place {
    pub(crate) data_folder: PathBuf,
    pub(crate) slot: Slot,
    /// Where the slot's public ports were before.
    pub(crate) published: Places,
    /// Instances that were stopped by order.
    pub(crate) at_rest: BTreeSet<InstanceId>,
    pub(crate) clock: Clock,
    pub(crate) seed: Seed,
}

/// The folders of the roles' components.
fn approots(package: &Package) -> Result<Approots, Refusal> {
    let mut approots = Approots::beside(package.definition_folder());
    for (role, folder) in &package.manifest().approots {
        let role = RoleName::new(role).map_err(|error| {
            let message =
                format!("the package names a folder for the role `{}`: {error}", role.escape_debug());
            Refusal::new(RefusalCode::BadPackage, message)
        })?;
        approots.name(role, package.path(folder));
    }
    Ok(approots)
}

/// Where public ports listen: where the slot's ports were, then where the package wants them, then the usual place. That is a port
/// that the operating system chooses for staging, whose definition has the ports of production, and where the tenant may not have
/// the port of the definition.
pub(crate) fn publication(
    plan: &Plan,
    options: &DeployOptions,
    defaults: &Defaults,
    slot: Slot,
    published: &Places,
) -> Publication {
    let bind = options.bind.unwrap_or(defaults.bind);
    let place = |public: &PublicPort| {
        let number = public.port.get();
        let known = published.of(public).or_else(|| options.publish.get(&number).copied());
        match slot {
            Slot::Production if defaults.ports.admits(number) => known,
            Slot::Production => known.or(Some(SocketAddr::new(bind, 0))),
            Slot::Staging => known.or(Some(SocketAddr::new(bind, 0))),
        }
    };
    let places = |transport: Transport| -> BTreeMap<Port, SocketAddr> {
        let of_transport = plan.public.iter().filter(|public| public.transport == transport);
        of_transport.filter_map(|public| Some((public.port, place(public)?))).collect()
    };
    Publication { bind, at: places(Transport::Tcp), udp: places(Transport::Udp) }
}

/// The package's publish options that name no public port.
pub(crate) fn unknown_ports(plan: &Plan, options: &DeployOptions) -> Option<Refusal> {
    let known: BTreeSet<u16> = plan.public.iter().map(|public| public.port.get()).collect();
    let unknown: Vec<Detail> = options
        .publish
        .keys()
        .filter(|port| !known.contains(port))
        .map(|port| {
            Detail::new(format!("there is no public port {port} to publish")).subject(port.to_string())
        })
        .collect();
    if unknown.is_empty() {
        return None;
    }
    let known: Vec<String> = known.iter().map(ToString::to_string).collect();
    let hint = match known.as_slice() {
        [] => "the definition has no public ports".to_owned(),
        known => format!("the definition has the public ports {}", known.join(", ")),
    };
    let refusal = Refusal::new(RefusalCode::BadRequest, "there is no such public port to publish");
    Some(refusal.hint(hint).details(unknown))
}

/// Whether a package may ask for what it asks for.
///
/// # Errors
///
/// [`RefusalCode::Forbidden`].
pub(crate) fn may_ask(
    plan: &Plan,
    options: &DeployOptions,
    caps: &Caps,
    defaults: &Defaults,
) -> Result<(), Refusal> {
    let asks = !options.outbound.is_empty() || options.policy != PolicyOption::Enforce;
    if asks && !caps.outbound {
        let message = "the package asks for ways to the world outside, or for a policy that only logs, and this tenant may not";
        let refusal = Refusal::new(RefusalCode::Forbidden, message);
        return Err(refusal.hint("leave the options out, or ask the host's owner"));
    }
    may_listen(options, caps.ports, defaults.bind)?;
    if caps.raised_limits { Ok(()) } else { raises_nothing(plan) }
}

/// Whether a package may have its public ports where it wants them: another tenant's port, or an address that the owner of the host
/// has not opened, is not its own to take.
fn may_listen(options: &DeployOptions, ports: Ports, bind: IpAddr) -> Result<(), Refusal> {
    if ports == Ports::Any {
        return Ok(());
    }
    let addresses = options.bind.into_iter().chain(options.publish.values().map(SocketAddr::ip));
    let elsewhere = addresses.into_iter().find(|address| *address != bind);
    let taken = options.publish.values().map(SocketAddr::port).find(|port| !ports.admits(*port));
    let message = match (elsewhere, taken) {
        (None, None) => return Ok(()),
        (Some(address), _) => format!(
            "the package wants public ports on {address}, and {bind} is the address of this host's tenants"
        ),
        (None, Some(port)) => {
            format!("the package wants port {port} of the host, and this tenant may have: {ports}")
        }
    };
    let refusal = Refusal::new(RefusalCode::Forbidden, message);
    Err(refusal.hint("publish at another place, such as port 0, or ask the host's owner"))
}

/// Whether instances have no more than machines of their sizes, but for memory, which has a cap of its own.
fn raises_nothing(plan: &Plan) -> Result<(), Refusal> {
    for instance in &plan.instances {
        let Some(role) = plan.role(&instance.role) else { continue };
        let (has, may) = (instance.limits, Limits::from(role.vm_size));
        let limits = [
            ("cpu", u64::from(has.cpu_weight), u64::from(may.cpu_weight)),
            ("disk", has.disk_bytes, may.disk_bytes),
            ("sockets", u64::from(has.sockets), u64::from(may.sockets)),
            ("host-sockets", u64::from(has.host_sockets), u64::from(may.host_sockets)),
            ("resources", u64::from(has.resources), u64::from(may.resources)),
            ("tables", u64::from(has.table_elements), u64::from(may.table_elements)),
            ("log-rate", has.log_bytes_per_second, may.log_bytes_per_second),
        ];
        if let Some((name, has, may)) = limits.into_iter().find(|(_, has, may)| has > may) {
            let message = format!(
                "the package sets the limit {name} of role {} to {has}, and this tenant may not have more than its size's: {may}",
                role.name
            );
            let refusal = Refusal::new(RefusalCode::Forbidden, message);
            return Err(refusal.hint("choose a larger vmsize, or ask the host's owner"));
        }
    }
    Ok(())
}

/// What holds for a request: the owner of the host may give a tenant's package what the tenant may not.
pub(crate) const fn caps_of(caps: Caps, owner: bool) -> Caps {
    if owner { Caps { outbound: true, ports: Ports::Any, raised_limits: true, ..caps } } else { caps }
}

/// What its roles may do outside.
///
/// # Errors
///
/// What is no rule.
pub(crate) fn host_rules(options: &DeployOptions) -> Result<HostRules, Refusal> {
    let mut rules = HostRules::default();
    for option in &options.outbound {
        let rule = option.allow.parse().map_err(|error| {
            let message = format!("`{}` is no place outside: {error}", option.allow.escape_debug());
            Refusal::new(RefusalCode::BadRequest, message).hint(
                "name a host with a port (`example.com:443`), or a range of addresses (`10.20.0.0/16:5432`)",
            )
        })?;
        match &option.role {
            Some(role) => rules.allow_role(role, rule),
            None => rules.allow(rule),
        }
    }
    rules.mode = match options.policy {
        PolicyOption::Enforce => PolicyMode::Enforce,
        PolicyOption::Log => PolicyMode::Log,
    };
    Ok(rules)
}

/// What either allows: for the time in which instances of both run.
pub(crate) fn either(before: &HostRules, after: &HostRules) -> HostRules {
    let mut both = before.clone();
    // No role has an empty name: these are everybody's.
    after.of_role("").for_each(|rule| both.allow(rule.clone()));
    for role in after.roles() {
        after.of_role(role).for_each(|rule| both.allow_role(role, rule.clone()));
    }
    if after.mode == PolicyMode::Log {
        both.mode = PolicyMode::Log;
    }
    both
}

/// All options. It blocks: certificates are read.
pub(crate) fn options(
    plan: &Plan,
    package: &Package,
    defaults: &Defaults,
    place: Place,
) -> Result<DeploymentOptions, Refusal> {
    let asked = &package.manifest().options;
    Ok(DeploymentOptions {
        approots: approots(package)?,
        publication: publication(plan, asked, defaults, place.slot, &place.published),
        certificates: certificates(package, &place.data_folder, place.clock)?,
        stop_budget: stop_budget(asked, defaults)?,
        web: web(asked),
        data_folder: place.data_folder,
        at_rest: place.at_rest,
        emulated: true,
        clock: place.clock,
        seed: place.seed,
    })
}

/// How long instances may take to stop.
///
/// # Errors
///
/// Longer than the host allows.
pub(crate) fn stop_budget(asked: &DeployOptions, defaults: &Defaults) -> Result<Duration, Refusal> {
    let Some(seconds) = asked.stop_seconds else { return Ok(defaults.stop_budget) };
    let budget = Duration::from_secs(seconds);
    if budget > defaults.longest_stop_budget {
        let longest = defaults.longest_stop_budget.as_secs();
        let message = format!(
            "the package gives instances {seconds} s to stop, and {longest} s are all that this host gives"
        );
        let refusal = Refusal::new(RefusalCode::BadRequest, message);
        return Err(refusal.hint(format!("ask for at most {longest} s")));
    }
    Ok(budget)
}

/// How the web servers of web roles work.
fn web(asked: &DeployOptions) -> WebOptions {
    WebOptions::default()
        .with_instances(match asked.web_instances {
            WebInstancesOption::PerRequest => WebInstances::PerRequest,
            WebInstancesOption::Shared => WebInstances::Shared,
        })
        .with_access_log(asked.access_log.map(|format| match format {
            AccessLogOption::Combined => AccessLogFormat::Combined,
            AccessLogOption::Json => AccessLogFormat::Json,
        }))
}

/// What a deployment that runs is upgraded to. It blocks: certificates are read.
pub(crate) fn upgrade(
    plan: &Arc<Plan>,
    package: &Package,
    defaults: &Defaults,
    (data_folder, clock): (&Path, Clock),
) -> Result<Upgrade, Refusal> {
    let asked = &package.manifest().options;
    let mut upgrade = Upgrade::new(Arc::clone(plan), approots(package)?);
    upgrade.certificates = Some(certificates(package, data_folder, clock)?);
    upgrade.stop_budget = Some(stop_budget(asked, defaults)?);
    upgrade.web = Some(web(asked));
    Ok(upgrade)
}

fn certificates(package: &Package, data_folder: &Path, clock: Clock) -> Result<CertificateOptions, Refusal> {
    let manifest = package.manifest();
    let folder = manifest.certificates.as_ref().map(|folder| CertificateFolder::read(package.path(folder)));
    let folder = folder.transpose().map_err(|error| {
        Refusal::new(RefusalCode::BadPackage, format!("the package's certificates cannot be used: {error}"))
    })?;
    let development = manifest.options.development_certificates.then(|| {
        let now = UNIX_EPOCH + clock.wall();
        let kept = data_folder.join(development::FOLDER);
        Arc::new(DevelopmentCertificates::new(now).kept_in(Some(kept)))
    });
    let tls = manifest.options.tls.map(|tls| match tls {
        TlsOption::End => Tls::End,
        TlsOption::Pass => Tls::Pass,
    });
    Ok(CertificateOptions { folder: folder.map(Arc::new), tls, development })
}

/// A problem of the fabric, as a detail.
pub(crate) fn detail(problem: &Problem) -> Detail {
    let detail = Detail::new(problem.to_string());
    match problem.hint() {
        Some(hint) => detail.hint(hint),
        None => detail,
    }
}

/// Why a deployment does not start, with every single problem.
pub(crate) fn cannot_start(what: &str, error: &StartError) -> Refusal {
    let ports_only = error.problems().iter().all(|problem| matches!(problem, Problem::Publish(_)));
    let code = if ports_only { RefusalCode::PortTaken } else { RefusalCode::CannotStart };
    let details = error.problems().iter().map(detail);
    let message = match error.problems() {
        [only] => format!("{what} cannot be started: {only}"),
        several => format!("{what} cannot be started, for {} reasons", several.len()),
    };
    Refusal::new(code, message).details(details)
}
