//! Roles.

use super::endpoints::{self, Endpoint};
use super::xml::{Choices, Xml};
use super::{Known, Shared};

/// A role in both files.
pub struct Role {
    pub definition: Xml,
    pub configuration: Xml,
    pub known: Known,
}

/// What variables may ask for.
struct Items<'a> {
    settings: &'a [String],
    stores: &'a [String],
    endpoints: &'a [Endpoint],
}

pub fn role(number: u32, shared: &mut Shared, choices: &mut Choices<'_>) -> Role {
    let is_web = choices.maybe();
    let name = choices.name("Role", number);
    let instances = choices.below(4);
    let settings = choices.names("Setting", 4);
    let stores = choices.names("Store", 3);
    let certificates = choices.names("Certificate", 3);
    let mut declared = Vec::new();
    if is_web {
        declared.push(endpoints::input(choices.name("Web", 0), "http", shared, choices));
    }
    for number in 0..choices.below(5) {
        declared.push(endpoints::any(number, instances, &certificates, shared, choices));
    }
    let (internal, public): (Vec<&Endpoint>, Vec<&Endpoint>) =
        declared.iter().partition(|endpoint| endpoint.is_internal);
    let names = |endpoints: &[&Endpoint]| endpoints.iter().map(|found| found.name.clone()).collect();
    let known =
        Known { name: name.clone(), internal_endpoints: names(&internal), public_endpoints: names(&public) };
    let items = Items { settings: &settings, stores: &stores, endpoints: &declared };

    let mut definition = Xml::new(if is_web { "WebRole" } else { "WorkerRole" }).with("name", &name);
    if choices.maybe() {
        let sizes = ["Small", "ExtraSmall", "extralarge", "Standard_D2_v2", "A5", "Unheard_of"];
        definition = definition.with("vmsize", choices.one_of(&sizes));
    }
    let tasks: Vec<Xml> = (0..choices.below(3)).map(|_| task(&items, choices)).collect();
    let variables = variables(&items, choices);
    let entry = entry_point(choices);
    let sites = if is_web { sites(&declared, choices) } else { Vec::new() };
    let contents: Vec<Xml> = (0..choices.below(3)).map(|_| content(choices)).collect();
    let runtime = Vec::from_iter(container("Environment", variables)).into_iter().chain(entry);
    let definition = definition
        .holding_in("Startup", tasks)
        .holding_in(
            "ConfigurationSettings",
            settings.iter().map(|name| Xml::new("Setting").with("name", name)),
        )
        .holding_in("Sites", sites)
        .holding_in("Runtime", runtime)
        .holding_in("Contents", contents);
    let imports: Vec<Xml> = imports(shared, choices);
    let has_imports = !imports.is_empty();
    let definition = definition
        .holding_in("Imports", imports)
        .holding_in("Certificates", certificates.iter().map(|name| certificate(name, choices)));
    let definition = hold_stores(definition, &stores, choices);
    let definition = hold_endpoints(definition, declared, is_web, choices);
    let mut configuration = configuration(&name, instances, &settings, has_imports, choices);
    if choices.maybe() {
        configuration = configuration.with("vmName", choices.one_of(&["w", "web-1", "0123456789"]));
    }
    let modules = has_imports.then_some(MODULE_CERTIFICATES).into_iter().flatten().copied();
    let certificates = certificates.iter().map(String::as_str).chain(modules);
    let certificates: Vec<Xml> = certificates.map(|name| configured_certificate(name, choices)).collect();
    Role { definition, configuration: configuration.holding_in("Certificates", certificates), known }
}

/// What the imported modules want of a configuration. One that was not imported says nothing with its values.
const MODULE_SETTINGS: &[&str] = &[
    "Diagnostics.ConnectionString",
    "RemoteAccess.Enabled",
    "RemoteAccess.AccountUsername",
    "RemoteAccess.AccountEncryptedPassword",
    "RemoteAccess.AccountExpiration",
    "RemoteForwarder.Enabled",
    "RemoteDebugger.Connector.Enabled",
    "Caching.NamedCaches",
    "Caching.CacheSizePercentage",
    "Caching.ConfigStoreConnectionString",
    "Caching.Loglevel",
];
const MODULE_CERTIFICATES: &[&str] = &[
    "Microsoft.WindowsAzure.Plugins.RemoteAccess.PasswordEncryption",
    "Microsoft.WindowsAzure.Plugins.RemoteDebugger.TransportValidation",
];

/// All modules that a role can have beside the others, or none.
fn imports(shared: &mut Shared, choices: &mut Choices<'_>) -> Vec<Xml> {
    if !choices.maybe() {
        return Vec::new();
    }
    let shareable = ["Diagnostics", "remoteaccess", "Contoso", "WindowsFabric"];
    let modules: Vec<&str> =
        shareable.into_iter().filter(|_| choices.maybe()).chain(shared.modules.pop()).collect();
    modules.into_iter().map(|name| Xml::new("Import").with("moduleName", name)).collect()
}

fn certificate(name: &str, choices: &mut Choices<'_>) -> Xml {
    let certificate = Xml::new("Certificate")
        .with("name", name)
        .with("storeLocation", choices.one_of(&["LocalMachine", "CurrentUser"]))
        .with("storeName", choices.one_of(&["My", "my", "Root", "a \"store\""]));
    match choices.below(3) {
        0 => certificate,
        1 => certificate.with("permissionLevel", "elevated"),
        _ => certificate.with("permissionLevel", "limitedOrElevated"),
    }
}

fn configured_certificate(name: &str, choices: &mut Choices<'_>) -> Xml {
    let thumbprints = [
        "A909502DD82AE41433E6F83886B00D4277A32A7B",
        "a9 09 50 2d d8 2a e4 14 33 e6 f8 38 86 b0 0d 42 77 a3 2a 7b",
        // As templates have it.
        "",
    ];
    Xml::new("Certificate")
        .with("name", name)
        .with("thumbprint", choices.one_of(&thumbprints))
        .with("thumbprintAlgorithm", "sha1")
}

fn container(name: &'static str, children: Vec<Xml>) -> Option<Xml> {
    (!children.is_empty()).then(|| Xml::new(name).holding(children))
}

fn configuration(
    name: &str,
    instances: u32,
    settings: &[String],
    has_imports: bool,
    choices: &mut Choices<'_>,
) -> Xml {
    // Undeclared ones too, some with names that cannot be declared.
    let undeclared = ["Undeclared", "9: odd?", "\"&'"].into_iter().filter(|_| choices.maybe());
    let mut names: Vec<String> = undeclared.map(str::to_owned).chain(settings.iter().cloned()).collect();
    if has_imports {
        names.extend(MODULE_SETTINGS.iter().map(|name| format!("Microsoft.WindowsAzure.Plugins.{name}")));
    }
    let settings = names.into_iter().map(|name| {
        let value = choices.text();
        Xml::new("Setting").with("name", name).with("value", value)
    });
    Xml::new("Role")
        .with("name", name)
        .holding([Xml::new("Instances").with("count", instances)])
        .holding_in("ConfigurationSettings", settings)
}

/// In their container or, the old way, without it.
fn hold_stores(role: Xml, names: &[String], choices: &mut Choices<'_>) -> Xml {
    let mut stores = Vec::new();
    for name in names {
        let mut store = Xml::new("LocalStorage").with("name", name);
        if choices.maybe() {
            store = store.with("sizeInMB", 1 + choices.below(10_000));
        }
        if choices.maybe() {
            store = store.with("cleanOnRoleRecycle", choices.one_of(&["true", "false", "0"]));
        }
        stores.push(store);
    }
    if choices.maybe() { role.holding(stores) } else { role.holding_in("LocalResources", stores) }
}

/// In their container or, the old way of web roles, without it.
fn hold_endpoints(role: Xml, endpoints: Vec<Endpoint>, is_web: bool, choices: &mut Choices<'_>) -> Xml {
    let may_be_old = is_web && choices.maybe();
    let (mut input, mut internal, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for endpoint in endpoints {
        let has_place = endpoint.is_input || endpoint.is_internal && internal.is_empty();
        match (may_be_old && has_place, endpoint.is_input) {
            (true, true) => input.push(endpoint.xml),
            (true, false) => internal.push(endpoint.xml),
            (false, _) => others.push(endpoint.xml),
        }
    }
    role.holding_in("InputEndpoints", input).holding(internal).holding_in("Endpoints", others)
}

fn task(items: &Items<'_>, choices: &mut Choices<'_>) -> Xml {
    let mut task = Xml::new("Task").with("commandLine", command_line(choices));
    if choices.maybe() {
        task = task.with("taskType", choices.one_of(&["simple", "foreground", "background", "Simple"]));
    }
    if choices.maybe() {
        task = task.with("executionContext", choices.one_of(&["limited", "elevated"]));
    }
    task.holding_in("Environment", variables(items, choices))
}

fn command_line(choices: &mut Choices<'_>) -> String {
    const WORDS: &[&str] =
        &["run.wasm", "\"a b\"", "'a \"b\"'", "a\"b c\"'d'", "\"\"", "\"\\\"'\"", "'x y\\'", "\"\n\"", "é\\"];
    let words: Vec<&str> = (0..choices.below(4)).map(|_| choices.one_of(WORDS)).collect();
    format!("bin\\start.cmd {}", words.join("  "))
}

fn entry_point(choices: &mut Choices<'_>) -> Option<Xml> {
    let entry = match choices.below(3) {
        0 => return None,
        1 => Xml::new("NetFxEntryPoint").with("assemblyName", " A&B.dll "),
        _ => Xml::new("ProgramEntryPoint")
            .with("commandLine", command_line(choices))
            .with("setReadyOnProcessStart", true),
    };
    Some(Xml::new("EntryPoint").holding([entry]))
}

fn variables(items: &Items<'_>, choices: &mut Choices<'_>) -> Vec<Xml> {
    let mut variables = Vec::new();
    for number in 0..choices.below(4) {
        // The same name now and then: the last one wins.
        let name = choices.name("V", number / 2);
        let variable = Xml::new("Variable").with("name", name);
        variables.push(match choices.maybe().then(|| instance_value(items, choices)).flatten() {
            Some(xpath) => variable.holding([Xml::new("RoleInstanceValue").with("xpath", xpath)]),
            None => variable.with("value", choices.text()),
        });
    }
    variables
}

/// A path to something that the role has; `None` when it has no such thing.
fn instance_value(items: &Items<'_>, choices: &mut Choices<'_>) -> Option<String> {
    const INSTANCE: &str = "/RoleEnvironment/CurrentInstance";
    let settings: Vec<&str> = items.settings.iter().map(String::as_str).collect();
    let stores: Vec<&str> = items.stores.iter().map(String::as_str).collect();
    let all: Vec<&str> = items.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
    let public = items.endpoints.iter().filter(|endpoint| !endpoint.is_internal);
    let public: Vec<&str> = public.map(|endpoint| endpoint.name.as_str()).collect();
    let (container, item, names, attribute) = match choices.below(5) {
        0 => {
            let of_all = ["Deployment/@id", "Deployment/@emulated"];
            return Some(format!("/RoleEnvironment/{}", choices.one_of(&of_all)));
        }
        1 => {
            let own = ["@id", "@roleName", "@updateDomain", "@faultDomain"];
            return Some(format!("{INSTANCE}/{}", choices.one_of(&own)));
        }
        2 => ("ConfigurationSettings", "ConfigurationSetting", settings, "value"),
        3 => ("LocalResources", "LocalResource", stores, choices.one_of(&["path", "sizeInMB"])),
        _ if choices.maybe() => ("Endpoints", "Endpoint", public, "publicPort"),
        _ => ("Endpoints", "Endpoint", all, choices.one_of(&["protocol", "address", "port"])),
    };
    if names.is_empty() {
        return None;
    }
    let (name, quote) = (choices.one_of(&names), choices.one_of(&["'", "\""]));
    Some(format!("{INSTANCE}/{container}/{item}[@name={quote}{name}{quote}]/@{attribute}"))
}

fn content(choices: &mut Choices<'_>) -> Xml {
    let source = Xml::new("SourceDirectory").with("path", choices.filled_text());
    Xml::new("Content").with("destination", choices.filled_text()).holding([source])
}

/// Each site claims the role's first endpoint for a host of its own, and perhaps all others with the same one.
fn sites(endpoints: &[Endpoint], choices: &mut Choices<'_>) -> Vec<Xml> {
    let mut sites = Vec::new();
    for number in 0..choices.below(3) {
        let bindings: Vec<&Endpoint> = endpoints
            .iter()
            .enumerate()
            .filter(|(place, _)| *place == 0 || choices.maybe())
            .map(|(_, found)| found)
            .collect();
        let host = if number == 0 { choices.one_of(&["", "a.example"]) } else { "b.example" };
        let bindings = bindings.into_iter().enumerate().map(|(place, endpoint)| {
            let binding = Xml::new("Binding").with("name", format!("Binding{place}"));
            let binding = binding.with("endpointName", &endpoint.name);
            if host.is_empty() { binding } else { binding.with("hostHeader", host) }
        });
        let mut site = Xml::new("Site").with("name", format!("Site{number}"));
        if choices.maybe() {
            site = site.with("physicalDirectory", choices.text());
        }
        sites.push(site.holding(virtual_directories(3, choices)).holding_in("Bindings", bindings));
    }
    sites
}

fn virtual_directories(deepest: u32, choices: &mut Choices<'_>) -> Vec<Xml> {
    let mut directories = Vec::new();
    if deepest == 0 {
        return directories;
    }
    for number in 0..choices.below(3) {
        let element = if choices.maybe() { "VirtualApplication" } else { "VirtualDirectory" };
        let mut directory = Xml::new(element).with("name", choices.name("Directory", number));
        if choices.maybe() {
            directory = directory.with("physicalDirectory", choices.text());
        }
        directories.push(directory.holding(virtual_directories(deepest - 1, choices)));
    }
    directories
}
