//! What a task and the role's program find when they begin: variables, directories, files.

use crate::bed::{Service, was_told};

/// What the task says with these words on its command line, as one run of a role with these other elements.
async fn lines_of_role(service: Service, last: &str) -> Vec<String> {
    let mut running = service.start().await;
    running.hears(last).await;
    running.told.iter().filter_map(|said| said.split_once(" s: ")).map(|(_, said)| said.to_owned()).collect()
}

const VARIABLES: &str = "env RoleRoot env RdRoleRoot env RoleName env RoleInstanceID env RdRoleId env TEMP env TMP env OfTask env OfRole \
     env Path print end";

#[tokio::test(start_paused = true)]
async fn role_and_tasks_get_the_platforms_variables_and_each_its_own() {
    let xpath = "/RoleEnvironment/CurrentInstance/LocalResources/LocalResource[@name='Cache']/@path";
    let path = format!(r#"<Variable name="Path"><RoleInstanceValue xpath="{xpath}" /></Variable>"#);
    let service = Service::new(
        "task",
        &format!(
            r#"<Startup><Task commandLine="setup.exe {VARIABLES}"><Environment>
                <Variable name="OfTask" value="yes" />{path}</Environment></Task></Startup>
            <LocalResources><LocalStorage name="Cache" sizeInMB="5" /></LocalResources>
            <Runtime><Environment><Variable name="OfRole" value="yes" />{path}</Environment>
            <EntryPoint><ProgramEntryPoint commandLine="role.exe {VARIABLES}" setReadyOnProcessStart="true" />
            </EntryPoint></Runtime>"#
        ),
    )
    .with_task("setup");
    let lines = lines_of_role(service, "role: end").await;
    let of = |who: &str| -> Vec<&str> {
        lines.iter().filter_map(|line| line.strip_prefix(who)).filter(|line| *line != "end").collect()
    };
    let platform = [
        "RoleRoot=/role",
        "RdRoleRoot=/role",
        "RoleName=W",
        "RoleInstanceID=W_IN_0",
        "RdRoleId=W_IN_0",
        "TEMP=/tmp",
        "TMP=/tmp",
    ];
    let task = of("setup.exe: ");
    assert_eq!(task[..7], platform);
    assert_eq!(task[7..], ["OfTask=yes", "OfRole is not set", "Path=/local/Cache"]);
    let role = of("role: ");
    assert_eq!(role[..7], platform);
    assert_eq!(role[7..], ["OfTask is not set", "OfRole=yes", "Path=/local/Cache"]);
}

#[tokio::test(start_paused = true)]
async fn role_and_tasks_see_the_roles_folder_with_its_contents_and_cannot_write_to_it() {
    let words = "list . list /role/approot/tools try-write x try-write /role/approot/tools/a.txt print end";
    let contents =
        r#"<Contents><Content destination="tools"><SourceDirectory path="files" /></Content></Contents>"#;
    let startup = format!(r#"<Startup><Task commandLine="tools\setup.cmd {words}" /></Startup>"#);
    let service = Service::of_words(words, &format!("{startup}{contents}"));
    service.write("files/a.txt", b"a");
    service.put("task", "files/setup.wasm");
    service.write("secret.cscfg", b"of another role");
    let lines = lines_of_role(service, "role: end").await;
    for who in [r"tools\setup.cmd", "role"] {
        let seen: Vec<&str> =
            lines.iter().filter_map(|line| line.strip_prefix(who)?.strip_prefix(": ")).collect();
        let expected = ["role.wasm tools", "a.txt setup.wasm", "could not write", "could not write", "end"];
        assert_eq!(seen, expected, "{who}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_prepares_the_local_stores_for_the_role_again_after_each_recycle() {
    let startup = r#"<Startup><Task commandLine="setup.cmd append /local/Cache/log prepared" /></Startup>
        <LocalResources><LocalStorage name="Cache" sizeInMB="5" /></LocalResources>"#;
    let service = Service::of_words("append /local/Cache/log used", startup).with_task("setup");
    service.put("task", "W/setup.wasm");
    let mut running = service.start().await;
    // A clean-up of the store that came after the task would make the role fail.
    for waits in ["waits 1 s because it run returned", "waits 2 s because it run returned"] {
        running.hears(waits).await;
    }
    assert!(!was_told(&running.told, "error"), "{:#?}", running.told);
}
