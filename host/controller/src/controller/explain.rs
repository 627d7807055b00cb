//! Who may talk to whom, as the plan that runs has it.

use wasm_roles_control_interface::{
    DeploymentRef, ExplainQuery, ExplainedEndpoint, Explanation, Refusal, RefusalCode, TenantName,
};
use wasm_roles_service_plan::{INTERNET, explain, explain_outbound};

use super::Controller;
use crate::words::some_of;

impl Controller {
    /// Explains whether one role may reach another one, or the world outside.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::NotFound`] for names that the deployment does not have.
    pub fn explain(
        &self,
        tenant: &TenantName,
        who: &DeploymentRef,
        query: &ExplainQuery,
    ) -> Result<Explanation, Refusal> {
        let unit = self.0.find(tenant, who)?;
        let seen = unit.seen().ok_or_else(|| unit.does_not_run())?;
        let plan = &seen.plan;
        let unknown = |error: wasm_roles_service_plan::ExplainError| {
            let roles = some_of(plan.roles.iter().map(|role| role.name.as_str()));
            Refusal::new(RefusalCode::NotFound, error.to_string())
                .hint(format!("the roles are {roles}; the world outside is {INTERNET}"))
        };
        let (from, endpoint) = (query.from.as_str(), query.endpoint.as_deref());
        let is_role = plan.roles.iter().any(|role| role.name.as_str().eq_ignore_ascii_case(&query.to));
        if query.to.eq_ignore_ascii_case(INTERNET) && !is_role {
            let explained = explain_outbound(plan, &seen.rules, from, endpoint).map_err(unknown)?;
            let answers = explained.answers.iter();
            return Ok(Explanation {
                from: explained.from.to_string(),
                to: INTERNET.to_owned(),
                allowed: explained.allowed(),
                answers: answers
                    .map(|answer| ExplainedEndpoint {
                        allowed: answer.by.is_some(),
                        text: answer.to_string(),
                    })
                    .collect(),
            });
        }
        let explained = explain(plan, from, &query.to, endpoint).map_err(unknown)?;
        let answers = explained.answers.iter();
        Ok(Explanation {
            from: explained.from.clone(),
            to: explained.to.to_string(),
            allowed: explained.allowed(),
            answers: answers
                .map(|answer| ExplainedEndpoint { allowed: answer.allowed, text: answer.to_string() })
                .collect(),
        })
    }
}
