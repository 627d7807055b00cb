//! Files with thousands of things, and the same mistake in each, all on one line: the answer comes soon all the same.
//!
//! Each of these takes a fraction of a second. Looking for the nearest name among all others for each mistake takes
//! most of a minute.

use std::time::{Duration, Instant};

use wasm_roles_service_model::{Code, Options, Source, load, render};

const MANY: usize = 5_000;
const SOON: Duration = Duration::from_secs(10);

fn many(line: impl Fn(usize) -> String) -> String {
    (0..MANY).map(line).collect()
}

/// How many diagnostics have the code, when the answer comes soon enough.
fn count(code: Code, definition: &str, configuration: Option<&str>) -> usize {
    const NAMESPACES: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10/";
    let source = |root: &str, name: &str, inside: &str| Source {
        name: root.to_owned(),
        text: format!("<{root} {name}='A' xmlns='{NAMESPACES}{root}'>{inside}</{root}>"),
    };
    let definition = source("ServiceDefinition", "name", definition);
    let configuration = configuration.map(|text| source("ServiceConfiguration", "serviceName", text));
    let start = Instant::now();
    let outcome = load(&definition, configuration.as_ref(), &Options::default());
    assert!(!render(&outcome.diagnostics, &[&definition], false).is_empty());
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    outcome.diagnostics.iter().filter(|found| found.code == code).count()
}

#[test]
fn roles_that_the_definition_does_not_have() {
    let declared = many(|n| format!("<WorkerRole name='A_role_with_number_{n}'/>"));
    let configured = many(|n| format!("<Role name='A-role-with-number-{n}'><Instances count='1'/></Role>"));
    assert_eq!(count(Code::UnknownConfiguredRole, &declared, Some(&configured)), MANY);
}

#[test]
fn rules_about_roles_that_nobody_declares() {
    let declared = many(|n| format!("<WorkerRole name='A_role_with_number_{n}'/>"));
    let rules = many(|n| {
        format!(
            "<OnlyAllowTrafficTo><Destinations><RoleEndpoint roleName='A-role-with-number-{n}' endpointName='E'/>\
             </Destinations><AllowAllTraffic/></OnlyAllowTrafficTo>"
        )
    });
    let definition = format!("{declared}<NetworkTrafficRules>{rules}</NetworkTrafficRules>");
    assert_eq!(count(Code::UnknownRole, &definition, None), MANY);
}

#[test]
fn rules_about_endpoints_that_the_role_does_not_have() {
    let endpoints = many(|n| format!("<InternalEndpoint name='An_endpoint_{n}' protocol='tcp'/>"));
    let rules = many(|n| {
        format!(
            "<OnlyAllowTrafficTo><Destinations><RoleEndpoint roleName='R' endpointName='An-endpoint-{n}'/>\
             </Destinations><AllowAllTraffic/></OnlyAllowTrafficTo>"
        )
    });
    let definition = format!(
        "<WorkerRole name='R'><Endpoints>{endpoints}</Endpoints></WorkerRole>\
         <NetworkTrafficRules>{rules}</NetworkTrafficRules>"
    );
    assert_eq!(count(Code::UnknownEndpoint, &definition, None), MANY);
}

#[test]
fn settings_that_the_role_does_not_declare() {
    let declared = many(|n| format!("<Setting name='A_setting_{n}'/>"));
    let configured = many(|n| format!("<Setting name='A-setting-{n}' value=''/>"));
    let definition = format!(
        "<WorkerRole name='R'><ConfigurationSettings>{declared}</ConfigurationSettings></WorkerRole>"
    );
    let configuration = format!(
        "<Role name='R'><Instances count='1'/><ConfigurationSettings>{configured}</ConfigurationSettings></Role>"
    );
    assert_eq!(count(Code::UndeclaredSetting, &definition, Some(&configuration)), MANY);
}

#[test]
fn of_more_mistakes_than_anybody_reads_the_rest_is_only_counted() {
    let configured: String = (0..30_000).map(|n| format!("<Role name='R{n}'/>")).collect();
    let definition = Source {
        name: "a.csdef".to_owned(),
        text: "<ServiceDefinition name='A' xmlns='http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition'>\
               <WorkerRole name='R'/></ServiceDefinition>"
            .to_owned(),
    };
    let configuration = |inside: &str| Source {
        name: "a.cscfg".to_owned(),
        text: format!(
            "<ServiceConfiguration serviceName='A' \
             xmlns='http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration'>{inside}</ServiceConfiguration>"
        ),
    };
    let outcome = load(&definition, Some(&configuration(&configured)), &Options::default());
    assert!(outcome.model.is_none());
    assert!(outcome.diagnostics.len() <= 60_000 && outcome.left_out >= 10_000, "{}", outcome.left_out);
    // One name that all mistakes repeat would be kept once for each.
    let long = "x".repeat(1 << 20);
    let settings: String = (0..1_000).map(|n| format!("<Setting name='S{n}' value=''/>")).collect();
    let one = format!("<Role name='{long}'><Instances count='1'/>");
    let configured = format!("{one}<ConfigurationSettings>{settings}</ConfigurationSettings></Role>");
    let definition = Source { text: definition.text.replace("'R'", &format!("'{long}'")), ..definition };
    let outcome = load(&definition, Some(&configuration(&configured)), &Options::default());
    let words: usize = outcome.diagnostics.iter().map(|found| found.message.len()).sum();
    assert!(outcome.left_out > 900 && words < 16 << 20, "{} left out, {words} bytes", outcome.left_out);
}
