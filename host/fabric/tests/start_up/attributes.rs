//! The table of a task's attributes (facts: section 2.7), row by row. That there is at most one of each, and what their values
//! may be, is for the tests of the service model.

use crate::bed::{Service, was_told};

/// What the task says.
async fn said_by(task: &str) -> Vec<String> {
    let service = Service::steady(&format!("<Startup>{task}</Startup>")).with_task("setup");
    let mut running = service.start().await;
    running.hears("is Ready").await;
    let said = running.told.iter().filter_map(|said| said.split_once(" s: setup.cmd: "));
    said.map(|(_, said)| said.to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_command_line_is_split_as_a_shell_would_and_no_shell_runs() {
    let words = r#"print &quot;two words&quot; print 'one &quot;word&quot;' print '' print $PATH print %TEMP% print *.wasm
        print a;b print &gt;file print C:\new\table"#;
    let said = said_by(&format!(r#"<Task commandLine="setup.cmd {words}" />"#)).await;
    let expected =
        ["two words", r#"one "word""#, "", "$PATH", "%TEMP%", "*.wasm", "a;b", ">file", r"C:\new\table"];
    assert_eq!(said, expected);
}

#[tokio::test(start_paused = true)]
async fn the_command_line_of_the_longest_kind_arrives_whole() {
    let text = "x".repeat(256 - "setup.cmd print ".len());
    assert_eq!(said_by(&format!(r#"<Task commandLine="setup.cmd print {text}" />"#)).await, [text]);
}

#[tokio::test(start_paused = true)]
async fn the_execution_context_gives_no_other_rights() {
    for context in ["limited", "elevated"] {
        let words = "try-write /role/approot/x listen 0.0.0.0:80 try-write /etc/x";
        let task = format!(r#"<Task commandLine="setup.cmd {words}" executionContext="{context}" />"#);
        let said = said_by(&task).await;
        assert_eq!(said, ["could not write", "could not listen", "could not write"], "{context}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_task_type_is_simple_when_there_is_none() {
    let task = r#"<Startup><Task commandLine="setup.cmd sleep 3000 fail" /></Startup>"#;
    let mut running = Service::of_words("print never", task).with_task("setup").start().await;
    running.hears("3 s: is Recycling").await;
    assert!(!was_told(&running.told, "never"), "{:#?}", running.told);
}
