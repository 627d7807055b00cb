//! `wasm-roles new`: a new service from a template.

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;
use wasm_roles_service_plan::RoleName;
use wasm_roles_workshop::{MissingTool, NewService, Project, Template, ToolSearch, quoted};

use super::Ending;
use crate::arguments::NewArguments;
use crate::failure::Failure;
use crate::output;

/// Makes a service and says what to do with it.
pub fn new(arguments: &NewArguments) -> Result<Ending> {
    let service = NewService {
        name: arguments.name.clone(),
        language: arguments.lang.into(),
        template: arguments.template.into(),
    };
    let folder = arguments.folder.as_deref().unwrap_or(Path::new(service.name.as_str()));
    service.make(folder).map_err(Failure::from)?;
    output::print(told(&service, folder, &missing(&service, folder)))?;
    Ok(Ending::Done)
}

/// The tools that its language needs and that are not there.
fn missing(service: &NewService, folder: &Path) -> Vec<MissingTool> {
    let Some(role) = service.template.roles().first().and_then(|role| RoleName::new(role).ok()) else {
        return Vec::new();
    };
    let Ok(folder) = folder.canonicalize() else { return Vec::new() };
    let source = folder.join("roles").join(role.as_str());
    let project = Project::new(folder, source, role);
    service.language.recipe().tools(&project, &ToolSearch::of_process()).err().unwrap_or_default()
}

fn told(service: &NewService, folder: &Path, missing: &[MissingTool]) -> String {
    let NewService { name, language, template } = service;
    let roles = template.roles().join(" and ");
    let plural = if template.roles().len() == 1 { "role" } else { "roles" };
    let mut text = format!("{name} is made in {}: {plural} {roles} in {language}\n\n", folder.display());
    let files = service.files();
    let sdk = format!("sdk/{}/", language.name());
    for place in files.keys().filter(|place| !place.starts_with(&sdk)) {
        let _ = writeln!(text, "  {place}");
    }
    let _ = writeln!(text, "  {sdk}");
    for tool in missing {
        let _ = write!(text, "\nnote: {tool}, and building needs it\n  hint: {}\n", tool.get);
    }
    let then = match template {
        Template::Worker => "then `curl -s telnet://127.0.0.1:10100 </dev/null`",
        Template::Web | Template::Service => "then open http://127.0.0.1:8080/",
    };
    let folder = quoted(&folder.display().to_string());
    let _ = write!(text, "\nNext:\n  cd {folder}\n  wasm-roles build\n  wasm-roles run      # {then}\n");
    text
}
