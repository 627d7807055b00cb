//! Plans for tests, from a few lines of definition.

use wasm_roles_service_model::{Options, ServiceModel, Source, load};
use wasm_roles_service_plan::{Availability, Plan, PlannedProbe, plan};

/// The plan of a service with these role elements and these `Role` elements of a configuration.
pub(crate) fn plan_of(roles: &str, configuration: &str) -> Plan {
    plan_with("", roles, configuration)
}

/// A probe with these attributes.
pub(crate) fn probe_of(attributes: &str) -> PlannedProbe {
    let plan = plan_of(
        &format!(
            r#"<LoadBalancerProbes><LoadBalancerProbe name="Page" {attributes} /></LoadBalancerProbes>
               <WorkerRole name="W"><Endpoints>
                   <InputEndpoint name="A" protocol="tcp" port="81" loadBalancerProbe="Page" />
               </Endpoints></WorkerRole>"#
        ),
        r#"<Role name="W"><Instances count="1" /></Role>"#,
    );
    match plan.public.into_iter().next().map(|public| public.availability) {
        Some(Availability::Probed(probe)) => probe,
        other => panic!("{other:?}"),
    }
}

/// The same with these attributes of the definition.
pub(crate) fn plan_with(attributes: &str, roles: &str, configuration: &str) -> Plan {
    plan(&model_with(attributes, roles, configuration)).unwrap()
}

/// The model of such a service.
pub(crate) fn model_with(attributes: &str, roles: &str, configuration: &str) -> ServiceModel {
    const NAMESPACE: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10";
    let definition = format!(
        r#"<ServiceDefinition name="Svc" {attributes} xmlns="{NAMESPACE}/ServiceDefinition">{roles}</ServiceDefinition>"#
    );
    let configuration = format!(
        r#"<ServiceConfiguration serviceName="Svc" xmlns="{NAMESPACE}/ServiceConfiguration">{configuration}</ServiceConfiguration>"#
    );
    let definition = Source { name: "Svc.csdef".to_owned(), text: definition };
    let configuration = Source { name: "Svc.cscfg".to_owned(), text: configuration };
    let outcome = load(&definition, Some(&configuration), &Options::default());
    outcome.model.unwrap_or_else(|| panic!("{:#?}", outcome.diagnostics))
}
