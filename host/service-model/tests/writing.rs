//! Models written as files.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod promises;

use std::fs;
use std::path::Path;

use promises::{From, assert_comes_back, read, source, without_places};
use wasm_roles_service_model::{
    Code, Options, Outcome, ServiceModel, Source, write_configuration, write_definition,
};

fn model(definition: &str, configuration: &str) -> ServiceModel {
    let outcome =
        read(&source("a.csdef", definition), Some(&source("a.cscfg", configuration)), &Options::default());
    outcome.model.unwrap()
}

/// Old forms, other spellings, blocks in an order of their own.
const OLD_DEFINITION: &str = r#"<?xml version="1.0"?>
<s:ServiceDefinition xmlns:s="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition"
    name='Shop' upgradeDomainCount="5" topologyChangeDiscovery="blast">
  <!-- The shop. -->
  <s:NetworkTrafficRules>
    <s:OnlyAllowTrafficTo>
      <s:WhenSource matches="anyRule"><s:FromRole roleName="Front"/></s:WhenSource>
      <s:Destinations><s:RoleEndpoint endpointName="Orders" roleName="Back"/></s:Destinations>
    </s:OnlyAllowTrafficTo>
  </s:NetworkTrafficRules>
  <s:WebRole name="Front" vmsize="medium">
    <s:InputEndpoints>
      <s:InputEndpoint name="Http" protocol="HTTP" port="80" localPort="80"/>
    </s:InputEndpoints>
    <s:LocalStorage name="Cache" cleanOnRoleRecycle="0"/>
  </s:WebRole>
  <s:WorkerRole name="Back">
    <s:Endpoints><s:InternalEndpoint name="Orders" protocol="tcp" port="99"/></s:Endpoints>
    <s:ConfigurationSettings><s:Setting name="Path"/></s:ConfigurationSettings>
    <s:Runtime>
      <s:EntryPoint>
        <s:ProgramEntryPoint commandLine="  'back.wasm' &quot;--name=R&amp;D team&quot;" setReadyOnProcessStart="1"/>
      </s:EntryPoint>
    </s:Runtime>
  </s:WorkerRole>
</s:ServiceDefinition>"#;

const OLD_CONFIGURATION: &str = r#"
<ServiceConfiguration xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration"
    serviceName="Shop" osFamily="4">
  <Role name="Back">
    <ConfigurationSettings><Setting value='C:\"a"&#10;' name="Path"/></ConfigurationSettings>
    <Instances count="2"/>
  </Role>
  <Role name="Front"><Instances count="1"/></Role>
</ServiceConfiguration>"#;

const DEFINITION: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ServiceDefinition name="Shop" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition" topologyChangeDiscovery="Blast">
  <WebRole name="Front" vmsize="Medium">
    <LocalResources>
      <LocalStorage name="Cache" sizeInMB="100" cleanOnRoleRecycle="false" />
    </LocalResources>
    <Endpoints>
      <InputEndpoint name="Http" protocol="http" port="80" />
    </Endpoints>
  </WebRole>
  <WorkerRole name="Back" vmsize="Small">
    <ConfigurationSettings>
      <Setting name="Path" />
    </ConfigurationSettings>
    <Endpoints>
      <InternalEndpoint name="Orders" protocol="tcp">
        <FixedPort port="99" />
      </InternalEndpoint>
    </Endpoints>
    <Runtime>
      <EntryPoint>
        <ProgramEntryPoint commandLine="back.wasm &quot;--name=R&amp;D team&quot;" setReadyOnProcessStart="true" />
      </EntryPoint>
    </Runtime>
  </WorkerRole>
  <NetworkTrafficRules>
    <OnlyAllowTrafficTo>
      <Destinations>
        <RoleEndpoint endpointName="Orders" roleName="Back" />
      </Destinations>
      <WhenSource matches="AnyRule">
        <FromRole roleName="Front" />
      </WhenSource>
    </OnlyAllowTrafficTo>
  </NetworkTrafficRules>
</ServiceDefinition>
"#;

const CONFIGURATION: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ServiceConfiguration serviceName="Shop" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration" osFamily="4">
  <Role name="Front">
    <Instances count="1" />
  </Role>
  <Role name="Back">
    <Instances count="2" />
    <ConfigurationSettings>
      <Setting name="Path" value="C:\&quot;a&quot;&#10;" />
    </ConfigurationSettings>
  </Role>
</ServiceConfiguration>
"#;

#[test]
fn old_files_are_written_in_the_modern_form() {
    let model = model(OLD_DEFINITION, OLD_CONFIGURATION);
    assert_eq!(write_definition(&model), DEFINITION);
    assert_eq!(write_configuration(&model), CONFIGURATION);
}

#[test]
fn modern_files_are_written_as_they_are() {
    let model = model(DEFINITION, CONFIGURATION);
    assert_eq!(write_definition(&model), DEFINITION);
    assert_eq!(write_configuration(&model), CONFIGURATION);
}

#[test]
fn a_setting_of_the_configuration_alone_is_declared_when_its_name_can_be() {
    let configuration = CONFIGURATION.replace(
        "<Instances count=\"1\" />",
        "<Instances count=\"1\" /><ConfigurationSettings><Setting name=\"New\" value=\"1\" />\
         <Setting name=\"9: odd\" value=\"2\" /></ConfigurationSettings>",
    );
    let model = model(DEFINITION, &configuration);
    let written = source("a.csdef", write_definition(&model));
    let configuration = source("a.cscfg", write_configuration(&model));
    let outcome = read(&written, Some(&configuration), &Options::default());
    let undeclared = outcome.diagnostics.iter().filter(|found| found.code == Code::UndeclaredSetting);
    let messages: Vec<&str> = undeclared.map(|found| found.message.as_str()).collect();
    assert_eq!(messages, ["role `Front` declares no setting `9: odd`"]);
    assert_comes_back(&model, From::BothFiles, &Options::default());
}

#[test]
fn the_comparison_sees_values_and_no_places() {
    let model_of = |definition: &str| model(definition, CONFIGURATION);
    let first = model_of(DEFINITION);
    let moved = model_of(&DEFINITION.replace('\n', "\n\n"));
    assert_ne!(first, moved);
    assert_eq!(without_places(&first), without_places(&moved));
    let other = model_of(&DEFINITION.replace("port=\"99\"", "port=\"98\""));
    assert_ne!(without_places(&first), without_places(&other));
}

/// Every definition in a folder and those in it, with the configuration of the same name when there is one.
fn readings(folder: &Path, options: &Options) -> Vec<(Outcome, From)> {
    let source = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        fs::read(path).ok().map(|bytes| Source::decode(name, &bytes).unwrap())
    };
    let mut outcomes = Vec::new();
    for path in fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            outcomes.extend(readings(&path, options));
        } else if path.extension().is_some_and(|extension| extension == "csdef") {
            let (definition, configuration) = (source(&path).unwrap(), source(&path.with_extension("cscfg")));
            let from = if configuration.is_some() { From::BothFiles } else { From::Definition };
            outcomes.push((read(&definition, configuration.as_ref(), options), from));
        }
    }
    outcomes
}

#[test]
fn every_good_file_comes_back() {
    // The last one is a collection of real files, which may lie beside the workspace.
    for (folder, is_required) in
        [("tests/ok", true), ("tests/seeds", true), ("../../../shared/corpus", false)]
    {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let options = Options::default();
        let readings = readings(&folder, &options).into_iter();
        let models: Vec<(ServiceModel, From)> =
            readings.filter_map(|(outcome, from)| Some((outcome.model?, from))).collect();
        assert!(!models.is_empty() || !is_required, "{}", folder.display());
        for (model, from) in &models {
            assert_comes_back(model, *from, &options);
        }
    }
}
