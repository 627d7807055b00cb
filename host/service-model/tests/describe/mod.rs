//! A model as text, for golden files.

use std::fmt::Write;

use wasm_roles_service_model::{
    AccessRule, Admission, Certificate, EndpointKind, EnvironmentVariable, GuestSettings, Role, RoleId,
    ServiceModel, Site, VariableValue, VirtualDirectory,
};

/// Every value of the model that a plan could depend on.
pub fn describe(model: &ServiceModel) -> String {
    let mut text = String::new();
    let (domains, discovery) = (model.upgrade_domain_count(), model.topology_change_discovery());
    writeln!(text, "service {}, {domains} upgrade domains, {discovery:?}", model.name()).unwrap();
    for probe in model.probes() {
        let port = probe.port.map_or("the endpoint's port".to_owned(), |port| format!("port {port}"));
        let (every, within) = (probe.interval_seconds, probe.timeout_seconds);
        writeln!(
            text,
            "probe {}: {:?} on {port}, every {every} s, within {within} s",
            probe.name, probe.check
        )
        .unwrap();
    }
    for (id, role) in model.roles_with_ids() {
        describe_role(&mut text, model, id, role);
    }
    describe_network(&mut text, model);
    if *model.guest() != GuestSettings::default() {
        writeln!(text, "{:?}", model.guest()).unwrap();
    }
    text
}

fn describe_role(text: &mut String, model: &ServiceModel, id: RoleId, role: &Role) {
    writeln!(text, "{:?} role {}: {} x {}", role.kind, role.name, role.instance_count, role.vm_size).unwrap();
    writeln!(text, "  entry point {:?}", role.entry_point).unwrap();
    for task in &role.startup_tasks {
        writeln!(text, "  {:?} task {:?} {:?}", task.kind, task.command, task.arguments).unwrap();
        describe_environment(text, "    ", &task.environment);
    }
    describe_environment(text, "  ", &role.environment);
    for content in &role.contents {
        writeln!(text, "  content {:?} from {:?}", content.destination, content.source_directory).unwrap();
    }
    for (name, value) in &role.settings {
        writeln!(text, "  setting {name} = {value:?}").unwrap();
    }
    for import in &role.imports {
        writeln!(text, "  imports {} at {}", import.module, import.span).unwrap();
    }
    if let Some(name) = &role.vm_name {
        writeln!(text, "  machines {name}…").unwrap();
    }
    for certificate in &role.certificates {
        let Certificate { name, store_location, store_name, permission_level, thumbprint, span, .. } =
            certificate;
        let thumbprint = thumbprint.as_ref().map_or("no thumbprint", |thumbprint| thumbprint.as_str());
        writeln!(
            text,
            "  certificate {name} at {span}: {store_location:?}/{store_name} for {permission_level:?}, {thumbprint}"
        )
        .unwrap();
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
        describe_site(text, model, site);
    }
}

fn describe_environment(text: &mut String, indent: &str, environment: &[EnvironmentVariable]) {
    for variable in environment {
        match &variable.value {
            VariableValue::Text(value) => writeln!(text, "{indent}variable {} = {value:?}", variable.name),
            VariableValue::OfInstance(value) => {
                writeln!(text, "{indent}variable {} from {value}", variable.name)
            }
        }
        .unwrap();
    }
}

fn describe_site(text: &mut String, model: &ServiceModel, site: &Site) {
    if let Some(directory) = &site.physical_directory {
        writeln!(text, "  site {} from {directory:?}", site.name).unwrap();
    }
    for binding in &site.bindings {
        let endpoint = &model.endpoint(binding.endpoint).unwrap().name;
        let host = binding.host_header.as_ref().map_or(String::new(), |host| format!(" for {host}"));
        writeln!(text, "  site {} on {endpoint} as {}{host}", site.name, binding.name).unwrap();
    }
    describe_directories(text, site.name.as_str(), &site.virtual_directories);
}

fn describe_directories(text: &mut String, parent: &str, directories: &[VirtualDirectory]) {
    for directory in directories {
        let path = format!("{parent}/{}", directory.name);
        let source = directory.physical_directory.as_deref().unwrap_or("nowhere");
        writeln!(text, "  {:?} {path} from {source:?}", directory.kind).unwrap();
        describe_directories(text, &path, &directory.children);
    }
}

/// Nothing when the configuration says nothing of it.
fn describe_network(text: &mut String, model: &ServiceModel) {
    let network = model.network();
    let role = |id| &model.role(id).unwrap().name;
    for server in &network.dns_servers {
        writeln!(text, "name server {} at {}", server.name, server.address).unwrap();
    }
    if let Some(name) = &network.virtual_network {
        writeln!(text, "network {name}").unwrap();
    }
    for address in &network.instance_addresses {
        let subnets: Vec<&str> = address.subnets.iter().map(|name| name.as_str()).collect();
        writeln!(text, "role {} in [{}]", role(address.role), subnets.join(", ")).unwrap();
        if let Some(public) = &address.public_ip {
            let (minutes, label) = (public.idle_timeout_minutes, &public.domain_name_label);
            writeln!(text, "  public as {}, idle {minutes:?} min, label {label:?}", public.name).unwrap();
        }
    }
    if let Some(name) = &network.reserved_ip {
        writeln!(text, "reserved address {name}").unwrap();
    }
    for list in &network.access_controls {
        writeln!(text, "access list {}", list.name).unwrap();
        for rule in &list.rules {
            let AccessRule { order, action, remote_subnet, description, .. } = rule;
            let why = description.as_deref().unwrap_or_default();
            writeln!(text, "  {order} {action:?} {remote_subnet} {why:?}").unwrap();
        }
    }
    for acl in &network.endpoint_acls {
        let endpoint = &model.endpoint(acl.endpoint).unwrap().name;
        writeln!(text, "list {} guards {}/{endpoint}", acl.access_control, role(acl.endpoint.role()))
            .unwrap();
    }
    for balancer in &network.load_balancers {
        writeln!(text, "balancer {} in {:?} at {:?}", balancer.name, balancer.subnet, balancer.address)
            .unwrap();
    }
    for reference in &network.security_groups {
        writeln!(text, "security group {} for {}", reference.group, role(reference.role)).unwrap();
    }
}
