//! What keeps a deployment from starting at all, with the place in the definition.

use wasm_roles_fabric::Problem;

use crate::bed::Service;

async fn refused(service: Service) -> (String, Option<String>) {
    let Err(error) = service.try_start().await else { panic!("it started") };
    let [problem] = error.problems() else { panic!("{error}") };
    (problem.to_string(), problem.hint())
}

#[tokio::test]
async fn a_task_without_a_component_is_named_with_its_line_and_the_file_that_it_stands_for() {
    let service =
        Service::of_words("print x", "<Startup>\n<Task commandLine=\"setup.cmd /quiet\" /></Startup>");
    let folder = service.folder.path().display().to_string();
    let (problem, hint) = refused(service).await;
    assert_eq!(
        problem,
        format!(
            "Svc.csdef:4:1: start-up task `setup.cmd` of role W has no component: there is neither \
             {folder}/W/setup.wasm nor {folder}/setup.wasm"
        )
    );
    assert!(hint.unwrap().contains("--approot W=DIR"));
}

#[tokio::test]
async fn a_variable_in_the_path_of_a_task_is_not_expanded() {
    let startup = r#"<Startup><Task commandLine="%RoleRoot%\approot\setup.cmd" /></Startup>"#;
    let service = Service::of_words("print x", startup).with_task("setup");
    let (problem, _) = refused(service).await;
    assert!(problem.contains("/W/%RoleRoot%/approot/setup.wasm"), "{problem}");
}

#[tokio::test]
async fn a_task_that_is_a_role_and_no_program_is_refused() {
    let service = Service::of_words("print x", "<Startup><Task commandLine=\"setup.cmd\" /></Startup>");
    service.put("role-misbehave", "W/setup.wasm");
    let (problem, _) = refused(service).await;
    assert!(
        problem.starts_with("Svc.csdef:3:10: start-up task `setup.cmd` of role W is no program"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_content_that_is_not_there_is_named_with_its_line() {
    let contents =
        "<Contents>\n<Content destination=\"x\"><SourceDirectory path=\"nowhere\" /></Content></Contents>";
    let Err(error) = Service::of_words("print x", contents).try_start().await else { panic!("it started") };
    assert!(matches!(error.problems(), [Problem::Content(_)]), "{error}");
    assert!(
        error.to_string().starts_with("Svc.csdef:4:1: the content of role W cannot be copied"),
        "{error}"
    );
}
