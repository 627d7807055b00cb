//! What is said of a watch, for people and for programs.

use std::time::Duration;

use serde_json::{Map, Value, json};
use wasm_roles_service_plan::RoleName;
use wasm_roles_workshop::{BuildReport, Outcome};

use super::building;
use super::clean::clean;
use super::host::refused;
use crate::watch::{News, What};

const GOES_ON: &str = "What ran before goes on";

/// Lines for people.
pub fn lines(news: &News) -> Vec<String> {
    match news {
        News::Watching { roles } if roles.is_empty() => {
            vec!["no role has sources; watching components, definition and configuration".to_owned()]
        }
        News::Watching { roles } => {
            vec![format!("watching the sources of {}, definition and configuration", names(roles))]
        }
        News::Builds { roles, because: Some(file) } => {
            vec![format!("{} was saved; builds {}", shown(&file.display().to_string()), names(roles))]
        }
        News::Builds { roles, because: None } => vec![format!("builds {}", names(roles))],
        News::Waits => vec!["somebody else builds this service; waiting for the end of that".to_owned()],
        News::NotBuilt { report } => with_goes_on(&building::failures(report)),
        News::CannotBuild { reason, hint } => {
            let mut lines = vec![format!("roles cannot be built: {}", shown(reason))];
            lines.extend((!hint.is_empty()).then(|| format!("hint: {}", shown(hint))));
            lines
        }
        News::Unreadable { file, why } => {
            vec![format!("{} cannot be read: {}. {GOES_ON}", shown(file), shown(why))]
        }
        News::Wrong { problems } => {
            // Already made for a terminal, perhaps with colours.
            let mut lines = vec![format!("the files of the service have errors. {GOES_ON}")];
            lines.extend(problems.lines().map(str::to_owned));
            lines
        }
        News::Applied { what, building, took, message } => {
            let done = match (what, building) {
                (What::Components(_), Some(building)) => {
                    format!("built in {}, runs {} later", seconds(*building), seconds(*took))
                }
                (What::Components(_), None) => format!("runs after {}", seconds(*took)),
                _ => format!("applied in {}", seconds(*took)),
            };
            vec![format!("{}: {done}: {}", subject(what), shown(message))]
        }
        News::NotApplied { what, refusal } => {
            let reason = refused(refusal);
            let does_not = match what {
                What::Components(_) => "does not run",
                _ => "is not applied",
            };
            let mut lines = vec![format!("{} {does_not}. {GOES_ON}", subject(what))];
            lines.extend(reason.message.lines().map(str::to_owned));
            lines.extend(reason.hint.map(|hint| format!("hint: {hint}")));
            lines
        }
        News::CannotWatch { reason } => {
            vec![format!("not all folders can be watched: {}; changes there are not seen", shown(reason))]
        }
    }
}

/// The kind and the fields of an object for programs.
pub fn object(news: &News) -> (&'static str, Value) {
    match news {
        News::Watching { roles } => ("watching", json!({"roles": texts(roles)})),
        News::Builds { roles, because } => {
            let file = because.as_ref().map(|file| file.display().to_string());
            ("watch-builds", json!({"roles": texts(roles), "file": file}))
        }
        News::Waits => ("watch-waits", json!({})),
        News::NotBuilt { report } => ("watch-not-built", json!({"roles": failures(report)})),
        News::CannotBuild { reason, hint } => {
            ("watch-cannot-build", json!({"message": reason, "hint": hint}))
        }
        News::Unreadable { file, why } => ("watch-unreadable", json!({"file": file, "message": why})),
        News::Wrong { problems } => ("watch-wrong", json!({"message": problems})),
        News::Applied { what, building, took, message } => {
            let mut fields = what_fields(what);
            let building = building.map(|building| building.as_secs_f64());
            fields.insert("build_seconds".to_owned(), json!(building));
            fields.insert("seconds".to_owned(), json!(took.as_secs_f64()));
            fields.insert("message".to_owned(), json!(message));
            ("watch-applied", Value::Object(fields))
        }
        News::NotApplied { what, refusal } => {
            let mut fields = what_fields(what);
            fields.insert("refusal".to_owned(), json!(refusal));
            ("watch-not-applied", Value::Object(fields))
        }
        News::CannotWatch { reason } => ("watch-blind", json!({"message": reason})),
    }
}

fn with_goes_on(text: &str) -> Vec<String> {
    let mut lines: Vec<String> =
        text.lines().map(|line| line.strip_prefix("error: ").unwrap_or(line).to_owned()).collect();
    lines.push(GOES_ON.to_owned());
    lines
}

fn subject(what: &What) -> String {
    match what {
        What::Components(roles) if roles.is_empty() => "a new component".to_owned(),
        What::Components(roles) => names(roles),
        What::Definition(file) | What::Configuration(file) => shown(file),
        What::Before => "what was saved before".to_owned(),
    }
}

fn what_fields(what: &What) -> Map<String, Value> {
    let (what, name, value) = match what {
        What::Components(roles) => ("components", "roles", json!(texts(roles))),
        What::Definition(file) => ("definition", "file", json!(file)),
        What::Configuration(file) => ("configuration", "file", json!(file)),
        What::Before => ("before", "file", Value::Null),
    };
    [("what".to_owned(), json!(what)), (name.to_owned(), value)].into_iter().collect()
}

fn failures(report: &BuildReport) -> Vec<Value> {
    let failed = report.roles.iter().filter_map(|role| match &role.outcome {
        Outcome::Failed(failed) => Some(json!({
            "role": role.role.as_str(),
            "message": failed.message,
            "hints": failed.hints,
            "output": failed.output,
        })),
        _ => None,
    });
    failed.collect()
}

fn names(roles: &[RoleName]) -> String {
    texts(roles).join(", ")
}

fn texts(roles: &[RoleName]) -> Vec<&str> {
    roles.iter().map(RoleName::as_str).collect()
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// What comes from tools and file names, safe for a terminal.
fn shown(text: &str) -> String {
    clean(text.as_bytes(), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use wasm_roles_control_interface::{Detail, Refusal, RefusalCode};

    fn roles(names: &[&str]) -> Vec<RoleName> {
        names.iter().map(|name| RoleName::new(name).unwrap()).collect()
    }

    fn applied(what: What, building: Option<u64>) -> News {
        let building = building.map(Duration::from_millis);
        News::Applied { what, building, took: Duration::from_millis(120), message: "it is done".to_owned() }
    }

    #[test]
    fn people_learn_what_was_saved_and_what_came_of_it() {
        let because = Some(PathBuf::from("roles/Web/src/a\u{1b}.rs"));
        let refusal = Refusal::new(RefusalCode::NotInPlace, "it changes what cannot change")
            .details([Detail::new("a store would shrink").hint("leave it")])
            .hint("deploy it anew");
        let cases = [
            (
                News::Watching { roles: roles(&["Web", "Worker"]) },
                "watching the sources of Web, Worker, definition and configuration",
            ),
            (
                News::Watching { roles: vec![] },
                "no role has sources; watching components, definition and configuration",
            ),
            (
                News::Builds { roles: roles(&["Web"]), because },
                "roles/Web/src/a\\u{1b}.rs was saved; builds Web",
            ),
            (
                applied(What::Components(roles(&["Web"])), Some(2_340)),
                "Web: built in 2.34 s, runs 0.12 s later: it is done",
            ),
            (applied(What::Components(vec![]), None), "a new component: runs after 0.12 s: it is done"),
            (
                applied(What::Definition("S.csdef".to_owned()), Some(7)),
                "S.csdef: applied in 0.12 s: it is done",
            ),
            (
                News::NotApplied { what: What::Definition("S.csdef".to_owned()), refusal: Box::new(refusal) },
                "S.csdef is not applied. What ran before goes on\nit changes what cannot change\n  - a store would shrink\n    \
                 hint: leave it\nhint: deploy it anew",
            ),
        ];
        for (news, expected) in cases {
            assert_eq!(lines(&news).join("\n"), expected);
        }
    }

    #[test]
    fn programs_get_an_object_with_the_same() {
        let (kind, fields) = object(&applied(What::Components(roles(&["Web"])), Some(2_000)));
        let expected = json!({
            "what": "components", "roles": ["Web"], "build_seconds": 2.0, "seconds": 0.12, "message": "it is done",
        });
        assert_eq!((kind, fields), ("watch-applied", expected));
        let (kind, fields) = object(&applied(What::Configuration("S.cscfg".to_owned()), None));
        assert_eq!(
            (kind, &fields["file"], &fields["build_seconds"]),
            ("watch-applied", &json!("S.cscfg"), &Value::Null)
        );
    }
}
