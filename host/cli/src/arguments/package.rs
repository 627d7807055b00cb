//! What is packed for a host, and how it is to be run there: the arguments that `deploy` and `upgrade` share.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use wasm_roles_control_interface::package::{
    AccessLogOption, DeployOptions, OutboundOption, PolicyOption, TlsOption, WebInstancesOption,
};
use wasm_roles_service_plan::{Plan, Port};

use super::certificates::TlsArgument;
use super::outbound::Policy;
use super::publication::parse_publish;
use super::roles::{AccessLogFormat, WebInstances};
use super::{GrantArguments, LimitArguments, OutboundArguments, RoleArguments, ServiceArguments};
use crate::failure::Failure;
use crate::host_policy::granted;

// No doc comment: clap would print it in the place of the command's own words.
#[derive(Debug, Args)]
pub struct PackageArguments {
    #[command(flatten)]
    pub service: ServiceArguments,

    /// Let a public port listen elsewhere, for example 80=127.0.0.1:8080; may be given several times
    #[arg(long, value_name = "PUBLIC=ADDR:PORT", value_parser = parse_publish)]
    pub publish: Vec<(Port, SocketAddr)>,

    /// The address that the other public ports listen on [default: the host's own choice]
    #[arg(long, value_name = "ADDR")]
    pub bind: Option<IpAddr>,

    /// The folder with the certificates that the configuration names by thumbprint: PEM files, each with the private key
    /// in it or in a file of the same stem. They are sent to the host
    #[arg(long, value_name = "DIR")]
    pub certificates: Option<PathBuf>,

    /// Make self-signed certificates for https endpoints whose own are not in the folder of --certificates
    #[arg(long)]
    pub dev_certificates: bool,

    /// Where TLS of https endpoints ends; without it at the host if the certificate is there, otherwise in the role
    #[arg(long, value_name = "WHERE", value_enum)]
    pub tls: Option<TlsArgument>,

    #[command(flatten)]
    pub outbound: OutboundArguments,

    #[command(flatten)]
    pub limits: LimitArguments,

    #[command(flatten)]
    pub roles: RoleArguments,

    /// How long an instance may take to stop before it is cut off [default: the host's own choice]
    #[arg(long, value_name = "SECONDS")]
    pub stop_timeout: Option<u64>,
}

impl PackageArguments {
    /// As the manifest has them. Reads the host policy, if one is named.
    pub fn options(&self, plan: &Plan) -> Result<DeployOptions, Failure> {
        Ok(DeployOptions {
            strict: self.service.reading.is_strict(),
            limits: self.service.reading.platform_limits(),
            overlays: self.service.reading.overlays.as_typed(),
            publish: self.publish.iter().map(|(port, at)| (port.get(), *at)).collect(),
            bind: self.bind,
            outbound: outbound(&self.outbound.grants, plan)?,
            policy: match self.outbound.policy {
                Policy::Enforce => PolicyOption::Enforce,
                Policy::Log => PolicyOption::Log,
            },
            resource_limits: self.limits.as_typed().map(str::to_owned).collect(),
            tls: self.tls.map(|tls| match tls {
                TlsArgument::End => TlsOption::End,
                TlsArgument::Pass => TlsOption::Pass,
            }),
            development_certificates: self.dev_certificates,
            web_instances: match self.roles.web_instances {
                WebInstances::PerRequest => WebInstancesOption::PerRequest,
                WebInstances::Shared => WebInstancesOption::Shared,
            },
            access_log: self.roles.access_log.map(|format| match format {
                AccessLogFormat::Combined => AccessLogOption::Combined,
                AccessLogFormat::Json => AccessLogOption::Json,
            }),
            stop_seconds: self.stop_timeout,
        })
    }
}

/// What flags grant to everybody, and what a file grants, by role.
fn outbound(grants: &GrantArguments, plan: &Plan) -> Result<Vec<OutboundOption>, Failure> {
    let to_all =
        grants.allow_outbound.iter().map(|rule| OutboundOption { role: None, allow: rule.to_string() });
    let mut all: Vec<OutboundOption> = to_all.collect();
    if grants.host_policy.is_some() {
        let of_file = granted(&GrantArguments { allow_outbound: Vec::new(), ..grants.clone() }, plan)?;
        for role in &plan.roles {
            let name = role.name.as_str();
            all.extend(
                of_file
                    .of_role(name)
                    .map(|rule| OutboundOption { role: Some(name.to_owned()), allow: rule.to_string() }),
            );
        }
    }
    Ok(all)
}
