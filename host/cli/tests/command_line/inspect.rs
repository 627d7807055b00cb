//! The commands that run nothing: check, plan, explain, graph, explain-code.

use crate::golden::assert_golden;
use crate::service::{COUNTS, ROLES, Service};

/// Two roles; the worker's internal endpoint is open to the web role only.
const FRONT_AND_BACK: &str = r#"
  <WebRole name="Front">
    <Sites>
      <Site name="Web"><Bindings><Binding name="Http" endpointName="Http" /></Bindings></Site>
    </Sites>
    <Endpoints>
      <InputEndpoint name="Http" protocol="http" port="80" />
      <InternalEndpoint name="Gossip" protocol="tcp" />
    </Endpoints>
  </WebRole>
  <WorkerRole name="Back" vmsize="Medium">
    <LocalResources>
      <LocalStorage name="Scratch" sizeInMB="50" cleanOnRoleRecycle="false" />
    </LocalResources>
    <Endpoints>
      <InternalEndpoint name="Orders" protocol="tcp"><FixedPort port="9000" /></InternalEndpoint>
      <InstanceInputEndpoint name="Debug" protocol="tcp" localPort="9229">
        <AllocatePublicPortFrom><FixedPortRange min="10100" max="10109" /></AllocatePublicPortFrom>
      </InstanceInputEndpoint>
    </Endpoints>
  </WorkerRole>
  <NetworkTrafficRules>
    <OnlyAllowTrafficTo>
      <Destinations><RoleEndpoint endpointName="Orders" roleName="Back" /></Destinations>
      <WhenSource matches="AnyRule"><FromRole roleName="Front" /></WhenSource>
    </OnlyAllowTrafficTo>
  </NetworkTrafficRules>"#;

const FRONT_AND_BACK_COUNTS: &str = r#"
  <Role name="Front"><Instances count="1" /></Role>
  <Role name="Back"><Instances count="2" /></Role>"#;

fn front_and_back() -> Service {
    Service::new(FRONT_AND_BACK, FRONT_AND_BACK_COUNTS)
}

/// A service with an error, a warning and a note.
fn mistaken() -> Service {
    let roles = ROLES.replace("protocol=\"tcp\" port=\"9000\"", "protocol=\"TCP\" prot=\"9000\"");
    let counts = COUNTS.replace("Greeting", "Greting");
    Service::new(&roles, &counts)
}

#[test]
fn check_tells_every_problem_of_both_files_with_its_place() {
    assert_golden("check_mistakes", &mistaken().transcript("check ServiceDefinition.csdef"));
}

#[test]
fn check_has_little_to_say_about_a_clean_service() {
    let service = Service::new(ROLES, COUNTS);
    assert_golden(
        "check_clean",
        &service.transcript("check ServiceDefinition.csdef --config ServiceConfiguration.cscfg"),
    );
}

#[test]
fn check_for_editors_is_one_object() {
    assert_golden("check_json", &mistaken().transcript("check ServiceDefinition.csdef --format json"));
}

#[test]
fn check_for_editors_is_an_object_also_when_there_is_nothing_to_read() {
    assert_golden("check_json_no_file", &mistaken().transcript("check Nothing.csdef --format json"));
}

#[test]
fn a_strict_check_refuses_what_is_accepted_otherwise() {
    let service = Service::new(ROLES, COUNTS);
    std::fs::remove_file(service.path().join("ServiceConfiguration.cscfg")).unwrap();
    let usual = service.transcript("check ServiceDefinition.csdef");
    assert!(usual.contains("--- exit code 0") && usual.contains("note[N0001]"), "{usual}");
    let strict = service.transcript("check ServiceDefinition.csdef --strict");
    assert!(strict.contains("--- exit code 1") && strict.contains("error[N0001]"), "{strict}");
}

#[test]
fn a_configuration_for_this_machine_comes_before_the_other_and_is_named() {
    let local = "<ServiceConfiguration serviceName=\"Svc\" xmlns=\"http://schemas.microsoft.com/ServiceHosting/\
                 2008/10/ServiceConfiguration\"><Role name=\"Front\"><Instances count=\"3\" /></Role>\
                 <Role name=\"Back\"><Instances count=\"1\" /></Role></ServiceConfiguration>";
    let service = front_and_back().with("ServiceConfiguration.Local.cscfg", local);
    let transcript = service.transcript("check ServiceDefinition.csdef");
    let note = "note: configuration ServiceConfiguration.Local.cscfg, found beside the definition";
    assert!(transcript.contains(note), "{transcript}");
}

#[test]
fn a_plan_for_people() {
    let arguments = "plan ServiceDefinition.csdef --publish 80=127.0.0.1:8080 --set Front/Instances/@count=2";
    assert_golden("plan", &front_and_back().transcript(arguments));
}

#[test]
fn a_plan_for_programs() {
    let arguments = "plan ServiceDefinition.csdef --publish 80=127.0.0.1:8080 --set Front/Instances/@count=2 \
                     --format json";
    assert_golden("plan_json", &front_and_back().transcript(arguments));
}

#[test]
fn standard_output_of_a_plan_for_programs_is_json_and_nothing_else() {
    let plan = front_and_back().json("plan ServiceDefinition.csdef --format json");
    assert_eq!(plan["service"], "Svc");
}

/// The documentation's scenarios of traffic rules, with the endpoints that one role only may reach.
const SCENARIOS: [&[(&str, &str)]; 4] = [
    &[("InternalTCP2", "WebRole1")],
    &[("InternalTCP2", "WebRole1"), ("InternalTCP3", "WebRole1")],
    &[("InternalTCP2", "WebRole1"), ("InternalTCP3", "WorkerRole1")],
    &[("InternalTCP2", "WebRole1"), ("InternalTCP3", "WorkerRole1"), ("InternalTCP4", "WebRole1")],
];

#[test]
fn the_plans_of_the_four_scenarios_have_the_documented_traffic() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/myservice");
    for (number, restricted) in (1..).zip(SCENARIOS) {
        let plan =
            Service::new("", "").json(&format!("plan {examples}/scenario-{number}.csdef --format json"));
        let traffic = plan["traffic"].as_array().unwrap();
        assert_eq!(traffic.len(), 12, "3 roles and 4 endpoints");
        for entry in traffic {
            let only = restricted.iter().find(|(endpoint, _)| entry["endpoint"] == *endpoint);
            let allowed = only.is_none_or(|(_, role)| entry["from"] == *role);
            assert_eq!(entry["allowed"], allowed, "scenario {number}: {entry}");
            assert_eq!(entry["line"].is_u64(), only.is_some(), "scenario {number}: {entry}");
        }
    }
}

#[test]
fn of_two_values_for_one_setting_the_later_on_the_command_line_counts() {
    let arguments = "plan ServiceDefinition.csdef --setting Worker.Greeting=first \
                     --set Worker/ConfigurationSettings/Setting[@name=\"Greeting\"]/@value=last";
    let transcript = Service::new(ROLES, COUNTS).transcript(arguments);
    let table = transcript.split("SET ON THE COMMAND LINE").nth(1).unwrap();
    let values: Vec<&str> = table.lines().skip(1).filter_map(|row| row.split_whitespace().nth(1)).collect();
    assert_eq!(values.get(..2), Some(["first", "last"].as_slice()), "{transcript}");
}

#[test]
fn an_overlay_that_is_wrong_is_shown_as_it_was_typed() {
    let service = front_and_back();
    assert_golden(
        "overlay_no_target",
        &service.transcript("plan ServiceDefinition.csdef --set Bakc/@vmsize=Small"),
    );
    assert_golden("overlay_no_value", &service.transcript("plan ServiceDefinition.csdef --set Back/@vmsize"));
}

#[test]
fn a_plan_with_a_place_for_a_port_that_is_not_there() {
    let transcript = front_and_back().transcript("plan ServiceDefinition.csdef --publish 81=127.0.0.1:8080");
    assert!(transcript.contains("--- exit code 1"), "{transcript}");
    assert!(transcript.contains("error: there is no public port 81 to publish"), "{transcript}");
}

#[test]
fn more_than_the_platform_allowed_runs_when_it_is_asked_for() {
    let endpoints: String =
        (0..6).map(|number| format!("<InternalEndpoint name=\"E{number}\" protocol=\"tcp\" />")).collect();
    let roles = format!("<WorkerRole name=\"Worker\"><Endpoints>{endpoints}</Endpoints></WorkerRole>");
    let service = Service::new(&roles, "<Role name=\"Worker\"><Instances count=\"1\" /></Role>");
    let refused = service.transcript("check ServiceDefinition.csdef");
    assert!(refused.contains("--- exit code 1") && refused.contains("error[E0018]"), "{refused}");
    let accepted = service.transcript("check ServiceDefinition.csdef --limits warn");
    assert!(accepted.contains("--- exit code 0") && accepted.contains("warning[E0018]"), "{accepted}");
}

#[test]
fn explain_says_which_rule_decides_and_what_would_change_it() {
    let service = front_and_back();
    let explain = |words: &str| service.transcript(&format!("explain ServiceDefinition.csdef {words}"));
    assert_golden("explain_allowed", &explain("Front Back:Orders"));
    assert_golden("explain_denied", &explain("Back Back:Orders"));
    assert_golden("explain_role", &explain("Internet Back"));
}

#[test]
fn explain_proposes_the_name_that_was_meant() {
    let service = front_and_back();
    let explain = |words: &str| service.transcript(&format!("explain ServiceDefinition.csdef {words}"));
    assert_golden("explain_unknown_role", &explain("Fornt Back"));
    assert_golden("explain_unknown_endpoint", &explain("Front Back:Order"));
    assert_golden("explain_no_target", &explain("Front Back:"));
}

#[test]
fn explain_does_not_answer_when_the_files_are_wrong() {
    let transcript = mistaken().transcript("explain ServiceDefinition.csdef Worker Worker");
    assert!(
        transcript.contains("--- exit code 1\n--- standard output\n--- standard error\n"),
        "{transcript}"
    );
}

#[test]
fn graphs_in_three_languages() {
    let service = front_and_back();
    assert_golden("graph_dot", &service.transcript("graph ServiceDefinition.csdef"));
    assert_golden("graph_mermaid", &service.transcript("graph ServiceDefinition.csdef --format mermaid"));
    let svg = service.transcript("graph ServiceDefinition.csdef --format svg");
    assert!(svg.contains("--- exit code 0\n--- standard output\n<svg "), "{svg}");
}

#[test]
fn a_code_is_explained() {
    let nothing = Service::new("", "");
    assert_golden("explain_code", &nothing.transcript("explain-code e0012"));
    assert_golden("explain_code_unknown", &nothing.transcript("explain-code E00012"));
}

#[test]
fn all_codes_are_listed_each_on_a_line() {
    let transcript = Service::new("", "").transcript("explain-code");
    for code in wasm_roles_service_model::Code::ALL {
        let lines = transcript.lines().filter(|line| line.starts_with(&format!("{code}  ")));
        assert_eq!(lines.count(), 1, "{code} in:\n{transcript}");
    }
}

#[test]
fn a_reader_that_has_read_enough_is_no_failure() {
    let service = Service::new(ROLES, COUNTS);
    // More than a pipe holds, so that the program must notice.
    let plan = "plan ServiceDefinition.csdef --format json --set Worker/Instances/@count=5000";
    let mut running = service.start(plan);
    running.stop_reading();
    let ended = running.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.transcript);
    assert!(!ended.transcript.contains("panicked"), "{}", ended.transcript);
}

#[test]
fn every_command_has_help_with_an_example() {
    let service = Service::new("", "");
    for command in ["check", "plan", "explain", "graph", "explain-code"] {
        let help = service.transcript(&format!("{command} --help"));
        assert!(help.contains(&format!("  wasm-roles {command} ")), "{help}");
        assert_golden(&format!("help_{command}"), &help);
    }
}
