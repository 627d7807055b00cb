//! What a role can ask about itself and its deployment (facts: section 8.4), asked by a guest.

use std::net::Ipv4Addr;
use std::sync::Arc;

use wasm_roles_role_runtime::{
    EndpointKind, EndpointView, EnvironmentView, InstanceView, LocalResourceView, Protocol, RoleView,
};

use crate::bed::{Bed, environment};

fn endpoint(name: &str, kind: EndpointKind, protocol: Protocol, port: u16) -> EndpointView {
    EndpointView {
        name: name.to_owned(),
        kind,
        protocol,
        address: Ipv4Addr::new(10, 0, 0, 4),
        port,
        port_max: None,
        public_port: None,
    }
}

fn view() -> EnvironmentView {
    let current = InstanceView {
        id: "Worker_IN_3".to_owned(),
        role: "Worker".to_owned(),
        fault_domain: 1,
        update_domain: 3,
        endpoints: vec![
            EndpointView {
                public_port: Some(443),
                ..endpoint("Front", EndpointKind::Input, Protocol::Https, 8443)
            },
            EndpointView {
                public_port: Some(10003),
                ..endpoint("Own", EndpointKind::InstanceInput, Protocol::Udp, 5000)
            },
            EndpointView {
                port_max: Some(6010),
                ..endpoint("Range", EndpointKind::Internal, Protocol::Tcp, 6000)
            },
            endpoint("Every", EndpointKind::Internal, Protocol::Any, 0),
            endpoint("Page", EndpointKind::Internal, Protocol::Http, 80),
        ],
    };
    let roles = vec![
        RoleView { name: "Worker".to_owned(), instances: [current.clone()].into() },
        RoleView { name: "Hidden".to_owned(), instances: [].into() },
    ];
    let cache =
        LocalResourceView { name: "cache".to_owned(), root_path: "/local/cache".to_owned(), size_mb: 150 };
    EnvironmentView { current, roles, local_resources: vec![cache], ..environment("describe run") }
}

#[tokio::test]
async fn a_role_is_told_all_that_it_may_know_and_unknown_names_are_errors_and_never_a_trap() {
    let bed = Bed::new();
    let component = bed.load("role-events");
    let mut role = bed.start_with(&component, "describe run", |spec| spec.environment = Arc::new(view()));
    let current = "Worker_IN_3 of Worker in 1/3 \
        [Front Input Https 10.0.0.4:8443 last None public Some(443); \
        Own InstanceInput Udp 10.0.0.4:5000 last None public Some(10003); \
        Range Internal Tcp 10.0.0.4:6000 last Some(6010) public None; \
        Every Internal Any 10.0.0.4:0 last None public None; \
        Page Internal Http 10.0.0.4:80 last None public None]";
    let expected = [
        "on-start [] depth=".to_owned(),
        "run [] depth=".to_owned(),
        "deployment 0123456789abcdef0123456789abcdef".to_owned(),
        "available true emulated true".to_owned(),
        format!("current {current}"),
        format!("role Worker: {current}"),
        "role Hidden: ".to_owned(),
        "cache /local/cache 150 MB".to_owned(),
    ];
    for line in expected {
        assert_eq!(role.says().await, line);
    }
    for _ in 0..7 {
        assert_eq!(role.says().await, "unknown true");
    }
}
