//! A model as text, for golden files.

use std::fmt::Write;

use wasm_roles_service_model::{Admission, EndpointKind, Role, RoleId, ServiceModel};

/// Every value of the model that a plan could depend on.
pub fn describe(model: &ServiceModel) -> String {
    let mut text = String::new();
    let (domains, discovery) = (model.upgrade_domain_count(), model.topology_change_discovery());
    writeln!(text, "service {}, {domains} upgrade domains, {discovery:?}", model.name()).unwrap();
    for (id, role) in model.roles_with_ids() {
        describe_role(&mut text, model, id, role);
    }
    text
}

fn describe_role(text: &mut String, model: &ServiceModel, id: RoleId, role: &Role) {
    writeln!(text, "{:?} role {}: {} x {}", role.kind, role.name, role.instance_count, role.vm_size).unwrap();
    writeln!(text, "  entry point {:?}", role.entry_point).unwrap();
    for (name, value) in &role.settings {
        writeln!(text, "  setting {name} = {value:?}").unwrap();
    }
    for store in &role.local_resources {
        let kept = if store.clean_on_recycle { "cleaned" } else { "kept" };
        writeln!(text, "  local store {}: {} MB, {kept} on recycle", store.name, store.size_mb).unwrap();
    }
    for (endpoint_id, endpoint) in role.endpoints_with_ids(id) {
        writeln!(text, "  endpoint {} at {}: {:?}", endpoint.name, endpoint.span, endpoint.kind).unwrap();
        if !matches!(endpoint.kind, EndpointKind::Internal(_)) {
            continue;
        }
        match model.admission(endpoint_id) {
            Admission::Everyone => writeln!(text, "    open to every role").unwrap(),
            Admission::Only { roles, rules } => {
                let names: Vec<&str> =
                    roles.iter().map(|id| model.role(*id).unwrap().name.as_str()).collect();
                let lines: Vec<String> = rules.iter().map(|rule| rule.span.line.to_string()).collect();
                writeln!(text, "    open to [{}] by line {}", names.join(", "), lines.join(", ")).unwrap();
            }
        }
    }
    for site in &role.sites {
        for binding in &site.bindings {
            let endpoint = &model.endpoint(binding.endpoint).unwrap().name;
            writeln!(text, "  site {} on {endpoint} as {}", site.name, binding.name).unwrap();
        }
    }
}
