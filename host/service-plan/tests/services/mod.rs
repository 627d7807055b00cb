//! Services for tests: from text to plan.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::net::{SocketAddr, SocketAddrV4};
use std::path::Path;

use wasm_roles_service_model::{Options, ServiceModel, Source, load, render};
use wasm_roles_service_plan::{Plan, PlannedInstance, plan};

/// The plan of a definition's body with these instance counts.
pub fn plan_of(body: &str, counts: &[(&str, u32)]) -> Plan {
    plan(&model_of(body, counts)).unwrap()
}

/// The model of a definition's body with these instance counts.
pub fn model_of(body: &str, counts: &[(&str, u32)]) -> ServiceModel {
    let roles: Vec<(&str, u32, &str)> = counts.iter().map(|(name, count)| (*name, *count, "")).collect();
    model_with(body, &roles)
}

/// The model of a definition's body, with the instance count and other configuration of each role.
fn model_with(body: &str, roles: &[(&str, u32, &str)]) -> ServiceModel {
    configured("name=\"Test\"", "Test", body, roles)
}

/// The model of a definition with these attributes, one of which names the service.
pub fn model_from(attributes: &str, service: &str, body: &str, counts: &[(&str, u32)]) -> ServiceModel {
    let roles: Vec<(&str, u32, &str)> = counts.iter().map(|(name, count)| (*name, *count, "")).collect();
    configured(attributes, service, body, &roles)
}

fn configured(attributes: &str, service: &str, body: &str, roles: &[(&str, u32, &str)]) -> ServiceModel {
    let namespace = "http://schemas.microsoft.com/ServiceHosting/2008/10";
    let definition = format!(
        "<ServiceDefinition {attributes} xmlns=\"{namespace}/ServiceDefinition\">\n{body}\n</ServiceDefinition>"
    );
    let roles: Vec<String> = roles
        .iter()
        .map(|(name, count, more)| {
            format!("<Role name=\"{name}\"><Instances count=\"{count}\" />{more}</Role>")
        })
        .collect();
    let configuration = format!(
        "<ServiceConfiguration serviceName=\"{service}\" xmlns=\"{namespace}/ServiceConfiguration\">{}</ServiceConfiguration>",
        roles.concat()
    );
    model(&source("test.csdef", definition), &source("test.cscfg", configuration))
}

/// The plan of scenario 1 to 4 of the communication document, two instances of each role.
pub fn scenario(number: u32) -> Plan {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../service-model/tests/ok");
    let read = |extension: &str| {
        let name = format!("scenario-{number}.{extension}");
        source(&name, fs::read_to_string(folder.join(&name)).unwrap())
    };
    plan(&model(&read("csdef"), &read("cscfg"))).unwrap()
}

/// The instance with this id.
pub fn instance<'a>(plan: &'a Plan, id: &str) -> &'a PlannedInstance {
    plan.instances.iter().find(|instance| instance.id.as_str() == id).unwrap()
}

/// Where an endpoint of an instance listens.
pub fn address_of(plan: &Plan, id: &str, endpoint: &str) -> SocketAddr {
    let instance = instance(plan, id);
    let endpoint = instance.endpoints.iter().find(|known| known.name == endpoint).unwrap();
    SocketAddrV4::new(instance.address, endpoint.port).into()
}

fn source(name: &str, text: String) -> Source {
    Source { name: name.to_owned(), text }
}

fn model(definition: &Source, configuration: &Source) -> ServiceModel {
    let outcome = load(definition, Some(configuration), &Options::default());
    let report = render(&outcome.diagnostics, &[definition, configuration], false);
    outcome.model.unwrap_or_else(|| panic!("{report}"))
}

/// Compares with `tests/golden/<name>`; `BLESS=1 cargo test` rewrites the file.
pub fn assert_golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        actual == expected,
        "{} says otherwise (BLESS=1 accepts it):\n{actual}\nexpected:\n{expected}",
        path.display()
    );
}

/// A service with every kind of endpoint and every kind of traffic rule.
pub const ZOO: &str = r#"
    <WebRole name="Front" vmsize="ExtraSmall">
      <Sites><Site name="Web"><Bindings><Binding name="B" endpointName="HttpIn" /></Bindings></Site></Sites>
      <ConfigurationSettings><Setting name="Greeting" /></ConfigurationSettings>
      <LocalResources>
        <LocalStorage name="Cache" sizeInMB="50" /><LocalStorage name="Logs" cleanOnRoleRecycle="false" />
      </LocalResources>
      <Endpoints>
        <InputEndpoint name="HttpIn" protocol="http" port="80" localPort="8080" />
        <InputEndpoint name="Stream" protocol="tcp" port="5000" localPort="*" />
        <InputEndpoint name="Datagrams" protocol="udp" port="5000" />
        <InstanceInputEndpoint name="Direct" protocol="tcp" localPort="20000">
          <AllocatePublicPortFrom><FixedPortRange min="10105" max="10109" /></AllocatePublicPortFrom>
        </InstanceInputEndpoint>
        <InternalEndpoint name="Peers" protocol="tcp" />
      </Endpoints>
    </WebRole>
    <WorkerRole name="Back">
      <Endpoints>
        <InternalEndpoint name="Listed" protocol="tcp" />
        <InternalEndpoint name="Ranges" protocol="tcp">
          <FixedPortRange min="7100" max="7109" /><FixedPort port="7000" /><FixedPortRange min="7105" max="7110" />
        </InternalEndpoint>
        <InternalEndpoint name="Open" protocol="http" port="*" />
        <InternalEndpoint name="Nobody" protocol="udp" port="53" />
      </Endpoints>
    </WorkerRole>
    <WorkerRole name="R&amp;D" vmsize="Large">
      <Endpoints>
        <InternalEndpoint name="Secret" protocol="tcp" port="9000" />
        <InternalEndpoint name="Everything" protocol="any" />
      </Endpoints>
    </WorkerRole>
    <WorkerRole name="Silent" />
    <NetworkTrafficRules>
      <OnlyAllowTrafficTo>
        <Destinations>
          <RoleEndpoint roleName="Back" endpointName="Listed" />
          <RoleEndpoint roleName="R&amp;D" endpointName="Secret" />
        </Destinations>
        <WhenSource matches="AnyRule"><FromRole roleName="Front" /><FromRole roleName="R&amp;D" /></WhenSource>
      </OnlyAllowTrafficTo>
      <OnlyAllowTrafficTo>
        <Destinations><RoleEndpoint roleName="Back" endpointName="Open" /></Destinations>
        <AllowAllTraffic />
      </OnlyAllowTrafficTo>
      <OnlyAllowTrafficTo>
        <Destinations><RoleEndpoint roleName="Back" endpointName="Nobody" /></Destinations>
        <WhenSource matches="AnyRule" />
      </OnlyAllowTrafficTo>
      <OnlyAllowTrafficTo>
        <Destinations><RoleEndpoint roleName="R&amp;D" endpointName="Everything" /></Destinations>
        <WhenSource matches="AnyRule"><FromRole roleName="Back" /></WhenSource>
      </OnlyAllowTrafficTo>
    </NetworkTrafficRules>"#;

/// The plan of [`ZOO`].
pub fn zoo() -> Plan {
    zoo_with([2, 1, 1, 0])
}

/// The plan of [`ZOO`] with these instance counts of its roles.
pub fn zoo_with(counts: [u32; 4]) -> Plan {
    plan(&zoo_model(counts)).unwrap()
}

/// The model of [`ZOO`] with these instance counts of its roles.
pub fn zoo_model([front, back, research, silent]: [u32; 4]) -> ServiceModel {
    let settings =
        "<ConfigurationSettings><Setting name=\"Greeting\" value=\"Hello\" /></ConfigurationSettings>";
    let roles =
        [("Front", front, settings), ("Back", back, ""), ("R&amp;D", research, ""), ("Silent", silent, "")];
    model_with(ZOO, &roles)
}
