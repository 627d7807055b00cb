//! A plan for people: tables of its roles, instances, public ports and traffic, and of what the command line changed.

use std::collections::BTreeMap;

use wasm_roles_fabric::virtual_network::HostRules;
use wasm_roles_service_model::AppliedOverlay;
use wasm_roles_service_plan::{
    LimitName, Plan, PlannedBinding, PlannedInstance, PlannedPlace, PlannedRole, PlannedSite, Publish,
    RoleKind, RoleName, TrafficEntry,
};

use super::clean::clean;
use super::columns::{aligned, listed};
use super::table;

/// All tables; those without a row are left out.
pub fn tables(
    plan: &Plan,
    publish: &Publish<'_>,
    rules: &HostRules,
    configuration: Option<&str>,
    overlays: &[AppliedOverlay],
) -> String {
    let configuration =
        configuration.map_or("no configuration".to_owned(), |file| format!("configuration {file}"));
    let title =
        format!("{}\n", clean(format!("Service {}, {configuration}", plan.service).as_bytes(), false));
    let mut parts = vec![title, roles(plan), limits(plan), instances(plan)];
    parts.retain(|part| !part.is_empty());
    if !plan.public.is_empty() {
        parts.push(table::public_ports(plan.public.iter().map(|public| (public, publish(public)))));
    }
    if plan.roles.iter().any(|role| !role.sites.is_empty()) {
        parts.push(sites(plan));
    }
    if plan.traffic().next().is_some() {
        let heading = ["FROM", "TO", "ENDPOINT", "TRAFFIC", "LINE", "BECAUSE"].map(str::to_owned);
        parts.push(aligned(heading, plan.traffic().map(|entry| traffic_row(&entry))));
    }
    let outbound: Vec<[String; 2]> = plan.roles.iter().flat_map(|role| outbound_rows(role, rules)).collect();
    if !outbound.is_empty() {
        parts.push(aligned(["FROM", "ALLOWED OUTSIDE"].map(str::to_owned), outbound.into_iter()));
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
    let heading = ["ROLE", "KIND", "INSTANCES", "LOCAL STORES"].map(str::to_owned);
    let of_role = |role: &PlannedRole| instances.get(&role.name).map(Vec::as_slice).unwrap_or_default();
    aligned(heading, plan.roles.iter().map(|role| role_row(role, of_role(role))))
}

fn role_row(role: &PlannedRole, instances: &[&PlannedInstance]) -> [String; 4] {
    let kind = match role.kind {
        RoleKind::Web => "web",
        RoleKind::Worker => "worker",
    };
    let stores = role.local_resources.iter().map(|store| {
        let cleaned = if store.clean_on_recycle { ", cleaned" } else { "" };
        format!("{} ({} MB{cleaned})", store.name, store.size_mb)
    });
    [role.name.to_string(), kind.to_owned(), instances.len().to_string(), listed(stores)]
}

/// What each instance of a role may use; nothing without an instance.
fn limits(plan: &Plan) -> String {
    let mut rows = Vec::new();
    for role in &plan.roles {
        if let Some(instance) = plan.instances.iter().find(|instance| instance.role == role.name) {
            let mut row = std::iter::once(role.name.to_string())
                .chain(LimitName::ALL.map(|name| name.in_words(instance.limits.get(name))));
            rows.push(std::array::from_fn(|_| row.next().unwrap_or_default()));
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let heading: [&str; 9] = [
        "LIMITS OF EACH INSTANCE",
        "MEMORY",
        "CPU WEIGHT",
        "DISK",
        "SOCKETS",
        "HOST SOCKETS",
        "RESOURCES",
        "TABLES",
        "LOG RATE",
    ];
    aligned(heading.map(str::to_owned), rows.into_iter())
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

/// Each site, and below it what stands on paths of its own.
fn sites(plan: &Plan) -> String {
    let heading = ["SITE", "ROLE", "PATH", "ANSWERS ON", "FILES FROM"].map(str::to_owned);
    let rows = plan.roles.iter().flat_map(|role| role.sites.iter().map(move |site| (role, site)));
    aligned(heading, rows.flat_map(|(role, site)| site_rows(role, site)))
}

fn site_rows(role: &PlannedRole, site: &PlannedSite) -> Vec<[String; 5]> {
    let binding = |binding: &PlannedBinding| match &binding.host {
        Some(host) => format!("{} for {host}", binding.endpoint),
        None => binding.endpoint.clone(),
    };
    let row = |(path, place): (String, &PlannedPlace)| {
        let answers_on = match path.as_str() {
            "/" => listed(site.bindings.iter().map(binding)),
            _ => String::new(),
        };
        let files = place.physical_directory.clone().unwrap_or("-".to_owned());
        [site.name.clone(), role.name.to_string(), path, answers_on, files]
    };
    site.root.all().into_iter().map(row).collect()
}

/// Where the host lets a role out.
fn outbound_rows(role: &PlannedRole, rules: &HostRules) -> impl Iterator<Item = [String; 2]> {
    rules.of_role(role.name.as_str()).map(|rule| [role.name.to_string(), rule.to_string()])
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
