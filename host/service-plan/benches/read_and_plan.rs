//! How long it takes from the text of a definition and its configuration to the plan.
//!
//! - The largest real definition, read from the collection of real files beside the workspace when that is there,
//!   else a generated service of at least its size. The bar is 2 ms.
//! - A generated service at the documented limits: 25 roles, 25 endpoints of each kind, a traffic rule for each role,
//!   and 10,000 instances. The bar is 50 ms.
//!
//! `cargo bench -p wasm-roles-service-plan --bench read_and_plan`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench ends at the first surprise, and prints"
)]

use std::fmt::Write;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wasm_roles_service_model::{Options, Severity, Source, load, render};
use wasm_roles_service_plan::plan;

const RUNS: usize = 201;
const ROLES: u32 = 25;
const INSTANCES: u32 = 10_000;

fn main() {
    let largest = largest_real_definition().unwrap_or_else(|| generated(3, 3).0);
    measure(&largest, None, Duration::from_millis(2));
    let (definition, configuration) = generated(ROLES, INSTANCES);
    measure(&definition, Some(&configuration), Duration::from_millis(50));
}

/// The median of the stages and of their sum.
fn measure(definition: &Source, configuration: Option<&Source>, bar: Duration) {
    let options = Options::default();
    let (mut reading, mut planning, mut total) = (Vec::new(), Vec::new(), Vec::new());
    let mut instances = 0;
    for _ in 0..RUNS {
        let start = Instant::now();
        let outcome = load(black_box(definition), black_box(configuration), &options);
        let read = start.elapsed();
        let Some(model) = &outcome.model else {
            println!("{}", render(&outcome.diagnostics, &outcome.sources(definition, configuration), false));
            return;
        };
        let planned = black_box(plan(model).unwrap());
        let all = start.elapsed();
        instances = planned.instances.len();
        reading.push(read);
        planning.push(all - read);
        total.push(all);
    }
    let bytes = definition.text.len() + configuration.map_or(0, |source| source.text.len());
    println!("read and plan: {}, {bytes} bytes, {instances} instances", definition.name);
    for (stage, times) in [("parse and validate", reading), ("plan", planning)] {
        println!("  {stage:<20} {:>9.3} ms", milliseconds(median(times)));
    }
    let total = median(total);
    let verdict = if total <= bar { "within" } else { "ABOVE" };
    println!("  {:<20} {:>9.3} ms, {verdict} the bar of {bar:?}", "both", milliseconds(total));
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    *times.get(times.len() / 2).unwrap()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The largest definition that gives a model; the collection has a few with errors.
fn largest_real_definition() -> Option<Source> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "csdef"));
    let sources = paths.iter().map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        Source::decode(name, &fs::read(path).unwrap()).unwrap()
    });
    let gives_a_model = |source: &Source| {
        let outcome = load(source, None, &Options::default());
        outcome.diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error)
    };
    sources.filter(gives_a_model).max_by_key(|source| (source.text.len(), source.name.clone()))
}

/// A definition and its configuration. Instances are shared out evenly.
fn generated(roles: u32, instances: u32) -> (Source, Source) {
    let each = instances / roles;
    let mut definition = String::from(
        "<ServiceDefinition name=\"Large\" \
         xmlns=\"http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition\">\n",
    );
    let mut configuration = String::from(
        "<ServiceConfiguration serviceName=\"Large\" \
         xmlns=\"http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration\">\n",
    );
    for n in 0..roles {
        write_role(&mut definition, n, each);
        write_role_configuration(&mut configuration, n, each);
    }
    definition.push_str("  <NetworkTrafficRules>\n");
    for n in 0..roles {
        write_rule(&mut definition, n, roles);
    }
    definition.push_str("  </NetworkTrafficRules>\n</ServiceDefinition>\n");
    configuration.push_str("</ServiceConfiguration>\n");
    let source = |name: &str, text| Source { name: name.to_owned(), text };
    (source("generated.csdef", definition), source("generated.cscfg", configuration))
}

fn write_role(text: &mut String, n: u32, instances: u32) {
    writeln!(text, "  <WorkerRole name=\"Role{n}\" vmsize=\"ExtraSmall\">\n    <ConfigurationSettings>")
        .unwrap();
    for setting in 0..10 {
        writeln!(text, "      <Setting name=\"Setting{setting}\" />").unwrap();
    }
    let (public, first) = (20_000 + n, 40_000 + n * instances);
    let last = first + instances - 1;
    writeln!(
        text,
        "    </ConfigurationSettings>\n    <Endpoints>\n      \
         <InputEndpoint name=\"Public\" protocol=\"tcp\" port=\"{public}\" />\n      \
         <InternalEndpoint name=\"Internal\" protocol=\"tcp\" />\n      \
         <InstanceInputEndpoint name=\"Direct\" protocol=\"tcp\" localPort=\"9000\">\n        \
         <AllocatePublicPortFrom><FixedPortRange min=\"{first}\" max=\"{last}\" /></AllocatePublicPortFrom>\n      \
         </InstanceInputEndpoint>\n    </Endpoints>\n    <Runtime>\n      <Environment>"
    )
    .unwrap();
    for setting in 0..10 {
        writeln!(
            text,
            "        <Variable name=\"V{setting}\"><RoleInstanceValue xpath=\"/RoleEnvironment/CurrentInstance/\
             ConfigurationSettings/ConfigurationSetting[@name='Setting{setting}']/@value\" /></Variable>"
        )
        .unwrap();
    }
    text.push_str("      </Environment>\n    </Runtime>\n  </WorkerRole>\n");
}

fn write_role_configuration(text: &mut String, n: u32, instances: u32) {
    writeln!(text, "  <Role name=\"Role{n}\">\n    <Instances count=\"{instances}\" />").unwrap();
    text.push_str("    <ConfigurationSettings>\n");
    for setting in 0..10 {
        writeln!(text, "      <Setting name=\"Setting{setting}\" value=\"value {setting}\" />").unwrap();
    }
    text.push_str("    </ConfigurationSettings>\n  </Role>\n");
}

/// Each role's internal endpoint admits the next role and the one after it.
fn write_rule(text: &mut String, n: u32, roles: u32) {
    let (next, after) = ((n + 1) % roles, (n + 2) % roles);
    writeln!(
        text,
        "    <OnlyAllowTrafficTo>\n      \
         <Destinations><RoleEndpoint roleName=\"Role{n}\" endpointName=\"Internal\" /></Destinations>\n      \
         <WhenSource matches=\"AnyRule\">\n        <FromRole roleName=\"Role{next}\" />\n        \
         <FromRole roleName=\"Role{after}\" />\n      </WhenSource>\n    </OnlyAllowTrafficTo>"
    )
    .unwrap();
}
