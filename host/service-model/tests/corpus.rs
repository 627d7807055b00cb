//! Real definitions and configurations from public projects, when a collection of them lies beside the workspace:
//! what is said about each, alone and with the configurations of its own folder.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use wasm_roles_service_model::{
    Code, EndpointKind, Options, Outcome, Role, ServiceModel, Severity, Source, load, render,
};

/// Codes that speak about this version, about components or about the missing configuration, and not about the file.
const NOT_ABOUT_THE_FILE: &[Code] = &[Code::NoEffect, Code::NoConfiguration, Code::NoMeaningHere];

/// Every definition (project and file), the codes of all that is said about it beside the [`ERRORS`], and the
/// configurations of its folder, about which there is nothing else to say.
const VERDICTS: &[(&str, &str, &[&str], &[&str])] = &[
    (
        "Aaronontheweb__railsrole",
        "ServiceDefinition.csdef",
        &[],
        &["ServiceConfiguration.Local.cscfg", "ServiceConfiguration.cscfg"],
    ),
    ("AzureAD__availability-proxy-for-rest-services", "ServiceDefinition.csdef", &[], &[]),
    ("Charlie73__azure-django-role", "ServiceDefinition.csdef", &[], &["ServiceConfiguration.Cloud.cscfg"]),
    (
        "CloudifySource__cloudify",
        "ServiceDefinition.csdef",
        &["N0002"],
        &["ServiceConfiguration.Cloud.cscfg"],
    ),
    ("Flipflopperboy__AzureMultiSite", "ServiceDefinition.csdef", &[], &["ServiceConfiguration.Cloud.cscfg"]),
    (
        "MSOpenTech__WindowsAzureToolkitForEclipseWithJava",
        "ServiceDefinition.csdef",
        &[],
        &["ServiceConfiguration.cscfg"],
    ),
    ("Maheshk-MSFT-zz__azure-cloudservices-customscript", "ServiceDefinition.csdef", &[], &[]),
    ("MicrosoftDocs__azure-docs", "ntr-scenario1.csdef", &["W0005"], &[]),
    ("MicrosoftDocs__azure-docs", "ntr-scenario2.csdef", &[], &[]),
    ("MicrosoftDocs__azure-docs", "ntr-scenario3.csdef", &["W0005", "W0006"], &[]),
    ("MicrosoftDocs__azure-docs", "ntr-scenario4.csdef", &["W0005", "W0006"], &[]),
    ("MicrosoftDocs__azure-docs", "roles.csdef", &[], &[]),
    (
        "Microsoft__BotBuilder-RealTimeMediaCalling",
        "ServiceDefinition.csdef",
        &[],
        &["ServiceConfiguration.Cloud.cscfg", "ServiceConfiguration.Local.cscfg"],
    ),
    (
        "Mladjenovic__Health-Monitoring-CLOUD-Service",
        "ServiceDefinition.csdef",
        &[],
        &["ServiceConfiguration.Cloud.cscfg"],
    ),
    ("NuGet__NuGet.Services.Platform", "ServiceDefinition.csdef", &[], &["ServiceConfiguration.Cloud.cscfg"]),
    (
        "OctopusSamples__RandomQuotes-aspmvc4",
        "ServiceDefinition.csdef",
        &[],
        &["ServiceConfiguration.Cloud.ARM.cscfg", "ServiceConfiguration.Cloud.cscfg"],
    ),
    (
        "OrchardCMS__Orchard",
        "ServiceDefinition.csdef",
        &[],
        &["ServiceConfiguration.Local.cscfg", "ServiceConfiguration.cscfg"],
    ),
    (
        "ShadowMinhja__DataAccessGuidance",
        "ServiceDefinition.csdef",
        &[],
        &["ServiceConfiguration.Cloud.cscfg"],
    ),
    ("afama__NodeOnAzure", "ServiceDefinition.build.csdef", &["N0002"], &[]),
    (
        "azure-contrib__WorkerRoleAccelerator",
        "ServiceDefinition.csdef",
        &[],
        &["ServiceConfiguration.Local.cscfg"],
    ),
    (
        "cbilson__clojure-azure-webrole-spike",
        "ServiceDefinition.csdef",
        &[],
        &["ServiceConfiguration.Local.cscfg"],
    ),
    (
        "chgeuer__FFMPEGOnAzureWorkerRoles",
        "ServiceDefinition.csdef",
        &[],
        &["ServiceConfiguration.Cloud.cscfg"],
    ),
    ("daprlabs__ForkTip", "ServiceDefinition.csdef", &[], &[]),
    (
        "dtPaTh__Dynatrace-Azure-CloudServices",
        "ServiceDefinition.csdef",
        &[],
        &["ServiceConfiguration.Cloud.cscfg"],
    ),
    ("edgardozoppi__call-graph-orleans", "ServiceDefinition.csdef", &[], &[]),
    (
        "ghuntley__twitter-azureworker-ravendb-nancyfx-signalr",
        "ServiceDefinition.csdef",
        &[],
        &["ServiceConfiguration.Cloud.cscfg", "ServiceConfiguration.Local.cscfg"],
    ),
    ("glennblock__webapiworker", "ServiceDefinition.csdef", &[], &["ServiceConfiguration.Cloud.cscfg"]),
    (
        "jbueza__NodeJS-Azure-URLShortener",
        "ServiceDefinition.csdef",
        &[],
        &["ServiceConfiguration.Cloud.cscfg", "ServiceConfiguration.Local.cscfg"],
    ),
    ("liuwuliuyun__InfoCollection", "ServiceDefinition.csdef", &[], &["ServiceConfiguration.cscfg"]),
    ("lupyuen__AzureIoTService", "ServiceDefinition.csdef", &[], &[]),
    ("mbraceproject__MBrace.Azure", "ServiceDefinitionA10.csdef", &[], &[]),
    ("mbraceproject__MBrace.Azure", "ServiceDefinitionA11.csdef", &[], &[]),
    ("mbraceproject__MBrace.Azure", "ServiceDefinitionA5.csdef", &[], &[]),
    (
        "microsoftgraph__microsoft-graph-comms-samples",
        "ServiceDefinition.csdef",
        &[],
        &["ServiceConfiguration.Cloud.cscfg"],
    ),
    (
        "mongodb__mongo-azure",
        "MongoDB.WindowsAzure.Sample.Deploy__ServiceDefinition.csdef",
        &[],
        &["ServiceConfiguration.Local.cscfg"],
    ),
    ("mongodb__mongo-azure", "ServiceDefinition.csdef", &[], &[]),
    (
        "mspnp__iot-journey",
        "ServiceDefinition.csdef",
        &[],
        &["ServiceConfiguration.Cloud.cscfg", "ServiceConfiguration.Local.cscfg"],
    ),
    ("ogazitt__webtimer", "ServiceDefinition.csdef", &[], &[]),
    ("paolosalvatori__WorkerRoleJsonSqlDb", "ServiceDefinition.csdef", &[], &[]),
    (
        "richorama__AzurePluginLibrary",
        "ServiceDefinition.build.csdef",
        &[],
        &["ServiceConfiguration.Cloud.cscfg", "ServiceConfiguration.Local.cscfg"],
    ),
    ("richorama__orleans-webrole", "ServiceDefinition.csdef", &[], &["ServiceConfiguration.Cloud.cscfg"]),
    ("sauthieg__pastebean-azure-deployment", "ServiceDefinition.csdef", &[], &["ServiceConfiguration.cscfg"]),
    ("smarx__packanddeploy", "ServiceDefinition.csdef", &[], &[]),
];

/// Line, code and message.
type ExpectedError = (u32, &'static str, &'static str);

/// Every error of every file. Those that are not listed have none.
const ERRORS: &[(&str, &[ExpectedError])] = &[
    (
        "MSOpenTech__WindowsAzureToolkitForEclipseWithJava__ServiceDefinition.csdef",
        &[(58, "E0004", "`555555` is no value of `localPort`")],
    ),
    (
        "dtPaTh__Dynatrace-Azure-CloudServices__ServiceConfiguration.Cloud.cscfg",
        &[(6, "E0001", "`<` cannot stand in an attribute's value")],
    ),
    // Fragments of the documentation: rules about roles that they do not define.
    (
        "MicrosoftDocs__azure-docs__ntr-scenario1.csdef",
        &[
            (1, "E0017", "the definition has no role"),
            (5, "E0013", "the definition has no role `WorkerRole1`"),
            (9, "E0013", "the definition has no role `WebRole1`"),
        ],
    ),
    (
        "MicrosoftDocs__azure-docs__ntr-scenario2.csdef",
        &[
            (1, "E0017", "the definition has no role"),
            (5, "E0013", "the definition has no role `WorkerRole1`"),
            (6, "E0013", "the definition has no role `WorkerRole2`"),
            (9, "E0013", "the definition has no role `WebRole1`"),
        ],
    ),
    (
        "MicrosoftDocs__azure-docs__ntr-scenario3.csdef",
        &[
            (1, "E0017", "the definition has no role"),
            (5, "E0013", "the definition has no role `WorkerRole1`"),
            (9, "E0013", "the definition has no role `WebRole1`"),
            (16, "E0013", "the definition has no role `WorkerRole2`"),
            (19, "E0013", "the definition has no role `WorkerRole1`"),
        ],
    ),
    (
        "MicrosoftDocs__azure-docs__ntr-scenario4.csdef",
        &[
            (1, "E0017", "the definition has no role"),
            (5, "E0013", "the definition has no role `WorkerRole1`"),
            (9, "E0013", "the definition has no role `WebRole1`"),
            (16, "E0013", "the definition has no role `WorkerRole2`"),
            (20, "E0013", "the definition has no role `WorkerRole1`"),
            (27, "E0013", "the definition has no role `WorkerRole2`"),
            (31, "E0013", "the definition has no role `WebRole1`"),
        ],
    ),
];

fn collection() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !folder.is_dir() {
        println!("skipped: there is no collection of real files beside the workspace");
        return None;
    }
    Some(folder)
}

/// As the collection calls the file of a project.
fn full_name(project: &str, file: &str) -> String {
    format!("{project}__{file}")
}

fn source(folder: &Path, name: &str) -> Source {
    Source::decode(name, &fs::read(folder.join(name)).unwrap()).unwrap()
}

/// A definition with a configuration of its folder, or alone.
struct Reading {
    definition: Source,
    configuration: Option<Source>,
    /// Codes beside those of errors.
    expected: &'static [&'static str],
}

impl Reading {
    fn load(&self, options: Options) -> Outcome {
        load(&self.definition, self.configuration.as_ref(), &options)
    }

    fn render(&self, outcome: &Outcome) -> String {
        let sources = outcome.sources(&self.definition, self.configuration.as_ref());
        render(&outcome.diagnostics, &sources, false)
    }

    fn files(&self) -> impl Iterator<Item = &str> {
        [&self.definition].into_iter().chain(&self.configuration).map(|source| source.name.as_str())
    }

    fn expected_errors(&self) -> impl Iterator<Item = (&str, u32, &'static str, &'static str)> {
        self.files().flat_map(|file| {
            let listed = ERRORS.iter().filter(move |(name, _)| *name == file);
            listed.flat_map(move |(_, errors)| {
                errors.iter().map(move |error| (file, error.0, error.1, error.2))
            })
        })
    }
}

fn readings(folder: &Path) -> Vec<Reading> {
    let mut readings = Vec::new();
    for (project, definition, expected, configurations) in VERDICTS {
        let read = |file| source(folder, &full_name(project, file));
        let configurations = configurations.iter().map(|file| Some(read(file)));
        for configuration in [None].into_iter().chain(configurations) {
            readings.push(Reading { definition: read(definition), configuration, expected });
        }
    }
    readings
}

/// The folder in its project that each file comes from, and what the index says about it.
fn index(folder: &Path) -> HashMap<String, (PathBuf, String)> {
    let index = fs::read_to_string(folder.join("INDEX.tsv")).unwrap();
    let entry = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let origin = Path::new(fields[1]).join(Path::new(fields[2]).parent().unwrap());
        (fields[0].to_owned(), (origin, fields[4].to_owned()))
    };
    index.lines().skip(1).map(entry).collect()
}

#[test]
fn every_file_is_in_the_table_with_those_of_its_folder() {
    let Some(folder) = collection() else { return };
    let index = index(&folder);
    let of_extension = |extension: &str| -> BTreeSet<String> {
        index.keys().filter(|name| name.ends_with(extension)).cloned().collect()
    };
    let definitions: BTreeSet<String> =
        VERDICTS.iter().map(|(project, file, ..)| full_name(project, file)).collect();
    assert_eq!(definitions, of_extension(".csdef"));
    let mut with_a_definition = BTreeSet::new();
    for (project, definition, _, listed) in VERDICTS {
        let origin = &index[&full_name(project, definition)].0;
        let mut of_folder = of_extension(".cscfg");
        of_folder.retain(|name| index[name].0 == *origin);
        let listed: BTreeSet<String> = listed.iter().map(|file| full_name(project, file)).collect();
        assert_eq!(listed, of_folder, "{project}: {definition}");
        with_a_definition.extend(of_folder);
    }
    assert_eq!(with_a_definition, of_extension(".cscfg"));
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "INDEX.tsv" || index.contains_key(&name), "{name} is not in the index");
    }
}

#[test]
fn every_file_gets_its_verdict() {
    let Some(folder) = collection() else { return };
    for reading in readings(&folder) {
        let outcome = reading.load(Options::default());
        let about_the_file =
            outcome.diagnostics.iter().filter(|found| !NOT_ABOUT_THE_FILE.contains(&found.code));
        let found: BTreeSet<&str> = about_the_file.map(|found| found.code.as_str()).collect();
        let mut expected: BTreeSet<&str> = reading.expected.iter().copied().collect();
        expected.extend(reading.expected_errors().map(|(_, _, code, _)| code));
        assert_eq!(found, expected, "{}", reading.render(&outcome));
    }
}

#[test]
fn only_the_wrong_files_are_refused_and_each_for_its_own_reason() {
    let Some(folder) = collection() else { return };
    for reading in readings(&folder) {
        let outcome = reading.load(Options::default());
        let errors = outcome.diagnostics.iter().filter(|found| found.severity == Severity::Error);
        let found: Vec<(&str, u32, &str, &str)> = errors
            .map(|error| {
                let span = error.span.as_ref().unwrap();
                (&*span.source, span.line, error.code.as_str(), error.message.as_str())
            })
            .collect();
        let expected: Vec<_> = reading.expected_errors().collect();
        assert_eq!(found, expected, "{}", reading.render(&outcome));
        assert_eq!(outcome.model.is_none(), !expected.is_empty(), "{}", reading.definition.name);
    }
}

#[test]
fn a_strict_reading_of_real_files_ends_too() {
    let Some(folder) = collection() else { return };
    for reading in readings(&folder) {
        let outcome = reading.load(Options { strict: true, ..Options::default() });
        let failed = outcome.diagnostics.iter().any(|found| found.severity == Severity::Error);
        assert_eq!(outcome.model.is_none(), failed, "{}", reading.definition.name);
    }
}

/// The models of all readings that give one.
fn models(folder: &Path) -> Vec<(Reading, ServiceModel)> {
    let model = |reading: Reading| {
        let model = reading.load(Options::default()).model?;
        Some((reading, model))
    };
    readings(folder).into_iter().filter_map(model).collect()
}

/// The index was made from the files by other means; it counts roles in comments too.
#[test]
fn a_model_has_the_roles_that_the_index_counts() {
    let Some(folder) = collection() else { return };
    let index = index(&folder);
    let mut counted = 0;
    for (reading, model) in models(&folder) {
        let features = &index[&reading.definition.name].1;
        let Some(roles) = features.split(',').find_map(|feature| feature.strip_prefix("roles=")) else {
            continue;
        };
        let in_comments =
            usize::from(reading.definition.name.starts_with("edgardozoppi__call-graph-orleans__"));
        let roles: usize = roles.parse().unwrap();
        assert_eq!(model.roles().len() + in_comments, roles, "{}", reading.definition.name);
        counted += 1;
    }
    assert!(counted > 60, "only {counted} readings: the index has another form");
}

fn has_endpoint(role: &Role, name: &str, is_right: fn(&EndpointKind) -> bool) -> bool {
    let named = format!("Microsoft.WindowsAzure.Plugins.{name}");
    role.endpoints.iter().any(|endpoint| endpoint.name.as_str() == named && is_right(&endpoint.kind))
}

#[test]
fn remote_desktop_is_in_the_models_of_those_who_import_it() {
    let Some(folder) = collection() else { return };
    let mut imports = 0;
    for (reading, model) in models(&folder) {
        for role in model.roles() {
            let name = format!("{}: role {}", reading.definition.name, role.name);
            let has = |module: &str| role.imports.iter().any(|import| import.module.as_str() == module);
            if has("RemoteAccess") {
                imports += 1;
                assert!(
                    has_endpoint(role, "RemoteAccess.Rdp", |kind| matches!(kind, EndpointKind::Internal(_))),
                    "{name}"
                );
                let mut certificates = role.certificates.iter();
                let certificate =
                    certificates.find(|found| found.name.as_str().ends_with(".PasswordEncryption")).unwrap();
                assert_eq!(certificate.thumbprint.is_some(), reading.configuration.is_some(), "{name}");
                let enabled = "Microsoft.WindowsAzure.Plugins.RemoteAccess.Enabled";
                assert!(role.settings.contains_key(enabled), "{name}");
            }
            if has("RemoteForwarder") {
                let is_desktop = |kind: &EndpointKind| match kind {
                    EndpointKind::Input(input) => {
                        input.port.get() == 3389 && input.ignore_role_instance_status
                    }
                    EndpointKind::InstanceInput(_) | EndpointKind::Internal(_) => false,
                };
                assert!(has_endpoint(role, "RemoteForwarder.RdpInput", is_desktop), "{name}");
            }
        }
    }
    assert!(imports > 20, "only {imports} imports");
}

#[test]
fn every_declared_certificate_of_a_configured_service_is_known_by_its_thumbprint() {
    let Some(folder) = collection() else { return };
    let mut certificates = 0;
    for (reading, model) in models(&folder) {
        let declared = model.roles().iter().flat_map(|role| &role.certificates);
        for certificate in declared.filter(|_| reading.configuration.is_some()) {
            assert!(certificate.thumbprint.is_some(), "{}: {}", reading.definition.name, certificate.name);
            certificates += 1;
        }
    }
    assert!(certificates >= 10, "only {certificates} certificates");
}
