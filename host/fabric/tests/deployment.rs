//! The fabric as a library: a service that is planned, started and stopped from a test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use wasm_roles_fabric::approot::Approots;
use wasm_roles_fabric::{
    CertificateOptions, Clock, DEFAULT_STOP_BUDGET, Deployment, DeploymentOptions, EventKind, Problem,
    Publication, Runtime, RuntimeOptions, Seed, StartError, Status,
};
use wasm_roles_service_model::{Options, Source, load};
use wasm_roles_service_plan::{Plan, Port, plan};

/// A program that waits for ever, for nothing:
///
/// ```wat
/// (component
///   (core func $new (canon waitable-set.new))
///   (core module $m
///     (import "" "new" (func $new (result i32)))
///     (func (export "run") (result i32) (i32.or (i32.shl (call $new) (i32.const 4)) (i32.const 2)))
///     (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
///   (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
///   (func $run async (result (result))
///     (canon lift (core func $i "run") async (callback (core func $i "callback"))))
///   (instance $e (export "run" (func $run)))
///   (export "wasi:cli/run@0.3.0" (instance $e)))
/// ```
const IDLE_PROGRAM: &[u8] =
    b"\0asm\x0d\0\x01\0\x08\x02\x01\x1f\x01^\0asm\x01\0\0\0\x01\x0c\x02`\0\x01\x7f`\x03\x7f\x7f\x7f\x01\
\x7f\x02\x08\x01\0\x03new\0\0\x03\x03\x02\0\x01\x07\x12\x02\x03run\0\x01\x08callback\0\x02\x0a\x10\
\x02\x0a\0\x10\0A\x04tA\x02r\x0b\x03\0\0\x0b\0\x11\x04name\0\x02\x01m\x01\x06\x01\0\x03new\x02\x0f\
\x02\x01\x01\x03new\0\0\0\0\x01\0\x12\0\x07\x08\x02j\0\0C\0\0\0\x06\x16\x02\0\0\x01\x01\x03run\0\0\
\x01\x01\x08callback\x08\x09\x01\0\0\x01\x02\x06\x07\x02\x01\x05\x0a\x01\x01\x01\0\x03run\x01\0\x0b\
\x18\x01\0\x12wasi:cli/run@0.3.0\x05\0\0";

/// Two instances of one worker with a public port.
fn two_workers() -> Arc<Plan> {
    const SCHEMA: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10";
    let definition = format!(
        r#"<ServiceDefinition name="Svc" xmlns="{SCHEMA}/ServiceDefinition"><WorkerRole name="Worker"><Endpoints>
            <InputEndpoint name="Front" protocol="tcp" port="81" />
        </Endpoints></WorkerRole></ServiceDefinition>"#
    );
    let configuration = format!(
        r#"<ServiceConfiguration serviceName="Svc" xmlns="{SCHEMA}/ServiceConfiguration">
            <Role name="Worker"><Instances count="2" /></Role></ServiceConfiguration>"#
    );
    let source = |name: &str, text| Source { name: name.to_owned(), text };
    let (definition, configuration) = (source("Svc.csdef", definition), source("Svc.cscfg", configuration));
    let model = load(&definition, Some(&configuration), &Options::default()).model.unwrap();
    Arc::new(plan(&model).unwrap())
}

async fn start(folder: &Path, at: SocketAddr) -> Result<(Deployment, wasm_roles_fabric::Events), StartError> {
    let options = DeploymentOptions {
        approots: Approots::beside(folder),
        publication: Publication { at: [(Port::new(81).unwrap(), at)].into(), ..Publication::default() },
        certificates: CertificateOptions::default(),
        web: wasm_roles_fabric::WebOptions::default(),
        at_rest: std::collections::BTreeSet::new(),
        stop_budget: DEFAULT_STOP_BUDGET,
        data_folder: folder.join("data"),
        emulated: true,
        clock: Clock::new(SystemTime::UNIX_EPOCH),
        seed: Seed::new([7; 32]),
    };
    Deployment::start(&Runtime::new(&RuntimeOptions::default()).unwrap(), two_workers(), options).await
}

fn anywhere() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_becomes_ready_stops_and_tells_every_step() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Worker.wasm"), IDLE_PROGRAM).unwrap();
    let (deployment, mut events) = start(folder.path(), anywhere()).await.unwrap();
    deployment.statuses().all_ready().await;

    let statuses = deployment.statuses();
    let summary = deployment.stop().await;
    assert_eq!((summary.instances.len(), summary.cut_off().count()), (2, 0), "{summary:?}");
    assert_eq!(statuses.with(&[Status::Stopped]).len(), 2);

    let mut steps: BTreeMap<String, Vec<Status>> = BTreeMap::new();
    while let Some(event) = events.next().await {
        if let EventKind::StatusChanged { instance, status } = event.kind {
            steps.entry(instance.to_string()).or_default().push(status);
        }
    }
    let life = vec![Status::Starting, Status::Ready, Status::Stopping, Status::Stopped];
    let expected = [("Worker_IN_0".to_owned(), life.clone()), ("Worker_IN_1".to_owned(), life)];
    assert_eq!(steps, expected.into());
}

#[tokio::test]
async fn a_deployment_that_does_not_start_leaves_no_port_behind() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Worker.wasm"), IDLE_PROGRAM).unwrap();
    let taken = std::net::TcpListener::bind(anywhere()).unwrap();
    let at = taken.local_addr().unwrap();
    let Err(error) = start(folder.path(), at).await else { panic!("it started on a port in use") };
    assert!(matches!(error.problems(), [Problem::Publish(_)]), "{error}");
    drop(taken);
    std::net::TcpListener::bind(at).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_is_dropped_closes_its_ports_and_ends_its_events() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Worker.wasm"), IDLE_PROGRAM).unwrap();
    let (deployment, mut events) = start(folder.path(), anywhere()).await.unwrap();
    let at = deployment.published().iter().next().unwrap().at;
    deployment.statuses().all_ready().await;
    drop(deployment);
    let over = async {
        while events.next().await.is_some() {}
        while tokio::net::TcpStream::connect(at).await.is_ok() {}
    };
    tokio::time::timeout(Duration::from_secs(60), over).await.unwrap();
}
