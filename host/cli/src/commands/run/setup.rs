//! What `run` makes of its arguments.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use wasm_roles_controller::Sources;
use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::{CertificateOptions, Clock, DeploymentOptions, WebOptions};

use super::seed;
use crate::arguments::{LimitArguments, ReadingArguments, RunArguments};
use crate::failure::Failure;
use crate::service_files::ServiceFiles;
use crate::signals::StopSignals;
use crate::watch::Watch;

/// What the plan was made from, so that others can change it.
pub fn sources(reading: &ReadingArguments, limits: &LimitArguments, files: &ServiceFiles) -> Sources {
    Sources {
        definition: files.definition.clone(),
        configuration: files.configuration.clone(),
        overlays: reading.overlays.as_slice().to_vec(),
        options: reading.options(),
        limits: limits.overrides(),
        confined_to: None,
    }
}

/// Where components lie.
pub fn approots(arguments: &RunArguments, files: &ServiceFiles) -> Approots {
    let mut approots = Approots::beside(&files.folder);
    for (role, folder) in &arguments.roles.approot {
        approots.name(role.clone(), folder);
    }
    approots
}

/// Builds what has changed, and begins to watch; none when somebody has interrupted it.
pub async fn built(
    files: &ServiceFiles,
    arguments: &RunArguments,
    signals: &mut StopSignals,
) -> Result<Option<Watch>, Failure> {
    let mut watch = Watch::open(files, &arguments.service.reading, &arguments.roles.approot)?;
    tokio::select! {
        biased;
        () = signals.next() => return Ok(None),
        built = watch.build_all() => built?,
    }
    Ok(Some(watch))
}

/// How the deployment is run.
pub fn options(
    arguments: &RunArguments,
    files: &ServiceFiles,
    certificates: CertificateOptions,
    data_folder: PathBuf,
) -> DeploymentOptions {
    DeploymentOptions {
        approots: approots(arguments, files),
        publication: arguments.publication.publication(),
        certificates,
        at_rest: BTreeSet::new(),
        stop_budget: Duration::from_secs(arguments.stop_timeout),
        web: WebOptions::default()
            .with_instances(arguments.roles.web_instances.into())
            .with_access_log(arguments.roles.access_log.map(Into::into)),
        data_folder,
        emulated: true,
        clock: Clock::new(SystemTime::now()),
        seed: seed(arguments.seed),
    }
}
