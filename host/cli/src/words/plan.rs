//! A plan for people: tables of its roles, instances, public ports and traffic, and of what the command line changed.

use std::collections::BTreeMap;

use wasm_roles_service_model::AppliedOverlay;
use wasm_roles_service_plan::{
    Plan, PlannedInstance, PlannedRole, Publish, RoleKind, RoleName, TrafficEntry,
};

use super::clean::clean;
use super::columns::{aligned, listed};
use super::table;

/// All tables; those without a row are left out.
pub fn tables(
    plan: &Plan,
    publish: &Publish<'_>,
    configuration: Option<&str>,
    overlays: &[AppliedOverlay],
) -> String {
    let configuration =
        configuration.map_or("no configuration".to_owned(), |file| format!("configuration {file}"));
    let title =
        format!("{}\n", clean(format!("Service {}, {configuration}", plan.service).as_bytes(), false));
    let mut parts = vec![title, roles(plan), instances(plan)];
    if !plan.public.is_empty() {
        parts.push(table::public_ports(plan.public.iter().map(|public| (public, publish(public)))));
    }
    if plan.traffic().next().is_some() {
        let heading = ["FROM", "TO", "ENDPOINT", "TRAFFIC", "LINE", "BECAUSE"].map(str::to_owned);
        parts.push(aligned(heading, plan.traffic().map(|entry| traffic_row(&entry))));
    }
    if !overlays.is_empty() {
        let heading = ["SET ON THE COMMAND LINE", "VALUE", "BEFORE", "WRITTEN AT"].map(str::to_owned);
        parts.push(aligned(heading, overlays.iter().map(overlay_row)));
    }
    parts.join("\n")
}

fn roles(plan: &Plan) -> String {
    let mut instances: BTreeMap<&RoleName, Vec<&PlannedInstance>> = BTreeMap::new();
    for instance in &plan.instances {
        instances.entry(&instance.role).or_default().push(instance);
    }
    let heading = ["ROLE", "KIND", "INSTANCES", "MEMORY EACH", "CPU WEIGHT", "DISK EACH", "LOCAL STORES"]
        .map(str::to_owned);
    let of_role = |role: &PlannedRole| instances.get(&role.name).map(Vec::as_slice).unwrap_or_default();
    aligned(heading, plan.roles.iter().map(|role| role_row(role, of_role(role))))
}

/// A role. The limits are those of each instance.
fn role_row(role: &PlannedRole, instances: &[&PlannedInstance]) -> [String; 7] {
    let kind = match role.kind {
        RoleKind::Web => "web",
        RoleKind::Worker => "worker",
    };
    let limits = instances.first().map(|instance| instance.limits);
    let of_limits = |text: Option<String>| text.unwrap_or("-".to_owned());
    let stores = role.local_resources.iter().map(|store| {
        let cleaned = if store.clean_on_recycle { ", cleaned" } else { "" };
        format!("{} ({} MB{cleaned})", store.name, store.size_mb)
    });
    [
        role.name.to_string(),
        kind.to_owned(),
        instances.len().to_string(),
        of_limits(limits.map(|limits| mebibytes(limits.memory_bytes))),
        of_limits(limits.map(|limits| limits.cpu_weight.to_string())),
        of_limits(limits.map(|limits| mebibytes(limits.disk_bytes))),
        listed(stores),
    ]
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

fn instances(plan: &Plan) -> String {
    let heading = ["INSTANCE", "ADDRESS", "FAULT DOMAIN", "UPDATE DOMAIN", "ENDPOINTS"].map(str::to_owned);
    let row = |instance: &PlannedInstance| {
        [
            instance.id.to_string(),
            instance.address.to_string(),
            instance.fault_domain.to_string(),
            instance.update_domain.to_string(),
            listed(instance.endpoints.iter().map(table::endpoint)),
        ]
    };
    aligned(heading, plan.instances.iter().map(row))
}

fn traffic_row(entry: &TrafficEntry<'_>) -> [String; 6] {
    [
        entry.from.to_string(),
        entry.to.to_string(),
        entry.endpoint.name.clone(),
        if entry.allowed { "allowed" } else { "denied" }.to_owned(),
        entry.line().map_or("-".to_owned(), |line| line.to_string()),
        entry.because.to_string(),
    ]
}

fn overlay_row(overlay: &AppliedOverlay) -> [String; 4] {
    [
        overlay.target.clone(),
        overlay.value.clone(),
        overlay.was.clone().unwrap_or("-".to_owned()),
        overlay.replaced.as_ref().map_or("-".to_owned(), ToString::to_string),
    ]
}
