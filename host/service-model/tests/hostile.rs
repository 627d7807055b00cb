//! Files that nobody would write: whatever the text, there is an answer, soon, and it can be printed.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use wasm_roles_service_model::{Code, Options, Severity, Source, load, render};

fn assert_answered(definition: &str, configuration: Option<&str>) {
    let source = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
    let definition = source("a.csdef", definition);
    let configuration = configuration.map(|text| source("a.cscfg", text));
    let outcome = load(&definition, configuration.as_ref(), &Options::default());
    assert!(outcome.model.is_some() || !outcome.diagnostics.is_empty());
    let sources: Vec<&Source> = [&definition].into_iter().chain(&configuration).collect();
    let text = render(&outcome.diagnostics, &sources, false);
    assert_eq!(text.is_empty(), outcome.diagnostics.is_empty());
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ok").join(name);
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn a_definition_cut_off_anywhere_is_answered() {
    for name in ["every-endpoint.csdef", "start-up.csdef", "sites.csdef", "probes.csdef"] {
        let text = fixture(name);
        assert!(!text.is_empty());
        for (cut, _) in text.char_indices() {
            assert_answered(&text[..cut], None);
        }
    }
}

#[test]
fn a_file_that_lacks_or_doubles_a_character_is_answered() {
    let (definition, configuration) = (fixture("scenario-4.csdef"), fixture("scenario-4.cscfg"));
    for text in [&definition, &configuration] {
        for (place, character) in text.char_indices() {
            let (before, after) = (&text[..place], &text[place + character.len_utf8()..]);
            for changed in [format!("{before}{after}"), format!("{before}{character}{character}{after}")] {
                if std::ptr::eq(text, &definition) {
                    assert_answered(&changed, Some(&configuration));
                } else {
                    assert_answered(&definition, Some(&changed));
                }
            }
        }
    }
}

#[test]
fn markup_without_sense_is_answered() {
    for text in [
        "",
        "\u{FEFF}",
        "<",
        "</a>",
        "<a",
        "<a b",
        "<a b=",
        "<a b='",
        "&",
        "<!",
        "<!--",
        "<![CDATA[",
        "<?",
        "<a xmlns='x' xmlns='y'/>",
        "<a>&#0;</a>",
        "<a b='&#27;[31m'/>",
        "<a b='&#xFFFFFFFFF;'/>",
        "\u{0}",
        "<a>\u{FFFF}</a>",
        "<xmlns:a xmlns:xmlns='b'/>",
        "<:/>",
        "<a :='b'/>",
    ] {
        assert_answered(text, None);
        assert_answered("<ServiceDefinition/>", Some(text));
    }
}

#[test]
fn a_huge_file_on_one_line_is_answered_in_linear_time() {
    const NAMESPACE: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition";
    let junk = "<Junk a='1' b='2'/>".repeat(20_000);
    let text = format!("<ServiceDefinition name='A' xmlns='{NAMESPACE}'>{junk}</ServiceDefinition>");
    let definition = Source { name: "a.csdef".to_owned(), text };
    let outcome = load(&definition, None, &Options::default());
    let unknown = outcome.diagnostics.iter().filter(|found| found.code == Code::UnknownItem).count();
    assert_eq!(unknown, 20_000);
    let last = outcome.diagnostics.iter().filter_map(|found| found.span.as_ref()).next_back();
    assert_eq!(last.map(|span| span.line), Some(1));
}

#[test]
fn a_huge_role_with_a_mistake_in_every_line_is_answered_in_linear_time() {
    const NAMESPACE: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition";
    const OF_INSTANCE: &str = "/RoleEnvironment/CurrentInstance/ConfigurationSettings/ConfigurationSetting";
    let many = |line: fn(u32) -> String| (0..20_000).map(line).collect::<String>();
    let settings = many(|n| format!("<Setting name='A_long_name_of_a_setting_{n}'/>"));
    let variables = many(|n| {
        let xpath = format!("{OF_INSTANCE}[@name=&quot;A_long_name_of_a_setting-{n}&quot;]/@value");
        format!("<Variable name='V{n}'><RoleInstanceValue xpath='{xpath}'/></Variable>")
    });
    let sites = many(|n| {
        format!("<Site name='Site'><Bindings><Binding name='B' endpointName='E{n}'/></Bindings></Site>")
    });
    let text = format!(
        "<ServiceDefinition name='A' xmlns='{NAMESPACE}'><WebRole name='Web'>\
         <ConfigurationSettings>{settings}</ConfigurationSettings>\
         <Runtime><Environment>{variables}</Environment></Runtime><Sites>{sites}</Sites>\
         </WebRole></ServiceDefinition>"
    );
    let definition = Source { name: "a.csdef".to_owned(), text };
    let start = Instant::now();
    let outcome = load(&definition, None, &Options::default());
    // Takes well below a second; comparing each name with each other one takes minutes.
    assert!(start.elapsed() < Duration::from_secs(20));
    let errors = outcome.diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
    // Each is found; of so many only the first ones are kept, and the others are counted.
    assert_eq!(errors, 20_000);
    assert!(outcome.left_out >= 39_999, "{}", outcome.left_out);
}
