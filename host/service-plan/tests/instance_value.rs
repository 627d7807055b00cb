//! What the xpath of a `RoleInstanceValue` selects.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod services;

use services::{instance, zoo};
use wasm_roles_service_model::InstanceValue;
use wasm_roles_service_plan::{InstanceFacts, ValueError, instance_value};

fn value(id: &str, xpath: &str) -> Result<String, ValueError> {
    let plan = zoo();
    let facts = InstanceFacts {
        deployment_id: "deployment-1",
        emulated: true,
        local_path: &|store| format!("/local/{store}"),
    };
    instance_value(&InstanceValue::parse(xpath).unwrap(), &plan, instance(&plan, id), &facts)
}

fn of_instance(id: &str, rest: &str) -> Result<String, ValueError> {
    value(id, &format!("/RoleEnvironment/CurrentInstance/{rest}"))
}

#[test]
fn every_documented_path_has_its_value() {
    assert_eq!(value("Front_IN_1", "/RoleEnvironment/Deployment/@id").unwrap(), "deployment-1");
    assert_eq!(value("Front_IN_1", "/RoleEnvironment/Deployment/@emulated").unwrap(), "true");
    let table = [
        ("@id", "Front_IN_1"),
        ("@roleName", "Front"),
        ("@updateDomain", "1"),
        ("@faultDomain", "1"),
        ("ConfigurationSettings/ConfigurationSetting[@name='Greeting']/@value", "Hello"),
        ("LocalResources/LocalResource[@name='Cache']/@path", "/local/Cache"),
        ("LocalResources/LocalResource[@name='Cache']/@sizeInMB", "50"),
        ("LocalResources/LocalResource[@name='Logs']/@sizeInMB", "100"),
        ("Endpoints/Endpoint[@name='HttpIn']/@protocol", "http"),
        ("Endpoints/Endpoint[@name='HttpIn']/@address", "10.0.0.5"),
        ("Endpoints/Endpoint[@name='HttpIn']/@port", "8080"),
        ("Endpoints/Endpoint[@name='HttpIn']/@publicPort", "80"),
        ("Endpoints/Endpoint[@name='Direct']/@port", "20000"),
        ("Endpoints/Endpoint[@name='Direct']/@publicPort", "10106"),
        ("Endpoints/Endpoint[@name='Datagrams']/@protocol", "udp"),
    ];
    for (xpath, expected) in table {
        assert_eq!(of_instance("Front_IN_1", xpath).as_deref(), Ok(expected), "{xpath}");
    }
}

#[test]
fn of_several_ports_the_first_declared_one_counts() {
    assert_eq!(of_instance("Back_IN_0", "Endpoints/Endpoint[@name='Ranges']/@port").unwrap(), "7100");
}

#[test]
fn what_an_instance_lacks_is_an_error_that_names_it() {
    let error = |id: &str, xpath: &str| of_instance(id, xpath).unwrap_err().to_string();
    let table = [
        (
            "Front_IN_0",
            "ConfigurationSettings/ConfigurationSetting[@name='X']/@value",
            "role Front has no setting X",
        ),
        ("Front_IN_0", "LocalResources/LocalResource[@name='X']/@path", "role Front has no local store X"),
        ("Front_IN_0", "Endpoints/Endpoint[@name='X']/@address", "role Front has no endpoint X"),
        (
            "Back_IN_0",
            "Endpoints/Endpoint[@name='Listed']/@publicPort",
            "endpoint Listed of role Back is internal and has no public port",
        ),
        (
            "R&D_IN_0",
            "Endpoints/Endpoint[@name='Everything']/@port",
            "endpoint Everything of role R&D is on every port, so there is no one port to tell; name a port",
        ),
    ];
    for (id, xpath, expected) in table {
        assert_eq!(error(id, xpath), expected);
    }
}
