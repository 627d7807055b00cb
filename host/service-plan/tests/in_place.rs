//! What an upgrade may change while the instances run: the table of the facts, row by row.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod services;

use services::{model_from, model_of};
use wasm_roles_service_plan::{NotInPlace, Plan, in_place, plan, plan_after};

const WEB: &str = r#"<WorkerRole name="Web" vmsize="Small">
    <LocalResources><LocalStorage name="Cache" sizeInMB="50" /></LocalResources>
    <Endpoints><InputEndpoint name="In" protocol="tcp" port="80" /></Endpoints>
</WorkerRole>"#;
const BACK: &str = r#"<WorkerRole name="Back" />"#;

fn both() -> String {
    format!("{WEB}{BACK}")
}

fn running() -> Plan {
    plan(&model_of(&both(), &[("Web", 2), ("Back", 1)])).unwrap()
}

/// `added / removed / loses data`, or what stands against it.
fn upgraded(body: &str, counts: &[(&str, u32)]) -> String {
    let old = running();
    let new = plan_after(&old, &model_of(body, counts)).unwrap();
    let names = |roles: &[wasm_roles_service_plan::RoleName]| {
        roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    match in_place(&old, &new) {
        Ok(found) => {
            format!("+{} -{} !{}", names(&found.added), names(&found.removed), names(&found.loses_data))
        }
        Err(against) => against.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    }
}

#[test]
fn what_the_table_allows_is_possible_in_place() {
    const FINE: &str = "+ - !";
    let counts = [("Web", 2), ("Back", 1)];
    let web = |from: &str, to: &str| {
        assert!(WEB.contains(from), "{from}");
        format!("{}{BACK}", WEB.replace(from, to))
    };
    let more = |inside: &str| format!(r#"<WorkerRole name="Back">{inside}</WorkerRole>{WEB}"#);
    let entry = r#"<Runtime><EntryPoint><ProgramEntryPoint commandLine="b.wasm" setReadyOnProcessStart="true" />
        </EntryPoint></Runtime>"#;
    let endpoint = r#"<Endpoints><InternalEndpoint name="Rpc" protocol="udp" port="7" /></Endpoints>"#;
    let store = r#"<LocalResources><LocalStorage name="New" sizeInMB="1" /></LocalResources>"#;
    for (body, counts, expected) in [
        (both(), &counts[..], FINE),
        (both(), &[("Web", 0), ("Back", 9)], FINE),
        (more(entry), &counts, FINE),
        (more(endpoint), &counts, FINE),
        (more(store), &counts, FINE),
        (web(r#"sizeInMB="50""#, r#"sizeInMB="51""#), &counts, FINE),
        (web(r#"port="80""#, r#"port="81""#), &counts, FINE),
        (web(r#"protocol="tcp""#, r#"protocol="udp""#), &counts, FINE),
        (web(r#"vmsize="Small""#, r#"vmsize="Large""#), &counts, "+ - !Web"),
        (WEB.to_owned(), &counts[..1], "+ -Back !"),
        (
            format!(r#"{WEB}{BACK}<WorkerRole name="New" />"#),
            &[("Web", 2), ("Back", 1), ("New", 1)],
            "+New - !",
        ),
        // a role with another name
        (format!(r#"{WEB}<WorkerRole name="Rear" />"#), &[("Web", 2), ("Rear", 1)], "+Rear -Back !"),
    ] {
        assert_eq!(upgraded(&body, counts), expected, "{body}");
    }
}

#[test]
fn what_the_table_forbids_is_refused_with_the_old_and_the_new_value() {
    let counts = [("Web", 2), ("Back", 1)];
    let smaller = WEB.replace(r#"sizeInMB="50""#, r#"sizeInMB="49""#);
    let without = WEB.replace(r#"<LocalStorage name="Cache" sizeInMB="50" />"#, "");
    let larger_machine = smaller.replace("Small", "Large");
    let shrinks = "local storage Cache of role Web would shrink from 50 to 49 MB, and it may hold more";
    for (web, expected) in [
        (smaller, shrinks),
        (larger_machine, shrinks),
        (without, "local storage Cache of role Web (50 MB) would be removed, with what is in it"),
    ] {
        assert_eq!(upgraded(&format!("{web}{BACK}"), &counts), expected);
    }
}

#[test]
fn another_service_and_another_number_of_domains_are_refused_together() {
    let old = running();
    let new =
        model_from(r#"name="Other" upgradeDomainCount="3""#, "Other", &both(), &[("Web", 2), ("Back", 1)]);
    let against = in_place(&old, &plan_after(&old, &new).unwrap()).unwrap_err();
    let texts: Vec<String> = against.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "the service is called Other in the new definition and Test in the one that runs",
            "upgradeDomainCount would change from 5 to 3, which moves instances to other domains",
        ]
    );
    let values: Vec<_> = against.iter().map(NotInPlace::values).collect();
    assert_eq!(
        values,
        [("Test".to_owned(), Some("Other".to_owned())), ("5".to_owned(), Some("3".to_owned()))]
    );
}

#[test]
fn each_refusal_says_what_to_do_instead() {
    let role = wasm_roles_service_plan::RoleName::new("Web").unwrap();
    let store = || "Cache".to_owned();
    for (refusal, role, hint) in [
        (
            NotInPlace::ServiceName { old: "A".to_owned(), new: "B".to_owned() },
            None,
            "upgrade with the definition of A, or deploy this one as a service of its own",
        ),
        (
            NotInPlace::UpgradeDomains { old: 5.try_into().unwrap(), new: 3.try_into().unwrap() },
            None,
            "leave upgradeDomainCount at 5; else deploy it to the other slot and swap, or delete the deployment and deploy it anew",
        ),
        (
            NotInPlace::StoreShrinks { role: role.clone(), store: store(), old_mb: 50, new_mb: 49 },
            Some("Web"),
            "give Cache 50 MB or more; else deploy it to the other slot and swap, or delete the deployment and deploy it anew",
        ),
        (
            NotInPlace::StoreRemoved { role: role.clone(), store: store(), old_mb: 50 },
            Some("Web"),
            "leave Cache in the definition; else deploy it to the other slot and swap, or delete the deployment and deploy it anew",
        ),
    ] {
        assert_eq!(refusal.hint(), hint);
        assert_eq!(refusal.role().map(|role| role.as_str()), role);
    }
}
