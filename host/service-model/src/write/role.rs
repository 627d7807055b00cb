//! A role and what belongs to it, apart from its endpoints.

use super::tag::Tag;
use super::{command_line, endpoints};
use crate::definition::modules;
use crate::{
    Binding, Certificate, Content, EntryPoint, EnvironmentVariable, Import, LocalResource, PermissionLevel,
    Role, RoleKind, ServiceModel, SettingName, Site, Span, StartupTask, StoreLocation, TaskKind,
    VariableValue, VirtualDirectory, VirtualDirectoryKind,
};

pub(super) fn role(role: &Role, model: &ServiceModel) -> Tag {
    let element = match role.kind {
        RoleKind::Web => "WebRole",
        RoleKind::Worker => "WorkerRole",
    };
    let is_own = |span: &Span| role.imports.iter().all(|import| import.span != *span);
    let settings = role.settings.keys().filter(|name| can_be_declared(name, role));
    let endpoints = role.endpoints.iter().filter(|endpoint| is_own(&endpoint.span));
    let certificates = role.certificates.iter().filter(|certificate| is_own(&certificate.span));
    Tag::named(element, &role.name)
        .with("vmsize", role.vm_size)
        .holding_in("Imports", role.imports.iter().map(import))
        .holding_in("Startup", role.startup_tasks.iter().map(startup_task))
        .holding_in("ConfigurationSettings", settings.map(|name| Tag::named("Setting", name)))
        // Those of modules too: nothing tells them apart, and where both have a store the declared one stays.
        .holding_in("LocalResources", role.local_resources.iter().map(local_storage))
        .holding_in("Endpoints", endpoints.map(|found| endpoints::endpoint(found, model)))
        .holding_in("Certificates", certificates.map(certificate))
        .holding_in("Sites", role.sites.iter().map(|found| site(found, model)))
        .holding_in("Runtime", runtime(role))
        .holding_in("Contents", role.contents.iter().map(content))
}

/// Whether the definition should declare a setting. Modules bring theirs, and some names only a configuration may
/// have.
fn can_be_declared(name: &SettingName, role: &Role) -> bool {
    let is_name = SettingName::declared(name.as_str()).is_ok();
    is_name && !role.imports.iter().any(|import| brings(import, name.as_str()))
}

fn brings(import: &Import, setting: &str) -> bool {
    let Some(module) = modules::find(import.module.as_str()) else { return false };
    let own = setting
        .strip_prefix(modules::NAMESPACE)
        .and_then(|rest| rest.strip_prefix(module.namespace))
        .and_then(|rest| rest.strip_prefix('.'));
    module.settings.iter().any(|known| Some(known.name()) == own)
}

fn import(import: &Import) -> Tag {
    Tag::new("Import").with("moduleName", &import.module)
}

fn certificate(certificate: &Certificate) -> Tag {
    let location = match certificate.store_location {
        StoreLocation::CurrentUser => "CurrentUser",
        StoreLocation::LocalMachine => "LocalMachine",
    };
    let permission = match certificate.permission_level {
        PermissionLevel::LimitedOrElevated => None,
        PermissionLevel::Elevated => Some("elevated"),
    };
    Tag::named("Certificate", &certificate.name)
        .with("storeLocation", location)
        .with("storeName", &certificate.store_name)
        .with_some("permissionLevel", permission)
}

fn startup_task(task: &StartupTask) -> Tag {
    let kind = match task.kind {
        TaskKind::Simple => "simple",
        TaskKind::Foreground => "foreground",
        TaskKind::Background => "background",
    };
    Tag::new("Task")
        .with("commandLine", command_line::join(&task.command, &task.arguments))
        .with("taskType", kind)
        .holding_in("Environment", task.environment.iter().map(variable))
}

fn local_storage(store: &LocalResource) -> Tag {
    Tag::named("LocalStorage", &store.name)
        .with("sizeInMB", store.size_mb)
        .with_some("cleanOnRoleRecycle", (!store.clean_on_recycle).then_some(false))
}

fn runtime(role: &Role) -> Vec<Tag> {
    let mut parts = Vec::new();
    if !role.environment.is_empty() {
        parts.push(Tag::new("Environment").holding(role.environment.iter().map(variable)));
    }
    let entry = match &role.entry_point {
        EntryPoint::Default => return parts,
        EntryPoint::Assembly { name } => Tag::new("NetFxEntryPoint").with("assemblyName", name),
        EntryPoint::Program { command, arguments } => Tag::new("ProgramEntryPoint")
            .with("commandLine", command_line::join(command, arguments))
            .with("setReadyOnProcessStart", true),
    };
    parts.push(Tag::new("EntryPoint").holding([entry]));
    parts
}

fn variable(variable: &EnvironmentVariable) -> Tag {
    let tag = Tag::named("Variable", &variable.name);
    match &variable.value {
        VariableValue::Text(text) => tag.with("value", text),
        VariableValue::OfInstance(value) => tag.holding([Tag::new("RoleInstanceValue").with("xpath", value)]),
    }
}

fn content(content: &Content) -> Tag {
    let source = Tag::new("SourceDirectory").with("path", &content.source_directory);
    Tag::new("Content").with("destination", &content.destination).holding([source])
}

fn site(site: &Site, model: &ServiceModel) -> Tag {
    Tag::named("Site", &site.name)
        .with_some("physicalDirectory", site.physical_directory.as_ref())
        .holding(site.virtual_directories.iter().map(virtual_directory))
        .holding_in("Bindings", site.bindings.iter().filter_map(|found| binding(found, model)))
}

fn virtual_directory(directory: &VirtualDirectory) -> Tag {
    let element = match directory.kind {
        VirtualDirectoryKind::Directory => "VirtualDirectory",
        VirtualDirectoryKind::Application => "VirtualApplication",
    };
    Tag::named(element, &directory.name)
        .with_some("physicalDirectory", directory.physical_directory.as_ref())
        .holding(directory.children.iter().map(virtual_directory))
}

fn binding(binding: &Binding, model: &ServiceModel) -> Option<Tag> {
    let endpoint = &model.endpoint(binding.endpoint)?.name;
    let tag = Tag::named("Binding", &binding.name).with("endpointName", endpoint);
    Some(tag.with_some("hostHeader", binding.host_header.as_ref()))
}
