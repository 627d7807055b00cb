//! The environment variables of an instance's program and of its start-up tasks (facts: sections 2.6 and 8.3).
//!
//! | both get | it is |
//! |---|---|
//! | `RoleRoot`, and by its older name `RdRoleRoot` | the folder that has `approot` in it |
//! | `RoleName`, `RoleInstanceID`, `RoleDeploymentID` | who they are |
//! | `RdRoleId` | the instance id, for libraries that look for it there |
//! | `TEMP`, `TMP` | the instance's folder for temporary files |
//!
//! Beyond those each sees only what the definition says in its own `Environment`; what that sets wins. Nothing of the
//! host's own environment is seen. The variables of plug-ins (`RdModuleName`, `WaRoleType`) and those of the platform's own
//! agent are not there: there are no such tasks, and there is no agent.

use wasm_roles_service_plan::{
    EnvironmentVariable, InstanceFacts, Plan, PlannedInstance, PlannedRole, RoleName, Span, ValueError,
    VariableValue, instance_value,
};

use crate::approot::ROLE_ROOT;
use crate::storage::GUEST_TEMPORARY;
use crate::view::local_path;

/// A variable has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{span}: variable {variable} of role {role} has no value: {source}")]
pub struct VariableError {
    /// The role.
    pub role: RoleName,
    /// The variable.
    pub variable: String,
    /// Where the definition declares it.
    pub span: Span,
    /// Why.
    pub source: ValueError,
}

/// What is true for a whole deployment.
#[derive(Clone, Copy)]
pub(crate) struct DeploymentFacts<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) deployment_id: &'a str,
    pub(crate) emulated: bool,
}

/// The environment of a program of `instance` for which the definition has `declared`.
///
/// # Errors
///
/// A `RoleInstanceValue` selects nothing.
pub(crate) fn variables(
    declared: &[EnvironmentVariable],
    instance: &PlannedInstance,
    deployment: DeploymentFacts<'_>,
) -> Result<Vec<(String, String)>, Box<VariableError>> {
    let DeploymentFacts { plan, deployment_id, emulated } = deployment;
    let facts = InstanceFacts { deployment_id, emulated, local_path: &local_path };
    let given = [
        ("RoleRoot", ROLE_ROOT),
        ("RdRoleRoot", ROLE_ROOT),
        ("RoleName", instance.role.as_str()),
        ("RoleInstanceID", instance.id.as_str()),
        ("RdRoleId", instance.id.as_str()),
        ("RoleDeploymentID", deployment_id),
        ("TEMP", GUEST_TEMPORARY),
        ("TMP", GUEST_TEMPORARY),
    ];
    // The names come from a system that does not tell upper from lower case in them.
    let is_declared =
        |name: &str| declared.iter().any(|variable| variable.name.as_str().eq_ignore_ascii_case(name));
    let given = given.iter().filter(|(name, _)| !is_declared(name));
    let mut all: Vec<(String, String)> =
        given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    for variable in declared {
        let value = match &variable.value {
            VariableValue::Text(text) => Ok(text.clone()),
            VariableValue::OfInstance(value) => instance_value(value, plan, instance, &facts),
        };
        let error = |source| {
            Box::new(VariableError {
                role: instance.role.clone(),
                variable: variable.name.to_string(),
                span: variable.span.clone(),
                source,
            })
        };
        all.push((variable.name.to_string(), value.map_err(error)?));
    }
    Ok(all)
}

/// The variables of a plan that have no value. Whether one has is the same for all instances of a role.
pub(crate) fn without_value(plan: &Plan) -> Vec<VariableError> {
    let deployment = DeploymentFacts { plan, deployment_id: "", emulated: false };
    let one_of = |role: &PlannedRole| plan.instances.iter().find(|instance| instance.role == role.name);
    let mut errors = Vec::new();
    for (role, instance) in plan.roles.iter().filter_map(|role| Some((role, one_of(role)?))) {
        let of_tasks = role.startup_tasks.iter().map(|task| &task.environment);
        for variable in of_tasks.chain([&role.environment]).flatten() {
            errors.extend(
                variables(std::slice::from_ref(variable), instance, deployment).err().map(|error| *error),
            );
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_plans::plan_of;

    const ROLE: &str = r#"<WorkerRole name="W">
        <Startup><Task commandLine="setup.cmd">
            <Environment><Variable name="T" value="of the task" /></Environment>
        </Task></Startup>
        <LocalResources><LocalStorage name="Cache" sizeInMB="7" /></LocalResources>
        <Endpoints><InternalEndpoint name="All" protocol="any" /></Endpoints>
        <Runtime><Environment>
            <Variable name="Id"><RoleInstanceValue xpath="/RoleEnvironment/CurrentInstance/@id" /></Variable>
            <Variable name="Deployment"><RoleInstanceValue xpath="/RoleEnvironment/Deployment/@id" /></Variable>
            <Variable name="Cache"><RoleInstanceValue
                xpath="/RoleEnvironment/CurrentInstance/LocalResources/LocalResource[@name='Cache']/@path" /></Variable>
            <Variable name="Empty" value="" />
            <Variable name="ROLENAME" value="of my own" />
            <Variable name="Temp" value="/local/Cache" />
        </Environment></Runtime></WorkerRole>"#;
    const COUNT: &str = r#"<Role name="W"><Instances count="2" /></Role>"#;

    type Variables = Vec<(String, String)>;

    /// The variables of the role's program and of its task.
    fn of_instance(role: &str, ordinal: usize) -> (Variables, Variables) {
        let plan = plan_of(role, COUNT);
        let deployment = DeploymentFacts { plan: &plan, deployment_id: "d0", emulated: true };
        let role = &plan.roles[0];
        let of = |declared: &[EnvironmentVariable]| {
            variables(declared, &plan.instances[ordinal], deployment).unwrap()
        };
        (of(&role.environment), of(&role.startup_tasks[0].environment))
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn each_instance_has_values_of_its_own_and_the_definition_wins() {
        let expected = pairs(&[
            ("RoleRoot", "/role"),
            ("RdRoleRoot", "/role"),
            ("RoleInstanceID", "W_IN_1"),
            ("RdRoleId", "W_IN_1"),
            ("RoleDeploymentID", "d0"),
            ("TMP", "/tmp"),
            ("Id", "W_IN_1"),
            ("Deployment", "d0"),
            ("Cache", "/local/Cache"),
            ("Empty", ""),
            ("ROLENAME", "of my own"),
            ("Temp", "/local/Cache"),
        ]);
        assert_eq!(of_instance(ROLE, 1).0, expected);
    }

    #[test]
    fn a_task_sees_none_of_the_roles_variables() {
        let expected = pairs(&[
            ("RoleRoot", "/role"),
            ("RdRoleRoot", "/role"),
            ("RoleName", "W"),
            ("RoleInstanceID", "W_IN_0"),
            ("RdRoleId", "W_IN_0"),
            ("RoleDeploymentID", "d0"),
            ("TEMP", "/tmp"),
            ("TMP", "/tmp"),
            ("T", "of the task"),
        ]);
        assert_eq!(of_instance(ROLE, 0).1, expected);
    }

    #[test]
    fn a_value_that_there_is_not_is_found_before_anything_starts() {
        let xpath = "/RoleEnvironment/CurrentInstance/Endpoints/Endpoint[@name='All']/@port";
        let port = format!(r#"<Variable name="Port"><RoleInstanceValue xpath="{xpath}" /></Variable>"#);
        let role = ROLE.replace(r#"<Variable name="Empty" value="" />"#, &port);
        assert_eq!(without_value(&plan_of(ROLE, COUNT)), []);
        let errors: Vec<String> =
            without_value(&plan_of(&role, COUNT)).iter().map(ToString::to_string).collect();
        let [error] = errors.as_slice() else { panic!("{errors:?}") };
        assert!(error.contains("variable Port of role W has no value: endpoint All"), "{error}");
    }
}
