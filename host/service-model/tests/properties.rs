//! What holds for every service, and for every text.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod generated;
mod promises;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use promises::{From, assert_comes_back, read, source};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use wasm_roles_service_model::{InstanceValue, Options, Source, render};

/// Pieces of definitions and configurations, so that what is put together from them gets beyond the first bytes.
const PIECES: &[&str] = &[
    "<ServiceDefinition name='A' xmlns='http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition'>",
    "<ServiceConfiguration serviceName='A' \
     xmlns='http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration'>",
    "</ServiceDefinition>",
    "</ServiceConfiguration>",
    "<WebRole name='W'>",
    "</WebRole>",
    "<WorkerRole name='W' vmsize='Smal'>",
    "<Role name='W'>",
    "</Role>",
    "<Instances count='-1'/>",
    "<Instances count='99999999999999999999'/>",
    "<Endpoints>",
    "</Endpoints>",
    "<InputEndpoint name='E' protocol='http' port='80'/>",
    "<InternalEndpoint name='E' protocol='tcp' port='*'/>",
    "<Sites><Site name='S'><Bindings><Binding name='B' endpointName='E'/></Bindings></Site></Sites>",
    "<Startup><Task commandLine='\"",
    "<Setting name='",
    "' value='",
    "'/>",
    "<",
    ">",
    "/>",
    "=",
    "'",
    "\"",
    "&",
    "&#x",
    ";",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?xml encoding='utf-16'?>",
    "<!DOCTYPE a>",
    "xmlns:a='",
    "a:",
    "\n",
    "\r\n",
    "\t",
    "\u{FEFF}",
    "\u{0}",
    "é𝄞",
    " name='x' name='x'",
];

/// Pieces of paths.
const STEPS: &[&str] = &[
    "/RoleEnvironment",
    "/CurrentInstance",
    "/Deployment",
    "/Endpoints/Endpoint",
    "/LocalResources/LocalResource",
    "/ConfigurationSettings/ConfigurationSetting",
    "[@name='a']",
    "[@name=\"it's\"]",
    "[",
    "]",
    "'",
    "\"",
    "/@id",
    "/@port",
    "/@value",
    "/",
    "@",
    " ",
    "é",
];

fn choices() -> impl Strategy<Value = Vec<u32>> {
    vec(any::<u32>(), 0..400)
}

fn text(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    vec(prop_oneof![9 => select(pieces).prop_map(str::to_owned), 1 => any::<String>()], 0..40)
        .prop_map(|pieces| pieces.concat())
}

/// The definitions of `tests/ok` and `tests/bad`, each with its configuration when it has one.
fn fixtures() -> &'static [(Source, Option<Source>)] {
    static FIXTURES: LazyLock<Vec<(Source, Option<Source>)>> = LazyLock::new(|| {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let read = |path: &Path, name| fs::read(path).ok().map(|bytes| Source::decode(name, &bytes).unwrap());
        let files = ["ok", "bad"].into_iter().flat_map(|folder| fs::read_dir(tests.join(folder)).unwrap());
        let mut paths: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "csdef"));
        paths.sort();
        let pair = |path: PathBuf| {
            let configuration = read(&path.with_extension("cscfg"), "a.cscfg");
            (read(&path, "a.csdef").unwrap(), configuration)
        };
        paths.into_iter().map(pair).collect()
    });
    &FIXTURES
}

/// A change to a text: from a place, some characters are left out or doubled, and a piece is put there.
#[derive(Debug, Clone)]
struct Change {
    place: Index,
    length: usize,
    is_doubled: bool,
    piece: String,
}

fn change() -> impl Strategy<Value = Change> {
    let piece = prop_oneof![
        2 => Just(String::new()),
        2 => select(PIECES).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    (any::<Index>(), 0..200usize, any::<bool>(), piece)
        .prop_map(|(place, length, is_doubled, piece)| Change { place, length, is_doubled, piece })
}

fn changed(source: &Source, changes: &[Change]) -> Source {
    let mut text = source.text.clone();
    for change in changes {
        let place = text.floor_char_boundary(change.place.index(text.len() + 1));
        let end = text.floor_char_boundary((place + change.length).min(text.len()));
        let (before, middle, after) = (&text[..place], &text[place..end], &text[end..]);
        let middle = if change.is_doubled { middle.repeat(2) } else { String::new() };
        text = format!("{before}{}{middle}{after}", change.piece);
    }
    Source { name: source.name.clone(), text }
}

fn configuration_of_tests() -> ProptestConfig {
    // A failure prints its example; files of old ones would lie about after the bug is gone.
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) }
}

proptest! {
    #![proptest_config(configuration_of_tests())]

    #[test]
    fn a_valid_service_has_a_model_that_comes_back(choices in choices()) {
        let service = generated::service(&choices);
        let definition = source("a.csdef", service.definition);
        let configuration = source("a.cscfg", service.configuration);
        let outcome = read(&definition, Some(&configuration), &Options::default());
        let sources = outcome.sources(&definition, Some(&configuration));
        let Some(model) = &outcome.model else {
            panic!("{}", render(&outcome.diagnostics, &sources, false));
        };
        assert_comes_back(model, From::BothFiles, &Options::default());
    }

    #[test]
    fn a_definition_alone_has_a_model_that_comes_back(choices in choices()) {
        let definition = source("a.csdef", generated::service(&choices).definition);
        let model = read(&definition, None, &Options::default()).model.unwrap();
        assert_comes_back(&model, From::Definition, &Options::default());
    }

    #[test]
    fn any_bytes_are_answered(definition in vec(any::<u8>(), 0..200), configuration in vec(any::<u8>(), 0..200)) {
        if let (Ok(definition), Ok(configuration)) =
            (Source::decode("a.csdef", &definition), Source::decode("a.cscfg", &configuration))
        {
            read(&definition, Some(&configuration), &Options::default());
        }
    }

    #[test]
    fn any_texts_are_answered(definition in text(PIECES), configuration in text(PIECES), strict in any::<bool>()) {
        let (definition, configuration) = (source("a.csdef", definition), source("a.cscfg", configuration));
        read(&definition, Some(&configuration), &Options { strict, ..Options::default() });
    }

    #[test]
    fn a_changed_file_is_answered_and_its_model_comes_back(
        which in select(fixtures()),
        of_definition in vec(change(), 0..3),
        of_configuration in vec(change(), 0..3),
    ) {
        let (definition, configuration) = which;
        let definition = changed(&definition, &of_definition);
        let configuration = configuration.map(|source| changed(&source, &of_configuration));
        let outcome = read(&definition, configuration.as_ref(), &Options::default());
        if let Some(model) = &outcome.model {
            let from = if configuration.is_some() { From::BothFiles } else { From::Definition };
            assert_comes_back(model, from, &Options::default());
        }
    }

    #[test]
    fn any_path_is_answered_and_a_good_one_is_written_again(path in text(STEPS)) {
        if let Ok(value) = InstanceValue::parse(&path) {
            prop_assert_eq!(InstanceValue::parse(&value.to_string()), Ok(value));
        }
    }
}
