//! What `explain` answers, each answer in full in the golden file.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod services;

use std::fmt::Write;

use services::{assert_golden, plan_of, scenario, zoo};
use wasm_roles_service_plan::{ExplainError, Plan, explain, explain_outbound};
use wasm_roles_virtual_network::policy::HostRules;

fn told(plan: &Plan, questions: &[(&str, &str, Option<&str>)]) -> String {
    let mut text = String::new();
    for (from, to, endpoint) in questions {
        let endpoint_asked = endpoint.map(|name| format!(":{name}")).unwrap_or_default();
        writeln!(text, "? {from} {to}{endpoint_asked}").unwrap();
        match explain(plan, from, to, *endpoint) {
            Ok(explained) => {
                for answer in &explained.answers {
                    writeln!(text, "{answer}\n  ({})", answer.place).unwrap();
                }
            }
            Err(error) => writeln!(text, "error: {error}").unwrap(),
        }
        text.push('\n');
    }
    text
}

#[test]
fn every_kind_of_answer() {
    let questions = [
        ("Silent", "Front", None),
        ("Front", "Back", Some("Listed")),
        ("Silent", "Back", Some("Listed")),
        ("Back", "Back", Some("Listed")),
        ("Front", "Back", Some("Open")),
        ("Front", "Back", Some("Nobody")),
        ("Back", "R&D", Some("Secret")),
        ("R&D", "R&D", Some("Secret")),
        ("Front", "Silent", None),
        ("Internet", "Front", None),
        ("Internet", "Back", Some("Nobody")),
        ("Internet", "R&D", Some("Everything")),
        ("Internet", "Silent", None),
    ];
    assert_golden("explain.txt", &told(&zoo(), &questions));
}

#[test]
fn the_documented_scenario() {
    let questions = [
        ("WebRole1", "WorkerRole2", Some("InternalTCP3")),
        ("WorkerRole1", "WorkerRole2", Some("InternalTCP3")),
        ("WebRole1", "WorkerRole2", None),
    ];
    assert_golden("explain-scenario-4.txt", &told(&scenario(4), &questions));
    let explained =
        |from: &str, endpoint| explain(&scenario(4), from, "WorkerRole2", endpoint).unwrap().allowed();
    assert!(!explained("WebRole1", Some("InternalTCP3")));
    assert!(explained("WorkerRole1", Some("InternalTCP3")));
    assert!(!explained("WebRole1", None), "one of two is denied");
}

#[test]
fn unknown_names_come_with_the_nearest_one() {
    let questions = [
        ("Fornt", "Back", None),
        ("Front", "Elsewhere", None),
        ("Front", "Back", Some("Lsited")),
        ("Front", "Back", Some("Elsewhere")),
        ("Front", "Silent", Some("In")),
    ];
    assert_golden("explain-unknown.txt", &told(&zoo(), &questions));
    let error = explain(&zoo(), "Front", "Bakc", None).unwrap_err();
    assert!(matches!(error, ExplainError::UnknownRole { nearest: Some(nearest), .. } if nearest == "Back"));
}

#[test]
fn case_does_not_matter_where_one_thing_fits() {
    let explained = explain(&zoo(), "internet", "FRONT", Some("httpin")).unwrap();
    assert_eq!((explained.from.as_str(), explained.to.as_str()), ("Internet", "Front"));
    assert_eq!(explained.answers[0].endpoint.as_deref(), Some("HttpIn"));
}

#[test]
fn a_role_may_be_called_internet() {
    let plan = plan_of(
        r#"<WorkerRole name="Internet"><Endpoints><InternalEndpoint name="In" protocol="tcp" /></Endpoints></WorkerRole>"#,
        &[("Internet", 1)],
    );
    assert!(explain(&plan, "Internet", "Internet", None).unwrap().allowed());
}

/// The XML of a denial, put where it says, turns the answer round.
#[test]
fn the_change_that_a_denial_proposes_allows_it() {
    let body = |extra: &str| {
        format!(
            r#"<WorkerRole name="A" /><WorkerRole name="B"><Endpoints><InternalEndpoint name="In" protocol="tcp" /></Endpoints></WorkerRole>
               <NetworkTrafficRules><OnlyAllowTrafficTo>
                 <Destinations><RoleEndpoint roleName="B" endpointName="In" /></Destinations>
                 <WhenSource matches="AnyRule">{extra}</WhenSource>
               </OnlyAllowTrafficTo></NetworkTrafficRules>"#
        )
    };
    let counts = [("A", 1), ("B", 1)];
    let denied = explain(&plan_of(&body(""), &counts), "A", "B", Some("In")).unwrap();
    assert!(!denied.allowed());
    let changed = plan_of(&body(&denied.answers[0].change.xml), &counts);
    assert!(explain(&changed, "A", "B", Some("In")).unwrap().allowed());
}

/// A rule for several endpoints is left alone, since the role would reach all of them.
#[test]
fn the_change_that_a_denial_proposes_opens_nothing_else() {
    let endpoint = |name: &str| format!("<InternalEndpoint name=\"{name}\" protocol=\"tcp\" />");
    let body = |extra: &str| {
        format!(
            r#"<WorkerRole name="A" /><WorkerRole name="B"><Endpoints>{}{}</Endpoints></WorkerRole>
               <NetworkTrafficRules><OnlyAllowTrafficTo>
                 <Destinations>
                   <RoleEndpoint roleName="B" endpointName="In" /><RoleEndpoint roleName="B" endpointName="Other" />
                 </Destinations>
                 <WhenSource matches="AnyRule"><FromRole roleName="B" /></WhenSource>
               </OnlyAllowTrafficTo>{extra}</NetworkTrafficRules>"#,
            endpoint("In"),
            endpoint("Other")
        )
    };
    let counts = [("A", 1), ("B", 1)];
    let denied = explain(&plan_of(&body(""), &counts), "A", "B", Some("In")).unwrap();
    let changed = plan_of(&body(&denied.answers[0].change.xml), &counts);
    let allowed = |endpoint| explain(&changed, "A", "B", Some(endpoint)).unwrap().allowed();
    assert!(allowed("In") && !allowed("Other"));
}

/// The rule that an open endpoint's answer proposes closes it, and the rest of the proposal is valid too.
#[test]
fn the_change_that_an_open_endpoint_proposes_denies_it() {
    let body = |rules: &str| {
        format!(
            r#"<WorkerRole name="A" /><WorkerRole name="B"><Endpoints><InternalEndpoint name="In" protocol="tcp" /></Endpoints></WorkerRole>{rules}"#
        )
    };
    let counts = [("A", 1), ("B", 1)];
    let open = explain(&plan_of(&body(""), &counts), "A", "B", Some("In")).unwrap();
    assert!(open.allowed());
    let rules = format!("<NetworkTrafficRules>{}</NetworkTrafficRules>", open.answers[0].change.xml);
    assert!(!explain(&plan_of(&body(&rules), &counts), "A", "B", Some("In")).unwrap().allowed());
}

#[test]
fn the_way_out_is_explained_by_the_rules_of_the_host() {
    let plan = scenario(1);
    let mut rules = HostRules::default();
    rules.allow("*.example.com:443".parse().unwrap());
    rules.allow_role("WorkerRole1", "10.20.0.0/16:5432".parse().unwrap());
    let told = |from: &str, place: Option<&str>| match explain_outbound(&plan, &rules, from, place) {
        Ok(explained) => {
            let answers: Vec<String> = explained.answers.iter().map(ToString::to_string).collect();
            format!("{} {}: {}", explained.from, explained.allowed(), answers.join(" | "))
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(
        told("webrole1", Some("www.example.com:443")),
        "WebRole1 true: www.example.com:443: allowed: the rule *.example.com:443 of the host leads there"
    );
    assert_eq!(
        told("WebRole1", Some("10.20.0.1:5432")),
        "WebRole1 false: 10.20.0.1:5432: denied: no rule of the host leads there\n  to allow it, run the service with:\n    \
         --allow-outbound 10.20.0.1:5432"
    );
    assert!(told("WorkerRole1", Some("10.20.0.1:5432")).starts_with("WorkerRole1 true"));
    assert_eq!(
        told("WorkerRole1", None),
        "WorkerRole1 true: *.example.com:443: allowed: a rule of the host says so | 10.20.0.0/16:5432: allowed: a rule of \
         the host says so"
    );
    let nothing = explain_outbound(&plan, &HostRules::default(), "WebRole1", None).unwrap();
    assert!(
        !nothing.allowed()
            && nothing.answers[0].to_string().starts_with("denied: the host lets it go nowhere")
    );
    assert!(told("WebRol1", None).contains("did you mean WebRole1?"));
    assert!(
        told("WebRole1", Some("https://x"))
            .starts_with("after `Internet:` comes a place outside: `https://x` is a URL")
    );
}
