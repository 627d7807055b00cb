//! Values from the command line: what they change, what the model says then, and how a wrong one is shown.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

use wasm_roles_service_model::{
    AppliedOverlay, Code, Options, Outcome, Overlay, Role, ServiceModel, SettingName, Severity, Source, load,
    load_with, render,
};

const DEFINITION: &str = r#"<?xml version="1.0"?>
<ServiceDefinition name="Shop" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition">
  <WebRole name="Front" vmsize="Large">
    <Sites><Site name="Web"><Bindings><Binding name="Http" endpointName="Http" /></Bindings></Site></Sites>
    <ConfigurationSettings>
      <Setting name="Greeting" />
      <Setting name="Worker.Greeting" />
    </ConfigurationSettings>
    <Endpoints>
      <InputEndpoint name="Http" protocol="http" port="80" />
      <InputEndpoint name="Admin" protocol="http" port="8081" />
    </Endpoints>
  </WebRole>
  <WorkerRole name="Front.Worker">
    <ConfigurationSettings><Setting name="Greeting" /></ConfigurationSettings>
    <LocalResources><LocalStorage name="Cache" sizeInMB="5000" /></LocalResources>
  </WorkerRole>
</ServiceDefinition>"#;

const CONFIGURATION: &str = r#"<?xml version="1.0"?>
<ServiceConfiguration serviceName="Shop" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration">
  <Role name="Front">
    <Instances count="8" />
    <ConfigurationSettings>
      <Setting name="Greeting" value="from the file" />
      <Setting name="Worker.Greeting" value="from the file" />
    </ConfigurationSettings>
  </Role>
  <Role name="Front.Worker">
    <Instances count="4" />
    <ConfigurationSettings><Setting name="Greeting" value="from the file" /></ConfigurationSettings>
  </Role>
</ServiceConfiguration>"#;

fn definition() -> Source {
    Source { name: "shop.csdef".to_owned(), text: DEFINITION.to_owned() }
}

fn configuration() -> Source {
    Source { name: "shop.cscfg".to_owned(), text: CONFIGURATION.to_owned() }
}

fn set(text: &str) -> Overlay {
    Overlay::set(text).unwrap()
}

fn setting(text: &str) -> Overlay {
    Overlay::setting(text).unwrap()
}

fn with_configuration(overlays: &[Overlay]) -> Outcome {
    load_with(&definition(), Some(&configuration()), overlays, &Options::default())
}

fn without_configuration(overlays: &[Overlay]) -> Outcome {
    load_with(&definition(), None, overlays, &Options::default())
}

fn shown(outcome: &Outcome) -> String {
    let (definition, configuration) = (definition(), configuration());
    render(&outcome.diagnostics, &outcome.sources(&definition, Some(&configuration)), false)
}

/// The model, which must be there.
fn model(outcome: &Outcome) -> &ServiceModel {
    outcome.model.as_ref().unwrap_or_else(|| panic!("{}", shown(outcome)))
}

fn role<'a>(outcome: &'a Outcome, name: &str) -> &'a Role {
    model(outcome).roles().iter().find(|role| role.name.as_str() == name).unwrap()
}

fn value<'a>(outcome: &'a Outcome, role_name: &str, setting: &str) -> &'a str {
    &role(outcome, role_name).settings[&SettingName::new(setting).unwrap()]
}

fn errors(outcome: &Outcome) -> Vec<(Code, String)> {
    let errors = outcome.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    errors
        .map(|error| (error.code, error.span.as_ref().map(ToString::to_string).unwrap_or_default()))
        .collect()
}

#[test]
fn the_files_alone_are_clean_so_the_overlays_below_show_their_own_effect() {
    let outcome = load(&definition(), Some(&configuration()), &Options::default());
    assert_eq!(shown(&outcome), "");
    assert!(outcome.overlays.is_empty() && outcome.overlay_sources.is_empty());
}

#[test]
fn an_attribute_of_the_definition_is_replaced() {
    let outcome = with_configuration(&[set("Front/@vmsize=Small")]);
    assert_eq!(role(&outcome, "Front").vm_size.name(), "Small");
    let [AppliedOverlay { target, value, was, given_as, replaced, .. }] = &outcome.overlays[..] else {
        panic!()
    };
    assert_eq!((target.as_str(), value.as_str()), ("Front/@vmsize", "Small"));
    assert_eq!((was.as_deref(), given_as.as_str()), (Some("Large"), "Front/@vmsize=Small"));
    assert_eq!(replaced.as_ref().unwrap().to_string(), "shop.csdef:3:33");
}

#[test]
fn an_attribute_that_is_not_written_is_added() {
    let outcome = with_configuration(&[set("Front.Worker/@vmsize=Medium"), set("@upgradeDomainCount=3")]);
    assert_eq!(role(&outcome, "Front.Worker").vm_size.name(), "Medium");
    assert_eq!(model(&outcome).upgrade_domain_count().get(), 3);
    assert!(outcome.overlays.iter().all(|overlay| overlay.was.is_none() && overlay.replaced.is_none()));
    assert_eq!(outcome.overlays[1].target, "@upgradeDomainCount");
}

#[test]
fn the_path_decides_about_the_file() {
    let outcome = with_configuration(&[
        set("Front/Instances/@count=1"),
        set(r#"Front/ConfigurationSettings/Setting[@name="Greeting"]/@value=from the path"#),
    ]);
    assert_eq!(role(&outcome, "Front").instance_count, 1);
    assert_eq!(value(&outcome, "Front", "Greeting"), "from the path");
    let replaced = outcome.overlays.iter().map(|overlay| overlay.replaced.as_ref().unwrap().to_string());
    assert_eq!(replaced.collect::<Vec<_>>(), ["shop.cscfg:4:23", "shop.cscfg:6:39"]);
}

#[test]
fn one_of_several_elements_is_chosen_by_an_attribute() {
    let outcome = with_configuration(&[set("Front/Endpoints/InputEndpoint[@name='Admin']/@port=9000")]);
    let ports = role(&outcome, "Front").endpoints.iter().map(|endpoint| format!("{:?}", endpoint.kind));
    let ports: Vec<String> = ports.collect();
    assert!(ports[0].contains("80") && !ports[0].contains("9000"), "{ports:?}");
    assert!(ports[1].contains("9000"), "{ports:?}");
    assert_eq!(outcome.overlays[0].target, r#"Front/Endpoints/InputEndpoint[@name="Admin"]/@port"#);
}

#[test]
fn the_only_element_of_its_name_needs_no_choice() {
    let outcome = with_configuration(&[set("Front.Worker/LocalResources/LocalStorage/@sizeInMB=10")]);
    assert_eq!(role(&outcome, "Front.Worker").local_resources[0].size_mb, 10);
}

#[test]
fn the_longest_role_name_that_fits_a_setting_wins() {
    let outcome = with_configuration(&[setting("Front.Worker.Greeting=hello"), setting("Front.Greeting=hi")]);
    assert_eq!(value(&outcome, "Front.Worker", "Greeting"), "hello");
    assert_eq!(value(&outcome, "Front", "Greeting"), "hi");
    assert_eq!(value(&outcome, "Front", "Worker.Greeting"), "from the file");
    let target = r#"Front.Worker/ConfigurationSettings/Setting[@name="Greeting"]/@value"#;
    assert_eq!(outcome.overlays[0].target, target);
}

#[test]
fn a_setting_of_the_shorter_role_can_be_reached_by_its_path() {
    let path = r#"Front/ConfigurationSettings/Setting[@name="Worker.Greeting"]/@value=hello"#;
    let outcome = with_configuration(&[set(path)]);
    assert_eq!(value(&outcome, "Front", "Worker.Greeting"), "hello");
    assert_eq!(value(&outcome, "Front.Worker", "Greeting"), "from the file");
}

#[test]
fn the_last_of_several_overlays_wins_and_says_what_it_replaced() {
    let outcome = with_configuration(&[set("Front/Instances/@count=2"), set("Front/Instances/@count=3")]);
    assert_eq!(role(&outcome, "Front").instance_count, 3);
    assert_eq!(outcome.overlays[1].was.as_deref(), Some("2"));
    assert_eq!(outcome.overlays[1].replaced.as_ref().unwrap().to_string(), "--set:1:24");
}

#[test]
fn a_value_is_taken_as_it_is() {
    let text = "Front.Greeting= a=b & <c> \"d\"\nsecond line ";
    let outcome = with_configuration(&[setting(text)]);
    assert_eq!(value(&outcome, "Front", "Greeting"), " a=b & <c> \"d\"\nsecond line ");
    assert_eq!(outcome.overlays[0].given_as, text);
    assert_eq!(with_configuration(&[setting("Front.Greeting=")]).overlays[0].value, "");
}

#[test]
fn without_a_configuration_overlaid_values_stand_beside_the_usual_ones() {
    let outcome =
        without_configuration(&[set("Front/Instances/@count=3"), setting("Front.Worker.Greeting=hello")]);
    let counts = model(&outcome).roles().iter().map(|role| role.instance_count);
    assert_eq!(counts.collect::<Vec<_>>(), [3, 1]);
    assert_eq!(value(&outcome, "Front.Worker", "Greeting"), "hello");
    assert_eq!(value(&outcome, "Front", "Greeting"), "");
    let [note] = &outcome.diagnostics[..] else { panic!("{}", shown(&outcome)) };
    assert_eq!(note.code, Code::NoConfiguration);
    assert_eq!(note.help.as_deref(), Some("these settings are empty: Front/Greeting, Front/Worker.Greeting"));
    assert!(outcome.overlays.iter().all(|overlay| overlay.was.is_none()));
}

#[test]
fn what_overlays_leave_out_is_no_more_missing_than_without_them() {
    let certificate = r#"vmsize="Large"><Certificates><Certificate name="Tls" storeLocation="LocalMachine" storeName="My" /></Certificates>"#;
    let text = DEFINITION.replacen(r#"vmsize="Large">"#, certificate, 1);
    let definition = Source { name: "shop.csdef".to_owned(), text };
    let without = load(&definition, None, &Options::default());
    let overlaid = load_with(&definition, None, &[set("Front/Instances/@count=2")], &Options::default());
    let codes = |outcome: &Outcome| outcome.diagnostics.iter().map(|found| found.code).collect::<Vec<_>>();
    assert_eq!(codes(&overlaid), codes(&without));
    assert_eq!(role(&overlaid, "Front").instance_count, 2);
}

#[test]
fn overlays_of_the_definition_alone_make_no_configuration() {
    let (plain, overlaid) =
        (without_configuration(&[]), without_configuration(&[set("Front/@vmsize=Small")]));
    assert_eq!(plain.diagnostics, overlaid.diagnostics);
}

#[test]
fn a_role_that_the_configuration_forgot_can_be_given() {
    let worker = CONFIGURATION.find(r#"  <Role name="Front.Worker">"#).unwrap();
    let text = format!("{}</ServiceConfiguration>", &CONFIGURATION[..worker]);
    let forgetful = Source { name: "shop.cscfg".to_owned(), text };
    let load =
        |overlays: &[Overlay]| load_with(&definition(), Some(&forgetful), overlays, &Options::default());
    let codes: Vec<Code> = errors(&load(&[])).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, [Code::RoleNotConfigured]);

    let outcome = load(&[set("Front.Worker/Instances/@count=2"), setting("Front.Worker.Greeting=hi")]);
    assert_eq!(role(&outcome, "Front.Worker").instance_count, 2);
    assert_eq!(value(&outcome, "Front.Worker", "Greeting"), "hi");
}

#[test]
fn a_wrong_value_is_shown_in_the_argument() {
    let outcome = with_configuration(&[
        set("Front/Instances/@count=2"),
        set("Front/Instances/@count=many"),
        setting("Front.Greeting=hi"),
        set(r#"Front/Endpoints/InputEndpoint[@name="Http"]/@protocol=htp"#),
    ]);
    assert!(outcome.model.is_none());
    assert_eq!(
        errors(&outcome),
        [(Code::InvalidValue, "--set:2:24".to_owned()), (Code::InvalidValue, "--set:3:55".to_owned())]
    );
    let text = shown(&outcome);
    assert!(
        text.contains("2 | Front/Instances/@count=many\n  |                        ^^^^ expected"),
        "{text}"
    );
    assert!(text.contains("did you mean `http`?"), "{text}");
}

#[test]
fn checks_across_the_files_see_overlaid_values() {
    let outcome = with_configuration(&[set("Front/Endpoints/InputEndpoint[@name='Admin']/@port=80")]);
    assert_eq!(errors(&outcome), [(Code::PublicPortTaken, "--set:1:52".to_owned())]);
    let outcome = with_configuration(&[set("@serviceName=Other")]);
    assert_eq!(errors(&outcome), [(Code::ServiceNameMismatch, "--set:1:14".to_owned())]);
}

#[test]
fn a_value_in_the_file_that_is_replaced_needs_not_be_right() {
    let text = DEFINITION.replace(r#"port="80""#, r#"port="many""#);
    let definition = Source { name: "shop.csdef".to_owned(), text };
    let overlay = [set(r#"Front/Endpoints/InputEndpoint[@name="Http"]/@port=80"#)];
    let outcome = load_with(&definition, Some(&configuration()), &overlay, &Options::default());
    assert_eq!(shown(&outcome), "");
}

#[test]
fn line_ends_in_a_value_move_no_line() {
    let outcome =
        with_configuration(&[setting("Front.Greeting=two\r\nlines"), setting("Front.Worker.Greetin=x")]);
    assert_eq!(errors(&outcome), [(Code::OverlayWithoutTarget, "--setting:2:14".to_owned())]);
    assert!(shown(&outcome).contains("2 | Front.Worker.Greetin=x\n"), "{}", shown(&outcome));
}

#[test]
fn an_overlay_that_leads_nowhere_is_an_error_with_the_nearest_name() {
    for (overlay, place, help) in [
        (set("Fron/@vmsize=Small"), "--set:1:1", "did you mean `Front`?"),
        (set("Front/@vmsze=Small"), "--set:1:8", "did you mean `vmsize`?"),
        (set("Front/Instance/@count=1"), "--set:1:7", "did you mean `Instances`?"),
        (set("Front/Endpoints/InputEndpoint[@name='Htp']/@port=1"), "--set:1:38", "did you mean `Http`?"),
        (set("Front.Worker/Sites/Site/@name=A"), "--set:1:14", "known here: "),
        (setting("Front.Greting=x"), "--setting:1:7", "did you mean `Greeting`?"),
        (setting("Frnt.Greeting=x"), "--setting:1:1", "did you mean `Front`?"),
    ] {
        for outcome in [with_configuration(std::slice::from_ref(&overlay)), without_configuration(&[overlay])]
        {
            assert_eq!(errors(&outcome), [(Code::OverlayWithoutTarget, place.to_owned())]);
            let error = outcome.diagnostics.iter().find(|found| found.severity == Severity::Error).unwrap();
            assert!(error.help.as_ref().unwrap().starts_with(help), "{error:?}");
            assert!(outcome.overlays.is_empty());
        }
    }
}

#[test]
fn settings_of_a_module_need_no_declaration() {
    const NAME: &str = "Microsoft.WindowsAzure.Plugins.Diagnostics.ConnectionString";
    let import = r#"vmsize="Large"><Imports><Import moduleName="Diagnostics" /></Imports>"#;
    let text = DEFINITION.replacen(r#"vmsize="Large">"#, import, 1);
    let definition = Source { name: "shop.csdef".to_owned(), text };
    let overlay = [setting(&format!("Front.{NAME}=UseDevelopmentStorage=true"))];
    let outcome = load_with(&definition, Some(&configuration()), &overlay, &Options::default());
    assert_eq!(value(&outcome, "Front", NAME), "UseDevelopmentStorage=true");
}

#[test]
fn beside_a_file_that_cannot_be_read_overlays_add_no_noise() {
    let broken = Source { name: "shop.cscfg".to_owned(), text: "<ServiceConfiguration".to_owned() };
    let overlays = [set("Front/Instances/@count=3"), set("Front/@vmsize=Small")];
    let outcome = load_with(&definition(), Some(&broken), &overlays, &Options::default());
    let codes: Vec<Code> = outcome.diagnostics.iter().map(|found| found.code).collect();
    assert_eq!(codes, [Code::MalformedXml]);
    let outcome = load_with(&broken, Some(&configuration()), &overlays, &Options::default());
    let codes: Vec<Code> = outcome.diagnostics.iter().map(|found| found.code).collect();
    assert_eq!(codes, [Code::MalformedXml]);
}

#[test]
fn whatever_the_text_there_is_an_answer() {
    let long = format!("Front/{}@vmsize=Small", "Instances/".repeat(10_000));
    let whole = r#"Front/Endpoints/InputEndpoint[@name="Admin"]/@port=9000"#;
    let cut = whole.char_indices().map(|(cut, _)| &whole[..cut]);
    let odd = ["é[@é='é']/@é=é", "Front/\u{FFFF}=1", "[/@=", "@@a=b", "Front/@[@a=b]=c", "//////@a=b", &long];
    for text in cut.chain(odd).chain([whole]) {
        let overlays: Vec<Overlay> =
            [Overlay::set(text), Overlay::setting(text)].into_iter().filter_map(Result::ok).collect();
        let outcome = with_configuration(&overlays);
        let refused = errors(&outcome).len();
        assert!(outcome.overlays.len() + refused >= overlays.len(), "{text}");
        assert_eq!(shown(&outcome).is_empty(), outcome.diagnostics.is_empty());
    }
}
