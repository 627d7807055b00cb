//! The traffic graph in its three languages.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod services;

use quick_xml::Reader;
use quick_xml::events::Event;
use services::{assert_golden, plan_of, scenario, zoo};
use wasm_roles_service_plan::graph;

/// Every text and attribute of a document, which must be well-formed.
fn texts(svg: &str) -> Vec<String> {
    let mut reader = Reader::from_str(svg);
    let mut open = 0_i32;
    let mut texts = vec![String::new()];
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => break,
            Event::Start(element) => {
                open += 1;
                texts.push(String::new());
                element.attributes().for_each(|attribute| assert!(!attribute.unwrap().value.is_empty()));
            }
            Event::Empty(element) => element.attributes().for_each(|attribute| drop(attribute.unwrap())),
            Event::End(_) => {
                open -= 1;
                texts.push(String::new());
            }
            Event::Text(text) => texts.last_mut().unwrap().push_str(&text),
            Event::GeneralRef(entity) => {
                let character = match &*entity {
                    "amp" => "&",
                    "lt" => "<",
                    "gt" => ">",
                    "quot" => "\"",
                    other => panic!("unknown entity {other}"),
                };
                texts.last_mut().unwrap().push_str(character);
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(open, 0, "every element is closed");
    texts
}

#[test]
fn the_scenario_in_every_language() {
    let graph = graph(&scenario(4));
    assert_golden("scenario-4.dot", &graph.to_dot());
    assert_golden("scenario-4.mmd", &graph.to_mermaid());
    assert_golden("scenario-4.svg", &graph.to_svg());
}

#[test]
fn every_kind_of_endpoint_in_every_language() {
    let graph = graph(&zoo());
    assert_golden("zoo.dot", &graph.to_dot());
    assert_golden("zoo.mmd", &graph.to_mermaid());
    assert_golden("zoo.svg", &graph.to_svg());
}

#[test]
fn pictures_are_well_formed_and_name_everything() {
    let found = texts(&graph(&zoo()).to_svg());
    for expected in
        ["Internet", "R&D", "0 instances", "tcp 7000, 7100-7110", "Front to Back: Listed tcp 20000"]
    {
        assert!(found.iter().any(|text| text.trim() == expected), "{expected} is not in {found:?}");
    }
    for plan in (1..=4).map(scenario) {
        texts(&graph(&plan).to_svg());
    }
}

#[test]
fn an_edge_stands_for_what_is_allowed_and_nothing_else() {
    let plan = scenario(4);
    let svg = graph(&plan).to_svg();
    let allowed = plan.traffic().filter(|entry| entry.allowed).count();
    assert_eq!(svg.matches("marker-end").count(), allowed + plan.public.len());
    let dot = graph(&plan).to_dot();
    assert!(dot.contains("role0 -> role2") && dot.contains("internet -> role0"));
    assert!(!dot.contains("role2 -> role1") && !dot.contains("internet -> role1"), "{dot}");
}

#[test]
fn names_cannot_break_out_of_any_language() {
    let name = "A&amp;B#1;--x~]$(y){z}%%";
    let body = format!(
        r#"<WorkerRole name="{name}"><Endpoints><InternalEndpoint name="I&amp;n#34;" protocol="tcp" port="1" /></Endpoints></WorkerRole>"#
    );
    let graph = graph(&plan_of(&body, &[(name, 3)]));
    assert!(texts(&graph.to_svg()).iter().any(|text| text == "A&B#1;--x~]$(y){z}%%"));
    assert!(graph.to_dot().contains("\"A&amp;B#1;--x~]$(y){z}%%\\n3 instances\""), "{}", graph.to_dot());
    let mermaid = graph.to_mermaid();
    assert!(
        mermaid.contains("[\"A#38;B#35;1;--x#126;#93;$#40;y#41;#123;z#125;%%<br/>3 instances\"]"),
        "{mermaid}"
    );
    assert!(mermaid.contains("|\"I#38;n#35;34; tcp 1\"|"), "{mermaid}");
}

#[test]
fn a_long_name_is_cut_in_the_picture_and_whole_in_its_title() {
    let name = "N".repeat(500);
    let graph = graph(&plan_of(&format!("<WorkerRole name=\"{name}\" />"), &[(&name, 1)]));
    let found = texts(&graph.to_svg());
    assert!(found.contains(&name) && found.contains(&format!("{}...", "N".repeat(40))));
}

#[test]
fn graphs_are_the_same_for_the_same_plan_and_for_more_instances() {
    assert_eq!(graph(&zoo()).to_svg(), graph(&zoo()).to_svg());
    let with = |count| {
        let body = r#"<WorkerRole name="A"><Endpoints><InternalEndpoint name="LongEnough" protocol="tcp" /></Endpoints></WorkerRole>"#;
        graph(&plan_of(body, &[("A", count)])).to_svg()
    };
    assert_eq!(with(2).replace("2 instances", ""), with(9_999).replace("9999 instances", ""));
}
