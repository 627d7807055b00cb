//! What the double says where a component would ask the fabric.

use super::environment::{current, is_installed};
use crate::{LocalResource, RoleInfo, RoleInstance};

pub(crate) fn is_available() -> bool {
    is_installed()
}

pub(crate) fn deployment_id() -> String {
    current("RoleEnvironment::deployment_id").view.borrow().deployment_id.clone()
}

pub(crate) fn is_emulated() -> bool {
    current("RoleEnvironment::is_emulated").view.borrow().emulated
}

pub(crate) fn current_instance() -> RoleInstance {
    current("RoleEnvironment::current_instance").view.borrow().current()
}

pub(crate) fn roles() -> Vec<RoleInfo> {
    current("RoleEnvironment::roles").view.borrow().visible()
}

pub(crate) fn setting(name: &str) -> Option<String> {
    current("RoleEnvironment::setting").view.borrow().settings.get(name).cloned()
}

pub(crate) fn local_resource(name: &str) -> Option<LocalResource> {
    let double = current("RoleEnvironment::local_resource");
    let view = double.view.borrow();
    view.local_resources.iter().find(|resource| resource.name == name).cloned()
}

pub(crate) fn request_recycle() {
    let double = current("RoleEnvironment::request_recycle");
    double.recycle_requests.set(double.recycle_requests.get().saturating_add(1));
}
