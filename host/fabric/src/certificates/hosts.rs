//! The hosts of the sites that are bound to an endpoint.

use std::collections::BTreeSet;

use wasm_roles_service_plan::{Plan, RoleName};

/// The host headers of the sites of `role` that are bound to `endpoint`, in lower case.
pub(super) fn hosts_of(plan: &Plan, role: &RoleName, endpoint: &str) -> BTreeSet<String> {
    let sites = plan.role(role).into_iter().flat_map(|role| &role.sites);
    let bindings = sites.flat_map(|site| &site.bindings).filter(|binding| binding.endpoint == endpoint);
    bindings.filter_map(|binding| binding.host.as_ref()).map(|host| host.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_plans::plan_of;

    #[test]
    fn an_endpoint_has_the_hosts_of_the_sites_that_are_bound_to_it() {
        let plan = plan_of(
            r#"<WebRole name="W">
              <Sites>
                <Site name="Shop"><Bindings>
                  <Binding name="A" endpointName="Secure" hostHeader="Shop.example.com" />
                  <Binding name="B" endpointName="Plain" hostHeader="plain.example.com" />
                </Bindings></Site>
                <Site name="Blog"><Bindings><Binding name="A" endpointName="Secure" hostHeader="blog.example.com" /></Bindings></Site>
                <Site name="Rest"><Bindings><Binding name="A" endpointName="Secure" /></Bindings></Site>
              </Sites>
              <Endpoints>
                <InputEndpoint name="Plain" protocol="http" port="80" />
                <InputEndpoint name="Secure" protocol="https" port="443" certificate="Tls" />
              </Endpoints>
              <Certificates><Certificate name="Tls" storeLocation="LocalMachine" storeName="My" /></Certificates>
            </WebRole>"#,
            r#"<Role name="W"><Instances count="1" /><Certificates>
                <Certificate name="Tls" thumbprint="A909502DD82AE41433E6F83886B00D4277A32A7B" thumbprintAlgorithm="sha1" />
            </Certificates></Role>"#,
        );
        let hosts: Vec<String> = hosts_of(&plan, &plan.roles[0].name, "Secure").into_iter().collect();
        assert_eq!(hosts, ["blog.example.com", "shop.example.com"]);
        assert!(hosts_of(&plan, &plan.roles[0].name, "Other").is_empty());
    }
}
