//! What `GET /metrics` tells.

use std::collections::BTreeSet;

use crate::bed::{deployment, raw, serve};
use wasm_roles_control_server::ServerLimits;

#[tokio::test]
async fn the_owner_reads_everything_that_can_be_measured() {
    let server = serve(ServerLimits::default()).await;
    server.client().rollback(&deployment("shop")).await.unwrap();
    server.client().status(&deployment("other")).await.unwrap_err();
    let text = server.client().metrics().await.unwrap();
    let of_shop =
        r#"tenant="default",service="shop",slot="production",deployment="0123456789abcdef0123456789abcdef""#;
    let of_instance = format!(r#"{of_shop},role="Web",instance="Web_IN_0""#);
    let expected = [
        r#"wasm_roles_host_info{version="1.2.3"} 1"#.to_owned(),
        "wasm_roles_host_start_time_seconds 1800000000".to_owned(),
        "wasm_roles_problems 0".to_owned(),
        r#"wasm_roles_control_requests_total{endpoint="status",status="404"} 1"#.to_owned(),
        r#"wasm_roles_control_requests_total{endpoint="rollback",status="202"} 1"#.to_owned(),
        "wasm_roles_control_requests_open 1".to_owned(),
        r#"wasm_roles_tenant_deployments{tenant="default"} 1"#.to_owned(),
        r#"wasm_roles_tenant_instances{tenant="default"} 1"#.to_owned(),
        r#"wasm_roles_tenant_instances_cap{tenant="default"} 10"#.to_owned(),
        r#"wasm_roles_tenant_memory_limit_bytes{tenant="default"} 1048576"#.to_owned(),
        r#"wasm_roles_tenant_public_ports{tenant="default"} 1"#.to_owned(),
        r#"wasm_roles_tenant_public_ports_cap{tenant="default"} 2"#.to_owned(),
        format!(r#"wasm_roles_deployment_state{{{of_shop},state="changing"}} 1"#),
        format!("wasm_roles_deployment_revision{{{of_shop}}} 2"),
        format!(r#"wasm_roles_operation_running{{{of_shop},kind="update"}} 1"#),
        format!(r#"wasm_roles_instances{{{of_shop},role="Web",state="Ready"}} 1"#),
        format!("wasm_roles_instance_cpu_seconds_total{{{of_instance}}} 1.500"),
        format!("wasm_roles_instance_restarts_total{{{of_instance}}} 3"),
        format!("wasm_roles_instance_memory_bytes{{{of_instance}}} 1048576"),
        format!("wasm_roles_instance_memory_limit_bytes{{{of_instance}}} 2097152"),
        format!("wasm_roles_instance_connections_total{{{of_instance}}} 9"),
        format!("wasm_roles_instance_received_bytes_total{{{of_instance}}} 10"),
        format!("wasm_roles_instance_sent_bytes_total{{{of_instance}}} 11"),
    ];
    let samples: BTreeSet<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(samples, expected.iter().map(String::as_str).collect());
}

#[tokio::test]
async fn every_family_has_one_head_and_its_samples_stand_below_it() {
    let server = serve(ServerLimits::default()).await;
    let text = server.client().metrics().await.unwrap();
    let (mut families, mut current) = (BTreeSet::new(), String::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            current = help.split(' ').next().unwrap().to_owned();
            assert!(families.insert(current.clone()), "{current} has two heads");
            let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {current} ")).unwrap();
            assert_eq!(kind == "counter", current.ends_with("_total"), "{current} is a {kind}");
        } else {
            assert_eq!(line.split(['{', ' ']).next(), Some(current.as_str()));
        }
    }
    assert!(families.len() > 15, "{families:?}");
}

#[tokio::test]
async fn at_the_address_for_metrics_there_is_nothing_else() {
    let server = serve(ServerLimits::default()).await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    let answer = raw(&server.metrics_url, &get("/metrics")).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("wasm_roles_tenant_instances"),
        "{answer}"
    );
    for other in ["/v1/host", "/v1/services/shop/production", "/v1/services/shop/production/logs"] {
        assert!(raw(&server.metrics_url, &get(other)).await.starts_with("HTTP/1.1 404 "), "{other}");
    }
    let rollback = "POST /v1/services/shop/production/rollback HTTP/1.1\r\nhost: x\r\n\r\n";
    assert!(raw(&server.metrics_url, rollback).await.starts_with("HTTP/1.1 404 "));
    assert!(server.fake.calls().iter().all(|call| !call.contains("rollback")));
}

#[tokio::test]
async fn a_tenant_reads_its_own_and_nothing_of_the_host() {
    let server = serve(ServerLimits::default()).await;
    server.client_of("b").host().await.unwrap();
    let text = server.client_of("a").metrics().await.unwrap();
    assert!(text.contains(r#"wasm_roles_tenant_instances{tenant="a"} 1"#), "{text}");
    assert!(!text.contains("control_requests") && !text.contains(r#"tenant="b""#), "{text}");
}

#[tokio::test]
async fn every_metric_is_in_the_documentation_and_nothing_else() {
    let server = serve(ServerLimits::default()).await;
    server.client().host().await.unwrap();
    let text = server.client().metrics().await.unwrap();
    let told = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    // Caps are described together with what they cap.
    let told: BTreeSet<&str> = told.filter(|name| !name.ends_with("_cap")).collect();
    let page = include_str!("../../../../docs/control-interface.md");
    let words = page.split('`').filter(|word| word.starts_with("wasm_roles_"));
    assert_eq!(words.collect::<BTreeSet<_>>(), told);
}
