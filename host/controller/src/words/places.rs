//! Places of the host, which are nobody's business who asks: a file of a package is named as in the package, any other one from
//! the tenant's folder on.

use std::path::Path;

use serde_json::Value;
use wasm_roles_control_interface::{DeploymentList, DeploymentStatus, Detail, HostInfo, Operation, Refusal};

use crate::record::folders::TENANTS;

/// The data folder, as it can stand in words.
#[derive(Debug)]
pub(crate) struct Places(Vec<String>);

impl Places {
    /// Of a host with this data folder. It blocks, for a moment.
    pub(crate) fn of(data_dir: Option<&Path>) -> Self {
        let known = data_dir.into_iter().flat_map(|given| {
            let whole = std::fs::canonicalize(given).ok();
            [Some(given.to_owned()), whole].into_iter().flatten()
        });
        let mut known: Vec<String> =
            known.map(|known| format!("{}/", known.join(TENANTS).display())).collect();
        // The longer one has the shorter one in it, when that is relative.
        known.sort_by_key(|known| std::cmp::Reverse(known.len()));
        known.dedup();
        Self(known)
    }

    /// Words without places of the host.
    pub(crate) fn hidden_in(&self, words: &mut String) {
        for known in &self.0 {
            while let Some(at) = words.find(known.as_str()) {
                let rest = words.get(at + known.len()..).unwrap_or_default();
                let shown = in_package(rest).or_else(|| rest.split_once('/').map(|(_, below)| below));
                let shown = shown.unwrap_or(rest).to_owned();
                words.truncate(at);
                words.push_str(&shown);
            }
        }
    }

    /// The same, wherever words are.
    pub(crate) fn hidden_in_value(&self, value: &mut Value) {
        match value {
            Value::String(words) => self.hidden_in(words),
            Value::Array(values) => values.iter_mut().for_each(|value| self.hidden_in_value(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.hidden_in_value(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    pub(crate) fn refusal(&self, mut refusal: Refusal) -> Refusal {
        self.hide(&mut refusal);
        refusal
    }

    pub(crate) fn operation(&self, mut operation: Operation) -> Operation {
        self.hidden_in(&mut operation.message);
        operation.failure.as_mut().into_iter().for_each(|failure| self.hide(failure));
        operation
    }

    pub(crate) fn status(&self, mut status: DeploymentStatus) -> DeploymentStatus {
        status.operations =
            status.operations.into_iter().map(|operation| self.operation(operation)).collect();
        status.summary.operation = status.summary.operation.map(|operation| self.operation(operation));
        status.problems.iter_mut().for_each(|problem| self.detail(problem));
        for instance in &mut status.instances {
            instance
                .reason
                .iter_mut()
                .chain(&mut instance.last_words)
                .for_each(|words| self.hidden_in(words));
        }
        status
    }

    pub(crate) fn services(&self, mut list: DeploymentList) -> DeploymentList {
        for summary in &mut list.deployments {
            summary.operation = summary.operation.take().map(|operation| self.operation(operation));
        }
        list
    }

    pub(crate) fn host(&self, mut host: HostInfo) -> HostInfo {
        host.problems.iter_mut().for_each(|problem| self.detail(problem));
        host
    }

    fn hide(&self, refusal: &mut Refusal) {
        self.hidden_in(&mut refusal.message);
        refusal.hint.as_mut().into_iter().for_each(|hint| self.hidden_in(hint));
        refusal.details.iter_mut().for_each(|detail| self.detail(detail));
    }

    fn detail(&self, detail: &mut Detail) {
        self.hidden_in(&mut detail.message);
        for words in [&mut detail.subject, &mut detail.hint].into_iter().flatten() {
            self.hidden_in(words);
        }
    }
}

/// What comes after the number of a package, in words that begin with a path of one.
fn in_package(words: &str) -> Option<&str> {
    let path = words.split([' ', '`', '"', '\'']).next()?;
    let (before, inside) = path.split_once("/revisions/")?;
    let (number, _) = inside.split_once('/')?;
    words.get(before.len() + "/revisions/".len() + number.len() + 1..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_as_the_tenant_knows_them() {
        let places = Places::of(Some(Path::new("/var/lib/wasm-roles")));
        for (words, shown) in [
            (
                "the component /var/lib/wasm-roles/tenants/acme/services/shop/deployments/0f/revisions/12/service/Web/Web.wasm is none",
                "the component service/Web/Web.wasm is none",
            ),
            (
                "`/var/lib/wasm-roles/tenants/acme/services/shop/service.json` and `/var/lib/wasm-roles/tenants/acme/x`",
                "`services/shop/service.json` and `x`",
            ),
            ("/var/lib/other/tenants/acme/x", "/var/lib/other/tenants/acme/x"),
            ("nothing of it", "nothing of it"),
        ] {
            let mut words = words.to_owned();
            places.hidden_in(&mut words);
            assert_eq!(words, shown);
        }
    }

    #[test]
    fn a_folder_is_known_by_both_of_its_names() {
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("link");
        std::fs::create_dir(place.path().join("real")).unwrap();
        std::os::unix::fs::symlink("real", &link).unwrap();
        let whole = std::fs::canonicalize(&link).unwrap();
        let places = Places::of(Some(&link));
        let mut words = format!("{}/tenants/a/x {}/tenants/a/y", link.display(), whole.display());
        places.hidden_in(&mut words);
        assert_eq!(words, "x y");
    }
}
