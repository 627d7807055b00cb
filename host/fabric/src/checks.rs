//! What is tried before anything of a plan runs.

use std::sync::Arc;

use wasm_roles_service_plan::{Plan, RoleName};

use crate::certificates::{CertificateFolder, Edition, Provision};
use crate::change::ChangeError;
use crate::copies::Copies;
use crate::deployment::DeploymentOptions;
use crate::start_error::{Problem, StartError};
use crate::variables;

/// Finds the certificates that the plan wants.
pub(crate) async fn provide(
    plan: &Arc<Plan>,
    options: &DeploymentOptions,
    edition: Edition,
    copies: &Copies,
) -> Result<Provision, StartError> {
    let (plan, data_folder) = (Arc::clone(plan), options.data_folder.clone());
    let certificates = options.certificates.clone();
    let providing = copies.spawn(move |_| Provision::new(&plan, &certificates, &data_folder, edition)).await;
    let failed = |error: tokio::task::JoinError| {
        let file = options.data_folder.clone();
        StartError::new([Problem::CertificatesNotShown { file, reason: error.to_string() }])
    };
    Ok(providing.map_err(failed)??)
}

/// The same with the certificates that the folder has now. Not even a call that was dropped and still copies may have the same
/// edition.
pub(crate) async fn provide_anew(
    plan: &Arc<Plan>,
    options: &DeploymentOptions,
    edition: Edition,
) -> Result<Provision, ChangeError> {
    let (plan, data_folder) = (Arc::clone(plan), options.data_folder.clone());
    let mut certificates = options.certificates.clone();
    let providing = tokio::task::spawn_blocking(move || -> Result<Provision, ChangeError> {
        if let Some(folder) = &mut certificates.folder {
            *folder = Arc::new(CertificateFolder::read(folder.path())?);
        }
        Ok(Provision::new(&plan, &certificates, &data_folder, edition)?)
    });
    providing.await.map_err(|error| ChangeError::CertificatesNotShown {
        file: options.data_folder.clone(),
        reason: error.to_string(),
    })?
}

/// What can be known without looking at a file. Where ports are published was said for this plan, or for one before it.
pub(crate) fn check(
    plan: &Plan,
    options: &DeploymentOptions,
    publication_is_new: bool,
) -> Result<(), StartError> {
    let is_known = |role: &&RoleName| plan.role(role).is_some();
    let strangers = options.approots.named_roles().filter(|role| !is_known(role));
    let roles = strangers.map(|role| Problem::UnknownRole {
        role: role.clone(),
        known: plan.roles.iter().map(|role| role.name.clone()).collect(),
    });
    let ports = options.publication.unknown(plan).filter(|_| publication_is_new);
    let ports = ports.map(|port| Problem::UnknownPublicPort {
        port,
        known: plan.public.iter().map(|public| public.port).collect(),
    });
    let variables = variables::without_value(plan).into_iter().map(Problem::Variable);
    let problems: Vec<Problem> = roles.chain(ports).chain(variables).collect();
    if problems.is_empty() { Ok(()) } else { Err(StartError::new(problems)) }
}
