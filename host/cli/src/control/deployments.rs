//! Which deployment is meant when none was named: the only one.

use std::collections::BTreeSet;

use wasm_roles_control_interface::{Client, DeploymentRef, ServiceName};

use crate::failure::Failure;

/// The deployment that was named, or the only one that there is.
pub async fn only_deployment(
    client: &Client,
    named: Option<&DeploymentRef>,
) -> Result<DeploymentRef, Failure> {
    match named {
        Some(named) => Ok(named.clone()),
        None => only("deployment", all(client).await?),
    }
}

/// The service that was named, or the only one that there is.
pub async fn only_service(client: &Client, named: Option<&ServiceName>) -> Result<ServiceName, Failure> {
    match named {
        Some(named) => Ok(named.clone()),
        None => {
            only("service", all(client).await?.into_iter().map(|deployment| deployment.service).collect())
        }
    }
}

async fn all(client: &Client) -> Result<BTreeSet<DeploymentRef>, Failure> {
    let list = client.services().await?;
    Ok(list.deployments.into_iter().map(|summary| summary.deployment).collect())
}

fn only<T: ToString + Ord>(what: &str, mut all: BTreeSet<T>) -> Result<T, Failure> {
    match (all.pop_first(), all.len()) {
        (Some(only), 0) => Ok(only),
        (None, _) => Err(Failure::with_hint(
            format!("the host has no {what}"),
            "deploy a service with `wasm-roles deploy CSDEF`",
        )),
        (Some(first), others) => {
            let names: Vec<String> =
                std::iter::once(first.to_string()).chain(all.iter().map(ToString::to_string)).collect();
            Err(Failure::of_arguments(
                format!("the host has {} {what}s, and none of them was named", others.saturating_add(1)),
                Some(format!("name one of them: {}", names.join(", "))),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_needs_no_name() {
        assert_eq!(only("service", BTreeSet::from(["shop"])).unwrap(), "shop");
        let none = only("service", BTreeSet::<String>::new()).unwrap_err().to_string();
        assert!(none.contains("has no service"), "{none}");
        let several = only("service", BTreeSet::from(["shop", "blog"])).unwrap_err().to_string();
        assert!(several.contains("has 2 services") && several.contains("blog, shop"), "{several}");
    }
}
